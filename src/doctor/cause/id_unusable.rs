//! An id that cannot be kept: too long, or with invisible characters.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::say::{self, shown, were};
use crate::doctor::seen::Seen;
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("id_unusable", find);

fn find(group: &Group) -> Option<Found> {
    let mut told = Vec::new();
    for field in [Field::Uid, Field::Eid] {
        let open = group.open(Topic::of(field)).into_iter();
        told.extend(open.filter_map(|(at, seen)| Some((at, field, why(seen, field)?))));
    }
    let (at, field, why) = told.last()?;
    let text = group.arrived.get(*at)?.text(*field).unwrap_or_default();
    let hits = told.iter().map(|(at, field, _)| Hit::new(*at, Topic::of(*field))).collect();
    let hits = group.in_order(hits);
    let sentence = format!(
        "{} refused: {}={} {why}.",
        were(hits.len(), "postback"),
        field.name(),
        shown(text)
    );
    let event = group.event_of(&hits);
    let what = say::write_so(group, *field, event, ", and nothing else");
    Found::new(hits, sentence, say::mend(group, &what))
}

fn why(seen: &Seen, field: Field) -> Option<&'static str> {
    let (long, control) = match field {
        Field::Uid => (Note::UidTooLong, Note::UidControlCharacter),
        _ => (Note::EidTooLong, Note::EidControlCharacter),
    };
    if seen.has(long) {
        return Some("is longer than 256 characters");
    }
    seen.has(control).then_some("has a line break or another invisible character in it")
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn an_id_that_cannot_be_kept_is_found() {
        let long = format!("event=deposit&uid={}&eid=5&value=5", "x".repeat(300));
        let found = found(&[&long]);
        assert_eq!((found[0].cause, found.len()), ("id_unusable", 1));
        assert!(found[0].sentence.contains("xxx… is longer"), "{}", found[0].sentence);
        assert_causes(&["event=deposit&uid=u-1&eid=a%0Ab&value=5"], &["id_unusable"]);
    }

    #[test]
    fn a_long_one_that_fits_is_none() {
        let query = format!("event=deposit&uid=u-1&eid={}&value=5", "x".repeat(256));
        assert_causes(&[&query], &[]);
    }
}

//! One of our parameters came twice, with different values.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::say::{self, counted};
use crate::doctor::seen::Seen;
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("repeated_parameter", find);

fn find(group: &Group) -> Option<Found> {
    let open = group.open(Topic::SHAPE).into_iter();
    let told: Vec<_> = open.filter_map(|(at, seen)| Some((at, repeated(seen)?))).collect();
    let (_, field) = told.last()?;
    let name = field.name();
    let topic = |field: Field| Topic::SHAPE.and(Topic::of(field));
    let hits: Vec<_> = told.iter().map(|(at, field)| Hit::new(*at, topic(*field))).collect();
    let sentence = format!(
        "{} came with {name}= twice and two different values; the first one was taken.",
        counted(hits.len(), "postback")
    );
    let mend = say::mend(group, &format!("leave only one {name}= in the URL"));
    Found::new(hits, sentence, mend)
}

fn repeated(seen: &Seen) -> Option<Field> {
    seen.notes.iter().find_map(|note| match note {
        Note::Repeated(field) => Some(*field),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn two_values_for_one_name_are_found() {
        let found = found(&["event=deposit&uid=u-1&eid=5&value=5&uid=x-2"]);
        assert_eq!((found[0].cause, found.len()), ("repeated_parameter", 1));
        assert!(found[0].mend.contains("only one uid="), "{}", found[0].mend);
    }

    #[test]
    fn the_same_twice_and_an_empty_one_are_none() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&uid=u-1&eid="], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&sub=1&sub=2"], &[]);
    }
}

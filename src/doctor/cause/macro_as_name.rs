//! A macro stands where a parameter's name belongs, and what it fills is missing.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::literal::Literal;
use crate::doctor::say::{self, counted, meant, shown};
use crate::doctor::seen::Seen;
use crate::model::event::EventKind;
use crate::model::note::{Field, Note};
use crate::network::Meaning;

pub const CAUSE: Cause = Cause::new("macro_as_name", find);

fn find(group: &Group) -> Option<Found> {
    let open = group.open(Topic::SHAPE).into_iter().filter(|(_, seen)| seen.has(Note::MacroAsName));
    let named: Vec<_> = open
        .filter_map(|(at, seen)| named(group, seen).map(|(name, field)| (at, name, field)))
        .collect();
    let (_, name, field) = named.last()?;
    let hits: Vec<_> = named
        .iter()
        .map(|(at, _, field)| Hit::new(*at, Topic::SHAPE.and(Topic::of(*field))))
        .collect();
    let sentence = format!(
        "{} came with {}=…, a macro in place of a parameter's name, so the {} in it was not read.",
        counted(hits.len(), "postback"),
        shown(name),
        meant(*field)
    );
    let mend = say::mend(group, &format!("put the name before the macro: {}={name}", field.name()));
    Found::new(hits, sentence, mend)
}

/// The macro in a name's place, and what is missing because of it. Where nothing is, it does no harm.
fn named(group: &Group, seen: &Seen) -> Option<(String, Field)> {
    let names = seen.pairs.iter().filter_map(|(name, _)| Literal::new(name));
    names.filter_map(|literal| Some((field(group, &literal)?, literal))).find_map(
        |(field, literal)| {
            let is_needed = field != Field::Value || seen.is(EventKind::Deposit);
            (is_needed && seen.is_absent(field)).then_some((literal.text, field))
        },
    )
}

/// Which of our parameters a macro belongs in.
fn field(group: &Group, literal: &Literal) -> Option<Field> {
    let means = group.meaning(literal).or_else(|| {
        let mut all = group.packs.iter().filter_map(|pack| pack.meaning(&literal.text));
        all.next()
    });
    Some(match means {
        Some(Meaning::Click) => Field::Uid,
        Some(Meaning::Transaction | Meaning::Session) => Field::Eid,
        Some(Meaning::Deposit | Meaning::Order | Meaning::Commission | Meaning::Amount) => {
            Field::Value
        }
        Some(Meaning::Currency) => Field::Currency,
        Some(Meaning::Event | Meaning::Status) => Field::Event,
        Some(_) => return None,
        None => guessed(&literal.name.to_ascii_lowercase())?,
    })
}

fn guessed(name: &str) -> Option<Field> {
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if has(&["amount", "sum", "payout", "price", "revenue", "value"]) {
        Some(Field::Value)
    } else if has(&["click", "subid", "sub_id", "uid"]) {
        Some(Field::Uid)
    } else if has(&["transaction", "conversion", "txid", "eid"]) {
        Some(Field::Eid)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    #[test]
    fn a_macro_that_lacks_its_name_is_found_where_something_is_missing() {
        let name = "macro_as_name";
        assert_causes(&["event=deposit&uid=u-1&eid=5&{payout}=25"], &[name]);
        assert_causes(&["{event}=deposit&uid=u-1&eid=5&value=25"], &[name]);
        assert_causes_of("quotex", &["event=registration&{click_id}=u-1&eid=5"], &[name]);
        let found = found_of("everflow", &["event=deposit&uid=u-1&eid=5&{sale_amount}=25"]);
        assert!(found[0].mend.ends_with("value={sale_amount}."), "{}", found[0].mend);
    }

    #[test]
    fn one_that_nothing_is_missing_for_does_no_harm() {
        let quirk = "event=deposit&uid=u-1&eid=5&value=25&status={status}&{status}=true";
        assert_causes(&[quirk], &[]);
        assert_causes_of("quotex", &[quirk], &[]);
        assert_causes(&["event=registration&uid=u-1&eid=5&{payout}=0"], &[]);
    }
}

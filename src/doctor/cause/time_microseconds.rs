//! Microseconds or nanoseconds, where milliseconds are meant.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{in_settings, shown, were};
use crate::doctor::seen::Seen;
use crate::model::note::{Field, Note};
use crate::model::time::EventTime;

pub const CAUSE: Cause = Cause::new("time_microseconds", find);

/// Digits of an epoch in milliseconds.
const DIGITS: usize = 13;

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::TIME, &|seen| unit(seen).is_some());
    let newest = group.newest(&hits)?;
    let unit = unit(newest).unwrap_or_default();
    let sentence = format!(
        "{} refused: t={} is a time in {unit}, and read as milliseconds it lies far in the future.",
        were(hits.len(), "postback"),
        shown(newest.text(Field::Time).unwrap_or_default())
    );
    let mend = format!(
        "{} send t in milliseconds (13 digits), or remove it, so that the time of receipt counts.",
        in_settings(group)
    );
    Found::new(hits, sentence, mend)
}

/// The unit in which the time is plausible.
fn unit(seen: &Seen) -> Option<&'static str> {
    let time = seen.text(Field::Time).filter(|_| seen.has(Note::TimeImplausible))?;
    let unit = match time.len() {
        16 => "microseconds",
        19 => "nanoseconds",
        _ => return None,
    };
    let ms = time.get(..DIGITS)?;
    EventTime::parse(ms, seen.at.received_at_ms).is_ok().then_some(unit)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    fn deposit(t: &str) -> String {
        format!("event=deposit&uid=u-1&eid=5&value=5&t={t}")
    }

    #[test]
    fn finer_units_are_found() {
        assert_causes(&[&deposit("1796387200000000")], &["time_microseconds"]);
        let found = found(&[&deposit("1796387200000000000")]);
        assert!(found[0].sentence.contains("nanoseconds"), "{}", found[0].sentence);
    }

    #[test]
    fn milliseconds_and_other_numbers_are_none() {
        assert_causes(&[&deposit("1796387200000")], &[]);
        assert_causes(&[&deposit("9999999999999999")], &["time_implausible"]);
    }
}

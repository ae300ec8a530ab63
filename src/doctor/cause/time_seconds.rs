//! Seconds in a form that cannot be read.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{in_settings, shown, were};
use crate::doctor::seen::Seen;
use crate::model::note::{Field, Note};
use crate::model::time::EventTime;

pub const CAUSE: Cause = Cause::new("time_seconds", find);

/// Digits of an epoch in seconds.
const DIGITS: usize = 10;

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::TIME, &is_seconds);
    let time = group.newest(&hits)?.text(Field::Time).unwrap_or_default();
    let sentence = format!(
        "{} refused: t={} is a time in seconds with something else behind it.",
        were(hits.len(), "postback"),
        shown(time)
    );
    let mend = format!(
        "{} send t as whole epoch milliseconds or seconds, or remove it, so that the time of receipt counts.",
        in_settings(group)
    );
    Found::new(hits, sentence, mend)
}

/// Ten digits that are a plausible time, and then no more digits.
fn is_seconds(seen: &Seen) -> bool {
    let Some(time) = seen.text(Field::Time).filter(|_| seen.has(Note::TimeNotANumber)) else {
        return false;
    };
    let digits: String = time.chars().take_while(char::is_ascii_digit).collect();
    digits.len() == DIGITS && EventTime::parse(&digits, seen.at.received_at_ms).is_ok()
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::assert_causes;

    fn deposit(t: &str) -> String {
        format!("event=deposit&uid=u-1&eid=5&value=5&t={t}")
    }

    #[test]
    fn seconds_that_cannot_be_read_are_found() {
        for t in ["1796387200,25", "1796387200s", "1796387200%20UTC"] {
            assert_causes(&[&deposit(t)], &["time_seconds"]);
        }
    }

    #[test]
    fn seconds_that_can_be_read_are_none() {
        assert_causes(&[&deposit("1796387200")], &[]);
        assert_causes(&[&deposit("1234567890,5")], &["time_not_a_number"]);
    }
}

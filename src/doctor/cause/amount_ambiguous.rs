//! An amount that two readers read as two sums.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{network, shown, were};
use crate::doctor::seen::Seen;
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("amount_ambiguous", find);

/// Digits that an amount may have; with more, it is another kind of number.
const DIGITS: usize = 18;

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::VALUE, &is_ambiguous);
    let value = group.newest(&hits)?.text(Field::Value).unwrap_or_default();
    let sentence = format!(
        "{} refused: value={} could be two different sums{}.",
        were(hits.len(), "deposit"),
        shown(value),
        readings(value).map(|(one, other)| format!(", {one} or {other}")).unwrap_or_default()
    );
    let mend = format!(
        "Have {} send value with a point and two decimals, such as 1234.00, then mend and replay what was refused.",
        network(group)
    );
    Found::new(hits, sentence, mend)
}

fn is_ambiguous(seen: &Seen) -> bool {
    let Some(value) = seen.text(Field::Value).filter(|_| seen.has(Note::ValueNotANumber)) else {
        return false;
    };
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let is_separator = |c: char| matches!(c, ',' | '.' | ' ' | '\'' | '\u{a0}' | '\u{202f}');
    let value = value.trim_start_matches(['+', '-']);
    let is_written = value.chars().all(|c| c.is_ascii_digit() || is_separator(c));
    is_written && value.contains(is_separator) && (1..=DIGITS).contains(&digits)
}

/// `1,234`: 1234 in London and 1.234 in Berlin.
fn readings(value: &str) -> Option<(String, String)> {
    let (whole, rest) = value.split_once(',')?;
    (rest.len() == 3 && !rest.contains(','))
        .then(|| (format!("{whole}{rest}"), format!("{whole}.{rest}")))
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn a_comma_that_could_be_either_is_told_with_both_readings() {
        let found = found(&["event=deposit&uid=u-1&eid=5&value=1,234"]);
        assert_eq!(
            (found[0].cause, found[0].sentence.as_str()),
            (
                "amount_ambiguous",
                "1 deposit was refused: value=1,234 could be two different sums, 1234 or 1.234."
            )
        );
        assert_eq!(
            (found[0].held.as_slice(), found[0].money.len()),
            (&[1][..], 0),
            "nothing is guessed"
        );
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=12,345,67"], &["amount_ambiguous"]);
    }

    #[test]
    fn what_means_one_sum_is_none() {
        for value in ["25,50", "1,234.50", "1.234,50", "1%20234,50"] {
            assert_causes(&[&format!("event=deposit&uid=u-1&eid=5&value={value}")], &[]);
        }
        assert_causes(&["event=registration&uid=u-1&eid=5&value=1,234"], &[]);
    }
}

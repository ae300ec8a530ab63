//! An amount that is none.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, shown, were};
use crate::model::event::EventKind;
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("amount_not_a_number", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::VALUE, &|seen| {
        seen.has(Note::ValueNotANumber) && seen.text(Field::Value).is_some()
    });
    let value = group.newest(&hits)?.text(Field::Value).unwrap_or_default();
    let sentence =
        format!("{} refused: value={} is no amount.", were(hits.len(), "deposit"), shown(value));
    let mend = say::mend(group, &say::write(group, Field::Value, EventKind::Deposit));
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found_of};

    #[test]
    fn a_word_is_no_amount() {
        let found = found_of("everflow", &["event=deposit&uid=u-1&eid=5&value=premium"]);
        assert_eq!(found[0].cause, "amount_not_a_number");
        assert!(found[0].mend.contains("value={payout_amount}"), "{}", found[0].mend);
        assert_causes(
            &["event=deposit&uid=u-1&eid=5&value=1234567890123"],
            &["amount_not_a_number"],
        );
    }

    #[test]
    fn what_is_read_is_none() {
        for value in ["1e2", "-5", "%2B5", ".5"] {
            assert_causes(&[&format!("event=deposit&uid=u-1&eid=5&value={value}")], &[]);
        }
    }
}

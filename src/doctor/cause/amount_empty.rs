//! A deposit without an amount.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, counted};
use crate::doctor::seen::Sent;
use crate::model::event::EventKind;
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("amount_empty", find);

fn find(group: &Group) -> Option<Found> {
    if group.pack.is_some_and(|pack| pack.amounts.is_empty() && !pack.base_only) {
        return None;
    }
    let hits = group.hits(Topic::VALUE, &|seen| seen.is_deposit() && seen.has(Note::ValueEmpty));
    let is_named = group.newest(&hits).is_some_and(|seen| *seen.sent(Field::Value) == Sent::Empty);
    let sentence = format!(
        "{} came {}, so revenue did not move.",
        counted(hits.len(), "deposit"),
        if is_named { "with nothing behind value=" } else { "without value=" }
    );
    let mend = say::mend(group, &say::write(group, Field::Value, EventKind::Deposit));
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    #[test]
    fn a_deposit_without_an_amount_is_found() {
        assert_causes(&["event=deposit&uid=u-1&eid=5"], &["amount_empty"]);
        let found = found_of("quotex", &["event=deposit&uid=u-1&eid=5&value="]);
        assert!(found[0].mend.contains("value={sumdep}"), "{}", found[0].mend);
    }

    #[test]
    fn zero_a_registration_and_a_network_without_amounts_are_none() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=0"], &[]);
        assert_causes(&["event=registration&uid=u-1&eid=5"], &[]);
        assert_causes_of("scaleo", &["event=deposit&uid=u-1"], &[]);
    }
}

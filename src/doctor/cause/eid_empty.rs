//! `eid=` with nothing behind it.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, counted, network};
use crate::doctor::seen::Sent;
use crate::model::event::EventKind;
use crate::model::note::Field;

pub const CAUSE: Cause = Cause::new("eid_empty", find);

fn find(group: &Group) -> Option<Found> {
    if !group.may_have_eid() {
        return None;
    }
    let hits =
        group.hits(Topic::EID, &|seen| seen.is_deposit() && *seen.sent(Field::Eid) == Sent::Empty);
    let sentence = format!(
        "{} came with nothing behind eid=, so {} has no such macro or nothing to put there, and a repeated call counts again.",
        counted(hits.len(), "deposit"),
        network(group)
    );
    let mend = say::mend(group, &say::write(group, Field::Eid, EventKind::Deposit));
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    #[test]
    fn an_empty_id_of_a_deposit_is_found() {
        assert_causes(&["event=deposit&uid=u-1&eid=&value=5"], &["eid_empty"]);
        let found = found_of("1win", &["event=deposit&uid=u-1&eid=%20&value=5"]);
        assert!(found[0].mend.contains("eid={transaction_id}"), "{}", found[0].mend);
    }

    #[test]
    fn a_network_without_ids_and_a_registration_are_none() {
        assert_causes_of("tune", &["event=deposit&uid=u-1&eid=&value=5"], &[]);
        assert_causes(&["event=registration&uid=u-1&eid="], &[]);
    }
}

//! No id, though the network has one.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, counted};
use crate::doctor::seen::{Seen, Sent};
use crate::model::note::Field;

pub const CAUSE: Cause = Cause::new("eid_missing", find);

fn find(group: &Group) -> Option<Found> {
    let has_macro =
        |seen: &Seen| seen.event().is_some_and(|event| group.eid_macro(event).is_some());
    let hits = group.hits(Topic::EID, &|seen| {
        !seen.is_refused()
            && seen.is_readable()
            && has_macro(seen)
            && *seen.sent(Field::Eid) == Sent::Missing
    });
    let event = group.event_of(&hits);
    let sentence = format!(
        "{} came without eid=, so one that is sent again counts again.",
        counted(hits.len(), event.code())
    );
    let mend = say::mend(group, &say::write(group, Field::Eid, event).replacen("write", "add", 1));
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    #[test]
    fn an_id_that_the_network_has_is_missed() {
        assert_causes_of("everflow", &["event=deposit&uid=u-1&value=5"], &["eid_missing"]);
        assert_causes_of("quotex", &["event=registration&uid=u-1"], &["eid_missing"]);
        let found = found_of("affise", &["event=deposit&uid=u-1&value=5&currency=USD"]);
        assert_eq!(
            (found[0].sentence.as_str(), found[0].mend.as_str()),
            (
                "1 deposit came without eid=, so one that is sent again counts again.",
                "In Affise's postback settings, add eid={transactionid}."
            )
        );
    }

    #[test]
    fn one_that_it_has_not_or_may_not_have_is_none() {
        assert_causes(&["event=deposit&uid=u-1&value=5"], &[]);
        assert_causes_of("tune", &["event=deposit&uid=u-1&value=5"], &[]);
        assert_causes_of("the-trading-pit", &["event=registration&uid=u-1"], &[]);
        assert_causes_of("everflow", &["event=contact&uid=u-1"], &[]);
    }
}

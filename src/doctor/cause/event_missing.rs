//! The postback does not say what happened.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, were};
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("event_missing", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::EVENT, &|seen| seen.has(Note::EventMissing));
    let has_amount = group.newest(&hits)?.text(Field::Value).is_some();
    let sentence =
        format!("{} refused: the URL does not say what happened.", were(hits.len(), "postback"));
    let what = if has_amount {
        "add event=deposit to this URL, and event=registration to the one for registrations"
    } else {
        "add event=registration to the URL for registrations and event=deposit to the one for deposits"
    };
    Found::new(hits, sentence, say::mend(group, what))
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn a_postback_without_event_is_found() {
        assert_causes(&["uid=u-1&eid=5&status=approved"], &["event_missing"]);
        let found = found(&["uid=u-1&eid=5&value=5"]);
        assert!(found[0].mend.contains("add event=deposit to this URL"), "{}", found[0].mend);
        assert_eq!(found[0].money, [("USD".to_owned(), 5_000_000)]);
    }

    #[test]
    fn one_in_capitals_is_read() {
        assert_causes(&["event=Deposit&uid=u-1&eid=5&value=5"], &[]);
    }
}

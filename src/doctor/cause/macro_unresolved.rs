//! A macro that the network did not fill in.

use crate::doctor::cause::Cause;
use crate::doctor::left::{self, Wrong};

pub const CAUSE: Cause = Cause::new("macro_unresolved", |group| left::find(group, Wrong::Unfilled));

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found, found_of};

    #[test]
    fn the_right_macro_of_the_network_is_named() {
        let name = "macro_unresolved";
        assert_causes_of("quotex", &["event=deposit&uid=u-1&eid={trade_id}&value=5"], &[name]);
        for (network, query, mend) in [
            ("quotex", "event=deposit&uid=u-1&eid={trade_id}&value=5", "eid={event_id}."),
            (
                "quotex",
                "event=registration&uid={cid}&eid={tid}",
                "uid={click_id} and write eid={trader_id}.",
            ),
            ("tune", "event=registration&uid=u-1&eid={txn}", "remove eid=: no macro"),
            ("quotex", "event=deposit&uid=u-1&eid=5&value={amount}", "value={sumdep}."),
            ("1win", "event={event}&uid=u-1&eid=5", "event=deposit"),
            (
                "pocket-option",
                "event=deposit&uid=u-1&eid={trade_id}&value=5",
                "{trade_id} is Pocket Option",
            ),
        ] {
            let found = found_of(network, &[query, "event=contact&uid=u-1"]);
            assert!(found[0].mend.contains(mend), "{query}: {}", found[0].mend);
        }
    }

    #[test]
    fn no_macro_is_named_where_the_network_is_not_known() {
        let found = found(&["event=deposit&uid={cid}&eid=5&value=5"]);
        assert_eq!(
            (found[0].sentence.as_str(), found[0].mend.as_str()),
            (
                "1 postback came with uid={cid}, which the network did not fill in: no click can be credited.",
                "In the network's postback settings, write behind uid= its own macro for the click id."
            )
        );
        assert_eq!(found[0].money, [("USD".to_owned(), 5_000_000)]);
    }

    #[test]
    fn what_is_not_read_may_stay_unfilled() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&sub2={sub2}"], &[]);
        assert_causes(&["event=registration&uid=u-1&eid=5&value={sum}"], &[]);
    }
}

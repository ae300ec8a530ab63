//! One of the network's macros in brackets that it does not use.

use crate::doctor::cause::Cause;
use crate::doctor::left::{self, Wrong};

pub const CAUSE: Cause =
    Cause::new("macro_wrong_brackets", |group| left::find(group, Wrong::Brackets));

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found, found_of};

    #[test]
    fn a_known_name_in_other_brackets_is_found() {
        let name = "macro_wrong_brackets";
        assert_causes(&["event=deposit&uid=u-1&eid=%5Bconversion_id%5D&value=5"], &[name]);
        assert_causes(&["event=registration&uid=%5Bclick_id%5D&eid=5"], &[name]);
        assert_causes(&["event=registration&uid=(click_id)&eid=5"], &[name]);
        assert_causes(&["event=registration&uid={click_id&eid=5"], &[name]);
        assert_causes_of("cake", &["event=registration&uid={s2}&eid=5"], &[name]);
        assert_causes_of("quotex", &["event=deposit&uid=u-1&eid=event_id&value=5"], &[name]);
        let found = found_of("tapfiliate", &["event=registration&uid={click_subid}"]);
        assert!(found[0].mend.contains("uid=${click_subid}"), "{}", found[0].mend);
    }

    #[test]
    fn brackets_that_may_be_right_are_none() {
        for query in
            ["event=registration&uid={price}&eid=5", "event=registration&uid=%5Bclickref%5D"]
        {
            assert_eq!(found(&[query])[0].cause, "macro_unresolved", "{query}");
        }
        assert_causes(&["event=deposit&uid=u-1&eid=click&value=5"], &[]);
    }
}

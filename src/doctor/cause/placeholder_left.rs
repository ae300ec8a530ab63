//! A word of a manual stands where a macro belongs, or what a script prints for nothing.

use crate::doctor::cause::Cause;
use crate::doctor::left::{self, Wrong};

pub const CAUSE: Cause =
    Cause::new("placeholder_left", |group| left::find(group, Wrong::Placeholder));

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found, found_of};

    #[test]
    fn a_word_of_a_manual_is_a_placeholder() {
        let name = "placeholder_left";
        assert_causes(&["event=registration&uid=REPLACE&eid=5"], &[name]);
        assert_causes(&["event=deposit&uid=u-1&eid=YOUR_TRANSACTION_ID&value=5"], &[name]);
        assert_causes_of("keitaro", &["event=registration&uid=null&eid=5"], &[name]);
        let found = found_of("keitaro", &["event=registration&uid=undefined&eid=5"]);
        assert!(found[0].mend.contains("uid={external_id}"), "{}", found[0].mend);
    }

    #[test]
    fn a_real_id_that_looks_like_one_is_none() {
        assert!(found(&["event=deposit&uid=u-1&eid=replace-7&value=5"]).is_empty());
        assert!(found(&["event=deposit&uid=u-1&eid=5&value=5&sub=OPTIONAL"]).is_empty());
    }
}

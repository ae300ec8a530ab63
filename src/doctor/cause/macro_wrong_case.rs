//! One of the network's macros in other letters than it knows.

use crate::doctor::cause::Cause;
use crate::doctor::left::{self, Wrong};

pub const CAUSE: Cause =
    Cause::new("macro_wrong_case", |group| left::find(group, Wrong::LetterCase));

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found, found_of};

    #[test]
    fn a_known_name_in_other_letters_is_found() {
        let name = "macro_wrong_case";
        assert_causes(&["event=deposit&uid=u-1&eid={Conversion_ID}&value=5"], &[name]);
        assert_causes(&["event=registration&uid={CLICK_ID}&eid=5"], &[name]);
        assert_causes_of("cake", &["event=registration&uid=%23S2%23&eid=5"], &[name]);
        let found = found_of("everflow", &["event=registration&uid={Sub3}&eid=5"]);
        assert!(found[0].mend.contains("uid={sub3}"), "{}", found[0].mend);
        assert_eq!(found[0].source, "everflow");
    }

    #[test]
    fn a_name_that_nobody_knows_is_none() {
        assert_eq!(
            found(&["event=registration&uid={CLICKREF}&eid=5"])[0].cause,
            "macro_unresolved"
        );
    }
}

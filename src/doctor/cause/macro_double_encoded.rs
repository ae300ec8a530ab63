//! A macro that was percent-encoded once too often: the network sees no brackets.

use crate::doctor::cause::Cause;
use crate::doctor::left::{self, Wrong};

pub const CAUSE: Cause =
    Cause::new("macro_double_encoded", |group| left::find(group, Wrong::EncodedTwice));

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found, found_of};

    #[test]
    fn a_macro_encoded_twice_is_found() {
        let name = "macro_double_encoded";
        assert_causes(&["event=registration&uid=%257Bsub%257D&eid=5"], &[name]);
        assert_causes_of("quotex", &["event=registration&uid=%257Bclick_id%257D&eid=5"], &[name]);
        let found = found_of("everflow", &["event=deposit&uid=u-1&eid=%257Bcid%257D&value=5"]);
        assert!(found[0].mend.contains("eid={conversion_id} in plain"), "{}", found[0].mend);
    }

    #[test]
    fn one_encoding_is_how_urls_are_written() {
        assert_eq!(found(&["event=registration&uid=%7Bsub%7D&eid=5"])[0].cause, "macro_unresolved");
        assert!(found(&["event=deposit&uid=u-1&eid=50%25&value=5"]).is_empty());
    }
}

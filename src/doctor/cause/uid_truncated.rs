//! The click id was cut off on its way.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{counted, network, shown};
use crate::doctor::window::UidIs;

pub const CAUSE: Cause = Cause::new("uid_truncated", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::UID, &|seen| seen.at.uid_is == UidIs::Truncated);
    let uid = group.newest(&hits)?.at.uid.clone().unwrap_or_default();
    let sentence = format!(
        "{} came with a uid that is only the beginning of a click's (uid={}, {} characters), so no click can be credited.",
        counted(hits.len(), "postback"),
        shown(&uid),
        uid.chars().count()
    );
    let mend = format!(
        "Pass the click id in a sub id of {} that takes the whole of it, and write that sub id's macro behind uid=.",
        network(group)
    );
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{Space, causes, found_at};

    #[test]
    fn the_beginning_of_a_click_id_is_found() {
        let space = Space { clicks: vec!["0123456789abcdef".to_owned()], ..Space::default() };
        let fire = |query| causes(&found_at(&space, &[query]));
        assert_eq!(fire("event=deposit&uid=0123456789&eid=5&value=5"), ["uid_truncated"]);
        assert_eq!(fire("event=deposit&uid=0123456789abcdef&eid=5&value=5"), [""; 0]);
    }
}

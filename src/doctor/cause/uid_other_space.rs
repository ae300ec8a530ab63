//! The click came through a link of another space.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{counted, shown};
use crate::doctor::window::UidIs;

pub const CAUSE: Cause = Cause::new("uid_other_space", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::UID, &|seen| seen.at.uid_is == UidIs::OfAnotherSpace);
    let uid = group.newest(&hits)?.at.uid.clone().unwrap_or_default();
    let sentence = format!(
        "{} came with the click of another space's link (uid={}), so no link here is credited.",
        counted(hits.len(), "postback"),
        shown(&uid)
    );
    let mend = "Use this space's token in the postback URL of what its own links lead to, and the other space's token for the other's.";
    Found::new(hits, sentence, mend.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{Space, causes, found_at};

    #[test]
    fn a_click_of_another_space_is_found() {
        let space = Space { elsewhere: vec!["x-1".to_owned()], ..Space::default() };
        let fire = |query| causes(&found_at(&space, &[query]));
        assert_eq!(fire("event=deposit&uid=x-1&eid=5&value=5"), ["uid_other_space"]);
        assert_eq!(fire("event=deposit&uid=u-1&eid=5&value=5"), [""; 0]);
    }
}

//! The network's user stands where the click id belongs.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::literal::Literal;
use crate::doctor::names::{USERS, equal};
use crate::doctor::say::{self, counted, shown};
use crate::doctor::seen::Seen;
use crate::doctor::window::UidIs;
use crate::model::note::Field;
use crate::network::Meaning;

pub const CAUSE: Cause = Cause::new("uid_is_user_id", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::UID, &|seen| {
        is_left(group, seen) || (seen.at.uid_is != UidIs::Known && is_user(seen))
    });
    let newest = group.newest(&hits)?;
    let uid = newest.text(Field::Uid).or_else(|| newest.literal(Field::Uid)).unwrap_or_default();
    let sentence = format!(
        "{} came with the network's user in place of the click id (uid={}), so no click can be credited.",
        counted(hits.len(), "postback"),
        shown(uid)
    );
    let event = group.event_of(&hits);
    let mend =
        say::mend(group, &say::write_so(group, Field::Uid, event, ", not the one for the user"));
    Found::new(hits, sentence, mend)
}

/// Whether the user's id that stands beside it is the same.
fn is_user(seen: &Seen) -> bool {
    let Some(uid) = seen.at.uid.as_deref() else { return false };
    equal(seen, USERS, uid).is_some() || seen.text(Field::TgId) == Some(uid)
}

fn is_left(group: &Group, seen: &Seen) -> bool {
    let literal = seen.literal(Field::Uid).and_then(Literal::new);
    literal.and_then(|literal| group.meaning(&literal)) == Some(Meaning::User)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of};

    #[test]
    fn the_user_that_stands_beside_is_no_click() {
        let name = "uid_is_user_id";
        assert_causes(&["event=deposit&uid=80012&trader_id=80012&eid=5&value=5"], &[name]);
        assert_causes(&["event=deposit&uid=555123&tg_id=555123&eid=5&value=5"], &[name]);
        assert_causes_of("quotex", &["event=registration&uid={trader_id}&eid=5"], &[name]);
    }

    #[test]
    fn a_click_that_is_known_may_be_called_anything() {
        assert_causes(&["event=deposit&uid=u-1&user_id=u-1&eid=5&value=5"], &[]);
        assert_causes(&["event=deposit&uid=u-1&trader_id=80012&eid=5&value=5"], &[]);
    }
}

//! A conversion without a click id, and without a Telegram user.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::say::{self, counted};
use crate::doctor::seen::{Seen, Sent};
use crate::model::event::EventKind;
use crate::model::note::Field;

pub const CAUSE: Cause = Cause::new("uid_missing", find);

fn find(group: &Group) -> Option<Found> {
    let mut hits = Vec::new();
    for event in [EventKind::Registration, EventKind::Deposit] {
        let missing: Vec<_> = group
            .open(Topic::UID)
            .into_iter()
            .filter(|(_, seen)| seen.is(event) && is_missing(seen))
            .collect();
        let is_named = missing.iter().any(|(_, seen)| *seen.sent(Field::Uid) == Sent::Missing);
        if is_named || is_usual(group, event, missing.len()) {
            hits.extend(missing.iter().map(|(at, _)| Hit::new(*at, Topic::UID)));
        }
    }
    let hits = group.in_order(hits);
    let event = group.event_of(&hits);
    let is_empty = group.newest(&hits).is_some_and(|seen| *seen.sent(Field::Uid) == Sent::Empty);
    let sentence = format!(
        "{} came {}, so no click can be credited.",
        counted(hits.len(), "conversion"),
        if is_empty { "with nothing behind uid=" } else { "without uid=" }
    );
    let mend = say::mend(
        group,
        &format!(
            "{}, and have your link pass the click id on",
            say::write(group, Field::Uid, event)
        ),
    );
    Found::new(hits, sentence, mend)
}

fn is_missing(seen: &Seen) -> bool {
    !seen.is_refused()
        && seen.is_readable()
        && seen.at.uid.is_none()
        && !seen.at.has_tg_id
        && seen.is_absent(Field::Uid)
}

/// Whether it is usual: of the other ones at most nine in ten have a uid. Somebody who came without a
/// click has none either.
fn is_usual(group: &Group, event: EventKind, missing: usize) -> bool {
    let all = group.arrived.iter().filter(|seen| !seen.is_refused() && seen.is(event));
    let with = all.clone().filter(|seen| seen.at.uid.is_some() || seen.at.has_tg_id).count();
    missing > 0 && with * 10 <= (all.count() - 1) * 9
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    #[test]
    fn a_conversion_of_nobody_is_found() {
        assert_causes(&["event=deposit&eid=5&value=5"], &["uid_missing"]);
        assert_causes(&["event=registration&uid=&eid=5"], &["uid_missing"]);
        assert_causes(
            &["event=registration&uid=u-1&eid=5", "event=deposit&eid=5&value=5"],
            &["uid_missing"],
        );
        let found = found_of("quotex", &["event=registration&eid=5"]);
        assert!(found[0].mend.contains("uid={click_id}"), "{}", found[0].mend);
    }

    #[test]
    fn somebody_without_a_click_among_others_is_none() {
        assert_causes(
            &["event=deposit&uid=u-1&eid=5&value=5", "event=deposit&uid=&eid=6&value=6"],
            &[],
        );
        assert_causes(&["event=deposit&tg_id=555123&eid=5&value=5"], &[]);
        assert_causes_of("quotex", &["event=contact&eid=5"], &[]);
    }
}

//! The id is the person's: all that a person pays counts as one deposit.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::literal::Literal;
use crate::doctor::names::{USERS, equal};
use crate::doctor::say::{self, counted, shown};
use crate::doctor::seen::Seen;
use crate::model::event::EventKind;
use crate::model::note::Field;
use crate::network::Meaning;

pub const CAUSE: Cause = Cause::new("eid_is_user_id", find);

fn find(group: &Group) -> Option<Found> {
    let topic = Topic::EID.and(Topic::COPIES);
    let open = group.open(topic).into_iter().filter(|(_, seen)| seen.is(EventKind::Deposit));
    let is_hit =
        |seen: &Seen| is_user(seen) || is_left(group, seen) || is_registrations(group, seen);
    let hits: Vec<_> = open
        .filter(|(_, seen)| is_hit(seen))
        .map(|(at, seen)| Hit { seen_ms: seen.last_version_ms(), ..Hit::new(at, topic) })
        .collect();
    let newest = group.newest(&hits)?;
    let eid = newest.text(Field::Eid).or_else(|| newest.literal(Field::Eid)).unwrap_or_default();
    let sentence = format!(
        "{} came with the user's id as eid ({}), so only the first deposit of each user counts.",
        counted(hits.len(), "deposit"),
        shown(eid)
    );
    let so = match group.macro_of(Meaning::User) {
        Some(user) => format!(" in the URL for deposits: {user} names the user"),
        None => ", not the one for the user".to_owned(),
    };
    let mend = say::mend(group, &say::write_so(group, Field::Eid, EventKind::Deposit, &so));
    Found::new(hits, sentence, mend)
}

/// Whether the id is that of the person, which stands beside it.
fn is_user(seen: &Seen) -> bool {
    let Some(eid) = seen.at.eid.as_deref() else { return false };
    equal(seen, USERS, eid).is_some() || seen.text(Field::TgId) == Some(eid)
}

fn is_left(group: &Group, seen: &Seen) -> bool {
    let literal = seen.literal(Field::Eid).and_then(Literal::new);
    literal.and_then(|literal| group.meaning(&literal)) == Some(Meaning::User)
}

/// Whether a network whose registrations go by the user has sent a deposit under the same id.
fn is_registrations(group: &Group, seen: &Seen) -> bool {
    let registration = group.eid_macro(EventKind::Registration).and_then(Literal::new);
    let is_by_user = registration.and_then(|eid| group.meaning(&eid)) == Some(Meaning::User);
    is_by_user && group.is_registered(seen)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    const NAME: &str = "eid_is_user_id";

    #[test]
    fn the_user_is_found_where_it_stands_beside() {
        assert_causes(&["event=deposit&uid=u-1&eid=80012&trader_id=80012&value=5"], &[NAME]);
        assert_causes(&["event=deposit&uid=u-1&eid=555123&tg_id=555123&value=5"], &[NAME]);
        assert_causes_of("quotex", &["event=deposit&uid=u-1&eid={trader_id}&value=5"], &[NAME]);
        let both =
            ["event=registration&uid=u-1&eid=80012", "event=deposit&uid=u-1&eid=80012&value=5"];
        assert_causes_of("pocket-option", &both, &[NAME]);
        let mend = &found_of("quotex", &both)[0].mend;
        assert!(mend.contains("write eid={event_id} in the URL for deposits"), "{mend}");
    }

    #[test]
    fn a_registration_may_go_by_the_user() {
        assert_causes(&["event=registration&uid=u-1&eid=80012&trader_id=80012"], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&trader_id=80012&value=5"], &[]);
        let both =
            ["event=registration&uid=u-1&eid=80012", "event=deposit&uid=u-1&eid=80012&value=5"];
        assert_causes(&both, &[]);
        let people =
            ["event=registration&uid=u-2&eid=80012", "event=deposit&uid=u-1&eid=80012&value=5"];
        assert_causes_of("quotex", &people, &[]);
    }
}

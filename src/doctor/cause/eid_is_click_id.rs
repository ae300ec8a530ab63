//! The id is the click's: everything that the click brings counts as one.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::literal::Literal;
use crate::doctor::names::{CLICKS, equal};
use crate::doctor::say::{self, counted, networks, shown};
use crate::doctor::seen::{Seen, is_spelled_alike};
use crate::model::event::EventKind;
use crate::model::note::Field;
use crate::network::Meaning;

pub const CAUSE: Cause = Cause::new("eid_is_click_id", find);

fn find(group: &Group) -> Option<Found> {
    let topic = Topic::EID.and(Topic::COPIES);
    let open: Vec<_> =
        group.open(topic).into_iter().filter(|(_, seen)| seen.is(EventKind::Deposit)).collect();
    let mut hits = Vec::new();
    for (at, seen) in open {
        if is_click(group, seen) || is_left(group, seen) || is_shared(group, seen) {
            let seen_ms = seen.last_version_ms();
            hits.push(Hit { seen_ms, ..Hit::new(at, topic) });
        }
    }
    let newest = group.newest(&hits)?;
    let eid = newest.text(Field::Eid).or_else(|| newest.literal(Field::Eid)).unwrap_or_default();
    let sentence = format!(
        "{} came with the click's id as eid ({}), so only the first conversion of each click counts.",
        counted(hits.len(), "deposit"),
        shown(eid)
    );
    Found::new(hits, sentence, mend(group))
}

/// Whether the id is that of the click, which stands beside it.
fn is_click(group: &Group, seen: &Seen) -> bool {
    let Some(eid) = seen.at.eid.as_deref() else { return false };
    let is_sessions = |(name, value): (&str, &str)| {
        let means = group.meaning_of(name);
        value == eid && matches!(means, Some(Meaning::Session | Meaning::Click))
    };
    seen.at.uid.as_deref().is_some_and(|uid| is_spelled_alike(uid, eid))
        || equal(seen, CLICKS, eid).is_some()
        || seen.others().into_iter().any(is_sessions)
}

/// Whether the macro of a click was left in its place.
fn is_left(group: &Group, seen: &Seen) -> bool {
    let literal = seen.literal(Field::Eid).and_then(Literal::new);
    let means = literal.and_then(|literal| group.meaning(&literal));
    matches!(means, Some(Meaning::Session | Meaning::Click))
}

/// Whether a network whose own click id is often taken for a conversion's sent several of a person's
/// conversions under one.
fn is_shared(group: &Group, seen: &Seen) -> bool {
    if !group.has(Meaning::Session) || seen.at.eid.is_none() {
        return false;
    }
    let is_own = |uid: &Option<String>| uid.is_none() || *uid == seen.at.uid;
    let other_amount = |version: &&crate::doctor::window::Version| {
        is_own(&version.uid)
            && version.micros.is_some_and(|micros| micros >= 0)
            && version.micros != seen.at.micros
    };
    seen.at.versions.iter().any(|version| other_amount(&version)) || group.is_registered(seen)
}

fn mend(group: &Group) -> String {
    let eid = group.eid_macro(EventKind::Deposit);
    match (group.macro_of(Meaning::Session), eid) {
        (Some(session), Some(eid)) => format!(
            "In {} postback settings, write eid={eid}: {session} names the click, so all of a click's conversions share it.",
            networks(group)
        ),
        (Some(session), None) => format!(
            "In {} postback settings, remove eid={session}: it names the click, and no macro for the conversion is known.",
            networks(group)
        ),
        (None, _) => say::mend(group, &say::write(group, Field::Eid, EventKind::Deposit)),
    }
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    const NAME: &str = "eid_is_click_id";

    #[test]
    fn the_click_id_is_found_where_it_stands_beside() {
        assert_causes(&["event=deposit&uid=u-1&eid=u-1&value=5"], &[NAME]);
        assert_causes(&["event=deposit&uid=u-1&eid=k5&click_id=k5&value=5"], &[NAME]);
        let query = "event=deposit&uid=u-1&eid=k5&transaction_id=k5&value=5";
        assert_causes_of("everflow", &[query], &[NAME]);
        assert_causes(&[query], &[]);
    }

    #[test]
    fn a_session_is_found_by_what_shares_it() {
        let both = ["event=registration&uid=u-1&eid=7c", "event=deposit&uid=u-1&eid=7c&value=25"];
        let amounts =
            ["event=deposit&uid=u-1&eid=7c&value=25", "event=deposit&uid=u-1&eid=7c&value=50"];
        for network in ["everflow", "tune"] {
            assert_causes_of(network, &both, &[NAME]);
            assert_causes_of(network, &amounts, &[NAME]);
        }
        assert_causes(&both, &[]);
        assert_causes_of("1win", &both, &[]);
        assert_eq!(
            found_of("everflow", &both)[0].mend,
            "In Everflow's postback settings, write eid={conversion_id}: {transaction_id} names the click, so all of a click's conversions share it."
        );
    }

    #[test]
    fn a_click_macro_that_was_left_is_found() {
        assert_causes_of(
            "everflow",
            &["event=deposit&uid=u-1&eid={transaction_id}&value=5"],
            &[NAME],
        );
        let other = "event=deposit&uid=u-1&eid={transaction_id}&value=5";
        assert_causes_of("1win", &[other], &["macro_unresolved"]);
    }

    #[test]
    fn a_registration_and_a_deposit_taken_back_are_none() {
        assert_causes(&["event=registration&uid=u-1&eid=u-1"], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=55&sub2=55&value=5"], &[]);
        let back =
            ["event=deposit&uid=u-1&eid=7c&value=25", "event=deposit&uid=u-1&eid=7c&value=-25"];
        assert_causes_of("everflow", &back, &["conflict"]);
    }
}

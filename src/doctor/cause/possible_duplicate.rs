//! Deposits without an id that may be one.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Index, Topic, seq};
use crate::doctor::say::{self, amount, counted};
use crate::doctor::seen::{Seen, spelled};
use crate::model::event::EventKind;
use crate::model::note::Field;

/// It stays until it is decided.
pub const CAUSE: Cause = Cause { word: "possible_duplicate", find, stays: true };

/// Within this time, equal deposits of a person may be one that came twice.
const TOGETHER_MS: i64 = 10 * 60_000;

fn find(group: &Group) -> Option<Found> {
    let mut kept = Index::new();
    let (mut hits, mut pairs) = (Vec::new(), Vec::new());
    for (at, seen) in group.open(Topic::COPIES) {
        let is_bare = seen.is_deposit() && seen.at.eid.is_none();
        let micros = seen.at.micros.filter(|micros| is_bare && *micros != 0);
        let (Some(micros), Some(uid)) = (micros, &seen.at.uid) else { continue };
        let says = format!("{micros} {} {}", seen.at.currency, spelled(uid));
        let alike = kept.entry(says).or_default();
        let mut firsts = alike.iter().filter_map(|at| group.arrived.get(*at));
        let first = firsts.find(|first| is_near(first, seen) && !group.are_apart(first, seen));
        match first.and_then(|first| Some((seq(first.at.place)?, seq(seen.at.place)?))) {
            Some(pair) => {
                hits.push(Hit::new(at, Topic::COPIES));
                pairs.push(pair);
            }
            None => alike.push(at),
        }
    }
    let newest = group.newest(&hits)?;
    let sentence = format!(
        "{} without an id came within ten minutes of an equal one of the same person (the last: {}), and may have counted twice.",
        counted(hits.len(), "deposit"),
        amount(newest.at.micros.unwrap_or_default(), &newest.at.currency)
    );
    // What is wrong with the id may have been said already.
    let is_told =
        group.open(Topic::EID).into_iter().all(|(at, _)| hits.iter().all(|hit| hit.at != at));
    let mend = if is_told || !group.may_have_eid() {
        MERGE.to_owned()
    } else {
        let write = say::write(group, Field::Eid, EventKind::Deposit);
        format!("{MERGE} So that it does not happen again, {write}.")
    };
    Found::new(hits, sentence, mend).map(|found| Found { pairs, ..found })
}

const MERGE: &str = "Look at the pairs, and merge those that are one deposit.";

fn is_near(first: &Seen, seen: &Seen) -> bool {
    let near = |one: i64, other: i64| (one - other).abs() <= TOGETHER_MS;
    near(first.at.received_at_ms, seen.at.received_at_ms)
        && near(first.at.occurred_at_ms, seen.at.occurred_at_ms)
}

#[cfg(test)]
mod tests {
    use crate::doctor::findings;
    use crate::doctor::tests::{Fired, Space, causes, found, found_of, window};

    const DEPOSIT: &str = "event=deposit&uid=u-1&value=5";

    #[test]
    fn equal_deposits_without_id_are_paired() {
        let found = found(&[DEPOSIT; 3]);
        assert_eq!(causes(&found), ["possible_duplicate"]);
        assert_eq!(found[0].pairs, [(1, 2), (1, 3)]);
        assert_eq!(found[0].money, [("USD".to_owned(), 10_000_000)], "what is too much");
        assert_eq!(
            causes(&found_of("everflow", &[DEPOSIT; 2])),
            ["eid_missing", "possible_duplicate"]
        );
    }

    #[test]
    fn what_differs_is_late_or_was_parted_is_none() {
        for other in [
            "event=deposit&uid=u-2&value=5",
            "event=deposit&uid=u-1&value=6",
            "event=deposit&value=5&uid=u-1&currency=EUR",
            "event=deposit&uid=u-1&value=5&eid=7",
        ] {
            assert!(!causes(&found(&[DEPOSIT, other])).contains(&"possible_duplicate"), "{other}");
        }
        let fire = |after_s: i64| Fired { query: DEPOSIT.to_owned(), after_ms: after_s * 1000 };
        assert_eq!(findings(&window(&Space::default(), &[fire(0), fire(601)])), []);
        let mut near = window(&Space::default(), &[fire(0), fire(600)]);
        assert_eq!(findings(&near).len(), 1);
        near.apart = vec![(2, 1)];
        assert_eq!(findings(&near), []);
        near.apart.clear();
        near.arrived[1].counted = false;
        assert_eq!(findings(&near), []);
    }
}

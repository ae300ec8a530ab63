//! Conversion: how many people of one step came to a later one, each counted at their first time.

use super::sums::{Counted, Totals, share_permille};
use crate::model::event::EventKind;

const CLICK: Counted = Counted::Click;
const CONTACT: Counted = Counted::Event(EventKind::Contact);
const SUBSCRIBED: Counted = Counted::Event(EventKind::Subscribed);
const REGISTRATION: Counted = Counted::Event(EventKind::Registration);
const DEPOSIT: Counted = Counted::Event(EventKind::Deposit);

/// The steps that are shown, each with those that it is a share of: the first of them that has as many people.
const SHOWN: [(Counted, &[Counted]); 4] = [
    (CONTACT, &[CLICK]),
    (SUBSCRIBED, &[CLICK]),
    (REGISTRATION, &[CONTACT, CLICK]),
    (DEPOSIT, &[REGISTRATION, CONTACT, CLICK]),
];

/// A step as a share of one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub from: Counted,
    pub to: Counted,
    /// Of a thousand, at most that many; `None` of nothing.
    pub permille: Option<i64>,
    /// The step that should have come before and has fewer people, where there is one.
    pub passed_over: Option<Counted>,
}

/// The conversions of a period. Where more people came to a step than the one before has, some came past it: then the
/// share is of the step before that one. Where no step has as many, there is no share.
pub fn of(totals: &Totals) -> Vec<Conversion> {
    let people = |step: Counted| totals.of(step).people;
    let one = |(to, before): (Counted, &[Counted])| {
        let first = before.first().copied().unwrap_or(CLICK);
        let has_room = |step: &&Counted| people(**step) >= people(to);
        let from = before.iter().find(has_room).copied();
        Conversion {
            from: from.unwrap_or(first),
            to,
            permille: from.and_then(|from| share_permille(people(from), people(to).max(0))),
            passed_over: (from != Some(first)).then_some(first),
        }
    };
    SHOWN.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Figures, Group, Line, Sum};
    use super::*;

    /// Click, contact, subscribed, registration, deposit.
    fn of_people(people: [i64; 5]) -> Vec<(Counted, Option<i64>, Option<Counted>)> {
        let line = |(counted, people): (Counted, i64)| Line {
            group: Group::Link(0),
            counted,
            currency: String::new(),
            sum: Sum { events: people, people, micros: 0 },
        };
        let lines: Vec<_> = Counted::STEPS.into_iter().zip(people).map(line).collect();
        let shown = of(&Figures::of(&lines, 0).total);
        shown.into_iter().map(|one| (one.from, one.permille, one.passed_over)).collect()
    }

    #[test]
    fn every_step_is_a_share_of_the_one_before() {
        assert_eq!(
            of_people([1000, 500, 250, 100, 40]),
            [
                (CLICK, Some(500), None),
                (CLICK, Some(250), None),
                (CONTACT, Some(200), None),
                (REGISTRATION, Some(400), None)
            ]
        );
        assert!(
            of_people([0; 5])
                .iter()
                .all(|(_, share, passed)| share.or(passed.map(|_| 0)).is_none())
        );
    }

    #[test]
    fn a_step_that_has_fewer_people_is_passed_over_and_no_share_is_above_the_whole() {
        assert_eq!(
            of_people([1000, 10, 0, 34, 40]),
            [
                (CLICK, Some(10), None),
                (CLICK, Some(0), None),
                (CLICK, Some(34), Some(CONTACT)),
                (CLICK, Some(40), Some(REGISTRATION))
            ]
        );
        assert_eq!(
            of_people([0, 3, 0, 0, 4]),
            [
                (CLICK, None, Some(CLICK)),
                (CLICK, None, None),
                (CONTACT, Some(0), None),
                (REGISTRATION, None, Some(REGISTRATION))
            ]
        );
    }
}

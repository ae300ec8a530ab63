//! The same id came with something else, and nothing more specific explains it.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::say::{amount, shown, were};
use crate::doctor::seen::{Seen, is_spelled_alike};
use crate::doctor::window::Version;

/// It stays until it is decided.
pub const CAUSE: Cause = Cause { word: "conflict", find, stays: true };

fn find(group: &Group) -> Option<Found> {
    let open = group
        .open(Topic::COPIES)
        .into_iter()
        .filter_map(|(at, seen)| Some((at, seen, last(seen)?)));
    let all: Vec<_> = open.collect();
    let (_, seen, version) = all.iter().max_by_key(|(_, _, version)| version.received_at_ms)?;
    let hits: Vec<_> = all
        .iter()
        .map(|(at, seen, version)| Hit {
            seen_ms: Some(version.received_at_ms),
            ..Hit::new(*at, Topic::COPIES).with_money(difference(seen, version))
        })
        .collect();
    let eid = shown(seen.at.eid.as_deref().unwrap_or("without an id"));
    let sentence = match hits.len() {
        1 => format!(
            "The {} {eid} came again {}; the first version counts.",
            seen.at.event,
            change(seen, version)
        ),
        count => format!(
            "{} sent again with something else, the last one {eid} {}; the first versions count.",
            were(count, "id"),
            change(seen, version)
        ),
    };
    let mend = "Decide on the event's page which version counts: the first, the last or both.";
    Found::new(hits, sentence, mend.to_owned())
}

/// The last version that says something else; a plus for a space is none.
fn last<'s>(seen: &'s Seen) -> Option<&'s Version> {
    let differs = |version: &&Version| {
        let is_other = version.uid.as_deref().is_some_and(|uid| {
            !seen.at.uid.as_deref().is_some_and(|first| is_spelled_alike(first, uid))
        });
        is_other || version.micros != seen.at.micros || version.currency != seen.at.currency
    };
    seen.at.versions.iter().filter(differs).max_by_key(|version| version.received_at_ms)
}

/// What the last version would change.
fn difference(seen: &Seen, version: &Version) -> Vec<(String, i64)> {
    let (first, last) = (seen.at.micros.unwrap_or_default(), version.micros.unwrap_or_default());
    if version.currency == seen.at.currency {
        return vec![(version.currency.clone(), last.saturating_sub(first))];
    }
    vec![(seen.at.currency.clone(), first), (version.currency.clone(), last)]
}

fn change(seen: &Seen, version: &Version) -> String {
    let written = |micros: Option<i64>, currency: &str| {
        micros.map_or_else(|| "no amount".to_owned(), |micros| amount(micros, currency))
    };
    let first = written(seen.at.micros, &seen.at.currency);
    let last = written(version.micros, &version.currency);
    if first != last {
        return format!("with {last} in place of {first}");
    }
    let uid = shown(version.uid.as_deref().unwrap_or_default());
    match seen.at.uid.as_deref() {
        Some(first) => format!("with uid={uid} in place of uid={}", shown(first)),
        None => format!("with uid={uid}, where there was none"),
    }
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn another_amount_is_told_with_the_difference() {
        let found = found(&[
            "event=deposit&uid=u-1&eid=tr-1&value=120.50",
            "event=deposit&uid=u-1&eid=tr-1&value=300",
        ]);
        assert_eq!(
            (found[0].cause, found[0].sentence.as_str()),
            (
                "conflict",
                "The deposit tr-1 came again with 300.00 USD in place of 120.50 USD; the first version counts."
            )
        );
        assert_eq!(found[0].money, [("USD".to_owned(), 179_500_000)]);
        assert_eq!(found[0].last_seen_ms - found[0].first_seen_ms, 1000);
    }

    #[test]
    fn another_currency_or_person_is_one_too_and_stays() {
        let first = "event=deposit&uid=u-1&eid=a&value=5".to_owned();
        let clean = (0..12).map(|at| format!("event=deposit&uid=u-1&eid=c{at}&value={at}"));
        let fire = |second: &str| {
            let all: Vec<_> =
                [first.clone(), second.to_owned()].into_iter().chain(clean.clone()).collect();
            found(&all.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let currency = fire("event=deposit&uid=u-1&eid=a&value=5&currency=EUR");
        assert_eq!((currency[0].cause, currency[0].money.len()), ("conflict", 2));
        let person = fire("event=deposit&uid=u-2&eid=a&value=5");
        assert!(
            person[0].sentence.contains("uid=u-2 in place of uid=u-1"),
            "{}",
            person[0].sentence
        );
    }

    #[test]
    fn a_retry_is_none() {
        assert_causes(
            &["event=deposit&uid=u-1&eid=a&value=5", "event=deposit&uid=u-1&eid=a&value=5.00"],
            &[],
        );
        assert_causes(&["event=deposit&uid=u-1&eid=a&value=5", "event=deposit&eid=a&value=5"], &[]);
        assert_causes(
            &["event=registration&uid=u-1+x&eid=a", "event=registration&uid=u-1%2Bx&eid=a"],
            &[],
        );
    }
}

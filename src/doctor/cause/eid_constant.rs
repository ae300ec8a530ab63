//! One id for different people: a number of the offer's, or a word.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::names::event_meant;
use crate::doctor::say::{self, counted, shown};
use crate::doctor::seen::{Seen, is_spelled_alike};
use crate::doctor::window::Version;
use crate::model::note::Field;

pub const CAUSE: Cause = Cause::new("eid_constant", find);

/// Two may be a mistake about one of them, if nothing else differs. Three people have no id in common.
const PEOPLE: usize = 3;

fn find(group: &Group) -> Option<Found> {
    let topic = Topic::EID.and(Topic::COPIES);
    let mut hits = group.hits(topic, &|seen| people(seen).len() >= fewest(seen));
    let newest = group.newest(&hits)?;
    let eid = newest.at.eid.clone().unwrap_or_default();
    let lost: i64 = newest.at.versions.iter().map(|version| version.times).sum();
    let sentence = format!(
        "{} different people came with eid={}, so only the first of them was counted and {} did not count.",
        people(newest).len(),
        shown(&eid),
        counted(usize::try_from(lost).unwrap_or_default(), "postback")
    );
    let event = group.event_of(&hits);
    for hit in &mut hits {
        let Some(seen) = group.arrived.get(hit.at) else { continue };
        let lost = seen.at.versions.iter();
        let lost = lost.filter_map(|version| Some((version.currency.clone(), version.micros?)));
        hit.money = Some(lost.collect());
        hit.seen_ms = seen.last_version_ms();
    }
    let mend = say::mend(
        group,
        &say::write_so(group, Field::Eid, event, ", which is another one each time"),
    );
    Found::new(hits, sentence, mend)
}

/// Everybody who came with this id.
fn people<'s>(seen: &'s Seen) -> Vec<&'s str> {
    let others = seen.at.versions.iter().filter_map(|version| version.uid.as_deref());
    let mut people: Vec<&str> = Vec::new();
    for uid in seen.at.uid.as_deref().into_iter().chain(others) {
        if !people.iter().any(|known| is_spelled_alike(known, uid)) {
            people.push(uid);
        }
    }
    people
}

/// How many people prove it: two where the amount differs as well, or the id is a word or a digit.
fn fewest(seen: &Seen) -> usize {
    let eid = seen.at.eid.as_deref().unwrap_or_default();
    let is_another = |version: &Version| {
        let is_other = version.uid.as_deref().zip(seen.at.uid.as_deref());
        is_other.is_some_and(|(one, other)| !is_spelled_alike(one, other))
            && version.micros != seen.at.micros
    };
    let is_word = eid.len() <= 2 || event_meant(eid).is_some();
    if is_word || seen.at.versions.iter().any(is_another) { 2 } else { PEOPLE }
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{causes, found};

    fn registrations(eid: &str, people: usize) -> Vec<String> {
        (0..people).map(|at| format!("event=registration&uid=u-{at}&eid={eid}")).collect()
    }

    fn fire(queries: &[String]) -> Vec<crate::doctor::Finding> {
        found(&queries.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn one_id_of_several_people_is_constant() {
        for (eid, people) in [("4411", 3), ("reg", 2), ("1", 2)] {
            assert_eq!(causes(&fire(&registrations(eid, people))), ["eid_constant"], "{eid}");
        }
        let amounts =
            ["event=deposit&uid=u-1&eid=tx-7&value=5", "event=deposit&uid=u-2&eid=tx-7&value=6"];
        let found = found(&amounts);
        assert_eq!((found[0].cause, found.len()), ("eid_constant", 1));
        assert_eq!(found[0].money, [("USD".to_owned(), 6_000_000)], "what did not count");
        assert!(found[0].sentence.starts_with("2 different people came with eid=tx-7"));
    }

    #[test]
    fn two_people_and_nothing_else_that_differs_are_a_conflict() {
        assert_eq!(causes(&fire(&registrations("4411", 2))), ["conflict"]);
        let same =
            ["event=deposit&uid=u-1&eid=tx-7&value=5", "event=deposit&uid=u-2&eid=tx-7&value=5"];
        assert_eq!(causes(&found(&same)), ["conflict"]);
    }
}

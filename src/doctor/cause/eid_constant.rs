//! One id for different people: a number of the offer's, or a word.

use std::collections::BTreeSet;

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, counted, shown};
use crate::doctor::seen::{Seen, spelled};
use crate::model::note::Field;

pub const CAUSE: Cause = Cause::new("eid_constant", find);

/// Two may be a mistake about one of them. Three people have no id in common.
const PEOPLE: usize = 3;

fn find(group: &Group) -> Option<Found> {
    let topic = Topic::EID.and(Topic::COPIES);
    let mut hits = group.hits(topic, |seen| people(seen).len() >= fewest(seen));
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
fn people(seen: &Seen) -> BTreeSet<String> {
    let others = seen.at.versions.iter().filter_map(|version| version.uid.as_deref());
    seen.at.uid.as_deref().into_iter().chain(others).map(spelled).collect()
}

/// How many people prove it: of a word or a very short number, two.
fn fewest(seen: &Seen) -> usize {
    let eid = seen.at.eid.as_deref().unwrap_or_default();
    let is_word = eid.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    if is_word || eid.len() <= 2 { 2 } else { PEOPLE }
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    fn deposits(eid: &str, people: usize) -> Vec<String> {
        let query = |at| format!("event=deposit&uid=u-{at}&eid={eid}&value={}", 20 + at);
        (0..people).map(query).collect()
    }

    #[test]
    fn one_id_of_three_people_or_a_word_of_two_is_constant() {
        for (eid, people) in [("4411", 3), ("deposit", 2), ("1", 2)] {
            let queries = deposits(eid, people);
            let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
            assert_causes(&queries, &["eid_constant"]);
        }
        let queries = deposits("4411", 3);
        let found = found(&queries.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(found[0].money, [("USD".to_owned(), 43_000_000)], "what did not count");
        assert!(found[0].sentence.starts_with("3 different people came with eid=4411"));
    }

    #[test]
    fn two_people_with_a_real_id_are_a_conflict() {
        let queries = deposits("tr-4411", 2);
        let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
        assert_causes(&queries, &["conflict"]);
    }
}

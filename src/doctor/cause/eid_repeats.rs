//! One id, several amounts of a person, and nothing that tells what the id is.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::say::{self, counted, shown};
use crate::doctor::seen::Seen;
use crate::model::note::Field;
use crate::network::Meaning;

pub const CAUSE: Cause = Cause::new("eid_repeats", find);

fn find(group: &Group) -> Option<Found> {
    // A network that calls again when an amount has changed does so with the same id.
    if group.has(Meaning::Change) {
        return None;
    }
    let topic = Topic::EID.and(Topic::COPIES);
    let open = group.open(topic).into_iter().map(|(at, seen)| (at, seen, amounts(seen).len()));
    let repeated: Vec<_> = open.filter(|(_, _, amounts)| *amounts >= 2).collect();
    // A single change of a single id is one postback that differs.
    if repeated.len() < 2 && repeated.iter().all(|(_, _, amounts)| *amounts < 3) {
        return None;
    }
    let (_, newest, most) = repeated.iter().max_by_key(|(_, _, amounts)| *amounts)?;
    let eid = shown(newest.at.eid.as_deref().unwrap_or_default());
    let ids = counted(repeated.len(), "id");
    let sentence = format!(
        "{ids} came with several amounts (eid={eid} with {most}), so eid does not name a single deposit and only the first of each counts."
    );
    let hits: Vec<_> = repeated.iter().map(|(at, seen, _)| lost(*at, seen, topic)).collect();
    let event = group.event_of(&hits);
    let mend = say::mend(
        group,
        &say::write_so(group, Field::Eid, event, ", which is another one for each deposit"),
    );
    Found::new(hits, sentence, mend)
}

/// A hit with the amounts that did not count.
fn lost(at: usize, seen: &Seen, topic: Topic) -> Hit {
    let lost = seen.at.versions.iter();
    let lost = lost.filter_map(|version| Some((version.currency.clone(), version.micros?)));
    Hit { seen_ms: seen.last_version_ms(), ..Hit::new(at, topic).with_money(lost.collect()) }
}

/// The different amounts under the id, all of one person.
fn amounts(seen: &Seen) -> Vec<(i64, String)> {
    let mut amounts = Vec::new();
    let mut add = |micros: Option<i64>, currency: &str| {
        let amount =
            micros.filter(|micros| *micros >= 0).map(|micros| (micros, currency.to_owned()));
        if let Some(amount) = amount.filter(|amount| !amounts.contains(amount)) {
            amounts.push(amount);
        }
    };
    add(seen.at.micros, &seen.at.currency);
    for version in &seen.at.versions {
        if version.uid.is_none() || version.uid == seen.at.uid {
            add(version.micros, &version.currency);
        }
    }
    amounts
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found};

    #[test]
    fn an_id_of_several_amounts_names_no_deposit() {
        let deposit =
            |eid: &str, value: &str| format!("event=deposit&uid=u-1&eid={eid}&value={value}");
        let fire = |pairs: &[(&str, &str)]| {
            let queries: Vec<_> = pairs.iter().map(|(eid, value)| deposit(eid, value)).collect();
            found(&queries.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let three = fire(&[("o-7", "5"), ("o-7", "6"), ("o-7", "7")]);
        assert_eq!((three[0].cause, three.len()), ("eid_repeats", 1));
        assert_eq!(three[0].money, [("USD".to_owned(), 13_000_000)]);
        assert_eq!(
            fire(&[("o-7", "5"), ("o-7", "6"), ("o-8", "5"), ("o-8", "6")])[0].cause,
            "eid_repeats"
        );
        assert_eq!(fire(&[("o-7", "5"), ("o-7", "6")])[0].cause, "conflict");
    }

    #[test]
    fn a_network_that_reports_changes_has_conflicts() {
        let changes = [5, 6, 7]
            .map(|value| format!("event=deposit&uid=u-1&eid=1.1&value={value}&currency=USD"));
        assert_causes_of("impact", &changes.each_ref().map(String::as_str), &["conflict"]);
        assert_causes(&["event=deposit&uid=u-1&eid=1&value=5"; 3], &[]);
    }
}

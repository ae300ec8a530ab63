//! Another id at every try of the same conversion.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Index, Topic, seq};
use crate::doctor::literal::Literal;
use crate::doctor::names::{RANDOMS, equal};
use crate::doctor::say::{self, counted, shown};
use crate::doctor::seen::{Seen, spelled};
use crate::model::event::EventKind;
use crate::model::note::Field;
use crate::network::Meaning;

pub const CAUSE: Cause = Cause::new("eid_fresh", find);

/// Within this time, tries of one conversion follow each other.
const TRIES_MS: i64 = 10 * 60_000;

/// What may be tried again.
const KINDS: [EventKind; 2] = [EventKind::Registration, EventKind::Deposit];

/// Equal deposits of a person that are tries and no coincidence.
const TRIES: usize = 3;

fn find(group: &Group) -> Option<Found> {
    let topic = Topic::EID.and(Topic::COPIES);
    let mut hits = Vec::new();
    let mut pairs = Vec::new();
    for cluster in clusters(group, topic) {
        let Some(((_, first), rest)) = cluster.split_first() else { continue };
        if !is_tries(group, &cluster) {
            continue;
        }
        hits.extend(rest.iter().map(|(at, _)| Hit::new(*at, topic)));
        let of_deposits = rest.iter().filter(|(_, seen)| seen.is_deposit());
        pairs.extend(
            of_deposits.filter_map(|(_, seen)| Some((seq(first.at.place)?, seq(seen.at.place)?))),
        );
    }
    let again = hits.len();
    hits.extend(group.hits(topic, &|seen| is_random(group, seen)));
    let hits = group.in_order(hits);
    let newest = group.newest(&hits)?;
    let eid = newest.text(Field::Eid).or_else(|| newest.literal(Field::Eid)).unwrap_or_default();
    let event = group.event_of(&hits);
    let count = counted(hits.len(), event.code());
    let eid = shown(eid);
    let sentence = if hits.len() > again {
        format!(
            "{count} came with a number as eid ({eid}) that is another one on every try, so each try counts."
        )
    } else {
        format!(
            "{count} came again under another id (the last one: eid={eid}), so each try counts."
        )
    };
    let so = match group.macro_of(Meaning::Random) {
        Some(random) => format!(": {random} is another one on every try"),
        None => ", which stays the same on every try".to_owned(),
    };
    let mend = say::mend(group, &say::write_so(group, Field::Eid, event, &so));
    Found::new(hits, sentence, mend).map(|found| Found { pairs, ..found })
}

/// Conversions of one person that say the same under several ids, soon after each other.
fn clusters<'g, 'a>(group: &'g Group<'a>, topic: Topic) -> Vec<Vec<(usize, &'g Seen<'a>)>> {
    let mut clusters: Vec<Vec<(usize, &Seen)>> = Vec::new();
    let mut latest = Index::new();
    for (at, seen) in group.open(topic) {
        let event = seen.event().filter(|event| KINDS.contains(event) && !seen.is_refused());
        let (Some(event), Some(uid), true) = (event, &seen.at.uid, seen.at.eid.is_some()) else {
            continue;
        };
        let (code, micros) = (event.code(), seen.at.micros.unwrap_or(i64::MIN));
        let says = format!("{code} {micros} {} {}", seen.at.currency, spelled(uid));
        let known = latest.get(&says).and_then(|places| clusters.get_mut(*places.last()?));
        let same = known.filter(|cluster| {
            cluster.first().is_some_and(|(_, first)| {
                seen.at.received_at_ms - first.at.received_at_ms <= TRIES_MS
                    && !group.are_apart(first, seen)
            })
        });
        if let Some(cluster) = same {
            cluster.push((at, seen));
        } else {
            latest.entry(says).or_default().push(clusters.len());
            clusters.push(vec![(at, seen)]);
        }
    }
    clusters.retain(|cluster| cluster.len() > 1);
    clusters
}

/// Whether they are tries: more than two equal ones, or ones that name the same moment.
fn is_tries(group: &Group, cluster: &[(usize, &Seen)]) -> bool {
    let times: Vec<_> = cluster.iter().filter_map(|(_, seen)| seen.text(Field::Time)).collect();
    let told = times.len();
    if times.iter().enumerate().any(|(at, time)| times.iter().take(at).any(|other| other == time)) {
        return true;
    }
    // Different moments are different conversions.
    let is_registration = cluster.iter().all(|(_, seen)| seen.is(EventKind::Registration));
    let is_random = cluster.iter().any(|(_, seen)| is_random(group, seen));
    told <= 1 && (cluster.len() >= TRIES || is_registration || is_random)
}

/// Whether the id is a number that the network makes for the call.
fn is_random(group: &Group, seen: &Seen) -> bool {
    let literal = seen.literal(Field::Eid).and_then(Literal::new);
    let is_macro = literal.is_some_and(|literal| {
        group.meaning(&literal) == Some(Meaning::Random)
            || RANDOMS.iter().any(|name| literal.name.eq_ignore_ascii_case(name))
    });
    is_macro || seen.at.eid.as_deref().is_some_and(|eid| equal(seen, RANDOMS, eid).is_some())
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{NOW_MS, assert_causes, assert_causes_of, found};

    const NAME: &str = "eid_fresh";

    fn deposit(uid: u8, eid: &str, rest: &str) -> String {
        format!("event=deposit&uid=u-{uid}&eid={eid}&value=25{rest}")
    }

    fn of(queries: &[String]) -> Vec<&'static str> {
        let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
        crate::doctor::tests::causes(&found(&queries))
    }

    #[test]
    fn tries_under_other_ids_are_found() {
        let t = format!("&t={}", NOW_MS - 5000);
        assert_eq!(of(&[deposit(1, "a", &t), deposit(1, "b", &t)]), [NAME]);
        assert_eq!(of(&[deposit(1, "a", ""), deposit(1, "b", ""), deposit(1, "c", "")]), [NAME]);
        assert_causes(
            &["event=registration&uid=u-1&eid=a", "event=registration&uid=u-1&eid=b"],
            &[NAME],
        );
        assert_causes(&["event=deposit&uid=u-1&eid={rand}&value=5"], &[NAME]);
        assert_causes_of(
            "affise",
            &["event=deposit&uid=u-1&eid=88&rand=88&value=5&currency=USD"],
            &[NAME],
        );
        let found = found(&[
            "event=deposit&uid=u-1&eid=a&value=5&t=1796387200",
            "event=deposit&uid=u-1&eid=b&value=5&t=1796387200",
        ]);
        assert_eq!((found[0].pairs.as_slice(), found[0].count), (&[(1, 2)][..], 1));
        assert_eq!(found[0].money, [("USD".to_owned(), 5_000_000)]);
    }

    #[test]
    fn equal_deposits_may_be_two() {
        assert_eq!(of(&[deposit(1, "a", ""), deposit(1, "b", "")]), [""; 0]);
        assert_eq!(of(&[deposit(1, "a", ""), deposit(2, "b", ""), deposit(3, "c", "")]), [""; 0]);
        let at = |s: i64| format!("&t={}", NOW_MS - s * 1000);
        assert_eq!(
            of(&[deposit(1, "a", &at(1)), deposit(1, "b", &at(2)), deposit(1, "c", &at(3))]),
            [""; 0]
        );
        assert_causes(
            &["event=registration&uid=u-1&eid=a", "event=registration&uid=u-2&eid=b"],
            &[],
        );
    }
}

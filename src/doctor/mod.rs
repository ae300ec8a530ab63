//! The postback doctor: why postbacks did not count, and what to change. Pure: it looks at a window of
//! what is stored, and knows neither database nor clock.
//!
//! Arrivals are grouped by source. The rules in `cause` look at each group in turn, the specific ones
//! first. A false finding is worse than a missing one.

mod against;
mod cause;
mod group;
mod left;
mod literal;
mod names;
mod say;
mod seen;
mod share;
mod source;
mod window;

pub use window::{Arrived, Finding, Place, UidIs, UnknownKeys, Version, Window};

use crate::doctor::cause::{CAUSES, Cause};
use crate::doctor::group::{Found, Group, seq};
use crate::doctor::seen::Seen;
use crate::network::{self, Pack};

/// Clean arrivals of a source after which what it did before counts as solved.
const CLEAN: usize = 10;

/// Examples that a finding names.
const EXAMPLES: usize = 20;

/// What is wrong with what arrived, most money first.
pub fn findings(window: &Window) -> Vec<Finding> {
    let packs = network::packs();
    let mut groups = grouped(window, &packs);
    let known = groups.iter().filter(|group| group.pack.is_some()).count();
    // What a single source sends once it is mended may show its network no more.
    let apart =
        if known == 1 { groups.iter().position(|group| group.pack.is_none()) } else { None };
    let since: Vec<_> = apart.and_then(|at| groups.get(at)).map(times).unwrap_or_default();
    let mut ranked = Vec::new();
    for finding in cause::key_unknown::findings(window) {
        rank(&mut ranked, finding);
    }
    for group in &mut groups {
        let since = if group.pack.is_some() { since.as_slice() } else { &[] };
        group.other_ms = since.iter().map(|(ms, _)| *ms).max();
        for finding in diagnose(group, since) {
            rank(&mut ranked, finding);
        }
    }
    ranked
}

/// Puts a finding where it belongs. There are never many.
fn rank(ranked: &mut Vec<Finding>, finding: Finding) {
    let key = |finding: &Finding| {
        let most = finding.money.iter().map(|(_, micros)| micros.abs()).max().unwrap_or(0);
        (most, finding.count, finding.last_seen_ms)
    };
    let behind = ranked.iter().position(|other| key(other) < key(&finding));
    ranked.insert(behind.unwrap_or(ranked.len()), finding);
}

/// The live arrivals by their source, each source's oldest first.
fn grouped<'a>(window: &'a Window, packs: &'a [Pack]) -> Vec<Group<'a>> {
    let is_live = |at: &&Arrived| at.counted || matches!(at.place, Place::Refused(_));
    let mut live: Vec<&Arrived> = window.arrived.iter().filter(is_live).collect();
    live.sort_unstable_by_key(|at| (at.received_at_ms, seq(at.place)));
    let seen: Vec<_> = live.into_iter().map(Seen::new).collect();
    let recognised = source::recognise(packs, window.network.as_deref(), &seen);
    let mut groups: Vec<(Option<&Pack>, Vec<Seen>)> = Vec::new();
    for (seen, pack) in seen.into_iter().zip(recognised) {
        let slug = |pack: Option<&Pack>| pack.map(|pack| pack.slug);
        match groups.iter_mut().find(|(known, _)| slug(*known) == slug(pack)) {
            Some((_, arrived)) => arrived.push(seen),
            None => groups.push((pack, vec![seen])),
        }
    }
    let group = |(pack, arrived)| Group::new(window, packs, pack, arrived);
    groups.into_iter().map(group).collect()
}

/// When each of a group's arrivals came, with its event.
fn times(group: &Group) -> Vec<(i64, String)> {
    let clean = group.arrived.iter().filter(|seen| !seen.is_refused() && !seen.at.mended);
    clean.map(|seen| (seen.at.received_at_ms, seen.at.event.clone())).collect()
}

fn diagnose(group: &mut Group, since: &[(i64, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cause in CAUSES {
        let Some(found) = (cause.find)(group) else { continue };
        let is_solved = !cause.stays && is_solved(group, &found, since);
        group.explain(&found, is_solved);
        if !is_solved {
            findings.push(finding(cause, group, found));
        }
    }
    findings
}

/// Whether the source has sent ten of the same events since, and none of them was hit.
fn is_solved(group: &Group, found: &Found, since: &[(i64, String)]) -> bool {
    let hits = found.hits.iter().filter_map(|hit| Some((hit, group.arrived.get(hit.at)?)));
    let last = hits.clone().map(|(hit, seen)| hit.seen_ms.unwrap_or(seen.at.received_at_ms)).max();
    // What a refused postback was meant to be may be unknown; then whatever comes is clean.
    let events: Vec<_> = hits.clone().map(|(_, seen)| seen.event()).collect();
    let is_alike = |event: &str| events.iter().any(|hit| hit.is_none_or(|hit| hit.code() == event));
    let mut is_hit = vec![false; group.arrived.len()];
    for hit in &found.hits {
        if let Some(is_hit) = is_hit.get_mut(hit.at) {
            *is_hit = true;
        }
    }
    let own = group.arrived.iter().zip(&is_hit).filter(|(seen, is_hit)| {
        !**is_hit && !seen.is_refused() && !seen.at.mended && is_alike(&seen.at.event)
    });
    let own = own.map(|(seen, _)| seen.at.received_at_ms);
    let other = since.iter().filter(|(_, event)| is_alike(event)).map(|(ms, _)| *ms);
    own.chain(other).filter(|ms| Some(*ms) > last).count() >= CLEAN
}

fn finding(cause: &Cause, group: &Group, found: Found) -> Finding {
    let mut money: Vec<(String, i128)> = Vec::new();
    let (mut seqs, mut held, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for hit in &found.hits {
        let Some(seen) = group.arrived.get(hit.at) else { continue };
        let own = || seen.money().into_iter().collect();
        for (currency, micros) in hit.money.clone().unwrap_or_else(own) {
            let micros = i128::from(micros).abs();
            match money.iter_mut().find(|(known, _)| *known == currency) {
                Some((_, sum)) => *sum += micros,
                None => money.push((currency, micros)),
            }
        }
        times.extend([seen.at.received_at_ms, hit.seen_ms.unwrap_or(seen.at.received_at_ms)]);
        match seen.at.place {
            Place::Event(seq) => seqs.push(seq),
            Place::Refused(seq) => held.push(seq),
        }
    }
    money.retain(|(_, micros)| *micros != 0);
    // By code, as every sum that has no period to count deposits in.
    money.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let newest = |mut seqs: Vec<i64>| {
        seqs.reverse();
        seqs.truncate(EXAMPLES);
        seqs
    };
    Finding {
        cause: cause.word,
        source: group.source().to_owned(),
        sentence: found.sentence,
        mend: found.mend,
        count: i64::try_from(found.hits.len()).unwrap_or(i64::MAX),
        money,
        first_seen_ms: times.iter().copied().min().unwrap_or_default(),
        last_seen_ms: times.iter().copied().max().unwrap_or_default(),
        seqs: newest(seqs),
        held: newest(held),
        pairs: found.pairs,
    }
}

#[cfg(test)]
mod tests;

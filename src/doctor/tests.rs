//! What the rules are tested with: postbacks read as they are everywhere, and an imitation of
//! "exactly once"; and the table of sources.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::model::event::Report;
use crate::postback::{self, Received};
use crate::text::json;

/// Friday, 4 December 2026, 12:26:40 UTC.
pub const NOW_MS: i64 = 1_796_387_200_000;

/// A click of every space in the tests, beside `u-1` and so on.
const CLICK: &str = "u-";

/// A postback, and when it is sent: milliseconds after the first one.
#[derive(Clone, Debug)]
pub struct Fired {
    pub query: String,
    pub after_ms: i64,
}

/// Where a source sends to.
#[derive(Clone, Debug, Default)]
pub struct Space {
    pub network: Option<String>,
    /// The uids of its clicks; what begins with `u-` has one too.
    pub clicks: Vec<String>,
    pub elsewhere: Vec<String>,
    pub has_no_clicks: bool,
}

/// What is stored of a postback that arrives alone.
pub fn stored(query: &str) -> Arrived {
    let mut store = Store::default();
    store.take(&Space::default(), query, NOW_MS);
    store.arrived.pop().unwrap()
}

/// What the postbacks of a source come to, each a second after the one before.
pub fn found(queries: &[&str]) -> Vec<Finding> {
    found_at(&Space::default(), queries)
}

/// What the postbacks of a network come to.
pub fn found_of(network: &str, queries: &[&str]) -> Vec<Finding> {
    let space = Space { network: Some(network.to_owned()), ..Space::default() };
    found_at(&space, queries)
}

pub fn found_at(space: &Space, queries: &[&str]) -> Vec<Finding> {
    let fired = queries
        .iter()
        .enumerate()
        .map(|(at, query)| Fired { query: (*query).to_owned(), after_ms: at as i64 * 1000 });
    findings(&window(space, &fired.collect::<Vec<_>>()))
}

pub fn causes(found: &[Finding]) -> Vec<&'static str> {
    found.iter().map(|found| found.cause).collect()
}

/// Checks which causes the postbacks have, in the order of the findings.
pub fn assert_causes(queries: &[&str], expected: &[&str]) {
    assert_eq!(causes(&found(queries)), expected, "{queries:?}");
}

pub fn assert_causes_of(network: &str, queries: &[&str], expected: &[&str]) {
    assert_eq!(causes(&found_of(network, queries)), expected, "{network} {queries:?}");
}

/// What is stored once a source has sent all of it.
pub fn window(space: &Space, fired: &[Fired]) -> Window {
    let mut store = Store::default();
    for fired in fired {
        store.take(space, &fired.query, NOW_MS + fired.after_ms);
    }
    let last_ms = fired.iter().map(|fired| fired.after_ms).max().unwrap_or_default();
    Window {
        arrived: store.arrived,
        network: space.network.clone(),
        has_clicks: !space.has_no_clicks,
        now_ms: NOW_MS + last_ms + 1,
        ..Window::default()
    }
}

/// Everything that has arrived, each event once.
#[derive(Default)]
struct Store {
    arrived: Vec<Arrived>,
    by_key: BTreeMap<String, usize>,
}

impl Store {
    fn take(&mut self, space: &Space, query: &str, now_ms: i64) {
        let reading = postback::read(&Received::query(query), now_ms);
        let seq = self.arrived.len() as i64 + 1;
        let mut arrived = nothing(now_ms, reading.raw);
        match reading.verdict {
            Ok(report) => {
                let key = report.dedup_key().as_str().to_owned();
                if let Some(first) = self.by_key.get(&key).and_then(|at| self.arrived.get_mut(*at))
                {
                    return again(first, &report, now_ms);
                }
                self.by_key.insert(key, self.arrived.len());
                arrived.place = Place::Event(seq);
                arrived.uid_is = space.knows(report.uid.as_ref().map(|uid| uid.as_str()));
                fill(&mut arrived, &report);
            }
            Err(refusal) => {
                arrived.place = Place::Refused(seq);
                arrived.status = Some(refusal.status);
                arrived.notes = refusal.notes.iter().map(ToString::to_string).collect();
            }
        }
        self.arrived.push(arrived);
    }
}

impl Space {
    fn knows(&self, uid: Option<&str>) -> UidIs {
        let Some(uid) = uid else { return UidIs::Absent };
        let has = |uids: &[String]| {
            uids.iter().any(|click| click.replace('+', " ") == uid.replace('+', " "))
        };
        if has(&self.clicks) || uid.starts_with(CLICK) {
            UidIs::Known
        } else if has(&self.elsewhere) {
            UidIs::OfAnotherSpace
        } else if uid.len() >= 8 && self.clicks.iter().any(|click| click.starts_with(uid)) {
            UidIs::Truncated
        } else {
            UidIs::Unknown
        }
    }
}

fn nothing(received_at_ms: i64, raw: String) -> Arrived {
    Arrived {
        place: Place::Refused(0),
        received_at_ms,
        raw,
        notes: Vec::new(),
        status: None,
        event: String::new(),
        uid: None,
        eid: None,
        has_tg_id: false,
        value: None,
        micros: None,
        currency: String::new(),
        occurred_at_ms: received_at_ms,
        counted: true,
        refires: 0,
        linked: false,
        uid_is: UidIs::Absent,
        versions: Vec::new(),
        mended: false,
    }
}

fn fill(arrived: &mut Arrived, report: &Report) {
    let id = |id: &Option<crate::model::event::Id>| id.as_ref().map(|id| id.as_str().to_owned());
    arrived.event = report.event.code().to_owned();
    (arrived.uid, arrived.eid) = (id(&report.uid), id(&report.eid));
    arrived.has_tg_id = report.tg_id.is_some();
    arrived.value = report.value.clone();
    arrived.micros = report.amount.map(|amount| amount.micros());
    arrived.currency = report.currency.as_str().to_owned();
    arrived.occurred_at_ms = report.occurred_at.ms();
    arrived.linked = arrived.uid_is == UidIs::Known;
    arrived.notes = report.notes.iter().map(ToString::to_string).collect();
}

/// The same id once more: a retry if it says the same, else a version beside the first.
fn again(first: &mut Arrived, report: &Report, now_ms: i64) {
    let mut came = nothing(now_ms, String::new());
    fill(&mut came, report);
    let is_other_person = came.uid.is_some() && came.uid != first.uid;
    if came.micros == first.micros && came.currency == first.currency && !is_other_person {
        first.refires += 1;
        return;
    }
    let version = Version {
        uid: came.uid,
        value: came.value,
        micros: came.micros,
        currency: came.currency,
        received_at_ms: now_ms,
        times: 1,
    };
    let is_alike = |known: &&mut Version| {
        (&known.uid, known.micros, &known.currency)
            == (&version.uid, version.micros, &version.currency)
    };
    match first.versions.iter_mut().find(is_alike) {
        Some(known) => {
            (known.times, known.received_at_ms) = (known.times + 1, now_ms);
        }
        None => first.versions.push(version),
    }
}

/// A row of `tests/sources.json`: where a source sends to, what it sends, and what is wrong with it.
struct Source {
    name: String,
    space: Space,
    fired: Vec<Fired>,
    cause: Option<String>,
    mend_has: Vec<String>,
}

fn sources() -> Vec<Source> {
    let table = json::read(include_str!("../../tests/sources.json"));
    let texts = |row: &Value, name: &str| row.get(name).map(json::texts).unwrap_or_default();
    // No two come at the same moment, as from a network that waits for its answers.
    let fired = |(at, fired): (usize, &Value)| {
        let after_s = json::number(fired, "after_s").unwrap_or_default();
        let after_ms = after_s * 1000 + at as i64 * 7;
        Fired { query: dated(&json::text(fired, "q"), NOW_MS), after_ms }
    };
    let row = |row: &Value| Source {
        name: json::text(row, "name"),
        space: Space {
            network: json::optional_text(row, "network"),
            clicks: texts(row, "clicks"),
            elsewhere: texts(row, "other_space_clicks"),
            has_no_clicks: texts(row, "clicks").is_empty(),
        },
        fired: json::items(&row["fire"]).enumerate().map(fired).collect(),
        cause: json::optional_text(row, "cause"),
        mend_has: texts(row, "mend_has"),
    };
    json::items(&table).map(row).collect()
}

/// A query with its times: `@ms-60000@` is a minute before the source begins, in milliseconds; `@s…@` gives
/// seconds, and `@us…@` microseconds.
fn dated(query: &str, now_ms: i64) -> String {
    let mut dated = String::new();
    for (at, part) in query.split('@').enumerate() {
        let unit = part.trim_end_matches(|c: char| c.is_ascii_digit() || "+-".contains(c));
        let is_time = at % 2 == 1 && ["ms", "s", "us"].contains(&unit);
        if !is_time {
            dated.push_str(part);
            continue;
        }
        let ms = now_ms + part.trim_start_matches(unit).parse::<i64>().unwrap_or_default();
        dated.push_str(&match unit {
            "s" => (ms / 1000).to_string(),
            "us" => (ms * 1000).to_string(),
            _ => ms.to_string(),
        });
    }
    dated
}

#[test]
fn a_misconfigured_source_gets_the_right_sentence() {
    let mut wrong = Vec::new();
    let sources = sources();
    let misconfigured = sources.iter().filter(|source| source.cause.is_some());
    for source in misconfigured.clone() {
        let found = findings(&window(&source.space, &source.fired));
        let right = found.iter().find(|found| Some(found.cause) == source.cause.as_deref());
        let mends = |found: &Finding| source.mend_has.iter().all(|part| found.mend.contains(part));
        if !right.is_some_and(mends) || found.len() > 2 {
            wrong.push(format!("{}: {:?} {found:#?}", source.name, source.cause));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(misconfigured.count() >= 65);
}

#[test]
fn a_right_source_gets_none() {
    let mut wrong = Vec::new();
    let sources = sources();
    let right = sources.iter().filter(|source| source.cause.is_none());
    for source in right.clone() {
        let found = findings(&window(&source.space, &source.fired));
        if !found.is_empty() {
            wrong.push(format!("{}: {found:#?}", source.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(right.count() >= 65);
}

//! The outbox: what is due, who is sending it, and what became of it.

use constcat::concat;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::attribution::{CLICK_OF_EVENT, TG_USER_OF_CLICK};
use super::feed::read_fields;
use super::row::Row;
use super::{number, optional_text, rows_of, run, run_together, text};
use crate::destination::facts::{ClickFacts, Facts, event_id};
use crate::destination::outcome::State;
use crate::destination::request::Attempt;
use crate::error::Error;
use crate::model::event::EventKind;

/// How long a claim holds. A lane stays with a destination for ten seconds and one try, which takes at
/// most 16 with its record, and begins none that would end later than this.
pub const LEASE_MS: i64 = 60_000;

/// Deliveries with all that is told of them; what follows says which. The click is the event's own, or
/// by the rule of `tg_clicks` the Telegram user's.
const LOADED_WHERE: &str = concat!(
    "
SELECT
  x.space_id, x.seq, x.destination_id, x.target, x.tries, x.lease, x.due_at_ms, ",
    FACTS,
    "
FROM deliveries x
JOIN events e ON e.space_id = x.space_id AND e.seq = x.seq
JOIN destinations d ON d.space_id = x.space_id AND d.id = x.destination_id
LEFT JOIN clicks c ON c.space_id = e.space_id AND c.uid = ",
    CLICK_OF_EVENT,
    "
WHERE "
);

/// All that a destination `d` is told of an event `e` and its click `c`.
pub(super) const FACTS: &str = concat!(
    "
  e.event, coalesce(c.uid, e.uid) AS uid, e.eid, CAST(e.micros AS TEXT) AS micros, e.currency,
  e.occurred_at_ms, e.receipt, coalesce(e.tg_id, ",
    TG_USER_OF_CLICK,
    ") AS tg_id,
  c.clicked_at_ms, c.fbclid, c.fbp, c.fbc, c.campaign_id, c.campaign_name, c.adset_id, c.adset_name, c.ad_id,
  c.ad_name, c.placement, c.country, c.user_agent, c.ip, d.config, d.secrets, d.failures"
);

/// Whether a destination's space is not moving to another database: what it would record could be
/// copied already.
const STAYS: &str =
    "NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = d.space_id AND m.state <> 'arrived')";

/// What the invocation that stored an event may try at once.
const OF_EVENT: &str = concat!(
    LOADED_WHERE,
    "x.space_id = ?1 AND x.seq = ?2 AND x.state = 'pending' AND x.tries = 0 AND d.rest_until_ms <= ?3
  AND ",
    STAYS
);

/// What CLAIM took, found by the end that it gave the lease. As everywhere, all three open states are
/// named: the index of what is due has nothing else, and is not taken for one of them alone.
const CLAIMED: &str = concat!(
    LOADED_WHERE,
    "x.destination_id = ?1 AND x.state IN ('pending', 'sending', 'retrying') AND x.due_at_ms = ?3
  AND x.state = 'sending' AND x.lease = ?2
ORDER BY x.tries, x.seq"
);

/// Destinations of all spaces that something is due for. A resting or paused one keeps its rows.
const DUE: &str = concat!(
    "
SELECT d.id FROM destinations d
WHERE d.enabled = 1 AND d.rest_until_ms <= ?1 AND ",
    STAYS,
    " AND EXISTS (
  SELECT 1 FROM deliveries x
  WHERE x.destination_id = d.id AND x.state IN ('pending', 'sending', 'retrying') AND x.due_at_ms <= ?1
)
"
);

const CLAIM: &str = concat!(
    "
UPDATE deliveries SET state = 'sending', lease = ?2, due_at_ms = ?4
WHERE (space_id, seq, destination_id) IN (
  SELECT x.space_id, x.seq, x.destination_id FROM deliveries x
  WHERE x.destination_id = ?1 AND x.state IN ('pending', 'sending', 'retrying') AND x.due_at_ms <= ?3
  ORDER BY x.due_at_ms LIMIT ?5
) AND EXISTS (SELECT 1 FROM destinations d WHERE d.id = ?1 AND d.enabled = 1 AND d.rest_until_ms <= ?3 AND ",
    STAYS,
    ")
"
);

/// A success counts whoever holds the lease by now; a failure only for its holder. What is on record
/// already, by the time of the try, is not recorded again: the answer to the first record may be lost. What has
/// been taken out of the figures meanwhile is not tried again. The last 50 tries stay: with what was sent and what
/// came back, 3 KB each and 150 KB in all, of the 2 MB that D1 gives a row.
const RECORD: &str = "
UPDATE deliveries SET
  state = iif(?4 = 'retrying' AND EXISTS (
    SELECT 1 FROM events e WHERE e.space_id = ?1 AND e.seq = ?2 AND e.counted = 0
  ), 'failed_permanently', ?4),
  due_at_ms = ?5, lease = NULL, tries = tries + 1,
  attempts = json_insert(
    iif(json_array_length(attempts) >= 50, json_remove(attempts, '$[0]'), coalesce(attempts, '[]')), '$[#]', json(?6)
  )
WHERE space_id = ?1 AND seq = ?2 AND destination_id = ?3
  AND (?4 = 'sent' OR (lease IS ?7 AND state NOT IN ('sent', 'failed_permanently')))
  AND (attempts IS NULL OR attempts ->> '$[#-1].at_ms' <> ?6 ->> 'at_ms')
";

const HEALTHY: &str = "
UPDATE destinations SET failures = 0, rest_until_ms = 0 WHERE space_id = ?1 AND id = ?2
";

const UNHEALTHY: &str = "
UPDATE destinations SET failures = failures + 1, rest_until_ms = max(rest_until_ms, ?3)
WHERE space_id = ?1 AND id = ?2
";

/// What a lane did not come to goes back as it was; a delivery whose try is not on record does not.
const RELEASE: &str = "
UPDATE deliveries SET state = iif(tries = 0, 'pending', 'retrying'), lease = NULL, due_at_ms = ?3
WHERE destination_id = ?1 AND state IN ('pending', 'sending', 'retrying') AND state = 'sending'
  AND lease = ?2 AND NOT (space_id = ?4 AND seq = ?5)
";

/// A delivery that may be tried now.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub space_id: i64,
    pub seq: i64,
    pub destination_id: i64,
    pub tries: u32,
    pub lease: Option<String>,
    /// Until when nobody else may try.
    pub leased_until_ms: i64,
    pub facts: Facts,
    /// JSON of the destination's configuration.
    pub config: String,
    /// The destination's secrets, sealed.
    pub secrets: String,
    /// Tries in a row that the destination did not take.
    pub failures: u32,
}

/// What became of one try, for the destination as well as for the delivery.
#[derive(Clone, Debug)]
pub struct Recorded<'a> {
    pub delivery: &'a Loaded,
    pub attempt: &'a Attempt,
    pub state: State,
    /// Until when the destination is left alone, if this try says so.
    pub rest_until_ms: Option<i64>,
}

/// The first tries of an event, for the invocation that stored it.
pub async fn of_event(
    db: &D1Database,
    space_id: i64,
    seq: i64,
    now_ms: i64,
) -> Result<Vec<Loaded>, Error> {
    let values = [number(space_id), number(seq), number(now_ms)];
    let rows = run(db, OF_EVENT, &values).await?.rows;
    Ok(rows.iter().filter_map(Loaded::read).collect())
}

/// The destinations that something is due for.
pub async fn due(db: &D1Database, now_ms: i64) -> Result<Vec<i64>, Error> {
    let rows = run(db, DUE, &[number(now_ms)]).await?.rows;
    Ok(rows.iter().map(|row| row.number("id")).collect())
}

/// Takes the lease of at most `most` due deliveries of a destination, in one round trip.
pub async fn claim(
    db: &D1Database,
    destination_id: i64,
    lease: &str,
    most: i64,
    now_ms: i64,
) -> Result<Vec<Loaded>, Error> {
    let (id, lease, until) = (number(destination_id), text(lease), number(now_ms + LEASE_MS));
    let claim = [id.clone(), lease.clone(), number(now_ms), until.clone(), number(most)];
    let read = [id, lease, until];
    let results = run_together(db, &[(CLAIM, &claim), (CLAIMED, &read)]).await?;
    Ok(rows_of(&results, 1)?.iter().filter_map(Loaded::read).collect())
}

/// Records a try. A success writes the delivery's row alone, unless the destination was unwell.
pub async fn record(db: &D1Database, recorded: &Recorded<'_>) -> Result<(), Error> {
    let Recorded { delivery, attempt, state, rest_until_ms } = recorded;
    let due_at_ms =
        if let State::Retrying { due_at_ms } = state { *due_at_ms } else { attempt.at_ms };
    let written = serde_json::to_string(attempt).unwrap_or_default();
    let (space, destination) = (number(delivery.space_id), number(delivery.destination_id));
    let record = [
        space.clone(),
        number(delivery.seq),
        destination.clone(),
        text(state.name()),
        number(due_at_ms),
        text(&written),
        optional_text(delivery.lease.as_deref()),
    ];
    let healthy = [space.clone(), destination.clone()];
    let unhealthy = [space, destination, number(rest_until_ms.unwrap_or(0))];
    let mut statements: Vec<(&str, &[JsValue])> = vec![(RECORD, &record)];
    match state {
        State::Sent if delivery.failures > 0 => statements.push((HEALTHY, &healthy)),
        State::Sent => {}
        _ if rest_until_ms.is_some() => statements.push((UNHEALTHY, &unhealthy)),
        _ => {}
    }
    run_together(db, &statements).await.map(|_results| ())
}

/// Gives back what a lease still holds of a destination, but for `kept`; due again at `due_at_ms`.
pub async fn release(
    db: &D1Database,
    destination_id: i64,
    lease: &str,
    due_at_ms: i64,
    kept: Option<&Loaded>,
) -> Result<(), Error> {
    let (space_id, seq) = kept.map_or((0, 0), |kept| (kept.space_id, kept.seq));
    let values =
        [number(destination_id), text(lease), number(due_at_ms), number(space_id), number(seq)];
    run(db, RELEASE, &values).await.map(|_rows| ())
}

impl Loaded {
    pub(super) fn read(row: &Row) -> Option<Self> {
        let (space_id, seq) = (row.number("space_id"), row.number("seq"));
        let destination_id = row.number("destination_id");
        let facts = Facts {
            event_id: event_id(&row.text("receipt"), space_id, seq, destination_id),
            canonical: EventKind::parse(&row.text("event"))?,
            target: row.text("target"),
            occurred_at_ms: row.number("occurred_at_ms"),
            uid: row.optional_text("uid"),
            eid: row.optional_text("eid"),
            tg_id: row.optional_number("tg_id"),
            micros: row.large("micros"),
            currency: row.text("currency"),
            click: read_click(row),
        };
        Some(Self {
            space_id,
            seq,
            destination_id,
            tries: u32::try_from(row.number("tries")).unwrap_or(u32::MAX),
            lease: row.optional_text("lease"),
            leased_until_ms: row.number("due_at_ms"),
            facts,
            config: row.text("config"),
            secrets: row.text("secrets"),
            failures: u32::try_from(row.number("failures")).unwrap_or(u32::MAX),
        })
    }
}

/// What is told of the click, where the event has one.
fn read_click(row: &Row) -> Option<ClickFacts> {
    Some(ClickFacts {
        clicked_at_ms: row.optional_number("clicked_at_ms")?,
        fields: read_fields(row),
        country: row.optional_text("country"),
        user_agent: row.optional_text("user_agent"),
        ip: row.optional_text("ip"),
    })
}

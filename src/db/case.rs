//! An event with what a decision about it depends on: what was decided, what came again, what looks the same.

use constcat::concat;
use serde_json::Value;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::row::Row;
use super::{number, rows_of, run_together};
use crate::error::Error;
use crate::model::decision::{Case, Decision, Kind, MOST_VERSIONS, Made, Version};
use crate::text::json;

/// That nobody took the decision `d` back.
pub(super) const STANDS: &str = "d.kind <> 'undo' AND NOT EXISTS (
    SELECT 1 FROM decisions u WHERE u.space_id = d.space_id AND u.seq = d.seq AND u.undoes = d.n
  )";

/// How far from each other, in milliseconds, two deposits that look the same may be.
const TWINS_APART_MS: &str = "600000";

/// Of the twenty deposits of the same uid before `e`, the newest that looks the same: no transaction's id, the
/// same amount in the same currency, ten minutes from it at most, and counted. NULL where `e` is no such deposit, or
/// it was decided that it is another. Uids are compared as they are spelled: what comes twice comes from one sender.
pub(super) const TWIN_OF_E: &str = concat!(
    "iif(
    e.event = 'deposit' AND e.eid IS NULL AND e.uid IS NOT NULL AND e.counted = 1 AND NOT EXISTS (
      SELECT 1 FROM decisions d
      WHERE d.space_id = e.space_id AND d.seq = e.seq AND d.kind = 'keep_both' AND ",
    STANDS,
    "
    ),
    (
      SELECT t.seq FROM (
        SELECT b.seq, b.eid, b.micros, b.currency, b.occurred_at_ms, b.counted FROM events b INDEXED BY events_uid
        WHERE b.space_id = e.space_id AND b.uid = e.uid AND b.event = 'deposit' AND b.seq < e.seq
        ORDER BY b.seq DESC LIMIT 20
      ) t
      WHERE t.eid IS NULL AND t.counted = 1 AND t.micros IS e.micros AND t.currency = e.currency
        AND abs(t.occurred_at_ms - e.occurred_at_ms) <= ",
    TWINS_APART_MS,
    "
      ORDER BY t.seq DESC LIMIT 1
    ),
    NULL
  )"
);

/// The decision by which `e` counts no more: JSON of its kind, its reason and the other event. NULL where it counts,
/// or never did.
pub(super) const OUT_BY_OF_E: &str = "iif(e.counted = 0, (
    SELECT json_array(d.kind, d.reason, d.other) FROM decisions d
    WHERE d.space_id = e.space_id AND d.seq = e.seq AND d.after ->> 'counted' = 0
    ORDER BY d.n DESC LIMIT 1
  ), NULL)";

const EVENT: &str = concat!(
    "
SELECT e.seq, e.event, e.dedup, e.uid, CAST(e.micros AS TEXT) AS micros, e.currency, e.counted, ",
    TWIN_OF_E,
    " AS twin
FROM events e WHERE e.space_id = ?1 AND e.seq = ?2"
);

/// The decisions about an event.
pub(super) const OF_EVENT: &str = "
SELECT n, kind, reason, other, before, after, undoes, at_ms
FROM decisions WHERE space_id = ?1 AND seq = ?2 ORDER BY n
";

const OPEN: &str = "
SELECT what, uid, value, CAST(micros AS TEXT) AS micros, currency, raw, received_at_ms, last_at_ms, times
FROM versions WHERE space_id = ?1 AND seq = ?2 AND decided = 0
ORDER BY last_at_ms, what LIMIT ?3
";

/// The event that the version `v` has become: by `Case::key_of`.
pub(super) const IS_MADE_OF_V: &str =
    "e.space_id = v.space_id AND e.dedup = 'v+' || v.seq || ':' || v.what";

/// What an event's versions have become, those that are counted or were.
const MADE: &str = concat!(
    "
SELECT e.seq, e.counted, v.decided AS by, EXISTS (
  SELECT 1 FROM decisions d
  WHERE d.space_id = e.space_id AND d.seq = e.seq AND NOT (d.kind = 'put_in' AND d.other IS ?2) AND ",
    STANDS,
    "
) AS decided
FROM versions v CROSS JOIN events e
WHERE v.space_id = ?1 AND v.seq = ?2 AND ",
    IS_MADE_OF_V,
    "
ORDER BY v.what LIMIT ?3"
);

/// Those that look the same as an event: the one before it, and of the next twenty deposits of its uid those that it
/// is the one before.
const LOOKS: &str = concat!(
    "
SELECT a.seq, a.occurred_at_ms, a.received_at_ms, CAST(a.micros AS TEXT) AS micros, a.currency, a.raw, 1 + (
    SELECT coalesce(max(x.n), 0) FROM decisions x WHERE x.space_id = a.space_id AND x.seq = a.seq
  ) AS next
FROM events a
WHERE a.space_id = ?1 AND a.seq IN (
  SELECT ",
    TWIN_OF_E,
    " FROM events e WHERE e.space_id = ?1 AND e.seq = ?2
  UNION ALL
  SELECT l.seq FROM (
    SELECT e.seq, ",
    TWIN_OF_E,
    " AS twin
    FROM events m CROSS JOIN events e INDEXED BY events_uid
    WHERE m.space_id = ?1 AND m.seq = ?2
      AND e.space_id = ?1 AND e.uid = m.uid AND e.event = 'deposit' AND e.seq > ?2
    ORDER BY e.seq LIMIT 20
  ) l WHERE l.twin = ?2
)
ORDER BY a.seq
"
);

/// A deposit that looks the same as another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub seq: i64,
    pub occurred_at_ms: i64,
    pub received_at_ms: i64,
    pub micros: Option<i64>,
    pub currency: String,
    pub raw: String,
    /// The number of the next decision about it.
    pub next: i64,
}

/// The decision by which an event counts no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutBy {
    pub kind: String,
    pub reason: String,
    pub other: Option<i64>,
}

/// An event with what was decided, and those that look the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    pub case: Case,
    pub looks: Vec<Look>,
}

/// What a page shows of deciding about an event; `None` where the space has no such event.
pub async fn around(db: &D1Database, space_id: i64, seq: i64) -> Result<Option<Around>, Error> {
    let event = [number(space_id), number(seq)];
    read_all(db, space_id, seq, &[(LOOKS, &event)]).await
}

/// Everything that a decision about an event depends on; `None` where the space has no such event.
pub async fn read(db: &D1Database, space_id: i64, seq: i64) -> Result<Option<Case>, Error> {
    Ok(read_all(db, space_id, seq, &[]).await?.map(|around| around.case))
}

async fn read_all(
    db: &D1Database,
    space_id: i64,
    seq: i64,
    looks: &[(&str, &[JsValue])],
) -> Result<Option<Around>, Error> {
    let event = [number(space_id), number(seq)];
    let most = i64::try_from(MOST_VERSIONS).unwrap_or(i64::MAX) + 1;
    let bounded = [&event[..], &[number(most)]].concat();
    let statements = [(EVENT, &event[..]), (OF_EVENT, &event), (OPEN, &bounded), (MADE, &bounded)];
    let results = run_together(db, &[&statements[..], looks].concat()).await?;
    let rows = rows_of(&results, 0)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let case = Case {
        seq,
        event: row.text("event"),
        dedup: row.text("dedup"),
        uid: row.optional_text("uid"),
        micros: row.large("micros"),
        currency: row.text("currency"),
        counted: row.is("counted"),
        decisions: rows_of(&results, 1)?.iter().filter_map(read_decision).collect(),
        open: rows_of(&results, 2)?.iter().map(read_version).collect(),
        made: rows_of(&results, 3)?.iter().map(read_made).collect(),
        twin: row.optional_number("twin"),
    };
    Ok(Some(Around { case, looks: rows_of(&results, 4)?.iter().map(read_look).collect() }))
}

impl OutBy {
    pub(super) fn read(stored: &Value) -> Self {
        let text =
            |at: usize| stored.get(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { kind: text(0), reason: text(1), other: stored.get(2).and_then(Value::as_i64) }
    }
}

fn read_decision(row: &Row) -> Option<Decision> {
    Some(Decision {
        n: row.number("n"),
        kind: Kind::parse(&row.text("kind"))?,
        reason: row.text("reason"),
        other: row.optional_number("other"),
        before: json::read(&row.text("before")),
        after: row.optional_text("after").map(|after| json::read(&after)),
        undoes: row.optional_number("undoes"),
        at_ms: row.number("at_ms"),
    })
}

fn read_version(row: &Row) -> Version {
    Version {
        what: row.text("what"),
        uid: row.optional_text("uid"),
        value: row.optional_text("value"),
        micros: row.large("micros"),
        currency: row.text("currency"),
        received_at_ms: row.number("received_at_ms"),
        last_at_ms: row.number("last_at_ms"),
        times: row.number("times"),
    }
}

fn read_look(row: &Row) -> Look {
    Look {
        seq: row.number("seq"),
        occurred_at_ms: row.number("occurred_at_ms"),
        received_at_ms: row.number("received_at_ms"),
        micros: row.large("micros"),
        currency: row.text("currency"),
        raw: row.text("raw"),
        next: row.number("next"),
    }
}

fn read_made(row: &Row) -> Made {
    Made {
        seq: row.number("seq"),
        counted: row.is("counted"),
        by: row.number("by"),
        decided: row.is("decided"),
    }
}

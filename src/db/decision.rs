//! Deciding about an event. To put a decision on record is to carry it out: schema.sql has
//! the triggers.

use constcat::concat;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::case::{IS_MADE_OF_V, STANDS};
use super::enter::{self, Entry};
use super::row::Row;
use super::{number, optional_number, optional_text, rows_of, run_together, text};
use crate::error::Error;
use crate::model::amount::Amount;
use crate::model::decision::{Case, Deed, Kind, MOST_VERSIONS, Version};
use crate::model::event::{Currency, EventKind, Id, Report, TgId};
use crate::model::time::EventTime;
use crate::postback::{self, Received};

/// The event as it is, for the record.
pub(super) const AS_IT_IS: &str = "json_object(
    'event', e.event, 'uid', e.uid, 'eid', e.eid, 'tg_id', e.tg_id, 'value', e.value, 'micros', e.micros,
    'currency', e.currency, 'occurred_at_ms', e.occurred_at_ms, 'notes', e.notes, 'counted', e.counted
  )";

/// The number of the next decision about `e`.
pub(super) const NEXT: &str = "1 + (
    SELECT coalesce(max(x.n), 0) FROM decisions x WHERE x.space_id = e.space_id AND x.seq = e.seq
  )";

pub(super) const INTO_DECISIONS: &str = "
INSERT INTO decisions (space_id, seq, n, kind, reason, other, before, after, undoes, at_ms)";

/// Puts a decision on record, if it is the next one still, nothing came that it does not know of, and what an
/// event is merged into counts.
const DECIDE: &str = concat!(
    INTO_DECISIONS,
    "
SELECT e.space_id, e.seq, ?3, ?4, ?5, ?6, ",
    AS_IT_IS,
    ", ?7, ?8, ?9
FROM events e
WHERE e.space_id = ?1 AND e.seq = ?2 AND ?3 = ",
    NEXT,
    "
  AND (?10 IS NULL OR ?10 = (
    SELECT count(*) FROM versions v WHERE v.space_id = ?1 AND v.seq = ?2 AND v.decided = 0
  ))
  AND (?4 <> 'merge' OR EXISTS (SELECT 1 FROM events o WHERE o.space_id = ?1 AND o.seq = ?6 AND o.counted = 1))
RETURNING n
"
);

/// Counts the events that the versions which ?3 settled have become, behind that decision.
const COUNT_MADE: &str = concat!(
    INTO_DECISIONS,
    "
SELECT e.space_id, e.seq, ",
    NEXT,
    ", 'put_in', '', ?2, ",
    AS_IT_IS,
    ", '{\"counted\":1}', NULL, ?4
FROM decisions d
JOIN versions v ON v.space_id = d.space_id AND v.seq = d.seq AND v.decided = d.n
CROSS JOIN events e
WHERE d.space_id = ?1 AND d.seq = ?2 AND d.n = ?3 AND d.kind = 'count_both' AND d.at_ms = ?4
  AND ",
    IS_MADE_OF_V,
    " AND e.counted = 0
"
);

/// Takes those back that ?5 counted, before the decision ?3 that undoes it and opens their versions again.
const TAKE_BACK_MADE: &str = concat!(
    INTO_DECISIONS,
    "
SELECT e.space_id, e.seq, ",
    NEXT,
    ", 'undo', '', ?2, ",
    AS_IT_IS,
    ", '{\"counted\":0}', d.n, ?4
FROM versions v CROSS JOIN events e
JOIN decisions d ON d.space_id = e.space_id AND d.seq = e.seq AND d.kind = 'put_in' AND d.other = ?2
WHERE v.space_id = ?1 AND v.seq = ?2 AND v.decided = ?5
  AND ?3 = 1 + (SELECT coalesce(max(x.n), 0) FROM decisions x WHERE x.space_id = ?1 AND x.seq = ?2)
  AND ",
    IS_MADE_OF_V,
    "
  AND ",
    STANDS
);

const RAW: &str = "
SELECT e.event, e.uid, e.eid, e.tg_id, v.what, v.raw
FROM events e JOIN versions v ON v.space_id = e.space_id AND v.seq = e.seq AND v.decided = 0
WHERE e.space_id = ?1 AND e.seq = ?2
";

const STATEMENTS_TOGETHER: usize = 50;

/// Puts a decision on record, which carries it out, in one transaction with what it does to other events. False
/// where another one was made meanwhile, or something came: then nothing is changed.
///
/// Versions that are to be counted are stored first, uncounted: what breaks off before the decision leaves nothing in
/// the figures, and is found again by the next try.
pub async fn decide(
    db: &D1Database,
    space_id: i64,
    case: &Case,
    deed: &Deed,
    now_ms: i64,
) -> Result<bool, Error> {
    if deed.kind == Kind::CountBoth && !store_versions(db, space_id, case).await? {
        return Err(Error::Moving);
    }
    let event = [number(space_id), number(case.seq), number(deed.n)];
    let decide = decided(&event, deed, now_ms);
    let made = [&event[..], &[number(now_ms)]].concat();
    let undone = deed.undoes.map(|(n, _)| n);
    let back = [&made[..], &[optional_number(undone)]].concat();
    let undoes_both = deed.undoes.is_some_and(|(_, kind)| kind == Kind::CountBoth);
    let mut statements: Vec<(&str, &[JsValue])> = Vec::new();
    if undoes_both {
        statements.push((TAKE_BACK_MADE, &back));
    }
    let at = statements.len();
    statements.push((DECIDE, &decide));
    if deed.kind == Kind::CountBoth {
        statements.push((COUNT_MADE, &made));
    }
    let results = run_together(db, &statements).await?;
    Ok(!rows_of(&results, at)?.is_empty())
}

/// The values of DECIDE.
fn decided(event: &[JsValue; 3], deed: &Deed, now_ms: i64) -> Vec<JsValue> {
    let after = deed.after.as_ref().map(ToString::to_string);
    let open = deed.open.and_then(|open| i64::try_from(open).ok());
    let open = open.filter(|open| *open <= MOST_VERSIONS as i64);
    let values = [
        text(deed.kind.word()),
        text(&deed.reason),
        optional_number(deed.other),
        optional_text(after.as_deref()),
        optional_number(deed.undoes.map(|(n, _)| n)),
        number(now_ms),
        optional_number(open),
    ];
    [&event[..], &values].concat()
}

/// Stores each open version as an event that does not count; false where the space is being moved.
async fn store_versions(db: &D1Database, space_id: i64, case: &Case) -> Result<bool, Error> {
    let event = [number(space_id), number(case.seq)];
    let rows = super::run(db, RAW, &event).await?.rows;
    let entry = |version: &Version| {
        let row = rows.iter().find(|row| row.text("what") == version.what)?;
        as_event(case, version, row)
    };
    let entries: Vec<_> = case.open.iter().filter_map(entry).collect();
    for entries in entries.chunks(STATEMENTS_TOGETHER) {
        if enter::store(db, space_id, entries).await?.contains(&None) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A version as a report: what it leaves out is the event's. Its time and its Telegram user are those of its own
/// raw query, as long as that is kept.
fn as_event(case: &Case, version: &Version, row: &Row) -> Option<Entry> {
    let raw = row.text("raw");
    let sent = postback::read(&Received::query(&raw), version.received_at_ms).verdict.ok();
    let id = |text: String| Id::parse(&text).ok();
    let tg_id = row.optional_number("tg_id").and_then(|tg_id| TgId::parse(&tg_id.to_string()));
    let report = Report {
        event: EventKind::parse(&row.text("event"))?,
        uid: version.uid.clone().or_else(|| row.optional_text("uid")).and_then(id),
        eid: row.optional_text("eid").and_then(id),
        tg_id: sent.as_ref().and_then(|sent| sent.tg_id).or(tg_id),
        value: version.value.clone(),
        amount: version.micros.map(Amount::of_micros),
        currency: Currency::parse(&version.currency).unwrap_or_default(),
        occurred_at: sent
            .as_ref()
            .map_or(EventTime::received(version.received_at_ms), |sent| sent.occurred_at),
        counts: false,
        notes: sent.map(|sent| sent.notes).unwrap_or_default(),
    };
    let key = case.key_of(version);
    let (receipt, dedup) = (key.clone(), Some(key));
    Some(Entry { report, raw, received_at_ms: version.received_at_ms, receipt, dedup })
}

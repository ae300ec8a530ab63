//! The rows that go along when a space moves to another database: read a piece at a time, written, compared,
//! and removed from where they were.
//!
//! Triggers fire on what is written as on everything else. The order of the parts leaves them nothing to
//! do but count: clicks come before binds, and both before the events that they would be given to;
//! destinations come behind the events that would be sent to them. The counters come behind what was
//! counted, and replace it. Days are not taken along: whoever looks closes them again.

use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1Result};

use super::{number, run, run_together, text};
use crate::error::Error;

/// Rows of a piece: each fires two triggers at most, and all take a few hundred milliseconds of the
/// database's one thread.
const ROWS: i64 = 500;

/// Characters of a piece, as JSON: at up to four bytes each they fit D1's 2 MB for one value. A row
/// that is longer goes alone: the longest, a refused body of 16 KiB with its query, has 200,000.
const CHARACTERS: i64 = 400_000;

/// Rows that are compared, or removed, at a time.
const MANY_ROWS: i64 = 5_000;

/// One table's rows of a space.
pub struct Part {
    /// The table's name, which `/api` tells.
    pub name: &'static str,
    read: &'static str,
    write: &'static str,
    sums: &'static str,
    remove: &'static str,
    /// What stands before every row.
    start: &'static str,
}

/// The statements of a table: its name; the columns of its key behind the space, and where to go on; what
/// stands before every row; its columns but for the space; what is done with a row that is there; sums
/// of what cannot change while its space moves.
macro_rules! part {
    (
        $table:literal, key $key:literal after $after:literal from $start:literal,
        $first:literal $(, $column:literal)*;
        $conflict:literal; $sums:literal
    ) => {
        Part {
            name: $table,
            read: concat!(
                "\nWITH c AS (SELECT ", $key, ", json_array(", $key, ") AS at, json_object('", $first, "', ", $first,
                $(", '", $column, "', ", $column,)* ") AS row FROM ", $table, " WHERE space_id = ?1 AND (", $key, ") > (",
                $after, ") ORDER BY ", $key, " LIMIT ?3), b AS (SELECT at, row, row_number() OVER (ORDER BY ", $key,
                ") AS n, sum(length(row)) OVER (ORDER BY ", $key, ") AS characters FROM c) ",
                "SELECT max(n) AS count, at, '[' || group_concat(row) || ']' AS rows FROM b WHERE characters <= ?4 OR n = 1\n"
            ),
            write: concat!(
                "\nINSERT INTO ", $table, " (space_id, ", $first, $(", ", $column,)* ") SELECT ?2, value ->> '", $first,
                "'", $(", value ->> '", $column, "'",)* " FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM moves m ",
                "WHERE m.space_id = ?2 AND m.state = 'arriving' AND m.part = ?3 AND m.after = ?4) ON CONFLICT ", $conflict,
                "\n"
            ),
            sums: concat!(
                "\nSELECT max(n) AS count, at, json_array(", $sums, ") AS sums FROM (SELECT c.*, json_array(", $key,
                ") AS at, row_number() OVER (ORDER BY ", $key, ") AS n FROM (SELECT * FROM ", $table,
                " WHERE space_id = ?1 AND (", $key, ") > (", $after, ") ORDER BY ", $key, " LIMIT ?3) c)\n"
            ),
            remove: concat!(
                "\nDELETE FROM ", $table, " WHERE (space_id, ", $key, ") IN (SELECT space_id, ", $key, " FROM ", $table,
                " WHERE space_id = ?1 LIMIT ?3) AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?1 AND m.state = ?2)\n"
            ),
            start: $start,
        }
    };
}

/// Every table of a space, in the order in which they are copied; schema.sql has their columns.
pub const PARTS: [Part; 15] = [
    part!("clicks", key "uid" after "?2 ->> 0" from "[\"\"]",
        "uid", "link_id", "clicked_at_ms", "fbclid", "fbp", "fbc", "campaign_id", "campaign_name", "adset_id", "adset_name",
        "ad_id", "ad_name", "placement", "country", "user_agent", "ip", "raw_query";
        "DO NOTHING"; "total(link_id), total(clicked_at_ms), sum(length(uid)), sum(length(fbclid)), sum(length(campaign_id))"),
    part!("binds", key "uid" after "?2 ->> 0" from "[\"\"]",
        "uid", "tg_id", "bound_at_ms";
        "DO NOTHING"; "total(tg_id), total(bound_at_ms), sum(length(uid))"),
    part!("held", key "seq" after "?2 ->> 0" from "[-9007199254740991]",
        "seq", "fingerprint", "status", "notes", "raw", "received_at_ms", "receipt", "refires", "event_seq", "by_key";
        "DO NOTHING"; "total(seq), total(received_at_ms), total(refires), total(event_seq), total(by_key), sum(length(raw)), sum(length(notes))"),
    part!("events", key "seq" after "?2 ->> 0" from "[-9007199254740991]",
        "seq", "dedup", "event", "uid", "eid", "tg_id", "value", "micros", "currency", "occurred_at_ms", "received_at_ms",
        "link_id", "first", "receipt", "refires", "notes", "raw", "counted", "again", "by_key";
        "DO NOTHING";
        "total(seq), total(by_key), total(micros), total(tg_id), total(link_id), total(first), total(refires), total(counted), sum(length(again)), total(occurred_at_ms), total(received_at_ms), sum(length(dedup)), sum(length(raw)), sum(length(notes))"),
    part!("versions", key "seq, what" after "?2 ->> 0, ?2 ->> 1" from "[-9007199254740991,\"\"]",
        "seq", "what", "uid", "value", "micros", "currency", "raw", "received_at_ms", "last_at_ms", "times", "decided";
        "DO NOTHING"; "total(seq), total(micros), total(last_at_ms), total(times), total(decided), sum(length(raw))"),
    part!("decisions", key "seq, n" after "?2 ->> 0, ?2 ->> 1" from "[-9007199254740991,0]",
        "seq", "n", "kind", "reason", "other", "before", "after", "undoes", "at_ms";
        "DO NOTHING"; "total(seq), total(n), total(other), total(undoes), total(at_ms), sum(length(before)), sum(length(after))"),
    part!("rules", key "n" after "?2 ->> 0" from "[-9007199254740991]",
        "n", "mend", "created_at_ms", "ended_at_ms"; "DO NOTHING"; "total(n), total(ended_at_ms), sum(length(mend))"),
    part!("replays", key "n" after "?2 ->> 0" from "[-9007199254740991]",
        "n", "what", "total", "done", "stored", "known", "after", "created_at_ms", "ended_at_ms";
        "DO NOTHING"; "total(n), total(done), total(stored), total(ended_at_ms), sum(length(what))"),
    part!("mutes", key "source, cause" after "?2 ->> 0, ?2 ->> 1" from "[\"\",\"\"]",
        "source", "cause", "muted_at_ms"; "DO NOTHING"; "total(muted_at_ms), sum(length(cause))"),
    part!("key_names", key "n" after "?2 ->> 0" from "[-9007199254740991]",
        "n", "kind", "name", "network", "created_at_ms", "used_at_ms", "ended_at_ms"; "DO NOTHING";
        "total(n), total(created_at_ms), total(ended_at_ms), sum(length(name))"),
    part!("counters", key "bucket, link_id, event, currency" after "?2 ->> 0, ?2 ->> 1, ?2 ->> 2, ?2 ->> 3"
        from "[-9007199254740991,0,\"\",\"\"]",
        "bucket", "link_id", "event", "currency", "events", "people", "units", "micros";
        "(space_id, bucket, link_id, event, currency) DO UPDATE SET events = excluded.events, people = excluded.people, units = excluded.units, micros = excluded.micros";
        "total(bucket), total(link_id), total(events), total(people), total(units), total(micros)"),
    part!("retention", key "from_seq" after "?2 ->> 0" from "[-9007199254740991]",
        "from_seq", "seq"; "DO NOTHING"; "total(seq)"),
    part!("links", key "id" after "?2 ->> 0" from "[-9007199254740991]",
        "id", "slug", "name", "kind", "target", "uid_parameter", "page", "enabled", "created_at_ms", "archived_at_ms",
        "network";
        "DO NOTHING"; "total(id), total(enabled), total(archived_at_ms), sum(length(network)), sum(length(slug)), sum(length(target)), sum(length(page))"),
    part!("destinations", key "id" after "?2 ->> 0" from "[-9007199254740991]",
        "id", "name", "enabled", "events", "config", "secrets", "failures", "rest_until_ms", "created_at_ms", "missed_from",
        "missed_to", "first_sent_at_ms";
        "DO NOTHING"; "total(id), total(enabled), total(missed_from), total(missed_to), sum(length(events)), sum(length(config)), sum(length(secrets))"),
    part!("deliveries", key "seq, destination_id" after "?2 ->> 0, ?2 ->> 1" from "[-9007199254740991,0]",
        "seq", "destination_id", "target", "state", "due_at_ms", "lease", "tries", "attempts";
        "DO NOTHING"; "total(seq), total(destination_id), total(due_at_ms), total(tries), sum(length(state)), sum(length(attempts))"),
];

/// Sums that can be had again: they are removed and not copied.
const REMOVE_CLOSED: &str = "
DELETE FROM closed_days WHERE (space_id, from_bucket) IN (
  SELECT space_id, from_bucket FROM closed_days WHERE space_id = ?1 LIMIT ?3
) AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?1 AND m.state = ?2)
";

const REMOVE_DAYS: &str = "
DELETE FROM days WHERE (space_id, from_bucket, link_id, event, currency) IN (
  SELECT space_id, from_bucket, link_id, event, currency FROM days WHERE space_id = ?1 LIMIT ?3
) AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?1 AND m.state = ?2)
";

const GO_ON: &str = "
UPDATE moves SET part = ?4, after = ?5
WHERE space_id = ?1 AND state = 'arriving' AND part = ?2 AND after = ?3
";

/// A place in the work of a move: the first so many parts are copied, then they are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub part: i64,
    /// The last row that is done, as JSON of its key.
    pub after: String,
}

impl Place {
    /// Where the work on a part begins.
    pub fn before(part: i64) -> Self {
        let start = of(part).map_or("[]", |(part, _)| part.start);
        Self { part, after: start.to_owned() }
    }
}

/// The part of a number, and whether it is being compared; `None` where everything is.
pub fn of(number: i64) -> Option<(&'static Part, bool)> {
    let number = usize::try_from(number).ok()?;
    let compares = number >= PARTS.len();
    Some((PARTS.get(if compares { number - PARTS.len() } else { number })?, compares))
}

/// Whether the record of a delivery's try changes rows of a part.
pub fn is_changed_by_sending(part: &Part) -> bool {
    matches!(part.name, "destinations" | "deliveries")
}

/// Copies the piece of a part that is next, and says so in the same transaction: what breaks off is copied
/// again, and changes nothing.
pub async fn copy(
    from: &D1Database,
    to: &D1Database,
    space_id: i64,
    place: &Place,
    part: &Part,
) -> Result<(), Error> {
    let piece = [number(space_id), text(&place.after), number(ROWS), number(CHARACTERS)];
    let read = run(from, part.read, &piece).await?.rows;
    let rows = read.first().and_then(|row| row.optional_text("rows"));
    let Some((row, rows)) = read.first().zip(rows) else {
        return go_on(to, space_id, place, &Place::before(place.part + 1)).await;
    };
    let next = Place { part: place.part, after: row.text("at") };
    let write = [text(&rows), number(space_id), number(place.part), text(&place.after)];
    let going = going_on(space_id, place, &next);
    run_together(to, &[(part.write, &write), (GO_ON, &going)]).await.map(|_results| ())
}

/// Compares the piece of a part that is next; false where the two databases differ.
pub async fn compare(
    from: &D1Database,
    to: &D1Database,
    space_id: i64,
    place: &Place,
    part: &Part,
) -> Result<bool, Error> {
    let piece = [number(space_id), text(&place.after), number(MANY_ROWS)];
    let (mut sums, mut next) = (Vec::new(), Place::before(place.part + 1));
    for db in [from, to] {
        let rows = run(db, part.sums, &piece).await?.rows;
        let row = rows.first();
        let count = row.and_then(|row| row.optional_number("count"));
        let at = row.and_then(|row| row.optional_text("at"));
        if let Some(after) = at.clone().filter(|_| count.is_some()) {
            next = Place { part: place.part, after };
        }
        sums.push((count, at, row.and_then(|row| row.optional_text("sums"))));
    }
    if sums.first() != sums.last() {
        return Ok(false);
    }
    go_on(to, space_id, place, &next).await?;
    Ok(true)
}

async fn go_on(to: &D1Database, space_id: i64, from: &Place, next: &Place) -> Result<(), Error> {
    run(to, GO_ON, &going_on(space_id, from, next)).await.map(|_nothing| ())
}

fn going_on(space_id: i64, from: &Place, next: &Place) -> [JsValue; 5] {
    [number(space_id), number(from.part), text(&from.after), number(next.part), text(&next.after)]
}

/// Removes some rows of a space from a database where its move is in this state; false where none is
/// left.
pub async fn remove(db: &D1Database, space_id: i64, state: &str) -> Result<bool, Error> {
    let piece = [number(space_id), text(state), number(MANY_ROWS)];
    let others = [REMOVE_CLOSED, REMOVE_DAYS];
    let statements: Vec<(&str, &[JsValue])> = others
        .into_iter()
        .chain(PARTS.iter().map(|part| part.remove))
        .map(|sql| (sql, &piece[..]))
        .collect();
    let results = run_together(db, &statements).await?;
    Ok(results.iter().any(|result| changes(result) > 0))
}

fn changes(result: &D1Result) -> usize {
    result.meta().ok().flatten().and_then(|meta| meta.changes).unwrap_or(0)
}

//! What the doctor looks at: the newest of what is stored of a space, in two round trips and a bounded number of
//! rows, whatever it has (docs/dashboard.md, Health).

use std::collections::BTreeMap;

use constcat::concat;
use worker::D1Database;

use super::case::STANDS;
use super::row::Row;
use super::space::{self, Home, Spaces};
use super::{json, number, rows_of, run, run_together, text, unknown_key};
use crate::doctor::{Arrived, Finding, Place, UidIs, Version, Window};
use crate::error::Error;
use crate::model::status::Status;
use crate::text::json as read_json;

/// How much of a space a window has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The newest events. Each is about two rows read, for its click, and a dozen values that cross into wasm.
    pub events: i64,
    /// The newest refused postbacks.
    pub refused: i64,
}

/// Conflicts of a window, also of events that are older than the others.
const VERSIONS: i64 = 100;

/// Uids without a click that are looked for elsewhere: each costs a row or two for every other space.
const UIDS: usize = 30;

/// The shortest uid that may be a part of another: two that begin alike by chance are longer in common than
/// counted ones are.
const SHORTEST_PART: i64 = 8;

const NEWEST_EVENTS: &str = "
SELECT
  e.seq, e.event, e.uid, e.eid, e.tg_id IS NOT NULL AS has_tg_id, e.value, CAST(e.micros AS TEXT) AS micros, e.currency,
  e.occurred_at_ms, e.received_at_ms, e.link_id, e.refires, e.notes, e.raw, e.counted,
  e.link_id <> 0 OR EXISTS (
    SELECT 1 FROM clicks c WHERE c.space_id = e.space_id AND c.uid = e.uid
  ) OR iif(e.uid GLOB '*[ +]*', EXISTS (
    SELECT 1 FROM folded_clicks f WHERE f.space_id = e.space_id AND f.folded = replace(e.uid, '+', ' ')
  ), 0) AS known
FROM events e
WHERE e.space_id = ?1 AND e.seq IN (
  SELECT n.seq FROM (SELECT seq FROM events WHERE space_id = ?1 ORDER BY seq DESC LIMIT ?2) n
  UNION
  SELECT v.seq FROM (
    SELECT seq FROM versions INDEXED BY versions_open WHERE space_id = ?1 AND decided = 0 ORDER BY seq DESC LIMIT ?3
  ) v
)
";

const OPEN_VERSIONS: &str = "
SELECT seq, uid, value, CAST(micros AS TEXT) AS micros, currency, received_at_ms, times
FROM versions INDEXED BY versions_open
WHERE space_id = ?1 AND decided = 0 ORDER BY seq DESC LIMIT ?2
";

/// What was decided about the newest events, and was not taken back.
const DECIDED: &str = concat!(
    "
SELECT d.seq, d.kind, d.other FROM decisions d
WHERE d.space_id = ?1
  AND d.seq > (SELECT coalesce(max(e.seq), 0) FROM events e WHERE e.space_id = ?1) - ?2
  AND ",
    STANDS,
    "
ORDER BY d.seq DESC, d.n LIMIT ?2
"
);

const NEWEST_REFUSED: &str = "
SELECT seq, status, notes, raw, received_at_ms, refires FROM held
WHERE space_id = ?1 AND event_seq IS NULL ORDER BY seq DESC LIMIT ?2
";

/// When some of the events before the newest ones came, the farther back the fewer: one in fifty, then one in a
/// hundred, and so on, 200 of a million.
const BEFORE: &str = "
WITH RECURSIVE
t (seq) AS MATERIALIZED (SELECT max(x.seq) FROM events x WHERE x.space_id = ?1),
n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
SELECT e.received_at_ms FROM t CROSS JOIN n CROSS JOIN events e
  ON e.space_id = ?1 AND e.seq = t.seq - ?2 - 25 * n.i * (n.i + 1)
ORDER BY n.i DESC
";

/// What else there is to know of the space, and how far it goes.
const ABOUT: &str = "
SELECT
  EXISTS (SELECT 1 FROM clicks c WHERE c.space_id = s.id) AS has_clicks,
  json_array(
    coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = s.id), 0),
    coalesce((SELECT max(h.seq) FROM held h WHERE h.space_id = s.id), 0)
  ) AS newest
FROM spaces s WHERE s.id = ?1
";

const MUTED: &str = "
SELECT source, cause FROM mutes WHERE space_id = ?1
";

/// Of uids that no click has, those that a click of this space begins with, and those of another space.
const ELSEWHERE: &str = "
SELECT u.value AS uid,
  length(u.value) >= ?3 AND EXISTS (
    SELECT 1 FROM clicks c WHERE c.space_id = ?1 AND c.uid > u.value AND c.uid < u.value || char(1114111)
  ) AS is_part,
  EXISTS (
    SELECT 1 FROM spaces s
    WHERE s.id <> ?1 AND EXISTS (SELECT 1 FROM clicks c WHERE c.space_id = s.id AND c.uid = u.value)
  ) AS is_elsewhere
FROM json_each(?2) u
";

const LOOKED: &str = "
INSERT INTO health (space_id, looked_ms, newest, findings, first) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (space_id) DO UPDATE SET
  looked_ms = excluded.looked_ms, newest = excluded.newest, findings = excluded.findings, first = excluded.first
";

/// Spaces that something has come to since they were looked at, or that were looked at long ago, the longest
/// ago first: about five rows read for each space.
const STALE: &str = "
SELECT s.id FROM spaces s LEFT JOIN health h ON h.space_id = s.id
WHERE (
    h.space_id IS NULL OR h.looked_ms < ?1 OR h.newest <> json_array(
      coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = s.id), 0),
      coalesce((SELECT max(r.seq) FROM held r WHERE r.space_id = s.id), 0)
    )
  ) AND NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = s.id AND m.state <> 'arrived')
ORDER BY coalesce(h.looked_ms, 0) LIMIT ?2
";

const MUTE: &str = "
INSERT INTO mutes (space_id, source, cause, muted_at_ms)
SELECT s.id, ?2, ?3, ?4 FROM spaces s WHERE s.id = ?1 ON CONFLICT DO NOTHING
";

const UNMUTE: &str = "
DELETE FROM mutes WHERE space_id = ?1 AND source = ?2 AND cause = ?3
";

/// What the overview says of a space's findings.
pub(super) const LAST_LOOK: &str = "
SELECT findings, first FROM health WHERE space_id = ?1
";

/// A space as the doctor sees it.
pub struct Seen {
    pub spaces: Spaces,
    pub window: Window,
    /// Sources and causes that nobody wants to hear of.
    pub muted: Vec<(String, String)>,
    /// JSON of the newest numbers.
    newest: String,
}

/// Findings as the overview tells them.
#[derive(Clone, Debug, Default)]
pub struct LastLook {
    pub findings: i64,
    /// The sentence of the first one.
    pub first: String,
}

impl LastLook {
    pub(super) fn read(rows: &[Row]) -> Self {
        let row = rows.first();
        Self {
            findings: row.map(|row| row.number("findings")).unwrap_or_default(),
            first: row.map(|row| row.text("first")).unwrap_or_default(),
        }
    }
}

/// Reads the newest of a space.
pub async fn read(home: &Home, space_id: i64, size: Size, now_ms: i64) -> Result<Seen, Error> {
    let of_space = [number(space_id)];
    let most = |most: i64| [number(space_id), number(most)];
    let results = run_together(
        home,
        &[
            (space::OF_PAGE, &of_space),
            (NEWEST_EVENTS, &[number(space_id), number(size.events), number(VERSIONS)]),
            (OPEN_VERSIONS, &most(VERSIONS)),
            (DECIDED, &most(size.events)),
            (NEWEST_REFUSED, &most(size.refused)),
            (unknown_key::OF_SPACE, &unknown_key::of_space(space_id, now_ms)),
            (MUTED, &of_space),
            (ABOUT, &of_space),
            (BEFORE, &most(size.events)),
        ],
    )
    .await?;
    let decided = Decided::read(&rows_of(&results, 3)?);
    let mut arrived: Vec<Arrived> = rows_of(&results, 1)?.iter().map(read_event).collect();
    find_elsewhere(home, space_id, &mut arrived).await?;
    for row in rows_of(&results, 2)? {
        let place = Place::Event(row.number("seq"));
        if let Some(event) = arrived.iter_mut().find(|event| event.place == place) {
            event.versions.push(read_version(&row));
        }
    }
    for event in &mut arrived {
        event.mended = matches!(event.place, Place::Event(seq) if decided.mended.contains(&seq));
    }
    arrived.extend(rows_of(&results, 4)?.iter().map(read_refused));
    let about = rows_of(&results, 7)?;
    let about = about.first();
    let muted = |row: &Row| (row.text("source"), row.text("cause"));
    let spaces = home.spaces(&results, space_id)?;
    Ok(Seen {
        window: Window {
            arrived,
            network: spaces.this.as_ref().and_then(|space| space.network.clone()),
            has_clicks: about.is_some_and(|row| row.is("has_clicks")),
            apart: decided.apart,
            unknown_keys: rows_of(&results, 5)?.iter().map(unknown_key::read).collect(),
            before_ms: rows_of(&results, 8)?
                .iter()
                .map(|row| row.number("received_at_ms"))
                .collect(),
            now_ms,
        },
        spaces,
        muted: rows_of(&results, 6)?.iter().map(muted).collect(),
        newest: about.map(|row| row.text("newest")).unwrap_or_default(),
    })
}

/// Looks for the uids that no click of the space has.
async fn find_elsewhere(
    db: &D1Database,
    space_id: i64,
    arrived: &mut [Arrived],
) -> Result<(), Error> {
    let mut uids: Vec<&str> = Vec::new();
    for event in arrived.iter().rev().filter(|event| event.uid_is == UidIs::Unknown) {
        let uid = event.uid.as_deref().unwrap_or_default();
        if uids.len() < UIDS && !uids.contains(&uid) {
            uids.push(uid);
        }
    }
    if uids.is_empty() {
        return Ok(());
    }
    let values = [number(space_id), json(&uids), number(SHORTEST_PART)];
    let rows = run(db, ELSEWHERE, &values).await?.rows;
    let found: BTreeMap<String, UidIs> = rows.iter().filter_map(read_elsewhere).collect();
    for event in arrived.iter_mut().filter(|event| event.uid_is == UidIs::Unknown) {
        let is = event.uid.as_ref().and_then(|uid| found.get(uid));
        event.uid_is = is.copied().unwrap_or(UidIs::Unknown);
    }
    Ok(())
}

fn read_elsewhere(row: &Row) -> Option<(String, UidIs)> {
    let is = match (row.is("is_part"), row.is("is_elsewhere")) {
        (_, true) => UidIs::OfAnotherSpace,
        (true, false) => UidIs::Truncated,
        (false, false) => return None,
    };
    Some((row.text("uid"), is))
}

/// What of the decisions the doctor has to know.
#[derive(Default)]
struct Decided {
    mended: Vec<i64>,
    apart: Vec<(i64, i64)>,
}

impl Decided {
    fn read(rows: &[Row]) -> Self {
        let mut decided = Self::default();
        for row in rows {
            let seq = row.number("seq");
            match (row.text("kind").as_str(), row.optional_number("other")) {
                ("mend" | "keep_first" | "take_last" | "count_both", _) => decided.mended.push(seq),
                ("keep_both", Some(other)) => decided.apart.push((other, seq)),
                _ => {}
            }
        }
        decided
    }
}

fn read_event(row: &Row) -> Arrived {
    let uid = row.optional_text("uid");
    let uid_is = match (&uid, row.is("known")) {
        (None, _) => UidIs::Absent,
        (Some(_), true) => UidIs::Known,
        (Some(_), false) => UidIs::Unknown,
    };
    Arrived {
        place: Place::Event(row.number("seq")),
        received_at_ms: row.number("received_at_ms"),
        raw: row.text("raw"),
        notes: read_json::texts(&read_json::read(&row.text("notes"))),
        status: None,
        event: row.text("event"),
        uid,
        eid: row.optional_text("eid"),
        has_tg_id: row.is("has_tg_id"),
        value: row.optional_text("value"),
        micros: row.large("micros"),
        currency: row.text("currency"),
        occurred_at_ms: row.number("occurred_at_ms"),
        counted: row.is("counted"),
        refires: row.number("refires"),
        linked: row.number("link_id") != 0,
        uid_is,
        versions: Vec::new(),
        mended: false,
    }
}

fn read_refused(row: &Row) -> Arrived {
    Arrived {
        place: Place::Refused(row.number("seq")),
        received_at_ms: row.number("received_at_ms"),
        raw: row.text("raw"),
        notes: read_json::texts(&read_json::read(&row.text("notes"))),
        status: Status::parse(&row.text("status")),
        event: String::new(),
        uid: None,
        eid: None,
        has_tg_id: false,
        value: None,
        micros: None,
        currency: String::new(),
        occurred_at_ms: row.number("received_at_ms"),
        counted: false,
        refires: row.number("refires"),
        linked: false,
        uid_is: UidIs::Absent,
        versions: Vec::new(),
        mended: false,
    }
}

fn read_version(row: &Row) -> Version {
    Version {
        uid: row.optional_text("uid"),
        value: row.optional_text("value"),
        micros: row.large("micros"),
        currency: row.text("currency"),
        received_at_ms: row.number("received_at_ms"),
        times: row.number("times"),
    }
}

/// Notes for the overview what a look has come to.
pub async fn looked(
    db: &D1Database,
    space_id: i64,
    seen: &Seen,
    open: &[Finding],
) -> Result<(), Error> {
    let first = open.first().map(|finding| finding.sentence.as_str()).unwrap_or_default();
    let values = [
        number(space_id),
        number(seen.window.now_ms),
        text(&seen.newest),
        number(open.len() as i64),
        text(first),
    ];
    run(db, LOOKED, &values).await.map(|_rows| ())
}

/// Spaces that are to be looked at: at most so many.
pub async fn stale(db: &D1Database, before_ms: i64, most: i64) -> Result<Vec<i64>, Error> {
    let rows = run(db, STALE, &[number(before_ms), number(most)]).await?.rows;
    Ok(rows.iter().map(|row| row.number("id")).collect())
}

/// Says nothing more of a cause at a source, or says it again.
pub async fn mute(
    db: &D1Database,
    space_id: i64,
    (source, cause): (&str, &str),
    muted_at_ms: Option<i64>,
) -> Result<(), Error> {
    let of_finding = [number(space_id), text(source), text(cause)];
    match muted_at_ms {
        Some(now_ms) => {
            let values = [&of_finding[..], &[number(now_ms)]].concat();
            run(db, MUTE, &values).await.map(|_rows| ())
        }
        None => run(db, UNMUTE, &of_finding).await.map(|_rows| ()),
    }
}

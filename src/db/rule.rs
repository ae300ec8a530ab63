//! A space's rules: mends that are on for all that its senders bring. None is deleted, since events name those
//! that acted on them.

use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::row::Row;
use super::space::{self, Home, Spaces};
use super::{json, number, rows_of, run, run_together, text};
use crate::error::Error;
use crate::model::event::Arrival;
use crate::model::note::Note;
use crate::postback::mend::{Mend, Rule};
use crate::text::json as read;

/// Rules of a space that can be on at a time: an isolate keeps those of a thousand keys, at about 200 bytes each
/// four of its 128 megabytes.
pub const MOST: i64 = 20;

/// What keys' spaces read their postbacks by: one row read for a key of a space without rules.
pub(super) const OF_KEYS: &str = "
SELECT k.hash, k.kind, k.expires_at_ms, k.rules AS number, iif(k.rules = 0, NULL, (
  SELECT json_group_array(json_array(r.n, json(r.mend))) FROM (
    SELECT n, mend FROM rules WHERE space_id = k.space_id AND ended_at_ms IS NULL ORDER BY n
  ) r
)) AS rules
FROM keys k WHERE k.hash IN (SELECT value FROM json_each(?1))
";

/// All rules of a space, as OF_KEYS has them, each with whether it is on.
pub(super) const ALL: &str = "
SELECT json_group_array(json_array(r.n, json(r.mend), r.ended_at_ms IS NULL)) AS rules FROM (
  SELECT n, mend, ended_at_ms FROM rules WHERE space_id = ?1 ORDER BY n
) r
";

/// What the rules and the replays do that an event's notes name.
pub(super) const ACTED: &str = "
WITH t AS (
  SELECT j.value AS note, CAST(substr(j.value, instr(j.value, ':') + 1) AS INTEGER) AS n
  FROM events e CROSS JOIN json_each(e.notes) j
  WHERE e.space_id = ?1 AND e.seq = ?2 AND (j.value GLOB 'rule:*' OR j.value GLOB 'mended:*')
)
SELECT t.note, r.mend FROM t CROSS JOIN rules r ON r.space_id = ?1 AND r.n = t.n WHERE t.note GLOB 'rule:*'
UNION ALL
SELECT t.note, p.what -> 'mend' FROM t CROSS JOIN replays p ON p.space_id = ?1 AND p.n = t.n
WHERE t.note GLOB 'mended:*'
";

const LIST: &str = "
SELECT n, mend, created_at_ms, ended_at_ms FROM rules
WHERE space_id = ?1 ORDER BY ended_at_ms IS NOT NULL, n DESC LIMIT 200
";

/// The same rule twice is one: a form that is sent again puts none on.
pub(super) const BEGIN: &str = "
INSERT INTO rules (space_id, n, mend, created_at_ms)
SELECT s.id, coalesce((SELECT max(r.n) FROM rules r WHERE r.space_id = s.id), 0) + 1, ?2, ?3 FROM spaces s
WHERE s.id = ?1
  AND NOT EXISTS (SELECT 1 FROM rules r WHERE r.space_id = s.id AND r.mend = ?2 AND r.ended_at_ms IS NULL)
  AND (SELECT count(*) FROM rules r WHERE r.space_id = s.id AND r.ended_at_ms IS NULL) < ?4
";

const ON: &str = "
SELECT n AS id FROM rules WHERE space_id = ?1 AND mend = ?2 AND ended_at_ms IS NULL
";

/// Of a rule that has ended it says so, and changes nothing.
const END: &str = "
UPDATE rules SET ended_at_ms = coalesce(ended_at_ms, ?3) WHERE space_id = ?1 AND n = ?2 RETURNING n AS id
";

/// What one key's space reads its postbacks by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfKey {
    pub hash: String,
    pub kind: String,
    pub expires_at_ms: Option<i64>,
    /// Which rules these are; 0 for none.
    pub number: i64,
    pub rules: Vec<Rule>,
}

impl OfKey {
    pub(super) fn read(row: &Row) -> Self {
        Self {
            hash: row.text("hash"),
            kind: row.text("kind"),
            expires_at_ms: row.optional_number("expires_at_ms"),
            number: row.number("number"),
            rules: read_rules(row),
        }
    }

    /// Whether it is the key of an arrival, of its kind, and was valid then.
    pub fn opens_for(&self, arrival: &Arrival) -> bool {
        self.hash == arrival.key_hash
            && self.kind == arrival.key_kind.name()
            && self.expires_at_ms.is_none_or(|until_ms| arrival.received_at_ms < until_ms)
    }
}

/// Why nothing was stored of an arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shut {
    /// Its database has no such key.
    NoKey,
    /// It was read by other rules than its space has on: these.
    Rules(OfKey),
    /// One of both, or its key has ended: nobody has asked.
    Unsaid,
}

impl Shut {
    /// What the answer to OF_KEYS says of an arrival of which nothing was stored.
    pub(super) fn told(rows: &[Row], arrival: &Arrival) -> Self {
        let of_key = rows.iter().map(OfKey::read).find(|of_key| of_key.opens_for(arrival));
        of_key.map_or(Self::NoKey, Self::Rules)
    }
}

/// All rules of a row, by its column `rules`.
pub(super) fn read_rules(row: &Row) -> Vec<Rule> {
    read_all(row).into_iter().map(|(rule, _)| rule).collect()
}

/// The rules of a row of ALL, each with whether it is on. One that a later version wrote is left out.
pub(super) fn read_all(row: &Row) -> Vec<(Rule, bool)> {
    let stored = read::read(&row.text("rules"));
    let rule = |stored: &serde_json::Value| {
        let n = stored.get(0)?.as_u64()?.try_into().ok()?;
        let mend = Mend::read(&stored.get(1)?.to_string())?;
        let is_on = stored.get(2).and_then(serde_json::Value::as_u64) == Some(1);
        Some((Rule { note: Note::Rule(n), mend }, is_on))
    };
    read::items(&stored).filter_map(rule).collect()
}

/// The notes of rows of ACTED, each with what its rule or replay does.
pub(super) fn read_acts(rows: &[Row]) -> Vec<(Note, String)> {
    let act = |row: &Row| {
        Some((Note::read(&row.text("note"))?, Mend::read(&row.text("mend"))?.to_string()))
    };
    rows.iter().filter_map(act).collect()
}

/// What the spaces of keys read their postbacks by, in one round trip. Unknown keys are left out.
pub async fn of_keys(db: &D1Database, hashes: &[&str]) -> Result<Vec<OfKey>, Error> {
    Ok(run(db, OF_KEYS, &[json(&hashes)]).await?.rows.iter().map(OfKey::read).collect())
}

/// A rule as the list shows it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub n: i64,
    /// `None` for one that a later version wrote.
    pub mend: Option<Mend>,
    pub created_at_ms: i64,
    pub ended_at_ms: Option<i64>,
}

impl Listed {
    fn read(row: &Row) -> Self {
        Self {
            n: row.number("n"),
            mend: Mend::read(&row.text("mend")),
            created_at_ms: row.number("created_at_ms"),
            ended_at_ms: row.optional_number("ended_at_ms"),
        }
    }
}

/// A space's rules: those that are on, then those that have ended, the newest first.
pub async fn list(home: &Home, space_id: i64) -> Result<(Spaces, Vec<Listed>), Error> {
    let values = [number(space_id)];
    let results = run_together(home, &[(space::OF_PAGE, &values), (LIST, &values)]).await?;
    let listed = rows_of(&results, 1)?.iter().map(Listed::read).collect();
    Ok((home.spaces(&results, space_id)?, listed))
}

/// The values of BEGIN.
pub(super) fn beginning(space_id: i64, mend: &Mend, now_ms: i64) -> [JsValue; 4] {
    [number(space_id), text(&mend.to_json()), number(now_ms), number(MOST)]
}

/// Puts a mend on as a rule and gives its number, also where it is on already; `None` where the space has as many
/// as it can have, or is not there.
pub async fn begin(
    db: &D1Database,
    space_id: i64,
    mend: &Mend,
    now_ms: i64,
) -> Result<Option<i64>, Error> {
    let values = beginning(space_id, mend, now_ms);
    let which = values.get(..2).unwrap_or_default();
    let results = run_together(db, &[(BEGIN, &values), (ON, which)]).await?;
    Ok(rows_of(&results, 1)?.first().map(|row| row.number("id")))
}

/// Ends a rule; false where the space has none of this number.
pub async fn end(db: &D1Database, space_id: i64, n: i64, now_ms: i64) -> Result<bool, Error> {
    let values = [number(space_id), number(n), number(now_ms)];
    Ok(run(db, END, &values).await?.id().is_some())
}

//! The keys of a space. A key's end is a time and no deletion: what was received before it may still
//! wait in a queue.

use std::cell::RefCell;
use std::collections::HashMap;

use constcat::concat;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1Result};

use super::row::Row;
use super::rule::{self, Shut};
use super::space::{self, Home, Spaces};
use super::{Cost, Rows, json, number, optional_text, rows_of, run, run_together, text};
use crate::error::Error;
use crate::model::event::Arrival;
use crate::model::key::KeyKind;
use crate::model::space::{GRACE_MS, SHOWN_AGAIN_MS};

const OF_SPACE: &str = "
SELECT k.hash, k.kind, k.created_at_ms, k.expires_at_ms,
  NOT EXISTS (SELECT 1 FROM unused_keys u WHERE u.hash = k.hash) AS used
FROM keys k
WHERE k.space_id = ?1 AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?2)
ORDER BY k.kind, k.expires_at_ms IS NOT NULL, k.created_at_ms DESC, k.hash
";

const WHOSE: &str = "
SELECT s.id, s.name, k.expires_at_ms FROM keys k JOIN spaces s ON s.id = k.space_id
WHERE k.hash = ?1 AND k.kind = ?2
";

/// Whether the key that a rotation goes out from, ?3, is the space's current one; NULL where it is to
/// have none yet.
const GOES_OUT_FROM: &str = "s.id = ?1 AND (
  SELECT k.hash FROM keys k WHERE k.space_id = s.id AND k.kind = ?2 AND k.expires_at_ms IS NULL
  ORDER BY k.created_at_ms DESC, k.hash LIMIT 1
) IS ?3
";

const NOTE_UNUSED: &str = concat!(
    "
INSERT INTO unused_keys (hash) SELECT ?4 FROM spaces s WHERE ",
    GOES_OUT_FROM
);

/// From here to the end of the rotation there are two current keys, which nobody else sees.
const ADD: &str = concat!(
    "
INSERT INTO keys (hash, space_id, kind, created_at_ms)
SELECT ?4, s.id, ?2, ?5 FROM spaces s WHERE ",
    GOES_OUT_FROM
);

/// Where the current key was used, the one before it ends now: two at a time are enough. Where nobody
/// has used the current one, the one before it is what networks call with, and keeps its time.
const END_BEFORE: &str = "
UPDATE keys SET expires_at_ms = ?5 WHERE space_id = ?1 AND kind = ?2 AND expires_at_ms > ?5
  AND EXISTS (SELECT 1 FROM keys c WHERE c.hash = ?3 AND c.expires_at_ms IS NULL)
  AND EXISTS (SELECT 1 FROM keys n WHERE n.hash = ?4 AND n.expires_at_ms IS NULL)
  AND NOT EXISTS (SELECT 1 FROM unused_keys u WHERE u.hash = ?3)
";

const END_CURRENT: &str = "
UPDATE keys SET expires_at_ms = iif(hash IN (SELECT u.hash FROM unused_keys u), ?4, ?5)
WHERE space_id = ?1 AND kind = ?2 AND expires_at_ms IS NULL AND hash <> ?3
  AND EXISTS (SELECT 1 FROM keys n WHERE n.hash = ?3 AND n.expires_at_ms IS NULL)
";

/// The new key as long as it may be shown, and the end of the one before it.
const ROTATED: &str = "
SELECT coalesce(
  (SELECT max(p.expires_at_ms) FROM keys p WHERE p.space_id = n.space_id AND p.kind = n.kind AND p.expires_at_ms > ?4),
  ?4
) AS until_ms
FROM keys n
WHERE n.space_id = ?1 AND n.kind = ?2 AND n.hash = ?3 AND n.expires_at_ms IS NULL AND n.created_at_ms > ?5
";

const END_PREVIOUS: &str = "
UPDATE keys SET expires_at_ms = ?3 WHERE space_id = ?1 AND kind = ?2 AND expires_at_ms > ?3
RETURNING space_id AS id
";

const USE: &str = "
DELETE FROM unused_keys WHERE hash IN (SELECT value FROM json_each(?1))
";

const REMOVE_ENDED: &str = "
DELETE FROM keys WHERE expires_at_ms <= ?1
";

const REMOVE_MOVED: &str = "
DELETE FROM moved_keys WHERE expires_at_ms <= ?1
";

const REMOVE_UNUSED: &str = "
DELETE FROM unused_keys WHERE NOT EXISTS (SELECT 1 FROM keys k WHERE k.hash = unused_keys.hash)
";

/// How long an ended key is kept. Cloudflare keeps a message for at most 14 days, and the dead-letter
/// queue keeps it as long once more: 28 days after a postback was received nothing can ask for its
/// key. One day more for clocks that differ.
const KEPT_MS: i64 = (14 + 14 + 1) * 24 * 60 * 60 * 1000;

/// How long an isolate knows that a key is marked as used. Not for ever: a restored database may
/// have forgotten it.
const KNOWN_MS: i64 = 60 * 60 * 1000;

/// Keys that an isolate remembers: at about 150 bytes each, one and a half megabytes of its 128.
const MOST: usize = 10_000;

thread_local! {
    /// Hashes of keys that are marked as used, with the time until which that is known.
    static USED: RefCell<HashMap<String, i64>> = RefCell::new(HashMap::new());
}

/// A key as the keys page shows it: never the secret, which nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub hash: String,
    pub kind: KeyKind,
    pub created_at_ms: i64,
    /// Until when a rotated key is valid; `None` for the current one.
    pub expires_at_ms: Option<i64>,
    /// Whether anything ever came with it.
    pub used: bool,
}

/// The current one of a kind among a space's keys.
pub fn current(keys: &[Shown], kind: KeyKind) -> Option<&Shown> {
    keys.iter().find(|key| key.kind == kind && key.expires_at_ms.is_none())
}

/// A space's keys that are valid at a moment.
pub async fn of_space(
    home: &Home,
    space_id: i64,
    now_ms: i64,
) -> Result<(Spaces, Vec<Shown>), Error> {
    let values = [number(space_id), number(now_ms)];
    let results =
        run_together(home, &[(space::OF_PAGE, &[number(space_id)]), (OF_SPACE, &values)]).await?;
    let read = |row: &Row| {
        Some(Shown {
            hash: row.text("hash"),
            kind: KeyKind::parse(&row.text("kind"))?,
            created_at_ms: row.number("created_at_ms"),
            expires_at_ms: row.optional_number("expires_at_ms"),
            used: row.is("used"),
        })
    };
    let keys = rows_of(&results, 1)?.iter().filter_map(read).collect();
    Ok((home.spaces(&results, space_id)?, keys))
}

/// Whose a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    pub space_id: i64,
    pub space_name: String,
    /// When it ends, or ended; `None` for a current one.
    pub expires_at_ms: Option<i64>,
}

/// Whose an ingest token is, by its hash; `None` where the database does not know it.
pub async fn whose(db: &D1Database, hash: &str) -> Result<Option<Whose>, Error> {
    let rows = run(db, WHOSE, &[text(hash), text(KeyKind::Ingest.name())]).await?.rows;
    Ok(rows.first().map(|row| Whose {
        space_id: row.number("id"),
        space_name: row.text("name"),
        expires_at_ms: row.optional_number("expires_at_ms"),
    }))
}

/// A key that takes another's place, both named by their hashes.
pub struct Rotation<'a> {
    pub space_id: i64,
    pub kind: KeyKind,
    /// The key that has to be the current one still; `None` where there is none yet.
    pub from: Option<&'a str>,
    pub to: &'a str,
    pub now_ms: i64,
}

/// Makes a key the current one, if the one that it goes out from is that still; else changes nothing.
/// The one before stays valid for 24 hours, or ends now where it was never used. Gives the time until
/// which a previous key is valid, also to whoever asks for the same rotation again within five
/// minutes; `None` where another key is the current one.
pub async fn rotate(db: &D1Database, rotation: &Rotation<'_>) -> Result<Option<i64>, Error> {
    let now_ms = rotation.now_ms;
    let (space, kind) = (number(rotation.space_id), text(rotation.kind.name()));
    let (from, to) = (optional_text(rotation.from), text(rotation.to));
    let (now, until) = (number(now_ms), number(now_ms + GRACE_MS));
    let all = [space.clone(), kind.clone(), from, to.clone(), now.clone()];
    let noted = all.get(..4).unwrap_or_default();
    let current = [space.clone(), kind.clone(), to.clone(), now.clone(), until];
    let rotated = [space, kind, to, now, number(now_ms - SHOWN_AGAIN_MS)];
    let statements: [(&str, &[JsValue]); 5] = [
        (NOTE_UNUSED, noted),
        (ADD, &all),
        (END_BEFORE, &all),
        (END_CURRENT, &current),
        (ROTATED, &rotated),
    ];
    let results = run_together(db, &statements).await?;
    Ok(rows_of(&results, 4)?.first().map(|row| row.number("until_ms")))
}

/// Ends the previous key of a kind before its time; false where the space has none that is valid.
pub async fn revoke_previous(
    db: &D1Database,
    space_id: i64,
    kind: KeyKind,
    now_ms: i64,
) -> Result<bool, Error> {
    let values = [number(space_id), text(kind.name()), number(now_ms)];
    Ok(run(db, END_PREVIOUS, &values).await?.id().is_some())
}

/// Removes the keys that ended so long ago that no queue can still have a postback of theirs.
pub async fn remove_ended(db: &D1Database, now_ms: i64) -> Result<(), Error> {
    let before = [number(now_ms - KEPT_MS)];
    let statements = [(REMOVE_ENDED, &before[..]), (REMOVE_MOVED, &before), (REMOVE_UNUSED, &[])];
    run_together(db, &statements).await.map(|_results| ())
}

/// Runs a statement that gives a row for each key that opens a space. Where a key may be used for the
/// first time, the same transaction marks it: one statement more in the same round trip, and one row
/// written if it is the first time.
pub(super) async fn run_used(
    db: &D1Database,
    hashes: &[&str],
    now_ms: i64,
    sql: &str,
    values: &[JsValue],
) -> Result<Rows, Error> {
    let unmarked = Unmarked::among(hashes, now_ms);
    let Some(mark) = unmarked.statement() else { return run(db, sql, values).await };
    let results = run_together(db, &[(sql, values), (USE, &mark)]).await?;
    let rows = rows_of(&results, 0)?;
    if rows.len() == hashes.len() {
        unmarked.remember();
    }
    Ok(Rows { rows, cost: Cost(results) })
}

/// Runs the statement of one arrival, which gives a row if its key opens a space and it was read by the rules that
/// the space has on. Gives that row; or why there is none, as far as the same round trip can say.
pub(super) async fn run_alone(
    db: &D1Database,
    arrival: &Arrival,
    sql: &str,
    values: &[JsValue],
) -> Result<(Result<Row, Shut>, Cost), Error> {
    let unmarked = Unmarked::among(&[&arrival.key_hash], arrival.received_at_ms);
    let Some(mark) = unmarked.statement() else {
        let Rows { rows, cost } = run(db, sql, values).await?;
        return Ok((rows.into_iter().next().ok_or(Shut::Unsaid), cost));
    };
    // Of a key that nobody here has seen yet its rules are asked for as well.
    let statements = [(sql, values), (USE, &mark[..]), (rule::OF_KEYS, &mark)];
    let results = run_together(db, &statements).await?;
    let outcome = match rows_of(&results, 0)?.into_iter().next() {
        Some(row) => {
            unmarked.remember();
            Ok(row)
        }
        None => Err(Shut::told(&rows_of(&results, 2)?, arrival)),
    };
    Ok((outcome, Cost(results)))
}

/// The same for several statements, of which the first gives a row for each key that opens a space.
pub(super) async fn run_together_used(
    db: &D1Database,
    hashes: &[&str],
    now_ms: i64,
    statements: &[(&str, &[JsValue])],
) -> Result<Vec<D1Result>, Error> {
    let unmarked = Unmarked::among(hashes, now_ms);
    let mark = unmarked.statement();
    let mark = mark.as_ref().map(|mark| (USE, &mark[..]));
    let statements: Vec<_> = statements.iter().copied().chain(mark).collect();
    let results = run_together(db, &statements).await?;
    if rows_of(&results, 0)?.len() >= hashes.len() {
        unmarked.remember();
    }
    Ok(results)
}

/// Keys of which this isolate does not know that they are marked as used.
struct Unmarked<'a> {
    hashes: Vec<&'a str>,
    now_ms: i64,
}

impl<'a> Unmarked<'a> {
    fn among(hashes: &[&'a str], now_ms: i64) -> Self {
        let known = |hash: &&str| {
            USED.with_borrow(|used| used.get(*hash).is_some_and(|until_ms| now_ms < *until_ms))
        };
        Self { hashes: hashes.iter().filter(|hash| !known(hash)).copied().collect(), now_ms }
    }

    /// The values of USE; `None` where there is nothing to mark.
    fn statement(&self) -> Option<[JsValue; 1]> {
        (!self.hashes.is_empty()).then(|| [json(&self.hashes)])
    }

    fn remember(&self) {
        USED.with_borrow_mut(|used| {
            if used.len() + self.hashes.len() > MOST {
                used.clear();
            }
            let until_ms = self.now_ms + KNOWN_MS;
            used.extend(self.hashes.iter().map(|hash| ((*hash).to_owned(), until_ms)));
        });
    }
}

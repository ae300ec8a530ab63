//! The keys of a space, each with its name and its secrets, and when they are used. A secret's end is a time and no
//! deletion: what was received before it may still wait in a queue.

use std::cell::RefCell;
use std::collections::HashMap;

use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1Result};

use super::row::Row;
use super::rule::{self, Shut};
use super::space::{self, Home, Spaces};
use super::{Cost, Rows, json, number, rows_of, run, run_together, text};
use crate::error::Error;
use crate::model::event::Arrival;
use crate::model::key::KeyKind;
use crate::model::key_name::State;

/// The secrets of a space's keys, and what the keys are called. A space has few of both.
const OF_SPACE: &str = "
SELECT k.hash, k.n, k.created_at_ms, k.expires_at_ms,
  NOT EXISTS (SELECT 1 FROM unused_keys u WHERE u.hash = k.hash) AS used
FROM keys k
WHERE k.space_id = ?1 AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?2)
ORDER BY k.n, k.expires_at_ms IS NOT NULL, k.created_at_ms DESC, k.hash
";

/// Those that live, then those that have ended, the newest first.
const NAMES: &str = "
SELECT n, kind, name, network, created_at_ms, used_at_ms, ended_at_ms FROM key_names
WHERE space_id = ?1 ORDER BY ended_at_ms IS NOT NULL, ended_at_ms DESC, n LIMIT ?2
";

const WHOSE: &str = "
SELECT s.id, s.name, k.n, coalesce(w.name, '') AS key_name, k.expires_at_ms
FROM keys k JOIN spaces s ON s.id = k.space_id LEFT JOIN key_names w ON w.space_id = k.space_id AND w.n = k.n
WHERE k.hash = ?1
";

const USE: &str = "
DELETE FROM unused_keys WHERE hash IN (SELECT value FROM json_each(?1))
";

/// When a key was last used, to the hour: one row written an hour, however many isolates it comes to.
const USED_AT: &str = "
UPDATE key_names SET used_at_ms = ?2 FROM keys k
WHERE k.hash IN (SELECT value FROM json_each(?1)) AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ?2)
  AND key_names.space_id = k.space_id AND key_names.n = k.n
  AND (key_names.used_at_ms IS NULL OR key_names.used_at_ms < ?2 - 3600000)
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

/// Ended keys that are listed. Nobody ends that many; a program might.
const ENDED_LISTED: i64 = 200;

/// A secret of a key, by its hash: never the secret, which nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub hash: String,
    pub created_at_ms: i64,
    /// Until when a rotated one is valid; `None` for the current one.
    pub expires_at_ms: Option<i64>,
    /// Whether anything ever came with it.
    pub used: bool,
}

/// A key of a space, with the secrets that are valid now: the current one, then those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub n: i64,
    pub kind: KeyKind,
    pub name: String,
    /// The network that it was made for, by its pack's slug.
    pub network: Option<String>,
    pub created_at_ms: i64,
    /// Its last use that is on record; written once an hour at most.
    pub used_at_ms: Option<i64>,
    /// When somebody ended it for good.
    pub ended_at_ms: Option<i64>,
    pub secrets: Vec<Secret>,
}

impl Named {
    fn read(row: &Row, secrets: &[Row]) -> Option<Self> {
        let n = row.number("n");
        let of_it = secrets.iter().filter(|secret| secret.number("n") == n);
        let secret = |row: &Row| Secret {
            hash: row.text("hash"),
            created_at_ms: row.number("created_at_ms"),
            expires_at_ms: row.optional_number("expires_at_ms"),
            used: row.is("used"),
        };
        Some(Self {
            n,
            kind: KeyKind::parse(&row.text("kind"))?,
            name: row.text("name"),
            network: row.optional_text("network"),
            created_at_ms: row.number("created_at_ms"),
            used_at_ms: row.optional_number("used_at_ms"),
            ended_at_ms: row.optional_number("ended_at_ms"),
            secrets: of_it.map(secret).collect(),
        })
    }

    /// The secret that it is called with now; `None` where it has ended.
    pub fn current(&self) -> Option<&Secret> {
        self.secrets.iter().find(|secret| secret.expires_at_ms.is_none())
    }

    /// Until when a secret before the current one is valid.
    pub fn previous_until_ms(&self) -> Option<i64> {
        self.secrets.iter().filter_map(|secret| secret.expires_at_ms).max()
    }

    pub fn state(&self) -> State {
        match (self.current(), self.previous_until_ms()) {
            (None, _) => State::Ended,
            (Some(_), Some(_)) => State::Rotated,
            (Some(secret), None) if !secret.used => State::NeverUsed,
            (Some(_), None) => State::Current,
        }
    }
}

/// A space's keys: those that live, then those that have ended.
pub async fn of_space(
    home: &Home,
    space_id: i64,
    now_ms: i64,
) -> Result<(Spaces, Vec<Named>), Error> {
    let secrets = [number(space_id), number(now_ms)];
    let names = [number(space_id), number(ENDED_LISTED)];
    let statements: [(&str, &[JsValue]); 3] =
        [(space::OF_PAGE, &secrets[..1]), (OF_SPACE, &secrets), (NAMES, &names)];
    let results = run_together(home, &statements).await?;
    let secrets = rows_of(&results, 1)?;
    let keys = rows_of(&results, 2)?;
    let keys = keys.iter().filter_map(|row| Named::read(row, &secrets)).collect();
    Ok((home.spaces(&results, space_id)?, keys))
}

/// Whose a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    pub space_id: i64,
    pub space_name: String,
    /// The key's number and name.
    pub n: i64,
    pub key_name: String,
    /// When it ends, or ended; `None` for a current one.
    pub expires_at_ms: Option<i64>,
}

/// Whose a key is, by its hash; `None` where the database does not know it.
pub async fn whose(db: &D1Database, hash: &str) -> Result<Option<Whose>, Error> {
    let rows = run(db, WHOSE, &[text(hash)]).await?.rows;
    Ok(rows.first().map(|row| Whose {
        space_id: row.number("id"),
        space_name: row.text("name"),
        n: row.number("n"),
        key_name: row.text("key_name"),
        expires_at_ms: row.optional_number("expires_at_ms"),
    }))
}

/// Removes the keys that ended so long ago that no queue can still have a postback of theirs.
pub async fn remove_ended(db: &D1Database, now_ms: i64) -> Result<(), Error> {
    let before = [number(now_ms - KEPT_MS)];
    let statements = [(REMOVE_ENDED, &before[..]), (REMOVE_MOVED, &before), (REMOVE_UNUSED, &[])];
    run_together(db, &statements).await.map(|_results| ())
}

/// Runs a statement that gives a row for each key that opens a space. Where a key may be used for the
/// first time, or for the first time in an hour, the same transaction marks it: two statements more in the
/// same round trip, and one row written for each that is so.
pub(super) async fn run_used(
    db: &D1Database,
    hashes: &[&str],
    now_ms: i64,
    sql: &str,
    values: &[JsValue],
) -> Result<Rows, Error> {
    let unmarked = Unmarked::among(hashes, now_ms);
    let Some(mark) = unmarked.mark() else { return run(db, sql, values).await };
    let results = run_together(db, &[(sql, values), mark.first_use(), mark.last_use()]).await?;
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
    let Some(mark) = unmarked.mark() else {
        let Rows { rows, cost } = run(db, sql, values).await?;
        return Ok((rows.into_iter().next().ok_or(Shut::Unsaid), cost));
    };
    // Of a key that nobody here has seen yet its rules are asked for as well.
    let statements =
        [(sql, values), mark.first_use(), mark.last_use(), (rule::OF_KEYS, mark.hashes())];
    let results = run_together(db, &statements).await?;
    let outcome = match rows_of(&results, 0)?.into_iter().next() {
        Some(row) => {
            unmarked.remember();
            Ok(row)
        }
        None => Err(Shut::told(&rows_of(&results, 3)?, arrival)),
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
    let mark = unmarked.mark();
    let marks = mark.iter().flat_map(|mark| [mark.first_use(), mark.last_use()]);
    let statements: Vec<_> = statements.iter().copied().chain(marks).collect();
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

    /// What marks them; `None` where there is nothing to mark.
    fn mark(&self) -> Option<Mark> {
        (!self.hashes.is_empty()).then(|| Mark([json(&self.hashes), number(self.now_ms)]))
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

/// The values of the statements that mark keys: their hashes, and the time.
struct Mark([JsValue; 2]);

impl Mark {
    fn hashes(&self) -> &[JsValue] {
        self.0.get(..1).unwrap_or_default()
    }

    fn first_use(&self) -> (&'static str, &[JsValue]) {
        (USE, self.hashes())
    }

    fn last_use(&self) -> (&'static str, &[JsValue]) {
        (USED_AT, &self.0)
    }
}

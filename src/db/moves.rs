//! Spaces that move from one database to another, and what leads to where they are (docs/scaling.md,
//! Moving a space).
//!
//! In the database that a space leaves its move is `leaving`, and `left` for good: its keys are no
//! keys there any more, and say where to go. In the other one it is `clearing` (what an earlier try may
//! have left is removed), `arriving` (rows are copied) and, for good, `arrived`: so nobody who is late can
//! clear a space that lives there.

use worker::D1Database;

use super::parts::Place;
use super::row::Row;
use super::rule::{self, OfKey};
use super::{json, number, optional_number, optional_text, rows_of, run, run_together, text};
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;

/// Where a key leads that is none of this database, and keys that have become one since.
const OF_KEYS: &str = "
SELECT k.hash AS what, m.database, m.state FROM moved_keys k JOIN moves m ON m.space_id = k.space_id
WHERE k.hash IN (SELECT value FROM json_each(?1))
UNION ALL
SELECT k.hash, NULL, NULL FROM keys k WHERE k.hash IN (SELECT value FROM json_each(?1))
";

/// Of the spaces of visits those that are not in this database.
pub(super) const OF_VISITS: &str = "
SELECT m.space_id AS what, m.database, m.state FROM moves m
WHERE m.state <> 'arrived' AND m.space_id IN (SELECT value ->> 'space_id' FROM json_each(?1))
";

const STATE: &str = "
SELECT database, state, began_ms, part, after FROM moves WHERE space_id = ?1
";

const LEAVE: &str = "
INSERT INTO moves (space_id, database, state, began_ms)
SELECT s.id, ?2, 'leaving', ?3 FROM spaces s WHERE s.id = ?1
ON CONFLICT (space_id) DO UPDATE SET
  database = excluded.database, state = 'leaving', began_ms = excluded.began_ms, part = 0
WHERE state = 'arrived' AND part = -1
";

const TAKE_KEYS: &str = "
INSERT INTO moved_keys (hash, space_id, kind, created_at_ms, expires_at_ms, n, used)
SELECT k.hash, k.space_id, k.kind, k.created_at_ms, k.expires_at_ms, k.n,
  NOT EXISTS (SELECT 1 FROM unused_keys u WHERE u.hash = k.hash)
FROM keys k
WHERE k.space_id = ?1 AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?1 AND m.state = 'leaving')
ON CONFLICT (hash) DO NOTHING
";

const END_KEYS: &str = "
DELETE FROM keys
WHERE space_id = ?1 AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?1 AND m.state = 'leaving')
";

const SPACE: &str = "
SELECT name, time_zone, created_at_ms, network, archived_at_ms, guide FROM spaces WHERE id = ?1
";

const RECEIVE: &str = "
INSERT INTO spaces (id, name, time_zone, created_at_ms, network, archived_at_ms, guide)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (id) DO UPDATE SET
  name = excluded.name, time_zone = excluded.time_zone, network = excluded.network,
  archived_at_ms = excluded.archived_at_ms, guide = excluded.guide
";

/// Also for a space that was there before, or whose rows differed.
const CLEAR: &str = "
INSERT INTO moves (space_id, database, state, began_ms) VALUES (?1, ?2, 'clearing', ?3)
ON CONFLICT (space_id) DO UPDATE SET
  database = excluded.database, state = 'clearing', began_ms = excluded.began_ms
WHERE state = 'left' AND began_ms < excluded.began_ms OR state = 'arriving' AND began_ms = excluded.began_ms
";

const ARRIVE: &str = "
UPDATE moves SET state = 'arriving', part = 0, after = ?2 WHERE space_id = ?1 AND state = 'clearing'
";

/// Deliveries that somebody has the lease of: what is being sent now is on record before it is copied.
const LEASED: &str = "
SELECT 1 AS id FROM destinations d CROSS JOIN deliveries x
  ON x.destination_id = d.id AND x.state IN ('pending', 'sending', 'retrying') AND x.due_at_ms > ?2
WHERE d.space_id = ?1 AND x.state <> 'retrying' LIMIT 1
";

const KEYS: &str = "
SELECT json_group_array(json_array(hash, kind, created_at_ms, expires_at_ms, used, n)) AS keys
FROM moved_keys WHERE space_id = ?1
";

const BRING_KEYS: &str = "
INSERT INTO keys (hash, space_id, kind, created_at_ms, expires_at_ms, n)
SELECT value ->> 0, ?2, value ->> 1, value ->> 2, value ->> 3, coalesce(value ->> 5, 0) FROM json_each(?1)
WHERE EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?2 AND m.state = 'arriving' AND m.part = ?3)
ON CONFLICT (hash) DO NOTHING
";

const BRING_UNUSED: &str = "
INSERT INTO unused_keys (hash) SELECT value ->> 0 FROM json_each(?1)
WHERE NOT value ->> 4
  AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?2 AND m.state = 'arriving' AND m.part = ?3)
ON CONFLICT (hash) DO NOTHING
";

const LEAD_NO_MORE: &str = "
DELETE FROM moved_keys
WHERE space_id = ?1
  AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?1 AND m.state = 'arriving' AND m.part = ?2)
";

const ARRIVED: &str = "
UPDATE moves SET state = 'arrived' WHERE space_id = ?1 AND state = 'arriving' AND part = ?2
";

const LEFT: &str = "
UPDATE moves SET state = 'left' WHERE space_id = ?1 AND state = 'leaving'
";

const LIST_HERE: &str = "
DELETE FROM space_databases WHERE space_id = ?1 AND database = ?2
";

const LIST_THERE: &str = "
INSERT INTO space_databases (space_id, database, ready)
SELECT ?1, ?3, 1 WHERE coalesce((SELECT d.database FROM space_databases d WHERE d.space_id = ?1), 1) = ?2
ON CONFLICT (space_id) DO UPDATE SET database = excluded.database
";

/// The slugs of a space that leaves the first database; those of another are there already.
const KEEP_SLUGS: &str = "
INSERT INTO slugs (slug, space_id, link_id) SELECT slug, space_id, id FROM links WHERE space_id = ?1
ON CONFLICT (slug) DO UPDATE SET space_id = excluded.space_id, link_id = excluded.link_id
";

const FREE_SLUGS: &str = "
DELETE FROM slugs WHERE space_id = ?1
";

const REMOVE_SPACE: &str = "
DELETE FROM spaces WHERE id = ?1 AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = ?1 AND m.state = 'left')
";

const DONE: &str = "
UPDATE moves SET part = -1 WHERE space_id = ?1 AND database = ?2 AND state = 'arrived'
";

/// Where something is that a database does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// It is under way, and waits.
    Moving,
    At(Database),
    /// It has come back meanwhile.
    Here,
}

impl Whereabouts {
    /// The database that it is in, if that is another one.
    pub fn database(self) -> Option<Database> {
        if let Self::At(database) = self { Some(database) } else { None }
    }
}

/// What these keys' spaces read by, and which of them have gone elsewhere, each with where it is. One round trip.
pub async fn of_keys(
    db: &D1Database,
    hashes: &[&str],
) -> Result<(Vec<OfKey>, Vec<(String, Whereabouts)>), Error> {
    let hashes = [json(&hashes)];
    let results = run_together(db, &[(rule::OF_KEYS, &hashes), (OF_KEYS, &hashes)]).await?;
    let of_keys = rows_of(&results, 0)?.iter().map(OfKey::read).collect();
    let found = rows_of(&results, 1)?;
    let found = found.iter().filter_map(|row| Some((row.text("what"), whereabouts(row)?)));
    Ok((of_keys, found.collect()))
}

/// Which of these visits' spaces have gone elsewhere, as a statement behind the one that records them
/// says.
pub(super) fn of_visits(rows: &[Row]) -> Vec<(i64, Whereabouts)> {
    rows.iter().filter_map(|row| Some((row.number("what"), whereabouts(row)?))).collect()
}

fn whereabouts(row: &Row) -> Option<Whereabouts> {
    let Some(database) = row.optional_number("database") else { return Some(Whereabouts::Here) };
    match row.text("state").as_str() {
        "left" => Database::of_number(database).map(Whereabouts::At),
        "arrived" => Some(Whereabouts::Here),
        _ => Some(Whereabouts::Moving),
    }
}

/// How far a space's move is, as one of the two databases says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Leaving,
    Left,
    Clearing,
    Arriving(Place),
    /// It lives here; what is left of it elsewhere may still have to be removed.
    Arrived {
        is_done: bool,
    },
}

/// A space's move as one of its two databases has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The other database.
    pub other: Database,
    pub state: State,
    /// When it began, which tells it from an earlier one.
    pub began_ms: i64,
}

/// The last move of a space that a database knows of.
pub async fn last(db: &D1Database, space_id: i64) -> Result<Option<Move>, Error> {
    let rows = run(db, STATE, &[number(space_id)]).await?.rows;
    let Some(row) = rows.first() else { return Ok(None) };
    let place = Place { part: row.number("part"), after: row.text("after") };
    let state = match row.text("state").as_str() {
        "leaving" => State::Leaving,
        "left" => State::Left,
        "clearing" => State::Clearing,
        "arriving" => State::Arriving(place),
        _ => State::Arrived { is_done: place.part < 0 },
    };
    let began_ms = row.number("began_ms");
    let other = Database::of_number(row.number("database"));
    Ok(other.map(|other| Move { other, state, began_ms }))
}

/// Has a space leave: from here on nothing is stored in it, and what comes waits.
pub async fn leave(
    from: &D1Database,
    space_id: i64,
    to: Database,
    now_ms: i64,
) -> Result<(), Error> {
    let space = [number(space_id)];
    let going = [number(space_id), number(to.number().into()), number(now_ms)];
    let statements = [(LEAVE, &going[..]), (TAKE_KEYS, &space), (END_KEYS, &space)];
    run_together(from, &statements).await.map(|_results| ())
}

/// Has the other database make room.
pub async fn receive(
    from: &D1Database,
    to: &D1Database,
    space_id: i64,
    of: Database,
    began_ms: i64,
) -> Result<(), Error> {
    let rows = run(from, SPACE, &[number(space_id)]).await?.rows;
    let Some(row) = rows.first() else { return Ok(()) };
    let space = [
        number(space_id),
        text(&row.text("name")),
        text(&row.text("time_zone")),
        number(row.number("created_at_ms")),
        optional_text(row.optional_text("network").as_deref()),
        optional_number(row.optional_number("archived_at_ms")),
        optional_text(row.optional_text("guide").as_deref()),
    ];
    let clear = [number(space_id), number(of.number().into()), number(began_ms)];
    run_together(to, &[(RECEIVE, &space), (CLEAR, &clear)]).await.map(|_results| ())
}

/// Begins to copy: there is room now.
pub async fn arrive(to: &D1Database, space_id: i64) -> Result<(), Error> {
    let values = [number(space_id), text(&Place::before(0).after)];
    run(to, ARRIVE, &values).await.map(|_nothing| ())
}

/// Whether a delivery of the space may be under way still.
pub async fn is_sending(from: &D1Database, space_id: i64, now_ms: i64) -> Result<bool, Error> {
    Ok(run(from, LEASED, &[number(space_id), number(now_ms)]).await?.id().is_some())
}

/// Opens the space where it is now: its keys are keys there from here on. `part` is the end of the work.
pub async fn open(
    from: &D1Database,
    to: &D1Database,
    space_id: i64,
    part: i64,
) -> Result<(), Error> {
    let rows = run(from, KEYS, &[number(space_id)]).await?.rows;
    let keys = rows.first().map(|row| row.text("keys")).unwrap_or_default();
    let brought = [text(&keys), number(space_id), number(part)];
    let end = [number(space_id), number(part)];
    let statements = [
        (BRING_KEYS, &brought[..]),
        (BRING_UNUSED, &brought),
        (LEAD_NO_MORE, &end),
        (ARRIVED, &end),
    ];
    run_together(to, &statements).await.map(|_results| ())
}

/// Has the old keys lead on, and the first database list the space where it is.
pub async fn lead_on(
    config: &Config,
    from: Database,
    to: Database,
    space_id: i64,
) -> Result<(), Error> {
    run(&config.db_of(from)?, LEFT, &[number(space_id)]).await?;
    let space = [number(space_id)];
    let left = [number(space_id), number(from.number().into())];
    let place = [&left[..], &[number(to.number().into())]].concat();
    let mut statements = Vec::new();
    if from.is_first() {
        statements.push((KEEP_SLUGS, &space[..]));
    }
    if to.is_first() {
        statements.extend([(FREE_SLUGS, &space[..]), (LIST_HERE, &left)]);
    } else {
        statements.push((LIST_THERE, &place[..]));
    }
    run_together(&config.db()?, &statements).await.map(|_results| ())
}

/// Forgets a space where it was, but for where its keys lead, and with that the move.
pub async fn forget(
    config: &Config,
    from: Database,
    to: Database,
    space_id: i64,
) -> Result<(), Error> {
    if !from.is_first() {
        run(&config.db_of(from)?, REMOVE_SPACE, &[number(space_id)]).await?;
    }
    let done = [number(space_id), number(from.number().into())];
    run(&config.db_of(to)?, DONE, &done).await.map(|_nothing| ())
}

//! Destinations. Their secrets come and go sealed; nothing here can read them.

use serde_json::value::RawValue;
use worker::D1Database;

use super::missed::{self, Missed};
use super::row::Row;
use super::space::{self, Home, Spaces};
use super::{number, rows_of, run, run_together, text};
use crate::destination::{self, Destination, DestinationDraft, EventMap, Settings};
use crate::error::Error;
use crate::text::json;

const CREATE: &str = "
INSERT INTO destinations (
  id, space_id, name, enabled, events, config, secrets, created_at_ms, made_by, missed_from
)
SELECT ?8, s.id, ?2, ?3, ?4, ?5, ?6, ?7, ?9, iif(
  ?3, NULL, coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = s.id), 0)
)
FROM spaces s WHERE s.id = ?1
ON CONFLICT (made_by) WHERE made_by IS NOT NULL DO NOTHING
RETURNING id
";

/// The one that a form made when it was sent before.
const MADE_BY: &str = "
SELECT d.id FROM destinations d WHERE d.made_by = ?2 AND d.space_id = ?1
";

/// An id is drawn by a row that nobody ever sees.
const DRAW: &str = "
INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms)
VALUES (?1, '', 0, '{}', '{}', '', 0)
RETURNING id
";

const PUT_BACK: &str = "
DELETE FROM destinations WHERE id = last_insert_rowid()
";

/// A changed destination starts afresh: what was wrong with it may be mended, and with other settings it has to show
/// that it takes events. NULL times 0 stays NULL.
const CHANGE: &str = "
UPDATE destinations SET
  name = ?2, enabled = ?3, events = ?4, config = ?5, secrets = ?6, failures = 0, rest_until_ms = 0,
  first_sent_at_ms = iif(config = ?5, first_sent_at_ms, first_sent_at_ms * 0)
WHERE space_id = ?1 AND id = ?7
RETURNING id
";

pub(super) const LIST: &str = "
SELECT
  d.id, d.name, d.enabled, d.events, d.config, d.secrets, d.failures, d.rest_until_ms, d.first_sent_at_ms,
  (
    SELECT count(*) FROM (
      SELECT 1 FROM deliveries x
      WHERE x.destination_id = d.id AND x.state IN ('pending', 'sending', 'retrying') LIMIT 100
    )
  ) AS open,
  (
    SELECT count(*) FROM (
      SELECT 1 FROM deliveries x
      WHERE x.destination_id = d.id AND x.state = 'failed_permanently' LIMIT 100
    )
  ) AS failed
FROM destinations d
WHERE d.space_id = ?1 AND (?2 IS NULL OR d.id = ?2)
ORDER BY d.id
";

/// What the destinations of a space are called.
pub(super) const NAMES: &str = "
SELECT d.id, d.name FROM destinations d WHERE d.space_id = ?1 ORDER BY d.id
";

/// The destination, where it is one of the space.
pub(super) const OF_SPACE: &str = "
SELECT d.id FROM destinations d WHERE d.space_id = ?1 AND d.id = ?2
";

const PAUSE: &str = "
UPDATE destinations SET enabled = ?3 WHERE space_id = ?1 AND id = ?2 RETURNING id
";

const GIVE_UP_OPEN: &str = "
UPDATE deliveries INDEXED BY deliveries_due SET state = 'failed_permanently', lease = NULL
WHERE space_id = ?1 AND destination_id = ?2 AND state IN ('pending', 'sending', 'retrying')
";

const DELETE: &str = "
DELETE FROM destinations WHERE space_id = ?1 AND id = ?2 RETURNING id
";

/// A destination as it is stored. `open` and `failed` are counted up to 100: a
/// page reads them each time.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: i64,
    pub name: String,
    pub enabled: bool,
    pub events: String,
    pub config: String,
    pub secrets: String,
    pub failures: i64,
    pub rest_until_ms: i64,
    /// When it first took an event; 0 where it took none since its settings changed, `None` where it never did.
    pub first_sent_at_ms: Option<i64>,
    pub open: i64,
    pub failed: i64,
}

impl Stored {
    /// What may be shown of its configuration.
    pub fn settings(&self) -> Option<Box<dyn Settings>> {
        destination::read(&json::read(&self.config))
    }

    /// What it calls each event; what is missing is not sent.
    pub fn names(&self) -> EventMap {
        json::texts_by_name(&json::read(&self.events))
    }

    /// It as its form has it.
    pub fn draft(&self) -> Option<DestinationDraft> {
        DestinationDraft::of(&self.name, self.enabled, &self.names(), &json::read(&self.config))
    }

    pub(super) fn read(row: &Row) -> Self {
        Self {
            id: row.number("id"),
            name: row.text("name"),
            enabled: row.is("enabled"),
            events: row.text("events"),
            config: row.text("config"),
            secrets: row.text("secrets"),
            failures: row.number("failures"),
            rest_until_ms: row.number("rest_until_ms"),
            first_sent_at_ms: row.optional_number("first_sent_at_ms"),
            open: row.number("open"),
            failed: row.number("failed"),
        }
    }
}

/// Creates a destination, under the next id if none is given, and gives its id; `None` where there is
/// no such space. A form that is sent twice makes one, whose id is given both times.
pub async fn create(
    db: &D1Database,
    space_id: i64,
    id: Option<i64>,
    destination: &Destination,
    sealed: &str,
    made_by: Option<&str>,
    now_ms: i64,
) -> Result<Option<i64>, Error> {
    let values = values(space_id, destination, sealed, now_ms);
    let of_new = [super::optional_number(id), super::optional_text(made_by)];
    let create = [&values[..], &of_new].concat();
    let made = [number(space_id), super::optional_text(made_by)];
    let results = run_together(db, &[(CREATE, &create), (MADE_BY, &made)]).await?;
    let (created, made) = (rows_of(&results, 0)?, rows_of(&results, 1)?);
    Ok(created.first().or(made.first()).map(|row| row.number("id")))
}

/// An id that the first database will not give to a destination any more, for one of another database.
pub async fn reserve(first: &D1Database, space_id: i64) -> Result<i64, Error> {
    let results = run_together(first, &[(DRAW, &[number(space_id)]), (PUT_BACK, &[])]).await?;
    let id = rows_of(&results, 0)?.first().map(|row| row.number("id"));
    id.ok_or_else(|| Error::Database("no id came back".to_owned()))
}

/// Changes a destination; false where the space has no such one.
pub async fn change(
    db: &D1Database,
    space_id: i64,
    id: i64,
    destination: &Destination,
    sealed: &str,
) -> Result<bool, Error> {
    let values = values(space_id, destination, sealed, id);
    Ok(run(db, CHANGE, &values).await?.id().is_some())
}

/// The values of `LIST` for all of a space's.
pub(super) fn all_of(space_id: i64) -> [worker::wasm_bindgen::JsValue; 2] {
    [number(space_id), super::optional_number(None)]
}

/// A space's destinations, or the one of an id.
pub async fn list(db: &D1Database, space_id: i64, id: Option<i64>) -> Result<Vec<Stored>, Error> {
    let rows = run(db, LIST, &[number(space_id), super::optional_number(id)]).await?.rows;
    Ok(rows.iter().map(Stored::read).collect())
}

/// A space's destinations, or the one of an id, with the space and what they missed.
pub async fn on_page(
    home: &Home,
    space_id: i64,
    id: Option<i64>,
) -> Result<(Spaces, Vec<Stored>, Vec<Missed>), Error> {
    let list = [number(space_id), super::optional_number(id)];
    let missed = missed::of(space_id, id);
    let statements = [(space::OF_PAGE, &list[..1]), (LIST, &list), (missed::LIST, &missed)];
    let results = run_together(home, &statements).await?;
    let stored = rows_of(&results, 1)?.iter().map(Stored::read).collect();
    let missed = Missed::read_all(&rows_of(&results, 2)?);
    Ok((home.spaces(&results, space_id)?, stored, missed))
}

/// Sends events on to it, or no more; false where the space has no such one. Nothing that waits is lost
/// meanwhile.
pub async fn pause(db: &D1Database, space_id: i64, id: i64, enabled: bool) -> Result<bool, Error> {
    let values = [number(space_id), number(id), number(i64::from(enabled))];
    Ok(run(db, PAUSE, &values).await?.id().is_some())
}

/// Removes a destination; false where the space has no such one. What it still had to get is given up,
/// and stays on record.
pub async fn delete(db: &D1Database, space_id: i64, id: i64) -> Result<bool, Error> {
    let values = [number(space_id), number(id)];
    let results = run_together(db, &[(GIVE_UP_OPEN, &values), (DELETE, &values)]).await?;
    Ok(!rows_of(&results, 1)?.is_empty())
}

fn values(
    space_id: i64,
    destination: &Destination,
    sealed: &str,
    last: i64,
) -> [worker::wasm_bindgen::JsValue; 7] {
    [
        number(space_id),
        text(&destination.name),
        number(i64::from(destination.enabled)),
        super::json(&destination.events),
        text(&destination.settings.to_json()),
        text(sealed),
        number(last),
    ]
}

/// A stored JSON text as it is, for an answer that contains it.
pub fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_owned()).ok()
}

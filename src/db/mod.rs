//! Every SQL statement, a file per noun: the statement as a const, beside what it gives.
//!
//! Values are bound, never formatted in. Numbers travel as `f64`, which is exact to 2^53; amounts
//! travel as text, since they are not bounded by it.

/// A column of the click that an event came from by its Telegram user, by the rule of the view
/// `tg_clicks`; the alias has the event's space, Telegram user and time.
macro_rules! click_of_tg_user {
    ($column:literal, $event:literal) => {
        concat!(
            "(
  SELECT o.",
            $column,
            " FROM (
    SELECT t.uid, t.link_id, t.clicked_at_ms - ",
            $event,
            ".occurred_at_ms AS away FROM tg_clicks t
    WHERE t.space_id = ",
            $event,
            ".space_id AND t.tg_id = ",
            $event,
            ".tg_id
  ) o
  ORDER BY o.away <= 0 DESC, abs(o.away), o.uid LIMIT 1
)"
        )
    };
}

/// The uid of the click that a uid leads to: the one spelled alike, or else the first of those that
/// fold alike; see schema.sql. `$row` has the space. Two expressions, for a `coalesce`.
macro_rules! click_of_uid {
    ($row:literal, $uid:literal) => {
        concat!(
            "(SELECT x.uid FROM clicks x WHERE x.space_id = ",
            $row,
            ".space_id AND x.uid = ",
            $uid,
            "),
  iif(",
            $uid,
            " GLOB '*[ +]*', (
    SELECT f.uid FROM folded_clicks f
    WHERE f.space_id = ",
            $row,
            ".space_id AND f.folded = replace(",
            $uid,
            ", '+', ' ')
    ORDER BY f.clicked_at_ms, f.uid LIMIT 1
  ), NULL)"
        )
    };
}

/// The uid of the click that an event `e` came from: its own, or its Telegram user's.
macro_rules! click_of_event {
    () => {
        concat!(
            "coalesce(
  ",
            click_of_uid!("e", "e.uid"),
            ",
  ",
            click_of_tg_user!("uid", "e"),
            "
)"
        )
    };
}

/// The uid of an event `e`, spelled as its click spells it.
macro_rules! uid_of_event {
    () => {
        concat!(
            "iif(e.uid GLOB '*[ +]*', coalesce(",
            click_of_uid!("e", "e.uid"),
            ", e.uid), e.uid)"
        )
    };
}

/// The Telegram user that a click is bound to, whichever spelling of its uid was bound. Two
/// expressions, for a `coalesce`.
macro_rules! tg_user_of_click {
    ($click:literal) => {
        concat!(
            "(SELECT b.tg_id FROM binds b WHERE b.space_id = ",
            $click,
            ".space_id AND b.uid = ",
            $click,
            ".uid),
  iif(",
            $click,
            ".uid GLOB '*[ +]*', (
    SELECT b.tg_id FROM folded_binds b
    WHERE b.space_id = ",
            $click,
            ".space_id AND b.folded = replace(",
            $click,
            ".uid, '+', ' ')
      AND coalesce(",
            click_of_uid!("b", "b.uid"),
            ") = ",
            $click,
            ".uid
    ORDER BY b.bound_at_ms, b.uid LIMIT 1
  ), NULL)"
        )
    };
}

pub mod bind;
pub mod click;
pub mod delivery;
pub mod destination;
pub mod event;
pub mod feed;
pub mod figures;
pub mod health;
pub mod key;
pub mod link;
pub mod overview;
pub mod refused;
pub mod resend;
pub mod retention;
mod row;
pub mod session;
pub mod space;

use std::future::Future;

use serde::Serialize;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1Result};

use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use row::Row;

/// What one round trip cost. D1's count is read only where somebody asks, which a deployment never
/// does.
pub struct Cost(Vec<D1Result>);

impl Cost {
    /// Rows read and rows written, as D1 counts them.
    pub fn rows(&self) -> (usize, usize) {
        let counted = self.0.iter().filter_map(|result| result.meta().ok().flatten());
        counted.fold((0, 0), |(read, written), meta| {
            (read + meta.rows_read.unwrap_or(0), written + meta.rows_written.unwrap_or(0))
        })
    }
}

/// Rows of a statement, with its cost.
struct Rows {
    rows: Vec<Row>,
    cost: Cost,
}

impl Rows {
    /// The id that the statement gives, of a row that was written or looked for.
    fn id(&self) -> Option<i64> {
        self.rows.first().map(|row| row.number("id"))
    }
}

/// Waits for the database no longer than its deadline. After that the outcome is unknown.
pub async fn in_time<T>(
    config: &Config,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    edge::within(config.db_deadline_ms(), "D1", work).await?
}

/// Runs one statement in one round trip.
async fn run(db: &D1Database, sql: &str, values: &[JsValue]) -> Result<Rows, Error> {
    let statement = db.prepare(sql).bind(values).map_err(failed)?;
    let result = statement.all().await.map_err(failed)?;
    Ok(Rows { rows: result.results().map_err(failed)?, cost: Cost(vec![result]) })
}

/// Runs several statements in one round trip and one transaction; they see each other's effects.
async fn run_together(
    db: &D1Database,
    statements: &[(&str, &[JsValue])],
) -> Result<Vec<D1Result>, Error> {
    let bound: worker::Result<Vec<_>> =
        statements.iter().map(|(sql, values)| db.prepare(*sql).bind(values)).collect();
    db.batch(bound.map_err(failed)?).await.map_err(failed)
}

/// The rows of one statement of several.
fn rows_of(results: &[D1Result], index: usize) -> Result<Vec<Row>, Error> {
    results.get(index).map_or(Ok(Vec::new()), |result| result.results().map_err(failed))
}

/// What D1 failed with, as text. Its own `Display` throws inside wasm and hangs the request.
fn failed(error: worker::Error) -> Error {
    Error::Database(edge::text_of(&error))
}

fn optional_number(value: Option<i64>) -> JsValue {
    value.map_or(JsValue::NULL, number)
}

fn text(value: &str) -> JsValue {
    JsValue::from_str(value)
}

fn optional_text(value: Option<&str>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from_str)
}

/// A value as JSON text, for a statement that reads it in parts.
fn json<T: Serialize>(value: &T) -> JsValue {
    text(&serde_json::to_string(value).unwrap_or_default())
}

/// A whole number below 2^53: times, ids and counts all are.
fn number(value: i64) -> JsValue {
    JsValue::from_f64(value as f64)
}

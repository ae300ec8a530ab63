//! Every SQL statement, a file per noun: the statement as a const, beside what it gives.
//!
//! Values are bound, never formatted in. Numbers travel as `f64`, which is exact to 2^53; amounts
//! travel as text, since they are not bounded by it.

mod attribution;
pub mod bind;
pub mod cards;
pub mod case;
pub mod chosen;
pub mod click;
pub mod decision;
pub mod deliveries;
pub mod delivery;
pub mod destination;
pub mod dry_run;
pub mod enter;
pub mod event;
pub mod export;
pub mod feed;
pub mod figures;
pub mod filter;
pub mod glimpse;
pub mod group;
pub mod guide;
pub mod health;
pub mod history;
pub mod key;
pub mod key_name;
pub mod link;
pub mod missed;
pub mod moves;
pub mod overview;
pub mod parts;
pub mod preview;
pub mod refused;
pub mod replay;
pub mod resend;
pub mod retention;
pub mod rotation;
mod row;
pub mod rule;
pub mod schema;
pub mod session;
pub mod space;
pub mod unknown_key;
pub mod window;

use std::future::Future;

use serde::Serialize;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1Result};

use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use row::Row;

/// A database, for whoever hands one on.
pub type Handle = D1Database;

/// What one round trip cost. D1's count is read only where somebody asks, which a deployment never
/// does.
pub struct Cost(Vec<D1Result>);

impl Cost {
    /// How large the database is by now, in bytes.
    fn size(&self) -> Option<i64> {
        let meta = self.0.last()?.meta().ok().flatten()?;
        meta.size_after.and_then(|bytes| i64::try_from(bytes).ok())
    }

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

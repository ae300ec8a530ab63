//! Every SQL statement, a file per noun: the statement as a const, beside what it gives.
//!
//! Values are bound, never formatted in. Numbers travel as `f64`, which is exact to 2^53; amounts
//! travel as text, since they are not bounded by it.

pub mod bind;
pub mod click;
pub mod delivery;
pub mod destination;
pub mod event;
pub mod held;
pub mod link;
pub mod space;

use serde::Deserialize;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1Result, D1ResultMeta};

use crate::edge;
use crate::error::Error;

/// What statements cost, as D1 counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub round_trips: usize,
    pub rows_read: usize,
    pub rows_written: usize,
}

/// Rows of a statement, with its cost.
struct Rows<T> {
    rows: Vec<T>,
    cost: Cost,
}

/// Runs one statement in one round trip.
async fn run<T>(db: &D1Database, sql: &str, values: &[JsValue]) -> Result<Rows<T>, Error>
where
    T: for<'de> Deserialize<'de>,
{
    let statement = db.prepare(sql).bind(values).map_err(refused)?;
    let result = statement.all().await.map_err(refused)?;
    let meta = result.meta().map_err(refused)?;
    Ok(Rows { rows: result.results().map_err(refused)?, cost: cost(meta.as_ref()) })
}

/// Runs several statements in one round trip and one transaction; they see each other's effects.
async fn run_together(
    db: &D1Database,
    statements: &[(&str, &[JsValue])],
) -> Result<Vec<D1Result>, Error> {
    let bound: worker::Result<Vec<_>> =
        statements.iter().map(|(sql, values)| db.prepare(*sql).bind(values)).collect();
    db.batch(bound.map_err(refused)?).await.map_err(refused)
}

/// The rows of one statement of several.
fn rows_of<T>(results: &[D1Result], index: usize) -> Result<Vec<T>, Error>
where
    T: for<'de> Deserialize<'de>,
{
    results.get(index).map_or(Ok(Vec::new()), |result| result.results().map_err(refused))
}

/// What several statements of one round trip cost together.
fn cost_of(results: &[D1Result]) -> Result<Cost, Error> {
    let mut total = Cost { round_trips: 1, ..Cost::default() };
    for result in results {
        let Cost { rows_read, rows_written, .. } = cost(result.meta().map_err(refused)?.as_ref());
        total.rows_read += rows_read;
        total.rows_written += rows_written;
    }
    Ok(total)
}

fn cost(meta: Option<&D1ResultMeta>) -> Cost {
    Cost {
        round_trips: 1,
        rows_read: meta.and_then(|meta| meta.rows_read).unwrap_or(0),
        rows_written: meta.and_then(|meta| meta.rows_written).unwrap_or(0),
    }
}

/// D1's refusal as text. Its own `Display` throws inside wasm and hangs the request.
fn refused(error: worker::Error) -> Error {
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

/// A whole number below 2^53: times, ids and counts all are.
fn number(value: i64) -> JsValue {
    JsValue::from_f64(value as f64)
}

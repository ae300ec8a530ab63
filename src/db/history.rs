//! What has come of an event since it was stored: what came again under its id, and what was decided about it.

use serde_json::Value;

use super::row::Row;
use crate::text::json;

/// Later arrivals, and the versions that they made with the decision that settled each.
pub(super) const AGAIN: &str = "
SELECT e.again, (
  SELECT json_group_array(json_array(v.uid, CAST(v.micros AS TEXT), v.currency, v.decided))
  FROM versions v WHERE v.space_id = e.space_id AND v.seq = e.seq AND v.decided > 0
) AS settled
FROM events e WHERE e.space_id = ?1 AND e.seq = ?2
";

/// What an event says of itself, as far as another arrival may say something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Says {
    pub uid: Option<String>,
    /// In millionths; `None` for no amount.
    pub micros: Option<i64>,
    pub currency: String,
}

/// An arrival under the id of an event that was there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub received_at_ms: i64,
    /// What it said, where that was something else, with the amount as sent.
    pub version: Option<(Says, Option<String>)>,
    /// The decision that settled it.
    pub decided: Option<i64>,
}

/// A decision on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub n: i64,
    pub kind: String,
    pub reason: String,
    /// The other event, of those that are about two.
    pub other: Option<i64>,
    /// The decision that it takes back.
    pub undoes: Option<i64>,
    /// What the event said before.
    pub before: Says,
    pub at_ms: i64,
}

/// Both, each in the order in which it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The first 49 and the last.
    pub again: Vec<Arrived>,
    pub decisions: Vec<Decided>,
}

impl Says {
    fn read(object: &Value) -> Self {
        Self {
            uid: json::optional_text(object, "uid"),
            micros: json::number(object, "micros"),
            currency: json::text(object, "currency"),
        }
    }

    /// The uid with what all its spellings have in common: a plus and a space are one.
    pub fn folded_uid(&self) -> Option<String> {
        self.uid.as_ref().map(|uid| uid.replace('+', " "))
    }

    /// Whether it is another version than this, as schema.sql tells them apart: a plus and a space are one.
    fn is_version(&self, other: &Self) -> bool {
        self.folded_uid() == other.folded_uid()
            && (self.micros, &self.currency) == (other.micros, &other.currency)
    }
}

impl History {
    pub(super) fn read(again: &[Row], decisions: &[Row]) -> Self {
        let column = |name| again.first().map(|row| json::read(&row.text(name)));
        let settled: Vec<_> = json::items(&column("settled").unwrap_or_default())
            .filter_map(|version| {
                let part = |at: usize| version.get(at)?.as_str().map(str::to_owned);
                let micros = part(1).and_then(|micros| micros.parse().ok());
                let says = Says { uid: part(0), micros, currency: part(2).unwrap_or_default() };
                Some((says, version.get(3)?.as_i64()?))
            })
            .collect();
        let arrived = |arrival: &Value| read_arrival(arrival, &settled);
        let again = json::items(&column("again").unwrap_or_default()).filter_map(arrived).collect();
        Self { again, decisions: decisions.iter().map(read_decision).collect() }
    }
}

fn read_arrival(arrival: &Value, settled: &[(Says, i64)]) -> Option<Arrived> {
    if let Some(received_at_ms) = arrival.as_i64() {
        return Some(Arrived { received_at_ms, version: None, decided: None });
    }
    let says = Says::read(arrival);
    let decided = settled.iter().find(|(version, _)| version.is_version(&says)).map(|(_, n)| *n);
    let version = Some((says, json::optional_text(arrival, "value")));
    Some(Arrived { received_at_ms: json::number(arrival, "ms")?, version, decided })
}

fn read_decision(row: &Row) -> Decided {
    Decided {
        n: row.number("n"),
        kind: row.text("kind"),
        reason: row.text("reason"),
        other: row.optional_number("other"),
        undoes: row.optional_number("undoes"),
        before: Says::read(&json::read(&row.text("before"))),
        at_ms: row.number("at_ms"),
    }
}

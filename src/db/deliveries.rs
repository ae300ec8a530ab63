//! A destination's deliveries as lists show them, the newest first.

use constcat::concat;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::feed::NO_BOUND;
use super::missed::{self, Missed};
use super::row::Row;
use super::space::{self, Home, Spaces};
use super::{destination, number, optional_text, rows_of, run_together};
use crate::error::Error;

/// Events that one page of a destination's deliveries looks through: other destinations' deliveries
/// stand between its own, and must not make the page read without end.
const WINDOW: i64 = 500;

/// Deliveries of a destination among the `WINDOW` events below a number, newest first, and where that
/// window begins.
pub(super) const RECENT: &str = concat!(RECENT_WITH, "x.attempts", RECENT_OF);

/// The same with the last try alone, without what it sent: a page tells no more of it, and shows up to 500.
pub(super) const RECENT_LAST: &str = concat!(
    RECENT_WITH,
    "json_array(json_remove(x.attempts -> '$[#-1]', '$.request')) AS attempts",
    RECENT_OF
);

const RECENT_WITH: &str = "
WITH top AS (
  SELECT min(?4, coalesce((SELECT max(e.seq) FROM events e WHERE e.space_id = ?1), 0) + 1) AS seq
)
SELECT x.seq, x.target, x.state, x.due_at_ms, x.tries, ";

const RECENT_OF: &str = ", NULL AS bottom
FROM top CROSS JOIN deliveries x
WHERE x.space_id = ?1 AND x.seq < top.seq AND x.seq >= top.seq - ?5
  AND x.destination_id = ?2 AND (?3 IS NULL OR x.state = ?3)
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, top.seq - ?5 FROM top
ORDER BY 1 DESC
";

/// What was given up, from the index that has nothing else.
const FAILED: &str = "
SELECT seq, target, state, due_at_ms, tries, attempts FROM deliveries
WHERE destination_id = ?2 AND space_id = ?1 AND state = 'failed_permanently'
ORDER BY seq DESC LIMIT 100
";

/// A delivery as a list shows it.
#[derive(Clone, Debug)]
pub struct ListedDelivery {
    pub seq: i64,
    pub target: String,
    pub state: String,
    pub due_at_ms: i64,
    pub tries: i64,
    pub attempts: Option<String>,
}

/// Some deliveries, and the event's number below which there may be more.
#[derive(Clone, Debug, Default)]
pub struct DeliveriesPage {
    pub deliveries: Vec<ListedDelivery>,
    pub more: Option<i64>,
}

impl DeliveriesPage {
    pub(super) fn read(rows: &[Row]) -> Self {
        let bottom = rows.iter().find_map(|row| row.optional_number("bottom"));
        let is_delivery = |row: &&Row| row.optional_number("seq").is_some();
        let deliveries = rows.iter().filter(is_delivery).map(ListedDelivery::read).collect();
        Self { deliveries, more: bottom.filter(|bottom| *bottom > 1) }
    }
}

/// The newest deliveries of a destination, in one state or in all: what was given up of all times,
/// the others among the last 500 events. `None` where the space has no such destination.
pub async fn list(
    db: &D1Database,
    space_id: i64,
    destination_id: i64,
    state: Option<&str>,
) -> Result<Option<DeliveriesPage>, Error> {
    let of_space = [number(space_id), number(destination_id)];
    let recent = recent(space_id, destination_id, state, None);
    let listed: (&str, &[JsValue]) =
        if state == Some("failed_permanently") { (FAILED, &of_space) } else { (RECENT, &recent) };
    let results = run_together(db, &[(destination::OF_SPACE, &of_space), listed]).await?;
    if rows_of(&results, 0)?.is_empty() {
        return Ok(None);
    }
    Ok(Some(DeliveriesPage::read(&rows_of(&results, 1)?)))
}

/// A destination with what its page shows of it.
pub struct OnPage {
    pub stored: destination::Stored,
    pub missed: Option<Missed>,
    /// Its newest deliveries below an event's number.
    pub page: DeliveriesPage,
}

/// One destination with its newest deliveries below an event's number, and what it missed.
pub async fn on_page(
    home: &Home,
    space_id: i64,
    id: i64,
    before: Option<i64>,
) -> Result<(Spaces, Option<OnPage>), Error> {
    let list = [number(space_id), number(id)];
    let recent = recent(space_id, id, None, before);
    let missed = missed::of(space_id, Some(id));
    let statements = [
        (space::OF_PAGE, &list[..1]),
        (destination::LIST, &list),
        (RECENT_LAST, &recent),
        (missed::LIST, &missed),
    ];
    let results = run_together(home, &statements).await?;
    let stored = rows_of(&results, 1)?.first().map(destination::Stored::read);
    let page = DeliveriesPage::read(&rows_of(&results, 2)?);
    let missed = Missed::read_all(&rows_of(&results, 3)?).pop();
    Ok((home.spaces(&results, space_id)?, stored.map(|stored| OnPage { stored, missed, page })))
}

/// The values of `RECENT`.
pub(super) fn recent(
    space_id: i64,
    destination_id: i64,
    state: Option<&str>,
    before: Option<i64>,
) -> [JsValue; 5] {
    [
        number(space_id),
        number(destination_id),
        optional_text(state),
        number(before.unwrap_or(NO_BOUND)),
        number(WINDOW),
    ]
}

impl ListedDelivery {
    fn read(row: &Row) -> Self {
        Self {
            seq: row.number("seq"),
            target: row.text("target"),
            state: row.text("state"),
            due_at_ms: row.number("due_at_ms"),
            tries: row.number("tries"),
            attempts: row.optional_text("attempts"),
        }
    }
}

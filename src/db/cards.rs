//! Refused postbacks as their page has them: those of one cause, from one source and with values that look alike are
//! one card, however often they came.

use constcat::concat;
use serde_json::Value;

use super::feed::NO_BOUND;
use super::filter::{self, Choices, Looked, sent};
use super::row::Row;
use super::space::{self, Home, Spaces};
use super::{json, number, rows_of, run_together};
use crate::error::Error;
use crate::model::filter::Filter;
use crate::model::status::Status;
use crate::text::json as read;

/// Refused postbacks that one page puts together, at most.
pub const TOGETHER: i64 = 1_000;

/// Cards of a page.
const CARDS: i64 = 40;

/// A text with its digits alike: an amount of 1,234 is wrong as one of 2,345 is.
macro_rules! shape {
    ($text:expr) => {
        concat!(
            "replace(replace(replace(replace(replace(replace(replace(replace(replace(",
            $text,
            ", '1', '0'), '2', '0'), '3', '0'), '4', '0'), '5', '0'), '6', '0'), '7', '0'), '8', '0'), '9', '0')"
        )
    };
}

/// What is wrong with a value is about: the value, as it was encoded, of the first thing that is wrong.
const ABOUT: &str = concat!(
    "CASE h.status
    WHEN 'invalid_value' THEN ",
    sent!("value"),
    "
    WHEN 'invalid_event' THEN ",
    sent!("event"),
    "
    WHEN 'invalid_currency' THEN ",
    sent!("currency"),
    "
    WHEN 'invalid_time' THEN ",
    sent!("t"),
    "
  END"
);

/// The newest below `?3`, open ones alone where `?4` is 1: at most so many as `?5`, in cards from the newest down. The
/// numbers of a page are a stretch without a gap, so that the next page begins below it.
const LIST: &str = concat!(
    "
WITH o AS MATERIALIZED (
  SELECT h.seq, h.status, iif(instr(h.notes, '\"json_malformed:') > 0, '', h.notes) AS notes, h.received_at_ms,
    h.refires, h.event_seq, h.by_key, ",
    ABOUT,
    " AS about
  FROM held h
  WHERE h.space_id = ?1 AND h.seq < ?3
    AND h.seq > (SELECT coalesce(max(m.seq), 0) FROM held m WHERE m.space_id = ?1 AND m.seq < ?3) - 20000
    AND (?4 = 0 OR h.event_seq IS NULL)",
    filter::HELD,
    "
  ORDER BY h.seq DESC LIMIT ?5
), l AS (
  SELECT o.*, event_seq IS NULL AS is_open, iif(status IN ('invalid_value', 'invalid_time'), ",
    shape!("about"),
    ", about) AS look FROM o
), n AS (
  SELECT l.*, row_number() OVER (PARTITION BY is_open, status, notes, by_key, look ORDER BY seq DESC) AS nth FROM l
), d AS (
  SELECT n.*, sum(nth = 1) OVER (ORDER BY seq DESC) AS card FROM n
)
SELECT g.*, h.status, h.notes, h.raw, k.name AS key_name, (SELECT count(*) FROM o) AS found
FROM (
  SELECT max(seq) AS seq, by_key,
    json_group_array(json_array(seq, received_at_ms, refires, event_seq, substr(about, 1, 80))) AS ones
  FROM d WHERE card <= ?6
  GROUP BY is_open, status, notes, by_key, look
) g
JOIN held h ON h.space_id = ?1 AND h.seq = g.seq
LEFT JOIN key_names k ON k.space_id = ?1 AND k.n = g.by_key
ORDER BY g.seq DESC
"
);

/// One of a card's postbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct One {
    pub seq: i64,
    pub received_at_ms: i64,
    pub refires: i64,
    /// The event that it has become since.
    pub event_seq: Option<i64>,
    /// The value that is wrong, as it was encoded, or its beginning; empty where it is none of one value.
    pub about: String,
}

/// Refused postbacks that are alike: status, notes and raw query are the newest one's.
#[derive(Clone, Debug)]
pub struct Card {
    /// `None` for one that a later version has.
    pub status: Option<Status>,
    pub notes: Vec<String>,
    pub raw: String,
    /// The key that they came by; empty where that is not known.
    pub key: String,
    /// The newest first; there is at least one.
    pub ones: Vec<One>,
}

impl Card {
    fn read(row: &Row) -> Option<Self> {
        let ones = read::read(&row.text("ones"));
        let mut ones: Vec<_> = read::items(&ones).filter_map(read_one).collect();
        ones.sort_unstable_by_key(|one| -one.seq);
        ones.first()?;
        Some(Self {
            status: Status::parse(&row.text("status")),
            notes: read::texts(&read::read(&row.text("notes"))),
            raw: row.text("raw"),
            key: row.optional_text("key_name").unwrap_or_default(),
            ones,
        })
    }
}

fn read_one(one: &Value) -> Option<One> {
    let number = |at: usize| one.get(at).and_then(Value::as_i64);
    Some(One {
        seq: number(0)?,
        received_at_ms: number(1)?,
        refires: number(2)?,
        event_seq: number(3),
        about: one.get(4).and_then(Value::as_str).unwrap_or_default().to_owned(),
    })
}

/// A page of cards.
pub struct Page {
    pub spaces: Spaces,
    pub cards: Vec<Card>,
    /// The number below which further ones are.
    pub more: Option<i64>,
    pub looked: Looked,
    pub choices: Choices,
}

/// The newest refused postbacks below a number that a filter lets through, put together; with those that are events by
/// now, if `also_done`. One round trip.
pub async fn list(
    home: &Home,
    space_id: i64,
    filter: &Filter,
    before: Option<i64>,
    also_done: bool,
) -> Result<Page, Error> {
    let of_space = [number(space_id)];
    let below = [number(space_id), json(filter), number(before.unwrap_or(NO_BOUND))];
    let more = [number(i64::from(!also_done)), number(TOGETHER), number(CARDS)];
    let statements = [
        (space::OF_PAGE, &of_space[..]),
        (LIST, &[&below[..], &more].concat()),
        (filter::LOOKED_AT_HELD, &below),
        (filter::CHOICES, &of_space),
    ];
    let results = run_together(home, &statements).await?;
    let rows = rows_of(&results, 1)?;
    let cards: Vec<_> = rows.iter().filter_map(Card::read).collect();
    let found = rows.first().map(|row| row.number("found")).unwrap_or_default();
    let shown: usize = cards.iter().map(|card| card.ones.len()).sum();
    let last = cards.iter().flat_map(|card| &card.ones).map(|one| one.seq).min();
    let looked = Looked::read(&rows_of(&results, 2)?);
    Ok(Page {
        spaces: home.spaces(&results, space_id)?,
        more: looked.more(last.filter(|_| found == TOGETHER || (shown as i64) < found)),
        cards,
        looked,
        choices: Choices::read(&rows_of(&results, 3)?),
    })
}

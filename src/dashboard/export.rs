//! Files for spreadsheets, sent while they are read: a period's events, and its figures by link.

use std::collections::VecDeque;

use super::events::{before, zone_of};
use super::{Answer, Asked, filter};
use futures_util::{Stream, stream};

use crate::db;
use crate::db::export::{Line, Names};
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::figures::by_link::{self, COLUMNS};
use crate::figures::zone::{DAY_MS, iso_date};
use crate::figures::{self, Figures, Span, Zone};
use crate::model::amount::plain;
use crate::model::database::Database;
use crate::model::filter::Filter;
use crate::page::form::Sent;
use crate::page::frame;
use crate::page::shown::is_unseen;
use crate::reply::{Problem, Reply};

/// Events read at a time: at up to a KB each, without their raw queries, 4 MB of an isolate's 128. A
/// million events are 250 round trips, of the 1,000 that the paid plan allows in a request; the free
/// plan's 50 end at 150,000 events, with a dozen for stragglers.
const CHUNK: i64 = 4_000;

/// Numbers that one statement goes through at most, where few of them are the period's: postbacks wait
/// for it meanwhile.
const LONGEST: i64 = 100_000;

/// Events of a list's file, at most: all that it looks through.
const LISTED: i64 = db::filter::LOOKED_THROUGH;

/// How much later than it happened, or sooner by a clock that is wrong, an event is received as a rule.
const NEAR_MS: i64 = 60 * 60 * 1000;

/// How far before a file's events their clicks may lie for their times to be in the summer or winter time of
/// their day.
const CLICKED_BEFORE_MS: i64 = 366 * DAY_MS;

const EVENT_COLUMNS: &str = "number,event,amount,currency,value_as_sent,happened,received,time_zone,uid,eid,tg_id,link,first,came_again,notes,campaign_id,campaign_name,adset_id,adset_name,ad_id,ad_name,placement,country,clicked,key\r\n";

/// Says that a file is UTF-8: a spreadsheet takes it for its country's own encoding otherwise.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The rows of a file.
pub enum Rows {
    Events(Box<Events>),
    /// Rows that are there already.
    Ready(VecDeque<String>),
}

/// Which events a file has.
enum Which {
    /// Those that happened from one time to before another.
    Of((i64, i64)),
    /// Those that a list shows.
    Listed(Box<Filter>),
}

/// Where the reading of events stands.
pub struct Events {
    database: Database,
    space_id: i64,
    which: Which,
    zone: Zone,
    zone_name: String,
    names: Names,
    /// Where to look; see [`stretches`].
    stretches: VecDeque<(i64, i64)>,
    /// Events of the period that are not in the file yet: counters are exact, so that the reading can
    /// end with the last one.
    missing: i64,
    is_first: bool,
}

impl Rows {
    /// The pieces of the file, each read when it is wanted.
    pub fn pieces(self, config: Config) -> impl Stream<Item = Result<String, Error>> {
        stream::try_unfold((config, self), |(config, mut rows)| async move {
            let piece = rows.next(&config).await?;
            Ok(piece.map(|text| (text, (config, rows))))
        })
    }

    async fn next(&mut self, config: &Config) -> Result<Option<String>, Error> {
        match self {
            Self::Ready(rows) => Ok(rows.pop_front()),
            Self::Events(events) => events.next(config).await,
        }
    }
}

impl Events {
    async fn next(&mut self, config: &Config) -> Result<Option<String>, Error> {
        if std::mem::take(&mut self.is_first) {
            return Ok(Some(format!("{BYTE_ORDER_MARK}{EVENT_COLUMNS}")));
        }
        let db = config.db_of(self.database)?;
        while let Some((after, last)) = self.stretches.pop_front().filter(|_| self.missing > 0) {
            let (most, piece) = (CHUNK.min(self.missing), (after, last.min(after + LONGEST)));
            let lines = match &self.which {
                Which::Of(ms) => db::export::piece(&db, self.space_id, piece, *ms, most).await?,
                Which::Listed(filter) => {
                    db::export::listed(&db, self.space_id, filter, piece, most).await?
                }
            };
            let found = lines.len() as i64;
            self.missing -= found;
            let last_one = lines.last().filter(|_| found == most);
            let read_to = last_one.map_or(piece.1, |line| line.item.seq);
            if read_to < last {
                self.stretches.push_front((read_to, last));
            }
            if found > 0 {
                return Ok(Some(lines.iter().map(|line| self.row(line)).collect()));
            }
        }
        Ok(None)
    }

    fn row(&self, line: &Line) -> String {
        let Line { item, fields, .. } = line;
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        row(&[
            item.seq.to_string(),
            item.event.clone(),
            item.micros.map(|micros| plain(micros.into())).unwrap_or_default(),
            item.micros.map(|_| item.currency.clone()).unwrap_or_default(),
            optional(&item.value),
            self.zone.written_in_full(item.occurred_at_ms),
            self.zone.written_in_full(item.received_at_ms),
            self.zone_name.clone(),
            optional(&item.uid),
            optional(&item.eid),
            item.tg_id.map(|id| id.to_string()).unwrap_or_default(),
            name_of(&self.names.links, item.link_id),
            i64::from(item.first).to_string(),
            item.refires.to_string(),
            item.notes.join(" "),
            optional(&fields.campaign_id),
            optional(&fields.campaign_name),
            optional(&fields.adset_id),
            optional(&fields.adset_name),
            optional(&fields.ad_id),
            optional(&fields.ad_name),
            optional(&fields.placement),
            optional(&line.country),
            line.clicked_at_ms.map(|ms| self.zone.written_in_full(ms)).unwrap_or_default(),
            line.by_key.map(|n| name_of(&self.names.keys, n)).unwrap_or_default(),
        ])
    }
}

/// The name of a number; empty where it has none.
fn name_of(names: &[(i64, String)], id: i64) -> String {
    names.iter().find(|(of, _)| *of == id).map(|(_, name)| name.clone()).unwrap_or_default()
}

/// The period's events by the time they happened, as they are now: those first that were received in
/// it, oldest number first, then those that came long before or after.
pub async fn events(asked: Asked<'_>) -> Result<Answer, Problem> {
    if asked.parameter("list") == "on" {
        return listed(asked).await;
    }
    let (zone_name, _, span) = asked.span(&asked.period().0).await?;
    let zone = edge::time_zone(&zone_name, span.from_ms - CLICKED_BEFORE_MS, edge::now_ms());
    let db = &asked.home;
    let near_ms = [span.from_ms - NEAR_MS, span.to_ms + NEAR_MS];
    let place = db::export::place(db, asked.space_id, &span, near_ms).await?;
    let events = Events {
        database: asked.home.database,
        space_id: asked.space_id,
        which: Which::Of(span.counted_ms()),
        zone,
        zone_name,
        names: place.names,
        stretches: stretches(place.received_before, place.newest),
        missing: place.events,
        is_first: true,
    };
    Ok(Answer::File(head("events", &span), Rows::Events(Box::new(events))))
}

/// What one step of the list of events looks through, as its filter lets it through: oldest number first.
async fn listed(asked: Asked<'_>) -> Result<Answer, Problem> {
    let (zone_name, _, span) = asked.span(&figures::Asked::Today).await?;
    let sent = Sent::read(&asked.incoming.query);
    let filter = filter::read(&asked, &sent).await?.filter;
    filter.check().map_err(Problem::field)?;
    let before = before(&asked, &sent, &filter).await?;
    let now_ms = edge::now_ms();
    let zone = edge::time_zone(&zone_name, now_ms - CLICKED_BEFORE_MS, now_ms);
    let db = &asked.home;
    let (names, stretch) = db::export::step(db, asked.space_id, &filter, before).await?;
    let events = Events {
        database: asked.home.database,
        space_id: asked.space_id,
        which: Which::Listed(Box::new(filter)),
        zone,
        zone_name,
        names,
        stretches: VecDeque::from([stretch]),
        missing: LISTED,
        is_first: true,
    };
    Ok(Answer::File(head("events", &span), Rows::Events(Box::new(events))))
}

/// Where to look for a period's events: stretches of numbers, each behind its first and up to its last.
/// The first is what was received in the period, or near it. The others go on from there, forwards and
/// backwards in turns and each time four times as far, until every number is in one of them: so what
/// lies `n` numbers away is found within about ten times `n`, and whatever happened when, nothing is
/// left out.
fn stretches([begin, end]: [i64; 2], newest: i64) -> VecDeque<(i64, i64)> {
    let (mut begin, mut end) = (begin.min(end), end.max(begin));
    let mut stretches = VecDeque::from([(begin, end)]);
    let mut length = CHUNK;
    while begin > 0 || end < newest {
        let (before, after) = ((begin - length).max(0), (end + length).min(newest));
        stretches.extend([(end, after), (before, begin)]);
        (begin, end) = (before, after);
        length *= 4;
    }
    stretches.retain(|(after, last)| after < last);
    stretches
}

/// The by-link table, a row for each link and currency.
pub async fn links(asked: Asked<'_>) -> Result<Answer, Problem> {
    let (_, _, span) = asked.span(&asked.period().0).await?;
    let db = &asked.home;
    let (spaces, links, lines) = db::link::with_figures(db, asked.space_id, &span).await?;
    zone_of(&spaces)?;
    let figures = Figures::of(&lines, span.labels.len());
    let currencies = figures.currencies();
    let links: Vec<_> = links.into_iter().map(|link| (link.id, link.draft.name)).collect();
    let head_row = format!("{BYTE_ORDER_MARK}{}", link_head(&currencies));
    let mut rows = VecDeque::from([head_row]);
    for of_link in by_link::rows(&figures, &links).iter().chain([&by_link::total(&figures)]) {
        rows.push_back(link_row(of_link, &currencies));
    }
    Ok(Answer::File(head("links", &span), Rows::Ready(rows)))
}

fn head(what: &str, span: &Span) -> Reply {
    let name = format!("{what}-{}-{}.csv", iso_date(span.from), iso_date(span.to));
    let headers = vec![
        ("content-type", "text/csv; charset=utf-8".to_owned()),
        ("content-disposition", format!("attachment; filename=\"{name}\"")),
        ("cache-control", "no-store".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    frame::guarded(Reply { status: 200, headers, body: String::new() })
}

fn link_head(currencies: &[String]) -> String {
    let mut cells = vec!["link".to_owned()];
    cells.extend(COLUMNS.iter().map(|column| column.name.to_owned()));
    cells.extend(currencies.iter().map(|currency| format!("revenue_{currency}")));
    row(&cells)
}

fn link_row(of_link: &by_link::Row, currencies: &[String]) -> String {
    let totals = &of_link.totals;
    let mut cells = vec![of_link.name.clone()];
    cells.extend(COLUMNS.iter().map(|column| (column.of)(totals).to_string()));
    let sum = |currency: &String| plain(totals.revenue.get(currency).copied().unwrap_or_default());
    cells.extend(currencies.iter().map(sum));
    row(&cells)
}

/// A line of a file (RFC 4180). A text that a spreadsheet would run as a formula is led by an
/// apostrophe; numbers are left alone.
fn row(cells: &[String]) -> String {
    let cell = |text: &String| {
        let text = if is_formula(text) { format!("'{text}") } else { text.clone() };
        if text.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    };
    format!("{}\r\n", cells.iter().map(cell).collect::<Vec<_>>().join(","))
}

/// Whether a spreadsheet might run a text as a formula. What is not seen before its first sign is
/// passed over, as some do, and full-width signs count as plain ones, as they do in East Asia.
fn is_formula(text: &str) -> bool {
    let seen = text.trim_start_matches(|c: char| c.is_whitespace() || is_unseen(c)).trim_end();
    let is_number = seen.bytes().skip(1).all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_run = match seen.chars().next() {
        Some('+' | '-') => !is_number,
        first => matches!(first, Some('=' | '@' | '＝' | '＋' | '－' | '＠')),
    };
    is_run || text.starts_with(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_and_never_a_formula() {
        let cells = ["=1+1", "-25.00", "a,b", "say \"hi\"", "@x", "", "+x"].map(str::to_owned);
        assert_eq!(row(&cells), "'=1+1,-25.00,\"a,b\",\"say \"\"hi\"\"\",'@x,,'+x\r\n");
    }

    #[test]
    fn a_formula_is_known_in_every_dress() {
        for text in [
            "=1",
            "@x",
            "+x",
            "-x",
            "-1+1",
            "＝1+1",
            "＋1",
            "－5",
            "＠SUM(1)",
            "\t=1",
            "\tx",
            "\rx",
            "\nx",
            "\0x",
            "\u{1b}x",
            "\u{7f}",
            "\u{85}x",
            "\t-5",
            " =1",
            "\u{a0}=1",
            "\u{3000}＝1",
            "\u{feff}=1",
            "\u{200b}@x",
            "\u{202e}=1",
            "  +x",
            " －5",
        ] {
            assert!(is_formula(text), "{text:?}");
        }
        for text in [
            "",
            " ",
            "-25.00",
            "+5",
            " -25.00 ",
            "-.5",
            "-",
            "5",
            "1e2",
            "a=b",
            "x-1",
            "abc",
            "日本",
            "'=1",
            "100％",
            "\u{2212}5",
            "\u{200b}x",
        ] {
            assert!(!is_formula(text), "{text:?}");
        }
    }

    #[test]
    fn every_number_is_looked_at_once_and_the_near_ones_first() {
        assert_eq!(stretches([0, 0], 0), []);
        assert_eq!(stretches([10, 20], 20), [(10, 20), (0, 10)]);
        let near_first =
            [(5_000, 5_061), (5_061, 9_061), (1_000, 5_000), (9_061, 25_061), (0, 1_000)];
        assert_eq!(stretches([5_000, 5_061], 25_061), near_first);
        // Near a postback that waited in a queue the two may be the wrong way round.
        for (begin, end, newest) in [(20, 10, 9_000), (0, 90_000, 90_000), (90_000, 90_000, 90_000)]
        {
            let mut found: Vec<_> = stretches([begin, end], newest).into();
            found.sort_unstable();
            let mut at = 0;
            for (after, last) in found {
                assert!(after == at && last > after, "{after} to {last} behind {at}");
                at = last;
            }
            assert_eq!(at, newest);
        }
    }
}

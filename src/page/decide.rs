//! What there is to decide about an event, and what was decided: a part of its page (docs/dashboard.md).

use std::collections::BTreeMap;

use askama::Template;
use askama::filters::HtmlSafe;

use super::shown::{Moment, amount_as_read, moment, times_more, visible};
use crate::db::case::{Around, Look};
use crate::db::feed::Item;
use crate::figures::{Zone, money};
use crate::model::decision::{Case, Decision, Kind, MOST_VERSIONS, Version, undoable};
use crate::model::note::Note;

/// Reasons that are offered for taking an event out.
const REASONS: [&str; 2] = ["A test", "A template that was opened"];

/// Versions that are shown side by side; of more the last ones.
const SHOWN: usize = 10;

/// The part of an event's page.
#[derive(Template)]
#[template(path = "decide.html")]
pub struct Decide {
    space_id: i64,
    seq: i64,
    counted: bool,
    /// The number of the next decision, and what it goes out from.
    next: i64,
    seen: String,
    conflict: Option<Conflict>,
    pairs: Vec<Pair>,
    why_out: Option<String>,
    version_of: Option<i64>,
    made: Vec<(i64, bool)>,
    can_put_in: bool,
    reasons: [&'static str; 2],
    record: Vec<Record>,
}

impl HtmlSafe for Decide {}

struct Conflict {
    now: Vec<(&'static str, String)>,
    versions: Vec<Side>,
    unshown: usize,
    choices: Vec<(&'static str, String)>,
}

struct Side {
    facts: Vec<(&'static str, String)>,
    first_at: Moment,
    again: Option<String>,
    last: bool,
}

struct Pair {
    earlier: i64,
    later: i64,
    /// The number of the next decision about the later one.
    next: i64,
    sides: Vec<Twin>,
    choices: Vec<(&'static str, String)>,
}

struct Twin {
    seq: i64,
    occurred: Moment,
    received: Moment,
    facts: Vec<(&'static str, String)>,
}

struct Record {
    n: i64,
    words: String,
    other: Option<i64>,
    at: Moment,
    undone: bool,
    can_undo: bool,
}

/// What there is to decide about an event that a page shows.
pub fn part(space_id: i64, item: &Item, around: &Around, zone: &Zone) -> Decide {
    let case = &around.case;
    let version_of = case.version_of();
    Decide {
        space_id,
        seq: case.seq,
        counted: case.counted,
        next: case.next(),
        seen: case.seen(),
        conflict: conflict(case, item, zone),
        pairs: around.looks.iter().map(|look| pair(case, item, look, zone)).collect(),
        why_out: why_out(item),
        version_of,
        made: case.made.iter().map(|made| (made.seq, made.counted)).collect(),
        can_put_in: case.can_be_put_in(),
        reasons: REASONS,
        record: record(&case.decisions, zone),
    }
}

fn conflict(case: &Case, item: &Item, zone: &Zone) -> Option<Conflict> {
    let last = case.open.last()?;
    let side = |version: &Version| Side {
        facts: facts(&version.uid, &version.value, version.micros, &version.currency),
        first_at: moment(zone, version.received_at_ms),
        again: (version.times > 1).then(|| times_more(version.times - 1)),
        last: version == last,
    };
    let unshown = case.open.len().saturating_sub(SHOWN);
    Some(Conflict {
        now: facts(&case.uid, &item.value, case.micros, &case.currency),
        versions: case.open.iter().skip(unshown).map(side).collect(),
        unshown,
        choices: choices(case, last),
    })
}

fn facts(
    uid: &Option<String>,
    value: &Option<String>,
    micros: Option<i64>,
    currency: &str,
) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.as_deref().map_or_else(dash, visible);
    let amount = micros.map_or_else(dash, |micros| money::with_currency(micros.into(), currency));
    vec![("Amount", amount), ("Value as sent", text(value)), ("Click id", text(uid))]
}

fn dash() -> String {
    "\u{2013}".to_owned()
}

/// What can be chosen, each with what it does to revenue.
fn choices(case: &Case, last: &Version) -> Vec<(&'static str, String)> {
    let (kept, taken) = (named(case, last, false), named(case, last, true));
    let by_last = if case.counted { case.gained_by_last() } else { BTreeMap::new() };
    let mut choices = vec![
        (Kind::KeepFirst.word(), format!("Keep {kept} (now)")),
        (Kind::TakeLast.word(), format!("Take {taken}: {}", gained(&by_last))),
    ];
    let count = case.open.len();
    if case.counted && count <= MOST_VERSIONS {
        let both = if count == 1 { "both".to_owned() } else { format!("all {}", count + 1) };
        let gained = gained(&case.gained_by_both());
        choices.push((Kind::CountBoth.word(), format!("Count {both}: {gained}")));
    }
    choices
}

/// The event, or its last version, by that in which the two differ.
fn named(case: &Case, last: &Version, is_last: bool) -> String {
    let amount = |micros: Option<i64>, currency: &str| {
        micros
            .map_or("no amount".to_owned(), |micros| money::with_currency(micros.into(), currency))
    };
    let other_amount =
        last.micros.is_some() && (last.micros, &last.currency) != (case.micros, &case.currency);
    let other_uid = last.uid.is_some() && last.uid != case.uid;
    let (uid, amount) = if is_last {
        (&last.uid, amount(last.micros, &last.currency))
    } else {
        (&case.uid, amount(case.micros, &case.currency))
    };
    let uid =
        uid.as_deref().map_or("no click id".to_owned(), |uid| format!("click id {}", visible(uid)));
    match (other_amount, other_uid) {
        (true, true) => format!("{amount} of {uid}"),
        (false, true) => uid,
        _ => amount,
    }
}

/// What revenue gains, in words.
fn gained(gained: &BTreeMap<String, i128>) -> String {
    if gained.is_empty() {
        return "revenue stays".to_owned();
    }
    let sums = gained.iter().map(|(currency, micros)| {
        let plus = if *micros > 0 { "+" } else { "" };
        format!("{plus}{}", money::with_currency(*micros, currency))
    });
    format!("revenue {}", sums.collect::<Vec<_>>().join(", "))
}

/// This event and another that looks the same, the earlier one first.
fn pair(case: &Case, item: &Item, look: &Look, zone: &Zone) -> Pair {
    let (this, other) = (of_item(item, zone), of_look(look, zone));
    let is_later = look.seq < case.seq;
    let (earlier, later) = if is_later { (other, this) } else { (this, other) };
    let next = if is_later { case.next() } else { look.next };
    let lost = BTreeMap::from([(case.currency.clone(), -i128::from(case.micros.unwrap_or(0)))]);
    let lost = lost.into_iter().filter(|(_, micros)| *micros != 0).collect();
    let choices = vec![
        (Kind::Merge.word(), format!("Merge: count once, {}", gained(&lost))),
        (Kind::KeepBoth.word(), "They are two".to_owned()),
    ];
    Pair { earlier: earlier.seq, later: later.seq, next, sides: vec![earlier, later], choices }
}

fn of_item(item: &Item, zone: &Zone) -> Twin {
    let facts = vec![("Amount", amount_as_read(item)), ("Raw query", visible(&item.raw))];
    Twin {
        seq: item.seq,
        occurred: moment(zone, item.occurred_at_ms),
        received: moment(zone, item.received_at_ms),
        facts,
    }
}

fn of_look(look: &Look, zone: &Zone) -> Twin {
    let amount = look.micros.map(|micros| money::with_currency(micros.into(), &look.currency));
    let facts = vec![("Amount", amount.unwrap_or_else(dash)), ("Raw query", visible(&look.raw))];
    Twin {
        seq: look.seq,
        occurred: moment(zone, look.occurred_at_ms),
        received: moment(zone, look.received_at_ms),
        facts,
    }
}

/// What was decided, the newest first.
fn record(decisions: &[Decision], zone: &Zone) -> Vec<Record> {
    let can_be_undone = undoable(decisions).map(|one| one.n);
    let record = |one: &Decision| Record {
        n: one.n,
        words: words(one),
        other: one.other,
        at: moment(zone, one.at_ms),
        undone: decisions.iter().any(|other| other.undoes == Some(one.n)),
        can_undo: can_be_undone == Some(one.n),
    };
    decisions.iter().rev().map(record).collect()
}

/// A decision in words; behind those that are about two stands the other event.
fn words(one: &Decision) -> String {
    let now = |name: &str| one.after.as_ref().and_then(|after| after.get(name));
    let with_reason = |what: &str| match one.reason.as_str() {
        "" => what.to_owned(),
        reason => format!("{what}: {}", visible(reason)),
    };
    match one.kind {
        Kind::TakeOut => with_reason("Taken out"),
        Kind::PutIn if one.other.is_some() => "Counted beside".to_owned(),
        Kind::PutIn => with_reason("Put into the figures"),
        Kind::KeepFirst => with_reason("Kept as it was"),
        Kind::TakeLast => {
            let micros = now("micros").and_then(serde_json::Value::as_i64);
            let currency = now("currency").and_then(|currency| currency.as_str());
            let amount = micros
                .zip(currency)
                .map(|(micros, currency)| money::with_currency(micros.into(), currency));
            let uid = now("uid").and_then(|uid| uid.as_str());
            let uid = uid.map(|uid| format!("click id {}", visible(uid)));
            let taken = [amount, uid].into_iter().flatten().collect::<Vec<_>>().join(", ");
            with_reason(&format!("The last one taken: {taken}"))
        }
        Kind::CountBoth => with_reason("Each version counted"),
        Kind::Merge => "Counted once, with".to_owned(),
        Kind::KeepBoth => "Another one than".to_owned(),
        Kind::Mend => with_reason("Mended"),
        Kind::Undo => match one.undoes {
            Some(n) if one.other.is_some() => format!("Number {n} undone, with a decision about"),
            Some(n) => format!("Number {n} undone"),
            None => "Undone".to_owned(),
        },
    }
}

/// Why an event is in no figure; `None` where it is.
pub fn why_out(item: &Item) -> Option<String> {
    if item.counted {
        return None;
    }
    let is_test = item.notes.iter().any(|note| Note::read(note) == Some(Note::Test));
    Some(match &item.out_by {
        Some(out) => match (Kind::parse(&out.kind), out.other) {
            (Some(Kind::Merge), Some(other)) => format!("the same as event {other}"),
            (_, Some(other)) => format!("a version of event {other}"),
            (Some(Kind::TakeOut), None) if !out.reason.is_empty() => visible(&out.reason),
            _ if is_test => "a test".to_owned(),
            _ => "taken out".to_owned(),
        },
        None if is_test => "a test".to_owned(),
        None => "it was stored so".to_owned(),
    })
}

//! Mending: which mend, and what it would come to. `refused.rs` lists what can be mended, `replays.rs` what was.

use askama::Template;
use askama::filters::HtmlSafe;

use super::explain::refusal;
use super::form::Sent;
use super::frame::{self, Section};
use super::shown::{Moment, moment, visible};
use crate::db::chosen::Chosen;
use crate::db::preview::{After, Preview};
use crate::db::space::Spaces;
use crate::error::{BadFields, Error};
use crate::figures::{Zone, money};
use crate::model::event::{EventKind, Id, Report};
use crate::model::note::Note;
use crate::model::replay::Of;
use crate::postback::mend::{Mend, NOT_A_CONVERSION};
use crate::postback::replay::Known;
use crate::reply::Reply;
use crate::text::plural::noun;

/// What can be set or renamed, the likeliest first.
const FIELDS: [&str; 7] = ["value", "currency", "uid", "eid", "event", "t", "tg_id"];

/// What a status can mean.
const EVENTS: [(&str, &str); 5] = [
    (EventKind::Deposit.code(), "deposit"),
    (EventKind::Registration.code(), "registration"),
    (EventKind::Subscribed.code(), "subscribed"),
    (EventKind::Contact.code(), "contact"),
    (NOT_A_CONVERSION, "no conversion"),
];

/// The choice of a mend, as a part of a form.
#[derive(Template)]
#[template(path = "mend_choice.html")]
pub struct Choice {
    /// Whether one value can be set, and nothing at all be mended: not as a rule.
    sets: bool,
    /// What is wrong, and with which inputs.
    error: String,
    wrong: Vec<String>,
    fields: [&'static str; 7],
    events: [(&'static str, &'static str); 5],
    kind: String,
    set_field: String,
    set_to: String,
    rename_from: String,
    rename_to: String,
    currency_to: String,
    map_from: String,
    map_word: String,
    map_to: String,
}

impl HtmlSafe for Choice {}

impl Choice {
    /// The choice with what was typed, and what was wrong with it.
    pub fn new(sets: bool, sent: &Sent, bad: Option<&BadFields>) -> Self {
        let typed = |name| sent.get(name).to_owned();
        Self {
            sets,
            error: reasons(bad),
            wrong: wrong(sent.get("mend"), bad),
            fields: FIELDS,
            events: EVENTS,
            kind: typed("mend"),
            set_field: typed("set_field"),
            set_to: typed("set_to"),
            rename_from: typed("rename_from"),
            rename_to: typed("rename_to"),
            currency_to: typed("currency_to"),
            map_from: typed("map_from"),
            map_word: typed("map_word"),
            map_to: typed("map_to"),
        }
    }

    /// What an input says of itself: whether it is wrong, and whether it is the first that is.
    fn state(&self, name: &str) -> &'static str {
        match self.wrong.iter().position(|wrong| wrong == name) {
            None => "",
            Some(0) => " aria-invalid=\"true\" aria-describedby=\"mend-error\" autofocus",
            Some(_) => " aria-invalid=\"true\" aria-describedby=\"mend-error\"",
        }
    }
}

fn reasons(bad: Option<&BadFields>) -> String {
    let reasons = bad.iter().flat_map(|bad| bad.iter()).map(|bad| bad.reason.as_ref());
    reasons.collect::<Vec<_>>().join(" ")
}

/// The inputs of a kind of mend that were refused, as the form calls them.
fn wrong(kind: &str, bad: Option<&BadFields>) -> Vec<String> {
    let wrong = bad.iter().flat_map(|bad| bad.iter());
    let inner = wrong.filter_map(|bad| bad.field.strip_prefix("mend."));
    inner.map(|member| format!("{kind}_{member}")).collect()
}

/// The section of one refused postback's or event's page that mends it.
#[derive(Template)]
#[template(path = "mend_section.html")]
pub struct MendSection {
    space_id: i64,
    of: &'static str,
    seq: i64,
    choice: Choice,
}

impl HtmlSafe for MendSection {}

impl MendSection {
    pub fn new(space_id: i64, of: Of, seq: i64) -> Self {
        let choice = Choice::new(true, &Sent::default(), None);
        Self { space_id, of: of.word(), seq, choice }
    }
}

/// What a mend does, as a heading.
pub fn heading(mend: Option<&Mend>) -> String {
    mend.map_or_else(
        || "Read again by the rules that are on".to_owned(),
        |mend| visible(&mend.to_string()),
    )
}

struct Line {
    seq: i64,
    at: Moment,
    before: String,
    after: String,
    /// The event that it is already.
    event: Option<i64>,
    notes: Vec<String>,
    /// Whether it stays as it is.
    left: bool,
}

#[derive(Template)]
#[template(path = "mend_preview.html")]
struct PreviewPage<'a> {
    space_id: i64,
    of: &'static str,
    mend: String,
    summary: String,
    money: Vec<String>,
    total: i64,
    looked: i64,
    may_stay_on: bool,
    /// What the form sends along: what was asked for, and the number of the replay.
    kept: &'a [(String, String)],
    back: &'static str,
    lines: Vec<Line>,
}

/// What a replay would come to, with the form that begins it.
pub fn preview(
    spaces: &Spaces,
    space_id: i64,
    preview: &Preview,
    kept: &[(String, String)],
    zone: &Zone,
) -> Result<Reply, Error> {
    let of = preview.job.which.of;
    let sums = preview.money().into_iter();
    let page = PreviewPage {
        space_id,
        of: of.word(),
        mend: heading(preview.job.mend.as_ref()),
        summary: summary(preview),
        money: sums.map(|(currency, micros)| signed(micros, &currency)).collect(),
        total: preview.total,
        looked: preview.lines.len() as i64,
        may_stay_on: preview.job.mend.as_ref().is_some_and(Mend::may_stay_on),
        kept,
        back: if of == Of::Events { "?of=events" } else { "" },
        lines: preview.lines.iter().map(|line| shown(line, zone)).collect(),
    };
    frame::of_space(200, spaces, Section::Refused, "Preview", &page)
}

/// A change of revenue, with its sign.
fn signed(micros: i128, currency: &str) -> String {
    let plus = if micros > 0 { "+" } else { "" };
    format!("{plus}{}", money::with_currency(micros, currency))
}

fn summary(preview: &Preview) -> String {
    let (stored, known, left) = preview.counts();
    if preview.total == 0 {
        return "There is nothing to do: what was chosen is an event already, or matches no more."
            .to_owned();
    }
    match preview.job.which.of {
        Of::Events => format!("{stored} would change, {left} would stay as they are."),
        Of::Refused => format!(
            "{stored} would be stored, {known} {} known already, {left} would stay refused.",
            noun(known, "is", "are")
        ),
    }
}

fn shown((chosen, after): &(Chosen, After), zone: &Zone) -> Line {
    let before = match chosen {
        Chosen::Held(held) => {
            let why = held.refused.status.map_or("it was refused", refusal);
            format!("refused: {why}")
        }
        Chosen::Event { known, .. } => written(known),
    };
    let notes = |notes: &[Note]| notes.iter().map(Note::to_string).collect();
    let (text, event, notes) = match after {
        After::Event(report) => (of_report(report), None, notes(&report.notes)),
        After::Known(Some(event)) => ("is known already:".to_owned(), Some(*event), Vec::new()),
        After::Known(None) => ("is the same event as one above".to_owned(), None, Vec::new()),
        After::Refused(refused) => {
            (format!("stays refused: {}", refusal(refused.status)), None, notes(&refused.notes))
        }
        After::Changed(to) => (written(to), None, to.notes.clone()),
        After::Unchanged => ("stays as it is".to_owned(), None, Vec::new()),
    };
    Line {
        seq: chosen.seq(),
        at: moment(zone, chosen.received_at_ms()),
        before,
        after: text,
        event,
        notes,
        left: matches!(after, After::Refused(_) | After::Unchanged),
    }
}

/// An event as it would be stored, in a line.
fn of_report(report: &Report) -> String {
    let mut parts = vec![report.event.code().to_owned()];
    if report.event == EventKind::Deposit {
        parts.push(report.amount.map_or("without an amount".to_owned(), |amount| {
            money::with_currency(amount.micros().into(), report.currency.as_str())
        }));
    }
    let ids = [("uid", report.uid.as_ref()), ("eid", report.eid.as_ref())];
    for (name, id) in ids.into_iter().filter_map(|(name, id)| Some((name, id?))) {
        parts.push(format!("{name} {}", visible(Id::as_str(id))));
    }
    if !report.counts {
        parts.push("(not counted)".to_owned());
    }
    parts.join(" ")
}

/// An event as it is, in a line.
pub fn written(known: &Known) -> String {
    let mut parts = vec![known.event.clone()];
    match known.micros {
        Some(micros) => parts.push(money::with_currency(micros.into(), &known.currency)),
        None if known.event == EventKind::Deposit.code() => {
            parts.push("without an amount".to_owned());
        }
        None => {}
    }
    parts.extend(known.uid.as_deref().map(|uid| format!("uid {}", visible(uid))));
    if !known.counted {
        parts.push("(not counted)".to_owned());
    }
    parts.join(" ")
}

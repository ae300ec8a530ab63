//! One event: what arrived, what was understood, what became of it (docs/dashboard.md). Why revenue did or
//! did not move is its first sentence.

use askama::Template;

use super::decide::{self, Decide};
use super::events::{Line, lines, link_name};
use super::explain::{Explained, explain_acted};
use super::frame::{self, Section};
use super::mend::MendSection;
use super::receipt;
use super::shown::{
    Moment, amount, can_be_resent, is_without_amount, moment, state, times_more, visible,
};
use crate::db::case::Around;
use crate::db::feed::{Delivery, Whole};
use crate::db::space::Spaces;
use crate::destination::outcome::Outcome;
use crate::destination::request::Attempt;
use crate::error::Error;
use crate::figures::{Zone, money};
use crate::model::click::Click;
use crate::model::event::EventKind;
use crate::model::replay::Of;
use crate::receipt::Receipt;
use crate::reply::Reply;

struct Tried {
    at: Moment,
    status: String,
    duration: String,
    outcome: &'static str,
    answer: String,
    /// What was sent, where that is on record: address and body.
    request: Option<(String, String)>,
}

struct Sent {
    destination_id: i64,
    name: String,
    there: bool,
    target: String,
    state: String,
    word: &'static str,
    next: Option<Moment>,
    tried: Vec<Tried>,
    last_try_ms: i64,
    can_resend: bool,
}

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage<'a> {
    space_id: i64,
    seq: i64,
    event: &'a str,
    amount: String,
    verdict: Vec<String>,
    counts: bool,
    notes: Vec<Explained>,
    receipt: receipt::Shown,
    clicked: Option<Moment>,
    click: Vec<(&'static str, String)>,
    sent: Vec<Sent>,
    /// Destinations that it can be sent to by hand, none where it is not counted.
    others: Vec<(i64, String)>,
    counted: bool,
    journey: Vec<Line>,
    mend: MendSection,
    decide: Decide,
}

/// The page of an event.
pub fn page(
    spaces: &Spaces,
    space_id: i64,
    whole: &Whole,
    receipt: &Receipt,
    around: &Around,
    zone: &Zone,
) -> Result<Reply, Error> {
    let item = &whole.item;
    let link = link_name(&whole.links, item.link_id);
    let moment = |ms| moment(zone, ms);
    let clicked = whole.click.as_ref().map(|(click, _)| moment(click.clicked_at_ms));
    let page = EventPage {
        space_id,
        seq: item.seq,
        event: &item.event,
        amount: amount(item),
        verdict: verdict(whole, receipt, &link),
        counts: !is_without_amount(item),
        notes: item.notes.iter().map(|note| explain_acted(note, &whole.acts)).collect(),
        receipt: receipt::Shown::new(receipt, zone),
        click: whole.click.as_ref().map(|(click, _)| click_facts(click)).unwrap_or_default(),
        clicked,
        sent: whole.deliveries.iter().map(|delivery| sent(delivery, zone)).collect(),
        others: others(whole),
        counted: item.counted,
        journey: lines(&whole.journey, &whole.links, zone),
        mend: MendSection::new(space_id, Of::Events, item.seq),
        decide: decide::part(space_id, item, around, zone),
    };
    let title = format!("Event {}", item.seq);
    frame::of_space(200, spaces, Section::Events, &title, &page)
}

/// What became of it, in sentences.
fn verdict(whole: &Whole, receipt: &Receipt, link: &str) -> Vec<String> {
    let item = &whole.item;
    let mut sentences = vec![match item.micros {
        _ if !item.counted => "Not counted: it is in none of the figures.".to_owned(),
        Some(0) => "Counted as a deposit of zero: revenue did not change.".to_owned(),
        Some(micros) if micros < 0 => {
            let taken = money::with_currency(-i128::from(micros), &item.currency);
            format!("Counted as a reversal: {taken} was subtracted from revenue.")
        }
        Some(micros) => {
            format!(
                "Counted: {} was added to revenue.",
                money::with_currency(micros.into(), &item.currency)
            )
        }
        None if item.event == "deposit" => {
            "Counted as a deposit, but it came without an amount and added nothing to revenue."
                .to_owned()
        }
        None => format!("Counted as {}. Only deposits carry money.", item.event),
    }];
    sentences.push(match (&whole.click, item.link_id, &item.uid) {
        (Some(_), 0, _) => "Its click did not come through a link, so it counts as unattributed.".to_owned(),
        (_, id, _) if id != 0 => format!("It is credited to {link}."),
        (_, _, Some(uid)) => format!(
            "It is unattributed: no click has the id {}. If one arrives later, this event moves to its link automatically.",
            visible(uid)
        ),
        _ if item.tg_id.is_some() => {
            "It is unattributed: no click is bound to this Telegram user yet. Once one is, this event moves to its link automatically.".to_owned()
        }
        _ => "It is unattributed: it came without a click id.".to_owned(),
    });
    let differences = receipt::differences(receipt);
    if item.refires > 0 {
        let times = times_more(item.refires);
        let what =
            if differences.is_empty() { "The same postback" } else { "A postback with its id" };
        sentences.push(format!("{what} arrived {times}. It was counted once."));
    }
    sentences.extend(differences.into_iter().take(DIFFERENCES));
    let is_by_receipt = item.eid.is_none() && item.occurred_at_ms == item.received_at_ms;
    if item.event == EventKind::Deposit.code() && item.counted && is_by_receipt {
        sentences.push(COUNTS_AGAIN.to_owned());
    }
    sentences
}

/// Differences of later arrivals that are told at once; all are listed under Came again.
const DIFFERENCES: usize = 3;

const COUNTS_AGAIN: &str = "It came with neither a transaction id (eid) nor a time (t): if the network repeats the call, it counts again. Have it send an eid.";

fn click_facts(click: &Click) -> Vec<(&'static str, String)> {
    let fields = &click.fields;
    let found = [
        ("Click id", Some(click.uid.clone())),
        ("Campaign", both(&fields.campaign_name, &fields.campaign_id)),
        ("Ad set", both(&fields.adset_name, &fields.adset_id)),
        ("Ad", both(&fields.ad_name, &fields.ad_id)),
        ("Placement", fields.placement.clone()),
        ("Country", click.country.clone()),
        ("fbclid", fields.fbclid.clone()),
        ("fbc", fields.fbc.clone()),
        ("fbp", fields.fbp.clone()),
        ("Browser", click.user_agent.clone()),
    ];
    let there = found.into_iter().filter_map(|(name, value)| Some((name, visible(&value?))));
    there.collect()
}

fn both(name: &Option<String>, id: &Option<String>) -> Option<String> {
    match (name, id) {
        (Some(name), Some(id)) => Some(format!("{name} ({id})")),
        (name, id) => name.clone().or_else(|| id.clone()),
    }
}

/// The destinations that an event can be sent to: all that it is not on its way to.
fn others(whole: &Whole) -> Vec<(i64, String)> {
    let is_open = |id: i64| {
        let delivery = whole.deliveries.iter().find(|delivery| delivery.destination_id == id);
        delivery.is_some_and(|delivery| {
            !matches!(delivery.state.as_str(), "sent" | "failed_permanently")
        })
    };
    let free = whole.destinations.iter().filter(|(id, _)| whole.item.counted && !is_open(*id));
    free.map(|(id, name)| (*id, visible(name))).collect()
}

fn sent(delivery: &Delivery, zone: &Zone) -> Sent {
    let attempts = Attempt::read_all(&delivery.attempts);
    let tried = |attempt: &Attempt| Tried {
        at: moment(zone, attempt.at_ms),
        status: attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
        duration: format!("{}\u{a0}ms", money::count(attempt.duration_ms)),
        outcome: match attempt.outcome {
            Outcome::Sent => "accepted",
            Outcome::Transient => "not accepted this time",
            Outcome::Permanent => "refused for good",
        },
        answer: visible(&attempt.answer),
        request: attempt.request.as_ref().map(|request| {
            let body = request.body.as_deref().map(visible).unwrap_or_default();
            (visible(&format!("{} {}", request.method, request.url)), body)
        }),
    };
    let waits = matches!(delivery.state.as_str(), "pending" | "retrying");
    Sent {
        destination_id: delivery.destination_id,
        name: visible(&delivery.name),
        there: delivery.there,
        target: visible(&delivery.target),
        word: state(&delivery.state),
        next: waits.then(|| moment(zone, delivery.due_at_ms)),
        tried: attempts.iter().map(tried).collect(),
        last_try_ms: attempts.last().map_or(0, |attempt| attempt.at_ms),
        can_resend: delivery.there && can_be_resent(&delivery.state),
        state: delivery.state.clone(),
    }
}

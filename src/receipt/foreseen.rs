//! The receipt of a postback that is not stored: what would become of it.

use super::reason;
use super::{Again, Click, Decision, Delivery, Event, Receipt, link, note_spelling, repairs};
use crate::db::dry_run::{self, Foreseen};
use crate::db::history::Says;
use crate::model::amount::{Amount, plain};
use crate::model::event::{Id, Report, TgId};
use crate::model::note::Note;
use crate::model::status::Status;
use crate::postback::mend::Rule;
use crate::postback::receipt::Recorded;

/// How a delivery stands that is not made.
const WOULD_BE_SENT: &str = "would_be_sent";

/// What a postback would be answered.
pub fn status_of(recorded: &Recorded, foreseen: &Foreseen) -> Status {
    match (&recorded.verdict, &foreseen.event) {
        (Err(refusal), _) => refusal.status,
        (Ok(_), Some(event)) if event.known.is_some() => Status::Duplicate,
        (Ok(_), _) => Status::Queued,
    }
}

/// The receipt of a postback that came at `now_ms`.
pub fn foreseen(recorded: Recorded, foreseen: Foreseen, now_ms: i64) -> Receipt {
    let status = status_of(&recorded, &foreseen);
    let rules = numbers(&foreseen.rules);
    let Recorded { raw, mut parameters, verdict, .. } = recorded;
    let (report, found) = match (verdict, foreseen.event) {
        (Ok(report), Some(found)) => (report, found),
        (verdict, _) => {
            let notes = verdict.map_or_else(|refusal| refusal.notes, |report| report.notes);
            let notes: Vec<_> = notes.iter().map(Note::to_string).collect();
            let reason = status.hint().unwrap_or_default().to_owned();
            let decision = decision(status, reason, notes, None, rules);
            return receipt(raw, parameters, decision);
        }
    };
    let notes = found.notes.clone();
    note_spelling(&mut parameters, &notes);
    let Some(known) = &found.known else {
        let event = new(&report, &found, now_ms);
        let counters = event.counters();
        let reason = reason::would_be_new(&event);
        let decision = decision(status, reason, notes, Some(event), rules);
        let deliveries = found.destinations.into_iter().map(delivery).collect();
        return Receipt { counters, deliveries, ..receipt(raw, parameters, decision) };
    };
    let before =
        Says { uid: known.uid.clone(), micros: known.micros, currency: known.currency.clone() };
    let says = Says {
        uid: report.uid.as_ref().map(|uid| uid.as_str().to_owned()),
        micros: report.amount.map(Amount::micros),
        currency: report.currency.as_str().to_owned(),
    };
    let again = Again::of(now_ms, &before, Some((says, report.value)));
    let event = Event::stored(known, link(known.link_id, found.link_name), click(found.click));
    let reason = reason::would_be_again(&event, &again);
    let decision = decision(status, reason, notes, Some(event), rules);
    Receipt { again: vec![again], ..receipt(raw, parameters, decision) }
}

/// A receipt of what moves nothing.
fn receipt(raw: String, parameters: Vec<super::Parameter>, decision: Decision) -> Receipt {
    Receipt {
        raw,
        key: None,
        parameters,
        repairs: repairs(&decision.notes),
        decision,
        counters: Vec::new(),
        deliveries: Vec::new(),
        again: Vec::new(),
    }
}

fn numbers(rules: &[Rule]) -> Vec<i64> {
    let number = |rule: &Rule| match rule.note {
        Note::Rule(n) => Some(n.into()),
        _ => None,
    };
    rules.iter().filter_map(number).collect()
}

fn decision(
    status: Status,
    reason: String,
    notes: Vec<String>,
    event: Option<Event>,
    rules: Vec<i64>,
) -> Decision {
    let status = status.word();
    Decision { status, reason, notes, event, rules, ..Decision::default() }
}

fn new(report: &Report, found: &dry_run::Event, now_ms: i64) -> Event {
    let id = |id: &Option<Id>| id.as_ref().map(|id| id.as_str().to_owned());
    Event {
        seq: None,
        event: report.event.code().to_owned(),
        uid: id(&report.uid),
        eid: id(&report.eid),
        tg_id: report.tg_id.map(TgId::number),
        value: report.value.clone(),
        amount: report.amount.map(|amount| plain(amount.micros().into())),
        currency: report.currency.as_str().to_owned(),
        occurred_at_ms: report.occurred_at.ms(),
        received_at_ms: now_ms,
        counted: report.counts,
        first: found.first,
        refires: 0,
        link: link(found.link_id, found.link_name.clone()),
        click: click(found.click.clone()),
    }
}

fn click(found: Option<(String, i64)>) -> Option<Click> {
    found.map(|(uid, clicked_at_ms)| Click { uid, clicked_at_ms })
}

fn delivery((id, destination, target): (i64, String, String)) -> Delivery {
    let state = WOULD_BE_SENT.to_owned();
    Delivery { destination, id, target, state, tries: None, attempts: None }
}

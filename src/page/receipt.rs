//! A receipt as pages show it, in pieces that stand in receipt/: how it was read, what was decided, what it moved,
//! what came again.

use super::explain::{Explained, explain};
use super::shown::{Moment, moment, visible};
use crate::figures::{Zone, money};
use crate::model::event::EventKind;
use crate::receipt::{Again, Before, Counter, Decided, Event, Parameter, Receipt, Version};

/// A parameter.
pub struct Read {
    pub name: String,
    pub received: String,
    pub read_as: &'static str,
    pub is_ignored: bool,
    pub understood: String,
    pub notes: Vec<Explained>,
}

/// A row of the figures, in words.
pub struct Moved {
    pub event: String,
    pub link: String,
    pub events: String,
    pub people: String,
    pub amount: String,
}

/// Something that was decided, or came again.
pub struct Line {
    pub at: Moment,
    pub text: String,
}

/// A receipt in words.
pub struct Shown {
    pub raw: String,
    /// The name of the key that it came with.
    pub key: Option<String>,
    pub parameters: Vec<Read>,
    pub repairs: Vec<Explained>,
    pub status: &'static str,
    pub reason: String,
    pub facts: Vec<(&'static str, String)>,
    pub times: Vec<(&'static str, Moment)>,
    pub became: Option<i64>,
    pub rules: Vec<i64>,
    pub decisions: Vec<Line>,
    pub counters: Vec<Moved>,
    pub again: Vec<Line>,
    /// How many later arrivals there are beyond those that are listed.
    pub more_again: i64,
}

impl Shown {
    pub fn new(receipt: &Receipt, zone: &Zone) -> Self {
        let decision = &receipt.decision;
        let event = decision.event.as_ref();
        let times = |event: &Event| {
            vec![
                ("Happened", moment(zone, event.occurred_at_ms)),
                ("Received", moment(zone, event.received_at_ms)),
            ]
        };
        let decided = |decided: &Decided| Line {
            at: moment(zone, decided.at_ms),
            text: decision_text(decided),
        };
        let again = |again: &Again| Line {
            at: moment(zone, again.received_at_ms),
            text: again_text(again, &decision.decisions),
        };
        let listed = receipt.again.len() as i64;
        Self {
            raw: visible(&receipt.raw),
            key: receipt.key.as_ref().map(|key| visible(&key.name)),
            parameters: receipt.parameters.iter().map(read).collect(),
            repairs: receipt.repairs.iter().map(|note| explain(note)).collect(),
            status: decision.status,
            reason: visible(&decision.reason),
            facts: event.map(facts).unwrap_or_default(),
            times: event.map(times).unwrap_or_default(),
            became: decision.became,
            rules: decision.rules.clone(),
            decisions: decision.decisions.iter().map(decided).collect(),
            counters: receipt.counters.iter().map(moved).collect(),
            again: receipt.again.iter().map(again).collect(),
            more_again: event.map_or(0, |event| (event.refires - listed).max(0)),
        }
    }
}

/// What later arrivals said that was different, each once, as sentences without their times.
pub fn differences(receipt: &Receipt) -> Vec<String> {
    let mut texts = Vec::new();
    for again in receipt.again.iter().filter(|again| !again.differs.is_empty()) {
        let text = format!("It {}.", again_text(again, &receipt.decision.decisions));
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

fn read(parameter: &Parameter) -> Read {
    Read {
        name: visible(&parameter.name),
        received: visible(&parameter.received),
        read_as: parameter.read_as,
        is_ignored: parameter.read_as == "ignored",
        understood: parameter.understood.as_deref().map(visible).unwrap_or_default(),
        notes: parameter.notes.iter().map(|note| explain(note)).collect(),
    }
}

fn moved(counter: &Counter) -> Moved {
    let currency = counter.currency.as_deref().unwrap_or_default();
    let amount = |amount: &String| format!("{amount}\u{a0}{currency}");
    Moved {
        event: counter.event.clone(),
        link: counter
            .link
            .as_ref()
            .map_or_else(|| "unattributed".to_owned(), |link| visible(&link.name)),
        events: money::count(counter.events),
        people: money::count(counter.people),
        amount: counter.amount.as_ref().map(amount).unwrap_or_default(),
    }
}

fn facts(event: &Event) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.as_deref().map(visible).unwrap_or_default();
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let link = event.link.as_ref().map(|link| visible(&link.name));
    let mut facts = vec![
        ("Event", event.event.clone()),
        ("Click id (uid)", text(&event.uid)),
        ("Transaction id (eid)", text(&event.eid)),
        ("Telegram id", event.tg_id.map(|id| id.to_string()).unwrap_or_default()),
        ("Value as sent", text(&event.value)),
    ];
    if event.event == EventKind::Deposit.code() {
        facts.push(("Value as read", sum(&event.amount, &event.currency)));
    }
    facts.extend([
        ("Link", link.unwrap_or_else(|| "unattributed".to_owned())),
        ("In the figures", yes(event.counted)),
        ("First of its kind for this person", yes(event.first)),
        ("Repeats", money::count(event.refires)),
    ]);
    facts
}

fn sum(amount: &Option<String>, currency: &str) -> String {
    let with_currency = |amount: &String| format!("{amount}\u{a0}{currency}");
    amount.as_ref().map_or_else(|| "no amount".to_owned(), with_currency)
}

fn decision_text(decided: &Decided) -> String {
    let mut text = format!("{}: {}", decided.n, decided.kind.replace('_', " "));
    if let Some(undone) = decided.undoes {
        text.push_str(&format!(" of decision {undone}"));
    }
    if let Some(other) = decided.other {
        text.push_str(&format!(", with event {other}"));
    }
    if !decided.reason.is_empty() {
        text.push_str(&format!(" ({})", visible(&decided.reason)));
    }
    text
}

/// `came again with 300.00 USD in place of 120.50 USD; not counted`.
fn again_text(again: &Again, decisions: &[Decided]) -> String {
    let Some(version) = &again.version else {
        return "came again and said the same; not counted".to_owned();
    };
    let Version { uid, amount, currency, before, .. } = version;
    let Before { uid: uid_before, amount: amount_before, currency: currency_before } = before;
    let mut with = Vec::new();
    if again.differs.iter().any(|what| matches!(*what, "amount" | "currency")) {
        let before = sum(amount_before, currency_before);
        with.push(format!("{} in place of {before}", sum(amount, currency)));
    }
    if again.differs.contains(&"uid") {
        let id = |uid: &Option<String>| uid.as_deref().map_or_else(|| "none".to_owned(), visible);
        with.push(format!("the click id {} in place of {}", id(uid), id(uid_before)));
    }
    let decided = again.decision.and_then(|n| decisions.iter().find(|decided| decided.n == n));
    let fate = decided.map_or_else(
        || "not counted".to_owned(),
        |decided| format!("decision {}: {}", decided.n, decided.kind.replace('_', " ")),
    );
    format!("came again with {}; {fate}", with.join(" and "))
}

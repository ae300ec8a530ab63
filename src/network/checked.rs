//! A template of a postback checked against a network's pack, before any traffic: what each macro stands for
//! there, whether it stands in the right place, and what is missing.

use crate::model::event::EventKind;
use crate::model::note::Field;
use crate::network::{Meaning, Means, Pack};
use crate::postback::macros;
use crate::text::pairs::decode_lossy;

/// A parameter of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name as it came, decoded.
    pub name: String,
    /// What it is read as.
    pub field: Option<Field>,
    /// What fills it, decoded: a macro, or what it always is.
    pub text: String,
}

/// What a network fills in for a macro.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Click,
    /// The id of an event: of this kind, where the network has one for each.
    Id(Option<String>),
    Amount(Means),
    Currency,
    /// What belongs in none of our parameters.
    Other(Meaning),
    /// Something that the pack warns of, in a sentence of its own.
    Warned(String),
}

/// Whether a macro stands where it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Right,
    Wrong,
    /// Nobody knows what it stands for.
    Unknown,
}

/// What there is to say of one macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The parameter that it fills.
    pub name: String,
    pub text: String,
    pub fit: Fit,
    /// What it is at the network, and what to do about it.
    pub sentence: String,
}

/// What there is to say of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The network, where it is known.
    pub network: Option<String>,
    /// Of each macro in it.
    pub said: Vec<Said>,
    /// What to add, a sentence each.
    pub missing: Vec<String>,
}

impl Slot {
    /// A parameter from its raw value.
    pub fn new(name: &str, field: Option<Field>, raw: &str) -> Self {
        let mut text = raw.to_owned();
        // A template may be copied from where it was encoded, once or twice.
        for _ in 0..2 {
            if !macros::is_percent_macro(&text) {
                text = decode_lossy(&text);
            }
        }
        Self { name: name.to_owned(), field, text: text.trim().to_owned() }
    }

    /// Whether a macro of a network fills it.
    pub fn has_macro(&self) -> bool {
        macros::is_unresolved(&self.text)
    }
}

/// Checks a template of a network: the one that was chosen, by its slug, or else the one that its macros
/// show. What an unknown network means by them nobody says.
pub fn check(packs: &[Pack], chosen: Option<&str>, slots: &[Slot]) -> Checked {
    let chosen = chosen.and_then(|slug| packs.iter().find(|pack| pack.slug == slug));
    let pack = chosen.or_else(|| recognise(packs, slots));
    let event = slots.iter().find(|slot| slot.field == Some(Field::Event));
    let event = event.and_then(|slot| EventKind::parse(&slot.text));
    let filled = slots.iter().filter(|slot| slot.has_macro() || is_macro_name(slot));
    Checked {
        network: pack.map(|pack| pack.name.clone()),
        said: filled.map(|slot| say(pack, slot, event)).collect(),
        missing: missing(pack, slots, event),
    }
}

/// The one network that more of the macros are of than of any other.
fn recognise<'p>(packs: &'p [Pack], slots: &[Slot]) -> Option<&'p Pack> {
    let known = |pack: &&Pack| slots.iter().filter(|slot| what(pack, &slot.text).is_some()).count();
    let most = packs.iter().map(|pack| known(&pack)).max().filter(|most| *most > 0)?;
    let mut best = packs.iter().filter(|pack| known(pack) == most);
    best.next().filter(|_| best.next().is_none())
}

/// What a text is a macro of at a network: the whole of what is known of macros.
fn what(pack: &Pack, text: &str) -> Option<What> {
    if pack.uid.as_deref() == Some(text) {
        return Some(What::Click);
    }
    if let Some((event, _)) = pack.eid.iter().find(|(_, own)| *own == text) {
        return Some(What::Id(Some(event.clone())));
    }
    if let Some(amount) = pack.amounts.iter().find(|amount| amount.name == text) {
        return Some(What::Amount(amount.means));
    }
    if pack.currency.as_deref() == Some(text) && macros::is_unresolved(text) {
        return Some(What::Currency);
    }
    let means = pack.macros.iter().find(|own| own.text == text).map(|own| own.means);
    let fitting = match means {
        Some(Meaning::Click) => Some(What::Click),
        Some(Meaning::Transaction) => Some(What::Id(None)),
        Some(Meaning::Deposit) => Some(What::Amount(Means::Deposit)),
        Some(Meaning::Order) => Some(What::Amount(Means::Order)),
        Some(Meaning::Commission) => Some(What::Amount(Means::Commission)),
        Some(Meaning::Amount) => Some(What::Amount(Means::Unsaid)),
        Some(Meaning::Currency) => Some(What::Currency),
        _ => None,
    };
    let says = |note: &&String| macros::is_unresolved(text) && note.contains(text);
    let warned = || pack.notes.iter().find(says).map(|note| What::Warned(note.clone()));
    fitting.or_else(warned).or_else(|| means.map(What::Other))
}

fn say(pack: Option<&Pack>, slot: &Slot, event: Option<EventKind>) -> Said {
    let (fit, sentence) = match (pack, slot.field) {
        _ if is_macro_name(slot) => (Fit::Wrong, AS_NAME.to_owned()),
        (_, Some(Field::Event)) => (Fit::Wrong, EVENT.to_owned()),
        (None, Some(_)) => (Fit::Unknown, UNKNOWN_NETWORK.to_owned()),
        (None, None) => (Fit::Unknown, IGNORED.to_owned()),
        (Some(pack), field) => judge(pack, slot, field, event),
    };
    Said { name: slot.name.clone(), text: slot.text.clone(), fit, sentence }
}

const AS_NAME: &str =
    "A macro stands where a parameter's name belongs, and is ignored. Put a name before it.";
const EVENT: &str = "Write the event itself here: one URL for registration, one for deposit.";
const UNKNOWN_NETWORK: &str = "What it stands for is not known. Choose your network above.";
const IGNORED: &str = "This parameter is not read. It is kept with the postback, and ignored.";

fn judge(
    pack: &Pack,
    slot: &Slot,
    field: Option<Field>,
    event: Option<EventKind>,
) -> (Fit, String) {
    let Some(what) = what(pack, &slot.text) else { return unknown(pack, slot, field, event) };
    let is = described(pack, &what);
    let place = match &what {
        What::Click => Some(Field::Uid),
        What::Id(_) => Some(Field::Eid),
        What::Amount(_) => Some(Field::Value),
        What::Currency => Some(Field::Currency),
        What::Warned(_) | What::Other(_) => None,
    };
    let is_of_event = match (&what, event) {
        (What::Id(Some(of)), Some(event)) => pack.eid.get(event.code()) == pack.eid.get(of),
        _ => true,
    };
    match (field, place) {
        (None, Some(place)) => {
            let name = place.name();
            (Fit::Wrong, format!("{is} The parameter {} is not read: call it {name}.", slot.name))
        }
        (None, None) => (Fit::Unknown, format!("{is} {IGNORED}")),
        (Some(field), place) if Some(field) == place && is_of_event => (Fit::Right, is),
        (Some(field), _) => (Fit::Wrong, with_advice(is, pack, field, event)),
    }
}

/// A macro that the pack does not have, or has in another letter case or other brackets.
fn unknown(
    pack: &Pack,
    slot: &Slot,
    field: Option<Field>,
    event: Option<EventKind>,
) -> (Fit, String) {
    let mut known = pack.macros.iter().map(|own| own.text.as_str());
    if let Some(own) = known.find(|own| is_like(own, &slot.text)) {
        return (Fit::Wrong, format!("{} writes it {own}.", pack.name));
    }
    match field {
        None => (Fit::Unknown, IGNORED.to_owned()),
        Some(field) => {
            let is = format!("It is not among the macros known of {}.", pack.name);
            (Fit::Unknown, with_advice(is, pack, field, event))
        }
    }
}

/// Whether two macros are one but for brackets and letter case.
fn is_like(one: &str, other: &str) -> bool {
    let name = |text: &str| {
        let text = text.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        text.to_ascii_lowercase()
    };
    !name(one).is_empty() && name(one) == name(other)
}

fn described(pack: &Pack, what: &What) -> String {
    let name = &pack.name;
    match what {
        What::Click => format!("At {name}, it is the click id that your offer link carries."),
        What::Id(_) => format!("At {name}, it is the event's own id."),
        What::Amount(Means::Unsaid) => {
            format!("At {name}, it is an amount; its source does not say of what.")
        }
        What::Amount(means) => format!("At {name}, it is {}.", means.words()),
        What::Currency => format!("At {name}, it is the currency."),
        What::Warned(note) => note.clone(),
        What::Other(means) => format!("At {name}, it {}.", said_of(*means)),
    }
}

/// What a network fills in, of what none of our parameters is for.
fn said_of(means: Meaning) -> &'static str {
    match means {
        Meaning::Session => "names the click or the visit, which all of its conversions share",
        Meaning::User => "names the person, who may pay more than once",
        Meaning::Withdrawal => "is a withdrawal: money that the person took out",
        Meaning::Change => "is by how much the amount changed",
        Meaning::Status => "is the conversion's status",
        Meaning::Event => "is the network's own word for the event",
        Meaning::Country => "is the person's country",
        Meaning::Advertiser => "is the advertiser's id",
        Meaning::Random => "is random, and another one on every try",
        _ => "is known by another name",
    }
}

/// A sentence with the macro that belongs in a field, where the network has one.
fn with_advice(is: String, pack: &Pack, field: Field, event: Option<EventKind>) -> String {
    match right(pack, field, event) {
        Some(right) => format!("{is} Use {right} for {}.", field.name()),
        None => is,
    }
}

/// The macro that belongs in a field; of several amounts the first.
fn right(pack: &Pack, field: Field, event: Option<EventKind>) -> Option<String> {
    match field {
        Field::Uid => pack.uid.clone(),
        Field::Eid => pack.eid.get(event.unwrap_or(EventKind::Deposit).code()).cloned(),
        Field::Value => pack.amounts.first().map(|amount| amount.name.clone()),
        Field::Currency => pack.currency.clone(),
        _ => None,
    }
}

fn is_macro_name(slot: &Slot) -> bool {
    macros::is_unresolved(&slot.name)
}

fn missing(pack: Option<&Pack>, slots: &[Slot], event: Option<EventKind>) -> Vec<String> {
    let has = |field| slots.iter().any(|slot| slot.field == Some(field) && !slot.text.is_empty());
    let mut missing = Vec::new();
    if !has(Field::Event) {
        missing.push("event: add event=registration or event=deposit.".to_owned());
    }
    let is_deposit = event.is_none_or(|event| event == EventKind::Deposit);
    for (field, wanted, why) in [
        (Field::Uid, !has(Field::TgId), "without the click id, the event belongs to no click"),
        (Field::Eid, true, "without an id of its own, a repeated call may count again"),
        (Field::Value, is_deposit, "without an amount, a deposit adds nothing to revenue"),
    ] {
        if has(field) || !wanted {
            continue;
        }
        let name = field.name();
        missing.push(match pack.map(|pack| (pack, right(pack, field, event))) {
            Some((_, Some(right))) => format!("{name}: {why}. Add {name}={right}."),
            Some((pack, None)) => {
                format!("{name}: {why}. No macro of {} is known for it.", pack.name)
            }
            None => format!("{name}: {why}."),
        });
    }
    missing
}

#[cfg(test)]
mod tests;

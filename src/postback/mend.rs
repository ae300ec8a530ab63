//! Mends: what a sender does wrong, read as it was meant (docs/dashboard.md, Mending and replaying). A mend is on for
//! all that a space's senders bring, as one of its rules, or acts once, when something is replayed.
//!
//! Of several that could act on the same parameter the first one does. The kinds go in an order of their own, so
//! that the amount that a renamed parameter brings can be mended too, and the currency of what a status made a
//! deposit.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::parameters::{Parameters, Value};
use crate::error::{BadField, BadFields, both};
use crate::model::amount::Amount;
use crate::model::event::{Currency, EventKind, Id, Report, TgId};
use crate::model::key;
use crate::model::note::{Field, Note};
use crate::text::json;

/// Longest name and longest word of a mend in characters: longer than any network's, and short enough that an isolate
/// can keep the rules of a thousand keys.
const NAME_LENGTH: usize = 64;

/// What a status is mapped to that is none of our events.
pub const NOT_A_CONVERSION: &str = "not_a_conversion";

/// What an event is when a status that is no conversion is all that says what happened: statuses are of payments.
const OF_A_STATUS: EventKind = EventKind::Deposit;

/// One way of reading what a sender meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// A parameter holds this, whatever came.
    Set { field: Field, to: String },
    /// What came under another name is this parameter, unless that came as well.
    Rename { from: String, to: Field },
    /// `1,234` is 1.234.
    DecimalComma,
    /// `1,234` is 1234.
    Thousands,
    /// Deposits without a currency have this one.
    Currency(Currency),
    /// A word under a name is one of our events; `None` for no conversion.
    Map { from: String, word: String, to: Option<EventKind> },
}

/// A mend as it is written: by a user, by a program, in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MendDraft {
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A mend with the note that it leaves where it acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub note: Note,
    pub mend: Mend,
}

impl MendDraft {
    /// Reads one that was stored.
    pub fn read(stored: &Json) -> Self {
        let text = |name| json::optional_text(stored, name);
        Self {
            kind: json::text(stored, "kind"),
            field: text("field"),
            from: text("from"),
            word: text("word"),
            to: text("to"),
        }
    }

    /// The mend, or all that is missing.
    pub fn check(&self) -> Result<Mend, BadFields> {
        match self.kind.as_str() {
            "set" => self.set(),
            "rename" => self.rename(),
            "decimal_comma" => Ok(Mend::DecimalComma),
            "thousands" => Ok(Mend::Thousands),
            "currency" => Ok(currency(&text_of(&self.to)).map(Mend::Currency)?),
            "map" => self.map(),
            _ => Err(BadField::new("mend", "Choose what is to be mended.").into()),
        }
    }

    fn set(&self) -> Result<Mend, BadFields> {
        let field = field(&self.field).filter(|field| !matches!(field, Field::Test));
        let field = field.ok_or(BadField::new(FIELD, "Choose which value is to be set."))?;
        let to = text_of(&self.to);
        if key::contains_secret(&to) {
            return Err(BadField::new(TO, "A value must not contain a key.").into());
        }
        let fits = match field {
            Field::Event => EventKind::parse(&to).is_some(),
            Field::Uid | Field::Eid => !to.is_empty() && Id::parse(&to).is_ok(),
            Field::Value => Amount::parse(&to).is_some(),
            Field::Currency => Currency::parse(&to).is_some(),
            Field::Time => !to.is_empty() && to.bytes().all(|byte| byte.is_ascii_digit()),
            _ => TgId::parse(&to).is_some(),
        };
        if fits { Ok(Mend::Set { field, to }) } else { Err(BadField::new(TO, unfit(field)).into()) }
    }

    fn rename(&self) -> Result<Mend, BadFields> {
        let to = field(&self.to).filter(|to| to.name() != text_of(&self.from));
        let to = to.ok_or(BadField::new(TO, "Choose which parameter it is to be read as."));
        both(name(FROM, &self.from), to).map(|(from, to)| Mend::Rename { from, to })
    }

    fn map(&self) -> Result<Mend, BadFields> {
        let to = match text_of(&self.to).as_str() {
            NOT_A_CONVERSION => Ok(None),
            code => {
                let event = EventKind::parse(code);
                event.map(Some).ok_or(BadField::new(TO, "Choose what the word means."))
            }
        };
        let words = both(name(FROM, &self.from), name(WORD, &self.word));
        both(words, to).map(|((from, word), to)| Mend::Map { from, word, to })
    }
}

const FIELD: &str = "mend.field";
const FROM: &str = "mend.from";
const WORD: &str = "mend.word";
const TO: &str = "mend.to";

fn text_of(text: &Option<String>) -> String {
    text.as_deref().unwrap_or_default().trim().to_owned()
}

/// A parameter that may be mended: neither the token nor what says that nothing is to be stored.
fn field(name: &Option<String>) -> Option<Field> {
    let found = Field::named(&text_of(name));
    found.filter(|field| !matches!(field, Field::Token | Field::DryRun))
}

fn name(field: &'static str, text: &Option<String>) -> Result<String, BadField> {
    let text = text_of(text);
    let is_odd =
        text.is_empty() || text.chars().count() > NAME_LENGTH || text.chars().any(char::is_control);
    if is_odd || text == Field::Token.name() || key::contains_secret(&text) {
        let reason = match field {
            WORD => "Write the word as it arrives, in at most 64 characters.",
            _ => "Write the parameter as it arrives, in at most 64 characters.",
        };
        return Err(BadField::new(field, reason));
    }
    Ok(text)
}

fn currency(text: &str) -> Result<Currency, BadField> {
    Currency::parse(text).ok_or(BadField::new(TO, unfit(Field::Currency)))
}

fn unfit(field: Field) -> &'static str {
    match field {
        Field::Event => "The event must be contact, subscribed, registration or deposit.",
        Field::Uid | Field::Eid => "An id has 1 to 256 characters, on one line.",
        Field::Value => "The amount must be a number with one meaning, such as 1234.50.",
        Field::Currency => "The currency must be 3 to 5 letters, such as EUR.",
        Field::Time => "The time must be epoch milliseconds.",
        _ => "The Telegram id must be a number.",
    }
}

impl Mend {
    /// Reads one that was stored; `None` for one that a later version wrote.
    pub fn read(stored: &str) -> Option<Self> {
        MendDraft::read(&json::read(stored)).check().ok()
    }

    /// The mend as it is written.
    pub fn draft(&self) -> MendDraft {
        let own = |text: &str| Some(text.to_owned());
        let kind = |kind: &str| MendDraft { kind: kind.to_owned(), ..MendDraft::default() };
        match self {
            Self::Set { field, to } => {
                MendDraft { field: own(field.name()), to: own(to), ..kind("set") }
            }
            Self::Rename { from, to } => {
                MendDraft { from: own(from), to: own(to.name()), ..kind("rename") }
            }
            Self::DecimalComma => kind("decimal_comma"),
            Self::Thousands => kind("thousands"),
            Self::Currency(currency) => {
                MendDraft { to: own(currency.as_str()), ..kind("currency") }
            }
            Self::Map { from, word, to } => MendDraft {
                from: own(from),
                word: own(word),
                to: own(to.map_or(NOT_A_CONVERSION, EventKind::code)),
                ..kind("map")
            },
        }
    }

    /// The mend as JSON text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.draft()).unwrap_or_default()
    }

    /// Whether it may stay on for what comes next. One value is one postback's.
    pub fn may_stay_on(&self) -> bool {
        !matches!(self, Self::Set { .. })
    }

    /// Whether it may act on many at once: the same id, amount or time would make one of them.
    pub fn may_act_on_many(&self) -> bool {
        match self {
            Self::Set { field, .. } => matches!(field, Field::Event | Field::Currency),
            _ => true,
        }
    }

    fn order(&self) -> u8 {
        match self {
            Self::Rename { .. } => 0,
            Self::Map { .. } => 1,
            Self::Set { .. } => 2,
            Self::DecimalComma | Self::Thousands => 3,
            Self::Currency(_) => 4,
        }
    }

    /// Acts, and says whether it did.
    fn act(&self, parameters: &mut Parameters, mended: &mut Mended) -> bool {
        match self {
            Self::Set { field, to } => {
                if parameters.peek(*field) == Value::Text(to) {
                    return false;
                }
                mended.set(parameters, *field, to.clone());
                true
            }
            Self::Rename { from, to } => rename(parameters, from, *to),
            Self::DecimalComma => regroup(parameters, mended, "."),
            Self::Thousands => regroup(parameters, mended, ""),
            Self::Currency(currency) => {
                let lacks = !matches!(parameters.peek(Field::Currency), Value::Text(_));
                let acts = lacks && event_of(parameters) == Some(EventKind::Deposit);
                if acts {
                    parameters.set(Field::Currency, Some(currency.as_str().to_owned()));
                }
                acts
            }
            Self::Map { from, word, to } => {
                let is_it = |text: String| text.eq_ignore_ascii_case(word);
                !mended.is_mapped
                    && parameters.text_named(from).is_some_and(is_it)
                    && map(parameters, mended, *to)
            }
        }
    }
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set { field, to } => write!(f, "{} is {to}", field.name()),
            Self::Rename { from, to } => write!(f, "{from} is read as {}", to.name()),
            Self::DecimalComma => f.write_str("1,234 is read as 1.234"),
            Self::Thousands => f.write_str("1,234 is read as 1234"),
            Self::Currency(currency) => {
                write!(f, "deposits without a currency are in {}", currency.as_str())
            }
            Self::Map { from, word, to: Some(event) } => {
                write!(f, "{from}={word} is read as {}", event.code())
            }
            Self::Map { from, word, to: None } => {
                write!(f, "{from}={word} is no conversion: it is kept, and not counted")
            }
        }
    }
}

/// What mends have done that a report cannot be read from its parameters.
#[derive(Debug, Default)]
pub struct Mended {
    /// The amount as it was sent, where another one was judged.
    sent: Option<Option<String>>,
    is_mapped: bool,
    is_no_conversion: bool,
}

impl Mended {
    fn set(&mut self, parameters: &mut Parameters, field: Field, to: String) {
        if field == Field::Value && self.sent.is_none() {
            self.sent = Some(parameters.text_named(field.name()));
        }
        parameters.set(field, Some(to));
    }

    /// A report with what its parameters cannot say any more.
    pub fn finish(self, report: Report) -> Report {
        Report {
            value: self.sent.unwrap_or(report.value),
            counts: report.counts && !self.is_no_conversion,
            ..report
        }
    }
}

/// Has rules act on what was sent; each that does leaves its note.
pub fn apply(rules: &[Rule], parameters: &mut Parameters) -> Mended {
    let mut mended = Mended::default();
    let mut in_order: Vec<_> = rules.iter().collect();
    in_order.sort_by_key(|rule| rule.mend.order());
    for rule in in_order {
        if rule.mend.act(parameters, &mut mended) {
            parameters.note(rule.note);
        }
    }
    mended
}

fn event_of(parameters: &Parameters) -> Option<EventKind> {
    match parameters.peek(Field::Event) {
        Value::Text(text) => EventKind::parse(text),
        _ => None,
    }
}

fn rename(parameters: &mut Parameters, from: &str, to: Field) -> bool {
    if matches!(parameters.peek(to), Value::Text(_)) {
        return false;
    }
    let Some(text) = parameters.text_named(from) else { return false };
    if let Some(from) = Field::named(from) {
        parameters.set(from, None);
    }
    parameters.set(to, Some(text));
    true
}

/// Reads the comma of a deposit's `1,234`, which has two meanings, as one of them.
fn regroup(parameters: &mut Parameters, mended: &mut Mended, comma: &str) -> bool {
    if event_of(parameters) != Some(EventKind::Deposit) {
        return false;
    }
    let Value::Text(sent) = parameters.peek(Field::Value) else { return false };
    let has_two_meanings = has_two_meanings(sent);
    if has_two_meanings {
        let read = sent.replacen(',', comma, 1);
        mended.set(parameters, Field::Value, read);
    }
    has_two_meanings
}

/// Whether an amount has one comma that may stand for the point, or between thousands.
pub fn has_two_meanings(sent: &str) -> bool {
    let digits = sent.strip_prefix(['+', '-']).unwrap_or(sent);
    let Some((units, rest)) = digits.split_once(',') else { return false };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    (1..=3).contains(&units.len())
        && !units.starts_with('0')
        && rest.len() == 3
        && is_number(units)
        && is_number(rest)
}

fn map(parameters: &mut Parameters, mended: &mut Mended, to: Option<EventKind>) -> bool {
    let event = event_of(parameters);
    mended.is_mapped = true;
    match to {
        Some(to) if event == Some(to) => return false,
        Some(to) => parameters.set(Field::Event, Some(to.code().to_owned())),
        None => {
            if event.is_none() {
                parameters.set(Field::Event, Some(OF_A_STATUS.code().to_owned()));
            }
            mended.is_no_conversion = true;
            parameters.note(Note::NotAConversion);
        }
    }
    true
}

#[cfg(test)]
mod tests;

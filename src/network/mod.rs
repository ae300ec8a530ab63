//! Network packs: each network's own macros, what its amount means, and where that is known from. One
//! file a network; none of them is guessed.

pub mod checked;
pub mod fit;
mod meaning;

use std::collections::BTreeMap;

use serde_json::Value;

pub use meaning::{Meaning, Standing};

use crate::error::{BadField, BadFields, all};
use crate::model::event::EventKind;
use crate::postback::macros::inside_of;
use crate::text::json;

/// The slug and the text of every pack in this folder, as `build.rs` found them.
const PACKS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// Stands where a pack knows that a macro belongs, but not which. Counts as unfilled if it arrives.
const REPLACE: &str = "REPLACE";

/// Longest macro in bytes, twice the longest that a pack has.
const MACRO_BYTES: usize = 64;

/// What a network's amount is an amount of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// What the user paid in.
    Deposit,
    /// What the user bought for.
    Order,
    /// What the affiliate earns.
    Commission,
    /// The source does not say.
    Unsaid,
}

impl Means {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "deposit" => Some(Self::Deposit),
            "order" => Some(Self::Order),
            "commission" => Some(Self::Commission),
            "unsaid" => Some(Self::Unsaid),
            _ => None,
        }
    }

    /// In words for the user.
    pub fn words(self) -> &'static str {
        match self {
            Self::Deposit => "the deposit",
            Self::Order => "the order's value",
            Self::Commission => "your commission",
            Self::Unsaid => "not explained by the source",
        }
    }
}

/// A macro for an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    pub name: String,
    pub means: Means,
}

/// A macro, and what the network fills in for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Macro {
    /// With its brackets.
    pub text: String,
    /// Without them.
    pub name: String,
    pub means: Meaning,
}

/// Where a pack is known from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// D: the network's own documentation. U: users' code, not official.
    pub grade: String,
    pub says: String,
}

/// What is known of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The name of its file, by which it is chosen.
    pub slug: &'static str,
    pub name: String,
    pub source: Source,
    /// The macro of the click id; `None` where the user's own sub id has to be named.
    pub uid: Option<String>,
    /// What its offer link calls a click id, and the macro that brings it back; empty where no source says so.
    pub link_parameters: BTreeMap<String, String>,
    /// The macro of an id that is the event's own, by event.
    pub eid: BTreeMap<String, String>,
    pub amounts: Vec<Amount>,
    /// A macro, or the currency itself.
    pub currency: Option<String>,
    /// Whether the base URL must not contain `?`: the network adds the parameters itself.
    pub base_only: bool,
    /// Whether it adds parameters of its own behind the URL, with a second `?`.
    pub appends: bool,
    /// Every macro that is known, and what it stands for.
    pub macros: Vec<Macro>,
    /// Names of parameters that it sends by itself.
    pub parameters: Vec<String>,
    /// Its words for a conversion's status.
    pub statuses: BTreeMap<String, Standing>,
    pub notes: Vec<String>,
}

/// A ready-made URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    pub event: EventKind,
    /// What its amount means, where it has one.
    pub means: Option<Means>,
    pub url: String,
}

/// Every pack, by name.
pub fn packs() -> Vec<Pack> {
    PACKS.iter().filter_map(|(slug, file)| Pack::read(slug, &json::read(file))).collect()
}

impl Pack {
    fn read(slug: &'static str, file: &Value) -> Option<Self> {
        let amount = |amount: &Value| {
            let means = Means::parse(&json::text(amount, "means"))?;
            Some(Amount { name: json::optional_text(amount, "macro")?, means })
        };
        let source = file.get("source")?;
        Some(Self {
            slug,
            name: json::optional_text(file, "name")?,
            source: Source { grade: json::text(source, "grade"), says: json::text(source, "says") },
            uid: json::optional_text(file, "uid"),
            link_parameters: file.get("link_parameters").map(json::texts_by_name)?,
            eid: file.get("eid").map(json::texts_by_name)?,
            amounts: json::items(file.get("amounts")?).map(amount).collect::<Option<_>>()?,
            currency: json::optional_text(file, "currency"),
            base_only: file.get("base_only")?.as_bool()?,
            appends: file.get("appends")?.as_bool()?,
            macros: macros(file.get("macros")?)?,
            parameters: json::texts(file.get("parameters")?),
            statuses: by_name(file.get("statuses")?, Standing::parse)?,
            notes: json::texts(file.get("notes")?),
        })
    }

    /// What one of its macros stands for.
    pub fn meaning(&self, text: &str) -> Option<Meaning> {
        self.macros.iter().find(|own| own.text == text).map(|own| own.means)
    }

    /// The URLs to be pasted into the network's settings: one for registrations, and for deposits one
    /// for each meaning of its amount.
    pub fn urls(&self, origin: &str, token: &str) -> Vec<Ready> {
        let mut urls = vec![self.url(origin, token, EventKind::Registration, None)];
        if self.amounts.is_empty() {
            urls.push(self.url(origin, token, EventKind::Deposit, None));
        }
        let deposit = |amount| self.url(origin, token, EventKind::Deposit, Some(amount));
        urls.extend(self.amounts.iter().map(deposit));
        urls
    }

    fn url(&self, origin: &str, token: &str, event: EventKind, amount: Option<&Amount>) -> Ready {
        let means = amount.map(|amount| amount.means);
        if self.base_only {
            return Ready { event, means, url: format!("{origin}/e/{token}/{}", event.code()) };
        }
        let macros = Macros {
            uid: self.uid.clone().unwrap_or_else(|| REPLACE.to_owned()),
            eid: self.eid.get(event.code()).cloned().unwrap_or_default(),
            value: amount.map(|amount| amount.name.clone()).unwrap_or_default(),
            currency: amount.and(self.currency.clone()).unwrap_or_default(),
        };
        Ready { event, means, url: macros.url(origin, token, event) }
    }
}

fn macros(words: &Value) -> Option<Vec<Macro>> {
    let macros = by_name(words, Meaning::parse)?.into_iter();
    let named = |(text, means): (String, Meaning)| {
        let name = inside_of(&text)?.1.to_owned();
        Some(Macro { text, name, means })
    };
    macros.map(named).collect()
}

/// An object's words by their names; `None` where one of them is none that is known.
fn by_name<T>(words: &Value, parse: fn(&str) -> Option<T>) -> Option<BTreeMap<String, T>> {
    let words = json::texts_by_name(words).into_iter();
    words.map(|(name, word)| Some((name, parse(&word)?))).collect()
}

/// The macros of a network that has no pack, as the user types them; empty ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Macros {
    pub uid: String,
    pub eid: String,
    pub value: String,
    pub currency: String,
}

/// What other networks call what belongs in a parameter, each macro with where: for whoever looks for theirs.
pub fn macros_for(packs: &[Pack], parameter: &str) -> Vec<(String, String)> {
    let mut found = BTreeMap::<String, Vec<&str>>::new();
    for pack in packs {
        let texts: Vec<&String> = match parameter {
            "uid" => pack.uid.iter().collect(),
            "eid" => pack.eid.values().collect(),
            "value" => pack.amounts.iter().map(|amount| &amount.name).collect(),
            _ => pack.currency.iter().collect(),
        };
        for text in texts {
            let names = found.entry(text.clone()).or_default();
            if names.last() != Some(&pack.name.as_str()) {
                names.push(&pack.name);
            }
        }
    }
    found.into_iter().map(|(text, names)| (text, format!("at {}", names.join(", ")))).collect()
}

impl Macros {
    /// The macros trimmed; refuses every one that would break the URL.
    pub fn check(mut self) -> Result<Self, BadFields> {
        let Self { uid, eid, value, currency } = &mut self;
        all([("uid", uid), ("eid", eid), ("value", value), ("currency", currency)].map(
            |(field, text)| {
                *text = text.trim().to_owned();
                let fits = |c: char| c.is_ascii_graphic() && !"&=?\"'\\".contains(c);
                if text.len() <= MACRO_BYTES && text.chars().all(fits) {
                    return Ok(());
                }
                let reason = "A macro must be at most 64 plain characters, without spaces, &, =, ? or quotes.";
                Err(BadField::new(field, reason))
            },
        ))?;
        Ok(self)
    }

    /// The URL of an event. Only a deposit has an amount.
    pub fn url(&self, origin: &str, token: &str, event: EventKind) -> String {
        let is_deposit = event == EventKind::Deposit;
        let mut url = format!("{origin}/e?token={token}&event={}", event.code());
        for (name, text, wanted) in [
            ("uid", &self.uid, true),
            ("eid", &self.eid, true),
            ("value", &self.value, is_deposit),
            ("currency", &self.currency, is_deposit),
        ] {
            if wanted && !text.is_empty() {
                url.push_str(&format!("&{name}={text}"));
            }
        }
        url
    }
}

#[cfg(test)]
mod tests;

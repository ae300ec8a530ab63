//! Macros that were left in our own parameters, and what is wrong with each.

use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::literal::{Literal, meant_name};
use crate::doctor::say::{self, counted, joined, right_macro, shown};
use crate::doctor::seen::{Seen, Sent};
use crate::doctor::window::UidIs;
use crate::model::event::EventKind;
use crate::model::note::Field;
use crate::network::{Macro, Meaning, Pack};

/// Why the network did not fill a macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is a word of a manual or of a script, and no macro.
    Placeholder,
    EncodedTwice,
    Brackets,
    LetterCase,
    /// It is written well, and not known there, or not filled.
    Unfilled,
}

const FIELDS: [Field; 7] =
    [Field::Uid, Field::Eid, Field::Value, Field::Currency, Field::Event, Field::Time, Field::TgId];

/// A macro in one of our parameters.
struct Left<'g> {
    at: usize,
    field: Field,
    /// As it arrived.
    text: String,
    /// What should stand there, where it is known.
    right: Option<&'g str>,
    is_right: bool,
}

/// What arrived with macros that have this wrong with them.
pub fn find(group: &Group, wrong: Wrong) -> Option<Found> {
    let mut left = Vec::new();
    for field in FIELDS {
        for (at, seen) in group.open(Topic::of(field)) {
            let of_deposits = field == Field::Value && !seen.is(EventKind::Deposit);
            left.extend(if of_deposits { None } else { left_in(group, at, seen, field, wrong) });
        }
    }
    let hits = left.iter().map(|left| Hit::new(left.at, Topic::of(left.field))).collect();
    let hits = group.in_order(hits);
    let event = group.event_of(&hits);
    let (shown, mend) =
        (sentence(group, &left, hits.len(), wrong), mend(group, &left, event, wrong));
    Found::new(hits, shown, mend)
}

fn left_in<'g>(
    group: &Group<'g>,
    at: usize,
    seen: &Seen,
    field: Field,
    wrong: Wrong,
) -> Option<Left<'g>> {
    let event = seen.event().unwrap_or(EventKind::Deposit);
    let (text, found, own) = match seen.sent(field) {
        Sent::Literal(text) => {
            let literal = Literal::new(text)?;
            let (found, own) = judge(group, &literal);
            let text = if literal.is_encoded { text.clone() } else { literal.text };
            (text, found, own)
        }
        Sent::Text(text) => (text.clone(), Wrong::Brackets, Some(meant(group, seen, field, text)?)),
        Sent::Missing | Sent::Empty => return None,
    };
    let own = own.filter(|own| group.pack.is_some_and(|pack| fits(pack, own, field, event)));
    let right = own.or_else(|| right_macro(group, field, event));
    let is_right = right.is_some_and(|right| right == text);
    (found == wrong).then_some(Left { at, field, text, right, is_right })
}

/// What is wrong with a macro, and which of the network's own it was meant to be.
fn judge<'g>(group: &Group<'g>, literal: &Literal) -> (Wrong, Option<&'g str>) {
    let own = |is_like: &dyn Fn(&Macro) -> bool| {
        let mut macros = known(group).flat_map(|pack| &pack.macros);
        macros.find(|own| is_like(own)).map(|own| own.text.as_str())
    };
    let exact = own(&|own| own.text == literal.text);
    if literal.is_placeholder {
        return (Wrong::Placeholder, None);
    }
    if literal.is_encoded {
        return (Wrong::EncodedTwice, exact);
    }
    if exact.is_some() {
        return (Wrong::Unfilled, exact);
    }
    let in_case = own(&|own| literal.differs_in_case(own));
    if in_case.is_some() {
        return (Wrong::LetterCase, in_case);
    }
    // Single braces are what most networks use: they are wrong only where others are known to be right.
    let may_be_wrong =
        group.pack.is_some() || !literal.text.starts_with('{') || literal.text.starts_with("{{");
    let in_brackets =
        own(&|own| literal.is_like(own) && (group.pack.is_some() || own.text.starts_with('{')));
    match in_brackets.filter(|_| may_be_wrong) {
        Some(own) => (Wrong::Brackets, Some(own)),
        None => (Wrong::Unfilled, None),
    }
}

/// The network's own macro that a text without proper brackets was meant to be.
fn meant<'g>(group: &Group<'g>, seen: &Seen, field: Field, text: &str) -> Option<&'g str> {
    let may_be = match field {
        Field::Uid => seen.at.uid_is != UidIs::Known,
        Field::Eid => true,
        Field::Value => seen.is_refused(),
        _ => false,
    };
    let plain = meant_name(text);
    let is_macro =
        plain.len() >= 3 && (plain != text || plain.contains('_') || group.pack.is_some());
    if !may_be || !is_macro {
        return None;
    }
    let mut macros = known(group).flat_map(|pack| &pack.macros);
    macros.find(|own| own.name.eq_ignore_ascii_case(plain)).map(|own| own.text.as_str())
}

/// The network's pack, or all of them where it is not known.
fn known<'g>(group: &Group<'g>) -> impl Iterator<Item = &'g Pack> {
    let one = group.pack.map(|pack| pack.slug);
    group.packs.iter().filter(move |pack| one.is_none_or(|slug| slug == pack.slug))
}

/// Whether one of a network's macros belongs in a field.
fn fits(pack: &Pack, own: &str, field: Field, event: EventKind) -> bool {
    let means = pack.meaning(own);
    match field {
        Field::Uid => means == Some(Meaning::Click),
        Field::Eid => pack.eid.get(event.code()).is_some_and(|eid| eid == own),
        Field::Value => pack.amounts.iter().any(|amount| amount.name == own),
        Field::Currency => means == Some(Meaning::Currency),
        _ => false,
    }
}

/// One of each field, in the order of `FIELDS`.
fn by_field<'l, 'g>(left: &'l [Left<'g>]) -> Vec<&'l Left<'g>> {
    FIELDS.iter().filter_map(|field| left.iter().rfind(|left| left.field == *field)).collect()
}

fn sentence(group: &Group, left: &[Left], count: usize, wrong: Wrong) -> String {
    let fields = by_field(left);
    let parts: Vec<_> =
        fields.iter().map(|left| format!("{}={}", left.field.name(), shown(&left.text))).collect();
    let is_plural = fields.len() > 1;
    let network = say::network(group);
    let why = match (wrong, is_plural) {
        (Wrong::Placeholder, false) => "a placeholder that nobody replaced".to_owned(),
        (Wrong::Placeholder, true) => "placeholders that nobody replaced".to_owned(),
        (Wrong::EncodedTwice, _) => {
            format!("percent-encoded once too often, so {network} saw no macro")
        }
        (Wrong::Brackets, _) => format!("in brackets that {network} does not fill in"),
        (Wrong::LetterCase, _) => {
            format!("in letters that {network} does not know, since case matters")
        }
        (Wrong::Unfilled, _) => format!("which {network} did not fill in"),
    };
    let so = match fields.first().map(|left| left.field) {
        Some(Field::Uid) => "no click can be credited",
        Some(Field::Eid) => "a repeated call may count twice",
        Some(Field::Value) => "no amount could be read",
        Some(Field::Currency) => "USD was assumed",
        Some(Field::Time) => "the time of receipt was used",
        Some(Field::Event) => "nothing was counted",
        _ => "it was ignored",
    };
    format!("{} came with {}, {why}: {so}.", counted(count, "postback"), joined(&parts))
}

fn mend(group: &Group, left: &[Left], event: EventKind, wrong: Wrong) -> String {
    let fields = by_field(left);
    if let Some(own) = fields.iter().find(|left| left.is_right && wrong == Wrong::Unfilled) {
        let (text, name, network) = (&own.text, own.field.name(), say::network(group));
        let meant = say::meant(own.field);
        let is = format!("{text} is {} macro for the {meant}", say::networks(group));
        return match (own.field, group.is_chosen()) {
            (Field::Uid, _) => format!(
                "{is}, and stays unfilled where the offer link carries none: have your link pass its click id on, or write another network's own macro behind uid=."
            ),
            (_, true) => format!(
                "{is}, and stayed empty for you: ask {network} to turn it on, or remove {name}=."
            ),
            (_, false) => format!(
                "{is}: ask {network} to turn it on, or write another network's own macro behind {name}=."
            ),
        };
    }
    let parts: Vec<_> = fields.iter().map(|left| instruction(group, left, event, wrong)).collect();
    say::mend(group, &joined(&parts))
}

fn instruction(group: &Group, left: &Left, event: EventKind, wrong: Wrong) -> String {
    let name = left.field.name();
    match (left.right, wrong) {
        (Some(right), Wrong::EncodedTwice) => {
            format!("write {name}={right} in plain brackets, not as %7B or %257B")
        }
        (Some(right), _) => format!("write {name}={right}"),
        (None, Wrong::EncodedTwice) => {
            format!("write the macro behind {name}= in plain brackets, not as %7B or %257B")
        }
        (None, Wrong::Brackets) if group.pack.is_none() => {
            format!("write the macro behind {name}= in the brackets of its own list of macros")
        }
        (None, Wrong::LetterCase) if group.pack.is_none() => {
            format!(
                "write the macro behind {name}= in exactly the letters of its own list of macros"
            )
        }
        (None, _) => say::write(group, left.field, event),
    }
}

//! What there is to say about a postback beyond its status: kept with the event, shown on its page,
//! and sent back in `notes`.
//!
//! A note never repeats the sender's text: some networks search a 2xx body for "error" or "fail"
//! and would find their own words (docs/postback.md, Answers).

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::text::json;

/// A parameter that a postback is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Token,
    Event,
    Uid,
    Eid,
    Value,
    Currency,
    Time,
    TgId,
    DryRun,
    Test,
}

impl Field {
    /// Every parameter that is read; all others are kept in the raw query and ignored.
    pub const ALL: [Self; 10] = [
        Self::Token,
        Self::Event,
        Self::Uid,
        Self::Eid,
        Self::Value,
        Self::Currency,
        Self::Time,
        Self::TgId,
        Self::DryRun,
        Self::Test,
    ];

    /// The field of a parameter's name: its own, or `occurred_at_ms`, which `POST /events` says for `t`.
    pub fn named(name: &str) -> Option<Self> {
        if name == "occurred_at_ms" {
            return Some(Self::Time);
        }
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The parameter's name in a query.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Event => "event",
            Self::Uid => "uid",
            Self::Eid => "eid",
            Self::Value => "value",
            Self::Currency => "currency",
            Self::Time => "t",
            Self::TgId => "tg_id",
            Self::DryRun => "dry_run",
            Self::Test => "test",
        }
    }
}

impl Note {
    /// Those whose word says everything.
    const PLAIN: [Self; 41] = [
        Self::MacroAsName,
        Self::TemplateOpened,
        Self::HtmlAmp,
        Self::HtmlEntity,
        Self::SecondQuestionMark,
        Self::SecretRemoved,
        Self::ValueEmpty,
        Self::ValueDecimalComma,
        Self::ValueThousands,
        Self::ValueRounded,
        Self::PlusRestored,
        Self::BoundToAnother,
        Self::LinkUnknown,
        Self::TgIdIgnored,
        Self::Test,
        Self::NotAConversion,
        Self::ByHand,
        Self::DryRunUnavailable,
        Self::MethodUnknown,
        Self::EventMissing,
        Self::EventUnknown,
        Self::UidMissing,
        Self::UidTooLong,
        Self::UidControlCharacter,
        Self::EidTooLong,
        Self::EidControlCharacter,
        Self::IdTooLong,
        Self::IdControlCharacter,
        Self::ValueNotANumber,
        Self::CurrencyNotACode,
        Self::TimeNotANumber,
        Self::TimeImplausible,
        Self::TgIdMissing,
        Self::TgIdNotANumber,
        Self::TokenMissing,
        Self::TokenUnknown,
        Self::Broken(Broken::QueryTooLong),
        Self::Broken(Broken::BodyTooLong),
        Self::Broken(Broken::BodyNotUtf8),
        Self::Broken(Broken::BodyIncomplete),
        Self::Broken(Broken::BodyTypeUnknown),
    ];

    /// What is wrong with a text that is not a key.
    pub fn about_key(presented: &str) -> Self {
        if presented.is_empty() { Self::TokenMissing } else { Self::TokenUnknown }
    }

    /// Reads a stored note; `None` for a word of a newer version.
    pub fn read(stored: &str) -> Option<Self> {
        let (word, about) = stored.split_once(':').unwrap_or((stored, ""));
        if word == "json_malformed" {
            let (line, column) = about.strip_prefix("line ")?.split_once(" column ")?;
            let (line, column) = (line.parse().ok()?, column.parse().ok()?);
            return Some(Self::Broken(Broken::JsonMalformed { line, column }));
        }
        if let ("rule" | "mended", Ok(n)) = (word, about.parse()) {
            let note = if word == "rule" { Self::Rule(n) } else { Self::Mended(n) };
            return Some(note).filter(|note| note.to_string() == stored);
        }
        let field = Field::ALL.into_iter().find(|field| field.name() == about);
        let about_field = field.map(|field| {
            [Self::MacroUnresolved(field), Self::Repeated(field), Self::Undecodable(field)]
        });
        let mut notes = Self::PLAIN.into_iter().chain(about_field.into_iter().flatten());
        notes.find(|note| note.to_string() == stored)
    }
}

/// One remark about a postback; its `Display` is the stable text in `notes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The parameter arrived as the network's macro, unfilled, and counts as absent.
    MacroUnresolved(Field),
    /// A macro stood where a parameter's name belongs (`{status}=true`); it was ignored.
    MacroAsName,
    /// uid and amount are both unfilled: a template that somebody opened, hardly a conversion.
    TemplateOpened,
    /// The parameter came several times with different values; the first one counts.
    Repeated(Field),
    /// `&amp;` arrived where `&` was meant.
    HtmlAmp,
    /// An HTML entity swallowed a `&` and the name behind it (`¤cy=` for `&currency=`); mended.
    HtmlEntity,
    /// A second `?` arrived and was read as `&`.
    SecondQuestionMark,
    /// A parameter held one of our own secrets and was dropped.
    SecretRemoved,
    /// A deposit without an amount: stored, adds nothing to revenue.
    ValueEmpty,
    /// A decimal comma was understood.
    ValueDecimalComma,
    /// Groups of thousands were understood.
    ValueThousands,
    /// More than six decimals: rounded half-even.
    ValueRounded,
    /// The uid arrived with spaces where its click has `+`, or the other way round; the click's spelling
    /// is shown and sent on.
    PlusRestored,
    /// This uid is bound to another Telegram user already; that binding stays.
    BoundToAnother,
    /// No link of the space has this slug.
    LinkUnknown,
    /// `tg_id` is not a Telegram user id and counts as absent.
    TgIdIgnored,
    /// It says that it is a test: stored and shown, but not counted and sent nowhere.
    Test,
    /// A rule of the space says that this is no conversion: stored and shown, but not counted and sent nowhere.
    NotAConversion,
    /// This rule of its space, by its number, changed how it was read.
    Rule(u32),
    /// This replay of its space, by its number, changed how it is read.
    Mended(u32),
    /// No sender reported it: it was entered by hand.
    ByHand,
    /// The parameter's bytes are not UTF-8 text.
    Undecodable(Field),
    /// The request itself could not be read.
    Broken(Broken),
    /// A dry run was asked for, of a call that has none.
    DryRunUnavailable,
    /// The method is not one this address answers.
    MethodUnknown,
    EventMissing,
    EventUnknown,
    UidMissing,
    UidTooLong,
    UidControlCharacter,
    EidTooLong,
    EidControlCharacter,
    IdTooLong,
    IdControlCharacter,
    ValueNotANumber,
    CurrencyNotACode,
    TimeNotANumber,
    TimeImplausible,
    TgIdMissing,
    TgIdNotANumber,
    TokenMissing,
    TokenUnknown,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fixed = match self {
            Self::MacroUnresolved(field) => return write!(f, "macro_unresolved:{}", field.name()),
            Self::Repeated(field) => return write!(f, "repeated:{}", field.name()),
            Self::Undecodable(field) => return write!(f, "not_utf8:{}", field.name()),
            Self::Rule(n) => return write!(f, "rule:{n}"),
            Self::Mended(n) => return write!(f, "mended:{n}"),
            Self::Broken(broken) => return broken.fmt(f),
            Self::MacroAsName => "macro_as_name",
            Self::TemplateOpened => "template_opened",
            Self::HtmlAmp => "html_amp",
            Self::HtmlEntity => "html_entity",
            Self::SecondQuestionMark => "second_question_mark",
            Self::SecretRemoved => "secret_removed",
            Self::ValueEmpty => "value_empty",
            Self::ValueDecimalComma => "value_decimal_comma",
            Self::ValueThousands => "value_thousands",
            Self::ValueRounded => "value_rounded",
            Self::PlusRestored => "plus_restored",
            Self::BoundToAnother => "bound_to_another",
            Self::LinkUnknown => "link_unknown",
            Self::TgIdIgnored => "tg_id_ignored",
            Self::Test => "test",
            Self::NotAConversion => "not_a_conversion",
            Self::ByHand => "by_hand",
            Self::DryRunUnavailable => "dry_run_unavailable",
            Self::MethodUnknown => "method_not_get_or_post",
            Self::EventMissing => "event_missing",
            Self::EventUnknown => "event_unknown",
            Self::UidMissing => "uid_missing",
            Self::UidTooLong => "uid_over_256_bytes",
            Self::UidControlCharacter => "uid_control_character",
            Self::EidTooLong => "eid_over_256_bytes",
            Self::EidControlCharacter => "eid_control_character",
            Self::IdTooLong => "id_over_256_bytes",
            Self::IdControlCharacter => "id_control_character",
            Self::ValueNotANumber => "value_not_a_number",
            Self::CurrencyNotACode => "currency_not_3_to_5_letters",
            Self::TimeNotANumber => "t_not_a_number",
            Self::TimeImplausible => "t_implausible",
            Self::TgIdMissing => "tg_id_missing",
            Self::TgIdNotANumber => "tg_id_not_a_number",
            Self::TokenMissing => "token_missing",
            Self::TokenUnknown => "token_unknown",
        };
        f.write_str(fixed)
    }
}

/// What is wrong with a request itself, whatever it says. Travels through the queue by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// The query is longer than 16 KiB.
    QueryTooLong,
    /// The body is longer than 16 KiB.
    BodyTooLong,
    /// The body is not UTF-8 text.
    BodyNotUtf8,
    /// The body did not arrive in full.
    BodyIncomplete,
    /// The body is neither a form nor JSON.
    BodyTypeUnknown,
    /// The body is not the JSON object it says it is; where the reader stopped.
    JsonMalformed { line: usize, column: usize },
}

impl Broken {
    /// Reads one that waited in the queue.
    pub fn read(stored: &Value) -> Option<Self> {
        Some(match stored.as_str() {
            Some("query_too_long") => Self::QueryTooLong,
            Some("body_too_long") => Self::BodyTooLong,
            Some("body_not_utf8") => Self::BodyNotUtf8,
            Some("body_incomplete") => Self::BodyIncomplete,
            Some("body_type_unknown") => Self::BodyTypeUnknown,
            Some(_) => return None,
            None => {
                let place = stored.get("json_malformed")?;
                let part = |name| json::number(place, name).and_then(|n| usize::try_from(n).ok());
                Self::JsonMalformed { line: part("line")?, column: part("column")? }
            }
        })
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueryTooLong => "query_over_16_kib",
            Self::BodyTooLong => "body_over_16_kib",
            Self::BodyNotUtf8 => "body_not_utf8",
            Self::BodyIncomplete => "body_incomplete",
            Self::BodyTypeUnknown => "body_neither_form_nor_json",
            Self::JsonMalformed { line, column } => {
                return write!(f, "json_malformed:line {line} column {column}");
            }
        })
    }
}

/// The notes as the JSON array that is stored with an event; `None` where there are none.
pub fn to_json(notes: &[Note]) -> Option<String> {
    if notes.is_empty() {
        return None;
    }
    let texts: Vec<String> = notes.iter().map(Note::to_string).collect();
    texts_to_json(&texts)
}

/// The same of notes that were read back.
pub fn texts_to_json(texts: &[String]) -> Option<String> {
    if texts.is_empty() { None } else { serde_json::to_string(texts).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_stored_as_a_json_array() {
        assert_eq!(to_json(&[]), None);
        assert_eq!(
            to_json(&[Note::MacroUnresolved(Field::Eid), Note::ValueEmpty]).as_deref(),
            Some(r#"["macro_unresolved:eid","value_empty"]"#)
        );
    }

    /// Whatever this file can write, so that a note without a place in `PLAIN` does not slip through.
    fn every_text() -> Vec<String> {
        let writers = include_str!("note.rs").split("-> fmt::Result {").skip(1).take(2);
        let words = writers.flat_map(|writer| {
            writer.split("\n    }\n").next().unwrap_or_default().split('"').skip(1).step_by(2)
        });
        words
            .flat_map(|word| {
                let word =
                    word.replace("{line} column {column}", "3 column 14").replace("{n}", "7");
                Field::ALL.map(|field| word.replace("{}", field.name()))
            })
            .collect()
    }

    #[test]
    fn every_note_that_is_written_is_read_back() {
        let texts = every_text();
        let words = texts.len() / Field::ALL.len();
        assert_eq!(words, 47, "is a note new? Raise the count, and add it to PLAIN if it is plain");
        for text in texts {
            assert_eq!(Note::read(&text).map(|note| note.to_string()), Some(text));
        }
    }

    #[test]
    fn a_word_of_a_newer_version_is_no_note() {
        for text in [
            "",
            "value_odd",
            "repeated:",
            "repeated:sub1",
            "value_empty:uid",
            "rule:",
            "rule:07",
            "mended:x",
        ] {
            assert_eq!(Note::read(text), None, "{text}");
        }
    }
}

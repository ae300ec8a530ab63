//! Why a postback did or did not count, and what to do about it: a sentence for every note that is
//! stored with it.

use super::shown::visible;
use crate::model::note::{Broken, Field, Note};
use crate::model::status::Status;
use crate::postback::mend::has_two_meanings;
use crate::postback::{Parameters, Value};

/// What a note means to somebody who does not program, and how to fix it; no fix where none is needed.
pub struct Explained {
    pub note: String,
    pub what: String,
    pub fix: &'static str,
}

impl Explained {
    fn new(note: Note, what: &str, fix: &'static str) -> Self {
        Self { note: note.to_string(), what: what.to_owned(), fix }
    }
}

/// Explains a stored note. That of a newer version is shown as its word.
pub fn explain(stored: &str) -> Explained {
    let newer = || Explained {
        note: stored.to_owned(),
        what: "A newer version of XTRACKER left this note.".to_owned(),
        fix: "",
    };
    Note::read(stored).map_or_else(newer, explained)
}

/// The same where it is known what rules and replays do, each by its note.
pub fn explain_acted(stored: &str, acts: &[(Note, String)]) -> Explained {
    let mut explained = explain(stored);
    if let Some((_, act)) = acts.iter().find(|(note, _)| Some(*note) == Note::read(stored)) {
        let what = explained.what.trim_end_matches('.');
        explained.what = format!("{what}: {}.", visible(act));
    }
    explained
}

fn explained(note: Note) -> Explained {
    let (what, fix) = match note {
        Note::Repeated(field) => {
            let what = format!(
                "{} arrived more than once, with different values. The first one that is filled in counts.",
                field.name()
            );
            return Explained::new(note, &what, "Remove the second one from the postback URL.");
        }
        Note::Undecodable(field) => {
            let what = format!("{} is not readable text.", field.name());
            return Explained::new(
                note,
                &what,
                "Ask the network to send it percent-encoded as UTF-8.",
            );
        }
        Note::Rule(n) => {
            let what = format!("Rule {n} of this space changed how it was read.");
            return Explained::new(note, &what, "");
        }
        Note::Mended(n) => {
            let what = format!("It was mended by hand, by replay {n} of this space.");
            return Explained::new(note, &what, "");
        }
        Note::MacroUnresolved(field) => unresolved(field),
        Note::Broken(broken) => unreadable(broken),
        Note::MacroAsName => (
            "A macro arrived in place of a parameter's name, and was ignored.",
            "Put a name before the macro, as in value={payout}.",
        ),
        Note::TemplateOpened => (
            "Click id and amount still hold their macros: somebody opened the URL straight from the settings. This is probably not a real conversion.",
            "Nothing to do, unless every event looks like this: then the network does not know these macros.",
        ),
        Note::HtmlAmp => (
            "The URL was copied from a web page's source, with &amp; in place of &. It was read as &.",
            COPY_AGAIN,
        ),
        Note::HtmlEntity => (
            "The URL was damaged when it was pasted: &currency became \u{a4}cy. It was repaired.",
            COPY_AGAIN,
        ),
        Note::SecondQuestionMark => {
            ("The network added its own parameters after a second ?. They were read as well.", "")
        }
        Note::SecretRemoved => (
            "Another parameter contained one of your keys. It was removed before anything was stored.",
            "Put the key in token= and nowhere else.",
        ),
        Note::ValueEmpty => (
            "The value macro resolved empty: the network sent no amount. The deposit is stored, but adds nothing to revenue.",
            "Check the macro after value= in the network's postback settings. API keys lists each network's.",
        ),
        Note::ValueDecimalComma => ("The comma in the amount was read as a decimal point.", ""),
        Note::ValueThousands => {
            ("The separators in the amount were read as thousands separators.", "")
        }
        Note::ValueRounded => ("The amount has more than six decimals, and was rounded.", ""),
        Note::ValueNotANumber => (
            "The amount is not a number, or could be read in more than one way.",
            "Have the network send plain digits with a point, such as 25.00, without a currency sign.",
        ),
        Note::PlusRestored => (
            "The click id lost a plus sign on its way, or a space became one. It was matched to its click, whose spelling is shown.",
            "",
        ),
        Note::BoundToAnother => {
            ("This click already belongs to another Telegram user, and still does.", "")
        }
        Note::LinkUnknown => ("No link of this space has this address.", ""),
        Note::TgIdIgnored => ("tg_id is not a Telegram user id, and was ignored.", ""),
        Note::Test => (
            "It says that it is a test: it is on record, but counts nowhere and was sent nowhere.",
            "",
        ),
        Note::NotAConversion => (
            "Its status is none of a conversion: it is on record, but counts nowhere and was sent nowhere.",
            "",
        ),
        Note::ByHand => ("It was entered by hand: no sender reported it.", ""),
        Note::TgIdMissing => ("tg_id is missing.", "Send the Telegram user's id."),
        Note::TgIdNotANumber => ("tg_id is not a number.", "Send the Telegram user's id."),
        Note::DryRunUnavailable => ("This call has no dry run.", "Remove dry_run."),
        Note::MethodUnknown => ("The request was neither GET nor POST.", SEND_PLAIN),
        Note::EventMissing => (
            "The postback does not say what happened.",
            "Add event=registration or event=deposit to the URL.",
        ),
        Note::EventUnknown => (
            "The event is not one of contact, subscribed, registration, deposit.",
            "Use one of these four after event=.",
        ),
        Note::UidMissing => ("The click id is missing.", "Add uid= with the click id's macro."),
        Note::UidTooLong => {
            ("The click id is too long: at most 256 plain characters.", CHECK_MACRO)
        }
        Note::EidTooLong => {
            ("The transaction id is too long: at most 256 plain characters.", CHECK_MACRO)
        }
        Note::IdTooLong => {
            ("The id of the call is too long: at most 256 plain characters.", CHECK_MACRO)
        }
        Note::UidControlCharacter => ("The click id contains invisible characters.", CHECK_MACRO),
        Note::EidControlCharacter => {
            ("The transaction id contains invisible characters.", CHECK_MACRO)
        }
        Note::IdControlCharacter => {
            ("The id of the call contains invisible characters.", CHECK_MACRO)
        }
        Note::CurrencyNotACode => (
            "The currency is not a code of 3 to 5 letters.",
            "Write the code itself, such as currency=USD.",
        ),
        Note::TimeNotANumber => {
            ("The time is not a number.", "Remove t from the URL, or send epoch milliseconds.")
        }
        Note::TimeImplausible => (
            "The time is more than a year in the past or a day in the future.",
            "Remove t from the URL to use the time of receipt.",
        ),
        Note::TokenMissing => ("The token is missing.", USE_TOKEN),
        Note::TokenUnknown => ("The token is unknown, or has expired.", USE_TOKEN),
    };
    Explained::new(note, what, fix)
}

const COPY_AGAIN: &str = "Copy the URL again with the copy button.";
const CHECK_MACRO: &str = "Check which macro fills it.";
const SEND_PLAIN: &str = "Send a plain GET, or a form or JSON by POST.";
const USE_TOKEN: &str = "Use your space's current ingest token.";

fn unresolved(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Uid => (
            "The network did not fill its macro for the click id, so the event belongs to no click.",
            "Use the network's own macro for the click id, and make sure your offer link passes the id on.",
        ),
        Field::Eid => (
            "The network did not fill its macro for the transaction id. Without one, a repeated call may count twice.",
            "Use the network's own macro for the transaction id. API keys lists each network's.",
        ),
        Field::Event => (
            "The network did not fill its macro for the event.",
            "Write the event itself: one URL for registration, one for deposit.",
        ),
        Field::Currency => (
            "The network did not fill its macro for the currency, so USD was used.",
            "If the network has no macro for it, write the currency itself, such as currency=EUR.",
        ),
        Field::Time => (
            "The network did not fill its macro for the time, so the time of receipt was used.",
            "Remove t from the postback URL, or use the network's own macro.",
        ),
        Field::Value | Field::TgId | Field::DryRun | Field::Test | Field::Token => (
            "The network did not fill a macro, and the parameter was ignored.",
            "Use the network's own macro, or remove the parameter.",
        ),
    }
}

fn unreadable(broken: Broken) -> (&'static str, &'static str) {
    match broken {
        Broken::QueryTooLong | Broken::BodyTooLong => ("The request is longer than 16 KiB.", ""),
        Broken::BodyNotUtf8 => ("The body is not UTF-8 text.", SEND_PLAIN),
        Broken::BodyIncomplete => ("The body did not arrive in full.", ""),
        Broken::BodyTypeUnknown => ("The body is neither a form nor JSON.", SEND_PLAIN),
        Broken::JsonMalformed { .. } => ("The body is not valid JSON.", SEND_PLAIN),
    }
}

/// What a refused postback's status means.
pub fn refusal(status: Status) -> &'static str {
    match status {
        Status::InvalidValue => "the amount is not a number",
        Status::InvalidTime => "the time is implausible",
        Status::InvalidEvent => "the event is missing or unknown",
        Status::InvalidCurrency => "the currency is not a code",
        Status::InvalidUid => "the click id is not valid",
        Status::InvalidEid => "the transaction id is not valid",
        Status::InvalidTgId => "the Telegram id is not valid",
        Status::InvalidLink => "the link is unknown",
        Status::InvalidId => "the id of the call is not valid",
        Status::InvalidToken => "the token is not valid",
        Status::InvalidDryRun => "it has no dry run",
        Status::InvalidRequest => "the request could not be read",
        Status::Unavailable => "it could not be stored",
        Status::Queued | Status::Duplicate | Status::DryRun => "it was not refused",
    }
}

/// Longest value that a heading shows, in characters.
const SHOWN: usize = 40;

/// What a postback was refused for, with the value that was wrong, where it was one.
pub fn headline(status: Option<Status>, notes: &[String], raw: &str) -> String {
    let parameters = Parameters::parse(raw);
    let has = |wanted: Note| notes.iter().any(|note| Note::read(note) == Some(wanted));
    let said = |field, what: &str, why: &str| match parameters.peek(field) {
        Value::Text(text) | Value::Unresolved(text) => {
            Some(format!("The {what} \u{201c}{}\u{201d} {why}", shortened(text)))
        }
        Value::Absent | Value::Undecodable => None,
    };
    let two_meanings =
        matches!(parameters.peek(Field::Value), Value::Text(text) if has_two_meanings(text));
    let said = match status {
        Some(Status::InvalidValue) if two_meanings => said(Field::Value, "amount", "is ambiguous"),
        Some(Status::InvalidValue) => said(Field::Value, "amount", "is not a number"),
        Some(Status::InvalidEvent) if has(Note::MacroUnresolved(Field::Event)) => {
            said(Field::Event, "event", "is a macro that was not filled in")
        }
        Some(Status::InvalidEvent) => said(Field::Event, "event", "is unknown"),
        Some(Status::InvalidCurrency) => said(Field::Currency, "currency", "is not a code"),
        Some(Status::InvalidTime) if has(Note::TimeNotANumber) => {
            said(Field::Time, "time", "is not a number")
        }
        Some(Status::InvalidTime) => said(Field::Time, "time", "is implausible"),
        Some(Status::InvalidUid) => said(Field::Uid, "click id", "is not valid"),
        Some(Status::InvalidEid) => said(Field::Eid, "transaction id", "is not valid"),
        _ => None,
    };
    said.unwrap_or_else(|| match status {
        Some(Status::InvalidEvent) => "The event is missing".to_owned(),
        status => capital(status.map_or("it was refused", refusal)),
    })
}

/// A stranger's text in a heading: its beginning, where it is long.
pub fn shortened(text: &str) -> String {
    let (shown, rest) =
        text.char_indices().nth(SHOWN).map_or((text, ""), |(at, _)| text.split_at(at));
    if rest.is_empty() { visible(shown) } else { format!("{}\u{2026}", visible(shown)) }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| format!("{}{}", first.to_ascii_uppercase(), chars.as_str()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_has_the_value_that_was_wrong() {
        let of = |status, note: &str, raw| headline(Some(status), &[note.to_owned()], raw);
        let amount = |raw| of(Status::InvalidValue, "value_not_a_number", raw);
        assert_eq!(amount("value=1%2C234&uid=u"), "The amount \u{201c}1,234\u{201d} is ambiguous");
        assert_eq!(amount("value=abc"), "The amount \u{201c}abc\u{201d} is not a number");
        assert_eq!(amount("sum=abc"), "The amount is not a number");
        let event = |note, raw| of(Status::InvalidEvent, note, raw);
        assert_eq!(event("event_missing", "uid=u"), "The event is missing");
        assert_eq!(
            event("event_unknown", "event=sale"),
            "The event \u{201c}sale\u{201d} is unknown"
        );
        let unfilled = event("macro_unresolved:event", "event=%7Bgoal%7D");
        assert_eq!(unfilled, "The event \u{201c}{goal}\u{201d} is a macro that was not filled in");
        let long =
            of(Status::InvalidUid, "uid_over_256_bytes", &format!("uid={}", "w".repeat(300)));
        assert_eq!(
            long,
            format!("The click id \u{201c}{}\u{2026}\u{201d} is not valid", "w".repeat(40))
        );
        assert_eq!(headline(None, &[], "x=1"), "It was refused");
    }

    #[test]
    fn a_note_is_explained_in_its_own_words_with_a_fix() {
        let explained = explain("repeated:uid");
        assert!(explained.what.starts_with("uid arrived more than once"), "{}", explained.what);
        assert!(explain("not_utf8:eid").what.starts_with("eid is not readable"));
        let (uid, time) = (explain("macro_unresolved:uid"), explain("macro_unresolved:t"));
        assert!(uid.what.contains("click id") && time.what.contains("time of receipt"));
        assert!(explain("value_empty").fix.contains("value="));
        assert!(explain("json_malformed:line 3 column 14").what.contains("not valid JSON"));
    }

    #[test]
    fn what_a_rule_did_is_said_where_it_is_known() {
        let acts = [(Note::Rule(3), "sum is read as value".to_owned())];
        let what = |note| explain_acted(note, &acts).what;
        assert_eq!(
            what("rule:3"),
            "Rule 3 of this space changed how it was read: sum is read as value."
        );
        assert_eq!(what("rule:4"), "Rule 4 of this space changed how it was read.");
        assert_eq!(what("mended:3"), "It was mended by hand, by replay 3 of this space.");
    }

    #[test]
    fn words_of_a_newer_version_stay_visible() {
        let explained = explain("value_odd");
        assert_eq!((explained.note.as_str(), explained.fix), ("value_odd", ""));
        assert!(explained.what.contains("newer version"));
        assert_eq!(refusal(Status::InvalidTime), "the time is implausible");
    }
}

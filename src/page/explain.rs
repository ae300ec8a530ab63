//! Why a postback did or did not count, and what to do about it: a sentence for every note that is
//! stored with it.

use crate::model::status::Status;

/// What a note means to somebody who cannot code, and what mends it; no mend where all is well.
pub struct Explained {
    pub note: String,
    pub what: String,
    pub mend: &'static str,
}

/// Explains a stored note.
pub fn explain(note: &str) -> Explained {
    let (kind, about) = note.split_once(':').unwrap_or((note, ""));
    let (what, mend) = match kind {
        "macro_unresolved" => return unresolved(note, about),
        "repeated" => {
            return Explained {
                note: note.to_owned(),
                what: format!(
                    "{about} arrived more than once with different values. The first real one was taken."
                ),
                mend: "Remove the second one from the postback URL.",
            };
        }
        "not_utf8" => {
            return Explained {
                note: note.to_owned(),
                what: format!("{about} is no readable text."),
                mend: "Ask the network to send it percent-encoded as UTF-8.",
            };
        }
        other => fixed(other),
    };
    Explained { note: note.to_owned(), what: what.to_owned(), mend }
}

fn unresolved(note: &str, about: &str) -> Explained {
    let (what, mend) = match about {
        "uid" => (
            "The click id arrived as the network's macro, unfilled, so the event belongs to no click.",
            "Use the network's own macro for the click id, and make sure that your offer link passes it on.",
        ),
        "eid" => (
            "The transaction id arrived as the network's macro, unfilled. Without one, a second call may count again.",
            "Use the network's own macro for the transaction id. See API keys for each network's.",
        ),
        "event" => (
            "The event arrived as the network's macro, unfilled.",
            "Write the event itself: one URL each for registration and deposit.",
        ),
        "currency" => (
            "The currency arrived as the network's macro, unfilled: USD was taken.",
            "Write the currency itself, such as currency=EUR, where the network has no macro for it.",
        ),
        "t" => (
            "The time arrived as the network's macro, unfilled: the time of receipt was taken.",
            "Remove t from the postback URL, or use the network's own macro.",
        ),
        _ => (
            "A parameter arrived as the network's macro, unfilled, and was left out.",
            "Use the network's own macro, or remove the parameter.",
        ),
    };
    Explained { note: note.to_owned(), what: what.to_owned(), mend }
}

fn fixed(note: &str) -> (&'static str, &'static str) {
    match note {
        "value_empty" => (
            "The value macro resolved empty: the network sent no amount. The deposit is stored and adds nothing to revenue.",
            "Check the macro behind value= in the network's postback settings. See API keys for each network's.",
        ),
        "value_not_a_number" => (
            "The amount is no number that could be read in one way only.",
            "Have the network send plain digits with a point, such as 25.00, without a currency sign.",
        ),
        "value_decimal_comma" => ("The amount's comma was read as a decimal point.", ""),
        "value_thousands" => ("The amount's groups of thousands were understood.", ""),
        "value_rounded" => ("The amount has more than six decimals and was rounded.", ""),
        "template_opened" => (
            "Click id and amount are both unfilled: somebody opened the URL as it stands in the settings. This is hardly a real conversion.",
            "Nothing to mend, unless every event looks like this: then the network does not know these macros.",
        ),
        "macro_as_name" => ("A macro stood where a parameter's name belongs; it was left out.", ""),
        "html_amp" => (
            "The URL was copied from a web page's source: &amp; stood for &. It was mended.",
            "Copy the URL again with the copy button.",
        ),
        "html_entity" => (
            "The URL was damaged when it was pasted: &currency had become \u{a4}cy. It was mended.",
            "Copy the URL again with the copy button.",
        ),
        "second_question_mark" => {
            ("The network added its own parameters behind a second ?. They were understood.", "")
        }
        "plus_restored" => (
            "Plus and space were mixed up in the click id on its way. The click's own spelling was taken.",
            "",
        ),
        "secret_removed" => (
            "One of your keys stood in another parameter. It was removed before anything was stored.",
            "Put the key behind token= alone.",
        ),
        "bound_to_another" => {
            ("This click belongs to another Telegram user already; that stays.", "")
        }
        "tg_id_ignored" => ("tg_id is no Telegram user id, and was left out.", ""),
        "event_missing" => (
            "The postback does not say what happened.",
            "Add event=registration or event=deposit to the URL.",
        ),
        "event_unknown" => (
            "The event is none of contact, subscribed, registration, deposit.",
            "Write one of the four behind event=.",
        ),
        "uid_over_256_bytes" | "eid_over_256_bytes" => {
            ("An id is longer than 256 bytes.", "Check which macro stands behind it.")
        }
        "uid_control_character" | "eid_control_character" => {
            ("An id has characters that cannot be seen.", "Check which macro stands behind it.")
        }
        "currency_not_3_to_5_letters" => (
            "The currency is no code of 3 to 5 letters.",
            "Write the code itself, such as currency=USD.",
        ),
        "t_not_a_number" => {
            ("The time is no number.", "Remove t from the URL, or send epoch milliseconds.")
        }
        "t_implausible" => (
            "The time is more than a year back or a day ahead.",
            "Remove t from the URL: the time of receipt is taken then.",
        ),
        "query_over_16_kib" | "body_over_16_kib" => ("The request is longer than 16 KiB.", ""),
        _ => (
            "The request could not be read in full.",
            "Send a plain GET, or a form or JSON by POST.",
        ),
    }
}

/// What a held postback's status means.
pub fn refusal(status: Status) -> &'static str {
    match status {
        Status::InvalidValue => "the amount is no number",
        Status::InvalidTime => "the time is implausible",
        Status::InvalidEvent => "the event is missing or unknown",
        Status::InvalidCurrency => "the currency is no code",
        Status::InvalidUid => "the click id cannot be taken",
        Status::InvalidEid => "the transaction id cannot be taken",
        Status::InvalidRequest => "the request could not be read",
        // These are answered, and nothing is kept of the call.
        Status::Queued
        | Status::Duplicate
        | Status::InvalidToken
        | Status::InvalidDryRun
        | Status::InvalidTgId
        | Status::InvalidLink
        | Status::InvalidId
        | Status::Unavailable => "it was refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::note::{Field, Note};

    #[test]
    fn every_note_of_an_event_or_a_refusal_is_explained_in_its_own_words() {
        use Note::*;
        let rest = explain("something of a later version").what;
        for note in [
            MacroUnresolved(Field::Uid),
            MacroUnresolved(Field::Eid),
            MacroUnresolved(Field::Event),
            MacroUnresolved(Field::Currency),
            MacroUnresolved(Field::Time),
            MacroUnresolved(Field::TgId),
            MacroAsName,
            TemplateOpened,
            Repeated(Field::Uid),
            HtmlAmp,
            HtmlEntity,
            SecondQuestionMark,
            SecretRemoved,
            ValueEmpty,
            ValueDecimalComma,
            ValueThousands,
            ValueRounded,
            PlusRestored,
            BoundToAnother,
            TgIdIgnored,
            Undecodable(Field::Uid),
            EventMissing,
            EventUnknown,
            UidTooLong,
            UidControlCharacter,
            EidTooLong,
            EidControlCharacter,
            ValueNotANumber,
            CurrencyNotACode,
            TimeNotANumber,
            TimeImplausible,
        ] {
            assert_ne!(explain(&note.to_string()).what, rest, "{note}");
        }
    }
}

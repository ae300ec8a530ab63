//! A postback parameter by parameter: as it arrived, and as it was understood (docs/postback.md, Dry run).
//! The reader is the one that stores it; here it keeps a record.

use serde::Serialize;

use super::mend::Rule;
use super::parameters::{Parameters, Part};
use super::{Received, Understood, Verdict, understand};
use crate::model::amount::plain;
use crate::model::event::{Currency, EventKind, Id};
use crate::model::note::{Field, Note};
use crate::model::time::EventTime;

/// What a parameter is read as that nobody reads.
const IGNORED: &str = "ignored";

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Decoded. Empty where it held a secret.
    pub name: String,
    /// Still percent-encoded. Empty where it held a secret.
    pub received: String,
    /// The parameter of ours that it was read as, or `ignored`.
    #[serde(rename = "as")]
    pub read_as: &'static str,
    /// `None` for what counts as absent, was refused, or stands behind another of the same name.
    pub understood: Option<String>,
    /// The words of what there is to say of it.
    pub notes: Vec<String>,
}

/// A postback as it was read, with a record of that.
#[derive(Debug)]
pub struct Recorded {
    /// The token from the query, as it was sent.
    pub token: Option<String>,
    /// Query and body as one query, secrets removed.
    pub raw: String,
    pub parameters: Vec<Parameter>,
    pub verdict: Verdict,
}

/// Reads a postback as [`super::read_mended`] does.
pub fn read(received: &Received, now_ms: i64, rules: &[Rule]) -> Recorded {
    let mut parameters = Parameters::recorded(&received.query);
    let understood = understand(&mut parameters, received.broken, now_ms, rules);
    let notes = understood.notes_so_far();
    let shown = parameters.parts().map(|(part, counts)| shown(part, counts, &understood, &notes));
    let shown = shown.collect();
    let verdict = understood.verdict(now_ms);
    Recorded { token: parameters.token, raw: parameters.raw, parameters: shown, verdict }
}

/// Whether a note is about a repair: what arrived was damaged, and is read as it was meant.
pub fn is_repair(note: Note) -> bool {
    matches!(note, Note::SecondQuestionMark | Note::HtmlAmp | Note::HtmlEntity | Note::PlusRestored)
}

impl Understood {
    /// Everything that was wrong, and what else there is to say.
    fn notes_so_far(&self) -> Vec<Note> {
        self.faults.notes().chain(self.notes.iter().copied()).collect()
    }

    /// What a field was understood as.
    fn text(&self, field: Field) -> Option<String> {
        let id = |id: &Option<Id>| id.as_ref().map(|id| id.as_str().to_owned());
        match field {
            Field::Token => None,
            Field::Event => self.event.map(|event| event.code().to_owned()),
            Field::Uid => id(&self.uid),
            Field::Eid => id(&self.eid),
            // Only a deposit's amount is read as one.
            Field::Value if self.event == Some(EventKind::Deposit) => {
                self.amount.map(|amount| plain(amount.micros().into()))
            }
            Field::Value => self.value.clone(),
            Field::Currency => self.currency.as_ref().map(Currency::as_str).map(str::to_owned),
            Field::Time => self.time.map(EventTime::iso),
            Field::TgId => self.tg_id.map(|id| id.number().to_string()),
            Field::DryRun => Some(self.is_dry_run.to_string()),
            Field::Test => Some(self.is_test.to_string()),
        }
    }
}

fn shown(part: &Part, counts: bool, understood: &Understood, notes: &[Note]) -> Parameter {
    // That there are several is said of those that do not count.
    let is_here = |note: &Note| counts != matches!(note, Note::Repeated(_));
    let is_about = |note: &&Note| part.field.is_some() && field_of(**note) == part.field;
    let notes = part.notes.iter().chain(notes.iter().filter(is_about).filter(|note| is_here(note)));
    Parameter {
        name: part.name.clone(),
        received: part.received.clone(),
        read_as: part.field.map_or(IGNORED, Field::name),
        understood: part.field.filter(|_| counts).and_then(|field| understood.text(field)),
        notes: notes.map(Note::to_string).collect(),
    }
}

/// The parameter that a note is about, where that is one.
fn field_of(note: Note) -> Option<Field> {
    Some(match note {
        Note::MacroUnresolved(field) | Note::Repeated(field) | Note::Undecodable(field) => field,
        Note::EventMissing | Note::EventUnknown => Field::Event,
        Note::UidMissing | Note::UidTooLong | Note::UidControlCharacter | Note::PlusRestored => {
            Field::Uid
        }
        Note::EidTooLong | Note::EidControlCharacter => Field::Eid,
        Note::ValueEmpty
        | Note::ValueDecimalComma
        | Note::ValueThousands
        | Note::ValueRounded
        | Note::ValueNotANumber => Field::Value,
        Note::CurrencyNotACode => Field::Currency,
        Note::TimeNotANumber | Note::TimeImplausible => Field::Time,
        Note::TgIdIgnored | Note::TgIdMissing | Note::TgIdNotANumber => Field::TgId,
        Note::Test => Field::Test,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::key;
    use crate::postback;

    const NOW_MS: i64 = 1_765_432_100_000;

    /// Each parameter as one line: name, value as received, what it is, as understood, notes.
    fn lines(query: &str) -> Vec<String> {
        let line = |one: &Parameter| {
            let understood = one.understood.as_deref().unwrap_or("-");
            let notes = one.notes.join(",");
            let line =
                format!("{}={} {} {understood} {notes}", one.name, one.received, one.read_as);
            line.trim_end().to_owned()
        };
        read(&Received::query(query), NOW_MS, &[]).parameters.iter().map(line).collect()
    }

    #[test]
    fn each_parameter_is_shown_as_received_and_as_understood() {
        for (query, expected) in [
            (
                "token=xt_in_abc&event=DEPOSIT&uid=a%2Bb&eid=+7+&value=25,5&currency=usd&t=1765432000&sub=x",
                &[
                    "event=DEPOSIT event deposit",
                    "uid=a%2Bb uid a+b",
                    "eid=+7+ eid 7",
                    "value=25,5 value 25.50 value_decimal_comma",
                    "currency=usd currency USD",
                    "t=1765432000 t 2025-12-11T05:46:40.000Z",
                    "sub=x ignored -",
                ][..],
            ),
            (
                "event=deposit&uid={click_id}&value=&tg_id=x&test=1",
                &[
                    "event=deposit event deposit",
                    "uid={click_id} uid - macro_unresolved:uid",
                    "value= value - value_empty",
                    "tg_id=x tg_id - tg_id_ignored",
                    "test=1 test true test",
                ],
            ),
            (
                "event=deposit&uid=&uid=1&uid=2&value=1,234&currency=DOLLARS&t=soon",
                &[
                    "event=deposit event deposit",
                    "uid= uid - repeated:uid",
                    "uid=1 uid 1",
                    "uid=2 uid - repeated:uid",
                    "value=1,234 value - value_not_a_number",
                    "currency=DOLLARS currency - currency_not_3_to_5_letters",
                    "t=soon t - t_not_a_number",
                ],
            ),
            (
                "event=registration&value=1,234&{status}=true&uid=%FF&dry_run=1",
                &[
                    "event=registration event registration",
                    "value=1,234 value 1,234",
                    "{status}=true ignored - macro_as_name",
                    "uid=%FF uid - not_utf8:uid",
                    "dry_run=1 dry_run true",
                ],
            ),
        ] {
            assert_eq!(lines(query), expected, "{query}");
        }
    }

    #[test]
    fn a_repair_is_noted_where_it_was_made() {
        for (query, expected) in [
            (
                "event=deposit&amp;value=5?eid=7",
                &[
                    "event=deposit event deposit",
                    "amp;value=5 value 5.00 html_amp",
                    "eid=7 eid 7 second_question_mark",
                ][..],
            ),
            (
                "event=contact&uid=z%3Feid%3D5%26x%3D1&t=",
                &[
                    "event=contact event contact",
                    "uid=z uid z",
                    "eid=5 eid 5 second_question_mark",
                    "x=1 ignored - second_question_mark",
                    "t= t -",
                ],
            ),
            (
                "event=deposit&value=25%C2%A4cy=EUR",
                &[
                    "event=deposit event deposit",
                    "value=25%C2%A4cy=EUR value 25.00",
                    "currency=EUR currency EUR html_entity",
                ],
            ),
            (
                "event=contact&uid=xt_in_abc&xt_sk_abc=1",
                &[
                    "event=contact event contact",
                    "uid= ignored - secret_removed",
                    "= ignored - secret_removed",
                ],
            ),
        ] {
            assert_eq!(lines(query), expected, "{query}");
        }
    }

    proptest! {
        /// The record changes nothing of what is read, and has each parameter that does.
        #[test]
        fn the_record_is_of_the_same_reading(
            query in "((amp;)?(event|uid|eid|value|currency|t|tg_id|test|x|token|\\{y\\})(=([a-z0-9%{}¤,+]{0,8}|deposit|%3Feid%3D[a-z]|xt_in_q))?[&?]){0,8}|\\PC{0,80}"
        ) {
            let received = Received::query(&query);
            let (recorded, read) = (read(&received, NOW_MS, &[]), postback::read(&received, NOW_MS));
            prop_assert_eq!(&recorded.verdict, &read.verdict);
            prop_assert_eq!((&recorded.raw, &recorded.token), (&read.raw, &read.token));
            let understood = |name: &str| {
                let mut named = recorded.parameters.iter().filter(|one| one.read_as == name);
                named.find_map(|one| one.understood.clone())
            };
            if let Ok(report) = &read.verdict {
                let id = |id: &Option<Id>| id.as_ref().map(|id| id.as_str().to_owned());
                prop_assert_eq!(understood("event"), Some(report.event.code().to_owned()));
                prop_assert_eq!(understood("uid"), id(&report.uid));
                prop_assert_eq!(understood("eid"), id(&report.eid));
                let amount = report.amount.map(|amount| plain(amount.micros().into()));
                if report.event == EventKind::Deposit {
                    prop_assert_eq!(understood("value"), amount);
                }
            }
            for one in &recorded.parameters {
                let shown = format!("{}={}", one.name, one.received);
                prop_assert!(!key::contains_secret(&shown), "{}", shown);
            }
        }
    }
}

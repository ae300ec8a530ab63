//! Doing postbacks again: what a refused one is by now, and what an event is to be changed into.

use serde::Serialize;
use serde_json::{Map, Value};

use super::mend::{Mend, MendDraft, Rule};
use super::{Reading, Received, read_mended};
use crate::model::event::{EventKind, Id, Report};
use crate::model::note::{self, Note};
use crate::model::replay::Which;
use crate::text::json;

/// Which are done again, and how they are mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub which: Which,
    /// `None` where they are read by the rules that are on, and nothing else.
    pub mend: Option<Mend>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    which: &'a Which,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<MendDraft>,
}

impl Job {
    /// The job as it is stored.
    pub fn to_json(&self) -> String {
        let mend = self.mend.as_ref().map(Mend::draft);
        serde_json::to_string(&Written { which: &self.which, mend }).unwrap_or_default()
    }

    /// Reads what was stored.
    pub fn read(stored: &str) -> Self {
        let stored = json::read(stored);
        let mend = stored.get("mend").and_then(|mend| MendDraft::read(mend).check().ok());
        Self { which: Which::read(&stored), mend }
    }

    /// The rules that the job's replay, of this number, reads by: its own mend goes before those that are given.
    pub fn rules(&self, n: i64, others: impl Iterator<Item = Rule>) -> Vec<Rule> {
        let note = Note::Mended(u32::try_from(n).unwrap_or_default());
        let own = self.mend.clone().map(|mend| Rule { note, mend });
        own.into_iter().chain(others).collect()
    }
}

/// Reads a refused postback again, with what is wrong with its request itself, which no mend changes.
pub fn again(raw: &str, notes: &[String], received_at_ms: i64, rules: &[Rule]) -> Reading {
    let broken = notes.iter().find_map(|note| match Note::read(note) {
        Some(Note::Broken(broken)) => Some(broken),
        _ => None,
    });
    read_mended(&Received { query: raw.to_owned(), broken }, received_at_ms, rules)
}

/// An event as it is stored, as far as a mend can change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub event: String,
    pub uid: Option<String>,
    pub value: Option<String>,
    pub micros: Option<i64>,
    pub currency: String,
    pub occurred_at_ms: i64,
    pub received_at_ms: i64,
    pub notes: Vec<String>,
    pub raw: String,
    pub counted: bool,
}

/// What an event is to be changed into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The event afterwards.
    pub to: Known,
    /// JSON of the columns that change, as a decision takes them (schema.sql, decisions).
    pub after: String,
}

impl Known {
    /// What a mend makes of the event. Only what it reads otherwise changes, so that what was decided about the rest
    /// stays. `space` are all rules of its space, those that have ended among them, each with whether it is on.
    /// `None` where nothing changes, or it cannot be read.
    pub fn changed(&self, job: &Job, n: i64, space: &[(Rule, bool)]) -> Option<Change> {
        let noted = |rule: &Rule| self.notes.contains(&rule.note.to_string());
        let those = |of: &dyn Fn(&(Rule, bool)) -> bool| {
            space.iter().filter(|rule| of(rule)).map(|(rule, _)| rule.clone()).collect::<Vec<_>>()
        };
        let before = those(&|(rule, _)| noted(rule));
        let others = if job.mend.is_some() { before.clone() } else { those(&|(_, is_on)| *is_on) };
        let with = job.rules(n, others.into_iter());
        let read = |rules| again(&self.raw, &[], self.received_at_ms, rules).verdict.ok();
        let (was, is) = (read(&before), read(&with)?);
        let to = self.with(was.as_ref(), &is);
        let after = self.columns(&to);
        (after.keys().any(|name| name != "notes"))
            .then(|| Change { after: Value::Object(after).to_string(), to })
    }

    /// The event with what `is` says otherwise than `was` did.
    fn with(&self, was: Option<&Report>, is: &Report) -> Self {
        fn pick<T: PartialEq>(
            kept: T,
            was: Option<&Report>,
            is: &Report,
            of: impl Fn(&Report) -> T,
        ) -> T {
            if was.is_some_and(|was| of(was) == of(is)) { kept } else { of(is) }
        }
        let uid = |report: &Report| report.uid.as_ref().map(Id::as_str).map(str::to_owned);
        let micros = |report: &Report| report.amount.map(|amount| amount.micros());
        let noted = |report: &Report| report.notes.iter().map(Note::to_string).collect::<Vec<_>>();
        let gone = was.map(noted).unwrap_or_default();
        let mut notes: Vec<_> =
            self.notes.iter().filter(|note| !gone.contains(note)).cloned().collect();
        let new: Vec<_> = noted(is).into_iter().filter(|note| !notes.contains(note)).collect();
        notes.splice(0..0, new);
        Self {
            event: pick(self.event.clone(), was, is, |report| report.event.code().to_owned()),
            uid: pick(self.uid.clone(), was, is, uid),
            value: pick(self.value.clone(), was, is, |report| report.value.clone()),
            micros: pick(self.micros, was, is, micros),
            currency: pick(self.currency.clone(), was, is, |report| {
                report.currency.as_str().to_owned()
            }),
            occurred_at_ms: pick(self.occurred_at_ms, was, is, |report| report.occurred_at.ms()),
            counted: pick(self.counted, was, is, |report| report.counts),
            notes,
            ..self.clone()
        }
    }

    fn columns(&self, to: &Self) -> Map<String, Value> {
        let mut after = Map::new();
        let mut set = |name: &str, differs: bool, value: Value| {
            if differs {
                after.insert(name.to_owned(), value);
            }
        };
        set("event", self.event != to.event, to.event.clone().into());
        set("uid", self.uid != to.uid, to.uid.clone().into());
        set("value", self.value != to.value, to.value.clone().into());
        // As text, since it may pass 2^53.
        let micros = to.micros.map(|micros| micros.to_string());
        set("micros", self.micros != to.micros, micros.into());
        set("currency", self.currency != to.currency, to.currency.clone().into());
        let moved = self.occurred_at_ms != to.occurred_at_ms;
        set("occurred_at_ms", moved, to.occurred_at_ms.into());
        set("counted", self.counted != to.counted, i64::from(to.counted).into());
        let notes = note::texts_to_json(&to.notes);
        set("notes", self.notes != to.notes, notes.into());
        after
    }

    /// What it adds to revenue, in millionths.
    pub fn revenue_micros(&self) -> i64 {
        let is_deposit = self.event == EventKind::Deposit.code();
        if self.counted && is_deposit { self.micros.unwrap_or_default() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::replay::Of;

    const AT_MS: i64 = 1_765_432_100_000;

    fn job(mend: &str) -> Job {
        let which = Which::named(Of::Events, vec![1]).unwrap();
        Job { which, mend: Mend::read(mend) }
    }

    fn known(raw: &str, rules: &[Rule]) -> Known {
        let report = again(raw, &[], AT_MS, rules).verdict.unwrap();
        Known {
            event: report.event.code().to_owned(),
            uid: report.uid.as_ref().map(|uid| uid.as_str().to_owned()),
            value: report.value.clone(),
            micros: report.amount.map(|amount| amount.micros()),
            currency: report.currency.as_str().to_owned(),
            occurred_at_ms: report.occurred_at.ms(),
            received_at_ms: AT_MS,
            notes: report.notes.iter().map(Note::to_string).collect(),
            raw: raw.to_owned(),
            counted: report.counts,
        }
    }

    fn after(known: &Known, mend: &str, space: &[(Rule, bool)]) -> String {
        known.changed(&job(mend), 7, space).map(|change| change.after).unwrap_or_default()
    }

    const EURO: &str = r#"{"kind":"currency","to":"EUR"}"#;
    const SUM: &str = r#"{"kind":"rename","from":"sum","to":"value"}"#;

    #[test]
    fn a_job_is_read_back_as_it_was_stored() {
        for job in [job(EURO), Job { mend: None, ..job(EURO) }] {
            assert_eq!(Job::read(&job.to_json()), job);
        }
    }

    #[test]
    fn what_a_mend_reads_otherwise_changes_and_nothing_else() {
        let event = known("event=deposit&uid=a&value=5", &[]);
        assert_eq!(after(&event, EURO, &[]), r#"{"currency":"EUR","notes":"[\"mended:7\"]"}"#);
        let event = Known { currency: "GBP".to_owned(), micros: Some(9), ..event };
        assert_eq!(after(&event, SUM, &[]), "");
        let empty = known("event=deposit&uid=a&sum=25", &[]);
        assert_eq!(empty.notes, ["value_empty"]);
        assert_eq!(
            after(&empty, SUM, &[]),
            r#"{"micros":"25000000","notes":"[\"mended:7\"]","value":"25"}"#
        );
        let restored = Known { notes: vec!["plus_restored".to_owned()], ..event };
        assert_eq!(
            restored.changed(&job(EURO), 7, &[]).map(|change| change.to.notes),
            Some(vec!["mended:7".to_owned(), "plus_restored".to_owned()])
        );
        assert_eq!(after(&Known { raw: String::new(), ..restored }, EURO, &[]), "");
    }

    #[test]
    fn the_rules_that_have_made_an_event_go_on_acting_on_it() {
        let rule = Rule { note: Note::Rule(2), mend: Mend::read(SUM).unwrap() };
        let event = known("event=deposit&uid=a&sum=25", std::slice::from_ref(&rule));
        for is_on in [true, false] {
            assert_eq!(
                after(&event, EURO, &[(rule.clone(), is_on)]),
                r#"{"currency":"EUR","notes":"[\"rule:2\",\"mended:7\"]"}"#
            );
        }
        let plain = known("event=deposit&uid=a&sum=25", &[]);
        assert_eq!(after(&plain, "", &[(rule.clone(), false)]), "");
        assert_eq!(
            after(&plain, "", &[(rule, true)]),
            r#"{"micros":"25000000","notes":"[\"rule:2\"]","value":"25"}"#
        );
    }

    #[test]
    fn what_is_no_conversion_is_taken_out_of_the_figures() {
        let map = r#"{"kind":"map","from":"status","word":"declined","to":"not_a_conversion"}"#;
        let event = known("event=deposit&value=5&status=declined", &[]);
        let change = event.changed(&job(map), 7, &[]).unwrap();
        assert_eq!((event.revenue_micros(), change.to.revenue_micros()), (5_000_000, 0));
        assert_eq!(change.after, r#"{"counted":0,"notes":"[\"not_a_conversion\",\"mended:7\"]"}"#);
    }

    #[test]
    fn a_request_that_could_not_be_read_stays_refused() {
        let raw = "event=deposit&value=5";
        for (notes, is_ok) in [(vec![], true), (vec!["query_over_16_kib".to_owned()], false)] {
            assert_eq!(again(raw, &notes, AT_MS, &[]).verdict.is_ok(), is_ok);
        }
    }
}

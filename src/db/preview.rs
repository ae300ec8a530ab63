//! What a replay would come to, before it is begun: the same reader and the same rules, on what is stored.

use std::collections::{BTreeMap, BTreeSet};

use super::chosen::{self, Chosen, Sight};
use super::rule;
use super::space::Home;
use crate::error::Error;
use crate::model::event::Report;
use crate::postback::Refusal;
use crate::postback::mend::Rule;
use crate::postback::replay::{Job, Known, again};

/// What one would become.
pub enum After {
    /// A new event.
    Event(Box<Report>),
    /// It is an event already: which one, or another of these where that is not known yet.
    Known(Option<i64>),
    /// It stays refused, for this.
    Refused(Refusal),
    /// The event is changed into this.
    Changed(Box<Known>),
    /// It stays as it is.
    Unchanged,
}

impl After {
    fn of(chosen: &Chosen, job: &Job, n: i64, space: &[(Rule, bool)]) -> Self {
        match chosen {
            Chosen::Held(held) => {
                let on = space.iter().filter(|(_, is_on)| *is_on).map(|(rule, _)| rule.clone());
                let (one, rules) = (&held.refused, job.rules(n, on));
                match again(&one.raw, &one.notes, one.received_at_ms, &rules).verdict {
                    Ok(report) => Self::Event(Box::new(report)),
                    Err(refusal) => Self::Refused(refusal),
                }
            }
            Chosen::Event { known, .. } => {
                let change = known.changed(job, n, space);
                change.map_or(Self::Unchanged, |change| Self::Changed(Box::new(change.to)))
            }
        }
    }
}

/// What a replay would come to.
pub struct Preview {
    pub job: Job,
    /// How many it would do.
    pub total: i64,
    /// The first of them, with what each would become.
    pub lines: Vec<(Chosen, After)>,
    /// The number that the replay would have.
    pub n: i64,
    rules: Vec<(Rule, bool)>,
}

impl Preview {
    fn of(job: Job, sight: Sight) -> (Self, Vec<String>) {
        let mut keys = Vec::new();
        let lines = sight.first.into_iter().map(|chosen| {
            let after = After::of(&chosen, &job, sight.next, &sight.rules);
            (chosen, after)
        });
        let lines: Vec<_> = lines.collect();
        for (_, after) in &lines {
            if let After::Event(report) = after {
                keys.push(report.dedup_key().as_str().to_owned());
            }
        }
        (Self { job, total: sight.total, lines, n: sight.next, rules: sight.rules }, keys)
    }

    /// Marks those that are events already: `known` has them by their place among the new ones.
    fn mark(&mut self, keys: &[String], known: &[(usize, i64)]) {
        let mut seen = BTreeSet::new();
        let new = self.lines.iter_mut().filter(|(_, after)| matches!(after, After::Event(_)));
        for (at, ((_, after), key)) in new.zip(keys).enumerate() {
            let event = known.iter().find(|(place, _)| *place == at).map(|(_, seq)| *seq);
            if event.is_some() || !seen.insert(key) {
                *after = After::Known(event);
            }
        }
    }

    /// How many of the lines would be stored or changed, are known, and stay as they are.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&After) -> bool| self.lines.iter().filter(|(_, a)| is(a)).count();
        (
            count(|after| matches!(after, After::Event(_) | After::Changed(_))),
            count(|after| matches!(after, After::Known(_))),
            count(|after| matches!(after, After::Refused(_) | After::Unchanged)),
        )
    }

    /// What the lines would add to revenue, by currency, in millionths.
    pub fn money(&self) -> Vec<(String, i128)> {
        let mut sums = BTreeMap::<String, i128>::new();
        let mut add = |currency: &str, micros: i128| {
            *sums.entry(currency.to_owned()).or_default() += micros;
        };
        for (chosen, after) in &self.lines {
            match (chosen, after) {
                (_, After::Event(report)) if report.counts => {
                    let micros = report.amount.map_or(0, |amount| amount.micros());
                    add(report.currency.as_str(), micros.into());
                }
                (Chosen::Event { known, .. }, After::Changed(to)) => {
                    add(&known.currency, -i128::from(known.revenue_micros()));
                    add(&to.currency, to.revenue_micros().into());
                }
                _ => {}
            }
        }
        sums.into_iter().filter(|(_, micros)| *micros != 0).collect()
    }

    /// Whether the space has room for one rule more, or has this one.
    pub fn can_stay_on(&self) -> bool {
        let on: Vec<_> = self.rules.iter().filter(|(_, is_on)| *is_on).collect();
        let is_on = on.iter().any(|(rule, _)| Some(&rule.mend) == self.job.mend.as_ref());
        is_on || (on.len() as i64) < rule::MOST
    }
}

/// Looks at what a replay would come to. Two round trips.
pub async fn look(home: &Home, space_id: i64, job: Job) -> Result<Preview, Error> {
    let sight = chosen::look(home, space_id, &job.which).await?;
    let (mut preview, keys) = Preview::of(job, sight);
    let known = chosen::known(home, space_id, &keys).await?;
    preview.mark(&keys, &known);
    Ok(preview)
}

//! Mending postbacks and doing them again: what it would come to, and beginning it. The work itself is upkeep's.

use serde::Deserialize;

use crate::db;
use crate::db::preview::Preview;
use crate::db::space::{Home, Spaces};
use crate::edge;
use crate::error::{BadField, BadFields, both};
use crate::manage::must_exist;
use crate::model::filter::Filter;
use crate::model::replay::{Of, Which};
use crate::postback::mend::MendDraft;
use crate::postback::replay::Job;
use crate::reply::Problem;

const ONE_AT_A_TIME: BadField = BadField::new(
    "mend",
    "This value is one postback's: the same for many would make one of them. Choose one.",
);
const NOT_FOR_LONG: BadField =
    BadField::new("keep_on", "What is set on one postback cannot stay on as a rule.");
const NOTHING_TO_KEEP: BadField = BadField::new("keep_on", "There is no mend to stay on.");
const CHOOSE: BadField =
    BadField::new("held", "Choose refused postbacks, events, or all that match: one of these.");

/// Says that a space has as many rules as it can have.
pub const TOO_MANY_RULES: BadField =
    BadField::new("mend", "A space can have 20 rules at a time. End one that is not needed.");

/// What is to be done again, as a form or a program asks for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReplayDraft {
    /// Nothing: the rules that are on do it.
    pub mend: Option<MendDraft>,
    /// Refused postbacks by their numbers.
    pub held: Option<Vec<i64>>,
    /// Events by theirs.
    pub events: Option<Vec<i64>>,
    pub all: Option<All>,
    pub preview: bool,
    /// Whether the mend stays on for what comes next.
    pub keep_on: bool,
    /// The number that the replay is to have: sent again, it begins no second one.
    pub n: Option<i64>,
    /// The newest that are meant by `all`.
    pub up_to: Option<i64>,
}

/// All of a kind that a filter lets through. The filter's fields stand beside the kind: to have them read as one
/// would cost the wasm a reader for any JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct All {
    pub of: Of,
    status: Option<String>,
    note: Option<String>,
    text: Option<String>,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
    /// What pages filter by, and programs do not.
    #[serde(skip)]
    also: Filter,
}

impl All {
    pub fn new(of: Of, filter: Filter) -> Self {
        Self { of, also: filter, ..Self::default() }
    }

    fn filter(&self) -> Filter {
        let Self { status, note, text, from_ms, to_ms, also, .. } = self.clone();
        Filter {
            status: status.or(also.status),
            note: note.or(also.note),
            text: text.or(also.text),
            from_ms: from_ms.or(also.from_ms),
            to_ms: to_ms.or(also.to_ms),
            ..also
        }
    }
}

impl ReplayDraft {
    /// What is done again.
    pub fn of(&self) -> Of {
        match &self.all {
            Some(all) => all.of,
            None if self.events.is_some() => Of::Events,
            None => Of::Refused,
        }
    }

    /// The job, or what is wrong with it. `newest` is the number of the newest there is.
    pub fn check(&self, newest: i64) -> Result<Job, BadFields> {
        let mend = self.mend.as_ref().map(MendDraft::check).transpose();
        let (mend, which) = both(mend, self.which(newest))?;
        let bad = match &mend {
            Some(mend) if which.may_be_many() && !mend.may_act_on_many() => ONE_AT_A_TIME,
            Some(mend) if self.keep_on && !mend.may_stay_on() => NOT_FOR_LONG,
            None if self.keep_on => NOTHING_TO_KEEP,
            _ => return Ok(Job { which, mend }),
        };
        Err(bad.into())
    }

    fn which(&self, newest: i64) -> Result<Which, BadField> {
        match (&self.held, &self.events, &self.all) {
            (Some(seqs), None, None) => Which::named(Of::Refused, seqs.clone()),
            (None, Some(seqs), None) => Which::named(Of::Events, seqs.clone()),
            (None, None, Some(all)) => {
                let newest = self.up_to.map_or(newest, |up_to| up_to.min(newest));
                Which::all(all.of, all.filter(), newest)
            }
            _ => Err(CHOOSE),
        }
    }
}

/// What a replay would come to. Three round trips.
pub async fn preview(
    home: &Home,
    space_id: i64,
    draft: &ReplayDraft,
) -> Result<(Spaces, Preview), Problem> {
    let (spaces, newest) = db::chosen::newest(home, space_id).await?;
    must_exist(spaces.this.is_some())?;
    let job = draft.check(newest.of(draft.of())).map_err(Problem::field)?;
    let preview = db::preview::look(home, space_id, job).await?;
    if draft.keep_on && !preview.can_stay_on() {
        return Err(Problem::field(TOO_MANY_RULES));
    }
    Ok((spaces, preview))
}

/// Begins a replay and gives its number. The same draft under the same number has begun once.
pub async fn begin(home: &Home, space_id: i64, draft: &ReplayDraft) -> Result<i64, Problem> {
    let (_, preview) = preview(home, space_id, draft).await?;
    let Preview { job, total, n: next, .. } = preview;
    let n = draft.n.unwrap_or(next);
    let keep_on = job.mend.as_ref().filter(|_| draft.keep_on);
    let replay = (n, &job, total);
    if db::replay::begin(home, space_id, replay, keep_on, edge::now_ms()).await? {
        Ok(n)
    } else {
        Err(Problem::REPLAYED_MEANWHILE)
    }
}

/// Puts a mend on as a rule and gives its number; one that is on already stays as it is.
pub async fn begin_rule(home: &Home, space_id: i64, draft: &MendDraft) -> Result<i64, Problem> {
    let mend = draft.check().map_err(Problem::field)?;
    if !mend.may_stay_on() {
        return Err(Problem::field(NOT_FOR_LONG));
    }
    must_exist(db::space::exists(home, space_id).await?)?;
    let n = db::rule::begin(home, space_id, &mend, edge::now_ms()).await?;
    n.ok_or(Problem::field(TOO_MANY_RULES))
}

//! The operator's API for mending: replays and rules.

use serde::{Deserialize, Serialize};

use crate::db;
use crate::db::chosen::Chosen;
use crate::db::preview::{After, Preview};
use crate::db::replay::Replay;
use crate::db::space::Home;
use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::manage::must_exist;
use crate::manage::replay::{ReplayDraft, begin, begin_rule, preview};
use crate::model::amount::plain;
use crate::model::event::{EventKind, Id};
use crate::model::note::Note;
use crate::model::replay::Of;
use crate::postback::mend::{Mend, MendDraft};
use crate::reply::{Problem, Reply};
use crate::upkeep::later::Later;

/// What the operator asks for, of the replays and rules of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    List,
    Begin,
    ListRules,
    BeginRule,
    EndRule { n: i64 },
}

#[derive(Serialize)]
struct Begun {
    ok: bool,
    n: i64,
}

#[derive(Serialize)]
struct Done {
    ok: bool,
}

#[derive(Serialize)]
struct Replays {
    ok: bool,
    replays: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    n: i64,
    of: Of,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<MendDraft>,
    total: i64,
    done: i64,
    stored: i64,
    known: i64,
    created_at_ms: i64,
    ended_at_ms: Option<i64>,
}

impl Shown {
    fn of(replay: Replay) -> Self {
        Self {
            n: replay.n,
            of: replay.job.which.of,
            mend: replay.job.mend.as_ref().map(Mend::draft),
            total: replay.total,
            done: replay.done,
            stored: replay.stored,
            known: replay.known,
            created_at_ms: replay.created_at_ms,
            ended_at_ms: replay.ended_at_ms,
        }
    }
}

#[derive(Serialize)]
struct Rules {
    ok: bool,
    rules: Vec<ShownRule>,
}

#[derive(Serialize)]
struct ShownRule {
    n: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<MendDraft>,
    created_at_ms: i64,
    ended_at_ms: Option<i64>,
}

#[derive(Deserialize)]
struct RuleDraft {
    mend: MendDraft,
}

#[derive(Serialize)]
struct Previewed {
    ok: bool,
    n: i64,
    total: i64,
    stored: usize,
    known: usize,
    left: usize,
    money: Vec<Money>,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Money {
    currency: String,
    amount: String,
}

/// What one would become.
#[derive(Default, Serialize)]
struct Line {
    /// The number of the refused postback or of the event.
    seq: i64,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_seq: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<bool>,
    notes: Vec<String>,
}

impl Line {
    fn of((chosen, after): &(Chosen, After)) -> Self {
        let line = Self { seq: chosen.seq(), ..Self::default() };
        match after {
            After::Event(report) => Self {
                outcome: "new",
                event: Some(report.event.code().to_owned()),
                uid: report.uid.as_ref().map(|uid| uid.as_str().to_owned()),
                eid: report.eid.as_ref().map(Id::as_str).map(str::to_owned),
                amount: report.amount.map(|amount| plain(amount.micros().into())),
                currency: Some(report.currency.as_str().to_owned()),
                counted: Some(report.counts),
                notes: report.notes.iter().map(Note::to_string).collect(),
                ..line
            },
            After::Known(event_seq) => Self { outcome: "known", event_seq: *event_seq, ..line },
            After::Refused(refusal) => Self {
                outcome: "refused",
                status: Some(refusal.status.word()),
                notes: refusal.notes.iter().map(Note::to_string).collect(),
                ..line
            },
            After::Changed(to) => Self {
                outcome: "changed",
                event: Some(to.event.clone()),
                uid: to.uid.clone(),
                amount: (to.event == EventKind::Deposit.code())
                    .then(|| to.micros.map(|micros| plain(micros.into())))
                    .flatten(),
                currency: Some(to.currency.clone()),
                counted: Some(to.counted),
                notes: to.notes.clone(),
                ..line
            },
            After::Unchanged => Self { outcome: "unchanged", ..line },
        }
    }
}

impl Previewed {
    fn of(preview: &Preview) -> Self {
        let (stored, known, left) = preview.counts();
        let money = |(currency, micros): (String, i128)| Money { currency, amount: plain(micros) };
        Self {
            ok: true,
            n: preview.n,
            total: preview.total,
            stored,
            known,
            left,
            money: preview.money().into_iter().map(money).collect(),
            lines: preview.lines.iter().map(Line::of).collect(),
        }
    }
}

/// Answers, and says what is to be done after the answer.
pub async fn carry_out(
    config: &Config,
    space_id: i64,
    request: Request,
    mut incoming: Incoming,
) -> Result<(Reply, Later), Problem> {
    let home = &Home::of_space(config, space_id).await?;
    let reply = match request {
        Request::List => {
            let (spaces, replays) = db::replay::list(home, space_id).await?;
            must_exist(spaces.this.is_some())?;
            let replays = replays.into_iter().map(Shown::of).collect();
            Reply::json(200, &Replays { ok: true, replays })
        }
        Request::Begin => {
            let draft: ReplayDraft = incoming.json().await?;
            if draft.preview {
                let (_, preview) = preview(home, space_id, &draft).await?;
                return Ok((Reply::json(200, &Previewed::of(&preview)), Later::Nothing));
            }
            let n = begin(home, space_id, &draft).await?;
            let later = Later::Replay { database: home.database, space_id, n };
            return Ok((Reply::json(201, &Begun { ok: true, n }), later));
        }
        Request::ListRules => {
            let (spaces, rules) = db::rule::list(home, space_id).await?;
            must_exist(spaces.this.is_some())?;
            let shown = |rule: db::rule::Listed| ShownRule {
                n: rule.n,
                mend: rule.mend.as_ref().map(Mend::draft),
                created_at_ms: rule.created_at_ms,
                ended_at_ms: rule.ended_at_ms,
            };
            Reply::json(200, &Rules { ok: true, rules: rules.into_iter().map(shown).collect() })
        }
        Request::BeginRule => {
            let draft: RuleDraft = incoming.json().await?;
            let n = begin_rule(home, space_id, &draft.mend).await?;
            Reply::json(201, &Begun { ok: true, n })
        }
        Request::EndRule { n } => {
            must_exist(db::rule::end(home, space_id, n, edge::now_ms()).await?)?;
            Reply::json(200, &Done { ok: true })
        }
    };
    Ok((reply, Later::Nothing))
}

//! Moving a space to another database, a bounded step at a time (docs/scaling.md, Moving a space).
//!
//! Where a move stands is in the two databases themselves, and each step is one transaction in one of
//! them that looks where it stands first. So it can break off anywhere and be begun again by anybody, and
//! two who do it at the same time do no harm. What comes for the space waits meanwhile.

use serde::{Deserialize, Serialize};

use crate::db::moves::{self, Move, State};
use crate::db::parts::{self, Place};
use crate::db::{self, Handle};
use crate::edge;
use crate::edge::config::Config;
use crate::error::BadField;
use crate::model::database::Database;
use crate::reply::Problem;

const NO_DATABASE: BadField = BadField::new(
    "to",
    "Name one of this deployment's databases, such as DB_2; /healthz lists them.",
);

/// How long one call goes on, in milliseconds: far below what a caller waits.
const LONGEST_MS: i64 = 5_000;

/// Statements of a step at most: the list of spaces, where the move stands, and a removal from eleven
/// tables.
const STEP_CALLS: u32 = 14;

/// What the operator asks for.
#[derive(Deserialize)]
pub struct Draft {
    to: String,
}

/// How far a move is.
#[derive(Serialize)]
pub struct Progress {
    ok: bool,
    done: bool,
    /// What it was at last, for whoever looks on.
    doing: String,
}

/// A step's outcome.
enum Step {
    Done,
    /// There is nothing to do before some time has passed.
    Waiting,
    Did(String),
}

/// Goes on with a move for a few seconds.
pub async fn go_on(config: &Config, space_id: i64, draft: &Draft) -> Result<Progress, Problem> {
    let to = Database::of_binding(&draft.to).filter(|to| config.has(*to));
    let to = to.ok_or(Problem::field(NO_DATABASE))?;
    let until_ms = edge::now_ms() + LONGEST_MS;
    let mut doing = String::new();
    for _step in 0..(config.subrequests() / STEP_CALLS).max(1) {
        match step(config, space_id, to).await? {
            Step::Done => return Ok(Progress { ok: true, done: true, doing: "done".to_owned() }),
            Step::Waiting => {
                let doing = "waiting for deliveries under way".to_owned();
                return Ok(Progress { ok: true, done: false, doing });
            }
            Step::Did(what) => doing = what,
        }
        if edge::now_ms() > until_ms {
            break;
        }
    }
    Ok(Progress { ok: true, done: false, doing })
}

async fn step(config: &Config, space_id: i64, to: Database) -> Result<Step, Problem> {
    let all = db::space::list(&config.db()?).await?;
    let this = all.iter().find(|space| space.id == space_id).ok_or(Problem::NOT_FOUND)?;
    let from = this.database;
    let here = config.db_of(from)?;
    let began_ms = match moves::last(&here, space_id).await? {
        // It has moved before, and not all of it is removed from where it was.
        Some(Move { other, state: State::Arrived { is_done: false }, .. }) => {
            return finish(config, other, from, space_id).await;
        }
        None | Some(Move { state: State::Arrived { .. }, .. }) if from == to => {
            return Ok(Step::Done);
        }
        None | Some(Move { state: State::Arrived { .. }, .. }) => {
            moves::leave(&here, space_id, to, edge::now_ms()).await?;
            return Ok(Step::Did("leaving".to_owned()));
        }
        Some(Move { other, .. }) if other != to => return Err(Problem::MOVING_ELSEWHERE),
        Some(Move { began_ms, .. }) => began_ms,
    };
    let between = Between { here, there: config.db_of(to)?, from, space_id, began_ms };
    let last = moves::last(&between.there, space_id).await?;
    match last.filter(|last| last.began_ms == began_ms).map(|last| last.state) {
        Some(State::Arrived { .. }) => {
            moves::lead_on(config, from, to, space_id).await?;
            Ok(Step::Did("leading on".to_owned()))
        }
        state => between.go_on(state).await,
    }
}

/// A space on its way.
struct Between {
    here: Handle,
    there: Handle,
    from: Database,
    space_id: i64,
    began_ms: i64,
}

impl Between {
    /// Goes on from where the other database is with this move: nowhere, if it does not know of it.
    async fn go_on(&self, state: Option<State>) -> Result<Step, Problem> {
        let (there, space_id) = (&self.there, self.space_id);
        let did = match state {
            Some(State::Arriving(place)) => return self.arrive(&place).await,
            Some(State::Clearing) if parts::remove(there, space_id, "clearing").await? => {
                "making room"
            }
            Some(State::Clearing) => {
                moves::arrive(there, space_id).await?;
                "made room"
            }
            _ => {
                self.begin().await?;
                "leaving"
            }
        };
        Ok(Step::Did(did.to_owned()))
    }

    async fn begin(&self) -> Result<(), Problem> {
        let Self { here, there, from, space_id, began_ms } = self;
        Ok(moves::receive(here, there, *space_id, *from, *began_ms).await?)
    }

    /// Copies, compares, and opens the space where it is then.
    async fn arrive(&self, place: &Place) -> Result<Step, Problem> {
        let Self { here, there, space_id, .. } = self;
        let Some((part, compares)) = parts::of(place.part) else {
            moves::open(here, there, *space_id, place.part).await?;
            return Ok(Step::Did("opening".to_owned()));
        };
        if compares {
            if parts::compare(here, there, *space_id, place, part).await? {
                return Ok(Step::Did(format!("comparing {}", part.name)));
            }
            edge::log("move_differs", part.name);
            self.begin().await?;
            return Ok(Step::Did(format!("copying again, since {} differed", part.name)));
        }
        let changes = parts::is_changed_by_sending(part);
        if changes && moves::is_sending(here, *space_id, edge::now_ms()).await? {
            return Ok(Step::Waiting);
        }
        parts::copy(here, there, *space_id, place, part).await?;
        Ok(Step::Did(format!("copying {}", part.name)))
    }
}

/// Removes from the database that a space has left what is left of it.
async fn finish(
    config: &Config,
    from: Database,
    to: Database,
    space_id: i64,
) -> Result<Step, Problem> {
    if parts::remove(&config.db_of(from)?, space_id, "left").await? {
        return Ok(Step::Did("removing what has moved".to_owned()));
    }
    moves::forget(config, from, to, space_id).await?;
    Ok(Step::Did("removed what has moved".to_owned()))
}

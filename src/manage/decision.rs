//! Deciding what an event is: whether it counts, and which of its versions.

use serde::Deserialize;

use crate::db;
use crate::db::space::Home;
use crate::edge;
use crate::error::BadField;
use crate::manage::must_exist;
use crate::model::decision::{Draft, Kind, Refused};
use crate::reply::Problem;

const NO_KIND: BadField = BadField::new(
    "kind",
    "kind must be one of take_out, put_in, keep_first, take_last, count_both, merge, keep_both, undo.",
);

/// How often a decision is judged: once, and once more where something came in between.
const TRIES: usize = 2;

/// A decision as a form or a program asks for it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub reason: String,
    pub other: Option<i64>,
    pub expected: Option<i64>,
    pub seen: Option<String>,
}

impl Wanted {
    fn check(self) -> Result<Draft, Problem> {
        let Self { kind, reason, other, expected, seen } = self;
        let kind = Kind::parse(kind.trim()).ok_or(Problem::field(NO_KIND))?;
        Ok(Draft { kind, reason, other, expected, seen })
    }
}

/// A decision that is on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Its number among those of its event.
    pub n: i64,
    /// Whether it was there before this call.
    pub already: bool,
    /// Whether something may have to be sent now.
    pub may_send: bool,
}

/// Decides about an event, once for each expected number. Refuses what does not fit the event as it is by now.
pub async fn decide(
    home: &Home,
    space_id: i64,
    seq: i64,
    wanted: Wanted,
) -> Result<Decided, Problem> {
    let draft = wanted.check()?;
    must_exist(db::space::exists(home, space_id).await?)?;
    for _ in 0..TRIES {
        let case = db::case::read(home, space_id, seq).await?.ok_or(Problem::NOT_FOUND)?;
        let deed = match case.judge(&draft) {
            Ok(deed) => deed,
            Err(Refused::Already(n)) => return Ok(Decided { n, already: true, may_send: false }),
            Err(Refused::Meanwhile) => return Err(Problem::DECIDED_MEANWHILE),
            Err(Refused::Impossible(why)) => return Err(Problem::impossible(why)),
            Err(Refused::Bad(bad)) => return Err(Problem::field(bad)),
        };
        if db::decision::decide(home, space_id, &case, &deed, edge::now_ms()).await? {
            let may_send = matches!(deed.kind, Kind::PutIn | Kind::CountBoth | Kind::Undo);
            return Ok(Decided { n: deed.n, already: false, may_send });
        }
    }
    Err(Problem::DECIDED_MEANWHILE)
}

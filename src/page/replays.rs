//! Replays and rules: what was mended, what is being mended, and what is mended from now on.

use askama::Template;

use super::form::{self, Sent};
use super::frame::{self, Section};
use super::mend::{Choice, heading};
use super::shown::{Moment, moment};
use crate::db::replay::Replay;
use crate::db::rule::Listed;
use crate::db::space::Spaces;
use crate::error::{BadFields, Error};
use crate::figures::{Zone, money};
use crate::model::replay::Of;
use crate::reply::Reply;

/// Seconds after which a browser looks again at a replay that goes on.
const LOOK_S: &str = "2";

#[derive(Template)]
#[template(path = "replay.html")]
struct ReplayPage<'a> {
    space_id: i64,
    n: i64,
    of: &'static str,
    mend: String,
    begun: Moment,
    ended: bool,
    done: String,
    total: String,
    max: i64,
    value: i64,
    stored: String,
    known: String,
    left: String,
    events: &'a [i64],
}

/// One replay; `events` are the first that it has made or changed. A browser comes back by itself while it goes on.
pub fn one(
    spaces: &Spaces,
    space_id: i64,
    replay: &Replay,
    events: &[i64],
    zone: &Zone,
) -> Result<Reply, Error> {
    let ended = replay.ended_at_ms.is_some();
    let page = ReplayPage {
        space_id,
        n: replay.n,
        of: replay.job.which.of.word(),
        mend: heading(replay.job.mend.as_ref()),
        begun: moment(zone, replay.created_at_ms),
        ended,
        done: money::count(replay.done),
        total: money::count(replay.total.max(replay.done)),
        max: replay.total.max(1),
        value: replay.done.min(replay.total),
        stored: money::count(replay.stored),
        known: money::count(replay.known),
        left: money::count(replay.left()),
        events,
    };
    let title = format!("Replay {}", replay.n);
    let reply = frame::of_space(200, spaces, Section::Refused, &title, &page)?;
    Ok(if ended { reply } else { reply.with("refresh", LOOK_S.to_owned()) })
}

struct Line {
    n: i64,
    begun: Moment,
    mend: String,
    of: &'static str,
    done: String,
}

#[derive(Template)]
#[template(path = "replays.html")]
struct ReplaysPage {
    space_id: i64,
    lines: Vec<Line>,
}

/// A space's replays.
pub fn list(
    spaces: &Spaces,
    space_id: i64,
    replays: &[Replay],
    zone: &Zone,
) -> Result<Reply, Error> {
    let line = |replay: &Replay| Line {
        n: replay.n,
        begun: moment(zone, replay.created_at_ms),
        mend: heading(replay.job.mend.as_ref()),
        of: if replay.job.which.of == Of::Events { "events" } else { "refused postbacks" },
        done: format!("{} of {}", money::count(replay.done), money::count(replay.total)),
    };
    let page = ReplaysPage { space_id, lines: replays.iter().map(line).collect() };
    frame::of_space(200, spaces, Section::Refused, "Replays", &page)
}

struct RuleLine {
    n: i64,
    mend: String,
    since: Moment,
    until: Option<Moment>,
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    space_id: i64,
    lines: Vec<RuleLine>,
    choice: Choice,
}

/// A space's rules, and the form of a new one with what was typed into it.
pub fn rules(
    spaces: &Spaces,
    space_id: i64,
    rules: &[Listed],
    sent: &Sent,
    bad: Option<&BadFields>,
    zone: &Zone,
) -> Result<Reply, Error> {
    let line = |rule: &Listed| RuleLine {
        n: rule.n,
        mend: rule.mend.as_ref().map_or_else(
            || "what a newer version of XTRACKER knows".to_owned(),
            |mend| heading(Some(mend)),
        ),
        since: moment(zone, rule.created_at_ms),
        until: rule.ended_at_ms.map(|ms| moment(zone, ms)),
    };
    let page = RulesPage {
        space_id,
        lines: rules.iter().map(line).collect(),
        choice: Choice::new(false, sent, bad),
    };
    frame::of_space(form::status(bad), spaces, Section::Refused, "Rules", &page)
}

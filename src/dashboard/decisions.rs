//! Deciding what an event is.

use super::{Answer, Asked, go_to};
use crate::manage::decision::{self, Wanted};
use crate::page::form::Sent;
use crate::page::frame;
use crate::reply::Problem;
use crate::upkeep::later::Later;

/// Decides, and goes back to the event. What does not fit any more is said, with the way back.
pub async fn decide(mut asked: Asked<'_>, seq: i64) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let event = asked.path(&format!("/events/{seq}"));
    match decision::decide(&asked.home, asked.space_id, seq, wanted(&sent)).await {
        Ok(decided) => {
            let later = if decided.may_send { Later::Sweep } else { Later::Nothing };
            Ok(Answer::Page(go_to(&event), later))
        }
        Err(problem) if matches!(problem.http, 409 | 422) => {
            let (title, back) = ("Nothing was decided", "Back to the event");
            Ok(frame::notice(problem.http, title, &problem.hint, &event, back).into())
        }
        Err(problem) => Err(problem),
    }
}

fn wanted(sent: &Sent) -> Wanted {
    let number = |name| sent.get(name).parse().ok();
    let written = sent.get("words").trim();
    let reason = if written.is_empty() { sent.get("reason") } else { written };
    Wanted {
        kind: sent.get("kind").to_owned(),
        reason: reason.to_owned(),
        other: number("other"),
        expected: number("expected"),
        seen: sent.optional("seen"),
    }
}

//! Mending: what was refused, the preview, replays, rules.

use super::events::zone_of;
use super::{Answer, Asked, go_to, zone_around};
use crate::db;
use crate::db::chosen::{self, Chosen};
use crate::edge;
use crate::error::{BadField, BadFields};
use crate::figures;
use crate::manage::must_exist;
use crate::manage::replay as manage;
use crate::manage::replay::{All, ReplayDraft, begin_rule};
use crate::model::replay::{Filter, Of, Which};
use crate::page::form::Sent;
use crate::page::{mend, refused, replays};
use crate::postback::mend::MendDraft;
use crate::reply::Problem;
use crate::upkeep::later::Later;

/// Parameters of the address that are no part of what is to be replayed.
const NOT_KEPT: [&str; 4] = ["before", "n", "up_to", "keep_on"];

/// What can be mended, by the filter of the address.
pub async fn list(asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = Sent::read(&asked.incoming.query);
    listed(&asked, &sent, None).await
}

async fn listed(
    asked: &Asked<'_>,
    sent: &Sent,
    bad: Option<&BadFields>,
) -> Result<Answer, Problem> {
    let (home, space_id, of) = (&asked.home, asked.space_id, Of::parse(sent.get("of")));
    let (filter, bad_dates) = filter(asked, sent).await?;
    let newest = match of {
        Of::Events => db::chosen::newest(home, space_id).await?.1.events,
        Of::Refused => 0,
    };
    let which = Which::all(of, filter, newest).map_err(Problem::field)?;
    let before = sent.get("before").parse().ok();
    let also_done = sent.is_on("done");
    let (spaces, found) = chosen::list(home, space_id, &which, before, also_done).await?;
    let zone = zone_around(zone_of(&spaces)?, found.iter().map(Chosen::received_at_ms));
    let is_full = found.len() as i64 == chosen::PAGE;
    let more = found.last().map(Chosen::seq).filter(|_| is_full);
    let listed = refused::Listed { space_id, of, sent, chosen: &found, bad_dates, more };
    Ok(refused::page(&spaces, &listed, &zone, bad).into())
}

/// The filter that was typed. Days are the space's; one alone is the first and the last.
async fn filter(asked: &Asked<'_>, sent: &Sent) -> Result<(Filter, Option<&'static str>), Problem> {
    let mut filter = Filter {
        status: sent.optional("status"),
        note: sent.optional("note"),
        text: sent.optional("text"),
        ..Filter::default()
    };
    let days = (sent.optional("from"), sent.optional("to"));
    let (from, to) = match days {
        (None, None) => return Ok((filter, None)),
        (from, to) => (from.clone().or(to.clone()), to.or(from)),
    };
    let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
    let (period, bad_dates) = figures::Asked::parse("custom", &from, &to);
    if bad_dates.is_none() {
        let (_, _, span) = asked.span(&period).await?;
        (filter.from_ms, filter.to_ms) = (Some(span.from_ms), Some(span.to_ms));
    }
    Ok((filter, bad_dates))
}

/// What is to be replayed, as a form says it.
async fn draft(asked: &Asked<'_>, sent: &Sent) -> Result<ReplayDraft, Problem> {
    let of = Of::parse(sent.get("of"));
    let (filter, bad_dates) = filter(asked, sent).await?;
    if let Some(reason) = bad_dates {
        return Err(Problem::field(BadField::new("from", reason)));
    }
    let seqs: Vec<i64> = sent.all("seq").filter_map(|seq| seq.parse().ok()).collect();
    let draft = ReplayDraft {
        mend: mend_of(sent),
        keep_on: sent.is_on("keep_on"),
        n: sent.get("n").parse().ok(),
        up_to: sent.get("up_to").parse().ok(),
        ..ReplayDraft::default()
    };
    Ok(match of {
        _ if sent.get("which") == "all" => ReplayDraft { all: Some(All::new(of, filter)), ..draft },
        Of::Refused => ReplayDraft { held: Some(seqs), ..draft },
        Of::Events => ReplayDraft { events: Some(seqs), ..draft },
    })
}

/// The mend that was chosen; `None` where that is none on purpose.
fn mend_of(sent: &Sent) -> Option<MendDraft> {
    let kind = sent.get("mend");
    let typed = |name: &str| sent.optional(&format!("{kind}_{name}"));
    (kind != "none").then(|| MendDraft {
        kind: kind.to_owned(),
        field: typed("field"),
        from: typed("from"),
        word: typed("word"),
        to: typed("to"),
    })
}

/// What a replay would come to; the list again, where that cannot be said.
pub async fn preview(asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = Sent::read(&asked.incoming.query);
    let previewed = match draft(&asked, &sent).await {
        Ok(draft) => manage::preview(&asked.home, asked.space_id, &draft).await,
        Err(problem) => Err(problem),
    };
    let (spaces, preview) = match previewed {
        Ok(previewed) => previewed,
        Err(problem) => return listed(&asked, &sent, Some(&problem.bad_fields()?)).await,
    };
    let mut kept = sent.without(&NOT_KEPT);
    kept.push(("n".to_owned(), preview.n.to_string()));
    kept.push(("up_to".to_owned(), preview.job.which.up_to.to_string()));
    let times = preview.lines.iter().map(|(chosen, _)| chosen.received_at_ms());
    let zone = zone_around(zone_of(&spaces)?, times);
    Ok(mend::preview(&spaces, asked.space_id, &preview, &kept, &zone).into())
}

/// Begins a replay. A form that is sent twice begins one.
pub async fn begin(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let draft = draft(&asked, &sent).await?;
    match manage::begin(&asked.home, asked.space_id, &draft).await {
        Ok(n) => {
            let (database, space_id) = (asked.home.database, asked.space_id);
            let reply = go_to(&asked.path(&format!("/replays/{n}")));
            Ok(Answer::Page(reply, Later::Replay { database, space_id, n }))
        }
        Err(problem) => listed(&asked, &sent, Some(&problem.bad_fields()?)).await,
    }
}

pub async fn replays(asked: Asked<'_>) -> Result<Answer, Problem> {
    let (spaces, found) = db::replay::list(&asked.home, asked.space_id).await?;
    let zone = zone_around(zone_of(&spaces)?, found.iter().map(|replay| replay.created_at_ms));
    Ok(replays::list(&spaces, asked.space_id, &found, &zone).into())
}

pub async fn replay(asked: Asked<'_>, n: i64) -> Result<Answer, Problem> {
    let (spaces, replay, events) = db::replay::one(&asked.home, asked.space_id, n).await?;
    let replay = replay.ok_or(Problem::NOT_FOUND)?;
    let zone = zone_around(zone_of(&spaces)?, [replay.created_at_ms].into_iter());
    Ok(replays::one(&spaces, asked.space_id, &replay, &events, &zone).into())
}

pub async fn rules(asked: Asked<'_>) -> Result<Answer, Problem> {
    rules_with(&asked, &Sent::default(), None).await
}

async fn rules_with(
    asked: &Asked<'_>,
    sent: &Sent,
    bad: Option<&BadFields>,
) -> Result<Answer, Problem> {
    let (spaces, found) = db::rule::list(&asked.home, asked.space_id).await?;
    let times = found.iter().flat_map(|rule| [Some(rule.created_at_ms), rule.ended_at_ms]);
    let zone = zone_around(zone_of(&spaces)?, times.flatten());
    Ok(replays::rules(&spaces, asked.space_id, &found, sent, bad, &zone).into())
}

/// Puts a rule on. A form that is sent twice puts one on.
pub async fn add_rule(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let draft = mend_of(&sent).unwrap_or_default();
    match begin_rule(&asked.home, asked.space_id, &draft).await {
        Ok(_n) => Ok(go_to(&asked.path("/rules")).into()),
        Err(problem) => rules_with(&asked, &sent, Some(&problem.bad_fields()?)).await,
    }
}

pub async fn end_rule(asked: Asked<'_>, n: i64) -> Result<Answer, Problem> {
    must_exist(db::rule::end(&asked.home, asked.space_id, n, edge::now_ms()).await?)?;
    Ok(go_to(&asked.path("/rules")).into())
}

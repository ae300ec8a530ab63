//! Mending: what was refused, the preview, replays, rules.

use super::events::{self, zone_of};
use super::filter::{self, Typed};
use super::{Answer, Asked, go_to, zone_around};
use crate::db;
use crate::db::cards;
use crate::db::chosen::{self, Chosen};
use crate::edge;
use crate::error::{BadField, BadFields};
use crate::manage::must_exist;
use crate::manage::replay as manage;
use crate::manage::replay::{All, ReplayDraft, begin_rule};
use crate::model::replay::Of;
use crate::page::form::Sent;
use crate::page::refused::Found;
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
    let (home, space_id) = (&asked.home, asked.space_id);
    let Typed { filter, faults } = filter::read(asked, sent).await?;
    filter.check().map_err(Problem::field)?;
    let (spaces, found, looked, more, choices, before);
    match Of::parse(sent.get("of")) {
        Of::Events => {
            before = events::before(asked, sent, &filter).await?;
            let list = chosen::events(home, space_id, &filter, before).await?;
            let full =
                list.1.last().map(Chosen::seq).filter(|_| list.1.len() as i64 == chosen::PAGE);
            more = list.2.more(full);
            (spaces, looked, choices) = (list.0, list.2, list.3);
            found = Found::Events(list.1);
        }
        Of::Refused => {
            before = sent.get("before").parse().ok();
            let page = cards::list(home, space_id, &filter, before, sent.is_on("done")).await?;
            (spaces, looked, more, choices) = (page.spaces, page.looked, page.more, page.choices);
            found = Found::Refused(page.cards);
        }
    }
    let zone = zone_around(zone_of(&spaces)?, found.times_ms().into_iter());
    let (found, choices, now_ms) = (&found, &choices, edge::now_ms());
    let listed =
        refused::Listed { space_id, sent, found, choices, before, more, looked, faults, now_ms };
    Ok(refused::page(&spaces, listed, &zone, bad).into())
}

/// What is to be replayed, as a form says it.
async fn draft(asked: &Asked<'_>, sent: &Sent) -> Result<ReplayDraft, Problem> {
    let of = Of::parse(sent.get("of"));
    let Typed { filter, faults } = filter::read(asked, sent).await?;
    if let Some(reason) = faults.into_iter().next() {
        return Err(Problem::field(BadField::new("from", reason)));
    }
    // A box stands for one, or for all of a card.
    let ticked = sent.all("seq").chain(sent.all("seqs").flat_map(|seqs| seqs.split(',')));
    let seqs: Vec<i64> = ticked.filter_map(|seq| seq.parse().ok()).collect();
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

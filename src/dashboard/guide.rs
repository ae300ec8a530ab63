//! The guide's page, and what is said of its steps.

use super::{Answer, Asked, go_to};
use crate::db;
use crate::manage;
use crate::model::guide::Step;
use crate::network;
use crate::page::start;
use crate::reply::Problem;

pub async fn page(asked: Asked<'_>) -> Result<Answer, Problem> {
    let spaces = db::space::read(&asked.home, asked.space_id).await?;
    let guide = spaces.guide.clone().filter(|_| spaces.this.is_some()).ok_or(Problem::NOT_FOUND)?;
    Ok(start::page(&spaces, asked.space_id, &guide, &network::packs()).into())
}

/// Chooses the network, waves steps away or takes them up again: the one that is named, or all.
pub async fn act(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    if let Some(slug) = sent.optional("network") {
        manage::health::choose_network(&asked.home, asked.space_id, &slug).await?;
    }
    for (field, is_waved) in [("away", true), ("back", false)] {
        let word = sent.get(field);
        let steps =
            if word == "all" { Step::ALL.to_vec() } else { Vec::from_iter(Step::parse(word)) };
        if !steps.is_empty() {
            let known = db::guide::wave(&asked.home, asked.space_id, &steps, is_waved).await?;
            manage::must_exist(known)?;
        }
    }
    let is_over = sent.get("away") == "all";
    Ok(go_to(&asked.path(if is_over { "" } else { "/start" })).into())
}

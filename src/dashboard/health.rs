//! What is wrong with the postbacks of a space, and what to change.

use super::events::zone_of;
use super::{Answer, Asked, go_to, zone_around};
use crate::doctor::Finding;
use crate::manage;
use crate::page;
use crate::reply::Problem;
use crate::upkeep::look::look;

/// The findings.
pub async fn page(asked: Asked<'_>) -> Result<Answer, Problem> {
    let looked = look(asked.config, &asked.home, asked.space_id).await?;
    let all = || looked.findings.iter().chain(&looked.muted);
    let times = all().flat_map(|finding: &Finding| [finding.first_seen_ms, finding.last_seen_ms]);
    let zone = zone_around(zone_of(&looked.spaces)?, times);
    Ok(page::health::page(&looked_at(&looked), asked.space_id, &zone).into())
}

fn looked_at(looked: &crate::upkeep::look::Looked) -> page::health::Shown<'_> {
    page::health::Shown {
        spaces: &looked.spaces,
        network: looked.network.as_deref().unwrap_or_default(),
        findings: &looked.findings,
        muted: &looked.muted,
        examined: looked.examined,
    }
}

/// Takes the network that the postbacks come from.
pub async fn choose_network(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    manage::health::choose_network(&asked.home, asked.space_id, sent.get("network")).await?;
    Ok(go_to(&asked.path("/health")).into())
}

/// Mutes a finding, or says it again.
pub async fn mute(mut asked: Asked<'_>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let finding = (sent.get("source"), sent.get("cause"));
    manage::health::mute(&asked.home, asked.space_id, finding, !sent.is_on("again")).await?;
    Ok(go_to(&asked.path("/health")).into())
}

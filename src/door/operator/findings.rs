//! A space's findings for a program.

use serde::{Deserialize, Serialize};

use crate::db::space::Home;
use crate::doctor::Finding;
use crate::edge::config::Config;
use crate::manage;
use crate::model::amount::plain;
use crate::reply::{Problem, Reply};
use crate::upkeep::look::look;

#[derive(Serialize)]
struct Findings<'a> {
    ok: bool,
    findings: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    cause: &'static str,
    source: &'a str,
    sentence: &'a str,
    mend: &'a str,
    count: i64,
    money: Vec<Sum<'a>>,
    first_seen_ms: i64,
    last_seen_ms: i64,
    seqs: &'a [i64],
    held: &'a [i64],
    muted: bool,
}

#[derive(Serialize)]
struct Sum<'a> {
    currency: &'a str,
    amount: String,
}

impl<'a> Listed<'a> {
    fn new(finding: &'a Finding, muted: bool) -> Self {
        let sum = |(currency, micros): &'a (String, i128)| Sum { currency, amount: plain(*micros) };
        Self {
            cause: finding.cause,
            source: &finding.source,
            sentence: &finding.sentence,
            mend: &finding.mend,
            count: finding.count,
            money: finding.money.iter().map(sum).collect(),
            first_seen_ms: finding.first_seen_ms,
            last_seen_ms: finding.last_seen_ms,
            seqs: &finding.seqs,
            held: &finding.held,
            muted,
        }
    }
}

/// A cause at a source, and whether anybody wants to hear of it.
#[derive(Deserialize)]
pub struct Mute {
    source: String,
    cause: String,
    muted: bool,
}

/// The network that a space's postbacks come from.
#[derive(Deserialize)]
pub struct ChosenNetwork {
    network: String,
}

pub async fn mute(config: &Config, space_id: i64, mute: &Mute) -> Result<(), Problem> {
    let home = Home::of_space(config, space_id).await?;
    let finding = (mute.source.as_str(), mute.cause.as_str());
    manage::health::mute(&home, space_id, finding, mute.muted).await
}

pub async fn choose_network(
    config: &Config,
    space_id: i64,
    chosen: &ChosenNetwork,
) -> Result<(), Problem> {
    let home = Home::of_space(config, space_id).await?;
    manage::health::choose_network(&home, space_id, &chosen.network).await
}

/// The findings, most money first, and behind them those that are muted.
pub async fn list(config: &Config, space_id: i64) -> Result<Reply, Problem> {
    let home = Home::of_space(config, space_id).await?;
    let looked = look(config, &home, space_id).await?;
    let open = looked.findings.iter().map(|finding| Listed::new(finding, false));
    let muted = looked.muted.iter().map(|finding| Listed::new(finding, true));
    let findings = open.chain(muted).collect();
    Ok(Reply::json(200, &Findings { ok: true, findings }))
}

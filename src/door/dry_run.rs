//! `dry_run=1` on `/e` and `POST /events` (docs/postback.md, Dry run): what would become of the call, and nothing
//! is written, marked as used or queued.

use serde::Serialize;

use crate::db::dry_run::{self, Of};
use crate::db::rule::Shut;
use crate::db::{self, Cost};
use crate::door::rules;
use crate::door::trail::Trail;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::event::Arrival;
use crate::model::status::Status;
use crate::postback::Received;
use crate::postback::receipt::{self as reader, Recorded};
use crate::receipt::{self, Receipt};
use crate::reply::Reply;

#[derive(Serialize)]
struct Answer {
    ok: bool,
    status: &'static str,
    /// What the call would be answered without `dry_run`.
    would_be: &'static str,
    receipt: Receipt,
}

/// Answers in one round trip, where the key's space has not moved and has no rules that are not known here. `None` where the key opens none.
pub async fn answer(
    config: &Config,
    received: &Received,
    arrival: &mut Arrival,
) -> Result<Option<(Reply, Cost)>, Error> {
    let now_ms = arrival.received_at_ms;
    let mut trail = Trail::default();
    let mut rules = rules::known(&arrival.key_hash).map_or(Vec::new(), |(_, rules)| rules.to_vec());
    loop {
        let recorded = reader::read(received, now_ms, &rules);
        let asked = ask(config, arrival, &recorded);
        if let (Some(foreseen), cost) = db::in_time(config, asked).await? {
            if foreseen.rules != rules {
                rules = foreseen.rules;
                continue;
            }
            let would_be = receipt::status_of(&recorded, &foreseen).word();
            let receipt = receipt::foreseen(recorded, foreseen, now_ms);
            let status = Status::DryRun;
            let answer = Answer { ok: status.is_ok(), status: status.word(), would_be, receipt };
            return Ok(Some((Reply::json(200, &answer), cost)));
        }
        if !trail.follow(config, arrival, Shut::NoKey).await? {
            return Ok(None);
        }
    }
}

async fn ask(
    config: &Config,
    arrival: &Arrival,
    recorded: &Recorded,
) -> Result<(Option<dry_run::Foreseen>, Cost), Error> {
    let report = recorded.verdict.as_ref().ok().map(|report| (report, recorded.raw.as_str()));
    dry_run::foresee(&config.db_of(arrival.database)?, &Of::Key(arrival), report).await
}

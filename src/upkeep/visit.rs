//! The visit of a landing is stored after the visitor's answer (docs/links.md).

use crate::db;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::visit::Visit;
use crate::upkeep::spill::{self, Message, Outage};

/// Stores a visit, or sets it aside for when D1 is back.
pub async fn record(config: &Config, address: String, visit: Box<Visit>) {
    let Err(reason) = store(config, &visit).await else { return };
    edge::log("click_not_stored", &reason.to_string());
    let (message, outage) = (Message::Click(visit), Outage::of(&reason));
    if let Err(reason) = spill::set_aside(config, &address, &message, outage).await {
        edge::log("click_lost", &reason.to_string());
    }
}

/// Stores a visit within the deadline; storing it again changes nothing.
async fn store(config: &Config, visit: &Visit) -> Result<(), Error> {
    let work = async { db::click::record(&config.db_of(visit.database)?, &[visit]).await };
    db::in_time(config, work).await
}

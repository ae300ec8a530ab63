//! The visit of a landing is stored after the visitor's answer (docs/links.md).

use crate::db;
use crate::db::moves::Whereabouts;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::visit::Visit;
use crate::upkeep::spill::{self, Message, Outage};

/// Databases that a visit is carried through at most, after a space that has moved.
const LONGEST: usize = 8;

/// Stores a visit, or sets it aside for when D1 is back.
pub async fn record(config: &Config, address: String, mut visit: Box<Visit>) {
    let Err(reason) = store(config, &mut visit).await else { return };
    edge::log("click_not_stored", &reason.to_string());
    let (message, outage) = (Message::Click(visit), Outage::of(&reason));
    if let Err(reason) = spill::set_aside(config, &address, &message, outage).await {
        edge::log("click_lost", &reason.to_string());
    }
}

/// Stores a visit within the deadline, where its space is by now; storing it again changes nothing.
async fn store(config: &Config, visit: &mut Visit) -> Result<(), Error> {
    for _step in 0..LONGEST {
        let work = async {
            let db = config.db_of(visit.database)?;
            db::click::record(&db, &[visit], config.has_several()).await
        };
        match db::in_time(config, work).await?.first() {
            None => return Ok(()),
            Some((_, Whereabouts::At(database))) => visit.database = *database,
            Some(_) => return Err(Error::Moving),
        }
    }
    Err(Error::Moving)
}

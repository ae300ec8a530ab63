//! What is done after the answer: the sender never waits for it.

use crate::db;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::figures::period::Part;
use crate::model::database::Database;
use crate::model::visit::Visit;
use crate::upkeep::{courier, replay, unknown, visit};

/// Work that an answer leaves behind.
pub enum Later {
    Nothing,
    /// A click to be stored, with the visitor's address.
    Record {
        visit: Box<Visit>,
        address: String,
    },
    /// The first tries of an event's deliveries.
    Deliver {
        database: Database,
        space_id: i64,
        seq: i64,
    },
    /// Days of a space that are over, to be summed up.
    CloseDays(Box<Closing>),
    /// Postbacks whose keys opened nothing, to be written down after a while.
    CountUnknown {
        wait_ms: u64,
    },
    /// The first pieces of a replay.
    Replay {
        database: Database,
        space_id: i64,
        n: i64,
    },
    /// Whatever is due.
    Sweep,
}

/// Days to be summed up, of the zone that the space has.
pub struct Closing {
    pub database: Database,
    pub space_id: i64,
    pub zone_name: String,
    pub days: Vec<Part>,
}

impl Closing {
    async fn run(&self, config: &Config) -> Result<(), Error> {
        let db = config.db_of(self.database)?;
        db::figures::close(&db, self.space_id, &self.zone_name, &self.days).await
    }
}

impl Later {
    pub async fn run(self, config: Config) {
        match self {
            Self::Nothing => {}
            Self::Record { visit, address } => visit::record(&config, address, visit).await,
            Self::Deliver { database, space_id, seq } => {
                courier::first_tries(&config, database, space_id, seq).await;
            }
            Self::CloseDays(closing) => {
                if let Err(reason) = closing.run(&config).await {
                    edge::log("days_not_closed", &reason.to_string());
                }
            }
            Self::CountUnknown { wait_ms } => unknown::write(&config, wait_ms).await,
            Self::Replay { database, space_id, n } => {
                replay::behind_answer(&config, database, space_id, n).await;
            }
            Self::Sweep => courier::sweep_behind_answer(&config).await,
        }
    }
}

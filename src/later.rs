//! What is done after the answer: the sender never waits for it.

use crate::config::Config;
use crate::delivery::courier;
use crate::edge::Clock;
use crate::landing;
use crate::spill::Visit;

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
        space_id: i64,
        seq: i64,
    },
    /// Whatever is due.
    Sweep,
}

impl Later {
    pub async fn run(self, config: Config) {
        match self {
            Self::Nothing => {}
            Self::Record { visit, address } => landing::record(&config, address, visit).await,
            Self::Deliver { space_id, seq } => courier::first_tries(&config, space_id, seq).await,
            Self::Sweep => courier::sweep(&config, Clock::default()).await,
        }
    }
}

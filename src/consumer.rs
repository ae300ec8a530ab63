//! The consumer of the `postbacks` queue: what D1 did not take in time is stored once it is back,
//! with its original receive time (contract §4.5).

use crate::config::Config;
use crate::edge;
use crate::error::Error;
use crate::intake::{self, Outcome};
use crate::landing;
use crate::postback;
use crate::spill::{Message, Postback, pause_s};

/// What is to be done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Done with, for good.
    Ack,
    /// To be delivered again, after so many seconds.
    Retry { pause_s: u32 },
}

/// Pause of a message that cannot be read: a newer version wrote it, and may come back to read it.
const UNREADABLE_PAUSE_S: u32 = 600;

/// Stores a batch of messages' texts. Once D1 has refused one, the rest is not tried: a batch of a
/// hundred deadlines would outlast the invocation.
pub async fn postbacks(config: &Config, messages: &[Option<String>]) -> Vec<Fate> {
    let mut fates = Vec::with_capacity(messages.len());
    let mut is_away = false;
    for text in messages {
        let Some(message) = text.as_deref().and_then(Message::from_text) else {
            edge::log("message_unreadable", "a message of another version waits in the queue");
            fates.push(Fate::Retry { pause_s: UNREADABLE_PAUSE_S });
            continue;
        };
        let stored =
            if is_away { Err(Error::Deadline("D1")) } else { store(config, &message).await };
        fates.push(match stored {
            Ok(()) => Fate::Ack,
            Err(reason) => {
                if !is_away {
                    edge::log("spilled_not_stored", &reason.to_string());
                }
                is_away = true;
                Fate::Retry { pause_s: pause_s(message.received_at_ms(), edge::now_ms()) }
            }
        });
    }
    fates
}

async fn store(config: &Config, message: &Message) -> Result<(), Error> {
    match message {
        Message::Postback(postback) => store_postback(config, postback).await,
        Message::Click(visit) => landing::store(config, visit).await,
    }
}

/// Reads a postback as it was read when it arrived, and stores it under its first arrival.
async fn store_postback(config: &Config, postback: &Postback) -> Result<(), Error> {
    let Postback { arrival, .. } = postback;
    let reading = postback::read(&postback.received(), arrival.received_at_ms);
    let (outcome, _cost) = intake::commit(config, arrival, &reading).await?;
    if matches!(outcome, Outcome::UnknownKey) {
        edge::log("spilled_dropped", "its key was unknown when it arrived");
    }
    Ok(())
}

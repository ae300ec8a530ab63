//! Where events are sent on to (contract §8): three kinds, each with its configuration, a map of
//! event names, and secrets that are never shown again.

mod draft;
mod headers;

pub use draft::Draft;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::delivery::outcome::Success;

/// Which of the three kinds a destination is, with what may be shown of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Config {
    Webhook {
        url: String,
        method: String,
    },
    S2sPostback {
        url_template: String,
        method: String,
        expected_status: u16,
    },
    FbCapi {
        pixel_id: String,
        #[serde(default)]
        test_event_code: Option<String>,
        action_source: String,
        #[serde(default)]
        event_source_url: Option<String>,
    },
}

/// What is encrypted at rest and never shown again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Secrets {
    pub signing_secret: String,
    pub headers: BTreeMap<String, String>,
    pub access_token: String,
}

/// The names of the events at the destination; an event without one is not sent.
pub type EventMap = BTreeMap<String, String>;

/// A destination that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub name: String,
    pub enabled: bool,
    pub events: EventMap,
    pub config: Config,
    pub secrets: Secrets,
}

impl Config {
    /// What the destination answers when it took an event.
    pub fn success(&self) -> Success {
        match self {
            Self::S2sPostback { expected_status, .. } => Success::Exactly(*expected_status),
            Self::Webhook { .. } | Self::FbCapi { .. } => Success::Any2xx,
        }
    }
}

impl Secrets {
    /// The secrets that a destination of this kind has: what was kept from another kind is dropped.
    fn of_kind(self, config: &Config) -> Self {
        let Self { signing_secret, headers, access_token } = self;
        match config {
            Config::Webhook { .. } => Self { signing_secret, headers, ..Self::default() },
            Config::FbCapi { .. } => Self { access_token, ..Self::default() },
            Config::S2sPostback { .. } => Self::default(),
        }
    }

    /// Every text that must not show in a record of attempts.
    pub fn texts(&self) -> Vec<&str> {
        let own = [self.signing_secret.as_str(), self.access_token.as_str()];
        let texts = own.into_iter().chain(self.headers.values().map(String::as_str));
        texts.filter(|text| !text.is_empty()).collect()
    }
}

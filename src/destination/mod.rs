//! Where events are sent on to (docs/destinations.md): three kinds, each with its configuration, a map of
//! event names, and secrets that are never shown again.

pub mod address;
mod draft;
pub mod facts;
pub mod fb_capi;
mod headers;
pub mod mask;
pub mod outcome;
pub mod request;
pub mod template;
pub mod webhook;

pub use draft::{Draft, facebooks_name};
pub use headers::parse as parse_headers;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::destination::outcome::Success;
use crate::text::json;

/// Which of the three kinds a destination is, with what may be shown of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
        test_event_code: Option<String>,
        action_source: String,
        event_source_url: Option<String>,
    },
}

/// What is encrypted at rest and never shown again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    /// Reads what is stored; `None` for a kind that a later version made.
    pub fn read(stored: &Value) -> Option<Self> {
        let (text, optional) =
            (|name| json::text(stored, name), |name| json::optional_text(stored, name));
        Some(match text("kind").as_str() {
            "webhook" => Self::Webhook { url: text("url"), method: text("method") },
            "s2s_postback" => Self::S2sPostback {
                url_template: text("url_template"),
                method: text("method"),
                expected_status: u16::try_from(json::number(stored, "expected_status")?).ok()?,
            },
            "fb_capi" => Self::FbCapi {
                pixel_id: text("pixel_id"),
                test_event_code: optional("test_event_code"),
                action_source: text("action_source"),
                event_source_url: optional("event_source_url"),
            },
            _ => return None,
        })
    }

    /// The field and the text of the address that the operator wrote, where there is one.
    pub fn address(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Webhook { url, .. } => Some(("url", url)),
            Self::S2sPostback { url_template, .. } => Some(("url_template", url_template)),
            Self::FbCapi { .. } => None,
        }
    }

    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::S2sPostback { .. } => "s2s_postback",
            Self::FbCapi { .. } => "fb_capi",
        }
    }

    /// What the destination answers when it took an event.
    pub fn success(&self) -> Success {
        match self {
            Self::S2sPostback { expected_status, .. } => Success::Exactly(*expected_status),
            Self::Webhook { .. } | Self::FbCapi { .. } => Success::Any2xx,
        }
    }
}

impl Secrets {
    /// Reads what was sealed.
    pub fn read(stored: &Value) -> Self {
        Self {
            signing_secret: json::text(stored, "signing_secret"),
            headers: stored.get("headers").map(json::texts_by_name).unwrap_or_default(),
            access_token: json::text(stored, "access_token"),
        }
    }

    /// The secrets that a destination of this kind has: what was kept from another kind is dropped.
    fn of_kind(self, config: &Config) -> Self {
        let Self { signing_secret, headers, access_token } = self;
        match config {
            Config::Webhook { .. } => Self { signing_secret, headers, ..Self::default() },
            Config::FbCapi { .. } => Self { access_token, ..Self::default() },
            Config::S2sPostback { .. } => Self::default(),
        }
    }

    /// What of them is kept where a destination is changed, with the names of the headers that are
    /// not: headers were entered for one address, and another one is another server. The signing
    /// secret never travels, and an access token goes to Facebook alone.
    pub fn kept(mut self, before: &Config, draft: &Draft) -> (Self, Vec<String>) {
        let is_moved = matches!(before, Config::Webhook { url, .. } if url != draft.url.trim());
        if !is_moved || draft.headers.is_some() {
            return (self, Vec::new());
        }
        let dropped = std::mem::take(&mut self.headers);
        (self, dropped.into_keys().collect())
    }

    /// Every text that must not show in a record of attempts.
    pub fn texts(&self) -> Vec<&str> {
        let own = [self.signing_secret.as_str(), self.access_token.as_str()];
        let texts = own.into_iter().chain(self.headers.values().map(String::as_str));
        texts.filter(|text| !text.is_empty()).collect()
    }
}

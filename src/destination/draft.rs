//! A destination as the operator writes it, checked field by field.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Config, Destination, EventMap, Secrets, headers};
use crate::destination::{address, template, webhook};
use crate::error::BadField;
use crate::model::event::Canonical;

const NAME_BYTES: usize = 100;
const URL_BYTES: usize = 2048;

/// Facebook's own names for the four events.
const FACEBOOK: [(Canonical, &str); 4] = [
    (Canonical::Contact, "Contact"),
    (Canonical::Subscribed, "Lead"),
    (Canonical::Registration, "CompleteRegistration"),
    (Canonical::Deposit, "Purchase"),
];

/// Where Meta says an event can happen (`action_source`).
const ACTION_SOURCES: [&str; 8] = [
    "website",
    "chat",
    "app",
    "email",
    "phone_call",
    "system_generated",
    "business_messaging",
    "other",
];

/// A destination as the operator writes it. Each kind has fields of its own; the others stay empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub kind: String,
    pub name: String,
    pub enabled: Option<bool>,
    /// Canonical to target name; missing is prefilled, `null` or empty is not sent.
    pub events: BTreeMap<String, Option<String>>,
    pub url: String,
    pub method: Option<String>,
    pub headers: Option<BTreeMap<String, String>>,
    pub signing_secret: Option<String>,
    pub url_template: String,
    pub expected_status: Option<u16>,
    pub pixel_id: String,
    pub access_token: Option<String>,
    pub test_event_code: Option<String>,
    pub action_source: Option<String>,
    pub event_source_url: Option<String>,
}

/// What Facebook calls an event.
pub fn facebooks_name(canonical: Canonical) -> &'static str {
    FACEBOOK.iter().find(|(event, _)| *event == canonical).map_or("", |(_, name)| name)
}

impl Draft {
    /// A stored destination as its form has it, without its secrets.
    pub fn of(name: &str, enabled: bool, events: &EventMap, config: Config) -> Self {
        let mapped = |event: &Canonical| {
            let target = events.get(event.code()).cloned();
            (event.code().to_owned(), target)
        };
        let draft = Self {
            name: name.to_owned(),
            enabled: Some(enabled),
            events: Canonical::ALL.iter().map(mapped).collect(),
            kind: config.kind().to_owned(),
            ..Self::default()
        };
        match config {
            Config::Webhook { url, method } => Self { url, method: Some(method), ..draft },
            Config::S2sPostback { url_template, method, expected_status } => Self {
                url_template,
                method: Some(method),
                expected_status: Some(expected_status),
                ..draft
            },
            Config::FbCapi { pixel_id, test_event_code, action_source, event_source_url } => Self {
                pixel_id,
                test_event_code,
                action_source: Some(action_source),
                event_source_url,
                ..draft
            },
        }
    }

    /// Checks a draft, naming the first wrong field. Secrets that it leaves out are `kept` from
    /// before; a webhook without a signing secret gets one made of `random`.
    pub fn check(
        mut self,
        kept: Secrets,
        random: [u8; 24],
        allow_loopback: bool,
    ) -> Result<Destination, BadField> {
        let name = self.name.trim().to_owned();
        if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
            return bad("name", "Give the destination a name of 1 to 100 bytes.");
        }
        let mut secrets = kept;
        let config = match self.kind.as_str() {
            "webhook" => self.webhook(&mut secrets, random, allow_loopback)?,
            "s2s_postback" => self.s2s_postback(allow_loopback)?,
            "fb_capi" => self.fb_capi(&mut secrets)?,
            _ => return bad("kind", "The kind is webhook, s2s_postback or fb_capi."),
        };
        let events = self.event_map(matches!(config, Config::FbCapi { .. }))?;
        let secrets = secrets.of_kind(&config);
        Ok(Destination { name, enabled: self.enabled.unwrap_or(true), events, config, secrets })
    }

    fn webhook(
        &mut self,
        secrets: &mut Secrets,
        random: [u8; 24],
        allow_loopback: bool,
    ) -> Result<Config, BadField> {
        let url = check_url("url", &self.url, allow_loopback)?;
        let method = self.method.as_deref().unwrap_or("POST").to_ascii_uppercase();
        if !["POST", "PUT", "PATCH"].contains(&method.as_str()) {
            return bad("method", "A webhook is sent by POST, PUT or PATCH.");
        }
        if let Some(headers) = self.headers.take() {
            secrets.headers = headers::check(headers)?;
        }
        match self.signing_secret.take().filter(|secret| !secret.is_empty()) {
            Some(secret) if webhook::key(&secret).is_none() => {
                return bad(
                    "signing_secret",
                    "A signing secret is whsec_ and 24 to 64 bytes in base64.",
                );
            }
            Some(secret) => secrets.signing_secret = secret,
            None if secrets.signing_secret.is_empty() => {
                secrets.signing_secret = webhook::mint_secret(random);
            }
            None => {}
        }
        Ok(Config::Webhook { url, method })
    }

    fn s2s_postback(&self, allow_loopback: bool) -> Result<Config, BadField> {
        let url_template = self.url_template.trim().to_owned();
        template::check(&url_template)
            .map_err(|reason| BadField { field: "url_template", reason: Cow::Owned(reason) })?;
        // Filled macros are percent-encoded and stand behind the host, so that the host is judged here.
        let url_template = check_url("url_template", &url_template, allow_loopback)?;
        let method = self.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
        if !["GET", "POST"].contains(&method.as_str()) {
            return bad("method", "An S2S postback is sent by GET or POST.");
        }
        let expected_status = self.expected_status.unwrap_or(200);
        if !(200..=599).contains(&expected_status) {
            return bad("expected_status", "The expected status is from 200 to 599.");
        }
        Ok(Config::S2sPostback { url_template, method, expected_status })
    }

    fn fb_capi(&mut self, secrets: &mut Secrets) -> Result<Config, BadField> {
        let pixel_id = self.pixel_id.trim().to_owned();
        let is_number = pixel_id.bytes().all(|byte| byte.is_ascii_digit());
        if !(5..=30).contains(&pixel_id.len()) || !is_number {
            return bad("pixel_id", "The pixel id is the number that Events Manager shows.");
        }
        if let Some(token) = self.access_token.take().filter(|token| !token.trim().is_empty()) {
            secrets.access_token = token.trim().to_owned();
        }
        let token = &secrets.access_token;
        if token.is_empty()
            || token.len() > URL_BYTES
            || !token.bytes().all(|b| b.is_ascii_graphic())
        {
            return bad(
                "access_token",
                "Paste the access token that Events Manager made for the pixel.",
            );
        }
        let action_source = self.action_source.clone().unwrap_or_else(|| "website".to_owned());
        if !ACTION_SOURCES.contains(&action_source.as_str()) {
            return bad(
                "action_source",
                "Use one of Meta's action sources, such as website or chat.",
            );
        }
        let text = |text: &Option<String>| {
            let trimmed = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
            trimmed.map(str::to_owned)
        };
        let event_source_url = match text(&self.event_source_url) {
            Some(url) => Some(check_url("event_source_url", &url, false)?),
            None => None,
        };
        let test_event_code = text(&self.test_event_code);
        let is_code = |code: &String| {
            code.len() <= NAME_BYTES && code.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !test_event_code.as_ref().is_none_or(is_code) {
            return bad("test_event_code", "Paste the code from Test events in Events Manager.");
        }
        Ok(Config::FbCapi { pixel_id, test_event_code, action_source, event_source_url })
    }

    fn event_map(&self, is_facebook: bool) -> Result<EventMap, BadField> {
        let mut given = BTreeMap::new();
        for (name, target) in &self.events {
            let Some(canonical) = Canonical::parse(name) else {
                return bad("events", "Map contact, subscribed, registration and deposit.");
            };
            if given.insert(canonical.code(), target.as_deref()).is_some() {
                let reason = format!("The event {} is mapped twice.", canonical.code());
                return Err(BadField { field: "events", reason: Cow::Owned(reason) });
            }
        }
        let mut map = EventMap::new();
        for (canonical, facebook) in FACEBOOK {
            let prefilled = if is_facebook { facebook } else { canonical.code() };
            let target = match given.get(canonical.code()) {
                None => prefilled,
                Some(target) => target.unwrap_or_default().trim(),
            };
            if target.len() > NAME_BYTES || target.chars().any(char::is_control) {
                let reason = format!(
                    "The name for {} has at most 100 bytes and no control characters.",
                    canonical.code()
                );
                return Err(BadField { field: "events", reason: Cow::Owned(reason) });
            }
            if !target.is_empty() {
                map.insert(canonical.code().to_owned(), target.to_owned());
            }
        }
        Ok(map)
    }
}

fn check_url(field: &'static str, url: &str, allow_loopback: bool) -> Result<String, BadField> {
    let url = url.trim();
    if url.len() > URL_BYTES {
        return bad(field, "An address has at most 2048 bytes.");
    }
    address::check(url, allow_loopback).map_err(|reason| BadField::new(field, reason))?;
    Ok(url.to_owned())
}

fn bad<T>(field: &'static str, reason: &'static str) -> Result<T, BadField> {
    Err(BadField::new(field, reason))
}

#[cfg(test)]
mod tests;

//! What exactly is sent, and what is kept of it: pure, the time of the attempt is an argument.

use serde::Serialize;
use serde_json::Value;

use super::facts::Facts;
use super::outcome::Outcome;
use super::{address, fb_capi, mask, template, webhook};
use crate::destination::{Config, Secrets};
use crate::text::json;

/// Header that marks a delivery that no event stands behind.
const TEST_HEADER: &str = "x-xtracker-test";

/// Header that names the deployment which a request comes from, so that it knows its own again: a
/// destination may lead back to it over another name.
pub const ORIGIN_HEADER: &str = "x-xtracker-origin";

/// A request as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

/// One try of a delivery, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    pub at_ms: i64,
    /// The answer's status; `None` where there was no answer.
    pub status: Option<u16>,
    pub duration_ms: i64,
    /// The first KB of the answer, or why there was none, secrets masked.
    pub answer: String,
    pub outcome: Outcome,
}

impl Attempt {
    /// The tries on record, from the first; what cannot be read is left out.
    pub fn read_all(stored: &str) -> Vec<Self> {
        json::items(&json::read(stored)).filter_map(Self::read).collect()
    }

    fn read(stored: &Value) -> Option<Self> {
        Some(Self {
            at_ms: json::number(stored, "at_ms")?,
            status: json::number(stored, "status").and_then(|status| u16::try_from(status).ok()),
            duration_ms: json::number(stored, "duration_ms")?,
            answer: json::text(stored, "answer"),
            outcome: Outcome::parse(&json::text(stored, "outcome"))?,
        })
    }
}

/// The request for one event and destination. Refused without asking where the destination could
/// only refuse, or where its address is none that may be called.
pub fn build(
    config: &Config,
    secrets: &Secrets,
    facts: &Facts,
    now_ms: i64,
    test: bool,
    allow_loopback: bool,
) -> Result<Outgoing, &'static str> {
    let mut outgoing = match config {
        Config::Webhook { url, method } => {
            webhook_request(url, method, secrets, facts, now_ms, test)?
        }
        Config::S2sPostback { url_template, method, .. } => Outgoing {
            method: method.clone(),
            url: template::expand(url_template, facts),
            headers: Vec::new(),
            body: None,
        },
        Config::FbCapi { .. } if fb_capi::is_too_old(facts, now_ms) => {
            return Err(fb_capi::TOO_OLD);
        }
        Config::FbCapi { pixel_id, test_event_code, action_source, event_source_url } => {
            let pixel = fb_capi::Pixel {
                id: pixel_id,
                access_token: &secrets.access_token,
                test_event_code: test_event_code.as_deref(),
                action_source,
                event_source_url: event_source_url.as_deref(),
            };
            Outgoing {
                method: "POST".to_owned(),
                url: fb_capi::url(&pixel),
                headers: vec![json_type()],
                body: Some(fb_capi::body(&pixel, facts)),
            }
        }
    };
    if test {
        outgoing.headers.push((TEST_HEADER.to_owned(), "1".to_owned()));
    }
    address::check(&outgoing.url, allow_loopback)?;
    Ok(outgoing)
}

fn webhook_request(
    url: &str,
    method: &str,
    secrets: &Secrets,
    facts: &Facts,
    now_ms: i64,
    test: bool,
) -> Result<Outgoing, &'static str> {
    let body = webhook::body(facts, test);
    let timestamp_s = now_ms.div_euclid(1000);
    let signature =
        webhook::signature(&secrets.signing_secret, &facts.event_id, timestamp_s, &body).ok_or(
            "The signing secret cannot be read. Save the destination again with a new one.",
        )?;
    let mut headers = vec![
        json_type(),
        ("webhook-id".to_owned(), facts.event_id.clone()),
        ("webhook-timestamp".to_owned(), timestamp_s.to_string()),
        ("webhook-signature".to_owned(), signature),
    ];
    headers.extend(secrets.headers.clone());
    Ok(Outgoing { method: method.to_owned(), url: url.to_owned(), headers, body: Some(body) })
}

fn json_type() -> (String, String) {
    ("content-type".to_owned(), "application/json".to_owned())
}

impl Outgoing {
    /// The request with its deployment's mark; without a mark as it is.
    pub fn marked(mut self, mark: &str) -> Self {
        if !mark.is_empty() {
            self.headers.push((ORIGIN_HEADER.to_owned(), mark.to_owned()));
        }
        self
    }

    /// The request as an operator may see it: secrets masked.
    pub fn shown(&self, secrets: &Secrets) -> Self {
        let mask = |text: &String| mask::hide(text, secrets);
        Self {
            method: self.method.clone(),
            url: mask(&self.url),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), mask(value))).collect(),
            body: self.body.as_ref().map(mask),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::facts::tests::deposit;
    use super::*;

    const NOW_MS: i64 = 1_765_432_105_678;

    fn secrets() -> Secrets {
        Secrets {
            signing_secret: webhook::mint_secret([7; 24]),
            headers: BTreeMap::from([("x-key".to_owned(), "open sesame".to_owned())]),
            access_token: "EAABsecret".to_owned(),
        }
    }

    #[test]
    fn a_webhook_is_signed_over_what_is_sent() {
        let config = Config::Webhook { url: "https://a.example/hook".into(), method: "PUT".into() };
        let out = build(&config, &secrets(), &deposit(), NOW_MS, false, false).unwrap();
        let body = out.body.clone().unwrap();
        let signed = webhook::signature(
            &secrets().signing_secret,
            &deposit().event_id,
            NOW_MS / 1000,
            &body,
        );
        let header =
            |name: &str| out.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        assert_eq!(header("webhook-signature"), signed);
        assert_eq!(header("webhook-id").as_deref(), Some("0123456789abcdef0123456789abcdef"));
        assert_eq!(header("webhook-timestamp").as_deref(), Some("1765432105"));
        assert_eq!(header("x-key").as_deref(), Some("open sesame"));
        assert_eq!((out.method.as_str(), out.url.as_str()), ("PUT", "https://a.example/hook"));
        let shown = out.shown(&secrets());
        assert!(!format!("{shown:?}").contains("open sesame"));
    }

    #[test]
    fn an_event_too_old_for_meta_is_not_sent() {
        let config = Config::FbCapi {
            pixel_id: "123456".into(),
            test_event_code: None,
            action_source: "website".into(),
            event_source_url: None,
        };
        let late = deposit().occurred_at_ms + 8 * 24 * 60 * 60 * 1000;
        assert_eq!(
            build(&config, &secrets(), &deposit(), late, false, false),
            Err(fb_capi::TOO_OLD)
        );
        let out = build(&config, &secrets(), &deposit(), NOW_MS, false, false).unwrap();
        assert!(!out.url.contains("EAAB"));
        assert!(!out.shown(&secrets()).body.unwrap().contains("EAABsecret"));
    }

    #[test]
    fn a_private_address_is_not_called_however_it_got_there() {
        let config = Config::Webhook { url: "http://127.0.0.1:9/".into(), method: "POST".into() };
        assert!(build(&config, &secrets(), &deposit(), NOW_MS, false, false).is_err());
        assert!(build(&config, &secrets(), &deposit(), NOW_MS, false, true).is_ok());
    }

    /// A request as a golden file shows it.
    fn written(out: &Outgoing) -> String {
        let headers: String =
            out.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let body = out.body.as_deref().map_or(String::new(), |body| format!("\n{body}\n"));
        format!("{} {}\n{headers}{body}", out.method, out.url)
    }

    #[test]
    fn each_kind_sends_what_its_golden_file_says() {
        let webhook =
            Config::Webhook { url: "https://a.example/hook".into(), method: "POST".into() };
        let template = "https://aff.example.com/postback?clickid={uid}&goal={canonical}&sum={value}&cur={currency}&adset={adset_name}&name={campaign_name}";
        let s2s_postback = Config::S2sPostback {
            url_template: template.into(),
            method: "GET".into(),
            expected_status: 200,
        };
        let fb_capi = Config::FbCapi {
            pixel_id: "1234567890".into(),
            test_event_code: Some("TEST12345".into()),
            action_source: "website".into(),
            event_source_url: Some("https://example.com/".into()),
        };
        for (config, golden) in [
            (webhook, include_str!("../../tests/golden/webhook.txt")),
            (s2s_postback, include_str!("../../tests/golden/s2s_postback.txt")),
            (fb_capi, include_str!("../../tests/golden/fb_capi.txt")),
        ] {
            let out = build(&config, &secrets(), &deposit(), NOW_MS, false, false).unwrap();
            assert_eq!(written(&out), golden);
        }
    }

    #[test]
    fn a_later_try_is_the_same_but_for_its_signature() {
        let config =
            Config::Webhook { url: "https://a.example/hook".into(), method: "POST".into() };
        let sent = |at_ms| build(&config, &secrets(), &deposit(), at_ms, false, false).unwrap();
        let (first, later) = (sent(NOW_MS), sent(NOW_MS + 30_000));
        assert_eq!(first.body, later.body);
        let changed: Vec<_> = first.headers.iter().filter(|h| !later.headers.contains(h)).collect();
        let names: Vec<_> = changed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["webhook-timestamp", "webhook-signature"]);
    }
}

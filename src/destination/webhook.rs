//! A server of the user's own, which is sent signed JSON (docs/destinations.md; Standard Webhooks,
//! standardwebhooks.com).

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::Value;
use sha2::Sha256;

use super::draft::{DestinationDraft, bad};
use super::facts::Facts;
use super::field::{Field, HEADERS, Holds};
use super::headers;
use super::kind::{Around, Checked, DestinationKind, Settings};
use super::request::{Mark, Outgoing, json_type};
use super::secrets::Secrets;
use crate::error::{BadField, BadFields, both};
use crate::model::event::EventKind;
use crate::text::{encode, json};

pub static KIND: DestinationKind = DestinationKind {
    word: "webhook",
    name: "Webhook",
    purpose: "Sends signed JSON to your own server.",
    fields: &[
        Field {
            name: "url",
            label: "Address",
            hint: "Your server's https://… address.",
            holds: Holds::Text,
        },
        Field { name: "method", label: "Method", hint: "", holds: Holds::OneOf(&METHODS) },
        Field {
            name: HEADERS,
            label: "Custom headers",
            hint: "One per line, such as Authorization: Bearer 123.",
            holds: Holds::Headers,
        },
        Field {
            name: SIGNING_SECRET,
            label: "Signing secret",
            hint: "whsec_…; generated if there is none.",
            holds: Holds::Secret,
        },
    ],
    prefilled: EventKind::code,
    check,
    read,
};

const METHODS: [&str; 3] = ["POST", "PUT", "PATCH"];

const MOST_HEADERS: usize = 20;

/// The field of the secret that the body is signed with. It never travels.
const SIGNING_SECRET: &str = "signing_secret";

/// What every signing secret begins with; behind it stands the key in base64.
const SECRET_PREFIX: &str = "whsec_";

#[derive(Serialize)]
#[serde(tag = "kind", rename = "webhook")]
struct Webhook {
    url: String,
    method: String,
}

fn check(draft: &DestinationDraft, kept: &Secrets, around: Around) -> Result<Checked, BadFields> {
    let called = both(draft.address("url", around.allow_loopback), method(draft));
    let secret = both(headers(draft, kept), signing_secret(draft));
    let ((url, method), (headers, given)) = both(called, secret)?;
    let known = if given.is_empty() { kept.text(SIGNING_SECRET) } else { given };
    let made_secret = known.is_empty().then(|| mint_secret(around.random));
    let secrets = Secrets { headers, ..Secrets::default() };
    let secrets = secrets.with(SIGNING_SECRET, made_secret.as_deref().unwrap_or(known));
    Ok(Checked { settings: Box::new(Webhook { url, method }), secrets, made_secret })
}

fn method(draft: &DestinationDraft) -> Result<String, BadField> {
    let method = draft.optional("method").unwrap_or("POST").to_ascii_uppercase();
    if METHODS.contains(&method.as_str()) {
        return Ok(method);
    }
    bad("method", "A webhook's method must be POST, PUT or PATCH.")
}

fn headers(draft: &DestinationDraft, kept: &Secrets) -> Result<BTreeMap<String, String>, BadField> {
    match draft.headers() {
        Some(headers) if headers.len() > MOST_HEADERS => {
            bad(HEADERS, "A webhook can have at most 20 custom headers.")
        }
        Some(headers) => headers::check(headers),
        None => Ok(kept.headers.clone()),
    }
}

/// The secret that was given; empty where none was.
fn signing_secret(draft: &DestinationDraft) -> Result<&str, BadField> {
    let given = draft.optional(SIGNING_SECRET).unwrap_or_default();
    if given.is_empty() || key(given).is_some() {
        return Ok(given);
    }
    bad(
        SIGNING_SECRET,
        "A signing secret is whsec_ and then 32 to 88 letters, digits, +, / or =, as your server shows it.",
    )
}

fn read(stored: &Value) -> Option<Box<dyn Settings>> {
    let text = |name| json::text(stored, name);
    Some(Box::new(Webhook { url: text("url"), method: text("method") }))
}

impl Settings for Webhook {
    fn kind(&self) -> &'static DestinationKind {
        &KIND
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn address(&self) -> Option<(&'static str, &str)> {
        Some(("url", &self.url))
    }

    fn test_mark(&self, _canonical: EventKind, _is_sample: bool) -> Mark {
        let says = "Your server can tell it: the body has \"test\": true, and the header x-xtracker-test is 1.";
        Mark { is_told: true, says: says.to_owned() }
    }

    fn request(
        &self,
        secrets: &Secrets,
        facts: &Facts,
        now_ms: i64,
        test: bool,
    ) -> Result<Outgoing, &'static str> {
        let body = body(facts, test);
        let timestamp_s = now_ms.div_euclid(1000);
        let secret = secrets.text(SIGNING_SECRET);
        let signature = signature(secret, &facts.event_id, timestamp_s, &body).ok_or(
            "The stored signing secret is unreadable. Save the destination with a new one.",
        )?;
        let mut headers = vec![
            json_type(),
            ("webhook-id".to_owned(), facts.event_id.clone()),
            ("webhook-timestamp".to_owned(), timestamp_s.to_string()),
            ("webhook-signature".to_owned(), signature),
        ];
        headers.extend(secrets.headers.clone());
        let (method, url) = (self.method.clone(), self.url.clone());
        Ok(Outgoing { method, url, headers, body: Some(body) })
    }
}

#[derive(Serialize)]
struct Body<'a> {
    event: &'a str,
    canonical: &'a str,
    event_id: &'a str,
    occurred_at_ms: i64,
    click: Click,
    data: Data<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

#[derive(Serialize)]
struct Click {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tg_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbclid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adset_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adset_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ad_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ad_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
}

/// A deposit's money; empty for other events, and without `value` where the amount came empty.
#[derive(Serialize)]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
}

/// The JSON that is sent. `test` marks a delivery that no event stands behind.
fn body(facts: &Facts, test: bool) -> String {
    let fields = facts.fields();
    let is_deposit = facts.canonical == EventKind::Deposit;
    let body = Body {
        event: &facts.target,
        canonical: facts.canonical.code(),
        event_id: &facts.event_id,
        occurred_at_ms: facts.occurred_at_ms,
        click: Click {
            uid: facts.uid.clone(),
            tg_id: facts.tg_id,
            fbclid: fields.fbclid,
            campaign_id: fields.campaign_id,
            campaign_name: fields.campaign_name,
            adset_id: fields.adset_id,
            adset_name: fields.adset_name,
            ad_id: fields.ad_id,
            ad_name: fields.ad_name,
            placement: fields.placement,
            country: facts.click.as_ref().and_then(|click| click.country.clone()),
        },
        data: Data { value: facts.value(), currency: is_deposit.then_some(&facts.currency) },
        test,
    };
    serde_json::to_string(&body).unwrap_or_default()
}

/// The key of a signing secret; `None` for any other text.
fn key(secret: &str) -> Option<Vec<u8>> {
    let key = encode::from_base64(secret.strip_prefix(SECRET_PREFIX)?)?;
    // Standard Webhooks: between 24 and 64 bytes.
    (24..=64).contains(&key.len()).then_some(key)
}

/// A signing secret of 24 random bytes.
fn mint_secret(random: [u8; 24]) -> String {
    format!("{SECRET_PREFIX}{}", encode::base64(&random))
}

/// The `webhook-signature` of a body sent under an id at a time in epoch seconds.
fn signature(secret: &str, id: &str, timestamp_s: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key(secret)?).ok()?;
    mac.update(format!("{id}.{timestamp_s}.{body}").as_bytes());
    Some(format!("v1,{}", encode::base64(&mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::{bare_registration, deposit};
    use super::super::request::tests::{NOW_MS, written};
    use super::*;

    fn secrets() -> Secrets {
        let headers = BTreeMap::from([("x-key".to_owned(), "open sesame".to_owned())]);
        Secrets { headers, ..Secrets::default() }.with(SIGNING_SECRET, &mint_secret([7; 24]))
    }

    fn sent(url: &str, method: &str, now_ms: i64) -> Outgoing {
        let settings: &dyn Settings = &Webhook { url: url.to_owned(), method: method.to_owned() };
        settings.outgoing(&secrets(), &deposit(), now_ms, false, false).unwrap()
    }

    #[test]
    fn it_sends_what_its_golden_file_says() {
        let out = sent("https://a.example/hook", "POST", NOW_MS);
        assert_eq!(written(&out), include_str!("../../tests/golden/webhook.txt"));
    }

    #[test]
    fn it_is_signed_over_what_is_sent() {
        let out = sent("https://a.example/hook", "PUT", NOW_MS);
        let body = out.body.clone().unwrap();
        let secret = mint_secret([7; 24]);
        let signed = signature(&secret, &deposit().event_id, NOW_MS / 1000, &body);
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
    fn a_later_try_is_the_same_but_for_its_signature() {
        let sent = |at_ms| sent("https://a.example/hook", "POST", at_ms);
        let (first, later) = (sent(NOW_MS), sent(NOW_MS + 30_000));
        assert_eq!(first.body, later.body);
        let changed: Vec<_> = first.headers.iter().filter(|h| !later.headers.contains(h)).collect();
        let names: Vec<_> = changed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["webhook-timestamp", "webhook-signature"]);
    }

    #[test]
    fn a_private_address_is_not_called_however_it_got_there() {
        let url = "http://127.0.0.1:9/".to_owned();
        let settings: &dyn Settings = &Webhook { url, method: "POST".to_owned() };
        let sent = |local| settings.outgoing(&secrets(), &deposit(), NOW_MS, false, local);
        assert!(sent(false).is_err());
        assert!(sent(true).is_ok());
    }

    #[test]
    fn a_deposits_body_is_the_documented_one() {
        assert_eq!(
            body(&deposit(), false),
            r#"{"event":"Purchase","canonical":"deposit","event_id":"0123456789abcdef0123456789abcdef","occurred_at_ms":1765432100000,"click":{"uid":"abc123","tg_id":555123,"fbclid":"IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk","campaign_id":"42","campaign_name":"Summer & Sun","country":"IN"},"data":{"value":"25.00","currency":"USD"}}"#
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(
            body(&bare_registration(), false),
            r#"{"event":"registration","canonical":"registration","event_id":"0123456789abcdef0123456789abcdef","occurred_at_ms":1765432100000,"click":{},"data":{}}"#
        );
        let empty = Facts { micros: None, click: None, ..deposit() };
        assert!(body(&empty, false).ends_with(r#""data":{"currency":"USD"}}"#));
        assert!(body(&empty, true).ends_with(r#","test":true}"#));
    }

    /// The example that the Standard Webhooks libraries test themselves with.
    #[test]
    fn the_signature_is_that_of_the_published_example() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = signature(secret, id, 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn a_secret_is_minted_and_known_again() {
        assert_eq!(key(&mint_secret([7; 24])).map(|key| key.len()), Some(24));
        for text in ["", "whsec_", "whsec_short", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*"] {
            assert_eq!(key(text), None, "{text}");
        }
    }
}

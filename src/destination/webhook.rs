//! The webhook's body and signature (docs/destinations.md; Standard Webhooks, standardwebhooks.com).

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use super::facts::Facts;
use crate::text::encode;

/// What every signing secret begins with; behind it stands the key in base64.
pub const SECRET_PREFIX: &str = "whsec_";

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
pub fn body(facts: &Facts, test: bool) -> String {
    let fields = facts.fields();
    let is_deposit = facts.canonical == crate::model::event::Canonical::Deposit;
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

/// The key of a signing secret; `None` for what is none.
pub fn key(secret: &str) -> Option<Vec<u8>> {
    let key = encode::from_base64(secret.strip_prefix(SECRET_PREFIX)?)?;
    // Standard Webhooks: between 24 and 64 bytes.
    (24..=64).contains(&key.len()).then_some(key)
}

/// A signing secret of 24 random bytes.
pub fn mint_secret(random: [u8; 24]) -> String {
    format!("{SECRET_PREFIX}{}", encode::base64(&random))
}

/// The `webhook-signature` of a body sent under an id at a time in epoch seconds.
pub fn signature(secret: &str, id: &str, timestamp_s: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key(secret)?).ok()?;
    mac.update(format!("{id}.{timestamp_s}.{body}").as_bytes());
    Some(format!("v1,{}", encode::base64(&mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::{bare_registration, deposit};
    use super::*;

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

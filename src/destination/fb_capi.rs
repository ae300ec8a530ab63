//! Facebook's Conversions API (docs/destinations.md; developers.facebook.com, "Using the API", "fbp and fbc",
//! "Customer information parameters").

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::facts::Facts;
use crate::text::encode;

/// The Graph API's version of August 2026, served until 2028 at least.
const VERSION: &str = "v26.0";

/// Meta refuses what is older, for good.
const OLDEST_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Why nothing was sent, as it stands in the record of attempts.
pub const TOO_OLD: &str = "Meta takes no events older than 7 days.";

/// What the user set for one pixel.
#[derive(Clone, Copy, Debug)]
pub struct Pixel<'a> {
    pub id: &'a str,
    pub access_token: &'a str,
    pub test_event_code: Option<&'a str>,
    pub action_source: &'a str,
    pub event_source_url: Option<&'a str>,
}

#[derive(Serialize)]
struct Body<'a> {
    data: [Event<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    test_event_code: Option<&'a str>,
    access_token: &'a str,
}

#[derive(Serialize)]
struct Event<'a> {
    event_name: &'a str,
    event_time: i64,
    event_id: &'a str,
    action_source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source_url: Option<&'a str>,
    user_data: UserData,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_data: Option<CustomData<'a>>,
}

#[derive(Serialize)]
struct UserData {
    #[serde(skip_serializing_if = "Option::is_none")]
    fbc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
}

#[derive(Serialize)]
struct CustomData<'a> {
    /// A number with all its digits: a float would round the twelfth.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    currency: &'a str,
}

/// Where the events of a pixel go. The access token travels in the body, where no log of addresses
/// shows it.
pub fn url(pixel: &Pixel<'_>) -> String {
    format!("https://graph.facebook.com/{VERSION}/{}/events", pixel.id)
}

/// Whether Meta would refuse the event for its age.
pub fn is_too_old(facts: &Facts, now_ms: i64) -> bool {
    now_ms - facts.occurred_at_ms > OLDEST_MS
}

/// The JSON that is sent: one event, `event_time` in seconds.
pub fn body(pixel: &Pixel<'_>, facts: &Facts) -> String {
    let custom_data = CustomData {
        value: facts.value().and_then(|value| RawValue::from_string(value).ok()),
        currency: &facts.currency,
    };
    let event = Event {
        event_name: &facts.target,
        event_time: facts.occurred_at_ms.div_euclid(1000),
        event_id: &facts.event_id,
        action_source: pixel.action_source,
        event_source_url: pixel.event_source_url,
        user_data: user_data(facts),
        custom_data: (facts.canonical == crate::model::event::Canonical::Deposit)
            .then_some(custom_data),
    };
    let body = Body {
        data: [event],
        test_event_code: pixel.test_event_code,
        access_token: pixel.access_token,
    };
    serde_json::to_string(&body).unwrap_or_default()
}

/// Who it was. `fbc` is the click's own or made from its `fbclid`, letter case kept; only the uid is
/// hashed, as Meta recommends for an external id.
fn user_data(facts: &Facts) -> UserData {
    let fields = facts.fields();
    let click = facts.click.clone().unwrap_or_default();
    let made = fields.fbclid.map(|fbclid| format!("fb.1.{}.{fbclid}", click.clicked_at_ms));
    UserData {
        fbc: fields.fbc.or(made),
        fbp: fields.fbp,
        client_ip_address: click.ip,
        client_user_agent: click.user_agent,
        external_id: facts.uid.as_ref().map(|uid| encode::hex(&Sha256::digest(uid.as_bytes()))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::{bare_registration, deposit};
    use super::*;

    const PIXEL: Pixel<'_> = Pixel {
        id: "1234567890",
        access_token: "EAAB",
        test_event_code: None,
        action_source: "website",
        event_source_url: Some("https://example.com/"),
    };

    #[test]
    fn a_purchase_is_the_documented_one() {
        assert_eq!(url(&PIXEL), "https://graph.facebook.com/v26.0/1234567890/events");
        assert_eq!(
            body(&PIXEL, &deposit()),
            r#"{"data":[{"event_name":"Purchase","event_time":1765432100,"event_id":"0123456789abcdef0123456789abcdef","action_source":"website","event_source_url":"https://example.com/","user_data":{"fbc":"fb.1.1765430000123.IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk","fbp":"fb.1.1558571054389.1098115397","client_ip_address":"203.0.113.7","client_user_agent":"Mozilla/5.0 (iPhone)","external_id":"6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090"},"custom_data":{"value":25.00,"currency":"USD"}}],"access_token":"EAAB"}"#
        );
    }

    #[test]
    fn other_events_carry_no_money_and_a_test_code_marks_a_test() {
        let pixel = Pixel { test_event_code: Some("TEST1"), event_source_url: None, ..PIXEL };
        assert_eq!(
            body(&pixel, &bare_registration()),
            r#"{"data":[{"event_name":"registration","event_time":1765432100,"event_id":"0123456789abcdef0123456789abcdef","action_source":"website","user_data":{}}],"test_event_code":"TEST1","access_token":"EAAB"}"#
        );
    }

    #[test]
    fn the_clicks_own_fbc_goes_before_one_made_of_its_fbclid() {
        let mut facts = deposit();
        if let Some(click) = &mut facts.click {
            click.fields.fbc =
                Some("fb.1.1554763741205.AbCdEfGhIjKlMnOpQrStUvWxYz1234567890".to_owned());
        }
        assert!(
            body(&PIXEL, &facts)
                .contains(r#""fbc":"fb.1.1554763741205.AbCdEfGhIjKlMnOpQrStUvWxYz1234567890""#)
        );
    }

    /// The example of Meta's "fbp and fbc": the click's time, then its fbclid as it came.
    #[test]
    fn an_fbc_is_made_as_in_metas_example() {
        let mut facts = deposit();
        if let Some(click) = &mut facts.click {
            click.clicked_at_ms = 1_554_763_741_205;
        }
        assert_eq!(
            user_data(&facts).fbc.as_deref(),
            Some(
                "fb.1.1554763741205.IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk"
            )
        );
    }

    /// Examples of Meta's "Customer information parameters". Of an external id it asks for no
    /// normal form, so that the uid is hashed in its own letter case.
    #[test]
    fn an_external_id_is_hashed_as_in_metas_examples() {
        let hashed = |uid: &str| {
            let facts = Facts { uid: Some(uid.to_owned()), ..deposit() };
            user_data(&facts).external_id.unwrap()
        };
        for (text, hash) in [
            ("mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
            ("정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
            ("valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
            ("16505551212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
            (
                "john_smith@gmail.com",
                "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
            ),
        ] {
            assert_eq!(hashed(text), hash, "{text}");
        }
        assert_ne!(hashed("Mary"), hashed("mary"));
    }

    #[test]
    fn seven_days_are_the_limit() {
        let facts = deposit();
        assert!(!is_too_old(&facts, facts.occurred_at_ms + OLDEST_MS));
        assert!(is_too_old(&facts, facts.occurred_at_ms + OLDEST_MS + 1));
    }
}

//! Facebook's Conversions API (docs/destinations.md; developers.facebook.com, "Using the API", "fbp and fbc",
//! "Customer information parameters").

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::draft::{DestinationDraft, bad};
use super::facts::Facts;
use super::field::{Field, Holds};
use super::kind::{Around, Checked, DestinationKind, Settings};
use super::request::{Mark, Outgoing, json_type};
use super::secrets::Secrets;
use crate::error::{BadField, BadFields, both};
use crate::model::event::EventKind;
use crate::text::{encode, json};

/// The Graph API's version of August 2026, served until 2028 at least.
const VERSION: &str = "v26.0";

/// Meta refuses what is older, for good.
const OLDEST_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Why nothing was sent, as it stands in the record of attempts.
const TOO_OLD: &str = "Meta does not accept events older than 7 days.";

/// Facebook's own names for the four events.
const NAMES: [(EventKind, &str); 4] = [
    (EventKind::Contact, "Contact"),
    (EventKind::Subscribed, "Lead"),
    (EventKind::Registration, "CompleteRegistration"),
    (EventKind::Deposit, "Purchase"),
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

const ACCESS_TOKEN: &str = "access_token";
const TOKEN_BYTES: usize = 2048;
const TEST_CODE_BYTES: usize = 100;

pub static KIND: DestinationKind = DestinationKind {
    word: "fb_capi",
    name: "Facebook CAPI",
    purpose: "Tells Facebook which click converted, so your ads learn from it.",
    fields: &[
        Field { name: "pixel_id", label: "Pixel id", hint: "", holds: Holds::Text },
        Field {
            name: ACCESS_TOKEN,
            label: "Access token",
            hint: "Events Manager, Settings, Conversions API.",
            holds: Holds::Secret,
        },
        Field {
            name: "test_event_code",
            label: "Test event code",
            hint: "From Test events. While it is set, Facebook shows your events there and does not use them.",
            holds: Holds::Optional,
        },
        Field {
            name: "action_source",
            label: "Where it happens",
            hint: "website, chat, app, …; website if empty.",
            holds: Holds::Optional,
        },
        Field {
            name: "event_source_url",
            label: "Page of the event",
            hint: "",
            holds: Holds::Optional,
        },
    ],
    prefilled,
    check,
    read,
};

/// What the user set for one pixel.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "fb_capi")]
struct Pixel {
    pixel_id: String,
    test_event_code: Option<String>,
    action_source: String,
    event_source_url: Option<String>,
}

fn prefilled(canonical: EventKind) -> &'static str {
    NAMES.iter().find(|(event, _)| *event == canonical).map_or("", |(_, name)| name)
}

fn check(draft: &DestinationDraft, kept: &Secrets, _around: Around) -> Result<Checked, BadFields> {
    let pixel = both(pixel_id(draft), access_token(draft, kept));
    let place = both(action_source(draft), event_source_url(draft));
    let checked = both(pixel, both(place, test_event_code(draft)))?;
    let ((pixel_id, token), ((action_source, event_source_url), test_event_code)) = checked;
    let secrets = Secrets::default().with(ACCESS_TOKEN, token);
    let pixel = Pixel { pixel_id, test_event_code, action_source, event_source_url };
    Ok(Checked { settings: Box::new(pixel), secrets, made_secret: None })
}

fn pixel_id(draft: &DestinationDraft) -> Result<String, BadField> {
    let pixel_id = draft.text("pixel_id");
    let is_number = pixel_id.bytes().all(|byte| byte.is_ascii_digit());
    if (5..=30).contains(&pixel_id.len()) && is_number {
        return Ok(pixel_id.to_owned());
    }
    bad("pixel_id", "Enter the pixel's number from Events Manager.")
}

fn is_token(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The token that was given, or the one that is kept.
fn access_token<'a>(draft: &'a DestinationDraft, kept: &'a Secrets) -> Result<&'a str, BadField> {
    let given = draft.text(ACCESS_TOKEN);
    let token = if given.is_empty() { kept.text(ACCESS_TOKEN) } else { given };
    if (1..=TOKEN_BYTES).contains(&token.len()) && is_token(token) {
        return Ok(token);
    }
    bad(ACCESS_TOKEN, "Paste the access token that Events Manager generated for the pixel.")
}

fn action_source(draft: &DestinationDraft) -> Result<String, BadField> {
    let action_source = draft.optional("action_source").unwrap_or("website");
    if ACTION_SOURCES.contains(&action_source) {
        return Ok(action_source.to_owned());
    }
    bad("action_source", "Use one of Meta's action sources, such as website or chat.")
}

fn event_source_url(draft: &DestinationDraft) -> Result<Option<String>, BadField> {
    let is_given = !draft.text("event_source_url").is_empty();
    is_given.then(|| draft.address("event_source_url", false)).transpose()
}

fn test_event_code(draft: &DestinationDraft) -> Result<Option<String>, BadField> {
    let code = draft.text("test_event_code");
    if code.len() > TEST_CODE_BYTES || !is_token(code) {
        return bad("test_event_code", "Paste the code from Test events in Events Manager.");
    }
    Ok(Some(code.to_owned()).filter(|code| !code.is_empty()))
}

fn read(stored: &Value) -> Option<Box<dyn Settings>> {
    Some(Box::new(Pixel {
        pixel_id: json::text(stored, "pixel_id"),
        test_event_code: json::optional_text(stored, "test_event_code"),
        action_source: json::text(stored, "action_source"),
        event_source_url: json::optional_text(stored, "event_source_url"),
    }))
}

impl Settings for Pixel {
    fn kind(&self) -> &'static DestinationKind {
        &KIND
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn may_be_tested(&self) -> Result<(), BadField> {
        if self.test_event_code.is_some() {
            return Ok(());
        }
        bad(
            "test_event_code",
            "Set a test event code first: without one, Meta would count the test.",
        )
    }

    fn test_mark(&self, _canonical: EventKind, _is_sample: bool) -> Mark {
        let code = self.test_event_code.as_deref().unwrap_or_default();
        let says = format!(
            "Facebook can tell it by the test event code {code}: it shows the event under Test events and does not use it."
        );
        Mark { is_told: true, says }
    }

    /// The access token travels in the body, where no log of addresses shows it.
    fn request(
        &self,
        secrets: &Secrets,
        facts: &Facts,
        now_ms: i64,
        _test: bool,
    ) -> Result<Outgoing, &'static str> {
        if is_too_old(facts, now_ms) {
            return Err(TOO_OLD);
        }
        Ok(Outgoing {
            method: "POST".to_owned(),
            url: format!("https://graph.facebook.com/{VERSION}/{}/events", self.pixel_id),
            headers: vec![json_type()],
            body: Some(body(self, secrets.text(ACCESS_TOKEN), facts)),
        })
    }
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

/// Whether Meta would refuse the event for its age.
fn is_too_old(facts: &Facts, now_ms: i64) -> bool {
    now_ms - facts.occurred_at_ms > OLDEST_MS
}

/// The JSON that is sent: one event, `event_time` in seconds.
fn body(pixel: &Pixel, access_token: &str, facts: &Facts) -> String {
    let custom_data = CustomData {
        value: facts.value().and_then(|value| RawValue::from_string(value).ok()),
        currency: &facts.currency,
    };
    let event = Event {
        event_name: &facts.target,
        event_time: facts.occurred_at_ms.div_euclid(1000),
        event_id: &facts.event_id,
        action_source: &pixel.action_source,
        event_source_url: pixel.event_source_url.as_deref(),
        user_data: user_data(facts),
        custom_data: (facts.canonical == EventKind::Deposit).then_some(custom_data),
    };
    let test_event_code = pixel.test_event_code.as_deref();
    let body = Body { data: [event], test_event_code, access_token };
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
    use super::super::request::tests::{NOW_MS, written};
    use super::*;

    fn pixel(test_event_code: Option<&str>, event_source_url: Option<&str>) -> Pixel {
        Pixel {
            pixel_id: "1234567890".to_owned(),
            test_event_code: test_event_code.map(str::to_owned),
            action_source: "website".to_owned(),
            event_source_url: event_source_url.map(str::to_owned),
        }
    }

    fn sent(pixel: Pixel, token: &str, now_ms: i64) -> Result<Outgoing, &'static str> {
        let settings: &dyn Settings = &pixel;
        let secrets = Secrets::default().with(ACCESS_TOKEN, token);
        settings.outgoing(&secrets, &deposit(), now_ms, false, false)
    }

    #[test]
    fn it_sends_what_its_golden_file_says() {
        let pixel = pixel(Some("TEST12345"), Some("https://example.com/"));
        let out = sent(pixel, "EAABsecret", NOW_MS).unwrap();
        assert_eq!(written(&out), include_str!("../../tests/golden/fb_capi.txt"));
    }

    #[test]
    fn an_event_too_old_for_meta_is_not_sent() {
        let late_ms = deposit().occurred_at_ms + 8 * 24 * 60 * 60 * 1000;
        assert_eq!(sent(pixel(None, None), "EAABsecret", late_ms), Err(TOO_OLD));
        let out = sent(pixel(None, None), "EAABsecret", NOW_MS).unwrap();
        assert!(!out.url.contains("EAAB"));
        let secrets = Secrets::default().with(ACCESS_TOKEN, "EAABsecret");
        assert!(!out.shown(&secrets).body.unwrap().contains("EAABsecret"));
    }

    #[test]
    fn a_purchase_is_the_documented_one() {
        let out = sent(pixel(None, Some("https://example.com/")), "EAAB", NOW_MS).unwrap();
        assert_eq!(out.url, "https://graph.facebook.com/v26.0/1234567890/events");
        assert_eq!(
            out.body.unwrap(),
            r#"{"data":[{"event_name":"Purchase","event_time":1765432100,"event_id":"0123456789abcdef0123456789abcdef","action_source":"website","event_source_url":"https://example.com/","user_data":{"fbc":"fb.1.1765430000123.IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk","fbp":"fb.1.1558571054389.1098115397","client_ip_address":"203.0.113.7","client_user_agent":"Mozilla/5.0 (iPhone)","external_id":"6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090"},"custom_data":{"value":25.00,"currency":"USD"}}],"access_token":"EAAB"}"#
        );
    }

    #[test]
    fn other_events_carry_no_money_and_a_test_code_marks_a_test() {
        assert_eq!(
            body(&pixel(Some("TEST1"), None), "EAAB", &bare_registration()),
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
            body(&pixel(None, None), "EAAB", &facts)
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

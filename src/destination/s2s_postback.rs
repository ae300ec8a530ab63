//! Another tracker's or network's postback address, with its macros filled in (docs/destinations.md).

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::draft::{DestinationDraft, bad};
use super::facts::{Facts, SAMPLE};
use super::field::{Field, Holds};
use super::kind::{Around, Checked, DestinationKind, Settings};
use super::outcome::Success;
use super::request::{Mark, Outgoing};
use super::secrets::Secrets;
use super::template;
use crate::error::{BadField, BadFields, both};
use crate::model::event::EventKind;
use crate::text::json;

pub static KIND: DestinationKind = DestinationKind {
    word: "s2s_postback",
    name: "S2S postback",
    purpose: "Calls another tracker or network.",
    fields: &[
        Field {
            name: "url_template",
            label: "Address with macros",
            hint: "For example https://example.com/postback?clickid={uid}&goal={canonical}&sum={value}&cur={currency}",
            holds: Holds::Template,
        },
        Field { name: "method", label: "Method", hint: "", holds: Holds::OneOf(&METHODS) },
        Field {
            name: "expected_status",
            label: "Success status",
            hint: "",
            holds: Holds::Number { unset: STATUS },
        },
    ],
    prefilled: EventKind::code,
    check,
    read,
};

const METHODS: [&str; 2] = ["GET", "POST"];

/// What counts as success unless the user says otherwise.
const STATUS: u16 = 200;

#[derive(Serialize)]
#[serde(tag = "kind", rename = "s2s_postback")]
struct S2sPostback {
    url_template: String,
    method: String,
    expected_status: u16,
}

fn check(draft: &DestinationDraft, _kept: &Secrets, around: Around) -> Result<Checked, BadFields> {
    let address = template::check(draft.text("url_template"))
        .map_err(|reason| BadField { field: "url_template", reason: Cow::Owned(reason) })
        // Filled macros are percent-encoded and stand behind the host, so that the host is judged here.
        .and_then(|()| draft.address("url_template", around.allow_loopback));
    let called = both(method(draft), expected_status(draft));
    let (url_template, (method, expected_status)) = both(address, called)?;
    let settings = Box::new(S2sPostback { url_template, method, expected_status });
    Ok(Checked { settings, secrets: Secrets::default(), made_secret: None })
}

fn method(draft: &DestinationDraft) -> Result<String, BadField> {
    let method = draft.optional("method").unwrap_or("GET").to_ascii_uppercase();
    if METHODS.contains(&method.as_str()) {
        return Ok(method);
    }
    bad("method", "An S2S postback's method must be GET or POST.")
}

fn expected_status(draft: &DestinationDraft) -> Result<u16, BadField> {
    let status = draft.number("expected_status").unwrap_or(STATUS);
    if (200..=599).contains(&status) {
        return Ok(status);
    }
    bad("expected_status", "The expected status must be from 200 to 599.")
}

fn read(stored: &Value) -> Option<Box<dyn Settings>> {
    Some(Box::new(S2sPostback {
        url_template: json::text(stored, "url_template"),
        method: json::text(stored, "method"),
        expected_status: u16::try_from(json::number(stored, "expected_status")?).ok()?,
    }))
}

impl Settings for S2sPostback {
    fn kind(&self) -> &'static DestinationKind {
        &KIND
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn address(&self) -> Option<(&'static str, &str)> {
        Some(("url_template", &self.url_template))
    }

    fn success(&self) -> Success {
        Success::Exactly(self.expected_status)
    }

    /// No parameter of a postback says "test" to whoever it calls.
    fn test_mark(&self, canonical: EventKind, is_sample: bool) -> Mark {
        let real = match canonical {
            EventKind::Contact => "contact",
            EventKind::Subscribed => "subscription",
            EventKind::Registration => "registration",
            EventKind::Deposit => "sale",
        };
        let ids: Vec<String> = ["uid", "eid"]
            .into_iter()
            .filter(|name| template::has(&self.url_template, name))
            .map(|name| format!("{{{name}}}"))
            .collect();
        let by = match ids.join(" and ") {
            _ if !is_sample => "It is sent with the ids of the event itself.".to_owned(),
            none if none.is_empty() => "Nothing in the address says that it is a test.".to_owned(),
            ids => format!("Only what stands for {ids} says what it is: it begins with {SAMPLE}"),
        };
        Mark {
            is_told: false,
            says: format!("This network or tracker will take it for a real {real}. {by}"),
        }
    }

    fn request(
        &self,
        _secrets: &Secrets,
        facts: &Facts,
        _now_ms: i64,
        _test: bool,
    ) -> Result<Outgoing, &'static str> {
        Ok(Outgoing {
            method: self.method.clone(),
            url: template::expand(&self.url_template, facts),
            headers: Vec::new(),
            body: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::deposit;
    use super::super::request::tests::{NOW_MS, written};
    use super::*;

    #[test]
    fn it_sends_what_its_golden_file_says() {
        let settings: &dyn Settings = &S2sPostback {
            url_template: "https://aff.example.com/postback?clickid={uid}&goal={canonical}&sum={value}&cur={currency}&adset={adset_name}&name={campaign_name}".into(),
            method: "GET".into(),
            expected_status: 200,
        };
        let out = settings.outgoing(&Secrets::default(), &deposit(), NOW_MS, false, false).unwrap();
        assert_eq!(written(&out), include_str!("../../tests/golden/s2s_postback.txt"));
    }

    #[test]
    fn a_test_says_plainly_that_the_network_cannot_tell_it() {
        let mark = |url_template: &str, is_sample| {
            let url_template = url_template.to_owned();
            let postback = S2sPostback { url_template, method: "GET".into(), expected_status: 200 };
            let Mark { is_told, says } = postback.test_mark(EventKind::Deposit, is_sample);
            assert!(
                !is_told
                    && says.starts_with("This network or tracker will take it for a real sale.")
            );
            says
        };
        let with_both = mark("https://a.example/?c={uid}&t={eid}", true);
        assert!(with_both.contains("{uid} and {eid}") && with_both.ends_with("xtracker-test-"));
        assert!(mark("https://a.example/?c={uid}", true).contains("stands for {uid} says"));
        assert!(mark("https://a.example/?v={value}", true).contains("Nothing in the address"));
        assert!(mark("https://a.example/?c={uid}", false).contains("ids of the event itself"));
    }
}

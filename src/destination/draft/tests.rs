use super::*;
use crate::destination::outcome::Success;

fn check(json: &str) -> Result<Destination, BadField> {
    let draft: Draft = serde_json::from_str(json).unwrap();
    draft.check(Secrets::default(), [7; 24], false)
}

fn events(destination: &Destination) -> Vec<&str> {
    Canonical::ALL
        .iter()
        .map(|event| destination.events.get(event.code()).map_or("-", String::as_str))
        .collect()
}

#[test]
fn each_kind_needs_little_and_is_prefilled() {
    let webhook =
        check(r#"{"kind":"webhook","name":"Mine","url":"https://a.example/hook"}"#).unwrap();
    assert_eq!(events(&webhook), ["contact", "subscribed", "registration", "deposit"]);
    assert!(webhook::key(&webhook.secrets.signing_secret).is_some());
    let s2s = check(
        r#"{"kind":"s2s_postback","name":"Aff","url_template":"https://a.example/?c={uid}"}"#,
    )
    .unwrap();
    assert_eq!(s2s.config.success(), Success::Exactly(200));
    let capi = check(r#"{"kind":"fb_capi","name":"FB","pixel_id":"123456","access_token":"EAAB"}"#)
        .unwrap();
    assert_eq!(events(&capi), ["Contact", "Lead", "CompleteRegistration", "Purchase"]);
}

#[test]
fn an_event_map_may_share_targets_and_leave_events_out() {
    let destination = check(
        r#"{"kind":"webhook","name":"x","url":"https://a.example","events":{"contact":null,"subscribed":"","registration":"Lead","deposit":"Lead"}}"#,
    )
    .unwrap();
    assert_eq!(events(&destination), ["-", "-", "Lead", "Lead"]);
}

#[test]
fn an_event_left_out_in_capitals_is_left_out() {
    let destination = check(
        r#"{"kind":"webhook","name":"x","url":"https://a.example","events":{"Deposit":null,"CONTACT":"Hi"}}"#,
    )
    .unwrap();
    assert_eq!(events(&destination), ["Hi", "subscribed", "registration", "-"]);
}

#[test]
fn a_pasted_test_event_code_is_trimmed() {
    let destination = check(
        r#"{"kind":"fb_capi","name":"x","pixel_id":"123456","access_token":"t","test_event_code":" TEST1\n"}"#,
    )
    .unwrap();
    let Config::FbCapi { test_event_code, .. } = destination.config else { panic!() };
    assert_eq!(test_event_code.as_deref(), Some("TEST1"));
}

#[test]
fn a_destination_of_another_kind_keeps_no_secrets_of_the_old_one() {
    let kept = Secrets {
        signing_secret: webhook::mint_secret([1; 24]),
        headers: BTreeMap::from([("x-key".to_owned(), "v".to_owned())]),
        access_token: "EAAB".to_owned(),
    };
    for (json, left) in [
        (r#"{"kind":"webhook","name":"x","url":"https://a.example"}"#, 2),
        (r#"{"kind":"fb_capi","name":"x","pixel_id":"123456"}"#, 1),
        (r#"{"kind":"s2s_postback","name":"x","url_template":"https://a.example"}"#, 0),
    ] {
        let draft: Draft = serde_json::from_str(json).unwrap();
        let changed = draft.check(kept.clone(), [2; 24], false).unwrap();
        assert_eq!(changed.secrets.texts().len(), left, "{json}");
    }
}

#[test]
fn wrong_fields_are_named() {
    for (json, field) in [
        (r#"{"kind":"pigeon","name":"x"}"#, "kind"),
        (r#"{"kind":"webhook","name":"","url":"https://a.example"}"#, "name"),
        (r#"{"kind":"webhook","name":"x","url":"http://127.0.0.1/"}"#, "url"),
        (r#"{"kind":"webhook","name":"x"}"#, "url"),
        (r#"{"kind":"webhook","name":"x","url":"https://a.example","method":"DELETE"}"#, "method"),
        (
            r#"{"kind":"webhook","name":"x","url":"https://a.example","headers":{"Host":"b"}}"#,
            "headers",
        ),
        (
            r#"{"kind":"webhook","name":"x","url":"https://a.example","headers":{"webhook-id":"b"}}"#,
            "headers",
        ),
        (
            r#"{"kind":"webhook","name":"x","url":"https://a.example","headers":{"a b":"c"}}"#,
            "headers",
        ),
        (
            r#"{"kind":"webhook","name":"x","url":"https://a.example","headers":{"a":"b\r\nc"}}"#,
            "headers",
        ),
        (
            r#"{"kind":"webhook","name":"x","url":"https://a.example","signing_secret":"abc"}"#,
            "signing_secret",
        ),
        (
            r#"{"kind":"webhook","name":"x","url":"https://a.example","events":{"sale":"x"}}"#,
            "events",
        ),
        (
            r#"{"kind":"webhook","name":"x","url":"https://a.example","events":{"Deposit":"x","deposit":"y"}}"#,
            "events",
        ),
        (
            r#"{"kind":"fb_capi","name":"x","pixel_id":"123456","access_token":"t","test_event_code":"a b"}"#,
            "test_event_code",
        ),
        (
            r#"{"kind":"s2s_postback","name":"x","url_template":"https://a.example/?c={clickid}"}"#,
            "url_template",
        ),
        (
            r#"{"kind":"s2s_postback","name":"x","url_template":"https://10.0.0.1/?c={uid}"}"#,
            "url_template",
        ),
        (
            r#"{"kind":"s2s_postback","name":"x","url_template":"https://{uid}.example/"}"#,
            "url_template",
        ),
        (
            r#"{"kind":"s2s_postback","name":"x","url_template":"https://a.example","expected_status":99}"#,
            "expected_status",
        ),
        (r#"{"kind":"fb_capi","name":"x","pixel_id":"abc","access_token":"t"}"#, "pixel_id"),
        (r#"{"kind":"fb_capi","name":"x","pixel_id":"123456"}"#, "access_token"),
        (
            r#"{"kind":"fb_capi","name":"x","pixel_id":"123456","access_token":"t","action_source":"moon"}"#,
            "action_source",
        ),
    ] {
        let wrong = check(json).unwrap_err();
        assert_eq!(wrong.field, field, "{json}");
        assert!(wrong.reason.len() > 20, "{json}");
    }
}

#[test]
fn secrets_that_are_left_out_stay() {
    let kept = Secrets {
        signing_secret: webhook::mint_secret([1; 24]),
        headers: BTreeMap::from([("x-key".to_owned(), "v".to_owned())]),
        access_token: String::new(),
    };
    let draft: Draft =
        serde_json::from_str(r#"{"kind":"webhook","name":"x","url":"https://a.example"}"#).unwrap();
    let again = draft.check(kept.clone(), [2; 24], false).unwrap();
    assert_eq!(again.secrets, kept);
    assert_eq!(kept.texts().len(), 2);
}

#[test]
fn a_webhook_that_moves_keeps_its_signing_secret_and_no_headers() {
    let secrets = Secrets {
        signing_secret: webhook::mint_secret([1; 24]),
        headers: BTreeMap::from([("x-key".to_owned(), "v".to_owned())]),
        ..Secrets::default()
    };
    let before =
        Config::Webhook { url: "https://a.example/in".to_owned(), method: "POST".to_owned() };
    for (json, left, names) in [
        (r#"{"url":" https://a.example/in "}"#, 1, 0),
        (r#"{"url":"https://a.example/out"}"#, 0, 1),
        (r#"{"url":"http://a.example/in"}"#, 0, 1),
        (r#"{"url":"https://b.example/in"}"#, 0, 1),
        (r#"{"url":"https://b.example/in","headers":{"x":"y"}}"#, 1, 0),
    ] {
        let draft: Draft = serde_json::from_str(json).unwrap();
        let (kept, dropped) = secrets.clone().kept(&before, &draft);
        assert_eq!((kept.headers.len(), dropped.len()), (left, names), "{json}");
        assert_eq!(kept.signing_secret, secrets.signing_secret);
    }
}

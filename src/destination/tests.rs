use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::outcome::Success;
use super::*;

fn check(json: &str) -> Result<Destination, BadFields> {
    let draft: DestinationDraft = serde_json::from_str(json).unwrap();
    draft.check(Secrets::default(), [7; 24], false)
}

/// A signing secret and a header.
fn secrets() -> Secrets {
    let headers = BTreeMap::from([("x-key".to_owned(), "v".to_owned())]);
    let secret = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
    Secrets { headers, ..Secrets::default() }.with("signing_secret", secret)
}

fn events(destination: &Destination) -> Vec<&str> {
    EventKind::ALL
        .iter()
        .map(|event| destination.events.get(event.code()).map_or("-", String::as_str))
        .collect()
}

#[test]
fn each_kind_needs_little_and_is_prefilled() {
    let webhook =
        check(r#"{"kind":"webhook","name":"Mine","url":"https://a.example/hook"}"#).unwrap();
    assert_eq!(events(&webhook), ["contact", "subscribed", "registration", "deposit"]);
    let made = webhook.made_secret.unwrap();
    assert_eq!(webhook.secrets.text("signing_secret"), made);
    assert!(made.starts_with("whsec_"));
    let s2s = check(
        r#"{"kind":"s2s_postback","name":"Aff","url_template":"https://a.example/?c={uid}"}"#,
    )
    .unwrap();
    assert_eq!(s2s.settings.success(), Success::Exactly(200));
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
    let stored = json::read(&destination.settings.to_json());
    assert_eq!(json::text(&stored, "test_event_code"), "TEST1");
}

#[test]
fn a_destination_of_another_kind_keeps_no_secrets_of_the_old_one() {
    let kept = secrets().with("access_token", "EAAB");
    for (json, left) in [
        (r#"{"kind":"webhook","name":"x","url":"https://a.example"}"#, 2),
        (r#"{"kind":"fb_capi","name":"x","pixel_id":"123456"}"#, 1),
        (r#"{"kind":"s2s_postback","name":"x","url_template":"https://a.example"}"#, 0),
    ] {
        let draft: DestinationDraft = serde_json::from_str(json).unwrap();
        let changed = draft.check(kept.clone(), [2; 24], false).unwrap();
        assert_eq!(changed.secrets.every_text().len(), left, "{json}");
    }
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let long = "x".repeat(101);
    for (json, fields) in [
        (
            r#"{"kind":"webhook","name":"","url":"x","method":"GET","headers":{"Host":"b"},"signing_secret":"a","events":{"deposit":"LONG","contact":"LONG"}}"#,
            &[
                "name",
                "url",
                "method",
                "headers",
                "signing_secret",
                "events.contact",
                "events.deposit",
            ][..],
        ),
        (
            r#"{"kind":"fb_capi","name":"x","pixel_id":"a","access_token":"","action_source":"b","event_source_url":"c","test_event_code":"d e"}"#,
            &["pixel_id", "access_token", "action_source", "event_source_url", "test_event_code"],
        ),
        (
            r#"{"kind":"s2s_postback","name":"x","url_template":"{no}","method":"PUT","expected_status":99}"#,
            &["url_template", "method", "expected_status"],
        ),
    ] {
        let wrong = check(&json.replace("LONG", &long)).unwrap_err();
        assert_eq!(wrong.iter().map(|bad| bad.field).collect::<Vec<_>>(), fields, "{json}");
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
        assert_eq!(wrong.first.member(), field, "{json}");
        assert!(wrong.first.reason.len() > 20, "{json}");
    }
}

#[test]
fn secrets_that_are_left_out_stay() {
    let kept = secrets();
    let draft: DestinationDraft =
        serde_json::from_str(r#"{"kind":"webhook","name":"x","url":"https://a.example"}"#).unwrap();
    let again = draft.check(kept.clone(), [2; 24], false).unwrap();
    assert_eq!((&again.secrets, again.made_secret), (&kept, None));
    assert_eq!(kept.every_text().len(), 2);
}

#[test]
fn a_webhook_that_moves_keeps_its_signing_secret_and_no_headers() {
    let secrets = secrets();
    let before =
        read(&json::read(r#"{"kind":"webhook","url":"https://a.example/in","method":"POST"}"#));
    let before = before.unwrap();
    for (json, left, names) in [
        (r#"{"url":" https://a.example/in "}"#, 1, 0),
        (r#"{"url":"https://a.example/out"}"#, 0, 1),
        (r#"{"url":"http://a.example/in"}"#, 0, 1),
        (r#"{"url":"https://b.example/in"}"#, 0, 1),
        (r#"{"url":"https://b.example/in","headers":{"x":"y"}}"#, 1, 0),
    ] {
        let draft: DestinationDraft = serde_json::from_str(json).unwrap();
        let (kept, dropped) = before.kept(secrets.clone(), &draft);
        assert_eq!((kept.headers.len(), dropped.len()), (left, names), "{json}");
        assert_eq!(kept.texts, secrets.texts);
    }
}

/// What is stored of a destination is the API's as well: its members, and their order.
#[test]
fn settings_are_stored_as_they_always_were_and_read_again() {
    for (written, stored) in [
        (
            r#"{"kind":"webhook","name":"x","url":" https://a.example ","method":"put"}"#,
            r#"{"kind":"webhook","url":"https://a.example","method":"PUT"}"#,
        ),
        (
            r#"{"kind":"s2s_postback","name":"x","url_template":"https://a.example/?u={uid}"}"#,
            r#"{"kind":"s2s_postback","url_template":"https://a.example/?u={uid}","method":"GET","expected_status":200}"#,
        ),
        (
            r#"{"kind":"fb_capi","name":"x","pixel_id":"123456","access_token":"t"}"#,
            r#"{"kind":"fb_capi","pixel_id":"123456","test_event_code":null,"action_source":"website","event_source_url":null}"#,
        ),
    ] {
        let destination = check(written).unwrap();
        assert_eq!(destination.settings.to_json(), stored);
        let again = read(&json::read(stored)).unwrap();
        assert_eq!(again.to_json(), stored);
        // A form that is saved as it came up changes nothing.
        let events = &destination.events;
        let draft = DestinationDraft::of("x", true, events, &json::read(stored)).unwrap();
        let saved = draft.check(destination.secrets, [0; 24], false).unwrap();
        assert_eq!((saved.settings.to_json().as_str(), &saved.events), (stored, events));
    }
}

#[test]
fn every_kind_stores_its_word_and_what_is_no_secret_of_its_fields() {
    for kind in KINDS {
        let shown = |field: &&Field| !matches!(field.holds, Holds::Secret | Holds::Headers);
        let mut stored = serde_json::Map::from_iter([("kind".to_owned(), kind.word.into())]);
        for field in kind.fields.iter().filter(shown) {
            let holds = match field.holds {
                Holds::Number { unset } => unset.into(),
                _ => "text".into(),
            };
            stored.insert(field.name.to_owned(), holds);
        }
        let stored = Value::Object(stored);
        let settings = read(&stored).unwrap();
        assert!(std::ptr::eq(settings.kind(), *kind), "{}", kind.word);
        assert_eq!(json::read(&settings.to_json()), stored, "{}", kind.word);
    }
}

#[test]
fn a_member_of_the_wrong_type_is_refused_where_it_stands() {
    for (json, reason) in [
        ("[]", "invalid type: sequence, expected an object at line 1 column 0"),
        (r#"{"kind":5}"#, "invalid type: integer `5`, expected a string at line 1 column 9"),
        (r#"{"url":null}"#, "invalid type: null, expected a string at line 1 column 11"),
        (
            r#"{"expected_status":"200"}"#,
            r#"invalid type: string "200", expected u16 at line 1 column 24"#,
        ),
        (r#"{"url":"a","url":"b"}"#, "duplicate field `url` at line 1 column 16"),
        (r#"{"name":"a","name":"b"}"#, "duplicate field `name` at line 1 column 18"),
    ] {
        let refused = serde_json::from_str::<DestinationDraft>(json).unwrap_err();
        assert_eq!(refused.to_string(), reason, "{json}");
    }
    for json in [r#"{"method":null,"headers":null,"enabled":null}"#, r#"{"other":{"a":[1]}}"#] {
        let draft = serde_json::from_str::<DestinationDraft>(json).unwrap();
        assert!(draft.given.is_empty(), "{json}");
    }
}

#[test]
fn the_kinds_fit_into_one_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kind in KINDS {
        assert!(
            std::ptr::eq(super::kind(kind.word).unwrap(), *kind),
            "{} appears twice",
            kind.word
        );
        assert!(!kind.name.is_empty() && !kind.purpose.is_empty(), "{}", kind.word);
        let golden = folder.join(format!("tests/golden/{}.txt", kind.word));
        assert!(golden.exists(), "{} has no golden file", kind.word);
        // A draft is read before its kind is known: one name holds one thing.
        for own in kind.fields {
            let same = |holds: Holds| std::mem::discriminant(&holds);
            assert_eq!(same(field(own.name).unwrap().holds), same(own.holds), "{}", own.name);
            assert!(!["kind", "name", "enabled", "events"].contains(&own.name), "{}", own.name);
            assert_eq!(own.holds == Holds::Headers, own.name == field::HEADERS, "{}", own.name);
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Whether a line of code has this word. A header of the signature is called after its format.
fn is_named(word: &str, line: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    let is_comment = line.trim_start().starts_with("//");
    !is_comment && !line.contains(&format!("\"{word}-")) && words.any(|other| other == word)
}

#[test]
fn no_kind_is_named_but_in_its_own_file_and_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    for path in found {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap_or_default();
        for kind in KINDS {
            let own = format!("destination/{}.rs", kind.word);
            let may = ["destination/mod.rs", "destination/tests.rs", &own].contains(&name.as_str());
            let named = text.lines().find(|line| is_named(kind.word, line));
            assert!(may || named.is_none(), "src/{name} names {}: {named:?}", kind.word);
        }
    }
}

#[test]
fn docs_and_the_apis_description_name_every_kind_and_its_fields() {
    for file in ["docs/destinations.md", "assets/openapi.json"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let names = |word: &str| {
            text.contains(&format!("`{word}`")) || text.contains(&format!("\"{word}\""))
        };
        for kind in KINDS {
            assert!(names(kind.word), "{file} does not name the kind {}", kind.word);
            for field in kind.fields {
                assert!(names(field.name), "{file} does not name {} of {}", field.name, kind.word);
            }
        }
    }
}

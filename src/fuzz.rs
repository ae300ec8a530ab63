//! What must hold of any text at all, for the fuzz targets in `fuzz/`. Compiled for them alone.

use crate::destination::facts::{Facts, event_id};
use crate::destination::{address, template};
use crate::model::amount::Amount;
use crate::model::event::EventKind;
use crate::model::key;
use crate::model::link::{self, LinkKind};
use crate::page;
use crate::postback::click::read_fields;
use crate::postback::{self, Received};

const NOW_MS: i64 = 1_790_000_000_000;

/// No secret is kept; what is kept reads again as it was read, so that a queue changes nothing.
pub fn postback(text: &str) {
    let received = Received::query(text);
    let reading = postback::read(&received, NOW_MS);
    assert!(!key::contains_secret(&reading.raw), "a secret is kept: {}", reading.raw);
    let recorded = postback::receipt::read(&received, NOW_MS, &[]);
    assert_eq!((&recorded.raw, &recorded.verdict), (&reading.raw, &reading.verdict));
    for one in &recorded.parameters {
        assert!(
            !key::contains_secret(&one.name) && !key::contains_secret(&one.received),
            "{one:?}"
        );
    }
    let _tried = postback::pasted::read(text);
    let again = postback::read(&Received { query: reading.raw.clone(), ..received }, NOW_MS);
    assert_eq!(again.raw, reading.raw);
    match (&reading.verdict, &again.verdict) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first.dedup_key(), second.dedup_key());
            assert_eq!((first.amount, &first.currency), (second.amount, &second.currency));
            assert!(first.amount.is_none() || first.event == EventKind::Deposit);
        }
        (Err(first), Err(second)) => assert_eq!(first.status, second.status),
        (first, second) => panic!("read as {first:?}, then as {second:?}"),
    }
    for note in
        reading.verdict.as_ref().map_or_else(|refusal| &refusal.notes, |report| &report.notes)
    {
        let note = note.to_string();
        assert!(!note.contains("error") && !note.contains("fail"), "{note}");
    }
}

/// What is a number is below 10^12 units, and written out reads as the same number.
pub fn amount(text: &str) {
    let Some((amount, _)) = Amount::parse(text) else { return };
    let micros = amount.micros();
    // Twelve digits of nines may be rounded up to a thirteenth, which nobody can send.
    const LARGEST: u64 = 1_000_000_000_000_000_000;
    assert!(micros.unsigned_abs() <= LARGEST, "{micros}");
    if micros.unsigned_abs() == LARGEST {
        return;
    }
    let facts = Facts { micros: Some(micros), ..facts(text) };
    let written = facts.value().unwrap_or_default();
    assert_eq!(Amount::parse(&written).map(|(again, _)| again.micros()), Some(micros), "{written}");
    assert!(text.bytes().any(|byte| byte.is_ascii_digit()), "{text} is not a number");
}

/// Spaces around a macro change nothing, and a plain word is none.
pub fn macros(text: &str) {
    let unresolved = postback::macros::is_unresolved(text);
    assert_eq!(unresolved, postback::macros::is_unresolved(&format!(" {text} ")));
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        assert!(!unresolved, "{text}");
    }
    let _shown = page::shown::visible(text);
}

/// Whatever a stranger sends, a filled template stays at its host and is one clean address.
pub fn template(text: &str) {
    let (template, value) = text.split_once('\n').unwrap_or((text, "\r\n../&?#@ä"));
    if template::check(template).is_err() || address::check(template, false).is_err() {
        return;
    }
    let url = template::expand(template, &facts(value));
    assert!(url.bytes().all(|byte| byte > b' ' && byte != 0x7f), "{url:?}");
    let host = |url: &str| url.split(['/', '?', '#']).nth(2).map(str::to_owned);
    assert_eq!(host(&url), host(template), "{template} leads to {url}");
    assert_eq!(address::check(&url, false), Ok(()), "{url}");
}

/// What is public stays so in other spellings of the same text.
pub fn address(text: &str) {
    if address::check(text, false).is_err() {
        return;
    }
    assert!(address::check(text, true).is_ok(), "{text}");
    let lower = text.to_ascii_lowercase();
    assert!(lower.starts_with("http://") || lower.starts_with("https://"), "{text}");
    for private in ["localhost", "127.0.0.1", "169.254.169.254", "[::1]", "10.0.0.1", "192.168.0.1"]
    {
        let host = lower.split(['/', '?', '#', '\\']).nth(2).unwrap_or_default();
        assert!(host != private && !host.starts_with(&format!("{private}:")), "{text}");
    }
}

/// Fields are bounded and real; the visitor goes where the link leads.
pub fn landing(text: &str) {
    let fields = read_fields(text);
    for field in [&fields.fbclid, &fields.campaign_id, &fields.campaign_name, &fields.placement]
        .into_iter()
        .flatten()
    {
        assert!(field.len() <= 512 && !field.is_empty(), "{field:?}");
    }
    let draft = link::LinkDraft {
        name: "fuzz".to_owned(),
        slug: "fuzz".to_owned(),
        kind: LinkKind::Web,
        target: text.to_owned(),
        uid_parameter: "uid".to_owned(),
        page: None,
        enabled: true,
        network: None,
        archived: None,
    };
    let Ok(link::LinkDraft { kind, target, uid_parameter, page, enabled, .. }) =
        draft.check(|_| Some("a.example".to_owned()))
    else {
        return;
    };
    let link = link::Link {
        id: 1,
        space_id: 1,
        kind,
        target: target.clone(),
        uid_parameter,
        page,
        enabled,
    };
    let location = link.location(Some("UID"));
    assert!(location.contains("UID"), "{target} leads to {location}");
    assert!(!location.chars().any(|c| c.is_control() || c.is_whitespace()), "{location:?}");
    assert!(link.location(None).starts_with("http"), "{target}");
}

fn facts(value: &str) -> Facts {
    Facts {
        event_id: event_id(value, 1, 2, 3),
        uid: Some(value.to_owned()),
        eid: Some(value.to_owned()),
        tg_id: Some(7),
        ..Facts::sample(EventKind::Deposit, value.to_owned(), "0", NOW_MS)
    }
}

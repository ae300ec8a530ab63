//! The contract's §4 as tables: a query, and what is made of it.

use proptest::prelude::*;

use super::*;
use crate::model::event::Id;

const NOW_MS: i64 = 1_765_432_100_000;

fn reading(query: &str) -> Reading {
    read(&Received { query: query.to_owned(), broken: None }, NOW_MS)
}

fn verdict(query: &str) -> Verdict {
    reading(query).verdict
}

fn report(query: &str) -> Report {
    verdict(query).unwrap_or_else(|refusal| panic!("{query}: {refusal:?}"))
}

fn status(query: &str) -> Status {
    verdict(query).map_or_else(|refusal| refusal.status, |_| Status::Queued)
}

#[test]
fn a_documented_postback_is_read_in_full() {
    let reading = reading(
        "token=xt_in_abc&event=deposit&uid=abc123&eid=t-1&value=25.00&currency=USD&t=1765432000000&tg_id=555123&sub=x",
    );
    assert_eq!(reading.token.as_deref(), Some("xt_in_abc"));
    assert!(!reading.raw.contains("xt_in_"));
    assert!(reading.raw.ends_with("&sub=x"));
    let report = reading.verdict.unwrap();
    assert_eq!(report.event, EventKind::Deposit);
    assert_eq!(report.uid.as_ref().map(Id::as_str), Some("abc123"));
    assert_eq!(report.eid.as_ref().map(Id::as_str), Some("t-1"));
    assert_eq!(report.tg_id.map(TgId::number), Some(555_123));
    assert_eq!(report.value.as_deref(), Some("25.00"));
    assert_eq!(report.amount.map(Amount::micros), Some(25_000_000));
    assert_eq!(report.currency.as_str(), "USD");
    assert_eq!(report.occurred_at.ms(), 1_765_432_000_000);
    assert_eq!(report.notes, []);
}

#[test]
fn a_test_does_not_count_and_nothing_but_a_plain_yes_makes_one() {
    for (query, counts) in [
        ("event=deposit&value=25&test=1", false),
        ("event=deposit&value=25&test=TRUE", false),
        ("event=registration&test=yes", false),
        ("event=deposit&value=25", true),
        ("event=deposit&value=25&test=", true),
        ("event=deposit&value=25&test=0", true),
        ("event=deposit&value=25&test=no", true),
        ("event=deposit&value=25&test={test}", true),
        ("event=deposit&value=25&test=ab-group", true),
    ] {
        let report = report(query);
        assert_eq!(report.counts, counts, "{query}");
        assert_eq!(report.notes.contains(&Note::Test), !counts, "{query}");
    }
}

#[test]
fn every_status_has_its_query() {
    for (query, expected) in [
        ("event=deposit&value=25", Status::Queued),
        ("event=DEPOSIT&value=25", Status::Queued),
        ("event=deposit", Status::Queued),
        ("event=registration&value=abc", Status::Queued),
        ("event=contact", Status::Queued),
        ("event=subscribed", Status::Queued),
        ("event=deposit&value=abc", Status::InvalidValue),
        ("event=deposit&value={amount}", Status::InvalidValue),
        ("event=deposit&t=1", Status::InvalidTime),
        ("event=deposit&t=soon", Status::InvalidTime),
        ("", Status::InvalidEvent),
        ("event=", Status::InvalidEvent),
        ("event={event}", Status::InvalidEvent),
        ("event=purchase", Status::InvalidEvent),
        ("event=contact&currency=US", Status::InvalidCurrency),
        ("event=contact&currency=DOLLARS", Status::InvalidCurrency),
        ("event=contact&uid=a%00b", Status::InvalidUid),
        ("event=contact&eid=a%0Ab", Status::InvalidEid),
        ("event=contact&uid=%FF", Status::InvalidRequest),
        ("event=contact&other=%FF", Status::Queued),
    ] {
        assert_eq!(status(query), expected, "{query}");
    }
}

#[test]
fn a_dry_run_is_read_like_any_other_and_says_so() {
    for (query, expected) in [
        ("event=contact&dry_run=1", true),
        ("event=contact&dry_run=true", true),
        ("event=contact&dry_run=yes", true),
        ("event=purchase&dry_run=1", true),
        ("event=contact&uid=%FF&dry_run=1", true),
        ("event=contact&dry_run=0&dry_run=", false),
        ("event=contact&dry_run=False", false),
        ("event=contact&dry_run=", false),
        ("event=contact&dry_run={dry_run}", false),
        ("event=contact&DRY_RUN=1", false),
    ] {
        assert_eq!(reading(query).is_dry_run, expected, "{query}");
        let without = query.replace("dry_run=1", "x=1").replace("dry_run=true", "x=1");
        assert_eq!(status(query), status(&without), "{query}");
    }
}

#[test]
fn a_call_that_has_no_dry_run_refuses_one() {
    let bind = bind::read(&Received::query("uid=u&tg_id=5&dry_run=1")).verdict.unwrap_err();
    assert_eq!((bind.status, bind.notes), (Status::InvalidDryRun, vec![Note::DryRunUnavailable]));
}

#[test]
fn the_first_fault_answers_and_the_notes_name_all() {
    let long = "x".repeat(300);
    let query = format!("event=deposit&uid={long}&eid={long}&value=abc&currency=1&t=1");
    let refusal = verdict(&query).unwrap_err();
    assert_eq!(refusal.status, Status::InvalidUid);
    assert_eq!(
        refusal.notes,
        [
            Note::UidTooLong,
            Note::EidTooLong,
            Note::ValueNotANumber,
            Note::CurrencyNotACode,
            Note::TimeImplausible
        ]
    );
    let broken = Received::query("t=1").mark(Some(Broken::BodyTooLong));
    let broken = read(&broken, NOW_MS).verdict.unwrap_err();
    assert_eq!(broken.status, Status::InvalidRequest);
    assert_eq!(
        broken.notes,
        [Note::Broken(Broken::BodyTooLong), Note::EventMissing, Note::TimeImplausible]
    );
}

#[test]
fn an_empty_amount_is_stored_and_noted() {
    for query in ["event=deposit", "event=deposit&value=", "event=deposit&value=%20"] {
        let report = report(query);
        assert_eq!((report.amount, report.notes), (None, vec![Note::ValueEmpty]), "{query}");
    }
}

#[test]
fn an_unresolved_macro_counts_as_absent_and_is_noted() {
    let report = report(
        "event=deposit&value=5&uid={click_id}&eid={trade_id}&currency=[cur]&t=%7Bt%7D&tg_id=REPLACE",
    );
    assert_eq!((report.uid, report.eid, report.tg_id), (None, None, None));
    assert_eq!(report.currency.as_str(), "USD");
    assert_eq!(report.occurred_at.ms(), NOW_MS);
    assert_eq!(
        report.notes,
        [Field::Uid, Field::Eid, Field::Currency, Field::Time, Field::TgId]
            .map(Note::MacroUnresolved)
    );
}

#[test]
fn a_template_that_was_opened_is_noted() {
    let report = report("event=registration&uid={click_id}&value={sumdep}");
    assert!(report.notes.contains(&Note::TemplateOpened));
}

#[test]
fn the_amount_of_another_event_is_kept_as_text() {
    let report = report("event=registration&value=$25");
    assert_eq!((report.value.as_deref(), report.amount), (Some("$25"), None));
    assert_eq!(report.notes, []);
}

#[test]
fn a_tg_id_that_is_none_is_ignored_and_noted() {
    let report = report("event=contact&tg_id=@alice");
    assert_eq!((report.tg_id, report.notes), (None, vec![Note::TgIdIgnored]));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let received = Received::query(&String::from_utf8_lossy(&bytes));
        let _ = read(&received, NOW_MS);
        for kind in [Body::Form, Body::Json, Body::Unsaid, Body::Other] {
            let _ = read(&received.clone().with_body(&bytes, kind), NOW_MS);
        }
    }

    #[test]
    fn no_query_of_known_parameters_panics(
        query in "((event|uid|eid|value|currency|t|tg_id|token)=[-+a-z0-9.,%{}$¤ ]{0,12}[&?;]){0,10}"
    ) {
        let _ = reading(&query);
    }

    #[test]
    fn a_raw_query_reads_again_as_the_same_verdict(
        query in "(event=(deposit|contact)|uid=[a-z{}%]{0,6}|eid=[a-z{}]{0,6}|value=[0-9.,]{0,6}|token=[a-z]{1,4})(&(uid=[a-z]{0,6}|t=1765432[0-9]{6}|amp;value=[0-9]{1,3})){0,6}"
    ) {
        let first = reading(&query);
        let again = reading(&first.raw);
        prop_assert_eq!(first.verdict, again.verdict);
    }
}

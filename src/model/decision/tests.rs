//! Whether the rules of decisions hold.

use super::*;

fn version(uid: Option<&str>, micros: Option<i64>, currency: &str, last_at_ms: i64) -> Version {
    Version {
        what: json!([uid, micros, currency]).to_string(),
        uid: uid.map(str::to_owned),
        value: micros.map(|micros| (micros / 1_000_000).to_string()),
        micros,
        currency: currency.to_owned(),
        received_at_ms: last_at_ms,
        last_at_ms,
        times: 1,
    }
}

fn deposit(open: &[Version]) -> Case {
    Case {
        seq: 12,
        event: "deposit".to_owned(),
        dedup: "d=tr-1".to_owned(),
        uid: Some("u".to_owned()),
        micros: Some(120_500_000),
        currency: "USD".to_owned(),
        counted: true,
        open: open.to_vec(),
        ..Case::default()
    }
}

fn draft(kind: Kind) -> Draft {
    Draft { kind, reason: String::new(), other: None, expected: None, seen: None }
}

fn decision(n: i64, kind: Kind, undoes: Option<i64>) -> Decision {
    Decision {
        n,
        kind,
        reason: String::new(),
        other: None,
        before: json!({"counted": 1, "micros": 5, "currency": "USD", "uid": null}),
        after: Some(json!({"counted": 0})),
        undoes,
        at_ms: n,
    }
}

#[test]
fn every_word_is_read_back() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.word()), Some(kind));
    }
    assert_eq!(Kind::parse("other"), None);
}

#[test]
fn the_newest_that_stands_may_be_undone_and_none_twice() {
    let mut decisions = vec![decision(1, Kind::TakeOut, None), decision(2, Kind::PutIn, None)];
    let newest = |decisions: &[Decision]| undoable(decisions).map(|one| one.n);
    assert_eq!(newest(&decisions), Some(2));
    decisions.push(decision(3, Kind::Undo, Some(2)));
    assert_eq!(newest(&decisions), Some(1));
    decisions.push(decision(4, Kind::Undo, Some(1)));
    assert_eq!(newest(&decisions), None);
    decisions.push(decision(5, Kind::TakeOut, None));
    assert_eq!(newest(&decisions), Some(5));
}

#[test]
fn what_was_decided_with_another_event_is_undone_there() {
    let elsewhere = Decision { other: Some(7), ..decision(1, Kind::PutIn, None) };
    assert_eq!(undoable(std::slice::from_ref(&elsewhere)), None);
    let waiting = Case { dedup: "v+7:[null,1,\"USD\"]".to_owned(), counted: false, ..deposit(&[]) };
    assert_eq!(waiting.version_of(), Some(7));
    assert_eq!(waiting.judge(&draft(Kind::PutIn)), Err(Refused::Impossible(DECIDED_THERE)));
    assert_eq!(waiting.judge(&draft(Kind::Undo)), Err(Refused::Impossible(DECIDED_THERE)));
    let decisions = vec![elsewhere, decision(2, Kind::TakeOut, None)];
    let taken_out = Case { decisions, ..waiting };
    assert!(taken_out.judge(&draft(Kind::PutIn)).is_ok(), "it is counted there");
}

#[test]
fn undoing_gives_back_the_columns_that_were_changed_and_no_others() {
    let taken = Decision {
        after: Some(json!({"micros": 300, "uid": "b"})),
        ..decision(1, Kind::TakeLast, None)
    };
    assert_eq!(after_undoing(&taken), Some(json!({"micros": 5, "uid": null})));
    let kept = Decision { after: None, ..decision(1, Kind::KeepFirst, None) };
    assert_eq!(after_undoing(&kept), None);
}

#[test]
fn a_form_that_is_sent_twice_decides_once() {
    let mut case = deposit(&[]);
    let wanted = Draft { expected: Some(1), ..draft(Kind::TakeOut) };
    assert_eq!(case.judge(&wanted).map(|deed| deed.n), Ok(1));
    case.decisions.push(decision(1, Kind::TakeOut, None));
    case.counted = false;
    assert_eq!(case.judge(&wanted), Err(Refused::Already(1)));
    let other = Draft { expected: Some(1), ..draft(Kind::Merge) };
    assert_eq!(case.judge(&other), Err(Refused::Meanwhile));
}

#[test]
fn a_conflict_is_decided_as_it_was_seen() {
    let one = version(None, Some(300_000_000), "USD", 5);
    let case = deposit(std::slice::from_ref(&one));
    let wanted = Draft { seen: Some(case.seen()), ..draft(Kind::TakeLast) };
    let deed = case.judge(&wanted);
    let after = json!({"value": "300", "micros": 300_000_000, "currency": "USD"});
    assert_eq!(deed.map(|deed| (deed.after, deed.open)), Ok((Some(after), Some(1))));
    let more = deposit(&[one, version(None, Some(700_000_000), "USD", 6)]);
    assert_eq!(more.judge(&wanted), Err(Refused::Meanwhile));
    let none = deposit(&[]).judge(&draft(Kind::KeepFirst));
    assert_eq!(none, Err(Refused::Impossible(NO_CONFLICT)));
}

#[test]
fn what_a_version_leaves_out_stays() {
    let after =
        |version: Version| deposit(&[version]).judge(&draft(Kind::TakeLast)).map(|deed| deed.after);
    assert_eq!(after(version(Some("b"), None, "USD", 1)), Ok(Some(json!({"uid": "b"}))));
}

#[test]
fn a_choice_is_told_in_what_revenue_gains() {
    let gained = |pairs: &[(&str, i128)]| {
        pairs.iter().map(|(currency, micros)| ((*currency).to_owned(), *micros)).collect()
    };
    let case = deposit(&[version(None, Some(300_000_000), "USD", 5)]);
    assert_eq!(case.gained_by_last(), gained(&[("USD", 179_500_000)]));
    assert_eq!(case.gained_by_both(), gained(&[("USD", 300_000_000)]));
    let other =
        [version(None, Some(1_000_000), "USD", 1), version(None, Some(5_000_000), "EUR", 2)];
    let case = deposit(&other);
    assert_eq!(case.gained_by_last(), gained(&[("EUR", 5_000_000), ("USD", -120_500_000)]));
    assert_eq!(case.gained_by_both(), gained(&[("EUR", 5_000_000), ("USD", 1_000_000)]));
    let uid = deposit(&[version(Some("b"), None, "USD", 1)]);
    assert_eq!((uid.gained_by_last(), uid.gained_by_both()), (gained(&[]), gained(&[])));
}

#[test]
fn only_what_counts_is_taken_out_and_only_what_does_not_is_put_in() {
    let counted = deposit(&[version(None, Some(1), "USD", 1)]);
    let out = Case { counted: false, ..counted.clone() };
    for (case, kind, expected) in [
        (&counted, Kind::TakeOut, None),
        (&counted, Kind::PutIn, Some(COUNTED)),
        (&counted, Kind::CountBoth, None),
        (&out, Kind::TakeOut, Some(NOT_COUNTED)),
        (&out, Kind::PutIn, None),
        (&out, Kind::CountBoth, Some(NOT_COUNTED)),
        (&out, Kind::TakeLast, None),
        (&counted, Kind::Mend, Some(NOT_HERE)),
        (&counted, Kind::Undo, Some(NOTHING_TO_UNDO)),
    ] {
        let refused = case.judge(&draft(kind)).err();
        assert_eq!(refused, expected.map(Refused::Impossible), "{kind:?}");
    }
}

#[test]
fn two_that_look_the_same_are_decided_on_the_later_one() {
    let later = Case { twin: Some(11), ..deposit(&[]) };
    let other = |kind, other| later.judge(&Draft { other, ..draft(kind) }).map(|deed| deed.other);
    assert_eq!(other(Kind::Merge, None), Ok(Some(11)));
    assert_eq!(other(Kind::KeepBoth, Some(11)), Ok(Some(11)));
    assert_eq!(other(Kind::Merge, Some(10)), Err(Refused::Meanwhile));
    assert_eq!(other(Kind::TakeOut, Some(11)), Ok(None));
    let alone = deposit(&[]).judge(&draft(Kind::Merge));
    assert_eq!(alone, Err(Refused::Impossible(NO_TWIN)));
}

#[test]
fn what_was_counted_beside_an_event_is_undone_after_what_was_decided_about_it() {
    let both = Decision { after: None, ..decision(1, Kind::CountBoth, None) };
    let made = |decided| vec![Made { seq: 13, counted: true, by: 1, decided }];
    let case = Case { decisions: vec![both], made: made(false), ..deposit(&[]) };
    assert_eq!(
        case.judge(&draft(Kind::Undo)).map(|deed| deed.undoes),
        Ok(Some((1, Kind::CountBoth)))
    );
    let decided = Case { made: made(true), ..case };
    assert_eq!(decided.judge(&draft(Kind::Undo)), Err(Refused::Impossible(UNDO_THERE_FIRST)));
}

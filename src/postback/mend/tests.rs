//! The mends as tables: a query, a mend, and what is made of it.

use proptest::prelude::*;

use super::*;
use crate::model::status::Status;
use crate::postback::{Received, Verdict, read, read_mended};

const NOW_MS: i64 = 1_765_432_100_000;

fn mend(written: &str) -> Mend {
    Mend::read(written).unwrap_or_else(|| panic!("no mend: {written}"))
}

fn verdict(query: &str, mends: &[&str]) -> Verdict {
    let rule = |(at, written): (usize, &&str)| Rule {
        note: Note::Rule(at as u32 + 1),
        mend: mend(written),
    };
    let rules: Vec<_> = mends.iter().enumerate().map(rule).collect();
    let received = Received::query(query);
    let reading = read_mended(&received, NOW_MS, &rules);
    assert_eq!(reading.raw, read(&received, NOW_MS).raw, "the raw query stays as it arrived");
    reading.verdict
}

/// What a report says, as one line.
fn said(query: &str, mends: &[&str]) -> String {
    match verdict(query, mends) {
        Err(refusal) => refusal.status.word().to_owned(),
        Ok(report) => {
            let micros = report.amount.map_or("none".to_owned(), |a| a.micros().to_string());
            let notes: Vec<_> = report.notes.iter().map(Note::to_string).collect();
            let counts = if report.counts { "" } else { " uncounted" };
            format!(
                "{} {micros} {}{counts} [{}]",
                report.event.code(),
                report.currency.as_str(),
                notes.join(" ")
            )
        }
    }
}

const SUM: &str = r#"{"kind":"rename","from":"sum","to":"value"}"#;
const COMMA: &str = r#"{"kind":"decimal_comma"}"#;
const THOUSANDS: &str = r#"{"kind":"thousands"}"#;
const EURO: &str = r#"{"kind":"currency","to":"eur"}"#;
const FTD: &str = r#"{"kind":"map","from":"goal","word":"ftd","to":"deposit"}"#;
const DECLINED: &str =
    r#"{"kind":"map","from":"status","word":"declined","to":"not_a_conversion"}"#;
const SET_VALUE: &str = r#"{"kind":"set","field":"value","to":"1234.50"}"#;

#[test]
fn a_comma_with_two_meanings_has_the_one_that_is_chosen() {
    for (value, comma, thousands) in [
        ("1,234", "1234000", "1234000000"),
        ("-12,345", "-12345000", "-12345000000"),
        ("%201,234%20", "1234000", "1234000000"),
    ] {
        let query = format!("event=deposit&value={value}");
        assert_eq!(said(&query, &[]), "invalid_value");
        assert_eq!(said(&query, &[COMMA]), format!("deposit {comma} USD [rule:1]"));
        assert_eq!(said(&query, &[THOUSANDS]), format!("deposit {thousands} USD [rule:1]"));
        assert_eq!(said(&query, &[THOUSANDS, COMMA]), format!("deposit {thousands} USD [rule:1]"));
    }
    for value in ["0,500", "1,23", "1.234", "1,234,567", "25", "abc", "$1,234", "1,234e2"] {
        let query = format!("event=deposit&value={value}");
        assert_eq!(said(&query, &[COMMA]), said(&query, &[]), "{value}");
    }
    assert_eq!(said("event=contact&value=1,234", &[COMMA]), "contact none USD []");
}

#[test]
fn an_amount_is_kept_as_it_was_sent() {
    for mends in [&[COMMA], &[THOUSANDS], &[SET_VALUE]] {
        let report = verdict("event=deposit&value=1,234", mends).unwrap();
        assert_eq!(report.value.as_deref(), Some("1,234"));
    }
    let report = verdict("event=deposit&value={amount}", &[SET_VALUE]).unwrap();
    assert_eq!(report.value.as_deref(), Some("{amount}"));
    assert_eq!(verdict("event=deposit", &[SET_VALUE]).unwrap().value, None);
    assert_eq!(verdict("event=deposit&sum=25", &[SUM]).unwrap().value.as_deref(), Some("25"));
}

#[test]
fn a_parameter_under_another_name_is_read_unless_its_own_came() {
    for (query, expected) in [
        ("event=deposit&sum=25", "deposit 25000000 USD [rule:1]"),
        ("event=deposit&value={payout}&sum=25", "deposit 25000000 USD [rule:1]"),
        ("event=deposit&value=&sum=25", "deposit 25000000 USD [rule:1]"),
        ("event=deposit&value=5&sum=25", "deposit 5000000 USD []"),
        ("event=deposit&SUM=25", "deposit none USD [value_empty]"),
        ("event=deposit&sum=", "deposit none USD [value_empty]"),
        ("event=deposit&sum={sum}", "invalid_value"),
        ("event=deposit&amp;sum=25", "deposit 25000000 USD [html_amp rule:1]"),
    ] {
        assert_eq!(said(query, &[SUM]), expected, "{query}");
    }
    let swapped = r#"{"kind":"rename","from":"uid","to":"eid"}"#;
    let report = verdict("event=deposit&value=5&uid=t-1", &[swapped]).unwrap();
    assert_eq!((report.uid, report.eid.as_ref().map(Id::as_str)), (None, Some("t-1")));
}

#[test]
fn a_currency_is_set_on_deposits_where_none_came() {
    for (query, expected) in [
        ("event=deposit&value=5", "deposit 5000000 EUR [rule:1]"),
        ("event=deposit&value=5&currency={cur}", "deposit 5000000 EUR [rule:1]"),
        ("event=deposit&value=5&currency=GBP", "deposit 5000000 GBP []"),
        ("event=deposit&value=5&currency=$", "invalid_currency"),
        ("event=registration", "registration none USD []"),
    ] {
        assert_eq!(said(query, &[EURO]), expected, "{query}");
    }
}

#[test]
fn a_status_becomes_an_event_or_none() {
    for (query, expected) in [
        ("goal=ftd&value=5", "deposit 5000000 USD [rule:1]"),
        ("goal=FTD&event=registration&value=5", "deposit 5000000 USD [rule:1]"),
        ("goal=ftd&event=deposit&value=5", "deposit 5000000 USD []"),
        ("goal=reg&value=5", "invalid_event"),
    ] {
        assert_eq!(said(query, &[FTD]), expected, "{query}");
    }
    let declined = |query| said(query, &[DECLINED]);
    assert_eq!(
        declined("event=deposit&value=5&status=Declined"),
        "deposit 5000000 USD uncounted [not_a_conversion rule:1]"
    );
    assert_eq!(declined("event=deposit&value=5&status=approved"), "deposit 5000000 USD []");
    assert_eq!(
        declined("event=registration&status=declined"),
        "registration none USD uncounted [not_a_conversion rule:1]"
    );
    let by_event = r#"{"kind":"map","from":"event","word":"declined","to":"not_a_conversion"}"#;
    assert_eq!(
        said("event=declined&value=5", &[by_event]),
        "deposit 5000000 USD uncounted [not_a_conversion rule:1]"
    );
}

#[test]
fn one_value_is_set_whatever_came() {
    for (field, to, query) in [
        ("event", "deposit", "value=1234.50"),
        ("value", "1234.50", "event=deposit&value=$1"),
        ("value", "1234.50", "event=deposit&value=1&value=2"),
    ] {
        let set = format!(r#"{{"kind":"set","field":"{field}","to":"{to}"}}"#);
        assert_eq!(said(query, &[&set]).split(" [").next(), Some("deposit 1234500000 USD"));
    }
    assert_eq!(
        said("event=deposit&value=1234.50", &[SET_VALUE]),
        "deposit 1234500000 USD []",
        "what is so already is not mended"
    );
    let set = r#"{"kind":"set","field":"eid","to":"t-9"}"#;
    let key = verdict("event=deposit&value=5&uid=u", &[set]).unwrap().dedup_key();
    assert_eq!(key.as_str(), "d=t-9");
}

#[test]
fn mends_work_together_in_their_own_order() {
    assert_eq!(
        said("goal=ftd&sum=1,234", &[EURO, COMMA, FTD, SUM]),
        "deposit 1234000 EUR [rule:4 rule:3 rule:2 rule:1]"
    );
}

#[test]
fn a_refusal_says_which_rules_acted() {
    let refusal = verdict("event=deposit&sum=abc", &[SUM]).unwrap_err();
    assert_eq!(refusal.status, Status::InvalidValue);
    assert_eq!(refusal.notes, [Note::ValueNotANumber, Note::Rule(1)]);
}

#[test]
fn a_mend_is_read_back_as_it_is_written() {
    for written in [SUM, COMMA, THOUSANDS, FTD, DECLINED, SET_VALUE] {
        assert_eq!(mend(written).to_json(), written);
    }
    assert_eq!(mend(EURO).to_json(), r#"{"kind":"currency","to":"EUR"}"#);
    assert!(mend(SUM).may_stay_on() && !mend(SET_VALUE).may_stay_on());
    assert!(mend(SUM).may_act_on_many() && !mend(SET_VALUE).may_act_on_many());
}

#[test]
fn what_makes_no_sense_is_refused() {
    for written in [
        "",
        "{}",
        r#"{"kind":"moon"}"#,
        r#"{"kind":"set","field":"token","to":"x"}"#,
        r#"{"kind":"set","field":"dry_run","to":"1"}"#,
        r#"{"kind":"set","field":"test","to":"1"}"#,
        r#"{"kind":"set","field":"value","to":"1,234"}"#,
        r#"{"kind":"set","field":"value","to":""}"#,
        r#"{"kind":"set","field":"event","to":"purchase"}"#,
        r#"{"kind":"set","field":"uid","to":""}"#,
        r#"{"kind":"set","field":"uid","to":"xt_in_abc"}"#,
        r#"{"kind":"set","field":"t","to":"soon"}"#,
        r#"{"kind":"rename","from":"","to":"value"}"#,
        r#"{"kind":"rename","from":"token","to":"value"}"#,
        r#"{"kind":"rename","from":"value","to":"value"}"#,
        r#"{"kind":"rename","from":"sum","to":"token"}"#,
        r#"{"kind":"rename","from":"sum","to":"other"}"#,
        r#"{"kind":"currency","to":"euros!"}"#,
        r#"{"kind":"currency"}"#,
        r#"{"kind":"map","from":"goal","word":"","to":"deposit"}"#,
        r#"{"kind":"map","from":"goal","word":"ftd","to":"purchase"}"#,
    ] {
        assert_eq!(Mend::read(written), None, "{written}");
    }
}

proptest! {
    #[test]
    fn without_rules_it_is_the_one_reader(
        query in "((event|uid|eid|value|currency|t|sum|goal)=[-+a-z0-9.,%{} ]{0,12}[&?]){0,8}"
    ) {
        prop_assert_eq!(verdict(&query, &[]), read(&Received::query(&query), NOW_MS).verdict);
    }

    #[test]
    fn a_mend_changes_nothing_but_leaves_its_note(
        query in "((event=deposit|event=contact|uid=a|sum=[0-9]{1,2}|goal=(ftd|reg)|value=[0-9,]{0,6}|currency=[a-z]{0,4})&){0,6}",
        at in 0..6_usize,
    ) {
        let rule = [SUM, COMMA, THOUSANDS, EURO, FTD, DECLINED][at];
        let (plain, mended) = (verdict(&query, &[]), verdict(&query, &[rule]));
        let notes = match &mended {
            Ok(report) => &report.notes,
            Err(refusal) => &refusal.notes,
        };
        if !notes.contains(&Note::Rule(1)) {
            prop_assert_eq!(plain, mended);
        }
    }
}

use proptest::prelude::*;

use super::*;

fn value(query: &str, field: Field) -> String {
    match Parameters::parse(query).value(field) {
        Value::Absent => "absent".to_owned(),
        Value::Unresolved(text) => format!("unresolved {text}"),
        Value::Undecodable => "undecodable".to_owned(),
        Value::Text(text) => text.to_owned(),
    }
}

fn notes(query: &str) -> Vec<Note> {
    let mut parameters = Parameters::parse(query);
    for field in Field::ALL {
        parameters.value(field);
    }
    parameters.notes
}

#[test]
fn values_are_decoded_and_trimmed() {
    for (query, expected) in [
        ("uid=abc", "abc"),
        ("uid=%20abc+", "abc"),
        ("uid=a%2Bb", "a+b"),
        ("uid=a+b", "a b"),
        ("uid=a=b", "a=b"),
        ("uid=%C3%A4", "ä"),
        ("uid", "absent"),
        ("uid=", "absent"),
        ("", "absent"),
        ("UID=abc", "absent"),
        ("uid=100%", "100%"),
        ("uid=%zz", "%zz"),
        ("uid=%FF", "undecodable"),
        ("uid=%7Bclick_id%7D", "unresolved {click_id}"),
        ("uid=%257Bclick_id%257D", "unresolved %7Bclick_id%7D"),
        ("uid=%deposit_id%", "unresolved %deposit_id%"),
    ] {
        assert_eq!(value(query, Field::Uid), expected, "{query}");
    }
}

#[test]
fn a_second_question_mark_stands_for_an_ampersand() {
    let query = "event=deposit?reg={reg}&uid=1";
    assert_eq!(value(query, Field::Event), "deposit");
    assert_eq!(value(query, Field::Uid), "1");
    assert_eq!(notes(query), [Note::SecondQuestionMark]);
}

#[test]
fn an_encoded_second_question_mark_is_read_like_a_plain_one() {
    let query = "event=deposit&uid=z%3Feid%3D5%26value%3D7";
    for (field, expected) in [(Field::Uid, "z"), (Field::Eid, "5"), (Field::Value, "7")] {
        assert_eq!(value(query, field), expected);
    }
    assert_eq!(notes(query), [Note::SecondQuestionMark]);
    assert_eq!(Parameters::parse(query).raw, query);
    assert_eq!(value("uid=a%3Fb%3D5", Field::Uid), "a?b=5");
    assert_eq!(notes("uid=a%3Fb%3D5"), []);
}

#[test]
fn a_token_behind_an_encoded_question_mark_is_taken_out() {
    for (query, raw) in [
        ("uid=z%3Ftoken%3Dxt_in_abc%26eid%3D5", "uid=z?eid=5"),
        ("token=xt_in_abc%3Fevent%3Dcontact&uid=z", "event=contact&uid=z"),
    ] {
        let parameters = Parameters::parse(query);
        assert_eq!(parameters.token.as_deref(), Some("xt_in_abc"), "{query}");
        assert_eq!(parameters.raw, raw, "{query}");
    }
}

#[test]
fn a_macro_as_a_name_is_ignored_and_noted() {
    assert_eq!(notes("status={status}&{status}=true&uid=1"), [Note::MacroAsName]);
    assert_eq!(notes("%7Bstatus%7D=true"), [Note::MacroAsName]);
}

#[test]
fn html_damage_is_mended_and_noted() {
    let query = "event=deposit&amp;value=5&amp;amp;uid=7";
    assert_eq!(value(query, Field::Value), "5");
    assert_eq!(value(query, Field::Uid), "7");
    assert_eq!(notes(query), [Note::HtmlAmp]);

    for query in ["value=25%C2%A4cy=EUR", "value=25¤cy=EUR", "value=25%A4cy=EUR"] {
        assert_eq!(value(query, Field::Value), "25", "{query}");
        assert_eq!(value(query, Field::Currency), "EUR", "{query}");
        assert_eq!(notes(query), [Note::HtmlEntity], "{query}");
    }
    assert_eq!(value("eid=5%C3%97tamp=1&uid=2", Field::Eid), "5");
    assert_eq!(value("eid=5%C2%AEion=EU%C2%A4cy=USD", Field::Currency), "USD");
    assert_eq!(value("uid=5%C2%A4", Field::Uid), "5¤");
}

#[test]
fn of_repeated_parameters_the_first_real_one_counts() {
    assert_eq!(value("uid=1&uid=2", Field::Uid), "1");
    assert_eq!(notes("uid=1&uid=2"), [Note::Repeated(Field::Uid)]);
    assert_eq!(notes("uid=1&uid=1"), []);
    assert_eq!(value("uid=&uid=2", Field::Uid), "2");
    assert_eq!(value("uid={x}&uid=2", Field::Uid), "2");
    assert_eq!(value("uid={x}&uid=", Field::Uid), "unresolved {x}");
    assert_eq!(notes("uid={x}&uid=2"), []);
}

#[test]
fn the_token_is_taken_out_of_the_raw_query() {
    for (query, raw) in [
        ("token=xt_in_abc&event=deposit&x=1", "event=deposit&x=1"),
        ("event=deposit&token=xt_in_abc", "event=deposit"),
        ("event=deposit?token=xt_in_abc", "event=deposit"),
        ("event=deposit&amp;token=xt_in_abc&a=b", "event=deposit&a=b"),
        ("%74oken=xt_in_abc&event=deposit", "event=deposit"),
        ("token=xt_in_abc&token=xt_in_abc", ""),
    ] {
        let parameters = Parameters::parse(query);
        assert_eq!(parameters.token.as_deref(), Some("xt_in_abc"), "{query}");
        assert_eq!(parameters.raw, raw, "{query}");
    }
}

#[test]
fn a_name_beside_a_removed_secret_stays_as_it_was_sent() {
    let parameters = Parameters::parse("event=deposit&event%3Dx=xt_sk_abc&a%26uid=xt_in_abc&b=1");
    assert_eq!(parameters.raw, "event=deposit&event%3Dx=&a%26uid=&b=1");
}

#[test]
fn a_secret_in_another_parameter_goes_no_further() {
    for query in [
        "uid=xt_in_abcdef",
        "uid=xt%5Fin%5Fabcdef",
        "uid=xt%255Fsk%255Fabcdef",
        "sub=1xt_sk_abcdef",
        "xt_in_abcdef",
        "xt_in_abcdef=1",
    ] {
        let mut parameters = Parameters::parse(query);
        assert!(!parameters.raw.contains("abcdef"), "{query}: {}", parameters.raw);
        assert_eq!(parameters.value(Field::Uid), Value::Absent, "{query}");
        assert_eq!(parameters.notes, [Note::SecretRemoved], "{query}");
    }
}

proptest! {
    #[test]
    fn no_query_panics(query in "\\PC{0,200}|([a-z]{0,5}[=&?%{}¤+;]){0,30}") {
        let _ = notes(&query);
    }

    #[test]
    fn the_raw_query_reads_like_the_query(query in "((uid|eid|value|event|x|token)=([a-z%{}¤]{0,5}|%3Feid%3D[a-z]|%26x%3D)[&?]){0,8}") {
        let mut first = Parameters::parse(&query);
        let raw = first.raw.clone();
        let mut again = Parameters::parse(&raw);
        for field in [Field::Uid, Field::Eid, Field::Value, Field::Event] {
            prop_assert_eq!(first.value(field), again.value(field));
        }
    }
}

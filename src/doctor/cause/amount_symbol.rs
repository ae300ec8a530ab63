//! An amount with its currency stuck to it.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{in_settings, shown, were};
use crate::doctor::seen::Seen;
use crate::model::amount::Amount;
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("amount_symbol", find);

/// Signs of currencies, with the code that each means here.
pub const SIGNS: [(&str, &str); 11] = [
    ("R$", "BRL"),
    ("US$", "USD"),
    ("$", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("₹", "INR"),
    ("₽", "RUB"),
    ("₺", "TRY"),
    ("₴", "UAH"),
    ("₦", "NGN"),
    ("₫", "VND"),
];

/// Codes and abbreviations of what networks pay in. Other letters are part of some id.
const CODES: [&str; 34] = [
    "USD", "EUR", "GBP", "INR", "RUB", "BRL", "TRY", "UAH", "NGN", "VND", "IDR", "THB", "PHP",
    "MYR", "MXN", "COP", "CLP", "PEN", "ARS", "CAD", "AUD", "JPY", "CNY", "PLN", "KZT", "UZS",
    "BDT", "PKR", "EGP", "ZAR", "KES", "USDT", "USDC", "BTC",
];

fn find(group: &Group) -> Option<Found> {
    let mut hits = group.hits(Topic::VALUE.and(Topic::CURRENCY), &|seen| stuck(seen).is_some());
    let newest = group.newest(&hits)?;
    let newest_code = stuck(newest).and_then(|(_, sign)| code(sign));
    let value = newest.text(Field::Value).unwrap_or_default();
    let sentence = format!(
        "{} refused: value={} has the currency in it.",
        were(hits.len(), "deposit"),
        shown(value)
    );
    for hit in &mut hits {
        let stuck = group.arrived.get(hit.at).and_then(stuck);
        let read = stuck.and_then(|(digits, sign)| {
            Some((code(sign)?.to_owned(), Amount::parse(digits)?.0.micros()))
        });
        hit.money = Some(read.into_iter().collect());
    }
    let code = newest_code.unwrap_or("USD");
    let mend = format!(
        "{} send the number alone in value, such as value=25.00, and the currency apart, as currency={code}.",
        in_settings(group)
    );
    Found::new(hits, sentence, mend)
}

/// The number of a refused amount and what is stuck to it.
fn stuck<'s>(seen: &'s Seen) -> Option<(&'s str, &'s str)> {
    let value = seen.text(Field::Value).filter(|_| seen.has(Note::ValueNotANumber))?;
    let is_sign = |c: char| c.is_alphabetic() || SIGNS.iter().any(|(sign, _)| sign.contains(c));
    let number = value.trim_matches(|c: char| is_sign(c) || c.is_whitespace());
    let is_number = number.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && number.chars().all(|c| c.is_ascii_digit() || ",.-' \u{a0}".contains(c));
    let (before, behind) = value.split_once(number)?;
    let sign = if before.trim().is_empty() { behind.trim() } else { before.trim() };
    (is_number && code(sign).is_some()).then_some((number, sign))
}

/// The code that a sign means, or that letters are.
fn code(sign: &str) -> Option<&'static str> {
    let signs = SIGNS.iter().find(|(known, _)| *known == sign).map(|(_, code)| *code);
    signs.or_else(|| CODES.into_iter().find(|code| code.eq_ignore_ascii_case(sign)))
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn a_sign_or_a_code_is_found_and_named() {
        for (value, code, micros) in [
            ("$25", "USD", 25_000_000),
            ("25%20EUR", "EUR", 25_000_000),
            ("%E2%82%AC%2025,50", "EUR", 25_500_000),
            ("usdt25.5", "USDT", 25_500_000),
            ("R$10", "BRL", 10_000_000),
        ] {
            let found = found(&[&format!("event=deposit&uid=u-1&eid=5&value={value}")]);
            assert_eq!((found[0].cause, found.len()), ("amount_symbol", 1), "{value}");
            assert!(found[0].mend.contains(&format!("currency={code}.")), "{}", found[0].mend);
            assert_eq!(found[0].money, [(code.to_owned(), micros)], "{value}");
        }
    }

    #[test]
    fn a_word_or_another_number_is_none() {
        for value in ["premium", "0x10", "NaN", "25%25", "tx5512"] {
            let query = format!("event=deposit&uid=u-1&eid=5&value={value}");
            assert_causes(&[&query], &["amount_not_a_number"]);
        }
        assert_causes(&["event=registration&uid=u-1&eid=5&value=$25"], &[]);
    }
}

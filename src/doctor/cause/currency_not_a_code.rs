//! A sign, a number or a word for a currency.

use crate::doctor::cause::Cause;
use crate::doctor::cause::amount_symbol::SIGNS;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, right_macro, shown, were};
use crate::model::event::EventKind;
use crate::model::note::{Field, Note};
use crate::postback::macros::is_unresolved;

pub const CAUSE: Cause = Cause::new("currency_not_a_code", find);

/// ISO 4217's numbers, and words.
const CODES: [(&str, &str); 9] = [
    ("840", "USD"),
    ("978", "EUR"),
    ("826", "GBP"),
    ("356", "INR"),
    ("643", "RUB"),
    ("986", "BRL"),
    ("dollar", "USD"),
    ("dollars", "USD"),
    ("rupees", "INR"),
];

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::CURRENCY, &|seen| seen.has(Note::CurrencyNotACode));
    let currency = group.newest(&hits)?.text(Field::Currency).unwrap_or_default();
    let sentence = format!(
        "{} refused: currency={} is no code of 3 to 5 letters.",
        were(hits.len(), "postback"),
        shown(currency)
    );
    let known = SIGNS.iter().chain(&CODES).find(|(name, _)| name.eq_ignore_ascii_case(currency));
    let right =
        right_macro(group, Field::Currency, EventKind::Deposit).filter(|own| is_unresolved(own));
    let what = match (right, known) {
        (Some(right), _) => format!("write currency={right}"),
        (None, Some((_, code))) => format!("write currency={code}"),
        (None, None) => "write the currency's code, such as currency=USD".to_owned(),
    };
    // An amount without a currency is no sum.
    let hits = hits.into_iter().map(|hit| hit.with_money(Vec::new())).collect();
    Found::new(hits, sentence, say::mend(group, &what))
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found, found_of};

    #[test]
    fn the_code_that_is_meant_is_named() {
        for (currency, mend) in [
            ("%E2%82%AC", "currency=EUR"),
            ("840", "currency=USD"),
            ("dollars", "currency=USD"),
            ("xx", "such as"),
        ] {
            let found =
                found(&[&format!("event=deposit&uid=u-1&eid=5&value=5&currency={currency}")]);
            assert_eq!((found[0].cause, found.len()), ("currency_not_a_code", 1));
            assert!(found[0].mend.contains(mend), "{}", found[0].mend);
        }
        let found = found_of("affise", &["event=deposit&uid=u-1&eid=5&value=5&currency=$"]);
        assert!(found[0].mend.contains("currency={currency}"), "{}", found[0].mend);
    }

    #[test]
    fn codes_in_any_letters_are_none() {
        for code in ["usd", "USDT", "Eur"] {
            assert_causes(&[&format!("event=deposit&uid=u-1&eid=5&value=5&currency={code}")], &[]);
        }
    }
}

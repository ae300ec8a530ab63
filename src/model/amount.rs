//! A deposit's amount, exact (docs/postback.md, Amounts).
//!
//! Amounts are decimal text made into whole millionths. What two readers could read as two different
//! sums is refused rather than guessed: `1,234` is 1234 in London and 1.234 in Berlin.

use rust_decimal::{Decimal, RoundingStrategy};

use super::note::Note;

/// Decimals that are kept; the rest is rounded half-even and noted.
const DECIMALS: u32 = 6;

/// Digits before the point: 10^12 units are 10^18 micros, and an `i64` ends at 9.2 * 10^18.
const INTEGER_DIGITS: usize = 12;

/// `rust_decimal` holds 28 digits exactly: 12 before the point leave 16 behind it.
const FRACTION_DIGITS: usize = 28 - INTEGER_DIGITS;

/// Separators of thousands that are a space to the eye: space, no-break, narrow no-break, thin.
const SPACES: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\u{2009}'];

/// An amount of money in millionths of its currency's unit. Negative for a reversal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    micros: i64,
}

impl Amount {
    /// Millionths of one unit of the currency.
    pub fn micros(self) -> i64 {
        self.micros
    }

    /// An amount that was understood before.
    pub fn of_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// Reads an amount as sent, with what a user should know about how it was understood.
    ///
    /// `None` where the text is not a number, could mean two numbers, or has more than 12 integer digits.
    pub fn parse(text: &str) -> Option<(Self, Vec<Note>)> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || SPACES.contains(&c));
        let (negative, digits) = match text.strip_prefix(['+', '-']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let written = Written::read(digits)?;
        let exact = written.decimal()?;
        if exact.trunc() >= Decimal::from(10_u64.pow(INTEGER_DIGITS as u32)) {
            return None;
        }
        let rounded = exact.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointNearestEven);
        let mut notes = written.notes;
        if rounded != exact {
            notes.push(Note::ValueRounded);
        }
        let micros = i64::try_from((rounded * Decimal::from(1_000_000)).trunc().mantissa()).ok()?;
        let micros = if negative { -micros } else { micros };
        Some((Self { micros }, notes))
    }
}

/// A sum of money in millionths as programs read it: `1234.50`, with at least two decimals.
pub fn plain(micros: i128) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let (units, millionths) =
        (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let decimals = format!("{millionths:06}");
    let (cents, rest) = decimals.split_at_checked(2).unwrap_or((&decimals, ""));
    format!("{sign}{units}.{cents}{}", rest.trim_end_matches('0'))
}

/// The digits of an amount with the separators understood, sign apart.
struct Written {
    integer: String,
    fraction: String,
    notes: Vec<Note>,
}

impl Written {
    fn read(text: &str) -> Option<Self> {
        if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
            let (integer, fraction) = split_plain(mantissa)?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            // Two digits hold every exponent that programs write for a sum of money, floats' dust among it.
            if !(1..=2).contains(&digits.len()) || !is_digits(digits) {
                return None;
            }
            let (integer, fraction) = shifted(&integer, &fraction, exponent.parse().ok()?)?;
            return Some(Self { integer, fraction, notes: Vec::new() });
        }
        let (integer, fraction, notes) = match split_plain(text) {
            Some((integer, fraction)) => (integer, fraction, Vec::new()),
            None => split_local(text)?,
        };
        Some(Self { integer, fraction, notes })
    }

    fn decimal(&self) -> Option<Decimal> {
        let integer = self.integer.trim_start_matches('0');
        if integer.len() > INTEGER_DIGITS {
            return None;
        }
        let fraction = sticky(&self.fraction);
        let plain = format!("0{integer}.{fraction}0");
        Decimal::from_str_exact(plain.trim_end_matches('0')).ok()
    }
}

/// The same digits with the point moved by an exponent.
fn shifted(integer: &str, fraction: &str, exponent: i32) -> Option<(String, String)> {
    let places = usize::try_from(exponent.unsigned_abs()).ok()?;
    let (before, behind) = if exponent < 0 { (places, 0) } else { (0, places) };
    let digits = ["0".repeat(before).as_str(), integer, fraction, &"0".repeat(behind)].concat();
    let (integer, fraction) = digits.split_at_checked(integer.len() + behind)?;
    Some((integer.to_owned(), fraction.to_owned()))
}

/// A fraction short enough to be held exactly; a cut-off tail leaves a last `1`, so that it still
/// decides which way a half is rounded.
fn sticky(fraction: &str) -> String {
    let kept: String = fraction.chars().take(FRACTION_DIGITS - 1).collect();
    let cut = fraction.chars().skip(FRACTION_DIGITS - 1).any(|c| c != '0');
    if cut { kept + "1" } else { kept }
}

/// `25`, `25.00`, `.5`, `25.`: digits with at most one point.
fn split_plain(text: &str) -> Option<(String, String)> {
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    let some = !integer.is_empty() || !fraction.is_empty();
    (some && is_digits(integer) && is_digits(fraction))
        .then(|| (integer.to_owned(), fraction.to_owned()))
}

/// A decimal comma or groups of thousands, where only one reading is possible.
fn split_local(text: &str) -> Option<(String, String, Vec<Note>)> {
    let count = |wanted: char| text.chars().filter(|c| *c == wanted).count();
    let (points, commas) = (count('.'), count(','));
    if let Some(space) = text.chars().find(|c| SPACES.contains(c)) {
        return match (points, commas) {
            (0, 0) => split_grouped(text, space, None),
            (1, 0) => split_grouped(text, space, Some('.')),
            (0, 1) => split_grouped(text, space, Some(',')),
            _ => None,
        };
    }
    match (points, commas) {
        (0, 1) => split_comma(text),
        (0, _) => split_grouped(text, ',', None),
        (_, 0) => split_grouped(text, '.', None),
        (1, _) if text.rfind('.') > text.rfind(',') => split_grouped(text, ',', Some('.')),
        (_, 1) if text.rfind(',') > text.rfind('.') => split_grouped(text, '.', Some(',')),
        _ => None,
    }
}

/// One comma and nothing else: a decimal comma, unless it could separate thousands (`1,234`).
fn split_comma(text: &str) -> Option<(String, String, Vec<Note>)> {
    let (integer, fraction) = text.split_once(',')?;
    let could_be_thousands =
        fraction.len() == 3 && (1..=3).contains(&integer.len()) && !integer.starts_with('0');
    if could_be_thousands || fraction.is_empty() || !is_digits(integer) || !is_digits(fraction) {
        return None;
    }
    Some((integer.to_owned(), fraction.to_owned(), vec![Note::ValueDecimalComma]))
}

fn split_grouped(
    text: &str,
    group: char,
    point: Option<char>,
) -> Option<(String, String, Vec<Note>)> {
    let (integer, fraction) = match point {
        Some(point) => text.split_once(point)?,
        None => (text, ""),
    };
    let mut groups = integer.split(group);
    let first = groups.next()?;
    let well_formed = (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && is_digits(first)
        && groups.all(|group| group.len() == 3 && is_digits(group))
        && is_digits(fraction)
        && (point.is_none() || !fraction.is_empty());
    if !well_formed {
        return None;
    }
    let mut notes = vec![Note::ValueThousands];
    if point == Some(',') {
        notes.push(Note::ValueDecimalComma);
    }
    Some((integer.replace(group, ""), fraction.to_owned(), notes))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(text: &str) -> Option<i64> {
        Amount::parse(text).map(|(amount, _)| amount.micros())
    }

    fn notes(text: &str) -> Vec<Note> {
        Amount::parse(text).map(|(_, notes)| notes).unwrap_or_default()
    }

    #[test]
    fn plain_numbers_are_exact() {
        for (text, expected) in [
            ("25", 25_000_000),
            ("25.00", 25_000_000),
            ("0", 0),
            ("-0", 0),
            (".5", 500_000),
            ("25.", 25_000_000),
            ("+25", 25_000_000),
            ("-25.00", -25_000_000),
            ("1e2", 100_000_000),
            ("1.5E+2", 150_000_000),
            ("250e-1", 25_000_000),
            ("  25 ", 25_000_000),
            ("\u{a0}25\u{a0}", 25_000_000),
            ("0.1", 100_000),
            ("0000000000000025", 25_000_000),
            ("999999999999", 999_999_999_999_000_000),
            ("1e11", 100_000_000_000_000_000),
        ] {
            assert_eq!(micros(text), Some(expected), "{text:?}");
            assert_eq!(notes(text), [], "{text:?}");
        }
    }

    #[test]
    fn a_sum_is_written_plainly_with_at_least_two_decimals() {
        for (micros, expected) in [
            (1_234_500_000, "1234.50"),
            (-25_000_000, "-25.00"),
            (0, "0.00"),
            (1_234_567, "1.234567"),
            (-1, "-0.000001"),
        ] {
            assert_eq!(plain(micros), expected);
        }
    }

    #[test]
    fn local_writings_with_one_meaning_are_read_and_noted() {
        use Note::{ValueDecimalComma as Comma, ValueThousands as Groups};
        for (text, expected, noted) in [
            ("25,50", 25_500_000, vec![Comma]),
            (",5", 500_000, vec![Comma]),
            ("0,500", 500_000, vec![Comma]),
            ("1234,567", 1_234_567_000, vec![Comma]),
            ("-25,50", -25_500_000, vec![Comma]),
            ("1,234.50", 1_234_500_000, vec![Groups]),
            ("1.234,50", 1_234_500_000, vec![Groups, Comma]),
            ("1 234,50", 1_234_500_000, vec![Groups, Comma]),
            ("1\u{a0}234.50", 1_234_500_000, vec![Groups]),
            ("1 234", 1_234_000_000, vec![Groups]),
            ("1,234,567", 1_234_567_000_000, vec![Groups]),
            ("1.234.567", 1_234_567_000_000, vec![Groups]),
        ] {
            assert_eq!(micros(text), Some(expected), "{text:?}");
            assert_eq!(notes(text), noted, "{text:?}");
        }
    }

    #[test]
    fn guesses_and_non_numbers_are_refused() {
        for text in [
            "1,234",
            "12,345,67",
            "$25",
            "25 USD",
            "abc",
            "NaN",
            "inf",
            "-inf",
            "0x10",
            "{amount}",
            "--5",
            "+-5",
            "1234567890123",
            "1e12",
            "9999999999999.5",
            "",
            " ",
            "-",
            "+",
            ".",
            ",",
            "25,",
            "1,,234",
            "1.2.3",
            "1 23",
            "12 34,50",
            "1,23.45",
            "1.234,567,8",
            "1e",
            "e5",
            "1e1e1",
            "1e400",
            "1e-400",
            "1_000",
            "٢٥",
            "25%",
            "1'234",
            "1,234e2",
            "0,123,456",
            "1 234 567,8,9",
            "1.234 567",
        ] {
            assert_eq!(micros(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_seventh_decimal_is_rounded_half_even() {
        for (text, expected, rounded) in [
            ("0.0000005", 0, true),
            ("0.0000015", 2, true),
            ("0.00000050000000000000000000000000001", 1, true),
            ("0.1234565", 123_456, true),
            ("0.12345650", 123_456, true),
            ("0.1234560000000000000000000000000", 123_456, false),
            ("999999999999.9999999", 1_000_000_000_000_000_000, true),
            ("1e-7", 0, true),
            ("1.4210854715202004e-14", 0, true),
            ("-4.6101437310810497e-14", 0, true),
            ("1234567890.12345650e-3", 1_234_567_890_123, true),
            ("0.00000000000000000000000000000025e32", 25_000_000, false),
        ] {
            assert_eq!(micros(text), Some(expected), "{text:?}");
            assert_eq!(notes(text).contains(&Note::ValueRounded), rounded, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn cents_survive(cents in -99_999_999_999_i64..99_999_999_999) {
            let sign = if cents < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100);
            prop_assert_eq!(micros(&text), Some(cents * 10_000));
        }

        #[test]
        fn an_exponent_only_moves_the_point(digits in 1_u64..=u64::MAX, places in 0_usize..=40) {
            let digits = format!("{digits:0>60}");
            let (integer, fraction) = digits.split_at(60 - places);
            let plain = micros(&format!("{integer}.{fraction}"));
            prop_assert_eq!(micros(&format!("{digits}e-{places}")), plain);
            prop_assert_eq!(micros(&format!("0.{digits}e{}", 60 - places)), plain);
        }

        #[test]
        fn groups_of_thousands_change_nothing(units in 1_000_u64..999_999_999_999) {
            let plain = units.to_string();
            let mut grouped = String::new();
            for (index, digit) in plain.chars().enumerate() {
                if index > 0 && (plain.len() - index) % 3 == 0 {
                    grouped.push(' ');
                }
                grouped.push(digit);
            }
            prop_assert_eq!(micros(&grouped), micros(&plain));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.,eE ]{0,40}|\\PC{0,40}") {
            let _ = micros(&text);
        }
    }
}

//! How sums of money are written.

/// Decimals of currencies that do not have two (ISO 4217). Three-decimal ones follow.
const WITHOUT_DECIMALS: [&str; 15] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF",
];
const THREE_DECIMALS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// An amount with thousands in groups and as many decimals as the currency has, or as many more as
/// it takes: nothing is rounded away. Without the currency's name.
pub fn written(micros: i128, currency: &str) -> String {
    let decimals = decimals_of(currency);
    let (units, millionths) =
        (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let fraction = format!("{millionths:06}");
    let needed = fraction.trim_end_matches('0').len().max(decimals);
    let sign = if micros < 0 { "\u{2212}" } else { "" };
    let point = if needed == 0 { "" } else { "." };
    format!("{sign}{}{point}{}", grouped(units), fraction.get(..needed).unwrap_or_default())
}

/// An amount with its currency: `1,234.50 USD`.
pub fn with_currency(micros: i128, currency: &str) -> String {
    format!("{}\u{a0}{currency}", written(micros, currency))
}

/// A whole number with thousands in groups.
pub fn count(number: i64) -> String {
    let sign = if number < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}", grouped(u128::from(number.unsigned_abs())))
}

fn decimals_of(currency: &str) -> usize {
    if WITHOUT_DECIMALS.contains(&currency) {
        0
    } else if THREE_DECIMALS.contains(&currency) {
        3
    } else {
        2
    }
}

fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_their_currencys_decimals_and_lose_none() {
        for (micros, currency, expected) in [
            (25_000_000, "USD", "25.00"),
            (1_234_500_000, "EUR", "1,234.50"),
            (-25_000_000, "USD", "\u{2212}25.00"),
            (1_500_000_000, "JPY", "1,500"),
            (1_500_500_000, "JPY", "1,500.5"),
            (1_500_000, "KWD", "1.500"),
            (1_234_567, "USDT", "1.234567"),
            (0, "USD", "0.00"),
            (123_456_789_012_345_678_901_234, "USD", "123,456,789,012,345,678.901234"),
        ] {
            assert_eq!(written(micros, currency), expected);
        }
        assert_eq!(with_currency(1_000_000, "USD"), "1.00\u{a0}USD");
        assert_eq!(
            [count(0), count(999), count(1540), count(-1_000_000)],
            ["0", "999", "1,540", "\u{2212}1,000,000"]
        );
    }
}

//! The filter of a list, as its address says it.

use super::Asked;
use crate::figures;
use crate::model::amount::Amount;
use crate::model::filter::Filter;
use crate::page::form::Sent;
use crate::reply::Problem;

const NO_AMOUNT: &str = "An amount is a number, such as 25.00.";

/// A filter, and why some of it was not taken.
pub struct Typed {
    pub filter: Filter,
    pub faults: Vec<&'static str>,
}

/// Reads the filter that was typed. Days are the space's, of receipt; one alone is the first and the last.
pub async fn read(asked: &Asked<'_>, sent: &Sent) -> Result<Typed, Problem> {
    let (mut filter, mut faults) = plain(sent);
    let days = (sent.optional("from"), sent.optional("to"));
    let (from, to) = match days {
        (None, None) => return Ok(Typed { filter, faults }),
        (from, to) => (from.clone().or(to.clone()), to.or(from)),
    };
    let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
    let (period, bad_dates) = figures::Asked::parse("custom", &from, &to);
    match bad_dates {
        Some(reason) => faults.push(reason),
        None => {
            let (_, _, span) = asked.span(&period).await?;
            (filter.from_ms, filter.to_ms) = (Some(span.from_ms), Some(span.to_ms));
        }
    }
    Ok(Typed { filter, faults })
}

/// All but the days.
fn plain(sent: &Sent) -> (Filter, Vec<&'static str>) {
    let number = |name| sent.optional(name).and_then(|text| text.parse().ok());
    let upper = |name| sent.optional(name).map(|text: String| text.to_ascii_uppercase());
    let mut faults = Vec::new();
    let mut amount = |name| {
        let text = sent.optional(name)?;
        let read = Amount::parse(&text).map(|(amount, _notes)| amount.micros());
        if read.is_none() && faults.is_empty() {
            faults.push(NO_AMOUNT);
        }
        read
    };
    let (min_micros, max_micros) = (amount("min"), amount("max"));
    let filter = Filter {
        status: sent.optional("status"),
        note: sent.optional("note"),
        text: sent.optional("text"),
        event: sent.optional("event"),
        link: number("link"),
        destination: number("destination"),
        state: sent.optional("state"),
        network: sent.optional("network"),
        key: number("key"),
        country: upper("country"),
        campaign: sent.optional("campaign"),
        min_micros,
        max_micros,
        currency: upper("currency"),
        ..Filter::default()
    };
    (filter, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_filter_and_what_is_no_amount_is_said() {
        let sent =
            Sent::read("event=deposit&link=0&country=in&min=1.234,50&max=abc&currency=usd&key=x");
        let (filter, faults) = plain(&sent);
        assert_eq!((filter.event.as_deref(), filter.link), (Some("deposit"), Some(0)));
        assert_eq!((filter.min_micros, filter.max_micros), (Some(1_234_500_000), None));
        assert_eq!(
            (filter.country.as_deref(), filter.currency.as_deref()),
            (Some("IN"), Some("USD"))
        );
        assert_eq!((filter.key, faults), (None, vec![NO_AMOUNT]));
    }
}

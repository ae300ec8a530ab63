//! No currency, where the network pays in another than USD or names it.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, counted};
use crate::doctor::seen::Seen;
use crate::model::note::Field;

pub const CAUSE: Cause = Cause::new("currency_missing", find);

const DEFAULT: &str = "USD";

fn find(group: &Group) -> Option<Found> {
    let pack = group.pack.and_then(|pack| pack.currency.as_deref());
    let right = pack.filter(|currency| *currency != DEFAULT).map(str::to_owned);
    let right = right.or_else(|| other(group))?;
    let hits =
        group.hits(Topic::CURRENCY, &|seen| is_money(seen) && seen.is_absent(Field::Currency));
    let sentence = format!(
        "{} came without a currency and counted as {DEFAULT}.",
        counted(hits.len(), "deposit")
    );
    Found::new(hits, sentence, say::mend(group, &format!("write currency={right}")))
}

fn is_money(seen: &Seen) -> bool {
    seen.is_deposit() && seen.is_readable() && seen.at.micros.is_some_and(|micros| micros != 0)
}

/// The one other currency that all the source's other deposits name.
fn other(group: &Group) -> Option<String> {
    let named =
        group.arrived.iter().filter(|seen| is_money(seen) && seen.text(Field::Currency).is_some());
    let mut codes = named.map(|seen| seen.at.currency.as_str());
    let only = codes.next().filter(|code| *code != DEFAULT)?;
    codes.all(|code| code == only).then(|| only.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found, found_of};

    #[test]
    fn a_currency_that_the_network_names_is_missed() {
        let mend = &found_of("affise", &["event=deposit&uid=u-1&eid=5&value=5"])[0].mend;
        assert!(mend.ends_with("write currency={currency}."), "{mend}");
        let found = found(&[
            "event=deposit&uid=u-1&eid=5&value=5&currency=EUR",
            "event=deposit&uid=u-1&eid=6&value=6",
        ]);
        assert_eq!((found[0].cause, found[0].seqs.as_slice()), ("currency_missing", &[2][..]));
        assert!(found[0].mend.ends_with("write currency=EUR."), "{}", found[0].mend);
    }

    #[test]
    fn dollars_need_not_be_named() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5"], &[]);
        assert_causes_of("pocket-option", &["event=deposit&uid=u-1&eid=5&value=5"], &[]);
        assert_causes_of("affise", &["event=deposit&uid=u-1&eid=5&value=0"], &[]);
        let mixed = [
            "event=deposit&uid=u-1&eid=5&value=5&currency=EUR",
            "event=deposit&uid=u-1&eid=6&value=6&currency=USD",
            "event=deposit&uid=u-1&eid=7&value=7",
        ];
        assert_causes(&mixed, &[]);
    }
}

//! Amounts of something else than the deposit, where the deposit is known too.

use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::literal::Literal;
use crate::doctor::names::{DEPOSITS, amounts, equal_amount};
use crate::doctor::say::{self, counted, shown};
use crate::doctor::seen::Seen;
use crate::model::event::EventKind;
use crate::model::note::Field;
use crate::network::Meaning;

/// What stands where the deposit is meant.
pub struct Share {
    pub means: Meaning,
    pub names: &'static [&'static str],
    /// In words.
    pub is: &'static str,
}

/// Finds an amount that the network calls something else.
pub fn find(group: &Group, share: &Share) -> Option<Found> {
    let open = group.open(Topic::VALUE).into_iter().filter(|(_, seen)| seen.is(EventKind::Deposit));
    let told: Vec<_> =
        open.filter_map(|(at, seen)| Some((at, told(group, share, seen)?))).collect();
    let (_, (sent, deposit)) = told.last()?;
    let hits: Vec<_> = told.iter().map(|(at, _)| Hit::new(*at, Topic::VALUE)).collect();
    let sentence = format!(
        "{} came with {} in value ({}), not with what the user paid in.",
        counted(hits.len(), "deposit"),
        share.is,
        shown(sent)
    );
    let mend = match group.macro_of(Meaning::Deposit) {
        Some(right) => say::mend(group, &format!("write value={right}")),
        None => say::mend(group, &format!("write behind value= the macro that fills {deposit}=")),
    };
    Found::new(hits, sentence, mend)
}

/// What stands in value, and the name of the deposit's parameter.
fn told(group: &Group, share: &Share, seen: &Seen) -> Option<(String, String)> {
    let has_deposit = group.macro_of(Meaning::Deposit).is_some();
    if let Some(left) = seen.literal(Field::Value) {
        let means = Literal::new(left).and_then(|literal| group.meaning(&literal));
        return (has_deposit && means == Some(share.means))
            .then(|| (left.to_owned(), String::new()));
    }
    let micros = seen.at.micros.filter(|micros| *micros != 0)?;
    let name = equal_amount(seen, share.names, micros)?;
    let mut deposits = amounts(seen, DEPOSITS).peekable();
    let is_named = deposits.peek().is_some();
    let sent = format!("{name}={}", seen.at.value.as_deref().unwrap_or_default());
    if is_named {
        // A smaller one is a flag or a count.
        let is_other = amounts(seen, DEPOSITS).all(|(_, deposit)| deposit > micros);
        let (deposit, _) = deposits.next()?;
        return is_other.then(|| (sent, deposit.to_owned()));
    }
    (has_deposit && group.meaning_of(name) == Some(share.means)).then_some((sent, String::new()))
}

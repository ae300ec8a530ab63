//! Money that was counted although the network says that it must not be.

use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::literal::Literal;
use crate::doctor::names::{Against, said_against};
use crate::doctor::say::{self, counted, shown};
use crate::doctor::seen::Seen;
use crate::model::amount::Amount;
use crate::model::event::EventKind;
use crate::model::note::Field;
use crate::network::{Meaning, Standing};

/// Finds deposits that the network calls something else.
pub fn find(group: &Group, against: Against) -> Option<Found> {
    let topic = Topic::VALUE.and(Topic::EVENT);
    let open = group.open(topic).into_iter().filter(|(_, seen)| seen.is(EventKind::Deposit));
    let told: Vec<_> =
        open.filter_map(|(at, seen)| Some((at, told(group, seen, against)?))).collect();
    let (_, (name, word)) = told.last()?;
    let hits: Vec<_> = told.iter().map(|(at, _)| Hit::new(*at, topic)).collect();
    let what = match against {
        Against::Declined => "declined conversion",
        Against::Chargeback => "chargeback",
        Against::Withdrawal => "withdrawal",
    };
    let sentence = format!(
        "{} ({name}={}) came as a deposit with a positive amount, and added to revenue.",
        counted(hits.len(), what),
        shown(word)
    );
    Found::new(hits, sentence, mend(group, against, name, word))
}

/// The parameter and the word that say so.
fn told(group: &Group, seen: &Seen, against: Against) -> Option<(String, String)> {
    if against == Against::Withdrawal
        && let Some(left) = seen.literal(Field::Value)
    {
        let means = Literal::new(left).and_then(|literal| group.meaning(&literal));
        let is_withdrawal = means == Some(Meaning::Withdrawal);
        return is_withdrawal.then(|| (Field::Value.name().to_owned(), left.to_owned()));
    }
    let micros = seen.at.micros.filter(|micros| *micros > 0)?;
    if let Some((name, word, says)) = said_against(group, seen) {
        return (says == against).then(|| (name.to_owned(), word.to_owned()));
    }
    let is_withdrawn = |(name, value): &(&str, &str)| {
        let same = Amount::parse(value).is_some_and(|(amount, _)| amount.micros() == micros);
        same && (name.eq_ignore_ascii_case("sumwithdraw")
            || group.meaning_of(name) == Some(Meaning::Withdrawal))
    };
    let mut withdrawn = seen.others().into_iter().filter(|_| against == Against::Withdrawal);
    withdrawn.find(is_withdrawn).map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn mend(group: &Group, against: Against, name: &str, word: &str) -> String {
    let word = shown(word);
    match (against, group.macro_of(Meaning::Deposit)) {
        (Against::Withdrawal, Some(right)) => say::mend(
            group,
            &format!("write value={right}, and leave withdrawals out of the postback"),
        ),
        (Against::Withdrawal, None) => say::mend(
            group,
            "leave withdrawals out of the postback, and have it fire for deposits alone",
        ),
        (Against::Declined, _) => say::mend(
            group,
            &format!("have the postback fire only when {name} is {}", approved(group)),
        ),
        (Against::Chargeback, _) => say::mend(
            group,
            &format!(
                "send a chargeback ({name}={word}) with a negative amount and an id of its own, or leave it out"
            ),
        ),
    }
}

/// The network's word for what counts.
fn approved<'g>(group: &Group<'g>) -> &'g str {
    let statuses = group.pack.map(|pack| &pack.statuses);
    let mut approved = statuses.into_iter().flatten().filter(|(_, is)| **is == Standing::Approved);
    approved.next().map_or("approved", |(word, _)| word)
}

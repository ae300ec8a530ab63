//! The event has the network's name, not one of ours.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::names::{Against, against, event_meant};
use crate::doctor::say::{self, shown, were};
use crate::model::event::EventKind;
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("event_unknown", find);

fn find(group: &Group) -> Option<Found> {
    let mut hits = group.hits(Topic::EVENT, &|seen| seen.has(Note::EventUnknown));
    let word = group.newest(&hits)?.text(Field::Event).unwrap_or_default();
    let sentence = format!(
        "{} refused: event={} is none of contact, subscribed, registration and deposit.",
        were(hits.len(), "postback"),
        shown(word)
    );
    for hit in &mut hits {
        let word = group.arrived.get(hit.at).and_then(|seen| seen.text(Field::Event));
        if word.and_then(event_meant) != Some(EventKind::Deposit) {
            hit.money = Some(Vec::new());
        }
    }
    let (meant, word) = ((event_meant(word), against(word)), shown(word));
    let what = match meant {
        (Some(event), _) => format!("write event={} in place of event={word}", event.code()),
        (None, Some(Against::Withdrawal)) => {
            format!("take event={word} out: withdrawals are not counted")
        }
        (None, Some(Against::Chargeback | Against::Declined)) => {
            format!(
                "take event={word} out: it says what became of a conversion, and is none itself"
            )
        }
        (None, None) => format!(
            "write event=deposit or event=registration in place of event={word}, or take it out if it is neither"
        ),
    };
    Found::new(hits, sentence, say::mend(group, &what))
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::found;

    #[test]
    fn the_event_that_is_meant_is_named() {
        for (word, mend) in [
            ("ftd", "write event=deposit in place of event=ftd"),
            ("first_deposit", "event=deposit"),
            ("re-deposit", "event=deposit"),
            ("purchase", "event=deposit"),
            ("lead", "event=registration"),
            ("reg", "event=registration"),
            ("withdrawal", "take event=withdrawal out: withdrawals"),
            ("rejected", "take event=rejected out"),
            ("17", "event=deposit or event=registration"),
        ] {
            let found = found(&[&format!("event={word}&uid=u-1&eid=5&value=5")]);
            assert_eq!((found[0].cause, found.len()), ("event_unknown", 1), "{word}");
            assert!(found[0].mend.contains(mend), "{}", found[0].mend);
            let is_money = mend.starts_with("write event=deposit") || mend == "event=deposit";
            assert_eq!(!found[0].money.is_empty(), is_money, "{word}");
        }
    }

    #[test]
    fn ours_are_none() {
        for event in ["contact", "subscribed", "registration", "DEPOSIT"] {
            assert!(found(&[&format!("event={event}&uid=u-1&eid=5&value=5")]).is_empty());
        }
    }
}

//! One of our parameters came under the network's own name, or in other letters, and was not read.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Index, Topic};
use crate::doctor::literal::Literal;
use crate::doctor::names::{AMOUNTS, CLICKS, CURRENCIES, STATUSES, TRANSACTIONS, event_meant};
use crate::doctor::say::{self, counted, joined, meant, right_macro, shown};
use crate::doctor::seen::{Seen, Sent};
use crate::model::amount::Amount;
use crate::model::event::{Currency, EventKind};
use crate::model::note::{Field, Note};
use crate::network::Meaning;

pub const CAUSE: Cause = Cause::new("parameter_own_name", find);

const FIELDS: [Field; 5] = [Field::Uid, Field::Value, Field::Eid, Field::Event, Field::Currency];

/// A parameter of ours under another name.
struct Named {
    at: usize,
    field: Field,
    name: String,
    value: String,
}

fn find(group: &Group) -> Option<Found> {
    let mut named = Vec::new();
    for field in FIELDS {
        let of_field: Vec<_> = group
            .open(Topic::of(field))
            .into_iter()
            .filter(|(_, seen)| is_missed(seen, field))
            .filter_map(|(at, seen)| {
                let (name, value) = other_name(group, seen, field)?;
                Some(Named { at, field, name: name.to_owned(), value: value.to_owned() })
            })
            .collect();
        if field != Field::Eid || are_ids(group, &of_field) {
            named.extend(of_field);
        }
    }
    let hit = |one: &Named| Hit {
        money: money(group, one).map(|money| vec![money]),
        ..Hit::new(one.at, Topic::of(one.field))
    };
    let hits = group.in_order(named.iter().map(hit).collect());
    let last: Vec<&Named> =
        FIELDS.iter().filter_map(|field| named.iter().rfind(|one| one.field == *field)).collect();
    let parts: Vec<_> = last
        .iter()
        .map(|one| {
            format!("the {} as {}={}", meant(one.field), shown(&one.name), shown(&one.value))
        })
        .collect();
    let sentence = format!(
        "{} came with {}, under a name that is not read.",
        counted(hits.len(), "postback"),
        joined(&parts)
    );
    let event = group.event_of(&hits);
    let parts: Vec<_> = last.iter().map(|one| rename(group, one, event)).collect();
    Found::new(hits, sentence, say::mend(group, &joined(&parts)))
}

/// Whether one of ours is not there, where it is needed.
fn is_missed(seen: &Seen, field: Field) -> bool {
    let is_needed = match field {
        Field::Uid => !seen.at.has_tg_id && seen.at.uid.is_none(),
        Field::Value | Field::Eid => seen.is_deposit(),
        Field::Currency => seen.is_deposit(),
        Field::Event => seen.has(Note::EventMissing),
        _ => false,
    };
    // One that is there and empty has its name already.
    is_needed && *seen.sent(field) == Sent::Missing
}

/// The parameter that was meant, by name and by what is in it.
fn other_name<'s>(group: &Group, seen: &'s Seen, field: Field) -> Option<(&'s str, &'s str)> {
    let fits = |name: &str, value: &str| {
        let is_click = field == Field::Eid && seen.at.uid.as_deref() == Some(value);
        Literal::new(value).is_none() && !is_click && fits(group, field, name, value)
    };
    let in_letters = seen.others().into_iter().find(|(name, value)| {
        name.eq_ignore_ascii_case(field.name()) && Literal::new(value).is_none()
    });
    let names = match field {
        Field::Uid => CLICKS,
        Field::Eid => TRANSACTIONS,
        Field::Value => AMOUNTS,
        Field::Currency => CURRENCIES,
        _ => STATUSES,
    };
    let known = names.iter().find_map(|known| {
        seen.others()
            .into_iter()
            .find(|(name, value)| name.eq_ignore_ascii_case(known) && fits(name, value))
    });
    let own = || {
        let mut all = seen.others().into_iter();
        all.find(|(name, value)| group.meaning_of(name).is_some() && fits(name, value))
    };
    in_letters.or(known).or_else(own)
}

/// Whether what a parameter holds may be what is missed.
fn fits(group: &Group, field: Field, name: &str, value: &str) -> bool {
    let means = group.meaning_of(name);
    match field {
        Field::Uid => matches!(means, None | Some(Meaning::Click)),
        Field::Eid => group.may_have_eid() && matches!(means, None | Some(Meaning::Transaction)),
        Field::Value => {
            let is_amount = matches!(
                means,
                None | Some(
                    Meaning::Deposit | Meaning::Order | Meaning::Commission | Meaning::Amount
                )
            );
            is_amount && Amount::parse(value).is_some()
        }
        Field::Currency => {
            let is_other = |code: Currency| code.as_str() != "USD";
            matches!(means, None | Some(Meaning::Currency))
                && Currency::parse(value).is_some_and(is_other)
        }
        Field::Event => {
            matches!(means, None | Some(Meaning::Event | Meaning::Status))
                && event_meant(value).is_some()
        }
        _ => false,
    }
}

/// Whether they may be ids of deposits: no two deposits that differ have the same.
fn are_ids(group: &Group, named: &[Named]) -> bool {
    let mut by_id = Index::new();
    for one in named {
        by_id.entry(one.value.clone()).or_default().push(one.at);
    }
    let says =
        |at: &usize| group.arrived.get(*at).map(|seen| (seen.at.uid.as_deref(), seen.at.micros));
    by_id.values().all(|places| places.iter().all(|at| says(at) == places.first().and_then(says)))
}

/// The amount that was not read.
fn money(group: &Group, one: &Named) -> Option<(String, i64)> {
    let seen = group.arrived.get(one.at).filter(|_| one.field == Field::Value)?;
    Some((seen.at.currency.clone(), Amount::parse(&one.value)?.0.micros()))
}

fn rename(group: &Group, one: &Named, event: EventKind) -> String {
    let (from, to) = (shown(&one.name), one.field.name());
    match (one.field, event_meant(&one.value), right_macro(group, one.field, event)) {
        (Field::Event, Some(event), _) => {
            format!("write event={} in place of {from}={}", event.code(), shown(&one.value))
        }
        (_, _, Some(right)) => format!("rename {from}= to {to}=: {to}={right}"),
        _ => format!("rename {from}= to {to}="),
    }
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found, found_of};

    const NAME: &str = "parameter_own_name";

    #[test]
    fn every_parameter_is_found_under_other_names() {
        for query in [
            "event=deposit&uid=u-1&eid=5&amount=5",
            "event=deposit&uid=u-1&eid=5&VALUE=5",
            "event=deposit&clickid=u-1&eid=5&value=5",
            "event=deposit&UID=u-1&eid=5&value=5",
            "event=deposit&uid=u-1&txid=5&value=5",
            "event=deposit&uid=u-1&EID=5&value=5",
            "status=ftd&uid=u-1&eid=5&value=5",
            "Event=deposit&uid=u-1&eid=5&value=5",
            "event=deposit&uid=u-1&eid=5&value=5&cur=EUR",
        ] {
            assert_causes(&[query], &[NAME]);
        }
        let found = found(&["event=deposit&cid=u-1&eid=5&sum=5"]);
        assert_eq!(
            (found[0].sentence.as_str(), found[0].mend.as_str()),
            (
                "1 postback came with the click id as cid=u-1 and the amount as sum=5, under a name that is not read.",
                "In the network's postback settings, rename cid= to uid= and rename sum= to value=."
            )
        );
        assert_eq!(found[0].money, [("USD".to_owned(), 5_000_000)]);
    }

    #[test]
    fn the_macro_of_the_network_is_named() {
        let mend =
            &found_of("posh-partners", &["event=deposit&transaction_id=u-1&value=5"])[0].mend;
        assert!(mend.ends_with("rename transaction_id= to uid=: uid={transaction_id}."), "{mend}");
    }

    #[test]
    fn other_parameters_beside_ours_are_none() {
        for query in [
            "event=deposit&uid=u-1&eid=5&value=5&amount=5&txid=9&click_id=k&status=approved&cur=EUR&currency=USD",
            "event=deposit&tg_id=555123&eid=5&value=5&sub1=a",
            "event=registration&uid=u-1&amount=0&txid=5",
            "event=deposit&uid=u-1&value=5&transaction_id=u-1",
            "event=deposit&uid=u-1&eid=1&value=5&cur=EURO-CENT",
            "event=deposit&uid=u-1&eid=5&value=5&cur=USD",
        ] {
            assert_causes(&[query], &[]);
        }
        assert_causes_of("tune", &["event=deposit&uid=u-1&value=5&transaction_id=10"], &[]);
        assert_causes_of(
            "everflow",
            &["event=deposit&uid=u-1&value=5&transaction_id=10"],
            &["eid_missing"],
        );
        let visits = ["event=deposit&uid=u-1&value=5&tid=1", "event=deposit&uid=u-1&value=6&tid=1"];
        assert_causes(&visits, &[]);
    }
}

//! Templates, and what is said of them.

use super::*;
use crate::network::packs;

fn slots(query: &str) -> Vec<Slot> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, raw)| Slot::new(name, Field::named(name), raw)).collect()
}

/// `chosen` is how the network's name begins.
fn checked(chosen: Option<&str>, query: &str) -> Checked {
    let packs = packs();
    let chosen = chosen.map(|name| packs.iter().find(|pack| pack.name.starts_with(name)).unwrap());
    check(&packs, chosen.map(|pack| pack.slug), &slots(query))
}

fn fits(checked: &Checked) -> Vec<Fit> {
    checked.said.iter().map(|said| said.fit).collect()
}

#[test]
fn the_clicks_id_as_eid_is_told_with_the_right_macro() {
    let query = "event=deposit&uid={sub1}&eid={transaction_id}&value={sale_amount}";
    let checked = checked(None, query);
    assert_eq!(checked.network.as_deref(), Some("Everflow"));
    assert_eq!(fits(&checked), [Fit::Right, Fit::Wrong, Fit::Right]);
    let eid = &checked.said[1].sentence;
    assert!(eid.contains("identifies the click") && eid.contains("{conversion_id}"), "{eid}");
    assert_eq!(checked.missing, Vec::<String>::new());
}

#[test]
fn a_macro_in_the_wrong_place_case_or_bracket_is_told() {
    for (query, expected) in [
        ("event=deposit&uid={trade_id}&eid={click_id}&value={sumdep}", "Use {click_id} for uid."),
        ("event=deposit&uid={CLICK_ID}&eid={trade_id}&value={sumdep}", "writes it {click_id}."),
        ("event=deposit&uid=[click_id]&eid={trade_id}&value={sumdep}", "writes it {click_id}."),
        ("event=deposit&uid={click_id}&eid={trader_id}&value={sumdep}", "Use {trade_id} for eid."),
        ("event=deposit&uid={click_id}&eid={trade_id}&sum={sumdep}", "call it value."),
        ("event={type}&uid={click_id}&eid={trade_id}&value={sumdep}", "Write the event itself"),
        ("event=deposit&uid={odd}&eid={trade_id}&value={sumdep}", "Use {click_id} for uid."),
        ("event=deposit&uid=%257Btrade_id%257D&eid=1&value=1", "Use {click_id} for uid."),
        ("event=deposit&{status}=true&uid={click_id}&eid={trade_id}", "Put a name before it."),
    ] {
        let checked = checked(Some("Pocket Option"), query);
        let said = checked.said.iter().any(|said| said.sentence.contains(expected));
        assert!(said, "{query}: {:?}", checked.said);
        assert!(fits(&checked).iter().any(|fit| *fit != Fit::Right), "{query}");
    }
}

#[test]
fn every_ready_made_url_is_right_and_lacks_nothing_that_is_known() {
    for pack in packs().iter().filter(|pack| !pack.base_only) {
        for ready in pack.urls("https://t.example", "xt_in_T") {
            let query = ready.url.split_once('?').unwrap().1;
            let checked = checked(Some(&pack.name), query);
            for said in &checked.said {
                let is_placeholder = said.text == "REPLACE";
                assert!(said.fit == Fit::Right || is_placeholder, "{} {said:?}", pack.name);
            }
            let can_be_added = checked.missing.iter().any(|missing| missing.contains("Add "));
            assert!(!can_be_added, "{} {:?}", pack.name, checked.missing);
        }
    }
}

#[test]
fn a_macro_that_the_ready_made_urls_do_not_have_is_explained_too() {
    for (network, query, fit, expected) in [
        ("Pocket Option", "event=deposit&uid={sub_id1}", Fit::Right, "the click id"),
        ("Everflow", "event=deposit&uid={sub7}", Fit::Right, "the click id"),
        ("Affise", "event=deposit&eid={rand}", Fit::Wrong, "{transactionid}"),
        ("Quotex", "event=deposit&value={sumwithdraw}", Fit::Wrong, "Use {sumdep} for value."),
        ("Binom", "event=deposit&state={cnv_status}", Fit::Unknown, "the conversion's status"),
    ] {
        let checked = checked(Some(network), query);
        let said = &checked.said[0];
        assert_eq!(said.fit, fit, "{said:?}");
        assert!(said.sentence.contains(expected), "{said:?}");
    }
}

#[test]
fn where_the_network_is_not_known_no_macro_of_one_is_named() {
    let packs = packs();
    for query in ["event=deposit&uid={zz}&eid={yy}", "event=deposit&uid={click_id}"] {
        let checked = checked(None, query);
        assert_eq!(checked.network, None, "{query}");
        for text in checked.said.iter().map(|said| &said.sentence).chain(&checked.missing) {
            let named = packs.iter().find(|pack| text.contains(&pack.name));
            assert!(named.is_none() && !text.contains('{'), "{query}: {text}");
        }
    }
}

#[test]
fn what_is_missing_is_named_with_its_macro() {
    let checked = checked(Some("Everflow"), "uid={sub1}");
    assert_eq!(checked.missing.len(), 3, "{:?}", checked.missing);
    assert!(checked.missing[0].starts_with("event:"));
    assert!(checked.missing[1].ends_with("Add eid={conversion_id}."));
}

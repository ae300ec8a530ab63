use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::postback::macros::is_unresolved;
use crate::postback::{self, Received};

const ORIGIN: &str = "https://t.example";
const TOKEN: &str = "xt_in_T";

fn urls(name: &str) -> Vec<String> {
    let packs = packs();
    let pack = packs.iter().find(|pack| pack.name.starts_with(name)).unwrap();
    let urls = pack.urls(ORIGIN, TOKEN);
    urls.into_iter().map(|ready| ready.url.replace("https://t.example/e", "")).collect()
}

#[test]
fn every_file_is_a_pack_that_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/network");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let is_scenario = |path: &Path| path.to_string_lossy().ends_with(".scenario.json");
    let is_pack = |path: &Path| path.extension().is_some_and(|e| e == "json") && !is_scenario(path);
    let files: Vec<_> = files.filter(|path| is_pack(path)).collect();
    for path in &files {
        let text = fs::read_to_string(path).unwrap();
        let is_read = Pack::read("", &json::read(&text)).is_some();
        assert!(is_read, "{} lacks a key, or a word in it is none that is known", path.display());
    }
    assert_eq!(PACKS.len(), files.len());
    for pair in packs().windows(2) {
        let [before, after] = [&pair[0].name, &pair[1].name];
        let is_sorted = before.to_lowercase() < after.to_lowercase();
        assert!(is_sorted, "the files' names sort {before} before {after}");
    }
}

/// What is put into a URL means what belongs there.
#[test]
fn every_macro_of_a_url_says_what_it_stands_for() {
    for pack in packs() {
        let meaning = |name: &str| pack.meaning(name);
        let named = format!("{} at {}", pack.name, pack.slug);
        assert!(
            pack.uid.as_deref().is_none_or(|uid| meaning(uid) == Some(Meaning::Click)),
            "{named}"
        );
        for (event, eid) in &pack.eid {
            let is_person = event == "registration" && meaning(eid) == Some(Meaning::User);
            assert!(is_person || meaning(eid) == Some(Meaning::Transaction), "{named}: {eid}");
        }
        for amount in &pack.amounts {
            let expected = match amount.means {
                Means::Deposit => Meaning::Deposit,
                Means::Order => Meaning::Order,
                Means::Commission => Meaning::Commission,
                Means::Unsaid => Meaning::Amount,
            };
            assert_eq!(meaning(&amount.name), Some(expected), "{named}: {}", amount.name);
        }
        let currency = pack.currency.as_deref().filter(|currency| is_unresolved(currency));
        assert!(currency.is_none_or(|name| meaning(name) == Some(Meaning::Currency)), "{named}");
        for name in pack.macros.iter().map(|own| &own.text) {
            assert!(is_unresolved(name), "{named}: {name} would be taken for a value");
        }
    }
}

/// A pack that says how its offer link carries the click id says it of a macro of its own, the one in its URLs first.
#[test]
fn every_parameter_of_an_offer_link_comes_back_by_a_macro_of_the_pack() {
    for pack in packs() {
        for (parameter, text) in &pack.link_parameters {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(!parameter.is_empty() && parameter.chars().all(is_word), "{}", pack.slug);
            assert_eq!(pack.meaning(text), Some(Meaning::Click), "{}: {text}", pack.slug);
        }
        let is_known = pack.link_parameter().is_some();
        assert_eq!(is_known, !pack.link_parameters.is_empty(), "{}", pack.slug);
    }
    let packs = packs();
    let of = |slug| packs.iter().find(|pack| pack.slug == slug).and_then(Pack::link_parameter);
    assert_eq!(of("pocket-option"), Some("click_id"));
    assert_eq!(of("posh-partners"), Some("promo"));
    assert_eq!(of("adcombo"), None);
}

/// The rows of the networks' table that have a source, with what each gives.
#[test]
fn every_network_has_its_own_macros() {
    for (name, registration, deposits) in [
        (
            "1win",
            "?token=xt_in_T&event=registration&uid={sub1}&eid={transaction_id}",
            &["?token=xt_in_T&event=deposit&uid={sub1}&eid={transaction_id}&value={amount}"][..],
        ),
        (
            "1xPartners",
            "?token=xt_in_T&event=registration&uid=REPLACE",
            &["?token=xt_in_T&event=deposit&uid=REPLACE&value={sumdep}"][..],
        ),
        (
            "AdCombo",
            "?token=xt_in_T&event=registration&uid={subacc4}&eid={trans_id}",
            &["?token=xt_in_T&event=deposit&uid={subacc4}&eid={trans_id}&value={revenue}"][..],
        ),
        (
            "Affise",
            "?token=xt_in_T&event=registration&uid={sub1}&eid={transactionid}",
            &[
                "?token=xt_in_T&event=deposit&uid={sub1}&eid={transactionid}&value={sum}&currency={currency}",
                "?token=xt_in_T&event=deposit&uid={sub1}&eid={transactionid}&value={order_sum}&currency={currency}",
            ][..],
        ),
        (
            "Affonso",
            "?token=xt_in_T&event=registration&uid={tracking_id}&eid={transaction_id}",
            &[
                "?token=xt_in_T&event=deposit&uid={tracking_id}&eid={transaction_id}&value={commission_amount}",
                "?token=xt_in_T&event=deposit&uid={tracking_id}&eid={transaction_id}&value={sale_amount}",
            ][..],
        ),
        (
            "Binom as sender",
            "?token=xt_in_T&event=registration&uid={externalid}",
            &["?token=xt_in_T&event=deposit&uid={externalid}"][..],
        ),
        ("Binomo", "/xt_in_T/registration", &["/xt_in_T/deposit"][..]),
        (
            "CAKE",
            "?token=xt_in_T&event=registration&uid=#s2#&eid=#leadid#",
            &["?token=xt_in_T&event=deposit&uid=#s2#&eid=#leadid#&value=#price#"][..],
        ),
        (
            "Everflow",
            "?token=xt_in_T&event=registration&uid={sub1}&eid={conversion_id}",
            &[
                "?token=xt_in_T&event=deposit&uid={sub1}&eid={conversion_id}&value={payout_amount}",
                "?token=xt_in_T&event=deposit&uid={sub1}&eid={conversion_id}&value={sale_amount}",
            ][..],
        ),
        (
            "Impact",
            "?token=xt_in_T&event=registration&uid={SubId1}&eid={ActionId}",
            &[
                "?token=xt_in_T&event=deposit&uid={SubId1}&eid={ActionId}&value={Payout}&currency={Currency}",
                "?token=xt_in_T&event=deposit&uid={SubId1}&eid={ActionId}&value={Amount}&currency={Currency}",
            ][..],
        ),
        (
            "Keitaro as sender",
            "?token=xt_in_T&event=registration&uid={external_id}&eid={tid}",
            &["?token=xt_in_T&event=deposit&uid={external_id}&eid={tid}&value={revenue}"][..],
        ),
        (
            "Pocket Option",
            "?token=xt_in_T&event=registration&uid={click_id}&eid={trader_id}",
            &[
                "?token=xt_in_T&event=deposit&uid={click_id}&eid={trade_id}&value={sumdep}&currency=USD",
            ][..],
        ),
        (
            "posh-partners",
            "?token=xt_in_T&event=registration&uid={transaction_id}",
            &["?token=xt_in_T&event=deposit&uid={transaction_id}&value={amount}"][..],
        ),
        (
            "Quotex",
            "?token=xt_in_T&event=registration&uid={click_id}&eid={trader_id}",
            &["?token=xt_in_T&event=deposit&uid={click_id}&eid={event_id}&value={sumdep}"][..],
        ),
        (
            "Scaleo",
            "?token=xt_in_T&event=registration&uid={aff_click_id}",
            &["?token=xt_in_T&event=deposit&uid={aff_click_id}"][..],
        ),
        (
            "Tapfiliate",
            "?token=xt_in_T&event=registration&uid=${click_subid}",
            &[
                "?token=xt_in_T&event=deposit&uid=${click_subid}&value=${commission_amount}&currency=${currency}",
            ][..],
        ),
        (
            "The Trading Pit",
            "?token=xt_in_T&event=registration&uid=[afp]",
            &[
                "?token=xt_in_T&event=deposit&uid=[afp]&eid=[depositid]&value=[transaction_sum]",
                "?token=xt_in_T&event=deposit&uid=[afp]&eid=[depositid]&value=[commissionamount]",
            ][..],
        ),
        (
            "TUNE",
            "?token=xt_in_T&event=registration&uid={aff_sub}",
            &["?token=xt_in_T&event=deposit&uid={aff_sub}&value={payout}"][..],
        ),
        (
            "Voluum as sender",
            "?token=xt_in_T&event=registration&uid={externalid}",
            &["?token=xt_in_T&event=deposit&uid={externalid}"][..],
        ),
    ] {
        let expected: Vec<&str> =
            [registration].into_iter().chain(deposits.iter().copied()).collect();
        assert_eq!(urls(name), expected, "{name}");
    }
}

#[test]
fn every_pack_says_where_it_is_known_from_and_what_to_mind() {
    for pack in packs() {
        assert!(["D", "U"].contains(&pack.source.grade.as_str()), "{}", pack.name);
        let is_official = pack.source.grade == "D";
        assert_eq!(is_official, !pack.source.says.contains("not official"), "{}", pack.name);
        assert!(!pack.source.says.is_empty(), "{} does not say where it is from", pack.name);
        assert!(!pack.notes.is_empty(), "{} has no note", pack.name);
        let urls: BTreeSet<_> = ["registration", "deposit"].map(str::to_owned).into();
        assert!(pack.eid.keys().all(|event| urls.contains(event)), "{}", pack.name);
        let currency = pack.currency.as_deref().unwrap_or("USD");
        let is_code = crate::model::event::Currency::parse(currency).is_some();
        assert!(is_code || is_unresolved(currency), "{}", pack.name);
        if !pack.eid.contains_key("deposit") && !pack.base_only {
            let told = pack.notes.iter().any(|note| note.contains("second call counts again"));
            assert!(told, "{} has no id and does not say so", pack.name);
        }
    }
}

/// A URL that arrives as it stands in the settings is understood for what it is: every macro is seen
/// to be unfilled, none is taken for an id.
#[test]
fn an_unfilled_macro_of_any_pack_is_taken_for_no_id() {
    for pack in packs().iter().filter(|pack| !pack.base_only) {
        for ready in pack.urls(ORIGIN, TOKEN) {
            let query = ready.url.split_once('?').unwrap().1;
            match postback::read(&Received::query(query), 1_790_000_000_000).verdict {
                Ok(report) => assert_eq!((report.uid, report.eid), (None, None), "{}", ready.url),
                Err(refusal) => assert_eq!(refusal.status.word(), "invalid_value", "{}", ready.url),
            }
        }
    }
}

#[test]
fn a_network_without_a_pack_is_built_from_what_the_user_types() {
    let macros = |uid: &str, value: &str| Macros {
        uid: uid.to_owned(),
        value: value.to_owned(),
        ..Macros::default()
    };
    let checked = macros(" <cid> ", "#sum#").check().unwrap();
    assert_eq!(
        checked.url(ORIGIN, TOKEN, EventKind::Deposit),
        "https://t.example/e?token=xt_in_T&event=deposit&uid=<cid>&value=#sum#"
    );
    assert_eq!(
        checked.url(ORIGIN, TOKEN, EventKind::Contact),
        "https://t.example/e?token=xt_in_T&event=contact&uid=<cid>"
    );
    let elsewhere = macros_for(&packs(), "value");
    let sumdep = elsewhere.iter().find(|(text, _)| text == "{sumdep}");
    assert!(sumdep.is_some_and(|(_, at)| at.contains("Pocket Option")), "{elsewhere:?}");
    for bad in ["a b", "a&b", "a=b", "a?b", "\"", "ä", &"x".repeat(65)] {
        assert_eq!(macros(bad, "").check().map_err(|bad| bad.first.field), Err("uid"), "{bad}");
    }
}

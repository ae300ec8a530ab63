//! Which network an arrival comes from, as far as it shows: by macros that were left unfilled and by
//! names of parameters. What several networks share proves nothing.

use crate::doctor::group::Index;
use crate::doctor::literal::literals;
use crate::doctor::seen::Seen;
use crate::model::note::Field;
use crate::network::{Macro, Pack};

/// Names that networks beyond the known ones use as well. Alone, they prove nothing.
const COMMON: [&str; 22] = [
    "click_id",
    "clickid",
    "transaction_id",
    "amount",
    "payout",
    "currency",
    "status",
    "event",
    "event_id",
    "sum",
    "goal",
    "revenue",
    "price",
    "geo",
    "rand",
    "event_type",
    "tid",
    "s2",
    "sub_id",
    "sub",
    "order_sum",
    "sale_amount",
];

/// Names that prove something as a macro, but hardly as a parameter.
const PLAIN: [&str; 7] =
    ["conversion_id", "external_id", "tracking_id", "trans_id", "event_name", "reg", "ftd"];

/// What points at a network, with its weight. Those of one kind are one: `sub1` beside `sub2` proves
/// no more than either.
struct Item {
    kind: String,
    is_common: bool,
    is_macro: bool,
    weight: u32,
    knowers: Vec<&'static str>,
}

/// The network of each arrival; `None` where it is not known.
pub fn recognise<'p>(
    packs: &'p [Pack],
    chosen: Option<&str>,
    arrived: &[Seen],
) -> Vec<Option<&'p Pack>> {
    let chosen = chosen.and_then(|slug| packs.iter().find(|pack| pack.slug == slug));
    let mut templates: Vec<Template> = Vec::new();
    let mut known = Index::new();
    let mut shown = Vec::new();
    for seen in arrived {
        let names = names(seen);
        let places = known.entry(names.join("\n")).or_default();
        if places.is_empty() {
            places.push(templates.len());
            templates.push(Template { names: parameters(packs, &names), is_shown: false });
        }
        let place = places.last().copied().unwrap_or_default();
        let Some(template) = templates.get_mut(place) else { continue };
        let macros = macros(packs, seen);
        let items: Vec<&Item> = macros.iter().chain(&template.names).collect();
        let pack = judge(packs, &items, chosen);
        template.is_shown |= pack.is_some();
        shown.push((place, pack));
    }
    if chosen.is_some() {
        return shown.into_iter().map(|(_, pack)| pack.or(chosen)).collect();
    }
    // Where a single network shows itself, the same template is its own when it is filled in.
    let mut all = shown.iter().filter_map(|(_, pack)| *pack);
    let only = all.next().filter(|only| all.all(|pack| pack.slug == only.slug));
    let is_shown = |place: usize| templates.get(place).is_some_and(|template| template.is_shown);
    shown.iter().map(|(place, pack)| pack.or(only.filter(|_| is_shown(*place)))).collect()
}

/// Postbacks with the same parameters, which a URL in some settings decides.
struct Template {
    /// What the names of its parameters point at.
    names: Vec<Item>,
    /// Whether one of them has shown its network.
    is_shown: bool,
}

fn names<'s>(seen: &'s Seen) -> Vec<&'s str> {
    seen.pairs.iter().map(|(name, _)| name.as_str()).collect()
}

fn parameters(packs: &[Pack], names: &[&str]) -> Vec<Item> {
    let foreign = names.iter().filter(|name| Field::named(name).is_none());
    let items = foreign.map(|name| {
        let knows = |pack: &&Pack| {
            pack.parameters.iter().any(|own| own == name)
                || pack.macros.iter().any(|own| own.name == *name)
        };
        let weight = if is_common(name) || PLAIN.contains(name) { 1 } else { 2 };
        Item {
            kind: kind(name),
            is_common: is_common(name),
            is_macro: false,
            weight,
            knowers: packs.iter().filter(knows).map(|pack| pack.slug).collect(),
        }
    });
    items.filter(|item| !item.knowers.is_empty()).collect()
}

fn macros(packs: &[Pack], seen: &Seen) -> Vec<Item> {
    let items = literals(seen).into_iter().map(|literal| {
        let knowing = |is_like: &dyn Fn(&Macro) -> bool| {
            let knows = |pack: &&Pack| pack.macros.iter().any(is_like);
            packs.iter().filter(knows).map(|pack| pack.slug).collect::<Vec<_>>()
        };
        let exact = knowing(&|own| own.text == literal.text);
        let knowers = if exact.is_empty() { knowing(&|own| literal.is_like(own)) } else { exact };
        let is_odd = literal.text.starts_with('#');
        let weight = if is_common(&literal.name) && !is_odd { 1 } else { 2 };
        Item { kind: kind(&literal.name), is_common: weight == 1, is_macro: true, weight, knowers }
    });
    items.filter(|item| !item.knowers.is_empty()).collect()
}

/// A name without its number.
fn kind(name: &str) -> String {
    name.to_ascii_lowercase().trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
}

/// `sub1` and its like are as common as `sub`.
fn is_common(name: &str) -> bool {
    let kind = kind(name);
    let is_sub = ["sub", "sub_id", "subid"].contains(&kind.as_str());
    is_sub || COMMON.iter().any(|common| name.eq_ignore_ascii_case(common))
}

/// The one pack that the evidence points at, and no other.
fn judge<'p>(packs: &'p [Pack], items: &[&Item], chosen: Option<&Pack>) -> Option<&'p Pack> {
    let is_first = |(at, item): &(usize, &&Item)| {
        items.iter().take(*at).all(|before| before.kind != item.kind)
    };
    let items: Vec<&Item> =
        items.iter().enumerate().filter(is_first).map(|(_, item)| *item).collect();
    let score = |slug: &str| -> u32 {
        items.iter().filter(|item| item.knowers.contains(&slug)).map(|item| item.weight).sum()
    };
    let own = |slug: &str| -> u32 {
        let own = items.iter().filter(|item| !item.is_common && item.knowers == [slug]);
        own.map(|item| item.weight).sum()
    };
    let best = packs.iter().max_by_key(|pack| score(pack.slug))?;
    let most = score(best.slug);
    let is_single = packs.iter().filter(|pack| score(pack.slug) == most).count() == 1;
    let knows_all = items.iter().all(|item| item.knowers.contains(&best.slug));
    let others_own = packs.iter().any(|pack| pack.slug != best.slug && own(pack.slug) >= 2);
    // Anybody may call a parameter `sub1` or `geo`.
    let has_macro = items.iter().any(|item| item.is_macro);
    let own = own(best.slug);
    let is_shown = own >= 2 || (knows_all && ((most >= 3 && has_macro) || (most >= 2 && own >= 1)));
    // What the user chose gives way only to plain proof of another.
    let is_allowed = chosen
        .is_none_or(|chosen| chosen.slug == best.slug || (own >= 4 && score(chosen.slug) == 0));
    (is_single && !others_own && is_shown && is_allowed).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::tests::stored;
    use crate::network::packs;

    fn source(query: &str, chosen: Option<&str>) -> &'static str {
        let (packs, arrived) = (packs(), stored(query));
        let seen = Seen::new(&arrived);
        let found = recognise(&packs, chosen, &[seen]);
        found[0].map_or("unknown", |pack| pack.slug)
    }

    #[test]
    fn a_network_shows_by_what_only_it_has() {
        for (query, expected) in [
            ("event=deposit&uid=a&eid={conversion_id}&value=5", "everflow"),
            ("event=deposit&uid=a&eid={Conversion_ID}&value=5", "everflow"),
            ("event=deposit&uid=a&eid=%5Bconversion_id%5D&value=5", "everflow"),
            ("event=deposit&uid=a&payout_amount=5", "everflow"),
            ("event=deposit&uid={click_id}&eid={trade_id}&value={sumdep}", "pocket-option"),
            ("event=deposit&uid={click_id}&eid={event_id}&value={sumdep}", "quotex"),
            ("event=deposit&uid=#s2#&value=#price#", "cake"),
            ("event=deposit&uid={sub1}&eid={transaction_id}&value={amount}", "1win"),
            ("event=deposit?reg={reg}&uid=a", "1xpartners"),
            ("event=deposit&uid=${click_subid}", "tapfiliate"),
            ("event=deposit&uid=[afp]&value=5", "the-trading-pit"),
            ("event=deposit&uid={_external_id}", "keitaro"),
        ] {
            assert_eq!(source(query, None), expected, "{query}");
        }
    }

    #[test]
    fn what_several_have_proves_nothing() {
        for query in [
            "event=deposit&uid=a&eid=b&value=5",
            "event=deposit&uid={click_id}&value={sumdep}",
            "event=deposit&uid={sub1}",
            "event=deposit&uid=a&value={payout}",
            "event=deposit&uid=a&click_id=b&status=approved&amount=5",
            "event=deposit&uid=a&eid={conversion_id}&x={trade_id}",
            "event=deposit&uid=a&conversion_id=5",
            "event=deposit&uid={cid}",
            "event=deposit&uid=a&sub1=b&sub2=c&goal=1&geo=DE&sum=5&status=1",
        ] {
            assert_eq!(source(query, None), "unknown", "{query}");
        }
    }

    #[test]
    fn what_the_user_chose_gives_way_only_to_proof() {
        let chosen = |query| source(query, Some("quotex"));
        assert_eq!(chosen("event=deposit&uid=a&eid={trade_id}&value=5"), "quotex");
        assert_eq!(chosen("event=deposit&uid=a&eid=b&value=5"), "quotex");
        assert_eq!(chosen("event=deposit&uid=[afp]&eid=[depositid]&value=5"), "the-trading-pit");
        assert_eq!(source("event=deposit&uid=a", Some("gone")), "unknown");
    }

    #[test]
    fn a_template_is_its_networks_when_it_is_filled_in_too() {
        let packs = packs();
        let slugs = |queries: &[&str]| {
            let arrived: Vec<_> = queries.iter().map(|query| stored(query)).collect();
            let seen: Vec<_> = arrived.iter().map(Seen::new).collect();
            let found = recognise(&packs, None, &seen);
            found.iter().map(|pack| pack.map_or("unknown", |pack| pack.slug)).collect::<Vec<_>>()
        };
        let (everflow, filled) =
            ("event=deposit&uid=a&eid={conversion_id}", "event=deposit&uid=a&eid=b");
        assert_eq!(slugs(&[filled, everflow]), ["everflow", "everflow"]);
        assert_eq!(slugs(&["event=contact&uid=a", everflow]), ["unknown", "everflow"]);
        let other = "event=deposit&uid=[afp]&eid=c";
        assert_eq!(slugs(&[filled, everflow, other]), ["unknown", "everflow", "the-trading-pit"]);
    }
}

//! The API keys page: the ready-made postback URLs, the test that brings the first event, and the list of keys
//! (docs/dashboard.md, Postback URLs, Keys, Shown once).

use askama::Template;

use super::form::{Field, Form};
use super::frame::{self, Section};
use super::key_list::{ANOTHER, Known, List, Make, kind_words, typed_fields};
use super::shown::visible;
use crate::db::key::{Named, Whose};
use crate::db::space::Spaces;
use crate::error::Error;
use crate::figures::Zone;
use crate::model::event::EventKind;
use crate::model::key::KeyKind;
use crate::network::{Macros, Pack, Ready, macros_for};
use crate::reply::Reply;

/// The field that a token is sent in.
pub const TOKEN: &str = "token";

/// Stands in URLs for a token that nobody here knows.
const NO_TOKEN: &str = "YOUR_TOKEN";

struct Url {
    id: String,
    what: String,
    url: String,
}

struct Network {
    slug: &'static str,
    name: String,
    source: String,
    notes: Vec<String>,
    urls: Vec<Url>,
    is_open: bool,
    make: Make,
}

/// A secret that is shown for the only time.
struct New {
    id: &'static str,
    name: String,
    kind: &'static str,
    secret: String,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage<'a> {
    space_id: i64,
    new: Vec<New>,
    /// The name of the section that the new key's URLs stand in.
    opened: Option<(String, String)>,
    /// The name of the key that is in the URLs; `None` where none is known.
    token: Option<String>,
    notice: &'a str,
    networks: Vec<Network>,
    fill: Form,
    builder: Form,
    built: String,
    is_another_open: bool,
    another: Make,
    fire: String,
    list: List,
}

pub fn page(
    spaces: &Spaces,
    space_id: i64,
    origin: &str,
    keys: &[Named],
    packs: &[Pack],
    zone: &Zone,
    known: &Known<'_>,
) -> Result<Reply, Error> {
    let token = known.token.map_or(NO_TOKEN, |(_, token)| token);
    let built = match (&known.typed, known.bad) {
        (Some((macros, event)), None) => macros.url(origin, token, *event),
        _ => String::new(),
    };
    let name_of = |n: i64| keys.iter().find(|key| key.n == n).map(|key| key.name.clone());
    let test = known.test_id;
    let networks = packs.iter().map(|pack| network(space_id, pack, (origin, token), known));
    let page = KeysPage {
        space_id,
        new: if known.is_new { new(keys, known) } else { Vec::new() },
        opened: opened(packs, known.open),
        token: known.token.map(|(n, _)| name_of(n).unwrap_or_default()),
        notice: known.notice,
        networks: networks.collect(),
        fill: fill(space_id, known),
        builder: builder(space_id, packs, known),
        is_another_open: !built.is_empty() || known.open == ANOTHER || known.typed.is_some(),
        built,
        another: Make::of_network(space_id, (ANOTHER, "this network", ""), known),
        fire: format!("/e?token={token}&event=registration&uid=test-{test}&eid=test-{test}&test=1"),
        list: List::new(space_id, keys, packs, zone, known),
    };
    let is_refused = known.bad.is_some() || known.refused.is_some();
    let status = if is_refused { 422 } else { 200 };
    frame::of_space(status, spaces, Section::Keys, "API keys", &page)
}

fn new(keys: &[Named], known: &Known<'_>) -> Vec<New> {
    let new = |id: &'static str, secret: Option<(i64, &str)>| {
        let (n, secret) = secret?;
        let key = keys.iter().find(|key| key.n == n)?;
        let kind = kind_words(key.kind);
        Some(New { id, name: key.name.clone(), kind, secret: secret.to_owned() })
    };
    [new("token-now", known.token), new("bearer-now", known.bearer)].into_iter().flatten().collect()
}

/// The id and the name of the section that is open.
fn opened(packs: &[Pack], open: &str) -> Option<(String, String)> {
    if open == ANOTHER {
        return Some((ANOTHER.to_owned(), "your network".to_owned()));
    }
    let pack = packs.iter().find(|pack| pack.slug == open)?;
    Some((format!("network-{open}"), pack.name.clone()))
}

fn network(
    space_id: i64,
    pack: &Pack,
    (origin, token): (&str, &str),
    known: &Known<'_>,
) -> Network {
    let url = |(index, ready): (usize, Ready)| Url {
        id: format!("url-{}-{index}", pack.slug),
        what: match ready.means {
            Some(means) => format!("{}, the amount is {}", ready.event.code(), means.words()),
            None => ready.event.code().to_owned(),
        },
        url: ready.url,
    };
    Network {
        slug: pack.slug,
        name: pack.name.clone(),
        source: pack.source.says.clone(),
        notes: pack.notes.clone(),
        urls: pack.urls(origin, token).into_iter().enumerate().map(url).collect(),
        is_open: known.open == pack.slug,
        make: Make::of_network(space_id, (pack.slug, &pack.name, &pack.name), known),
    }
}

fn builder(space_id: i64, packs: &[Pack], known: &Known<'_>) -> Form {
    let empty = Macros::default();
    let (macros, event) = known.typed.unwrap_or((&empty, EventKind::Deposit));
    let events: Vec<(&str, &str)> =
        EventKind::ALL.iter().map(|event| (event.code(), event.code())).collect();
    let fields = vec![
        Field::choice("event", "Event", event.code(), &events),
        listed(Field::optional("uid", "Macro for the click id (sub id)", &macros.uid), packs)
            .hint("For example {sub1}."),
        listed(Field::optional("eid", "Macro for the transaction id", &macros.eid), packs).hint(
            "Must differ for every conversion: it keeps a repeated call from counting twice.",
        ),
        listed(Field::optional("value", "Macro for the amount", &macros.value), packs)
            .hint("For deposits."),
        listed(Field::optional("currency", "Currency, or its macro", &macros.currency), packs)
            .hint("Empty means USD."),
    ];
    let bad = known.bad.and_then(|bad| bad.only(|field| field != TOKEN));
    let form = Form::new(format!("/s/{space_id}/keys/urls#another"), "Build the URL", fields);
    let token = known.token.map_or("", |(_, token)| token);
    form.hidden(TOKEN, token).refused(bad.as_ref())
}

/// A field with what other networks call it, where the user does not know the macro by heart.
fn listed(field: Field, packs: &[Pack]) -> Field {
    let macros = macros_for(packs, field.name());
    field.macros("What other networks call it", macros)
}

/// Where a token is pasted that is not known here. What was built stays.
fn fill(space_id: i64, known: &Known<'_>) -> Form {
    let field = Field::line(TOKEN, "Your ingest token", "")
        .hint("Begins with xt_in_. It fills in every URL on this page, and is not kept.");
    let mut form = Form::new(format!("/s/{space_id}/keys/urls"), "Fill it in", vec![field]);
    for (name, value) in typed_fields(known.typed) {
        form = form.hidden(name, &value);
    }
    form.refused(known.bad.and_then(|bad| bad.only(|field| field == TOKEN)).as_ref())
}

/// Why a pasted key is not taken; `None` for the current secret of one of this space's network keys. URLs with any other
/// would report elsewhere, or soon nowhere.
pub fn why_not(
    whose: &Whose,
    kind: KeyKind,
    space_id: i64,
    zone: &Zone,
    now_ms: i64,
) -> Option<String> {
    let Whose { space_name, key_name, .. } = whose;
    let (space_name, key_name) = (visible(space_name), visible(key_name));
    let moment = |ms| zone.written(ms, false);
    match (kind, whose.expires_at_ms) {
        _ if whose.space_id != space_id => Some(format!(
            "This is the key “{key_name}” of another space, “{space_name}”: what comes with it is stored there. Take one of this space's."
        )),
        (KeyKind::Bearer, _) => Some(a_bearer(Some(&key_name))),
        (KeyKind::Ingest, None) => None,
        (KeyKind::Ingest, Some(ms)) if ms > now_ms => Some(format!(
            "This is the previous one of the key “{key_name}”, and works only until {}. Paste the one that has taken its place.",
            moment(ms)
        )),
        (KeyKind::Ingest, Some(ms)) => Some(format!(
            "This is a key that ended at {}, of “{key_name}”. Paste the one that is used now, or make another.",
            moment(ms)
        )),
    }
}

/// What is said of a bearer that was pasted for a token, by its name where that is known.
pub fn a_bearer(name: Option<&str>) -> String {
    let which = name.map_or_else(String::new, |name| format!(" “{name}”"));
    format!(
        "This is the bot key (bearer){which}, for your own bot or server. Postback URLs take a network key (ingest token): those begin with xt_in_."
    )
}

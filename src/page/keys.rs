//! The API keys page: both secrets' rotation, the ready-made postback URLs, and the test that brings
//! the first event (docs/api.md, Spaces and keys).

use askama::Template;

use super::form::{self, Field, Form};
use super::frame::{self, Section};
use super::shown::{self, Moment};
use crate::db::key;
use crate::db::key::Shown as ShownKey;
use crate::db::space::Spaces;
use crate::error::BadFields;
use crate::error::Error;
use crate::figures::Zone;
use crate::model::event::EventKind;
use crate::model::key::KeyKind;
use crate::network::{Macros, Pack, Ready, macros_for};
use crate::reply::Reply;

/// The field that a token is sent in.
const TOKEN: &str = "token";

/// Stands in URLs for a token that nobody here knows.
const NO_TOKEN: &str = "YOUR_TOKEN";

/// What the page is shown with, beside what is stored.
#[derive(Default)]
pub struct Known<'a> {
    /// The ingest token, right after it was made or where the user has pasted it.
    pub token: Option<&'a str>,
    /// The bearer, right after it was made.
    pub bearer: Option<&'a str>,
    /// Whether the token was made just now, and is shown for the only time.
    pub is_new: bool,
    pub notice: &'a str,
    /// What was typed into the form for other networks.
    pub typed: Option<(&'a Macros, EventKind)>,
    pub bad: Option<&'a BadFields>,
    /// An id for the test event.
    pub test_id: &'a str,
    /// What makes a rotation of this page another one than those of other pages.
    pub nonce: &'a str,
}

struct Secret {
    name: &'static str,
    kind: &'static str,
    what: &'static str,
    since: Option<Moment>,
    /// The current key's hash: sent along, so that a page sent twice rotates once.
    current: String,
    /// Whether the current key was ever used; one that was not ends at once.
    used: bool,
    /// The previous key, while it is valid.
    previous: Option<Previous>,
}

struct Previous {
    until: Moment,
    until_ms: i64,
}

struct Url {
    id: String,
    what: String,
    url: String,
}

struct Network {
    name: String,
    source: String,
    notes: Vec<String>,
    urls: Vec<Url>,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage<'a> {
    space_id: i64,
    secrets: Vec<Secret>,
    nonce: &'a str,
    token: &'a str,
    bearer: &'a str,
    is_new: bool,
    has_token: bool,
    notice: &'a str,
    networks: Vec<Network>,
    fill: Form,
    builder: Form,
    built: String,
    building: bool,
    fire: String,
}

pub fn page(
    spaces: &Spaces,
    space_id: i64,
    origin: &str,
    keys: &[ShownKey],
    packs: &[Pack],
    zone: &Zone,
    known: &Known<'_>,
) -> Result<Reply, Error> {
    let token = known.token.unwrap_or(NO_TOKEN);
    let built = match (&known.typed, known.bad) {
        (Some((macros, event)), None) => macros.url(origin, token, *event),
        _ => String::new(),
    };
    let test = known.test_id;
    let page = KeysPage {
        space_id,
        secrets: [KeyKind::Ingest, KeyKind::Bearer].map(|kind| secret(kind, keys, zone)).into(),
        nonce: known.nonce,
        token: known.token.unwrap_or_default(),
        bearer: known.bearer.unwrap_or_default(),
        is_new: known.is_new,
        has_token: known.token.is_some(),
        notice: known.notice,
        networks: packs
            .iter()
            .enumerate()
            .map(|(at, pack)| network(at, pack, origin, token))
            .collect(),
        fill: fill(space_id, known),
        builder: builder(space_id, packs, known),
        built,
        building: known.typed.is_some_and(|(macros, _)| *macros != Macros::default()),
        fire: format!("/e?token={token}&event=registration&uid=test-{test}&eid=test-{test}&test=1"),
    };
    frame::of_space(form::status(known.bad), spaces, Section::Keys, "API keys", &page)
}

fn secret(kind: KeyKind, keys: &[ShownKey], zone: &Zone) -> Secret {
    let of_kind = || keys.iter().filter(move |key| key.kind == kind);
    let current = key::current(keys, kind);
    let moment = |ms| shown::moment(zone, ms);
    let (name, what) = match kind {
        KeyKind::Ingest => (
            "Ingest token",
            "For networks' postback URLs. It travels in URLs, so all it can do is write events and binds.",
        ),
        KeyKind::Bearer => (
            "Bearer",
            "For your own bot or server, in the Authorization: Bearer header. Keep it out of pages and URLs.",
        ),
    };
    let previous = of_kind().find_map(|key| key.expires_at_ms);
    Secret {
        name,
        kind: kind.name(),
        what,
        since: current.map(|key| moment(key.created_at_ms)),
        current: current.map(|key| key.hash.clone()).unwrap_or_default(),
        used: current.is_some_and(|key| key.used),
        previous: previous.map(|until_ms| Previous { until: moment(until_ms), until_ms }),
    }
}

fn network(at: usize, pack: &Pack, origin: &str, token: &str) -> Network {
    let url = |(index, ready): (usize, Ready)| Url {
        id: format!("url-{at}-{index}"),
        what: match ready.means {
            Some(means) => format!("{}, the amount is {}", ready.event.code(), means.words()),
            None => ready.event.code().to_owned(),
        },
        url: ready.url,
    };
    Network {
        name: pack.name.clone(),
        source: pack.source.says.clone(),
        notes: pack.notes.clone(),
        urls: pack.urls(origin, token).into_iter().enumerate().map(url).collect(),
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
    form.hidden(TOKEN, known.token.unwrap_or_default()).refused(bad.as_ref())
}

/// A field with what other networks call it, where the user does not know the macro by heart.
fn listed(field: Field, packs: &[Pack]) -> Field {
    let macros = macros_for(packs, field.name());
    field.macros("What other networks call it", macros)
}

/// Where a token is pasted that is not known here.
fn fill(space_id: i64, known: &Known<'_>) -> Form {
    let field = Field::line(TOKEN, "Your ingest token", "")
        .hint("Fills in every URL on this page. It is not stored.");
    let form = Form::new(format!("/s/{space_id}/keys/urls#urls"), "Fill it in", vec![field]);
    form.refused(known.bad.and_then(|bad| bad.only(|field| field == TOKEN)).as_ref())
}

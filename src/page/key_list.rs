//! The keys of a space as a list, each with what can be done to it, and the form of a new one.

use askama::Template;
use askama::filters::HtmlSafe;

use super::shown::{Moment, moment, visible};
use crate::db::key::Named;
use crate::error::{BadField, BadFields};
use crate::figures::Zone;
use crate::model::event::EventKind;
use crate::model::key::KeyKind;
use crate::model::key_name::{MOST_LIVING, State};
use crate::network::{Macros, Pack};

/// What the section of a network without a pack is called in forms and addresses.
pub const ANOTHER: &str = "another";

/// What the page is shown with, beside what is stored.
#[derive(Default)]
pub struct Known<'a> {
    /// The ingest token with its key's number, right after it was made or where the user has pasted it.
    pub token: Option<(i64, &'a str)>,
    /// The bearer with its key's number, right after it was made.
    pub bearer: Option<(i64, &'a str)>,
    /// Whether they were made just now, and are shown for the only time.
    pub is_new: bool,
    pub notice: &'a str,
    /// The section of a network that is open: a pack's slug, or ANOTHER.
    pub open: &'a str,
    /// What was typed into the form for other networks.
    pub typed: Option<(&'a Macros, EventKind)>,
    pub bad: Option<&'a BadFields>,
    /// The form about one key that was refused, what it had, and why.
    pub refused: Option<Refused<'a>>,
    /// An id for the test event.
    pub test_id: &'a str,
    /// What makes the forms of this page others than those of other pages.
    pub nonce: &'a str,
}

/// Which form about one key was refused.
#[derive(Clone, Copy)]
pub struct Refused<'a> {
    pub which: Asking<'a>,
    pub name: &'a str,
    pub bad: &'a BadField,
}

/// A form about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking<'a> {
    /// For a new one, from the section of a network; from the list of keys where that is empty.
    Make(&'a str),
    /// For another name.
    Rename(i64),
}

/// What a kind of key is for, in a user's words.
pub fn kind_words(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ingest => "Network key (ingest token)",
        KeyKind::Bearer => "Bot key (bearer)",
    }
}

/// The form of a new key.
#[derive(Template)]
#[template(path = "keys/make.html")]
pub struct Make {
    space_id: i64,
    /// What its ids end with.
    at: String,
    /// The section of a network that it stands in; empty in the list of keys.
    open: String,
    /// The network that the key is for, by its pack's slug.
    network: String,
    name: String,
    error: String,
    button: String,
    nonce: String,
    /// What was built for another network stays.
    typed: Vec<(&'static str, String)>,
    /// The chosen kind, where it can be chosen.
    kinds: Option<KeyKind>,
}

impl HtmlSafe for Make {}

impl Make {
    /// In the section of a network: its slug, what it is called there, and what a key for it is called at first.
    pub fn of_network(
        space_id: i64,
        (slug, called, name): (&str, &str, &str),
        known: &Known<'_>,
    ) -> Self {
        let typed = if slug == ANOTHER { typed_fields(known.typed) } else { Vec::new() };
        let network = if slug == ANOTHER { "" } else { slug };
        Self {
            network: network.to_owned(),
            button: format!("Make a key for {called}"),
            typed,
            ..Self::new(space_id, slug, name, known)
        }
    }

    fn new(space_id: i64, open: &str, name: &str, known: &Known<'_>) -> Self {
        let refused = known.refused.filter(|refused| refused.which == Asking::Make(open));
        Self {
            space_id,
            at: if open.is_empty() { "new".to_owned() } else { open.to_owned() },
            open: open.to_owned(),
            network: String::new(),
            name: refused.map_or(name, |refused| refused.name).to_owned(),
            error: refused.map(|refused| refused.bad.reason.to_string()).unwrap_or_default(),
            button: "Make the key".to_owned(),
            nonce: known.nonce.to_owned(),
            typed: Vec::new(),
            kinds: None,
        }
    }

    fn is_kind(&self, kind: &str) -> bool {
        self.kinds.is_some_and(|chosen| chosen.name() == kind)
    }
}

/// What was typed for another network, as its form's fields.
pub fn typed_fields(typed: Option<(&Macros, EventKind)>) -> Vec<(&'static str, String)> {
    let Some((macros, event)) = typed else { return Vec::new() };
    vec![
        ("event", event.code().to_owned()),
        ("uid", macros.uid.clone()),
        ("eid", macros.eid.clone()),
        ("value", macros.value.clone()),
        ("currency", macros.currency.clone()),
    ]
}

/// A key that lives.
struct Living {
    n: i64,
    name: String,
    kind: &'static str,
    what: &'static str,
    network: Option<String>,
    made: Moment,
    last_use: String,
    state: &'static str,
    /// Until when the one before works.
    previous: Option<(Moment, i64)>,
    /// The current secret's hash: sent along, so that a page sent twice rotates once.
    current: String,
    /// Whether the current secret was ever used; one that was not ends at once.
    used: bool,
    /// Whether the space has no other key of its kind.
    is_last: bool,
    is_ingest: bool,
    typed: String,
    error: String,
}

/// A key that has ended.
struct Ended {
    name: String,
    kind: &'static str,
    at: Option<Moment>,
    last_use: String,
}

/// The keys of a space.
#[derive(Template)]
#[template(path = "keys/list.html")]
pub struct List {
    space_id: i64,
    nonce: String,
    /// `None` where the space can have no more.
    make: Option<Make>,
    living: Vec<Living>,
    ended: Vec<Ended>,
}

impl HtmlSafe for List {}

impl List {
    pub fn new(
        space_id: i64,
        keys: &[Named],
        packs: &[Pack],
        zone: &Zone,
        known: &Known<'_>,
    ) -> Self {
        let (living, ended): (Vec<_>, Vec<_>) =
            keys.iter().partition(|key| key.ended_at_ms.is_none());
        let has_room = i64::try_from(living.len()).is_ok_and(|count| count < MOST_LIVING);
        let of_kind = |kind| living.iter().filter(|key| key.kind == kind).count();
        let one = |key: &&Named| {
            let refused = known.refused.filter(|refused| refused.which == Asking::Rename(key.n));
            let error = refused.map(|refused| refused.bad.reason.to_string());
            Living {
                typed: refused.map_or(key.name.as_str(), |refused| refused.name).to_owned(),
                error: error.unwrap_or_default(),
                is_last: of_kind(key.kind) == 1,
                ..Living::new(key, packs, zone)
            }
        };
        let gone = |key: &&Named| Ended {
            name: visible(&key.name),
            kind: kind_words(key.kind),
            at: key.ended_at_ms.map(|ms| moment(zone, ms)),
            last_use: last_use(key, zone),
        };
        let make = Make { kinds: Some(KeyKind::Ingest), ..Make::new(space_id, "", "", known) };
        Self {
            space_id,
            nonce: known.nonce.to_owned(),
            make: has_room.then_some(make),
            living: living.iter().map(one).collect(),
            ended: ended.iter().map(gone).collect(),
        }
    }
}

impl Living {
    fn new(key: &Named, packs: &[Pack], zone: &Zone) -> Self {
        let current = key.current();
        let network = key.network.as_deref();
        let network = packs.iter().find(|pack| Some(pack.slug) == network);
        let previous = key.previous_until_ms();
        Self {
            n: key.n,
            name: visible(&key.name),
            kind: kind_words(key.kind),
            what: what(key.kind),
            network: network.map(|pack| pack.name.clone()),
            made: moment(zone, key.created_at_ms),
            last_use: last_use(key, zone),
            state: state_words(key.state()),
            previous: previous.map(|until_ms| (moment(zone, until_ms), until_ms)),
            current: current.map(|secret| secret.hash.clone()).unwrap_or_default(),
            used: current.is_some_and(|secret| secret.used),
            is_last: false,
            is_ingest: key.kind == KeyKind::Ingest,
            typed: String::new(),
            error: String::new(),
        }
    }
}

fn what(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ingest => {
            "For networks' postback URLs. It travels in URLs, so all it can do is write events and binds."
        }
        KeyKind::Bearer => {
            "For your own bot or server, which sends it as the header Authorization: Bearer. Keep it out of pages and URLs."
        }
    }
}

fn state_words(state: State) -> &'static str {
    match state {
        State::Current => "current",
        State::Rotated => "rotated",
        State::NeverUsed => "never used",
        State::Ended => "ended",
    }
}

/// When it was last used, as far as that is on record.
fn last_use(key: &Named, zone: &Zone) -> String {
    match key.used_at_ms {
        Some(ms) => format!("Last used about {}.", zone.written(ms, false)),
        None if key.secrets.iter().any(|secret| secret.used) => {
            "Used, before last uses were recorded.".to_owned()
        }
        None if key.ended_at_ms.is_some() => "No use is on record.".to_owned(),
        None => "Nothing has ever come with it.".to_owned(),
    }
}

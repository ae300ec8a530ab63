//! What one source sent, and which part of it has been explained.

use crate::doctor::seen::Seen;
use crate::doctor::window::{Place, Window};
use crate::model::event::EventKind;
use crate::network::{Meaning, Pack};

/// What a rule explains about an arrival. What one has explained, a later and more general one leaves
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic(u16);

impl Topic {
    pub const UID: Self = Self(1);
    pub const EID: Self = Self(2);
    pub const VALUE: Self = Self(4);
    pub const CURRENCY: Self = Self(8);
    pub const TIME: Self = Self(16);
    pub const EVENT: Self = Self(32);
    pub const SHAPE: Self = Self(64);
    pub const PERSON: Self = Self(128);
    /// That it came again with something else, or that another looks like it.
    pub const COPIES: Self = Self(256);
    pub const ALL: Self = Self(511);

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The arrivals of one source, the oldest first.
pub struct Group<'a> {
    pub window: &'a Window,
    /// `None` where the network is not known.
    pub pack: Option<&'a Pack>,
    pub arrived: Vec<Seen<'a>>,
    explained: Vec<Topic>,
}

impl<'a> Group<'a> {
    pub fn new(window: &'a Window, pack: Option<&'a Pack>, arrived: Vec<Seen<'a>>) -> Self {
        let explained =
            arrived.iter().map(|seen| if seen.at.mended { Topic::ALL } else { Topic(0) }).collect();
        Self { window, pack, arrived, explained }
    }

    /// The arrivals that nothing has been said about yet, with their places in the list.
    pub fn open(&self, topic: Topic) -> impl Iterator<Item = (usize, &Seen<'a>)> {
        let all = self.arrived.iter().zip(&self.explained).enumerate();
        all.filter(move |(_, (_, explained))| !explained.meets(topic))
            .map(|(at, (seen, _))| (at, seen))
    }

    /// Notes what a finding explains. One that is solved leaves the copies to be decided.
    pub fn explain(&mut self, found: &Found, is_solved: bool) {
        for hit in &found.hits {
            let topic = if is_solved { hit.topic.without(Topic::COPIES) } else { hit.topic };
            if let Some(explained) = self.explained.get_mut(hit.at) {
                *explained = explained.and(topic);
            }
        }
    }

    /// The source's slug.
    pub fn source(&self) -> &'static str {
        self.pack.map_or("unknown", |pack| pack.slug)
    }

    /// The macro that belongs in `eid` for an event.
    pub fn eid_macro(&self, event: EventKind) -> Option<&'a str> {
        self.pack.and_then(|pack| pack.eid.get(event.code())).map(String::as_str)
    }

    /// What one of the network's macros stands for.
    pub fn meaning(&self, name: &str) -> Option<Meaning> {
        self.pack.and_then(|pack| pack.macros.get(name)).copied()
    }
}

/// One arrival that a rule has hit.
pub struct Hit {
    /// Its place in the group.
    pub at: usize,
    pub topic: Topic,
    /// What is at stake, where it is not the arrival's own amount.
    pub money: Option<Vec<(String, i64)>>,
    /// When it was last seen, where it is not when it arrived.
    pub seen_ms: Option<i64>,
}

impl Hit {
    pub fn new(at: usize, topic: Topic) -> Self {
        Self { at, topic, money: None, seen_ms: None }
    }
}

/// What a rule has found at a source.
#[derive(Default)]
pub struct Found {
    /// In the order of the group.
    pub hits: Vec<Hit>,
    pub sentence: String,
    pub mend: String,
    pub pairs: Vec<(i64, i64)>,
}

impl Found {
    /// `None` where nothing was hit.
    pub fn new(hits: Vec<Hit>, sentence: String, mend: String) -> Option<Self> {
        (!hits.is_empty()).then(|| Self { hits, sentence, mend, pairs: Vec::new() })
    }
}

/// The number of a stored event.
pub fn seq(place: Place) -> Option<i64> {
    match place {
        Place::Event(seq) => Some(seq),
        Place::Refused(_) => None,
    }
}

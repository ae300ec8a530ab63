//! What one source sent, and which part of it has been explained.

use std::collections::BTreeMap;

use crate::doctor::literal::Literal;
use crate::doctor::seen::Seen;
use crate::doctor::window::{Place, Window};
use crate::model::event::EventKind;
use crate::model::note::Field;
use crate::network::{Meaning, Pack};

/// What a rule explains about an arrival. What one has explained, a later and more general one leaves
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic(u16);

impl Topic {
    pub const NONE: Self = Self(0);
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

    /// What one of our parameters is about.
    pub fn of(field: Field) -> Self {
        match field {
            Field::Uid => Self::UID,
            Field::Eid => Self::EID,
            Field::Value => Self::VALUE,
            Field::Currency => Self::CURRENCY,
            Field::Time => Self::TIME,
            Field::Event => Self::EVENT,
            Field::TgId => Self::PERSON,
            Field::Token | Field::DryRun | Field::Test => Self::SHAPE,
        }
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Places by what they have in common. One type for all of them: each other one is 5 KB of wasm.
pub type Index = BTreeMap<String, Vec<usize>>;

/// The arrivals of one source, the oldest first.
pub struct Group<'a> {
    pub window: &'a Window,
    pub packs: &'a [Pack],
    /// `None` where the network is not known.
    pub pack: Option<&'a Pack>,
    pub arrived: Vec<Seen<'a>>,
    /// When something of no known network last arrived, which may be this source, mended.
    pub other_ms: Option<i64>,
    explained: Vec<Topic>,
    /// The registrations by their ids.
    registered: Index,
}

impl<'a> Group<'a> {
    pub fn new(
        window: &'a Window,
        packs: &'a [Pack],
        pack: Option<&'a Pack>,
        arrived: Vec<Seen<'a>>,
    ) -> Self {
        let explained = arrived
            .iter()
            .map(|seen| if seen.at.mended { Topic::ALL } else { Topic::NONE })
            .collect();
        let mut registered = Index::new();
        for (at, seen) in arrived.iter().enumerate() {
            let eid = seen.at.eid.as_deref().filter(|_| seen.is(EventKind::Registration));
            if let Some(eid) = eid {
                registered.entry(eid.to_owned()).or_default().push(at);
            }
        }
        Self { window, packs, pack, arrived, other_ms: None, explained, registered }
    }

    /// The arrivals that nothing has been said about yet, with their places in the list.
    pub fn open(&self, topic: Topic) -> Vec<(usize, &Seen<'a>)> {
        let mut open = Vec::new();
        for (at, (seen, explained)) in self.arrived.iter().zip(&self.explained).enumerate() {
            if !explained.meets(topic) {
                open.push((at, seen));
            }
        }
        open
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

    /// Whether the user chose the network. Otherwise it is recognised, and may be another.
    pub fn is_chosen(&self) -> bool {
        self.window.network.as_deref() == Some(self.source())
    }

    /// The macro that belongs in `eid` for an event.
    pub fn eid_macro(&self, event: EventKind) -> Option<&'a str> {
        self.pack.and_then(|pack| pack.eid.get(event.code())).map(String::as_str)
    }

    /// What a macro stands for at this network, in whatever brackets and letter case it is written.
    pub fn meaning(&self, literal: &Literal) -> Option<Meaning> {
        let pack = self.pack?;
        let alike = || pack.macros.iter().find(|own| literal.is_like(own)).map(|own| own.means);
        pack.meaning(&literal.text).or_else(alike)
    }

    /// What a parameter holds that carries the name of one of the network's macros.
    pub fn meaning_of(&self, parameter: &str) -> Option<Meaning> {
        let mut macros = self.pack?.macros.iter();
        let named = macros.find(|own| own.name.eq_ignore_ascii_case(parameter));
        named.map(|own| own.means)
    }

    /// Whether one of the network's macros stands for this.
    pub fn has(&self, meaning: Meaning) -> bool {
        self.pack.is_some_and(|pack| pack.macros.iter().any(|own| own.means == meaning))
    }

    /// The network's macro for this.
    pub fn macro_of(&self, meaning: Meaning) -> Option<&'a str> {
        let pack = self.pack?;
        pack.macros.iter().find(|own| own.means == meaning).map(|own| own.text.as_str())
    }

    /// Whether the network has ids of conversions, as far as is known.
    pub fn may_have_eid(&self) -> bool {
        self.pack.is_none_or(|pack| pack.base_only || !pack.eid.is_empty())
    }

    /// Whether a person's registration came under the same id.
    pub fn is_registered(&self, seen: &Seen) -> bool {
        let same = seen.at.eid.as_deref().and_then(|eid| self.registered.get(eid));
        let mut same = same.into_iter().flatten().filter_map(|at| self.arrived.get(*at));
        same.any(|other| other.is_same_person(seen))
    }

    /// Whether the user said of two events that they are two.
    pub fn are_apart(&self, one: &Seen, other: &Seen) -> bool {
        let (one, other) = (seq(one.at.place), seq(other.at.place));
        self.window.apart.iter().any(|(a, b)| {
            let pair = (Some(*a), Some(*b));
            pair == (one, other) || pair == (other, one)
        })
    }

    /// The open arrivals that a rule holds for, as hits.
    pub fn hits(&self, topic: Topic, holds: &dyn Fn(&Seen<'a>) -> bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (at, seen) in self.open(topic) {
            if holds(seen) {
                hits.push(Hit::new(at, topic));
            }
        }
        hits
    }

    /// Hits in the order of the arrivals, those of one arrival made one.
    pub fn in_order(&self, hits: Vec<Hit>) -> Vec<Hit> {
        let mut slots: Vec<Option<Hit>> = self.arrived.iter().map(|_| None).collect();
        for hit in hits {
            let Some(slot) = slots.get_mut(hit.at) else { continue };
            *slot = Some(match slot.take() {
                Some(known) => Hit {
                    topic: known.topic.and(hit.topic),
                    money: hit.money.or(known.money),
                    ..known
                },
                None => hit,
            });
        }
        slots.into_iter().flatten().collect()
    }

    /// What the newest of some hits hit.
    pub fn newest(&self, hits: &[Hit]) -> Option<&Seen<'a>> {
        self.arrived.get(hits.last()?.at)
    }

    /// The events of some hits, as their mend has to be told: a deposit's where there is one.
    pub fn event_of(&self, hits: &[Hit]) -> EventKind {
        let mut events = hits.iter().filter_map(|hit| self.arrived.get(hit.at)?.event());
        let first = events.next().unwrap_or(EventKind::Deposit);
        let has_deposit = events.any(|event| event == EventKind::Deposit);
        if has_deposit { EventKind::Deposit } else { first }
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

    pub fn with_money(self, money: Vec<(String, i64)>) -> Self {
        Self { money: Some(money), ..self }
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

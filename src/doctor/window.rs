//! What the doctor looks at, and what it says. Whoever calls it has read both from the database.

use crate::model::status::Status;

/// Where an arrival is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A stored event, by its number in the space.
    Event(i64),
    /// A refused postback, by its number.
    Refused(i64),
}

/// Whether the space knows the click that a uid names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UidIs {
    /// There is no uid.
    Absent,
    Known,
    Unknown,
    /// No click has it, but one begins with it.
    Truncated,
    OfAnotherSpace,
}

/// A later arrival of an id that is stored already and says something else, as long as nobody has
/// decided which one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub uid: Option<String>,
    pub value: Option<String>,
    pub micros: Option<i64>,
    pub currency: String,
    pub received_at_ms: i64,
    /// How often it arrived.
    pub times: i64,
}

/// One stored event or refused postback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub place: Place,
    pub received_at_ms: i64,
    /// The query as it is kept, token removed; empty once retention has removed it.
    pub raw: String,
    /// The stored words of its notes.
    pub notes: Vec<String>,
    /// Of a refusal.
    pub status: Option<Status>,
    /// The event's code; empty for a refusal.
    pub event: String,
    pub uid: Option<String>,
    pub eid: Option<String>,
    pub has_tg_id: bool,
    pub value: Option<String>,
    pub micros: Option<i64>,
    pub currency: String,
    pub occurred_at_ms: i64,
    /// `false` for a test, and for what was taken out of the figures.
    pub counted: bool,
    /// How often it came again without saying anything else.
    pub refires: i64,
    /// Whether it belongs to a link.
    pub linked: bool,
    pub uid_is: UidIs,
    pub versions: Vec<Version>,
    /// Somebody mended or decided it by hand: nothing is said about its content any more.
    pub mended: bool,
}

/// Postbacks of an hour whose key opened nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKeys {
    pub prefix: String,
    pub address: String,
    pub count: i64,
    pub first_ms: i64,
    pub last_ms: i64,
    /// When it stopped being this space's key, if it ever was.
    pub ended_ms: Option<i64>,
    /// Whether this deployment made it.
    pub is_ours: bool,
}

/// A bounded part of what is stored of one space.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// In any order: at most 2,000 events and 300 refused postbacks, the newest of each.
    pub arrived: Vec<Arrived>,
    /// The network that the user chose, by its pack's slug.
    pub network: Option<String>,
    /// Whether the space has any click: without one, no uid is known.
    pub has_clicks: bool,
    /// Pairs of events that look alike and are two, as the user said.
    pub apart: Vec<(i64, i64)>,
    pub unknown_keys: Vec<UnknownKeys>,
    /// When some of the events before these came, whatever their source, the oldest first: enough to know the
    /// space's rhythm by.
    pub before_ms: Vec<i64>,
    pub now_ms: i64,
}

/// One cause at one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The cause's word.
    pub cause: &'static str,
    /// The slug of the network's pack, or `unknown`.
    pub source: String,
    /// What happened.
    pub sentence: String,
    /// What to change.
    pub mend: String,
    /// How many postbacks it hit.
    pub count: i64,
    /// What is at stake: millionths by currency.
    pub money: Vec<(String, i128)>,
    pub first_seen_ms: i64,
    pub last_seen_ms: i64,
    /// The newest events that it hit, at most 20.
    pub seqs: Vec<i64>,
    /// The newest refused postbacks that it hit, at most 20.
    pub held: Vec<i64>,
    /// Possible duplicates: the one that is kept, and the one too many.
    pub pairs: Vec<(i64, i64)>,
}

//! What somebody may decide about an event, and what it does. Pure: schema.sql carries a decision out when it is
//! put on record.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::BadField;

/// Longest reason in characters: two or three lines of text.
const REASON_LENGTH: usize = 300;

/// Most versions that are counted at once: each is an event that is stored and counted, some 200 µs of the
/// database's time; a thousand are a fifth of a second.
pub const MOST_VERSIONS: usize = 1000;

/// What begins the key of an event that was a version of another: no postback's key begins so.
pub const VERSION_PREFIX: &str = "v+";

/// What can be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It counts no more.
    TakeOut,
    /// It counts.
    PutIn,
    /// What came again and differs changes nothing.
    KeepFirst,
    /// The event is what the last one of them says.
    TakeLast,
    /// Each of them is an event of its own, beside this one.
    CountBoth,
    /// It is the same deposit as another, and counts no more.
    Merge,
    /// It is another deposit than the one that looks the same.
    KeepBoth,
    /// What it says was changed by hand, or by a rule.
    Mend,
    /// The newest decision that stands is taken back.
    Undo,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::TakeOut,
        Self::PutIn,
        Self::KeepFirst,
        Self::TakeLast,
        Self::CountBoth,
        Self::Merge,
        Self::KeepBoth,
        Self::Mend,
        Self::Undo,
    ];

    /// Its word in the database, in forms and under `/api`.
    pub fn word(self) -> &'static str {
        match self {
            Self::TakeOut => "take_out",
            Self::PutIn => "put_in",
            Self::KeepFirst => "keep_first",
            Self::TakeLast => "take_last",
            Self::CountBoth => "count_both",
            Self::Merge => "merge",
            Self::KeepBoth => "keep_both",
            Self::Mend => "mend",
            Self::Undo => "undo",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it settles a conflict.
    pub fn is_about_conflict(self) -> bool {
        matches!(self, Self::KeepFirst | Self::TakeLast | Self::CountBoth)
    }

    /// Whether it says of two deposits what they are.
    pub fn is_about_two(self) -> bool {
        matches!(self, Self::Merge | Self::KeepBoth)
    }
}

/// A decision on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// 1, 2, … of its event.
    pub n: i64,
    pub kind: Kind,
    /// What whoever decided wrote; may be empty.
    pub reason: String,
    /// The other event, of a decision that is about two.
    pub other: Option<i64>,
    /// The event's columns as they were.
    pub before: Value,
    /// The columns that it changed, with their values.
    pub after: Option<Value>,
    /// The decision that it takes back.
    pub undoes: Option<i64>,
    pub at_ms: i64,
}

impl Decision {
    /// Whether it was made with another event's, and is taken back there.
    fn is_elsewhere(&self) -> bool {
        self.kind == Kind::PutIn && self.other.is_some()
    }
}

/// The decision that may be taken back: the newest of its event that stands, unless it was made with another
/// event's. Whoever wants an older one undone undoes the newer ones first, so that the event is each time what it
/// was before.
pub fn undoable(decisions: &[Decision]) -> Option<&Decision> {
    standing(decisions).max_by_key(|decision| decision.n).filter(|newest| !newest.is_elsewhere())
}

/// Those that were not taken back.
fn standing(decisions: &[Decision]) -> impl Iterator<Item = &Decision> {
    let is_undone = |n| decisions.iter().any(|other| other.undoes == Some(n));
    decisions.iter().filter(move |one| one.kind != Kind::Undo && !is_undone(one.n))
}

/// What takes a decision back: the columns that it changed, as they were before.
pub fn after_undoing(decision: &Decision) -> Option<Value> {
    let changed = decision.after.as_ref()?.as_object()?.keys();
    let before =
        |name: &String| (name.clone(), decision.before.get(name).cloned().unwrap_or_default());
    Some(Value::Object(changed.map(before).collect()))
}

/// What came again under an event's id and says something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// What makes it another one: JSON of uid, amount and currency.
    pub what: String,
    pub uid: Option<String>,
    /// The amount as sent, and in millionths.
    pub value: Option<String>,
    pub micros: Option<i64>,
    pub currency: String,
    pub received_at_ms: i64,
    pub last_at_ms: i64,
    pub times: i64,
}

/// Another event that was a version of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    pub seq: i64,
    pub counted: bool,
    /// The decision that counted it; 0 where its version is open.
    pub by: i64,
    /// Whether something was decided about it since, and stands.
    pub decided: bool,
}

/// An event with all that a decision about it depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    pub seq: i64,
    pub event: String,
    pub dedup: String,
    pub uid: Option<String>,
    pub micros: Option<i64>,
    pub currency: String,
    pub counted: bool,
    /// Oldest first.
    pub decisions: Vec<Decision>,
    /// Versions that are open, the last one at the end; at most one more than [`MOST_VERSIONS`].
    pub open: Vec<Version>,
    /// Events that versions of this one have become.
    pub made: Vec<Made>,
    /// The deposit before it that looks the same.
    pub twin: Option<i64>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub kind: Kind,
    pub reason: String,
    pub other: Option<i64>,
    /// The number that it shall have, so that it is made once; the next one where it is left out.
    pub expected: Option<i64>,
    /// What was open when it was asked for, by [`Case::seen`].
    pub seen: Option<String>,
}

/// A decision that may be made, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    pub n: i64,
    pub kind: Kind,
    pub reason: String,
    pub other: Option<i64>,
    pub after: Option<Value>,
    /// The decision that it takes back, with its kind.
    pub undoes: Option<(i64, Kind)>,
    /// Versions that must be open still, and no more of them, where it is about these.
    pub open: Option<usize>,
}

/// Why nothing is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Exactly this was decided already, under this number.
    Already(i64),
    /// Something else was decided, or came, since it was asked for.
    Meanwhile,
    /// It does not fit the event, and why.
    Impossible(&'static str),
    Bad(BadField),
}

impl Case {
    /// What is open, as a text that changes with it.
    pub fn seen(&self) -> String {
        let last = self.open.last().map(|last| last.what.as_str()).unwrap_or_default();
        format!("{}{last}", self.open.len())
    }

    /// The number of the next decision.
    pub fn next(&self) -> i64 {
        self.decisions.iter().map(|one| one.n).max().unwrap_or(0) + 1
    }

    /// The event that this one was a version of.
    pub fn version_of(&self) -> Option<i64> {
        self.dedup.strip_prefix(VERSION_PREFIX)?.split_once(':')?.0.parse().ok()
    }

    /// The key of an event that a version of this one becomes.
    pub fn key_of(&self, version: &Version) -> String {
        format!("{VERSION_PREFIX}{}:{}", self.seq, version.what)
    }

    /// Whether it is a version that is not counted beside the event it came under: that is decided there.
    fn waits_for_another(&self) -> bool {
        self.version_of().is_some() && !standing(&self.decisions).any(Decision::is_elsewhere)
    }

    /// Whether it can be put into the figures.
    pub fn can_be_put_in(&self) -> bool {
        self.after(Kind::PutIn).is_ok()
    }

    /// What may be done about it now, judged anew whenever it is done.
    pub fn judge(&self, draft: &Draft) -> Result<Deed, Refused> {
        let reason = draft.reason.trim();
        if reason.chars().count() > REASON_LENGTH {
            return Err(Refused::Bad(TOO_LONG));
        }
        let n = self.next();
        if let Some(expected) = draft.expected.filter(|expected| *expected != n) {
            let same = self.decisions.iter().find(|one| one.n == expected);
            let is_same = same.is_some_and(|one| one.kind == draft.kind && one.reason == reason);
            return Err(if is_same { Refused::Already(expected) } else { Refused::Meanwhile });
        }
        let is_about_conflict = draft.kind.is_about_conflict();
        if is_about_conflict && draft.seen.as_ref().is_some_and(|seen| *seen != self.seen()) {
            return Err(Refused::Meanwhile);
        }
        let (after, undoes) = match draft.kind {
            Kind::Undo => {
                let undone = self.to_undo()?;
                (after_undoing(undone), Some((undone.n, undone.kind)))
            }
            kind => (self.after(kind)?, None),
        };
        let other = self.other(draft)?;
        let open = is_about_conflict.then_some(self.open.len());
        Ok(Deed { n, kind: draft.kind, reason: reason.to_owned(), other, after, undoes, open })
    }

    /// What a decision changes of the event.
    fn after(&self, kind: Kind) -> Result<Option<Value>, Refused> {
        let impossible = |why| Err(Refused::Impossible(why));
        if kind.is_about_conflict() && self.open.is_empty() {
            return impossible(NO_CONFLICT);
        }
        match kind {
            Kind::TakeOut | Kind::Merge if !self.counted => impossible(NOT_COUNTED),
            Kind::TakeOut | Kind::Merge => Ok(Some(json!({"counted": 0}))),
            Kind::PutIn if self.counted => impossible(COUNTED),
            Kind::PutIn if self.waits_for_another() => impossible(DECIDED_THERE),
            Kind::PutIn => Ok(Some(json!({"counted": 1}))),
            Kind::CountBoth if !self.counted => impossible(NOT_COUNTED),
            Kind::CountBoth if self.open.len() > MOST_VERSIONS => impossible(TOO_MANY),
            Kind::TakeLast => Ok(self.open.last().map(Version::columns)),
            Kind::KeepFirst | Kind::CountBoth | Kind::KeepBoth => Ok(None),
            Kind::Mend | Kind::Undo => impossible(NOT_HERE),
        }
    }

    fn to_undo(&self) -> Result<&Decision, Refused> {
        if self.waits_for_another() {
            return Err(Refused::Impossible(DECIDED_THERE));
        }
        let undone = undoable(&self.decisions).ok_or(Refused::Impossible(NOTHING_TO_UNDO))?;
        if undone.kind == Kind::CountBoth
            && self.made.iter().any(|made| made.by == undone.n && made.decided)
        {
            return Err(Refused::Impossible(UNDO_THERE_FIRST));
        }
        Ok(undone)
    }

    /// The other event of a decision that is about two: the one before it that looks the same.
    fn other(&self, draft: &Draft) -> Result<Option<i64>, Refused> {
        match (self.twin, draft.other) {
            _ if !draft.kind.is_about_two() => Ok(None),
            (None, _) => Err(Refused::Impossible(NO_TWIN)),
            (Some(twin), Some(other)) if other != twin => Err(Refused::Meanwhile),
            (twin, _) => Ok(twin),
        }
    }

    /// What revenue gains, by currency, where the event is what the last open version says.
    pub fn gained_by_last(&self) -> BTreeMap<String, i128> {
        let mut gained = BTreeMap::new();
        let Some((last, micros)) = self.open.last().and_then(|last| Some((last, last.micros?)))
        else {
            return gained;
        };
        *gained.entry(self.currency.clone()).or_default() -= i128::from(self.micros.unwrap_or(0));
        *gained.entry(last.currency.clone()).or_default() += i128::from(micros);
        gained.retain(|_, micros| *micros != 0);
        gained
    }

    /// What revenue gains, by currency, where each open version is counted as well.
    pub fn gained_by_both(&self) -> BTreeMap<String, i128> {
        let mut gained = BTreeMap::new();
        for version in &self.open {
            let micros = i128::from(version.micros.unwrap_or(0));
            *gained.entry(version.currency.clone()).or_default() += micros;
        }
        gained.retain(|_, micros| *micros != 0);
        gained
    }
}

impl Version {
    /// The columns of an event that says what this version says. What it leaves out stays as it is.
    fn columns(&self) -> Value {
        let mut columns = Map::new();
        if let Some(uid) = &self.uid {
            columns.insert("uid".to_owned(), json!(uid));
        }
        if let Some(micros) = self.micros {
            columns.insert("value".to_owned(), json!(self.value));
            columns.insert("micros".to_owned(), json!(micros));
            columns.insert("currency".to_owned(), json!(self.currency));
        }
        Value::Object(columns)
    }
}

const TOO_LONG: BadField = BadField::new("reason", "Write at most 300 characters.");
const NO_CONFLICT: &str = "No other version of this event is open.";
const NOT_COUNTED: &str = "This event is not counted.";
const COUNTED: &str = "This event is counted already.";
const DECIDED_THERE: &str =
    "This is another version of an event, which counts or not as it is decided there.";
const TOO_MANY: &str = "More than 1,000 versions are open: this id is no transaction's. Have the network send another one.";
const NOT_HERE: &str = "A mend has an address of its own.";
const NOTHING_TO_UNDO: &str = "There is nothing left to undo.";
const UNDO_THERE_FIRST: &str =
    "Something was decided about an event that this decision counted. Undo that first.";
const NO_TWIN: &str = "No deposit before this one looks the same any more.";

#[cfg(test)]
mod tests;

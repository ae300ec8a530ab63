//! Which of a deployment's databases something is in (docs/scaling.md, Over several databases).

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::text::json;

/// The binding of the first database; those of the others have their number behind it.
const BINDING: &str = "DB";

/// One of the databases, by its number: 1 is `DB`, which is always there, 2 is `DB_2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Database(u8);

impl Database {
    /// Where spaces are listed and links are found by their slug; the only one of most deployments.
    pub const FIRST: Self = Self(1);

    /// The database of a number; there are at most 255.
    pub fn of_number(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| *number > 0).map(Self)
    }

    /// The database whose binding has this name.
    pub fn of_binding(name: &str) -> Option<Self> {
        let number = match name.strip_prefix(BINDING)? {
            "" => 1,
            behind => behind.strip_prefix('_')?.parse().ok()?,
        };
        Self::of_number(number).filter(|database| database.to_string() == name)
    }

    /// Reads where something that waited in the queue belongs; what says nothing is the first's.
    pub fn read(stored: &Value) -> Option<Self> {
        json::optional_text(stored, "database")
            .map_or(Some(Self::FIRST), |name| Self::of_binding(&name))
    }

    pub fn number(self) -> u8 {
        self.0
    }

    pub fn is_first(&self) -> bool {
        *self == Self::FIRST
    }

    /// The one behind it.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

/// The name of its binding.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_first() { f.write_str(BINDING) } else { write!(f, "{BINDING}_{}", self.0) }
    }
}

impl Serialize for Database {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_called_by_its_binding() {
        assert_eq!(Database::FIRST.to_string(), "DB");
        for (number, name) in [(1, "DB"), (2, "DB_2"), (255, "DB_255")] {
            let database = Database::of_number(number);
            assert_eq!(database.map(|database| database.to_string()).as_deref(), Some(name));
            assert_eq!(Database::of_binding(name), database);
        }
        for name in ["", "DB_", "DB_0", "DB_1", "DB_02", "DB_+2", "DB_256", "db", "DB2", "XDB"] {
            assert_eq!(Database::of_binding(name), None, "{name}");
        }
        assert_eq!(Database::of_number(0), None);
        assert_eq!(Database::of_number(256), None);
    }

    #[test]
    fn what_was_queued_before_there_were_several_belongs_to_the_first() {
        assert_eq!(Database::read(&json::read("{}")), Some(Database::FIRST));
        assert_eq!(Database::read(&json::read(r#"{"database":"DB_3"}"#)), Database::of_number(3));
        assert_eq!(Database::read(&json::read(r#"{"database":"DB_0"}"#)), None);
    }
}

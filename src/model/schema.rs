//! Whether the database has the schema that this version was written for (docs/operating.md, Upgrading).

use std::cmp::Ordering;

/// The number of the newest file in `migrations/`.
const NEEDED: i64 = include!(concat!(env!("OUT_DIR"), "/newest_migration.rs"));

/// How the database's schema stands to the one that this version needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    Current,
    /// A migration is still to be applied.
    Older,
    /// It was migrated for a later version.
    Newer,
}

impl Schema {
    /// Reads the number of the newest migration that was applied; a database that knows none is older.
    pub fn of(applied: Option<i64>) -> Self {
        match applied.unwrap_or(0).cmp(&NEEDED) {
            Ordering::Less => Self::Older,
            Ordering::Equal => Self::Current,
            Ordering::Greater => Self::Newer,
        }
    }

    /// The more, the worse: a database that lacks something stores nothing that needs it.
    pub fn trouble(self) -> u8 {
        match self {
            Self::Current => 0,
            Self::Newer => 1,
            Self::Older => 2,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Older => "older",
            Self::Newer => "newer",
        }
    }

    /// What is the matter, and which command mends it; `None` where all is well.
    pub fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Current => None,
            Self::Older => Some(
                "The database is older than this version of XTRACKER. Run make deploy (make dev on your own machine, node deploy.mjs in a release's folder): it migrates the database.",
            ),
            Self::Newer => Some(
                "The database is newer than this version of XTRACKER. If no deployment is under way, get the latest version and run make deploy (make dev on your own machine, node deploy.mjs in a release's folder).",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_compared_with_what_this_version_needs() {
        assert_eq!(Schema::of(Some(NEEDED)), Schema::Current);
        assert_eq!(Schema::of(Some(NEEDED + 1)), Schema::Newer);
        for applied in [None, Some(0), Some(NEEDED - 1)] {
            assert_eq!(Schema::of(applied), Schema::Older);
        }
    }
}

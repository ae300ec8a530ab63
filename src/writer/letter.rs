//! What goes between a Worker's isolate and the object that writes for all of them. Both are of one
//! deployment, but for the moments of an upgrade: what the other side does not read is stored directly.

use serde::Serialize;

use crate::db::event::Name;
use crate::db::group::Entry;
use crate::model::database::Database;
use crate::text::json;

/// What the object made of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Answer {
    /// It is an event of its space, now or from before.
    Stored(Name),
    /// Its key opens no space, or it was read by other rules than that has on.
    UnknownKey,
    /// D1 did not answer in time; whether it is stored is unknown.
    Late,
    /// It has to be stored alone: its group was refused, or too many wait.
    Alone,
}

impl Answer {
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads an answer; `None` for what another version wrote, or nobody.
    pub fn from_text(text: &str) -> Option<Self> {
        let answer = json::read(text);
        match json::text(&answer, "outcome").as_str() {
            "stored" => Some(Self::Stored(Name {
                space_id: json::number(&answer, "space_id")?,
                seq: json::number(&answer, "seq")?,
                receipt: json::optional_text(&answer, "receipt")?,
                has_destinations: answer.get("has_destinations")?.as_bool()?,
            })),
            "unknown_key" => Some(Self::UnknownKey),
            "late" => Some(Self::Late),
            "alone" => Some(Self::Alone),
            _ => None,
        }
    }
}

/// Writes a report: its database and the hash of its key on a line, so that the object has nothing to read
/// in it.
pub fn write(database: Database, key_hash: &str, json: &str) -> String {
    format!("{database} {key_hash}\n{json}")
}

/// Reads what `write` wrote.
pub fn read(letter: &str) -> Option<Entry> {
    let (head, json) = letter.split_once('\n')?;
    let (database, key_hash) = head.split_once(' ')?;
    let database = Database::of_binding(database)?;
    Some(Entry { database, key_hash: key_hash.to_owned(), json: json.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_arrives_as_it_was_sent() {
        let name = Name { space_id: 1, seq: 2, receipt: "r".to_owned(), has_destinations: true };
        for answer in [Answer::Stored(name), Answer::UnknownKey, Answer::Late, Answer::Alone] {
            assert_eq!(Answer::from_text(&answer.to_text()), Some(answer));
        }
    }

    #[test]
    fn what_nobody_wrote_is_no_answer() {
        for text in ["", "{}", "Internal Server Error", r#"{"outcome":"stored","seq":1}"#] {
            assert_eq!(Answer::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_report_arrives_as_it_was_sent() {
        let (database, json) = (Database::FIRST, r#"{"raw":"a\nb"}"#.to_owned());
        let entry = Entry { database, key_hash: "ab".to_owned(), json };
        assert_eq!(read(&write(database, &entry.key_hash, &entry.json)), Some(entry));
        for letter in ["{}", "ab\n{}", "DB_0 ab\n{}"] {
            assert_eq!(read(letter), None);
        }
    }
}

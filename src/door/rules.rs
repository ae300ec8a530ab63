//! Which rules an isolate knows of a key's space. A postback is read by them before the database is asked; where the
//! space has others by now, its statement stores nothing, and it is read again (`intake.rs`). So a space without
//! rules pays nothing for those of others, and one with rules pays once in each isolate and for each change.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::db::rule::OfKey;
use crate::model::event::Arrival;
use crate::postback::mend::Rule;
use crate::postback::{self, Reading, Received};

/// Keys of spaces with rules that an isolate remembers: with twenty rules each, four megabytes of its 128.
const MOST: usize = 1_000;

/// Rules with their number.
pub type Known = (i64, Rc<[Rule]>);

thread_local! {
    /// Of keys whose spaces have rules, by their hashes.
    static KNOWN: RefCell<HashMap<String, Known>> = RefCell::new(HashMap::new());
}

/// What is known of a key.
pub fn known(hash: &str) -> Option<Known> {
    KNOWN.with_borrow(|known| if known.is_empty() { None } else { known.get(hash).cloned() })
}

/// Remembers what a key's space reads by.
pub fn remember(of_key: OfKey) {
    KNOWN.with_borrow_mut(|known| {
        known.remove(&of_key.hash);
        if of_key.number == 0 {
            return;
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(of_key.hash, (of_key.number, of_key.rules.into()));
    });
}

/// Reads what arrived once more, where other rules are known of its key than `reading` was made by, and has the
/// arrival say which. A reading that no rules were asked for was made by none.
pub fn read(received: &Received, arrival: &mut Arrival, reading: &mut Reading) {
    let (number, rules) = known(&arrival.key_hash).unwrap_or_default();
    if arrival.rules.replace(number).unwrap_or(0) != number {
        *reading = postback::read_mended(received, arrival.received_at_ms, &rules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::database::Database;
    use crate::model::key::KeyKind;
    use crate::model::note::Note;
    use crate::postback::mend::Mend;

    #[test]
    fn an_isolate_reads_by_the_rules_it_knows_and_says_which() {
        let received = Received::query("event=deposit&value=1,234");
        let mut arrival = Arrival {
            key_hash: "ab".to_owned(),
            key_kind: KeyKind::Ingest,
            received_at_ms: 5,
            receipt: "r".to_owned(),
            database: Database::FIRST,
            rules: None,
        };
        let mut reading = postback::read(&received, 5);
        let mut read = || {
            super::read(&received, &mut arrival, &mut reading);
            (reading.verdict.is_ok(), arrival.rules)
        };
        let rules = OfKey {
            hash: "ab".to_owned(),
            kind: "ingest".to_owned(),
            expires_at_ms: None,
            number: 3,
            rules: vec![Rule { note: Note::Rule(1), mend: Mend::Thousands }],
        };
        assert_eq!(read(), (false, Some(0)));
        remember(rules.clone());
        assert_eq!(read(), (true, Some(3)));
        remember(OfKey { number: 0, rules: Vec::new(), ..rules.clone() });
        assert_eq!(read(), (false, Some(0)));
        for at in 0..=MOST {
            remember(OfKey { hash: at.to_string(), ..rules.clone() });
        }
        assert_eq!(KNOWN.with_borrow(HashMap::len), 1);
    }
}

//! Following a key whose space has moved: its database does not know it any more, and says where it leads.

use std::cell::RefCell;

use crate::db;
use crate::db::moves::Whereabouts;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;
use crate::model::event::Arrival;

/// How long an isolate remembers where a key leads. Whatever has become of the space since, that database
/// leads on.
const REMEMBERED_MS: i64 = 60 * 60 * 1000;

/// Keys that an isolate remembers: few move, and to look through them all takes a microsecond or two.
const MOST: usize = 200;

/// Databases that a key is followed through at most: a space that moved so often leads there in a circle.
const LONGEST: u32 = 8;

thread_local! {
    /// Hashes of moved keys, with their database and the time until which they are remembered.
    static MOVED: RefCell<Vec<(String, Database, i64)>> = const { RefCell::new(Vec::new()) };
}

/// The database that a key is looked up in first, if it is another than it says.
pub fn remembered(hash: &str, now_ms: i64) -> Option<Database> {
    MOVED.with_borrow(|moved| {
        let found = moved.iter().find(|(key, _, until_ms)| key == hash && now_ms < *until_ms);
        found.map(|(_, database, _)| *database)
    })
}

fn remember(hash: &str, database: Database) {
    MOVED.with_borrow_mut(|moved| {
        moved.retain(|(key, ..)| key != hash);
        if moved.len() >= MOST {
            moved.clear();
        }
        moved.push((hash.to_owned(), database, edge::now_ms() + REMEMBERED_MS));
    });
}

/// The way of one call from database to database.
#[derive(Default)]
pub struct Trail {
    steps: u32,
    /// Whether the key had come back once already: then it is there, and opens nothing.
    was_here: bool,
}

impl Trail {
    /// Follows a key that its database did not know, and says whether it is worth asking again, where
    /// `arrival` says then. One round trip, and none where there is one database. Refuses while the
    /// space is on its way.
    pub async fn follow(&mut self, config: &Config, arrival: &mut Arrival) -> Result<bool, Error> {
        self.steps += 1;
        if !config.has_several() || self.steps > LONGEST {
            return Ok(false);
        }
        let hash = arrival.key_hash.clone();
        let asked = async {
            let db = config.db_of(arrival.database)?;
            db::moves::of_keys(&db, &[&hash]).await
        };
        match db::in_time(config, asked).await?.first() {
            None => Ok(false),
            Some((_, Whereabouts::Moving)) => Err(Error::Moving),
            Some((_, Whereabouts::At(database))) => {
                remember(&hash, *database);
                arrival.database = *database;
                Ok(true)
            }
            Some((_, Whereabouts::Here)) => Ok(!std::mem::replace(&mut self.was_here, true)),
        }
    }
}

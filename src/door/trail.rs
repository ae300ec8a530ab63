//! Following a key that its database did not take: its space has moved, and the database says where it leads; or it
//! has other rules by now.

use std::cell::RefCell;

use crate::db;
use crate::db::moves::Whereabouts;
use crate::db::rule::{OfKey, Shut};
use crate::door::rules;
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
    /// Follows a key that its database did not take, `shut` for that reason, and says whether it is worth asking
    /// again: where `arrival` says then, or by the rules that are known from now on. One round trip, and none
    /// where the reason says it all. Refuses while the space is on its way.
    pub async fn follow(
        &mut self,
        config: &Config,
        arrival: &mut Arrival,
        shut: Shut,
    ) -> Result<bool, Error> {
        self.steps += 1;
        if self.steps > LONGEST {
            return Ok(false);
        }
        let asks = match shut {
            Shut::Rules(of_key) => return Ok(learn(of_key, arrival)),
            Shut::NoKey => config.has_several(),
            Shut::Unsaid => true,
        };
        if !asks {
            return Ok(false);
        }
        let hash = arrival.key_hash.clone();
        let asked = async {
            let db = config.db_of(arrival.database)?;
            db::moves::of_keys(&db, &[&hash]).await
        };
        let (of_keys, found) = db::in_time(config, asked).await?;
        match (of_keys.first(), found.first().map(|(_, at)| *at)) {
            (Some(of_key), _) if !of_key.opens_for(arrival) => Ok(false),
            (Some(of_key), _) if learn(of_key.clone(), arrival) => Ok(true),
            (_, None) => Ok(false),
            (_, Some(Whereabouts::Moving)) => Err(Error::Moving),
            (_, Some(Whereabouts::At(database))) => {
                remember(&hash, database);
                arrival.database = database;
                Ok(true)
            }
            (_, Some(Whereabouts::Here)) => Ok(!std::mem::replace(&mut self.was_here, true)),
        }
    }
}

/// Remembers what an arrival's space reads by; false where it was read by just that, or by nothing.
fn learn(of_key: OfKey, arrival: &Arrival) -> bool {
    let is_news = arrival.rules.is_some_and(|number| number != of_key.number);
    rules::remember(of_key);
    is_news
}

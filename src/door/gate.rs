//! What keeps a flood of unknown keys off the database. A key that was unknown a moment ago is
//! refused without asking again; an address that has brought too many of them is refused whatever
//! keys it brings that we never made. A space's own keys are never limited.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::model::key::Presented;

/// How long a key stays unknown, and an address refused. A key is random, so that none can be tried
/// before it is made.
const REMEMBERED_MS: i64 = 60_000;

/// Keys and addresses that an isolate remembers: at about 150 bytes each, three megabytes of its 128.
const MOST: usize = 10_000;

thread_local! {
    /// Hashes of unknown keys, with the time until which they are.
    static UNKNOWN: RefCell<HashMap<String, i64>> = RefCell::new(HashMap::new());
    /// Addresses that brought too many.
    static REFUSED: RefCell<HashMap<String, i64>> = RefCell::new(HashMap::new());
}

/// Whether a key may be looked up in the database.
pub fn admits(config: &Config, incoming: &Incoming, key: &Presented<'_>, hash: &str) -> bool {
    let now_ms = edge::now_ms();
    let until_ms = UNKNOWN.with_borrow(|unknown| unknown.get(hash).copied());
    if until_ms.is_some_and(|until_ms| now_ms < until_ms) {
        return false;
    }
    if REFUSED.with_borrow(HashMap::is_empty) {
        return true;
    }
    // Without the secret none can be told from a forged one, and none is refused for that.
    let is_ours = config.key_secret().map_or(true, |secret| key.is_ours(secret.as_bytes()));
    is_ours || !is_refused(incoming)
}

/// Remembers a key that opened no space, and counts it against its address.
pub async fn unknown(config: &Config, incoming: &Incoming, hash: &str) {
    UNKNOWN.with_borrow_mut(|unknown| remember(unknown, hash));
    count(config, incoming).await;
}

/// Whether an address has brought too many wrong keys, within the last minute.
pub fn is_refused(incoming: &Incoming) -> bool {
    let until_ms = REFUSED.with_borrow(|refused| refused.get(&incoming.address()).copied());
    until_ms.is_some_and(|until_ms| edge::now_ms() < until_ms)
}

/// Counts a wrong key against its address.
pub async fn count(config: &Config, incoming: &Incoming) {
    let address = incoming.address();
    let Ok(limiter) = config.unknown_limit() else { return };
    if !edge::is_below(&limiter, address.clone()).await {
        REFUSED.with_borrow_mut(|refused| remember(refused, &address));
    }
}

fn remember(map: &mut HashMap<String, i64>, name: &str) {
    let now_ms = edge::now_ms();
    if map.len() >= MOST {
        map.retain(|_, until_ms| now_ms < *until_ms);
    }
    if map.len() >= MOST {
        map.clear();
    }
    map.insert(name.to_owned(), now_ms + REMEMBERED_MS);
}

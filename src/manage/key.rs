//! A space's keys: rotating one, and ending the one before.

use crate::db;
use crate::db::key::Rotation;
use crate::db::space::Home;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::key::{self, KeyKind, Presented};
use crate::reply::Problem;
use crate::text::encode;

/// A key that was just made, and the time until which a previous one is valid.
pub struct Rotated {
    pub key: String,
    pub previous_valid_until_ms: i64,
}

/// What makes a rotation another one than every other.
pub fn nonce() -> Result<String, Error> {
    Ok(encode::hex(&edge::random::<16>()?))
}

/// Makes a space's new secret of a kind in place of the one whose hash is `from`. The same nonce makes
/// the same secret, which is given again for five minutes; `None` where another key has become the
/// current one.
pub async fn rotate(
    config: &Config,
    home: &Home,
    space_id: i64,
    kind: KeyKind,
    from: Option<&str>,
    nonce: &str,
) -> Result<Option<Rotated>, Problem> {
    let secret = config.key_secret()?;
    let secret = secret.as_bytes();
    let words = [&space_id.to_string(), kind.name(), from.unwrap_or_default(), nonce];
    let made = key::derive(secret, &words)
        .and_then(|random| key::mint(kind, home.database, random, secret));
    let made = made.ok_or(Error::Missing("KEY_SECRET"))?;
    let hash = Presented::read(&made, kind, false).map(|key| key.hash());
    let to = &hash.ok_or(Error::Missing("KEY_SECRET"))?;
    let rotation = Rotation { space_id, kind, from, to, now_ms: edge::now_ms() };
    let until_ms = db::key::rotate(home, &rotation).await?;
    let rotated = |previous_valid_until_ms| Rotated { key: made, previous_valid_until_ms };
    Ok(until_ms.map(rotated))
}

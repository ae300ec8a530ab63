//! A space's keys: an additional one, rotating one, whose a key is that somebody has pasted.

use crate::db;
use crate::db::key::{Named, Whose};
use crate::db::rotation::Rotation;
use crate::db::space::Home;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::manage::must_exist;
use crate::model::key::{self, KeyKind, Presented};
use crate::model::key_name::{KeyDraft, Which};
use crate::network;
use crate::reply::Problem;
use crate::text::encode;

const TOO_MANY: &str =
    "This space has 20 keys, and can have no more. End one that nobody uses any more.";

/// A key that was just made.
pub struct Made {
    pub n: i64,
    pub key: String,
}

/// A key's new secret, and the time until which a previous one is valid.
pub struct Rotated {
    pub key: String,
    pub previous_valid_until_ms: i64,
}

/// What makes a form another one than every other.
pub fn nonce() -> Result<String, Error> {
    Ok(encode::hex(&edge::random::<16>()?))
}

/// An id that the same words make again, and nobody without this deployment's secret.
pub fn id_of(config: &Config, words: &[&str]) -> Result<String, Error> {
    let id = key::derive(config.key_secret()?.as_bytes(), &[&["id"], words].concat());
    Ok(encode::hex(&id.ok_or(Error::Missing("KEY_SECRET"))?))
}

/// Whether a form's text is such a nonce.
pub fn is_nonce(text: &str) -> bool {
    text.len() == 32
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The secret that the same words make again, with its hash.
fn secret_of(
    config: &Config,
    home: &Home,
    kind: KeyKind,
    words: &[&str],
) -> Result<(String, String), Error> {
    let secret = config.key_secret()?;
    let secret = secret.as_bytes();
    let made = key::derive(secret, words)
        .and_then(|random| key::mint(kind, home.database, random, secret))
        .ok_or(Error::Missing("KEY_SECRET"))?;
    let hash = Presented::read(&made, kind, false).map(|key| key.hash());
    Ok((made, hash.ok_or(Error::Missing("KEY_SECRET"))?))
}

/// Adds a key to a space. The same draft under the same nonce is one key, whose secret is given again for five minutes.
/// Refuses the 21st that lives.
pub async fn make(
    config: &Config,
    home: &Home,
    space_id: i64,
    draft: KeyDraft,
    nonce: &str,
) -> Result<Made, Problem> {
    let is_network = |slug: &str| network::packs().iter().any(|pack| pack.slug == slug);
    let draft = draft.check(is_network).map_err(Problem::field)?;
    must_exist(db::space::exists(home, space_id).await?)?;
    let network = draft.network.as_deref().unwrap_or_default();
    let words = ["another", &space_id.to_string(), draft.kind.name(), &draft.name, network, nonce];
    let (key, hash) = secret_of(config, home, draft.kind, &words)?;
    let n = db::key_name::add(home, space_id, &hash, &draft, edge::now_ms()).await?;
    Ok(Made { n: n.ok_or(Problem::impossible(TOO_MANY))?, key })
}

/// Makes the new secret of a key, of this number and kind, in place of the one whose hash is `from`. The same nonce
/// makes the same secret, which is given again for five minutes; `None` where another one has become the
/// current one, or the key has ended.
pub async fn rotate(
    config: &Config,
    home: &Home,
    space_id: i64,
    (n, kind): (i64, KeyKind),
    from: Option<&str>,
    nonce: &str,
) -> Result<Option<Rotated>, Problem> {
    let words = [&space_id.to_string(), &n.to_string(), from.unwrap_or_default(), nonce];
    let (key, hash) = secret_of(config, home, kind, &words)?;
    let rotation = Rotation { space_id, n, kind, from, to: &hash, now_ms: edge::now_ms() };
    let until_ms = db::rotation::rotate(home, &rotation).await?;
    Ok(until_ms.map(|previous_valid_until_ms| Rotated { key, previous_valid_until_ms }))
}

/// The number of the first key of a kind, whether it is there or not.
pub fn first(kind: KeyKind) -> i64 {
    match kind {
        KeyKind::Ingest => 1,
        KeyKind::Bearer => 2,
    }
}

/// Which of a space's keys is meant; `None` where there is none that lives.
pub fn find(keys: &[Named], which: Which) -> Option<&Named> {
    let mut living = keys.iter().filter(|key| key.ended_at_ms.is_none());
    living.find(|key| match which {
        Which::Kind(kind) => key.kind == kind,
        Which::Number(n) => key.n == n,
    })
}

/// What is known of a key that somebody has pasted.
pub enum Found {
    Of(Whose),
    /// This deployment has made it, and has forgotten it since: it ended more than 29 days ago.
    Forgotten,
    Unknown,
}

/// Whose a key is, of either kind. A key says where its space was made; that may have moved since, so that for one of
/// ours the other databases are asked as well.
pub async fn whose(config: &Config, home: &Home, key: &Presented<'_>) -> Result<Found, Error> {
    let hash = key.hash();
    if let Some(whose) = db::key::whose(home, &hash).await? {
        return Ok(Found::Of(whose));
    }
    let is_ours = config.key_secret().is_ok_and(|secret| key.is_ours(secret.as_bytes()));
    if !is_ours {
        return Ok(Found::Unknown);
    }
    for database in config.databases().into_iter().filter(|other| *other != home.database) {
        if let Some(whose) = db::key::whose(&config.db_of(database)?, &hash).await? {
            return Ok(Found::Of(whose));
        }
    }
    Ok(Found::Forgotten)
}

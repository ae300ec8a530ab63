//! What a user says about a space's findings: which network its postbacks come from, what they know already.

use crate::db;
use crate::db::space::Home;
use crate::edge;
use crate::error::BadField;
use crate::manage::must_exist;
use crate::network;
use crate::reply::Problem;

const NO_SUCH_NETWORK: BadField =
    BadField::new("network", "Choose one of the networks, or none of them.");

/// Longest word of a cause or a source in characters: twice the longest that there is.
const WORD_CHARACTERS: usize = 64;

const NO_SUCH_FINDING: BadField = BadField::new(
    "cause",
    "Name a cause and a source as the findings do, of at most 64 characters.",
);

/// Refuses what is no network's name; an empty one is none of them.
pub fn check_network(slug: &str) -> Result<(), Problem> {
    let is_known = slug.is_empty() || network::packs().iter().any(|pack| pack.slug == slug);
    if is_known { Ok(()) } else { Err(Problem::field(NO_SUCH_NETWORK)) }
}

/// Says which network a space's postbacks come from; none where the slug is empty.
pub async fn choose_network(home: &Home, space_id: i64, slug: &str) -> Result<(), Problem> {
    check_network(slug)?;
    let slug = Some(slug).filter(|slug| !slug.is_empty());
    must_exist(db::space::choose_network(home, space_id, slug).await?)
}

/// Says no more of a cause at a source, or says it again.
pub async fn mute(
    home: &Home,
    space_id: i64,
    finding: (&str, &str),
    is_muted: bool,
) -> Result<(), Problem> {
    let is_long = |word: &str| word.chars().count() > WORD_CHARACTERS;
    if is_long(finding.0) || is_long(finding.1) {
        return Err(Problem::field(NO_SUCH_FINDING));
    }
    must_exist(db::space::exists(home, space_id).await?)?;
    let muted_at_ms = is_muted.then(edge::now_ms);
    Ok(db::window::mute(home, space_id, finding, muted_at_ms).await?)
}

//! Links and their landings.

use serde::Serialize;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::figures;
use super::row::Row;
use super::space::{self, Home, Spaces};
use super::{number, optional_text, rows_of, run, run_together, text};
use crate::edge::config::Config;
use crate::error::Error;
use crate::figures::{Line, Span};
use crate::model::database::Database;
use crate::model::link::{LandingText, Link, LinkDraft, LinkKind};
use crate::text::json;

const CREATE: &str = "
INSERT INTO links (
  space_id, slug, name, kind, target, uid_parameter, page, enabled, network, archived_at_ms, created_at_ms, id
)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, ''), iif(?10, ?11, NULL), ?11, ?12 WHERE NOT EXISTS (SELECT 1 FROM slugs x WHERE x.slug = ?2)
ON CONFLICT DO NOTHING
RETURNING id
";

/// Draws an id for a link of another database by a row that nobody ever sees: no slug begins with a
/// space.
const DRAW: &str = "
INSERT INTO links (space_id, slug, name, kind, target, uid_parameter, enabled, created_at_ms)
SELECT ?1, ' ' || ?2, '', 'web', '', '', 0, 0
WHERE NOT EXISTS (SELECT 1 FROM links l WHERE l.slug = ?2)
  AND NOT EXISTS (SELECT 1 FROM slugs x WHERE x.slug = ?2)
";

const RESERVE_DRAWN: &str = "
INSERT INTO slugs (slug, space_id, link_id) SELECT ?2, l.space_id, l.id FROM links l WHERE l.slug = ' ' || ?2
";

const PUT_BACK: &str = "
DELETE FROM links WHERE slug = ' ' || ?1
";

const RESERVE: &str = "
INSERT INTO slugs (slug, space_id, link_id)
SELECT ?2, ?1, ?3 WHERE NOT EXISTS (SELECT 1 FROM links l WHERE l.slug = ?2)
ON CONFLICT (slug) DO NOTHING
";

const RESERVED: &str = "
SELECT link_id AS id FROM slugs WHERE slug = ?2 AND space_id = ?1
";

/// What a link was called before.
const RELEASE: &str = "
DELETE FROM slugs WHERE space_id = ?1 AND link_id = ?3 AND slug <> ?2
";

/// Changes nothing where the new slug belongs to another link. What is NULL of network and archive stays.
const CHANGE: &str = "
UPDATE links SET
  slug = ?2, name = ?3, kind = ?4, target = ?5, uid_parameter = ?6, page = ?7, enabled = ?8,
  network = iif(?9 IS NULL, network, nullif(?9, '')),
  archived_at_ms = CASE WHEN ?10 IS NULL THEN archived_at_ms WHEN ?10 THEN coalesce(archived_at_ms, ?11) END
WHERE space_id = ?1 AND id = ?12 AND NOT EXISTS (
  SELECT 1 FROM links o WHERE o.slug = ?2 AND o.id <> ?12
) AND NOT EXISTS (SELECT 1 FROM slugs x WHERE x.slug = ?2)
RETURNING id
";

const ARCHIVE: &str = "
UPDATE links SET archived_at_ms = iif(?3, coalesce(archived_at_ms, ?4), NULL)
WHERE space_id = ?1 AND id = ?2 RETURNING id
";

const EXISTS: &str = "
SELECT id FROM links WHERE space_id = ?1 AND id = ?2
";

pub(super) const NAMES: &str = "
SELECT id, name, archived_at_ms IS NOT NULL AS archived FROM links WHERE space_id = ?1 ORDER BY id
";

const LIST: &str = "
SELECT id, space_id, slug, name, kind, target, uid_parameter, page, enabled, network,
  archived_at_ms IS NOT NULL AS archived
FROM links
WHERE space_id = ?1 ORDER BY id
";

/// A landing's address names no space: the slug alone leads to it.
const BY_SLUG: &str = "
SELECT id, space_id, slug, name, kind, target, uid_parameter, page, enabled FROM links
WHERE slug = ?1
";

/// Where a slug leads that the first database has no link of.
const ELSEWHERE: &str = "
SELECT d.database FROM slugs x JOIN space_databases d ON d.space_id = x.space_id WHERE x.slug = ?1
";

/// A link as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedLink {
    pub id: i64,
    #[serde(flatten)]
    pub draft: LinkDraft,
}

/// Creates a link, under the next id if none is given, and gives its id; `None` where its slug or its
/// id is taken.
pub async fn create(
    db: &D1Database,
    space_id: i64,
    id: Option<i64>,
    draft: &LinkDraft,
    now_ms: i64,
) -> Result<Option<i64>, Error> {
    let values = values(space_id, draft);
    let values = [&values[..], &[number(now_ms), super::optional_number(id)]].concat();
    Ok(run(db, CREATE, &values).await?.id())
}

/// Has the first database keep a slug for a new link of another one, and gives the link's id; the same
/// as before where the space has the slug already. `None` where it is taken.
pub async fn reserve(first: &D1Database, space_id: i64, slug: &str) -> Result<Option<i64>, Error> {
    let named = [number(space_id), text(slug)];
    let drawn = [text(slug)];
    let statements =
        [(DRAW, &named[..]), (RESERVE_DRAWN, &named), (PUT_BACK, &drawn), (RESERVED, &named)];
    let results = run_together(first, &statements).await?;
    Ok(rows_of(&results, 3)?.first().map(|row| row.number("id")))
}

/// Has the first database keep a slug for a link of another one that is there; false where it is taken.
pub async fn reserve_for(
    first: &D1Database,
    space_id: i64,
    slug: &str,
    link_id: i64,
) -> Result<bool, Error> {
    let named = [number(space_id), text(slug)];
    let link = [&named[..], &[number(link_id)]].concat();
    let results = run_together(first, &[(RESERVE, &link), (RESERVED, &named)]).await?;
    Ok(rows_of(&results, 1)?.first().is_some_and(|row| row.number("id") == link_id))
}

/// Frees the slugs that a link of another database has no more.
pub async fn release_others(
    first: &D1Database,
    space_id: i64,
    slug: &str,
    link_id: i64,
) -> Result<(), Error> {
    run(first, RELEASE, &[number(space_id), text(slug), number(link_id)]).await.map(|_nothing| ())
}

/// Whether a space has a link.
pub async fn exists(db: &D1Database, space_id: i64, link_id: i64) -> Result<bool, Error> {
    Ok(run(db, EXISTS, &[number(space_id), number(link_id)]).await?.id().is_some())
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    Done,
    SlugTaken,
    NoSuchLink,
}

/// Changes a link of a space.
pub async fn change(
    db: &D1Database,
    space_id: i64,
    link_id: i64,
    draft: &LinkDraft,
    now_ms: i64,
) -> Result<Changed, Error> {
    let values = values(space_id, draft);
    let change = [&values[..], &[number(now_ms), number(link_id)]].concat();
    let this = [number(space_id), number(link_id)];
    let results = run_together(db, &[(EXISTS, &this), (CHANGE, &change)]).await?;
    let (exists, changed) = (rows_of(&results, 0)?, rows_of(&results, 1)?);
    Ok(match (exists.is_empty(), changed.is_empty()) {
        (true, _) => Changed::NoSuchLink,
        (_, true) => Changed::SlugTaken,
        _ => Changed::Done,
    })
}

/// Puts a link away, or brings it back; false where the space has none of that id.
pub async fn archive(
    db: &D1Database,
    space_id: i64,
    link_id: i64,
    is_away: bool,
    now_ms: i64,
) -> Result<bool, Error> {
    let values = [number(space_id), number(link_id), number(i64::from(is_away)), number(now_ms)];
    Ok(run(db, ARCHIVE, &values).await?.id().is_some())
}

/// Links by id, as `NAMES` gives them.
pub(super) fn read_names(rows: &[Row]) -> Vec<(i64, String)> {
    rows.iter().map(|row| (row.number("id"), row.text("name"))).collect()
}

/// The ids of those that are put away, among what `NAMES` gives.
pub(super) fn read_archived(rows: &[Row]) -> Vec<i64> {
    rows.iter().filter(|row| row.is("archived")).map(|row| row.number("id")).collect()
}

/// The links of a space, with the space.
pub async fn list_on_page(home: &Home, space_id: i64) -> Result<(Spaces, Vec<ListedLink>), Error> {
    let of_space = [number(space_id)];
    let results = run_together(home, &[(space::OF_PAGE, &of_space), (LIST, &of_space)]).await?;
    let links = rows_of(&results, 1)?.iter().filter_map(ListedLink::read).collect();
    Ok((home.spaces(&results, space_id)?, links))
}

/// The links of a space with the sums of a period.
pub async fn with_figures(
    home: &Home,
    space_id: i64,
    span: &Span,
) -> Result<(Spaces, Vec<ListedLink>, Vec<Line>), Error> {
    let period = [number(space_id), super::json(&span.parts)];
    let list = [number(space_id)];
    let statements = [(space::OF_PAGE, &list[..]), (LIST, &list), (figures::SUMS, &period)];
    let results = run_together(home, &statements).await?;
    let links = rows_of(&results, 1)?.iter().filter_map(ListedLink::read).collect();
    let lines = rows_of(&results, 2)?.iter().filter_map(figures::read_line).collect();
    Ok((home.spaces(&results, space_id)?, links, lines))
}

/// The link behind a landing's address, with its database. One round trip, and one more where that is
/// not the first one.
pub async fn by_slug(config: &Config, slug: &str) -> Result<Option<(Link, Database)>, Error> {
    let (first, slug) = (config.db()?, [text(slug)]);
    let found =
        |rows: &[Row], database| rows.iter().find_map(read_link).map(|link: Link| (link, database));
    if !config.has_several() {
        return Ok(found(&run(&first, BY_SLUG, &slug).await?.rows, Database::FIRST));
    }
    let results = run_together(&first, &[(BY_SLUG, &slug), (ELSEWHERE, &slug)]).await?;
    let elsewhere = rows_of(&results, 1)?;
    let Some(database) = elsewhere.first().and_then(|row| row.optional_number("database")) else {
        return Ok(found(&rows_of(&results, 0)?, Database::FIRST));
    };
    let Some(database) = Database::of_number(database) else { return Ok(None) };
    Ok(found(&run(&config.db_of(database)?, BY_SLUG, &slug).await?.rows, database))
}

fn values(space_id: i64, draft: &LinkDraft) -> [JsValue; 10] {
    let page = draft.page.as_ref().and_then(|page| serde_json::to_string(page).ok());
    [
        number(space_id),
        text(&draft.slug),
        text(&draft.name),
        text(draft.kind.name()),
        text(&draft.target),
        text(&draft.uid_parameter),
        optional_text(page.as_deref()),
        number(i64::from(draft.enabled)),
        optional_text(draft.network.as_deref()),
        super::optional_number(draft.archived.map(i64::from)),
    ]
}

impl ListedLink {
    fn read(row: &Row) -> Option<Self> {
        let draft = LinkDraft {
            name: row.text("name"),
            slug: row.text("slug"),
            kind: LinkKind::parse(&row.text("kind"))?,
            target: row.text("target"),
            uid_parameter: row.text("uid_parameter"),
            page: read_page(row),
            enabled: row.is("enabled"),
            network: row.optional_text("network"),
            archived: Some(row.is("archived")),
        };
        Some(Self { id: row.number("id"), draft })
    }
}

fn read_link(row: &Row) -> Option<Link> {
    let ListedLink { id, draft } = ListedLink::read(row)?;
    let LinkDraft { kind, target, uid_parameter, page, enabled, .. } = draft;
    Some(Link { id, space_id: row.number("space_id"), kind, target, uid_parameter, page, enabled })
}

fn read_page(row: &Row) -> Option<LandingText> {
    let page = json::read(&row.optional_text("page")?);
    Some(LandingText {
        title: json::text(&page, "title"),
        text: json::text(&page, "text"),
        button: json::text(&page, "button"),
    })
}

//! Links and their landings.

use serde::Serialize;
use worker::D1Database;
use worker::wasm_bindgen::JsValue;

use super::figures;
use super::row::Row;
use super::space::{self, Spaces};
use super::{number, optional_text, rows_of, run, run_together, text};
use crate::error::Error;
use crate::figures::{Line, Span};
use crate::model::link::{LandingText, Link, LinkDraft, LinkKind};
use crate::text::json;

const CREATE: &str = "
INSERT INTO links (space_id, slug, name, kind, target, uid_parameter, page, enabled, created_at_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (slug) DO NOTHING
RETURNING id
";

/// Changes nothing where the new slug belongs to another link.
const CHANGE: &str = "
UPDATE links SET
  slug = ?2, name = ?3, kind = ?4, target = ?5, uid_parameter = ?6, page = ?7, enabled = ?8
WHERE space_id = ?1 AND id = ?9 AND NOT EXISTS (
  SELECT 1 FROM links o WHERE o.slug = ?2 AND o.id <> ?9
)
RETURNING id
";

const EXISTS: &str = "
SELECT id FROM links WHERE space_id = ?1 AND id = ?2
";

pub(super) const NAMES: &str = "
SELECT id, name FROM links WHERE space_id = ?1 ORDER BY id
";

const LIST: &str = "
SELECT id, space_id, slug, name, kind, target, uid_parameter, page, enabled FROM links
WHERE space_id = ?1 ORDER BY id
";

/// A landing's address names no space: the slug alone leads to it.
const BY_SLUG: &str = "
SELECT id, space_id, slug, name, kind, target, uid_parameter, page, enabled FROM links
WHERE slug = ?1
";

/// A link as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedLink {
    pub id: i64,
    #[serde(flatten)]
    pub draft: LinkDraft,
}

/// Creates a link and gives its id; `None` where its slug is taken.
pub async fn create(
    db: &D1Database,
    space_id: i64,
    draft: &LinkDraft,
    now_ms: i64,
) -> Result<Option<i64>, Error> {
    let values = [&values(space_id, draft)[..], &[number(now_ms)]].concat();
    Ok(run(db, CREATE, &values).await?.id())
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
) -> Result<Changed, Error> {
    let change = [&values(space_id, draft)[..], &[number(link_id)]].concat();
    let this = [number(space_id), number(link_id)];
    let results = run_together(db, &[(EXISTS, &this), (CHANGE, &change)]).await?;
    let (exists, changed) = (rows_of(&results, 0)?, rows_of(&results, 1)?);
    Ok(match (exists.is_empty(), changed.is_empty()) {
        (true, _) => Changed::NoSuchLink,
        (_, true) => Changed::SlugTaken,
        _ => Changed::Done,
    })
}

/// Links by id, as `NAMES` gives them.
pub(super) fn read_names(rows: &[Row]) -> Vec<(i64, String)> {
    rows.iter().map(|row| (row.number("id"), row.text("name"))).collect()
}

/// The links of a space, with the space.
pub async fn list_on_page(
    db: &D1Database,
    space_id: i64,
) -> Result<(Spaces, Vec<ListedLink>), Error> {
    let results = run_together(db, &[(space::LIST, &[]), (LIST, &[number(space_id)])]).await?;
    let links = rows_of(&results, 1)?.iter().filter_map(ListedLink::read).collect();
    Ok((Spaces::read(&results, space_id)?, links))
}

/// The links of a space with the sums of a period.
pub async fn with_figures(
    db: &D1Database,
    space_id: i64,
    span: &Span,
) -> Result<(Spaces, Vec<ListedLink>, Vec<Line>), Error> {
    let period = [number(space_id), super::json(&span.parts)];
    let list = [number(space_id)];
    let statements = [(space::LIST, &[][..]), (LIST, &list), (figures::SUMS, &period)];
    let results = run_together(db, &statements).await?;
    let links = rows_of(&results, 1)?.iter().filter_map(ListedLink::read).collect();
    let lines = rows_of(&results, 2)?.iter().filter_map(figures::read_line).collect();
    Ok((Spaces::read(&results, space_id)?, links, lines))
}

/// The link behind a landing's address.
pub async fn by_slug(db: &D1Database, slug: &str) -> Result<Option<Link>, Error> {
    let rows = run(db, BY_SLUG, &[text(slug)]).await?.rows;
    Ok(rows.iter().find_map(read_link))
}

fn values(space_id: i64, draft: &LinkDraft) -> [JsValue; 8] {
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

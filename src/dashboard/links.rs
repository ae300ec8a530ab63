//! Tracking links.

use super::events::zone_of;
use super::{Answer, Asked, go_to};
use crate::db;
use crate::edge;
use crate::error::{BadField, BadFields};
use crate::figures::{self, Figures};
use crate::manage;
use crate::model::link::{LandingText, LinkDraft, LinkKind, UID_PARAMETER};
use crate::page::form::Sent;
use crate::page::links::{self, Typed};
use crate::reply::Problem;

/// The period that the list's figures are of.
const LIST: figures::Asked = figures::Asked::Days(30);

pub async fn list(asked: Asked<'_>) -> Result<Answer, Problem> {
    let db = &asked.home;
    let (_, _, span) = asked.span(&LIST).await?;
    let (spaces, listed, lines) = db::link::with_figures(db, asked.space_id, &span).await?;
    zone_of(&spaces)?;
    let figures = Figures::of(&lines, 0);
    let origin = asked.incoming.origin();
    Ok(links::page(&spaces, asked.space_id, &origin, &listed, &figures).into())
}

/// The form of a link, or of a new one.
pub async fn form(asked: Asked<'_>, id: Option<i64>) -> Result<Answer, Problem> {
    let (spaces, links) = db::link::list_on_page(&asked.home, asked.space_id).await?;
    zone_of(&spaces)?;
    let typed = match id {
        None => {
            Typed { enabled: true, uid_parameter: UID_PARAMETER.to_owned(), ..Typed::default() }
        }
        Some(id) => {
            let found = links.into_iter().find(|link| link.id == id);
            typed(found.ok_or(Problem::NOT_FOUND)?.draft)
        }
    };
    let origin = asked.incoming.origin();
    Ok(links::one(&spaces, asked.space_id, &origin, id, &typed, None).into())
}

/// Saves a link, or says what is wrong with it.
pub async fn save(mut asked: Asked<'_>, id: Option<i64>) -> Result<Answer, Problem> {
    let typed = read(&asked.sent().await?);
    let saved = match draft(&typed) {
        Ok(draft) => {
            manage::link::save(asked.config, &asked.home, asked.space_id, id, &draft).await
        }
        Err(bad) => Err(Problem::field(bad)),
    };
    let bad = match saved {
        Ok(_) => return Ok(go_to(&asked.path("/links")).into()),
        Err(problem) => problem.bad_fields()?,
    };
    let spaces = db::space::read(&asked.home, asked.space_id).await?;
    zone_of(&spaces)?;
    let origin = asked.incoming.origin();
    Ok(links::one(&spaces, asked.space_id, &origin, id, &typed, Some(&bad)).into())
}

fn read(sent: &Sent) -> Typed {
    let text = |name| sent.get(name).to_owned();
    Typed {
        name: text("name"),
        slug: text("slug"),
        kind: text("kind"),
        target: text("target"),
        uid_parameter: text("uid_parameter"),
        title: text("title"),
        text: text("text"),
        button: text("button"),
        enabled: sent.is_on("enabled"),
    }
}

fn draft(typed: &Typed) -> Result<LinkDraft, BadFields> {
    let typed = typed.clone();
    let kind = LinkKind::parse(&typed.kind)
        .ok_or(BadField::new("kind", "Choose where the link leads."))?;
    let has_page =
        [&typed.title, &typed.text, &typed.button].iter().any(|text| !text.trim().is_empty());
    let page = LandingText { title: typed.title, text: typed.text, button: typed.button };
    let uid_parameter = Some(typed.uid_parameter).filter(|name| !name.trim().is_empty());
    let draft = LinkDraft {
        name: typed.name,
        slug: typed.slug,
        kind,
        target: typed.target,
        uid_parameter: uid_parameter.unwrap_or_else(|| UID_PARAMETER.to_owned()),
        page: has_page.then_some(page),
        enabled: typed.enabled,
    };
    draft.check(edge::host_of)
}

fn typed(draft: LinkDraft) -> Typed {
    let page = draft.page.unwrap_or_default();
    Typed {
        name: draft.name,
        slug: draft.slug,
        kind: draft.kind.name().to_owned(),
        target: draft.target,
        uid_parameter: draft.uid_parameter,
        title: page.title,
        text: page.text,
        button: page.button,
        enabled: draft.enabled,
    }
}

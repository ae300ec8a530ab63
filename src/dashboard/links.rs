//! Tracking links: the list, the form of one, and what is done with it.

use super::events::zone_of;
use super::{Answer, Asked, go_to};
use crate::db;
use crate::db::link::ListedLink;
use crate::db::space::Spaces;
use crate::edge;
use crate::error::{BadField, BadFields};
use crate::figures::{self, Figures};
use crate::manage;
use crate::model::link::{LandingText, LinkDraft, LinkKind, UID_PARAMETER, free_slug};
use crate::network::{self, Pack};
use crate::page::form::Sent;
use crate::page::link::{self, Typed};
use crate::page::links;
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
    let shown = links::Asked {
        is_away: !asked.parameter("archived").is_empty(),
        sort: asked.parameter("sort"),
    };
    Ok(links::page(&spaces, asked.space_id, &origin, &listed, &figures, &shown).into())
}

/// The form of a link, or of a new one: an empty one, or a copy of another.
pub async fn form(asked: Asked<'_>, id: Option<i64>) -> Result<Answer, Problem> {
    let (spaces, stored) = db::link::list_on_page(&asked.home, asked.space_id).await?;
    zone_of(&spaces)?;
    let of = |id| stored.iter().find(move |link: &&ListedLink| Some(link.id) == id);
    let from = asked.parameter("from").parse().ok();
    let (typed, is_archived) = match id {
        Some(_) => {
            let link = of(id).ok_or(Problem::NOT_FOUND)?;
            (typed(link.draft.clone()), link.draft.archived == Some(true))
        }
        None => match of(from) {
            Some(link) => (copied(link.draft.clone(), &stored), false),
            None => (fresh(&spaces), false),
        },
    };
    Ok(asked.shown(&spaces, id, &typed, is_archived, None))
}

/// Saves a link, or says what is wrong with it, or makes it fit its network.
pub async fn save(mut asked: Asked<'_>, id: Option<i64>) -> Result<Answer, Problem> {
    let sent = asked.sent().await?;
    let mut typed = read(&sent);
    let bad = if sent.is_on("fit") {
        fit(&mut typed);
        None
    } else {
        match asked.saved(id, &typed).await {
            Ok(id) => return Ok(go_to(&asked.path(&format!("/links/{id}?saved=1"))).into()),
            Err(problem) => Some(problem.bad_fields()?),
        }
    };
    let (spaces, stored) = db::link::list_on_page(&asked.home, asked.space_id).await?;
    zone_of(&spaces)?;
    let link = stored.iter().find(|link| Some(link.id) == id);
    let is_archived = link.is_some_and(|link| link.draft.archived == Some(true));
    Ok(asked.shown(&spaces, id, &typed, is_archived, bad.as_ref()))
}

/// Puts a link away, or brings it back.
pub async fn archive(mut asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    let is_away = asked.sent().await?.is_on("archived");
    let (db, space_id) = (&asked.home, asked.space_id);
    let done = db::link::archive(db, space_id, id, is_away, edge::now_ms()).await?;
    manage::must_exist(done)?;
    let path = if is_away { "/links".to_owned() } else { format!("/links/{id}") };
    Ok(go_to(&asked.path(&path)).into())
}

/// Has a stored link carry the click id in its network's own parameter.
pub async fn refit(asked: Asked<'_>, id: i64) -> Result<Answer, Problem> {
    let (_, stored) = db::link::list_on_page(&asked.home, asked.space_id).await?;
    let link = stored.into_iter().find(|link| link.id == id).ok_or(Problem::NOT_FOUND)?;
    let mut typed = typed(link.draft);
    fit(&mut typed);
    asked.saved(Some(id), &typed).await?;
    Ok(go_to(&asked.path(&format!("/links/{id}?saved=1"))).into())
}

impl Asked<'_> {
    fn shown(
        &self,
        spaces: &Spaces,
        id: Option<i64>,
        typed: &Typed,
        is_archived: bool,
        bad: Option<&BadFields>,
    ) -> Answer {
        let packs = network::packs();
        // What has no name yet can be tried out all the same.
        let named = Typed { name: "-".to_owned(), slug: "-".to_owned(), ..complete(typed, &packs) };
        let draft = draft(named).ok();
        let shown = link::Shown {
            space_id: self.space_id,
            origin: &self.incoming.origin(),
            id,
            typed,
            draft: draft.as_ref(),
            packs: &packs,
            is_archived,
            is_saved: !self.parameter("saved").is_empty() && bad.is_none(),
            bad,
        };
        link::page(spaces, &shown).into()
    }

    /// Saves what was typed and gives the link's id. A new link without an address of its own takes the first that is
    /// free of those made from its name; one that was sent twice is one.
    async fn saved(&self, id: Option<i64>, typed: &Typed) -> Result<i64, Problem> {
        let (config, home, space_id) = (self.config, &self.home, self.space_id);
        let mut typed = complete(typed, &network::packs());
        let is_proposed = id.is_none() && typed.slug.trim().is_empty();
        if is_proposed {
            typed.slug = free_slug(&typed.name, |_| false);
        }
        let mut taken = Vec::new();
        loop {
            let draft = draft(typed.clone()).map_err(Problem::field)?;
            let saved = manage::link::save(config, home, space_id, id, &draft).await;
            // Of more names that are taken the user is told.
            let is_over = !is_proposed || taken.len() >= 10;
            match saved {
                Err(problem) if problem.field == Some("slug") && !is_over => {}
                saved => return saved,
            }
            let (_, stored) = db::link::list_on_page(home, space_id).await?;
            let is_same = |link: &&ListedLink| draft.is_same_link(&link.draft);
            if let Some(link) = stored.iter().find(is_same) {
                return Ok(link.id);
            }
            taken.push(draft.slug.clone());
            let is_taken = |slug: &str| {
                taken.iter().any(|taken| taken == slug)
                    || stored.iter().any(|link| link.draft.slug == slug)
            };
            typed.slug = free_slug(&typed.name, is_taken);
        }
    }
}

/// The form of a new link, of the network that the space's postbacks come from.
fn fresh(spaces: &Spaces) -> Typed {
    let network = spaces.this.as_ref().and_then(|space| space.network.clone());
    Typed { enabled: true, network: network.unwrap_or_default(), ..Typed::default() }
}

/// A copy of a link, under a name and an address of its own.
fn copied(draft: LinkDraft, stored: &[ListedLink]) -> Typed {
    let slug = free_slug(&draft.slug, |slug| stored.iter().any(|link| link.draft.slug == slug));
    let name = format!("{} copy", draft.name);
    Typed { name, slug, ..typed(draft) }
}

/// Has the click id in the parameter that the network's offer links have for it.
fn fit(typed: &mut Typed) {
    let packs = network::packs();
    let Some(parameter) = parameter_of(&packs, &typed.network) else { return };
    let mut draft = unchecked(typed.clone());
    if let Some(draft) = &mut draft {
        draft.carry_in(parameter);
        typed.target.clone_from(&draft.target);
    }
    typed.uid_parameter = parameter.to_owned();
}

fn parameter_of<'p>(packs: &'p [Pack], slug: &str) -> Option<&'p str> {
    packs.iter().find(|pack| pack.slug == slug)?.link_parameter()
}

/// What was typed, with the network's parameter where none was named.
fn complete(typed: &Typed, packs: &[Pack]) -> Typed {
    let mut typed = typed.clone();
    if typed.uid_parameter.trim().is_empty() {
        let parameter = parameter_of(packs, &typed.network).unwrap_or(UID_PARAMETER);
        typed.uid_parameter = parameter.to_owned();
    }
    typed
}

fn read(sent: &Sent) -> Typed {
    let text = |name| sent.get(name).to_owned();
    Typed {
        name: text("name"),
        slug: text("slug"),
        kind: text("kind"),
        target: text("target"),
        network: text("network"),
        uid_parameter: text("uid_parameter"),
        title: text("title"),
        text: text("text"),
        button: text("button"),
        enabled: sent.is_on("enabled"),
    }
}

fn draft(typed: Typed) -> Result<LinkDraft, BadFields> {
    let draft = unchecked(typed).ok_or(BadField::new("kind", "Choose where the link leads."))?;
    draft.check(edge::host_of)
}

/// What was typed as a draft; `None` for a kind that there is not.
fn unchecked(typed: Typed) -> Option<LinkDraft> {
    let kind = LinkKind::parse(&typed.kind)?;
    let has_page =
        [&typed.title, &typed.text, &typed.button].iter().any(|text| !text.trim().is_empty());
    let page = LandingText { title: typed.title, text: typed.text, button: typed.button };
    Some(LinkDraft {
        name: typed.name,
        slug: typed.slug,
        kind,
        target: typed.target,
        uid_parameter: typed.uid_parameter,
        page: has_page.then_some(page),
        enabled: typed.enabled,
        network: Some(typed.network),
        archived: None,
    })
}

fn typed(draft: LinkDraft) -> Typed {
    let page = draft.page.unwrap_or_default();
    Typed {
        name: draft.name,
        slug: draft.slug,
        kind: draft.kind.name().to_owned(),
        target: draft.target,
        network: draft.network.unwrap_or_default(),
        uid_parameter: draft.uid_parameter,
        title: page.title,
        text: page.text,
        button: page.button,
        enabled: draft.enabled,
    }
}

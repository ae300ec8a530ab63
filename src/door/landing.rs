//! `/l/<slug>`: a visitor is given a uid and sent on; the click is stored after the answer
//! (docs/links.md).

use std::cell::RefCell;
use std::collections::HashMap;

use crate::db;
use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::error::Error;
use crate::model::click::{self, Click};
use crate::model::database::Database;
use crate::model::link::Link;
use crate::model::preview;
use crate::model::visit::Visit;
use crate::page::visitor as page;
use crate::postback::click as read;
use crate::reply::Reply;
use crate::upkeep::later::Later;

/// How long a link that was read may be used without reading it again.
const FRESH_MS: i64 = 60_000;

/// Links an isolate remembers: at about 500 bytes each, half a megabyte of its 128.
const REMEMBERED: usize = 1_000;

/// A link with its database.
type Found = (Link, Database);

thread_local! {
    /// Links by slug with the time they were read. Plain data, so that it may outlive a request.
    static LINKS: RefCell<HashMap<String, (Found, i64)>> = RefCell::new(HashMap::new());
}

/// The visitor's answer; the visit is stored after it.
pub async fn visit(config: &Config, incoming: &Incoming, slug: &str) -> (Reply, Later) {
    let now_ms = edge::now_ms();
    let (link, database) = match find(config, slug, now_ms).await {
        Ok(Some(found)) if found.0.enabled => found,
        Ok(_) => return (edge::shown(page::not_found()), Later::Nothing),
        Err(reason) => {
            edge::log("landing_not_read", &reason.to_string());
            return (edge::shown(page::try_again()), Later::Nothing);
        }
    };
    let user_agent = incoming.header("user-agent").unwrap_or_default();
    if incoming.method == "HEAD" || preview::is_preview(&user_agent) {
        return (edge::shown(page::landing(&link, &link.location(None))), Later::Nothing);
    }
    let Ok(random) = edge::random() else {
        return (edge::shown(page::landing(&link, &link.location(None))), Later::Nothing);
    };
    let uid = click::mint_uid(random);
    let reply = edge::shown(page::landing(&link, &link.location(Some(&uid))));
    let cookies = incoming.header("cookie").unwrap_or_default();
    let click = Click {
        uid,
        clicked_at_ms: now_ms,
        raw_query: read::raw_query(&incoming.query),
        fields: read::or_cookies(read::read_fields(&incoming.query), &cookies),
        country: incoming.country(),
        user_agent: read::field(&user_agent),
        ip: read::field(&incoming.address()),
    };
    let visit = Box::new(Visit { space_id: link.space_id, link_id: link.id, click, database });
    (reply, Later::Record { visit, address: incoming.address() })
}

/// The link of a slug: remembered, or read. While D1 is away a stale link still sends visitors on.
async fn find(config: &Config, slug: &str, now_ms: i64) -> Result<Option<Found>, Error> {
    let remembered = LINKS.with_borrow(|links| links.get(slug).cloned());
    if let Some((link, read_at_ms)) = &remembered
        && now_ms - read_at_ms < FRESH_MS
    {
        return Ok(Some(link.clone()));
    }
    let work = db::link::by_slug(config, slug);
    let link = match (db::in_time(config, work).await, remembered) {
        (Err(_away), Some((stale, _))) => return Ok(Some(stale)),
        (read, _) => read?,
    };
    LINKS.with_borrow_mut(|links| match &link {
        Some(link) => {
            if links.len() >= REMEMBERED {
                links.clear();
            }
            links.insert(slug.to_owned(), (link.clone(), now_ms));
        }
        None => {
            links.remove(slug);
        }
    });
    Ok(link)
}

//! What a visitor sees: server-rendered pages, escaped by the template engine, with a strict
//! Content-Security-Policy that names the one style sheet by its hash.

use askama::Template;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::model::link::{LandingText, Link};
use crate::reply::Reply;
use crate::text::encode;
use crate::text::html::Html;

const STYLE: &str = include_str!("visitor/visitor.css");

#[derive(Template)]
#[template(path = "visitor/landing.html")]
struct Landing<'a> {
    style: &'a str,
    page: &'a LandingText,
    location: &'a str,
}

#[derive(Template)]
#[template(path = "visitor/message.html")]
struct Message<'a> {
    style: &'a str,
    title: &'a str,
    text: &'a str,
}

/// Sends a visitor on: at once, or over the page that the link has. Never cached, since every
/// visitor gets a uid of their own.
pub fn landing(link: &Link, location: &str) -> Result<Reply, Error> {
    match &link.page {
        None => Ok(Reply::redirect(location)),
        Some(page) => html(200, &Landing { style: STYLE, page, location }),
    }
}

/// A landing that is not there, or not any more.
pub fn not_found() -> Result<Reply, Error> {
    let text = "This link does not lead anywhere. Please check the address.";
    html(404, &Message { style: STYLE, title: "Not found", text })
}

/// A landing whose link could not be read.
pub fn try_again() -> Result<Reply, Error> {
    let text = "Please open the link again in a minute.";
    let message = Message { style: STYLE, title: "One moment", text };
    Ok(html(503, &message)?.with("retry-after", "10".to_owned()))
}

fn html(status: u16, template: &impl Template) -> Result<Reply, Error> {
    let page = Html::of(template)?;
    let style_hash = encode::base64(&Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    Ok(Reply::html(status, page).with("content-security-policy", policy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::LinkKind;

    fn link(page: Option<LandingText>) -> Link {
        Link {
            id: 1,
            space_id: 1,
            kind: LinkKind::Web,
            target: "https://a.example/".to_owned(),
            uid_parameter: "uid".to_owned(),
            page,
            enabled: true,
        }
    }

    #[test]
    fn a_link_without_a_page_redirects() {
        let reply = landing(&link(None), "https://a.example/?uid=u").unwrap();
        assert_eq!(reply.status, 302);
        assert!(reply.headers.contains(&("location", "https://a.example/?uid=u".to_owned())));
        assert!(reply.headers.contains(&("cache-control", "no-store".to_owned())));
    }

    #[test]
    fn a_page_shows_the_users_text_and_interprets_none() {
        let page = LandingText {
            title: "<script>alert(1)</script>".to_owned(),
            text: "A & B".to_owned(),
            button: "\"Go\"".to_owned(),
        };
        let reply = landing(&link(Some(page)), "https://a.example/?a=1&uid=u").unwrap();
        assert!(!reply.body.contains("<script"), "{}", reply.body);
        assert!(reply.body.contains("href=\"https://a.example/?a=1&#38;uid=u\""), "{}", reply.body);
        assert!(reply.body.contains(STYLE));
    }
}

//! What stands around every screen of the dashboard: the head of the document, the space and its
//! sections, the policy.

use askama::Template;

use super::asset;
use crate::db::space::{Listed, Spaces};
use crate::reply::Reply;

/// Scripts, styles and requests come from here alone; nothing inline runs, nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The sections of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    Events,
    Refused,
    Links,
    Destinations,
    Keys,
    Settings,
}

const SECTIONS: [(Section, &str, &str); 7] = [
    (Section::Overview, "", "Overview"),
    (Section::Events, "/events", "Events"),
    (Section::Refused, "/refused", "Refused"),
    (Section::Links, "/links", "Links"),
    (Section::Destinations, "/destinations", "Destinations"),
    (Section::Keys, "/keys", "API keys"),
    (Section::Settings, "/settings", "Settings"),
];

struct Tab {
    path: &'static str,
    name: &'static str,
    here: bool,
}

#[derive(Template)]
#[template(path = "frame.html")]
struct Frame<'a> {
    title: &'a str,
    all: &'a [Listed],
    this: Option<&'a Listed>,
    tabs: Vec<Tab>,
    /// Whether somebody is signed in by a password, and can sign out.
    session: bool,
    main: &'a str,
}

/// A message where a page was expected.
#[derive(Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    title: &'a str,
    text: &'a str,
    href: &'a str,
    link: &'a str,
}

/// A screen of a space.
pub fn of_space(status: u16, spaces: &Spaces, section: Section, title: &str, main: &str) -> Reply {
    let tab = |(tab, path, name): &(Section, &'static str, &'static str)| Tab {
        path,
        name,
        here: *tab == section,
    };
    let this = spaces.this.as_ref();
    let tabs = SECTIONS.iter().map(tab).collect();
    render(status, &Frame { title, all: &spaces.all, this, tabs, session: true, main })
}

/// A screen outside of any space.
pub fn alone(status: u16, session: bool, title: &str, main: &str) -> Reply {
    render(status, &Frame { title, all: &[], this: None, tabs: Vec::new(), session, main })
}

/// A message with a way on.
pub fn notice(status: u16, title: &str, text: &str, href: &str, link: &str) -> Reply {
    let main = Notice { title, text, href, link }.render().unwrap_or_default();
    alone(status, false, title, &main)
}

/// A space, event or page that is not there.
pub fn not_found() -> Reply {
    let text = "There is nothing at this address. It may have been typed wrong, or removed.";
    notice(404, "Not found", text, "/", "To the overview")
}

fn render(status: u16, frame: &Frame<'_>) -> Reply {
    guarded(Reply::html(status, frame.render().unwrap_or_default()))
}

/// Adds what every answer of the dashboard carries. The referrer stays within the origin, where it
/// tells our own forms from a stranger's.
pub fn guarded(reply: Reply) -> Reply {
    reply
        .with("content-security-policy", POLICY.to_owned())
        .with("referrer-policy", "same-origin".to_owned())
        .with("x-frame-options", "DENY".to_owned())
        .with("cross-origin-opener-policy", "same-origin".to_owned())
}

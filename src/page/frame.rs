//! What stands around every screen of the dashboard: the head of the document, the space and its
//! sections, the policy.

use std::{any, fmt};

use askama::Template;

use super::asset;
use super::next::{self, Bar};
use crate::db::space::{ListedSpace, REFUSED_COUNTED, Spaces};
use crate::error::Error;
use crate::reply::Reply;
use crate::text::html::Html;

/// Scripts, styles and requests come from here alone; nothing inline runs, nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The sections of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    Health,
    Events,
    Refused,
    Links,
    Destinations,
    Keys,
    Settings,
    /// The guide, which has no tab of its own.
    Start,
}

const SECTIONS: [(Section, &str, &str); 8] = [
    (Section::Overview, "", "Overview"),
    (Section::Health, "/health", "Health"),
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
    /// How many wait there; empty for none.
    count: String,
}

#[derive(Template)]
#[template(path = "frame.html")]
struct Frame<'a> {
    title: &'a str,
    /// How many things need the user: the browser's tab says so while another one is looked at.
    needs: i64,
    /// Those that are not put away, and the one that is shown.
    all: Vec<&'a ListedSpace>,
    /// How many are put away.
    away: usize,
    /// What the guide says is next.
    bar: Option<Bar>,
    this: Option<&'a ListedSpace>,
    tabs: Vec<Tab>,
    /// Whether somebody is signed in by a password, and can sign out.
    session: bool,
    /// What is to be done about the database's schema, if anything is.
    remedy: Option<&'static str>,
    /// The screen itself, a template.
    main: &'a dyn fmt::Display,
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
pub fn of_space<T: Template>(
    status: u16,
    spaces: &Spaces,
    section: Section,
    title: &str,
    main: &T,
) -> Result<Reply, Error> {
    let tab = |(tab, path, name): &(Section, &'static str, &'static str)| Tab {
        path,
        name,
        here: *tab == section,
        count: if *tab == Section::Refused { open(spaces.refused) } else { String::new() },
    };
    let this = spaces.this.as_ref();
    let tabs = SECTIONS.iter().map(tab).collect();
    let remedy = spaces.schema.remedy();
    let is_shown =
        |space: &&ListedSpace| !space.archived || this.is_some_and(|this| this.id == space.id);
    let frame = Frame {
        title,
        needs: spaces.needs,
        all: spaces.all.iter().filter(is_shown).collect(),
        away: spaces.all.iter().filter(|space| space.archived).count(),
        bar: spaces.guide.as_ref().and_then(next::bar),
        this,
        tabs,
        session: true,
        remedy,
        main,
    };
    render(status, &frame, any::type_name::<T>())
}

/// How many refused postbacks are open, as their tab says it.
fn open(refused: i64) -> String {
    match refused {
        0 => String::new(),
        REFUSED_COUNTED.. => format!("{}+", REFUSED_COUNTED - 1),
        few => few.to_string(),
    }
}

/// A screen outside of any space.
pub fn alone<T: Template>(
    status: u16,
    session: bool,
    title: &str,
    main: &T,
) -> Result<Reply, Error> {
    let tabs = Vec::new();
    let (all, away, bar, this, remedy) = (Vec::new(), 0, None, None, None);
    let frame = Frame { title, needs: 0, all, away, bar, this, tabs, session, remedy, main };
    render(status, &frame, any::type_name::<T>())
}

/// A message with a way on.
pub fn notice(
    status: u16,
    title: &str,
    text: &str,
    href: &str,
    link: &str,
) -> Result<Reply, Error> {
    alone(status, false, title, &Notice { title, text, href, link })
}

/// A space, event or page that is not there.
pub fn not_found() -> Result<Reply, Error> {
    let text = "There is nothing at this address. It may be mistyped, or no longer exist.";
    notice(404, "Not found", text, "/", "Go to the overview")
}

/// `screen` is the name of the template in the frame.
fn render(status: u16, frame: &Frame<'_>, screen: &'static str) -> Result<Reply, Error> {
    let page = Html::of(frame).map_err(|_which_is_inside| Error::Template(screen))?;
    Ok(guarded(Reply::html(status, page)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(source = "{{ text }}", ext = "html")]
    struct Stuck {
        text: Broken,
    }

    struct Broken;

    impl fmt::Display for Broken {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    #[test]
    fn a_tab_counts_no_further_than_the_database_did() {
        assert_eq!([open(0), open(7), open(99), open(100)], ["", "7", "99", "99+"]);
    }

    #[test]
    fn a_screen_that_does_not_render_is_named_and_never_shown_without_its_content() {
        let refused = alone(200, true, "Title", &Stuck { text: Broken });
        assert!(
            matches!(refused, Err(Error::Template(name)) if name.ends_with("frame::tests::Stuck"))
        );
    }
}

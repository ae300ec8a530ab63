//! Tracking links: the list with what each brought, and the form of one.

use askama::Template;

use super::form::{self, Control, Field, Form};
use super::frame::{self, Section};
use super::shown::visible;
use crate::db::link::ListedLink;
use crate::db::space::Spaces;
use crate::error::BadFields;
use crate::error::Error;
use crate::figures::{Counted, Figures, Totals, money};
use crate::model::event::EventKind;
use crate::model::link::LinkKind;
use crate::reply::Reply;

struct Row {
    id: i64,
    name: String,
    kind: &'static str,
    enabled: bool,
    url: String,
    target: String,
    counts: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "links.html")]
struct LinksPage {
    space_id: i64,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "link.html")]
struct One {
    title: String,
    url: String,
    form: Form,
}

/// A link as the form has it: what the user typed, right or wrong.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub name: String,
    pub slug: String,
    pub kind: String,
    pub target: String,
    pub uid_parameter: String,
    pub title: String,
    pub text: String,
    pub button: String,
    pub enabled: bool,
}

/// The list, with the figures of the last 30 days.
pub fn page(
    spaces: &Spaces,
    space_id: i64,
    origin: &str,
    links: &[ListedLink],
    figures: &Figures,
) -> Result<Reply, Error> {
    let nothing = Totals::default();
    let currencies = figures.currencies();
    let row = |link: &ListedLink| {
        let totals = figures.links.get(&link.id).unwrap_or(&nothing);
        let count = |event| money::count(totals.of(Counted::Event(event)).events);
        let sums = currencies.iter().filter_map(|currency| {
            Some(money::with_currency(*totals.revenue.get(currency)?, currency))
        });
        Row {
            id: link.id,
            name: visible(&link.draft.name),
            kind: kind_name(link.draft.kind),
            enabled: link.draft.enabled,
            url: landing(origin, &link.draft.slug),
            target: visible(&link.draft.target),
            counts: vec![
                ("Clicks", money::count(totals.of(Counted::Click).events)),
                ("Registrations", count(EventKind::Registration)),
                ("Deposits", count(EventKind::Deposit)),
                ("Revenue", sums.collect::<Vec<_>>().join(", ")),
            ],
        }
    };
    let page = LinksPage { space_id, rows: links.iter().map(row).collect() };
    frame::of_space(200, spaces, Section::Links, "Links", &page)
}

/// The form of a link; without an id, of a new one.
pub fn one(
    spaces: &Spaces,
    space_id: i64,
    origin: &str,
    id: Option<i64>,
    typed: &Typed,
    bad: Option<&BadFields>,
) -> Result<Reply, Error> {
    let action = match id {
        Some(id) => format!("/s/{space_id}/links/{id}"),
        None => format!("/s/{space_id}/links"),
    };
    let submit = if id.is_some() { "Save" } else { "Create the link" };
    let form = Form::new(action, submit, fields(typed)).refused(bad);
    let title = if id.is_some() {
        format!("Link: {}", visible(&typed.name))
    } else {
        "New link".to_owned()
    };
    let url =
        if id.is_some() && bad.is_none() { landing(origin, &typed.slug) } else { String::new() };
    let main = One { title: title.clone(), url, form };
    frame::of_space(form::status(bad), spaces, Section::Links, &title, &main)
}

fn landing(origin: &str, slug: &str) -> String {
    format!("{origin}/l/{slug}")
}

fn kind_name(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Bot => "Telegram bot",
        LinkKind::Channel => "Telegram channel",
        LinkKind::Web => "Web address",
    }
}

fn fields(typed: &Typed) -> Vec<Field> {
    let kinds: Vec<(&str, &str)> = [LinkKind::Web, LinkKind::Bot, LinkKind::Channel]
        .map(|kind| (kind.name(), kind_name(kind)))
        .to_vec();
    vec![
        Field::line("name", "Name", &typed.name).hint("Only you see this."),
        Field::line("slug", "Landing address", &typed.slug)
            .hint("The part after /l/: letters, digits, - and _."),
        Field::choice("kind", "Leads to", &typed.kind, &kinds),
        Field::line("target", "Target", &typed.target).hint(
            "A web address (with {uid} where the click id goes), a bot's name, or a channel's invite link (https://t.me/…).",
        ),
        Field::optional("uid_parameter", "Parameter for the click id", &typed.uid_parameter)
            .hint("For web addresses without {uid}: the offer's sub id parameter, such as click_id."),
        Field::optional("title", "Landing page: title", &typed.title)
            .hint("Leave all three empty to send visitors straight on."),
        Field::new("text", "Landing page: text", Control::Lines).value(&typed.text),
        Field::optional("button", "Landing page: button", &typed.button),
        Field::check("enabled", "Send visitors on (if off, they see that the link is gone)", typed.enabled),
    ]
}

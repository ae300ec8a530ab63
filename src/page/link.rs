//! A tracking link: its form, its addresses for ads, and how it fits the offer's network.

use askama::Template;

use super::form::{self, Control, Field, Form};
use super::frame::{self, Section};
use super::shown::visible;
use crate::db::space::Spaces;
use crate::error::{BadFields, Error};
use crate::model::link::{LinkDraft, LinkKind};
use crate::network::Pack;
use crate::network::fit::{Carried, Fit, Fits};
use crate::postback::ad::{AD_SYSTEMS, AdSystem};
use crate::reply::Reply;

/// A link as the form has it: what the user typed, right or wrong.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub name: String,
    pub slug: String,
    pub kind: String,
    pub target: String,
    pub network: String,
    pub uid_parameter: String,
    pub title: String,
    pub text: String,
    pub button: String,
    pub enabled: bool,
}

/// What the page of a link is shown for.
pub struct Shown<'a> {
    pub space_id: i64,
    pub origin: &'a str,
    /// `None` for a new link.
    pub id: Option<i64>,
    pub typed: &'a Typed,
    /// What was typed, where it can be tried out.
    pub draft: Option<&'a LinkDraft>,
    pub packs: &'a [Pack],
    pub is_archived: bool,
    /// Whether it was saved just now.
    pub is_saved: bool,
    pub bad: Option<&'a BadFields>,
}

/// An address for an ad system.
struct Ad {
    id: String,
    name: &'static str,
    place: &'static str,
    url: String,
}

/// Landing, parameter and macro beside each other.
struct Fitting {
    /// The network's name; empty where none is chosen.
    network: String,
    /// Where the ready-made URLs of the network are.
    keys: String,
    address: String,
    parameter: String,
    text: String,
    sentence: String,
    /// The class of the sentence.
    class: &'static str,
    /// The parameter that would fit, where this one does not.
    wanted: String,
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    space_id: i64,
    id: Option<i64>,
    title: String,
    url: String,
    ads: Vec<Ad>,
    fitting: Option<Fitting>,
    form: Form,
    is_archived: bool,
    is_saved: bool,
}

/// The page of a link, or of a new one.
pub fn page(spaces: &Spaces, shown: &Shown<'_>) -> Result<Reply, Error> {
    let Shown { space_id, id, typed, packs, .. } = *shown;
    let action = match id {
        Some(id) => format!("/s/{space_id}/links/{id}"),
        None => format!("/s/{space_id}/links"),
    };
    let submit = if id.is_some() { "Save" } else { "Create the link" };
    let form = Form::new(action, submit, fields(typed, packs));
    let form = form.also("fit", "Fit it to the network").refused(shown.bad);
    let title = match id {
        Some(_) => format!("Link: {}", visible(&typed.name)),
        None => "New link".to_owned(),
    };
    let is_stored = id.is_some() && shown.bad.is_none();
    let url = if is_stored { landing(shown.origin, &typed.slug) } else { String::new() };
    let main = LinkPage {
        space_id,
        id,
        title: title.clone(),
        ads: if is_stored { ads(&url) } else { Vec::new() },
        url,
        fitting: fitting(shown),
        form,
        is_archived: shown.is_archived,
        is_saved: shown.is_saved,
    };
    frame::of_space(form::status(shown.bad), spaces, Section::Links, &title, &main)
}

/// The address of a landing, for ads.
pub fn landing(origin: &str, slug: &str) -> String {
    format!("{origin}/l/{slug}")
}

/// What a kind is called.
pub fn kind_name(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Bot => "Telegram bot",
        LinkKind::Channel => "Telegram channel",
        LinkKind::Web => "Web address",
    }
}

fn ads(url: &str) -> Vec<Ad> {
    let ad = |(at, system): (usize, &AdSystem)| Ad {
        id: format!("ad-{at}"),
        name: system.name,
        place: system.place,
        url: format!("{url}?{}", system.query),
    };
    AD_SYSTEMS.iter().enumerate().map(ad).collect()
}

/// How a web address fits the chosen network; `None` for what carries no parameter, or nothing that can be tried out.
fn fitting(shown: &Shown<'_>) -> Option<Fitting> {
    let draft = shown.draft.filter(|draft| draft.kind == LinkKind::Web)?;
    let pack = shown.packs.iter().find(|pack| pack.slug == shown.typed.network);
    let carrier = draft.carrier();
    let Fit { fits, text, sentence } = match pack {
        Some(pack) => pack.fit(carrier.map_or(Carried::Elsewhere, Carried::By)),
        None => Fit {
            fits: Fits::Unknown,
            text: None,
            sentence: "Choose the offer's network in the form, and this says whether its postbacks bring the click id back.".to_owned(),
        },
    };
    let wanted = pack.and_then(Pack::link_parameter).filter(|_| fits == Fits::No);
    // In an address with {uid} the name stands in what the user typed.
    let wanted = wanted.filter(|_| carrier == Some(&draft.uid_parameter));
    Some(Fitting {
        network: pack.map(|pack| pack.name.clone()).unwrap_or_default(),
        keys: pack.map(|pack| pack.slug.to_owned()).unwrap_or_default(),
        address: draft.preview(),
        parameter: carrier.unwrap_or("{uid}").to_owned(),
        text: text.unwrap_or_default(),
        sentence,
        class: match fits {
            Fits::Yes => "good",
            Fits::No => "bad",
            Fits::Unknown => "hint",
        },
        wanted: wanted.unwrap_or_default().to_owned(),
    })
}

fn fields(typed: &Typed, packs: &[Pack]) -> Vec<Field> {
    let kinds: Vec<(&str, &str)> = [LinkKind::Web, LinkKind::Bot, LinkKind::Channel]
        .map(|kind| (kind.name(), kind_name(kind)))
        .to_vec();
    let mut networks = vec![("", "Another one, or none")];
    networks.extend(packs.iter().map(|pack| (pack.slug, pack.name.as_str())));
    vec![
        Field::line("name", "Name", &typed.name).hint("Only you see this."),
        Field::choice("kind", "Leads to", &typed.kind, &kinds),
        Field::line("target", "Target", &typed.target).hint(
            "The offer link as your network gives it, a bot or channel (@name or https://t.me/…), or a channel's invite link.",
        ).macros("Macro that is filled in", [("{uid}".to_owned(), "the visitor's click id".to_owned())]),
        Field::choice("network", "The offer's network", &typed.network, &networks)
            .hint("It decides what the click id is called in the offer link."),
        Field::optional("uid_parameter", "Click id parameter", &typed.uid_parameter).hint(
            "What the offer link calls your click id (sub id). Leave it empty to take the network's. Not needed where the target has {uid} in it.",
        ),
        Field::optional("slug", "End of the ad's address", &typed.slug).hint(
            "What stands behind /l/: letters, digits, - and _. Leave it empty to have it made from the name.",
        ),
        Field::optional("title", "Landing page: title", &typed.title)
            .hint("Leave all three empty to send visitors straight on."),
        Field::new("text", "Landing page: text", Control::Lines).value(&typed.text),
        Field::optional("button", "Landing page: button", &typed.button),
        Field::check("enabled", "Send visitors on (if off, they see that the link is gone)", typed.enabled),
    ]
}

//! Signing in, making a space, its settings.

use askama::Template;

use super::form::{self, Control, Field, Form};
use super::frame::{self, Section};
use crate::db::space::{ListedSpace, Spaces};
use crate::error::{BadFields, Error};
use crate::model::space::SpaceDraft;
use crate::reply::Reply;

#[derive(Template)]
#[template(path = "screen.html")]
struct Screen<'a> {
    title: &'a str,
    text: &'a str,
    form: Form,
    /// Whether time zones are suggested.
    zones: bool,
    /// What stands below the form.
    foot: &'a str,
}

/// Name and zone of a space, and what is done with the whole of it.
#[derive(Template)]
#[template(path = "settings.html")]
struct Settings<'a> {
    space_id: i64,
    form: Form,
    is_archived: bool,
    deployed: &'a str,
}

/// The spaces that are put away.
#[derive(Template)]
#[template(path = "archived.html")]
struct Archived<'a> {
    spaces: Vec<&'a ListedSpace>,
    /// The first space that is in use.
    used: Option<i64>,
}

/// The way in. `next` is where to go after it.
pub fn login(status: u16, next: &str, bad: Option<&BadFields>) -> Result<Reply, Error> {
    let password = Field::new("password", "Password", Control::Line("password"))
        .hint("The operator's secret. make deploy and make dev print it.")
        .focused();
    let form = Form::new("/login".to_owned(), "Sign in", vec![password]);
    let form = form.hidden("next", next).refused(bad);
    let main = Screen { title: "Sign in", text: "", form, zones: false, foot: "" };
    frame::alone(status, false, "Sign in", &main)
}

/// The form of a new space; the greeting of a deployment that has none. `nonce` tells it from every other form.
pub fn new(
    is_first: bool,
    draft: &SpaceDraft,
    nonce: &str,
    bad: Option<&BadFields>,
) -> Result<Reply, Error> {
    let (title, text) = if is_first {
        (
            "Create your first space",
            "A space is one offer or funnel: its links, keys, events and reports. Next, you get your postback URL, fire a test, and watch it arrive.",
        )
    } else {
        ("New space", "A space is one offer or funnel. Spaces share nothing with each other.")
    };
    let [name, zone] = fields(draft);
    let fields = vec![name.focused(), zone];
    let form = Form::new("/new".to_owned(), "Create the space", fields);
    let form = form.hidden("made_by", nonce).refused(bad);
    let main = Screen { title, text, form, zones: true, foot: "" };
    frame::alone(form::status(bad), true, title, &main)
}

/// Name and zone of a space, and what is `deployed`; that they are `saved`, right after they were.
pub fn settings(
    spaces: &Spaces,
    space_id: i64,
    draft: &SpaceDraft,
    bad: Option<&BadFields>,
    saved: bool,
    deployed: &str,
) -> Result<Reply, Error> {
    let form = Form::new(format!("/s/{space_id}/settings"), "Save", fields(draft).into());
    let form = form.done(saved.then_some("Saved.")).refused(bad);
    let is_archived = spaces.this.as_ref().is_some_and(|space| space.archived);
    let main = Settings { space_id, form, is_archived, deployed };
    frame::of_space(form::status(bad), spaces, Section::Settings, "Settings", &main)
}

/// The list of the spaces that are put away.
pub fn archived(all: &[ListedSpace]) -> Result<Reply, Error> {
    let main = Archived {
        spaces: all.iter().filter(|space| space.archived).collect(),
        used: all.iter().find(|space| !space.archived).map(|space| space.id),
    };
    frame::alone(200, true, "Spaces put away", &main)
}

fn fields(draft: &SpaceDraft) -> [Field; 2] {
    [
        Field::line("name", "Name", &draft.name).hint("For example, the offer's name."),
        Field::line("time_zone", "Time zone for reports", &draft.time_zone)
            .hint("For example, Europe/Berlin or Asia/Kolkata.")
            .suggested("zones"),
    ]
}

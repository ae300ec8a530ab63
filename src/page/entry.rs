//! The form of an event that is entered by hand.

use askama::Template;

use super::form::{self, Control, Field, Form};
use super::frame::{self, Section};
use crate::db::space::Spaces;
use crate::error::{BadFields, Error};
use crate::model::event::EventKind;
use crate::reply::Reply;

#[derive(Template)]
#[template(
    source = "<h1>Enter an event by hand</h1>\n<section class=\"panel narrow\">\n<p class=\"hint\">It is stored, counted and sent on as if it had been reported, and says that it was entered by hand.</p>\n{{ form }}\n</section>",
    ext = "html"
)]
struct EntryPage {
    form: Form,
}

/// An event as it was typed.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub event: String,
    pub uid: String,
    pub eid: String,
    pub value: String,
    pub currency: String,
    /// In the space's zone, as a browser's field of a time writes it.
    pub time: String,
    /// What makes a form that is sent twice one entry.
    pub id: String,
}

/// The form, with what was wrong with it.
pub fn page(
    spaces: &Spaces,
    space_id: i64,
    zone_name: &str,
    typed: &Typed,
    bad: Option<&BadFields>,
) -> Result<Reply, Error> {
    let kinds = EventKind::ALL.map(|event| (event.code(), event.code()));
    let fields = vec![
        Field::choice("event", "Event", &typed.event, &kinds),
        Field::optional("uid", "Click id", &typed.uid)
            .hint("Credits it to that click's link. Without one it is unattributed."),
        Field::optional("eid", "Transaction id", &typed.eid)
            .hint("The network's own, if there is one: a postback with it is then a duplicate."),
        Field::optional("value", "Amount", &typed.value).hint("Of a deposit, such as 25.00."),
        Field::optional("currency", "Currency", &typed.currency).hint("USD if left empty."),
        Field::new("occurred_at_ms", "Time", Control::Line("datetime-local"))
            .value(&typed.time)
            .hint(format!("In {zone_name}. Now, if left empty.")),
    ];
    let form = Form::new(format!("/s/{space_id}/events"), "Enter", fields)
        .hidden("id", &typed.id)
        .refused(bad);
    let page = EntryPage { form };
    frame::of_space(form::status(bad), spaces, Section::Events, "Enter an event", &page)
}

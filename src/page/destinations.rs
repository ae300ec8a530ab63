//! Destinations: the list with their health, the form of one, its deliveries, a test.

use askama::Template;

use super::form::{self, Control, Field, Form};
use super::frame::{self, Section};
use super::shown::{Moment, can_be_resent, moment, state, visible};
use crate::db::delivery::Listed;
use crate::db::destination::Stored;
use crate::db::space::Spaces;
use crate::destination::outcome::Outcome;
use crate::destination::request::Attempt;
use crate::destination::{Draft, facebooks_name};
use crate::door::operator::destination::Tested;
use crate::error::BadField;
use crate::error::Error;
use crate::figures::{Zone, money};
use crate::model::event::Canonical;
use crate::reply::Reply;

/// Kinds by their word, their name and what they are for.
const KINDS: [(&str, &str, &str); 3] = [
    (
        "fb_capi",
        "Facebook CAPI",
        "Tells Facebook which click converted, so that your ads learn from it.",
    ),
    ("webhook", "Webhook", "Sends signed JSON to your own server."),
    ("s2s_postback", "S2S postback", "Calls another tracker's or network's address."),
];

struct Row {
    id: i64,
    name: String,
    kind: &'static str,
    health: String,
    well: bool,
}

#[derive(Template)]
#[template(path = "destinations.html")]
struct Page {
    space_id: i64,
    rows: Vec<Row>,
    kinds: [(&'static str, &'static str, &'static str); 3],
}

struct Delivery {
    seq: i64,
    target: String,
    state: String,
    word: &'static str,
    tries: i64,
    last: String,
    at: Option<Moment>,
    can_resend: bool,
}

#[derive(Template)]
#[template(path = "destination.html")]
struct One {
    space_id: i64,
    id: Option<i64>,
    title: String,
    kind: &'static str,
    form: Form,
    health: String,
    rests_until: Option<Moment>,
    well: bool,
    enabled: bool,
    failed: i64,
    deliveries: Vec<Delivery>,
    more: Option<i64>,
    tested: Vec<(&'static str, String)>,
    test_ok: bool,
    secret: String,
    dropped_headers: String,
}

/// What the screen of one destination shows beside its form.
#[derive(Default)]
pub struct Around<'a> {
    pub stored: Option<&'a Stored>,
    /// Names of the webhook's own headers.
    pub headers: Vec<String>,
    pub deliveries: Vec<Listed>,
    pub more: Option<i64>,
    pub tested: Option<&'a Tested>,
    /// A signing secret that is shown this once.
    pub signing_secret: Option<String>,
    /// Names of the headers that another address did not get.
    pub dropped_headers: Vec<String>,
}

/// The list.
pub fn page(spaces: &Spaces, space_id: i64, stored: &[Stored]) -> Result<Reply, Error> {
    let row = |stored: &Stored| Row {
        id: stored.id,
        name: visible(&stored.name),
        kind: kind_name(&stored.kind()),
        health: health(stored),
        well: is_well(stored),
    };
    let page = Page { space_id, rows: stored.iter().map(row).collect(), kinds: KINDS };
    frame::of_space(200, spaces, Section::Destinations, "Destinations", &page)
}

/// The screen of a destination; without a stored one, of a new one.
pub fn one(
    spaces: &Spaces,
    space_id: i64,
    draft: &Draft,
    zone: &Zone,
    around: Around<'_>,
    bad: Option<&BadField>,
) -> Result<Reply, Error> {
    let stored = around.stored;
    let action = match stored {
        Some(stored) => format!("/s/{space_id}/destinations/{}", stored.id),
        None => format!("/s/{space_id}/destinations"),
    };
    let submit = if stored.is_some() { "Save" } else { "Add the destination" };
    let form = Form::new(action, submit, fields(draft, stored.is_some(), &around.headers));
    let form = form.hidden("kind", &draft.kind).refused(bad);
    let title = stored.map_or_else(|| "New destination".to_owned(), |stored| visible(&stored.name));
    let one = One {
        space_id,
        id: stored.map(|stored| stored.id),
        title: title.clone(),
        kind: kind_name(&draft.kind),
        form,
        health: stored.map(health).unwrap_or_default(),
        rests_until: stored.and_then(|stored| rests_until(stored, zone)),
        well: stored.is_none_or(is_well),
        enabled: stored.is_none_or(|stored| stored.enabled),
        failed: stored.map_or(0, |stored| stored.failed),
        deliveries: around.deliveries.iter().map(|listed| delivery(listed, zone)).collect(),
        more: around.more,
        tested: around.tested.map(tested).unwrap_or_default(),
        test_ok: around.tested.is_some_and(|tested| tested.ok),
        secret: around.signing_secret.unwrap_or_default(),
        dropped_headers: around.dropped_headers.join(", "),
    };
    frame::of_space(form::status(bad), spaces, Section::Destinations, &title, &one)
}

fn kind_name(kind: &str) -> &'static str {
    KINDS.iter().find(|(word, ..)| *word == kind).map_or("", |(_, name, _)| name)
}

/// Whether a word is a kind of destination.
pub fn is_kind(kind: &str) -> bool {
    !kind_name(kind).is_empty()
}

fn is_well(stored: &Stored) -> bool {
    stored.failures == 0 && stored.failed == 0
}

fn health(stored: &Stored) -> String {
    let many =
        |count: i64| if count >= 100 { "100 or more".to_owned() } else { money::count(count) };
    let mut parts = Vec::new();
    if !stored.enabled {
        parts.push("paused: new events are not sent, waiting ones wait".to_owned());
    }
    if stored.failures > 0 {
        parts.push(format!("did not take the last {} tries", money::count(stored.failures)));
    }
    if stored.open > 0 {
        parts.push(format!("{} waiting", many(stored.open)));
    }
    if stored.failed > 0 {
        parts.push(format!("{} given up", many(stored.failed)));
    }
    if parts.is_empty() { "well".to_owned() } else { parts.join("; ") }
}

/// When a destination that does not answer is tried again; `None` for one that is well.
fn rests_until(stored: &Stored, zone: &Zone) -> Option<Moment> {
    let rests = stored.failures > 0 && stored.rest_until_ms > 0;
    rests.then(|| moment(zone, stored.rest_until_ms))
}

fn delivery(listed: &Listed, zone: &Zone) -> Delivery {
    let last = last_try(listed);
    let last = last.as_ref();
    Delivery {
        seq: listed.seq,
        target: visible(&listed.target),
        word: state(&listed.state),
        tries: listed.tries,
        last: last.map(said).unwrap_or_default(),
        at: last.map(|attempt| moment(zone, attempt.at_ms)),
        can_resend: can_be_resent(&listed.state),
        state: listed.state.clone(),
    }
}

/// The last try of a delivery on record.
pub fn last_try(listed: &Listed) -> Option<Attempt> {
    Attempt::read_all(listed.attempts.as_deref().unwrap_or_default()).pop()
}

fn said(attempt: &Attempt) -> String {
    match attempt.status {
        Some(status) => status.to_string(),
        None => visible(&attempt.answer),
    }
}

/// What a test sent and what came back.
fn tested(tested: &Tested) -> Vec<(&'static str, String)> {
    let outcome = match tested.outcome {
        Outcome::Sent => "It was taken.",
        Outcome::Transient => "It was not taken now; a real event would be tried again.",
        Outcome::Permanent => "It was refused; a real event would be given up.",
    };
    let status = tested.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    let mut shown = vec![("Outcome", outcome.to_owned()), ("Answer's status", status)];
    shown.push(("Answer", visible(&tested.answer)));
    if let Some(request) = &tested.request {
        shown.push(("Sent to", visible(&format!("{} {}", request.method, request.url))));
        shown.extend(request.body.as_deref().map(|body| ("Body", visible(body))));
    }
    shown
}

/// The fields of the draft's kind alone.
fn fields(draft: &Draft, is_saved: bool, headers: &[String]) -> Vec<Field> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let secret = |name, label, hint: &str| {
        let kept = if is_saved { " Leave empty to keep the saved one." } else { "" };
        Field::optional(name, label, "").hint(format!("{hint}{kept}"))
    };
    let mut fields =
        vec![Field::line("name", "Name", &draft.name).hint("Only you see it; the feed shows it.")];
    match draft.kind.as_str() {
        "webhook" => fields.extend([
            Field::line("url", "Address", &draft.url).hint("https://… of your server."),
            method(draft, &["POST", "PUT", "PATCH"]),
            Field::new("headers", "Own headers", Control::Lines).hint(headers_hint(headers)),
            Field::check("drop_headers", "Remove all own headers", false),
            secret("signing_secret", "Signing secret", "whsec_…; made for you where you leave it empty."),
        ]),
        "s2s_postback" => fields.extend([
            Field::line("url_template", "Address with macros", &draft.url_template).hint(
                "Such as https://example.com/postback?clickid={uid}&goal={canonical}&sum={value}&cur={currency}",
            ),
            method(draft, &["GET", "POST"]),
            Field::line("expected_status", "Status of success", &draft.expected_status.unwrap_or(200).to_string()),
        ]),
        _ => fields.extend([
            Field::line("pixel_id", "Pixel id", &draft.pixel_id),
            secret("access_token", "Access token", "Events Manager, Settings, Conversions API."),
            Field::optional("test_event_code", "Test event code", &text(&draft.test_event_code))
                .hint("From Test events. While it is set, Facebook shows events there and does not use them."),
            Field::optional("action_source", "Where it happens", &text(&draft.action_source))
                .hint("website, chat, app, …; empty means website."),
            Field::optional("event_source_url", "Page of the event", &text(&draft.event_source_url)),
        ]),
    }
    const MAP: [(Canonical, &str, &str); 4] = [
        (Canonical::Contact, "events.contact", "contact is called"),
        (Canonical::Subscribed, "events.subscribed", "subscribed is called"),
        (Canonical::Registration, "events.registration", "registration is called"),
        (Canonical::Deposit, "events.deposit", "deposit is called"),
    ];
    for (canonical, name, label) in MAP {
        let given = draft.events.get(canonical.code());
        let prefilled =
            if draft.kind == "fb_capi" { facebooks_name(canonical) } else { canonical.code() };
        let value = given.map_or(prefilled, |target| target.as_deref().unwrap_or_default());
        fields.push(Field::optional(name, label, value).hint("Empty: it is not sent there."));
    }
    fields.push(Field::check(
        "enabled",
        "Events are sent on (off: paused)",
        draft.enabled.unwrap_or(true),
    ));
    fields
}

fn method(draft: &Draft, methods: &[&str]) -> Field {
    let options: Vec<(&str, &str)> = methods.iter().map(|method| (*method, *method)).collect();
    Field::choice("method", "Method", draft.method.as_deref().unwrap_or_default(), &options)
}

fn headers_hint(headers: &[String]) -> String {
    let form = "One a line, as in Authorization: Bearer 123.";
    if headers.is_empty() {
        return form.to_owned();
    }
    let saved = headers.join(", ");
    format!("{form} Saved: {saved}. Leave empty to keep them; another address does not get them.")
}

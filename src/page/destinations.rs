//! Destinations: the list with their health, the form of one, its deliveries, a test.

use askama::Template;

use super::form::{self, Control, Field, Form};
use super::frame::{self, Section};
use super::shown::{Moment, can_be_resent, moment, state, visible};
use crate::db::deliveries::ListedDelivery;
use crate::db::destination::Stored;
use crate::db::missed::{LOOKED_THROUGH, Missed};
use crate::db::space::Spaces;
use crate::destination::field::{self, Holds};
use crate::destination::outcome::Outcome;
use crate::destination::request::{Attempt, Tested};
use crate::destination::{self, DestinationDraft, DestinationKind, KINDS, name_field, template};
use crate::error::BadFields;
use crate::error::Error;
use crate::figures::{Zone, money};
use crate::model::event::EventKind;
use crate::reply::Reply;

/// The box beside headers that removes those which are saved.
pub const DROP_HEADERS: &str = "drop_headers";

struct Row {
    id: i64,
    name: String,
    kind: &'static str,
    health: String,
    well: bool,
    enabled: bool,
    missed: String,
}

#[derive(Template)]
#[template(path = "destinations.html")]
struct DestinationsPage {
    space_id: i64,
    said: &'static str,
    rows: Vec<Row>,
    kinds: &'static [&'static DestinationKind],
}

struct Delivery {
    seq: i64,
    target: String,
    state: String,
    word: &'static str,
    tries: i64,
    last: String,
    at: Option<Moment>,
    last_try_ms: i64,
    can_resend: bool,
}

/// What came during a pause that is over.
struct Offer {
    says: String,
    from: i64,
}

#[derive(Template)]
#[template(path = "destination.html")]
struct One {
    space_id: i64,
    id: Option<i64>,
    title: String,
    kind: &'static str,
    said: &'static str,
    form: Form,
    offer: Option<Offer>,
    /// What has come since it was paused.
    meanwhile: String,
    health: String,
    rests_until: Option<Moment>,
    well: bool,
    enabled: bool,
    failed: i64,
    deliveries: Vec<Delivery>,
    more: Option<i64>,
    tested: Vec<(&'static str, String)>,
    test_ok: bool,
    /// Why no result is there.
    untold: &'static str,
    secret: String,
    dropped_headers: String,
}

/// What the screen of one destination shows beside its form.
#[derive(Default)]
pub struct Around {
    pub stored: Option<Stored>,
    /// Names of its own headers.
    pub headers: Vec<String>,
    pub deliveries: Vec<ListedDelivery>,
    pub more: Option<i64>,
    pub missed: Option<Missed>,
    /// The word for what a form has just done.
    pub done: String,
    /// Whether a test was sent, whose result is shown where it is known.
    pub was_tested: bool,
    pub tested: Option<Tested>,
    /// What a form is told from others by.
    pub nonce: String,
    /// A signing secret that is shown this once.
    pub signing_secret: Option<String>,
    /// Names of the headers that another address did not get.
    pub dropped_headers: Vec<String>,
}

/// The list; `done` is the word for what a form has just done.
pub fn page(
    spaces: &Spaces,
    space_id: i64,
    stored: &[Stored],
    missed: &[Missed],
    done: &str,
) -> Result<Reply, Error> {
    let missed_by = |id| missed.iter().find(|missed| missed.destination_id == id);
    let row = |stored: &Stored| Row {
        id: stored.id,
        name: visible(&stored.name),
        kind: stored.settings().map_or("", |settings| settings.kind().name),
        health: health(stored),
        well: is_well(stored),
        enabled: stored.enabled,
        missed: missed_by(stored.id).map(came).unwrap_or_default(),
    };
    let said = said_of(done);
    let page =
        DestinationsPage { space_id, said, rows: stored.iter().map(row).collect(), kinds: KINDS };
    frame::of_space(200, spaces, Section::Destinations, "Destinations", &page)
}

/// The screen of a destination; without a stored one, of a new one.
pub fn one(
    spaces: &Spaces,
    space_id: i64,
    draft: &DestinationDraft,
    zone: &Zone,
    around: Around,
    bad: Option<&BadFields>,
) -> Result<Reply, Error> {
    let stored = around.stored.as_ref();
    let action = match stored {
        Some(stored) => format!("/s/{space_id}/destinations/{}", stored.id),
        None => format!("/s/{space_id}/destinations"),
    };
    let submit = if stored.is_some() { "Save" } else { "Add the destination" };
    let form = Form::new(action, submit, fields(draft, stored.is_some(), &around.headers));
    let form = form.hidden("kind", &draft.kind).hidden("nonce", &around.nonce).refused(bad);
    let title = stored.map_or_else(|| "New destination".to_owned(), |stored| visible(&stored.name));
    let one = One {
        space_id,
        id: stored.map(|stored| stored.id),
        title: title.clone(),
        kind: destination::kind(&draft.kind).map_or("", |kind| kind.name),
        said: said_of(&around.done),
        form,
        offer: around.missed.as_ref().filter(|missed| missed.is_over).map(offer),
        meanwhile: around
            .missed
            .as_ref()
            .filter(|missed| !missed.is_over)
            .map(meanwhile)
            .unwrap_or_default(),
        health: stored.map(health).unwrap_or_default(),
        rests_until: stored.and_then(|stored| rests_until(stored, zone)),
        well: stored.is_none_or(is_well),
        enabled: stored.is_none_or(|stored| stored.enabled),
        failed: stored.map_or(0, |stored| stored.failed),
        deliveries: around.deliveries.iter().map(|listed| delivery(listed, zone)).collect(),
        more: around.more,
        test_ok: around.tested.as_ref().is_some_and(|tested| tested.ok),
        untold: if around.was_tested && around.tested.is_none() { UNTOLD } else { "" },
        tested: around.tested.as_ref().map(tested).unwrap_or_default(),
        secret: around.signing_secret.unwrap_or_default(),
        dropped_headers: around.dropped_headers.join(", "),
    };
    frame::of_space(form::status(bad), spaces, Section::Destinations, &title, &one)
}

/// Why the result of a test is not there.
const UNTOLD: &str = "The result of this test is not there: it is kept for ten minutes. If you have just sent it, reload the page in a few seconds.";

/// What a form has just done, in words.
fn said_of(done: &str) -> &'static str {
    match done {
        "saved" => "Saved.",
        "added" => "Saved. Send it a test to see whether it takes events.",
        "paused" => "Paused. What comes from now on can be sent when it is resumed.",
        "resumed" => "Resumed.",
        "resent" => "What was given up is being sent again.",
        "sent" => "What came while it was paused is being sent.",
        "left" => "What came while it was paused was left.",
        "removed" => "Removed.",
        _ => "",
    }
}

/// How many events came while it was paused.
fn came(missed: &Missed) -> String {
    let events = match (missed.events, missed.has_more) {
        (0, _) => "Events".to_owned(),
        (1, false) => "1 event".to_owned(),
        (count, false) => format!("{} events", money::count(count)),
        (count, true) => format!("{} or more events", money::count(count)),
    };
    format!("{events} came while paused")
}

fn offer(missed: &Missed) -> Offer {
    let more = if missed.has_more {
        format!(
            " Only the first {} events were looked through. Up to 10,000 are sent at a time; the rest is offered again.",
            money::count(LOOKED_THROUGH)
        )
    } else {
        String::new()
    };
    Offer { says: format!("{}.{more}", came(missed)), from: missed.from }
}

fn meanwhile(missed: &Missed) -> String {
    format!("{}. They can be sent, or left, once it is resumed.", came(missed))
}

fn is_well(stored: &Stored) -> bool {
    stored.failures == 0 && stored.failed == 0
}

fn health(stored: &Stored) -> String {
    let many =
        |count: i64| if count >= 100 { "100 or more".to_owned() } else { money::count(count) };
    let mut parts = Vec::new();
    if !stored.enabled {
        parts.push("paused: new events are not sent, and waiting ones stay".to_owned());
    }
    if stored.failures > 0 {
        parts.push(match stored.failures {
            1 => "the last try did not succeed".to_owned(),
            tries => format!("the last {} tries did not succeed", money::count(tries)),
        });
    }
    if stored.open > 0 {
        parts.push(format!("{} waiting", many(stored.open)));
    }
    if stored.failed > 0 {
        parts.push(format!("{} given up", many(stored.failed)));
    }
    match (stored.first_sent_at_ms, parts.is_empty()) {
        (Some(1..), true) => "healthy".to_owned(),
        (None, true) => "Nothing has been sent yet.".to_owned(),
        (Some(_), true) => "Nothing has been sent since its settings changed.".to_owned(),
        (None, false) if stored.failures == 0 && stored.failed == 0 => {
            format!("{}; nothing has been sent yet", parts.join("; "))
        }
        (_, false) => parts.join("; "),
    }
}

/// When a destination that does not answer is tried again; `None` for one that is well.
fn rests_until(stored: &Stored, zone: &Zone) -> Option<Moment> {
    let rests = stored.failures > 0 && stored.rest_until_ms > 0;
    rests.then(|| moment(zone, stored.rest_until_ms))
}

fn delivery(listed: &ListedDelivery, zone: &Zone) -> Delivery {
    let last = last_try(listed);
    let last = last.as_ref();
    Delivery {
        seq: listed.seq,
        target: visible(&listed.target),
        word: state(&listed.state),
        tries: listed.tries,
        last: last.map(said).unwrap_or_default(),
        at: last.map(|attempt| moment(zone, attempt.at_ms)),
        last_try_ms: last.map_or(0, |attempt| attempt.at_ms),
        can_resend: can_be_resent(&listed.state),
        state: listed.state.clone(),
    }
}

/// The last try of a delivery on record.
pub fn last_try(listed: &ListedDelivery) -> Option<Attempt> {
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
        Outcome::Sent => "It was accepted.",
        Outcome::Transient => "It was not accepted this time; a real event would be retried.",
        Outcome::Permanent => "It was refused; a real event would be given up.",
    };
    let status = tested.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    let mut shown = vec![("Outcome", outcome.to_owned()), ("Status", status)];
    shown.push(("Answer", visible(&tested.answer)));
    if let Some(request) = &tested.request {
        shown.push(("Sent to", visible(&format!("{} {}", request.method, request.url))));
        shown.extend(request.body.as_deref().map(|body| ("Body", visible(body))));
    }
    shown
}

/// The fields of the draft's kind alone, between those that all kinds have.
fn fields(draft: &DestinationDraft, is_saved: bool, headers: &[String]) -> Vec<Field> {
    let kind = destination::kind(&draft.kind);
    let mut fields = vec![
        Field::line("name", "Name", &draft.name)
            .hint("Only you see this, in the feed for example."),
    ];
    let drops = draft.headers().is_some_and(|headers| headers.is_empty());
    for own in kind.map_or(&[][..], |kind| kind.fields) {
        fields.push(of_kind(own, draft, is_saved, headers));
        if own.holds == Holds::Headers {
            fields.push(Field::check(DROP_HEADERS, "Remove all custom headers", drops));
        }
    }
    const MAP: [(EventKind, &str); 4] = [
        (EventKind::Contact, "Name for contact"),
        (EventKind::Subscribed, "Name for subscribed"),
        (EventKind::Registration, "Name for registration"),
        (EventKind::Deposit, "Name for deposit"),
    ];
    let prefilled = kind.map_or(EventKind::code as fn(_) -> _, |kind| kind.prefilled);
    for (canonical, label) in MAP {
        let given = draft.events.get(canonical.code());
        let value =
            given.map_or(prefilled(canonical), |target| target.as_deref().unwrap_or_default());
        fields.push(
            Field::optional(name_field(canonical), label, value).hint("If empty, it is not sent."),
        );
    }
    fields.push(Field::check(
        "enabled",
        "Send events on (if off, it is paused)",
        draft.enabled.unwrap_or(true),
    ));
    fields
}

/// A field of its kind's own with what the draft has; secrets are not shown again.
fn of_kind(
    own: &field::Field,
    draft: &DestinationDraft,
    is_saved: bool,
    headers: &[String],
) -> Field {
    let field::Field { name, label, hint, holds } = *own;
    let text = draft.optional(name).unwrap_or_default();
    match holds {
        Holds::Text => Field::line(name, label, text).hint(hint),
        Holds::Template => Field::line(name, label, text).hint(hint).macros(
            "Macros that are filled in",
            template::macros().map(|(written, meaning)| (written, meaning.to_owned())),
        ),
        Holds::Optional => Field::optional(name, label, text).hint(hint),
        Holds::OneOf(words) => {
            let options: Vec<(&str, &str)> = words.iter().map(|word| (*word, *word)).collect();
            Field::choice(name, label, text, &options).hint(hint)
        }
        Holds::Number { unset } => {
            let number = draft.number(name).unwrap_or(unset).to_string();
            let typed = draft.unreadable(name).unwrap_or(&number);
            Field::line(name, label, typed).hint(hint)
        }
        Holds::Secret => {
            let kept = if is_saved { " Leave empty to keep the saved one." } else { "" };
            Field::secret(name, label, text).hint(format!("{hint}{kept}"))
        }
        Holds::Headers => Field::new(name, label, Control::Lines)
            .value(&typed_headers(name, draft))
            .hint(headers_hint(hint, headers)),
    }
}

/// Headers as they were just typed. What is saved is in no draft, and is never shown.
fn typed_headers(name: &str, draft: &DestinationDraft) -> String {
    if let Some(text) = draft.unreadable(name) {
        return text.to_owned();
    }
    let lines = draft.headers().into_iter().flatten();
    lines.map(|(name, value)| format!("{name}: {value}\n")).collect()
}

fn headers_hint(form: &str, headers: &[String]) -> String {
    if headers.is_empty() {
        return form.to_owned();
    }
    let saved = headers.join(", ");
    format!("{form} Saved: {saved}. Leave empty to keep them; a new address does not get them.")
}

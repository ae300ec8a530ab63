//! What will be sent, and where to, before it is sent by hand: a test, or one event to one destination. Nothing leaves
//! until somebody says so.

use askama::Template;

use super::frame::{self, Section};
use super::shown::{amount, visible};
use crate::db::feed::Item;
use crate::db::space::Spaces;
use crate::destination::request::Outgoing;
use crate::error::{BadField, Error};
use crate::model::event::EventKind;
use crate::reply::Reply;

struct Choice {
    options: Vec<Choosable>,
    hidden: Vec<(&'static str, String)>,
    /// The event's name there, where it can be another one.
    target: Option<String>,
}

struct Choosable {
    value: String,
    label: String,
    here: bool,
}

struct Request {
    method: String,
    url: String,
    /// The names alone.
    headers: String,
    body: String,
}

#[derive(Template)]
#[template(path = "sending.html")]
struct SendingPage {
    title: String,
    choice: Option<Choice>,
    request: Option<Request>,
    has_times: bool,
    warns: bool,
    says: Vec<String>,
    submit: Option<&'static str>,
    action: String,
    hidden: Vec<(&'static str, String)>,
    back: String,
}

/// A test that somebody thinks of sending.
pub struct Test<'a> {
    pub destination: (i64, &'a str),
    /// The kinds of event that can be sampled, and the events that can be taken, each with its word.
    pub samples: Vec<(EventKind, String)>,
    pub events: Vec<(&'a Item, String)>,
    /// The word of what is chosen.
    pub chosen: String,
    /// The request, secrets masked; or why there is none.
    pub request: Result<Outgoing, &'static str>,
    /// Whether the receiver can tell it, and by what.
    pub mark: (bool, String),
    /// Why it may not be sent.
    pub refused: Option<BadField>,
    pub nonce: &'a str,
}

/// An event that somebody thinks of sending to a destination.
pub struct One<'a> {
    pub destination: (i64, &'a str),
    pub seq: i64,
    /// Its name there.
    pub target: &'a str,
    pub request: Result<Outgoing, &'static str>,
    /// Why it is not sent, or its name there is not taken.
    pub refused: Option<String>,
    /// Whether it was sent there before, so that it is sent once more.
    pub is_again: bool,
    pub is_paused: bool,
    pub last_try_ms: i64,
}

/// The page that asks before a test.
pub fn test(spaces: &Spaces, space_id: i64, test: Test<'_>) -> Result<Reply, Error> {
    let (id, name) = test.destination;
    let here = |word: &String| *word == test.chosen;
    let sample = |(kind, word): &(EventKind, String)| Choosable {
        label: format!("a sample {}", kind.code()),
        here: here(word),
        value: word.clone(),
    };
    let event = |(item, word): &(&Item, String)| Choosable {
        label: format!("event {}: {} {}", item.seq, item.event, amount(item)).trim_end().to_owned(),
        here: here(word),
        value: word.clone(),
    };
    let samples = test.samples.iter().map(sample);
    let options = samples.chain(test.events.iter().map(event)).collect();
    let (is_told, mark) = test.mark;
    let (may, mut says) = (test.refused.is_none() && test.request.is_ok(), Vec::new());
    match (&test.refused, &test.request) {
        (Some(bad), _) => says.push(bad.reason.clone().into_owned()),
        (None, Err(reason)) => says.push((*reason).to_owned()),
        (None, Ok(_)) => says.push(mark),
    }
    let path = format!("/s/{space_id}/destinations/{id}");
    let page = SendingPage {
        title: format!("Send a test to {}", visible(name)),
        choice: Some(Choice { options, hidden: Vec::new(), target: None }),
        has_times: true,
        request: test.request.ok().map(Request::new),
        warns: !may || !is_told,
        says,
        submit: may.then_some("Send the test"),
        action: format!("{path}/test"),
        hidden: vec![("what", test.chosen), ("nonce", test.nonce.to_owned())],
        back: path,
    };
    frame::of_space(200, spaces, Section::Destinations, "Send a test", &page)
}

/// The page that asks before one event is sent to one destination.
pub fn one(spaces: &Spaces, space_id: i64, one: One<'_>) -> Result<Reply, Error> {
    let (id, name) = one.destination;
    let (name, may) = (visible(name), one.refused.is_none());
    let mut says = Vec::new();
    match one.refused {
        Some(reason) => says.push(reason),
        None if one.is_again => says.push(format!(
            "{name} has been sent this event before. It keeps its event_id, by which a receiver can tell the second copy; one that cannot will count it twice."
        )),
        None => says.push(format!("{name} will be sent this event for the first time.")),
    }
    if may && one.is_paused {
        says.push("It is paused: the event waits until it is resumed.".to_owned());
    }
    let path = format!("/s/{space_id}/events/{}", one.seq);
    let target = Some(one.target.to_owned());
    let page = SendingPage {
        title: format!("Send event {} to {name}", one.seq),
        choice: one.request.is_ok().then(|| Choice {
            options: Vec::new(),
            hidden: vec![("destination", id.to_string())],
            target,
        }),
        has_times: true,
        request: one.request.ok().map(Request::new),
        warns: !may || one.is_again,
        says,
        submit: may.then_some("Send it"),
        action: format!("{path}/send"),
        hidden: vec![
            ("destination", id.to_string()),
            ("as", one.target.to_owned()),
            ("last_try_ms", one.last_try_ms.to_string()),
        ],
        back: path,
    };
    let status = if may { 200 } else { 422 };
    frame::of_space(status, spaces, Section::Events, "Send an event", &page)
}

impl Request {
    fn new(outgoing: Outgoing) -> Self {
        let Outgoing { method, url, headers, body } = outgoing;
        let names: Vec<String> = headers.into_iter().map(|(name, _)| name).collect();
        Self {
            method,
            url: visible(&url),
            headers: visible(&names.join(", ")),
            body: visible(&body.unwrap_or_default()),
        }
    }
}

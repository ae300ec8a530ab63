//! What narrows the lists of events and of refused postbacks down: the fields, and the line that says what is filtered.
//! All of it is in the address, so that it can be sent to a colleague.

use askama::Template;
use askama::filters::HtmlSafe;

use super::explain::refusal;
use super::form::Sent;
use super::shown::{state, visible};
use crate::db::filter::Choices;
use crate::model::event::EventKind;
use crate::model::filter::NOT_SENT;
use crate::model::replay::Of;
use crate::model::status::Status;
use crate::network;

/// What a postback can be refused for.
const STATUSES: [Status; 7] = [
    Status::InvalidValue,
    Status::InvalidEvent,
    Status::InvalidCurrency,
    Status::InvalidTime,
    Status::InvalidUid,
    Status::InvalidEid,
    Status::InvalidRequest,
];

const STATES: [&str; 5] = ["pending", "sending", "retrying", "sent", "failed_permanently"];

/// Parameters of the address that narrow a list down, of whichever list. `of` says which one it is, `done` whether
/// it has those that are replayed as well, `q` is a search.
pub const NAMES: [&str; 19] = [
    "of",
    "q",
    "status",
    "note",
    "text",
    "from",
    "to",
    "done",
    "event",
    "link",
    "destination",
    "state",
    "network",
    "key",
    "country",
    "campaign",
    "min",
    "max",
    "currency",
];

/// One field.
struct Control {
    name: &'static str,
    label: &'static str,
    value: String,
    /// What may be chosen, where it is not typed.
    options: Option<Vec<(String, String)>>,
    kind: &'static str,
    hint: &'static str,
}

impl Control {
    fn typed(name: &'static str, label: &'static str, hint: &'static str, sent: &Sent) -> Self {
        let kind = if matches!(name, "from" | "to") { "date" } else { "text" };
        Self { name, label, value: sent.get(name).to_owned(), options: None, kind, hint }
    }

    fn chosen(
        name: &'static str,
        label: &'static str,
        options: Vec<(String, String)>,
        sent: &Sent,
    ) -> Self {
        Self { options: Some(options), ..Self::typed(name, label, "anything", sent) }
    }

    fn is_chosen(&self, value: &str) -> bool {
        self.value == value
    }

    /// What it narrows down to, in words.
    fn says(&self) -> String {
        let chosen = self.options.iter().flatten().find(|(value, _)| *value == self.value);
        let value = chosen.map_or_else(|| visible(&self.value), |(_, label)| label.clone());
        format!("{}: {value}", self.label.to_lowercase())
    }
}

/// The fields of a list's filter.
#[derive(Template)]
#[template(path = "filters.html")]
pub struct Filters {
    /// Those that stand open, and those that are opened.
    first: Vec<Control>,
    more: Vec<Control>,
    /// What is filtered: in words, and the address without it.
    on: Vec<(String, String)>,
    /// The address without all of it.
    all: String,
    faults: Vec<&'static str>,
}

impl HtmlSafe for Filters {}

impl Filters {
    /// The fields of a list. On the page of all events they are opened; where something is mended the first ones
    /// stand open.
    pub fn new(
        of: Of,
        is_mending: bool,
        sent: &Sent,
        choices: &Choices,
        faults: Vec<&'static str>,
    ) -> Self {
        let is_refused = of == Of::Refused;
        let mut first = first(is_refused, sent);
        let mut more = more(is_refused, sent, choices);
        let query = |without: &str| address(sent, &[without]);
        let on = first.iter().chain(&more).filter(|control| !control.value.is_empty());
        let on: Vec<_> = on.map(|control| (control.says(), query(control.name))).collect();
        if !is_mending {
            more.splice(0..0, first.drain(..));
        }
        let names: Vec<&str> =
            NAMES.into_iter().filter(|name| !matches!(*name, "of" | "done")).collect();
        let all = address(sent, &names);
        Self { first, more, on, all, faults }
    }

    /// Whether anything is narrowed down.
    pub fn is_on(&self) -> bool {
        !self.on.is_empty()
    }
}

fn first(is_refused: bool, sent: &Sent) -> Vec<Control> {
    let statuses = STATUSES.iter().map(|one| (one.word().to_owned(), refusal(*one).to_owned()));
    let why = is_refused.then(|| Control::chosen("status", "Why", statuses.collect(), sent));
    let typed = [
        Control::typed("note", "Note", "value_empty", sent),
        Control::typed("text", "In the raw query", "", sent),
        Control::typed("from", "From", "", sent),
        Control::typed("to", "To", "", sent),
    ];
    why.into_iter().chain(typed).collect()
}

fn more(is_refused: bool, sent: &Sent, choices: &Choices) -> Vec<Control> {
    let named = |names: &[(i64, String)]| -> Vec<(String, String)> {
        names.iter().map(|(id, name)| (id.to_string(), visible(name))).collect()
    };
    let own = |(value, label): (&str, &str)| (value.to_owned(), label.to_owned());
    let events = EventKind::ALL.map(|event| own((event.code(), event.code()))).to_vec();
    let no_link = own(("0", "unattributed"));
    let links = [named(&choices.links), vec![no_link]].concat();
    let packs = network::packs();
    let networks = packs.iter().map(|pack| own((pack.slug, &pack.name))).collect();
    let mut more = vec![
        Control::chosen("event", "Event", events, sent),
        Control::chosen("link", "Link", links, sent),
    ];
    if !is_refused {
        let states = STATES.map(|word| own((word, state(word)))).to_vec();
        let states = [states, vec![own((NOT_SENT, "not sent there"))]].concat();
        let destinations = named(&choices.destinations);
        more.push(Control::chosen("destination", "Destination", destinations, sent));
        more.push(Control::chosen("state", "Its state", states, sent));
    }
    more.extend([
        Control::chosen("network", "Network", networks, sent),
        Control::chosen("key", "Key", named(&choices.keys), sent),
        Control::typed("country", "Country", "IN", sent),
        Control::typed("campaign", "Campaign", "its name or id", sent),
        Control::typed("min", "Amount from", "", sent),
        Control::typed("max", "Amount to", "", sent),
        Control::typed("currency", "Currency", "USD", sent),
    ]);
    more
}

/// What the address says of a list, but for some of it, as in `?event=deposit&link=3`.
pub fn address(sent: &Sent, without: &[&str]) -> String {
    let kept: Vec<_> = NAMES
        .into_iter()
        .filter(|name| !without.contains(name))
        .map(|name| (name, sent.get(name).trim()))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    format!("?{}", serde_urlencoded::to_string(&kept).unwrap_or_default())
}

/// The same, with what joins another parameter to it.
pub fn joined(sent: &Sent, without: &[&str]) -> String {
    let address = address(sent, without);
    if address.len() > 1 { format!("{address}&") } else { address }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filtered_is_said_and_each_part_can_be_cleared() {
        let sent = Sent::read("event=deposit&link=3&min=5&before=7&unknown=x");
        let choices = Choices { links: vec![(3, "Bot".to_owned())], ..Choices::default() };
        let filters = Filters::new(Of::Events, false, &sent, &choices, Vec::new());
        let own = |(says, href): (&str, &str)| (says.to_owned(), href.to_owned());
        let on = [
            ("event: deposit", "?link=3&min=5"),
            ("link: Bot", "?event=deposit&min=5"),
            ("amount from: 5", "?event=deposit&link=3"),
        ];
        assert_eq!(filters.on, on.map(own));
        assert_eq!(filters.all, "?");
        assert_eq!(joined(&sent, &[]), "?event=deposit&link=3&min=5&");
        assert_eq!(joined(&Sent::default(), &[]), "?");
    }

    #[test]
    fn a_refused_postback_was_sent_nowhere() {
        let names = |of| {
            let filters = Filters::new(of, true, &Sent::default(), &Choices::default(), Vec::new());
            filters.more.iter().map(|control| control.name).collect::<Vec<_>>()
        };
        assert!(names(Of::Events).contains(&"state") && !names(Of::Refused).contains(&"state"));
    }
}

//! What the overview says first: all that needs attention.

use super::shown::{is_without_amount, visible};
use crate::db::destination::Stored;
use crate::db::overview::Overview;
use crate::db::refused;

/// How far back something wrong is still news, in milliseconds.
const NEWS_MS: i64 = 24 * 60 * 60 * 1000;

/// Something that needs attention, and where to look into it.
pub struct Warning {
    pub text: String,
    pub href: String,
    pub link: &'static str,
}

/// What needs attention: refusals, deposits without an amount, destinations that do not take events.
pub fn of(space: i64, now_ms: i64, overview: &Overview) -> Vec<Warning> {
    let since_ms = now_ms - NEWS_MS;
    let destinations = overview.destinations.iter();
    let unhealthy = destinations.filter(|one| one.failures > 0 || one.failed > 0);
    about_findings(space, overview)
        .into_iter()
        .chain(about_refused(space, since_ms, overview))
        .chain(about_no_amount(space, since_ms, overview))
        .chain(unhealthy.map(|destination| about_destination(space, destination)))
        .collect()
}

/// The first of the findings, with how many more there are.
fn about_findings(space: i64, overview: &Overview) -> Option<Warning> {
    let look = &overview.last_look;
    let text = match look.findings {
        0 => return None,
        1 => look.first.clone(),
        2 => format!("{} There is one more like it to look into.", look.first),
        many => format!("{} There are {} more things to look into.", look.first, many - 1),
    };
    let text = visible(&text);
    Some(Warning { text, href: format!("/s/{space}/health"), link: "See what to change" })
}

fn about_refused(space: i64, since_ms: i64, overview: &Overview) -> Option<Warning> {
    let is_open =
        |one: &&refused::Refused| one.received_at_ms >= since_ms && one.event_seq.is_none();
    let refused = overview.refused.iter().filter(is_open).count();
    let most = if refused as i64 == refused::PAGE { " or more" } else { "" };
    let text = match refused {
        0 => return None,
        1 => "1 postback was refused in the last 24 hours. It is kept, but not counted.".to_owned(),
        many => format!(
            "{many}{most} postbacks were refused in the last 24 hours. They are kept, but not counted."
        ),
    };
    Some(Warning { text, href: format!("/s/{space}/refused"), link: "See why" })
}

fn about_no_amount(space: i64, since_ms: i64, overview: &Overview) -> Option<Warning> {
    let recent = overview.newest.iter().filter(|item| item.received_at_ms >= since_ms);
    let empty: Vec<i64> =
        recent.filter(|item| is_without_amount(item)).map(|item| item.seq).collect();
    let newest = empty.first()?;
    let text = match empty.len() {
        1 => "A deposit came without an amount. It is stored, but adds nothing to revenue."
            .to_owned(),
        many => format!(
            "{many} recent deposits came without an amount. They are stored, but add nothing to revenue."
        ),
    };
    Some(Warning { text, href: format!("/s/{space}/events/{newest}"), link: "See why" })
}

fn about_destination(space: i64, destination: &Stored) -> Warning {
    let name = &destination.name;
    let text = match (destination.failures, destination.failed) {
        (0, 1) => format!("One delivery to {name} was given up."),
        (0, many) => format!("{many} deliveries to {name} were given up."),
        (1, _) => format!("The last try to reach {name} did not succeed."),
        (tries, _) => format!("The last {tries} tries to reach {name} did not succeed."),
    };
    let href = format!("/s/{space}/destinations/{}", destination.id);
    Warning { text, href, link: "Look into it" }
}

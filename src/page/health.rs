//! Health: what is wrong with the postbacks, what to change, and what it costs meanwhile.

use askama::Template;

use super::form::{Field, Form};
use super::frame::{self, Section};
use super::shown::{Moment, moment, visible};
use crate::db::space::Spaces;
use crate::doctor::Finding;
use crate::error::Error;
use crate::figures::{Zone, money};
use crate::network::{self, Pack};
use crate::reply::Reply;

/// What a look came to.
pub struct Shown<'a> {
    pub spaces: &'a Spaces,
    /// The chosen network's slug; empty where none is.
    pub network: &'a str,
    pub findings: &'a [Finding],
    pub muted: &'a [Finding],
    pub examined: usize,
}

struct Card {
    cause: &'static str,
    source: String,
    network: String,
    sentence: String,
    mend: String,
    count: String,
    money: String,
    first: Moment,
    last: Moment,
    events: Vec<i64>,
    refused: Vec<i64>,
    /// Where it is mended, and what the button says; empty where that is at the network alone.
    deed: (String, &'static str),
}

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    space_id: i64,
    cards: Vec<Card>,
    muted: Vec<Card>,
    /// What there is to say where nothing is to be mended.
    well: String,
    network: Form,
}

/// The findings, most money first.
pub fn page(shown: &Shown<'_>, space_id: i64, zone: &Zone) -> Result<Reply, Error> {
    let packs = network::packs();
    let cards = |findings: &[Finding]| {
        findings.iter().map(|one| card(space_id, one, &packs, zone)).collect()
    };
    let page = HealthPage {
        space_id,
        cards: cards(shown.findings),
        muted: cards(shown.muted),
        well: well(shown.examined),
        network: choice(space_id, shown.network, &packs),
    };
    frame::of_space(200, shown.spaces, Section::Health, "Health", &page)
}

fn choice(space_id: i64, chosen: &str, packs: &[Pack]) -> Form {
    let mut options = vec![("", "Tell by what arrives")];
    options.extend(packs.iter().map(|pack| (pack.slug, pack.name.as_str())));
    let field = Field::choice("network", "Postbacks of this space come from", chosen, &options)
        .hint("If you choose it, the advice on this page names that network's own macros.");
    Form::new(format!("/s/{space_id}/health/network"), "Save", vec![field])
}

/// The causes whose events a mend can read as they were meant.
const MENDABLE: [&str; 9] = [
    "parameter_own_name",
    "currency_missing",
    "status_declined",
    "withdrawal_counted",
    "chargeback_counted",
    "time_local",
    "time_seconds",
    "time_microseconds",
    "html_mangled",
];

/// The page on which a finding's postbacks are decided or mended, its examples ticked.
fn deed(space_id: i64, finding: &Finding) -> (String, &'static str) {
    let ticked = |seqs: &[i64]| seqs.iter().map(|seq| format!("&seq={seq}")).collect::<String>();
    let refused = || format!("/s/{space_id}/refused");
    let newest = finding.seqs.first();
    match (finding.cause, newest) {
        (
            "conflict" | "eid_repeats" | "eid_constant" | "possible_duplicate" | "eid_fresh",
            Some(seq),
        ) => (format!("/s/{space_id}/events/{seq}"), "Decide"),
        ("template_opened", Some(seq)) => {
            (format!("/s/{space_id}/events/{seq}#decide"), "Take it out")
        }
        _ if !finding.held.is_empty() => {
            (format!("{}?of=refused{}", refused(), ticked(&finding.held)), "Mend and replay")
        }
        (cause, Some(_)) if MENDABLE.contains(&cause) => {
            (format!("{}?of=events{}", refused(), ticked(&finding.seqs)), "Mend the events")
        }
        _ => (String::new(), ""),
    }
}

fn well(examined: usize) -> String {
    match examined {
        0 => "Nothing has arrived yet.".to_owned(),
        1 => "Nothing to mend in the one postback so far.".to_owned(),
        many => {
            let many = money::count(i64::try_from(many).unwrap_or(i64::MAX));
            format!("Nothing to mend among the newest {many} postbacks.")
        }
    }
}

fn card(space_id: i64, finding: &Finding, packs: &[Pack], zone: &Zone) -> Card {
    let sums = finding.money.iter();
    let sums = sums.map(|(currency, micros)| money::with_currency(*micros, currency));
    let pack = packs.iter().find(|pack| pack.slug == finding.source);
    Card {
        cause: finding.cause,
        source: finding.source.clone(),
        network: pack.map(|pack| pack.name.clone()).unwrap_or_default(),
        sentence: visible(&finding.sentence),
        mend: visible(&finding.mend),
        count: if finding.count == 1 {
            "once".to_owned()
        } else {
            format!("{} times", money::count(finding.count))
        },
        money: sums.collect::<Vec<_>>().join(", "),
        first: moment(zone, finding.first_seen_ms),
        last: moment(zone, finding.last_seen_ms),
        events: finding.seqs.clone(),
        refused: finding.held.clone(),
        deed: deed(space_id, finding),
    }
}

//! The guide of a space: every step to its first real deposit, with how far it is.

use askama::Template;

use super::frame::{self, Section};
use super::next::{self, Words};
use crate::db::space::Spaces;
use crate::error::Error;
use crate::model::guide::{Guide, Progress, Step};
use crate::network::Pack;
use crate::reply::Reply;

struct Row {
    number: usize,
    name: &'static str,
    words: Words,
    state: &'static str,
    is_open: bool,
    is_waved: bool,
    is_next: bool,
    /// Whether it is done on this page.
    is_network: bool,
}

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage<'a> {
    space_id: i64,
    rows: Vec<Row>,
    settled: usize,
    is_open: bool,
    network: &'a str,
    networks: &'a [Pack],
}

/// The page. What it says of the next step needs no bar.
pub fn page(spaces: &Spaces, space_id: i64, guide: &Guide, packs: &[Pack]) -> Result<Reply, Error> {
    let network = spaces.this.as_ref().and_then(|space| space.network.clone());
    let next = guide.next();
    let row = |(at, (step, progress)): (usize, &(Step, Progress))| Row {
        number: at + 1,
        name: step.name(),
        words: next::words(*step),
        state: next::word(*progress),
        is_open: *progress == Progress::Open,
        is_waved: *progress == Progress::Waved,
        is_next: next == Some(*step),
        is_network: *step == Step::Network,
    };
    let page = StartPage {
        space_id,
        rows: guide.steps().iter().enumerate().map(row).collect(),
        settled: guide.settled(),
        is_open: next.is_some(),
        network: network.as_deref().unwrap_or_default(),
        networks: packs,
    };
    let spaces = Spaces { guide: None, ..spaces.clone() };
    frame::of_space(200, &spaces, Section::Start, "Get started", &page)
}

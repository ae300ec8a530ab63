//! The guide's steps in a buyer's words, and the bar that says which one is next.

use crate::model::guide::{Guide, Progress, Step};

/// A step as the screens say it.
pub struct Words {
    pub what: &'static str,
    pub why: &'static str,
    /// Where it is done, behind the space's own address.
    pub path: &'static str,
    /// What stands on the way there.
    pub link: &'static str,
    /// What stands on the button that waves it away.
    pub wave: &'static str,
}

/// What a step is called, and what it is for.
pub fn words(step: Step) -> Words {
    let no_need = "I don't need this";
    match step {
        Step::Network => Words {
            what: "Choose your network",
            why: "The network that pays you for this offer. Postback URLs, links and advice then use its own words.",
            path: "/start#network",
            link: "Choose it",
            wave: no_need,
        },
        Step::Postback => Words {
            what: "Put the postback URL into the network",
            why: "Copy your URLs from API keys into the network's postback settings. This step is done when the network's first real postback has come.",
            path: "/keys#urls",
            link: "Copy the URLs",
            wave: "I have done it",
        },
        Step::Test => Words {
            what: "Fire a test",
            why: "It calls your URL as the network will, and shows up under Events. It is not counted and not sent on.",
            path: "/keys#test",
            link: "Fire a test",
            wave: no_need,
        },
        Step::Link => Words {
            what: "Create a tracking link",
            why: "Your ads lead to it. It gives each visitor a click id, so that every deposit is credited to its ad.",
            path: "/links/new",
            link: "Create a link",
            wave: no_need,
        },
        Step::Destination => Words {
            what: "Add a destination",
            why: "Events are passed on to it: to Facebook, so that it learns who deposits, to another tracker, or to your own server.",
            path: "/destinations",
            link: "Add a destination",
            wave: no_need,
        },
        Step::Deposit => Words {
            what: "See the first real deposit",
            why: "It comes by itself once somebody deposits, and stands on the overview within two seconds.",
            path: "",
            link: "Watch the overview",
            wave: no_need,
        },
    }
}

/// The bar on top of a page.
#[derive(Clone, Copy)]
pub struct Bar {
    pub what: &'static str,
    pub path: &'static str,
    pub settled: usize,
    pub all: usize,
}

/// The bar of a guide; `None` where nothing is left of it.
pub fn bar(guide: &Guide) -> Option<Bar> {
    let Words { what, path, .. } = words(guide.next()?);
    Some(Bar { what, path, settled: guide.settled(), all: guide.steps().len() })
}

/// How far a step is, in a word.
pub fn word(progress: Progress) -> &'static str {
    match progress {
        Progress::Open => "to do",
        Progress::Done => "done",
        Progress::Waved => "left out",
    }
}

//! The dashboard: what a signed-in user sees and does (docs/dashboard.md). Every screen asks the door first,
//! reads what it shows in one round trip where it can, and answers a form by the same screen or by a redirect.

mod access;
mod address;
mod decisions;
mod destinations;
mod door;
mod entry;
mod events;
pub mod export;
mod filter;
mod guide;
mod health;
mod keys;
mod links;
mod mend;
mod overview;
mod sending;
mod spaces;
mod try_url;

pub use address::{Request, Screen, route};

use crate::db;
use crate::db::space::Home;
use crate::edge::config::Config;
use crate::edge::{self, Incoming};
use crate::error::Error;
use crate::figures::zone::DAY_MS;
use crate::figures::{self, Span, Zone};
use crate::model::schema::Schema;
use crate::page::form::Sent;
use crate::page::frame;
use crate::reply::{Problem, Reply};
use crate::upkeep::later::Later;

/// For a year. Other names below the deployment's are not ours to speak for.
const HTTPS_ALONE: &str = "max-age=31536000";

/// What a browser gets.
pub enum Answer {
    Page(Reply, Later),
    /// A file whose rows are read while it is sent.
    File(Reply, export::Rows),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Page(reply, Later::Nothing)
    }
}

impl From<Result<Reply, Error>> for Answer {
    fn from(page: Result<Reply, Error>) -> Self {
        edge::shown(page).into()
    }
}

/// Answers a browser. Over https it is told to come back over https alone.
pub async fn answer(config: &Config, request: Request, incoming: Incoming) -> Answer {
    let is_https = !config.local && incoming.origin().starts_with("https://");
    let answer = admit_and_show(config, request, incoming).await;
    if !is_https {
        return answer;
    }
    let guarded = |reply: Reply| reply.with("strict-transport-security", HTTPS_ALONE.to_owned());
    match answer {
        Answer::Page(reply, later) => Answer::Page(guarded(reply), later),
        Answer::File(head, rows) => Answer::File(guarded(head), rows),
    }
}

/// Whoever is not signed in is shown the way in; a form that another site sent is refused.
async fn admit_and_show(config: &Config, request: Request, incoming: Incoming) -> Answer {
    if incoming.method == "POST" && !door::is_our_own_form(&incoming) {
        let text =
            "This form was not sent from this site. Go back, reload the page and send it again.";
        return frame::notice(403, "Refused", text, "/", "Go to the overview").into();
    }
    let answer = match request {
        Request::Asset(asset) => Ok(asset.reply(&incoming.query).into()),
        // Where Access stands at the door there is no password.
        Request::LoginForm | Request::Login if matches!(config.access(), Ok(Some(_))) => {
            Ok(go_to("/").into())
        }
        Request::LoginForm => Ok(door::form(config, &incoming).await.into()),
        Request::Login => door::sign_in(config, incoming).await.map(Answer::from),
        Request::Logout => door::sign_out(config, &incoming).await.map(Answer::from),
        _ => match door::admit(config, &incoming).await {
            Ok(()) => show(config, request, incoming).await,
            Err(reply) => Ok(reply.into()),
        },
    };
    match answer {
        Ok(answer) => answer,
        Err(problem) => failure(config, &problem).await.into(),
    }
}

async fn show(config: &Config, request: Request, incoming: Incoming) -> Result<Answer, Problem> {
    let Request::Space { space_id, screen } = request else {
        return spaces::outside(config, request, incoming).await.map(Answer::from);
    };
    let mut home = Home::of_space(config, space_id).await?;
    if screen.is_of_guide() {
        home.guide = db::guide::read(&home, space_id).await?;
    }
    let asked = Asked { config, space_id, home, incoming };
    match screen {
        Screen::Overview => overview::page(asked).await,
        Screen::Live => overview::live(asked).await,
        Screen::EventsFile => export::events(asked).await,
        Screen::LinksFile => export::links(asked).await,
        Screen::Events => events::list(asked).await,
        Screen::Event { seq } => events::one(asked, seq).await,
        Screen::Health => health::page(asked).await,
        Screen::ChooseNetwork => health::choose_network(asked).await,
        Screen::Mute => health::mute(asked).await,
        Screen::RefusedOne { seq } => events::one_refused(asked, seq).await,
        Screen::TryForm => try_url::form(asked).await,
        Screen::TryUrl => try_url::tried(asked).await,
        Screen::Refused => mend::list(asked).await,
        Screen::MendPreview => mend::preview(asked).await,
        Screen::Replays => mend::replays(asked).await,
        Screen::Replay { n } => mend::replay(asked, n).await,
        Screen::BeginReplay => mend::begin(asked).await,
        Screen::Rules => mend::rules(asked).await,
        Screen::BeginRule => mend::add_rule(asked).await,
        Screen::EndRule { n } => mend::end_rule(asked, n).await,
        Screen::EntryForm => entry::form(asked).await,
        Screen::EnterEvent => entry::enter(asked).await,
        Screen::Decide { seq } => decisions::decide(asked, seq).await,
        Screen::Keys => keys::page(asked).await,
        Screen::MakeKey => keys::make(asked).await,
        Screen::RotateKey { n } => keys::rotate(asked, n).await,
        Screen::RevokeKey { n } => keys::revoke(asked, n).await,
        Screen::RenameKey { n } => keys::rename(asked, n).await,
        Screen::EndKey { n } => keys::end(asked, n).await,
        Screen::BuildUrl => keys::build(asked).await,
        Screen::Links => links::list(asked).await,
        Screen::LinkForm { id } => links::form(asked, id).await,
        Screen::SaveLink { id } => links::save(asked, id).await,
        Screen::ArchiveLink { id } => links::archive(asked, id).await,
        Screen::FitLink { id } => links::refit(asked, id).await,
        Screen::Destinations => destinations::list(asked).await,
        Screen::DestinationForm { id } => destinations::form(asked, id).await,
        Screen::SaveDestination { id } => destinations::save(asked, id).await,
        Screen::TestForm { id } => sending::test_form(asked, id).await,
        Screen::TestDestination { id } => sending::test(asked, id).await,
        Screen::SendForm { seq } => sending::one_form(asked, seq).await,
        Screen::SendEvent { seq } => sending::send_one(asked, seq).await,
        Screen::DecideMissed { id } => destinations::decide_missed(asked, id).await,
        Screen::PauseDestination { id } => destinations::pause(asked, id).await,
        Screen::ResendDestination { id } => destinations::resend(asked, id).await,
        Screen::DeleteDestination { id } => destinations::delete(asked, id).await,
        Screen::SettingsForm => spaces::settings(asked).await,
        Screen::SaveSettings => spaces::save_settings(asked).await,
        Screen::ArchiveSpace => spaces::archive(asked).await,
        Screen::Guide => guide::page(asked).await,
        Screen::ActOnGuide => guide::act(asked).await,
    }
}

/// A request for a screen of a space, by somebody who may.
pub struct Asked<'a> {
    config: &'a Config,
    space_id: i64,
    home: Home,
    incoming: Incoming,
}

impl Asked<'_> {
    /// A parameter of the address; empty where it is missing.
    fn parameter(&self, name: &str) -> String {
        self.incoming.parameter(name).unwrap_or_default()
    }

    /// The period that the address asks for, and why custom dates were not taken.
    fn period(&self) -> (figures::Asked, Option<&'static str>) {
        let parameter = |name| self.parameter(name);
        figures::Asked::parse(&parameter("period"), &parameter("from"), &parameter("to"))
    }

    /// A period in the days of the space's zone as it is now: the zone's name, the zone, the days.
    async fn span(&self, period: &figures::Asked) -> Result<(String, Zone, Span), Problem> {
        let spaces = db::space::read(&self.home, self.space_id).await?;
        let zone_name = spaces.this.ok_or(Problem::NOT_FOUND)?.time_zone;
        let now_ms = edge::now_ms();
        let (from_ms, to_ms) = period.range_ms(now_ms);
        let zone = edge::time_zone(&zone_name, from_ms, to_ms);
        let span = Span::of(period, &zone, now_ms);
        Ok((zone_name, zone, span))
    }

    fn path(&self, rest: &str) -> String {
        format!("/s/{}{rest}", self.space_id)
    }

    async fn sent(&mut self) -> Result<Sent, Problem> {
        Ok(Sent::read(&self.incoming.text().await?))
    }
}

/// The zone of a space around the times that a page shows, given in epoch milliseconds.
fn zone_around(name: &str, times: impl Iterator<Item = i64>) -> Zone {
    let now_ms = edge::now_ms();
    let (mut from_ms, mut to_ms) = (now_ms, now_ms);
    for ms in times {
        (from_ms, to_ms) = (from_ms.min(ms), to_ms.max(ms));
    }
    edge::time_zone(name, from_ms - DAY_MS, to_ms + DAY_MS)
}

/// To another page, after a form was taken.
fn go_to(path: &str) -> Reply {
    frame::guarded(Reply { status: 303, ..Reply::redirect(path) })
}

/// What is shown in place of a page that the database did not give: where its schema is another, what to do.
async fn failure(config: &Config, problem: &Problem) -> Reply {
    let schema = async { db::schema::read(&config.db()?).await };
    let remedy = match problem.http {
        503 => db::in_time(config, schema).await.ok().and_then(Schema::remedy),
        _ => None,
    };
    match remedy {
        Some(remedy) => edge::shown(frame::notice(
            503,
            "The database and the code differ",
            remedy,
            "/",
            "Try again",
        )),
        None => refusal(problem),
    }
}

fn refusal(problem: &Problem) -> Reply {
    edge::shown(match problem.http {
        404 => frame::not_found(),
        http => frame::notice(http, "That did not work", &problem.hint, "/", "Go to the overview"),
    })
}

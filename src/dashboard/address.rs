//! Which address is which screen of the dashboard.

use crate::model::key_name;
use crate::page::asset::Asset;

/// What a browser asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Asset(Asset),
    Home,
    LoginForm,
    Login,
    Logout,
    NewSpaceForm,
    CreateSpace,
    ArchivedSpaces,
    Space { space_id: i64, screen: Screen },
}

/// The screens of a space, and what its forms do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    Overview,
    Live,
    EventsFile,
    LinksFile,
    Events,
    Event { seq: i64 },
    EntryForm,
    EnterEvent,
    Decide { seq: i64 },
    Refused,
    Health,
    ChooseNetwork,
    Mute,
    RefusedOne { seq: i64 },
    TryForm,
    TryUrl,
    MendPreview,
    Replays,
    Replay { n: i64 },
    BeginReplay,
    Rules,
    BeginRule,
    EndRule { n: i64 },
    Keys,
    MakeKey,
    RotateKey { n: i64 },
    RevokeKey { n: i64 },
    RenameKey { n: i64 },
    EndKey { n: i64 },
    BuildUrl,
    Links,
    LinkForm { id: Option<i64> },
    SaveLink { id: Option<i64> },
    ArchiveLink { id: i64 },
    FitLink { id: i64 },
    Destinations,
    DestinationForm { id: Option<i64> },
    SaveDestination { id: Option<i64> },
    TestForm { id: i64 },
    TestDestination { id: i64 },
    SendForm { seq: i64 },
    SendEvent { seq: i64 },
    DecideMissed { id: i64 },
    PauseDestination { id: i64 },
    ResendDestination { id: i64 },
    DeleteDestination { id: i64 },
    SettingsForm,
    SaveSettings,
    ArchiveSpace,
    Guide,
    ActOnGuide,
}

impl Screen {
    /// Whether it is a page of the guide, which says what is next. The overview, one more, reads that with the rest.
    pub(super) fn is_of_guide(self) -> bool {
        use Screen::{
            BuildUrl, DestinationForm, Destinations, Guide, Keys, LinkForm, Links, TryForm, TryUrl,
        };
        matches!(
            self,
            Guide
                | Keys
                | BuildUrl
                | TryForm
                | TryUrl
                | Links
                | LinkForm { .. }
                | Destinations
                | DestinationForm { .. }
        )
    }
}

/// The address of a request, where it is one of the dashboard's.
pub fn route(method: &str, segments: &[&str]) -> Option<Request> {
    let is_post = match method {
        "GET" | "HEAD" => false,
        "POST" => true,
        _ => return None,
    };
    Some(match (is_post, segments) {
        (false, [""]) => Request::Home,
        (false, [file]) if let Some(asset) = Asset::at(file) => Request::Asset(asset),
        (false, ["login"]) => Request::LoginForm,
        (true, ["login"]) => Request::Login,
        (true, ["logout"]) => Request::Logout,
        (false, ["new"]) => Request::NewSpaceForm,
        (true, ["new"]) => Request::CreateSpace,
        (false, ["archived"]) => Request::ArchivedSpaces,
        (_, ["s", space_id, rest @ ..]) => {
            let screen = if is_post { action(rest) } else { screen(rest) }?;
            Request::Space { space_id: space_id.parse().ok()?, screen }
        }
        _ => return None,
    })
}

fn screen(segments: &[&str]) -> Option<Screen> {
    Some(match segments {
        [] => Screen::Overview,
        ["live"] => Screen::Live,
        ["events.csv"] => Screen::EventsFile,
        ["links.csv"] => Screen::LinksFile,
        ["events"] => Screen::Events,
        ["events", "new"] => Screen::EntryForm,
        // A browser that is reloaded after a form comes back to its address.
        ["events", seq] | ["events", seq, "decide"] => Screen::Event { seq: seq.parse().ok()? },
        ["events", seq, "send"] => Screen::SendForm { seq: seq.parse().ok()? },
        ["refused"] => Screen::Refused,
        ["health", ..] => Screen::Health,
        ["refused", seq] => Screen::RefusedOne { seq: seq.parse().ok()? },
        ["try"] => Screen::TryForm,
        ["mend"] => Screen::MendPreview,
        ["replays"] => Screen::Replays,
        ["replays", n] => Screen::Replay { n: n.parse().ok()? },
        ["rules", ..] => Screen::Rules,
        ["keys", ..] => Screen::Keys,
        ["links"] => Screen::Links,
        ["links", "new"] => Screen::LinkForm { id: None },
        // A browser that is reloaded after a form comes back to its address.
        ["links", id] | ["links", id, _] => Screen::LinkForm { id: Some(id.parse().ok()?) },
        ["destinations"] => Screen::Destinations,
        ["destinations", "new"] => Screen::DestinationForm { id: None },
        ["destinations", id, "test"] => Screen::TestForm { id: id.parse().ok()? },
        // A browser that is reloaded after a form comes back to its address.
        ["destinations", id] | ["destinations", id, _] => {
            Screen::DestinationForm { id: Some(id.parse().ok()?) }
        }
        // A browser that is reloaded after a form comes back to its address.
        ["settings", ..] => Screen::SettingsForm,
        ["start"] => Screen::Guide,
        _ => return None,
    })
}

fn action(segments: &[&str]) -> Option<Screen> {
    Some(match segments {
        ["health", "network"] => Screen::ChooseNetwork,
        ["health", "mute"] => Screen::Mute,
        ["try"] => Screen::TryUrl,
        ["events"] => Screen::EnterEvent,
        ["events", seq, "decide"] => Screen::Decide { seq: seq.parse().ok()? },
        ["events", seq, "send"] => Screen::SendEvent { seq: seq.parse().ok()? },
        ["keys", "urls"] => Screen::BuildUrl,
        ["keys"] => Screen::MakeKey,
        ["keys", n, action] => {
            let n = key_name::number(n)?;
            match *action {
                "rotate" => Screen::RotateKey { n },
                "revoke" => Screen::RevokeKey { n },
                "rename" => Screen::RenameKey { n },
                "end" => Screen::EndKey { n },
                _ => return None,
            }
        }
        ["replays"] => Screen::BeginReplay,
        ["rules"] => Screen::BeginRule,
        ["rules", n, "end"] => Screen::EndRule { n: n.parse().ok()? },
        ["links"] => Screen::SaveLink { id: None },
        ["links", id] => Screen::SaveLink { id: Some(id.parse().ok()?) },
        ["links", id, "archive"] => Screen::ArchiveLink { id: id.parse().ok()? },
        ["links", id, "fit"] => Screen::FitLink { id: id.parse().ok()? },
        ["destinations"] => Screen::SaveDestination { id: None },
        ["destinations", id] => Screen::SaveDestination { id: Some(id.parse().ok()?) },
        ["destinations", id, action] => {
            let id = id.parse().ok()?;
            match *action {
                "test" => Screen::TestDestination { id },
                "pause" => Screen::PauseDestination { id },
                "missed" => Screen::DecideMissed { id },
                "resend" => Screen::ResendDestination { id },
                "delete" => Screen::DeleteDestination { id },
                _ => return None,
            }
        }
        ["settings"] => Screen::SaveSettings,
        ["settings", "archive"] => Screen::ArchiveSpace,
        ["start"] => Screen::ActOnGuide,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;

//! Which address is which screen: the list of them.

use super::*;

fn at(method: &str, path: &str) -> Option<Request> {
    let path = path.trim_start_matches('/');
    route(method, &path.split('/').collect::<Vec<_>>())
}

#[test]
fn the_screens() {
    let space = |screen| Some(Request::Space { space_id: 7, screen });
    for (method, path, expected) in [
        ("GET", "/", Some(Request::Home)),
        ("GET", "/login", Some(Request::LoginForm)),
        ("POST", "/login", Some(Request::Login)),
        ("POST", "/logout", Some(Request::Logout)),
        ("GET", "/logout", None),
        ("GET", "/new", Some(Request::NewSpaceForm)),
        ("POST", "/new", Some(Request::CreateSpace)),
        ("GET", "/s/7", space(Screen::Overview)),
        ("GET", "/s/7/live", space(Screen::Live)),
        ("GET", "/s/7/events", space(Screen::Events)),
        ("GET", "/s/7/events/1042", space(Screen::Event { seq: 1042 })),
        ("GET", "/s/7/events/1042/decide", space(Screen::Event { seq: 1042 })),
        ("POST", "/s/7/events/1042/decide", space(Screen::Decide { seq: 1042 })),
        ("GET", "/s/7/events/new", space(Screen::EntryForm)),
        ("POST", "/s/7/events", space(Screen::EnterEvent)),
        ("GET", "/s/7/events.csv", space(Screen::EventsFile)),
        ("GET", "/s/7/links.csv", space(Screen::LinksFile)),
        ("GET", "/s/7/refused", space(Screen::Refused)),
        ("GET", "/s/7/health", space(Screen::Health)),
        ("GET", "/s/7/health/mute", space(Screen::Health)),
        ("POST", "/s/7/health/network", space(Screen::ChooseNetwork)),
        ("POST", "/s/7/health/mute", space(Screen::Mute)),
        ("GET", "/s/7/refused/3", space(Screen::RefusedOne { seq: 3 })),
        ("GET", "/s/7/refused/x", None),
        ("GET", "/s/7/try", space(Screen::TryForm)),
        ("POST", "/s/7/try", space(Screen::TryUrl)),
        ("GET", "/s/7/mend", space(Screen::MendPreview)),
        ("GET", "/s/7/replays", space(Screen::Replays)),
        ("GET", "/s/7/replays/3", space(Screen::Replay { n: 3 })),
        ("POST", "/s/7/replays", space(Screen::BeginReplay)),
        ("GET", "/s/7/rules", space(Screen::Rules)),
        ("GET", "/s/7/rules/3/end", space(Screen::Rules)),
        ("POST", "/s/7/rules", space(Screen::BeginRule)),
        ("POST", "/s/7/rules/3/end", space(Screen::EndRule { n: 3 })),
        ("GET", "/s/7/keys", space(Screen::Keys)),
        ("GET", "/s/7/keys/3/rotate", space(Screen::Keys)),
        ("POST", "/s/7/keys", space(Screen::MakeKey)),
        ("POST", "/s/7/keys/3/rotate", space(Screen::RotateKey { n: 3 })),
        ("POST", "/s/7/keys/3/revoke", space(Screen::RevokeKey { n: 3 })),
        ("POST", "/s/7/keys/3/rename", space(Screen::RenameKey { n: 3 })),
        ("POST", "/s/7/keys/3/end", space(Screen::EndKey { n: 3 })),
        ("POST", "/s/7/keys/ingest/revoke", None),
        ("POST", "/s/7/keys/0/end", None),
        ("POST", "/s/7/keys/urls", space(Screen::BuildUrl)),
        ("GET", "/s/7/links", space(Screen::Links)),
        ("GET", "/s/7/links/new", space(Screen::LinkForm { id: None })),
        ("GET", "/s/7/links/3", space(Screen::LinkForm { id: Some(3) })),
        ("POST", "/s/7/links", space(Screen::SaveLink { id: None })),
        ("POST", "/s/7/links/3", space(Screen::SaveLink { id: Some(3) })),
        ("GET", "/s/7/destinations/new", space(Screen::DestinationForm { id: None })),
        ("GET", "/s/7/events/1042/send", space(Screen::SendForm { seq: 1042 })),
        ("POST", "/s/7/events/1042/send", space(Screen::SendEvent { seq: 1042 })),
        ("GET", "/s/7/destinations/3/test", space(Screen::TestForm { id: 3 })),
        ("GET", "/s/7/destinations/3/pause", space(Screen::DestinationForm { id: Some(3) })),
        ("POST", "/s/7/destinations/3/missed", space(Screen::DecideMissed { id: 3 })),
        ("POST", "/s/7/destinations/3", space(Screen::SaveDestination { id: Some(3) })),
        ("POST", "/s/7/destinations/3/test", space(Screen::TestDestination { id: 3 })),
        ("POST", "/s/7/destinations/3/pause", space(Screen::PauseDestination { id: 3 })),
        ("POST", "/s/7/destinations/3/resend", space(Screen::ResendDestination { id: 3 })),
        ("POST", "/s/7/destinations/3/delete", space(Screen::DeleteDestination { id: 3 })),
        ("GET", "/s/7/settings", space(Screen::SettingsForm)),
        ("POST", "/s/7/settings", space(Screen::SaveSettings)),
        ("GET", "/s/x", None),
        ("GET", "/s/7/events/x", None),
        ("PUT", "/s/7", None),
        ("GET", "/other", None),
    ] {
        assert_eq!(at(method, path), expected, "{method} {path}");
    }
}

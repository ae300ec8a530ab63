//! Which address is which: the table in this file's tests is the list of endpoints.

use percent_encoding::percent_decode_str;

use crate::dashboard;
use crate::door::operator::{self, destination, key, replay};
use crate::model::key_name::Which;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET` or `POST /e`, `/e/<token>` or `/e/<token>/<event>`: a postback, with what its path says.
    Postback {
        token: Option<String>,
        event: Option<String>,
    },
    /// `POST /events`: a report of the user's own code.
    Event,
    /// `GET` or `POST /bind`: a uid and its Telegram user.
    Bind,
    /// `POST /clicks`: a click that no landing saw.
    Click,
    /// `GET` or `HEAD /l/<slug>`: a visitor.
    Landing {
        slug: String,
    },
    /// `HEAD` on `/e`: it is there, and stores nothing.
    Head,
    /// `OPTIONS`, with the methods that the address answers.
    Options(&'static str),
    /// A method that the address does not answer, with those that it does.
    OtherMethod(&'static str),
    /// `GET` or `HEAD /api/openapi.json`: what programs may call.
    Description,
    /// `/api/…`: the operator's own.
    Operator(operator::Request),
    /// `GET` or `HEAD /healthz`: for whoever watches.
    Health,
    /// What a browser sees.
    Dashboard(dashboard::Request),
    NotFound,
}

/// Finds the route of a method and a path, the path still percent-encoded.
pub fn route(method: &str, path: &str) -> Route {
    let path = path.trim_start_matches('/').trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        ["e"] => postback(method, None, None),
        ["e", token] => postback(method, Some(decode(token)), None),
        ["e", token, event] => postback(method, Some(decode(token)), Some(decode(event))),
        ["events"] => only(method, "POST", Route::Event),
        ["bind"] if method == "GET" => Route::Bind,
        ["bind"] => only_of(method, "POST", "GET, POST, OPTIONS", Route::Bind),
        ["clicks"] => only(method, "POST", Route::Click),
        ["l", slug] if matches!(method, "GET" | "HEAD") => Route::Landing { slug: decode(slug) },
        ["l", _slug] => only_of(method, "GET", "GET, HEAD, OPTIONS", Route::NotFound),
        ["healthz"] if method == "HEAD" => Route::Health,
        ["healthz"] => only_of(method, "GET", "GET, HEAD, OPTIONS", Route::Health),
        ["api", "openapi.json"] if method == "HEAD" => Route::Description,
        ["api", "openapi.json"] => only_of(method, "GET", "GET, HEAD, OPTIONS", Route::Description),
        ["api", rest @ ..] => operators(method, rest),
        segments => dashboard::route(method, segments).map_or(Route::NotFound, Route::Dashboard),
    }
}

fn postback(method: &str, token: Option<String>, event: Option<String>) -> Route {
    match method {
        "HEAD" => Route::Head,
        "GET" => Route::Postback { token, event },
        _ => only_of(method, "POST", "GET, POST, HEAD, OPTIONS", Route::Postback { token, event }),
    }
}

fn only(method: &str, wanted: &str, route: Route) -> Route {
    only_of(method, wanted, "POST, OPTIONS", route)
}

/// The route for the wanted method, and what others are told.
fn only_of(method: &str, wanted: &str, allowed: &'static str, route: Route) -> Route {
    match method {
        "OPTIONS" => Route::Options(allowed),
        method if method == wanted => route,
        _ => Route::OtherMethod(allowed),
    }
}

/// The route of an operator's address, and for other methods which ones it answers.
fn operators(method: &str, segments: &[&str]) -> Route {
    if let Some(request) = api(method, segments) {
        return Route::Operator(request);
    }
    let answers = |method| api(method, segments).is_some();
    let allowed = match ["GET", "POST", "PUT", "DELETE"].map(answers) {
        [true, true, ..] => "GET, POST, OPTIONS",
        [true, _, true, _] => "GET, PUT, OPTIONS",
        [true, ..] => "GET, OPTIONS",
        [_, true, true, _] => "POST, PUT, OPTIONS",
        [_, true, ..] => "POST, OPTIONS",
        [_, _, true, true] => "PUT, DELETE, OPTIONS",
        [_, _, true, _] => "PUT, OPTIONS",
        [.., true] => "DELETE, OPTIONS",
        [.., false] => return Route::NotFound,
    };
    if method == "OPTIONS" { Route::Options(allowed) } else { Route::OtherMethod(allowed) }
}

fn api(method: &str, segments: &[&str]) -> Option<operator::Request> {
    match (method, segments) {
        ("GET", ["spaces"]) => Some(operator::Request::ListSpaces),
        ("POST", ["spaces"]) => Some(operator::Request::CreateSpace),
        ("POST", ["spaces", space_id, "move"]) => {
            Some(operator::Request::MoveSpace { space_id: space_id.parse().ok()? })
        }
        ("GET", ["spaces", space_id, "findings"]) => {
            Some(operator::Request::ListFindings { space_id: space_id.parse().ok()? })
        }
        ("PUT", ["spaces", space_id, "findings"]) => {
            Some(operator::Request::MuteFinding { space_id: space_id.parse().ok()? })
        }
        ("PUT", ["spaces", space_id, "network"]) => {
            Some(operator::Request::ChooseNetwork { space_id: space_id.parse().ok()? })
        }
        ("PUT", ["spaces", space_id, "archived"]) => {
            Some(operator::Request::ArchiveSpace { space_id: space_id.parse().ok()? })
        }
        ("GET", ["spaces", space_id, "links"]) => {
            Some(operator::Request::ListLinks { space_id: space_id.parse().ok()? })
        }
        ("POST", ["spaces", space_id, "links"]) => {
            Some(operator::Request::CreateLink { space_id: space_id.parse().ok()? })
        }
        ("PUT", ["spaces", space_id, "links", link_id]) => Some(operator::Request::ChangeLink {
            space_id: space_id.parse().ok()?,
            link_id: link_id.parse().ok()?,
        }),
        ("GET", ["spaces", space_id, "events", seq]) => Some(operator::Request::Event {
            space_id: space_id.parse().ok()?,
            seq: seq.parse().ok()?,
        }),
        ("GET", ["spaces", space_id, "refused", seq]) => Some(operator::Request::Refused {
            space_id: space_id.parse().ok()?,
            seq: seq.parse().ok()?,
        }),
        (method, ["spaces", space_id, "destinations", rest @ ..]) => {
            let space_id = space_id.parse().ok()?;
            let request = destinations(method, rest)?;
            Some(operator::Request::Destinations { space_id, request })
        }
        ("GET", ["spaces", space_id, "replays"]) => replays(space_id, replay::Request::List),
        ("POST", ["spaces", space_id, "replays"]) => replays(space_id, replay::Request::Begin),
        ("GET", ["spaces", space_id, "rules"]) => replays(space_id, replay::Request::ListRules),
        ("POST", ["spaces", space_id, "rules"]) => replays(space_id, replay::Request::BeginRule),
        ("DELETE", ["spaces", space_id, "rules", n]) => {
            replays(space_id, replay::Request::EndRule { n: n.parse().ok()? })
        }
        ("POST", ["spaces", space_id, "events"]) => {
            Some(operator::Request::EnterEvent { space_id: space_id.parse().ok()? })
        }
        ("POST", ["spaces", space_id, "events", seq, "decisions"]) => {
            Some(operator::Request::Decide {
                space_id: space_id.parse().ok()?,
                seq: seq.parse().ok()?,
            })
        }
        ("GET", ["spaces", space_id, "keys"]) => keys(space_id, key::Request::List),
        ("POST", ["spaces", space_id, "keys"]) => keys(space_id, key::Request::Make),
        ("POST", ["spaces", space_id, "keys", key]) => {
            keys(space_id, key::Request::Rotate { which: Which::parse(key)? })
        }
        ("PUT", ["spaces", space_id, "keys", key]) => {
            keys(space_id, key::Request::Rename { which: Which::parse(key)? })
        }
        ("POST", ["spaces", space_id, "keys", key, "end"]) => {
            keys(space_id, key::Request::End { which: Which::parse(key)? })
        }
        ("DELETE", ["spaces", space_id, "keys", key, "previous"]) => {
            keys(space_id, key::Request::RevokePrevious { which: Which::parse(key)? })
        }
        _ => None,
    }
}

fn keys(space_id: &str, request: key::Request) -> Option<operator::Request> {
    Some(operator::Request::Keys { space_id: space_id.parse().ok()?, request })
}

fn replays(space_id: &str, request: replay::Request) -> Option<operator::Request> {
    Some(operator::Request::Replays { space_id: space_id.parse().ok()?, request })
}

fn destinations(method: &str, segments: &[&str]) -> Option<destination::Request> {
    let id = segments.first().map_or(Ok(0), |id| id.parse()).ok()?;
    match (method, segments) {
        ("GET", []) => Some(destination::Request::List),
        ("POST", []) => Some(destination::Request::Create),
        ("PUT", [_]) => Some(destination::Request::Change { id }),
        ("DELETE", [_]) => Some(destination::Request::Delete { id }),
        ("GET", [_, "deliveries"]) => Some(destination::Request::Deliveries { id }),
        ("POST", [_, "resend"]) => Some(destination::Request::Resend { id }),
        ("POST", [_, "test"]) => Some(destination::Request::Test { id }),
        ("POST", [_, "send"]) => Some(destination::Request::Send { id }),
        ("POST", [_, "missed"]) => Some(destination::Request::Missed { id }),
        _ => None,
    }
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::KeyKind;

    #[test]
    fn the_operators_destinations() {
        use destination::Request::{
            Change, Create, Delete, Deliveries, List, Missed, Resend, Send, Test,
        };
        for (method, path, expected) in [
            ("GET", "", Some(List)),
            ("POST", "", Some(Create)),
            ("PUT", "/3", Some(Change { id: 3 })),
            ("DELETE", "/3", Some(Delete { id: 3 })),
            ("GET", "/3/deliveries", Some(Deliveries { id: 3 })),
            ("POST", "/3/resend", Some(Resend { id: 3 })),
            ("POST", "/3/test", Some(Test { id: 3 })),
            ("POST", "/3/send", Some(Send { id: 3 })),
            ("POST", "/3/missed", Some(Missed { id: 3 })),
            ("POST", "/x/test", None),
            ("GET", "/3/other", None),
        ] {
            let expected = expected.map_or(Route::NotFound, |request| {
                Route::Operator(operator::Request::Destinations { space_id: 7, request })
            });
            let path = format!("/api/spaces/7/destinations{path}");
            assert_eq!(route(method, &path), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_endpoints() {
        let postback =
            |token: Option<&str>| Route::Postback { token: token.map(str::to_owned), event: None };
        let of_replays =
            |request| Route::Operator(operator::Request::Replays { space_id: 7, request });
        let of_keys = |request| Route::Operator(operator::Request::Keys { space_id: 7, request });
        let with_event = Route::Postback {
            token: Some("xt_in_abc".to_owned()),
            event: Some("deposit".to_owned()),
        };
        for (method, path, expected) in [
            ("GET", "/e", postback(None)),
            ("POST", "/e", postback(None)),
            ("GET", "/e/", postback(None)),
            ("GET", "/e/xt_in_abc", postback(Some("xt_in_abc"))),
            ("POST", "/e/xt_in_abc/", postback(Some("xt_in_abc"))),
            ("GET", "/e/xt%5Fin%5Fabc", postback(Some("xt_in_abc"))),
            ("GET", "/e/xt_in_abc/deposit", with_event),
            ("HEAD", "/e", Route::Head),
            ("HEAD", "/e/xt_in_abc", Route::Head),
            ("OPTIONS", "/e", Route::Options("GET, POST, HEAD, OPTIONS")),
            ("PUT", "/e", Route::OtherMethod("GET, POST, HEAD, OPTIONS")),
            ("DELETE", "/e/xt_in_abc", Route::OtherMethod("GET, POST, HEAD, OPTIONS")),
            ("POST", "/events", Route::Event),
            ("GET", "/events", Route::OtherMethod("POST, OPTIONS")),
            ("OPTIONS", "/events", Route::Options("POST, OPTIONS")),
            ("GET", "/bind", Route::Bind),
            ("POST", "/bind", Route::Bind),
            ("PUT", "/bind", Route::OtherMethod("GET, POST, OPTIONS")),
            ("POST", "/clicks", Route::Click),
            ("HEAD", "/clicks", Route::OtherMethod("POST, OPTIONS")),
            ("GET", "/l/summer", Route::Landing { slug: "summer".to_owned() }),
            ("HEAD", "/l/summer/", Route::Landing { slug: "summer".to_owned() }),
            ("POST", "/l/summer", Route::OtherMethod("GET, HEAD, OPTIONS")),
            ("GET", "/l", Route::NotFound),
            ("GET", "/", Route::Dashboard(dashboard::Request::Home)),
            ("GET", "/healthz", Route::Health),
            ("HEAD", "/healthz", Route::Health),
            ("POST", "/healthz", Route::OtherMethod("GET, HEAD, OPTIONS")),
            ("GET", "/login/", Route::Dashboard(dashboard::Request::LoginForm)),
            ("GET", "/e/a/b/c", Route::NotFound),
            ("PUT", "/", Route::NotFound),
            ("GET", "/api/spaces", Route::Operator(operator::Request::ListSpaces)),
            ("POST", "/api/spaces", Route::Operator(operator::Request::CreateSpace)),
            (
                "POST",
                "/api/spaces/7/move",
                Route::Operator(operator::Request::MoveSpace { space_id: 7 }),
            ),
            (
                "POST",
                "/api/spaces/7/keys/ingest",
                of_keys(key::Request::Rotate { which: Which::Kind(KeyKind::Ingest) }),
            ),
            (
                "DELETE",
                "/api/spaces/7/keys/bearer/previous",
                of_keys(key::Request::RevokePrevious { which: Which::Kind(KeyKind::Bearer) }),
            ),
            ("GET", "/api/spaces/7/keys", of_keys(key::Request::List)),
            ("POST", "/api/spaces/7/keys", of_keys(key::Request::Make)),
            (
                "POST",
                "/api/spaces/7/keys/3",
                of_keys(key::Request::Rotate { which: Which::Number(3) }),
            ),
            (
                "PUT",
                "/api/spaces/7/keys/3",
                of_keys(key::Request::Rename { which: Which::Number(3) }),
            ),
            (
                "POST",
                "/api/spaces/7/keys/3/end",
                of_keys(key::Request::End { which: Which::Number(3) }),
            ),
            // A word less than `…/previous` ends nothing.
            ("DELETE", "/api/spaces/7/keys/3", Route::OtherMethod("POST, PUT, OPTIONS")),
            ("PATCH", "/api/spaces/7/keys", Route::OtherMethod("GET, POST, OPTIONS")),
            ("DELETE", "/api/spaces/7/keys/ingest", Route::OtherMethod("POST, PUT, OPTIONS")),
            (
                "POST",
                "/api/spaces/7/links",
                Route::Operator(operator::Request::CreateLink { space_id: 7 }),
            ),
            (
                "GET",
                "/api/spaces/7/links",
                Route::Operator(operator::Request::ListLinks { space_id: 7 }),
            ),
            (
                "GET",
                "/api/spaces/7/findings",
                Route::Operator(operator::Request::ListFindings { space_id: 7 }),
            ),
            (
                "PUT",
                "/api/spaces/7/links/3",
                Route::Operator(operator::Request::ChangeLink { space_id: 7, link_id: 3 }),
            ),
            ("POST", "/api/spaces/7/findings", Route::OtherMethod("GET, PUT, OPTIONS")),
            (
                "PUT",
                "/api/spaces/7/archived",
                Route::Operator(operator::Request::ArchiveSpace { space_id: 7 }),
            ),
            (
                "GET",
                "/api/spaces/7/events/12",
                Route::Operator(operator::Request::Event { space_id: 7, seq: 12 }),
            ),
            (
                "GET",
                "/api/spaces/7/refused/3",
                Route::Operator(operator::Request::Refused { space_id: 7, seq: 3 }),
            ),
            ("GET", "/api/spaces/7/refused/x", Route::NotFound),
            ("GET", "/api/spaces/7/replays", of_replays(replay::Request::List)),
            ("POST", "/api/spaces/7/replays", of_replays(replay::Request::Begin)),
            ("GET", "/api/spaces/7/rules", of_replays(replay::Request::ListRules)),
            ("POST", "/api/spaces/7/rules", of_replays(replay::Request::BeginRule)),
            ("DELETE", "/api/spaces/7/rules/3", of_replays(replay::Request::EndRule { n: 3 })),
            ("GET", "/api/spaces/7/rules/3", Route::OtherMethod("DELETE, OPTIONS")),
            (
                "POST",
                "/api/spaces/7/events",
                Route::Operator(operator::Request::EnterEvent { space_id: 7 }),
            ),
            (
                "POST",
                "/api/spaces/7/events/12/decisions",
                Route::Operator(operator::Request::Decide { space_id: 7, seq: 12 }),
            ),
            ("PATCH", "/api/spaces", Route::OtherMethod("GET, POST, OPTIONS")),
            ("OPTIONS", "/api/spaces/7/links/3", Route::Options("PUT, OPTIONS")),
            ("GET", "/api/spaces/7/keys/ingest", Route::OtherMethod("POST, PUT, OPTIONS")),
            ("POST", "/api/spaces/7/keys/ingest/previous", Route::OtherMethod("DELETE, OPTIONS")),
            ("PATCH", "/api/spaces/7/destinations/3", Route::OtherMethod("PUT, DELETE, OPTIONS")),
            ("POST", "/api/spaces/7/destinations/3/deliveries", Route::OtherMethod("GET, OPTIONS")),
            ("GET", "/api/spaces/7/destinations/3/test", Route::OtherMethod("POST, OPTIONS")),
            ("POST", "/api/spaces/x/keys/ingest", Route::NotFound),
            ("POST", "/api/spaces/7/keys/other", Route::NotFound),
            ("GET", "/api", Route::NotFound),
            ("GET", "/api/openapi.json", Route::Description),
            ("HEAD", "/api/openapi.json", Route::Description),
            ("POST", "/api/openapi.json", Route::OtherMethod("GET, HEAD, OPTIONS")),
        ] {
            assert_eq!(route(method, path), expected, "{method} {path}");
        }
    }
}

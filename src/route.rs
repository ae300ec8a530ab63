//! Which address is which: the table in this file's tests is the list of endpoints.

use percent_encoding::percent_decode_str;

use crate::key::Kind;
use crate::operator;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET` or `POST /e` or `/e/<token>`: a postback, with the token from the path.
    Postback {
        token: Option<String>,
    },
    /// `HEAD` on an address that takes reports: it is there, and stores nothing.
    Head,
    /// `OPTIONS` on an address that takes reports.
    Options,
    /// Another method on an address that takes reports.
    OtherMethod,
    /// `/api/…`: the operator's own.
    Operator(operator::Request),
    NotFound,
}

/// Finds the route of a method and a path, the path still percent-encoded.
pub fn route(method: &str, path: &str) -> Route {
    let path = path.trim_start_matches('/').trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        ["e"] => takes_reports(method, None),
        ["e", token] => takes_reports(method, Some(decode(token))),
        ["api", rest @ ..] => api(method, rest).map_or(Route::NotFound, Route::Operator),
        _ => Route::NotFound,
    }
}

fn takes_reports(method: &str, token: Option<String>) -> Route {
    match method {
        "GET" | "POST" => Route::Postback { token },
        "HEAD" => Route::Head,
        "OPTIONS" => Route::Options,
        _ => Route::OtherMethod,
    }
}

fn api(method: &str, segments: &[&str]) -> Option<operator::Request> {
    match (method, segments) {
        ("GET", ["spaces"]) => Some(operator::Request::ListSpaces),
        ("POST", ["spaces"]) => Some(operator::Request::CreateSpace),
        ("POST", ["spaces", space_id, "keys", kind]) => Some(operator::Request::RotateKey {
            space_id: space_id.parse().ok()?,
            kind: Kind::parse(kind)?,
        }),
        ("DELETE", ["spaces", space_id, "keys", kind, "previous"]) => {
            Some(operator::Request::RevokePreviousKey {
                space_id: space_id.parse().ok()?,
                kind: Kind::parse(kind)?,
            })
        }
        _ => None,
    }
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoints() {
        let postback = |token: Option<&str>| Route::Postback { token: token.map(str::to_owned) };
        for (method, path, expected) in [
            ("GET", "/e", postback(None)),
            ("POST", "/e", postback(None)),
            ("GET", "/e/", postback(None)),
            ("GET", "/e/xt_in_abc", postback(Some("xt_in_abc"))),
            ("POST", "/e/xt_in_abc/", postback(Some("xt_in_abc"))),
            ("GET", "/e/xt%5Fin%5Fabc", postback(Some("xt_in_abc"))),
            ("HEAD", "/e", Route::Head),
            ("HEAD", "/e/xt_in_abc", Route::Head),
            ("OPTIONS", "/e", Route::Options),
            ("PUT", "/e", Route::OtherMethod),
            ("DELETE", "/e/xt_in_abc", Route::OtherMethod),
            ("GET", "/", Route::NotFound),
            ("GET", "/e/a/b", Route::NotFound),
            ("GET", "/events", Route::NotFound),
            ("GET", "", Route::NotFound),
            ("GET", "/api/spaces", Route::Operator(operator::Request::ListSpaces)),
            ("POST", "/api/spaces", Route::Operator(operator::Request::CreateSpace)),
            (
                "POST",
                "/api/spaces/7/keys/ingest",
                Route::Operator(operator::Request::RotateKey { space_id: 7, kind: Kind::Ingest }),
            ),
            (
                "DELETE",
                "/api/spaces/7/keys/bearer/previous",
                Route::Operator(operator::Request::RevokePreviousKey {
                    space_id: 7,
                    kind: Kind::Bearer,
                }),
            ),
            ("POST", "/api/spaces/x/keys/ingest", Route::NotFound),
            ("POST", "/api/spaces/7/keys/other", Route::NotFound),
            ("GET", "/api", Route::NotFound),
        ] {
            assert_eq!(route(method, path), expected, "{method} {path}");
        }
    }
}

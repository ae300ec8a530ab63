//! A request as plain values.

use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use worker::web_sys;
use worker::worker_sys::ext::RequestExt;

use super::within;
use crate::model::note::Broken;
use crate::postback::{Body, LIMIT_BYTES, Received};
use crate::reply::Problem;
use crate::text::pairs;

/// How long a body may take to arrive. Networks give up after 10 s or more.
const BODY_DEADLINE_MS: u64 = 10_000;

/// A request as plain values, its body still unread.
pub struct Incoming {
    pub method: String,
    /// Still percent-encoded.
    pub path: String,
    /// What stands behind the first `?`, still percent-encoded.
    pub query: String,
    request: web_sys::Request,
}

impl Incoming {
    /// Reads no more than a postback needs: each thing asked of the runtime costs as much as reading
    /// a query, and `cf` alone five times that.
    pub fn new(request: web_sys::Request) -> Self {
        let url = request.url();
        let (path, query) = path_and_query(&url);
        Self { method: request.method(), path: path.to_owned(), query: query.to_owned(), request }
    }

    /// The caller's country as Cloudflare sees it, two letters.
    pub fn country(&self) -> Option<String> {
        worker::Cf::from(self.request.cf()?).country()
    }

    /// The address of the caller; empty where the platform does not say.
    pub fn address(&self) -> String {
        self.header("cf-connecting-ip").unwrap_or_default()
    }

    /// Query and body as one query. A body that is too long, late or cut off is marked, never refused.
    pub async fn received(&mut self) -> Received {
        let received = Received::query(&self.query);
        if self.method != "POST" {
            return received;
        }
        let (body, whole) = self.body().await;
        let kind = Body::of_type(self.header("content-type").as_deref());
        received.with_body(&body, kind).mark((!whole).then_some(Broken::BodyIncomplete))
    }

    /// The body alone, as JSON whatever its header says.
    pub async fn received_json(&mut self) -> Received {
        let (body, whole) = self.body().await;
        let received = Received::default().with_body(&body, Body::Json);
        received.mark((!whole).then_some(Broken::BodyIncomplete))
    }

    /// The body as a JSON value; refuses what is too long or not such a value, saying where.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        let (body, whole) = self.body().await;
        if !whole || body.len() > LIMIT_BYTES {
            let hint = "Send a complete JSON body of at most 16 KiB.";
            return Err(Problem::unreadable(hint.to_owned()));
        }
        serde_json::from_slice(&body)
            .map_err(|malformed| Problem::unreadable(format!("The JSON body: {malformed}.")))
    }

    /// The body as text; refuses what is too long or not text.
    pub async fn text(&mut self) -> Result<String, Problem> {
        let (body, whole) = self.body().await;
        let text = String::from_utf8(body).ok().filter(|text| whole && text.len() <= LIMIT_BYTES);
        text.ok_or_else(|| {
            Problem::unreadable("Send a complete form of at most 16 KiB.".to_owned())
        })
    }

    /// Scheme and host that the request was sent to.
    pub fn origin(&self) -> String {
        let url = self.request.url();
        let mut parts = url.splitn(4, '/');
        let (scheme, host) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        format!("{scheme}//{host}")
    }

    /// The secret of an `Authorization: Bearer` header.
    pub fn bearer(&self) -> Option<String> {
        let header = self.header("authorization")?;
        let (scheme, secret) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim().to_owned())
    }

    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = pairs::pairs(&self.query);
        pairs.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// A header's text; `None` where it is missing.
    pub fn header(&self, name: &str) -> Option<String> {
        self.request.headers().get(name).ok().flatten()
    }

    /// At most one byte more than the limit, and whether it arrived in full as far as that.
    async fn body(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        let reading = self.read_body(&mut body);
        let whole = within(BODY_DEADLINE_MS, "the body", reading).await.is_ok_and(|whole| whole);
        (body, whole)
    }

    /// Reads at most a chunk beyond the limit; false where the sender broke off.
    async fn read_body(&mut self, body: &mut Vec<u8>) -> bool {
        let Ok(mut chunks) = worker::Request::from(Clone::clone(&self.request)).stream() else {
            return true; // A POST without a body has no stream.
        };
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(bytes) => body.extend_from_slice(&bytes),
                Err(_broken_off) => return false,
            }
            if body.len() > LIMIT_BYTES {
                body.truncate(LIMIT_BYTES + 1);
                break;
            }
        }
        true
    }
}

/// What stands between the host and a `#`, cut at the first `?`. The runtime's URLs always have both
/// a scheme and a path.
fn path_and_query(url: &str) -> (&str, &str) {
    let url = url.split('#').next().unwrap_or_default();
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = behind_scheme.find('/').and_then(|at| behind_scheme.get(at..)).unwrap_or("/");
    path.split_once('?').unwrap_or((path, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_path_and_a_query() {
        for (url, expected) in [
            ("https://t.example/", ("/", "")),
            ("https://t.example/e?a=1&b=/x?y", ("/e", "a=1&b=/x?y")),
            ("http://t.example:8787/e/xt_in/deposit?", ("/e/xt_in/deposit", "")),
            ("https://t.example/l/summer#part?a=1", ("/l/summer", "")),
            ("https://t.example/e?r=https://o.example/", ("/e", "r=https://o.example/")),
            ("https://t.example/a%3Fb%23c?d", ("/a%3Fb%23c", "d")),
        ] {
            assert_eq!(path_and_query(url), expected, "{url}");
        }
    }
}

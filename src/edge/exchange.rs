//! Requests to destinations, and for documents of others.

use futures_util::StreamExt;
use web_sys::{Headers, Request, RequestInit, RequestRedirect};
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, AbortSignal, Fetch, Response};

use super::{now_ms, text_of, within};
use crate::destination::mask::KEPT_BYTES;
use crate::destination::outcome::Answer;
use crate::destination::request::Outgoing;
use crate::error::Error;

/// How long a destination may take to answer (docs/destinations.md, How it is sent).
pub const ANSWER_DEADLINE_MS: u64 = 10_000;

/// Longest document that is fetched: a team's keys are 5 KB.
const DOCUMENT_BYTES: usize = 64 * 1024;

/// An answer's status, and as much of its body as arrived.
struct Heard {
    answer: Answer,
    body: Vec<u8>,
    /// Whether the body ended, was long enough, or broke off before the deadline.
    ended: bool,
}

/// Fetches a document by its address.
pub async fn get(url: &str) -> Result<String, Error> {
    let outgoing =
        Outgoing { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: None };
    let heard = ask(&outgoing, DOCUMENT_BYTES).await.map_err(Error::Fetch)?;
    match heard.answer {
        Answer::Status { status: 200, .. } if heard.ended => Ok(text_of_body(&heard.body)),
        Answer::Status { status: 200, .. } => Err(Error::Deadline("the document")),
        _ => Err(Error::Fetch("it did not answer 200".to_owned())),
    }
}

/// Sends a request to a destination: its answer with the first KB of text, or why there was none.
/// Redirects are not followed. The status decides as soon as it is there: a body that comes late, or
/// never ends, is kept as far as it came within the ten seconds.
pub async fn exchange(outgoing: &Outgoing) -> (Answer, String) {
    match ask(outgoing, KEPT_BYTES).await {
        Ok(heard) => (heard.answer, text_of_body(&heard.body)),
        Err(reason) => (Answer::None, reason),
    }
}

/// Asks, and reads at most a chunk beyond `most` bytes of the answer. One deadline for all; what is
/// left after it is dropped with the connection. Refuses with the reason where no status came.
async fn ask(outgoing: &Outgoing, most: usize) -> Result<Heard, String> {
    let control = AbortController::default();
    let began_ms = now_ms();
    let head = within(ANSWER_DEADLINE_MS, "the destination", head(outgoing, control.signal()));
    let mut response = match head.await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(text_of(&error)),
        Err(late) => {
            control.abort();
            return Err(late.to_string());
        }
    };
    let retry_after = response.headers().get("retry-after").ok().flatten();
    let answer = Answer::Status { status: response.status_code(), retry_after };
    let mut body = Vec::new();
    let spent_ms = u64::try_from(now_ms() - began_ms).unwrap_or(0);
    let rest_ms = ANSWER_DEADLINE_MS.saturating_sub(spent_ms);
    let reading = read_body(&mut response, most, &mut body);
    let ended = within(rest_ms, "the body", reading).await.is_ok();
    control.abort(); // What is left of a long body is not wanted.
    Ok(Heard { answer, body, ended })
}

/// Sends the request and waits for the head of the answer. Made without worker's own `RequestInit`, which
/// brings Cloudflare's image settings along: 5 KB that nobody uses.
async fn head(outgoing: &Outgoing, signal: AbortSignal) -> worker::Result<Response> {
    let headers = Headers::new()?;
    for (name, value) in &outgoing.headers {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method(&outgoing.method);
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    if let Some(body) = &outgoing.body {
        init.set_body(&JsValue::from_str(body));
    }
    let request = Request::new_with_str_and_init(&outgoing.url, &init)?;
    Fetch::Request(request.into()).send_with_signal(&signal).await
}

async fn read_body(response: &mut Response, most: usize, body: &mut Vec<u8>) {
    let Ok(mut chunks) = response.stream() else { return };
    while let Some(Ok(chunk)) = chunks.next().await {
        body.extend_from_slice(&chunk);
        if body.len() >= most {
            break;
        }
    }
}

fn text_of_body(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

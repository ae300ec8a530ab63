//! Requests to destinations, and for documents of others.

use futures_util::StreamExt;
use worker::wasm_bindgen::JsValue;
use worker::{
    AbortController, AbortSignal, Fetch, Headers, Method, Request, RequestInit, RequestRedirect,
};

use super::{text_of, within};
use crate::delivery::mask::KEPT_BYTES;
use crate::delivery::outcome::Answer;
use crate::delivery::request::Outgoing;
use crate::error::Error;

/// How long a destination may take to answer (contract §9).
const ANSWER_DEADLINE_MS: u64 = 10_000;

/// Longest document that is fetched: a team's keys are 5 KB.
const DOCUMENT_BYTES: usize = 64 * 1024;

/// Fetches a document by its address.
pub async fn get(url: &str) -> Result<String, Error> {
    let outgoing =
        Outgoing { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: None };
    let control = AbortController::default();
    let work = ask(&outgoing, control.signal(), DOCUMENT_BYTES);
    match within(ANSWER_DEADLINE_MS, "the document", work).await? {
        Ok((Answer::Status { status: 200, .. }, text)) => Ok(text),
        Ok(_) => Err(Error::Fetch("it did not answer 200".to_owned())),
        Err(error) => Err(Error::Fetch(text_of(&error))),
    }
}

/// Sends a request to a destination: its answer with the first KB of text, or why there was none.
/// Redirects are not followed; after ten seconds the connection is dropped.
pub async fn exchange(outgoing: &Outgoing) -> (Answer, String) {
    let control = AbortController::default();
    let work = ask(outgoing, control.signal(), KEPT_BYTES);
    match within(ANSWER_DEADLINE_MS, "the destination", work).await {
        Ok(Ok(answer)) => {
            control.abort(); // What is left of a long body is not wanted.
            answer
        }
        Ok(Err(error)) => (Answer::None, text_of(&error)),
        Err(late) => {
            control.abort();
            (Answer::None, late.to_string())
        }
    }
}

async fn ask(
    outgoing: &Outgoing,
    signal: AbortSignal,
    most: usize,
) -> worker::Result<(Answer, String)> {
    let headers = Headers::new();
    for (name, value) in &outgoing.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::from(outgoing.method.clone()))
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(outgoing.body.as_deref().map(JsValue::from_str));
    let request = Request::new_with_init(&outgoing.url, &init)?;
    let mut response = Fetch::Request(request).send_with_signal(&signal).await?;
    let retry_after = response.headers().get("retry-after").ok().flatten();
    let answer = Answer::Status { status: response.status_code(), retry_after };
    let mut body = Vec::new();
    if let Ok(mut chunks) = response.stream() {
        while let Some(Ok(chunk)) = chunks.next().await {
            body.extend_from_slice(&chunk);
            if body.len() >= most {
                break;
            }
        }
    }
    Ok((answer, String::from_utf8_lossy(&body).into_owned()))
}

//! Between the runtime and plain values: requests in, responses out, the clock, random bytes, the
//! queue, and the log.

mod address;
pub mod config;
mod crypt;
mod exchange;
mod incoming;
mod object;
pub mod seal;
mod zone;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use worker::js_sys;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{self, ResponseInit};
use worker::{Date, Delay, Headers, MessageBuilder, Queue, RateLimiter, ResponseBuilder};

pub use address::host_of;
pub use crypt::{RsaKey, decrypt, encrypt, is_signed_rs256};
pub use exchange::{ANSWER_DEADLINE_MS, exchange, get};
pub use incoming::Incoming;
pub use object::{ask, asked, said};
pub use zone::{is_time_zone, time_zone};

use crate::edge::config::Config;
use crate::error::Error;
use crate::model::database::Database;
use crate::reply::Reply;

/// How long the queue may take; the median of a send is 60 ms.
const QUEUE_DEADLINE_MS: u64 = 3_000;

/// Makes the runtime's response of a reply.
pub fn response(reply: &Reply) -> worker::Result<web_sys::Response> {
    let init = ResponseInit::new();
    init.set_status(reply.status);
    let headers = headers_of(reply)?;
    init.set_headers(&headers);
    let body = Some(reply.body.as_str()).filter(|body| !body.is_empty());
    Ok(web_sys::Response::new_with_opt_str_and_init(body, &init)?)
}

/// A page; in place of one that could not be rendered, the answer that says so.
pub fn shown(page: Result<Reply, Error>) -> Reply {
    page.unwrap_or_else(|reason| {
        log("page_not_shown", &reason.to_string());
        Reply::not_shown()
    })
}

/// A file that is sent while its pieces are made. One that breaks off breaks the download off, so that
/// nobody takes half a file for a whole one.
pub fn file(
    head: &Reply,
    pieces: impl Stream<Item = Result<String, Error>> + 'static,
) -> worker::Result<web_sys::Response> {
    let pieces = pieces.map(|piece| match piece {
        Ok(text) => Ok(text.into_bytes()),
        Err(reason) => {
            log("file_broken_off", &reason.to_string());
            Err(worker::Error::RustError("the file broke off".to_owned()))
        }
    });
    let headers = web_sys::Headers::new_with_record_from_str_to_str(&headers_of(head)?)?;
    let builder = ResponseBuilder::new().with_status(head.status).with_headers(Headers(headers));
    Ok(builder.from_stream(pieces)?.into())
}

/// Headers as one plain object: set on the runtime's own, each would be a call into it.
fn headers_of(reply: &Reply) -> worker::Result<js_sys::Object> {
    let headers = js_sys::Object::new();
    for (name, value) in &reply.headers {
        js_sys::Reflect::set(&headers, &JsValue::from_str(name), &JsValue::from_str(value))?;
    }
    Ok(headers)
}

/// Epoch milliseconds.
pub fn now_ms() -> i64 {
    i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX)
}

/// The time as one run of deliveries sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    ahead_ms: i64,
}

impl Clock {
    /// The clock of a scheduled run. It never runs behind; where the schedule is ahead of the real
    /// time, which only a test's is, it goes with the schedule.
    pub fn of_schedule(scheduled_ms: f64) -> Self {
        Self { ahead_ms: (scheduled_ms as i64 - now_ms()).max(0) }
    }

    pub fn now_ms(self) -> i64 {
        now_ms() + self.ahead_ms
    }
}

/// A number from 0 to 1, for spreading things that should not happen together.
pub fn chance() -> f64 {
    random::<2>().map_or(0.5, |bytes| f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX))
}

/// Random bytes for ids and keys, from the platform's cryptographic source.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_closed| Error::Missing("the source of random bytes"))?;
    Ok(bytes)
}

/// Does the same for a few databases at the same time, and gives what came of each in their order. All are
/// looked at whenever one goes on, which costs nothing for a few. `futures_util`'s `join_all` does as much, and
/// more for many: 6 KB of compressed wasm that a few databases do not need (measured).
pub async fn for_each<'a, T, W: Future<Output = T> + 'a>(
    databases: impl IntoIterator<Item = Database>,
    work: impl Fn(Database) -> W,
) -> Vec<T> {
    type Begun<'a, T> = (Option<T>, Pin<Box<dyn Future<Output = T> + 'a>>);
    let begin = |database| -> Begun<'a, T> { (None, Box::pin(work(database))) };
    let mut all: Vec<_> = databases.into_iter().map(begin).collect();
    poll_fn(|context| {
        for (done, work) in &mut all {
            if done.is_none()
                && let Poll::Ready(outcome) = work.as_mut().poll(context)
            {
                *done = Some(outcome);
            }
        }
        if all.iter().all(|(done, _)| done.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all.into_iter().filter_map(|(done, _)| done).collect()
}

/// Waits for `work` no longer than `limit_ms`. What was begun may still happen after that.
pub async fn within<T>(
    limit_ms: u64,
    what: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    let delay = Delay::from(Duration::from_millis(limit_ms));
    match select(pin!(work), pin!(delay)).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(_) => Err(Error::Deadline(what)),
    }
}

/// Lets some time pass.
pub async fn pause(ms: u64) {
    Delay::from(Duration::from_millis(ms)).await;
}

/// Sends one message's text, to be delivered after a while of at most twelve hours.
pub async fn send(queue: &Queue, message: String, delay_s: i64) -> Result<(), Error> {
    let delay_s = u32::try_from(delay_s.clamp(0, 12 * 60 * 60)).unwrap_or(0);
    let message = MessageBuilder::new(message).delay_seconds(delay_s).build();
    within(QUEUE_DEADLINE_MS, "the queue", queue.send(message))
        .await?
        .map_err(|refused| Error::Queue(refused.to_string()))
}

/// How many messages wait in the queue of spilled postbacks, where the platform says.
pub async fn backlog(config: &Config) -> Option<i64> {
    let queue = config.postbacks_binding();
    let metrics: js_sys::Function =
        js_sys::Reflect::get(&queue, &"metrics".into()).ok()?.dyn_into().ok()?;
    let asked: js_sys::Promise = metrics.call0(&queue).ok()?.dyn_into().ok()?;
    let answer = within(QUEUE_DEADLINE_MS, "the queue", JsFuture::from(asked)).await.ok()?.ok()?;
    let count = js_sys::Reflect::get(&answer, &"backlogCount".into()).ok()?.as_f64()?;
    Some(count as i64)
}

/// An error of the platform as text, without formatting what cannot be formatted inside wasm.
pub fn text_of(error: &worker::Error) -> String {
    match error {
        worker::Error::D1(d1) => d1.cause(),
        worker::Error::UnknownJsError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

/// Whether `key` is still below its limit. A limiter that does not answer limits nobody.
pub async fn is_below(limiter: &RateLimiter, key: String) -> bool {
    limiter.limit(key).await.map_or(true, |outcome| outcome.success)
}

/// One line of log, as JSON. `text` must carry no token, raw query or address.
pub fn log(event: &str, text: &str) {
    #[derive(Serialize)]
    struct Line<'a> {
        event: &'a str,
        text: &'a str,
    }
    let line = serde_json::to_string(&Line { event, text }).unwrap_or_default();
    worker::console_error!("{line}");
}

/// The same of a part of the platform that did not do its work, with the name of the database.
pub fn log_of(database: Database, event: &str, reason: &Error) {
    log(event, &format!("{database}: {reason}"));
}

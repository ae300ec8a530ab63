//! Between the runtime and plain values: requests in, responses out, the clock, random bytes, the
//! queue, and the log.

mod crypt;
mod exchange;
mod zone;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::js_sys;
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{
    Date, Delay, Headers, MessageBuilder, Queue, RateLimiter, Request, Response, ResponseBuilder,
};

pub use crypt::{decrypt, encrypt, is_signed_rs256};
pub use exchange::{exchange, get};
pub use zone::{is_time_zone, time_zone};

use crate::config::Config;
use crate::dashboard::export::Rows;
use crate::error::Error;
use crate::postback::{self, Body, Broken, LIMIT_BYTES, Received};
use crate::reply::{Problem, Reply};

/// How long a body may take to arrive. Networks give up after 10 s or more.
const BODY_DEADLINE_MS: u64 = 10_000;

/// How long the queue may take; the median of a send is 60 ms.
const QUEUE_DEADLINE_MS: u64 = 3_000;

/// A request as plain values, its body still unread.
pub struct Incoming {
    pub method: String,
    /// Still percent-encoded.
    pub path: String,
    /// What stands behind the first `?`, still percent-encoded.
    pub query: String,
    request: Request,
}

impl Incoming {
    pub fn new(request: Request) -> Self {
        let url = request.inner().url();
        let url = url.split('#').next().unwrap_or_default();
        let query = url.split_once('?').map_or("", |(_, query)| query).to_owned();
        let method = request.method().as_ref().to_owned();
        Self { method, path: request.path(), query, request }
    }

    /// The caller's country as Cloudflare sees it, two letters.
    pub fn country(&self) -> Option<String> {
        self.request.cf().and_then(worker::Cf::country)
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

    /// The body as a JSON value; refuses what is too long or is no such value, saying where.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        let (body, whole) = self.body().await;
        if !whole || body.len() > LIMIT_BYTES {
            let hint = "Send a JSON body of at most 16 KiB, in full.";
            return Err(Problem::unreadable(hint.to_owned()));
        }
        serde_json::from_slice(&body)
            .map_err(|malformed| Problem::unreadable(format!("The JSON body: {malformed}.")))
    }

    /// The body as text; refuses what is too long or no text.
    pub async fn text(&mut self) -> Result<String, Problem> {
        let (body, whole) = self.body().await;
        let text = String::from_utf8(body).ok().filter(|text| whole && text.len() <= LIMIT_BYTES);
        text.ok_or_else(|| {
            Problem::unreadable("Send a form of at most 16 KiB, in full.".to_owned())
        })
    }

    /// Scheme and host that the request was sent to.
    pub fn origin(&self) -> String {
        let url = self.request.inner().url();
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
        let pairs = postback::pairs(&self.query);
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
        let Ok(mut chunks) = self.request.stream() else {
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

/// Makes the runtime's response of a reply.
pub fn response(reply: Reply) -> worker::Result<Response> {
    let builder =
        ResponseBuilder::new().with_status(reply.status).with_headers(headers_of(&reply)?);
    if reply.body.is_empty() {
        return Ok(builder.empty());
    }
    Ok(builder.fixed(reply.body.into_bytes()))
}

/// A file that is sent while its rows are read.
pub fn file(head: &Reply, config: Config, rows: Rows) -> worker::Result<Response> {
    let pieces = stream::try_unfold((config, rows), |(config, mut rows)| async move {
        let piece = rows.next(&config).await.inspect_err(|reason| {
            log("file_broken_off", &reason.to_string());
        });
        match piece {
            Ok(Some(text)) => Ok(Some((text.into_bytes(), (config, rows)))),
            Ok(None) => Ok(None),
            Err(_logged) => Err(worker::Error::RustError("the file broke off".to_owned())),
        }
    });
    let builder = ResponseBuilder::new().with_status(head.status).with_headers(headers_of(head)?);
    builder.from_stream(pieces)
}

fn headers_of(reply: &Reply) -> worker::Result<Headers> {
    let headers = Headers::new();
    for (name, value) in &reply.headers {
        headers.set(name, value)?;
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

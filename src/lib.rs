//! XTRACKER: a postback tracker that stores every conversion exactly once.
//!
//! This file holds the runtime's events and nothing else. The house from the roof down; a room uses what
//! stands below it (`tests/pure.rs` has the whole plan):
//!
//! - `route`: the list of endpoints.
//! - `door`: whoever comes in from outside: postbacks, bots, visitors, the operator's programs.
//!   `dashboard`: the signed-in person.
//! - `manage`: what both do to spaces, keys, links, destinations, events. `upkeep`: what happens without anybody
//!   waiting: the queue, deliveries, removal. `writer`: postbacks that share a statement. `page`: what each screen shows.
//! - `receipt`: all that is told of one postback, stored, refused or tried out.
//! - `db`: every SQL statement. `edge`: the runtime, configuration, sealing.
//! - `destination`, `doctor`, `postback`, `network`, `figures`: the rules, which know no platform.
//! - `reply`, `model`, `text`, `error`: values that cannot be wrong, and how they are written.

mod dashboard;
mod db;
mod destination;
mod doctor;
mod door;
mod edge;
mod error;
mod figures;
#[cfg(fuzzing)]
#[allow(clippy::panic, reason = "a finding stops the run")]
pub mod fuzz;
mod manage;
mod model;
mod network;
mod page;
mod postback;
mod receipt;
mod reply;
mod route;
mod text;
mod upkeep;
mod writer;

use std::rc::Rc;

use futures_channel::oneshot;
use worker::{
    Context, DurableObject, Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder, Request,
    Response, ScheduleContext, ScheduledEvent, State, durable_object, event, web_sys,
};

use dashboard::Answer;
use door::{bot, health, intake, landing, operator};
use edge::config::{self, Config};
use edge::{Clock, Incoming};
use reply::{Problem, Reply};
use route::Route;
use upkeep::consumer::{self, Fate};
use upkeep::courier;
use upkeep::later::Later;
use upkeep::look;
use upkeep::removal;
use upkeep::replay;
use writer::desk::{Desk, Taken};
use writer::letter::Answer as Written;

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    context: Context,
) -> worker::Result<web_sys::Response> {
    let config = Config::new(env);
    let incoming = Incoming::new(request);
    match route::route(&incoming.method, &incoming.path) {
        Route::Dashboard(request) if incoming.method != "POST" => {
            show(config, &context, request, incoming).await
        }
        route => carry_out(config, &context, route, incoming).await,
    }
}

/// Shows what is only looked at. It ends with its reader: `/live` would ask on for 20 seconds.
async fn show(
    config: Config,
    context: &Context,
    request: dashboard::Request,
    incoming: Incoming,
) -> worker::Result<web_sys::Response> {
    match dashboard::answer(&config, request, incoming).await {
        Answer::Page(reply, later) => {
            if !matches!(later, Later::Nothing) {
                context.wait_until(later.run(config));
            }
            edge::response(&reply)
        }
        Answer::File(head, rows) => edge::file(&head, rows.pieces(config)),
    }
}

/// Carries out everything else, which may write. A sender that hangs up has this handler cancelled,
/// wherever it waits; so the work is handed to `waitUntil` before it begins, and what is awaited here
/// is its answer alone. It has 30 s from then on: D1 and the queue together take at most six of them.
async fn carry_out(
    config: Config,
    context: &Context,
    route: Route,
    incoming: Incoming,
) -> worker::Result<web_sys::Response> {
    let (hand_over, reply) = oneshot::channel();
    context.wait_until(async move {
        let (reply, later) = answer(&config, route, incoming).await;
        let _whether_heard = hand_over.send(reply);
        if !matches!(later, Later::Nothing) {
            edge::pause(0).await; // The answer goes first.
            later.run(config).await;
        }
    });
    let broken_off = |_| worker::Error::RustError("the answer broke off".to_owned());
    edge::response(&reply.await.map_err(broken_off)?)
}

async fn answer(config: &Config, route: Route, incoming: Incoming) -> (Reply, Later) {
    let nothing = |reply| (reply, Later::Nothing);
    match route {
        Route::Postback { token, event } => intake::postback(config, incoming, token, event).await,
        Route::Event => intake::event(config, incoming).await,
        Route::Bind => nothing(bot::bind(config, incoming).await),
        Route::Click => nothing(bot::click(config, incoming).await),
        Route::Landing { slug } => landing::visit(config, &incoming, &slug).await,
        Route::Head => nothing(Reply::head()),
        Route::Options(allowed) => nothing(Reply::options(allowed)),
        Route::OtherMethod(allowed) => nothing(Reply::other_method(allowed)),
        Route::Description => nothing(operator::openapi::answer()),
        Route::Operator(request) => operator::answer(config, request, incoming).await,
        Route::Dashboard(request) => match dashboard::answer(config, request, incoming).await {
            Answer::Page(reply, later) => (reply, later),
            Answer::File(head, _rows_of_a_get) => nothing(head),
        },
        Route::Health => nothing(health::check(config).await),
        Route::NotFound => nothing(Reply::problem(&Problem::NOT_FOUND)),
    }
}

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let config = Config::new(env);
    courier::sweep_by_cron(&config, Clock::of_schedule(event.schedule())).await;
    removal::run(&config, event.schedule() as i64).await;
    look::run(&config, event.schedule() as i64).await;
    replay::by_cron(&config, event.schedule() as i64).await;
}

#[event(queue)]
async fn queue(batch: MessageBatch<String>, env: Env, _context: Context) -> worker::Result<()> {
    let config = Config::new(env);
    if batch.queue() == config::DELIVERIES_QUEUE {
        // A hint says to look, whatever else it says.
        batch.ack_all();
        courier::sweep_by_queue(&config).await;
        return Ok(());
    }
    let messages: Vec<_> = batch.raw_iter().collect();
    let texts: Vec<_> = messages.iter().map(|message| message.body().as_string()).collect();
    let fates = consumer::postbacks(&config, &texts).await;
    for (message, fate) in messages.iter().zip(&fates) {
        match fate {
            Fate::Ack => message.ack(),
            Fate::Retry { pause_s } => {
                let pause = QueueRetryOptionsBuilder::new().with_delay_seconds(*pause_s).build();
                message.retry_with_options(&pause);
            }
        }
    }
    // The leases of what was stored may have ended while it waited.
    if fates.contains(&Fate::Ack) {
        courier::sweep_by_queue(&config).await;
    }
    Ok(())
}

/// One for each database: what comes at the same time is stored by it in one statement. It has no
/// storage of its own, so that it may end at any moment.
#[durable_object(fetch)]
pub struct Writer {
    state: State,
    office: Rc<(Config, Desk)>,
}

impl DurableObject for Writer {
    fn new(state: State, env: Env) -> Self {
        Self { state, office: Rc::new((Config::new(env), Desk::default())) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let letter = edge::asked(request.inner()).await?;
        let (_, desk) = &*self.office;
        let Some(Taken { answer, begins }) = desk.take(&letter, edge::now_ms()) else {
            return edge::said(Written::Alone.to_text());
        };
        if begins {
            let office = self.office.clone();
            self.state.wait_until(async move { office.1.work(&office.0).await });
        }
        let answer = answer.await.unwrap_or(Written::Alone);
        edge::said(answer.to_text())
    }
}

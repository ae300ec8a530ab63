//! XTRACKER: a postback tracker that stores every conversion exactly once.
//!
//! This file holds the runtime's events and nothing else. Rules are pure and know no platform; SQL
//! lives in `db`; `edge` and `config` stand between.

mod access;
mod bind;
mod bot;
mod click;
mod config;
mod consumer;
mod dashboard;
mod db;
mod delivery;
mod destination;
mod edge;
mod encode;
mod error;
mod event;
#[cfg(fuzzing)]
#[allow(clippy::panic, reason = "a finding stops the run")]
pub mod fuzz;
mod gate;
mod health;
mod intake;
mod json;
mod key;
mod landing;
mod later;
mod link;
mod network;
mod operator;
mod page;
mod postback;
mod reply;
mod report;
mod retention;
mod route;
mod seal;
mod session;
mod space;
mod spill;
mod status;

use worker::{
    Context, Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder, ScheduleContext,
    ScheduledEvent, event, web_sys,
};

use config::Config;
use consumer::Fate;
use dashboard::Answer;
use delivery::courier;
use edge::{Clock, Incoming};
use later::Later;
use reply::{Problem, Reply};
use route::Route;

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
    let nothing = |reply| (reply, Later::Nothing);
    let (reply, later) = match route::route(&incoming.method, &incoming.path) {
        Route::Postback { token, event } => intake::postback(&config, incoming, token, event).await,
        Route::Event => intake::event(&config, incoming).await,
        Route::Bind => nothing(bot::bind(&config, incoming).await),
        Route::Click => nothing(bot::click(&config, incoming).await),
        Route::Landing { slug } => landing::visit(&config, &incoming, &slug).await,
        Route::Head => nothing(Reply::head()),
        Route::Options(allowed) => nothing(Reply::options(allowed)),
        Route::OtherMethod(allowed) => nothing(Reply::other_method(allowed)),
        Route::Operator(request) => operator::answer(&config, request, incoming).await,
        Route::Dashboard(request) => match dashboard::answer(&config, request, incoming).await {
            Answer::Page(reply, later) => (reply, later),
            Answer::File(head, rows) => return edge::file(&head, config, rows),
        },
        Route::Health => nothing(health::check(&config).await),
        Route::NotFound => nothing(Reply::problem(&Problem::NOT_FOUND)),
    };
    if !matches!(later, Later::Nothing) {
        context.wait_until(later.run(config));
    }
    edge::response(&reply)
}

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let config = Config::new(env);
    courier::sweep_by_cron(&config, Clock::of_schedule(event.schedule())).await;
    retention::run(&config, event.schedule() as i64).await;
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

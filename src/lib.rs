//! XTRACKER: a postback tracker that stores every conversion exactly once.
//!
//! This file holds the runtime's events and nothing else. Rules are pure and know no platform; SQL
//! lives in `db`; `edge` and `config` stand between.

mod bind;
mod bot;
mod click;
mod config;
mod consumer;
mod db;
mod edge;
mod error;
mod event;
mod intake;
mod key;
mod landing;
mod link;
mod operator;
mod page;
mod postback;
mod reply;
mod route;
mod space;
mod spill;
mod status;

use worker::{
    Context, Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder, Request, Response, event,
};

use config::Config;
use consumer::Fate;
use edge::Incoming;
use reply::{Problem, Reply};
use route::Route;

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let config = Config::new(env);
    let incoming = Incoming::new(request);
    let reply = match route::route(&incoming.method, &incoming.path) {
        Route::Postback { token } => intake::postback(&config, incoming, token).await,
        Route::Event => intake::event(&config, incoming).await,
        Route::Bind => bot::bind(&config, incoming).await,
        Route::Click => bot::click(&config, incoming).await,
        Route::Landing { slug } => {
            let (reply, visit) = landing::visit(&config, &incoming, &slug).await;
            if let Some(visit) = visit {
                context.wait_until(landing::record(config, incoming.address(), visit));
            }
            reply
        }
        Route::Head => Reply::head(),
        Route::Options(allowed) => Reply::options(allowed),
        Route::OtherMethod(allowed) => Reply::other_method(allowed),
        Route::Operator(request) => operator::answer(&config, request, incoming).await,
        Route::NotFound => Reply::problem(&Problem::NOT_FOUND),
    };
    edge::response(reply)
}

#[event(queue)]
async fn queue(batch: MessageBatch<String>, env: Env, _context: Context) -> worker::Result<()> {
    let config = Config::new(env);
    let messages: Vec<_> = batch.raw_iter().collect();
    let texts: Vec<_> = messages.iter().map(|message| message.body().as_string()).collect();
    for (message, fate) in messages.iter().zip(consumer::postbacks(&config, &texts).await) {
        match fate {
            Fate::Ack => message.ack(),
            Fate::Retry { pause_s } => {
                let pause = QueueRetryOptionsBuilder::new().with_delay_seconds(pause_s).build();
                message.retry_with_options(&pause);
            }
        }
    }
    Ok(())
}

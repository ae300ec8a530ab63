//! `/healthz`: for whoever watches the deployment. Numbers alone, so that it needs no key.

use serde::Serialize;

use crate::db;
use crate::edge;
use crate::edge::config::Config;
use crate::reply::Reply;

#[derive(Serialize)]
struct Health {
    ok: bool,
    database: &'static str,
    /// Seconds that the oldest delivery is overdue; null where none is.
    oldest_due_delivery_s: Option<i64>,
    /// Postbacks and clicks that wait in the queue for the database; null where the platform does not
    /// say.
    spilled: Option<i64>,
}

/// 200 where the database answers within its deadline, else 503.
pub async fn check(config: &Config) -> Reply {
    let now_ms = edge::now_ms();
    let work = async { db::health::oldest_due(&config.db()?, now_ms).await };
    let answered = db::in_time(config, work).await;
    if let Err(reason) = &answered {
        edge::log("health_database_away", &reason.to_string());
    }
    let ok = answered.is_ok();
    let overdue = answered.ok().flatten().map(|due_at_ms| (now_ms - due_at_ms) / 1000);
    let health = Health {
        ok,
        database: if ok { "answers" } else { "away" },
        oldest_due_delivery_s: overdue.filter(|seconds| *seconds >= 0),
        spilled: edge::backlog(config).await,
    };
    Reply::json(if ok { 200 } else { 503 }, &health)
}

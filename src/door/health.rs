//! `/healthz`: for whoever watches the deployment. Numbers alone, so that it needs no key.

use serde::Serialize;

use crate::db;
use crate::edge;
use crate::edge::config::{self, Config};
use crate::model::schema::Schema;
use crate::reply::Reply;

#[derive(Serialize)]
struct Health {
    ok: bool,
    version: &'static str,
    /// What the platform names this deployment by.
    deployment: String,
    database: &'static str,
    /// How its schema stands to the one that this version needs; null where the database is away.
    schema: Option<&'static str>,
    /// Which command brings the two together, where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    /// Seconds that the oldest delivery is overdue; null where none is.
    oldest_due_delivery_s: Option<i64>,
    /// Postbacks and clicks that wait in the queue for the database; null where the platform does not
    /// say.
    spilled: Option<i64>,
}

/// 200 where the database answers within its deadline and has all that this version needs, else 503.
pub async fn check(config: &Config) -> Reply {
    let now_ms = edge::now_ms();
    let work = async { db::health::check(&config.db()?, now_ms).await };
    let answered = db::in_time(config, work).await;
    if let Err(reason) = &answered {
        edge::log("health_database_away", &reason.to_string());
    }
    let checked = answered.ok();
    let schema = checked.as_ref().map(|checked| checked.schema);
    let due_at_ms = checked.and_then(|checked| checked.oldest_due_ms);
    let overdue = due_at_ms.map(|due_at_ms| (now_ms - due_at_ms) / 1000);
    let ok = matches!(schema, Some(Schema::Current | Schema::Newer));
    let health = Health {
        ok,
        version: config::VERSION,
        deployment: config.deployment(),
        database: if schema.is_some() { "answers" } else { "away" },
        schema: schema.map(Schema::word),
        hint: schema.and_then(Schema::remedy),
        oldest_due_delivery_s: overdue.filter(|seconds| *seconds >= 0),
        spilled: edge::backlog(config).await,
    };
    Reply::json(if ok { 200 } else { 503 }, &health)
}

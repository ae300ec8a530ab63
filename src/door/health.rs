//! `/healthz`: for whoever watches the deployment. Numbers alone, so that it needs no key.

use serde::Serialize;

use crate::db;
use crate::db::health::State;
use crate::edge;
use crate::edge::config::Config;
use crate::model::database::Database;
use crate::reply::Reply;

#[derive(Serialize)]
struct Health {
    ok: bool,
    /// `away` where one of them is.
    database: &'static str,
    databases: Vec<OfDatabase>,
    /// Seconds that the oldest delivery is overdue; null where none is.
    oldest_due_delivery_s: Option<i64>,
    /// Postbacks and clicks that wait in the queue for a database; null where the platform does not
    /// say.
    spilled: Option<i64>,
}

#[derive(Serialize)]
struct OfDatabase {
    name: Database,
    state: &'static str,
    /// Its size; null where it is away.
    bytes: Option<i64>,
}

/// 200 where every database answers within its deadline, else 503.
pub async fn check(config: &Config) -> Reply {
    let now_ms = edge::now_ms();
    let databases = config.databases();
    let asked = databases.iter().copied();
    let answers = edge::for_each(asked, |database| ask(config, database, now_ms)).await;
    let ok = answers.iter().all(Option::is_some);
    let due = answers.iter().flatten().filter_map(|state| state.oldest_due_at_ms).min();
    let overdue = due.map(|due_at_ms| (now_ms - due_at_ms) / 1000);
    let health = Health {
        ok,
        database: word(ok),
        databases: databases
            .into_iter()
            .zip(&answers)
            .map(|(name, answer)| OfDatabase {
                name,
                state: word(answer.is_some()),
                bytes: answer.and_then(|state| state.bytes),
            })
            .collect(),
        oldest_due_delivery_s: overdue.filter(|seconds| *seconds >= 0),
        spilled: edge::backlog(config).await,
    };
    Reply::json(if ok { 200 } else { 503 }, &health)
}

fn word(answers: bool) -> &'static str {
    if answers { "answers" } else { "away" }
}

async fn ask(config: &Config, database: Database, now_ms: i64) -> Option<State> {
    let work = async { db::health::state(&config.db_of(database)?, now_ms).await };
    let answered = db::in_time(config, work).await;
    if let Err(reason) = &answered {
        edge::log_of(database, "health_database_away", reason);
    }
    answered.ok()
}

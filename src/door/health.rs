//! `/healthz`: for whoever watches the deployment. Numbers alone, so that it needs no key.

use serde::Serialize;

use crate::db;
use crate::db::health::State;
use crate::edge;
use crate::edge::config::{self, Config};
use crate::model::database::Database;
use crate::model::schema::Schema;
use crate::reply::Reply;

#[derive(Serialize)]
struct Health {
    ok: bool,
    version: &'static str,
    /// What the platform names this deployment by.
    deployment: String,
    /// `away` where one of them is.
    database: &'static str,
    /// How the schema stands to the one that this version needs, of the database where it is furthest from
    /// it; null where all are away.
    schema: Option<&'static str>,
    /// Which command brings the two together, where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
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
    /// How its schema stands; null where it is away.
    schema: Option<&'static str>,
    /// Its size; null where it is away.
    bytes: Option<i64>,
}

impl OfDatabase {
    fn new(name: Database, answer: Option<&State>) -> Self {
        Self {
            name,
            state: word(answer.is_some()),
            schema: answer.map(|state| state.schema.word()),
            bytes: answer.and_then(|state| state.bytes),
        }
    }
}

/// 200 where every database answers within its deadline and has all that this version needs, else 503.
pub async fn check(config: &Config) -> Reply {
    let now_ms = edge::now_ms();
    let databases = config.databases();
    let asked = databases.iter().copied();
    let answers = edge::for_each(asked, |database| ask(config, database, now_ms)).await;
    let is_there = answers.iter().all(Option::is_some);
    let states = || answers.iter().flatten();
    let schema = states().map(|state| state.schema).max_by_key(|schema| schema.trouble());
    let due = states().filter_map(|state| state.oldest_due_at_ms).min();
    let overdue = due.map(|due_at_ms| (now_ms - due_at_ms) / 1000);
    let named = databases.into_iter().zip(&answers);
    let ok = is_there && schema != Some(Schema::Older);
    let health = Health {
        ok,
        version: config::VERSION,
        deployment: config.deployment(),
        database: word(is_there),
        schema: schema.map(Schema::word),
        hint: schema.and_then(Schema::remedy),
        databases: named.map(|(name, state)| OfDatabase::new(name, state.as_ref())).collect(),
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

//! What the deployment gives the Worker: bindings by name, and what is to be done where one is missing.

use std::iter;

use worker::js_sys;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, Env, ObjectNamespace, Queue, RateLimiter, WorkerVersionMetadata};

use crate::error::Error;
use crate::model::database::Database;
use crate::model::key::{self, Presented};

/// The first database. Nothing works without it.
const DB: &str = "DB";
/// The object that stores together what comes at the same time.
const WRITER: &str = "WRITER";
/// Where postbacks go that D1 did not take in time.
const POSTBACKS: &str = "POSTBACKS";
/// How many of them one address may send there.
const SPILL_LIMIT: &str = "SPILL_LIMIT";
/// Worker secret behind the check part of keys.
const KEY_SECRET: &str = "KEY_SECRET";
/// Hints that deliveries are due.
const DELIVERIES: &str = "DELIVERIES";
/// The queue of those hints, by its own name.
pub const DELIVERIES_QUEUE: &str = "xtracker-deliveries";
/// Worker secret that destinations' secrets are sealed with.
const DESTINATION_KEY: &str = "DESTINATION_KEY";
/// How many unknown keys one address may bring.
const UNKNOWN_LIMIT: &str = "UNKNOWN_LIMIT";
/// How often one address may try to sign in.
const LOGIN_LIMIT: &str = "LOGIN_LIMIT";
/// Variables of Cloudflare Access: the team's name, and the application's audience tag.
const ACCESS_TEAM: &str = "ACCESS_TEAM";
const ACCESS_AUD: &str = "ACCESS_AUD";
/// Worker secret that opens the dashboard and the operator's API.
const OPERATOR_TOKEN: &str = "OPERATOR_TOKEN";
/// `true` in `.dev.vars` alone: the keys of the demo space work, and answers tell what D1 counted.
const LOCAL: &str = "LOCAL";

/// The platform's own record of which deployment this is.
const DEPLOYMENT: &str = "VERSION";

/// The version that this is, as CHANGELOG.md names it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// After how many days raw queries and finished deliveries are removed; kept for ever where it is unset.
const RETENTION_DAYS: &str = "RETENTION_DAYS";

/// How long D1 may take, in milliseconds.
const DB_DEADLINE_MS: &str = "DB_DEADLINE_MS";

/// The deadline where none is set: D1 writes in a few milliseconds, and the hastiest known network
/// waits 10 s for its answer, of which the queue may take three.
const USUAL_DB_DEADLINE_MS: u64 = 2_500;

/// How many calls an invocation may make, of destinations and of the database together.
const SUBREQUESTS: &str = "SUBREQUESTS";

/// What the free plan allows; the paid one allows a thousand queries.
pub const FREE_SUBREQUESTS: u32 = 50;

/// An application behind Cloudflare Access.
pub struct Access {
    /// The team's name or domain.
    pub team: String,
    /// The application's audience tag.
    pub audience: String,
}

/// The bindings of one invocation. Plain values only may outlive it.
pub struct Config {
    env: Env,
    /// Whether this is somebody's own machine.
    pub local: bool,
}

impl Config {
    pub fn new(env: Env) -> Self {
        let local = env.var(LOCAL).is_ok_and(|value| value.to_string() == "true");
        Self { env, local }
    }

    /// The first database: sign-ins, the list of spaces, and which slug is whose. It is the only one
    /// of most deployments.
    pub fn db(&self) -> Result<D1Database, Error> {
        self.env.d1(DB).map_err(|_unbound| Error::Missing(DB))
    }

    /// Where postbacks are stored together; without it each is stored alone.
    pub fn writer(&self) -> Result<ObjectNamespace, Error> {
        self.env.durable_object(WRITER).map_err(|_unbound| Error::Missing(WRITER))
    }

    /// The database of a number.
    pub fn db_of(&self, database: Database) -> Result<D1Database, Error> {
        if database.is_first() {
            return self.db();
        }
        let name = database.to_string();
        self.env.d1(&name).map_err(|_unbound| Error::Unbound(name))
    }

    /// Every database: the first, and those behind it without a gap.
    pub fn databases(&self) -> Vec<Database> {
        let next = |database: &Database| database.next().filter(|next| self.has(*next));
        iter::successors(Some(Database::FIRST), next).collect()
    }

    /// Whether there is more than the first one.
    pub fn has_several(&self) -> bool {
        Database::FIRST.next().is_some_and(|second| self.has(second))
    }

    /// Whether a database is there, as far as the first is taken for granted.
    pub fn has(&self, database: Database) -> bool {
        if database.is_first() {
            return true;
        }
        let name = JsValue::from_str(&database.to_string());
        js_sys::Reflect::has(self.env.as_ref(), &name).unwrap_or(false)
    }

    /// The database that a key is looked up in. One that the deployment does not have is taken at the
    /// word of a key of ours alone: a postback waits for it, and a forged key is the first one's to
    /// refuse.
    pub fn database_of(&self, key: &Presented<'_>) -> Database {
        let database = key.database();
        let is_ours = || self.key_secret().is_ok_and(|secret| key.is_ours(secret.as_bytes()));
        if self.has(database) || is_ours() { database } else { Database::FIRST }
    }

    /// How long D1 may take before a postback goes to the queue, in milliseconds.
    pub fn db_deadline_ms(&self) -> u64 {
        let set =
            self.env.var(DB_DEADLINE_MS).ok().and_then(|value| value.to_string().parse().ok());
        set.unwrap_or(USUAL_DB_DEADLINE_MS)
    }

    /// Calls that one invocation may make, of destinations and of the database together.
    pub fn subrequests(&self) -> u32 {
        let set = self.env.var(SUBREQUESTS).ok().and_then(|value| value.to_string().parse().ok());
        set.unwrap_or(FREE_SUBREQUESTS)
    }

    /// Days that raw queries and finished deliveries are kept; `None` for ever.
    pub fn retention_days(&self) -> Option<i64> {
        let days = self.env.var(RETENTION_DAYS).ok()?.to_string().parse().ok()?;
        (days > 0).then_some(days)
    }

    /// The queue of spilled postbacks as the platform gives it, for what the crate does not know of.
    pub fn postbacks_binding(&self) -> JsValue {
        js_sys::Reflect::get(self.env.as_ref(), &POSTBACKS.into()).unwrap_or(JsValue::UNDEFINED)
    }

    /// What the platform names this deployment by; empty where it does not say.
    pub fn deployment(&self) -> String {
        let bound = self.env.get_binding::<WorkerVersionMetadata>(DEPLOYMENT);
        bound.map(|deployment| deployment.id()).unwrap_or_default()
    }

    pub fn postbacks(&self) -> Result<Queue, Error> {
        self.env.queue(POSTBACKS).map_err(|_unbound| Error::Missing(POSTBACKS))
    }

    pub fn deliveries(&self) -> Result<Queue, Error> {
        self.env.queue(DELIVERIES).map_err(|_unbound| Error::Missing(DELIVERIES))
    }

    pub fn spill_limit(&self) -> Result<RateLimiter, Error> {
        self.env.rate_limiter(SPILL_LIMIT).map_err(|_unbound| Error::Missing(SPILL_LIMIT))
    }

    pub fn unknown_limit(&self) -> Result<RateLimiter, Error> {
        self.env.rate_limiter(UNKNOWN_LIMIT).map_err(|_unbound| Error::Missing(UNKNOWN_LIMIT))
    }

    pub fn login_limit(&self) -> Result<RateLimiter, Error> {
        self.env.rate_limiter(LOGIN_LIMIT).map_err(|_unbound| Error::Missing(LOGIN_LIMIT))
    }

    /// Who is let in by Cloudflare Access, where that is set up. Half a set-up lets nobody in.
    pub fn access(&self) -> Result<Option<Access>, Error> {
        let var = |name| {
            let set = self.env.var(name).map(|value| value.to_string()).unwrap_or_default();
            Some(set).filter(|text| !text.is_empty())
        };
        match (var(ACCESS_TEAM), var(ACCESS_AUD)) {
            (Some(team), Some(audience)) => Ok(Some(Access { team, audience })),
            (None, None) => Ok(None),
            (None, _) => Err(Error::Missing(ACCESS_TEAM)),
            (_, None) => Err(Error::Missing(ACCESS_AUD)),
        }
    }

    /// The secret behind keys; without it none can be told from a forged one.
    pub fn key_secret(&self) -> Result<String, Error> {
        self.secret(KEY_SECRET)
    }

    /// Whether a key of this deployment stands in a text; false where it cannot know its own again.
    pub fn has_own_key(&self, text: &str) -> bool {
        self.key_secret().is_ok_and(|secret| key::has_own(text, secret.as_bytes()))
    }

    /// The operator's secret; without it the operator's door stays closed.
    pub fn operator_token(&self) -> Result<String, Error> {
        self.secret(OPERATOR_TOKEN)
    }

    /// What destinations' secrets are sealed with; without it none can be saved or used.
    pub fn destination_key(&self) -> Result<String, Error> {
        self.secret(DESTINATION_KEY)
    }

    fn secret(&self, name: &'static str) -> Result<String, Error> {
        let secret = self.env.secret(name).map(|secret| secret.to_string()).unwrap_or_default();
        if secret.is_empty() { Err(Error::Missing(name)) } else { Ok(secret) }
    }
}

//! Who may see the dashboard: whoever knows the operator's secret, or whom Cloudflare Access lets in
//! where that is set up.

use std::cell::RefCell;

use crate::dashboard::access::{self, Token};
use crate::db;
use crate::edge::config::{Access, Config};
use crate::edge::{self, Incoming, RsaKey};
use crate::error::BadField;
use crate::error::Error;
use crate::model::key;
use crate::model::session::{self, Session};
use crate::page::form::Sent;
use crate::page::{frame, spaces};
use crate::reply::{Problem, Reply};

/// Where Access publishes a team's keys, below its address.
const CERTS: &str = "/cdn-cgi/access/certs";

/// How long they are used without asking again. Access changes them every six weeks and keeps the
/// old one valid for a week.
const FRESH_MS: i64 = 60 * 60 * 1000;

/// An unknown key has them asked for again, at most this often.
const AGAIN_MS: i64 = 60 * 1000;

thread_local! {
    /// A team's keys as JSON, and when they were read.
    static CERTS_READ: RefCell<Option<(String, i64)>> = const { RefCell::new(None) };
}

/// Whether a form was sent by a page of ours. Browsers say so in `Sec-Fetch-Site`; older ones name
/// the origin alone.
pub fn is_our_own_form(incoming: &Incoming) -> bool {
    match incoming.header("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => incoming.header("origin").is_some_and(|origin| origin == incoming.origin()),
    }
}

/// Lets the user in, or gives what is shown instead.
pub async fn admit(config: &Config, incoming: &Incoming) -> Result<(), Reply> {
    let access = config.access();
    let has_access = matches!(access, Ok(Some(_)));
    let admitted = match access {
        Ok(Some(access)) => by_access(&access, incoming).await,
        Ok(None) => has_session(config, incoming).await,
        Err(missing) => Err(missing),
    };
    match admitted {
        Ok(true) => Ok(()),
        Ok(false) if has_access => {
            let text =
                "Cloudflare Access did not let you in. Open the page again and sign in there.";
            Err(edge::shown(frame::notice(403, "Not signed in", text, "/", "Try again")))
        }
        Ok(false) => Err(super::go_to(&login_address(incoming))),
        Err(reason) => {
            edge::log("door_closed", &reason.to_string());
            Err(super::failure(config, &Problem::from(reason)).await)
        }
    }
}

/// Whether somebody is signed in, and was not signed out elsewhere. A page needs the database anyway: where
/// it cannot be asked, nobody is let in.
async fn has_session(config: &Config, incoming: &Incoming) -> Result<bool, Error> {
    let sessions = sessions(incoming, &config.operator_token()?);
    Ok(!sessions.is_empty() && db::session::is_one_open(&config.db()?, &sessions).await?)
}

fn sessions(incoming: &Incoming, secret: &str) -> Vec<Session> {
    let cookies = incoming.header("cookie").unwrap_or_default();
    session::read(&cookies, secret, edge::now_ms())
}

fn login_address(incoming: &Incoming) -> String {
    if incoming.method == "GET" && incoming.path != "/" {
        format!("/login?next={}", incoming.path)
    } else {
        "/login".to_owned()
    }
}

/// The form of the way in.
pub async fn form(config: &Config, incoming: &Incoming) -> Reply {
    match has_session(config, incoming).await {
        Ok(true) => super::go_to("/"),
        Ok(false) => {
            let next = incoming.parameter("next").unwrap_or_default();
            edge::shown(spaces::login(200, &next, None))
        }
        Err(reason) => super::failure(config, &Problem::from(reason)).await,
    }
}

/// Takes the password. The right one opens always, as it does for programs; an address may be wrong ten
/// times a minute. One that could be guessed counts every try, and is not compared beyond those. The
/// session that the browser had before ends.
pub async fn sign_in(config: &Config, mut incoming: Incoming) -> Result<Reply, Problem> {
    let secret = config.operator_token()?;
    let limiter = config.login_limit()?;
    let sent = Sent::read(&incoming.text().await?);
    let next = sent.get("next");
    let is_right = key::is_same(sent.get("password").trim(), &secret);
    let is_counted = !is_right || key::is_guessable(&secret);
    if is_counted && !edge::is_below(&limiter, incoming.address()).await {
        let bad = BadField::new("password", "Too many wrong attempts. Wait a minute.");
        return Ok(edge::shown(spaces::login(429, next, Some(&bad.into()))).retry_later());
    }
    if !is_right {
        let bad = BadField::new("password", "This is not the operator's secret.");
        return Ok(edge::shown(spaces::login(403, next, Some(&bad.into()))));
    }
    end(config, &sessions(&incoming, &secret)).await?;
    let begun = session::begin(&secret, edge::random()?, edge::now_ms(), !config.local);
    Ok(super::go_to(way_on(next)).with("set-cookie", begun))
}

/// Where to go after signing in: a path of ours, never another site's address.
fn way_on(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain { next } else { "/" }
}

/// Ends the session here and not in this browser alone: a copy of the cookie opens nothing any more.
/// Where that cannot be stored the cookie stays, so that it can be tried again.
pub async fn sign_out(config: &Config, incoming: &Incoming) -> Result<Reply, Problem> {
    // Behind Cloudflare Access there may be no secret, and then no session.
    if let Ok(secret) = config.operator_token() {
        end(config, &sessions(incoming, &secret)).await?;
    }
    Ok(super::go_to("/login").with("set-cookie", session::end(!config.local)))
}

async fn end(config: &Config, sessions: &[Session]) -> Result<(), Error> {
    if sessions.is_empty() { Ok(()) } else { db::session::end(&config.db()?, sessions).await }
}

/// Whether Access signed the request's token, for this application.
async fn by_access(access: &Access, incoming: &Incoming) -> Result<bool, Error> {
    let text = incoming.header("cf-access-jwt-assertion").unwrap_or_default();
    let now_ms = edge::now_ms();
    let Some(token) = Token::read(&text) else { return Ok(false) };
    if !token.holds(&access.team, &access.audience, now_ms) {
        return Ok(false);
    }
    let Some(key) = key_of(&access.team, &token.key_id, now_ms).await? else { return Ok(false) };
    Ok(edge::is_signed_rs256(&key, token.signed.as_bytes(), &token.signature).await)
}

/// A team's key, remembered or asked for.
async fn key_of(team: &str, key_id: &str, now_ms: i64) -> Result<Option<RsaKey>, Error> {
    let remembered = CERTS_READ.with_borrow(Clone::clone);
    if let Some((certs, read_at_ms)) = remembered {
        let age_ms = now_ms - read_at_ms;
        let key = access::key(&certs, key_id);
        if age_ms < AGAIN_MS || (key.is_some() && age_ms < FRESH_MS) {
            return Ok(key);
        }
    }
    let certs = edge::get(&format!("{}{CERTS}", access::issuer(team))).await?;
    let key = access::key(&certs, key_id);
    CERTS_READ.set(Some((certs, now_ms)));
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::way_on;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(way_on("/s/1/keys"), "/s/1/keys");
        for next in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "s/1", "/a\nb", "/ä"]
        {
            assert_eq!(way_on(next), "/", "{next}");
        }
    }
}

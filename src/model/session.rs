//! Who is signed in: a cookie that only this deployment can sign. It says which sign-in it is and until
//! when it is valid, and nothing else; a new operator's secret ends every session.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::model::key;
use crate::text::encode;

/// How long one signing in lasts.
const LASTS_MS: i64 = 14 * 24 * 60 * 60 * 1000;

const COOKIE: &str = "xtracker_session";

/// One signing in, as its cookie names it. Whether it was signed out of the database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub ends_ms: i64,
}

/// The `Set-Cookie` that begins a session, named by 128 random bits. `secure` but on somebody's own
/// machine, where there is no certificate.
pub fn begin(secret: &str, random: [u8; 16], now_ms: i64, secure: bool) -> String {
    let session = Session { id: encode::hex(&random), ends_ms: now_ms + LASTS_MS };
    let value = format!("{}.{}.{}", session.ends_ms, session.id, signature(secret, &session));
    set(&value, LASTS_MS / 1000, secure)
}

/// The `Set-Cookie` that ends it.
pub fn end(secure: bool) -> String {
    set("", 0, secure)
}

fn set(value: &str, seconds: i64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// The sessions of a `Cookie` header that we signed and that are not over; a browser sends one.
pub fn read(cookies: &str, secret: &str, now_ms: i64) -> Vec<Session> {
    let values = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    let ours = values.filter(|(name, _)| *name == COOKIE);
    ours.filter_map(|(_, value)| read_one(value, secret, now_ms)).collect()
}

/// A cookie of a version that gave sign-ins no id is none: nothing could end it.
fn read_one(value: &str, secret: &str, now_ms: i64) -> Option<Session> {
    let mut parts = value.splitn(3, '.');
    let ends_ms = parts.next()?.parse().ok()?;
    let session = Session { id: parts.next()?.to_owned(), ends_ms };
    let is_ours = key::is_same(parts.next()?, &signature(secret, &session));
    (is_ours && now_ms < ends_ms).then_some(session)
}

fn signature(secret: &str, session: &Session) -> String {
    let key = Sha256::digest(secret.as_bytes());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("xtracker session {} until {}", session.id, session.ends_ms).as_bytes());
    encode::hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;

    fn cookie(secret: &str) -> String {
        let set = begin(secret, [7; 16], NOW_MS, true);
        set.split(';').next().unwrap_or_default().to_owned()
    }

    fn is_valid(cookies: &str, secret: &str, now_ms: i64) -> bool {
        !read(cookies, secret, now_ms).is_empty()
    }

    #[test]
    fn a_session_lasts_until_it_ends() {
        let cookies = format!("other=1; {}", cookie("secret"));
        let session = Session { id: "07".repeat(16), ends_ms: NOW_MS + LASTS_MS };
        assert_eq!(read(&cookies, "secret", NOW_MS), [session]);
        assert!(is_valid(&cookies, "secret", NOW_MS + LASTS_MS - 1));
        assert!(!is_valid(&cookies, "secret", NOW_MS + LASTS_MS));
        assert!(!is_valid(&cookies, "another secret", NOW_MS));
    }

    #[test]
    fn nothing_but_our_own_cookie_opens() {
        let good = cookie("secret");
        let ends = (NOW_MS + LASTS_MS).to_string();
        let later = good.replacen(&ends, &(NOW_MS + 2 * LASTS_MS).to_string(), 1);
        let other = good.replacen(&"07".repeat(16), &"08".repeat(16), 1);
        let nameless = good.replacen(&format!(".{}", "07".repeat(16)), "", 1);
        for cookies in [
            "",
            "xtracker_session=",
            "xtracker_session=..",
            "xtracker_session=9999999999999..",
            &later,
            &other,
            &nameless,
            &format!("{good}."),
        ] {
            assert_ne!(cookies, good);
            assert!(!is_valid(cookies, "secret", NOW_MS), "{cookies}");
        }
    }

    #[test]
    fn scripts_and_other_sites_do_not_get_it() {
        let set = begin("secret", [7; 16], NOW_MS, true);
        for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/", "; Max-Age=1209600"] {
            assert!(set.contains(part), "{set}");
        }
        assert!(!begin("secret", [7; 16], NOW_MS, false).contains("Secure"));
        assert!(end(true).contains("Max-Age=0"));
    }
}

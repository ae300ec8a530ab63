//! Who is signed in: a cookie that only this deployment can sign. It says until when it is valid and
//! nothing else; a new operator's secret ends every session.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{encode, key};

/// How long one signing in lasts.
const LASTS_MS: i64 = 14 * 24 * 60 * 60 * 1000;

const COOKIE: &str = "xtracker_session";

/// The `Set-Cookie` that begins a session. `secure` but on somebody's own machine, where there is no
/// certificate.
pub fn begin(secret: &str, now_ms: i64, secure: bool) -> String {
    let ends_ms = now_ms + LASTS_MS;
    let value = format!("{ends_ms}.{}", signature(secret, ends_ms));
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

/// Whether a `Cookie` header has a session that is still valid.
pub fn is_valid(cookies: &str, secret: &str, now_ms: i64) -> bool {
    let values = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    values.filter(|(name, _)| *name == COOKIE).any(|(_, value)| {
        value.split_once('.').is_some_and(|(ends_ms, signed)| {
            let ends_ms = ends_ms.parse().unwrap_or(0);
            now_ms < ends_ms && key::is_same(signed, &signature(secret, ends_ms))
        })
    })
}

fn signature(secret: &str, ends_ms: i64) -> String {
    let key = Sha256::digest(secret.as_bytes());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("xtracker session until {ends_ms}").as_bytes());
    encode::hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;

    fn cookie(secret: &str) -> String {
        begin(secret, NOW_MS, true).split(';').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_session_lasts_until_it_ends() {
        let cookies = format!("other=1; {}", cookie("secret"));
        assert!(is_valid(&cookies, "secret", NOW_MS));
        assert!(is_valid(&cookies, "secret", NOW_MS + LASTS_MS - 1));
        assert!(!is_valid(&cookies, "secret", NOW_MS + LASTS_MS));
        assert!(!is_valid(&cookies, "another secret", NOW_MS));
    }

    #[test]
    fn nothing_but_our_own_cookie_opens() {
        let good = cookie("secret");
        let later = good.replacen(
            &(NOW_MS + LASTS_MS).to_string(),
            &(NOW_MS + 2 * LASTS_MS).to_string(),
            1,
        );
        assert_ne!(later, good);
        for cookies in [
            "",
            "xtracker_session=",
            "xtracker_session=.",
            "xtracker_session=9999999999999.",
            &later,
        ] {
            assert!(!is_valid(cookies, "secret", NOW_MS), "{cookies}");
        }
    }

    #[test]
    fn scripts_and_other_sites_do_not_get_it() {
        let set = begin("secret", NOW_MS, true);
        for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/", "; Max-Age=1209600"] {
            assert!(set.contains(part), "{set}");
        }
        assert!(!begin("secret", NOW_MS, false).contains("Secure"));
        assert!(end(true).contains("Max-Age=0"));
    }
}

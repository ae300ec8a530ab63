//! Cloudflare Access: whether a token says that Access let somebody in, to this very application
//! (developers.cloudflare.com, "Validate JWTs"). Pure: the signature is checked by the platform.

use serde_json::Value;

use crate::edge::RsaKey;
use crate::text::{encode, json};

/// A token taken apart, its signature still unchecked.
#[derive(Debug)]
pub struct Token<'a> {
    /// Which of the team's keys signed it.
    pub key_id: String,
    /// What is signed.
    pub signed: &'a str,
    pub signature: Vec<u8>,
    claims: Value,
}

impl<'a> Token<'a> {
    /// Takes a token apart; `None` for what is not one, or is signed in another way than RS256.
    pub fn read(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| -> Option<Value> {
            serde_json::from_slice(&encode::from_base64url(part)?).ok()
        };
        let header = decode(header)?;
        if json::text(&header, "alg") != "RS256" {
            return None;
        }
        Some(Self {
            key_id: json::optional_text(&header, "kid")?,
            signed,
            signature: encode::from_base64url(signature)?,
            claims: decode(claims)?,
        })
    }

    /// Whether it is meant for this application, comes from this team, and holds now.
    pub fn holds(&self, team: &str, audience: &str, now_ms: i64) -> bool {
        let meant_for = self.claims.get("aud").unwrap_or(&Value::Null);
        let is_meant = meant_for == audience || json::items(meant_for).any(|one| one == audience);
        let now_s = now_ms / 1000;
        is_meant
            && json::text(&self.claims, "iss") == issuer(team)
            && json::number(&self.claims, "nbf").unwrap_or(0) <= now_s
            && json::number(&self.claims, "exp").is_some_and(|ends_s| now_s < ends_s)
    }
}

/// The address of a team, given by its name or its whole domain.
pub fn issuer(team: &str) -> String {
    if team.contains('.') {
        format!("https://{team}")
    } else {
        format!("https://{team}.cloudflareaccess.com")
    }
}

/// The key of an id among the team's keys.
pub fn key(certs: &str, key_id: &str) -> Option<RsaKey> {
    let certs = json::read(certs);
    let mut keys = json::items(certs.get("keys")?);
    let key = keys.find(|key| json::text(key, "kid") == key_id)?;
    Some(RsaKey { n: json::optional_text(key, "n")?, e: json::optional_text(key, "e")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;

    fn token(header: &str, claims: &str) -> String {
        use base64ct::{Base64UrlUnpadded, Encoding};
        let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        format!("{}.{}.{}", encode(header), encode(claims), encode("signature"))
    }

    fn holds(claims: &str) -> bool {
        let token = token(r#"{"alg":"RS256","kid":"k"}"#, claims);
        Token::read(&token).is_some_and(|token| token.holds("team", "app", NOW_MS))
    }

    #[test]
    fn a_token_is_for_this_application_from_this_team_and_now() {
        let iss = r#""iss":"https://team.cloudflareaccess.com""#;
        assert!(holds(&format!(
            r#"{{"aud":["x","app"],{iss},"exp":1790000001,"nbf":1790000000}}"#
        )));
        assert!(holds(&format!(r#"{{"aud":"app",{iss},"exp":1790000001}}"#)));
        for claims in [
            format!(r#"{{"aud":["x"],{iss},"exp":1790000001}}"#),
            format!(r#"{{"aud":"app",{iss},"exp":1790000000}}"#),
            format!(r#"{{"aud":"app",{iss},"exp":1790000009,"nbf":1790000001}}"#),
            r#"{"aud":"app","iss":"https://evil.cloudflareaccess.com","exp":1790000001}"#
                .to_owned(),
            format!(r#"{{"aud":"app",{iss}}}"#),
            "{}".to_owned(),
        ] {
            assert!(!holds(&claims), "{claims}");
        }
    }

    #[test]
    fn no_other_way_of_signing_is_taken() {
        for header in [r#"{"alg":"none","kid":"k"}"#, r#"{"alg":"HS256","kid":"k"}"#, "{}"] {
            assert!(Token::read(&token(header, "{}")).is_none(), "{header}");
        }
        for text in ["", "a", "a.b", "a.b.c", "..", "\u{e4}.\u{e4}.\u{e4}"] {
            assert!(Token::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_key_is_found_by_its_id() {
        let certs = r#"{"keys":[{"kid":"a","n":"1","e":"x"},{"kid":"b","n":"2","e":"AQAB"}]}"#;
        assert_eq!(key(certs, "b"), Some(RsaKey { n: "2".to_owned(), e: "AQAB".to_owned() }));
        assert_eq!(key(certs, "c"), None);
        assert_eq!(key("oops", "a"), None);
    }

    #[test]
    fn a_team_is_a_name_or_a_domain() {
        assert_eq!(issuer("team"), "https://team.cloudflareaccess.com");
        assert_eq!(issuer("access.example.com"), "https://access.example.com");
    }
}

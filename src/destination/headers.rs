//! Headers of the user's own, which go out beside those of the request.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::field::HEADERS;
use crate::error::BadField;

const NAME_BYTES: usize = 100;
const VALUE_BYTES: usize = 2048;

/// Headers that the request has by itself, or that would change how it is read.
const OWN_HEADERS: [&str; 14] = [
    "host",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Beginnings of the signature's headers, the platform's, and our mark of a test.
const OWN_BEGINNINGS: [&str; 3] = ["webhook-", "cf-", "x-xtracker-"];

/// The headers with their names in small letters. Says which one is wrong, never its value: that is
/// a secret.
pub fn check(headers: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, BadField> {
    let mut checked = BTreeMap::new();
    for (name, value) in headers {
        let name = name.trim().to_ascii_lowercase();
        check_name(&name)?;
        let value = value.trim().to_owned();
        if value.len() > VALUE_BYTES || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return bad(format!(
                "The value of the header {name} can be up to 2,048 plain letters, digits and signs."
            ));
        }
        if checked.contains_key(&name) {
            return bad(format!("The header {name} appears twice; case makes no difference."));
        }
        checked.insert(name, value);
    }
    Ok(checked)
}

/// Reads lines of `Name: value`, as people write headers down.
pub fn parse(lines: &str) -> Result<BTreeMap<String, String>, BadField> {
    let mut headers = BTreeMap::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(':') else {
            return bad("Write each header on its own line, as in Name: value.");
        };
        if headers.insert(name.trim().to_owned(), value.trim().to_owned()).is_some() {
            return bad("A header appears twice.");
        }
    }
    Ok(headers)
}

fn check_name(name: &str) -> Result<(), BadField> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(is_token) {
        return bad("A header's name must be 1 to 100 letters, digits or -.");
    }
    let begins_as_ours = OWN_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    if OWN_HEADERS.contains(&name) || begins_as_ours {
        return bad(format!("The header {name} is already set by the request itself."));
    }
    Ok(())
}

fn bad<T>(reason: impl Into<Cow<'static, str>>) -> Result<T, BadField> {
    Err(BadField { field: HEADERS, reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_all(headers: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let checked = check(&headers.collect()).map_err(|wrong| wrong.reason.into_owned())?;
        Ok(checked.into_iter().collect())
    }

    #[test]
    fn names_are_lowered_and_both_sides_trimmed() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            check_all(&[("Authorization", " Bearer x "), (" X-Key ", "")]),
            Ok(vec![pair("authorization", "Bearer x"), pair("x-key", "")])
        );
    }

    #[test]
    fn headers_of_the_request_itself_are_refused_by_name() {
        for name in [
            "Host",
            "Connection",
            "Content-Length",
            "Content-Type",
            "Content-Encoding",
            "Transfer-Encoding",
            "Expect",
            "Proxy-Connection",
            "webhook-id",
            "Webhook-Signature",
            "CF-Connecting-IP",
            "X-XTracker-Test",
        ] {
            let reason = check_all(&[(name, "x")]).unwrap_err();
            assert!(reason.contains(&name.to_lowercase()), "{name}: {reason}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused_and_its_value_not_repeated() {
        for (name, value) in [
            ("a b", "s3cret"),
            ("", "s3cret"),
            ("ä", "s3cret"),
            ("a:", "s3cret"),
            ("a\r\nb", "s3cret"),
        ] {
            assert!(check_all(&[(name, value)]).is_err(), "{name}");
        }
        for value in ["s3cret\r\nb: c", "s3crét", "s3cret\0"] {
            let reason = check_all(&[("good", "x"), ("x-bad", value)]).unwrap_err();
            assert!(reason.contains("x-bad") && !reason.contains("s3cr"), "{reason}");
        }
    }

    #[test]
    fn one_name_in_two_letter_cases_is_refused_rather_than_dropped() {
        assert!(check_all(&[("X-Key", "1"), ("x-key", "2")]).unwrap_err().contains("x-key"));
    }
}

//! What a user pastes to try it out: a postback's address, a template of one, or its query alone.

use percent_encoding::percent_decode_str;

use super::body::{Body, Received};

/// A pasted text, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pasted {
    /// The server that it calls, with its port; `None` where it names none.
    pub host: Option<String>,
    /// Whether its path is not that of postbacks.
    pub is_elsewhere: bool,
    /// The token of the path.
    pub token: Option<String>,
    /// The query, the event of the path before it.
    pub received: Received,
}

/// Takes a text apart. Line breaks are those of a mail or a chat, and are taken out with the spaces around
/// them. A JSON object is a body.
pub fn read(text: &str) -> Pasted {
    let text: String = text.lines().map(str::trim).collect();
    let text = text.trim_matches(|c| matches!(c, '"' | '\'' | '`' | '\u{feff}'));
    let text = without_fragment(text);
    let (address, query) = split(text);
    let (host, path) = match address.split_once("://") {
        Some((_, rest)) => parted(rest),
        None if address.starts_with('/') || address.is_empty() => (None, address),
        None => parted(address),
    };
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let decode = |text: &&str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (is_elsewhere, token, event) = match segments.as_slice() {
        [] => (host.is_some(), None, None),
        ["e"] => (false, None, None),
        ["e", token] => (false, Some(decode(token)), None),
        ["e", token, event] => (false, Some(decode(token)), Some(decode(event))),
        _ => (true, None, None),
    };
    let received = Received::default().with_body(query.as_bytes(), Body::Form);
    let received = received.led_by("event", event.as_deref());
    Pasted { host: host.map(str::to_owned), is_elsewhere, token, received }
}

/// An address without what no browser sends. A second `#`, as macros have them, makes it none.
fn without_fragment(text: &str) -> &str {
    match text.split_once('#') {
        Some((address, behind)) if !behind.contains(['#', '=', '&']) => address,
        _ => text,
    }
}

/// Address and query. A text without an address is a query, also where a value of it is an address.
fn split(text: &str) -> (&str, &str) {
    let (before, behind) = text.split_once('?').unwrap_or((text, ""));
    let is_address =
        !before.contains(['=', '{', '&']) && (before.contains('/') || before.is_empty());
    if is_address { (before, behind) } else { ("", text) }
}

/// Host and path of an address without its scheme.
fn parted(address: &str) -> (Option<&str>, &str) {
    let at = address.find('/').unwrap_or(address.len());
    let (host, path) = address.split_at_checked(at).unwrap_or((address, ""));
    (Some(host), path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_a_path_and_a_query_are_told_apart() {
        for (text, host, token, query) in [
            ("https://t.example/e?token=1&uid=2", Some("t.example"), None, "token=1&uid=2"),
            (
                "  https://t.example/e?token=1\n&uid=2 \r\n",
                Some("t.example"),
                None,
                "token=1&uid=2",
            ),
            ("\"https://t.example/e?a=1\"", Some("t.example"), None, "a=1"),
            (
                "https://t.example/e/xt_in_1/deposit?a=1",
                Some("t.example"),
                Some("xt_in_1"),
                "event=deposit&a=1",
            ),
            ("https://t.example/e/xt%5Fin%5F1", Some("t.example"), Some("xt_in_1"), ""),
            ("https://t.example/e?a=1#top", Some("t.example"), None, "a=1"),
            (
                "https://t.example/e?uid=#s2#&eid=#lead#",
                Some("t.example"),
                None,
                "uid=#s2#&eid=#lead#",
            ),
            ("t.example/e?a=1", Some("t.example"), None, "a=1"),
            ("/e?a=1&b=2?c=3", None, None, "a=1&b=2?c=3"),
            ("?a=1", None, None, "a=1"),
            ("a=1&u=https://o.example/?x=2", None, None, "a=1&u=https://o.example/?x=2"),
            ("event=deposit?uid=1", None, None, "event=deposit?uid=1"),
            ("uid=#s2#&event=contact", None, None, "uid=#s2#&event=contact"),
            ("{\"event\":\"deposit\",\"value\":5}", None, None, "event=deposit&value=5"),
            ("", None, None, ""),
        ] {
            let pasted = read(text);
            assert_eq!(pasted.host.as_deref(), host, "{text}");
            assert_eq!(pasted.token.as_deref(), token, "{text}");
            assert_eq!(pasted.received.query, query, "{text}");
            assert!(!pasted.is_elsewhere, "{text}");
        }
    }

    #[test]
    fn another_path_is_none_of_postbacks() {
        for text in
            ["https://t.example/?a=1", "https://t.example/events?a=1", "/l/summer", "/e/1/2/3"]
        {
            assert!(read(text).is_elsewhere, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,120}|(https?://|/e|/|\\?|&|=|#|[a-z{}]|\n){0,30}") {
            let _ = read(&text);
        }

        /// An address is read as the query behind it.
        #[test]
        fn a_query_is_read_the_same_with_and_without_its_address(query in "(uid|eid|value)=[a-z0-9{}%]{0,9}(&(t|x)=[a-z0-9]{0,5}){0,3}") {
            let received = read(&query).received;
            prop_assert_eq!(&read(&format!("https://t.example/e?{query}")).received, &received);
            prop_assert_eq!(&read(&format!("\n /e?{query} \n")).received, &received);
        }
    }
}

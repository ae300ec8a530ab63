//! Tells an unresolved macro from a real value (docs/postback.md, Idempotency; bracket styles from docs/networks.md).
//!
//! A network fills `{trade_id}` before it fires. Where it does not know the macro, the text itself
//! arrives, the same one for every user: taken as an id it would make one event of all deposits.

use percent_encoding::percent_decode_str;

/// Words that stand in templates where an id belongs, and what scripts print for "nothing there".
const PLACEHOLDERS: [&str; 9] = [
    "REPLACE",
    "REPLACE_ME",
    "OPTIONAL",
    "YOUR_CLICK_ID",
    "YOUR_UID",
    "YOUR_TRANSACTION_ID",
    "CLICK_ID_HERE",
    "null",
    "undefined",
];

/// The bracket pairs that mark a macro when they enclose the whole value, also one within the other
/// (`{{x}}`, `[[x]]`).
const BRACKETS: [(&str, &str); 7] =
    [("!!!", "!!!"), ("${", "}"), ("{", "}"), ("[", "]"), ("#", "#"), ("%", "%"), ("<", ">")];

/// Whether `text`, once percent-decoded, is an unresolved macro; also where it was encoded once more.
pub fn is_unresolved(text: &str) -> bool {
    let text = text.trim();
    if is_macro(text) {
        return true;
    }
    text.contains('%')
        && percent_decode_str(text)
            .decode_utf8()
            .is_ok_and(|decoded| decoded != text && is_macro(decoded.trim()))
}

/// Whether a value as it stood in the query, still encoded, is a macro of the form `%name%`.
///
/// Asked before decoding: `%deposit%` would lose its `%de` to the decoder.
pub fn is_percent_macro(raw: &str) -> bool {
    raw.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')).is_some_and(is_identifier)
}

fn is_macro(text: &str) -> bool {
    PLACEHOLDERS.contains(&text)
        || is_bracketed(text)
        || has_braced_identifier(text)
        || is_between_underscores(text)
}

/// `__CAMPAIGN_ID__`: TikTok's form, in capitals alone, since an id may have underscores too.
fn is_between_underscores(text: &str) -> bool {
    let inside = text.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    inside.is_some_and(|name| {
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

fn is_bracketed(text: &str) -> bool {
    let mut text = text;
    while let Some((open, inside)) = inside_of(text) {
        if is_identifier(inside) || (inside.is_empty() && open == "{") {
            return true;
        }
        text = inside;
    }
    false
}

/// What stands in the outermost brackets, with the opening one.
pub fn inside_of(text: &str) -> Option<(&'static str, &str)> {
    BRACKETS.iter().find_map(|(open, close)| {
        Some((*open, text.strip_prefix(open)?.strip_suffix(close)?.trim()))
    })
}

/// `po-{trade_id}`: an identifier in braces anywhere. A braced GUID or number is a real id.
fn has_braced_identifier(text: &str) -> bool {
    text.split('{')
        .skip(1)
        .any(|rest| rest.split_once('}').is_some_and(|(inside, _)| is_identifier(inside.trim())))
}

/// A macro's name: begins with a letter or `_`; may carry a map behind a colon, as Keitaro's
/// `{status:lead=0 sale=1}` does. A GUID may begin with a letter too and is not a name.
fn is_identifier(text: &str) -> bool {
    let name = text.split_once(':').map_or(text, |(name, _map)| name);
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
        && !is_guid(text)
}

fn is_guid(text: &str) -> bool {
    let mut lengths = text.split('-').map(str::len);
    [8, 4, 4, 4, 12].iter().all(|expected| lengths.next() == Some(*expected))
        && lengths.next().is_none()
        && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bracket_style_is_a_macro() {
        for text in [
            "{trade_id}",
            "{{trade_id}}",
            "${SUBID}",
            "[afp]",
            "[[afp]]",
            "[[ afp ]]",
            "[{afp}]",
            "<<click>>",
            "#s2#",
            "%macro%",
            "<click>",
            "!!!CLICKID!!!",
            "__CAMPAIGN_ID__",
            "__CID__",
            "REPLACE",
            "OPTIONAL",
            "YOUR_CLICK_ID",
            "null",
            "undefined",
            "po-{trade_id}",
            "{a}{b}",
            "x${sub}y",
            "{_external_id}",
            "{}",
            "{status:lead=0 sale=1 rejected=2}",
            " {click_id} ",
            "%7Bclick_id%7D",
            "%5Bafp%5D",
            "%5B%5Bafp%5D%5D",
        ] {
            assert!(is_unresolved(text), "{text} is a macro");
        }
    }

    #[test]
    fn real_ids_are_kept() {
        for text in [
            "abc123",
            "#1042",
            "#1042#",
            "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}",
            "{abcdef12-4f89-11d3-9a0c-0305e82c3301}",
            "a{b",
            "a}b",
            "{",
            "}",
            "{123}",
            "[17]",
            "[[17]]",
            "[[]]",
            "[[a",
            "[[3F2504E0-4F89-11D3-9A0C-0305E82C3301]]",
            "100%",
            "50%25",
            "%",
            "",
            "replace-7",
            "nullable",
            "a<b>c",
            "<",
            "a b",
            "-1",
            "__",
            "____",
            "__a__",
            "__17__",
            "__CID",
            "x__CID__",
        ] {
            assert!(!is_unresolved(text), "{text} is a real id");
        }
    }

    #[test]
    fn a_percent_macro_is_known_before_decoding() {
        assert!(is_percent_macro("%deposit_id%"));
        assert!(is_percent_macro("%cid%"));
        assert!(!is_percent_macro("%41%42%"));
        assert!(!is_percent_macro("%"));
    }
}

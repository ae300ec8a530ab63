//! A macro that arrived as it stands in a network's settings.

use percent_encoding::percent_decode_str;

use crate::doctor::seen::Seen;
use crate::network::Macro;
use crate::postback::macros::{inside_of, is_unresolved};

/// A macro with its brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// As a pack writes it: `{status}` for `{status:lead=0 sale=1}`, `{tid}` for `{_tid}` and `po-{tid}`.
    pub text: String,
    /// What stands in the brackets; a placeholder is its own name.
    pub name: String,
    /// Whether it is a word such as `REPLACE` and no macro.
    pub is_placeholder: bool,
    /// Whether it was encoded once too often.
    pub is_encoded: bool,
}

impl Literal {
    /// Reads an unfilled macro; `None` for any other text.
    pub fn new(text: &str) -> Option<Self> {
        if !is_unresolved(text) {
            return None;
        }
        let decoded = percent_decode_str(text).decode_utf8_lossy().into_owned();
        let is_encoded = inside_of(text).is_none() && decoded != text;
        let text = if is_encoded { decoded.trim() } else { text.trim() };
        let (open, name, close) = apart(text);
        let is_placeholder = open.is_empty();
        let plain = name.split(':').next().unwrap_or(name).trim();
        let plain = if open == "{" { plain.trim_start_matches('_') } else { plain };
        Some(Self {
            text: format!("{open}{plain}{close}"),
            name: plain.to_owned(),
            is_placeholder,
            is_encoded,
        })
    }

    /// Whether a pack's macro has the same name, in whatever brackets and letter case.
    pub fn is_like(&self, own: &Macro) -> bool {
        own.name.eq_ignore_ascii_case(&self.name)
    }

    /// Whether a pack's macro differs in letter case alone.
    pub fn differs_in_case(&self, own: &Macro) -> bool {
        own.text != self.text && own.text.eq_ignore_ascii_case(&self.text)
    }
}

/// The brackets of a macro and what stands in them; a macro inside a longer text without the rest of it.
fn apart(text: &str) -> (&str, &str, &str) {
    let mut name = text;
    while let Some((_, inside)) = inside_of(name) {
        name = inside;
    }
    if name == text {
        let embedded = text.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
        return embedded.map_or(("", text, ""), |(name, _)| ("{", name.trim(), "}"));
    }
    let (open, close) = match text.split_once(name) {
        Some((open, close)) if !name.is_empty() => (open, close),
        _ => text.split_at_checked(text.len() / 2).unwrap_or((text, "")),
    };
    (open.trim(), name, close.trim())
}

/// What macros begin with.
const MARKS: [char; 7] = ['{', '[', '#', '%', '<', '!', '$'];

/// Every macro in an arrival: in values, and where a parameter's name belongs.
pub fn literals(seen: &Seen) -> Vec<Literal> {
    let texts = seen.pairs.iter().flat_map(|(name, value)| [name, value]);
    let texts = texts.filter(|text| text.contains(MARKS));
    let mut literals: Vec<Literal> = Vec::new();
    for literal in texts.filter_map(|text| Literal::new(text)) {
        if !literal.is_placeholder && !literals.contains(&literal) {
            literals.push(literal);
        }
    }
    literals
}

/// Characters that stand around a macro's name, rightly or wrongly.
const AROUND: &[char] =
    &['{', '}', '[', ']', '(', ')', '<', '>', '#', '%', '$', '!', '@', ':', '_', ' '];

/// The name in a text that was meant as a macro, though its brackets make none: `{click_id`, `(click_id)`.
pub fn meant_name(text: &str) -> &str {
    text.trim_matches(AROUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_is_read_as_a_pack_writes_it() {
        for (text, written, name) in [
            ("{click_id}", "{click_id}", "click_id"),
            ("[[afp]]", "[[afp]]", "afp"),
            ("${click_subid}", "${click_subid}", "click_subid"),
            ("#s2#", "#s2#", "s2"),
            ("{_external_id}", "{external_id}", "external_id"),
            ("{status:lead=0 sale=1 rejected=2}", "{status}", "status"),
            ("po-{trade_id}", "{trade_id}", "trade_id"),
            ("%7Bclick_id%7D", "{click_id}", "click_id"),
            ("!!!CLICKID!!!", "!!!CLICKID!!!", "CLICKID"),
            ("REPLACE", "REPLACE", "REPLACE"),
            ("{}", "{}", ""),
        ] {
            let literal = Literal::new(text).unwrap();
            assert_eq!((literal.text.as_str(), literal.name.as_str()), (written, name), "{text}");
            assert_eq!(literal.is_placeholder, text == "REPLACE", "{text}");
            assert_eq!(literal.is_encoded, text.starts_with("%7B"), "{text}");
        }
        assert_eq!(Literal::new("abc"), None);
    }
}

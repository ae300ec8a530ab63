//! Keeps a destination's secrets out of what is recorded and shown of its requests and answers.
//!
//! A destination that refuses a token likes to repeat it, in its own spelling: as JSON, in an
//! address, without the `Bearer` before it. And what is read of an answer may end inside of it.

use std::ops::Range;

use percent_encoding::utf8_percent_encode;

use super::secrets::Secrets;
use super::template::ENCODED;
use crate::postback::cut;

/// How much of an answer is kept: enough for an error message.
pub const KEPT_BYTES: usize = 1024;

/// What stands where a secret stood.
const MASK: &str = "•••";

/// A word behind a header's scheme is looked for by itself from this length on, and so is the
/// beginning of a secret where an answer broke off early: `Bearer ` is not a secret.
const TELLING_BYTES: usize = 8;

/// The first KB of an answer, with every secret in it made unreadable.
pub fn answer(text: &str, secrets: &Secrets) -> String {
    let spellings = spellings(secrets);
    // A full KB was cut off anywhere; a shorter answer is mostly whole.
    let telling = if text.len() >= KEPT_BYTES { 1 } else { TELLING_BYTES };
    let begun = begun(text, &spellings, telling).map(|at| at..text.len());
    let masked = masked(text, whole(text, &spellings).into_iter().chain(begun).collect());
    cut(&masked, KEPT_BYTES).to_owned()
}

/// A text of our own, with every secret in it made unreadable.
pub fn hide(text: &str, secrets: &Secrets) -> String {
    masked(text, whole(text, &spellings(secrets)))
}

/// Where secrets stand in a text in full.
fn whole(text: &str, spellings: &[String]) -> Vec<Range<usize>> {
    let found = |secret: &String| {
        let found = text.match_indices(secret.as_str());
        found.map(|(at, found)| at..at + found.len()).collect::<Vec<_>>()
    };
    spellings.iter().flat_map(found).collect()
}

/// Where the beginning of a secret begins that the text ends with: the longest one.
fn begun(text: &str, spellings: &[String], telling: usize) -> Option<usize> {
    let beginnings = spellings.iter().filter_map(|secret| {
        let mut lengths = (telling..secret.len()).rev();
        lengths.find_map(|length| text.strip_suffix(secret.get(..length)?))
    });
    beginnings.map(str::len).min()
}

/// The text without these places. Where one is a part of another, or two overlap, all of both goes.
fn masked(text: &str, mut places: Vec<Range<usize>>) -> String {
    places.sort_unstable_by_key(|place| place.start);
    let (mut masked, mut at) = (String::new(), 0);
    for place in places {
        if place.start >= at {
            masked.push_str(text.get(at..place.start).unwrap_or_default());
            masked.push_str(MASK);
        }
        at = at.max(place.end);
    }
    masked + text.get(at..).unwrap_or_default()
}

/// Every secret as it may come back, the longest first: one can be a part of another.
fn spellings(secrets: &Secrets) -> Vec<String> {
    let mut spellings = Vec::new();
    for secret in secrets.every_text() {
        let behind_scheme = secret.split_once(' ').map(|(_, word)| word.trim());
        let telling = behind_scheme.filter(|word| word.len() >= TELLING_BYTES);
        for text in [Some(secret), telling].into_iter().flatten() {
            let quoted = serde_json::to_string(text).unwrap_or_default();
            let json = quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default();
            spellings.push(text.to_owned());
            spellings.push(json.to_owned());
            spellings.push(json.replace('/', r"\/")); // as PHP writes it
            spellings.push(utf8_percent_encode(text, &ENCODED).to_string());
        }
    }
    spellings.retain(|spelling| !spelling.is_empty());
    spellings.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    spellings.dedup();
    spellings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn secrets(token: &str, header: &str) -> Secrets {
        let headers = BTreeMap::from([("authorization".to_owned(), header.to_owned())]);
        Secrets { headers, ..Secrets::default() }.with("token", token)
    }

    #[test]
    fn a_secret_is_masked_in_each_of_its_spellings() {
        let secrets = secrets("EAABsecret", r#"Bearer a/b"c+d=e"#);
        for (text, expected) in [
            ("token EAABsecret is wrong", "token ••• is wrong"),
            (r#"got Bearer a/b"c+d=e"#, "got •••"),
            (r#"got a/b"c+d=e"#, "got •••"),
            (r#"{"got":"a/b\"c+d=e"}"#, r#"{"got":"•••"}"#),
            (r#"{"got":"a\/b\"c+d=e"}"#, r#"{"got":"•••"}"#),
            ("?t=a%2Fb%22c%2Bd%3De&x", "?t=•••&x"),
            ("nothing in it, Bearer missing", "nothing in it, Bearer missing"),
        ] {
            assert_eq!(answer(text, &secrets), expected, "{text}");
        }
    }

    #[test]
    fn a_secret_inside_another_does_not_lay_the_rest_open() {
        let secrets = secrets("EAAB", "EAABlongsecret");
        assert_eq!(answer("EAABlongsecret EAAB", &secrets), "••• •••");
        assert_eq!(hide("EAABlongsecret EAAB", &secrets), "••• •••");
    }

    #[test]
    fn a_secret_that_the_end_of_the_answer_cuts_is_masked() {
        let secrets = secrets("EAABlongsecret", "");
        let full = format!("{}EAABlongse", "x".repeat(KEPT_BYTES - 10));
        assert_eq!(answer(&full, &secrets), format!("{}•••", "x".repeat(KEPT_BYTES - 10)));
        let reset = "token EAABlongse";
        assert_eq!(answer(reset, &secrets), "token •••");
        // With a space behind it, the word after the scheme is whole where all of it is not yet.
        let spaced = self::secrets("Bearer longsecret  ", "");
        let full = format!("{}Bearer longsecret ", "x".repeat(KEPT_BYTES - 18));
        assert_eq!(answer(&full, &spaced), format!("{}•••", "x".repeat(KEPT_BYTES - 18)));
        // Masking a first secret must not bring a cut second one into the kept part.
        let two = format!("{}{}EAABlongse", "EAABlongsecret".repeat(2), "x".repeat(1000));
        assert!(!answer(&two, &secrets).contains("EAAB"));
    }

    #[test]
    fn an_answer_is_cut_between_characters() {
        assert_eq!(answer(&"ä".repeat(2000), &Secrets::default()).len(), KEPT_BYTES);
        assert_eq!(answer(&"€".repeat(2000), &Secrets::default()).len(), 1023);
    }

    proptest! {
        #[test]
        fn no_beginning_of_a_secret_survives(
            before in 0_usize..1100, secret in "[A-Za-z0-9/+=\"\\\\ ]{8,60}", end in 0_usize..1200,
        ) {
            let text = format!("{}{secret}{}", ".".repeat(before), ".".repeat(1200));
            let read = cut(&text, KEPT_BYTES.max(end));
            let kept = answer(read, &secrets(&secret, ""));
            prop_assert!(kept.trim_matches('.').trim_matches('•').is_empty(), "{}", kept);
        }

        #[test]
        fn no_answer_panics(text in "\\PC{0,80}", secret in "\\PC{0,20}", header in "\\PC{0,20}") {
            let _ = answer(&text, &secrets(&secret, &header));
        }
    }
}

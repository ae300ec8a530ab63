//! Postbacks whose key opens nothing: an old one, or one of another deployment.

use crate::doctor::say::{clock, counted, day, shown};
use crate::doctor::window::{Finding, UnknownKeys, Window};
use crate::text::plural::noun;

const WORD: &str = "key_unknown";

/// How long after the last such postback it is still worth saying.
const RECENT_MS: i64 = 7 * 86_400_000;

/// One finding for all keys, told by the one that came most often.
pub fn findings(window: &Window) -> Vec<Finding> {
    let recent = window
        .unknown_keys
        .iter()
        .filter(|keys| keys.count > 0 && keys.last_ms > window.now_ms - RECENT_MS);
    let mut by_key: Vec<(&str, Vec<&UnknownKeys>)> = Vec::new();
    for keys in recent {
        match by_key.iter_mut().find(|(prefix, _)| *prefix == keys.prefix) {
            Some((_, hours)) => hours.push(keys),
            None => by_key.push((&keys.prefix, vec![keys])),
        }
    }
    let count = |hours: &[&UnknownKeys]| hours.iter().map(|hour| hour.count).sum::<i64>();
    let all: i64 = by_key.iter().map(|(_, hours)| count(hours)).sum();
    let Some((key, hours)) = by_key.into_iter().max_by_key(|(_, hours)| count(hours)) else {
        return Vec::new();
    };
    let of_key = count(&hours);
    let first_ms = hours.iter().map(|hour| hour.first_ms).min().unwrap_or_default();
    let last_ms = hours.iter().map(|hour| hour.last_ms).max().unwrap_or_default();
    let (which, mend) = told(key, &hours, window.now_ms);
    let times = counted(usize::try_from(of_key).unwrap_or_default(), "postback");
    let mut sentence = format!(
        "{times} since {} came with {which}, so {} kept.",
        clock(first_ms, window.now_ms),
        noun(of_key, "it was not", "none of them was")
    );
    if all > of_key {
        let others = all - of_key;
        let (one, many) =
            ("had another key that opens nothing", "had other keys that open nothing");
        let keys = noun(others, one, many);
        sentence.push_str(&format!(" Another {others} {keys}."));
    }
    vec![Finding {
        cause: WORD,
        source: "unknown".to_owned(),
        sentence,
        mend,
        count: all,
        money: Vec::new(),
        first_seen_ms: first_ms,
        last_seen_ms: last_ms,
        seqs: Vec::new(),
        held: Vec::new(),
        pairs: Vec::new(),
    }]
}

/// Which key it is, and what to do about it.
fn told(key: &str, hours: &[&UnknownKeys], now_ms: i64) -> (String, String) {
    let paste = "in the network's postback settings";
    if let Some(ended_ms) = hours.iter().find_map(|hour| hour.ended_ms) {
        return (
            format!("a key that was revoked {}", day(ended_ms, now_ms)),
            format!("Replace the token {paste} with the one under API keys."),
        );
    }
    let key = shown(key);
    if hours.iter().any(|hour| hour.is_ours) {
        return (
            format!("a key that is none of this space's any more ({key}…)"),
            format!("Copy the URL again under API keys and paste it whole {paste}."),
        );
    }
    (
        format!("a key of another XTRACKER deployment ({key}…)"),
        format!(
            "Copy the URL under API keys and paste it {paste}: address and token belong together."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_626_000_000;
    const HOUR_MS: i64 = 3_600_000;

    fn keys(prefix: &str, count: i64) -> UnknownKeys {
        UnknownKeys {
            prefix: prefix.to_owned(),
            address: "203.0.113.7".to_owned(),
            count,
            first_ms: NOW_MS - 3 * HOUR_MS,
            last_ms: NOW_MS - HOUR_MS,
            ended_ms: None,
            is_ours: true,
        }
    }

    fn found(unknown_keys: Vec<UnknownKeys>) -> Vec<Finding> {
        findings(&Window { unknown_keys, now_ms: NOW_MS, ..Window::default() })
    }

    #[test]
    fn a_revoked_key_is_told_with_its_day() {
        let ended_ms = Some(NOW_MS - 48 * HOUR_MS);
        let revoked = UnknownKeys { ended_ms, ..keys("xt_in_ab", 20) };
        let found = found(vec![revoked.clone(), UnknownKeys { count: 21, ..revoked }]);
        assert_eq!(
            found[0].sentence,
            "41 postbacks since 14:00 UTC came with a key that was revoked on Monday, so none of them was kept."
        );
        assert_eq!((found.len(), found[0].count), (1, 41));
    }

    #[test]
    fn a_key_of_another_deployment_is_told_in_other_words() {
        let other = UnknownKeys { is_ours: false, ..keys("xt_in_zz", 1) };
        let found = found(vec![other, keys("xt_in_ab", 5)]);
        assert!(found[0].sentence.contains("none of this space's"), "{}", found[0].sentence);
        assert!(found[0].sentence.ends_with("Another 1 had another key that opens nothing."));
        let other = UnknownKeys { is_ours: false, ..keys("xt_in_zz", 1) };
        assert!(
            super::findings(&Window {
                unknown_keys: vec![other],
                now_ms: NOW_MS,
                ..Window::default()
            })[0]
                .sentence
                .contains("another XTRACKER deployment")
        );
    }

    #[test]
    fn what_is_long_past_is_not_told() {
        let old = UnknownKeys { last_ms: NOW_MS - RECENT_MS, ..keys("xt_in_ab", 5) };
        assert_eq!(found(vec![old, UnknownKeys { count: 0, ..keys("xt_in_ab", 5) }]), []);
    }
}

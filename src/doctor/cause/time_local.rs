//! Local time that was sent as if it were UTC.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::say::{counted, in_settings};
use crate::doctor::seen::Seen;
use crate::model::note::Field;

pub const CAUSE: Cause = Cause::new("time_local", find);

const MINUTE_MS: i64 = 60_000;
const HALF_HOUR_MS: i64 = 30 * MINUTE_MS;

/// What clocks differ by, at most. Nothing arrives before it happens.
const CLOCKS_MS: i64 = 10 * MINUTE_MS;

/// What a postback takes to arrive, at most, where it is sent at once.
const WAY_MS: i64 = 2 * MINUTE_MS;

/// The widest time zones, in half hours.
const ZONES: i64 = 28;

/// So many that are behind by the same are no coincidence.
const SAME: usize = 3;

fn find(group: &Group) -> Option<Found> {
    let timed: Vec<_> = group
        .open(Topic::TIME)
        .into_iter()
        .filter(|(_, seen)| !seen.is_refused() && seen.text(Field::Time).is_some())
        .map(|(at, seen)| (at, ahead_ms(seen)))
        .collect();
    let ahead: Vec<_> = timed.iter().filter(|(_, ahead_ms)| *ahead_ms > CLOCKS_MS).collect();
    let (hits, offset_ms): (Vec<_>, i64) = match ahead.last() {
        Some((_, ahead_ms)) => (ahead.iter().map(|(at, _)| *at).collect(), *ahead_ms),
        None => behind(&timed)?,
    };
    let sentence = format!(
        "{} came with a t {} the moment of arrival: local time that was sent as if it were UTC.",
        counted(hits.len(), "postback"),
        offset(offset_ms)
    );
    let mend = format!(
        "{} remove t=, so that the time of receipt counts, or send epoch milliseconds in UTC.",
        in_settings(group)
    );
    let hits = hits.into_iter().map(|at| Hit::new(at, Topic::TIME)).collect();
    Found::new(hits, sentence, mend)
}

/// How far the event's time lies behind its arrival, as a negative number; ahead of it, as a positive one.
fn ahead_ms(seen: &Seen) -> i64 {
    seen.at.occurred_at_ms - seen.at.received_at_ms
}

/// Those that are all behind by one whole number of half hours, and nearly nothing else that came.
fn behind(timed: &[(usize, i64)]) -> Option<(Vec<usize>, i64)> {
    let halves = |ahead_ms: i64| {
        let halves = -ahead_ms / HALF_HOUR_MS;
        let is_offset = (1..=ZONES).contains(&halves) && -ahead_ms % HALF_HOUR_MS <= WAY_MS;
        is_offset.then_some(halves)
    };
    // Nearly all have one offset: it is that of the first ones or of none.
    let offset = timed.iter().find_map(|(_, ahead_ms)| halves(*ahead_ms))?;
    let same = timed.iter().filter(|(_, ahead_ms)| halves(*ahead_ms) == Some(offset));
    let hits: Vec<usize> = same.map(|(at, _)| *at).collect();
    let is_rule = hits.len() >= SAME && hits.len() * 10 >= timed.len() * 9;
    is_rule.then_some((hits, -offset * HALF_HOUR_MS))
}

/// `3 hours ahead of`, `5.5 hours behind`.
fn offset(ahead_ms: i64) -> String {
    let halves = (ahead_ms.abs() + HALF_HOUR_MS / 2) / HALF_HOUR_MS;
    let is_whole = (ahead_ms.abs() - halves * HALF_HOUR_MS).abs() <= WAY_MS;
    let by = match (is_whole && halves > 0, halves % 2) {
        (false, _) => format!("{} minutes", ahead_ms.abs() / MINUTE_MS),
        (true, 0) => counted(usize::try_from(halves / 2).unwrap_or_default(), "hour"),
        (true, _) => format!("{}.5 hours", halves / 2),
    };
    format!("{by} {}", if ahead_ms > 0 { "ahead of" } else { "behind" })
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{NOW_MS, causes, found};

    const HOUR_MS: i64 = 3_600_000;

    fn fire(ahead_ms: &[i64]) -> Vec<crate::doctor::Finding> {
        let query = |(at, ms): (usize, &i64)| {
            format!(
                "event=deposit&uid=u-1&eid={at}&value={at}&t={}",
                NOW_MS + at as i64 * 1000 + ms
            )
        };
        let queries: Vec<_> = ahead_ms.iter().enumerate().map(query).collect();
        found(&queries.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn a_time_ahead_and_times_behind_by_the_same_are_local() {
        let ahead = fire(&[3 * HOUR_MS]);
        assert_eq!(causes(&ahead), ["time_local"]);
        assert!(ahead[0].sentence.contains("a t 3 hours ahead of the"), "{}", ahead[0].sentence);
        let behind = fire(&[-5 * HOUR_MS - 2000, -5 * HOUR_MS - 90_000, -5 * HOUR_MS]);
        assert!(behind[0].sentence.contains("a t 5 hours behind the"), "{}", behind[0].sentence);
        assert!(fire(&[HOUR_MS / 2 * 11])[0].sentence.contains("5.5 hours ahead of"));
        assert!(fire(&[13 * 60_000])[0].sentence.contains("13 minutes ahead of"));
    }

    #[test]
    fn late_ones_and_clocks_that_differ_are_none() {
        for ahead_ms in [
            &[600_000, 0, -60_000][..],
            &[-HOUR_MS, -HOUR_MS],
            &[-HOUR_MS, -2 * HOUR_MS, -3 * HOUR_MS],
            &[-HOUR_MS, -HOUR_MS, -HOUR_MS, -1000],
            &[-1000, -2000, -119_000],
            &[-24 * HOUR_MS, -24 * HOUR_MS, -24 * HOUR_MS],
            &[-HOUR_MS - 130_000, -HOUR_MS - 131_000, -HOUR_MS - 132_000],
        ] {
            assert_eq!(causes(&fire(ahead_ms)), [""; 0], "{ahead_ms:?}");
        }
    }
}

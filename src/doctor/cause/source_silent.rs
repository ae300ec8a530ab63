//! A source that used to fire and has gone quiet.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::say::{begun, clock, network, span};

pub const CAUSE: Cause = Cause::new("source_silent", find);

const HOUR_MS: i64 = 3_600_000;

/// A rhythm is known from so many arrivals over so long a time.
const ARRIVALS: usize = 20;
const OVER_MS: i64 = 24 * HOUR_MS;

/// Quiet for longer than so many of its longest pauses, and for at least so long.
const PAUSES: i64 = 3;
const QUIET_MS: i64 = 6 * HOUR_MS;

fn find(group: &Group) -> Option<Found> {
    let own = group.arrived.iter().map(|seen| seen.at.received_at_ms);
    // A busy one's window is short: what came before it was this source's too, if nearly all of the window is.
    let is_alone = 10 * group.arrived.len() >= 9 * group.window.arrived.len();
    let before = group.window.before_ms.iter().copied().filter(|_| is_alone);
    let times: Vec<i64> = before.chain(own).collect();
    let (first_ms, last_ms) = (*times.first()?, *times.last()?);
    let pauses = times.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?));
    let longest_ms = pauses.max()?;
    // A source that is recognised by what was wrong with it may be one that is not, once that is mended.
    let last_ms =
        if group.is_chosen() { last_ms } else { last_ms.max(group.other_ms.unwrap_or(last_ms)) };
    let quiet_ms = group.window.now_ms - last_ms;
    let is_known = times.len() >= ARRIVALS && last_ms - first_ms >= OVER_MS;
    if !is_known || quiet_ms < QUIET_MS || quiet_ms <= PAUSES * longest_ms {
        return None;
    }
    let sentence = begun(&format!(
        "{} has sent nothing for {}, since {}; until then its longest pause was {}.",
        network(group),
        span(quiet_ms),
        clock(last_ms, group.window.now_ms),
        span(longest_ms)
    ));
    let mend = format!(
        "Look in {} whether the postback is still on and its URL unchanged, and whether the offer still runs.",
        network(group)
    );
    let hit = Hit::new(group.arrived.len() - 1, Topic::NONE).with_money(Vec::new());
    Found::new(vec![hit], sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{Fired, Space, causes, window};
    use crate::doctor::{Finding, Window, findings};

    const HOUR_S: i64 = 3600;

    /// Thirty deposits at an hour's distance, and the present so many hours after the last one.
    fn after(hours: i64) -> Window {
        let fired = |at: i64| Fired {
            query: format!("event=deposit&uid=u-1&eid={at}&value={at}"),
            after_ms: at * HOUR_S * 1000,
        };
        let mut window = window(&Space::default(), &(0..30).map(fired).collect::<Vec<_>>());
        window.now_ms += hours * HOUR_S * 1000;
        window
    }

    #[test]
    fn a_source_that_has_gone_quiet_is_found() {
        let found: Vec<Finding> = findings(&after(7));
        assert_eq!(causes(&found), ["source_silent"]);
        assert!(found[0].sentence.contains("nothing for 7 hours"), "{}", found[0].sentence);
        assert!(found[0].sentence.ends_with("longest pause was 1 hour."), "{}", found[0].sentence);
        assert_eq!((found[0].money.len(), found[0].seqs.as_slice()), (0, &[30][..]));
    }

    #[test]
    fn of_a_busy_source_the_rhythm_is_known_from_before_its_window() {
        let mut busy = after(7);
        let last_ms = busy.now_ms - 7 * HOUR_S * 1000;
        for arrived in &mut busy.arrived {
            arrived.received_at_ms = last_ms - (last_ms - arrived.received_at_ms) / 60;
        }
        assert_eq!(findings(&busy), [], "half an hour is no rhythm");
        busy.before_ms = (1..48).rev().map(|hours| last_ms - hours * HOUR_S * 1000).collect();
        assert_eq!(causes(&findings(&busy)), ["source_silent"]);
        busy.before_ms.drain(10..20);
        assert_eq!(findings(&busy), [], "it has been quiet for ten hours before");
    }

    #[test]
    fn a_pause_of_its_own_rhythm_is_none() {
        assert_eq!(findings(&after(5)), []);
        let mut nights = after(7);
        nights.arrived.retain(|arrived| arrived.received_at_ms % (24 * 3_600_000) > 3 * 3_600_000);
        assert_eq!(findings(&nights), [], "it is quiet for three hours each night");
        let mut few = after(7);
        few.arrived.drain(..11);
        assert_eq!(findings(&few), []);
    }
}

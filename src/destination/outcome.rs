//! What an answer means, and when to try again (docs/destinations.md, How it is sent). Pure: clock and chance are arguments.

use serde::{Deserialize, Serialize};

/// Tries before a delivery is given up.
pub const ATTEMPTS: u32 = 12;

/// The first pause; each further one is twice as long, up to the longest. The eleven pauses between
/// twelve tries are 30 s, 1, 2, 4, 8, 16, 32 min and four of an hour: 5 h in all.
pub const FIRST_PAUSE_MS: i64 = 30_000;
const LONGEST_PAUSE_MS: i64 = 60 * 60 * 1000;

/// A destination may ask for a longer pause, up to a day.
const LONGEST_ASKED_MS: i64 = 24 * 60 * 60 * 1000;

/// What a destination said, as far as it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answered with this status, and perhaps when to come back.
    Status { status: u16, retry_after: Option<String> },
    /// It did not: refused, reset, wrong certificate, or nothing within ten seconds.
    None,
    /// It was not asked, since it could only refuse.
    Hopeless,
}

/// What counts as success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// Any 2xx.
    Any2xx,
    /// One status alone.
    Exactly(u16),
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Sent,
    Transient,
    Permanent,
}

impl Outcome {
    /// Reads the word for it.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "sent" => Some(Self::Sent),
            "transient" => Some(Self::Transient),
            "permanent" => Some(Self::Permanent),
            _ => None,
        }
    }
}

/// The words for where a delivery stands, in the database and in answers.
pub const STATES: [&str; 5] = ["pending", "sending", "retrying", "sent", "failed_permanently"];

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Retrying { due_at_ms: i64 },
    Sent,
    FailedPermanently,
}

impl State {
    /// The word for this state in the database and in answers. Deliveries begin as `pending` and are
    /// `sending` while somebody holds their lease.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retrying { .. } => "retrying",
            Self::Sent => "sent",
            Self::FailedPermanently => "failed_permanently",
        }
    }
}

/// The table of docs/destinations.md, How it is sent.
pub fn judge(answer: &Answer, success: Success) -> Outcome {
    let status = match answer {
        Answer::None => return Outcome::Transient,
        Answer::Hopeless => return Outcome::Permanent,
        Answer::Status { status, .. } => *status,
    };
    let is_success = match success {
        Success::Any2xx => (200..300).contains(&status),
        Success::Exactly(expected) => status == expected,
    };
    match status {
        _ if is_success => Outcome::Sent,
        408 | 429 | 500..=599 => Outcome::Transient,
        _ => Outcome::Permanent,
    }
}

/// Where a delivery stands after its `attempt`th try (the first is 1). `chance` is a number from 0
/// to 1 and spreads the pauses by a tenth either way, so that a recovered destination is not hit by
/// all its backlog at one moment.
pub fn next(
    outcome: Outcome,
    attempt: u32,
    retry_after_ms: Option<i64>,
    now_ms: i64,
    chance: f64,
) -> State {
    match outcome {
        Outcome::Sent => State::Sent,
        Outcome::Permanent => State::FailedPermanently,
        Outcome::Transient if attempt >= ATTEMPTS => State::FailedPermanently,
        Outcome::Transient => {
            let asked = retry_after_ms.unwrap_or(0).min(LONGEST_ASKED_MS);
            State::Retrying { due_at_ms: now_ms + back_off_ms(attempt, chance).max(asked) }
        }
    }
}

/// The pause after the `attempt`th try.
pub fn back_off_ms(attempt: u32, chance: f64) -> i64 {
    let doubled = FIRST_PAUSE_MS << attempt.saturating_sub(1).min(20);
    let pause = doubled.min(LONGEST_PAUSE_MS);
    let spread = (chance.clamp(0.0, 1.0) - 0.5) * 0.2;
    pause + (pause as f64 * spread) as i64
}

/// Milliseconds from now that a `Retry-After` asks for: seconds, or a date in one of HTTP's three
/// forms. `None` for what is neither; a date that has passed asks for nothing.
pub fn retry_after_ms(text: &str, now_ms: i64) -> Option<i64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse::<i64>().map_or(LONGEST_ASKED_MS, |s| s.saturating_mul(1000)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let date_ms = i64::try_from(since_epoch.as_millis()).ok()?;
    Some((date_ms - now_ms).max(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcome(status: u16, success: Success) -> Outcome {
        judge(&Answer::Status { status, retry_after: None }, success)
    }

    #[test]
    fn the_table_of_outcomes() {
        use Outcome::{Permanent, Sent, Transient};
        for (status, any_2xx, exactly_200) in [
            (200, Sent, Sent),
            (201, Sent, Permanent),
            (204, Sent, Permanent),
            (301, Permanent, Permanent),
            (302, Permanent, Permanent),
            (304, Permanent, Permanent),
            (400, Permanent, Permanent),
            (401, Permanent, Permanent),
            (404, Permanent, Permanent),
            (408, Transient, Transient),
            (410, Permanent, Permanent),
            (429, Transient, Transient),
            (500, Transient, Transient),
            (502, Transient, Transient),
            (503, Transient, Transient),
            (599, Transient, Transient),
        ] {
            assert_eq!(outcome(status, Success::Any2xx), any_2xx, "{status}");
            assert_eq!(outcome(status, Success::Exactly(200)), exactly_200, "{status}");
        }
        assert_eq!(outcome(302, Success::Exactly(302)), Sent);
        assert_eq!(judge(&Answer::None, Success::Any2xx), Transient);
        assert_eq!(judge(&Answer::Hopeless, Success::Any2xx), Permanent);
    }

    #[test]
    fn pauses_double_from_30_seconds_to_an_hour() {
        let pauses: Vec<i64> = (1..12).map(|attempt| back_off_ms(attempt, 0.5) / 1000).collect();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]);
        assert_eq!((back_off_ms(1, 0.0), back_off_ms(1, 1.0)), (27_000, 33_000));
    }

    #[test]
    fn the_twelfth_failure_is_the_last() {
        let state = |attempt| next(Outcome::Transient, attempt, None, 0, 0.5);
        assert_eq!(state(11), State::Retrying { due_at_ms: 3_600_000 });
        assert_eq!(state(12), State::FailedPermanently);
        assert_eq!(next(Outcome::Permanent, 1, None, 0, 0.5), State::FailedPermanently);
        assert_eq!(next(Outcome::Sent, 12, None, 0, 0.5), State::Sent);
    }

    #[test]
    fn the_longer_of_back_off_and_retry_after_counts_up_to_a_day() {
        let due = |asked| next(Outcome::Transient, 1, Some(asked), 0, 0.5);
        assert_eq!(due(5_000), State::Retrying { due_at_ms: 30_000 });
        assert_eq!(due(90_000), State::Retrying { due_at_ms: 90_000 });
        assert_eq!(due(i64::MAX), State::Retrying { due_at_ms: LONGEST_ASKED_MS });
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // RFC 9110 §5.6.7: one moment in its three forms.
        let at_ms = 784_111_777_000;
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(retry_after_ms(text, at_ms - 60_000), Some(60_000), "{text}");
            assert_eq!(retry_after_ms(text, at_ms + 60_000), Some(0), "{text}");
        }
        assert_eq!(retry_after_ms("120", 0), Some(120_000));
        assert_eq!(retry_after_ms(" 0 ", 0), Some(0));
        assert_eq!(retry_after_ms("99999999999999999999", 0), Some(LONGEST_ASKED_MS));
        for text in ["", "soon", "-5", "1.5", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(retry_after_ms(text, 0), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_retry_after_panics(text in "\\PC{0,40}", now_ms in any::<i32>()) {
            let _ = retry_after_ms(&text, i64::from(now_ms));
        }
    }
}

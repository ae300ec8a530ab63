//! The status words of every answer to a report, and their HTTP codes (docs/postback.md, Answers).

use crate::model::note::{Broken, Note};

/// Declares the statuses and the list of them all, which so cannot miss one.
macro_rules! statuses {
    ($($(#[$about:meta])* $name:ident,)+) => {
        /// What became of a report.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Status { $($(#[$about])* $name,)+ }

        impl Status {
            const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

statuses! {
    /// Accepted, new.
    Queued,
    /// Known already; nothing changed but its re-fire counter.
    Duplicate,
    /// It asked what would become of it; nothing was counted or kept.
    DryRun,
    InvalidRequest,
    InvalidToken,
    /// A dry run was asked for where there is none; nothing was done.
    InvalidDryRun,
    InvalidEvent,
    InvalidUid,
    InvalidEid,
    InvalidValue,
    InvalidCurrency,
    InvalidTime,
    /// Of a bind: the Telegram user is missing or none.
    InvalidTgId,
    /// Of a click: no link of the space has this slug.
    InvalidLink,
    /// Of a click: the id of the call.
    InvalidId,
    /// It could not be stored anywhere; the sender shall try again.
    Unavailable,
}

/// Which family of codes an address answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// An affiliate network. Networks switch a postback off after a few answers that are not 2xx
    /// (Everflow: ten in 72 hours), so a refused field still answers 200 and says so in its body.
    Network,
    /// The user's own code, which reads codes.
    Program,
}

impl Status {
    /// The status of a word that was stored; `None` for one that a later version has.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.word() == word)
    }

    /// The word in the answer's `status`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Duplicate => "duplicate",
            Self::DryRun => "dry_run",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InvalidDryRun => "invalid_dry_run",
            Self::InvalidEvent => "invalid_event",
            Self::InvalidUid => "invalid_uid",
            Self::InvalidEid => "invalid_eid",
            Self::InvalidValue => "invalid_value",
            Self::InvalidCurrency => "invalid_currency",
            Self::InvalidTime => "invalid_time",
            Self::InvalidTgId => "invalid_tg_id",
            Self::InvalidLink => "invalid_link",
            Self::InvalidId => "invalid_id",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether the caller got what it asked for.
    pub fn is_ok(self) -> bool {
        matches!(self, Self::Queued | Self::Duplicate | Self::DryRun)
    }

    /// The HTTP code for this status. `notes` tell the refused requests apart.
    pub fn http(self, audience: Audience, notes: &[Note]) -> u16 {
        match self {
            Self::Queued | Self::Duplicate | Self::DryRun => 200,
            Self::InvalidRequest if notes.contains(&Note::Broken(Broken::BodyTooLong)) => 413,
            Self::InvalidRequest if notes.contains(&Note::MethodUnknown) => 405,
            Self::InvalidRequest => 400,
            Self::InvalidToken => 401,
            Self::Unavailable => 503,
            Self::InvalidDryRun
            | Self::InvalidEvent
            | Self::InvalidUid
            | Self::InvalidEid
            | Self::InvalidValue
            | Self::InvalidCurrency
            | Self::InvalidTime
            | Self::InvalidTgId
            | Self::InvalidLink
            | Self::InvalidId => match audience {
                Audience::Network => 200,
                Audience::Program => 422,
            },
        }
    }

    /// What to do about a refusal, in one sentence; `None` where there is nothing to do.
    ///
    /// Never contains "error" or "fail": some networks search a 2xx body for them.
    pub fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Queued | Self::Duplicate | Self::DryRun => return None,
            Self::InvalidRequest => {
                "The request could not be accepted; see notes. Query and body may each be up to 16 KiB of UTF-8."
            }
            Self::InvalidToken => {
                "The key is missing, unknown, expired or of the wrong kind. Use your space's current key."
            }
            Self::InvalidDryRun => "This call has no dry run: nothing was done. Remove dry_run.",
            Self::InvalidEvent => {
                "event must be one of contact, subscribed, registration, deposit."
            }
            Self::InvalidUid => "uid must have 1 to 256 characters, on one line.",
            Self::InvalidEid => "eid must have at most 256 characters, on one line.",
            Self::InvalidValue => {
                "value must be a plain number such as 25.00. Check which of the network's macros fills it. The postback is kept, so you can see what to fix."
            }
            Self::InvalidCurrency => "currency must be 3 to 5 letters, such as USD.",
            Self::InvalidTime => {
                "t must be epoch milliseconds, at most 366 days ago or 24 hours ahead. Leave it out to use the time of receipt."
            }
            Self::InvalidTgId => "tg_id must be a Telegram user's numeric id.",
            Self::InvalidId => "id must have at most 256 characters, on one line.",
            Self::InvalidLink => {
                "link_slug must be what stands behind /l/ in the address of a link of this space."
            }
            Self::Unavailable => {
                "It could not be stored. Send it again after the time in Retry-After."
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_contract() {
        let codes = |audience| {
            Status::ALL.iter().map(|status| status.http(audience, &[])).collect::<Vec<_>>()
        };
        assert_eq!(
            codes(Audience::Network),
            [200, 200, 200, 400, 401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 503]
        );
        assert_eq!(
            codes(Audience::Program),
            [200, 200, 200, 400, 401, 422, 422, 422, 422, 422, 422, 422, 422, 422, 422, 503]
        );
        assert_eq!(
            Status::InvalidRequest.http(Audience::Network, &[Note::Broken(Broken::BodyTooLong)]),
            413
        );
    }

    #[test]
    fn a_stored_word_is_read_as_the_status_that_wrote_it() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.word()), Some(*status));
        }
        assert_eq!(Status::parse("invalid_moon"), None);
    }

    #[test]
    fn no_text_of_ours_looks_like_trouble_to_a_network() {
        for status in Status::ALL {
            let text = format!("{} {}", status.word(), status.hint().unwrap_or_default());
            let text = text.to_lowercase();
            assert!(!text.contains("error") && !text.contains("fail"), "{text}");
        }
    }
}

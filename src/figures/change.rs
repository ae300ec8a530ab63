//! What became of a figure since the period before.

/// A figure against the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// In whole per cent.
    Percent(i128),
    /// There was none before.
    New,
    /// There was none, and there is none.
    None,
    /// One of them is negative: a share of what was taken back says nothing.
    OfAmounts,
}

impl Change {
    /// What became of `before`.
    pub fn of(now: i128, before: i128) -> Self {
        match (now, before) {
            (now, before) if now < 0 || before < 0 => Self::OfAmounts,
            (0, 0) => Self::None,
            (_, 0) => Self::New,
            (now, before) => {
                let more = 100 * (now - before);
                let half = if more < 0 { -before } else { before };
                Self::Percent((2 * more + half) / (2 * before))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_in_per_cent_where_that_says_something() {
        for (now, before, expected) in [
            (112, 100, Change::Percent(12)),
            (92, 100, Change::Percent(-8)),
            (0, 100, Change::Percent(-100)),
            (7, 7, Change::Percent(0)),
            (2, 3, Change::Percent(-33)),
            (1005, 1000, Change::Percent(1)),
            (3, 0, Change::New),
            (0, 0, Change::None),
            (-5, 10, Change::OfAmounts),
            (5, -10, Change::OfAmounts),
        ] {
            assert_eq!(Change::of(now, before), expected, "{now} after {before}");
        }
    }
}

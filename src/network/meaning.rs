//! What a network's macros and its words for a conversion's status mean.

/// What a network fills in for a macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The user's own click id: what belongs in `uid`.
    Click,
    /// The network's id of the click or the visit, which all of its conversions share.
    Session,
    /// The conversion itself: what belongs in `eid`.
    Transaction,
    /// The person who registered or paid.
    User,
    Deposit,
    Order,
    Commission,
    Withdrawal,
    /// An amount; the source does not say of what.
    Amount,
    /// By how much an amount changed.
    Change,
    Status,
    Event,
    Currency,
    Country,
    Advertiser,
    /// Another text on every try.
    Random,
}

impl Meaning {
    /// Reads a pack's word.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "click" => Self::Click,
            "session" => Self::Session,
            "transaction" => Self::Transaction,
            "user" => Self::User,
            "deposit" => Self::Deposit,
            "order" => Self::Order,
            "commission" => Self::Commission,
            "withdrawal" => Self::Withdrawal,
            "amount" => Self::Amount,
            "change" => Self::Change,
            "status" => Self::Status,
            "event" => Self::Event,
            "currency" => Self::Currency,
            "country" => Self::Country,
            "advertiser" => Self::Advertiser,
            "random" => Self::Random,
            _ => return None,
        })
    }
}

/// What a conversion's status says of its money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Approved,
    /// Not decided yet.
    Pending,
    Declined,
    /// Taken back after it had counted.
    Reversed,
}

impl Standing {
    /// Reads a pack's word.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "approved" => Self::Approved,
            "pending" => Self::Pending,
            "declined" => Self::Declined,
            "reversed" => Self::Reversed,
            _ => return None,
        })
    }
}

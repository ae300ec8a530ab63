//! Names that networks give their parameters, and words that they put into them.

use crate::doctor::group::Group;
use crate::doctor::seen::Seen;
use crate::model::amount::Amount;
use crate::model::event::EventKind;
use crate::network::{Meaning, Standing};

pub const CLICKS: &[&str] = &[
    "click_id",
    "clickid",
    "click",
    "cid",
    "subid",
    "sub_id",
    "sub1",
    "sub_id1",
    "subid1",
    "aff_sub",
    "aff_click_id",
    "external_id",
    "externalid",
    "tracking_id",
    "visit_id",
    "subacc4",
    "afp",
    "s2",
    "sub2",
    "sub3",
    "sub4",
    "sub5",
    "aff_sub2",
    "aff_sub3",
    "aff_sub4",
    "aff_sub5",
    "click_subid",
];

/// Names of what may hold anything: a short number in them is no click.
const ANYTHING: &[&str] = &["sub", "aff_sub", "s", "cid"];

/// Shortest text that two parameters do not share by chance.
const TELLING: usize = 4;

pub const TRANSACTIONS: &[&str] = &[
    "transaction_id",
    "transactionid",
    "txid",
    "tx_id",
    "trans_id",
    "conversion_id",
    "conv_id",
    "order_id",
    "orderid",
    "deposit_id",
    "depositid",
    "trade_id",
    "payment_id",
];

pub const USERS: &[&str] = &[
    "trader_id",
    "traderid",
    "user_id",
    "userid",
    "player_id",
    "playerid",
    "customer_id",
    "customerid",
    "client_id",
    "clientid",
    "account_id",
    "accountid",
];

pub const DEPOSITS: &[&str] = &[
    "sumdep",
    "deposit",
    "deposit_amount",
    "deposit_sum",
    "dep_amount",
    "dep_sum",
    "transaction_sum",
];

pub const ORDERS: &[&str] =
    &["order_sum", "order_amount", "order_value", "sale_amount", "order_total"];

pub const COMMISSIONS: &[&str] =
    &["commission", "commissionamount", "commission_amount", "payout_amount", "payout", "revenue"];

/// Names of an amount, the likelier ones first.
pub const AMOUNTS: &[&str] = &[
    "amount",
    "sum",
    "sumdep",
    "deposit_amount",
    "deposit",
    "transaction_sum",
    "payout",
    "payout_amount",
    "revenue",
    "price",
    "sale_amount",
    "order_sum",
    "commission_amount",
    "commissionamount",
    "commission",
    "money",
    "total",
    "val",
];

pub const CURRENCIES: &[&str] = &["cur", "curr", "ccy", "currency_code", "currencycode"];

pub const RANDOMS: &[&str] =
    &["rand", "random", "rnd", "nonce", "cb", "cachebuster", "cache_buster"];

/// Names of what happened, or of what became of it.
pub const STATUSES: &[&str] = &[
    "status",
    "type",
    "goal",
    "action",
    "event_type",
    "event_name",
    "conv_status",
    "cnv_status",
    "conversion_status",
    "conversion_type",
    "transaction_type",
    "lead_status",
    "state",
];

/// Whether a parameter beside ours, one of these names, holds the same text.
pub fn equal<'s>(seen: &'s Seen, names: &[&str], text: &str) -> Option<&'s str> {
    let is_telling = |name: &str| {
        let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
        text.len() >= TELLING || !ANYTHING.iter().any(|own| own.eq_ignore_ascii_case(kind))
    };
    let is_one =
        |name: &str| names.iter().any(|own| own.eq_ignore_ascii_case(name)) && is_telling(name);
    seen.others()
        .into_iter()
        .find(|(name, value)| is_one(name) && *value == text)
        .map(|(name, _)| name)
}

/// Whether a parameter beside ours, one of these names, holds the same amount.
pub fn equal_amount<'s>(seen: &'s Seen, names: &'s [&'s str], micros: i64) -> Option<&'s str> {
    amounts(seen, names).find(|(_, found)| *found == micros).map(|(name, _)| name)
}

/// The amounts in the parameters with these names.
pub fn amounts<'s>(seen: &'s Seen, names: &'s [&'s str]) -> impl Iterator<Item = (&'s str, i64)> {
    let is_one = |name: &str| names.iter().any(|own| own.eq_ignore_ascii_case(name));
    let named = seen.others().into_iter().filter(move |(name, _)| is_one(name));
    named.filter_map(|(name, value)| Some((name, Amount::parse(value)?.0.micros())))
}

/// Letters and digits alone, small.
fn bare(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Which of our events a network's word means.
pub fn event_meant(word: &str) -> Option<EventKind> {
    Some(match bare(word).as_str() {
        "deposit" | "deposits" | "ftd" | "firstdeposit" | "firsttimedeposit" | "firstdep"
        | "fd" | "dep" | "redep" | "redeposit" | "nextdeposit" | "repeatdeposit" | "repdep"
        | "seconddeposit" | "purchase" | "sale" | "payment" | "paid" | "order" | "buy"
        | "topup" => EventKind::Deposit,
        "registration"
        | "registrations"
        | "reg"
        | "regs"
        | "register"
        | "registered"
        | "signup"
        | "lead"
        | "conf"
        | "confirm"
        | "confirmation"
        | "confirmed"
        | "emailconfirmation"
        | "completeregistration" => EventKind::Registration,
        "contact" | "click" | "start" | "visit" | "landing" => EventKind::Contact,
        "subscribed" | "subscribe" | "subscription" | "join" | "joined" => EventKind::Subscribed,
        _ => return None,
    })
}

/// What a network's word says against counting the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    Declined,
    Chargeback,
    Withdrawal,
}

pub fn against(word: &str) -> Option<Against> {
    Some(match bare(word).as_str() {
        "declined" | "decline" | "rejected" | "reject" | "trash" | "cancelled" | "canceled"
        | "cancel" | "refused" | "denied" | "invalid" | "fraud" => Against::Declined,
        "chargeback" | "chargebacks" | "refund" | "refunded" | "reversed" | "reversal" | "void"
        | "voided" => Against::Chargeback,
        "withdrawal" | "withdrawals" | "withdraw" | "cashout" => Against::Withdrawal,
        _ => return None,
    })
}

/// The parameter that says that an arrival's money must not count, with what it says.
pub fn said_against<'s>(group: &Group, seen: &'s Seen) -> Option<(&'s str, &'s str, Against)> {
    let is_one = |name: &str| STATUSES.iter().any(|own| own.eq_ignore_ascii_case(name));
    seen.others().into_iter().filter(|(name, _)| is_one(name)).find_map(|(name, word)| {
        let says = match standing(group, name, word) {
            Some(Standing::Declined) => Some(Against::Declined),
            Some(Standing::Reversed) => Some(Against::Chargeback),
            Some(Standing::Approved | Standing::Pending) => None,
            None => against(word),
        };
        Some((name, word, says?))
    })
}

/// What the network itself means by a status.
fn standing(group: &Group, name: &str, word: &str) -> Option<Standing> {
    let is_status = name.to_ascii_lowercase().contains("status");
    let is_own = is_status || group.meaning_of(name) == Some(Meaning::Status);
    let statuses = &group.pack.filter(|_| is_own)?.statuses;
    statuses.iter().find(|(own, _)| own.eq_ignore_ascii_case(word)).map(|(_, standing)| *standing)
}

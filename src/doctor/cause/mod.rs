//! The causes: each file holds one rule, its sentence, its mend and its tests.

mod amount_ambiguous;
mod amount_empty;
mod amount_is_commission;
mod amount_is_order;
mod amount_not_a_number;
mod amount_symbol;
mod chargeback_counted;
mod conflict;
mod currency_missing;
mod currency_not_a_code;
mod eid_constant;
mod eid_empty;
mod eid_fresh;
mod eid_is_click_id;
mod eid_is_user_id;
mod eid_missing;
mod eid_repeats;
mod event_missing;
mod event_unknown;
mod html_mangled;
mod id_unusable;
pub mod key_unknown;
mod macro_as_name;
mod macro_double_encoded;
mod macro_unresolved;
mod macro_wrong_brackets;
mod macro_wrong_case;
mod parameter_own_name;
mod placeholder_left;
mod possible_duplicate;
mod repeated_parameter;
mod request_unreadable;
mod second_question_mark;
mod secret_elsewhere;
mod source_silent;
mod status_declined;
mod template_opened;
mod tg_id_ignored;
mod time_implausible;
mod time_local;
mod time_microseconds;
mod time_not_a_number;
mod time_seconds;
mod uid_is_user_id;
mod uid_line_break;
mod uid_missing;
mod uid_other_space;
mod uid_truncated;
mod uid_unknown;
mod withdrawal_counted;

use crate::doctor::group::{Found, Group};

/// A cause, and the rule that finds it.
pub struct Cause {
    /// The stable word.
    pub word: &'static str,
    pub find: fn(&Group) -> Option<Found>,
    /// Whether it stays until somebody decides, however much has come since.
    pub stays: bool,
}

impl Cause {
    const fn new(word: &'static str, find: fn(&Group) -> Option<Found>) -> Self {
        Self { word, find, stays: false }
    }
}

/// From the specific to the general: what one rule explains, a later one leaves alone.
pub const CAUSES: &[Cause] = &[
    request_unreadable::CAUSE,
    template_opened::CAUSE,
    secret_elsewhere::CAUSE,
    eid_is_click_id::CAUSE,
    eid_is_user_id::CAUSE,
    eid_fresh::CAUSE,
    uid_is_user_id::CAUSE,
    amount_is_commission::CAUSE,
    amount_is_order::CAUSE,
    withdrawal_counted::CAUSE,
    placeholder_left::CAUSE,
    macro_double_encoded::CAUSE,
    macro_wrong_brackets::CAUSE,
    macro_wrong_case::CAUSE,
    macro_as_name::CAUSE,
    macro_unresolved::CAUSE,
    parameter_own_name::CAUSE,
    event_missing::CAUSE,
    event_unknown::CAUSE,
    uid_line_break::CAUSE,
    id_unusable::CAUSE,
    uid_other_space::CAUSE,
    uid_truncated::CAUSE,
    uid_unknown::CAUSE,
    uid_missing::CAUSE,
    eid_constant::CAUSE,
    eid_repeats::CAUSE,
    eid_empty::CAUSE,
    eid_missing::CAUSE,
    amount_symbol::CAUSE,
    amount_ambiguous::CAUSE,
    amount_not_a_number::CAUSE,
    amount_empty::CAUSE,
    status_declined::CAUSE,
    chargeback_counted::CAUSE,
    currency_not_a_code::CAUSE,
    currency_missing::CAUSE,
    time_microseconds::CAUSE,
    time_seconds::CAUSE,
    time_not_a_number::CAUSE,
    time_implausible::CAUSE,
    time_local::CAUSE,
    tg_id_ignored::CAUSE,
    html_mangled::CAUSE,
    second_question_mark::CAUSE,
    repeated_parameter::CAUSE,
    conflict::CAUSE,
    possible_duplicate::CAUSE,
    source_silent::CAUSE,
];

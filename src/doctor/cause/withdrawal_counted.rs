//! What a user took out was counted as a deposit.

use crate::doctor::against;
use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group};
use crate::doctor::names::Against;

pub const CAUSE: Cause = Cause::new("withdrawal_counted", find);

fn find(group: &Group) -> Option<Found> {
    against::find(group, Against::Withdrawal)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    #[test]
    fn a_withdrawal_is_found_by_word_macro_and_parameter() {
        let name = "withdrawal_counted";
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&goal=withdrawal"], &[name]);
        assert_causes_of("quotex", &["event=deposit&uid=u-1&eid=5&value={sumwithdraw}"], &[name]);
        let beside = "event=deposit&uid=u-1&eid=5&value=5&sumwithdraw=5.00";
        assert_causes_of("quotex", &[beside], &[name]);
        let mend = &found_of("quotex", &[beside])[0].mend;
        assert!(mend.contains("value={sumdep}"), "{mend}");
    }

    #[test]
    fn a_deposit_with_its_withdrawal_at_zero_is_none() {
        assert_causes_of(
            "quotex",
            &["event=deposit&uid=u-1&eid=5&value=5&sumdep=5&sumwithdraw=0"],
            &[],
        );
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&goal=deposit"], &[]);
    }
}

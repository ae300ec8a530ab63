//! What the affiliate earns stands where the deposit is meant.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group};
use crate::doctor::names::COMMISSIONS;
use crate::doctor::share::{self, Share};
use crate::network::Meaning;

pub const CAUSE: Cause = Cause::new("amount_is_commission", find);

fn find(group: &Group) -> Option<Found> {
    share::find(
        group,
        &Share { means: Meaning::Commission, names: COMMISSIONS, is: "your commission" },
    )
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    const NAME: &str = "amount_is_commission";

    #[test]
    fn a_commission_is_found_where_the_network_tells_the_deposit() {
        let pit = "the-trading-pit";
        let left = "event=deposit&uid=u-1&eid=5&value=[commissionamount]";
        assert_causes_of(pit, &[left], &[NAME]);
        let beside = "event=deposit&uid=u-1&eid=5&value=12.50&commissionamount=12.5";
        assert_causes_of(pit, &[beside], &[NAME]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=40&payout=40&deposit=200"], &[NAME]);
        let mend = &found_of(pit, &[beside])[0].mend;
        assert!(mend.contains("write value=[transaction_sum]"), "{mend}");
    }

    #[test]
    fn a_network_that_knows_no_deposit_has_nothing_better() {
        let beside = "event=deposit&uid=u-1&eid=5&value=40&payout_amount=40&sale_amount=200";
        assert_causes_of("everflow", &[beside], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=40&payout=40"], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=40&payout=40&deposit=40"], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=200&payout=40&deposit=200"], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=40&payout=40&deposit=1"], &[]);
    }
}

//! What the user bought for stands where the deposit is meant.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group};
use crate::doctor::names::ORDERS;
use crate::doctor::share::{self, Share};
use crate::network::Meaning;

pub const CAUSE: Cause = Cause::new("amount_is_order", find);

fn find(group: &Group) -> Option<Found> {
    share::find(group, &Share { means: Meaning::Order, names: ORDERS, is: "the order's value" })
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::assert_causes;

    #[test]
    fn an_order_is_found_where_the_deposit_stands_beside_it() {
        let query = "event=deposit&uid=u-1&eid=5&value=99&order_sum=99&sumdep=250";
        assert_causes(&[query], &["amount_is_order"]);
    }

    #[test]
    fn an_order_alone_is_none() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=99&order_sum=99"], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=250&order_sum=99&sumdep=250"], &[]);
    }
}

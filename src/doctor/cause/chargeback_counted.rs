//! Money that was taken back was counted as a deposit.

use crate::doctor::against;
use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group};
use crate::doctor::names::Against;

pub const CAUSE: Cause = Cause::new("chargeback_counted", find);

fn find(group: &Group) -> Option<Found> {
    against::find(group, Against::Chargeback)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    #[test]
    fn a_chargeback_with_a_positive_amount_is_found() {
        let name = "chargeback_counted";
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&type=refund"], &[name]);
        let query = "event=deposit&uid=u-1&eid=5&value=5&currency=USD&status=REVERSED";
        assert_causes_of("impact", &[query], &[name]);
        assert_eq!(found_of("impact", &[query])[0].money, [("USD".to_owned(), 5_000_000)]);
    }

    #[test]
    fn a_negative_amount_is_how_it_should_be() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=-5&type=refund"], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=0&type=chargeback"], &[]);
    }
}

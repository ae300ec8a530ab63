//! A conversion that the network has declined was counted.

use crate::doctor::against;
use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group};
use crate::doctor::names::Against;

pub const CAUSE: Cause = Cause::new("status_declined", find);

fn find(group: &Group) -> Option<Found> {
    against::find(group, Against::Declined)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    fn deposit(rest: &str) -> String {
        format!("event=deposit&uid=u-1&eid=5&value=5&currency=USD&{rest}")
    }

    #[test]
    fn a_declined_status_is_found_by_the_words_of_the_network() {
        let name = "status_declined";
        assert_causes(&[&deposit("status=rejected")], &[name]);
        assert_causes(&[&deposit("conv_status=Declined")], &[name]);
        assert_causes_of("affise", &[&deposit("status=3")], &[name]);
        let mend = &found_of("adcombo", &[&deposit("status=trash")])[0].mend;
        assert!(mend.contains("confirmed"), "{mend}");
    }

    #[test]
    fn what_is_approved_or_undecided_is_none() {
        for status in ["approved", "pending", "hold", "3", "1", "2"] {
            assert_causes(&[&deposit(&format!("status={status}"))], &[]);
        }
        for status in ["1", "2", "5"] {
            assert_causes_of("affise", &[&deposit(&format!("status={status}"))], &[]);
        }
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=-5&status=rejected"], &[]);
        assert_causes(&[&deposit("sub1=rejected")], &[]);
    }
}

//! A date or a word for a time.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{in_settings, shown, were};
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("time_not_a_number", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::TIME, &|seen| seen.has(Note::TimeNotANumber));
    let time = group.newest(&hits)?.text(Field::Time).unwrap_or_default();
    let sentence =
        format!("{} refused: t={} is no epoch time.", were(hits.len(), "postback"), shown(time));
    let mend = format!(
        "{} remove t=, so that the time of receipt counts, or send epoch milliseconds.",
        in_settings(group)
    );
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::assert_causes;

    #[test]
    fn a_date_is_found() {
        let query = "event=deposit&uid=u-1&eid=5&value=5&t=2026-12-04T12:00:00Z";
        assert_causes(&[query], &["time_not_a_number"]);
    }

    #[test]
    fn seconds_with_a_fraction_are_read() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&t=1796387200.25"], &[]);
    }
}

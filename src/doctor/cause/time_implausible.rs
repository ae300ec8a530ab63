//! A time that cannot be.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{in_settings, shown, were};
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("time_implausible", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::TIME, &|seen| seen.has(Note::TimeImplausible));
    let time = group.newest(&hits)?.text(Field::Time).unwrap_or_default();
    let sentence = format!(
        "{} refused: t={} is more than a year ago or a day ahead.",
        were(hits.len(), "postback"),
        shown(time)
    );
    let mend = format!(
        "{} remove t=, so that the time of receipt counts, or send epoch milliseconds.",
        in_settings(group)
    );
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{NOW_MS, assert_causes};

    #[test]
    fn a_time_that_cannot_be_is_found() {
        for t in ["0", "1", "20261204120000"] {
            let query = format!("event=deposit&uid=u-1&eid=5&value=5&t={t}");
            assert_causes(&[&query], &["time_implausible"]);
        }
    }

    #[test]
    fn last_months_report_is_none() {
        let query = format!("event=deposit&uid=u-1&eid=5&value=5&t={}", NOW_MS - 30 * 86_400_000);
        assert_causes(&[&query], &[]);
    }
}

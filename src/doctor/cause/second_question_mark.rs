//! Parameters of ours behind a second `?`, plain or encoded.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, counted};
use crate::doctor::seen::Seen;
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("second_question_mark", find);

fn find(group: &Group) -> Option<Found> {
    if group.pack.is_some_and(|pack| pack.appends) {
        return None;
    }
    let hits =
        group.hits(Topic::SHAPE, &|seen| seen.has(Note::SecondQuestionMark) && is_ours(seen));
    let sentence = format!(
        "{} came with a second ? in the URL; what stands behind it was read all the same.",
        counted(hits.len(), "postback")
    );
    let mend = if group.pack.is_some_and(|pack| pack.base_only) {
        say::mend(group, "use the base URL with token and event in its path, /e/<token>/deposit")
    } else {
        say::mend(group, "write & in place of the second ?")
    };
    Found::new(hits, sentence, mend)
}

/// Whether one of ours stands behind it. What a network appends by itself is none of them.
fn is_ours(seen: &Seen) -> bool {
    let behind = seen.at.raw.split('?').skip(1).flat_map(|part| part.split('&'));
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    let is_encoded = ["%3F", "%3f"].iter().any(|mark| seen.at.raw.contains(mark));
    is_encoded || behind.map(name).any(|name| Field::named(&name).is_some())
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, assert_causes_of, found_of};

    const NAME: &str = "second_question_mark";

    #[test]
    fn a_second_one_before_ours_is_found() {
        assert_causes(&["event=deposit&uid=u-1?eid=5&value=5"], &[NAME]);
        assert_causes(&["event=deposit&uid=u-1%3Feid%3D5&value=5"], &[NAME]);
        let found = found_of("binomo", &["event=deposit?uid=u-1&eid=5&value=5"]);
        assert!(found[0].mend.contains("/e/<token>/deposit"), "{}", found[0].mend);
    }

    #[test]
    fn what_a_network_appends_is_none() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5?reg=1&ftd=0"], &[]);
        assert_causes_of("1xpartners", &["event=deposit&uid=u-1&value=5?eid=5"], &[]);
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&q=what%3F"], &[]);
    }
}

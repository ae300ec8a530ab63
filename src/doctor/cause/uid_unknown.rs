//! A uid that no click has.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Index, Topic};
use crate::doctor::say::{counted, in_settings, network, right_macro, shown};
use crate::doctor::seen::spelled;
use crate::doctor::window::UidIs;
use crate::model::note::Field;

pub const CAUSE: Cause = Cause::new("uid_unknown", find);

/// What test buttons send.
const SAMPLES: [&str; 4] = ["test", "sample", "example", "demo"];

fn find(group: &Group) -> Option<Found> {
    if !group.window.has_clicks || !is_usual(group) {
        return None;
    }
    let hits = group.hits(Topic::UID, &|seen| {
        seen.at.uid_is == UidIs::Unknown && !is_sample(seen.at.uid.as_deref().unwrap_or_default())
    });
    let uid = group.newest(&hits)?.at.uid.clone().unwrap_or_default();
    let sentence = format!(
        "{} came with a uid that no click of this space has (the last one: uid={}), so no link is credited.",
        counted(hits.len(), "postback"),
        shown(&uid)
    );
    let event = group.event_of(&hits);
    let mend = match right_macro(group, Field::Uid, event) {
        Some(right) => format!(
            "{} write uid={right}, and have your link pass its click id on in that parameter of the offer link.",
            in_settings(group)
        ),
        None => format!(
            "Have your link pass its click id on to {}, and write the macro of that sub id behind uid=.",
            network(group)
        ),
    };
    Found::new(hits, sentence, mend)
}

/// Whether it is usual at this source: of the other uids at most nine in ten are known. Among many
/// known ones a few are clicks of before.
fn is_usual(group: &Group) -> bool {
    let mut uids = Index::new();
    for (at, seen) in group.arrived.iter().enumerate() {
        if let Some(uid) = seen.at.uid.as_deref().filter(|uid| !is_sample(uid)) {
            uids.entry(spelled(uid)).or_default().push(at);
        }
    }
    let newest = |places: &&Vec<usize>| places.last().and_then(|at| group.arrived.get(*at));
    let is_known =
        |places: &&Vec<usize>| newest(places).is_some_and(|seen| seen.at.uid_is == UidIs::Known);
    let known = uids.values().filter(is_known).count();
    let others = uids.len().saturating_sub(1);
    known * 10 <= others * 9
}

fn is_sample(uid: &str) -> bool {
    let uid = uid.to_ascii_lowercase();
    SAMPLES.iter().any(|sample| uid.contains(sample))
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{Fired, Space, assert_causes, found, found_of, window};

    #[test]
    fn uids_of_elsewhere_are_found() {
        assert_causes(&["event=deposit&uid=kt-1&eid=5&value=5"], &["uid_unknown"]);
        let found = found_of("everflow", &["event=registration&uid=7c1e4b&eid=c1"]);
        assert!(found[0].mend.contains("write uid={sub1}"), "{}", found[0].mend);
    }

    #[test]
    fn a_stray_one_a_sample_and_a_space_without_clicks_are_none() {
        let known = "event=contact&uid=u-1";
        assert_causes(&[known, "event=deposit&uid=old-1&eid=5&value=5"], &[]);
        assert_causes(&["event=deposit&uid=TEST_CLICK&eid=5&value=5"], &[]);
        let two = [known, "event=contact&uid=a", "event=contact&uid=b"];
        assert_eq!(found(&two)[0].count, 2);
        let fired = Fired { query: two[1].to_owned(), after_ms: 0 };
        let mut window = window(&Space::default(), &[fired]);
        window.has_clicks = false;
        assert_eq!(crate::doctor::findings(&window), []);
    }
}

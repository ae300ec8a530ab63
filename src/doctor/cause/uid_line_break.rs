//! An invisible character in the click id: mostly the end of a line that was pasted along.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{network, shown, were};
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("uid_line_break", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::UID, &|seen| seen.has(Note::UidControlCharacter));
    let uid = group.newest(&hits)?.text(Field::Uid).unwrap_or_default();
    let sentence = format!(
        "{} refused: uid={} has a line break or another invisible character in it.",
        were(hits.len(), "postback"),
        shown(uid)
    );
    let mend = format!(
        "Paste the offer link and the postback URL again in one line, so that {} passes uid on as it is.",
        network(group)
    );
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn a_line_break_within_is_found_and_shown() {
        let found = found(&["event=deposit&uid=ab%0D%0Acd&eid=5&value=5"]);
        assert_eq!(found[0].cause, "uid_line_break");
        assert!(found[0].sentence.contains("uid=ab\\r\\ncd"), "{}", found[0].sentence);
        assert_eq!(found[0].money, [("USD".to_owned(), 5_000_000)]);
    }

    #[test]
    fn one_at_the_end_is_dropped_and_harmless() {
        assert_causes(&["event=deposit&uid=u-1%0A&eid=5&value=5"], &[]);
    }
}

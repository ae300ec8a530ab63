//! The URL went through HTML on its way into the settings.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{counted, networks};
use crate::model::note::Note;

pub const CAUSE: Cause = Cause::new("html_mangled", find);

fn find(group: &Group) -> Option<Found> {
    let hits =
        group.hits(Topic::SHAPE, &|seen| seen.has(Note::HtmlAmp) || seen.has(Note::HtmlEntity));
    let what = if group.newest(&hits)?.has(Note::HtmlAmp) {
        "with &amp; in place of &"
    } else {
        "with a name that HTML had damaged, such as \u{a4}cy for &currency"
    };
    let sentence = format!("{} came {what}; this was repaired.", counted(hits.len(), "postback"));
    let mend = format!(
        "Copy the URL under API keys with its button and paste it as plain text into {} settings.",
        networks(group)
    );
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn damage_by_html_is_found() {
        let found = found(&["event=deposit&amp;uid=u-1&amp;eid=5&amp;value=5"]);
        assert_eq!((found[0].cause, found.len()), ("html_mangled", 1));
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5%C2%A4cy=EUR"], &["html_mangled"]);
    }

    #[test]
    fn a_sign_within_a_value_is_none() {
        assert_causes(&["event=deposit&uid=u-1&eid=5%C2%A4&value=5"], &[]);
    }
}

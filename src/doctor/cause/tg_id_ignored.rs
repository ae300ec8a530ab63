//! `tg_id` is no Telegram user id.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{counted, shown};
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("tg_id_ignored", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::PERSON, &|seen| seen.has(Note::TgIdIgnored));
    let tg_id = group.newest(&hits)?.text(Field::TgId).unwrap_or_default();
    let sentence = format!(
        "{} came with tg_id={}, which is no Telegram user id and was ignored.",
        counted(hits.len(), "postback"),
        shown(tg_id)
    );
    let mend = "Send the user's numeric Telegram id in tg_id, not a name, or remove tg_id.";
    Found::new(hits, sentence, mend.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::assert_causes;

    #[test]
    fn a_name_is_no_id() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&tg_id=@alice"], &["tg_id_ignored"]);
    }

    #[test]
    fn a_number_is_one() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&tg_id=555123"], &[]);
    }
}

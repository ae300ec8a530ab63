//! One of our keys in a parameter that is not `token`.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{self, counted};
use crate::model::note::Note;

pub const CAUSE: Cause = Cause::new("secret_elsewhere", find);

fn find(group: &Group) -> Option<Found> {
    let mut hits = group.hits(Topic::SHAPE, &|seen| seen.has(Note::SecretRemoved));
    for hit in &mut hits {
        // What it stood in is empty because of it.
        hit.topic = hit.topic.and(Topic::UID).and(Topic::EID).and(Topic::VALUE);
    }
    let sentence = format!(
        "{} came with one of your keys in a parameter other than token; it was removed before anything was stored.",
        counted(hits.len(), "postback")
    );
    let mend = say::mend(
        group,
        "put the key into token= and nowhere else, and rotate it if others can see that URL",
    );
    Found::new(hits, sentence, mend)
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::assert_causes;

    #[test]
    fn a_key_in_a_sub_id_is_found() {
        let query = "event=deposit&uid=u-1&eid=5&value=5&sub=xt_sk_abcdefghijklmnop";
        assert_causes(&[query], &["secret_elsewhere"]);
        let in_uid = "event=deposit&uid=xt_in_abcdefghijklmnop&eid=5&value=5";
        assert_causes(&[in_uid], &["secret_elsewhere"]);
    }

    #[test]
    fn a_key_in_token_is_where_it_belongs() {
        assert_causes(&["token=xt_in_abc&event=deposit&uid=u-1&eid=5&value=5"], &[]);
    }
}

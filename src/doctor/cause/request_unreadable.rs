//! The source is answered with something other than 2xx, because the request cannot be read.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Topic};
use crate::doctor::say::{counted, network};
use crate::model::note::{Broken, Note};
use crate::model::status::{Audience, Status};

pub const CAUSE: Cause = Cause::new("request_unreadable", find);

fn find(group: &Group) -> Option<Found> {
    let hits = group.hits(Topic::ALL, &|seen| seen.at.status == Some(Status::InvalidRequest));
    let newest = group.newest(&hits)?;
    let code = Status::InvalidRequest.http(Audience::Network, &newest.notes);
    let network = network(group);
    let (why, what) = newest
        .notes
        .iter()
        .find_map(|note| told(*note))
        .unwrap_or(("could not be read", "send a plain GET, or a form or JSON by POST"));
    let sentence = format!(
        "{} {why} and got {code} for an answer; after a few of these, many networks switch a postback off.",
        counted(hits.len(), "postback")
    );
    Found::new(hits, sentence, format!("Have {network} {what}."))
}

fn told(note: Note) -> Option<(&'static str, &'static str)> {
    let plain = "send a plain GET, or a form or JSON by POST";
    Some(match note {
        Note::Undecodable(_) => (
            "came with characters that cannot be read",
            "send every value percent-encoded as UTF-8",
        ),
        Note::MethodUnknown => ("came by a method other than GET and POST", plain),
        Note::Broken(Broken::QueryTooLong | Broken::BodyTooLong) => {
            ("came with more than 16 KiB", "send only the parameters that are needed")
        }
        Note::Broken(Broken::BodyNotUtf8) => {
            ("came with a body that is no text", "send the body as UTF-8")
        }
        Note::Broken(Broken::BodyIncomplete) => ("broke off while it was sent", "send it again"),
        Note::Broken(Broken::BodyTypeUnknown) => {
            ("came with a body that is neither form nor JSON", plain)
        }
        Note::Broken(Broken::JsonMalformed { .. }) => {
            ("came with JSON that is not whole", "send valid JSON, or a form")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn bytes_that_are_no_text_are_found_with_the_code() {
        let found = found(&["event=deposit&uid=%FF&eid=5&value=5"]);
        assert_eq!((found[0].cause, found.len()), ("request_unreadable", 1));
        assert!(found[0].sentence.contains("got 400"), "{}", found[0].sentence);
        assert!(found[0].mend.contains("UTF-8"), "{}", found[0].mend);
    }

    #[test]
    fn a_refusal_that_is_answered_200_is_none() {
        assert_causes(&["event=deposit&uid=u-1&eid=5&value=5&sub=%FF"], &[]);
        assert_causes(&["event=x&uid=u-1"], &["event_unknown"]);
    }
}

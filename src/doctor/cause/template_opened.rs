//! Somebody opened the URL from the settings, or a test button sent it as it stands.

use crate::doctor::cause::Cause;
use crate::doctor::group::{Found, Group, Hit, Topic};
use crate::doctor::literal::Literal;
use crate::doctor::say::{begun, counted, network};
use crate::doctor::seen::Seen;
use crate::model::note::{Field, Note};

pub const CAUSE: Cause = Cause::new("template_opened", find);

/// So often somebody may look at a template. What comes more often, and never filled in, is the network.
const LOOKS: usize = 3;

fn find(group: &Group) -> Option<Found> {
    let hits: Vec<_> = group
        .open(Topic::ALL)
        .into_iter()
        .filter(|(_, seen)| is_template(group, seen))
        .map(|(at, _)| at)
        .collect();
    let is_filled = |seen: &&Seen| seen.text(Field::Uid).is_some() && !seen.is_refused();
    let filled = group.arrived.iter().filter(is_filled).count();
    if hits.len() > LOOKS && hits.len() > filled {
        return None;
    }
    let counted = counted(hits.len(), "postback");
    let sentence = begun(&format!(
        "{counted} came with the macros themselves in place of a click id and an amount: somebody opened the URL from the settings, or pressed a test button."
    ));
    let mend = format!(
        "Take it out of the figures if it was counted; nothing has to change unless every postback of {} looks like this.",
        network(group)
    );
    Found::new(hits.into_iter().map(|at| Hit::new(at, Topic::ALL)).collect(), sentence, mend)
}

/// Whether nothing is filled in: neither uid nor amount, or neither of two ids.
fn is_template(group: &Group, seen: &Seen) -> bool {
    let Some(uid) = seen.literal(Field::Uid) else { return false };
    if seen.has(Note::TemplateOpened) || seen.literal(Field::Value).is_some() {
        return true;
    }
    let is_left = |text: &str| Literal::new(text).is_some();
    let is_right = |text: &str| {
        let literal = Literal::new(text).filter(|literal| !literal.is_placeholder);
        literal.is_some_and(|literal| {
            group.pack.is_none_or(|pack| pack.meaning(&literal.text).is_some())
        })
    };
    // Macros that the network does not know would stay unfilled in a conversion too.
    seen.literal(Field::Eid).is_some_and(is_right)
        && is_right(uid)
        && seen.text(Field::TgId).is_none()
        && seen.others().into_iter().all(|(name, value)| is_left(value) || is_left(name))
}

#[cfg(test)]
mod tests {
    use crate::doctor::tests::{assert_causes, found};

    #[test]
    fn a_template_with_nothing_filled_in_was_opened() {
        let name = "template_opened";
        assert_causes(&["event=registration&uid={click_id}&value={sumdep}"], &[name]);
        assert_causes(&["event=deposit&uid={click_id}&eid={trade_id}&value={sumdep}"], &[name]);
        assert_causes(&["event=registration&uid={sub1}&eid={conversion_id}"], &[name]);
        let quirk = "event=registration&uid={click_id}&eid={event_id}&{status}=true";
        assert_causes(&[quirk], &[name]);
        let found = found(&["event=deposit&uid=%7Bclick_id%7D&value=%7Bsumdep%7D"]);
        assert_eq!((found[0].count, found[0].held.len()), (1, 1));
    }

    #[test]
    fn what_is_filled_in_somewhere_or_comes_all_the_time_is_none() {
        for query in [
            "event=registration&uid={click_id}&eid=5",
            "event=deposit&uid=u-1&eid={trade_id}&value=5",
            "event=registration&uid={click_id}",
            "event=registration&uid={SUB1}&eid={Conversion_ID}",
        ] {
            assert!(
                found(&[query]).iter().all(|found| found.cause != "template_opened"),
                "{query}"
            );
        }
        let template = "event=deposit&uid={click_id}&eid={trade_id}&value={sumdep}";
        assert!(found(&[template; 4]).iter().all(|found| found.cause != "template_opened"));
    }
}

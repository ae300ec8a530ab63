//! Reads clicks: the query of a landing, and `POST /clicks` (docs/links.md).

use crate::model::click::{Click, Fields};
use crate::model::event::{BadId, Id};
use crate::model::key;
use crate::model::note::{Field, Note};
use crate::model::status::Status;
use crate::postback::Received;
use crate::postback::body::cut;
use crate::postback::fault::{Faults, Refusal};
use crate::postback::macros::is_unresolved;
use crate::postback::parameters::Parameters;
use crate::text::pairs::pairs;

/// Longest kept text of one attribution field, in bytes. Facebook's click ids have about 200.
const FIELD_BYTES: usize = 512;

/// Longest kept raw query of a landing, in bytes.
const RAW_BYTES: usize = 4096;

/// Reads a landing's query. The `utm_*` names stand in where the named ones are missing: campaign,
/// term and content are what Meta's own template puts there for campaign, ad set and ad.
pub fn read_fields(query: &str) -> Fields {
    let pairs = pairs(query);
    let first = |names: &[&str]| {
        names.iter().find_map(|wanted| {
            let named = pairs.iter().filter(|(name, _)| name == wanted);
            named.map(|(_, value)| value.as_str()).find_map(field)
        })
    };
    Fields {
        fbclid: first(&["fbclid"]),
        fbp: first(&["fbp"]),
        fbc: first(&["fbc"]),
        campaign_id: first(&["campaign_id", "utm_id"]),
        campaign_name: first(&["campaign_name", "utm_campaign"]),
        adset_id: first(&["adset_id"]),
        adset_name: first(&["adset_name", "utm_term"]),
        ad_id: first(&["ad_id"]),
        ad_name: first(&["ad_name", "utm_content"]),
        placement: first(&["placement"]),
    }
}

/// Facebook's own cookies stand in where the query has neither.
pub fn or_cookies(mut fields: Fields, cookies: &str) -> Fields {
    let cookie = |wanted: &str| {
        let named = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        named.filter(|(name, _)| *name == wanted).find_map(|(_, value)| field(value))
    };
    fields.fbp = fields.fbp.or_else(|| cookie("_fbp"));
    fields.fbc = fields.fbc.or_else(|| cookie("_fbc"));
    fields
}

/// A click as the bot's code reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotClick {
    /// The user's own click id; one is minted where there is none.
    pub uid: Option<Id>,
    /// The caller's name for this call, which a retry carries again.
    pub id: Option<Id>,
    pub link_slug: Option<String>,
    fields: Fields,
    raw_query: String,
}

impl BotClick {
    /// The click itself. What only a visitor's browser would tell stays unknown.
    pub fn into_click(self, uid: String, clicked_at_ms: i64) -> Click {
        Click {
            uid,
            clicked_at_ms,
            raw_query: self.raw_query,
            fields: self.fields,
            ..Click::default()
        }
    }
}

/// Reads `POST /clicks`. Everything is optional; what the fields do not say is looked for in
/// `raw_query`, which is a landing's query.
pub fn read_bot_click(received: &Received) -> Result<BotClick, Refusal> {
    let mut parameters = Parameters::parse(&received.query);
    let mut faults = Faults::of_request_for_real(&mut parameters, received.broken);
    let uid = faults.read_id(&mut parameters, Field::Uid);
    let pairs = pairs(&received.query);
    let named = |wanted: &str| {
        pairs.iter().find(|(name, value)| name == wanted && !value.trim().is_empty())
    };
    let id = named("id").and_then(|(_, text)| read_id(&mut faults, text.trim()));
    if !faults.is_empty() {
        return Err(faults.refusal(parameters.notes));
    }
    let query = named("raw_query").map_or("", |(_, query)| query.trim_start_matches('?'));
    Ok(BotClick {
        uid,
        id,
        link_slug: named("link_slug").map(|(_, slug)| slug.trim().to_owned()),
        fields: read_fields(&format!("{}&{query}", received.query)),
        raw_query: raw_query(query),
    })
}

/// Reads the id of a call. An unfilled macro is not one: it would make one click of all.
fn read_id(faults: &mut Faults, text: &str) -> Option<Id> {
    if is_unresolved(text) {
        return None;
    }
    let note = match Id::parse(text) {
        Ok(id) => return Some(id),
        Err(BadId::TooLong) => Note::IdTooLong,
        Err(BadId::ControlCharacter) => Note::IdControlCharacter,
    };
    faults.add(Status::InvalidId, note);
    None
}

/// A text worth keeping: not empty, not a macro that nobody filled, no secret of ours, cut to size.
pub fn field(text: &str) -> Option<String> {
    let text = text.trim();
    let worthless = text.is_empty() || is_unresolved(text) || key::contains_secret(text);
    (!worthless).then(|| cut(text, FIELD_BYTES).to_owned())
}

/// A landing's query as it is kept: without our secrets, cut to size.
pub fn raw_query(query: &str) -> String {
    if key::contains_secret(query) {
        return String::new();
    }
    cut(query, RAW_BYTES).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postback::Body;

    #[test]
    fn a_landing_query_is_read_with_utm_names_as_fallback() {
        let fields = read_fields(
            "fbclid=IwAR%2Babc&campaign_id=1&utm_campaign=Summer+sale&utm_content=Ad&utm_term=Set&placement=feed",
        );
        assert_eq!(fields.fbclid.as_deref(), Some("IwAR+abc"));
        assert_eq!(fields.campaign_id.as_deref(), Some("1"));
        assert_eq!(fields.campaign_name.as_deref(), Some("Summer sale"));
        assert_eq!(fields.ad_name.as_deref(), Some("Ad"));
        assert_eq!(fields.adset_name.as_deref(), Some("Set"));
        let named = read_fields("campaign_name=Named&utm_campaign=Utm");
        assert_eq!(named.campaign_name.as_deref(), Some("Named"));
    }

    #[test]
    fn unfilled_macros_and_secrets_are_not_kept() {
        let fields = read_fields("campaign_name={{campaign.name}}&ad_id=&fbclid=xt_in_abc");
        assert_eq!(fields, Fields::default());
        assert_eq!(raw_query("a=xt_sk_abc"), "");
        assert_eq!(raw_query("a=1"), "a=1");
    }

    #[test]
    fn facebooks_cookies_stand_in() {
        let fields = or_cookies(read_fields("fbp=fb.1.2.3"), "a=b; _fbp=fb.9; _fbc=fb.1.5.x");
        assert_eq!(fields.fbp.as_deref(), Some("fb.1.2.3"));
        assert_eq!(fields.fbc.as_deref(), Some("fb.1.5.x"));
    }

    #[test]
    fn a_bots_click_is_read_from_its_fields_and_then_its_query() {
        let read = |body: &[u8]| read_bot_click(&Received::default().with_body(body, Body::Json));
        let click = read(
            br#"{"uid":"mine","link_slug":"summer","campaign_name":"A","raw_query":"?fbclid=F&utm_campaign=B"}"#,
        )
        .unwrap();
        assert_eq!(click.link_slug.as_deref(), Some("summer"));
        assert_eq!(click.fields.campaign_name.as_deref(), Some("A"));
        assert_eq!(click.fields.fbclid.as_deref(), Some("F"));
        assert_eq!(click.uid.as_ref().map(Id::as_str), Some("mine"));
        let click = click.into_click("mine".to_owned(), 5);
        assert_eq!((click.uid.as_str(), click.clicked_at_ms), ("mine", 5));
        assert!(read(b"{").is_err());
        assert!(read(br#"{"uid":"a\u0000"}"#).is_err());
    }

    #[test]
    fn the_id_of_a_call_is_read_like_other_ids() {
        let id = |body: &str| {
            let click = read_bot_click(&Received::default().with_body(body.as_bytes(), Body::Json));
            let id = click.map_err(|refusal| refusal.status)?.id;
            Ok(id.map(|id| id.as_str().to_owned()))
        };
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(257));
        for (body, expected) in [
            ("{}", Ok(None)),
            (r#"{"id":null}"#, Ok(None)),
            (r#"{"id":" "}"#, Ok(None)),
            (r#"{"id":"{{update_id}}"}"#, Ok(None)),
            (r#"{"id":" a+b "}"#, Ok(Some("a+b".to_owned()))),
            (r#"{"id":7}"#, Ok(Some("7".to_owned()))),
            (r#"{"id":"a\nb"}"#, Err(Status::InvalidId)),
            (r#"{"uid":"a\nb","id":"a\nb"}"#, Err(Status::InvalidUid)),
            (&long, Err(Status::InvalidId)),
        ] {
            assert_eq!(id(body), expected, "{body}");
        }
    }

    #[test]
    fn long_fields_are_cut() {
        let fields = read_fields(&format!("fbclid={}", "x".repeat(2000)));
        assert_eq!(fields.fbclid.map(|text| text.len()), Some(FIELD_BYTES));
    }
}

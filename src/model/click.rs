//! A click: a visitor on a landing, or one that the bot's own code reports (docs/links.md).

use serde::Serialize;
use serde_json::Value;

use crate::model::event::Id;
use crate::model::key;
use crate::text::encode;
use crate::text::json;

/// Makes a uid of 128 random bits: 26 characters of `0-9a-v`, which fit every URL and, behind `fb_`,
/// the 64 characters of Telegram's start parameter.
pub fn mint_uid(random: [u8; 16]) -> String {
    encode::base32(&random)
}

/// Makes the uid of a call that has an id: for the same space and id always the same, so that a retry
/// needs nothing stored to find it, and not to be guessed by whoever knows both. `None` where
/// `key_secret` is empty. No key reads like the text that it is made of.
pub fn uid_of_call(key_secret: &[u8], space_id: i64, id: &Id) -> Option<String> {
    let mac = key::mac(key_secret, &format!("click {space_id} {}", id.as_str()))?;
    let (random, _) = mac.split_first_chunk()?;
    Some(mint_uid(*random))
}

/// What is known of a click for attribution and for the ad platforms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Click {
    pub uid: String,
    pub clicked_at_ms: i64,
    pub raw_query: String,
    #[serde(flatten)]
    pub fields: Fields,
    pub country: Option<String>,
    pub user_agent: Option<String>,
    /// Kept for Facebook CAPI alone.
    pub ip: Option<String>,
}

impl Click {
    /// Reads one that waited in the queue.
    pub fn read(stored: &Value) -> Option<Self> {
        let text = |name: &str| json::optional_text(stored, name);
        Some(Self {
            uid: text("uid")?,
            clicked_at_ms: json::number(stored, "clicked_at_ms")?,
            raw_query: text("raw_query").unwrap_or_default(),
            fields: Fields::by_name(text),
            country: text("country"),
            user_agent: text("user_agent"),
            ip: text("ip"),
        })
    }
}

/// The parameters of a landing's query that are kept apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fields {
    pub fbclid: Option<String>,
    pub fbp: Option<String>,
    pub fbc: Option<String>,
    pub campaign_id: Option<String>,
    pub campaign_name: Option<String>,
    pub adset_id: Option<String>,
    pub adset_name: Option<String>,
    pub ad_id: Option<String>,
    pub ad_name: Option<String>,
    pub placement: Option<String>,
}

impl Fields {
    /// The fields as a store has them, each by its name.
    pub fn by_name(text: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            fbclid: text("fbclid"),
            fbp: text("fbp"),
            fbc: text("fbc"),
            campaign_id: text("campaign_id"),
            campaign_name: text("campaign_name"),
            adset_id: text("adset_id"),
            adset_name: text("adset_name"),
            ad_id: text("ad_id"),
            ad_name: text("ad_name"),
            placement: text("placement"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_hundred_thousand_mints_are_distinct_and_fit_telegram() {
        let mut seen = HashSet::new();
        for _ in 0..100_000 {
            let mut random = [0; 16];
            getrandom::fill(&mut random).unwrap();
            let uid = mint_uid(random);
            let start = format!("fb_{uid}");
            assert!(start.len() <= 64);
            assert!(start.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
            assert!(seen.insert(uid));
        }
    }

    #[test]
    fn a_call_s_uid_is_the_same_for_the_same_space_and_id_alone() {
        let uid = |secret: &[u8], space_id, id: &str| {
            uid_of_call(secret, space_id, &Id::parse(id).unwrap())
        };
        let first = uid(b"s", 1, "2 a").unwrap();
        assert_eq!(first.len(), mint_uid([0; 16]).len());
        assert_eq!(uid(b"s", 1, "2 a").as_ref(), Some(&first));
        for (secret, space_id, id) in [(b"s", 12, "a"), (b"s", 1, "2 b"), (b"t", 1, "2 a")] {
            assert_ne!(uid(secret, space_id, id).as_ref(), Some(&first));
        }
        assert_eq!(uid(b"", 1, "a"), None);
    }
}

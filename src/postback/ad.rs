//! The dynamic parameters of ad systems, under the names by which a landing reads them.
//!
//! Their macros are the vendors' own:
//! - Meta: "About URL dynamic parameters", facebook.com/business/help/2360940870872492.
//! - TikTok: "Third Party Tracking", ads.tiktok.com/help/article?aid=6669666107177041925. `AID` is the ad group's,
//!   `CID` the ad's.
//! - Google: "Set up tracking with ValueTrack parameters", support.google.com/google-ads/answer/6305348. It has ids
//!   and no names; `{creative}` is the ad, and `{placement}` stays empty on the search network.
//!
//! None has the click's own id: each vendor adds that by itself (`fbclid`, `ttclid`, `gclid`), and an empty macro
//! would overwrite it.

/// An ad system and what is put behind a landing's address for it.
pub struct AdSystem {
    pub name: &'static str,
    /// Where the address is entered there.
    pub place: &'static str,
    pub query: &'static str,
}

pub const AD_SYSTEMS: [AdSystem; 3] = [
    AdSystem {
        name: "Facebook and Instagram",
        place: "The ad's Website URL. Meta fills in what stands in the braces.",
        query: "campaign_id={{campaign.id}}&campaign_name={{campaign.name}}&adset_id={{adset.id}}&adset_name={{adset.name}}&ad_id={{ad.id}}&ad_name={{ad.name}}&placement={{placement}}",
    },
    AdSystem {
        name: "TikTok",
        place: "The ad's destination URL. TikTok fills in what stands between the underscores.",
        query: "campaign_id=__CAMPAIGN_ID__&campaign_name=__CAMPAIGN_NAME__&adset_id=__AID__&adset_name=__AID_NAME__&ad_id=__CID__&ad_name=__CID_NAME__&placement=__PLACEMENT__",
    },
    AdSystem {
        name: "Google Ads",
        place: "The ad's Final URL. Google gives ids and no names.",
        query: "campaign_id={campaignid}&adset_id={adgroupid}&ad_id={creative}&placement={placement}",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::click::Fields;
    use crate::postback::click::read_fields;

    /// Each macro with a text in its place, so that every parameter says by which one it was filled.
    fn filled(query: &str) -> String {
        let pair = |(n, pair): (usize, &str)| format!("{}=v{n}", pair.split_once('=').unwrap().0);
        query.split('&').enumerate().map(pair).collect::<Vec<_>>().join("&")
    }

    #[test]
    fn a_landing_reads_every_parameter_once_it_is_filled() {
        for system in AD_SYSTEMS {
            let Fields {
                campaign_id,
                campaign_name,
                adset_id,
                adset_name,
                ad_id,
                ad_name,
                placement,
                ..
            } = read_fields(&filled(system.query));
            let found =
                [campaign_id, campaign_name, adset_id, adset_name, ad_id, ad_name, placement];
            let mut found: Vec<_> = found.into_iter().flatten().collect();
            found.sort();
            let parameters = system.query.split('&').count();
            let expected: Vec<_> = (0..parameters).map(|n| format!("v{n}")).collect();
            assert_eq!(found, expected, "{}", system.name);
        }
    }

    #[test]
    fn a_landing_keeps_no_macro_that_nobody_filled() {
        for system in AD_SYSTEMS {
            assert_eq!(read_fields(system.query), Fields::default(), "{}", system.name);
            let encoded = system.query.replace('{', "%7B").replace('}', "%7D");
            assert_eq!(read_fields(&encoded), Fields::default(), "{}", system.name);
        }
    }
}

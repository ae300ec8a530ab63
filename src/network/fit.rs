//! Whether a link and a network's postback fit each other: the parameter that carries the click id to the offer, and
//! the macro that brings it back.

use crate::network::Pack;

/// Where a link's address has the click id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried<'t> {
    /// In a parameter of this name.
    By(&'t str),
    /// In the path or the host.
    Elsewhere,
}

/// Whether they fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    Yes,
    No,
    /// No source says how the network's offer link is made.
    Unknown,
}

/// A link beside its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    pub fits: Fits,
    /// The macro that brings this link's click id back, where it is known.
    pub text: Option<String>,
    /// What to do, in a buyer's words.
    pub sentence: String,
}

impl Pack {
    /// What the offer link calls the click id that the ready-made URLs bring back.
    pub fn link_parameter(&self) -> Option<&str> {
        let uid = self.uid.as_ref()?;
        self.link_parameters.iter().find(|(_, text)| *text == uid).map(|(name, _)| name.as_str())
    }

    /// How a link that carries its click id so fits this network.
    pub fn fit(&self, carried: Carried<'_>) -> Fit {
        let (name, uid) = (&self.name, self.uid.clone());
        let Some((wanted, own)) = self.link_parameter().zip(uid.as_deref()) else {
            return self.unknown(carried);
        };
        let Carried::By(parameter) = carried else {
            let sentence = format!(
                "The click id is not in a parameter. {name} reads it from {wanted}: add {wanted}={{uid}} to the address."
            );
            return Fit { fits: Fits::No, text: uid, sentence };
        };
        match self.link_parameters.get(parameter) {
            Some(text) if text == own => Fit {
                fits: Fits::Yes,
                sentence: format!(
                    "They fit: {name} takes the click id from {parameter} and sends it back as {text}."
                ),
                text: uid,
            },
            Some(text) => Fit {
                fits: Fits::No,
                sentence: format!(
                    "{name} sends {parameter} back as {text}, but the ready-made postback URLs have {own}. Use the parameter {wanted}, or put {text} in the place of {own} in the URL."
                ),
                text: Some(text.clone()),
            },
            None => Fit {
                fits: Fits::No,
                sentence: format!(
                    "{parameter} does not come back: {own} in the postback URL is what {name} took from {wanted}. Use the parameter {wanted}."
                ),
                text: uid,
            },
        }
    }

    fn unknown(&self, carried: Carried<'_>) -> Fit {
        let name = &self.name;
        let parameter = match carried {
            Carried::By(parameter) => format!("Its value has to stand behind {parameter}"),
            Carried::Elsewhere => "Its value has to stand where {uid} stands".to_owned(),
        };
        let back = match &self.uid {
            Some(text) => format!("the one whose value comes back as {text}"),
            None => "the one whose macro you put into the postback URL".to_owned(),
        };
        Fit {
            fits: Fits::Unknown,
            text: self.uid.clone(),
            sentence: format!(
                "What {name} calls the click id in its offer links is not documented. Look at your offer link there for its sub id: {back}. {parameter} here."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::packs;

    fn fit(slug: &str, carried: Carried<'_>) -> (Fits, Option<String>, String) {
        let packs = packs();
        let Fit { fits, text, sentence } =
            packs.iter().find(|pack| pack.slug == slug).unwrap().fit(carried);
        (fits, text, sentence)
    }

    #[test]
    fn the_parameter_whose_macro_is_in_the_ready_made_url_fits() {
        for (slug, parameter, text) in [
            ("pocket-option", "click_id", "{click_id}"),
            ("everflow", "sub1", "{sub1}"),
            ("impact", "subId1", "{SubId1}"),
            ("posh-partners", "promo", "{transaction_id}"),
        ] {
            let (fits, found, sentence) = fit(slug, Carried::By(parameter));
            assert_eq!((fits, found.as_deref()), (Fits::Yes, Some(text)), "{slug}: {sentence}");
        }
    }

    #[test]
    fn any_other_parameter_is_warned_of_with_the_one_to_use() {
        let (fits, _, sentence) = fit("pocket-option", Carried::By("sub1"));
        assert_eq!(fits, Fits::No);
        assert!(sentence.contains("Use the parameter click_id"), "{sentence}");
        let (fits, text, sentence) = fit("affise", Carried::By("sub3"));
        assert_eq!((fits, text.as_deref()), (Fits::No, Some("{sub3}")), "{sentence}");
        let (fits, _, sentence) = fit("cake", Carried::Elsewhere);
        assert_eq!(fits, Fits::No);
        assert!(sentence.contains("add s2={uid}"), "{sentence}");
    }

    #[test]
    fn what_no_source_says_is_not_guessed() {
        for slug in ["adcombo", "1xpartners", "binomo"] {
            let (fits, _, sentence) = fit(slug, Carried::By("uid"));
            assert_eq!(fits, Fits::Unknown, "{slug}");
            assert!(sentence.contains("Look at your offer link"), "{sentence}");
        }
    }
}

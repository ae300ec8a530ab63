//! The macros of an S2S postback (docs/destinations.md).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::facts::Facts;

/// Everything but RFC 3986's unreserved characters is encoded.
pub const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a macro is filled with; `None` where it is not known.
type Filling = fn(&Facts) -> Option<String>;

/// Every macro that a template may use, with what it becomes and where its value comes from.
const MACROS: &[(&str, &str, Filling)] = &[
    ("uid", "the click id", |facts| facts.uid.clone()),
    ("event", "your name for the event", |facts| Some(facts.target.clone())),
    ("canonical", "contact, subscribed, registration or deposit", |facts| {
        Some(facts.canonical.code().to_owned())
    }),
    ("value", "the amount of a deposit, such as 25.00", Facts::value),
    ("currency", "its currency, such as USD", |facts| Some(facts.currency.clone())),
    ("occurred_at_ms", "when it happened, in milliseconds since 1970", |facts| {
        Some(facts.occurred_at_ms.to_string())
    }),
    ("tg_id", "the Telegram user's number", |facts| facts.tg_id.map(|id| id.to_string())),
    ("fbclid", "Facebook's click id", |facts| facts.click.as_ref()?.fields.fbclid.clone()),
    ("campaign_id", "the campaign's id", |facts| facts.click.as_ref()?.fields.campaign_id.clone()),
    ("campaign_name", "the campaign's name", |facts| {
        facts.click.as_ref()?.fields.campaign_name.clone()
    }),
    ("adset_id", "the ad set's id", |facts| facts.click.as_ref()?.fields.adset_id.clone()),
    ("adset_name", "the ad set's name", |facts| facts.click.as_ref()?.fields.adset_name.clone()),
    ("ad_id", "the ad's id", |facts| facts.click.as_ref()?.fields.ad_id.clone()),
    ("ad_name", "the ad's name", |facts| facts.click.as_ref()?.fields.ad_name.clone()),
    ("placement", "where the ad was shown", |facts| facts.click.as_ref()?.fields.placement.clone()),
    ("event_id", "this event's own id, the same at every try", |facts| {
        Some(facts.event_id.clone())
    }),
    ("eid", "the network's transaction id", |facts| facts.eid.clone()),
    ("country", "the visitor's country, such as IN", |facts| facts.click.as_ref()?.country.clone()),
];

/// What fills the macro of this name; `None` for an unknown name.
fn filling(name: &str) -> Option<Filling> {
    MACROS.iter().find(|(known, ..)| *known == name).map(|(.., filling)| *filling)
}

/// Every macro as it is written, with what it becomes.
pub fn macros() -> impl Iterator<Item = (String, &'static str)> {
    MACROS.iter().map(|(name, meaning, _)| (format!("{{{name}}}"), *meaning))
}

/// All macros as they are written, one behind the other.
fn every_macro() -> String {
    macros().map(|(written, _)| written).collect::<Vec<_>>().join(" ")
}

/// Whether a template has the macro of this name.
pub fn has(template: &str, name: &str) -> bool {
    pieces(template).any(|(_, piece)| matches!(piece, Piece::Macro(found) if found == name))
}

/// Refuses a template with a macro that we do not know, or with one where the host is decided.
pub fn check(template: &str) -> Result<(), String> {
    let authority_ends = template
        .split_once("://")
        .map(|(scheme, rest)| scheme.len() + 3 + rest.find(['/', '?', '#']).unwrap_or(rest.len()))
        .unwrap_or(template.len());
    for (at, piece) in pieces(template) {
        match piece {
            Piece::Text(_) => {}
            Piece::Macro(name) if filling(name).is_none() => {
                let known = every_macro();
                return Err(format!(
                    "The macro {{{name}}} does not exist. The macros are {known}."
                ));
            }
            Piece::Macro(_) if at < authority_ends => {
                return Err("A macro cannot be part of the host. Use macros after it.".to_owned());
            }
            Piece::Macro(_) => {}
            Piece::Brace => {
                return Err(
                    "A brace has no partner. Write macros as {uid}, other braces as %7B and %7D."
                        .to_owned(),
                );
            }
        }
    }
    Ok(())
}

/// The address with every macro filled in, percent-encoded; what is not known is empty.
pub fn expand(template: &str, facts: &Facts) -> String {
    let filled = pieces(template).map(|(_, piece)| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Macro(name) => {
            let value = filling(name).and_then(|filling| filling(facts)).unwrap_or_default();
            utf8_percent_encode(&value, &ENCODED).to_string()
        }
        Piece::Brace => String::new(),
    });
    filled.collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Macro(&'a str),
    /// An opening or closing brace without its other half.
    Brace,
}

/// A template taken apart, each piece with the place where it begins.
fn pieces(template: &str) -> impl Iterator<Item = (usize, Piece<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = template.get(at..).filter(|rest| !rest.is_empty())?;
        let begins = at;
        let piece = match (rest.find(['{', '}']), rest.strip_prefix('{')) {
            (None, _) => Piece::Text(rest),
            (Some(0), Some(inside)) => match inside.find(['{', '}']) {
                Some(end) if inside.get(end..).is_some_and(|rest| rest.starts_with('}')) => {
                    Piece::Macro(inside.get(..end).unwrap_or_default())
                }
                _ => Piece::Brace,
            },
            (Some(0), None) => Piece::Brace,
            (Some(end), _) => Piece::Text(rest.get(..end).unwrap_or_default()),
        };
        at += match piece {
            Piece::Text(text) => text.len(),
            Piece::Macro(name) => name.len() + 2,
            Piece::Brace => 1,
        };
        Some((begins, piece))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::facts::tests::{bare_registration, deposit};
    use super::*;

    #[test]
    fn the_contracts_example() {
        let template = "https://aff.example.com/postback?clickid={uid}&goal={canonical}&sum={value}&cur={currency}";
        assert_eq!(check(template), Ok(()));
        assert_eq!(
            expand(template, &deposit()),
            "https://aff.example.com/postback?clickid=abc123&goal=deposit&sum=25.00&cur=USD"
        );
    }

    #[test]
    fn every_macro_is_filled_encoded_and_empty_when_unknown() {
        let all = MACROS.iter().map(|(name, ..)| format!("{name}={{{name}}}"));
        let all = all.collect::<Vec<_>>().join("&");
        let template = format!("https://a.example/?{all}");
        assert_eq!(check(&template), Ok(()));
        assert_eq!(
            expand(&template, &deposit()),
            "https://a.example/?uid=abc123&event=Purchase&canonical=deposit&value=25.00&currency=USD&occurred_at_ms=1765432100000&tg_id=555123&fbclid=IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk&campaign_id=42&campaign_name=Summer%20%26%20Sun&adset_id=&adset_name=&ad_id=&ad_name=&placement=&event_id=0123456789abcdef0123456789abcdef&eid=t-1&country=IN"
        );
        let bare = expand(
            "https://a.example/?u={uid}&v={value}&c={country}&e={eid}",
            &bare_registration(),
        );
        assert_eq!(bare, "https://a.example/?u=&v=&c=&e=");
    }

    #[test]
    fn a_value_cannot_break_out_of_its_parameter() {
        let facts = Facts { uid: Some("a&b=c#d/?é{value}".to_owned()), ..deposit() };
        assert_eq!(
            expand("https://a.example/{uid}?u={uid}", &facts),
            "https://a.example/a%26b%3Dc%23d%2F%3F%C3%A9%7Bvalue%7D?u=a%26b%3Dc%23d%2F%3F%C3%A9%7Bvalue%7D"
        );
    }

    #[test]
    fn wrong_templates_are_refused_by_name() {
        for (template, word) in [
            ("https://a.example/?x={clickid}", "{clickid}"),
            ("https://a.example/?x={}", "{}"),
            ("https://{uid}.example/", "host"),
            ("https://a.example{uid}", "host"),
            ("{uid}", "host"),
            ("https://a.example/?x={uid", "brace"),
            ("https://a.example/?x=uid}", "brace"),
            ("https://a.example/?x={{uid}}", "brace"),
        ] {
            let reason = check(template).unwrap_err();
            assert!(reason.contains(word), "{template}: {reason}");
        }
    }

    proptest! {
        #[test]
        fn no_template_panics(template in "(https://a.example/)?[a-z{}?&=é]{0,60}") {
            let _ = check(&template);
            let _ = expand(&template, &deposit());
        }
    }
}

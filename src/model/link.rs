//! A trackable entry point and where it sends a visitor (docs/links.md).

use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::error::{BadField, BadFields, all, both};

/// Longest name, slug and parameter name in characters.
const NAME_LENGTH: usize = 100;

/// Longest target in bytes: browsers and chat apps cut longer links.
const TARGET_BYTES: usize = 2048;

/// Longest title, text and button of a landing page in characters.
const PAGE_LENGTH: usize = 1000;

/// Where a web target has the uid, if not in a parameter.
const UID_MACRO: &str = "{uid}";

/// A uid as landings mint them, for trying a target out.
const SAMPLE_UID: &str = "0123456789abcdefghijklmnop";

/// The parameter that carries the uid to a web target, unless the user names another.
pub const UID_PARAMETER: &str = "uid";

/// What kind of place a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// A Telegram bot; the target is its name, and the uid rides in the deeplink.
    Bot,
    /// A Telegram channel; the target is its invite link, which carries no uid.
    Channel,
    /// Any web address.
    Web,
}

impl LinkKind {
    /// The word for this kind in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Channel => "channel",
            Self::Web => "web",
        }
    }

    /// Reads the word for a kind.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Bot, Self::Channel, Self::Web].into_iter().find(|kind| kind.name() == word)
    }
}

/// A page that stands between the click and the target, where the user wants one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandingText {
    pub title: String,
    #[serde(default)]
    pub text: String,
    pub button: String,
}

/// A link as the user writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDraft {
    pub name: String,
    pub slug: String,
    pub kind: LinkKind,
    pub target: String,
    #[serde(default = "uid_parameter")]
    pub uid_parameter: String,
    #[serde(default)]
    pub page: Option<LandingText>,
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// The offer's network, by its pack's name; empty for none. `None` leaves it as it is.
    #[serde(default)]
    pub network: Option<String>,
    /// Whether it is put away: in no list, and sending visitors on as before. `None` leaves it as it is.
    #[serde(default)]
    pub archived: Option<bool>,
}

fn uid_parameter() -> String {
    UID_PARAMETER.to_owned()
}

fn enabled() -> bool {
    true
}

impl LinkDraft {
    /// The draft with its texts trimmed, a bot's name without `@` and a host in its ASCII spelling; or every
    /// wrong field. `host_of` gives the host of an address that browsers open.
    pub fn check(mut self, host_of: impl Fn(&str) -> Option<String>) -> Result<Self, BadFields> {
        for text in [&mut self.name, &mut self.slug, &mut self.target, &mut self.uid_parameter] {
            *text = text.trim().to_owned();
        }
        let page = self.page.iter().flat_map(LandingText::check);
        let words = [self.check_name(), self.check_slug(), self.check_parameter()];
        let words = all(words.into_iter().chain(page));
        both(words, self.check_target(host_of)).map(|((), checked)| checked)
    }

    fn check_name(&self) -> Result<(), BadField> {
        let has_control = self.name.chars().any(char::is_control);
        if self.name.is_empty() || self.name.chars().count() > NAME_LENGTH || has_control {
            return bad("name", "Give the link a name of up to 100 characters, on one line.");
        }
        Ok(())
    }

    fn check_slug(&self) -> Result<(), BadField> {
        if is_word(&self.slug, 1..=NAME_LENGTH) {
            return Ok(());
        }
        bad("slug", "The end of the address is 1 to 100 letters, digits, - or _.")
    }

    fn check_parameter(&self) -> Result<(), BadField> {
        if is_word(&self.uid_parameter, 1..=NAME_LENGTH) {
            return Ok(());
        }
        bad("uid_parameter", "A parameter's name may only contain letters, digits, - and _.")
    }

    fn check_target(mut self, host_of: impl Fn(&str) -> Option<String>) -> Result<Self, BadField> {
        let clean = |c: char| !c.is_control() && !c.is_whitespace() && c != '\\';
        if self.target.len() > TARGET_BYTES || !self.target.chars().all(clean) {
            return bad(
                "target",
                "A target can have up to 2,048 characters, without spaces or backslashes.",
            );
        }
        match self.kind {
            LinkKind::Bot => {
                let (name, asked) = telegram_place(&self.target);
                if !is_telegram_name(name) {
                    return bad(
                        "target",
                        "Write the bot's name as @name or https://t.me/name: 5 to 32 letters, digits or _.",
                    );
                }
                if asked {
                    return bad("target", STARTED);
                }
                self.target = name.to_owned();
            }
            LinkKind::Channel => {
                let Some(path) = channel_path(&self.target) else {
                    return bad(
                        "target",
                        "Write the channel's invite link (https://t.me/…) or its name as @name.",
                    );
                };
                self.target = format!("https://t.me/{path}");
            }
            LinkKind::Web => {
                self.check_host(host_of)?;
                if !self.target.contains(UID_MACRO) && self.has_uid_parameter() {
                    let reason = "The target already has this parameter: write {uid} as its value.";
                    return bad("target", reason);
                }
            }
        }
        Ok(self)
    }

    /// A host of other letters is kept as it goes out. A port of 0 can be written, and no more.
    fn check_host(&mut self, host_of: impl Fn(&str) -> Option<String>) -> Result<(), BadField> {
        let Some(authority) = authority(&self.target) else {
            return bad("target", "Write a web address that begins with https:// or http://.");
        };
        let behind_user = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = behind_user.rsplit_once(':').unwrap_or((behind_user, ""));
        let ascii = host_of(&self.target.replace(UID_MACRO, SAMPLE_UID));
        let Some(ascii) = ascii.filter(|_| port.parse() != Ok(0)) else {
            return bad("target", "Browsers cannot open this address. Check its host and port.");
        };
        if !host.is_ascii() {
            let ascii = ascii.replace(SAMPLE_UID, UID_MACRO);
            self.target = self.target.replacen(host, &ascii, 1);
        }
        Ok(())
    }

    /// Whether another one is the same but for its slug: a form that was sent twice.
    pub fn is_same_link(&self, other: &Self) -> bool {
        let of = |draft: &Self| {
            let Self { name, kind, target, uid_parameter, page, enabled, .. } = draft.clone();
            (name, kind, target, uid_parameter, page, enabled)
        };
        of(self) == of(other)
    }

    /// The name of the parameter that carries the click id to a web address; `None` where it stands elsewhere in it.
    pub fn carrier(&self) -> Option<&str> {
        if !self.target.contains(UID_MACRO) {
            return Some(&self.uid_parameter);
        }
        let query = self.target.split('#').next().and_then(|url| url.split_once('?'));
        let mut pairs = query?.1.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(_, value)| value.contains(UID_MACRO)).map(|(name, _)| name)
    }

    /// Has a web address carry the click id in a parameter of this name. Where it stands in the address already, as in
    /// an offer link that was pasted with somebody's macro, its value becomes `{uid}`.
    pub fn carry_in(&mut self, parameter: &str) {
        self.uid_parameter = parameter.to_owned();
        if self.carrier() != Some(parameter) || !self.has_uid_parameter() {
            return;
        }
        let (url, fragment) = match self.target.split_once('#') {
            Some((url, fragment)) => (url, format!("#{fragment}")),
            None => (self.target.as_str(), String::new()),
        };
        let Some((path, query)) = url.split_once('?') else { return };
        let pair = |pair: &str| match pair.split('=').next() {
            Some(name) if name == parameter => format!("{name}={UID_MACRO}"),
            _ => pair.to_owned(),
        };
        let query = query.split('&').map(pair).collect::<Vec<_>>().join("&");
        self.target = format!("{path}?{query}{fragment}");
    }

    /// Where a visitor with a sample click id is sent.
    pub fn preview(&self) -> String {
        let link = Link {
            id: 0,
            space_id: 0,
            kind: self.kind,
            target: self.target.clone(),
            uid_parameter: self.uid_parameter.clone(),
            page: None,
            enabled: true,
        };
        link.location(Some(SAMPLE_UID))
    }

    fn has_uid_parameter(&self) -> bool {
        let query = self.target.split('#').next().and_then(|url| url.split_once('?'));
        query.is_some_and(|(_, query)| {
            query.split('&').any(|pair| pair.split('=').next() == Some(self.uid_parameter.as_str()))
        })
    }
}

impl LandingText {
    fn check(&self) -> [Result<(), BadField>; 3] {
        let Self { title, text, button } = self;
        [("page.title", title, true), ("page.text", text, false), ("page.button", button, true)]
            .map(|(field, text, is_needed)| {
                if is_needed && text.trim().is_empty() {
                    return bad(field, "A page needs a title and a button.");
                }
                if text.chars().count() > PAGE_LENGTH {
                    return bad(field, "Each text of a page can be up to 1,000 characters.");
                }
                Ok(())
            })
    }
}

/// A stored link, as far as a landing needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub id: i64,
    pub space_id: i64,
    pub kind: LinkKind,
    pub target: String,
    pub uid_parameter: String,
    pub page: Option<LandingText>,
    pub enabled: bool,
}

impl Link {
    /// Where a visitor is sent. Without a uid (a preview, a crawler) the target goes without one.
    /// Everything else that the target has, other macros included, is kept as it stands; what is not
    /// ASCII is percent-encoded, since a header carries nothing else.
    pub fn location(&self, uid: Option<&str>) -> String {
        utf8_percent_encode(&self.written(uid), CONTROLS).to_string()
    }

    fn written(&self, uid: Option<&str>) -> String {
        match (self.kind, uid) {
            (LinkKind::Bot, Some(uid)) => format!("https://t.me/{}?start=fb_{uid}", self.target),
            (LinkKind::Bot, None) => format!("https://t.me/{}", self.target),
            (LinkKind::Channel, _) => self.target.clone(),
            (LinkKind::Web, uid) if self.target.contains(UID_MACRO) => {
                self.target.replace(UID_MACRO, uid.unwrap_or_default())
            }
            (LinkKind::Web, None) => self.target.clone(),
            (LinkKind::Web, Some(uid)) => self.with_parameter(uid),
        }
    }

    fn with_parameter(&self, uid: &str) -> String {
        let (url, fragment) = match self.target.split_once('#') {
            Some((url, fragment)) => (url, format!("#{fragment}")),
            None => (self.target.as_str(), String::new()),
        };
        let joint = match url.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{url}{joint}{}={uid}{fragment}", self.uid_parameter)
    }
}

/// A slug for a link of a name, other than those that are taken: `Summer sale` is at `summer-sale`, and the next one at
/// `summer-sale-2`.
pub fn free_slug(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    let words: String = name.chars().map(plain).collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join("-");
    // Leaves room for a number.
    let cut: String = words.chars().take(NAME_LENGTH - 10).collect();
    let base = if cut.is_empty() { "link".to_owned() } else { cut };
    if !is_taken(&base) {
        return base;
    }
    let numbered = |n: usize| format!("{base}-{n}");
    (2..).map(numbered).find(|slug| !is_taken(slug)).unwrap_or(base)
}

fn bad<T>(field: &'static str, reason: &'static str) -> Result<T, BadField> {
    Err(BadField::new(field, reason))
}

fn is_word(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Hosts of Telegram's own links, as its documentation lists them (core.telegram.org/api/links).
const TELEGRAM_HOSTS: [&str; 3] = ["t.me/", "telegram.me/", "telegram.dog/"];

/// Why a bot's address with a start parameter is refused.
const STARTED: &str = "Leave out what stands behind the ?. Every visitor gets a start parameter of their own, which carries the click id.";

/// What stands behind Telegram's host in an address, with or without a scheme; `None` for any other text.
fn behind_telegram(text: &str) -> Option<&str> {
    let bare = without(text, "https://").or_else(|| without(text, "http://")).unwrap_or(text);
    TELEGRAM_HOSTS.iter().find_map(|host| without(bare, host))
}

/// A text without what it begins with, in any letter case.
fn without<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let (before, behind) = text.split_at_checked(start.len())?;
    before.eq_ignore_ascii_case(start).then_some(behind)
}

/// The name in each of the ways in which people write a bot, and whether parameters stood behind it.
fn telegram_place(text: &str) -> (&str, bool) {
    let text = behind_telegram(text).unwrap_or(text);
    let (name, asked) = text.split_once('?').map_or((text, ""), |(name, asked)| (name, asked));
    (name.trim_start_matches('@').trim_end_matches('/'), !asked.is_empty())
}

/// Telegram: usernames have 5 to 32 characters.
fn is_telegram_name(name: &str) -> bool {
    is_word(name, 5..=32) && !name.contains('-')
}

/// What stands behind `https://t.me/` for a channel: what its address has there, or its name.
fn channel_path(text: &str) -> Option<&str> {
    match behind_telegram(text) {
        Some(path) => Some(path).filter(|path| !path.is_empty()),
        None => Some(text.trim_start_matches('@')).filter(|name| is_telegram_name(name)),
    }
}

/// What stands between scheme and path of a web address, if it is one and has that.
fn authority(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())
}

#[cfg(test)]
mod tests;

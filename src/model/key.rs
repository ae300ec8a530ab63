//! The secrets of a space (docs/api.md, Spaces and keys): how they look, how they are made, how they are told apart.
//!
//! A key reads `xt_in_` or `xt_sk_`, 26 characters of 128 random bits, and 10 characters of check
//! part: 48 bits of an HMAC over what stands before. One whose space is not in the first database has
//! `z` and two hex digits before its random bits, which say in which: so a postback finds its database
//! without asking another one first. The database knows a key by its SHA-256. The
//! check part answers for it while the database is away: nobody can forge one without the Worker's
//! `KEY_SECRET`, so that only keys that were once ours reach the queue.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::database::Database;
use crate::text::encode;

/// 48 bits: one forgery in 2.8 * 10^14 tries, and each try costs a request that is answered 401 or 503.
const CHECK_BYTES: usize = 6;

/// Characters of the check part: 48 bits in groups of five.
const CHECK_CHARACTERS: usize = 10;

/// What the number of a key's database stands behind: no random bits begin with it.
const DATABASE_MARK: char = 'z';

/// No key is longer; what is longer is refused unread.
const LONGEST: usize = 64;

/// The keys of the local demo space. They carry no check part and are known only to local development.
const LOCAL: [&str; 2] = ["xt_in_local", "xt_sk_local"];

/// Which of the two kinds a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Travels in URLs; may write events and binds.
    Ingest,
    /// Server-side only; may use every API of the space.
    Bearer,
}

impl KeyKind {
    /// The word for this kind in the database and in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Bearer => "bearer",
        }
    }

    /// Reads the word for a kind.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Ingest, Self::Bearer].into_iter().find(|kind| kind.name() == word)
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Ingest => "xt_in_",
            Self::Bearer => "xt_sk_",
        }
    }
}

/// A key that somebody presented, of the right kind and form. Whether it is valid the database knows.
pub struct Presented<'a> {
    text: &'a str,
    kind: KeyKind,
}

impl<'a> Presented<'a> {
    /// Takes a text for a key of `kind`. `None` for another kind's key, for what cannot be a key,
    /// and for the local keys where `local` is false.
    pub fn read(text: &'a str, kind: KeyKind, local: bool) -> Option<Self> {
        let possible = text.len() <= LONGEST
            && text
                .strip_prefix(kind.prefix())
                .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            && (local || !LOCAL.contains(&text));
        possible.then_some(Self { text, kind })
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The database that its space was in when it was made. What cannot be read is the first's, which
    /// will not know it.
    pub fn database(&self) -> Database {
        let rest = self.text.strip_prefix(self.kind.prefix()).unwrap_or_default();
        let digits = rest.strip_prefix(DATABASE_MARK).and_then(|rest| rest.get(..2));
        let number = digits.and_then(|digits| i64::from_str_radix(digits, 16).ok());
        number.and_then(Database::of_number).unwrap_or(Database::FIRST)
    }

    /// Its beginning, which tells keys apart and opens nothing: the kind and four
    /// characters, which are 20 of its 128 random bits or fewer.
    pub fn beginning(&self) -> &str {
        self.text.get(..self.kind.prefix().len() + 4).unwrap_or(self.text)
    }

    /// SHA-256 in lower-case hex: all of a key that is ever stored.
    pub fn hash(&self) -> String {
        encode::hex(&Sha256::digest(self.text.as_bytes()))
    }

    /// Whether the check part is ours. The local keys, which `read` lets through only locally, pass.
    pub fn is_ours(&self, key_secret: &[u8]) -> bool {
        if LOCAL.contains(&self.text) {
            return true;
        }
        let Some((body, check)) = self
            .text
            .len()
            .checked_sub(CHECK_CHARACTERS)
            .and_then(|at| self.text.split_at_checked(at))
        else {
            return false;
        };
        check_part(key_secret, body).is_some_and(|expected| is_same(&expected, check))
    }
}

/// Whether two secrets are equal. Both are hashed first, so that the time taken says nothing.
pub fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}

/// Whether an operator's secret is so short that tries without number could find it. Those that
/// `make deploy` makes up have 64 characters.
pub fn is_guessable(secret: &str) -> bool {
    secret.chars().count() < 20
}

/// Makes a new key of 128 random bits for a space in a database. `None` where `key_secret` is empty: without it no key can be
/// told from a forged one while the database is away.
pub fn mint(
    kind: KeyKind,
    database: Database,
    random: [u8; 16],
    key_secret: &[u8],
) -> Option<String> {
    let mut body = kind.prefix().to_owned();
    if !database.is_first() {
        body.push(DATABASE_MARK);
        body += &encode::hex(&[database.number()]);
    }
    body += &encode::base32(&random);
    let check = check_part(key_secret, &body)?;
    Some(body + &check)
}

/// 128 bits for a key that is made again by the same words, and by nobody without `key_secret`.
/// `None` where that is empty.
pub fn derive(key_secret: &[u8], words: &[&str]) -> Option<[u8; 16]> {
    // No key's body has a line break: this can never be the check part of one.
    let mac = mac(key_secret, &format!("rotation\n{}", words.join("\n")))?;
    mac.get(..16)?.try_into().ok()
}

/// Whether one of our secrets stands in `text`, percent-encoded or not.
pub fn contains_secret(text: &str) -> bool {
    let has = |text: &str| {
        text.contains(KeyKind::Ingest.prefix()) || text.contains(KeyKind::Bearer.prefix())
    };
    has(text)
        || (text.contains('%')
            && has(&percent_encoding::percent_decode_str(text).decode_utf8_lossy()))
}

/// Whether a key of this very deployment stands in `text`, percent-encoded or not: whatever the name of
/// the server, an address that carries one leads back here. Local keys, which nobody made, do not count.
pub fn has_own(text: &str, key_secret: &[u8]) -> bool {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    [KeyKind::Ingest, KeyKind::Bearer].into_iter().any(|kind| {
        let mut behind = decoded.split(kind.prefix());
        behind.next();
        behind.any(|rest| {
            let key = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            let key = format!("{}{key}", kind.prefix());
            Presented::read(&key, kind, false).is_some_and(|key| key.is_ours(key_secret))
        })
    })
}

fn check_part(key_secret: &[u8], body: &str) -> Option<String> {
    Some(encode::base32(mac(key_secret, body)?.get(..CHECK_BYTES)?))
}

/// Makes 32 bytes of a text that nobody else can make of it. `None` where `key_secret` is empty.
pub fn mac(key_secret: &[u8], text: &str) -> Option<[u8; 32]> {
    if key_secret.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key_secret).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a key secret for tests";

    fn is_ours(key: &str, kind: KeyKind) -> bool {
        Presented::read(key, kind, false).is_some_and(|key| key.is_ours(SECRET))
    }

    #[test]
    fn a_minted_key_says_its_kind_and_passes_its_own_check() {
        for (kind, prefix) in [(KeyKind::Ingest, "xt_in_"), (KeyKind::Bearer, "xt_sk_")] {
            let key = mint(kind, Database::FIRST, [7; 16], SECRET).unwrap_or_default();
            assert!(key.starts_with(prefix), "{key}");
            assert_eq!(key.len(), 6 + 26 + 10);
            assert!(is_ours(&key, kind));
        }
    }

    #[test]
    fn a_key_says_its_database_and_its_check_part_covers_that() {
        let made = |number| {
            let database = Database::of_number(number).unwrap_or(Database::FIRST);
            mint(KeyKind::Ingest, database, [7; 16], SECRET).unwrap_or_default()
        };
        let read = |key: &str| {
            Presented::read(key, KeyKind::Ingest, false).map(|key| key.database().number())
        };
        for number in [1, 2, 10, 255] {
            let key = made(number);
            assert_eq!(read(&key).map(i64::from), Some(number), "{key}");
            assert!(is_ours(&key, KeyKind::Ingest), "{key}");
        }
        assert_eq!(made(2).len(), 6 + 3 + 26 + 10);
        assert!(!is_ours(&made(2).replacen("z02", "z03", 1), KeyKind::Ingest));
        assert!(!is_ours(&made(2).replacen("z02", "", 1), KeyKind::Ingest));
        for key in ["xt_in_local", "xt_in_", "xt_in_z", "xt_in_z0", "xt_in_zxy", "xt_in_z00aa"] {
            assert_eq!(read(key).or(Some(1)), Some(1), "{key}");
        }
    }

    #[test]
    fn one_kind_is_refused_as_the_other() {
        let ingest = mint(KeyKind::Ingest, Database::FIRST, [7; 16], SECRET).unwrap_or_default();
        assert!(Presented::read(&ingest, KeyKind::Bearer, false).is_none());
    }

    #[test]
    fn the_same_words_derive_the_same_bits_and_others_others() {
        let one = derive(SECRET, &["1", "ingest", "from", "nonce"]);
        assert_eq!(one, derive(SECRET, &["1", "ingest", "from", "nonce"]));
        for words in [
            ["2", "ingest", "from", "nonce"],
            ["1", "bearer", "from", "nonce"],
            ["1", "ingest", "", "nonce"],
            ["1", "ingest", "from", "nonce2"],
        ] {
            assert_ne!(one, derive(SECRET, &words), "{words:?}");
        }
        assert_ne!(one, derive(b"another secret", &["1", "ingest", "from", "nonce"]));
        assert_eq!(derive(b"", &["1", "ingest", "from", "nonce"]), None);
    }

    #[test]
    fn a_changed_or_forged_key_fails_its_check() {
        let key = mint(KeyKind::Ingest, Database::FIRST, [7; 16], SECRET).unwrap_or_default();
        for at in 6..key.len() {
            let mut forged = key.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            assert!(!is_ours(&String::from_utf8_lossy(&forged), KeyKind::Ingest), "{at}");
        }
        let other =
            mint(KeyKind::Ingest, Database::FIRST, [7; 16], b"another secret").unwrap_or_default();
        assert!(!is_ours(&other, KeyKind::Ingest));
        assert!(!is_ours("xt_in_", KeyKind::Ingest));
        assert!(!is_ours("xt_in_short", KeyKind::Ingest));
    }

    #[test]
    fn a_key_of_our_own_is_found_in_an_address_or_a_header() {
        let ours = mint(KeyKind::Ingest, Database::FIRST, [7; 16], SECRET).unwrap_or_default();
        let bearer = mint(KeyKind::Bearer, Database::FIRST, [7; 16], SECRET).unwrap_or_default();
        let others =
            mint(KeyKind::Ingest, Database::FIRST, [7; 16], b"another secret").unwrap_or_default();
        for text in [
            format!("https://b.example/e?token={ours}&event={{canonical}}"),
            format!("https://b.example/e/{}", ours.replace('_', "%5F")),
            format!("https://b.example/e?token={others}&token={ours}"),
            format!("Bearer {bearer}"),
        ] {
            assert!(has_own(&text, SECRET), "{text}");
        }
        for text in ["", "xt_in_", "xt_in_local", &others, "https://b.example/e?token=xt_in_abc"] {
            assert!(!has_own(text, SECRET), "{text}");
        }
        assert!(!has_own(&ours, b""));
    }

    #[test]
    fn without_a_secret_nothing_is_minted_and_nothing_passes() {
        assert_eq!(mint(KeyKind::Ingest, Database::FIRST, [7; 16], b""), None);
        let key = mint(KeyKind::Ingest, Database::FIRST, [7; 16], SECRET).unwrap_or_default();
        let presented = Presented::read(&key, KeyKind::Ingest, false);
        assert!(presented.is_some_and(|key| !key.is_ours(b"")));
    }

    #[test]
    fn local_keys_work_only_locally() {
        assert!(Presented::read("xt_in_local", KeyKind::Ingest, false).is_none());
        assert!(Presented::read("xt_in_local", KeyKind::Ingest, true).is_some());
        assert!(Presented::read("xt_sk_local", KeyKind::Ingest, true).is_none());
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_unread() {
        for text in ["", "abc", "xt_in_a b", "xt_in_ä", &format!("xt_in_{}", "a".repeat(100))] {
            assert!(Presented::read(text, KeyKind::Ingest, true).is_none(), "{text}");
        }
    }

    #[test]
    fn the_hash_is_sha_256_in_hex() {
        let hash = Presented::read("xt_in_local", KeyKind::Ingest, true).map(|key| key.hash());
        assert_eq!(
            hash.as_deref(),
            Some("90724e7d9c25e68fc049a25f21c75c247bf2278a9cbbd43f80ab308af836fba2")
        );
    }
}

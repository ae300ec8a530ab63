//! Bytes as text, and back.

use base32::Alphabet;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Five bits a character of `0-9a-v`: short, and one word in every URL and chat.
pub fn base32(bytes: &[u8]) -> String {
    base32::encode(Alphabet::Rfc4648HexLower { padding: false }, bytes)
}

pub fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// `None` for what is not base64.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// The form that JSON Web Tokens use; `None` for anything else.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

//! The platform's WebCrypto.

use sha2::{Digest, Sha256};
use web_sys::{CryptoKey, SubtleCrypto};
use worker::js_sys;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;

use crate::error::Error;

/// A public key of RSA: modulus and exponent, as a JSON Web Key has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaKey {
    pub n: String,
    pub e: String,
}

/// AES-GCM through the platform's WebCrypto, under the SHA-256 of `key`.
pub async fn encrypt(
    key: &[u8],
    nonce: &[u8],
    bound_to: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, Error> {
    crypt("encrypt", key, nonce, bound_to, plain).await.ok_or(Error::Sealed)
}

/// The reverse of `encrypt`; refuses what was sealed under another key, or bound to something else.
pub async fn decrypt(
    key: &[u8],
    nonce: &[u8],
    bound_to: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, Error> {
    crypt("decrypt", key, nonce, bound_to, sealed).await.ok_or(Error::Sealed)
}

/// Whether a text was signed by the private half of a key, by RSASSA-PKCS1-v1_5 with SHA-256.
pub async fn is_signed_rs256(key: &RsaKey, signed: &[u8], signature: &[u8]) -> bool {
    check_rs256(key, signed, signature).await.unwrap_or(false)
}

async fn check_rs256(key: &RsaKey, signed: &[u8], signature: &[u8]) -> Option<bool> {
    let subtle = subtle()?;
    let object = |members: &[(&str, &str)]| {
        let object = js_sys::Object::new();
        for (name, value) in members {
            js_sys::Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value))
                .ok()?;
        }
        Some(object)
    };
    let (n, e) = (key.n.as_str(), key.e.as_str());
    let key = object(&[("kty", "RSA"), ("alg", "RS256"), ("n", n), ("e", e)])?;
    let algorithm = object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-256")])?;
    let usages = js_sys::Array::of1(&"verify".into());
    let imported = subtle.import_key_with_object("jwk", &key, &algorithm, false, &usages).ok()?;
    let key: CryptoKey = JsFuture::from(imported).await.ok()?.unchecked_into();
    let verified =
        subtle.verify_with_object_and_u8_array_and_u8_array(&algorithm, &key, signature, signed);
    JsFuture::from(verified.ok()?).await.ok()?.as_bool()
}

fn subtle() -> Option<SubtleCrypto> {
    js_sys::Reflect::get(&js_sys::global(), &"crypto".into())
        .and_then(|crypto| js_sys::Reflect::get(&crypto, &"subtle".into()))
        .ok()
        .map(JsCast::unchecked_into)
}

async fn crypt(
    what: &str,
    key: &[u8],
    nonce: &[u8],
    bound_to: &[u8],
    data: &[u8],
) -> Option<Vec<u8>> {
    let subtle = subtle()?;
    let algorithm = js_sys::Object::new();
    let set =
        |name: &str, value: &JsValue| js_sys::Reflect::set(&algorithm, &name.into(), value).ok();
    set("name", &"AES-GCM".into())?;
    set("iv", &js_sys::Uint8Array::from(nonce))?;
    set("additionalData", &js_sys::Uint8Array::from(bound_to))?;
    let hashed = js_sys::Uint8Array::from(Sha256::digest(key).as_slice());
    let usages = js_sys::Array::of1(&what.into());
    let imported =
        subtle.import_key_with_object("raw", &hashed, &algorithm, false, &usages).ok()?;
    let key: CryptoKey = JsFuture::from(imported).await.ok()?.unchecked_into();
    let done = match what {
        "encrypt" => subtle.encrypt_with_object_and_u8_array(&algorithm, &key, data),
        _ => subtle.decrypt_with_object_and_u8_array(&algorithm, &key, data),
    };
    Some(js_sys::Uint8Array::new(&JsFuture::from(done.ok()?).await.ok()?).to_vec())
}

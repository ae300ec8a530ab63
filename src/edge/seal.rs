//! Destinations' secrets at rest: sealed with AES-GCM under the Worker's `DESTINATION_KEY`, bound to
//! their space.

use crate::destination::Secrets;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::text::encode;

/// Bytes of AES-GCM's nonce.
const NONCE: usize = 12;

/// The form of what this version seals.
const PREFIX: &str = "v1.";

/// Seals a destination's secrets for the database.
pub async fn seal_secrets(
    config: &Config,
    space_id: i64,
    secrets: &Secrets,
) -> Result<String, Error> {
    let nonce: [u8; NONCE] = edge::random()?;
    let plain = serde_json::to_vec(secrets).unwrap_or_default();
    let key = config.destination_key()?;
    let mut sealed = nonce.to_vec();
    sealed.extend(edge::encrypt(key.as_bytes(), &nonce, &bound_to(space_id), &plain).await?);
    Ok(format!("{PREFIX}{}", encode::base64(&sealed)))
}

/// Opens what `seal_secrets` sealed for the same space under the same key.
pub async fn open_secrets(config: &Config, space_id: i64, sealed: &str) -> Result<Secrets, Error> {
    let unreadable = || Error::Sealed;
    let text = sealed.strip_prefix(PREFIX).ok_or_else(unreadable)?;
    let bytes = encode::from_base64(text).ok_or_else(unreadable)?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or_else(unreadable)?;
    let key = config.destination_key()?;
    let plain = edge::decrypt(key.as_bytes(), nonce, &bound_to(space_id), sealed).await?;
    let plain = serde_json::from_slice(&plain).map_err(|_broken| unreadable())?;
    Ok(Secrets::read(&plain))
}

/// A secret copied into another space's row does not open there.
fn bound_to(space_id: i64) -> Vec<u8> {
    format!("destination of space {space_id}").into_bytes()
}

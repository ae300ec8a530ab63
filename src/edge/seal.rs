//! Secrets at rest: sealed with AES-GCM, bound to their space. Destinations' are under the Worker's
//! `DESTINATION_KEY`, those on their way to a page under a key that is derived from `KEY_SECRET`.

use crate::destination::Secrets;
use crate::edge;
use crate::edge::config::Config;
use crate::error::Error;
use crate::model::key;
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
    let plain = serde_json::to_vec(secrets).unwrap_or_default();
    let key = config.destination_key()?;
    seal(key.as_bytes(), &of_destination(space_id), &plain).await
}

/// Opens what `seal_secrets` sealed for the same space under the same key.
pub async fn open_secrets(config: &Config, space_id: i64, sealed: &str) -> Result<Secrets, Error> {
    let key = config.destination_key()?;
    let plain = open(key.as_bytes(), &of_destination(space_id), sealed).await?;
    let plain = serde_json::from_slice(&plain).map_err(|_broken| Error::Sealed)?;
    Ok(Secrets::read(&plain))
}

/// Seals what a page is to show once.
pub async fn seal_glimpse(config: &Config, space_id: i64, plain: &[u8]) -> Result<String, Error> {
    seal(&glimpse_key(config)?, &of_glimpse(space_id), plain).await
}

/// Opens what `seal_glimpse` sealed for the same space.
pub async fn open_glimpse(config: &Config, space_id: i64, sealed: &str) -> Result<Vec<u8>, Error> {
    open(&glimpse_key(config)?, &of_glimpse(space_id), sealed).await
}

async fn seal(key: &[u8], bound_to: &[u8], plain: &[u8]) -> Result<String, Error> {
    let nonce: [u8; NONCE] = edge::random()?;
    let mut sealed = nonce.to_vec();
    sealed.extend(edge::encrypt(key, &nonce, bound_to, plain).await?);
    Ok(format!("{PREFIX}{}", encode::base64(&sealed)))
}

async fn open(key: &[u8], bound_to: &[u8], sealed: &str) -> Result<Vec<u8>, Error> {
    let text = sealed.strip_prefix(PREFIX).ok_or(Error::Sealed)?;
    let bytes = encode::from_base64(text).ok_or(Error::Sealed)?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or(Error::Sealed)?;
    edge::decrypt(key, nonce, bound_to, sealed).await
}

/// No key's body has a line break: this can never be the check part of one.
fn glimpse_key(config: &Config) -> Result<[u8; 32], Error> {
    let secret = config.key_secret()?;
    key::mac(secret.as_bytes(), "glimpse\n").ok_or(Error::Missing("KEY_SECRET"))
}

/// A secret copied into another space's row does not open there.
fn of_destination(space_id: i64) -> Vec<u8> {
    format!("destination of space {space_id}").into_bytes()
}

fn of_glimpse(space_id: i64) -> Vec<u8> {
    format!("glimpse of space {space_id}").into_bytes()
}

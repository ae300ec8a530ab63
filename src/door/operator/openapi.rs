//! The OpenAPI description of everything that programs call, from `assets/openapi.json`. It has no
//! secrets in it and needs no key.

use crate::reply::Reply;

/// As scripts/build.sh has it, without spaces.
#[cfg(target_arch = "wasm32")]
const DESCRIPTION: &str = include_str!("../../../target/assets/openapi.json");

/// Tests of the rules need no bundle.
#[cfg(not(target_arch = "wasm32"))]
const DESCRIPTION: &str = include_str!("../../../assets/openapi.json");

/// The description. It changes with a deploy alone, so that a program may keep it for five minutes.
pub fn answer() -> Reply {
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("cache-control", "public, max-age=300".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    Reply { status: 200, headers, body: DESCRIPTION.to_owned() }
}

//! The dashboard's style, script and icon. The Worker carries them itself: where the platform serves
//! files, it looks every request up among them first, and a postback takes a quarter longer.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use crate::reply::Reply;
use crate::text::encode;

/// As scripts/build.sh bundles them.
#[cfg(target_arch = "wasm32")]
mod bundled {
    pub const STYLE: &str = include_str!("../../target/assets/app.css");
    pub const SCRIPT: &str = include_str!("../../target/assets/app.js");
    pub const ICON: &str = include_str!("../../target/assets/favicon.svg");
}

/// Tests of the rules need no bundle.
#[cfg(not(target_arch = "wasm32"))]
mod bundled {
    pub const STYLE: &str = "main{}";
    pub const SCRIPT: &str = "void 0";
    pub const ICON: &str = "<svg/>";
}

/// Bytes of the files' hash in their addresses: they only have to differ from those of the last versions.
const VERSION_BYTES: usize = 6;

/// What changes when a file does.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let files = [bundled::STYLE, bundled::SCRIPT, bundled::ICON].concat();
    let digest = Sha256::digest(files.as_bytes());
    encode::hex(digest.get(..VERSION_BYTES).unwrap_or_default())
});

/// A file of every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asset {
    Style,
    Script,
    Icon,
}

impl Asset {
    /// The file at a path without its slash.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "app.css" => Some(Self::Style),
            "app.js" => Some(Self::Script),
            "favicon.svg" => Some(Self::Icon),
            _ => None,
        }
    }

    /// Kept for a year under the version that pages name. Another version is asked for while a deploy
    /// is under way, and must not be kept under its name.
    pub fn reply(self, asked_version: &str) -> Reply {
        let (kind, text) = match self {
            Self::Style => ("text/css; charset=utf-8", bundled::STYLE),
            Self::Script => ("text/javascript; charset=utf-8", bundled::SCRIPT),
            Self::Icon => ("image/svg+xml", bundled::ICON),
        };
        let is_ours = asked_version == version();
        let kept = if is_ours { "public, max-age=31536000, immutable" } else { "no-cache" };
        let headers = vec![
            ("content-type", kind.to_owned()),
            ("cache-control", kept.to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Reply { status: 200, headers, body: text.to_owned() }
    }
}

/// What pages put behind the `?` of these files' addresses.
pub fn version() -> &'static str {
    &VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_under_its_own_version_alone() {
        let kept = |asked: &str| {
            let reply = Asset::Style.reply(asked);
            reply
                .headers
                .into_iter()
                .find(|(name, _)| *name == "cache-control")
                .map(|(_, value)| value)
        };
        assert!(kept(version()).is_some_and(|value| value.contains("immutable")));
        assert_eq!(kept("").as_deref(), Some("no-cache"));
        assert_eq!(version().len(), 2 * VERSION_BYTES);
    }
}

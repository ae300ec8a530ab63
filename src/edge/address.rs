//! Web addresses as browsers read them.

use worker::web_sys::Url;

/// The host of an address in its ASCII spelling, without a port; `None` for what no browser opens.
/// The platform's own reader says so: it is the one of the browsers' standard (WHATWG).
pub fn host_of(url: &str) -> Option<String> {
    Url::new(url).ok().map(|url| url.hostname()).filter(|host| !host.is_empty())
}

//! Which addresses a destination may have: public ones only (docs/destinations.md).
//!
//! A destination's address is fetched by us, from inside Cloudflare. The guard reads an address the
//! way the runtime's URL parser will, so that no spelling of a private host slips through: `127.1`,
//! `0x7f000001`, `[::ffff:10.0.0.1]`. What could be read in two ways is refused rather than guessed.
//!
//! Names are not resolved: a public name may lead to a private address, and nothing here sees it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names that lead to the machine itself, to a local network, or to a cloud's metadata.
const PRIVATE_ENDINGS: [&str; 10] = [
    ".localhost",
    ".localdomain",
    ".local",
    ".internal",
    ".intranet",
    ".lan",
    ".home",
    ".corp",
    ".home.arpa",
    ".onion",
];

/// Longest host name (RFC 1035).
const HOST_BYTES: usize = 253;

/// Refuses an address that is not public `http` or `https`, with the reason. `allow_loopback` lets
/// this machine itself through, for local development.
pub fn check(url: &str, allow_loopback: bool) -> Result<(), &'static str> {
    if url.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
        return Err("An address must not contain spaces, control characters or backslashes.");
    }
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err("Start the address with https:// or http://.");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("Remove the user name and password from the address.");
    }
    let (host, port) = split_port(authority)?;
    check_port(port)?;
    if let Some(inside) = host.strip_prefix('[') {
        let inside = inside.strip_suffix(']').ok_or(NO_HOST)?;
        let address: Ipv6Addr = inside.parse().map_err(|_other| NO_HOST)?;
        let allowed = is_public_v6(address) || (allow_loopback && address.is_loopback());
        return if allowed { Ok(()) } else { Err(PRIVATE) };
    }
    check_host(&host.to_ascii_lowercase(), allow_loopback)
}

/// Whether two addresses lead to the same server: by host, however it is spelled, and port. One host
/// is one deployment whether by `http` or `https`, and all names of this machine are one.
pub fn is_same_server(one: &str, other: &str) -> bool {
    server(one).is_some_and(|one| Some(one) == server(other))
}

fn server(url: &str) -> Option<(String, u16)> {
    let (_, rest) = url.split_once("://")?;
    let (host, port) = split_port(rest.split(['/', '?', '#']).next()?).ok()?;
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address: Option<IpAddr> = match inside {
        Some(inside) => inside.parse().ok(),
        None => labels
            .last()
            .filter(|last| is_number(last))
            .and_then(|_| parse_v4(&labels))
            .map(IpAddr::V4),
    };
    let host = match address.map(|address| address.to_canonical()) {
        Some(address) if address.is_loopback() => "localhost".to_owned(),
        Some(address) => address.to_string(),
        None => host,
    };
    let port = port.and_then(|port| port.parse().ok()).filter(|port| ![80, 443].contains(port));
    Some((host, port.unwrap_or(443)))
}

const NO_HOST: &str = "Include a host name, as in https://example.com/path.";
const PRIVATE: &str = "Only public addresses are allowed, not this machine or a private network.";

fn split_port(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    if authority.starts_with('[') {
        let (host, rest) =
            authority.split_at_checked(authority.find(']').ok_or(NO_HOST)? + 1).ok_or(NO_HOST)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(NO_HOST),
        };
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

/// Every port may be called: servers do live on odd ones, and only public hosts get this far.
fn check_port(port: Option<&str>) -> Result<(), &'static str> {
    match port {
        None => Ok(()),
        Some(port) if port.parse::<u16>().is_ok_and(|port| port > 0) && !port.starts_with('+') => {
            Ok(())
        }
        Some(_) => Err("The port must be a number from 1 to 65535."),
    }
}

fn check_host(host: &str, allow_loopback: bool) -> Result<(), &'static str> {
    if host.is_empty() || host.len() > HOST_BYTES {
        return Err(NO_HOST);
    }
    if !host.is_ascii() {
        return Err("Write a host name with non-ASCII letters in its xn-- form.");
    }
    let labels: Vec<&str> = host.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    if last.is_empty() {
        return Err("Remove the dot at the end of the host name.");
    }
    if is_number(last) {
        let address = parse_v4(&labels).ok_or(NO_HOST)?;
        let allowed = is_public_v4(address) || (allow_loopback && address.is_loopback());
        return if allowed { Ok(()) } else { Err(PRIVATE) };
    }
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !labels.iter().all(is_label) {
        return Err(NO_HOST);
    }
    if allow_loopback && host == "localhost" {
        return Ok(());
    }
    let dotted = format!(".{host}"); // so that `home.arpa` itself ends as what is below it
    let is_private = PRIVATE_ENDINGS.iter().any(|ending| dotted.ends_with(ending));
    if labels.len() < 2 || is_private { Err(PRIVATE) } else { Ok(()) }
}

/// WHATWG: a host whose last label is a number is an IPv4 address, in whatever spelling.
fn is_number(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
        || label.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// An IPv4 address as browsers read it: one to four numbers, decimal, octal (`0177`) or hexadecimal
/// (`0x7f`), the last of which fills the bytes that are left.
fn parse_v4(labels: &[&str]) -> Option<Ipv4Addr> {
    let numbers: Option<Vec<u64>> = labels.iter().map(|label| parse_number(label)).collect();
    let numbers = numbers?;
    let (last, leading) = numbers.split_last()?;
    if leading.len() > 3 || leading.iter().any(|byte| *byte > 255) {
        return None;
    }
    let bits_left = 8 * (4 - leading.len());
    if *last >= 1 << bits_left {
        return None;
    }
    let high = leading.iter().fold(0, |high, byte| (high << 8) | byte);
    u32::try_from((high << bits_left) | last).ok().map(Ipv4Addr::from)
}

fn parse_number(label: &str) -> Option<u64> {
    let (digits, radix) = match label.strip_prefix("0x") {
        Some("") => ("0", 16),
        Some(hex) => (hex, 16),
        None if label.len() > 1 && label.starts_with('0') => (label, 8),
        None => (label, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok().filter(|number| *number <= u64::from(u32::MAX))
}

/// Where Azure's machines find their host's services: in public space, and yet internal.
const AZURE_HOST: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || address == AZURE_HOST
        || a >= 224 // multicast, reserved, broadcast
        || (a == 100 && (64..128).contains(&b)) // carriers' own
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99) // 6to4 relays
        || (a == 198 && (b == 18 || b == 19))) // benchmarks
}

/// Public is 2000::/3, less what is set apart in it; an IPv4 address inside one is judged as such.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inside) = embedded_v4(address) {
        return is_public_v4(inside);
    }
    let [first, second, ..] = address.segments();
    let is_documentation = first == 0x2001 && second == 0xdb8 || first == 0x3fff;
    let is_protocol = first == 0x2001 && second < 0x200; // Teredo, ORCHID and others
    (first & 0xe000) == 0x2000 && !is_documentation && !is_protocol
}

fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) => Some(join(g, h)),
        // NAT64's well-known prefix; 64:ff9b:1::/48 beside it is for local use (RFC 8215).
        (0x64, 0xff9b, 0, 0, 0, 0) => Some(join(g, h)),
        (0x2002, high, low, _, _, _) => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

//! Which addresses a destination may have: public ones only (contract §8).
//!
//! A user's webhook address is fetched by us, from inside Cloudflare. The guard reads an address the
//! way the runtime's URL parser will, so that no spelling of a private host slips through: `127.1`,
//! `0x7f000001`, `[::ffff:10.0.0.1]`. What could be read in two ways is refused rather than guessed.
//!
//! Names are not resolved: a public name may lead to a private address, and nothing here sees it.

use std::net::{Ipv4Addr, Ipv6Addr};

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
        return Err("An address has no spaces, control characters or backslashes.");
    }
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err("Begin the address with https:// or http://.");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("Leave user name and password out of the address.");
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

const NO_HOST: &str = "Write the address with a host name, as in https://example.com/path.";
const PRIVATE: &str =
    "Only public addresses can be reached, not this machine or a private network.";

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

/// Every port may be called: webhooks do live on odd ones, and only public hosts get this far.
fn check_port(port: Option<&str>) -> Result<(), &'static str> {
    match port {
        None => Ok(()),
        Some(port) if port.parse::<u16>().is_ok_and(|port| port > 0) && !port.starts_with('+') => {
            Ok(())
        }
        Some(_) => Err("The port is a number from 1 to 65535."),
    }
}

fn check_host(host: &str, allow_loopback: bool) -> Result<(), &'static str> {
    if host.is_empty() || host.len() > HOST_BYTES {
        return Err(NO_HOST);
    }
    if !host.is_ascii() {
        return Err("Write a host name with other letters in its xn-- form.");
    }
    let labels: Vec<&str> = host.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    if last.is_empty() {
        return Err("Leave out the dot at the end of the host name.");
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn public_addresses_pass() {
        for url in [
            "https://example.com",
            "http://example.com:8080/a?b=c#d",
            "HTTPS://Example.COM/",
            "https://xn--bcher-kva.example/",
            "https://93.184.216.34/",
            "https://[2606:4700::1111]/x",
            "https://a_b.example.com",
            "https://example.com/@user",
            "https://example.com?u=a@b",
            "https://[::ffff:93.184.216.34]/",
            "https://1.1.1.1:65535",
            "https://[64:ff9b::8.8.8.8]/",
            "https://myhome.arpa.example/",
        ] {
            assert_eq!(check(url, false), Ok(()), "{url}");
        }
    }

    #[test]
    fn private_hosts_are_refused_in_every_spelling() {
        for url in [
            "http://localhost",
            "http://LOCALHOST/",
            "http://a.localhost",
            "http://printer.local",
            "http://metadata.google.internal/",
            "http://router",
            "http://nas.lan",
            "http://x.home.arpa",
            "http://home.arpa/",
            "http://localhost.localdomain/",
            "http://168.63.129.16/",
            "http://100.100.100.200/",
            "http://[64:ff9b:1::8.8.8.8]",
            "http://127.0.0.1",
            "http://127.1",
            "http://2130706433",
            "http://0x7f000001",
            "http://0x7f.1",
            "http://0177.0.0.1",
            "http://0x7f.0x0.0x0.0x1",
            "http://0",
            "http://0.0.0.0",
            "http://10.0.0.1",
            "http://10.1",
            "http://172.16.0.1",
            "http://172.31.255.255",
            "http://192.168.1.1",
            "http://192.168.257",
            "http://169.254.169.254/latest/meta-data",
            "http://100.64.0.1",
            "http://192.0.0.1",
            "http://198.18.0.1",
            "http://224.0.0.1",
            "http://240.0.0.1",
            "http://255.255.255.255",
            "http://0xffffffff",
            "http://3232235777",
            "http://[::1]",
            "http://[::]",
            "http://[fe80::1]",
            "http://[fc00::1]",
            "http://[fd00:ec2::254]",
            "http://[ff02::1]",
            "http://[::ffff:127.0.0.1]",
            "http://[::ffff:7f00:1]",
            "http://[::127.0.0.1]",
            "http://[64:ff9b::10.0.0.1]",
            "http://[2002:7f00:1::]",
            "http://[2002:c0a8:101::1]",
            "http://[2001:db8::1]",
            "http://[2001::1]",
            "http://[fec0::1]",
            "http://[100::1]",
            "http://[0:0:0:0:0:ffff:a00:1]:8080/",
        ] {
            assert_eq!(check(url, false), Err(PRIVATE), "{url}");
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for url in [
            "",
            "example.com",
            "//example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://",
            "https:///path",
            "javascript:alert(1)",
            "https://user@example.com",
            "https://u:p@example.com",
            "https://example.com.",
            "https://127.0.0.1.",
            "https://example..com",
            "https://.example.com",
            "https://exa mple.com",
            "https://example.com\\@127.0.0.1",
            "https:\\\\example.com",
            "https://example.com:0",
            "https://example.com:65536",
            "https://example.com:+80",
            "https://example.com:",
            "https://example.com:80:80",
            "https://[::1",
            "https://[::1]x",
            "https://[fe80::1%25eth0]",
            "https://bücher.example",
            "https://127。0。0。1",
            "https://１２７.0.0.1",
            "https://%31%32%37.0.0.1",
            "https://1.2.3.4.5",
            "https://256.1.1.1",
            "https://1.2.3.256",
            "https://08.1.1.1",
            "https://exa\u{ad}mple.com",
            "https://a\tb.com",
            "https://4294967296",
        ] {
            assert!(check(url, false).is_err(), "{url}");
            assert!(check(url, true).is_err(), "{url}");
        }
    }

    #[test]
    fn loopback_passes_where_it_is_allowed_and_nothing_else_private_does() {
        for url in ["http://localhost:9000/", "http://127.0.0.1:9000", "http://[::1]:9000/x"] {
            assert_eq!(check(url, true), Ok(()), "{url}");
        }
        for url in
            ["http://10.0.0.1", "http://169.254.169.254", "http://a.local", "http://[fd00::1]"]
        {
            assert!(check(url, true).is_err(), "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(https?://)?[\\[\\]0-9a-fx.:@%/]{0,40}|\\PC{0,60}") {
            let _ = check(&text, false);
        }

        #[test]
        fn one_address_is_judged_alike_in_all_its_spellings(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            let [a, b, c, d] = address.octets();
            let plain = check(&format!("http://{address}/"), false);
            for spelling in [
                format!("{bits}"), format!("0x{bits:x}"), format!("0{bits:o}"),
                format!("{a}.{}", bits & 0x00ff_ffff), format!("0x{a:x}.0{b:o}.{c}.{d}"),
                format!("[::ffff:{address}]"),
            ] {
                prop_assert_eq!(check(&format!("http://{spelling}/"), false), plain, "{}", spelling);
            }
        }
    }
}

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
    for url in ["http://10.0.0.1", "http://169.254.169.254", "http://a.local", "http://[fd00::1]"] {
        assert!(check(url, true).is_err(), "{url}");
    }
}

#[test]
fn one_server_is_known_in_every_spelling_of_its_address() {
    let same = |one, other| is_same_server(one, other);
    for url in [
        "https://T.Example/e?token=1",
        "http://t.example",
        "https://t.example:443/e",
        "http://t.example:80/e",
        "https://t.example./e",
        "https://t.example#x",
    ] {
        assert!(same(url, "https://t.example"), "{url}");
    }
    for url in ["http://localhost:8787/e", "http://127.1:8787", "http://[::1]:8787/"] {
        assert!(same(url, "http://127.0.0.1:8787"), "{url}");
    }
    assert!(same("http://0x5db8d822/", "http://93.184.216.34"));
    for url in ["https://t.example:8443/", "https://a.t.example/", "https://t.example.org/", "x"] {
        assert!(!same(url, "https://t.example"), "{url}");
    }
    assert!(!same("http://127.0.0.1:9000/", "http://127.0.0.1:8787"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(https?://)?[\\[\\]0-9a-fx.:@%/]{0,40}|\\PC{0,60}") {
        let _ = check(&text, false);
        let _ = is_same_server(&text, &text);
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

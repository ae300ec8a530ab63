use super::*;

fn draft(kind: LinkKind, target: &str) -> LinkDraft {
    LinkDraft {
        name: "Link".to_owned(),
        slug: "link".to_owned(),
        kind,
        target: target.to_owned(),
        uid_parameter: uid_parameter(),
        page: None,
        enabled: true,
        network: None,
        archived: None,
    }
}

fn host_of(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

fn location(kind: LinkKind, target: &str, uid: Option<&str>) -> String {
    let LinkDraft { kind, target, uid_parameter, page, enabled, .. } =
        draft(kind, target).check(host_of).unwrap();
    Link { id: 1, space_id: 1, kind, target, uid_parameter, page, enabled }.location(uid)
}

#[test]
fn every_kind_sends_the_visitor_on() {
    for (kind, target, expected) in [
        (LinkKind::Bot, "my_bot", "https://t.me/my_bot?start=fb_U"),
        (LinkKind::Bot, "@my_bot", "https://t.me/my_bot?start=fb_U"),
        (LinkKind::Channel, "https://t.me/+AbC", "https://t.me/+AbC"),
        (LinkKind::Web, "https://a.example", "https://a.example?uid=U"),
        (LinkKind::Web, "https://a.example/?", "https://a.example/?uid=U"),
        (LinkKind::Web, "https://a.example/p?a=1&b={x}", "https://a.example/p?a=1&b={x}&uid=U"),
        (LinkKind::Web, "https://a.example/p?a=1&", "https://a.example/p?a=1&uid=U"),
        (LinkKind::Web, "https://a.example/p#top", "https://a.example/p?uid=U#top"),
        (LinkKind::Web, "https://a.example/{uid}?s={uid}", "https://a.example/U?s=U"),
        (LinkKind::Web, "https://a.example/?uid={uid}&a=1", "https://a.example/?uid=U&a=1"),
        (LinkKind::Web, "https://{uid}.a.example:8443/", "https://U.a.example:8443/"),
        (LinkKind::Web, "https://[2606:4700::1111]:80/", "https://[2606:4700::1111]:80/?uid=U"),
        (LinkKind::Web, "https://a.example/{sub}#{x}", "https://a.example/{sub}?uid=U#{x}"),
        (
            LinkKind::Web,
            "https://a.example/ä?b=é#ü",
            "https://a.example/%C3%A4?b=%C3%A9&uid=U#%C3%BC",
        ),
        (LinkKind::Web, "https://Bücher.example/", "https://xn--bcher-kva.example/?uid=U"),
        (
            LinkKind::Web,
            "http://u:p@{uid}.bücher.example:81/bücher.example",
            "http://u:p@U.xn--bcher-kva.example:81/b%C3%BCcher.example",
        ),
        (LinkKind::Channel, "https://t.me/ä", "https://t.me/%C3%A4"),
    ] {
        assert_eq!(location(kind, target, Some("U")), expected);
    }
}

#[test]
fn one_bot_or_channel_is_the_same_however_its_address_is_written() {
    let target = |kind, text: &str| {
        draft(kind, text).check(host_of).map(|draft| draft.target).map_err(|bad| bad.first.field)
    };
    for text in [
        "my_bot",
        "@my_bot",
        "t.me/my_bot",
        "t.me/my_bot/",
        "http://t.me/my_bot",
        "https://t.me/my_bot",
        " HTTPS://T.me/my_bot/ ",
        "https://t.me/my_bot?",
        "https://t.me/@my_bot",
        "https://telegram.me/my_bot",
        "telegram.dog/my_bot",
    ] {
        assert_eq!(target(LinkKind::Bot, text).as_deref(), Ok("my_bot"), "{text}");
    }
    for text in [
        "https://t.me/my_bot?start=x",
        "my_bot?start=x",
        "https://t.me/",
        "https://example.com/my_bot",
        "t.me/my_bot/app",
        "bot",
    ] {
        assert_eq!(target(LinkKind::Bot, text), Err("target"), "{text}");
    }
    for (text, expected) in [
        ("@my_channel", "https://t.me/my_channel"),
        ("my_channel", "https://t.me/my_channel"),
        ("t.me/my_channel", "https://t.me/my_channel"),
        ("http://telegram.me/+AbC", "https://t.me/+AbC"),
        ("https://t.me/joinchat/AbC", "https://t.me/joinchat/AbC"),
    ] {
        assert_eq!(target(LinkKind::Channel, text).as_deref(), Ok(expected), "{text}");
    }
    for text in ["https://t.me/", "https://example.com/+AbC", "+AbC", "@a"] {
        assert_eq!(target(LinkKind::Channel, text), Err("target"), "{text}");
    }
}

#[test]
fn the_parameter_that_carries_the_click_id_is_known() {
    let of = |target: &str| draft(LinkKind::Web, target).carrier().map(str::to_owned);
    assert_eq!(of("https://a.example/?a=1").as_deref(), Some("uid"));
    assert_eq!(of("https://a.example/?a=1&sub1={uid}#x=1").as_deref(), Some("sub1"));
    assert_eq!(of("https://a.example/{uid}?a=1"), None);
    assert_eq!(of("https://a.example/#x={uid}"), None);
}

#[test]
fn an_address_is_made_to_carry_the_click_id_where_it_is_wanted() {
    let fitted = |target: &str| {
        let mut draft = draft(LinkKind::Web, target);
        draft.carry_in("sub1");
        (draft.target, draft.uid_parameter)
    };
    for (target, expected) in [
        ("https://a.example/?a=1", "https://a.example/?a=1"),
        ("https://a.example/?sub1=&a=1#x", "https://a.example/?sub1={uid}&a=1#x"),
        ("https://a.example/?sub1={click_id}", "https://a.example/?sub1={uid}"),
        ("https://a.example/?sub1", "https://a.example/?sub1={uid}"),
        ("https://a.example/?sub1=mine&x={uid}", "https://a.example/?sub1=mine&x={uid}"),
    ] {
        assert_eq!(fitted(target), (expected.to_owned(), "sub1".to_owned()), "{target}");
    }
}

#[test]
fn a_slug_is_made_of_the_name_and_is_free() {
    let slug = |name: &str, taken: &[&str]| free_slug(name, |slug| taken.contains(&slug));
    assert_eq!(slug("  Summer Sale (50 %)! ", &[]), "summer-sale-50");
    assert_eq!(slug("Summer", &["summer", "summer-2"]), "summer-3");
    assert_eq!(slug("Лето", &["link"]), "link-2");
    let long = slug(&"x".repeat(100), &[]);
    assert!(is_word(&long, 1..=NAME_LENGTH) && long.len() == 90, "{long}");
}

#[test]
fn a_target_that_was_saved_before_goes_out_as_ascii_too() {
    let target = "https://bücher.example/ä".to_owned();
    let uid_parameter = uid_parameter();
    let link = Link {
        id: 1,
        space_id: 1,
        kind: LinkKind::Web,
        target,
        uid_parameter,
        page: None,
        enabled: true,
    };
    let location = link.location(Some("U"));
    assert_eq!(location, "https://b%C3%BCcher.example/%C3%A4?uid=U");
    assert_eq!(host_of(&location).as_deref(), Some("xn--bcher-kva.example"));
}

#[test]
fn a_preview_is_sent_on_without_a_uid() {
    for (kind, target, expected) in [
        (LinkKind::Bot, "my_bot", "https://t.me/my_bot"),
        (LinkKind::Web, "https://a.example/?a=1", "https://a.example/?a=1"),
        (LinkKind::Web, "https://a.example/?s={uid}", "https://a.example/?s="),
    ] {
        assert_eq!(location(kind, target, None), expected);
    }
}

#[test]
fn a_wrong_field_is_named() {
    let wrong =
        |draft: LinkDraft| draft.check(host_of).map_err(|bad| bad.first.member()).unwrap_err();
    for (kind, target) in [
        (LinkKind::Bot, "bot"),
        (LinkKind::Bot, "my-bot"),
        (LinkKind::Bot, "https://t.me/x"),
        (LinkKind::Channel, "my channel"),
        (LinkKind::Channel, "https://t.me/"),
        (LinkKind::Web, "javascript:alert(1)"),
        (LinkKind::Web, "https://"),
        (LinkKind::Web, "a.example"),
        (LinkKind::Web, "https://a.example/ b"),
        (LinkKind::Web, "https://a.example/\r\nx"),
        (LinkKind::Web, "https://a.example/?uid=5"),
        (LinkKind::Web, "https://[::1"),
        (LinkKind::Web, "https://[::1]x/"),
        (LinkKind::Web, "https://a.example:99999/"),
        (LinkKind::Web, "https://a.example:0/"),
        (LinkKind::Web, "https://a.example:x/"),
        (LinkKind::Web, "https://a.example:{uid}/"),
        (LinkKind::Web, "https://:443/"),
        (LinkKind::Web, "https://@/"),
        (LinkKind::Web, "https://a b.example/"),
        (LinkKind::Web, "https://a%20b.example/"),
        (LinkKind::Web, "https://a\u{7f}b.example/"),
        (LinkKind::Web, "https://a.example/\u{1}"),
        (LinkKind::Web, "https://256.1.1.1/"),
        (LinkKind::Web, "https://a|b.example/"),
        (LinkKind::Channel, "https://t.me/a\u{0}"),
    ] {
        assert_eq!(wrong(draft(kind, target)), "target", "{target}");
    }
    let good = || draft(LinkKind::Bot, "my_bot");
    assert_eq!(wrong(LinkDraft { name: " ".to_owned(), ..good() }), "name");
    assert_eq!(wrong(LinkDraft { slug: "a b".to_owned(), ..good() }), "slug");
    assert_eq!(wrong(LinkDraft { uid_parameter: "a&b".to_owned(), ..good() }), "uid_parameter");
    let page = LandingText { title: String::new(), text: String::new(), button: "Go".to_owned() };
    assert_eq!(wrong(LinkDraft { page: Some(page.clone()), ..good() }), "page");
    let all = LinkDraft { name: String::new(), slug: "a b".into(), page: Some(page), ..good() };
    let bad = LinkDraft { target: "x".into(), ..all }.check(host_of).unwrap_err();
    let fields: Vec<_> = bad.iter().map(|bad| bad.field).collect();
    assert_eq!(fields, ["name", "slug", "page.title", "target"]);
}

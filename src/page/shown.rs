//! Values as every screen shows them: times in the space's zone, texts of strangers made visible.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::db::feed::Item;
use crate::figures::{Zone, money};
use crate::model::note::Note;

/// A time, as HTML.
#[derive(Template)]
#[template(
    source = r#"<time datetime="{{ utc }}Z" title="{{ utc }} UTC">{{ local }}</time>"#,
    ext = "html"
)]
pub struct Moment {
    utc: String,
    local: String,
}

impl HtmlSafe for Moment {}

/// A moment in the space's zone to the second, with UTC behind it.
pub fn moment(zone: &Zone, ms: i64) -> Moment {
    let utc = Zone::utc().written_in_full(ms);
    Moment { utc, local: zone.written(ms, true) }
}

/// A stranger's text, with what the eye would miss or be fooled by spelt out: control characters,
/// marks that turn the direction of writing, and spaces without width.
pub fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) {
            visible.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(c)));
        } else {
            visible.push(c);
        }
    }
    visible
}

/// Whether a character is there without being seen, or turns what is.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        ) && c != '\u{200d}' // Joins emoji; harmless alone.
}

/// How often something came again, in words.
pub fn times_more(again: i64) -> String {
    if again == 1 { "once more".to_owned() } else { format!("{} more times", money::count(again)) }
}

/// How long ago something was, in words.
pub fn ago(now_ms: i64, ms: i64) -> String {
    let minutes = (now_ms - ms) / 60_000;
    let (number, unit) = match minutes {
        ..1 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{s} ago")
}

/// What a page calls an event's state of delivery.
pub fn state(state: &str) -> &'static str {
    match state {
        "pending" => "waiting",
        "sending" => "sending",
        "retrying" => "will be retried",
        "sent" => "sent",
        _ => "given up",
    }
}

/// Whether a delivery in a state can be sent again by hand: those that db/delivery.rs RESEND takes.
pub fn can_be_resent(state: &str) -> bool {
    matches!(state, "sent" | "failed_permanently" | "retrying")
}

/// An amount as a feed shows it: what counts, or why nothing does.
pub fn amount(item: &Item) -> String {
    let amount = amount_as_read(item);
    if item.counted { amount } else { format!("{amount} (not counted)").trim_start().to_owned() }
}

/// An amount as it was read, whether it counts or not.
pub fn amount_as_read(item: &Item) -> String {
    match item.micros {
        Some(micros) => money::with_currency(micros.into(), &item.currency),
        None if item.event == "deposit" => "no amount".to_owned(),
        None => String::new(),
    }
}

/// Whether a deposit came without an amount.
pub fn is_without_amount(item: &Item) -> bool {
    item.notes.iter().any(|note| Note::read(note) == Some(Note::ValueEmpty))
}

/// A part of a whole in per cent with one decimal; a dash of nothing.
pub fn percent(permille: Option<i64>) -> String {
    permille.map_or_else(
        || "\u{2013}".to_owned(),
        |permille| format!("{}.{}\u{a0}%", permille / 10, permille % 10),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fools_the_eye_is_spelt_out() {
        assert_eq!(visible("abc\u{202e}cba"), "abc\u{27e8}U+202E\u{27e9}cba");
        assert_eq!(visible("a\u{200b}b\u{7}"), "a\u{27e8}U+200B\u{27e9}b\u{27e8}U+0007\u{27e9}");
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} äß <script>";
        assert_eq!(visible(family), family);
    }

    #[test]
    fn how_long_ago_is_said_in_the_largest_unit() {
        let of = |minutes: i64| ago(minutes * 60_000, 0);
        assert_eq!([of(0), of(1), of(59)], ["just now", "1 minute ago", "59 minutes ago"]);
        assert_eq!([of(60), of(1439), of(2880)], ["1 hour ago", "23 hours ago", "2 days ago"]);
    }

    #[test]
    fn a_moment_says_both_times() {
        let zone = Zone::learn(0, 1, |_| 19_800);
        let html = moment(&zone, 1_765_432_100_000).to_string();
        assert_eq!(
            html,
            r#"<time datetime="2025-12-11 05:48:20Z" title="2025-12-11 05:48:20 UTC">11 Dec 11:18:20</time>"#
        );
    }

    #[test]
    fn percents_have_one_decimal_and_nothing_is_a_dash() {
        assert_eq!(
            [percent(Some(208)), percent(Some(1000)), percent(None)],
            ["20.8\u{a0}%", "100.0\u{a0}%", "\u{2013}"]
        );
    }
}

//! The parts that sentences share.

use time::OffsetDateTime;

use crate::doctor::group::Group;
use crate::model::event::EventKind;
use crate::model::note::Field;
use crate::network::Pack;
use crate::text::plural;

/// Longest sender's text in a sentence, in characters.
const SHOWN: usize = 60;

/// A sender's text for a sentence: short, and without invisible characters.
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == SHOWN {
            shown.push('…');
            break;
        }
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if c.is_control() => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

/// The network's name, short.
fn short(pack: &Pack) -> &str {
    let name = pack.name.split([',', '(']).next().unwrap_or(&pack.name).trim();
    name.trim_end_matches(" as sender")
}

/// `Everflow`, or `the network`.
pub fn network<'g>(group: &Group<'g>) -> &'g str {
    group.pack.map_or("the network", short)
}

/// The sentence with a capital letter at its beginning.
pub fn begun(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// `Everflow's`, or `the network's`.
pub fn networks(group: &Group) -> String {
    let name = network(group);
    format!("{name}{}", if name.ends_with('s') { "'" } else { "'s" })
}

/// `In Everflow's postback settings,`.
pub fn in_settings(group: &Group) -> String {
    format!("In {} postback settings,", networks(group))
}

/// `1 deposit`, `3 deposits`.
pub fn counted(count: usize, noun: &str) -> String {
    plural::counted(i64::try_from(count).unwrap_or(i64::MAX), noun, &format!("{noun}s"))
}

/// `1 deposit was`, `3 deposits were`.
pub fn were(count: usize, noun: &str) -> String {
    format!("{} {}", counted(count, noun), if count == 1 { "was" } else { "were" })
}

/// What a field holds, in words.
pub fn meant(field: Field) -> &'static str {
    match field {
        Field::Uid => "click id",
        Field::Eid => "transaction id",
        Field::Value => "amount",
        Field::Currency => "currency",
        Field::Time => "time",
        Field::TgId => "Telegram id",
        Field::Event => "event",
        Field::Token => "token",
        Field::DryRun => "dry run",
        Field::Test => "test",
    }
}

/// The macro that belongs in a field, where the network has one.
pub fn right_macro<'g>(group: &Group<'g>, field: Field, event: EventKind) -> Option<&'g str> {
    let pack = group.pack?;
    match field {
        Field::Uid => pack.uid.as_deref(),
        Field::Eid => group.eid_macro(event),
        Field::Value => pack.amounts.first().map(|amount| amount.name.as_str()),
        Field::Currency => pack.currency.as_deref(),
        _ => None,
    }
}

/// What to write into one of our parameters: `write eid={conversion_id}`, or which macro to look for
/// where the network is not known, or has none.
pub fn write(group: &Group, field: Field, event: EventKind) -> String {
    let (name, meant) = (field.name(), meant(field));
    match (right_macro(group, field, event), group.pack, field) {
        (Some(right), _, _) => format!("write {name}={right}"),
        (_, _, Field::Event) => "write event=deposit in the URL for deposits and event=registration in the one for registrations".to_owned(),
        (_, _, Field::Currency) => "write the code itself, such as currency=USD".to_owned(),
        (_, _, Field::Time) => "remove t=, so that the time of receipt counts".to_owned(),
        (_, _, Field::TgId | Field::Token | Field::DryRun) => format!("remove {name}="),
        (_, Some(_), Field::Uid) => "write behind uid= the macro of the sub id that your offer link carries".to_owned(),
        (_, Some(pack), _) if !pack.base_only => format!("remove {name}=: no macro for a {meant} is known there"),
        _ => format!("write behind {name}= its own macro for the {meant}"),
    }
}

/// The same with what to mind about it, unless there is nothing to be written.
pub fn write_so(group: &Group, field: Field, event: EventKind, so: &str) -> String {
    let write = write(group, field, event);
    if write.starts_with("write") { format!("{write}{so}") } else { write }
}

/// What to change, as a sentence of its own.
pub fn mend(group: &Group, what: &str) -> String {
    format!("{} {what}.", in_settings(group))
}

/// `a, b and c`.
pub fn joined(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `25.00 USD`.
pub fn amount(micros: i64, currency: &str) -> String {
    let cents = micros.unsigned_abs() / 10_000;
    let sign = if micros < 0 { "-" } else { "" };
    format!("{sign}{}.{:02} {currency}", cents / 100, cents % 100)
}

/// `14:00 UTC`, with the day where it is not today.
pub fn clock(ms: i64, now_ms: i64) -> String {
    let at = utc(ms);
    let time = format!("{:02}:{:02} UTC", at.hour(), at.minute());
    if at.date() == utc(now_ms).date() { time } else { format!("{time} {}", day(ms, now_ms)) }
}

/// `today`, `on Monday`, `on 3 November`.
pub fn day(ms: i64, now_ms: i64) -> String {
    let (at, now) = (utc(ms).date(), utc(now_ms).date());
    match (now - at).whole_days() {
        0 => "today".to_owned(),
        1..=6 => format!("on {}", at.weekday()),
        _ => format!("on {} {}", at.day(), at.month()),
    }
}

fn utc(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `3 hours`, `2 days`: whole ones, as somebody would say it.
pub fn span(ms: i64) -> String {
    let hours = usize::try_from(ms / 3_600_000).unwrap_or_default();
    match hours {
        0 => counted(usize::try_from(ms / 60_000).unwrap_or_default(), "minute"),
        1..48 => counted(hours, "hour"),
        _ => counted(hours / 24, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_text_is_short_and_has_nothing_invisible() {
        assert_eq!(shown("a\nb\u{0}"), "a\\nb\\u0000");
        assert_eq!(shown(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
        assert_eq!(shown(&"x".repeat(60)), "x".repeat(60));
    }

    #[test]
    fn times_are_said_as_somebody_would_say_them() {
        // Wednesday, 25 November 2026, 17:00 UTC.
        let now_ms = 1_795_626_000_000;
        assert_eq!(clock(now_ms - 3 * 3_600_000, now_ms), "14:00 UTC");
        assert_eq!(clock(now_ms - 48 * 3_600_000, now_ms), "17:00 UTC on Monday");
        assert_eq!(day(now_ms - 22 * 86_400_000, now_ms), "on 3 November");
        assert_eq!(
            (span(3_600_000), span(47 * 3_600_000), span(50 * 3_600_000)),
            ("1 hour".to_owned(), "47 hours".to_owned(), "2 days".to_owned())
        );
    }
}

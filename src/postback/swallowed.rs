//! Parameters inside the value of another: a second `?` arrived percent-encoded (docs/networks.md, What arrives).
//! `uid=z%3Feid%3D5%26value%3D7` is what a library makes of `uid=z?eid=5&value=7`.

use crate::model::note::Field;

/// What joins a swallowed parameter to the one before it, encoded once or twice; whether it is a `?`.
const JOINTS: [(&str, bool); 6] = [
    ("%3F", true),
    ("%3f", true),
    ("%253F", true),
    ("%253f", true),
    ("%26", false),
    ("%2526", false),
];

/// The `=` behind a swallowed name; whether it was encoded twice, and so the value behind it.
const EQUALS: [(&str, bool); 5] =
    [("=", false), ("%3D", false), ("%3d", false), ("%253D", true), ("%253d", true)];

/// A joint with the name behind it.
struct Swallowed<'a> {
    is_question: bool,
    name: &'a str,
    is_twice: bool,
    /// Length from the joint to the `=`, both included.
    bytes: usize,
}

impl<'a> Swallowed<'a> {
    fn at(text: &'a str) -> Option<Self> {
        let (joint, is_question) = JOINTS.iter().find(|(joint, _)| text.starts_with(joint))?;
        let rest = text.get(joint.len()..)?;
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
        let behind = rest.get(name.len()..)?;
        let (equals, is_twice) = EQUALS.iter().find(|(equals, _)| behind.starts_with(equals))?;
        let bytes = joint.len() + name.len() + equals.len();
        Some(Self { is_question: *is_question, name, is_twice: *is_twice, bytes })
    }

    fn is_known(&self) -> bool {
        Field::named(self.name).is_some()
    }
}

/// The parameters that a raw `name=value` consists of, each as it should have arrived. `None` where
/// it is one alone: no name that is read stands behind an encoded `?`, or its own name is none that
/// is read; such a value may be an address with a query of its own.
pub fn unfold(pair: &str) -> Option<Vec<String>> {
    let (name, value) = pair.split_once('=').filter(|(_, value)| value.contains('%'))?;
    Field::named(name.trim_start_matches("amp;"))?;
    let mut pieces = Vec::new();
    let (mut head, mut from, mut is_twice) = (name, 0, false);
    for (at, _) in value.match_indices('%') {
        let Some(swallowed) = value.get(at..).and_then(Swallowed::at) else { continue };
        if at < from || (pieces.is_empty() && !(swallowed.is_question && swallowed.is_known())) {
            continue;
        }
        pieces.push(piece(head, value.get(from..at)?, is_twice));
        (head, from, is_twice) = (swallowed.name, at + swallowed.bytes, swallowed.is_twice);
    }
    if pieces.is_empty() {
        return None;
    }
    pieces.push(piece(head, value.get(from..)?, is_twice));
    Some(pieces)
}

/// A pair with its value encoded once. Only the `%` of the second encoding is undone, so that no
/// `&` or `?` comes out of it.
fn piece(name: &str, value: &str, is_twice: bool) -> String {
    if is_twice {
        format!("{name}={}", value.replace("%25", "%"))
    } else {
        format!("{name}={value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_question_mark_ends_a_value_where_a_known_name_follows() {
        for (pair, expected) in [
            ("uid=z%3Feid%3D5", "uid=z eid=5"),
            ("uid=z%3feid%3d5", "uid=z eid=5"),
            ("uid=z%3Feid=5", "uid=z eid=5"),
            ("uid=z%3Feid%3D5%26value%3D7", "uid=z eid=5 value=7"),
            ("uid=z%3Feid%3Da%252Bb%26sub%3D1", "uid=z eid=a%252Bb sub=1"),
            ("event=deposit%3Ft%3D%7Bt%7D%3Fuid%3Dz", "event=deposit t=%7Bt%7D uid=z"),
            ("uid=a%3Fb%3Feid%3D5", "uid=a%3Fb eid=5"),
            ("uid=%7Bclick_id%7D%3Fvalue%3D1%2C5", "uid=%7Bclick_id%7D value=1%2C5"),
            ("uid=z%253Feid%253D5%2526value%253D1%252C5", "uid=z eid=5 value=1%2C5"),
            ("amp;uid=z%3Feid%3D", "amp;uid=z eid="),
        ] {
            assert_eq!(unfold(pair).unwrap_or_default().join(" "), expected, "{pair}");
        }
    }

    #[test]
    fn any_other_value_is_one_alone() {
        for pair in [
            "uid=z",
            "uid=z%3F",
            "uid=what%3F",
            "uid=a%3Fb",
            "uid=a%3Fb%3D5",
            "uid=a%3Feid",
            "uid=a%3FEID%3D5",
            "uid=a%26eid%3D5",
            "uid=100%25%3Fx%3D1%26eid%3D5",
            "url=https%3A%2F%2Fo.example%2F%3Fuid%3D5",
            "uid",
            "",
        ] {
            assert_eq!(unfold(pair), None, "{pair}");
        }
    }
}

//! A raw query made into named values, with the damage that links suffer on their way mended
//! (docs/networks.md, What arrives). Nothing here knows what a value means.

use percent_encoding::percent_decode_str;

use super::entity;
use super::macros;
use super::swallowed;
use crate::model::key;
use crate::model::note::{Field, Note};
use crate::text::pairs::decode_lossy;

/// What one parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Missing, or nothing but spaces.
    Absent,
    /// The network's own macro, unfilled.
    Unresolved(&'a str),
    /// Bytes that are not UTF-8.
    Undecodable,
    /// Text, without surrounding spaces.
    Text(&'a str),
}

/// A parameter as it arrived. The token is none: it is taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Decoded. Empty where it held a secret.
    pub name: String,
    /// The value, still encoded. Empty where it held a secret.
    pub received: String,
    /// What it was read as; `None` for what is ignored.
    pub field: Option<Field>,
    /// What had to be mended of it, or why it was ignored.
    pub notes: Vec<Note>,
    /// Its place among `pairs`, where it has one.
    pair: Option<usize>,
}

/// A query taken apart. Secrets are in `token` alone: `raw` and the values are free of them.
#[derive(Debug, Default)]
pub struct Parameters {
    pairs: Vec<(Field, Option<String>)>,
    /// What arrived, in its order, where somebody wants to see it: a postback on its way does not.
    parts: Option<Vec<Part>>,
    /// Whether the next part stands behind a second `?`.
    is_behind: bool,
    /// Those that are not read, by their names.
    others: Vec<(String, Option<String>)>,
    /// The ingest token as it was sent, where it was sent.
    pub token: Option<String>,
    /// The query as it arrived, the token and other secrets removed.
    pub raw: String,
    /// What had to be mended or ignored.
    pub notes: Vec<Note>,
}

impl Parameters {
    /// Takes a raw query apart; any text will do.
    pub fn parse(query: &str) -> Self {
        Self::default().take_all(query)
    }

    /// The same, with a record of what arrived.
    pub fn recorded(query: &str) -> Self {
        Self { parts: Some(Vec::new()), ..Self::default() }.take_all(query)
    }

    fn take_all(self, query: &str) -> Self {
        let mut parameters = self;
        for piece in query.split_inclusive(['&', '?']) {
            let (pair, separator) = match piece.strip_suffix(['&', '?']) {
                Some(pair) => (pair, piece.get(pair.len()..).unwrap_or_default()),
                None => (piece, ""),
            };
            if let Some(kept) = parameters.take(pair) {
                parameters.raw.push_str(&kept);
                parameters.raw.push_str(separator);
            }
            parameters.is_behind = separator == "?";
            if parameters.is_behind {
                parameters.note(Note::SecondQuestionMark);
            }
        }
        let length = parameters.raw.trim_end_matches(['&', '?']).len();
        parameters.raw.truncate(length);
        parameters
    }

    /// The value of a parameter. Of several the first real one counts; where they differ, that is noted.
    pub fn value(&mut self, field: Field) -> Value<'_> {
        if self.chosen(field).1 {
            self.note(Note::Repeated(field));
        }
        self.peek(field)
    }

    /// The same without a note.
    pub fn peek(&self, field: Field) -> Value<'_> {
        let pair = self.chosen(field).0.and_then(|at| self.pairs.get(at));
        pair.map_or(Value::Absent, |(_, text)| classify(text.as_deref()))
    }

    /// Which of several values of a parameter counts, and whether real ones differ.
    fn chosen(&self, field: Field) -> (Option<usize>, bool) {
        let (mut chosen, mut best, mut differ) = (None, Value::Absent, false);
        for (at, (_, text)) in self.pairs.iter().enumerate().filter(|(_, pair)| pair.0 == field) {
            let value = classify(text.as_deref());
            match (best, value) {
                (Value::Text(first), Value::Text(other)) => differ |= first != other,
                (Value::Text(_), _) | (_, Value::Absent) => {}
                (Value::Undecodable | Value::Unresolved(_), Value::Unresolved(_)) => {}
                _ => (chosen, best) = (Some(at), value),
            }
        }
        (chosen, differ)
    }

    /// What arrived, in its order, each with whether it is the one of its field that counts. Nothing
    /// unless it was recorded.
    pub fn parts(&self) -> impl Iterator<Item = (&Part, bool)> {
        let counts = |part: &Part| {
            let Some(field) = part.field else { return false };
            let first = || self.pairs.iter().position(|(name, _)| *name == field);
            self.chosen(field).0.or_else(first) == part.pair
        };
        self.parts.iter().flatten().map(move |part| (part, counts(part)))
    }

    /// The text of a parameter whose unresolved macro counts as absent, and is noted.
    pub fn text_or_absent(&mut self, field: Field) -> Option<String> {
        match self.value(field) {
            Value::Text(text) => Some(text.to_owned()),
            Value::Unresolved(_) => {
                self.note(Note::MacroUnresolved(field));
                None
            }
            Value::Absent | Value::Undecodable => None,
        }
    }

    /// The text under a name, or its unresolved macro: also of a parameter that is not read.
    pub fn text_named(&self, name: &str) -> Option<String> {
        let own = |value: Value<'_>| match value {
            Value::Text(text) | Value::Unresolved(text) => Some(text.to_owned()),
            Value::Absent | Value::Undecodable => None,
        };
        match Field::named(name) {
            Some(field) => own(self.peek(field)),
            None => {
                let sent = self.others.iter().filter(|(of, _)| of == name);
                sent.map(|(_, text)| classify(text.as_deref())).find_map(own)
            }
        }
    }

    /// Has a parameter hold this text, or nothing, whatever it held.
    pub fn set(&mut self, field: Field, text: Option<String>) {
        // The places of the others stay: a record names them.
        for pair in self.pairs.iter_mut().filter(|(of, _)| *of == field) {
            pair.1 = Some(String::new());
        }
        self.pairs.extend(text.map(|text| (field, Some(text))));
    }

    /// Notes something once.
    pub fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Reads what stands between two separators; gives back what of it may be kept as raw text: all of
    /// it as it arrived, unless something had to be taken out.
    fn take(&mut self, text: &str) -> Option<String> {
        let Some(pieces) = swallowed::unfold(text) else { return self.take_pair(text) };
        let mut kept = Vec::new();
        for piece in &pieces {
            kept.push(self.take_pair(piece));
            self.is_behind = true;
        }
        self.note(Note::SecondQuestionMark);
        let is_whole = kept.iter().zip(&pieces).all(|(kept, piece)| kept.as_ref() == Some(piece));
        if is_whole {
            return Some(text.to_owned());
        }
        let kept: Vec<String> = kept.into_iter().flatten().collect();
        (!kept.is_empty()).then(|| kept.join("?"))
    }

    /// Reads one `name=value`; gives back what of it may be kept as raw text.
    fn take_pair(&mut self, pair: &str) -> Option<String> {
        if pair.is_empty() {
            return Some(String::new());
        }
        let (raw_name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let arrived = decode_lossy(raw_name);
        let name = arrived.trim_start_matches("amp;");
        let is_mended = name.len() < arrived.len();
        if is_mended {
            self.note(Note::HtmlAmp);
        }
        let mended = is_mended.then_some(Note::HtmlAmp);
        if name == Field::Token.name() {
            self.take_token(value);
            return None;
        }
        if key::contains_secret(&decode_lossy(pair)) {
            self.note(Note::SecretRemoved);
            let is_named = !key::contains_secret(name);
            self.record(if is_named { &arrived } else { "" }, "", None, Some(Note::SecretRemoved));
            // As it was sent: decoded, it might read as another parameter.
            return Some(if is_named { format!("{raw_name}=") } else { String::new() });
        }
        if macros::is_unresolved(name) {
            self.note(Note::MacroAsName);
            self.record(&arrived, value, None, Some(Note::MacroAsName));
        } else {
            self.push(&arrived, name, value, mended);
        }
        Some(pair.to_owned())
    }

    fn take_token(&mut self, value: &str) {
        let token = decode_lossy(value).trim().to_owned();
        if token.is_empty() {
            return;
        }
        match &self.token {
            Some(first) if *first != token => self.note(Note::Repeated(Field::Token)),
            Some(_) => {}
            None => self.token = Some(token),
        }
    }

    fn push(&mut self, arrived: &str, name: &str, raw_value: &str, mended: Option<Note>) {
        let (value, swallowed) = decode(raw_value);
        let field = Field::named(name);
        self.record(arrived, raw_value, field, mended);
        match field {
            Some(field) => self.pairs.push((field, value)),
            None => self.others.push((name.to_owned(), value)),
        }
        for (name, value) in swallowed {
            self.note(Note::HtmlEntity);
            let field = Field::named(&name);
            self.record(&name, &value, field, Some(Note::HtmlEntity));
            self.pairs.extend(field.map(|field| (field, Some(value))));
        }
    }

    /// Records what arrived, the pair that it becomes being the next.
    fn record(&mut self, name: &str, received: &str, field: Option<Field>, mended: Option<Note>) {
        let behind = std::mem::take(&mut self.is_behind).then_some(Note::SecondQuestionMark);
        let pair = field.map(|_| self.pairs.len());
        let Some(parts) = &mut self.parts else { return };
        parts.push(Part {
            name: name.to_owned(),
            received: received.to_owned(),
            field,
            notes: behind.into_iter().chain(mended).collect(),
            pair,
        });
    }
}

fn classify(text: Option<&str>) -> Value<'_> {
    match text.map(str::trim) {
        None => Value::Undecodable,
        Some("") => Value::Absent,
        Some(text) if macros::is_unresolved(text) => Value::Unresolved(text),
        Some(text) => Value::Text(text),
    }
}

/// Decodes one value and the pairs that an HTML entity swallowed into it. `None` for what is not UTF-8.
fn decode(raw: &str) -> (Option<String>, Vec<(String, String)>) {
    if macros::is_percent_macro(raw) {
        return (Some(raw.to_owned()), Vec::new());
    }
    let spaced = raw.replace('+', " ");
    let bytes: Vec<u8> = percent_decode_str(&spaced).collect();
    match String::from_utf8(bytes) {
        Ok(text) => {
            let (value, swallowed) = entity::split(&text);
            (Some(value), swallowed)
        }
        Err(not_utf8) => {
            // An entity in Latin-1 is the one thing worth reading in bytes that are not UTF-8.
            let latin: String = not_utf8.as_bytes().iter().map(|byte| char::from(*byte)).collect();
            let (value, swallowed) = entity::split(&latin);
            let mended = !swallowed.is_empty() && value.is_ascii();
            if mended { (Some(value), swallowed) } else { (None, Vec::new()) }
        }
    }
}

#[cfg(test)]
mod tests;

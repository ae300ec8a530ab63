//! The names and values of a query, or of a form's body.

use percent_encoding::percent_decode_str;

/// Every name and value of a query, decoded and in order, for readers that know other names.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let pieces = query.split(['&', '?']).filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode_lossy(name).trim_start_matches("amp;").to_owned(), decode_lossy(value))
        })
        .collect()
}

/// A text with its `%xx` and `+` decoded; what is not UTF-8 shows as U+FFFD.
pub fn decode_lossy(raw: &str) -> String {
    let spaced = raw.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

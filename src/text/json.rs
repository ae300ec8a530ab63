//! JSON of our own making, read back member by member. One reader for all of it: a deserializer for
//! each type would be a fifth of the wasm. What users send is read by types, which say what is wrong.

use std::collections::BTreeMap;

use serde_json::Value;

/// Reads a text; `Null` for what is not JSON.
pub fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

pub fn text(value: &Value, name: &str) -> String {
    optional_text(value, name).unwrap_or_default()
}

pub fn optional_text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

pub fn number(value: &Value, name: &str) -> Option<i64> {
    value.get(name)?.as_i64()
}

/// The texts of an array, without anything else in it.
pub fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The texts of an object by their names, without anything else in it.
pub fn texts_by_name(value: &Value) -> BTreeMap<String, String> {
    let members = value.as_object().into_iter().flatten();
    members.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
}

/// The items of an array.
pub fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

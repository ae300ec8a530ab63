//! A row of an answer, read column by column. One reader for all statements: a deserializer for each
//! kind of row would be a third of the wasm.

use serde::Deserialize;
use worker::d1::serde_wasm_bindgen;
use worker::js_sys;
use worker::wasm_bindgen::JsValue;

/// One row. A column that is missing or of another type reads as nothing, which only a statement of
/// our own could cause.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Row(#[serde(with = "serde_wasm_bindgen::preserve")] JsValue);

impl Row {
    fn column(&self, name: &str) -> JsValue {
        js_sys::Reflect::get(&self.0, &JsValue::from_str(name)).unwrap_or(JsValue::NULL)
    }

    pub fn text(&self, name: &str) -> String {
        self.optional_text(name).unwrap_or_default()
    }

    pub fn optional_text(&self, name: &str) -> Option<String> {
        self.column(name).as_string()
    }

    /// A whole number below 2^53.
    pub fn number(&self, name: &str) -> i64 {
        self.optional_number(name).unwrap_or_default()
    }

    pub fn optional_number(&self, name: &str) -> Option<i64> {
        self.column(name).as_f64().map(|number| number as i64)
    }

    /// A whole number that the statement gives as text, since it may pass 2^53.
    pub fn large(&self, name: &str) -> Option<i64> {
        self.optional_text(name)?.parse().ok()
    }

    /// A condition, which SQLite gives as 1 or 0.
    pub fn is(&self, name: &str) -> bool {
        self.number(name) != 0
    }
}

//! The platform's time zones.

use worker::js_sys;
use worker::wasm_bindgen::{JsCast, JsValue};

use crate::figures::Zone;

/// Whether the platform knows a time zone of this name.
pub fn is_time_zone(name: &str) -> bool {
    formatter(name).is_some()
}

/// A zone between two times in epoch milliseconds; UTC where the platform does not know it.
pub fn time_zone(name: &str, from_ms: i64, to_ms: i64) -> Zone {
    let format = formatter(name).and_then(|formatter| {
        let format = js_sys::Reflect::get(&formatter, &"format".into()).ok()?;
        format.dyn_into::<js_sys::Function>().ok()
    });
    let Some(format) = format else { return Zone::utc() };
    Zone::learn(from_ms, to_ms, |ms| {
        let written = format.call1(&JsValue::UNDEFINED, &JsValue::from_f64(ms as f64));
        written.ok().and_then(|text| text.as_string()).map_or(0, |text| offset_s(&text))
    })
}

/// `Intl.DateTimeFormat`, which refuses a name it does not know.
fn formatter(name: &str) -> Option<JsValue> {
    let options = js_sys::Object::new();
    let set = |key: &str, value: &str| js_sys::Reflect::set(&options, &key.into(), &value.into());
    set("timeZone", name).ok()?;
    set("timeZoneName", "longOffset").ok()?;
    let intl = js_sys::Reflect::get(&js_sys::global(), &"Intl".into()).ok()?;
    let class = js_sys::Reflect::get(&intl, &"DateTimeFormat".into()).ok()?;
    let class = class.dyn_into::<js_sys::Function>().ok()?;
    js_sys::Reflect::construct(&class, &js_sys::Array::of2(&"en-US".into(), &options)).ok()
}

/// Seconds ahead of UTC from a text that ends in `GMT`, `GMT+05:30` or `GMT-03:00`.
fn offset_s(written: &str) -> i32 {
    let offset = written.rsplit("GMT").next().unwrap_or_default();
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let mut parts = offset.trim_start_matches(['+', '-']).split(':');
    let mut next = || parts.next().and_then(|part| part.parse::<i32>().ok()).unwrap_or(0);
    let (hours, minutes) = (next(), next());
    sign * (hours * 3600 + minutes * 60)
}

#[cfg(test)]
mod tests {
    use super::offset_s;

    #[test]
    fn offsets_are_read_as_the_platform_writes_them() {
        for (written, expected) in [
            ("11/23/2026, GMT", 0),
            ("11/23/2026, GMT+05:30", 19_800),
            ("11/23/2026, GMT-03:00", -10_800),
            ("11/23/2026, GMT-09:30", -34_200),
        ] {
            assert_eq!(offset_s(written), expected, "{written}");
        }
    }
}

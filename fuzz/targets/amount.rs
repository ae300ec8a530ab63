#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| xtracker::fuzz::amount(text));

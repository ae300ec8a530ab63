//! Keeps the rules apart from the platform: only these files may name the `worker` crate, and only
//! `db` may speak SQL.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::fs;
use std::path::{Path, PathBuf};

const PLATFORM: [&str; 3] = ["lib.rs", "edge/", "db/"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source below `src` with its path and the lines that are no comments.
fn code() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 20, "the sources have moved");
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        (name, lines.collect::<Vec<_>>().join("\n"))
    };
    found.iter().map(read).collect()
}

#[test]
fn only_the_edge_names_the_platform() {
    for (name, text) in code() {
        let may = PLATFORM.iter().any(|place| name.starts_with(place));
        let names = ["worker::", "use worker", "js_sys", "web_sys", "wasm_bindgen"];
        let named = names.iter().find(|needle| text.contains(*needle));
        assert!(may || named.is_none(), "src/{name} names the platform: {named:?}");
    }
}

#[test]
fn only_db_speaks_sql() {
    for (name, text) in code() {
        let verbs = ["INSERT INTO ", "SELECT ", "UPDATE ", "DELETE FROM "];
        let spoken = verbs.iter().find(|verb| text.contains(*verb));
        assert!(name.starts_with("db/") || spoken.is_none(), "src/{name} speaks SQL: {spoken:?}");
    }
}

#[test]
fn no_shipped_code_can_panic_on_purpose() {
    for (name, text) in code() {
        // What the fuzzer feeds stops where something does not hold.
        if name.ends_with("tests.rs") || name == "fuzz.rs" {
            continue;
        }
        let shipped = text.split("#[cfg(test)]").next().unwrap();
        for needle in [".unwrap()", ".expect(", "panic!(", "todo!(", "unreachable!("] {
            assert!(!shipped.contains(needle), "src/{name} has {needle}");
        }
    }
}

#[test]
fn every_word_of_the_log_is_explained() {
    let manual =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating.md")).unwrap();
    let mut words = 0;
    for (name, text) in code() {
        for call in text.split("log(").skip(1) {
            let Some(word) = call.trim_start().strip_prefix('"') else { continue };
            let word = word.split('"').next().unwrap();
            assert!(
                manual.contains(&format!("`{word}`")),
                "src/{name} logs {word}: docs/operating.md does not say what to do"
            );
            words += 1;
        }
    }
    assert!(words > 10, "found {words} words");
}

/// The text of the source with this name, in whatever room it lives.
fn source(name: &str) -> String {
    let is_it = |path: &str| path == name || path.ends_with(&format!("/{name}"));
    let mut found = code().into_iter().filter(|(path, _)| is_it(path));
    let (_, text) = found.next().unwrap();
    assert!(found.next().is_none(), "there are several {name}");
    text
}

/// The texts in quotes between `begin` and the first `end` behind it, wherever these stand.
fn quoted(text: &str, begin: &str, end: &str) -> Vec<String> {
    let parts = text.split(begin).skip(1).map(|part| part.split(end).next().unwrap());
    let words = parts.flat_map(|part| part.split('"').skip(1).step_by(2).map(str::to_owned));
    words.collect()
}

#[test]
fn every_word_of_an_answer_and_every_macro_is_explained() {
    let read = |name: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
    };
    let (answers, destinations) = (read("postback.md") + &read("bot.md"), read("destinations.md"));
    // What stands behind a colon is about one call: which parameter, which line.
    let notes = quoted(&source("note.rs"), "fmt::Formatter<'_>) -> fmt::Result {", "\n    }\n");
    let words = quoted(&source("status.rs"), "fn word(self) -> &'static str {", "\n    }\n");
    assert!(notes.len() > 40 && words.len() > 10, "the words have moved: {notes:?} {words:?}");
    for word in notes.iter().chain(&words) {
        let word = word.split(':').next().unwrap();
        assert!(
            answers.contains(&format!("`{word}`")) || answers.contains(&format!("`{word}:")),
            "{word} is answered: docs/postback.md or docs/bot.md does not say what it means"
        );
    }
    let macros = quoted(&source("template.rs"), "const MACROS", "];");
    assert!(macros.len() > 10, "the macros have moved: {macros:?}");
    for name in macros {
        let named = destinations.contains(&format!("`{{{name}}}`"));
        assert!(named, "docs/destinations.md does not name the macro {{{name}}}");
    }
}

//! Keeps the house in order: which room of `src` may use which, that no circle is left, which files may
//! name the `worker` crate, and that only `db` speaks SQL.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the roof down, each with what it may use beside what everybody may: `GROUND`.
const ROOMS: [(&str, &[&str]); 17] = [
    ("lib", &["route", "door", "dashboard", "upkeep", "writer", "edge"]),
    ("route", &["door", "dashboard"]),
    ("fuzz", &["page", "destination", "postback"]),
    (
        "door",
        &[
            "manage",
            "upkeep",
            "writer",
            "page",
            "receipt",
            "db",
            "edge",
            "destination",
            "doctor",
            "postback",
        ],
    ),
    (
        "dashboard",
        &[
            "manage",
            "upkeep",
            "page",
            "receipt",
            "db",
            "edge",
            "destination",
            "doctor",
            "network",
            "figures",
            "postback",
        ],
    ),
    ("manage", &["db", "edge", "destination", "network", "postback"]),
    ("upkeep", &["db", "edge", "destination", "doctor", "postback", "figures"]),
    ("writer", &["db", "edge"]),
    // It shows what db has read, and never asks for it.
    ("page", &["receipt", "db", "destination", "doctor", "network", "postback", "figures"]),
    ("receipt", &["db", "destination", "postback"]),
    ("db", &["edge", "destination", "doctor", "postback", "figures"]),
    ("edge", &["destination", "postback", "figures"]),
    ("destination", &["postback"]),
    ("doctor", &["network", "postback"]),
    ("network", &["postback"]),
    ("postback", &[]),
    ("figures", &[]),
];

/// What every room above may use, from the top; each of these what stands behind it here.
const GROUND: [&str; 4] = ["reply", "model", "text", "error"];

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
        let of_database = text.split("log_of(").skip(1).filter_map(|call| call.split_once(','));
        for call in text.split("log(").skip(1).chain(of_database.map(|(_, rest)| rest)) {
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
    let api = read("../assets/openapi.json");
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
    for name in macros
        .iter()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
    {
        for (file, text) in [("docs/destinations.md", &destinations), ("assets/openapi.json", &api)]
        {
            let named = text.contains(&format!("`{{{name}}}`"));
            assert!(named, "{file} does not name the macro {{{name}}}");
        }
    }
}

/// The files that each file uses, its own module's children left out.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let code: Vec<_> = code().into_iter().filter(|(name, _)| !name.contains("tests")).collect();
    let module = |name: &str| name.trim_end_matches(".rs").trim_end_matches("/mod").to_owned();
    let files: BTreeMap<String, String> =
        code.iter().map(|(name, _)| (module(name), name.clone())).collect();
    let mut uses = BTreeMap::new();
    for (name, text) in &code {
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let mut used = BTreeSet::new();
        for path in paths(shipped, &module(name)) {
            let mut path = path.as_str();
            while !files.contains_key(path) && path.contains('/') {
                path = path.rsplit_once('/').unwrap().0;
            }
            let Some(other) = files.get(path) else { continue };
            let is_child =
                name.ends_with("/mod.rs") && other.starts_with(name.trim_end_matches("mod.rs"));
            if other != name && !is_child {
                used.insert(other.clone());
            }
        }
        uses.insert(name.clone(), used);
    }
    uses
}

/// Every path of a text that begins with `crate` or `super`, groups taken apart, as `room/file/…`.
fn paths(text: &str, module: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::").chain(text.match_indices("super::")) {
        let before = text.get(..at).unwrap().chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let mut parents: Vec<&str> = module.split('/').collect();
        let mut rest = text.get(at..).unwrap();
        if let Some(behind) = rest.strip_prefix("crate::") {
            (parents, rest) = (Vec::new(), behind);
        }
        while let Some(behind) = rest.strip_prefix("super::") {
            parents.pop();
            rest = behind;
        }
        let mut base = parents.join("/");
        if !base.is_empty() {
            base.push('/');
        }
        let end =
            rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
        let (head, tail) = rest.split_at(end);
        let head = format!("{base}{}", head.replace("::", "/"));
        match tail.strip_prefix('{').filter(|_| head.ends_with('/')) {
            None => found.push(head),
            Some(group) => {
                let group = group.split('}').next().unwrap();
                let names = group.split(',').map(|name| name.trim().replace("::", "/"));
                found.extend(names.map(|name| format!("{head}{name}")));
            }
        }
    }
    found
}

fn room(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn every_room_uses_what_stands_below_it() {
    let uses = uses();
    assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 300, "the uses are not found");
    for (file, used) in &uses {
        let from = room(file);
        let ground = GROUND.iter().position(|other| *other == from);
        let below = GROUND.get(ground.map_or(0, |at| at + 1)..).unwrap();
        let named =
            ROOMS.iter().find(|(name, _)| *name == from).map_or(&[][..], |(_, named)| named);
        for other in used {
            let to = room(other);
            let may = from == to || named.contains(&to) || below.contains(&to);
            assert!(may, "src/{file} uses src/{other}: {from} may use {named:?} and {below:?}");
        }
    }
}

#[test]
fn no_circle_is_left_among_files() {
    let mut left = uses();
    // What uses nothing that is left stands on the ground; take it away until nothing changes.
    loop {
        let there: BTreeSet<String> = left.keys().cloned().collect();
        let before = left.len();
        left.retain(|_, used| used.iter().any(|other| there.contains(other)));
        if left.len() == before {
            break;
        }
    }
    // What stands above a circle is left as well; what nobody left uses is no part of one.
    loop {
        let used: BTreeSet<String> = left.values().flatten().cloned().collect();
        let before = left.len();
        left.retain(|file, _| used.contains(file));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "files in a circle: {:?}", left.keys());
}

//! Lists what is taken in from a folder, so that nobody keeps the list by hand.

use std::path::Path;
use std::{env, fs, io};

const PACKS: &str = "src/network";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={PACKS}");
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let list = packs(&Path::new(&root).join(PACKS))?;
    fs::write(Path::new(&out).join("packs.rs"), list)
}

/// An expression: the text of every network pack, in the order of their files' names.
fn packs(folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    let texts = files.iter().map(|path| format!("include_str!({path:?}),\n"));
    Ok(format!("[\n{}]", texts.collect::<String>()))
}

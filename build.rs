//! Reads what folders say, so that nobody keeps it by hand: the network packs, the newest migration.

use std::path::Path;
use std::{env, fs, io};

const PACKS: &str = "src/network";
const MIGRATIONS: &str = "migrations";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={PACKS}");
    println!("cargo::rerun-if-changed={MIGRATIONS}");
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let list = packs(&Path::new(&root).join(PACKS))?;
    fs::write(Path::new(&out).join("packs.rs"), list)?;
    let newest = newest(&Path::new(&root).join(MIGRATIONS))?;
    fs::write(Path::new(&out).join("newest_migration.rs"), newest.to_string())
}

/// The number of the newest migration, which its file's name begins with.
fn newest(folder: &Path) -> io::Result<u32> {
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let number = name.split('_').next().and_then(|number| number.parse().ok());
        newest = newest.max(number.filter(|_| name.ends_with(".sql")));
    }
    newest.ok_or_else(|| io::Error::other("there is no migration"))
}

/// An expression: the slug and the text of every network pack, in the order of their files' names.
fn packs(folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Beside each pack stands its scenario, <name>.scenario.json, which the Worker does without.
        let is_scenario = path.to_string_lossy().ends_with(".scenario.json");
        if !is_scenario && path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    let texts = files.iter().map(|path| {
        let slug = path.file_stem().unwrap_or_default();
        format!("({slug:?}, include_str!({path:?})),\n")
    });
    Ok(format!("[\n{}]", texts.collect::<String>()))
}

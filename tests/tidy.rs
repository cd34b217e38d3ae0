//! The layering of the crate and its invariants, as far as they can be read off the text. `src/lib.rs` says why they hold; here is what breaks them.

#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/rights.rs"]
mod rights;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use source::Source;

#[test]
fn files_import_only_lower_tiers() {
    let tree = read("src");
    assert_none(tree.iter().flat_map(|(name, source)| layers::faults(name, source, &tree)));
}

#[test]
fn the_invariants_hold() {
    let tree = read("src");
    assert_none(tree.iter().flat_map(|(name, source)| rules::faults(name, source)));
}

#[test]
fn pages_ask_for_the_rights_that_they_use() {
    assert_none(rights::faults(&read("src")).into_iter());
}

#[test]
fn nothing_is_left_to_do_and_no_test_is_switched_off() {
    let trees = ["src", "tests"].map(read);
    assert_none(trees.iter().flatten().flat_map(|(name, source)| rules::unfinished(name, source)));
}

/// The pages' strict content policy holds only while nothing of a script or a style stands in them.
#[test]
fn templates_hold_no_script_no_style_and_no_raw_text() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let folders = [root.clone(), root.join("panel")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("folder can be listed"));
    let paths = entries.map(|entry| entry.expect("entry can be read").path());
    let paths: Vec<_> = paths.filter(|path| path.is_file()).collect();
    assert!(!paths.is_empty());
    assert_none(paths.iter().flat_map(|path| {
        let text = fs::read_to_string(path).expect("template is UTF-8");
        rules::inline(&text).into_iter().map(|fault| format!("{}: {fault}", path.display())).collect::<Vec<_>>()
    }));
}

/// Every Rust file below `folder`, by its path from there.
fn read(folder: &str) -> BTreeMap<String, Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    list(&root, &mut files);
    let named = files.iter().map(|path| (name(&root, path), path));
    let tree: BTreeMap<_, _> = named.map(|(name, path)| (name.clone(), read_one(&name, path))).collect();
    assert!(!tree.is_empty(), "{folder} has no Rust files");
    tree
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folder can be listed") {
        let path = entry.expect("entry can be read").path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn name(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).expect("listed below the root");
    relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn read_one(name: &str, path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("source is UTF-8");
    // Tests that are too long to stand below what they test; declared under `#[cfg(test)]` there.
    let is_test = ["tests.rs", "testbed.rs"].contains(&layers::file(name)) || name.ends_with("_tests.rs");
    if is_test { Source { text, ..Source::read("") } } else { Source::read(&text) }
}

fn assert_none(faults: impl Iterator<Item = String>) {
    let faults: Vec<_> = faults.collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

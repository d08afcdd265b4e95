//! Broken scenarios and what is said about them: `NAME.yaml` beside `NAME.stderr`. `UPDATE=1`
//! rewrites the expectations.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use forescale::scenario::{Files, FilesError, MemoryFiles, load};
use proptest::prelude::*;

struct Folder;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

impl Files for Folder {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FilesError> {
        let path = folder().join(path);
        if path.is_dir() {
            return Err(FilesError::IsFolder);
        }
        fs::read(path).map_err(|_| FilesError::NotFound)
    }

    fn expand(&self, _: &str, _: &Path) -> Result<Vec<PathBuf>, FilesError> {
        Ok(Vec::new())
    }
}

fn cases() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    names
}

#[test]
fn every_mistake_is_explained() {
    let mut wrong = Vec::new();
    let mut codes = BTreeSet::new();
    for name in cases() {
        let loaded = load(&name, &[], &Folder);
        codes.extend(loaded.diagnostics.list.iter().map(|found| found.code));
        let text = loaded.diagnostics.render(false);
        let expected = folder().join(&name).with_extension("stderr");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != text {
            wrong.push(format!("{name}:\n{text}"));
        }
        assert!(!text.is_empty(), "{name}: nothing was found");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(codes.len() > 40, "only {} codes have a case", codes.len());
}

#[test]
fn codes_of_findings_are_documented() {
    let all = forescale::scenario::code::ALL.iter();
    let known: BTreeSet<_> =
        all.chain(forescale::scenario::foreign::code::ALL).map(|code| code.name).collect();
    for name in cases() {
        for found in load(&name, &[], &Folder).diagnostics.list {
            assert!(known.contains(found.code), "{name}: {}", found.code);
        }
    }
}

#[test]
fn a_warning_stops_nobody() {
    let loaded = load("lint-small-subnet.yaml", &[], &Folder);
    assert!(loaded.plan.is_some(), "{}", loaded.diagnostics.render(false));
}

/// One change of a text: cut out, doubled, or replaced.
fn mutate(text: &str, changes: &[(usize, usize, u8)]) -> String {
    const WORDS: [&str; 16] = [
        "", "-1", "{", "}", "[", "]", ":", "\n  ", "null", "1e99", "\"", "&a ", "*a", "yes", "%/h",
        "µ",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for &(at, length, kind) in changes {
        let at = at % (chars.len() + 1);
        let end = (at + length).min(chars.len());
        let word = WORDS[usize::from(kind) % WORDS.len()];
        if kind >= 200 {
            let copy: Vec<char> = chars[at..end].to_vec();
            chars.splice(at..at, copy);
        } else {
            chars.splice(at..end, word.chars());
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn no_text_makes_it_panic(
        changes in prop::collection::vec((0usize..6_000, 0usize..12, any::<u8>()), 1..8),
        which in 0usize..3,
    ) {
        let texts = [
            include_str!("../../scenarios/order-processor.yaml"),
            include_str!("../../scenarios/fintech.yaml"),
            include_str!("files/everything.yaml"),
        ];
        let files = MemoryFiles::new()
            .with("main.yaml", mutate(texts[which], &changes))
            .with("files/counts.csv", include_str!("files/counts.csv"))
            .with("files/pods.csv", include_str!("files/pods.csv"));
        let loaded = load("main.yaml", &[], &files);
        prop_assert!(loaded.plan.is_some() || loaded.diagnostics.refuse());
        let _ = loaded.diagnostics.render(false);
    }
}

//! The pages of lints: each code has one, its example gives exactly that finding, its fix none.

#[path = "kit/story.rs"]
#[allow(dead_code, reason = "stories ask for more than pages")]
mod story;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use forescale::scenario::code::{ANSWERS, LINTS};

use forescale::scenario::{MemoryFiles, Severity, load};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lints")
}

/// Codes of everything that is said about a text, with the tables of its page beside it.
fn codes(text: &str, tables: &[&story::Block]) -> BTreeSet<(&'static str, Severity)> {
    let files = MemoryFiles::new().with("story.yaml", text);
    let files =
        tables.iter().fold(files, |files, table| files.with(&table.file, table.text.as_str()));
    let found = load("story.yaml", &[], &files).diagnostics;
    found.list.iter().map(|found| (found.code, found.severity)).collect()
}

#[test]
fn every_lint_has_its_page_and_every_page_its_lint() {
    let pages = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let pages: BTreeSet<String> = pages
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "README")
        .collect();
    let lints: BTreeSet<String> = LINTS.iter().map(|&(code, _)| code.to_owned()).collect();
    assert_eq!(pages, lints);
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    for (code, _) in LINTS {
        assert!(index.contains(&format!("({code}.md)")), "the index names {code}");
    }
}

#[test]
fn examples_give_their_finding_and_fixes_give_none() {
    let mut wrong = Vec::new();
    for (code, severity) in LINTS {
        let page = fs::read_to_string(folder().join(code).with_extension("md")).unwrap();
        let blocks = story::blocks(&page);
        let (scenarios, tables): (Vec<_>, Vec<_>) =
            blocks.iter().partition(|block| block.file.ends_with(".yaml"));
        let texts: Vec<&str> = scenarios.iter().map(|block| block.text.as_str()).collect();
        let [example, fixed] = texts[..] else {
            wrong.push(format!("{code}: an example and a fix, not {} blocks", texts.len()));
            continue;
        };
        let (found, left) = (codes(example, &tables), codes(fixed, &tables));
        if found != BTreeSet::from([(*code, *severity)]) {
            wrong.push(format!("{code}: the example gives {found:?}"));
        }
        let answer = BTreeSet::from([(*code, *severity)]);
        let fine = if ANSWERS.contains(code) { answer } else { BTreeSet::new() };
        if left != fine {
            wrong.push(format!("{code}: the fix gives {left:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

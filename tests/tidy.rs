//! Style as a test: layers, sizes, and words. Rules and reasons are in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINE: usize = 100;
const MAX_FUNCTION: usize = 70;
const MAX_FILE: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries {
        let path = entry.expect("readable folder").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The table "Layers" of ARCHITECTURE.md: module -> modules that it may use.
fn layers() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut table = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.len() < 5 {
            continue;
        }
        let words = |cell: &str| -> BTreeSet<String> {
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        for module in words(cells[1]) {
            table.insert(module, words(cells[2]));
        }
    }
    assert!(table.len() > 10, "ARCHITECTURE.md has a table of layers");
    table
}

/// First segments of `crate::…` paths in a file, outside its tests.
fn used_modules(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or("");
    let mut used = BTreeSet::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for part in line.split("crate::").skip(1) {
            let name: String =
                part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !name.is_empty() {
                used.insert(name);
            }
        }
    }
    used
}

#[test]
fn arrows_point_down() {
    let layers = layers();
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let inside = file.strip_prefix(root().join("src")).expect("below src");
        let Some(module) = inside.components().next().filter(|_| inside.components().count() > 1)
        else {
            continue;
        };
        let module = module.as_os_str().to_string_lossy().into_owned();
        let Some(allowed) = layers.get(&module) else {
            wrong.push(format!("{}: module `{module}` is not in the table", short(&file)));
            continue;
        };
        let text = fs::read_to_string(&file).expect("readable file");
        for used in used_modules(&text) {
            if used != module && !allowed.contains(&used) {
                wrong.push(format!("{}: `{module}` may not use `{used}`", short(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "layers (ARCHITECTURE.md):\n{}", wrong.join("\n"));
}

#[test]
fn files_and_lines_stay_short() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for file in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&file).expect("readable file");
            let lines: Vec<&str> = text.lines().collect();
            if lines.len() > MAX_FILE {
                wrong.push(format!("{}: {} lines; split it by idea", short(&file), lines.len()));
            }
            if !text.starts_with("//!") {
                wrong.push(format!("{}: begins without a //! line", short(&file)));
            }
            for (number, line) in lines.iter().enumerate() {
                let long = line.chars().count() > MAX_LINE && !line.contains("http");
                if long {
                    wrong.push(format!("{}:{}: over {MAX_LINE} columns", short(&file), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn functions_stay_short() {
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&file).expect("readable file");
        let mut begun: Option<(usize, usize, String)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let head = line.trim_start();
            let is_head = ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "const fn "]
                .iter()
                .any(|start| head.starts_with(start))
                || head.starts_with("pub const fn ");
            if begun.is_none() && is_head && !head.ends_with(';') {
                begun = Some((number, indent, head.to_owned()));
            }
            if let Some((start, depth, name)) = &begun
                && indent == *depth
                && head.starts_with('}')
            {
                let length = number - start + 1;
                if length > MAX_FUNCTION {
                    wrong.push(format!("{}:{}: {length} lines: {name}", short(&file), start + 1));
                }
                begun = None;
            }
        }
    }
    assert!(wrong.is_empty(), "functions over {MAX_FUNCTION} lines:\n{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_half_done() {
    // Spelled so that this file does not find itself.
    let banned = [
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["FIX", "ME"].concat(),
        ["TO", "DO"].concat(),
        ["db", "g!("].concat(),
    ];
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for file in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&file).expect("readable file");
            for (number, line) in text.lines().enumerate() {
                for word in &banned {
                    if line.contains(word.as_str()) {
                        wrong.push(format!("{}:{}: {word}", short(&file), number + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut documents: Vec<PathBuf> = fs::read_dir(root())
        .expect("readable root")
        .map(|entry| entry.expect("readable entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.extend(markdown_files(&root().join("docs")));
    for document in documents {
        let text = fs::read_to_string(&document).expect("readable file");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or("");
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let base = document.parent().expect("a file is in a folder");
            if !base.join(path).exists() {
                wrong.push(format!("{}: {target}", short(&document)));
            }
        }
    }
    assert!(wrong.is_empty(), "dead links:\n{}", wrong.join("\n"));
}

fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries {
        let path = entry.expect("readable folder").path();
        if path.is_dir() {
            files.extend(markdown_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files
}

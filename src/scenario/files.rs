//! Where text comes from: the library reads no files itself, its caller gives it a reader.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesError {
    /// There is no such file.
    NotFound,
    /// It is a folder.
    IsFolder,
    /// It is larger than this many bytes.
    TooLarge(u64),
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for FilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such file"),
            Self::IsFolder => f.write_str("it is a folder, not a file"),
            Self::TooLarge(limit) => write!(f, "it is larger than {limit} bytes"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

/// Reads files for the scenario: the disk for the command, a table in memory for tests and for a
/// web page.
pub trait Files {
    /// All bytes of a file.
    ///
    /// # Errors
    /// [`FilesError`] if there is no such file or it cannot be read.
    fn read(&self, path: &Path) -> Result<Vec<u8>, FilesError>;

    /// The files that match a glob pattern (`*`, `?`, `**`) relative to the folder `base`, sorted.
    ///
    /// # Errors
    /// [`FilesError`] if the pattern is malformed or a folder cannot be listed.
    fn expand(&self, pattern: &str, base: &Path) -> Result<Vec<PathBuf>, FilesError>;
}

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl MemoryFiles {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    #[must_use]
    pub fn with(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(normal(Path::new(path)), bytes.into());
        self
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FilesError> {
        self.files.get(&normal(path)).cloned().ok_or(FilesError::NotFound)
    }

    fn expand(&self, pattern: &str, base: &Path) -> Result<Vec<PathBuf>, FilesError> {
        let wanted = normal(&base.join(pattern));
        let wanted: Vec<&str> = wanted.iter().filter_map(|part| part.to_str()).collect();
        Ok(self
            .files
            .keys()
            .filter(|path| {
                let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
                path_matches(&wanted, &parts)
            })
            .cloned()
            .collect())
    }
}

/// A path without `.` and with `..` folded in where possible.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

fn path_matches(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            path_matches(rest, path)
                || path.split_first().is_some_and(|(_, tail)| path_matches(pattern, tail))
        }
        (Some((first, rest)), Some((name, tail))) => {
            name_matches(first.as_bytes(), name.as_bytes()) && path_matches(rest, tail)
        }
        _ => false,
    }
}

fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.first(), name.first()) {
        (None, None) => true,
        (Some(b'*'), _) => {
            name_matches(&pattern[1..], name)
                || (!name.is_empty() && name_matches(pattern, &name[1..]))
        }
        (Some(b'?'), Some(_)) => name_matches(&pattern[1..], &name[1..]),
        (Some(a), Some(b)) if a == b => name_matches(&pattern[1..], &name[1..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_files() {
        let files = MemoryFiles::new()
            .with("k8s/web.yaml", "")
            .with("k8s/deep/job.yaml", "")
            .with("k8s/notes.txt", "");
        for (pattern, found) in [
            ("k8s/*.yaml", vec!["k8s/web.yaml"]),
            ("./k8s/../k8s/w??.yaml", vec!["k8s/web.yaml"]),
            ("k8s/**/*.yaml", vec!["k8s/deep/job.yaml", "k8s/web.yaml"]),
            ("*.yaml", vec![]),
        ] {
            let found: Vec<PathBuf> = found.into_iter().map(PathBuf::from).collect();
            assert_eq!(files.expand(pattern, Path::new("")).unwrap(), found, "{pattern}");
        }
    }
}

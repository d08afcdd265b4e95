//! One reading of a scenario: the files it was given, the texts they hold, what was found.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use super::code;
use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::files::{Files, FilesError, normal};
use super::node::Node;
use super::source::{FileId, MAX_BYTES, Sources, Span};

/// The state of reading a scenario and everything that it names.
pub struct Reading<'a> {
    files: &'a dyn Files,
    /// The texts read so far.
    pub sources: Sources,
    /// The path of each text, for what it names relative to itself.
    paths: Vec<PathBuf>,
    found: Vec<Diagnostic>,
    inputs: Vec<(String, String)>,
}

impl<'a> Reading<'a> {
    /// Nothing read yet.
    pub fn new(files: &'a dyn Files) -> Self {
        Self {
            files,
            sources: Sources::default(),
            paths: Vec::new(),
            found: Vec::new(),
            inputs: Vec::new(),
        }
    }

    /// Records a finding.
    pub fn report(&mut self, found: Diagnostic) {
        self.found.push(found);
    }

    /// Whether an error was found.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|found| found.severity == Severity::Error)
    }

    /// Number of findings so far (to see whether a step added any).
    pub fn found(&self) -> usize {
        self.found.len()
    }

    /// A path as the file that holds `place` means it.
    pub fn resolve(&self, place: Span, path: &str) -> PathBuf {
        let base = self.paths[place.file.0 as usize].parent().unwrap_or(Path::new(""));
        normal(&base.join(path))
    }

    /// The files that a pattern written at `place` names; an error is reported if there is none.
    pub fn expand(&mut self, place: Span, pattern: &str) -> Vec<PathBuf> {
        if !pattern.contains(['*', '?', '[']) {
            return vec![self.resolve(place, pattern)];
        }
        let base = self.paths[place.file.0 as usize].parent().unwrap_or(Path::new(""));
        let found = self.files.expand(pattern, base);
        let why = match found {
            Ok(paths) if !paths.is_empty() => return paths,
            Ok(_) => "no file matches".to_owned(),
            Err(error) => error.to_string(),
        };
        self.report(
            Diagnostic::error(code::NO_FILE, format!("cannot read `{pattern}`: {why}"))
                .at(place, "named here"),
        );
        Vec::new()
    }

    /// The bytes of a file; an error is reported if it cannot be read or is empty.
    pub fn bytes(&mut self, path: &Path, named: Option<Span>) -> Option<Vec<u8>> {
        let name = path.display().to_string();
        let problem = match self.files.read(path) {
            Ok(bytes) if bytes.is_empty() => {
                Diagnostic::error(code::EMPTY_FILE, format!("the file `{name}` has no content"))
            }
            Ok(bytes) if bytes.len() > MAX_BYTES => Diagnostic::error(
                code::NO_FILE,
                format!("cannot read `{name}`: {}", FilesError::TooLarge(MAX_BYTES as u64)),
            ),
            Ok(bytes) => {
                if !self.inputs.iter().any(|(known, _)| *known == name) {
                    self.inputs.push((name, sha256(&bytes)));
                }
                return Some(bytes);
            }
            Err(error) => {
                Diagnostic::error(code::NO_FILE, format!("cannot read `{name}`: {error}"))
            }
        };
        self.report(match named {
            Some(place) => problem.at(place, "named here"),
            None => problem,
        });
        None
    }

    /// The text of a file, added to the sources; an error is reported if there is none.
    pub fn text(&mut self, path: &Path, named: Option<Span>) -> Option<FileId> {
        let bytes = self.bytes(path, named)?;
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let name = path.display();
                let found = Diagnostic::error(
                    code::BAD_TEXT,
                    format!("`{name}` is not UTF-8 text (byte {at})"),
                );
                self.report(match named {
                    Some(place) => found.at(place, "named here"),
                    None => found,
                });
                return None;
            }
        };
        let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
        Some(self.add(path, text))
    }

    /// Adds a text that did not come from a file (a `--set`), with the path it counts as.
    pub fn add(&mut self, path: &Path, text: String) -> FileId {
        self.add_named(path.display().to_string(), path, text)
    }

    /// As [`Self::add`], under another name.
    pub fn add_named(&mut self, name: String, path: &Path, text: String) -> FileId {
        self.paths.push(path.to_owned());
        self.sources.add(name, text)
    }

    /// All documents of a file; `None` after reporting why not.
    pub fn documents(&mut self, path: &Path, named: Option<Span>) -> Option<Vec<Node>> {
        let file = self.text(path, named)?;
        self.parse(file)
    }

    /// All documents of a text that was added; `None` after reporting why not.
    pub fn parse(&mut self, file: FileId) -> Option<Vec<Node>> {
        match self.sources.parse(file) {
            Ok(documents) => Some(documents),
            Err(found) => {
                self.report(*found);
                None
            }
        }
    }

    /// Ends the reading: findings in order of place, and the inputs with their SHA-256.
    pub fn finish(self) -> (Diagnostics, Vec<(String, String)>) {
        let mut list = self.found;
        let place = |found: &Diagnostic| found.labels.first().map(|label| label.span);
        list.sort_by_key(place);
        // A file that several pools read is broken once.
        let mut said = FxHashSet::default();
        list.retain(|found| said.insert(found.clone()));
        (Diagnostics { sources: self.sources, list }, self.inputs)
    }
}

/// SHA-256 in hexadecimal; empty in builds without the command, which alone prints it.
#[cfg(feature = "cli")]
fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(not(feature = "cli"))]
fn sha256(_: &[u8]) -> String {
    String::new()
}

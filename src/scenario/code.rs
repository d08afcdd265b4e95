//! Stable codes of findings, each with what it means and how to fix it.

/// A code of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// How to fix it.
    pub fix: &'static str,
}

macro_rules! codes {
    ($($constant:ident $name:literal $meaning:literal, $fix:literal;)+) => {
        $(#[doc = $meaning] pub const $constant: &str = $name;)+

        /// All codes in the order of the documentation.
        pub const ALL: &[Code] =
            &[$(Code { name: $name, meaning: $meaning, fix: $fix },)+];
    };
}

codes! {
    NO_FILE "file-not-read" "a file that the scenario names cannot be read",
        "correct the path; it is relative to the file that names it";
    EMPTY_FILE "file-empty" "a file has no content",
        "write the file, or take it out of the scenario";
    BAD_TEXT "file-not-text" "a file is not UTF-8 text",
        "save the file as UTF-8";
    SYNTAX "syntax" "the text is not YAML or JSON",
        "correct the text at the place shown";
    DUPLICATE_KEY "duplicate-key" "a map has the same key twice",
        "keep one of them";
    TOO_COMPLEX "too-complex" "the text is larger or deeper than any real scenario",
        "split the file, or take out aliases that expand to very much";
    NOT_MODELLED "not-modelled" "a field of a real file has no effect here",
        "nothing to do; the field is ignored";
}

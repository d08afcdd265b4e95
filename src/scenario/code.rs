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
    UNKNOWN_KEY "unknown-key" "a key that the format does not have",
        "correct the spelling, or take it out";
    MISSING_KEY "missing-key" "a key that the format needs is absent",
        "write it";
    WRONG_TYPE "wrong-type" "a value is of another type than its key needs",
        "write a value of the type named";
    BAD_VALUE "bad-value" "a value that no scenario can have",
        "write a value as described";
    EXTENDS_CYCLE "extends-cycle" "a scenario that extends itself, directly or through others",
        "take one `extends` out";
    BAD_SET "bad-set" "a `--set` that does not fit the scenario",
        "write path=value; list items go by their name";
    NOT_BUILT_YET "not-built-yet" "a key of the format that this version does not simulate yet",
        "take it out; it is refused because ignoring it would give wrong answers";
    NOT_MODELLED "not-modelled" "a field of a real file has no effect here",
        "nothing to do; the field is ignored";
}

//! JSON as it is stored: two spaces, numbers in their shortest form, a line break at the end.

use serde_json::{Map, Value};

/// A tree as the text of a file.
pub fn pretty(tree: &Map<String, Value>) -> String {
    let mut text = serde_json::to_string_pretty(tree).expect("a tree of plain values has a text");
    text.push('\n');
    text
}

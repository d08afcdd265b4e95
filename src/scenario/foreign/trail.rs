//! Where a reader is inside a document, and what it complains of there.
//!
//! Readers of real files work on typed objects that have lost their positions; they say the path of
//! keys instead, and whoever holds the tree turns a path into a line and column.

use std::fmt;

/// A path of keys, kept on the stack while reading: nothing is allocated until somebody complains.
#[derive(Clone, Copy)]
pub struct Trail<'a> {
    parent: Option<&'a Trail<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Trail<'a> {
    /// The whole document.
    pub const ROOT: Trail<'static> = Trail { parent: None, step: Step::Root };

    /// The value of `key` here.
    pub fn key(&'a self, key: &'a str) -> Trail<'a> {
        Trail { parent: Some(self), step: Step::Key(key) }
    }

    /// The item number `index` here.
    pub fn index(&'a self, index: usize) -> Trail<'a> {
        Trail { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        match self.step {
            Step::Root => Ok(()),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => {
                let dot = if parent.parent.is_some() { "." } else { "" };
                if key.contains(['.', '/', '[']) {
                    write!(f, "[{key:?}]")
                } else {
                    write!(f, "{dot}{key}")
                }
            }
        }
    }
}

/// Something wrong at a path of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Path of keys.
    pub path: String,
    /// What is wrong, and what was expected.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_as_people_write_them() {
        let root = Trail::ROOT;
        let spec = root.key("spec");
        let containers = spec.key("containers");
        let first = containers.index(0);
        let limits = first.key("limits");
        assert_eq!(limits.to_string(), "spec.containers[0].limits");
        assert_eq!(limits.key("nvidia.com/gpu").to_string(),
            "spec.containers[0].limits[\"nvidia.com/gpu\"]");
        assert_eq!(root.to_string(), "");
    }
}

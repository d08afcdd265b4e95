//! Where a reader is inside a document.
//!
//! Readers of real files work on typed objects that have lost their positions; they carry the path
//! of keys instead, and the tree turns a path into a place.

use std::fmt;

use crate::scenario::{Node, Span};

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

    /// The value here in a tree; where the path ends early, the last value on it.
    pub fn find<'n>(&self, root: &'n Node) -> &'n Node {
        let Some(parent) = self.parent else { return root };
        let node = parent.find(root);
        match self.step {
            Step::Root => root,
            Step::Key(key) => node.get(key).unwrap_or(node),
            Step::Index(index) => node.items().get(index).unwrap_or(node),
        }
    }

    /// The place of the value here.
    pub fn place(&self, root: &Node) -> Span {
        self.find(root).span
    }
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        match self.step {
            Step::Root => Ok(()),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) if key.contains(['.', '/', '[']) => write!(f, "[{key:?}]"),
            Step::Key(key) if parent.parent.is_some() => write!(f, ".{key}"),
            Step::Key(key) => f.write_str(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Sources;

    #[test]
    fn paths_print_as_people_write_them() {
        let (root, list) = (Trail::ROOT, "containers");
        let spec = root.key("spec");
        let containers = spec.key(list);
        let first = containers.index(0);
        let limits = first.key("limits");
        assert_eq!(limits.to_string(), "spec.containers[0].limits");
        let gpu = limits.key("nvidia.com/gpu");
        assert_eq!(gpu.to_string(), "spec.containers[0].limits[\"nvidia.com/gpu\"]");
        assert_eq!(root.to_string(), "");
    }

    #[test]
    fn a_path_that_ends_early_blames_the_last_value_on_it() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "spec: {list: [7]}\n");
        let node = sources.parse(file).unwrap().remove(0);
        let root = Trail::ROOT;
        let spec = root.key("spec");
        let list = spec.key("list");
        assert_eq!(sources.slice(list.index(0).place(&node)), "7");
        assert_eq!(sources.slice(list.index(1).place(&node)), "[7]");
        assert_eq!(sources.slice(spec.key("none").place(&node)), "{list: [7]}");
    }
}

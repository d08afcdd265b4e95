//! The rows of nodes, and which of them were written since somebody last asked: who keeps a picture
//! of all nodes reads those again and no others.

use std::ops::{Deref, Index, IndexMut};

use super::Node;
use crate::unit::{IdVec, NodeId};

/// Nodes by identifier. Each access that may write is noted, once until it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Nodes {
    rows: IdVec<NodeId, Node>,
    touched: Vec<NodeId>,
    is_touched: Vec<bool>,
}

impl Nodes {
    /// Appends a node.
    pub fn push(&mut self, node: Node) -> NodeId {
        let id = self.rows.push(node);
        self.is_touched.push(true);
        self.touched.push(id);
        id
    }

    /// All nodes, to be written.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Node> {
        self.touched.clear();
        self.touched.extend(self.rows.ids());
        self.is_touched.fill(true);
        self.rows.iter_mut()
    }

    /// Whether a node may have been written since the last [`Nodes::take_touched`].
    pub fn is_touched(&self, id: NodeId) -> bool {
        self.is_touched[usize::from(id)]
    }

    /// The nodes that may have been written since the last call, each once. O(those).
    pub fn take_touched(&mut self) -> Vec<NodeId> {
        for &id in &self.touched {
            self.is_touched[usize::from(id)] = false;
        }
        std::mem::take(&mut self.touched)
    }
}

impl Deref for Nodes {
    type Target = IdVec<NodeId, Node>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl Index<NodeId> for Nodes {
    type Output = Node;

    fn index(&self, id: NodeId) -> &Node {
        &self.rows[id]
    }
}

impl IndexMut<NodeId> for Nodes {
    fn index_mut(&mut self, id: NodeId) -> &mut Node {
        let seen = &mut self.is_touched[usize::from(id)];
        if !*seen {
            *seen = true;
            self.touched.push(id);
        }
        &mut self.rows[id]
    }
}

//! Labels, selectors, taints and tolerations, interned.

use crate::unit::{Duration, Symbol};

/// A set of labels, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    pairs: Vec<(Symbol, Symbol)>,
    /// A bit for each key, several keys to a bit: most absent keys are found absent without a look
    /// at the pairs.
    keys: u128,
}

impl Labels {
    /// Value of `key`. O(log n).
    #[inline]
    pub fn get(&self, key: Symbol) -> Option<Symbol> {
        if self.keys & Self::bit(key) == 0 {
            return None;
        }
        let at = self.pairs.binary_search_by_key(&key, |&(k, _)| k).ok()?;
        Some(self.pairs[at].1)
    }

    /// Sets `key` to `value`.
    pub fn set(&mut self, key: Symbol, value: Symbol) {
        self.keys |= Self::bit(key);
        match self.pairs.binary_search_by_key(&key, |&(k, _)| k) {
            Ok(index) => self.pairs[index].1 = value,
            Err(index) => self.pairs.insert(index, (key, value)),
        }
    }

    const fn bit(key: Symbol) -> u128 {
        1 << (key.0 % u128::BITS)
    }

    /// Pairs in order of key symbol.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, Symbol)> + '_ {
        self.pairs.iter().copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Whether every pair of `wanted` is present.
    pub fn contains_all(&self, wanted: &[(Symbol, Symbol)]) -> bool {
        wanted.iter().all(|&(key, value)| self.get(key) == Some(value))
    }
}

impl FromIterator<(Symbol, Symbol)> for Labels {
    fn from_iter<T: IntoIterator<Item = (Symbol, Symbol)>>(iter: T) -> Self {
        let mut labels = Self::default();
        for (key, value) in iter {
            labels.set(key, value);
        }
        labels
    }
}

/// Operator of a selector requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SelectorOp {
    /// The value is one of the list.
    In,
    /// The value is none of the list, or the key is absent.
    NotIn,
    /// The key is present.
    Exists,
    /// The key is absent.
    DoesNotExist,
    /// The value is an integer greater than the operand.
    Gt,
    /// The value is an integer less than the operand.
    Lt,
}

/// One condition on a label (or on a field, for `metadata.name`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// Label key.
    pub key: Symbol,
    /// Operator.
    pub op: SelectorOp,
    /// Values of `In` and `NotIn`; the operand of `Gt` and `Lt`.
    pub values: Vec<Symbol>,
}

/// A conjunction of conditions on a pod's labels. Empty selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelSelector {
    /// All must hold.
    pub requirements: Vec<Requirement>,
}

/// A conjunction of conditions on a node. An empty term matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeSelectorTerm {
    /// On labels.
    pub expressions: Vec<Requirement>,
    /// On fields; the only one is `metadata.name`.
    pub fields: Vec<Requirement>,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaintEffect {
    /// Not scheduled here.
    NoSchedule,
    /// Scheduled here only if nothing better.
    PreferNoSchedule,
    /// Not scheduled here, and evicted.
    NoExecute,
}

/// A taint of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Taint {
    /// Key.
    pub key: Symbol,
    /// Value, often empty.
    pub value: Symbol,
    /// Effect.
    pub effect: TaintEffect,
}

/// Operator of a toleration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TolerationOp {
    /// Key and value are equal.
    Equal,
    /// The key is present; an empty key means every key.
    Exists,
}

/// A toleration of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Toleration {
    /// Key; `None` tolerates every key (needs `Exists`).
    pub key: Option<Symbol>,
    /// Operator.
    pub op: TolerationOp,
    /// Value for `Equal`.
    pub value: Symbol,
    /// Effect; `None` means every effect.
    pub effect: Option<TaintEffect>,
    /// How long a `NoExecute` taint is tolerated; `None` means for ever.
    pub seconds: Option<Duration>,
}

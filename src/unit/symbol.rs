//! Interned strings: names, label keys and values. Equality is a comparison of integers.

use rustc_hash::FxHashMap;
use serde::Serialize;

/// An interned string. Symbol 0 is the empty string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Symbol(pub u32);

impl Symbol {
    /// The empty string.
    pub const EMPTY: Self = Self(0);
}

/// The table of interned strings of a scenario, growing with node names during a run.
#[derive(Clone, Debug)]
pub struct Symbols {
    texts: Vec<Box<str>>,
    /// The text as an integer, where it is one (`Gt` and `Lt` of node affinity compare integers).
    numbers: Vec<Option<i64>>,
    index: FxHashMap<Box<str>, Symbol>,
}

impl Default for Symbols {
    fn default() -> Self {
        let mut symbols =
            Self { texts: Vec::new(), numbers: Vec::new(), index: FxHashMap::default() };
        symbols.intern("");
        symbols
    }
}

impl Symbols {
    /// The symbol of `text`, made if it is new.
    pub fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&symbol) = self.index.get(text) {
            return symbol;
        }
        let symbol = Symbol(u32::try_from(self.texts.len()).expect("fewer than 2^32 strings"));
        self.texts.push(text.into());
        self.numbers.push(text.parse().ok());
        self.index.insert(text.into(), symbol);
        symbol
    }

    /// The symbol of `text`, if it was interned.
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.index.get(text).copied()
    }

    /// The text of `symbol`.
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.texts[symbol.0 as usize]
    }

    /// The text of `symbol` as an integer, if it is one.
    pub fn number(&self, symbol: Symbol) -> Option<i64> {
        self.numbers[symbol.0 as usize]
    }
}

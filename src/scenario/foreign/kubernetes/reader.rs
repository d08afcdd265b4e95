//! What every conversion needs: a place to intern names and a place to complain.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use crate::model::Labels;
use crate::scenario::foreign::{Findings, Trail, code};
use crate::scenario::pods::{ResourceList, Tables};
use crate::scenario::{Node, Span};
use crate::unit::{Quantity, Symbol};

/// Converts the parts of one object.
pub struct Reader<'a> {
    /// Where names are interned.
    pub tables: &'a mut Tables,
    /// What was wrong.
    pub found: &'a mut Findings,
    /// The object with its places.
    pub root: &'a Node,
    /// What the object is called in messages (`Deployment shop/orders`).
    pub object: String,
}

impl Reader<'_> {
    /// Says that something is wrong at `at`.
    pub(super) fn complain(&mut self, at: &Trail<'_>, text: impl AsRef<str>) {
        self.report(code::FIELD, at, text.as_ref());
    }

    pub(super) fn report(&mut self, code: &'static str, at: &Trail<'_>, text: &str) {
        let text = format!("{}: `{at}` {text}", self.object);
        self.found.error(code, Some(at.place(self.root)), text);
    }

    /// Where something was written.
    pub(super) fn place(&self, at: &Trail<'_>) -> Option<Span> {
        Some(at.place(self.root))
    }

    pub(super) fn symbol(&mut self, text: &str) -> Symbol {
        self.tables.intern(text)
    }

    pub(super) fn optional_symbol(&mut self, text: Option<&str>) -> Symbol {
        text.map_or(Symbol::EMPTY, |text| self.symbol(text))
    }

    pub(super) fn symbols(&mut self, texts: Option<&Vec<String>>) -> Vec<Symbol> {
        texts.into_iter().flatten().map(|text| self.tables.intern(text)).collect()
    }

    pub(super) fn labels(&mut self, pairs: Option<&BTreeMap<String, String>>) -> Labels {
        pairs
            .into_iter()
            .flatten()
            .map(|(key, value)| (self.tables.intern(key), self.tables.intern(value)))
            .collect()
    }

    /// A list of amounts; none may be negative.
    pub(super) fn amounts(
        &mut self,
        list: Option<&BTreeMap<String, Text>>,
        at: &Trail<'_>,
    ) -> ResourceList {
        let mut amounts = ResourceList::new();
        for (name, text) in list.into_iter().flatten() {
            if let Some(amount) = self.amount(text, &at.key(name)) {
                amounts.insert(name.clone(), amount);
            }
        }
        amounts
    }

    /// One amount, not negative.
    pub(super) fn amount(&mut self, text: &Text, at: &Trail<'_>) -> Option<Quantity> {
        match Quantity::parse(&text.0) {
            Ok(amount) if amount.units().is_ok_and(|units| units < 0) => {
                self.complain(at, format!("must not be negative (`{}`)", text.0));
                None
            }
            Ok(amount) => Some(amount),
            Err(error) => {
                self.complain(at, format!("is {error} (`{}`)", text.0));
                None
            }
        }
    }

    /// One of a few words; anything else is a complaint that lists them.
    pub(super) fn word<T: Copy>(
        &mut self,
        text: &str,
        words: &[(&str, T)],
        at: &Trail<'_>,
    ) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text).map(|&(_, value)| value);
        if found.is_none() {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            self.complain(at, format!("must be one of {}, not `{text}`", known.join(", ")));
        }
        found
    }

    /// A count that must not be negative.
    pub(super) fn count(&mut self, value: Option<i32>, at: &Trail<'_>) -> Option<u32> {
        let value = value?;
        let count = u32::try_from(value).ok();
        if count.is_none() {
            self.complain(at, format!("must not be negative ({value})"));
        }
        count
    }
}

//! Selectors: one condition, a label selector, a node selector term.
//!
//! Source: kubernetes `apimachinery/pkg/labels/selector.go` and
//! `component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go`, v1.36.2.

use crate::model::{LabelSelector, Labels, NodeSelectorTerm, Requirement, SelectorOp};
use crate::unit::{Symbol, Symbols};

/// Whether `value` (of the requirement's key; `None` if absent) meets the requirement.
pub fn matches_requirement(
    requirement: &Requirement,
    value: Option<Symbol>,
    symbols: &Symbols,
) -> bool {
    match requirement.op {
        SelectorOp::In => value.is_some_and(|value| requirement.values.contains(&value)),
        SelectorOp::NotIn => value.is_none_or(|value| !requirement.values.contains(&value)),
        SelectorOp::Exists => value.is_some(),
        SelectorOp::DoesNotExist => value.is_none(),
        SelectorOp::Gt => compares(requirement, value, symbols, |value, operand| value > operand),
        SelectorOp::Lt => compares(requirement, value, symbols, |value, operand| value < operand),
    }
}

/// `Gt` and `Lt`: both sides must be integers, and there is exactly one operand.
fn compares(
    requirement: &Requirement,
    value: Option<Symbol>,
    symbols: &Symbols,
    holds: fn(i64, i64) -> bool,
) -> bool {
    let value = value.and_then(|value| symbols.number(value));
    let operand = match requirement.values[..] {
        [operand] => symbols.number(operand),
        _ => None,
    };
    value.zip(operand).is_some_and(|(value, operand)| holds(value, operand))
}

/// Whether a label selector selects these labels. An empty selector selects everything.
pub fn matches_labels(selector: &LabelSelector, labels: &Labels, symbols: &Symbols) -> bool {
    selector
        .requirements
        .iter()
        .all(|requirement| matches_requirement(requirement, labels.get(requirement.key), symbols))
}

/// Whether a node of this name and these labels matches a term. An empty term matches nothing.
pub fn matches_term(
    term: &NodeSelectorTerm,
    name: Symbol,
    labels: &Labels,
    symbols: &Symbols,
) -> bool {
    if term.expressions.is_empty() && term.fields.is_empty() {
        return false;
    }
    term.expressions
        .iter()
        .all(|requirement| matches_requirement(requirement, labels.get(requirement.key), symbols))
        && term.fields.iter().all(|field| matches_requirement(field, Some(name), symbols))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_follow_the_table() {
        let mut symbols = Symbols::default();
        let key = symbols.intern("k");
        let [five, six, word] = ["5", "6", "word"].map(|text| symbols.intern(text));
        for (op, values, value, expected) in [
            (SelectorOp::In, vec![five, six], Some(six), true),
            (SelectorOp::In, vec![five], None, false),
            (SelectorOp::NotIn, vec![five], None, true),
            (SelectorOp::NotIn, vec![five], Some(five), false),
            (SelectorOp::Exists, vec![], Some(word), true),
            (SelectorOp::Exists, vec![], None, false),
            (SelectorOp::DoesNotExist, vec![], None, true),
            (SelectorOp::Gt, vec![five], Some(six), true),
            (SelectorOp::Gt, vec![five], Some(five), false),
            (SelectorOp::Gt, vec![five], Some(word), false),
            (SelectorOp::Gt, vec![word], Some(six), false),
            (SelectorOp::Gt, vec![five], None, false),
            (SelectorOp::Lt, vec![six], Some(five), true),
            (SelectorOp::Lt, vec![five, six], Some(five), false),
        ] {
            let requirement = Requirement { key, op, values };
            assert_eq!(
                matches_requirement(&requirement, value, &symbols),
                expected,
                "{requirement:?} {value:?}"
            );
        }
    }

    #[test]
    fn an_empty_term_matches_nothing_and_an_empty_selector_everything() {
        let symbols = Symbols::default();
        let labels = Labels::default();
        assert!(!matches_term(&NodeSelectorTerm::default(), Symbol::EMPTY, &labels, &symbols));
        assert!(matches_labels(&LabelSelector::default(), &labels, &symbols));
    }
}

//! Node selectors and node affinity.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/nodeaffinity/node_affinity.go`, v1.36.2.

use super::selector::matches_term;
use super::snapshot::NodeFacts;
use crate::model::{NodeAffinity, NodeSelectorTerm, PodShape, SelectorOp};
use crate::unit::{Symbol, Symbols};

/// Whether the node meets `nodeSelector` and the required node affinity. A list of no terms is met
/// by no node.
pub fn fits_node_affinity(shape: &PodShape, node: &NodeFacts<'_>, symbols: &Symbols) -> bool {
    node.labels.contains_all(&shape.node_selector)
        && any_term(&shape.node_affinity.required, node, symbols)
}

/// Whether any of the required terms matches; no condition is met by every node.
pub fn any_term(
    required: &Option<Vec<NodeSelectorTerm>>,
    node: &NodeFacts<'_>,
    symbols: &Symbols,
) -> bool {
    required.as_ref().is_none_or(|terms| {
        terms.iter().any(|term| matches_term(term, node.name, node.labels, symbols))
    })
}

/// Raw score of the preferred terms: the sum of the weights of those that match.
pub fn preference(affinity: &NodeAffinity, node: &NodeFacts<'_>, symbols: &Symbols) -> i64 {
    affinity
        .preferred
        .iter()
        .filter(|(_, term)| matches_term(term, node.name, node.labels, symbols))
        .map(|&(weight, _)| i64::from(weight))
        .sum()
}

/// The only nodes that could match, if every required term pins `metadata.name`: the scheduler then
/// looks at no others. In order of first mention.
pub fn names_pinned(affinity: &NodeAffinity) -> Option<Vec<Symbol>> {
    let terms = affinity.required.as_deref().filter(|terms| !terms.is_empty())?;
    let mut names = Vec::new();
    for term in terms {
        // Several conditions on the name must hold together.
        let mut pinned: Option<Vec<Symbol>> = None;
        for field in term.fields.iter().filter(|field| field.op == SelectorOp::In) {
            pinned = Some(match pinned {
                None => field.values.clone(),
                Some(names) => {
                    names.into_iter().filter(|name| field.values.contains(name)).collect()
                }
            });
        }
        for name in pinned? {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Some(names)
}

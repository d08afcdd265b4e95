//! PodTopologySpread's score: pods per domain and per node, kept up to date.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/podtopologyspread/scoring.go`, v1.36.2.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::MAX_SCORE;
use crate::chance::maths;
use crate::model::{LabelSelector, PodShape, PolicySwitch, SpreadConstraint, WhenUnsatisfiable};
use crate::rules::{NodeFacts, PlacedPod, WellKnown, counts_node, counts_pod};
use crate::unit::{Symbol, Symbols};

/// No domain: the node is not known, or has no such label.
const NOWHERE: u32 = u32::MAX;

/// One `ScheduleAnyway` constraint over the nodes of a cluster, by slot.
#[derive(Clone, Debug)]
pub struct SoftConstraint {
    rule: SpreadConstraint,
    /// Every node is its own domain; counts are the node's own.
    by_hostname: bool,
    /// Domain numbers of label values; the empty value is that of nodes without the label.
    numbers: FxHashMap<Symbol, u32>,
    /// Pods per domain number, over the nodes that count.
    pods_in: Vec<i64>,
    /// Domain number of each slot.
    domain_of: Vec<u32>,
    /// The node has the label (with default constraints, one without it is scored without it).
    labelled: Vec<bool>,
    /// The node's pods count in its domain.
    counted: Vec<bool>,
    /// Matching pods on each slot.
    pods_on: Vec<i64>,
    /// Scratch: the round in which a domain was last seen.
    seen: Vec<u32>,
    /// Distinct domains seen in this round.
    size: usize,
}

/// Spread scores of one shape.
#[derive(Clone, Debug)]
pub struct SpreadScores {
    constraints: Vec<SoftConstraint>,
    /// Nodes without all keys are left out of scoring (not with default constraints).
    needs_all_keys: bool,
    /// Slots without all keys.
    lacks_keys: Vec<bool>,
    round: u32,
    weights: Vec<f64>,
}

/// The `ScheduleAnyway` constraints of a shape: its own, or the defaults if it has none of either
/// kind and a selector can be derived (hostname 3, zone 5).
fn soft_constraints(shape: &PodShape, known: &WellKnown) -> Vec<SpreadConstraint> {
    if !shape.spread.is_empty() {
        let soft = |rule: &&SpreadConstraint| rule.when == WhenUnsatisfiable::ScheduleAnyway;
        return shape.spread.iter().filter(soft).cloned().collect();
    }
    let Some(selector) = shape.default_spread.as_ref().filter(|s| !s.requirements.is_empty())
    else {
        return Vec::new();
    };
    let default = |max_skew, topology_key, selector: Cow<'_, LabelSelector>| SpreadConstraint {
        max_skew,
        topology_key,
        when: WhenUnsatisfiable::ScheduleAnyway,
        selector: Some(selector.into_owned()),
        min_domains: 1,
        node_affinity_policy: PolicySwitch::Honor,
        node_taints_policy: PolicySwitch::Ignore,
    };
    vec![
        default(3, known.hostname, Cow::Borrowed(selector)),
        default(5, known.zone, Cow::Borrowed(selector)),
    ]
}

impl SpreadScores {
    /// Scores for a shape over no nodes yet; `None` if it has no soft constraint.
    pub fn new(shape: &PodShape, known: &WellKnown) -> Option<Self> {
        let rules = soft_constraints(shape, known);
        if rules.is_empty() {
            return None;
        }
        let constraints = rules
            .into_iter()
            .map(|rule| SoftConstraint {
                by_hostname: rule.topology_key == known.hostname,
                rule,
                numbers: FxHashMap::default(),
                pods_in: Vec::new(),
                domain_of: Vec::new(),
                labelled: Vec::new(),
                counted: Vec::new(),
                pods_on: Vec::new(),
                seen: Vec::new(),
                size: 0,
            })
            .collect();
        Some(Self {
            constraints,
            needs_all_keys: !shape.spread.is_empty(),
            lacks_keys: Vec::new(),
            round: 0,
            weights: Vec::new(),
        })
    }

    /// A node takes a slot, with the pods that are on it.
    pub fn node_in<'p>(
        &mut self,
        slot: usize,
        shape: &PodShape,
        node: &NodeFacts<'_>,
        pods: impl Iterator<Item = PlacedPod<'p>> + Clone,
        symbols: &Symbols,
    ) {
        let has = |rule: &SpreadConstraint| node.labels.get(rule.topology_key).is_some();
        let lacks = self.needs_all_keys && !self.constraints.iter().all(|c| has(&c.rule));
        grow(&mut self.lacks_keys, slot, false);
        self.lacks_keys[slot] = lacks;
        for constraint in &mut self.constraints {
            let namespace = shape.namespace;
            let matching = pods
                .clone()
                .filter(|pod| counts_pod(&constraint.rule, namespace, pod, symbols))
                .count();
            let counted = !lacks && counts_node(&constraint.rule, shape, node, symbols);
            constraint.node_in(slot, node, matching as i64, counted);
        }
    }

    /// The node of a slot is gone (or about to come back changed).
    pub fn node_out(&mut self, slot: usize) {
        for constraint in &mut self.constraints {
            constraint.node_out(slot);
        }
    }

    /// Whether pods of another shape count for a constraint.
    pub fn counts(&self, shape: &PodShape, other: &PodShape, symbols: &Symbols) -> bool {
        let pod = PlacedPod { shape: other, terminating: false };
        let counts = |c: &SoftConstraint| counts_pod(&c.rule, shape.namespace, &pod, symbols);
        self.constraints.iter().any(counts)
    }

    /// A pod came to (`delta` 1) or left (-1) the node of a slot; one that starts terminating
    /// leaves.
    pub fn pod_changed(
        &mut self,
        slot: usize,
        shape: &PodShape,
        pod: &PlacedPod<'_>,
        delta: i64,
        symbols: &Symbols,
    ) {
        for constraint in &mut self.constraints {
            if counts_pod(&constraint.rule, shape.namespace, pod, symbols) {
                constraint.pods_on[slot] += delta;
                if constraint.counted[slot] && !constraint.by_hostname {
                    constraint.pods_in[constraint.domain_of[slot] as usize] += delta;
                }
            }
        }
    }

    /// Takes stock of the feasible nodes: how many domains they span sets the weights.
    pub fn weigh(&mut self, feasible: &[u32]) {
        self.round += 1;
        let round = self.round;
        let lacks = &self.lacks_keys;
        let scored = if self.needs_all_keys {
            feasible.iter().filter(|&&slot| !lacks[slot as usize]).count()
        } else {
            feasible.len()
        };
        self.weights.clear();
        for constraint in &mut self.constraints {
            constraint.size = 0;
            if constraint.by_hostname {
                constraint.size = scored;
            } else {
                constraint.count_domains(feasible, lacks, round);
            }
            self.weights.push(maths::ln((constraint.size + 2) as f64));
        }
    }

    /// Raw scores of these slots, in order; -1 for those that are left out of scoring. `sums` is
    /// scratch.
    pub fn raw(&self, feasible: &[u32], sums: &mut Vec<f64>, raws: &mut Vec<i64>) {
        sums.clear();
        sums.resize(feasible.len(), 0.0);
        for (constraint, &weight) in self.constraints.iter().zip(&self.weights) {
            let allowance = f64::from(constraint.rule.max_skew - 1);
            for (sum, &slot) in sums.iter_mut().zip(feasible) {
                let slot = slot as usize;
                if constraint.labelled[slot] {
                    *sum += constraint.pods(slot) as f64 * weight + allowance;
                }
            }
        }
        raws.clear();
        // Scores are not negative: adding a half and truncating rounds half away from zero.
        raws.extend(feasible.iter().zip(&*sums).map(|(&slot, &sum)| {
            if self.lacks_keys[slot as usize] { -1 } else { (sum + 0.5) as i64 }
        }));
    }
}

impl SoftConstraint {
    fn node_in(&mut self, slot: usize, node: &NodeFacts<'_>, matching: i64, counted: bool) {
        grow(&mut self.domain_of, slot, NOWHERE);
        grow(&mut self.labelled, slot, false);
        grow(&mut self.counted, slot, false);
        grow(&mut self.pods_on, slot, 0);
        let label = node.labels.get(self.rule.topology_key);
        self.labelled[slot] = label.is_some();
        self.pods_on[slot] = matching;
        self.counted[slot] = counted;
        if !self.by_hostname {
            let next = self.pods_in.len() as u32;
            let number = *self.numbers.entry(label.unwrap_or_default()).or_insert(next);
            if number == next {
                self.pods_in.push(0);
                self.seen.push(0);
            }
            self.domain_of[slot] = number;
            if counted {
                self.pods_in[number as usize] += matching;
            }
        }
    }

    /// Matching pods in the domain of a slot.
    fn pods(&self, slot: usize) -> i64 {
        if self.by_hostname {
            self.pods_on[slot]
        } else {
            self.pods_in[self.domain_of[slot] as usize]
        }
    }

    fn node_out(&mut self, slot: usize) {
        if self.counted[slot] && !self.by_hostname {
            self.pods_in[self.domain_of[slot] as usize] -= self.pods_on[slot];
        }
        self.counted[slot] = false;
        self.pods_on[slot] = 0;
    }

    fn count_domains(&mut self, feasible: &[u32], lacks: &[bool], round: u32) {
        for &slot in feasible {
            if lacks[slot as usize] {
                continue;
            }
            let seen = &mut self.seen[self.domain_of[slot as usize] as usize];
            if *seen != round {
                *seen = round;
                self.size += 1;
            }
        }
    }
}

fn grow<T: Clone>(column: &mut Vec<T>, slot: usize, empty: T) {
    if column.len() <= slot {
        column.resize(slot + 1, empty);
    }
}

/// A raw score turned around between the lowest and the highest raw score; 0 for what is left out.
pub fn normalise_spread(raws: &mut [i64]) {
    let scored = || raws.iter().copied().filter(|&raw| raw >= 0);
    let (lowest, highest) = (scored().min().unwrap_or(0), scored().max().unwrap_or(0));
    for raw in raws {
        *raw = if *raw < 0 { 0 } else { turned_around(*raw, lowest, highest) };
    }
}

const fn turned_around(raw: i64, lowest: i64, highest: i64) -> i64 {
    if highest == 0 { MAX_SCORE } else { MAX_SCORE * (highest + lowest - raw) / highest }
}

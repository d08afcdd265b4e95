//! How many nodes of a group pending pods need (`pkg/estimator/binpacking_estimator.go`).

use rustc_hash::FxHashMap;

use super::equivalence::PodGroup;
use super::limiter::Limiter;
use super::round_robin::RoundRobin;
use super::snapshot::{Held, Origin, Snapshot};
use super::view::Template;
use crate::model::PodShape;
use crate::rules::{Plugin, matches_labels};
use crate::unit::{Duration, PodId, Resources, ShapeId, Symbol, Symbols};

/// What an estimate came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Nodes that received a pod.
    pub nodes: u32,
    /// Pods placed.
    pub pods: Vec<PodId>,
}

/// Order by which groups are packed: CPU share plus memory share of the template, largest first.
pub fn score(requests: &Resources, allocatable: &Resources) -> f64 {
    let share = |need: i64, all: i64| if all > 0 { need as f64 / all as f64 } else { 0.0 };
    share(requests.cpu_milli, allocatable.cpu_milli) + share(requests.memory, allocatable.memory)
}

/// Positions of the groups in packing order (`decreasing_pod_orderer.go`).
pub fn packing_order(requests: &[Resources], allocatable: &Resources) -> Vec<usize> {
    let mut order: Vec<usize> = (0..requests.len()).collect();
    let score = |&index: &usize| score(&requests[index], allocatable);
    order.sort_by(|a, b| score(b).total_cmp(&score(a)));
    order
}

/// The group that gains most from being estimated by one filled node: the last of those with the
/// largest `pods - pods/nodes`; `None` if no group may be (`determineBestPEGToFastpath`).
pub fn fast_path_group<'s>(
    groups: impl IntoIterator<Item = (&'s PodShape, usize)>,
    capacity: &Resources,
    hostname: Symbol,
    symbols: &Symbols,
) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    for (index, (shape, pods)) in groups.into_iter().enumerate() {
        let far = |t: &crate::model::PodAffinityTerm| t.topology_key != hostname;
        if !shape.spread.is_empty() || shape.pod_affinity.anti_required.iter().any(far) {
            continue;
        }
        let by = |need: i64, all: i64| {
            if all > 0 { (pods as i64 * need + all - 1) / all } else { 0 }
        };
        // All terms are of the hostname; one that selects the pod itself keeps its copies apart.
        let selects_itself = |term: &crate::model::PodAffinityTerm| {
            let selector = term.selector.as_ref();
            selector.is_some_and(|selector| matches_labels(selector, &shape.labels, symbols))
        };
        let apart = shape.pod_affinity.anti_required.iter().any(selects_itself);
        let alone = if apart { pods as i64 } else { 0 };
        let nodes = by(shape.requests.cpu_milli, capacity.cpu_milli)
            .max(by(shape.requests.memory, capacity.memory))
            .max(alone);
        let saved = if nodes > 0 { pods - pods / nodes as usize } else { 0 };
        if best.is_none_or(|(most, _)| saved >= most) {
            best = Some((saved, index));
        }
    }
    best.map(|(_, index)| index)
}

/// Packs pod groups into new nodes in a fork of the snapshot.
pub fn estimate(
    snapshot: &mut Snapshot<'_>,
    template: &Template,
    groups: &[&PodGroup],
    limiter: Limiter,
    robin: &mut RoundRobin,
    fast_path: bool,
) -> Estimate {
    let fork = snapshot.fork();
    let shapes = &snapshot.view().cluster.shapes;
    let requests: Vec<Resources> = groups.iter().map(|g| shapes[g.shape].requests).collect();
    let mut order = packing_order(&requests, &template.allocatable);
    let mut fast = None;
    if fast_path {
        let hostname = snapshot.view().words.hostname;
        let ordered = order.iter().map(|&at| (&shapes[groups[at].shape], groups[at].pods.len()));
        let symbols = &snapshot.view().cluster.symbols;
        if let Some(best) = fast_path_group(ordered, &template.capacity, hostname, symbols) {
            let best = order.remove(best);
            order.push(best);
            fast = Some(best);
        }
    }
    let mut packing = Packing::new(snapshot, template, limiter, robin);
    let mut more_nodes = true;
    for index in order {
        let group = groups[index];
        let placed = packing.fill_existing(group);
        let rest = &group.pods[placed..];
        if more_nodes && !rest.is_empty() {
            more_nodes = if fast == Some(index) {
                packing.fill_fast(group.shape, rest)
            } else {
                packing.fill_new(group.shape, rest)
            };
        }
    }
    let Packing { used, extra, pods, .. } = packing;
    snapshot.revert(fork);
    Estimate { nodes: used.len() as u32 + extra, pods }
}

struct Packing<'p, 'a> {
    snapshot: &'p mut Snapshot<'a>,
    template: &'p Template,
    limiter: Limiter,
    robin: &'p mut RoundRobin,
    first: usize,
    last: Option<usize>,
    /// Nodes that received a pod; in rare cases nodes that existed before.
    used: rustc_hash::FxHashSet<usize>,
    /// Nodes that are only counted.
    extra: u32,
    pods: Vec<PodId>,
    /// Shapes that no new node before this position takes.
    full_before: FxHashMap<ShapeId, usize>,
}

impl<'p, 'a> Packing<'p, 'a> {
    fn new(
        snapshot: &'p mut Snapshot<'a>,
        template: &'p Template,
        limiter: Limiter,
        robin: &'p mut RoundRobin,
    ) -> Self {
        let first = snapshot.slots();
        Self {
            snapshot,
            template,
            limiter,
            robin,
            first,
            last: None,
            used: Default::default(),
            extra: 0,
            pods: Vec::new(),
            full_before: FxHashMap::default(),
        }
    }

    fn put(&mut self, shape: ShapeId, pod: PodId, slot: usize) {
        self.snapshot.place(slot, Held { shape, pod: Some(pod), terminating: false });
        self.used.insert(slot);
        self.pods.push(pod);
    }

    /// Puts pods on nodes added so far until one does not fit; returns how many did.
    fn fill_existing(&mut self, group: &PodGroup) -> usize {
        let trivial = self.snapshot.is_trivial(group.shape);
        for (index, &pod) in group.pods.iter().enumerate() {
            let full = self.full_before.get(&group.shape).copied().unwrap_or(0);
            let range = self.first.max(full)..self.snapshot.slots();
            let found = self.robin.find(self.snapshot, group.shape, range, |_, _| true);
            let Some(slot) = found else {
                if trivial {
                    self.full_before.insert(group.shape, self.snapshot.slots());
                }
                return index;
            };
            self.put(group.shape, pod, slot);
        }
        group.pods.len()
    }

    fn is_hostname_spread(&mut self, shape: ShapeId, slot: usize) -> bool {
        let hostname = self.snapshot.view().words.hostname;
        let spread = &self.snapshot.view().cluster.shapes[shape].spread;
        spread.iter().any(|constraint| constraint.topology_key == hostname)
            && self
                .snapshot
                .failure(shape, slot)
                .is_some_and(|f| f.plugin == Plugin::PodTopologySpread && !f.unresolvable)
    }

    /// Whether the last node is empty: a pod that it does not take would not fit a new one either.
    fn last_is_empty(&self) -> bool {
        self.last.is_some_and(|last| !self.used.contains(&last))
    }

    fn add_node(&mut self) -> Option<usize> {
        if !self.limiter.permits(Duration::ZERO) {
            return None;
        }
        let origin = Origin::Estimated(self.snapshot.slots() as u32);
        let slot = self.snapshot.add(origin, self.template);
        self.last = Some(slot);
        Some(slot)
    }

    /// Puts pods on the last node or a new one. Returns whether more nodes may be added later.
    fn fill_new(&mut self, shape: ShapeId, pods: &[PodId]) -> bool {
        for &pod in pods {
            if let Some(last) = self.last {
                if self.snapshot.fits(shape, last) {
                    self.put(shape, pod, last);
                    continue;
                }
                if self.is_hostname_spread(shape, last) {
                    let all = 0..self.snapshot.slots();
                    let found = self.robin.find(self.snapshot, shape, all, |_, slot| slot != last);
                    if let Some(slot) = found {
                        self.put(shape, pod, slot);
                        continue;
                    }
                }
            }
            if self.last_is_empty() {
                return true;
            }
            let Some(slot) = self.add_node() else { return false };
            if !self.snapshot.fits(shape, slot) {
                return true;
            }
            self.put(shape, pod, slot);
        }
        true
    }

    /// Fills one node and counts the others.
    fn fill_fast(&mut self, shape: ShapeId, pods: &[PodId]) -> bool {
        let slot = match self.last {
            Some(last) if self.last_is_empty() => last,
            _ => match self.add_node() {
                Some(slot) => slot,
                None => return false,
            },
        };
        let mut placed = 0;
        while placed < pods.len() && self.snapshot.fits(shape, slot) {
            self.put(shape, pods[placed], slot);
            placed += 1;
        }
        let per_node = placed;
        while per_node > 0 && placed < pods.len() {
            if !self.limiter.permits(Duration::ZERO) {
                return false;
            }
            self.extra += 1;
            let end = (placed + per_node).min(pods.len());
            self.pods.extend_from_slice(&pods[placed..end]);
            placed = end;
        }
        true
    }
}

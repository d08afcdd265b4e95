//! The scheduling cycle as upstream does it: everything is counted anew from the cluster.

use super::World;
use crate::control::scheduler::profile::{Profile, Profiles};
use crate::control::scheduler::score::*;
use crate::control::scheduler::*;
use crate::model::PodShape;
use crate::rules::*;
use crate::unit::*;

impl World {
    /// The node for a pod, or how many nodes failed by which plugin.
    pub fn plain(&mut self, pod: PodId, lots: Lots, attempt: u32) -> Result<NodeId, [u32; 10]> {
        let mut order = Vec::new();
        self.tree.list(&mut order);
        let nodes: Vec<NodeId> = order.into_iter().map(NodeId).collect();
        let (start, known, minor) = (self.start, self.known, self.spec.version.minor);
        let view = self.parts().1;
        let shape = view.shape(pod);
        let profiles = Profiles::new(view.spec, known);
        let profile = profiles.of(shape);
        let mut failures = [0; 10];
        if nodes.is_empty() {
            return Err(failures);
        }
        let wide = ClusterWide::of(shape, &NodesOf { view, nodes: &nodes }, &view.names(), true);
        let wide = profile.filtering(wide);
        let narrows = profile.options.filters(Plugin::NodeAffinity);
        let named = |name| nodes.iter().copied().find(|&n| view.cluster.nodes[n].name == name);
        let looked: Vec<NodeId> = match view.cluster.pods[pod].node {
            Some(only) => nodes.iter().copied().filter(|&node| node == only).collect(),
            None => match names_pinned(&shape.node_affinity).filter(|_| narrows) {
                Some(names) => names.into_iter().filter_map(named).collect(),
                None => nodes.clone(),
            },
        };
        failures[Plugin::NodeAffinity as usize] += (nodes.len() - looked.len()) as u32;
        let wanted = profile.nodes_to_find(looked.len());
        let (mut feasible, mut seen) = (Vec::new(), 0);
        for index in 0..looked.len() {
            let node = looked[(start + index) % looked.len()];
            let (facts, symbols) = (view.facts(node), &view.cluster.symbols);
            seen += 1;
            match first_failure(shape, &facts, &wide, symbols, &profile.options) {
                Some(failure) => failures[failure.plugin as usize] += 1,
                None => feasible.push(node),
            }
            if feasible.len() == wanted {
                break;
            }
        }
        let result = if feasible.is_empty() {
            Err(failures)
        } else {
            let totals: Vec<i32> = totals(view, shape, profile, &nodes, &feasible)
                .into_iter()
                .map(|total| total as i32)
                .collect();
            let by_version = if minor >= 35 { TieBreak::First } else { TieBreak::Random };
            let tie = view.spec.tie_break.unwrap_or(by_version);
            Ok(feasible[choose(&totals, tie, lots.of(u64::from(attempt)))])
        };
        self.start = (start + seen) % nodes.len();
        result
    }
}

/// Totals of all plugins, with constant ones too.
fn totals(
    view: SchedulerView<'_>,
    shape: &PodShape,
    profile: &Profile,
    nodes: &[NodeId],
    feasible: &[NodeId],
) -> Vec<i64> {
    let (snapshot, weights) = (NodesOf { view, nodes }, profile.weights);
    let rows = || feasible.iter().map(|&node| &view.cluster.nodes[node]);
    let mut totals: Vec<i64> =
        feasible.iter().map(|&node| profile.local_score(shape, &view.facts(node))).collect();
    let mut add = |scores: Vec<i64>, weight: i64| {
        for (total, score) in totals.iter_mut().zip(scores) {
            *total += score * weight;
        }
    };
    let raw: Vec<i64> =
        rows().map(|row| intolerable_preferences(&row.taints, &shape.tolerations)).collect();
    let highest = raw.iter().copied().max().unwrap();
    add(raw.iter().map(|&raw| lowest_is_best(raw, highest)).collect(), weights.taint);
    let prefer =
        |&node: &NodeId| preference(&shape.node_affinity, &view.facts(node), &view.cluster.symbols);
    let raw: Vec<i64> = feasible.iter().map(prefer).collect();
    let highest = raw.iter().copied().max().unwrap();
    add(raw.iter().map(|&raw| highest_is_best(raw, highest)).collect(), weights.node_affinity);
    let mut images = ImageScore::default();
    let with = |image| {
        nodes.iter().filter(|&&node| view.cluster.nodes[node].images.contains(&image)).count()
    };
    images.refresh(shape, |id| view.images[id].1 as i64, |id| with(id) as u32, nodes.len());
    add(rows().map(|row| images.of(&row.images)).collect(), weights.image);
    if profile.scores_pod_affinity(shape, true) {
        let scores =
            PodAffinityScores::of(shape, &snapshot, &view.names(), profile.hard_affinity_weight);
        let raw: Vec<i64> = rows().map(|row| scores.of_node(&row.labels)).collect();
        let (low, high) = (raw.iter().copied().min().unwrap(), raw.iter().copied().max().unwrap());
        let normal = raw.iter().map(|&raw| normalise_pod_affinity(raw, low, high));
        add(normal.collect(), weights.pod_affinity);
    }
    if let Some(mut scores) = SpreadScores::new(shape, &profile.options.well_known) {
        for &node in nodes {
            let (facts, pods) = (view.facts(node), view.pods_on(node));
            scores.node_in(usize::from(node), shape, &facts, pods, &view.cluster.symbols);
        }
        let slots: Vec<u32> = feasible.iter().map(|node| node.0).collect();
        scores.weigh(&slots);
        let mut raws = Vec::new();
        scores.raw(&slots, &mut Vec::new(), &mut raws);
        normalise_spread(&mut raws);
        add(raws, weights.spread);
    }
    totals
}

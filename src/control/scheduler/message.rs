//! What the scheduler writes into a pod's condition when no node will do.
//!
//! Source: kubernetes `pkg/scheduler/framework/types.go` (`FitError.Error`) and the reasons of the
//! plugins, v1.36.2. The sentence on preemption that follows there is left out.

use std::collections::BTreeMap;

use super::memory::Scheduler;
use super::view::{NodesOf, SchedulerView};
use crate::model::PodShape;
use crate::rules::{AffinityRule, ClusterWide, Detail, Failure, Plugin, Shortage, first_failure};
use crate::unit::{ExtendedId, NodeId, PodId, Symbols};

impl Scheduler {
    /// The message for a pod that was rejected: every node by its reasons. O(nodes and pods): for
    /// explanations only. `extended` are the names of extended resources.
    pub fn message(&self, view: SchedulerView<'_>, pod: PodId, extended: &[String]) -> String {
        let shape = view.shape(pod);
        let profile = self.profiles.of(shape);
        let nodes: Vec<NodeId> = view.cluster.registered.clone();
        if nodes.is_empty() {
            return "no nodes available to schedule pods".to_owned();
        }
        let wide = ClusterWide::of(shape, &NodesOf { view, nodes: &nodes }, &view.names(), true);
        let wide = profile.filtering(wide);
        let words = Words { view, shape, extended };
        let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
        for &node in &nodes {
            let only = view.cluster.pods[pod].node;
            if only.is_some_and(|only| only != node) {
                let text = Words::of(Plugin::NodeAffinity).to_owned();
                *reasons.entry(text).or_default() += 1;
                continue;
            }
            let facts = view.facts(node);
            let symbols = &view.cluster.symbols;
            let failure = first_failure(shape, &facts, &wide, symbols, &profile.options);
            for reason in failure.map(|failure| words.reasons(failure)).unwrap_or_default() {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        let mut parts: Vec<String> =
            reasons.into_iter().map(|(reason, nodes)| format!("{nodes} {reason}")).collect();
        // Sorted as text, counts included, as upstream sorts them.
        parts.sort();
        format!("0/{} nodes are available: {}.", nodes.len(), parts.join(", "))
    }
}

struct Words<'a> {
    view: SchedulerView<'a>,
    shape: &'a PodShape,
    extended: &'a [String],
}

impl Words<'_> {
    /// The reasons that one node's failure gives.
    fn reasons(&self, failure: Failure) -> Vec<String> {
        let symbols: &Symbols = &self.view.cluster.symbols;
        match failure.detail {
            // Taints are no longer named from 1.35 on, which kept messages apart that say the same.
            Detail::Taint(taint) if !self.view.spec.version.at_least(35) => {
                let (key, value) = (symbols.text(taint.key), symbols.text(taint.value));
                vec![format!("node(s) had untolerated taint {{{key}: {value}}}")]
            }
            Detail::Short(short) => self.short(short),
            Detail::Affinity(rule) => vec![Self::affinity(rule).to_owned()],
            Detail::Taint(_) | Detail::None => vec![Self::of(failure.plugin).to_owned()],
        }
    }

    fn short(&self, short: Shortage) -> Vec<String> {
        let mut reasons = Vec::new();
        for (part, reason) in [
            (Shortage::PODS, "Too many pods"),
            (Shortage::CPU, "Insufficient cpu"),
            (Shortage::MEMORY, "Insufficient memory"),
            (Shortage::EPHEMERAL, "Insufficient ephemeral-storage"),
        ] {
            if short.contains(part) {
                reasons.push(reason.to_owned());
            }
        }
        for (index, name) in self.extended.iter().enumerate() {
            let id = ExtendedId(index as u8);
            if short.contains(Shortage::extended(id)) && self.shape.requests.extended(id) > 0 {
                reasons.push(format!("Insufficient {name}"));
            }
        }
        reasons
    }

    const fn affinity(rule: AffinityRule) -> &'static str {
        match rule {
            AffinityRule::Affinity => "node(s) didn't match pod affinity rules",
            AffinityRule::AntiAffinity => "node(s) didn't match pod anti-affinity rules",
            AffinityRule::ExistingAntiAffinity => {
                "node(s) didn't satisfy existing pods anti-affinity rules"
            }
        }
    }

    const fn of(plugin: Plugin) -> &'static str {
        match plugin {
            Plugin::NodeUnschedulable => "node(s) were unschedulable",
            Plugin::NodeName => "node(s) didn't match the requested node name",
            Plugin::TaintToleration => "node(s) had untolerated taint(s)",
            Plugin::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Plugin::NodePorts => "node(s) didn't have free ports for the requested pod ports",
            Plugin::NodeResourcesFit => "node(s) had too few resources",
            Plugin::NodeVolumeLimits => "node(s) exceed max volume count",
            Plugin::VolumeBinding => "node(s) had volume node affinity conflict",
            Plugin::PodTopologySpread => "node(s) didn't match pod topology spread constraints",
            Plugin::InterPodAffinity => "node(s) didn't match pod affinity rules",
        }
    }
}

//! Queueing hints: which waiting pods an event could help.
//!
//! Source: `isSchedulableAfter…` of each plugin under kubernetes
//! `pkg/scheduler/framework/plugins`, v1.36.2. They are on from 1.32; `event.rs` says what was
//! before.

use super::event::{ClusterEvent, might_fit, woken_by_placement};
use super::profile::Profiles;
use super::queue::Group;
use super::seats::Seat;
use super::view::SchedulerView;
use crate::model::{PodShape, SpreadConstraint, Usage, WhenUnsatisfiable};
use crate::rules::{
    NodeFacts, Plugin, any_term, fits, fits_node_affinity, matches_labels, ports_conflict,
    term_matches, untolerated,
};
use crate::unit::{MAX_EXTENDED, NodeId, PodId, Resources};

/// What happened to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodEvent {
    /// It was placed on a node.
    Placed,
    /// It left its node.
    Left,
}

/// What hints look at.
#[derive(Clone, Copy, Debug)]
pub struct Hints<'a> {
    /// The view.
    pub view: SchedulerView<'a>,
    /// Settings of the filters, by profile.
    pub profiles: &'a Profiles,
}

impl Hints<'_> {
    /// SchedulerQueueingHints is on by default from 1.32 (`pkg/features/kube_features.go`).
    fn are_on(&self) -> bool {
        self.view.spec.version.at_least(32)
    }

    /// Whether pods of a group should be tried again since `node` came (`before` is `None`) or
    /// changed.
    pub fn after_node(&self, group: &Group, node: NodeId, before: Option<&Seat>) -> bool {
        let cluster = self.view.cluster;
        let (shape, row) = (&cluster.shapes[group.shape], &cluster.nodes[node]);
        let facts = NodeFacts::of(row);
        if !self.are_on() {
            let event = ClusterEvent::of_node(before, row);
            let options = &self.profiles.of(shape).options;
            return event.is_some_and(|event| event.concerns(group.rejectors))
                && group.pinned.is_none_or(|pinned| pinned == node)
                && might_fit(shape, &facts, &cluster.symbols, options);
        }
        let empty = Usage::default();
        let then = before.map(|seat| NodeFacts {
            name: seat.name,
            labels: &seat.labels,
            taints: &seat.taints,
            unschedulable: seat.unschedulable,
            allocatable: &seat.allocatable,
            used: &empty,
            max_data_disks: row.max_data_disks,
        });
        let asks = |plugin| group.rejectors.contains(plugin);
        let added = &self.profiles.of(shape).options.added_affinity.required;
        let matches = |facts: &NodeFacts<'_>| {
            group.pinned.is_none_or(|pinned| pinned == node)
                && any_term(added, facts, &cluster.symbols)
                && fits_node_affinity(shape, facts, &cluster.symbols)
        };
        let tolerated =
            |facts: &NodeFacts<'_>| untolerated(facts.taints, &shape.tolerations).is_none();
        asks(Plugin::NodeResourcesFit)
            && fits(&shape.requests_alone(), &Resources::ZERO, &row.allocatable)
            && before.is_none_or(|seat| grew(shape, &seat.allocatable, &row.allocatable))
            || asks(Plugin::TaintToleration) && became(then.as_ref(), &facts, tolerated)
            || asks(Plugin::NodeAffinity) && became(then.as_ref(), &facts, matches)
            || asks(Plugin::NodeUnschedulable)
                && became(then.as_ref(), &facts, |facts| !facts.unschedulable)
            || asks(Plugin::NodePorts) && before.is_none()
            || (asks(Plugin::NodeVolumeLimits) || asks(Plugin::VolumeBinding))
                && before.is_none_or(|seat| seat.labels != row.labels)
            || asks(Plugin::PodTopologySpread) && spread_after_node(shape, then.as_ref(), &facts)
            || asks(Plugin::InterPodAffinity) && affinity_after_node(shape, then.as_ref(), &facts)
    }

    /// Whether pods of a group should be tried again since a node with these facts is gone.
    pub fn after_node_gone(&self, group: &Group, gone: &Seat) -> bool {
        if !self.are_on() {
            return ClusterEvent::NodeDelete.concerns(group.rejectors);
        }
        let shape = &self.view.cluster.shapes[group.shape];
        group.rejectors.contains(Plugin::PodTopologySpread)
            && hard(shape).all(|rule| gone.labels.get(rule.topology_key).is_some())
    }

    /// Whether pods of a group should be tried again after this event of another pod.
    pub fn after_pod(&self, group: &Group, pod: PodId, event: PodEvent) -> bool {
        let cluster = self.view.cluster;
        let (shape, other) = (&cluster.shapes[group.shape], cluster.shape(pod));
        let asks = |plugin| group.rejectors.contains(plugin);
        let left = event == PodEvent::Left;
        if !self.are_on() {
            let (version, rejectors) = (self.view.spec.version, group.rejectors);
            let names = self.view.names();
            return if left {
                ClusterEvent::PodDelete.concerns(rejectors)
            } else {
                ClusterEvent::PodAdd.concerns(rejectors)
                    && woken_by_placement(version, rejectors, shape, other, &names)
            };
        }
        let any = self.profiles.of(shape).options.well_known.every_address;
        let shares_port = || {
            let wanted = &shape.host_ports;
            wanted
                .iter()
                .any(|one| other.host_ports.iter().any(|two| ports_conflict(one, two, any)))
        };
        left && asks(Plugin::NodeResourcesFit)
            || left && asks(Plugin::NodePorts) && shares_port()
            || left && asks(Plugin::NodeVolumeLimits) && other.volumes.data_disks > 0
            || asks(Plugin::PodTopologySpread) && self.spread_after_pod(shape, other)
            || asks(Plugin::InterPodAffinity) && self.affinity_after_pod(shape, other, event)
    }

    fn spread_after_pod(&self, shape: &PodShape, other: &PodShape) -> bool {
        let symbols = &self.view.cluster.symbols;
        shape.namespace == other.namespace
            && hard(shape).any(|rule| {
                let selector = rule.selector.as_ref();
                selector.is_some_and(|selector| matches_labels(selector, &other.labels, symbols))
            })
    }

    fn affinity_after_pod(&self, shape: &PodShape, other: &PodShape, event: PodEvent) -> bool {
        let names = self.view.names();
        let own = &shape.pod_affinity;
        let selects = |term| term_matches(term, shape.namespace, other, &names);
        match event {
            PodEvent::Placed => !own.required.is_empty() && own.required.iter().all(selects),
            PodEvent::Left => {
                let opposed = |term| term_matches(term, other.namespace, shape, &names);
                own.anti_required.iter().any(selects)
                    || other.pod_affinity.anti_required.iter().any(opposed)
            }
        }
    }
}

/// Whether a condition holds now and did not before (a new node: holds).
fn became(
    before: Option<&NodeFacts<'_>>,
    now: &NodeFacts<'_>,
    holds: impl Fn(&NodeFacts<'_>) -> bool,
) -> bool {
    holds(now) && before.is_none_or(|before| !holds(before))
}

/// Whether anything that the shape asks for grew.
fn grew(shape: &PodShape, before: &Resources, now: &Resources) -> bool {
    let need = shape.requests_alone();
    let more = |need: i64, before: i64, now: i64| need > 0 && now > before;
    now.pods > before.pods
        || more(need.cpu_milli, before.cpu_milli, now.cpu_milli)
        || more(need.memory, before.memory, now.memory)
        || more(need.ephemeral, before.ephemeral, now.ephemeral)
        || (0..MAX_EXTENDED)
            .any(|id| more(need.extended[id], before.extended[id], now.extended[id]))
}

fn hard(shape: &PodShape) -> impl Iterator<Item = &SpreadConstraint> {
    shape.spread.iter().filter(|rule| rule.when == WhenUnsatisfiable::DoNotSchedule)
}

fn spread_after_node(
    shape: &PodShape,
    before: Option<&NodeFacts<'_>>,
    now: &NodeFacts<'_>,
) -> bool {
    let counts = |facts: &NodeFacts<'_>| {
        hard(shape).all(|rule| facts.labels.get(rule.topology_key).is_some())
    };
    let Some(before) = before else { return counts(now) };
    let moved = hard(shape)
        .any(|rule| before.labels.get(rule.topology_key) != now.labels.get(rule.topology_key));
    (counts(before) || counts(now)) && (moved || before.taints != now.taints)
}

fn affinity_after_node(
    shape: &PodShape,
    before: Option<&NodeFacts<'_>>,
    now: &NodeFacts<'_>,
) -> bool {
    let own = &shape.pod_affinity;
    let Some(before) = before else { return true };
    let mut keys = own.required.iter().chain(&own.anti_required).map(|term| term.topology_key);
    keys.any(|key| before.labels.get(key) != now.labels.get(key))
        || (own.required.is_empty() && before.labels != now.labels)
}

//! The scheduler's filters in their default order. The first failure names the plugin.
//!
//! Source: kubernetes `pkg/scheduler/apis/config/v1/default_plugins.go` and the plugins named in
//! the other files of this folder, v1.36.2.

use super::fit::{Shortage, shortage, too_small};
use super::node_affinity::{any_term, fits_node_affinity};
use super::pod_affinity::{AffinityRule, RequiredPodAffinity};
use super::port::ports_free;
use super::snapshot::{Names, NodeFacts, PlacedPod, Snapshot, WellKnown};
use super::spread::{HardSpread, SpreadFailure};
use super::taint::{tolerates, untolerated};
use super::volume::{in_other_zone, over_disk_limit};
use crate::model::{NodeAffinity, PodShape, Taint, TaintEffect};
use crate::unit::{Symbol, Symbols};

/// A plugin of the default profile that filters, in filter order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Plugin {
    /// `spec.unschedulable`
    NodeUnschedulable,
    /// `spec.nodeName`
    NodeName,
    /// Taints
    TaintToleration,
    /// Node selector and affinity
    NodeAffinity,
    /// Host ports
    NodePorts,
    /// Requests
    NodeResourcesFit,
    /// Attach limits
    NodeVolumeLimits,
    /// Zonal disks
    VolumeBinding,
    /// Topology spread
    PodTopologySpread,
    /// Inter-pod affinity
    InterPodAffinity,
}

impl Plugin {
    /// All of them, in filter order.
    pub const ALL: [Self; 10] = [
        Self::NodeUnschedulable,
        Self::NodeName,
        Self::TaintToleration,
        Self::NodeAffinity,
        Self::NodePorts,
        Self::NodeResourcesFit,
        Self::NodeVolumeLimits,
        Self::VolumeBinding,
        Self::PodTopologySpread,
        Self::InterPodAffinity,
    ];

    /// Upstream's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NodeUnschedulable => "NodeUnschedulable",
            Self::NodeName => "NodeName",
            Self::TaintToleration => "TaintToleration",
            Self::NodeAffinity => "NodeAffinity",
            Self::NodePorts => "NodePorts",
            Self::NodeResourcesFit => "NodeResourcesFit",
            Self::NodeVolumeLimits => "NodeVolumeLimits",
            Self::VolumeBinding => "VolumeBinding",
            Self::PodTopologySpread => "PodTopologySpread",
            Self::InterPodAffinity => "InterPodAffinity",
        }
    }
}

/// Some of the plugins that filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginSet(u16);

impl PluginSet {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// One of them.
    pub const fn of(plugin: Plugin) -> Self {
        Self(1 << plugin as u8)
    }

    /// Adds a plugin.
    pub fn insert(&mut self, plugin: Plugin) {
        self.0 |= 1 << plugin as u8;
    }

    /// Whether a plugin is in it.
    pub const fn contains(self, plugin: Plugin) -> bool {
        self.0 & (1 << plugin as u8) != 0
    }

    /// Whether none is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What exactly failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The plugin's name says it all.
    None,
    /// The first untolerated taint.
    Taint(Taint),
    /// What is short.
    Short(Shortage),
    /// Which rule of inter-pod affinity.
    Affinity(AffinityRule),
}

/// Why a pod may not go to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The plugin that said so first.
    pub plugin: Plugin,
    /// `UnschedulableAndUnresolvable`: preempting pods on the node would not help.
    pub unresolvable: bool,
    /// What exactly failed.
    pub detail: Detail,
}

impl Failure {
    const fn of(plugin: Plugin, unresolvable: bool) -> Self {
        Self { plugin, unresolvable, detail: Detail::None }
    }
}

/// Settings of the filters.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterOptions {
    /// Well-known names.
    pub well_known: WellKnown,
    /// A request larger than the empty node is unresolvable (from 1.34).
    pub too_small_is_unresolvable: bool,
    /// Bit i set: extended resource i is not looked at (`ignoredResources`).
    pub ignored_extended: u8,
    /// The profile's `addedAffinity`.
    pub added_affinity: NodeAffinity,
    /// Plugins that do not filter.
    pub off: PluginSet,
}

impl FilterOptions {
    /// Whether a plugin filters.
    pub const fn filters(&self, plugin: Plugin) -> bool {
        !self.off.contains(plugin)
    }

    /// The default profile of 1.`minor`.
    pub fn of_version(minor: u16, well_known: WellKnown) -> Self {
        Self {
            well_known,
            too_small_is_unresolvable: minor >= 34,
            ignored_extended: 0,
            added_affinity: NodeAffinity::default(),
            off: PluginSet::NONE,
        }
    }
}

/// The first failure of the filters that look at one node alone.
pub fn node_failure(
    shape: &PodShape,
    node: &NodeFacts<'_>,
    symbols: &Symbols,
    options: &FilterOptions,
) -> Option<Failure> {
    static_failure(shape, node, symbols, options).or_else(|| room_failure(shape, node, options))
}

/// The first failure of those that do not depend on the pods of the node.
fn static_failure(
    shape: &PodShape,
    node: &NodeFacts<'_>,
    symbols: &Symbols,
    options: &FilterOptions,
) -> Option<Failure> {
    if options.filters(Plugin::NodeUnschedulable)
        && node.unschedulable
        && !tolerates_cordon(shape, options.well_known.unschedulable)
    {
        return Some(Failure::of(Plugin::NodeUnschedulable, true));
    }
    if options.filters(Plugin::TaintToleration)
        && let Some(&taint) = untolerated(node.taints, &shape.tolerations)
    {
        let detail = Detail::Taint(taint);
        return Some(Failure { plugin: Plugin::TaintToleration, unresolvable: true, detail });
    }
    if options.filters(Plugin::NodeAffinity)
        && !(any_term(&options.added_affinity.required, node, symbols)
            && fits_node_affinity(shape, node, symbols))
    {
        return Some(Failure::of(Plugin::NodeAffinity, true));
    }
    None
}

/// The first failure of those that ask for room on the node.
fn room_failure(
    shape: &PodShape,
    node: &NodeFacts<'_>,
    options: &FilterOptions,
) -> Option<Failure> {
    let known = &options.well_known;
    if options.filters(Plugin::NodePorts)
        && !ports_free(&shape.host_ports, &node.used.ports, known.every_address)
    {
        return Some(Failure::of(Plugin::NodePorts, false));
    }
    if options.filters(Plugin::NodeResourcesFit)
        && let Some(failure) = fit_failure(shape, node, options)
    {
        return Some(failure);
    }
    let (limits, binds) =
        (options.filters(Plugin::NodeVolumeLimits), options.filters(Plugin::VolumeBinding));
    if limits && over_disk_limit(&shape.volumes, node) {
        return Some(Failure::of(Plugin::NodeVolumeLimits, false));
    }
    if binds && in_other_zone(&shape.volumes, node, known.zone) {
        return Some(Failure::of(Plugin::VolumeBinding, true));
    }
    None
}

/// Whether the request finds room on the node.
fn fit_failure(shape: &PodShape, node: &NodeFacts<'_>, options: &FilterOptions) -> Option<Failure> {
    let ignored = options.ignored_extended;
    let opened = shape.device_share.filter(|&share| !node.used.shared.has_room(share));
    let opening = opened.map(|_| shape.requests_alone());
    let request = opening.as_ref().unwrap_or(&shape.requests);
    let short = shortage(request, &node.used.requests, node.allocatable, ignored);
    if short.is_empty() {
        return None;
    }
    let unresolvable =
        options.too_small_is_unresolvable && too_small(request, node.allocatable, ignored);
    let detail = Detail::Short(short);
    Some(Failure { plugin: Plugin::NodeResourcesFit, unresolvable, detail })
}

/// Whether a pod goes to cordoned nodes (pods of DaemonSets do).
pub(super) fn tolerates_cordon(shape: &PodShape, unschedulable: Symbol) -> bool {
    let taint = Taint { key: unschedulable, value: Symbol::EMPTY, effect: TaintEffect::NoSchedule };
    shape.tolerations.iter().any(|toleration| tolerates(toleration, &taint))
}

/// What the filters of a shape need to know beyond the node at hand. Count it once
/// ([`ClusterWide::of`]), keep it true ([`ClusterWide::pod_changed`]), count again when nodes come,
/// go or change labels or taints.
#[derive(Clone, Debug, Default)]
pub struct ClusterWide {
    spread: Option<HardSpread>,
    affinity: Option<RequiredPodAffinity>,
}

impl ClusterWide {
    /// Counts a cluster: O(nodes and pods), or O(1) where the shape has neither hard spread nor
    /// required affinity and `anti_affinity_placed` is false.
    pub fn of(
        shape: &PodShape,
        snapshot: &impl Snapshot,
        names: &Names<'_>,
        anti_affinity_placed: bool,
    ) -> Self {
        let affinity = RequiredPodAffinity::applies(shape, anti_affinity_placed)
            .then(|| RequiredPodAffinity::of(shape, snapshot, names))
            .flatten();
        Self { spread: HardSpread::of(shape, snapshot, names.symbols), affinity }
    }

    /// PodTopologySpread does not filter.
    pub fn forget_spread(&mut self) {
        self.spread = None;
    }

    /// InterPodAffinity does not filter.
    pub fn forget_affinity(&mut self) {
        self.affinity = None;
    }

    /// Whether no filter needs it: verdicts depend on the node alone.
    pub fn is_trivial(&self) -> bool {
        self.spread.is_none() && self.affinity.is_none()
    }

    /// Whether placed pods of another shape count for any filter of the shape.
    pub fn counts(shape: &PodShape, other: &PodShape, names: &Names<'_>) -> bool {
        HardSpread::counts(shape, other, names.symbols)
            || RequiredPodAffinity::counts(shape, other, names)
    }

    /// A pod came to (`delta` 1) or left (-1) a node. For a pod that starts terminating there is
    /// [`ClusterWide::pod_terminates`]; when it leaves the node later, say so with `terminating`.
    pub fn pod_changed(
        &mut self,
        shape: &PodShape,
        pod: &PlacedPod<'_>,
        node: &NodeFacts<'_>,
        delta: i64,
        names: &Names<'_>,
    ) {
        if let Some(spread) = &mut self.spread {
            spread.pod_changed(shape, pod, node, delta, names.symbols);
        }
        if let Some(affinity) = &mut self.affinity {
            affinity.pod_changed(shape, pod.shape, node, delta, names);
        }
    }

    /// A pod on a node starts terminating: from now on it does not count for spread.
    pub fn pod_terminates(
        &mut self,
        shape: &PodShape,
        pod: &PodShape,
        node: &NodeFacts<'_>,
        names: &Names<'_>,
    ) {
        if let Some(spread) = &mut self.spread {
            let running = PlacedPod { shape: pod, terminating: false };
            spread.pod_changed(shape, &running, node, -1, names.symbols);
        }
    }

    /// The first failure of the filters that look at the cluster.
    pub fn failure(&self, shape: &PodShape, node: &NodeFacts<'_>) -> Option<Failure> {
        let spread = self.spread.as_ref().and_then(|spread| spread.failure(shape, node));
        if let Some(failure) = spread {
            let unresolvable = failure == SpreadFailure::MissingLabel;
            return Some(Failure::of(Plugin::PodTopologySpread, unresolvable));
        }
        let rule = self.affinity.as_ref()?.failure(shape, node)?;
        Some(Failure {
            plugin: Plugin::InterPodAffinity,
            unresolvable: rule == AffinityRule::Affinity,
            detail: Detail::Affinity(rule),
        })
    }
}

/// The first filter, in the default order, that keeps a pod of this shape off this node.
pub fn first_failure(
    shape: &PodShape,
    node: &NodeFacts<'_>,
    cluster: &ClusterWide,
    symbols: &Symbols,
    options: &FilterOptions,
) -> Option<Failure> {
    node_failure(shape, node, symbols, options).or_else(|| cluster.failure(shape, node))
}

//! A what-if picture of the cluster: real nodes, imagined ones, pods that were moved in thought.
//! Fork, revert and commit cost no more than the changes (`pkg/simulator/clustersnapshot`).

use rustc_hash::FxHashMap;

use super::glance::{Glance, Load, Sight};
use super::pods::is_expendable;
use super::round_robin::Gaps;
use super::spec::AutoscalerSpec;
use super::view::{GroupView, Template, View};
use crate::model::{Labels, Node, PodPhase, PodShape, Taint, TaintEffect, Usage};
use crate::rules::{
    ClusterWide, Failure, NodeFacts, PlacedPod, Snapshot as Counted, fits, node_failure,
};
use crate::unit::{NodeId, PodId, PoolId, Resources, ShapeId, SimTime, Symbol};

/// Position of a node that is not in the snapshot.
const NOWHERE: u32 = u32::MAX;

/// A pod on a node of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Specification.
    pub shape: ShapeId,
    /// The pod; `None` for pods of templates.
    pub pod: Option<PodId>,
    /// Told to stop.
    pub terminating: bool,
}

/// Where a node of the snapshot comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A registered node.
    Real(NodeId),
    /// An upcoming copy of a group's template, by number.
    Upcoming(PoolId, u32),
    /// A node that an estimate adds.
    Estimated(u32),
}

/// Usage of a node as far as it differs from the cluster's.
#[derive(Clone, Debug, Default)]
struct Laid {
    usage: Usage,
    pods: Vec<Held>,
}

/// A node that does not exist.
#[derive(Clone, Debug)]
struct Imagined {
    labels: Labels,
    taints: Vec<Taint>,
    capacity: Resources,
    allocatable: Resources,
    max_data_disks: u16,
}

#[derive(Clone, Debug)]
enum Body<'a> {
    Real(&'a Node),
    Imagined(Box<Imagined>),
}

/// State of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// A node.
    There,
    /// A node without pods that takes none: its removal is being simulated.
    Ghost,
    /// No node.
    Gone,
}

#[derive(Clone, Debug)]
struct Slot<'a> {
    origin: Origin,
    name: Symbol,
    body: Body<'a>,
    laid: Option<Box<Laid>>,
    presence: Presence,
    unschedulable: bool,
    load: Load,
}

impl<'a> Slot<'a> {
    /// A node that is there as it is.
    const fn new(origin: Origin, name: Symbol, body: Body<'a>, load: Load) -> Self {
        let (laid, presence, unschedulable) = (None, Presence::There, false);
        Self { origin, name, body, laid, presence, unschedulable, load }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Placed { slot: u32 },
    TakenOff { slot: u32, at: u32, held: Held },
    Presence { slot: u32, before: Presence },
    Added,
}

/// Where a fork began.
#[derive(Clone, Copy, Debug)]
pub struct Fork {
    changes: usize,
}

/// Counts of one shape whose filters look at the whole cluster.
#[derive(Clone, Debug)]
struct WideCount {
    shape: ShapeId,
    structure: u64,
    wide: ClusterWide,
}

/// The picture.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    view: View<'a>,
    slots: Vec<Slot<'a>>,
    /// Of the registered nodes, by position.
    glances: Vec<Glance>,
    /// Taints of nodes that are or were ghosts.
    ghost_taints: FxHashMap<usize, Vec<Taint>>,
    /// Position of each node of the cluster; [`NOWHERE`] for those without a Node object.
    by_node: Vec<u32>,
    /// Registered nodes; imagined ones stand behind them.
    real: usize,
    changes: Vec<Change>,
    live: usize,
    gaps: Gaps,
    structure: u64,
    trivial: Vec<Option<bool>>,
    counts: Vec<WideCount>,
    anti_affinity: bool,
    imagined: u32,
    no_usage: Usage,
}

impl<'a> Snapshot<'a> {
    /// The registered nodes with their pods, less expendable ones. O(nodes).
    pub fn of(spec: &AutoscalerSpec, view: View<'a>) -> Self {
        let cluster = view.cluster;
        let mut snapshot = Self {
            view,
            slots: Vec::with_capacity(cluster.registered.len()),
            glances: Vec::with_capacity(cluster.registered.len()),
            ghost_taints: FxHashMap::default(),
            by_node: vec![NOWHERE; cluster.nodes.len()],
            real: cluster.registered.len(),
            changes: Vec::new(),
            live: 0,
            gaps: Gaps::default(),
            structure: 0,
            trivial: vec![None; cluster.shapes.len()],
            counts: Vec::new(),
            anti_affinity: cluster.shapes.iter().any(|s| !s.pod_affinity.anti_required.is_empty()),
            imagined: 0,
            no_usage: Usage::default(),
        };
        for &id in &cluster.registered {
            let node = &cluster.nodes[id];
            let seen = match view.sights {
                Some(kept) => kept[usize::from(id)],
                None => Sight::of(&view, node),
            };
            let mut glance = seen.glance;
            if glance.gone != SimTime::NEVER {
                // The provider may have noticed since the row was read.
                let group = view.group_of_vm(glance.pool, glance.gone);
                glance.group = group.map(|group| group as u32);
            }
            snapshot.glances.push(glance);
            let slot = Slot::new(Origin::Real(id), seen.name, Body::Real(node), seen.load);
            snapshot.push(Slot { unschedulable: seen.unschedulable, ..slot });
        }
        let expendable = |shape: &PodShape| is_expendable(shape.priority, spec.expendable_cutoff);
        if cluster.shapes.iter().any(expendable) {
            snapshot.drop_pods(|shape| expendable(&cluster.shapes[shape]));
        }
        snapshot.changes.clear();
        snapshot
    }

    fn drop_pods(&mut self, drop: impl Fn(ShapeId) -> bool) {
        for slot in 0..self.slots.len() {
            loop {
                let found = self.held(slot).position(|held| drop(held.shape));
                let Some(at) = found else { break };
                self.take_off_at(slot, at);
            }
        }
    }

    fn push(&mut self, slot: Slot<'a>) -> usize {
        let index = self.slots.len();
        if let Origin::Real(id) = slot.origin {
            self.by_node[usize::from(id)] = index as u32;
        }
        self.slots.push(slot);
        self.live += 1;
        self.structure += 1;
        index
    }

    /// The same picture, the groups' sizes being these.
    pub fn with_groups<'b>(self, groups: &'b [GroupView]) -> Snapshot<'b>
    where
        'a: 'b,
    {
        Snapshot { view: View { groups, ..self.view }, ..self }
    }

    /// The view that this is a picture of.
    pub fn view(&self) -> &View<'a> {
        &self.view
    }

    /// What was read of the registered nodes, by position.
    pub fn glances(&self) -> &[Glance] {
        &self.glances
    }

    /// How full a node is.
    pub fn load(&self, slot: usize) -> Load {
        self.slots[slot].load
    }

    /// Positions in the node list, gone ones too: positions do not move.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Positions without a node.
    pub const fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Nodes that are there.
    pub fn nodes(&self) -> usize {
        self.live
    }

    /// Whether there is a node at a position.
    pub fn is_there(&self, slot: usize) -> bool {
        self.slots[slot].presence == Presence::There
    }

    /// Where the node at a position comes from.
    pub fn origin(&self, slot: usize) -> Origin {
        self.slots[slot].origin
    }

    /// The position of a registered node that is there.
    pub fn slot_of(&self, node: NodeId) -> Option<usize> {
        let slot = *self.by_node.get(usize::from(node))?;
        (slot != NOWHERE && self.is_there(slot as usize)).then_some(slot as usize)
    }

    /// The position of a node that is there, by origin. O(1) for real ones.
    pub fn slot_of_origin(&self, origin: Origin) -> Option<usize> {
        match origin {
            Origin::Real(node) => self.slot_of(node),
            _ => (self.real..self.slots.len())
                .find(|&slot| self.slots[slot].origin == origin && self.is_there(slot)),
        }
    }

    /// The pods on a node.
    pub fn held(&self, slot: usize) -> impl Iterator<Item = Held> + '_ {
        let slot = &self.slots[slot];
        let (laid, real) = match (&slot.laid, &slot.body) {
            (Some(laid), _) => (laid.pods.as_slice(), [].as_slice()),
            (None, Body::Real(node)) => ([].as_slice(), node.used.pods.as_slice()),
            (None, Body::Imagined(_)) => ([].as_slice(), [].as_slice()),
        };
        let cluster = self.view.cluster;
        laid.iter().copied().chain(real.iter().map(move |&pod| {
            let row = &cluster.pods[pod];
            let terminating = row.phase == PodPhase::Terminating;
            Held { shape: row.shape, pod: Some(pod), terminating }
        }))
    }

    /// What filters see of a node.
    pub fn facts(&self, slot: usize) -> NodeFacts<'_> {
        let at = slot;
        let slot = &self.slots[slot];
        let used = match (&slot.laid, &slot.body) {
            (Some(laid), _) => &laid.usage,
            (None, Body::Real(node)) => &node.used,
            (None, Body::Imagined(_)) => &self.no_usage,
        };
        let mut facts = match &slot.body {
            Body::Real(node) => NodeFacts::with_usage(node, used),
            Body::Imagined(node) => NodeFacts {
                name: slot.name,
                labels: &node.labels,
                taints: &node.taints,
                unschedulable: false,
                allocatable: &node.allocatable,
                used,
                max_data_disks: node.max_data_disks,
            },
        };
        if slot.presence == Presence::Ghost {
            facts.taints = self.ghost_taints.get(&at).map_or(&[], Vec::as_slice);
        }
        facts
    }

    /// Size of a node.
    pub fn capacity(&self, slot: usize) -> &Resources {
        match &self.slots[slot].body {
            Body::Real(node) => &node.capacity,
            Body::Imagined(node) => &node.capacity,
        }
    }

    /// Whether quotas count a node: virtual ones they do not.
    pub fn is_counted(&self, slot: usize) -> bool {
        match &self.slots[slot].body {
            Body::Real(node) => self.view.words.is_counted(&node.labels),
            Body::Imagined(_) => true,
        }
    }

    /// The pool of a node.
    pub fn pool(&self, slot: usize) -> Option<PoolId> {
        match self.slots[slot].origin {
            Origin::Real(_) => self.glances[slot].pool,
            Origin::Upcoming(pool, _) => Some(pool),
            Origin::Estimated(_) => None,
        }
    }

    /// Adds an imagined node with the pods of its template. Its hostname is a name of its own.
    pub fn add(&mut self, origin: Origin, template: &Template) -> usize {
        // Names of imagined nodes count down from the last symbol, so that they meet no real one.
        let name = Symbol(u32::MAX - self.imagined);
        self.imagined += 1;
        let mut labels = template.labels.clone();
        labels.set(self.view.words.hostname, name);
        let body = Body::Imagined(Box::new(Imagined {
            labels,
            taints: template.taints.clone(),
            capacity: template.capacity,
            allocatable: template.allocatable,
            max_data_disks: template.max_data_disks,
        }));
        let load = Load::of(&template.allocatable, &self.no_usage);
        let slot = self.push(Slot::new(origin, name, body, load));
        self.changes.push(Change::Added);
        for &shape in &template.pods {
            self.place(slot, Held { shape, pod: None, terminating: false });
        }
        slot
    }

    /// Begins a fork.
    pub fn fork(&self) -> Fork {
        Fork { changes: self.changes.len() }
    }

    /// Takes back everything since a fork.
    pub fn revert(&mut self, fork: Fork) {
        while self.changes.len() > fork.changes {
            match self.changes.pop().expect("longer than the fork") {
                Change::Placed { slot } => {
                    let last = self.laid(slot as usize).pods.len() - 1;
                    self.unlay(slot as usize, last);
                }
                Change::TakenOff { slot, at, held } => {
                    self.lay(slot as usize, at as usize, held);
                }
                Change::Presence { slot, before } => self.be(slot as usize, before),
                Change::Added => {
                    let slot = self.slots.pop().expect("was added");
                    self.live -= usize::from(slot.presence != Presence::Gone);
                    self.gaps.close(self.slots.len());
                    self.imagined -= 1;
                    self.structure += 1;
                }
            }
        }
    }

    /// Puts a pod on a node.
    pub fn place(&mut self, slot: usize, held: Held) {
        let at = self.laid(slot).pods.len();
        self.lay(slot, at, held);
        self.changes.push(Change::Placed { slot: slot as u32 });
    }

    /// Takes all pods off a node.
    pub fn empty(&mut self, slot: usize) {
        while self.held(slot).next().is_some() {
            let last = self.laid(slot).pods.len() - 1;
            self.take_off_at(slot, last);
        }
    }

    fn take_off_at(&mut self, slot: usize, at: usize) {
        let held = self.unlay(slot, at);
        self.changes.push(Change::TakenOff { slot: slot as u32, at: at as u32, held });
    }

    /// Makes a node a ghost: it takes no pods and still counts as a domain.
    pub fn make_ghost(&mut self, slot: usize) {
        let mut taints = self.facts(slot).taints.to_vec();
        let key = self.view.words.to_be_deleted;
        taints.push(Taint { key, value: Symbol::EMPTY, effect: TaintEffect::NoSchedule });
        self.ghost_taints.insert(slot, taints);
        self.change_presence(slot, Presence::Ghost);
    }

    /// Takes a node away.
    pub fn remove(&mut self, slot: usize) {
        self.change_presence(slot, Presence::Gone);
    }

    fn change_presence(&mut self, slot: usize, presence: Presence) {
        let before = self.slots[slot].presence;
        self.changes.push(Change::Presence { slot: slot as u32, before });
        self.be(slot, presence);
    }

    fn be(&mut self, slot: usize, presence: Presence) {
        let before = std::mem::replace(&mut self.slots[slot].presence, presence);
        self.live -= usize::from(before != Presence::Gone);
        self.live += usize::from(presence != Presence::Gone);
        if presence == Presence::Gone {
            self.gaps.open(slot)
        } else {
            self.gaps.close(slot)
        }
        self.structure += 1;
    }

    /// The usage of a node as the snapshot's own.
    fn laid(&mut self, slot: usize) -> &mut Laid {
        if self.slots[slot].laid.is_none() {
            let pods = self.held(slot).collect();
            let usage = match &self.slots[slot].body {
                Body::Real(node) => Usage {
                    pods: Vec::new(),
                    ports: node.used.ports.clone(),
                    shared: node.used.shared.clone(),
                    ..node.used
                },
                Body::Imagined(_) => Usage::default(),
            };
            self.slots[slot].laid = Some(Box::new(Laid { usage, pods }));
        }
        self.slots[slot].laid.as_mut().expect("just set")
    }

    fn lay(&mut self, slot: usize, at: usize, held: Held) {
        let shape = &self.view.cluster.shapes[held.shape];
        let laid = self.laid(slot);
        laid.pods.insert(at, held);
        laid.usage.requests += &shape.requests_alone();
        laid.usage.data_disks += u32::from(shape.volumes.data_disks);
        laid.usage.ports.extend_from_slice(&shape.host_ports);
        self.weigh(slot);
        self.recount(slot, held, 1);
    }

    fn unlay(&mut self, slot: usize, at: usize) -> Held {
        let laid = self.laid(slot);
        let held = laid.pods.remove(at);
        let shape = &self.view.cluster.shapes[held.shape];
        let laid = self.laid(slot);
        laid.usage.requests -= &shape.requests_alone();
        laid.usage.data_disks -= u32::from(shape.volumes.data_disks);
        for port in &shape.host_ports {
            if let Some(at) = laid.usage.ports.iter().position(|used| used == port) {
                laid.usage.ports.swap_remove(at);
            }
        }
        self.weigh(slot);
        self.recount(slot, held, -1);
        held
    }

    fn weigh(&mut self, slot: usize) {
        let facts = self.facts(slot);
        self.slots[slot].load = Load::of(facts.allocatable, facts.used);
    }

    /// Keeps cluster-wide counts true when a pod comes or goes.
    fn recount(&mut self, slot: usize, held: Held, delta: i64) {
        if self.counts.is_empty() {
            return;
        }
        let mut counts = std::mem::take(&mut self.counts);
        let shapes = &self.view.cluster.shapes;
        let pod = PlacedPod { shape: &shapes[held.shape], terminating: held.terminating };
        let (facts, names) = (self.facts(slot), self.view.names());
        for count in counts.iter_mut().filter(|count| count.structure == self.structure) {
            count.wide.pod_changed(&shapes[count.shape], &pod, &facts, delta, &names);
        }
        self.counts = counts;
    }

    /// Whether the verdict on a shape depends on the node alone.
    pub fn is_trivial(&mut self, shape: ShapeId) -> bool {
        let index = usize::from(shape);
        if let Some(known) = self.trivial[index] {
            return known;
        }
        let own = &self.view.cluster.shapes[shape];
        let none = Live { snapshot: self, slots: Vec::new() };
        let trivial = !self.anti_affinity
            && own.pod_affinity.required.is_empty()
            && ClusterWide::of(own, &none, &self.view.names(), false).is_trivial();
        self.trivial[index] = Some(trivial);
        trivial
    }

    /// The first filter that keeps a shape off a node.
    pub fn failure(&mut self, shape: ShapeId, slot: usize) -> Option<Failure> {
        let own = &self.view.cluster.shapes[shape];
        let facts = self.facts(slot);
        let failure = node_failure(own, &facts, &self.view.cluster.symbols, self.view.filters);
        if failure.is_some() || self.is_trivial(shape) {
            return failure;
        }
        let at = self.count_of(shape);
        self.counts[at].wide.failure(own, &self.facts(slot))
    }

    /// Whether a shape may go to a node.
    pub fn fits(&mut self, shape: ShapeId, slot: usize) -> bool {
        let requests = &self.view.cluster.shapes[shape].requests;
        if self.slots[slot].load.is_short_of(requests) {
            return false;
        }
        let facts = self.facts(slot);
        fits(requests, &facts.used.requests, facts.allocatable)
            && self.failure(shape, slot).is_none()
    }

    /// The cluster-wide counts of a shape, counted again if nodes have come or gone.
    fn count_of(&mut self, shape: ShapeId) -> usize {
        let known = self.counts.iter().position(|count| count.shape == shape);
        if let Some(at) = known
            && self.counts[at].structure == self.structure
        {
            return at;
        }
        let slots =
            (0..self.slots.len()).filter(|&slot| self.slots[slot].presence != Presence::Gone);
        let live = Live { snapshot: self, slots: slots.collect() };
        let own = &self.view.cluster.shapes[shape];
        let wide = ClusterWide::of(own, &live, &self.view.names(), self.anti_affinity);
        let count = WideCount { shape, structure: self.structure, wide };
        match known {
            Some(at) => {
                self.counts[at] = count;
                at
            }
            None => {
                self.counts.push(count);
                self.counts.len() - 1
            }
        }
    }

    /// Whether a node that is there and not cordoned takes a shape.
    pub fn takes(&mut self, shape: ShapeId, slot: usize) -> bool {
        self.is_there(slot) && !self.slots[slot].unschedulable && self.fits(shape, slot)
    }
}

/// The nodes of a snapshot that are there, ghosts too.
struct Live<'s, 'a> {
    snapshot: &'s Snapshot<'a>,
    slots: Vec<usize>,
}

impl Counted for Live<'_, '_> {
    fn node_count(&self) -> usize {
        self.slots.len()
    }

    fn node(&self, index: usize) -> NodeFacts<'_> {
        self.snapshot.facts(self.slots[index])
    }

    fn pods(&self, index: usize) -> impl Iterator<Item = PlacedPod<'_>> {
        let shapes = &self.snapshot.view.cluster.shapes;
        self.snapshot.held(self.slots[index]).map(move |held| PlacedPod {
            shape: &shapes[held.shape],
            terminating: held.terminating,
        })
    }
}

//! Scans of the autoscaler written down while a run goes on: one line of JSON each, with what has
//! changed since the line before (a JSON merge patch, RFC 7386), and everything every so often.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::capacity::autoscaler_view;
use super::world::World;
use crate::control::autoscaler::recorded::{
    RecordNames, Writer, decision, instant, write_memory, write_options,
};
use crate::control::autoscaler::{Autoscaler, Scan, View, run_once};
use crate::model::{Node, Pod, ProvisioningFailure};
use crate::plan::Plan;
use crate::unit::{Lots, NodeId, PodId, PoolId, ShapeId, SimTime};

/// Scans from one full picture to the next.
const KEYFRAME_EVERY: u64 = 100;

/// Room that is kept for the last line.
const RESERVE: u64 = 256;

/// How a log came to its end.
#[derive(Debug, Default)]
pub enum LogEnd {
    /// With the run.
    #[default]
    Complete,
    /// At its limit, after this scan.
    Limit(u64),
    /// It could not be written.
    Failed(io::Error),
}

/// Where scans are written.
pub struct DecisionLog {
    out: Box<dyn Write + Send>,
    every_scan: bool,
    limit: u64,
    bytes: u64,
    scans: u64,
    recorded: u64,
    names: RecordNames,
    seen: Seen,
    registrations: Registrations,
    end: LogEnd,
}

/// What the last line left readers with.
#[derive(Default)]
struct Seen {
    shapes: BTreeSet<ShapeId>,
    nodes: BTreeMap<NodeId, SeenNode>,
    pods: BTreeMap<PodId, Pod>,
    rest: Map<String, Value>,
}

struct SeenNode {
    node: Node,
    /// The pool of its group, which it may leave without a change of its own.
    group: Option<PoolId>,
    registration: Option<u64>,
    failure: Option<ProvisioningFailure>,
}

/// Node objects numbered in order of registration.
#[derive(Default)]
struct Registrations {
    numbers: BTreeMap<NodeId, u64>,
    next: u64,
}

impl DecisionLog {
    /// A log of at most `limit` bytes. Without `every_scan`, scans are left out that see no
    /// pending pod and no unneeded node, and do nothing.
    pub fn new(out: Box<dyn Write + Send>, limit: u64, every_scan: bool) -> Self {
        Self {
            out,
            every_scan,
            limit,
            bytes: 0,
            scans: 0,
            recorded: 0,
            names: RecordNames::default(),
            seen: Seen::default(),
            registrations: Registrations::default(),
            end: LogEnd::default(),
        }
    }

    /// Scans written so far.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Writes what is buffered, and says how the log ended.
    pub fn finish(mut self) -> LogEnd {
        match (self.out.flush(), self.end) {
            (Err(error), LogEnd::Complete | LogEnd::Limit(_)) => LogEnd::Failed(error),
            (_, end) => end,
        }
    }

    /// Writes the header.
    pub(super) fn begin(&mut self, plan: &Plan, seed: u64) {
        let text = |symbol| plan.symbols.text(symbol);
        let workloads = plan.workloads.iter();
        self.names = RecordNames {
            workloads: workloads
                .map(|own| format!("{}/{}", text(own.namespace), text(own.name)))
                .collect(),
            extended: plan.extended.clone(),
        };
        self.line(&json!({
            "schema": 1,
            "component": "autoscaler",
            "record": "run_once_recorded",
            "scenario": plan.name,
            "seed": seed,
            "tool_version": env!("CARGO_PKG_VERSION"),
            "scans": if self.every_scan { "all" } else { "active" },
            "keyframe_every": KEYFRAME_EVERY,
            "options": write_options(&plan.autoscaler),
        }));
    }

    /// Writes a scan, if it is to be written.
    pub(super) fn scan(&mut self, seen: &Loop<'_>) {
        self.scans += 1;
        let is_wanted = self.every_scan || seen.is_active();
        if !is_wanted || !matches!(self.end, LogEnd::Complete) {
            return;
        }
        let names = std::mem::take(&mut self.names);
        let writer = Writer { view: seen.view, names: &names };
        let full = self.recorded.is_multiple_of(KEYFRAME_EVERY);
        if full {
            let shapes = std::mem::take(&mut self.seen.shapes);
            self.seen = Seen { shapes, ..Seen::default() };
        }
        self.registrations.update(&seen.view);
        let shapes = self.seen.new_shapes(&writer);
        if !shapes.is_empty() {
            self.line(&json!({ "shapes": shapes }));
        }
        let kind = if full { "keyframe" } else { "changes" };
        let line = json!({
            "scan": self.scans,
            "at_s": instant(seen.now),
            kind: self.seen.changes(&writer, seen, &self.registrations),
            "expect": decision(&writer, seen.scan, seen.after),
        });
        self.names = names;
        if self.line(&line) {
            self.recorded += 1;
        }
    }

    /// Writes a line; false if there was no room for it or it could not be written.
    fn line(&mut self, line: &Value) -> bool {
        if !matches!(self.end, LogEnd::Complete) {
            return false;
        }
        let mut text = line.to_string();
        text.push('\n');
        let full = self.bytes + text.len() as u64 + RESERVE > self.limit;
        if full {
            self.end = LogEnd::Limit(self.scans.saturating_sub(1));
            let why = format!("the limit of {} bytes is reached", self.limit);
            text = format!("{}\n", json!({ "stopped": why, "before_scan": self.scans }));
        }
        self.bytes += text.len() as u64;
        if let Err(error) = self.out.write_all(text.as_bytes()) {
            self.end = LogEnd::Failed(error);
            return false;
        }
        !full
    }
}

/// A loop: what went in and what came out.
pub(super) struct Loop<'a> {
    /// What the autoscaler saw.
    pub view: View<'a>,
    /// Its memory before.
    pub before: &'a Autoscaler,
    /// Its memory after.
    pub after: &'a Autoscaler,
    /// What it did.
    pub scan: &'a Scan,
    /// When.
    pub now: SimTime,
    /// What it drew from.
    pub lots: Lots,
}

impl Loop<'_> {
    /// Whether a pod is pending, a node is unneeded or being deleted, or something was done.
    fn is_active(&self) -> bool {
        let planner = &self.after.planner;
        !self.scan.fates.is_empty()
            || !self.scan.actions.is_empty()
            || !self.scan.failures.is_empty()
            || !planner.unneeded.is_empty()
            || !self.after.ongoing.is_empty()
    }
}

impl Registrations {
    fn update(&mut self, view: &View<'_>) {
        let registered = &view.cluster.registered;
        if registered.len() < self.numbers.len() {
            let there: BTreeSet<NodeId> = registered.iter().copied().collect();
            self.numbers.retain(|node, _| there.contains(node));
        }
        for &node in registered {
            self.numbers.entry(node).or_insert_with(|| {
                self.next += 1;
                self.next
            });
        }
    }
}

impl Seen {
    /// Specifications that no line before had.
    fn new_shapes(&mut self, writer: &Writer<'_>) -> Map<String, Value> {
        let shapes = writer.view.cluster.shapes.ids();
        let new: Vec<ShapeId> = shapes.filter(|&id| self.shapes.insert(id)).collect();
        new.into_iter().map(|id| (Writer::shape_name(id), writer.shape(id))).collect()
    }

    /// The merge patch from the last line to this one.
    fn changes(
        &mut self,
        writer: &Writer<'_>,
        seen: &Loop<'_>,
        registrations: &Registrations,
    ) -> Value {
        let view = &writer.view;
        let mut nodes: BTreeSet<NodeId> = view.cluster.registered.iter().copied().collect();
        let pools = view.groups.iter().map(|group| &view.cluster.pools[group.pool]);
        nodes.extend(pools.flat_map(|pool| pool.instances.iter().copied()));
        nodes.extend(seen.before.ongoing.keys().copied());
        let mut pods: BTreeSet<PodId> = view.cluster.pending.iter().copied().collect();
        pods.extend(nodes.iter().flat_map(|&id| view.cluster.nodes[id].used.pods.iter().copied()));
        let mut changes = self.rest_changes(writer, seen);
        let changed = self.node_changes(writer, &nodes, registrations);
        put(&mut changes, "nodes", changed);
        let changed = self.pod_changes(writer, &pods);
        put(&mut changes, "pods", changed);
        Value::Object(changes)
    }

    fn rest_changes(&mut self, writer: &Writer<'_>, seen: &Loop<'_>) -> Map<String, Value> {
        let view = &writer.view;
        let mut rest = Map::new();
        rest.insert("now_s".to_owned(), instant(seen.now));
        rest.insert("random_key".to_owned(), json!(format!("{:016x}", seen.lots.key())));
        let groups = view.groups.iter();
        let groups = groups.map(|group| (writer.group_name(group.pool), writer.group(group)));
        rest.insert("groups".to_owned(), groups.collect());
        let owners = view.cluster.workloads.enumerate().filter(|(_, row)| !row.pods.is_empty());
        let owners = owners
            .map(|(id, _)| (writer.names.workloads[usize::from(id)].clone(), writer.workload(id)));
        rest.insert("workloads".to_owned(), owners.collect());
        rest.insert("pdbs".to_owned(), writer.budgets());
        rest.insert("namespaces".to_owned(), writer.namespaces());
        rest.insert("memory".to_owned(), write_memory(writer, seen.before));
        let changes = difference(&self.rest, &rest);
        self.rest = rest;
        changes
    }

    fn node_changes(
        &mut self,
        writer: &Writer<'_>,
        nodes: &BTreeSet<NodeId>,
        registrations: &Registrations,
    ) -> Map<String, Value> {
        let view = &writer.view;
        let mut changes = Map::new();
        let write = |id: NodeId, own: &SeenNode| {
            writer.node(id, &own.node, own.group, own.registration, own.failure)
        };
        for gone in missing(&self.nodes, nodes) {
            self.nodes.remove(&gone);
            changes.insert(writer.node_name(gone), Value::Null);
        }
        for &id in nodes {
            let node = &view.cluster.nodes[id];
            let group = view.group_of(node).and(node.pool);
            let registration = registrations.numbers.get(&id).copied();
            let failure = view.failures.get(&id).copied();
            let known = self.nodes.get(&id);
            if known.is_some_and(|known| {
                known.node == *node
                    && known.group == group
                    && known.registration == registration
                    && known.failure == failure
            }) {
                continue;
            }
            let own = SeenNode { node: node.clone(), group, registration, failure };
            let value = write(id, &own);
            let change = match known {
                Some(known) => changed(&write(id, known), &value),
                None => value,
            };
            changes.insert(writer.node_name(id), change);
            self.nodes.insert(id, own);
        }
        changes
    }

    fn pod_changes(&mut self, writer: &Writer<'_>, pods: &BTreeSet<PodId>) -> Map<String, Value> {
        let mut changes = Map::new();
        for gone in missing(&self.pods, pods) {
            self.pods.remove(&gone);
            changes.insert(writer.pod_name(gone), Value::Null);
        }
        for &id in pods {
            let row = writer.view.cluster.pods[id];
            let change = match self.pods.insert(id, row) {
                Some(known) if known == row => continue,
                Some(known) => changed(&writer.pod(id, &known), &writer.pod(id, &row)),
                None => writer.pod(id, &row),
            };
            changes.insert(writer.pod_name(id), change);
        }
        changes
    }
}

/// What was there and is not any more.
fn missing<I: Copy + Ord, T>(known: &BTreeMap<I, T>, there: &BTreeSet<I>) -> Vec<I> {
    known.keys().filter(|id| !there.contains(id)).copied().collect()
}

fn put(changes: &mut Map<String, Value>, key: &str, part: Map<String, Value>) {
    if !part.is_empty() {
        changes.insert(key.to_owned(), Value::Object(part));
    }
}

/// The merge patch from one object to another.
fn difference(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in to {
        match from.get(key) {
            Some(known) if known == value => {}
            Some(known) => {
                patch.insert(key.clone(), changed(known, value));
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    patch
}

fn changed(from: &Value, to: &Value) -> Value {
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => Value::Object(difference(from, to)),
        _ => to.clone(),
    }
}

impl World<'_> {
    /// A scan that nothing has changed for is not run. A log of all scans has it nevertheless,
    /// decided on a copy of the memory.
    pub(super) fn record_idle_scan(&mut self) {
        let lots = self.lots(3, 0);
        let Some(log) = self.decisions.as_mut().filter(|log| log.every_scan) else {
            if let Some(log) = &mut self.decisions {
                log.scans += 1;
            }
            return;
        };
        let view = autoscaler_view(&self.cluster, &self.capacity);
        let before = &self.capacity.autoscaler;
        let mut after = before.clone();
        let scan = run_once(&self.plan.autoscaler, &view, &mut after, self.now, lots);
        log.scan(&Loop { view, before, after: &after, scan: &scan, now: self.now, lots });
    }
}

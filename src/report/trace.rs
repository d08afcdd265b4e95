//! `trace.json`: the run in the Chrome trace event format, for ui.perfetto.dev or chrome://tracing.
//! Nodes, pods and the slowest messages are tracks; what controllers decided stands on theirs;
//! queues and nodes are counters. Times are microseconds of simulated time.
//!
//! Format: "Trace Event Format" of the Chromium project: `M` metadata, `X` complete events with
//! `dur`, `i` instants with scope, `C` counters.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::journal::named;
use crate::record::{NodeRow, Outcome, Panel, PodRow};
use crate::unit::SimTime;
use crate::vocabulary::Cause;

const CONTROLLERS: u32 = 1;
const COUNTERS: u32 = 2;
const MESSAGES: u32 = 3;
/// Pools have processes from here on, then workloads.
const FIRST_POOL: u32 = 10;

/// Writes the file.
pub fn trace_json(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut trace = Trace { outcome, heads: Vec::new(), events: Vec::new() };
    trace.controllers();
    trace.counters();
    trace.messages();
    trace.nodes();
    trace.pods();
    // Viewers take any order; readers of the file like time to go on.
    trace.events.sort_by_key(|(at, _)| *at);
    out.write_all(b"{\"displayTimeUnit\":\"ms\",\"otherData\":")?;
    let other = json!({"scenario": outcome.name, "seed": outcome.seed,
        "start": outcome.start_epoch});
    serde_json::to_writer(&mut *out, &other)?;
    out.write_all(b",\"traceEvents\":[\n")?;
    let events = trace.events.iter().map(|(_, event)| event);
    for (index, event) in trace.heads.iter().chain(events).enumerate() {
        if index > 0 {
            out.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut *out, event)?;
    }
    out.write_all(b"\n]}\n")?;
    out.flush()
}

struct Trace<'o> {
    outcome: &'o Outcome,
    heads: Vec<Value>,
    events: Vec<(SimTime, Value)>,
}

impl Trace<'_> {
    fn process(&mut self, pid: u32, name: &str) {
        self.heads.push(json!({"ph": "M", "name": "process_name", "pid": pid, "tid": 0,
            "args": {"name": name}}));
        self.heads.push(json!({"ph": "M", "name": "process_sort_index", "pid": pid, "tid": 0,
            "args": {"sort_index": pid}}));
    }

    fn thread(&mut self, pid: u32, tid: usize, name: &str) {
        self.heads.push(json!({"ph": "M", "name": "thread_name", "pid": pid, "tid": tid,
            "args": {"name": name}}));
    }

    /// A stretch of time on a track; none of no length.
    fn span(
        &mut self,
        (pid, tid): (u32, usize),
        (from, to): (SimTime, SimTime),
        (category, name): (&str, &str),
        args: Value,
    ) {
        if from < to {
            let event = json!({"ph": "X", "cat": category, "name": name, "pid": pid, "tid": tid,
                "ts": from.micros(), "dur": to.since(from).micros(), "args": args});
            self.events.push((from, event));
        }
    }

    /// What controllers and the provider did or refused.
    fn controllers(&mut self) {
        let outcome = self.outcome;
        let mut actors: Vec<&str> = Vec::new();
        self.process(CONTROLLERS, "decisions");
        for entry in &outcome.journal.entries {
            let actor = entry.actor.name();
            let tid = actors.iter().position(|known| *known == actor).unwrap_or_else(|| {
                actors.push(actor);
                self.thread(CONTROLLERS, actors.len(), actor);
                actors.len() - 1
            });
            let (kind, name) = named(outcome, entry.object);
            let mut args = json!({"kind": kind, "object": name, "reason": entry.reason,
                "detail": entry.detail});
            if let Some((from, to)) = entry.change {
                args["from"] = json!(from);
                args["to"] = json!(to);
            }
            let title = format!("{} {name}", entry.action);
            let event = json!({"ph": "i", "s": "t", "cat": actor, "name": title,
                "pid": CONTROLLERS, "tid": tid + 1, "ts": entry.at.micros(), "args": args});
            self.events.push((entry.at, event));
        }
    }

    /// Levels over time, where they change.
    fn counters(&mut self) {
        let series = &self.outcome.series;
        self.process(COUNTERS, "levels");
        for column in &series.columns {
            let what = match column.panel {
                Panel::QueueDepth => "queue",
                Panel::ReplicasReady => "ready pods",
                Panel::PodsPending => "pending pods",
                Panel::NodesReady => "ready nodes",
                Panel::CostRate => "cost per hour",
                Panel::Addresses => "addresses",
                Panel::Quota => "vCPUs",
                _ => continue,
            };
            let name = format!("{what} {}", column.of);
            let mut last = f64::NAN;
            for (&at, &value) in series.time_s.iter().zip(&column.values) {
                if value != last {
                    let at = SimTime::from_micros((at * 1e6 + 0.5) as u64);
                    let event = json!({"ph": "C", "name": name.trim_end(), "pid": COUNTERS,
                        "tid": 0, "ts": at.micros(), "args": {"value": value}});
                    self.events.push((at, event));
                    last = value;
                }
            }
        }
    }

    /// The slowest messages, cut by what they waited for.
    fn messages(&mut self) {
        let outcome = self.outcome;
        let slowest = outcome.waits.slowest();
        if !slowest.is_empty() {
            self.process(MESSAGES, "slowest messages");
        }
        for (index, message) in slowest.iter().enumerate() {
            let track = (MESSAGES, index + 1);
            let queues = &outcome.queue_names;
            let queue = queues.get(message.queue.0 as usize).map_or("", String::as_str);
            self.thread(track.0, track.1, &format!("{queue} #{}", message.number.0));
            let until = message.arrived + message.wait;
            for part in outcome.waits.of_queue(message.queue, message.arrived, until) {
                let args = json!({"meaning": part.cause.meaning(),
                    "deliveries": message.deliveries});
                self.span(track, (part.from, part.to), ("wait", part.cause.name()), args);
            }
        }
    }

    /// VMs by pool.
    fn nodes(&mut self) {
        let outcome = self.outcome;
        for (pool, name) in outcome.pool_names.iter().enumerate() {
            self.process(FIRST_POOL + pool as u32, &format!("pool {name}"));
        }
        for (index, node) in outcome.node_rows.iter().enumerate() {
            let Some(pool) = node.pool else { continue };
            let track = (FIRST_POOL + pool, index + 1);
            self.thread(track.0, track.1, &node.name);
            self.node(track, node);
        }
    }

    fn node(&mut self, track: (u32, usize), node: &NodeRow) {
        let end = node.gone.unwrap_or(self.outcome.end);
        let running = node.billed_from.unwrap_or(end).min(end);
        let ready = node.ready.unwrap_or(end).clamp(running, end);
        let args = || json!({"zone": node.zone, "price": node.price.units(), "end": node.end});
        self.span(track, (node.requested, running), ("node", "provision"), args());
        self.span(track, (running, ready), ("node", "boot"), args());
        self.span(track, (ready, end), ("node", "ready"), args());
    }

    /// Pods by workload: what each waited for, and how long it ran.
    fn pods(&mut self) {
        let outcome = self.outcome;
        let first = FIRST_POOL + outcome.pool_names.len() as u32;
        let mut used: Vec<u32> = outcome.pod_rows.iter().map(|pod| pod.workload).collect();
        used.sort_unstable();
        used.dedup();
        for &workload in &used {
            let name = outcome.workload_names.get(workload as usize).map_or("", String::as_str);
            self.process(first + workload, &format!("workload {name}"));
        }
        let waits = Self::waits_of_pods(outcome);
        for (index, pod) in outcome.pod_rows.iter().enumerate() {
            let track = (first + pod.workload, index + 1);
            self.thread(track.0, track.1, &pod.name);
            self.pod(track, pod, waits.get(pod.name.as_str()).map_or(&[][..], Vec::as_slice));
        }
    }

    fn pod(&mut self, track: (u32, usize), pod: &PodRow, waits: &[(SimTime, Option<Cause>)]) {
        let end = pod.ended.unwrap_or(self.outcome.end);
        for (index, &(from, cause)) in waits.iter().enumerate() {
            let Some(cause) = cause else { continue };
            let to = waits.get(index + 1).map_or(end, |next| next.0).min(end);
            let args = json!({"meaning": cause.meaning()});
            self.span(track, (from, to), ("wait", cause.name()), args);
        }
        if let Some(ready) = pod.ready {
            let nodes = self.outcome.node_names.as_slice();
            let node = pod.node.and_then(|node| nodes.get(node as usize));
            let args = json!({"node": node, "end": pod.end, "cpuMillicores": pod.cpu_milli,
                "memoryBytes": pod.memory});
            self.span(track, (ready, end), ("pod", "ready"), args);
        }
    }

    /// Changes of cause by name of the pod; pods that share a name have none.
    fn waits_of_pods(outcome: &Outcome) -> BTreeMap<&str, Vec<(SimTime, Option<Cause>)>> {
        let names = outcome.pod_names.as_slice();
        let mut twins: BTreeMap<&str, u32> = BTreeMap::new();
        for name in names {
            *twins.entry(name).or_default() += 1;
        }
        let mut waits: BTreeMap<&str, Vec<(SimTime, Option<Cause>)>> = BTreeMap::new();
        for change in &outcome.waits.pods {
            let Some(name) = names.get(change.pod.0 as usize) else { continue };
            if twins.get(name.as_str()) == Some(&1) {
                waits.entry(name).or_default().push((change.at, change.cause));
            }
        }
        waits
    }
}

//! The state at time zero: warm (everything Ready, nothing counted) or cold (created at time zero).

use std::collections::BTreeSet;

use crate::chance::{Purpose, Stream};
use crate::control::node::{GC_PERIOD, MONITOR_PERIOD};
use crate::control::vpa::INTERVAL;
use crate::model::{Node, NodePhase, PodPhase, Usage};
use crate::plan::{GivenNode, ScalerKind, WorkloadKind};
use crate::sim::attribution::PodWaits;
use crate::sim::event::Event;
use crate::sim::names::key;
use crate::sim::step::Loop;
use crate::sim::usage::RESOLUTION;
use crate::sim::work::Work;
use crate::sim::world::{World, scheduler_view};
use crate::unit::{
    Duration, InstanceId, MAX_EXTENDED, NodeId, PodId, Resources, SimTime, WorkloadId,
};

/// Room on the endless node of `lab.infiniteNodes`: far more than any run asks for, and far from
/// overflow where percentages of it are taken.
const ENDLESS: i64 = 1 << 50;

impl World<'_> {
    /// Sets the world up and schedules the first events.
    pub fn start(&mut self) {
        let price = self.plan.prices.control_plane;
        self.record.control_plane_rate.set(price.0, self.now);
        self.cover_budgets();
        self.add_given_nodes();
        let warm = self.plan.simulation.warm;
        for pool in self.plan.pools.ids() {
            if warm {
                self.add_running_nodes(pool);
            } else {
                let count = self.plan.pools[pool].count;
                // A refusal is in the journal; the autoscaler sees what is missing.
                let _ = self.request_nodes(pool, count);
            }
        }
        for workload in self.plan.workloads.ids() {
            self.create_workload(workload);
        }
        if warm {
            self.place_at_once();
        }
        self.count_budgets();
        self.start_loops();
        self.start_observers();
        self.start_injects();
        self.start_spot();
        if !self.options.no_report {
            self.record.series.columns = self.series_columns();
            self.record.scalers = self.scaler_series();
            self.at(self.now, Event::Sample);
        }
    }

    fn add_given_nodes(&mut self) {
        if self.plan.lab.infinite_nodes {
            let room = Resources {
                cpu_milli: ENDLESS,
                memory: ENDLESS,
                ephemeral: ENDLESS,
                pods: ENDLESS,
                extended: [ENDLESS; MAX_EXTENDED],
            };
            let name = self.cluster.symbols.intern("endless");
            self.add_given_node(&GivenNode {
                name,
                labels: Default::default(),
                taints: Vec::new(),
                capacity: room,
                allocatable: room,
            });
        }
        let plan = self.plan;
        for given in &plan.nodes {
            self.add_given_node(given);
        }
        if let Some(own) = &plan.virtual_node {
            let node = self.add_given_node(&own.node);
            self.groups.node = Some(node);
        }
    }

    fn add_given_node(&mut self, given: &GivenNode) -> NodeId {
        let node = Node {
            name: given.name,
            pool: None,
            instance: InstanceId(0),
            phase: NodePhase::Creating,
            epoch: 0,
            labels: given.labels.clone(),
            taints: given.taints.clone(),
            unschedulable: false,
            capacity: given.capacity,
            allocatable: given.allocatable,
            used: Usage::default(),
            images: Vec::new(),
            requested: self.now,
            registered: SimTime::NEVER,
            ready: SimTime::NEVER,
            condition_changed: self.now,
            gone: SimTime::NEVER,
            max_data_disks: u16::MAX,
            scale_down_disabled: true,
        };
        let id = self.new_node(node);
        self.capacity.given.push(id);
        self.make_ready(id);
        id
    }

    /// Registers a node and makes it Ready, without time passing.
    pub fn make_ready(&mut self, node: NodeId) {
        self.cluster.register_node(node, self.now);
        self.cluster.set_node_phase(node, NodePhase::Ready, self.now);
        self.record.nodes[node].first_ready = Some(self.now);
        self.scheduling.scheduler.node_added(
            scheduler_view(self.plan, &self.cluster),
            node,
            self.now,
        );
        self.count_ready(node, true);
    }

    fn create_workload(&mut self, workload: WorkloadId) {
        let spec = &self.plan.workloads[workload];
        self.cluster.workloads[workload].created = self.now;
        match spec.kind {
            WorkloadKind::DaemonSet => {
                for node in self.cluster.registered.clone() {
                    if self.daemon_runs_on(workload, node) {
                        self.create_daemon_pod(workload, node);
                    }
                }
            }
            WorkloadKind::ScaledJob => {}
            // Pods without a controller that are there from the start; arrivals make the others.
            WorkloadKind::Bare if Work::feeds(self.plan, workload) => {}
            WorkloadKind::Bare => {
                self.cluster.workloads[workload].replicas = spec.replicas;
                for _ in 0..spec.replicas {
                    self.work.finite_pods += u64::from(spec.times.lifetime.is_some());
                    self.create_or_hold(workload, spec.shape, None, None);
                }
            }
            _ => {
                self.cluster.workloads[workload].replicas = spec.replicas;
                self.record.workloads[workload].replicas_max = spec.replicas;
                if self.plan.simulation.warm {
                    for _ in 0..spec.replicas {
                        if !self.admit(workload, spec.shape) {
                            break;
                        }
                        self.create_pod(workload, spec.shape, None);
                    }
                } else {
                    self.sync_workload(workload);
                }
            }
        }
    }

    /// Warm start: the real scheduler places what was created, and no time passes. What fits is
    /// Ready with its images on the node; nothing of it counts.
    fn place_at_once(&mut self) {
        for clock in self.record.pod_clocks.iter_mut() {
            clock.counted = false;
        }
        self.record.pods = Default::default();
        self.record.pod_waits = PodWaits::new();
        self.record.workloads.iter_mut().for_each(|workload| workload.refused = 0);
        // Pods whose container groups are beyond a quota.
        let mut late = Vec::new();
        while let Some((pod, node)) = self.next_placement() {
            let Some(node) = node else {
                self.pod_unschedulable(pod);
                continue;
            };
            self.cluster.assume(pod, node);
            self.usage_joins(node, pod);
            let view = scheduler_view(self.plan, &self.cluster);
            self.scheduling.scheduler.pod_assumed(view, pod, node, self.now);
            self.cluster.bind(pod, self.now);
            if self.is_virtual(Some(node)) && !self.group_at_once(pod) {
                late.push(pod);
                continue;
            }
            let shape = self.cluster.pods[pod].shape;
            for container in self.cluster.shapes[shape].containers.clone() {
                self.image_came(node, container.image);
            }
            self.disks_are_there(pod, node);
            self.cluster.all_containers_started(pod);
        }
        let is_late: BTreeSet<PodId> = late.iter().copied().collect();
        let bound: Vec<PodId> = self
            .cluster
            .pods
            .enumerate()
            .filter(|(pod, row)| row.phase == PodPhase::Starting && !is_late.contains(pod))
            .map(|(pod, _)| pod)
            .collect();
        for pod in late {
            self.begin_start(pod);
        }
        for pod in bound {
            self.watch_taints(pod);
            self.pod_ready(pod);
        }
    }

    /// Control loops begin at their phases.
    fn start_loops(&mut self) {
        let plan = self.plan;
        for (workload, spec) in plan.workloads.enumerate() {
            let name = plan.symbols.text(spec.name);
            match &spec.scaler {
                // Its scaler acts on each change of its queue and has no loop.
                Some(ScalerKind::ScaledObject(_)) if self.plan.lab.instant_scaler.is_some() => {}
                // A paused object has no loop, and its HPA is deleted.
                Some(ScalerKind::ScaledObject(scaled)) if scaled.is_paused() => {
                    self.pause(workload, scaled);
                }
                Some(ScalerKind::ScaledObject(scaled)) => {
                    self.start_polls(workload, name, scaled.polling_interval);
                    self.start_syncs(workload, name);
                }
                Some(ScalerKind::ScaledJob(scaled)) if scaled.paused => {}
                Some(ScalerKind::ScaledJob(scaled)) => {
                    self.start_polls(workload, name, scaled.polling_interval);
                }
                Some(ScalerKind::Hpa { .. }) => self.start_syncs(workload, name),
                None => {}
            }
        }
        let monitor = self.phase("node-monitor", "", MONITOR_PERIOD);
        self.health.monitor_phase = monitor.since(SimTime::ZERO);
        self.health.gc_phase = self.phase("pod-gc", "", GC_PERIOD).since(SimTime::ZERO);
        if self.plan.workloads.iter().any(|workload| workload.uses.is_some()) {
            let first = self.phase("metrics-server", "", RESOLUTION);
            self.at(first, Event::MetricsScrape);
        }
        if !self.vpa.is_empty() {
            let first = self.phase("vpa", "", INTERVAL);
            self.at(first, Event::VpaRound);
        }
        if self.plan.pools.iter().any(|pool| pool.autoscaled) {
            let first = self.phase("autoscaler", "", self.plan.autoscaler.scan_interval);
            self.capacity.next_scan = first;
            self.at(first, Event::AutoscalerScan);
        }
        self.wake_scheduler(self.now);
    }

    fn start_polls(&mut self, workload: WorkloadId, name: &str, interval: Duration) {
        let first = self.phase("keda", name, interval);
        self.start_loop(workload, Loop::Polls, first, interval);
    }

    fn start_syncs(&mut self, workload: WorkloadId, name: &str) {
        let period = self.hpa_settings.sync_period;
        let first = self.phase("hpa", name, period);
        self.start_loop(workload, Loop::Syncs, first, period);
    }

    /// When a loop with this period first runs: U(0, period) keyed by its name, or at once.
    fn phase(&self, kind: &str, name: &str, period: Duration) -> SimTime {
        if !self.plan.timing.random_phases || self.plan.lab.zero_control_delay {
            return self.now;
        }
        let mut stream = Stream::keyed(self.seed, Purpose::Phase, key(kind, name, ""), 0);
        self.now + period.scaled(stream.open_unit())
    }

    fn start_observers(&mut self) {
        self.at(SimTime::ZERO + self.plan.simulation.warmup, Event::WarmupEnd);
        self.at(self.plan.end(), Event::End);
    }
}

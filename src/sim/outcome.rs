//! The outcome, read from the recorder when the run is over.

use crate::model::PodPhase;
use crate::plan::WorkloadKind;
use crate::record::{
    NodeRow, Outcome, PodRow, PoolTotals, QueueWait, WaitLog, WallTotals, WorkloadTotals,
};
use crate::sim::attribution::CauseTotals;
use crate::sim::world::World;
use crate::unit::{Duration, HourlyRate, NodeId, PodId, SimTime};
use crate::vocabulary::Cause;

impl World<'_> {
    /// Closes the books at the present instant.
    pub fn into_outcome(mut self) -> Outcome {
        let message_waits = self.close_messages();
        self.close_pods();
        let pod_waits = self.record.pod_waits.totals(self.now);
        self.sample_waits(message_waits, pod_waits);
        let plan = self.plan;
        let text = |symbol| plan.symbols.text(symbol).to_owned();
        let no_report = self.options.no_report;
        let pod_rows = if no_report { Vec::new() } else { self.pod_rows() };
        let node_rows = if no_report { Vec::new() } else { self.node_rows() };
        let mut pools = self.pool_totals();
        let cost = self.close_bill(&mut pools);
        let named = self.options.journal > crate::record::JournalLevel::Off || !no_report;
        Outcome {
            name: plan.name.clone(),
            seed: self.seed,
            start_epoch: plan.simulation.start_epoch,
            warmup: SimTime::ZERO + plan.simulation.warmup,
            end: self.now,
            fingerprint: self.fingerprint.value(),
            currency: text(plan.prices.currency),
            message_waits,
            pod_waits,
            wait_flows: std::mem::take(&mut self.record.wait_flows.2),
            workloads: self.workload_totals(),
            pools,
            ip: self.subnet_totals(),
            quota: self.quota_totals(),
            cost,
            pod_names: if named {
                self.cluster.pods.ids().map(|pod| self.pod_name(pod)).collect()
            } else {
                Default::default()
            },
            pod_owners: if named {
                self.cluster.pods.iter().map(|pod| pod.workload).collect()
            } else {
                Default::default()
            },
            node_names: self.cluster.nodes.ids().map(|node| self.node_name(node)).collect(),
            pool_names: plan.pools.iter().map(|pool| text(pool.name)).collect(),
            workload_names: plan.workloads.iter().map(|workload| text(workload.name)).collect(),
            queue_names: plan.queues.iter().map(|queue| text(queue.name)).collect(),
            queue_arrivals: self.work.queues.iter().map(|queue| queue.tally().arrived).collect(),
            not_modelled: plan.not_modelled.clone(),
            pod_rows,
            node_rows,
            messages: std::mem::take(&mut self.record.messages),
            pods: std::mem::take(&mut self.record.pods),
            counters: self.record.counters,
            scalers: std::mem::take(&mut self.record.scalers),
            workload_objects: self.workload_objects(),
            series: std::mem::take(&mut self.record.series),
            journal: std::mem::take(&mut self.record.journal),
            waits: self.wait_log(),
        }
    }

    /// The course of waiting of pods and queues.
    fn wait_log(&mut self) -> WaitLog {
        let mut log = self.record.waits.take().unwrap_or_default();
        for queue in self.plan.queues.ids() {
            let course = self.record.queue_clocks[queue].take_course();
            log.queues.extend(course.into_iter().map(|(at, cause)| QueueWait { at, queue, cause }));
        }
        log
    }

    /// Waiting of messages by cause; messages that are still here wait to the end.
    fn close_messages(&mut self) -> CauseTotals {
        let mut totals = [0; Cause::ALL.len()];
        for queue in self.plan.queues.ids() {
            self.close_queue(queue);
            let spent = self.record.queue_clocks[queue].totals(self.now);
            for (total, part) in totals.iter_mut().zip(spent) {
                *total += part;
            }
        }
        self.record.messages.wait_total = totals.iter().sum();
        if self.options.audit {
            self.audit_waits();
        }
        totals
    }

    /// Pods that still wait do so to the end.
    fn close_pods(&mut self) {
        for pod in self.cluster.pods.ids() {
            let row = self.cluster.pods[pod];
            let clock = self.record.pod_clocks[pod];
            if clock.counted && !row.phase.is_over() && row.bound == SimTime::NEVER {
                self.record.pods.censored += 1;
                self.record.pods.pending.add(self.now.since(row.created));
            }
            if clock.cause.is_some() {
                self.set_pod_cause(pod, None);
            }
        }
        self.record.pods.wait_total = self.record.pod_waits.totals(self.now).iter().sum();
    }

    fn workload_totals(&mut self) -> Vec<WorkloadTotals> {
        let now = self.now;
        let (plan, work, loads) = (self.plan, &self.work, &mut self.usage.loads);
        let vpas = &self.vpa;
        self.record
            .workloads
            .iter_mut()
            .zip(plan.workloads.enumerate())
            .filter(|(_, (_, spec))| !spec.system)
            .map(|(record, (id, spec))| {
                let (slots, busy) = spec
                    .consumes
                    .as_ref()
                    .map_or((0, 0), |consumer| work.consumers[consumer.queue].integrals(id, now));
                WorkloadTotals {
                    name: plan.symbols.text(spec.name).to_owned(),
                    replicas_max: record.replicas_max,
                    refused: record.refused,
                    replica_micros: u128::try_from(record.replicas.total(now)).unwrap_or(0),
                    wait: std::mem::take(&mut record.wait),
                    slot_micros: slots,
                    busy_share: if slots > 0 { busy as f64 / slots as f64 } else { 0.0 },
                    vpa: vpas.get(id).map(|memory| memory.totals()),
                    requests: loads[id].as_mut().map(|load| {
                        load.settle(now);
                        let totals = load.totals();
                        (totals.arrived, totals.turned_away)
                    }),
                }
            })
            .collect()
    }

    fn pool_totals(&self) -> Vec<PoolTotals> {
        let now = self.now;
        let share = |(room, asked): &(crate::record::Integral, crate::record::Integral)| {
            let room = room.total(now);
            if room > 0 { asked.total(now) as f64 / room as f64 } else { 0.0 }
        };
        self.plan
            .pools
            .enumerate()
            .map(|(pool, spec)| {
                let record = &self.record.pools[pool];
                PoolTotals {
                    name: self.plan.symbols.text(spec.name).to_owned(),
                    spot: spec.spot,
                    vm_size: self.plan.symbols.text(spec.size.name).to_owned(),
                    requested: record.requested,
                    created: record.created,
                    failed: record.failed,
                    evicted: record.evicted,
                    peak: record.peak,
                    node_micros: u128::try_from(record.billed.total(now)).unwrap_or(0),
                    cpu_requested_share: share(&record.cpu),
                    memory_requested_share: share(&record.memory),
                    cost: record.rate.accrual(now),
                    reserved: Default::default(),
                    savings_plan: Default::default(),
                    disks: record.disks.accrual(now),
                    idle: record.idle.accrual(now),
                    system: record.system.accrual(now),
                }
            })
            .collect()
    }

    fn subnet_totals(&self) -> Vec<WallTotals> {
        self.plan
            .subnets
            .enumerate()
            .map(|(subnet, spec)| {
                let record = &self.record.subnets[subnet];
                WallTotals {
                    name: self.plan.symbols.text(spec.name).to_owned(),
                    capacity: spec.capacity,
                    peak: self.capacity.region.addresses.subnet(subnet).peak,
                    blocked: blocked(record.blocked.total(self.now)),
                }
            })
            .collect()
    }

    fn quota_totals(&self) -> Vec<WallTotals> {
        self.plan
            .quotas
            .enumerate()
            .map(|(quota, spec)| {
                let record = &self.record.quotas[quota];
                WallTotals {
                    name: self.plan.symbols.text(spec.name).to_owned(),
                    capacity: Some(spec.limit),
                    peak: self.capacity.region.quotas.counter(quota).peak,
                    blocked: blocked(record.blocked.total(self.now)),
                }
            })
            .collect()
    }

    /// Name of a pod as its owner makes it.
    pub fn pod_name(&self, pod: PodId) -> String {
        let row = &self.cluster.pods[pod];
        let spec = &self.plan.workloads[row.workload];
        format!("{}-{}", self.plan.symbols.text(spec.name), row.index)
    }

    /// Name of a node.
    pub fn node_name(&self, node: NodeId) -> String {
        self.cluster.symbols.text(self.cluster.nodes[node].name).to_owned()
    }

    fn pod_rows(&self) -> Vec<PodRow> {
        let known = |time: SimTime| (time != SimTime::NEVER).then_some(time);
        self.cluster
            .pods
            .enumerate()
            .filter(|(_, row)| {
                let spec = &self.plan.workloads[row.workload];
                !spec.system && spec.kind != WorkloadKind::DaemonSet
            })
            .map(|(pod, row)| {
                let end = self.record.pod_ends[pod];
                let shape = &self.cluster.shapes[row.shape];
                let bound = row.phase != PodPhase::Pending && row.bound != SimTime::NEVER;
                PodRow {
                    name: self.pod_name(pod),
                    workload: row.workload.0,
                    node: row.node.filter(|_| bound).map(|node| node.0),
                    created: row.created,
                    bound: known(row.bound),
                    ready: known(row.ready),
                    ended: end.at,
                    end: if end.at.is_some() { end.how } else { "" },
                    cpu_milli: shape.requests.cpu_milli,
                    memory: shape.requests.memory,
                    main_cause: self.record.pod_clocks[pod]
                        .longest
                        .map_or("", |(cause, _)| cause.name()),
                }
            })
            .collect()
    }

    /// What a VM paid an hour while it was billed: the mean of prices that changed meanwhile.
    fn mean_price(&self, node: NodeId) -> HourlyRate {
        let (record, row) = (&self.record.nodes[node], &self.cluster.nodes[node]);
        let (Some(from), Some(pool)) = (record.billed_from, row.pool) else { return record.price };
        let (spec, set) = (&self.plan.pools[pool], &self.capacity.scale_sets[pool]);
        let until = record.billed_until.unwrap_or(self.now);
        let billed = i128::from(until.since(from).micros());
        match spec.prices(set.zone_of(row.instance)) {
            Some(curve) if billed > 0 => {
                let paid = curve.over(from, until).0;
                HourlyRate(((paid + billed / 2) / billed) as i64) + spec.disk_price
            }
            _ => record.price,
        }
    }

    fn node_rows(&self) -> Vec<NodeRow> {
        let known = |time: SimTime| (time != SimTime::NEVER).then_some(time);
        self.cluster
            .nodes
            .enumerate()
            .map(|(node, row)| {
                let record = self.record.nodes[node];
                NodeRow {
                    name: self.node_name(node),
                    pool: row.pool.map(|pool| pool.0),
                    zone: row
                        .labels
                        .get(self.names.zone)
                        .map_or(String::new(), |zone| self.cluster.symbols.text(zone).to_owned()),
                    requested: row.requested,
                    billed_from: record.billed_from,
                    billed_until: record.billed_until,
                    registered: known(row.registered),
                    ready: record.first_ready,
                    gone: known(row.gone),
                    end: if row.gone == SimTime::NEVER { "" } else { record.end },
                    price: self.mean_price(node),
                    pods_peak: record.pods_peak,
                }
            })
            .collect()
    }
}

fn blocked(total: i128) -> Duration {
    Duration::from_micros(u64::try_from(total).unwrap_or(0))
}

//! Observers: they see an instant complete and change nothing.

use crate::record::{Column, ColumnKind, Panel};
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{HourlyRate, PoolId};

impl World<'_> {
    /// Warm-up is over: integrals begin.
    pub fn warmup_ends(&mut self) {
        self.record.restart(self.now);
        self.groups.restart(self.now);
        for load in self.usage.loads.iter_mut().flatten() {
            load.restart(self.now);
        }
        for consumers in self.work.consumers.iter_mut() {
            consumers.restart(self.now);
        }
    }

    /// Arrivals stop; without `drain` the run stops too.
    pub fn arrivals_end(&mut self) {
        self.closing = true;
    }

    /// The columns of the series, in order.
    pub fn series_columns(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        let mut add = |header: String, of: &str, panel, kind| {
            columns.push(Column { header, of: of.to_owned(), panel, kind, values: Vec::new() });
        };
        let text = |symbol| self.plan.symbols.text(symbol);
        for queue in self.plan.queues.iter() {
            let name = text(queue.name);
            add(format!("{name}_depth_messages"), name, Panel::QueueDepth, ColumnKind::Level);
            add(format!("{name}_oldest_s"), name, Panel::QueueAge, ColumnKind::Level);
            add(format!("{name}_arrived_messages"), name, Panel::Arrivals, ColumnKind::Flow);
            add(format!("{name}_completed_messages"), name, Panel::Completions, ColumnKind::Flow);
        }
        for workload in self.plan.workloads.iter().filter(|workload| !workload.system) {
            let name = text(workload.name);
            add(format!("{name}_desired_pods"), name, Panel::ReplicasDesired, ColumnKind::Level);
            add(format!("{name}_ready_pods"), name, Panel::ReplicasReady, ColumnKind::Level);
            add(format!("{name}_pending_pods"), name, Panel::ReplicasPending, ColumnKind::Level);
        }
        add("pending_pods".into(), "", Panel::PodsPending, ColumnKind::Level);
        for pool in self.plan.pools.iter() {
            let name = text(pool.name);
            add(format!("{name}_ready_nodes"), name, Panel::NodesReady, ColumnKind::Level);
            add(format!("{name}_coming_nodes"), name, Panel::NodesComing, ColumnKind::Level);
            add(format!("{name}_cost_per_hour"), name, Panel::CostRate, ColumnKind::Level);
        }
        for subnet in self.plan.subnets.iter() {
            let name = text(subnet.name);
            add(format!("{name}_addresses_used"), name, Panel::Addresses, ColumnKind::Level);
        }
        for quota in self.plan.quotas.iter() {
            let name = text(quota.name);
            add(format!("{name}_vcpus_used"), name, Panel::Quota, ColumnKind::Level);
        }
        add("evictions_nodes".into(), "", Panel::Evictions, ColumnKind::Flow);
        columns
    }

    /// A row of the series.
    pub fn sample(&mut self) {
        let mut row = Vec::with_capacity(self.record.series.columns.len());
        for queue in self.plan.queues.ids() {
            row.push(self.work.depth(self.plan, queue, self.now) as f64);
            row.push(self.work.oldest_age(queue, self.now).as_secs_f64());
            let flows = std::mem::take(&mut self.record.queue_flows[queue]);
            row.extend([flows.arrived as f64, flows.completed as f64]);
        }
        for (id, spec) in self.plan.workloads.enumerate() {
            if spec.system {
                continue;
            }
            let state = &self.cluster.workloads[id];
            row.extend([
                f64::from(state.replicas),
                f64::from(state.ready),
                f64::from(state.active - state.ready),
            ]);
        }
        row.push(self.cluster.pending.len() as f64);
        for pool in self.plan.pools.ids() {
            row.extend(self.pool_levels(pool));
        }
        row.extend(
            self.plan.subnets.ids().map(|id| self.capacity.region.addresses.subnet(id).used as f64),
        );
        row.extend(
            self.plan.quotas.ids().map(|id| self.capacity.region.quotas.counter(id).used as f64),
        );
        row.push(std::mem::take(&mut self.record.evictions_flow) as f64);
        let series = &mut self.record.series;
        series.time_s.push(self.now.as_secs_f64());
        for (column, value) in series.columns.iter_mut().zip(row) {
            column.values.push(value);
        }
        self.sample_scalers();
        let (messages, pods) = (self.message_waits(), self.record.pod_waits.totals(self.now));
        self.sample_waits(messages, pods);
        let next = self.now + self.plan.simulation.sample;
        if next <= self.plan.end() || self.plan.simulation.drain {
            self.at(next, Event::Sample);
        }
    }

    /// The row of the end, which no sample may fall on: without it flows would miss the last ones.
    pub fn last_sample(&mut self) {
        let last = self.record.series.time_s.last().copied();
        if !self.options.no_report && last != Some(self.now.as_secs_f64()) {
            self.sample();
        }
    }

    fn pool_levels(&self, pool: PoolId) -> [f64; 3] {
        let record = &self.record.pools[pool];
        [f64::from(record.ready), f64::from(record.coming), HourlyRate(record.rate.level()).units()]
    }
}

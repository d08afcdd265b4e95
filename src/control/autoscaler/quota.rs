//! Limits on cores, memory and nodes (`pkg/resourcequotas`). Nodes count with their capacity, cores
//! rounded up.

use super::snapshot::Snapshot;
use super::spec::AutoscalerSpec;
use super::view::Quota;
use crate::unit::{PoolId, Resources};

/// What limits still leave.
#[derive(Clone, Debug)]
pub struct QuotaTracker {
    quotas: Vec<(Quota, [Option<i64>; 3])>,
}

/// Which resource was short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotaResource {
    /// Cores.
    Cores,
    /// Memory.
    Memory,
    /// Nodes.
    Nodes,
}

const RESOURCES: [QuotaResource; 3] =
    [QuotaResource::Cores, QuotaResource::Memory, QuotaResource::Nodes];

/// A node as quotas count it.
fn amounts(capacity: &Resources) -> [i64; 3] {
    [(capacity.cpu_milli + 999) / 1_000, capacity.memory, 1]
}

impl Quota {
    fn limits(&self) -> [Option<i64>; 3] {
        [self.cores, self.memory, self.nodes]
    }

    fn covers(&self, pool: Option<PoolId>) -> bool {
        match &self.pools {
            None => true,
            Some(pools) => pool.is_some_and(|pool| pools.contains(&pool)),
        }
    }
}

impl QuotaTracker {
    /// What the upper limits leave over all nodes of a snapshot, upcoming ones too.
    pub fn upper(spec: &AutoscalerSpec, snapshot: &Snapshot<'_>) -> Self {
        let total = Quota {
            pools: None,
            cores: Some(spec.cores_total.1),
            memory: Some(spec.memory_total.1),
            nodes: None,
        };
        let all = std::iter::once(total).chain(snapshot.view().quotas.iter().cloned());
        let mut quotas: Vec<(Quota, [Option<i64>; 3])> =
            all.map(|quota| (quota.clone(), quota.limits())).collect();
        let counts = |&slot: &usize| snapshot.is_there(slot) && snapshot.is_counted(slot);
        for slot in (0..snapshot.slots()).filter(counts) {
            subtract(&mut quotas, snapshot.pool(slot), &amounts(snapshot.capacity(slot)), 1);
        }
        Self { quotas }
    }

    /// What is above the lower limits over some nodes.
    pub fn lower<'r>(
        spec: &AutoscalerSpec,
        nodes: impl IntoIterator<Item = &'r Resources>,
    ) -> Self {
        if (spec.cores_total.0, spec.memory_total.0) == (0, 0) {
            return Self { quotas: Vec::new() };
        }
        Self::above(
            Quota {
                pools: None,
                cores: Some(spec.cores_total.0),
                memory: Some(spec.memory_total.0),
                nodes: None,
            },
            nodes,
        )
    }

    /// What is above one lower limit over some nodes.
    pub fn above<'r>(least: Quota, nodes: impl IntoIterator<Item = &'r Resources>) -> Self {
        let mut left = least.limits().map(|limit| limit.map(|limit| -limit));
        for capacity in nodes {
            for (left, amount) in left.iter_mut().zip(amounts(capacity)) {
                if let Some(left) = left {
                    *left += amount;
                }
            }
        }
        Self { quotas: vec![(least, left)] }
    }

    /// How many nodes of a group are allowed, and which resource stops more.
    pub fn allowed(
        &self,
        pool: PoolId,
        capacity: &Resources,
        wanted: u32,
    ) -> (u32, Option<QuotaResource>) {
        let (mut allowed, mut stopper) = (i64::from(wanted), None);
        let per_node = amounts(capacity);
        for (quota, left) in &self.quotas {
            if !quota.covers(Some(pool)) {
                continue;
            }
            for index in 0..per_node.len() {
                let (Some(left), amount) = (left[index], per_node[index]) else { continue };
                if amount > 0 && left.max(0) / amount < allowed {
                    allowed = left.max(0) / amount;
                    stopper = Some(RESOURCES[index]);
                }
            }
        }
        (allowed as u32, stopper)
    }

    /// Counts nodes of a group.
    pub fn take(&mut self, pool: PoolId, capacity: &Resources, nodes: u32) {
        subtract(&mut self.quotas, Some(pool), &amounts(capacity), i64::from(nodes));
    }
}

fn subtract(
    quotas: &mut [(Quota, [Option<i64>; 3])],
    pool: Option<PoolId>,
    amounts: &[i64; 3],
    nodes: i64,
) {
    for (_, left) in quotas.iter_mut().filter(|(quota, _)| quota.covers(pool)) {
        for (left, amount) in left.iter_mut().zip(amounts) {
            if let Some(left) = left {
                *left -= amount * nodes;
            }
        }
    }
}

//! A small pool and region for the tests of this part.

use std::sync::Arc;

use super::spec::{
    CapacityRefusal, EvictionPolicy, ImageGcSpec, NetworkMode, NetworkSpec, OsDisk, OsType,
    PoolAnnotations, PoolSpec, PoolTags, PullSpec, QuotaSpec, ScaleDownMode, SpotSpec, SubnetSpec,
    TimingSpec, VmSizeSpec,
};
use super::{PriceCurve, Region, limits};
use crate::chance::Dist;
use crate::model::Labels;
use crate::rules::IntOrPercent;
use crate::unit::{Duration, HourlyRate, IdVec, QuotaId, Resources, SimTime, SubnetId, Symbol};

pub const SEED: u64 = 7;

/// A pool of 4-vCPU nodes in three zones whose boots differ from VM to VM.
pub fn pool() -> PoolSpec {
    let uniform = |min, max| Dist::Uniform { min, max };
    PoolSpec {
        name: Symbol(1),
        group_id: Symbol(2),
        system: false,
        count: 0,
        autoscaled: true,
        min: 0,
        max: 100,
        max_pods: 30,
        max_surge: IntOrPercent::Int(1),
        size: VmSizeSpec { name: Symbol(3), vcpus: 4, max_data_disks: 8, gpus: 0 },
        capacity: Resources::of(4_000, 16 << 30),
        allocatable: Resources::of(3_860, 14 << 30),
        template_capacity: Resources::of(4_000, 16 << 30),
        labels: Labels::default(),
        template_labels: Labels::default(),
        taints: Vec::new(),
        zones: vec![Symbol(11), Symbol(12), Symbol(13)],
        spot: false,
        eviction_policy: EvictionPolicy::Delete,
        scale_down_mode: ScaleDownMode::Delete,
        image_gc: ImageGcSpec::default(),
        initialization_taints: Vec::new(),
        os_disk: OsDisk::Managed,
        os: OsType::Linux,
        subnet: SubnetId(0),
        pod_subnet: None,
        tags: PoolTags::default(),
        annotations: PoolAnnotations::default(),
        instance_limit: Some(limits::SCALE_SET_INSTANCES),
        quotas: vec![QuotaId(0), QuotaId(1)],
        vm_provision: uniform(60.0, 300.0),
        node_ready: uniform(10.0, 30.0),
        gpu_ready: Dist::constant(Duration::from_secs(20)),
        price: HourlyRate(100),
        price_on_demand: HourlyRate(100),
        disk_price: HourlyRate(0),
        spot_market: None,
    }
}

/// The same pool as spot, with a market that takes nothing by itself.
pub fn spot_pool() -> PoolSpec {
    PoolSpec { spot: true, spot_market: Some(market()), ..pool() }
}

/// A spot market that takes nothing by itself and refuses refills for 10 minutes.
pub fn market() -> SpotSpec {
    SpotSpec {
        lifetime: None,
        batch_share: 0.0,
        refill_blocked: Dist::constant(Duration::from_mins(10)),
        notice: SpotSpec::NOTICE,
        trace: Arc::from([]),
        prices: vec![PriceCurve::constant(HourlyRate(100), None); 3],
    }
}

/// What a region of the tests has.
pub struct Room {
    pub mode: NetworkMode,
    pub max_nodes: u32,
    /// Capacity of each subnet.
    pub subnets: Vec<Option<u64>>,
    /// vCPUs: regional, and of the family.
    pub quotas: [u64; 2],
    pub refusals: Vec<CapacityRefusal>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            mode: NetworkMode::Overlay,
            max_nodes: limits::CLUSTER_NODES,
            subnets: vec![None],
            quotas: [u64::MAX, u64::MAX],
            refusals: Vec::new(),
        }
    }
}

impl Room {
    pub fn region(&self) -> Region {
        let network = NetworkSpec { mode: self.mode, max_nodes: self.max_nodes };
        let subnet = |&capacity: &Option<u64>| SubnetSpec { name: Symbol(4), capacity };
        let subnets: IdVec<_, _> = self.subnets.iter().map(subnet).collect();
        let quota = |limit| QuotaSpec { name: Symbol(5), limit };
        let quotas: IdVec<_, _> = self.quotas.map(quota).into_iter().collect();
        let timing = TimingSpec {
            vm_delete: Dist::constant(Duration::from_secs(60)),
            cloud_initialization: Dist::constant(Duration::ZERO),
            taints_removed: Dist::constant(Duration::ZERO),
            node_removal: Duration::from_secs(5),
            failure_after: Dist::constant(Duration::from_secs(40)),
            controller_rate_milli: 0,
            controller_burst: 0,
            random_phases: false,
            pull: PullSpec {
                bytes_per_second: 80_000_000,
                slots: 1,
                queries_milli: 0,
                query_burst: 1,
                registry: None,
            },
            max_restart_period: Duration::from_secs(300),
        };
        Region::new(SEED, network, &subnets, &quotas, &self.refusals, &timing)
    }
}

/// `seconds` after the start.
pub const fn at(seconds: u64) -> SimTime {
    SimTime::from_secs(seconds)
}

//! A plan made by hand, for tests of the simulation alone.

use crate::chance::Dist;
use crate::cloud::{NetworkMode, NetworkSpec, PodStartSpec, PriceSpec, Tier, TimingSpec, boot};
use crate::control::autoscaler::AutoscalerSpec;
use crate::control::scheduler::{FitStrategy, SchedulerSpec};
use crate::demand::SourceSpec;
use crate::model::{OwnerKind, PodShape};
use crate::plan::{
    ArrivalSpec, GivenNode, LabSpec, Plan, PodTimes, SimulationSpec, WorkloadKind, WorkloadSpec,
};
use crate::queue::{ConsumerSpec, QueueKind, QueueSpec};
use crate::unit::{Duration, HourlyRate, IdVec, QueueId, Resources, ShapeId, Symbols};
use crate::vocabulary::{KedaVersion, KubernetesVersion};

/// `c` consumers of one queue on one endless node: M/M/c with this utilisation and E[S] = 1 s.
pub fn fixed_consumers(c: u32, rho: f64, messages: f64) -> Plan {
    let mut symbols = Symbols::default();
    let rate = rho * f64::from(c);
    let version = KubernetesVersion::DEFAULT;
    let mut requests = Resources::of(100, 1 << 20);
    requests.pods = 1;
    let shape = PodShape {
        requests,
        scoring: requests,
        owner: OwnerKind::ReplicaSet,
        grace: Duration::from_secs(30),
        ..PodShape::default()
    };
    let mut room = Resources::of(1 << 40, 1 << 60);
    room.pods = 1 << 30;
    let none = Dist::constant(Duration::ZERO);
    let worker = WorkloadSpec {
        name: symbols.intern("worker"),
        namespace: symbols.intern("default"),
        kind: WorkloadKind::Deployment,
        system: false,
        shape: ShapeId(0),
        replicas: c,
        completions: None,
        scaler: None,
        consumes: Some(ConsumerSpec {
            queue: QueueId(0),
            concurrency: 1,
            service: Dist::Exponential { mean: 1.0 },
        }),
        times: PodTimes {
            start: PodStartSpec {
                pull_bytes_per_second: 8e7,
                container_start: none.clone(),
                app_start: none.clone(),
                volume_attach: none.clone(),
            },
            lifetime: None,
        },
    };
    let lock = QueueKind::ServiceBus.defaults();
    Plan {
        name: "fixture".into(),
        description: String::new(),
        simulation: SimulationSpec {
            start_epoch: 0,
            duration: Duration::from_secs_f64(messages / rate),
            warmup: Duration::from_secs_f64(messages / rate * 0.1),
            drain: false,
            warm: true,
            sample: Duration::from_secs(60),
            seed: 1,
            replications: 1,
        },
        lab: LabSpec::default(),
        extended: Vec::new(),
        version,
        keda: KedaVersion::shipped_with(version),
        tier: Tier::Free,
        network: NetworkSpec { mode: NetworkMode::Overlay, max_nodes: 5_000 },
        subnets: IdVec::new(),
        quotas: IdVec::new(),
        pools: IdVec::new(),
        nodes: vec![GivenNode {
            name: symbols.intern("endless"),
            labels: Default::default(),
            capacity: room,
            allocatable: room,
        }],
        namespaces: Vec::new(),
        scheduler: SchedulerSpec {
            version,
            percentage_of_nodes: 0,
            fit: FitStrategy::LeastAllocated { cpu: 1, memory: 1 },
            tie_break: None,
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(10),
            cycle: Duration::ZERO,
            bind_rate_milli: 0,
            bind_burst: 1,
        },
        autoscaler: AutoscalerSpec::aks(version),
        shapes: [shape].into_iter().collect(),
        images: IdVec::new(),
        workloads: [worker].into_iter().collect(),
        budgets: IdVec::new(),
        queues: [QueueSpec {
            name: symbols.intern("work"),
            kind: QueueKind::ServiceBus,
            lock: lock.lock,
            renew_up_to: lock.renew_up_to,
            max_deliveries: lock.max_deliveries,
            metric_counts_locked: true,
            depth: None,
        }]
        .into_iter()
        .collect(),
        streams: [ArrivalSpec::Messages {
            queue: QueueId(0),
            source: SourceSpec::Poisson { rate },
        }]
        .into_iter()
        .collect(),
        timing: TimingSpec {
            vm_delete: boot::vm_delete().dist,
            node_removal: Duration::from_secs(5),
            failure_after: boot::failure_after().dist,
            controller_rate_milli: 0,
            controller_burst: 1,
            random_phases: true,
        },
        refusals: Vec::new(),
        injects: Vec::new(),
        prices: PriceSpec {
            currency: symbols.intern("USD"),
            control_plane: HourlyRate::default(),
            items: Vec::new(),
        },
        thresholds: Vec::new(),
        assumptions: Vec::new(),
        not_modelled: Vec::new(),
        inputs: Vec::new(),
        symbols,
    }
}

//! The format: one file per section, each a table of keys from which its struct, its reader and its
//! schema are made, so that they cannot drift apart.

mod arrival;
mod cluster;
mod distribution;
mod inject;
mod kinds;
mod moment;
mod namespace;
mod price;
mod provider;
mod reader;
mod scenario;
mod scheduler;
mod simulation;
mod value;
mod workload;

pub use arrival::{
    Arrival, Burst, Depth, DepthTrace, Diurnal, Poisson, Queue, QueueKindName, RebalanceProtocol,
    Trace,
};
pub use cluster::{
    AzurePolicy, Cluster, KubeletConfig, Network, NetworkPlugin, NetworkPluginMode, Nodes,
    OsDiskType, OsTypeName, OwnSize, PodIpMode, PolicyEffect, Pool, PoolMode, PriorityName,
    ScaleDownModeName, Sku, Subnet, SubnetKeys, SystemPods, TierName, UndrainableName,
    UpgradeSettings, VirtualNodes,
};
pub use distribution::{
    Distribution, Empirical, Exponential, Gamma, HyperExponential, LogNormal, Part, SHAPES,
    Uniform, Weibull,
};
pub use inject::{
    CapacityError, ControllerName, ControllerRestart, CrashEvent, DenyCapacity, Evict, Injection,
    NodeDown, NodeNotReady, RemoveGates, RepairName, Rollout, RolloutStrategy, SetReplicas,
    SourceFail, Upgrade, ZoneDown,
};
pub use moment::{Calendar, Moment, StartTime, Zone, date};
pub use namespace::Namespace;
pub use price::{
    Commitment, LoadBalancer, LogAnalytics, LogPlan, ManagedPrometheus, OsDiskPrice, Override,
    OverrideKeys, Prices, TermName, Traffic, VirtualNodePrices,
};
pub use provider::{
    Batch, ControllerTiming, FailureDetectionName, ImagePull, Phases, PoolMarket, PoolTiming,
    PriceTrace, SchedulerTiming, SpotMarket, SpotTrace, Timing,
};
pub use reader::{At, KeySpec, Raw, Read, Reader, nearest, nearest_help};
pub use scenario::Scenario;
pub use scheduler::{PluginConfig, SchedulerConfiguration, SchedulerProfile};
pub use simulation::{
    CooldownFrom, Initial, InstantScaler, Lab, LabScaler, Metadata, Simulation, WhenFull,
};
pub use value::{
    Amount, Bandwidth, Bytes, Count, Hazard, Length, Price, Rate, ResourceAmount, Share, Switch,
    Text, Whole, decimal, parse_duration,
};
pub use workload::{
    Align, Budget, Checkpointing, Claim, Consumes, OnSigterm, PodManagementName, PodTrace,
    ProbeKeys, RestartName, Serves, Startup, UnhealthyPolicy, Workload, WorkloadKindName,
};

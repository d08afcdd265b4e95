//! What each cause of waiting means: who is waited for, by which rule, and the setting that decides
//! how long it takes.

use super::book::{Book, actor};
use super::telling::Setting;
use crate::cloud::NetworkMode;
use crate::control::hpa::HpaSettings;
use crate::plan::{ScalerKind, WorkloadSpec};
use crate::record::Actor;
use crate::unit::{PoolId, QueueId, WorkloadId};
use crate::vocabulary::Cause;

/// Whose waiting it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Of {
    /// The workload that waits, or that is waited for.
    pub workload: Option<WorkloadId>,
    /// The pool whose wall or node it is.
    pub pool: Option<PoolId>,
    /// The queue.
    pub queue: Option<QueueId>,
}

/// A cause in words.
#[derive(Clone, Debug)]
pub struct Reason {
    /// Who is waited for.
    pub who: &'static str,
    /// By which rule.
    pub rule: String,
    /// The setting that decides.
    pub setting: Option<Setting>,
}

const AKS_KEEPS: &str = "kube-controller-manager default, which AKS does not let one change";

impl Book<'_> {
    /// A cause in words.
    pub fn reason(&self, cause: Cause, of: Of) -> Reason {
        let (who, rule) = rule(cause);
        let setting = match cause {
            Cause::KedaPoll | Cause::KedaActivation | Cause::HpaMax => self.scaler(cause, of),
            Cause::HpaSync | Cause::HpaTolerance | Cause::HpaPolicy => Some(self.hpa(cause, of)),
            Cause::SchedQueue => Some(self.plain("timing.scheduler.cycle", "1ms")),
            Cause::CaScan | Cause::CaDelay | Cause::CaExpander | Cause::CaBackoff => {
                Some(self.autoscaler(cause))
            }
            Cause::BlockedIp | Cause::BlockedQuota | Cause::BlockedMaxCount => self.wall(cause, of),
            Cause::BlockedCapacity => {
                let path = "spotMarket.refillBlocked";
                self.pool_is_spot(of).then(|| self.plain(path, ""))
            }
            Cause::VmProvision => Some(self.pool_time("vmProvision", of)),
            Cause::NodeReady => Some(self.pool_time("nodeReady", of)),
            Cause::VolumeAttach => Some(self.plain("timing.volumeAttach", "20s")),
            Cause::ImagePull | Cause::AppStart => Some(self.start(cause, of)),
            Cause::Busy | Cause::Redo => self.queue_setting(cause, of),
            Cause::SchedConstraint => None,
        };
        let rule = match cause {
            Cause::BlockedIp => format!("{rule}{}", self.addresses(of)),
            _ => rule.to_owned(),
        };
        Reason { who, rule, setting }
    }

    fn plain(&self, path: &str, value: &str) -> Setting {
        self.setting(&[path.to_owned()], (path, value.to_owned(), "own default"))
    }

    fn spec(&self, of: Of) -> Option<(&WorkloadSpec, String)> {
        let workload = of.workload?;
        Some((&self.plan.workloads[workload], self.workload_name(workload)))
    }

    fn scaler(&self, cause: Cause, of: Of) -> Option<Setting> {
        let (spec, name) = self.spec(of)?;
        let (block, polling, max) = match spec.scaler.as_ref()? {
            ScalerKind::ScaledObject(own) => {
                ("scaledObject", own.polling_interval, Some(own.max_replicas))
            }
            ScalerKind::ScaledJob(own) => ("scaledJob", own.polling_interval, own.max_replicas),
            ScalerKind::Hpa { spec, .. } => {
                let path = format!("workloads.{name}.hpa.maxReplicas");
                let value = spec.max_replicas.to_string();
                return Some(self.setting(
                    std::slice::from_ref(&path),
                    (&path, value, "from the scenario's manifest"),
                ));
            }
        };
        let (key, value) = match cause {
            Cause::KedaPoll => ("pollingInterval".to_owned(), polling.to_string()),
            Cause::HpaMax => {
                ("maxReplicaCount".to_owned(), max.map_or("100".to_owned(), |max| max.to_string()))
            }
            _ => {
                let trigger = spec.triggers().first()?;
                let value = trigger.activation_milli as f64 / 1_000.0;
                return Some(self.setting(
                    &[],
                    ("the trigger's activation threshold", value.to_string(), "0 unless given"),
                ));
            }
        };
        let path = format!("workloads.{name}.{block}.{key}");
        let otherwise = (path.as_str(), value, "from the scenario's manifest");
        Some(self.setting(std::slice::from_ref(&path), otherwise))
    }

    fn hpa(&self, cause: Cause, of: Of) -> Setting {
        let settings = HpaSettings::of(self.plan.version);
        let name = self.spec(of).map(|(_, name)| name).unwrap_or_default();
        let behavior = [
            format!(
                "workloads.{name}.scaledObject.advanced.horizontalPodAutoscalerConfig.behavior"
            ),
            format!("workloads.{name}.hpa.behavior"),
        ];
        let below = |key: &str| behavior.each_ref().map(|path| format!("{path}.{key}"));
        let flag = |name: &str| format!("--horizontal-pod-autoscaler-{name}");
        match cause {
            Cause::HpaSync => {
                let period = settings.sync_period.to_string();
                self.setting(&[], (&flag("sync-period"), period, AKS_KEEPS))
            }
            Cause::HpaTolerance => {
                let tolerance = format!("{} %", settings.tolerance_milli / 10);
                self.setting(
                    &below("scaleUp.tolerance"),
                    (&flag("tolerance"), tolerance, AKS_KEEPS),
                )
            }
            _ => {
                let value = "4 pods or 100 % every 15 s, whichever is more";
                let otherwise = (
                    "behavior.scaleUp.policies",
                    value.to_owned(),
                    "kubernetes autoscaling/v2 default",
                );
                self.setting(&below("scaleUp.policies"), otherwise)
            }
        }
    }

    fn autoscaler(&self, cause: Cause) -> Setting {
        let spec = &self.plan.autoscaler;
        let profile = |key: &str, value: String| {
            let path = format!("cluster.autoScalerProfile.{key}");
            let otherwise = (path.as_str(), value, "cluster-autoscaler flag default");
            self.setting(std::slice::from_ref(&path), otherwise)
        };
        match cause {
            Cause::CaScan => profile("scan-interval", spec.scan_interval.to_string()),
            // `unschedulablePodTimeBuffer` in upstream's `static_autoscaler.go`.
            Cause::CaDelay if spec.new_pod_delay.is_zero() => {
                let why = "fixed in cluster-autoscaler: while all pods are younger, more may come";
                self.setting(&[], ("unschedulablePodTimeBuffer", "2s".to_owned(), why))
            }
            Cause::CaDelay => profile("new-pod-scale-up-delay", spec.new_pod_delay.to_string()),
            Cause::CaExpander => {
                let names: Vec<&str> = spec.expanders.iter().map(|one| one.name()).collect();
                profile("expander", names.join(","))
            }
            _ => {
                let value =
                    format!("{} at first, up to {}", spec.initial_backoff, spec.max_backoff);
                profile("initial-node-group-backoff-duration", value)
            }
        }
    }

    fn wall(&self, cause: Cause, of: Of) -> Option<Setting> {
        let pool = of.pool?;
        let (spec, name) = (&self.plan.pools[pool], self.pool_name(pool));
        Some(match cause {
            Cause::BlockedIp => {
                let subnet = &self.plan.subnets[spec.subnet];
                let own = self.plan.symbols.text(subnet.name);
                let paths = [
                    "cluster.networkProfile.subnet.addressPrefix".to_owned(),
                    "cluster.networkProfile.subnet".to_owned(),
                    format!("cluster.networkProfile.subnets.{own}.addressPrefix"),
                    format!("cluster.networkProfile.subnets.{own}"),
                ];
                let size = subnet.capacity.map_or("unlimited".to_owned(), |all| all.to_string());
                self.setting(&paths, ("addresses of the subnet", size, "from the scenario"))
            }
            Cause::BlockedQuota => {
                let names: Vec<&str> = spec
                    .quotas
                    .iter()
                    .map(|&quota| self.plan.symbols.text(self.plan.quotas[quota].name))
                    .collect();
                let paths: Vec<String> = names.iter().map(|name| format!("quota.{name}")).collect();
                self.setting(&paths, ("quota", names.join(", "), "from the scenario"))
            }
            _ => {
                let path = format!("cluster.agentPoolProfiles.{name}.maxCount");
                let otherwise = (path.as_str(), spec.max.to_string(), "from the scenario");
                self.setting(std::slice::from_ref(&path), otherwise)
            }
        })
    }

    /// How many addresses a node of the pool takes.
    fn addresses(&self, of: Of) -> String {
        let Some(pool) = of.pool else { return String::new() };
        let spec = &self.plan.pools[pool];
        let subnet = &self.plan.subnets[spec.subnet];
        let all = subnet.capacity.map_or(String::new(), |all| format!(" of {all}"));
        match self.plan.network.mode {
            NetworkMode::Flat => format!(
                "; a node of {} takes {} addresses{all} when it is created (1 + maxPods {})",
                self.pool_name(pool),
                spec.max_pods + 1,
                spec.max_pods
            ),
            _ => String::new(),
        }
    }

    fn pool_is_spot(&self, of: Of) -> bool {
        of.pool.is_some_and(|pool| self.plan.pools[pool].spot)
    }

    fn pool_time(&self, key: &str, of: Of) -> Setting {
        let plain = format!("timing.{key}");
        let own = of.pool.map(|pool| format!("timing.pools.{}.{key}", self.pool_name(pool)));
        let paths: Vec<String> = own.into_iter().chain([plain.clone()]).collect();
        self.setting(&paths, (&plain, "its distribution".to_owned(), "own default"))
    }

    fn start(&self, cause: Cause, of: Of) -> Setting {
        let name = self.spec(of).map(|(_, name)| name).unwrap_or_default();
        let (own, general) = match cause {
            Cause::ImagePull => ("imageSize", "timing.imagePull.bandwidth"),
            _ => ("appStart", "timing.appStart"),
        };
        let paths = [format!("workloads.{name}.startup.{own}"), general.to_owned()];
        self.setting(&paths, (general, String::new(), "own default"))
    }

    fn queue_setting(&self, cause: Cause, of: Of) -> Option<Setting> {
        if cause == Cause::Redo {
            let queue = of.queue?;
            let path = format!("queues.{}.lockDuration", self.queue_name(queue));
            let spec = &self.plan.queues[queue];
            let otherwise = (path.as_str(), spec.lock.to_string(), spec.kind.defaults().source);
            return Some(self.setting(std::slice::from_ref(&path), otherwise));
        }
        let (spec, name) = self.spec(of)?;
        let path = format!("workloads.{name}.consumes.serviceTime");
        let consumer = spec.consumes.as_ref()?;
        let value = format!("{} at a time", consumer.concurrency);
        let otherwise = ("concurrency", value, "1 unless given");
        Some(self.setting(std::slice::from_ref(&path), otherwise))
    }
}

/// Who is waited for, and by which rule.
fn rule(cause: Cause) -> (&'static str, &'static str) {
    let (who, rule) = match cause {
        Cause::KedaPoll => (
            Actor::Keda,
            "at zero replicas only KEDA's poll can start a workload, and none has come",
        ),
        Cause::KedaActivation => (
            Actor::Keda,
            "it has polled, but the metric is not above the activation threshold, or it is paused",
        ),
        Cause::HpaSync => (
            Actor::Hpa,
            "the metric asks for more replicas; they are written at the HPA's next sync",
        ),
        Cause::HpaTolerance => (
            Actor::Hpa,
            "the metric asks for more, but the ratio to the target is within the tolerance",
        ),
        Cause::HpaPolicy => (
            Actor::Hpa,
            "the metric asks for more than the scaling policies or the stabilisation window allow",
        ),
        Cause::HpaMax => (Actor::Hpa, "the metric asks for more than the largest number allowed"),
        Cause::SchedQueue | Cause::SchedConstraint => return waiting_pod(cause),
        Cause::CaScan | Cause::CaDelay | Cause::CaExpander | Cause::CaBackoff => {
            return waiting_pod(cause);
        }
        Cause::BlockedIp
        | Cause::BlockedQuota
        | Cause::BlockedMaxCount
        | Cause::BlockedCapacity => return waiting_pod(cause),
        Cause::VmProvision => (Actor::Azure, "the VM asked for is being created"),
        Cause::NodeReady => {
            (Actor::Kubelet, "the VM runs; its kubelet registers and becomes Ready")
        }
        Cause::VolumeAttach => (Actor::Azure, "its disk is being attached"),
        Cause::ImagePull => (Actor::Kubelet, "the image is pulled, sharing the node's bandwidth"),
        Cause::AppStart => {
            (Actor::Kubelet, "the container and the application start, until the probes pass")
        }
        Cause::Busy => {
            return (
                "consumers",
                "all consumers that the scaler wants are at work: more nodes would not help",
            );
        }
        Cause::Redo => {
            return (
                "queue",
                "an attempt was lost, and the message was locked until it could be had",
            );
        }
    };
    (actor(who), rule)
}

/// The same of a pod that no node takes yet.
fn waiting_pod(cause: Cause) -> (&'static str, &'static str) {
    let (who, rule) = match cause {
        Cause::SchedQueue => (
            Actor::Scheduler,
            "pods are tried one after the other; one that was tried in vain waits for its turn",
        ),
        Cause::SchedConstraint => (
            Actor::Scheduler,
            "no node of any pool could ever take the pod, or it is held by a gate",
        ),
        Cause::CaScan => (
            Actor::Autoscaler,
            "unschedulable pods are looked at once every scan, the next to come",
        ),
        Cause::CaDelay => (
            Actor::Autoscaler,
            "it has seen the pod and lets it wait: too young, or the cluster is not healthy enough",
        ),
        Cause::CaExpander => (
            Actor::Autoscaler,
            "one scan grows the pool that the expander chooses; this pod's turn comes later",
        ),
        Cause::CaBackoff => (
            Actor::Autoscaler,
            "every pool that could take the pod is left alone after a failure to grow",
        ),
        Cause::BlockedIp => (
            Actor::Azure,
            "the subnet has no addresses for the nodes asked for, and the whole call is refused",
        ),
        Cause::BlockedQuota => (Actor::Azure, "a quota leaves no room, and the call is refused"),
        Cause::BlockedMaxCount => {
            (Actor::Autoscaler, "every pool that could take the pod has its largest size")
        }
        Cause::BlockedCapacity => {
            (Actor::Azure, "the provider has no capacity of this size; the pool then backs off")
        }
        _ => (Actor::Scheduler, "it waits"),
    };
    (actor(who), rule)
}

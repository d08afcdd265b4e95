//! Pod templates: containers, volumes, annotations and the rest of `spec`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Reader;
use super::fields::find;
use super::typed::typed;
use crate::control::kubelet::{Probe, Probes};
use crate::model::{Annotations, ClaimOwner, HostPort, SafeToEvict};
use crate::scenario::Node;
use crate::scenario::foreign::{Findings, Trail, code};
use crate::scenario::pods::{
    ContainerDraft, ContainerRole, PodDraft, Tables, VolumeDraft, VolumeKind,
};
use crate::unit::{Duration, Symbol};

const AUTOSCALER: &str = "cluster-autoscaler.kubernetes.io/";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// A pod template that the short form has put together: a map with `metadata` and `spec` of which
/// any part may be absent. Unlike in manifests a field that Kubernetes does not have is an error.
/// `title` names the workload in messages.
pub fn template(
    node: &Node,
    title: &str,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<PodDraft> {
    let (read, unknown) = typed::<core::PodTemplateSpec>(node, title, found)?;
    for path in unknown {
        let text = format!("{title}: Kubernetes has no field `{path}`");
        found.error(code::FIELD, Some(find(node, &path)), text);
    }
    let mut reader = Reader { tables, found, root: node, object: title.to_owned() };
    let spec = read.spec.unwrap_or_default();
    Some(reader.pod(read.metadata.as_ref(), &spec, &Trail::ROOT))
}

impl Reader<'_> {
    /// A pod template, or a whole pod.
    pub fn pod(
        &mut self,
        metadata: Option<&ObjectMeta>,
        spec: &core::PodSpec,
        at: &Trail<'_>,
    ) -> PodDraft {
        let labels = self.labels(metadata.and_then(|m| m.labels.as_ref()));
        let metadata_at = at.key("metadata");
        let annotations_at = metadata_at.key("annotations");
        let given = metadata.and_then(|m| m.annotations.as_ref());
        let annotations = self.annotations(given, &annotations_at);
        let at = at.key("spec");
        let affinity_at = at.key("affinity");
        let affinity = spec.affinity.as_ref();
        let node_affinity = affinity.and_then(|a| a.node_affinity.as_ref());
        let resources = spec.resources.as_ref();
        let resources_at = at.key("resources");
        PodDraft {
            annotations,
            containers: self.containers(spec, &at),
            probes: probes(spec),
            requests: self.amounts(
                resources.and_then(|r| r.requests.as_ref()),
                &resources_at.key("requests"),
            ),
            limits: self
                .amounts(resources.and_then(|r| r.limits.as_ref()), &resources_at.key("limits")),
            overhead: self.amounts(spec.overhead.as_ref(), &at.key("overhead")),
            node_selector: self.pairs(spec.node_selector.as_ref()),
            host_network: spec.host_network.unwrap_or(false),
            node_name: spec.node_name.clone().filter(|name| !name.is_empty()),
            node_affinity: node_affinity
                .map(|wanted| self.node_affinity(wanted, &affinity_at.key("nodeAffinity")))
                .unwrap_or_default(),
            pod_affinity: affinity
                .map(|wanted| self.pod_affinity(wanted, &labels, &affinity_at))
                .unwrap_or_default(),
            tolerations: self.tolerations(spec.tolerations.as_ref(), &at.key("tolerations")),
            spread: self.spread(
                spec.topology_spread_constraints.as_ref(),
                &labels,
                &at.key("topologySpreadConstraints"),
            ),
            priority_class: spec
                .priority_class_name
                .clone()
                .filter(|name| !name.is_empty())
                .map(|name| (name, self.place(&at.key("priorityClassName")))),
            priority: spec.priority,
            never_preempts: self.never_preempts(spec.preemption_policy.as_deref(), &at),
            grace: self.seconds(
                spec.termination_grace_period_seconds,
                &at.key("terminationGracePeriodSeconds"),
            ),
            scheduler: self.scheduler(spec.scheduler_name.as_deref()),
            gated: spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()),
            volumes: volumes(spec),
            deadline: self.seconds(spec.active_deadline_seconds, &at.key("activeDeadlineSeconds")),
            labels,
        }
    }

    /// `preemptionPolicy`
    pub(super) fn never_preempts(&mut self, text: Option<&str>, at: &Trail<'_>) -> Option<bool> {
        let words = [("Never", true), ("PreemptLowerPriority", false)];
        self.word(text?, &words, &at.key("preemptionPolicy"))
    }

    /// The default scheduler is the empty symbol.
    fn scheduler(&mut self, name: Option<&str>) -> Symbol {
        self.optional_symbol(name.filter(|name| *name != "default-scheduler"))
    }

    /// Whole seconds, not negative.
    pub(super) fn seconds(&mut self, value: Option<i64>, at: &Trail<'_>) -> Option<Duration> {
        let value = value?;
        let seconds = u64::try_from(value).ok().map(Duration::from_secs);
        if seconds.is_none() {
            self.complain(at, format!("must not be negative ({value})"));
        }
        seconds
    }

    fn containers(&mut self, spec: &core::PodSpec, at: &Trail<'_>) -> Vec<ContainerDraft> {
        let host_network = spec.host_network.unwrap_or(false);
        let mut read = Vec::new();
        let list = at.key("initContainers");
        for (index, container) in spec.init_containers.iter().flatten().enumerate() {
            let role = match container.restart_policy.as_deref() {
                Some("Always") => ContainerRole::Sidecar,
                _ => ContainerRole::Init,
            };
            read.push(self.container(container, role, host_network, &list.index(index)));
        }
        let list = at.key("containers");
        for (index, container) in spec.containers.iter().enumerate() {
            let role = ContainerRole::Main;
            read.push(self.container(container, role, host_network, &list.index(index)));
        }
        read
    }

    fn container(
        &mut self,
        container: &core::Container,
        role: ContainerRole,
        host_network: bool,
        at: &Trail<'_>,
    ) -> ContainerDraft {
        let resources = container.resources.as_ref();
        let resources_at = at.key("resources");
        let limits_at = resources_at.key("limits");
        let requests = resources.and_then(|r| r.requests.as_ref());
        let limits = resources.and_then(|r| r.limits.as_ref());
        let draft = ContainerDraft {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            image_size: None,
            requests: self.amounts(requests, &resources_at.key("requests")),
            limits: self.amounts(limits, &limits_at),
            // Init containers that end hold no port when the pod runs.
            host_ports: if role == ContainerRole::Init {
                Vec::new()
            } else {
                self.host_ports(container, host_network, &at.key("ports"))
            },
            role,
            origin: self.place(at),
        };
        for (name, limit) in &draft.limits {
            if draft.requests.get(name).is_some_and(|request| request > limit) {
                self.complain(&limits_at.key(name), "must not be less than the request");
            }
        }
        draft
    }

    /// Host ports; with `hostNetwork` every container port is one (kubernetes
    /// `pkg/apis/core/v1/defaults.go`, `defaultHostNetworkPorts`).
    fn host_ports(
        &mut self,
        container: &core::Container,
        host_network: bool,
        at: &Trail<'_>,
    ) -> Vec<HostPort> {
        let mut read = Vec::new();
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let number = match port.host_port {
                Some(number) if number != 0 => number,
                _ if host_network => port.container_port,
                _ => continue,
            };
            let Some(number) = u16::try_from(number).ok().filter(|&number| number > 0) else {
                self.complain(&at.index(index), format!("must have a port number, not {number}"));
                continue;
            };
            read.push(HostPort {
                // The scheduler takes 0.0.0.0 and no address for the same.
                ip: self.optional_symbol(port.host_ip.as_deref().filter(|ip| *ip != "0.0.0.0")),
                port: number,
                protocol: self.symbol(port.protocol.as_deref().unwrap_or("TCP")),
            });
        }
        read
    }

    /// Annotations that the autoscaler and the ReplicaSet controller read.
    pub(super) fn annotations(
        &mut self,
        given: Option<&BTreeMap<String, String>>,
        at: &Trail<'_>,
    ) -> Annotations {
        let mut read = Annotations::default();
        for (key, value) in given.into_iter().flatten() {
            let at = at.key(key);
            if key == DELETION_COST {
                match value.parse() {
                    Ok(cost) => read.deletion_cost = cost,
                    Err(_) => self.complain(&at, format!("must be an integer, not `{value}`")),
                }
            } else if let Some(name) = key.strip_prefix(AUTOSCALER) {
                self.autoscaler_annotation(name, value, &mut read, &at);
            }
        }
        read
    }

    fn autoscaler_annotation(
        &mut self,
        name: &str,
        value: &str,
        read: &mut Annotations,
        at: &Trail<'_>,
    ) {
        match name {
            // Anything else counts as absent (autoscaler `pkg/utils/drain/drain.go`).
            "safe-to-evict" => {
                read.safe_to_evict = match value {
                    "true" => SafeToEvict::Yes,
                    "false" => SafeToEvict::No,
                    "on-completion" => SafeToEvict::OnCompletion,
                    _ => SafeToEvict::Unset,
                };
            }
            "safe-to-evict-local-volumes" => {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                read.safe_local_volumes = names.map(|name| self.tables.intern(name)).collect();
            }
            "pod-scale-up-delay" => match go_duration(value) {
                Some(delay) => read.scale_up_delay = Some(delay),
                None => {
                    self.complain(at, format!("must be a duration such as `30s`, not `{value}`"))
                }
            },
            "daemonset-pod" => read.daemonset_pod = value == "true",
            "enable-ds-eviction" => read.daemonset_eviction = Some(value == "true"),
            _ => {}
        }
    }
}

/// Volumes that matter to placement and drains; the others hold nothing on a node.
/// Probes of the first container that has any: the application is one, however many containers
/// it runs in.
fn probes(spec: &core::PodSpec) -> Probes {
    let read = |given: &Option<core::Probe>| given.as_ref().map(probe);
    let probes = spec.containers.iter().map(|container| Probes {
        startup: read(&container.startup_probe),
        readiness: read(&container.readiness_probe),
        liveness: read(&container.liveness_probe),
    });
    probes.into_iter().find(|probes| *probes != Probes::default()).unwrap_or_default()
}

fn probe(given: &core::Probe) -> Probe {
    let default = Probe::default();
    let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let positive = |value, default| number(value).filter(|&value| value > 0).unwrap_or(default);
    let seconds = |value: u32| Duration::from_secs(u64::from(value));
    Probe {
        initial_delay: seconds(number(given.initial_delay_seconds).unwrap_or(0)),
        period: seconds(positive(given.period_seconds, 10)),
        successes: positive(given.success_threshold, default.successes),
        failures: positive(given.failure_threshold, default.failures),
    }
}

fn volumes(spec: &core::PodSpec) -> Vec<VolumeDraft> {
    let mut read = Vec::new();
    for volume in spec.volumes.iter().flatten() {
        let kind = if let Some(dir) = &volume.empty_dir {
            match dir.medium.as_deref() {
                Some("Memory") => VolumeKind::MemoryDir,
                _ => VolumeKind::EmptyDir,
            }
        } else if volume.host_path.is_some() {
            VolumeKind::HostPath
        } else if volume.ephemeral.is_some() {
            VolumeKind::Claim(ClaimOwner::Pod)
        } else if volume.persistent_volume_claim.is_some() || volume.azure_disk.is_some() {
            VolumeKind::Claim(ClaimOwner::Named)
        } else {
            continue;
        };
        let claim = volume.persistent_volume_claim.as_ref().map(|claim| &claim.claim_name);
        let disk = volume.azure_disk.as_ref().map(|disk| &disk.disk_name);
        let name = claim.or(disk).unwrap_or(&volume.name).clone();
        read.push(VolumeDraft { name, kind, size: None, zone: None });
    }
    read
}

/// A duration as Go writes them: `1h15m30.5s`, `300ms`.
fn go_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let micros = match unit {
            "h" => 3_600_000_000,
            "m" => 60_000_000,
            "s" => 1_000_000,
            "ms" => 1_000,
            "us" | "µs" => 1,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let mut value = whole.parse::<u64>().ok()?.checked_mul(micros)?;
        let mut scale = micros;
        for digit in fraction.chars() {
            scale /= 10;
            value += u64::from(digit.to_digit(10)?) * scale;
        }
        total += Duration::from_micros(value);
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, micros) in [
            ("30s", Some(30_000_000)),
            ("1h15m30.5s", Some(4_530_500_000)),
            ("300ms", Some(300_000)),
            ("0", Some(0)),
            ("", None),
            ("30", None),
            ("1d", None),
            ("s", None),
        ] {
            assert_eq!(go_duration(text).map(Duration::micros), micros, "{text}");
        }
    }
}

//! The pods of AKS itself, as workloads of `kube-system`.

use super::draft::{BudgetDraft, ContainerDraft, WorkloadDraft};
use super::tables::Tables;
use crate::cloud::OsType;
use crate::cloud::system_pods::{SystemPodCount, SystemPods, Tolerates};
use crate::model::{NodeSelectorTerm, Requirement, SelectorOp, Toleration, TolerationOp};
use crate::plan::{IntOrPercent, WorkloadKind};
use crate::unit::{Quantity, Symbol};

/// Drafts of the system pods of a cluster that starts with so many nodes and cores.
pub fn system_drafts(
    pods: &[SystemPods],
    nodes: u64,
    cores: u64,
    tables: &mut Tables,
) -> Vec<WorkloadDraft> {
    pods.iter().map(|pods| draft(pods, nodes, cores, tables)).collect()
}

fn draft(pods: &SystemPods, nodes: u64, cores: u64, tables: &mut Tables) -> WorkloadDraft {
    let kind = match pods.count {
        SystemPodCount::PerNode => WorkloadKind::DaemonSet,
        _ => WorkloadKind::Deployment,
    };
    let mut draft = WorkloadDraft::new(pods.name, "kube-system", kind, None);
    draft.system = true;
    draft.replicas = Some(pods.count.replicas(nodes, cores));
    draft.label("k8s-app", pods.name, tables);
    let pod = &mut draft.pod;
    let mut container = ContainerDraft {
        name: pods.name.to_owned(),
        image: pods.image.to_owned(),
        image_size: Some(pods.image_bytes),
        ..ContainerDraft::default()
    };
    container.requests.insert("cpu".to_owned(), Quantity::from_milli(pods.cpu_milli));
    container.requests.insert("memory".to_owned(), Quantity::from_units(pods.memory));
    if pods.memory == 0 {
        container.requests.remove("memory");
    }
    pod.containers.push(container);
    pod.host_network = pods.host_network;
    pod.priority = Some(pods.priority);
    let os = match pods.os {
        OsType::Linux => "linux",
        OsType::Windows => "windows",
    };
    pod.node_selector.push((tables.intern("kubernetes.io/os"), tables.intern(os)));
    pod.tolerations.push(Toleration {
        key: match pods.tolerates {
            Tolerates::Everything => None,
            Tolerates::CriticalAddonsOnly => Some(tables.intern("CriticalAddonsOnly")),
        },
        op: TolerationOp::Exists,
        value: Symbol::EMPTY,
        effect: None,
        seconds: None,
    });
    if pods.prefers_system_pool {
        let key = tables.intern("kubernetes.azure.com/mode");
        let values = vec![tables.intern("system")];
        let expressions = vec![Requirement { key, op: SelectorOp::In, values }];
        let term = NodeSelectorTerm { expressions, fields: Vec::new() };
        pod.node_affinity.preferred.push((100, term));
    }
    draft.budget = pods.min_available.map(|least| BudgetDraft {
        name: format!("{}-pdb", pods.name),
        namespace: "kube-system".to_owned(),
        selector: None,
        min_available: Some(IntOrPercent::Int(least.into())),
        max_unavailable: None,
        always_allow_unhealthy: false,
        origin: None,
    });
    draft
}

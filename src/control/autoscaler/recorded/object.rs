//! Nodes, pods, groups, owners and budgets.

use serde_json::{Value, json};

use super::{Writer, compact, failure_name, instant, length};
use crate::control::autoscaler::backoff::FailureKind;
use crate::control::autoscaler::view::{BudgetView, GroupOverrides, GroupView, Template};
use crate::model::{DisruptionBudget, Node, NodePhase, Pod, PodPhase, ProvisioningFailure};
use crate::unit::{NodeId, PodId, PoolId, SimTime, WorkloadId};

const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";

impl Writer<'_> {
    /// A node, or an instance that is none yet, as it is or was. `registration` numbers Node
    /// objects in order of registration.
    pub fn node(
        &self,
        id: NodeId,
        node: &Node,
        group: Option<PoolId>,
        registration: Option<u64>,
        failure: Option<ProvisioningFailure>,
    ) -> Value {
        let going = node.phase == NodePhase::Deleting && node.ready != SimTime::NEVER;
        let state = match node.phase {
            NodePhase::Creating => "Creating",
            NodePhase::Failed => "Failed",
            NodePhase::Deallocated => "Deallocated",
            NodePhase::Deleting => "Deleting",
            _ => "Succeeded",
        };
        let disabled = json!({ SCALE_DOWN_DISABLED: "true" });
        compact(json!({
            "group": group.map(|pool| self.group_name(pool)),
            "request_order": id.0,
            "registration_order": registration,
            "instance_state": state,
            "instance_gone": (node.gone != SimTime::NEVER).then_some(true),
            "instance_error": failure.map(FailureKind::Provider).map(failure_name),
            "ready": node.phase == NodePhase::Ready || going,
            "ready_transition_s": instant(node.condition_changed),
            "creation_timestamp_s": instant(node.registered),
            "unschedulable": node.unschedulable.then_some(true),
            "labels": self.labels(&node.labels),
            "taints": node.taints.iter().map(|taint| self.taint(taint)).collect::<Value>(),
            "annotations": node.scale_down_disabled.then_some(disabled),
            "capacity": self.resources(&node.capacity),
            "allocatable": self.resources(&node.allocatable),
            "max_data_disks": (node.max_data_disks > 0).then_some(node.max_data_disks),
            "pods": node.used.pods.iter().map(|pod| self.pod_name(*pod)).collect::<Value>(),
            "shared_devices": node.used.shared.parts().iter()
                .map(|(pod, _, number)| json!({"pod": self.pod_name(*pod), "device": number}))
                .collect::<Value>(),
        }))
    }

    /// A pod as it is or was.
    pub fn pod(&self, id: PodId, pod: &Pod) -> Value {
        let grace = self.view.cluster.shapes[pod.shape].grace;
        let named = |node: Option<NodeId>| node.map(|node| self.node_name(node));
        let terminating = pod.terminating != SimTime::NEVER;
        compact(json!({
            "shape": Self::shape_name(pod.shape),
            "workload": self.names.workloads[usize::from(pod.workload)],
            "creation_order": id.0,
            "creation_timestamp_s": instant(pod.created),
            "node": named(pod.node.filter(|_| pod.phase.holds_room())),
            "made_for_node": named(pod.node.filter(|_| !pod.phase.holds_room())),
            "nominated_node": named(pod.nominated),
            "phase": match pod.phase {
                PodPhase::Pending | PodPhase::Binding | PodPhase::Starting => "Pending",
                _ => "Running",
            },
            "unschedulable": pod.unschedulable.then_some(true),
            "ready": (pod.phase == PodPhase::Ready).then_some(true),
            "deletion_timestamp_s": terminating.then(|| instant(pod.terminating + grace)),
        }))
    }

    /// What makes pods again.
    pub fn workload(&self, id: WorkloadId) -> Value {
        let row = &self.view.cluster.workloads[id];
        let lone = self.view.lone.get(usize::from(id)).copied().unwrap_or(false);
        compact(json!({
            "spec_replicas": row.replicas,
            "status_replicas": row.active,
            "controller_per_pod": lone.then_some(true),
        }))
    }

    /// A node group.
    pub fn group(&self, group: &GroupView) -> Value {
        compact(json!({
            "min": group.min,
            "max": group.max,
            "target": group.target,
            "atomic": group.atomic.then_some(true),
            "template": group.template.as_ref().map(|template| self.template(template)),
            "options": overrides(&group.overrides),
        }))
    }

    /// What a new node of a group would be.
    pub fn template(&self, template: &Template) -> Value {
        compact(json!({
            "capacity": self.resources(&template.capacity),
            "allocatable": self.resources(&template.allocatable),
            "labels": self.labels(&template.labels),
            "taints": template.taints.iter().map(|taint| self.taint(taint)).collect::<Value>(),
            "pods": template.pods.iter().map(|id| Self::shape_name(*id)).collect::<Value>(),
            "max_data_disks": (template.max_data_disks > 0).then_some(template.max_data_disks),
        }))
    }

    /// Disruption budgets in order.
    pub fn budgets(&self) -> Value {
        let budgets = self.view.budgets.iter().zip(self.view.cluster.budgets.iter());
        let one = |(spec, status): (&BudgetView, &DisruptionBudget)| {
            compact(json!({
                "namespace": self.text(spec.namespace),
                "selector": self.selector(spec.selector.as_ref()),
                "disruptions_allowed": status.allowed,
            }))
        };
        budgets.map(one).collect()
    }

    /// Labels of namespaces.
    pub fn namespaces(&self) -> Value {
        let all = self.view.cluster.namespaces.iter();
        all.map(|(name, labels)| (self.text(*name).to_owned(), self.labels(labels))).collect()
    }
}

fn overrides(own: &GroupOverrides) -> Value {
    compact(json!({
        "scale_down_utilization_threshold": own.utilization_threshold,
        "scale_down_gpu_utilization_threshold": own.gpu_utilization_threshold,
        "scale_down_unneeded_time_s": own.unneeded_time.map(length),
        "scale_down_unready_time_s": own.unready_time.map(length),
    }))
}

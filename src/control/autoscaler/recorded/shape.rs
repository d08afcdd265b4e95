//! Pod specifications, with the field names of the scheduler's decision cases.

use serde_json::{Map, Value, json};

use super::{Writer, compact, length};
use crate::model::{
    LabelSelector, Labels, NodeSelectorTerm, OwnerKind, PodAffinityTerm, PodShape, PolicySwitch,
    Requirement, SafeToEvict, SelectorOp, SpreadConstraint, Taint, TaintEffect, Toleration,
    TolerationOp, WhenUnsatisfiable,
};
use crate::unit::{ShapeId, Symbol};

/// Keys of annotations.
const CLUSTER_AUTOSCALER: &str = "cluster-autoscaler.kubernetes.io";

impl Writer<'_> {
    /// Name of a specification in a record's dictionary.
    pub fn shape_name(shape: ShapeId) -> String {
        format!("shape-{}", shape.0)
    }

    /// What equal pods share.
    pub fn shape(&self, id: ShapeId) -> Value {
        let shape = &self.view.cluster.shapes[id];
        let affinity = &shape.pod_affinity;
        let weighted = |terms: &[(i32, PodAffinityTerm)]| -> Value {
            let items = terms.iter();
            items.map(|(weight, term)| json!({"weight": weight, "term": self.term(term)})).collect()
        };
        let terms =
            |terms: &[PodAffinityTerm]| -> Value { terms.iter().map(|t| self.term(t)).collect() };
        let mut value = compact(json!({
            "shape": Self::shape_name(id),
            "namespace": self.text(shape.namespace),
            "labels": self.labels(&shape.labels),
            "annotations": self.annotations(shape),
            "owner_kind": owner_kind(shape.owner),
            "requests": self.resources(&shape.requests),
            "device_share": shape.device_share.map(|share| json!({
                "resource": self.resource_name(share.kind), "milli": share.milli,
            })),
            "priority": shape.priority,
            "preemption_policy": shape.never_preempts.then_some("Never"),
            "scheduler": self.known(shape.scheduler),
            "scheduling_gated": shape.gated.then_some(true),
            "termination_grace_s": length(shape.grace),
            "node_selector": self.pairs(&shape.node_selector),
            "node_affinity_preferred": shape.node_affinity.preferred.iter()
                .map(|(weight, term)| json!({"weight": weight, "term": self.node_term(term)}))
                .collect::<Value>(),
            "pod_affinity_required": terms(&affinity.required),
            "pod_anti_affinity_required": terms(&affinity.anti_required),
            "pod_affinity_preferred": weighted(&affinity.preferred),
            "pod_anti_affinity_preferred": weighted(&affinity.anti_preferred),
            "tolerations": shape.tolerations.iter().map(|t| self.toleration(t)).collect::<Value>(),
            "topology_spread": shape.spread.iter().map(|s| self.spread(s)).collect::<Value>(),
            "host_ports": shape.host_ports.iter().map(|port| json!({
                "ip": self.text(port.ip), "port": port.port, "protocol": self.text(port.protocol),
            })).collect::<Value>(),
            "data_disks": (shape.volumes.data_disks > 0).then_some(shape.volumes.data_disks),
            "volume_zone": shape.volumes.zone.map(|zone| self.text(zone)),
            "local_volumes":
                shape.volumes.local.iter().map(|name| self.text(*name)).collect::<Value>(),
        }));
        // No terms at all match nothing, which is not the same as no condition.
        if let Some(terms) = &shape.node_affinity.required {
            value["node_affinity_required"] = self.node_terms(terms);
        }
        value
    }

    fn known(&self, symbol: Symbol) -> Option<&str> {
        Some(self.text(symbol)).filter(|text| !text.is_empty())
    }

    pub(super) fn labels(&self, labels: &Labels) -> Value {
        self.pairs(&labels.iter().collect::<Vec<_>>())
    }

    fn pairs(&self, pairs: &[(Symbol, Symbol)]) -> Value {
        let texts = pairs.iter();
        texts.map(|&(k, v)| (self.text(k).to_owned(), json!(self.text(v)))).collect()
    }

    fn annotations(&self, shape: &PodShape) -> Value {
        let own = &shape.annotations;
        let mut map = Map::new();
        let mut put = |key: &str, value: String| {
            map.insert(format!("{CLUSTER_AUTOSCALER}/{key}"), Value::String(value));
        };
        match own.safe_to_evict {
            SafeToEvict::Unset => {}
            SafeToEvict::Yes => put("safe-to-evict", "true".to_owned()),
            SafeToEvict::No => put("safe-to-evict", "false".to_owned()),
            SafeToEvict::OnCompletion => put("safe-to-evict", "on-completion".to_owned()),
        }
        if !own.safe_local_volumes.is_empty() {
            let names: Vec<&str> = own.safe_local_volumes.iter().map(|v| self.text(*v)).collect();
            put("safe-to-evict-local-volumes", names.join(","));
        }
        if let Some(delay) = own.scale_up_delay {
            put("pod-scale-up-delay", format!("{}s", length(delay)));
        }
        if own.daemonset_pod {
            put("daemonset-pod", "true".to_owned());
        }
        if let Some(evicted) = own.daemonset_eviction {
            put("enable-ds-eviction", evicted.to_string());
        }
        if shape.owner == OwnerKind::Mirror {
            map.insert("kubernetes.io/config.mirror".to_owned(), json!("true"));
        }
        Value::Object(map)
    }

    fn toleration(&self, toleration: &Toleration) -> Value {
        compact(json!({
            "key": toleration.key.map(|key| self.text(key)),
            "op": match toleration.op {
                TolerationOp::Equal => "Equal",
                TolerationOp::Exists => "Exists",
            },
            "value": self.known(toleration.value),
            "effect": toleration.effect.map(effect),
            "toleration_s": toleration.seconds.map(length),
        }))
    }

    pub(super) fn taint(&self, taint: &Taint) -> Value {
        compact(json!({
            "key": self.text(taint.key),
            "value": self.known(taint.value),
            "effect": effect(taint.effect),
        }))
    }

    fn requirements(&self, requirements: &[Requirement]) -> Value {
        let one = |requirement: &Requirement| {
            compact(json!({
                "key": self.text(requirement.key),
                "op": match requirement.op {
                    SelectorOp::In => "In",
                    SelectorOp::NotIn => "NotIn",
                    SelectorOp::Exists => "Exists",
                    SelectorOp::DoesNotExist => "DoesNotExist",
                    SelectorOp::Gt => "Gt",
                    SelectorOp::Lt => "Lt",
                },
                "values": requirement.values.iter().map(|v| self.text(*v)).collect::<Value>(),
            }))
        };
        requirements.iter().map(one).collect()
    }

    /// A selector; a nil one is null, one that selects all is not.
    pub(super) fn selector(&self, selector: Option<&LabelSelector>) -> Value {
        selector.map_or(Value::Null, |own| json!({"exprs": self.requirements(&own.requirements)}))
    }

    fn node_terms(&self, terms: &[NodeSelectorTerm]) -> Value {
        terms.iter().map(|term| self.node_term(term)).collect()
    }

    fn node_term(&self, term: &NodeSelectorTerm) -> Value {
        compact(json!({
            "exprs": self.requirements(&term.expressions),
            "fields": self.requirements(&term.fields),
        }))
    }

    fn term(&self, term: &PodAffinityTerm) -> Value {
        let namespaces = term.namespaces.iter().map(|name| self.text(*name));
        let mut value = compact(json!({
            "topology_key": self.text(term.topology_key),
            "namespaces": namespaces.collect::<Value>(),
        }));
        value["selector"] = self.selector(term.selector.as_ref());
        value["namespace_selector"] = self.selector(term.namespace_selector.as_ref());
        value
    }

    fn spread(&self, constraint: &SpreadConstraint) -> Value {
        let policy = |policy: PolicySwitch| match policy {
            PolicySwitch::Honor => "Honor",
            PolicySwitch::Ignore => "Ignore",
        };
        json!({
            "max_skew": constraint.max_skew,
            "topology_key": self.text(constraint.topology_key),
            "when": match constraint.when {
                WhenUnsatisfiable::DoNotSchedule => "DoNotSchedule",
                WhenUnsatisfiable::ScheduleAnyway => "ScheduleAnyway",
            },
            "selector": self.selector(constraint.selector.as_ref()),
            "min_domains": constraint.min_domains,
            "node_affinity_policy": policy(constraint.node_affinity_policy),
            "node_taints_policy": policy(constraint.node_taints_policy),
        })
    }
}

fn effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}

fn owner_kind(kind: OwnerKind) -> Option<&'static str> {
    Some(match kind {
        OwnerKind::None => return None,
        OwnerKind::ReplicaSet => "ReplicaSet",
        OwnerKind::StatefulSet => "StatefulSet",
        OwnerKind::DaemonSet => "DaemonSet",
        OwnerKind::Job => "Job",
        OwnerKind::Mirror => "Node",
        OwnerKind::Other => "Custom",
    })
}

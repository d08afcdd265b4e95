//! Selectors, affinity, tolerations and spread constraints.
//!
//! Meaning and defaults: kubernetes `pkg/apis/core/types.go`, `pkg/apis/core/v1/defaults.go` and
//! the API server's folding of `matchLabelKeys` (`pkg/registry/core/pod/strategy.go`), v1.36.2.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::Reader;
use crate::model::{
    LabelSelector, Labels, NodeAffinity, NodeSelectorTerm, PodAffinity, PodAffinityTerm,
    PolicySwitch, Requirement, SelectorOp, SpreadConstraint, TaintEffect, Toleration, TolerationOp,
    WhenUnsatisfiable,
};
use crate::scenario::foreign::{Trail, code};
use crate::unit::{Duration, Symbol};

const SET_OPERATORS: [(&str, SelectorOp); 4] = [
    ("In", SelectorOp::In),
    ("NotIn", SelectorOp::NotIn),
    ("Exists", SelectorOp::Exists),
    ("DoesNotExist", SelectorOp::DoesNotExist),
];

const NODE_OPERATORS: [(&str, SelectorOp); 6] = [
    SET_OPERATORS[0],
    SET_OPERATORS[1],
    SET_OPERATORS[2],
    SET_OPERATORS[3],
    ("Gt", SelectorOp::Gt),
    ("Lt", SelectorOp::Lt),
];

const EFFECTS: [(&str, TaintEffect); 3] = [
    ("NoSchedule", TaintEffect::NoSchedule),
    ("PreferNoSchedule", TaintEffect::PreferNoSchedule),
    ("NoExecute", TaintEffect::NoExecute),
];

const POLICIES: [(&str, PolicySwitch); 2] =
    [("Honor", PolicySwitch::Honor), ("Ignore", PolicySwitch::Ignore)];

impl Reader<'_> {
    /// A label selector.
    pub(super) fn selector(
        &mut self,
        selector: &meta::LabelSelector,
        at: &Trail<'_>,
    ) -> LabelSelector {
        let mut requirements = Vec::new();
        for (key, value) in selector.match_labels.iter().flatten() {
            let values = vec![self.symbol(value)];
            requirements.push(Requirement { key: self.symbol(key), op: SelectorOp::In, values });
        }
        let list = at.key("matchExpressions");
        for (index, wanted) in selector.match_expressions.iter().flatten().enumerate() {
            let at = list.index(index);
            let values = wanted.values.as_ref();
            requirements.extend(self.requirement(
                (&wanted.key, &wanted.operator, values),
                &SET_OPERATORS,
                &at,
            ));
        }
        LabelSelector { requirements }
    }

    fn requirement(
        &mut self,
        (key, operator, values): (&str, &str, Option<&Vec<String>>),
        operators: &[(&str, SelectorOp)],
        at: &Trail<'_>,
    ) -> Option<Requirement> {
        let op = self.word(operator, operators, &at.key("operator"))?;
        let given = values.map_or(0, Vec::len);
        let wrong = match op {
            SelectorOp::In | SelectorOp::NotIn => given == 0,
            SelectorOp::Exists | SelectorOp::DoesNotExist => given != 0,
            SelectorOp::Gt | SelectorOp::Lt => {
                given != 1 || values.is_some_and(|v| v[0].parse::<i64>().is_err())
            }
        };
        if wrong {
            let expected = match op {
                SelectorOp::In | SelectorOp::NotIn => "at least one value",
                SelectorOp::Exists | SelectorOp::DoesNotExist => "no values",
                SelectorOp::Gt | SelectorOp::Lt => "exactly one value, an integer",
            };
            self.complain(&at.key("values"), format!("must have {expected} for `{operator}`"));
            return None;
        }
        Some(Requirement { key: self.symbol(key), op, values: self.symbols(values) })
    }

    fn node_term(&mut self, term: &core::NodeSelectorTerm, at: &Trail<'_>) -> NodeSelectorTerm {
        let mut read = |list: &Option<Vec<core::NodeSelectorRequirement>>, at: Trail<'_>| {
            let mut requirements = Vec::new();
            for (index, wanted) in list.iter().flatten().enumerate() {
                requirements.extend(self.requirement(
                    (&wanted.key, &wanted.operator, wanted.values.as_ref()),
                    &NODE_OPERATORS,
                    &at.index(index),
                ));
            }
            requirements
        };
        NodeSelectorTerm {
            expressions: read(&term.match_expressions, at.key("matchExpressions")),
            fields: read(&term.match_fields, at.key("matchFields")),
        }
    }

    /// `spec.affinity.nodeAffinity`
    pub(super) fn node_affinity(
        &mut self,
        affinity: &core::NodeAffinity,
        at: &Trail<'_>,
    ) -> NodeAffinity {
        let required_at = at.key("requiredDuringSchedulingIgnoredDuringExecution");
        let terms_at = required_at.key("nodeSelectorTerms");
        let required = affinity.required_during_scheduling_ignored_during_execution.as_ref();
        let required = required.map(|required| {
            let terms = required.node_selector_terms.iter().enumerate();
            terms.map(|(index, term)| self.node_term(term, &terms_at.index(index))).collect()
        });
        let preferred_at = at.key("preferredDuringSchedulingIgnoredDuringExecution");
        let preferred = affinity.preferred_during_scheduling_ignored_during_execution.as_ref();
        let mut weighted = Vec::new();
        for (index, wanted) in preferred.into_iter().flatten().enumerate() {
            let at = preferred_at.index(index);
            let weight = self.weight(wanted.weight, &at);
            weighted.push((weight, self.node_term(&wanted.preference, &at.key("preference"))));
        }
        NodeAffinity { required, preferred: weighted }
    }

    fn weight(&mut self, weight: i32, at: &Trail<'_>) -> i32 {
        if !(1..=100).contains(&weight) {
            self.complain(&at.key("weight"), format!("must be between 1 and 100, not {weight}"));
        }
        weight
    }

    /// `spec.affinity.podAffinity` and `podAntiAffinity` of a pod with these labels.
    pub(super) fn pod_affinity(
        &mut self,
        affinity: &core::Affinity,
        labels: &Labels,
        at: &Trail<'_>,
    ) -> PodAffinity {
        let mut read = PodAffinity::default();
        if let Some(wanted) = &affinity.pod_affinity {
            let at = at.key("podAffinity");
            (read.required, read.preferred) = self.affinity_terms(
                wanted.required_during_scheduling_ignored_during_execution.as_deref(),
                wanted.preferred_during_scheduling_ignored_during_execution.as_deref(),
                labels,
                &at,
            );
        }
        if let Some(wanted) = &affinity.pod_anti_affinity {
            let at = at.key("podAntiAffinity");
            (read.anti_required, read.anti_preferred) = self.affinity_terms(
                wanted.required_during_scheduling_ignored_during_execution.as_deref(),
                wanted.preferred_during_scheduling_ignored_during_execution.as_deref(),
                labels,
                &at,
            );
        }
        read
    }

    fn affinity_terms(
        &mut self,
        required: Option<&[core::PodAffinityTerm]>,
        preferred: Option<&[core::WeightedPodAffinityTerm]>,
        labels: &Labels,
        at: &Trail<'_>,
    ) -> (Vec<PodAffinityTerm>, Vec<(i32, PodAffinityTerm)>) {
        let mut must = Vec::new();
        let list = at.key("requiredDuringSchedulingIgnoredDuringExecution");
        for (index, term) in required.into_iter().flatten().enumerate() {
            must.push(self.affinity_term(term, labels, &list.index(index)));
        }
        let mut may = Vec::new();
        let list = at.key("preferredDuringSchedulingIgnoredDuringExecution");
        for (index, term) in preferred.into_iter().flatten().enumerate() {
            let at = list.index(index);
            let weight = self.weight(term.weight, &at);
            let at = at.key("podAffinityTerm");
            may.push((weight, self.affinity_term(&term.pod_affinity_term, labels, &at)));
        }
        (must, may)
    }

    fn affinity_term(
        &mut self,
        term: &core::PodAffinityTerm,
        labels: &Labels,
        at: &Trail<'_>,
    ) -> PodAffinityTerm {
        if term.topology_key.is_empty() {
            self.report(code::REQUIRED, &at.key("topologyKey"), "is missing");
        }
        let selector_at = at.key("labelSelector");
        let mut selector = term.label_selector.as_ref().map(|s| self.selector(s, &selector_at));
        if let Some(selector) = &mut selector {
            self.fold_keys(selector, term.match_label_keys.as_ref(), labels, SelectorOp::In);
            self.fold_keys(selector, term.mismatch_label_keys.as_ref(), labels, SelectorOp::NotIn);
        }
        let namespaces_at = at.key("namespaceSelector");
        PodAffinityTerm {
            selector,
            namespaces: self.symbols(term.namespaces.as_ref()),
            namespace_selector: term
                .namespace_selector
                .as_ref()
                .map(|selector| self.selector(selector, &namespaces_at)),
            topology_key: self.symbol(&term.topology_key),
        }
    }

    /// Adds the pod's own values of `keys` to a selector; keys that the pod lacks are ignored.
    fn fold_keys(
        &mut self,
        selector: &mut LabelSelector,
        keys: Option<&Vec<String>>,
        labels: &Labels,
        op: SelectorOp,
    ) {
        for key in self.symbols(keys) {
            if let Some(value) = labels.get(key) {
                selector.requirements.push(Requirement { key, op, values: vec![value] });
            }
        }
    }

    /// `spec.tolerations`
    pub(super) fn tolerations(
        &mut self,
        list: Option<&Vec<core::Toleration>>,
        at: &Trail<'_>,
    ) -> Vec<Toleration> {
        let mut read = Vec::new();
        for (index, toleration) in list.into_iter().flatten().enumerate() {
            read.extend(self.toleration(toleration, &at.index(index)));
        }
        read
    }

    fn toleration(&mut self, given: &core::Toleration, at: &Trail<'_>) -> Option<Toleration> {
        let operators = [("Equal", TolerationOp::Equal), ("Exists", TolerationOp::Exists)];
        let op = match given.operator.as_deref() {
            None | Some("") => TolerationOp::Equal,
            Some(text) => self.word(text, &operators, &at.key("operator"))?,
        };
        let key = given.key.as_deref().filter(|key| !key.is_empty());
        if key.is_none() && op == TolerationOp::Equal {
            self.complain(&at.key("operator"), "must be `Exists` where no `key` is given");
            return None;
        }
        let effect = match given.effect.as_deref() {
            None | Some("") => None,
            Some(text) => Some(self.word(text, &EFFECTS, &at.key("effect"))?),
        };
        let seconds = given.toleration_seconds;
        if seconds.is_some() && effect != Some(TaintEffect::NoExecute) {
            let at = at.key("tolerationSeconds");
            self.complain(&at, "needs `effect: NoExecute`");
            return None;
        }
        Some(Toleration {
            key: key.map(|key| self.symbol(key)),
            op,
            value: self.optional_symbol(given.value.as_deref()),
            effect,
            // Upstream: zero and negative mean "at once".
            seconds: seconds.map(|s| Duration::from_secs(u64::try_from(s).unwrap_or(0))),
        })
    }

    /// `spec.topologySpreadConstraints` of a pod with these labels.
    pub(super) fn spread(
        &mut self,
        list: Option<&Vec<core::TopologySpreadConstraint>>,
        labels: &Labels,
        at: &Trail<'_>,
    ) -> Vec<SpreadConstraint> {
        let mut read = Vec::new();
        for (index, constraint) in list.into_iter().flatten().enumerate() {
            read.extend(self.spread_constraint(constraint, labels, &at.index(index)));
        }
        read
    }

    fn spread_constraint(
        &mut self,
        given: &core::TopologySpreadConstraint,
        labels: &Labels,
        at: &Trail<'_>,
    ) -> Option<SpreadConstraint> {
        let whens = [
            ("DoNotSchedule", WhenUnsatisfiable::DoNotSchedule),
            ("ScheduleAnyway", WhenUnsatisfiable::ScheduleAnyway),
        ];
        let when = self.word(&given.when_unsatisfiable, &whens, &at.key("whenUnsatisfiable"))?;
        if given.max_skew < 1 {
            self.complain(&at.key("maxSkew"), format!("must be positive, not {}", given.max_skew));
            return None;
        }
        let policy = |reader: &mut Self, text: Option<&String>, key, default| match text {
            None => Some(default),
            Some(text) => reader.word(text, &POLICIES, &at.key(key)),
        };
        let honor_affinity = given.node_affinity_policy.as_ref();
        let node_affinity_policy =
            policy(self, honor_affinity, "nodeAffinityPolicy", PolicySwitch::Honor)?;
        let honor_taints = given.node_taints_policy.as_ref();
        let node_taints_policy =
            policy(self, honor_taints, "nodeTaintsPolicy", PolicySwitch::Ignore)?;
        let selector_at = at.key("labelSelector");
        let mut selector = given.label_selector.as_ref().map(|s| self.selector(s, &selector_at));
        if let Some(selector) = &mut selector {
            self.fold_keys(selector, given.match_label_keys.as_ref(), labels, SelectorOp::In);
        }
        Some(SpreadConstraint {
            max_skew: given.max_skew,
            topology_key: self.symbol(&given.topology_key),
            when,
            selector,
            min_domains: given.min_domains.unwrap_or(1),
            node_affinity_policy,
            node_taints_policy,
        })
    }

    /// `nodeSelector`, in order of key.
    pub(super) fn pairs(
        &mut self,
        map: Option<&std::collections::BTreeMap<String, String>>,
    ) -> Vec<(Symbol, Symbol)> {
        map.into_iter().flatten().map(|(k, v)| (self.symbol(k), self.symbol(v))).collect()
    }
}

//! Arguments of the plugins of a scheduler profile, less those of NodeResourcesFit.
//!
//! kubernetes v1.36.2 `pkg/scheduler/apis/config/types_pluginargs.go`, `validation` and
//! `pkg/scheduler/framework/plugins/podtopologyspread/common.go` (`buildDefaultConstraints`).

use super::lowering::Lowering;
use super::scheduler::whole;
use crate::control::scheduler::{ProfileSpec, SchedulerSpec};
use crate::model::{PodShape, PolicySwitch, SpreadConstraint, WhenUnsatisfiable};
use crate::scenario::code;
use crate::scenario::node::Node;
use crate::unit::{IdVec, ShapeId};

/// `addedAffinity`: a node affinity that all pods of the profile have beside their own.
pub fn added_affinity(lowering: &mut Lowering<'_, '_>, args: &Node, spec: &mut ProfileSpec) {
    let Some(added) = args.get("addedAffinity") else { return };
    #[cfg(feature = "manifests")]
    {
        use crate::scenario::node::{Key, Kind};
        let key = Key { text: "nodeAffinity".to_owned(), span: added.span };
        let affinity = Node::new(added.span, Kind::Map(vec![(key, added.clone())]));
        let read = lowering.read_pod(added.span, "addedAffinity", vec![("affinity", affinity)]);
        spec.added_affinity = read.map(|pod| pod.node_affinity).unwrap_or_default();
    }
    #[cfg(not(feature = "manifests"))]
    {
        let _ = spec;
        let reason = "this build was made without manifests";
        lowering.not_built("pluginConfig.args.addedAffinity", added.span, reason);
    }
}

/// `defaultConstraints` with `defaultingType: List`; `System` has none of the user's.
pub fn default_constraints(lowering: &mut Lowering<'_, '_>, args: &Node, spec: &mut ProfileSpec) {
    let list = args.get("defaultConstraints").map_or(&[][..], Node::items);
    match args.get("defaultingType").and_then(Node::text).unwrap_or("System") {
        "System" if list.is_empty() => return,
        "List" => {}
        _ => {
            let message = "`defaultingType` is `List`, with `defaultConstraints`, or `System` \
                           without";
            return lowering.error(code::BAD_VALUE, message, args.span, "");
        }
    }
    let mut constraints = Vec::new();
    for item in list {
        match constraint(lowering, item) {
            Some(constraint) => constraints.push(constraint),
            None => {
                let message = "a default constraint has `maxSkew` (1 or more), `topologyKey` and \
                               `whenUnsatisfiable`, and no selector";
                lowering.error(code::BAD_VALUE, message, item.span, "");
            }
        }
    }
    spec.default_spread = Some(constraints);
}

fn constraint(lowering: &mut Lowering<'_, '_>, item: &Node) -> Option<SpreadConstraint> {
    const KEYS: [&str; 3] = ["maxSkew", "topologyKey", "whenUnsatisfiable"];
    if item.entries().iter().any(|(key, _)| !KEYS.contains(&key.text.as_str())) {
        return None;
    }
    let max_skew = item.get("maxSkew").and_then(whole)?;
    Some(SpreadConstraint {
        max_skew: i32::try_from(max_skew).ok().filter(|skew| *skew >= 1)?,
        topology_key: lowering.tables.intern(item.get("topologyKey")?.text()?),
        when: match item.get("whenUnsatisfiable")?.text()? {
            "DoNotSchedule" => WhenUnsatisfiable::DoNotSchedule,
            "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
            _ => return None,
        },
        selector: None,
        min_domains: 1,
        node_affinity_policy: PolicySwitch::Honor,
        node_taints_policy: PolicySwitch::Ignore,
    })
}

/// Arguments of InterPodAffinity.
pub fn inter_pod_affinity(lowering: &mut Lowering<'_, '_>, args: &Node, spec: &mut ProfileSpec) {
    if let Some(given) = args.get("hardPodAffinityWeight") {
        match whole(given).filter(|weight| (0..=100).contains(weight)) {
            Some(weight) => spec.hard_affinity_weight = weight,
            None => {
                let message = "`hardPodAffinityWeight` is from 0 to 100";
                lowering.error(code::BAD_VALUE, message, given.span, "");
            }
        }
    }
    if let Some(given) = args.get("ignorePreferredTermsOfExistingPods") {
        match given.text() {
            Some("true") => spec.ignores_preferences_of_others = true,
            Some("false") => {}
            _ => lowering.error(code::BAD_VALUE, "this is true or false", given.span, ""),
        }
    }
}

/// Extended resources that NodeResourcesFit does not look at.
pub fn ignored_resources(lowering: &mut Lowering<'_, '_>, args: &Node, spec: &mut ProfileSpec) {
    for item in args.get("ignoredResources").map_or(&[][..], Node::items) {
        let name = item.text().filter(|name| name.contains('/'));
        match name.and_then(|name| lowering.tables.extended(name)) {
            Some(id) => spec.ignored_extended |= 1 << id.0,
            None => {
                let message = "only extended resources, such as `nvidia.com/gpu`, can be ignored";
                lowering.error(code::BAD_VALUE, message, item.span, "");
            }
        }
    }
}

/// Gives pods without constraints those of their profile, where a selector can be derived.
pub fn spread_by_default(spec: &SchedulerSpec, shapes: &mut IdVec<ShapeId, PodShape>) {
    for shape in shapes.iter_mut().filter(|shape| shape.spread.is_empty()) {
        let profile = spec.profiles.iter().find(|profile| profile.name == shape.scheduler);
        let Some(list) = profile.and_then(|profile| profile.default_spread.as_ref()) else {
            continue;
        };
        let selector = shape.default_spread.take().filter(|s| !s.requirements.is_empty());
        if let Some(selector) = selector {
            let with = |rule: &SpreadConstraint| SpreadConstraint {
                selector: Some(selector.clone()),
                ..rule.clone()
            };
            shape.spread = list.iter().map(with).collect();
        }
    }
}

//! `autoscaling.k8s.io/v1`: the spec of a VerticalPodAutoscaler, and of the short form's `vpa:`.
//!
//! Source: kubernetes/autoscaler `vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1/types.go`
//! and `pkg/utils/vpa/api.go` (`GetUpdateMode`).

use super::code;
use super::fields::Fields;
use super::findings::Findings;
use crate::control::vpa::{Amount, ContainerPolicy, UpdateMode};
use crate::scenario::pods::{Origin, VpaDraft};
use crate::scenario::{Kind, Node};

/// `--min-replicas` of the updater.
const MIN_REPLICAS: u32 = 2;

/// The `spec` of a VerticalPodAutoscaler less its target. `path` names it in messages. `None`
/// after an error.
pub fn spec(node: &Node, path: &str, found: &mut Findings) -> Option<VpaDraft> {
    let mut fields = Fields::open(node, path, found)?;
    let mut draft = VpaDraft {
        mode: UpdateMode::Recreate,
        min_replicas: MIN_REPLICAS,
        policies: Vec::new(),
        origin: Some(node.span),
    };
    if let Some(update) = fields.below("updatePolicy", found) {
        update_policy(update, &mut draft, found)?;
    }
    if let Some(mut resource) = fields.below("resourcePolicy", found) {
        for (path, item) in resource.list("containerPolicies", found) {
            draft.policies.push(container_policy(item, &path, found)?);
        }
        resource.finish(found);
    }
    not_built(&mut fields, "startupBoost", "CPU boosts at the start of a pod", found)?;
    fields.skip(&["targetRef"]);
    fields.finish(found);
    Some(draft)
}

fn update_policy(mut fields: Fields<'_>, draft: &mut VpaDraft, found: &mut Findings) -> Option<()> {
    if let Some("InPlace" | "InPlaceOrRecreate") = fields.get("updateMode").and_then(Node::as_str) {
        not_built(&mut fields, "updateMode", "resizing a pod that runs", found)?;
    }
    if let Some(node) = fields.get("updateMode") {
        // YAML 1.1 reads a bare `Off` as `false`, and what writes it again may have.
        let off = node.kind == Kind::Bool(false);
        let words = [
            ("Off", UpdateMode::Off),
            ("Initial", UpdateMode::Initial),
            ("Recreate", UpdateMode::Recreate),
            ("Auto", UpdateMode::Recreate),
        ];
        draft.mode =
            if off { UpdateMode::Off } else { fields.word("updateMode", &words, found)? };
    }
    if let Some(count) = fields.count("minReplicas", found) {
        if count == 0 {
            let place = fields.get("minReplicas").map(|node| node.span);
            let text = format!("`{}` must be at least 1", fields.path("minReplicas"));
            found.error(code::FIELD, place, text);
            return None;
        }
        draft.min_replicas = count;
    }
    not_built(&mut fields, "evictionRequirements", "conditions on evictions", found)?;
    fields.finish(found);
    Some(())
}

fn container_policy(
    node: &Node,
    path: &str,
    found: &mut Findings,
) -> Option<(String, Origin, ContainerPolicy)> {
    let mut fields = Fields::open(node, path, found)?;
    let Some(name) = fields.text("containerName", found) else {
        fields.missing("containerName", found);
        return None;
    };
    let mut policy = ContainerPolicy::default();
    if fields.get("mode").is_some() {
        let off = fields.get("mode").is_some_and(|node| node.kind == Kind::Bool(false));
        policy.off = off || fields.word("mode", &[("Auto", false), ("Off", true)], found)?;
    }
    let words = [("RequestsAndLimits", false), ("RequestsOnly", true)];
    if fields.get("controlledValues").is_some() {
        policy.requests_only = fields.word("controlledValues", &words, found)?;
    }
    if fields.get("controlledResources").is_some() {
        (policy.cpu, policy.memory) = (false, false);
        for (path, item) in fields.list("controlledResources", found) {
            match item.as_str() {
                Some("cpu") => policy.cpu = true,
                Some("memory") => policy.memory = true,
                _ => {
                    let text = format!("`{path}` must be `cpu` or `memory`");
                    found.error(code::FIELD, Some(item.span), text);
                    return None;
                }
            }
        }
    }
    for (key, amount) in [("minAllowed", &mut policy.min), ("maxAllowed", &mut policy.max)] {
        if let Some(mut given) = fields.below(key, found) {
            let bytes = |milli: i64| milli / 1_000;
            *amount = Amount {
                cpu: given.quantity_milli("cpu", found),
                memory: given.quantity_milli("memory", found).map(bytes),
            };
            given.finish(found);
        }
    }
    let above = |min: Option<i64>, max: Option<i64>| {
        min.is_some_and(|min| max.is_some_and(|max| min > max))
    };
    if above(policy.min.cpu, policy.max.cpu) || above(policy.min.memory, policy.max.memory) {
        let text = format!("`{path}`: `minAllowed` must not be more than `maxAllowed`");
        found.error(code::FIELD, Some(node.span), text);
        return None;
    }
    fields.finish(found);
    Some((name.to_owned(), Some(node.span), policy))
}

/// Refuses a field that would change what happens.
fn not_built(fields: &mut Fields<'_>, key: &str, what: &str, found: &mut Findings) -> Option<()> {
    let Some(node) = fields.get(key) else { return Some(()) };
    let text = format!("`{}`: {what} cannot be simulated yet", fields.path(key));
    found.error(code::NOT_BUILT, Some(node.span), text);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Sources;

    fn read(text: &str) -> (Option<VpaDraft>, Vec<String>) {
        let mut sources = Sources::default();
        let file = sources.add("vpa.yaml", text);
        let node = sources.parse(file).unwrap().remove(0);
        let mut found = Findings::default();
        let spec = spec(&node, "spec", &mut found);
        (spec, found.into_list().into_iter().map(|d| d.message).collect())
    }

    #[test]
    fn modes_and_defaults() {
        for (text, mode, replicas) in [
            ("{}", UpdateMode::Recreate, 2),
            ("{updatePolicy: {updateMode: Auto, minReplicas: 1}}", UpdateMode::Recreate, 1),
            ("{updatePolicy: {updateMode: Initial}}", UpdateMode::Initial, 2),
            ("{updatePolicy: {updateMode: \"Off\"}}", UpdateMode::Off, 2),
            ("{updatePolicy: {updateMode: Off}}", UpdateMode::Off, 2),
        ] {
            let (spec, found) = read(text);
            let spec = spec.unwrap();
            assert_eq!((spec.mode, spec.min_replicas), (mode, replicas), "{text}");
            assert_eq!(found, [""; 0]);
        }
    }

    #[test]
    fn a_policy_of_a_container() {
        let (spec, found) = read(
            "resourcePolicy: {containerPolicies: [{containerName: '*', minAllowed: {cpu: 100m}, \
             maxAllowed: {memory: 1Ki}, controlledResources: [cpu], controlledValues: \
             RequestsOnly}]}",
        );
        assert_eq!(found, [""; 0]);
        let (name, _, policy) = spec.unwrap().policies.remove(0);
        let expected = ContainerPolicy {
            off: false,
            min: Amount { cpu: Some(100), memory: None },
            max: Amount { cpu: None, memory: Some(1_024) },
            cpu: true,
            memory: false,
            requests_only: true,
        };
        assert_eq!((name.as_str(), policy), ("*", expected));
    }

    #[test]
    fn what_is_wrong_or_not_built_is_refused() {
        for (text, message) in [
            ("{updatePolicy: {updateMode: Atuo}}", "must be one of `Off`, `Initial`"),
            ("{updatePolicy: {updateMode: InPlaceOrRecreate}}", "resizing a pod that runs"),
            ("{updatePolicy: {minReplicas: 0}}", "must be at least 1"),
            ("{updatePolicy: {evictionRequirements: []}}", "cannot be simulated yet"),
            ("{startupBoost: {}}", "cannot be simulated yet"),
            ("{resourcePolicy: {containerPolicies: [{mode: Auto}]}}", "containerName` is missing"),
            (
                "{resourcePolicy: {containerPolicies: [{containerName: a, minAllowed: {cpu: 2}, \
                 maxAllowed: {cpu: 1}}]}}",
                "must not be more than `maxAllowed`",
            ),
            (
                "{resourcePolicy: {containerPolicies: [{containerName: a, controlledResources: \
                 [gpu]}]}}",
                "must be `cpu` or `memory`",
            ),
        ] {
            let (spec, found) = read(text);
            assert!(spec.is_none(), "{text}");
            assert!(found[0].contains(message), "{text}: {found:?}");
        }
    }
}

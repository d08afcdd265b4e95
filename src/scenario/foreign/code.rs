//! Stable codes of findings in real files.

use crate::scenario::code::codes;

codes! {
    FIELD "manifest-field" "a field of a real file has the wrong type or an impossible value",
        "correct the field; the cluster would refuse it too";
    REQUIRED "manifest-required" "a field that the API server insists on is missing",
        "add the field; the cluster would refuse the object without it";
    OBJECT "manifest-object" "a document is not a Kubernetes object",
        "give every document `apiVersion`, `kind` and `metadata.name`";
    TWICE "manifest-twice" "two objects have the same kind, namespace and name",
        "keep one of them, or rename one";
    SOURCE "trigger-source" "a trigger names no queue of the scenario",
        "add the queue to `queues:`, or name one by `forescale.source` in the trigger's metadata";
    TARGET "scaler-target" "a scaler names a target that is not there",
        "add the target to the manifests, or correct `scaleTargetRef`";
    TWO_SCALERS "scaler-twice" "two scalers work on one target and would undo each other",
        "keep one of them; put all triggers into one ScaledObject";
    PRIORITY_CLASS "priority-class" "a pod names a PriorityClass that is not there",
        "add the PriorityClass to the manifests, or correct `priorityClassName`";
    POOL "pool-name" "`pool:` names a pool that is not there",
        "use the name of one of `agentPoolProfiles`";
    POLICY "container-policy" "Azure Policy reports containers without requests or limits",
        "give every container CPU and memory requests and limits";
    ADMISSION "admission" "the API server would refuse the pods of a workload",
        "change the pod template or the rule that refuses it";
    EXTENDED "extended-resources" "more kinds of extended resources than can be simulated",
        "leave out the kinds that nothing asks for";
    USE "use-unknown" "a scaler reads CPU or memory, and nothing says what the pods use",
        "give the workload `serves`, or `cpu` and `memory` in `consumes`";
    NOT_BUILT "not-built-yet" "the simulation cannot do this yet",
        "leave it out, or drive the workload by a queue";
    AZ "az-file" "what `az` printed cannot be used as it is",
        "print it again with `az aks show -o json` or `az aks nodepool list -o json`";
    SUBNET "subnet-size" "the size of a subnet is not known, so it can never be full",
        "add `networkProfile.subnet.addressPrefix`";
}

//! What the API server and AKS make of pods.

use forescale::cloud::NetworkMode;
use forescale::cloud::system_pods::{SystemPodsContext, aks_system_pods};
use forescale::model::{OwnerKind, PodShape, SafeToEvict, TaintEffect};
use forescale::plan::WorkloadKind;
use forescale::scenario::foreign::Findings;
use forescale::scenario::pods::{Drafts, Tables, system_drafts};
use forescale::unit::Duration;

use crate::kit;

/// The shape of the first workload of a manifest.
fn shape(text: &str) -> (PodShape, Tables) {
    let mut tables = Tables::default();
    let (drafts, mut found) = kit::drafts(text, &mut tables);
    let lowered = kit::lowered(drafts, &mut tables, &mut found);
    assert!(!found.has_errors(), "{:?}", found.into_list());
    let shape = tables.shapes()[lowered.workloads.as_slice()[0].shape].clone();
    (shape, tables)
}

fn object(kind: &str, pod: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n  selector: \
         {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}, annotations: \
         {{cluster-autoscaler.kubernetes.io/safe-to-evict: 'false', \
         cluster-autoscaler.kubernetes.io/pod-scale-up-delay: 1m30s}}}}\n    spec: {pod}\n"
    )
}

#[test]
fn requests_are_what_the_scheduler_reserves() {
    const RANGE: &str = "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: l}\nspec: \
                         {limits: \
                         [{type: Container, default: {cpu: 2}, defaultRequest: {memory: 64Mi}}]}\n";
    let limits = "{containers: [{name: a, resources: {limits: {cpu: 1, memory: 1Gi}}}]}";
    let half = "{containers: [{name: a, resources: {requests: {cpu: 250m}, limits: {cpu: 1}}}]}";
    let two = "{containers: [{name: a, resources: {requests: {cpu: 250m}}}, {name: b}], \
               initContainers: [{name: c, restartPolicy: Always, resources: {requests: {cpu: \
               100m}}}, {name: d, resources: {requests: {cpu: 300m}}}]}";
    let overhead = "{containers: [{name: a, resources: {requests: {cpu: 1}}}], overhead: {cpu: \
                    50m}, resources: {requests: {cpu: 500m}}}";
    for (pod, more, cpu, memory, scoring_memory) in [
        (limits, "", 1_000, 1 << 30, 1 << 30),
        (half, "", 250, 0, 200 << 20),
        (two, "", 400, 0, 600 << 20),
        (overhead, "", 550, 0, 200 << 20),
        ("{containers: [{name: a}]}", RANGE, 2_000, 64 << 20, 64 << 20),
        (half, RANGE, 250, 64 << 20, 64 << 20),
    ] {
        let (shape, _) = shape(&format!("{}{more}", object("Deployment", pod)));
        let requests = &shape.requests;
        let got = (requests.cpu_milli, requests.memory, shape.scoring.memory);
        assert_eq!(got, (cpu, memory, scoring_memory), "{pod} {more}");
        assert_eq!(requests.pods, 1);
    }
}

#[test]
fn admission_adds_what_pods_do_not_say() {
    for (kind, owner, spreads, tolerations) in [
        ("Deployment", OwnerKind::ReplicaSet, true, 2),
        ("StatefulSet", OwnerKind::StatefulSet, true, 2),
        // not-ready and unreachable for ever, four pressures.
        ("DaemonSet", OwnerKind::DaemonSet, false, 6),
    ] {
        let (shape, _) = shape(&object(kind, "{containers: [{name: a, image: nginx}]}"));
        assert_eq!(shape.owner, owner);
        assert_eq!(shape.default_spread.is_some(), spreads, "{kind}");
        assert_eq!(shape.tolerations.len(), tolerations, "{kind}");
        assert_eq!(shape.grace, Duration::from_secs(30));
        assert_eq!(shape.annotations.safe_to_evict, SafeToEvict::No);
        assert_eq!(shape.annotations.scale_up_delay, Some(Duration::from_secs(90)));
        assert_eq!(shape.priority, None);
    }
    let (shape, _) = shape(&object(
        "Deployment",
        "{containers: [{name: a}], tolerations: [{key: node.kubernetes.io/not-ready, operator: \
         Exists, effect: NoExecute, tolerationSeconds: 10}]}",
    ));
    let seconds: Vec<_> = shape.tolerations.iter().map(|t| t.seconds).collect();
    assert_eq!(seconds, [Some(Duration::from_secs(10)), Some(Duration::from_secs(300))]);
    assert!(shape.tolerations.iter().all(|t| t.effect == Some(TaintEffect::NoExecute)));
}

#[test]
fn priority_comes_from_classes() {
    const CLASSES: &str = "---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: \
                           {name: gold}\nvalue: 1000\npreemptionPolicy: Never\n---\napiVersion: \
                           scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: base}\n\
                           value: 5\nglobalDefault: true\n";
    for (class, more, priority, never) in [
        ("", "", None, false),
        ("", CLASSES, Some(5), false),
        (", priorityClassName: gold", CLASSES, Some(1_000), true),
        (", priorityClassName: system-node-critical", "", Some(2_000_001_000), false),
    ] {
        let pod = format!("{{containers: [{{name: a}}]{class}}}");
        let (shape, _) = shape(&format!("{}{more}", object("Deployment", &pod)));
        assert_eq!((shape.priority, shape.never_preempts), (priority, never), "{class}");
    }
}

#[test]
fn what_holds_a_pod_to_its_node_is_kept() {
    let (shape, tables) = shape(&object(
        "StatefulSet",
        "{hostNetwork: true, containers: [{name: a, image: nginx, ports: [{containerPort: 80}]}], \
         volumes: [{name: d, persistentVolumeClaim: {claimName: d}}, {name: e, emptyDir: {}}, \
         {name: m, emptyDir: {medium: Memory}}, {name: h, hostPath: {path: /}}, {name: c, \
         configMap: {name: c}}]}",
    ));
    assert_eq!(shape.volumes.data_disks, 1);
    let local: Vec<_> = shape.volumes.local.iter().map(|&v| tables.symbols.text(v)).collect();
    assert_eq!(local, ["e", "h"]);
    assert_eq!(shape.host_ports[0].port, 80);
    let image = tables.images()[shape.containers[0].image].0;
    assert_eq!(tables.symbols.text(image), "nginx:latest");
}

#[test]
fn the_pods_of_aks_come_first_and_tolerate_their_nodes() {
    let mut tables = Tables::default();
    let context = SystemPodsContext { mode: NetworkMode::Overlay, keda: true, windows: false };
    let (mut drafts, mut found) =
        kit::drafts(&object("Deployment", "{containers: [{name: a}]}"), &mut tables);
    let pods = aks_system_pods(context);
    drafts.workloads.extend(system_drafts(&pods, 10, 80, &mut tables));
    let lowered = kit::lowered(drafts, &mut tables, &mut found);
    let system: Vec<bool> = lowered.workloads.iter().map(|w| w.system).collect();
    assert_eq!(system.iter().filter(|system| **system).count(), pods.len());
    assert!(system.is_sorted_by_key(|system| !system), "system workloads come first");
    let named = |name: &str| {
        let name = tables.symbols.find(name).unwrap();
        lowered.workloads.iter().find(|w| w.name == name).unwrap()
    };
    let coredns = named("coredns");
    assert_eq!((coredns.kind, coredns.replicas), (WorkloadKind::Deployment, 3));
    let shape = &tables.shapes()[coredns.shape];
    assert_eq!(shape.node_affinity.preferred[0].0, 100);
    assert_eq!(tables.symbols.text(shape.tolerations[0].key.unwrap()), "CriticalAddonsOnly");
    let proxy = &tables.shapes()[named("kube-proxy").shape];
    assert_eq!(proxy.tolerations.len(), 1, "everything is tolerated already");
    assert!(lowered.budgets.iter().all(|budget| budget.selector.is_some()));
}

#[test]
fn other_objects_are_read_or_noted() {
    let text = "apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
- {apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {cpu: 1}}}
- apiVersion: batch/v1
  kind: Job
  metadata: {name: nightly, namespace: shop}
  spec: {parallelism: 3, completions: 9, template: {spec: {containers: [{name: a}]}}}
- apiVersion: v1
  kind: Pod
  metadata: {name: p, ownerReferences: [{kind: ReplicaSet, name: r, controller: true}]}
  spec: {containers: [{name: a}]}
- apiVersion: keda.sh/v1alpha1
  kind: ScaledJob
  metadata: {name: worker}
  spec:
    jobTargetRef: {template: {spec: {containers: [{name: a}]}}}
    triggers: [{type: azure-queue, metadata: {queueName: orders}}]
";
    let mut tables = Tables::default();
    let (drafts, mut found) = kit::drafts(text, &mut tables);
    let lowered = kit::lowered(drafts, &mut tables, &mut found);
    let read: Vec<_> = lowered.workloads.iter().map(|w| (w.kind, w.replicas)).collect();
    assert_eq!(read, [(WorkloadKind::Job, 3), (WorkloadKind::ScaledJob, 0)]);
    assert_eq!(lowered.workloads.as_slice()[0].completions, Some(9));
    assert_eq!(lowered.namespaces.len(), 2);
    let team = tables.symbols.find("team").unwrap();
    assert!(lowered.namespaces.iter().any(|(_, labels)| labels.get(team).is_some()));
    assert_eq!(found.not_modelled(), ["kind ConfigMap", "kind Pod owned by ReplicaSet"]);
    let found = found.into_list();
    assert!(found[0].message.contains("must specify cpu for: a"), "{found:?}");
}

#[test]
fn drafts_without_anything_lower_to_nothing() {
    let mut tables = Tables::default();
    let mut found = Findings::default();
    let lowered = kit::lowered(Drafts::default(), &mut tables, &mut found);
    assert!(lowered.workloads.is_empty() && lowered.budgets.is_empty());
}

/// Why no pod of a Deployment with this pod spec is ever admitted under these rules.
fn refusal(pod: &str, rules: &str) -> Option<String> {
    let mut tables = Tables::default();
    let text = format!("{}{rules}", object("Deployment", pod));
    let (drafts, mut found) = kit::drafts(&text, &mut tables);
    let lowered = kit::lowered(drafts, &mut tables, &mut found);
    assert!(!found.has_errors(), "{:?}", found.into_list());
    let admission = &lowered.workloads.as_slice()[0].admission;
    admission.never.as_ref().map(|refusal| refusal.why.clone())
}

#[test]
fn limit_ranges_and_quotas_say_which_pods_never_come() {
    let range = |item: &str| {
        format!(
            "---\napiVersion: v1\nkind: LimitRange\nmetadata: {{name: l}}\nspec: {{limits: \
             [{item}]}}\n"
        )
    };
    let quota = |spec: &str| {
        format!("---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: q}}\nspec: {spec}\n")
    };
    let pod = |requests: &str, limits: &str| {
        format!(
            "{{containers: [{{name: a, resources: {{requests: {{{requests}}}, limits: \
             {{{limits}}}}}}}]}}"
        )
    };
    let two = "{containers: [{name: a, resources: {requests: {cpu: 1}, limits: {cpu: 1}}}, \
               {name: b, resources: {requests: {cpu: 1}, limits: {cpu: 1}}}]}";
    let small = pod("cpu: 250m", "cpu: 1");
    for (pod, rules, expected) in [
        (&*small, range("{type: Container, min: {cpu: 100m}, max: {cpu: 1}}"), None),
        (
            &small,
            range("{type: Container, min: {cpu: 500m}}"),
            Some("minimum cpu usage per Container is 500m, but the request is less"),
        ),
        (
            &small,
            range("{type: Container, max: {cpu: 500m}}"),
            Some("maximum cpu usage per Container is 500m, but the limit is more"),
        ),
        (
            &small,
            range("{type: Container, maxLimitRequestRatio: {cpu: 2}}"),
            Some("cpu max limit to request ratio per Container is 2, but the ratio is more"),
        ),
        (two, range("{type: Container, max: {cpu: 1}}"), None),
        (
            two,
            range("{type: Pod, max: {cpu: 1}}"),
            Some("maximum cpu usage per Pod is 1, but the limit is more"),
        ),
        // A default limit stands in for what is not said, and a request follows it.
        ("{containers: [{name: a}]}", range("{type: Container, default: {cpu: 1}}"), None),
        (
            "{containers: [{name: a}]}",
            quota("{hard: {limits.cpu: 4}}"),
            Some("failed quota: q: must specify limits.cpu for: a"),
        ),
        (
            two,
            quota("{hard: {requests.cpu: 1500m}}"),
            Some("one pod needs requests.cpu=2, quota q allows 1500m"),
        ),
        (two, quota("{hard: {requests.cpu: 1}, scopes: [BestEffort]}"), None),
        ("{containers: [{name: a}]}", quota("{hard: {pods: 1}, scopes: [BestEffort]}"), None),
        (
            two,
            quota("{hard: {count/deployments.apps: 0}}"),
            Some("exceeded quota: q, limited: count/deployments.apps=0"),
        ),
    ] {
        assert_eq!(refusal(pod, &rules).as_deref(), expected, "{pod} {rules}");
    }
}

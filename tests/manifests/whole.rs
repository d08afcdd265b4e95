//! Whole scenarios that name real files.

use forescale::plan::{Plan, WorkloadKind, WorkloadSpec};
use forescale::scenario::{Loaded, MemoryFiles, load};
use forescale::unit::Symbol;

const MANIFESTS: &str = include_str!("files/order-processor.yaml");
const SHOW: &str = include_str!("files/aks-show.json");

/// The cluster of `az aks show`, the manifests in namespace `shop`, and the same workload in the
/// short form in namespace `short`.
const SCENARIO: &str = "
apiVersion: forescale/v1
kind: Scenario
metadata: {name: order-processor}
simulation: {start: '2026-11-17T12:00:00Z', duration: 1h}
cluster: {from: aks.json, networkProfile: {subnets: {aks: {addressPrefix: 10.240.0.0/24}}}}
manifests: [k8s/*.yaml]
queues: {orders: {arrivals: [{poisson: {rate: 4/s}}]}}
workloads:
- name: order-processor             # of the manifests: says what its pods do
  consumes: {queue: orders, serviceTime: 2s}
  startup: {imageSize: 900MB, appStart: 10s}
- name: order-processor
  namespace: short
  pool: spot
  requests: {cpu: 500m, memory: 512Mi}
  limits: {cpu: 1, memory: 512Mi}
  annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: 'true'}
  topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway,
     labelSelector: {matchLabels: {app: order-processor}}}
  terminationGracePeriodSeconds: 60
  scaledObject:
    pollingInterval: 15
    cooldownPeriod: 60
    minReplicaCount: 0
    maxReplicaCount: 30
    advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {
      stabilizationWindowSeconds: 120, policies: [{type: Percent, value: 50, periodSeconds: 30}]}}}}
    triggers: [{type: azure-servicebus, metadata: {queueName: orders, messageCount: '5'}}]
  consumes: {queue: orders, serviceTime: 2s}
  startup: {image: 'shop.azurecr.io/order-processor:1.4.2', imageSize: 900MB, appStart: 10s,
    livenessProbe: {periodSeconds: 10}}
  podDisruptionBudget: {maxUnavailable: 20%}
";

fn load_with(scenario: &str) -> Loaded {
    let files = MemoryFiles::new()
        .with("scenario.yaml", scenario)
        .with("k8s/order-processor.yaml", MANIFESTS)
        .with("aks.json", SHOW);
    load("scenario.yaml", &[], &files)
}

fn plan(scenario: &str) -> Plan {
    let loaded = load_with(scenario);
    let text = loaded.diagnostics.render(false);
    loaded.plan.unwrap_or_else(|| panic!("{text}"))
}

fn of<'p>(plan: &'p Plan, namespace: &str) -> &'p WorkloadSpec {
    let namespace = plan.symbols.find(namespace).unwrap();
    let mut own = plan.workloads.iter().filter(|workload| !workload.system);
    own.find(|workload| workload.namespace == namespace).unwrap()
}

#[test]
fn real_files_and_the_short_form_make_equal_parts_of_one_plan() {
    let plan = plan(SCENARIO);
    let (real, short) = (of(&plan, "shop"), of(&plan, "short"));
    assert_eq!(real.kind, WorkloadKind::Deployment);
    let same = WorkloadSpec { namespace: real.namespace, shape: real.shape, ..short.clone() };
    assert_eq!(same, *real);

    let mut shape = plan.shapes[short.shape].clone();
    assert_eq!(shape.namespace, short.namespace);
    shape.namespace = real.namespace;
    // The short form has no volumes.
    shape.volumes = plan.shapes[real.shape].volumes.clone();
    assert_eq!(shape, plan.shapes[real.shape]);

    let budget = |namespace: Symbol| {
        plan.budgets.iter().find(|budget| budget.namespace == namespace).unwrap().clone()
    };
    let mut other = budget(short.namespace);
    other.namespace = real.namespace;
    assert_eq!(other, budget(real.namespace));
}

#[test]
fn what_the_manifest_settles_cannot_be_said_again() {
    for more in [
        "requests: {cpu: 1}",
        "pool: spot",
        "kind: StatefulSet",
        "labels: {team: shop}",
        "scaledObject: {triggers: [{type: azure-servicebus, metadata: {queueName: orders}}]}",
    ] {
        let item = format!("  {more}\n  startup: {{imageSize");
        let loaded = load_with(&SCENARIO.replacen("  startup: {imageSize", &item, 1));
        assert!(loaded.plan.is_none(), "{more}");
        let text = loaded.diagnostics.render(false);
        let told = text.contains("manifest-twice") || text.contains("scaler-twice");
        assert!(told, "{more}: {text}");
        assert!(text.contains("scenario.yaml") && text.contains("k8s/"), "{more}: {text}");
    }
}

#[test]
fn the_missing_subnet_is_named() {
    let text = SCENARIO.replace(
        "{from: aks.json, networkProfile: {subnets: {aks: {addressPrefix: 10.240.0.0/24}}}}",
        "aks.json",
    );
    let loaded = load_with(&text);
    let text = loaded.diagnostics.render(false);
    assert!(text.contains("networkProfile.subnets.aks.addressPrefix"), "{text}");
    assert!(loaded.plan.is_some(), "{text}");
}

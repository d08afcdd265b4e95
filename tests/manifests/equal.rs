//! A workload in the short form and as real manifests is the same workload.

use forescale::control::hpa::{
    Behavior, PolicySelect, ScalingPolicy, ScalingPolicyKind, ScalingRules,
};
use forescale::plan::{IntOrPercent, ScalerKind, WorkloadKind};
use forescale::scenario::Severity;
use forescale::scenario::foreign::{Findings, keda, kubernetes};
use forescale::scenario::pods::{
    BudgetDraft, Drafts, ScalerDraft, Tables, VolumeDraft, VolumeKind, WorkloadDraft,
};
use forescale::unit::Duration;

use crate::kit;

const MANIFESTS: &str = include_str!("files/order-processor.yaml");

/// What `kubernetes::template` gets from the short form of the same workload.
const TEMPLATE: &str = "
metadata:
  labels: {app: order-processor}
  annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: 'true'}
spec:
  nodeSelector: {agentpool: spot}
  terminationGracePeriodSeconds: 60
  tolerations:
  - {key: kubernetes.azure.com/scalesetpriority, value: spot, effect: NoSchedule}
  topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway,
     labelSelector: {matchLabels: {app: order-processor}}}
  containers:
  - name: main
    image: shop.azurecr.io/order-processor:1.4.2
    resources: {requests: {memory: 536870912, cpu: 0.5}, limits: {cpu: 1000m, memory: 0.5Gi}}
    livenessProbe: {failureThreshold: 3, periodSeconds: 10}
";

const SCALED_OBJECT: &str = "
triggers: [{type: azure-servicebus, metadata: {messageCount: 5, queueName: orders}}]
maxReplicaCount: 30
pollingInterval: 15
cooldownPeriod: 60
advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {
  policies: [{type: Percent, value: 50, periodSeconds: 30}], stabilizationWindowSeconds: 120}}}}
";

/// The drafts that the short form makes.
fn short_form(tables: &mut Tables) -> (Drafts, Findings) {
    let mut found = Findings::default();
    let name = "order-processor";
    let mut draft = WorkloadDraft::new(name, "shop", WorkloadKind::Deployment, None);
    let template = &kit::documents(TEMPLATE)[0];
    draft.pod = kubernetes::template(template, name, tables, &mut found).unwrap();
    draft.label("app", name, tables);
    draft.pod.volumes = vec![VolumeDraft {
        name: "scratch".to_owned(),
        kind: VolumeKind::EmptyDir,
        size: None,
        zone: None,
    }];
    let spec = &kit::documents(SCALED_OBJECT)[0];
    let scaler = keda::scaled_object(spec, name, None, "scaledObject", &mut found);
    draft.scaler = scaler.map(ScalerDraft::ScaledObject);
    draft.budget = Some(BudgetDraft {
        name: name.to_owned(),
        namespace: "shop".to_owned(),
        selector: None,
        min_available: None,
        max_unavailable: Some(IntOrPercent::Percent(20)),
        always_allow_unhealthy: false,
        origin: None,
    });
    let mut drafts = Drafts::default();
    drafts.add(draft, &mut found);
    (drafts, found)
}

#[test]
fn short_form_and_manifests_lower_to_the_same_plan_parts() {
    let mut tables = Tables::default();
    let (drafts, mut found) = kit::drafts(MANIFESTS, &mut tables);
    let real = kit::lowered(drafts, &mut tables, &mut found);
    let shapes = tables.shapes().len();
    let images = tables.images().len();
    let (drafts, mut found_short) = short_form(&mut tables);
    let short = kit::lowered(drafts, &mut tables, &mut found_short);

    for found in [found.into_list(), found_short.into_list()] {
        assert_eq!(kit::messages(&found, Severity::Error), [""; 0]);
    }
    assert_eq!(short, real);
    assert_eq!((shapes, images), (1, 1));
    assert_eq!(tables.shapes().len(), 1, "both forms share one shape");
    assert_eq!(tables.images().len(), 1, "both forms share one image");
}

#[test]
fn the_manifests_mean_what_they_say() {
    let mut tables = Tables::default();
    let (drafts, mut found) = kit::drafts(MANIFESTS, &mut tables);
    let lowered = kit::lowered(drafts, &mut tables, &mut found);
    let workload = &lowered.workloads.as_slice()[0];
    assert_eq!(workload.kind, WorkloadKind::Deployment);
    assert_eq!(workload.replicas, 0, "it rests at minReplicaCount");
    let Some(ScalerKind::ScaledObject(spec)) = &workload.scaler else { panic!("no scaler") };
    assert_eq!(spec.triggers[0].target_milli, 5_000);
    assert_eq!((spec.min_replicas, spec.max_replicas), (0, 30));
    let policy =
        |kind, value, period| ScalingPolicy { kind, value, period: Duration::from_secs(period) };
    let behavior = Behavior {
        up: ScalingRules {
            stabilization: Some(Duration::ZERO),
            select: PolicySelect::Max,
            policies: vec![
                policy(ScalingPolicyKind::Pods, 4, 15),
                policy(ScalingPolicyKind::Percent, 100, 15),
            ],
            tolerance_milli: None,
        },
        down: ScalingRules {
            stabilization: Some(Duration::from_secs(120)),
            select: PolicySelect::Max,
            policies: vec![policy(ScalingPolicyKind::Percent, 50, 30)],
            tolerance_milli: None,
        },
    };
    assert_eq!(spec.behavior, Some(behavior));

    let shape = &tables.shapes()[workload.shape];
    assert_eq!((shape.requests.cpu_milli, shape.requests.memory), (500, 512 << 20));
    assert_eq!(shape.grace, Duration::from_secs(60));
    assert_eq!(shape.tolerations.len(), 3, "its own and two of admission");
    assert_eq!(shape.volumes.local.len(), 1);
    assert!(shape.default_spread.is_some());
}

#[test]
fn what_has_no_effect_is_noted_once() {
    let mut tables = Tables::default();
    let (_, found) = kit::drafts(MANIFESTS, &mut tables);
    assert_eq!(
        found.not_modelled(),
        ["kind Service", "spec.advanced.restoreToOriginalReplicaCount"]
    );
}

//! ScaledObjects.

use crate::kit::{Depths, deployment, findings, scenario, writes};

/// A row: the field, Kubernetes' version (which pins KEDA's), minutes, replicas at the start,
/// annotations, `spec`, planned events, depths, and the writes.
struct Row {
    field: &'static str,
    version: &'static str,
    minutes: u32,
    replicas: u32,
    annotations: &'static str,
    object: &'static str,
    inject: &'static str,
    depths: Depths,
    writes: &'static str,
}

const ROW: Row = Row {
    field: "",
    version: "1.36",
    minutes: 20,
    replicas: 0,
    annotations: "",
    object: "",
    inject: "",
    depths: BURST,
    writes: "",
};

/// Twenty messages from 100 s to 200 s.
const BURST: Depths = Depths(&[(100, 20), (200, 0)], &[]);

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        let body = deployment(row.replicas, row.annotations, row.object);
        let outcome = scenario(row.version, row.minutes, &body, row.inject, &row.depths);
        let got = writes(&outcome);
        if got != row.writes {
            wrong.push(format!("{}:\n  expected {}\n  got      {got}", row.field, row.writes));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A trigger that asks for a replica for each five messages.
macro_rules! orders {
    ($more:literal) => {
        concat!(
            "triggers: [{type: azure-servicebus, metadata: {queueName: orders, messageCount: ",
            "\"5\"}",
            $more,
            "}]"
        )
    };
}

#[test]
fn polling_and_cooldown() {
    check(&[
        Row {
            field: "defaults: a poll each 30 s, cooldown 300 s",
            object: orders!(""),
            writes: "120 keda 0-1, 120 hpa 1-4, 510 keda 4-0",
            ..ROW
        },
        Row {
            field: "pollingInterval 45",
            object: concat!("pollingInterval: 45, ", orders!("")),
            writes: "135 keda 0-1, 135 hpa 1-4, 495 keda 4-0",
            ..ROW
        },
        Row {
            field: "cooldownPeriod 60",
            object: concat!("cooldownPeriod: 60, ", orders!("")),
            writes: "120 keda 0-1, 120 hpa 1-4, 270 keda 4-0",
            ..ROW
        },
        Row {
            field: "a target that stands at the start goes to zero at the first poll",
            replicas: 3,
            object: orders!(""),
            writes: "30 keda 3-0, 120 keda 0-1, 120 hpa 1-4, 510 keda 4-0",
            ..ROW
        },
        Row {
            field: "initialCooldownPeriod 50",
            replicas: 3,
            object: concat!("initialCooldownPeriod: 50, ", orders!("")),
            writes: "60 keda 3-0, 120 keda 0-1, 120 hpa 1-4, 510 keda 4-0",
            ..ROW
        },
        Row {
            field: "initialCooldownPeriod 50 before 2.14 (KEDA 2.11 of Kubernetes 1.30)",
            version: "1.30",
            replicas: 3,
            object: concat!("initialCooldownPeriod: 50, ", orders!("")),
            writes: "30 keda 3-0, 120 keda 0-1, 120 hpa 1-4, 510 keda 4-0",
            ..ROW
        },
    ]);
}

#[test]
fn bounds() {
    check(&[
        Row {
            field: "minReplicaCount 2",
            object: concat!("minReplicaCount: 2, ", orders!("")),
            writes: "0 keda 0-2, 105 hpa 2-4, 510 hpa 4-2",
            ..ROW
        },
        Row {
            field: "maxReplicaCount 3",
            object: concat!("maxReplicaCount: 3, ", orders!("")),
            writes: "120 keda 0-1, 120 hpa 1-3, 510 keda 3-0",
            ..ROW
        },
        Row {
            field: "idleReplicaCount 0 under minReplicaCount 2",
            object: concat!(
                "idleReplicaCount: 0, minReplicaCount: 2, cooldownPeriod: 60, ",
                orders!("")
            ),
            writes: "120 keda 0-2, 120 hpa 2-4, 270 keda 4-0",
            ..ROW
        },
        Row {
            field: "behavior: path B, 5 and 10",
            depths: Depths(&[(100, 50), (200, 0)], &[]),
            object: concat!(
                "advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: \
                 {stabilizationWindowSeconds: 0}}}}, ",
                orders!("")
            ),
            writes: "120 keda 0-1, 120 hpa 1-5, 135 hpa 5-10, 210 hpa 10-1, 510 keda 1-0",
            ..ROW
        },
    ]);
}

#[test]
fn pauses() {
    check(&[
        Row {
            field: "paused",
            annotations: "autoscaling.keda.sh/paused: \"true\"",
            replicas: 3,
            object: orders!(""),
            ..ROW
        },
        Row {
            field: "paused: false",
            annotations: "autoscaling.keda.sh/paused: \"false\"",
            replicas: 3,
            object: orders!(""),
            writes: "30 keda 3-0, 120 keda 0-1, 120 hpa 1-4, 510 keda 4-0",
            ..ROW
        },
        Row {
            field: "paused-replicas wins over paused: false, and is written once",
            annotations: "autoscaling.keda.sh/paused: \"false\", \
                          autoscaling.keda.sh/paused-replicas: \"4\"",
            inject: "{setReplicas: {workload: worker, replicas: 6, at: \"12:05\"}}",
            replicas: 3,
            object: orders!(""),
            writes: "0 keda 3-4, 300 user 4-6",
            ..ROW
        },
        Row {
            field: "paused-scale-in (2.19)",
            annotations: "autoscaling.keda.sh/paused-scale-in: \"true\"",
            object: concat!("cooldownPeriod: 60, ", orders!("")),
            writes: "120 keda 0-1, 120 hpa 1-4",
            ..ROW
        },
        Row {
            field: "paused-scale-in is unknown to 2.17",
            version: "1.35",
            annotations: "autoscaling.keda.sh/paused-scale-in: \"true\"",
            object: concat!("cooldownPeriod: 60, ", orders!("")),
            writes: "120 keda 0-1, 120 hpa 1-4, 270 keda 4-0",
            ..ROW
        },
        Row {
            field: "paused-scale-out (2.19): from zero",
            annotations: "autoscaling.keda.sh/paused-scale-out: \"true\"",
            object: orders!(""),
            ..ROW
        },
        Row {
            field: "paused-scale-out (2.19): above zero the HPA is held",
            annotations: "autoscaling.keda.sh/paused-scale-out: \"true\"",
            replicas: 1,
            object: concat!("minReplicaCount: 1, ", orders!("")),
            ..ROW
        },
        Row {
            field: "paused-scale-out is unknown to 2.17",
            version: "1.35",
            annotations: "autoscaling.keda.sh/paused-scale-out: \"true\"",
            replicas: 1,
            object: concat!("minReplicaCount: 1, ", orders!("")),
            writes: "105 hpa 1-4, 510 hpa 4-1",
            ..ROW
        },
        Row {
            field: "force-activation (2.19)",
            annotations: "autoscaling.keda.sh/force-activation: \"true\"",
            depths: Depths(&[], &[]),
            object: orders!(""),
            writes: "0 keda 0-1",
            ..ROW
        },
    ]);
}

macro_rules! fallback {
    ($behavior:literal) => {
        concat!(
            "fallback: {failureThreshold: 2, replicas: 3",
            $behavior,
            "}, minReplicaCount: 1, ",
            orders!("")
        )
    };
}

macro_rules! six {
    ($behavior:literal) => {
        concat!(
            "fallback: {failureThreshold: 2, replicas: 6",
            $behavior,
            "}, minReplicaCount: 1, ",
            orders!("")
        )
    };
}

const FAILS: &str = "{sourceFail: {queue: orders, at: \"12:03\", for: 5m}}";

#[test]
fn fallbacks() {
    check(&[
        Row {
            field: "no fallback: what stands stays",
            replicas: 1,
            inject: FAILS,
            object: concat!("minReplicaCount: 1, ", orders!("")),
            writes: "105 hpa 1-4, 480 hpa 4-1",
            ..ROW
        },
        Row {
            field: "fallback static",
            replicas: 1,
            inject: FAILS,
            object: fallback!(""),
            writes: "105 hpa 1-4, 480 hpa 4-3, 780 hpa 3-1",
            ..ROW
        },
        Row {
            field: "fallback currentReplicas",
            replicas: 1,
            inject: FAILS,
            object: fallback!(", behavior: currentReplicas"),
            writes: "105 hpa 1-4, 780 hpa 4-1",
            ..ROW
        },
        Row {
            field: "fallback currentReplicasIfHigher: 4 stay",
            replicas: 1,
            inject: FAILS,
            object: fallback!(", behavior: currentReplicasIfHigher"),
            writes: "105 hpa 1-4, 780 hpa 4-1",
            ..ROW
        },
        Row {
            field: "fallback currentReplicasIfLower: 3",
            replicas: 1,
            inject: FAILS,
            object: fallback!(", behavior: currentReplicasIfLower"),
            writes: "105 hpa 1-4, 480 hpa 4-3, 780 hpa 3-1",
            ..ROW
        },
        Row {
            field: "fallback currentReplicasIfHigher of 6",
            replicas: 1,
            inject: FAILS,
            object: six!(", behavior: currentReplicasIfHigher"),
            writes: "105 hpa 1-4, 195 hpa 4-6, 780 hpa 6-1",
            ..ROW
        },
        Row {
            field: "fallback currentReplicasIfLower of 6: 4 stay",
            replicas: 1,
            inject: FAILS,
            object: six!(", behavior: currentReplicasIfLower"),
            writes: "105 hpa 1-4, 780 hpa 4-1",
            ..ROW
        },
        Row {
            field: "fallback behaviours are unknown before 2.17 (KEDA 2.16 of Kubernetes 1.33)",
            version: "1.33",
            replicas: 1,
            inject: FAILS,
            object: fallback!(", behavior: currentReplicas"),
            writes: "105 hpa 1-4, 480 hpa 4-3, 780 hpa 3-1",
            ..ROW
        },
        Row {
            field: "from zero a fallback stands in since 2.19",
            inject: "{sourceFail: {queue: orders, at: \"12:01\", for: 5m}}",
            object: concat!("fallback: {failureThreshold: 2, replicas: 3}, ", orders!("")),
            writes: "120 keda 0-1, 120 hpa 1-3, 660 keda 3-0",
            ..ROW
        },
        Row {
            field: "from zero no fallback stands in before 2.19",
            version: "1.35",
            inject: "{sourceFail: {queue: orders, at: \"12:01\", for: 5m}}",
            object: concat!("fallback: {failureThreshold: 2, replicas: 3}, ", orders!("")),
            ..ROW
        },
        Row {
            field: "failureThreshold 40: never reached",
            replicas: 1,
            inject: FAILS,
            object: concat!(
                "fallback: {failureThreshold: 40, replicas: 3}, minReplicaCount: 1, ",
                orders!("")
            ),
            writes: "105 hpa 1-4, 480 hpa 4-1",
            ..ROW
        },
    ]);
}

const TWO: Depths = Depths(&[(100, 20), (200, 0)], &[(100, 40), (200, 0)]);

macro_rules! both {
    ($modifiers:literal) => {
        concat!(
            "advanced: {scalingModifiers: {",
            $modifiers,
            "}}, triggers: [{name: orders, type: azure-servicebus, metadata: {queueName: orders, ",
            "messageCount: \"5\"}}, {name: mail, type: azure-servicebus, metadata: {queueName: ",
            "mail, messageCount: \"20\"}}]"
        )
    };
}

#[test]
fn several_triggers_and_modifiers() {
    check(&[
        Row {
            field: "several triggers: the largest wins",
            depths: TWO,
            object: "triggers: [{type: azure-servicebus, metadata: {queueName: orders, \
                     messageCount: \"20\"}}, {type: azure-servicebus, metadata: {queueName: mail, \
                     messageCount: \"20\"}}]",
            writes: "120 keda 0-1, 120 hpa 1-2, 510 keda 2-0",
            ..ROW
        },
        Row {
            field: "scalingModifiers.formula and target",
            depths: TWO,
            object: both!("formula: orders + mail, target: \"20\""),
            writes: "120 keda 0-1, 120 hpa 1-3, 510 keda 3-0",
            ..ROW
        },
        Row {
            field: "scalingModifiers.activationTarget: the composite must be above",
            depths: TWO,
            object: both!("formula: orders + mail, target: \"20\", activationTarget: \"60\""),
            ..ROW
        },
        Row {
            field: "scalingModifiers.metricType Value multiplies by ready pods",
            depths: TWO,
            object: both!("formula: orders + mail, target: \"20\", metricType: Value"),
            writes: "120 keda 0-1, 135 hpa 1-3, 150 hpa 3-6, 165 hpa 6-12, 180 hpa 12-24, \
                     195 hpa 24-48, 210 hpa 48-72, 510 keda 72-0",
            ..ROW
        },
        Row {
            field: "activationMessageCount 20 is not exceeded",
            object: "triggers: [{type: azure-servicebus, metadata: {queueName: orders, \
                     messageCount: \"5\", activationMessageCount: \"20\"}}]",
            ..ROW
        },
        Row {
            field: "metricType Value of a trigger",
            minutes: 3,
            object: "triggers: [{type: azure-servicebus, metricType: Value, metadata: {queueName: \
                     orders, messageCount: \"5\"}}]",
            writes: "120 keda 0-1, 135 hpa 1-4, 150 hpa 4-8, 165 hpa 8-16, 180 hpa 16-32",
            ..ROW
        },
        Row {
            field: "useCachedMetrics: the HPA sees what the last poll saw",
            depths: Depths(&[(100, 20), (125, 40)], &[]),
            minutes: 5,
            object: orders!(", useCachedMetrics: true"),
            writes: "120 keda 0-1, 120 hpa 1-4, 150 hpa 4-8",
            ..ROW
        },
        Row {
            field: "without useCachedMetrics it reads live",
            depths: Depths(&[(100, 20), (125, 40)], &[]),
            minutes: 5,
            object: orders!(""),
            writes: "120 keda 0-1, 120 hpa 1-4, 135 hpa 4-8",
            ..ROW
        },
    ]);
}

/// An HPA of the user's own, which asks for eight replicas, and a ScaledObject on the same target.
fn with_an_hpa(annotations: &str) -> String {
    let object = concat!(
        "advanced: {horizontalPodAutoscalerConfig: {name: mine}}, minReplicaCount: 1, ",
        orders!("")
    );
    deployment(1, annotations, object)
        + "- {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: mine}, \
           spec: {scaleTargetRef: {kind: Deployment, name: worker, apiVersion: apps/v1}, \
           minReplicas: 8, maxReplicas: 9, metrics: [{type: External, external: {metric: {name: \
           orders}, target: {type: AverageValue, averageValue: \"1\"}}}]}}\n"
}

#[test]
fn an_hpa_is_taken_over_or_refused() {
    let annotation = "scaledobject.keda.sh/transfer-hpa-ownership: \"true\"";
    let taken = scenario("1.36", 20, &with_an_hpa(annotation), "", &BURST);
    assert_eq!(writes(&taken), "105 hpa 1-4, 510 hpa 4-1", "as if the HPA were not there");
    let refused = findings("1.36", 20, &with_an_hpa(""), "", &BURST);
    assert!(refused.contains("has two scalers"), "{refused}");
}

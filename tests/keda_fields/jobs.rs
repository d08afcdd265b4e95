//! ScaledJobs.

use crate::kit::{Depths, jobs, scenario};

/// A row: the field, `spec` less its triggers, depths, and the Jobs that KEDA made: seconds, Jobs
/// running before and after.
struct Row {
    field: &'static str,
    version: &'static str,
    spec: &'static str,
    triggers: &'static str,
    workload: &'static str,
    inject: &'static str,
    minutes: u32,
    depths: Depths,
    jobs: &'static str,
}

const ROW: Row = Row {
    field: "",
    version: "1.36",
    spec: "",
    triggers: "{type: azure-servicebus, metadata: {queueName: orders, messageCount: \"1\"}}",
    workload: "duration: 65s",
    inject: "",
    minutes: 4,
    depths: FIVE,
    jobs: "",
};

/// Five messages from 10 s on, whoever works.
const FIVE: Depths = Depths(&[(10, 5)], &[]);
const TWO: Depths = Depths(&[(10, 5)], &[(10, 2)]);

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        let body = format!(
            "workloads:\n- name: render\n  kind: ScaledJob\n  requests: {{cpu: 10m, memory: 10Mi}}\n  \
             {}\n  scaledJob: {{{}triggers: [{}]}}\n",
            row.workload, row.spec, row.triggers
        );
        let got = jobs(&scenario(row.version, row.minutes, &body, row.inject, &row.depths));
        if got != row.jobs {
            wrong.push(format!("{}:\n  expected {}\n  got      {got}", row.field, row.jobs));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Two triggers: five messages, and two with a target of one half.
const BOTH: &str = "{type: azure-servicebus, metadata: {queueName: orders, messageCount: \"5\"}}, \
                    {type: azure-servicebus, metadata: {queueName: mail, messageCount: \"1\"}}";

#[test]
fn intervals_and_bounds() {
    check(&[
        Row { field: "defaults: a poll each 30 s", ..ROW },
        Row { field: "pollingInterval 45", spec: "pollingInterval: 45, ", ..ROW },
        Row { field: "maxReplicaCount 3", spec: "maxReplicaCount: 3, ", ..ROW },
        Row {
            field: "minReplicaCount 2: the maximum of 4 leaves them out",
            spec: "minReplicaCount: 2, maxReplicaCount: 4, ",
            ..ROW
        },
        Row {
            field: "activationMessageCount 5 is not exceeded",
            triggers: "{type: azure-servicebus, metadata: {queueName: orders, messageCount: \
                       \"1\", activationMessageCount: \"5\"}}",
            ..ROW
        },
        Row {
            field: "a source that fails makes no Job",
            inject: "{sourceFail: {queue: orders, at: \"12:00\", for: 2m}}",
            ..ROW
        },
    ]);
}

#[test]
fn strategies() {
    check(&[
        Row { field: "accurate: what runs is not taken off", spec: "scalingStrategy: {strategy: accurate}, ", ..ROW },
        Row {
            field: "accurate: pending Jobs are taken off",
            spec: "scalingStrategy: {strategy: accurate}, ",
            workload: "duration: 65s\n  startup: {appStart: 100s}",
            ..ROW
        },
        Row {
            field: "pendingPodConditions PodScheduled: Jobs that start are not pending",
            spec: "scalingStrategy: {strategy: accurate, pendingPodConditions: [PodScheduled]}, ",
            workload: "duration: 65s\n  startup: {appStart: 100s}",
            ..ROW
        },
        Row {
            field: "custom: deduction 1, half of those that run",
            spec: "scalingStrategy: {strategy: custom, customScalingQueueLengthDeduction: 1, \
                   customScalingRunningJobPercentage: \"0.5\"}, ",
            ..ROW
        },
        Row {
            field: "custom without a percentage is default",
            spec: "scalingStrategy: {strategy: custom, customScalingQueueLengthDeduction: 1}, ",
            ..ROW
        },
        Row {
            field: "eager up to 12",
            spec: "maxReplicaCount: 12, scalingStrategy: {strategy: eager}, ",
            ..ROW
        },
        Row {
            field: "eager is unknown before 2.15 (KEDA 2.14 of Kubernetes 1.32): default",
            version: "1.32",
            spec: "maxReplicaCount: 12, scalingStrategy: {strategy: eager}, ",
            ..ROW
        },
    ]);
}

#[test]
fn several_scalers() {
    let rows = [
        ("multipleScalersCalculation max: five messages by five", "max"),
        ("min", "min"),
        ("avg", "avg"),
        ("sum", "sum"),
    ];
    let _ = rows;
    check(&[
        Row {
            field: "max: the longer queue, one Job",
            triggers: BOTH,
            depths: TWO,
            ..ROW
        },
        Row {
            field: "min: the shorter queue, two Jobs",
            spec: "scalingStrategy: {multipleScalersCalculation: min}, ",
            triggers: BOTH,
            depths: TWO,
            ..ROW
        },
        Row {
            field: "avg: one and a half, rounded up",
            spec: "scalingStrategy: {multipleScalersCalculation: avg}, ",
            triggers: BOTH,
            depths: TWO,
            ..ROW
        },
        Row {
            field: "sum: three",
            spec: "scalingStrategy: {multipleScalersCalculation: sum}, ",
            triggers: BOTH,
            depths: TWO,
            ..ROW
        },
    ]);
}

#[test]
fn templates_and_history() {
    check(&[
        Row {
            field: "successfulJobsHistoryLimit 3",
            spec: "successfulJobsHistoryLimit: 3, ",
            ..ROW
        },
        Row {
            field: "failedJobsHistoryLimit 0",
            spec: "failedJobsHistoryLimit: 0, jobTargetRef: {activeDeadlineSeconds: 20}, ",
            ..ROW
        },
        Row {
            field: "parallelism 2, completions 4: a Job runs twice as long",
            spec: "jobTargetRef: {parallelism: 2, completions: 4}, ",
            minutes: 5,
            ..ROW
        },
    ]);
}

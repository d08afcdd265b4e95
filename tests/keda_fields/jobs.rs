//! ScaledJobs.

use forescale::vocabulary::Cause;

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
            "workloads:\n- name: render\n  kind: ScaledJob\n  requests: {{cpu: 10m, memory: \
             10Mi}}\n  {}\n  scaledJob: {{{}triggers: [{}]}}\n",
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
        Row { field: "defaults: a poll each 30 s", jobs: "30 0-5, 120 0-5, 210 0-5", ..ROW },
        Row {
            field: "pollingInterval 45",
            spec: "pollingInterval: 45, ",
            jobs: "45 0-5, 135 0-5, 225 0-5",
            ..ROW
        },
        Row {
            field: "maxReplicaCount 3",
            spec: "maxReplicaCount: 3, ",
            jobs: "30 0-3, 120 0-3, 210 0-3",
            ..ROW
        },
        Row {
            field: "minReplicaCount 2: the maximum of 4 leaves them out",
            spec: "minReplicaCount: 2, maxReplicaCount: 4, ",
            jobs: "0 0-2, 30 2-4, 90 2-4, 120 2-4, 180 2-4, 210 2-4",
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
            jobs: "120 0-5, 210 0-5",
            ..ROW
        },
    ]);
}

#[test]
fn strategies() {
    check(&[
        Row {
            field: "accurate: what runs is not taken off",
            spec: "scalingStrategy: {strategy: accurate}, ",
            jobs: "30 0-5, 60 5-10, 90 10-15, 120 10-15, 150 10-15, 180 10-15, \
                   210 10-15, 240 10-15",
            ..ROW
        },
        Row {
            field: "accurate: pending Jobs are taken off",
            spec: "scalingStrategy: {strategy: accurate}, ",
            workload: "duration: 65s\n  startup: {containerStart: 100s}",
            jobs: "30 0-5, 150 5-10",
            ..ROW
        },
        Row {
            field: "pendingPodConditions PodScheduled: Jobs that start are not pending",
            spec: "scalingStrategy: {strategy: accurate, pendingPodConditions: [PodScheduled]}, ",
            workload: "duration: 65s\n  startup: {containerStart: 100s}",
            jobs: "30 0-5, 60 5-10, 90 10-15, 120 15-20, 150 20-25, 180 25-30, \
                   210 25-30, 240 25-30",
            ..ROW
        },
        Row {
            field: "a pod is Running, and its Job not pending, before it is Ready",
            spec: "scalingStrategy: {strategy: accurate}, ",
            workload: "duration: 65s\n  startup: {appStart: 100s}",
            jobs: "30 0-5, 60 5-10, 90 10-15, 120 15-20, 150 20-25, 180 25-30, 210 25-30, \
                   240 25-30",
            ..ROW
        },
        Row {
            field: "pendingPodConditions Ready: it is",
            spec: "scalingStrategy: {strategy: accurate, pendingPodConditions: [Ready]}, ",
            workload: "duration: 65s\n  startup: {appStart: 100s}",
            jobs: "30 0-5, 150 5-10",
            ..ROW
        },
        Row {
            field: "custom: deduction 1, half of those that run",
            spec: "scalingStrategy: {strategy: custom, customScalingQueueLengthDeduction: 1, \
                   customScalingRunningJobPercentage: \"0.5\"}, ",
            jobs: "30 0-4, 60 4-6, 90 6-7, 120 3-6, 150 4-6, 180 5-7, 210 4-6, \
                   240 4-6",
            ..ROW
        },
        Row {
            field: "custom without a percentage is default",
            spec: "scalingStrategy: {strategy: custom, customScalingQueueLengthDeduction: 1}, ",
            jobs: "30 0-5, 120 0-5, 210 0-5",
            ..ROW
        },
        Row {
            field: "eager up to 12",
            spec: "maxReplicaCount: 12, scalingStrategy: {strategy: eager}, ",
            jobs: "30 0-5, 60 5-10, 90 10-12, 120 7-12, 150 7-12, 180 10-12, \
                   210 7-12, 240 7-12",
            ..ROW
        },
        Row {
            field: "eager is unknown before 2.15 (KEDA 2.14 of Kubernetes 1.32): default",
            version: "1.32",
            spec: "maxReplicaCount: 12, scalingStrategy: {strategy: eager}, ",
            jobs: "30 0-5, 120 0-5, 210 0-5",
            ..ROW
        },
    ]);
}

#[test]
fn several_scalers() {
    check(&[
        Row {
            field: "max: the longer queue, one Job",
            triggers: BOTH,
            depths: TWO,
            jobs: "30 0-1, 120 0-1, 210 0-1",
            ..ROW
        },
        Row {
            field: "min: the shorter queue, two Jobs",
            spec: "scalingStrategy: {multipleScalersCalculation: min}, ",
            triggers: BOTH,
            depths: TWO,
            jobs: "30 0-2, 120 0-2, 210 0-2",
            ..ROW
        },
        Row {
            field: "avg: one and a half, rounded up",
            spec: "scalingStrategy: {multipleScalersCalculation: avg}, ",
            triggers: BOTH,
            depths: TWO,
            jobs: "30 0-2, 120 0-2, 210 0-2",
            ..ROW
        },
        Row {
            field: "sum: three",
            spec: "scalingStrategy: {multipleScalersCalculation: sum}, ",
            triggers: BOTH,
            depths: TWO,
            jobs: "30 0-3, 120 0-3, 210 0-3",
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
            jobs: "30 0-5, 120 0-5, 120 trim 2-0, 210 0-5, 210 trim 5-0",
            ..ROW
        },
        Row {
            field: "failedJobsHistoryLimit 0",
            minutes: 2,
            spec: "failedJobsHistoryLimit: 0, jobTargetRef: {activeDeadlineSeconds: 20}, ",
            jobs: "30 0-5, 60 0-5, 60 trim 5-0, 90 0-5, 90 trim 5-0, 120 0-5, \
                   120 trim 5-0",
            ..ROW
        },
        Row {
            field: "parallelism 2, completions 4: a Job runs twice as long",
            spec: "jobTargetRef: {parallelism: 2, completions: 4}, ",
            minutes: 5,
            jobs: "30 0-5, 180 0-5",
            ..ROW
        },
    ]);
}

/// When Jobs fail whose containers crash at 40 s and 5 s after each later start; and the work that
/// was lost, in seconds.
fn crashing(kind: &str, settings: &str) -> (Vec<f64>, u64) {
    let body = format!(
        "workloads:\n- name: render\n  kind: {kind}\n  requests: {{cpu: 10m, memory: 10Mi}}\n  \
         duration: 65s\n  {settings}\n"
    );
    let crash = "{crash: {workload: render, at: \"12:00:40\", for: 10m, after: 5s}}";
    let outcome = scenario("1.36", 2, &body, crash, &Depths(&[(10, 1), (31, 0)], &[]));
    let failed = outcome.journal.entries.iter().filter(|entry| entry.action == "fail-job");
    let lost = outcome.pods.lost_work;
    assert_eq!(outcome.pod_waits[Cause::Redo as usize], lost, "lost work has its cause");
    assert_eq!(outcome.pods.wait_total, outcome.pod_waits.iter().sum::<u128>());
    let seconds = u64::try_from(lost / 1_000_000).expect("few seconds");
    (failed.map(|entry| entry.at.as_secs_f64().floor()).collect(), seconds)
}

#[test]
fn a_paused_scaled_job_makes_no_jobs() {
    let object = |paused: &str| {
        format!(
            "manifests:\n- {{apiVersion: keda.sh/v1alpha1, kind: ScaledJob, metadata: {{name: \
             render, annotations: {{autoscaling.keda.sh/paused: \"{paused}\"}}}}, spec: \
             {{jobTargetRef: {{template: {{spec: {{containers: [{{name: main}}]}}}}}}, triggers: \
             [{{type: azure-servicebus, metadata: {{queueName: orders, \
             messageCount: \"1\"}}}}]}}}}\nworkloads:\n- {{name: render, duration: 65s}}\n"
        )
    };
    for (paused, expected) in [("true", ""), ("false", "30 0-5")] {
        let body = object(paused);
        assert_eq!(jobs(&scenario("1.36", 1, &body, "", &FIVE)), expected, "paused: {paused}");
    }
}

#[test]
fn crashes_count_towards_the_backoff_limit() {
    let job = |policy: &str, limit: u32| {
        let scaled = format!(
            "restartPolicy: {policy}\n  scaledJob: {{jobTargetRef: {{backoffLimit: {limit}}}, \
             triggers: [{{type: azure-servicebus, metadata: {{queueName: orders, messageCount: \
             \"1\"}}}}]}}"
        );
        crashing("ScaledJob", &scaled)
    };
    // Never: the pod fails after 10 s of work; the next one comes after 10 s and fails after 5 s.
    assert_eq!(job("Never", 0), (vec![40.0], 10));
    assert_eq!(job("Never", 1), (vec![55.0], 15));
    // OnFailure: restarted at once, and 10 s after its second exit.
    assert_eq!(job("OnFailure", 1), (vec![40.0], 10));
    assert_eq!(job("OnFailure", 2), (vec![55.0], 15));
    assert_eq!(job("OnFailure", 6).0, [0.0; 0]);
    // The pods of another Job stand at the start, and nothing of those counts.
    let plain = |text: &str| crashing("Job", text);
    assert_eq!(plain("restartPolicy: Never\n  backoffLimit: 0"), (vec![40.0], 0));
    assert_eq!(plain("restartPolicy: Never\n  backoffLimit: 1"), (vec![55.0], 5));
    assert_eq!(plain("backoffLimit: 1"), (vec![40.0], 0));
}

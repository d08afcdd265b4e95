//! `metrics.om`: the run as OpenMetrics text with timestamps, under the names and labels that the
//! cluster autoscaler, KEDA and kube-state-metrics use, so that a board of a real cluster shows the
//! simulated one too (`promtool tsdb create-blocks-from openmetrics metrics.om`).
//!
//! Names: kubernetes/autoscaler `cluster-autoscaler/metrics/metrics.go`, kedacore/keda
//! `pkg/metricscollector/prommetrics.go`, kubernetes/kube-state-metrics
//! `docs/metrics/workload/*.md`. What only the simulation knows is called `forescale_*`.

use std::io::{self, Write};

use crate::record::{Actor, JournalLevel, Object, Outcome, Panel, PodRow};
use crate::unit::SimTime;

/// Pods are sampled no more often than Prometheus scrapes by default.
const SCRAPE_S: f64 = 60.0;

/// One time series: its labels as text, its points (seconds since the start, value).
type Points = (String, Vec<(f64, f64)>);

/// Writes the file.
pub fn openmetrics(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { outcome, out };
    autoscaler(&mut page)?;
    keda(&mut page)?;
    horizontal(&mut page)?;
    workloads(&mut page)?;
    pods(&mut page)?;
    own(&mut page)?;
    page.out.write_all(b"# EOF\n")?;
    page.out.flush()
}

struct Page<'o, 'w> {
    outcome: &'o Outcome,
    out: &'w mut dyn Write,
}

/// `{a="b",c="d"}`, values escaped.
fn labels(pairs: &[(&str, &str)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

impl Page<'_, '_> {
    /// A family; nothing if it has no series. Counters get the suffix that the format demands.
    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        series: impl IntoIterator<Item = Points>,
    ) -> io::Result<()> {
        let suffix = if kind == "counter" { "_total" } else { "" };
        let mut begun = false;
        for (labels, points) in series {
            if !begun {
                write!(self.out, "# TYPE {name} {kind}\n# HELP {name} {help}\n")?;
                begun = true;
            }
            for (at, value) in points {
                let time = self.stamp(at);
                writeln!(self.out, "{name}{suffix}{labels} {value} {time}")?;
            }
        }
        Ok(())
    }

    /// Seconds since the epoch, to the millisecond that Prometheus keeps.
    fn stamp(&self, at: f64) -> String {
        let millis = (at * 1_000.0 + 0.5) as i64;
        let (whole, rest) = (self.outcome.start_epoch + millis / 1_000, millis % 1_000);
        if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}") }
    }

    /// Columns of a panel: what they belong to, and their points.
    fn columns(&self, panel: Panel) -> Vec<(&str, Vec<(f64, f64)>)> {
        let series = &self.outcome.series;
        let of = series.columns.iter().filter(|column| column.panel == panel);
        of.map(|column| {
            let points = series.time_s.iter().copied().zip(column.values.iter().copied());
            (column.of.as_str(), points.collect())
        })
        .collect()
    }

    /// A gauge from the columns of a panel, one label.
    fn panel(&mut self, name: &str, help: &str, label: &str, panel: Panel) -> io::Result<()> {
        let columns = self.columns(panel).into_iter();
        let series: Vec<Points> =
            columns.map(|(of, points)| (labels(&[(label, of)]), points)).collect();
        self.family(name, "gauge", help, series)
    }

    /// Columns of a panel added up.
    fn sum(&self, panel: Panel) -> Vec<(f64, f64)> {
        let mut sum: Vec<(f64, f64)> =
            self.outcome.series.time_s.iter().map(|&at| (at, 0.0)).collect();
        for (_, points) in self.columns(panel) {
            for (total, (_, value)) in sum.iter_mut().zip(points) {
                total.1 += value;
            }
        }
        sum
    }

    /// Entries of the journal counted up at the instants of the series.
    fn counted(&self, weight: impl Fn(&crate::record::Entry) -> Option<f64>) -> Vec<(f64, f64)> {
        let mut entries = self.outcome.journal.entries.iter().peekable();
        let mut total = 0.0;
        let times = self.outcome.series.time_s.iter();
        times
            .map(|&at| {
                while let Some(entry) = entries.next_if(|one| one.at.as_secs_f64() <= at) {
                    total += weight(entry).unwrap_or(0.0);
                }
                (at, total)
            })
            .collect()
    }
}

fn autoscaler(page: &mut Page<'_, '_>) -> io::Result<()> {
    let states = [("ready", Panel::NodesReady), ("notStarted", Panel::NodesComing)];
    let nodes: Vec<Points> =
        states.iter().map(|(state, of)| (labels(&[("state", state)]), page.sum(*of))).collect();
    let help = "Number of nodes in cluster.";
    page.family("cluster_autoscaler_nodes_count", "gauge", help, nodes)?;
    let waiting = (labels(&[("type", "unschedulable")]), page.sum(Panel::PodsPending));
    let help = "Number of unschedulable pods in the cluster.";
    page.family("cluster_autoscaler_unschedulable_pods_count", "gauge", help, [waiting])?;
    if page.outcome.journal.level == JournalLevel::Off {
        return Ok(());
    }
    let acted = |actor, action, reason: &'static str| {
        move |entry: &crate::record::Entry| {
            let same = entry.actor == actor && entry.action == action;
            (same && (reason.is_empty() || entry.reason == reason)).then(|| match entry.change {
                Some((from, to)) => (to - from).max(0) as f64,
                None => 1.0,
            })
        }
    };
    let up = page.counted(acted(Actor::Autoscaler, "increase-size", ""));
    let help = "Number of nodes added by CA.";
    page.family("cluster_autoscaler_scaled_up_nodes", "counter", help, [(String::new(), up)])?;
    let reasons = [("empty", "ca.empty"), ("underutilized", "ca.drained")];
    let down: Vec<Points> = reasons
        .iter()
        .map(|(reason, code)| {
            let points = page.counted(acted(Actor::Autoscaler, "delete-node", code));
            (labels(&[("reason", reason)]), points)
        })
        .collect();
    let help = "Number of nodes removed by CA.";
    page.family("cluster_autoscaler_scaled_down_nodes", "counter", help, down)?;
    let timeout = page.counted(acted(Actor::Autoscaler, "back-off", "ca.timeout"));
    let provider = page.counted(|entry| {
        let failed = entry.actor == Actor::Autoscaler && entry.action == "back-off";
        (failed && entry.reason != "ca.timeout").then_some(1.0)
    });
    let failed = [
        (labels(&[("reason", "cloudProviderError")]), provider),
        (labels(&[("reason", "timeout")]), timeout),
    ];
    let help = "Number of times scale-up operation has failed.";
    page.family("cluster_autoscaler_failed_scale_ups", "counter", help, failed)
}

fn keda(page: &mut Page<'_, '_>) -> io::Result<()> {
    let (outcome, times) = (page.outcome, &page.outcome.series.time_s);
    let mut values: Vec<Points> = Vec::new();
    for one in outcome.scalers.iter().filter(|one| !one.kind.is_empty()) {
        let object = &outcome.workload_objects[one.workload as usize];
        for metric in &one.metrics {
            let index = metric.trigger.to_string();
            let labels = labels(&[
                ("namespace", &object.namespace),
                ("metric", &metric.metric),
                ("scaledObject", &one.name),
                ("scaler", &metric.scaler),
                ("triggerIndex", &index),
                ("type", one.kind),
            ]);
            let points = times.iter().copied().zip(metric.values.iter().copied());
            values.push((labels, points.filter(|(_, value)| !value.is_nan()).collect()));
        }
    }
    let help = "The current value for each scaler's metric.";
    page.family("keda_scaler_metrics_value", "gauge", help, values)
}

fn horizontal(page: &mut Page<'_, '_>) -> io::Result<()> {
    let outcome = page.outcome;
    let ready = page.columns(Panel::ReplicasReady);
    let pending = page.columns(Panel::ReplicasPending);
    let desired = page.columns(Panel::ReplicasDesired);
    let mut families: [Vec<Points>; 4] = Default::default();
    for one in &outcome.scalers {
        let Some((name, min, max)) = &one.hpa else { continue };
        let object = &outcome.workload_objects[one.workload as usize];
        let at = desired.iter().position(|(of, _)| *of == object.name);
        let Some(at) = at else { continue };
        let labels = labels(&[("namespace", &object.namespace), ("horizontalpodautoscaler", name)]);
        let flat = |value: u32| desired[at].1.iter().map(move |&(at, _)| (at, f64::from(value)));
        let current = ready[at].1.iter().zip(&pending[at].1);
        families[0].push((labels.clone(), flat(*min).collect()));
        families[1].push((labels.clone(), flat(*max).collect()));
        families[2]
            .push((labels.clone(), current.map(|(one, two)| (one.0, one.1 + two.1)).collect()));
        families[3].push((labels, desired[at].1.clone()));
    }
    let names = [
        ("spec_min_replicas", "Lower limit for the number of pods, default 1."),
        ("spec_max_replicas", "Upper limit for the number of pods."),
        ("status_current_replicas", "Current number of replicas of pods."),
        ("status_desired_replicas", "Desired number of replicas of pods."),
    ];
    for ((name, help), series) in names.into_iter().zip(families) {
        page.family(&format!("kube_horizontalpodautoscaler_{name}"), "gauge", help, series)?;
    }
    Ok(())
}

/// Replicas of Deployments and StatefulSets.
fn workloads(page: &mut Page<'_, '_>) -> io::Result<()> {
    for (kind, label, wanted, ready) in [
        ("Deployment", "deployment", "spec_replicas", "status_replicas_ready"),
        ("StatefulSet", "statefulset", "replicas", "status_replicas_ready"),
    ] {
        for (metric, panel, help) in [
            (wanted, Panel::ReplicasDesired, "Number of desired pods."),
            (ready, Panel::ReplicasReady, "The number of ready replicas."),
        ] {
            let columns = page.columns(panel).into_iter();
            let series: Vec<Points> = columns
                .filter_map(|(of, points)| {
                    let mut objects = page.outcome.workload_objects.iter();
                    let object = objects.find(|one| one.name == of && one.kind == kind)?;
                    let pairs = [("namespace", object.namespace.as_str()), (label, of)];
                    Some((labels(&pairs), points))
                })
                .collect();
            page.family(&format!("kube_{label}_{metric}"), "gauge", help, series)?;
        }
    }
    Ok(())
}

/// Each pod while it exists. It counts as Running from Ready on.
fn pods(page: &mut Page<'_, '_>) -> io::Result<()> {
    let outcome = page.outcome;
    let mut times: Vec<f64> = Vec::new();
    for &at in &outcome.series.time_s {
        if times.last().is_none_or(|last| at - last >= SCRAPE_S) {
            times.push(at);
        }
    }
    let phase = |pod: &PodRow, running: bool| -> Vec<(f64, f64)> {
        let from = pod.created.as_secs_f64();
        let to = pod.ended.map_or(f64::INFINITY, SimTime::as_secs_f64);
        let ready = pod.ready.map_or(f64::INFINITY, SimTime::as_secs_f64);
        let first = times.partition_point(|&at| at < from);
        let alive = times[first..].iter().take_while(|&&at| at < to);
        alive.map(|&at| (at, f64::from(u8::from((at >= ready) == running)))).collect()
    };
    let series = outcome.pod_rows.iter().flat_map(|pod| {
        [("Pending", false), ("Running", true)].map(|(name, running)| {
            let namespace = outcome
                .workload_objects
                .get(pod.workload as usize)
                .map_or("default", |object| object.namespace.as_str());
            let labels = labels(&[("namespace", namespace), ("pod", &pod.name), ("phase", name)]);
            (labels, phase(pod, running))
        })
    });
    page.family("kube_pod_status_phase", "gauge", "The pods current phase.", series)
}

/// What only the simulation knows.
fn own(page: &mut Page<'_, '_>) -> io::Result<()> {
    for (name, help, label, panel) in [
        ("queue_messages", "Messages waiting in a queue.", "queue", Panel::QueueDepth),
        ("queue_oldest_seconds", "Age of the oldest waiting one.", "queue", Panel::QueueAge),
        ("pool_ready_nodes", "Ready nodes of a pool.", "pool", Panel::NodesReady),
        ("pool_cost_per_hour", "Price of a pool's nodes an hour.", "pool", Panel::CostRate),
        ("subnet_addresses_used", "Addresses in use.", "subnet", Panel::Addresses),
        ("quota_vcpus_used", "vCPUs in use.", "quota", Panel::Quota),
    ] {
        page.panel(&format!("forescale_{name}"), help, label, panel)?;
    }
    let evicted = page.counted(|entry| {
        (entry.actor == Actor::Azure && entry.action == "spot-kill").then_some(match entry.object {
            Object::Node(_) => 1.0,
            _ => 0.0,
        })
    });
    let help = "Spot nodes taken away.";
    if page.outcome.journal.level == JournalLevel::Off {
        return Ok(());
    }
    page.family("forescale_spot_evictions", "counter", help, [(String::new(), evicted)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(labels(&[("a", "x\"y\\z\n")]), "{a=\"x\\\"y\\\\z\\n\"}");
        assert_eq!(labels(&[]), "");
    }
}

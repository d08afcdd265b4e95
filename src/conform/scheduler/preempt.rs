//! Cases of preemption.

use serde_json::{Value, json};

use super::reader::{Bench, entries, list, strings};
use super::score::sorted;
use crate::conform::Verdict;
use crate::control::disruption::DisruptionBudgetSpec;
use crate::control::scheduler::{
    Candidate, Earlier, Nominations, Preemptor, ProfileSpec, SchedulerSpec, SchedulerView,
    choose_candidate, dry_run, may_preempt,
};
use crate::model::DisruptionBudget;
use crate::rules::{ClusterWide, FilterOptions};
use crate::unit::{Duration, IdVec, Lots, NodeId, PodId, SimTime, Symbol};
use crate::vocabulary::KubernetesVersion;

struct Stage {
    bench: Bench,
    spec: SchedulerSpec,
    images: IdVec<crate::unit::ImageId, (Symbol, u64)>,
    budgets: IdVec<crate::unit::DisruptionBudgetId, DisruptionBudgetSpec>,
    nodes: Vec<NodeId>,
    pod: PodId,
}

impl Stage {
    /// Rules that look at more than one node are not followed while victims are taken away here.
    fn looks_around(pod: &Value) -> bool {
        let keys = pod.as_object().into_iter().flatten();
        let wide = |key: &str| key.starts_with("pod_") || key.starts_with("topology_spread");
        keys.filter(|(key, _)| wide(key)).any(|(_, terms)| !list(terms).is_empty())
    }

    fn read(given: &Value) -> Option<Self> {
        let pods = list(&given["existing_pods"]).iter().chain([&given["pod"]]);
        if pods.into_iter().any(Self::looks_around) {
            return None;
        }
        let mut bench = Bench::new();
        let mut nodes = Vec::new();
        for name in list(&given["nodes"]) {
            let node = json!({"name": name, "allocatable": given["node_allocatable"]});
            nodes.push(bench.node(&node)?);
        }
        bench.existing(&given["existing_pods"], None)?;
        let pod = bench.pod(&given["pod"])?;
        let mut budgets = IdVec::new();
        for budget in list(&given["pdbs"]) {
            let disrupted: Vec<(PodId, SimTime)> = strings(&budget["already_disrupted_pods"])
                .filter_map(|name| bench.pod_names.iter().position(|known| known == name))
                .map(|index| (PodId::from(index), SimTime::ZERO))
                .collect();
            budgets.push(DisruptionBudgetSpec {
                name: Symbol::EMPTY,
                namespace: Symbol::EMPTY,
                selector: bench.selector(&budget["selector"])?,
                min_available: None,
                max_unavailable: None,
                always_allow_unhealthy: false,
            });
            bench.cluster.budgets.push(DisruptionBudget {
                allowed: budget["disruptions_allowed"].as_i64().unwrap_or(0),
                disrupted,
                ..DisruptionBudget::default()
            });
        }
        let spec = SchedulerSpec {
            version: KubernetesVersion::minor(36),
            profiles: vec![ProfileSpec::default()],
            tie_break: None,
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(10),
            cycle: Duration::ZERO,
            bind_rate_milli: 0,
            bind_burst: 0,
        };
        Some(Self { bench, spec, images: IdVec::new(), budgets, nodes, pod })
    }

    fn view(&self) -> SchedulerView<'_> {
        SchedulerView {
            cluster: &self.bench.cluster,
            spec: &self.spec,
            images: &self.images,
            budgets: &self.budgets,
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
        let options = FilterOptions::of_version(36, self.bench.known);
        let preemptor = Preemptor {
            view: self.view(),
            pod: self.pod,
            wide: &ClusterWide::default(),
            options: &options,
            nominations: &Nominations::default(),
        };
        dry_run(preemptor, &self.nodes, Lots::new(0))
    }
}

pub(super) fn victims(given: &Value, expect: &Value) -> Option<Verdict> {
    let stage = Stage::read(given)?;
    let describe = |victims: Vec<&str>, violations: &Value| json!([victims, violations]);
    let mut got = serde_json::Map::new();
    for candidate in stage.candidates() {
        let names = candidate.victims.iter().map(|pod| &*stage.bench.pod_names[usize::from(*pod)]);
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        let node = stage.bench.name_of(candidate.node).to_owned();
        got.insert(node, describe(names, &json!(candidate.violations)));
    }
    let wanted: serde_json::Map<String, Value> = entries(&expect["candidates"])
        .map(|(node, row)| {
            (node.clone(), describe(sorted(&row["victims"]), &row["pdb_violations"]))
        })
        .collect();
    Some(Verdict::compare(Value::Object(wanted), Value::Object(got)))
}

pub(super) fn node_choice(given: &Value, expect: &Value) -> Option<Verdict> {
    let stage = Stage::read(given)?;
    let candidates = stage.candidates();
    let chosen = choose_candidate(stage.view(), &candidates)?;
    let name = stage.bench.name_of(candidates[chosen].node);
    if strings(&expect["chosen_any_of"]).any(|wanted| wanted == name) {
        return Some(Verdict::Passed);
    }
    Some(Verdict::Failed { expected: expect.clone(), got: json!(name) })
}

pub(super) fn eligibility(given: &Value, expect: &Value) -> Option<Verdict> {
    let earlier = given["nominated_node"].as_str().map(|_| Earlier {
        unresolvable: given["nominated_node_filter_status"] == "UnschedulableAndUnresolvable",
        still_terminating: given["lower_priority_terminating_pod_on_nominated_node"] == true,
    });
    let got = may_preempt(given["preemption_policy"] == "Never", earlier);
    Some(Verdict::compare(expect["may_preempt"].clone(), json!(got)))
}

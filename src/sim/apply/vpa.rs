//! Vertical Pod Autoscalers: each minute what pods use becomes a recommendation, and pods that are
//! too far from it are evicted; new pods get it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::pods::Stop;
use crate::control::vpa::{
    self, Bounds, Group, INTERVAL, MOST, PeakWindow, PodView, Recommendation, UpdateMode, Usage,
    VpaSpec, admission, eviction_order,
};
use crate::model::{PodPhase, PodShape};
use crate::plan::{Beside, Plan};
use crate::record::{Actor, Object, VpaTotals};
use crate::rules::{DEFAULT_CPU_MILLI, DEFAULT_MEMORY};
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{PodId, ShapeId, WorkloadId};

/// All Vertical Pod Autoscalers, and the specifications that pods got from them.
#[derive(Debug, Default)]
pub struct VpaBook {
    rows: BTreeMap<WorkloadId, VpaMemory>,
    /// Specifications beyond those of the plan: from which of these each was made. Their number is
    /// bounded, as the buckets of the histograms are.
    made_of: Vec<ShapeId>,
    /// The same by what it was made of, CPU and memory.
    made: FxHashMap<(ShapeId, Recommended), ShapeId>,
    planned: usize,
}

/// Targets for CPU and memory.
type Recommended = (Option<i64>, Option<i64>);

/// What a Vertical Pod Autoscaler remembers.
#[derive(Debug, Default)]
pub struct VpaMemory {
    usage: Usage,
    windows: BTreeMap<PodId, PeakWindow>,
    /// What it recommends now.
    pub recommendation: Option<Recommendation>,
    /// Pods that it has evicted since the warm-up.
    pub evictions: u64,
}

impl VpaMemory {
    /// What is reported of it.
    pub fn totals(&self) -> VpaTotals {
        let numbers = |bounds: Option<Bounds>| bounds.map(|b| [b.target, b.lower, b.upper]);
        let advice = self.recommendation.unwrap_or_default();
        VpaTotals {
            cpu: numbers(advice.cpu),
            memory: numbers(advice.memory),
            evictions: self.evictions,
        }
    }
}

impl VpaBook {
    /// The book of a plan.
    pub fn new(plan: &Plan) -> Self {
        let with = plan.workloads.enumerate().filter(|(_, spec)| spec.vpa.is_some());
        Self {
            rows: with.map(|(workload, _)| (workload, VpaMemory::default())).collect(),
            planned: plan.shapes.len(),
            ..Self::default()
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What a workload's remembers.
    pub fn get(&self, workload: WorkloadId) -> Option<&VpaMemory> {
        self.rows.get(&workload)
    }

    /// A specification has been made of another: the newest of the cluster.
    pub fn made(&mut self, of: ShapeId) {
        let template = self.template_of(of);
        self.made_of.push(template);
    }

    /// The specification of the template from which a pod's was made.
    pub fn template_of(&self, shape: ShapeId) -> ShapeId {
        let made = usize::from(shape).checked_sub(self.planned);
        made.and_then(|at| self.made_of.get(at)).copied().unwrap_or(shape)
    }
}

impl World<'_> {
    /// One round of the recommender, then one of the updater. O(pods with a VPA).
    pub fn vpa_round(&mut self) {
        self.at(self.now + INTERVAL, Event::VpaRound);
        let plan = self.plan;
        for (workload, spec) in plan.workloads.enumerate() {
            let Some(vpa) = &spec.vpa else { continue };
            if self.cluster.workloads[workload].pods.is_empty() {
                continue;
            }
            self.vpa_recommend(workload, vpa);
            if vpa.mode == UpdateMode::Recreate {
                self.vpa_update(workload, vpa);
            }
        }
    }

    /// What the containers beside the first have, of a workload's pods.
    fn beside(&self, workload: WorkloadId) -> Beside {
        self.plan.workloads[workload].uses.as_ref().map_or_else(Beside::default, |it| it.beside)
    }

    fn vpa_recommend(&mut self, workload: WorkloadId, spec: &VpaSpec) {
        let Some(uses) = &self.plan.workloads[workload].uses else { return };
        let limits = self.cluster.shapes[self.template(workload)].limits - &uses.beside.limits;
        let Some(mut memory) = self.vpa.rows.remove(&workload) else { return };
        let pods = &self.cluster.workloads[workload].pods;
        memory.windows.retain(|pod, _| self.usage.pods.contains_key(pod));
        for &pod in pods.iter() {
            let Some(row) = self.usage.pods.get(&pod) else { continue };
            let limit = uses.cpu_limit(&self.cluster.shape(pod).limits);
            let Some(cpu) = row.cpu(limit) else { continue };
            memory.usage.add_cpu(cpu.usage, cpu.at);
            if uses.memory > 0 {
                let window = memory.windows.entry(pod).or_insert(PeakWindow::new(cpu.at));
                window.add(uses.memory, cpu.at, &mut memory.usage.memory);
            }
        }
        let before = memory.recommendation;
        let limits = (limits.cpu_milli, limits.memory);
        memory.recommendation =
            vpa::recommend(&memory.usage, spec.containers, &spec.policy, limits);
        let now = memory.recommendation;
        self.vpa.rows.insert(workload, memory);
        if let Some(now) = now.filter(|now| before.map(|b| targets(&b)) != Some(targets(now))) {
            let (cpu, bytes) = targets(&now);
            let amounts = cpu.unwrap_or(0).wrapping_add(bytes.unwrap_or(0)) as u64;
            self.fingerprint.add(self.now, 50, u64::from(workload.0), amounts);
            let change = before.and_then(|before| Some((targets(&before).0?, cpu?)));
            self.note(Actor::Vpa, "recommend", Object::Workload(workload), "", change, || {
                format!("its pods should request {}", words(&now))
            });
        }
    }

    fn vpa_update(&mut self, workload: WorkloadId, spec: &VpaSpec) {
        let Some(advice) = self.vpa.get(workload).and_then(|memory| memory.recommendation) else {
            return;
        };
        let beside = self.beside(workload).requests;
        let view = |&pod: &PodId| {
            let row = &self.cluster.pods[pod];
            let requests = self.cluster.shapes[row.shape].requests - &beside;
            let bound = row.phase >= PodPhase::Starting;
            (row.phase != PodPhase::Terminating && !row.phase.is_over()).then(|| PodView {
                pod,
                cpu: requests.cpu_milli,
                memory: requests.memory,
                pending: row.phase <= PodPhase::Starting && !self.usage.pods.contains_key(&pod),
                started: bound.then_some(row.bound),
            })
        };
        let state = &self.cluster.workloads[workload];
        let pods: Vec<PodView> = state.pods.iter().filter_map(view).collect();
        let mut group = Group::new(state.replicas, &pods, spec.min_replicas);
        for pod in eviction_order(&pods, &advice, self.now) {
            if group.may_evict(&pod) && self.vpa_evict(&pod, &advice) {
                group.evicted(&pod);
                let counted = self.counts();
                if let Some(memory) = self.vpa.rows.get_mut(&workload) {
                    memory.evictions += u64::from(counted);
                }
            }
        }
    }

    /// Asks the eviction API; whether the pod goes.
    fn vpa_evict(&mut self, view: &PodView, advice: &Recommendation) -> bool {
        self.record.counters.evictions += 1;
        if !self.eviction_granted(view.pod) {
            return false;
        }
        let name = self.pod_name(view.pod);
        let target = targets(advice).0;
        let change = target.map(|target| (view.cpu, target));
        self.note(Actor::Vpa, "evict", Object::Pod(view.pod), "vpa.update", change, || {
            format!("{name} makes way for one that requests {}", words(advice))
        });
        let grace = self.cluster.shape(view.pod).grace;
        self.pod_stops(view.pod, Stop::Evicted, Actor::Vpa, false);
        self.stop_pod(view.pod, grace, Stop::Evicted);
        true
    }

    /// The specification that admission gives a pod made from a template.
    pub fn vpa_admits(&mut self, workload: WorkloadId, template: ShapeId) -> ShapeId {
        let spec = self.plan.workloads[workload].vpa.as_ref();
        let Some(spec) = spec.filter(|spec| spec.mode != UpdateMode::Off) else { return template };
        let Some(advice) = self.vpa.get(workload).and_then(|memory| memory.recommendation) else {
            return template;
        };
        let template = self.vpa.template_of(template);
        let key = (template, targets(&advice));
        if let Some(&shape) = self.vpa.made.get(&key) {
            return shape;
        }
        let beside = self.beside(workload);
        let shape = with(&self.cluster.shapes[template], beside, &advice, spec);
        let shape = self.cluster.shapes.push(shape);
        self.cover_shape(template);
        self.vpa.made_of.push(template);
        self.vpa.made.insert(key, shape);
        shape
    }
}

/// A specification whose first container has what is recommended.
fn with(template: &PodShape, beside: Beside, advice: &Recommendation, spec: &VpaSpec) -> PodShape {
    let own = (template.requests - &beside.requests, template.limits - &beside.limits);
    let (mut requests, mut limits) = admission::resources((&own.0, &own.1), advice, &spec.policy);
    // A container without a request scores with a default (`GetNonzeroRequests`).
    let mut scoring = template.scoring;
    if requests.cpu_milli > 0 {
        let scored = if own.0.cpu_milli > 0 { own.0.cpu_milli } else { DEFAULT_CPU_MILLI };
        scoring.cpu_milli += requests.cpu_milli - scored;
    }
    if requests.memory > 0 {
        let scored = if own.0.memory > 0 { own.0.memory } else { DEFAULT_MEMORY };
        scoring.memory += requests.memory - scored;
    }
    requests += &beside.requests;
    limits += &beside.limits;
    PodShape { requests, limits, scoring, ..template.clone() }
}

fn targets(advice: &Recommendation) -> Recommended {
    (advice.cpu.map(|bounds| bounds.target), advice.memory.map(|bounds| bounds.target))
}

fn words(advice: &Recommendation) -> String {
    let write = |name: &str, unit: &str, shift: u32, bounds: Bounds| {
        let amount = |amount: i64| format!("{}{unit}", amount >> shift);
        let (target, lower) = (amount(bounds.target), amount(bounds.lower));
        // Without history there is no upper bound.
        let upper = if bounds.upper < MOST { amount(bounds.upper) } else { String::new() };
        format!("{name} {target} ({lower}..{upper})")
    };
    let cpu = advice.cpu.map(|bounds| write("cpu", "m", 0, bounds));
    let memory = advice.memory.map(|bounds| write("memory", "Mi", 20, bounds));
    Vec::from_iter(cpu.into_iter().chain(memory)).join(", ")
}

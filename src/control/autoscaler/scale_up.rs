//! Which groups grow, and by how much (`pkg/core/scaleup/orchestrator/orchestrator.go`).

use rustc_hash::{FxHashMap, FxHashSet};

use super::backoff::FailureKind;
use super::balance::{Share, balance};
use super::equivalence::{PodGroup, pod_groups};
use super::estimator::estimate;
use super::expander::{self, Offer, Priorities};
use super::limiter::{Limit, Limiter, cluster_limit, group_limit};
use super::placement::Candidate;
use super::quota::{QuotaResource, QuotaTracker};
use super::round_robin::RoundRobin;
use super::similar::{Comparable, SimilarityOptions, is_similar};
use super::snapshot::{Origin, Snapshot};
use super::spec::AutoscalerSpec;
use super::state::{ClusterState, StateLimits};
use super::view::{Template, View};
use crate::rules::Plugin;
use crate::unit::{Lots, PodId, PoolId, Resources, SimTime};

/// Why a group does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// Too many of its nodes are missing.
    Unhealthy,
    /// It failed before.
    BackedOff {
        /// How.
        kind: FailureKind,
        /// Until when.
        until: SimTime,
    },
    /// `maxCount` is reached.
    MaxSize,
    /// Nothing is known of its nodes.
    NoTemplate,
    /// A limit on resources.
    Quota(QuotaResource),
    /// A filter keeps the pod off its nodes.
    Filter(Plugin),
    /// The pod fits, but the estimate found no room for it.
    NotEstimated,
    /// Another group was chosen in this loop.
    NotChosen {
        /// Which.
        chosen: PoolId,
    },
}

/// What came of a scale-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleUpResult {
    /// Groups grow.
    Grows,
    /// No group could take any pod.
    NoOptions,
    /// `max-nodes-total` leaves no room.
    MaxNodes,
    /// A limit on resources leaves no room.
    Quota(QuotaResource),
    /// Not all pods could be helped, and all or nothing was wanted.
    AllOrNothing,
}

/// A group that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Increase {
    /// Position of the group.
    pub group: usize,
    /// By so many nodes.
    pub by: u32,
}

/// The decision on a scale-up.
#[derive(Clone, Debug)]
pub struct ScaleUp {
    /// What came of it.
    pub result: ScaleUpResult,
    /// Groups that grow, in order of execution.
    pub increases: Vec<Increase>,
    /// The group that the expander chose.
    pub chosen: Option<usize>,
    /// What it chose from: group, nodes and pods.
    pub offers: Vec<(usize, u32, usize)>,
    /// Pods that the chosen option helps.
    pub triggered: Vec<PodId>,
    /// Pods that some group could take, but not in this loop.
    pub awaiting: Vec<PodId>,
    /// Pods that no group can take now.
    pub remaining: Vec<PodId>,
    /// Pod groups, for explanations.
    pub groups: Vec<PodGroup>,
    /// Per pod group: why each node group does not help it.
    pub rejections: Vec<Vec<(PoolId, Rejection)>>,
}

/// What a scale-up is decided from.
#[derive(Clone, Copy, Debug)]
pub struct ScaleUpContext<'c> {
    /// Settings.
    pub spec: &'c AutoscalerSpec,
    /// The same for the cluster state.
    pub limits: &'c StateLimits,
    /// Templates by position of the group.
    pub templates: &'c [Option<Template>],
    /// Cluster state.
    pub state: &'c ClusterState,
    /// Priorities, compiled.
    pub priorities: &'c Priorities,
    /// Loop time.
    pub now: SimTime,
    /// Chance.
    pub lots: Lots,
    /// Help all pods or none.
    pub all_or_nothing: bool,
    /// By position: nodes that groups have grown by in this loop already; empty: none
    /// (`salvo-scale-up`).
    pub grown: &'c [u32],
    /// Estimates end where the sizes of groups and `max-nodes-total` do. Upstream's tests of this
    /// decision leave its limiter away.
    pub limit_estimates: bool,
}

impl ScaleUpContext<'_> {
    /// Target size of a group as the provider has it by now.
    fn target(&self, view: &View<'_>, group: usize) -> u32 {
        view.groups[group].target + self.grown.get(group).copied().unwrap_or(0)
    }
}

/// What an expander chooses: an offer, and how many nodes of it.
pub type Choice = (usize, u32);

/// A group that may grow.
struct Candidacy {
    group: usize,
    /// Per pod group: the filter that keeps it off.
    failures: Vec<Option<Plugin>>,
}

struct Option_ {
    group: usize,
    nodes: u32,
    pods: Vec<PodId>,
    similar: Vec<usize>,
}

/// Decides a scale-up with the expanders of the settings.
pub fn scale_up(
    context: &ScaleUpContext<'_>,
    snapshot: &mut Snapshot<'_>,
    pods: &[Candidate],
    robin: &mut RoundRobin,
) -> ScaleUp {
    let choose = |offers: &[Offer]| {
        let expanders = &context.spec.expanders;
        let at = expander::choose(expanders, offers, context.priorities, context.lots)?;
        Some((at, offers[at].nodes))
    };
    scale_up_with(context, snapshot, pods, robin, &choose)
}

/// Decides a scale-up with an expander of the caller's.
pub fn scale_up_with(
    context: &ScaleUpContext<'_>,
    snapshot: &mut Snapshot<'_>,
    pods: &[Candidate],
    robin: &mut RoundRobin,
    choose: &dyn Fn(&[Offer]) -> Option<Choice>,
) -> ScaleUp {
    let view = *snapshot.view();
    let groups = pod_groups(&view, pods);
    let mut decision = ScaleUp {
        result: ScaleUpResult::NoOptions,
        increases: Vec::new(),
        chosen: None,
        offers: Vec::new(),
        triggered: Vec::new(),
        awaiting: Vec::new(),
        remaining: Vec::new(),
        rejections: vec![Vec::new(); groups.len()],
        groups,
    };
    let mut tracker = QuotaTracker::upper(context.spec, snapshot);
    let mut candidates = Vec::new();
    for group in 0..view.groups.len() {
        match validate(context, &view, &tracker, snapshot.nodes(), group) {
            Ok(template) => {
                let failures = failures(snapshot, template, &decision.groups);
                candidates.push(Candidacy { group, failures });
            }
            Err(rejection) => {
                let pool = view.groups[group].pool;
                decision.rejections.iter_mut().for_each(|own| own.push((pool, rejection)));
            }
        }
    }
    let options = options(context, snapshot, &candidates, &decision.groups, robin);
    decision.note_filters(&view, &candidates);
    decision.decide(context, &view, options, &mut tracker, snapshot.nodes(), choose);
    decision.sort_pods(&view, &candidates);
    decision
}

/// Whether a group may grow by a node (an atomic one: to its full size).
fn validate<'c>(
    context: &ScaleUpContext<'c>,
    view: &View<'_>,
    tracker: &QuotaTracker,
    nodes: usize,
    group: usize,
) -> Result<&'c Template, Rejection> {
    let own = &view.groups[group];
    if !context.state.is_group_healthy(own.pool, context.limits) {
        return Err(Rejection::Unhealthy);
    }
    if let Some(entry) = context.state.backoff().active(own.pool, context.now) {
        return Err(Rejection::BackedOff { kind: entry.kind, until: entry.until });
    }
    let target = context.target(view, group);
    if target >= own.max {
        return Err(Rejection::MaxSize);
    }
    let template = context.templates[group].as_ref().ok_or(Rejection::NoTemplate)?;
    let wanted = if own.atomic { own.max - target } else { 1 };
    let total = context.spec.max_nodes_total as usize;
    if own.atomic && total > 0 && nodes + wanted as usize > total {
        return Err(Rejection::Quota(QuotaResource::Nodes));
    }
    match tracker.allowed(own.pool, &template.capacity, wanted) {
        (allowed, Some(resource)) if allowed < wanted => Err(Rejection::Quota(resource)),
        _ => Ok(template),
    }
}

/// Per pod group: the filter that keeps its first pod off a new node. Equal shapes are tried once.
fn failures(
    snapshot: &mut Snapshot<'_>,
    template: &Template,
    groups: &[PodGroup],
) -> Vec<Option<Plugin>> {
    let fork = snapshot.fork();
    let slot = snapshot.add(Origin::Estimated(0), template);
    let mut known = FxHashMap::default();
    let verdicts = groups
        .iter()
        .map(|group| {
            *known.entry(group.shape).or_insert_with(|| {
                snapshot.failure(group.shape, slot).map(|failure| failure.plugin)
            })
        })
        .collect();
    snapshot.revert(fork);
    verdicts
}

/// Whether a group with these verdicts can take all that another one can.
pub fn covers(own: &[bool], other: &[bool]) -> bool {
    own.iter().zip(other).all(|(own, other)| !own || *other)
}

fn similar_to(
    context: &ScaleUpContext<'_>,
    view: &View<'_>,
    candidates: &[Candidacy],
    own: &Candidacy,
) -> Vec<usize> {
    if !context.spec.balance_similar || view.groups[own.group].atomic {
        return Vec::new();
    }
    let options = SimilarityOptions::of(context.spec, view.words);
    let used = |template: &Template| {
        template
            .pods
            .iter()
            .fold(Resources::ZERO, |sum, &shape| sum + &view.cluster.shapes[shape].requests)
    };
    let fits = |failures: &[Option<Plugin>]| -> Vec<bool> {
        failures.iter().map(Option::is_none).collect()
    };
    let template = |group: usize| context.templates[group].as_ref().expect("candidates have one");
    let (mine, mine_used) = (template(own.group), used(template(own.group)));
    candidates
        .iter()
        .filter(|other| other.group != own.group && !view.groups[other.group].atomic)
        .filter(|other| covers(&fits(&own.failures), &fits(&other.failures)))
        .filter(|other| {
            let theirs = template(other.group);
            let first = Comparable { template: mine, used: &mine_used };
            let second = Comparable { template: theirs, used: &used(theirs) };
            is_similar(&first, &second, &options)
        })
        .map(|other| other.group)
        .collect()
}

/// An estimate for each candidate that can take any pod.
fn options(
    context: &ScaleUpContext<'_>,
    snapshot: &mut Snapshot<'_>,
    candidates: &[Candidacy],
    groups: &[PodGroup],
    robin: &mut RoundRobin,
) -> Vec<Option_> {
    let view = *snapshot.view();
    let spec = context.spec;
    let mut options = Vec::new();
    for own in candidates {
        let fitting: Vec<&PodGroup> = groups
            .iter()
            .zip(&own.failures)
            .filter(|(_, failure)| failure.is_none())
            .map(|(group, _)| group)
            .collect();
        if fitting.is_empty() {
            continue;
        }
        let similar = similar_to(context, &view, candidates, own);
        let sizes = std::iter::once(own.group).chain(similar.iter().copied());
        let sizes = sizes.map(|at| (view.groups[at].max.into(), context.target(&view, at).into()));
        let limits = [
            i64::from(spec.max_nodes_per_scale_up),
            group_limit(sizes),
            cluster_limit(spec.max_nodes_total.into(), snapshot.nodes() as i64),
        ];
        let limits = limits.into_iter().filter(|_| context.limit_estimates);
        let limiter = Limiter::new(limits.map(|nodes| Limit { nodes, micros: 0 }));
        let template = context.templates[own.group].as_ref().expect("candidates have one");
        let found = estimate(snapshot, template, &fitting, limiter, robin, spec.fast_path);
        if found.nodes == 0 || found.pods.is_empty() {
            continue;
        }
        let group = &view.groups[own.group];
        let nodes = if group.atomic { group.max } else { found.nodes };
        options.push(Option_ { group: own.group, nodes, pods: found.pods, similar });
    }
    options
}

impl ScaleUp {
    fn note_filters(&mut self, view: &View<'_>, candidates: &[Candidacy]) {
        for candidate in candidates {
            let pool = view.groups[candidate.group].pool;
            for (own, failure) in self.rejections.iter_mut().zip(&candidate.failures) {
                if let Some(plugin) = failure {
                    own.push((pool, Rejection::Filter(*plugin)));
                }
            }
        }
    }

    fn decide(
        &mut self,
        context: &ScaleUpContext<'_>,
        view: &View<'_>,
        mut options: Vec<Option_>,
        tracker: &mut QuotaTracker,
        nodes: usize,
        choose: &dyn Fn(&[Offer]) -> Option<Choice>,
    ) {
        let offers: Vec<Offer> = options.iter().map(|option| option.offer(context, view)).collect();
        self.offers = options.iter().map(|o| (o.group, o.nodes, o.pods.len())).collect();
        let Some((best, wanted)) = choose(&offers) else { return };
        let best = options.swap_remove(best);
        let asked: usize = self.groups.iter().map(|group| group.pods.len()).sum();
        if context.all_or_nothing && best.pods.len() < asked {
            self.result = ScaleUpResult::AllOrNothing;
            return;
        }
        let total = context.spec.max_nodes_total as usize;
        let room = if total > 0 { total.saturating_sub(nodes) } else { usize::MAX };
        let wanted = (wanted as usize).min(room) as u32;
        if wanted == 0 {
            self.result = ScaleUpResult::MaxNodes;
            return;
        }
        let template = context.templates[best.group].as_ref().expect("options have one");
        let pool = view.groups[best.group].pool;
        let (allowed, stopper) = tracker.allowed(pool, &template.capacity, wanted);
        if let (0, Some(resource)) = (allowed, stopper) {
            self.result = ScaleUpResult::Quota(resource);
            return;
        }
        self.grow(context, view, &best, allowed, tracker);
        let grown: u32 = self.increases.iter().map(|increase| increase.by).sum();
        if context.all_or_nothing && grown < best.nodes {
            self.increases.clear();
            self.result = ScaleUpResult::AllOrNothing;
            return;
        }
        self.result = ScaleUpResult::Grows;
        self.chosen = Some(best.group);
        self.triggered = best.pods;
    }

    /// Splits the increase over the chosen group and its similar ones.
    fn grow(
        &mut self,
        context: &ScaleUpContext<'_>,
        view: &View<'_>,
        best: &Option_,
        nodes: u32,
        tracker: &mut QuotaTracker,
    ) {
        let capacity = |group: usize| {
            context.templates[group].as_ref().map_or(Resources::ZERO, |template| template.capacity)
        };
        let allowed = |tracker: &QuotaTracker, group: usize, nodes: u32| {
            tracker.allowed(view.groups[group].pool, &capacity(group), nodes).0
        };
        let similar = best.similar.iter().copied().filter(|&at| allowed(tracker, at, 1) > 0);
        let shares = std::iter::once(best.group).chain(similar).map(|group| {
            let target = context.target(view, group);
            Share { group, current: target, new: target, max: view.groups[group].max }
        });
        for share in balance(shares, nodes) {
            let by = allowed(tracker, share.group, share.new - share.current);
            if by > 0 {
                tracker.take(view.groups[share.group].pool, &capacity(share.group), by);
                self.increases.push(Increase { group: share.group, by });
            }
        }
    }

    /// Sorts the pods that are not helped, and says why.
    fn sort_pods(&mut self, view: &View<'_>, candidates: &[Candidacy]) {
        let helped: FxHashSet<PodId> = self.triggered.iter().copied().collect();
        for (index, group) in self.groups.iter().enumerate() {
            let possible = candidates.iter().any(|own| own.failures[index].is_none());
            let left = group.pods.iter().copied().filter(|pod| !helped.contains(pod));
            if possible && self.chosen.is_some() {
                self.awaiting.extend(left);
            } else {
                self.remaining.extend(left);
            }
            for own in candidates.iter().filter(|own| own.failures[index].is_none()) {
                let rejection = match self.chosen {
                    Some(chosen) if chosen != own.group => {
                        Rejection::NotChosen { chosen: view.groups[chosen].pool }
                    }
                    _ => Rejection::NotEstimated,
                };
                self.rejections[index].push((view.groups[own.group].pool, rejection));
            }
        }
    }
}

impl Option_ {
    fn offer(&self, context: &ScaleUpContext<'_>, view: &View<'_>) -> Offer {
        let cluster = view.cluster;
        let group = &view.groups[self.group];
        let template = context.templates[self.group].as_ref().expect("options have one");
        Offer {
            id: cluster.symbols.text(group.id).to_owned(),
            nodes: self.nodes,
            pods: self.pods.len(),
            requests: self.pods.iter().fold(Resources::ZERO, |sum, &pod| {
                sum + &cluster.shapes[cluster.pods[pod].shape].requests
            }),
            capacity: template.capacity,
            price: None,
        }
    }
}

/// Groups below their minimum, healthy and not backed off, grow to it
/// (`ScaleUpToNodeGroupMinSize`).
pub fn scale_up_to_min(context: &ScaleUpContext<'_>, snapshot: &Snapshot<'_>) -> Vec<Increase> {
    let view = snapshot.view();
    let mut increases = Vec::new();
    if view.groups.iter().all(|group| group.target >= group.min) {
        return increases;
    }
    let mut tracker = QuotaTracker::upper(context.spec, snapshot);
    for (group, own) in view.groups.iter().enumerate() {
        let Some(template) = context.templates[group].as_ref() else { continue };
        if own.target >= own.min
            || !context.state.is_safe_to_scale_up(own.pool, context.limits, context.now)
        {
            continue;
        }
        let (by, _) = tracker.allowed(own.pool, &template.capacity, own.min - own.target);
        if by > 0 {
            tracker.take(own.pool, &template.capacity, by);
            increases.push(Increase { group, by });
        }
    }
    increases
}

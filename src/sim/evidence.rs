//! What watched pods, nodes and messages go through, for explanations. A run that watches nothing
//! asks one question per step and keeps nothing.

use crate::control::autoscaler::utilization::{
    UtilizationNode, UtilizationOptions, UtilizationPod,
};
use crate::control::autoscaler::{FailureKind, Fate, Reason, Rejection, Scan, utilization};
use crate::record::{
    Actor, Answer, Keep, MessageEvent, MessageStep, PodLife, PodStop, PoolAnswer, ScaleUp,
};
use crate::sim::apply::{Stop, failure_code};
use crate::sim::capacity::autoscaler_view;
use crate::sim::world::{World, scheduler_view};
use crate::unit::{NodeId, PodId, PoolId, QueueId, SimTime};

impl World<'_> {
    /// Something happens to a message.
    pub fn message_step(&mut self, queue: QueueId, number: u64, what: MessageEvent) {
        let at = self.now;
        if let Some(seen) = &mut self.evidence
            && seen.watch.messages.contains(&(queue, number))
        {
            seen.steps.push(MessageStep { at, queue, number, what });
        }
    }

    fn watches_pod(&self, pod: PodId) -> bool {
        self.evidence.as_ref().is_some_and(|seen| seen.watch.pods.contains(&pod))
    }

    /// The scheduler has found no node for a pod.
    pub fn verdict_on(&mut self, pod: PodId) {
        if !self.watches_pod(pod) {
            return;
        }
        let view = scheduler_view(self.plan, &self.cluster);
        let text = self.scheduling.scheduler.message(view, pod, &self.plan.extended);
        let at = self.now;
        if let Some(seen) = &mut self.evidence {
            seen.rejected(at, pod, text);
        }
    }

    /// A pod is told to stop, or is over, by somebody's doing.
    pub fn pod_stops(&mut self, pod: PodId, why: Stop, by: Actor, over: bool) {
        if !self.watches_pod(pod) {
            return;
        }
        let (at, how) = (self.now, why.word());
        if let Some(seen) = &mut self.evidence {
            seen.stops.push(PodStop { at, pod, how, by, over });
        }
    }

    /// What a scan of the autoscaler says of what is watched.
    pub fn scan_seen(&mut self, scan: &Scan) {
        if self.evidence.is_none() {
            return;
        }
        let answers: Vec<Answer> = scan
            .fates
            .iter()
            .filter(|&&(pod, _)| self.watches_pod(pod) && self.is_pending(pod))
            .map(|&(pod, fate)| self.answer(scan, pod, fate))
            .collect();
        let keeps = self.keeps(scan);
        if let Some(seen) = &mut self.evidence {
            answers.into_iter().for_each(|answer| seen.answered(answer));
            keeps.into_iter().for_each(|keep| seen.kept(keep));
        }
    }

    fn answer(&self, scan: &Scan, pod: PodId, fate: Fate) -> Answer {
        let rejections = match fate {
            Fate::NotHelped(index) => &scan.rejections[index as usize][..],
            _ => &[],
        };
        let (word, by) = match fate {
            Fate::FitsNode(node) => ("fits-node", self.cluster.nodes[node].pool),
            Fate::FitsUpcoming(pool) => ("fits-upcoming", Some(pool)),
            Fate::TooYoung => ("too-young", None),
            Fate::AllNew => ("all-new", None),
            Fate::Helped(pool) => ("helped", Some(pool)),
            Fate::NotHelped(_) => ("not-helped", None),
            Fate::MaxNodes => ("max-nodes", None),
            Fate::Held => ("held", None),
        };
        let pools = self.pool_answers(rejections);
        Answer { at: self.now, pod, fate: word, by, pools }
    }

    fn pool_answers(&self, rejections: &[(PoolId, Rejection)]) -> Vec<PoolAnswer> {
        rejections.iter().map(|&(pool, rejection)| self.pool_answer(pool, rejection)).collect()
    }

    /// A pool's reason, in upstream's words where it has some
    /// (`pkg/core/scaleup/orchestrator/skippedreasons.go`).
    fn pool_answer(&self, pool: PoolId, rejection: Rejection) -> PoolAnswer {
        let plain = |reason: &str| (reason.to_owned(), None);
        let spec = &self.plan.pools[pool];
        let (reason, until) = match rejection {
            Rejection::Unhealthy => plain("too many of its nodes are missing"),
            Rejection::BackedOff { kind, until } => {
                let why = match kind {
                    FailureKind::Timeout => {
                        "nodes did not come in max-node-provision-time".to_owned()
                    }
                    FailureKind::Provider(failure) => failure_word(failure_code(failure)),
                    FailureKind::Other => self.capacity.walls[pool]
                        .map_or("instances failed".to_owned(), |failure| {
                            failure_word(failure_code(failure))
                        }),
                };
                (format!("in backoff after a failed scale-up ({why})"), Some(until))
            }
            Rejection::MaxSize => {
                (format!("max node group size reached (maxCount {})", spec.max), None)
            }
            Rejection::NoTemplate => plain("nothing is known of its nodes"),
            Rejection::Quota(resource) => {
                (format!("max cluster limit of {resource:?} reached").to_lowercase(), None)
            }
            Rejection::Filter(plugin) => {
                (format!("a node of it would not take the pod: {}", plugin.name()), None)
            }
            Rejection::NotEstimated => plain("the estimate found no room for this pod in it"),
            Rejection::NotChosen { chosen } => {
                let name = self.plan.symbols.text(self.plan.pools[chosen].name);
                let expander = self.plan.autoscaler.expanders.first();
                let by = expander.map_or("random", |expander| expander.name());
                (format!("the expander ({by}) chose {name} in this loop"), None)
            }
        };
        PoolAnswer { pool, reason, until }
    }

    /// A pool was asked to grow in a scan.
    pub fn grown(&mut self, scan: &ScanStory, pool: PoolId, by: u32, before: usize) {
        if self.evidence.is_none() {
            return;
        }
        let pods: Vec<PodId> = scan
            .fates
            .iter()
            .filter(|(_, fate)| *fate == Fate::Helped(pool))
            .map(|&(pod, _)| pod)
            .collect();
        let nodes = self.cluster.nodes.ids().skip(before).collect();
        let mut others = self.pool_answers(&scan.others);
        others.retain(|answer| answer.pool != pool);
        let offers = scan.offers.clone();
        let at = self.now;
        if let Some(seen) = &mut self.evidence {
            seen.scale_ups.push(ScaleUp { at, pool, by, offers, pods, others, nodes });
        }
    }

    /// What the autoscaler says of watched nodes.
    fn keeps(&self, scan: &Scan) -> Vec<Keep> {
        let Some(seen) = &self.evidence else { return Vec::new() };
        let there = |node: &&NodeId| self.cluster.registered.contains(node);
        seen.watch.nodes.iter().filter(there).map(|&node| self.keep(scan, node)).collect()
    }

    fn keep(&self, scan: &Scan, node: NodeId) -> Keep {
        let planner = &self.capacity.autoscaler.planner;
        let timer = planner.unneeded.iter().find(|&(id, _)| id == node).map(|(_, timer)| timer);
        let said = scan.unremovable.iter().find(|&&(id, _)| id == node).map(|&(_, why)| why);
        let said = said.or_else(|| self.no_candidate(node));
        // What was found in vain holds for a while: the reason is that of the time before.
        let said = match said {
            Some(Reason::RecentlyUnremovable) => {
                planner.unremovable.get(node).map(|(_, why)| why).or(said)
            }
            other => other,
        };
        let blocker = match said {
            Some(Reason::BlockedByPod(pod, why)) => Some((pod, why.name())),
            _ => None,
        };
        let deleting = self.capacity.deletions.contains_key(&node)
            || self.capacity.autoscaler.ongoing.contains_key(&node);
        let reason = match (said, timer) {
            _ if deleting => "CurrentlyBeingDeleted",
            (Some(why), _) => why.name(),
            (None, Some(_)) => "Unneeded",
            (None, None) => "NotLookedAt",
        };
        Keep {
            at: self.now,
            node,
            reason,
            blocker,
            unneeded_since: timer.map(|timer| timer.since),
            cooldown: scan.in_cooldown,
            used: self.used_share(node),
            pods: self.drainable_pods(node).len() as u32,
        }
    }

    /// Why a node is none that a scan considers for removal.
    fn no_candidate(&self, node: NodeId) -> Option<Reason> {
        let view = autoscaler_view(&self.cluster, &self.capacity);
        let Some(group) = view.group_of(&self.cluster.nodes[node]) else {
            return Some(Reason::NotAutoscaled);
        };
        let group = &view.groups[group];
        (group.target <= group.min).then_some(Reason::NodeGroupMinSizeReached)
    }

    /// Requested thousandths of allocatable CPU and memory, as the autoscaler counts them.
    fn used_share(&self, node: NodeId) -> (u32, u32) {
        let row = &self.cluster.nodes[node];
        let spec = &self.plan.autoscaler;
        let of = UtilizationNode { allocatable: &row.allocatable, gpu: None, devices: &[] };
        let pods = row.used.pods.iter().map(|&pod| UtilizationPod {
            shape: self.cluster.shape(pod),
            deletion: None,
            grace: None,
        });
        let options = UtilizationOptions {
            ignore_daemonsets: spec.ignore_daemonsets_utilization,
            ignore_mirror_pods: spec.ignore_mirror_pods_utilization,
        };
        let used = utilization::utilization(&of, pods, options, self.now);
        let milli = |share: f64| (share * 1_000.0).round() as u32;
        used.map_or((0, 0), |used| (milli(used.cpu), milli(used.memory)))
    }

    /// The lives of watched pods, at the end of the run.
    pub fn lives_seen(&mut self) {
        let Some(mut seen) = self.evidence.take() else { return };
        let known = |time: SimTime| (time != SimTime::NEVER).then_some(time);
        for &pod in seen.watch.pods.iter().filter(|pod| (pod.0 as usize) < self.cluster.pods.len())
        {
            let row = &self.cluster.pods[pod];
            let shape = self.cluster.shape(pod);
            let bound = known(row.bound);
            seen.lives.push(PodLife {
                pod,
                workload: row.workload,
                counted: self.record.pod_clocks[pod].counted,
                created: row.created,
                bound,
                ready: known(row.ready),
                node: row.node.filter(|_| bound.is_some()),
                requests: (shape.requests.cpu_milli, shape.requests.memory),
            });
        }
        self.evidence = Some(seen);
    }
}

/// What of a scan outlives its actions.
pub struct ScanStory {
    fates: Vec<(PodId, Fate)>,
    offers: Vec<(PoolId, u32, usize)>,
    others: Vec<(PoolId, Rejection)>,
}

impl ScanStory {
    /// Of a scan; empty where nothing is watched.
    pub fn of(scan: &Scan, watched: bool) -> Self {
        if !watched {
            return Self { fates: Vec::new(), offers: Vec::new(), others: Vec::new() };
        }
        let mut others: Vec<(PoolId, Rejection)> = Vec::new();
        for &(pool, why) in scan.rejections.iter().flatten() {
            if !others.iter().any(|&(known, _)| known == pool) {
                others.push((pool, why));
            }
        }
        Self { fates: scan.fates.clone(), offers: scan.offers.clone(), others }
    }
}

/// `SubnetIsFull` of `azure.SubnetIsFull`.
fn failure_word(code: &str) -> String {
    code.trim_start_matches("azure.").to_owned()
}

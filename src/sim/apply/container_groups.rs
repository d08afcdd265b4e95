//! Pods of the virtual node: each is a container group of Azure Container Instances, which is asked
//! for, pulls its own images, and is billed by the second until the pod is over.

use std::collections::BTreeMap;

use crate::chance::Purpose;
use crate::cloud::container_group::{
    ContainerGroupSpec, GroupQuotaBook, GroupRefusal, GroupSize, bill, retry_after,
};
use crate::control::workload::RestartPolicy;
use crate::record::{Actor, Object};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{Accrual, Duration, HourlyRate, ImageId, NodeId, PodId, SimTime, WorkloadId};
use crate::vocabulary::Cause;

/// The container groups of the virtual node.
#[derive(Default)]
pub struct GroupBook {
    /// The virtual node, if there is one.
    pub node: Option<NodeId>,
    quota: GroupQuotaBook,
    groups: BTreeMap<PodId, Group>,
    /// How often the group of a pod was refused.
    refused: BTreeMap<PodId, u32>,
    /// Bills of groups that are gone, by owner.
    paid: BTreeMap<WorkloadId, Accrual>,
}

struct Group {
    size: GroupSize,
    rate: HourlyRate,
    stage: Stage,
    /// Its first pull began.
    billed_from: Option<SimTime>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Provisioning,
    Pulling,
    Running,
}

impl Group {
    fn bill(&self, until: SimTime) -> Accrual {
        self.billed_from.map_or(Accrual::default(), |from| bill(self.rate, from, until))
    }
}

impl GroupBook {
    /// Forgets the bills of the warm-up; groups that are there are billed from now on.
    pub fn restart(&mut self, now: SimTime) {
        self.paid.clear();
        for from in self.groups.values_mut().filter_map(|group| group.billed_from.as_mut()) {
            *from = now;
        }
    }
}

impl World<'_> {
    /// Whether a node is the virtual one.
    pub fn is_virtual(&self, node: Option<NodeId>) -> bool {
        node.is_some() && node == self.groups.node
    }

    fn group_spec(&self) -> Option<&ContainerGroupSpec> {
        self.plan.virtual_node.as_ref().map(|node| &node.groups)
    }

    fn group_size(&self, pod: PodId) -> GroupSize {
        let shape = self.cluster.shape(pod);
        let containers = shape.containers.iter().filter(|container| !container.init).count();
        GroupSize::of(&shape.requests, containers)
    }

    /// The virtual kubelet asks for a pod's group.
    pub fn create_group(&mut self, pod: PodId) {
        let size = self.group_size(pod);
        let Some(spec) = self.plan.virtual_node.as_ref().map(|node| &node.groups) else { return };
        if let Err(why) = self.groups.quota.create(&spec.quotas, size, self.now) {
            return self.group_refused(pod, why);
        }
        self.groups.refused.remove(&pod);
        let row = self.cluster.pods[pod];
        let (entity, ordinal) = (self.keys.workloads[row.workload], u64::from(row.ordinal));
        let start = spec.start.sample_keyed(self.seed, Purpose::ContainerGroup, entity, ordinal);
        self.add_group(pod, size, Stage::Provisioning, None);
        self.note_step(Actor::Kubelet, "create-group", Object::Pod(pod));
        self.set_pod_cause(pod, Some(Cause::AppStart));
        self.at(self.now + start, Event::PodStage(pod, row.epoch));
    }

    fn add_group(&mut self, pod: PodId, size: GroupSize, stage: Stage, from: Option<SimTime>) {
        let rate = self.group_spec().map_or(HourlyRate(0), |spec| size.rate(spec));
        self.groups.groups.insert(pod, Group { size, rate, stage, billed_from: from });
    }

    /// The pod stays Pending (`ProviderFailed`) and its group is asked for again; a pod that is not
    /// to be restarted fails.
    fn group_refused(&mut self, pod: PodId, why: GroupRefusal) {
        let (code, text) = match why {
            GroupRefusal::Groups => ("azure.ContainerGroupQuotaReached", "no group is left"),
            GroupRefusal::Cores => ("azure.ContainerGroupQuotaReached", "too few cores are left"),
            GroupRefusal::Rate => ("azure.TooManyRequests", "too many groups created lately"),
        };
        let row = self.cluster.pods[pod];
        let never = RestartPolicy::Never;
        if self.plan.workloads[row.workload].controller.restart == never {
            self.note(Actor::Kubelet, "refuse-group", Object::Pod(pod), code, None, || {
                format!("{text}, and the pod is not to be restarted: it fails")
            });
            return self.end_pod(pod, Stop::Failed);
        }
        let refusals = self.groups.refused.entry(pod).or_default();
        *refusals += 1;
        let wait = retry_after(*refusals);
        // What is tried again within a second is no news.
        if *refusals == 1 || wait.is_none_or(|wait| wait >= Duration::from_secs(1)) {
            self.note(
                Actor::Kubelet,
                "refuse-group",
                Object::Pod(pod),
                code,
                None,
                || match wait {
                    Some(wait) => format!("{text}; the virtual kubelet tries again in {wait}"),
                    None => format!("{text} 20 times over: the virtual kubelet forgets the pod"),
                },
            );
        }
        self.set_pod_cause(pod, Some(Cause::BlockedQuota));
        if let Some(wait) = wait {
            self.at(self.now + wait, Event::PodStage(pod, row.epoch));
        }
    }

    /// A step of a group's start ends; false for a group that runs, and a pod that needs none.
    pub fn group_stage_done(&mut self, pod: PodId) -> bool {
        if !self.is_virtual(self.cluster.pods[pod].node) {
            return false;
        }
        match self.groups.groups.get(&pod).map(|group| group.stage) {
            None => self.create_group(pod),
            Some(Stage::Provisioning) => self.group_pulls(pod),
            Some(Stage::Pulling) => self.group_runs(pod),
            Some(Stage::Running) => return false,
        }
        true
    }

    /// Nothing is kept from group to group: each pulls all its images, over a link of its own.
    fn group_pulls(&mut self, pod: PodId) {
        let now = self.now;
        if let Some(group) = self.groups.groups.get_mut(&pod) {
            (group.stage, group.billed_from) = (Stage::Pulling, Some(now));
        }
        let containers = &self.cluster.shape(pod).containers;
        let mut images: Vec<ImageId> = containers.iter().map(|container| container.image).collect();
        images.sort_unstable();
        images.dedup();
        let bytes: u64 = images.iter().map(|&image| self.plan.images[image].1).sum();
        let bandwidth = u128::from(self.plan.timing.pull.bytes_per_second.max(1));
        let micros = (u128::from(bytes) * 1_000_000).div_ceil(bandwidth);
        if micros == 0 {
            return self.group_runs(pod);
        }
        self.set_pod_cause(pod, Some(Cause::ImagePull));
        let length = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        let epoch = self.cluster.pods[pod].epoch;
        self.at(now + length, Event::PodStage(pod, epoch));
    }

    fn group_runs(&mut self, pod: PodId) {
        if let Some(group) = self.groups.groups.get_mut(&pod) {
            group.stage = Stage::Running;
        }
        self.cluster.all_containers_started(pod);
        self.app_starts(pod);
    }

    /// Warm start: the group has long been there, if the quotas leave room for it.
    pub fn group_at_once(&mut self, pod: PodId) -> bool {
        let size = self.group_size(pod);
        let Some(spec) = self.plan.virtual_node.as_ref().map(|node| &node.groups) else {
            return false;
        };
        let fits = self.groups.quota.hold(&spec.quotas, size).is_ok();
        if fits {
            self.add_group(pod, size, Stage::Running, Some(self.now));
        }
        fits
    }

    /// A pod of the virtual node is over: its group is deleted, and its bill ends.
    pub fn delete_group(&mut self, pod: PodId) {
        self.groups.refused.remove(&pod);
        let Some(group) = self.groups.groups.remove(&pod) else { return };
        self.groups.quota.release(group.size);
        let workload = self.cluster.pods[pod].workload;
        *self.groups.paid.entry(workload).or_default() += group.bill(self.now);
    }

    /// What container groups cost up to now, by owner.
    pub fn group_bills(&self) -> BTreeMap<WorkloadId, Accrual> {
        let mut bills = self.groups.paid.clone();
        for (&pod, group) in &self.groups.groups {
            *bills.entry(self.cluster.pods[pod].workload).or_default() += group.bill(self.now);
        }
        bills
    }
}

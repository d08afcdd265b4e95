//! What a telling is read from, and the names in it.

use crate::plan::Plan;
use crate::record::{Actor, Entry, Evidence, Object, Outcome};
use crate::report::named;
use crate::scenario::Given;
use crate::unit::{NodeId, PodId, PoolId, QueueId, SimTime, WorkloadId};

use super::telling::Setting;

/// A run and everything that is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Book<'a> {
    /// What was simulated.
    pub plan: &'a Plan,
    /// What the scenario says itself.
    pub given: &'a Given,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// What was seen of what was watched.
    pub seen: &'a Evidence,
}

/// A name that nothing has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is called so.
    #[error("no {kind} of this run is called `{name}`{}", suggestion(near))]
    Unknown {
        /// `pod`, `node`, `queue`.
        kind: &'static str,
        /// As typed.
        name: String,
        /// Names like it.
        near: Vec<String>,
    },
    /// The number of a message that never arrived.
    #[error("{queue} got {arrived} messages, numbered from 0: there is no message {number}")]
    NoMessage {
        /// The queue.
        queue: String,
        /// How many arrived.
        arrived: u64,
        /// As typed.
        number: u64,
    },
    /// There are several queues.
    #[error("several queues have messages: say which with --queue ({})", names.join(", "))]
    WhichQueue {
        /// Their names.
        names: Vec<String>,
    },
    /// There is none.
    #[error("the scenario has no queue")]
    NoQueue,
}

fn suggestion(near: &[String]) -> String {
    match near {
        [] => String::new(),
        [only] => format!("; did you mean `{only}`?"),
        many => format!("; there are {}", many.join(", ")),
    }
}

/// At most this many names are suggested.
const SUGGESTIONS: usize = 4;

impl<'a> Book<'a> {
    /// The pod of this name.
    ///
    /// # Errors
    /// Names like it.
    pub fn pod(&self, name: &str) -> Result<PodId, NameError> {
        let all = &self.outcome.pod_names;
        let found = all.enumerate().find(|(_, own)| *own == name).map(|(pod, _)| pod);
        found.ok_or_else(|| unknown("pod", name, all.iter().map(String::as_str)))
    }

    /// The node of this name; of several lives of one name the last that began by `at`.
    ///
    /// # Errors
    /// Names like it.
    pub fn node(&self, name: &str, at: SimTime) -> Result<NodeId, NameError> {
        let all = &self.outcome.node_names;
        let mut own = all.enumerate().filter(|(_, own)| *own == name).map(|(node, _)| node);
        let began = |node: &NodeId| {
            let row = self.outcome.node_rows.get(node.0 as usize);
            row.is_none_or(|row| row.requested <= at)
        };
        let first = own.next();
        let last = first.into_iter().chain(own).rfind(began);
        last.or(first).ok_or_else(|| unknown("node", name, all.iter().map(String::as_str)))
    }

    /// The queue of this name, or the only one.
    ///
    /// # Errors
    /// Names like it, or all names where one must be chosen.
    pub fn queue(&self, name: Option<&str>) -> Result<QueueId, NameError> {
        let all = &self.outcome.queue_names;
        match (name, all.as_slice()) {
            (Some(name), _) => match all.iter().position(|own| own == name) {
                Some(index) => Ok(QueueId(index as u32)),
                None => Err(unknown("queue", name, all.iter().map(String::as_str))),
            },
            (None, []) => Err(NameError::NoQueue),
            (None, [_]) => Ok(QueueId(0)),
            (None, many) => Err(NameError::WhichQueue { names: many.to_vec() }),
        }
    }

    /// Name of a pod.
    pub fn pod_name(&self, pod: PodId) -> String {
        named(self.outcome, Object::Pod(pod)).1
    }

    /// Name of a node.
    pub fn node_name(&self, node: NodeId) -> String {
        named(self.outcome, Object::Node(node)).1
    }

    /// Name of a pool.
    pub fn pool_name(&self, pool: PoolId) -> String {
        named(self.outcome, Object::Pool(pool)).1
    }

    /// Name of a workload.
    pub fn workload_name(&self, workload: WorkloadId) -> String {
        named(self.outcome, Object::Workload(workload)).1
    }

    /// Name of a queue.
    pub fn queue_name(&self, queue: QueueId) -> String {
        named(self.outcome, Object::Queue(queue)).1
    }

    /// The workload of a pod.
    pub fn owner(&self, pod: PodId) -> Option<WorkloadId> {
        self.outcome.pod_owners.as_slice().get(pod.0 as usize).copied()
    }

    /// Weekday and time of day of an instant, milliseconds rounded down.
    pub fn clock(&self, at: SimTime) -> String {
        let millis = i64::try_from(at.micros() / 1_000).unwrap_or(i64::MAX / 2);
        let at = jiff::Timestamp::from_millisecond(self.outcome.start_epoch * 1_000 + millis);
        at.unwrap_or_default().strftime("%a %H:%M:%S%.3f").to_string()
    }

    /// Entries of the journal in a time, both ends included.
    pub fn entries(&self, from: SimTime, to: SimTime) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let all = &self.outcome.journal.entries;
        let first = all.partition_point(|entry| entry.at < from);
        all[first..].iter().take_while(move |entry| entry.at <= to)
    }

    /// The last change of a workload's replicas up to an instant.
    pub fn last_order(&self, workload: WorkloadId, at: SimTime) -> Option<&'a Entry> {
        let orders = ["set-replicas", "create-jobs"];
        self.entries(SimTime::ZERO, at)
            .filter(|entry| entry.object == Object::Workload(workload))
            .filter(|entry| orders.contains(&entry.action))
            .last()
    }

    /// The first of these settings that the scenario gives, or else left to a default; or what is
    /// given here, where the scenario cannot say.
    pub fn setting(&self, paths: &[String], otherwise: (&str, String, &str)) -> Setting {
        for path in paths {
            if let Some(given) = self.given.get(path) {
                return Setting {
                    path: path.clone(),
                    value: given.text.clone(),
                    source: given.place.clone(),
                    given: true,
                    assumed: false,
                };
            }
        }
        for path in paths {
            if let Some(known) = self.plan.assumptions.iter().find(|one| one.path == *path) {
                return Setting {
                    path: path.clone(),
                    value: known.value.clone(),
                    source: known.source.clone(),
                    given: false,
                    assumed: known.assumed,
                };
            }
        }
        let (path, value, source) = otherwise;
        Setting {
            path: path.to_owned(),
            value,
            source: source.to_owned(),
            given: false,
            assumed: false,
        }
    }
}

fn unknown<'n>(kind: &'static str, name: &str, all: impl Iterator<Item = &'n str>) -> NameError {
    let mut near: Vec<(f64, &str)> = all
        .map(|own| (strsim::jaro_winkler(own, name), own))
        .filter(|(like, _)| *like > 0.8)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    let near = near.into_iter().take(SUGGESTIONS).map(|(_, own)| own.to_owned()).collect();
    NameError::Unknown { kind, name: name.to_owned(), near }
}

/// Who acts, as the field calls it.
pub const fn actor(actor: Actor) -> &'static str {
    match actor {
        Actor::Keda => "keda-operator",
        Actor::Hpa => "HPA controller",
        Actor::Vpa => "vertical pod autoscaler",
        Actor::ApiServer => "API server",
        Actor::WorkloadController => "workload controller",
        Actor::Scheduler => "kube-scheduler",
        Actor::Autoscaler => "cluster-autoscaler",
        Actor::Azure => "Azure (scale set)",
        Actor::Kubelet => "kubelet",
        Actor::NodeController => "node controller",
        Actor::Scenario => "scenario",
    }
}

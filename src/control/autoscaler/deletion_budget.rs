//! How many deletions may start now (`pkg/core/scaledown/budgets/budgets.go`).

/// Nodes of one group that could be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupNodes<N> {
    /// Which group, as the caller counts.
    pub group: usize,
    /// The group is all or nothing.
    pub atomic: bool,
    /// Its nodes, in order.
    pub nodes: Vec<N>,
}

/// Limits, and deletions that are in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletionLimits {
    /// `max-scale-down-parallelism`
    pub parallelism: usize,
    /// `max-drain-parallelism`
    pub drain_parallelism: usize,
    /// Empty nodes being deleted.
    pub empty_in_progress: usize,
    /// Nodes being drained.
    pub drain_in_progress: usize,
}

/// Cuts candidates to the budget. `full_sizes` gives an atomic group's target and registered nodes:
/// a part that is neither is left alone.
pub fn crop<N: Clone>(
    limits: &DeletionLimits,
    empty: Vec<GroupNodes<N>>,
    drain: Vec<GroupNodes<N>>,
    full_sizes: impl Fn(usize) -> (usize, usize),
) -> (Vec<GroupNodes<N>>, Vec<GroupNodes<N>>) {
    let busy = limits.empty_in_progress + limits.drain_in_progress;
    let mut budget = Budget {
        free: limits.parallelism.saturating_sub(busy),
        free_drain: limits.drain_parallelism.saturating_sub(limits.drain_in_progress),
        untouched: true,
        empty: Vec::new(),
        drain: Vec::new(),
    };
    let (empty_atomic, empty_single): (Vec<_>, Vec<_>) = empty.into_iter().partition(|g| g.atomic);
    let (mut drain_atomic, drain_single): (Vec<_>, Vec<_>) =
        drain.into_iter().partition(|g| g.atomic);
    let is_whole = |group: usize, nodes: usize| {
        let (target, registered) = full_sizes(group);
        nodes == target || nodes == registered
    };
    for group in empty_atomic {
        let with = drain_atomic.iter().position(|other| other.group == group.group);
        let with = with.map(|at| drain_atomic.remove(at));
        let drained = with.as_ref().map_or(0, |other| other.nodes.len());
        if is_whole(group.group, group.nodes.len() + drained) {
            budget.take_atomic(Some(group), with);
        }
    }
    for group in drain_atomic {
        if is_whole(group.group, group.nodes.len()) {
            budget.take_atomic(None, Some(group));
        }
    }
    budget.take_single(empty_single, drain_single);
    (budget.empty, budget.drain)
}

struct Budget<N> {
    free: usize,
    free_drain: usize,
    /// No deletion was chosen yet: the first atomic group may exceed the budget.
    untouched: bool,
    empty: Vec<GroupNodes<N>>,
    drain: Vec<GroupNodes<N>>,
}

impl<N: Clone> Budget<N> {
    fn take_atomic(&mut self, empty: Option<GroupNodes<N>>, drain: Option<GroupNodes<N>>) {
        let drained = drain.as_ref().map_or(0, |group| group.nodes.len());
        let all = empty.as_ref().map_or(0, |group| group.nodes.len()) + drained;
        let fits = all <= self.free && drained <= self.free_drain;
        let some_left = self.free > 0 && (drained == 0 || self.free_drain > 0);
        if !(fits || self.untouched && some_left) {
            return;
        }
        self.free = self.free.saturating_sub(all);
        self.free_drain = self.free_drain.saturating_sub(drained);
        self.untouched = false;
        self.empty.extend(empty);
        self.drain.extend(drain);
    }

    fn take_single(&mut self, empty: Vec<GroupNodes<N>>, drain: Vec<GroupNodes<N>>) {
        for mut group in empty {
            group.nodes.truncate(self.free);
            self.free -= group.nodes.len();
            if !group.nodes.is_empty() {
                self.empty.push(group);
            }
        }
        for mut group in drain {
            group.nodes.truncate(self.free.min(self.free_drain));
            self.free -= group.nodes.len();
            self.free_drain -= group.nodes.len();
            if !group.nodes.is_empty() {
                self.drain.push(group);
            }
        }
    }
}

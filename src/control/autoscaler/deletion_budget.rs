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
        free: limits.parallelism as i64 - busy as i64,
        free_drain: limits.drain_parallelism as i64 - limits.drain_in_progress as i64,
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
    // The first group that does not fit ends the search.
    let mut search = true;
    for group in empty_atomic {
        let with = drain_atomic.iter().position(|other| other.group == group.group);
        let with = with.map(|at| drain_atomic.remove(at));
        let drained = with.as_ref().map_or(0, |other| other.nodes.len());
        let all = group.nodes.len() + drained;
        search &= budget.admits(all, drained);
        if search && is_whole(group.group, all) {
            budget.take_atomic(Some(group), with);
        }
    }
    for group in drain_atomic {
        let all = group.nodes.len();
        if !budget.admits(all, all) {
            break;
        }
        if is_whole(group.group, all) {
            budget.take_atomic(None, Some(group));
        }
    }
    budget.take_single(empty_single, drain_single);
    (budget.empty, budget.drain)
}

struct Budget<N> {
    /// Negative where an atomic group has exceeded it.
    free: i64,
    free_drain: i64,
    /// No deletion was chosen yet: the first atomic group may exceed a budget that is not used up.
    untouched: bool,
    empty: Vec<GroupNodes<N>>,
    drain: Vec<GroupNodes<N>>,
}

impl<N: Clone> Budget<N> {
    /// Whether an atomic group of so many nodes, some to drain, may still go.
    fn admits(&self, nodes: usize, drained: usize) -> bool {
        let fits = nodes as i64 <= self.free && drained as i64 <= self.free_drain;
        let some_left = self.free != 0 && (drained == 0 || self.free_drain != 0);
        fits || self.untouched && some_left
    }

    fn take_atomic(&mut self, empty: Option<GroupNodes<N>>, drain: Option<GroupNodes<N>>) {
        let drained = drain.as_ref().map_or(0, |group| group.nodes.len());
        let all = empty.as_ref().map_or(0, |group| group.nodes.len()) + drained;
        self.free -= all as i64;
        self.free_drain -= drained as i64;
        self.untouched = false;
        self.empty.extend(empty);
        self.drain.extend(drain);
    }

    fn take_single(&mut self, empty: Vec<GroupNodes<N>>, drain: Vec<GroupNodes<N>>) {
        for mut group in empty {
            group.nodes.truncate(self.free.max(0) as usize);
            self.free -= group.nodes.len() as i64;
            if !group.nodes.is_empty() {
                self.empty.push(group);
            }
        }
        for mut group in drain {
            group.nodes.truncate(self.free.min(self.free_drain).max(0) as usize);
            self.free -= group.nodes.len() as i64;
            self.free_drain -= group.nodes.len() as i64;
            if !group.nodes.is_empty() {
                self.drain.push(group);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups that are left of atomic ones of these sizes, all empty and whole.
    fn left(sizes: &[usize], parallelism: usize, in_progress: usize) -> Vec<usize> {
        let limits = DeletionLimits {
            parallelism,
            drain_parallelism: parallelism,
            empty_in_progress: in_progress,
            drain_in_progress: 0,
        };
        let groups = sizes.iter().enumerate();
        let groups = groups.map(|(group, &nodes)| GroupNodes {
            group,
            atomic: true,
            nodes: (0..nodes).collect(),
        });
        let (empty, _) = crop(&limits, groups.collect(), vec![], |group| (sizes[group], 0));
        empty.into_iter().map(|group| group.group).collect()
    }

    #[test]
    fn the_first_atomic_group_that_does_not_fit_ends_the_search() {
        assert_eq!(left(&[8, 3, 2], 10, 0), [0]);
        assert_eq!(left(&[12, 1], 10, 0), [0], "one may exceed the budget");
        assert_eq!(left(&[3], 10, 10), [0; 0], "not one that is used up");
        assert_eq!(
            left(&[3], 10, 12),
            [0],
            "but one that is exceeded, as upstream compares with 0"
        );
    }
}

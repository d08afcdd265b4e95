//! StatefulSets: in order, one at a time.
//!
//! kubernetes 1.36 `pkg/controller/statefulset/stateful_set_control.go`.

/// `podManagementPolicy`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodManagement {
    /// `OrderedReady`: the next pod waits for those before it.
    #[default]
    OrderedReady,
    /// `Parallel`
    Parallel,
}

/// A pod of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Ordinal.
    pub ordinal: u32,
    /// Running and Ready.
    pub ready: bool,
    /// Told to stop.
    pub terminating: bool,
    /// Of the newest revision.
    pub updated: bool,
}

/// What one sync does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatefulSetPlan {
    /// Ordinals to make, ascending.
    pub create: Vec<u32>,
    /// Ordinals to delete, highest first.
    pub delete: Vec<u32>,
}

/// One sync: makes the lowest missing ordinal when all before it are ready, and deletes the highest
/// surplus one when nothing terminates and all that stay are ready; `Parallel` waits for nobody.
/// `members` ascend by ordinal. O(members + replicas).
pub fn sync(management: PodManagement, replicas: u32, members: &[Member]) -> StatefulSetPlan {
    let mut plan = StatefulSetPlan::default();
    let ordered = management == PodManagement::OrderedReady;
    let mut next = members.iter().peekable();
    for ordinal in 0..replicas {
        match next.next_if(|member| member.ordinal == ordinal) {
            None => plan.create.push(ordinal),
            Some(member) if !ordered || (member.ready && !member.terminating) => continue,
            Some(_) => {}
        }
        if ordered {
            return plan;
        }
    }
    for member in members.iter().rev().take_while(|member| member.ordinal >= replicas) {
        if !member.terminating {
            plan.delete.push(member.ordinal);
        }
        if ordered {
            break;
        }
    }
    plan
}

/// `RollingUpdate`: the ordinal that is deleted next for a new revision, the highest first, each
/// once those above it are healthy again.
pub fn next_update(members: &[Member]) -> Option<u32> {
    for member in members.iter().rev() {
        if !member.updated && !member.terminating {
            return Some(member.ordinal);
        }
        if member.terminating || !member.ready {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(ready: &[bool]) -> Vec<Member> {
        let member =
            |(ordinal, &ready)| Member { ordinal, ready, terminating: false, updated: false };
        (0..).zip(ready).map(member).collect()
    }

    #[test]
    fn order_is_kept_unless_parallel() {
        let ordered = PodManagement::OrderedReady;
        for (management, replicas, pods, create, delete) in [
            (ordered, 3, vec![], vec![0], vec![]),
            (ordered, 3, vec![true], vec![1], vec![]),
            (ordered, 3, vec![true, false], vec![], vec![]),
            (ordered, 1, vec![true, true, true], vec![], vec![2]),
            (ordered, 1, vec![false, true, true], vec![], vec![]),
            (PodManagement::Parallel, 3, vec![false], vec![1, 2], vec![]),
            (PodManagement::Parallel, 1, vec![true, true, true], vec![], vec![2, 1]),
        ] {
            let plan = sync(management, replicas, &members(&pods));
            assert_eq!((plan.create, plan.delete), (create, delete), "{replicas} of {pods:?}");
        }
    }

    #[test]
    fn a_new_revision_begins_at_the_top_and_waits_for_each() {
        let mut pods = members(&[true, true, true]);
        assert_eq!(next_update(&pods), Some(2));
        pods[2].terminating = true;
        assert_eq!(next_update(&pods), None);
        pods[2] = Member { ready: false, terminating: false, updated: true, ..pods[2] };
        assert_eq!(next_update(&pods), None);
        pods[2].ready = true;
        assert_eq!(next_update(&pods), Some(1));
    }

    #[test]
    fn a_pod_that_terminates_is_waited_for() {
        let mut pods = members(&[true, true, true]);
        pods[2].terminating = true;
        assert_eq!(sync(PodManagement::OrderedReady, 1, &pods), StatefulSetPlan::default());
    }
}

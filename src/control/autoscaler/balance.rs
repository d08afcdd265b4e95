//! Splitting a scale-up over similar groups
//! (`pkg/processors/nodegroupset/balancing_processor.go`).

/// A group and what it grows to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which group, as the caller counts.
    pub group: usize,
    /// Target before.
    pub current: u32,
    /// Target after.
    pub new: u32,
    /// Largest target.
    pub max: u32,
}

/// Fills the smallest groups first, one node at a time. Groups that get nothing are left out.
pub fn balance(groups: impl IntoIterator<Item = Share>, nodes: u32) -> Vec<Share> {
    let mut shares: Vec<Share> =
        groups.into_iter().filter(|share| share.current < share.max).collect();
    shares.sort_by_key(|share| share.current);
    for share in &mut shares {
        share.new = share.current;
    }
    let room: u32 = shares.iter().map(|share| share.max - share.current).sum();
    let (mut left, mut start, mut at) = (nodes.min(room), 0, 0);
    while left > 0 {
        if shares[at].new < shares[at].max {
            shares[at].new += 1;
            left -= 1;
        } else {
            shares.swap(start, at);
            start += 1;
        }
        let next_is_smaller = at + 1 < shares.len() && shares[at].new > shares[at + 1].new;
        at = if next_is_smaller { at + 1 } else { start };
    }
    shares.retain(|share| share.new > share.current);
    shares
}

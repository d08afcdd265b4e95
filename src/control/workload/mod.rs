//! standin
use crate::model::*; use crate::unit::*;
pub struct Victim { pub pod: PodId, pub assigned: bool, pub running: bool, pub ready: bool, pub deletion_cost: i32, pub same_owner_on_node: u32, pub ready_since: SimTime, pub restarts: u16, pub created: SimTime }
pub fn victims(rows: &[Victim], n: usize, _now: SimTime, _l: Lots) -> Vec<usize> { let mut v: Vec<usize> = (0..rows.len()).collect(); v.sort_by_key(|&i| (rows[i].ready, std::cmp::Reverse(rows[i].created))); v.truncate(n); v }
pub fn daemon_runs_on(shape: &PodShape, node: &Node, symbols: &Symbols) -> bool {
    let f = crate::rules::NodeFacts::of(node);
    crate::rules::fits_node_affinity(shape, &f, symbols) && crate::rules::untolerated(&node.taints, &shape.tolerations).is_none()
}

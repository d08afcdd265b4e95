//! Addresses: what nodes and pods take from subnets, by network mode.
//!
//! Rules: azure-aks-docs @ fb060ab, `concepts-network-ip-address-planning.md` (2026-04-16),
//! `concepts-network-azure-cni-overlay.md` (2026-07-31) and
//! `concepts-network-azure-cni-pod-subnet.md`.

use super::limits;
use super::spec::{NetworkMode, NetworkSpec, PoolSpec, SubnetSpec};
use crate::unit::{IdVec, SubnetId};

/// Addresses that Azure keeps of every subnet: the first four and the last.
pub const KEPT_BY_AZURE: u64 = 5;

/// Addresses in a batch or block of the pod-subnet modes.
pub const BATCH: u32 = 16;

/// A node asks for another batch when fewer than this many of its addresses are free.
const LOW_WATER: u32 = BATCH / 2;

/// How far growth is followed.
const MONTHS_AHEAD: u32 = 120;

/// Products of floating numbers that should be whole are this near to it.
const ROUNDING: f64 = 1e-9;

/// Addresses that one node takes at its creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeNeed {
    /// From the node subnet.
    pub node: u64,
    /// From the pod subnet.
    pub pods: u64,
}

impl NodeNeed {
    /// What a node with `max_pods` takes.
    pub const fn of(mode: NetworkMode, max_pods: u32) -> Self {
        match mode {
            NetworkMode::Flat => Self { node: 1 + max_pods as u64, pods: 0 },
            NetworkMode::PodSubnetDynamic => Self { node: 1, pods: pod_batches(0) as u64 },
            NetworkMode::PodSubnetStatic => Self { node: 1, pods: static_blocks(max_pods) as u64 },
            NetworkMode::Overlay | NetworkMode::Kubenet | NetworkMode::None => {
                Self { node: 1, pods: 0 }
            }
        }
    }
}

/// Addresses in the static blocks of a node: one is kept per node, so 31 pods fill two blocks.
pub const fn static_blocks(max_pods: u32) -> u32 {
    (max_pods + 1).div_ceil(BATCH) * BATCH
}

/// Addresses in the dynamic batches of a node with `pods` pods: at least eight are free.
pub const fn pod_batches(pods: u32) -> u32 {
    (pods + LOW_WATER).div_ceil(BATCH) * BATCH
}

/// Usable addresses of an IPv4 subnet with this prefix length.
pub const fn usable(prefix: u8) -> u64 {
    let all = if prefix > 32 { 0 } else { 1u64 << (32 - prefix) };
    all.saturating_sub(KEPT_BY_AZURE)
}

/// Nodes that find addresses in `capacity`, of which `surge` more may exist during an upgrade.
pub const fn nodes_that_fit(mode: NetworkMode, max_pods: u32, capacity: u64, surge: u64) -> u64 {
    (capacity / NodeNeed::of(mode, max_pods).node).saturating_sub(surge)
}

/// Whole months until pools with `nodes` nodes of so many addresses each no longer find room in
/// `capacity`, if each pool needs `growth` more nodes (a share) every month. `None`: not within
/// ten years.
pub fn months_until_full(pools: &[(u32, u64)], capacity: u64, growth: f64) -> Option<u32> {
    let mut factor = 1.0;
    for month in 0..=MONTHS_AHEAD {
        let nodes = |count: u32| (f64::from(count) * factor - ROUNDING).ceil().max(0.0) as u64;
        let needed = pools.iter().map(|&(count, each)| nodes(count).saturating_mul(each));
        if needed.fold(0, u64::saturating_add) > capacity {
            return Some(month);
        }
        factor *= 1.0 + growth;
    }
    None
}

/// Nodes that an overlay's pod CIDR has a /24 for.
pub const fn overlay_nodes(pod_cidr_prefix: u8) -> u32 {
    if pod_cidr_prefix > 24 { 0 } else { 1 << (24 - pod_cidr_prefix) }
}

/// Nodes that the mode allows a cluster, of `cluster` that its tier allows.
pub fn max_nodes(mode: NetworkMode, pod_cidr_prefix: u8, cluster: u32) -> u32 {
    match mode {
        NetworkMode::Overlay => overlay_nodes(pod_cidr_prefix).min(cluster),
        NetworkMode::Kubenet => limits::KUBENET_NODES.min(cluster),
        _ => cluster,
    }
}

/// `maxPods` of a pool that does not say (`quotas-skus-regions.md`; the documents disagree on the
/// pod-subnet modes, 110 or 250: 110 is taken).
pub const fn default_max_pods(mode: NetworkMode) -> u32 {
    match mode {
        NetworkMode::Flat => 30,
        NetworkMode::Overlay => 250,
        NetworkMode::PodSubnetDynamic | NetworkMode::PodSubnetStatic => 110,
        NetworkMode::Kubenet | NetworkMode::None => 110,
    }
}

/// An IPv4 address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// First address.
    pub first: u32,
    /// Prefix length, at most 32.
    pub prefix: u8,
}

impl Cidr {
    /// Reads `10.240.0.0/24`. Bits below the prefix are ignored; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.trim().split_once('/')?;
        let prefix: u8 = prefix.parse().ok().filter(|&p| p <= 32)?;
        let address = u32::from(address.parse::<std::net::Ipv4Addr>().ok()?);
        Some(Self { first: address & Self::mask(prefix), prefix })
    }

    /// Whether the two ranges share an address.
    pub fn overlaps(self, other: Self) -> bool {
        let mask = Self::mask(self.prefix.min(other.prefix));
        self.first & mask == other.first & mask
    }

    fn mask(prefix: u8) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
    }
}

/// Addresses of a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Usable; `None`: never full.
    pub capacity: Option<u64>,
    /// Taken.
    pub used: u64,
    /// Most ever taken.
    pub peak: u64,
}

impl Subnet {
    fn has_room(&self, more: u64) -> bool {
        self.capacity.is_none_or(|capacity| self.used + more <= capacity)
    }

    fn take(&mut self, more: u64) {
        self.used += more;
        self.peak = self.peak.max(self.used);
    }

    fn give(&mut self, back: u64) {
        self.used = self.used.checked_sub(back).expect("no more is given back than was taken");
    }
}

/// The addresses of all subnets.
#[derive(Clone, Debug)]
pub struct AddressPlan {
    mode: NetworkMode,
    subnets: IdVec<SubnetId, Subnet>,
}

impl AddressPlan {
    /// Nothing taken yet.
    pub fn new(network: NetworkSpec, subnets: &IdVec<SubnetId, SubnetSpec>) -> Self {
        let empty = |subnet: &SubnetSpec| Subnet { capacity: subnet.capacity, used: 0, peak: 0 };
        Self { mode: network.mode, subnets: subnets.iter().map(empty).collect() }
    }

    /// A subnet.
    pub fn subnet(&self, subnet: SubnetId) -> &Subnet {
        &self.subnets[subnet]
    }

    /// The subnet that has no room for `nodes` more nodes of the pool, if there is one. O(1).
    pub fn full_subnet(&self, pool: &PoolSpec, nodes: u32) -> Option<SubnetId> {
        let wanted = self.wanted(pool, nodes);
        wanted.into_iter().find(|&(id, more)| !self.subnets[id].has_room(more)).map(|(id, _)| id)
    }

    /// Takes addresses for `nodes` nodes, all or nothing.
    ///
    /// # Errors
    /// The subnet that is full.
    pub fn reserve(&mut self, pool: &PoolSpec, nodes: u32) -> Result<(), SubnetId> {
        match self.full_subnet(pool, nodes) {
            Some(subnet) => Err(subnet),
            None => {
                self.reserve_beyond(pool, nodes);
                Ok(())
            }
        }
    }

    /// Takes addresses whatever the capacity (what ran before the simulation began).
    pub(super) fn reserve_beyond(&mut self, pool: &PoolSpec, nodes: u32) {
        for (id, more) in self.wanted(pool, nodes) {
            self.subnets[id].take(more);
        }
    }

    /// Gives back what one node of the pool holds, `pod_addresses` of it for its pods (as
    /// [`Self::initial_pod_addresses`] and [`Self::pods_on_node`] said).
    pub fn release(&mut self, pool: &PoolSpec, pod_addresses: u32) {
        let need = NodeNeed::of(self.mode, pool.max_pods);
        self.subnets[pool.subnet].give(need.node);
        self.subnets[pool.pod_subnet.unwrap_or(pool.subnet)].give(u64::from(pod_addresses));
    }

    /// Addresses that a new node holds for its pods beside its own.
    pub fn initial_pod_addresses(&self, pool: &PoolSpec) -> u32 {
        NodeNeed::of(self.mode, pool.max_pods).pods as u32
    }

    /// Fits the batches of a node that holds `held` addresses to `pods` pods (dynamic mode; any
    /// other mode leaves them). Returns what the node holds now.
    ///
    /// # Errors
    /// The pod subnet, if it is full; the node keeps what it has.
    pub fn pods_on_node(&mut self, pool: &PoolSpec, held: u32, pods: u32) -> Result<u32, SubnetId> {
        if self.mode != NetworkMode::PodSubnetDynamic {
            return Ok(held);
        }
        let wanted = pod_batches(pods);
        let id = pool.pod_subnet.unwrap_or(pool.subnet);
        let subnet = &mut self.subnets[id];
        if wanted <= held {
            subnet.give(u64::from(held - wanted));
        } else if subnet.has_room(u64::from(wanted - held)) {
            subnet.take(u64::from(wanted - held));
        } else {
            return Err(id);
        }
        Ok(wanted)
    }

    /// Addresses by subnet for `nodes` nodes; one entry each where both are the same subnet.
    fn wanted(&self, pool: &PoolSpec, nodes: u32) -> [(SubnetId, u64); 2] {
        let need = NodeNeed::of(self.mode, pool.max_pods);
        let nodes = u64::from(nodes);
        match pool.pod_subnet {
            Some(pods) if pods != pool.subnet => {
                [(pool.subnet, nodes * need.node), (pods, nodes * need.pods)]
            }
            _ => [(pool.subnet, nodes * (need.node + need.pods)), (pool.subnet, 0)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::fixture::{Room, pool};

    #[test]
    fn nodes_by_subnet_and_pods_are_as_counted() {
        for (prefix, with_30, with_50, with_110) in [
            (24, 8, 4, 2),
            (23, 16, 9, 4),
            (22, 32, 19, 9),
            (21, 65, 40, 18),
            (20, 131, 80, 36),
            (16, 2_113, 1_284, 590),
        ] {
            for (max_pods, nodes) in [(30, with_30), (50, with_50), (110, with_110)] {
                let fit =
                    |surge| nodes_that_fit(NetworkMode::Flat, max_pods, usable(prefix), surge);
                assert_eq!(fit(0), nodes, "/{prefix} with {max_pods} pods");
                assert_eq!(fit(1), nodes - 1, "/{prefix} with {max_pods} pods and surge");
            }
        }
        assert_eq!(nodes_that_fit(NetworkMode::Overlay, 250, usable(24), 0), 251);
    }

    #[test]
    fn growth_fills_a_subnet_in_whole_months() {
        // A /24 holds 8 nodes of 31 addresses.
        for (nodes, growth, months) in [
            (8, 0.1, Some(1)),
            (9, 0.0, Some(0)),
            (8, 0.0, None),
            // 4, 5, 5, 6, 6, 7, 8, 8, 9: eight months until the ninth node.
            (4, 0.1, Some(8)),
            (1, 1.0, Some(4)),
            (0, 0.5, None),
        ] {
            assert_eq!(
                months_until_full(&[(nodes, 31)], usable(24), growth),
                months,
                "{nodes} nodes, {growth}"
            );
        }
        assert_eq!(months_until_full(&[(4, 31), (4, 31)], usable(24), 0.01), Some(1), "two pools");
    }

    #[test]
    fn the_documents_examples_come_out() {
        for (nodes, addresses) in [(51, 1_581), (61, 1_891)] {
            assert_eq!(nodes * NodeNeed::of(NetworkMode::Flat, 30).node, addresses);
        }
        for (max_pods, blocks) in [(30, 2), (31, 2), (32, 3)] {
            assert_eq!(static_blocks(max_pods), blocks * BATCH, "{max_pods} pods");
        }
        for (prefix, nodes) in [(16, 256), (24, 1), (25, 0), (8, 65_536)] {
            assert_eq!(overlay_nodes(prefix), nodes, "/{prefix}");
        }
        for (mode, nodes) in
            [(NetworkMode::Overlay, 256), (NetworkMode::Kubenet, 400), (NetworkMode::Flat, 5_000)]
        {
            assert_eq!(max_nodes(mode, 16, 5_000), nodes, "{mode:?}");
        }
        assert_eq!((usable(24), usable(29), usable(30), usable(33)), (251, 3, 0, 0));
    }

    #[test]
    fn dynamic_batches_keep_eight_free() {
        for (pods, held) in [(0, 16), (8, 16), (9, 32), (24, 32), (25, 48), (110, 128)] {
            assert_eq!(pod_batches(pods), held, "{pods} pods");
        }
    }

    fn subnets(mode: NetworkMode, capacities: &[u64]) -> AddressPlan {
        let subnets = capacities.iter().map(|&capacity| Some(capacity)).collect();
        Room { mode, subnets, ..Room::default() }.region().addresses
    }

    #[test]
    fn all_or_nothing() {
        let spec = pool();
        let mut plan = subnets(NetworkMode::Flat, &[usable(24)]);
        assert_eq!(plan.reserve(&spec, 9), Err(SubnetId(0)));
        assert_eq!(plan.subnet(SubnetId(0)).used, 0);
        assert_eq!(plan.reserve(&spec, 8), Ok(()));
        assert_eq!(plan.reserve(&spec, 1), Err(SubnetId(0)));
        plan.release(&spec, 0);
        assert_eq!(plan.reserve(&spec, 1), Ok(()));
        assert_eq!((plan.subnet(SubnetId(0)).used, plan.subnet(SubnetId(0)).peak), (248, 248));
    }

    #[test]
    fn pod_subnets_are_filled_apart_from_node_subnets() {
        let spec = PoolSpec { pod_subnet: Some(SubnetId(1)), ..pool() };
        for (mode, full, nodes) in [
            (NetworkMode::PodSubnetDynamic, SubnetId(1), 6),
            (NetworkMode::PodSubnetStatic, SubnetId(1), 3),
            (NetworkMode::Overlay, SubnetId(0), 10),
        ] {
            let mut plan = subnets(mode, &[10, 100]);
            assert_eq!(plan.reserve(&spec, nodes + 1), Err(full), "{mode:?}");
            assert_eq!(plan.reserve(&spec, nodes), Ok(()), "{mode:?}");
        }
        // One subnet for both.
        let mut plan = subnets(NetworkMode::PodSubnetDynamic, &[50]);
        assert_eq!(plan.reserve(&pool(), 3), Err(SubnetId(0)));
        assert_eq!(plan.reserve(&pool(), 2), Ok(()));
    }

    #[test]
    fn batches_come_and_go_with_pods() {
        let spec = PoolSpec { pod_subnet: Some(SubnetId(1)), ..pool() };
        let mut plan = subnets(NetworkMode::PodSubnetDynamic, &[10, 48]);
        plan.reserve(&spec, 1).unwrap();
        let mut held = plan.initial_pod_addresses(&spec);
        for (pods, expected) in
            [(8, Ok(16)), (9, Ok(32)), (40, Ok(48)), (41, Err(SubnetId(1))), (3, Ok(16))]
        {
            let answer = plan.pods_on_node(&spec, held, pods);
            assert_eq!(answer, expected, "{pods} pods");
            held = answer.unwrap_or(held);
            assert_eq!(plan.subnet(SubnetId(1)).used, u64::from(held));
        }
        plan.release(&spec, held);
        assert_eq!(plan.subnet(SubnetId(1)).used, 0);
    }

    #[test]
    fn ranges_are_read_and_compared() {
        let range = |text| Cidr::parse(text).unwrap();
        assert_eq!(range("10.240.0.9/24"), Cidr { first: 0x0af0_0000, prefix: 24 });
        for text in ["10.240.0.0", "10.240.0/24", "10.240.0.0/33", "::/0", ""] {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
        for (one, other, overlaps) in [
            ("10.240.0.0/16", "10.240.7.0/24", true),
            ("10.240.0.0/24", "10.240.1.0/24", false),
            ("0.0.0.0/0", "192.168.0.0/16", true),
            ("10.1.2.3/32", "10.1.2.3/32", true),
        ] {
            assert_eq!(range(one).overlaps(range(other)), overlaps, "{one} {other}");
            assert_eq!(range(other).overlaps(range(one)), overlaps, "{other} {one}");
        }
    }
}

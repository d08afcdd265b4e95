//! The nodes the scheduler knows, by slot: what it last saw of each, their order, and a log of
//! which changed, from which cached verdicts are refreshed.

use rustc_hash::FxHashMap;

use super::order::NodeTree;
use crate::model::{Labels, Node, Taint};
use crate::rules::WellKnown;
use crate::unit::{ImageId, NodeId, Resources, Symbol};

/// No slot.
pub const NOWHERE: u32 = u32::MAX;
/// A log longer than this many entries per slot is cut; caches behind it start afresh.
const LOG_PER_SLOT: usize = 8;

/// What the scheduler last saw of a node.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The node.
    pub node: NodeId,
    /// Name.
    pub name: Symbol,
    /// Labels.
    pub labels: Labels,
    /// Taints.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`
    pub unschedulable: bool,
    /// What pods may reserve.
    pub allocatable: Resources,
    /// Images, sorted.
    pub images: Vec<ImageId>,
    zone: (Symbol, Symbol),
}

impl Seat {
    fn of(id: NodeId, node: &Node, known: &WellKnown) -> Self {
        let label = |key| node.labels.get(key).unwrap_or_default();
        Self {
            node: id,
            name: node.name,
            labels: node.labels.clone(),
            taints: node.taints.clone(),
            unschedulable: node.unschedulable,
            allocatable: node.allocatable,
            images: node.images.clone(),
            zone: (label(known.region), label(known.zone)),
        }
    }
}

/// All seats.
#[derive(Clone, Debug, Default)]
pub struct Seats {
    seats: Vec<Option<Seat>>,
    slot_of: Vec<u32>,
    free: Vec<u32>,
    by_name: FxHashMap<Symbol, u32>,
    tree: NodeTree,
    order: Vec<u32>,
    /// Place of each slot in the order.
    places: Vec<u32>,
    order_is_old: bool,
    /// How often the order was made anew.
    order_version: u64,
    nodes_with_image: Vec<u32>,
    log: Vec<u32>,
    log_start: u64,
}

impl Seats {
    /// A node takes a free slot.
    pub fn add(&mut self, id: NodeId, node: &Node, known: &WellKnown) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() as u32 - 1
        });
        let index = usize::from(id);
        if self.slot_of.len() <= index {
            self.slot_of.resize(index + 1, NOWHERE);
        }
        self.slot_of[index] = slot;
        self.seat(slot, Seat::of(id, node, known));
        slot
    }

    /// A node leaves its slot.
    pub fn remove(&mut self, id: NodeId) -> Option<u32> {
        let slot = self.slot(id)?;
        self.unseat(slot);
        self.slot_of[usize::from(id)] = NOWHERE;
        self.free.push(slot);
        Some(slot)
    }

    /// A node has changed: takes over the new facts and returns the slot and what was seen before.
    pub fn change(&mut self, id: NodeId, node: &Node, known: &WellKnown) -> Option<(u32, Seat)> {
        let slot = self.slot(id)?;
        let seat = Seat::of(id, node, known);
        if self.get(slot).zone != seat.zone {
            let old = self.unseat(slot)?;
            self.seat(slot, seat);
            return Some((slot, old));
        }
        // The node keeps its place in its zone.
        self.count_images(&seat.images, 1);
        let old = self.seats[slot as usize].replace(seat)?;
        self.count_images(&old.images, -1);
        self.touch(slot);
        Some((slot, old))
    }

    /// A node has other images.
    pub fn change_images(&mut self, id: NodeId, images: &[ImageId]) {
        let Some(slot) = self.slot(id) else { return };
        let Some(seat) = self.seats[slot as usize].as_mut() else { return };
        let old = std::mem::replace(&mut seat.images, images.to_vec());
        self.count_images(images, 1);
        self.count_images(&old, -1);
    }

    fn count_images(&mut self, images: &[ImageId], sign: i32) {
        for &image in images {
            let index = usize::from(image);
            if self.nodes_with_image.len() <= index {
                self.nodes_with_image.resize(index + 1, 0);
            }
            let nodes = &mut self.nodes_with_image[index];
            *nodes = nodes.wrapping_add_signed(sign);
        }
    }

    fn seat(&mut self, slot: u32, seat: Seat) {
        self.tree.add(seat.zone, slot);
        self.by_name.insert(seat.name, slot);
        self.count_images(&seat.images, 1);
        self.seats[slot as usize] = Some(seat);
        self.order_is_old = true;
        self.touch(slot);
    }

    fn unseat(&mut self, slot: u32) -> Option<Seat> {
        let seat = self.seats[slot as usize].take()?;
        self.tree.remove(seat.zone, slot);
        self.by_name.remove(&seat.name);
        self.count_images(&seat.images, -1);
        self.order_is_old = true;
        self.touch(slot);
        Some(seat)
    }

    /// The slot of a node.
    pub fn slot(&self, id: NodeId) -> Option<u32> {
        self.slot_of.get(usize::from(id)).copied().filter(|&slot| slot != NOWHERE)
    }

    /// The slot of a name.
    pub fn named(&self, name: Symbol) -> Option<u32> {
        self.by_name.get(&name).copied()
    }

    /// What was last seen of the node in a slot.
    pub fn get(&self, slot: u32) -> &Seat {
        self.seats[slot as usize].as_ref().expect("slots in the order are taken")
    }

    /// Slots in node order, brought up to date.
    pub fn order(&mut self) -> &[u32] {
        if self.order_is_old {
            self.tree.list(&mut self.order);
            self.places.clear();
            self.places.resize(self.seats.len(), NOWHERE);
            for (place, &slot) in self.order.iter().enumerate() {
                self.places[slot as usize] = place as u32;
            }
            self.order_version += 1;
            self.order_is_old = false;
        }
        &self.order
    }

    /// Changes whenever the order has.
    pub fn order_version(&self) -> u64 {
        self.order_version
    }

    /// Place of a slot in the order as it was last asked for.
    pub fn place(&self, slot: u32) -> Option<usize> {
        self.places
            .get(slot as usize)
            .filter(|&&place| place != NOWHERE)
            .map(|&place| place as usize)
    }

    /// Lends the order out while others of `self` are used; it is given back by
    /// [`Seats::put_order`].
    pub fn take_order(&mut self) -> Vec<u32> {
        self.order();
        std::mem::take(&mut self.order)
    }

    /// Gives the order back.
    pub fn put_order(&mut self, order: Vec<u32>) {
        self.order = order;
    }

    /// Nodes in node order.
    pub fn nodes(&mut self) -> Vec<NodeId> {
        self.order();
        self.order.iter().map(|&slot| self.get(slot).node).collect()
    }

    /// Number of slots, free ones too.
    pub fn slots(&self) -> usize {
        self.seats.len()
    }

    /// How many nodes have an image.
    pub fn nodes_with(&self, image: ImageId) -> u32 {
        self.nodes_with_image.get(usize::from(image)).copied().unwrap_or(0)
    }

    /// Notes that what is cached of a slot is old.
    pub fn touch(&mut self, slot: u32) {
        if self.log.len() > 1_024 + LOG_PER_SLOT * self.seats.len() {
            self.log_start += self.log.len() as u64;
            self.log.clear();
        }
        self.log.push(slot);
    }

    /// The end of the log.
    pub fn log_end(&self) -> u64 {
        self.log_start + self.log.len() as u64
    }

    /// The slots that changed since `cursor`; `None` if the log does not reach back so far.
    pub fn changed_since(&self, cursor: u64) -> Option<&[u32]> {
        Some(&self.log[usize::try_from(cursor.checked_sub(self.log_start)?).ok()?..])
    }
}

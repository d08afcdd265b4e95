//! Amounts of compute that pods ask for and nodes offer.

use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// Extended resources (GPUs and the like) one scenario may name.
pub const MAX_EXTENDED: usize = 8;

/// Index of an extended resource in the scenario's table of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExtendedId(pub u8);

/// An amount of every resource: millicores, bytes, a count of pods, and whole extended units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resources {
    /// CPU in thousandths of a core.
    pub cpu_milli: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Ephemeral storage in bytes.
    pub ephemeral: i64,
    /// Pods (a pod's own request is 1, a node's is its max-pods).
    pub pods: i64,
    /// Extended resources, interned per scenario.
    pub extended: [i64; MAX_EXTENDED],
}

impl Resources {
    /// Nothing.
    pub const ZERO: Self =
        Self { cpu_milli: 0, memory: 0, ephemeral: 0, pods: 0, extended: [0; MAX_EXTENDED] };

    /// An amount of CPU and memory alone.
    pub const fn of(cpu_milli: i64, memory: i64) -> Self {
        Self { cpu_milli, memory, ephemeral: 0, pods: 0, extended: [0; MAX_EXTENDED] }
    }

    /// Whether `self` is no more than `room` in every resource.
    pub fn fits_in(&self, room: &Self) -> bool {
        self.cpu_milli <= room.cpu_milli
            && self.memory <= room.memory
            && self.ephemeral <= room.ephemeral
            && self.pods <= room.pods
            && self.extended.iter().zip(&room.extended).all(|(need, free)| need <= free)
    }

    /// The larger of both, resource by resource.
    pub fn max(&self, other: &Self) -> Self {
        let mut most = *self;
        most.cpu_milli = most.cpu_milli.max(other.cpu_milli);
        most.memory = most.memory.max(other.memory);
        most.ephemeral = most.ephemeral.max(other.ephemeral);
        most.pods = most.pods.max(other.pods);
        for (mine, theirs) in most.extended.iter_mut().zip(&other.extended) {
            *mine = (*mine).max(*theirs);
        }
        most
    }

    /// Amount of an extended resource.
    pub fn extended(&self, id: ExtendedId) -> i64 {
        self.extended[usize::from(id.0)]
    }

    /// Whether no resource is negative (conservation checks).
    pub fn is_non_negative(&self) -> bool {
        Self::ZERO.fits_in(self)
    }
}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        self.cpu_milli += other.cpu_milli;
        self.memory += other.memory;
        self.ephemeral += other.ephemeral;
        self.pods += other.pods;
        for (mine, theirs) in self.extended.iter_mut().zip(&other.extended) {
            *mine += theirs;
        }
    }
}

impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        self.cpu_milli -= other.cpu_milli;
        self.memory -= other.memory;
        self.ephemeral -= other.ephemeral;
        self.pods -= other.pods;
        for (mine, theirs) in self.extended.iter_mut().zip(&other.extended) {
            *mine -= theirs;
        }
    }
}

impl Add<&Resources> for Resources {
    type Output = Self;
    fn add(mut self, other: &Resources) -> Self {
        self += other;
        self
    }
}

impl Sub<&Resources> for Resources {
    type Output = Self;
    fn sub(mut self, other: &Resources) -> Self {
        self -= other;
        self
    }
}

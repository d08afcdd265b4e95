//! A rolling hash over the facts and applied actions of a run: equal fingerprints, equal runs.

use crate::unit::SimTime;

/// A 64-bit rolling hash. Idle ticks and samples never enter it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of nothing.
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a fact: when, what kind, which entity, and one number more.
    #[inline]
    pub fn add(&mut self, at: SimTime, kind: u8, entity: u64, detail: u64) {
        let fact = at.micros().wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ (u64::from(kind) << 56)
            ^ entity.rotate_left(17)
            ^ detail.rotate_left(41);
        self.0 = (self.0 ^ fact).wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(29);
    }

    /// The hash.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

//! Lots: a keyed pure hash. Where the real controllers are random (ties, shuffles), a decision
//! draws from the lots that it is handed, so that it stays a function of its arguments.

/// A source of repeatable choices for one decision. Copying it repeats the same choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lots {
    key: u64,
}

impl Lots {
    /// Lots for the decision named by `key`.
    pub const fn new(key: u64) -> Self {
        Self { key: mix(key ^ 0x9e37_79b9_7f4a_7c15) }
    }

    /// Independent lots for a part of the decision (an entity, an ordinal).
    pub const fn of(self, part: u64) -> Self {
        Self { key: mix(self.key ^ mix(part.wrapping_add(0x632b_e59b_d9b4_e019))) }
    }

    /// The key, to make the same lots again.
    pub const fn key(self) -> u64 {
        self.key
    }

    /// The lots of a key.
    pub const fn from_key(key: u64) -> Self {
        Self { key }
    }

    /// A 64-bit value.
    pub const fn draw(self) -> u64 {
        mix(self.key)
    }

    /// An index below `n` (unbiased to 1 in 2^64). Zero if `n` is zero.
    pub const fn below(self, n: usize) -> usize {
        ((self.draw() as u128 * n as u128) >> 64) as usize
    }

    /// A number in [0, 1) with 53 bits.
    pub fn unit(self) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection with full avalanche.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

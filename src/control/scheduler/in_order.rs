//! What is known of the nodes for one shape, in the order in which searches look at them: a bit
//! per node says whether it is feasible, another whether that is not known, so that a search passes
//! over sixty-four full nodes at once.

use super::memo::{STALE, Verdict, is_feasible};

/// Nodes of one word.
pub const WORD: usize = u64::BITS as usize;

/// Verdicts in node order.
#[derive(Clone, Debug, Default)]
pub struct InOrder {
    verdicts: Vec<Verdict>,
    feasible: Vec<u64>,
    stale: Vec<u64>,
}

impl InOrder {
    /// The order has changed: takes the verdicts of its nodes anew.
    pub fn renew(&mut self, verdicts: impl Iterator<Item = Verdict>) {
        self.verdicts.clear();
        self.verdicts.extend(verdicts);
        let words = self.verdicts.len().div_ceil(WORD);
        for bits in [&mut self.feasible, &mut self.stale] {
            bits.clear();
            bits.resize(words, 0);
        }
        for (word, verdicts) in self.verdicts.chunks(WORD).enumerate() {
            for (bit, &verdict) in verdicts.iter().enumerate() {
                self.feasible[word] |= u64::from(is_feasible(verdict)) << bit;
                self.stale[word] |= u64::from(verdict == STALE) << bit;
            }
        }
    }

    /// Notes a verdict.
    pub fn set(&mut self, place: usize, verdict: Verdict) {
        self.verdicts[place] = verdict;
        let (word, bit) = (place / WORD, 1 << (place % WORD));
        for (bits, on) in
            [(&mut self.feasible, is_feasible(verdict)), (&mut self.stale, verdict == STALE)]
        {
            if on {
                bits[word] |= bit;
            } else {
                bits[word] &= !bit;
            }
        }
    }

    /// All verdicts.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The feasible nodes among the 64 of a word.
    pub fn feasible(&self, word: usize) -> u64 {
        self.feasible[word]
    }

    /// Those among them of which nothing is known.
    pub fn stale(&self, word: usize) -> u64 {
        self.stale[word]
    }
}

/// The places of the bits that are set in a word.
pub fn places(word: usize, mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(word * WORD + bit)
    })
}

/// The bits of a word whose places are from `start` up to `end`.
pub fn within(word: usize, start: usize, end: usize) -> u64 {
    let below = |place: usize| match place.saturating_sub(word * WORD) {
        bits if bits < WORD => (1 << bits) - 1,
        _ => u64::MAX,
    };
    below(end) & !below(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_follow_the_verdicts() {
        let of = |place: usize| match place % 3 {
            0 => 7,
            1 => -1,
            _ => STALE,
        };
        let mut order = InOrder::default();
        order.renew((0..130).map(of));
        order.set(2, 5);
        order.set(3, -2);
        order.set(129, STALE);
        let all = |bits: &dyn Fn(usize) -> u64| -> Vec<usize> {
            (0..3).flat_map(|word| places(word, bits(word))).collect()
        };
        let now = |place| match place {
            2 => 5,
            3 => -2,
            129 => STALE,
            _ => of(place),
        };
        let expected = |wanted: &dyn Fn(Verdict) -> bool| -> Vec<usize> {
            (0..130).filter(|&place| wanted(now(place))).collect()
        };
        assert_eq!(all(&|word| order.feasible(word)), expected(&is_feasible));
        assert_eq!(all(&|word| order.stale(word)), expected(&|verdict| verdict == STALE));
    }

    #[test]
    fn a_part_of_the_order_has_the_bits_of_its_places() {
        for (start, end) in [(0, 0), (0, 64), (5, 70), (64, 128), (63, 65), (130, 192), (0, 192)] {
            let found: Vec<usize> =
                (0..3).flat_map(|word| places(word, within(word, start, end))).collect();
            assert_eq!(found, (start..end).collect::<Vec<_>>());
        }
    }
}

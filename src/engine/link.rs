//! A link that several transfers share equally (processor sharing), in integers.

use crate::unit::{Duration, MICROS_PER_SECOND, SimTime};

/// Transfers under way on one link. Each of n gets one n-th of the rate. What division leaves over
/// is carried on, so the link delivers exactly `rate` bytes a second however often it is looked at.
#[derive(Clone, Debug)]
pub struct SharedLink<T> {
    /// Bytes a second; at least 1.
    rate: u64,
    /// Millionths of a byte that every transfer would have got, had it been there from the start.
    served: u128,
    /// Millionths of a byte delivered and not yet shared out; fewer than there are transfers.
    rest: u128,
    at: SimTime,
    /// What it is for, and the value of `served` at which it is complete; soonest first.
    transfers: Vec<(u128, T)>,
}

impl<T: Copy> SharedLink<T> {
    /// An idle link.
    pub fn new(rate: u64) -> Self {
        let (served, rest, at) = (0, 0, SimTime::ZERO);
        Self { rate: rate.max(1), served, rest, at, transfers: Vec::new() }
    }

    /// A transfer of `bytes` begins. O(transfers).
    pub fn begin(&mut self, what: T, bytes: u64, now: SimTime) {
        self.settle(now);
        let until = self.served + u128::from(bytes) * u128::from(MICROS_PER_SECOND);
        let place = self.transfers.partition_point(|&(other, _)| other <= until);
        self.transfers.insert(place, (until, what));
    }

    /// When the next transfer is complete, if nothing else begins; never earlier than `now`.
    pub fn next(&self, now: SimTime) -> Option<SimTime> {
        let &(until, _) = self.transfers.first()?;
        let left = (until - self.served) * self.transfers.len() as u128;
        let micros = left.saturating_sub(self.rest).div_ceil(u128::from(self.rate));
        let length = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        Some((self.at + length).max(now))
    }

    /// Takes a transfer that is complete by now.
    pub fn take_done(&mut self, now: SimTime) -> Option<T> {
        self.settle(now);
        let &(until, what) = self.transfers.first()?;
        (until <= self.served).then(|| {
            self.transfers.remove(0);
            what
        })
    }

    /// What is under way.
    pub fn under_way(&self) -> impl Iterator<Item = T> {
        self.transfers.iter().map(|&(_, what)| what)
    }

    fn settle(&mut self, now: SimTime) {
        let micros = u128::from(now.since(self.at).micros());
        self.at = now;
        let sharers = self.transfers.len() as u128;
        if sharers == 0 {
            self.rest = 0;
            return;
        }
        let delivered = self.rest + micros * u128::from(self.rate);
        self.served += delivered / sharers;
        self.rest = delivered % sharers;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(link: &mut SharedLink<char>) -> Vec<(char, u64)> {
        let mut done = Vec::new();
        let mut now = SimTime::ZERO;
        while let Some(at) = link.next(now) {
            now = at;
            while let Some(what) = link.take_done(now) {
                done.push((what, now.micros()));
            }
        }
        done
    }

    #[test]
    fn transfers_share_the_rate_equally() {
        for (transfers, expected) in [
            (vec![('a', 100, 0)], vec![('a', 1_000_000)]),
            // Two at once take twice as long; what is left over then has the link alone.
            (vec![('a', 100, 0), ('b', 300, 0)], vec![('a', 2_000_000), ('b', 4_000_000)]),
            // a has had half of its bytes when b comes.
            (vec![('a', 100, 0), ('b', 100, 500_000)], vec![('a', 1_500_000), ('b', 2_000_000)]),
            // Three sevenths of a second do not come out even: rounded up to the microsecond.
            (
                vec![('a', 1, 0), ('b', 1, 0), ('c', 1, 0)],
                vec![('a', 30_000), ('b', 30_000), ('c', 30_000)],
            ),
        ] {
            let mut link = SharedLink::new(100);
            for (what, bytes, at) in transfers {
                link.begin(what, bytes, SimTime::from_micros(at));
            }
            assert_eq!(drain(&mut link), expected);
        }
    }

    #[test]
    fn looking_at_it_changes_nothing() {
        let mut still = SharedLink::new(7);
        let mut watched = SharedLink::new(7);
        for (index, what) in ['a', 'b', 'c'].into_iter().enumerate() {
            let at = SimTime::from_micros(index as u64 * 333_333);
            still.begin(what, 50 + index as u64, at);
            watched.begin(what, 50 + index as u64, at);
        }
        for tick in 67..600 {
            assert_eq!(watched.take_done(SimTime::from_micros(tick * 10_001)), None);
        }
        assert_eq!(drain(&mut watched), drain(&mut still));
    }
}

//! Cost over time: rates per hour, integrated exactly at each change.

use crate::unit::{Accrual, HourlyRate, SimTime};

/// One line of the bill: a pool, a way of paying, an item, the idle part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account(u32);

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    rate: HourlyRate,
    since: SimTime,
    accrued: Accrual,
}

/// Accounts whose rates change and whose amounts are exact. Nothing is charged before its window.
#[derive(Clone, Debug)]
pub struct Ledger {
    from: SimTime,
    lines: Vec<Line>,
}

impl Ledger {
    /// A ledger that charges from `from` on (the end of warm-up).
    pub fn new(from: SimTime) -> Self {
        Self { from, lines: Vec::new() }
    }

    /// Opens an account with rate zero.
    pub fn open(&mut self) -> Account {
        self.lines.push(Line { since: self.from, ..Line::default() });
        Account(self.lines.len() as u32 - 1)
    }

    /// The rate of an account changes by `by` from `now` on. O(1).
    pub fn change(&mut self, account: Account, by: HourlyRate, now: SimTime) {
        let rate = self.rate(account) + by;
        self.set(account, rate, now);
    }

    /// The rate of an account is `rate` from `now` on. O(1).
    pub fn set(&mut self, account: Account, rate: HourlyRate, now: SimTime) {
        let line = &mut self.lines[account.0 as usize];
        line.accrued = line.upto(now);
        // A change during warm-up counts from the window's begin.
        line.since = now.max(self.from);
        line.rate = rate;
    }

    /// What an account costs per hour now.
    pub fn rate(&self, account: Account) -> HourlyRate {
        self.lines[account.0 as usize].rate
    }

    /// What an account has cost in [from, now).
    pub fn amount(&self, account: Account, now: SimTime) -> Accrual {
        self.lines[account.0 as usize].upto(now)
    }

    /// What all accounts have cost in [from, now).
    pub fn total(&self, now: SimTime) -> Accrual {
        self.lines.iter().map(|line| line.upto(now)).sum()
    }
}

impl Line {
    fn upto(&self, now: SimTime) -> Accrual {
        self.accrued + self.rate.over(now.since(self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Duration, Money};

    fn at(minutes: u64) -> SimTime {
        SimTime::ZERO + Duration::from_mins(minutes)
    }

    #[test]
    fn only_the_window_is_charged_and_to_the_last_nano_unit() {
        let mut ledger = Ledger::new(at(60));
        let (pool, idle) = (ledger.open(), ledger.open());
        let node = HourlyRate(460_000_001);
        ledger.change(pool, node, at(0));
        ledger.change(pool, node, at(30));
        ledger.set(idle, HourlyRate(7), at(50));
        assert_eq!(ledger.amount(pool, at(59)), Accrual::default());
        ledger.change(pool, -node, at(90));
        assert_eq!(ledger.rate(pool), node);
        // Two nodes for half an hour, one for an hour.
        assert_eq!(ledger.amount(pool, at(150)).money(), Money(2 * 460_000_001));
        assert_eq!(ledger.amount(idle, at(120)).money(), Money(7));
        let sum = ledger.amount(pool, at(150)) + ledger.amount(idle, at(150));
        assert_eq!(ledger.total(at(150)), sum);
    }
}

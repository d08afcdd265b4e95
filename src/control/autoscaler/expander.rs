//! Choosing one of several node groups (`pkg/expander`): filters in the order given, then random.

use regex::Regex;

use super::price::{self, PriceOffer, PriceSetting};
use super::spec::Expander;
use crate::unit::{Lots, Resources};

/// What an expander sees of an option.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Group id.
    pub id: String,
    /// Nodes.
    pub nodes: u32,
    /// Pods it helps.
    pub pods: usize,
    /// Sum of their requests.
    pub requests: Resources,
    /// Size of a node.
    pub capacity: Resources,
    /// Prices, where the provider has them.
    pub price: Option<PriceOffer>,
}

/// The `priorities` of the priority expander, compiled.
#[derive(Clone, Debug, Default)]
pub struct Priorities {
    levels: Vec<(i64, Vec<Regex>)>,
}

impl Priorities {
    /// Compiles; a pattern that is none makes the configuration bad, which is as if there were
    /// none.
    pub fn new(levels: &[(i64, Vec<String>)]) -> Self {
        let compile = |patterns: &Vec<String>| {
            patterns.iter().map(|pattern| Regex::new(pattern)).collect::<Result<Vec<_>, _>>()
        };
        let levels: Result<Vec<_>, regex::Error> =
            levels.iter().map(|(priority, patterns)| Ok((*priority, compile(patterns)?))).collect();
        Self { levels: levels.unwrap_or_default() }
    }

    /// The highest priority that a group id matches.
    pub fn of(&self, id: &str) -> Option<i64> {
        self.levels
            .iter()
            .filter(|(_, patterns)| patterns.iter().any(|pattern| pattern.is_match(id)))
            .map(|(priority, _)| *priority)
            .max()
    }
}

/// The offers that an expander keeps, by position.
pub fn narrow(
    expander: Expander,
    offers: &[Offer],
    among: &[usize],
    priorities: &Priorities,
    prices: Option<&PriceSetting>,
) -> Vec<usize> {
    match expander {
        Expander::Random => among.to_vec(),
        Expander::MostPods => keep_best(among, |at| Some(-(offers[at].pods as f64))),
        Expander::LeastNodes => {
            keep_best(among, |at| (offers[at].nodes > 0).then(|| f64::from(offers[at].nodes)))
        }
        Expander::LeastWaste => keep_best(among, |at| Some(waste(&offers[at]))),
        Expander::Price => keep_best(among, |at| {
            price::score(prices?, offers[at].price.as_ref()?, offers[at].nodes)
        }),
        Expander::Priority => {
            let kept = keep_best(among, |at| {
                priorities.of(&offers[at].id).map(|priority| -(priority as f64))
            });
            if kept.is_empty() { among.to_vec() } else { kept }
        }
    }
}

/// Shares of CPU and memory of the new nodes that stay free, added.
fn waste(offer: &Offer) -> f64 {
    let share = |capacity: i64, used: i64| {
        let all = capacity * i64::from(offer.nodes);
        (all - used) as f64 / all as f64
    };
    share(offer.capacity.cpu_milli, offer.requests.cpu_milli)
        + share(offer.capacity.memory, offer.requests.memory)
}

/// Those with the least score; equality is exact, as upstream's.
fn keep_best(among: &[usize], score: impl Fn(usize) -> Option<f64>) -> Vec<usize> {
    let mut best: Option<f64> = None;
    let mut kept = Vec::new();
    for &at in among {
        let Some(own) = score(at) else { continue };
        if best == Some(own) {
            kept.push(at);
        } else if best.is_none_or(|best| own < best) {
            best = Some(own);
            kept = vec![at];
        }
    }
    kept
}

/// Applies filters until one offer is left; returns the offers among which chance decides. A filter
/// that keeps none leaves nothing to choose.
pub fn chain<F: Fn(&[usize]) -> Vec<usize>>(
    count: usize,
    filters: impl IntoIterator<Item = F>,
) -> Vec<usize> {
    let mut among: Vec<usize> = (0..count).collect();
    for filter in filters {
        among = filter(&among);
        if among.len() == 1 {
            break;
        }
    }
    among
}

/// Chooses an offer: the chain of expanders, then at random. An expander that cannot say anything
/// (prices where there are none) is passed over.
pub fn choose(
    expanders: &[Expander],
    offers: &[Offer],
    priorities: &Priorities,
    lots: Lots,
) -> Option<usize> {
    let among = chain(
        offers.len(),
        expanders.iter().map(|&expander| {
            move |among: &[usize]| {
                let kept = narrow(expander, offers, among, priorities, None);
                if kept.is_empty() { among.to_vec() } else { kept }
            }
        }),
    );
    among.get(lots.below(among.len())).copied()
}

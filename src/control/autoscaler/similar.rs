//! Which node groups are alike (`pkg/processors/nodegroupset`).

use super::spec::AutoscalerSpec;
use super::view::Template;
use crate::model::Labels;
use crate::unit::{Resources, Symbol};

/// How alike groups must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimilarityOptions<'a> {
    /// Share by which memory capacity may differ.
    pub capacity_memory: f64,
    /// Share by which allocatable may differ.
    pub allocatable: f64,
    /// Share by which what is free may differ.
    pub free: f64,
    /// Labels that do not count.
    pub ignored_labels: &'a [Symbol],
    /// If there are any, only these count, and nothing else.
    pub balancing_labels: &'a [Symbol],
    /// Labels of Azure's agent pools: equal and not empty, groups are alike. Empty off Azure.
    pub agent_pools: &'a [Symbol],
}

impl<'a> SimilarityOptions<'a> {
    /// From the settings.
    pub fn of(spec: &AutoscalerSpec, words: &'a super::Words) -> Self {
        Self {
            capacity_memory: spec.capacity_memory_ratio,
            allocatable: spec.allocatable_ratio,
            free: spec.free_ratio,
            ignored_labels: &words.ignored_labels,
            balancing_labels: &words.balancing_labels,
            agent_pools: &words.agent_pools,
        }
    }
}

/// A template with what its pods leave free.
#[derive(Clone, Copy, Debug)]
pub struct Comparable<'a> {
    /// Template.
    pub template: &'a Template,
    /// Requests of its pods.
    pub used: &'a Resources,
}

/// Whether two groups are alike.
pub fn is_similar(a: &Comparable<'_>, b: &Comparable<'_>, options: &SimilarityOptions<'_>) -> bool {
    let (first, second) = (a.template, b.template);
    if !options.balancing_labels.is_empty() {
        let value = |labels: &Labels, key: Symbol| labels.get(key);
        return options.balancing_labels.iter().all(|&key| {
            value(&first.labels, key).is_some()
                && value(&first.labels, key) == value(&second.labels, key)
        });
    }
    let same_pool = |&key: &Symbol| {
        first
            .labels
            .get(key)
            .is_some_and(|name| name != Symbol::EMPTY && second.labels.get(key) == Some(name))
    };
    if options.agent_pools.iter().any(same_pool) {
        return true;
    }
    is_same_size(&first.capacity, &second.capacity, options.capacity_memory)
        && is_near(&first.allocatable, &second.allocatable, options.allocatable)
        && is_near(&(first.allocatable - a.used), &(second.allocatable - b.used), options.free)
        && same_labels(&first.labels, &second.labels, options.ignored_labels)
        && same_labels(&second.labels, &first.labels, options.ignored_labels)
}

fn is_same_size(a: &Resources, b: &Resources, memory_ratio: f64) -> bool {
    let rest = |r: &Resources| Resources { memory: 0, ..*r };
    rest(a) == rest(b) && within(a.memory, b.memory, memory_ratio)
}

fn is_near(a: &Resources, b: &Resources, ratio: f64) -> bool {
    within(a.cpu_milli, b.cpu_milli, ratio)
        && within(a.memory, b.memory, ratio)
        && within(a.ephemeral, b.ephemeral, ratio)
        && a.extended.iter().zip(&b.extended).all(|(&a, &b)| within(a, b, ratio))
}

/// Whether two amounts differ by at most a share of the larger.
fn within(a: i64, b: i64, ratio: f64) -> bool {
    (a - b).abs() as f64 <= a.max(b) as f64 * ratio
}

fn same_labels(a: &Labels, b: &Labels, ignored: &[Symbol]) -> bool {
    a.iter().all(|(key, value)| ignored.contains(&key) || b.get(key) == Some(value))
}

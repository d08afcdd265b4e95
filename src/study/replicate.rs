//! All runs of a study, on all cores, answered in the order they were asked for.

/// One run: which scenario of the study, and its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSpec {
    /// Index of the scenario.
    pub scenario: usize,
    /// Root seed.
    pub seed: u64,
}

/// The seeds of a scenario: `first`, `first` + 1, …
pub fn seeds(first: u64, replications: u32) -> Vec<u64> {
    (0..u64::from(replications.max(1))).map(|step| first.wrapping_add(step)).collect()
}

/// Runs all specs and returns their results in the order of the specs, so that neither the number
/// of threads nor who finishes first changes anything. `threads` 0 means all cores.
pub fn run_all<T, F>(specs: &[RunSpec], threads: usize, run: F) -> Vec<T>
where
    T: Send,
    F: Fn(RunSpec) -> T + Sync + Send,
{
    if specs.len() < 2 || threads == 1 {
        return specs.iter().map(|&spec| run(spec)).collect();
    }
    side_by_side(specs, threads, run)
}

#[cfg(feature = "parallel")]
fn side_by_side<T, F>(specs: &[RunSpec], threads: usize, run: F) -> Vec<T>
where
    T: Send,
    F: Fn(RunSpec) -> T + Sync + Send,
{
    use rayon::prelude::*;

    let all = || specs.par_iter().with_max_len(1).map(|&spec| run(spec)).collect();
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(all),
        // No further threads to be had: the answer is the same, only later.
        Err(_) => specs.iter().map(|&spec| run(spec)).collect(),
    }
}

#[cfg(not(feature = "parallel"))]
fn side_by_side<T, F>(specs: &[RunSpec], _threads: usize, run: F) -> Vec<T>
where
    F: Fn(RunSpec) -> T,
{
    specs.iter().map(|&spec| run(spec)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_specs() {
        let specs: Vec<RunSpec> =
            seeds(7, 40).into_iter().map(|seed| RunSpec { scenario: 0, seed }).collect();
        let slow_first = |spec: RunSpec| {
            let spins = if spec.seed.is_multiple_of(2) { 20_000 } else { 1 };
            (0..spins).fold(spec.seed, |sum, step| sum.wrapping_mul(31).wrapping_add(step))
        };
        let alone = run_all(&specs, 1, slow_first);
        for threads in [0, 2, 5] {
            assert_eq!(run_all(&specs, threads, slow_first), alone, "{threads} threads");
        }
    }

    #[test]
    fn there_is_always_one_run() {
        assert_eq!(seeds(3, 0), [3]);
        assert_eq!(seeds(3, 3), [3, 4, 5]);
    }
}

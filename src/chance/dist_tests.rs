//! Draws of distributions: fixed bits, moments, quantiles, and what is refused.

use rand_distr::Distribution as _;

use super::{Dist, Purpose, Stream};
use crate::unit::Duration;

fn shapes() -> Vec<(&'static str, Dist)> {
    let fine = "possible parameters";
    vec![
        ("constant", Dist::constant(Duration::from_millis(1_500))),
        ("exponential", Dist::exponential(2.0).expect(fine)),
        ("lognormal", Dist::lognormal(2.0, 6.0).expect(fine)),
        ("uniform", Dist::uniform(1.0, 3.0).expect(fine)),
        ("gamma", Dist::gamma(2.0, 0.5).expect(fine)),
        ("steep gamma", Dist::gamma(2.0, 4.0).expect(fine)),
        ("hyperexponential", Dist::hyperexponential(2.0, 4.0).expect(fine)),
        ("weibull", Dist::weibull(2.0, 0.7).expect(fine)),
        ("empirical", Dist::empirical(vec![4.0, 1.0, 2.0]).expect(fine)),
        ("mixture", {
            let slow = Dist::exponential(20.0).expect(fine);
            Dist::mixture(vec![(0.95, Dist::uniform(1.0, 2.0).expect(fine)), (0.05, slow)])
                .expect(fine)
        }),
    ]
}

fn draws(dist: &Dist, n: u64) -> impl Iterator<Item = f64> {
    (0..n).map(|i| dist.sample_keyed(42, Purpose::Service, 1, i).as_secs_f64())
}

/// A change here changes every result: bump the model version and say so.
#[test]
fn golden_draws() {
    let golden: Vec<(&str, [u64; 3])> = shapes()
        .iter()
        .map(|(name, dist)| {
            let mut stream = Stream::keyed(7, Purpose::Service, 0, 0);
            (*name, [0; 3].map(|_: u64| dist.sample(&mut stream).micros()))
        })
        .collect();
    let expected = vec![
        ("constant", [1_500_000, 1_500_000, 1_500_000]),
        ("exponential", [2_879_549, 9_437_366, 8_073_382]),
        ("lognormal", [1_239_730, 411_114, 490_345]),
        ("uniform", [1_473_962, 1_017_854, 1_035_312]),
        ("gamma", [902_629, 158_605, 987_536]),
        ("steep gamma", [125, 17_260, 518_096]),
        ("hyperexponential", [1_487_888, 5_183_272, 4_414_656]),
        ("weibull", [3_366_393, 18_349_791, 14_681_847]),
        ("empirical", [1_473_962, 1_017_854, 1_035_312]),
        ("mixture", [1_008_927, 1_264_327, 1_450_032]),
    ];
    assert_eq!(golden, expected);
}

#[test]
fn a_keyed_draw_is_the_first_of_its_stream() {
    for (name, dist) in shapes() {
        for ordinal in 0..100 {
            let mut stream = Stream::keyed(3, Purpose::AppStart, 9, ordinal);
            let keyed = dist.sample_keyed(3, Purpose::AppStart, 9, ordinal);
            assert_eq!(keyed, dist.sample(&mut stream), "{name}");
        }
    }
}

#[test]
fn moments_of_draws_are_those_of_the_law() {
    let n = 200_000;
    for (name, dist) in shapes() {
        let (mean, variance) = (dist.mean(), dist.variance());
        let sum: f64 = draws(&dist, n).sum();
        let drawn = sum / n as f64;
        // Five standard errors.
        let band = 5.0 * (variance / n as f64).sqrt() + 1e-6;
        assert!((drawn - mean).abs() <= band, "{name}: mean {drawn}, law {mean} ± {band}");
        let squares: f64 = draws(&dist, n).map(|x| (x - mean) * (x - mean)).sum();
        let drawn = squares / n as f64;
        assert!((drawn - variance).abs() <= 0.1 * variance, "{name}: {drawn}, law {variance}");
    }
}

#[test]
fn named_moments() {
    for (name, mean, scv) in [
        ("constant", 1.5, 0.0),
        ("exponential", 2.0, 1.0),
        ("uniform", 2.0, 1.0 / 12.0),
        ("gamma", 2.0, 0.5),
        ("hyperexponential", 2.0, 4.0),
        // Two linear pieces: 1..2 and 2..4.
        ("empirical", 2.25, ((7.0 + 28.0) / 6.0 - 2.25 * 2.25) / (2.25 * 2.25)),
        ("mixture", 0.95 * 1.5 + 0.05 * 20.0, 0.0),
    ] {
        let shapes = shapes();
        let (_, dist) = shapes.iter().find(|(shape, _)| *shape == name).expect("a shape");
        assert!((dist.mean() - mean).abs() < 1e-12, "{name}: mean {}", dist.mean());
        if name != "mixture" {
            assert!((dist.scv() - scv).abs() < 1e-12, "{name}: scv {}", dist.scv());
        }
    }
}

#[test]
fn quantiles_hold_for_draws() {
    let n = 100_000;
    for (name, dist) in shapes() {
        for p in [0.1, 0.5, 0.95] {
            let Some(limit) = dist.quantile(p) else { continue };
            if name == "constant" {
                continue;
            }
            let below = draws(&dist, n).filter(|&x| x <= limit).count();
            let share = below as f64 / n as f64;
            assert!((share - p).abs() < 0.006, "{name}: {share} of draws up to the {p} quantile");
        }
    }
    let lognormal = Dist::lognormal(2.0, 6.0).expect("possible");
    for (p, seconds) in [(0.5, 2.0), (0.95, 6.0)] {
        let quantile = lognormal.quantile(p).expect("closed form");
        assert!((quantile - seconds).abs() < 1e-12, "{quantile}");
    }
}

#[test]
fn gamma_draws_agree_with_an_independent_implementation() {
    for scv in [0.25, 3.0] {
        let ours = Dist::gamma(1.0, scv).expect("possible");
        let theirs = rand_distr::Gamma::new(1.0 / scv, scv).expect("possible");
        let n = 100_000;
        let mut stream = Stream::keyed(1, Purpose::Tie, 0, 0);
        for limit in [0.2, 0.7, 1.5, 3.0] {
            let mine = draws(&ours, n).filter(|&x| x <= limit).count() as f64;
            let other = (0..n).filter(|_| theirs.sample(&mut stream) <= limit).count() as f64;
            let share = (mine - other).abs() / n as f64;
            assert!(share < 0.011, "scv {scv}, up to {limit}: {mine} against {other}");
        }
    }
}

#[test]
fn impossible_parameters_are_refused() {
    let nan = f64::NAN;
    for (name, refused) in [
        ("exponential 0", Dist::exponential(0.0)),
        ("exponential nan", Dist::exponential(nan)),
        ("lognormal p95 below median", Dist::lognormal(6.0, 2.0)),
        ("lognormal median 0", Dist::lognormal(0.0, 2.0)),
        ("uniform max below min", Dist::uniform(3.0, 1.0)),
        ("uniform negative", Dist::uniform(-1.0, 1.0)),
        ("gamma scv 0", Dist::gamma(1.0, 0.0)),
        ("hyperexponential scv below 1", Dist::hyperexponential(1.0, 0.9)),
        ("weibull shape 0", Dist::weibull(1.0, 0.0)),
        ("empirical of nothing", Dist::empirical(vec![])),
        ("empirical negative", Dist::empirical(vec![1.0, -1.0])),
        ("mixture without weight", Dist::mixture(vec![(0.0, Dist::Exponential { mean: 1.0 })])),
        ("mixture of nothing", Dist::mixture(vec![])),
    ] {
        assert!(refused.is_err(), "{name}");
    }
    let degenerate = Dist::lognormal(2.0, 2.0).expect("a constant");
    assert_eq!(degenerate.sample_keyed(1, Purpose::Tie, 0, 0), Duration::from_secs(2));
}

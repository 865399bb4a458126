//! How fast gradients vanish where only noisy ones are known.

use super::{banded, each, equals, power};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style};
use crate::problem::quadratic::Waves;
use crate::problem::vector::{inner, moved, norm, normals, square};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};

const DIMENSION: Count =
    Count::new("dimension", "coordinates of the function", 10).allowed(1.0, 1e3);
const NOISE: Number = Number::new(
    "noise",
    "root of the mean squared norm of the gradient's noise",
    4.0,
)
.allowed(0.1, 1e3);
const HORIZONS: Numbers = Numbers::new("horizons", "numbers of steps T", &[1e3, 1e4, 1e5])
    .quick(&[1e3, 3e4])
    .allowed(10.0, 1e7);
const DRAWS: Count = Count::new(
    "draws",
    "gradients drawn at each point for the descent lemma",
    2000,
)
.quick(500)
.allowed(10.0, 1e6);

/// Theory 2-10.
#[derive(Debug)]
pub struct RateOfStochasticGradientDescent;

/// What a seed gives.
struct Seed {
    /// The mean squared gradient over T steps: with the step size of the theorem, and with ten times that of the smallest T.
    means: [Vec<f64>; 2],
    /// What the loss after a step is beyond the bound, over `βη²σ²/2`: on the waves; on a bowl with the second moment and
    /// with the variance in the bound.
    beyond: [f64; 3],
}

impl Experiment for RateOfStochasticGradientDescent {
    fn about(&self) -> About {
        About {
            name: "rate-of-stochastic-gradient-descent",
            subject: Subject::Optimisation,
            claim: "With noisy gradients and step sizes that fall as one over the root of the number of steps T, the mean \
                    squared gradient falls as 1/√T, below the bound.",
            source: "Arora et al., Theory of Deep Learning (draft), Theorem 2.5.2",
            mathematics: "If the noisy gradient ĝ has the mean ∇f and E‖ĝ‖² ≤ σ², smoothness β gives \
                E f(w − ηĝ) − f(w) ≤ −η‖∇f‖² + (β/2)η²σ². Summing over T steps of a function with range M, the mean of \
                ‖∇_t‖² is at most M/(Tη) + βησ²/2, which with η = √(M/(βσ²T)) is (3/2)√(Mβσ²/T); the theorem states 2 for \
                3/2. To come to ‖∇f‖ ≤ ε so takes a number of steps of order ε⁻⁴. The function is −Σ hᵢ cos wᵢ with Gaussian \
                noise; σ² is the noise and the largest squared gradient together.",
            refuted_by: "A mean squared gradient above the bound, or one that does not fall as T^(−1/2).",
            seeds: Extent {
                full: 20,
                quick: 12,
            },
            seconds: Extent {
                full: 1.2,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIMENSION.parameter(),
            NOISE.parameter(),
            HORIZONS.parameter(),
            DRAWS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let waves = Waves::log_spaced(0.1, 1.0, setup.get(DIMENSION));
        let (noise, horizons) = (setup.get(NOISE), setup.get(HORIZONS));
        let draws = setup.get(DRAWS);
        let seeds =
            setup.over_seeds(|streams| seed(setup, &waves, noise, &horizons, draws, streams))?;
        let second_moment = square(&[noise, waves.steepest()]);
        let rate =
            |horizon: &f64| (waves.range() * waves.smoothness() * second_moment / horizon).sqrt();
        let rates: Vec<f64> = horizons.iter().map(rate).collect();
        let largest = each(&seeds, |seed| {
            let ratios = seed.means[0]
                .iter()
                .zip(&rates)
                .map(|(mean, rate)| mean / rate);
            ratios.fold(0.0, f64::max)
        });
        Ok(Findings::new()
            .claims(bounds(&largest))
            .claims(slopes(&horizons, &seeds))
            .claims(lemma(&seeds))
            .figure("rate", figure(&horizons, &rates, &seeds)))
    }
}

fn bounds(largest: &[f64]) -> Vec<Claim> {
    let claim = |factor: f64, words: &str| {
        let text = format!(
            "With every T, the mean squared gradient is below {factor} √(Mβσ²/T), {words}."
        );
        Claim::printed(
            "theory 2-10",
            text,
            Rule::Below(factor),
            Estimate::mean(largest),
        )
    };
    vec![
        claim(2.0, "as the theorem states"),
        claim(1.5, "as its proof gives"),
    ]
}

fn slopes(horizons: &[f64], seeds: &[Seed]) -> Vec<Claim> {
    let slope =
        |index: usize| Estimate::mean(&each(seeds, |seed| power(horizons, &seed.means[index])));
    vec![
        Claim::printed(
            "theory 2-10",
            "With the step size of the theorem, the mean squared gradient falls as the power −1/2 of T, so that ‖∇f‖ ≤ ε takes \
             of the order of ε⁻⁴ steps.",
            equals(-0.5, 0.1),
            slope(0),
        ),
        Claim::must_fail(
            "theory 2-10",
            "With ten times the step size of the smallest T for all, the mean squared gradient falls as the power −1/2 of T.",
            equals(-0.5, 0.1),
            slope(1),
        ),
    ]
}

fn lemma(seeds: &[Seed]) -> Vec<Claim> {
    let beyond = |index: usize| Estimate::mean(&each(seeds, |seed| seed.beyond[index]));
    let text = |what: &str| {
        format!(
            "A step of size 1/β changes the loss on average by at most −η‖∇f‖² + (β/2)η²σ², {what}."
        )
    };
    vec![
        Claim::printed(
            "theory 2-10",
            text("on the waves, to 1 % of the last term"),
            Rule::Below(0.01),
            beyond(0),
        ),
        Claim::printed(
            "theory 2-10",
            text(
                "and on a bowl by that amount to 1 % of the last term, so that the bound is not to be bettered",
            ),
            equals(0.0, 0.01),
            beyond(1),
        ),
        Claim::must_fail(
            "theory 2-10",
            text(
                "with the variance of ĝ in place of its second moment σ², on a bowl, to 1 % of the last term",
            ),
            Rule::Below(0.01),
            beyond(2),
        ),
    ]
}

fn seed(
    setup: &Setup,
    waves: &Waves,
    noise: f64,
    horizons: &[f64],
    draws: usize,
    streams: Streams,
) -> Result<Seed, ExperimentError> {
    let second_moment = square(&[noise, waves.steepest()]);
    let rate =
        |horizon: f64| (waves.range() / (waves.smoothness() * second_moment * horizon)).sqrt();
    let first = horizons.iter().copied().fold(f64::INFINITY, f64::min);
    let mut means = [Vec::new(), Vec::new()];
    for horizon in horizons {
        setup.go_on()?;
        for (means, rate) in means.iter_mut().zip([rate(*horizon), 10.0 * rate(first)]) {
            means.push(mean_square(
                waves,
                noise,
                rate,
                *horizon as usize,
                &mut streams.stream("descent", *horizon as u64),
            ));
        }
    }
    let mut rng = streams.stream("lemma", 0);
    let w = waves.point(&mut rng);
    let on_waves = beyond(
        &w,
        waves.smoothness(),
        |w| waves.loss(w),
        &waves.gradient(&w),
        (noise, draws),
        &mut rng,
    );
    let bowl = |w: &[f64]| 0.5 * square(w);
    // Of the length of the noise, so that second moment and variance differ.
    let w: Vec<f64> = w.iter().map(|part| noise * part / norm(&w)).collect();
    let on_bowl = beyond(&w, 1.0, bowl, &w, (noise, draws), &mut rng);
    Ok(Seed {
        means,
        beyond: [on_waves[0], on_bowl[0], on_bowl[1]],
    })
}

fn noisy(slope: &[f64], noise: f64, rng: &mut StreamRng) -> Vec<f64> {
    let factor = noise / (slope.len() as f64).sqrt();
    moved(slope, factor, &normals(rng, slope.len()))
}

/// The mean squared gradient over so many steps.
fn mean_square(waves: &Waves, noise: f64, rate: f64, steps: usize, rng: &mut StreamRng) -> f64 {
    let mut w = waves.point(rng);
    let each = (0..steps).map(|_| {
        let slope = waves.gradient(&w);
        w = moved(&w, -rate, &noisy(&slope, noise, rng));
        square(&slope)
    });
    each.sum::<f64>() / steps as f64
}

/// What the mean loss after a step of size 1/β is beyond the bound, over its last term; with the second moment and with
/// the variance of the drawn gradients in the bound.
fn beyond(
    w: &[f64],
    smoothness: f64,
    loss: impl Fn(&[f64]) -> f64,
    slope: &[f64],
    (noise, draws): (f64, usize),
    rng: &mut StreamRng,
) -> [f64; 2] {
    let rate = 1.0 / smoothness;
    let before = loss(w);
    let mut sums = [0.0; 3];
    for _ in 0..draws {
        let drawn = noisy(slope, noise, rng);
        // Its linear part is taken off before averaging: it has the mean −η‖∇f‖², and most of the scatter.
        sums[0] += loss(&moved(w, -rate, &drawn)) - before + rate * inner(slope, &drawn);
        sums[1] += square(&drawn);
        sums[2] += square(&moved(&drawn, -1.0, slope));
    }
    let [change, second_moment, variance] = sums.map(|sum| sum / draws as f64);
    let term = |moment: f64| 0.5 * smoothness * rate * rate * moment;
    [second_moment, variance].map(|moment| (change - term(moment)) / term(moment))
}

fn figure(horizons: &[f64], rates: &[f64], seeds: &[Seed]) -> Figure {
    let rows = |index: usize| {
        seeds
            .iter()
            .map(|seed| seed.means[index].as_slice())
            .collect::<Vec<_>>()
    };
    let bound = |factor: f64| rates.iter().map(|rate| factor * rate).collect();
    let panel = Panel::new(
        Axis::new("steps T", "1").log(),
        Axis::new("mean squared gradient", "1").log(),
    )
    .with(Line::new("bound of the proof", horizons.to_vec(), bound(1.5)).styled(Style::REFERENCE))
    .with(banded("η ∝ T^(−1/2)", horizons, &rows(0)).with_markers())
    .with(banded("η fixed", horizons, &rows(1)).with_markers());
    Figure::new("Mean squared gradient over T noisy steps").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_bowl_the_bound_is_an_equality() {
        let mut rng = Streams::new(0).stream("test", 0);
        let w = [3.0, -4.0];
        let [with_moment, with_variance] =
            beyond(&w, 1.0, |w| 0.5 * square(w), &w, (5.0, 4000), &mut rng);
        assert!(with_moment.abs() < 1e-12);
        // ‖∇f‖² is as large as the variance here.
        assert!((with_variance - 1.0).abs() < 0.1);
    }

    #[test]
    fn noise_has_the_size_that_is_asked_for() {
        let mut rng = Streams::new(1).stream("test", 0);
        let mean = (0..4000)
            .map(|_| square(&noisy(&[0.0; 8], 3.0, &mut rng)))
            .sum::<f64>()
            / 4000.0;
        assert!((mean - 9.0).abs() < 0.3);
    }
}

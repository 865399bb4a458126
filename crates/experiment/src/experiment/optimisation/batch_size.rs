//! How many steps a larger batch saves, and from where on none.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Mark, Panel, Points, Style};
use crate::problem::quadratic::{Quadratic, first_without, log_spaced};
use crate::problem::stochastic::second_moment;
use crate::problem::vector::{moved, normals, square};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};

const DIMENSION: Count =
    Count::new("dimension", "coordinates of the quadratic", 20).allowed(1.0, 500.0);
const NOISE: Number = Number::new(
    "noise",
    "root γ₁ of the variance of one example's gradient",
    10.0,
)
.allowed(0.5, 1e3);
const TARGETS: Numbers = Numbers::new(
    "targets",
    "gradient norms ε to be reached",
    &[0.1, 0.3, 1.0],
)
.quick(&[0.3, 1.0])
.allowed(0.05, 2.0);
const RUNS: Count = Count::new("runs", "simulated descents per seed", 10)
    .quick(4)
    .allowed(1.0, 1e4);

/// How many step sizes are tried, up to the largest allowed, 1/β.
const RATES: usize = 160;
/// Far below and far above the batch size at which the two terms are equal.
const FAR: f64 = 100.0;

/// The second part of theory 2-11.
#[derive(Debug)]
pub struct BatchSizeAndSteps;

/// A quadratic with noise of equal size in all coordinates, and descent on it from a fixed start.
struct Noisy {
    quadratic: Quadratic,
    start: Vec<f64>,
    noise: f64,
}

/// The fewest steps with a batch size, and with which step size.
#[derive(Clone, Copy)]
struct Best {
    steps: f64,
    rate: f64,
}

impl Experiment for BatchSizeAndSteps {
    fn about(&self) -> About {
        About {
            name: "batch-size-and-steps",
            subject: Subject::Optimisation,
            claim: "Doubling the batch halves the steps to a small gradient up to a batch of about γ₁²/ε², and saves nothing \
                    beyond.",
            source: "Arora et al., Theory of Deep Learning (draft), Problem 2.5.3",
            mathematics: "With the gradient's variance γ₁²/B and η ≤ 1/β, a step lowers the loss on average by \
                (η/2)‖∇f‖² − βη²γ₁²/(2B) or more, so that the mean squared gradient over T steps is at most \
                2M/(ηT) + βηγ₁²/B. Half of ε² for each term takes η = min(1/β, ε²B/(2βγ₁²)) and \
                T = 4βM/ε² · max(1, 2γ₁²/(Bε²)) steps: proportional to 1/B below a batch of the order of γ₁²/ε², the same \
                for all above. On a quadratic, E wᵢ² obeys (1 − ηλᵢ)² E wᵢ² + η²γ₁²/(Bd) from step to step, which is solved \
                exactly; the step size is the best of a fine grid for every B.",
            refuted_by: "Steps that do not fall as 1/B for small batches, or still fall for large ones.",
            seeds: Extent { full: 10, quick: 6 },
            seconds: Extent {
                full: 0.6,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIMENSION.parameter(),
            NOISE.parameter(),
            TARGETS.parameter(),
            RUNS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let quadratic = Quadratic::log_spaced(0.1, 1.0, setup.get(DIMENSION));
        let start = quadratic
            .eigenvalues
            .iter()
            .map(|_| 10.0 / (quadratic.eigenvalues.len() as f64).sqrt());
        let problem = Noisy {
            start: start.collect(),
            quadratic,
            noise: setup.get(NOISE),
        };
        let targets = setup.get(TARGETS);
        let target = targets.iter().copied().fold(f64::INFINITY, f64::min);
        let batches = log_spaced(1e-4, 1e4, 33);
        // In units of γ₁²/ε²; a batch need not be a whole number for the exact moments.
        let counts: Vec<Vec<Best>> = setup.over(&targets, |target| {
            Ok(batches
                .iter()
                .map(|batch| problem.best(*batch, *target))
                .collect())
        })?;
        let smallest = targets
            .iter()
            .position(|other| *other == target)
            .unwrap_or(0);
        let simulated = setup
            .over_seeds(|streams| Ok(problem.simulated(1.0, target, setup.get(RUNS), streams)))?;
        Ok(Findings::new()
            .claims(claims(&problem, &batches, &counts[smallest], target))
            .claim(Claim::printed(
                "theory 2-11",
                "At B = γ₁²/ε² and the best step size, simulated descents end at the mean squared gradient that the exact moments \
                 give: over it, 1.",
                super::equals(1.0, 0.1),
                Estimate::mean(&simulated),
            ))
            .figure("steps", figure(&problem, &batches, &targets, &counts)))
    }
}

fn claims(problem: &Noisy, batches: &[f64], best: &[Best], target: f64) -> Vec<Claim> {
    let id = "theory 2-11";
    let slope = |is_in: fn(f64) -> bool| {
        let within = || batches.iter().zip(best).filter(|(batch, _)| is_in(**batch));
        let logs = |values: Vec<f64>| values.into_iter().map(f64::ln).collect::<Vec<_>>();
        let x = logs(within().map(|(batch, _)| *batch).collect());
        Estimate::slope(&x, &logs(within().map(|(_, best)| best.steps).collect()))
    };
    let least = best.last().map_or(f64::NAN, |best| best.steps);
    // Between two batch sizes of the grid: no nearer.
    let knee = best.iter().position(|best| best.steps <= 2.0 * least);
    let knee = knee.map_or(Estimate::exact(f64::NAN, 0.0), |index| {
        let (below, above) = (batches[index.saturating_sub(1)], batches[index]);
        Estimate::exact(0.5 * (below + above), 0.5 * (above - below))
    });
    let over_bound = batches
        .iter()
        .zip(best)
        .map(|(batch, best)| best.steps / problem.bound(*batch, target));
    vec![
        Claim::printed(
            id,
            format!(
                "For ε = {target}, below a hundredth of γ₁²/ε² the steps fall with the batch size as its power −1."
            ),
            super::equals(-1.0, 0.05),
            slope(|batch| batch <= 1.0 / FAR),
        ),
        Claim::printed(
            id,
            format!(
                "For ε = {target}, beyond a hundred times γ₁²/ε² the steps no longer depend on the batch size: power 0."
            ),
            super::equals(0.0, 0.02),
            slope(|batch| batch >= FAR),
        ),
        Claim::printed(
            id,
            "Steps are twice the least at a batch size within a factor 10 of γ₁²/ε².",
            Rule::Between(0.1, 10.0),
            knee,
        ),
        Claim::printed(
            id,
            format!(
                "For ε = {target} and Bε²/γ₁² of {} the steps are below 4βM/ε² · max(1, 2γ₁²/(Bε²)): the largest ratio is below 1.",
                tested(batches)
            ),
            Rule::Below(1.0),
            Estimate::exact(over_bound.fold(0.0, f64::max), 1e-9),
        ),
        Claim::must_fail(
            id,
            "From a hundredth of γ₁²/ε² to a hundred times that, the steps fall with the batch size as one power, −1.",
            super::equals(-1.0, 0.05),
            slope(|batch| (1.0 / FAR..=FAR).contains(&batch)),
        ),
    ]
}

impl Noisy {
    /// The variance of the gradient with a batch of so many times γ₁²/ε².
    fn variance(batch: f64, target: f64) -> f64 {
        target * target / batch
    }

    /// The mean squared gradient after some steps, by the exact second moments.
    fn square_after(&self, steps: f64, rate: f64, variance: f64) -> f64 {
        let noise = (rate, variance / self.start.len() as f64);
        let terms =
            self.quadratic
                .eigenvalues
                .iter()
                .zip(&self.start)
                .map(|(eigenvalue, start)| {
                    eigenvalue * eigenvalue * second_moment(*eigenvalue, *start, noise, steps)
                });
        terms.sum()
    }

    /// The fewest steps to a mean squared gradient of `target²`, with a batch of so many times γ₁²/ε².
    fn best(&self, batch: f64, target: f64) -> Best {
        let largest = 1.0 / self.quadratic.sharpest();
        let variance = Self::variance(batch, target);
        let rates = log_spaced(largest.min(0.01 * batch), largest, RATES);
        let each = rates.into_iter().map(|rate| Best {
            steps: self.steps(rate, variance, target),
            rate,
        });
        let none = Best {
            steps: f64::INFINITY,
            rate: largest,
        };
        each.fold(none, |best, other| {
            if other.steps < best.steps {
                other
            } else {
                best
            }
        })
    }

    /// The first step at which the mean squared gradient is at most `target²`, between which there is none: it falls
    /// towards its limit from a start far above.
    fn steps(&self, rate: f64, variance: f64, target: f64) -> f64 {
        first_without(|steps| self.square_after(steps, rate, variance) > target * target)
    }

    /// What the summed descent lemma needs, with a batch of so many times γ₁²/ε².
    fn bound(&self, batch: f64, target: f64) -> f64 {
        let range = self.quadratic.loss(&self.start);
        4.0 * self.quadratic.sharpest() * range / (target * target) * (2.0 / batch).max(1.0)
    }

    /// The mean squared gradient at the end of simulated descents at the best step size, over the exact one.
    fn simulated(&self, batch: f64, target: f64, runs: usize, streams: Streams) -> f64 {
        let best = self.best(batch, target);
        let factor = (Self::variance(batch, target) / self.start.len() as f64).sqrt();
        let squares: Vec<f64> = (0..runs as u64)
            .map(|run| {
                let mut rng = streams.stream("descent", run);
                let last = (0..best.steps as usize).fold(self.start.clone(), |w, _| {
                    let slope = self.quadratic.gradient(&w);
                    let drawn = moved(&slope, factor, &normals(&mut rng, slope.len()));
                    moved(&w, -best.rate, &drawn)
                });
                square(&self.quadratic.gradient(&last))
            })
            .collect();
        mean(&squares) / self.square_after(best.steps, best.rate, Self::variance(batch, target))
    }
}

fn figure(problem: &Noisy, batches: &[f64], targets: &[f64], counts: &[Vec<Best>]) -> Figure {
    let mut panel = Panel::new(
        Axis::new("batch size B", "1").log(),
        Axis::counting("steps").log(),
    );
    for (target, best) in targets.iter().zip(counts) {
        // The batch sizes that exist: whole numbers from one on, as far as the curves are of interest.
        let unit = problem.noise * problem.noise / (target * target);
        let shown = || {
            batches
                .iter()
                .zip(best)
                .filter(move |(batch, _)| (1.0..1e6).contains(&(**batch * unit)))
        };
        let x = shown().map(|(batch, _)| batch * unit).collect();
        let y = shown().map(|(_, best)| best.steps).collect();
        panel = panel.with(Line::new(format!("ε = {target}"), x, y));
    }
    let knees: Vec<f64> = targets
        .iter()
        .map(|target| (problem.noise / target).powi(2))
        .collect();
    let at = |target: &f64| problem.best(1.0, *target).steps;
    let marks = Points::new("B = γ₁²/ε²", knees, targets.iter().map(at).collect());
    Figure::new("Fewest steps to a gradient of ε").with(panel.with(Mark::Points(Points {
        style: Some(Style {
            colour: None,
            dash: 0,
        }),
        ..marks
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Noisy {
        Noisy {
            quadratic: Quadratic {
                eigenvalues: vec![0.5, 1.0],
            },
            start: vec![3.0, 4.0],
            noise: 2.0,
        }
    }

    #[test]
    fn the_closed_form_is_that_of_the_recursion() {
        let (rate, variance) = (0.3, 0.8);
        let mut moments = problem().start.iter().map(|w| w * w).collect::<Vec<f64>>();
        for _ in 0..7 {
            for (moment, eigenvalue) in moments.iter_mut().zip([0.5f64, 1.0]) {
                *moment =
                    (1.0 - rate * eigenvalue).powi(2) * *moment + rate * rate * variance / 2.0;
            }
        }
        let expected = 0.25 * moments[0] + moments[1];
        assert!((problem().square_after(7.0, rate, variance) - expected).abs() < 1e-12);
    }

    #[test]
    fn without_noise_the_steps_are_those_of_gradient_descent() {
        // With η = 1 only the flat coordinate is left after a step: 1.5 · 0.5ᵗ ≤ 0.1 from t = 4 on.
        assert_eq!(problem().steps(1.0, 0.0, 0.1), 4.0);
        let best = problem().best(1e12, 0.1);
        assert_eq!((best.steps, best.rate), (4.0, 1.0));
    }
}

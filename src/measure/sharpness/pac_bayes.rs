//! A PAC-Bayes bound on the test error of the network under normal noise on its parameters.
//!
//! With probability 0.95 over training samples and draws, for all `σ` and prior widths `λ_j` at once,
//! `err(Q) ≤ err_train(Q) + √((KL(Q‖P_j) + ln(2√n / δ_j)) / 2n)`: McAllester's bound with Maurer's
//! constant (McAllester 1999; Maurer 2004, "A note on the PAC-Bayesian theorem", theorem 5, through
//! Pinsker's inequality). `Q = N(θ, σ²I)`, `P_j = N(θ₀, λ_j² I)` around the starting point, which
//! knows no data. A prior may not be chosen by the data: `λ_j² = e^{−j/100}` for `j = 1, 2, …`, and
//! `δ_j = 6δ / (π² j²)` adds up to `δ` (Dziugaite & Roy 2017, sec. 3, with 1 for their 0.1).
//!
//! `err_train(Q)`, a mean over the noise, is bounded from above by its draws (Langford & Caruana 2001, "(Not)
//! bounding the true error", with another bound on the mean), which takes half of the 0.05.
//!
//! The error is 0-1 error, which is bounded; cross-entropy is not, and has no such bound.

use super::chart::Chart;
use super::landscape::Landscape;
use crate::data::Task;
use crate::linear::{LinearError, Spending, dot, random_normal};
use crate::measure::declaration::{Family, Measure, Part, RoundingLaw};
use crate::measure::evaluated::Evaluated;
use crate::measure::failure::Failure;
use crate::measure::measurement::{Bound, Error, Measurement};
use crate::measure::session::Session;
use crate::measure::subject::Subject;
use crate::objective::Outputs;
use crate::random::StreamRng;
use crate::statistics::{mean, stated_error};
use std::f64::consts::PI;

pub(in crate::measure) const FAMILY: Family = &[Measure::new(
    "pac_bayes.bound",
    "bound on the test error of the network under normal noise, with probability 0.95; says nothing from 1 on",
    measure,
)
.from("Dziugaite & Roy 2017, sec. 3; McAllester 1999; Maurer 2004")
.about(Task::Classification)
// The starting point, the centre of the prior, is moved by no map.
.invariant(&[])
.of_flatness()
.rounded(RoundingLaw::Share(Part::Train))
.full()];

/// One minus the probability with which the bound holds, over training samples and draws.
const DELTA: f64 = 0.05;

/// How finely the grid of prior widths is spaced.
const FINENESS: f64 = 100.0;

/// The share of [`DELTA`] with which the error under noise is above the bound that its draws give on it.
const OF_SAMPLING: f64 = 0.5;

/// Deviations that are tried: `2^k` for these `k`. The posterior may depend on the data.
const DEVIATIONS: std::ops::RangeInclusive<i32> = -10..=1;

/// Draws of the noise for the deviation that is reported.
const DRAWS: usize = 128;

/// Draws from which something can be told.
const FEWEST: usize = 12;

fn measure(session: &mut Session<'_>, name: &'static str) -> Result<Measurement, Failure> {
    // A bound is about the whole network.
    let subject = Subject {
        block: None,
        ..session.subject
    };
    if subject.objective.norm_mode().is_some() {
        let reason = "the statistics of batch normalisation are functions of the training data, which \
                      a prior must not know";
        return Err(Failure::not_defined(reason));
    }
    let initial = subject.initial.ok_or_else(|| {
        let reason = "the starting point is not known, and a prior must not know the data";
        Failure::not_known(reason)
    })?;
    let distance = squared_distance(&session.values()?, initial);
    let landscape = Landscape::of(&subject, Outputs::Raw)?;
    let posteriors = Posteriors {
        subject: &subject,
        landscape: &landscape,
        distance,
    };
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    spending.require(FEWEST + DEVIATIONS.count())?;
    let tried = || subject.stream(name);
    let chosen = posteriors.choose(&tried, &mut spending)?;
    // New draws: the least of several estimates is too low on average.
    let mut rng = subject.stream("pac_bayes.bound.final");
    let mut errors = Vec::new();
    while errors.len() < DRAWS && spending.allows(1) {
        errors.push(posteriors.error(chosen.deviation, &mut rng, &mut spending)?);
    }
    if errors.len() < FEWEST {
        let allowed = spending.matvecs;
        let fewest = allowed + FEWEST - errors.len();
        return Err(LinearError::TooFewProducts { allowed, fewest }.into());
    }
    let stake = best_stake(&chosen.errors, errors.len());
    let bound = upper_mean(&errors, stake, certainty(), errors.len()) + chosen.penalty;
    Ok(Measurement {
        converged: Some(errors.len() == DRAWS),
        note: (bound >= 1.0).then(|| "vacuous: an error is never above 1".to_owned()),
        ..Measurement::new(name, bound)
            .over(landscape.samples())
            .taking(spending.matvecs)
            .with_error(Error::Bound {
                side: Bound::Upper,
                stderr: None,
                residual: None,
            })
    })
}

fn squared_distance(values: &[f64], initial: &[f64]) -> f64 {
    let difference: Vec<f64> = values.iter().zip(initial).map(|(a, b)| a - b).collect();
    dot(&difference, &difference)
}

/// A deviation of the noise that may be chosen.
struct Candidate {
    deviation: f64,
    /// How far its bound is above the error under noise.
    penalty: f64,
    rng: StreamRng,
    errors: Vec<f64>,
}

impl Candidate {
    fn bound(&self) -> f64 {
        self.penalty + mean(&self.errors)
    }

    /// By how much its bound is above another's, and the error of that: both saw the same draws.
    fn above(&self, other: &Self) -> (f64, f64) {
        let pairs = self.errors.iter().zip(&other.errors);
        let differences: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        let difference = self.penalty - other.penalty + mean(&differences);
        (difference, stated_error(&differences))
    }
}

/// Normal distributions around a solution.
struct Posteriors<'a> {
    subject: &'a Subject<'a>,
    landscape: &'a Landscape<'a>,
    distance: f64,
}

impl Posteriors<'_> {
    /// The 0-1 error on the training samples under one draw of the noise.
    fn error(
        &self,
        deviation: f64,
        rng: &mut StreamRng,
        spending: &mut Spending,
    ) -> Result<f64, Failure> {
        spending.spend()?;
        let noise = random_normal(self.landscape.dimension(), rng);
        let displacement = Chart::Uniform(deviation).displacement(&noise);
        let moved = self.landscape.moved(&displacement);
        let subject = self.subject;
        let evaluated = Evaluated::run(subject.objective, &moved, subject.train)?;
        let margins = evaluated.margins()?;
        let wrong = margins.iter().filter(|&&margin| margin <= 0.0);
        Ok(wrong.count() as f64 / margins.len() as f64)
    }

    fn candidate(&self, deviation: f64, rng: StreamRng) -> Candidate {
        let (divergence, failure) =
            divergence(self.landscape.dimension(), deviation, self.distance);
        Candidate {
            deviation,
            penalty: excess(divergence, failure, self.landscape.samples()),
            rng,
            errors: Vec::new(),
        }
    }

    /// The deviation whose bound is the least. All see the same draws, so that they are compared and not the
    /// draws; those that are certainly worse are given up, and of the others the draws are doubled until it
    /// makes no difference which is chosen. Half of a budget is for this.
    fn choose(
        &self,
        rng: &dyn Fn() -> StreamRng,
        spending: &mut Spending,
    ) -> Result<Candidate, Failure> {
        /// Draws that each begins with, and has at most.
        const FIRST: usize = 8;
        const MOST: usize = 256;
        let mut rivals = self.rivals(rng, FIRST, spending)?;
        let mut draws = rivals.first().map_or(FIRST, |first| first.errors.len());
        loop {
            rivals.sort_by(|a, b| a.bound().total_cmp(&b.bound()));
            let best = rivals.remove(0);
            rivals.retain(|rival| is_rival(rival, &best));
            draws *= 2;
            let cost = (rivals.len() + 1) * draws / 2;
            if rivals.is_empty()
                || draws > MOST
                || !spending.allows(1)
                || 2 * (spending.matvecs + cost) > spending.expected()
            {
                return Ok(best);
            }
            rivals.push(best);
            for rival in &mut rivals {
                self.draw(rival, draws, spending)?;
            }
        }
    }

    /// All deviations with some draws, from the largest on. A bound is at least its penalty, so those that
    /// follow one whose penalty is above a bound already found are left out.
    fn rivals(
        &self,
        rng: &dyn Fn() -> StreamRng,
        draws: usize,
        spending: &mut Spending,
    ) -> Result<Vec<Candidate>, Failure> {
        let (mut rivals, mut least) = (Vec::<Candidate>::new(), f64::INFINITY);
        let mut draws = draws;
        for exponent in DEVIATIONS.rev() {
            let mut candidate = self.candidate(f64::from(exponent).exp2(), rng());
            if candidate.penalty >= least || (!rivals.is_empty() && !spending.allows(1)) {
                break;
            }
            if rivals.is_empty() {
                self.draw(&mut candidate, 1, spending)?;
                let share = spending.expected() / 2 / DEVIATIONS.count();
                draws = draws.min(share).max(1);
            }
            self.draw(&mut candidate, draws, spending)?;
            least = least.min(candidate.bound());
            rivals.push(candidate);
        }
        Ok(rivals)
    }

    fn draw(
        &self,
        candidate: &mut Candidate,
        draws: usize,
        spending: &mut Spending,
    ) -> Result<(), Failure> {
        while candidate.errors.len() < draws {
            let error = self.error(candidate.deviation, &mut candidate.rng, spending)?;
            candidate.errors.push(error);
        }
        Ok(())
    }
}

/// Whether a candidate may be better than the one that looks best by more than what does not matter.
fn is_rival(candidate: &Candidate, best: &Candidate) -> bool {
    /// Differences of bounds that do not matter.
    const CLOSE: f64 = 0.004;
    let (above, error) = candidate.above(best);
    // From a single draw there is no error.
    error.is_nan() || 2.0 * error - above > CLOSE
}

/// `ln 1/δ'` with the probability `δ'` set aside for the draws.
fn certainty() -> f64 {
    -(OF_SAMPLING * DELTA).ln()
}

/// An upper bound on the mean of random numbers between 0 and 1 by betting (Waudby-Smith & Ramdas 2024,
/// "Estimating means of bounded random variables by betting", §4): if the mean is `m`, the capital
/// `Π (1 + s (m − xᵢ))` of somebody who stakes `s` each time is 1 on average, so above `e^c` with a probability
/// of at most `e^−c` (Markov). The bound is the least `m` for which it is. A stake must be chosen without
/// these numbers; unlike Chernoff's bound (Langford & Caruana 2001) this one gets better where they spread
/// little. `of` is the number of numbers for which these stand.
fn upper_mean(values: &[f64], stake: f64, certainty: f64, of: usize) -> f64 {
    let share = of as f64 / values.len() as f64;
    let exceeds = |mean: f64| {
        let gains = values.iter().map(|value| (stake * (mean - value)).ln_1p());
        share * gains.sum::<f64>() > certainty
    };
    // No capital may become negative, whatever the numbers.
    let (mut below, mut above) = ((1.0 - 1.0 / stake).max(0.0), 1.0);
    if !exceeds(above) {
        return 1.0;
    }
    for _ in 0..60 {
        let middle = 0.5 * (below + above);
        if exceeds(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
    above
}

/// The stake that would have been best for the draws by which the deviation was chosen, had there been `of`.
fn best_stake(values: &[f64], of: usize) -> f64 {
    const STAKES: std::ops::RangeInclusive<i32> = -8..=16;
    let stakes = STAKES.map(|exponent| (0.5 * f64::from(exponent)).exp2());
    let bound = |stake: f64| upper_mean(values, stake, certainty(), of);
    let best = stakes.map(|stake| (bound(stake), stake));
    best.min_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(1.0, |(_, stake)| stake)
}

/// `KL(N(θ, σ²I) ‖ N(θ₀, λ²I))` in `dimension` dimensions at a squared distance `‖θ − θ₀‖²`.
fn kullback_leibler(dimension: usize, deviation: f64, width: f64, distance: f64) -> f64 {
    let ratio = (deviation / width).powi(2);
    0.5 * (dimension as f64 * (ratio - 1.0 - ratio.ln()) + distance / width.powi(2))
}

/// The divergence from the prior of the grid that is best for a posterior, and the probability `δ_j`
/// that is set aside for it.
fn divergence(dimension: usize, deviation: f64, distance: f64) -> (f64, f64) {
    // Without the grid the best width would be this.
    let best = deviation.powi(2) + distance / dimension as f64;
    let place = -FINENESS * best.ln();
    let candidates = [place.floor().max(1.0), place.ceil().max(1.0)];
    candidates
        .map(|j| {
            let width = (-0.5 * j / FINENESS).exp();
            let failure = 6.0 * (1.0 - OF_SAMPLING) * DELTA / (PI * j).powi(2);
            (
                kullback_leibler(dimension, deviation, width, distance),
                failure,
            )
        })
        .into_iter()
        .min_by(|a, b| (a.0 - a.1.ln()).total_cmp(&(b.0 - b.1.ln())))
        .unwrap_or((f64::INFINITY, (1.0 - OF_SAMPLING) * DELTA))
}

/// How far the bound is above the training error.
fn excess(divergence: f64, failure: f64, samples: usize) -> f64 {
    let samples = samples as f64;
    let penalty = divergence + (2.0 * samples.sqrt() / failure).ln();
    (penalty / (2.0 * samples)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Ground, assert_close, bias_free};
    use super::*;
    use crate::linear::Budget;
    use crate::objective::{Batch, Chunks, Loss};
    use crate::random::Streams;
    use statrs::distribution::{ContinuousCDF, Normal};

    /// `f(x) = x` on samples at 1, all labelled right, so under noise of deviation `σ` the error of a
    /// draw is 1 with probability `Φ(−1/σ)`.
    fn threshold(samples: usize) -> Ground {
        let objective = bias_free(1, Vec::new(), 1, Loss::Logistic);
        let compute = objective.compute();
        let ones = || compute.tensor(&vec![1.0; samples], [samples, 1]);
        let batch = Batch {
            inputs: ones(),
            targets: ones(),
        };
        let data = Chunks::from_batches(vec![batch], vec![1; samples]);
        Ground {
            initial: Some(vec![0.0]),
            ..Ground::new(objective, &[1.0], data)
        }
    }

    #[test]
    fn the_divergence_of_normals_is_their_integral() {
        // ∫ q ln(q/p) for q = N(0.7, 0.3²), p = N(0, 0.5²), by the trapezoidal rule.
        let density = |x: f64, mean: f64, s: f64| {
            (-0.5 * ((x - mean) / s).powi(2)).exp() / (s * (2.0 * PI).sqrt())
        };
        let step = 1e-3;
        let sum: f64 = (-3000..=3000)
            .map(|i| 0.7 + step * f64::from(i))
            .map(|x| {
                let q = density(x, 0.7, 0.3);
                q * (q / density(x, 0.0, 0.5)).ln() * step
            })
            .sum();
        assert_close(kullback_leibler(1, 0.3, 0.5, 0.49), sum, 1e-8);
        assert_close(kullback_leibler(6, 0.3, 0.5, 6.0 * 0.49), 6.0 * sum, 1e-8);
    }

    #[test]
    fn the_best_prior_of_the_grid_is_close_to_the_best_of_all() {
        let (dimension, deviation, distance) = (1000, 0.05f64, 12.0);
        let (found, failure) = divergence(dimension, deviation, distance);
        let best = (deviation.powi(2) + distance / 1000.0).sqrt();
        let least = kullback_leibler(dimension, deviation, best, distance);
        assert!(found >= least && found < least * 1.01, "{found} {least}");
        // The place on the grid, −100 ln λ², is 423 or 424.
        let place = (6.0 * (1.0 - OF_SAMPLING) * DELTA / failure).sqrt() / PI;
        assert!((place.round() - place).abs() < 1e-9);
        assert!(
            (place + FINENESS * (2.0 * best.ln())).abs() < 1.0,
            "{place}"
        );
    }

    #[test]
    fn the_shares_of_failure_add_up_to_no_more_than_the_whole() {
        let sum: f64 = (1..100_000)
            .map(|j| 6.0 * (1.0 - OF_SAMPLING) * DELTA / (PI * f64::from(j)).powi(2))
            .sum();
        let whole = sum + (-certainty()).exp();
        assert!(whole < DELTA && whole > 0.999 * DELTA);
    }

    fn posteriors<'a>(subject: &'a Subject<'a>, landscape: &'a Landscape<'a>) -> Posteriors<'a> {
        Posteriors {
            subject,
            landscape,
            distance: 1.0,
        }
    }

    #[test]
    fn the_errors_under_noise_are_those_of_the_normal_distribution() {
        let ground = threshold(2);
        let subject = ground.subject();
        let landscape = Landscape::of(&subject, Outputs::Raw).unwrap();
        let posteriors = posteriors(&subject, &landscape);
        let mut rng = Streams::new(1).stream("noise", 0);
        let mut spending = Spending::new(subject.budget, subject.interrupt);
        let found: Vec<f64> = (0..2000)
            .map(|_| posteriors.error(0.8, &mut rng, &mut spending).unwrap())
            .collect();
        let expected = Normal::standard().cdf(-1.0 / 0.8);
        let error = stated_error(&found);
        assert!((mean(&found) - expected).abs() < 4.0 * error, "{error}");
        assert_eq!(spending.matvecs, 2000);
    }

    /// A linear classifier of three outputs on eight features: its own predictions are the labels.
    fn classifier() -> Ground {
        const SAMPLES: usize = 400;
        let objective = bias_free(8, Vec::new(), 3, Loss::CrossEntropy);
        let compute = objective.compute();
        let mut rng = Streams::new(2).stream("test", 0);
        let weights = random_normal(24, &mut rng);
        let inputs = random_normal(8 * SAMPLES, &mut rng);
        let outputs = |x: &[f64]| weights.chunks(8).map(|row| dot(row, x)).collect::<Vec<_>>();
        let label = |x: &[f64]| {
            let outputs = outputs(x);
            (0..3).max_by(|&a, &b| outputs[a].total_cmp(&outputs[b]))
        };
        let labels: Vec<u8> = inputs.chunks(8).map(|x| label(x).unwrap() as u8).collect();
        let targets = labels
            .iter()
            .flat_map(|&label| Loss::CrossEntropy.target(label, 3))
            .collect::<Vec<_>>();
        let batch = Batch {
            inputs: compute.tensor(&inputs, [SAMPLES, 8]),
            targets: compute.tensor(&targets, [SAMPLES, 3]),
        };
        let data = Chunks::from_batches(vec![batch], labels);
        let initial = vec![0.0; 24];
        Ground {
            initial: Some(initial),
            ..Ground::new(objective, &weights, data)
        }
    }

    #[test]
    fn the_deviation_that_is_chosen_is_as_good_as_the_best_of_the_grid() {
        let ground = classifier();
        let subject = ground.subject();
        let landscape = Landscape::of(&subject, Outputs::Raw).unwrap();
        let weights = ground.parameters.to_host().unwrap();
        let posteriors = Posteriors {
            distance: dot(&weights, &weights),
            ..posteriors(&subject, &landscape)
        };
        let spending = || Spending::new(subject.budget, subject.interrupt);
        let truth: Vec<(f64, f64)> = DEVIATIONS
            .map(|exponent| {
                let rng = Streams::new(99).stream("truth", 0);
                let mut candidate = posteriors.candidate(f64::from(exponent).exp2(), rng);
                posteriors
                    .draw(&mut candidate, 3000, &mut spending())
                    .unwrap();
                (candidate.deviation, candidate.bound())
            })
            .collect();
        let least = truth
            .iter()
            .fold(f64::INFINITY, |least, (_, bound)| least.min(*bound));
        for seed in 0..40 {
            let rng = || Streams::new(seed).stream("tried", 0);
            let mut spending = spending();
            let chosen = posteriors.choose(&rng, &mut spending).unwrap();
            let found = truth
                .iter()
                .find(|(deviation, _)| *deviation == chosen.deviation);
            let bound = found.unwrap().1;
            assert!(bound <= least + 0.005, "seed {seed}: {bound} for {least}");
        }
    }

    #[test]
    fn the_bound_on_a_mean_holds_as_often_as_it_says_and_is_not_far_from_it() {
        const REPETITIONS: usize = 2000;
        let mut rng = Streams::new(7).stream("test", 0);
        // Beta-like numbers around 0.2 that spread little, and shares that are 0 or 1.
        for (spread, gap) in [(0.03, 0.05), (f64::INFINITY, 0.16)] {
            let mut draw = |count: usize| -> Vec<f64> {
                let normal = random_normal(count, &mut rng).into_iter();
                normal
                    .map(|z| match spread.is_finite() {
                        true => (0.2 + spread * z).clamp(0.0, 1.0),
                        // Below −0.8416 with probability 0.2.
                        false => f64::from(u8::from(z < -0.8416)),
                    })
                    .collect()
            };
            let (mut missed, mut sum) = (0, 0.0);
            for _ in 0..REPETITIONS {
                let stake = best_stake(&draw(64), DRAWS);
                let bound = upper_mean(&draw(DRAWS), stake, certainty(), DRAWS);
                missed += usize::from(bound < 0.2);
                sum += bound / REPETITIONS as f64;
            }
            assert!(
                missed as f64 <= 0.025 * REPETITIONS as f64 * 1.3,
                "{missed}"
            );
            assert!(sum < 0.2 + gap, "{spread}: {sum}");
        }
    }

    #[test]
    fn from_few_samples_a_bound_is_vacuous_and_says_so_and_from_many_it_is_not() {
        let row = threshold(1).measure("pac_bayes.bound");
        assert!(row.value.unwrap() >= 1.0);
        assert!(row.note.unwrap().contains("vacuous"));
        // √((KL + ln(2·100/δ_j)) / 20000) with a divergence of at most a few nats, and for the draws that
        // none was wrong: e^{3.69/128} − 1.
        let row = threshold(10_000).measure("pac_bayes.bound");
        assert_eq!((&row.note, row.bound()), (&None, Some(Bound::Upper)));
        assert_eq!((row.converged, row.stderr()), (Some(true), None));
        assert!(
            (0.04..0.09).contains(&row.value.unwrap()),
            "{:?}",
            row.value
        );
        assert_eq!(row.samples, Some(10_000));
    }

    #[test]
    fn budgets_are_kept_and_too_small_ones_refused() {
        let within = |max_matvecs, max_seconds| {
            let ground = Ground {
                budget: Budget {
                    max_matvecs,
                    max_seconds,
                },
                ..classifier()
            };
            ground.measure("pac_bayes.bound")
        };
        let whole = within(None, None);
        for allowed in [24, 30, 64, 100] {
            let row = within(Some(allowed), None);
            assert!(row.matvecs.unwrap() <= allowed, "{row:?}");
            assert_eq!(row.converged, Some(false));
            assert!(row.value > whole.value, "fewer draws bound less");
        }
        let reason = within(Some(23), None).failure.unwrap().reason;
        assert!(reason.contains("at least 24"), "{reason}");
        let reason = within(None, Some(0.0)).failure.unwrap().reason;
        assert!(reason.contains("max_seconds"), "{reason}");
    }
}

//! Which steps of gradient descent converge, and how fast: the eigenvalues of the data decide it.

use super::{beside, curve, each, largest, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Mark};
use crate::problem::least_squares::{LeastSquares, relative_distance, sparse_truth};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat, Scale};

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 50).allowed(5.0, 200.0);
const FEATURES: Count =
    Count::new("features", "columns of the data matrix", 200).allowed(10.0, 1_000.0);
const NONZERO: Count = Count::new("nonzero", "parameters of the truth that are not zero", 10);
const NOISE: Number =
    Number::new("noise", "standard deviation of the label noise", 0.01).allowed(0.0, 1e3);
const TOLERANCE: Number =
    Number::new("tolerance", "gradient norm at which descent stops", 1e-6).allowed(1e-10, 1e-2);

/// Steps times the largest eigenvalue of `XᵀX/m`.
const RELATIVE_STEPS: [f64; 9] = [0.25, 0.5, 1.0, 1.5, 1.7, 1.8, 1.9, 1.95, 1.99];

/// The three of the text, among them, and what it prints for them.
const OF_THE_TEXT: [(usize, f64); 3] = [(1, 4_000.0), (3, 1_200.0), (8, 600.0)];

/// Unknowns per equation for which the noise is amplified.
const ASPECTS: [f64; 4] = [1.1, 1.5, 2.0, 4.0];

/// Steps of gradient descent.
#[derive(Debug)]
pub struct StepSize;

#[derive(Debug)]
struct Measured {
    condition: f64,
    norm: f64,
    norm_share: f64,
    norm_mismatch: f64,
    iterations: Vec<f64>,
    predicted: Vec<f64>,
    at_the_optimum: f64,
    decay: f64,
    decay_at_optimum: f64,
    optimal_rate: f64,
    above_the_limit: f64,
    above_the_proof: f64,
    without_a_part: f64,
    amplification: [f64; 4],
}

impl Experiment for StepSize {
    fn about(&self) -> About {
        About {
            name: "step-size",
            subject: Subject::LeastSquares,
            claim: "Gradient descent on least squares converges for steps below 2/λ_max, and the \
                larger the faster.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), A.1, B.1 \
                and C.1; The Mathematical Structure of Machine Learning (course text), B.1.",
            mathematics: "Along an eigenvector of XᵀX/m with eigenvalue λ > 0 a step α multiplies the \
                error by 1 − αλ. The error as a whole shrinks per step by ρ(α) = max(|1 − \
                αλ_min|, |1 − αλ_max|), so the number of steps is about log(1/ε)/log(1/ρ). ρ is \
                least at α = 2/(λ_max + λ_min), where it is (κ − 1)/(κ + 1), and goes to 1 again \
                as α comes near 2/λ_max. Beyond that descent diverges, unless y has no part \
                along the directions for which α is too large. For standard normal X the \
                eigenvalues fill the interval (1 ± √(m/n))²·n/m of Marchenko and Pastur, and the \
                noise in y is amplified by E tr (XXᵀ)⁻¹ = m/(n − m − 1).",
            refuted_by: "Numbers of steps that differ from log ε/log ρ, or a step above 2/λ_max that \
                converges on data whose labels have a part along the top direction.",
            seeds: Extent { full: 30, quick: 8 },
            seconds: Extent {
                full: 0.8,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            NONZERO.parameter(),
            NOISE.parameter(),
            TOLERANCE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(FEATURES) <= setup.get(SAMPLES) + 1 {
            return Err(ExperimentError::because(
                "`features` must be above `samples` by 2 or more",
            ));
        }
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_exercise(setup, &all))
            .claims(of_what_is_printed(&all))
            .claims(of_the_corrections(setup, &all))
            .claims(of_the_norm_and_the_rate(&all))
            .claims(of_the_limit(&all))
            .claims(of_the_noise(setup, &all))
            .claims(of_the_noise_at_the_threshold(&all))
            .figure("steps", figure(&all)))
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let truth = sparse_truth(&mut rng, setup.get(FEATURES), setup.get(NONZERO));
    let problem = LeastSquares::gaussian(&mut rng, setup.get(SAMPLES), &truth, setup.get(NOISE));
    let samples = setup.get(SAMPLES) as f64;
    // The loss of the exercise is divided by m.
    let curvatures = problem.curvatures()?;
    let [least, most] = [0, curvatures.len() - 1].map(|at| curvatures[at] / samples);
    let shortest = problem.shortest()?;
    let counts = RELATIVE_STEPS.map(|relative| steps_until(setup, &problem, relative / most));
    let gradient = problem.gradient(&problem.origin()).norm_l2() / samples;
    let log_share = (setup.get(TOLERANCE) / gradient).ln();
    let predicted = RELATIVE_STEPS.map(|relative| log_share / worst(relative, least / most).ln());
    let optimum = 2.0 / (least + most);
    let reached = problem.descend(&problem.origin(), 1.5 / most / samples, 400);
    let unknown =
        shortest.squared_norm_l2() / truth.squared_norm_l2() * setup.get(FEATURES) as f64 / samples;
    let distance_at = |relative: f64| {
        let step = relative / most / samples;
        relative_distance(&problem.descend(&problem.origin(), step, 2_000), &shortest)
    };
    Ok(Measured {
        condition: most / least,
        norm: shortest.norm_l2(),
        norm_share: unknown,
        norm_mismatch: (reached.norm_l2() / shortest.norm_l2() - 1.0).abs(),
        iterations: counts.into_iter().collect::<Result<_, _>>()?,
        predicted: predicted.to_vec(),
        at_the_optimum: steps_until(setup, &problem, optimum)?,
        decay: decay(&problem, 1.5 / most / samples, &shortest),
        decay_at_optimum: decay(&problem, optimum / samples, &shortest),
        optimal_rate: (most - least) / (most + least),
        above_the_limit: distance_at(2.02),
        above_the_proof: distance_at(1.5),
        without_a_part: without_a_part()?,
        amplification: amplification(setup, streams)?,
    })
}

/// The factor by which a step, times the largest curvature, shrinks the slowest direction; the curvatures reach down to
/// this share of the largest.
fn worst(relative: f64, least: f64) -> f64 {
    (1.0 - relative * least).abs().max((1.0 - relative).abs())
}

/// The steps of `w ← w − α∇/m` until the gradient of the loss over `2m` is small enough.
fn steps_until(setup: &Setup, problem: &LeastSquares, step: f64) -> Result<f64, ExperimentError> {
    const MOST: usize = 20_000;
    let samples = problem.x.nrows() as f64;
    let mut w = problem.origin();
    for steps in 0..MOST {
        let gradient = Scale(1.0 / samples) * problem.gradient(&w);
        if gradient.norm_l2() < setup.get(TOLERANCE) {
            return Ok(steps as f64);
        }
        w = &w - Scale(step) * gradient;
        if steps % 256 == 0 {
            setup.go_on()?;
        }
    }
    Err(ExperimentError::because(format!(
        "descent takes more than {MOST} steps: choose a larger `tolerance`, or `features` farther \
         from `samples`"
    )))
}

/// The factor by which the error shrinks per step, over steps 30 to 60.
fn decay(problem: &LeastSquares, step: f64, shortest: &Col<f64>) -> f64 {
    let error =
        |steps| relative_distance(&problem.descend(&problem.origin(), step, steps), shortest);
    (error(60) / error(30)).powf(1.0 / 30.0)
}

/// Two equations, `3w₁ = 0` and `w₂ = 1`, in three unknowns: the label has no part along the top direction, and the
/// step 0.5 is above 2/9. The distance to the shortest solution after 2,000 steps.
fn without_a_part() -> Result<f64, ExperimentError> {
    let x = Mat::from_fn(
        2,
        3,
        |row, column| if row == column { [3.0, 1.0][row] } else { 0.0 },
    );
    let problem = LeastSquares {
        x,
        y: dense::column(&[0.0, 1.0]),
    };
    Ok((problem.descend(&problem.origin(), 0.5, 2_000) - problem.shortest()?).norm_l2())
}

/// `tr (XXᵀ)⁻¹` at several shapes.
fn amplification(setup: &Setup, streams: Streams) -> Result<[f64; 4], ExperimentError> {
    let samples = setup.get(SAMPLES);
    let mut found = [0.0; 4];
    for (place, aspect) in ASPECTS.iter().enumerate() {
        let mut rng = streams.stream("amplification", place as u64);
        let x = draw::gaussian(&mut rng, samples, unknowns(samples, *aspect));
        let values = dense::eigenvalues((&x * x.transpose()).as_ref())?;
        found[place] = values.iter().map(|value| 1.0 / value).sum();
    }
    Ok(found)
}

/// Unknowns for so many equations; at least two more, without which the mean has no value.
fn unknowns(samples: usize, aspect: f64) -> usize {
    ((samples as f64 * aspect).round() as usize).max(samples + 2)
}

fn of_the_exercise(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let (m, n) = (setup.get(SAMPLES), setup.get(FEATURES));
    let counts = OF_THE_TEXT.iter().map(|&(place, printed)| {
        let relative = RELATIVE_STEPS[place];
        Claim::printed(
            "flat-vs-sharp C.1",
            format!(
                "{m} equations, {n} unknowns: with {relative}/λ_max descent takes about {printed} \
                steps, within half of that."
            ),
            Rule::Between(0.5 * printed, 1.5 * printed),
            Estimate::median(&each(all, |one| one.iterations[place])),
        )
    });
    let faster = OF_THE_TEXT.map(|(place, _)| each(all, |one| -one.iterations[place]));
    let order = Claim::printed(
        "flat-vs-sharp C.1",
        "A larger step is faster: from 0.5 to 1.5 to 1.99/λ_max fewer steps are needed each time \
        (steps saved).",
        Rule::Above(0.0),
        Estimate::smallest_step(&faster),
    );
    counts.chain([order]).collect()
}

fn of_what_is_printed(all: &[Measured]) -> Vec<Claim> {
    let id = "flat-vs-sharp C.1";
    let median = |of: fn(&Measured) -> f64| Estimate::median(&each(all, of));
    let equals = |value, tolerance| Rule::Equals { value, tolerance };
    vec![
        Claim::printed(
            id,
            "The condition number is about 100, within a factor of 2.",
            Rule::Between(50.0, 200.0),
            median(|one| one.condition),
        ),
        Claim::printed(
            id,
            "The solution has norm 0.8, within 0.1.",
            equals(0.8, 0.1),
            median(|one| one.norm),
        ),
        Claim::printed(
            id,
            "The error shrinks by the factor 0.99 per step at 1.5/λ_max, within 0.01.",
            equals(0.99, 0.01),
            median(|one| one.decay),
        ),
        Claim::printed(
            id,
            "The norm of the limit is that of X⁺y to a share of 1e-7, after 400 steps of \
            1.5/λ_max.",
            Rule::Below(1e-7),
            Estimate::mean(&each(all, |one| one.norm_mismatch)),
        ),
    ]
}

fn of_the_corrections(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let (m, n) = (setup.get(SAMPLES) as f64, setup.get(FEATURES) as f64);
    let share = (m / n).sqrt();
    let edges = ((1.0 + share) / (1.0 - share)).powi(2);
    let mean = |of: &dyn Fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    let off = |one: &Measured| {
        largest(
            one.iterations
                .iter()
                .zip(&one.predicted)
                .map(|(steps, predicted)| (steps / predicted - 1.0).abs()),
        )
    };
    let slower = each(all, |one| one.iterations[8] / one.at_the_optimum);
    vec![
        Claim::corrected(
            "flat-vs-sharp C.1",
            "The number of steps is log ε/log ρ with ρ = max |1 − αλ|, within 40 % at every step \
            that was tried.",
            Rule::Below(0.4),
            mean(&off),
        ),
        Claim::corrected(
            "flat-vs-sharp C.1",
            "With 1.99/λ_max descent is more than 5 times as slow as with 2/(λ_max + λ_min).",
            Rule::Above(5.0),
            Estimate::mean(&slower),
        ),
        Claim::corrected(
            "flat-vs-sharp C.1",
            format!(
                "The condition number is that of Marchenko and Pastur's edges, {edges:.3}, within \
                30 %."
            ),
            Rule::Between(0.7 * edges, 1.3 * edges),
            mean(&|one| one.condition),
        ),
    ]
}

fn of_the_norm_and_the_rate(all: &[Measured]) -> Vec<Claim> {
    let mean = |of: &dyn Fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::corrected(
            "flat-vs-sharp C.1",
            "The squared norm of the solution is m/n of the truth's, within 15 % (ratio).",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.15,
            },
            mean(&|one| one.norm_share),
        ),
        Claim::printed(
            "structure B.1",
            "With α = 2/(λ_max + λ_min) the error shrinks per step by (κ − 1)/(κ + 1), within 2 % \
            (ratio).",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.02,
            },
            mean(&|one| one.decay_at_optimum / one.optimal_rate),
        ),
    ]
}

fn of_the_limit(all: &[Measured]) -> Vec<Claim> {
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    let isolated = Estimate::exact(
        all.first().map_or(f64::NAN, |one| one.without_a_part),
        1e-12,
    );
    vec![
        Claim::printed(
            "flat-vs-sharp A.1",
            "With 1.5/λ_max descent from zero ends at X⁺y, to a share of 1e-8.",
            Rule::Below(1e-8),
            mean(|one| one.above_the_proof),
        ),
        Claim::printed(
            "flat-vs-sharp A.1",
            "Only with α in (0, 2/λ_max), on any problem: with 3w₁ = 0, w₂ = 1 and α = 0.5 > 2/9 \
            it does not end within 1e-8 of the shortest solution.",
            Rule::Above(1e-8),
            isolated,
        ),
        Claim::corrected(
            "flat-vs-sharp A.1",
            "Where y has a part along the top direction, as drawn labels have, 2.02/λ_max \
            diverges: after 2000 steps the relative distance has a logarithm (base 10) above 6.",
            Rule::Above(6.0),
            Estimate::mean(&each(all, |one| one.above_the_limit.log10())),
        ),
        Claim::printed(
            "flat-vs-sharp B.1",
            "The proof needs α < 2/λ_max², so that 1.5/λ_max, which is above that, does not end \
            within 1e-8 of X⁺y.",
            Rule::Above(1e-8),
            mean(|one| one.above_the_proof),
        ),
        Claim::corrected(
            "flat-vs-sharp B.1",
            "α < 2/λ_max is enough, as the iteration for u has the Hessian XXᵀ and not its square: \
            1.5/λ_max ends within 1e-8 of X⁺y.",
            Rule::Below(1e-8),
            mean(|one| one.above_the_proof),
        ),
    ]
}

fn of_the_noise(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let samples = setup.get(SAMPLES);
    let arms = |sign: f64| -> Vec<Vec<f64>> {
        (0..ASPECTS.len())
            .map(|place| each(all, |one| sign * one.amplification[place].ln()))
            .collect()
    };
    let expected = |place: usize| {
        let unknowns = unknowns(samples, ASPECTS[place]);
        samples as f64 / (unknowns - samples - 1).max(1) as f64
    };
    vec![
        Claim::printed(
            "structure B.1",
            "The variance σ² tr (XXᵀ)⁻¹ rises with n/m, over 1.1, 1.5, 2 and 4 (least rise of the \
            logarithm).",
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(1.0)),
        ),
        Claim::corrected(
            "structure B.1",
            "It falls with n/m over the same (least fall of the logarithm).",
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(-1.0)),
        ),
        Claim::corrected(
            "structure B.1",
            "At n/m = 2 and 4 it is m/(n − m − 1), within 5 % (mean ratio).",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.05,
            },
            Estimate::mean(&each(all, |one| {
                (one.amplification[2] / expected(2) + one.amplification[3] / expected(3)) / 2.0
            })),
        ),
    ]
}

fn of_the_noise_at_the_threshold(all: &[Measured]) -> Vec<Claim> {
    vec![Claim::must_fail(
        "structure B.1",
        "At n/m = 1.1 it is within 5 % of what it is at n/m = 4 (median ratio).",
        Rule::Equals {
            value: 1.0,
            tolerance: 0.05,
        },
        Estimate::median(&each(all, |one| {
            one.amplification[0] / one.amplification[3]
        })),
    )]
}

fn figure(all: &[Measured]) -> Figure {
    let of = |pick: fn(&Measured) -> &Vec<f64>| {
        all.iter().map(|one| pick(one).clone()).collect::<Vec<_>>()
    };
    let printed = Line::new(
        "printed",
        OF_THE_TEXT
            .iter()
            .map(|(place, _)| RELATIVE_STEPS[*place])
            .collect(),
        OF_THE_TEXT.iter().map(|(_, steps)| *steps).collect(),
    );
    let counts = Panel::new(
        Axis::new("step × largest eigenvalue", "1").linear(),
        Axis::counting("steps to the tolerance").log(),
    )
    .with(curve("measured", &RELATIVE_STEPS, &of(|one| &one.iterations)).with_markers())
    .with(curve("log ε / log ρ", &RELATIVE_STEPS, &of(|one| &one.predicted)).styled(style(2, 1)))
    .with(printed.with_markers())
    .with(Mark::upright("limit of stability", 2.0));
    let noise: Vec<Vec<f64>> = all.iter().map(|one| one.amplification.to_vec()).collect();
    let amplified = Panel::new(
        Axis::new("unknowns per equation", "1").linear(),
        Axis::new("amplification of noise", "1").log(),
    )
    .with(curve("trace of the inverse Gram matrix", &ASPECTS, &noise).with_markers());
    let figure = Figure::new("How many steps descent needs, and how the noise is amplified")
        .described(
            "Steps of gradient descent until the gradient is small, and the trace of the inverse \
            Gram matrix.",
        )
        .with(counts)
        .with(amplified);
    beside(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_without_a_part_along_the_top_direction_bear_steps_beyond_the_limit() {
        assert!(without_a_part().unwrap() < 1e-12);
    }

    #[test]
    fn the_error_shrinks_by_the_worst_factor() {
        // Eigenvalues 4 and 1: with 0.3 the factors are −0.2 and 0.7.
        let x = Mat::from_fn(
            2,
            2,
            |row, column| if row == column { [2.0, 1.0][row] } else { 0.0 },
        );
        let problem = LeastSquares {
            x,
            y: dense::column(&[1.0, 1.0]),
        };
        let shortest = problem.shortest().unwrap();
        assert!((decay(&problem, 0.3, &shortest) - 0.7).abs() < 1e-9);
    }
}

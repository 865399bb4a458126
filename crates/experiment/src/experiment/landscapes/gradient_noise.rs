//! How far stochastic gradient descent strays from a minimum along directions of different curvature.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style};
use crate::problem::basins::stationary_variance;
use crate::problem::draw;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};

const CURVATURES: Numbers = Numbers::new(
    "curvatures",
    "eigenvalues of the Hessian, ascending",
    &[0.1, 1.0, 10.0],
)
.allowed(0.05, 20.0);
const STEP: Number =
    Number::new("step", "step size α with isotropic noise", 0.1).allowed(1e-3, 0.2);
const NOISE: Number = Number::new(
    "noise",
    "variance of each coordinate of the isotropic noise",
    0.5,
)
.allowed(1e-6, 100.0);
const STEPS: Count = Count::new(
    "steps",
    "steps after those until the law is stationary",
    40_000,
)
.quick(8_000)
.allowed(1e3, 1e7);
const SMALL_STEP: Number = Number::new(
    "small-step",
    "step size α of least squares with \
    minibatches",
    0.005,
)
.allowed(1e-5, 0.01);
const BATCHES: Numbers = Numbers::new(
    "batches",
    "batch sizes of least squares, ascending",
    &[5.0, 10.0, 20.0],
)
.allowed(1.0, 1e3);
const LABEL: Number = Number::new(
    "label",
    "standard deviation of the noise of the labels",
    0.5,
)
.allowed(1e-3, 10.0);

/// Theorem 1.5 of the course text.
#[derive(Debug)]
pub struct GradientNoise;

impl Experiment for GradientNoise {
    fn about(&self) -> About {
        About {
            name: "gradient-noise",
            subject: Subject::Landscapes,
            claim: "Stochastic gradient descent strays from a minimum with a variance that is \
                inversely proportional to the curvature.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), \
                Theorem 1.5",
            mathematics: "On ½Σλᵢθᵢ² with independent noise of variance s² in each coordinate \
                of the gradient, θ ← θ − α(λθ + z) has the stationary variance αs²/(λ(2 − \
                αλ)), close to αs²/(2λ) where αλ ≪ 2: proportional to 1/λ. The noise of \
                minibatches of least squares is not isotropic: near the minimum its covariance \
                is σ²H/B with the variance σ² of the labels and the batch size B, which \
                cancels H: the variance is ασ²/(2B) in all directions (Mandt, Hoffman & Blei \
                2017). How far iterates stray inside a basin says nothing of which basin they \
                are in.",
            refuted_by: "Variances with isotropic noise that are not as 1/λ, or variances with \
                minibatches that are.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 3.5,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            CURVATURES.parameter(),
            STEP.parameter(),
            NOISE.parameter(),
            STEPS.parameter(),
            SMALL_STEP.parameter(),
            BATCHES.parameter(),
            LABEL.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let curvatures = setup.get(CURVATURES);
        if setup.get(STEP) * curvatures[curvatures.len() - 1] >= 2.0 {
            return Err(ExperimentError::because(
                "step times the largest of the curvatures must be \
                below 2: above it nothing is stationary",
            ));
        }
        let isotropic = setup
            .over_seeds(|streams| isotropic(setup, setup.get(STEP), setup.get(STEPS), streams))?;
        let gentle = setup.over_seeds(|streams| isotropic_gentle(setup, streams))?;
        let batches = setup.get(BATCHES);
        let least_squares = setup.over_seeds(|streams| {
            batches
                .iter()
                .map(|batch| {
                    let start = vec![0.0; curvatures.len()];
                    minibatches(setup, *batch as usize, setup.get(LABEL), start, streams)
                })
                .collect::<Result<Vec<_>, _>>()
        })?;
        let noiseless = setup.over_seeds(|streams| {
            let batch = batches[batches.len() / 2] as usize;
            minibatches(setup, batch, 0.0, vec![1.0; curvatures.len()], streams)
        })?;
        let claims = of_isotropic(setup, &isotropic, &gentle)
            .into_iter()
            .chain(of_batches(setup, &least_squares, &noiseless));
        Ok(Findings::new()
            .claims(claims)
            .figure("variances", figure(setup, &isotropic, &least_squares)))
    }
}

/// The mean square of each coordinate, after the steps in which the slowest direction forgets its start.
fn isotropic(
    setup: &Setup,
    step: f64,
    steps: usize,
    streams: Streams,
) -> Result<Vec<f64>, ExperimentError> {
    let (curvatures, deviation) = (setup.get(CURVATURES), setup.get(NOISE).sqrt());
    let mut rng = streams.stream("isotropic", (1.0 / step) as u64);
    let mut theta = vec![0.0; curvatures.len()];
    let mut squares = vec![0.0; curvatures.len()];
    let warm = (5.0 / (step * curvatures[0])) as usize;
    for index in 0..warm + steps {
        for (place, curvature) in curvatures.iter().enumerate() {
            theta[place] -= step * (curvature * theta[place] + deviation * draw::normal(&mut rng));
            squares[place] += if index < warm {
                0.0
            } else {
                theta[place] * theta[place]
            };
        }
        if index % 4096 == 0 {
            setup.go_on()?;
        }
    }
    Ok(squares
        .into_iter()
        .map(|square| square / steps as f64)
        .collect())
}

/// The same with a tenth of the step and five times as many steps, where 2 − αλ is close to 2 in all directions.
fn isotropic_gentle(setup: &Setup, streams: Streams) -> Result<Vec<f64>, ExperimentError> {
    isotropic(setup, setup.get(STEP) / 10.0, 5 * setup.get(STEPS), streams)
}

/// The same for least squares with inputs of the variances λᵢ and fresh minibatches, from a start; the minimum is at 0.
fn minibatches(
    setup: &Setup,
    batch: usize,
    label: f64,
    mut theta: Vec<f64>,
    streams: Streams,
) -> Result<Vec<f64>, ExperimentError> {
    let (curvatures, step) = (setup.get(CURVATURES), setup.get(SMALL_STEP));
    let deviations: Vec<f64> = curvatures
        .iter()
        .map(|curvature| curvature.sqrt())
        .collect();
    let mut rng = streams.stream("minibatches", batch as u64);
    let count = curvatures.len();
    let mut squares = vec![0.0; count];
    let steps = setup.get(STEPS);
    // Of what the slowest direction had at the start, e⁻⁵ is left, and e⁻¹⁰ of its square.
    let warm = (5.0 / (step * curvatures[0])) as usize;
    for index in 0..warm + steps {
        let mut gradient = vec![0.0; count];
        for _ in 0..batch {
            let x: Vec<f64> = deviations
                .iter()
                .map(|deviation| deviation * draw::normal(&mut rng))
                .collect();
            let error: f64 = x
                .iter()
                .zip(&theta)
                .map(|(x, theta)| x * theta)
                .sum::<f64>()
                - label * draw::normal(&mut rng);
            gradient
                .iter_mut()
                .zip(&x)
                .for_each(|(gradient, x)| *gradient += error * x / batch as f64);
        }
        for (place, gradient) in gradient.iter().enumerate() {
            theta[place] -= step * gradient;
            if index >= warm {
                squares[place] += theta[place] * theta[place];
            }
        }
        if index % 4096 == 0 {
            setup.go_on()?;
        }
    }
    Ok(squares
        .into_iter()
        .map(|square| square / steps as f64)
        .collect())
}

/// For each seed the first number over the last.
fn spread(seeds: &[Vec<f64>]) -> Vec<f64> {
    seeds
        .iter()
        .map(|values| values[0] / values[values.len() - 1])
        .collect()
}

fn of_isotropic(setup: &Setup, seeds: &[Vec<f64>], gentle: &[Vec<f64>]) -> Vec<Claim> {
    let (curvatures, step, noise) = (setup.get(CURVATURES), setup.get(STEP), setup.get(NOISE));
    let (low, high) = (curvatures[0], curvatures[curvatures.len() - 1]);
    let ratio = high / low;
    let exact = (0..curvatures.len()).map(|index| {
        let expected = stationary_variance(step, curvatures[index], noise);
        let measured: Vec<f64> = seeds.iter().map(|seed| seed[index] / expected).collect();
        Claim::corrected(
            "flat-vs-sharp T1.5",
            format!(
                "With isotropic noise and α = {step} the variance along the curvature {} is \
                 αs²/(λ(2 − αλ)) = {expected:.5} (mean ratio)",
                curvatures[index]
            ),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            Estimate::mean(&measured),
        )
    });
    let rule = Rule::Equals {
        value: ratio,
        tolerance: 0.15 * ratio,
    };
    let text = |step: f64| {
        format!(
            "With isotropic noise and α = {step} the variances along the curvatures {low} \
            and {high} are as 1/λ (mean ratio)"
        )
    };
    [
        Claim::printed(
            "flat-vs-sharp T1.5",
            text(step / 10.0),
            rule,
            Estimate::mean(&spread(gentle)),
        ),
        Claim::printed(
            "flat-vs-sharp T1.5",
            text(step),
            rule,
            Estimate::mean(&spread(seeds)),
        ),
    ]
    .into_iter()
    .chain(exact)
    .collect()
}

fn of_batches(setup: &Setup, seeds: &[Vec<Vec<f64>>], noiseless: &[Vec<f64>]) -> Vec<Claim> {
    let (curvatures, batches) = (setup.get(CURVATURES), setup.get(BATCHES));
    let (low, high) = (curvatures[0], curvatures[curvatures.len() - 1]);
    let middle = batches.len() / 2;
    let of_middle: Vec<Vec<f64>> = seeds.iter().map(|seed| seed[middle].clone()).collect();
    let expected = setup.get(SMALL_STEP) * setup.get(LABEL).powi(2) / (2.0 * batches[middle]);
    // Along the sharpest direction, which forgets fastest and is measured best.
    let sharp = |values: &[f64]| values[values.len() - 1];
    let absolute: Vec<f64> = of_middle
        .iter()
        .map(|values| sharp(values) / expected)
        .collect();
    let left: Vec<f64> = noiseless
        .iter()
        .map(|values| sharp(values) / expected)
        .collect();
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for seed in seeds {
        x.extend(batches.iter().map(|batch| batch.ln()));
        y.extend(seed.iter().map(|values| sharp(values).ln()));
    }
    let ratio = Estimate::mean(&spread(&of_middle));
    vec![
        Claim::printed(
            "flat-vs-sharp T1.5",
            format!(
                "Minibatches of {} of least squares stray along the curvatures {low} and \
                 {high} with variances as 1/λ (mean ratio)",
                batches[middle]
            ),
            Rule::Equals {
                value: high / low,
                tolerance: 0.15 * high / low,
            },
            ratio,
        ),
        Claim::corrected(
            "flat-vs-sharp T1.5",
            "They stray equally far in both directions (mean ratio of the variances)",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.3,
            },
            ratio,
        ),
        Claim::corrected(
            "flat-vs-sharp T1.5",
            format!(
                "with the variance ασ²/(2B) = {expected:.3e} (mean ratio along the \
                sharpest direction)"
            ),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            Estimate::mean(&absolute),
        ),
        Claim::printed(
            "flat-vs-sharp T1.5",
            "which is inversely proportional to the batch size (slope of the logarithms)",
            Rule::Equals {
                value: -1.0,
                tolerance: 0.1,
            },
            Estimate::slope(&x, &y),
        ),
        Claim::must_fail(
            "flat-vs-sharp T1.5",
            "Without noise of the labels minibatches stray more than half as far, too, after a \
             start away from the minimum (mean ratio to ασ²/(2B) along the sharpest direction)",
            Rule::Above(0.5),
            Estimate::mean(&left),
        ),
    ]
}

fn figure(setup: &Setup, isotropic: &[Vec<f64>], least_squares: &[Vec<Vec<f64>>]) -> Figure {
    let curvatures = setup.get(CURVATURES);
    let (step, noise, batches) = (setup.get(STEP), setup.get(NOISE), setup.get(BATCHES));
    let means = |of: &dyn Fn(usize) -> Vec<f64>| {
        (0..curvatures.len())
            .map(|index| mean(&of(index)))
            .collect::<Vec<_>>()
    };
    // Relative to α·(variance of the noise), so that both fit into one panel.
    let first = means(&|index| {
        isotropic
            .iter()
            .map(|seed| seed[index] / (step * noise))
            .collect()
    });
    let middle = batches.len() / 2;
    let unit = setup.get(SMALL_STEP) * setup.get(LABEL).powi(2) / batches[middle];
    let second = means(&|index| {
        least_squares
            .iter()
            .map(|seed| seed[middle][index] / unit)
            .collect()
    });
    let law = curvatures
        .iter()
        .map(|curvature| stationary_variance(step, *curvature, 1.0) / step)
        .collect();
    let panel = Panel::new(
        Axis::new("curvature", "1").log(),
        Axis::new("variance over α·s²", "1").log(),
    )
    .with(Points::new("isotropic noise", curvatures.clone(), first))
    .with(
        Line::new("1/(λ(2 − αλ))", curvatures.clone(), law).styled(Style {
            colour: Some(0),
            dash: 1,
        }),
    )
    .with(Points::new("minibatches", curvatures.clone(), second))
    .with(crate::figure::Rule::level("one half", 0.5));
    Figure::new("How far descent strays by curvature")
        .with(panel)
        .noted("Of minibatches, s² is the variance of the labels' noise over the batch size.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn isotropic_noise_gives_the_golden_variances() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), vec![0], false, &stop);
        let found = isotropic(&setup, 0.1, 40_000, Streams::new(3)).unwrap();
        for (found, (golden, tolerance)) in
            found
                .iter()
                .zip([(0.25126, 0.15), (0.02632, 0.05), (0.005, 0.02)])
        {
            assert!((found / golden - 1.0).abs() < tolerance, "{found} {golden}");
        }
    }
}

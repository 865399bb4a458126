//! The stochastic differential equation of stochastic gradient descent, and how close it is.

use super::{each, equals, power};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Mark, Panel, Points, Style, Width};
use crate::problem::draw;
use crate::problem::stochastic::{Cumulants, Logistic, combined, moments, ornstein_uhlenbeck};
use crate::problem::vector::{moved, square};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean};
use rand::RngExt;

const RATE: Number =
    Number::new("rate", "step size η of the logistic regression", 0.2).allowed(0.01, 1.0);
const PATHS: Count = Count::new("paths", "paths per seed", 300)
    .quick(150)
    .allowed(10.0, 1e5);
const SAMPLES: Count =
    Count::new("samples", "examples of the logistic regression", 12).allowed(4.0, 1e3);

/// Until which time ηk descent and equation are compared.
const UNTIL: f64 = 5.0;
/// Steps of Euler and Maruyama within one of descent.
const FINER: usize = 4;
/// Step sizes for the order of the approximation.
const RATES: [f64; 6] = [0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125];
/// Where the linear problem starts.
const START: f64 = 2.0;

/// Theory 12-5 and 12-7.
#[derive(Debug)]
pub struct EquationOfDescent;

/// Mean loss, and trace of the covariance, at the end of many paths.
type Ends = [f64; 2];

/// Ends of descent; of the equation with its own time, and with that of steps; with the printed change of time; without
/// noise.
type Seed = [Ends; 5];

impl Experiment for EquationOfDescent {
    fn about(&self) -> About {
        About {
            name: "equation-of-descent",
            subject: Subject::Optimisation,
            claim: "The law of stochastic gradient descent is that of dX = −∇f dt + √η Σ^(1/2) dW up to an error of order η, \
                    for noise with little skewness.",
            source: "Arora et al., Theory of Deep Learning (draft), eqs. 12.2 to 12.4 and Theorem 12.3.4; Li, Tai & E 2019",
            mathematics: "k steps of size η are compared with the equation at time ηk. In the time of steps it reads \
                dX = −η∇f dk + ηΣ^(1/2) dW; the change of time multiplies drifts by a and noises by √a, where the text prints \
                √(aσ) for √a·σ. Σ(x) is the covariance of \
                one example's gradient. For x ← (1 − 2η)x + √η c z, all moments follow exactly from cumulants, which are \
                homogeneous: those of the equation (Ornstein & Uhlenbeck 1930) differ from them by O(η) in mean and \
                variance, and by the third cumulant O(√η) E z³ where the noise is skewed. With noise that itself vanishes as η, \
                as for a fixed batch, ∇f alone is an approximation of the same order.",
            refuted_by: "An error of moments up to the fourth that does not vanish as η where the noise is symmetric.",
            seeds: Extent {
                full: 20,
                quick: 12,
            },
            seconds: Extent {
                full: 0.6,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![RATE.parameter(), PATHS.parameter(), SAMPLES.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (rate, paths, samples) = (setup.get(RATE), setup.get(PATHS), setup.get(SAMPLES));
        let seeds = setup.over_seeds(|streams| {
            setup.go_on()?;
            Ok(seed(rate, paths, samples, streams))
        })?;
        let orders = [Noise::Symmetric, Noise::Skewed, Noise::Vanishing]
            .map(|noise| RATES.map(|rate| error(noise, rate, true)));
        let flow = RATES.map(|rate| error(Noise::Vanishing, rate, false));
        Ok(Findings::new()
            .claims(laws(rate, &seeds))
            .claims(order(&orders, &flow))
            .figure("equation", figure(rate, &seeds, &orders)))
    }
}

fn laws(rate: f64, seeds: &[Seed]) -> Vec<Claim> {
    let id = "theory 12-5";
    let ratio = |kind: usize, other: usize, index: usize| {
        Estimate::mean(&each(seeds, |seed| {
            (seed[kind][index] / seed[other][index]).ln()
        }))
    };
    let text = |what: &str| {
        format!(
            "{what} on logistic regression with η = {rate}, at time {UNTIL}: the logarithm of their ratio is 0."
        )
    };
    vec![
        Claim::printed(
            id,
            text("The mean loss of descent is that of the equation"),
            equals(0.0, 0.05),
            ratio(0, 1, 0),
        ),
        Claim::printed(
            id,
            text("The trace of the covariance of descent is that of the equation"),
            equals(0.0, 0.2),
            ratio(0, 1, 1),
        ),
        Claim::printed(
            id,
            text(
                "A change of time by a makes the noise σ to √(aσ): so changed, the trace of the equation is that in its own time",
            ),
            equals(0.0, 0.2),
            ratio(3, 1, 1),
        ),
        Claim::corrected(
            id,
            text(
                "A change of time by a makes the noise σ to √a·σ: so changed, the trace of the equation is that in its own time",
            ),
            equals(0.0, 0.2),
            ratio(2, 1, 1),
        ),
        Claim::must_hold(
            id,
            text("The mean loss of descent is that of the equation without noise"),
            equals(0.0, 0.05),
            ratio(0, 4, 0),
        ),
    ]
}

fn order(orders: &[[f64; 6]; 3], flow: &[f64; 6]) -> Vec<Claim> {
    let id = "theory 12-7";
    let text = |what: &str| {
        format!(
            "{what}, the largest error of E x to E x⁴ up to time {UNTIL} falls as the power 1 of η."
        )
    };
    let claim =
        |make: fn(&'static str, String, Rule, Estimate) -> Claim, what: &str, errors: &[f64; 6]| {
            make(
                id,
                text(what),
                equals(1.0, 0.1),
                Estimate::exact(power(&RATES, errors), 0.01),
            )
        };
    vec![
        claim(
            Claim::printed,
            "With symmetric noise of a fixed size in the equation",
            &orders[0],
        ),
        claim(
            Claim::printed,
            "With symmetric noise of a fixed size in the gradient",
            &orders[2],
        ),
        claim(
            Claim::must_fail,
            "With skewed noise of a fixed size in the equation",
            &orders[1],
        ),
        Claim::must_hold(
            id,
            text("With noise of a fixed size in the gradient, but none in the equation"),
            equals(1.0, 0.1),
            Estimate::exact(power(&RATES, flow), 0.01),
        ),
    ]
}

/// How the noise of a step depends on η.
#[derive(Clone, Copy)]
enum Noise {
    /// ±1 with equal chances, times √η.
    Symmetric,
    /// 2 with a chance of 1/5, −1/2 with 4/5, times √η.
    Skewed,
    /// ±1 with equal chances, times η.
    Vanishing,
}

/// The largest difference of a moment up to the fourth between x ← (1 − 2η)x + noise and its equation, with or without the
/// noise there.
fn error(noise: Noise, rate: f64, has_noise: bool) -> f64 {
    // Cumulants of what is drawn: that of third order is 2³/5 − (1/2)³ 4/5, that of fourth 2⁴/5 + (1/2)⁴ 4/5 − 3.
    let (drawn, size): (Cumulants, f64) = match noise {
        Noise::Symmetric => ([0.0, 1.0, 0.0, -2.0], rate.sqrt()),
        Noise::Skewed => ([0.0, 1.0, 1.5, 0.25], rate.sqrt()),
        Noise::Vanishing => ([0.0, 1.0, 0.0, -2.0], rate),
    };
    let mut x = [START, 0.0, 0.0, 0.0];
    let each = (1..=(UNTIL / rate) as usize).map(|step| {
        x = combined(1.0 - 2.0 * rate, &x, size, &drawn);
        // Noise of that size each step is of size/√η in the equation.
        let strength = if has_noise { size / rate.sqrt() } else { 0.0 };
        let equation = moments(&ornstein_uhlenbeck(
            START,
            2.0,
            strength,
            step as f64 * rate,
        ));
        let differences = moments(&x)
            .into_iter()
            .zip(equation)
            .map(|(x, equation)| (x - equation).abs());
        differences.fold(0.0, f64::max)
    });
    each.fold(0.0, f64::max)
}

fn seed(rate: f64, paths: usize, samples: usize, streams: Streams) -> Seed {
    let problem = Logistic::drawn(&mut streams.stream("data", 0), &[1.0, -1.0], samples);
    let steps = (UNTIL / rate) as usize;
    let ends =
        |name: &str, step: &dyn Fn(&[f64], &mut StreamRng) -> Vec<f64>, count: usize| -> Ends {
            let mut rng = streams.stream(name, 0);
            let each: Vec<Vec<f64>> = (0..paths)
                .map(|_| (0..count).fold(vec![0.0; 2], |x, _| step(&x, &mut rng)))
                .collect();
            let centre = [0, 1].map(|axis| mean(&super::each(&each, |x| x[axis])));
            let scatter = each
                .iter()
                .map(|x| square(&moved(x, -1.0, &centre)))
                .sum::<f64>()
                / (paths as f64 - 1.0);
            [mean(&super::each(&each, |x| problem.loss(x))), scatter]
        };
    let descent = |x: &[f64], rng: &mut StreamRng| {
        moved(
            x,
            -rate,
            &problem.gradient_of(rng.random_range(0..samples), x),
        )
    };
    // Euler and Maruyama, with a drift and a noise in front of ∇f and Σ^(1/2).
    let equation = |drift: f64, noise: f64, time: f64| {
        let problem = &problem;
        move |x: &[f64], rng: &mut StreamRng| {
            let (slope, covariance) = law(problem, x);
            let kick = root_times(covariance, [draw::normal(rng), draw::normal(rng)]);
            moved(&moved(x, -drift * time, &slope), noise * time.sqrt(), &kick)
        }
    };
    let (own, of_steps) = (rate / FINER as f64, 1.0 / FINER as f64);
    let fine = steps * FINER;
    [
        ends("descent", &descent, steps),
        ends("own time", &equation(1.0, rate.sqrt(), own), fine),
        ends("time of steps", &equation(rate, rate, of_steps), fine),
        // √(a · ησ) with a = 1/η, read for σ as the size of the noise.
        ends("printed change", &equation(1.0, 1.0, own), fine),
        ends("no noise", &equation(1.0, 0.0, own), fine),
    ]
}

/// The mean of one example's gradient, and its covariance as the entries (1, 1), (1, 2) and (2, 2).
fn law(problem: &Logistic, x: &[f64]) -> ([f64; 2], [f64; 3]) {
    let (mut first, mut second) = ([0.0; 2], [0.0; 3]);
    let share = 1.0 / problem.labels.len() as f64;
    for (example, label) in problem.examples.iter().zip(&problem.labels) {
        let margin = label * (x[0] * example[0] + x[1] * example[1]);
        let factor = -label / (1.0 + margin.exp());
        let slope = [factor * example[0], factor * example[1]];
        let products = [
            slope[0] * slope[0],
            slope[0] * slope[1],
            slope[1] * slope[1],
        ];
        first
            .iter_mut()
            .zip(slope)
            .for_each(|(sum, slope)| *sum += share * slope);
        second
            .iter_mut()
            .zip(products)
            .for_each(|(sum, product)| *sum += share * product);
    }
    let [a, b] = first;
    (
        first,
        [second[0] - a * a, second[1] - a * b, second[2] - b * b],
    )
}

/// The symmetric root of a matrix times a vector: `√A = (A + √det A · I)/√(tr A + 2 √det A)`, by Cayley and Hamilton.
fn root_times([a, b, c]: [f64; 3], z: [f64; 2]) -> Vec<f64> {
    let root = (a * c - b * b).max(0.0).sqrt();
    let factor = 1.0 / (a + c + 2.0 * root).sqrt();
    vec![
        factor * ((a + root) * z[0] + b * z[1]),
        factor * (b * z[0] + (c + root) * z[1]),
    ]
}

fn figure(rate: f64, seeds: &[Seed], orders: &[[f64; 6]; 3]) -> Figure {
    let mut order = Panel::new(
        Axis::new("step size η", "1").log(),
        Axis::new("largest error of a moment", "1").log(),
    )
    .titled("Linear problem, exact moments");
    for (label, errors) in ["noise ∝ √η", "skewed, ∝ √η", "noise ∝ η"]
        .iter()
        .zip(orders)
    {
        order = order.with(Mark::Points(
            Points::new(*label, RATES.to_vec(), errors.to_vec()).with_fit(),
        ));
    }
    let of = |kind: usize| each(seeds, |seed| seed[kind][1]);
    let (descent, equation) = (of(0), of(1));
    let largest = descent.iter().chain(&equation).copied().fold(0.0, f64::max);
    let traces = Panel::new(
        Axis::new("trace, equation", "1").linear().including(0.0),
        Axis::new("trace, descent", "1").linear().including(0.0),
    )
    .titled(format!("Logistic regression, η = {rate}"))
    .with(
        crate::figure::Line::new("equal", vec![0.0, largest], vec![0.0, largest])
            .styled(Style::REFERENCE),
    )
    .with(Mark::Points(Points::new("a seed", equation, descent)));
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Stochastic gradient descent and its equation")
    };
    figure.with(order).with(traces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_matrix_has_its_square() {
        let matrix = [5.0, 2.0, 3.0];
        let columns = [[1.0, 0.0], [0.0, 1.0]].map(|unit| root_times(matrix, unit));
        let product =
            |i: usize, j: usize| columns[i][0] * columns[j][0] + columns[i][1] * columns[j][1];
        for (found, expected) in [product(0, 0), product(0, 1), product(1, 1)]
            .iter()
            .zip(matrix)
        {
            assert!((found - expected).abs() < 1e-12);
        }
        assert!(root_times([1.0, 0.0, 0.0], [1.0, 1.0]) == [1.0, 0.0]);
    }

    #[test]
    fn the_mean_of_the_linear_problem_has_a_known_error() {
        // Without noise, 2 (1 − 2η)ᵏ against 2 exp(−2ηk): the largest relative error of x⁴ is known to first order.
        let (coarse, fine) = (
            error(Noise::Vanishing, 1e-3, true),
            error(Noise::Vanishing, 5e-4, true),
        );
        assert!((coarse / fine - 2.0).abs() < 0.02);
        // x⁴ = 16 e^{−8t}, with the error 16 · 8t η e^{−8t}, at most 16 η/e.
        assert!((coarse / (16e-3 / std::f64::consts::E) - 1.0).abs() < 0.1);
    }

    #[test]
    fn covariances_are_those_of_the_gradients() {
        let problem = Logistic {
            examples: vec![vec![2.0, 0.0], vec![0.0, 2.0]],
            labels: vec![1.0, 1.0],
        };
        // Gradients (−1, 0) and (0, −1) at zero.
        assert_eq!(
            law(&problem, &[0.0, 0.0]),
            ([-0.5, -0.5], [0.25, -0.25, 0.25])
        );
        let x = [0.3, -0.2];
        let slope = problem.gradient(&x);
        assert!(crate::problem::vector::distance(&law(&problem, &x).0, &slope) < 1e-15);
    }
}

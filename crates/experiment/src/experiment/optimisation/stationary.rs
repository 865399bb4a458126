//! The three parabolas at rest: stochastic gradient descent, its equation, larger batches, and amplified variance.

use super::{each, equals};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style};
use crate::problem::stochastic::{THREE_VARIANCE, one_of_three, three_gradients};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean};

const RATES: Numbers =
    Numbers::new("rates", "step sizes η", &[0.02, 0.05, 0.1, 0.15, 0.2]).allowed(0.005, 0.24);
const STEPS: Count = Count::new("steps", "steps at rest per seed", 40_000)
    .quick(30_000)
    .allowed(1000.0, 1e8);

/// Steps before rest, as multiples of 1/η.
const BEFORE: f64 = 20.0;
/// The factor of batch and step size.
const KAPPA: usize = 4;
/// By how much the variance of amplified gradients is.
const ELL: usize = 4;

/// Theory 12-6.
#[derive(Debug)]
pub struct ThreeParabolasAtRest;

/// What is iterated.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    /// Stochastic gradient descent.
    Plain,
    /// With batches and steps that are [`KAPPA`] times larger.
    Scaled,
    /// With the variance of gradients [`ELL`] times larger and steps that much smaller (Li, Malladi & Arora 2021).
    Amplified,
}

const METHODS: [Method; 3] = [Method::Plain, Method::Scaled, Method::Amplified];

impl Method {
    fn label(self) -> String {
        match self {
            Self::Plain => "SGD".to_owned(),
            Self::Scaled => format!("κ = {KAPPA}"),
            Self::Amplified => format!("SVAG, ℓ = {ELL}"),
        }
    }

    /// By what η is multiplied in 6η/(1 − factor · η).
    fn factor(self) -> f64 {
        match self {
            Self::Plain => 1.0,
            Self::Scaled => KAPPA as f64,
            Self::Amplified => 1.0 / ELL as f64,
        }
    }

    fn step(self, x: f64, rate: f64, rng: &mut StreamRng) -> f64 {
        match self {
            Self::Plain => x - rate * one_of_three(rng, x),
            Self::Scaled => {
                let sum: f64 = (0..KAPPA).map(|_| one_of_three(rng, x)).sum();
                x - rate * sum
            }
            Self::Amplified => {
                let root = (2.0 * ELL as f64 - 1.0).sqrt();
                let (first, second) = (one_of_three(rng, x), one_of_three(rng, x));
                x - rate / ELL as f64 * (0.5 * (1.0 + root) * first + 0.5 * (1.0 - root) * second)
            }
        }
    }
}

impl Experiment for ThreeParabolasAtRest {
    fn about(&self) -> About {
        About {
            name: "three-parabolas-at-rest",
            subject: Subject::Optimisation,
            claim: "The equation of stochastic gradient descent on three parabolas is dX = −2X dt + √(24η) dW, and the variance of \
                    the descent at rest differs from its 6η by a factor 1/(1 − η).",
            source: "Arora et al., Theory of Deep Learning (draft), Problem 12.2.4; Li, Malladi & Arora 2021",
            mathematics: "f₁ = (x − 3)², f₂ = (x + 3)², f₃ = x² + 9 have gradients 2x ∓ 6 and 2x: their mean is 2x and their \
                variance 24 everywhere. The equation dX = −2X dt + √(24η) dW has the variance 24η/4 = 6η at rest. \
                The descent x ← (1 − 2η)x + ηz has η²·24/(1 − (1 − 2η)²) = 6η/(1 − η). With batches κ and steps κη it is \
                6η/(1 − κη); with gradients whose variance is amplified ℓ-fold and steps η/ℓ it is 6η/(1 − η/ℓ), which tends to \
                the equation.",
            refuted_by: "Variances at rest other than 6η/(1 − η), 6η/(1 − κη) and 6η/(1 − η/ℓ).",
            seeds: Extent {
                full: 20,
                quick: 10,
            },
            seconds: Extent {
                full: 0.4,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![RATES.parameter(), STEPS.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (rates, steps) = (setup.get(RATES), setup.get(STEPS));
        let seeds = setup.over_seeds(|streams| {
            let row = |method: &Method| {
                rates
                    .iter()
                    .map(|rate| at_rest(*method, *rate, steps, streams))
                    .collect()
            };
            Ok(METHODS.iter().map(row).collect::<Vec<Vec<f64>>>())
        })?;
        let last = rates.len() - 1;
        let over = |method: usize, index: usize| {
            Estimate::mean(&each(&seeds, |seed| {
                seed[method][index] / (6.0 * rates[index])
            }))
        };
        let mut findings = Findings::new().claim(noise());
        for index in [0, last] {
            let text = format!(
                "With η = {}, the variance at rest is that of the equation, 6η: over it, 1.",
                rates[index]
            );
            findings = findings.claim(Claim::printed(
                "theory 12-6",
                text,
                equals(1.0, 0.05),
                over(0, index),
            ));
        }
        for (index, method) in METHODS.iter().enumerate() {
            let factor = 1.0 / (1.0 - method.factor() * rates[last]);
            let text = format!(
                "With η = {}, the variance at rest of {} is 6η/(1 − {}η): over 6η, {factor:.3}.",
                rates[last],
                method.label(),
                method.factor(),
            );
            findings = findings.claim(Claim::corrected(
                "theory 12-6",
                text,
                equals(factor, 0.03 * factor),
                over(index, last),
            ));
        }
        let text = format!(
            "With η = {}, the variance at rest of {} is that of the equation, 6η: over it, 1.",
            rates[last],
            Method::Scaled.label()
        );
        let scaled = Claim::must_fail("theory 12-6", text, equals(1.0, 0.05), over(1, last));
        Ok(findings
            .claim(scaled)
            .figure("rest", figure(&rates, &seeds)))
    }
}

fn noise() -> Claim {
    let largest = [-5.0, -1.0, 0.0, 2.0, 7.0].map(|x| {
        let gradients = three_gradients(x);
        let centre = mean(&gradients);
        let variance = gradients
            .iter()
            .map(|gradient| (gradient - centre).powi(2))
            .sum::<f64>()
            / 3.0;
        (variance - THREE_VARIANCE).abs()
    });
    Claim::printed(
        "theory 12-6",
        "The noise of one gradient has the variance 24 wherever x is: the largest difference over five places is rounding.",
        Rule::Below(1e-9),
        Estimate::exact(largest.into_iter().fold(0.0, f64::max), 1e-12),
    )
}

/// The mean of x², whose mean is zero, over steps at rest.
fn at_rest(method: Method, rate: f64, steps: usize, streams: Streams) -> f64 {
    let mut rng = streams.stream(&method.label(), (1e6 * rate) as u64);
    let before = (BEFORE / rate) as usize * if method == Method::Amplified { ELL } else { 1 };
    let mut x = (0..before).fold(0.0, |x, _| method.step(x, rate, &mut rng));
    let squares = (0..steps).map(|_| {
        x = method.step(x, rate, &mut rng);
        x * x
    });
    squares.sum::<f64>() / steps as f64
}

fn figure(rates: &[f64], seeds: &[Vec<Vec<f64>>]) -> Figure {
    let mut panel = Panel::new(
        Axis::new("step size η", "1").linear(),
        Axis::new("variance at rest", "1").log(),
    );
    let fine: Vec<f64> = (0..=60)
        .map(|index| rates[0] + (rates[rates.len() - 1] - rates[0]) * f64::from(index) / 60.0)
        .collect();
    for (index, method) in METHODS.iter().enumerate() {
        let rows: Vec<&[f64]> = seeds.iter().map(|seed| seed[index].as_slice()).collect();
        panel = panel.with(super::banded(method.label(), rates, &rows).with_markers());
    }
    let equation = fine.iter().map(|rate| 6.0 * rate).collect();
    let panel = panel.with(Line::new("equation, 6η", fine, equation).styled(Style::REFERENCE));
    Figure::new("Three parabolas at rest").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_give_the_golden_variances() {
        let variance = |method: Method, rate: f64| 6.0 * rate / (1.0 - method.factor() * rate);
        for (rate, expected) in [(0.2, [1.5, 6.0, 1.263]), (0.05, [0.316, 0.375, 0.304])] {
            for (method, expected) in METHODS.into_iter().zip(expected) {
                assert!(
                    (variance(method, rate) - expected).abs() < 6e-4,
                    "{method:?} at {rate}"
                );
            }
        }
    }

    #[test]
    fn amplified_gradients_keep_the_mean_and_multiply_the_variance() {
        let mut rng = Streams::new(0).stream("test", 0);
        let moves: Vec<f64> = (0..40_000)
            .map(|_| Method::Amplified.step(1.0, 0.1, &mut rng) - 1.0)
            .collect();
        let rate = 0.1 / ELL as f64;
        assert!((mean(&moves) + 2.0 * rate).abs() < 0.01);
        let variance = crate::statistics::variance(&moves);
        assert!((variance / (rate * rate * THREE_VARIANCE * ELL as f64) - 1.0).abs() < 0.05);
    }
}

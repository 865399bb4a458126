//! The tangent kernel of a two-layer ReLU network: its closed form, and how fast networks come near it.

use super::{at, at_least, banded, exponent, whole};
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Number, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::dense;
use crate::problem::kernel::{arc_cosine_zero, gram, spectral_norm, sphere, tangent_of_inner};
use crate::problem::relu::{Activation, TwoLayer};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Mat, MatRef};

const COSINES: Numbers = Numbers::new(
    "cosines",
    "cosines between pairs of inputs",
    &[-0.9, -0.5, 0.0, 0.5, 0.9],
)
.allowed(-1.0, 1.0);
const UNITS: Count = Count::new(
    "units",
    "hidden units of the network for the closed form",
    20_000,
)
.allowed(100.0, 1e6);
const WIDTHS: Numbers = Numbers::new("widths", "hidden units", &[64.0, 256.0, 1024.0, 4096.0])
    .quick(&[64.0, 256.0, 1024.0])
    .allowed(1.0, 1e5);
const POINTS: Numbers =
    Numbers::new("points", "numbers of inputs", &[10.0, 20.0, 40.0]).allowed(2.0, 500.0);
const INPUTS: Count = Count::new("inputs", "dimension of the inputs", 5).allowed(2.0, 1e3);
const EPSILON: Number = Number::new(
    "epsilon",
    "distance of the kernels that the lemma allows",
    0.5,
)
.allowed(0.05, 10.0);
const DELTA: Number =
    Number::new("delta", "share of draws in which the lemma may fail", 0.1).allowed(1e-3, 0.9);

/// What one draw gives.
struct Draw {
    /// `H(0)` of pairs with the cosines, and the mean of the products of slopes alone.
    kernel: Vec<f64>,
    slopes: Vec<f64>,
    /// The distance to the limit: for each number of points a row over widths.
    distances: Vec<Vec<f64>>,
    /// The same of weights around another mean, of the fewest points.
    shifted: Vec<f64>,
    /// The distance at the width of the lemma.
    at_lemma: f64,
}

/// The tangent kernel of two-layer ReLU networks.
#[derive(Debug)]
pub struct TwoLayerKernel;

impl Experiment for TwoLayerKernel {
    fn about(&self) -> About {
        About {
            name: "two-layer-tangent-kernel",
            subject: Subject::Kernels,
            claim: "The tangent kernel of a drawn two-layer ReLU network comes near a closed form as its width grows.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 9.2; Du et al. 2019, Gradient descent provably optimizes over-parameterized neural networks",
            mathematics: "The network is f(x) = (1/√m) Σ aᵣσ(wᵣ·x) with ReLU σ, aᵣ = ±1, wᵣ standard normal and ‖x‖ = 1; only the wᵣ \
                are trained. The inner product of the gradients of two outputs is H(0)ᵢⱼ = xᵢ·xⱼ (1/m) Σ σ'(wᵣ·xᵢ)σ'(wᵣ·xⱼ), a mean \
                of independent terms. A Gaussian weight has positive products with both inputs with the chance (π − arccos(xᵢ·xⱼ))/2π, \
                so the limit is H*ᵢⱼ = xᵢ·xⱼ(π − arccos(xᵢ·xⱼ))/2π. By Hoeffding's inequality every entry is within \
                √((2/m) log(2n²/δ)) of its limit with chance 1 − δ, so the spectral norm of the difference is at most n times that, \
                and m = 2(n/ε)² log(2n²/δ) units suffice for ε.",
            refuted_by: "A mean of H(0) off the closed form by more than its scatter, or a distance that does not fall as 1/√m.",
            seeds: Extent {
                full: 40,
                quick: 40,
            },
            seconds: Extent {
                full: 0.4,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            COSINES.parameter(),
            UNITS.parameter(),
            WIDTHS.parameter(),
            POINTS.parameter(),
            INPUTS.parameter(),
            EPSILON.parameter(),
            DELTA.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        at_least(3, "widths", &setup.get(WIDTHS))?;
        at_least(3, "points", &setup.get(POINTS))?;
        at_least(1, "cosines", &setup.get(COSINES))?;
        let draws = setup.over_seeds(|streams| one(setup, streams))?;
        let claims = closed_form(setup, &draws)
            .into_iter()
            .chain(concentration(setup, &draws));
        Ok(Findings::new()
            .claims(claims)
            .figure("kernel-and-distance", figure(setup, &draws)))
    }
}

/// How many units the lemma asks for, with the constant of its proof.
fn lemma_width(setup: &Setup) -> usize {
    let points = setup.get(POINTS)[0].round();
    let logarithm = (2.0 * points * points / setup.get(DELTA)).ln();
    (2.0 * (points / setup.get(EPSILON)).powi(2) * logarithm).ceil() as usize
}

fn distance(network: &TwoLayer, points: MatRef<f64>) -> Result<f64, ExperimentError> {
    spectral_norm((network.tangent(points) - gram(points, tangent_of_inner)).as_ref())
}

/// The means of the products of the slopes at pairs of inputs with the cosines.
fn products_of_slopes(setup: &Setup, streams: Streams) -> Vec<f64> {
    let mut rng = streams.stream("weights", 0);
    let network = TwoLayer::with_signs(&mut rng, setup.get(UNITS), 2, Activation::Relu);
    let mean = |cosine: &f64| {
        let pair = Mat::from_fn(2, 2, |row, column| match (row, column) {
            (0, column) => 1.0 - column as f64,
            (_, 0) => *cosine,
            _ => (1.0 - cosine * cosine).sqrt(),
        });
        let slopes = network.slopes(pair.as_ref());
        dense::dot(slopes.col(0), slopes.col(1)) / slopes.nrows() as f64
    };
    setup.get(COSINES).iter().map(mean).collect()
}

fn one(setup: &Setup, streams: Streams) -> Result<Draw, ExperimentError> {
    let (inputs, cosines, widths) = (
        setup.get(INPUTS),
        setup.get(COSINES),
        whole(&setup.get(WIDTHS)),
    );
    let slopes = products_of_slopes(setup, streams);
    let kernel = cosines
        .iter()
        .zip(&slopes)
        .map(|(cosine, slope)| cosine * slope)
        .collect();
    let counts = whole(&setup.get(POINTS));
    let points_of =
        |count: usize| sphere(&mut streams.stream("points", count as u64), count, inputs);
    let drawn = |name: &str, counter: usize, width: usize| {
        TwoLayer::with_signs(
            &mut streams.stream(name, counter as u64),
            width,
            inputs,
            Activation::Relu,
        )
    };
    let mut distances = Vec::new();
    for count in &counts {
        let points = points_of(*count);
        let at = |width: &usize| {
            distance(
                &drawn("weights", width * 1000 + count, *width),
                points.as_ref(),
            )
        };
        distances.push(
            widths
                .iter()
                .map(at)
                .collect::<Result<Vec<f64>, ExperimentError>>()?,
        );
    }
    let points = points_of(counts[0]);
    let shifted = widths.iter().map(|width| {
        let mut network = drawn("shifted", *width, *width);
        network
            .inner
            .col_mut(0)
            .iter_mut()
            .for_each(|weight| *weight += 1.0);
        distance(&network, points.as_ref())
    });
    let shifted = shifted.collect::<Result<Vec<f64>, ExperimentError>>()?;
    let at_lemma = distance(&drawn("lemma", 0, lemma_width(setup)), points.as_ref())?;
    Ok(Draw {
        kernel,
        slopes,
        distances,
        shifted,
        at_lemma,
    })
}

fn closed_form(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let cosines = setup.get(COSINES);
    let off = |measured: &dyn Fn(&Draw) -> &Vec<f64>, expected: &dyn Fn(f64) -> f64| {
        let largest = |draw: &Draw| {
            let pairs = measured(draw).iter().zip(&cosines);
            pairs.fold(0.0, |most: f64, (value, cosine)| {
                most.max((value - expected(*cosine)).abs())
            })
        };
        Estimate::mean(&draws.iter().map(largest).collect::<Vec<_>>())
    };
    let equal = Rule::Equals {
        value: 0.0,
        tolerance: 0.02,
    };
    let units = setup.get(UNITS);
    let text = |what: &str| {
        format!("{what} to 0.02 at every cosine of {cosines:?} ({units} units): largest difference")
    };
    let half = |cosine: f64| arc_cosine_zero(cosine) / 2.0;
    vec![
        Claim::printed(
            "theory 9-2",
            text("E σ'(w·x)σ'(w·x') is (π − arccos c)/2π"),
            equal,
            off(&|draw| &draw.slopes, &half),
        ),
        Claim::printed(
            "theory 9-2",
            text("The entry H* of the tangent kernel is (π − arccos c)/2π"),
            equal,
            off(&|draw| &draw.kernel, &half),
        ),
        Claim::corrected(
            "theory 9-2",
            text("The entry H* of the tangent kernel is c(π − arccos c)/2π"),
            equal,
            off(&|draw| &draw.kernel, &tangent_of_inner),
        ),
    ]
}

fn concentration(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let (widths, counts) = (setup.get(WIDTHS), setup.get(POINTS));
    let (epsilon, delta, fewest) = (setup.get(EPSILON), setup.get(DELTA), counts[0]);
    let held = draws.iter().filter(|draw| draw.at_lemma <= epsilon).count();
    let most_points: Vec<Vec<f64>> = draws
        .iter()
        .map(|draw| draw.distances[counts.len() - 1].clone())
        .collect();
    let last = widths.len() - 1;
    let widest: Vec<Vec<f64>> = draws.iter().map(|draw| at(&draw.distances, last)).collect();
    let shifted: Vec<Vec<f64>> = draws.iter().map(|draw| draw.shifted.clone()).collect();
    let of_half = Rule::Equals {
        value: -0.5,
        tolerance: 0.1,
    };
    vec![
        Claim::printed(
            "theory 9-3",
            format!(
                "With 2(n/ε)² log(2n²/δ) = {} units, n = {fewest}, ‖H(0) − H*‖ ≤ {epsilon} in a share of at least 1 − δ = {} of draws",
                lemma_width(setup),
                1.0 - delta
            ),
            Rule::Above(1.0 - delta),
            Estimate::proportion(held, draws.len()),
        ),
        Claim::printed(
            "theory 9-3",
            "‖H(0) − H*‖ falls with the width m as m^(−1/2): exponent",
            of_half,
            exponent(&widths, &most_points),
        ),
        Claim::printed(
            "theory 9-3",
            format!(
                "At {} units ‖H(0) − H*‖ grows no faster than the number of inputs n, so that m ~ n² suffices: exponent",
                widths[last]
            ),
            Rule::Below(1.0),
            exponent(&counts, &widest),
        ),
        Claim::must_fail(
            "theory 9-3",
            "‖H(0) − H*‖ falls as m^(−1/2) where the weights have another mean than 0: exponent",
            of_half,
            exponent(&widths, &shifted),
        ),
    ]
}

fn figure(setup: &Setup, draws: &[Draw]) -> Figure {
    let grid: Vec<f64> = (0..=100)
        .map(|index| -1.0 + f64::from(index) / 50.0)
        .collect();
    let over = |kernel: &dyn Fn(f64) -> f64| {
        grid.iter()
            .map(|cosine| kernel(*cosine))
            .collect::<Vec<_>>()
    };
    let cosines = setup.get(COSINES);
    let kernels: Vec<Vec<f64>> = draws.iter().map(|draw| draw.kernel.clone()).collect();
    let means: Vec<f64> = (0..cosines.len())
        .map(|place| Estimate::mean(&at(&kernels, place)).value)
        .collect();
    let kernel = Panel::new(
        Axis::new("cosine between the inputs", "1"),
        Axis::new("tangent kernel H", "1"),
    )
    .titled("closed forms")
    .with(Line::new(
        "c(π − arccos c)/2π",
        grid.clone(),
        over(&tangent_of_inner),
    ))
    .with(
        Line::new(
            "(π − arccos c)/2π",
            grid.clone(),
            over(&|c| arc_cosine_zero(c) / 2.0),
        )
        .styled(Style::REFERENCE),
    )
    .with(Points::new("networks, mean", cosines, means));
    let widths = setup.get(WIDTHS);
    let axes = (
        Axis::counting("hidden units m").log(),
        Axis::new("‖H(0) − H*‖", "1").log(),
    );
    let mut distances = Panel::new(axes.0, axes.1).titled("distance to the limit");
    for (index, count) in setup.get(POINTS).iter().enumerate() {
        let rows: Vec<Vec<f64>> = draws
            .iter()
            .map(|draw| draw.distances[index].clone())
            .collect();
        // Solid, dashed and dash-dotted: what is dotted is a reference.
        let style = Style {
            colour: Some(index + 2),
            dash: [0, 1, 3][index % 3],
        };
        distances = distances.with(banded(format!("n = {count}"), &widths, &rows).styled(style));
    }
    let count = setup.get(POINTS)[0];
    let bound =
        |width: &f64| count * (2.0 / width * (2.0 * count * count / setup.get(DELTA)).ln()).sqrt();
    let bounds = widths.iter().map(bound).collect();
    distances = distances.with(
        Line::new(format!("bound, n = {count}"), widths.clone(), bounds).styled(Style::REFERENCE),
    );
    let figure = Figure::new("The tangent kernel of two-layer ReLU networks")
        .with(kernel)
        .with(distances);
    Figure {
        columns: 2,
        width: Width::Page,
        ..figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn slopes_and_widths_are_those_of_the_closed_forms() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), vec![0], false, &stop);
        // 2 (10/0.5)² ln(2 · 10²/0.1) = 800 ln 2000.
        assert_eq!(lemma_width(&setup), 6081);
        let found = products_of_slopes(&setup, Streams::new(0));
        for (cosine, found) in setup.get(COSINES).iter().zip(found) {
            let expected = (std::f64::consts::PI - cosine.acos()) / (2.0 * std::f64::consts::PI);
            assert!((found - expected).abs() < 0.02, "{cosine}: {found}");
        }
    }
}

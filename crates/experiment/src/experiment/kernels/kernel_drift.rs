//! How far the weights and the tangent kernel of a network move in training, against its width.

use super::{at_least, banded, exponent, whole};
use crate::experiment::lines::tested;
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Number, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel, Width};
use crate::problem::draw;
use crate::problem::kernel::{spectral_norm, sphere};
use crate::problem::relu::{Activation, TwoLayer, rate_of_change};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::Col;

const WIDTHS: Numbers = Numbers::new("widths", "hidden units", &[64.0, 256.0, 1024.0, 4096.0])
    .quick(&[64.0, 256.0, 1024.0])
    .allowed(8.0, 1e5);
const POINTS: Count = Count::new("points", "inputs with labels", 20).allowed(2.0, 200.0);
const INPUTS: Count = Count::new("inputs", "dimension of the inputs", 10).allowed(2.0, 200.0);
const TIME: Number =
    Number::new("time", "time of training, the rate times the steps", 4.0).allowed(0.1, 100.0);
const STEPS: Count = Count::new("steps", "steps of gradient descent in that time", 60)
    .quick(50)
    .allowed(10.0, 1e4);

/// What training one network gives.
struct Trained {
    /// The largest movement of the weights of a unit, and that over its bound.
    movement: f64,
    over_bound: f64,
    /// `‖H(t) − H(0)‖/‖H(0)‖`.
    drift: f64,
    /// The share of units and inputs whose activity has changed (ReLU).
    flipped: f64,
    /// How far the outputs' rate of change is from `−H(u − y)`, relative: with `H(t)`, and with `H(0)`.
    residual: f64,
    residual_at_start: f64,
}

/// The drift of the tangent kernel against the width.
#[derive(Debug)]
pub struct KernelDrift;

impl Experiment for KernelDrift {
    fn about(&self) -> About {
        About {
            name: "kernel-drift",
            subject: Subject::Kernels,
            claim: "The wider a network, the less its weights and its tangent kernel move while it is trained.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 9.1 and 9.2; Jacot et al. 2018, Neural tangent kernel",
            mathematics: "For half the sum of the squared errors the outputs u on the training inputs follow du/dt = −H(t)(u − y), where H(t) has the \
                inner products of the gradients of the outputs: this is the chain rule and holds at every width. In f(x) = (1/√m) Σ aᵣσ(wᵣ·x) \
                the speed of a unit's weights is at most (1/√m) Σ |uᵢ − yᵢ|, so that they move by O(tn/√m), and the print concludes that the \
                kernel moves by O(tn³/√m). That bound takes no account of the signs aᵣ: to first order the change of H is \
                m^(−3/2) Σ aᵣφᵣ with aᵣ = ±1 by chance, hence of size 1/m for smooth σ, as is the second order. With ReLU a share \
                of order 1/√m of the units change their activity; they change H by ±1/m each. Were their signs by chance alone, the √m of them \
                would make m^(−3/4). But a unit is driven otherwise by an input that it sees than by one that it does not, which may leave a part \
                of order m^(−1/2); the exponent that is measured lies between the two and is not derived here.",
            refuted_by: "An exponent of the movement other than −1/2, or a kernel that drifts as much in wide networks as in narrow ones.",
            seeds: Extent {
                full: 20,
                quick: 20,
            },
            seconds: Extent {
                full: 1.8,
                quick: 0.4,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            WIDTHS.parameter(),
            POINTS.parameter(),
            INPUTS.parameter(),
            TIME.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        at_least(3, "widths", &setup.get(WIDTHS))?;
        let runs = setup.over_seeds(|streams| {
            let of = |activation| {
                let widths = whole(&setup.get(WIDTHS)).into_iter();
                widths
                    .map(|width| one(setup, streams, width, activation))
                    .collect::<Result<Vec<_>, _>>()
            };
            Ok([of(Activation::Squareplus)?, of(Activation::Relu)?])
        })?;
        Ok(Findings::new()
            .claims(equation(setup, &runs))
            .claims(laziness(setup, &runs))
            .figure("movement-and-drift", figure(setup, &runs)))
    }
}

fn one(
    setup: &Setup,
    streams: Streams,
    width: usize,
    activation: Activation,
) -> Result<Trained, ExperimentError> {
    let (count, inputs, steps) = (setup.get(POINTS), setup.get(INPUTS), setup.get(STEPS));
    let points = sphere(&mut streams.stream("points", 0), count, inputs);
    let mut labels_stream = streams.stream("labels", 0);
    let labels = Col::from_fn(count, |_| draw::sign(&mut labels_stream));
    let mut network = TwoLayer::with_signs(
        &mut streams.stream("weights", width as u64),
        width,
        inputs,
        activation,
    );
    let start = network.clone();
    let (points, labels) = (points.as_ref(), labels.as_ref());
    let before = start.tangent(points);
    let rate = setup.get(TIME) / steps as f64;
    let mut path = 0.0;
    for _ in 0..steps {
        setup.go_on()?;
        let errors = network.descend(points, labels, rate);
        path += rate * errors.norm_l1();
    }
    if !network.inner.norm_l2().is_finite() {
        return Err(ExperimentError::because(
            "the descent diverges: `steps` is too small for `time`",
        ));
    }
    let after = network.tangent(points);
    let movement = network.movements(&start).into_iter().fold(0.0, f64::max);
    let flips = (network.slopes(points) - start.slopes(points)).norm_l1();
    let errors = network.outputs(points) - labels;
    // Small enough that no unit of ReLU changes its activity, large enough for the digits.
    let change = rate_of_change(&network, points, labels, 1e-6);
    let residual = |kernel: &faer::Mat<f64>| {
        let expected = kernel * &errors;
        (&change + &expected).norm_l2() / expected.norm_l2()
    };
    Ok(Trained {
        movement,
        over_bound: movement * (width as f64).sqrt() / path,
        drift: spectral_norm((&after - &before).as_ref())? / spectral_norm(before.as_ref())?,
        flipped: flips / (width * count) as f64,
        residual: residual(&after),
        residual_at_start: residual(&before),
    })
}

type Run = [Vec<Trained>; 2];

fn rows(runs: &[Run], activation: usize, of: impl Fn(&Trained) -> f64) -> Vec<Vec<f64>> {
    runs.iter()
        .map(|run| run[activation].iter().map(&of).collect())
        .collect()
}

fn equation(setup: &Setup, runs: &[Run]) -> Vec<Claim> {
    let narrowest = |of: &dyn Fn(&Trained) -> f64| {
        Estimate::median(&runs.iter().map(|run| of(&run[0][0])).collect::<Vec<_>>())
    };
    let ode = format!(
        "At {} units, after time {}, du/dt is −H(u − y) with the kernel of",
        setup.get(WIDTHS)[0],
        setup.get(TIME)
    );
    vec![
        Claim::printed(
            "theory 9-1",
            format!("{ode} this time: relative difference"),
            Rule::Below(1e-4),
            narrowest(&|trained| trained.residual),
        ),
        Claim::must_fail(
            "theory 9-1",
            format!("{ode} the start: relative difference"),
            Rule::Below(1e-4),
            narrowest(&|trained| trained.residual_at_start),
        ),
    ]
}

fn laziness(setup: &Setup, runs: &[Run]) -> Vec<Claim> {
    let widths = setup.get(WIDTHS);
    let largest = |run: &Run| {
        run[0]
            .iter()
            .map(|trained| trained.over_bound)
            .fold(0.0, f64::max)
    };
    let over_bound: Vec<f64> = runs.iter().map(largest).collect();
    let power =
        |activation, of: &dyn Fn(&Trained) -> f64| exponent(&widths, &rows(runs, activation, of));
    let falls_as = |value| Rule::Equals {
        value,
        tolerance: 0.2,
    };
    vec![
        Claim::printed(
            "theory 9-4",
            format!(
                "Smooth σ: no unit's weights move by more than (1/√m) ∫Σ|u − y|dt: largest ratio over the widths {}",
                tested(&widths)
            ),
            Rule::Below(1.0),
            Estimate::mean(&over_bound),
        ),
        Claim::printed(
            "theory 9-4",
            "Smooth σ: the largest movement of a unit's weights falls with the width as m^(−1/2): exponent",
            falls_as(-0.5),
            power(0, &|trained| trained.movement),
        ),
        Claim::printed(
            "theory 9-4",
            "Smooth σ: ‖H(t) − H(0)‖ falls with the width at least as fast as m^(−1/2): exponent",
            Rule::Below(-0.5),
            power(0, &|trained| trained.drift),
        ),
        Claim::corrected(
            "theory 9-4",
            "Smooth σ: ‖H(t) − H(0)‖ falls with the width as m^(−1): exponent",
            falls_as(-1.0),
            power(0, &|trained| trained.drift),
        ),
        // A share m^(−1/2) of the units changes the activity. If all change H to one side, that is its change; if they
        // change it to either side alike, the sum of √m of them over m is m^(−3/4).
        Claim::corrected(
            "theory 9-4",
            "ReLU: ‖H(t) − H(0)‖ falls with an exponent of the width from −3/4 to −1/2",
            Rule::Between(-0.75, -0.5),
            power(1, &|trained| trained.drift),
        ),
        Claim::corrected(
            "theory 9-4",
            "ReLU: the share of units that change their activity falls as m^(−1/2): exponent",
            falls_as(-0.5),
            power(1, &|trained| trained.flipped),
        ),
    ]
}

fn figure(setup: &Setup, runs: &[Run]) -> Figure {
    let widths = setup.get(WIDTHS);
    let x = || Axis::counting("hidden units m").log();
    let names = ["smooth", "ReLU"];
    let panel = |title: &str, y: Axis, of: &dyn Fn(&Trained) -> f64| {
        let panel = Panel::new(x(), y.log()).titled(title);
        (0..2).fold(panel, |panel, activation| {
            panel.with(banded(
                names[activation],
                &widths,
                &rows(runs, activation, of),
            ))
        })
    };
    let figure = Figure::new("Movement in training against the width")
        .with(panel(
            "weights",
            Axis::new("largest movement of a unit", "1"),
            &|trained| trained.movement,
        ))
        .with(panel(
            "tangent kernel",
            Axis::new("‖H(t) − H(0)‖/‖H(0)‖", "1"),
            &|trained| trained.drift,
        ));
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
    fn the_errors_follow_the_kernel_and_no_unit_moves_beyond_the_bound() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), vec![0], true, &stop);
        let found = one(&setup, Streams::new(0), 64, Activation::Squareplus).unwrap();
        assert!(found.residual < 1e-4, "{}", found.residual);
        assert!(
            found.over_bound > 0.0 && found.over_bound < 1.0,
            "{}",
            found.over_bound
        );
        // Four times the width: half of the movement, about.
        let wide = one(&setup, Streams::new(0), 256, Activation::Squareplus).unwrap();
        let ratio = wide.movement / found.movement;
        assert!((0.3..0.8).contains(&ratio), "{ratio}");
    }
}

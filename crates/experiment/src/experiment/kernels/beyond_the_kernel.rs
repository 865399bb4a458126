//! Networks that leave their tangent kernel: what they gain, and what the kernel no longer says of them.

use super::{at_least, banded};
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Numbers, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Panel, Width};
use crate::problem::draw;
use crate::problem::kernel::{Modes, spectral_norm};
use crate::problem::relu::TwoLayer;
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat, Scale};

const POINTS: Count = Count::new("points", "inputs with labels", 60).allowed(5.0, 500.0);
const INPUTS: Count = Count::new("inputs", "dimension of the inputs", 10).allowed(2.0, 100.0);
const WIDTH: Count = Count::new(
    "width",
    "hidden units, half of them twins of the others",
    128,
)
.allowed(4.0, 1e4);
const STEPS: Count = Count::new("steps", "most steps of gradient descent", 3000)
    .quick(1500)
    .allowed(100.0, 1e6);
const SCALES: Numbers = Numbers::new(
    "scales",
    "factors of the weights at the start, descending",
    &[3.0, 1.0, 0.3, 0.1],
)
.allowed(0.01, 30.0);
const FRESH: usize = 300;
/// The share of the loss at which training ends.
const END: f64 = 1e-3;

/// What training gives at one scale.
struct Trained {
    /// The root-mean-square error on fresh inputs over that of zero: of the network, and of the frozen kernel.
    error: f64,
    frozen: f64,
    /// The root-mean-square difference of the two on fresh inputs over the size of the labels.
    difference: f64,
    /// `‖H(T) − H(0)‖/‖H(0)‖`.
    drift: f64,
}

/// Networks that leave the kernel regime.
#[derive(Debug)]
pub struct BeyondTheKernel;

impl Experiment for BeyondTheKernel {
    fn about(&self) -> About {
        About {
            name: "beyond-the-kernel",
            subject: Subject::Kernels,
            claim: "A network that leaves its tangent kernel can learn a function of one direction better, and is no longer described by the kernel.",
            source: "The Mathematical Structure of Machine Learning (course text), A.19; Chizat, Oyallon & Bach 2019, On lazy training in differentiable programming",
            mathematics: "A ReLU network of one hidden layer, all of whose weights are trained, starts from standard normal weights times a scale s; twins of \
                opposite sign make f₀ = 0. The tangent kernel is proportional to s². Where s is large, a small relative change of the weights fits \
                the labels, the kernel stays, and the network ends as kernel regression with H(0). Where s is small, the weights must grow, and \
                those units grow most that point where the labels vary: the kernel changes. Labels are the positive part of β·x, the value of one \
                unit; for comparison they are the values of a drawn wide network, in which no direction is preferred. The rate of descent is half \
                the inverse of a bound on the curvature of the loss, the kernel's largest eigenvalue and c‖X‖‖f − y‖.",
            refuted_by: "A network of small initial weights that has no smaller error on fresh inputs than its frozen kernel, or one that is still described by it.",
            seeds: Extent { full: 12, quick: 6 },
            seconds: Extent {
                full: 2.3,
                quick: 1.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            POINTS.parameter(),
            INPUTS.parameter(),
            WIDTH.parameter(),
            STEPS.parameter(),
            SCALES.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let scales = setup.get(SCALES);
        at_least(2, "scales", &scales)?;
        if scales.windows(2).any(|pair| pair[0] <= pair[1]) {
            return Err(ExperimentError::because("`scales` must descend"));
        }
        let runs = setup.over_seeds(|streams| {
            let of = |name, scales: &[f64]| {
                scales
                    .iter()
                    .map(|scale| one(setup, streams, name, *scale))
                    .collect::<Result<Vec<_>, _>>()
            };
            Ok([
                of(Teacher::Unit, &scales)?,
                of(Teacher::Many, &scales[scales.len() - 1..])?,
            ])
        })?;
        Ok(Findings::new()
            .claims(claims(setup, &runs))
            .figure("errors-and-drift", figure(setup, &runs)))
    }
}

/// What gives the labels.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Teacher {
    /// One unit.
    Unit,
    /// A wide network with drawn weights.
    Many,
}

impl Teacher {
    fn labels(self, rng: &mut StreamRng, points: &Mat<f64>) -> Col<f64> {
        let inputs = points.ncols();
        match self {
            Self::Unit => {
                let products = points * draw::on_sphere(rng, inputs);
                Col::from_fn(points.nrows(), |index| products[index].max(0.0))
            }
            Self::Many => TwoLayer::with_normals(rng, 1000, inputs).outputs(points.as_ref()),
        }
    }
}

fn one(
    setup: &Setup,
    streams: Streams,
    teacher: Teacher,
    scale: f64,
) -> Result<Trained, ExperimentError> {
    let (count, inputs) = (setup.get(POINTS), setup.get(INPUTS));
    let all = draw::gaussian(&mut streams.stream("points", 0), count + FRESH, inputs);
    let labels = teacher.labels(&mut streams.stream("teacher", 0), &all);
    let (points, fresh) = (all.subrows(0, count), all.subrows(count, FRESH));
    let (labels, truth) = (labels.subrows(0, count), labels.subrows(count, FRESH));
    let drawn = TwoLayer::with_normals(
        &mut streams.stream("weights", 0),
        setup.get(WIDTH).div_ceil(2),
        inputs,
    );
    let mut network = TwoLayer {
        inner: Scale(scale) * &drawn.inner,
        outer: Scale(scale) * &drawn.outer,
        ..drawn
    }
    .paired();
    let before = network.tangent(points);
    let modes = Modes::of(before.as_ref())?;
    // What rounding leaves of an eigenvalue is no mode.
    let least = 1e-12 * modes.largest();
    let inverse = |value: f64| if value > least { value.recip() } else { 0.0 };
    let frozen = network.tangent_between(fresh, points) * modes.filtered(labels, inverse);
    network.fit(points, labels, setup.get(STEPS), END, || setup.go_on())?;
    let outputs = network.outputs(fresh);
    let size = truth.norm_l2();
    let drift = network.tangent(points) - &before;
    Ok(Trained {
        error: (&outputs - truth).norm_l2() / size,
        frozen: (&frozen - truth).norm_l2() / size,
        difference: (&outputs - &frozen).norm_l2() / size,
        drift: spectral_norm(drift.as_ref())? / modes.largest(),
    })
}

type Run = [Vec<Trained>; 2];

fn claims(setup: &Setup, runs: &[Run]) -> Vec<Claim> {
    let scales = setup.get(SCALES);
    let (largest, smallest) = (scales[0], scales[scales.len() - 1]);
    let gain = |teacher: usize, place: usize| {
        let ratios: Vec<f64> = runs
            .iter()
            .map(|run| (run[teacher][place].error / run[teacher][place].frozen).ln())
            .collect();
        Estimate::mean(&ratios)
    };
    let arms = |of: &dyn Fn(&Trained) -> f64| {
        let arms: Vec<Vec<f64>> = (0..scales.len())
            .map(|place| runs.iter().map(|run| of(&run[0][place]).ln()).collect())
            .collect();
        Estimate::smallest_step(&arms)
    };
    let text = |labels: &str, scale: f64| {
        format!(
            "Labels of {labels}, scale {scale}: the network's error on fresh inputs is at most 0.8 of that of its frozen kernel: logarithm of the ratio"
        )
    };
    let better = Rule::Below(0.8f64.ln());
    let id = "structure A.19";
    vec![
        Claim::printed(
            id,
            text("one unit", smallest),
            better,
            gain(0, scales.len() - 1),
        ),
        Claim::must_fail(id, text("one unit", largest), better, gain(0, 0)),
        Claim::must_fail(
            id,
            text("a drawn wide network", smallest),
            better,
            gain(1, 0),
        ),
        Claim::printed(
            id,
            format!(
                "The relative drift of the kernel grows as the scale falls ({scales:?}): smallest step of the logarithm"
            ),
            Rule::Above(0.0),
            arms(&|trained| trained.drift),
        ),
        Claim::printed(
            id,
            format!(
                "The prediction by the frozen kernel is the worse for the network the smaller the scale ({scales:?}): smallest step of the logarithm of the difference on fresh inputs"
            ),
            Rule::Above(0.0),
            arms(&|trained| trained.difference),
        ),
    ]
}

fn figure(setup: &Setup, runs: &[Run]) -> Figure {
    let scales = setup.get(SCALES);
    let rows = |of: &dyn Fn(&Trained) -> f64| {
        runs.iter()
            .map(|run| run[0].iter().map(of).collect())
            .collect::<Vec<Vec<f64>>>()
    };
    let x = || Axis::new("scale of the weights at the start", "1").log();
    let errors = Panel::new(
        x(),
        Axis::new("error on fresh inputs over that of 0", "1")
            .linear()
            .including(0.0),
    )
    .titled("labels of one unit")
    .with(banded("network", &scales, &rows(&|trained| trained.error)))
    .with(banded(
        "its frozen kernel",
        &scales,
        &rows(&|trained| trained.frozen),
    ));
    let drift = Panel::new(x(), Axis::new("‖H(T) − H(0)‖/‖H(0)‖", "1").log())
        .titled("drift of the kernel")
        .with(banded("network", &scales, &rows(&|trained| trained.drift)));
    let figure = Figure::new("Networks that leave their tangent kernel")
        .with(errors)
        .with(drift);
    Figure {
        columns: 2,
        width: Width::Page,
        ..figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_the_mean_squares_of_their_teachers() {
        // E max(z, 0)² is ½, and a wide network with standard normal weights has ‖x‖²/2.
        let inputs = 5;
        let points = draw::gaussian(&mut Streams::new(0).stream("points", 0), 5_000, inputs);
        let mean_square = |teacher: Teacher, seed: u64| {
            let labels = teacher.labels(&mut Streams::new(seed).stream("teacher", 0), &points);
            labels.squared_norm_l2() / labels.nrows() as f64
        };
        assert!((mean_square(Teacher::Unit, 0) - 0.5).abs() < 0.03);
        // Of a single one the mean square is uncertain, as few of its directions count.
        let all: f64 = (0..60).map(|seed| mean_square(Teacher::Many, seed)).sum();
        assert!((all / 60.0 / 2.5 - 1.0).abs() < 0.3);
    }
}

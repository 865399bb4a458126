//! How fast labels are learned by their alignment with the eigenvectors of the tangent kernel.

use super::{at, banded};
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Number, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::draw;
use crate::problem::kernel::{Modes, gram, tangent_of_inner, two_classes};
use crate::problem::relu::{Activation, TwoLayer};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat, Scale};

const POINTS: Count = Count::new("points", "inputs, half of either class", 30).allowed(8.0, 500.0);
const INPUTS: Count = Count::new("inputs", "dimension of the inputs", 20).allowed(4.0, 500.0);
const DISTANCE: Number = Number::new(
    "distance",
    "distance of the centres of the classes from the origin",
    1.0,
)
.allowed(0.0, 10.0);
const WIDTH: Count = Count::new(
    "width",
    "hidden units, half of them twins of the others",
    2048,
)
.quick(1024)
.allowed(16.0, 1e5);
const STEPS: Count = Count::new("steps", "steps of gradient descent", 200).allowed(20.0, 1e5);
const LEARNED: Number = Number::new(
    "learned",
    "share of the loss at which labels count as learned",
    0.3,
)
.allowed(0.01, 0.9);

/// The labels: those of the classes, random signs, and the last eigenvector.
const LABELS: [&str; 3] = ["true", "random", "last eigenvector"];

/// What one draw gives.
struct Draw {
    /// The loss over its start, for each kind of labels over the steps.
    losses: Vec<Vec<f64>>,
    /// The share of the squared length of the labels along each eigenvector, the largest eigenvalue first.
    projections: Vec<Vec<f64>>,
    /// The eigenvalues and the rates that were fitted to the parts of random labels along their eigenvectors.
    rates: Vec<(f64, f64)>,
    /// The steps after which true and random labels are learned where both classes have one centre.
    mixed: [f64; 2],
}

/// Labels and the eigenvectors of the tangent kernel.
#[derive(Debug)]
pub struct LabelAlignment;

impl Experiment for LabelAlignment {
    fn about(&self) -> About {
        About {
            name: "label-alignment",
            subject: Subject::Kernels,
            claim: "A wide network learns the parts of its labels along the tangent kernel's eigenvectors at the rates of the eigenvalues.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 9.3 and fig. 9.1; Arora et al. 2019, Fine-grained analysis of optimization and generalization for overparameterized two-layer neural networks",
            mathematics: "With a tangent kernel that stays at H* = Σ λᵢvᵢvᵢᵀ the errors follow du/dt = −H*(u − y), so that \
                vᵢᵀ(u(t) − y) = e^(−λᵢt) vᵢᵀ(u(0) − y). Gradient descent with the rate η has (1 − ηλᵢ)ᵗ instead. Labels along eigenvectors of \
                large eigenvalues are learned fast. The inputs here are two clusters on the unit sphere, whose spread falls from one direction \
                to the next as that of images does; every unit of the network has a twin of the opposite sign, so that u(0) = 0. Compared are the \
                labels of the clusters, random signs and the last eigenvector, all of the same length. Where both clusters have one centre, \
                the labels of the clusters are no more along the first eigenvectors than random ones. The source's figure is of two classes of \
                MNIST.",
            refuted_by: "Fitted rates that are not the eigenvalues, or random labels that are learned as fast as true ones.",
            seeds: Extent { full: 16, quick: 8 },
            seconds: Extent {
                full: 4.6,
                quick: 1.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            POINTS.parameter(),
            INPUTS.parameter(),
            DISTANCE.parameter(),
            WIDTH.parameter(),
            STEPS.parameter(),
            LEARNED.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let draws = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(of_rates(&draws))
            .claims(of_labels(setup, &draws))
            .figure("losses-and-projections", figure(setup, &draws)))
    }
}

/// Trains a network and gives the loss over its start and the errors, before each step.
fn trained(
    setup: &Setup,
    streams: Streams,
    points: &Mat<f64>,
    labels: &Col<f64>,
    rate: f64,
) -> Result<(Vec<f64>, Vec<Col<f64>>), ExperimentError> {
    let mut rng = streams.stream("weights", 0);
    let mut network = TwoLayer::with_signs(
        &mut rng,
        setup.get(WIDTH).div_ceil(2),
        points.ncols(),
        Activation::Relu,
    )
    .paired();
    let mut all = Vec::new();
    for _ in 0..=setup.get(STEPS) {
        setup.go_on()?;
        all.push(network.descend(points.as_ref(), labels.as_ref(), rate));
    }
    let start = all[0].squared_norm_l2();
    Ok((
        all.iter()
            .map(|errors| errors.squared_norm_l2() / start)
            .collect(),
        all,
    ))
}

fn one(setup: &Setup, streams: Streams) -> Result<Draw, ExperimentError> {
    let (count, inputs) = (setup.get(POINTS), setup.get(INPUTS));
    let (points, classes) = two_classes(
        &mut streams.stream("points", 0),
        count,
        inputs,
        setup.get(DISTANCE),
    );
    let modes = Modes::of(gram(points.as_ref(), tangent_of_inner).as_ref())?;
    let mut rng = streams.stream("labels", 0);
    let random = Col::from_fn(count, |_| draw::sign(&mut rng));
    let last = Scale((count as f64).sqrt()) * modes.vectors.col(0);
    let rate = 0.8 / modes.largest();
    let (mut losses, mut projections, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for (index, labels) in [&classes, &random, &last].into_iter().enumerate() {
        let (loss, errors) = trained(setup, streams, &points, labels, rate)?;
        losses.push(loss);
        let parts = modes.coefficients(labels.as_ref()).into_iter().rev();
        projections.push(parts.map(|part| part * part / count as f64).collect());
        if index == 1 {
            rates = fitted(&modes, &errors, rate);
        }
    }
    let (mixed, _) = two_classes(&mut streams.stream("mixed", 0), count, inputs, 0.0);
    let modes = Modes::of(gram(mixed.as_ref(), tangent_of_inner).as_ref())?;
    let rate = 0.8 / modes.largest();
    let steps = |labels| {
        let (loss, _) = trained(setup, streams, &mixed, labels, rate)?;
        Ok(until(setup, &loss))
    };
    let mixed = [steps(&classes)?, steps(&random)?];
    Ok(Draw {
        losses,
        projections,
        rates,
        mixed,
    })
}

/// The rates of the parts along the eigenvectors with more than the mean square, until a tenth of each is left.
fn fitted(modes: &Modes, errors: &[Col<f64>], rate: f64) -> Vec<(f64, f64)> {
    let parts: Vec<Vec<f64>> = errors
        .iter()
        .map(|errors| modes.coefficients(errors.as_ref()))
        .collect();
    let of = |mode: usize| {
        let value = modes.values[mode];
        let part = at(&parts, mode);
        let end = part
            .iter()
            .position(|left| left.abs() < 0.1 * part[0].abs())
            .unwrap_or(part.len());
        // One step of descent multiplies by 1 − ηλ: the rate of time is −log(1 − ηλ)/η, from which λ is read.
        let logs: Vec<f64> = part[..end].iter().map(|left| left.abs().ln()).collect();
        let times: Vec<f64> = (0..end).map(|step| step as f64).collect();
        let factor = Estimate::slope(&times, &logs).value.exp();
        (end > 2 && part[0].abs() > 1.0).then_some((value, (1.0 - factor) / rate))
    };
    (0..modes.values.len()).filter_map(of).collect()
}

/// The steps until a share of the loss is left, between two steps by their logarithms; NaN where that is never.
fn steps_to(loss: &[f64], share: f64) -> f64 {
    let Some(after) = loss.iter().position(|loss| *loss <= share) else {
        return f64::NAN;
    };
    let Some(before) = after.checked_sub(1) else {
        return 0.0;
    };
    before as f64 + (loss[before] / share).ln() / (loss[before] / loss[after]).ln()
}

/// The steps until labels are learned; what is not learned in time takes at least as long as there is.
fn until(setup: &Setup, loss: &[f64]) -> f64 {
    let steps = steps_to(loss, setup.get(LEARNED));
    if steps.is_nan() {
        setup.get(STEPS) as f64
    } else {
        steps.max(0.1)
    }
}

fn of_rates(draws: &[Draw]) -> Vec<Claim> {
    let ratios = |draw: &Draw| {
        let ratios: Vec<f64> = draw
            .rates
            .iter()
            .map(|(value, rate)| rate / value)
            .collect();
        Estimate::median(&ratios).value
    };
    let exponents = |draw: &Draw| {
        let (values, rates): (Vec<f64>, Vec<f64>) = draw
            .rates
            .iter()
            .map(|(value, rate)| (value.ln(), rate.max(1e-9).ln()))
            .unzip();
        Estimate::slope(&values, &rates).value
    };
    let mean =
        |of: &dyn Fn(&Draw) -> f64| Estimate::mean(&draws.iter().map(of).collect::<Vec<_>>());
    vec![
        Claim::printed(
            "theory 9-5",
            "The parts of the errors along eigenvectors fall at the rates of the eigenvalues: median of the ratios",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            mean(&ratios),
        ),
        Claim::printed(
            "theory 9-5",
            "Over the eigenvectors the rates are proportional to the eigenvalues: exponent",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.2,
            },
            mean(&exponents),
        ),
    ]
}

fn of_labels(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let share = setup.get(LEARNED);
    let mean =
        |of: &dyn Fn(&Draw) -> f64| Estimate::mean(&draws.iter().map(of).collect::<Vec<_>>());
    let times = |kind: usize| -> Vec<f64> {
        let steps = |draw: &Draw| until(setup, &draw.losses[kind]).ln();
        draws.iter().map(steps).collect()
    };
    let top = |kind: usize| -> Vec<f64> {
        draws
            .iter()
            .map(|draw| draw.projections[kind].iter().take(3).sum())
            .collect()
    };
    let order = format!(
        "Of two Gaussian clusters, which stand for two classes of MNIST, true labels are learned (to {share} of the loss) before random ones, and those before the last eigenvector: smallest step of the logarithm of the time"
    );
    vec![
        Claim::printed(
            "theory 9-6",
            order,
            Rule::Above(0.0),
            Estimate::smallest_step(&[times(0), times(1), times(2)]),
        ),
        Claim::printed(
            "theory 9-6",
            "True labels have more of their length along the first 3 eigenvectors than random ones: difference of the shares",
            Rule::Above(0.0),
            Estimate::difference(&top(1), &top(0)),
        ),
        Claim::must_fail(
            "theory 9-6",
            "Where both clusters have one centre, true labels are learned at least 1.5 times as fast as random ones: logarithm of the ratio",
            Rule::Above(1.5f64.ln()),
            mean(&|draw| (draw.mixed[1] / draw.mixed[0]).ln()),
        ),
    ]
}

fn figure(setup: &Setup, draws: &[Draw]) -> Figure {
    let steps: Vec<f64> = (0..=setup.get(STEPS)).map(|step| step as f64).collect();
    let places: Vec<f64> = (1..=setup.get(POINTS)).map(|place| place as f64).collect();
    let mut losses = Panel::new(
        Axis::counting("steps"),
        Axis::new("loss over its start", "1")
            .log()
            .over([1e-3, 1.5]),
    )
    .titled("training");
    let mut shares = Panel::new(
        Axis::counting("eigenvectors, largest first"),
        Axis::new("share of the labels so far", "1").linear(),
    )
    .titled("labels");
    for (kind, name) in LABELS.into_iter().enumerate() {
        let rows: Vec<Vec<f64>> = draws.iter().map(|draw| draw.losses[kind].clone()).collect();
        losses = losses.with(banded(name, &steps, &rows));
        let sums: Vec<Vec<f64>> = draws
            .iter()
            .map(|draw| {
                draw.projections[kind]
                    .iter()
                    .scan(0.0, |sum, part| {
                        *sum += part;
                        Some(*sum)
                    })
                    .collect()
            })
            .collect();
        shares = shares.with(banded(name, &places, &sums));
    }
    let (values, rates): (Vec<f64>, Vec<f64>) = draws
        .iter()
        .take(5)
        .flat_map(|draw| draw.rates.clone())
        .unzip();
    let ends = [
        values.iter().copied().fold(f64::INFINITY, f64::min),
        values.iter().copied().fold(0.0, f64::max),
    ];
    let mut speeds = Panel::new(
        Axis::new("eigenvalue", "1/time").log(),
        Axis::new("fitted rate", "1/time").log(),
    )
    .titled("rates, 5 seeds");
    if ends[0] < ends[1] {
        speeds =
            speeds.with(Line::new("equal", ends.to_vec(), ends.to_vec()).styled(Style::REFERENCE));
    }
    let rates = rates
        .iter()
        .map(|rate| if *rate > 0.0 { *rate } else { f64::NAN })
        .collect();
    speeds = speeds.with(Points::new("eigenvectors", values, rates));
    let figure = Figure::new("Labels and the eigenvectors of the tangent kernel")
        .with(losses)
        .with(shares)
        .with(speeds);
    Figure {
        columns: 3,
        width: Width::Page,
        ..figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_until_a_share_is_that_of_exponential_decay() {
        let loss: Vec<f64> = (0..20).map(|step| 0.8f64.powi(step)).collect();
        assert!((steps_to(&loss, 0.3) - 0.3f64.ln() / 0.8f64.ln()).abs() < 1e-12);
        assert!(steps_to(&loss, 1e-9).is_nan());
    }

    #[test]
    fn fitted_rates_are_the_eigenvalues_of_a_fixed_kernel() {
        let kernel = Mat::from_fn(
            3,
            3,
            |row, column| if row == column { 1.0 + row as f64 } else { 0.0 },
        );
        let modes = Modes::of(kernel.as_ref()).unwrap();
        let rate = 0.2;
        let errors: Vec<Col<f64>> = (0..30)
            .map(|step| {
                Col::from_fn(3, |mode| {
                    2.0 * (1.0f64 - rate * (1.0 + mode as f64)).powi(step)
                })
            })
            .collect();
        for (value, fitted) in fitted(&modes, &errors, rate) {
            assert!((value - fitted).abs() < 1e-12);
        }
    }
}

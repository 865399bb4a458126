//! Wide networks in training against gradient descent with their tangent kernel.

use super::{at_least, banded, exponent, whole};
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Number, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::draw;
use crate::problem::kernel::{Modes, gram, gram_between, learned, sphere, tangent_of_both};
use crate::problem::relu::TwoLayer;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat, Scale};

const WIDTH: Count = Count::new("width", "hidden units of the wide network", 10_000)
    .quick(2_000)
    .allowed(10.0, 1e5);
const POINTS: Count = Count::new("points", "inputs with labels of the wide network", 50)
    .quick(30)
    .allowed(2.0, 200.0);
const INPUTS: Count =
    Count::new("inputs", "dimension of the inputs of the wide network", 20).allowed(1.0, 200.0);
const STEPS: Count = Count::new("steps", "steps of the wide network", 100).allowed(1.0, 1e4);
const RATE: Number = Number::new(
    "rate",
    "learning rate of the wide network, on the mean of the squared errors",
    0.001,
)
.quick(0.005)
.allowed(1e-6, 1.0);
const WIDTHS: Numbers = Numbers::new(
    "widths",
    "hidden units of the networks that are compared",
    &[64.0, 256.0, 1024.0, 4096.0],
)
.quick(&[64.0, 256.0, 1024.0])
.allowed(2.0, 1e5);
const LONG: Count =
    Count::new("long", "steps of the networks that are compared", 100).allowed(10.0, 1e4);
const FRESH: usize = 100;

/// What one draw gives.
struct Draw {
    /// Predictions of the wide network on fresh inputs, of kernel regression, and of descent with the kernel.
    network: Col<f64>,
    regression: Col<f64>,
    descent: Col<f64>,
    condition: f64,
    /// For each width, the root-mean-square difference of the predictions to those of infinite width.
    differences: Vec<f64>,
    /// For each width, the squared distance that the weights went over the least one.
    displacements: Vec<f64>,
    /// The distance of the weights of the frozen model to the three formulas, relative.
    frozen: [f64; 3],
}

/// Wide networks against their kernels.
#[derive(Debug)]
pub struct KernelDescent;

impl Experiment for KernelDescent {
    fn about(&self) -> About {
        About {
            name: "wide-network-and-kernel",
            subject: Subject::Kernels,
            claim: "A wide network in training is gradient descent with its tangent kernel, at the same time and from the same function.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), C.20, A.11 and B.4; Jacot et al. 2018, Neural tangent kernel",
            mathematics: "With features that stay as they are, Φ = ∂f/∂θ at the start, gradient descent on half the sum of the squared errors gives after t steps \
                f_t(x) = f₀(x) + k(x)ᵀK⁻¹(I − (I − ηK)ᵗ)(y − f₀), where K = ΦΦᵀ. Only for t → ∞ and f₀ = 0 is this the kernel regression k(x)ᵀK⁻¹y, \
                with which the print compares a network after 100 steps. The weights go to the solution nearest to where they began, \
                θ₀ + Φᵀ(ΦΦᵀ)⁺(y − Φθ₀); the print leaves θ₀ out. The difference of a network to the kernel of infinite width comes from the \
                draw of its own kernel and falls as 1/√m. The labels are sin(β·x) with a unit β; the networks that are compared over the widths \
                have units with twins of the opposite sign, so that f₀ = 0.",
            refuted_by: "A difference to descent with the kernel that does not fall with the width.",
            seeds: Extent { full: 10, quick: 8 },
            seconds: Extent {
                full: 5.0,
                quick: 0.7,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            WIDTH.parameter(),
            POINTS.parameter(),
            INPUTS.parameter(),
            STEPS.parameter(),
            RATE.parameter(),
            WIDTHS.parameter(),
            LONG.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        at_least(3, "widths", &setup.get(WIDTHS))?;
        let draws = setup.over_seeds(|streams| one(setup, streams))?;
        let claims = wide(setup, &draws)
            .into_iter()
            .chain(by_width(setup, &draws))
            .chain(least_movement(setup, &draws));
        Ok(Findings::new()
            .claims(claims)
            .figure("predictions-and-differences", figure(setup, &draws)))
    }
}

/// Inputs from a normal law, and labels of a sine along a direction.
fn data(streams: Streams, name: &str, count: usize, inputs: usize) -> (Mat<f64>, Col<f64>) {
    let points = draw::gaussian(&mut streams.stream(name, 0), count, inputs);
    let beta = draw::on_sphere(&mut streams.stream("teacher", inputs as u64), inputs);
    let products = &points * beta;
    (points, Col::from_fn(count, |index| products[index].sin()))
}

/// The network of the task: weights of variances 1/inputs and 1/units, and no factor.
fn standard(streams: Streams, units: usize, inputs: usize) -> TwoLayer {
    let drawn = TwoLayer::with_normals(&mut streams.stream("weights", 0), units, inputs);
    let (by_inputs, by_units) = (
        (inputs as f64).sqrt().recip(),
        (units as f64).sqrt().recip(),
    );
    TwoLayer {
        inner: Scale(by_inputs) * &drawn.inner,
        outer: Scale(by_units) * &drawn.outer,
        factor: 1.0,
        ..drawn
    }
}

fn one(setup: &Setup, streams: Streams) -> Result<Draw, ExperimentError> {
    let (count, inputs, steps) = (setup.get(POINTS), setup.get(INPUTS), setup.get(STEPS));
    let (points, labels) = data(streams, "points", count, inputs);
    let (fresh, _) = data(streams, "fresh", FRESH, inputs);
    let mut network = standard(streams, setup.get(WIDTH), inputs);
    let modes = Modes::of(network.tangent(points.as_ref()).as_ref())?;
    let to_fresh = network.tangent_between(fresh.as_ref(), points.as_ref());
    let start = network.outputs(fresh.as_ref());
    // The mean of the squared errors over two has the sum's gradient over the number of inputs.
    let rate = setup.get(RATE) / count as f64;
    let left = &labels - network.outputs(points.as_ref());
    let descent = start + &to_fresh * modes.descended(left.as_ref(), rate, steps);
    let regression = &to_fresh * modes.filtered(labels.as_ref(), f64::recip);
    for _ in 0..steps {
        setup.go_on()?;
        network.descend(points.as_ref(), labels.as_ref(), rate);
    }
    let network = network.outputs(fresh.as_ref());
    if !(network.norm_l2().is_finite() && descent.norm_l2().is_finite()) {
        return Err(ExperimentError::because(
            "the wide network diverges: `rate` is too large for `width`",
        ));
    }
    let (differences, displacements) = compared(setup, streams)?;
    let condition = modes.largest() / modes.values[0];
    let frozen = frozen(streams)?;
    Ok(Draw {
        network,
        regression,
        descent,
        condition,
        differences,
        displacements,
        frozen,
    })
}

/// Networks of several widths against infinite width: differences of predictions, and squared distances over the least.
fn compared(setup: &Setup, streams: Streams) -> Result<(Vec<f64>, Vec<f64>), ExperimentError> {
    let (count, inputs, steps) = (20, 10, setup.get(LONG));
    let points = sphere(&mut streams.stream("compared", 0), count, inputs);
    let fresh = sphere(&mut streams.stream("compared fresh", 0), FRESH, inputs);
    let beta = draw::on_sphere(&mut streams.stream("teacher", inputs as u64), inputs);
    let products = &points * beta;
    let labels = Col::from_fn(count, |index| (3.0 * products[index]).sin());
    let modes = Modes::of(gram(points.as_ref(), tangent_of_both).as_ref())?;
    let rate = 1.0 / modes.largest();
    let weights = modes.descended(labels.as_ref(), rate, steps);
    let expected = gram_between(fresh.as_ref(), points.as_ref(), tangent_of_both) * weights;
    let (mut differences, mut displacements) = (Vec::new(), Vec::new());
    for width in whole(&setup.get(WIDTHS)) {
        let mut rng = streams.stream("compared weights", width as u64);
        let mut network = TwoLayer::with_normals(&mut rng, width.div_ceil(2), inputs).paired();
        let start = network.clone();
        for _ in 0..steps {
            setup.go_on()?;
            network.descend(points.as_ref(), labels.as_ref(), rate);
        }
        let difference = network.outputs(fresh.as_ref()) - &expected;
        differences.push(difference.norm_l2() / (FRESH as f64).sqrt());
        // Of its own kernel, after the same steps: ‖Φᵀα‖² = Σ c²(1 − (1 − ηλ)ᵗ)²/λ.
        let own = Modes::of(start.tangent(points.as_ref()).as_ref())?;
        let parts = own.coefficients(labels.as_ref());
        let least: f64 = parts
            .iter()
            .zip(&own.values)
            .map(|(part, value)| (part * learned(*value, rate, steps)).powi(2) / value)
            .sum();
        displacements.push(network.distance(&start).powi(2) / least);
    }
    Ok((differences, displacements))
}

/// Descends in the model with frozen features from drawn weights and from zero; the relative distances of the first to
/// the printed formula, of the second to it, and of the first to the formula with the start.
fn frozen(streams: Streams) -> Result<[f64; 3], ExperimentError> {
    let (count, inputs, units) = (6, 10, 40);
    let points = sphere(&mut streams.stream("frozen", 0), count, inputs);
    let network = TwoLayer::with_normals(&mut streams.stream("frozen weights", 0), units, inputs);
    let features = network.jacobian(points.as_ref());
    let labels = draw::normals(&mut streams.stream("frozen labels", 0), count);
    let start = draw::normals(&mut streams.stream("frozen start", 0), features.ncols());
    let modes = Modes::of((&features * features.transpose()).as_ref())?;
    let rate = 1.0 / modes.largest();
    let descended = |start: &Col<f64>| {
        let mut weights = start.clone();
        for _ in 0..5_000 {
            let errors = &features * &weights - &labels;
            weights -= Scale(rate) * (features.transpose() * errors);
        }
        weights
    };
    let printed = features.transpose() * modes.filtered(labels.as_ref(), f64::recip);
    let left = &labels - &features * &start;
    let nearest = &start + features.transpose() * modes.filtered(left.as_ref(), f64::recip);
    let (from_start, from_zero) = (descended(&start), descended(&Col::zeros(start.nrows())));
    let relative =
        |found: &Col<f64>, formula: &Col<f64>| (found - formula).norm_l2() / formula.norm_l2();
    Ok([
        relative(&from_start, &printed),
        relative(&from_zero, &printed),
        relative(&from_start, &nearest),
    ])
}

fn mean(draws: &[Draw], of: impl Fn(&Draw) -> f64) -> Estimate {
    Estimate::mean(&draws.iter().map(of).collect::<Vec<_>>())
}

fn wide(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let squared = |a: &Col<f64>, b: &Col<f64>| (a - b).squared_norm_l2() / FRESH as f64;
    let set_up = format!(
        "{} units, {} inputs of dimension {}, {} steps of rate {}",
        setup.get(WIDTH),
        setup.get(POINTS),
        setup.get(INPUTS),
        setup.get(STEPS),
        setup.get(RATE)
    );
    let conditions: Vec<f64> = draws.iter().map(|draw| draw.condition).collect();
    vec![
        Claim::printed(
            "flat-vs-sharp C.20",
            format!(
                "{set_up}: the network's predictions are those of kernel regression, mean square of the difference below 0.01"
            ),
            Rule::Below(0.01),
            mean(draws, |draw| squared(&draw.network, &draw.regression)),
        ),
        Claim::corrected(
            "flat-vs-sharp C.20",
            format!(
                "{set_up}: the network's predictions are those of descent with the kernel for the same steps from the same function, mean square of the difference below 0.001"
            ),
            Rule::Below(0.001),
            mean(draws, |draw| squared(&draw.network, &draw.descent)),
        ),
        Claim::printed(
            "flat-vs-sharp C.20",
            format!("{set_up}: the condition number of the tangent kernel is from 100 to 1000"),
            Rule::Between(100.0, 1000.0),
            Estimate::median(&conditions),
        ),
    ]
}

fn by_width(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let widths = setup.get(WIDTHS);
    let last = widths.len() - 1;
    let rows: Vec<Vec<f64>> = draws.iter().map(|draw| draw.differences.clone()).collect();
    vec![
        Claim::printed(
            "flat-vs-sharp A.11",
            format!(
                "The difference of the trained network's predictions to those of the kernel of infinite width is the same, to a factor of 2, at {} and {} units: logarithm of the ratio",
                widths[0], widths[last]
            ),
            Rule::Equals {
                value: 0.0,
                tolerance: 2f64.ln(),
            },
            mean(draws, |draw| {
                (draw.differences[0] / draw.differences[last]).ln()
            }),
        ),
        Claim::corrected(
            "flat-vs-sharp A.11",
            "The difference of the trained network's predictions to those of the kernel of infinite width falls as m^(−1/2): exponent",
            Rule::Equals {
                value: -0.5,
                tolerance: 0.1,
            },
            exponent(&widths, &rows),
        ),
    ]
}

fn least_movement(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let widths = setup.get(WIDTHS);
    let last = widths.len() - 1;
    let formula = |start: &str, formula: &str| {
        format!(
            "With frozen features gradient descent from {start} goes to {formula}: relative distance"
        )
    };
    let exact = Rule::Equals {
        value: 0.0,
        tolerance: 1e-6,
    };
    let kept = |width: f64| {
        format!(
            "A network of {width} units interpolates with the least movement of its weights, ‖θ − θ₀‖² = (y − f₀)ᵀK⁻¹(y − f₀) (after {} steps of either): ratio",
            setup.get(LONG)
        )
    };
    let equal = Rule::Equals {
        value: 1.0,
        tolerance: 0.02,
    };
    vec![
        Claim::printed(
            "flat-vs-sharp B.4",
            formula("zero", "Φᵀ(ΦΦᵀ)⁺y"),
            exact,
            mean(draws, |draw| draw.frozen[1]),
        ),
        Claim::printed(
            "flat-vs-sharp B.4",
            formula("drawn weights", "Φᵀ(ΦΦᵀ)⁺y"),
            exact,
            mean(draws, |draw| draw.frozen[0]),
        ),
        Claim::corrected(
            "flat-vs-sharp B.4",
            formula("drawn weights θ₀", "θ₀ + Φᵀ(ΦΦᵀ)⁺(y − Φθ₀)"),
            exact,
            mean(draws, |draw| draw.frozen[2]),
        ),
        Claim::printed(
            "flat-vs-sharp B.4",
            kept(widths[last]),
            equal,
            mean(draws, |draw| draw.displacements[last]),
        ),
        Claim::must_fail(
            "flat-vs-sharp B.4",
            kept(widths[0]),
            equal,
            mean(draws, |draw| draw.displacements[0]),
        ),
    ]
}

fn figure(setup: &Setup, draws: &[Draw]) -> Figure {
    let numbers = |vector: &Col<f64>| vector.iter().copied().collect::<Vec<f64>>();
    let axes = (
        Axis::new("prediction by the kernel", "1"),
        Axis::new("prediction of the network", "1"),
    );
    let mut scatter = Panel::new(axes.0, axes.1).titled(format!(
        "{} units, {} steps, one seed",
        setup.get(WIDTH),
        setup.get(STEPS)
    ));
    if let Some(draw) = draws.first() {
        let most = draw.regression.norm_max().max(draw.network.norm_max());
        scatter = scatter
            .with(Line::new("equal", vec![-most, most], vec![-most, most]).styled(Style::REFERENCE))
            .with(Points::new(
                "kernel regression",
                numbers(&draw.regression),
                numbers(&draw.network),
            ))
            .with(Points::new(
                "descent with the kernel",
                numbers(&draw.descent),
                numbers(&draw.network),
            ));
    }
    let rows: Vec<Vec<f64>> = draws.iter().map(|draw| draw.differences.clone()).collect();
    let axes = (
        Axis::counting("hidden units m").log(),
        Axis::new("root-mean-square difference", "1").log(),
    );
    let differences = Panel::new(axes.0, axes.1).titled("to infinite width").with(
        banded("after the same steps", &setup.get(WIDTHS), &rows).styled(Style {
            colour: Some(0),
            dash: 0,
        }),
    );
    let figure = Figure::new("Predictions of wide networks and of kernels")
        .with(scatter)
        .with(differences);
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
    fn the_frozen_model_ends_nearest_to_its_start() {
        let [printed, from_zero, nearest] = frozen(Streams::new(0)).unwrap();
        assert!(printed > 0.1 && from_zero < 1e-8 && nearest < 1e-8);
    }
}

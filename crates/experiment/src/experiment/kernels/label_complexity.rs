//! A measure of labels from the tangent kernel, and the error of the network that learns them.

use super::{at, banded};
use crate::experiment::lines::tested;
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Number, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel};
use crate::problem::dense;
use crate::problem::draw;
use crate::problem::kernel::{Modes, gram, gram_between, tangent_of_inner, two_classes};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use faer::Col;
use rand::RngExt;

const POINTS: Count = Count::new("points", "inputs with labels", 100).allowed(10.0, 1000.0);
const FRESH: Count = Count::new("fresh", "fresh inputs for the error", 400).allowed(20.0, 1e4);
const INPUTS: Count = Count::new("inputs", "dimension of the inputs", 20).allowed(4.0, 500.0);
const DISTANCE: Number = Number::new(
    "distance",
    "distance of the centres of the classes from the origin",
    2.0,
)
.allowed(0.0, 10.0);
const SHARES: Numbers = Numbers::new(
    "shares",
    "shares of the labels that are drawn at random",
    &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
)
.allowed(0.0, 1.0);

/// What one draw gives, over the shares of random labels.
struct Draw {
    /// `√(2yᵀH⁻¹y · tr H)/n`.
    complexity: Vec<f64>,
    /// The same with `H` in place of its inverse.
    not_inverted: Vec<f64>,
    /// The mean absolute error and the share of wrong signs on fresh inputs.
    absolute: Vec<f64>,
    wrong: Vec<f64>,
}

/// Labels by their complexity.
#[derive(Debug)]
pub struct LabelComplexity;

impl Experiment for LabelComplexity {
    fn about(&self) -> About {
        About {
            name: "label-complexity",
            subject: Subject::Kernels,
            claim: "A measure of the labels alone, from the tangent kernel, follows the error of the network on fresh inputs.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 9.3.1, eq. 9.11 and fig. 9.2; Arora et al. 2019, Fine-grained analysis of optimization and generalization for overparameterized two-layer neural networks",
            mathematics: "An infinitely wide network that starts from zero and learns labels y perfectly has the predictor k(x)ᵀH⁻¹y of the tangent \
                kernel, whose squared norm in the kernel's space is yᵀH⁻¹y. The Rademacher complexity of functions of that norm makes \
                √(2yᵀH⁻¹y · tr H)/n a bound on its expected error by a loss of slope at most 1, such as the absolute error, up to a term of order \
                1/√n. Random labels have much of their length along eigenvectors of small eigenvalues, which the inverse makes large. Here the \
                inputs are two clusters on the unit sphere, a share of the labels, of fresh inputs too, is drawn anew as ±1, and the predictor is that of \
                infinite width; the source's figure has two classes of MNIST and of CIFAR-10, and a trained network.",
            refuted_by: "An error above the bound, or a measure that does not rise with the share of random labels as the error does.",
            seeds: Extent {
                full: 30,
                quick: 20,
            },
            seconds: Extent {
                full: 0.2,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            POINTS.parameter(),
            FRESH.parameter(),
            INPUTS.parameter(),
            DISTANCE.parameter(),
            SHARES.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        super::at_least(3, "shares", &setup.get(SHARES))?;
        let draws = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(setup, &draws))
            .figure("error-and-complexity", figure(setup, &draws)))
    }
}

/// The labels, a share of which is drawn anew: the larger the share, the more of the same draws are taken.
fn corrupted(rng: &mut StreamRng, labels: &Col<f64>, share: f64) -> Col<f64> {
    Col::from_fn(labels.nrows(), |index| {
        let (place, sign) = (rng.random::<f64>(), draw::sign(rng));
        if place < share { sign } else { labels[index] }
    })
}

fn one(setup: &Setup, streams: Streams) -> Result<Draw, ExperimentError> {
    let of = |name: &str, count| {
        two_classes(
            &mut streams.stream(name, 0),
            count,
            setup.get(INPUTS),
            setup.get(DISTANCE),
        )
    };
    let (points, labels) = of("points", setup.get(POINTS));
    let (fresh, fresh_labels) = of("fresh", setup.get(FRESH));
    let kernel = gram(points.as_ref(), tangent_of_inner);
    let modes = Modes::of(kernel.as_ref())?;
    let to_fresh = gram_between(fresh.as_ref(), points.as_ref(), tangent_of_inner);
    let trace: f64 = modes.values.iter().sum();
    let count = setup.get(POINTS) as f64;
    let mut draw = Draw {
        complexity: Vec::new(),
        not_inverted: Vec::new(),
        absolute: Vec::new(),
        wrong: Vec::new(),
    };
    for share in setup.get(SHARES) {
        let y = corrupted(&mut streams.stream("labels", 0), &labels, share);
        let truth = corrupted(&mut streams.stream("fresh labels", 0), &fresh_labels, share);
        let measure = |squared: f64| (2.0 * squared * trace).sqrt() / count;
        draw.complexity
            .push(measure(modes.norm_of_interpolant(y.as_ref())));
        draw.not_inverted
            .push(measure(dense::dot(y.as_ref(), (&kernel * &y).as_ref())));
        let predicted = &to_fresh * modes.filtered(y.as_ref(), f64::recip);
        let errors = &predicted - &truth;
        draw.absolute.push(errors.norm_l1() / errors.nrows() as f64);
        let is_wrong = |index: &usize| predicted[*index] * truth[*index] <= 0.0;
        draw.wrong
            .push((0..truth.nrows()).filter(is_wrong).count() as f64 / truth.nrows() as f64);
    }
    Ok(draw)
}

fn claims(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let mean =
        |of: &dyn Fn(&Draw) -> f64| Estimate::mean(&draws.iter().map(of).collect::<Vec<_>>());
    let closest = |draw: &Draw| {
        let ratios = draw
            .absolute
            .iter()
            .zip(&draw.complexity)
            .map(|(error, bound)| error / bound);
        ratios.fold(0.0, f64::max)
    };
    let shares = setup.get(SHARES);
    let follows = |what: &str, error: &str| {
        format!(
            "Over {} shares of random labels of two Gaussian clusters {what} follows the {error} of the infinitely wide network on \
             fresh inputs: rank correlation",
            shares.len()
        )
    };
    let measure = "√(2yᵀH⁻¹y · tr H)/n";
    vec![
        Claim::printed(
            "theory 9-7",
            format!(
                "{measure} is above the mean absolute error of the infinitely wide network on fresh inputs of two Gaussian clusters, which \
                 stand for classes of MNIST and CIFAR-10, at shares of random labels of {}: largest ratio of the error to it",
                tested(&shares)
            ),
            Rule::Below(1.0),
            mean(&closest),
        ),
        Claim::printed(
            "theory 9-7",
            follows(measure, "mean absolute error"),
            Rule::Above(0.8),
            mean(&|draw| Estimate::rank_correlation(&draw.complexity, &draw.absolute).value),
        ),
        Claim::printed(
            "theory 9-7",
            follows(measure, "share of wrong signs"),
            Rule::Above(0.8),
            mean(&|draw| Estimate::rank_correlation(&draw.complexity, &draw.wrong).value),
        ),
        Claim::must_fail(
            "theory 9-7",
            follows(
                "√(2yᵀHy · tr H)/n, without the inverse,",
                "mean absolute error",
            ),
            Rule::Above(0.8),
            mean(&|draw| Estimate::rank_correlation(&draw.not_inverted, &draw.absolute).value),
        ),
    ]
}

fn figure(setup: &Setup, draws: &[Draw]) -> Figure {
    let shares = setup.get(SHARES);
    let rows = |of: &dyn Fn(&Draw) -> &Vec<f64>| {
        draws
            .iter()
            .map(|draw| of(draw).clone())
            .collect::<Vec<_>>()
    };
    let measure = rows(&|draw| &draw.complexity);
    let top = at(&measure, shares.len() - 1)
        .into_iter()
        .fold(1.0, f64::max);
    let panel = Panel::new(
        Axis::new("share of random labels", "1"),
        Axis::new("error or measure", "1")
            .linear()
            .over([0.0, 1.05 * top]),
    )
    .with(banded("measure of the labels", &shares, &measure))
    .with(banded(
        "mean absolute error",
        &shares,
        &rows(&|draw| &draw.absolute),
    ))
    .with(banded(
        "share of wrong signs",
        &shares,
        &rows(&|draw| &draw.wrong),
    ));
    Figure::new("Error on fresh inputs and the measure").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_shares_of_random_labels_hold_the_smaller_ones() {
        let labels = Col::from_fn(200, |_| 1.0);
        let of = |share: f64| corrupted(&mut Streams::new(0).stream("test", 0), &labels, share);
        assert_eq!(of(0.0), labels);
        let (some, all) = (of(0.5), of(1.0));
        assert!((0..200).all(|index| some[index] == 1.0 || some[index] == all[index]));
        let flipped = (0..200).filter(|index| all[*index] < 0.0).count();
        assert!((70..130).contains(&flipped));
    }
}

//! Dropout of the inputs of a linear regression: a ridge by the variance of each input, not a mere scaling.

use super::line_of_means;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel};
use crate::problem::factorisation::dropout_by_enumeration;
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat, Scale};

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 40).allowed(14.0, 1000.0);
const INPUTS: Count =
    Count::new("inputs", "inputs, all of whose subsets are dropped", 7).allowed(2.0, 12.0);
const RATE: Number =
    Number::new("rate", "chance p with which an input is dropped", 0.5).allowed(0.01, 0.95);
const CORRELATIONS: Numbers = Numbers::new(
    "correlations",
    "correlations of the inputs, ascending; the last is judged",
    &[0.0, 0.3, 0.6, 0.9],
)
.allowed(0.0, 0.99);

/// See the file.
#[derive(Debug)]
pub struct DropoutRegression;

impl Experiment for DropoutRegression {
    fn about(&self) -> About {
        About {
            name: "dropout-regression",
            subject: Subject::Factorisations,
            claim: "Dropout of the inputs of a linear regression adds λuᵀĈu to its loss, and so only scales the least \
                    squares.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 11.4; after Wager, Wang & Liang, Dropout training \
                     as adaptive regularization (2013)",
            mathematics: "Kept inputs are multiplied by 1/(1 − p), so that a prediction u·(Bx) has the mean u·x and the \
                          variance λΣ uⱼ²xⱼ², λ = p/(1 − p). The penalty is λuᵀ diag(Ĉ)u with the diagonal of Ĉ = XᵀX/n, \
                          and the minimum solves (XᵀX + λ diag(XᵀX))u = Xᵀy. The text prints Ĉ itself, and from it (1 + \
                          λ)XᵀXu = Xᵀy, which only scales the least squares; both are the same where the inputs are \
                          uncorrelated. Here the loss is the mean over all 2^d masks, whose minimum is found from the \
                          moments E[BxxᵀB] of these masks.",
            refuted_by: "A minimum of the mean over all masks that is no multiple of the least squares.",
            seeds: Extent {
                full: 20,
                quick: 12,
            },
            seconds: Extent {
                full: 0.05,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            INPUTS.parameter(),
            RATE.parameter(),
            CORRELATIONS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let correlations = setup.get(CORRELATIONS);
        let runs = setup.over_seeds(|streams| {
            let at = |correlation: &f64| run(setup, streams, *correlation);
            let orthogonal = with_inputs(setup, streams, orthogonal(setup, streams)?)?;
            Ok((
                correlations
                    .iter()
                    .map(at)
                    .collect::<Result<Vec<Run>, ExperimentError>>()?,
                orthogonal,
            ))
        })?;
        Ok(Findings::new()
            .claims(claims(&correlations, &runs))
            .figure("angle", figure(&correlations, &runs)))
    }
}

/// What one data matrix gives.
struct Run {
    /// The penalty at random weights over λuᵀĈu and over λuᵀ diag(Ĉ)u.
    penalties: [f64; 2],
    /// The distance of the minimum from the printed and from the corrected solution, as a share.
    distances: [f64; 2],
    /// The angle between the minimum and the least squares, in degrees.
    angle: f64,
}

fn run(setup: &Setup, streams: Streams, correlation: f64) -> Result<Run, ExperimentError> {
    let (samples, inputs) = (setup.get(SAMPLES), setup.get(INPUTS));
    let mut rng = streams.stream("inputs", 0);
    let own = draw::gaussian(&mut rng, samples, inputs);
    let common = draw::normals(&mut rng, samples);
    let (shared, rest) = (correlation.sqrt(), (1.0 - correlation).sqrt());
    with_inputs(
        setup,
        streams,
        Mat::from_fn(samples, inputs, |i, j| {
            shared * common[i] + rest * own[(i, j)]
        }),
    )
}

/// Inputs whose columns are orthogonal and of different norms.
fn orthogonal(setup: &Setup, streams: Streams) -> Result<Mat<f64>, ExperimentError> {
    let (samples, inputs) = (setup.get(SAMPLES), setup.get(INPUTS));
    let basis = draw::orthogonal(&mut streams.stream("orthogonal inputs", 0), samples);
    Ok(Mat::from_fn(samples, inputs, |i, j| {
        basis[(i, j)] * (1.0 + j as f64)
    }))
}

fn with_inputs(setup: &Setup, streams: Streams, x: Mat<f64>) -> Result<Run, ExperimentError> {
    let mut rng = streams.stream("weights", 0);
    let inputs = x.ncols();
    let truth = draw::normals(&mut rng, inputs);
    let y = &x * &truth + draw::normals(&mut rng, x.nrows()) * Scale(0.3);
    let probe = draw::normals(&mut rng, inputs);
    let (rate, samples) = (setup.get(RATE), x.nrows() as f64);
    let strength = rate / (1.0 - rate);
    let gram = x.transpose() * &x;
    // The penalty is what all masks add.
    let features = Mat::from_fn(x.nrows(), inputs, |i, j| x[(i, j)] * probe[j]);
    let added = dropout_by_enumeration(features.as_ref(), &y, rate, 1.0 / (1.0 - rate))
        - (&y - &x * &probe).squared_norm_l2() / samples;
    let full = dense::dot(probe.as_ref(), (&gram * &probe).as_ref());
    let diagonal: f64 = (0..inputs)
        .map(|j| gram[(j, j)] * probe[j] * probe[j])
        .sum();
    let penalties = [full, diagonal].map(|penalty| added / (strength * penalty / samples));
    let pull = x.transpose() * &y;
    let minimum = dense::solve(moments(&gram, rate).as_ref(), pull.as_ref())?;
    let least = dense::solve(gram.as_ref(), pull.as_ref())?;
    let mut ridge = gram.clone();
    for j in 0..inputs {
        ridge[(j, j)] *= 1.0 + strength;
    }
    let candidates: [Col<f64>; 2] = [
        &least * Scale(1.0 / (1.0 + strength)),
        dense::solve(ridge.as_ref(), pull.as_ref())?,
    ];
    let distances =
        candidates.map(|candidate| (&minimum - candidate).norm_l2() / minimum.norm_l2());
    // The sine is exact where the cosine is nearly one.
    let along =
        &least * Scale(dense::dot(minimum.as_ref(), least.as_ref()) / least.squared_norm_l2());
    let angle = ((&minimum - along).norm_l2() / minimum.norm_l2())
        .min(1.0)
        .asin()
        .to_degrees();
    Ok(Run {
        penalties,
        distances,
        angle,
    })
}

/// `Σᵢ E[Bxᵢxᵢᵀ B]` over all masks `B`.
fn moments(gram: &Mat<f64>, rate: f64) -> Mat<f64> {
    let inputs = gram.nrows();
    let mut sum = Mat::zeros(inputs, inputs);
    let kept = 1.0 / (1.0 - rate);
    for mask in 0..1u32 << inputs {
        let count = mask.count_ones() as i32;
        let chance = (1.0 - rate).powi(count) * rate.powi(inputs as i32 - count);
        for j in (0..inputs).filter(|j| mask >> j & 1 == 1) {
            for i in (0..inputs).filter(|i| mask >> i & 1 == 1) {
                sum[(i, j)] += chance * kept * kept * gram[(i, j)];
            }
        }
    }
    sum
}

fn claims(correlations: &[f64], runs: &[(Vec<Run>, Run)]) -> Vec<Claim> {
    let last = correlations.len() - 1;
    let of = |get: fn(&Run) -> f64| {
        Estimate::mean(
            &runs
                .iter()
                .map(|(run, _)| get(&run[last]))
                .collect::<Vec<_>>(),
        )
    };
    let uncorrelated = |get: fn(&Run) -> f64| {
        Estimate::mean(&runs.iter().map(|(_, run)| get(run)).collect::<Vec<_>>())
    };
    let id = "theory 11-9";
    let with = format!("With inputs that are correlated by {}", correlations[last]);
    vec![
        Claim::printed(
            id,
            format!("{with}, all masks add λuᵀĈu to the loss: their ratio is 1."),
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-10,
            },
            of(|run| run.penalties[0]),
        ),
        Claim::corrected(
            id,
            format!("{with}, all masks add λuᵀ diag(Ĉ)u to the loss: their ratio is 1."),
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-10,
            },
            of(|run| run.penalties[1]),
        ),
        Claim::printed(
            id,
            format!("{with}, the minimum solves (1 + λ)XᵀXu = Xᵀy, within 1e-8 of its norm."),
            Rule::Below(1e-8),
            of(|run| run.distances[0]),
        ),
        Claim::corrected(
            id,
            format!(
                "{with}, the minimum solves (XᵀX + λ diag(XᵀX))u = Xᵀy, within 1e-8 of its norm."
            ),
            Rule::Below(1e-8),
            of(|run| run.distances[1]),
        ),
        Claim::printed(
            id,
            format!(
                "{with}, dropout merely scales the least squares: the angle to them is below 0.01 degrees."
            ),
            Rule::Below(0.01),
            of(|run| run.angle),
        ),
        Claim::must_hold(
            id,
            "With inputs whose sample is uncorrelated it does: the minimum is 1/(1 + λ) of the least squares, within \
             1e-8.",
            Rule::Below(1e-8),
            uncorrelated(|run| run.distances[0]),
        ),
    ]
}

fn figure(correlations: &[f64], runs: &[(Vec<Run>, Run)]) -> Figure {
    let panel = Panel::new(
        Axis::new("correlation of the inputs", "1").linear(),
        Axis::new("angle to the least squares", "degrees")
            .linear()
            .including(0.0),
    )
    .with(line_of_means("with dropout", correlations, |place| {
        runs.iter().map(|(run, _)| run[place].angle).collect()
    }));
    Figure::new("How far dropout turns the least squares").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moments_of_all_masks_leave_the_diagonal_multiplied() {
        let gram = Mat::from_fn(3, 3, |i, j| if i == j { 2.0 } else { 0.5 });
        let found = moments(&gram, 0.25);
        for i in 0..3 {
            for j in 0..3 {
                let expected = if i == j { 2.0 / 0.75 } else { 0.5 };
                assert!((found[(i, j)] - expected).abs() < 1e-14);
            }
        }
    }
}

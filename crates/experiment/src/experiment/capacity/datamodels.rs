//! Predicting the answer of a model from which examples it was trained on, by a linear rule.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::linear_class::{Logistic, correlation, logistic_examples};
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, variance};
use faer::{Col, Mat};
use rand::RngExt;

const EXAMPLES: Count = Count::new("examples", "training examples to choose from", 40)
    .quick(25)
    .allowed(10.0, 300.0);
const DIMENSIONS: Count =
    Count::new("dimensions", "weights of the logistic regression", 4).allowed(1.0, 20.0);
const SUBSETS: Count = Count::new(
    "subsets",
    "subsets to train on; a quarter is kept for the \
    test",
    600,
)
.quick(240)
.allowed(40.0, 1e5);
const SHARE: Number =
    Number::new("share", "p, the share of examples in a subset", 0.5).allowed(0.2, 0.95);
const RIDGE: Number =
    Number::new("ridge", "ridge of the logistic regression", 0.05).allowed(1e-3, 10.0);
const PENALTY: Number = Number::new(
    "penalty",
    "penalty of the lasso over its largest useful \
    value",
    0.03,
)
.allowed(1e-4, 1.0);

/// What one seed gives.
struct Seed {
    explained: f64,
    shuffled: f64,
    influence: f64,
    used: f64,
    other_share: f64,
    /// Predicted and true outputs of the subsets of the test.
    pairs: Vec<[f64; 2]>,
}

/// Theory of Deep Learning, section 10.3.
#[derive(Debug)]
pub struct Datamodels;

impl Experiment for Datamodels {
    fn about(&self) -> About {
        About {
            name: "datamodels",
            subject: Subject::Capacity,
            claim: "The output of a model is close to a linear function of which examples it \
                was trained on.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 10.3; Ilyas et al. (2022)",
            mathematics: "Train on many random subsets with a share p of the examples, written \
                as x ∈ {±1}ⁿ, and fit the output f(x) at a test point by θ₀ + Σθᵢxᵢ with an ℓ₁ \
                penalty (lasso, here by coordinate descent). The coefficient θᵢ is half of \
                what example i changes on average over subsets, and so an estimate of its \
                influence, which depends on p. Here the model is logistic regression and f the \
                logit of one test point.",
            refuted_by: "A linear rule that explains little of the outputs on subsets that it \
                has not seen.",
            seeds: Extent { full: 10, quick: 3 },
            seconds: Extent {
                full: 0.3,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            EXAMPLES.parameter(),
            DIMENSIONS.parameter(),
            SUBSETS.parameter(),
            SHARE.parameter(),
            RIDGE.parameter(),
            PENALTY.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(setup, &seeds))
            .figure("prediction", figure(&seeds)))
    }
}

/// Subsets as signs, a row for each, and the outputs of the models trained on them.
struct Runs {
    signs: Mat<f64>,
    outputs: Vec<f64>,
}

fn runs(
    setup: &Setup,
    data: &Logistic,
    probe: &Col<f64>,
    share: f64,
    rng: &mut StreamRng,
) -> Result<Runs, ExperimentError> {
    let (examples, subsets) = (data.y.len(), setup.get(SUBSETS));
    let mut signs = Mat::<f64>::zeros(subsets, examples);
    let mut outputs = Vec::new();
    for row in 0..subsets {
        setup.go_on()?;
        let inside: Vec<bool> = (0..examples).map(|_| rng.random::<f64>() < share).collect();
        (0..examples)
            .for_each(|column| signs[(row, column)] = if inside[column] { 1.0 } else { -1.0 });
        outputs.push(output(data, &inside, probe)?);
    }
    Ok(Runs { signs, outputs })
}

/// The logit of the probe after training on some of the examples.
fn output(data: &Logistic, inside: &[bool], probe: &Col<f64>) -> Result<f64, ExperimentError> {
    let count = inside.iter().filter(|inside| **inside).count().max(1) as f64;
    let weights = inside
        .iter()
        .map(|inside| if *inside { 1.0 / count } else { 0.0 })
        .collect();
    let model = Logistic {
        weights,
        ..data.clone()
    };
    Ok(dense::dot(model.minimise()?.as_ref(), probe.as_ref()))
}

/// The least of `½·mean (y − θ₀ − ⟨θ, x⟩)² + penalty·max|⟨x, y⟩|/n·‖θ‖₁`, by coordinate descent; the intercept is first.
fn lasso(x: &Mat<f64>, y: &[f64], penalty: f64) -> Vec<f64> {
    let (rows, columns) = (x.nrows() as f64, x.ncols());
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / rows;
    let centre: Vec<f64> = (0..columns)
        .map(|column| mean(&mut (0..x.nrows()).map(|row| x[(row, column)])))
        .collect();
    let x = Mat::from_fn(x.nrows(), columns, |row, column| {
        x[(row, column)] - centre[column]
    });
    let middle = mean(&mut y.iter().copied());
    let mut residual = Col::from_fn(y.len(), |row| y[row] - middle);
    let squares: Vec<f64> = (0..columns)
        .map(|column| x.col(column).squared_norm_l2() / rows)
        .collect();
    let largest = (x.transpose() * &residual).norm_max() / rows;
    let mut theta = vec![0.0; columns];
    for _ in 0..500 {
        let mut moved: f64 = 0.0;
        for column in 0..columns {
            if squares[column] == 0.0 {
                continue;
            }
            let pull = dense::dot(x.col(column), residual.as_ref()) / rows
                + squares[column] * theta[column];
            let next = pull.signum() * (pull.abs() - penalty * largest).max(0.0) / squares[column];
            let change = next - theta[column];
            if change != 0.0 {
                residual -= faer::Scale(change) * x.col(column);
                theta[column] = next;
                moved = moved.max(change.abs());
            }
        }
        if moved < 1e-9 * largest {
            break;
        }
    }
    let intercept = middle
        - theta
            .iter()
            .zip(&centre)
            .map(|(theta, centre)| theta * centre)
            .sum::<f64>();
    std::iter::once(intercept).chain(theta).collect()
}

fn predict(theta: &[f64], x: &Mat<f64>, row: usize) -> f64 {
    theta[0]
        + (0..x.ncols())
            .map(|column| theta[column + 1] * x[(row, column)])
            .sum::<f64>()
}

/// The share of the variance on the last quarter that the fit on the rest explains, with the fit and the pairs.
fn held_out(runs: &Runs, penalty: f64) -> (f64, Vec<f64>, Vec<[f64; 2]>) {
    let train = runs.outputs.len() * 3 / 4;
    let x = runs.signs.get(0..train, ..).to_owned();
    let theta = lasso(&x, &runs.outputs[..train], penalty);
    let pairs: Vec<[f64; 2]> = (train..runs.outputs.len())
        .map(|row| [predict(&theta, &runs.signs, row), runs.outputs[row]])
        .collect();
    let left = pairs
        .iter()
        .map(|pair| (pair[0] - pair[1]).powi(2))
        .sum::<f64>()
        / pairs.len() as f64;
    (1.0 - left / variance(&runs.outputs[train..]), theta, pairs)
}

fn one(setup: &Setup, streams: Streams) -> Result<Seed, ExperimentError> {
    let mut rng = streams.stream("examples", 0);
    let (x, y) = logistic_examples(
        &mut rng,
        setup.get(EXAMPLES),
        &vec![1.0; setup.get(DIMENSIONS)],
    );
    let data = Logistic::of_mean(x, y, setup.get(RIDGE));
    let probe = draw::normals(&mut rng, setup.get(DIMENSIONS));
    let (share, penalty) = (setup.get(SHARE), setup.get(PENALTY));
    let half = runs(
        setup,
        &data,
        &probe,
        share,
        &mut streams.stream("subsets", 0),
    )?;
    let (explained, theta, pairs) = held_out(&half, penalty);
    let mut mixed = Runs {
        signs: half.signs.clone(),
        outputs: half.outputs.clone(),
    };
    let mut order = streams.stream("shuffle", 0);
    (1..mixed.outputs.len())
        .rev()
        .for_each(|place| mixed.outputs.swap(place, order.random_range(0..=place)));
    // Leaving out one of all.
    let all = vec![true; data.y.len()];
    let whole = output(&data, &all, &probe)?;
    let without = |left: usize| {
        let inside: Vec<bool> = (0..all.len()).map(|index| index != left).collect();
        Ok(whole - output(&data, &inside, &probe)?)
    };
    let influences = (0..all.len())
        .map(without)
        .collect::<Result<Vec<f64>, ExperimentError>>()?;
    let many = runs(setup, &data, &probe, 0.9, &mut streams.stream("subsets", 1))?;
    let other = held_out(&many, penalty).1;
    let size = |theta: &[f64]| {
        theta[1..]
            .iter()
            .map(|theta| theta * theta)
            .sum::<f64>()
            .sqrt()
    };
    Ok(Seed {
        explained,
        shuffled: held_out(&mixed, penalty).0,
        influence: correlation(&theta[1..], &influences),
        used: theta[1..].iter().filter(|theta| **theta != 0.0).count() as f64 / data.y.len() as f64,
        other_share: size(&other) / size(&theta),
        pairs,
    })
}

fn claims(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let id = "theory 10-4";
    let all = |f: &dyn Fn(&Seed) -> f64| -> Vec<f64> { seeds.iter().map(f).collect() };
    let share = setup.get(SHARE);
    vec![
        Claim::printed(
            id,
            format!(
                "A linear rule explains more than 0.8 of the variance of outputs over new \
                subsets, p = {share} (mean share)"
            ),
            Rule::Above(0.8),
            Estimate::mean(&all(&|seed| seed.explained)),
        ),
        Claim::must_fail(
            id,
            "It explains outputs that are shuffled, too (mean share)",
            Rule::Above(0.8),
            Estimate::mean(&all(&|seed| seed.shuffled)),
        ),
        Claim::printed(
            id,
            "Its coefficients estimate what leaving out each example does (mean correlation \
             above 0.8)",
            Rule::Above(0.8),
            Estimate::mean(&all(&|seed| seed.influence)),
        ),
        Claim::printed(
            id,
            "It is sparse: less than half of the coefficients are used (mean share)",
            Rule::Below(0.5),
            Estimate::mean(&all(&|seed| seed.used)),
        ),
        Claim::corrected(
            id,
            "It is dense: more than half of the coefficients are used, as each example moves this \
             model (mean share)",
            Rule::Above(0.5),
            Estimate::mean(&all(&|seed| seed.used)),
        ),
        Claim::printed(
            id,
            format!(
                "The coefficients depend on p: with p = 0.9 their norm is not that with p \
                = {share} (mean ratio below 0.8)"
            ),
            Rule::Below(0.8),
            Estimate::mean(&all(&|seed| seed.other_share)),
        ),
    ]
}

fn figure(seeds: &[Seed]) -> Figure {
    let [x, y] = [0, 1].map(|side| {
        seeds[0]
            .pairs
            .iter()
            .map(|pair| pair[side])
            .collect::<Vec<f64>>()
    });
    let (low, high) = y
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
            (low.min(*y), high.max(*y))
        });
    let panel = Panel::new(
        Axis::new("predicted logit", "1"),
        Axis::new("logit after training", "1"),
    )
    .with(Points::new("new subsets, seed 0", x, y))
    .with(Line::new("equal", vec![low, high], vec![low, high]).styled(Style::REFERENCE));
    Figure {
        width: Width::Column,
        ..Figure::new("Outputs predicted from training sets")
    }
    .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lasso_shrinks_orthogonal_columns_by_its_penalty() {
        // Columns ±1, orthogonal and of mean zero: coefficients 3 and 1 with the penalty 0.5·3 become 1.5 and 0.
        let signs = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let x = Mat::from_fn(4, 2, |row, column| signs[row][column]);
        let y: Vec<f64> = signs
            .iter()
            .map(|row| 2.0 + 3.0 * row[0] + row[1])
            .collect();
        let theta = lasso(&x, &y, 0.5);
        for (found, expected) in theta.iter().zip([2.0, 1.5, 0.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert!((predict(&lasso(&x, &y, 1e-9), &x, 1) - 4.0).abs() < 1e-6);
    }
}

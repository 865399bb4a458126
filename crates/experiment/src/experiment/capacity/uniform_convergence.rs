//! A classifier that generalises, and that no bound for all classifiers like it can show to.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Bars, Figure, Panel, Width};
use crate::problem::vector;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Column, Table};
use statrs::distribution::{ContinuousCDF, Normal};

const SAMPLES: Count = Count::new("samples", "m, training samples", 50)
    .quick(30)
    .allowed(2.0, 1e3);
const FAILURE: Number =
    Number::new("failure", "δ, the test error that is allowed", 0.01).allowed(1e-6, 0.4);
const VARIANCE: Number = Number::new(
    "variance",
    "c: the junk coordinates have the variance c/D",
    4.0,
)
.allowed(1.01, 20.0);

/// New points on which the twin is tested.
const TESTS: usize = 200;

/// Theory of Deep Learning, section 5.4.
#[derive(Debug)]
pub struct UniformConvergence;

/// The errors of a classifier and of its twin that is trained on flipped junk.
#[derive(Clone, Copy, Debug)]
struct Errors {
    train: f64,
    test: f64,
    flipped_train: f64,
    flipped_test: f64,
    pruned_train: f64,
    norm: f64,
}

impl Experiment for UniformConvergence {
    fn about(&self) -> About {
        About {
            name: "uniform-convergence",
            subject: Subject::Capacity,
            claim: "A classifier with a small test error has a twin, as likely and as good, \
                that is wrong on the whole training set.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 5.4.1; Nagarajan & \
                Kolter (2019)",
            mathematics: "A point is (y·u, x₂) with ‖u‖² = 1/m and D junk coordinates of \
                variance c/D. One step of descent gives w = (m·u, Σyᵢx₂ᵢ). On a new point the \
                junk adds a normal number of deviation c·√(m/D) to y·m‖u‖² = y, so that the \
                test error is δ where D ≥ 2c²m·log(1/δ). The twin trained on the set with all \
                junk negated has the same test error, but on a training point it gives 1 − \
                ‖x₂‖² ± c√(m/D), that is 1 − c up to a little: it is wrong on all where c > 1. \
                The text prints c = 1, where the twin is wrong on half, and D = m·√log(1/δ), \
                which is too small. With few of the junk coordinates left, one in 2c, the \
                twin gives 1 − ½ and is right again.",
            refuted_by: "A twin that is right on the training points, or a classifier with a \
                large test error.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 0.08,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FAILURE.parameter(),
            VARIANCE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (samples, failure, variance) =
            (setup.get(SAMPLES), setup.get(FAILURE), setup.get(VARIANCE));
        let log = (1.0 / failure).ln();
        let junk = |c: f64| (2.0 * c * c * samples as f64 * log).ceil() as usize;
        let printed_junk = (samples as f64 * log.sqrt()).ceil() as usize;
        let arms = [
            (1.0, printed_junk),
            (1.0, junk(1.0)),
            (variance, junk(variance)),
        ];
        let seeds = setup.over_seeds(|streams| {
            arms.iter()
                .map(|(c, junk)| errors(samples, *c, *junk, streams))
                .collect()
        })?;
        let arm = |index: usize, f: fn(&Errors) -> f64| -> Vec<f64> {
            seeds
                .iter()
                .map(|seed: &Vec<Errors>| f(&seed[index]))
                .collect()
        };
        Ok(Findings::new()
            .claims(claims_of_classifier(setup, &arms, &arm))
            .claims(claims_of_twin(setup, &arms, &arm))
            .table("errors", table(&arms, &arm))
            .figure("errors-of-twins", figure(&arms, &arm)))
    }
}

/// Trains and tests. The test error of the classifier is exact, as the junk of a new point is normal; that of the twin is
/// counted on new points.
fn errors(
    samples: usize,
    variance: f64,
    junk: usize,
    streams: Streams,
) -> Result<Errors, ExperimentError> {
    let mut rng = streams.stream("junk", junk as u64);
    let deviation = (variance / junk as f64).sqrt();
    // yᵢx₂ᵢ has the law of x₂ᵢ; by symmetry all labels are taken as 1.
    let points: Vec<Vec<f64>> = (0..samples)
        .map(|_| {
            vector::normals(&mut rng, junk)
                .into_iter()
                .map(|z| deviation * z)
                .collect()
        })
        .collect();
    let mut sum = vec![0.0; junk];
    points
        .iter()
        .for_each(|point| vector::add(&mut sum, 1.0, point));
    let outputs = |sign: f64| {
        points
            .iter()
            .map(|point| 1.0 + sign * vector::inner(&sum, point))
            .collect::<Vec<f64>>()
    };
    let share = |outputs: Vec<f64>| {
        outputs.iter().filter(|output| **output <= 0.0).count() as f64 / samples as f64
    };
    let left = (junk as f64 / (2.0 * variance)).ceil() as usize;
    let pruned = points
        .iter()
        .map(|point| 1.0 - vector::inner(&sum[..left], &point[..left]))
        .collect();
    let mut fresh = streams.stream("new points", junk as u64);
    let flipped_test = (0..TESTS).filter(|_| {
        let point = vector::normals(&mut fresh, junk);
        1.0 - deviation * vector::inner(&sum, &point) <= 0.0
    });
    let flipped_test = flipped_test.count() as f64 / TESTS as f64;
    let normal = Normal::new(0.0, deviation * vector::norm(&sum)).map_err(|_| {
        ExperimentError::because(
            "the \
        junk has no variance",
        )
    })?;
    let test = normal.cdf(-1.0);
    Ok(Errors {
        train: share(outputs(1.0)),
        test,
        flipped_train: share(outputs(-1.0)),
        flipped_test,
        pruned_train: share(pruned),
        norm: (samples as f64 + vector::square(&sum)).sqrt()
            / ((1.0 + variance) * samples as f64).sqrt(),
    })
}

type Arm<'a> = dyn Fn(usize, fn(&Errors) -> f64) -> Vec<f64> + 'a;

/// Where the claims stand in the sources.
const ID: &str = "theory 5-8";

/// What an arm is, in words.
fn described(arms: &[(f64, usize); 3], index: usize) -> String {
    format!("(variance {}/D, D = {})", arms[index].0, arms[index].1)
}

/// That the classifier itself generalises.
fn claims_of_classifier(setup: &Setup, arms: &[(f64, usize); 3], arm: &Arm) -> Vec<Claim> {
    let failure = setup.get(FAILURE);
    let at = |index: usize| described(arms, index);
    let error = |index: usize, f: fn(&Errors) -> f64| Estimate::mean(&arm(index, f));
    vec![
        Claim::printed(
            ID,
            format!(
                "With D = m·√log(1/δ) junk coordinates the test error is δ = {failure} at \
                most {} (mean)",
                at(0)
            ),
            Rule::Below(failure),
            error(0, |errors| errors.test),
        ),
        Claim::corrected(
            ID,
            format!("With D = 2c²m·log(1/δ) it is {} (mean)", at(1)),
            Rule::Below(failure),
            error(1, |errors| errors.test),
        ),
    ]
}

/// Where its twin, trained on flipped junk, is wrong, and what both share.
fn claims_of_twin(setup: &Setup, arms: &[(f64, usize); 3], arm: &Arm) -> Vec<Claim> {
    let failure = setup.get(FAILURE);
    let at = |index: usize| described(arms, index);
    let error = |index: usize, f: fn(&Errors) -> f64| Estimate::mean(&arm(index, f));
    vec![
        Claim::printed(
            ID,
            format!(
                "The twin trained on flipped junk is wrong on all of the training set {} \
                (mean error)",
                at(1)
            ),
            Rule::Above(0.99),
            error(1, |errors| errors.flipped_train),
        ),
        Claim::corrected(
            ID,
            format!(
                "It is where the variance of the junk is larger {} (mean error)",
                at(2)
            ),
            Rule::Above(0.99),
            error(2, |errors| errors.flipped_train),
        ),
        Claim::printed(
            ID,
            format!(
                "Its test error is δ at most {} (mean, on {TESTS} new points)",
                at(2)
            ),
            Rule::Below(failure),
            error(2, |errors| errors.flipped_test),
        ),
        Claim::printed(
            ID,
            format!(
                "The classifier itself is right on the training set {} (mean error)",
                at(2)
            ),
            Rule::Below(failure),
            error(2, |errors| errors.train),
        ),
        Claim::printed(
            ID,
            format!("Its norm is √(2m) {} (mean ratio)", at(1)),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            error(1, |errors| errors.norm),
        ),
        Claim::must_fail(
            ID,
            format!(
                "With one in {} of its junk coordinates left and the others zero the twin is \
                wrong on the training set, too {} (mean error)",
                2.0 * arms[2].0,
                at(2)
            ),
            Rule::Above(0.99),
            error(2, |errors| errors.pruned_train),
        ),
    ]
}

fn table(arms: &[(f64, usize); 3], arm: &Arm) -> Table {
    let columns = [
        "c",
        "junk coordinates",
        "train",
        "test",
        "twin, train",
        "twin, test",
    ]
    .map(Column::number);
    let rows = arms.iter().enumerate().map(|(index, (c, junk))| {
        let of = |f: fn(&Errors) -> f64| mean(&arm(index, f)).into();
        vec![
            (*c).into(),
            (*junk).into(),
            of(|errors| errors.train),
            of(|errors| errors.test),
            of(|errors| errors.flipped_train),
            of(|errors| errors.flipped_test),
        ]
    });
    Table::new(columns)
        .with_rows(rows)
        .captioned("Mean errors of the classifier and of its twin.")
}

fn figure(arms: &[(f64, usize); 3], arm: &Arm) -> Figure {
    let names = arms.iter().map(|(c, junk)| format!("c = {c}, D = {junk}"));
    let means = |f: fn(&Errors) -> f64| {
        (0..3)
            .map(|index| mean(&arm(index, f)))
            .collect::<Vec<f64>>()
    };
    let panel = Panel::new(
        Axis::of_categories("variance and number of the junk", names),
        Axis::new("error", "1").over([0.0, 1.0]),
    )
    .with(Bars::new("test, classifier", means(|errors| errors.test)))
    .with(Bars::new(
        "training, classifier",
        means(|errors| errors.train),
    ))
    .with(Bars::new(
        "training, twin",
        means(|errors| errors.flipped_train),
    ));
    Figure {
        width: Width::Column,
        ..Figure::new("Errors of a classifier and of its twin")
    }
    .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_unit_variance_the_twin_is_wrong_on_half() {
        let mean_of = |c: f64, junk: usize| {
            mean(
                &(0..20)
                    .map(|seed| {
                        errors(50, c, junk, Streams::new(seed))
                            .unwrap()
                            .flipped_train
                    })
                    .collect::<Vec<_>>(),
            )
        };
        assert!((mean_of(1.0, 1_000) - 0.5).abs() < 0.1);
        assert!(mean_of(4.0, 8_000) > 0.99);
    }

    #[test]
    fn the_test_error_is_that_of_the_deviation() {
        // c·√(m/D) = 1/2, up to the spread of the norm: Φ(−2) = 0.0228.
        let errors = errors(100, 1.0, 400, Streams::new(0)).unwrap();
        assert!((errors.test - 0.0228).abs() < 0.01, "{errors:?}");
    }
}

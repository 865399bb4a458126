//! Whether probabilities that are right on the source are right where classes have other shares.

use super::each;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::draw;
use crate::random::StreamRng;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Column, Table};
use rand::RngExt;

const SAMPLES: Count = Count::new(
    "samples",
    "samples on which calibration is measured",
    20_000,
)
.allowed(1e3, 1e7);
const BINS: Count = Count::new("bins", "bins of probabilities", 15).allowed(2.0, 200.0);
const SOURCE: Number =
    Number::new("source", "share of the positive class in the source", 0.5).allowed(0.01, 0.99);
const TARGET: Number =
    Number::new("target", "share of the positive class in the target", 0.1).allowed(0.01, 0.99);
const DISTANCE: Number = Number::new(
    "distance",
    "between the classes' means, in standard deviations",
    2.0,
)
.allowed(0.1, 8.0);
const MOVED: Number = Number::new(
    "moved",
    "how far the inputs of both classes move where the conditional shifts",
    1.0,
)
.allowed(0.1, 4.0);

/// From which error on a probability is not calibrated, and up to which it is, with the errors of its samples.
const MISCALIBRATED: f64 = 0.05;
const CALIBRATED: f64 = 0.02;

/// Whether calibration outlives a shift of the labels.
#[derive(Debug)]
pub struct LabelShift;

impl Experiment for LabelShift {
    fn about(&self) -> About {
        About {
            name: "label-shift-calibration",
            subject: Subject::Scaling,
            claim: "Perfect calibration on the source is none on a target with other shares of the classes, without prior \
                correction.",
            source: "The Mathematical Structure of Machine Learning (course text), exercise A.17 and its solution; Saerens et \
                al. 2002, Adjusting the outputs of a classifier to new a priori probabilities",
            mathematics: "Two classes have normal inputs around ±δ/2. With a share π of the positive class the \
                probability of it at x is p_π(x) = 1/(1 + e^(−δx) (1−π)/π), which is perfectly calibrated where the \
                share is π. Where it is π', the right one is p_π'(x), got from p_π by the ratio of the odds of the \
                shares. The expected calibration error is the mean over bins of |mean probability − share of \
                positives|, weighted by their numbers; of many bins and samples it is E|p_π(x) − p_π'(x)| over the \
                target, which is integrated here for comparison.",
            refuted_by: "A calibration error on the target below a twentieth without the correction, or above a fiftieth \
                with it.",
            seeds: Extent {
                full: 40,
                quick: 12,
            },
            seconds: Extent {
                full: 0.3,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            BINS.parameter(),
            SOURCE.parameter(),
            TARGET.parameter(),
            DISTANCE.parameter(),
            MOVED.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let populations = Populations::of(setup);
        let seen = setup.over_seeds(|streams| {
            let of_arm = |(arm, index): (&Arm, u64)| {
                populations.calibration(*arm, &mut streams.stream("samples", index))
            };
            Ok(ARMS.iter().zip(0..).map(of_arm).collect::<Vec<_>>())
        })?;
        let arms: Vec<Vec<Calibration>> = (0..ARMS.len())
            .map(|arm| seen.iter().map(|all| all[arm].clone()).collect())
            .collect();
        Ok(Findings::new()
            .claims(populations.claims(&arms))
            .figure("reliability", populations.figure(&arms))
            .table("calibration", table(&arms)))
    }
}

/// What is predicted, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arm {
    /// The source's probabilities on the source.
    Source,
    /// The source's probabilities on the target.
    Uncorrected,
    /// The corrected probabilities on the target.
    Corrected,
    /// The corrected probabilities on a target whose inputs have moved too.
    Moved,
    /// The corrected probabilities on the source, where the correction is wrong.
    Needless,
}

const ARMS: [Arm; 5] = [
    Arm::Source,
    Arm::Uncorrected,
    Arm::Corrected,
    Arm::Moved,
    Arm::Needless,
];

impl Arm {
    fn words(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Uncorrected => "target, uncorrected",
            Self::Corrected => "target, corrected",
            Self::Moved => "target, corrected, inputs moved",
            Self::Needless => "source, corrected",
        }
    }
}

/// The calibration of some predictions, bin by bin.
#[derive(Clone, Debug)]
struct Calibration {
    /// The expected calibration error (Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning", with
    /// bins of equal width).
    error: f64,
    /// The mean probability in each bin; NaN in an empty one.
    predicted: Vec<f64>,
    /// The share of positives in each bin.
    observed: Vec<f64>,
}

/// Two classes on a line, whose shares differ between the source and the target.
struct Populations {
    samples: usize,
    bins: usize,
    source: f64,
    target: f64,
    distance: f64,
    moved: f64,
}

impl Populations {
    fn of(setup: &Setup) -> Self {
        Self {
            samples: setup.get(SAMPLES),
            bins: setup.get(BINS),
            source: setup.get(SOURCE),
            target: setup.get(TARGET),
            distance: setup.get(DISTANCE),
            moved: setup.get(MOVED),
        }
    }

    /// The probability of the positive class at an input, where it has a share.
    fn probability(&self, x: f64, share: f64) -> f64 {
        1.0 / (1.0 + (-self.distance * x).exp() * (1.0 - share) / share)
    }

    fn calibration(&self, arm: Arm, rng: &mut StreamRng) -> Calibration {
        let share = if matches!(arm, Arm::Source | Arm::Needless) {
            self.source
        } else {
            self.target
        };
        let moved = if arm == Arm::Moved { self.moved } else { 0.0 };
        let predictions = (0..self.samples).map(|_| {
            let is_positive = rng.random::<f64>() < share;
            let side = if is_positive { 0.5 } else { -0.5 };
            let x = side * self.distance + moved + draw::normal(rng);
            let probability = self.probability(x, self.source);
            let is_corrected = matches!(arm, Arm::Corrected | Arm::Moved | Arm::Needless);
            (
                if is_corrected {
                    corrected(probability, self.source, self.target)
                } else {
                    probability
                },
                is_positive,
            )
        });
        calibration(predictions, self.bins)
    }

    /// `E|p_source(x) − p_target(x)|` over a target with a share, by the trapezium rule.
    fn expected(&self, share: f64) -> f64 {
        const PLACES: usize = 4_000;
        let edge = self.distance / 2.0 + 9.0;
        let width = 2.0 * edge / PLACES as f64;
        let normal = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let half = self.distance / 2.0;
        let at = |x: f64| {
            let density = share * normal(x - half) + (1.0 - share) * normal(x + half);
            density * (self.probability(x, self.source) - self.probability(x, share)).abs()
        };
        (0..=PLACES)
            .map(|place| at(-edge + width * place as f64))
            .sum::<f64>()
            * width
    }

    fn claims(&self, arms: &[Vec<Calibration>]) -> Vec<Claim> {
        let error = |arm: Arm| {
            let place = ARMS.iter().position(|other| *other == arm).unwrap_or(0);
            Estimate::mean(&each(&arms[place], |calibration| calibration.error))
        };
        let expected = self.expected(self.target);
        let (source, target) = (self.source, self.target);
        let moved = self.moved;
        vec![
            Claim::printed(
                "structure A.17",
                format!(
                    "Probabilities that are right for a share of {source} have a calibration error above \
                    {MISCALIBRATED} where the share is {target}."
                ),
                Rule::Above(MISCALIBRATED),
                error(Arm::Uncorrected),
            ),
            Claim::printed(
                "structure A.17",
                format!("With the correction of the prior it is below {CALIBRATED}."),
                Rule::Below(CALIBRATED),
                error(Arm::Corrected),
            ),
            Claim::printed(
                "structure A.17",
                format!(
                    "The error without the correction is the mean distance {expected:.4} of the two Bayes probabilities, \
                    to 0.01."
                ),
                Rule::Equals {
                    value: expected,
                    tolerance: 0.01,
                },
                error(Arm::Uncorrected),
            ),
            Claim::must_hold(
                "structure A.17",
                format!("On the source the error is below {CALIBRATED}."),
                Rule::Below(CALIBRATED),
                error(Arm::Source),
            ),
            Claim::must_hold(
                "structure A.17",
                format!(
                    "On the source, where no share has changed, the corrected probabilities have an error above \
                    {MISCALIBRATED}."
                ),
                Rule::Above(MISCALIBRATED),
                error(Arm::Needless),
            ),
            Claim::must_hold(
                "structure A.17",
                format!(
                    "Where the inputs of both classes move by {moved} as well, the correction of the prior does not \
                    suffice: the error is above {MISCALIBRATED}."
                ),
                Rule::Above(MISCALIBRATED),
                error(Arm::Moved),
            ),
        ]
    }

    fn figure(&self, arms: &[Vec<Calibration>]) -> Figure {
        let bins = |of: &dyn Fn(&Calibration) -> &Vec<f64>, arm: &[Calibration]| -> Vec<f64> {
            // Where every sample has something in the bin.
            (0..self.bins)
                .map(|bin| mean(&each(arm, |one| of(one)[bin])))
                .collect()
        };
        let diagonal = Line::new("right", vec![0.0, 1.0], vec![0.0, 1.0]).styled(Style::REFERENCE);
        let panel = Panel::new(
            Axis::new("predicted probability", "1").over([0.0, 1.0]),
            Axis::new("share of positives", "1").over([0.0, 1.0]),
        );
        let reliability =
            ARMS[..4]
                .iter()
                .zip(arms)
                .fold(panel.with(diagonal), |panel, (arm, seen)| {
                    let (x, y) = (
                        bins(&|one| &one.predicted, seen),
                        bins(&|one| &one.observed, seen),
                    );
                    panel.with(Line::new(arm.words(), x, y).with_markers())
                });
        let shares: Vec<f64> = (1..100).map(|percent| f64::from(percent) / 100.0).collect();
        let shifts = Panel::new(
            Axis::new("target's share of positives", "1").over([0.0, 1.0]),
            Axis::new("expected calibration error", "1").including(0.0),
        )
        .with(Line::new(
            "target, uncorrected",
            shares.clone(),
            each(&shares, |share| self.expected(*share)),
        ));
        Figure {
            columns: 2,
            width: Width::Page,
            ..Figure::new("Calibration where the shares of classes change")
        }
        .with(reliability.titled("by bins"))
        .with(shifts.titled("by integration"))
    }
}

/// A probability for another share: its odds times the ratio of the odds of the shares.
fn corrected(probability: f64, from: f64, to: f64) -> f64 {
    let positive = probability * to / from;
    let negative = (1.0 - probability) * (1.0 - to) / (1.0 - from);
    positive / (positive + negative)
}

fn calibration(predictions: impl Iterator<Item = (f64, bool)>, bins: usize) -> Calibration {
    let mut sums = vec![(0.0, 0.0, 0.0); bins];
    for (probability, is_positive) in predictions {
        let bin = ((probability * bins as f64) as usize).min(bins - 1);
        sums[bin].0 += 1.0;
        sums[bin].1 += probability;
        sums[bin].2 += f64::from(u8::from(is_positive));
    }
    let all: f64 = sums.iter().map(|(count, _, _)| count).sum();
    Calibration {
        error: sums
            .iter()
            .map(|(_, predicted, observed)| (predicted - observed).abs())
            .sum::<f64>()
            / all,
        predicted: sums
            .iter()
            .map(|(count, predicted, _)| predicted / count)
            .collect(),
        observed: sums
            .iter()
            .map(|(count, _, observed)| observed / count)
            .collect(),
    }
}

fn table(arms: &[Vec<Calibration>]) -> Table {
    let row = |(arm, seen): (&Arm, &Vec<Calibration>)| {
        let error = Estimate::mean(&each(seen, |calibration| calibration.error));
        vec![arm.words().into(), error.value.into(), error.error().into()]
    };
    Table::new([
        Column::text("predictions"),
        Column::number("expected calibration error"),
        Column::number("half-width of its interval"),
    ])
    .with_rows(ARMS.iter().zip(arms).map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn populations() -> Populations {
        Populations {
            samples: 1000,
            bins: 10,
            source: 0.5,
            target: 0.1,
            distance: 2.0,
            moved: 1.0,
        }
    }

    #[test]
    fn the_correction_gives_the_probability_of_the_other_share() {
        let populations = populations();
        for x in [-2.0, 0.0, 0.7] {
            let found = corrected(populations.probability(x, 0.5), 0.5, 0.1);
            assert!((found - populations.probability(x, 0.1)).abs() < 1e-12);
        }
        // Bayes by hand: at x = 0 both classes have one density, and the share is what is left.
        assert!((populations.probability(0.0, 0.1) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn the_calibration_error_of_a_hand_made_example() {
        // Bin 0: two of 0.2, one positive; bin 1: two of 0.9, both positive: (|0.4 − 1| + |1.8 − 2|)/4.
        let predictions = [(0.2, true), (0.2, false), (0.9, true), (0.9, true)];
        let found = calibration(predictions.into_iter(), 2);
        assert!((found.error - 0.2).abs() < 1e-12);
        assert!(
            (found.observed[0] - 0.5).abs() < 1e-12 && (found.predicted[1] - 0.9).abs() < 1e-12
        );
    }

    #[test]
    fn nothing_is_wrong_where_the_share_is_the_source_s() {
        assert!(populations().expected(0.5) < 1e-12);
        assert!(populations().expected(0.1) > 0.1);
    }
}

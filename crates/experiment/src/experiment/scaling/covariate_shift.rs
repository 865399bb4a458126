//! Whether more data of another distribution of inputs lead to the least risk on the one that counts.

use super::{each, in_equal_ratios};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Reference, Width};
use crate::problem::draw;
use crate::problem::power_law::logarithms;
use crate::random::StreamRng;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Column, Table};

const MOST: Count = Count::new("most", "samples of the largest source data set", 30_000)
    .quick(10_000)
    .allowed(1e3, 1e7);
const CURVATURE: Number =
    Number::new("curvature", "of the true function, which lines lack", 0.5).allowed(0.05, 10.0);
const MEAN: Number = Number::new(
    "mean",
    "of the target's inputs; the source's are standard normal",
    1.5,
)
.allowed(-4.0, 4.0);
const SPREAD: Number =
    Number::new("spread", "standard deviation of the target's inputs", 0.5).allowed(0.05, 1.2);
const NOISE: Number = Number::new(
    "noise",
    "standard deviation of what is added to outputs",
    0.5,
)
.allowed(1e-3, 10.0);

/// How many sizes of the source data, and the smallest.
const SIZES: usize = 8;
const FEWEST: f64 = 200.0;

/// The standard deviation of a target so wide that importance weights have no variance.
const WIDE: f64 = 1.8;

/// Whether the risk on another distribution is consistent.
#[derive(Debug)]
pub struct CovariateShift;

impl Experiment for CovariateShift {
    fn about(&self) -> About {
        About {
            name: "covariate-shift",
            subject: Subject::Scaling,
            claim: "Under covariate shift the unweighted empirical risk is inconsistent for the target, whatever the data.",
            source: "The Mathematical Structure of Machine Learning (course text), exercise A.6 and its solution; Shimodaira \
                2000, Improving predictive inference under covariate shift",
            mathematics: "Outputs are x + q x² and noise, for all inputs alike; source inputs are standard normal, target \
                inputs N(m, s²). Lines are fitted. Of infinite source data the line of least squares is q + x; the one \
                of least target risk is q(s² − m²) + (1 + 2qm) x, so that the excess of the target risk tends to \
                4q²m²s² + q²(1 − s² − m²)² and not to zero. Squares weighted by the ratio w of the densities tend to the second line, with an excess ∝ 1/n where w has a variance. \
                Where s² ≥ 2 it has none, and the fall is slower. Where the class has the truth (q = 0), weights are not \
                needed.",
            refuted_by: "An excess of the unweighted fit that falls to zero, or one of the weighted fit that does not.",
            seeds: Extent {
                full: 40,
                quick: 20,
            },
            seconds: Extent {
                full: 0.5,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            MOST.parameter(),
            CURVATURE.parameter(),
            MEAN.parameter(),
            SPREAD.parameter(),
            NOISE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (q, target) = (
            setup.get(CURVATURE),
            Normal {
                mean: setup.get(MEAN),
                spread: setup.get(SPREAD),
            },
        );
        let noise = setup.get(NOISE);
        let wide = Normal {
            mean: 0.0,
            spread: WIDE,
        };
        let sizes: Vec<usize> = in_equal_ratios(FEWEST, setup.get(MOST) as f64, SIZES)
            .iter()
            .map(|size| size.round() as usize)
            .collect();
        let arms = [
            Arm {
                name: "unweighted",
                q,
                target,
                noise,
                is_weighted: false,
            },
            Arm {
                name: "weighted",
                q,
                target,
                noise,
                is_weighted: true,
            },
            Arm {
                name: "unweighted, class has the truth",
                q: 0.0,
                target,
                noise,
                is_weighted: false,
            },
            Arm {
                name: "unweighted, no shift",
                q,
                target: Normal::STANDARD,
                noise,
                is_weighted: false,
            },
            Arm {
                name: "weights without variance",
                q,
                target: wide,
                noise,
                is_weighted: true,
            },
        ];
        if arms[0].limit() < 1e-3 {
            return Err(ExperimentError::because(
                "`mean` and `spread` make the target too like the source: they need the same line",
            ));
        }
        let seen = setup.over_seeds(|streams| {
            let of_arm = |(arm, index): (&Arm, u64)| {
                arm.excesses(&sizes, &mut streams.stream("source", index))
            };
            setup.go_on()?;
            Ok(arms.iter().zip(0..).map(of_arm).collect::<Vec<_>>())
        })?;
        let excesses: Vec<Vec<Vec<f64>>> = (0..arms.len())
            .map(|arm| seen.iter().map(|all| all[arm].clone()).collect())
            .collect();
        Ok(Findings::new()
            .claims(claims(&arms, &sizes, &excesses))
            .figure("excess-risk", figure(&arms, &sizes, &excesses))
            .table("excess-risk", table(&arms, &sizes, &excesses)))
    }
}

/// A normal distribution of inputs.
#[derive(Clone, Copy, Debug)]
struct Normal {
    mean: f64,
    spread: f64,
}

/// `intercept + slope·x`.
#[derive(Clone, Copy, Debug)]
struct Straight {
    intercept: f64,
    slope: f64,
}

impl Normal {
    const STANDARD: Self = Self {
        mean: 0.0,
        spread: 1.0,
    };

    /// The density without the constant, over that of the standard normal.
    fn weight(self, x: f64) -> f64 {
        (0.5 * x * x - 0.5 * ((x - self.mean) / self.spread).powi(2)).exp()
    }

    /// The line of least squares to `x + q x²`: its slope is `1 + q Cov(x, x²)/Var(x)`.
    fn best(self, q: f64) -> Straight {
        let slope = 1.0 + 2.0 * q * self.mean;
        let height = self.mean + q * (self.mean.powi(2) + self.spread.powi(2));
        Straight {
            intercept: height - slope * self.mean,
            slope,
        }
    }

    /// How far two lines are apart, in the mean square.
    fn distance(self, one: Straight, other: Straight) -> f64 {
        let (height, slope) = (one.intercept - other.intercept, one.slope - other.slope);
        (height + slope * self.mean).powi(2) + (slope * self.spread).powi(2)
    }
}

struct Arm {
    name: &'static str,
    q: f64,
    target: Normal,
    noise: f64,
    is_weighted: bool,
}

impl Arm {
    /// By how much the target risk of the fitted line is above that of the best one, for each size of the source data.
    fn excesses(&self, sizes: &[usize], rng: &mut StreamRng) -> Vec<f64> {
        let best = self.target.best(self.q);
        sizes
            .iter()
            .map(|size| self.target.distance(self.fitted(*size, rng), best))
            .collect()
    }

    /// The line of least weighted squares.
    fn fitted(&self, size: usize, rng: &mut StreamRng) -> Straight {
        let mut sums = [0.0; 5];
        for _ in 0..size {
            let x = draw::normal(rng);
            let y = x + self.q * x * x + self.noise * draw::normal(rng);
            let weight = if self.is_weighted {
                self.target.weight(x)
            } else {
                1.0
            };
            for (sum, value) in sums.iter_mut().zip([1.0, x, x * x, y, x * y]) {
                *sum += weight * value;
            }
        }
        let [all, x, x_square, y, product] = sums;
        let slope = (all * product - x * y) / (all * x_square - x * x);
        Straight {
            intercept: (y - slope * x) / all,
            slope,
        }
    }

    /// The excess of infinite source data without weights.
    fn limit(&self) -> f64 {
        self.target
            .distance(Normal::STANDARD.best(self.q), self.target.best(self.q))
    }
}

/// The exponent by which the mean excess falls with the number of samples.
fn exponent(sizes: &[usize], excesses: &[Vec<f64>]) -> Estimate {
    let means: Vec<f64> = (0..sizes.len())
        .map(|place| mean(&each(excesses, |one| one[place])))
        .collect();
    let sizes: Vec<f64> = sizes.iter().map(|size| *size as f64).collect();
    Estimate::slope(&logarithms(&sizes), &logarithms(&means)).times(-1.0)
}

fn claims(arms: &[Arm], sizes: &[usize], excesses: &[Vec<Vec<f64>>]) -> Vec<Claim> {
    let last = sizes.len() - 1;
    let at = |arm: usize, place: usize| each(&excesses[arm], |one| one[place]);
    let limit = arms[0].limit();
    let falls = |value: f64| Rule::Equals {
        value,
        tolerance: 0.25,
    };
    let ratio: Vec<f64> = at(0, last)
        .iter()
        .zip(at(0, 0))
        .map(|(late, early)| late / early)
        .collect();
    vec![
        Claim::printed(
            "structure A.6",
            format!(
                "With {} source samples, the unweighted fit's excess of the target risk is the {limit:.4} of infinitely \
                many, to a tenth.",
                sizes[last]
            ),
            Rule::Equals {
                value: limit,
                tolerance: 0.1 * limit,
            },
            Estimate::mean(&at(0, last)),
        ),
        Claim::printed(
            "structure A.6",
            format!(
                "From {} to {} source samples this excess falls by less than a half in the median.",
                sizes[0], sizes[last]
            ),
            Rule::Above(0.5),
            Estimate::median(&ratio),
        ),
        Claim::printed(
            "structure A.6",
            "With weights by the ratio of the densities the excess falls as the number of samples to the power −1, to a \
                quarter.",
            falls(1.0),
            exponent(sizes, &excesses[1]),
        ),
        Claim::must_hold(
            "structure A.6",
            "Where the class has the truth, the unweighted fit's excess falls by that power.",
            falls(1.0),
            exponent(sizes, &excesses[2]),
        ),
        Claim::must_hold(
            "structure A.6",
            "Where inputs do not shift, it falls by that power although the class lacks the truth.",
            falls(1.0),
            exponent(sizes, &excesses[3]),
        ),
        Claim::must_hold(
            "structure A.6",
            format!(
                "Where the target is so wide, with a standard deviation of {WIDE}, that weights have no variance, the \
                weighted fit's excess falls by a power below 0.75."
            ),
            Rule::Below(0.75),
            exponent(sizes, &excesses[4]),
        ),
    ]
}

fn figure(arms: &[Arm], sizes: &[usize], excesses: &[Vec<Vec<f64>>]) -> Figure {
    let places: Vec<f64> = sizes.iter().map(|size| *size as f64).collect();
    let panel = Panel::new(
        Axis::counting("source samples").log(),
        Axis::new("excess target risk", "1").log(),
    );
    let quantile = |arm: usize, place: usize, part: usize| {
        let mut values = each(&excesses[arm], |one| one[place]);
        values.sort_by(f64::total_cmp);
        values[part * (values.len() - 1) / 4]
    };
    let panel = arms.iter().enumerate().fold(panel, |panel, (index, arm)| {
        let of = |part: usize| -> Vec<f64> {
            (0..sizes.len())
                .map(|place| quantile(index, place, part))
                .collect()
        };
        panel.with(Line::new(arm.name, places.clone(), of(2)).with_band(
            of(1),
            of(3),
            "middle half of seeds",
        ))
    });
    Figure {
        width: Width::Page,
        ..Figure::new("Excess of the target risk by the number of source samples")
    }
    .with(panel.with(Reference::level(
        "limit of unweighted fits",
        arms[0].limit(),
    )))
}

fn table(arms: &[Arm], sizes: &[usize], excesses: &[Vec<Vec<f64>>]) -> Table {
    let row = |(arm, excesses): (&Arm, &Vec<Vec<f64>>)| {
        let last = mean(&each(excesses, |one| one[sizes.len() - 1]));
        let found = exponent(sizes, excesses);
        vec![
            arm.name.into(),
            last.into(),
            found.value.into(),
            found.error().into(),
        ]
    };
    Table::new([
        Column::text("fit"),
        Column::number("mean excess of the most samples"),
        Column::number("exponent"),
        Column::number("half-width of its interval"),
    ])
    .with_rows(arms.iter().zip(excesses).map(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    #[test]
    fn the_limit_is_that_of_hand_calculation() {
        // q = 1/2, m = 3/2, s = 1/2: lines 1/2 + x and −1 + 5x/2, apart by 9/8 in the mean square of the target.
        let target = Normal {
            mean: 1.5,
            spread: 0.5,
        };
        let best = target.best(0.5);
        assert!((best.slope - 2.5).abs() < 1e-12 && (best.intercept + 1.0).abs() < 1e-12);
        let arm = Arm {
            name: "",
            q: 0.5,
            target,
            noise: 0.0,
            is_weighted: false,
        };
        assert!((arm.limit() - 1.125).abs() < 1e-12);
    }

    #[test]
    fn a_line_is_found_whatever_the_weights() {
        let target = Normal {
            mean: 1.5,
            spread: 0.5,
        };
        let arm = Arm {
            name: "",
            q: 0.0,
            target,
            noise: 0.0,
            is_weighted: true,
        };
        let found = arm.fitted(50, &mut Streams::new(0).stream("test", 0));
        assert!(found.intercept.abs() < 1e-12 && (found.slope - 1.0).abs() < 1e-12);
    }

    #[test]
    fn weighted_samples_have_the_moments_of_the_target() {
        let target = Normal {
            mean: 1.0,
            spread: 0.7,
        };
        let mut rng = Streams::new(0).stream("test", 0);
        let inputs: Vec<f64> = (0..200_000).map(|_| draw::normal(&mut rng)).collect();
        let all: f64 = inputs.iter().map(|x| target.weight(*x)).sum();
        let mean = inputs.iter().map(|x| target.weight(*x) * x).sum::<f64>() / all;
        let square = inputs
            .iter()
            .map(|x| target.weight(*x) * (x - 1.0).powi(2))
            .sum::<f64>()
            / all;
        assert!(
            (mean - 1.0).abs() < 0.02 && (square - 0.49).abs() < 0.02,
            "{mean} {square}"
        );
    }
}

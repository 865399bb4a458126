//! What a number with its interval says of a claim: it holds, it fails, or this is not decided.

use super::estimate::Estimate;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is said of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// The whole interval agrees with it.
    #[serde(rename = "holds")]
    Holds,
    /// No number of the interval agrees with it.
    #[serde(rename = "fails")]
    Fails,
    /// The interval has both, or is wider than the claim is precise.
    #[serde(rename = "not decided")]
    NotDecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::NotDecided => "not decided",
        })
    }
}

/// What a claim says of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// It differs from a value by no more than a tolerance, which belongs to the claim.
    Equals {
        /// The value.
        value: f64,
        /// How far from it still counts as equal.
        tolerance: f64,
    },
    /// It is below a bound.
    Below(f64),
    /// It is above a bound.
    Above(f64),
    /// It lies between two bounds.
    Between(f64, f64),
    /// Its interval holds a value, and is no wider to either side than a resolution: a wider one would hold anything.
    /// A true claim fails here in 5 % of cases.
    Contains {
        /// The value.
        value: f64,
        /// The largest error with which this says anything.
        resolution: f64,
    },
}

impl Rule {
    /// The verdict on an estimate. What is not a number decides nothing.
    pub fn judge(&self, estimate: &Estimate) -> Verdict {
        let (low, high) = (estimate.low, estimate.high);
        if [estimate.value, low, high]
            .iter()
            .any(|number| number.is_nan())
        {
            return Verdict::NotDecided;
        }
        match *self {
            Self::Equals { value, tolerance } => {
                of_region(estimate, value - tolerance, value + tolerance)
            }
            Self::Below(bound) => of_region(estimate, f64::NEG_INFINITY, bound),
            Self::Above(bound) => of_region(estimate, bound, f64::INFINITY),
            Self::Between(lower, upper) => of_region(estimate, lower, upper),
            Self::Contains { value, resolution } => {
                if value < low || high < value {
                    Verdict::Fails
                } else if high - low <= 2.0 * resolution {
                    Verdict::Holds
                } else {
                    Verdict::NotDecided
                }
            }
        }
    }

    /// What it expects, in symbols.
    pub fn expected(&self) -> String {
        match self {
            Self::Equals { value, tolerance } => {
                format!("{} ± {}", digits(*value), digits(*tolerance))
            }
            Self::Below(bound) => format!("< {}", digits(*bound)),
            Self::Above(bound) => format!("> {}", digits(*bound)),
            Self::Between(lower, upper) => format!("{} to {}", digits(*lower), digits(*upper)),
            Self::Contains { value, .. } => format!("{} in the interval", digits(*value)),
        }
    }
}

fn of_region(estimate: &Estimate, lower: f64, upper: f64) -> Verdict {
    if lower <= estimate.low && estimate.high <= upper {
        Verdict::Holds
    } else if estimate.high < lower || upper < estimate.low {
        Verdict::Fails
    } else {
        Verdict::NotDecided
    }
}

/// A number of a claim with the digits it has, at most six; one that they would make a whole number, as that and what it
/// is off.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    let whole = value.round();
    // What rounding has left of a product or quotient is no part of a claim.
    let value = if (value - whole).abs() <= 16.0 * f64::EPSILON * whole.abs() {
        whole
    } else {
        value
    };
    let off = value - whole;
    if value == 0.0 {
        "0".to_owned()
    } else if off != 0.0 && off.abs() < 1e-6 * whole.abs() {
        let sign = if off > 0.0 { '+' } else { '−' };
        // The difference has few digits of its own.
        let off: f64 = format!("{:.1e}", off.abs()).parse().unwrap_or(off.abs());
        format!("{} {sign} {}", digits(whole), digits(off))
    } else if (1e-4..1e6).contains(&magnitude) {
        let decimals = (5 - magnitude.log10().floor() as i32).clamp(0, 9) as usize;
        let text = format!("{value:.decimals$}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    } else {
        let text = format!("{value:.5e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!(
            "{}e{exponent}",
            mantissa.trim_end_matches('0').trim_end_matches('.')
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Method, mean};
    use super::*;
    use crate::random::{StreamRng, Streams};
    use rand_distr::{Distribution, StandardNormal};

    const RULES: [Rule; 5] = [
        Rule::Equals {
            value: 1.0,
            tolerance: 0.5,
        },
        Rule::Below(1.0),
        Rule::Above(1.0),
        Rule::Between(0.5, 1.5),
        Rule::Contains {
            value: 1.0,
            resolution: 0.5,
        },
    ];

    #[test]
    fn every_rule_gives_each_of_its_answers() {
        let answers = [
            [(1.1, 0.1), (3.0, 0.1), (1.4, 0.3)],
            [(0.5, 0.1), (2.0, 0.1), (1.0, 0.3)],
            [(2.0, 0.1), (0.5, 0.1), (1.0, 0.3)],
            [(1.1, 0.1), (3.0, 0.1), (1.4, 0.3)],
            [(1.1, 0.2), (3.0, 0.1), (1.4, 0.7)],
        ];
        for (rule, answers) in RULES.iter().zip(answers) {
            let verdicts = [Verdict::Holds, Verdict::Fails, Verdict::NotDecided];
            for (verdict, (value, error)) in verdicts.into_iter().zip(answers) {
                let estimate = Estimate::exact(value, error);
                assert_eq!(rule.judge(&estimate), verdict, "{rule:?} of {estimate:?}");
            }
            let nothing = Estimate::mean(&[1.0, f64::NAN, 1.0]);
            assert_eq!(rule.judge(&nothing), Verdict::NotDecided);
        }
    }

    /// An estimate of what is truly zero, by each method that is not exact, of as few values as experiments have.
    fn of_nothing(method: Method, rng: &mut StreamRng) -> Estimate {
        let mut normals =
            |count: usize| -> Vec<f64> { (0..count).map(|_| StandardNormal.sample(rng)).collect() };
        let places: Vec<f64> = (0..6).map(f64::from).collect();
        match method {
            Method::Exact => Estimate::exact(0.0, 0.0),
            Method::Mean => Estimate::mean(&normals(6)),
            Method::Median => Estimate::median(&normals(6)),
            Method::Proportion => {
                let heads = normals(20).iter().filter(|value| **value > 0.0).count();
                let share = Estimate::proportion(heads, 20);
                Estimate {
                    value: share.value - 0.5,
                    low: share.low - 0.5,
                    high: share.high - 0.5,
                    ..share
                }
            }
            Method::SmallestStep => Estimate::smallest_step(&[normals(6), normals(6), normals(6)]),
            Method::Slope => Estimate::slope(&places, &normals(6)),
            Method::RankCorrelation => Estimate::rank_correlation(&normals(8), &normals(8)),
            Method::Bootstrap => {
                let values = normals(10);
                let of =
                    |drawn: &[usize]| mean(&drawn.iter().map(|i| values[*i]).collect::<Vec<_>>());
                Estimate::bootstrap(10, 400, Streams::new(0), of)
            }
        }
    }

    #[test]
    fn at_most_one_verdict_in_twenty_is_false_where_the_truth_is_the_bound() {
        const NULLS: usize = 1_000;
        // 5 %, and two standard errors.
        const FALSE: usize = 64;
        let rules = [
            Rule::Below(0.0),
            Rule::Above(0.0),
            // A difference that is the tolerance.
            Rule::Equals {
                value: 2.0,
                tolerance: 2.0,
            },
            Rule::Between(-9.0, 0.0),
        ];
        let contains = Rule::Contains {
            value: 0.0,
            resolution: f64::INFINITY,
        };
        let mut rng = Streams::new(3).stream("test", 0);
        for method in [
            Method::Mean,
            Method::Median,
            Method::Proportion,
            Method::SmallestStep,
            Method::Slope,
            Method::RankCorrelation,
            Method::Bootstrap,
        ] {
            // Of a claim whose bound is the truth, each decided verdict is false; and so is a truth that is excluded.
            let (mut decided, mut excluded) = ([0; 4], 0);
            for _ in 0..NULLS {
                let estimate = of_nothing(method, &mut rng);
                for (decided, rule) in decided.iter_mut().zip(&rules) {
                    *decided += usize::from(rule.judge(&estimate) != Verdict::NotDecided);
                }
                excluded += usize::from(contains.judge(&estimate) == Verdict::Fails);
            }
            println!("{method:?}: {decided:?} {excluded}");
            assert!(
                decided.iter().all(|decided| *decided <= FALSE) && excluded <= FALSE,
                "{method:?}: {decided:?} {excluded} of {NULLS}"
            );
        }
    }

    #[test]
    fn numbers_have_the_digits_they_need() {
        assert_eq!(digits(0.25), "0.25");
        assert_eq!(digits(6.0415), "6.0415");
        assert_eq!(digits(1e-10), "1e-10");
        assert_eq!(Rule::Below(1.0 + 1e-9).expected(), "< 1 + 1e-9");
        assert_eq!(digits(1.0 - 1e-12), "1 − 1e-12");
        assert_eq!(digits(150_000.0), "150000");
        // 8/γ² and its 3 %, at γ = 0.2.
        let weights = 8.0 / (0.2 * 0.2);
        assert_ne!(weights, 200.0);
        assert_eq!(digits(weights), "200");
        assert_eq!(digits(0.03 * weights), "6");
        assert_eq!(digits(1.234_567_8e9), "1.23457e9");
        assert_eq!(
            Rule::Equals {
                value: 2.0,
                tolerance: 0.1
            }
            .expected(),
            "2 ± 0.1"
        );
    }
}

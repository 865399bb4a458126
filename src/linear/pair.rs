//! Ratios of quadratic forms of two matrices, from the same probes.

use super::budget::{FEWEST_VALUES, Probing, sample};
use super::deflation::Deflation;
use super::{Estimate, Interrupt, LinearError, LinearOperator, ProbeOptions, Spending, dot};
use crate::random::StreamRng;
use crate::statistics::jackknife;

/// `tr AB`, `‖A‖_F²` and `‖B‖_F²`, or what one probe says about them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forms {
    /// `tr AB`, of a probe `(Az)·(Bz)`.
    pub product: f64,
    /// `‖A‖_F²`, of a probe `‖Az‖²`.
    pub first: f64,
    /// `‖B‖_F²`, of a probe `‖Bz‖²`.
    pub second: f64,
}

/// The three numbers from two operators: exact in a few leading directions (`deflation`), and the forms of
/// every probe of what is left.
///
/// A ratio of their means has a far smaller error than its parts would have if each were estimated
/// from probes of its own, because a probe that makes one of them large makes the others large too.
#[derive(Clone, Debug)]
pub struct PairedForms {
    exact: Forms,
    probes: Vec<Forms>,
    rounding: f64,
    tolerance: f64,
    /// Matrix-vector products used.
    pub matvecs: usize,
}

impl PairedForms {
    /// A function of the three numbers with its error, by the jackknife, which also takes off the bias of a
    /// function that is not linear.
    pub fn estimate(&self, of: impl Fn(Forms) -> f64) -> Estimate {
        let (value, error) = match self.probes.len() {
            0 => (of(self.exact), 0.0),
            count => {
                let sum = self.probes.iter().fold(Forms::default(), Forms::plus);
                let (value, error) = jackknife(count, |left_out| {
                    let without = left_out.map(|index| self.probes[index].times(-1.0));
                    let rest = without.map_or(sum, |probe| sum.plus(&probe));
                    let count = count - usize::from(left_out.is_some());
                    of(self.exact.plus(&rest.times(1.0 / count as f64)))
                });
                (value, error.max(self.rounding * value.abs()))
            }
        };
        Estimate {
            value,
            standard_error: error,
            converged: error <= self.tolerance * value.abs(),
            matvecs: self.matvecs,
        }
    }
}

impl Forms {
    fn plus(self, other: &Self) -> Self {
        Self {
            product: self.product + other.product,
            first: self.first + other.first,
            second: self.second + other.second,
        }
    }

    fn times(self, factor: f64) -> Self {
        Self {
            product: factor * self.product,
            first: factor * self.first,
            second: factor * self.second,
        }
    }
}

/// Probes two symmetric operators together, as often as the error of `watched` takes.
///
/// # Errors
///
/// [`LinearError`] from the operators, where they have dimension 0, or where the budget is too small to tell
/// an error.
pub fn paired_forms(
    first: &mut dyn LinearOperator,
    second: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
    watched: impl Fn(Forms) -> f64,
) -> Result<PairedForms, LinearError> {
    let mut spending = Spending::new(options.budget, interrupt);
    let probing = Probing {
        matvecs: 2,
        fewest: FEWEST_VALUES,
    };
    // Probes, and the share of the leading directions.
    spending.require(probing.fewest * probing.matvecs * 4 / 3)?;
    let both: &mut [&mut dyn LinearOperator] = &mut [first, second];
    let deflation = Deflation::krylov(both, options.leading, rng, &mut spending)?;
    let mut forms = PairedForms {
        exact: Forms {
            product: deflation.product(0, 1),
            first: deflation.product(0, 0),
            second: deflation.product(1, 1),
        },
        probes: Vec::new(),
        rounding: first.precision().of_products(),
        tolerance: options.tolerance,
        matvecs: spending.matvecs,
    };
    if deflation.rest() == 0 {
        return Ok(forms);
    }
    let sampled = sample(
        &mut spending,
        options,
        probing,
        |spending, _| {
            let vector = deflation.probe(rng);
            let left = deflation.remainder(first, &vector, spending)?;
            let right = deflation.remainder(second, &vector, spending)?;
            Ok::<_, LinearError>(Forms {
                product: dot(&left, &right),
                first: dot(&left, &left),
                second: dot(&right, &right),
            })
        },
        |pilot| {
            let of_pilot = PairedForms {
                probes: pilot.to_vec(),
                ..forms.clone()
            };
            of_pilot.estimate(&watched).relative_error()
        },
    )?;
    forms.probes = sampled.probes;
    forms.matvecs = spending.matvecs;
    Ok(forms)
}

#[cfg(test)]
mod tests {
    use super::super::Budget;
    use super::super::test_operators::{Dense, rotated};
    use super::*;
    use crate::random::Streams;

    fn cosine(forms: Forms) -> f64 {
        forms.product / (forms.first * forms.second).sqrt()
    }

    fn ratio(forms: Forms) -> f64 {
        forms.product / forms.second
    }

    fn run(
        first: &mut Dense,
        second: &mut Dense,
        seed: u64,
        options: ProbeOptions,
    ) -> Result<PairedForms, LinearError> {
        let mut rng = Streams::new(seed).stream("probes", 0);
        paired_forms(first, second, &mut rng, options, Interrupt::never(), ratio)
    }

    fn of(entries: &[f64; 9]) -> Dense {
        Dense {
            dimension: 3,
            entries: entries.to_vec(),
        }
    }

    const A: [f64; 9] = [2.0, 1.0, 0.0, 1.0, -1.0, 0.5, 0.0, 0.5, 3.0];
    const B: [f64; 9] = [1.0, 0.0, 2.0, 0.0, 4.0, 1.0, 2.0, 1.0, 2.0];

    #[test]
    fn the_forms_are_those_of_the_matrices() {
        let forms = run(&mut of(&A), &mut of(&B), 3, ProbeOptions::fixed(4000)).unwrap();
        assert_eq!(forms.matvecs, 8000);
        // tr AB = 2 − 4 + 1 + 6, ‖A‖² = 16.5, ‖B‖² = 31.
        let estimates = [
            (forms.estimate(|forms| forms.product), 5.0),
            (forms.estimate(|forms| forms.first), 16.5),
            (forms.estimate(|forms| forms.second), 31.0),
            (forms.estimate(cosine), 5.0 / (16.5f64 * 31.0).sqrt()),
        ];
        let exact = run(&mut of(&A), &mut of(&B), 3, ProbeOptions::default()).unwrap();
        assert_eq!(exact.matvecs, 6);
        for (found, truth) in estimates {
            let (value, error) = (found.value, found.standard_error);
            assert!((value - truth).abs() < 4.0 * error, "{found:?} {truth}");
            assert!(error < 0.05 * truth.abs().max(1.0));
        }
        let found = exact.estimate(cosine);
        assert!((found.value - 5.0 / (16.5f64 * 31.0).sqrt()).abs() < 1e-12);
        assert_eq!((found.standard_error, found.converged), (0.0, true));
    }

    #[test]
    fn a_ratio_of_proportional_matrices_has_no_error() {
        let spectrum: Vec<f64> = (1..=40).map(f64::from).collect();
        let doubled: Vec<f64> = spectrum.iter().map(|value| 2.0 * value).collect();
        let (mut first, mut second) = (rotated(&spectrum), rotated(&doubled));
        let forms = run(&mut first, &mut second, 1, ProbeOptions::default()).unwrap();
        let found = forms.estimate(cosine);
        assert!((found.value - 1.0).abs() < 1e-12 && found.standard_error < 1e-12);
        assert!(found.converged);
        assert_eq!(forms.matvecs, 2 * (10 + 8 + 16));
        let trace = forms.estimate(|forms| forms.product);
        assert!(trace.standard_error > 0.001 * trace.value, "{trace:?}");
    }

    #[test]
    fn budgets_are_kept_and_too_small_ones_refused() {
        let spectrum: Vec<f64> = (1..=40).map(|i| 1.0 / f64::from(i)).collect();
        let (mut first, mut second) = (rotated(&spectrum), rotated(&spectrum));
        let within = |allowed| ProbeOptions {
            budget: Budget {
                max_matvecs: Some(allowed),
                max_seconds: None,
            },
            ..ProbeOptions::default()
        };
        for allowed in 32..100 {
            let forms = run(&mut first, &mut second, 0, within(allowed)).unwrap();
            assert!(forms.matvecs <= allowed);
        }
        let refusal = LinearError::TooFewProducts {
            allowed: 31,
            fewest: 32,
        };
        let found = run(&mut first, &mut second, 0, within(31));
        assert_eq!(found.unwrap_err(), refusal);
    }

    #[test]
    fn errors_of_ratios_cover_what_they_say_and_their_means_are_not_biased() {
        const SEEDS: u64 = 400;
        let spectrum: Vec<f64> = (1..=60).map(|i| 1.0 / f64::from(i)).collect();
        let other: Vec<f64> = spectrum
            .iter()
            .enumerate()
            .map(|(place, value)| value * (1.5 + (place as f64).sin()))
            .collect();
        let sum = |of: &dyn Fn(f64, f64) -> f64| {
            let pairs = spectrum.iter().zip(&other);
            pairs.map(|(a, b)| of(*a, *b)).sum::<f64>()
        };
        let truth = Forms {
            product: sum(&|a, b| a * b),
            first: sum(&|a, _| a * a),
            second: sum(&|_, b| b * b),
        };
        let (mut first, mut second) = (rotated(&spectrum), rotated(&other));
        for max_matvecs in [None, Some(40)] {
            let options = ProbeOptions {
                budget: Budget {
                    max_matvecs,
                    max_seconds: None,
                },
                ..ProbeOptions::default()
            };
            for of in [ratio, cosine] {
                let deviations: Vec<(f64, f64)> = (0..SEEDS)
                    .map(|seed| {
                        let forms = run(&mut first, &mut second, seed, options).unwrap();
                        let found = forms.estimate(of);
                        let error = found.value - of(truth);
                        (error, error.abs() / found.standard_error)
                    })
                    .collect();
                let share = |most: f64| {
                    let within = deviations.iter().filter(|(_, z)| *z <= most);
                    within.count() as f64 / SEEDS as f64
                };
                let bias = deviations.iter().map(|(error, _)| error).sum::<f64>()
                    / deviations.iter().map(|(e, _)| e * e).sum::<f64>().sqrt();
                let report = format!("{max_matvecs:?}: {} {} {bias}", share(1.0), share(2.0));
                println!("{report}");
                // 3 and 2 points, and three standard deviations of a share of 400.
                assert!((share(1.0) - 0.68).abs() <= 0.1, "{report}");
                assert!((share(2.0) - 0.95).abs() <= 0.053, "{report}");
                assert!(bias.abs() < 4.0, "{report}");
            }
        }
    }
}

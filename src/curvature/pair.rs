//! Ratios of quadratic forms of two matrices, from the same probes.

use super::vector::random_signs;
use super::{CurvatureError, Interrupt, LinearOperator, ProbeOptions, Spending, dot};
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

/// The forms of every probe.
///
/// A ratio of their means has a far smaller error than its parts would have if each were estimated
/// from probes of its own, because a probe that makes one of them large makes the others large too.
#[derive(Clone, Debug)]
pub struct PairedForms {
    probes: Vec<Forms>,
    /// Matrix-vector products used.
    pub matvecs: usize,
    /// Whether the ratio that was watched reached its tolerance.
    pub converged: bool,
}

impl PairedForms {
    /// A function of the three numbers with its standard error, by the jackknife.
    pub fn estimate(&self, of: impl Fn(Forms) -> f64) -> (f64, f64) {
        jackknife(self.probes.len(), |left_out| {
            let mut sum = Forms::default();
            for (index, probe) in self.probes.iter().enumerate() {
                if Some(index) != left_out {
                    sum.product += probe.product;
                    sum.first += probe.first;
                    sum.second += probe.second;
                }
            }
            let count = (self.probes.len() - usize::from(left_out.is_some())) as f64;
            of(Forms {
                product: sum.product / count,
                first: sum.first / count,
                second: sum.second / count,
            })
        })
    }
}

/// Draws random signs `z` until the standard error of `watched` is below the tolerance, the number of
/// probes is reached or the budget ends it. The tolerance is looked at each time their number has
/// doubled, as for a single matrix.
///
/// # Errors
///
/// [`CurvatureError`] from the operators, or where they have dimension 0.
pub fn paired_forms(
    first: &mut dyn LinearOperator,
    second: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
    watched: impl Fn(Forms) -> f64,
) -> Result<PairedForms, CurvatureError> {
    let dimension = first.dimension();
    if dimension == 0 {
        return Err(CurvatureError::Empty);
    }
    let mut spending = Spending::new(options.budget, interrupt);
    let mut forms = PairedForms {
        probes: Vec::new(),
        matvecs: 0,
        converged: false,
    };
    let least = options.min_probes.max(2);
    loop {
        let signs = random_signs(dimension, rng);
        spending.spend()?;
        let left = first.apply(&signs)?;
        spending.spend()?;
        let right = second.apply(&signs)?;
        forms.probes.push(Forms {
            product: dot(&left, &right),
            first: dot(&left, &left),
            second: dot(&right, &right),
        });
        forms.matvecs = spending.matvecs;
        let count = forms.probes.len();
        let ended = count >= options.max_probes.max(1) || !spending.allows(2);
        let is_look = count.is_multiple_of(least) && (count / least).is_power_of_two();
        if count >= least && (is_look || ended) {
            let (value, error) = forms.estimate(&watched);
            forms.converged = error <= options.tolerance * value.abs();
        }
        if forms.converged || ended {
            return Ok(forms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_operators::Dense;
    use super::*;
    use crate::random::Streams;

    fn cosine(forms: Forms) -> f64 {
        forms.product / (forms.first * forms.second).sqrt()
    }

    fn run(first: &[f64], second: &[f64], options: ProbeOptions) -> PairedForms {
        let of = |entries: &[f64]| Dense {
            dimension: 3,
            entries: entries.to_vec(),
        };
        let mut rng = Streams::new(3).stream("probes", 0);
        let (mut first, mut second) = (of(first), of(second));
        let never = Interrupt::never();
        paired_forms(&mut first, &mut second, &mut rng, options, never, cosine).unwrap()
    }

    const A: [f64; 9] = [2.0, 1.0, 0.0, 1.0, -1.0, 0.5, 0.0, 0.5, 3.0];
    const B: [f64; 9] = [1.0, 0.0, 2.0, 0.0, 4.0, 1.0, 2.0, 1.0, 2.0];

    #[test]
    fn the_forms_are_those_of_the_matrices() {
        let options = ProbeOptions {
            min_probes: 4000,
            max_probes: 4000,
            ..ProbeOptions::default()
        };
        let forms = run(&A, &B, options);
        assert_eq!(forms.matvecs, 8000);
        // tr AB = 2 − 4 + 1 + 6, ‖A‖² = 16.5, ‖B‖² = 31.
        let estimates = [
            (forms.estimate(|forms| forms.product), 5.0),
            (forms.estimate(|forms| forms.first), 16.5),
            (forms.estimate(|forms| forms.second), 31.0),
            (forms.estimate(cosine), 5.0 / (16.5f64 * 31.0).sqrt()),
        ];
        for ((value, error), truth) in estimates {
            assert!(
                (value - truth).abs() < 4.0 * error,
                "{value} {error} {truth}"
            );
            assert!(error < 0.05 * truth.abs().max(1.0));
        }
    }

    #[test]
    fn a_ratio_of_proportional_matrices_has_no_error() {
        let doubled = A.map(|entry| 2.0 * entry);
        let forms = run(&A, &doubled, ProbeOptions::default());
        let (value, error) = forms.estimate(cosine);
        assert!((value - 1.0).abs() < 1e-12 && error < 1e-12);
        assert!(forms.converged);
        assert_eq!(forms.matvecs, 32);
        let (trace, error) = forms.estimate(|forms| forms.product);
        assert!(error > 0.01 * trace, "the parts are uncertain");
    }
}

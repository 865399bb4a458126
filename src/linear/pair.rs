//! Ratios of quadratic forms of two matrices, from the same probes.

use super::budget::{Probing, sample};
use super::deflation::Deflation;
use super::sphere::Squares;
use super::vector::{axpy, scale};
use super::{Estimate, Interrupt, LinearError, LinearOperator, ProbeOptions, Spending, dot, norm};
use crate::random::StreamRng;
use crate::statistics::jackknife;

/// `tr AB`, `‖A‖_F²` and `‖B‖_F²`, or what one probe says about them: `(Az)·(Bz)`, `‖Az‖²` and `‖Bz‖²`.
type Forms = [f64; 3];

/// A product of powers of `tr AB`, `‖A‖_F²` and `‖B‖_F²`, times a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The factor.
    pub factor: f64,
    /// The exponents of the three, in this order.
    pub powers: [f64; 3],
}

impl Ratio {
    fn of(&self, forms: Forms) -> f64 {
        let powers = forms.iter().zip(self.powers).map(|(x, p)| x.powf(p));
        self.factor * powers.product::<f64>()
    }

    /// The derivatives for the three.
    fn gradient(&self, forms: Forms) -> Forms {
        let mut gradient = [0.0; 3];
        for (place, derivative) in gradient.iter_mut().enumerate() {
            let mut lowered = *self;
            lowered.powers[place] -= 1.0;
            if self.powers[place] != 0.0 {
                *derivative = self.powers[place] * lowered.of(forms);
            }
        }
        gradient
    }
}

/// Probes from which an error can be told, because its variance is known.
const FEWEST: usize = 8;

/// Probes whose products are multiplied by both matrices again, for the variance of ratios.
const TWICE: usize = 6;

/// Of those, the fewest from which it can be told.
const FEWEST_TWICE: usize = 4;

/// Products that it takes to multiply those of a probe again.
const AGAIN: usize = 4;

/// A budget is spent on those by a third.
const SHARE_OF_TWICE: usize = 3;

/// The smallest budget in which the basis has its fourth and all else its share.
const FEWEST_MATVECS: usize = FEWEST_TWICE * AGAIN * SHARE_OF_TWICE;

/// What one probe `z` says.
#[derive(Clone, Copy, Debug)]
struct Probe {
    forms: Forms,
    again: Option<Triangle>,
}

/// The three numbers from two operators: exact in a few leading directions (`deflation`), and the forms of
/// every probe of what is left.
///
/// A ratio of their means has a far smaller error than its parts would have if each were estimated
/// from probes of its own, because a probe that makes one of them large makes the others large too.
///
/// To first order a ratio of means is a mean of forms `zᵀMz`, with `M = f₁ (AB + BA)/2 + f₂ A² + f₃ B²` and the
/// derivatives `f` of the ratio; its variance follows from `‖Mz‖²` by the law of `z` (`sphere`), not from the spread of
/// the forms. Where a few directions make up `M` that spread comes out too small one time in five.
#[derive(Clone, Debug)]
pub struct PairedForms {
    exact: Forms,
    rest: f64,
    probes: Vec<Probe>,
    /// What probes that were multiplied again have told, those of a pilot included.
    twice: Vec<(Triangle, Forms)>,
    rounding: f64,
    tolerance: f64,
    /// Matrix-vector products used.
    pub matvecs: usize,
}

impl PairedForms {
    /// A ratio with its error, without the bias of first order of a function that is not linear.
    pub fn estimate(&self, ratio: Ratio) -> Estimate {
        let (value, error) = match self.probes.len() {
            0 => (ratio.of(self.exact), 0.0),
            _ => {
                let value = self.value(ratio);
                let (error, rounding) = (self.error(ratio), self.rounding * value.abs());
                (value, if error < rounding { rounding } else { error })
            }
        };
        Estimate {
            value,
            standard_error: error,
            converged: error <= self.tolerance * value.abs(),
            matvecs: self.matvecs,
        }
    }

    fn value(&self, ratio: Ratio) -> f64 {
        let sum = self.sum();
        jackknife(self.probes.len(), |left_out| {
            let without = left_out.map_or([0.0; 3], |index| self.probes[index].forms);
            let count = self.probes.len() - usize::from(left_out.is_some());
            ratio.of(self.whole(plus(sum, -1.0, without), count))
        })
    }

    fn sum(&self) -> Forms {
        let forms = self.probes.iter().map(|probe| probe.forms);
        forms.fold([0.0; 3], |sum, forms| plus(sum, 1.0, forms))
    }

    /// The three numbers of the whole matrices, from a sum over probes.
    fn whole(&self, sum: Forms, count: usize) -> Forms {
        plus(self.exact, 1.0 / count as f64, sum)
    }

    fn error(&self, ratio: Ratio) -> f64 {
        let whole = self.whole(self.sum(), self.probes.len());
        let gradient = ratio.gradient(whole);
        let forms = self
            .probes
            .iter()
            .map(|probe| of_both(gradient, probe.forms));
        // How large the products of a probe are, which is large where they are large once more.
        let size = |forms: Forms| {
            let shares = [1, 2].map(|place| match whole[place] {
                0.0 => 0.0,
                whole => forms[place] / whole,
            });
            shares[0] + shares[1]
        };
        let twice = self.twice.iter();
        let told = twice.map(|(again, forms)| (again.square(gradient), size(*forms)));
        let sizes = self.probes.iter().map(|probe| size(probe.forms));
        let squares = Squares::by_quotient(&told.collect::<Vec<_>>(), &sizes.collect::<Vec<_>>());
        let error = squares.standard_error(&forms.collect::<Vec<_>>(), self.rest);
        error * squares.widening()
    }
}

fn plus(forms: Forms, factor: f64, others: Forms) -> Forms {
    [0, 1, 2].map(|place| forms[place] + factor * others[place])
}

fn of_both(left: Forms, right: Forms) -> f64 {
    dot(&left, &right)
}

/// All inner products of three vectors: the triangle `R` of their QR decomposition, by which `‖Σ fᵢ vᵢ‖ = ‖Rf‖`
/// without the cancelling that `fᵀ(VᵀV)f` has.
#[derive(Clone, Copy, Debug)]
struct Triangle([[f64; 3]; 3]);

impl Triangle {
    /// By modified Gram-Schmidt.
    fn of(mut vectors: [Vec<f64>; 3]) -> Self {
        let mut rows = [[0.0; 3]; 3];
        for place in 0..3 {
            let (done, later) = vectors.split_at_mut(place + 1);
            let direction = &mut done[place];
            let length = norm(direction);
            rows[place][place] = length;
            if length == 0.0 {
                continue;
            }
            scale(1.0 / length, direction);
            for (index, vector) in later.iter_mut().enumerate() {
                let along = dot(direction, vector);
                axpy(-along, direction, vector);
                rows[place][place + 1 + index] = along;
            }
        }
        Self(rows)
    }

    /// `‖Σ fᵢ vᵢ‖²`.
    fn square(&self, factors: Forms) -> f64 {
        let rows = self.0.iter();
        rows.map(|row| of_both(*row, factors).powi(2)).sum()
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
    watched: Ratio,
) -> Result<PairedForms, LinearError> {
    let mut spending = Spending::new(options.budget, interrupt);
    spending.require(FEWEST_MATVECS)?;
    let both: &mut [&mut dyn LinearOperator] = &mut [first, second];
    let deflation = Deflation::krylov(both, options.leading, rng, &mut spending)?;
    let mut forms = PairedForms {
        exact: [(0, 1), (0, 0), (1, 1)].map(|(a, b)| deflation.product(a, b)),
        rest: deflation.rest() as f64,
        probes: Vec::new(),
        twice: Vec::new(),
        rounding: first.precision().of_products(),
        tolerance: options.tolerance,
        matvecs: spending.matvecs,
    };
    if deflation.rest() == 0 {
        return Ok(forms);
    }
    let probing = Probing {
        matvecs: 2,
        fewest: FEWEST,
        twice: (TWICE, AGAIN),
    };
    let sampled = sample(
        &mut spending,
        options,
        probing,
        |spending, place| {
            let vector = deflation.probe(rng);
            let share = spending.expected() / AGAIN / SHARE_OF_TWICE;
            let is_twice = place < TWICE.min(share);
            probe(
                [&mut *first, &mut *second],
                &deflation,
                &vector,
                is_twice,
                spending,
            )
        },
        |pilot| {
            forms
                .with(pilot.to_vec(), &[])
                .estimate(watched)
                .relative_error()
        },
    )?;
    forms = forms.with(sampled.probes, &sampled.pilot);
    forms.matvecs = spending.matvecs;
    if forms.twice.len() < FEWEST_TWICE.min(forms.probes.len()) {
        let (allowed, fewest) = (forms.matvecs, FEWEST_MATVECS.max(forms.matvecs + 1));
        return Err(LinearError::TooFewProducts { allowed, fewest });
    }
    Ok(forms)
}

impl PairedForms {
    /// These with probes, beside those of a pilot, which tell of the variance alone.
    fn with(&self, probes: Vec<Probe>, pilot: &[Probe]) -> Self {
        let all = pilot.iter().chain(&probes);
        let twice = all.filter_map(|probe| Some((probe.again?, probe.forms)));
        Self {
            twice: twice.collect(),
            probes,
            ..self.clone()
        }
    }
}

fn probe(
    [first, second]: [&mut dyn LinearOperator; 2],
    deflation: &Deflation,
    vector: &[f64],
    is_twice: bool,
    spending: &mut Spending<'_>,
) -> Result<Probe, LinearError> {
    let left = deflation.remainder(first, vector, spending)?;
    let right = deflation.remainder(second, vector, spending)?;
    let forms = [dot(&left, &right), dot(&left, &left), dot(&right, &right)];
    if !(is_twice && spending.allows(AGAIN)) {
        return Ok(Probe { forms, again: None });
    }
    let mut mixed = deflation.remainder(first, &right, spending)?;
    axpy(
        1.0,
        &deflation.remainder(second, &left, spending)?,
        &mut mixed,
    );
    scale(0.5, &mut mixed);
    let mut vectors = [
        mixed,
        deflation.remainder(first, &left, spending)?,
        deflation.remainder(second, &right, spending)?,
    ];
    for (image, form) in vectors.iter_mut().zip(forms) {
        axpy(-form / deflation.rest() as f64, vector, image);
    }
    Ok(Probe {
        forms,
        again: Some(Triangle::of(vectors)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Budget;
    use super::super::testing::operators::{Dense, rotated};
    use super::*;
    use crate::random::Streams;

    fn times(factor: f64, powers: [f64; 3]) -> Ratio {
        Ratio { factor, powers }
    }

    const COSINE: Ratio = Ratio {
        factor: 1.0,
        powers: [1.0, -0.5, -0.5],
    };
    const SHARE: Ratio = Ratio {
        factor: 0.3,
        powers: [1.0, 0.0, -1.0],
    };
    const SIZES: Ratio = Ratio {
        factor: 2.0,
        powers: [0.0, 0.5, -0.5],
    };
    const PRODUCT: Ratio = Ratio {
        factor: 1.0,
        powers: [1.0, 0.0, 0.0],
    };

    fn run(
        first: &mut Dense,
        second: &mut Dense,
        seed: u64,
        options: ProbeOptions,
    ) -> Result<PairedForms, LinearError> {
        let mut rng = Streams::new(seed).stream("probes", 0);
        paired_forms(first, second, &mut rng, options, Interrupt::never(), SHARE)
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
        // Six of the probes are multiplied again.
        assert_eq!(forms.matvecs, 2 * 4000 + 4 * 6);
        // tr AB = 2 − 4 + 1 + 6, ‖A‖² = 16.5, ‖B‖² = 31.
        let estimates = [
            (forms.estimate(PRODUCT), 5.0),
            (forms.estimate(times(1.0, [0.0, 1.0, 0.0])), 16.5),
            (forms.estimate(times(1.0, [0.0, 0.0, 1.0])), 31.0),
            (forms.estimate(COSINE), 5.0 / (16.5f64 * 31.0).sqrt()),
        ];
        let exact = run(&mut of(&A), &mut of(&B), 3, ProbeOptions::default()).unwrap();
        assert_eq!(exact.matvecs, 6);
        for (found, truth) in estimates {
            let (value, error) = (found.value, found.standard_error);
            assert!((value - truth).abs() < 4.0 * error, "{found:?} {truth}");
            assert!(error < 0.05 * truth.abs().max(1.0));
        }
        let found = exact.estimate(COSINE);
        assert!((found.value - 5.0 / (16.5f64 * 31.0).sqrt()).abs() < 1e-12);
        assert_eq!((found.standard_error, found.converged), (0.0, true));
    }

    #[test]
    fn a_ratio_of_proportional_matrices_has_no_error() {
        let spectrum: Vec<f64> = (1..=40).map(f64::from).collect();
        let doubled: Vec<f64> = spectrum.iter().map(|value| 2.0 * value).collect();
        let (mut first, mut second) = (rotated(&spectrum), rotated(&doubled));
        let forms = run(&mut first, &mut second, 1, ProbeOptions::default()).unwrap();
        let found = forms.estimate(COSINE);
        assert!((found.value - 1.0).abs() < 1e-12 && found.standard_error < 1e-12);
        assert!(found.converged);
        assert_eq!(forms.matvecs, 2 * (10 + 8 + 16) + 4 * 6);
        let trace = forms.estimate(PRODUCT);
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
        for allowed in 48..140 {
            let forms = run(&mut first, &mut second, 0, within(allowed)).unwrap();
            assert!(forms.matvecs <= allowed && forms.twice.len() >= 4);
        }
        let refusal = LinearError::TooFewProducts {
            allowed: 47,
            fewest: 48,
        };
        let found = run(&mut first, &mut second, 0, within(47));
        assert_eq!(found.unwrap_err(), refusal);
    }

    #[test]
    fn the_gradient_of_a_ratio_is_that_of_differences() {
        let at = [-0.7, 2.0, 3.0];
        for ratio in [COSINE, SHARE, SIZES, PRODUCT] {
            let gradient = ratio.gradient(at);
            for place in 0..3 {
                let moved = |step: f64| {
                    let mut forms = at;
                    forms[place] += step;
                    ratio.of(forms)
                };
                let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!((gradient[place] - slope).abs() < 1e-9, "{ratio:?}");
            }
        }
    }

    #[test]
    fn a_triangle_knows_the_length_of_every_combination() {
        let vectors = [
            vec![1.0, 2.0, 0.0, -1.0],
            vec![0.5, 0.0, 3.0, 1.0],
            vec![2.0, 4.0, 0.0, -2.0],
        ];
        let triangle = Triangle::of(vectors.clone());
        for factors in [[1.0, 0.0, 0.0], [0.3, -2.0, 1.0], [2.0, 0.0, -1.0]] {
            let mut sum = vec![0.0; 4];
            for (factor, vector) in factors.iter().zip(&vectors) {
                axpy(*factor, vector, &mut sum);
            }
            let found = triangle.square(factors);
            assert!((found - dot(&sum, &sum)).abs() < 1e-13, "{factors:?}");
        }
        // Twice the first is the third: what is left is not a rounding of the squares.
        assert!(triangle.square([2.0, 0.0, -1.0]) < 1e-28);
    }
}

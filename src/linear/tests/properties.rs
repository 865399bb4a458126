//! What must hold of every eigenvalue that is found, whatever the spectrum and the precision.

use super::super::testing::operators::{Dense, Single};
use super::super::*;
use crate::random::{StreamRng, Streams};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use proptest::prelude::*;

const DIMENSION: usize = 40;

/// Eigenvalues in descending order.
#[derive(Clone, Debug)]
struct Eigenvalues(Vec<f64>);

impl Eigenvalues {
    fn of(values: impl IntoIterator<Item = f64>, size: f64) -> Self {
        let mut values: Vec<f64> = values.into_iter().map(|value| size * value).collect();
        values.resize(DIMENSION, 0.0);
        values.sort_by(|a, b| b.total_cmp(a));
        Self(values)
    }
}

/// Spectra that are low-rank, clustered, graded, repeated, or of both signs, at any size.
fn spectra() -> impl Strategy<Value = Eigenvalues> {
    let size = prop_oneof![Just(1.0), Just(1e-6), Just(3e4)];
    let kinds = prop_oneof![
        // Low rank: the rest is 0.
        prop::collection::vec(0.1..1.0, 1..8),
        // Repeated: each as often as it is told to.
        prop::collection::vec((0.05..1.0, 1usize..11), 2..8).prop_map(|groups| {
            let copies = groups
                .into_iter()
                .flat_map(|(value, count)| vec![value; count]);
            copies.take(DIMENSION).collect()
        }),
        // Clustered: groups much narrower than any tolerance.
        prop::collection::vec((0.1..1.0, 1usize..6), 2..8).prop_map(|groups| {
            let near = groups.into_iter().flat_map(|(value, count): (f64, usize)| {
                (0..count).map(move |k| value * (1.0 - 1e-11 * k as f64))
            });
            near.take(DIMENSION).collect()
        }),
        // Graded over many orders.
        (0.3..0.9).prop_map(|ratio: f64| (0..DIMENSION as i32).map(|k| ratio.powi(k)).collect()),
        // Indefinite.
        prop::collection::vec(-1.0..1.0, DIMENSION),
        // Outliers over a bulk of both signs.
        prop::collection::vec(0.3..1.0, 10).prop_map(|mut outliers: Vec<f64>| {
            outliers.extend((0..30).map(|k| 0.1 - 0.005 * f64::from(k)));
            outliers
        }),
    ];
    (kinds, size).prop_map(|(values, size)| Eigenvalues::of(values, size))
}

/// A symmetric matrix with these eigenvalues and random eigenvectors.
fn matrix(eigenvalues: &[f64], seed: u64) -> Dense {
    let n = eigenvalues.len();
    let mut rng = Streams::new(seed).stream("matrix", 0);
    let vectors = DMatrix::from_vec(n, n, random_normal(n * n, &mut rng))
        .qr()
        .q();
    let diagonal = DMatrix::from_diagonal(&DVector::from_column_slice(eigenvalues));
    let product = &vectors * diagonal * vectors.transpose();
    let product = 0.5 * (&product + product.transpose());
    Dense {
        dimension: n,
        entries: product.iter().copied().collect(),
    }
}

/// An operator with the range of the Rayleigh quotients it has seen.
struct Watched<'a> {
    operator: &'a mut dyn LinearOperator,
    quotients: (f64, f64),
    products: usize,
}

impl<'a> Watched<'a> {
    fn new(operator: &'a mut dyn LinearOperator) -> Self {
        Self {
            operator,
            quotients: (f64::INFINITY, f64::NEG_INFINITY),
            products: 0,
        }
    }
}

impl LinearOperator for Watched<'_> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn precision(&self) -> Precision {
        self.operator.precision()
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let product = self.operator.apply(vector)?;
        let quotient = dot(vector, &product) / dot(vector, vector);
        let (lowest, highest) = self.quotients;
        self.quotients = (lowest.min(quotient), highest.max(quotient));
        self.products += 1;
        Ok(product)
    }
}

/// The matrix in a precision, and its true eigenvalues, largest first: those of the rounded entries.
fn in_precision(dense: &Dense, precision: Precision) -> (Box<dyn LinearOperator>, Vec<f64>) {
    let n = dense.dimension;
    let round = |&entry: &f64| match precision {
        Precision::F32 => f64::from(entry as f32),
        Precision::F64 => entry,
    };
    let entries: Vec<f64> = dense.entries.iter().map(round).collect();
    let eigen = SymmetricEigen::new(DMatrix::from_row_slice(n, n, &entries));
    let mut values: Vec<f64> = eigen.eigenvalues.iter().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let operator: Box<dyn LinearOperator> = match precision {
        Precision::F32 => Box::new(Single::of(dense)),
        Precision::F64 => Box::new(Dense {
            dimension: n,
            entries,
        }),
    };
    (operator, values)
}

/// A tolerance that the precision allows.
fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 1e-5,
        Precision::F64 => 1e-9,
    }
}

fn residual_of(operator: &mut dyn LinearOperator, pair: &Eigenpair) -> f64 {
    let mut product = operator.apply(&pair.vector).unwrap();
    axpy(-pair.value, &pair.vector, &mut product);
    norm(&product) / norm(&pair.vector)
}

/// Every pair is one of the operator, and says how well.
fn check_pairs(
    pairs: &[Eigenpair],
    operator: &mut dyn LinearOperator,
    truth: &[f64],
) -> Result<(), TestCaseError> {
    // What the products themselves are off by; in f32 sums of forty terms.
    let rounding = match operator.precision() {
        Precision::F32 => 3e-7,
        Precision::F64 => 1e-14,
    };
    let size = truth[0].abs().max(truth[truth.len() - 1].abs());
    for pair in pairs {
        let off = truth
            .iter()
            .map(|value| (value - pair.value).abs())
            .fold(f64::INFINITY, f64::min);
        let error = pair.residual * pair.scale;
        prop_assert!(
            off <= error + rounding * size,
            "off by {off:e}: {} {error:e}",
            pair.value
        );
        prop_assert!(pair.scale <= size * (1.0 + 1e-6), "{} {size}", pair.scale);
        prop_assert!((norm(&pair.vector) - 1.0).abs() < 1e-12);
        let real = residual_of(operator, pair);
        prop_assert!(real <= 2.0 * error + rounding * size, "{real:e} {error:e}");
        prop_assert!(error <= 2.0 * real + rounding * size, "{real:e} {error:e}");
    }
    for (index, pair) in pairs.iter().enumerate() {
        for other in &pairs[..index] {
            let angle = dot(&pair.vector, &other.vector).abs();
            prop_assert!(angle < 1e3 * operator.precision().epsilon(), "{angle:e}");
        }
    }
    Ok(())
}

/// The pairs are the true ones from an end, with their multiplicities.
fn check_order(
    pairs: &[Eigenpair],
    truth: impl Iterator<Item = f64>,
    tolerance: f64,
) -> Result<(), TestCaseError> {
    let found: Vec<f64> = pairs.iter().map(|pair| pair.value).collect();
    let truth: Vec<f64> = truth.take(pairs.len()).collect();
    for ((pair, value), expected) in pairs.iter().zip(&found).zip(&truth) {
        let allowed = 3.0 * tolerance * pair.scale;
        prop_assert!(
            (value - expected).abs() <= allowed,
            "{found:?} for {truth:?}"
        );
        prop_assert!(pair.converged, "{found:?}: {pair:?}");
    }
    Ok(())
}

fn check_quotients(
    watched: &Watched<'_>,
    largest: Option<&Eigenpair>,
    smallest: Option<&Eigenpair>,
) -> Result<(), TestCaseError> {
    let (lowest, highest) = watched.quotients;
    if let Some(pair) = largest {
        prop_assert!(
            pair.value + pair.residual * pair.scale >= highest,
            "{} {highest}",
            pair.value
        );
    }
    if let Some(pair) = smallest {
        prop_assert!(
            pair.value - pair.residual * pair.scale <= lowest,
            "{} {lowest}",
            pair.value
        );
    }
    Ok(())
}

fn rng(seed: u64) -> StreamRng {
    Streams::new(seed).stream("probes", 0)
}

fn check_lanczos(
    eigenvalues: &Eigenvalues,
    precision: Precision,
    counts: (usize, usize),
    seed: u64,
) -> Result<(), TestCaseError> {
    let dense = matrix(&eigenvalues.0, seed);
    let (mut operator, truth) = in_precision(&dense, precision);
    let (largest, smallest) = counts;
    let options = LanczosOptions {
        largest,
        smallest,
        tolerance: tolerance(precision),
        smallest_tolerance: tolerance(precision),
        ..Default::default()
    };
    let mut watched = Watched::new(operator.as_mut());
    let found = lanczos(
        &mut watched,
        None,
        &mut rng(seed),
        options,
        Interrupt::never(),
    )
    .unwrap();
    prop_assert_eq!(found.matvecs, watched.products);
    // The search ends by residuals in its basis; that of the product at the end is another by rounding, and may then be a hair above
    // the tolerance, which is said.
    let allowed = options.tolerance
        * truth
            .iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()));
    let is_hair = |pair: &Eigenpair| pair.converged || pair.residual < 1.01 * allowed;
    let pairs = || found.largest.iter().chain(&found.smallest);
    prop_assert!(
        found.complete || precision == Precision::F32 && pairs().all(is_hair),
        "{} products; {:?}",
        found.matvecs,
        pairs()
            .map(|pair| (pair.value, pair.residual))
            .collect::<Vec<_>>()
    );
    prop_assert_eq!((found.largest.len(), found.smallest.len()), counts);
    check_quotients(&watched, found.largest.first(), found.smallest.first())?;
    check_order(&found.largest, truth.iter().copied(), options.tolerance)?;
    check_order(
        &found.smallest,
        truth.iter().rev().copied(),
        options.tolerance,
    )?;
    check_pairs(&found.largest, operator.as_mut(), &truth)?;
    check_pairs(&found.smallest, operator.as_mut(), &truth)
}

fn check_above(
    eigenvalues: &Eigenvalues,
    precision: Precision,
    place: usize,
    seed: u64,
) -> Result<(), TestCaseError> {
    let dense = matrix(&eigenvalues.0, seed);
    let (mut operator, truth) = in_precision(&dense, precision);
    // Half-way between two separate eigenvalues.
    let size = truth[0].abs().max(truth[truth.len() - 1].abs());
    let gaps: Vec<usize> = (0..DIMENSION - 1)
        .filter(|&k| truth[k] - truth[k + 1] > 1e-2 * size)
        .collect();
    let place = gaps[place % gaps.len()];
    let threshold = 0.5 * (truth[place] + truth[place + 1]);
    let options = LanczosOptions {
        above: Some(threshold),
        tolerance: tolerance(precision),
        ..Default::default()
    };
    let operator = operator.as_mut();
    let found = lanczos(operator, None, &mut rng(seed), options, Interrupt::never()).unwrap();
    prop_assert_eq!(found.largest.len(), place + 1);
    prop_assert!(found.complete);
    check_order(&found.largest, truth.iter().copied(), options.tolerance)?;
    check_pairs(&found.largest, operator, &truth)
}

fn check_davidson(
    eigenvalues: &Eigenvalues,
    precision: Precision,
    largest: usize,
    seed: u64,
) -> Result<(), TestCaseError> {
    let options = DavidsonOptions {
        largest,
        tolerance: tolerance(precision),
        ..Default::default()
    };
    // A search that begins anew, and one that remembers another operator.
    let (mut other, _) = in_precision(&matrix(&eigenvalues.0, seed + 1), precision);
    let mut rng = rng(seed);
    let never = Interrupt::never();
    let past = davidson(other.as_mut(), None, &mut rng, options, never).unwrap();
    let dense = matrix(&eigenvalues.0, seed);
    for warm_start in [None, Some(&past.warm_start)] {
        let (mut operator, truth) = in_precision(&dense, precision);
        let mut watched = Watched::new(operator.as_mut());
        let found = davidson(&mut watched, warm_start, &mut rng, options, never).unwrap();
        prop_assert_eq!(found.matvecs, watched.products);
        prop_assert!(found.complete && found.pairs.len() == largest);
        check_quotients(&watched, found.pairs.first(), None)?;
        check_order(&found.pairs, truth.iter().copied(), options.tolerance)?;
        check_pairs(&found.pairs, operator.as_mut(), &truth)?;
    }
    Ok(())
}

fn precisions() -> impl Strategy<Value = Precision> {
    prop_oneof![Just(Precision::F32), Just(Precision::F64)]
}

proptest! {
    #[test]
    fn lanczos_finds_the_ends_of_every_spectrum(
        eigenvalues in spectra(),
        precision in precisions(),
        counts in (1usize..6, 0usize..4),
        seed in any::<u32>(),
    ) {
        check_lanczos(&eigenvalues, precision, counts, seed.into())?;
    }

    #[test]
    fn everything_above_a_threshold_is_found(
        eigenvalues in spectra(),
        precision in precisions(),
        place in 0usize..15,
        seed in any::<u32>(),
    ) {
        check_above(&eigenvalues, precision, place, seed.into())?;
    }

    #[test]
    fn davidson_finds_the_leading_pairs_of_every_spectrum(
        eigenvalues in spectra(),
        precision in precisions(),
        largest in 1usize..6,
        seed in any::<u32>(),
    ) {
        check_davidson(&eigenvalues, precision, largest, seed.into())?;
    }
}

/// Sixty-five graded eigenvalues, ten times each, as least squares with ten outputs has.
fn of_ten_outputs() -> Vec<f64> {
    let graded = (0..65).map(|k| if k == 0 { 11.4 } else { 0.65 * 0.88f64.powi(k) });
    graded.flat_map(|value| [value; 10]).collect()
}

#[test]
fn the_basis_stays_orthonormal_where_little_is_left_of_each_product() {
    let dense = matrix(&of_ten_outputs()[..300], 1);
    for precision in [Precision::F32, Precision::F64] {
        let (mut operator, _) = in_precision(&dense, precision);
        let mut search = search::Search::new(operator.as_ref()).unwrap();
        let mut next = search.random(&mut rng(0));
        for _ in 0..60 {
            let Some(direction) = next else { break };
            search.multiply(operator.as_mut(), direction).unwrap();
            next = search.onward();
        }
        let loss = search.basis.loss_of_orthogonality();
        let allowed = match precision {
            Precision::F32 => 2e-7,
            Precision::F64 => 1e-14,
        };
        assert!(loss < allowed, "{loss:e} in {precision:?}");
    }
}

#[test]
fn a_density_weighs_a_multiple_eigenvalue_by_how_often_it_occurs() {
    let eigenvalues = &of_ten_outputs()[..200];
    let dense = matrix(eigenvalues, 2);
    for precision in [Precision::F32, Precision::F64] {
        let (mut operator, truth) = in_precision(&dense, precision);
        let options = DensityOptions {
            probes: 40,
            ..Default::default()
        };
        let never = Interrupt::never();
        let found = spectral_density(operator.as_mut(), &mut rng(3), options, never).unwrap();
        for threshold in [6.0, 0.4, 0.3] {
            let share = truth.iter().filter(|&&value| value > threshold).count() as f64 / 200.0;
            let (mean, error) = found.mean(|value| f64::from(u8::from(value > threshold)));
            assert!(
                (mean - share).abs() < 4.0 * error && error < 0.02,
                "{mean} ± {error} {share}"
            );
        }
        // All are within the spectrum, and none in its gap.
        let is_possible = |value: f64| (-1e-5..0.6).contains(&value) || (value - 11.4).abs() < 1e-4;
        for (value, _) in found.points() {
            assert!(is_possible(value), "{value} in {precision:?}");
        }
    }
}

#[test]
fn a_negative_quotient_of_a_positive_matrix_is_refused() {
    struct Positive(Dense);
    impl LinearOperator for Positive {
        fn dimension(&self) -> usize {
            self.0.dimension
        }
        fn is_positive_semidefinite(&self) -> bool {
            true
        }
        fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
            self.0.apply(vector)
        }
    }
    let attempt = |lowest: f64| {
        let mut operator = Positive(matrix(&[3.0, 2.0, 1.0, 0.0, lowest], 0));
        let options = LanczosOptions {
            max_matvecs: 20,
            tolerance: 1e-12,
            ..Default::default()
        };
        let found = lanczos(
            &mut operator,
            None,
            &mut rng(0),
            options,
            Interrupt::never(),
        );
        let options = DavidsonOptions::default();
        let also = davidson(
            &mut operator,
            None,
            &mut rng(0),
            options,
            Interrupt::never(),
        );
        (
            found.map(|found| found.largest[0].value),
            also.map(|found| found.pairs[0].value),
        )
    };
    let (found, also) = attempt(-1e-15);
    assert!((found.unwrap() - 3.0).abs() < 1e-9 && (also.unwrap() - 3.0).abs() < 1e-3);
    let error = attempt(-0.1).0.unwrap_err().to_string();
    assert!(
        error.contains("positive semi-definite") && error.contains("-1."),
        "{error}"
    );
}

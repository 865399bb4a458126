//! Against dense eigenvalues, with eigenvalues that change places between two searches.

use super::super::norm;
use super::super::testing::operators::{Dense, Single, rotated};
use super::super::vector::{axpy, random_normal};
use super::*;
use crate::linear::Precision;
use crate::random::Streams;
use nalgebra::{DMatrix, DVector};

pub(super) fn rng(seed: u64) -> StreamRng {
    Streams::new(seed).stream("probes", 0)
}

fn search(
    operator: &mut dyn LinearOperator,
    warm_start: Option<&WarmStart>,
    options: DavidsonOptions,
) -> LeadingPairs {
    davidson(
        operator,
        warm_start,
        &mut rng(0),
        options,
        Interrupt::never(),
    )
    .unwrap()
}

fn values(found: &LeadingPairs) -> Vec<f64> {
    found.pairs.iter().map(|pair| pair.value).collect()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?} for {expected:?}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance, "{found:?} for {expected:?}");
    }
}

/// A random orthogonal matrix near the identity: the first ten axes turn among themselves by angles
/// of about `size`, and a third of that towards the others.
pub(super) fn turn(dimension: usize, size: f64, rng: &mut StreamRng) -> DMatrix<f64> {
    let normal = random_normal(dimension * dimension, rng);
    let skew = DMatrix::from_fn(dimension, dimension, |row, column| {
        let (low, high) = (row.min(column), row.max(column));
        let spread = match (low < 10, high < 10) {
            _ if low == high => 0.0,
            (true, true) => size / 10.0f64.sqrt(),
            (true, false) => 0.3 * size / (dimension as f64).sqrt(),
            _ => 0.0,
        };
        spread * normal[low * dimension + high] * if row < column { 1.0 } else { -1.0 }
    });
    (DMatrix::identity(dimension, dimension) + skew).qr().q()
}

pub(super) fn with_eigenvectors(vectors: &DMatrix<f64>, eigenvalues: &[f64]) -> Dense {
    let diagonal = DMatrix::from_diagonal(&DVector::from_column_slice(eigenvalues));
    let matrix = vectors * diagonal * vectors.transpose();
    Dense {
        dimension: eigenvalues.len(),
        entries: matrix.iter().copied().collect(),
    }
}

/// Ten separate eigenvalues over a bulk, as the Hessian of a network with ten outputs has.
pub(super) fn outliers(dimension: usize) -> Vec<f64> {
    let mut eigenvalues = vec![10.0, 8.8, 7.9, 7.0, 6.2, 5.5, 4.8, 4.2, 3.6, 3.1];
    let bulk = dimension - eigenvalues.len();
    eigenvalues.extend((0..bulk).map(|i| 0.9 - 1.2 * i as f64 / bulk as f64));
    eigenvalues
}

/// The eigenpairs of a diagonal matrix, largest ten.
fn exact_warm_start(eigenvalues: &[f64]) -> WarmStart {
    let pairs: Vec<(f64, Vec<f64>)> = (0..10)
        .map(|i| {
            let mut axis = vec![0.0; eigenvalues.len()];
            axis[i] = 1.0;
            (eigenvalues[i], axis)
        })
        .collect();
    WarmStart::new(&pairs, Precision::F64).unwrap()
}

#[test]
fn cold_and_warm_searches_find_the_eigenvalues_of_dense_matrices() {
    let options = DavidsonOptions {
        largest: 4,
        tolerance: 1e-9,
        ..Default::default()
    };
    let mut warm_start = None;
    for step in 0..3 {
        let vectors = turn(60, 0.2 * f64::from(step), &mut rng(5));
        let mut matrix = with_eigenvectors(&vectors, &outliers(60));
        let dense = DMatrix::from_row_slice(60, 60, &matrix.entries);
        let mut truth = dense.symmetric_eigenvalues().as_slice().to_vec();
        truth.sort_by(|a, b| b.total_cmp(a));
        let found = search(&mut matrix, warm_start.as_ref(), options);
        assert!(found.complete);
        assert_close(&values(&found), &truth[..4], 1e-8);
        warm_start = Some(found.warm_start);
    }
}

#[test]
fn residuals_are_those_of_real_products() {
    let mut matrix = rotated(&outliers(80));
    let options = DavidsonOptions {
        max_matvecs: 6,
        ..Default::default()
    };
    let mut wrong = outliers(80);
    wrong.reverse();
    for warm_start in [None, Some(exact_warm_start(&wrong))] {
        let found = search(&mut matrix, warm_start.as_ref(), options);
        let pair = &found.pairs[0];
        let mut rest = matrix.apply(&pair.vector).unwrap();
        axpy(-pair.value, &pair.vector, &mut rest);
        let residual = norm(&rest) / pair.scale;
        assert!((pair.residual / residual - 1.0).abs() < 1e-6);
        assert!(!pair.converged && !found.complete && found.matvecs == 6);
    }
}

#[test]
fn a_small_change_takes_fewer_products_warm_than_cold() {
    let eigenvalues = outliers(80);
    let mut products = [0, 0];
    for seed in 0..10 {
        let vectors = turn(80, 0.05, &mut rng(seed));
        let mut matrix = with_eigenvectors(&vectors, &eigenvalues);
        let warm_start = exact_warm_start(&eigenvalues);
        for (count, start) in products.iter_mut().zip([None, Some(&warm_start)]) {
            let found = search(&mut matrix, start, DavidsonOptions::default());
            assert!((found.pairs[0].value - 10.0).abs() < 1e-3);
            *count += found.matvecs;
        }
    }
    let [cold, warm] = products;
    assert!(
        warm <= 60 && cold >= 100,
        "cold {cold}, warm {warm} in ten searches"
    );
}

/// How often of `runs` the largest eigenvalue is missed after one of the nine others has risen above
/// it, and the eigenvectors have turned by about `turned`.
fn missed(overtaken_by: f64, turned: f64, runs: u64) -> usize {
    let old = outliers(80);
    let warm_start = exact_warm_start(&old);
    let is_missed = |&seed: &u64| {
        let mut rng = rng(seed);
        let mut new = old.clone();
        new[1 + seed as usize % 9] = 10.0 * (1.0 + overtaken_by);
        let mut matrix = with_eigenvectors(&turn(80, turned, &mut rng), &new);
        let options = DavidsonOptions::default();
        let start = Some(&warm_start);
        let found = davidson(&mut matrix, start, &mut rng, options, Interrupt::never());
        found.unwrap().pairs[0].value < 10.0 * (1.0 + overtaken_by) * (1.0 - 2e-3)
    };
    (0..runs).filter(is_missed).count()
}

#[test]
fn an_eigenvalue_that_has_overtaken_is_seen_though_the_old_eigenvectors_are_still_exact() {
    for overtaken_by in [0.02, 0.05, 0.2] {
        assert_eq!(missed(overtaken_by, 0.0, 60), 0, "{overtaken_by}");
    }
}

#[test]
fn an_eigenvalue_that_has_overtaken_is_seen_though_the_eigenvectors_have_turned() {
    for turned in [0.05, 0.1, 0.5] {
        assert_eq!(missed(0.2, turned, 40), 0, "{turned}");
        let close = missed(0.02, turned, 40);
        assert!(close <= 6, "{turned}: {close} of 40 at 2 %");
    }
}

/// In how many of `runs` searches for five pairs one of them is not found, after a remembered pair beyond the fifth has
/// risen to the front and the eigenvectors have turned by about `turned`; and products in the mean.
fn missed_of_five(start: Start, turned: f64, risen_to: Option<f64>, runs: u64) -> (usize, f64) {
    let old = outliers(80);
    let warm_start = exact_warm_start(&old);
    let (mut missed, mut products) = (0, 0);
    for seed in 0..runs {
        let mut rng = rng(seed);
        let mut new = old.clone();
        if let Some(value) = risen_to {
            new[5 + seed as usize % 5] = value;
        }
        let mut matrix = with_eigenvectors(&turn(80, turned, &mut rng), &new);
        let options = DavidsonOptions {
            start,
            largest: 5,
            tolerance: 0.01,
            is_certain: false,
            ..Default::default()
        };
        let never = Interrupt::never();
        let found = davidson(&mut matrix, Some(&warm_start), &mut rng, options, never).unwrap();
        new.sort_by(|a, b| b.total_cmp(a));
        let is_near = |(pair, value): (&Eigenpair, &f64)| (pair.value - value).abs() < 0.01 * value;
        missed += usize::from(!found.pairs.iter().zip(&new).all(is_near));
        products += found.matvecs;
    }
    (missed, products as f64 / runs as f64)
}

#[test]
fn five_pairs_are_followed_by_fewer_products_and_one_that_has_risen_among_them_is_seen() {
    let of = |start, turned, risen_to| missed_of_five(start, turned, risen_to, 40);
    for turned in [0.0, 0.05, 0.1] {
        let (missed, products) = of(Start::LeadingAndMixture, turned, None);
        assert!(
            missed == 0 && products <= 11.0,
            "{turned}: {missed}, {products}"
        );
        for risen_to in [7.5, 9.0, 12.0] {
            let (missed, products) = of(Start::LeadingAndMixture, turned, Some(risen_to));
            assert!(
                missed == 0 && products < 12.5,
                "{turned} {risen_to}: {missed}, {products}"
            );
        }
        // The leading vectors alone miss what has risen, as long as others turn little.
        let (missed, _) = of(Start::Leading, turned, Some(7.5));
        assert!(missed > 10, "{turned}: {missed}");
    }
    // 5 % above the fifth, another is missed in some rounds.
    let (missed, _) = of(Start::LeadingAndMixture, 0.05, Some(6.5));
    assert!(missed < 20, "{missed}");
}

#[test]
fn a_cheap_surrogate_of_the_operator_saves_products() {
    let eigenvalues = outliers(80);
    let mut surrogate = with_eigenvectors(&turn(80, 0.02, &mut rng(1)), &eigenvalues);
    let mut operator = with_eigenvectors(&turn(80, 0.02, &mut rng(2)), &eigenvalues);
    let first = search(&mut surrogate, None, DavidsonOptions::default());
    let options = DavidsonOptions {
        start: Start::Leading,
        ..Default::default()
    };
    let cold = search(&mut operator, None, options);
    let warm = search(&mut operator, Some(&first.warm_start), options);
    assert!(warm.complete && cold.complete);
    assert_close(&values(&warm), &[10.0], 1e-4);
    assert!(
        2 * warm.matvecs <= cold.matvecs,
        "{} {}",
        warm.matvecs,
        cold.matvecs
    );
}

#[test]
fn multiple_eigenvalues_are_found_up_to_the_number_asked_for() {
    let mut eigenvalues = vec![0.5; 30];
    eigenvalues[..4].copy_from_slice(&[3.0, 3.0, 3.0, 2.0]);
    let options = DavidsonOptions {
        largest: 4,
        tolerance: 1e-8,
        ..Default::default()
    };
    let cold = search(&mut rotated(&eigenvalues), None, options);
    assert_close(&values(&cold), &[3.0, 3.0, 3.0, 2.0], 1e-9);
    let warm = search(&mut rotated(&eigenvalues), Some(&cold.warm_start), options);
    assert_close(&values(&warm), &[3.0, 3.0, 3.0, 2.0], 1e-9);
    assert!(cold.complete && warm.complete);
}

#[test]
fn every_eigenvalue_above_a_threshold_is_found() {
    let options = DavidsonOptions {
        above: Some(6.0),
        tolerance: 1e-6,
        ..Default::default()
    };
    let mut matrix = rotated(&outliers(80));
    let cold = search(&mut matrix, None, options);
    let warm = search(&mut matrix, Some(&cold.warm_start), options);
    for found in [cold, warm] {
        assert_close(&values(&found), &[10.0, 8.8, 7.9, 7.0, 6.2], 1e-6);
        assert!(found.complete);
    }
}

#[test]
fn invariant_subspaces_and_small_dimensions_end_early_without_nan() {
    let options = DavidsonOptions {
        largest: 3,
        ..Default::default()
    };
    let cases: [(&[f64], &[f64]); 5] = [
        (&[0.0; 5], &[0.0; 3]),
        (&[2.5; 6], &[2.5; 3]),
        (&[-1.0; 4], &[-1.0; 3]),
        (&[4.0, 2.0], &[4.0, 2.0]),
        (&[7.0, 0.0, 0.0, 0.0, 0.0], &[7.0, 0.0, 0.0]),
    ];
    for (eigenvalues, expected) in cases {
        let mut matrix = Dense::diagonal(eigenvalues);
        let cold = search(&mut matrix, None, options);
        let warm = search(&mut matrix, Some(&cold.warm_start), options);
        for found in [cold, warm] {
            assert_close(&values(&found), expected, 1e-12);
            assert!(found.pairs.iter().all(|pair| !pair.residual.is_nan()));
            assert!(found.complete);
            // Residuals of rounding errors are measured by a product more for each pair.
            assert!(found.matvecs <= eigenvalues.len() + expected.len());
        }
    }
}

#[test]
fn budgets_end_a_search_honestly() {
    let budgets = [(Some(3), None, 3), (None, Some(0.0), 1), (Some(1), None, 1)];
    for (max_matvecs, max_seconds, made) in budgets {
        let options = DavidsonOptions {
            largest: 2,
            budget: Budget {
                max_matvecs,
                max_seconds,
            },
            ..Default::default()
        };
        let found = search(&mut rotated(&outliers(80)), None, options);
        assert_eq!(found.matvecs, made);
        assert!(!found.complete && found.pairs.len() == made.min(2));
        assert!(found.pairs.iter().all(|pair| !pair.converged));
    }
}

#[test]
fn a_warm_start_of_another_dimension_is_refused() {
    let warm_start = exact_warm_start(&outliers(20));
    let result = davidson(
        &mut rotated(&outliers(30)),
        Some(&warm_start),
        &mut rng(0),
        DavidsonOptions::default(),
        Interrupt::never(),
    );
    let expected = LinearError::WrongLength {
        expected: 30,
        found: 20,
    };
    assert_eq!(result.unwrap_err(), expected);
    let pairs = [(2.0, vec![1.0, 0.0]), (1.0, vec![0.0])];
    let error = WarmStart::new(&pairs, Precision::F64).unwrap_err();
    assert!(error.to_string().contains("another operator"), "{error}");
    let pairs = [(f64::NAN, vec![1.0, 0.0])];
    let error = WarmStart::new(&pairs, Precision::F64).unwrap_err();
    assert_eq!(error, LinearError::NotFinite);
}

#[test]
fn products_that_are_not_finite_and_dimension_zero_are_refused() {
    let attempt = |matrix: &mut Dense| {
        let options = DavidsonOptions::default();
        davidson(matrix, None, &mut rng(0), options, Interrupt::never()).unwrap_err()
    };
    let mut overflown = Dense::diagonal(&[1.0, f64::INFINITY]);
    assert_eq!(attempt(&mut overflown), LinearError::NotFinite);
    assert_eq!(attempt(&mut Dense::diagonal(&[])), LinearError::Empty);
}

#[test]
fn the_same_stream_gives_the_same_bits() {
    let once = || {
        let mut matrix = rotated(&outliers(60));
        let cold = search(&mut matrix, None, DavidsonOptions::default());
        let warm = search(
            &mut matrix,
            Some(&cold.warm_start),
            DavidsonOptions::default(),
        );
        (values(&warm), warm.pairs[0].vector.clone(), warm.matvecs)
    };
    assert_eq!(once(), once());
}

#[test]
fn in_f32_a_warm_start_takes_four_bytes_a_number() {
    let mut matrix = Single::of(&rotated(&outliers(80)));
    let found = search(&mut matrix, None, DavidsonOptions::default());
    assert!(found.complete && (found.pairs[0].value - 10.0).abs() < 1e-4);
    let warm_start = &found.warm_start;
    assert!(!warm_start.is_empty() && warm_start.len() <= 10);
    assert_eq!(warm_start.bytes(), warm_start.len() * 80 * 4);
}

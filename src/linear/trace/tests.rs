//! Traces and norms of matrices that are known.

use super::*;
use crate::linear::testing::operators::{Dense, rotated};
use crate::linear::{Budget, diagonal};
use crate::random::Streams;

fn rng(seed: u64) -> StreamRng {
    Streams::new(seed).stream("probes", 0)
}

fn ones(dimension: usize) -> Dense {
    Dense {
        dimension,
        entries: vec![1.0; dimension * dimension],
    }
}

fn power_law(dimension: u32, exponent: f64) -> Vec<f64> {
    (1..=dimension)
        .map(|i| f64::from(i).powf(-exponent))
        .collect()
}

fn within(max_matvecs: usize) -> ProbeOptions {
    ProbeOptions {
        budget: Budget {
            max_matvecs: Some(max_matvecs),
            max_seconds: None,
        },
        ..ProbeOptions::default()
    }
}

#[test]
fn leading_directions_that_are_all_there_are_leave_nothing_to_chance() {
    let mut matrix = Dense::diagonal(&[1.0, -2.0, 5.0]);
    let options = ProbeOptions::default();
    let never = Interrupt::never();
    let traces = traces(&mut matrix, &mut rng(0), options, never, of_trace).unwrap();
    let (trace, size) = (traces.trace(), traces.frobenius_norm());
    assert!((trace.value - 4.0).abs() < 1e-13 && trace.standard_error == 0.0);
    assert!((size.value - 30f64.sqrt()).abs() < 1e-13 && size.standard_error == 0.0);
    assert!(trace.converged && trace.matvecs == 3);
}

#[test]
fn a_multiple_of_the_identity_has_no_variance() {
    let mut matrix = rotated(&[2.5; 40]);
    let options = ProbeOptions::default();
    let estimate = hutchinson(&mut matrix, &mut rng(0), options, Interrupt::never()).unwrap();
    // One Krylov vector, eight probes of the pilot, and the fewest that count.
    assert_eq!(estimate.matvecs, 1 + 8 + 16);
    assert!((estimate.value - 100.0).abs() < 1e-10);
    assert!(estimate.standard_error <= 1e-14 * 100.0 && estimate.converged);
}

#[test]
fn the_standard_error_is_that_of_the_closed_form_variance() {
    // A single eigenvalue of 4 in dimension 4: variance 2 · 4/6 · (16 − 4) = 16 per probe.
    let options = ProbeOptions::fixed(4000);
    let estimate = hutchinson(&mut ones(4), &mut rng(3), options, Interrupt::never()).unwrap();
    let expected = (16.0f64 / 4000.0).sqrt();
    assert!((estimate.standard_error / expected - 1.0).abs() < 0.05);
    assert!((estimate.value - 4.0).abs() < 4.0 * expected);
    assert!(!estimate.converged, "a tolerance of 0 is never reached");
}

#[test]
fn hutch_plus_plus_is_exact_on_low_rank_and_beats_hutchinson_on_a_decaying_spectrum() {
    let never = Interrupt::never();
    let (mut matrix, options) = (ones(6), ProbeOptions::fixed(6));
    let estimate = hutch_plus_plus(&mut matrix, 2, &mut rng(0), options, never).unwrap();
    assert!((estimate.value - 6.0).abs() < 1e-10 && estimate.standard_error < 1e-10);

    // Eigenvalues 1/i² in a rotated basis, 60 products each.
    let spectrum = power_law(100, 2.0);
    let truth: f64 = spectrum.iter().sum();
    let mut errors = [0.0, 0.0];
    for seed in 0..20 {
        let mut matrix = rotated(&spectrum);
        let (few, many) = (ProbeOptions::fixed(20), ProbeOptions::fixed(60));
        let plain = hutchinson(&mut matrix, &mut rng(seed), many, never).unwrap();
        let better = hutch_plus_plus(&mut matrix, 20, &mut rng(seed), few, never).unwrap();
        assert!(better.matvecs <= 60);
        errors[0] += (plain.value - truth).powi(2);
        errors[1] += (better.value - truth).powi(2);
    }
    assert!(errors[1] < 0.1 * errors[0], "{errors:?}");
}

#[test]
fn the_number_of_probes_is_what_the_tolerance_takes() {
    // Ten equal outliers, of which a Krylov space sees one direction: nine squares of normal numbers
    // leave √(2/9) of relative error, (0.42/0.05)² · 1.5 probes or so.
    let mut matrix = rotated(&[vec![11.0; 10], vec![0.0; 70]].concat());
    let options = ProbeOptions::default();
    let never = Interrupt::never();
    let (mut converged, mut matvecs) = (0, 0);
    for seed in 0..50 {
        let found = hutchinson(&mut matrix, &mut rng(seed), options, never).unwrap();
        converged += usize::from(found.converged);
        matvecs += found.matvecs;
    }
    assert!(converged > 35, "{converged} of 50");
    assert!((60..140).contains(&(matvecs / 50)), "{}", matvecs / 50);
}

#[test]
fn budgets_are_kept_and_too_small_ones_refused() {
    let never = Interrupt::never();
    let mut matrix = rotated(&power_law(30, 1.0));
    for allowed in 16..60 {
        let options = within(allowed);
        let wanted = |traces: &Traces| traces.frobenius_norm().relative_error();
        let found = traces(&mut matrix, &mut rng(0), options, never, wanted).unwrap();
        assert!(found.matvecs <= allowed && found.matvecs + 40 > allowed);
        let plus = hutch_plus_plus(&mut matrix, 10, &mut rng(0), options, never).unwrap();
        assert!(plus.matvecs <= allowed);
    }
    let refusal = LinearError::TooFewProducts {
        allowed: 9,
        fewest: 10,
    };
    let found = hutchinson(&mut matrix, &mut rng(0), within(9), never);
    assert_eq!(found.unwrap_err(), refusal);
    // The norm needs some probes to be multiplied twice.
    let refusal = LinearError::TooFewProducts {
        allowed: 15,
        fewest: 16,
    };
    let found = traces(&mut matrix, &mut rng(0), within(15), never, of_trace);
    assert_eq!(found.unwrap_err(), refusal);
    let hasty = ProbeOptions {
        budget: Budget {
            max_matvecs: None,
            max_seconds: Some(0.0),
        },
        ..ProbeOptions::default()
    };
    let found = hutchinson(&mut matrix, &mut rng(0), hasty, never);
    assert!(matches!(
        found.unwrap_err(),
        LinearError::TooFewProducts { .. }
    ));
    assert!(diagonal(&mut matrix, &mut rng(0), hasty, never).is_err());
}

#[test]
fn the_zero_operator_has_trace_zero_without_nan() {
    let mut zero = rotated(&[0.0; 30]);
    let never = Interrupt::never();
    let found = traces(
        &mut zero,
        &mut rng(0),
        ProbeOptions::default(),
        never,
        of_trace,
    );
    let found = found.unwrap();
    let (trace, size) = (found.trace(), found.frobenius_norm());
    assert_eq!(
        (trace.value, trace.standard_error, trace.converged),
        (0.0, 0.0, true)
    );
    assert_eq!((size.value, size.standard_error), (0.0, 0.0));
    let options = ProbeOptions::default();
    let found = hutch_plus_plus(&mut zero, 2, &mut rng(0), options, never).unwrap();
    assert_eq!(found.value, 0.0);
}

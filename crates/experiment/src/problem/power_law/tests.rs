//! Fits of laws that are known.

use super::*;
use crate::problem::draw;

fn budgets(count: usize, decades: f64) -> Vec<f64> {
    (0..count)
        .map(|index| 10f64.powf(decades * index as f64 / (count as f64 - 1.0)))
        .collect()
}

#[test]
fn a_law_without_errors_is_found_exactly() {
    let x = budgets(10, 3.0);
    for law in [
        Law {
            amplitude: 2.0,
            exponent: 0.35,
            offset: 1.5,
        },
        Law {
            amplitude: 0.3,
            exponent: 1.2,
            offset: -2e-5,
        },
    ] {
        let y: Vec<f64> = x.iter().map(|x| law.at(*x)).collect();
        let found = Curve::power_with_offset(&x).fit(&y).law();
        assert!((found.exponent - law.exponent).abs() < 1e-9, "{found:?}");
        assert!((found.amplitude - law.amplitude).abs() < 1e-8);
        assert!((found.offset - law.offset).abs() < 1e-8);
    }
}

#[test]
fn a_joint_law_without_errors_is_found() {
    let sizes: Vec<(f64, f64)> = (0..36)
        .map(|index| {
            (
                10f64.powf(7.0 + f64::from(index / 6) * 0.6),
                10f64.powf(9.0 + f64::from(index % 6) * 0.5),
            )
        })
        .collect();
    let (n, d): (Vec<f64>, Vec<f64>) = sizes.iter().copied().unzip();
    let y: Vec<f64> = sizes
        .iter()
        .map(|(n, d)| JointLaw::PRINTED.at(*n, *d))
        .collect();
    let found = Curve::joint(&n, &d).fit(&y).joint_law();
    assert!((found.alpha - 0.34).abs() < 1e-7, "{found:?}");
    assert!((found.beta - 0.28).abs() < 1e-7);
    assert!((found.of_parameters / 406.4 - 1.0).abs() < 1e-5);
    assert!((found.offset - 1.61).abs() < 1e-6);
}

#[test]
fn the_best_number_of_parameters_is_better_than_its_neighbours() {
    let law = JointLaw::PRINTED;
    let at = |n: f64| law.at(n, 1e21 / (OPERATIONS * n));
    let best = law.best_parameters(1e21);
    assert!(at(best) < at(1.01 * best) && at(best) < at(best / 1.01));
}

#[test]
fn a_fit_is_a_minimum_of_the_squares_it_says() {
    let x = budgets(20, 3.0);
    let mut rng = Streams::new(0).stream("test", 0);
    let y: Vec<f64> = x
        .iter()
        .map(|x| (x.powf(-0.4) + 0.2) * (0.05 * draw::normal(&mut rng)).exp())
        .collect();
    let fit = Curve::power_with_offset(&x).fit(&y);
    let squares = |law: Law| -> f64 {
        x.iter()
            .zip(&y)
            .map(|(x, y)| (1.0 - law.at(*x) / y).powi(2))
            .sum()
    };
    let law = fit.law();
    assert!((squares(law) - fit.squares()).abs() < 1e-12);
    for factor in [0.999, 1.001] {
        assert!(
            squares(Law {
                exponent: law.exponent * factor,
                ..law
            }) > fit.squares()
        );
        assert!(
            squares(Law {
                offset: law.offset * factor,
                ..law
            }) > fit.squares()
        );
    }
    // The search from the best of a grid ends where one from elsewhere does.
    let again = Curve::power_with_offset(&x).fit_from(&y, &[1.5]);
    assert!((again.rates[0] - fit.rates[0]).abs() < 1e-5);
}

#[test]
fn two_lines_meet_where_the_slope_changes() {
    let x = budgets(25, 4.0);
    let y: Vec<f64> = x
        .iter()
        .map(|x| {
            if *x < 100.0 {
                x.powf(-0.5)
            } else {
                x.powf(-0.2) * 100f64.powf(-0.3)
            }
        })
        .collect();
    let (fit, place) = broken_line(&x, &y);
    assert!((place.log10() - 2.0).abs() < 0.06, "{place}");
    assert!((fit.coefficients[1] + 0.5).abs() < 0.02 && (fit.coefficients[2] - 0.3).abs() < 0.02);
    assert!(fit.criterion() < lines_in_logarithms(&x, &y, None).criterion());
}

#[test]
fn a_number_more_costs_two_and_more_in_the_criterion() {
    // Of 12 values and 2 numbers with the size of the errors: 12 ln(squares/12) + 6 + 24/8.
    let fit = Fit {
        rates: vec![1.0],
        coefficients: vec![1.0],
        residuals: vec![0.1; 12],
        freedom: 2,
    };
    let expected = 12.0 * 0.01f64.ln() + 9.0;
    assert!((fit.criterion() - expected).abs() < 1e-12);
}

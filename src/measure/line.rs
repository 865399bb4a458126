//! Where a run stands to the line beyond which its steps are not stable, as far as rows tell.

use super::measurement::Measurement;
use super::stability::descent::Descent;
use super::stability::preconditioned;
use super::step_rule::{Reach, StepRule};

/// The measures that tell, those that go before others last.
pub const LINE_MEASURES: [&str; 4] = [LAMBDA_MAX, FOLLOWED, "stability.momentum", "stability.adam"];

const LAMBDA_MAX: &str = "hessian.lambda_max";

/// The largest eigenvalue of the matrix that steps see.
const FOLLOWED: &str = "stability.eigenvalue_1";

/// The curvature over the line of a run's own update rule, with its error: 1 is the line. One number for each
/// set of circumstances under which rows of the whole network tell it. A row of the condition itself goes before
/// one of an eigenvalue, of which `η (λmax + μ)` over the threshold, or what it is for Adam, is made here.
pub fn over_the_line<'r>(
    rows: impl IntoIterator<Item = &'r Measurement>,
    rule: StepRule<'_>,
    reach: Reach<'_>,
    rate: f64,
) -> Vec<Measurement> {
    let mut found: Vec<Measurement> = Vec::new();
    for row in rows {
        let is_told = row.value.is_some() && row.circumstances.block.is_none();
        if !is_told || !LINE_MEASURES.contains(&row.name.as_str()) {
            continue;
        }
        // Of the whole Hessian, where steps see a part of it or weight decay adds to a part.
        if row.name == LAMBDA_MAX && !reach.is_whole() {
            continue;
        }
        let Some(ratio) = ratio(row, rule, rate) else {
            continue;
        };
        let mut known = found.iter_mut();
        match known.find(|known| known.circumstances == ratio.circumstances) {
            Some(known) if place(&known.name) < place(&ratio.name) => *known = ratio,
            Some(_) => {}
            None => found.push(ratio),
        }
    }
    found
}

/// The place of a measure among those that tell.
fn place(name: &str) -> Option<usize> {
    LINE_MEASURES.iter().position(|measure| *measure == name)
}

/// The curvature of one row over the line; none of an eigenvalue where the line is not one of it.
fn ratio(row: &Measurement, rule: StepRule<'_>, rate: f64) -> Option<Measurement> {
    let is_of_hessian = row.name == LAMBDA_MAX;
    if !is_of_hessian && row.name != FOLLOWED {
        return Some(row.clone());
    }
    match rule {
        StepRule::Descent {
            momentum,
            is_nesterov,
            penalty,
        } => {
            let descent = Descent {
                momentum,
                is_nesterov,
                penalty,
            };
            let of_steps = match is_of_hessian {
                true => row.clone().plus(penalty),
                false => row.clone(),
            };
            Some(of_steps.times(rate / descent.threshold()))
        }
        StepRule::Adaptive {
            momentum, decay, ..
        } if !is_of_hessian => {
            let line = preconditioned::threshold(rate, momentum, decay);
            Some(row.clone().times(line.recip()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: f64) -> Measurement {
        Measurement::new(name, value).with_residual(0.01, true, 5)
    }

    const HEAVY_BALL: StepRule<'static> = StepRule::Descent {
        momentum: 0.5,
        is_nesterov: false,
        penalty: 1.0,
    };

    #[test]
    fn an_eigenvalue_is_put_over_the_line_of_the_rule_with_its_error() {
        let found = over_the_line(
            &[row("hessian.lambda_max", 5.0)],
            HEAVY_BALL,
            Reach::default(),
            0.25,
        );
        // η (λ + μ) / 2(1 + β) = 0.25 · 6 / 3, and a hundredth of λ is a twelfth of a hundredth of it.
        assert_eq!(found[0].value, Some(0.5));
        let error = found[0].absolute_error().unwrap();
        assert!((error - 0.05 * 0.25 / 3.0).abs() < 1e-15, "{error}");
    }

    #[test]
    fn the_eigenvalue_that_is_followed_is_of_the_matrix_of_the_line() {
        let followed = row("stability.eigenvalue_1", 6.0);
        let found = over_the_line(
            &[row("hessian.lambda_max", 5.0), followed],
            HEAVY_BALL,
            Reach::default(),
            0.25,
        );
        // The penalty is in it.
        assert_eq!((found.len(), found[0].value), (1, Some(0.5)));
        assert_eq!(found[0].name, "stability.eigenvalue_1");
        let adam = StepRule::Adaptive {
            momentum: 0.9,
            penalty: 0.0,
            decay: 0.0,
            preconditioner: None,
        };
        let found = over_the_line(
            &[row("stability.eigenvalue_1", 190.0)],
            adam,
            Reach::default(),
            0.1,
        );
        // 2 (1 + β₁) / ((1 − β₁) η) = 380.
        assert!((found[0].value.unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_condition_itself_goes_before_the_eigenvalue_and_blocks_tell_nothing() {
        let mut of_block = row("stability.momentum", 3.0);
        of_block.circumstances.block = Some("layers.0".to_owned());
        let mut of_few = row("hessian.lambda_max", 9.0);
        of_few.circumstances.subset = Some(7);
        let rows = [
            row("stability.momentum", 0.9),
            row("hessian.lambda_max", 5.0),
            row("stability.gd", 2.0),
            of_block,
            of_few,
        ];
        for rows in [rows.clone(), {
            let mut rows = rows;
            rows.reverse();
            rows
        }] {
            let found = over_the_line(&rows, HEAVY_BALL, Reach::default(), 0.25);
            let of = |subset| {
                let mut found = found.iter();
                found
                    .find(|row| row.circumstances.subset == subset)
                    .unwrap()
                    .value
            };
            assert_eq!(found.len(), 2);
            assert_eq!(of(None), Some(0.9));
            assert!((of(Some(7)).unwrap() - 0.25 * 10.0 / 3.0).abs() < 1e-15);
        }
    }

    #[test]
    fn the_eigenvalue_of_the_hessian_says_nothing_about_adam() {
        let adam = StepRule::Adaptive {
            momentum: 0.9,
            penalty: 0.0,
            decay: 0.0,
            preconditioner: None,
        };
        assert!(
            over_the_line(
                &[row("hessian.lambda_max", 5.0)],
                adam,
                Reach::default(),
                0.1
            )
            .is_empty()
        );
        let found = over_the_line(&[row("stability.adam", 1.5)], adam, Reach::default(), 0.1);
        assert_eq!(found[0].value, Some(1.5));
    }
}

//! Where a run stands to the line beyond which its steps are not stable, as far as rows tell.

use super::measurement::Measurement;
use super::stability::descent::Descent;
use super::step_rule::StepRule;

/// The measures that tell.
pub const LINE_MEASURES: [&str; 3] = [LAMBDA_MAX, "stability.momentum", "stability.adam"];

const LAMBDA_MAX: &str = "hessian.lambda_max";

/// The curvature over the line of a run's own update rule, with its error: 1 is the line. One number for each
/// set of circumstances under which rows of the whole network tell it. A row of the condition itself goes before
/// one of the eigenvalue, of which `η (λmax + μ)` over the threshold is made here.
pub fn over_the_line<'r>(
    rows: impl IntoIterator<Item = &'r Measurement>,
    rule: StepRule<'_>,
    rate: f64,
) -> Vec<Measurement> {
    let mut found: Vec<Measurement> = Vec::new();
    for row in rows {
        let is_told = row.value.is_some() && row.circumstances.block.is_none();
        if !is_told || !LINE_MEASURES.contains(&row.name.as_str()) {
            continue;
        }
        let Some(ratio) = ratio(row, rule, rate) else {
            continue;
        };
        let mut known = found.iter_mut();
        match known.find(|known| known.circumstances == ratio.circumstances) {
            Some(known) if row.name != LAMBDA_MAX => *known = ratio,
            Some(_) => {}
            None => found.push(ratio),
        }
    }
    found
}

/// The curvature of one row over the line; none of an eigenvalue where the line is not one of it.
fn ratio(row: &Measurement, rule: StepRule<'_>, rate: f64) -> Option<Measurement> {
    if row.name != LAMBDA_MAX {
        return Some(row.clone());
    }
    let StepRule::Descent {
        momentum,
        is_nesterov,
        penalty,
    } = rule
    else {
        return None;
    };
    let descent = Descent {
        momentum,
        is_nesterov,
        penalty,
    };
    Some(row.clone().plus(penalty).times(rate / descent.threshold()))
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
        let found = over_the_line(&[row("hessian.lambda_max", 5.0)], HEAVY_BALL, 0.25);
        // η (λ + μ) / 2(1 + β) = 0.25 · 6 / 3, and a hundredth of λ is a twelfth of a hundredth of it.
        assert_eq!(found[0].value, Some(0.5));
        let error = found[0].absolute_error().unwrap();
        assert!((error - 0.05 * 0.25 / 3.0).abs() < 1e-15, "{error}");
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
            let found = over_the_line(&rows, HEAVY_BALL, 0.25);
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
        assert!(over_the_line(&[row("hessian.lambda_max", 5.0)], adam, 0.1).is_empty());
        let found = over_the_line(&[row("stability.adam", 1.5)], adam, 0.1);
        assert_eq!(found[0].value, Some(1.5));
    }
}

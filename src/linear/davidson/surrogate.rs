//! A search on several levels: first cheap surrogates of the operator, then the operator itself.

use super::{DavidsonOptions, LeadingPairs, Search, Start, WarmStart, davidson};
use crate::linear::{Budget, Interrupt, LinearError, LinearOperator, Spending};
use crate::random::StreamRng;
use std::time::Instant;

/// An operator with nearly the same leading eigenvectors, such as the same matrix over fewer samples.
pub struct Surrogate<'a> {
    /// Its products.
    pub operator: &'a mut dyn LinearOperator,
    /// What one costs, as a share of a product with the operator it stands for.
    pub cost: f64,
    /// What choosing it has cost, as such a share.
    pub setup: f64,
    /// The relative residual at which the search on it ends. It is itself further away than that from
    /// the operator.
    pub tolerance: f64,
}

/// Eigenpairs that one search leaves for the next one of the same point, at least.
const REMEMBERED: usize = 10;

/// Products with a surrogate for each pair that is looked for, at most.
const PRODUCTS_PER_PAIR: usize = 12;

/// As [`davidson`], but searches on surrogates go first, the cheapest one before the others, at loose
/// tolerances. The first of them begins with random vectors or with the mixture of what is remembered of
/// an earlier point, so that it sees what has overtaken; the others and the search on the operator itself
/// can then begin with the leading vectors ([`Start::Leading`]). Residuals are those of the operator; what
/// no surrogate has among its leading vectors is as hard to see as in [`davidson`] what is orthogonal to
/// everything remembered.
///
/// `matvecs` counts surrogates and products with them at their cost, rounded up in sum, and the budget
/// holds for this sum. At most half of it goes to surrogates.
///
/// Memory: the searches share a basis, which begins anew with the pairs remembered where it holds more
/// than twice as many vectors as those; otherwise as [`davidson`].
///
/// # Errors
///
/// As [`davidson`].
pub fn davidson_by_surrogate(
    operator: &mut dyn LinearOperator,
    surrogates: &mut [Surrogate<'_>],
    warm_start: Option<&WarmStart>,
    rng: &mut StreamRng,
    options: DavidsonOptions,
    interrupt: Interrupt<'_>,
) -> Result<LeadingPairs, LinearError> {
    let clock = Instant::now();
    let seconds_of = |share: f64| {
        let spent = clock.elapsed().as_secs_f64();
        let left = |most| share * most - spent;
        options.budget.max_seconds.map(left)
    };
    let limit = options.budget.max_matvecs.unwrap_or(usize::MAX);
    let limit = limit.min(options.max_matvecs);
    let remembered = options.remembered.max(REMEMBERED);
    let mut charged = 0.0;
    let mut rough: Option<Search> = None;
    for surrogate in surrogates {
        let left = (limit / 2) as f64 - charged - surrogate.setup;
        let most = (left / surrogate.cost) as usize;
        if most == 0 {
            break;
        }
        let (mut search, start) = match rough {
            None => (
                Search::open(surrogate.operator, warm_start)?,
                Start::Mixture,
            ),
            Some(rough) => (rough.onto(surrogate.operator, remembered)?, Start::Leading),
        };
        let options = DavidsonOptions {
            start,
            tolerance: surrogate.tolerance.max(options.tolerance),
            max_matvecs: most.min(PRODUCTS_PER_PAIR * options.largest.max(1)),
            budget: Budget {
                max_matvecs: None,
                max_seconds: seconds_of(0.5),
            },
            ..options
        };
        // What is missing here is missed in the operator, where it counts.
        let mut spending = Spending::new(options.budget, interrupt);
        search.run(surrogate.operator, rng, &options, &mut spending, None)?;
        charged += surrogate.setup + search.model.products() as f64 * surrogate.cost;
        rough = Some(search);
    }
    let Some(rough) = rough else {
        return davidson(operator, warm_start, rng, options, interrupt);
    };
    let charged = charged.ceil() as usize;
    let options = DavidsonOptions {
        start: Start::Leading,
        max_matvecs: limit - charged,
        budget: Budget {
            max_matvecs: None,
            max_seconds: seconds_of(1.0),
        },
        ..options
    };
    let mut search = rough.onto(operator, remembered)?;
    let mut found = search.finish(operator, rng, &options, interrupt)?;
    found.matvecs += charged;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{outliers, rng, turn, with_eigenvectors};
    use super::*;
    use crate::linear::Precision;
    use crate::linear::testing::operators::Dense;

    /// Ten leading axes with the eigenvalues of [`outliers`], of which the one at `risen` (if any) has
    /// since become 12.
    fn search(risen: Option<usize>, seed: u64, options: DavidsonOptions) -> LeadingPairs {
        let old = outliers(80);
        let axis = |i: usize| (0..80).map(|j| f64::from(u8::from(i == j))).collect();
        let pairs: Vec<(f64, Vec<f64>)> = (0..10).map(|i| (old[i], axis(i))).collect();
        let warm_start = WarmStart::new(&pairs, Precision::F64).unwrap();
        let mut new = old;
        if let Some(risen) = risen {
            new[risen] = 12.0;
        }
        let turned = turn(80, 0.3, &mut rng(seed));
        let mut operator = with_eigenvectors(&turned, &new);
        let like = |angle, seed| -> Dense {
            with_eigenvectors(&(&turned * turn(80, angle, &mut rng(seed))), &new)
        };
        let (mut fewer, mut few) = (like(0.1, seed + 200), like(0.05, seed + 100));
        let mut surrogates = [
            Surrogate {
                operator: &mut fewer,
                cost: 0.05,
                setup: 0.1,
                tolerance: 0.05,
            },
            Surrogate {
                operator: &mut few,
                cost: 0.2,
                setup: 0.0,
                tolerance: 0.03,
            },
        ];
        let never = Interrupt::never();
        davidson_by_surrogate(
            &mut operator,
            &mut surrogates,
            Some(&warm_start),
            &mut rng(seed),
            options,
            never,
        )
        .unwrap()
    }

    #[test]
    fn the_eigenvalue_is_that_of_the_operator_whichever_led_before() {
        for seed in 0..10 {
            let risen = (seed > 0)
                .then_some(seed as usize % 10)
                .filter(|&at| at > 0);
            let found = search(risen, seed, DavidsonOptions::default());
            let expected = if risen.is_some() { 12.0 } else { 10.0 };
            let value = found.pairs[0].value;
            assert!(
                (value - expected).abs() < 1e-4 * expected,
                "{seed}: {value}"
            );
            assert!(found.complete);
        }
    }

    #[test]
    fn several_pairs_are_found_with_residuals_of_the_operator() {
        let options = DavidsonOptions {
            largest: 3,
            tolerance: 1e-6,
            ..Default::default()
        };
        let found = search(Some(4), 1, options);
        for (pair, expected) in found.pairs.iter().zip([12.0, 10.0, 8.8]) {
            assert!((pair.value - expected).abs() < 1e-9 && pair.converged);
        }
    }

    #[test]
    fn the_budget_holds_for_both_searches_together() {
        for most in 1..6 {
            let budget = Budget {
                max_matvecs: Some(most),
                max_seconds: None,
            };
            let options = DavidsonOptions {
                budget,
                tolerance: 1e-12,
                ..Default::default()
            };
            let found = search(None, 0, options);
            assert!(found.matvecs == most && !found.complete, "{most}");
        }
    }
}

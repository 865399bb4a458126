//! Whether two means are equal as far as it matters: two one-sided tests.

use super::contrast::Contrast;
use statrs::distribution::ContinuousCDF;

/// What is no difference that matters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// One mean is above the other by no more than this.
    Difference(f64),
    /// The larger mean is no more than so many times the smaller; above 1.
    Ratio(f64),
}

/// The p-value of a difference as large as the margin or larger (Schuirmann 1987, "A comparison of the two one-sided
/// tests procedure and the power approach"): at most 5 %, the means are equal within the margin. It is the larger of
/// those of two one-sided t-tests, for the margin on each side; of a ratio `ρ` they are of `mean(second) − ρ · mean(first)`
/// (Sasabuchi 1988). None without a spread to judge by, and of a ratio where a value is not above zero.
pub fn equivalence(contrast: &Contrast, margin: Margin) -> Option<f64> {
    let student = contrast.student()?;
    let above = |distance: f64, error: f64| student.sf(distance / error);
    match margin {
        Margin::Difference(most) => {
            let (value, error) = contrast.against(1.0)?;
            Some(above(value + most, error).max(above(most - value, error)))
        }
        Margin::Ratio(most) => {
            contrast.is_positive().then_some(())?;
            let (low, low_error) = contrast.against(most.recip())?;
            let (high, high_error) = contrast.against(most)?;
            Some(above(low, low_error).max(above(-high, high_error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{A, B, C, contrast};
    use super::*;
    use crate::random::Streams;
    use rand_distr::{Distribution, StandardNormal};

    /*
    paired = lambda s, side: stats.ttest_rel(b, s, alternative=side).pvalue
    print(max(paired(a - 2.5, "greater"), paired(a + 2.5, "less")))
    print(max(paired(a / 2, "greater"), paired(a * 2, "less")))
    error = lambda r: np.sqrt(r * r * a.var(ddof=1) / 8 + c.var(ddof=1) / 5)
    d = c.mean() - a.mean()
    print(max(stats.t.sf((d + 3.5) / error(1), 4), stats.t.sf((3.5 - d) / error(1), 4)))
    one = lambda r, sign: stats.t.sf(sign * (c.mean() - r * a.mean()) / error(r), 4)
    print(max(one(1 / 2.5, 1), one(2.5, -1)))
    */
    #[test]
    fn p_values_equal_those_of_two_t_tests_of_scipy() {
        let cases = [
            (true, Margin::Difference(2.5), 0.027_117_314_084_640_53),
            (true, Margin::Ratio(2.0), 0.137_907_795_819_064_84),
            (false, Margin::Difference(3.5), 0.049_490_606_118_698_495),
            (false, Margin::Ratio(2.5), 0.097_261_726_835_925_15),
        ];
        for (is_paired, margin, expected) in cases {
            let second: &[f64] = if is_paired { &B } else { &C };
            let found = equivalence(&contrast(&A, second, is_paired), margin).unwrap();
            assert!((found - expected).abs() < 1e-9, "{margin:?}: {found}");
        }
    }

    #[test]
    fn numbers_of_either_sign_are_equal_within_no_ratio() {
        let found = contrast(&[-1.0, 2.0, 3.0], &[1.0, 2.0, 4.0], true);
        assert_eq!(equivalence(&found, Margin::Ratio(2.0)), None);
        assert!(equivalence(&found, Margin::Difference(9.0)).unwrap() < 0.05);
    }

    #[test]
    fn means_that_differ_by_the_margin_are_called_equal_one_time_in_twenty() {
        const REPETITIONS: usize = 4_000;
        let mut rng = Streams::new(3).stream("test", 0);
        let mut called = [0usize; 2];
        for _ in 0..REPETITIONS {
            let mut draw = |mean: f64| -> [f64; 6] {
                std::array::from_fn(|_| {
                    let noise: f64 = StandardNormal.sample(&mut rng);
                    mean + 0.1 * noise
                })
            };
            let (first, second) = (draw(5.0), draw(5.5));
            for (called, is_paired) in called.iter_mut().zip([true, false]) {
                let found = contrast(&first, &second, is_paired);
                let p = equivalence(&found, Margin::Ratio(1.1)).unwrap();
                *called += usize::from(p <= 0.05);
            }
        }
        for called in called {
            let share = called as f64 / REPETITIONS as f64;
            assert!((0.03..0.061).contains(&share), "{share}");
        }
    }
}

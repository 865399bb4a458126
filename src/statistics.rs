//! Means of independent values and their errors.

/// The arithmetic mean.
pub fn mean(values: &[f64]) -> f64 {
    // Relative to the first value, so that equal values have exactly that mean and no variance.
    let Some(&first) = values.first() else {
        return f64::NAN;
    };
    first + values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64
}

/// The sample variance, with `n − 1` in the denominator.
pub fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}

/// The standard error of the mean of independent values.
pub fn standard_error(values: &[f64]) -> f64 {
    (variance(values) / values.len() as f64).sqrt()
}

/// A function of a sample and its standard error by the jackknife (Efron & Tibshirani
/// 1993, "An introduction to the bootstrap", chapter 11): `of` gets the index of the one of `count` values to leave out, or none.
pub fn jackknife(count: usize, of: impl Fn(Option<usize>) -> f64) -> (f64, f64) {
    let without: Vec<f64> = (0..count).map(|index| of(Some(index))).collect();
    let factor = (count as f64 - 1.0).powi(2) / count as f64;
    (of(None), (factor * variance(&without)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jackknife_of_a_mean_is_its_standard_error() {
        let values = [1.0, 2.0, 3.0, 6.0];
        let (value, error) = jackknife(4, |left_out| {
            let kept = values.iter().enumerate();
            let kept: Vec<f64> = kept
                .filter(|(index, _)| Some(*index) != left_out)
                .map(|(_, value)| *value)
                .collect();
            mean(&kept)
        });
        assert_eq!(value, 3.0);
        assert!((error - standard_error(&values)).abs() < 1e-14);
    }

    #[test]
    fn the_standard_error_uses_the_sample_variance() {
        let values = [1.0, 2.0, 3.0, 6.0];
        assert_eq!(mean(&values), 3.0);
        assert_eq!(standard_error(&[0.1; 3]), 0.0);
        assert!(mean(&[]).is_nan());
        assert!((variance(&values) - 14.0 / 3.0).abs() < 1e-15);
        assert!((standard_error(&values) - (14.0f64 / 12.0).sqrt()).abs() < 1e-15);
    }
}

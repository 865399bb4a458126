//! Distances to first order.

use crate::backend::read;
use crate::measure::failure::Failure;
use burn::tensor::Tensor;

/// The smallest size that rows are divided by.
const SMALLEST: f64 = f32::MIN_POSITIVE as f64;

/// How far a point is from where a function of this value there, and with a slope of this size, is 0:
/// no way at all where it is 0 there, whatever its slope; and infinitely far, to first order, where it
/// is not and has no slope. Negative beyond.
pub(super) fn to_first_order(value: f64, slope: f64) -> f64 {
    match value {
        0.0 if !slope.is_nan() => 0.0,
        _ => value / slope,
    }
}

/// The Euclidean norm of every row, by way of numbers of size 1 at most: the squares of small slopes
/// are 0 in single precision, and those of large ones infinite.
pub(super) fn lengths(rows: &Tensor<2>) -> Result<Vec<f64>, Failure> {
    let sizes = rows.clone().abs().max_dim(1);
    let scaled = rows.clone() / sizes.clone().clamp_min(SMALLEST);
    let squares = read(&(scaled.clone() * scaled).sum_dim(1)).map_err(Failure::device)?;
    let sizes = read(&sizes).map_err(Failure::device)?;
    let lengths = sizes.into_iter().zip(squares);
    Ok(lengths.map(|(size, square)| size * square.sqrt()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Compute, Precision};

    #[test]
    fn a_tie_is_no_distance_and_a_function_without_a_slope_is_infinitely_far_from_0() {
        assert_eq!(to_first_order(2.0, 4.0), 0.5);
        assert_eq!(to_first_order(-2.0, 4.0), -0.5);
        assert_eq!(to_first_order(0.0, 4.0), 0.0);
        assert_eq!(to_first_order(0.0, 0.0), 0.0);
        assert_eq!(to_first_order(-0.0, 0.0), 0.0);
        assert_eq!(to_first_order(2.0, 0.0), f64::INFINITY);
        assert_eq!(to_first_order(-2.0, 0.0), f64::NEG_INFINITY);
        for (value, slope) in [(f64::NAN, 1.0), (1.0, f64::NAN), (0.0, f64::NAN)] {
            assert!(to_first_order(value, slope).is_nan());
        }
    }

    #[test]
    fn lengths_of_small_and_large_rows_are_right_in_single_precision() {
        let compute = Compute::cpu(Precision::F32);
        let rows = [3e-30, 4e-30, 3e30, -4e30, 0.0, 0.0, 3.0, 4.0];
        let found = lengths(&compute.tensor(&rows, [4, 2])).unwrap();
        for (found, expected) in found.into_iter().zip([5e-30, 5e30, 0.0, 5.0]) {
            assert!((found - expected).abs() <= 1e-6 * expected, "{found}");
        }
        let rows = compute.tensor(&[1.0, f64::NAN], [1, 2]);
        assert!(lengths(&rows).unwrap()[0].is_nan());
    }
}

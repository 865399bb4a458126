//! Smallest and largest numbers in which what is not a number is not lost: of a number and NaN,
//! [`f64::min`] and [`f64::max`] return the number, and a result that nobody could compute then looks
//! like one.

/// The smaller number; NaN if either is.
pub fn smaller(one: f64, other: f64) -> f64 {
    if one.is_nan() || one < other {
        one
    } else {
        other
    }
}

/// The larger number; NaN if either is.
pub fn larger(one: f64, other: f64) -> f64 {
    if one.is_nan() || one > other {
        one
    } else {
        other
    }
}

/// The smallest number, infinite where there are none; NaN if any is.
pub fn smallest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(f64::INFINITY, smaller)
}

/// The largest number, negative infinite where there are none; NaN if any is.
pub fn largest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(f64::NEG_INFINITY, larger)
}

/// The largest magnitude, 0 where there are none; NaN if any is.
pub fn largest_size(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let sizes = numbers.into_iter().map(f64::abs);
    sizes.fold(0.0, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_those_of_numbers_and_nan_if_there_is_one() {
        assert_eq!(smallest([2.0, -1.0, 3.0]), -1.0);
        assert_eq!(largest([2.0, -1.0, 3.0]), 3.0);
        assert_eq!(largest_size([2.0, -4.0, 3.0]), 4.0);
        assert_eq!(smallest([]), f64::INFINITY);
        assert_eq!((largest([]), largest_size([])), (f64::NEG_INFINITY, 0.0));
        for numbers in [
            [f64::NAN, 1.0, 2.0],
            [1.0, f64::NAN, 2.0],
            [1.0, 2.0, f64::NAN],
        ] {
            assert!(smallest(numbers).is_nan());
            assert!(largest(numbers).is_nan());
            assert!(largest_size(numbers).is_nan());
        }
    }
}

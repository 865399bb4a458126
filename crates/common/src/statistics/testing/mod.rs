//! Samples for the tests of what is made of contrasts, here and in the scripts beside the numbers.

use super::contrast::Contrast;

pub const A: [f64; 8] = [1.0, 2.0, 4.0, 2.5, 3.0, 1.5, 2.2, 3.1];
pub const B: [f64; 8] = [3.0, 5.0, 6.5, 4.0, 3.5, 3.2, 4.1, 5.2];
pub const C: [f64; 5] = [3.0, 5.0, 6.5, 4.0, 3.5];

/// Both from seed 0 on, or the second from seed 100 on.
pub fn contrast(first: &[f64], second: &[f64], is_paired: bool) -> Contrast {
    let start = if is_paired { 0 } else { 100 };
    let of = |start: u64, values: &[f64]| (start..).zip(values.iter().copied()).collect();
    let (first, second): (Vec<_>, Vec<_>) = (of(0, first), of(start, second));
    Contrast::new(&first, &second).unwrap()
}

//! Exponential, hyperbolic tangent and error function of 32-bit numbers.
//!
//! Every function is computed in 64 bits, where a short formula without a case distinction loses
//! nothing that 32 bits could show, and rounded once at the end. There are no branches, calls or
//! tables, so loops over them become vector code; and no fused operations, so every instruction set
//! gives the same bytes.

use super::simd::Instructions;
use pulp::{Simd, WithSimd};

/// Applies a function to every number, in place.
pub fn apply<E: Copy>(instructions: Instructions, function: impl Fn(E) -> E, values: &mut [E]) {
    instructions.dispatch(Apply { function, values });
}

/// Applies a function of two numbers to every number and its partner, in place of the first.
pub fn apply_by<E: Copy>(
    instructions: Instructions,
    function: impl Fn(E, E) -> E,
    values: &mut [E],
    partners: &[E],
) {
    instructions.dispatch(ApplyBy {
        function,
        values,
        partners,
    });
}

struct ApplyBy<'a, F, E> {
    function: F,
    values: &'a mut [E],
    partners: &'a [E],
}

impl<E: Copy, F: Fn(E, E) -> E> WithSimd for ApplyBy<'_, F, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (value, &partner) in self.values.iter_mut().zip(self.partners) {
            *value = (self.function)(*value, partner);
        }
    }
}

struct Apply<'a, F, E> {
    function: F,
    values: &'a mut [E],
}

impl<E: Copy, F: Fn(E) -> E> WithSimd for Apply<'_, F, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for value in self.values {
            *value = (self.function)(*value);
        }
    }
}

/// The exponential.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond ±150 the rounding below gives 0 and infinity.
    wide_exp(clamp(f64::from(x), 150.0)) as f32
}

/// The hyperbolic tangent, `(e²ˣ − 1) / (e²ˣ + 1)`.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    // Beyond ±20 the result rounds to ±1.
    let power = wide_exp(2.0 * clamp(f64::from(x), 20.0));
    let y = ((power - 1.0) / (power + 1.0)) as f32;
    // The difference from x is x³/3, less than a tenth of a rounding error; and −0 keeps its sign.
    if x.abs() < 1e-4 { x } else { y }
}

/// The error function, as `x P(x²) / Q(x²)`.
///
/// The coefficients are a least-squares fit at 400 Chebyshev nodes of `[0, 4]`, reweighted until the
/// largest relative error, 2.1e-9, stopped falling: a thirtieth of a rounding error.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    const P: [f64; 7] = [
        1.1283791693764837,
        0.18520327773042208,
        0.05431693342325003,
        0.0038496160602612397,
        0.00037960951454664264,
        4.684791960872908e-6,
        -1.3202304762225278e-8,
    ];
    const Q: [f64; 6] = [
        1.0,
        0.4974655452364893,
        0.11395845227162524,
        0.015462100667006835,
        0.0013075717186404629,
        6.31107223311811e-5,
    ];
    // Beyond ±4 the result rounds to ±1.
    let x = clamp(f64::from(x), 4.0);
    let square = x * x;
    (x * polynomial(&P, square) / polynomial(&Q, square)) as f32
}

/// `eˣ = 2ᵏ eʳ` with the whole number `k` nearest to `x / ln 2`, for `|x| ≤ 700`, to a relative
/// error of 2e-10: Taylor's series of degree 8 for `|r| ≤ ln 2 / 2`.
#[inline(always)]
pub fn wide_exp(x: f64) -> f64 {
    const TAYLOR: [f64; 9] = [
        1.0,
        1.0,
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40320.0,
    ];
    // Adding 1.5 · 2⁵² leaves no bits for fractions: the sum's last bits are k.
    const ROUND: f64 = 6755399441055744.0;
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let rest = x - (shifted - ROUND) * std::f64::consts::LN_2;
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    power * polynomial(&TAYLOR, rest)
}

/// `Σ cᵢ xⁱ`, by Horner's rule.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let highest_first = coefficients.iter().rev();
    highest_first.fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// `x` between `−bound` and `bound`; not a number stays what it is.
#[inline(always)]
fn clamp(x: f64, bound: f64) -> f64 {
    let x = if x > bound { bound } else { x };
    if x < -bound { -bound } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function, its reference in 64 bits, and the largest error allowed in units in the last place.
    type Case = (fn(f32) -> f32, fn(f64) -> f64, f64);

    const CASES: [Case; 3] = [
        (exp, f64::exp, 0.51),
        (tanh, f64::tanh, 0.51),
        (erf, statrs::function::erf::erf, 0.54),
    ];

    /// A sample of all finite numbers, about equally many of every exponent and either sign.
    fn finite() -> Vec<f32> {
        let all = (0..=u32::MAX).step_by(4093).map(f32::from_bits);
        all.filter(|x| x.is_finite()).collect()
    }

    /// The distance of `y` from `exact` in units in the last place that 32-bit numbers have there.
    fn units(y: f32, exact: f64) -> f64 {
        if (exact as f32).is_infinite() {
            return if y == exact as f32 {
                0.0
            } else {
                f64::INFINITY
            };
        }
        let exponent = exact.abs().log2().floor().max(-126.0);
        (f64::from(y) - exact).abs() / (exponent - 23.0).exp2()
    }

    #[test]
    fn errors_stay_within_one_rounding() {
        let inputs = finite();
        for (function, reference, bound) in CASES {
            let mut outputs = inputs.clone();
            apply(Instructions::best(), function, &mut outputs);
            for (&x, y) in inputs.iter().zip(outputs) {
                let error = units(y, reference(f64::from(x)));
                assert!(error <= bound, "{y:e} at {x:e} is off by {error} units");
            }
        }
    }

    #[test]
    fn ends_of_the_range_are_exact() {
        for (function, at_minus_infinity, at_zero, at_infinity) in [
            (exp as fn(f32) -> f32, 0.0, 1.0, f32::INFINITY),
            (tanh, -1.0, 0.0, 1.0),
            (erf, -1.0, 0.0, 1.0),
        ] {
            assert!(function(f32::NAN).is_nan());
            assert_eq!(function(f32::NEG_INFINITY), at_minus_infinity);
            assert_eq!(function(0.0), at_zero);
            assert_eq!(function(f32::INFINITY), at_infinity);
        }
        for odd in [tanh, erf] {
            assert!(odd(-0.0).is_sign_negative());
        }
        // ln of the largest finite number lies between these two neighbours, and the second number
        // of each pair underflows.
        assert!(exp(88.72283).is_finite() && exp(88.72284).is_infinite());
        assert!(exp(-103.97) > 0.0 && exp(-104.0) == 0.0);
    }

    #[test]
    fn every_instruction_set_gives_the_same_bytes() {
        let inputs = finite();
        for (function, _, _) in CASES {
            let expected: Vec<u32> = inputs.iter().map(|&x| function(x).to_bits()).collect();
            for instructions in Instructions::available() {
                let mut outputs = inputs.clone();
                apply(instructions, function, &mut outputs);
                let outputs = outputs.iter().map(|y| y.to_bits());
                assert!(outputs.eq(expected.iter().copied()));
            }
        }
    }
}

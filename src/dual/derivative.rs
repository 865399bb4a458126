//! Derivatives handed to the reverse pass, where computing them again would be dear.

use burn::tensor::Tensor;

/// `value`, a function of `input` computed without autodiff, with its derivative `slope`, likewise.
///
/// The library's reverse pass evaluates transcendental functions a second time; with what the
/// forward pass knows already it multiplies only. The result is `f(a) + f′(a) (x − a)` at `a = x`:
/// the value to the last bit, and a derivative as good as the slope, because the reverse pass is of
/// first order. Where the value or the slope overflows, the tracked result is not a number.
pub(super) fn with_slope<const D: usize>(
    value: Tensor<D>,
    input: Tensor<D>,
    slope: impl FnOnce() -> Tensor<D>,
) -> Tensor<D> {
    if !input.is_tracked() {
        return value;
    }
    let here = input.clone().without_autodiff();
    value + slope() * (input - here)
}

//! The cross-entropy of rows of outputs and its derivatives, each to a few units in the last place however
//! small it is.
//!
//! Where a network is certain, the textbook's formulas are differences of nearly equal numbers: `log Σ eᶻ`
//! and the right output, or a probability and 1. The formulas here are sums of terms of one sign. With the
//! largest output `m`, its place `top`, and `R = Σ_{k≠top} exp(z_k − m)`,
//!
//! - `−log p_k = (m − z_k) + log1p(R)`;
//! - `1 − p_k`, the other classes' share, is `R / (1 + R)` at `top` and `(1 + R − exp(z_k − m)) / (1 + R)`
//!   elsewhere, where it is at least a half;
//! - the slope `w p_k − t_k`, with `w = Σ t`, is `p_k (w − t_k) − t_k (1 − p_k)`, so that of the only target
//!   is minus the other classes' share;
//! - directions are counted from the one at `top`, because what is common to all of them changes nothing.
//!
//! All of it is computed in 64 bits and rounded once.

use super::elementwise::{apply, wide_exp};
use super::simd::{Element, Instructions};

/// A floating-point type with an exponential, for numbers that are not positive, to its own precision.
pub trait Exponential: Element {
    /// `eˣ` in 64 bits.
    fn exponential(x: f64) -> f64;
}

impl Exponential for f32 {
    #[inline(always)]
    fn exponential(x: f64) -> f64 {
        // Far below, the result rounds to 0 anyway; not a number stays what it is.
        wide_exp(if x < -700.0 { -700.0 } else { x })
    }
}

impl Exponential for f64 {
    #[inline(always)]
    fn exponential(x: f64) -> f64 {
        x.exp()
    }
}

/// Rows of one length: the outputs `z` and the targets `t`.
#[derive(Clone, Copy)]
pub struct Rows<'a, E> {
    /// One row after another.
    pub outputs: &'a [E],
    /// The same of targets.
    pub targets: &'a [E],
    /// The length of a row.
    pub classes: usize,
}

/// One row, with its softmax in parts that do not cancel.
struct Row<'a, E> {
    outputs: &'a [E],
    targets: &'a [E],
    /// `exp(z_k − m)`.
    exponentials: &'a [f64],
    top: usize,
    /// `R`.
    rest: f64,
    /// `w`.
    weight: f64,
}

impl<E: Exponential> Row<'_, E> {
    /// `p_k`.
    fn share(&self, class: usize) -> f64 {
        self.exponentials[class] / (1.0 + self.rest)
    }

    /// `w p_k − t_k`.
    fn slope(&self, class: usize) -> f64 {
        let (own, target) = (self.exponentials[class], self.targets[class].to_f64());
        let others = match class == self.top {
            true => self.rest,
            false => 1.0 + self.rest - own,
        };
        (own * (self.weight - target) - target * others) / (1.0 + self.rest)
    }

    /// `Σ t_k (−log p_k)`.
    fn loss(&self) -> f64 {
        let (top, log) = (self.outputs[self.top].to_f64(), self.rest.ln_1p());
        let terms = self.outputs.iter().zip(self.targets);
        let terms = terms.filter(|(_, target)| target.to_f64() != 0.0);
        terms
            .map(|(output, target)| target.to_f64() * (top - output.to_f64() + log))
            .sum()
    }
}

impl<E: Exponential> Rows<'_, E> {
    /// The loss of every row.
    pub fn losses(self, losses: &mut [E]) {
        self.for_each(|index, row| losses[index] = E::from_f64(row.loss()));
    }

    /// The gradient of every row's loss in its outputs.
    pub fn slopes(self, slopes: &mut [E]) {
        self.for_each(|index, row| {
            let slopes = &mut slopes[index * self.classes..][..self.classes];
            for (class, slope) in slopes.iter_mut().enumerate() {
                *slope = E::from_f64(row.slope(class));
            }
        });
    }

    /// The derivative of every row's loss along its row of directions.
    pub fn along(self, directions: &[E], derivatives: &mut [E]) {
        self.for_each(|index, row| {
            let directions = &directions[index * self.classes..][..self.classes];
            let origin = directions[row.top].to_f64();
            let terms = directions.iter().enumerate();
            let terms = terms.map(|(class, v)| row.slope(class) * (v.to_f64() - origin));
            derivatives[index] = E::from_f64(terms.sum());
        });
    }

    /// The Hessian of every row's loss in its outputs, `w (diag p − ppᵀ)`, times its row of directions:
    /// `w p_k (v_k − Σ p v)`.
    pub fn curvature(self, directions: &[E], products: &mut [E]) {
        self.for_each(|index, row| {
            let place = index * self.classes;
            let directions = &directions[place..][..self.classes];
            let origin = directions[row.top].to_f64();
            let relative_to_origin = |class: usize| directions[class].to_f64() - origin;
            let mean: f64 = (0..self.classes)
                .map(|class| row.share(class) * relative_to_origin(class))
                .sum();
            let products = &mut products[place..][..self.classes];
            for (class, product) in products.iter_mut().enumerate() {
                let deviation = relative_to_origin(class) - mean;
                *product = E::from_f64(row.weight * row.share(class) * deviation);
            }
        });
    }

    /// Visits all rows with their places.
    fn for_each(self, mut visit: impl FnMut(usize, Row<'_, E>)) {
        let classes = self.classes;
        let outputs = || self.outputs.chunks_exact(classes);
        let tops: Vec<usize> = outputs().map(first_largest).collect();
        let mut exponentials = Vec::with_capacity(self.outputs.len());
        for (row, &top) in outputs().zip(&tops) {
            let largest = row[top].to_f64();
            exponentials.extend(row.iter().map(|output| output.to_f64() - largest));
        }
        apply(Instructions::best(), E::exponential, &mut exponentials);
        let rows = outputs()
            .zip(self.targets.chunks_exact(classes))
            .zip(exponentials.chunks_exact(classes).zip(tops));
        for (index, ((outputs, targets), (exponentials, top))) in rows.enumerate() {
            let (below, above) = (&exponentials[..top], &exponentials[top + 1..]);
            visit(
                index,
                Row {
                    outputs,
                    targets,
                    exponentials,
                    top,
                    rest: below.iter().chain(above).sum(),
                    weight: targets.iter().map(|target| target.to_f64()).sum(),
                },
            );
        }
    }
}

/// The place of the first of the largest numbers.
fn first_largest<E: Element>(row: &[E]) -> usize {
    let mut top = 0;
    for (place, value) in row.iter().enumerate() {
        if *value > row[top] {
            top = place;
        }
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<'a, E>(outputs: &'a [E], targets: &'a [E]) -> Rows<'a, E> {
        Rows {
            outputs,
            targets,
            classes: outputs.len(),
        }
    }

    /// Loss, slopes, and both derivatives along a direction, of one row.
    fn all<E: Exponential>(z: &[E], t: &[E], v: &[E]) -> [Vec<f64>; 4] {
        let zero = E::from_f64(0.0);
        let (mut one, mut other) = ([zero], [zero]);
        let (mut slopes, mut products) = (vec![zero; z.len()], vec![zero; z.len()]);
        rows(z, t).losses(&mut one);
        rows(z, t).slopes(&mut slopes);
        rows(z, t).along(v, &mut other);
        rows(z, t).curvature(v, &mut products);
        [&one[..], &slopes, &other, &products]
            .map(|values| values.iter().map(|value| value.to_f64()).collect())
    }

    /// Of two classes everything is a function of the margin `d`: with `q = 1 / (1 + eᵈ)` the loss is
    /// `log1p(e⁻ᵈ)`, the slopes are `∓q`, the Hessian is `q (1 − q)` times the matrix of differences.
    #[test]
    fn two_classes_are_the_closed_form_at_any_margin() {
        for margin in [-80.0f64, -20.0, -1.0, 0.0, 1.0, 5.0, 16.1, 20.0, 40.0, 80.0] {
            let outputs = [12.3f32, 12.3 - margin as f32];
            let d = f64::from(outputs[0]) - f64::from(outputs[1]);
            let q = 1.0 / (1.0 + d.exp());
            let curvature = q * (1.0 / (1.0 + (-d).exp()));
            let loss = if d > 0.0 {
                (-d).exp().ln_1p()
            } else {
                d.exp().ln_1p() - d
            };
            let expected = [
                vec![loss],
                vec![-q, q],
                vec![-2.0 * q],
                vec![2.0 * curvature, -2.0 * curvature],
            ];
            let found = all(&outputs, &[1.0, 0.0], &[1e3 + 1.0, 1e3 - 1.0]);
            for (found, expected) in found.concat().iter().zip(expected.concat()) {
                let error = (found / expected - 1.0).abs();
                assert!(error < 1e-7, "{margin}: {found:e} for {expected:e}");
            }
        }
    }

    #[test]
    fn ties_and_extremes_are_their_limits() {
        let [loss, slopes, _, product] =
            all(&[0.5f32; 4], &[0.0, 1.0, 0.0, 0.0], &[0.0, 1.0, 0.0, 0.0]);
        assert_eq!(loss, [f64::from(4f32.ln())]);
        assert_eq!(slopes, [0.25, -0.75, 0.25, 0.25]);
        assert_eq!(product, [-0.0625, 0.1875, -0.0625, -0.0625]);
        let far = all(&[3e38f32, -3e38], &[1.0, 0.0], &[1.0, 0.0]);
        assert!(far.concat().iter().all(|value| value.abs() < 1e-30));
        let wrong = all(&[800.0f64, -800.0], &[0.0, 1.0], &[1.0, 0.0]);
        assert_eq!(wrong[0], [1600.0]);
        assert_eq!(wrong[1], [1.0, -1.0]);
        let broken = all(&[f32::NAN, 1.0], &[0.0, 1.0], &[1.0, 0.0]);
        assert!(broken.concat().iter().all(|value| value.is_nan()));
    }
}

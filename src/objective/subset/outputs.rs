//! What the outputs of a sample tell of its part in the Hessian.

/// The outputs of one sample under the cross-entropy.
pub struct Kind {
    /// How curved the loss is here: `Σ_k p_k (1 − p_k)`, the trace of the Hessian `H = diag p − ppᵀ` of
    /// the loss in the outputs, `p` being their softmax, and a share of the gradient `p − y`. The first
    /// is small too where a network is certain and wrong, but there the Hessian has a part beyond the
    /// Gauss-Newton matrix, `Σ_k (p − y)_k ∇²z_k`. 0 for outputs that are not finite; the search over all
    /// samples refuses them.
    pub curvature: f64,
    /// `Σ_k (z_k − z̄)²`; 0 for outputs that are not finite.
    pub square: f64,
    /// `H` over its trace, entry by entry so that inner products are those of matrices, and the centred
    /// outputs over their length.
    pub traits: Vec<f64>,
}

/// The share of `‖p − y‖` in the curvature.
const MISFIT: f64 = 0.1;

/// Of more classes, the entries of `H` beside its diagonal are too many to be looked at.
const MOST_CLASSES_IN_PAIRS: usize = 16;

/// How much the direction of the outputs counts beside `H`.
const DIRECTION: f64 = 0.5;

impl Kind {
    /// From the outputs of a sample and the class it belongs to.
    pub fn new(outputs: &[f64], label: usize) -> Self {
        let classes = outputs.len();
        let shares = Shares::of(outputs);
        let trace: f64 = shares.variances().sum();
        let misfit: f64 = (0..classes)
            .map(|class| match class == label {
                true => shares.others[class].powi(2),
                false => shares.own[class].powi(2),
            })
            .sum();
        let mean = outputs.iter().sum::<f64>() / classes as f64;
        let square: f64 = outputs.iter().map(|z| (z - mean).powi(2)).sum();
        if !(trace + square).is_finite() {
            return Self {
                curvature: 0.0,
                square: 0.0,
                traits: vec![0.0; traits_of(classes)],
            };
        }
        let over = |size: f64| if size > 0.0 { 1.0 / size } else { 0.0 };
        let mut traits = hessian_entries(&shares);
        crate::linear::scale(over(trace), &mut traits);
        let per_output = DIRECTION * over(square.sqrt());
        traits.extend(outputs.iter().map(|z| per_output * (z - mean)));
        Self {
            curvature: trace + MISFIT * misfit.sqrt(),
            square,
            traits,
        }
    }
}

/// The softmax `p` of a row of outputs, and `1 − p`, which is not taken as a difference where it is small.
struct Shares {
    own: Vec<f64>,
    others: Vec<f64>,
}

impl Shares {
    fn of(outputs: &[f64]) -> Self {
        let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let top = outputs.iter().position(|&z| z == largest);
        let exponentials: Vec<f64> = outputs.iter().map(|z| (z - largest).exp()).collect();
        let places = 0..outputs.len();
        let rest: f64 = places
            .clone()
            .filter(|&class| Some(class) != top)
            .map(|class| exponentials[class])
            .sum();
        let sum = 1.0 + rest;
        let others = places.map(|class| match Some(class) == top {
            true => rest / sum,
            false => (sum - exponentials[class]) / sum,
        });
        Self {
            others: others.collect(),
            own: exponentials.iter().map(|e| e / sum).collect(),
        }
    }

    /// `p (1 − p)`.
    fn variances(&self) -> impl Iterator<Item = f64> {
        self.own.iter().zip(&self.others).map(|(p, q)| p * q)
    }
}

/// The diagonal of `diag p − ppᵀ` and, of few classes, the upper triangle, in which every entry stands
/// for two.
fn hessian_entries(shares: &Shares) -> Vec<f64> {
    let mut entries: Vec<f64> = shares.variances().collect();
    let probabilities = &shares.own;
    if probabilities.len() <= MOST_CLASSES_IN_PAIRS {
        for (first, p) in probabilities.iter().enumerate() {
            let others = probabilities[first + 1..].iter();
            entries.extend(others.map(|q| -std::f64::consts::SQRT_2 * p * q));
        }
    }
    entries
}

/// How many traits a sample with so many classes has.
fn traits_of(classes: usize) -> usize {
    hessian_entries(&Shares::of(&vec![0.0; classes])).len() + classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_and_right_counts_as_flat_and_certain_and_wrong_does_not() {
        assert!((Kind::new(&[1.0, 1.0], 0).curvature - (0.5 + 0.1 * 0.5f64.sqrt())).abs() < 1e-12);
        assert_eq!(Kind::new(&[1e3, 0.0], 0).curvature, 0.0);
        assert!((Kind::new(&[1e3, 0.0], 1).curvature - 0.1 * 2f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_is_left_to_the_other_classes_is_not_lost_beyond_the_digits_of_1() {
        let left = (-50f64).exp();
        let found = Kind::new(&[50.0, 0.0], 0).curvature;
        assert!((found / ((2.0 + 0.1 * 2f64.sqrt()) * left) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn broken_outputs_count_as_flat() {
        for outputs in [
            [f64::NAN, 0.0],
            [f64::INFINITY, 0.0],
            [f64::NEG_INFINITY, 1.0],
        ] {
            let kind = Kind::new(&outputs, 0);
            assert_eq!((kind.curvature, kind.square), (0.0, 0.0));
            assert_eq!(kind.traits, [0.0; 5]);
        }
    }

    #[test]
    fn traits_hold_the_matrix_with_its_inner_product_and_the_direction() {
        let outputs = [0.3, -0.2, 1.1];
        let p = Shares::of(&outputs).own;
        let traits = Kind::new(&outputs, 0).traits;
        let mut square = 0.0;
        for a in 0..3 {
            for b in 0..3 {
                let entry = if a == b {
                    p[a] * (1.0 - p[a])
                } else {
                    -p[a] * p[b]
                };
                square += entry * entry;
            }
        }
        let trace: f64 = p.iter().map(|p| p * (1.0 - p)).sum();
        let (matrix, direction) = traits.split_at(6);
        let squared = |part: &[f64]| part.iter().map(|x| x * x).sum::<f64>();
        assert!((squared(matrix) - square / (trace * trace)).abs() < 1e-12);
        assert!((squared(direction) - 0.25).abs() < 1e-12);
        assert!(direction.iter().sum::<f64>().abs() < 1e-12);
    }

    #[test]
    fn the_number_of_traits_is_bounded_by_the_number_of_classes() {
        assert_eq!(Kind::new(&[0.0; 10], 0).traits.len(), 65);
        assert_eq!(Kind::new(&[0.0; 100], 0).traits.len(), 200);
        assert_eq!(traits_of(100), 200);
    }
}

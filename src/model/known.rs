//! What passes over the same samples with the same parameters have in common.

use crate::kernel;
use burn::tensor::Tensor;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// So many numbers may still be kept, by all who share it.
#[derive(Clone, Debug)]
pub struct Allowance {
    left: Arc<AtomicUsize>,
}

impl Allowance {
    /// An allowance of `numbers`.
    pub fn of(numbers: usize) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(numbers)),
        }
    }

    /// Takes so many numbers off, if there are as many left.
    fn grants(&self, numbers: usize) -> bool {
        let rest = |left: usize| left.checked_sub(numbers);
        let order = Ordering::Relaxed;
        self.left.fetch_update(order, order, rest).is_ok()
    }
}

/// The products `x Wᵀ` of a network's linear maps for some samples at some parameters: the first pass
/// leaves them, later ones, which differ in direction only, need not compute them again. It takes a fifth
/// off a Hessian-vector product of a wide fully connected network, and no number changes by it.
#[derive(Debug)]
pub struct KnownProducts {
    /// In the order in which a pass comes to them.
    products: Vec<OnceLock<Tensor<2>>>,
    allowance: Allowance,
}

impl KnownProducts {
    /// None known yet; of the first so many linear maps as many will be kept as the allowance grants.
    pub fn new(maps: usize, allowance: Allowance) -> Self {
        Self {
            products: (0..maps).map(|_| OnceLock::new()).collect(),
            allowance,
        }
    }

    /// The product that the map at this place makes; `constant` puts a known one into the graph of the
    /// pass.
    pub(super) fn linear(
        &self,
        place: usize,
        input: Tensor<2>,
        weight: Tensor<2>,
        constant: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let Some(place) = self.products.get(place) else {
            return kernel::linear(input, weight);
        };
        if let Some(known) = place.get() {
            return kernel::linear_known(input, weight, constant(known.clone()));
        }
        let product = kernel::linear(input, weight);
        if self.allowance.grants(product.dims().iter().product()) {
            // Whoever was first has the same numbers.
            let _ = place.set(product.clone().without_autodiff());
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Compute, Precision, read};

    #[test]
    fn as_many_products_are_known_as_the_allowance_grants() {
        let compute = Compute::cpu(Precision::F64);
        let tensor = |values: &[f64]| compute.tensor(values, [1, values.len()]);
        // Four numbers: the second product, of two, no longer fits after the first, of three.
        let known = KnownProducts::new(2, Allowance::of(4));
        let product = |place, input: f64, outputs: &[f64]| {
            let weight = tensor(outputs).transpose();
            let product = known.linear(place, tensor(&[input]), weight, |known| known);
            read(&product).unwrap()
        };
        assert_eq!(product(0, 2.0, &[1.0, 2.0, 3.0]), [2.0, 4.0, 6.0]);
        assert_eq!(product(1, 2.0, &[1.0, 5.0]), [2.0, 10.0]);
        // What is known is not computed again, so another input goes unnoticed.
        assert_eq!(product(0, 7.0, &[1.0, 2.0, 3.0]), [2.0, 4.0, 6.0]);
        assert_eq!(product(1, 7.0, &[1.0, 5.0]), [7.0, 35.0]);
        // A map beyond those it was made for is computed each time.
        assert_eq!(product(2, 1.0, &[1.0]), [1.0]);
        assert_eq!(product(2, 3.0, &[1.0]), [3.0]);
    }
}

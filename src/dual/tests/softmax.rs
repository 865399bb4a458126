//! The softmax.

use super::hyper::{Hyper, Real};
use super::{check, tensor};
use crate::backend::{Compute, Precision, read};
use crate::dual::Dual;

/// The softmax of one row.
pub(super) fn softmax(row: &[Hyper]) -> Vec<Hyper> {
    let exponentials: Vec<Hyper> = row.iter().map(|x| x.exp()).collect();
    let sum: Hyper = exponentials.iter().copied().sum();
    exponentials.into_iter().map(|e| e / sum).collect()
}

#[test]
fn over_the_last_dimension_of_any_rank() {
    let rows = |x: &[Hyper]| x.chunks(3).flat_map(softmax).collect();
    check([2, 3], Dual::softmax, rows);
    check([2, 1, 2, 3], Dual::softmax, rows);
}

#[test]
fn large_and_masked_inputs_stay_finite_in_either_precision() {
    for precision in [Precision::F64, Precision::F32] {
        let compute = Compute::cpu(precision);
        let scores = [900.0, 899.0, -1e9, -1e9, -1e9, -1e9];
        let leaf = compute.tensor(&scores, [2, 3]).autodiff().require_grad();
        let direction = compute.tensor(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
        let p = Dual::new(leaf.clone(), Some(direction.autodiff())).softmax();
        let value = read(&p.value).unwrap();
        assert_eq!(value[2], 0.0);
        assert!((value[0] / value[1] - 1f64.exp()).abs() < 1e-5);
        // A row with nothing to attend to attends to everything alike.
        assert!(value[3..].iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-6));
        let slope = p.tangent.unwrap();
        assert_eq!(read(&slope).unwrap()[2], 0.0);
        let product = leaf.grad(&slope.square().sum().backward()).unwrap();
        assert!(read(&product).unwrap().into_iter().all(f64::is_finite));
    }
}

#[test]
fn probabilities_of_large_inputs_add_to_one() {
    let p = Dual::constant(tensor(&[800.0, 0.0, -800.0], [1, 3])).softmax();
    assert_eq!(read(&p.value).unwrap(), [1.0, 0.0, 0.0]);
}

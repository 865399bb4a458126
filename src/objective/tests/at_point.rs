//! What is remembered from product to product changes no number.

use super::direction;
use super::properties::independent;
use super::tiny::{SAMPLES, Tiny, numbers};
use crate::backend::{Compute, Precision, read};
use crate::model::Allowance;
use crate::model::{Activation, Normalisation};
use crate::objective::AtPoint;

fn products(tiny: &Tiny, point: &AtPoint<'_>, seed: u64) -> [Vec<f64>; 4] {
    let along = tiny.at(&direction(tiny.values.len(), seed));
    let compute = tiny.objective.compute();
    let weights = compute.tensor(&numbers("weights", SAMPLES), [SAMPLES, 1]);
    [
        point.hessian_vector_product(&along, 0.3).to_host().unwrap(),
        point.gauss_newton_product(&along, 0.3).to_host().unwrap(),
        point.weighted_gradient(weights).to_host().unwrap(),
        read(&point.loss_slopes(&along)).unwrap(),
    ]
}

#[test]
fn products_that_remember_are_the_same_bit_by_bit() {
    for precision in [Precision::F64, Precision::F32] {
        let compute = Compute::cpu(precision);
        let by_batch = Tiny::resnet(Activation::Gelu, Normalisation::Batch, &compute).by_batch();
        let networks = independent(&compute).into_iter();
        for (name, tiny) in networks.chain([("by batch", by_batch)]) {
            let (parameters, batch) = (tiny.parameters(), tiny.batch(0, SAMPLES));
            let plain = tiny.objective.at(&parameters, &batch);
            // Enough for nothing, for one layer or so, and for everything.
            for numbers in [0, 40, 1 << 20] {
                let allowance = Allowance::of(numbers);
                let point = tiny.objective.at(&parameters, &batch);
                let point = point.remembering(&allowance);
                for seed in 1..4 {
                    let expected = products(&tiny, &plain, seed);
                    assert_eq!(products(&tiny, &point, seed), expected, "{name} {numbers}");
                }
            }
        }
    }
}

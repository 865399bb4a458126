//! Gradients of single samples and roots of the loss's curvature.

use super::tiny::{SAMPLES, Tiny, numbers};
use super::{CLASSES, Case, relative_error};
use crate::backend::{Compute, Precision, read};
use crate::model::{Activation, Init, Normalisation};
use crate::objective::{Batch, Loss, Objective};

const LOSSES: [Loss; 4] = [
    Loss::CrossEntropy,
    Loss::Square,
    Loss::Logistic,
    Loss::Exponential,
];

/// `√H √Hᵀ v`, by transposing the matrix whose columns are `√H` of the axes.
fn square_of_root(objective: &Objective, batch: &Batch, outputs: &[f64], v: &[f64]) -> Vec<f64> {
    let [rows, width] = batch.targets.dims();
    let compute = objective.compute();
    let at = |values: &[f64]| compute.tensor(values, [rows, width]);
    // One axis of every row at a time: rows do not see each other.
    let root = |vectors: &[f64]| -> Vec<f64> {
        let found = objective.curvature_root_product(at(outputs), batch, at(vectors));
        read(&found).unwrap()
    };
    let columns: Vec<Vec<f64>> = (0..width)
        .map(|axis| {
            let unit = |place| f64::from(u8::from(place % width == axis));
            root(&(0..rows * width).map(unit).collect::<Vec<f64>>())
        })
        .collect();
    let transposed: Vec<f64> = (0..rows)
        .flat_map(|row| {
            let (columns, range) = (&columns, row * width..(row + 1) * width);
            (0..width).map(move |axis| {
                let pairs = columns[axis][range.clone()].iter().zip(&v[range.clone()]);
                pairs.map(|(a, b)| a * b).sum()
            })
        })
        .collect();
    root(&transposed)
}

#[test]
fn the_root_of_the_curvature_in_the_outputs_squares_to_it() {
    let compute = Compute::cpu(Precision::F64);
    let check = |objective: &Objective, batch: &Batch, outputs: Vec<f64>| {
        let shape = batch.targets.dims();
        let v = numbers("direction", outputs.len());
        let found = square_of_root(objective, batch, &outputs, &v);
        let tensor = |values: &[f64]| objective.compute().tensor(values, shape);
        // Of the mean over a sample's positions, as losses are.
        let product = objective.loss_curvature_product(tensor(&outputs), tensor(&v), batch);
        let expected = read(&product).unwrap();
        assert!(
            relative_error(&found, &expected) < 1e-14,
            "{found:?} for {expected:?}"
        );
    };
    for loss in LOSSES {
        let case = Case::new(Activation::Tanh, loss, compute.clone());
        let rows = case.labels.len();
        let batch = &case.chunks(rows).batches()[0].clone();
        check(&case.objective, batch, numbers("outputs", rows * CLASSES));
    }
    let text = Tiny::text(1, Activation::Gelu, 0.0, &compute);
    let batch = text.batch(0, SAMPLES);
    let count = SAMPLES * text.positions * CLASSES;
    check(&text.objective, &batch, numbers("outputs", count));
}

#[test]
fn sums_over_samples_are_those_of_gradients_taken_one_by_one() {
    let compute = Compute::cpu(Precision::F64);
    let networks = [
        Tiny::mlp(Activation::Tanh, Normalisation::Layer, Init::He, &compute),
        Tiny::resnet(Activation::Relu, Normalisation::Batch, &compute),
        Tiny::text(1, Activation::Gelu, 0.0, &compute),
    ];
    for tiny in networks {
        let (objective, parameters) = (&tiny.objective, tiny.parameters());
        let batch = tiny.batch(0, SAMPLES);
        let mean = tiny.at(&tiny.gradient(&parameters));
        let found = objective.squared_deviations(&parameters, &batch, &mean);
        let mean = mean.to_host().unwrap();
        let samples = (0..SAMPLES).map(|place| tiny.batch(place, place + 1));
        let square = |sample: Batch| -> f64 {
            let (_, gradient) = objective.loss_and_gradient(&parameters, &sample, 1.0);
            let pairs = gradient.to_host().unwrap().into_iter().zip(&mean);
            pairs.map(|(g, m)| (g - m).powi(2)).sum()
        };
        let expected: f64 = samples.clone().map(square).sum();
        assert!((read(&found).unwrap()[0] / expected - 1.0).abs() < 1e-13);

        let [rows, width] = batch.targets.dims();
        let values = numbers("coefficients", rows * width);
        let coefficients = objective.compute().tensor(&values, [rows, width]);
        let found = objective.squared_output_gradients(&parameters, &batch, &coefficients);
        let of_sample = rows / SAMPLES;
        let square = |(place, sample): (usize, Batch)| -> f64 {
            let own = coefficients.clone().narrow(0, place * of_sample, of_sample);
            let gradient = objective.gradient_of_outputs(&parameters, &sample, own);
            gradient.to_host().unwrap().iter().map(|g| g * g).sum()
        };
        let expected: f64 = samples.enumerate().map(square).sum();
        assert!((read(&found).unwrap()[0] / expected - 1.0).abs() < 1e-13);
    }
}

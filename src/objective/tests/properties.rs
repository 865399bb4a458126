//! What must hold for every network, whatever its numbers.

use super::tiny::{CLASSES, SAMPLES, Tiny, numbers, units};
use super::{direction, relative_error};
use crate::backend::{BackendKind, Compute, Precision, read};
use crate::curvature::Matrix;
use crate::linear::dot;
use crate::model::{Activation, Init, Normalisation, Pool, Shortcut, Stem};
use crate::model::{Dropout, Pass};
use crate::params::DualParameters;
use crate::random::Streams;

/// Smooth networks of every kind whose samples do not depend on one another.
pub fn independent(compute: &Compute) -> Vec<(&'static str, Tiny)> {
    let resnet = |norm| Tiny::resnet(Activation::Gelu, norm, compute);
    let mask = Dropout::Fixed(Streams::new(3));
    let transformer = |pool| Tiny::transformer(2, pool, Activation::Gelu, 0.3, compute);
    let mlp = Tiny::mlp(Activation::Tanh, Normalisation::Batch, Init::He, compute);
    vec![
        ("mlp, batch", mlp),
        ("resnet, none", resnet(Normalisation::None)),
        ("resnet, batch", resnet(Normalisation::Batch)),
        ("resnet, group", resnet(Normalisation::Group)),
        (
            "resnet, imagenet stem, padding",
            Tiny::resnet_with(Stem::ImageNet, Shortcut::Padding, Activation::Gelu, compute),
        ),
        ("transformer, class", transformer(Pool::Class)),
        (
            "transformer, fixed dropout",
            transformer(Pool::Mean).with_dropout(mask),
        ),
        ("text", Tiny::text(2, Activation::Gelu, 0.0, compute)),
        (
            "text, fixed dropout",
            Tiny::text(1, Activation::Tanh, 0.3, compute).with_dropout(mask),
        ),
    ]
}

/// The same, and networks that normalise by the batch.
fn smooth(compute: &Compute) -> Vec<(&'static str, Tiny)> {
    let mut all = independent(compute);
    let batch = Normalisation::Batch;
    let mlp = Tiny::mlp(Activation::Softplus, batch, Init::He, compute);
    let resnet = Tiny::resnet(Activation::Softplus, batch, compute);
    all.push(("mlp by batch", mlp.by_batch()));
    all.push(("resnet by batch", resnet.by_batch()));
    all
}

fn cpu() -> Compute {
    Compute::cpu(Precision::F64)
}

#[test]
fn slopes_are_central_differences() {
    let step = 1e-6;
    for (name, tiny) in smooth(&cpu()) {
        let n = tiny.values.len();
        let at = |direction: &[f64], step: f64| {
            let moved = tiny.values.iter().zip(direction);
            let moved: Vec<f64> = moved.map(|(x, v)| x + step * v).collect();
            tiny.at(&moved)
        };
        let gradient = tiny.gradient(&tiny.parameters());
        for counter in 0..3 {
            let v = direction(n, counter);
            let (after, before) = (at(&v, step), at(&v, -step));
            let slope = (tiny.loss(&after) - tiny.loss(&before)) / (2.0 * step);
            let found = dot(&gradient, &v);
            let error = (found - slope).abs();
            assert!(
                error < 1e-8 * slope.abs().max(1.0),
                "{name}: {found} against {slope}"
            );
            let after = tiny.gradient(&after).into_iter();
            let difference = after.zip(tiny.gradient(&before));
            let difference: Vec<f64> = difference.map(|(a, b)| (a - b) / (2.0 * step)).collect();
            let product = tiny.products(Matrix::Hessian, &[v], SAMPLES).remove(0);
            let error = relative_error(&product, &difference);
            assert!(error < 1e-6, "{name}: product off by {error:e}");
        }
    }
}

#[test]
fn hessians_are_symmetric_to_rounding() {
    for (precision, bound) in [(Precision::F64, 1e-12), (Precision::F32, 1e-5)] {
        for (name, tiny) in smooth(&Compute::cpu(precision)) {
            let n = tiny.values.len();
            let (u, v) = (direction(n, 1), direction(n, 2));
            let products = tiny.products(Matrix::Hessian, &[u.clone(), v.clone()], SAMPLES);
            let difference = (dot(&v, &products[0]) - dot(&u, &products[1])).abs();
            // Relative to what was added up; the sum itself can be small by chance.
            let scale = crate::linear::norm(&u) * crate::linear::norm(&products[1]);
            assert!(
                difference < bound * scale,
                "{name}, {precision}: {difference:e} of {scale:e}"
            );
        }
    }
}

/// Whole-data numbers in chunks, relative to one sweep: the largest error among three matrices.
fn chunk_error(tiny: &Tiny, chunk: usize, matrices: &[Matrix]) -> f64 {
    let v = [direction(tiny.values.len(), 3)];
    let product = |matrix, chunk| tiny.products(matrix, &v, chunk).remove(0);
    let errors = matrices.iter();
    errors
        .map(|&matrix| relative_error(&product(matrix, chunk), &product(matrix, SAMPLES)))
        .fold(0.0, f64::max)
}

#[test]
fn chunks_do_not_matter_where_samples_are_independent() {
    let matrices = [
        Matrix::Hessian,
        Matrix::GaussNewton,
        Matrix::NoiseCovariance,
    ];
    for (name, tiny) in independent(&cpu()) {
        for chunk in [1, 4] {
            let error = chunk_error(&tiny, chunk, &matrices);
            assert!(error < 1e-12, "{name} in chunks of {chunk}: {error:e}");
        }
    }
}

#[test]
fn chunks_are_the_batches_that_are_normalised_by_their_own_statistics() {
    let tiny = Tiny::resnet(Activation::Softplus, Normalisation::Batch, &cpu()).by_batch();
    let error = chunk_error(&tiny, 3, &[Matrix::Hessian]);
    assert!(error > 1e-2, "{error:e}");
}

#[test]
fn gauss_newton_matrices_are_made_of_the_jacobian_and_positive() {
    for (name, tiny) in smooth(&cpu()) {
        let n = tiny.values.len();
        let (parameters, batch) = (tiny.parameters(), tiny.batch(0, SAMPLES));
        let outputs = tiny.objective.evaluate(&parameters, &batch).outputs;
        let outputs = read(&outputs).unwrap();
        let columns = units(n).into_iter().map(|unit| {
            let unit = tiny.at(&unit);
            let along = DualParameters::along(&parameters, &unit);
            let (conditions, compute) = (tiny.objective.conditions(), tiny.objective.compute());
            let mut pass = Pass::new(along, conditions, compute, false);
            let outputs = tiny
                .objective
                .network()
                .forward(&mut pass, batch.inputs.clone());
            read(&outputs.tangent.unwrap()).unwrap()
        });
        let jacobian = nalgebra::DMatrix::from_columns(
            &columns.map(nalgebra::DVector::from_vec).collect::<Vec<_>>(),
        );
        // The Hessian of cross-entropy in a row of outputs: diag(p) − p pᵀ.
        let rows = SAMPLES * tiny.positions;
        let mut middle = nalgebra::DMatrix::zeros(rows * CLASSES, rows * CLASSES);
        for (row, z) in outputs.chunks(CLASSES).enumerate() {
            let total: f64 = z.iter().map(|z| z.exp()).sum();
            let p: Vec<f64> = z.iter().map(|z| z.exp() / total).collect();
            for (i, j) in (0..CLASSES).flat_map(|i| (0..CLASSES).map(move |j| (i, j))) {
                let diagonal = if i == j { p[i] } else { 0.0 };
                middle[(row * CLASSES + i, row * CLASSES + j)] =
                    (diagonal - p[i] * p[j]) / rows as f64;
            }
        }
        let expected = jacobian.transpose() * middle * &jacobian;
        let found =
            nalgebra::DMatrix::from_row_slice(n, n, &tiny.dense(Matrix::GaussNewton).concat());
        let error = (&found - &expected).norm() / expected.norm();
        assert!(error < 1e-13, "{name}: {error:e}");
        let smallest = found.symmetric_eigenvalues().min();
        assert!(smallest > -1e-13 * expected.norm(), "{name}: {smallest:e}");
    }
}

#[test]
fn dropout_is_fixed_while_measuring_and_drawn_anew_in_every_pass_of_training() {
    let streams = Streams::new(0);
    let loss = |dropout| {
        let tiny = Tiny::transformer(1, Pool::Class, Activation::Gelu, 0.5, &cpu());
        let tiny = tiny.with_dropout(dropout);
        tiny.loss(&tiny.parameters())
    };
    let drawn = |pass| loss(Dropout::Drawn { streams, pass });
    assert_eq!(loss(Dropout::Fixed(streams)), loss(Dropout::Fixed(streams)));
    assert_ne!(
        loss(Dropout::Fixed(streams)),
        loss(Dropout::Fixed(Streams::new(1)))
    );
    assert_ne!(loss(Dropout::Fixed(streams)), loss(Dropout::Off));
    assert_eq!(drawn(4), drawn(4));
    assert_ne!(drawn(4), drawn(5));
}

/// Compares a network on a graphics card, where there is one, with the reference.
fn compare_with_wgpu(name: &str, network: impl Fn(&Compute) -> Tiny) {
    let wgpu = match Compute::open(BackendKind::Wgpu, Precision::F32) {
        Ok(compute) => compute,
        Err(error) => {
            eprintln!("{name}: skipped: {error}");
            return;
        }
    };
    let (reference, other) = (network(&cpu()), network(&wgpu));
    let loss = |tiny: &Tiny| tiny.loss(&tiny.parameters());
    let (expected, found) = (loss(&reference), loss(&other));
    let error = (found / expected - 1.0).abs();
    assert!(error < 1e-4, "{name}: loss {found} against {expected}");
    let gradient = |tiny: &Tiny| tiny.gradient(&tiny.parameters());
    let error = relative_error(&gradient(&other), &gradient(&reference));
    assert!(error < 1e-4, "{name}: gradient off by {error:e}");
    let v = [numbers("v", reference.values.len())];
    let product = |tiny: &Tiny| tiny.products(Matrix::Hessian, &v, SAMPLES).remove(0);
    let error = relative_error(&product(&other), &product(&reference));
    assert!(error < 1e-3, "{name}: product off by {error:e}");
}

#[test]
fn a_resnet_on_wgpu_agrees_with_the_reference_where_a_vulkan_device_exists() {
    compare_with_wgpu("resnet", |compute| {
        Tiny::small_resnet(Activation::Relu, Normalisation::Batch, compute).by_batch()
    });
}

#[test]
fn a_transformer_on_wgpu_agrees_with_the_reference_where_a_vulkan_device_exists() {
    compare_with_wgpu("transformer", |compute| {
        Tiny::transformer(1, Pool::Class, Activation::Gelu, 0.0, compute)
    });
}

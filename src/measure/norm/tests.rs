//! Norms of a network that can be computed by hand.

use crate::backend::{Compute, Precision};
use crate::measure::testing::fixture::{Fixture, assert_close, measure_tiny};
use crate::model::{Activation, Init, Normalisation, Pool};
use crate::objective::tests::tiny::Tiny;

/// `W₁` has rows (3, 0, 0, 0) and (0, 4, 0, 0); `W₂` has rows (0, 2) and (1, 0).
fn by_hand() -> Fixture {
    let mut fixture = Fixture::new(&[2], 2, Activation::Relu, false);
    let weights = [3.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0];
    fixture.block("layers.0.weight").copy_from_slice(&weights);
    let weights = [0.0, 2.0, 1.0, 0.0];
    fixture.block("layers.1.weight").copy_from_slice(&weights);
    // The first layer starts from half of it, the second from 0 but for one weight.
    fixture.initial = fixture.values.iter().map(|value| 0.5 * value).collect();
    fixture.initial[8..].copy_from_slice(&[0.0, 0.0, 1.0, 0.0]);
    fixture
}

#[test]
fn norms_of_weights_are_those_of_their_definitions() {
    let fixture = by_hand();
    // Singular values 4, 3 and 2, 1; Frobenius norms 5 and √5.
    let complexity = 8.0 * ((7.0f64 / 4.0).powf(2.0 / 3.0) + 1.5f64.powf(2.0 / 3.0)).powf(1.5);
    let from_start = 8.0 * ((3.5f64 / 4.0).powf(2.0 / 3.0) + 1.0f64).powf(1.5);
    let expected = [
        ("norm.l2", 30.0f64.sqrt()),
        ("norm.parameters", 12.0),
        ("norm.frobenius.product", 125.0f64.sqrt()),
        ("norm.frobenius.sum", 30.0),
        ("norm.spectral.product", 8.0),
        ("norm.spectral.sum", 20.0),
        ("norm.spectral.max", 4.0),
        ("norm.stable_rank.sum", 25.0 / 16.0 + 5.0 / 4.0),
        ("norm.stable_rank.product", 125.0 / 64.0),
        ("norm.path", 11.0),
        ("norm.path.l2", 73.0f64.sqrt()),
        ("norm.spectral_complexity", complexity),
        ("norm.spectral_complexity.init", from_start),
        (
            "norm.pac_bayes_complexity",
            64.0 * (25.0 / 16.0 + 5.0 / 4.0),
        ),
        ("distance.init", (6.25f64 + 4.0).sqrt()),
        ("distance.init.relative", ((6.25f64 + 4.0) / 7.25).sqrt()),
        ("distance.init.frobenius", 2.0),
        ("distance.init.spectral", 2.0),
    ];
    for (name, expected) in expected {
        assert_close(fixture.value(name), expected, 1e-9);
    }
}

#[test]
fn a_block_has_norms_of_its_own() {
    let fixture = by_hand();
    let names = [
        "norm.l2",
        "norm.spectral.product",
        "norm.parameters",
        "distance.init",
    ];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.block = Some("layers.0");
        subject
    });
    let values: Vec<f64> = rows.iter().map(|row| row.value.unwrap()).collect();
    for (value, expected) in values.iter().zip([5.0, 4.0, 8.0, 2.5]) {
        assert_close(*value, expected, 1e-9);
    }
    let rows = fixture.measure_as(&["norm.path"], |mut subject| {
        subject.block = Some("layers.0");
        subject
    });
    assert_eq!(rows[0].value, Some(fixture.value("norm.path")));
    assert_eq!(rows[0].circumstances.block, None);
}

#[test]
fn spectral_norms_bring_their_residual() {
    let row = Fixture::new(&[6, 5], 3, Activation::Relu, true).row("norm.spectral.product");
    assert_eq!(row.converged, Some(true));
    assert!(row.residual().unwrap() < 1e-5);
}

#[test]
fn a_bias_has_no_weight_matrix_and_an_unknown_start_no_distance() {
    let fixture = Fixture::new(&[6], 3, Activation::Relu, true);
    let rows = fixture.measure_as(&["norm.spectral.max"], |mut subject| {
        subject.block = Some("layers.0.bias");
        subject
    });
    assert!(rows[0].reason().unwrap().contains("no weight matrix"));
    let names = [
        "distance.init",
        "distance.init.spectral",
        "norm.spectral_complexity.init",
    ];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.initial = None;
        subject
    });
    assert!(
        rows.iter()
            .all(|row| row.reason().unwrap().contains("starting point"))
    );
}

fn cpu() -> Compute {
    Compute::cpu(Precision::F64)
}

const OF_SPECTRA: [&str; 4] = [
    "norm.spectral.product",
    "norm.spectral.sum",
    "norm.spectral.max",
    "norm.stable_rank.sum",
];

/*
The expected numbers are what PyTorch gives:

import torch
import torch.nn.functional as F
torch.set_default_dtype(torch.float64)
def numbers(name, *shape):
    k = torch.arange(1, torch.Size(shape).numel() + 1, dtype=torch.float64)
    return (torch.sin(sum(name.encode()) + k * k) / 2).reshape(shape)
def conv(name, channels, size, input, stride):
    weight = numbers(name + ".weight", channels[1], channels[0], size, size)
    images = torch.eye(channels[0] * input * input).reshape(-1, channels[0], input, input)
    return F.conv2d(images, weight, stride=stride, padding=size // 2).flatten(1)
def report(matrices):
    spectral = torch.stack([torch.linalg.matrix_norm(a, 2) for a in matrices])
    frobenius = torch.stack([a.norm() for a in matrices])
    print(spectral.prod().item(), (spectral ** 2).sum().item(), spectral.max().item())
    print(((frobenius / spectral) ** 2).sum().item())
report([
    conv("conv1", (2, 2), 3, 5, 1),
    conv("layer1.0.conv1", (2, 2), 3, 5, 1), conv("layer1.0.conv2", (2, 2), 3, 5, 1),
    conv("layer2.0.conv1", (2, 4), 3, 5, 2), conv("layer2.0.conv2", (4, 4), 3, 3, 1),
    conv("layer2.0.downsample.0", (2, 4), 1, 5, 2), numbers("fc.weight", 3, 4),
])
layer = "encoder.layers.0."
report([
    numbers("patch_embed.weight", 4, 8), numbers(layer + "self_attn.in_proj_weight", 12, 4),
    numbers(layer + "self_attn.out_proj.weight", 4, 4), numbers(layer + "linear1.weight", 5, 4),
    numbers(layer + "linear2.weight", 4, 5), numbers("head.weight", 3, 4),
])
*/
#[test]
fn spectra_of_convolutions_and_attention_are_those_of_pytorch() {
    let resnet = Tiny::resnet(Activation::Relu, Normalisation::Batch, &cpu());
    let transformer = Tiny::transformer(1, Pool::Mean, Activation::Gelu, 0.0, &cpu());
    let of_resnet = [
        103.32520081974681,
        38.45074989265748,
        3.1712936902643842,
        70.3350734083773,
    ];
    let of_transformer = [
        1.9967946622041073,
        8.065955399137152,
        1.528552014744798,
        13.332742354387047,
    ];
    for (tiny, expected) in [(resnet, of_resnet), (transformer, of_transformer)] {
        for (row, expected) in measure_tiny(&tiny, &OF_SPECTRA).iter().zip(expected) {
            assert_eq!(row.converged, Some(true));
            assert_close(row.value.unwrap(), expected, 1e-9);
        }
    }
}

#[test]
fn what_is_defined_for_stacks_is_refused_elsewhere() {
    let resnet = Tiny::resnet(Activation::Relu, Normalisation::None, &cpu());
    let mlp = Tiny::mlp(Activation::Relu, Normalisation::Layer, Init::He, &cpu());
    let names = [
        "norm.path",
        "norm.spectral_complexity",
        "norm.pac_bayes_complexity",
        "margin.spectral",
        "margin.bartlett.median",
    ];
    for tiny in [resnet, mlp] {
        for row in measure_tiny(&tiny, &names) {
            assert!(row.reason().unwrap().contains("stack of fully connected"));
        }
    }
}

#[test]
fn a_factor_in_front_of_weights_counts_as_if_it_were_in_them() {
    let network = |init| Tiny::mlp(Activation::Relu, Normalisation::None, init, &cpu());
    let (ntk, mut he) = (network(Init::Ntk), network(Init::He));
    let maps = ntk.objective.network().linear_maps();
    for map in maps {
        let block = &ntk.objective.network().layout().blocks()[map.weight];
        for value in &mut he.values[block.range()] {
            *value *= map.factor;
        }
    }
    let names = [
        "norm.frobenius.product",
        "norm.spectral.product",
        "norm.spectral_complexity",
        "norm.path",
        "margin.spectral",
        "margin.last_hidden.median",
    ];
    let rows = measure_tiny(&ntk, &names);
    for (ntk, he) in rows.iter().zip(measure_tiny(&he, &names)) {
        assert_close(ntk.value.unwrap(), he.value.unwrap(), 1e-9);
    }
}

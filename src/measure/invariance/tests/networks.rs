//! The maps of residual networks and transformers leave their functions alone.

use super::super::*;
use crate::backend::{Compute, Precision};
use crate::measure::testing::fixture::measures;
use crate::model::{Activation, Init, NormMode, Normalisation, Pool, Shortcut, Stem};
use crate::model::{
    Initialisation, Network, ResNet, ResNetShape, Tokens, Transformer, TransformerShape,
};
use crate::objective::{Batch, Chunks, Loss};
use crate::random::Streams;
use crate::reparam::applicable;
use std::sync::Arc;

const IMAGE: [usize; 3] = [2, 4, 4];
const SAMPLES: usize = 6;
const CLASSES: usize = 3;
const SEQUENCE: usize = 4;

fn start() -> Initialisation {
    Initialisation {
        kind: Init::He,
        scale: 1.0,
    }
}

fn resnet(normalisation: Normalisation, activation: Activation) -> Arc<dyn Network> {
    resnet_with(Stem::Cifar, Shortcut::Projection, normalisation, activation)
}

fn resnet_with(
    stem: Stem,
    shortcut: Shortcut,
    normalisation: Normalisation,
    activation: Activation,
) -> Arc<dyn Network> {
    Arc::new(ResNet::new(&ResNetShape {
        stem,
        shortcut,
        image: IMAGE,
        width: 4,
        blocks: vec![2, 2],
        outputs: CLASSES,
        activation,
        normalisation,
        groups: 2,
        initialisation: start(),
    }))
}

fn transformer(pool: Pool) -> Arc<dyn Network> {
    transformer_on(Tokens::Patches {
        image: IMAGE,
        patch: 2,
        pool,
    })
}

fn transformer_on(tokens: Tokens) -> Arc<dyn Network> {
    Arc::new(Transformer::new(TransformerShape {
        tokens,
        width: 6,
        depth: 2,
        heads: 2,
        mlp_width: 5,
        last_norm: crate::model::LastNorm::Pooled,
        outputs: CLASSES,
        dropout: 0.0,
        activation: Activation::Gelu,
        initialisation: start(),
    }))
}

/// Numbers from -1 to 1, the same for the same name.
fn uniform(name: &str, count: usize) -> Vec<f64> {
    let mut rng = Streams::new(3).stream(name, 0);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A network with random parameters and running statistics, and data for it.
fn objective(network: Arc<dyn Network>, norm_mode: NormMode) -> (Objective, Parameters, Chunks) {
    let compute = Compute::cpu(Precision::F64);
    let (layout, statistics) = (
        network.layout().clone(),
        network.blueprint().statistics().clone(),
    );
    let values = uniform("parameters", layout.len());
    let running: Vec<f64> = uniform("running", statistics.len())
        .iter()
        .map(|x| 1.5 + x)
        .collect();
    let (inputs, positions) = if network.has_smooth_inputs() {
        let count = SAMPLES * IMAGE.iter().product::<usize>();
        (uniform("inputs", count), 1)
    } else {
        let characters = (0..SAMPLES * SEQUENCE).map(|i| (i * i % CLASSES) as f64);
        (characters.collect(), SEQUENCE)
    };
    let labels: Vec<u8> = (0..SAMPLES * positions)
        .map(|i| (i % CLASSES) as u8)
        .collect();
    let targets: Vec<f64> = labels
        .iter()
        .flat_map(|&label| Loss::CrossEntropy.target(label, CLASSES))
        .collect();
    let batch = Batch {
        inputs: compute.tensor(&inputs, [SAMPLES, inputs.len() / SAMPLES]),
        targets: compute.tensor(&targets, [labels.len(), CLASSES]),
    };
    let objective = Objective::new(network, Loss::CrossEntropy, compute.clone());
    let conditions = Conditions {
        statistics: Parameters::from_host(&statistics, &running, &compute),
        norm_mode,
        ..objective.conditions().clone()
    };
    (
        objective.under(conditions),
        Parameters::from_host(&layout, &values, &compute),
        Chunks::from_batches(vec![batch], labels),
    )
}

/// Checks every map of a network; returns the kinds.
fn check(network: Arc<dyn Network>, norm_mode: NormMode) -> Vec<MapKind> {
    let (objective, parameters, train) = objective(network, norm_mode);
    let mut session = Session::new(Subject {
        trained_elsewhere: false,
        training_samples: None,
        ..Subject::new(&objective, &parameters, &train)
    });
    let kinds = applicable(objective.network());
    for &kind in &kinds {
        let mut rng = Streams::new(0).stream("test", 0);
        let map = build(objective.network(), kind, &mut rng).unwrap();
        let report = session
            .under(
                &map,
                &measures(&[
                    "norm.l2",
                    "hessian.lambda_max.adaptive",
                    "norm.frobenius.product",
                    "norm.spectral.product",
                    "norm.stable_rank.sum",
                    "margin.last_hidden.median",
                    "margin.hidden.1.median",
                    "representation.effective_rank.1",
                    "representation.effective_rank.last",
                    "collapse.nc1",
                    "collapse.nc3",
                    "kernel.alignment",
                    "direction.alignment",
                ]),
            )
            .unwrap();
        assert!(report.passed(), "{kind}: {report:?}");
        let check = report.function.unwrap();
        let is_exact = kind != MapKind::NormalisedScale;
        assert!(
            !is_exact || check.outputs.moved < 1e-12,
            "{kind}: {check:?}"
        );
        let ratio = report.lines[0].ratio.unwrap();
        let is_isometry = MapKind::ISOMETRIES.contains(&kind);
        assert_eq!((ratio - 1.0).abs() < 1e-12, is_isometry, "{kind}: {ratio}");
        // The statistics go back with the parameters.
        let running = objective.conditions().statistics.to_host().unwrap();
        let back = map
            .inverse()
            .apply_to_statistics(&map.apply_to_statistics(&running));
        for (back, running) in back.iter().zip(&running) {
            assert!((back - running).abs() < 1e-13);
        }
    }
    kinds
}

#[test]
fn residual_networks_with_running_statistics() {
    use MapKind::*;
    let network = || resnet(Normalisation::Batch, Activation::Relu);
    let kinds = [LayerRescaling, UnitRescaling, Permutation, NormalisedScale];
    assert_eq!(check(network(), NormMode::Eval), kinds);
    assert_eq!(check(network(), NormMode::Batch), kinds);
    // With running statistics the map corrects for the normalisation's epsilon.
    let mut rng = Streams::new(0).stream("test", 0);
    let map = build(network().as_ref(), NormalisedScale, &mut rng).unwrap();
    assert!(map.is_exact(NormMode::Eval) && !map.is_exact(NormMode::Batch));
}

#[test]
fn residual_networks_with_the_stem_of_imagenet_and_with_padded_shortcuts() {
    use MapKind::*;
    let kinds = |stem, shortcut, normalisation, activation| {
        check(
            resnet_with(stem, shortcut, normalisation, activation),
            NormMode::Eval,
        )
    };
    let (batch, none) = (Normalisation::Batch, Normalisation::None);
    let (projection, relu) = (Shortcut::Projection, Activation::Relu);
    let all = [LayerRescaling, UnitRescaling, Permutation, NormalisedScale];
    assert_eq!(kinds(Stem::ImageNet, projection, batch, relu), all);
    // A maximum lets no mixture of channels pass, so that of the linear network only scales and order are left there.
    let linear = kinds(Stem::ImageNet, projection, none, Activation::Linear);
    assert!(linear.contains(&UnitRescaling), "{linear:?}");
    assert_eq!(kinds(Stem::Cifar, Shortcut::Padding, batch, relu), all);
}

#[test]
fn residual_networks_with_other_normalisations_or_none() {
    use MapKind::*;
    let kinds =
        |normalisation, activation| check(resnet(normalisation, activation), NormMode::Eval);
    assert_eq!(
        kinds(Normalisation::Layer, Activation::Relu),
        [LayerRescaling, UnitRescaling, Permutation, NormalisedScale]
    );
    // Channels are bound to their groups.
    assert_eq!(
        kinds(Normalisation::Group, Activation::Relu),
        [LayerRescaling, UnitRescaling, NormalisedScale]
    );
    assert_eq!(
        kinds(Normalisation::Group, Activation::Tanh),
        [NormalisedScale]
    );
    assert_eq!(
        kinds(Normalisation::None, Activation::Linear),
        [LayerRescaling, UnitRescaling, Permutation, OrthogonalBasis]
    );
}

#[test]
fn transformers() {
    use MapKind::*;
    let text = transformer_on(Tokens::Characters {
        vocabulary: CLASSES,
        sequence: SEQUENCE,
    });
    for network in [transformer(Pool::Class), transformer(Pool::Mean), text] {
        assert_eq!(
            check(network, NormMode::Eval),
            [
                LayerRescaling,
                UnitRescaling,
                Permutation,
                NormalisedScale,
                AttentionRescaling
            ]
        );
    }
}

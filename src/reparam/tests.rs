//! Maps of small networks.

use super::*;
use crate::model::{Activation, Init, Normalisation};
use crate::model::{Initialisation, Mlp, MlpShape, Network};
use crate::random::{StreamRng, Streams};
use proptest::prelude::*;

const START: Initialisation = Initialisation {
    kind: Init::He,
    scale: 1.0,
};

fn mlp(hidden: Vec<usize>, activation: Activation) -> Mlp {
    Mlp::new(MlpShape {
        inputs: 2,
        hidden,
        outputs: 2,
        activation,
        bias: true,
        normalisation: Normalisation::None,
        initialisation: START,
    })
}

fn rng(seed: u64) -> StreamRng {
    Streams::new(seed).stream("test", 0)
}

/// Two matrices one after the other, `[3, 2]` and `[2, 3]`, without a nonlinearity or biases.
fn linear() -> Mlp {
    Mlp::new(MlpShape {
        inputs: 2,
        hidden: vec![3],
        outputs: 2,
        activation: Activation::Linear,
        bias: false,
        normalisation: Normalisation::None,
        initialisation: START,
    })
}

/// The product of its two matrices, which is the function.
fn product(values: &[f64]) -> Vec<f64> {
    let (first, second) = values.split_at(6);
    let entry = |row: usize, column: usize| -> f64 {
        (0..3)
            .map(|unit| second[row * 3 + unit] * first[unit * 2 + column])
            .sum()
    };
    vec![entry(0, 0), entry(0, 1), entry(1, 0), entry(1, 1)]
}

#[test]
fn a_layer_rescaling_multiplies_the_first_layer_and_divides_the_second() {
    let network = mlp(vec![1, 1], Activation::Relu);
    let map = build(&network, MapKind::LayerRescaling, &mut rng(0)).unwrap();
    // Weights and bias of the first layer, the weight of the second; the rest stays.
    assert_eq!(
        map.apply(&[1.0; 9]),
        [10.0, 10.0, 10.0, 0.1, 1.0, 1.0, 1.0, 1.0, 1.0]
    );
}

#[test]
fn a_unit_rescaling_has_a_factor_for_every_unit_of_every_layer() {
    let network = mlp(vec![2, 1], Activation::Relu);
    let map = build(&network, MapKind::UnitRescaling, &mut rng(0)).unwrap();
    let image = map.apply(&vec![1.0; network.layout().len()]);
    let (first, second) = (image[0], image[2]);
    let third = image[8];
    assert!(first != second && first != 1.0 && third != 1.0);
    let expected = [
        [first, first, second, second].as_slice(),
        &[first, second],
        &[third / first, third / second],
        &[third],
        &[third.recip(), third.recip(), 1.0, 1.0],
    ]
    .concat();
    for (image, expected) in image.iter().zip(&expected) {
        assert!((image / expected - 1.0).abs() < 1e-15);
    }
}

#[test]
fn a_permutation_moves_units_with_all_their_weights() {
    let network = mlp(vec![4], Activation::Tanh);
    let map = build(&network, MapKind::Permutation, &mut rng(1)).unwrap();
    // Every weight and bias of unit u is u, those of the output layer's bias are 9.
    let incoming = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0];
    let biases = [0.0, 1.0, 2.0, 3.0];
    let values = [&incoming[..], &biases, &biases, &biases, &[9.0, 9.0]].concat();
    let image = map.apply(&values);
    let order = &image[8..12];
    assert_ne!(order, biases);
    assert_eq!(&image[12..16], order);
    assert_eq!(&image[16..20], order);
    assert_eq!(
        image[..8].chunks(2).map(|row| row[0]).collect::<Vec<_>>(),
        order
    );
    assert_eq!(
        image[..8].chunks(2).map(|row| row[1]).collect::<Vec<_>>(),
        order
    );
    assert_eq!(&image[20..], [9.0, 9.0]);
}

#[test]
fn an_orthogonal_basis_keeps_the_product_of_matrices_and_the_norm() {
    let values: Vec<f64> = (1..=12).map(|i| f64::from(i).sin()).collect();
    let map = build(&linear(), MapKind::OrthogonalBasis, &mut rng(0)).unwrap();
    let image = map.apply(&values);
    let norm = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!((norm(&image) - norm(&values)).abs() < 1e-14);
    assert!((image[0] - values[0]).abs() > 0.01);
    let (before, after) = (product(&values), product(&image));
    for (before, after) in before.iter().zip(&after) {
        assert!((before - after).abs() < 1e-14);
    }
}

#[test]
fn a_network_has_only_the_maps_its_activations_allow() {
    use MapKind::*;
    let kinds = |network: &dyn Network| applicable(network);
    assert_eq!(
        kinds(&mlp(vec![3], Activation::Relu)),
        [LayerRescaling, UnitRescaling, Permutation]
    );
    assert_eq!(kinds(&mlp(vec![3], Activation::Tanh)), [Permutation]);
    assert_eq!(
        kinds(&linear()),
        [LayerRescaling, UnitRescaling, Permutation, OrthogonalBasis]
    );
    assert_eq!(kinds(&mlp(Vec::new(), Activation::Relu)), []);
    let tanh = mlp(vec![3], Activation::Tanh);
    let refusal = build(&tanh, LayerRescaling, &mut rng(0)).unwrap_err();
    insta::assert_snapshot!(refusal, @"the network has no layer-rescaling that leaves its function alone: that needs a hidden layer whose activation is positively homogeneous (relu)");
}

#[test]
fn a_map_is_a_function_of_its_random_stream() {
    let network = mlp(vec![5], Activation::Relu);
    let draw = |seed| build(&network, MapKind::UnitRescaling, &mut rng(seed)).unwrap();
    assert_eq!(draw(0), draw(0));
    assert_ne!(draw(0), draw(1));
}

proptest! {
    #[test]
    fn maps_and_their_inverses_cancel(
        seed in 0..1000u64,
        widths in proptest::collection::vec(1..5usize, 1..4),
    ) {
        let networks: [Box<dyn Network>; 2] =
            [Box::new(mlp(widths, Activation::Relu)), Box::new(linear())];
        for network in networks {
            let mut rng = rng(seed);
            let values: Vec<f64> = network.layout().blocks().iter()
                .flat_map(|block| block.range())
                .map(|i| (i as f64 + seed as f64).cos())
                .collect();
            for kind in applicable(network.as_ref()) {
                let map = build(network.as_ref(), kind, &mut rng).unwrap();
                for round_trip in [
                    map.inverse().apply(&map.apply(&values)),
                    map.apply(&map.inverse().apply(&values)),
                ] {
                    for (back, value) in round_trip.iter().zip(&values) {
                        prop_assert!((back - value).abs() < 1e-14, "{kind}: {back} {value}");
                    }
                }
            }
        }
    }
}

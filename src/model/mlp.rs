//! The multilayer perceptron.

use super::layer::{Initialisation, Linear, Normalisation};
use super::{Blueprint, Builder, LinearMap, Network, Pass, Symmetry};
use crate::dual::Dual;
use crate::model::{Activation, Init, Normalisation as NormalisationKind};
use burn::tensor::Tensor;

/// What determines a multilayer perceptron.
#[derive(Clone, Debug, PartialEq)]
pub struct MlpShape {
    /// Features per sample.
    pub inputs: usize,
    /// Widths of the hidden layers; none makes a linear model.
    pub hidden: Vec<usize>,
    /// Numbers per sample that come out.
    pub outputs: usize,
    /// The non-linearity after every hidden layer.
    pub activation: Activation,
    /// Whether layers add a bias.
    pub bias: bool,
    /// What normalises the hidden units before their non-linearity.
    pub normalisation: NormalisationKind,
    /// The starting weights.
    pub initialisation: Initialisation,
}

impl MlpShape {
    /// The plain kind: ReLU, biases, no normalisation, He's starting weights.
    pub fn new(inputs: usize, hidden: &[usize], outputs: usize) -> Self {
        Self {
            inputs,
            hidden: hidden.to_vec(),
            outputs,
            activation: Activation::Relu,
            bias: true,
            normalisation: NormalisationKind::None,
            initialisation: Initialisation {
                kind: Init::He,
                scale: 1.0,
            },
        }
    }
}

/// A multilayer perceptron with parameters `layers.{i}.weight` (`[outputs, inputs]`) and
/// `layers.{i}.bias` (`[outputs]`), and `norms.{i}` after each hidden layer that is normalised.
pub struct Mlp {
    activation: Activation,
    layers: Vec<Linear>,
    norms: Vec<Option<Normalisation>>,
    blueprint: Blueprint,
}

impl Mlp {
    /// Builds the network; it holds no parameters of its own.
    pub fn new(shape: MlpShape) -> Self {
        let mut builder = Builder::default();
        let (mut layers, mut norms) = (Vec::new(), Vec::new());
        let mut width = shape.inputs;
        for (index, &next) in shape.hidden.iter().chain([&shape.outputs]).enumerate() {
            layers.push(Linear::new(
                &mut builder,
                &format!("layers.{index}"),
                [width, next],
                shape.bias,
                shape.initialisation,
            ));
            if index < shape.hidden.len() {
                let name = format!("norms.{index}");
                let norm = Normalisation::new(&mut builder, &name, next, shape.normalisation, 1);
                norms.push(norm);
            }
            width = next;
        }
        Self {
            activation: shape.activation,
            layers,
            norms,
            blueprint: builder.finish(),
        }
    }
}

impl Network for Mlp {
    fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2> {
        let mut hidden = Dual::constant(inputs);
        for (layer, norm) in self.layers.iter().zip(&self.norms) {
            hidden = layer.forward(pass, hidden);
            if let Some(norm) = norm {
                hidden = norm.forward(pass, hidden);
            }
            hidden = pass.tap(self.activation.apply(hidden));
        }
        self.layers[self.norms.len()].forward(pass, hidden)
    }

    fn symmetries(&self) -> Vec<Symmetry> {
        let pairs = self.layers.windows(2).zip(&self.norms);
        pairs
            .flat_map(|(pair, norm)| {
                let readers = vec![pair[1].columns()];
                Symmetry::hidden(&pair[0].units(), norm.as_ref(), readers, self.activation)
            })
            .collect()
    }

    fn hidden_activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn linear_maps(&self) -> Vec<LinearMap> {
        self.layers.iter().map(Linear::linear_map).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Init;
    use crate::model::{Freedom, Slab};
    use crate::random::Streams;

    fn shape() -> MlpShape {
        MlpShape {
            inputs: 100,
            hidden: vec![50],
            outputs: 3,
            activation: Activation::Relu,
            bias: true,
            normalisation: NormalisationKind::None,
            initialisation: Initialisation {
                kind: Init::He,
                scale: 1.0,
            },
        }
    }

    #[test]
    fn parameters_have_the_names_and_layouts_of_pytorch() {
        let mlp = Mlp::new(shape());
        let blocks: Vec<_> = mlp
            .layout()
            .blocks()
            .iter()
            .map(|block| (block.name.as_str(), block.shape.clone()))
            .collect();
        assert_eq!(
            blocks,
            [
                ("layers.0.weight", vec![50, 100]),
                ("layers.0.bias", vec![50]),
                ("layers.1.weight", vec![3, 50]),
                ("layers.1.bias", vec![3]),
            ]
        );
    }

    #[test]
    fn he_weights_have_variance_two_over_inputs_and_biases_are_zero() {
        let mlp = Mlp::new(shape());
        let mut rng = Streams::new(0).stream("init", 0);
        let values = mlp.blueprint().initial_parameters(&mut rng);
        let weights = &values[..5000];
        let variance = weights.iter().map(|w| w * w).sum::<f64>() / 5000.0;
        // Standard error of a variance of n normal numbers: variance · √(2/n) = 0.0004.
        assert!((variance - 0.02).abs() < 0.0016, "{variance}");
        assert!(values[5000..5050].iter().all(|&bias| bias == 0.0));
    }

    #[test]
    fn hidden_units_own_their_incoming_and_outgoing_weights() {
        let relu = Mlp::new(shape()).symmetries();
        let expected = Symmetry {
            units: 50,
            raised: vec![Slab::rows(0), Slab::rows(1)],
            lowered: vec![Slab::columns(2)],
            carried: Vec::new(),
            running: Vec::new(),
            freedom: Freedom::Homogeneous,
        };
        assert_eq!(relu, [expected]);
        let deep_tanh = Mlp::new(MlpShape {
            activation: Activation::Tanh,
            hidden: vec![7, 5],
            bias: false,
            ..shape()
        });
        let symmetries = deep_tanh.symmetries();
        assert_eq!(symmetries.len(), 2);
        assert_eq!(symmetries[1].lowered, [Slab::columns(2)]);
        assert_eq!(symmetries[1].freedom, Freedom::Order);
    }
}

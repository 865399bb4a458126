//! Derivatives with respect to the inputs, and to what hidden layers make of them.

use super::Objective;
use crate::model::Pass;
use crate::params::{DualParameters, Parameters};
use burn::tensor::Tensor;

impl Objective {
    /// The network's outputs, `[batch, outputs]`, on inputs `[batch, features]`.
    pub fn outputs(&self, parameters: &Parameters, inputs: Tensor<2>) -> Tensor<2> {
        let parameters = DualParameters::plain(parameters);
        let is_tracked = inputs.is_autodiff();
        let mut pass = Pass::new(parameters, &self.conditions, &self.compute, is_tracked);
        self.network.forward(&mut pass, inputs).value
    }

    /// `∇ₓ Σ_k c_k z_k(x)` for every sample, `[batch, features]`, with coefficients `c` of shape
    /// `[batch, outputs]`.
    ///
    /// One reverse pass over the sum of the batch, so each row is its own sample's gradient only
    /// where no sample's outputs depend on another one.
    pub fn input_gradient(
        &self,
        parameters: &Parameters,
        inputs: Tensor<2>,
        coefficients: Tensor<2>,
    ) -> Tensor<2> {
        let leaf = inputs.clone().autodiff().require_grad();
        let outputs = self.outputs(&parameters.untracked(), leaf.clone());
        if !outputs.is_tracked() {
            return inputs.zeros_like();
        }
        let mut gradients = (outputs * coefficients.autodiff()).sum().backward();
        leaf.grad_remove(&mut gradients)
            .unwrap_or_else(|| inputs.zeros_like())
    }

    /// What the network holds after a hidden layer, counted from 1, and `∇ₕ Σ_k c_k z_k(h)` of
    /// every sample, both `[batch, features]`, with coefficients `c` of shape `[batch, outputs]`.
    /// None where the network has no such layer.
    ///
    /// Rows belong to single samples only under the condition of [`Objective::input_gradient`].
    pub fn hidden_gradient(
        &self,
        parameters: &Parameters,
        inputs: Tensor<2>,
        layer: usize,
        coefficients: Tensor<2>,
    ) -> Option<(Tensor<2>, Tensor<2>)> {
        let parameters = parameters.untracked();
        let parameters = DualParameters::plain(&parameters);
        let pass = Pass::new(parameters, &self.conditions, &self.compute, true);
        let mut pass = pass.tapped_at(layer);
        let outputs = self.network.forward(&mut pass, inputs.autodiff()).value;
        let leaf = pass.into_hidden()?;
        let mut gradients = (outputs * coefficients.autodiff()).sum().backward();
        let gradient = leaf.grad_remove(&mut gradients);
        let hidden = leaf.without_autodiff();
        let gradient = gradient.unwrap_or_else(|| hidden.zeros_like());
        Some((hidden, gradient))
    }

    /// What the layer that makes the outputs is given, `[batch · positions, features]`.
    pub fn features(&self, parameters: &Parameters, inputs: Tensor<2>) -> Option<Tensor<2>> {
        let parameters = DualParameters::plain(parameters);
        let pass = Pass::new(parameters, &self.conditions, &self.compute, false);
        let mut pass = pass.keeping_features();
        self.network.forward(&mut pass, inputs);
        pass.into_features()
    }

    /// What the activation within a block, counted from 1, makes of every sample, `[batch, units]`; none where the
    /// network tells of no such units.
    pub fn inner_units(
        &self,
        parameters: &Parameters,
        inputs: Tensor<2>,
        layer: usize,
    ) -> Option<Tensor<2>> {
        let parameters = DualParameters::plain(parameters);
        let pass = Pass::new(parameters, &self.conditions, &self.compute, false);
        let mut pass = pass.keeping_inner(layer);
        self.network.forward(&mut pass, inputs);
        pass.into_inner()
    }

    /// What a hidden layer (or block), counted from 1, holds of every sample, `[batch, features]`;
    /// none where the network has no such layer.
    pub fn hidden(
        &self,
        parameters: &Parameters,
        inputs: Tensor<2>,
        layer: usize,
    ) -> Option<Tensor<2>> {
        let parameters = parameters.untracked();
        let parameters = DualParameters::plain(&parameters);
        let pass = Pass::new(parameters, &self.conditions, &self.compute, true);
        let mut pass = pass.tapped_at(layer);
        self.network.forward(&mut pass, inputs.autodiff());
        Some(pass.into_hidden()?.without_autodiff())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Loss;
    use super::super::tests::Case;
    use super::super::tests::tiny::{CLASSES, SAMPLES, Tiny, numbers};
    use crate::backend::{Compute, Precision, read};
    use crate::model::{Activation, Normalisation, Pool};

    #[test]
    fn the_gradient_in_the_inputs_is_that_of_finite_differences() {
        let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
        let (objective, parameters) = (&case.objective, case.parameters());
        let batch = &case.chunks(7).batches()[0].clone();
        let [samples, outputs] = batch.targets.dims();
        let weights: Vec<f64> = (0..samples * outputs)
            .map(|index| index as f64 / 10.0 - 1.0)
            .collect();
        let coefficients = objective.compute().tensor(&weights, [samples, outputs]);
        let gradient = objective.input_gradient(&parameters, batch.inputs.clone(), coefficients);
        let found = read(&gradient).unwrap();

        let combined = |inputs: &[f64]| -> f64 {
            let inputs = objective.compute().tensor(inputs, batch.inputs.dims());
            let outputs = read(&objective.outputs(&parameters, inputs)).unwrap();
            outputs.iter().zip(&weights).map(|(z, c)| z * c).sum()
        };
        let step = 1e-5;
        for index in 0..case.inputs.len() {
            let moved = |by: f64| {
                let mut inputs = case.inputs.clone();
                inputs[index] += by;
                combined(&inputs)
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * step);
            assert!((found[index] - expected).abs() < 1e-8, "{index}");
        }
    }

    #[test]
    fn in_the_last_block_of_a_resnet_the_gradient_is_a_row_of_the_head_over_the_pixels() {
        let compute = Compute::cpu(Precision::F64);
        let tiny = Tiny::resnet(Activation::Gelu, Normalisation::Batch, &compute);
        let gradient = |layer| {
            let batch = tiny.batch(0, 2);
            let coefficients = compute.tensor(&[1.0, 0.0, 0.0, 0.0, 1.0, -1.0], [2, 3]);
            tiny.objective
                .hidden_gradient(&tiny.parameters(), batch.inputs, layer, coefficients)
        };
        let (hidden, found) = gradient(2).unwrap();
        // Four channels of 3 × 3 pixels.
        assert_eq!((hidden.dims(), found.dims()), ([2, 36], [2, 36]));
        let head = numbers("fc.weight", 12);
        let rows = (0..4)
            .map(|c| head[c])
            .chain((0..4).map(|c| head[4 + c] - head[8 + c]));
        let expected = rows.flat_map(|weight| [weight / 9.0; 9]);
        for (found, expected) in read(&found).unwrap().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14);
        }
        assert!(gradient(0).is_none() && gradient(3).is_none());
    }

    #[test]
    fn in_a_transformer_s_blocks_the_gradient_is_that_of_a_bias_added_to_all_tokens() {
        let compute = Compute::cpu(Precision::F64);
        let tiny = Tiny::transformer(2, Pool::Class, Activation::Gelu, 0.0, &compute);
        let weights: Vec<f64> = (0..SAMPLES * CLASSES)
            .map(|k| k as f64 / 9.0 - 1.0)
            .collect();
        let inputs = tiny.batch(0, SAMPLES).inputs;
        let combined = |values: &[f64]| -> f64 {
            let outputs = tiny.objective.outputs(&tiny.at(values), inputs.clone());
            let outputs = read(&outputs).unwrap();
            outputs.iter().zip(&weights).map(|(z, c)| z * c).sum()
        };
        for layer in 1..=2 {
            let coefficients = compute.tensor(&weights, [SAMPLES, CLASSES]);
            let (_, gradient) = tiny
                .objective
                .hidden_gradient(&tiny.parameters(), inputs.clone(), layer, coefficients)
                .unwrap();
            let gradient = read(&gradient).unwrap();
            let bias = format!("encoder.layers.{}.linear2.bias", layer - 1);
            let places = tiny.objective.network().layout().range(&bias).unwrap();
            let (step, width) = (1e-5, places.len());
            for (feature, place) in places.enumerate() {
                let moved = |by: f64| {
                    let mut values = tiny.values.clone();
                    values[place] += by;
                    combined(&values)
                };
                let expected = (moved(step) - moved(-step)) / (2.0 * step);
                let found: f64 = gradient.iter().skip(feature).step_by(width).sum();
                assert!((found - expected).abs() < 1e-8, "{layer} {feature}");
            }
        }
    }
}

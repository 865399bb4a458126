//! Derivatives with respect to the inputs.

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
}

#[cfg(test)]
mod tests {
    use super::super::Loss;
    use super::super::tests::Case;
    use crate::backend::read;
    use crate::config::Activation;

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
}

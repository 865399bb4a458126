//! The Hessian of the mean loss over a set of samples.

use super::{CurvatureError, Interrupt, LinearOperator};
use crate::objective::{Chunks, Objective};
use crate::params::Parameters;

/// `∇²L(θ)` for the mean loss `L` over all samples of the chunks; a ragged last chunk weighs what
/// it holds.
pub struct HessianOperator<'a> {
    objective: &'a Objective,
    parameters: &'a Parameters,
    data: &'a Chunks,
    interrupt: Interrupt<'a>,
}

impl<'a> HessianOperator<'a> {
    /// The Hessian at `parameters`.
    pub fn new(
        objective: &'a Objective,
        parameters: &'a Parameters,
        data: &'a Chunks,
        interrupt: Interrupt<'a>,
    ) -> Self {
        Self {
            objective,
            parameters,
            data,
            interrupt,
        }
    }
}

impl LinearOperator for HessianOperator<'_> {
    fn dimension(&self) -> usize {
        self.parameters.layout().len()
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, CurvatureError> {
        let layout = self.parameters.layout();
        let direction = Parameters::from_host(layout, vector, self.objective.compute());
        let weight = 1.0 / self.data.samples() as f64;
        let mut sum: Option<Parameters> = None;
        for batch in self.data.batches() {
            self.interrupt.check()?;
            let product =
                self.objective
                    .hessian_vector_product(self.parameters, &direction, batch, weight);
            sum = Some(match sum {
                Some(sum) => sum + product,
                None => product,
            });
        }
        let sum = sum.ok_or(CurvatureError::Empty)?;
        let product = sum.to_host().map_err(CurvatureError::Device)?;
        if product.iter().all(|value| value.is_finite()) {
            Ok(product)
        } else {
            Err(CurvatureError::NotFinite)
        }
    }
}

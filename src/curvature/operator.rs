//! The curvature matrices of a mean loss over a set of samples.

use super::{CurvatureError, Interrupt, LinearOperator, dot, norm};
use crate::config::Precision;
use crate::objective::{Batch, Chunks, Objective};
use crate::params::Parameters;

/// Which matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// `∇²L`.
    Hessian,
    /// The generalised Gauss-Newton matrix, the mean of `Jᵢᵀ Hᵢ Jᵢ`: positive semi-definite for
    /// losses that are convex in the outputs.
    GaussNewton,
    /// Hessian minus Gauss-Newton: the curvature of the network itself.
    Residual,
    /// The mean of `gᵢ gᵢᵀ` over samples, the uncentred second moment of the gradients.
    SecondMoment,
    /// The mean of `(gᵢ − g)(gᵢ − g)ᵀ`, the covariance of the gradient noise of one sample.
    NoiseCovariance,
}

/// One of the matrices at a point, as a linear operator. Sums run over all samples of the chunks,
/// each with weight `1/n`, so a ragged last chunk weighs what it holds.
pub struct CurvatureOperator<'a> {
    matrix: Matrix,
    objective: &'a Objective,
    parameters: &'a Parameters,
    data: &'a Chunks,
    interrupt: Interrupt<'a>,
    mean_gradient: Option<Vec<f64>>,
}

impl<'a> CurvatureOperator<'a> {
    /// The matrix at `parameters`.
    pub fn new(
        matrix: Matrix,
        objective: &'a Objective,
        parameters: &'a Parameters,
        data: &'a Chunks,
        interrupt: Interrupt<'a>,
    ) -> Self {
        Self {
            matrix,
            objective,
            parameters,
            data,
            interrupt,
            mean_gradient: None,
        }
    }

    /// The gradient of the mean loss.
    ///
    /// # Errors
    ///
    /// [`CurvatureError`] where it cannot be computed or is not finite.
    pub fn gradient(&self) -> Result<Vec<f64>, CurvatureError> {
        self.sum(|batch, weight| {
            let objective = self.objective;
            Ok(objective
                .loss_and_gradient(self.parameters, batch, weight)
                .1)
        })
    }

    /// Evaluates the gradient twice and refuses to go on when the two differ by more than rounding:
    /// dropout or normalisation by batch statistics would make every estimate meaningless.
    ///
    /// # Errors
    ///
    /// [`CurvatureError::NotDeterministic`], or as [`CurvatureOperator::gradient`].
    pub fn check_deterministic(&self) -> Result<(), CurvatureError> {
        check_equal(&self.gradient()?, &self.gradient()?)
    }

    fn sum(
        &self,
        term: impl FnMut(&Batch, f64) -> Result<Parameters, CurvatureError>,
    ) -> Result<Vec<f64>, CurvatureError> {
        sum_over_batches(self.data.batches(), self.interrupt, term)
    }

    /// `(1/n) Σ gᵢ (gᵢ·v − shift)`: one forward pass for the slopes, one weighted reverse pass.
    fn second_moment(
        &self,
        direction: &Parameters,
        shift: f64,
    ) -> Result<Vec<f64>, CurvatureError> {
        if !self.objective.samples_are_independent() {
            return Err(CurvatureError::Coupled);
        }
        self.sum(|batch, weight| {
            let slopes = self
                .objective
                .loss_slopes(self.parameters, direction, batch);
            let weights = slopes.sub_scalar(shift).mul_scalar(weight);
            Ok(self
                .objective
                .weighted_gradient(self.parameters, batch, weights))
        })
    }
}

impl LinearOperator for CurvatureOperator<'_> {
    fn dimension(&self) -> usize {
        self.parameters.layout().len()
    }

    fn precision(&self) -> Precision {
        self.objective.compute().precision
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, CurvatureError> {
        let layout = self.parameters.layout();
        let direction = Parameters::from_host(layout, vector, self.objective.compute());
        let (objective, parameters) = (self.objective, self.parameters);
        let hessian = || {
            self.sum(|batch, weight| {
                Ok(objective.hessian_vector_product(parameters, &direction, batch, weight))
            })
        };
        let gauss_newton = || {
            self.sum(|batch, weight| {
                Ok(objective.gauss_newton_product(parameters, &direction, batch, weight))
            })
        };
        match self.matrix {
            Matrix::Hessian => hessian(),
            Matrix::GaussNewton => gauss_newton(),
            Matrix::Residual => {
                let (mut whole, part) = (hessian()?, gauss_newton()?);
                super::vector::axpy(-1.0, &part, &mut whole);
                Ok(whole)
            }
            Matrix::SecondMoment => self.second_moment(&direction, 0.0),
            Matrix::NoiseCovariance => {
                if self.mean_gradient.is_none() {
                    self.mean_gradient = Some(self.gradient()?);
                }
                let mean = self.mean_gradient.as_deref().unwrap_or_default();
                // Σ (gᵢ − g)(gᵢ·v − g·v) = Σ gᵢ (gᵢ·v − g·v): the shift is taken off before
                // squares are formed, so that a small covariance is not a difference of large sums.
                let shift = dot(mean, vector);
                self.second_moment(&direction, shift)
            }
        }
    }
}

/// The sum of a term over batches, read to the host. Each term is given its batch and the weight
/// `1/n` of one of the `n` samples in all batches together.
///
/// # Errors
///
/// [`CurvatureError`] where a term fails or the sum is not finite.
pub(crate) fn sum_over_batches(
    batches: &[Batch],
    interrupt: Interrupt<'_>,
    mut term: impl FnMut(&Batch, f64) -> Result<Parameters, CurvatureError>,
) -> Result<Vec<f64>, CurvatureError> {
    let weight = 1.0 / batches.iter().map(Batch::samples).sum::<usize>() as f64;
    let mut sum: Option<Parameters> = None;
    for batch in batches {
        interrupt.check()?;
        let term = term(batch, weight)?;
        sum = Some(match sum {
            Some(sum) => sum + term,
            None => term,
        });
    }
    let sum = sum.ok_or(CurvatureError::NoSamples)?;
    let vector = sum.to_host().map_err(CurvatureError::Device)?;
    if vector.iter().all(|value| value.is_finite()) {
        Ok(vector)
    } else {
        Err(CurvatureError::NotFinite)
    }
}

/// Refuses two evaluations that differ by more than rounding.
fn check_equal(first: &[f64], second: &[f64]) -> Result<(), CurvatureError> {
    let difference: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let relative = norm(&difference) / norm(first).max(f64::MIN_POSITIVE);
    if relative > 1e-4 {
        return Err(CurvatureError::NotDeterministic {
            difference: format!("{relative:.1e}"),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_that_differ_are_refused() {
        assert!(check_equal(&[1.0, 2.0], &[1.0, 2.0]).is_ok());
        assert!(check_equal(&[0.0, 0.0], &[0.0, 0.0]).is_ok());
        let error = check_equal(&[1.0, 2.0], &[1.0, 2.1]).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
    }
}

//! The curvature matrices of a mean loss over a set of samples.

use crate::backend::BackendKind;
use crate::linear::{
    Interrupt, LinearError, LinearOperator, Precision, axpy, dot, is_finite, norm,
};
use crate::model::Allowance;
use crate::objective::{AtPoint, Batch, Chunks, Objective};
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

/// So many numbers of what the products of one operator have in common are kept, at most: 64 MiB in f32.
const KEPT: usize = 1 << 24;

/// One of the matrices at a point, as a linear operator. Sums run over all samples of the chunks,
/// each with weight `1/n`, so a ragged last chunk weighs what it holds.
pub struct CurvatureOperator<'a> {
    matrix: Matrix,
    objective: &'a Objective,
    parameters: &'a Parameters,
    points: Vec<AtPoint<'a>>,
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
        let allowance = Allowance::of(KEPT);
        Self {
            matrix,
            objective,
            parameters,
            points: data
                .batches()
                .iter()
                .map(|batch| objective.at(parameters, batch).remembering(&allowance))
                .collect(),
            interrupt,
            mean_gradient: None,
        }
    }

    /// The gradient of the mean loss.
    ///
    /// # Errors
    ///
    /// [`LinearError`] where it cannot be computed or is not finite.
    pub fn gradient(&self) -> Result<Vec<f64>, LinearError> {
        // Evaluated anew each time, with nothing remembered: the check of determinism lives on it.
        self.sum(|point, weight| {
            let (objective, batch) = (self.objective, point.as_ref());
            Ok(objective
                .loss_and_gradient(self.parameters, batch, weight)
                .1)
        })
    }

    /// Evaluates the gradient twice and refuses to go on when the two differ: dropout or
    /// normalisation by batch statistics would make every estimate meaningless. The CPU backends must
    /// give the same bits twice; on a graphics card sums may be taken in another order.
    ///
    /// # Errors
    ///
    /// [`LinearError::NotDeterministic`], or as [`CurvatureOperator::gradient`].
    pub fn check_deterministic(&self) -> Result<(), LinearError> {
        let compute = self.objective.compute();
        let tolerance = repetition_tolerance(compute.kind, compute.precision);
        check_equal(&self.gradient()?, &self.gradient()?, tolerance)
    }

    fn sum(
        &self,
        term: impl FnMut(&AtPoint<'_>, f64) -> Result<Parameters, LinearError>,
    ) -> Result<Vec<f64>, LinearError> {
        sum_over_batches(&self.points, self.interrupt, term)
    }

    /// `(1/n) Σ gᵢ (gᵢ·v − shift)`: one forward pass for the slopes, one weighted reverse pass.
    fn second_moment(&self, direction: &Parameters, shift: f64) -> Result<Vec<f64>, LinearError> {
        if !self.objective.samples_are_independent() {
            return Err(coupled());
        }
        self.sum(|point, weight| {
            let slopes = point.loss_slopes(direction);
            let weights = slopes.sub_scalar(shift).mul_scalar(weight);
            Ok(point.weighted_gradient(weights))
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

    fn is_positive_semidefinite(&self) -> bool {
        match self.matrix {
            // Every loss is convex in the outputs.
            Matrix::GaussNewton | Matrix::SecondMoment | Matrix::NoiseCovariance => true,
            Matrix::Hessian | Matrix::Residual => false,
        }
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let layout = self.parameters.layout();
        let direction = Parameters::from_host(layout, vector, self.objective.compute());
        let hessian =
            || self.sum(|point, weight| Ok(point.hessian_vector_product(&direction, weight)));
        let gauss_newton =
            || self.sum(|point, weight| Ok(point.gauss_newton_product(&direction, weight)));
        match self.matrix {
            Matrix::Hessian => hessian(),
            Matrix::GaussNewton => gauss_newton(),
            Matrix::Residual => {
                let (mut whole, part) = (hessian()?, gauss_newton()?);
                axpy(-1.0, &part, &mut whole);
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
/// [`LinearError`] where a term fails or the sum is not finite.
pub(crate) fn sum_over_batches<B: AsRef<Batch>>(
    batches: &[B],
    interrupt: Interrupt<'_>,
    mut term: impl FnMut(&B, f64) -> Result<Parameters, LinearError>,
) -> Result<Vec<f64>, LinearError> {
    let weight = 1.0
        / batches
            .iter()
            .map(|batch| batch.as_ref().samples())
            .sum::<usize>() as f64;
    let mut sum: Option<Parameters> = None;
    for batch in batches {
        interrupt.check()?;
        let term = term(batch, weight)?;
        sum = Some(match sum {
            Some(sum) => sum + term,
            None => term,
        });
    }
    let sum = sum.ok_or_else(no_samples)?;
    let vector = sum.into_host().map_err(LinearError::Device)?;
    if is_finite(&vector) {
        Ok(vector)
    } else {
        Err(LinearError::NotFinite)
    }
}

/// Per-sample gradients were asked of a batch normalised by its own statistics.
pub(crate) fn coupled() -> LinearError {
    LinearError::Refused(
        "a sample has no gradient of its own where its batch is normalised by its own statistics: \
         measure with norm_mode = \"eval\""
            .to_owned(),
    )
}

/// There is nothing to sum over.
pub(crate) fn no_samples() -> LinearError {
    LinearError::Refused("there are no samples to measure on".to_owned())
}

/// By how much, relative to its norm, a gradient may differ from itself evaluated again.
fn repetition_tolerance(backend: BackendKind, precision: Precision) -> f64 {
    match backend {
        BackendKind::Cpu | BackendKind::NdArray => 0.0,
        // Rounding errors of sums in two orders, of which a gradient holds some in every entry.
        BackendKind::Wgpu => 100.0 * precision.epsilon(),
    }
}

/// Refuses two evaluations that differ by more than a share of their norm.
fn check_equal(first: &[f64], second: &[f64], tolerance: f64) -> Result<(), LinearError> {
    let difference: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let relative = norm(&difference) / norm(first).max(f64::MIN_POSITIVE);
    if relative > tolerance {
        return Err(LinearError::NotDeterministic {
            difference: format!("{relative:.1e}"),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Compute;
    use crate::dual::Dual;
    use crate::linear::Shifted;
    use crate::model::{
        Blueprint, Builder, LinearMap, Mlp, MlpShape, Network, Pass, Start, Symmetry,
    };
    use crate::objective::Loss;
    use crate::random::{StreamRng, Streams};
    use burn::tensor::Tensor;
    use rand::RngExt;
    use std::sync::{Arc, Mutex};

    /// A linear model whose outputs carry noise of a given relative size, drawn anew at each call.
    struct Noisy {
        blueprint: Blueprint,
        rng: Mutex<StreamRng>,
        noise: f64,
    }

    impl Network for Noisy {
        fn blueprint(&self) -> &Blueprint {
            &self.blueprint
        }

        fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2> {
            let outputs = Dual::constant(inputs).linear(pass.parameter(0), None);
            let mut rng = self.rng.lock().unwrap();
            outputs.scale(1.0 + self.noise * rng.random_range(-1.0..1.0))
        }

        fn symmetries(&self) -> Vec<Symmetry> {
            Vec::new()
        }

        fn linear_maps(&self) -> Vec<LinearMap> {
            Vec::new()
        }
    }

    fn check(noise: f64, precision: Precision) -> Result<(), LinearError> {
        let compute = Compute::cpu(precision);
        let mut builder = Builder::default();
        builder.parameter("weight".to_owned(), &[2, 3], Start::Constant(0.5));
        let network = Noisy {
            blueprint: builder.finish(),
            rng: Mutex::new(Streams::new(0).stream("noise", 0)),
            noise,
        };
        let batch = Batch {
            inputs: compute.tensor(&[1.0, 2.0, 3.0, -1.0, 0.5, 2.0], [2, 3]),
            targets: compute.tensor(&[1.0, 0.0, 0.0, 1.0], [2, 2]),
        };
        let values = [0.5, -0.25, 1.0, 0.75, 0.1, -0.3];
        let parameters = Parameters::from_host(network.layout(), &values, &compute);
        let data = Chunks::from_batches(vec![batch], vec![0, 1]);
        let objective = Objective::new(Arc::new(network), Loss::CrossEntropy, compute);
        let never = Interrupt::never();
        CurvatureOperator::new(Matrix::Hessian, &objective, &parameters, &data, never)
            .check_deterministic()
    }

    #[test]
    fn a_model_that_draws_noise_is_refused_however_small_the_noise() {
        for precision in [Precision::F32, Precision::F64] {
            check(0.0, precision).unwrap();
            for noise in [0.5, 1e-5] {
                let error = check(noise, precision).unwrap_err();
                assert!(error.to_string().contains("twice"), "{error}");
            }
        }
    }

    #[test]
    fn only_a_graphics_card_may_round_twice_differently() {
        let tolerance = |kind| repetition_tolerance(kind, Precision::F32);
        assert_eq!(tolerance(BackendKind::Cpu), 0.0);
        assert_eq!(tolerance(BackendKind::NdArray), 0.0);
        let allowed = tolerance(BackendKind::Wgpu);
        assert!(check_equal(&[1.0, 2.0], &[1.0, 2.0 + 1e-6], allowed).is_ok());
        assert!(check_equal(&[1.0, 2.0], &[1.0, 2.0 + 1e-4], allowed).is_err());
        assert!(check_equal(&[1.0, 2.0], &[1.0, 2.0 + 1e-15], 0.0).is_err());
        assert!(check_equal(&[0.0, 0.0], &[0.0, 0.0], 0.0).is_ok());
    }

    /// The Hessian of a mean half-square loss of a linear model with three inputs and one output.
    fn ridge_case(inputs: &[[f64; 3]]) -> (Objective, Chunks) {
        let compute = Compute::cpu(Precision::F64);
        let network = Mlp::new(MlpShape {
            bias: false,
            ..MlpShape::new(3, &[], 1)
        });
        let batch = Batch {
            inputs: compute.tensor(inputs.as_flattened(), [inputs.len(), 3]),
            targets: compute.tensor(&vec![0.5; inputs.len()], [inputs.len(), 1]),
        };
        let labels = vec![0; inputs.len()];
        let objective = Objective::new(Arc::new(network), Loss::Square, compute);
        (objective, Chunks::from_batches(vec![batch], labels))
    }

    /// `½c‖θ‖²` is part of a real loss where every axis, `√(cn)` long, is one more sample (ridge
    /// regression); without it those samples are zero.
    #[test]
    fn a_shift_is_the_hessian_of_the_loss_plus_a_quadratic_penalty() {
        let penalty = 0.3;
        let mut plain = vec![
            [1.0, -2.0, 0.5],
            [0.25, 1.5, -1.0],
            [0.0; 3],
            [0.0; 3],
            [0.0; 3],
        ];
        let (objective, data) = ridge_case(&plain);
        for axis in 0..3 {
            plain[2 + axis][axis] = f64::sqrt(penalty * 5.0);
        }
        let (penalised, penalised_data) = ridge_case(&plain);
        let layout = objective.network().layout();
        let parameters = Parameters::from_host(layout, &[0.1, -0.7, 2.0], objective.compute());
        let never = Interrupt::never();
        let hessian = |objective, data| {
            CurvatureOperator::new(Matrix::Hessian, objective, &parameters, data, never)
        };
        let mut expected = hessian(&penalised, &penalised_data);
        let mut operator = hessian(&objective, &data);
        let mut shifted = Shifted::new(&mut operator, penalty);
        let vector = [0.4, 1.0, -3.0];
        let (found, expected) = (shifted.apply(&vector), expected.apply(&vector));
        for (a, b) in found.unwrap().iter().zip(&expected.unwrap()) {
            assert!((a - b).abs() < 1e-14, "{a} for {b}");
        }
    }
}

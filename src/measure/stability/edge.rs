//! The matrix that decides whether steps are stable, and the line up to which its eigenvalues may rise.

use super::preconditioned;
use crate::curvature::Matrix;
use crate::linear::{Conjugated, LinearError, LinearOperator, Shifted};
use crate::measure::failure::Failure;
use crate::measure::session::Session;
use crate::measure::step_rule::StepRule;
use crate::measure::subject::Subject;

/// What a step makes of a small displacement from a minimum: it is stable while no eigenvalue of
/// `S (H + μI) S` is above the line, `S` being the identity for gradient descent and `P^{-½}` for Adam.
pub(in crate::measure) struct Edge {
    scaling: Option<Vec<f64>>,
    penalty: f64,
    /// The largest stable eigenvalue.
    pub line: f64,
}

impl Edge {
    /// The Hessian itself, of which nothing is asked.
    pub fn none() -> Self {
        Self {
            scaling: None,
            penalty: 0.0,
            line: f64::INFINITY,
        }
    }

    /// Whether the eigenvectors are those of the Hessian.
    pub fn is_of_hessian(&self) -> bool {
        self.scaling.is_none()
    }

    /// Runs `work` on the matrix, of the subject's block if it has one.
    pub fn with_operator<T>(
        &self,
        subject: &Subject<'_>,
        work: impl FnOnce(&mut dyn LinearOperator) -> Result<T, LinearError>,
    ) -> Result<T, LinearError> {
        subject.with_operator(Matrix::Hessian, |hessian| {
            let mut shifted = Shifted::new(hessian, self.penalty);
            match &self.scaling {
                None => work(&mut shifted),
                Some(scaling) => work(&mut Conjugated::new(&mut shifted, scaling.clone())),
            }
        })
    }
}

impl Session<'_> {
    /// The matrix and the line of the run's steps.
    pub(in crate::measure) fn edge(&self) -> Result<Edge, Failure> {
        let line = self.line()?;
        if let Some(StepRule::Adaptive { .. }) = self.subject.step_rule {
            let (scaling, penalty) = self.preconditioning()?;
            return Ok(Edge {
                scaling: Some(scaling),
                penalty,
                line,
            });
        }
        let penalty = self.descent()?.penalty;
        Ok(Edge {
            scaling: None,
            penalty,
            line,
        })
    }

    /// The largest stable eigenvalue of that matrix: `2/η` of gradient descent, `2(1 + β)/η` with heavy-ball
    /// momentum, `2(1 + β)/((1 + 2β)η)` with Nesterov's, `2(1 + β₁)/((1 − β₁)η)` of Adam.
    pub(super) fn line(&self) -> Result<f64, Failure> {
        let rate = self.learning_rate()?;
        if rate == 0.0 {
            return Err(Failure::not_defined(
                "the learning rate is 0, at which every curvature is stable",
            ));
        }
        match self.subject.step_rule {
            Some(StepRule::Adaptive {
                momentum, decay, ..
            }) => Ok(preconditioned::threshold(rate, momentum, decay)),
            _ => Ok(self.descent()?.threshold() / rate),
        }
    }
}

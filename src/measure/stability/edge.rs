//! The matrix that decides whether steps are stable, and the line up to which its eigenvalues may rise.

use super::preconditioned;
use crate::curvature::Matrix;
use crate::linear::{Conjugated, LinearError, LinearOperator, Shifted, lanczos};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::measure::step_rule::StepRule;
use crate::measure::subject::Subject;

/// What a step makes of a small displacement from a minimum: it is stable while no eigenvalue of
/// `S (H + μD) S` is above the line, `S` being the identity for gradient descent and `P^{-½}` for Adam, with 0 for
/// parameters that no step moves, and `D` the identity but for parameters that do not decay.
pub(in crate::measure) struct Edge {
    scaling: Option<Vec<f64>>,
    penalty: f64,
    /// `μD` where `D` is not the identity.
    penalties: Option<Vec<f64>>,
    /// The largest stable eigenvalue.
    pub line: f64,
}

impl Edge {
    /// The Hessian itself, of which nothing is asked.
    pub fn none() -> Self {
        Self {
            scaling: None,
            penalty: 0.0,
            penalties: None,
            line: f64::INFINITY,
        }
    }

    /// Whether the eigenvectors are those of the Hessian.
    pub fn is_of_hessian(&self) -> bool {
        self.scaling.is_none() && self.penalties.is_none()
    }

    /// Runs `work` on the matrix, of the subject's block if it has one.
    pub fn with_operator<T>(
        &self,
        subject: &Subject<'_>,
        work: impl FnOnce(&mut dyn LinearOperator) -> Result<T, LinearError>,
    ) -> Result<T, LinearError> {
        subject.with_operator(Matrix::Hessian, |hessian| {
            let mut shifted = match &self.penalties {
                None => Shifted::new(hessian, self.penalty),
                Some(penalties) => Shifted::by_diagonal(hessian, penalties.clone()),
            };
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
        let (subject, line) = (self.subject, self.line()?);
        let range = subject.range()?;
        let moves = subject.reach.moves.map(|moves| &moves[range.clone()]);
        if moves.is_some_and(|moves| !moves.contains(&true)) {
            return Err(Failure::not_defined(
                "no step moves what is measured: it is frozen",
            ));
        }
        let (scaling, penalty) = match subject.step_rule {
            Some(StepRule::Adaptive { .. }) => {
                let (scaling, penalty) = self.preconditioning()?;
                (Some(scaling), penalty)
            }
            _ => {
                let of = |moves: &[bool]| moves.iter().map(|&is| f64::from(u8::from(is))).collect();
                (moves.map(of), self.descent()?.penalty)
            }
        };
        let decays = subject.reach.decays.map(|decays| &decays[range]);
        let of = |decays: &[bool]| {
            let entries = decays.iter();
            entries.map(|&is| if is { penalty } else { 0.0 }).collect()
        };
        Ok(Edge {
            scaling,
            penalty,
            penalties: decays.map(of),
            line,
        })
    }

    /// The largest eigenvalue of that matrix, from a random start.
    pub(super) fn largest_of_edge(&self, name: &str, edge: &Edge) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let mut rng = subject.stream(&format!("probes.{name}"));
        let options = self.lanczos_options(1, 0);
        let spectrum = edge.with_operator(&subject, |operator| {
            lanczos(operator, None, &mut rng, options, subject.interrupt)
        })?;
        self.of_largest(name, &spectrum)
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

//! Steps of Adam, RMSProp and AdaGrad: along the gradient, divided by a diagonal.

use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::measure::step_rule::StepRule;

/// The largest `λ` of `P⁻¹H` at which Adam with a fixed `P` is stable on a quadratic: `2(1 + β₁) / ((1 − β₁)η)`
/// (Cohen et al. 2022, "Adaptive gradient methods at the edge of stability", sec. 2). A decay `θ ← θ − ηωθ`
/// beside the step makes it `(1 + β₁)(2 − ηω) / ((1 − β₁)η)`, by the same conditions on the trace and the
/// determinant of the step's matrix: `1 − ηω − η(1 − β₁)λ + β₁ > −1 − β₁(1 − ηω)`.
pub(in crate::measure) fn threshold(rate: f64, momentum: f64, decay: f64) -> f64 {
    (1.0 + momentum) * (2.0 - rate * decay) / ((1.0 - momentum) * rate)
}

impl Session<'_> {
    /// `λmax(P⁻¹(H + μI))` over its threshold. `P⁻¹A` has the eigenvalues of `P^{-½} A P^{-½}`.
    pub(super) fn preconditioned_stability(&mut self, name: &str) -> Result<Measurement, Failure> {
        // Refused for other steps, whose matrix is another one.
        self.preconditioning()?;
        let edge = self.edge()?;
        Ok(self.largest_of_edge(name, &edge)?.times(edge.line.recip()))
    }

    /// The diagonal of `P^{-½}`, of the subject's block if it has one, with 0 for parameters that no step moves, and
    /// `μ`.
    pub(super) fn preconditioning(&self) -> Result<(Vec<f64>, f64), Failure> {
        let (penalty, preconditioner) = match self.subject.step_rule {
            Some(StepRule::Adaptive {
                penalty,
                preconditioner,
                ..
            }) => (penalty, preconditioner),
            Some(StepRule::Other { reason, .. }) => return Err(Failure::not_defined(reason)),
            _ => {
                return Err(Failure::not_defined(
                    "the condition is for steps of Adam, RMSProp and AdaGrad",
                ));
            }
        };
        let diagonal = preconditioner.ok_or_else(|| {
            Failure::not_known(
                "what its steps divide by is not known here: that belongs to training, so measure by a hook, \
                 after the first step",
            )
        })?;
        let range = self.subject.range()?;
        let moves = self.subject.reach.moves.map(|moves| &moves[range.clone()]);
        let is_moved = |place: usize| moves.is_none_or(|moves| moves[place]);
        let entries = || diagonal[range.clone()].iter().copied().enumerate();
        if entries().any(|(place, entry)| is_moved(place) && entry <= 0.0) {
            return Err(Failure::not_defined(
                "a parameter that has never had a gradient has no bound on its step",
            ));
        }
        let roots = entries().map(|(place, entry)| match is_moved(place) {
            true => entry.sqrt().recip(),
            false => 0.0,
        });
        Ok((roots.collect(), penalty))
    }
}

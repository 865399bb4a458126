//! Traces and Frobenius norms from random probes.

use crate::curvature::Matrix;
use crate::linear::{Estimate, Traces, hutch_plus_plus, traces};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;

/// Directions of Hutch++ in which the trace is taken exactly: as many as a network of ten classes has
/// outlying eigenvalues.
const SKETCH: usize = 10;

impl Session<'_> {
    /// The trace of a matrix.
    pub(in crate::measure) fn trace(
        &mut self,
        name: &str,
        matrix: Matrix,
    ) -> Result<Measurement, Failure> {
        self.traced(name, matrix, Traces::trace)
    }

    /// The Frobenius norm of a matrix.
    pub(in crate::measure) fn frobenius(
        &mut self,
        name: &str,
        matrix: Matrix,
    ) -> Result<Measurement, Failure> {
        self.traced(name, matrix, Traces::frobenius_norm)
    }

    /// A number of the probes of a matrix, from which both trace and Frobenius norm come; so neither depends on
    /// whether the other is asked for.
    fn traced(
        &mut self,
        name: &str,
        matrix: Matrix,
        pick: impl Fn(&Traces) -> Estimate,
    ) -> Result<Measurement, Failure> {
        let found = self.once(&format!("{matrix:?}"), |session| session.probe(matrix))?;
        Ok(self.estimated(name, pick(&found)))
    }

    fn probe(&self, matrix: Matrix) -> Result<Traces, Failure> {
        let subject = self.subject;
        let mut rng = subject.stream(&format!("probes.{matrix:?}"));
        let wanted = |traces: &Traces| {
            let of_norm = traces.frobenius_norm().relative_error();
            match matrix {
                // Nobody asks for these traces: the one is about 0, the other is known exactly.
                Matrix::Residual | Matrix::NoiseCovariance => of_norm,
                _ => of_norm.max(traces.trace().relative_error()),
            }
        };
        let found = subject.with_operator(matrix, |operator| {
            traces(
                operator,
                &mut rng,
                self.probe_options(),
                subject.interrupt,
                wanted,
            )
        })?;
        Ok(found)
    }

    /// The trace of the Hessian by Hutch++, from probes of its own.
    pub(super) fn sketched_trace(&mut self, name: &str) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let mut rng = subject.stream(&format!("probes.{name}"));
        let estimate = subject.with_operator(Matrix::Hessian, |operator| {
            let options = self.probe_options();
            hutch_plus_plus(operator, SKETCH, &mut rng, options, subject.interrupt)
        })?;
        Ok(self.estimated(name, estimate))
    }
}

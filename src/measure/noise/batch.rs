//! The noise of a batch's gradient, at the run's batch size.

use crate::linear::norm;
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;

impl Session<'_> {
    /// The samples of a training step.
    pub(in crate::measure) fn samples_of_batch(&self) -> Result<usize, Failure> {
        let unknown = || Failure::not_known("the batch size is not known");
        self.subject.batch_size.ok_or_else(unknown)
    }

    /// The covariance of a batch's gradient as a share of that of one sample's, `(n − B) / (B (n − 1))` of `B`
    /// drawn from `n` without replacement.
    pub(in crate::measure) fn share_of_noise(&self) -> Result<f64, Failure> {
        let batch = self.samples_of_batch()? as f64;
        let samples = self.subject.train.samples() as f64;
        Ok(match batch < samples {
            true => (samples - batch) / (batch * (samples - 1.0)),
            false => 0.0,
        })
    }

    /// The trace of the covariance of a batch's gradient.
    pub(super) fn trace_of_batch(&mut self, name: &str) -> Result<Measurement, Failure> {
        let share = self.share_of_noise()?;
        Ok(self.noise_trace(name)?.times(share))
    }

    /// `‖g‖² / (‖g‖² + tr C)` with the covariance `C` of a batch's gradient.
    pub(super) fn signal(&mut self, name: &str) -> Result<Measurement, Failure> {
        let trace = self.trace_of_batch(name)?;
        let square = norm(&self.subject.gradient()?).powi(2);
        let Some(noise) = trace.value else {
            return Ok(trace);
        };
        let all = square + noise;
        if all == 0.0 {
            return Err(Failure::not_defined("there is neither gradient nor noise"));
        }
        let row = Measurement::exact(name, square / all);
        let row = match trace.stderr() {
            Some(stderr) => row.with_stderr(square * stderr / (all * all)),
            None => row,
        };
        Ok(Measurement {
            converged: trace.converged,
            samples: trace.samples,
            matvecs: trace.matvecs.map(|matvecs| matvecs + 1),
            ..row
        })
    }
}

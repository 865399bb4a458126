//! Whether the gradient points along the parameters.

use crate::linear::{dot, norm};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;

impl Session<'_> {
    /// `−θ·∇L / (‖θ‖ ‖∇L‖)`.
    pub(super) fn direction_alignment(&mut self, name: &str) -> Result<Measurement, Failure> {
        let range = self.subject.range()?;
        let values = self.values()?;
        let (values, gradient) = (&values[range], self.subject.gradient()?);
        let sizes = norm(values) * norm(&gradient);
        if sizes == 0.0 {
            return Err(Failure::not_defined(
                "the parameters or the gradient are 0, and have no direction",
            ));
        }
        let cosine = -dot(values, &gradient) / sizes;
        Ok(Measurement::exact(name, cosine).over(self.subject.train.samples()))
    }
}

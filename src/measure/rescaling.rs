//! The layer-rescaling check: the same function at other parameters, measured again.

use super::registry::{Family, Measure};
use super::session::{Failure, Session, Subject};
use super::{Evaluated, Measurement};
use crate::config::Precision;
use crate::curvature::{CurvatureError, Matrix, lanczos};
use crate::params::Parameters;

use super::curvature::with_operator;

pub(super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "reparam.rescale.outputs",
            "largest change of an output, relative to the largest output, under first layer x10, second /10",
        )
        .check()
        .full(),
        Measure::new(
            "reparam.rescale.lambda_max",
            "hessian.lambda_max after that map, as a multiple of its value before",
        )
        .check()
        .full(),
        Measure::new(
            "reparam.rescale.adaptive",
            "hessian.lambda_max.adaptive after that map, as a multiple of its value before: 1",
        )
        .check()
        .full(),
    ],
    measure: |session, name| match name {
        "reparam.rescale.outputs" => session.rescaled_outputs(name),
        "reparam.rescale.lambda_max" => session.rescaled_sharpness(name),
        _ => session.rescaled_adaptive(name),
    },
};

/// The factor on the first layer; the second is divided by it.
const RESCALING: f64 = 10.0;

impl Session<'_> {
    /// The parameters after the layer-rescaling map.
    fn rescaled(&mut self) -> Result<Parameters, Failure> {
        let objective = self.subject.objective;
        let multipliers = objective.network().layer_rescaling(RESCALING)?;
        let layout = objective.network().layout();
        let mut values = self.values()?.clone();
        for (block, multiplier) in layout.blocks().iter().zip(multipliers) {
            for value in &mut values[block.range()] {
                *value *= multiplier;
            }
        }
        Ok(Parameters::from_host(layout, &values, objective.compute()))
    }

    /// The largest change of an output, relative to the largest output.
    pub(super) fn rescaled_outputs(&mut self, name: &str) -> Result<Measurement, Failure> {
        let rescaled = self.rescaled()?;
        let subject = self.subject;
        let after = Evaluated::run(subject.objective, &rescaled, subject.train)?;
        let before = self.train()?;
        let largest = |values: &mut dyn Iterator<Item = f64>| {
            values.fold(0.0f64, |largest, value| largest.max(value.abs()))
        };
        let pairs = after.outputs().iter().zip(before.outputs());
        let change = largest(&mut pairs.map(|(a, b)| a - b));
        let size = largest(&mut before.outputs().iter().copied());
        let relative = if change == 0.0 { 0.0 } else { change / size };
        let preserved = relative <= round_off(subject.objective.compute().precision);
        Ok(Measurement {
            converged: Some(preserved),
            ..Measurement::new(name, relative).over(subject.train.samples())
        })
    }

    /// `λmax` after the map over `λmax` before.
    pub(super) fn rescaled_sharpness(&mut self, name: &str) -> Result<Measurement, Failure> {
        let rescaled = self.rescaled()?;
        let subject = Subject {
            parameters: &rescaled,
            ..self.subject
        };
        let mut rng = subject.streams.stream("probes.rescaled", subject.step);
        let options = self.lanczos_options(1, 0);
        let after = with_operator(&subject, Matrix::Hessian, |operator| {
            lanczos(operator, None, &mut rng, options, subject.interrupt)
        })?;
        let samples = subject.train.samples();
        let before = self.spectrum()?;
        let (Some(before), Some(new)) = (before.largest.first(), after.largest.first()) else {
            return Err(CurvatureError::Empty.into());
        };
        // Relative errors of a quotient add, to first order.
        Ok(Measurement::new(name, new.value / before.value)
            .with_residual(
                new.residual + before.residual,
                new.converged && before.converged,
                after.matvecs,
            )
            .over(samples))
    }

    /// `λmax(D H D)` after the map over its value before: 1 if the measure keeps its promise.
    pub(super) fn rescaled_adaptive(&mut self, name: &str) -> Result<Measurement, Failure> {
        let rescaled = self.rescaled()?;
        let before = self.adaptive_eigenvalue(name, self.subject.parameters)?;
        let after = self.adaptive_eigenvalue(name, &rescaled)?;
        let (Some(old), Some(new)) = (before.value, after.value) else {
            return Err(Failure::Other(
                "a part of it could not be measured".to_owned(),
            ));
        };
        let residual = before.residual.unwrap_or(0.0) + after.residual.unwrap_or(0.0);
        Ok(Measurement::new(name, new / old)
            .with_residual(
                residual,
                before.converged == Some(true) && after.converged == Some(true),
                before.matvecs.unwrap_or(0) + after.matvecs.unwrap_or(0),
            )
            .over(self.subject.train.samples()))
    }
}

/// How far the outputs of the same function may differ, relative to the largest of them: rounding
/// of a few layers, each a sum of up to a thousand products.
fn round_off(precision: Precision) -> f64 {
    100.0 * precision.epsilon()
}

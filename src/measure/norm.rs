//! Sizes of the parameters and of the gradient.

use super::Measurement;
use super::registry::{Family, Measure};
use super::session::{Failure, Session};
use crate::curvature::{CurvatureOperator, Matrix, norm};

pub(super) const FAMILY: Family = Family {
    measures: &[
        Measure::new("norm.l2", "Euclidean norm of the parameters").light(),
        Measure::new(
            "distance.init",
            "Euclidean distance of the parameters from their starting point",
        )
        // The starting point is moved by no map.
        .invariant(&[])
        .light(),
        Measure::new(
            "gradient.norm",
            "Euclidean norm of the gradient of the training loss",
        )
        .light(),
    ],
    measure: |session, name| match name {
        "norm.l2" => Ok(Measurement::new(name, norm(session.values()?))),
        "distance.init" => session.distance(name),
        _ => session.gradient_norm(name),
    },
};

impl Session<'_> {
    fn distance(&mut self, name: &str) -> Result<Measurement, Failure> {
        let initial = self
            .subject
            .initial
            .ok_or_else(|| Failure::Other("the starting point is not known".to_owned()))?;
        let difference: Vec<f64> = self
            .values()?
            .iter()
            .zip(initial)
            .map(|(now, then)| now - then)
            .collect();
        Ok(Measurement::new(name, norm(&difference)))
    }

    fn gradient_norm(&self, name: &str) -> Result<Measurement, Failure> {
        let subject = &self.subject;
        let operator = CurvatureOperator::new(
            Matrix::Hessian,
            subject.objective,
            subject.parameters,
            subject.train,
            subject.interrupt,
        );
        let gradient = operator.gradient()?;
        Ok(Measurement::new(name, norm(&gradient)).over(subject.train.samples()))
    }
}

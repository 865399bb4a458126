//! The network in 64 bits on the processor, at the point that is measured and where training started, and some
//! of its samples: for numbers that are taken over few samples and should have no error but their choice.

use super::failure::Failure;
use super::session::Session;
use crate::backend::{Compute, Precision, read};
use crate::model::Conditions;
use crate::objective::{Batch, Chunks, Objective};
use crate::params::Parameters;
use crate::workers;
use burn::tensor::Tensor;
use nalgebra::DMatrix;
use std::rc::Rc;

/// A network at a point, in 64 bits on the processor.
pub(super) struct Precise {
    /// The network and its loss.
    pub objective: Objective,
    /// Where.
    pub parameters: Parameters,
}

/// Some samples, for a network in 64 bits on the processor.
pub(super) struct Picked {
    /// The samples.
    pub batch: Batch,
    /// Their labels, one for each position; none where numbers are to be predicted.
    labels: Vec<u8>,
}

/// A place in a network at which it holds something of every sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// After a hidden layer or block, counted from 1.
    Hidden(usize),
    /// The units that an activation makes within a block, counted from 1.
    Inner(usize),
    /// Before the layer that makes the outputs.
    Last,
}

impl Precise {
    /// What the network holds of every sample at a place, a row for each; at [`Place::Last`] one for each
    /// position.
    ///
    /// # Errors
    ///
    /// Where there is no such place, or it holds what is not finite.
    pub fn held(&self, place: Place, picked: &Picked) -> Result<DMatrix<f64>, Failure> {
        let samples = picked.batch.samples();
        let at_once = self.objective.network().samples_per_part().max(1);
        let parts = workers::map(samples.div_ceil(at_once), |part| {
            let first = part * at_once;
            let count = at_once.min(samples - first);
            let inputs = picked.batch.inputs.clone().narrow(0, first, count);
            self.held_of(place, inputs)
        });
        let parts: Vec<(usize, Vec<f64>)> = parts.into_iter().collect::<Result<_, _>>()?;
        let width = parts.first().map_or(0, |(width, _)| *width);
        let values: Vec<f64> = parts.into_iter().flat_map(|(_, values)| values).collect();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Failure::not_finite("what the layer holds is not finite"));
        }
        let rows = values.len() / width.max(1);
        Ok(DMatrix::from_row_slice(rows, width, &values))
    }

    /// The numbers in a row, and the rows.
    fn held_of(&self, place: Place, inputs: Tensor<2>) -> Result<(usize, Vec<f64>), Failure> {
        let held = match place {
            Place::Hidden(layer) => self.objective.hidden(&self.parameters, inputs, layer),
            Place::Inner(layer) => self.objective.inner_units(&self.parameters, inputs, layer),
            Place::Last => self.objective.features(&self.parameters, inputs),
        };
        let held = held.ok_or_else(|| place.missing())?;
        Ok((held.dims()[1], read(&held).map_err(Failure::device)?))
    }
}

impl Place {
    fn missing(self) -> Failure {
        Failure::not_defined(match self {
            Self::Hidden(layer) => format!("the network has fewer than {layer} hidden layers"),
            Self::Inner(layer) => format!("the network has fewer than {layer} blocks"),
            Self::Last => "the network does not end with a fully connected layer".to_owned(),
        })
    }
}

impl Picked {
    /// Their labels, one for each position.
    ///
    /// # Errors
    ///
    /// Where numbers are to be predicted.
    pub fn labels(&self) -> Result<&[u8], Failure> {
        match self.labels.is_empty() {
            true => Err(Failure::no_classes()),
            false => Ok(&self.labels),
        }
    }

    /// So many samples of a set at even distances, all of them if it has no more.
    fn of(data: &Chunks, most: usize, compute: &Compute) -> Result<Self, Failure> {
        let samples = data.samples();
        let count = samples.min(most);
        if count == 0 {
            return Err(crate::curvature::no_samples().into());
        }
        let places: Vec<usize> = (0..count).map(|index| index * samples / count).collect();
        let (batch, labels) = data.pick(&places, compute);
        let batch = batch.moved_to(&Compute::cpu(Precision::F64), |value| value);
        Ok(Self {
            batch: batch.map_err(Failure::device)?,
            labels,
        })
    }
}

impl Session<'_> {
    /// The network at the point that is measured.
    pub(super) fn precise(&mut self) -> Result<Rc<Precise>, Failure> {
        self.once("precise", |session| {
            let values = session.values()?;
            let objective = session.subject.objective.reference();
            let objective = objective.map_err(Failure::device)?;
            let layout = session.subject.parameters.layout();
            Ok(Precise {
                parameters: Parameters::from_host(layout, &values, objective.compute()),
                objective,
            })
        })
    }

    /// The network where training started, with the running statistics of that time.
    pub(super) fn precise_start(&mut self) -> Result<Rc<Precise>, Failure> {
        self.once("precise start", |session| {
            let initial = session.initial()?;
            let objective = session.subject.objective.reference();
            let objective = objective.map_err(Failure::device)?;
            let network = session.subject.objective.network();
            let blueprint = network.blueprint();
            let statistics = Parameters::from_host(
                blueprint.statistics(),
                blueprint.initial_statistics(),
                objective.compute(),
            );
            let conditions = Conditions {
                statistics,
                ..objective.conditions().clone()
            };
            Ok(Precise {
                parameters: Parameters::from_host(network.layout(), initial, objective.compute()),
                objective: objective.under(conditions),
            })
        })
    }

    /// So many training samples at even distances, all of them if there are no more.
    pub(super) fn picked_train(&mut self, most: usize) -> Result<Rc<Picked>, Failure> {
        self.once(&format!("picked train {most}"), |session| {
            let compute = session.subject.objective.compute();
            Picked::of(session.subject.train, most, compute)
        })
    }

    /// So many test samples at even distances, all of them if there are no more.
    pub(super) fn picked_test(&mut self, most: usize) -> Result<Rc<Picked>, Failure> {
        self.once(&format!("picked test {most}"), |session| {
            let none = || Failure::not_known("there are no test samples");
            let compute = session.subject.objective.compute();
            Picked::of(session.subject.test.ok_or_else(none)?, most, compute)
        })
    }
}

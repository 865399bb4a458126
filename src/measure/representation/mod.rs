//! What the layers of a network make of the samples: how many dimensions it takes, what can be read off it by a
//! linear map, how classes lie in it, and which units have changed sides since the start.
//!
//! All of it is taken over up to [`SAMPLES`] samples at even distances, in 64 bits on the processor whatever the
//! run's precision, so that nothing but the choice of the samples is left to chance.

mod collapse;
mod pattern;
mod probe;
mod rank;

#[cfg(test)]
mod tests;

use super::declaration::{Family, Measure, Take};
use super::failure::Failure;
use super::precise::{Picked, Place};
use super::session::Session;
use crate::data::Task;
use crate::reparam::MapKind;
use nalgebra::DMatrix;
use std::rc::Rc;

/// Samples that are looked at, at most.
const SAMPLES: usize = 1000;

/// What multiplies a whole layer cancels, and an isometry moves no distance; what scales its units apart does.
/// A scale that a normalisation divides out cancels only up to its epsilon.
const UNIFORM: &[MapKind] = &[
    MapKind::LayerRescaling,
    MapKind::Permutation,
    MapKind::AttentionRescaling,
    MapKind::OrthogonalBasis,
];

/// A positive factor moves no unit to the other side of 0; another order of the units does.
const SIDES: &[MapKind] = &[MapKind::LayerRescaling, MapKind::UnitRescaling];

/// The measures, those of hidden layers for each of so many layers.
macro_rules! family {
    (layers $($layer:literal)+) => {
        &[
            $(rank(
                concat!("representation.effective_rank.", $layer),
                |session, name| session.rank_of_representation(name, Place::Hidden($layer)),
            ),)+
            rank("representation.effective_rank.last", |session, name| {
                session.rank_of_representation(name, Place::Last)
            }),
            $(probe(
                concat!("representation.probe.", $layer),
                |session, name| session.probe_accuracy(name, Place::Hidden($layer)),
            ),)+
            probe("representation.probe.last", |session, name| {
                session.probe_accuracy(name, Place::Last)
            }),
            pattern(
                "representation.pattern_change",
                "share of (sample, unit) pairs, over all hidden layers of a ReLU network, whose activity has \
                 changed since the start",
                |session, name| session.pattern_change(name, None),
            ),
            $(pattern(
                concat!("representation.pattern_change.", $layer),
                OF_LAYER,
                |session, name| session.pattern_change(name, Some($layer)),
            ),)+
            collapse(
                "collapse.nc1",
                "variability within classes over that between them, tr(S_W S_B^+) / classes, of what the output \
                 layer is given",
                |session, name| session.variability_collapse(name),
            ),
            collapse(
                "collapse.nc2.norms",
                "standard deviation over mean of the class means' distances from their mean",
                |session, name| session.equal_norms(name),
            ),
            collapse(
                "collapse.nc2.angles",
                "mean |cos + 1/(classes - 1)| over pairs of centred class means: 0 for a simplex",
                |session, name| session.equal_angles(name),
            ),
            collapse(
                "collapse.nc3",
                "distance of the output layer's weights from the centred class means, each of Frobenius norm 1",
                |session, name| session.self_duality(name),
            ),
        ]
    };
}

// A network of the usual depths has no more: 9 blocks of a ResNet-20, 12 of a transformer.
pub(super) const FAMILY: Family = family!(layers 1 2 3 4 5 6 7 8 9 10 11 12);

const OF_LAYER: &str = "the same of one hidden layer, or block";

const fn rank(name: &'static str, take: Take) -> Measure {
    let description = "effective rank of a hidden layer (last: of what the output layer is given): exp of the \
         entropy of the normalised singular values of its centred outputs";
    Measure::new(name, description, take)
        .from("Roy & Vetterli 2007, definition 1")
        .passes()
        .invariant(UNIFORM)
}

const fn probe(name: &'static str, take: Take) -> Measure {
    let description = "share of test samples that a ridge regression of one-hot labels on a hidden layer \
         (last: on what the output layer is given), fitted on training samples, classifies right";
    Measure::new(name, description, take)
        .about(Task::Classification)
        .from("Alain & Bengio 2017, with least squares in place of logistic regression")
        .passes()
        .share()
        .invariant(UNIFORM)
}

const fn pattern(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .passes()
        .share()
        .invariant(SIDES)
}

const fn collapse(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .about(Task::Classification)
        .from("Papyan, Han & Donoho 2020")
        .passes()
        .invariant(UNIFORM)
}

impl Session<'_> {
    /// What the network holds of the training samples at a place, a row for each.
    fn representation(&mut self, place: Place) -> Result<(Rc<DMatrix<f64>>, Rc<Picked>), Failure> {
        self.require_layers_of_single_samples()?;
        let picked = self.picked_train(SAMPLES)?;
        let held = self.once(&format!("representation {place:?}"), |session| {
            session.precise()?.held(place, &picked)
        })?;
        Ok((held, picked))
    }
}

/// The mean row.
fn mean_row(rows: &DMatrix<f64>) -> Vec<f64> {
    let count = rows.nrows() as f64;
    rows.column_iter()
        .map(|column| column.sum() / count)
        .collect()
}

/// The rows minus one.
fn centred(rows: &DMatrix<f64>, centre: &[f64]) -> DMatrix<f64> {
    let mut centred = rows.clone();
    for (mut column, centre) in centred.column_iter_mut().zip(centre) {
        column.add_scalar_mut(-centre);
    }
    centred
}

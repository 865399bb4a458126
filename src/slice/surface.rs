//! The loss at places along directions.

use crate::backend::BackendKind;
use crate::linear::axpy;
use crate::measure::{Evaluated, Failure, Measurement};
use crate::model::Conditions;
use crate::objective::{Chunks, Objective};
use crate::params::Parameters;
use crate::statistics::{mean, stated_error};
use crate::workers;
use serde::Serialize;

/// By which running statistics layers normalise at a place.
#[derive(Clone, Copy)]
pub enum Statistics<'a> {
    /// Everywhere by those of the objective.
    Fixed,
    /// By those of two solutions, mixed as their parameters are; the place has one coordinate.
    Mixed([&'a [f64]; 2]),
    /// By those that are estimated anew at each place over these batches.
    Anew(&'a Chunks),
}

/// The loss as a function of coordinates along directions.
#[derive(Clone, Copy)]
pub struct Surface<'a> {
    /// The network and its loss.
    pub objective: &'a Objective,
    /// Where all coordinates are 0.
    pub centre: &'a [f64],
    /// The directions.
    pub directions: &'a [&'a [f64]],
    /// The samples.
    pub data: &'a Chunks,
    /// By which running statistics.
    pub statistics: Statistics<'a>,
}

/// The loss at a place.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Value {
    /// One along each direction.
    pub coordinates: Vec<f64>,
    /// The mean loss; none where it cannot be had.
    pub loss: Option<f64>,
    /// Its standard error over the samples.
    pub loss_error: Option<f64>,
    /// The loss minus that at the centre.
    pub change: Option<f64>,
    /// The standard error of the change, whose samples are paired.
    pub change_error: Option<f64>,
    /// The share of samples classified right.
    pub accuracy: Option<f64>,
    /// Its standard error.
    pub accuracy_error: Option<f64>,
    /// Why there is no loss.
    pub failure: Option<String>,
}

impl Surface<'_> {
    /// What the network does at a place.
    ///
    /// # Errors
    ///
    /// Where its outputs are not finite, or a variance would be negative.
    pub fn at(&self, coordinates: &[f64]) -> Result<Evaluated, Failure> {
        let mut values = self.centre.to_vec();
        for (coordinate, direction) in coordinates.iter().zip(self.directions) {
            if *coordinate != 0.0 {
                axpy(*coordinate, direction, &mut values);
            }
        }
        let layout = self.objective.network().layout();
        let parameters = Parameters::from_host(layout, &values, self.objective.compute());
        let objective = match self.statistics {
            Statistics::Fixed => return Evaluated::run(self.objective, &parameters, self.data),
            Statistics::Mixed(ends) => self.mixed(ends, coordinates[0])?,
            Statistics::Anew(batches) => self.objective.with_statistics_at(&parameters, batches),
        };
        Evaluated::run(&objective, &parameters, self.data)
    }

    fn mixed(&self, [first, second]: [&[f64]; 2], part: f64) -> Result<Objective, Failure> {
        let layout = self.objective.network().blueprint().statistics();
        let pairs = first.iter().zip(second);
        let values: Vec<f64> = pairs.map(|(a, b)| a + part * (b - a)).collect();
        let mut variances = layout
            .blocks()
            .iter()
            .filter(|block| block.name.ends_with("running_var"));
        if variances.any(|block| values[block.range()].iter().any(|variance| *variance < 0.0)) {
            return Err(Failure::not_defined(
                "a running variance, continued along the line beyond the solutions, is negative here",
            ));
        }
        Ok(self.objective.under(Conditions {
            statistics: Parameters::from_host(layout, &values, self.objective.compute()),
            ..self.objective.conditions().clone()
        }))
    }

    /// The values at some places, and the losses of every sample there, for which changes are counted from those at the
    /// centre. `watch` is called with the number of places behind it.
    ///
    /// # Errors
    ///
    /// Where the centre has no loss.
    pub fn over(
        &self,
        places: &[Vec<f64>],
        watch: &mut dyn FnMut(usize),
    ) -> Result<Vec<Value>, Failure> {
        let centre = self.at(&vec![0.0; self.directions.len()])?;
        let is_processor = match self.objective.compute().kind {
            BackendKind::Cpu | BackendKind::NdArray => true,
            BackendKind::Wgpu => false,
        };
        let mut values = Vec::with_capacity(places.len());
        // So many at a time that all cores are busy, few enough to be told of.
        for places in places.chunks(if is_processor { 64 } else { 1 }) {
            let of = |index: usize| value(&places[index], &self.at(&places[index]), &centre);
            values.extend(workers::map(places.len(), of));
            watch(values.len());
        }
        Ok(values)
    }
}

fn value(coordinates: &[f64], found: &Result<Evaluated, Failure>, centre: &Evaluated) -> Value {
    let coordinates = coordinates.to_vec();
    let found = match found {
        Ok(found) if found.mean_loss().is_finite() => found,
        Ok(_) => {
            let failure = Some("the loss is not finite".to_owned());
            return Value {
                coordinates,
                failure,
                ..Value::default()
            };
        }
        Err(failure) => {
            let failure = Some(failure.reason.clone());
            return Value {
                coordinates,
                failure,
                ..Value::default()
            };
        }
    };
    // Where numbers are predicted there is none.
    let (loss, accuracy) = (found.loss(""), found.accuracy("").ok());
    let pairs = found.losses().iter().zip(centre.losses());
    let changes: Vec<f64> = pairs.map(|(there, here)| there - here).collect();
    let known = |error: f64| error.is_finite().then_some(error);
    Value {
        coordinates,
        loss: loss.value,
        loss_error: loss.stderr(),
        change: Some(mean(&changes)),
        change_error: known(stated_error(&changes)),
        accuracy: accuracy.as_ref().and_then(|row| row.value),
        accuracy_error: accuracy.as_ref().and_then(Measurement::stderr),
        failure: None,
    }
}

/// How far the loss on the straight line between two solutions rises above the line between their losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Barrier {
    /// `max over a of L((1 − a) θ₀ + a θ₁) − (1 − a) L(θ₀) − a L(θ₁)`, over the places that were looked at.
    pub height: f64,
    /// The standard error of that difference at its place, over samples, which are paired; none where nothing rises.
    pub error: Option<f64>,
    /// The place.
    pub at: f64,
}

/// Fewer places than these between two solutions may miss what is highest there.
const FEWEST_BETWEEN: usize = 9;

/// Those of some places that lie between 0 and 1; where they are few, others instead.
fn inner(places: &[f64]) -> Vec<f64> {
    let is_between = |at: &f64| 0.0 < *at && *at < 1.0;
    let found: Vec<f64> = places.iter().copied().filter(is_between).collect();
    if found.len() >= FEWEST_BETWEEN {
        return found;
    }
    let others = super::places([0.0, 1.0], 21);
    others.into_iter().filter(is_between).collect()
}

/// The barrier between the ends of a line, among the places from 0 to 1, or nineteen of its own where these are few (Frankle,
/// Dziugaite, Roy & Carbin 2020, "Linear mode connectivity and the lottery ticket hypothesis", sec. 2, who compare with the mean of
/// the ends; with the line between them Entezari, Sedghi, Saukh & Neyshabur 2022, "The role of permutation invariance in linear mode
/// connectivity of neural networks", eq. 1). It is 0 at the ends, so never negative. As the largest of several estimates it is on the
/// large side.
///
/// # Errors
///
/// Where a loss between the ends is not finite.
pub fn barrier(surface: &Surface<'_>, places: &[f64]) -> Result<Barrier, Failure> {
    let ends = [surface.at(&[0.0])?, surface.at(&[1.0])?];
    let mut highest = Barrier {
        height: 0.0,
        error: None,
        at: 0.0,
    };
    for at in inner(places) {
        let found = surface.at(&[at])?;
        let samples = found
            .losses()
            .iter()
            .zip(ends[0].losses())
            .zip(ends[1].losses());
        let rises: Vec<f64> = samples
            .map(|((there, first), second)| there - (1.0 - at) * first - at * second)
            .collect();
        let height = mean(&rises);
        if !height.is_finite() {
            return Err(Failure::not_finite(format!(
                "the loss at {at} is not finite"
            )));
        }
        if height > highest.height {
            let error = stated_error(&rises);
            highest = Barrier {
                height,
                error: error.is_finite().then_some(error),
                at,
            };
        }
    }
    Ok(highest)
}

//! What a linear map can read off a representation.

use super::{SAMPLES, centred, mean_row};
use crate::measure::evaluated::share;
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::precise::Place;
use crate::measure::session::Session;
use nalgebra::{Cholesky, DMatrix};

/// The penalty on the squared weights, as a share of the mean squared distance of the training rows from their
/// mean, summed over them: large enough for the system to be solved to many digits, small beside all directions
/// that hold more than a thousandth of that.
const PENALTY: f64 = 1e-3;

impl Session<'_> {
    /// The accuracy on test samples of a linear classifier on what the network holds at a place, fitted on training
    /// samples. Labels of sequences belong to positions, and so only the last place has a row for each of them.
    pub(super) fn probe_accuracy(
        &mut self,
        name: &str,
        place: Place,
    ) -> Result<Measurement, Failure> {
        let (train, fitted_on) = self.representation(place)?;
        let judged_on = self.picked_test(SAMPLES)?;
        let labels = fitted_on.labels()?;
        if train.nrows() != labels.len() {
            return Err(Failure::not_defined(
                "there is a label for every position of a sample, and a row for each only at the last layer",
            ));
        }
        let test = self.precise()?.held(place, &judged_on)?;
        let probe = Probe::fitted(&train, labels)?;
        let predicted = probe.predictions(&test);
        let right = predicted.iter().zip(judged_on.labels()?);
        let right: Vec<f64> = right
            .map(|(one, other)| f64::from(u8::from(one == other)))
            .collect();
        let row = share(name, &right, judged_on.batch.samples());
        Ok(Measurement {
            note: Some(format!(
                "fitted on {} training samples, judged on {} test samples",
                fitted_on.batch.samples(),
                judged_on.batch.samples()
            )),
            ..row
        })
    }
}

/// A linear classifier: ridge regression of one-hot labels, with an intercept that is not penalised.
pub(super) struct Probe {
    classes: usize,
    centre: Vec<f64>,
    weights: DMatrix<f64>,
    shares: Vec<f64>,
}

impl Probe {
    /// `argmin ‖XW − Y‖² + μ‖W‖²` for centred rows `X` and centred one-hot labels `Y`, with `μ` the [`PENALTY`] times
    /// `‖X‖²/n`; from the smaller of the two forms `(XᵀX + μI)⁻¹XᵀY = Xᵀ(XXᵀ + μI)⁻¹Y`.
    pub fn fitted(rows: &DMatrix<f64>, labels: &[u8]) -> Result<Self, Failure> {
        let count = labels.len();
        let classes = labels
            .iter()
            .max()
            .map_or(0, |&label| usize::from(label) + 1);
        let centre = mean_row(rows);
        let inputs = centred(rows, &centre);
        let one_hot = DMatrix::from_fn(count, classes, |row, class| {
            f64::from(u8::from(usize::from(labels[row]) == class))
        });
        let shares = mean_row(&one_hot);
        let targets = centred(&one_hot, &shares);
        let penalty = PENALTY * inputs.norm_squared() / count as f64;
        if penalty == 0.0 {
            return Err(Failure::not_defined(
                "the layer is the same for all samples",
            ));
        }
        let weights = match count < inputs.ncols() {
            true => {
                let gram = &inputs * inputs.transpose();
                inputs.transpose() * solved(gram, penalty, targets)?
            }
            false => {
                let gram = inputs.transpose() * &inputs;
                solved(gram, penalty, inputs.transpose() * targets)?
            }
        };
        Ok(Self {
            classes,
            centre,
            weights,
            shares,
        })
    }

    /// The class of the largest score of every row, the first of equal ones.
    pub fn predictions(&self, rows: &DMatrix<f64>) -> Vec<u8> {
        let scores = centred(rows, &self.centre) * &self.weights;
        let class_of = |row: usize| {
            let score = |class: usize| scores[(row, class)] + self.shares[class];
            let larger = |best: usize, class: usize| match score(class) > score(best) {
                true => class,
                false => best,
            };
            (0..self.classes).fold(0, larger) as u8
        };
        (0..rows.nrows()).map(class_of).collect()
    }
}

/// The solution of `(G + μI) X = B` for a positive semidefinite `G`.
fn solved(
    mut gram: DMatrix<f64>,
    penalty: f64,
    right: DMatrix<f64>,
) -> Result<DMatrix<f64>, Failure> {
    for place in 0..gram.nrows() {
        gram[(place, place)] += penalty;
    }
    let factor = Cholesky::new(gram);
    let factor = factor.ok_or_else(|| Failure::not_found("the normal equations are singular"))?;
    Ok(factor.solve(&right))
}

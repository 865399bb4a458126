//! How many dimensions a representation takes.

use super::{centred, mean_row};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::precise::Place;
use crate::measure::session::Session;
use nalgebra::DMatrix;

impl Session<'_> {
    /// The effective rank of what the network holds at a place. It is at most the number of samples minus one,
    /// which the row tells.
    pub(super) fn rank_of_representation(
        &mut self,
        name: &str,
        place: Place,
    ) -> Result<Measurement, Failure> {
        let (held, picked) = self.representation(place)?;
        let rank = effective_rank(&held)?;
        Ok(Measurement::exact(name, rank).over(picked.batch.samples()))
    }
}

/// `exp(−Σ pᵢ ln pᵢ)` with `pᵢ = σᵢ / Σ σ` and `σ` the singular values of the centred rows (Roy & Vetterli 2007,
/// "The effective rank: a measure of effective dimensionality", definition 1).
///
/// The squares of the singular values are eigenvalues of the smaller Gram matrix, so that a value below the root of
/// its rounding is not told from 0, and counted as 0.
pub(super) fn effective_rank(rows: &DMatrix<f64>) -> Result<f64, Failure> {
    let centred = centred(rows, &mean_row(rows));
    let gram = match centred.nrows() < centred.ncols() {
        true => &centred * centred.transpose(),
        false => centred.transpose() * &centred,
    };
    let squares = gram.symmetric_eigenvalues();
    let floor = squares.amax() * f64::EPSILON * 10.0 * squares.len() as f64;
    let values = squares.iter().filter(|&&square| square > floor);
    let values: Vec<f64> = values.map(|square| square.sqrt()).collect();
    let sum: f64 = values.iter().sum();
    let entropy = values
        .iter()
        .map(|value| -(value / sum) * (value / sum).ln());
    match values.is_empty() {
        true => Err(Failure::not_defined(
            "the layer is the same for all samples",
        )),
        false => Ok(entropy.sum::<f64>().exp()),
    }
}

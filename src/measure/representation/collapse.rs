//! How far the classes have collapsed to a simplex, in what the output layer is given (Papyan, Han & Donoho 2020,
//! "Prevalence of neural collapse during the terminal phase of deep learning training").

use super::{centred, mean_row};
use crate::linear::{dot, norm};
use crate::measure::failure::Failure;
use crate::measure::layers;
use crate::measure::measurement::Measurement;
use crate::measure::precise::Place;
use crate::measure::session::Session;
use nalgebra::{DMatrix, SymmetricEigen};
use std::rc::Rc;

/// Eigenvalues of the covariance of the class means below this share of the largest are those of directions in
/// which the means do not differ: their centring leaves one of them at least.
const SAME: f64 = 1e-12;

/// How the features of some classes lie.
pub(super) struct Classes {
    /// The classes that have samples, in ascending order.
    pub classes: Vec<u8>,
    /// For each of them, its mean minus the mean of these means.
    pub means: Vec<Vec<f64>>,
    /// Every row minus the mean of its class.
    pub within: DMatrix<f64>,
}

impl Classes {
    /// Of one row for every label.
    pub fn of(rows: &DMatrix<f64>, labels: &[u8]) -> Result<Self, Failure> {
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        if classes.len() < 2 {
            return Err(Failure::not_defined("all samples are of one class"));
        }
        let mut within = rows.clone();
        let mut means = DMatrix::zeros(classes.len(), rows.ncols());
        for (place, class) in classes.iter().enumerate() {
            let members = labels
                .iter()
                .enumerate()
                .filter(|(_, label)| *label == class);
            let members: Vec<usize> = members.map(|(row, _)| row).collect();
            let mean = rows.select_rows(&members).row_mean();
            for &row in &members {
                let mut row = within.row_mut(row);
                row -= &mean;
            }
            means.set_row(place, &mean);
        }
        let means = centred(&means, &mean_row(&means));
        let means = means.row_iter().map(|mean| mean.iter().copied().collect());
        Ok(Self {
            classes,
            means: means.collect(),
            within,
        })
    }

    /// `tr(Σ_W Σ_B⁺) / C` (NC1): `Σ_W` is the mean of the rows' squares about their class means, `Σ_B = MᵀM / C`
    /// that of the `C` centred class means `M`. With `MMᵀ/C = VΛVᵀ` the pseudo-inverse is `MᵀVΛ⁻²VᵀM / C`, so that
    /// no matrix of the features' dimension is formed.
    pub fn variability(&self) -> Result<f64, Failure> {
        let count = self.classes.len();
        let means = DMatrix::from_fn(count, self.within.ncols(), |row, column| {
            self.means[row][column] / (count as f64).sqrt()
        });
        let between = SymmetricEigen::new(&means * means.transpose());
        let floor = SAME * between.eigenvalues.amax();
        if floor == 0.0 {
            return Err(Failure::not_defined("the means of all classes are equal"));
        }
        let along = &self.within * means.transpose() * &between.eigenvectors;
        let columns = along.column_iter().zip(between.eigenvalues.iter());
        let traces = columns
            .filter(|(_, value)| **value > floor)
            .map(|(column, value)| column.norm_squared() / (value * value));
        Ok(traces.sum::<f64>() / (self.within.nrows() * count) as f64)
    }

    /// The standard deviation over the mean of the centred means' norms (NC2, "equinorm").
    pub fn spread_of_norms(&self) -> Result<f64, Failure> {
        let norms: Vec<f64> = self.means.iter().map(|mean| norm(mean)).collect();
        let mean = norms.iter().sum::<f64>() / norms.len() as f64;
        let squares = norms.iter().map(|norm| (norm - mean).powi(2));
        let deviation = (squares.sum::<f64>() / norms.len() as f64).sqrt();
        match mean > 0.0 {
            true => Ok(deviation / mean),
            false => Err(Failure::not_defined("the means of all classes are equal")),
        }
    }

    /// The mean over pairs of `|cos + 1/(C − 1)|` (NC2, "maximal equiangularity").
    pub fn spread_of_angles(&self) -> Result<f64, Failure> {
        if self.means.iter().any(|mean| norm(mean) == 0.0) {
            return Err(Failure::not_defined(
                "a class mean is the mean of all classes",
            ));
        }
        let of_simplex = 1.0 / (self.means.len() as f64 - 1.0);
        let (mut sum, mut pairs) = (0.0, 0.0);
        for (place, one) in self.means.iter().enumerate() {
            for other in &self.means[..place] {
                let cosine = dot(one, other) / (norm(one) * norm(other));
                sum += (cosine + of_simplex).abs();
                pairs += 1.0;
            }
        }
        Ok(sum / pairs)
    }

    /// `‖W/‖W‖ − M/‖M‖‖` in Frobenius norms (NC3), for the rows of `W` that belong to the classes.
    pub fn distance_from(&self, weights: &[f64]) -> Result<f64, Failure> {
        let width = self.within.ncols();
        let rows = self.classes.iter().map(|&class| usize::from(class) * width);
        let weights: Vec<f64> = rows
            .flat_map(|row| &weights[row..row + width])
            .copied()
            .collect();
        let means = self.means.concat();
        let (of_weights, of_means) = (norm(&weights), norm(&means));
        if of_weights == 0.0 || of_means == 0.0 {
            return Err(Failure::not_defined(
                "the output layer's weights or the centred class means are 0",
            ));
        }
        let pairs = weights.iter().zip(&means);
        let apart = pairs.map(|(weight, mean)| weight / of_weights - mean / of_means);
        Ok(norm(&apart.collect::<Vec<_>>()))
    }
}

impl Session<'_> {
    pub(super) fn variability_collapse(&mut self, name: &str) -> Result<Measurement, Failure> {
        self.of_classes(name, |classes| classes.variability())
    }

    pub(super) fn equal_norms(&mut self, name: &str) -> Result<Measurement, Failure> {
        self.of_classes(name, |classes| classes.spread_of_norms())
    }

    pub(super) fn equal_angles(&mut self, name: &str) -> Result<Measurement, Failure> {
        self.of_classes(name, |classes| classes.spread_of_angles())
    }

    pub(super) fn self_duality(&mut self, name: &str) -> Result<Measurement, Failure> {
        let layer = layers::output_layer(self.subject.objective.network())?;
        if layer.outputs() == 1 {
            return Err(Failure::not_defined(
                "a network with a single output has no weights for each class",
            ));
        }
        let weights = self.values()?[layer.weight.range()].to_vec();
        self.of_classes(name, |classes| classes.distance_from(&weights))
    }

    fn of_classes(
        &mut self,
        name: &str,
        of: impl FnOnce(&Classes) -> Result<f64, Failure>,
    ) -> Result<Measurement, Failure> {
        let (classes, samples) = self.collapse_of_classes()?;
        Ok(Measurement::exact(name, of(&classes)?).over(samples))
    }

    fn collapse_of_classes(&mut self) -> Result<(Rc<Classes>, usize), Failure> {
        let (held, picked) = self.representation(Place::Last)?;
        let classes = self.once("classes", |_| Classes::of(&held, picked.labels()?))?;
        Ok((classes, picked.batch.samples()))
    }
}

//! Sizes of the parameters and of the gradient.

mod capacity;
mod convolution;
mod matrix;
mod path;

#[cfg(test)]
mod tests;

pub(super) use capacity::{Reference, of_spectral_norms, spectral_complexity, spectral_product};
pub use convolution::Convolution;
pub use matrix::{HostMatrix, SpectralNorm};

use super::Measurement;
use super::registry::{Family, Measure};
use super::session::{Failure, Session};
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::norm;
use crate::params::Block;
use crate::reparam::MapKind;
use path::Path;
use std::ops::Range;

/// A change of scale that the next layer undoes leaves ratios within a layer alone, and in a stack
/// products over layers; units keep their norms under exchange and rotation.
pub(super) const PRODUCTS: &[MapKind] = &[
    MapKind::LayerRescaling,
    MapKind::Permutation,
    MapKind::OrthogonalBasis,
];

/// The same for norms of single rows, which a rotation mixes.
pub(super) const PRODUCTS_OF_ROWS: &[MapKind] = &[MapKind::LayerRescaling, MapKind::Permutation];

/// Each path passes every unit it meets once inwards and once outwards.
const PATHS: &[MapKind] = &[
    MapKind::LayerRescaling,
    MapKind::UnitRescaling,
    MapKind::Permutation,
];

pub(super) const FAMILY: Family = Family {
    measures: &[
        Measure::new("norm.l2", "Euclidean norm of the parameters").light(),
        Measure::new("norm.parameters", "number of parameters")
            .light()
            .invariant(MapKind::ALL),
        Measure::new(
            "norm.frobenius.product",
            "product over dense layers and convolutions of the Frobenius norms of their weights",
        )
        .from("Jiang et al. 2020, \"Fantastic generalization measures and where to find them\"")
        .passes()
        .full(),
        Measure::new(
            "norm.frobenius.sum",
            "sum over dense layers and convolutions of the squared Frobenius norms of their weights",
        )
        .from("Jiang et al. 2020, \"Fantastic generalization measures and where to find them\"")
        .passes(),
        Measure::new(
            "norm.spectral.product",
            "product of the spectral norms of dense layers and convolutions (as maps of images); \
             bounds the Lipschitz constant of a stack, but counts no normalisation or shortcut",
        )
        .from("Szegedy et al. 2014, sec. 4.3")
        .full(),
        Measure::new(
            "norm.spectral.sum",
            "sum of the squared spectral norms of dense layers and convolutions",
        )
        .from("Jiang et al. 2020, \"Fantastic generalization measures and where to find them\""),
        Measure::new(
            "norm.spectral.max",
            "largest spectral norm of a dense layer or convolution",
        ),
        Measure::new(
            "norm.stable_rank.sum",
            "sum over dense layers and convolutions, as linear maps A, of |A|_F^2 / |A|_2^2",
        )
        .from("Rudelson & Vershynin 2007")
        .invariant(PRODUCTS)
        .full(),
        Measure::new(
            "norm.stable_rank.product",
            "product over dense layers and convolutions, as linear maps A, of |A|_F^2 / |A|_2^2",
        )
        .invariant(PRODUCTS),
        Measure::new(
            "norm.path",
            "sum over all paths from input to output of the magnitude of the product of weights",
        )
        .from(
            "Neyshabur, Tomioka & Srebro 2015, \"Norm-based capacity control in neural networks\"",
        )
        .invariant(PATHS)
        .passes()
        .full(),
        Measure::new(
            "norm.path.l2",
            "root of the sum over all paths of the squared product of weights",
        )
        .from("Neyshabur, Salakhutdinov & Srebro 2015, \"Path-SGD\"")
        .invariant(PATHS)
        .passes()
        .full(),
        Measure::new(
            "norm.spectral_complexity",
            "spectral complexity with reference matrices 0",
        )
        .from("Bartlett et al. 2017, eq. 1.2")
        .invariant(PRODUCTS_OF_ROWS)
        .passes(),
        Measure::new(
            "norm.spectral_complexity.init",
            "spectral complexity with the starting point as reference matrices",
        )
        .from("Bartlett et al. 2017, eq. 1.2")
        // The starting point is moved by no map.
        .invariant(&[])
        .passes()
        .full(),
        Measure::new(
            "norm.pac_bayes_complexity",
            "product of squared spectral norms times sum of stable ranks",
        )
        .from("Neyshabur et al. 2018, theorem 1")
        .invariant(PRODUCTS)
        .passes(),
        Measure::new(
            "distance.init",
            "Euclidean distance of the parameters from their starting point",
        )
        .invariant(&[])
        .light(),
        Measure::new(
            "distance.init.relative",
            "that distance over the norm of the starting point",
        )
        .invariant(&[])
        .passes(),
        Measure::new(
            "distance.init.frobenius",
            "largest |W - W0|_F / |W0|_F of the weights W of a dense layer or convolution",
        )
        .invariant(&[])
        .passes(),
        Measure::new(
            "distance.init.spectral",
            "largest |A - A0|_2 / |A0|_2 of a dense layer or convolution, as a linear map A",
        )
        .invariant(&[]),
        Measure::new(
            "gradient.norm",
            "Euclidean norm of the gradient of the training loss",
        )
        .light(),
    ],
    measure: |session, name| match name {
        "norm.l2" => {
            let range = session.range()?;
            Ok(Measurement::new(name, norm(&session.values()?[range])))
        }
        "norm.parameters" => Ok(Measurement::new(name, session.range()?.len() as f64)),
        "norm.path" => session.path_norm(name, Path::Absolute),
        "norm.path.l2" => session.path_norm(name, Path::Euclidean),
        "norm.spectral_complexity"
        | "norm.spectral_complexity.init"
        | "norm.pac_bayes_complexity" => session.capacity(name),
        "distance.init" | "distance.init.relative" => session.distance(name),
        "distance.init.frobenius" | "distance.init.spectral" => session.relative_distance(name),
        "gradient.norm" => session.gradient_norm(name),
        "norm.frobenius.product" | "norm.frobenius.sum" => session.of_frobenius_norms(name),
        _ => session.of_spectra(name),
    },
};

impl Session<'_> {
    /// Where the subject's block lies: everywhere if it has none.
    pub(super) fn range(&self) -> Result<Range<usize>, Failure> {
        match self.subject.block {
            Some(block) => Ok(self.subject.range_of(block)?),
            None => Ok(0..self.subject.parameters.layout().len()),
        }
    }

    /// Fails where only a block is to be measured.
    pub(super) fn refuse_block(&self) -> Result<(), Failure> {
        match self.subject.block {
            Some(_) => Err(Failure::Other(
                "it belongs to the whole network, not to a block".to_owned(),
            )),
            None => Ok(()),
        }
    }

    /// Where training started.
    fn initial(&self) -> Result<&[f64], Failure> {
        let unknown = || Failure::Other("the starting point is not known".to_owned());
        self.subject.initial.ok_or_else(unknown)
    }

    /// A block minus its starting point.
    fn moved(&mut self, block: &Block) -> Result<Vec<f64>, Failure> {
        let initial = self.initial()?[block.range()].to_vec();
        let now = &self.values()?[block.range()];
        Ok(now
            .iter()
            .zip(initial)
            .map(|(now, then)| now - then)
            .collect())
    }

    fn distance(&mut self, name: &str) -> Result<Measurement, Failure> {
        let range = self.range()?;
        let initial = self.initial()?[range.clone()].to_vec();
        let now = &self.values()?[range];
        let moved: Vec<f64> = now
            .iter()
            .zip(&initial)
            .map(|(now, then)| now - then)
            .collect();
        let distance = norm(&moved);
        Ok(match name {
            "distance.init" => Measurement::new(name, distance),
            _ => Measurement::new(name, distance / norm(&initial)),
        })
    }

    fn gradient_norm(&mut self, name: &str) -> Result<Measurement, Failure> {
        let samples = self.subject.train.samples();
        Ok(Measurement::new(name, norm(&self.gradient()?)).over(samples))
    }

    /// The gradient of the mean training loss, of the subject's block if it has one.
    pub(super) fn gradient(&self) -> Result<Vec<f64>, Failure> {
        let subject = &self.subject;
        let operator = CurvatureOperator::new(
            Matrix::Hessian,
            subject.objective,
            subject.parameters,
            subject.train,
            subject.interrupt,
        );
        Ok(operator.gradient()?[self.range()?].to_vec())
    }
}

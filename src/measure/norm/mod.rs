//! Sizes of the parameters and of the gradient.

mod capacity;
mod convolution;
mod path;

#[cfg(test)]
mod tests;

use capacity::{FrobeniusNorm, SpectralNormOfMap, pac_bayes_complexity, spectral, stable_ranks};
pub(super) use capacity::{Reference, of_spectral_norms, spectral_complexity, spectral_product};
pub use convolution::Convolution;

use super::declaration::{Family, Measure, Reads, RoundingLaw, Take};
use super::failure::Failure;
use super::measurement::Measurement;
use super::session::Session;
use crate::extremes::largest;
use crate::linear::norm;
use crate::params::Block;
use crate::reparam::MapKind;
use path::Path;

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

pub(super) const FAMILY: Family = &[
    of_parameters(
        "norm.l2",
        "Euclidean norm of the parameters",
        |session, name| {
            let range = session.subject.range()?;
            Ok(Measurement::exact(name, norm(&session.values()?[range])))
        },
    )
    .light(),
    of_parameters(
        "norm.parameters",
        "number of parameters",
        |session, name| {
            let count = session.subject.range()?.len();
            Ok(Measurement::exact(name, count as f64))
        },
    )
    .light()
    .invariant(MapKind::ALL),
    of_parameters(
        "norm.frobenius.product",
        "product over dense layers and convolutions of the Frobenius norms of their weights",
        |session, name| session.of_frobenius_norms(name, |norms| norms.iter().product()),
    )
    .from(JIANG)
    .passes()
    .full(),
    of_parameters(
        "norm.frobenius.sum",
        "sum over dense layers and convolutions of the squared Frobenius norms of their weights",
        |session, name| session.of_frobenius_norms(name, sum_of_squares),
    )
    .from(JIANG)
    .passes(),
    of_parameters(
        "norm.spectral.product",
        "product of the spectral norms of dense layers and convolutions (as maps of images); \
         bounds the Lipschitz constant of a stack, but counts no normalisation or shortcut",
        |session, name| session.of_spectra(name, 1.0, spectral_product),
    )
    .from("Szegedy et al. 2014, sec. 4.3")
    .full(),
    of_parameters(
        "norm.spectral.sum",
        "sum of the squared spectral norms of dense layers and convolutions",
        |session, name| session.of_spectra(name, 2.0, |layers| sum_of_squares(&spectral(layers))),
    )
    .from(JIANG),
    of_parameters(
        "norm.spectral.max",
        "largest spectral norm of a dense layer or convolution",
        |session, name| session.of_spectra(name, 1.0, |layers| largest(spectral(layers))),
    ),
    of_parameters(
        "norm.stable_rank.sum",
        "sum over dense layers and convolutions, as linear maps A, of |A|_F^2 / |A|_2^2",
        |session, name| session.of_spectra(name, 2.0, |layers| stable_ranks(layers).iter().sum()),
    )
    .from("Rudelson & Vershynin 2007")
    .invariant(PRODUCTS)
    .full(),
    of_parameters(
        "norm.stable_rank.product",
        "product over dense layers and convolutions, as linear maps A, of |A|_F^2 / |A|_2^2",
        |session, name| {
            session.of_spectra(name, 2.0, |layers| stable_ranks(layers).iter().product())
        },
    )
    .invariant(PRODUCTS),
    of_parameters(
        "norm.path",
        "sum over all paths from input to output of the magnitude of the product of weights",
        |session, name| session.path_norm(name, Path::Absolute),
    )
    .from("Neyshabur, Tomioka & Srebro 2015, \"Norm-based capacity control in neural networks\"")
    .invariant(PATHS)
    .of_whole()
    .passes()
    .full(),
    of_parameters(
        "norm.path.l2",
        "root of the sum over all paths of the squared product of weights",
        |session, name| session.path_norm(name, Path::Euclidean),
    )
    .from("Neyshabur, Salakhutdinov & Srebro 2015, \"Path-SGD\"")
    .invariant(PATHS)
    .of_whole()
    .passes()
    .full(),
    of_parameters(
        "norm.spectral_complexity",
        "spectral complexity with reference matrices 0",
        |session, name| session.capacity(name, Reference::Zero, 1.0, spectral_complexity),
    )
    .from("Bartlett et al. 2017, eq. 1.2")
    .invariant(PRODUCTS_OF_ROWS)
    .of_whole()
    .passes(),
    of_parameters(
        "norm.spectral_complexity.init",
        "spectral complexity with the starting point as reference matrices",
        |session, name| session.capacity(name, Reference::Initial, 1.0, spectral_complexity),
    )
    .from("Bartlett et al. 2017, eq. 1.2")
    // The starting point is moved by no map.
    .invariant(&[])
    .of_whole()
    .passes()
    .full(),
    of_parameters(
        "norm.pac_bayes_complexity",
        "product of squared spectral norms times sum of stable ranks",
        |session, name| {
            session.capacity(name, Reference::Zero, 2.0, |stack| {
                pac_bayes_complexity(&stack.layers)
            })
        },
    )
    .from("Neyshabur et al. 2018, theorem 1")
    .invariant(PRODUCTS)
    .of_whole()
    .passes(),
    of_parameters(
        "distance.init",
        "Euclidean distance of the parameters from their starting point",
        |session, name| Ok(Measurement::exact(name, session.distance()?)),
    )
    .invariant(&[])
    .light(),
    of_parameters(
        "distance.init.relative",
        "that distance over the norm of the starting point",
        |session, name| {
            let range = session.subject.range()?;
            let start = norm(&session.initial()?[range]);
            Ok(Measurement::exact(name, session.distance()? / start))
        },
    )
    .invariant(&[])
    .passes(),
    of_parameters(
        "distance.init.frobenius",
        "largest |W - W0|_F / |W0|_F of the weights W of a dense layer or convolution",
        |session, name| session.relative_distance(name, &FrobeniusNorm),
    )
    .invariant(&[])
    .passes(),
    of_parameters(
        "distance.init.spectral",
        "largest |A - A0|_2 / |A0|_2 of a dense layer or convolution, as a linear map A",
        |session, name| session.relative_distance(name, &SpectralNormOfMap),
    )
    .invariant(&[]),
    of_parameters(
        "gradient.norm",
        "Euclidean norm of the gradient of the training loss",
        |session, name| {
            let samples = session.subject.train.samples();
            let gradient = session.subject.gradient()?;
            Ok(Measurement::exact(name, norm(&gradient)).over(samples))
        },
    )
    .passes()
    .full()
    .reading(Reads::Training)
    .rounded(RoundingLaw::Gradient),
];

const JIANG: &str =
    "Jiang et al. 2020, \"Fantastic generalization measures and where to find them\"";

const fn of_parameters(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .of_block()
        .reading(Reads::Parameters)
}

fn sum_of_squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

impl Session<'_> {
    /// A block minus its starting point.
    fn moved(&mut self, block: &Block) -> Result<Vec<f64>, Failure> {
        let initial = &self.initial()?[block.range()];
        let now = &self.values()?[block.range()];
        Ok(now
            .iter()
            .zip(initial)
            .map(|(now, then)| now - then)
            .collect())
    }

    /// How far the parameters, or those of a block, are from their starting point.
    fn distance(&mut self) -> Result<f64, Failure> {
        let range = self.subject.range()?;
        let initial = &self.initial()?[range.clone()];
        let now = &self.values()?[range];
        let moved = now.iter().zip(initial).map(|(now, then)| now - then);
        Ok(norm(&moved.collect::<Vec<_>>()))
    }
}

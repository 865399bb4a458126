//! Relative flatness of one layer.
//!
//! `κ = Σ_{s,s'} ⟨w_s, w_s'⟩ tr H_{s,s'}` over pairs of rows of a layer's weight matrix `W`, with
//! `H_{s,s'}` the block of the Hessian between two rows (Petzka et al. 2021, "Relative flatness and
//! generalization", definition 3). By default the layer is the last, whose inputs are the features
//! the network has learnt.
//!
//! It is the trace of the map that takes a square matrix `Z`, with as many columns as `W`, to `Wᵀ(H·WZ)`: each of
//! its products takes one of the Hessian.

use crate::curvature::Matrix;
use crate::linear::{LinearError, LinearOperator, Precision, hutchinson};
use crate::measure::declaration::{Family, Measure, ProductLaw, RoundingLaw};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::measure::subject::Subject;
use crate::params::Block;
use crate::reparam::MapKind;
use nalgebra::DMatrix;

pub(in crate::measure) const FAMILY: Family = &[Measure::new(
    "sharpness.relative_flatness",
    "sum over pairs of rows of the last layer's weights of their inner product times the trace of their block of the Hessian",
    relative_flatness,
)
.from("Petzka et al. 2021, definition 3")
// A factor for each input of the layer, as in a rescaling of single units, moves it.
.invariant(&[
    MapKind::LayerRescaling,
    MapKind::Permutation,
    MapKind::NormalisedScale,
    MapKind::AttentionRescaling,
    MapKind::OrthogonalBasis,
])
.of_flatness()
.of_block()
.multiplying(&[Matrix::Hessian])
.rounded(RoundingLaw::Product(ProductLaw::PLAIN))
.full()];

fn relative_flatness(
    session: &mut Session<'_>,
    name: &'static str,
) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let block = layer(&subject)?;
    let values = session.values()?;
    let values = &values[block.range()];
    let weights = DMatrix::from_row_slice(block.shape[0], block.shape[1], values);
    let mut rng = subject.stream(name);
    let options = session.probe_options();
    let of_layer = Subject {
        block: Some(&block.name),
        ..subject
    };
    let estimate = of_layer.with_operator(Matrix::Hessian, |hessian| {
        let mut operator = Weighted { hessian, weights };
        hutchinson(&mut operator, &mut rng, options, subject.interrupt)
    })?;
    Ok(session.estimated(name, estimate))
}

/// `Z ↦ Wᵀ(H·WZ)` with `Z` column by column in a vector.
struct Weighted<'a> {
    hessian: &'a mut dyn LinearOperator,
    weights: DMatrix<f64>,
}

impl LinearOperator for Weighted<'_> {
    fn dimension(&self) -> usize {
        self.weights.ncols() * self.weights.ncols()
    }

    fn precision(&self) -> Precision {
        self.hessian.precision()
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let (rows, columns) = self.weights.shape();
        let square = DMatrix::from_column_slice(columns, columns, vector);
        // Matrices are column by column in memory, and weights row by row.
        let direction = (&self.weights * square).transpose();
        let product = self.hessian.apply(direction.as_slice())?;
        let product = DMatrix::from_row_slice(rows, columns, &product);
        Ok((self.weights.transpose() * product).as_slice().to_vec())
    }
}

/// The weight matrix the measure is about: the subject's block, the weights of its layer, or the
/// last matrix of the network.
fn layer<'a>(subject: &Subject<'a>) -> Result<&'a Block, Failure> {
    let blocks = subject.parameters.layout().blocks();
    let is_matrix = |block: &&Block| block.shape.len() == 2;
    let found = match subject.block {
        None => blocks.iter().rfind(is_matrix),
        Some(name) => {
            let weight = format!("{name}.weight");
            let is_named = |block: &&Block| block.name == name || block.name == weight;
            blocks.iter().filter(is_named).find(is_matrix)
        }
    };
    found.ok_or_else(|| {
        Failure::not_defined("relative flatness is defined for a layer with a matrix of weights")
    })
}

//! Relative flatness of one layer.
//!
//! `κ = Σ_{s,s'} ⟨w_s, w_s'⟩ tr H_{s,s'}` over pairs of rows of a layer's weight matrix `W`, with
//! `H_{s,s'}` the block of the Hessian between two rows (Petzka et al. 2021, "Relative flatness and
//! generalization", definition 3). By default the layer is the last, whose inputs are the features
//! the network has learnt.
//!
//! With `Z` a matrix of independent random signs, `vec(WZ)` has the covariance
//! `⟨w_s, w_s'⟩ δ_jj'`, so `κ` is the mean of its quadratic form with the Hessian: Hutchinson's
//! estimator, one product for each `Z`.

use super::super::Measurement;
use super::super::curvature::with_operator;
use super::super::registry::{Family, Measure};
use super::super::session::{Failure, Session, Subject};
use crate::curvature::{Matrix, ProbeOptions, Spending, dot, draw, random_signs};
use crate::params::Block;
use crate::reparam::MapKind;
use nalgebra::DMatrix;

pub(in super::super) const FAMILY: Family = Family {
    measures: &[Measure::new(
        "sharpness.relative_flatness",
        "sum over pairs of rows of the last layer's weights of their inner product times the trace of their block of the Hessian",
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
    .full()],
    measure,
};

fn measure(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let block = layer(&subject)?;
    let (rows, columns) = (block.shape[0], block.shape[1]);
    let weights = DMatrix::from_row_slice(rows, columns, &session.values()?[block.range()]);
    let mut rng = subject.streams.stream(name, subject.step);
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let options = ProbeOptions {
        budget: subject.budget,
        ..ProbeOptions::default()
    };
    let of_layer = Subject {
        block: Some(&block.name),
        ..subject
    };
    let estimate = with_operator(&of_layer, Matrix::Hessian, |operator| {
        draw(&mut spending, options, 1, 0.0, |spending| {
            spending.spend()?;
            let signs =
                DMatrix::from_vec(columns, columns, random_signs(columns * columns, &mut rng));
            // Column by column in memory; the transpose gives the rows one after another.
            let direction = (&weights * signs).transpose();
            let product = operator.apply(direction.as_slice())?;
            Ok(dot(direction.as_slice(), &product))
        })
    })?;
    Ok(Measurement {
        converged: Some(estimate.converged),
        matvecs: Some(estimate.matvecs),
        ..Measurement::new(name, estimate.value)
            .with_stderr(estimate.standard_error)
            .over(subject.train.samples())
    })
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
        Failure::Other(
            "relative flatness is defined for a layer with a matrix of weights".to_owned(),
        )
    })
}

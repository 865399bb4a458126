//! The balance of neighbouring layers. With `z = W₊ σ(W x + b)`, gradient flow conserves `W₊ᵀW₊ − WWᵀ − bbᵀ` where `σ` is
//! the identity, and the diagonal of it where `σ` is ReLU (Du, Hu & Lee 2018, theorem 2.1 and corollary 2.1), because
//! both sides have the same derivative, twice the product of the units with their slopes.

use crate::linear::norm;
use crate::measure::failure::Failure;
use crate::measure::layers::{Layer, dense_stack};
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::model::Activation;
use nalgebra::DMatrix;

/// What is looked at of a matrix with a row and a column for every hidden unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    All,
    /// Its diagonal.
    Diagonal,
}

/// Both sides of the balance of one hidden layer.
struct Sides {
    outgoing: DMatrix<f64>,
    incoming: DMatrix<f64>,
}

impl Sides {
    fn of([below, above]: [&Layer<'_>; 2], values: &[f64]) -> Self {
        let matrix = |layer: &Layer<'_>| {
            let entries = &values[layer.weight.range()];
            DMatrix::from_row_slice(layer.outputs(), layer.inputs(), entries)
        };
        let (below_weights, above_weights) = (matrix(below), matrix(above));
        let mut incoming = &below_weights * below_weights.transpose();
        if let Some(bias) = below.bias {
            let bias = DMatrix::from_column_slice(bias.len(), 1, &values[bias.range()]);
            incoming += &bias * bias.transpose();
        }
        Self {
            outgoing: above_weights.transpose() * above_weights,
            incoming,
        }
    }

    fn difference(&self) -> DMatrix<f64> {
        &self.outgoing - &self.incoming
    }

    /// What differences are relative to.
    fn size(&self, part: Part) -> f64 {
        part.norm(&self.outgoing) + part.norm(&self.incoming)
    }
}

impl Part {
    fn norm(self, matrix: &DMatrix<f64>) -> f64 {
        match self {
            Self::All => matrix.norm(),
            Self::Diagonal => norm(matrix.diagonal().as_slice()),
        }
    }
}

impl Session<'_> {
    /// The largest relative difference of both sides.
    pub(super) fn layer_balance(&mut self, name: &str, part: Part) -> Result<Measurement, Failure> {
        self.require_conserved(Part::Diagonal)?;
        let values = self.values()?;
        let sides = self.sides(&values)?;
        let ratios = sides
            .iter()
            .map(|sides| part.norm(&sides.difference()) / sides.size(part));
        largest(name, ratios)
    }

    /// The largest change of the difference of both sides since the start, relative to both sides now.
    pub(super) fn balance_drift(&mut self, name: &str, part: Part) -> Result<Measurement, Failure> {
        self.require_conserved(part)?;
        let values = self.values()?;
        let now = self.sides(&values)?;
        let then = self.sides(self.initial()?)?;
        let ratios = now
            .iter()
            .zip(&then)
            .map(|(now, then)| part.norm(&(now.difference() - then.difference())) / now.size(part));
        largest(name, ratios)
    }

    fn sides(&self, values: &[f64]) -> Result<Vec<Sides>, Failure> {
        let stack = dense_stack(self.subject.objective.network())?;
        let pairs = stack.windows(2).map(|pair| [&pair[0], &pair[1]]);
        Ok(pairs.map(|pair| Sides::of(pair, values)).collect())
    }

    /// Refuses where gradient flow does not conserve so much.
    fn require_conserved(&self, part: Part) -> Result<(), Failure> {
        let network = self.subject.objective.network();
        if dense_stack(network)?.len() < 2 {
            return Err(Failure::not_defined("the network has no hidden layer"));
        }
        match (network.hidden_activation(), part) {
            (Some(Activation::Linear), _) | (Some(Activation::Relu), Part::Diagonal) => Ok(()),
            (Some(Activation::Relu), Part::All) => Err(Failure::not_defined(
                "with relu gradient flow conserves no more than the diagonal: balance.units.drift",
            )),
            _ => Err(Failure::not_defined(
                "gradient flow conserves it where hidden units are linear or relu, which they are not here",
            )),
        }
    }
}

fn largest(name: &str, ratios: impl Iterator<Item = f64>) -> Result<Measurement, Failure> {
    let ratio = crate::extremes::largest(ratios);
    match ratio.is_nan() {
        true => Err(Failure::not_defined(
            "all weights of two neighbouring layers are 0",
        )),
        false => Ok(Measurement::exact(name, ratio)),
    }
}

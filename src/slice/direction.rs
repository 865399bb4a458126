//! Directions in the space of the parameters.

use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{
    Interrupt, LanczosOptions, LinearError, LinearOperator, dot, lanczos, norm, random_normal,
    scale,
};
use crate::objective::{Chunks, Objective};
use crate::params::{Layout, Parameters};
use crate::random::Streams;
use serde::Serialize;

words! {
    /// A kind of direction (`lab slice --directions`).
    Kind {
        /// Random normal numbers, filter-normalised (Li et al. 2018).
        #[default]
        Random = "random",
        /// Eigenvectors of the Hessian of the largest eigenvalues, of norm 1.
        Eigenvector = "eigenvector",
        /// The gradient of the loss, of norm 1.
        Gradient = "gradient",
        /// Principal directions of the way that training went, of norm 1.
        Trajectory = "trajectory",
        /// From one solution to another.
        Interpolation = "interpolation",
    }
}

impl Kind {
    /// How long directions of the kind are.
    pub(super) fn scaling(self) -> &'static str {
        match self {
            Self::Random => {
                "filter-normalised: each row of a weight (a unit's or a channel's incoming weights) as long as the \
                 solution's; biases and the weights of normalisation layers do not move"
            }
            Self::Eigenvector | Self::Gradient | Self::Trajectory => "norm 1",
            Self::Interpolation => "from the first solution, at 0, to the second, at 1",
        }
    }
}

/// An eigenvalue with its error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Eigenvalue {
    /// The Rayleigh quotient of the direction.
    pub value: f64,
    /// Some eigenvalue lies within this of it.
    pub residual: f64,
    /// Whether the residual is below the search's tolerance.
    pub converged: bool,
    /// Matrix-vector products of the search.
    pub matvecs: usize,
}

/// A direction of a slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Direction {
    /// Its kind.
    pub kind: Kind,
    /// Which of its kind, from 1.
    pub number: usize,
    /// The vector.
    pub vector: Vec<f64>,
    /// The eigenvalue that belongs to it.
    pub eigenvalue: Option<Eigenvalue>,
    /// The share of the variation of the way that lies along it.
    pub share: Option<f64>,
}

impl Direction {
    /// A direction about which nothing more is known.
    pub fn new(kind: Kind, number: usize, vector: Vec<f64>) -> Self {
        Self {
            kind,
            number,
            vector,
            eigenvalue: None,
            share: None,
        }
    }

    /// What an axis along it is called.
    pub fn label(&self) -> String {
        match self.kind {
            Kind::Random => format!("random direction {}", self.number),
            Kind::Eigenvector => format!("eigenvector {}", self.number),
            Kind::Gradient => "gradient".to_owned(),
            Kind::Trajectory => format!("principal direction {} of the trajectory", self.number),
            Kind::Interpolation => "from the first solution (0) to the second (1)".to_owned(),
        }
    }
}

/// A direction of standard normal numbers, filter-normalised at `centre`: each row of a weight is as long as the centre's
/// (Li, Xu, Taylor, Studer & Goldstein 2018, "Visualizing the loss landscape of neural nets", sec. 4). A filter is the slice
/// of a block at one place of its first axis: a channel's kernels, a unit's incoming weights. Blocks with one axis, which
/// are biases and the weights of normalisation layers, do not move, as in the authors' program.
pub fn random(layout: &Layout, centre: &[f64], streams: Streams, number: usize) -> Direction {
    let mut rng = streams.stream("slice.random", number as u64);
    let mut vector = random_normal(centre.len(), &mut rng);
    for block in layout.blocks() {
        let range = block.range();
        if block.shape.len() < 2 || block.is_empty() {
            vector[range].fill(0.0);
            continue;
        }
        let filter = block.len() / block.shape[0];
        let rows = vector[range.clone()].chunks_mut(filter);
        for (row, of_centre) in rows.zip(centre[range].chunks(filter)) {
            scale(norm(of_centre) / norm(row), row);
        }
    }
    Direction::new(Kind::Random, number, vector)
}

/// What derivatives at a point are taken of.
#[derive(Clone, Copy)]
pub struct Point<'a> {
    /// The network and its loss.
    pub objective: &'a Objective,
    /// Where.
    pub parameters: &'a Parameters,
    /// Over which samples.
    pub data: &'a Chunks,
    /// The user's wish to stop.
    pub interrupt: Interrupt<'a>,
}

impl<'a> Point<'a> {
    /// The Hessian there.
    pub fn hessian(&self) -> CurvatureOperator<'a> {
        CurvatureOperator::new(
            Matrix::Hessian,
            self.objective,
            self.parameters,
            self.data,
            self.interrupt,
        )
    }

    /// The gradient, of norm 1.
    ///
    /// # Errors
    ///
    /// [`LinearError`], also where the gradient is zero.
    pub fn gradient(&self) -> Result<Direction, LinearError> {
        let mut vector = self.hessian().gradient()?;
        let length = norm(&vector);
        if length == 0.0 {
            let reason = "the gradient is exactly zero, so it has no direction";
            return Err(LinearError::Refused(reason.to_owned()));
        }
        scale(1.0 / length, &mut vector);
        Ok(Direction::new(Kind::Gradient, 1, vector))
    }

    /// The eigenvectors of the `count` largest eigenvalues of the Hessian, by a Lanczos process, each with the sign that
    /// makes its largest number positive.
    ///
    /// # Errors
    ///
    /// [`LinearError`], also where there are fewer.
    pub fn eigenvectors(
        &self,
        count: usize,
        streams: Streams,
    ) -> Result<Vec<Direction>, LinearError> {
        let mut operator = self.hessian();
        let mut rng = streams.stream("slice.eigenvector", 0);
        let options = LanczosOptions {
            largest: count,
            ..LanczosOptions::default()
        };
        let found = lanczos(&mut operator, None, &mut rng, options, self.interrupt)?;
        if found.largest.len() < count {
            let reason = format!("the Hessian has fewer than {count} eigenvalues");
            return Err(LinearError::Refused(reason));
        }
        let directions = (1..).zip(found.largest).map(|(number, mut pair)| {
            let largest = pair
                .vector
                .iter()
                .copied()
                .max_by(|a, b| a.abs().total_cmp(&b.abs()));
            scale(largest.unwrap_or(1.0).signum(), &mut pair.vector);
            Direction {
                eigenvalue: Some(Eigenvalue {
                    value: pair.value,
                    residual: pair.residual * pair.scale,
                    converged: pair.converged,
                    matvecs: found.matvecs,
                }),
                ..Direction::new(Kind::Eigenvector, number, pair.vector)
            }
        });
        Ok(directions.collect())
    }

    /// The loss to second order along some directions.
    ///
    /// # Errors
    ///
    /// [`LinearError`].
    pub fn quadratic(
        &self,
        loss: f64,
        directions: &[Direction],
    ) -> Result<super::Quadratic, LinearError> {
        let mut operator = self.hessian();
        let gradient = operator.gradient()?;
        let slopes = directions
            .iter()
            .map(|direction| dot(&gradient, &direction.vector));
        let slopes = slopes.collect();
        let products: Vec<Vec<f64>> = directions
            .iter()
            .map(|direction| operator.apply(&direction.vector))
            .collect::<Result<_, _>>()?;
        let curvatures = directions.iter().enumerate().map(|(row, left)| {
            let entries = products.iter().enumerate().map(|(column, product)| {
                match left.eigenvalue.filter(|_| row == column) {
                    Some(eigenvalue) => eigenvalue.value,
                    None => dot(&left.vector, product),
                }
            });
            entries.collect()
        });
        Ok(super::Quadratic {
            loss,
            slopes,
            curvatures: curvatures.collect(),
            eigenvalues: directions
                .iter()
                .map(|direction| direction.eigenvalue)
                .collect(),
        })
    }
}

//! The sharpness of Keskar et al.: the largest rise of the loss in a small box.
//!
//! `φ = 100 · (max_{y ∈ C_ε} f(x + Ay) − f(x)) / (1 + f(x))` with
//! `C_ε = {y : |y_i| ≤ ε (|(A⁺x)_i| + 1)}` (Keskar et al. 2017, "On large-batch training for deep
//! learning: generalization gap and sharp minima", metric 2.1, eq. 3 and 4). In the full space `A` is the
//! identity; in a random subspace it has 100 columns. The paper leaves their distribution open; here
//! the columns are independent, uniform on the unit sphere (normal numbers, divided by their norm),
//! so that a unit of `y` is a unit of distance in parameters.
//!
//! The paper searches for the maximum with ten quasi-Newton iterations from the centre. At a minimum
//! the centre has no slope, and what the ten find elsewhere is often far from the largest value; here
//! ascents set out from the centre and from 7 to 23 random points, until several agree. What is found
//! is a lower bound on the maximum; the spread over the ascents says how rugged the box is.

use super::ball::Ball;
use super::chart::{Chart, Charted};
use super::highest::highest;
use super::landscape::Landscape;
use crate::linear::{Spending, dot, norm, random_normal};
use crate::measure::declaration::{Family, Measure, RoundingLaw, Take};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::measure::subject::Subject;
use crate::objective::Outputs;
use crate::random::StreamRng;
use crate::reparam::MapKind;
use nalgebra::{DMatrix, DVector};
use std::rc::Rc;

const SOURCE: &str = "Keskar et al. 2017, eq. 3 and 4";

pub(in crate::measure) const FAMILY: Family = &[
    in_box(
        "sharpness.keskar.full",
        "largest rise of the training loss with |change of x_i| <= 1e-3 (|x_i| + 1), in % of 1 + loss: the best of 8 to 24 ascents, so a lower bound",
        |session, name| Ok(search(session, FULL)?.largest(name)),
    )
    .invariant(&[MapKind::Permutation])
    .full(),
    in_box(
        "sharpness.keskar.full.spread",
        "largest minus smallest result of the ascents of sharpness.keskar.full",
        |session, name| Ok(search(session, FULL)?.spread(name)),
    )
    .invariant(&[]),
    in_box(
        "sharpness.keskar.full.5e-4",
        "sharpness.keskar.full with 5e-4 for 1e-3",
        |session, name| Ok(search(session, FULL_HALF)?.largest(name)),
    )
    .invariant(&[MapKind::Permutation]),
    in_box(
        "sharpness.keskar.full.5e-4.spread",
        "largest minus smallest result of its ascents",
        |session, name| Ok(search(session, FULL_HALF)?.spread(name)),
    )
    .invariant(&[]),
    in_box(
        "sharpness.keskar.subspace",
        "the same as sharpness.keskar.full in a random subspace of dimension 100",
        |session, name| Ok(search(session, SUBSPACE)?.largest(name)),
    )
    .invariant(&[])
    .full(),
    in_box(
        "sharpness.keskar.subspace.spread",
        "largest minus smallest result of the ascents of sharpness.keskar.subspace",
        |session, name| Ok(search(session, SUBSPACE)?.spread(name)),
    )
    .invariant(&[]),
    in_box(
        "sharpness.keskar.subspace.5e-4",
        "sharpness.keskar.subspace with 5e-4 for 1e-3",
        |session, name| Ok(search(session, SUBSPACE_HALF)?.largest(name)),
    )
    .invariant(&[]),
    in_box(
        "sharpness.keskar.subspace.5e-4.spread",
        "largest minus smallest result of its ascents",
        |session, name| Ok(search(session, SUBSPACE_HALF)?.spread(name)),
    )
    .invariant(&[]),
];

const fn in_box(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .from(SOURCE)
        .of_flatness()
        .of_block()
        .rounded(RoundingLaw::Rise {
            is_percent: true,
            is_normalised: false,
        })
}

/// A box, in the whole space or in a random subspace.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeskarBox {
    /// The measure's name, and that of what is drawn for the space: both boxes are searched in the same
    /// subspace, from starts in proportion.
    name: &'static str,
    stream: &'static str,
    /// `ε`.
    epsilon: f64,
    is_subspace: bool,
}

pub(super) const FULL: KeskarBox = KeskarBox {
    name: "sharpness.keskar.full",
    stream: "sharpness.keskar.full",
    epsilon: 1e-3,
    is_subspace: false,
};

pub(super) const FULL_HALF: KeskarBox = KeskarBox {
    name: "sharpness.keskar.full.5e-4",
    epsilon: 5e-4,
    ..FULL
};

pub(super) const SUBSPACE: KeskarBox = KeskarBox {
    name: "sharpness.keskar.subspace",
    stream: "sharpness.keskar.subspace",
    epsilon: 1e-3,
    is_subspace: true,
};

pub(super) const SUBSPACE_HALF: KeskarBox = KeskarBox {
    name: "sharpness.keskar.subspace.5e-4",
    epsilon: 5e-4,
    ..SUBSPACE
};

/// What a search in a box has found.
struct Found {
    largest: Measurement,
    spread: f64,
    samples: usize,
}

impl Found {
    fn largest(&self, _: &str) -> Measurement {
        self.largest.clone()
    }

    /// It is what it says of these ascents; of others it would be another.
    fn spread(&self, name: &str) -> Measurement {
        Measurement::exact(name, self.spread).over(self.samples)
    }
}

/// The dimension of the random subspace.
const DIMENSION: usize = 100;

/// The most numbers a basis of the subspace may hold: 2 GiB.
const LARGEST_BASIS: usize = 1 << 28;

/// The sharpness and the spread over its starts, found once.
fn search(session: &mut Session<'_>, of: KeskarBox) -> Result<Rc<Found>, Failure> {
    session.once(of.name, |session| {
        let subject = session.subject;
        let landscape = Landscape::of(&subject, Outputs::Raw)?;
        let (chart, mut rng) = chart(&subject, &landscape, of)?;
        let mut spending = Spending::new(subject.budget, subject.interrupt);
        let dimension = chart.coordinates(landscape.dimension());
        let mut charted = Charted {
            landscape: &landscape,
            chart: &chart,
            spending: &mut spending,
            rng: &mut rng,
        };
        let found = highest(&mut charted, Ball::Cube, dimension)?;
        let percent = |value: f64| 100.0 * value / (1.0 + landscape.base());
        let value = percent(landscape.resolved(found.best.value)?);
        let samples = landscape.samples();
        Ok(Found {
            largest: found.row(of.name, value, spending.matvecs).over(samples),
            spread: percent(found.spread()),
            samples,
        })
    })
}

/// The coordinates of a box, and the stream that its starts are drawn from.
pub(super) fn chart(
    subject: &Subject<'_>,
    landscape: &Landscape<'_>,
    of: KeskarBox,
) -> Result<(Chart, StreamRng), Failure> {
    let mut rng = subject.stream(of.stream);
    let chart = match of.is_subspace {
        true => subspace(landscape.centre(), of.epsilon, &mut rng)?,
        false => Chart::Scaled(widths(landscape.centre(), of.epsilon)),
    };
    Ok((chart, rng))
}

/// Half the widths of the box around coordinates `x`: `ε (|x_i| + 1)`.
fn widths(coordinates: &[f64], epsilon: f64) -> Vec<f64> {
    coordinates
        .iter()
        .map(|x| epsilon * (x.abs() + 1.0))
        .collect()
}

/// A chart of the box in a random subspace.
fn subspace(centre: &[f64], epsilon: f64, rng: &mut StreamRng) -> Result<Chart, Failure> {
    let length = centre.len();
    if length <= DIMENSION {
        return Err(Failure::not_defined(format!(
            "there are {length} parameters, and a subspace of dimension {DIMENSION} needs more: use \
             sharpness.keskar.full"
        )));
    }
    if length * DIMENSION > LARGEST_BASIS {
        return Err(Failure::not_defined(format!(
            "a basis of {DIMENSION} vectors of {length} parameters would not fit into 2 GiB"
        )));
    }
    let mut columns: Vec<Vec<f64>> = (0..DIMENSION).map(|_| direction(length, rng)).collect();
    let widths = widths(&least_squares(&columns, centre)?, epsilon);
    for (column, width) in columns.iter_mut().zip(widths) {
        column.iter_mut().for_each(|entry| *entry *= width);
    }
    Ok(Chart::Span(columns))
}

/// A direction, uniform on the unit sphere.
fn direction(length: usize, rng: &mut StreamRng) -> Vec<f64> {
    let mut vector = random_normal(length, rng);
    let size = norm(&vector);
    vector.iter_mut().for_each(|entry| *entry /= size);
    vector
}

/// `A⁺x` from the normal equations: random columns, fewer than half as many as rows in any network
/// of use, are far from dependent, so nothing is lost by squaring their condition number.
fn least_squares(columns: &[Vec<f64>], vector: &[f64]) -> Result<Vec<f64>, Failure> {
    let count = columns.len();
    let gram = DMatrix::from_fn(count, count, |i, j| match i >= j {
        true => dot(&columns[i], &columns[j]),
        false => 0.0,
    });
    let products = DVector::from_iterator(count, columns.iter().map(|column| dot(column, vector)));
    // Only the lower triangle is read.
    let factors = gram
        .cholesky()
        .ok_or_else(|| Failure::not_found("the random columns are dependent"))?;
    Ok(factors.solve(&products).iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use rand::RngExt;

    #[test]
    fn a_subspace_has_unit_directions_times_the_widths_of_the_box() {
        let mut rng = Streams::new(5).stream("centre", 0);
        let centre: Vec<f64> = (0..300).map(|_| rng.random_range(-9.0..9.0)).collect();
        let stream = || Streams::new(5).stream("subspace", 0);
        let Ok(Chart::Span(columns)) = subspace(&centre, 1e-3, &mut stream()) else {
            panic!("a subspace of 300 parameters");
        };
        // The pseudo-inverse, independently, by singular values.
        let mut rng = stream();
        let basis = DMatrix::from_columns(
            &(0..100)
                .map(|_| DVector::from_vec(direction(300, &mut rng)))
                .collect::<Vec<_>>(),
        );
        let inverse = basis.clone().pseudo_inverse(1e-12).unwrap();
        let coordinates = inverse * DVector::from_column_slice(&centre);
        for (j, column) in columns.iter().enumerate() {
            let width = 1e-3 * (coordinates[j].abs() + 1.0);
            assert!((norm(column) / width - 1.0).abs() < 1e-9);
            assert!((column[7] - width * basis[(7, j)]).abs() < 1e-12);
        }
    }
}

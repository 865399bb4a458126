//! The way that training went, and the plane that holds most of it.

use super::direction::{Direction, Kind};
use crate::linear::{axpy, dot, norm, scale};
use nalgebra::{DMatrix, SymmetricEigen};

/// Directions of which less than this share of the variation is left are rounding.
const ROUNDING: f64 = 1e-12;

/// The differences of the earlier points of a way from its end.
#[derive(Clone, Debug)]
pub struct Way {
    differences: Vec<Vec<f64>>,
}

impl Way {
    /// The way through some points to an end.
    pub fn new(points: &[Vec<f64>], end: &[f64]) -> Self {
        let difference = |point: &Vec<f64>| point.iter().zip(end).map(|(a, b)| a - b).collect();
        Self {
            differences: points.iter().map(difference).collect(),
        }
    }

    /// The directions, of norm 1, of a plane through the end to which the points are nearest in the mean of squares: the
    /// leading right singular vectors of the matrix `[θ₀ − θₙ; …; θₙ₋₁ − θₙ]` (Li et al. 2018, "Visualizing the loss
    /// landscape of neural nets", sec. 7.2, without taking off the mean, so that the plane goes through the end). Each has
    /// the sign by which the first point lies on its positive side. Fewer where the points span no more.
    pub fn principal(&self, count: usize) -> Vec<Direction> {
        let points = self.differences.len();
        let products = DMatrix::from_fn(points, points, |i, j| {
            dot(&self.differences[i], &self.differences[j])
        });
        let total = products.trace();
        let eigen = SymmetricEigen::new(products);
        let mut order: Vec<usize> = (0..points).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let known = order
            .into_iter()
            .filter(|place| eigen.eigenvalues[*place] > ROUNDING * total);
        let directions = (1..).zip(known.take(count)).map(|(number, place)| {
            let weights = eigen.eigenvectors.column(place);
            let mut vector = vec![0.0; self.differences[0].len()];
            for (weight, difference) in weights.iter().zip(&self.differences) {
                axpy(*weight, difference, &mut vector);
            }
            let side = dot(&vector, &self.differences[0]).signum();
            scale(side / norm(&vector), &mut vector);
            Direction {
                share: Some(eigen.eigenvalues[place] / total),
                ..Direction::new(Kind::Trajectory, number, vector)
            }
        });
        directions.collect()
    }

    /// Where each point lies along orthonormal directions, and how far from the plane that they span.
    pub fn places(&self, directions: &[Direction]) -> Vec<(Vec<f64>, f64)> {
        let place = |difference: &Vec<f64>| {
            let mut rest = difference.clone();
            let coordinates: Vec<f64> = directions
                .iter()
                .map(|direction| {
                    let along = dot(&direction.vector, difference);
                    axpy(-along, &direction.vector, &mut rest);
                    along
                })
                .collect();
            (coordinates, norm(&rest))
        };
        self.differences.iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_in_a_plane_is_all_of_its_first_two_directions() {
        // A quarter of an ellipse with half axes 4 and 1 in a skew plane of four dimensions, which ends at (1, 2, 3, 4).
        let (u, v) = ([0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5]);
        let end = [1.0, 2.0, 3.0, 4.0];
        let points: Vec<Vec<f64>> = (1..8)
            .map(|k| {
                let angle = 0.2 * f64::from(k);
                let (a, b) = (4.0 * (1.0 - angle.cos()), angle.sin());
                (0..4).map(|i| end[i] + a * u[i] + b * v[i]).collect()
            })
            .collect();
        let way = Way::new(&points, &end);
        let directions = way.principal(3);
        assert_eq!(directions.len(), 2);
        let shares: f64 = directions
            .iter()
            .filter_map(|direction| direction.share)
            .sum();
        assert!((shares - 1.0).abs() < 1e-12);
        assert!(dot(&directions[0].vector, &directions[1].vector).abs() < 1e-12);
        for (place, point) in way.places(&directions).iter().zip(&points) {
            let length = norm(
                &point
                    .iter()
                    .zip(&end)
                    .map(|(a, b)| a - b)
                    .collect::<Vec<_>>(),
            );
            let found = norm(&place.0);
            assert!((found - length).abs() < 1e-12 && place.1 < 1e-12);
        }
        // Seen along one direction only, the rest of each point is its distance from the line.
        let line = way.places(&directions[..1]);
        assert!(line.iter().any(|(_, outside)| *outside > 0.1));
    }

    #[test]
    fn a_way_of_one_point_has_one_direction_and_one_that_did_not_move_has_none() {
        let way = Way::new(&[vec![3.0, 0.0]], &[1.0, 0.0]);
        let directions = way.principal(2);
        assert_eq!(directions.len(), 1);
        assert_eq!(directions[0].vector, [1.0, 0.0]);
        assert!(
            Way::new(&[vec![1.0, 0.0]], &[1.0, 0.0])
                .principal(2)
                .is_empty()
        );
    }
}

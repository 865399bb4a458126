//! The largest value of a function in the cube `|u_i| ≤ 1`, by a projected quasi-Newton method.

use super::ball::{Ball, LocalMaximum};
use super::chart::Maximand;
use crate::extremes::largest_size;
use crate::linear::{axpy, dot, norm};
use crate::measure::failure::Failure;

/// Pairs of steps and changes of slope that are remembered.
const MEMORY: usize = 10;

/// A trial step is taken if it gains this share of what the slopes promise (Armijo).
const SUFFICIENT: f64 = 1e-4;

/// A trial step that gains this share of what the slopes promise stopped too soon: along it the
/// function is no more concave than a line.
const TOO_SHORT: f64 = 0.75;

/// Trials of a line search.
const TRIALS: usize = 12;

/// Climbs from a point of the cube, for at most `iterations` steps along directions of the
/// limited-memory quasi-Newton method in the coordinates that are free to move, each projected onto
/// the cube (Bertsekas 1982, "Projected Newton methods"; Liu & Nocedal 1989; the same model of the
/// function as L-BFGS-B).
///
/// Where the function is convex along a step no quadratic model has a maximum; the step is then
/// lengthened until the cube ends it.
pub(super) fn climb_cube(
    maximand: &mut dyn Maximand,
    start: LocalMaximum,
    iterations: usize,
) -> Result<LocalMaximum, Failure> {
    let mut best = start;
    let mut model = Model::default();
    for _ in 0..iterations {
        if best.is_level() {
            break;
        }
        let direction = model.direction(&best.point, &best.slopes);
        let first = match model.is_empty() {
            // The steepest coordinate crosses half the cube.
            true => 1.0 / largest_size(direction.iter().copied()),
            false => 1.0,
        };
        let Some(point) = search(maximand, &best, &direction, first)? else {
            if model.is_empty() {
                break;
            }
            model = Model::default();
            continue;
        };
        // A value without a gradient is a place from which nothing leads on.
        let Some(next) = LocalMaximum::at(maximand, Ball::Cube, point)? else {
            break;
        };
        model.learn(&best, &next);
        best = next;
    }
    Ok(best)
}

/// The point of the cube next to `from + length · direction`.
fn projected(from: &[f64], length: f64, direction: &[f64]) -> Vec<f64> {
    from.iter()
        .zip(direction)
        .map(|(u, d)| (u + length * d).clamp(-1.0, 1.0))
        .collect()
}

/// A point along the projected direction that gains enough, if there is one.
fn search(
    maximand: &mut dyn Maximand,
    from: &LocalMaximum,
    direction: &[f64],
    first: f64,
) -> Result<Option<Vec<f64>>, Failure> {
    let mut length = first;
    let mut found: Option<(f64, Vec<f64>)> = None;
    for _ in 0..TRIALS {
        let point = projected(&from.point, length, direction);
        let step: Vec<f64> = point.iter().zip(&from.point).map(|(a, b)| a - b).collect();
        let promise = dot(&from.slopes, &step);
        // One for the value here, one for the gradient where the search ends.
        if !maximand.allows(2) {
            break;
        }
        let value = maximand.value(&point)?;
        let gain = value - from.value;
        // What is not finite gains nothing.
        let gains_enough = value.is_finite() && promise > 0.0 && gain >= SUFFICIENT * promise;
        match &found {
            Some((best, _)) if !value.is_finite() || value <= *best => break,
            None if !gains_enough => {
                length /= 4.0;
                continue;
            }
            _ => {}
        }
        let is_corner = point
            .iter()
            .zip(direction)
            .all(|(u, d)| *d == 0.0 || u.abs() == 1.0);
        let was_shortened = length < first;
        found = Some((value, point));
        if is_corner || was_shortened || gain < TOO_SHORT * promise {
            break;
        }
        length *= 4.0;
    }
    Ok(found.map(|(_, point)| point))
}

/// What is known of the curvature: steps `s` and how much the slopes fell along them, `y`.
#[derive(Default)]
struct Model {
    pairs: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Model {
    fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Remembers a step if the function is concave along it; the others have no place in a model
    /// that has a maximum.
    fn learn(&mut self, from: &LocalMaximum, to: &LocalMaximum) {
        let difference = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
        let step: Vec<f64> = difference(&to.point, &from.point);
        let fall: Vec<f64> = difference(&from.slopes, &to.slopes);
        if is_concave(dot(&step, &fall), &step, &fall) {
            self.pairs.push((step, fall));
            if self.pairs.len() > MEMORY {
                self.pairs.remove(0);
            }
        }
    }

    /// The quasi-Newton direction in the coordinates that are free to move: those not held at a
    /// face of the cube by their slope.
    fn direction(&self, point: &[f64], slopes: &[f64]) -> Vec<f64> {
        let free: Vec<f64> = point
            .iter()
            .zip(slopes)
            .map(|(u, g)| f64::from(u8::from(u.abs() < 1.0 || u * g < 0.0)))
            .collect();
        let steepest = masked(slopes, &free);
        let direction = self.two_loops(&steepest, &free);
        if dot(&direction, &steepest) > 0.0 {
            direction
        } else {
            steepest
        }
    }

    /// The product of the inverse curvature with a vector (Nocedal 1980), among free coordinates.
    fn two_loops(&self, vector: &[f64], free: &[f64]) -> Vec<f64> {
        let pairs: Vec<_> = self
            .pairs
            .iter()
            .map(|(step, fall)| (masked(step, free), masked(fall, free)))
            .map(|(step, fall)| (dot(&step, &fall), step, fall))
            .filter(|(product, step, fall)| is_concave(*product, step, fall))
            .collect();
        let mut result = vector.to_vec();
        let mut shares = Vec::with_capacity(pairs.len());
        for (product, step, fall) in pairs.iter().rev() {
            let share = dot(step, &result) / product;
            axpy(-share, fall, &mut result);
            shares.push(share);
        }
        if let Some((product, _, fall)) = pairs.last() {
            let size = product / dot(fall, fall);
            result.iter_mut().for_each(|value| *value *= size);
        }
        for ((product, step, fall), share) in pairs.iter().zip(shares.into_iter().rev()) {
            let correction = share - dot(fall, &result) / product;
            axpy(correction, step, &mut result);
        }
        result
    }
}

/// Whether slopes fell along a step by more than rounding.
fn is_concave(product: f64, step: &[f64], fall: &[f64]) -> bool {
    product > 1e-10 * norm(step) * norm(fall)
}

fn masked(vector: &[f64], mask: &[f64]) -> Vec<f64> {
    vector.iter().zip(mask).map(|(x, m)| x * m).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::maximands::Parabola;
    use super::*;

    fn climb(maximand: &mut Parabola, start: Vec<f64>, iterations: usize) -> LocalMaximum {
        let start = LocalMaximum::at(maximand, Ball::Cube, start)
            .unwrap()
            .unwrap();
        climb_cube(maximand, start, iterations).unwrap()
    }

    #[test]
    fn a_concave_function_is_climbed_to_its_top_inside_or_on_a_face() {
        for (shift, name) in [(-0.1, "inside"), (-5.0, "on a face")] {
            for seed in 0..5 {
                let mut maximand = Parabola::random(6, seed, shift);
                let found = climb(&mut maximand, vec![0.0; 6], 200);
                // Coordinate ascent, exact in each coordinate, converges for concave functions.
                let mut point = vec![0.0; 6];
                for _ in 0..20_000 {
                    for i in 0..6 {
                        let curvature = maximand.matrix[7 * i];
                        let step = maximand.gradient(&point)[i] / -curvature;
                        point[i] = (point[i] + step).clamp(-1.0, 1.0);
                    }
                }
                let expected = maximand.at(&point);
                assert!(found.value <= expected * (1.0 + 1e-9));
                assert!(found.is_level(), "{name} {seed}: {}", found.promise);
                assert!(
                    found.value >= expected * 0.99,
                    "{name} {seed}: {}",
                    found.value
                );
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_never_a_maximum() {
        let mut maximand = Parabola {
            radius: 1.0,
            ..Parabola::random(4, 0, 1.0)
        };
        let found = climb(&mut maximand, vec![0.0; 4], 10);
        assert!(found.value > 0.0 && norm(&found.point) <= 1.0);
    }

    #[test]
    fn where_nothing_rises_the_start_is_the_maximum() {
        let mut flat = Parabola::new(vec![0.0; 3], vec![0.0; 9]);
        let found = climb(&mut flat, vec![0.5; 3], 10);
        assert_eq!((found.value, found.promise), (0.0, 0.0));
        assert_eq!(found.point, [0.5; 3]);
    }
}

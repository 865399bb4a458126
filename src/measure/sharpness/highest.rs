//! The largest value of a function in a unit ball, by ascents from several starts.

use super::ball::{Ball, LocalMaximum};
use super::chart::Maximand;
use super::climb::climb;
use crate::linear::dot;
use crate::measure::failure::Failure;
use crate::measure::measurement::{Bound, Measurement};

/// Independent ascents, at least: one from the centre, the others from random points.
const FEWEST: usize = 8;

/// Where random starts lie, in turn.
///
/// No kind is the best everywhere. Of eight ascents of a perceptron's loss in a cube, five from near
/// the centre came to the highest point that was known and none by way of curvature; of four of a
/// transformer's, one and three, while the others stayed at an eighth of the height. In the plane and
/// in ten dimensions, starts on the boundary are needed too.
const STARTS: [Start; 4] = [
    Start::Near(0.05),
    Start::Boundary,
    Start::Curved,
    Start::Near(0.05),
];

/// How a start is made of a random direction.
#[derive(Clone, Copy)]
enum Start {
    /// Along it, at this distance from the centre. The first step is then led by the slopes of the
    /// centre as well.
    Near(f64),
    /// Along it, on the boundary.
    Boundary,
    /// On the boundary, along the change of slopes between its two ends, to which directions in which
    /// the function curves most contribute most.
    Curved,
}

impl Start {
    fn draw(self, maximand: &mut dyn Maximand, ball: Ball) -> Result<Vec<f64>, Failure> {
        let edge = ball.farthest(&maximand.random_slopes()?);
        let times = |share: f64| -> Vec<f64> { edge.iter().map(|u| share * u).collect() };
        Ok(match self {
            Self::Near(share) => times(share),
            Self::Boundary => edge,
            Self::Curved => {
                let (_, ahead) = maximand.value_and_gradient(&edge)?;
                let (_, behind) = maximand.value_and_gradient(&times(-1.0))?;
                let change = ahead.iter().zip(&behind).map(|(a, b)| a - b);
                ball.farthest(&change.collect::<Vec<_>>())
            }
        })
    }
}

/// Independent ascents between two looks at what has been found.
const ROUND: usize = 4;

/// Independent ascents, at most.
const MOST: usize = 24;

/// So many independent ascents must come to the same height.
const AGREEING: usize = 4;

/// Heights less than this share of the highest apart are the same.
const SAME_HEIGHT: f64 = 0.01;

/// What a search has found.
#[derive(Clone, Debug)]
pub(super) struct Highest {
    /// The highest point.
    pub best: LocalMaximum,
    /// The heights that independent ascents came to, the largest first.
    pub heights: Vec<f64>,
    /// The number of starts, except those for tests of the best point.
    pub starts: usize,
}

/// Searches from the centre and from random points, until several independent ascents have come to
/// the height of the best point or their number is at its limit. An ascent from near the centre that
/// comes to the same point as that from the centre itself is not independent of it.
///
/// Between two rounds the best point is put to the test: an ascent sets out half-way between the two
/// highest maxima, where coordinates they do not share are undecided, one from the point opposite,
/// and one from beside it, which leads away if the point is a saddle. Such ascents can raise the best
/// point; they are not independent, so their agreement counts for nothing.
pub(super) fn highest(
    maximand: &mut dyn Maximand,
    ball: Ball,
    dimension: usize,
) -> Result<Highest, Failure> {
    let mut maxima = LocalMaxima::default();
    for number in 0..MOST {
        // A draw, a look to either side, and one at the start.
        if number > 0 && !maximand.allows(4) {
            break;
        }
        maxima.starts += 1;
        if number == 0 {
            maxima.add_centre(maximand, ball, dimension)?;
        } else {
            maxima.add_random(maximand, ball, STARTS[(number - 1) % STARTS.len()])?;
        }
        if maxima.starts >= FEWEST && maxima.starts.is_multiple_of(ROUND) {
            maxima.put_to_the_test(maximand, ball)?;
            if maxima.agree() {
                break;
            }
        }
    }
    maxima.into_highest()
}

impl Highest {
    /// How far the fourth of the independent ascents has stayed below the highest point, or what the
    /// slopes there still promise if that is more; relative to the value. With fewer ascents nothing
    /// is known.
    pub fn residual(&self) -> f64 {
        let disagreement = disagreement(self.best.value, &self.heights);
        if disagreement > self.best.promise {
            disagreement
        } else {
            self.best.promise
        }
    }

    /// Whether several independent ascents agree on a point from which no step leads up.
    pub fn has_converged(&self) -> bool {
        self.starts >= FEWEST
            && self.best.is_level()
            && disagreement(self.best.value, &self.heights) <= SAME_HEIGHT
    }

    /// The largest height that an independent ascent came to minus the smallest.
    pub fn spread(&self) -> f64 {
        let ends = self.heights.first().zip(self.heights.last());
        ends.map_or(0.0, |(largest, smallest)| largest - smallest)
    }

    /// The row of a measure that is the highest value, or a multiple of it.
    pub fn row(&self, name: &str, value: f64, passes: usize) -> Measurement {
        Measurement::new(name, value)
            .with_residual(self.residual(), self.has_converged(), passes)
            .bounding(Bound::Lower)
    }
}

fn disagreement(highest: f64, heights: &[f64]) -> f64 {
    match heights.get(AGREEING - 1) {
        Some(height) if highest == *height => 0.0,
        Some(height) => (highest - height) / highest.abs(),
        None => f64::INFINITY,
    }
}

/// What has been found so far.
#[derive(Default)]
struct LocalMaxima {
    /// The two highest maxima that are not the same point, or opposite ones; the higher first.
    two: Vec<LocalMaximum>,
    /// Where the ascent from the centre ended.
    of_centre: Option<Vec<f64>>,
    heights: Vec<f64>,
    starts: usize,
}

impl LocalMaxima {
    fn add_centre(
        &mut self,
        maximand: &mut dyn Maximand,
        ball: Ball,
        dimension: usize,
    ) -> Result<(), Failure> {
        if let Some(maximum) = ascent(maximand, ball, vec![0.0; dimension])? {
            self.heights.push(maximum.value);
            self.of_centre = Some(maximum.point.clone());
            self.keep(maximum);
        }
        Ok(())
    }

    fn add_random(
        &mut self,
        maximand: &mut dyn Maximand,
        ball: Ball,
        kind: Start,
    ) -> Result<(), Failure> {
        let start = kind.draw(maximand, ball)?;
        if let Some(maximum) = ascent(maximand, ball, start)? {
            let is_near = matches!(kind, Start::Near(_));
            let of_centre = self.of_centre.as_ref().filter(|_| is_near);
            if !of_centre.is_some_and(|centre| are_alike(centre, &maximum.point)) {
                self.heights.push(maximum.value);
            }
            self.keep(maximum);
        }
        Ok(())
    }

    /// Keeps the maximum of an ascent if it is among the two highest.
    fn add(
        &mut self,
        maximand: &mut dyn Maximand,
        ball: Ball,
        start: Vec<f64>,
    ) -> Result<(), Failure> {
        if let Some(maximum) = ascent(maximand, ball, start)? {
            self.keep(maximum);
        }
        Ok(())
    }

    fn keep(&mut self, maximum: LocalMaximum) {
        let mut known = self.two.iter_mut();
        match known.find(|known| are_alike(&known.point, &maximum.point)) {
            Some(known) if known.value >= maximum.value => {}
            Some(known) => *known = maximum,
            None => self.two.push(maximum),
        }
        // Stable, so that of equal ones the first stays first.
        self.two.sort_by(|a, b| b.value.total_cmp(&a.value));
        self.two.truncate(2);
    }

    fn put_to_the_test(&mut self, maximand: &mut dyn Maximand, ball: Ball) -> Result<(), Failure> {
        let between = match self.two.as_slice() {
            [first, second] => {
                // Near a minimum the function is as high at the opposite point.
                let side = if dot(&first.point, &second.point) < 0.0 {
                    -0.5
                } else {
                    0.5
                };
                let ends = first.point.iter().zip(&second.point);
                Some(ends.map(|(a, b)| 0.5 * a + side * b).collect())
            }
            _ => None,
        };
        if let Some(between) = between.filter(|_| maximand.allows(2)) {
            self.add(maximand, ball, between)?;
        }
        let opposite = self.best().map(|best| best.iter().map(|u| -u).collect());
        if let Some(opposite) = opposite.filter(|_| maximand.allows(2)) {
            self.add(maximand, ball, opposite)?;
        }
        if !maximand.allows(3) {
            return Ok(());
        }
        let aside = ball.farthest(&maximand.random_slopes()?);
        if let Some(best) = self.best() {
            let moved = best.iter().zip(&aside).map(|(u, a)| u + 0.5 * a);
            let beside = ball.onto(moved.collect());
            self.add(maximand, ball, beside)?;
        }
        Ok(())
    }

    fn best(&self) -> Option<&[f64]> {
        self.two.first().map(|best| best.point.as_slice())
    }

    /// Whether enough independent ascents have come to the height of the best point.
    fn agree(&mut self) -> bool {
        self.heights.sort_by(|a, b| b.total_cmp(a));
        let best = self.two.first();
        best.is_some_and(|best| disagreement(best.value, &self.heights) <= SAME_HEIGHT)
    }

    fn into_highest(mut self) -> Result<Highest, Failure> {
        self.heights.sort_by(|a, b| b.total_cmp(a));
        let (heights, starts) = (self.heights, self.starts);
        let best = self.two.into_iter().next();
        best.map(|best| Highest {
            best,
            heights,
            starts,
        })
        .ok_or_else(|| Failure::not_finite("the loss is not finite"))
    }
}

/// Whether two maxima are the same point, or opposite ones, up to a tenth of their distance from the
/// centre.
fn are_alike(one: &[f64], other: &[f64]) -> bool {
    let (own, across) = (dot(one, one), dot(one, other).abs());
    own + dot(other, other) - 2.0 * across <= 0.01 * own
}

/// An ascent from a point; none where the function is not finite there.
fn ascent(
    maximand: &mut dyn Maximand,
    ball: Ball,
    start: Vec<f64>,
) -> Result<Option<LocalMaximum>, Failure> {
    let start = LocalMaximum::at(maximand, ball, start)?;
    start.map(|start| climb(maximand, ball, start)).transpose()
}

#[cfg(test)]
mod tests {
    use super::super::tests::maximands::{Circle, Parabola};
    use super::*;

    fn on_sphere(maximand: &mut dyn Maximand, dimension: usize) -> Highest {
        highest(maximand, Ball::Euclidean, dimension).unwrap()
    }

    #[test]
    fn the_highest_corner_of_a_convex_function_is_found() {
        // There are as many local maxima as one likes, and no method is known that does not try most
        // corners; the highest one is found nearly always.
        let mut missed = 0;
        for dimension in [2, 5, 10] {
            for seed in 0..20 {
                let mut maximand = Parabola::random(dimension, seed, 1.0);
                let corners = (0..1u32 << dimension).map(|corner| {
                    let sign = |i: usize| if corner >> i & 1 == 1 { 1.0 } else { -1.0 };
                    maximand.at(&(0..dimension).map(sign).collect::<Vec<_>>())
                });
                let expected = corners.fold(f64::NEG_INFINITY, f64::max);
                let found = highest(&mut maximand, Ball::Cube, dimension).unwrap();
                let share = found.best.value / expected;
                assert!(
                    (0.85..1.0 + 1e-12).contains(&share),
                    "{dimension} {seed}: {share}"
                );
                missed += usize::from(share < 0.98);
                assert!(found.best.point.iter().all(|u| u.abs() == 1.0));
                assert!(found.best.promise < 1e-12);
            }
        }
        assert!(missed <= 6, "{missed} of 60");
    }

    #[test]
    fn a_saddle_point_of_the_function_on_the_sphere_is_no_end() {
        // The slope leads to the second axis, where no step leads up to first order; the first is
        // higher. On the sphere ½ (4 x² + 3 y²) + y/4 is largest at y = ¼: 2 + 1/32.
        let mut maximand = Parabola::diagonal(&[0.0, 0.25], &[4.0, 3.0]);
        let centre = LocalMaximum::at(&mut maximand, Ball::Euclidean, vec![0.0; 2]).unwrap();
        let alone = climb(&mut maximand, Ball::Euclidean, centre.unwrap()).unwrap();
        assert!(alone.promise < 1e-12 && (alone.value - 1.75).abs() < 1e-12);
        let found = on_sphere(&mut maximand, 2);
        assert!((found.best.value - 2.03125).abs() < 1e-4, "{found:?}");
        assert!(found.has_converged());
    }

    #[test]
    fn a_minimum_of_the_function_is_no_end_either() {
        let mut maximand = Parabola::diagonal(&[0.0; 3], &[1.0, 2.0, 5.0]);
        let found = on_sphere(&mut maximand, 3);
        assert!((found.best.value - 2.5).abs() < 2.5e-3 && found.has_converged());
        assert!(
            found.spread() > 2.0,
            "the ascent from the centre ends there"
        );
    }

    #[test]
    fn many_directions_of_nearly_equal_curvature_are_told_apart() {
        let diagonal: Vec<f64> = (0..60).map(|i| 3.0 - 0.01 * f64::from(i)).collect();
        let slopes: Vec<f64> = (0..60).map(|i| 1e-3 * f64::from(i % 7)).collect();
        let found = on_sphere(&mut Parabola::diagonal(&slopes, &diagonal), 60);
        assert!(found.best.value >= 0.98 * 1.5, "{}", found.best.value);
    }

    #[test]
    fn ascents_that_do_not_agree_have_not_converged() {
        // Steep and many: each start has a maximum of its own.
        let rugged = |angle: f64| {
            let height = 2.0 + (1.0 + 0.3 * angle.cos()) * (40.0 * angle).cos();
            let slope = -0.3 * angle.sin() * (40.0 * angle).cos()
                - 40.0 * (1.0 + 0.3 * angle.cos()) * (40.0 * angle).sin();
            (height, slope)
        };
        let found = on_sphere(&mut Circle::new(rugged), 2);
        assert!(found.best.value <= 3.3 + 1e-12);
        assert!(!found.has_converged() && found.residual() > SAME_HEIGHT);
        assert_eq!(found.starts, MOST);
        let smooth = on_sphere(
            &mut Circle::new(|angle| (2.0 + angle.cos(), -angle.sin())),
            2,
        );
        assert!(smooth.has_converged() && smooth.starts == FEWEST);
        assert!((smooth.best.value - 3.0).abs() < 3e-3);
    }

    #[test]
    fn a_budget_is_never_exceeded_and_ends_a_search_unconverged() {
        for budget in 1..25 {
            let mut maximand = Circle {
                left: budget,
                ..Circle::new(|angle| (2.0 + angle.cos(), -angle.sin()))
            };
            let found = on_sphere(&mut maximand, 2);
            assert!(found.starts < FEWEST && maximand.left < 4);
            assert!(!found.has_converged());
        }
    }

    #[test]
    fn what_is_not_finite_is_no_maximum() {
        let mut maximand = Parabola {
            radius: 0.9,
            ..Parabola::random(4, 0, 1.0)
        };
        let found = on_sphere(&mut maximand, 4);
        assert!(found.best.value.is_finite() && found.best.value > 0.0);
        let mut nowhere = Parabola {
            radius: -1.0,
            ..Parabola::random(4, 0, 1.0)
        };
        assert!(highest(&mut nowhere, Ball::Cube, 4).is_err());
    }
}

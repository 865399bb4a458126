//! A few units that stand for a population: how to draw and how to weigh them.

use crate::linear::{axpy, dot, norm, scale};
use crate::random::StreamRng;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;

/// What is known of every unit before any is drawn.
///
/// Three means take noise out of a sum over the units drawn. A unit is drawn with a probability `π`
/// proportional to its importance and weighs `1/π` (Horvitz & Thompson 1952, equation 4), so that each
/// one drawn contributes about as much. The draw is systematic (Madow 1949: one random number, no unit
/// twice) along an order in which neighbours resemble each other, so that of every kind of unit as many
/// are drawn as belong to it. And the weights are then moved a little, until the sums of what is known
/// of the units agree with those over all of them (calibration; Deville & Särndal 1992, section 2).
pub struct Population {
    importance: Vec<f64>,
    traits: Traits,
    /// All units, neighbours resembling each other.
    order: Vec<usize>,
}

/// A unit that has been drawn, and how many units it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    pub unit: usize,
    pub weight: f64,
}

impl Population {
    /// Importance, finite and not negative, and a row of traits for every unit.
    pub fn new(importance: Vec<f64>, traits: &[Vec<f64>]) -> Self {
        let traits = Traits::new(traits);
        let mut order: Vec<usize> = (0..importance.len()).collect();
        traits.sort_by_resemblance(&importance, &mut order);
        Self {
            importance,
            traits,
            order,
        }
    }

    /// About `count` units, in ascending order.
    pub fn draw(&self, count: usize, rng: &mut StreamRng) -> Vec<Drawn> {
        let mut drawn = self.expanded(count, rng);
        self.calibrate(&mut drawn);
        drawn
    }

    /// The draw, with the weights `1/π`.
    fn expanded(&self, count: usize, rng: &mut StreamRng) -> Vec<Drawn> {
        let probabilities = inclusion_probabilities(&self.importance, count);
        let along: Vec<f64> = self.order.iter().map(|&unit| probabilities[unit]).collect();
        let places = systematic_draw(&along, rng.random_range(0.0..1.0));
        let mut units: Vec<usize> = places.into_iter().map(|place| self.order[place]).collect();
        units.sort_unstable();
        let weighed = units.into_iter().map(|unit| Drawn {
            unit,
            weight: 1.0 / probabilities[unit],
        });
        weighed.collect()
    }

    /// Multiplies each weight by `1 + xᵀμ`, `x` being importance times traits, with the multipliers `μ`
    /// for which the sums of `x` are those over all units. A ridge keeps the weights near where they
    /// were where the traits are many for the units drawn, or depend on each other (Bardsley & Chambers
    /// 1984).
    fn calibrate(&self, drawn: &mut [Drawn]) {
        let width = self.traits.width;
        let row = |unit: usize| self.traits.row(unit) * self.importance[unit];
        let mut lack = DVector::zeros(width);
        for unit in 0..self.importance.len() {
            lack += row(unit);
        }
        let mut gram = DMatrix::zeros(width, width);
        for &Drawn { unit, weight } in drawn.iter() {
            let row = row(unit);
            lack.axpy(-weight, &row, 1.0);
            gram.ger(weight, &row, &row, 1.0);
        }
        let ridge = RIDGE * gram.trace() / width as f64;
        gram += DMatrix::from_diagonal_element(width, width, ridge);
        // Nothing is known of units without importance or traits.
        let Some(gram) = gram.cholesky() else {
            return;
        };
        let multipliers = gram.solve(&lack);
        for Drawn { unit, weight } in drawn {
            let change = row(*unit).dot(&multipliers);
            *weight *= (1.0 + change).max(LEAST_CHANGE);
        }
    }
}

/// The ridge of a calibration, as a share of the mean square of what is calibrated.
const RIDGE: f64 = 0.01;

/// A calibration takes no weight below this share of what it was, so that none becomes negative.
const LEAST_CHANGE: f64 = 0.1;

/// Numbers known of each unit.
struct Traits {
    width: usize,
    values: Vec<f64>,
}

impl Traits {
    fn new(rows: &[Vec<f64>]) -> Self {
        Self {
            width: rows.first().map_or(0, Vec::len),
            values: rows.concat(),
        }
    }

    fn of(&self, unit: usize) -> &[f64] {
        &self.values[unit * self.width..][..self.width]
    }

    fn row(&self, unit: usize) -> DVector<f64> {
        DVector::from_column_slice(self.of(unit))
    }

    /// Sorts units along their principal axis, each counting as much as its importance, then each half
    /// of them by itself, and so on: two units that stand together fall on the same side of every axis
    /// but the last ones.
    fn sort_by_resemblance(&self, importance: &[f64], units: &mut [usize]) {
        if units.len() < 3 {
            return;
        }
        let axis = self.principal_axis(importance, units);
        let mut placed: Vec<(f64, usize)> = units
            .iter()
            .map(|&unit| (dot(self.of(unit), &axis), unit))
            .collect();
        placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let last = units.len() - 1;
        let half = 0.5 * units.iter().map(|&unit| importance[unit]).sum::<f64>();
        let (mut sum, mut middle) = (0.0, 0);
        for (place, (_, unit)) in placed.into_iter().enumerate() {
            units[place] = unit;
            if sum < half {
                sum += importance[unit];
                middle = place + 1;
            }
        }
        if half == 0.0 {
            // Of no importance at all: by number, or one unit at a time would split off.
            middle = units.len() / 2;
        }
        let (left, right) = units.split_at_mut(middle.clamp(1, last));
        let (left, right) = (
            || self.sort_by_resemblance(importance, left),
            || self.sort_by_resemblance(importance, right),
        );
        rayon::join(left, right);
    }

    /// The direction in which the units differ most, by power iteration from the trait that does.
    fn principal_axis(&self, importance: &[f64], units: &[usize]) -> Vec<f64> {
        let width = self.width;
        let mut mean = vec![0.0; width];
        let mut total = 0.0;
        for &unit in units {
            axpy(importance[unit], self.of(unit), &mut mean);
            total += importance[unit];
        }
        scale(1.0 / total.max(f64::MIN_POSITIVE), &mut mean);
        let mut spread = vec![0.0; width];
        for &unit in units {
            let differences = self.of(unit).iter().zip(&mean);
            for (spread, (value, mean)) in spread.iter_mut().zip(differences) {
                *spread += importance[unit] * (value - mean).powi(2);
            }
        }
        let widest = (0..width).max_by(|&a, &b| spread[a].total_cmp(&spread[b]));
        let mut axis: Vec<f64> = (0..width)
            .map(|index| f64::from(u8::from(Some(index) == widest)))
            .collect();
        for _ in 0..POWER_ITERATIONS {
            let shift = dot(&mean, &axis);
            let mut image = vec![0.0; width];
            let mut slopes = 0.0;
            for &unit in units {
                let slope = importance[unit] * (dot(self.of(unit), &axis) - shift);
                axpy(slope, self.of(unit), &mut image);
                slopes += slope;
            }
            axpy(-slopes, &mean, &mut image);
            let length = norm(&image);
            if length == 0.0 {
                break;
            }
            scale(1.0 / length, &mut image);
            axis = image;
        }
        axis
    }
}

/// Enough for an axis along which units differ; it need not be the very first one.
const POWER_ITERATIONS: usize = 8;

/// Probabilities proportional to the importance, at most 1 each and `count` in sum.
fn inclusion_probabilities(importance: &[f64], count: usize) -> Vec<f64> {
    // Equal chances where nothing is important.
    let importance: Vec<f64> = importance.iter().map(|x| x + f64::MIN_POSITIVE).collect();
    let mut order: Vec<usize> = (0..importance.len()).collect();
    order.sort_by(|&a, &b| importance[b].total_cmp(&importance[a]));
    let mut rest: f64 = importance.iter().sum();
    let mut left = count.min(importance.len());
    let mut probabilities = vec![1.0; importance.len()];
    for (place, &index) in order.iter().enumerate() {
        if left as f64 * importance[index] < rest {
            for &index in &order[place..] {
                probabilities[index] = left as f64 * importance[index] / rest;
            }
            break;
        }
        rest -= importance[index];
        left -= 1;
        if left == 0 {
            for &index in &order[place + 1..] {
                probabilities[index] = 0.0;
            }
            break;
        }
    }
    probabilities
}

/// The places, ascending, at which the running sum of the probabilities passes an integer plus
/// `offset`.
fn systematic_draw(probabilities: &[f64], offset: f64) -> Vec<usize> {
    let mut sum = 0.0;
    let passed = |sum: f64| (sum - offset).ceil();
    (0..probabilities.len())
        .filter(|&index| {
            let before = passed(sum);
            sum += probabilities[index];
            passed(sum) > before
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    #[test]
    fn probabilities_follow_the_importance_and_end_at_one() {
        let cases: [(&[f64], usize, &[f64]); 5] = [
            (&[1.0, 3.0, 2.0, 2.0], 2, &[0.25, 0.75, 0.5, 0.5]),
            (&[9.0, 0.5, 0.5], 2, &[1.0, 0.5, 0.5]),
            (&[0.0, 0.0, 0.0, 0.0], 1, &[0.25; 4]),
            (&[2.0, 1.0], 5, &[1.0, 1.0]),
            (&[2.0, 0.0], 1, &[1.0, 0.0]),
        ];
        for (importance, count, expected) in cases {
            let found = inclusion_probabilities(importance, count);
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-12, "{found:?} for {expected:?}");
            }
        }
    }

    #[test]
    fn a_systematic_draw_takes_each_sample_as_often_as_its_probability_says() {
        let probabilities = [0.25, 0.75, 0.5, 1.0, 0.5];
        let mut taken = [0; 5];
        for step in 0..1000 {
            let drawn = systematic_draw(&probabilities, (f64::from(step) + 0.5) / 1000.0);
            assert_eq!(drawn.len(), 3);
            for index in drawn {
                taken[index] += 1;
            }
        }
        assert_eq!(taken, [250, 750, 500, 1000, 500]);
    }

    /// Units of three kinds in a random order, of different importance.
    fn population(count: usize) -> Population {
        let mut rng = Streams::new(1).stream("population", 0);
        let kinds: Vec<usize> = (0..count).map(|_| rng.random_range(0..3)).collect();
        let traits = kinds.iter().map(|&kind| {
            let mut row: Vec<f64> = (0..3).map(|k| f64::from(u8::from(k == kind))).collect();
            row.push(rng.random_range(0.0..0.1));
            row
        });
        let traits: Vec<Vec<f64>> = traits.collect();
        let importance = (0..count).map(|_| rng.random_range(0.2..1.0)).collect();
        Population::new(importance, &traits)
    }

    #[test]
    fn units_of_one_kind_stand_together() {
        let population = population(300);
        let kind = |unit: usize| {
            population.traits.of(unit)[..3]
                .iter()
                .position(|&x| x == 1.0)
        };
        let mut kinds: Vec<_> = population.order.iter().map(|&unit| kind(unit)).collect();
        let mut units = population.order.clone();
        units.sort_unstable();
        assert!(units.into_iter().eq(0..300));
        kinds.dedup();
        // A random order changes kind about 200 times.
        assert!(kinds.len() <= 12, "{kinds:?}");
    }

    #[test]
    fn of_every_kind_as_many_are_drawn_as_belong_to_it() {
        let population = population(300);
        let expected = inclusion_probabilities(&population.importance, 30);
        for seed in 0..20 {
            let mut rng = Streams::new(seed).stream("draw", 0);
            let drawn = population.expanded(30, &mut rng);
            for kind in 0..3 {
                let of = |unit: usize| population.traits.of(unit)[kind];
                let found: f64 = drawn.iter().map(|drawn| of(drawn.unit)).sum();
                let mean: f64 = (0..300).map(|unit| of(unit) * expected[unit]).sum();
                assert!((found - mean).abs() < 2.0, "{found} for {mean}");
            }
        }
    }

    #[test]
    fn calibrated_sums_are_nearly_those_over_all() {
        let population = population(300);
        let mut rng = Streams::new(0).stream("draw", 0);
        let mut drawn = population.expanded(30, &mut rng);
        let lack = |drawn: &[Drawn]| -> f64 {
            let sum = |terms: &mut dyn Iterator<Item = (f64, usize)>| {
                let mut sum = DVector::zeros(4);
                for (weight, unit) in terms {
                    let size = weight * population.importance[unit];
                    sum.axpy(size, &population.traits.row(unit), 1.0);
                }
                sum
            };
            let found = sum(&mut drawn.iter().map(|it| (it.weight, it.unit)));
            (found - sum(&mut (0..300).map(|unit| (1.0, unit)))).norm()
        };
        let before = lack(&drawn);
        population.calibrate(&mut drawn);
        let after = lack(&drawn);
        assert!(after < 0.1 * before, "{after} after {before}");
        assert!(drawn.iter().all(|drawn| drawn.weight > 0.0));
    }

    #[test]
    fn very_many_units_of_no_importance_are_ordered_too() {
        let count = 200_000;
        let mut importance = vec![0.0; count];
        importance[7] = 1.0;
        let population = Population::new(importance, &vec![vec![0.0]; count]);
        let mut rng = Streams::new(0).stream("draw", 0);
        let drawn = population.draw(1, &mut rng);
        assert_eq!((drawn.len(), drawn[0].unit), (1, 7));
    }

    #[test]
    fn nothing_known_leaves_weights_as_they_are() {
        let population = Population::new(vec![0.0; 4], &vec![vec![0.0; 2]; 4]);
        let mut rng = Streams::new(0).stream("draw", 0);
        let drawn = population.draw(2, &mut rng);
        assert_eq!(drawn.len(), 2);
        assert!(drawn.iter().all(|drawn| (drawn.weight - 2.0).abs() < 1e-12));
    }
}

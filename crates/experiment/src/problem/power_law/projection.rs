//! Least squares of sums of exponentials by variable projection: coefficients are solved for, rates searched.

use super::{Curve, Fit};

/// The smallest and the largest exponent that a fit tries.
const EXPONENTS: [f64; 2] = [1e-3, 8.0];

/// How many exponents are tried before the search, in equal ratios.
const STARTS: usize = 16;

/// The most steps of a search.
const STEPS: usize = 60;

/// A curve and values, every row divided by its value.
pub(super) struct Weighted {
    arguments: Vec<Vec<f64>>,
    /// The middle of each argument, which is taken off it so that exponentials are of size one.
    middles: Vec<f64>,
    weights: Vec<f64>,
    columns: Vec<Vec<f64>>,
}

impl Weighted {
    pub(super) fn new(curve: &Curve, y: &[f64]) -> Self {
        let weights: Vec<f64> = y.iter().map(|y| 1.0 / y.abs()).collect();
        let middle = |u: &Vec<f64>| u.iter().sum::<f64>() / u.len() as f64;
        let middles: Vec<f64> = curve.arguments.iter().map(middle).collect();
        let shifted = curve.arguments.iter().zip(&middles);
        let arguments = shifted
            .map(|(u, middle)| u.iter().map(|u| u - middle).collect())
            .collect();
        let weigh = |column: &Vec<f64>| column.iter().zip(&weights).map(|(c, w)| c * w).collect();
        let columns = curve.columns.iter().map(weigh).collect();
        Self {
            arguments,
            middles,
            weights,
            columns,
        }
    }

    fn exponential(&self, term: usize, rate: f64) -> Vec<f64> {
        let pairs = self.arguments[term].iter().zip(&self.weights);
        pairs
            .map(|(u, weight)| (-rate * u).exp() * weight)
            .collect()
    }

    /// The least squares at some rates.
    fn projected(&self, rates: &[f64]) -> Projection {
        let exponentials = rates
            .iter()
            .enumerate()
            .map(|(term, rate)| self.exponential(term, *rate));
        Projection::new(
            exponentials.chain(self.columns.iter().cloned()).collect(),
            vec![1.0; self.weights.len()],
        )
    }

    /// The best of a grid of rates.
    pub(super) fn start(&self) -> Vec<f64> {
        let [least, most] = EXPONENTS;
        let rate = |index: usize| least * (most / least).powf((index as f64 + 0.5) / STARTS as f64);
        let terms = self.arguments.len();
        let all = STARTS.pow(terms as u32);
        let place = |index: usize| -> Vec<f64> {
            (0..terms)
                .map(|term| rate(index / STARTS.pow(term as u32) % STARTS))
                .collect()
        };
        let squares = |index: &usize| self.projected(&place(*index)).squares();
        let best = (0..all).map(|index| (squares(&index), index));
        best.min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or_else(Vec::new, |(_, index)| place(index))
    }

    /// Levenberg-Marquardt from a place on, with the derivative of the residual of Kaufman 1975 ("A variable projection
    /// method for solving separable nonlinear least squares problems", BIT 15), which leaves out a part that is small
    /// where residuals are.
    pub(super) fn search(&self, mut rates: Vec<f64>) -> Vec<f64> {
        let [least, most] = EXPONENTS;
        let mut here = self.projected(&rates);
        let mut damping = 1e-3;
        for _ in 0..if rates.is_empty() { 0 } else { STEPS } {
            let slopes = self.slopes(&rates, &here);
            let step = damped_step(&slopes, &here.residuals, damping);
            let next: Vec<f64> = rates
                .iter()
                .zip(&step)
                .map(|(rate, step)| (rate + step).clamp(least, most))
                .collect();
            let moved = rates
                .iter()
                .zip(&next)
                .map(|(a, b)| (a - b).abs() / a)
                .fold(0.0, f64::max);
            let there = self.projected(&next);
            if there.squares() <= here.squares() {
                (rates, here) = (next, there);
                damping = (damping / 10.0).max(1e-12);
            } else {
                damping *= 10.0;
            }
            if moved < 1e-10 || damping > 1e12 {
                break;
            }
        }
        rates
    }

    /// How the residual moves with each rate.
    fn slopes(&self, rates: &[f64], here: &Projection) -> Vec<Vec<f64>> {
        let slope = |(term, rate): (usize, &f64)| {
            let moved = self.exponential(term, *rate);
            let moved = moved.iter().zip(&self.arguments[term]);
            let coefficient = here.coefficients[term];
            here.outside(moved.map(|(value, u)| coefficient * u * value).collect())
        };
        rates.iter().enumerate().map(slope).collect()
    }

    pub(super) fn finished(&self, rates: &[f64]) -> Fit {
        let mut projection = self.projected(rates);
        let terms = rates.iter().zip(&self.middles);
        for (coefficient, (rate, middle)) in projection.coefficients.iter_mut().zip(terms) {
            *coefficient *= (rate * middle).exp();
        }
        Fit {
            rates: rates.to_vec(),
            coefficients: projection.coefficients,
            residuals: projection.residuals,
            freedom: 2 * self.arguments.len() + self.columns.len(),
        }
    }
}

/// The least-squares fit of columns to values.
pub(super) struct Projection {
    basis: Vec<Vec<f64>>,
    pub(super) coefficients: Vec<f64>,
    pub(super) residuals: Vec<f64>,
}

impl Projection {
    /// By Gram-Schmidt, twice (Giraud, Langou & Rozložník 2005); a column that those before it make up gets nothing.
    pub(super) fn new(columns: Vec<Vec<f64>>, values: Vec<f64>) -> Self {
        let size = columns.len();
        let mut basis: Vec<Vec<f64>> = Vec::with_capacity(size);
        let mut triangle = vec![vec![0.0; size]; size];
        let mut residuals = values;
        let mut along = vec![0.0; size];
        for (index, mut column) in columns.into_iter().enumerate() {
            let before = inner(&column, &column).sqrt();
            for _ in 0..2 {
                for (row, direction) in basis.iter().enumerate() {
                    triangle[row][index] += remove(&mut column, direction);
                }
            }
            let norm = inner(&column, &column).sqrt();
            let scale = if norm > 1e-12 * before {
                1.0 / norm
            } else {
                0.0
            };
            column.iter_mut().for_each(|value| *value *= scale);
            triangle[index][index] = if scale > 0.0 { norm } else { 0.0 };
            along[index] = remove(&mut residuals, &column);
            basis.push(column);
        }
        let mut coefficients = vec![0.0; size];
        for row in (0..size).rev().filter(|&row| triangle[row][row] > 0.0) {
            let rest: f64 = (row + 1..size)
                .map(|later| triangle[row][later] * coefficients[later])
                .sum();
            coefficients[row] = (along[row] - rest) / triangle[row][row];
        }
        Self {
            basis,
            coefficients,
            residuals,
        }
    }

    fn squares(&self) -> f64 {
        inner(&self.residuals, &self.residuals)
    }

    /// What the columns cannot make of a vector.
    fn outside(&self, mut vector: Vec<f64>) -> Vec<f64> {
        for direction in &self.basis {
            remove(&mut vector, direction);
        }
        vector
    }
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Takes the part along a direction off, and says how long it was.
fn remove(vector: &mut [f64], direction: &[f64]) -> f64 {
    let along = inner(vector, direction);
    vector
        .iter_mut()
        .zip(direction)
        .for_each(|(value, unit)| *value -= along * unit);
    along
}

/// The step of Levenberg & Marquardt for one or two unknowns, damped by their own curvatures.
fn damped_step(slopes: &[Vec<f64>], residuals: &[f64], damping: f64) -> Vec<f64> {
    let curvature = |i: usize, j: usize| inner(&slopes[i], &slopes[j]);
    let force = |i: usize| -inner(&slopes[i], residuals);
    let own = |i: usize| curvature(i, i) * (1.0 + damping) + f64::MIN_POSITIVE;
    match slopes.len() {
        1 => vec![force(0) / own(0)],
        _ => {
            let (cross, determinant) = (curvature(0, 1), own(0) * own(1) - curvature(0, 1).powi(2));
            let step = |a: usize, b: usize| (own(b) * force(a) - cross * force(b)) / determinant;
            vec![step(0, 1), step(1, 0)]
        }
    }
}

//! Data that a linear predictor separates: exact largest margins in three norms, losses with an exponential tail, and
//! steepest descent on them with steps in proportion to 1/loss.
//!
//! Labels are taken into the rows, x ← yx, so that a predictor `w` is right of all where `Xw > 0`.

use super::dense;
use super::draw;
use super::linear_program::LinearProgram;
use super::vector::{add, inner};
use crate::experiment::ExperimentError;
use crate::random::StreamRng;
use faer::{Col, Mat};

/// Points with their labels taken into them.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    numbers: Vec<f64>,
    dimension: usize,
}

impl Points {
    /// These rows, all of one length.
    pub fn new(rows: &[Vec<f64>]) -> Self {
        let dimension = rows.first().map_or(0, Vec::len);
        let numbers = rows.concat();
        Self { numbers, dimension }
    }

    /// How many numbers a point has.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many points there are.
    pub fn count(&self) -> usize {
        self.numbers.len() / self.dimension.max(1)
    }

    /// The points.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.numbers.chunks_exact(self.dimension.max(1))
    }

    /// One of them.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.numbers[index * self.dimension..(index + 1) * self.dimension]
    }

    /// `Xw`.
    pub fn margins(&self, w: &[f64]) -> Vec<f64> {
        self.rows().map(|row| inner(row, w)).collect()
    }

    /// The least of `Xw`.
    pub fn least_margin(&self, w: &[f64]) -> f64 {
        self.rows()
            .map(|row| inner(row, w))
            .fold(f64::INFINITY, f64::min)
    }

    /// `Xᵀp`.
    pub fn mix(&self, weights: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.dimension];
        for (row, weight) in self.rows().zip(weights) {
            add(&mut sum, *weight, row);
        }
        sum
    }

    /// The largest norm of a point.
    pub fn radius(&self, norm: Norm) -> f64 {
        self.rows().map(|row| norm.of(row)).fold(0.0, f64::max)
    }
}

/// The angle between two vectors in degrees, exact for small ones too (Kahan 2006, "How futile are mindless assessments
/// of roundoff", section 12).
pub fn angle(a: &[f64], b: &[f64]) -> f64 {
    let (of_a, of_b) = (Norm::Two.of(a), Norm::Two.of(b));
    let squares = |sign: f64| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a / of_a + sign * b / of_b).powi(2))
            .sum()
    };
    2.0 * squares(-1.0).sqrt().atan2(squares(1.0).sqrt()).to_degrees()
}

/// A norm of vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Norm {
    /// The sum of absolute values.
    One,
    /// Euclid's.
    Two,
    /// The largest absolute value.
    Infinity,
    /// `(Σ|x|^p)^(1/p)` with 1 < p < ∞.
    Power(f64),
}

impl Norm {
    /// Of a vector.
    pub fn of(self, vector: &[f64]) -> f64 {
        let largest = vector
            .iter()
            .fold(0.0f64, |largest, x| largest.max(x.abs()));
        match self {
            Self::Infinity => largest,
            Self::One => vector.iter().map(|x| x.abs()).sum(),
            Self::Two => inner(vector, vector).sqrt(),
            Self::Power(_) if largest == 0.0 => 0.0,
            Self::Power(p) => {
                let sum: f64 = vector.iter().map(|x| (x.abs() / largest).powf(p)).sum();
                largest * sum.powf(1.0 / p)
            }
        }
    }

    /// The norm that measures gradients: the largest `gᵀv` over `‖v‖ ≤ 1`.
    pub fn dual(self) -> Self {
        match self {
            Self::One => Self::Infinity,
            Self::Two => Self::Two,
            Self::Infinity => Self::One,
            Self::Power(p) => Self::Power(p / (p - 1.0)),
        }
    }

    /// The step of steepest descent, argmin ⟨g, v⟩ + ½‖v‖² (Boyd & Vandenberghe 2004, "Convex optimization", sec. 9.4).
    /// Where there are several, as of the sum of absolute values at a tie, the first coordinate is taken.
    pub fn steepest(self, gradient: &[f64]) -> Vec<f64> {
        let size = self.dual().of(gradient);
        let signed = |x: f64, size: f64| if x == 0.0 { 0.0 } else { -size * x.signum() };
        match self {
            Self::Two => gradient.iter().map(|x| -x).collect(),
            Self::Infinity => gradient.iter().map(|x| signed(*x, size)).collect(),
            Self::One => {
                let first = gradient.iter().position(|x| x.abs() == size);
                let of = |(index, x): (usize, &f64)| if Some(index) == first { -x } else { 0.0 };
                gradient.iter().enumerate().map(of).collect()
            }
            Self::Power(p) => {
                let power = 1.0 / (p - 1.0);
                let of = |x: f64| signed(x, size * (x.abs() / size).powf(power));
                gradient.iter().map(|x| of(*x)).collect()
            }
        }
    }
}

/// The predictor of largest Euclidean margin, with its certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct HardMargin {
    /// argmin ‖w‖² such that `Xw ≥ 1`.
    pub w: Vec<f64>,
    /// The largest margin, 1/‖w‖.
    pub margin: f64,
    /// `λ ≥ 0` with `w = Xᵀλ`; above zero at support vectors only.
    pub multipliers: Vec<f64>,
    /// How far the margin may be off: from that of `w` to the bound that the multipliers prove.
    pub error: f64,
}

/// The predictor of largest Euclidean margin, by least-distance programming: the part of (0, …, 0, 1) that no mixture of
/// the (x, 1) with weights ≥ 0 reaches has the direction (w, −1) (Lawson & Hanson 1974, "Solving least squares
/// problems", ch. 23). It is then computed once more from its support vectors.
///
/// # Errors
///
/// [`ExperimentError`] where no predictor separates the points.
pub fn hard_margin(points: &Points) -> Result<HardMargin, ExperimentError> {
    let columns: Vec<Vec<f64>> = points.rows().map(|row| [row, &[1.0]].concat()).collect();
    let mut target = vec![0.0; points.dimension() + 1];
    target[points.dimension()] = 1.0;
    let weights = nonnegative_least_squares(&columns, &target)?;
    let support: Vec<usize> = (0..weights.len())
        .filter(|&index| weights[index] > 0.0)
        .collect();
    let x = Mat::from_fn(support.len(), points.dimension(), |row, column| {
        points.row(support[row])[column]
    });
    let w = dense::least_norm(x.as_ref(), Col::ones(support.len()).as_ref())?;
    let on_support = dense::least_norm(x.transpose(), w.as_ref())?;
    let mut multipliers = vec![0.0; points.count()];
    for (place, index) in support.iter().enumerate() {
        multipliers[*index] = on_support[place].max(0.0);
    }
    let w = dense::numbers(w.as_ref());
    let norm = Norm::Two.of(&w);
    let (proved, reached) = (
        margin_bound(points, Norm::Two, &multipliers),
        points.least_margin(&w) / norm,
    );
    if reached.is_nan() || proved - reached > 1e-6 * proved {
        return Err(ExperimentError::because(
            "no linear predictor separates the points",
        ));
    }
    let margin = 1.0 / norm;
    Ok(HardMargin {
        w,
        margin,
        multipliers,
        error: (proved - reached).abs() + 1e-15,
    })
}

/// No predictor has a margin above ‖Xᵀp‖₊ for any `p ≥ 0` with Σp = 1, in the dual norm (Shalev-Shwartz & Singer 2010,
/// "On the equivalence of weak learnability and linear separability", theorem 4). Weights are brought to that sum.
pub fn margin_bound(points: &Points, norm: Norm, weights: &[f64]) -> f64 {
    norm.dual().of(&points.mix(weights)) / weights.iter().sum::<f64>()
}

/// argmin ‖Eu − f‖² over `u ≥ 0` for the columns of E, by Lawson & Hanson's active set (1974, ch. 23, algorithm NNLS).
///
/// # Errors
///
/// [`ExperimentError`] where it does not end.
pub fn nonnegative_least_squares(
    columns: &[Vec<f64>],
    target: &[f64],
) -> Result<Vec<f64>, ExperimentError> {
    let mut u = vec![0.0; columns.len()];
    let mut passive: Vec<usize> = Vec::new();
    for _ in 0..30 * columns.len() + 30 {
        let mut left = target.to_vec();
        for index in &passive {
            add(&mut left, -u[*index], &columns[*index]);
        }
        let pull = |index: &usize| inner(&columns[*index], &left) / Norm::Two.of(&columns[*index]);
        let free = (0..columns.len()).filter(|index| !passive.contains(index));
        let Some(best) = free.max_by(|a, b| pull(a).total_cmp(&pull(b))) else {
            return Ok(u);
        };
        // Below that, what pulls is the rounding of the last solution.
        if pull(&best) <= 1e-13 * Norm::Two.of(target) {
            return Ok(u);
        }
        passive.push(best);
        settle(columns, target, &mut passive, &mut u)?;
    }
    Err(ExperimentError::because(
        "the active set of a least-squares problem did not settle",
    ))
}

/// Solves on the passive set, taking out what becomes negative on the way.
fn settle(
    columns: &[Vec<f64>],
    target: &[f64],
    passive: &mut Vec<usize>,
    u: &mut [f64],
) -> Result<(), ExperimentError> {
    while !passive.is_empty() {
        let e = Mat::from_fn(target.len(), passive.len(), |row, place| {
            columns[passive[place]][row]
        });
        let z = dense::least_norm(e.as_ref(), dense::column(target).as_ref())?;
        let shares = passive
            .iter()
            .enumerate()
            .filter(|(place, _)| z[*place] <= 0.0);
        let share = shares
            .map(|(place, index)| u[*index] / (u[*index] - z[place]).max(f64::MIN_POSITIVE))
            .fold(1.0, f64::min);
        for (place, index) in passive.iter().enumerate() {
            u[*index] += share * (z[place] - u[*index]);
        }
        if z.iter().all(|z| *z > 0.0) {
            return Ok(());
        }
        passive.retain(|index| u[*index] > 1e-15);
        for (index, u) in u.iter_mut().enumerate() {
            if !passive.contains(&index) {
                *u = 0.0;
            }
        }
    }
    Ok(())
}

/// argmin ‖w‖ such that `Xw ≥ 1`, in the norm of absolute values or of the largest one, by a linear programme. The
/// largest margin in that norm is 1/‖w‖.
///
/// # Errors
///
/// [`ExperimentError`] where no predictor separates the points, or the norm is another.
pub fn least_norm_separator(points: &Points, norm: Norm) -> Result<Vec<f64>, ExperimentError> {
    let dimension = points.dimension();
    // w is the difference of two parts that are not negative; after them, where that is the norm, their largest sum.
    let (costs, mut constraints) = match norm {
        Norm::One => (vec![1.0; 2 * dimension], Vec::new()),
        Norm::Infinity => {
            let below_the_largest = (0..dimension).map(|place| {
                let mut row = vec![0.0; 2 * dimension + 1];
                (row[place], row[dimension + place], row[2 * dimension]) = (-1.0, -1.0, 1.0);
                (row, 0.0)
            });
            let mut costs = vec![0.0; 2 * dimension + 1];
            costs[2 * dimension] = 1.0;
            (costs, below_the_largest.collect())
        }
        Norm::Two | Norm::Power(_) => {
            return Err(ExperimentError::because(
                "a margin in this norm is no linear programme",
            ));
        }
    };
    constraints.extend(points.rows().map(|row| {
        let mut both: Vec<f64> = row.iter().copied().chain(row.iter().map(|x| -x)).collect();
        both.resize(costs.len(), 0.0);
        (both, 1.0)
    }));
    let solution = LinearProgram { costs, constraints }
        .solve()
        .ok_or_else(unsolved)?;
    let (above, below) = solution.variables.split_at(dimension);
    Ok(above
        .iter()
        .zip(below)
        .map(|(above, below)| above - below)
        .collect())
}

fn unsolved() -> ExperimentError {
    ExperimentError::because(
        "the linear programme of a margin has no solution: no predictor separates the points",
    )
}

/// A loss with an exponential tail, as a function of a margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// exp(−m).
    Exponential,
    /// log(1 + exp(−m)).
    Logistic,
}

/// How the points pull at a predictor: the gradient of the sum of losses is `−L Xᵀp`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pull {
    /// `p`, minus the derivatives of the losses over the sum of losses. For exponential losses their sum is one.
    pub weights: Vec<f64>,
    /// log L, where L itself may be too small for a number.
    pub log_loss: f64,
}

impl Loss {
    /// At these margins.
    pub fn pull(self, margins: &[f64]) -> Pull {
        let least = margins.iter().copied().fold(f64::INFINITY, f64::min);
        // From there on both losses agree to the last digit.
        if self == Self::Exponential || least > 36.0 {
            // What is a millionth of the last digit beside the largest is none, and costs no exponential.
            let weight = |m: &f64| {
                if m - least > 50.0 {
                    0.0
                } else {
                    (least - m).exp()
                }
            };
            let mut weights: Vec<f64> = margins.iter().map(weight).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
            return Pull {
                weights,
                log_loss: sum.ln() - least,
            };
        }
        let mut sum = 0.0;
        let mut slope = |m: &f64| {
            let small = (-m.abs()).exp();
            sum += softplus(small) + (-m).max(0.0);
            if *m > 0.0 {
                small / (1.0 + small)
            } else {
                1.0 / (1.0 + small)
            }
        };
        let mut weights: Vec<f64> = margins.iter().map(&mut slope).collect();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Pull {
            weights,
            log_loss: sum.ln(),
        }
    }
}

/// log(1 + x) for x from 0 to 1; by its series where that is exact, which is faster.
fn softplus(x: f64) -> f64 {
    if x < 1e-4 {
        x * (1.0 - x * (0.5 - x * (1.0 / 3.0 - x * 0.25)))
    } else {
        x.ln_1p()
    }
}

/// One step of steepest descent on the sum of losses, with the step size `share / (B² L(w))`, where B is the largest
/// dual norm of a point (Gunasekar et al. 2018, "Characterizing implicit bias in terms of optimization geometry",
/// theorem 5, has shares up to 1). Gives the pull before the step.
pub fn step(points: &Points, loss: Loss, norm: Norm, size: f64, w: &mut [f64]) -> Pull {
    let pull = loss.pull(&points.margins(w));
    let gradient: Vec<f64> = points.mix(&pull.weights).iter().map(|x| -x).collect();
    add(w, size, &norm.steepest(&gradient));
    pull
}

/// Standard normal points with the labels of a random direction, at least so far from its plane.
pub fn with_teacher(rng: &mut StreamRng, count: usize, dimension: usize, gap: f64) -> Points {
    let teacher = dense::numbers(draw::on_sphere(rng, dimension).as_ref());
    let mut rows = Vec::with_capacity(count);
    while rows.len() < count {
        let row = dense::numbers(draw::normals(rng, dimension).as_ref());
        let along = inner(&row, &teacher);
        if along.abs() >= gap {
            rows.push(row.iter().map(|x| x * along.signum()).collect());
        }
    }
    Points::new(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= tolerance, "{found} {expected}");
        }
    }

    #[test]
    fn the_hard_margin_of_three_points_is_that_of_paper_and_pencil() {
        // The support vectors are (1, 0) and (0, 2): w = (1, 1/2), and (3, 3) is beyond.
        let points = Points::new(&[vec![1.0, 0.0], vec![3.0, 3.0], vec![0.0, 2.0]]);
        let found = hard_margin(&points).unwrap();
        close(&found.w, &[1.0, 0.5], 1e-14);
        close(&found.multipliers, &[1.0, 0.0, 0.25], 1e-14);
        assert!((found.margin - 1.25f64.sqrt().recip()).abs() < 1e-14 && found.error < 1e-12);
    }

    #[test]
    fn a_hard_margin_is_certified_by_its_multipliers() {
        for seed in 0..10 {
            let points = with_teacher(&mut Streams::new(seed).stream("test", 0), 60, 8, 0.1);
            let found = hard_margin(&points).unwrap();
            assert!(found.error < 1e-10, "{}", found.error);
            assert!(points.least_margin(&found.w) > 1.0 - 1e-10);
            close(&points.mix(&found.multipliers), &found.w, 1e-9);
            let slack = points.margins(&found.w);
            let off = found
                .multipliers
                .iter()
                .zip(slack)
                .filter(|(l, s)| **l > 0.0 && *s > 1.0 + 1e-9);
            assert_eq!(off.count(), 0);
        }
    }

    #[test]
    fn points_that_nothing_separates_have_no_margin() {
        let points = Points::new(&[vec![1.0, 0.0], vec![-1.0, 0.1], vec![0.0, -1.0]]);
        assert!(hard_margin(&points).is_err());
        assert!(least_norm_separator(&points, Norm::One).is_err());
    }

    #[test]
    fn margins_of_linear_programmes_are_those_of_paper_and_pencil() {
        // Over |w₁| + |w₂| ≤ 1 the least of w₁ and 2w₂ is largest at (2/3, 1/3); over the square at (1, 1).
        let points = Points::new(&[vec![1.0, 0.0], vec![0.0, 2.0]]);
        close(
            &least_norm_separator(&points, Norm::One).unwrap(),
            &[1.0, 0.5],
            1e-12,
        );
        let square = least_norm_separator(&points, Norm::Infinity).unwrap();
        assert!((Norm::Infinity.of(&square) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nonnegative_least_squares_meets_the_conditions_of_its_optimum() {
        let mut rng = Streams::new(5).stream("test", 0);
        let columns: Vec<Vec<f64>> = (0..12)
            .map(|_| dense::numbers(draw::normals(&mut rng, 6).as_ref()))
            .collect();
        let target = dense::numbers(draw::normals(&mut rng, 6).as_ref());
        let u = nonnegative_least_squares(&columns, &target).unwrap();
        let mut left = target.clone();
        for (u, column) in u.iter().zip(&columns) {
            add(&mut left, -u, column);
        }
        for (u, column) in u.iter().zip(&columns) {
            let pull = inner(column, &left);
            assert!(if *u > 0.0 {
                pull.abs() < 1e-12
            } else {
                *u == 0.0 && pull < 1e-12
            });
        }
    }

    #[test]
    fn losses_agree_with_their_formulas_and_with_each_other_far_out() {
        let margins = [0.3, -1.0, 2.0];
        let losses: Vec<f64> = margins.iter().map(|m: &f64| (-m).exp().ln_1p()).collect();
        let pull = Loss::Logistic.pull(&margins);
        assert!((pull.log_loss - losses.iter().sum::<f64>().ln()).abs() < 1e-14);
        let slope = |m: f64| 1.0 / (1.0 + m.exp()) / losses.iter().sum::<f64>();
        close(&pull.weights, &margins.map(slope), 1e-14);
        let far = [35.9, 36.2, 40.0];
        let [a, b] = [Loss::Logistic, Loss::Exponential].map(|loss| loss.pull(&far));
        close(&a.weights, &b.weights, 1e-12);
        assert!((a.log_loss - b.log_loss).abs() < 1e-12);
        assert!(Loss::Exponential.pull(&[1e6, 1e6]).log_loss < -9e5);
    }

    #[test]
    fn an_angle_is_right_where_it_is_small() {
        assert!((angle(&[1.0, 1e-9], &[2.0, 0.0]) - 1e-9f64.to_degrees()).abs() < 1e-20);
        assert!((angle(&[0.0, 3.0], &[1.0, 0.0]) - 90.0).abs() < 1e-12);
    }

    #[test]
    fn no_direction_descends_more_steeply_than_the_step() {
        let gradient = [0.4, -1.0, 0.2];
        let model = |norm: Norm, v: &[f64]| inner(&gradient, v) + 0.5 * norm.of(v).powi(2);
        let mut rng = Streams::new(6).stream("test", 0);
        for norm in [Norm::One, Norm::Two, Norm::Infinity, Norm::Power(4.0 / 3.0)] {
            let step = norm.steepest(&gradient);
            for _ in 0..300 {
                let mut other = step.clone();
                add(
                    &mut other,
                    0.1,
                    &dense::numbers(draw::normals(&mut rng, 3).as_ref()),
                );
                assert!(model(norm, &other) >= model(norm, &step) - 1e-12);
            }
        }
    }
}

//! Exact largest margins in Euclid's norm and in those of linear programmes.

use super::{Norm, Points};
use crate::experiment::ExperimentError;
use crate::problem::dense;
use crate::problem::linear_program::LinearProgram;
use crate::problem::vector::{add, inner};
use faer::{Col, Mat};

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

//! Linear classes: logistic regression by Newton's method, ridge regression with its leave-one-out solutions in closed
//! form, and the Gram matrices that stand for wide Gaussian data.

use crate::experiment::ExperimentError;
use crate::problem::dense::{self, dot};
use crate::problem::draw;
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use faer::{Col, ColRef, Mat, Scale};
use rand_distr::{ChiSquared, Distribution};

/// `1/(1 + e^{−z})`.
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// `log(1 + e^{−z})`, the logistic loss of a margin.
pub fn logistic(margin: f64) -> f64 {
    (-margin.abs()).exp().ln_1p() + (-margin).max(0.0)
}

/// Pearson's correlation.
pub fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (x_mean, y_mean) = (mean(x), mean(y));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        x.iter()
            .zip(y)
            .map(|(x, y)| f(x - x_mean, y - y_mean))
            .sum()
    };
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

/// The share of seeds whose value is below a bound, for bounds that no seed may break: of the largest value of all seeds
/// there is no interval, and resampled seeds know of none beyond it. What is not a number is not below.
pub fn share_below(bound: f64, values: &[f64]) -> Estimate {
    let below = values.iter().filter(|value| **value < bound).count();
    Estimate::proportion(below, values.len())
}

/// What is said of such a share: more than 0.8, which 17 seeds of 17 can decide.
pub const IN_NEARLY_ALL: Rule = Rule::Above(0.8);

/// A statistic of all seeds, such as the largest of some means, with an interval of resampled seeds.
pub fn of_resampled_seeds(seeds: usize, of: impl Fn(&[usize]) -> f64) -> Estimate {
    Estimate::bootstrap(seeds, 400, Streams::new(0), of)
}

/// The largest value; not a number where one of them is none.
pub fn highest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NEG_INFINITY, |largest, value| {
        if value.is_nan() || largest.is_nan() {
            f64::NAN
        } else {
            largest.max(value)
        }
    })
}

/// Weighted logistic regression, `Σᵢ cᵢ·log(1 + e^{−yᵢ⟨w, xᵢ⟩}) + (λ/2)‖w‖²`.
#[derive(Clone, Debug)]
pub struct Logistic {
    /// A row for each example.
    pub x: Mat<f64>,
    /// +1 or −1 for each example.
    pub y: Vec<f64>,
    /// cᵢ for each example; 1/n for the mean.
    pub weights: Vec<f64>,
    /// λ.
    pub ridge: f64,
}

impl Logistic {
    /// With the mean over all examples.
    pub fn of_mean(x: Mat<f64>, y: Vec<f64>, ridge: f64) -> Self {
        let weights = vec![1.0 / y.len() as f64; y.len()];
        Self {
            x,
            y,
            weights,
            ridge,
        }
    }

    /// The objective.
    pub fn value(&self, w: ColRef<f64>) -> f64 {
        let outputs = &self.x * w;
        let losses = (0..self.y.len())
            .map(|index| self.weights[index] * logistic(self.y[index] * outputs[index]));
        losses.sum::<f64>() + self.ridge * w.squared_norm_l2() / 2.0
    }

    /// The loss of an example, without its weight.
    pub fn loss(&self, index: usize, w: ColRef<f64>) -> f64 {
        logistic(self.y[index] * (self.x.row(index) * w))
    }

    /// The gradient of the loss of an example, without its weight.
    pub fn loss_gradient(&self, index: usize, w: ColRef<f64>) -> Col<f64> {
        let factor = self.factor(index, self.x.row(index) * w);
        Col::from_fn(w.nrows(), |place| factor * self.x[(index, place)])
    }

    /// The gradient of the objective.
    pub fn gradient(&self, w: ColRef<f64>) -> Col<f64> {
        let outputs = &self.x * w;
        let factors = Col::from_fn(self.y.len(), |index| {
            self.weights[index] * self.factor(index, outputs[index])
        });
        self.x.transpose() * factors + Scale(self.ridge) * w
    }

    /// The Hessian of the objective.
    pub fn hessian(&self, w: ColRef<f64>) -> Mat<f64> {
        let outputs = &self.x * w;
        let factors = Col::from_fn(self.y.len(), |row| {
            let share = sigmoid(outputs[row]);
            self.weights[row] * share * (1.0 - share)
        });
        let scaled = factors.as_diagonal() * &self.x;
        self.x.transpose() * scaled + dense::scaled_identity(self.x.ncols(), self.ridge)
    }

    /// The minimiser, by Newton's method with halved steps where a whole one does not lower the objective.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where there is none, as with separable examples and no ridge.
    pub fn minimise(&self) -> Result<Col<f64>, ExperimentError> {
        let mut w = Col::zeros(self.x.ncols());
        for _ in 0..100 {
            let gradient = self.gradient(w.as_ref());
            if gradient.norm_l2() < 1e-12 {
                return Ok(w);
            }
            let step = dense::solve(self.hessian(w.as_ref()).as_ref(), gradient.as_ref())?;
            let before = self.value(w.as_ref());
            let mut size = 1.0;
            while size > 1e-6 && self.value((&w - Scale(size) * &step).as_ref()) > before + 1e-15 {
                size /= 2.0;
            }
            w -= Scale(size) * &step;
        }
        let left = self.gradient(w.as_ref()).norm_l2();
        if left < 1e-8 {
            Ok(w)
        } else {
            Err(ExperimentError::because(
                "Newton's method found no minimiser: the examples may be separable",
            ))
        }
    }

    /// The derivative of the loss by the output: `−y/(1 + e^{y⟨w, x⟩})`.
    fn factor(&self, index: usize, output: f64) -> f64 {
        let y = self.y[index];
        -y * sigmoid(-y * output)
    }
}

/// Examples with labels of a logistic law: `x` standard normal, `y = 1` with chance `sigmoid(⟨w, x⟩)`.
pub fn logistic_examples(rng: &mut StreamRng, count: usize, w: &[f64]) -> (Mat<f64>, Vec<f64>) {
    use rand::RngExt;
    let x = draw::gaussian(rng, count, w.len());
    let w = dense::column(w);
    let y = (0..count).map(|row| {
        let chance = sigmoid(x.row(row) * &w);
        if rng.random::<f64>() < chance {
            1.0
        } else {
            -1.0
        }
    });
    let y = y.collect();
    (x, y)
}

/// Ridge regression, `w = (XᵀX + λI)⁻¹XᵀY`, with what leaving out each example does.
#[derive(Clone, Debug)]
pub struct Ridge {
    /// A column for each output.
    pub w: Mat<f64>,
    /// For each example what its prediction differs by from its target, squared and summed over outputs.
    pub losses: Vec<f64>,
    /// The same where the example is left out of the fit: the residual over one minus the leverage.
    pub losses_without: Vec<f64>,
    /// For each example how far the solution without it is from the solution with it (Frobenius norm).
    pub moved: Vec<f64>,
}

impl Ridge {
    /// Of a matrix with a row for each example.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where `XᵀX + λI` is not positive definite.
    pub fn fit(x: &Mat<f64>, y: &Mat<f64>, ridge: f64) -> Result<Self, ExperimentError> {
        let gram = x.transpose() * x + dense::scaled_identity(x.ncols(), ridge);
        // What each example looks like through the inverse: (XᵀX + λI)⁻¹xᵢ in column i.
        let seen = solve_all(&gram, &x.transpose().to_owned())?;
        let w = &seen * y;
        let residuals = x * &w - y;
        let (mut losses, mut losses_without, mut moved) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..x.nrows() {
            let leverage = x.row(row) * seen.col(row);
            let squared = residuals.row(row).squared_norm_l2();
            losses.push(squared);
            losses_without.push(squared / (1.0 - leverage).powi(2));
            moved.push(squared.sqrt() * seen.col(row).norm_l2() / (1.0 - leverage));
        }
        Ok(Self {
            w,
            losses,
            losses_without,
            moved,
        })
    }
}

/// The solutions of `AX = B` with a symmetric positive definite `A`.
///
/// # Errors
///
/// [`ExperimentError`] where `A` is not positive definite.
pub fn solve_all(a: &Mat<f64>, b: &Mat<f64>) -> Result<Mat<f64>, ExperimentError> {
    use faer::linalg::solvers::Solve;
    let factors = a.llt(faer::Side::Lower).map_err(|_| {
        ExperimentError::because("a matrix is not positive definite; more ridge makes it so")
    })?;
    Ok(factors.solve(b))
}

/// `GGᵀ` of a `size × columns` matrix `G` of standard normal numbers, without its columns: by Bartlett's factor, a lower
/// triangle with roots of χ² on its diagonal (Bartlett 1933, "On the theory of statistical regression").
///
/// # Errors
///
/// [`ExperimentError`] where there are fewer columns than rows.
pub fn wishart(
    rng: &mut StreamRng,
    size: usize,
    columns: usize,
) -> Result<Mat<f64>, ExperimentError> {
    let mut factor = Mat::<f64>::zeros(size, size);
    for row in 0..size {
        for column in 0..row {
            factor[(row, column)] = draw::normal(rng);
        }
        let freedom = columns as f64 - row as f64;
        let law = ChiSquared::new(freedom).map_err(|_| {
            ExperimentError::because("a Gram matrix needs at least as many columns as rows")
        })?;
        factor[(row, row)] = law.sample(rng).sqrt();
    }
    Ok(&factor * factor.transpose())
}

/// `xᵀAx`.
pub fn form(a: &Mat<f64>, x: ColRef<f64>) -> f64 {
    dot(x, (a * x).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newton_s_method_finds_the_minimiser_and_the_hessian_is_its_slope() {
        let mut rng = Streams::new(0).stream("test", 0);
        let (x, y) = logistic_examples(&mut rng, 60, &[1.0, -2.0, 0.5]);
        let logistic = Logistic::of_mean(x, y, 0.1);
        let w = logistic.minimise().unwrap();
        assert!(logistic.gradient(w.as_ref()).norm_l2() < 1e-12);
        let other = dense::column(&[0.3, 0.1, -0.2]);
        let hessian = logistic.hessian(other.as_ref());
        for column in 0..3 {
            let moved = |by: f64| {
                let mut w = other.clone();
                w[column] += by;
                (logistic.gradient(w.as_ref()), logistic.value(w.as_ref()))
            };
            let (above, below) = (moved(1e-5), moved(-1e-5));
            let slope = (&above.0 - &below.0) * Scale(1.0 / 2e-5);
            assert!((slope - hessian.col(column)).norm_l2() < 1e-9);
            let gradient = (above.1 - below.1) / 2e-5;
            assert!((gradient - logistic.gradient(other.as_ref())[column]).abs() < 1e-9);
        }
    }

    #[test]
    fn leaving_out_in_closed_form_is_fitting_again() {
        let mut rng = Streams::new(1).stream("test", 0);
        let (x, y) = (
            draw::gaussian(&mut rng, 12, 20),
            draw::gaussian(&mut rng, 12, 2),
        );
        let ridge = Ridge::fit(&x, &y, 0.3).unwrap();
        for left in [0, 5, 11] {
            let rows: Vec<usize> = (0..12).filter(|row| *row != left).collect();
            let of =
                |m: &Mat<f64>| Mat::from_fn(11, m.ncols(), |row, column| m[(rows[row], column)]);
            let without = Ridge::fit(&of(&x), &of(&y), 0.3).unwrap();
            let residual = x.row(left) * &without.w - y.row(left);
            assert!((residual.squared_norm_l2() - ridge.losses_without[left]).abs() < 1e-11);
            assert!(((&without.w - &ridge.w).norm_l2() - ridge.moved[left]).abs() < 1e-12);
        }
    }

    #[test]
    fn a_wishart_matrix_has_the_mean_and_the_spread_of_a_gram_matrix() {
        let mut rng = Streams::new(2).stream("test", 0);
        let (size, columns, repetitions) = (3, 10, 4_000);
        let [mut trace, mut inverse] = [0.0; 2];
        for _ in 0..repetitions {
            let gram = wishart(&mut rng, size, columns).unwrap();
            trace += (0..size).map(|index| gram[(index, index)]).sum::<f64>();
            let values = dense::eigenvalues(gram.as_ref()).unwrap();
            inverse += values.iter().map(|value| 1.0 / value).sum::<f64>();
        }
        // E tr W = size·columns, E tr W⁻¹ = size/(columns − size − 1).
        assert!((trace / f64::from(repetitions) / 30.0 - 1.0).abs() < 0.01);
        assert!((inverse / f64::from(repetitions) / 0.5 - 1.0).abs() < 0.05);
        assert!(wishart(&mut rng, 3, 2).is_err());
    }

    #[test]
    fn seventeen_seeds_decide_on_a_bound_and_what_is_not_a_number_is_not_below() {
        use crate::statistics::Verdict;
        let judged = |values: &[f64]| IN_NEARLY_ALL.judge(&share_below(1.0, values));
        let mut values = vec![0.5; 17];
        assert_eq!(judged(&values), Verdict::Holds);
        assert_eq!(judged(&values[1..]), Verdict::NotDecided);
        values[7] = 2.0;
        assert_eq!(judged(&values), Verdict::NotDecided);
        assert_eq!(judged(&[f64::NAN; 17]), Verdict::Fails);
        assert_eq!(judged(&[3.0; 17]), Verdict::Fails);
    }

    #[test]
    fn a_correlation_of_a_line_is_one() {
        assert!((correlation(&[1.0, 2.0, 4.0], &[3.0, 5.0, 9.0]) - 1.0).abs() < 1e-15);
        assert!((correlation(&[1.0, 2.0, 3.0], &[1.0, 0.0, 1.0])).abs() < 1e-15);
    }
}

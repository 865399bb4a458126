//! Least squares with more unknowns than equations: the solutions that are singled out, and what walks towards them.

use crate::experiment::ExperimentError;
use crate::problem::{dense, draw};
use crate::random::StreamRng;
use faer::{Col, Mat, Scale};
use rand::RngExt;

/// The loss `½‖Xw − y‖²`.
#[derive(Clone, Debug)]
pub struct LeastSquares {
    /// A row for each equation.
    pub x: Mat<f64>,
    /// The right-hand sides.
    pub y: Col<f64>,
}

impl LeastSquares {
    /// `y = Xθ + noise`, with standard normal `X` and noise of this standard deviation.
    pub fn gaussian(rng: &mut StreamRng, samples: usize, truth: &Col<f64>, noise: f64) -> Self {
        let x = draw::gaussian(rng, samples, truth.nrows());
        let y = &x * truth + Scale(noise) * draw::normals(rng, samples);
        Self { x, y }
    }

    /// How many unknowns there are.
    pub fn unknowns(&self) -> usize {
        self.x.ncols()
    }

    /// The origin.
    pub fn origin(&self) -> Col<f64> {
        Col::zeros(self.unknowns())
    }

    /// `Xw − y`.
    pub fn residual(&self, w: &Col<f64>) -> Col<f64> {
        &self.x * w - &self.y
    }

    /// `Xᵀ(Xw − y)`.
    pub fn gradient(&self, w: &Col<f64>) -> Col<f64> {
        self.x.transpose() * self.residual(w)
    }

    /// The solution of smallest norm, `X⁺y`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the numbers are not finite.
    pub fn shortest(&self) -> Result<Col<f64>, ExperimentError> {
        dense::least_norm(self.x.as_ref(), self.y.as_ref())
    }

    /// The solution that is nearest to a point, `w₀ + X⁺(y − Xw₀)`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the numbers are not finite.
    pub fn nearest(&self, start: &Col<f64>) -> Result<Col<f64>, ExperimentError> {
        let missing = -self.residual(start);
        Ok(start + dense::least_norm(self.x.as_ref(), missing.as_ref())?)
    }

    /// The solution of smallest `Σ wᵢ²/pᵢ`, `PXᵀ(XPXᵀ)⁻¹y`: where descent preconditioned by `P = diag(p)` ends.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the rows are not independent.
    pub fn shortest_in(&self, p: &Col<f64>) -> Result<Col<f64>, ExperimentError> {
        let scaled = Mat::from_fn(self.x.nrows(), self.x.ncols(), |row, column| {
            self.x[(row, column)] * p[column]
        });
        let gram = &scaled * self.x.transpose();
        Ok(scaled.transpose() * dense::solve(gram.as_ref(), self.y.as_ref())?)
    }

    /// The minimiser of `‖Xw − y‖² + λ‖w‖²`, `Xᵀ(XXᵀ + λI)⁻¹y`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the penalty `λ` is not positive and the rows are not independent.
    pub fn ridge(&self, penalty: f64) -> Result<Col<f64>, ExperimentError> {
        let gram = &self.x * self.x.transpose() + dense::scaled_identity(self.x.nrows(), penalty);
        Ok(self.x.transpose() * dense::solve(gram.as_ref(), self.y.as_ref())?)
    }

    /// The eigenvalues of `XXᵀ` in ascending order, which are those of `XᵀX` but for its zeros.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the numbers are not finite.
    pub fn curvatures(&self) -> Result<Vec<f64>, ExperimentError> {
        dense::eigenvalues((&self.x * self.x.transpose()).as_ref())
    }

    /// The largest of these eigenvalues.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the numbers are not finite.
    pub fn sharpness(&self) -> Result<f64, ExperimentError> {
        Ok(self.curvatures()?.last().copied().unwrap_or(0.0))
    }

    /// The part of `w` that `X` maps to zero.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the numbers are not finite.
    pub fn outside(&self, w: &Col<f64>) -> Result<Col<f64>, ExperimentError> {
        dense::outside_the_row_space(self.x.as_ref(), w.as_ref())
    }

    /// Where so many steps `w ← w − α∇` lead.
    pub fn descend(&self, start: &Col<f64>, step: f64, steps: usize) -> Col<f64> {
        let mut w = start.clone();
        for _ in 0..steps {
            w = &w - Scale(step) * self.gradient(&w);
        }
        w
    }

    /// Where a rule of steps leads.
    pub fn walk(
        &self,
        rule: &Rule,
        start: &Col<f64>,
        steps: usize,
        rng: &mut StreamRng,
    ) -> Col<f64> {
        match rule {
            Rule::Momentum {
                step,
                momentum,
                looks_ahead,
            } => self.with_momentum(start, [*step, *momentum], *looks_ahead, steps),
            Rule::Batches { step, size } => self.in_batches(start, *step, *size, steps, rng),
            Rule::Adam { step, fade } => self.adam(start, *step, *fade, steps),
            Rule::Adagrad { step } => self.adagrad(start, *step, steps),
            Rule::Preconditioned { step, p } => self.preconditioned(start, *step, p, steps),
            Rule::Conjugate => self.conjugate(start, steps),
        }
    }

    fn with_momentum(
        &self,
        start: &Col<f64>,
        [step, momentum]: [f64; 2],
        looks_ahead: bool,
        steps: usize,
    ) -> Col<f64> {
        let (mut before, mut w) = (start.clone(), start.clone());
        for _ in 0..steps {
            let ahead = &w + Scale(momentum) * (&w - &before);
            let gradient = self.gradient(if looks_ahead { &ahead } else { &w });
            before = w;
            w = ahead - Scale(step) * gradient;
        }
        w
    }

    /// A pass after the other through the rows in a new order each; a batch's gradient is the mean over its rows.
    fn in_batches(
        &self,
        start: &Col<f64>,
        step: f64,
        size: usize,
        steps: usize,
        rng: &mut StreamRng,
    ) -> Col<f64> {
        let rows = self.x.nrows();
        let mut order: Vec<usize> = (0..rows).collect();
        let mut w = start.clone();
        let mut place = rows;
        for _ in 0..steps {
            if place >= rows {
                shuffle(&mut order, rng);
                place = 0;
            }
            let batch = &order[place..(place + size).min(rows)];
            place += size;
            let share = step / batch.len() as f64;
            // All residuals are of the same point.
            let residuals: Vec<f64> = batch
                .iter()
                .map(|&row| self.x.row(row) * &w - self.y[row])
                .collect();
            for (&row, residual) in batch.iter().zip(residuals) {
                w -= Scale(share * residual) * self.x.row(row).transpose();
            }
        }
        w
    }

    /// Kingma & Ba 2015, algorithm 1, with `β₁` = 0.9, `β₂` = 0.999, `ε` = 1e-8; the step shrinks geometrically to
    /// `fade` times itself.
    fn adam(&self, start: &Col<f64>, step: f64, fade: f64, steps: usize) -> Col<f64> {
        const DECAY: [f64; 2] = [0.9, 0.999];
        let size = self.unknowns();
        let mut w = start.clone();
        let (mut first, mut second) = (vec![0.0; size], vec![0.0; size]);
        let mut powers = [1.0, 1.0];
        for at in 0..steps {
            let gradient = self.gradient(&w);
            powers = [powers[0] * DECAY[0], powers[1] * DECAY[1]];
            let step = step * fade.powf(at as f64 / steps as f64);
            for index in 0..size {
                let g = gradient[index];
                first[index] = DECAY[0] * first[index] + (1.0 - DECAY[0]) * g;
                second[index] = DECAY[1] * second[index] + (1.0 - DECAY[1]) * g * g;
                let scale = (second[index] / (1.0 - powers[1])).sqrt() + 1e-8;
                w[index] -= step * first[index] / (1.0 - powers[0]) / scale;
            }
        }
        w
    }

    /// Duchi, Hazan & Singer 2011, the diagonal form.
    fn adagrad(&self, start: &Col<f64>, step: f64, steps: usize) -> Col<f64> {
        let mut w = start.clone();
        let mut squares = vec![0.0; self.unknowns()];
        for _ in 0..steps {
            let gradient = self.gradient(&w);
            for (index, square) in squares.iter_mut().enumerate() {
                *square += gradient[index] * gradient[index];
                w[index] -= step * gradient[index] / (square.sqrt() + 1e-12);
            }
        }
        w
    }

    fn preconditioned(&self, start: &Col<f64>, step: f64, p: &Col<f64>, steps: usize) -> Col<f64> {
        let mut w = start.clone();
        for _ in 0..steps {
            let gradient = self.gradient(&w);
            w = Col::from_fn(w.nrows(), |index| {
                w[index] - step * p[index] * gradient[index]
            });
        }
        w
    }

    /// Conjugate gradients on the normal equations (Hestenes & Stiefel 1952), until the residual is gone.
    fn conjugate(&self, start: &Col<f64>, steps: usize) -> Col<f64> {
        let mut w = start.clone();
        let mut residual = -self.residual(&w);
        let mut gradient = self.x.transpose() * &residual;
        let mut direction = gradient.clone();
        let mut square = gradient.squared_norm_l2();
        let enough = 1e-30 * square;
        for _ in 0..steps {
            if square <= enough {
                break;
            }
            let image = &self.x * &direction;
            let length = square / image.squared_norm_l2();
            w = &w + Scale(length) * &direction;
            residual = &residual - Scale(length) * &image;
            gradient = self.x.transpose() * &residual;
            let next = gradient.squared_norm_l2();
            direction = &gradient + Scale(next / square) * &direction;
            square = next;
        }
        w
    }
}

/// A rule of steps on `½‖Xw − y‖²`.
#[derive(Clone, Debug)]
pub enum Rule {
    /// Descent with heavy-ball momentum (Polyak 1964), or with Nesterov's, which looks ahead.
    Momentum {
        /// The step.
        step: f64,
        /// The share of the last difference that is kept.
        momentum: f64,
        /// Whether the gradient is that of the point ahead.
        looks_ahead: bool,
    },
    /// Stochastic descent in batches of rows, without replacement.
    Batches {
        /// The step, for the mean over a batch.
        step: f64,
        /// How many rows a batch has.
        size: usize,
    },
    /// Adam on the whole gradient.
    Adam {
        /// The first step.
        step: f64,
        /// The last step as a share of the first.
        fade: f64,
    },
    /// Adagrad on the whole gradient.
    Adagrad {
        /// The step.
        step: f64,
    },
    /// Descent along `P∇` with `P = diag(p)`.
    Preconditioned {
        /// The step.
        step: f64,
        /// The diagonal.
        p: Col<f64>,
    },
    /// Conjugate gradients.
    Conjugate,
}

/// An evenly distributed order (Fisher & Yates).
fn shuffle(order: &mut [usize], rng: &mut StreamRng) {
    for last in (1..order.len()).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
}

/// `‖a − b‖/‖b‖`.
pub fn relative_distance(a: &Col<f64>, b: &Col<f64>) -> f64 {
    (a - b).norm_l2() / b.norm_l2()
}

/// A vector of which only the first numbers are not zero; those are standard normal.
pub fn sparse_truth(rng: &mut StreamRng, size: usize, nonzero: usize) -> Col<f64> {
    let head = draw::normals(rng, nonzero.min(size));
    Col::from_fn(
        size,
        |index| if index < nonzero { head[index] } else { 0.0 },
    )
}

/// Moore and Penrose's inverse, `Σ vᵢuᵢᵀ/σᵢ`. Singular values below `1e-12` of the largest count as zero.
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn pseudo_inverse(matrix: &Mat<f64>) -> Result<Mat<f64>, ExperimentError> {
    let svd = matrix.thin_svd().map_err(|_| {
        ExperimentError::because("the singular values of a matrix could not be found")
    })?;
    let singular = svd.S().column_vector();
    let least = if singular.nrows() == 0 {
        0.0
    } else {
        1e-12 * singular[0]
    };
    let scaled = Mat::from_fn(svd.V().nrows(), singular.nrows(), |row, column| {
        if singular[column] > least {
            svd.V()[(row, column)] / singular[column]
        } else {
            0.0
        }
    });
    Ok(scaled * svd.U().transpose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    fn problem() -> LeastSquares {
        let mut rng = Streams::new(0).stream("test", 0);
        let truth = draw::normals(&mut rng, 12);
        LeastSquares::gaussian(&mut rng, 5, &truth, 0.1)
    }

    #[test]
    fn the_textbook_s_solution_of_least_norm_is_found_by_every_way_that_keeps_to_the_rows() {
        let rows = [
            [1.0, 0.0, 1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 1.0, 0.0],
            [1.0, 1.0, 0.0, 0.0, 1.0],
        ];
        let x = Mat::from_fn(3, 5, |row, column| rows[row][column]);
        let problem = LeastSquares {
            x,
            y: dense::column(&[1.0, 1.0, 2.0]),
        };
        let expected = dense::column(&[0.75, 0.75, 0.25, 0.25, 0.5]);
        let mut rng = Streams::new(0).stream("test", 0);
        let rules = [
            Rule::Momentum {
                step: 0.2,
                momentum: 0.5,
                looks_ahead: false,
            },
            Rule::Momentum {
                step: 0.2,
                momentum: 0.5,
                looks_ahead: true,
            },
            Rule::Batches { step: 0.3, size: 1 },
            Rule::Conjugate,
        ];
        for rule in rules {
            let found = problem.walk(&rule, &problem.origin(), 2_000, &mut rng);
            assert!(relative_distance(&found, &expected) < 1e-12, "{rule:?}");
        }
        assert!(
            relative_distance(&problem.descend(&problem.origin(), 0.3, 500), &expected) < 1e-12
        );
        assert!(relative_distance(&problem.ridge(1e-10).unwrap(), &expected) < 1e-9);
        assert!(relative_distance(&problem.shortest_in(&Col::ones(5)).unwrap(), &expected) < 1e-13);
    }

    #[test]
    fn the_first_step_of_adam_and_of_adagrad_has_the_signs_of_the_gradient() {
        let problem = problem();
        let gradient = problem.gradient(&problem.origin());
        let mut rng = Streams::new(0).stream("test", 0);
        for rule in [
            Rule::Adam {
                step: 0.1,
                fade: 1.0,
            },
            Rule::Adagrad { step: 0.1 },
        ] {
            let w = problem.walk(&rule, &problem.origin(), 1, &mut rng);
            for index in 0..12 {
                assert!((w[index] + 0.1 * gradient[index].signum()).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn preconditioned_descent_ends_where_its_norm_is_least() {
        let problem = problem();
        let p = Col::from_fn(12, |index| 1.0 + index as f64);
        let mut rng = Streams::new(0).stream("test", 0);
        let rule = Rule::Preconditioned {
            step: 0.005,
            p: p.clone(),
        };
        let found = problem.walk(&rule, &problem.origin(), 20_000, &mut rng);
        assert!(relative_distance(&found, &problem.shortest_in(&p).unwrap()) < 1e-9);
        assert!(relative_distance(&found, &problem.shortest().unwrap()) > 0.05);
    }

    #[test]
    fn the_nearest_solution_differs_from_the_start_only_within_the_rows() {
        let problem = problem();
        let start = draw::normals(&mut Streams::new(1).stream("test", 0), 12);
        let nearest = problem.nearest(&start).unwrap();
        assert!(problem.residual(&nearest).norm_l2() < 1e-12);
        assert!(problem.outside(&(&nearest - &start)).unwrap().norm_l2() < 1e-12);
    }

    #[test]
    fn the_pseudo_inverse_of_an_invertible_matrix_is_its_inverse() {
        let matrix = draw::symmetric(&mut Streams::new(0).stream("test", 0), &[3.0, -1.0, 0.5]);
        let product = pseudo_inverse(&matrix).unwrap() * &matrix;
        assert!((product - dense::scaled_identity(3, 1.0)).norm_l2() < 1e-13);
    }
}

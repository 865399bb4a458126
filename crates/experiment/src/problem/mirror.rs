//! Linear regression with fewer rows than weights, and the geometries in which descent moves: potentials of mirror
//! descent, quadratic parameterisations, their flows, and the interpolants that they should end at.

use super::dense;
use super::draw;
use super::linear_program::LinearProgram;
use crate::experiment::ExperimentError;
use crate::random::StreamRng;
use differential_equations::prelude::{ExplicitRungeKutta, IVP};
use faer::{Col, ColRef, Mat, Scale};
use rand::RngExt;

/// Rows `x` with targets `y`.
#[derive(Clone, Debug)]
pub struct Regression {
    /// A row for each sample.
    pub x: Mat<f64>,
    /// A target for each sample.
    pub y: Col<f64>,
}

impl Regression {
    /// Gaussian rows whose targets are those of `weights`, without noise.
    pub fn gaussian(rng: &mut StreamRng, samples: usize, weights: &Col<f64>) -> Self {
        let x = draw::gaussian(rng, samples, weights.nrows());
        let y = &x * weights;
        Self { x, y }
    }

    /// `Xw − y`.
    pub fn residual(&self, w: ColRef<f64>) -> Col<f64> {
        &self.x * w - &self.y
    }

    /// The gradient of `½‖Xw − y‖²`.
    pub fn gradient(&self, w: ColRef<f64>) -> Col<f64> {
        self.x.transpose() * self.residual(w)
    }

    /// `‖Xw − y‖ / ‖y‖`.
    pub fn misfit(&self, w: ColRef<f64>) -> f64 {
        self.residual(w).norm_l2() / self.y.norm_l2()
    }
}

/// Weights of which the first `support` are between 1/2 and 3/2, with random signs where they may be negative, and all
/// others zero.
pub fn sparse(rng: &mut StreamRng, features: usize, support: usize, is_signed: bool) -> Col<f64> {
    Col::from_fn(features, |index| {
        let size = rng.random_range(0.5..1.5);
        let sign = draw::sign(rng);
        match (index < support, is_signed) {
            (false, _) => 0.0,
            (true, false) => size,
            (true, true) => size * sign,
        }
    })
}

/// A potential `R` of mirror descent: `∇R(w⁺) = ∇R(w) − η∇L(w)` (Nemirovski & Yudin 1983; Beck & Teboulle 2003).
#[derive(Clone, Debug)]
pub enum Potential {
    /// `½‖w‖²`: gradient descent.
    Euclidean,
    /// `½wᵀDw`.
    Quadratic {
        /// `D`, positive definite.
        matrix: Mat<f64>,
        /// Its inverse.
        inverse: Mat<f64>,
    },
    /// `Σ w log w − w`, for positive weights: exponentiated gradient.
    Entropy,
    /// The same of the eigenvalues of a positive definite matrix, whose numbers are the weights, column by column.
    SpectralEntropy {
        /// How many rows the matrix has.
        size: usize,
    },
    /// `½‖w‖_p²` with `1 < p ≤ 2`.
    Power {
        /// `p`.
        exponent: f64,
    },
    /// `(α²/4) Σ q(w/α²)` with `q(z) = 2 − √(4 + z²) + z arcsinh(z/2)` (Woodworth et al. 2020, Theorem 1): the geometry
    /// of gradient flow on `θ₊² − θ₋²` from `θ₊ = −θ₋ = α`.
    Hyperbolic {
        /// `α`.
        scale: f64,
    },
}

impl Potential {
    /// `½wᵀDw`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where `D` is not positive definite.
    pub fn quadratic(matrix: Mat<f64>) -> Result<Self, ExperimentError> {
        let size = matrix.nrows();
        let identity = dense::scaled_identity(size, 1.0);
        let mut inverse = Mat::zeros(size, size);
        for index in 0..size {
            let column = dense::solve(matrix.as_ref(), identity.col(index))?;
            inverse.col_mut(index).copy_from(&column);
        }
        Ok(Self::Quadratic { matrix, inverse })
    }

    /// `R(w)`.
    pub fn value(&self, w: ColRef<f64>) -> Result<f64, ExperimentError> {
        let entropy = |w: f64| if w > 0.0 { w * w.ln() - w } else { 0.0 };
        Ok(match self {
            Self::Euclidean => w.squared_norm_l2() / 2.0,
            Self::Quadratic { matrix, .. } => dense::dot(w, (matrix * w).as_ref()) / 2.0,
            Self::Entropy => dense::numbers(w).into_iter().map(entropy).sum(),
            Self::SpectralEntropy { size } => {
                let (values, _) = dense::eigen(matrix_of(w, *size).as_ref())?;
                values.into_iter().map(entropy).sum()
            }
            Self::Power { exponent } => norm(w, *exponent).powi(2) / 2.0,
            Self::Hyperbolic { scale } => {
                let square = scale * scale;
                let each = |w: f64| {
                    let z = w / square;
                    2.0 - (4.0 + z * z).sqrt() + z * (z / 2.0).asinh()
                };
                dense::numbers(w).into_iter().map(each).sum::<f64>() * square / 4.0
            }
        })
    }

    /// `∇R(w)`.
    pub fn dual(&self, w: ColRef<f64>) -> Result<Col<f64>, ExperimentError> {
        Ok(match self {
            Self::Euclidean => w.to_owned(),
            Self::Quadratic { matrix, .. } => matrix * w,
            Self::Entropy => map(w, f64::ln),
            Self::SpectralEntropy { size } => spectral(w, *size, f64::ln)?,
            Self::Power { exponent } => power_map(w, *exponent),
            Self::Hyperbolic { scale } => map(w, |w| (w / (2.0 * scale * scale)).asinh() / 4.0),
        })
    }

    /// `∇R*(z)`, which undoes [`Potential::dual`].
    pub fn primal(&self, z: ColRef<f64>) -> Result<Col<f64>, ExperimentError> {
        Ok(match self {
            Self::Euclidean => z.to_owned(),
            Self::Quadratic { inverse, .. } => inverse * z,
            Self::Entropy => map(z, f64::exp),
            Self::SpectralEntropy { size } => spectral(z, *size, f64::exp)?,
            Self::Power { exponent } => power_map(z, exponent / (exponent - 1.0)),
            Self::Hyperbolic { scale } => map(z, |z| 2.0 * scale * scale * (4.0 * z).sinh()),
        })
    }

    /// The conjugate `R*(z)`, up to a constant.
    fn conjugate(&self, z: ColRef<f64>) -> Result<f64, ExperimentError> {
        Ok(match self {
            Self::Euclidean => z.squared_norm_l2() / 2.0,
            Self::Quadratic { inverse, .. } => dense::dot(z, (inverse * z).as_ref()) / 2.0,
            Self::Entropy => dense::numbers(z).into_iter().map(f64::exp).sum(),
            Self::SpectralEntropy { size } => {
                let (values, _) = dense::eigen(matrix_of(z, *size).as_ref())?;
                values.into_iter().map(f64::exp).sum()
            }
            Self::Power { exponent } => norm(z, exponent / (exponent - 1.0)).powi(2) / 2.0,
            Self::Hyperbolic { scale } => {
                let sum: f64 = dense::numbers(z)
                    .into_iter()
                    .map(|z| (4.0 * z).cosh())
                    .sum();
                sum * scale * scale / 2.0
            }
        })
    }

    /// `∇²R*(z) = (∇²R(w))⁻¹` at `w = ∇R*(z)`.
    pub fn metric(&self, z: ColRef<f64>) -> Result<Mat<f64>, ExperimentError> {
        let diagonal = |of: &dyn Fn(f64) -> f64| {
            Mat::from_fn(
                z.nrows(),
                z.nrows(),
                |i, j| if i == j { of(z[i]) } else { 0.0 },
            )
        };
        Ok(match self {
            Self::Euclidean => diagonal(&|_| 1.0),
            Self::Quadratic { inverse, .. } => inverse.clone(),
            Self::Entropy => diagonal(&f64::exp),
            Self::SpectralEntropy { size } => spectral_metric(z, *size)?,
            Self::Power { exponent } => power_metric(z, exponent / (exponent - 1.0)),
            Self::Hyperbolic { scale } => diagonal(&|z| 8.0 * scale * scale * (4.0 * z).cosh()),
        })
    }

    /// The Bregman divergence `R(w) − R(v) − ⟨∇R(v), w − v⟩`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the eigenvalues of a matrix cannot be found.
    pub fn divergence(&self, w: ColRef<f64>, v: ColRef<f64>) -> Result<f64, ExperimentError> {
        let slope = dense::dot(self.dual(v)?.as_ref(), (w - v).as_ref());
        Ok(self.value(w)? - self.value(v)? - slope)
    }
}

/// Each number by itself.
pub fn map(vector: ColRef<f64>, of: impl Fn(f64) -> f64) -> Col<f64> {
    Col::from_fn(vector.nrows(), |index| of(vector[index]))
}

/// `‖w‖_p`.
pub fn norm(w: ColRef<f64>, exponent: f64) -> f64 {
    let largest = w.norm_max();
    if largest == 0.0 {
        return 0.0;
    }
    let each = dense::numbers(w)
        .into_iter()
        .map(|w| (w.abs() / largest).powf(exponent));
    largest * each.sum::<f64>().powf(1.0 / exponent)
}

/// The gradient of `½‖w‖_p²`.
pub fn power_map(w: ColRef<f64>, exponent: f64) -> Col<f64> {
    let size = norm(w, exponent);
    if size == 0.0 {
        return Col::zeros(w.nrows());
    }
    map(w, |w| {
        size * w.signum() * (w.abs() / size).powf(exponent - 1.0)
    })
}

/// The second derivative of `½‖z‖_q²` with `q ≥ 2`; the identity at zero, where it has none for `q > 2`.
fn power_metric(z: ColRef<f64>, exponent: f64) -> Mat<f64> {
    let size = norm(z, exponent);
    if size == 0.0 {
        return dense::scaled_identity(z.nrows(), 1.0);
    }
    let unit = map(z, |z| z.signum() * (z.abs() / size).powf(exponent - 1.0));
    Mat::from_fn(z.nrows(), z.nrows(), |i, j| {
        let curved = if i == j {
            (exponent - 1.0) * (z[i].abs() / size).powf(exponent - 2.0)
        } else {
            0.0
        };
        curved + (2.0 - exponent) * unit[i] * unit[j]
    })
}

fn matrix_of(vector: ColRef<f64>, size: usize) -> Mat<f64> {
    // Symmetric, whatever rounding has done to its two halves.
    Mat::from_fn(size, size, |row, column| {
        (vector[column * size + row] + vector[row * size + column]) / 2.0
    })
}

fn spectral(
    vector: ColRef<f64>,
    size: usize,
    of: impl Fn(f64) -> f64,
) -> Result<Col<f64>, ExperimentError> {
    let (values, basis) = dense::eigen(matrix_of(vector, size).as_ref())?;
    let scaled = Mat::from_fn(size, size, |row, column| {
        basis[(row, column)] * of(values[column])
    });
    let matrix = scaled * basis.transpose();
    Ok(Col::from_fn(size * size, |index| {
        matrix[(index % size, index / size)]
    }))
}

/// The derivative of the matrix exponential, by divided differences in the eigenbasis (Daleckii & Krein 1965).
fn spectral_metric(z: ColRef<f64>, size: usize) -> Result<Mat<f64>, ExperimentError> {
    let (values, basis) = dense::eigen(matrix_of(z, size).as_ref())?;
    let quotient = |a: f64, b: f64| {
        let half = (a - b) / 2.0;
        let ratio = if half.abs() < 1e-6 {
            1.0 + half * half / 6.0
        } else {
            half.sinh() / half
        };
        ((a + b) / 2.0).exp() * ratio
    };
    let all = size * size;
    let kronecker = Mat::from_fn(all, all, |row, column| {
        basis[(row % size, column % size)] * basis[(row / size, column / size)]
    });
    let scaled = Mat::from_fn(all, all, |row, column| {
        kronecker[(row, column)] * quotient(values[column % size], values[column / size])
    });
    Ok(scaled * kronecker.transpose())
}

/// An interpolant with how far it may be from the one that was meant.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The weights.
    pub weights: Col<f64>,
    /// By how much their divergence may exceed the least one: the gap between the primal and the dual problem.
    pub gap: f64,
}

/// The most steps of Newton's method.
const NEWTON_STEPS: usize = 400;

/// The interpolant that is nearest to `start` in the Bregman divergence of the potential, by Newton's method on the dual
/// problem `min_λ R*(∇R(start) + Xᵀλ) − λᵀy`.
///
/// # Errors
///
/// [`ExperimentError`] where Newton's method does not end.
pub fn nearest_interpolant(
    problem: &Regression,
    potential: &Potential,
    start: ColRef<f64>,
) -> Result<Projection, ExperimentError> {
    let origin = potential.dual(start)?;
    let dual = |multipliers: &Col<f64>| &origin + problem.x.transpose() * multipliers;
    let objective = |multipliers: &Col<f64>| -> Result<f64, ExperimentError> {
        let value = potential.conjugate(dual(multipliers).as_ref())?;
        Ok(value - dense::dot(multipliers.as_ref(), problem.y.as_ref()))
    };
    let mut multipliers = Col::<f64>::zeros(problem.x.nrows());
    let mut height = objective(&multipliers)?;
    let mut best: Option<(f64, Projection)> = None;
    for _ in 0..NEWTON_STEPS {
        let z = dual(&multipliers);
        let weights = potential.primal(z.as_ref())?;
        let residual = problem.residual(weights.as_ref());
        let gap = dense::dot(residual.as_ref(), multipliers.as_ref()).abs();
        let misfit = residual.norm_l2() / problem.y.norm_l2();
        match best {
            // As near as rounding lets it come.
            Some((before, found)) if before < 1e-11 && misfit >= before / 2.0 => return Ok(found),
            _ => best = Some((misfit, Projection { weights, gap })),
        }
        let metric = potential.metric(z.as_ref())?;
        let step = newton_step(problem, &metric, &residual)?;
        let mut length = potential.first_length(problem, &step);
        let slope = dense::dot(residual.as_ref(), step.as_ref());
        loop {
            let trial = &multipliers + &step * Scale(length);
            let value = objective(&trial)?;
            // Near the end rounding hides the descent, and Newton's step is right without it.
            let rounding = 1e-14 * (1.0 + height.abs());
            if value <= height + 1e-4 * length * slope + rounding {
                (multipliers, height) = (trial, value);
                break;
            }
            length /= 2.0;
            if length < 1e-10 {
                return Err(no_interpolant());
            }
        }
    }
    Err(no_interpolant())
}

impl Potential {
    /// The share of Newton's step to be tried first. Exponentials of dual weights must not leap: ten units of the
    /// exponent at once are enough.
    fn first_length(&self, problem: &Regression, step: &Col<f64>) -> f64 {
        let reach = (problem.x.transpose() * step).norm_max();
        match self {
            Self::Euclidean | Self::Quadratic { .. } | Self::Power { .. } => 1.0,
            Self::Hyperbolic { .. } => (2.5 / reach).min(1.0),
            Self::Entropy | Self::SpectralEntropy { .. } => (10.0 / reach).min(1.0),
        }
    }
}

fn no_interpolant() -> ExperimentError {
    ExperimentError::because(
        "the nearest interpolant was not found: are there fewer rows than weights?",
    )
}

fn newton_step(
    problem: &Regression,
    metric: &Mat<f64>,
    residual: &Col<f64>,
) -> Result<Col<f64>, ExperimentError> {
    let mut hessian = &problem.x * metric * problem.x.transpose();
    let mean = (0..hessian.nrows()).map(|i| hessian[(i, i)]).sum::<f64>() / hessian.nrows() as f64;
    for index in 0..hessian.nrows() {
        hessian[(index, index)] += 1e-14 * mean;
    }
    Ok(-dense::solve(hessian.as_ref(), residual.as_ref())?)
}

/// The interpolant of least `‖w‖₁`, as the vertex of a linear program; of those without negative weights where asked.
///
/// # Errors
///
/// [`ExperimentError`] where there is none.
pub fn least_absolute(
    problem: &Regression,
    is_nonnegative: bool,
) -> Result<Col<f64>, ExperimentError> {
    let features = problem.x.ncols();
    // The weights are the difference of two parts that are not negative; of one where they are not themselves.
    let signs: &[f64] = if is_nonnegative { &[1.0] } else { &[1.0, -1.0] };
    let program = LinearProgram {
        costs: vec![1.0; features * signs.len()],
        constraints: Vec::new(),
    };
    let program = (0..problem.x.nrows()).fold(program, |program, row| {
        let part = |sign: f64| (0..features).map(move |column| sign * problem.x[(row, column)]);
        program.with_equality(
            signs.iter().copied().flat_map(part).collect(),
            problem.y[row],
        )
    });
    let failed = || {
        ExperimentError::because("the linear program of the least absolute norm has no solution")
    };
    let solution = program.solve().ok_or_else(failed)?;
    Ok(Col::from_fn(features, |column| {
        let parts = signs.iter().enumerate();
        parts
            .map(|(part, sign)| sign * solution.variables[part * features + column])
            .sum::<f64>()
    }))
}

/// How mirror descent chooses its steps, as shares of the largest one for which a quadratic model descends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// A constant share.
    Constant,
    /// A share that goes up and down.
    Irregular,
    /// One sample after the other, each with a constant share.
    OneByOne,
}

/// Mirror descent on `½‖Xw − y‖²` until the misfit is below `tolerance` or there were `steps` of them; `see` is shown
/// the weights before each step.
///
/// # Errors
///
/// [`ExperimentError`] where the eigenvalues of a matrix cannot be found.
pub fn mirror_descent(
    problem: &Regression,
    potential: &Potential,
    start: ColRef<f64>,
    schedule: Schedule,
    (steps, tolerance): (usize, f64),
    mut see: impl FnMut(usize, ColRef<f64>),
) -> Result<Col<f64>, ExperimentError> {
    let rows = problem.x.nrows();
    let mut z = potential.dual(start)?;
    for step in 0..steps {
        let w = potential.primal(z.as_ref())?;
        see(step, w.as_ref());
        if problem.misfit(w.as_ref()) < tolerance {
            break;
        }
        let metric = potential.metric(z.as_ref())?;
        let curvature = |row: usize| {
            let x = problem.x.row(row).transpose();
            dense::dot(x, (&metric * x).as_ref())
        };
        let residual = problem.residual(w.as_ref());
        match schedule {
            Schedule::OneByOne => {
                let row = step % rows;
                z -= problem.x.row(row).transpose() * Scale(0.5 * residual[row] / curvature(row));
            }
            Schedule::Constant | Schedule::Irregular => {
                let share = match schedule {
                    Schedule::Constant => 1.0,
                    _ => 1.0 + 0.9 * (step as f64).sin(),
                };
                let total: f64 = (0..rows).map(curvature).sum();
                z -= problem.x.transpose() * residual * Scale(share / total);
            }
        }
    }
    potential.primal(z.as_ref())
}

/// Exponentiated gradient without normalisation, `w ← w exp(−η∇L)` on `½‖Xw − y‖²` (Kivinen & Warmuth 1997), with all
/// weights `size` at the start, until the misfit is below `tolerance` or there were `steps` steps. The step is one over
/// the trace of the curvature in the geometry of the entropy, and moves no exponent by more than one.
pub fn exponentiated_gradient(
    problem: &Regression,
    size: f64,
    (steps, tolerance): (usize, f64),
) -> Col<f64> {
    let features = problem.x.ncols();
    let columns: Vec<f64> = (0..features)
        .map(|i| problem.x.col(i).squared_norm_l2())
        .collect();
    let mut w = Col::from_fn(features, |_| size);
    for _ in 0..steps {
        let residual = problem.residual(w.as_ref());
        if residual.norm_l2() < tolerance * problem.y.norm_l2() {
            break;
        }
        let gradient = problem.x.transpose() * residual;
        let trace: f64 = columns
            .iter()
            .enumerate()
            .map(|(i, column)| w[i] * column)
            .sum();
        let step = (1.0 / trace).min(1.0 / gradient.norm_max());
        w = Col::from_fn(features, |i| w[i] * (-step * gradient[i]).exp());
    }
    w
}

/// Gradient descent on `½‖Xw − y‖²` with projection to weights that are not negative, from zero.
pub fn projected_gradient(problem: &Regression, (steps, tolerance): (usize, f64)) -> Col<f64> {
    let step = 1.0 / (problem.x.transpose() * &problem.x).norm_l2();
    let mut w = Col::zeros(problem.x.ncols());
    for _ in 0..steps {
        if problem.misfit(w.as_ref()) < tolerance {
            break;
        }
        let moved = &w - problem.gradient(w.as_ref()) * Scale(step);
        w = map(moved.as_ref(), |w| w.max(0.0));
    }
    w
}

/// Steepest descent on `‖Xw − y‖²` in a norm `‖·‖_p`, from zero until the misfit is below 10⁻¹¹ or there were `steps`
/// steps: `w ← w − η ∇(½‖g‖_q²)` with `g` the gradient and `1/p + 1/q = 1` (Boyd & Vandenberghe 2004, sec. 9.4).
pub fn steepest_descent(problem: &Regression, exponent: f64, step: f64, steps: usize) -> Col<f64> {
    let dual = exponent / (exponent - 1.0);
    let mut w = Col::zeros(problem.x.ncols());
    for _ in 0..steps {
        if problem.misfit(w.as_ref()) < 1e-11 {
            break;
        }
        let gradient = problem.gradient(w.as_ref()) * Scale(2.0);
        w -= power_map(gradient.as_ref(), dual) * Scale(step);
    }
    w
}

/// Two points in three dimensions (Gunasekar, Lee, Soudry & Srebro 2018, "Characterizing implicit bias in terms of
/// optimization geometry", example 2).
pub fn two_points() -> Regression {
    let rows = [[1.0, 1.0, 1.0], [1.0, 2.0, 0.0]];
    Regression {
        x: Mat::from_fn(2, 3, |row, column| rows[row][column]),
        y: dense::column(&[1.0, 10.0]),
    }
}

/// The solution of `dy/dt = field(y)` at ascending `times` after 0, by Dormand & Prince's method of order 8 with a
/// relative tolerance of 10⁻¹⁰.
///
/// # Errors
///
/// [`ExperimentError`] where the solver gives up.
pub fn flow(
    start: &[f64],
    times: &[f64],
    field: impl Fn(&[f64], &mut [f64]),
) -> Result<Vec<Vec<f64>>, ExperimentError> {
    let derivative = |_: f64, y: &Vec<f64>, slope: &mut Vec<f64>| field(y, slope);
    let mut begin = (0.0, start.to_vec());
    let mut path = Vec::with_capacity(times.len());
    // From each time to the next, since between its steps the solver interpolates to seven digits only.
    for time in times {
        let method = ExplicitRungeKutta::dop853()
            .rtol(1e-10)
            .atol(1e-13)
            .max_steps(1_000_000);
        let solution = IVP::ode_from_fn(derivative, begin.0, *time, begin.1)
            .method(method)
            .solve()
            .map_err(|_| ExperimentError::because("a differential equation could not be solved"))?;
        let end = solution.y.last().cloned();
        let end =
            end.ok_or_else(|| ExperimentError::because("a differential equation has no solution"))?;
        path.push(end.clone());
        begin = (*time, end);
    }
    Ok(path)
}

/// A term `factor · θ_a θ_b` of a component: `(a, b, factor)`.
type Term = (usize, usize, f64);

/// A parameterisation `w = G(θ)` whose components are quadratic: sums of terms `factor · θ_a θ_b`, and linear ones.
#[derive(Clone, Debug)]
pub struct Parameterisation {
    /// The quadratic terms of each component.
    terms: Vec<Vec<Term>>,
    /// The linear terms: a row for each component.
    slopes: Mat<f64>,
}

impl Parameterisation {
    /// `G(θ) = Bθ`.
    pub fn linear(matrix: Mat<f64>) -> Self {
        Self {
            terms: vec![Vec::new(); matrix.nrows()],
            slopes: matrix,
        }
    }

    fn quadratic(parameters: usize, terms: Vec<Vec<Term>>) -> Self {
        let slopes = Mat::zeros(terms.len(), parameters);
        Self { terms, slopes }
    }

    /// `G(θ) = θ²`, number by number.
    pub fn squares(size: usize) -> Self {
        Self::quadratic(size, (0..size).map(|i| vec![(i, i, 1.0)]).collect())
    }

    /// `G(u, v) = uv`, number by number.
    pub fn pairs(size: usize) -> Self {
        Self::quadratic(
            2 * size,
            (0..size).map(|i| vec![(i, size + i, 1.0)]).collect(),
        )
    }

    /// `G(θ₊, θ₋) = θ₊² − θ₋²`, number by number.
    pub fn signed_squares(size: usize) -> Self {
        let component = |i| vec![(i, i, 1.0), (size + i, size + i, -1.0)];
        Self::quadratic(2 * size, (0..size).map(component).collect())
    }

    /// The numbers of `UVᵀ`, column by column, with square matrices `U` and `V`.
    pub fn matrix_product(size: usize) -> Self {
        let place = |row: usize, inner: usize| inner * size + row;
        let component = |index: usize| {
            let (row, column) = (index % size, index / size);
            (0..size)
                .map(|k| (place(row, k), size * size + place(column, k), 1.0))
                .collect()
        };
        Self::quadratic(2 * size * size, (0..size * size).map(component).collect())
    }

    /// How many parameters it has.
    pub fn parameters(&self) -> usize {
        self.slopes.ncols()
    }

    /// How many weights it gives.
    pub fn weights(&self) -> usize {
        self.slopes.nrows()
    }

    /// `G(θ)`.
    pub fn value(&self, parameters: ColRef<f64>) -> Col<f64> {
        let straight = &self.slopes * parameters;
        Col::from_fn(self.terms.len(), |i| {
            let curved = self.terms[i]
                .iter()
                .map(|(a, b, f)| f * parameters[*a] * parameters[*b]);
            straight[i] + curved.sum::<f64>()
        })
    }

    /// `∂G(θ)ᵀg`.
    pub fn pull_back(&self, parameters: ColRef<f64>, gradient: ColRef<f64>) -> Col<f64> {
        let mut sum = self.slopes.transpose() * gradient;
        for (terms, gradient) in self.terms.iter().zip(dense::numbers(gradient)) {
            for (a, b, factor) in terms {
                sum[*a] += factor * gradient * parameters[*b];
                sum[*b] += factor * gradient * parameters[*a];
            }
        }
        sum
    }

    /// `∇G_i(θ)`.
    pub fn gradient(&self, index: usize, parameters: ColRef<f64>) -> Col<f64> {
        let unit = Col::from_fn(self.weights(), |i| if i == index { 1.0 } else { 0.0 });
        self.pull_back(parameters, unit.as_ref())
    }

    /// `∇²G_i v`.
    pub fn curve(&self, index: usize, along: ColRef<f64>) -> Col<f64> {
        let mut sum = Col::zeros(self.parameters());
        for (a, b, factor) in &self.terms[index] {
            sum[*a] += factor * along[*b];
            sum[*b] += factor * along[*a];
        }
        sum
    }

    /// `∂G(θ)∂G(θ)ᵀ`, in which gradient flow moves the weights.
    pub fn metric(&self, parameters: ColRef<f64>) -> Mat<f64> {
        let mut jacobian = Mat::zeros(self.weights(), self.parameters());
        for index in 0..self.weights() {
            jacobian
                .row_mut(index)
                .copy_from(self.gradient(index, parameters).transpose());
        }
        &jacobian * jacobian.transpose()
    }

    /// `θ` at ascending times of `dθ/dt = −∂G(θ)ᵀ∇L(G(θ))`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the differential equation cannot be solved.
    pub fn flow(
        &self,
        start: ColRef<f64>,
        times: &[f64],
        gradient: impl Fn(ColRef<f64>) -> Col<f64>,
    ) -> Result<Vec<Col<f64>>, ExperimentError> {
        let path = flow(&dense::numbers(start), times, |y, slope| {
            let parameters = ColRef::from_slice(y);
            let pull = gradient(self.value(parameters).as_ref());
            let down = self.pull_back(parameters, pull.as_ref());
            for (index, slope) in slope.iter_mut().enumerate() {
                *slope = -down[index];
            }
        })?;
        Ok(path.iter().map(|numbers| dense::column(numbers)).collect())
    }

    /// `θ` at the end of the flow down `½‖Xw − y‖²`: where the misfit is below `tolerance`, or at time `latest`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the differential equation cannot be solved.
    pub fn end_of_flow(
        &self,
        problem: &Regression,
        start: ColRef<f64>,
        (latest, tolerance): (f64, f64),
    ) -> Result<Col<f64>, ExperimentError> {
        let rate = (&problem.x * self.metric(start) * problem.x.transpose()).norm_l2();
        let (mut parameters, mut time, mut stretch) = (start.to_owned(), 0.0, 1.0 / rate);
        while time < latest && problem.misfit(self.value(parameters.as_ref()).as_ref()) > tolerance
        {
            let mut path = self.flow(parameters.as_ref(), &[stretch], |w| problem.gradient(w))?;
            parameters = path.pop().unwrap_or(parameters);
            time += stretch;
            stretch *= 1.3;
        }
        Ok(parameters)
    }
}

/// `w` at ascending times of the mirror flow `d∇R(w)/dt = −∇L(w)`.
///
/// # Errors
///
/// [`ExperimentError`] where the differential equation cannot be solved.
pub fn mirror_flow(
    potential: &Potential,
    start: ColRef<f64>,
    times: &[f64],
    gradient: impl Fn(ColRef<f64>) -> Col<f64>,
) -> Result<Vec<Col<f64>>, ExperimentError> {
    let origin = potential.dual(start)?;
    let path = flow(&dense::numbers(origin.as_ref()), times, |y, slope| {
        // A matrix that has no eigenvalues is not finite; the solver then refuses the step.
        let down = potential
            .primal(ColRef::from_slice(y))
            .map(|w| gradient(w.as_ref()));
        for (index, slope) in slope.iter_mut().enumerate() {
            *slope = down.as_ref().map_or(f64::NAN, |down| -down[index]);
        }
    })?;
    path.iter()
        .map(|numbers| potential.primal(ColRef::from_slice(numbers)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    fn all_potentials(rng: &mut StreamRng) -> Vec<Potential> {
        let matrix = draw::symmetric(rng, &[0.5, 1.0, 2.0, 3.0]);
        vec![
            Potential::Euclidean,
            Potential::quadratic(matrix).unwrap(),
            Potential::Entropy,
            Potential::SpectralEntropy { size: 2 },
            Potential::Power {
                exponent: 4.0 / 3.0,
            },
            Potential::Hyperbolic { scale: 0.7 },
        ]
    }

    #[test]
    fn dual_is_the_derivative_of_the_value_and_metric_that_of_primal() {
        let mut rng = Streams::new(0).stream("test", 0);
        // As a matrix of two rows, (2, 0.3; 0.3, 1).
        let w = dense::column(&[2.0, 0.3, 0.3, 1.0]);
        for potential in all_potentials(&mut rng) {
            let z = potential.dual(w.as_ref()).unwrap();
            let back = potential.primal(z.as_ref()).unwrap();
            assert!((&back - &w).norm_l2() < 1e-13, "{potential:?}");
            let direction = dense::column(&[0.2, -0.4, -0.4, 0.1]);
            let step = 1e-5;
            let moved = |sign: f64| &w + &direction * Scale(sign * step);
            let slope = (potential.value(moved(1.0).as_ref()).unwrap()
                - potential.value(moved(-1.0).as_ref()).unwrap())
                / (2.0 * step);
            assert!(
                (slope - dense::dot(z.as_ref(), direction.as_ref())).abs() < 1e-8,
                "{potential:?}"
            );
            let moved = |sign: f64| &z + &direction * Scale(sign * step);
            let change = (potential.primal(moved(1.0).as_ref()).unwrap()
                - potential.primal(moved(-1.0).as_ref()).unwrap())
                * Scale(0.5 / step);
            let metric = potential.metric(z.as_ref()).unwrap();
            assert!(
                (change - metric * &direction).norm_l2() < 1e-7,
                "{potential:?}"
            );
        }
    }

    #[test]
    fn the_interpolant_of_least_norm_is_that_of_the_literature() {
        let potential = Potential::Power {
            exponent: 4.0 / 3.0,
        };
        let found = nearest_interpolant(&two_points(), &potential, Col::zeros(3).as_ref()).unwrap();
        for (found, expected) in dense::numbers(found.weights.as_ref())
            .iter()
            .zip([0.00023, 4.99988, -4.00012])
        {
            assert!((found - expected).abs() < 2e-5, "{found}");
        }
        assert!((norm(found.weights.as_ref(), 4.0 / 3.0) - 7.58365).abs() < 1e-5);
        let found =
            nearest_interpolant(&two_points(), &Potential::Euclidean, Col::zeros(3).as_ref())
                .unwrap();
        for (found, expected) in
            dense::numbers(found.weights.as_ref())
                .iter()
                .zip([1.0 / 3.0, 29.0 / 6.0, -25.0 / 6.0])
        {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn the_end_of_steepest_descent_depends_on_its_step_as_in_the_literature() {
        let expected = [
            (0.02, [0.30986, 4.84507, -4.15493]),
            (0.01, [0.29568, 4.85216, -4.14784]),
            (1e-3, [0.28386, 4.85807, -4.14193]),
        ];
        for (step, expected) in expected {
            let found = steepest_descent(&two_points(), 4.0 / 3.0, step, 1_000_000);
            for (found, expected) in dense::numbers(found.as_ref()).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{step}: {found}");
            }
        }
    }

    #[test]
    fn a_linear_program_finds_the_least_absolute_norm() {
        // On the interpolants (t, 5 − t/2, −4 − t/2) the sum of sizes is least at t = 0: 9.
        let found = least_absolute(&two_points(), false).unwrap();
        assert!((norm(found.as_ref(), 1.0) - 9.0).abs() < 1e-9, "{found:?}");
        assert!(least_absolute(&two_points(), true).is_err());
    }

    #[test]
    fn the_flow_of_a_square_is_the_logistic_curve() {
        // dθ/dt = −2θ(θ² − 1): w = θ² obeys dw/dt = 4w(1 − w).
        let map = Parameterisation::squares(1);
        let path = map
            .flow(dense::column(&[0.1]).as_ref(), &[1.0, 2.0], |w| {
                dense::column(&[w[0] - 1.0])
            })
            .unwrap();
        for (time, found) in [1.0f64, 2.0].iter().zip(path) {
            let expected = 1.0 / (1.0 + 99.0 * (-4.0 * time).exp());
            let error = (map.value(found.as_ref())[0] - expected).abs();
            assert!(error < 1e-9, "{error}");
        }
    }

    #[test]
    fn two_parameters_of_one_weight_have_two_metrics() {
        // Arora et al., Example 8.1.5: 4 and 12.
        let map = Parameterisation::signed_squares(1);
        for (parameters, expected) in [([1.0, 0.0], 4.0), ([2f64.sqrt(), 1.0], 12.0)] {
            let metric = map.metric(dense::column(&parameters).as_ref());
            assert!((metric[(0, 0)] - expected).abs() < 1e-14);
        }
    }
}

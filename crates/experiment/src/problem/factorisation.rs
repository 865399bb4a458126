//! Matrices as products of factors: completion by descent, its least nuclear norm, and what dropout of the columns adds.

use super::dense;
use super::draw;
use crate::experiment::ExperimentError;
use crate::random::StreamRng;
use faer::{Col, Mat, MatRef, Scale};
use rand::RngExt;

/// A matrix of which some entries are known.
#[derive(Clone, Debug)]
pub struct Completion {
    /// All of it.
    pub truth: Mat<f64>,
    /// 1 where an entry is known, else 0.
    pub mask: Mat<f64>,
}

impl Completion {
    /// A square Gaussian matrix of this rank, with entries of variance one, each of which is known with a chance of
    /// `share`.
    pub fn low_rank(rng: &mut StreamRng, size: usize, rank: usize, share: f64) -> Self {
        let factors = [0, 1].map(|_| draw::gaussian(rng, size, rank));
        let truth = &factors[0] * factors[1].transpose() * Scale(1.0 / (rank as f64).sqrt());
        let known: Vec<f64> = (0..size * size)
            .map(|_| f64::from(rng.random::<f64>() < share))
            .collect();
        let mask = Mat::from_fn(size, size, |i, j| known[i * size + j]);
        Self { truth, mask }
    }

    /// What is wrong with `found` where the truth is known, and zero elsewhere.
    pub fn residual(&self, found: MatRef<f64>) -> Mat<f64> {
        Mat::from_fn(found.nrows(), found.ncols(), |i, j| {
            self.mask[(i, j)] * (found[(i, j)] - self.truth[(i, j)])
        })
    }

    /// The known entries, and zero elsewhere.
    pub fn known(&self) -> Mat<f64> {
        hadamard(self.mask.as_ref(), self.truth.as_ref())
    }

    /// The error on the known entries, as a share of their norm.
    pub fn misfit(&self, found: MatRef<f64>) -> f64 {
        self.residual(found).norm_l2() / self.known().norm_l2()
    }

    /// The error on the unknown entries, as a share of their norm.
    pub fn error(&self, found: MatRef<f64>) -> f64 {
        let hidden = Mat::from_fn(self.mask.nrows(), self.mask.ncols(), |i, j| {
            1.0 - self.mask[(i, j)]
        });
        let wrong = hadamard(hidden.as_ref(), (found - &self.truth).as_ref());
        wrong.norm_l2() / hadamard(hidden.as_ref(), self.truth.as_ref()).norm_l2()
    }
}

/// The product entry by entry.
pub fn hadamard(a: MatRef<f64>, b: MatRef<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] * b[(i, j)])
}

/// The sum of the singular values.
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn nuclear_norm(matrix: MatRef<f64>) -> Result<f64, ExperimentError> {
    Ok(dense::singular_values(matrix)?.into_iter().sum())
}

/// The exponential of the entropy of the singular values as shares of their sum: the rank, where they are equal (Roy &
/// Vetterli 2007, "The effective rank").
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn effective_rank(matrix: MatRef<f64>) -> Result<f64, ExperimentError> {
    let values = dense::singular_values(matrix)?;
    let sum: f64 = values.iter().sum();
    let entropy = values
        .iter()
        .map(|value| value / sum)
        .filter(|share| *share > 0.0);
    Ok(entropy.map(|share| -share * share.ln()).sum::<f64>().exp())
}

/// A completion of least nuclear norm.
#[derive(Clone, Debug)]
pub struct LeastNuclear {
    /// It, which agrees with all known entries.
    pub matrix: Mat<f64>,
    /// Its nuclear norm.
    pub norm: f64,
    /// By how much that may exceed the least: its distance from the value of a feasible point of the dual problem.
    pub gap: f64,
}

/// The completion of least nuclear norm, by the alternating direction method (Boyd et al. 2011) until the gap to the
/// dual problem `max ⟨Λ, Y⟩` over `Λ` on the known entries with singular values up to one is below `tolerance`
/// (relative) or there were `steps` steps.
///
/// # Errors
///
/// [`ExperimentError`] where singular values cannot be found.
pub fn least_nuclear_norm(
    problem: &Completion,
    (steps, tolerance): (usize, f64),
) -> Result<LeastNuclear, ExperimentError> {
    let known = problem.known();
    // The threshold, on the scale of the matrix.
    let threshold = nuclear_norm(known.as_ref())? / (4.0 * known.nrows() as f64);
    let (rows, columns) = (known.nrows(), known.ncols());
    let mut feasible = known.clone();
    let mut dual = Mat::<f64>::zeros(rows, columns);
    let mut best: Option<LeastNuclear> = None;
    for step in 0..steps {
        let low = shrink((&feasible - &dual).as_ref(), threshold)?;
        let sum = &low + &dual;
        feasible = Mat::from_fn(rows, columns, |i, j| {
            if problem.mask[(i, j)] > 0.0 {
                known[(i, j)]
            } else {
                sum[(i, j)]
            }
        });
        dual = sum - &feasible;
        if step % 10 == 9 || step + 1 == steps {
            let norm = nuclear_norm(feasible.as_ref())?;
            let certificate = hadamard(problem.mask.as_ref(), dual.as_ref()) * Scale(-1.0);
            let largest = dense::singular_values(certificate.as_ref())?
                .first()
                .copied()
                .unwrap_or(0.0);
            let value = inner(certificate.as_ref(), known.as_ref()) / largest;
            let gap = norm - value;
            if best.as_ref().is_none_or(|best| gap < best.gap) {
                best = Some(LeastNuclear {
                    matrix: feasible.clone(),
                    norm,
                    gap,
                });
            }
            if gap < tolerance * norm {
                break;
            }
        }
    }
    best.ok_or_else(|| ExperimentError::because("the least nuclear norm needs at least one step"))
}

/// `Σ aᵢⱼ bᵢⱼ`.
pub fn inner(a: MatRef<f64>, b: MatRef<f64>) -> f64 {
    (0..a.ncols()).map(|j| dense::dot(a.col(j), b.col(j))).sum()
}

/// The matrix with all singular values less by `threshold`, and none below zero.
fn shrink(matrix: MatRef<f64>, threshold: f64) -> Result<Mat<f64>, ExperimentError> {
    let svd = matrix.thin_svd().map_err(|_| {
        ExperimentError::because("the singular values of a matrix could not be found")
    })?;
    let values = svd.S().column_vector();
    let scaled = Mat::from_fn(matrix.nrows(), values.nrows(), |i, j| {
        svd.U()[(i, j)] * (values[j] - threshold).max(0.0)
    });
    Ok(scaled * svd.V().transpose())
}

/// Two factors of a matrix `UVᵀ`.
#[derive(Clone, Debug)]
pub struct Factors {
    /// `U`.
    pub u: Mat<f64>,
    /// `V`.
    pub v: Mat<f64>,
}

/// How gradient descent on factors chooses its step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// A constant one.
    Constant(f64),
    /// The one of least loss along the gradient.
    ExactLineSearch,
}

impl Factors {
    /// Gaussian factors of this many columns, with entries of standard deviation `scale`.
    pub fn gaussian(rng: &mut StreamRng, size: usize, width: usize, scale: f64) -> Self {
        let [u, v] = [0, 1].map(|_| draw::gaussian(rng, size, width) * Scale(scale));
        Self { u, v }
    }

    /// `UVᵀ`.
    pub fn product(&self) -> Mat<f64> {
        &self.u * self.v.transpose()
    }

    /// Gradient descent on `½‖P(UVᵀ − truth)‖²`, with `P` the known entries, until the misfit is below `tolerance` or
    /// there were `steps` steps.
    pub fn descend(&mut self, problem: &Completion, rule: Step, (steps, tolerance): (usize, f64)) {
        let goal = tolerance * problem.known().norm_l2();
        for _ in 0..steps {
            let residual = problem.residual(self.product().as_ref());
            if residual.norm_l2() < goal {
                break;
            }
            let pull = Self {
                u: &residual * &self.v,
                v: residual.transpose() * &self.u,
            };
            let step = match rule {
                Step::Constant(step) => step,
                Step::ExactLineSearch => self.best_step(problem, &residual, &pull),
            };
            self.u -= pull.u * Scale(step);
            self.v -= pull.v * Scale(step);
        }
    }

    /// The step of least loss: along the gradient the loss is a polynomial of degree four.
    fn best_step(&self, problem: &Completion, residual: &Mat<f64>, pull: &Self) -> f64 {
        let mask = problem.mask.as_ref();
        let first = &pull.u * self.v.transpose() + &self.u * pull.v.transpose();
        let first = hadamard(mask, first.as_ref());
        let second = hadamard(mask, pull.product().as_ref());
        let product = |a: &Mat<f64>, b: &Mat<f64>| inner(a.as_ref(), b.as_ref());
        // ‖R − sF + s²S‖² = r − 2s RF + s²(F² + 2 RS) − 2s³ FS + s⁴ S².
        let [b, c] = [
            product(residual, &first),
            product(&first, &first) + 2.0 * product(residual, &second),
        ];
        let [d, e] = [product(&first, &second), product(&second, &second)];
        let value = |s: f64| s * (-2.0 * b + s * (c + s * (-2.0 * d + s * e)));
        // The derivative over two: −b + c s − 3 d s² + 2 e s³.
        let roots = cubic_roots([-b, c, -3.0 * d, 2.0 * e]);
        roots
            .into_iter()
            .min_by(|x, y| value(*x).total_cmp(&value(*y)))
            .unwrap_or(0.0)
    }
}

/// The real roots of `a + bx + cx² + dx³` with `d > 0` (Cardano; Viète where there are three).
fn cubic_roots([a, b, c, d]: [f64; 4]) -> Vec<f64> {
    let shift = c / (3.0 * d);
    let p = b / d - 3.0 * shift * shift;
    let q = 2.0 * shift.powi(3) - shift * b / d + a / d;
    let discriminant = (q / 2.0).powi(2) + (p / 3.0).powi(3);
    if discriminant > 0.0 {
        // The cube root that does not cancel.
        let large = -(q / 2.0) - (q / 2.0).signum() * discriminant.sqrt();
        let root = large.cbrt();
        return vec![root - p / (3.0 * root) - shift];
    }
    let size = 2.0 * (-p / 3.0).sqrt();
    let angle = (3.0 * q / (p * size)).clamp(-1.0, 1.0).acos() / 3.0;
    let turn = 2.0 * std::f64::consts::PI / 3.0;
    (0..3)
        .map(|k| size * (angle - turn * f64::from(k)).cos() - shift)
        .collect()
}

/// The minimum over `U` of `Σ wᵢⱼ(Mᵢⱼ − (UVᵀ)ᵢⱼ)² + λ Σ wᵢⱼ Σ_c (U_ic V_jc)²`, the loss of dropout in matrix sensing with
/// weights `w`: row by row a ridge. Where there is a `bound`, no row of `U` may have a larger squared norm.
///
/// # Errors
///
/// [`ExperimentError`] where a row has no weights.
pub fn dropout_ridge(
    matrix: MatRef<f64>,
    weights: MatRef<f64>,
    v: MatRef<f64>,
    strength: f64,
    bound: Option<f64>,
) -> Result<Mat<f64>, ExperimentError> {
    let width = v.ncols();
    let mut u = Mat::zeros(matrix.nrows(), width);
    for row in 0..matrix.nrows() {
        let weighted = Mat::from_fn(v.nrows(), width, |j, c| weights[(row, j)] * v[(j, c)]);
        let mut gram = v.transpose() * &weighted;
        for c in 0..width {
            // A column without use stays zero.
            gram[(c, c)] = gram[(c, c)] * (1.0 + strength) + f64::MIN_POSITIVE.sqrt();
        }
        let pull = weighted.transpose() * matrix.row(row).transpose();
        let mut found = dense::solve(gram.as_ref(), pull.as_ref())?;
        if let Some(bound) = bound.filter(|bound| found.squared_norm_l2() > *bound) {
            found = in_a_ball(&gram, &pull, bound)?;
        }
        u.row_mut(row).copy_from(found.transpose());
    }
    Ok(u)
}

/// The minimum of `½xᵀGx − bᵀx` with `‖x‖² = bound`, where the free one has a larger norm: `(G + μ)x = b`, with `μ > 0`
/// between what is too little and what is too much.
fn in_a_ball(gram: &Mat<f64>, pull: &Col<f64>, bound: f64) -> Result<Col<f64>, ExperimentError> {
    let (values, basis) = dense::eigen(gram.as_ref())?;
    let along = basis.transpose() * pull;
    let at = |shift: f64| Col::from_fn(values.len(), |i| along[i] / (values[i].max(0.0) + shift));
    let (mut low, mut high) = (0.0, pull.norm_l2() / bound.sqrt());
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if at(middle).squared_norm_l2() > bound {
            low = middle
        } else {
            high = middle
        }
    }
    Ok(basis * at(high))
}

/// A rotation `Q` for which all numbers on the diagonal of `QᵀGQ` are equal, of a symmetric `G` (Bendel & Mickey 1978).
pub fn equalising_rotation(gram: MatRef<f64>) -> Mat<f64> {
    let size = gram.nrows();
    let mut gram = gram.to_owned();
    let mut rotation = dense::scaled_identity(size, 1.0);
    let level = (0..size).map(|i| gram[(i, i)]).sum::<f64>() / size as f64;
    for _ in 0..size {
        let by = |i: &usize, j: &usize| gram[(*i, *i)].total_cmp(&gram[(*j, *j)]);
        let (Some(low), Some(high)) = ((0..size).min_by(by), (0..size).max_by(by)) else {
            break;
        };
        let (below, above) = (gram[(low, low)] - level, gram[(high, high)] - level);
        // With the tangent t of the angle, above t² − 2 mixed t + below = 0; its smaller root, without cancellation.
        let mixed = gram[(low, high)];
        let root = (mixed * mixed - below * above).max(0.0).sqrt();
        let sum = mixed + mixed.signum() * root;
        if above - below <= 1e-14 * level.abs() || sum == 0.0 {
            break;
        }
        let tangent = below / sum;
        let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
        let sine = tangent * cosine;
        let mut turn = dense::scaled_identity(size, 1.0);
        (turn[(low, low)], turn[(high, high)]) = (cosine, cosine);
        (turn[(high, low)], turn[(low, high)]) = (-sine, sine);
        gram = turn.transpose() * gram * &turn;
        rotation = rotation * turn;
    }
    rotation
}

/// The expected squared error where each feature is dropped with chance `rate` and the others are multiplied by
/// `kept`, over all `2^d` masks: `(1/n) Σᵢ E(yᵢ − Σⱼ Bⱼ zᵢⱼ)²`, with a row of `features` for each sample. The expected
/// second moments `E Bⱼ zᵢⱼ Bₖ zᵢₖ` come with it.
pub fn dropout_by_enumeration(
    features: MatRef<f64>,
    targets: &Col<f64>,
    rate: f64,
    kept: f64,
) -> f64 {
    let (samples, width) = (features.nrows(), features.ncols());
    let mut sum = 0.0;
    for mask in 0..1u32 << width {
        let count = mask.count_ones() as i32;
        let chance = (1.0 - rate).powi(count) * rate.powi(width as i32 - count);
        if chance == 0.0 {
            continue;
        }
        let weights = Col::from_fn(width, |j| if mask >> j & 1 == 1 { kept } else { 0.0 });
        sum += chance * (targets - features * weights).squared_norm_l2();
    }
    sum / samples as f64
}

/// The loss `‖M − UUᵀ‖² + λ Σ‖u_i‖⁴` of a linear autoencoder with tied weights and dropout in its hidden layer (Arora
/// et al., (11.11); Mianjy, Arora & Vidal 2018).
#[derive(Clone, Debug)]
pub struct Autoencoder {
    /// `M`, symmetric.
    pub matrix: Mat<f64>,
    /// `λ = p/(1 − p)` with `p` the rate of dropout.
    pub strength: f64,
}

impl Autoencoder {
    /// The loss.
    pub fn loss(&self, u: MatRef<f64>) -> f64 {
        let penalty: f64 = (0..u.ncols())
            .map(|j| u.col(j).squared_norm_l2().powi(2))
            .sum();
        (&self.matrix - u * u.transpose()).squared_norm_l2() + self.strength * penalty
    }

    /// Its gradient, `4(UUᵀ − M)U + 4λU diag(UᵀU)`.
    pub fn gradient(&self, u: MatRef<f64>) -> Mat<f64> {
        let pull = (u * u.transpose() - &self.matrix) * u;
        Mat::from_fn(u.nrows(), u.ncols(), |i, j| {
            4.0 * (pull[(i, j)] + self.strength * u[(i, j)] * u.col(j).squared_norm_l2())
        })
    }

    /// Its second derivative along `d`, twice.
    pub fn bend(&self, u: MatRef<f64>, d: MatRef<f64>) -> f64 {
        inner(self.curve(u, d).as_ref(), d)
    }

    /// Its second derivative along `d`.
    fn curve(&self, u: MatRef<f64>, d: MatRef<f64>) -> Mat<f64> {
        let cross = d * u.transpose() + u * d.transpose();
        let pull = cross * u + (u * u.transpose() - &self.matrix) * d;
        Mat::from_fn(u.nrows(), u.ncols(), |i, j| {
            let size = u.col(j).squared_norm_l2();
            let along = dense::dot(u.col(j), d.col(j));
            4.0 * (pull[(i, j)] + self.strength * (size * d[(i, j)] + 2.0 * along * u[(i, j)]))
        })
    }

    /// The eigenvalues of its second derivative, ascending.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the factor is not finite.
    pub fn curvatures(&self, u: MatRef<f64>) -> Result<Vec<f64>, ExperimentError> {
        let (rows, columns) = (u.nrows(), u.ncols());
        let mut hessian = Mat::zeros(rows * columns, rows * columns);
        for index in 0..rows * columns {
            let unit = Mat::from_fn(rows, columns, |i, j| {
                f64::from(u8::from(j * rows + i == index))
            });
            let along = self.curve(u, unit.as_ref());
            for place in 0..rows * columns {
                hessian[(place, index)] = along[(place % rows, place / rows)];
            }
        }
        dense::eigenvalues(hessian.as_ref())
    }

    /// Where gradient descent ends from a start, with a step that halves whenever the loss would rise, once the
    /// gradient is below `10⁻¹¹` of the matrix or there were `steps` steps.
    pub fn descend(&self, start: Mat<f64>, steps: usize) -> Mat<f64> {
        let size = self.matrix.norm_l2();
        let (mut u, mut step) = (start, 0.1 / size);
        let mut height = self.loss(u.as_ref());
        for _ in 0..steps {
            let gradient = self.gradient(u.as_ref());
            if gradient.norm_l2() < 1e-11 * size.powf(1.5) {
                break;
            }
            let moved = &u - gradient * Scale(step);
            let loss = self.loss(moved.as_ref());
            if loss <= height * (1.0 + 1e-14) {
                (u, height, step) = (moved, loss, (step * 1.1).min(0.1 / size));
            } else {
                step /= 2.0;
            }
        }
        u
    }
}

/// How far each eigenvalue `λ₁ ≥ λ₂ ≥ …` sinks at the optimum of `‖M − X‖² + (λ/width)(tr X)²`: by `λρκ/(width + λρ)`,
/// with `κ` the mean of the first `ρ`, and `ρ` the largest number for which the last of them is above that (Mianjy,
/// Arora & Vidal 2018, Theorem 3.1). At most `width` of them are kept.
pub fn sinking(eigenvalues: &[f64], strength: f64, width: usize) -> f64 {
    let mut threshold = f64::INFINITY;
    let mut sum = 0.0;
    for (index, value) in eigenvalues.iter().take(width).enumerate() {
        sum += value;
        let at = strength * sum / (width as f64 + strength * (index as f64 + 1.0));
        if *value > at {
            threshold = at;
        }
    }
    threshold
}

/// The eigenvalues of the optimum, descending: each sunk as [`sinking`] says, none below zero, at most `width` kept.
pub fn sunk(eigenvalues: &[f64], strength: f64, width: usize) -> Vec<f64> {
    let by = sinking(eigenvalues, strength, width);
    let each = eigenvalues.iter().enumerate();
    each.map(|(index, value)| {
        if index < width {
            (value - by).max(0.0)
        } else {
            0.0
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    #[test]
    fn the_least_nuclear_norm_of_a_corner_is_known() {
        // (?, 1; 1, 1): of rank one with 1, norm 2; and (?, 1; 1, 0): 0, with norm 2.
        for (corner, expected) in [(1.0, 1.0), (0.0, 0.0)] {
            let truth = Mat::from_fn(2, 2, |i, j| {
                if i + j == 1 {
                    1.0
                } else if i == 1 {
                    corner
                } else {
                    7.0
                }
            });
            let mask = Mat::from_fn(2, 2, |i, j| if i + j == 0 { 0.0 } else { 1.0 });
            let found = least_nuclear_norm(&Completion { truth, mask }, (2000, 1e-9)).unwrap();
            assert!(
                (found.norm - 2.0).abs() < 1e-6 && found.gap < 1e-6,
                "{found:?}"
            );
            assert!((found.matrix[(0, 0)] - expected).abs() < 1e-3, "{found:?}");
        }
    }

    #[test]
    fn a_cubic_has_the_roots_it_was_made_of() {
        // (x − 1)(x − 2)(x + 3) and (x − 2)(x² + 1).
        let mut roots = cubic_roots([6.0, -7.0, 0.0, 1.0]);
        roots.sort_by(f64::total_cmp);
        for (root, expected) in roots.iter().zip([-3.0, 1.0, 2.0]) {
            assert!((root - expected).abs() < 1e-12);
        }
        let roots = cubic_roots([-4.0, 2.0, -4.0, 2.0]);
        assert!(
            roots.len() == 1 && (roots[0] - 2.0).abs() < 1e-12,
            "{roots:?}"
        );
    }

    #[test]
    fn an_exact_line_search_is_no_worse_than_its_neighbours() {
        let mut rng = Streams::new(0).stream("test", 0);
        let problem = Completion::low_rank(&mut rng, 6, 2, 0.6);
        let factors = Factors::gaussian(&mut rng, 6, 6, 0.3);
        let after = |rule: Step| {
            let mut moved = factors.clone();
            moved.descend(&problem, rule, (1, 0.0));
            problem.misfit(moved.product().as_ref())
        };
        let residual = problem.residual(factors.product().as_ref());
        let pull = Factors {
            u: &residual * &factors.v,
            v: residual.transpose() * &factors.u,
        };
        let best = factors.best_step(&problem, &residual, &pull);
        let exact = after(Step::ExactLineSearch);
        for factor in [0.9, 1.1] {
            assert!(exact < after(Step::Constant(best * factor)));
        }
    }

    #[test]
    fn a_ridge_in_a_ball_ends_on_its_surface_where_the_gradient_points_inwards() {
        let of = |number: f64| Mat::from_fn(1, 1, |_, _| number);
        // (2 − 3u)² + (3u)² has its minimum at 1/3; with u² ≤ 1/25 it is at 1/5.
        let at = |bound: Option<f64>| {
            dropout_ridge(
                of(2.0).as_ref(),
                of(1.0).as_ref(),
                of(3.0).as_ref(),
                1.0,
                bound,
            )
        };
        assert!((at(None).unwrap()[(0, 0)] - 1.0 / 3.0).abs() < 1e-14);
        assert!((at(Some(0.04)).unwrap()[(0, 0)] - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_rotation_equalises_a_diagonal() {
        let mut rng = Streams::new(0).stream("test", 0);
        for values in [
            vec![3.0, 0.0, 0.0, 0.0],
            vec![5.0, 3.0, 1.0, 0.1],
            vec![1.0; 4],
        ] {
            let gram = draw::symmetric(&mut rng, &values);
            let rotation = equalising_rotation(gram.as_ref());
            let after = rotation.transpose() * &gram * &rotation;
            let level = values.iter().sum::<f64>() / 4.0;
            assert!(
                (0..4).all(|i| (after[(i, i)] - level).abs() < 1e-12),
                "{after:?}"
            );
            let product = rotation.transpose() * &rotation;
            assert!((product - dense::scaled_identity(4, 1.0)).norm_l2() < 1e-12);
        }
    }

    #[test]
    fn eigenvalues_sink_as_in_the_literature() {
        // Computed independently for M = diag(3, 2, 1, 1/2).
        let values = [3.0, 2.0, 1.0, 0.5];
        let cases = [
            (0.3, 4, [2.625, 1.625, 0.625, 0.125]),
            (2.0, 4, [1.75, 0.75, 0.0, 0.0]),
            (1.0, 2, [1.75, 0.75, 0.0, 0.0]),
        ];
        for (strength, width, expected) in cases {
            for (found, expected) in sunk(&values, strength, width).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn gradient_and_curvature_are_derivatives_of_the_loss() {
        let mut rng = Streams::new(0).stream("test", 0);
        let matrix = draw::symmetric(&mut rng, &[2.0, 1.0, 0.5]);
        let autoencoder = Autoencoder {
            matrix,
            strength: 0.7,
        };
        let (u, d) = (
            draw::gaussian(&mut rng, 3, 2),
            draw::gaussian(&mut rng, 3, 2),
        );
        let at = |step: f64| &u + &d * Scale(step);
        let slope =
            (autoencoder.loss(at(1e-5).as_ref()) - autoencoder.loss(at(-1e-5).as_ref())) / 2e-5;
        assert!(
            (slope - inner(autoencoder.gradient(u.as_ref()).as_ref(), d.as_ref())).abs() < 1e-6
        );
        let change = (autoencoder.gradient(at(1e-5).as_ref())
            - autoencoder.gradient(at(-1e-5).as_ref()))
            * Scale(5e4);
        assert!((change - autoencoder.curve(u.as_ref(), d.as_ref())).norm_l2() < 1e-6);
    }

    #[test]
    fn dropout_of_one_feature_is_a_coin() {
        // z = 2, y = 1: with chance 1/4 nothing is left (1), else 2·4/3 (25/9).
        let features = Mat::from_fn(1, 1, |_, _| 2.0);
        let found =
            dropout_by_enumeration(features.as_ref(), &dense::column(&[1.0]), 0.25, 4.0 / 3.0);
        assert!((found - (0.25 + 0.75 * 25.0 / 9.0)).abs() < 1e-14);
    }
}

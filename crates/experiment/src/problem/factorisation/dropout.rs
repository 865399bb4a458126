//! Dropout in closed form: its penalty as a ridge, the rotation that makes it least, its mean over all masks.

use crate::experiment::ExperimentError;
use crate::problem::dense;
use faer::{Col, Mat, MatRef};

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

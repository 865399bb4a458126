//! Interpolation in high dimension: fits of smallest norm, and their expected errors where these have a closed form.

use crate::experiment::ExperimentError;
use crate::problem::{dense, draw};
use crate::random::StreamRng;
use faer::{Col, Mat, MatRef};

/// The least-squares fits of smallest norm, `X⁺y`, to several labels of independent rows or columns; by orthogonal
/// triangles, which bear as many columns as rows.
///
/// # Errors
///
/// [`ExperimentError`] where the rows or columns are not independent.
pub fn shortest_fits<const LABELS: usize>(
    x: &Mat<f64>,
    labels: [&Col<f64>; LABELS],
) -> Result<[Col<f64>; LABELS], ExperimentError> {
    let is_wide = x.ncols() >= x.nrows();
    let qr = if is_wide { x.transpose().qr() } else { x.qr() };
    let (q, r) = (qr.compute_thin_Q(), qr.thin_R());
    let fits = labels.map(|y| {
        if is_wide {
            // X = RᵀQᵀ, so that the shortest w with Xw = y is QR⁻ᵀy.
            &q * below(r, y.clone())
        } else {
            above(r, q.transpose() * y)
        }
    });
    match fits.iter().all(|fit| fit.norm_l2().is_finite()) {
        true => Ok(fits),
        false => Err(ExperimentError::because(
            "a fit has no finite solution: its features are not independent",
        )),
    }
}

/// `R⁻ᵀv` for an upper triangle `R`.
fn below(r: MatRef<f64>, mut v: Col<f64>) -> Col<f64> {
    for row in 0..v.nrows() {
        let known: f64 = (0..row).map(|column| r[(column, row)] * v[column]).sum();
        v[row] = (v[row] - known) / r[(row, row)];
    }
    v
}

/// `R⁻¹v` for an upper triangle `R`.
fn above(r: MatRef<f64>, mut v: Col<f64>) -> Col<f64> {
    for row in (0..v.nrows()).rev() {
        let known: f64 = (row + 1..v.nrows())
            .map(|column| r[(row, column)] * v[column])
            .sum();
        v[row] = (v[row] - known) / r[(row, row)];
    }
    v
}

/// The expected error on a new label of the fit of smallest norm on `used` of the features of isotropic Gaussian data:
/// `inside` is the squared norm of the truth on them, `outside` that on the others, `noise` the variance of the labels
/// about the truth (Belkin, Hsu & Xu 2020, "Two models of double descent for weak features", theorem 1). None from one
/// below to one above as many features as samples, where it is infinite.
pub fn isotropic_error(
    samples: usize,
    used: usize,
    inside: f64,
    outside: f64,
    noise: f64,
) -> Option<f64> {
    let (m, p) = (samples as f64, used as f64);
    let unexplained = outside + noise;
    if used + 1 < samples {
        Some(unexplained * (1.0 + p / (m - p - 1.0)))
    } else if used > samples + 1 {
        Some(inside * (1.0 - m / p) + unexplained * (1.0 + m / (p - m - 1.0)))
    } else {
        None
    }
}

/// What the fit of smallest norm on isotropic Gaussian data makes of the signal and of the noise.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// The squared error of the parameters without noise in the labels.
    pub bias: f64,
    /// The squared norm of the fit to the noise alone.
    pub variance: f64,
    /// The squared error of the parameters, noise included.
    pub excess: f64,
    /// The norm of the fit.
    pub norm: f64,
    /// The mean squared residual on the training data.
    pub residual: f64,
}

/// The fit of smallest norm on `samples` rows of standard normal features with this truth; `noise` is the standard
/// deviation of the labels about it.
///
/// # Errors
///
/// [`ExperimentError`] where the numbers are not finite.
pub fn isotropic_parts(
    rng: &mut StreamRng,
    samples: usize,
    truth: &Col<f64>,
    noise: f64,
) -> Result<Parts, ExperimentError> {
    let x = draw::gaussian(rng, samples, truth.nrows());
    let errors = faer::Scale(noise) * draw::normals(rng, samples);
    let labels = &x * truth;
    let [of_signal, of_noise] = shortest_fits(&x, [&labels, &errors])?;
    let fit = &of_signal + &of_noise;
    let residual = &x * &fit - labels - errors;
    Ok(Parts {
        bias: (&of_signal - truth).squared_norm_l2(),
        variance: of_noise.squared_norm_l2(),
        excess: (&fit - truth).squared_norm_l2(),
        norm: fit.norm_l2(),
        residual: residual.squared_norm_l2() / samples as f64,
    })
}

/// The excess error of the shortest fit where features have variances: `x = √v · standard normal`.
#[derive(Clone, Copy, Debug)]
pub struct Overfit {
    /// That of the labels with their noise.
    pub excess: f64,
    /// That of the fit to the noise alone.
    pub of_noise: f64,
    /// The largest residual on the training data.
    pub residual: f64,
}

/// The shortest fit to `samples` noisy labels of a truth, for features of these variances.
///
/// # Errors
///
/// [`ExperimentError`] where the samples are not independent.
pub fn overfit(
    rng: &mut StreamRng,
    samples: usize,
    variances: &[f64],
    truth: &Col<f64>,
    noise: f64,
) -> Result<Overfit, ExperimentError> {
    let mut x = draw::gaussian(rng, samples, variances.len());
    for (column, variance) in variances.iter().enumerate() {
        let deviation = variance.sqrt();
        for row in 0..samples {
            x[(row, column)] *= deviation;
        }
    }
    let errors = faer::Scale(noise) * draw::normals(rng, samples);
    let labels = &x * truth + &errors;
    // Many more columns than rows: their Gram matrix is well conditioned, and small.
    let gram = &x * x.transpose();
    let shortest =
        |labels: &Col<f64>| Ok(x.transpose() * dense::solve(gram.as_ref(), labels.as_ref())?);
    let (fit, of_noise) = (shortest(&labels)?, shortest(&errors)?);
    let weighted = |w: &Col<f64>| {
        (0..w.nrows())
            .map(|index| variances[index] * w[index] * w[index])
            .sum::<f64>()
    };
    Ok(Overfit {
        excess: weighted(&(&fit - truth)),
        of_noise: weighted(&of_noise),
        residual: (&x * &fit - labels).norm_max(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use crate::statistics::mean;

    #[test]
    fn the_expected_error_is_what_draws_have_on_average() {
        for (place, used) in [10usize, 60].into_iter().enumerate() {
            let expected = isotropic_error(30, used, 1.0, 0.0, 0.25).unwrap();
            let draws: Vec<f64> = (0..400)
                .map(|seed| {
                    let mut rng = Streams::new(seed).stream("test", place as u64);
                    let truth = draw::on_sphere(&mut rng, used);
                    isotropic_parts(&mut rng, 30, &truth, 0.5).unwrap().excess + 0.25
                })
                .collect();
            assert!(
                (mean(&draws) / expected - 1.0).abs() < 0.05,
                "{used}: {} {expected}",
                mean(&draws)
            );
        }
        assert_eq!(isotropic_error(30, 31, 1.0, 0.0, 0.25), None);
    }

    #[test]
    fn shortest_fits_are_those_of_the_singular_values() {
        for columns in [5, 9, 10, 11, 30] {
            let mut rng = Streams::new(1).stream("test", columns as u64);
            let x = draw::gaussian(&mut rng, 10, columns);
            let y = draw::normals(&mut rng, 10);
            let expected = dense::least_norm(x.as_ref(), y.as_ref()).unwrap();
            let [found] = shortest_fits(&x, [&y]).unwrap();
            assert!((found - &expected).norm_l2() < 1e-9 * expected.norm_l2());
        }
    }

    #[test]
    fn an_overfit_interpolates_and_weighs_its_error() {
        let mut rng = Streams::new(2).stream("test", 0);
        let truth = Col::from_fn(40, |index| if index == 0 { 1.0 } else { 0.0 });
        let variances = vec![1.0; 40];
        let found = overfit(&mut rng, 10, &variances, &truth, 0.0).unwrap();
        assert!(found.residual < 1e-10 && found.of_noise == 0.0);
        // A quarter of the unit truth is projected on average; some is always left.
        assert!(
            found.excess > 0.3 && found.excess <= 1.0,
            "{}",
            found.excess
        );
    }
}

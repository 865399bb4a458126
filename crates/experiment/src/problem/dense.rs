//! Dense linear algebra in `f64` beyond what `faer` has a word for. Everything computes in one thread, so that the
//! same input gives the same bytes.

use crate::experiment::ExperimentError;
use faer::{Col, ColRef, Mat, MatRef, Side};

/// `aᵀb`.
pub fn dot(a: ColRef<f64>, b: ColRef<f64>) -> f64 {
    a.transpose() * b
}

/// A vector of these numbers.
pub fn column(numbers: &[f64]) -> Col<f64> {
    Col::from_fn(numbers.len(), |index| numbers[index])
}

/// The numbers of a vector.
pub fn numbers(vector: ColRef<f64>) -> Vec<f64> {
    (0..vector.nrows()).map(|index| vector[index]).collect()
}

/// The identity times a number.
pub fn scaled_identity(size: usize, factor: f64) -> Mat<f64> {
    Mat::from_fn(
        size,
        size,
        |row, column| if row == column { factor } else { 0.0 },
    )
}

/// The cosine between two vectors.
pub fn cosine(a: ColRef<f64>, b: ColRef<f64>) -> f64 {
    dot(a, b) / (a.norm_l2() * b.norm_l2())
}

/// Eigenvalues in ascending order, and the eigenvectors as the columns of an orthogonal matrix.
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn eigen(matrix: MatRef<f64>) -> Result<(Vec<f64>, Mat<f64>), ExperimentError> {
    let eigen = matrix
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| ExperimentError::because("the eigenvalues of a matrix could not be found"))?;
    Ok((numbers(eigen.S().column_vector()), eigen.U().to_owned()))
}

/// Eigenvalues of a symmetric matrix in ascending order.
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn eigenvalues(matrix: MatRef<f64>) -> Result<Vec<f64>, ExperimentError> {
    matrix
        .self_adjoint_eigenvalues(Side::Lower)
        .map_err(|_| ExperimentError::because("the eigenvalues of a matrix could not be found"))
}

/// Singular values in descending order.
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn singular_values(matrix: MatRef<f64>) -> Result<Vec<f64>, ExperimentError> {
    matrix
        .singular_values()
        .map_err(|_| ExperimentError::because("the singular values of a matrix could not be found"))
}

/// The least-squares solution of smallest norm, `X⁺y`. Singular values below `1e-12` of the largest count as zero.
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn least_norm(x: MatRef<f64>, y: ColRef<f64>) -> Result<Col<f64>, ExperimentError> {
    let svd = x.thin_svd().map_err(|_| {
        ExperimentError::because("the singular values of a matrix could not be found")
    })?;
    let singular = svd.S().column_vector();
    let largest = if singular.nrows() == 0 {
        0.0
    } else {
        singular[0]
    };
    let along = svd.U().transpose() * y;
    let scaled = Col::from_fn(along.nrows(), |index| {
        if singular[index] > 1e-12 * largest {
            along[index] / singular[index]
        } else {
            0.0
        }
    });
    Ok(svd.V() * scaled)
}

/// The solution of `Ax = b` with a symmetric positive definite `A`.
///
/// # Errors
///
/// [`ExperimentError`] where `A` is not positive definite.
pub fn solve(a: MatRef<f64>, b: ColRef<f64>) -> Result<Col<f64>, ExperimentError> {
    use faer::linalg::solvers::Solve;
    let factors = a
        .llt(Side::Lower)
        .map_err(|_| ExperimentError::because("a matrix is not positive definite"))?;
    Ok(factors.solve(b))
}

/// The part of `v` that `X` maps to zero.
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn outside_the_row_space(x: MatRef<f64>, v: ColRef<f64>) -> Result<Col<f64>, ExperimentError> {
    let image = x * v;
    Ok(v - least_norm(x, image.as_ref())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::draw;
    use crate::random::Streams;

    #[test]
    fn the_solution_of_least_norm_is_the_textbook_s() {
        // X w = y with w = (3/4, 3/4, 1/4, 1/4, 1/2), whose squared norm is 3/2.
        let rows = [
            [1.0, 0.0, 1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 1.0, 0.0],
            [1.0, 1.0, 0.0, 0.0, 1.0],
        ];
        let x = Mat::from_fn(3, 5, |row, column| rows[row][column]);
        let w = least_norm(x.as_ref(), column(&[1.0, 1.0, 2.0]).as_ref()).unwrap();
        for (found, expected) in numbers(w.as_ref())
            .iter()
            .zip([0.75, 0.75, 0.25, 0.25, 0.5])
        {
            assert!((found - expected).abs() < 1e-14);
        }
        let outside = outside_the_row_space(x.as_ref(), w.as_ref()).unwrap();
        assert!(outside.norm_l2() < 1e-14);
    }

    #[test]
    fn a_drawn_symmetric_matrix_has_the_eigenvalues_it_was_given() {
        let mut rng = Streams::new(0).stream("test", 0);
        let matrix = draw::symmetric(&mut rng, &[3.0, -1.0, 0.5]);
        let (values, vectors) = eigen(matrix.as_ref()).unwrap();
        for (found, expected) in values.iter().zip([-1.0, 0.5, 3.0]) {
            assert!((found - expected).abs() < 1e-13);
        }
        let top = vectors.col(2);
        assert!(((&matrix * top) - top * faer::Scale(3.0)).norm_l2() < 1e-13);
    }

    #[test]
    fn a_solution_solves() {
        let mut rng = Streams::new(0).stream("test", 0);
        let matrix = draw::symmetric(&mut rng, &[1.0, 2.0, 3.0]);
        let b = draw::normals(&mut rng, 3);
        let x = solve(matrix.as_ref(), b.as_ref()).unwrap();
        assert!((&matrix * &x - &b).norm_l2() < 1e-13);
        assert!(solve((-&matrix).as_ref(), b.as_ref()).is_err());
    }
}

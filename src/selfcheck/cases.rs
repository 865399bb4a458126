//! Cases in closed form, and what they share with others.

use super::Check;
use super::functions::{Rosenbrock, TestFunction, linear, mlp};
use crate::backend::{Compute, Precision, read};
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{
    Budget, Conjugated, DensityOptions, Interrupt, LanczosOptions, LinearError, LinearOperator,
    ProbeOptions, Restricted, Shifted, Spectrum, dot, frobenius_norm, hutch_plus_plus, hutchinson,
    lanczos, spectral_density,
};
use crate::model::Activation;
use crate::objective::Loss;
use crate::random::{StreamRng, Streams};
use rand::RngExt;

pub(super) fn rng(name: &str) -> StreamRng {
    Streams::new(0).stream(name, 0)
}

/// What rounding allows: a few thousand units in the last place, the condition of the cases.
pub(super) fn exact(compute: &Compute) -> f64 {
    match compute.precision {
        Precision::F32 => 2e-5,
        Precision::F64 => 1e-11,
    }
}

pub(super) fn with<T>(
    function: &TestFunction,
    matrix: Matrix,
    work: impl FnOnce(&mut dyn LinearOperator) -> Result<T, LinearError>,
) -> Result<T, LinearError> {
    let parameters = function.parameters();
    let mut operator = CurvatureOperator::new(
        matrix,
        &function.objective,
        &parameters,
        &function.data,
        Interrupt::never(),
    );
    work(&mut operator)
}

/// The whole spectrum of a small operator.
pub(super) fn eigenvalues(operator: &mut dyn LinearOperator) -> Result<Spectrum, LinearError> {
    let dimension = operator.dimension();
    let options = LanczosOptions {
        largest: dimension,
        smallest: dimension,
        tolerance: 1e-12,
        smallest_tolerance: 1e-12,
        min_matvecs: dimension,
        // Every pair is multiplied once more, from either end.
        max_matvecs: 3 * dimension,
        ..LanczosOptions::default()
    };
    lanczos(
        operator,
        None,
        &mut rng("lanczos"),
        options,
        Interrupt::never(),
    )
}

/// The spectrum of the Hessian of [`least_squares`].
const SPECTRUM: [f64; 4] = [100.0, 10.0, 1.0, 0.1];

/// Least squares with orthogonal samples: the Hessian is diagonal with the spectrum put in.
pub(super) fn linear_regression(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    let function = least_squares(compute);
    let mut checks = eigenvalues_of_least_squares(&function, compute)?;
    checks.extend(traces_of_least_squares(&function, compute)?);
    checks.extend(transforms_of_least_squares(&function, compute)?);
    checks.extend(density_of_least_squares(&function, compute)?);
    Ok(checks)
}

fn least_squares(compute: &Compute) -> TestFunction {
    let inputs: Vec<Vec<f64>> = (0..4)
        .map(|i| {
            let entry = |j| {
                if i == j {
                    (4.0 * SPECTRUM[i]).sqrt()
                } else {
                    0.0
                }
            };
            (0..4).map(entry).collect()
        })
        .collect();
    let targets = vec![vec![1.0]; 4];
    TestFunction::new(
        linear(4, 1),
        Loss::Square,
        vec![0.3, -0.2, 0.5, 1.0],
        &inputs,
        &targets,
        compute,
    )
}

fn of_least_squares(name: &str, expected: f64, got: f64, compute: &Compute) -> Check {
    Check::new(
        &format!("least squares: {name}"),
        expected,
        got,
        exact(compute),
    )
}

fn eigenvalues_of_least_squares(
    function: &TestFunction,
    compute: &Compute,
) -> Result<Vec<Check>, LinearError> {
    let spectrum = with(function, Matrix::Hessian, eigenvalues)?;
    let names = ["largest", "second", "third", "smallest"];
    let pairs = spectrum.largest.iter().zip(names).zip(SPECTRUM);
    let checks = pairs.map(|((pair, name), expected)| {
        of_least_squares(&format!("{name} eigenvalue"), expected, pair.value, compute)
    });
    Ok(checks.collect())
}

fn traces_of_least_squares(
    function: &TestFunction,
    compute: &Compute,
) -> Result<Vec<Check>, LinearError> {
    let never = Interrupt::never();
    let trace = with(function, Matrix::Hessian, |operator| {
        hutchinson(operator, &mut rng("trace"), ProbeOptions::default(), never)
    })?;
    let sketched = with(function, Matrix::Hessian, |operator| {
        hutch_plus_plus(
            operator,
            4,
            &mut rng("trace"),
            ProbeOptions::default(),
            never,
        )
    })?;
    let frobenius = with(function, Matrix::Hessian, |operator| {
        frobenius_norm(operator, &mut rng("trace"), ProbeOptions::default(), never)
    })?;
    let squares: f64 = SPECTRUM.iter().map(|value| value * value).sum();
    let size = squares.sqrt();
    let check = |name: &str, expected, got| of_least_squares(name, expected, got, compute);
    Ok(vec![
        check("trace, Hutchinson", 111.1, trace.value),
        check(
            "trace, its standard error where all directions are leading ones",
            0.0,
            trace.standard_error,
        ),
        check("trace, Hutch++", 111.1, sketched.value),
        check("Frobenius norm", size, frobenius.value),
    ])
}

/// The operator scaled from both sides, restricted to a block, and moved.
fn transforms_of_least_squares(
    function: &TestFunction,
    compute: &Compute,
) -> Result<Vec<Check>, LinearError> {
    let conjugated = with(function, Matrix::Hessian, |operator| {
        eigenvalues(&mut Conjugated::new(operator, vec![0.1, 1.0, 10.0, 100.0]))
    })?;
    let block = with(function, Matrix::Hessian, |operator| {
        eigenvalues(&mut Restricted::new(operator, 1..3))
    })?;
    let shifted = with(function, Matrix::Hessian, |operator| {
        eigenvalues(&mut Shifted::new(operator, 0.5))
    })?;
    let check = |name: &str, expected, got| of_least_squares(name, expected, got, compute);
    Ok(vec![
        check(
            "largest eigenvalue of D H D",
            1000.0,
            conjugated.largest[0].value,
        ),
        check(
            "largest eigenvalue of a block",
            10.0,
            block.largest[0].value,
        ),
        check(
            "smallest eigenvalue of H + I/2",
            0.6,
            shifted.smallest[0].value,
        ),
    ])
}

fn density_of_least_squares(
    function: &TestFunction,
    compute: &Compute,
) -> Result<Vec<Check>, LinearError> {
    let options = DensityOptions {
        probes: 4,
        steps: 4,
        budget: Budget::default(),
    };
    let density = with(function, Matrix::Hessian, |operator| {
        spectral_density(operator, &mut rng("density"), options, Interrupt::never())
    })?;
    let mass: f64 = density.points().iter().map(|(_, weight)| weight).sum();
    let nodes = density.points();
    let check = |name: &str, expected, got| of_least_squares(name, expected, got, compute);
    Ok(vec![
        check("spectral density, total mass", 1.0, mass),
        check(
            "spectral density, largest point",
            100.0,
            nodes[nodes.len() - 1].0,
        ),
    ])
}

/// One sample: `H = σ(1 − σ) x xᵀ`.
pub(super) fn logistic_regression(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    let (x, theta) = (vec![3.0, 4.0], vec![0.1, -0.2]);
    let z: f64 = x.iter().zip(&theta).map(|(x, w)| x * w).sum();
    let sigmoid = 1.0 / (1.0 + (-z).exp());
    let expected = 25.0 * sigmoid * (1.0 - sigmoid);
    let target = vec![vec![1.0]];
    let function = TestFunction::new(linear(2, 1), Loss::Logistic, theta, &[x], &target, compute);
    let spectrum = with(&function, Matrix::Hessian, eigenvalues)?;
    let check = |name, expected, got| Check::new(name, expected, got, exact(compute));
    Ok(vec![
        check(
            "logistic regression: eigenvalue",
            expected,
            spectrum.largest[0].value,
        ),
        check(
            "logistic regression: null direction",
            0.0,
            spectrum.smallest[0].value,
        ),
    ])
}

/// One sample at uniform probabilities: `H = (I/K − 11ᵀ/K²) ⊗ x xᵀ`, eigenvalues `‖x‖²/K` and 0.
pub(super) fn softmax_regression(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    let target = vec![vec![0.0, 1.0, 0.0]];
    let function = TestFunction::new(
        linear(2, 3),
        Loss::CrossEntropy,
        vec![0.0; 6],
        &[vec![3.0, 4.0]],
        &target,
        compute,
    );
    let spectrum = with(&function, Matrix::Hessian, eigenvalues)?;
    let second = &spectrum.largest[1];
    let gauss_newton = with(&function, Matrix::GaussNewton, eigenvalues)?;
    let check = |name, expected, got| Check::new(name, expected, got, exact(compute));
    Ok(vec![
        check(
            "softmax regression: largest eigenvalue",
            25.0 / 3.0,
            spectrum.largest[0].value,
        ),
        check(
            "softmax regression: the same again",
            25.0 / 3.0,
            second.value,
        ),
        check(
            "softmax regression: null direction",
            0.0,
            spectrum.largest[2].value,
        ),
        check(
            "softmax regression: Gauss-Newton equals Hessian",
            spectrum.largest[0].value,
            gauss_newton.largest[0].value,
        ),
    ])
}

/// One sample of the first of two classes at margin 20, where all that is left is `e⁻²⁰`: the loss is
/// `log1p(e⁻²⁰)` and `H = q (1 − q) [[1, −1], [−1, 1]] ⊗ x xᵀ` with `q = 1 / (1 + e²⁰)`.
pub(super) fn certain_sample(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    let margin = 20.0f64;
    let function = TestFunction::new(
        linear(2, 2),
        Loss::CrossEntropy,
        vec![4.0, 2.0, 0.0, 0.0],
        &[vec![3.0, 4.0]],
        &[vec![1.0, 0.0]],
        compute,
    );
    let batch = &function.data.batches()[0];
    let losses = function
        .objective
        .evaluate(&function.parameters(), batch)
        .losses;
    let loss = read(&losses).map_err(LinearError::Device)?;
    let spectrum = with(&function, Matrix::Hessian, eigenvalues)?;
    let curvature = 50.0 / ((1.0 + margin.exp()) * (1.0 + (-margin).exp()));
    let check = |name, got| Check::new(name, 1.0, got, exact(compute));
    Ok(vec![
        check(
            "softmax at margin 20: loss over its closed form",
            loss.iter().sum::<f64>() / (-margin).exp().ln_1p(),
        ),
        check(
            "softmax at margin 20: eigenvalue over its closed form",
            spectrum.largest[0].value / curvature,
        ),
    ])
}

/// At (1, 1) the Hessian is `[[802, −400], [−400, 200]]`; at (−1.2, 1) it is `[[1330, 480], [480,
/// 200]]` and Gauss-Newton `[[1154, 480], [480, 200]]`.
pub(super) fn rosenbrock(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    let root = |trace: f64, determinant: f64, sign: f64| {
        0.5 * (trace + sign * (trace * trace - 4.0 * determinant).sqrt())
    };
    let minimum = Rosenbrock::function(1.0, 1.0, compute);
    let start = Rosenbrock::function(-1.2, 1.0, compute);
    let at_minimum = with(&minimum, Matrix::Hessian, eigenvalues)?;
    let hessian = with(&start, Matrix::Hessian, eigenvalues)?;
    let gauss_newton = with(&start, Matrix::GaussNewton, eigenvalues)?;
    let residual = with(&start, Matrix::Residual, |operator| {
        operator.apply(&[1.0, 0.0])
    })?;
    // Eigenvalues that differ by three orders lose three digits; residuals are differences.
    let tolerance = 20.0 * exact(compute);
    let check = |name, expected, got| Check::new(name, expected, got, tolerance);
    Ok(vec![
        check(
            "Rosenbrock at its minimum: largest eigenvalue",
            root(1002.0, 400.0, 1.0),
            at_minimum.largest[0].value,
        ),
        check(
            "Rosenbrock at its minimum: smallest eigenvalue",
            root(1002.0, 400.0, -1.0),
            at_minimum.smallest[0].value,
        ),
        check(
            "Rosenbrock at (-1.2, 1): largest eigenvalue",
            root(1530.0, 35_600.0, 1.0),
            hessian.largest[0].value,
        ),
        check(
            "Rosenbrock at (-1.2, 1): Gauss-Newton",
            root(1354.0, 400.0, 1.0),
            gauss_newton.largest[0].value,
        ),
        check(
            "Rosenbrock at (-1.2, 1): Hessian - Gauss-Newton",
            176.0,
            residual[0],
        ),
    ])
}

/// One sample with one output and residual 1: Gauss-Newton is `∇f ∇fᵀ`, and the gradient is `∇f`.
pub(super) fn rank_one_gauss_newton(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    let mut numbers = rng("rank one");
    let network = || mlp(3, vec![4], 1, Activation::Tanh, true);
    let count = network().layout().len();
    let values: Vec<f64> = (0..count)
        .map(|_| numbers.random_range(-1.0..1.0))
        .collect();
    let inputs = vec![vec![0.4, -0.7, 1.1]];
    let make = |target: f64| {
        let target = vec![vec![target]];
        TestFunction::new(
            network(),
            Loss::Square,
            values.clone(),
            &inputs,
            &target,
            compute,
        )
    };
    let probe = make(0.0);
    let evaluation = probe
        .objective
        .evaluate(&probe.parameters(), &probe.data.batches()[0]);
    let output = crate::backend::read(&evaluation.outputs).map_err(LinearError::Device)?[0];
    let function = make(output - 1.0);
    let parameters = function.parameters();
    let never = Interrupt::never();
    let objective = &function.objective;
    let operator = CurvatureOperator::new(
        Matrix::GaussNewton,
        objective,
        &parameters,
        &function.data,
        never,
    );
    let gradient = operator.gradient()?;
    let spectrum = with(&function, Matrix::GaussNewton, eigenvalues)?;
    let tolerance = 10.0 * exact(compute);
    Ok(vec![
        Check::new(
            "one sample: Gauss-Newton has the eigenvalue |grad f|^2",
            dot(&gradient, &gradient),
            spectrum.largest[0].value,
            tolerance,
        ),
        Check::new(
            "one sample: and no other",
            0.0,
            spectrum.largest[1].value,
            tolerance,
        ),
    ])
}

/// `H = 11ᵀ` in dimension 4: a probe of the trace on the sphere has variance `2·4/6 · (16 − 16/4) = 16`.
pub(super) fn hutchinson_variance(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    const PROBES: usize = 2000;
    let function = TestFunction::new(
        linear(4, 1),
        Loss::Square,
        vec![0.0; 4],
        &[vec![1.0; 4]],
        &[vec![1.0]],
        compute,
    );
    let estimate = with(&function, Matrix::Hessian, |operator| {
        let mut rng = rng("variance");
        hutchinson(
            operator,
            &mut rng,
            ProbeOptions::fixed(PROBES),
            Interrupt::never(),
        )
    })?;
    let deviation = estimate.standard_error * (PROBES as f64).sqrt();
    Ok(vec![
        Check::new(
            "Hutchinson: standard deviation of a probe",
            4.0,
            deviation,
            0.06,
        ),
        Check::new(
            "Hutchinson: mean within 4 standard errors",
            4.0,
            estimate.value,
            estimate.standard_error,
        ),
    ])
}

/// Two samples of least squares: the noise covariance has the closed form `¼ (g₁ − g₂)(g₁ − g₂)ᵀ`.
pub(super) fn gradient_noise(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    // Outputs 1·2 = 2 and 3·2 = 6 against targets 0 and 1: gradients 2·1 and 5·3.
    let function = TestFunction::new(
        linear(1, 1),
        Loss::Square,
        vec![2.0],
        &[vec![1.0], vec![3.0]],
        &[vec![0.0], vec![1.0]],
        compute,
    );
    let apply = |matrix| with(&function, matrix, |operator| operator.apply(&[1.0]));
    let check = |name, expected, got| Check::new(name, expected, got, exact(compute));
    Ok(vec![
        check(
            "gradient second moment of two samples",
            114.5,
            apply(Matrix::SecondMoment)?[0],
        ),
        check(
            "gradient noise of two samples",
            42.25,
            apply(Matrix::NoiseCovariance)?[0],
        ),
    ])
}

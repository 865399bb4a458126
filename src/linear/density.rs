//! The spectral density by stochastic Lanczos quadrature.

use super::search::Search;
use super::{Budget, Interrupt, LinearError, LinearOperator, Spending};
use crate::random::StreamRng;
use serde::Serialize;

/// How fine the quadrature is.
#[derive(Clone, Copy, Debug)]
pub struct DensityOptions {
    /// Random starting vectors.
    pub probes: usize,
    /// Lanczos steps from each: the number of nodes.
    pub steps: usize,
    /// Bounds on the whole; a probe that cannot be finished is left out.
    pub budget: Budget,
}

impl Default for DensityOptions {
    fn default() -> Self {
        Self {
            probes: 10,
            steps: 64,
            budget: Budget::default(),
        }
    }
}

/// The distribution of eigenvalues as weighted points; the weights sum to 1.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Density {
    /// One list of (eigenvalue, weight) per probe, each with weights that sum to 1.
    pub probes: Vec<Vec<(f64, f64)>>,
    /// Matrix-vector products used.
    pub matvecs: usize,
    /// Whether all probes made all their steps within the budget.
    pub converged: bool,
}

impl Density {
    /// All points with their weights over all probes; the weights sum to 1.
    pub fn points(&self) -> Vec<(f64, f64)> {
        let count = self.probes.len() as f64;
        let mut points: Vec<(f64, f64)> = self
            .probes
            .iter()
            .flatten()
            .map(|&(value, weight)| (value, weight / count))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }

    /// The mean over the spectrum of a function, `(1/n) tr f(A)`, with its standard error over
    /// probes; infinite from a single one.
    pub fn mean(&self, function: impl Fn(f64) -> f64) -> (f64, f64) {
        let values: Vec<f64> = self
            .probes
            .iter()
            .map(|points| points.iter().map(|&(x, weight)| weight * function(x)).sum())
            .collect();
        let error = if values.len() < 2 {
            f64::INFINITY
        } else {
            crate::statistics::stated_error(&values)
        };
        (crate::statistics::mean(&values), error)
    }

    /// The density on a grid, each point widened to a normal curve of standard deviation `width`:
    /// `(eigenvalue, density, standard error over probes)`. It integrates to 1 over the real line.
    pub fn smooth(&self, grid: &[f64], width: f64) -> Vec<(f64, f64, f64)> {
        let height = 1.0 / (width * (2.0 * std::f64::consts::PI).sqrt());
        grid.iter()
            .map(|&x| {
                let (value, error) =
                    self.mean(|node| height * (-0.5 * ((x - node) / width).powi(2)).exp());
                (x, value, error)
            })
            .collect()
    }
}

/// Estimates the spectral density. A multiple eigenvalue is one point (several in one place where
/// rounding has split it) whose weight is its share of the
/// dimension on average: the share of a random vector in its eigenspace. From each random vector a Lanczos process gives the nodes and
/// weights of the Gauss quadrature for the spectral measure of that vector (Golub & Welsch 1969;
/// Ubaru, Chen & Saad 2017; Ghorbani, Krishnan & Xiao 2019).
///
/// # Errors
///
/// [`LinearError`] from the operator, or where it has dimension 0.
pub fn spectral_density(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: DensityOptions,
    interrupt: Interrupt<'_>,
) -> Result<Density, LinearError> {
    let dimension = operator.dimension();
    if dimension == 0 {
        return Err(LinearError::Empty);
    }
    let mut spending = Spending::new(options.budget, interrupt);
    let mut density = Density::default();
    let steps = options.steps.clamp(1, dimension);
    for _ in 0..options.probes.max(1) {
        if !density.probes.is_empty() && !spending.allows(steps) {
            break;
        }
        let nodes = quadrature(operator, rng, steps, &mut spending)?;
        density.probes.push(nodes);
    }
    density.matvecs = spending.matvecs;
    density.converged = spending.allows(0) && density.probes.len() == options.probes.max(1);
    Ok(density)
}

/// Nodes and weights from one random starting vector.
fn quadrature(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    steps: usize,
    spending: &mut Spending<'_>,
) -> Result<Vec<(f64, f64)>, LinearError> {
    let mut search = Search::new(operator)?;
    let mut next = search.random(rng);
    while let Some(direction) = next {
        spending.spend()?;
        search.multiply(operator, direction)?;
        // A quadrature cut short by the budget is coarser; its mass is 1 all the same.
        if search.model.products() >= steps || !spending.allows(1) {
            break;
        }
        // No way outwards means an invariant subspace: the quadrature is exact.
        next = search.onward();
    }
    let ritz = search.ritz();
    // The first direction is the first vector of the basis, up to the rounding of its length.
    let squares = ritz.vectors.row(0).map(|component| component * component);
    let mass = squares.sum();
    let weights = squares.iter().map(|square| square / mass);
    Ok(ritz.values.iter().copied().zip(weights).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::operators::{Dense, rotated};
    use super::*;
    use crate::random::Streams;

    fn density(matrix: &mut Dense, options: DensityOptions) -> Density {
        let mut rng = Streams::new(0).stream("probes", 0);
        spectral_density(matrix, &mut rng, options, Interrupt::never()).unwrap()
    }

    fn mass(density: &Density) -> f64 {
        density.points().iter().map(|(_, weight)| weight).sum()
    }

    #[test]
    fn the_mass_is_one_and_lies_on_the_eigenvalues() {
        let mut eigenvalues = vec![1.0; 60];
        eigenvalues.extend(vec![-2.0; 20]);
        let options = DensityOptions {
            probes: 60,
            steps: 5,
            ..Default::default()
        };
        let density = density(&mut rotated(&eigenvalues), options);
        assert!((mass(&density) - 1.0).abs() < 1e-12);
        // Two distinct eigenvalues: the process ends after two steps and is exact.
        assert_eq!(density.matvecs, 120);
        let (share, error) = density.mean(|x| f64::from(u8::from(x < 0.0)));
        assert!(
            (share - 0.25).abs() < 4.0 * error && error < 0.02,
            "{share} ± {error}"
        );
        assert!(
            density
                .points()
                .iter()
                .all(|(x, _)| (x - 1.0).abs() < 1e-9 || (x + 2.0).abs() < 1e-9)
        );
    }

    #[test]
    fn moments_agree_with_the_trace() {
        let eigenvalues: Vec<f64> = (0..80).map(|i| f64::from(i) / 20.0 - 1.0).collect();
        let truth = eigenvalues.iter().map(|x| x * x).sum::<f64>() / 80.0;
        let options = DensityOptions {
            probes: 100,
            steps: 20,
            ..Default::default()
        };
        let density = density(&mut rotated(&eigenvalues), options);
        let (second, error) = density.mean(|x| x * x);
        assert!(
            (second - truth).abs() < 4.0 * error,
            "{second} ± {error} against {truth}"
        );
    }

    #[test]
    fn the_smoothed_density_integrates_to_one() {
        let density = density(&mut rotated(&[1.0, 2.0, 3.0]), DensityOptions::default());
        let grid: Vec<f64> = (0..2000).map(|i| -2.0 + f64::from(i) * 0.004).collect();
        let integral: f64 = density.smooth(&grid, 0.2).iter().map(|p| p.1 * 0.004).sum();
        assert!((integral - 1.0).abs() < 1e-3, "{integral}");
    }

    #[test]
    fn a_budget_cuts_the_quadrature_short_and_says_so() {
        let eigenvalues: Vec<f64> = (0..80).map(f64::from).collect();
        let options = DensityOptions {
            budget: Budget {
                max_matvecs: Some(10),
                max_seconds: None,
            },
            ..Default::default()
        };
        let density = density(&mut rotated(&eigenvalues), options);
        assert_eq!((density.matvecs, density.probes.len()), (10, 1));
        assert!(!density.converged && (mass(&density) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn degenerate_operators_are_a_point_mass() {
        for value in [0.0, 2.5] {
            let density = density(&mut Dense::diagonal(&[value; 4]), DensityOptions::default());
            assert!((mass(&density) - 1.0).abs() < 1e-12);
            assert!(
                density
                    .points()
                    .iter()
                    .all(|(x, _)| (x - value).abs() < 1e-14)
            );
        }
    }
}

//! Your own linear operator through Lanczos, Hutchinson and the stochastic Lanczos quadrature.
//!
//! The operator is the second difference on a line, `(Av)_i = 2v_i − v_{i−1} − v_{i+1}`, whose eigenvalues are
//! `2 − 2cos(πk/(n+1))`: every number below can be checked.
//!
//! `cargo run --release --example own_operator`

use lab::linear::{
    DensityOptions, Interrupt, LanczosOptions, LinearError, LinearOperator, ProbeOptions,
    hutchinson, lanczos, spectral_density,
};
use lab::random::Streams;
use std::f64::consts::PI;

/// The second difference on a line of so many points.
struct SecondDifference(usize);

impl LinearOperator for SecondDifference {
    fn dimension(&self) -> usize {
        self.0
    }

    fn is_positive_semidefinite(&self) -> bool {
        true
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let at = |index: Option<usize>| index.and_then(|index| vector.get(index)).unwrap_or(&0.0);
        let entries = vector
            .iter()
            .enumerate()
            .map(|(index, value)| 2.0 * value - at(index.checked_sub(1)) - at(Some(index + 1)));
        Ok(entries.collect())
    }
}

fn main() -> Result<(), LinearError> {
    let size = 200;
    let exact = |k: usize| 2.0 - 2.0 * (PI * k as f64 / (size + 1) as f64).cos();
    let mut operator = SecondDifference(size);
    let streams = Streams::new(7);
    let never = Interrupt::never();

    let options = LanczosOptions {
        largest: 3,
        max_matvecs: size,
        tolerance: 1e-8,
        ..LanczosOptions::default()
    };
    let mut rng = streams.stream("eigenvalues", 0);
    let spectrum = lanczos(&mut operator, None, &mut rng, options, never)?;
    println!("eigenvalues, from {} products:", spectrum.matvecs);
    for (place, pair) in spectrum.largest.iter().enumerate() {
        let truth = exact(size - place);
        println!(
            "  {:.9}, residual {:.1e}; exactly {truth:.9}",
            pair.value, pair.residual
        );
        // By as much, at most, is an eigenvalue off.
        assert!((pair.value - truth).abs() <= pair.residual * pair.scale + 1e-12);
    }

    let mut rng = streams.stream("trace", 0);
    let trace = hutchinson(&mut operator, &mut rng, ProbeOptions::default(), never)?;
    let (value, error) = (trace.value, trace.standard_error);
    println!("trace {value:.2} ± {error:.2}; exactly {}", 2 * size);
    assert!((value - 2.0 * size as f64).abs() <= 4.0 * error);

    let mut rng = streams.stream("density", 0);
    let density = spectral_density(&mut operator, &mut rng, DensityOptions::default(), never)?;
    // The mean of λ over the density is the trace over the dimension.
    let (mean, error) = density.mean(|eigenvalue| eigenvalue);
    println!("mean eigenvalue {mean:.3} ± {error:.3}; exactly 2");
    assert!((mean - 2.0).abs() <= 4.0 * error.max(1e-12));
    Ok(())
}

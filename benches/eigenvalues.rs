//! Products and seconds for the largest Hessian eigenvalue along a training run: Lanczos and Davidson,
//! each from a random start and from what the previous point has left.
//!
//! Arguments: a config, the data folder, and weights files in the order of training. Prints one JSON
//! line per point and method; `benches/lambda_max.py` calls it and puts PyHessian beside it.

use lab::config;
use lab::curvature::{CurvatureOperator, Matrix};
use lab::linear::Precision;
use lab::linear::{
    DavidsonOptions, Eigenpair, Interrupt, LanczosOptions, LeadingPairs, LinearError,
    LinearOperator, Surrogate, WarmStart, davidson, davidson_by_surrogate, lanczos,
};
use lab::measure;
use lab::model::NormMode;
use lab::params::Parameters;
use lab::params::store::read_weights;
use lab::train::Problem;
use std::error::Error;
use std::iter::once;
use std::path::Path;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let [config, data, weights @ ..] = &arguments[..] else {
        println!("usage: cargo bench --bench eigenvalues -- CONFIG DATA_DIR WEIGHTS...");
        return Ok(());
    };
    let loaded = config::load(Path::new(config), &[], &measure::names())?;
    let problem = Problem::open(loaded, Path::new(data))?;
    let mut past = Past::default();
    for file in weights {
        let layout = problem.objective.network().layout();
        let [values] = read_weights(Path::new(file), [layout])?;
        past = compare(&problem, &values, file, past)?;
    }
    Ok(())
}

/// What the methods remember of the previous point.
#[derive(Default)]
struct Past {
    eigenvector: Option<Vec<f64>>,
    warm_start: Option<WarmStart>,
    by_few_samples: Option<WarmStart>,
}

fn compare(
    problem: &Problem,
    values: &[f64],
    file: &str,
    past: Past,
) -> Result<Past, Box<dyn Error>> {
    let parameters = problem.parameters(values);
    let data = problem.train_chunks(None, NormMode::Eval);
    let (objective, never) = (&problem.objective, Interrupt::never());
    let mut operator =
        CurvatureOperator::new(Matrix::Hessian, objective, &parameters, &data, never);
    let mut now = Past::default();
    for start in once(None).chain(past.eigenvector.as_deref().map(Some)) {
        let (mut rng, clock) = (problem.streams.stream("bench", 0), Instant::now());
        let options = LanczosOptions::default();
        let mut found = lanczos(&mut operator, start, &mut rng, options, never)?;
        let pair = found.largest.remove(0);
        report(
            file,
            "lanczos",
            start.is_some(),
            &pair,
            found.matvecs as f64,
            clock,
        );
        now.eigenvector = Some(pair.vector);
    }
    for start in once(None).chain(past.warm_start.as_ref().map(Some)) {
        let (mut rng, clock) = (problem.streams.stream("bench", 1), Instant::now());
        let options = DavidsonOptions::default();
        let found = davidson(&mut operator, start, &mut rng, options, never)?;
        let pair = &found.pairs[0];
        report(
            file,
            "davidson",
            start.is_some(),
            pair,
            found.matvecs as f64,
            clock,
        );
        now.warm_start = Some(found.warm_start);
    }
    for start in once(None).chain(past.by_few_samples.as_ref().map(Some)) {
        let clock = Instant::now();
        let (found, matvecs) = by_few_samples(problem, &mut operator, &parameters, start)?;
        let method = "davidson, few samples first";
        report(
            file,
            method,
            start.is_some(),
            &found.pairs[0],
            matvecs,
            clock,
        );
        now.by_few_samples = Some(found.warm_start);
    }
    Ok(now)
}

/// An operator that counts its products.
struct Counted<'a> {
    operator: &'a mut dyn LinearOperator,
    products: usize,
}

impl<'a> Counted<'a> {
    fn new(operator: &'a mut dyn LinearOperator) -> Self {
        Self {
            operator,
            products: 0,
        }
    }
}

impl LinearOperator for Counted<'_> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn precision(&self) -> Precision {
        self.operator.precision()
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        self.products += 1;
        self.operator.apply(vector)
    }
}

/// Searches over a twentieth and a fifth of the samples, whose eigenpairs begin the one over all, as
/// `lab` does. Products with few samples count by their share, the forward pass that weighs the
/// samples as a ninth.
fn by_few_samples(
    problem: &Problem,
    operator: &mut CurvatureOperator<'_>,
    parameters: &Parameters,
    past: Option<&WarmStart>,
) -> Result<(LeadingPairs, f64), Box<dyn Error>> {
    let mut rng = problem.streams.stream("bench", 2);
    let (objective, never) = (&problem.objective, Interrupt::never());
    let all = problem.train_chunks(None, NormMode::Eval);
    let counts = [all.samples() / 20, all.samples() / 5];
    let few = objective
        .important_samples(parameters, &all, counts, &mut rng)?
        .ok_or("only the cross-entropy of independent samples can be weighted")?;
    let costs = few
        .each_ref()
        .map(|few| few.samples() as f64 / all.samples() as f64);
    let setup = 1.0 / 9.0;
    let [coarse, fine] = few
        .each_ref()
        .map(|few| CurvatureOperator::new(Matrix::Hessian, objective, parameters, few, never));
    let (mut coarse, mut fine) = (coarse, fine);
    let (mut coarse, mut fine) = (Counted::new(&mut coarse), Counted::new(&mut fine));
    let mut whole = Counted::new(operator);
    let mut surrogates = [
        Surrogate {
            operator: &mut coarse,
            cost: costs[0],
            setup,
            tolerance: 0.05,
        },
        Surrogate {
            operator: &mut fine,
            cost: costs[1],
            setup: 0.0,
            tolerance: 0.01,
        },
    ];
    let options = DavidsonOptions::default();
    let found = davidson_by_surrogate(&mut whole, &mut surrogates, past, &mut rng, options, never)?;
    let cheap = coarse.products as f64 * costs[0] + fine.products as f64 * costs[1];
    let charged = whole.products as f64 + cheap + setup;
    Ok((found, charged))
}

fn report(file: &str, method: &str, warm: bool, pair: &Eigenpair, matvecs: f64, clock: Instant) {
    println!(
        "{{\"weights\": {file:?}, \"method\": \"{method}\", \"warm\": {warm}, \"value\": {:e}, \
         \"residual\": {:e}, \"matvecs\": {matvecs}, \"seconds\": {:e}}}",
        pair.value,
        pair.residual,
        clock.elapsed().as_secs_f64()
    );
}

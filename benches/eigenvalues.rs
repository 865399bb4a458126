//! Products and seconds for the largest Hessian eigenvalue along a training run: Lanczos and Davidson,
//! each from a random start and from what the previous point has left.
//!
//! Arguments: a config, the data folder, and weights files in the order of training. Prints one JSON
//! line per point and method; `benches/lambda_max.py` calls it and puts PyHessian beside it.

use lab::config::{self, NormMode};
use lab::curvature::{
    CurvatureOperator, DavidsonOptions, Eigenpair, Interrupt, LanczosOptions, Matrix, Recollection,
    Start, davidson, lanczos,
};
use lab::measure;
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
    let problem = Problem::open(loaded, config, Path::new(data))?;
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
    recollection: Option<Recollection>,
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
    for start in once(None).chain(past.recollection.as_ref().map(Some)) {
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
        now.recollection = Some(found.recollection);
    }
    let (pair, matvecs, clock) = by_fewer_samples(problem, &mut operator, &parameters, &past)?;
    let warm = past.recollection.is_some();
    report(
        file,
        "davidson, few samples first",
        warm,
        &pair,
        matvecs,
        clock,
    );
    Ok(now)
}

/// A search over a fifth of the samples, whose eigenpairs begin the one over all. Products of the first
/// count as a fifth each.
fn by_fewer_samples(
    problem: &Problem,
    operator: &mut CurvatureOperator<'_>,
    parameters: &Parameters,
    past: &Past,
) -> Result<(Eigenpair, f64, Instant), Box<dyn Error>> {
    let (mut rng, clock) = (problem.streams.stream("bench", 2), Instant::now());
    let (objective, never) = (&problem.objective, Interrupt::never());
    let few = problem.train_chunks(Some(problem.data.train.len() / 5), NormMode::Eval);
    let mut likeness = CurvatureOperator::new(Matrix::Hessian, objective, parameters, &few, never);
    let options = DavidsonOptions {
        max_matvecs: 12,
        ..Default::default()
    };
    let start = past.recollection.as_ref();
    let first = davidson(&mut likeness, start, &mut rng, options, never)?;
    let options = DavidsonOptions {
        start: Start::Leading,
        ..Default::default()
    };
    let start = Some(&first.recollection);
    let mut found = davidson(operator, start, &mut rng, options, never)?;
    let matvecs = found.matvecs as f64 + first.matvecs as f64 / 5.0;
    Ok((found.pairs.remove(0), matvecs, clock))
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

//! Dropout in matrix completion: a weighted nuclear norm, and a gap that falls with the rate.

use super::line_of_means;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel, Width};
use crate::problem::draw;
use crate::problem::factorisation::{
    Completion, Factors, dropout_ridge, equalising_rotation, nuclear_norm,
};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use faer::{Mat, Scale};
use rand::RngExt;

const SIZE: Count = Count::new("size", "rows and columns of the matrix", 20)
    .quick(15)
    .allowed(8.0, 60.0);
const RANK: Count = Count::new("rank", "rank of its signal", 2).allowed(1.0, 20.0);
const NOISE: Number = Number::new(
    "noise",
    "standard deviation of what is not of that rank; that of the signal is 1",
    0.3,
)
.allowed(0.0, 10.0);
const SHARE: Number =
    Number::new("share", "share of entries that are known", 0.6).allowed(0.3, 0.95);
const WIDTH: Count = Count::new("width", "columns of the factors", 8)
    .quick(6)
    .allowed(2.0, 30.0);
const RATES: Numbers = Numbers::new(
    "rates",
    "chances p with which a column is dropped, ascending",
    &[0.02, 0.1, 0.3, 0.6],
)
.quick(&[0.05, 0.2, 0.6])
.allowed(0.001, 0.98);
const BOUND: Number =
    Number::new("bound", "largest squared norm γ of a row of a factor", 4.0).allowed(0.1, 1e3);
const SWEEPS: Count = Count::new("sweeps", "alternating minimisations", 100)
    .quick(60)
    .allowed(10.0, 1e5);

/// See the file.
#[derive(Debug)]
pub struct DropoutCompletion;

impl Experiment for DropoutCompletion {
    fn about(&self) -> About {
        About {
            name: "dropout-completion",
            subject: Subject::Factorisations,
            claim: "In matrix completion dropout penalises the squared nuclear norm of diag(√p) M diag(√q) over the width, \
                    with p and q the chances of rows and columns; a larger rate of dropout makes it and the gap between \
                    test and training smaller.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 11.1.2, (11.7) and Theorem 11.1.2; weighted norm \
                     after Salakhutdinov & Srebro, Collaborative filtering in a non-uniform world (2010)",
            mathematics: "Where entry (i, k) is measured with chance p(i)q(k), the expected penalty of dropout is \
                          Σⱼ‖√p∘uⱼ‖²‖√q∘vⱼ‖², the penalty of Gaussian sensing on scaled factors. So its least value for a \
                          given M = UVᵀ is ‖diag(√p) M diag(√q)‖*²/d; the last lines of the printed proof lack the \
                          square. For the second part a noisy matrix of low rank is completed by minimising the loss with \
                          dropout over U and V alternately, each row being a ridge regression. With α = d times the \
                          penalty at the minimum, and no row of a factor larger than γ in its squared norm, the bound on \
                          the gap, test less training error per entry, grows with \
                          √α; its constants are not given, so that only the order can be tested.",
            refuted_by: "A gap that does not fall as the rate grows.",
            seeds: Extent {
                full: 16,
                quick: 10,
            },
            seconds: Extent {
                full: 1.5,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SIZE.parameter(),
            RANK.parameter(),
            NOISE.parameter(),
            SHARE.parameter(),
            WIDTH.parameter(),
            RATES.parameter(),
            BOUND.parameter(),
            SWEEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let rates = setup.get(RATES);
        if rates.len() < 2 || !rates.is_sorted() {
            return Err(ExperimentError::because(
                "rates must be at least two ascending numbers",
            ));
        }
        if setup.get(RANK) > setup.get(SIZE) || setup.get(WIDTH) > setup.get(SIZE) {
            return Err(ExperimentError::because(
                "rank and width must be no larger than size",
            ));
        }
        let norms = setup.over_seeds(|streams| weighted(setup, streams))?;
        let runs = setup.over_seeds(|streams| run(setup, streams))?;
        Ok(Findings::new()
            .claims(claims_of_norm(&norms))
            .claims(claims(&rates, &runs))
            .figure("gap", figure(&rates, &runs)))
    }
}

/// The penalties of equalised and of other factors, and what they are compared with.
struct Weighted {
    /// The penalty of the equalised factors times the width over the norm, and over its square.
    plain: f64,
    squared: f64,
    /// That of random factors of the same matrix, over the square.
    random: f64,
    /// The mean penalty over drawn entries over its expectation.
    drawn: f64,
}

fn chances(rng: &mut StreamRng, count: usize) -> Vec<f64> {
    let numbers: Vec<f64> = (0..count).map(|_| rng.random_range(0.2..1.0)).collect();
    let sum: f64 = numbers.iter().sum();
    numbers.into_iter().map(|number| number / sum).collect()
}

fn weighted(setup: &Setup, streams: Streams) -> Result<Weighted, ExperimentError> {
    let mut rng = streams.stream("weights", 0);
    let (size, width) = (setup.get(SIZE), setup.get(WIDTH));
    let (rows, columns) = (chances(&mut rng, size), chances(&mut rng, size));
    let factors = Factors::gaussian(&mut rng, size, width, 1.0);
    let scaled = |matrix: &Mat<f64>, chances: &[f64], power: f64| {
        Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| {
            chances[i].powf(power) * matrix[(i, j)]
        })
    };
    let inside = Factors {
        u: scaled(&factors.u, &rows, 0.5),
        v: scaled(&factors.v, &columns, 0.5),
    };
    let product = inside.product();
    let norm = nuclear_norm(product.as_ref())?;
    let svd = product.thin_svd().map_err(|_| {
        ExperimentError::because("the singular values of a matrix could not be found")
    })?;
    let values = svd.S().column_vector();
    let rotation = equalising_rotation(
        Mat::from_fn(width, width, |i, j| if i == j { values[i] } else { 0.0 }).as_ref(),
    );
    let root = |vectors: faer::MatRef<f64>| {
        Mat::from_fn(size, width, |i, j| vectors[(i, j)] * values[j].sqrt())
    };
    // Factors of the matrix itself: the scaling is undone.
    let equal = Factors {
        u: scaled(&(root(svd.U()) * &rotation), &rows, -0.5),
        v: scaled(&(root(svd.V()) * &rotation), &columns, -0.5),
    };
    let expected = |factors: &Factors| -> f64 {
        let entry = |i: usize, k: usize| rows[i] * columns[k] * square(factors, i, k);
        (0..size)
            .flat_map(|i| (0..size).map(move |k| (i, k)))
            .map(|(i, k)| entry(i, k))
            .sum()
    };
    let found = expected(&equal) * width as f64;
    let draws = 20_000;
    let drawn: f64 = (0..draws)
        .map(|_| square(&factors, pick(&mut rng, &rows), pick(&mut rng, &columns)))
        .sum::<f64>()
        / f64::from(draws);
    Ok(Weighted {
        plain: found / norm,
        squared: found / (norm * norm),
        random: expected(&factors) * width as f64 / (norm * norm),
        drawn: drawn / expected(&factors),
    })
}

/// `Σ_c (U_ic V_kc)²`.
fn square(factors: &Factors, i: usize, k: usize) -> f64 {
    (0..factors.u.ncols())
        .map(|c| (factors.u[(i, c)] * factors.v[(k, c)]).powi(2))
        .sum()
}

/// An index with these chances.
fn pick(rng: &mut StreamRng, chances: &[f64]) -> usize {
    let mut left: f64 = rng.random();
    for (index, chance) in chances.iter().enumerate() {
        left -= chance;
        if left < 0.0 {
            return index;
        }
    }
    chances.len() - 1
}

/// What one seed gives for each rate.
#[derive(Default)]
struct Run {
    train: Vec<f64>,
    gaps: Vec<f64>,
    /// d times the penalty.
    alphas: Vec<f64>,
    /// The gaps without a bound on rows.
    free: Vec<f64>,
}

fn run(setup: &Setup, streams: Streams) -> Result<Run, ExperimentError> {
    let (size, width) = (setup.get(SIZE), setup.get(WIDTH));
    let mut rng = streams.stream("matrix", 0);
    let mut problem = Completion::low_rank(&mut rng, size, setup.get(RANK), setup.get(SHARE));
    problem.truth += draw::gaussian(&mut rng, size, size) * Scale(setup.get(NOISE));
    let count = problem.mask.norm_l1();
    if count < 1.0 {
        return Err(ExperimentError::because(
            "share leaves no entry known: take a larger matrix",
        ));
    }
    let mut run = Run::default();
    for rate in setup.get(RATES) {
        setup.go_on()?;
        let strength = rate / (1.0 - rate);
        let start = Factors::gaussian(&mut streams.stream("start", 0), size, width, 0.5);
        let bounded = train(
            &problem,
            start.clone(),
            strength,
            Some(setup.get(BOUND)),
            setup.get(SWEEPS),
        )?;
        let free = train(&problem, start, strength, None, setup.get(SWEEPS))?;
        let [before, gap] = errors(&problem, &bounded, count);
        run.train.push(before);
        run.gaps.push(gap);
        run.alphas
            .push(width as f64 * known_penalty(&problem, &bounded) / count);
        run.free.push(errors(&problem, &free, count)[1]);
    }
    Ok(run)
}

fn train(
    problem: &Completion,
    mut factors: Factors,
    strength: f64,
    bound: Option<f64>,
    sweeps: usize,
) -> Result<Factors, ExperimentError> {
    let known = problem.known();
    let (down, across) = (problem.mask.as_ref(), problem.mask.transpose());
    for _ in 0..sweeps {
        factors.u = dropout_ridge(known.as_ref(), down, factors.v.as_ref(), strength, bound)?;
        factors.v = dropout_ridge(
            known.transpose(),
            across,
            factors.u.as_ref(),
            strength,
            bound,
        )?;
    }
    Ok(factors)
}

/// The squared error per known entry, and by how much that of all entries is larger.
fn errors(problem: &Completion, factors: &Factors, count: f64) -> [f64; 2] {
    let product = factors.product();
    let train = problem.residual(product.as_ref()).squared_norm_l2() / count;
    let all =
        (&product - &problem.truth).squared_norm_l2() / (product.nrows() * product.ncols()) as f64;
    [train, all - train]
}

/// `Σ_c (U_ic V_kc)²`, summed over the known entries.
fn known_penalty(problem: &Completion, factors: &Factors) -> f64 {
    let size = problem.mask.nrows();
    let entries = (0..size).flat_map(|i| (0..size).map(move |k| (i, k)));
    entries
        .filter(|(i, k)| problem.mask[(*i, *k)] > 0.0)
        .map(|(i, k)| square(factors, i, k))
        .sum()
}

fn claims_of_norm(norms: &[Weighted]) -> Vec<Claim> {
    let of = |get: fn(&Weighted) -> f64| Estimate::mean(&norms.iter().map(get).collect::<Vec<_>>());
    let id = "theory 11-3";
    vec![
        Claim::printed(
            id,
            "Over drawn entries the mean of the penalty is Σⱼ‖√p∘uⱼ‖²‖√q∘vⱼ‖²: their ratio is 1 to 5 %.",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.05,
            },
            of(|norm| norm.drawn),
        ),
        Claim::printed(
            id,
            "As the proof ends: the least penalty times the width is ‖diag(√p) M diag(√q)‖*; their ratio is 1.",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-6,
            },
            of(|norm| norm.plain),
        ),
        Claim::corrected(
            id,
            "As (11.7) has it: the least penalty times the width is ‖diag(√p) M diag(√q)‖*², by equalised factors; their \
             ratio is 1.",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-6,
            },
            of(|norm| norm.squared),
        ),
        Claim::must_hold(
            id,
            "Gaussian factors of the same matrix have a penalty that is more than 10 % larger.",
            Rule::Above(1.1),
            of(|norm| norm.random),
        ),
    ]
}

fn claims(rates: &[f64], runs: &[Run]) -> Vec<Claim> {
    let arms = |sign: f64, get: fn(&Run) -> &Vec<f64>| -> Estimate {
        let arms: Vec<Vec<f64>> = (0..rates.len())
            .map(|place| runs.iter().map(|run| sign * get(run)[place]).collect())
            .collect();
        Estimate::smallest_step(&arms)
    };
    let id = "theory 11-3";
    let range = format!("from p = {} to {}", rates[0], rates[rates.len() - 1]);
    vec![
        Claim::printed(
            id,
            format!(
                "α, d times the penalty at the minimum, falls with the rate, {range} from each to the next."
            ),
            Rule::Above(0.0),
            arms(-1.0, |run| &run.alphas),
        ),
        Claim::printed(
            id,
            format!(
                "The gap between the error on all entries and on the known ones falls with the rate, {range} from each \
                 to the next, where no row is larger than γ."
            ),
            Rule::Above(0.0),
            arms(-1.0, |run| &run.gaps),
        ),
        Claim::must_hold(
            id,
            format!(
                "The bound on rows is needed: without it the largest gap of a seed, {range}, is more than 1.5 times the \
                 largest with it (mean of logarithms)."
            ),
            Rule::Above(1.5f64.ln()),
            Estimate::mean(
                &runs
                    .iter()
                    .map(|run| (largest(&run.free) / largest(&run.gaps)).ln())
                    .collect::<Vec<_>>(),
            ),
        ),
        Claim::must_hold(
            id,
            format!(
                "This is not for free: the error on the known entries grows with the rate, {range}."
            ),
            Rule::Above(0.0),
            arms(1.0, |run| &run.train),
        ),
    ]
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn figure(rates: &[f64], runs: &[Run]) -> Figure {
    let panel = |title: &str, y: Axis| {
        Panel::new(Axis::new("rate of dropout p", "1").log(), y).titled(title)
    };
    let line = |label: &str, get: fn(&Run) -> &Vec<f64>| {
        line_of_means(label, rates, |place| {
            runs.iter().map(|run| get(run)[place]).collect()
        })
    };
    let error = || Axis::new("squared error", "per entry");
    Figure {
        columns: 3,
        width: Width::Page,
        ..Figure::new("Completion of a noisy matrix with dropout")
    }
    .with(
        panel("Rows bounded", error().linear())
            .with(line("known entries", |run| &run.train))
            .with(line("gap", |run| &run.gaps)),
    )
    .with(panel("Rows without bound", error()).with(line("gap", |run| &run.free)))
    .with(
        panel(
            "Rows bounded",
            Axis::new("d times penalty, α", "1").linear().including(0.0),
        )
        .with(line("α", |run| &run.alphas)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_penalty_of_an_entry_is_that_of_its_rows() {
        let factors = Factors {
            u: Mat::from_fn(2, 2, |i, j| (i + j) as f64),
            v: Mat::from_fn(2, 2, |i, j| 1.0 + (2 * i + j) as f64),
        };
        // Row 1 of U is (1, 2), row 0 of V is (1, 2): 1 + 16.
        assert_eq!(square(&factors, 1, 0), 17.0);
    }
}

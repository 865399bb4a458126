//! Dropout of the columns of two factors is a penalty on the nuclear norm, and equalises the columns.

use super::line_of_means;
use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style};
use crate::problem::factorisation::{
    Factors, dropout_ridge, equalising_rotation, nuclear_norm, sunk,
};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use faer::{Mat, MatRef, Scale};

const ROWS: Count = Count::new("rows", "rows of the matrix", 8).allowed(2.0, 30.0);
const COLUMNS: Count = Count::new("columns", "columns of the matrix", 6).allowed(2.0, 30.0);
const WIDTH: Count = Count::new("width", "columns of the factors", 5).allowed(2.0, 20.0);
const RATES: Numbers = Numbers::new(
    "rates",
    "chances p with which a column is dropped, ascending",
    &[0.1, 0.3, 0.5, 0.7, 0.9],
)
.allowed(0.02, 0.98);
const SWEEPS: Count = Count::new("sweeps", "alternating minimisations", 1500)
    .quick(800)
    .allowed(10.0, 1e5);
const MEASUREMENTS: Number = Number::new(
    "measurements",
    "Gaussian sensing matrices of the average",
    2000.0,
)
.quick(1500.0)
.allowed(10.0, 1e5);

/// See the file.
#[derive(Debug)]
pub struct DropoutNuclearNorm;

impl Experiment for DropoutNuclearNorm {
    fn about(&self) -> About {
        About {
            name: "dropout-nuclear-norm",
            subject: Subject::Factorisations,
            claim: "In Gaussian matrix sensing dropout of the columns of U and V penalises ‖UVᵀ‖*²/d, which a rotation of \
                    the factors attains by equal columns.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 11.1.1, (11.6) and Theorem 11.1.1; after Mianjy, \
                     Arora & Vidal, On the implicit bias of dropout (2018)",
            mathematics: "For Gaussian sensing matrices the penalty is Σ‖uⱼ‖²‖vⱼ‖², which is at least (Σ‖uⱼ‖‖vⱼ‖)²/d and \
                          so at least ‖M‖*²/d for M = UVᵀ. With M = WΣYᵀ, the factors WΣ^½Q and YΣ^½Q attain it, where the \
                          rotation Q makes the diagonal of QᵀΣQ constant. So with M fixed by many measurements dropout \
                          minimises ‖M − X‖² + (λ/d)‖X‖*², whose solution sinks all singular values by one number; here \
                          the factors themselves are minimised, alternately, and compared with it. The text claims such \
                          a rotation for any U and V. But equality in the sum of nuclear norms needs WYᵀ to carry each \
                          column Vqⱼ to a multiple of Uqⱼ; for independent columns that determines Q, up to order, as the \
                          eigenvectors of V⁺YWᵀU, and its products ‖Uqⱼ‖‖Vqⱼ‖ need not be equal. They are where U and V \
                          are balanced.",
            refuted_by: "A minimum of the loss with dropout that is not that of ‖M − X‖² + (λ/d)‖X‖*².",
            seeds: Extent {
                full: 12,
                quick: 10,
            },
            seconds: Extent {
                full: 0.4,
                quick: 0.15,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            ROWS.parameter(),
            COLUMNS.parameter(),
            WIDTH.parameter(),
            RATES.parameter(),
            SWEEPS.parameter(),
            MEASUREMENTS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(WIDTH) > setup.get(ROWS).min(setup.get(COLUMNS)) {
            return Err(ExperimentError::because(
                "width must be no larger than rows and columns",
            ));
        }
        let rates = setup.get(RATES);
        if rates.len() < 2 || !rates.is_sorted() {
            return Err(ExperimentError::because(
                "rates must be at least two ascending numbers",
            ));
        }
        let runs = setup.over_seeds(|streams| run(setup, streams))?;
        Ok(Findings::new()
            .claims(claims_of_penalty(&runs))
            .claims(claims_of_minima(&rates, &runs))
            .claims(claims_of_rotations(&runs))
            .figure("norm", figure(&rates, &runs)))
    }
}

/// What one seed gives.
struct Run {
    /// For each rate: the loss over that of the closed form, the nuclear norm over that of the matrix, that of the closed
    /// form, and the largest relative deviation of a product of columns from their mean.
    ends: Vec<[f64; 4]>,
    /// The penalty of balanced factors after the rotation over ‖M‖*²/d, and the least one of random factors of it.
    balanced: f64,
    random: f64,
    /// The largest deviation of a product of columns from ‖M‖*/d, for random and for balanced factors, after the only
    /// rotation that can do.
    unequal: f64,
    equal: f64,
    /// The sum of those products of random factors over ‖M‖*.
    sum: f64,
    /// The mean penalty over random sensing matrices, over its expectation.
    sensed: f64,
}

fn run(setup: &Setup, streams: Streams) -> Result<Run, ExperimentError> {
    let mut rng = streams.stream("matrix", 0);
    let (rows, columns, width) = (setup.get(ROWS), setup.get(COLUMNS), setup.get(WIDTH));
    let factors = Factors {
        u: draw::gaussian(&mut rng, rows, width),
        v: draw::gaussian(&mut rng, columns, width),
    };
    let matrix = factors.product();
    let nuclear = nuclear_norm(matrix.as_ref())?;
    let (balanced, balance) = balanced(&matrix, width)?;
    let least = nuclear * nuclear / width as f64;
    let level = nuclear / width as f64;
    let deviation = |factors: &Factors| {
        products(factors)
            .into_iter()
            .map(|product| (product / level - 1.0).abs())
            .fold(0.0, f64::max)
    };
    let aligned = aligned(&factors, balance.as_ref())?;
    let mut random = f64::INFINITY;
    for _ in 0..50 {
        // U·A and V·A⁻ᵀ have the same product.
        let turn = draw::orthogonal(&mut rng, width);
        let mixed = Factors {
            u: &factors.u * &turn,
            v: &factors.v * &turn,
        };
        random = random.min(penalty(&mixed) / least);
    }
    let sensed = sensed(setup, streams, &factors);
    let mut ends = Vec::new();
    for (index, rate) in setup.get(RATES).into_iter().enumerate() {
        setup.go_on()?;
        ends.push(train(setup, &matrix, rate, streams, index as u64)?);
    }
    Ok(Run {
        ends,
        balanced: penalty(&balanced) / least,
        random,
        unequal: deviation(&aligned),
        equal: deviation(&balanced),
        sum: products(&aligned).iter().sum::<f64>() / nuclear,
        sensed,
    })
}

/// `‖uⱼ‖‖vⱼ‖` for each column.
fn products(factors: &Factors) -> Vec<f64> {
    (0..factors.u.ncols())
        .map(|j| factors.u.col(j).norm_l2() * factors.v.col(j).norm_l2())
        .collect()
}

/// `Σ‖uⱼ‖²‖vⱼ‖²`.
fn penalty(factors: &Factors) -> f64 {
    products(factors)
        .iter()
        .map(|product| product * product)
        .sum()
}

/// `WΣ^½Q` and `YΣ^½Q` with equal columns, and `WYᵀ`, of the first `width` singular values of a matrix.
fn balanced(matrix: &Mat<f64>, width: usize) -> Result<(Factors, Mat<f64>), ExperimentError> {
    let svd = matrix.thin_svd().map_err(|_| {
        ExperimentError::because("the singular values of a matrix could not be found")
    })?;
    let values = svd.S().column_vector();
    let scaled = |vectors: MatRef<f64>, power: f64| {
        Mat::from_fn(vectors.nrows(), width, |i, j| {
            vectors[(i, j)] * values[j].powf(power)
        })
    };
    let gram = Mat::from_fn(width, width, |i, j| if i == j { values[i] } else { 0.0 });
    let rotation = equalising_rotation(gram.as_ref());
    let factors = Factors {
        u: scaled(svd.U(), 0.5) * &rotation,
        v: scaled(svd.V(), 0.5) * &rotation,
    };
    Ok((
        factors,
        scaled(svd.U(), 0.0) * scaled(svd.V(), 0.0).transpose(),
    ))
}

/// The factors after the rotation by the eigenvectors of `V⁺YWᵀU`, given `WYᵀ`.
fn aligned(factors: &Factors, balance: MatRef<f64>) -> Result<Factors, ExperimentError> {
    let gram = factors.v.transpose() * &factors.v;
    let carried = factors.v.transpose() * balance.transpose() * &factors.u;
    let width = gram.nrows();
    let mut map = Mat::zeros(width, width);
    for j in 0..width {
        map.col_mut(j)
            .copy_from(dense::solve(gram.as_ref(), carried.col(j))?);
    }
    let symmetric = (&map + map.transpose()) * Scale(0.5);
    let (_, rotation) = dense::eigen(symmetric.as_ref())?;
    Ok(Factors {
        u: &factors.u * &rotation,
        v: &factors.v * &rotation,
    })
}

/// The mean of `Σⱼ(uⱼᵀAvⱼ)²` over Gaussian matrices `A`, over `Σ‖uⱼ‖²‖vⱼ‖²`.
fn sensed(setup: &Setup, streams: Streams, factors: &Factors) -> f64 {
    let mut rng = streams.stream("sensing", 0);
    let count = setup.get(MEASUREMENTS).round() as usize;
    let (rows, columns) = (factors.u.nrows(), factors.v.nrows());
    let each: Vec<f64> = (0..count)
        .map(|_| {
            let middle = draw::gaussian(&mut rng, rows, columns) * &factors.v;
            (0..factors.u.ncols())
                .map(|j| dense::dot(factors.u.col(j), middle.col(j)).powi(2))
                .sum()
        })
        .collect();
    mean(&each) / penalty(factors)
}

fn train(
    setup: &Setup,
    matrix: &Mat<f64>,
    rate: f64,
    streams: Streams,
    index: u64,
) -> Result<[f64; 4], ExperimentError> {
    let strength = rate / (1.0 - rate);
    let width = setup.get(WIDTH);
    let mut rng = streams.stream("start", index);
    let mut factors = Factors {
        u: Mat::zeros(matrix.nrows(), width),
        v: draw::gaussian(&mut rng, matrix.ncols(), width),
    };
    let all = Mat::from_fn(matrix.nrows(), matrix.ncols(), |_, _| 1.0);
    for sweep in 0..setup.get(SWEEPS) {
        let before = factors.u.clone();
        factors.u = ridge(matrix.as_ref(), all.as_ref(), &factors.v, strength)?;
        factors.v = ridge(matrix.transpose(), all.transpose(), &factors.u, strength)?;
        if sweep % 10 == 9 && (&factors.u - &before).norm_l2() < 1e-10 * before.norm_l2() {
            break;
        }
    }
    let product = factors.product();
    let loss = (matrix - &product).squared_norm_l2() + strength * penalty(&factors);
    let values = dense::singular_values(matrix.as_ref())?;
    let goal = sunk(&values, strength, width);
    let norm: f64 = goal.iter().sum();
    let lost: f64 = values
        .iter()
        .zip(&goal)
        .map(|(value, goal)| (value - goal).powi(2))
        .sum();
    let least = lost + strength / width as f64 * norm * norm;
    let products = products(&factors);
    let level = mean(&products);
    let uneven = products
        .iter()
        .map(|product| (product / level - 1.0).abs())
        .fold(0.0, f64::max);
    let whole: f64 = values.iter().sum();
    Ok([
        loss / least,
        nuclear_norm(product.as_ref())? / whole,
        norm / whole,
        uneven,
    ])
}

fn ridge(
    matrix: MatRef<f64>,
    all: MatRef<f64>,
    v: &Mat<f64>,
    strength: f64,
) -> Result<Mat<f64>, ExperimentError> {
    dropout_ridge(matrix, all, v.as_ref(), strength, None)
}

/// Where the claims stand in the sources.
const ID: &str = "theory 11-2";

fn mean_of(runs: &[Run], get: impl Fn(&Run) -> f64) -> Estimate {
    Estimate::mean(&runs.iter().map(get).collect::<Vec<_>>())
}

/// What the penalty is on average, and where it is least.
fn claims_of_penalty(runs: &[Run]) -> Vec<Claim> {
    vec![
        Claim::printed(
            ID,
            "Over Gaussian sensing matrices the mean of the penalty is Σ‖uⱼ‖²‖vⱼ‖²: their ratio is 1 to 3 %.",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.03,
            },
            mean_of(runs, |run| run.sensed),
        ),
        Claim::printed(
            ID,
            "Balanced factors of M attain ‖M‖*²/d after a rotation: the ratio is 1.",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-10,
            },
            mean_of(runs, |run| run.balanced),
        ),
    ]
}

/// The minima that training with dropout finds.
fn claims_of_minima(rates: &[f64], runs: &[Run]) -> Vec<Claim> {
    let worst = |run: &Run, which: usize, from: f64| {
        run.ends
            .iter()
            .map(|end| (end[which] - from).abs())
            .fold(0.0, f64::max)
    };
    let arms: Vec<Vec<f64>> = (0..rates.len())
        .map(|place| runs.iter().map(|run| -run.ends[place][1]).collect())
        .collect();
    vec![
        Claim::printed(
            ID,
            format!(
                "Training with dropout minimises ‖M − X‖² + (λ/d)‖X‖*²: its loss is the closed form's to 1e-6, at the rates {}.",
                tested(rates)
            ),
            Rule::Below(1e-6),
            mean_of(runs, |run| worst(run, 0, 1.0)),
        ),
        Claim::printed(
            ID,
            "At that minimum all products ‖uⱼ‖‖vⱼ‖ are equal, to 1 %.",
            Rule::Below(0.01),
            mean_of(runs, |run| worst(run, 3, 0.0)),
        ),
        Claim::printed(
            ID,
            format!(
                "The nuclear norm of what is learnt falls with the rate, from each to the next of {}.",
                tested(rates)
            ),
            Rule::Above(0.0),
            Estimate::smallest_step(&arms),
        ),
    ]
}

/// Which factors have a rotation that makes all products equal.
fn claims_of_rotations(runs: &[Run]) -> Vec<Claim> {
    vec![
        Claim::printed(
            ID,
            "Any U and V have a rotation with all ‖uⱼ‖‖vⱼ‖ = ‖UVᵀ‖*/d: for Gaussian ones, after the only rotation that \
             can do, the products are so to 1e-6.",
            Rule::Below(1e-6),
            mean_of(runs, |run| run.unequal),
        ),
        Claim::corrected(
            ID,
            "Balanced factors WΣ^½ and YΣ^½ have such a rotation: the products are so to 1e-10.",
            Rule::Below(1e-10),
            mean_of(runs, |run| run.equal),
        ),
        Claim::must_hold(
            ID,
            "The only rotation that can do for Gaussian U and V is found: its products sum to ‖UVᵀ‖*, ratio 1.",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-8,
            },
            mean_of(runs, |run| run.sum),
        ),
        Claim::must_hold(
            ID,
            "Rotations of unbalanced factors do not attain the least penalty: the smallest of 50 is 10 % above it.",
            Rule::Above(1.1),
            mean_of(runs, |run| run.random),
        ),
    ]
}

fn figure(rates: &[f64], runs: &[Run]) -> Figure {
    let exact = (0..rates.len())
        .map(|place| {
            mean(
                &runs
                    .iter()
                    .map(|run| run.ends[place][2])
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    let panel = Panel::new(
        Axis::new("rate of dropout p", "1").linear(),
        Axis::new("nuclear norm of what is learnt", "that of the matrix")
            .linear()
            .including(0.0),
    )
    .with(line_of_means("trained factors", rates, |place| {
        runs.iter().map(|run| run.ends[place][1]).collect()
    }))
    .with(Line::new("closed form, mean", rates.to_vec(), exact).styled(Style::REFERENCE));
    Figure::new("Nuclear norm of factors with dropout").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_columns_along_singular_vectors_are_already_aligned_and_unequal() {
        // U = diag(2, 1), V = I: the products are 2 and 1, where equal ones would be 3/2.
        let u = Mat::from_fn(2, 2, |i, j| if i == j { 2.0 - i as f64 } else { 0.0 });
        let factors = Factors {
            u,
            v: dense::scaled_identity(2, 1.0),
        };
        let (balanced, balance) = balanced(&factors.product(), 2).unwrap();
        let mut found = products(&aligned(&factors, balance.as_ref()).unwrap());
        found.sort_by(f64::total_cmp);
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] - 2.0).abs() < 1e-12);
        assert!(
            products(&balanced)
                .iter()
                .all(|product| (product - 1.5).abs() < 1e-12)
        );
        assert!((balanced.product() - factors.product()).norm_l2() < 1e-12);
    }
}

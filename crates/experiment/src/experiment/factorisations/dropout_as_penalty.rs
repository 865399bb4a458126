//! Dropout of the last hidden layer is a penalty, exactly; with symmetric inputs it is the path norm.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::draw;
use crate::problem::factorisation::dropout_by_enumeration;
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean};
use faer::{Col, Mat, MatRef, Scale};
use rand_distr::{Distribution, Exp1};

const WIDTH: Count = Count::new("width", "hidden units, all of whose subsets are dropped", 8)
    .quick(6)
    .allowed(2.0, 14.0);
const SAMPLES: Count = Count::new("samples", "samples or measurements", 12).allowed(1.0, 1000.0);
const INPUTS: Count = Count::new("inputs", "inputs, or rows of a factor", 5).allowed(2.0, 12.0);
const RATES: Numbers = Numbers::new(
    "rates",
    "chances p with which a unit is dropped",
    &[0.1, 0.3, 0.5, 0.7, 0.9],
)
.allowed(0.01, 0.99);
const COUNTS: Numbers = Numbers::new(
    "counts",
    "numbers of inputs of the average",
    &[100.0, 1e3, 1e4, 1e5],
)
.quick(&[100.0, 1e3, 1e4])
.allowed(10.0, 1e6);

/// See the file.
#[derive(Debug)]
pub struct DropoutAsPenalty;

impl Experiment for DropoutAsPenalty {
    fn about(&self) -> About {
        About {
            name: "dropout-as-penalty",
            subject: Subject::Factorisations,
            claim: "Dropout before the last layer adds p/(1 − p) times the squared weights of every unit times its mean \
                    square to the squared loss; for symmetric isotropic inputs of two ReLU layers that is half the \
                    squared path norm.",
            source: "Arora et al., Theory of Deep Learning (draft), secs. 11.1 and 11.2, (11.1) to (11.4), Propositions \
                     11.2.1 and 11.2.2; after Mianjy, Arora & Vidal, On the implicit bias of dropout (2018)",
            mathematics: "Where units are kept with chance 1 − p and then multiplied by 1/(1 − p), a prediction Σ Bⱼzⱼ has \
                          the mean Σ zⱼ and the variance λΣ zⱼ², λ = p/(1 − p). So the expected squared loss is the loss \
                          without dropout plus λΣⱼ mean(zⱼ²). In matrix sensing zⱼ = uⱼᵀAvⱼ, in a network zⱼ = wⱼ aⱼ(x) \
                          for each output. Here the expectation is the sum over all 2^d masks. For a ReLU unit and inputs \
                          that are as likely as their negatives, the mean of max(0, u·x)² is half that of (u·x)², which \
                          is ‖u‖² for isotropic inputs; this is summed over all vertices of a cube, and averaged over \
                          Gaussian inputs.",
            refuted_by: "A difference between the sum over all masks and the formula that is not rounding.",
            seeds: Extent {
                full: 20,
                quick: 20,
            },
            seconds: Extent {
                full: 0.4,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            WIDTH.parameter(),
            SAMPLES.parameter(),
            INPUTS.parameter(),
            RATES.parameter(),
            COUNTS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let runs = setup.over_seeds(|streams| run(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(setup, &runs))
            .figure("penalty", figure(setup, &runs)))
    }
}

/// What one seed gives.
struct Run {
    /// The largest relative difference from the formula, for sensing and for a network.
    differences: [f64; 2],
    /// The same for sensing where the kept units are not multiplied.
    unscaled: f64,
    /// For each rate the expected loss of the network, by all masks and by the formula.
    losses: Vec<[f64; 2]>,
    /// The mean square of the units over what the path norm says, on the cube, and for each number of Gaussian inputs.
    cube: f64,
    gaussian: Vec<f64>,
    /// The same for centred exponential inputs and weights of one sign, at the largest number.
    skewed: f64,
}

fn run(setup: &Setup, streams: Streams) -> Result<Run, ExperimentError> {
    let (width, samples, inputs) = (setup.get(WIDTH), setup.get(SAMPLES), setup.get(INPUTS));
    let mut rng = streams.stream("data", 0);
    let sensed = sensed(&mut rng, samples, inputs, width);
    let targets = draw::normals(&mut rng, samples);
    let outer = draw::normals(&mut rng, width);
    let network = network(&mut rng, samples, inputs, &outer);
    let (mut differences, mut unscaled, mut losses) = ([0.0f64; 2], 0.0f64, Vec::new());
    for rate in setup.get(RATES) {
        setup.go_on()?;
        let [one, other] = [&sensed, &network].map(|features| {
            let kept = 1.0 / (1.0 - rate);
            let all = dropout_by_enumeration(features.as_ref(), &targets, rate, kept);
            [all, formula(features.as_ref(), &targets, rate)]
        });
        for (difference, [all, formula]) in differences.iter_mut().zip([one, other]) {
            *difference = difference.max((all / formula - 1.0).abs());
        }
        let raw = dropout_by_enumeration(sensed.as_ref(), &targets, rate, 1.0);
        unscaled = unscaled.max((raw / one[1] - 1.0).abs());
        losses.push(other);
    }
    let inner = draw::gaussian(&mut rng, inputs, width);
    let (gaussian, skewed) = path_ratios(setup, streams, &inner, &outer)?;
    let cube = path_ratio(&vertices(inputs), &inner, &outer);
    Ok(Run {
        differences,
        unscaled,
        losses,
        cube,
        gaussian,
        skewed,
    })
}

/// `zᵢⱼ = uⱼᵀA⁽ⁱ⁾vⱼ` of Gaussian factors and sensing matrices.
fn sensed(rng: &mut StreamRng, samples: usize, size: usize, width: usize) -> Mat<f64> {
    let [u, v] = [0, 1].map(|_| draw::gaussian(rng, size, width));
    let mut sensed = Mat::zeros(samples, width);
    for row in 0..samples {
        let middle = draw::gaussian(rng, size, size) * &v;
        for j in 0..width {
            sensed[(row, j)] = u.col(j).transpose() * middle.col(j);
        }
    }
    sensed
}

/// `zᵢⱼ = wⱼaⱼ(xᵢ)` of a network with two hidden layers and Gaussian weights.
fn network(rng: &mut StreamRng, samples: usize, inputs: usize, outer: &Col<f64>) -> Mat<f64> {
    let width = outer.nrows();
    let first = draw::gaussian(rng, samples, inputs) * draw::gaussian(rng, inputs, width);
    let top = relu(&(relu(&first) * draw::gaussian(rng, width, width) * Scale(0.3)));
    Mat::from_fn(samples, width, |i, j| top[(i, j)] * outer[j])
}

/// The ratios for Gaussian inputs, and the one for skewed inputs and weights of one sign.
fn path_ratios(
    setup: &Setup,
    streams: Streams,
    inner: &Mat<f64>,
    outer: &Col<f64>,
) -> Result<(Vec<f64>, f64), ExperimentError> {
    let mut rng = streams.stream("inputs", 0);
    let mut gaussian = Vec::new();
    for count in setup.get(COUNTS) {
        setup.go_on()?;
        let ratio = ratio_of_draws(count as usize, inner, outer, |_| draw::normal(&mut rng));
        gaussian.push(ratio);
    }
    let mut rng = streams.stream("skewed inputs", 0);
    let positive = Mat::from_fn(inner.nrows(), inner.ncols(), |i, j| inner[(i, j)].abs());
    let count = setup.get(COUNTS).last().map_or(0, |count| *count as usize);
    let skewed = ratio_of_draws(count, &positive, outer, |_| exponential(&mut rng));
    Ok((gaussian, skewed))
}

fn exponential(rng: &mut StreamRng) -> f64 {
    let number: f64 = Exp1.sample(rng);
    number - 1.0
}

fn relu(matrix: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| {
        matrix[(i, j)].max(0.0)
    })
}

/// The loss without dropout, plus `λΣⱼ mean(zⱼ²)`.
fn formula(features: MatRef<f64>, targets: &Col<f64>, rate: f64) -> f64 {
    let ones = Col::from_fn(features.ncols(), |_| 1.0);
    let plain = (targets - features * ones).squared_norm_l2();
    (plain + rate / (1.0 - rate) * features.squared_norm_l2()) / features.nrows() as f64
}

/// All vectors of ±1, as rows: symmetric and isotropic.
fn vertices(inputs: usize) -> Mat<f64> {
    Mat::from_fn(1 << inputs, inputs, |row, column| {
        if row >> column & 1 == 1 { 1.0 } else { -1.0 }
    })
}

/// `Σⱼ wⱼ² mean(max(0, uⱼ·x)²)` over `½Σⱼ wⱼ²‖uⱼ‖²`, with the inputs as rows and the `uⱼ` as columns.
fn path_ratio(inputs: &Mat<f64>, inner: &Mat<f64>, outer: &Col<f64>) -> f64 {
    let active = relu(&(inputs * inner));
    let (mut found, mut path) = (0.0, 0.0);
    for j in 0..inner.ncols() {
        let square = outer[j] * outer[j];
        found += square * active.col(j).squared_norm_l2() / inputs.nrows() as f64;
        path += square * inner.col(j).squared_norm_l2() / 2.0;
    }
    found / path
}

/// The same over `count` random inputs, drawn in parts so that they need no room.
fn ratio_of_draws(
    count: usize,
    inner: &Mat<f64>,
    outer: &Col<f64>,
    mut draw: impl FnMut(usize) -> f64,
) -> f64 {
    let (mut sum, mut left) = (0.0, count);
    while left > 0 {
        let part = left.min(1000);
        let numbers: Vec<f64> = (0..part * inner.nrows()).map(&mut draw).collect();
        let inputs = Mat::from_fn(part, inner.nrows(), |i, j| numbers[i * inner.nrows() + j]);
        sum += path_ratio(&inputs, inner, outer) * part as f64;
        left -= part;
    }
    sum / count as f64
}

fn claims(setup: &Setup, runs: &[Run]) -> Vec<Claim> {
    let of = |get: &dyn Fn(&Run) -> f64| Estimate::mean(&runs.iter().map(get).collect::<Vec<_>>());
    let counts = setup.get(COUNTS);
    let last = counts.len() - 1;
    let width = setup.get(WIDTH);
    let mut claims = vec![
        Claim::printed(
            "theory 11-1",
            format!(
                "In matrix sensing, the mean over all masks of {width} columns is the formula, to 1e-12 of it."
            ),
            Rule::Below(1e-12),
            of(&|run| run.differences[0]),
        ),
        Claim::must_hold(
            "theory 11-1",
            "Where what is kept is not multiplied by 1/(1 − p), it is not: it differs by more than 10 %.",
            Rule::Above(0.1),
            of(&|run| run.unscaled),
        ),
        Claim::printed(
            "theory 11-4",
            format!(
                "In a network with {width} units in its last hidden layer it is the formula, to 1e-12 of it."
            ),
            Rule::Below(1e-12),
            of(&|run| run.differences[1]),
        ),
        Claim::printed(
            "theory 11-5",
            "For inputs on all vertices of a cube, the penalty is λ/2 times the squared path norm: their ratio is 1.",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-12,
            },
            of(&|run| run.cube),
        ),
        Claim::printed(
            "theory 11-5",
            format!(
                "For Gaussian inputs it is so in the mean: over {} inputs the ratio is 1 to 2 %.",
                counts[last]
            ),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.02,
            },
            of(&|run| run.gaussian[last]),
        ),
        Claim::must_hold(
            "theory 11-5",
            "It needs the symmetry: for isotropic exponential inputs and weights of one sign the ratio is above 1.05.",
            Rule::Above(1.05),
            of(&|run| run.skewed),
        ),
    ];
    if counts.len() >= 3 && counts.is_sorted() {
        let logs: Vec<f64> = counts.iter().map(|count| count.ln()).collect();
        let off: Vec<f64> = (0..counts.len())
            .map(|place| deviation(runs, place).ln())
            .collect();
        claims.push(Claim::must_hold(
            "theory 11-5",
            "The deviation from 1 falls with the square root of the number of Gaussian inputs.",
            // What the deviations of so few seeds and counts leave open.
            Rule::Equals {
                value: -0.5,
                tolerance: 0.2,
            },
            Estimate::slope(&logs, &off),
        ));
    }
    claims
}

/// The root of the mean square of `ratio − 1` over seeds.
fn deviation(runs: &[Run], place: usize) -> f64 {
    mean(
        &runs
            .iter()
            .map(|run| (run.gaussian[place] - 1.0).powi(2))
            .collect::<Vec<_>>(),
    )
    .sqrt()
}

fn figure(setup: &Setup, runs: &[Run]) -> Figure {
    let (rates, counts) = (setup.get(RATES), setup.get(COUNTS));
    let strength: Vec<f64> = rates.iter().map(|rate| rate / (1.0 - rate)).collect();
    let losses = |which: usize| -> Vec<f64> {
        (0..rates.len())
            .map(|place| {
                runs.first()
                    .map_or(f64::NAN, |run| run.losses[place][which])
            })
            .collect()
    };
    let sums = Panel::new(
        Axis::new("λ = p/(1 − p)", "1").log(),
        Axis::new("expected loss", "1").log(),
    )
    .titled("A network, seed 0")
    .with(Line::new("formula", strength.clone(), losses(1)))
    .with(Points::new("all masks", strength, losses(0)));
    let off: Vec<f64> = (0..counts.len())
        .map(|place| deviation(runs, place))
        .collect();
    let expected = counts
        .iter()
        .map(|count| off[0] * (counts[0] / count).sqrt())
        .collect();
    let path = Panel::new(
        Axis::counting("Gaussian inputs").log(),
        Axis::new("deviation of penalty", "that of the path norm").log(),
    )
    .titled("Two ReLU layers")
    .with(Line::new("root mean square over seeds", counts.clone(), off).with_markers())
    .with(Line::new("square root", counts, expected).styled(Style {
        colour: None,
        dash: 0,
    }));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("What dropout adds to the loss")
    }
    .with(sums)
    .with(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::dense;

    #[test]
    fn the_formula_is_that_of_one_unit_by_hand() {
        // z = 2, y = 1, p = 1/4: (1 − 2)² + 4/3.
        let features = Mat::from_fn(1, 1, |_, _| 2.0);
        let found = formula(features.as_ref(), &dense::column(&[1.0]), 0.25);
        assert!((found - 7.0 / 3.0).abs() < 1e-14);
    }

    #[test]
    fn one_exponential_input_has_a_ratio_in_closed_form() {
        // E max(0, e − 1)² = ∫₁^∞ (e − 1)² exp(−e) de = 2/e, against 1/2.
        let mut rng = Streams::new(0).stream("test", 0);
        let one = Mat::from_fn(1, 1, |_, _| 1.0);
        let found = ratio_of_draws(200_000, &one, &dense::column(&[1.0]), |_| {
            exponential(&mut rng)
        });
        assert!((found - 4.0 / std::f64::consts::E).abs() < 0.03, "{found}");
    }
}

//! Worst cases of three small trained networks against the best of many long ascents.
//!
//! The ascents are plain: steps of projected gradient ascent along the normalised gradient in a ball,
//! along the signs of the slopes in a cube, whose length decays from a half of the radius to a
//! three-hundredth; one from the centre, the others from points drawn without any knowledge of the
//! network. All 20 of 200 steps, for every measure:
//!
//! ```sh
//! cargo test --release --lib long_ascents -- --ignored --nocapture
//! ```

use super::super::ball::Ball;
use super::super::chart::{Charted, Maximand};
use super::super::keskar::KeskarBox;
use super::super::landscape::Landscape;
use super::super::worst_case::Neighbourhood;
use super::super::{keskar, worst_case};
use super::Ground;
use crate::config;
use crate::linear::{Budget, Spending, norm, random_normal};
use crate::measure::Measurement;
use crate::model::NormMode;
use crate::objective::Outputs;
use crate::random::{StreamRng, Streams};
use crate::train::Problem;
use rand::RngExt;
use std::path::Path;

const MLP: &str = "kind = \"mlp\"\nhidden = [6]\nactivation = \"tanh\"";
const RESNET: &str =
    "kind = \"resnet\"\npreset = \"resnet8\"\nwidth = 4\nblocks = [1, 1]\nnorm = \"none\"";
const TRANSFORMER: &str =
    "kind = \"transformer\"\npatch = 2\nwidth = 16\ndepth = 2\nheads = 2\nmlp_width = 32";

const MEASURES: [&str; 8] = [
    "sharpness.sam.multi",
    "sharpness.sam.linf.multi",
    "sharpness.asam.multi",
    "sharpness.asam.linf.multi",
    "sharpness.keskar.full",
    "sharpness.keskar.full.5e-4",
    "sharpness.keskar.subspace",
    "sharpness.keskar.subspace.5e-4",
];

/// A network after some steps of Adam on digits.
fn trained(model: &str, samples: usize, steps: i32, rate: f64) -> Ground {
    let text = format!(
        "precision = \"f64\"\n[data]\ndataset = \"digits\"\n[model]\n{model}\n[optimizer]\n\
         kind = \"sgd\"\nlearning_rate = 0.1\n[train]\nepochs = 1\n"
    );
    let config = config::parse(&text, "test.toml", &[], "test", &[]).unwrap();
    let problem = Problem::open(config, Path::new("")).unwrap();
    let data = problem.train_chunks(Some(samples), NormMode::Eval);
    let mut values = problem.initial_values();
    let (mut mean, mut square) = (vec![0.0; values.len()], vec![0.0; values.len()]);
    for step in 1..=steps {
        let parameters = problem.parameters(&values);
        let batch = &data.batches()[0];
        let weight = 1.0 / batch.samples() as f64;
        let (_, gradient) = problem
            .objective
            .loss_and_gradient(&parameters, batch, weight);
        let gradient = gradient.to_host().unwrap();
        // Half-way on, the rate falls to 0.
        let rate = rate * (2.0 * f64::from(steps - step) / f64::from(steps)).min(1.0);
        for (index, slope) in gradient.into_iter().enumerate() {
            mean[index] = 0.9 * mean[index] + 0.1 * slope;
            square[index] = 0.999 * square[index] + 0.001 * slope * slope;
            let size = (square[index] / (1.0 - 0.999f64.powi(step))).sqrt() + 1e-8;
            values[index] -= rate * mean[index] / (1.0 - 0.9f64.powi(step)) / size;
        }
    }
    Ground::new(problem.objective.clone(), &values, data)
}

impl Ground {
    /// The best of some long ascents for a measure, in the unit of its row.
    fn best_of_long_ascents(&self, name: &str, ascents: usize, steps: usize) -> Vec<f64> {
        let subject = self.subject();
        let (landscape, chart, ball) = if name.contains("keskar") {
            let landscape = Landscape::of(&subject, Outputs::Raw).unwrap();
            let (chart, _) = keskar::chart(&subject, &landscape, keskar_box(name)).unwrap();
            (landscape, chart, Ball::Cube)
        } else {
            worst_case::ground(&subject, subject.train.batches(), neighbourhood(name)).unwrap()
        };
        let unit = match name.contains("keskar") {
            true => 100.0 / (1.0 + landscape.base()),
            false => 1.0,
        };
        let mut spending = Spending::new(Budget::default(), subject.interrupt);
        let mut rng = Streams::new(17).stream("long ascents", 0);
        let dimension = chart.coordinates(landscape.dimension());
        let starts: Vec<Vec<f64>> = (0..ascents)
            .map(|number| match number {
                0 => vec![0.0; dimension],
                _ => drawn(ball, dimension, &mut rng),
            })
            .collect();
        let mut maximand = Charted {
            landscape: &landscape,
            chart: &chart,
            spending: &mut spending,
            rng: &mut rng,
        };
        let climb = |start| unit * long_ascent(&mut maximand, ball, start, steps);
        let mut found: Vec<f64> = starts.into_iter().map(climb).collect();
        found.sort_by(|a, b| b.total_cmp(a));
        found
    }
}

fn keskar_box(name: &str) -> KeskarBox {
    match name {
        "sharpness.keskar.full" => keskar::FULL,
        "sharpness.keskar.full.5e-4" => keskar::FULL_HALF,
        "sharpness.keskar.subspace" => keskar::SUBSPACE,
        "sharpness.keskar.subspace.5e-4" => keskar::SUBSPACE_HALF,
        _ => panic!("{name}"),
    }
}

fn neighbourhood(name: &str) -> Neighbourhood {
    match name {
        "sharpness.sam.multi" => worst_case::SAM,
        "sharpness.sam.linf.multi" => worst_case::SAM_LINF,
        "sharpness.asam.multi" => worst_case::ASAM,
        "sharpness.asam.linf.multi" => worst_case::ASAM_LINF,
        _ => panic!("{name}"),
    }
}

fn drawn(ball: Ball, dimension: usize, rng: &mut StreamRng) -> Vec<f64> {
    match ball {
        Ball::Euclidean => ball.farthest(&random_normal(dimension, rng)),
        Ball::Cube => (0..dimension)
            .map(|_| rng.random_range(-1.0..1.0))
            .collect(),
    }
}

fn long_ascent(maximand: &mut dyn Maximand, ball: Ball, start: Vec<f64>, steps: usize) -> f64 {
    let mut point = start;
    let mut best = f64::NEG_INFINITY;
    for step in 0..=steps {
        let (value, slopes) = maximand.value_and_gradient(&point).unwrap();
        if value > best {
            best = value;
        }
        let length = 0.5 * (1.0f64 / 150.0).powf(step as f64 / steps as f64);
        let size = match ball {
            Ball::Euclidean => norm(&slopes),
            Ball::Cube => 1.0,
        };
        let moved = point.iter().zip(&slopes).map(|(u, slope)| match ball {
            Ball::Euclidean => u + length * slope / size,
            Ball::Cube => u + length * slope.signum(),
        });
        point = ball.onto(moved.collect());
    }
    best
}

/// Fails where a row is below 0.98 of the best of long ascents.
fn compare(network: &str, ground: &Ground, measures: &[&str], ascents: usize, steps: usize) {
    let mut low = Vec::new();
    for name in measures {
        let row: Measurement = ground.measure(name);
        let value = row.value.unwrap_or_else(|| panic!("{name}: {row:?}"));
        let found = ground.best_of_long_ascents(name, ascents, steps);
        let share = value / found[0];
        let median = found[found.len() / 2] / found[0];
        eprintln!(
            "| {network} | {name} | {value:.4e} | {share:.3} | {median:.3} | {:.3} {} | {} | {:.2} |",
            row.residual().unwrap_or(f64::NAN),
            row.converged.unwrap_or_default(),
            row.matvecs.unwrap_or_default(),
            row.seconds,
        );
        if share < 0.98 {
            low.push((name, share));
        }
    }
    assert!(low.is_empty(), "{network}: {low:?}");
}

/// A tenth of a minute of what the whole comparison does.
#[test]
fn worst_cases_are_as_high_as_the_best_of_a_few_long_ascents() {
    let mlp = trained(MLP, 100, 150, 0.02);
    let measures = [
        "sharpness.sam.multi",
        "sharpness.sam.linf.multi",
        "sharpness.keskar.full",
    ];
    compare("mlp", &mlp, &measures, 6, 80);
    let transformer = trained(TRANSFORMER, 30, 60, 0.01);
    let measures = ["sharpness.sam.multi", "sharpness.sam.linf.multi"];
    compare("transformer", &transformer, &measures, 4, 40);
}

#[test]
#[ignore = "takes minutes; the command is in the file's description"]
fn worst_cases_of_a_perceptron_are_as_high_as_the_best_of_20_long_ascents() {
    let few = trained(MLP, 200, 300, 0.01);
    compare("mlp", &few, &MEASURES, 20, 200);
    let interpolating = trained(MLP, 200, 2000, 0.02);
    compare("mlp interpolating", &interpolating, &MEASURES, 20, 200);
}

#[test]
#[ignore = "takes minutes; the command is in the file's description"]
fn worst_cases_of_a_residual_network_are_as_high_as_the_best_of_20_long_ascents() {
    compare(
        "resnet relu",
        &trained(RESNET, 60, 150, 0.01),
        &MEASURES,
        20,
        200,
    );
    let tanh = format!("{RESNET}\nactivation = \"tanh\"");
    compare(
        "resnet tanh",
        &trained(&tanh, 60, 150, 0.01),
        &MEASURES,
        20,
        200,
    );
}

#[test]
#[ignore = "takes minutes; the command is in the file's description"]
fn worst_cases_of_a_transformer_are_as_high_as_the_best_of_20_long_ascents() {
    compare(
        "transformer",
        &trained(TRANSFORMER, 40, 150, 0.01),
        &MEASURES,
        20,
        200,
    );
}

#[test]
fn the_number_of_threads_moves_no_bit_of_a_worst_case() {
    let mlp = trained(MLP, 100, 20, 0.02);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            ["sharpness.sam.multi", "sharpness.keskar.full"].map(|name| Measurement {
                seconds: 0.0,
                ..mlp.measure(name)
            })
        })
    };
    assert_eq!(with(1), with(3));
}

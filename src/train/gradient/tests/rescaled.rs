//! Sharpness-aware steps at rescaled parameters, where the function is the same.

use super::super::ascent::Ascent;
use super::*;
use crate::backend::read;
use crate::train::persistence;
use crate::train::testing::{factors, host, stepper, steps};

/// The radius of all moves here.
const RHO: f64 = 0.3;

/// The scalings of ASAM, without `η`; the last is for filters.
const ASAM: [&str; 3] = [
    "kind = \"asam\", scaling = \"elementwise\", eta = 0",
    "kind = \"asam\", scaling = \"elementwise\", eta = 0, ball = \"linf\"",
    "kind = \"asam\", scaling = \"filterwise\", eta = 0",
];

const SAM: [&str; 2] = ["ball = \"l2\"", "ball = \"linf\""];

/// Networks of ReLUs whose units can be rescaled: their keys, and for each block in turn its length and the power of
/// the factor.
const RESCALINGS: [(&str, &[(usize, i32)]); 3] = [
    ("model.bias = false", &[(12, 1), (9, -1)]),
    ("model.bias = true", &[(12, 1), (3, 1), (9, -1), (3, 0)]),
    // The two convolutions of a block.
    (
        "model.kind = \"resnet\"\nmodel.width = 2\nmodel.blocks = [1]\nmodel.norm = \"none\"",
        &[(18, 0), (36, 1), (36, -1), (9, 0)],
    ),
];

/// The scalings of ASAM that a network has.
fn asam(network: &str) -> &'static [&'static str] {
    match network.contains("resnet") {
        true => &ASAM,
        false => &ASAM[..2],
    }
}

/// The diagonal of a rescaling.
fn diagonal(blocks: &[(usize, i32)], factor: f64) -> Vec<f64> {
    let each = |&(length, power): &(usize, i32)| std::iter::repeat_n(factor.powi(power), length);
    blocks.iter().flat_map(each).collect()
}

fn products(first: &[f64], second: &[f64]) -> Vec<f64> {
    first.iter().zip(second).map(|(a, b)| a * b).collect()
}

/// Sharpness-aware descent of such a network.
fn rescalable(network: &str, sam: &str) -> Problem {
    problem(&format!(
        "{network}\nmodel.activation = \"relu\"\noptimizer.kind = \"gd\"\n\
         sharpness_aware = {{ rho = {RHO}, {sam} }}"
    ))
}

/// A position, rescaled.
fn rescaled(problem: &Problem, at: &Position, diagonal: &[f64]) -> Position {
    Position {
        parameters: problem.parameters(&products(diagonal, &host(at))),
        ..at.clone()
    }
}

/// The loss where the move of a sharpness-aware step ends.
fn loss_after_the_move(problem: &Problem, at: &Position) -> f64 {
    let keys = problem.config.sharpness_aware.as_ref().unwrap();
    let mut plain = StepLoss::new(problem, &all(problem));
    let gradient = plain.gradient(at).gradient;
    let moved = Position {
        parameters: Ascent::new(keys).moved(&at.parameters, gradient, keys.rho),
        ..at.clone()
    };
    read(&plain.gradient(&moved).loss).unwrap()[0]
}

/// The loss that ASAM looks at, `L(w + ε(w))`, is that of every rescaling of `w` (Kwon et al. 2021, theorem 1), and
/// so are its minima and all its stationary points. That of SAM is not.
#[test]
fn the_loss_after_the_move_of_asam_is_that_of_every_rescaling() {
    for (network, blocks) in RESCALINGS {
        let differences = |sam: &str| {
            let problem = rescalable(network, sam);
            let at = start(&problem);
            let here = loss_after_the_move(&problem, &at);
            [0.25, 3.0].map(|factor| {
                let there = rescaled(&problem, &at, &diagonal(blocks, factor));
                (loss_after_the_move(&problem, &there) / here - 1.0).abs()
            })
        };
        for sam in asam(network) {
            let found = differences(sam);
            assert!(
                found.iter().all(|&x| x < 1e-13),
                "{network}, {sam}: {found:?}"
            );
        }
        for sam in SAM {
            let found = differences(sam);
            assert!(
                found.iter().all(|&x| x > 5e-4),
                "{network}, {sam}: {found:?}"
            );
        }
    }
}

/// How far the losses of two runs part, as a share: from a start, and from its rescaling `D` along `D²` times the
/// gradient, which is what a step along the gradient becomes in the coordinates of the start.
fn parted(network: &str, blocks: &[(usize, i32)], sam: &str) -> f64 {
    let problem = rescalable(network, sam);
    let mut oracle = oracle(&problem, &all(&problem));
    let mut here = start(&problem);
    let mut there = rescaled(&problem, &here, &diagonal(blocks, 3.0));
    let metric = diagonal(blocks, 9.0);
    let mut losses = Vec::new();
    let mut parted: f64 = 0.0;
    for _ in 0..150 {
        let [first, second] = [&here, &there].map(|at| oracle.gradient(at));
        let [loss, other] = [&first, &second].map(|found| read(&found.loss).unwrap()[0]);
        losses.push(loss);
        parted = parted.max((other / loss - 1.0).abs());
        let step = products(&metric, &second.gradient.into_host().unwrap());
        here.parameters = here.parameters.plus_scaled(-0.1, first.gradient);
        there.parameters = there
            .parameters
            .plus_scaled(-0.1, problem.parameters(&step));
    }
    // It has learned something.
    assert!(
        losses[149] < 0.997 * losses[0],
        "{network}, {sam}: {losses:?}"
    );
    parted
}

/// Runs of ASAM from a start and from its rescaling go through the same functions, step by step, in steps that are
/// rescaled too; so where the one ends, at a point or in a cycle, the other ends at its rescaling. Those of SAM part.
#[test]
fn runs_of_asam_from_rescaled_starts_go_through_the_same_functions() {
    for (network, blocks) in RESCALINGS {
        for sam in asam(network) {
            let found = parted(network, blocks, sam);
            assert!(found < 1e-12, "{network}, {sam}: {found}");
        }
        for sam in SAM {
            let found = parted(network, blocks, sam);
            assert!(found > 5e-4, "{network}, {sam}: {found}");
        }
    }
}

/// Where two factors move to on `½(ab − 1)²`.
fn moved_factors(is_asam: bool, [a, b]: [f64; 2]) -> [f64; 2] {
    let up = RHO * (a * b - 1.0).signum();
    match is_asam {
        // The scaled gradient is the error times (ab, ab): both grow in the same proportion.
        true => [a, b].map(|w| w * (1.0 + up * (a * b).signum() / 2f64.sqrt())),
        false => [a + up * b / a.hypot(b), b + up * a / a.hypot(b)],
    }
}

/// From `(t√p, √p/t)` on, one function of three scales, on `½(ab − 1)²`. What ASAM looks at is the same for all of
/// them, and its runs keep the scale that they have begun with, but for the square of the rate; those of SAM end where
/// both factors are alike, at the flattest minimum, wherever they begin. Both are what the formulas say.
#[test]
fn sam_forgets_the_scale_of_its_start_and_asam_keeps_it() {
    for (is_asam, sam) in [(false, SAM[0]), (true, ASAM[0])] {
        let keys =
            format!("optimizer.learning_rate = 0.02\nsharpness_aware = {{ rho = {RHO}, {sam} }}");
        let problem = factors(1, &[1.0], &keys);
        let (mut looked_at, mut ends) = (Vec::new(), Vec::new());
        for scale in [1.0, 1.5, 2.0] {
            let mut expected = [0.8f64.sqrt() * scale, 0.8f64.sqrt() / scale];
            let at = persistence::first(&problem, &expected).position;
            let [a, b] = moved_factors(is_asam, expected);
            let loss = loss_after_the_move(&problem, &at);
            assert!((loss - 0.5 * (a * b - 1.0).powi(2)).abs() < 1e-14, "{loss}");
            looked_at.push(loss);

            let mut stepper = stepper(&problem);
            let early = steps(&mut stepper, at, 20);
            for _ in 0..20 {
                let [a, b] = moved_factors(is_asam, expected);
                let error = 0.02 * (a * b - 1.0);
                expected = [expected[0] - error * b, expected[1] - error * a];
            }
            assert_near(&host(&early), &expected, 1e-13);
            let end = host(&steps(&mut stepper, early, 980));
            assert!((end[0] * end[1] - 1.0).abs() < 0.1, "{sam}: {end:?}");
            ends.push(end[0] / end[1]);
        }
        let spread = looked_at[2] / looked_at[0] - 1.0;
        // The ratio of the factors is t² at the start.
        if is_asam {
            assert!(spread.abs() < 1e-13, "{looked_at:?}");
            assert!(ends[1] > 0.8 * 2.25 && ends[2] > 0.7 * 4.0, "{ends:?}");
        } else {
            assert!(spread > 0.5, "{looked_at:?}");
            assert!(ends.iter().all(|end| (end - 1.0).abs() < 0.1), "{ends:?}");
        }
    }
}

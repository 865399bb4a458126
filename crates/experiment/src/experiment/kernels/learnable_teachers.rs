//! Which functions have a bounded norm in the space of the tangent kernel, and can so be learned from few inputs.

use super::{at, at_least, banded, exponent, whole};
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Numbers, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Straight, Style, Width};
use crate::problem::dense;
use crate::problem::draw;
use crate::problem::kernel::{Modes, gram, series_of_inner, sphere, tangent_of_inner};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat};

const POINTS: Numbers =
    Numbers::new("points", "inputs with labels", &[25.0, 50.0, 100.0, 200.0]).allowed(5.0, 800.0);
const INPUTS: Count = Count::new("inputs", "dimension of the inputs", 4).allowed(2.0, 50.0);
const LENGTHS: Numbers = Numbers::new(
    "lengths",
    "lengths of β in the cosine teacher",
    &[0.03, 0.1, 0.3, 1.0, 2.0, 3.0],
)
.allowed(1e-3, 5.0);
const TERMS: Count =
    Count::new("terms", "terms of the series of the kernel", 400).allowed(10.0, 1e5);
/// The constant of Arora et al. 2019 in the bounds of powers and of the cosine.
const CONSTANT: f64 = 3.0;
/// The powers that are learned; 3 is the one without a bound.
const POWERS: [i32; 4] = [1, 2, 4, 3];

/// What one draw gives.
struct Draw {
    /// `√(2yᵀH⁻¹y · tr H)/n` of the powers of β·x with a unit β, each over the numbers of inputs.
    powers: Vec<Vec<f64>>,
    /// `√(2yᵀH⁻¹y)` of `cos(β·x) − 1` over the lengths of β, of the most inputs.
    cosines: Vec<f64>,
    /// The least eigenvalue of `H − K/4` with as many inputs as dimensions, and the largest of `4K⁻¹H − 1` there.
    least: f64,
}

/// Functions that the tangent kernel learns.
#[derive(Debug)]
pub struct LearnableTeachers;

impl Experiment for LearnableTeachers {
    fn about(&self) -> About {
        About {
            name: "learnable-teachers",
            subject: Subject::Kernels,
            claim: "Linear functions, even powers and cosines have bounded norms in the space of the two-layer tangent kernel, odd powers from 3 on have not.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 9.3.1 and exercise 9.6.3; Arora et al. 2019, Fine-grained analysis of optimization and generalization for overparameterized two-layer neural networks, sec. 6",
            mathematics: "With K = (xᵢ·xⱼ) the tangent kernel of two-layer ReLU networks has the series H = K/4 + (1/2π) Σ ((2l − 3)!!/(2l − 2)!!) K^∘2l/(2l − 1) \
                in entrywise powers. All its terms are positive semidefinite, so that H ⪰ K/4, and y = Kβ' of a linear teacher β·x has \
                yᵀH⁻¹y ≤ 4‖β‖². With tr H = n/2 the measure √(2yᵀH⁻¹y · tr H)/n is then at most 2‖β‖/√n, below the 2√2‖β‖/√n of the print. \
                In the same way (β·x)ᵖ with an even p has √(2yᵀH⁻¹y) ≤ 3p‖β‖ᵖ. The series of cos(β·x) − 1 by even powers gives \
                3 Σ ‖β‖ᵖ/(p − 1)! = 3‖β‖ sinh‖β‖; the print has sinh(‖β‖²), which is too small for short β, because cos(β·x) − 1 ≈ −(β·x)²/2 \
                falls as ‖β‖² only. Odd powers from 3 on have no term: their norm grows with the number of inputs.",
            refuted_by: "A measure above its bound.",
            seeds: Extent {
                full: 20,
                quick: 20,
            },
            seconds: Extent {
                full: 0.2,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            POINTS.parameter(),
            INPUTS.parameter(),
            LENGTHS.parameter(),
            TERMS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        at_least(3, "points", &setup.get(POINTS))?;
        at_least(1, "lengths", &setup.get(LENGTHS))?;
        let draws = setup.over_seeds(|streams| one(setup, streams))?;
        let claims = series(setup)
            .into_iter()
            .chain(teachers(setup, &draws))
            .chain(cosines(setup, &draws));
        Ok(Findings::new()
            .claims(claims)
            .figure("measures-and-bounds", figure(setup, &draws)))
    }
}

fn one(setup: &Setup, streams: Streams) -> Result<Draw, ExperimentError> {
    let inputs = setup.get(INPUTS);
    let beta = draw::on_sphere(&mut streams.stream("teacher", 0), inputs);
    let mut draw = Draw {
        powers: vec![Vec::new(); POWERS.len()],
        cosines: Vec::new(),
        least: 0.0,
    };
    for count in whole(&setup.get(POINTS)) {
        setup.go_on()?;
        let points = sphere(&mut streams.stream("points", count as u64), count, inputs);
        let modes = Modes::of(gram(points.as_ref(), tangent_of_inner).as_ref())?;
        let products = &points * &beta;
        let root = |teacher: &dyn Fn(f64) -> f64| {
            let labels = Col::from_fn(count, |index| teacher(products[index]));
            (2.0 * modes.norm_of_interpolant(labels.as_ref())).sqrt()
        };
        let trace: f64 = modes.values.iter().sum();
        for (row, power) in draw.powers.iter_mut().zip(POWERS) {
            row.push(root(&|z| z.powi(power)) * trace.sqrt() / count as f64);
        }
        // Of the last number of inputs: 1 − cos without the digits that a difference loses.
        draw.cosines = setup
            .get(LENGTHS)
            .iter()
            .map(|length| root(&|z| 2.0 * (length * z / 2.0).sin().powi(2)))
            .collect();
    }
    let square = sphere(&mut streams.stream("square", 0), inputs, inputs);
    let difference: Mat<f64> = gram(square.as_ref(), tangent_of_inner)
        - faer::Scale(0.25) * (&square * square.transpose());
    draw.least = dense::eigenvalues(difference.as_ref())?[0];
    Ok(draw)
}

fn series(setup: &Setup) -> Vec<Claim> {
    let terms = setup.get(TERMS);
    let off = |expected: &dyn Fn(f64) -> f64| {
        let cosines = (-9..=9).map(|tenth| f64::from(tenth) / 10.0);
        let largest = cosines.fold(0.0, |most: f64, c| {
            most.max((series_of_inner(c, terms) - expected(c)).abs())
        });
        // What the series leaves out is below its next power over the rest.
        Estimate::exact(largest, 0.81f64.powi(terms.min(10_000) as i32) + 1e-14)
    };
    let text = |form: &str| {
        format!(
            "c/4 + (1/2π) Σ ((2l − 3)!!/(2l − 2)!!) c^2l/(2l − 1) is {form} for c from −0.9 to 0.9: largest difference"
        )
    };
    let equal = Rule::Equals {
        value: 0.0,
        tolerance: 1e-10,
    };
    vec![
        Claim::printed(
            "theory 9-8",
            text("(π − arccos c)/2π"),
            equal,
            off(&|c| (std::f64::consts::PI - c.acos()) / (2.0 * std::f64::consts::PI)),
        ),
        Claim::corrected(
            "theory 9-8",
            text("c(π − arccos c)/2π"),
            equal,
            off(&tangent_of_inner),
        ),
    ]
}

/// A power's measure times `√n` over the bound's, at its largest over the numbers of inputs.
fn over_bound(setup: &Setup, draw: &Draw, index: usize, bound: f64) -> f64 {
    let counts = setup.get(POINTS);
    let scaled = draw.powers[index]
        .iter()
        .zip(&counts)
        .map(|(measure, count)| measure * count.sqrt());
    scaled.fold(0.0, f64::max) / bound
}

fn teachers(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let mean =
        |of: &dyn Fn(&Draw) -> f64| Estimate::mean(&draws.iter().map(of).collect::<Vec<_>>());
    let bounded = |index: usize, bound: f64| mean(&|draw| over_bound(setup, draw, index, bound));
    let counts = setup.get(POINTS);
    let text = |what: &str, bound: &str| {
        format!("{what} has √(2yᵀH⁻¹y · tr H)/n ≤ {bound} for n of {counts:?}: largest ratio")
    };
    // tr H is n/2, so that the bound 3p on √(2yᵀH⁻¹y) makes 3p/√2.
    let of_power = |power: f64| CONSTANT * power / 2f64.sqrt();
    let odd: Vec<Vec<f64>> = draws
        .iter()
        .map(|draw| {
            draw.powers[3]
                .iter()
                .zip(&counts)
                .map(|(value, count)| value * count.sqrt())
                .collect()
        })
        .collect();
    vec![
        Claim::printed(
            "theory 9-8",
            format!(
                "H ⪰ K/4 ({} inputs of that dimension): least eigenvalue of the difference",
                setup.get(INPUTS)
            ),
            Rule::Above(-1e-12),
            mean(&|draw| draw.least),
        ),
        Claim::printed(
            "theory 9-8",
            text("β·x", "2√2‖β‖/√n"),
            Rule::Below(1.0),
            bounded(0, 8f64.sqrt()),
        ),
        Claim::corrected(
            "theory 9-8",
            text("β·x", "2‖β‖/√n, because tr H = n/2,"),
            Rule::Below(1.0),
            bounded(0, 2.0),
        ),
        Claim::printed(
            "theory 9-8",
            text("(β·x)²", "3p‖β‖ᵖ/√(2n), p = 2,"),
            Rule::Below(1.0),
            bounded(1, of_power(2.0)),
        ),
        Claim::printed(
            "theory 9-8",
            text("(β·x)⁴", "3p‖β‖ᵖ/√(2n), p = 4,"),
            Rule::Below(1.0),
            bounded(2, of_power(4.0)),
        ),
        Claim::must_fail(
            "theory 9-8",
            text("(β·x)³", "3p‖β‖ᵖ/√(2n), p = 3,"),
            Rule::Below(1.0),
            bounded(3, of_power(3.0)),
        ),
        Claim::must_fail(
            "theory 9-8",
            "(β·x)³ has a measure that falls with the number of inputs as n^(−1/2): exponent of √n times it",
            Rule::Equals {
                value: 0.0,
                tolerance: 0.1,
            },
            exponent(&counts, &odd),
        ),
    ]
}

/// The two forms of the cosine's bound on `√(2yᵀH⁻¹y)`.
fn bounds_of_cosine(length: f64) -> [f64; 2] {
    [length * length, length].map(|argument| CONSTANT * length * argument.sinh())
}

fn cosines(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let lengths = setup.get(LENGTHS);
    let largest = |which: usize| {
        let of = |draw: &Draw| {
            let ratios = draw
                .cosines
                .iter()
                .zip(&lengths)
                .map(|(root, length)| root / bounds_of_cosine(*length)[which]);
            ratios.fold(0.0, f64::max)
        };
        Estimate::mean(&draws.iter().map(of).collect::<Vec<_>>())
    };
    let text = |bound: &str| {
        format!("cos(β·x) − 1 has √(2yᵀH⁻¹y) ≤ 3‖β‖ {bound} for ‖β‖ of {lengths:?}: largest ratio")
    };
    vec![
        Claim::printed(
            "theory 9-8",
            text("sinh(‖β‖²)"),
            Rule::Below(1.0),
            largest(0),
        ),
        Claim::corrected("theory 9-8", text("sinh‖β‖"), Rule::Below(1.0), largest(1)),
    ]
}

fn figure(setup: &Setup, draws: &[Draw]) -> Figure {
    let (counts, lengths) = (setup.get(POINTS), setup.get(LENGTHS));
    let axes = (
        Axis::counting("inputs n").log(),
        Axis::new("norm of the labels", "1").log(),
    );
    let mut powers = Panel::new(axes.0, axes.1).titled("powers of β·x");
    for (index, power) in POWERS.into_iter().enumerate() {
        // The trace is n/2.
        let rows: Vec<Vec<f64>> = draws
            .iter()
            .map(|draw| {
                draw.powers[index]
                    .iter()
                    .zip(&counts)
                    .map(|(value, count)| value * count.sqrt())
                    .collect()
            })
            .collect();
        // Dots are for references.
        let style = Style {
            colour: Some(index),
            dash: [0, 1, 3, 4][index % 4],
        };
        powers = powers.with(banded(format!("p = {power}"), &counts, &rows).styled(style));
    }
    powers = powers.with(Straight::level("bound, p = 1", 2.0));
    let rows: Vec<Vec<f64>> = draws.iter().map(|draw| draw.cosines.clone()).collect();
    let medians: Vec<f64> = (0..lengths.len())
        .map(|place| Estimate::median(&at(&rows, place)).value)
        .collect();
    let bound = |which: usize| {
        lengths
            .iter()
            .map(|length| bounds_of_cosine(*length)[which])
            .collect::<Vec<_>>()
    };
    let cosine = Panel::new(
        Axis::new("length of β", "1").log(),
        Axis::new("√2 times the norm of the labels", "1").log(),
    )
    .titled("cos(β·x) − 1")
    .with(Line::new("measured", lengths.clone(), medians).with_markers())
    .with(Line::new("3‖β‖ sinh‖β‖", lengths.clone(), bound(1)))
    .with(Line::new("3‖β‖ sinh(‖β‖²)", lengths.clone(), bound(0)).styled(Style::REFERENCE));
    let figure = Figure::new("Norms of functions in the space of the tangent kernel")
        .with(powers)
        .with(cosine);
    Figure {
        columns: 2,
        width: Width::Page,
        ..figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_linear_teacher_is_within_the_bound_of_the_kernel_inequality() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), vec![0], true, &stop);
        let found = one(&setup, Streams::new(0)).unwrap();
        // H ⪰ K/4 makes yᵀH⁻¹y ≤ 4‖β‖² for y = Kβ's values, and tr H is n/2: √(2 · 4 · n/2)/n = 2/√n.
        assert!(found.least > -1e-12);
        assert!(over_bound(&setup, &found, 0, 2.0) < 1.0);
    }

    #[test]
    fn the_largest_ratio_to_a_bound_is_over_the_numbers_of_inputs() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), vec![0], true, &stop);
        let measures = setup
            .get(POINTS)
            .iter()
            .map(|count| 3.0 / count.sqrt())
            .collect();
        let draw = Draw {
            powers: vec![measures],
            cosines: Vec::new(),
            least: 0.0,
        };
        assert!((over_bound(&setup, &draw, 0, 2.0) - 1.5).abs() < 1e-12);
    }
}

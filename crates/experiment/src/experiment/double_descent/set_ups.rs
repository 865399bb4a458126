//! Four set-ups for double descent with one solver: which of them have a first descent, a peak and a second one.

use super::{beside, curve, each, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Rule as Mark};
use crate::problem::draw;
use crate::problem::least_squares::sparse_truth;
use crate::problem::spectra::{isotropic_error, isotropic_parts};
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Cell, Column, Table};
use faer::Col;

const WEAK: Number = Number::new(
    "weak",
    "variance of the label noise where all features are weak",
    0.25,
)
.allowed(0.0, 10.0);
const FEATURES: Count = Count::new(
    "features",
    "weak or decaying features that there are in all",
    1_000,
)
.allowed(1_000.0, 5_000.0);

/// Training samples of all set-ups but the second, which has twice as many.
const SAMPLES: usize = 50;

/// The numbers of features of the exercise, of the answer, and of the set-ups with all features in order.
const EXERCISE: [usize; 17] = [
    10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 100, 150, 200, 300, 500,
];
const ANSWER: [usize; 10] = [10, 20, 40, 60, 80, 100, 105, 120, 160, 200];
const DESIGNED: [usize; 14] = [1, 2, 5, 10, 20, 30, 40, 45, 50, 55, 70, 100, 300, 1_000];

/// What the exercise prints: features and errors.
const PRINTED: [(usize, f64); 5] = [(10, 0.20), (40, 0.05), (50, 0.45), (60, 0.10), (200, 0.015)];

/// Set-ups of double descent.
#[derive(Debug)]
pub struct SetUps;

/// Errors on new labels of one draw in each set-up, and what they are over their closed form.
#[derive(Debug, Default)]
struct Measured {
    exercise: Vec<f64>,
    norms: Vec<f64>,
    residuals: Vec<f64>,
    ratio: f64,
    answer: Vec<f64>,
    weak: Vec<f64>,
    decaying: Vec<f64>,
}

impl Experiment for SetUps {
    fn about(&self) -> About {
        About {
            name: "double-descent-set-ups",
            subject: Subject::DoubleDescent,
            claim: "The test error falls, peaks at as many features as samples, and falls again \
                below its first minimum.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), A.7 and \
                C.5; Belkin, Hsu & Xu (2020), Two models of double descent for weak features.",
            mathematics: "The shortest fit on p of the features of isotropic data has the expected error \
                (‖β_out‖² + σ²)(1 + p/(m − p − 1)) for p < m − 1 and ‖β_in‖²(1 − m/p) + \
                (‖β_out‖² + σ²)(1 + m/(p − m − 1)) for p > m + 1. Where ten features carry \
                everything and are always used (the exercise), β_out = 0: the error can only \
                rise up to p = m, and past it only rise to ‖β‖². Where D weak features carry \
                equal parts, it rises up to p = m and falls to p = D, there below that of no \
                features. Where they carry parts that decay like 1/i, it falls first, but the \
                second descent ends higher. The solver is exact and draws nothing: no noise of \
                batches is needed for any of it.",
            refuted_by: "A first or second descent in the exercise's set-up, or none where the features \
                are weak.",
            seeds: Extent {
                full: 60,
                quick: 24,
            },
            seconds: Extent {
                full: 0.6,
                quick: 0.4,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![WEAK.parameter(), FEATURES.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_exercise(&all))
            .claims(of_the_descents(&all))
            .claims(of_the_norm(&all))
            .claims(of_the_answer(&all))
            .claims(of_the_weak_features(setup, &all))
            .claims(of_the_decaying_features(&all))
            .table("errors", table(setup, &all))
            .figure("set-ups", figure(setup, &all)))
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut found = Measured::default();
    exercise_of_one(streams, &mut found)?;
    setup.go_on()?;
    for (place, features) in ANSWER.into_iter().enumerate() {
        let mut rng = streams.stream("answer", place as u64);
        let truth = sparse_truth(&mut streams.stream("sparse", 0), features, 10);
        let parts = isotropic_parts(&mut rng, 2 * SAMPLES, &truth, 0.1)?;
        found.answer.push(parts.excess + 0.01);
    }
    setup.go_on()?;
    found.weak = designed(setup, streams, "weak", |_| 1.0)?;
    found.decaying = designed(setup, streams, "decaying", decay)?;
    Ok(found)
}

/// One draw of the exercise.
fn exercise_of_one(streams: Streams, found: &mut Measured) -> Result<(), ExperimentError> {
    let strong = draw::normals(&mut streams.stream("truth", 0), 10);
    let mut ratios = Vec::new();
    for (place, features) in EXERCISE.into_iter().enumerate() {
        let mut rng = streams.stream("exercise", place as u64);
        let part = |index: usize| if index < 10 { strong[index] } else { 0.0 };
        let truth = Col::from_fn(features, part);
        let parts = isotropic_parts(&mut rng, SAMPLES, &truth, 0.01)?;
        let error = parts.excess + 1e-4;
        let expected = isotropic_error(SAMPLES, features, strong.squared_norm_l2(), 0.0, 1e-4);
        // Where the mean is finite but its tail is heavy, few draws say little about it.
        if !(40..=60).contains(&features) {
            ratios.extend(expected.map(|expected| error / expected));
        }
        found.exercise.push(error);
        found.norms.push(parts.norm);
        found.residuals.push(parts.residual);
    }
    found.ratio = mean(&ratios);
    Ok(())
}

/// Errors with the first so many of features that carry these parts of a truth of norm 1. What is not used of Gaussian
/// features acts as noise.
fn designed(
    setup: &Setup,
    streams: Streams,
    name: &str,
    part: impl Fn(usize) -> f64,
) -> Result<Vec<f64>, ExperimentError> {
    let parts = unit(setup.get(FEATURES), part);
    let noise = setup.get(WEAK);
    DESIGNED
        .iter()
        .enumerate()
        .map(|(place, &used)| {
            let unexplained = noise + squares(&parts[used..]);
            let truth = Col::from_fn(used, |index| parts[index]);
            let mut rng = streams.stream(name, place as u64);
            Ok(
                isotropic_parts(&mut rng, SAMPLES, &truth, unexplained.sqrt())?.excess
                    + unexplained,
            )
        })
        .collect()
}

fn unit(size: usize, part: impl Fn(usize) -> f64) -> Vec<f64> {
    let parts: Vec<f64> = (0..size).map(part).collect();
    let norm = squares(&parts).sqrt();
    parts.iter().map(|part| part / norm).collect()
}

fn squares(numbers: &[f64]) -> f64 {
    numbers.iter().map(|number| number * number).sum()
}

fn place(grid: &[usize], features: usize) -> usize {
    grid.iter().position(|&here| here == features).unwrap_or(0)
}

/// The logarithms of errors at some numbers of features, as arms in their order.
fn arms(
    all: &[Measured],
    of: fn(&Measured) -> &Vec<f64>,
    grid: &[usize],
    features: &[usize],
    sign: f64,
) -> Vec<Vec<f64>> {
    features
        .iter()
        .map(|&features| each(all, |one| sign * of(one)[place(grid, features)].ln()))
        .collect()
}

/// The median over draws of one error over another.
fn ratio(
    all: &[Measured],
    of: fn(&Measured) -> &Vec<f64>,
    grid: &[usize],
    [over, under]: [usize; 2],
) -> Estimate {
    Estimate::median(&each(all, |one| {
        of(one)[place(grid, over)] / of(one)[place(grid, under)]
    }))
}

fn of_the_exercise(all: &[Measured]) -> Vec<Claim> {
    let id = "flat-vs-sharp C.5";
    let mut claims: Vec<Claim> = PRINTED
        .iter()
        .map(|&(features, error)| {
            let at = place(&EXERCISE, features);
            Claim::printed(
                id,
                format!("Ten features carry the signal, 50 samples: with {features} features the error is \
                {error}, within a factor of 2 (median)."),
                Rule::Between(error / 2.0, error * 2.0),
                Estimate::median(&each(all, |one| one.exercise[at])),
            )
        })
        .collect();
    let largest = each(all, |one| {
        one.residuals[place(&EXERCISE, 50)..]
            .iter()
            .copied()
            .fold(0.0, f64::max)
    });
    claims.push(Claim::printed(
        id,
        "From 50 features on the training error is none (largest, below 1e-10).",
        Rule::Below(1e-10),
        Estimate::mean(&largest),
    ));
    claims.push(Claim::corrected(
        id,
        "Away from the threshold the mean error is the closed form, σ²(1 + n/(m − n − 1)) below \
        it and ‖θ‖²(1 − m/n) + σ²(1 + m/(n − m − 1)) above, within 10 % (mean ratio).",
        Rule::Equals {
            value: 1.0,
            tolerance: 0.1,
        },
        Estimate::mean(&each(all, |one| one.ratio)),
    ));
    claims
}

/// The least rise, or with the sign −1 the least fall, of the logarithm of the exercise's error or norm.
fn exercise(
    all: &[Measured],
    of: fn(&Measured) -> &Vec<f64>,
    features: &[usize],
    sign: f64,
) -> Estimate {
    Estimate::smallest_step(&arms(all, of, &EXERCISE, features, sign))
}

const BEFORE: [usize; 4] = [10, 20, 30, 40];
const BEYOND: [usize; 4] = [60, 100, 200, 500];

fn of_the_descents(all: &[Measured]) -> Vec<Claim> {
    let id = "flat-vs-sharp C.5";
    let rise = Rule::Above(0.0);
    let error = |features: &[usize], sign| exercise(all, |one| &one.exercise, features, sign);
    vec![
        Claim::printed(
            id,
            "There is a first descent: from 10 to 20 to 30 to 40 features the error falls (least \
            fall of the logarithm).",
            rise,
            error(&BEFORE, -1.0),
        ),
        Claim::corrected(
            id,
            "It rises from 10 to 20 to 30 to 40 features (least rise of the logarithm).",
            rise,
            error(&BEFORE, 1.0),
        ),
        Claim::printed(
            id,
            "There is a second descent: from 60 to 100 to 200 to 500 features the error falls \
            (least fall of the logarithm).",
            rise,
            error(&BEYOND, -1.0),
        ),
        Claim::corrected(
            id,
            "It rises from 60 to 100 to 200 to 500 features (least rise of the logarithm).",
            rise,
            error(&BEYOND, 1.0),
        ),
    ]
}

fn of_the_norm(all: &[Measured]) -> Vec<Claim> {
    let id = "flat-vs-sharp C.5";
    vec![
        Claim::printed(
            id,
            "The norm of the fit has a spike of more than twice its value at 40 features, at 50 \
            (median ratio).",
            Rule::Above(2.0),
            ratio(all, |one| &one.norms, &EXERCISE, [50, 40]),
        ),
        Claim::corrected(
            id,
            "The norm falls beyond the threshold, from 60 to 100 to 200 to 500 features (least \
            fall of the logarithm).",
            Rule::Above(0.0),
            exercise(all, |one| &one.norms, &BEYOND, -1.0),
        ),
    ]
}

fn of_the_answer(all: &[Measured]) -> Vec<Claim> {
    let id = "flat-vs-sharp A.7";
    let answer =
        |features: &[usize], sign: f64| arms(all, |one| &one.answer, &ANSWER, features, sign);
    vec![
        Claim::printed(
            id,
            "Double descent needs the noise of batches: with an exact solver there is no peak, \
            the error at 100 features and samples is below twice that at 80 (median ratio).",
            Rule::Below(2.0),
            ratio(all, |one| &one.answer, &ANSWER, [100, 80]),
        ),
        Claim::printed(
            id,
            "In the set-up of its answer, ten features of 100 samples, the error falls from 10 to \
            40 to 80 features (least fall of the logarithm).",
            Rule::Above(0.0),
            Estimate::smallest_step(&answer(&[10, 40, 80], -1.0)),
        ),
        Claim::printed(
            id,
            "It falls again from 105 to 120 to 160 to 200 features (least fall of the logarithm).",
            Rule::Above(0.0),
            Estimate::smallest_step(&answer(&[105, 120, 160, 200], -1.0)),
        ),
        Claim::corrected(
            id,
            "It rises from 10 to 40 to 80 and from 120 to 160 to 200 features (least rise of the \
            logarithm).",
            Rule::Above(0.0),
            smaller(
                Estimate::smallest_step(&answer(&[10, 40, 80], 1.0)),
                Estimate::smallest_step(&answer(&[120, 160, 200], 1.0)),
            ),
        ),
    ]
}

fn smaller(a: Estimate, b: Estimate) -> Estimate {
    if a.low < b.low { a } else { b }
}

fn of_the_weak_features(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let id = "flat-vs-sharp A.7";
    let weak = |pair| ratio(all, |one| &one.weak, &DESIGNED, pair);
    let nothing = 1.0 + setup.get(WEAK);
    vec![
        Claim::corrected(
            id,
            "With an exact solver and a thousand weak features the error at 50 of them, as many \
            as samples, is more than 5 times that at 20 (median ratio).",
            Rule::Above(5.0),
            weak([50, 20]),
        ),
        Claim::corrected(
            id,
            "It is more than 5 times that at 300 (median ratio).",
            Rule::Above(5.0),
            weak([50, 300]),
        ),
        Claim::corrected(
            "flat-vs-sharp C.5",
            "There the second descent ends below the error of predicting zero, with 1000 features \
            (mean ratio).",
            Rule::Below(1.0),
            Estimate::mean(&each(all, |one| one.weak[DESIGNED.len() - 1] / nothing)),
        ),
        Claim::corrected(
            "flat-vs-sharp C.5",
            "With parts that decay like 1/i there is a first descent, from 1 to 5 features (mean \
            fall of the logarithm).",
            Rule::Above(0.0),
            Estimate::difference(
                &arms(all, |one| &one.decaying, &DESIGNED, &[5], 1.0)[0],
                &arms(all, |one| &one.decaying, &DESIGNED, &[1], 1.0)[0],
            ),
        ),
    ]
}

fn of_the_decaying_features(all: &[Measured]) -> Vec<Claim> {
    let weak = |pair| ratio(all, |one| &one.weak, &DESIGNED, pair);
    let decaying = |pair| ratio(all, |one| &one.decaying, &DESIGNED, pair);
    vec![
        Claim::corrected(
            "flat-vs-sharp C.5",
            "With them the second descent ends higher: with 1000 features the error is above that \
            with 5 (median ratio).",
            Rule::Above(1.0),
            decaying([1_000, 5]),
        ),
        Claim::must_fail(
            "flat-vs-sharp C.5",
            "With weak features there is a first descent: from 1 to 20 of them the error falls \
            (median ratio).",
            Rule::Below(1.0),
            weak([20, 1]),
        ),
    ]
}

/// One of the four set-ups, with closed forms of its mean errors.
struct SetUp {
    title: &'static str,
    of: fn(&Measured) -> &Vec<f64>,
    grid: &'static [usize],
    samples: usize,
    closed: Vec<f64>,
}

fn set_ups(setup: &Setup) -> [SetUp; 4] {
    let twice = 2 * SAMPLES;
    let of = |title, of, grid, samples, closed| SetUp {
        title,
        of,
        grid,
        samples,
        closed,
    };
    let exercise = of_ten(&EXERCISE, SAMPLES, 1e-4);
    let answer = of_ten(&ANSWER, twice, 0.01);
    let (weak, decaying) = (of_parts(setup, |_| 1.0), of_parts(setup, decay));
    [
        of(
            "ten features, 50 samples",
            |one| &one.exercise,
            &EXERCISE,
            SAMPLES,
            exercise,
        ),
        of(
            "ten features, 100 samples",
            |one| &one.answer,
            &ANSWER,
            twice,
            answer,
        ),
        of("weak features", |one| &one.weak, &DESIGNED, SAMPLES, weak),
        of(
            "decaying features",
            |one| &one.decaying,
            &DESIGNED,
            SAMPLES,
            decaying,
        ),
    ]
}

fn rows(all: &[Measured], set_up: &SetUp) -> Vec<Vec<Cell>> {
    let row = |at: usize| {
        let errors = each(all, |one| (set_up.of)(one)[at]);
        let closed = Some(set_up.closed[at]).filter(|value| value.is_finite());
        let numbers = [Some(mean(&errors)), Some(median(&errors)), closed];
        let words = [set_up.title.into(), set_up.grid[at].into()];
        words.into_iter().chain(numbers.map(Cell::from)).collect()
    };
    (0..set_up.grid.len()).map(row).collect()
}

fn table(setup: &Setup, all: &[Measured]) -> Table {
    let numbers = [
        "features",
        "mean error",
        "median error",
        "closed form of the mean",
    ];
    let columns = numbers.map(Column::number);
    let note = "Errors on new labels; there is no closed form where the expectation is infinite.";
    Table::new([Column::text("set-up")].into_iter().chain(columns))
        .captioned(note)
        .with_rows(set_ups(setup).iter().flat_map(|set_up| rows(all, set_up)))
}

/// Closed forms for ten standard normal parameters, whose squared norm is 10 on average.
fn of_ten(grid: &[usize], samples: usize, noise: f64) -> Vec<f64> {
    grid.iter()
        .map(|&features| isotropic_error(samples, features, 10.0, 0.0, noise).unwrap_or(f64::NAN))
        .collect()
}

/// Closed forms for features in their order, with these parts of a truth of norm 1.
fn of_parts(setup: &Setup, part: fn(usize) -> f64) -> Vec<f64> {
    let parts = unit(setup.get(FEATURES), part);
    let at = |used: usize| {
        isotropic_error(
            SAMPLES,
            used,
            squares(&parts[..used]),
            squares(&parts[used..]),
            setup.get(WEAK),
        )
    };
    DESIGNED
        .iter()
        .map(|&used| at(used).unwrap_or(f64::NAN))
        .collect()
}

fn decay(index: usize) -> f64 {
    1.0 / (index as f64 + 1.0)
}

fn panel(all: &[Measured], set_up: SetUp) -> Panel {
    let draws: Vec<Vec<f64>> = all.iter().map(|one| (set_up.of)(one).clone()).collect();
    let features: Vec<f64> = set_up.grid.iter().map(|&count| count as f64).collect();
    let median = curve("median", &features, &draws).styled(style(0, 0));
    let closed = Line::new("closed form of the mean", features, set_up.closed);
    let threshold = Mark::upright("as many features as samples", set_up.samples as f64);
    let error = Axis::new("error on new labels", "1").log();
    Panel::new(Axis::counting("features").log(), error)
        .titled(set_up.title)
        .with(threshold)
        .with(median.with_markers())
        .with(closed.styled(style(1, 1)))
}

fn figure(setup: &Setup, all: &[Measured]) -> Figure {
    let places = PRINTED.map(|(features, _)| features as f64).to_vec();
    let printed = Points {
        style: Some(style(3, 3)),
        ..Points::new("printed", places, PRINTED.map(|(_, error)| error).to_vec())
    };
    let mut panels = set_ups(setup).map(|set_up| panel(all, set_up));
    panels[0].marks.push(printed.into());
    let figure = Figure::new("Test errors in four set-ups for double descent")
        .described("Errors on new labels over the number of features that are used.");
    beside(Figure {
        panels: panels.into(),
        ..figure
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_of_the_set_ups_have_the_shapes_they_are_known_for() {
        let parts = unit(1_000, decay);
        let decaying = |used: usize| {
            isotropic_error(
                50,
                used,
                squares(&parts[..used]),
                squares(&parts[used..]),
                0.25,
            )
            .unwrap()
        };
        assert!(decaying(5) < decaying(1) && decaying(5) < decaying(1_000));
        let weak = |used: usize| {
            isotropic_error(
                50,
                used,
                used as f64 / 1_000.0,
                1.0 - used as f64 / 1_000.0,
                0.25,
            )
            .unwrap()
        };
        assert!(weak(1) < weak(20) && weak(1_000) < 1.25 && weak(300) > weak(1_000));
    }
}

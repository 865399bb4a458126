//! The largest gap of any of a finite number of classifiers.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use rand_distr::{Binomial, Distribution};

const SAMPLES: Count = Count::new("samples", "m, training samples", 200).allowed(10.0, 1e6);
const CLASSES: Numbers = Numbers::new(
    "classes",
    "N, numbers of classifiers, ascending",
    &[1.0, 10.0, 100.0, 1_000.0, 10_000.0],
)
.quick(&[1.0, 10.0, 100.0, 1_000.0])
.allowed(1.0, 1e6);
const FAILURE: Number = Number::new(
    "failure",
    "δ, the chance with which the bound may fail",
    0.05,
)
.allowed(1e-4, 0.5);
const REPETITIONS: Count = Count::new("repetitions", "training sets per seed", 20)
    .quick(10)
    .allowed(2.0, 1e4);

/// Theory of Deep Learning, section 5.2.
#[derive(Debug)]
pub struct FiniteClass;

impl Experiment for FiniteClass {
    fn about(&self) -> About {
        About {
            name: "finite-class",
            subject: Subject::Capacity,
            claim: "Of N classifiers none has a generalisation gap above 2√((ln N + ln \
                1/δ)/m), with chance 1 − δ.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 5.2, Theorem 5.2.1",
            mathematics: "The training error of one classifier is a mean of m independent \
                trials, and by Hoeffding's inequality below its error by more than ε with a \
                chance of at most e^(−2mε²). Of N classifiers one is with a chance of at most \
                N·e^(−2mε²), the union bound: the largest gap is below √((ln N + ln \
                1/δ)/(2m)), and so below the printed bound, which is √8 times as large. Here \
                the classifiers are independent with the error ½, where the largest gap does \
                grow as √ln N.",
            refuted_by: "A largest gap that is above the bound in more than a share δ of \
                training sets.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 0.4,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            CLASSES.parameter(),
            FAILURE.parameter(),
            REPETITIONS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(setup, &seeds))
            .figure("largest-gap", figure(setup, &seeds)))
    }
}

/// For each N the largest gaps over training sets.
fn one(setup: &Setup, streams: Streams) -> Result<Vec<Vec<f64>>, ExperimentError> {
    let samples = setup.get(SAMPLES);
    let law = Binomial::new(samples as u64, 0.5).map_err(|_| {
        ExperimentError::because(
            "there is no \
        such binomial law",
        )
    })?;
    let mut all = Vec::new();
    for classes in setup.get(CLASSES) {
        let mut rng = streams.stream("errors", classes as u64);
        let mut gaps = Vec::new();
        for _ in 0..setup.get(REPETITIONS) {
            setup.go_on()?;
            let fewest = (0..classes as usize)
                .map(|_| law.sample(&mut rng))
                .min()
                .unwrap_or(0);
            gaps.push(0.5 - fewest as f64 / samples as f64);
        }
        all.push(gaps);
    }
    Ok(all)
}

fn bound(factor: f64, classes: f64, failure: f64, samples: f64) -> f64 {
    (factor * (classes.ln() + (1.0 / failure).ln()) / samples).sqrt()
}

fn claims(setup: &Setup, seeds: &[Vec<Vec<f64>>]) -> Vec<Claim> {
    let id = "theory 5-3";
    let (classes, failure, samples) = (
        setup.get(CLASSES),
        setup.get(FAILURE),
        setup.get(SAMPLES) as f64,
    );
    let last = classes.len() - 1;
    let share = |bounds: &dyn Fn(f64) -> f64, from: usize| {
        let all = seeds
            .iter()
            .flat_map(|seed| seed.iter().enumerate().skip(from));
        let each: Vec<bool> = all
            .flat_map(|(index, gaps)| gaps.iter().map(move |gap| (index, *gap)))
            .map(|(index, gap)| gap <= bounds(classes[index]))
            .collect();
        Estimate::proportion(each.iter().filter(|within| **within).count(), each.len())
    };
    let largest = |index: usize| {
        Estimate::mean(
            &seeds
                .iter()
                .map(|seed| mean(&seed[index]))
                .collect::<Vec<_>>(),
        )
    };
    let root = (classes[last].ln() / (2.0 * samples)).sqrt();
    vec![
        Claim::printed(
            id,
            format!(
                "The largest gap is below 2√((ln N + ln 1/δ)/m), δ = {failure}, with \
                chance 1 − δ, for N of {} (share of training sets)",
                tested(&classes)
            ),
            Rule::Above(1.0 - failure),
            share(&|n| bound(4.0, n, failure, samples), 0),
        ),
        Claim::corrected(
            id,
            "It is below √((ln N + ln 1/δ)/(2m)), too, which is √8 times smaller (share)",
            Rule::Above(1.0 - failure),
            share(&|n| bound(0.5, n, failure, samples), 0),
        ),
        Claim::must_fail(
            id,
            format!(
                "The bound for one classifier holds for all of N = {} (share)",
                classes[last]
            ),
            Rule::Above(1.0 - failure),
            share(&|_| bound(0.5, 1.0, failure, samples), last),
        ),
        Claim::printed(
            id,
            format!(
                "The growth with ln N is real: the largest gap of N = {} is √(ln N/(2m)), \
                to a fifth (mean ratio)",
                classes[last]
            ),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.2,
            },
            largest(last).times(1.0 / root),
        ),
    ]
}

fn figure(setup: &Setup, seeds: &[Vec<Vec<f64>>]) -> Figure {
    let (x, failure, samples) = (
        setup.get(CLASSES),
        setup.get(FAILURE),
        setup.get(SAMPLES) as f64,
    );
    let measured = (0..x.len()).map(|index| {
        mean(
            &seeds
                .iter()
                .map(|seed| mean(&seed[index]))
                .collect::<Vec<_>>(),
        )
    });
    let of = |factor: f64| {
        x.iter()
            .map(|n| bound(factor, *n, failure, samples))
            .collect::<Vec<f64>>()
    };
    let panel = Panel::new(
        Axis::counting("classifiers N").log(),
        Axis::new("gap", "1").including(0.0),
    )
    .with(Line::new("largest gap, mean", x.clone(), measured.collect()).with_markers())
    .with(
        Line::new("union bound, ½", x.clone(), of(0.5)).styled(Style {
            colour: Some(1),
            dash: 1,
        }),
    )
    .with(Line::new("printed, 4", x.clone(), of(4.0)).styled(Style {
        colour: Some(2),
        dash: 3,
    }));
    Figure::new("The largest gap of N classifiers")
        .with(panel)
        .noted(
            "½ and 4: the factor of \
        (ln N + ln 1/δ)/m under the root.",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_bound_is_the_root_of_eight_times_the_other() {
        let ratio = bound(4.0, 100.0, 0.05, 50.0) / bound(0.5, 100.0, 0.05, 50.0);
        assert!((ratio - 8f64.sqrt()).abs() < 1e-14);
        // One classifier: √(ln 20/100) of m = 50.
        assert!((bound(0.5, 1.0, 0.05, 50.0) - (20f64.ln() / 100.0).sqrt()).abs() < 1e-15);
    }
}

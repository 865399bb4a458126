//! Labels that are coin flips: the least gap that no algorithm can avoid, and a class in which one can.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::draw;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};

const SAMPLES: Numbers = Numbers::new(
    "samples",
    "m, training samples, even numbers, ascending",
    &[50.0, 200.0, 800.0, 3_200.0],
)
.quick(&[50.0, 200.0, 800.0])
.allowed(10.0, 1e6);
const REPETITIONS: Count = Count::new("repetitions", "training sets per seed", 200)
    .quick(60)
    .allowed(10.0, 1e5);

/// For each number of samples a number per algorithm.
struct Gaps {
    /// The mean |gap| of the best of the two constants, and the mean gap, with its sign, of a constant chosen beforehand.
    best: Vec<f64>,
    fixed: Vec<f64>,
    /// The share of sets on which the gap of the best constant is above 0.2/√m.
    often: Vec<f64>,
    /// The mean |gap| of the threshold whose training error is closest to one half.
    threshold: Vec<f64>,
}

/// Problem B.5 of the course text.
#[derive(Debug)]
pub struct GapFloor;

impl Experiment for GapFloor {
    fn about(&self) -> About {
        About {
            name: "gap-floor",
            subject: Subject::Capacity,
            claim: "There are problems on which no algorithm has a generalisation gap below \
                the order of 1/√m.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), \
                Problem B.5",
            mathematics: "Let the labels be fair coins, so that each classifier has the error \
                ½. In the class of the two constants the training errors are p̂ and 1 − p̂ with \
                the share p̂ of ones, so that both have the gap |p̂ − ½|, whose mean is near \
                1/√(2πm): no algorithm that chooses among them avoids it. The claim needs a \
                small class. Among thresholds on a line, some have a training error of one \
                half up to 1/(2m) on even m, and an algorithm that chooses such a one has next \
                to no gap (and learns nothing).",
            refuted_by: "A gap of the constants that falls faster than 1/√m.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 0.2,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![SAMPLES.parameter(), REPETITIONS.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(setup, &seeds))
            .figure("gaps", figure(setup, &seeds)))
    }
}

fn one(setup: &Setup, streams: Streams) -> Result<Gaps, ExperimentError> {
    let mut gaps = Gaps {
        best: vec![],
        fixed: vec![],
        often: vec![],
        threshold: vec![],
    };
    let repetitions = setup.get(REPETITIONS);
    for samples in setup.get(SAMPLES) {
        setup.go_on()?;
        let count = samples as usize;
        let mut rng = streams.stream("labels", count as u64);
        let (mut best, mut fixed, mut often, mut threshold) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..repetitions {
            let labels: Vec<bool> = (0..count).map(|_| draw::sign(&mut rng) > 0.0).collect();
            let ones = labels.iter().filter(|label| **label).count() as f64 / samples;
            // The error of the constant 1 is 1 − p̂, that of the best constant the smaller one. The absolute gaps of both
            // are one number: only the sign tells a choice by the data from one beforehand.
            let gap = 0.5 - ones.min(1.0 - ones);
            best += gap;
            fixed += 0.5 - (1.0 - ones);
            often += if gap > 0.2 / samples.sqrt() { 1.0 } else { 0.0 };
            threshold += closest_threshold(&labels);
        }
        let share = |sum: f64| sum / repetitions as f64;
        gaps.best.push(share(best));
        gaps.fixed.push(share(fixed));
        gaps.often.push(share(often));
        gaps.threshold.push(share(threshold));
    }
    Ok(gaps)
}

/// |training error − ½| of the best of the thresholds between the points, in their order on the line, to either side.
fn closest_threshold(labels: &[bool]) -> f64 {
    let samples = labels.len() as f64;
    // A threshold below all points says 1 everywhere.
    let mut errors = labels.iter().filter(|label| !**label).count() as f64;
    let mut least = (errors / samples - 0.5).abs();
    for label in labels {
        errors += if *label { 1.0 } else { -1.0 };
        least = least.min((errors / samples - 0.5).abs());
    }
    least
}

fn claims(setup: &Setup, seeds: &[Gaps]) -> Vec<Claim> {
    let id = "flat-vs-sharp B.5";
    let samples = setup.get(SAMPLES);
    let last = samples.len() - 1;
    let all = |of: &dyn Fn(&Gaps) -> f64| seeds.iter().map(of).collect::<Vec<f64>>();
    let slope = |of: &dyn Fn(&Gaps) -> &Vec<f64>| {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for seed in seeds {
            x.extend(samples.iter().map(|m| m.ln()));
            y.extend(of(seed).iter().map(|gap| gap.ln()));
        }
        Estimate::slope(&x, &y)
    };
    let root = samples[last].sqrt();
    let constant = 1.0 / (2.0 * std::f64::consts::PI).sqrt();
    vec![
        Claim::printed(
            id,
            "In the class of two constants the gap falls as 1/√m and no faster (slope of the \
             logarithms)",
            Rule::Equals {
                value: -0.5,
                tolerance: 0.05,
            },
            slope(&|seed| &seed.best),
        ),
        Claim::printed(
            id,
            format!(
                "It is 1/√(2πm) on average, m = {} (mean of √m times the gap)",
                samples[last]
            ),
            Rule::Equals {
                value: constant,
                tolerance: 0.05 * constant,
            },
            Estimate::mean(&all(&|seed| seed.best[last])).times(root),
        ),
        Claim::printed(
            id,
            "It is above 0.2/√m with a chance of more than one half (share)",
            Rule::Above(0.5),
            Estimate::mean(&all(&|seed| seed.often[last])),
        ),
        Claim::must_fail(
            id,
            "A constant chosen beforehand is as much better on its training set as the best of \
             two (mean of √m times test error minus training error)",
            Rule::Equals {
                value: constant,
                tolerance: 0.05 * constant,
            },
            Estimate::mean(&all(&|seed| seed.fixed[last])).times(root),
        ),
        Claim::must_fail(
            id,
            "No algorithm avoids it in the class of thresholds either (mean of √m times the \
             gap of the threshold with the training error closest to one half)",
            Rule::Above(0.2),
            Estimate::mean(&all(&|seed| seed.threshold[last])).times(root),
        ),
    ]
}

fn figure(setup: &Setup, seeds: &[Gaps]) -> Figure {
    let x = setup.get(SAMPLES);
    let of = |f: &dyn Fn(&Gaps) -> &Vec<f64>| -> Vec<f64> {
        let at = |index: usize| seeds.iter().map(|seed| f(seed)[index]).collect::<Vec<_>>();
        (0..x.len())
            .map(|index| x[index].sqrt() * mean(&at(index)))
            .collect()
    };
    let panel = Panel::new(
        Axis::counting("training samples m").log(),
        Axis::new(
            "√m times the \
        mean gap",
            "1",
        )
        .over([0.0, 0.5]),
    )
    .with(Line::new("best of two constants", x.clone(), of(&|seed| &seed.best)).with_markers())
    .with(Line::new("chosen threshold", x.clone(), of(&|seed| &seed.threshold)).with_markers())
    .with(crate::figure::Rule::level(
        "1/√(2π)",
        1.0 / (2.0 * std::f64::consts::PI).sqrt(),
    ));
    Figure {
        width: Width::Column,
        ..Figure::new("The gap on labels that are coins")
    }
    .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_threshold_splits_an_even_number_of_labels_evenly() {
        // Errors of "1 above the threshold" go from the zeros to the ones by steps of one, and so through one half.
        assert_eq!(closest_threshold(&[true, true, true, false]), 0.0);
        assert_eq!(closest_threshold(&[true, true]), 0.0);
        assert_eq!(closest_threshold(&[true]), 0.5);
    }
}

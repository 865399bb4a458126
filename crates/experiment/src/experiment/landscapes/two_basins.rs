//! A flat and a sharp basin of one depth: where noise spends its time, and which one a large step cannot stay in.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Width};
use crate::problem::basins::{Basin, TwoBasins, share_of_widths};
use crate::statistics::{Estimate, Rule, mean};

const FLAT: Number =
    Number::new("flat", "curvature of the flat basin, centred at −1", 0.5).allowed(0.05, 5.0);
const SHARP: Number =
    Number::new("sharp", "curvature of the sharp basin, centred at ½", 20.0).allowed(6.0, 100.0);
const HARDNESS: Number = Number::new(
    "hardness",
    "k, how closely the loss follows the lower \
    parabola",
    20.0,
)
.allowed(5.0, 100.0);
const TEMPERATURES: Numbers = Numbers::new(
    "temperatures",
    "temperatures of the noise",
    &[0.1, 0.2, 0.3],
)
.quick(&[0.2, 0.3])
.allowed(0.08, 1.0);
const STEP: Number =
    Number::new("step", "step size of the noisy descent", 0.005).allowed(1e-4, 0.015);
const STEPS: Count = Count::new("steps", "noisy steps per seed and temperature", 600_000)
    .quick(100_000)
    .allowed(1e4, 1e8);
const DEEPER: Number = Number::new(
    "deeper",
    "by how much the sharp basin is deeper in the \
    control",
    0.5,
)
.allowed(0.0, 2.0);
const STARTS: Count = Count::new(
    "starts",
    "starts of descent without noise, evenly from −1.5 \
    to 1.5",
    151,
)
.quick(41)
.allowed(11.0, 1e5);

/// The range of the integrals of the law; outside it the density is below 1e-20 of its peak.
const RANGE: [f64; 2] = [-8.0, 8.0];

/// The two-basin system that the chapter's Theorem 1.5 suggests.
#[derive(Debug)]
pub struct FlatAndSharpBasin;

impl Experiment for FlatAndSharpBasin {
    fn about(&self) -> About {
        About {
            name: "flat-and-sharp-basin",
            subject: Subject::Landscapes,
            claim: "Of two equally deep basins noise prefers the flat one, and descent without \
                noise leaves the sharp one where the step is above two over its curvature.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), \
                Theorem 1.5 and answer A.2",
            mathematics: "The loss is the soft minimum of ½·λf·(x + 1)² and ½·λs·(x − ½)². \
                Langevin's dynamics, x ← x − a·ℓ′(x) + √(2aT)·z, has for small a the law \
                e^(−ℓ/T), whose mass in a basin is its width √(2πT/λ) times e^(−depth/T): of \
                equal depths, the flat one has the share √λs/(√λs + √λf), whatever the \
                temperature, up to where they touch. A difference of depths of more than \
                T·ln√(λs/λf) turns the preference round. Descent without noise stays in a \
                basin of curvature λ only where a < 2/λ.",
            refuted_by: "A share of time in the flat basin that is not that of the widths, or \
                descent that stays in the sharp basin with a step above 2/λs.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 2.4,
                quick: 0.4,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            FLAT.parameter(),
            SHARP.parameter(),
            HARDNESS.parameter(),
            TEMPERATURES.parameter(),
            STEP.parameter(),
            STEPS.parameter(),
            DEEPER.parameter(),
            STARTS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (even, uneven) = (basins(setup, 0.0), basins(setup, setup.get(DEEPER)));
        let temperatures = setup.get(TEMPERATURES);
        let times = setup.over_seeds(|streams| {
            // One run from each basin, so that neither is favoured by the start.
            let of = |temperature: &f64| {
                let from = |name, start| {
                    let rng = streams.stream(name, (temperature * 1e6) as u64);
                    time_in_flat(setup, &even, *temperature, start, rng)
                };
                let flat = from("noise from the flat basin", even.flat.centre)?;
                let sharp = from("noise from the sharp basin", even.sharp.centre)?;
                Ok::<f64, ExperimentError>(0.5 * (flat + sharp))
            };
            temperatures.iter().map(of).collect::<Result<Vec<_>, _>>()
        })?;
        let kept = [0.05, 0.5, 0.9, 0.99, 1.01, 1.05, 1.1, 1.3, 1.6, 2.0]
            .map(|share| kept(setup, &even, share));
        let claims = noise(setup, &even, &times)
            .into_iter()
            .chain([deeper(setup, &uneven)])
            .chain(descent(setup, &kept));
        Ok(Findings::new()
            .claims(claims)
            .figure("basins", figure(setup, &even, &times, &kept)))
    }
}

fn basins(setup: &Setup, deeper: f64) -> TwoBasins {
    let flat = Basin {
        centre: -1.0,
        curvature: setup.get(FLAT),
        floor: 0.0,
    };
    let sharp = Basin {
        centre: 0.5,
        curvature: setup.get(SHARP),
        floor: -deeper,
    };
    TwoBasins::new(flat, sharp, setup.get(HARDNESS))
}

/// The share of half of the steps in the flat basin, after a fifth as many that do not count.
fn time_in_flat(
    setup: &Setup,
    basins: &TwoBasins,
    temperature: f64,
    start: f64,
    mut rng: crate::random::StreamRng,
) -> Result<f64, ExperimentError> {
    let (step, steps) = (setup.get(STEP), setup.get(STEPS) / 2);
    let warm = steps / 5;
    let (mut x, mut inside) = (start, 0usize);
    for index in 0..warm + steps {
        if index % 65_536 == 0 {
            setup.go_on()?;
        }
        x = basins.langevin(x, step, temperature, &mut rng);
        inside += usize::from(index >= warm && !basins.is_sharp(x));
    }
    Ok(inside as f64 / steps as f64)
}

/// What descent without noise does at a step size.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// The step over 2/λs.
    share_of_edge: f64,
    /// The share of even starts whose descent ends in the sharp basin.
    stays: f64,
    /// The share of those that end at its minimum.
    settles: f64,
}

fn kept(setup: &Setup, basins: &TwoBasins, share_of_edge: f64) -> Kept {
    let (starts, step) = (
        setup.get(STARTS),
        share_of_edge * 2.0 / basins.sharp.curvature,
    );
    let (mut stays, mut settles) = (0, 0);
    for index in 0..starts {
        // A little off the centre of the sharp basin, from which nothing would ever move.
        let mut x = -1.5 + 3.0 * (index as f64 + 0.37) / starts as f64;
        for _ in 0..2_000 {
            x -= step * basins.slope(x);
        }
        stays += usize::from(basins.is_sharp(x));
        settles += usize::from((x - basins.sharp.centre).abs() < 1e-6);
    }
    let share = |count: usize| count as f64 / starts as f64;
    Kept {
        share_of_edge,
        stays: share(stays),
        settles: share(settles),
    }
}

fn noise(setup: &Setup, basins: &TwoBasins, times: &[Vec<f64>]) -> Vec<Claim> {
    let id = "flat-vs-sharp two-basin";
    let widths = share_of_widths(setup.get(FLAT), setup.get(SHARP));
    let each = setup
        .get(TEMPERATURES)
        .into_iter()
        .enumerate()
        .flat_map(|(index, temperature)| {
            let values: Vec<f64> = times.iter().map(|seed| seed[index]).collect();
            let gibbs = basins.share_in_flat(temperature, RANGE);
            [
                Claim::printed(
                    id,
                    format!(
                        "At the temperature {temperature} noise spends the share {gibbs:.4} of \
                    e^(−ℓ/T) in the flat basin (mean)"
                    ),
                    Rule::Equals {
                        value: gibbs,
                        tolerance: 0.03,
                    },
                    Estimate::mean(&values),
                ),
                Claim::printed(
                    id,
                    format!(
                        "The share is √λs/(√λs + √λf) = {widths:.4}, at the temperature \
                    {temperature} (mean)"
                    ),
                    Rule::Equals {
                        value: widths,
                        tolerance: 0.03,
                    },
                    Estimate::mean(&values),
                ),
            ]
        });
    each.collect()
}

fn deeper(setup: &Setup, basins: &TwoBasins) -> Claim {
    let temperature = setup.get(TEMPERATURES)[0];
    let text = format!(
        "The flat basin is preferred even where the sharp one is {} deeper, at the temperature \
         {temperature} (share of e^(−ℓ/T))",
        setup.get(DEEPER)
    );
    Claim::must_fail(
        "flat-vs-sharp two-basin",
        text,
        Rule::Above(0.5),
        Estimate::exact(basins.share_in_flat(temperature, RANGE), 1e-6),
    )
}

fn descent(setup: &Setup, kept: &[Kept]) -> Vec<Claim> {
    let id = "flat-vs-sharp two-basin";
    let edge = 2.0 / setup.get(SHARP);
    let of = |below: bool, share: &dyn Fn(&Kept) -> f64| -> Vec<f64> {
        kept.iter()
            .filter(|kept| (kept.share_of_edge < 1.0) == below)
            .map(share)
            .collect()
    };
    let largest = |values: Vec<f64>| Estimate::exact(values.into_iter().fold(0.0, f64::max), 0.0);
    let least = of(true, &|kept| kept.settles)
        .into_iter()
        .fold(1.0, f64::min);
    vec![
        Claim::printed(
            id,
            format!(
                "Without noise and with a step below 2/λs = {edge:.3} a share of starts \
                settles at the sharp minimum (the least)"
            ),
            Rule::Above(0.05),
            Estimate::exact(least, 1.0 / setup.get(STARTS) as f64),
        ),
        Claim::printed(
            id,
            "With a step above 2/λs descent leaves the sharp basin (largest share of starts \
             that stays in it)",
            Rule::Below(0.005),
            largest(of(false, &|kept| kept.stays)),
        ),
        Claim::corrected(
            id,
            "With a step above 2/λs no descent settles at the sharp minimum (largest share)",
            Rule::Below(0.005),
            largest(of(false, &|kept| kept.settles)),
        ),
    ]
}

fn figure(setup: &Setup, basins: &TwoBasins, times: &[Vec<f64>], kept: &[Kept]) -> Figure {
    let x: Vec<f64> = (0..=200)
        .map(|index| -3.0 + 0.02 * f64::from(index))
        .collect();
    let loss = Panel::new(Axis::new("x", "1"), Axis::new("loss", "1").over([0.0, 1.2]))
        .titled("The loss")
        .with(Line::new(
            "",
            x.clone(),
            x.iter().map(|x| basins.value(*x)).collect(),
        ));
    let temperatures = setup.get(TEMPERATURES);
    let grid: Vec<f64> = (0..=30)
        .map(|index| 0.05 + 0.01 * f64::from(index))
        .collect();
    let law = grid
        .iter()
        .map(|temperature| basins.share_in_flat(*temperature, RANGE))
        .collect();
    let column = |index: usize| times.iter().map(|seed| seed[index]).collect::<Vec<_>>();
    let (means, errors): (Vec<f64>, Vec<f64>) = (0..temperatures.len())
        .map(|index| (mean(&column(index)), Estimate::mean(&column(index)).error()))
        .unzip();
    let errors = errors
        .into_iter()
        .map(|error| if error.is_finite() { error } else { f64::NAN })
        .collect();
    let time = Panel::new(
        Axis::new("temperature", "1"),
        Axis::new(
            "share of time in the flat \
        basin",
            "1",
        )
        .over([0.8, 0.9]),
    )
    .titled("With noise")
    .with(Line::new("e^(−ℓ/T)", grid, law))
    .with(Points::new("measured", temperatures, means).with_errors(
        errors,
        "95 % interval \
            of the mean",
    ));
    let steps: Vec<f64> = kept.iter().map(|kept| kept.share_of_edge).collect();
    let stays = Panel::new(
        Axis::new("step over 2/λs", "1"),
        Axis::new("share of starts", "1").including(0.0),
    )
    .titled("Without noise, sharp basin")
    .with(
        Line::new(
            "stays in it",
            steps.clone(),
            kept.iter().map(|kept| kept.stays).collect(),
        )
        .with_markers(),
    )
    .with(
        Line::new(
            "settles",
            steps,
            kept.iter().map(|kept| kept.settles).collect(),
        )
        .with_markers(),
    )
    .with(crate::figure::Rule::upright("stability", 1.0));
    Figure {
        columns: 3,
        width: Width::Page,
        ..Figure::new("A flat and a sharp basin")
    }
    .with(loss)
    .with(time)
    .with(stays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn descent_leaves_the_sharp_minimum_just_above_the_edge() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), Vec::new(), true, &stop);
        let basins = basins(&setup, 0.0);
        assert_eq!(kept(&setup, &basins, 1.01).settles, 0.0);
        let below = kept(&setup, &basins, 0.2);
        assert!(below.settles > 0.1 && below.settles == below.stays);
    }
}

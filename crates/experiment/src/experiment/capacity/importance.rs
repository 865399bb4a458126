//! Weights that make the data of one law stand for those of another.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::draw;
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean, variance};

const SAMPLES: Count = Count::new("samples", "n, examples of the source", 200)
    .quick(100)
    .allowed(20.0, 1e5);
const SPREAD: Number = Number::new(
    "spread",
    "s: inputs of the source have the standard \
    deviation s, those of the target 1",
    2.0,
)
.allowed(1.05, 10.0);
const SHIFTS: Numbers = Numbers::new(
    "shifts",
    "means of the target's inputs, ascending; the \
    source's is 0",
    &[0.0, 1.0, 2.0, 3.0],
)
.allowed(0.0, 5.0);
const NOISE: Number =
    Number::new("noise", "standard deviation of the labels' noise", 0.5).allowed(1e-3, 10.0);
const REPETITIONS: Count = Count::new("repetitions", "data sets per seed", 40)
    .quick(20)
    .allowed(5.0, 1e4);

/// What one seed gives for one shift: means over data sets.
#[derive(Clone, Copy, Debug)]
struct Shift {
    /// The weighted loss of a fixed line over its target risk.
    fixed: f64,
    /// The weighted training loss of the weighted fit minus its target risk.
    fitted: f64,
    /// n_eff/n.
    share: f64,
    /// The variance of the weighted mean of 1 over that of the mean under the target with n examples of it, of a bounded loss.
    inflation: f64,
    /// The target risks of the weighted and of the plain fit, of a line to a parabola, and to a line.
    bent: [f64; 2],
    straight: [f64; 2],
}

/// Problem B.8 of the course text.
#[derive(Debug)]
pub struct ImportanceWeights;

impl Experiment for ImportanceWeights {
    fn about(&self) -> About {
        About {
            name: "importance-weights",
            subject: Subject::Capacity,
            claim: "Weighting by the ratio of densities makes the training loss an unbiased \
                estimate of the target risk, at the price of variance.",
            source: "The Mathematical Structure of Machine Learning (course text), Problem \
                B.8; Shimodaira (2000)",
            mathematics: "With w = p_t/p_s the mean of w·ℓ under the source is that of ℓ under \
                the target, for each fixed predictor. For the predictor that is fitted to the \
                same data it is not: its weighted training loss is too low, as any training \
                loss. Here the source is N(0, s²) with s > 1 and the target N(μ, 1), so that \
                the ratio is bounded, and E w² = s²/√(2s² − 1)·e^(μ²/(2s² − 1)); the effective \
                number of examples (Σw)²/Σw² is near n/E w². Weights help where the class is \
                wrong (a line for a parabola); where it is right they only add variance.",
            refuted_by: "A weighted loss of a fixed predictor that is not the target risk on \
                average.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 0.03,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            SPREAD.parameter(),
            SHIFTS.parameter(),
            NOISE.parameter(),
            REPETITIONS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let shifts = setup.get(SHIFTS);
        let seeds = setup.over_seeds(|streams| {
            shifts
                .iter()
                .map(|shift| one(setup, *shift, streams))
                .collect::<Result<Vec<Shift>, _>>()
        })?;
        Ok(Findings::new()
            .claims(claims_of_risk(setup, &seeds))
            .claims(claims_of_variance(setup, &seeds))
            .claims(claims_of_misspecification(setup, &seeds))
            .figure("weights", figure(setup, &seeds)))
    }
}

/// E w² of the source.
fn second_moment(spread: f64, shift: f64) -> f64 {
    let width = 2.0 * spread * spread - 1.0;
    spread * spread / width.sqrt() * (shift * shift / width).exp()
}

fn weight(spread: f64, shift: f64, x: f64) -> f64 {
    spread * (-(x - shift).powi(2) / 2.0 + x * x / (2.0 * spread * spread)).exp()
}

/// The line a + bx that fits labels with weights.
fn line(x: &[f64], y: &[f64], weights: &[f64]) -> [f64; 2] {
    let sum = |f: &dyn Fn(usize) -> f64| {
        (0..x.len())
            .map(|index| weights[index] * f(index))
            .sum::<f64>()
    };
    let (all, mean_x, mean_y) = (sum(&|_| 1.0), sum(&|i| x[i]), sum(&|i| y[i]));
    let (mean_x, mean_y) = (mean_x / all, mean_y / all);
    let slope = sum(&|i| (x[i] - mean_x) * (y[i] - mean_y)) / sum(&|i| (x[i] - mean_x).powi(2));
    [mean_y - slope * mean_x, slope]
}

/// E(c·x² + d·x − a − bx)² + σ² with x ~ N(μ, 1), by the moments of the normal law.
fn target_risk([a, b]: [f64; 2], [c, d]: [f64; 2], shift: f64, noise: f64) -> f64 {
    // In z = x − μ: q₀ + q₁z + q₂z².
    let q0 = c * shift * shift + (d - b) * shift - a;
    let q1 = 2.0 * c * shift + d - b;
    q0 * q0 + q1 * q1 + 3.0 * c * c + 2.0 * q0 * c + noise * noise
}

fn one(setup: &Setup, shift: f64, streams: Streams) -> Result<Shift, ExperimentError> {
    let (samples, spread, noise) = (setup.get(SAMPLES), setup.get(SPREAD), setup.get(NOISE));
    let mut rng: StreamRng = streams.stream("data", (shift * 1e6) as u64);
    let (parabola, straight) = ([0.3, 0.5], [0.0, 0.5]);
    let mut all: Vec<[f64; 8]> = Vec::new();
    for _ in 0..setup.get(REPETITIONS) {
        setup.go_on()?;
        let x: Vec<f64> = (0..samples)
            .map(|_| spread * draw::normal(&mut rng))
            .collect();
        let errors: Vec<f64> = (0..samples)
            .map(|_| noise * draw::normal(&mut rng))
            .collect();
        let labels = |[c, d]: [f64; 2]| {
            x.iter()
                .zip(&errors)
                .map(|(x, error)| c * x * x + d * x + error)
                .collect::<Vec<f64>>()
        };
        let weights: Vec<f64> = x.iter().map(|x| weight(spread, shift, *x)).collect();
        let plain = vec![1.0; samples];
        let y = labels(parabola);
        let loss = |[a, b]: [f64; 2]| {
            let losses =
                (0..samples).map(|index| weights[index] * (y[index] - a - b * x[index]).powi(2));
            losses.sum::<f64>() / samples as f64
        };
        let fixed = [0.2, 0.4];
        let (weighted, other) = (line(&x, &y, &weights), line(&x, &y, &plain));
        let z = labels(straight);
        let (weighted_z, other_z) = (line(&x, &z, &weights), line(&x, &z, &plain));
        let (sum, squares): (f64, f64) =
            (weights.iter().sum(), weights.iter().map(|w| w * w).sum());
        let bounded = x
            .iter()
            .zip(&weights)
            .map(|(x, w)| if *x > shift { *w } else { 0.0 })
            .sum::<f64>()
            / samples as f64;
        all.push([
            loss(fixed) / target_risk(fixed, parabola, shift, noise),
            loss(weighted) - target_risk(weighted, parabola, shift, noise),
            sum * sum / squares / samples as f64,
            bounded,
            target_risk(weighted, parabola, shift, noise),
            target_risk(other, parabola, shift, noise),
            target_risk(weighted_z, straight, shift, noise),
            target_risk(other_z, straight, shift, noise),
        ]);
    }
    let column = |index: usize| all.iter().map(|row| row[index]).collect::<Vec<f64>>();
    let at = |index: usize| mean(&column(index));
    Ok(Shift {
        fixed: at(0),
        fitted: at(1),
        share: at(2),
        // Of the indicator of the upper half, whose variance under the target is ¼: E w²1² = ½E w² at the shift 0.
        inflation: variance(&column(3)) * samples as f64 / 0.25,
        bent: [at(4), at(5)],
        straight: [at(6), at(7)],
    })
}

/// Where the claims stand in the sources.
const ID: &str = "structure B.8";

/// One number of each seed at a shift.
fn at(seeds: &[Vec<Shift>], index: usize, of: fn(&Shift) -> f64) -> Vec<f64> {
    seeds.iter().map(|seed| of(&seed[index])).collect()
}

/// The place of the shift that claims about one are about.
fn middle(shifts: &[f64]) -> usize {
    1.min(shifts.len() - 1)
}

/// What weighted losses estimate.
fn claims_of_risk(setup: &Setup, seeds: &[Vec<Shift>]) -> Vec<Claim> {
    let shifts = setup.get(SHIFTS);
    let middle = middle(&shifts);
    let shift = shifts[middle];
    vec![
        Claim::printed(
            ID,
            format!(
                "The weighted loss of a fixed line is its target risk on average, μ = \
                {shift} (mean ratio)"
            ),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.03,
            },
            Estimate::mean(&at(seeds, middle, |shift| shift.fixed)),
        ),
        Claim::printed(
            ID,
            format!(
                "So is that of the line that is fitted with weights (mean difference, over \
                the noise {})",
                setup.get(NOISE).powi(2)
            ),
            Rule::Equals {
                value: 0.0,
                tolerance: 0.01,
            },
            Estimate::mean(&at(seeds, middle, |shift| shift.fitted))
                .times(1.0 / setup.get(NOISE).powi(2).max(1e-9)),
        ),
        Claim::corrected(
            ID,
            "The weighted training loss of the fitted line is below its target risk (mean \
             difference)",
            Rule::Below(0.0),
            Estimate::mean(&at(seeds, middle, |shift| shift.fitted)),
        ),
    ]
}

/// What weights cost: fewer examples in effect, and variance.
fn claims_of_variance(setup: &Setup, seeds: &[Vec<Shift>]) -> Vec<Claim> {
    let (shifts, spread) = (setup.get(SHIFTS), setup.get(SPREAD));
    let middle = middle(&shifts);
    let share = 1.0 / second_moment(spread, shifts[middle]);
    let inflations: Vec<Vec<f64>> = (0..shifts.len())
        .map(|index| at(seeds, index, |shift| shift.inflation))
        .collect();
    vec![
        Claim::printed(
            ID,
            format!(
                "The effective number of examples is n/E w² = {share:.3}·n, to a tenth \
                (mean share)"
            ),
            Rule::Equals {
                value: share,
                tolerance: 0.1 * share,
            },
            Estimate::mean(&at(seeds, middle, |shift| shift.share)),
        ),
        Claim::printed(
            ID,
            "The larger the shift, the larger the variance of a weighted mean (smallest step \
             of its inflation)",
            Rule::Above(0.0),
            Estimate::smallest_step(&inflations),
        ),
    ]
}

/// Where weights are of use: in a class that is wrong, not in one that is right.
fn claims_of_misspecification(setup: &Setup, seeds: &[Vec<Shift>]) -> Vec<Claim> {
    let shifts = setup.get(SHIFTS);
    let middle = middle(&shifts);
    let shift = shifts[middle];
    vec![
        Claim::printed(
            ID,
            format!(
                "Where the class is wrong (a line for a parabola) weights lower the target \
                risk, μ = {shift} (mean difference)"
            ),
            Rule::Below(0.0),
            Estimate::difference(
                &at(seeds, middle, |shift| shift.bent[1]),
                &at(seeds, middle, |shift| shift.bent[0]),
            ),
        ),
        Claim::must_fail(
            ID,
            "Where it is right they lower it, too (mean difference)",
            Rule::Below(0.0),
            Estimate::difference(
                &at(seeds, middle, |shift| shift.straight[1]),
                &at(seeds, middle, |shift| shift.straight[0]),
            ),
        ),
    ]
}

fn figure(setup: &Setup, seeds: &[Vec<Shift>]) -> Figure {
    let (x, spread) = (setup.get(SHIFTS), setup.get(SPREAD));
    let of = |f: fn(&Shift) -> f64| {
        (0..x.len())
            .map(|index| mean(&seeds.iter().map(|seed| f(&seed[index])).collect::<Vec<_>>()))
            .collect::<Vec<_>>()
    };
    let grid: Vec<f64> = (0..=40)
        .map(|index| x[x.len() - 1] * f64::from(index) / 40.0)
        .collect();
    let law = grid
        .iter()
        .map(|shift| 1.0 / second_moment(spread, *shift))
        .collect();
    let share = Panel::new(
        Axis::new("mean of the target's inputs", "1"),
        Axis::new(
            "effective \
        share of examples",
            "1",
        )
        .over([0.0, 1.0]),
    )
    .titled("Effective number")
    .with(Points::new(
        "(Σw)²/(n·Σw²)",
        x.clone(),
        of(|shift| shift.share),
    ))
    .with(Line::new("1/E w²", grid, law).styled(Style::REFERENCE));
    let risks = Panel::new(
        Axis::new("mean of the target's inputs", "1"),
        Axis::new("target risk", "1").log(),
    )
    .titled("A line for a parabola, and for a line")
    .with(Line::new("parabola, weighted", x.clone(), of(|shift| shift.bent[0])).with_markers())
    .with(Line::new("parabola, plain", x.clone(), of(|shift| shift.bent[1])).with_markers())
    .with(Line::new("line, weighted", x.clone(), of(|shift| shift.straight[0])).with_markers())
    .with(Line::new("line, plain", x.clone(), of(|shift| shift.straight[1])).with_markers());
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Weights under covariate shift")
    }
    .with(share)
    .with(risks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_weights_are_those_of_the_integral() {
        let (spread, shift) = (2.0f64, 1.0);
        let [mut first, mut second] = [0.0; 2];
        for index in -20_000..=20_000 {
            let x = f64::from(index) * 1e-3;
            let density = (-x * x / (2.0 * spread * spread)).exp()
                / (spread * (2.0 * std::f64::consts::PI).sqrt());
            first += weight(spread, shift, x) * density * 1e-3;
            second += weight(spread, shift, x).powi(2) * density * 1e-3;
        }
        assert!((first - 1.0).abs() < 1e-9 && (second - second_moment(spread, shift)).abs() < 1e-9);
    }

    #[test]
    fn a_target_risk_is_the_mean_of_squares() {
        let ([a, b], [c, d], shift) = ([0.2, 0.4], [0.3, 0.5], 1.5);
        let of = |index: i32| {
            let z = f64::from(index) * 1e-3;
            let x = shift + z;
            (c * x * x + d * x - a - b * x).powi(2) * (-z * z / 2.0).exp()
                / (2.0 * std::f64::consts::PI).sqrt()
                * 1e-3
        };
        let expected: f64 = (-12_000..=12_000).map(of).sum();
        assert!((target_risk([a, b], [c, d], shift, 0.0) - expected).abs() < 1e-9);
    }

    #[test]
    fn a_weighted_line_goes_through_points_of_a_line() {
        let [a, b] = line(&[0.0, 1.0, 3.0], &[1.0, 3.0, 7.0], &[1.0, 5.0, 0.1]);
        assert!((a - 1.0).abs() < 1e-12 && (b - 2.0).abs() < 1e-12);
    }
}

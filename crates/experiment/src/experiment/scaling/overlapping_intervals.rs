//! What the overlap of two intervals says of two exponents, with losses as an exercise simulates them.

use super::{count, each, in_equal_ratios, measured};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel, Points, Rule as Reference, Width};
use crate::problem::draw;
use crate::problem::power_law::{Curve, Law, lines_in_logarithms, logarithms};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};

const ERROR: Number = Number::new(
    "error",
    "standard error of a simulated loss, as the source has it",
    0.01,
)
.allowed(1e-6, 0.05);
const RESAMPLES: Count = Count::new("resamples", "bootstrap samples of a simulated sweep", 100)
    .quick(50)
    .allowed(20.0, 1e5);

/// The exponents that the source simulates, and what it adds to its losses.
const EXPONENTS: [f64; 2] = [0.35, 0.32];
const ADDED: f64 = 0.1;

/// Whether intervals that overlap show equal exponents.
#[derive(Debug)]
pub struct OverlappingIntervals;

impl Experiment for OverlappingIntervals {
    fn about(&self) -> About {
        About {
            name: "overlapping-intervals",
            subject: Subject::Scaling,
            claim: "Intervals of two exponents that overlap show that two optimisers scale alike.",
            source: "The Mathematical Structure of Machine Learning (course text), exercise C.6 and its solution",
            mathematics: "Two optimisers are stood for by losses t^(−0.35) + 0.1 and t^(−0.32) + 0.1 at five budgets, with \
                normal errors. Slopes of logarithms are both near half of the exponents, because of what is added; their \
                resampled intervals overlap, and the exponents are taken as equal. An interval that holds zero says that a \
                difference was not seen, not that there is none. Whether a design could see one is asked here with more \
                budgets, smaller errors, fits with an offset, and the error of the difference itself, √(e₁² + e₂²), which is \
                smaller than the sum e₁ + e₂ that the overlap is judged by.",
            refuted_by: "Intervals of these two exponents that seldom overlap.",
            seeds: Extent {
                full: 40,
                quick: 40,
            },
            seconds: Extent {
                full: 0.3,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![ERROR.parameter(), RESAMPLES.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (error, resamples) = (setup.get(ERROR), setup.get(RESAMPLES));
        let simulated = setup.over_seeds(|streams| Ok(Simulated::of(streams, error, resamples)))?;
        Ok(Findings::new()
            .claims(of_simulation(&simulated, error))
            .figure("exponents", figure(&simulated)))
    }
}

/// What is found of losses as the source simulates them.
struct Simulated {
    /// The slopes of logarithms.
    slopes: [f64; 2],
    /// The exponents of fits with an offset to the longer sweeps.
    fits: [f64; 2],
    /// Whether the two intervals of the source overlap.
    do_overlap: bool,
    /// Whether the interval of the difference of fits with an offset leaves out zero, for different exponents.
    differ: bool,
    /// The same for equal exponents.
    differ_falsely: bool,
}

impl Simulated {
    fn of(streams: Streams, error: f64, resamples: usize) -> Self {
        let budgets = in_equal_ratios(1e2, 1e4, 5);
        let law = |exponent| Law {
            amplitude: 1.0,
            exponent,
            offset: ADDED,
        };
        let mut rng = streams.stream("simulated", 0);
        let mut noisy = |exponent: f64| -> Vec<f64> {
            budgets
                .iter()
                .map(|x| (law(exponent).at(*x) + error * draw::normal(&mut rng)).max(1e-3))
                .collect()
        };
        let losses = EXPONENTS.map(&mut noisy);
        let slopes = losses
            .each_ref()
            .map(|losses| -lines_in_logarithms(&budgets, losses, None).coefficients[1]);
        let widths = losses
            .each_ref()
            .map(|losses| 2.0 * spread(&budgets, losses, resamples, streams));
        let [first, second] = slopes;
        // A sweep in which the question has an answer: more budgets, longer, with smaller errors.
        let long = in_equal_ratios(1.0, 1e4, 24);
        let mut sweep = |exponent: f64| {
            let mut rng = streams.stream("sweep", (1e4 * exponent) as u64);
            let losses = measured(
                &mut rng,
                long.iter().map(|x| law(exponent).at(*x)),
                0.1 * error,
            );
            let curve = Curve::power_with_offset(&long);
            curve
                .fit(&losses)
                .first_rate(&curve, &losses, resamples, streams)
        };
        let [one, other, same] = [EXPONENTS[0], EXPONENTS[1], EXPONENTS[0] + 1e-4].map(&mut sweep);
        Self {
            slopes,
            fits: [one.value, other.value],
            do_overlap: (first - second).abs() <= widths[0] + widths[1],
            differ: are_apart(&one, &other),
            differ_falsely: are_apart(&one, &same),
        }
    }
}

/// Whether the difference of two independent numbers is more than the root of the sum of the squares of their errors.
fn are_apart(one: &Estimate, other: &Estimate) -> bool {
    (one.value - other.value).abs() > one.error().hypot(other.error())
}

/// The standard deviation of the slope over resampled points, as the source has it.
fn spread(budgets: &[f64], losses: &[f64], resamples: usize, streams: Streams) -> f64 {
    let (x, y) = (logarithms(budgets), logarithms(losses));
    let interval = Estimate::bootstrap(budgets.len(), resamples, streams, |drawn| {
        let taken = |values: &[f64]| drawn.iter().map(|&index| values[index]).collect::<Vec<_>>();
        let slope = Estimate::slope(&taken(&x), &taken(&y)).value;
        // One point five times has no slope.
        if slope.is_finite() { slope } else { 0.0 }
    });
    interval.error() / 1.96
}

fn of_simulation(simulated: &[Simulated], error: f64) -> Vec<Claim> {
    let share = |is: &dyn Fn(&Simulated) -> bool| {
        Estimate::proportion(count(simulated, is), simulated.len())
    };
    let slope = |index: usize, printed: f64| {
        Claim::printed(
            "structure C.6",
            format!(
                "Losses t^(−{}) + {ADDED} with errors of {error} at five budgets from 100 to 10000 steps have a slope in \
                logarithms of {printed}.",
                EXPONENTS[index]
            ),
            Rule::Equals {
                value: printed,
                tolerance: 0.02,
            },
            Estimate::mean(&each(simulated, |simulated| simulated.slopes[index])),
        )
    };
    let [one, other] = EXPONENTS;
    vec![
        slope(0, 0.3467),
        slope(1, 0.3189),
        Claim::printed(
            "structure C.6",
            format!(
                "Intervals that overlap show equal exponents: those of exponents {one} and {other}, which are not, \
                overlap in fewer than 20 % of pairs of such sweeps."
            ),
            Rule::Below(0.2),
            share(&|simulated| simulated.do_overlap),
        ),
        Claim::corrected(
            "structure C.6",
            "Sweeps of 24 budgets over four decades with a tenth of the error, fitted with an offset, tell these \
                exponents apart in more than 80 % of pairs.",
            Rule::Above(0.8),
            share(&|simulated| simulated.differ),
        ),
        Claim::must_hold(
            "structure C.6",
            "They tell two exponents apart that differ by 0.0001 in fewer than 20 % of pairs.",
            Rule::Below(0.2),
            share(&|simulated| simulated.differ_falsely),
        ),
    ]
}

fn figure(simulated: &[Simulated]) -> Figure {
    let panel = |title: &str, of: fn(&Simulated) -> [f64; 2]| {
        let axis =
            |index: usize| Axis::new(format!("exponent found for {}", EXPONENTS[index]), "1");
        Panel::new(axis(0), axis(1))
            .titled(title)
            .with(Points::new(
                "pairs of sweeps",
                each(simulated, |one| of(one)[0]),
                each(simulated, |one| of(one)[1]),
            ))
            .with(Reference::upright("truth", EXPONENTS[0]))
            .with(Reference::level("truth", EXPONENTS[1]))
    };
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Exponents that are found for two simulated optimisers")
    }
    .with(panel("five budgets, slopes of logarithms", |one| {
        one.slopes
    }))
    .with(panel("24 budgets, fits with an offset", |one| one.fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_apart_where_their_difference_is_larger_than_its_error() {
        let (one, close, far) = (
            Estimate::exact(1.0, 0.3),
            Estimate::exact(1.4, 0.4),
            Estimate::exact(1.6, 0.4),
        );
        assert!(!are_apart(&one, &close) && are_apart(&one, &far));
    }

    #[test]
    fn the_spread_of_a_slope_is_its_standard_error() {
        // Residuals of ±0.1 around a line: of 40 resampled points the slope scatters as √(0.01/Σ(x − x̄)²).
        let x: Vec<f64> = (0..40).map(|place| f64::from(place) / 10.0).collect();
        let y: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(place, x)| (if place % 2 == 0 { 0.1 } else { -0.1 } - x).exp())
            .collect();
        let found = spread(&each(&x, |x| x.exp()), &y, 2_000, Streams::new(0));
        let square: f64 = x.iter().map(|x| (x - 1.95f64).powi(2)).sum();
        assert!(
            (found / (0.01 / square).sqrt() - 1.0).abs() < 0.15,
            "{found}"
        );
    }
}

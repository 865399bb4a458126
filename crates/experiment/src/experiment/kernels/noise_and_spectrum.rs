//! What kernels learn of noise in the labels, by the decay of their spectra.

use super::banded;
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel};
use crate::problem::kernel::Modes;
use crate::problem::linear_class::form;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::Mat;
use rand::RngExt;
use std::f64::consts::{PI, TAU};

const NOISY: Count = Count::new(
    "noisy",
    "places on the circle with noisy labels, apart by at least a quarter of the mean gap",
    30,
)
.allowed(8.0, 60.0);
/// Exponents of the decay of the spectra of the kernels on the circle.
const DECAYS: [usize; 3] = [2, 4, 6];

/// Mean squares of the learned noise over its variance, of one draw of places.
struct Draw {
    /// At the places of the labels, for each decay over the times.
    at_labels: Vec<Vec<f64>>,
    /// The same at fresh places.
    at_fresh: Vec<Vec<f64>>,
    /// At fresh places in the end, for each decay.
    in_the_end: Vec<f64>,
    /// Of noise that is one wave of one period with a random phase, at the places of the labels.
    of_wave: Vec<Vec<f64>>,
}

/// Noise and the decay of a kernel's spectrum.
#[derive(Debug)]
pub struct NoiseAndSpectrum;

impl Experiment for NoiseAndSpectrum {
    fn about(&self) -> About {
        About {
            name: "noise-and-spectrum",
            subject: Subject::Kernels,
            claim: "The decay of a kernel's spectrum sets how much of the noise in the labels gradient descent learns, in time and in the end.",
            source: "The Mathematical Structure of Machine Learning (course text), A.5",
            mathematics: "On the circle the kernels Σ cos(kx)/kˢ with s = 2, 4, 6 learn one period at one speed, and high frequencies the more slowly the larger s \
                is: a mode of the eigenvalue λ is learned to the share 1 − e^(−λt). White noise of variance 1 in the labels leaves \
                Σ (1 − e^(−λt))²/n of itself in the fit at the labels' places; at other places it is the mean of ‖K⁻¹(I − e^(−Kt))k(x)‖². These are \
                expectations over the noise; only the places are drawn. In the end every kernel has all of the noise at the labels' \
                places; between them a smooth kernel swings more widely than a rough one, because near-by labels with unlike noise force it to. \
                Noise that is one wave of one period, which all of the kernels learn at one speed, tells them not apart.",
            refuted_by: "Noise that is learned alike by all kernels.",
            seeds: Extent {
                full: 20,
                quick: 10,
            },
            seconds: Extent {
                full: 0.1,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![NOISY.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let draws = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(&draws))
            .figure("noise-over-time", figure(&draws)))
    }
}

/// `1 + Σ cos(kx)/kˢ` in closed form (Abramowitz & Stegun 1964, 27.8.6, and its integrals).
fn on_circle(decay: usize, x: f64) -> f64 {
    let x = x.rem_euclid(TAU);
    1.0 + match decay {
        2 => PI.powi(2) / 6.0 - PI * x / 2.0 + x * x / 4.0,
        4 => {
            PI.powi(4) / 90.0 - PI.powi(2) * x.powi(2) / 12.0 + PI * x.powi(3) / 12.0
                - x.powi(4) / 48.0
        }
        _ => {
            let even = PI.powi(6) / 945.0 - PI.powi(4) * x.powi(2) / 180.0
                + PI.powi(2) * x.powi(4) / 144.0;
            even - PI * x.powi(5) / 240.0 + x.powi(6) / 1440.0
        }
    }
}

/// The times of the noise, in units of the time in which one period is learned by a factor of e.
fn times() -> Vec<f64> {
    (-4..=24)
        .map(|quarter| 10f64.powf(f64::from(quarter) / 4.0))
        .collect()
}

fn one(setup: &Setup, streams: Streams) -> Result<Draw, ExperimentError> {
    let mut draw = Draw {
        at_labels: Vec::new(),
        at_fresh: Vec::new(),
        in_the_end: Vec::new(),
        of_wave: Vec::new(),
    };
    let mut rng = streams.stream("places", 0);
    let count = setup.get(NOISY);
    // Gaps of at least a quarter of the mean one: of closer places the smallest eigenvalues are lost in rounding.
    let places: Vec<f64> = (0..count)
        .map(|index| TAU * (index as f64 + 0.75 * rng.random::<f64>()) / count as f64)
        .collect();
    let fresh: Vec<f64> = (0..200)
        .map(|index| TAU * f64::from(index) / 200.0)
        .collect();
    for decay in DECAYS {
        let kernel = Mat::from_fn(count, count, |row, column| {
            on_circle(decay, places[row] - places[column])
        });
        let to_fresh = Mat::from_fn(count, fresh.len(), |row, column| {
            on_circle(decay, places[row] - fresh[column])
        });
        let modes = Modes::of(kernel.as_ref())?;
        let along = modes.vectors.transpose() * &to_fresh;
        let squares: Vec<f64> = (0..count)
            .map(|mode| along.row(mode).squared_norm_l2() / fresh.len() as f64)
            .collect();
        // The eigenvalue of one period is n/2 in the limit of many places.
        let learned = |value: f64, time: f64| -(-value * time / (count as f64 / 2.0)).exp_m1();
        let over_times = |of: &dyn Fn(usize, f64) -> f64| {
            times()
                .into_iter()
                .map(|time| (0..count).map(|mode| of(mode, time)).sum())
                .collect::<Vec<f64>>()
        };
        // An eigenvalue that rounding has made negative belongs to a mode that is not learned in any time shown.
        let value = |mode: usize| modes.values[mode].max(1e-300);
        draw.at_labels.push(over_times(&|mode, time| {
            learned(value(mode), time).powi(2) / count as f64
        }));
        draw.at_fresh.push(over_times(&|mode, time| {
            (learned(value(mode), time) / value(mode)).powi(2) * squares[mode]
        }));
        // The covariance of √2·cos(x + φ) with an even φ is cos(x − x').
        let wave = Mat::from_fn(count, count, |row, column| {
            (places[row] - places[column]).cos()
        });
        draw.of_wave.push(over_times(&|mode, time| {
            let vector = modes.vectors.col(mode);
            learned(value(mode), time).powi(2) * form(&wave, vector) / count as f64
        }));
        draw.in_the_end.push(
            (0..count)
                .map(|mode| squares[mode] / modes.values[mode].powi(2))
                .sum::<f64>(),
        );
    }
    Ok(draw)
}

fn claims(draws: &[Draw]) -> Vec<Claim> {
    // A period is learned to 90 % in ln 10 of its own time.
    let when = times()
        .iter()
        .position(|time| *time >= 10.0 * 10f64.ln())
        .unwrap_or(0);
    let logs = |of: &dyn Fn(&Draw, usize) -> f64| -> Estimate {
        // From the fastest decay to the slowest.
        let arms: Vec<Vec<f64>> = (0..DECAYS.len())
            .rev()
            .map(|decay| draws.iter().map(|draw| of(draw, decay).ln()).collect())
            .collect();
        Estimate::smallest_step(&arms)
    };
    let id = "structure A.5";
    let text = |when: &str, place: &str| {
        format!(
            "The slower the spectrum decays (s = 6, 4, 2), the more of white noise is in the fit {when}, {place}: smallest step of the logarithm"
        )
    };
    let same = "after ten times the time in which one period is learned";
    vec![
        Claim::printed(
            id,
            text(same, "at the labels' places"),
            Rule::Above(0.0),
            logs(&|draw, decay| draw.at_labels[decay][when]),
        ),
        Claim::printed(
            id,
            text(same, "at fresh places"),
            Rule::Above(0.0),
            logs(&|draw, decay| draw.at_fresh[decay][when]),
        ),
        Claim::printed(
            id,
            text("when all labels are fitted", "at fresh places"),
            Rule::Above(0.0),
            logs(&|draw, decay| draw.in_the_end[decay]),
        ),
        Claim::corrected(
            id,
            "The faster the spectrum decays (s = 2, 4, 6), the more of white noise is in the fit when all labels are fitted, at fresh places: smallest step of the logarithm",
            Rule::Above(0.0),
            logs(&|draw, decay| draw.in_the_end[DECAYS.len() - 1 - decay]),
        ),
        Claim::must_fail(
            id,
            format!(
                "It is so whatever the noise: the slower the spectrum decays (s = 6, 4, 2), the more, by 5 % each, of noise that is one wave of one period is in the fit {same}, at the labels' places: smallest step of the logarithm"
            ),
            Rule::Above(1.05f64.ln()),
            logs(&|draw, decay| draw.of_wave[decay][when]),
        ),
    ]
}

fn figure(draws: &[Draw]) -> Figure {
    let times = times();
    let y = Axis::new("noise in the fit over its variance", "1")
        .log()
        .over([1e-2, 1e2]);
    let mut panel = Panel::new(Axis::new("time", "time of one period").log(), y);
    for (index, decay) in DECAYS.into_iter().enumerate() {
        let rows: Vec<Vec<f64>> = draws
            .iter()
            .map(|draw| draw.at_fresh[index].clone())
            .collect();
        panel = panel.with(banded(format!("s = {decay}"), &times, &rows));
    }
    Figure::new("Noise at fresh places, by decay of the spectrum").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_on_the_circle_are_their_series() {
        for decay in DECAYS {
            for x in [0.3, 2.0, -1.0] {
                let series: f64 = (1..200_000)
                    .map(|k| (f64::from(k) * x).cos() / f64::from(k).powi(decay as i32))
                    .sum();
                assert!(
                    (on_circle(decay, x) - 1.0 - series).abs() < 1e-9,
                    "{decay} {x}"
                );
            }
        }
    }
}

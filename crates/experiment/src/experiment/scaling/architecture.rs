//! Whether the exponent of a scaling law outlives a change of how well the problem is conditioned.

use super::modes::Modes;
use super::{each, in_equal_ratios};
use crate::experiment::{
    About, Claim, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::power_law::logarithms;
use crate::statistics::{Estimate, Rule};
use crate::table::{Column, Table};

const LOSS_POWER: Number = Number::new(
    "loss-power",
    "power by which modes have less of the loss",
    1.5,
)
.allowed(1.1, 3.0);
const CURVATURE_POWER: Number = Number::new(
    "curvature-power",
    "power by which modes have less curvature",
    1.5,
)
.allowed(1.0, 4.0);
const CONDITIONING: Number = Number::new(
    "conditioning",
    "power of the curvatures that the new architecture has",
    0.6,
)
.allowed(0.25, 3.0);

/// How many decades of compute, and how many places on each.
const DECADES: usize = 6;
const PLACES: usize = 10;

/// The last mode, beyond all that are learnt.
const LAST: f64 = 1e40;

/// What the curvatures of the control are multiplied by.
const FACTOR: f64 = 5.0;

/// Whether a new architecture keeps the exponent.
#[derive(Debug)]
pub struct Architecture;

impl Experiment for Architecture {
    fn about(&self) -> About {
        About {
            name: "exponent-after-change",
            subject: Subject::Scaling,
            claim: "A scaling law that is straight over six decades keeps its exponent when the architecture changes.",
            source: "The Mathematical Structure of Machine Learning (course text), exercise A.4 and its solution",
            mathematics: "Gradient flow on a quadratic loss leaves L(t) = Σ ℓ_j e^(−2λ_j t) of the excess. With powers of \
                the mode's index, ℓ_j = j^(−a) and λ_j = j^(−b), the modes up to j ≈ t^(1/b) are learnt, and what the \
                others have falls as t^(−(a−1)/b): a power law with an exponent that nobody put there. An architecture \
                that conditions the problem otherwise, λ_j → λ_j^p with the same targets, turns b into bp and the \
                exponent into (a−1)/(bp). One that multiplies all curvatures by a number only shifts the line. \
                Curvatures that stay above a number end the power law.",
            refuted_by: "The same exponent before and after the curvatures have been raised to another power.",
            seeds: Extent { full: 0, quick: 0 },
            seconds: Extent {
                full: 0.02,
                quick: 0.02,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            LOSS_POWER.parameter(),
            CURVATURE_POWER.parameter(),
            CONDITIONING.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (a, b, p) = (
            setup.get(LOSS_POWER),
            setup.get(CURVATURE_POWER),
            setup.get(CONDITIONING),
        );
        let arms = Arms::new(a, b, p);
        Ok(Findings::new()
            .claims(arms.claims((a - 1.0) / b, p))
            .figure("losses", arms.figure())
            .table("exponents", arms.table()))
    }
}

/// Losses at times in equal ratios, of each architecture.
struct Arms {
    times: Vec<f64>,
    old: Vec<f64>,
    new: Vec<f64>,
    scaled: Vec<f64>,
    bounded: Vec<f64>,
}

impl Arms {
    fn new(a: f64, b: f64, p: f64) -> Self {
        let first: f64 = 100.0;
        let times = in_equal_ratios(
            first,
            first * 10f64.powi(DECADES as i32),
            DECADES * PLACES + 1,
        );
        let (modes, conditioned) = (Modes::new(a, b, LAST), Modes::new(a, b * p, LAST));
        // The curvature of modes that are learnt half-way along.
        let bound = 1.0 / times[times.len() / 2];
        let bounded = |time: f64| modes.loss(|curvature| (-(curvature + bound) * time).exp());
        Self {
            old: each(&times, |time| modes.of_flow(*time)),
            new: each(&times, |time| conditioned.of_flow(*time)),
            scaled: each(&times, |time| modes.of_flow(FACTOR * time)),
            bounded: each(&times, |time| bounded(*time)),
            times,
        }
    }

    fn exponent(&self, losses: &[f64]) -> Estimate {
        Estimate::slope(&logarithms(&self.times), &logarithms(losses)).times(-1.0)
    }

    /// By how much the exponent of some losses is above that of the old ones.
    fn change(&self, losses: &[f64]) -> Estimate {
        let ratios: Vec<f64> = losses
            .iter()
            .zip(&self.old)
            .map(|(new, old)| new / old)
            .collect();
        self.exponent(&ratios)
    }

    /// The exponent of the last decade over that of the first; infinite losses of zero are left out.
    fn bend(&self, losses: &[f64]) -> Estimate {
        let last = losses.iter().take_while(|loss| **loss > 1e-280).count();
        let decade = |from: usize| (losses[from] / losses[from + PLACES]).log10();
        let ratio = decade(last - 1 - PLACES) / decade(0);
        Estimate::exact(ratio, 1e-6 * ratio)
    }

    fn claims(&self, exponent: f64, p: f64) -> Vec<Claim> {
        let same = Rule::Equals {
            value: 0.0,
            tolerance: 0.1 * exponent,
        };
        let straight = Rule::Equals {
            value: 1.0,
            tolerance: 0.05,
        };
        vec![
            Claim::printed(
                "structure A.4",
                format!(
                    "An exponent that a loss has had over {DECADES} decades of compute is the same, to a tenth, after \
                    all curvatures have been raised to the power {p}."
                ),
                same,
                self.change(&self.new),
            ),
            Claim::corrected(
                "structure A.4",
                format!(
                    "The new exponent is the old one divided by {p}, {:.3}, to a twentieth.",
                    exponent / p
                ),
                Rule::Equals {
                    value: exponent / p,
                    tolerance: 0.05 * exponent / p,
                },
                self.exponent(&self.new),
            ),
            Claim::must_hold(
                "structure A.4",
                format!(
                    "Before the change the law is straight: the exponents of the first and of the last of {DECADES} \
                    decades are the same to a twentieth."
                ),
                straight,
                self.bend(&self.old),
            ),
            Claim::must_hold(
                "structure A.4",
                format!(
                    "The exponent is the same, to a tenth, after all curvatures have been multiplied by {FACTOR}."
                ),
                same,
                self.change(&self.scaled),
            ),
            Claim::must_hold(
                "structure A.4",
                "Where curvatures stay above a number, which ends the power law, the exponent of the last decade is more \
                    than twice that of the first.",
                Rule::Above(2.0),
                self.bend(&self.bounded),
            ),
        ]
    }

    fn figure(&self) -> Figure {
        let losses = Panel::new(
            Axis::new("compute", "steps").log(),
            Axis::new("excess loss", "1").log().over([1e-5, 1.0]),
        );
        let slopes = Panel::new(
            Axis::new("compute", "steps").log(),
            Axis::new("exponent of a decade", "1").over([0.0, 1.0]),
        );
        let all = [
            ("before", &self.old),
            ("curvatures to a power", &self.new),
            ("curvatures times a number", &self.scaled),
            ("curvatures bounded below", &self.bounded),
        ];
        let (losses, slopes) =
            all.into_iter()
                .fold((losses, slopes), |(losses, slopes), (name, values)| {
                    let (x, y) = self.decades(values);
                    (
                        losses.with(Line::new(name, self.times.clone(), visible(values))),
                        slopes.with(Line::new(name, x, y)),
                    )
                });
        Figure {
            columns: 2,
            width: Width::Page,
            ..Figure::new("A scaling law before and after a change of the architecture")
        }
        .with(losses)
        .with(slopes)
    }

    /// The exponent of the decade around each place.
    fn decades(&self, losses: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let places = 0..losses.len() - PLACES;
        let exponent = |from: usize| (losses[from] / losses[from + PLACES]).log10();
        let exponents = places.clone().map(|from| {
            if exponent(from).is_finite() {
                exponent(from)
            } else {
                f64::NAN
            }
        });
        (
            places.map(|from| self.times[from + PLACES / 2]).collect(),
            exponents.collect(),
        )
    }

    fn table(&self) -> Table {
        let row = |name: &str, losses: &[f64]| {
            let exponent = self.exponent(losses);
            vec![
                name.into(),
                exponent.value.into(),
                exponent.error().into(),
                self.bend(losses).value.into(),
            ]
        };
        Table::new([
            Column::text("architecture"),
            Column::number("exponent"),
            Column::number("half-width of its interval"),
            Column::number("last decade's over first decade's"),
        ])
        .with_rows([
            row("before", &self.old),
            row("curvatures to a power", &self.new),
            row("curvatures times a number", &self.scaled),
        ])
    }
}

/// With gaps where nothing is left to see.
fn visible(losses: &[f64]) -> Vec<f64> {
    each(losses, |loss| if *loss > 1e-12 { *loss } else { f64::NAN })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_has_the_constant_of_its_asymptote() {
        // ∫ j^(−a) exp(−2t j^(−b)) dj = Γ(s)/b · (2t)^(−s) with s = (a−1)/b; here s = 1/3, Γ(1/3) = 2.678938535.
        let loss = Modes::new(1.5, 1.5, LAST).of_flow(1e6);
        let asymptote = 2.678_938_535 / 1.5 * 2e6f64.powf(-1.0 / 3.0);
        assert!((loss / asymptote - 1.0).abs() < 1e-4, "{loss} {asymptote}");
    }
}

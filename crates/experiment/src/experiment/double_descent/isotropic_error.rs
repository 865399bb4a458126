//! The test error of the shortest fit on isotropic data, against its closed form and against what is printed of it.

use super::{beside, curve, each, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Mark};
use crate::problem::draw;
use crate::problem::spectra::{Parts, isotropic_error, isotropic_parts};
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Column, Table};

const SAMPLES: Count = Count::new("samples", "training samples m", 40).allowed(20.0, 200.0);
const NOISE: Number = Number::new(
    "noise",
    "standard deviation of the label noise; the truth has norm 1",
    0.5,
)
.allowed(0.01, 10.0);

/// Features per sample.
const SHAPES: [f64; 13] = [
    0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0, 8.0, 16.0,
];
const TENTH: usize = 0;
const HALF: usize = 2;
const ONE: usize = 5;
const ABOVE_ONE: usize = 6;
const ONE_AND_A_HALF: usize = 8;
const TWO: usize = 9;
const FOUR: usize = 10;
const SIXTEEN: usize = 12;

/// The error of the shortest fit on isotropic data.
#[derive(Debug)]
pub struct IsotropicError;

impl Experiment for IsotropicError {
    fn about(&self) -> About {
        About {
            name: "isotropic-error",
            subject: Subject::DoubleDescent,
            claim: "Beyond as many features as samples the test error of the shortest fit falls \
                again, towards none.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), Theorem \
                6; The Mathematical Structure of Machine Learning (course text), A.13; Belkin, \
                Hsu & Xu (2020), Two models of double descent for weak features.",
            mathematics: "Labels y = θ·x + noise of variance σ², x of n standard normal features, m \
                samples. With n < m − 1 the expected error on a new label is σ²(1 + n/(m − n − \
                1)). With n > m + 1 the shortest fit projects θ on m random directions and loses \
                the rest, so that the error is ‖θ‖²(1 − m/n) + σ²(1 + m/(n − m − 1)): the noise \
                is spread ever thinner, E tr (XXᵀ)⁻¹ = m/(n − m − 1), but the bias rises to \
                ‖θ‖². Far beyond the threshold nothing is learned at all. From n = m − 1 to m + \
                1 the expectation is infinite: medians say more there than means.",
            refuted_by: "Mean errors that differ from the closed form, or an error that falls to the \
                noise as n grows.",
            seeds: Extent {
                full: 200,
                quick: 50,
            },
            seconds: Extent {
                full: 0.4,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![SAMPLES.parameter(), NOISE.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        let variance = setup.get(NOISE).powi(2);
        let results = Results {
            all,
            samples: setup.get(SAMPLES),
            variance,
        };
        Ok(Findings::new()
            .claims(results.of_the_variance())
            .claims(results.of_the_shape_of_the_variance())
            .claims(results.of_the_fall_past_the_threshold())
            .claims(results.of_the_printed_error())
            .claims(results.of_the_closed_form())
            .claims(results.of_the_limit())
            .claims(results.of_the_peak())
            .claims(results.of_the_bias())
            .table("errors", results.table())
            .figure("errors", results.figure()))
    }
}

fn features(samples: usize, place: usize) -> usize {
    (samples as f64 * SHAPES[place]).round() as usize
}

fn measure(setup: &Setup, streams: Streams) -> Result<Vec<Parts>, ExperimentError> {
    let samples = setup.get(SAMPLES);
    (0..SHAPES.len())
        .map(|place| {
            setup.go_on()?;
            let mut rng = streams.stream("data", place as u64);
            let truth = draw::on_sphere(&mut rng, features(samples, place));
            isotropic_parts(&mut rng, samples, &truth, setup.get(NOISE))
        })
        .collect()
}

struct Results {
    all: Vec<Vec<Parts>>,
    samples: usize,
    variance: f64,
}

impl Results {
    fn at(&self, place: usize, of: impl Fn(&Parts) -> f64) -> Vec<f64> {
        each(&self.all, |draw| of(&draw[place]))
    }

    /// Errors on new labels.
    fn errors(&self, place: usize) -> Vec<f64> {
        self.at(place, |parts| parts.excess + self.variance)
    }

    fn expected(&self, place: usize) -> Option<f64> {
        isotropic_error(
            self.samples,
            features(self.samples, place),
            1.0,
            0.0,
            self.variance,
        )
    }

    /// `m/(n − m − 1)`.
    fn amplification(&self, place: usize) -> f64 {
        let (m, n) = (self.samples as f64, features(self.samples, place) as f64);
        m / (n - m - 1.0)
    }

    /// The mean over some places of a measured number over what it is to be, for each draw.
    fn ratios(
        &self,
        places: &[usize],
        of: impl Fn(&Parts) -> f64,
        expected: impl Fn(usize) -> f64,
    ) -> Estimate {
        let ratio = |draw: &Vec<Parts>| {
            let ratios: Vec<f64> = places
                .iter()
                .map(|&place| of(&draw[place]) / expected(place))
                .collect();
            mean(&ratios)
        };
        Estimate::mean(&each(&self.all, ratio))
    }

    fn of_the_variance(&self) -> Vec<Claim> {
        let id = "flat-vs-sharp T1.6";
        let within = |tolerance| Rule::Equals {
            value: 1.0,
            tolerance,
        };
        let (m, s) = (self.samples as f64, self.variance);
        vec![
            Claim::printed(
                id,
                "The noise adds σ²/m · tr (XXᵀ)⁻¹, that is σ²/(n − m − 1), to the error: at n = \
                2m and 4m, within 20 % (ratio).",
                within(0.2),
                self.ratios(
                    &[TWO, FOUR],
                    |parts| parts.variance,
                    |place| s * self.amplification(place) / m,
                ),
            ),
            Claim::corrected(
                id,
                "It adds σ² tr (XXᵀ)⁻¹, on average σ²m/(n − m − 1): at n = 2m and 4m, within 10 % \
                (ratio).",
                within(0.1),
                self.ratios(
                    &[TWO, FOUR],
                    |parts| parts.variance,
                    |place| s * self.amplification(place),
                ),
            ),
        ]
    }

    fn of_the_shape_of_the_variance(&self) -> Vec<Claim> {
        let id = "flat-vs-sharp T1.6";
        let within = |tolerance| Rule::Equals {
            value: 1.0,
            tolerance,
        };
        let (m, s) = (self.samples as f64, self.variance);
        let simple = |place: usize| s * m / (features(self.samples, place) as f64 - m);
        vec![
            Claim::printed(
                id,
                "tr (XXᵀ)⁻¹ is a constant times m/(n − m), the same at n = 2m and 4m within 15 % \
                (ratio of mean variances over that).",
                within(0.15),
                self.ratios(
                    &[FOUR],
                    |parts| parts.variance,
                    |place| {
                        simple(place) * mean(&self.at(TWO, |parts| parts.variance)) / simple(TWO)
                    },
                ),
            ),
            Claim::printed(
                "structure A.13",
                "From n = 1.1m to 16m the variance falls at every step (least fall of its \
                logarithm).",
                Rule::Above(0.0),
                Estimate::smallest_step(
                    &(ABOVE_ONE..=SIXTEEN)
                        .map(|place| self.at(place, |parts| -parts.variance.ln()))
                        .collect::<Vec<_>>(),
                ),
            ),
        ]
    }

    fn of_the_fall_past_the_threshold(&self) -> Vec<Claim> {
        vec![Claim::printed(
            "structure A.13",
            "The error falls just past the threshold though the class gains nothing (the \
                truth is in it throughout): from n = 1.1m to 1.5m (logarithm of the ratio).",
            Rule::Above(0.0),
            Estimate::difference(
                &self.log_errors(ONE_AND_A_HALF),
                &self.log_errors(ABOVE_ONE),
            ),
        )]
    }

    fn log_errors(&self, place: usize) -> Vec<f64> {
        self.errors(place).iter().map(|error| error.ln()).collect()
    }

    fn of_the_printed_error(&self) -> Vec<Claim> {
        let id = "flat-vs-sharp T1.6";
        let (m, s) = (self.samples as f64, self.variance);
        let printed = |place: usize| s / (features(self.samples, place) as f64 - m) + s;
        let total = |parts: &Parts| parts.excess + s;
        vec![
            Claim::printed(
                id,
                "With n = m/10 the error is near σ², within 20 % (ratio).",
                Rule::Equals {
                    value: 1.0,
                    tolerance: 0.2,
                },
                self.ratios(&[TENTH], total, |_| s),
            ),
            Claim::printed(
                id,
                "With n = 4m the error is σ²/(n − m) + σ², within 20 % (ratio).",
                Rule::Equals {
                    value: 1.0,
                    tolerance: 0.2,
                },
                self.ratios(&[FOUR], total, printed),
            ),
        ]
    }

    fn of_the_closed_form(&self) -> Vec<Claim> {
        let id = "flat-vs-sharp T1.6";
        let s = self.variance;
        let total = |parts: &Parts| parts.excess + s;
        let off_threshold: Vec<usize> = (0..SHAPES.len())
            .filter(|&place| (SHAPES[place] - 1.0).abs() > 0.2)
            .collect();
        vec![
            Claim::corrected(
                id,
                "It is ‖θ‖²(1 − m/n) + σ²(1 + m/(n − m − 1)), below the threshold σ²(1 + n/(m − n \
                − 1)): over all n more than a fifth away from m, within 5 % (mean ratio).",
                Rule::Equals {
                    value: 1.0,
                    tolerance: 0.05,
                },
                self.ratios(&off_threshold, total, |place| {
                    self.expected(place).unwrap_or(f64::NAN)
                }),
            ),
            Claim::printed(
                id,
                "As n grows with m fixed the error goes to σ²/n and so to 0: at n = 16m it is \
                below a tenth of σ².",
                Rule::Below(0.1 * s),
                Estimate::mean(&self.errors(SIXTEEN)),
            ),
            Claim::corrected(
                id,
                "It goes to that of predicting zero, ‖θ‖² + σ²: at n = 16m it is within 10 % of \
                it (ratio).",
                Rule::Equals {
                    value: 1.0,
                    tolerance: 0.1,
                },
                self.ratios(&[SIXTEEN], total, |_| 1.0 + s),
            ),
        ]
    }

    fn of_the_limit(&self) -> Vec<Claim> {
        let id = "flat-vs-sharp T1.6";
        let later: Vec<Vec<f64>> = [FOUR, FOUR + 1, SIXTEEN]
            .iter()
            .map(|&place| self.at(place, |parts| -parts.excess))
            .collect();
        vec![Claim::printed(
            id,
            "The error falls beyond the threshold: from n = 4m to 8m to 16m (least fall).",
            Rule::Above(0.0),
            Estimate::smallest_step(&later),
        )]
    }

    fn of_the_peak(&self) -> Vec<Claim> {
        let peak = |place: usize| {
            let ratios: Vec<f64> = self
                .errors(ONE)
                .iter()
                .zip(self.errors(place))
                .map(|(at, beside)| at / beside)
                .collect();
            Estimate::median(&ratios)
        };
        vec![
            Claim::printed(
                "flat-vs-sharp T1.6",
                "At n = m there is a peak: the error is more than 5 times that at n = m/2 (median \
                ratio).",
                Rule::Above(5.0),
                peak(HALF),
            ),
            Claim::printed(
                "flat-vs-sharp T1.6",
                "It is more than 5 times that at n = 2m (median ratio).",
                Rule::Above(5.0),
                peak(TWO),
            ),
            Claim::must_fail(
                "flat-vs-sharp T1.6",
                "There is a peak at n = 1.5m, too: the error is above that at n = 2m by more than \
                a fifth (median ratio).",
                Rule::Above(1.2),
                Estimate::median(
                    &self
                        .errors(ONE_AND_A_HALF)
                        .iter()
                        .zip(self.errors(TWO))
                        .map(|(at, beside)| at / beside)
                        .collect::<Vec<_>>(),
                ),
            ),
        ]
    }

    fn of_the_bias(&self) -> Vec<Claim> {
        let bias: Vec<Vec<f64>> = (ABOVE_ONE..=SIXTEEN)
            .map(|place| self.at(place, |parts| parts.bias))
            .collect();
        let below: Vec<Vec<f64>> = (TENTH..ONE)
            .map(|place| self.at(place, |parts| -parts.variance.ln()))
            .collect();
        let lost = |place: usize| 1.0 - self.samples as f64 / features(self.samples, place) as f64;
        let beyond: Vec<usize> = (ONE_AND_A_HALF..=SIXTEEN).collect();
        vec![
            Claim::printed(
                "flat-vs-sharp T1.6",
                "The bias is negligible beyond the threshold: at n = 4m it is below 5 % of ‖θ‖².",
                Rule::Below(0.05),
                Estimate::mean(&self.at(FOUR, |parts| parts.bias)),
            ),
            Claim::corrected(
                "flat-vs-sharp T1.6",
                "It is ‖θ‖²(1 − m/n), from n = 1.5m to 16m, within 5 % (mean ratio).",
                Rule::Equals {
                    value: 1.0,
                    tolerance: 0.05,
                },
                self.ratios(&beyond, |parts| parts.bias, lost),
            ),
            Claim::corrected(
                "structure A.13",
                "While the variance falls the bias rises, at every step from n = 1.1m to 16m \
                (least rise).",
                Rule::Above(0.0),
                Estimate::smallest_step(&bias),
            ),
            Claim::must_fail(
                "structure A.13",
                "More features spread the noise thinner below the threshold, too: the variance \
                falls at every step from n = 0.1m to 0.9m (least fall of its logarithm).",
                Rule::Above(0.0),
                Estimate::smallest_step(&below),
            ),
        ]
    }

    fn table(&self) -> Table {
        let columns = [
            "n/m",
            "mean error",
            "median error",
            "closed form",
            "mean bias",
            "mean variance",
        ];
        let rows = (0..SHAPES.len()).map(|place| {
            vec![
                SHAPES[place].into(),
                mean(&self.errors(place)).into(),
                median(&self.errors(place)).into(),
                self.expected(place).into(),
                mean(&self.at(place, |parts| parts.bias)).into(),
                mean(&self.at(place, |parts| parts.variance)).into(),
            ]
        });
        Table::new(columns.map(Column::number))
            .captioned(
                "Errors on new labels; there is no closed form where the expectation is infinite.",
            )
            .with_rows(rows)
    }

    fn curve(&self, label: &str, of: impl Fn(&Parts) -> f64, [colour, dash]: [usize; 2]) -> Line {
        let draws: Vec<Vec<f64>> = self
            .all
            .iter()
            .map(|draw| draw.iter().map(&of).collect())
            .collect();
        curve(label, &SHAPES, &draws)
            .styled(style(colour, dash))
            .with_markers()
    }

    fn closed(&self, label: &str, of: impl Fn(usize) -> Option<f64>, order: usize) -> Line {
        let values = (0..SHAPES.len()).map(|place| of(place).unwrap_or(f64::NAN));
        Line::new(label, SHAPES.to_vec(), values.collect()).styled(style(order, order))
    }

    fn printed(&self, place: usize) -> Option<f64> {
        let (m, n) = (self.samples as f64, features(self.samples, place) as f64);
        (n > m + 1.0).then_some(self.variance + self.variance / (n - m))
    }

    fn figure(&self) -> Figure {
        let s = self.variance;
        let panel = |title: &str| {
            let shape = Axis::new("features per sample", "1").log();
            Panel::new(shape, Axis::new("squared error", "1").log())
                .titled(title)
                .with(Mark::upright("as many features as samples", 1.0))
        };
        let errors = panel("error on new labels")
            .with(self.curve("median", |parts| parts.excess + s, [0, 0]))
            .with(self.closed("closed form of the mean", |place| self.expected(place), 1))
            .with(self.closed("printed", |place| self.printed(place), 3));
        let seen = |value: f64| if value > 1e-12 { value } else { f64::NAN };
        let parts = panel("its parts")
            .with(self.curve("bias", |parts| seen(parts.bias), [4, 1]))
            .with(self.curve("variance", |parts| parts.variance, [2, 2]));
        let samples = self.samples;
        let figure = Figure::new("The test error of the shortest fit, and its parts")
            .described("Test error, bias and variance over the number of features per sample.")
            .noted(format!(
                "{samples} samples, label noise of variance {s}, a truth of norm 1."
            ))
            .with(errors)
            .with(parts);
        beside(figure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closed_form_rises_again_to_what_predicting_nothing_has() {
        let at = |features| isotropic_error(40, features, 1.0, 0.0, 0.25).unwrap();
        assert!((at(4) - 0.25 * (1.0 + 4.0 / 35.0)).abs() < 1e-12);
        assert!(at(160) < at(640) && (at(1_000_000) - 1.25).abs() < 1e-3);
    }
}

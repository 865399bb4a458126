//! The interpolant of least norm is not always the one that a shift of the inputs harms least.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::mirror::{self, Potential, Regression, nearest_interpolant};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use faer::{Col, ColRef, Scale};

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 24).allowed(3.0, 60.0);
const FEATURES: Count =
    Count::new("features", "weights of the linear model", 60).allowed(4.0, 120.0);
const SUPPORT: Count = Count::new(
    "support",
    "weights of the sparse truth that are not zero",
    6,
)
.allowed(1.0, 60.0);
const SHIFTS: Numbers = Numbers::new(
    "shifts",
    "standard deviations of the other inputs in the test, ascending; 1 in training",
    &[0.3, 0.5, 1.0, 2.0, 3.0],
)
.allowed(0.01, 1e3);

/// See the file.
#[derive(Debug)]
pub struct SmallestNormUnderShift;

const NAMES: [&str; 3] = ["least ‖w‖₂", "least ‖w‖₁", "small start"];

/// The scale of the start of the third one.
const SCALE: f64 = 0.01;

impl Experiment for SmallestNormUnderShift {
    fn about(&self) -> About {
        About {
            name: "smallest-norm-under-shift",
            subject: Subject::MirrorDescent,
            claim: "Of all interpolants the one of least ‖w‖₂ is not always the most robust to a shift of the inputs.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), question A.12",
            mathematics: "All interpolants have the training loss 0. Where the inputs of the test have variances σᵢ² \
                          instead of 1, the excess error of w is Σ σᵢ²(wᵢ − w*ᵢ)² exactly; it is given as a share of \
                          the error Σ σᵢ²w*ᵢ² of predicting nothing. The shift multiplies the standard deviation of the \
                          inputs outside the first few. Compared are the interpolants of least ‖w‖₂ (singular values), \
                          of least ‖w‖₁ (a linear program), and the one that gradient flow on θ₊² − θ₋² from a small \
                          start ends at (least R_α). A sparse truth lies in the first inputs; a dense one in all.",
            refuted_by: "An interpolant of least ‖w‖₂ that has the smallest error for the sparse truth under every shift.",
            seeds: Extent { full: 30, quick: 8 },
            seconds: Extent {
                full: 0.1,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            SUPPORT.parameter(),
            SHIFTS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(SAMPLES) >= setup.get(FEATURES) {
            return Err(ExperimentError::because(
                "samples must be less than features, or there is only one interpolant",
            ));
        }
        let runs = setup
            .over_seeds(|streams| Ok([run(setup, streams, true)?, run(setup, streams, false)?]))?;
        let shifts = setup.get(SHIFTS);
        Ok(Findings::new()
            .claims(claims(&shifts, &runs))
            .figure("errors", figure(&shifts, &runs)))
    }
}

/// For each interpolant the error under each shift.
type Errors = Vec<Vec<f64>>;

fn run(setup: &Setup, streams: Streams, is_sparse: bool) -> Result<Errors, ExperimentError> {
    let (samples, features) = (setup.get(SAMPLES), setup.get(FEATURES));
    let support = setup.get(SUPPORT).min(features);
    let mut rng = streams.stream("data", u64::from(is_sparse));
    let truth = if is_sparse {
        mirror::sparse(&mut rng, features, support, true)
    } else {
        draw::normals(&mut rng, features) * Scale((support as f64 / features as f64).sqrt())
    };
    let problem = Regression::gaussian(&mut rng, samples, &truth);
    let potential = Potential::Hyperbolic { scale: SCALE };
    let interpolants = [
        dense::least_norm(problem.x.as_ref(), problem.y.as_ref())?,
        mirror::least_absolute(&problem, false)?,
        nearest_interpolant(&problem, &potential, Col::zeros(features).as_ref())?.weights,
    ];
    let error = |w: ColRef<f64>, shift: f64| -> f64 {
        let variance = |index: usize| if index < support { 1.0 } else { shift * shift };
        (0..features).map(|i| variance(i) * w[i] * w[i]).sum()
    };
    let of = |w: &Col<f64>| -> Vec<f64> {
        let shifts = setup.get(SHIFTS);
        shifts
            .iter()
            .map(|shift| error((w - &truth).as_ref(), *shift) / error(truth.as_ref(), *shift))
            .collect()
    };
    Ok(interpolants.iter().map(of).collect())
}

fn claims(shifts: &[f64], runs: &[[Errors; 2]]) -> Vec<Claim> {
    let Some(last) = shifts.len().checked_sub(1) else {
        return Vec::new();
    };
    let more = |truth: usize, of: usize, than: usize| {
        let values: Vec<f64> = runs
            .iter()
            .map(|run| run[truth][of][last] - run[truth][than][last])
            .collect();
        Estimate::mean(&values)
    };
    let shift = shifts[last];
    vec![
        Claim::printed(
            "flat-vs-sharp A.12",
            format!(
                "With a sparse truth and the other inputs {shift} times as wide, the interpolant of least ‖w‖₂ has a \
                 larger error than that of least ‖w‖₁, whose ‖w‖₂ is larger; by more than 0.1 of the error of \
                 predicting nothing."
            ),
            Rule::Above(0.1),
            more(0, 0, 1),
        ),
        Claim::printed(
            "flat-vs-sharp A.12",
            format!(
                "It also has a larger error there than the end of gradient flow on θ₊² − θ₋² from {SCALE}, by more than \
                 0.1."
            ),
            Rule::Above(0.1),
            more(0, 0, 2),
        ),
        Claim::must_hold(
            "flat-vs-sharp A.12",
            format!(
                "No interpolant is better always: with a dense truth and the same shift of {shift} it is that of least \
                 ‖w‖₁ whose error is larger, by more than 0.05."
            ),
            Rule::Above(0.05),
            more(1, 1, 0),
        ),
    ]
}

fn figure(shifts: &[f64], runs: &[[Errors; 2]]) -> Figure {
    let mut figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Error of three interpolants where some inputs are wider in the test")
    };
    for (truth, title) in ["sparse truth", "dense truth"].into_iter().enumerate() {
        let mut panel = Panel::new(
            Axis::new("standard deviation of the other inputs", "1 in training").log(),
            Axis::new("error", "error of predicting nothing")
                .linear()
                .including(0.0),
        )
        .titled(title);
        for (index, name) in NAMES.iter().enumerate() {
            let at = |place: usize| -> Vec<f64> {
                runs.iter().map(|run| run[truth][index][place]).collect()
            };
            let estimates: Vec<Estimate> = (0..shifts.len())
                .map(|place| Estimate::mean(&at(place)))
                .collect();
            let means = (0..shifts.len()).map(|place| mean(&at(place))).collect();
            let known = |end: f64| if end.is_finite() { end } else { f64::NAN };
            panel = panel.with(
                Line::new(*name, shifts.to_vec(), means)
                    .with_markers()
                    .with_band(
                        estimates
                            .iter()
                            .map(|estimate| known(estimate.low))
                            .collect(),
                        estimates
                            .iter()
                            .map(|estimate| known(estimate.high))
                            .collect(),
                        "95 % interval of the mean",
                    ),
            );
        }
        figure = figure.with(panel);
    }
    figure
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn without_a_shift_a_dense_truth_loses_the_share_of_its_directions() {
        // The part of an isotropic truth outside the row space is 1 − samples/features of it.
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), (0..40).collect(), true, &stop);
        let errors = setup
            .over_seeds(|streams| Ok(run(&setup, streams, false)?[0][2]))
            .unwrap();
        assert!((mean(&errors) - 0.6).abs() < 0.05, "{}", mean(&errors));
    }
}

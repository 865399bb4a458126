//! The largest rise of the loss in a ball around the parameters: the sharpness of sharpness-aware
//! minimisation, plain and adaptive, after one step of ascent and after many.
//!
//! `max L(θ + δ) − L(θ)` over `δ = T u`, `‖u‖_p ≤ ρ`, with `T = I` (Foret et al. 2021, eq. 1 and 2),
//! `T = diag|θ|` (Kwon et al. 2021, "ASAM", definition 1; Andriushchenko et al. 2023, sec. 3) or the
//! variant the authors of ASAM train with, `T = |θ| + η` for weights and 1 for biases. One step goes
//! to the point of the ball that is best to first order; many steps climb on, from there and from
//! random starts, and find a lower bound on the largest rise. Near a minimum the rise is `ρ‖Tg‖ + O(ρ²)`, so the gradient term is a row of its own: curvature is only
//! what is above it.

use super::super::Measurement;
use super::super::registry::{Family, Measure};
use super::super::session::{Failure, Session, Subject};
use super::ball::Ball;
use super::chart::{Chart, Charted};
use super::highest::highest;
use super::landscape::Landscape;
use crate::linear::Spending;
use crate::objective::{Batch, Chunks, Outputs};
use crate::params::Block;
use crate::reparam::MapKind;
use crate::statistics::{mean, stated_error};
use burn::tensor::Tensor;

const FORET: &str = "Foret et al. 2021, eq. 2";
const KWON: &str = "Kwon et al. 2021, sec. 3";
const ANDRIUSHCHENKO: &str = "Andriushchenko et al. 2023, sec. 3";

pub(in super::super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "sharpness.sam",
            "rise of the training loss after one step of length 0.05 along the gradient",
        )
        .from(FORET)
        .full(),
        Measure::new(
            "sharpness.sam.gradient_term",
            "0.05 times the norm of the gradient: the part of sharpness.sam that is no curvature",
        )
        .from(FORET)
        .full(),
        Measure::new(
            "sharpness.sam.multi",
            "largest rise within the distance 0.05 that ascents from 8 to 24 starts find: a lower bound",
        )
        .from("Foret et al. 2021, eq. 1")
        .full(),
        Measure::new(
            "sharpness.sam.linf",
            "rise when every parameter moves by 0.001 along the sign of its slope",
        )
        .from("Foret et al. 2021, eq. 2, p = infinity")
        .invariant(&[MapKind::Permutation]),
        Measure::new(
            "sharpness.sam.linf.gradient_term",
            "0.001 times the sum of the gradient's absolute values",
        )
        .from("Foret et al. 2021, eq. 2, p = infinity")
        .invariant(&[MapKind::Permutation]),
        Measure::new(
            "sharpness.sam.linf.multi",
            "largest rise that such ascents find when no parameter moves by more than 0.001: a lower bound",
        )
        .from("Foret et al. 2021, eq. 1, p = infinity")
        .invariant(&[MapKind::Permutation]),
        Measure::new(
            "sharpness.sam.m128",
            "mean of sharpness.sam over batches of 128 samples, each with its own gradient",
        )
        .from("Foret et al. 2021, sec. 4.1")
        .full(),
        Measure::new(
            "sharpness.asam",
            "rise after one adaptive step: |relative changes| of all parameters of norm 0.5",
        )
        .from(KWON)
        .invariant(MapKind::ELEMENTWISE)
        .full(),
        Measure::new(
            "sharpness.asam.gradient_term",
            "0.5 times the norm of |parameters| times the gradient, element by element",
        )
        .from(KWON)
        .invariant(MapKind::ELEMENTWISE),
        Measure::new(
            "sharpness.asam.multi",
            "largest rise that such ascents find within the ellipsoid of sharpness.asam: a lower bound",
        )
        .from("Kwon et al. 2021, definition 1")
        .invariant(MapKind::ELEMENTWISE),
        Measure::new(
            "sharpness.asam.eta",
            "sharpness.asam as its authors train: scales |weight| + 0.01, and 1 for biases",
        )
        .from("Kwon et al. 2021, experiments")
        .invariant(&[MapKind::Permutation]),
        Measure::new(
            "sharpness.asam.linf",
            "rise when every parameter moves by 0.2 % along the sign of its slope",
        )
        .from(ANDRIUSHCHENKO)
        .invariant(MapKind::ELEMENTWISE),
        Measure::new(
            "sharpness.asam.linf.multi",
            "largest rise that such ascents find when no parameter moves by more than 0.2 %: a lower bound",
        )
        .from(ANDRIUSHCHENKO)
        .invariant(MapKind::ELEMENTWISE),
        Measure::new(
            "sharpness.asam.normalised_logits",
            "sharpness.asam of the loss on outputs centred and divided by their norm",
        )
        .from(ANDRIUSHCHENKO)
        .invariant(MapKind::ELEMENTWISE),
        Measure::new(
            "sharpness.asam.linf.normalised_logits",
            "sharpness.asam.linf of the loss on outputs centred and divided by their norm",
        )
        .from(ANDRIUSHCHENKO)
        .invariant(MapKind::ELEMENTWISE),
    ],
    measure: |session, name| match name {
        "sharpness.sam.m128" => over_batches(session, name),
        _ if name.ends_with(".gradient_term") => gradient_term(session, name),
        _ if name.ends_with(".multi") => many_steps(session, name),
        _ => one_step(session, name),
    },
};

/// The samples of a batch of `sharpness.sam.m128`.
const BATCH: usize = 128;

/// What ASAM's authors add to the size of a weight.
const ETA: f64 = 0.01;

/// The ball of a measure, in its own coordinates.
struct Problem {
    ball: Ball,
    scale: Scale,
    radius: f64,
    outputs: Outputs,
}

/// How far a parameter moves, relative to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// Each alike.
    One,
    /// In proportion to its size.
    Size,
    /// Weights in proportion to their size plus a constant, biases alike.
    ShiftedSize,
}

impl Problem {
    /// The problem a measure's name stands for.
    fn of(name: &str) -> Self {
        let is_adaptive = name.starts_with("sharpness.asam");
        let ball = match name.contains(".linf") {
            true => Ball::Cube,
            false => Ball::Euclidean,
        };
        Self {
            ball,
            scale: match (is_adaptive, name.ends_with(".eta")) {
                (false, _) => Scale::One,
                (true, false) => Scale::Size,
                (true, true) => Scale::ShiftedSize,
            },
            // Foret et al. and Kwon et al. train with these; for p = infinity they are in the middle
            // of the radii Andriushchenko et al. measure with.
            radius: match (ball, is_adaptive) {
                (Ball::Euclidean, false) => 0.05,
                (Ball::Euclidean, true) => 0.5,
                (Ball::Cube, false) => 0.001,
                (Ball::Cube, true) => 0.002,
            },
            outputs: match name.ends_with(".normalised_logits") {
                true => Outputs::Normalised,
                false => Outputs::Raw,
            },
        }
    }

    /// The chart in which the ball has radius 1.
    fn chart(&self, landscape: &Landscape<'_>, blocks: &[Block]) -> Chart {
        let sizes = || landscape.centre().iter().map(|x| self.radius * x.abs());
        match self.scale {
            Scale::One => Chart::Uniform(self.radius),
            Scale::Size => Chart::Scaled(sizes().collect()),
            Scale::ShiftedSize => {
                let mut scale: Vec<f64> = sizes().map(|s| s + self.radius * ETA).collect();
                let range = landscape.range();
                for block in blocks.iter().filter(|block| !block.name.contains("weight")) {
                    let place = block.range();
                    let from = place.start.clamp(range.start, range.end) - range.start;
                    let to = place.end.clamp(range.start, range.end) - range.start;
                    scale[from..to].fill(self.radius);
                }
                Chart::Scaled(scale)
            }
        }
    }
}

/// The landscape a measure is about, and the chart of its ball.
pub(super) fn ground<'a>(
    subject: &Subject<'a>,
    batches: &'a [Batch],
    name: &str,
) -> Result<(Landscape<'a>, Chart, Ball), Failure> {
    let problem = Problem::of(name);
    let landscape = Landscape::over(subject, batches, problem.outputs)?;
    let chart = problem.chart(&landscape, subject.parameters.layout().blocks());
    Ok((landscape, chart, problem.ball))
}

/// What measures of one step share: the ground, and the slopes at the centre of the ball.
struct Setting<'a> {
    landscape: Landscape<'a>,
    chart: Chart,
    ball: Ball,
    slopes: Vec<f64>,
    spending: Spending<'a>,
}

impl<'a> Setting<'a> {
    fn of(subject: &Subject<'a>, batches: &'a [Batch], name: &str) -> Result<Self, Failure> {
        let (landscape, chart, ball) = ground(subject, batches, name)?;
        let mut spending = Spending::new(subject.budget, subject.interrupt);
        let slopes = chart.pull_back(&landscape.gradient(&mut spending)?);
        Ok(Self {
            landscape,
            chart,
            ball,
            slopes,
            spending,
        })
    }

    /// The rise of the loss after one step.
    fn rise(&mut self) -> Result<f64, Failure> {
        let step = self.chart.displacement(&self.ball.farthest(&self.slopes));
        let change = self.landscape.change(&step, &mut self.spending)?;
        self.landscape.resolved(change)
    }

    fn row(&self, name: &str, value: f64) -> Measurement {
        Measurement {
            matvecs: Some(self.spending.matvecs),
            ..Measurement::new(name, value).over(self.landscape.samples())
        }
    }
}

fn one_step(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let mut setting = Setting::of(&subject, subject.train.batches(), name)?;
    let rise = setting.rise()?;
    Ok(setting.row(name, rise))
}

fn gradient_term(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let setting = Setting::of(&subject, subject.train.batches(), name)?;
    Ok(setting.row(name, setting.ball.reach(&setting.slopes)))
}

fn many_steps(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let (landscape, chart, ball) = ground(&subject, subject.train.batches(), name)?;
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let mut rng = subject.streams.stream(name, subject.step);
    let mut hill = Charted {
        landscape: &landscape,
        chart: &chart,
        spending: &mut spending,
        rng: &mut rng,
    };
    let found = highest(&mut hill, ball, landscape.dimension())?;
    let value = landscape.resolved(found.best.value)?;
    let row = found.row(name, value, spending.matvecs);
    Ok(row.over(landscape.samples()))
}

/// The mean over batches of consecutive samples, with the standard error of a mean over them. What
/// is left at the end is no batch of this size, and is not used unless it is all there is.
fn over_batches(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let (mut rises, mut passes, mut samples) = (Vec::new(), 0, 0);
    for batch in batches_of(subject.train, BATCH) {
        let batch = [batch];
        let mut setting = Setting::of(&subject, &batch, name)?;
        rises.push(setting.rise()?);
        passes += setting.spending.matvecs;
        samples += setting.landscape.samples();
    }
    Ok(Measurement {
        matvecs: Some(passes),
        ..Measurement::new(name, mean(&rises))
            .with_stderr(stated_error(&rises))
            .over(samples)
    })
}

/// The samples in batches of one size.
fn batches_of(data: &Chunks, size: usize) -> Vec<Batch> {
    let all = |pick: fn(&Batch) -> &Tensor<2>| {
        Tensor::cat(data.batches().iter().map(|b| pick(b).clone()).collect(), 0)
    };
    if data.batches().is_empty() {
        return Vec::new();
    }
    let whole = Batch {
        inputs: all(|batch| &batch.inputs),
        targets: all(|batch| &batch.targets),
    };
    let samples = data.samples();
    let size = size.min(samples);
    (0..samples / size)
        .map(|number| whole.part(number * size, size))
        .collect()
}

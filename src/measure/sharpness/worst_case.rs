//! The largest rise of the loss in a ball around the parameters: the sharpness of sharpness-aware
//! minimisation, plain and adaptive, after one step of ascent and after many.
//!
//! `max L(θ + δ) − L(θ)` over `δ = T u`, `‖u‖_p ≤ ρ`, with `T = I` (Foret et al. 2021, eq. 1 and 2),
//! `T = diag|θ|` (Kwon et al. 2021, "ASAM", definition 1; Andriushchenko et al. 2023, sec. 3) or the
//! variant the authors of ASAM train with, `T = |θ| + η` for weights and 1 for biases. One step goes
//! to the point of the ball that is best to first order; many steps climb on, from there and from
//! random starts, and find a lower bound on the largest rise. Near a minimum the rise is `ρ‖Tg‖ + O(ρ²)`, so the gradient term is a row of its own: curvature is only
//! what is above it.

use super::ball::Ball;
use super::chart::{Chart, Charted};
use super::highest::highest;
use super::landscape::Landscape;
use crate::linear::Spending;
use crate::measure::declaration::{Family, Measure, RoundingLaw, Take};
use crate::measure::failure::Failure;
use crate::measure::measurement::{Error, Measurement};
use crate::measure::session::Session;
use crate::measure::subject::Subject;
use crate::objective::{Batch, Chunks, Outputs};
use crate::params::Block;
use crate::reparam::MapKind;
use crate::statistics::{mean, stated_error};
use burn::tensor::Tensor;

const FORET: &str = "Foret et al. 2021, eq. 2";
const KWON: &str = "Kwon et al. 2021, sec. 3";
const ANDRIUSHCHENKO: &str = "Andriushchenko et al. 2023, sec. 3";

pub(in crate::measure) const FAMILY: Family = &[
    rise(
        "sharpness.sam",
        "rise of the training loss after one step of length 0.05 along the gradient",
        |session, name| one_step(session, name, SAM),
    )
    .from(FORET)
    .full(),
    gradient(
        "sharpness.sam.gradient_term",
        "0.05 times the norm of the gradient: the part of sharpness.sam that is no curvature",
        |session, name| gradient_term(session, name, SAM),
    )
    .from(FORET)
    .full(),
    rise(
        "sharpness.sam.multi",
        "largest rise within the distance 0.05 that ascents from 8 to 24 starts find: a lower bound",
        |session, name| many_steps(session, name, SAM),
    )
    .from("Foret et al. 2021, eq. 1")
    .full(),
    rise(
        "sharpness.sam.linf",
        "rise when every parameter moves by 0.001 along the sign of its slope",
        |session, name| one_step(session, name, SAM_LINF),
    )
    .from("Foret et al. 2021, eq. 2, p = infinity")
    .invariant(&[MapKind::Permutation]),
    gradient(
        "sharpness.sam.linf.gradient_term",
        "0.001 times the sum of the gradient's absolute values",
        |session, name| gradient_term(session, name, SAM_LINF),
    )
    .from("Foret et al. 2021, eq. 2, p = infinity")
    .invariant(&[MapKind::Permutation]),
    rise(
        "sharpness.sam.linf.multi",
        "largest rise that such ascents find when no parameter moves by more than 0.001: a lower bound",
        |session, name| many_steps(session, name, SAM_LINF),
    )
    .from("Foret et al. 2021, eq. 1, p = infinity")
    .invariant(&[MapKind::Permutation]),
    rise(
        "sharpness.sam.m128",
        "mean of sharpness.sam over batches of 128 samples, each with its own gradient",
        |session, name| over_batches(session, name, SAM, BATCH),
    )
    .from("Foret et al. 2021, sec. 4.1")
    .full(),
    rise(
        "sharpness.asam",
        "rise after one adaptive step: |relative changes| of all parameters of norm 0.5",
        |session, name| one_step(session, name, ASAM),
    )
    .from(KWON)
    .invariant(MapKind::ELEMENTWISE)
    .full(),
    gradient(
        "sharpness.asam.gradient_term",
        "0.5 times the norm of |parameters| times the gradient, element by element",
        |session, name| gradient_term(session, name, ASAM),
    )
    .from(KWON)
    .invariant(MapKind::ELEMENTWISE),
    rise(
        "sharpness.asam.multi",
        "largest rise that such ascents find within the ellipsoid of sharpness.asam: a lower bound",
        |session, name| many_steps(session, name, ASAM),
    )
    .from("Kwon et al. 2021, definition 1")
    .invariant(MapKind::ELEMENTWISE),
    rise(
        "sharpness.asam.eta",
        "sharpness.asam as its authors train: scales |weight| + 0.01, and 1 for biases",
        |session, name| one_step(session, name, ASAM_ETA),
    )
    .from("Kwon et al. 2021, experiments")
    .invariant(&[MapKind::Permutation]),
    rise(
        "sharpness.asam.linf",
        "rise when every parameter moves by 0.2 % along the sign of its slope",
        |session, name| one_step(session, name, ASAM_LINF),
    )
    .from(ANDRIUSHCHENKO)
    .invariant(MapKind::ELEMENTWISE),
    rise(
        "sharpness.asam.linf.multi",
        "largest rise that such ascents find when no parameter moves by more than 0.2 %: a lower bound",
        |session, name| many_steps(session, name, ASAM_LINF),
    )
    .from(ANDRIUSHCHENKO)
    .invariant(MapKind::ELEMENTWISE),
    rise(
        "sharpness.asam.normalised_logits",
        "sharpness.asam of the loss on outputs centred and divided by their norm",
        |session, name| one_step(session, name, ASAM_NORMALISED),
    )
    .from(ANDRIUSHCHENKO)
    .invariant(MapKind::ELEMENTWISE)
    .rounded(OF_NORMALISED),
    rise(
        "sharpness.asam.linf.normalised_logits",
        "sharpness.asam.linf of the loss on outputs centred and divided by their norm",
        |session, name| one_step(session, name, ASAM_LINF_NORMALISED),
    )
    .from(ANDRIUSHCHENKO)
    .invariant(MapKind::ELEMENTWISE)
    .rounded(OF_NORMALISED),
];

const OF_NORMALISED: RoundingLaw = RoundingLaw::Rise {
    is_percent: false,
    is_normalised: true,
};

const fn rise(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .of_flatness()
        .of_block()
        .rounded(RoundingLaw::Rise {
            is_percent: false,
            is_normalised: false,
        })
}

const fn gradient(name: &'static str, description: &'static str, take: Take) -> Measure {
    rise(name, description, take).rounded(RoundingLaw::GradientTerm)
}

/// The samples of a batch of `sharpness.sam.m128`.
const BATCH: usize = 128;

/// What ASAM's authors add to the size of a weight.
const ETA: f64 = 0.01;

/// The ball of a measure, in its own coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbourhood {
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

// Foret et al. and Kwon et al. train with the radii of the Euclidean balls; for p = infinity they are in the
// middle of the radii Andriushchenko et al. measure with.

pub(super) const SAM: Neighbourhood = Neighbourhood {
    ball: Ball::Euclidean,
    scale: Scale::One,
    radius: 0.05,
    outputs: Outputs::Raw,
};

pub(super) const SAM_LINF: Neighbourhood = Neighbourhood {
    ball: Ball::Cube,
    radius: 0.001,
    ..SAM
};

pub(super) const ASAM: Neighbourhood = Neighbourhood {
    scale: Scale::Size,
    radius: 0.5,
    ..SAM
};

const ASAM_ETA: Neighbourhood = Neighbourhood {
    scale: Scale::ShiftedSize,
    ..ASAM
};

pub(super) const ASAM_LINF: Neighbourhood = Neighbourhood {
    ball: Ball::Cube,
    radius: 0.002,
    ..ASAM
};

const ASAM_NORMALISED: Neighbourhood = Neighbourhood {
    outputs: Outputs::Normalised,
    ..ASAM
};

const ASAM_LINF_NORMALISED: Neighbourhood = Neighbourhood {
    outputs: Outputs::Normalised,
    ..ASAM_LINF
};

impl Neighbourhood {
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
    neighbourhood: Neighbourhood,
) -> Result<(Landscape<'a>, Chart, Ball), Failure> {
    let landscape = Landscape::over(subject, batches, neighbourhood.outputs)?;
    let chart = neighbourhood.chart(&landscape, subject.parameters.layout().blocks());
    Ok((landscape, chart, neighbourhood.ball))
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
    fn of(
        subject: &Subject<'a>,
        batches: &'a [Batch],
        neighbourhood: Neighbourhood,
    ) -> Result<Self, Failure> {
        let (landscape, chart, ball) = ground(subject, batches, neighbourhood)?;
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
        Measurement::exact(name, value)
            .over(self.landscape.samples())
            .taking(self.spending.matvecs)
    }
}

fn one_step(
    session: &mut Session<'_>,
    name: &str,
    neighbourhood: Neighbourhood,
) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let mut setting = Setting::of(&subject, subject.train.batches(), neighbourhood)?;
    let rise = setting.rise()?;
    Ok(setting.row(name, rise))
}

fn gradient_term(
    session: &mut Session<'_>,
    name: &str,
    neighbourhood: Neighbourhood,
) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let setting = Setting::of(&subject, subject.train.batches(), neighbourhood)?;
    Ok(setting.row(name, setting.ball.reach(&setting.slopes)))
}

fn many_steps(
    session: &mut Session<'_>,
    name: &str,
    neighbourhood: Neighbourhood,
) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let (landscape, chart, ball) = ground(&subject, subject.train.batches(), neighbourhood)?;
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let mut rng = subject.stream(name);
    let mut maximand = Charted {
        landscape: &landscape,
        chart: &chart,
        spending: &mut spending,
        rng: &mut rng,
    };
    let found = highest(&mut maximand, ball, landscape.dimension())?;
    let value = landscape.resolved(found.best.value)?;
    let row = found.row(name, value, spending.matvecs);
    Ok(row.over(landscape.samples()))
}

/// The mean over batches of consecutive samples, with the standard error of a mean over them. What
/// is left at the end is no batch of this size, and is not used unless it is all there is.
fn over_batches(
    session: &mut Session<'_>,
    name: &str,
    neighbourhood: Neighbourhood,
    size: usize,
) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let (mut rises, mut passes, mut samples) = (Vec::new(), 0, 0);
    for batch in batches_of(subject.train, size) {
        let batch = [batch];
        let mut setting = Setting::of(&subject, &batch, neighbourhood)?;
        rises.push(setting.rise()?);
        passes += setting.spending.matvecs;
        samples += setting.landscape.samples();
    }
    let row = Measurement::new(name, mean(&rises))
        .over(samples)
        .taking(passes);
    Ok(match rises.len() {
        1 => row.with_error(Error::Unknown(format!(
            "there is one batch of {size} samples, and no spread over batches"
        ))),
        _ => row.with_stderr(stated_error(&rises)),
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

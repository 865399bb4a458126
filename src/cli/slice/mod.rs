//! `lab slice`.

mod asked;
mod interpolation;
mod trajectory;

use self::asked::{kinds, place, ranges};
use super::interrupt::AtOnce;
use super::output::{print, unwritten};
use super::solution::{Solution, SolutionArgs};
use super::{CommandError, ExitCode, Format, device};
use crate::figure::Theme;
use crate::files::Together;
use crate::linear::{Interrupt, LinearError};
use crate::measure::Failure;
use crate::model::NormMode;
use crate::objective::{Chunks, Loss};
use crate::plot::PlotError;
use crate::random::Streams;
use crate::report::{Finding, Report, counted};
use crate::slice::{
    Axis, Direction, Kind, Point, Quadratic, Series, Slice, Statistics, Stop, Surface, Taken,
    cosine, grid, places, random,
};
use clap::Args;
use std::path::{Path, PathBuf};

/// Look at the loss along lines and planes through a solution, or from one solution to another.
///
/// With two runs the line between them is taken, as they are and after the units of the second have been put in the order
/// of the first's (weight matching), each with its barrier. The grid is written as CSV, all that is known of it as JSON, and
/// a figure as SVG and PNG, into the folder `slices` of the run.
#[derive(Args, Debug)]
pub struct SliceArgs {
    #[command(flatten)]
    solution: SolutionArgs,
    /// Another run, of the same model: the line from the first to it
    #[arg(value_name = "RUN2", requires = "run")]
    second: Option<PathBuf>,
    /// random, eigenvector, gradient, trajectory, or two of them separated by a comma, for a plane
    /// [default: random]
    #[arg(long, value_name = "LIST")]
    directions: Option<String>,
    /// A line (1) or a plane (2) [default: as many as directions are named]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=2))]
    dimensions: Option<u64>,
    /// Places along each direction [default: 51; 61 from one solution to another]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=10_000))]
    points: Option<u64>,
    /// From where to where, along the second direction too unless that has its own
    /// [default: -1,1; -1,2 from one solution to another; along a trajectory what holds it]
    #[arg(long, value_name = "LOW,HIGH[,LOW,HIGH]", allow_hyphen_values = true)]
    range: Option<String>,
    /// The seed of random directions, probes and orders [default: the config's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Of which samples
    #[arg(long, value_name = "PART", default_value = "train", value_parser = ["train", "test"])]
    on: String,
    /// Estimate the running statistics of normalisation layers anew at each place, over the training samples
    #[arg(long)]
    re_estimate: bool,
    /// What the files are called [default: after the directions]
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    name: Option<String>,
    /// Write PLACE.csv, PLACE.json, PLACE.svg and PLACE.png instead of slices/NAME in the run
    #[arg(long, value_name = "PLACE")]
    out: Option<PathBuf>,
    /// How to print what was found
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// The most places of a slice: a plane of 1,000 by 1,000.
const MOST_PLACES: usize = 1_000_000;

/// The part of a trajectory's extent that is left free on each side.
const MARGIN: f64 = 0.2;

/// Runs the command.
pub fn run(args: &SliceArgs) -> Result<ExitCode, CommandError> {
    let kinds = kinds(args)?;
    let place = place(args, &kinds)?;
    let finding = Finding::new(1, args.solution.quiet);
    let at_once = AtOnce::after(|| eprintln!("interrupted: no slice is written"));
    let result = slice(args, &kinds, &finding);
    drop(at_once);
    finding.close();
    let slice = result?;
    write(&slice, &place)?;
    print(&args.format.text(&slice)?)?;
    Ok(ExitCode::Success)
}

/// A slice under way.
struct Taking<'a> {
    args: &'a SliceArgs,
    kinds: &'a [Kind],
    solution: &'a Solution,
    finding: &'a Finding,
    centre: Vec<f64>,
    streams: Streams,
    /// Batches to estimate running statistics over.
    batches: Option<Chunks>,
    notes: Vec<String>,
}

fn slice(args: &SliceArgs, kinds: &[Kind], finding: &Finding) -> Result<Slice, CommandError> {
    finding.begins("reading data and weights");
    let solution = args.solution.open(finding)?;
    let second = args
        .second
        .as_deref()
        .map(|path| args.solution.second(path, &solution));
    let second = second.transpose()?;
    let device = device::announcement_of_first_use(solution.problem.compute());
    device.iter().for_each(|device| finding.say(device));
    let network = solution.objective.network();
    let has_statistics =
        network.has_statistics() && solution.objective.conditions().norm_mode == NormMode::Eval;
    if args.re_estimate && !has_statistics {
        return Err(CommandError::Input(
            "--re-estimate: there are no running statistics to estimate: the network has none, or --norm-mode batch does \
             without"
                .to_owned(),
        ));
    }
    if args.on == "test" && args.solution.has_samples() {
        return Err(CommandError::Input(
            "--samples: counts training samples, and --on test looks at test samples".to_owned(),
        ));
    }
    let seed = args.seed.unwrap_or(solution.problem.config.seed);
    let mut taking = Taking {
        args,
        kinds,
        finding,
        centre: solution.parameters.to_host().map_err(CommandError::Other)?,
        streams: Streams::new(seed),
        batches: args
            .re_estimate
            .then(|| solution.problem.train_chunks(None, NormMode::Batch)),
        notes: Vec::new(),
        solution: &solution,
    };
    let mut slice = match &second {
        Some(second) => taking.interpolation(second)?,
        None => taking.about()?,
    };
    slice.notes = taking.notes;
    Ok(slice)
}

fn failed(failure: Failure) -> CommandError {
    CommandError::Other(failure.reason)
}

fn not_found(error: LinearError) -> CommandError {
    match error {
        LinearError::Refused(reason) => CommandError::Input(reason),
        error => CommandError::Other(error.to_string()),
    }
}

impl Taking<'_> {
    fn data(&self) -> &Chunks {
        let subject = self.solution.subject();
        match (self.args.on.as_str(), subject.test) {
            ("test", Some(test)) => test,
            _ => subject.train,
        }
    }

    fn statistics(&self) -> Statistics<'_> {
        self.batches
            .as_ref()
            .map_or(Statistics::Fixed, Statistics::Anew)
    }

    fn surface<'s>(&'s self, directions: &'s [&'s [f64]]) -> Surface<'s> {
        Surface {
            objective: &self.solution.objective,
            centre: &self.centre,
            directions,
            data: self.data(),
            statistics: self.statistics(),
        }
    }

    /// Where derivatives are taken: over the samples that are looked at.
    fn point(&self) -> Point<'_> {
        Point {
            objective: &self.solution.objective,
            parameters: &self.solution.parameters,
            data: self.data(),
            interrupt: Interrupt::never(),
        }
    }

    /// The slice about a solution.
    fn about(&mut self) -> Result<Slice, CommandError> {
        let (directions, stops) = self.directions()?;
        let ranges = self.ranges(&stops)?;
        let axes = self.axes(&directions, &ranges)?;
        let vectors: Vec<&[f64]> = directions
            .iter()
            .map(|direction| direction.vector.as_slice())
            .collect();
        let surface = self.surface(&vectors);
        let places = grid(&axes);
        let values = self.values(&surface, &places)?;
        let centre = surface.at(&vec![0.0; axes.len()]).map_err(failed)?;
        let quadratic = self.quadratic(centre.mean_loss(), &directions)?;
        let cosine = cosine(&directions);
        self.note_directions(&directions, cosine);
        let series = Series {
            label: String::new(),
            values,
            barrier: None,
        };
        self.note_gaps(std::slice::from_ref(&series));
        Ok(Slice {
            taken: self.taken(None, self.normalisation()),
            axes,
            cosine,
            quadratic,
            way: stops,
            notes: Vec::new(),
            series: vec![series],
        })
    }

    fn values(
        &self,
        surface: &Surface<'_>,
        places: &[Vec<f64>],
    ) -> Result<Vec<crate::slice::Value>, CommandError> {
        let total = places.len();
        self.finding.begins(&format!("loss at {total} places"));
        let mut watch = |done: usize| {
            self.finding
                .begins(&format!("loss at {done} of {total} places"))
        };
        surface.over(places, &mut watch).map_err(failed)
    }

    /// The directions, and the way of training where it makes them.
    fn directions(&mut self) -> Result<(Vec<Direction>, Vec<Stop>), CommandError> {
        let count = |kind: Kind| self.kinds.iter().filter(|other| **other == kind).count();
        let mut found: Vec<Direction> = Vec::new();
        let eigenvectors = count(Kind::Eigenvector);
        if eigenvectors > 0 {
            self.finding.begins("eigenvectors");
            found.extend(
                self.point()
                    .eigenvectors(eigenvectors, self.streams)
                    .map_err(not_found)?,
            );
        }
        if count(Kind::Gradient) > 0 {
            self.finding.begins("gradient");
            found.push(self.point().gradient().map_err(not_found)?);
        }
        for number in 1..=count(Kind::Random) {
            let layout = self.solution.parameters.layout();
            found.push(random(layout, &self.centre, self.streams, number));
        }
        let trajectory = count(Kind::Trajectory);
        let mut way = None;
        if trajectory > 0 {
            let (principal, of_way) = self.trajectory(trajectory)?;
            found.extend(principal);
            way = Some(of_way);
        }
        // In the order in which they were named.
        let directions: Vec<Direction> = self
            .kinds
            .iter()
            .filter_map(|kind| {
                let place = found.iter().position(|direction| direction.kind == *kind)?;
                Some(found.remove(place))
            })
            .collect();
        let stops = match way {
            Some(way) => self.stops(&way, &directions)?,
            None => Vec::new(),
        };
        Ok((directions, stops))
    }

    fn axes(
        &self,
        directions: &[Direction],
        ranges: &[[f64; 2]],
    ) -> Result<Vec<Axis>, CommandError> {
        let standard = if self.args.second.is_some() { 61 } else { 51 };
        let points = self.args.points.map_or(standard, |points| points as usize);
        let total = points.saturating_pow(directions.len() as u32);
        if total > MOST_PLACES {
            return Err(CommandError::Input(format!(
                "--points {points}: makes {total} places, more than {MOST_PLACES}"
            )));
        }
        let pairs = directions.iter().zip(ranges);
        Ok(pairs
            .map(|(direction, range)| Axis::new(direction, places(*range, points)))
            .collect())
    }

    /// From where to where each direction is followed.
    fn ranges(&self, stops: &[Stop]) -> Result<Vec<[f64; 2]>, CommandError> {
        if let Some(text) = &self.args.range {
            return ranges(text, self.kinds.len());
        }
        let of = |(index, kind): (usize, &Kind)| match kind {
            Kind::Interpolation => [-1.0, 2.0],
            Kind::Trajectory => {
                let along = stops.iter().map(|stop| stop.coordinates[index]);
                let (low, high) = along.fold((0.0f64, 0.0f64), |(low, high), place| {
                    (low.min(place), high.max(place))
                });
                let margin = MARGIN * (high - low);
                [low - margin, high + margin]
            }
            Kind::Random | Kind::Eigenvector | Kind::Gradient => [-1.0, 1.0],
        };
        Ok(self.kinds.iter().enumerate().map(of).collect())
    }

    fn quadratic(
        &mut self,
        loss: f64,
        directions: &[Direction],
    ) -> Result<Option<Quadratic>, CommandError> {
        if self.args.re_estimate {
            self.notes.push(
                "There is no quadratic model: derivatives are taken at fixed running statistics, not where these follow the \
                 parameters."
                    .to_owned(),
            );
            return Ok(None);
        }
        self.finding.begins("slopes and curvatures");
        let quadratic = self
            .point()
            .quadratic(loss, directions)
            .map_err(not_found)?;
        for (direction, eigenvalue) in directions.iter().zip(&quadratic.eigenvalues) {
            let Some(found) = eigenvalue else { continue };
            let converged = if found.converged {
                ""
            } else {
                ", which has not converged"
            };
            self.notes.push(format!(
                "Eigenvalue {} is {} with a residual of {}{converged}; {} products.",
                direction.number,
                crate::table::significant(found.value),
                crate::table::two_digits(found.residual),
                found.matvecs
            ));
        }
        Ok(Some(quadratic))
    }

    fn note_directions(&mut self, directions: &[Direction], cosine: Option<f64>) {
        let mut said: Vec<Kind> = Vec::new();
        for direction in directions {
            if said.contains(&direction.kind) {
                continue;
            }
            said.push(direction.kind);
            self.notes.push(match direction.kind {
                Kind::Random => format!("Random directions (seed {}) are filter-normalised: each row of a weight is as long as \
                     the solution's; biases and the weights of normalisation layers do not move. Rescaled layers leave such \
                     slices as they are.", self.args.seed.unwrap_or(self.solution.problem.config.seed)),
                kind => format!("{} directions have norm 1: a map that rescales layers and leaves the function alone changes \
                     such slices.", match kind {
                    Kind::Eigenvector => "Eigenvector",
                    Kind::Gradient => "Gradient",
                    _ => "Principal",
                }),
            });
        }
        if let Some(cosine) = cosine.filter(|cosine| cosine.abs() > 0.01) {
            self.notes.push(format!(
                "The directions are not at right angles: their cosine is {}.",
                crate::table::two_digits(cosine)
            ));
        }
        if !self.kinds.contains(&Kind::Trajectory) {
            return;
        }
        self.notes.push(
            "Points of training are projected; the loss of the plane beneath them is not theirs."
                .to_owned(),
        );
    }

    fn note_gaps(&mut self, series: &[Series]) {
        let values = series.iter().flat_map(|series| &series.values);
        let failures: Vec<&String> = values.filter_map(|value| value.failure.as_ref()).collect();
        if let Some(first) = failures.first() {
            self.notes.push(format!(
                "{} places have no loss, such as where {first}.",
                failures.len()
            ));
        }
    }

    /// By which statistics layers normalise.
    fn normalisation(&self) -> Option<String> {
        let mode = self.solution.objective.norm_mode()?;
        Some(match (mode, self.args.re_estimate) {
            (NormMode::Batch, _) => "normalised by each batch's statistics".to_owned(),
            (NormMode::Eval, true) => {
                "running statistics estimated anew at each place over the training samples"
                    .to_owned()
            }
            (NormMode::Eval, false) => "running statistics of the solution".to_owned(),
        })
    }

    fn taken(&self, second: Option<String>, normalisation: Option<String>) -> Taken {
        let config = &self.solution.problem.config;
        let unit = match config.train.loss {
            Loss::CrossEntropy | Loss::Logistic => "nats",
            Loss::Square => "half squared distance",
            Loss::Exponential => "mean exponential",
        };
        Taken {
            run: config.name.clone(),
            seed: config.seed,
            step: self.solution.step,
            second,
            part: if self.args.on == "test" {
                "test"
            } else {
                "training"
            },
            samples: self.data().samples(),
            unit,
            normalisation,
            dtype: config.precision,
            direction_seed: self.args.seed.unwrap_or(config.seed),
        }
    }
}

/// Writes the files of a slice, each whole.
fn write(slice: &Slice, place: &Path) -> Result<(), CommandError> {
    let figure = slice.figure();
    let id = place
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let svg = figure.svg(&id).map_err(PlotError::from)?;
    let png = figure.png(Theme::Light).map_err(PlotError::from)?;
    let json = slice
        .json()
        .map_err(|error| CommandError::Other(error.to_string()))?;
    let csv = crate::table::Renderer::table(&crate::table::Csv, &slice.records());
    let mut together = Together::default();
    if let Some(folder) = place.parent().filter(|folder| folder.ends_with("slices")) {
        let made = together.folder(folder);
        made.map_err(|error| unwritten(&folder.display().to_string(), &error))?;
    }
    let files: [(&str, Vec<u8>); 4] = [
        ("csv", (csv + "\n").into_bytes()),
        ("json", (json + "\n").into_bytes()),
        ("svg", svg.into_bytes()),
        ("png", png),
    ];
    for (ending, bytes) in files {
        let mut path = place.as_os_str().to_owned();
        path.push(format!(".{ending}"));
        let path = PathBuf::from(path);
        let written = together.write(&path, &bytes);
        written.map_err(|error| unwritten(&path.display().to_string(), &error))?;
    }
    together.keep();
    eprintln!("written to {}.csv, .json, .svg and .png", place.display());
    Ok(())
}

//! Figures of finished runs, from their rows: which panels a figure has, what is drawn over several seeds, and the
//! line up to which steps are stable.
//!
//! Runs that are samples of one thing make one line, their mean, with a band; others have lines of their own.

mod course;
mod density;
mod error;
mod group;
mod invariance;
mod panels;
mod quantity;
mod ratios;
mod series;
mod spectrum;
mod threshold;

pub use course::{courses, latest, spectra};
pub use density::density_figure;
pub use error::PlotError;
pub use invariance::{MOST, invariance};
pub use ratios::ratios;

use crate::compare::{FinishedRun, LeftOut};
use crate::figure::{Figure, Width};
use crate::run::Row;
use group::{Group, groups};

words! {
    /// What a figure of runs shows.
    What {
        /// Losses, accuracies and the largest eigenvalue while they trained.
        #[default]
        Curves = "curves",
        /// The largest eigenvalues of the Hessian at the end, by rank.
        Spectrum = "spectrum",
        /// Margins while they trained, and those of each class at the end.
        Margins = "margins",
        /// Eigenvalues while they trained, with the line up to which steps are stable.
        Eigenvalues = "eigenvalues",
    }
}

words! {
    /// What training is counted in.
    Along {
        /// Passes over the training samples.
        #[default]
        Epochs = "epochs",
        /// Updates.
        Steps = "steps",
    }
}

words! {
    /// What a band over seeds spans.
    Span {
        /// From the smallest to the largest value.
        #[default]
        Range = "range",
        /// One standard deviation to both sides of the mean.
        Deviation = "sd",
    }
}

/// A finished run with all its rows.
#[derive(Clone, Debug)]
pub struct PlottedRun {
    /// The run.
    pub run: FinishedRun,
    /// Its rows, oldest first.
    pub rows: Vec<Row>,
}

/// A figure that is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request {
    /// What it shows.
    pub what: What,
    /// What training is counted in.
    pub along: Along,
    /// What bands span.
    pub span: Span,
}

/// Runs that are samples of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What tells it from others.
    pub label: String,
    /// The places of its runs, by ascending seed.
    pub members: Vec<usize>,
}

/// What kinds of runs there are, each of which makes a line.
///
/// # Errors
///
/// [`PlotError::TooUnlike`] where there are too many.
pub fn kinds(runs: &[PlottedRun]) -> Result<Vec<Kind>, PlotError> {
    let finished: Vec<FinishedRun> = runs.iter().map(|run| run.run.clone()).collect();
    let (groups, _) = groups(runs, &finished)?;
    let place = |of: &&PlottedRun| runs.iter().position(|run| std::ptr::eq(run, *of));
    let kinds = groups.iter().map(|group| Kind {
        label: group.label.clone(),
        members: group.runs.iter().filter_map(place).collect(),
    });
    Ok(kinds.collect())
}

/// From how many panels on a figure is as wide as a page.
const COLUMN: usize = 4;

/// Draws runs; returns the runs besides that were given twice.
///
/// # Errors
///
/// [`PlotError`] where no run has the rows, or the runs are of too many kinds.
pub fn plot(runs: &[PlottedRun], request: Request) -> Result<(Figure, Vec<LeftOut>), PlotError> {
    let finished: Vec<FinishedRun> = runs.iter().map(|run| run.run.clone()).collect();
    let (groups, left_out) = groups(runs, &finished)?;
    let panels = match request.what {
        What::Spectrum => spectrum::panels(&groups, request.span),
        what => panels::panels(&groups, quantity::of(what), request),
    };
    if panels.is_empty() {
        return Err(PlotError::NoRows(request.what));
    }
    let is_wide = panels.len() > COLUMN;
    let mut figure = Figure {
        columns: if is_wide { 2 } else { 1 },
        width: if is_wide { Width::Page } else { Width::Column },
        shares_x: panels.windows(2).all(|pair| pair[0].x == pair[1].x),
        panels,
        ..Figure::new(format!("{} of {}", title(request.what), named(&groups)))
    };
    figure.description = described(&groups);
    figure.notes = notes(&groups, &figure);
    Ok((figure, left_out))
}

fn title(what: What) -> &'static str {
    match what {
        What::Curves => "Training curves",
        What::Spectrum => "Spectrum at the end",
        What::Margins => "Margins",
        What::Eigenvalues => "Eigenvalues",
    }
}

/// The groups in a few words.
fn named(groups: &[Group<'_>]) -> String {
    match groups {
        [group] => group.label.clone(),
        [one, other] => format!("{} and {}", one.label, other.label),
        _ => format!("{} kinds of runs", groups.len()),
    }
}

fn described(groups: &[Group<'_>]) -> String {
    let groups = groups.iter().map(|group| {
        let seeds: Vec<String> = group
            .runs
            .iter()
            .map(|run| run.run.config.seed.to_string())
            .collect();
        let word = if seeds.len() == 1 { "seed" } else { "seeds" };
        format!("{}, {word} {}", group.label, seeds.join(", "))
    });
    format!("Runs: {}.", groups.collect::<Vec<_>>().join("; "))
}

/// What a reader must know besides what bands and error bars mean.
fn notes(groups: &[Group<'_>], figure: &Figure) -> Vec<String> {
    let mut notes = Vec::new();
    if groups.iter().any(|group| group.runs.len() > 1) {
        notes.push("Lines: means over seeds.".to_owned());
    }
    let marks = || figure.panels.iter().flat_map(|panel| &panel.marks);
    if marks().any(series::is_tail) {
        notes.push("Thin lines: single seeds, where not all have a value.".to_owned());
    }
    notes
}

//! Every number that runs have measured while they trained, in a figure of its own each; and the latest ones of a run
//! that is still training.

use super::group::{Group, groups};
use super::panels::panels;
use super::quantity::{self, Line, Quantity, Unit};
use super::series::{Number, track};
use super::threshold::threshold;
use super::{Along, PlotError, PlottedRun, Request, What, described, notes, spectrum};
use crate::compare::FinishedRun;
use crate::config::Config;
use crate::figure::{Figure, Panel};
use crate::measure::find;
use crate::run::Row;

/// Small multiples of all that runs have measured at more than one step: losses, eigenvalues and margins as in the
/// figures of these, then each measure besides.
///
/// # Errors
///
/// [`PlotError`] where the runs are of too many kinds.
pub fn courses(runs: &[PlottedRun], request: Request) -> Result<Vec<Figure>, PlotError> {
    let finished: Vec<FinishedRun> = runs.iter().map(|run| run.run.clone()).collect();
    let (groups, _) = groups(runs, &finished)?;
    let mut known: Vec<&str> = Vec::new();
    let mut figures = Vec::new();
    for what in [What::Curves, What::Eigenvalues, What::Margins] {
        for quantity in quantity::of(what) {
            let measures = quantity.measures.iter().map(|(measure, _)| *measure);
            let new: Vec<&str> = measures.filter(|name| !known.contains(name)).collect();
            if new.is_empty() || !new.iter().any(|name| has_course(runs, name)) {
                continue;
            }
            // Where each measure has a panel of its own, none has two.
            let measures = quantity.measures.iter().copied();
            let measures: Vec<_> = measures
                .filter(|(name, _)| groups.len() == 1 || new.contains(name))
                .collect();
            let quantity = Quantity {
                measures: &measures,
                ..*quantity
            };
            known.extend(new);
            let request = Request {
                what: What::Curves,
                ..request
            };
            let panels = panels(&groups, &[quantity], request);
            // A panel of one measure among several says which on its axis.
            let titled = |panel: Panel| {
                let title = panel.y.name.clone();
                alone(panel, &title, &groups)
            };
            figures.extend(panels.into_iter().map(titled));
        }
    }
    for name in others(runs, &known) {
        let measures = [(name, name)];
        let meaning = find(name).map_or(name, |measure| measure.description);
        let quantity = Quantity {
            name: meaning,
            unit: Unit::Named,
            measures: &measures,
            line: Line::None,
        };
        let panels = panels(&groups, &[quantity], request);
        figures.extend(panels.into_iter().map(|panel| alone(panel, name, &groups)));
    }
    Ok(figures)
}

/// The spectrum of the Hessian at the end, a figure for each panel; none where no run has measured it.
///
/// # Errors
///
/// [`PlotError`] where the runs are of too many kinds.
pub fn spectra(runs: &[PlottedRun], request: Request) -> Result<Vec<Figure>, PlotError> {
    let finished: Vec<FinishedRun> = runs.iter().map(|run| run.run.clone()).collect();
    let (groups, _) = groups(runs, &finished)?;
    let panels = spectrum::panels(&groups, request.span);
    Ok(panels
        .into_iter()
        .map(|panel| alone(panel, "Spectrum at the end", &groups))
        .collect())
}

/// The last value of the largest eigenvalue of the Hessian with the line up to which steps are stable, each where the
/// rows of a run tell it, and all values of a measure so far.
pub fn latest(config: &Config, rows: &[Row], measure: &'static str) -> (Vec<f64>, Option<f64>) {
    let number = Number::of_rows(measure, rows).into_iter().next();
    let values = number.map_or_else(Vec::new, |number| {
        let track = track(rows, &number, Along::Steps);
        track.values().map(|point| point.value).collect()
    });
    let line = threshold(config, rows, Along::Steps);
    (values, line.values().last().map(|point| point.value))
}

/// A panel as a figure.
fn alone(mut panel: Panel, title: &str, groups: &[Group<'_>]) -> Figure {
    let title = match std::mem::take(&mut panel.title) {
        apart if apart.is_empty() => title.to_owned(),
        apart => format!("{title} ({apart})"),
    };
    let mut figure = Figure::new(title).with(panel);
    figure.description = described(groups);
    figure.notes = notes(groups, &figure);
    figure
}

/// Whether some run has measured something at more than one step.
fn has_course(runs: &[PlottedRun], name: &str) -> bool {
    runs.iter().any(|run| {
        let of_it = |row: &&Row| row.measurement.name == name && row.measurement.value.is_some();
        let mut steps = run.rows.iter().filter(of_it).map(|row| row.step);
        let first = steps.next();
        first.is_some_and(|first| steps.any(|step| step != first))
    })
}

/// The measures besides that have a course, in the order in which runs take them.
fn others(runs: &[PlottedRun], known: &[&str]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for row in runs.iter().flat_map(|run| &run.rows) {
        let name = row.measurement.name.as_str();
        if known.contains(&name) || names.contains(&name) {
            continue;
        }
        names.extend(find(name).map(|measure| measure.name));
    }
    names.retain(|name| has_course(runs, name));
    names
}

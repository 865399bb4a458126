//! The figures of a page.

use super::ReportedRun;
use crate::plot::{self, PlotError, PlottedRun, Request, What, courses};
use lab_page::{Part, Section};

/// More pictures than this are not shown: they would be most of the page.
const MOST: usize = 12;

/// Small multiples of all that was measured while runs trained.
pub(super) fn curves(runs: &[PlottedRun]) -> Result<Section, PlotError> {
    let section = Section::new("Curves");
    let figures = match courses(runs, Request::default()) {
        Err(error @ PlotError::TooUnlike { .. }) => return Ok(section.paragraph(error.to_string())),
        figures => figures?,
    };
    Ok(match figures.is_empty() {
        true => section.paragraph(
            "Nothing was measured at more than one step: a hook such as [[hooks]] preset = \"light\", every = 1, in \
             the config of a run measures it while it trains.",
        ),
        false => section.with(Part::Figures(figures)),
    })
}

/// The eigenvalues at the end.
pub(super) fn spectra(runs: &[PlottedRun]) -> Result<Section, PlotError> {
    let section = Section::new("Spectra");
    let figures = match plot::spectra(runs, Request::default()) {
        Err(error @ PlotError::TooUnlike { .. }) => return Ok(section.paragraph(error.to_string())),
        figures => figures?,
    };
    Ok(match figures.is_empty() {
        true => section
            .paragraph("No run has measured more than its largest eigenvalue. Its config may ask for more:")
            .with(Part::Code(What::Spectrum.hook().to_owned())),
        false => section.with(Part::Figures(figures)),
    })
}

/// What was drawn of the loss about the ends of runs.
pub(super) fn slices(runs: &[ReportedRun]) -> Section {
    let pictures: Vec<_> = runs.iter().flat_map(|run| &run.slices).collect();
    let section = Section::new("Slices");
    if pictures.is_empty() {
        return section
            .paragraph("No slice of the loss lies in these run directories (slices/*.svg).");
    }
    let shown = pictures.iter().take(MOST).map(|picture| lab_page::Picture {
        title: picture.place.clone(),
        svg: picture.svg.clone(),
    });
    let section = section.with(Part::Pictures(shown.collect()));
    match pictures.len().saturating_sub(MOST) {
        0 => section,
        more => section.paragraph(format!("{more} more lie in the run directories.")),
    }
}

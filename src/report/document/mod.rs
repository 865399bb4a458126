//! What a page about finished runs says, gathered from what the rooms below have found: the answer of their comparison
//! first, then its tables, every curve, the configs, and how all of it came about. It has no statistics of its own.

mod configs;
mod figures;
mod origin;
mod single;

use super::{ComparisonReport, Layout, Report, StatusReport};
use crate::compare::Comparison;
use crate::figure::FigureError;
use crate::plot::{Kind, PlotError, PlottedRun};
use crate::run::RunRecord;
use lab_page::{Grid, Page, Part, Section};

/// A finished run as a page tells of it.
#[derive(Clone, Debug)]
pub struct ReportedRun {
    /// How it came about.
    pub record: RunRecord,
    /// Slices of the loss that were drawn about it.
    pub slices: Vec<Picture>,
}

/// A picture that lies in a run directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Where it lies.
    pub place: String,
    /// The SVG document.
    pub svg: String,
}

/// The runs of a sweep, in the groups in which they are put side by side.
#[derive(Clone, Copy, Debug)]
pub struct Arms<'a> {
    /// The comparison; the reason where the runs are too many kinds for one.
    pub comparison: Result<&'a Comparison, &'a str>,
    /// What makes a line each in figures; none where they are too many.
    pub kinds: &'a [Kind],
}

/// What a page is about.
#[derive(Clone, Copy, Debug)]
pub struct Study<'a> {
    /// The runs with their rows.
    pub runs: &'a [PlottedRun],
    /// What else is told of each, in the same order.
    pub reported: &'a [ReportedRun],
    /// What they are together.
    pub arms: Arms<'a>,
    /// The sweeps whose folders were given.
    pub sweeps: &'a [StatusReport<'a>],
    /// The command that made the page.
    pub command: &'a [String],
}

impl Study<'_> {
    /// The page.
    ///
    /// # Errors
    ///
    /// [`PlotError`] where a figure cannot be made.
    pub fn page(&self) -> Result<Page, PlotError> {
        let mut sections = self.first();
        for sweep in self.sweeps {
            sections.push(Section::new("The sweep").page(&sweep.page()));
        }
        if let Ok(comparison) = self.arms.comparison {
            sections.extend(self.tables(comparison));
            sections.push(figures::curves(self.runs)?);
            sections.push(figures::spectra(self.runs)?);
        }
        sections.push(figures::slices(self.reported));
        sections.push(configs::section(self.runs, self.arms.kinds));
        sections.push(origin::runs(self.runs, self.reported));
        sections.push(origin::section(self));
        Ok(Page {
            title: self.title(),
            about: self.about(),
            sections,
        })
    }

    /// The document, whole.
    ///
    /// # Errors
    ///
    /// [`PlotError`], as [`Study::page`].
    pub fn html(&self) -> Result<String, PlotError> {
        let page = self.page()?;
        page.html().map_err(|error: FigureError| error.into())
    }

    fn title(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for sweep in self.sweeps {
            names.push(&sweep.listing.name);
        }
        if names.is_empty() {
            for run in self.runs {
                let name = run.run.config.name.as_str();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        match (&names[..], self.runs) {
            ([name], [run]) => format!("{name}, seed {}", run.run.config.seed),
            ([name], _) => (*name).to_owned(),
            ([one, other], _) => format!("{one} and {other}"),
            ([first, second, rest @ ..], _) => format!("{first}, {second} and {} more", rest.len()),
            ([], _) => "Runs".to_owned(),
        }
    }

    fn about(&self) -> String {
        let runs = match self.runs.len() {
            1 => "1 finished run".to_owned(),
            runs => format!("{runs} finished runs"),
        };
        let groups = self.arms.comparison.map_or(0, |of| of.groups.len());
        let key = self.arms.comparison.map_or("", |of| of.key.as_str());
        match groups {
            0 | 1 => format!("{runs}. Every number comes with its error."),
            groups => format!(
                "{runs} in {groups} groups by {}. Every number comes with its error.",
                key.replace(',', ", ")
            ),
        }
    }

    /// What is read first.
    fn first(&self) -> Vec<Section> {
        match (self.arms.comparison, self.runs) {
            (Ok(_), [run]) => vec![single::conclusion(&run.run), single::measures(&run.run)],
            (Ok(comparison), _) => vec![conclusion(comparison)],
            (Err(reason), _) => {
                let why = format!("The runs are not put side by side: {reason}.");
                vec![Section::new("Conclusion").with(Part::Lead(why))]
            }
        }
    }

    fn tables(&self, comparison: &Comparison) -> Vec<Section> {
        let report = ComparisonReport {
            comparison,
            shows_all: true,
            layout: Layout::default(),
        };
        let mut sections = Vec::new();
        if self.runs.len() > 1 {
            let (table, decided) = report.table();
            let table = Grid::from(table).marked(decided, "decided");
            let notes = Part::Folded {
                title: "How to read this table".to_owned(),
                parts: vec![Part::List(report.notes())],
            };
            let title = "Measures side by side";
            sections.push(Section::new(title).with(Part::Table(table)).with(notes));
        }
        let invariance = Section::new("Invariance");
        sections.push(match report.invariance() {
            Some(table) => invariance.with(Part::Table(table.into())),
            None => {
                invariance.paragraph("The networks have no map that leaves their function alone.")
            }
        });
        sections
    }
}

/// The answer, what must be known beside it, and which runs are not in it.
fn conclusion(comparison: &Comparison) -> Section {
    let report = ComparisonReport {
        comparison,
        shows_all: true,
        layout: Layout::default(),
    };
    let sentences = report.sentences();
    let mut section = Section::new("Conclusion");
    for (place, sentence) in sentences.into_iter().enumerate() {
        // Who is compared, and what is said of them first.
        section = match place {
            0 | 1 => section.with(Part::Lead(sentence)),
            _ => section.paragraph(sentence),
        };
    }
    if !report.warnings().is_empty() {
        section = section.with(Part::List(report.warnings().to_vec()));
    }
    if comparison.left_out.is_empty() {
        return section;
    }
    let left_out = comparison.left_out.iter();
    let reasons = left_out.map(|run| format!("{}: {}", run.place, run.reason));
    section.with(Part::Folded {
        title: "Runs that are left out".to_owned(),
        parts: vec![Part::List(reasons.collect())],
    })
}

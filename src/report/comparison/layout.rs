//! Comparisons laid out as the tables that are known of a subject, groups down and measures across.

use super::lines::{figure, moved_by, verdict};
use crate::compare::{Associations, Comparison, Line};
use crate::measure::invariance::row_name;
use crate::table::{Cell, Column, Table, two_digits};

/// How a comparison is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Measures down, groups across.
    #[default]
    Lines,
    /// As the tables of Keskar et al. 2017: accuracies, and sharpness in boxes of two sizes, in full space and in a
    /// random subspace.
    Keskar,
    /// The ends of the Hessian's spectrum and its trace.
    Spectrum,
    /// What each map makes of each measure.
    Invariance,
    /// Which measures go together with the generalisation gap.
    Gap,
}

/// A measure with the words above its column.
pub(super) type Heading = (&'static str, &'static str);

const KESKAR: [Heading; 6] = [
    ("accuracy.train", "train acc."),
    ("accuracy.test", "test acc."),
    ("sharpness.keskar.full", "φ full, 1e-3"),
    ("sharpness.keskar.full.5e-4", "φ full, 5e-4"),
    ("sharpness.keskar.subspace", "φ subspace, 1e-3"),
    ("sharpness.keskar.subspace.5e-4", "φ subspace, 5e-4"),
];

const SPECTRUM: [Heading; 8] = [
    ("hessian.lambda_max", "λ₁"),
    ("hessian.lambda_2", "λ₂"),
    ("hessian.lambda_3", "λ₃"),
    ("hessian.lambda_4", "λ₄"),
    ("hessian.lambda_5", "λ₅"),
    ("hessian.lambda_min", "λ min"),
    ("hessian.trace", "trace"),
    ("ggn.lambda_max", "λ₁ of GGN"),
];

impl Layout {
    /// The measures that stand in it; none where it has no fixed ones.
    pub(super) fn headings(self) -> &'static [Heading] {
        match self {
            Self::Keskar => &KESKAR,
            Self::Spectrum => &SPECTRUM,
            Self::Lines | Self::Invariance | Self::Gap => &[],
        }
    }

    /// The lines of a comparison that it is about.
    pub(super) fn lines(self, comparison: &Comparison) -> Vec<&Line> {
        let headings = self.headings();
        let is_of = |line: &&Line| match self {
            Self::Invariance => is_moved(comparison, line),
            _ => headings.iter().any(|(name, _)| *name == line.name),
        };
        comparison.lines.iter().filter(is_of).collect()
    }

    /// The table.
    pub(super) fn table(self, comparison: &Comparison) -> Table {
        match self {
            Self::Invariance => invariance(comparison),
            Self::Gap => gap(comparison.associations.as_ref()),
            _ => groups_down(comparison, &self.lines(comparison), self.headings()),
        }
    }
}

/// Groups down, the lines of some measures across. Measures that no run has taken have no column.
fn groups_down(comparison: &Comparison, lines: &[&Line], headings: &[Heading]) -> Table {
    let by = comparison.key.replace(',', ", ");
    let heading = |line: &&Line| {
        let found = headings.iter().find(|(name, _)| *name == line.name);
        let words = found.map_or(line.name.as_str(), |(_, words)| words);
        let words = match line.apart.join(", ") {
            apart if apart.is_empty() => words.to_owned(),
            apart => format!("{words} ({apart})"),
        };
        Column::estimate(words).keyed(line.label())
    };
    let columns = [Column::text(by.clone()).keyed("group"), Column::number("n")];
    let columns = columns.into_iter().chain(lines.iter().map(heading));
    let rows = comparison.groups.iter().enumerate().map(|(place, group)| {
        let own = [Cell::from(group.label.as_str()), group.runs.into()];
        let figures = lines.iter().map(|line| figure(line.cells[place].as_ref()));
        own.into_iter().chain(figures).collect()
    });
    Table::new(columns)
        .captioned(format!("Means ± standard deviations by {by}."))
        .with_rows(rows)
}

/// What is said of each line, in words.
pub(super) fn verdicts(comparison: &Comparison, lines: &[&Line]) -> Vec<String> {
    let words = |line: &&Line| {
        let words = match verdict(line, &comparison.groups) {
            Cell::Text(words) => words,
            Cell::Failed(reason) => format!("no verdict ({reason})"),
            _ => return None,
        };
        Some(format!("{}: {words}.", line.label()))
    };
    lines.iter().filter_map(words).collect()
}

/// Whether a line is one of those that an invariance is told of: it is measured after a map too, or a verdict of it rests
/// on the parameterisation.
fn is_moved(comparison: &Comparison, line: &Line) -> bool {
    let is_measured = |map| {
        let name = row_name(map, &line.name);
        comparison.lines.iter().any(|other| other.name == name)
    };
    comparison.maps.iter().any(|map| is_measured(*map))
        || line.is_decided()
        || line
            .moved_by
            .iter()
            .any(|movement| movement.ratio.is_some())
}

/// Measures down, maps across: by how much each map multiplied each measure, where that was measured; else whether
/// the measure claims to survive it.
fn invariance(comparison: &Comparison) -> Table {
    let mut columns = vec![Column::text("measure")];
    columns.extend(
        comparison
            .maps
            .iter()
            .map(|map| Column::text(map.to_string())),
    );
    columns.push(Column::text("moved by"));
    if comparison.is_tested {
        columns.push(Column::text("verdict"));
    }
    let lines = Layout::Invariance.lines(comparison);
    let rows = lines.iter().map(|line| {
        let mut row: Vec<Cell> = vec![line.label().into()];
        row.extend(comparison.maps.iter().map(|map| {
            let moved = line.moved_by.iter().find(|movement| movement.map == *map);
            let name = row_name(*map, &line.name);
            let mut others = comparison.lines.iter();
            let measured = others.find(|other| other.name == name);
            let measured = measured.and_then(|line| line.cells.iter().flatten().next());
            let ratio = measured.map(|cell| cell.mean);
            match (moved, ratio.or(moved.and_then(|movement| movement.ratio))) {
                (_, Some(ratio)) => format!("×{}", two_digits(ratio)).into(),
                (Some(_), None) => "moved, by definition".into(),
                (None, None) => "survives, by definition".into(),
            }
        }));
        row.push(moved_by(line, &comparison.maps).into());
        if comparison.is_tested {
            row.push(verdict(line, &comparison.groups));
        }
        row
    });
    Table::new(columns)
        .captioned(
            "What maps that leave the function alone make of measures: by how much they multiplied it where that was \
             measured, else whether it claims to survive.",
        )
        .with_rows(rows)
}

/// Measures down, rank correlations across.
fn gap(associations: Option<&Associations>) -> Table {
    let axes: &[&str] = associations.map_or(&[], |found| &found.axes);
    let mut columns = vec![
        Column::text("measure"),
        Column::number("n"),
        Column::number("τ"),
        Column::text("τ of means").right(),
        Column::number("p"),
        Column::number("Holm"),
        Column::number("FDR"),
        Column::number("Ψ"),
    ];
    columns.extend(axes.iter().map(|axis| {
        let short = axis.rsplit('.').next().unwrap_or(axis);
        Column::number(format!("ψ {short}")).keyed(format!("psi.{axis}"))
    }));
    let rows = associations.into_iter().flat_map(|found| &found.measures);
    let rows = rows.map(|found| {
        let [low, high] = found.interval.map(two_digits);
        let mut row = vec![
            found.name.as_str().into(),
            found.n.into(),
            Cell::rough(found.tau),
            format!("{} [{low}, {high}]", two_digits(found.tau_of_means)).into(),
            found.p.map_or(Cell::Missing, Cell::rough),
            Cell::rough(found.p_holm),
            Cell::rough(found.p_fdr),
            found.granulated.map_or(Cell::Missing, Cell::rough),
        ];
        let along = found.along.iter();
        row.extend(along.map(|along| along.map_or(Cell::Missing, Cell::rough)));
        row
    });
    let caption = associations.map_or_else(
        || "Nothing is held against the generalisation gap: that takes three kinds of runs that have gap.loss.".to_owned(),
        |found| {
            format!(
                "Kendall's rank correlation of each measure with {}, over {} runs of {} kinds.",
                found.with, found.runs, found.kinds
            )
        },
    );
    Table::new(columns).captioned(caption).with_rows(rows)
}

/// What must be known to read the table of the generalisation gap.
pub(super) const GAP_NOTES: [&str; 3] = [
    "τ: Kendall's τ-b over runs. τ of means: over kinds of runs, of each the mean over seeds, with a 95 % interval; p is \
     of that, because runs of one kind are not independent.",
    "Ψ: the granulated coefficient (Jiang et al. 2020), the mean over keys (ψ) of τ among runs that differ in that key \
     alone, seed by seed. A measure that follows the gap only because both follow one key has a large τ and a small Ψ.",
    "Rank correlations say nothing of causes. Holm and FDR are over all measures of the table.",
];

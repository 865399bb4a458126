//! What a run of an experiment leaves: the numbers for machines, and the files for readers.

use super::{About, Findings, Standing};
use crate::figure::{FigureError, Theme};
use crate::statistics::Verdict;
use crate::table::{Cell, Column, Csv, Markdown, Page, Renderer, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A claim with its verdict, as `result.json` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictRow {
    /// One sentence that is true or false.
    pub claim: String,
    /// Its place in the catalogue of sources.
    pub id: String,
    /// Whether it is what the source prints.
    pub as_printed: bool,
    /// Whose it is: `printed`, `corrected` or `control`.
    pub standing: String,
    /// The verdict that a negative control must get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub must: Option<Verdict>,
    /// What it says of the number.
    pub expected: String,
    /// The number; none where there is none.
    pub measured: Option<f64>,
    /// Half the width of its 95 % interval, or for what was computed once (`n` is 1) a bound of its error; none where that has
    /// no end.
    pub error: Option<f64>,
    /// The ends of the interval.
    pub interval: [Option<f64>; 2],
    /// Of how many values it was made.
    pub n: usize,
    /// How the verdict is reached.
    pub rule: String,
    /// The verdict.
    pub verdict: Verdict,
}

/// `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The experiment's name.
    pub name: String,
    /// What it belongs to.
    pub subject: String,
    /// What is claimed.
    pub claim: String,
    /// Where that is printed.
    pub source: String,
    /// What was found, in one sentence.
    pub finding: String,
    /// Whether the values are those of a quick run.
    pub quick: bool,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The parameters with their values.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// The claims with their verdicts.
    pub verdicts: Vec<VerdictRow>,
    /// The files of the figures.
    pub figures: Vec<String>,
    /// The files of the tables, and of the numbers of the figures.
    pub tables: Vec<String>,
    /// How long it took.
    pub seconds: f64,
    /// The version of this program.
    pub version: String,
}

/// How the file with the numbers of a figure ends: a table may have the figure's name.
const FIGURE_DATA: &str = "figure.csv";

/// A file to be written: its name and what is in it.
pub type NamedBytes = (String, Vec<u8>);

impl Outcome {
    /// Of findings.
    pub fn of(about: &About, findings: &Findings) -> Self {
        let mut figures = findings.figures.iter().map(|(name, _)| *name);
        let mut tables = findings.tables.iter().map(|(name, _)| *name);
        let files = |names: &mut dyn Iterator<Item = &'static str>, ending: &str| {
            names
                .map(|name| format!("{name}.{ending}"))
                .collect::<Vec<_>>()
        };
        Self {
            name: about.name.to_owned(),
            subject: about.subject.word().to_owned(),
            claim: about.claim.to_owned(),
            source: about.source.to_owned(),
            finding: findings.sentence(),
            quick: false,
            seeds: Vec::new(),
            parameters: BTreeMap::new(),
            verdicts: findings.claims.iter().map(row).collect(),
            figures: files(&mut figures.clone(), "svg"),
            tables: [files(&mut tables, "csv"), files(&mut figures, FIGURE_DATA)].concat(),
            seconds: 0.0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The verdicts as a table for reading.
    pub fn table(&self) -> Table {
        let columns = ["id", "standing", "claim", "expected"].map(Column::text);
        let columns = columns
            .into_iter()
            .chain([Column::text("measured").right(), Column::number("n")])
            .chain(["verdict", "rule"].map(Column::text));
        let rows = self.verdicts.iter().map(|row| {
            vec![
                row.id.as_str().into(),
                row.stands_as().into(),
                row.claim.as_str().into(),
                row.expected.as_str().into(),
                row.measured_cell(),
                row.n.into(),
                row.verdict.to_string().into(),
                row.rule.as_str().into(),
            ]
        });
        Table::new(columns).with_rows(rows)
    }
}

impl VerdictRow {
    /// As what it stands, with what a negative control must do.
    pub fn stands_as(&self) -> String {
        let must = match self.must {
            Some(Verdict::Holds) => ", must hold",
            Some(Verdict::Fails) => ", must fail",
            Some(Verdict::NotDecided) | None => "",
        };
        format!("{}{must}", self.standing)
    }

    /// The verdict, or of a negative control whether it has come out as it must.
    pub fn comes_out(&self) -> Verdict {
        match (self.must, self.verdict) {
            (_, Verdict::NotDecided) => Verdict::NotDecided,
            (Some(must), verdict) if must == verdict => Verdict::Holds,
            (Some(_), _) => Verdict::Fails,
            (None, verdict) => verdict,
        }
    }

    /// The number with its error.
    pub fn measured_cell(&self) -> Cell {
        match self.measured {
            Some(value) => Cell::estimate(value, self.error.filter(|error| *error > 0.0)),
            None => Cell::Missing,
        }
    }
}

fn row(claim: &super::Claim) -> VerdictRow {
    let finite = |number: f64| number.is_finite().then_some(number);
    let estimate = &claim.estimate;
    VerdictRow {
        claim: claim.text.clone(),
        id: claim.id.to_owned(),
        as_printed: claim.standing == Standing::Printed,
        standing: claim.standing.word().to_owned(),
        must: match claim.standing {
            Standing::Control(must) => Some(must),
            Standing::Printed | Standing::Corrected => None,
        },
        expected: claim.rule.expected(),
        measured: finite(estimate.value),
        error: finite(estimate.error()),
        interval: [finite(estimate.low), finite(estimate.high)],
        n: estimate.n,
        rule: claim.how(),
        verdict: claim.verdict(),
    }
}

/// All files of a run: the report, the numbers, and each figure and table.
///
/// # Errors
///
/// [`FigureError`] where a figure cannot be drawn.
pub fn files(
    about: &About,
    findings: &Findings,
    outcome: &Outcome,
) -> Result<Vec<NamedBytes>, FigureError> {
    let mut files = Vec::new();
    for (name, figure) in &findings.figures {
        let id = format!("{}-{name}", about.name);
        files.push((format!("{name}.svg"), figure.svg(&id)?.into_bytes()));
        files.push((format!("{name}.png"), figure.png(Theme::Light)?));
        files.push((
            format!("{name}.{FIGURE_DATA}"),
            lines(Csv.table(&figure.data())),
        ));
    }
    for (name, table) in &findings.tables {
        files.push((format!("{name}.csv"), lines(Csv.table(table))));
    }
    files.push((
        "report.md".to_owned(),
        lines(report(about, findings, outcome)),
    ));
    // Last: where it is, everything is.
    let json = serde_json::to_string_pretty(outcome).unwrap_or_default();
    files.push(("result.json".to_owned(), lines(json)));
    Ok(files)
}

fn lines(text: String) -> Vec<u8> {
    (text.trim_end().to_owned() + "\n").into_bytes()
}

fn report(about: &About, findings: &Findings, outcome: &Outcome) -> String {
    let set_up = outcome
        .parameters
        .iter()
        .map(|(key, value)| format!("`{key}` = {value}"));
    let seeds = match (outcome.seeds.first(), outcome.seeds.last()) {
        (Some(first), Some(last)) => {
            vec![format!("seeds {first} to {last} ({})", outcome.seeds.len())]
        }
        _ => Vec::new(),
    };
    let page = Page::default()
        .paragraph(format!("# {}", about.claim))
        .paragraph(format!("**{}**", outcome.finding))
        .table(outcome.table())
        .paragraph(about.mathematics)
        .paragraph(format!("It would be refuted by this: {}", about.refuted_by))
        .paragraph(format!("Source: {}", about.source))
        .list(set_up.chain(seeds));
    let page = findings.figures.iter().fold(page, |page, (name, figure)| {
        page.paragraph(format!("![{}]({name}.svg)", figure.title))
    });
    let page = findings
        .tables
        .iter()
        .fold(page, |page, (_, table)| page.table(table.clone()));
    Markdown.page(&page)
}

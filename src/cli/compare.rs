//! `lab compare`.

use super::output::print;
use super::runs::{self, Allowing, Found, finished, usual_keys};
use super::train::quoted;
use super::{CommandError, ExitCode, Format};
use crate::compare::{
    AtCommonLoss, Comparison, FinishedRun, Margins, Matching, at_loss, check_key, compare_at,
    compare_with, lowest_loss,
};
use crate::nearest::{hint, nearest};
use crate::report::{ComparisonReport, Layout, missing_rows};
use crate::run::{DirectoryError, Row, RunDirectory};
use clap::{Args, ValueEnum};
use std::path::Path;

/// Compare groups of runs: an answer in sentences, then tables.
///
/// The first table has the decided lines and the headline measures, those below it what the verdicts rest on; what
/// the words mean stands at the end.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Run directories, folders of them such as sweeps, or patterns such as 'runs/sgd_*'
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// The config key that makes the groups, or "arm" for the folders of the runs; several with commas between them
    /// [default: of a sweep's folder what its arms differ in, else train.batch_size]
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    by: Vec<String>,
    /// A difference that does not matter: 10% of the smaller mean, or MEASURE=AMOUNT (accuracy.test=0.005, norm.l2=5%); several with
    /// commas between them. Lines known to differ by no more are called equal
    #[arg(long, value_name = "MARGIN", value_delimiter = ',')]
    equal_within: Vec<String>,
    /// Show every line and every pair of groups, not only what is decided or a headline; JSON and CSV have all anyway
    #[arg(long)]
    all: bool,
    /// Only one table, of these measures, for a paper; several with commas between them, in their order. All lines are
    /// tested and corrected for all the same
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["all", "layout"])]
    measures: Vec<String>,
    /// Which table
    #[arg(long, value_enum, default_value = "lines")]
    layout: LayoutWord,
    #[command(flatten)]
    allowing: Allowing,
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// A table by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LayoutWord {
    /// Measures down, groups across
    Lines,
    /// As in Keskar et al. 2017: accuracies, and φ for boxes of two sizes in full space and in a subspace
    Keskar,
    /// The Hessian's largest eigenvalues, its smallest, its trace
    Spectrum,
    /// What maps that leave the function alone make of each measure
    Invariance,
    /// Rank correlations of each measure with the generalisation gap, overall and key by key
    Gap,
}

impl From<LayoutWord> for Layout {
    fn from(word: LayoutWord) -> Self {
        match word {
            LayoutWord::Lines => Self::Lines,
            LayoutWord::Keskar => Self::Keskar,
            LayoutWord::Spectrum => Self::Spectrum,
            LayoutWord::Invariance => Self::Invariance,
            LayoutWord::Gap => Self::Gap,
        }
    }
}

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<ExitCode, CommandError> {
    let mut by: Vec<String> = Vec::new();
    for key in &args.by {
        check_key(key)?;
        if !by.contains(key) {
            by.push(key.clone());
        }
    }
    let margins = Margins::parse(&args.equal_within)?;
    // All rows are read, so that damaged ones are found whether or not they are needed.
    let Found { runs, left_out } = finished(&args.runs, &args.allowing, |directory| {
        let run = FinishedRun::of(directory, directory.finished()?);
        Ok((run, lowest_loss(&directory.rows()?.rows)))
    })?;
    let (runs, lowest): (Vec<FinishedRun>, Vec<Option<f64>>) = runs.into_iter().unzip();
    args.allowing.check_versions(&runs)?;
    if by.is_empty() {
        by = usual_keys(&args.runs, &runs);
    }
    let keys: Vec<&str> = by.iter().map(String::as_str).collect();
    let mut comparison = compare_with(&runs, left_out, &keys, &margins)?;
    if comparison.is_tested && comparison.losses == Matching::Unequal {
        comparison.at_common_loss = at_common_loss(&runs, &lowest, &keys, &margins)?;
    }
    runs::warn(&comparison.left_out);
    if !args.measures.is_empty() {
        return table(args, comparison);
    }
    let arguments: Vec<String> = args.runs.iter().cloned().map(quoted).collect();
    for sentence in missing_rows(args.layout.into(), &runs, &arguments) {
        eprintln!("note: {sentence}");
    }
    let report = ComparisonReport {
        comparison: &comparison,
        shows_all: args.all,
        layout: args.layout.into(),
    };
    print(&args.format.text(&report)?)?;
    Ok(ExitCode::Success)
}

/// Prints the lines that are asked for and nothing else.
fn table(args: &CompareArgs, mut comparison: Comparison) -> Result<ExitCode, CommandError> {
    let names: Vec<&str> = comparison
        .lines
        .iter()
        .map(|line| line.name.as_str())
        .collect();
    for name in &args.measures {
        if !names.contains(&name.as_str()) {
            let hint = hint(nearest(name, &names));
            return Err(CommandError::Input(format!(
                "--measures: none of the runs has `{name}`{hint} They have: {}",
                names.join(", ")
            )));
        }
    }
    let place = |name: &str| args.measures.iter().position(|measure| measure == name);
    comparison.lines.retain(|line| place(&line.name).is_some());
    comparison.lines.sort_by_key(|line| place(&line.name));
    let report = ComparisonReport {
        comparison: &comparison,
        shows_all: true,
        layout: Layout::Lines,
    };
    match args.format {
        Format::Json | Format::Csv => print(&args.format.text(&report)?)?,
        format => print(&format.text(&report.table().0)?)?,
    }
    Ok(ExitCode::Success)
}

/// The rows of a run.
fn rows(run: &FinishedRun) -> Result<Vec<Row>, DirectoryError> {
    Ok(RunDirectory::open(Path::new(&run.place))?.rows()?.rows)
}

/// The comparison at the last training loss that all runs have had; none where hooks have not seen it in every run.
fn at_common_loss(
    runs: &[FinishedRun],
    lowest: &[Option<f64>],
    keys: &[&str],
    margins: &Margins,
) -> Result<Option<AtCommonLoss>, CommandError> {
    let lowest: Option<Vec<f64>> = lowest.iter().copied().collect();
    let Some(loss) = lowest.and_then(|losses| losses.into_iter().reduce(f64::max)) else {
        return Ok(None);
    };
    let (mut found, mut widest) = (Vec::new(), 1.0f64);
    for run in runs {
        let Some((then, apart)) = at_loss(run, &rows(run)?, loss) else {
            return Ok(None);
        };
        widest = widest.max(apart);
        found.push(then);
    }
    Ok(Some(compare_at(&found, (loss, widest), keys, margins)?))
}

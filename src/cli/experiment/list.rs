//! `lab experiment list`.

use super::subject;
use crate::cli::output::print;
use crate::cli::{CommandError, ExitCode, Format};
use crate::experiment::{About, Subject, catalogue};
use crate::report::Report;
use crate::table::{Cell, Column, Page, Table};
use clap::Args;

/// List all experiments: name, claim, source, and how long a quick and a full run take on two cores.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only those of a subject
    #[arg(long, value_name = "SUBJECT", value_parser = subject())]
    subject: Option<Subject>,
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

struct List(Vec<About>);

/// Runs the command.
pub fn run(args: &ListArgs) -> Result<ExitCode, CommandError> {
    let experiments = args
        .subject
        .map_or_else(catalogue::all, |subject| catalogue::of(subject).to_vec());
    let list = List(
        experiments
            .iter()
            .map(|experiment| experiment.about())
            .collect(),
    );
    print(&args.format.text(&list)?)?;
    Ok(ExitCode::Success)
}

impl Report for List {
    fn page(&self) -> Page {
        let total = |of: fn(&About) -> f64| self.0.iter().map(of).sum::<f64>();
        let sentence = format!(
            "{} experiments: {:.0} s for all with --quick, {:.0} s in full, on two cores.",
            self.0.len(),
            total(|about| about.seconds.quick),
            total(|about| about.seconds.full),
        );
        Page::from(self.records()).paragraph(sentence)
    }

    fn records(&self) -> Table {
        let columns = [
            Column::text("name"),
            Column::text("subject"),
            Column::text("claim"),
            Column::text("source"),
            Column::number("quick (s)").keyed("quick_seconds"),
            Column::number("full (s)").keyed("full_seconds"),
        ];
        Table::new(columns).with_rows(self.0.iter().map(|about| {
            vec![
                Cell::Code(about.name.to_owned()),
                about.subject.word().into(),
                about.claim.into(),
                about.source.into(),
                Cell::rough(about.seconds.quick),
                Cell::rough(about.seconds.full),
            ]
        }))
    }
}

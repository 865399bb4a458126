//! Where the runs come from, and the commands that make them and the page again.

use super::{ReportedRun, Study};
use crate::plot::PlottedRun;
use crate::run::RunRecord;
use crate::table::{Cell, Column, Table};
use lab_page::{Part, Section};

/// The runs one by one.
pub(super) fn runs(runs: &[PlottedRun], reported: &[ReportedRun]) -> Section {
    let columns = [
        Column::text("run"),
        Column::number("seed"),
        Column::number("steps"),
        Column::number("epochs"),
        Column::text("ended by"),
        Column::number("training loss"),
        Column::number("seconds"),
        Column::text("device"),
        Column::text("begun"),
    ];
    let rows = runs.iter().zip(reported).map(|(run, reported)| {
        let summary = &run.run.summary;
        vec![
            Cell::Code(run.run.place.clone()),
            summary.seed.into(),
            summary.steps.into(),
            summary.epochs.into(),
            summary.stopped_by.as_str().into(),
            summary.train_loss.into(),
            Cell::seconds(summary.training_seconds + summary.measuring_seconds),
            reported.record.device.as_str().into(),
            reported.record.started.as_str().into(),
        ]
    });
    let table = Table::new(columns)
        .captioned("The runs, each with where it lies")
        .with_rows(rows);
    Section::new("Runs").with(Part::Table(table.into()))
}

/// The commands that made the runs, with what they ran on, and that which made the page.
pub(super) fn section(study: &Study<'_>) -> Section {
    let mut commands: Vec<String> = Vec::new();
    let (mut programs, mut data): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let add = |list: &mut Vec<String>, item: String| {
        if !list.contains(&item) {
            list.push(item);
        }
    };
    for ReportedRun { record, .. } in study.reported {
        add(&mut commands, typed(&record.command));
        add(&mut programs, program(record));
        for file in &record.data {
            add(&mut data, format!("{}: SHA-256 {}", file.name, file.sha256));
        }
    }
    // Any run can be made again by its own config, whatever command it was one of.
    let again = study.runs.first().map(|run| {
        let command = ["lab", "train", "--config"].map(str::to_owned);
        let config = format!("{}/config.toml", run.run.place);
        typed(&[&command[..], &[config]].concat())
    });
    let mut section = Section::new("Reproduce")
        .paragraph("The commands by which these runs were made:")
        .with(Part::Code(commands.join("\n")))
        .with(Part::List(programs));
    if let Some(again) = again {
        section = section
            .paragraph("A run directory holds its resolved config, and is made again by it (with --out elsewhere):")
            .with(Part::Code(again));
    }
    if !data.is_empty() {
        section = section.paragraph("Data:").with(Part::List(data));
    }
    section
        .paragraph("This page:")
        .with(Part::Code(typed(study.command)))
}

fn program(record: &RunRecord) -> String {
    let folder = record.git_revision.as_ref();
    let folder = folder.map_or_else(String::new, |of| format!(", in a folder at revision {of}"));
    format!(
        "lab {} of revision {}, Burn {}, on {} ({} threads){folder}",
        record.versions(),
        record.revision,
        record.burn,
        record.device,
        record.threads
    )
}

/// A command as it is typed: what a shell would take apart is quoted.
fn typed(command: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:+@%".contains(c);
    let words = command
        .iter()
        .map(|word| match word.chars().all(plain) && !word.is_empty() {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', "'\\''")),
        });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn a_command_is_quoted_as_a_shell_reads_it() {
        let words = ["lab", "report", "runs/sgd_*", "it's", "", "--set", "a.b=1"];
        let words = words.map(str::to_owned);
        assert_eq!(
            typed(&words),
            r"lab report 'runs/sgd_*' 'it'\''s' '' --set a.b=1"
        );
    }
}

//! `lab data`.

use super::output::print;
use super::screen::markdown_table;
use super::{CommandError, ExitCode, folder};
use crate::data::{DatasetName, FetchOptions, FileReport, FileState, fetch, list, verify};
use crate::table::{Column, Table};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// List, fetch and verify data sets.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Which data sets there are, and which of them are here
    List(Folder),
    /// Download a data set from its public mirrors
    Fetch(Named),
    /// Check the files of a data set
    Verify(Named),
}

/// The folder of a data command.
#[derive(Args, Debug)]
pub struct Folder {
    /// The data folder [default: $LAB_DATA_DIR, else data]
    #[arg(
        long = "dir",
        visible_alias = "data-dir",
        value_name = "DIR",
        default_value_os_t = folder::of_data(),
        hide_default_value = true,
        value_parser = folder::parser()
    )]
    path: PathBuf,
}

/// A data set and the folder.
#[derive(Args, Debug)]
pub struct Named {
    /// One of those that `lab data list` names
    #[arg(value_name = "NAME")]
    name: String,
    /// No progress
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    folder: Folder,
}

/// Runs the command.
pub fn run(command: &DataCommand) -> Result<ExitCode, CommandError> {
    match command {
        DataCommand::List(folder) => show_list(&folder.path),
        DataCommand::Fetch(named) => {
            let options = FetchOptions {
                quiet: named.quiet,
                ..FetchOptions::default()
            };
            let name: DatasetName = named.name.parse()?;
            let reports = fetch(name, &named.folder.path, &options)?;
            show_reports(&reports)
        }
        DataCommand::Verify(named) => {
            let name: DatasetName = named.name.parse()?;
            let reports = verify(name, &named.folder.path);
            let code = show_reports(&reports)?;
            // Training takes any of CIFAR-10's batches, so absent ones alone are no failure.
            let is_damaged = reports
                .iter()
                .any(|report| matches!(report.state, FileState::Damaged { .. }));
            let is_present = list(&named.folder.path)
                .iter()
                .any(|row| row.dataset == name && row.present);
            Ok(if is_present && !is_damaged {
                ExitCode::Success
            } else {
                code
            })
        }
    }
}

fn show_list(folder: &Path) -> Result<ExitCode, CommandError> {
    let columns = [
        Column::text("name"),
        Column::text("here"),
        Column::number("train"),
        Column::number("test"),
        Column::text("shape").right(),
        Column::number("classes"),
        Column::text("licence"),
        Column::text("how"),
    ];
    let rows = list(folder).into_iter().map(|row| {
        vec![
            row.dataset.to_string().into(),
            if row.present { "yes" } else { "no" }.into(),
            row.train.into(),
            row.test.into(),
            row.shape.map(|side| side.to_string()).join("x").into(),
            row.classes.into(),
            row.licence.into(),
            row.how.into(),
        ]
    });
    print(&markdown_table(&Table::new(columns).with_rows(rows)))?;
    Ok(ExitCode::Success)
}

/// Prints the state of each file; files that cannot be used make the command fail.
fn show_reports(reports: &[FileReport]) -> Result<ExitCode, CommandError> {
    let rows = reports.iter().map(|report| {
        vec![
            report.name.as_str().into(),
            report.state.to_string().into(),
            report.sha256.as_deref().into(),
        ]
    });
    let table = Table::new(["file", "state", "SHA-256"].map(Column::text)).with_rows(rows);
    print(&markdown_table(&table))?;
    if reports.iter().all(|report| report.state.is_usable()) {
        Ok(ExitCode::Success)
    } else {
        Ok(ExitCode::BadInput)
    }
}

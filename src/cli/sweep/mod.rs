//! `lab sweep`.

mod args;
mod check;
mod cluster;
mod dry_run;
mod launch;
mod list;
mod local;
mod member;
mod status;

use super::find::{Found, find, within_program};
use super::{CommandError, DataDir, ExitCode};
use crate::sweep::{Base, Sweep};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Train every member of a sweep.
///
/// FILE names a base config, arms and axes over its keys, and seeds; `configs/sweeps/` has examples. A member is
/// an ordinary run in `DIR/NAME/ARM/seed-N`. Members that are finished are skipped, those broken off continued, so the
/// same command goes on where it was stopped; several at a time, on several machines, share the work.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SweepArgs {
    #[command(subcommand)]
    command: Option<SweepCommand>,
    #[command(flatten)]
    launch: args::LaunchArgs,
}

// The words of each are those of its arguments: a comment here would hide them.
#[derive(Debug, Subcommand)]
enum SweepCommand {
    Run(member::RunArgs),
    List(list::ListArgs),
    Status(status::StatusArgs),
}

/// Where the runs of a sweep are, and its data.
#[derive(Args, Clone, Debug)]
struct Places {
    /// The folder under which the sweep has its own, NAME [default: runs]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    data_dir: DataDir,
}

impl Places {
    fn out(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new("runs"))
    }

    /// The arguments that say the same to another command.
    fn arguments(&self) -> Vec<String> {
        let out = self
            .out
            .as_ref()
            .map(|out| ["--out".to_owned(), out.display().to_string()]);
        let data = &self.data_dir.data_dir;
        let is_default = *data == super::folder::of_data();
        let data = (!is_default).then(|| ["--data-dir".to_owned(), data.display().to_string()]);
        out.into_iter().chain(data).flatten().collect()
    }
}

/// Runs the command.
pub fn run(args: &SweepArgs) -> Result<ExitCode, CommandError> {
    match &args.command {
        None => launch::run(&args.launch),
        Some(SweepCommand::Run(args)) => member::run(args),
        Some(SweepCommand::List(args)) => list::run(args),
        Some(SweepCommand::Status(args)) => status::run(args),
    }
}

/// Reads the file of a sweep and its base, which is looked for beside the file first.
fn open(file: &Path, places: &Places) -> Result<Sweep, CommandError> {
    let file = find(file)?;
    let shown = file.shown();
    let name = crate::sweep::SweepFile::parse(&file.text, &shown)?.base;
    let base = match beside(&file, &name)? {
        Some(base) => base,
        None => find(Path::new(&name)).map_err(|error| {
            CommandError::Input(format!(
                "{shown}: `base`, from its folder or from here: {error}"
            ))
        })?,
    };
    let base = Base {
        file: base.shown(),
        text: base.text,
    };
    let data = &places.data_dir.data_dir;
    Ok(Sweep::new(&file.path, &file.text, base, data)?)
}

/// The base beside the file of a sweep, if it is there, with or without its extension.
fn beside(sweep: &Found, base: &str) -> Result<Option<Found>, CommandError> {
    let beside = sweep.path.parent().unwrap_or(Path::new("")).join(base);
    let with_extension = PathBuf::from(format!("{}.toml", beside.display()));
    let mut paths = [beside, with_extension].into_iter();
    if sweep.is_starter {
        return Ok(paths.find_map(|path| within_program(&path)));
    }
    paths
        .find(|path| path.is_file())
        .map(Found::read)
        .transpose()
}

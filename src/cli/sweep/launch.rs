//! `lab sweep FILE`.

use super::args::{LaunchArgs, Launcher};
use super::{CommandError, ExitCode, check, cluster, dry_run, local, open};
use crate::cli::output::print;
use crate::report::StatusReport;
use crate::sweep::launch::slurm;
use crate::sweep::{Sweep, SweepDirectory, SweepError};

/// Runs the command.
pub(super) fn run(args: &LaunchArgs) -> Result<ExitCode, CommandError> {
    let file = args.file.clone().unwrap_or_default();
    let sweep = open(&file, &args.places)?;
    if args.dry_run {
        return dry_run::run(args, &sweep);
    }
    if args.launcher == Launcher::Slurm {
        for (flag, is_set) in [
            ("--jobs", args.jobs.is_some()),
            ("--fail-fast", args.fail_fast),
        ] {
            if is_set {
                return Err(CommandError::Input(format!(
                    "{flag} is for --launcher local; `slurm.concurrent` in the file bounds the members at a time"
                )));
            }
        }
    } else if args.detach {
        return Err(CommandError::Input(
            "--detach is for --launcher slurm".to_owned(),
        ));
    }
    let jobs = local::Jobs::new(args)?;
    // Before anything is written: there may be no Slurm.
    let max_array_size = match args.launcher {
        Launcher::Local => None,
        Launcher::Slurm => Some(slurm::max_array_size()?),
    };
    check::every_arm(&sweep, args.places.out(), |_, _| Ok(()))?;
    check_versions(&sweep, args)?;
    let directory = SweepDirectory::claim(&sweep, args.places.out(), args.resume)?;
    let code = match max_array_size {
        None => local::run(args, &sweep, jobs)?,
        Some(size) => cluster::run(args, &sweep, &directory, size)?,
    };
    if code != ExitCode::Interrupted && !args.detach {
        let report = StatusReport {
            listing: &directory.listing,
            states: &directory.states(),
        };
        print(&format!("\n{}", args.format.text(&report)?))?;
    }
    Ok(code)
}

/// Refuses members that another version of this program has made.
fn check_versions(sweep: &Sweep, args: &LaunchArgs) -> Result<(), CommandError> {
    for task in &sweep.tasks {
        match sweep.state(task, args.places.out()) {
            // The arm fails later, by itself.
            Err(SweepError::Tuning { .. }) => {}
            state => Sweep::check_version(&state?)?,
        }
    }
    Ok(())
}

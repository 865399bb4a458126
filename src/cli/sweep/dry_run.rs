//! `lab sweep FILE --dry-run`.

use super::args::{LaunchArgs, Launcher};
use super::{CommandError, ExitCode, check, cluster};
use crate::cli::output::{Format, print};
use crate::config::Limit;
use crate::report::{PlanReport, PlannedRow};
use crate::sweep::{MemberState, Sweep, SweepDirectory};
use crate::train;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the measurements of an arm are timed; longer ones take at least so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints the tasks with their cost, and writes nothing.
pub(super) fn run(args: &LaunchArgs, sweep: &Sweep) -> Result<ExitCode, CommandError> {
    let out = args.places.out();
    let mut kinds: BTreeMap<(usize, Option<u64>), PlannedRow> = BTreeMap::new();
    let mut ends_at_loss = Vec::new();
    check::every_arm(sweep, out, |task, problem| {
        let steps = problem.total_steps();
        let cost = train::cost(problem, PATIENCE)?;
        let is_known = problem.config.schedule.limit == Limit::None;
        let row = PlannedRow {
            task: 0,
            arm: sweep.arms[task.arm].label.clone(),
            seed: 0,
            learning_rate: Some(problem.base_rate()),
            batch: problem.epochs().batch_size(0),
            steps,
            cumulative_rate: is_known.then(|| problem.schedule().cumulative()),
            seconds: cost.step * steps as f64,
            measuring: cost.measuring,
            is_open: cost.is_open,
            state: "",
        };
        ends_at_loss.push(problem.config.train.stop_at_train_loss);
        kinds.insert((task.arm, task.tunes.map(f64::to_bits)), row);
        Ok(())
    })?;
    let mut rows = Vec::new();
    for task in &sweep.tasks {
        let Some(kind) = kinds.get(&(task.arm, task.tunes.map(f64::to_bits))) else {
            continue;
        };
        let state = sweep
            .state(task, out)
            .unwrap_or_else(|_| MemberState::waiting());
        let is_tuned = state.place.as_os_str().is_empty();
        rows.push(PlannedRow {
            task: task.number,
            arm: match task.tunes {
                Some(_) => format!("{} (tuning)", kind.arm),
                None => kind.arm.clone(),
            },
            seed: task.seed,
            learning_rate: kind.learning_rate.filter(|_| !is_tuned),
            cumulative_rate: kind.cumulative_rate.filter(|_| !is_tuned),
            state: state.state.word(),
            ..kind.clone()
        });
    }
    let report = PlanReport {
        name: sweep.name.clone(),
        fingerprint: sweep.fingerprint.clone(),
        directory: sweep.directory(out).display().to_string(),
        ends_at_loss,
        rows,
    };
    tell_change(sweep, args);
    print(&args.format.text(&report)?)?;
    if args.launcher == Launcher::Slurm && matches!(args.format, Format::Md | Format::Text) {
        print(&format!("\n{}", cluster::planned(args, sweep)?))?;
    }
    Ok(ExitCode::Success)
}

/// Says that the file was changed since the sweep was begun, and which members stay valid, as the run itself would.
fn tell_change(sweep: &Sweep, args: &LaunchArgs) {
    match SweepDirectory::change(sweep, args.places.out()) {
        Ok(None) => {}
        Ok(Some(change)) => {
            let numbers: Vec<String> = change.valid.iter().map(usize::to_string).collect();
            let valid = match numbers.as_slice() {
                [] => "No task has a run that stays valid".to_owned(),
                [one] => format!("The run of task {one} stays valid"),
                numbers => format!("The runs of tasks {} stay valid", numbers.join(", ")),
            };
            // What --resume accepts is no refusal.
            let said = match args.resume && change.check(true).is_ok() {
                true => change.counts(),
                false => change.to_string(),
            };
            eprintln!("warning: {said}. {valid}");
        }
        // The run itself refuses it, or its rates are still to be tuned.
        Err(error) => eprintln!("warning: {error}"),
    }
}

//! Going on with a run to an end that is further away than its first one.
//!
//! What is left is, to the byte, the run that would have been that long from the start: it is gone on with from the
//! checkpoint at its old end, or the last one before, and what was measured at the old end because it was the end is no
//! part of it. So only runs can be extended in which nothing up to there has followed from their length.

use super::launch::{Run, new_record};
use super::{Problem, ProblemError};
use crate::config::{self, Config, ConfigError, Override, RadiusPath, Shape};
use crate::measure;
use crate::run::{DirectoryError, Row, RunDirectory, RunRecord, Summary};
use std::path::Path;
use thiserror::Error;

/// The keys that leave the past of a run as it was.
const LENGTHS: [&str; 2] = ["train.epochs", "train.steps"];

/// A run that is to go on to another end.
pub enum Extended {
    /// It has come to that end already, and to this.
    Finished(Box<Summary>),
    /// It goes on.
    Run {
        /// From here.
        run: Box<Run>,
        /// The step it goes on from.
        from: u64,
        /// Rows that were measured after its old end and are no part of it any more.
        dropped: usize,
    },
}

/// Why a run does not go on to another end.
#[derive(Debug, Error)]
pub enum ExtendError {
    /// Its length cannot be set to that, or not without another key.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its problem cannot be set up.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// Its directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Another key than its length is to be set.
    #[error(
        "--resume {path} with --set {key}: {why}. A run that goes on takes --set train.epochs and --set train.steps; \
         for anything else train another run: `lab train --config {path}/config.toml --set {key}=... --out DIR`"
    )]
    OtherKey {
        /// The run.
        path: String,
        /// The key.
        key: String,
        /// Why it is no other end of the same run.
        why: &'static str,
    },
    /// What it would become is not what a run of that length is.
    #[error(
        "{path} cannot be extended: {why}. To have the longer run train it anew: `lab train --config \
         {path}/config.toml --set {set} --out DIR`"
    )]
    Depends {
        /// The run.
        path: String,
        /// What depends on its length.
        why: String,
        /// The length that was asked for.
        set: String,
    },
    /// It is past that end.
    #[error("{path} has made {made} steps, and {set} is {total}: a run goes on, not back")]
    Past {
        /// The run.
        path: String,
        /// Steps made.
        made: u64,
        /// The length that was asked for.
        set: String,
        /// The same in steps.
        total: u64,
    },
}

/// Makes of a run, finished or broken off, the beginning of a longer one, which is this process's from then on. A
/// process that dies on the way leaves a run that the same call goes on with.
///
/// # Errors
///
/// [`ExtendError`]; the run is then as it was.
pub fn extend(
    path: &Path,
    overrides: &[Override],
    data_dir: &Path,
) -> Result<Extended, ExtendError> {
    check_keys(path, overrides)?;
    let directory = RunDirectory::open_for_writing(path)?;
    directory.check_resumable()?;
    let record = directory.read_json::<RunRecord>("run.json").ok();
    let known = measure::names();
    let old = config::load(&directory.config_file(), &[], &known)?;
    let new = config::load(&directory.config_file(), overrides, &known)?;
    let recorded = recorded(&directory, record.as_ref(), &old)?;
    let summary = directory.read_json::<Summary>("summary.json").ok();
    let summary = summary.filter(|_| directory.is_finished());
    let set = told(&new);
    if let Some(why) = depends(&new, summary.as_ref()) {
        let path = path.display().to_string();
        return Err(ExtendError::Depends { path, why, set });
    }
    let problem = Problem::open(new, data_dir)?;
    let record = record.unwrap_or_else(|| new_record(&problem));
    record.check_data(problem.sources())?;
    let (made, total) = (made(&directory, summary.as_ref()), problem.total_steps());
    if total < made {
        let path = path.display().to_string();
        return Err(ExtendError::Past {
            path,
            made,
            set,
            total,
        });
    }
    match summary {
        Some(summary) if total == made => Ok(Extended::Finished(Box::new(summary))),
        _ => lengthen(directory, record, problem, [&old, &recorded]),
    }
}

/// Refuses keys that are no length, each with the reason.
fn check_keys(path: &Path, overrides: &[Override]) -> Result<(), ExtendError> {
    let mut keys = overrides.iter().map(Override::key);
    let Some(key) = keys.find(|key| !LENGTHS.contains(key)) else {
        return Ok(());
    };
    Config::check_key(key)?;
    let table = key.split('.').next().unwrap_or_default();
    let why = match (key, table) {
        ("train.stop_at_train_loss" | "train.stop_check_every", _) => {
            "where a run looks at its loss decides where it ends, and the steps made were looked at otherwise"
        }
        ("train.keep_checkpoints" | "train.checkpoint_every", _) => {
            "checkpoints that were not kept cannot be had any more"
        }
        ("train.evaluate_every", _) | (_, "hooks" | "events") => {
            "what was not measured on the way is not measured by going on; `lab measure --append` measures what is left of it, with \
             --checkpoints at every checkpoint that was kept"
        }
        (_, "schedule" | "optimizer" | "learning_rate_rule") => {
            "the steps made were made by another rule"
        }
        (_, "data") => "the steps made saw other data",
        (_, "model") => "the steps made moved another network",
        (_, "average") => "the steps made are in no such average",
        ("name" | "seed", _) => "it says which run this is",
        ("backend" | "precision", _) => "the steps made were computed otherwise",
        _ => "the steps made were made without it",
    };
    Err(ExtendError::OtherKey {
        path: path.display().to_string(),
        key: key.to_owned(),
        why,
    })
}

/// The config of the record, which differs from that of the file in its length at most: then a process has died while it
/// extended the run.
fn recorded(
    directory: &RunDirectory,
    record: Option<&RunRecord>,
    found: &Config,
) -> Result<Config, ExtendError> {
    let table = record.and_then(|record| record.config.clone());
    let (Some(mut table), Err(error)) = (table, directory.config(record)) else {
        return Ok(found.clone());
    };
    let text = |table: &toml::Table| toml::to_string(table).unwrap_or_default();
    let parsed = |text: &str| config::parse(text, "run.json", &[], "run", &measure::names());
    let own = parsed(&text(&table))?;
    let length = found.value("train").and_then(|train| {
        let train = train.as_table()?.clone();
        Some(train.into_iter().filter(|(key, _)| is_length(key)))
    });
    if let Some(train) = table.get_mut("train").and_then(toml::Value::as_table_mut) {
        train.retain(|key, _| !is_length(key));
        train.extend(length.into_iter().flatten());
    }
    match parsed(&text(&table)) {
        Ok(config) if config == *found => Ok(own),
        _ => Err(error.into()),
    }
}

/// Whether a key of `[train]` is a length.
fn is_length(key: &str) -> bool {
    LENGTHS.contains(&format!("train.{key}").as_str())
}

/// Why the past of a run would have been another one in a longer run; none where it would not.
fn depends(config: &Config, summary: Option<&Summary>) -> Option<String> {
    const OTHERWISE: &str = "is drawn out to the last step, so that in a longer run the steps made would have had other";
    if let Shape::Cosine(_) = config.schedule.shape {
        return Some(format!(
            "schedule.kind = \"cosine\" {OTHERWISE} learning rates"
        ));
    }
    if let Some(RadiusPath::Linear(_) | RadiusPath::Cosine(_)) =
        config.sharpness_aware.as_ref().map(|keys| keys.path)
    {
        return Some(format!("sharpness_aware.schedule {OTHERWISE} radii"));
    }
    let ended = summary.filter(|summary| summary.stopped_by == "train.stop_at_train_loss")?;
    let target = config.train.stop_at_train_loss.unwrap_or_default();
    Some(format!(
        "it has ended at train.stop_at_train_loss = {target} after {} steps, and so would a longer run",
        ended.steps
    ))
}

/// The length of a config, as it is set.
fn told(config: &Config) -> String {
    let lengths = LENGTHS.iter();
    let lengths = lengths.filter_map(|key| Some(format!("{key}={}", config.value(key)?)));
    lengths.collect::<Vec<_>>().join(" ")
}

/// The steps that a run has made and kept.
fn made(directory: &RunDirectory, summary: Option<&Summary>) -> u64 {
    match summary {
        Some(summary) => summary.steps,
        None => directory.newest_step().map_or(0, |(step, _)| step),
    }
}

/// Makes the files of a run those of a longer one that was broken off.
fn lengthen(
    directory: RunDirectory,
    mut record: RunRecord,
    problem: Problem,
    old: [&Config; 2],
) -> Result<Extended, ExtendError> {
    let rows = directory.rows()?.rows;
    let new = problem.config.fingerprint();
    let fingerprints = old.map(Config::fingerprint);
    let known = fingerprints.each_ref().map(String::as_str);
    let newest = |fingerprint: &str| {
        let blueprint = problem.objective.network().blueprint();
        directory.newest_checkpoint(fingerprint, blueprint, problem.config.precision)
    };
    // Nothing is touched of a run that cannot go on.
    if known
        .iter()
        .chain([&new.as_str()])
        .all(|own| newest(own).is_err())
    {
        newest(known[0])?;
    }
    // Without its summary the run is one that was broken off before its end.
    directory.remove_end()?;
    directory.readdress_checkpoints(&known, &new)?;
    let newest = newest(&new)?;
    let from = newest.checkpoint.as_ref();
    let from = from.map_or(0, |checkpoint| checkpoint.step);
    record.extend(&problem.config, from);
    directory.write("config.toml", problem.config.to_toml().as_bytes())?;
    directory.write_json("run.json", &record)?;
    Ok(Extended::Run {
        dropped: rows.iter().filter(is_later).count(),
        run: Box::new(Run::going_on(problem, directory, record, newest)),
        from,
    })
}

/// Whether a row was measured after the run had ended.
fn is_later(row: &&Row) -> bool {
    row.version.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> Config {
        let text = format!("optimizer.learning_rate = 0.1\ntrain.epochs = 2\n{lines}");
        config::parse(&text, "x.toml", &[], "x", &measure::names()).unwrap()
    }

    #[test]
    fn every_key_but_the_length_is_refused_with_a_reason() {
        let said = |text: &str| {
            let overrides = [Override::parse(text).unwrap()];
            check_keys(Path::new("runs/a"), &overrides)
                .map_or_else(|error| error.to_string(), |()| String::new())
        };
        assert_eq!(said("train.epochs=3"), "");
        assert_eq!(said("train.steps=3"), "");
        for (set, part) in [
            ("optimizer.learning_rate=0.5", "made by another rule"),
            ("schedule.kind=cosine", "made by another rule"),
            ("hooks=[]", "`lab measure --append`"),
            ("train.batch_size=7", "made without it"),
            ("data.train=9", "other data"),
            ("train.stop_at_train_loss=0.1", "decides where it ends"),
            ("model.hidden=[3]", "another network"),
            ("seed=3", "which run this is"),
            ("precision=f64", "computed otherwise"),
        ] {
            let message = said(set);
            assert!(message.contains(part), "{message}");
            assert!(message.contains("lab train --config runs/a/config.toml"));
        }
        assert!(said("train.epoch=3").contains("did you mean"));
    }

    #[test]
    fn what_is_drawn_out_over_the_run_depends_on_its_length() {
        let why = |lines: &str| depends(&config(lines), None);
        for lines in [
            "",
            "schedule.kind = \"step\"\nschedule.every = 1",
            "schedule.kind = \"exponential\"\nschedule.decay = 0.9",
            "schedule.warmup = 1",
            "sharpness_aware.rho = 0.1",
            "train.stop_at_train_loss = 0.1",
        ] {
            assert_eq!(why(lines), None, "{lines}");
        }
        assert!(
            why("schedule.kind = \"cosine\"")
                .unwrap()
                .contains("learning rates")
        );
        let sam = "sharpness_aware = { rho = 0.1, schedule = \"linear\", final_rho = 0.0 }";
        assert!(why(sam).unwrap().contains("radii"));
    }
}

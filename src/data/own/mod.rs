//! Data of the user's own: arrays, pictures and tables, and the test part that is drawn where none is given.

mod arrays;
mod folder;
mod labels;
mod table;
#[cfg(test)]
pub(super) mod tests;

use std::path::{Path, PathBuf};

use super::samples::{Answers, Inputs, Samples};
use super::words::Subset;
use super::{DataError, Source, sha256_hex};
use crate::config::{Data, Own};
use crate::random::Streams;

/// Data as their files hold them.
#[derive(Clone, Debug)]
pub(super) struct RawSamples {
    /// The training part.
    pub train: Samples,
    /// The test part.
    pub test: Samples,
    /// The files read.
    pub sources: Vec<Source>,
    /// What whoever trains on them should know.
    pub remarks: Vec<String>,
}

/// What a reader finds; a test part only where one is given.
struct Found {
    train: Samples,
    test: Option<Samples>,
    sources: Vec<Source>,
}

/// How a test part is drawn where a config was not read.
const USUAL: Own = Own {
    test_share: 0.2,
    split_seed: 0,
};

/// The most classes, which are numbered by bytes.
const MOST_CLASSES: usize = 256;

/// Reads the data of the user's own that `plan` names; none where it names others.
///
/// # Errors
/// A file cannot be read or used, or there are too few samples for a test part.
pub(super) fn read(plan: &Data) -> Result<Option<RawSamples>, DataError> {
    let found = match (&plan.arrays, &plan.folder, &plan.csv) {
        (Some(arrays), _, _) => arrays::read(arrays, plan)?,
        (_, Some(folder), _) => folder::read(folder)?,
        (_, _, Some(csv)) => table::read(csv, plan)?,
        _ => return Ok(None),
    };
    let Found {
        train,
        test,
        sources,
    } = found;
    let mut remarks = Vec::new();
    let (train, test) = match test {
        Some(test) => (train, test),
        None => {
            let own = plan.own.unwrap_or(USUAL);
            let (train, test) = split(&train, &own)?;
            remarks.push(format!(
                "no test part is given: {} of the {} samples, drawn by data.split_seed = {}, are it (data.test_share = {})",
                test.len(),
                train.len() + test.len(),
                own.split_seed,
                own.test_share,
            ));
            (train, test)
        }
    };
    Ok(Some(RawSamples {
        train,
        test,
        sources,
        remarks,
    }))
}

/// What is left to train on, and what is drawn for the test part; at least one sample each.
fn split(samples: &Samples, own: &Own) -> Result<(Samples, Samples), DataError> {
    let count = samples.len();
    if count < 2 {
        return Err(DataError::NothingToTest);
    }
    let drawn = ((own.test_share * count as f64).round() as usize).clamp(1, count - 1);
    let mut rng = Streams::new(own.split_seed).stream("test_share", 0);
    let drawn = Subset::Random.choose(&samples.answers, drawn, &mut rng);
    let is_drawn = |index: &usize| drawn.binary_search(index).is_ok();
    let left: Vec<usize> = (0..count).filter(|index| !is_drawn(index)).collect();
    Ok((samples.select(&left), samples.select(&drawn)))
}

/// A file that a key of the config names.
struct Named {
    key: &'static str,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Named {
    /// Reads the file whole.
    fn read(key: &'static str, path: &str) -> Result<Self, DataError> {
        let path = PathBuf::from(path);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Self { key, path, bytes }),
            Err(reason) => Err(unusable(key, &path, missing(&path, &reason.to_string()))),
        }
    }

    /// The file as a run's record names it.
    fn source(&self) -> Source {
        Source {
            name: last(&self.path),
            sha256: sha256_hex(&self.bytes),
        }
    }

    fn unusable(&self, reason: impl ToString) -> DataError {
        unusable(self.key, &self.path, reason.to_string())
    }
}

fn unusable(key: &'static str, path: &Path, reason: String) -> DataError {
    DataError::Own {
        key,
        path: path.to_owned(),
        reason,
    }
}

/// Why something cannot be read; of what is not there, where a path begins.
fn missing(path: &Path, reason: &str) -> String {
    match path.exists() {
        true => format!("{reason}."),
        false => format!(
            "{reason}. A relative path begins at the folder of the config, one of --set at the working folder."
        ),
    }
}

/// The last part of a path.
fn last(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Refuses a test part that is made otherwise than the training part; each is told of by its name.
fn check_alike(
    [train, test]: [&Samples; 2],
    [train_name, test_name]: [&str; 2],
) -> Result<(), String> {
    if train.shape != test.shape {
        let [ours, theirs] = [train, test].map(|part| shape(part.shape));
        return Err(format!(
            "{train_name} has samples of {ours}, and {test_name} has samples of {theirs}."
        ));
    }
    match (&train.inputs, &test.inputs) {
        (Inputs::Bytes { .. }, Inputs::Numbers(_)) | (Inputs::Numbers(_), Inputs::Bytes { .. }) => {
            let of = |part: &Samples| match part.inputs {
                Inputs::Bytes { .. } => "bytes, which count as 0 to 1",
                Inputs::Numbers(_) => "numbers of another type, which count as they are",
            };
            return Err(format!(
                "{train_name} holds {}, and {test_name} holds {}: save both as one type.",
                of(train),
                of(test)
            ));
        }
        _ => {}
    }
    match (&train.answers, &test.answers) {
        (Answers::Numbers { outputs, .. }, Answers::Numbers { outputs: other, .. })
            if outputs != other =>
        {
            Err(format!(
                "{train_name} has {outputs} targets for each sample, and {test_name} has {other}."
            ))
        }
        _ => Ok(()),
    }
}

fn shape([channels, height, width]: [usize; 3]) -> String {
    match (height, width) {
        (1, 1) => format!("{channels} features"),
        _ => format!("{channels}×{height}×{width} numbers"),
    }
}

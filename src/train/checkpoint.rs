//! Everything a run depends on, in one file, so that a stopped run goes on as if it never had.
//!
//! Random streams are functions of the step, so no generator state is kept.

use crate::backend::Compute;
use crate::linear::Precision;
use crate::linear::Recollection;
use crate::model::Blueprint;
use crate::optim::OptimizerState;
use crate::params::store::{FLOATS, NamedArray, encode, numbers};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::path::{Path, PathBuf};

const PARAMETERS: &str = "parameters";
const STATISTICS: &str = "statistics";
const OPTIMIZER: &str = "optimizer.";
const EIGENVALUES: &str = "measure.eigenvalues";
const EIGENVECTORS: &str = "measure.eigenvectors";
const METADATA: &str = "lab";

/// What the digest of a file follows in its header, and its length in hexadecimal digits.
const DIGEST: &str = "\"lab\":\"sha256:";
const DIGITS: usize = 64;

/// The state of a run between two steps.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The fingerprint of the run's config.
    pub config: String,
    /// Steps made.
    pub step: u64,
    /// The parameter vector.
    pub parameters: Vec<f64>,
    /// The running statistics of normalisation layers.
    pub statistics: Vec<f64>,
    /// The optimizer's moments and counters.
    pub optimizer: OptimizerState,
    /// What a warm-started search for eigenvalues begins with.
    pub recollection: Option<Recollection>,
    /// Bytes of `metrics.jsonl` that were written by then.
    pub metrics_length: u64,
    /// Seconds spent training and measuring by then.
    pub seconds: Seconds,
}

/// Where a run's time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// In optimizer steps.
    pub training: f64,
    /// In measurements.
    pub measuring: f64,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    config: String,
    step: u64,
    metrics_length: u64,
    seconds: Seconds,
    optimizer_steps: u64,
}

impl Checkpoint {
    /// Encodes the checkpoint; always in f64, which holds an f32 run's numbers exactly.
    ///
    /// # Errors
    ///
    /// A sentence on what could not be encoded.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut arrays: Vec<NamedArray<'_>> = [
            (PARAMETERS, &self.parameters),
            (STATISTICS, &self.statistics),
        ]
        .map(|(name, values)| (name.to_owned(), vec![values.len()], &values[..]))
        .to_vec();
        let vectors = self.optimizer.vectors.iter();
        arrays.extend(vectors.map(|(name, values)| {
            let name = format!("{OPTIMIZER}{name}");
            (name, vec![values.len()], &values[..])
        }));
        let remembered = self.recollection.as_ref().map(|recollection| {
            let vectors = (0..recollection.len()).flat_map(|index| recollection.vector(index));
            (recollection.values(), vectors.collect::<Vec<f64>>())
        });
        if let Some((values, vectors)) = &remembered {
            let shape = vec![values.len(), self.parameters.len()];
            arrays.push((EIGENVALUES.to_owned(), vec![values.len()], values));
            arrays.push((EIGENVECTORS.to_owned(), shape, vectors));
        }
        let metadata = serde_json::to_string(&Metadata {
            config: self.config.clone(),
            step: self.step,
            metrics_length: self.metrics_length,
            seconds: self.seconds,
            optimizer_steps: self.optimizer.steps,
        })
        .map_err(|error| error.to_string())?;
        let metadata = format!("sha256:{} {metadata}", "0".repeat(DIGITS));
        let mut bytes = encode(&arrays, Precision::F64, (METADATA, metadata))?;
        let place = place_of_digest(&bytes).ok_or("its header has no place for a digest")?;
        let digest = digest_without(&bytes, &place);
        bytes[place].copy_from_slice(digest.as_bytes());
        Ok(bytes)
    }

    /// What holds a number that is not finite, if anything does.
    pub fn not_finite(&self) -> Option<&'static str> {
        let is_finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        if !is_finite(&self.parameters) {
            return Some("a parameter");
        }
        if !is_finite(&self.statistics) {
            return Some("a running statistic");
        }
        let mut vectors = self.optimizer.vectors.iter();
        let is_overflown = vectors.any(|(_, values)| !is_finite(values));
        is_overflown.then_some("the optimizer's state")
    }

    /// Decodes a checkpoint of a model with this blueprint.
    ///
    /// # Errors
    ///
    /// A sentence on what does not fit, or that the file is not, to the bit, what was written.
    pub fn decode(bytes: &[u8], model: &Blueprint, compute: &Compute) -> Result<Self, String> {
        let place = place_of_digest(bytes)
            .ok_or("damaged, or of an earlier version: it carries no digest of its values")?;
        if digest_without(bytes, &place).as_bytes() != &bytes[place] {
            return Err("damaged: its values are not those of its SHA-256".to_owned());
        }
        let format = |error: safetensors::SafeTensorError| error.to_string();
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let metadata = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(METADATA))
            .ok_or("it was not written by this program")?;
        let (_, metadata) = metadata.split_once(' ').unwrap_or_default();
        let metadata: Metadata =
            serde_json::from_str(metadata).map_err(|error| error.to_string())?;
        let file = SafeTensors::deserialize(bytes).map_err(format)?;
        let mut checkpoint = Self {
            config: metadata.config,
            step: metadata.step,
            parameters: Vec::new(),
            statistics: Vec::new(),
            optimizer: OptimizerState {
                steps: metadata.optimizer_steps,
                vectors: Vec::new(),
            },
            recollection: None,
            metrics_length: metadata.metrics_length,
            seconds: metadata.seconds,
        };
        let (mut eigenvalues, mut eigenvectors) = (Vec::new(), Vec::new());
        for (name, view) in file.iter() {
            let values =
                numbers(&view, FLOATS).ok_or_else(|| format!("{name} is not made of floats"))?;
            if name == PARAMETERS {
                checkpoint.parameters = values;
            } else if name == STATISTICS {
                checkpoint.statistics = values;
            } else if name == EIGENVALUES {
                eigenvalues = values;
            } else if name == EIGENVECTORS {
                eigenvectors = values;
            } else if let Some(name) = name.strip_prefix(OPTIMIZER) {
                checkpoint.optimizer.vectors.push((name.to_owned(), values));
            }
        }
        let found = [&checkpoint.parameters, &checkpoint.statistics].map(Vec::len);
        let expected = [model.parameters(), model.statistics()].map(|layout| layout.len());
        for (what, (found, expected)) in [PARAMETERS, STATISTICS]
            .into_iter()
            .zip(found.into_iter().zip(expected))
        {
            if found != expected {
                return Err(format!(
                    "it holds {found} {what}, the model in the config has {expected}"
                ));
            }
        }
        let remembered = eigenvalues
            .len()
            .saturating_mul(checkpoint.parameters.len());
        if eigenvectors.len() != remembered {
            return Err(format!(
                "its {} remembered eigenvectors have {} numbers, expected {remembered}",
                eigenvalues.len(),
                eigenvectors.len()
            ));
        }
        if !eigenvalues.is_empty() {
            let vectors = eigenvectors.chunks(checkpoint.parameters.len().max(1));
            let pairs: Vec<_> = eigenvalues
                .into_iter()
                .zip(vectors.map(<[f64]>::to_vec))
                .collect();
            let recollection = Recollection::new(&pairs, compute.precision);
            checkpoint.recollection = Some(recollection.map_err(|error| error.to_string())?);
        }
        Ok(checkpoint)
    }

    /// The file name of a checkpoint at a step.
    pub fn file_name(step: u64) -> String {
        format!("step-{step:09}.safetensors")
    }

    /// The checkpoint files of a folder, newest first.
    pub fn files(folder: &Path) -> Vec<PathBuf> {
        Self::files_ending(folder, ".safetensors")
    }

    /// The checkpoint files of a folder that were not finished.
    pub fn partial_files(folder: &Path) -> Vec<PathBuf> {
        let end = crate::files::partial(Path::new(".safetensors"));
        Self::files_ending(folder, &end.to_string_lossy())
    }

    fn files_ending(folder: &Path, end: &str) -> Vec<PathBuf> {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("step-") && name.ends_with(end)
            })
            .collect();
        files.sort();
        files.reverse();
        files
    }
}

/// Where in a file its digest stands.
fn place_of_digest(bytes: &[u8]) -> Option<Range<usize>> {
    let mut windows = bytes.windows(DIGEST.len());
    let start = windows.position(|window| window == DIGEST.as_bytes())? + DIGEST.len();
    let place = start..start + DIGITS;
    (place.end <= bytes.len()).then_some(place)
}

/// The SHA-256 of a file, in hexadecimal, with zeros in the place of the digest itself.
fn digest_without(bytes: &[u8], place: &Range<usize>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(&bytes[..place.start]);
    hasher.update([b'0'; DIGITS]);
    hasher.update(&bytes[place.end..]);
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Builder, Start};

    /// A model with so many parameters and one running statistic.
    fn model(parameters: usize) -> Blueprint {
        let mut builder = Builder::default();
        builder.parameter("w".to_owned(), &[parameters], Start::Constant(0.0));
        builder.statistic("mean".to_owned(), &[1], 0.0);
        builder.finish()
    }

    fn remembered() -> Recollection {
        let pairs = [(2.0, vec![0.6, 0.8]), (1.0, vec![-0.8, 0.6])];
        Recollection::new(&pairs, Precision::F32).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            config: "fingerprint".to_owned(),
            step: 42,
            parameters: vec![1.0, 1.0 / 3.0],
            statistics: vec![0.25],
            optimizer: OptimizerState {
                steps: 42,
                vectors: vec![("velocity".to_owned(), vec![0.1, -2.0])],
            },
            recollection: Some(remembered()),
            metrics_length: 1234,
            seconds: Seconds {
                training: 1.5,
                measuring: 0.5,
            },
        }
    }

    #[test]
    fn a_checkpoint_survives_a_round_trip() {
        let before = checkpoint();
        let layout = model(2);
        let compute = Compute::cpu(Precision::F32);
        let after = Checkpoint::decode(&before.encode().unwrap(), &layout, &compute).unwrap();
        assert_eq!(after.step, before.step);
        assert_eq!(after.parameters, before.parameters);
        assert_eq!(after.statistics, before.statistics);
        let found = after.recollection.unwrap();
        assert_eq!(found.values(), remembered().values());
        for index in 0..2 {
            assert_eq!(found.vector(index), remembered().vector(index));
        }
        assert_eq!(after.metrics_length, before.metrics_length);
        assert_eq!(after.seconds, before.seconds);
        assert_eq!(after.optimizer, before.optimizer);
    }

    #[test]
    fn a_checkpoint_of_another_model_is_refused() {
        let layout = model(3);
        let bytes = checkpoint().encode().unwrap();
        let error = Checkpoint::decode(&bytes, &layout, &Compute::cpu(Precision::F32)).unwrap_err();
        assert_eq!(
            error,
            "it holds 2 parameters, the model in the config has 3"
        );
    }

    #[test]
    fn a_flipped_bit_anywhere_is_damage() {
        let layout = model(2);
        let compute = Compute::cpu(Precision::F32);
        let mut bytes = checkpoint().encode().unwrap();
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = Checkpoint::decode(&bytes, &layout, &compute).unwrap_err();
            assert!(error.starts_with("damaged"), "bit {bit}: {error}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(Checkpoint::decode(&bytes, &layout, &compute).is_ok());
    }

    #[test]
    fn the_same_state_gives_the_same_bytes() {
        assert_eq!(
            checkpoint().encode().unwrap(),
            checkpoint().encode().unwrap()
        );
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let mut state = checkpoint();
        assert_eq!(state.not_finite(), None);
        state.optimizer.vectors[0].1[0] = f64::INFINITY;
        assert_eq!(state.not_finite(), Some("the optimizer's state"));
        state.statistics[0] = f64::NAN;
        assert_eq!(state.not_finite(), Some("a running statistic"));
        state.parameters[1] = f64::NEG_INFINITY;
        assert_eq!(state.not_finite(), Some("a parameter"));
    }

    #[test]
    fn half_a_file_is_refused() {
        let layout = model(2);
        let bytes = checkpoint().encode().unwrap();
        let half = &bytes[..bytes.len() / 2];
        assert!(Checkpoint::decode(half, &layout, &Compute::cpu(Precision::F32)).is_err());
    }
}

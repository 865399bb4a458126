//! Everything a run depends on, in one file, so that a stopped run goes on as if it never had.
//!
//! Random streams are functions of the step, so no generator state is kept.

use crate::backend::Compute;
use crate::config::Precision;
use crate::curvature::Recollection;
use crate::model::Blueprint;
use crate::optim::OptimizerState;
use crate::params::store::{NamedArray, encode, numbers};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const PARAMETERS: &str = "parameters";
const STATISTICS: &str = "statistics";
const OPTIMIZER: &str = "optimizer.";
const EIGENVALUES: &str = "measure.eigenvalues";
const EIGENVECTORS: &str = "measure.eigenvectors";
const METADATA: &str = "lab";

/// The number of this format; it grows with every change that older programs could not read right.
const FORMAT: u32 = 2;

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
    /// Absent in the first format, whose optimizer states were those of another library.
    #[serde(default)]
    format: u32,
    config: String,
    step: u64,
    metrics_length: u64,
    seconds: Seconds,
    #[serde(default)]
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
            format: FORMAT,
            config: self.config.clone(),
            step: self.step,
            metrics_length: self.metrics_length,
            seconds: self.seconds,
            optimizer_steps: self.optimizer.steps,
        })
        .map_err(|error| error.to_string())?;
        encode(&arrays, Precision::F64, (METADATA, metadata))
    }

    /// Decodes a checkpoint of a model with this blueprint.
    ///
    /// # Errors
    ///
    /// A sentence on what does not fit.
    pub fn decode(bytes: &[u8], model: &Blueprint, compute: &Compute) -> Result<Self, String> {
        let format = |error: safetensors::SafeTensorError| error.to_string();
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let metadata = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(METADATA))
            .ok_or("it was not written by this program")?;
        let metadata: Metadata =
            serde_json::from_str(metadata).map_err(|error| error.to_string())?;
        if metadata.format != FORMAT {
            return Err(format!(
                "it has format {}, made by another version of lab; this one reads format {FORMAT}",
                metadata.format
            ));
        }
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
            let values = numbers(&view).ok_or_else(|| format!("{name} is not made of floats"))?;
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
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("step-") && name.ends_with(".safetensors")
            })
            .collect();
        files.sort();
        files.reverse();
        files
    }
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
    fn a_checkpoint_of_another_format_is_refused() {
        let before = checkpoint();
        let bytes = before.encode().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // The same length, so that the header stays one.
        let place = text.find(r#"\"format\":2"#).unwrap() + r#"\"format\":"#.len();
        let mut old = bytes;
        old[place] = b'1';
        let compute = Compute::cpu(Precision::F32);
        let error = Checkpoint::decode(&old, &model(2), &compute).unwrap_err();
        assert!(
            error.contains("another version of lab; this one reads format 2"),
            "{error}"
        );
    }

    #[test]
    fn half_a_file_is_refused() {
        let layout = model(2);
        let bytes = checkpoint().encode().unwrap();
        let half = &bytes[..bytes.len() / 2];
        assert!(Checkpoint::decode(half, &layout, &Compute::cpu(Precision::F32)).is_err());
    }
}

//! Everything a run depends on, in one file, so that a stopped run goes on as if it never had.
//!
//! Random streams are functions of the step, so no generator state is kept.

use super::EventMemory;
use crate::linear::{Precision, WarmStart};
use crate::model::Blueprint;
use crate::params::store::{FLOATS, NamedArray, encode, numbers};
use crate::params::{Parts, SavedState};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a file is made of; another number is a file of another version of this program.
const FORMAT: u32 = 2;

const PARAMETERS: &str = "parameters";
const STATISTICS: &str = "statistics";
/// `part.<part>.<vector>`
const PART: &str = "part.";
/// `remembered.<scope>.values` and `.vectors`
const REMEMBERED: &str = "remembered.";
const VALUES: &str = ".values";
const VECTORS: &str = ".vectors";
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
    /// What the parts of a step keep, such as the optimizer's moments and counters.
    pub parts: Parts,
    /// What searches for eigenvalues have left, by the scope they are taken in.
    pub warm_starts: BTreeMap<String, WarmStart>,
    /// What those who look out for events remember.
    pub events: EventMemory,
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
    format: u32,
    config: String,
    step: u64,
    #[serde(default)]
    events: EventMemory,
    metrics_length: u64,
    seconds: Seconds,
    /// The steps that each part has made.
    parts: BTreeMap<String, u64>,
}

impl Checkpoint {
    /// Encodes the checkpoint; always in f64, which holds an f32 run's numbers exactly.
    ///
    /// # Errors
    ///
    /// A sentence on what could not be encoded.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let array = |name: String, values| (name, vec![<[f64]>::len(values)], values);
        let mut arrays: Vec<NamedArray<'_>> = vec![
            array(PARAMETERS.to_owned(), &self.parameters),
            array(STATISTICS.to_owned(), &self.statistics),
        ];
        for (part, state) in &self.parts {
            let vectors = state.vectors.iter();
            arrays.extend(
                vectors.map(|(name, values)| array(format!("{PART}{part}.{name}"), values)),
            );
        }
        let remembered: Vec<_> = self.warm_starts.iter().map(vectors_of).collect();
        for (scope, values, vectors) in &remembered {
            let shape = vec![values.len(), self.parameters.len()];
            arrays.push(array(format!("{REMEMBERED}{scope}{VALUES}"), values));
            arrays.push((format!("{REMEMBERED}{scope}{VECTORS}"), shape, vectors));
        }
        let metadata =
            serde_json::to_string(&self.metadata()).map_err(|error| error.to_string())?;
        let metadata = format!("sha256:{} {metadata}", "0".repeat(DIGITS));
        let mut bytes = encode(&arrays, Precision::F64, (METADATA, metadata))?;
        let place = place_of_digest(&bytes).ok_or("its header has no place for a digest")?;
        let digest = digest_without(&bytes, &place);
        bytes[place].copy_from_slice(digest.as_bytes());
        Ok(bytes)
    }

    fn metadata(&self) -> Metadata {
        let parts = self.parts.iter();
        Metadata {
            format: FORMAT,
            config: self.config.clone(),
            step: self.step,
            events: self.events.clone(),
            metrics_length: self.metrics_length,
            seconds: self.seconds,
            parts: parts
                .map(|(part, state)| (part.clone(), state.steps))
                .collect(),
        }
    }

    /// What holds a number that is not finite, if anything does.
    pub fn not_finite(&self) -> Option<String> {
        let is_finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        if !is_finite(&self.parameters) {
            return Some("a parameter".to_owned());
        }
        if !is_finite(&self.statistics) {
            return Some("a running statistic".to_owned());
        }
        let is_overflown =
            |state: &SavedState| state.vectors.iter().any(|(_, values)| !is_finite(values));
        let mut parts = self.parts.iter();
        let (part, _) = parts.find(|(_, state)| is_overflown(state))?;
        Some(format!("the {part}'s state"))
    }

    /// Decodes a checkpoint of a model with this blueprint.
    ///
    /// # Errors
    ///
    /// A sentence on what does not fit, or that the file is not, to the bit, what was written.
    pub fn decode(bytes: &[u8], model: &Blueprint, precision: Precision) -> Result<Self, String> {
        let metadata = metadata_of(bytes)?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let states = metadata.parts.into_iter().map(|(part, steps)| {
            let vectors = Vec::new();
            (part, SavedState { steps, vectors })
        });
        let mut checkpoint = Self {
            config: metadata.config,
            step: metadata.step,
            parameters: Vec::new(),
            statistics: Vec::new(),
            parts: states.collect(),
            warm_starts: BTreeMap::new(),
            events: metadata.events,
            metrics_length: metadata.metrics_length,
            seconds: metadata.seconds,
        };
        let mut remembered: BTreeMap<&str, [Vec<f64>; 2]> = BTreeMap::new();
        let arrays = file.tensors();
        for (name, view) in &arrays {
            let values =
                numbers(view, FLOATS).ok_or_else(|| format!("{name} is not made of floats"))?;
            if name == PARAMETERS {
                checkpoint.parameters = values;
            } else if name == STATISTICS {
                checkpoint.statistics = values;
            } else if let Some((part, vector)) = of_part(name) {
                let state = checkpoint.parts.get_mut(part);
                let state = state.ok_or_else(|| format!("{name} is of no part that it lists"))?;
                state.vectors.push((vector.to_owned(), values));
            } else if let Some((scope, is_vectors)) = of_scope(name) {
                remembered.entry(scope).or_default()[usize::from(is_vectors)] = values;
            } else {
                return Err(format!("{name} is nothing that a checkpoint holds"));
            }
        }
        checkpoint.check_lengths(model)?;
        for (scope, pairs) in remembered {
            let pairs = warm_start(pairs, checkpoint.parameters.len(), precision)?;
            checkpoint.warm_starts.insert(scope.to_owned(), pairs);
        }
        Ok(checkpoint)
    }

    fn check_lengths(&self, model: &Blueprint) -> Result<(), String> {
        for (what, values, layout) in [
            (PARAMETERS, &self.parameters, model.parameters()),
            (STATISTICS, &self.statistics, model.statistics()),
        ] {
            let (found, expected) = (values.len(), layout.len());
            if found != expected {
                return Err(format!(
                    "it holds {found} {what}, the model in the config has {expected}"
                ));
            }
        }
        Ok(())
    }

    /// The bytes of a checkpoint of one config as those of another, whose fingerprint is as long; none where they are not
    /// of the first.
    pub(super) fn readdressed(mut bytes: Vec<u8>, from: &str, to: &str) -> Option<Vec<u8>> {
        let metadata = metadata_of(&bytes).ok()?;
        if metadata.config != from || from.len() != to.len() {
            return None;
        }
        let mut windows = bytes.windows(from.len());
        let start = windows.position(|window| window == from.as_bytes())?;
        bytes[start..start + to.len()].copy_from_slice(to.as_bytes());
        let place = place_of_digest(&bytes)?;
        let digest = digest_without(&bytes, &place);
        bytes[place].copy_from_slice(digest.as_bytes());
        Some(bytes)
    }

    /// The step in the name of a checkpoint's file.
    pub fn step_of(file: &Path) -> Option<u64> {
        let name = file.file_stem()?.to_str()?;
        name.strip_prefix("step-")?.parse().ok()
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

/// Part and name of a vector that a part keeps.
fn of_part(array: &str) -> Option<(&str, &str)> {
    array.strip_prefix(PART)?.split_once('.')
}

/// The scope of remembered eigenvalues or, if the answer is `true`, eigenvectors.
fn of_scope(array: &str) -> Option<(&str, bool)> {
    let name = array.strip_prefix(REMEMBERED)?;
    let values = name.strip_suffix(VALUES).map(|scope| (scope, false));
    values.or_else(|| Some((name.strip_suffix(VECTORS)?, true)))
}

/// A scope, its eigenvalues, and its eigenvectors one after another.
fn vectors_of<'a>(
    (scope, warm_start): (&'a String, &'a WarmStart),
) -> (&'a String, &'a [f64], Vec<f64>) {
    let vectors = (0..warm_start.len()).flat_map(|index| warm_start.vector(index));
    (scope, warm_start.values(), vectors.collect())
}

/// Eigenvalues with their eigenvectors, one after another, of `length` numbers each.
fn warm_start(
    [values, vectors]: [Vec<f64>; 2],
    length: usize,
    precision: Precision,
) -> Result<WarmStart, String> {
    let (count, expected) = (values.len(), values.len().saturating_mul(length));
    if vectors.len() != expected {
        let found = vectors.len();
        return Err(format!(
            "its {count} remembered eigenvectors have {found} numbers, expected {expected}"
        ));
    }
    let vectors = vectors.chunks(length.max(1)).map(<[f64]>::to_vec);
    let pairs: Vec<_> = values.into_iter().zip(vectors).collect();
    WarmStart::new(&pairs, precision).map_err(|error| error.to_string())
}

/// The metadata of a file that is, to the bit, what was written.
fn metadata_of(bytes: &[u8]) -> Result<Metadata, String> {
    /// All that every version has.
    #[derive(Deserialize)]
    struct Version {
        #[serde(default)]
        format: u32,
    }
    let place = place_of_digest(bytes)
        .ok_or("damaged, or of an earlier version: it carries no digest of its values")?;
    if digest_without(bytes, &place).as_bytes() != &bytes[place] {
        return Err("damaged: its values are not those of its SHA-256".to_owned());
    }
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let metadata = header.metadata().as_ref();
    let metadata = metadata.and_then(|metadata| metadata.get(METADATA));
    let metadata = metadata.ok_or("it was not written by this program")?;
    let (_, metadata) = metadata.split_once(' ').unwrap_or_default();
    let version: Version = serde_json::from_str(metadata).map_err(|error| error.to_string())?;
    if version.format != FORMAT {
        return Err(format!(
            "of another version of this program, which kept other state (its format is {}, that of \
             this version {FORMAT})",
            version.format
        ));
    }
    serde_json::from_str(metadata).map_err(|error| error.to_string())
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

    fn remembered() -> WarmStart {
        let pairs = [(2.0, vec![0.6, 0.8]), (1.0, vec![-0.8, 0.6])];
        WarmStart::new(&pairs, Precision::F32).unwrap()
    }

    fn state(name: &str, values: &[f64]) -> SavedState {
        SavedState {
            steps: 42,
            vectors: vec![(name.to_owned(), values.to_vec())],
        }
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            config: "fingerprint".to_owned(),
            step: 42,
            parameters: vec![1.0, 1.0 / 3.0],
            statistics: vec![0.25],
            parts: Parts::from([
                ("optimizer".to_owned(), state("velocity", &[0.1, -2.0])),
                (
                    "schedule".to_owned(),
                    SavedState {
                        steps: 7,
                        vectors: Vec::new(),
                    },
                ),
            ]),
            warm_starts: BTreeMap::from([
                ("all samples".to_owned(), remembered()),
                (
                    "5.0 samples".to_owned(),
                    WarmStart::new(&[], Precision::F32).unwrap(),
                ),
            ]),
            events: EventMemory {
                losses: vec![1.0 / 3.0, 0.1],
                has_spiked: true,
                ..EventMemory::default()
            },
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
        let after = Checkpoint::decode(&before.encode().unwrap(), &layout, Precision::F32).unwrap();
        assert_eq!(after.step, before.step);
        assert_eq!(after.parameters, before.parameters);
        assert_eq!(after.statistics, before.statistics);
        assert_eq!(after.warm_starts.len(), 2);
        assert!(after.warm_starts["5.0 samples"].is_empty());
        let found = &after.warm_starts["all samples"];
        assert_eq!(found.values(), remembered().values());
        for index in 0..2 {
            assert_eq!(found.vector(index), remembered().vector(index));
        }
        assert_eq!(after.events, before.events);
        assert_eq!(after.metrics_length, before.metrics_length);
        assert_eq!(after.seconds, before.seconds);
        assert_eq!(after.parts, before.parts);
    }

    #[test]
    fn a_checkpoint_of_another_model_is_refused() {
        let layout = model(3);
        let bytes = checkpoint().encode().unwrap();
        let error = Checkpoint::decode(&bytes, &layout, Precision::F32).unwrap_err();
        assert_eq!(
            error,
            "it holds 2 parameters, the model in the config has 3"
        );
    }

    #[test]
    fn a_flipped_bit_anywhere_is_damage() {
        let layout = model(2);
        let mut bytes = checkpoint().encode().unwrap();
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = Checkpoint::decode(&bytes, &layout, Precision::F32).unwrap_err();
            assert!(error.starts_with("damaged"), "bit {bit}: {error}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(Checkpoint::decode(&bytes, &layout, Precision::F32).is_ok());
    }

    #[test]
    fn a_file_of_another_version_is_refused_with_the_reason() {
        let bytes = checkpoint().encode().unwrap();
        let said = format!("\\\"format\\\":{FORMAT}");
        let place = bytes
            .windows(said.len())
            .position(|part| part == said.as_bytes())
            .unwrap();
        let mut older = bytes.clone();
        older[place + said.len() - 1] = b'1';
        let digest = place_of_digest(&older).unwrap();
        let right = digest_without(&older, &digest);
        older[digest].copy_from_slice(right.as_bytes());
        let error = Checkpoint::decode(&older, &model(2), Precision::F32).unwrap_err();
        assert!(error.starts_with("of another version"), "{error}");
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
        let what = |state: &Checkpoint| state.not_finite().unwrap_or_default();
        state.parts.get_mut("optimizer").unwrap().vectors[0].1[0] = f64::INFINITY;
        assert_eq!(what(&state), "the optimizer's state");
        state.statistics[0] = f64::NAN;
        assert_eq!(what(&state), "a running statistic");
        state.parameters[1] = f64::NEG_INFINITY;
        assert_eq!(what(&state), "a parameter");
    }

    #[test]
    fn half_a_file_is_refused() {
        let layout = model(2);
        let bytes = checkpoint().encode().unwrap();
        let half = &bytes[..bytes.len() / 2];
        assert!(Checkpoint::decode(half, &layout, Precision::F32).is_err());
    }
}

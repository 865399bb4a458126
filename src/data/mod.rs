//! Datasets: read from files, cut down, relabelled, normalised and served in batches; fetched and
//! verified on request.
//!
//! [`load`] is the way in. What it leaves out: tensors and devices (the model's business) and
//! printing (the caller's). Random choices come from the run's named streams: `subset`, `labels`,
//! `order` and `augment`.

mod augment;
mod catalog;
pub mod cifar;
mod dataset;
pub mod digits;
mod download;
mod error;
mod fetch;
mod file;
mod format;
mod gzip;
pub mod idx;
mod images;
mod list;
mod name;
mod noise;
mod normalise;
mod order;
mod own;
mod read;
mod samples;
mod scale;
mod subset;
mod tar;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod verify;
mod words;

use std::path::Path;
use std::sync::Arc;

pub use augment::{Change, changes};
pub use dataset::Dataset;
pub use error::DataError;
pub use fetch::{FetchOptions, MIRROR_VARIABLE, fetch};
pub use file::Source;
pub(crate) use file::sha256_hex;
pub use format::FormatError;
pub use images::Images;
pub use list::{ListRow, list};
pub use noise::redraw_labels;
pub use normalise::{Pixel, Scaling, Tables};
pub use order::{epoch_order, replacement_batch, second_replacement_batch};
pub use read::{Raw, read};
pub use samples::{Answers, Inputs, Samples};
pub use subset::keep_classes;
pub use verify::{FileReport, FileState, verify};
pub use words::{
    Augment, Channels, DatasetName, Labels, PixelNormalisation, Sampling, Subset, Task,
};

use crate::config::Data;
use crate::random::Streams;
use dataset::Seen;
use own::RawSamples;

/// Both parts of a dataset, ready for training.
#[derive(Clone, Debug)]
pub struct Split {
    /// The training part.
    pub train: Dataset,
    /// The test part, its labels untouched by noise.
    pub test: Dataset,
    /// The files read, with their digests.
    pub sources: Vec<Source>,
    /// What whoever trains on them should know, such as how the test part was drawn.
    pub remarks: Vec<String>,
}

/// Loads the data of `plan` from the data folder `data_dir`: reads the files, keeps the wanted
/// classes, chooses the samples, fits the normalisation to the chosen training samples, and last
/// redraws labels. Of a text it cuts windows and chooses among them.
///
/// # Errors
/// A file is missing or damaged, or the plan asks for something the data does not have.
pub fn load(plan: &Data, data_dir: &Path, streams: &Streams) -> Result<Split, DataError> {
    if let Some(text) = &plan.text {
        let raw = text::read(text, data_dir)?;
        return Ok(Split {
            train: Dataset::of_text(part(plan, raw.train.into(), true, streams)?),
            test: Dataset::of_text(part(plan, raw.test.into(), false, streams)?),
            sources: raw.sources,
            remarks: Vec::new(),
        });
    }
    let raw = match own::read(plan)? {
        Some(raw) => raw,
        None => read(plan.dataset, data_dir)?.into(),
    };
    let train = part(plan, raw.train, true, streams)?;
    let (mut train, test) = match plan.held_out {
        Some(fraction) => held_out(&train, fraction, streams)?,
        None => (train, part(plan, raw.test, false, streams)?),
    };
    let scaling = plan.scaling();
    let channels = train.shape[0];
    if !scaling.fits(channels) {
        return Err(DataError::Channels {
            dataset: plan.dataset,
            channels,
        });
    }
    let seen = Arc::new(Seen::fit(&scaling, &train));
    let clean_labels = train.answers.labels().to_vec();
    let noisy = redraw_labels(
        &mut train,
        plan.label_noise,
        &mut streams.stream("labels", 0),
    )?;
    Ok(Split {
        train: Dataset::with_noise(train, Arc::clone(&seen), clean_labels, noisy),
        test: Dataset::new(test, seen),
        sources: raw.sources,
        remarks: raw.remarks,
    })
}

impl From<Raw> for RawSamples {
    fn from(raw: Raw) -> Self {
        Self {
            train: raw.train.into(),
            test: raw.test.into(),
            sources: raw.sources,
            remarks: Vec::new(),
        }
    }
}

/// The classes and the samples of one part that `plan` wants.
fn part(
    plan: &Data,
    samples: Samples,
    is_train: bool,
    streams: &Streams,
) -> Result<Samples, DataError> {
    let samples = match &plan.classes {
        Some(classes) => keep_classes(&samples, classes)?,
        None => samples,
    };
    let (key, name, wanted, counter) = if is_train {
        ("data.train", "training", plan.train, 0)
    } else {
        ("data.test", "test", plan.test, 1)
    };
    let available = samples.len();
    // No reader gives an empty part, so it is the classes that empty it.
    if available == 0 {
        return Err(DataError::Empty {
            part: name,
            dataset: plan.dataset,
        });
    }
    match wanted {
        None => Ok(samples),
        Some(value) if value == 0 || value > available => Err(DataError::Amount {
            key,
            value,
            available,
        }),
        Some(count) => {
            let mut rng = streams.stream("subset", counter);
            let chosen = plan.subset.choose(&samples.answers, count, &mut rng);
            Ok(samples.select(&chosen))
        }
    }
}

/// What is left of a part, and the fraction of it that is held out; at least one sample each.
fn held_out(
    samples: &Samples,
    fraction: f64,
    streams: &Streams,
) -> Result<(Samples, Samples), DataError> {
    let count = samples.len();
    if count < 2 {
        return Err(DataError::NothingToHoldOut);
    }
    let held = ((fraction * count as f64).round() as usize).clamp(1, count - 1);
    let mut rng = streams.stream("held_out", 0);
    let chosen = Subset::Random.choose(&samples.answers, held, &mut rng);
    let is_chosen = |index: &usize| chosen.binary_search(index).is_ok();
    let left: Vec<usize> = (0..count).filter(|index| !is_chosen(index)).collect();
    Ok((samples.select(&left), samples.select(&chosen)))
}

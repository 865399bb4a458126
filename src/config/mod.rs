//! The configuration of a run: read, overridden, checked.
//!
//! A TOML file becomes a tree of values, beside which stands on which line each was written (`document`);
//! overrides change both (`set`). Names that do not exist or do not apply are refused (`check`). Then every
//! declared key is read from the tree, its type and range checked on the way, and with each section
//! its rules (`section`), and then the rules between tables (`rules`). Each of these steps can fail only with a [`ConfigError`]: one line that names the
//! file or the flag, the key, what was found and what is allowed.
//!
//! A key is declared once, in the file of its table (`data`, `model`, `optimizer`, ...): type, default,
//! range, what it belongs to, meaning. The struct, the checks, the resolved config, the table of keys,
//! the JSON schema and the generators of tests follow from that line.

#[macro_use]
mod section;

mod average;
mod check;
mod data;
mod document;
mod epochs;
mod error;
mod events;
mod gradient;
mod hooks;
mod key;
mod kind;
mod model;
mod optimizer;
mod renamed;
mod rules;
mod schedule;
mod schema;
mod set;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod train;
mod whole;

use std::path::Path;

pub use average::{Average, MovingAverage};
pub use data::{Arrays, Csv, Data, Folder, Own, Predicted, Text};
pub use document::Provenance;
pub use epochs::Epochs;
pub use error::{ConfigError, Place};
pub use events::Events;
pub use gradient::{
    Ball, Clip, FinalRadius, GradientPenalty, LabelNoise, LabelNoiseKind, Noise, NoiseShape,
    RadiusKind, RadiusPath, Scaling, SharpnessAware, Sizes, Units,
};
pub use hooks::{EACH_LAYER, Hook, Logarithmic, Spacing, SpacingKind, Trigger};
pub use kind::{Names, Range};
pub use model::{Mlp, Model, ModelKind, ResNet, ResNetPreset, Transformer, TransformerPreset};
pub use optimizer::{
    Accumulator, DecayExclusion, MeanSquare, Method, Moments, Momentum, Optimizer, OptimizerKind,
    Perturbation, SignMomentum,
};
pub(crate) use rules::is_folder_name;
pub use schedule::{
    BaseBatch, Cosine, Exponential, LearningRateRule, Limit, Schedule, ScheduleKind, Shape,
    SharpnessLimit, Step, Unit,
};
pub use schema::{KeyRow, key_rows, schema};
pub use set::Override;
pub use train::{All, BatchGrowth, BatchSchedule, Kept, Length, Train};
pub use whole::Config;

use document::Document;
use error::Violation;
use section::{Reader, Section};
use whole::KEYS;

/// Reads and checks the config file at `path`, after putting `overrides` in place. The name
/// defaults to the file's stem; `known_measures` are the names hooks may use.
///
/// # Errors
///
/// The first thing that is wrong, as a [`ConfigError`].
pub fn load(
    path: &Path,
    overrides: &[Override],
    known_measures: &[&str],
) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    parse(
        &text,
        &path.display().to_string(),
        overrides,
        &stem,
        known_measures,
    )
}

/// Checks a config given as text, like [`load`]; `file` is what errors call it, and in its folder relative paths
/// to one's own data begin.
///
/// # Errors
///
/// The first thing that is wrong, as a [`ConfigError`].
pub fn parse(
    text: &str,
    file: &str,
    overrides: &[Override],
    default_name: &str,
    known_measures: &[&str],
) -> Result<Config, ConfigError> {
    let mut document = Document::parse(text.strip_prefix('\u{feff}').unwrap_or(text), file)?;
    set::apply_all(&mut document, overrides)?;
    checked(document, default_name, known_measures)
}

/// The config that a document says.
fn checked(mut document: Document, stem: &str, known: &[&str]) -> Result<Config, ConfigError> {
    check::names(&KEYS, &document)?;
    let config = name(&mut document, stem).and_then(|()| {
        let mut config = Config::read(&Reader::new(&KEYS, &document))?;
        let provenance = &document.provenance;
        let is_flag = |key: &str| provenance.is_flag(key);
        config.data.resolve(provenance.folder(), is_flag);
        rules::check(&config)?;
        hooks::check_measures(&config.hooks, known)?;
        Ok(config)
    });
    config.map_err(|violation| document.provenance.blame(violation))
}

/// Puts the file's stem in place of a name that is not written.
fn name(document: &mut Document, stem: &str) -> Result<(), Violation> {
    match document.root.as_table_mut() {
        Some(entries) if !entries.contains_key("name") => {
            if !rules::is_folder_name(stem) {
                let rule = format!(
                    "must be set, because the file's stem {stem:?} cannot be one: allowed are letters, digits, '.', '_' and '-', and not \".\" or \"..\""
                );
                return Err(Violation::new("name", rule));
            }
            entries.insert("name".to_owned(), stem.into());
        }
        _ => {}
    }
    Ok(())
}

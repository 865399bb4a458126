//! The configuration of a run: found, read, overridden, checked.
//!
//! A TOML file becomes a tree in which every value knows its line (`document`); overrides change the
//! tree (`set`); the tree is checked key by key against the declarations (`check`); and what they
//! declare is read from it (`section`), whereupon the rules of each section are checked. Each of these
//! steps can fail only with a [`ConfigError`]: one line that names the file or the flag, the key, what
//! was found and what is allowed.
//!
//! A key is declared once, in the file of its table (`data`, `model`, `optimizer`, ...): type, default,
//! range, what it belongs to, meaning. The struct, the checks, the resolved config, the table of keys,
//! the JSON schema and the generators of tests follow from that line.

#[macro_use]
mod section;

mod check;
mod choice;
mod data;
mod document;
mod error;
mod fault;
mod find;
#[cfg(test)]
mod fuzz;
mod gradient;
mod hooks;
mod key;
mod kind;
mod lookup;
mod model;
mod nearest;
mod optimizer;
mod rule;
#[cfg(test)]
mod samples;
mod schedule;
mod schema;
mod set;
mod train;
mod value;
mod whole;

use std::path::Path;

pub use choice::{
    Augment, Ball, Dataset, LabelNoiseKind, ModelKind, NoiseShape, OptimizerKind,
    PixelNormalisation, RadiusKind, ResNetPreset, Sampling, Scaling, ScheduleKind, SpacingKind,
    Subset, TransformerPreset, Unit,
};
pub use data::{Data, Text};
pub use error::{ConfigError, Place};
pub use fault::Fault;
pub use find::find;
pub use gradient::{
    Clip, FinalRadius, GradientNoise, GradientPenalty, LabelNoise, RadiusPath, Sam,
};
pub use hooks::{Hook, Logarithmic, Spacing};
pub use kind::Range;
pub use model::{Mlp, Model, ResNet, Transformer};
pub use nearest::nearest;
pub use optimizer::{Method, Moments, Momentum, Optimizer};
pub use rule::{FullBatch, Rule};
pub use schedule::{Cosine, Exponential, Schedule, Shape, Step};
pub use schema::{KeyRow, key_rows, schema};
pub use set::Override;
pub use train::{Length, Train};
pub use whole::Config;

use document::{Node, Origin};
use fault::FaultAt;
use rule::Violation;
use section::{Reader, Section};

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

/// Checks a config given as text, like [`load`]; `file` is what errors call it.
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
    let mut root = Node::parse(text.strip_prefix('\u{feff}').unwrap_or(text), file)?;
    set::apply_all(&mut root, overrides)?;
    check::shapes(&root).map_err(|fault| misshapen(&root, file, fault))?;
    let checked = name(&mut root, default_name)
        .and_then(|()| check::rules(&root))
        .and_then(|()| Config::read(&Reader::new(&root)))
        .and_then(|config| {
            hooks::check_measures(&config.hooks, known_measures)?;
            Ok(config)
        });
    checked.map_err(|violation| blame(&root, file, violation))
}

/// Puts the file's stem in place of a name that is not written.
fn name(root: &mut Node, stem: &str) -> Result<(), Violation> {
    if root.get(["name"]).is_some() {
        return Ok(());
    }
    if !whole::is_folder_name(stem) {
        let found = stem.to_owned();
        return Err(Violation::new("name", rule::Rule::NameFromFile { found }));
    }
    root.insert("name", document::Value::String(stem.to_owned()));
    Ok(())
}

fn misshapen(root: &Node, file: &str, found: FaultAt) -> ConfigError {
    let (origin, key) = locate(root, file, &found.path.join("."));
    ConfigError::Fault {
        origin,
        key,
        fault: Box::new(found.fault),
    }
}

/// The file or flag a key was written in, and its line.
fn locate(root: &Node, file: &str, path: &str) -> (String, Place) {
    let key = |line| Place {
        path: path.to_owned(),
        line,
    };
    match root.get(path.split('.')).map(|node| &node.origin) {
        Some(Origin::Flag(flag)) => (flag.to_string(), key(None)),
        Some(Origin::Line(line)) => (file.to_owned(), key(Some(*line))),
        None => (file.to_owned(), key(None)),
    }
}

/// Names where a broken rule was written. Of two keys that collide, the one given as a flag is to
/// blame, since the file may be right without it.
fn blame(root: &Node, file: &str, violation: Violation) -> ConfigError {
    let (mut origin, mut key) = locate(root, file, &violation.key);
    let other = violation.other.and_then(|other| root.get(other.split('.')));
    if let Some(Node {
        origin: Origin::Flag(flag),
        ..
    }) = other
        && origin == file
    {
        origin = flag.to_string();
        key.line = None;
    }
    ConfigError::Rule {
        origin,
        key,
        rule: violation.rule,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::samples::{KNOWN, PLAIN, message};
    use super::*;

    #[test]
    fn a_file_is_named_after_its_stem() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sgd_b32.toml");
        std::fs::write(&path, PLAIN).unwrap();
        assert_eq!(load(&path, &[], KNOWN).unwrap().name, "sgd_b32");
        let absent = folder.path().join("absent.toml");
        let error = load(&absent, &[], KNOWN).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot read {}: ", absent.display())),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_key_is_reported_before_the_key_it_leaves_missing() {
        assert_eq!(
            message(&PLAIN.replace("learning_rate", "learnin_rate")),
            "x.toml: unknown key `optimizer.learnin_rate` (line 2); did you mean `optimizer.learning_rate`? Allowed in [optimizer]: kind, momentum, nesterov, beta1, beta2, epsilon, learning_rate, weight_decay"
        );
        assert_eq!(
            message(&PLAIN.replace("[optimizer]", "[optimiser]")),
            "x.toml: unknown key `optimiser` (line 1); did you mean `optimizer`? Allowed at the top level: name, seed, backend, precision, data, model, optimizer, schedule, train, sam, gradient_penalty, gradient_noise, label_noise, clip, hooks"
        );
        assert_eq!(
            message(&format!("{PLAIN}\n[[hooks]]\npreset = \"off\"\nzzz = 1")),
            "x.toml: unknown key `hooks.0.zzz` (line 7). Allowed in [[hooks]]: preset, measures, maps, every, unit, schedule, ratio, samples, warm_start, norm_mode, dropout, max_matvecs, max_seconds"
        );
    }

    #[test]
    fn a_wrong_type_says_what_is_allowed_and_what_was_found() {
        let cases = [
            (
                "seed = -1",
                "seed",
                "an integer from 0 to 9223372036854775807, found -1",
            ),
            (
                "seed = 1.5",
                "seed",
                "an integer from 0 to 9223372036854775807, found 1.5 (number)",
            ),
            (
                "seed = 9223372036854775808",
                "seed",
                "an integer from 0 to 9223372036854775807, found 9223372036854775808",
            ),
            (
                "data.train = 0",
                "data.train",
                "a positive integer, found 0",
            ),
            (
                "data.train = \"abc\"",
                "data.train",
                "a positive integer, found \"abc\" (string)",
            ),
            (
                "data.train = true",
                "data.train",
                "a positive integer, found true (boolean)",
            ),
            (
                "data.train = []",
                "data.train",
                "a positive integer, found an array",
            ),
            (
                "data.train = 2024-01-01",
                "data.train",
                "a positive integer, found 2024-01-01 (date)",
            ),
            (
                "data.label_noise = nan",
                "data.label_noise",
                "a finite number, found NaN",
            ),
            (
                "data.label_noise = 1e999",
                "data.label_noise",
                "a finite number, found inf",
            ),
            ("name = 3", "name", "a string, found 3 (integer)"),
            (
                "model.bias = 1",
                "model.bias",
                "a boolean, found 1 (integer)",
            ),
            (
                "model.hidden = 64",
                "model.hidden",
                "an array, found 64 (integer)",
            ),
            ("model = 64", "model", "a table, found 64 (integer)"),
            (
                "hooks = \"full\"",
                "hooks",
                "an array, found \"full\" (string)",
            ),
            ("hooks = [3]", "hooks.0", "a table, found 3 (integer)"),
            (
                "backend = \"cuda\"",
                "backend",
                "one of \"cpu\", \"ndarray\", \"wgpu\", found \"cuda\"",
            ),
            (
                "backend = 3",
                "backend",
                "one of \"cpu\", \"ndarray\", \"wgpu\", found 3 (integer)",
            ),
            (
                "data.dataset = \"cifar\"",
                "data.dataset",
                "one of \"digits\", \"mnist\", \"fashion-mnist\", \"cifar10\", \"text\", found \"cifar\"; did you mean \"cifar10\"?",
            ),
        ];
        for (line, key, sentence) in cases {
            assert_eq!(
                message(&format!("{line}\n{PLAIN}")),
                format!("x.toml: `{key}` (line 1) must be {sentence}")
            );
        }
    }

    #[test]
    fn a_key_with_a_line_break_stays_on_one_line() {
        let text = message(&format!("\"a\\nb\" = 1\n{PLAIN}"));
        assert!(text.starts_with("x.toml: unknown key `a\\nb`"), "{text}");
    }

    proptest! {
        #[test]
        fn whatever_is_written_there_is_a_config_or_one_line(
            file in "([a-z]{0,9}\\.?[a-z_]{0,6} ?= ?[0-9a-z\"\\[\\{.,-]{0,6}\n){0,2}\\PC{0,12}",
            set in "(train|hooks|optimizer|model|)\\.?(0|epochs|kind|hidden)?\\.?=?\\PC{0,9}",
        ) {
            let checked = Override::parse(&set)
                .and_then(|given| parse(&format!("{file}\n{PLAIN}"), "x.toml", &[given], "x", KNOWN));
            if let Err(error) = checked {
                prop_assert_eq!(error.to_string().lines().count(), 1);
            }
        }
    }

    #[test]
    fn a_config_and_its_error_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Config>();
        crosses::<ConfigError>();
    }
}

//! From what the user wrote to what has been checked: one file per table, and here the name and
//! the rules that span tables.

mod data;
mod hooks;
mod model;
mod optimizer;
mod range;
mod schedule;
mod train;

use super::choice::{Backend, Loss, ModelKind, OptimizerKind, Precision};
use super::error::{ConfigError, Key};
use super::raw::RawConfig;
use super::rule::{Rule, Violation};
use super::valid::{Config, Length};

/// Checks `raw` and fills in the defaults.
pub(super) fn check(
    raw: &RawConfig,
    default_name: &str,
    known_measures: &[&str],
) -> Result<Config, Violation> {
    let precision = raw.precision.unwrap_or_default();
    let optimizer = optimizer::check(&raw.optimizer, precision)?;
    let kind = optimizer.method.kind();
    let config = Config {
        name: name(raw.name.as_deref(), default_name)?,
        seed: raw.seed.map_or(0, |seed| seed.0),
        backend: raw.backend.unwrap_or_default(),
        precision,
        data: data::check(&raw.data)?,
        model: model::check(&raw.model, precision)?,
        optimizer,
        schedule: schedule::check(&raw.schedule)?,
        train: train::check(&raw.train, kind, precision)?,
        hooks: hooks::check(&raw.hooks, known_measures)?,
    };
    if config.precision == Precision::F64 && config.backend == Backend::Wgpu {
        return Err(Violation::new("precision", Rule::F64OnWgpu).against("backend"));
    }
    schedule::check_rates(&config.schedule, config.optimizer.learning_rate, precision)?;
    fits_text(raw, &config)?;
    if is_full_batch(kind) && !config.data.augment.is_empty() {
        return Err(Violation::new("data.augment", Rule::AugmentWithGd).against("optimizer.kind"));
    }
    fits(&config, config.data.train)?;
    Ok(config)
}

/// Refuses what a text cannot be learnt by.
fn fits_text(raw: &RawConfig, config: &Config) -> Result<(), Violation> {
    if config.data.text.is_none() {
        return Ok(());
    }
    let (kind, loss) = (config.model.kind(), config.train.loss);
    if kind != ModelKind::Transformer {
        let found = kind.as_str();
        let rule = Rule::TextNeedsTransformer { found };
        return Err(Violation::new("model.kind", rule).against(data::KIND));
    }
    if loss != Loss::CrossEntropy {
        let found = loss.as_str();
        let rule = Rule::TextNeedsCrossEntropy { found };
        return Err(Violation::new("train.loss", rule).against(data::KIND));
    }
    let keys = [
        ("model.patch", raw.model.patch.is_some()),
        ("model.pool", raw.model.pool.is_some()),
    ];
    match keys.iter().find(|(_, is_present)| *is_present) {
        None => Ok(()),
        Some((key, _)) => {
            let found = config.data.dataset.as_str();
            Err(other_kind(*key, data::KIND, &data::IMAGES, found))
        }
    }
}

impl Config {
    /// Checks what only the data can tell: that batches, hook samples and the warm-up fit a
    /// training part of `train_len` samples. To be called once the data is loaded; `origin` names
    /// the file the config came from.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Rule`] with the key that does not fit.
    pub fn check_against_data(&self, origin: &str, train_len: usize) -> Result<(), ConfigError> {
        fits(self, Some(train_len)).map_err(|violation| ConfigError::Rule {
            origin: origin.to_owned(),
            key: Key {
                path: violation.key,
                line: None,
            },
            rule: Box::new(violation.rule),
        })
    }

    /// The number of updates in the whole run, for a training part of `train_len` samples; the
    /// last batch of an epoch may be smaller than the others.
    pub fn total_steps(&self, train_len: usize) -> usize {
        match self.train.length {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => epochs.saturating_mul(self.steps_per_epoch(train_len)),
        }
    }

    /// The number of updates in one epoch, for a training part of `train_len` samples.
    pub fn steps_per_epoch(&self, train_len: usize) -> usize {
        self.train
            .batch_size
            .map_or(1, |size| train_len.div_ceil(size.max(1)))
    }
}

/// The rules about sizes, as far as the number of training samples is known.
fn fits(config: &Config, train_len: Option<usize>) -> Result<(), Violation> {
    if let Some(limit) = train_len {
        if let Some(found) = config.train.batch_size.filter(|&size| size > limit) {
            let rule = Rule::BatchTooLarge { found, limit };
            return Err(Violation::new("train.batch_size", rule).against("data.train"));
        }
        for (index, hook) in config.hooks.iter().enumerate() {
            if let Some(found) = hook.samples.filter(|&samples| samples > limit) {
                let key = format!("hooks.{index}.samples");
                let rule = Rule::SamplesTooMany { found, limit };
                return Err(Violation::new(key, rule).against("data.train"));
            }
        }
    }
    let (total, length_key) = match config.train.length {
        Length::Steps(steps) => (Some(steps), "train.steps"),
        Length::Epochs(_) => (train_len.map(|len| config.total_steps(len)), "train.epochs"),
    };
    let found = config.schedule.warmup;
    match total {
        Some(total) if found > 0 && found >= total => {
            let rule = Rule::WarmupTooLong { found, total };
            Err(Violation::new("schedule.warmup", rule).against(length_key))
        }
        _ => Ok(()),
    }
}

/// The name, or the file's stem in its place.
fn name(written: Option<&str>, stem: &str) -> Result<String, Violation> {
    let name = written.unwrap_or(stem);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.is_empty() && name.chars().all(plain) && name != "." && name != ".." {
        return Ok(name.to_owned());
    }
    let found = name.to_owned();
    Err(Violation::new(
        "name",
        match written {
            Some(_) => Rule::Name { found },
            None => Rule::NameFromFile { found },
        },
    ))
}

/// The violation of a key that belongs to other kinds than the one the config has.
fn other_kind(
    key: impl Into<String>,
    kind_key: &str,
    kinds: &[&'static str],
    found: &'static str,
) -> Violation {
    let kind_key = kind_key.to_owned();
    Violation::new(
        key,
        Rule::OtherKind {
            kind_key,
            kinds: kinds.to_vec(),
            found,
        },
    )
}

/// Whether the update rule uses the whole training part in every step.
fn is_full_batch(kind: OptimizerKind) -> bool {
    kind == OptimizerKind::Gd
}

#[cfg(test)]
mod tests {
    use crate::config::samples::{PLAIN, message, plain};

    #[test]
    fn a_name_must_be_a_plain_folder_name() {
        let text = |name: &str| message(&format!("name = {name:?}\n{PLAIN}"));
        for name in ["a/b", "", ".", "..", "a b", "ä"] {
            assert_eq!(
                text(name),
                format!(
                    "x.toml: `name` (line 1) must be made of letters, digits, '.', '_' and '-', and not be \".\" or \"..\", found {name:?}"
                )
            );
        }
    }

    #[test]
    fn a_stem_that_cannot_be_a_name_is_reported_as_the_stem() {
        let error = crate::config::parse(PLAIN, "my run.toml", &[], "my run", &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "my run.toml: `name` must be set, because the file's stem \"my run\" cannot be one: allowed are letters, digits, '.', '_' and '-', and not \".\" or \"..\""
        );
    }

    #[test]
    fn f64_needs_a_backend_that_has_it() {
        assert_eq!(
            message(&format!("precision = \"f64\"\nbackend = \"wgpu\"\n{PLAIN}")),
            "x.toml: `precision` (line 1) = \"f64\" needs backend \"cpu\" or \"ndarray\", this config has \"wgpu\" (\"cpu\" is the reference)"
        );
    }

    #[test]
    fn full_batch_descent_sees_the_same_images_in_every_step() {
        insta::assert_snapshot!(
            message("data.dataset = \"cifar10\"\ndata.augment = [\"crop\"]\noptimizer.kind = \"gd\"\noptimizer.learning_rate = 0.1\ntrain.epochs = 1"),
            @r#"x.toml: `data.augment` (line 2) must be empty for optimizer.kind = "gd", whose steps all use the same images"#
        );
    }

    #[test]
    fn a_batch_fits_the_training_samples() {
        assert_eq!(
            message(&format!("data.train = 10\n{PLAIN}\nbatch_size = 11")),
            "x.toml: `train.batch_size` (line 6) must be at most the 10 training samples, found 11"
        );
        let config = plain();
        assert!(config.check_against_data("x.toml", 32).is_ok());
        assert_eq!(
            config
                .check_against_data("x.toml", 31)
                .unwrap_err()
                .to_string(),
            "x.toml: `train.batch_size` must be at most the 31 training samples, found 32"
        );
    }

    #[test]
    fn the_samples_of_a_hook_fit_the_training_samples() {
        let text = format!("data.train = 50\n{PLAIN}\n[[hooks]]\npreset = \"light\"\nsamples = 51");
        assert_eq!(
            message(&text),
            "x.toml: `hooks.0.samples` (line 8) must be at most the 50 training samples, found 51"
        );
    }

    #[test]
    fn a_warmup_ends_before_the_run_does() {
        let steps = "schedule.warmup = 5\noptimizer.learning_rate = 0.1\ntrain.steps = 5";
        assert_eq!(
            message(steps),
            "x.toml: `schedule.warmup` (line 1) must be fewer than the run's 5 steps, found 5"
        );
        // Three epochs of two steps each.
        let epochs = "data.train = 33\nschedule.warmup = 6\n";
        assert_eq!(
            message(&format!("{epochs}{PLAIN}")),
            "x.toml: `schedule.warmup` (line 2) must be fewer than the run's 6 steps, found 6"
        );
        let mut config = plain();
        config.schedule.warmup = 6;
        assert!(config.check_against_data("x.toml", 65).is_ok());
        assert_eq!(
            config
                .check_against_data("x.toml", 64)
                .unwrap_err()
                .to_string(),
            "x.toml: `schedule.warmup` must be fewer than the run's 6 steps, found 6"
        );
    }
}

//! A run, completely described, and the rules that span tables.

use sha2::{Digest, Sha256};

use super::average::Average;
use super::choice::{ModelKind, OptimizerKind, ScheduleKind};
use super::data::Data;
use super::document::{Node, Origin};
use super::epochs::Epochs;
use super::error::{ConfigError, Place};
use super::events::Events;
use super::hooks::{Hook, can_fire};
use super::key::PATHS;
use super::kind::{Range, in_f32};
use super::lookup::applicable;
use super::model::Model;
use super::nearest::nearest;
use super::optimizer::Optimizer;
use super::rule::{FullBatch, Rule, Violation};
use super::schedule::{Cosine, Exponential, LearningRateRule, Limit, Schedule, Shape, Step};
use super::section::{Reader, Section};
use super::train::{BatchSchedule, Length, Train};
use crate::backend::BackendKind;
use crate::linear::Precision;
use crate::measure::Weights;
use crate::objective::Loss;

section! {
    /// A run, completely described: every key resolved, every rule kept. It is made by
    /// [`super::load`] and [`super::parse`] only after all checks, so whoever holds one need not check
    /// again.
    checked by keeps_the_rules;
    pub struct Config {
        /// The folder of the run; letters, digits, `.`, `_`, `-`.
        name: String = derived(String::new(), "the file's stem");
        /// Where all random numbers come from.
        seed: u64 = default(0);
        /// Where tensors live.
        backend: BackendKind = default(BackendKind::Cpu);
        /// The floating-point type; "f64" only where the backend has it.
        precision: Precision = default(Precision::F32);
        /// `[data]`
        data: Data = table();
        /// `[model]`
        model: Model = table();
        /// `[optimizer]`
        optimizer: Optimizer = table();
        /// `[schedule]`
        schedule: Schedule = table();
        /// `[learning_rate_rule]`
        learning_rate_rule: LearningRateRule = table();
        /// `[train]`
        train: Train = table();
        /// `[average]`
        average: Average = table();
        /// `[events]`
        events: Events = table();
        /// `[[hooks]]`
        hooks: Vec<Hook> = tables();
    }
}

/// The rules that span tables.
fn keeps_the_rules(config: &mut Config, _: &Reader<'_>) -> Result<(), Violation> {
    if !is_folder_name(&config.name) {
        let found = config.name.clone();
        return Err(Violation::new("name", Rule::Name { found }));
    }
    if config.precision == Precision::F64 && config.backend == BackendKind::Wgpu {
        return Err(Violation::new("precision", Rule::F64OnWgpu).against("backend"));
    }
    keeps_a_learning_rate(config)?;
    can_learn_its_data(config)?;
    can_fire(&config.hooks, &config.schedule)?;
    if config.train.full_batch && !config.data.augment.is_empty() {
        let why = FullBatch::of(config.optimizer.method.kind() == OptimizerKind::Gd);
        let violation = Violation::new("data.augment", Rule::AugmentOfAll { why });
        return Err(violation.against(why.key()));
    }
    if matches!(config.average, Average::None) {
        let is_average = |hook: &Hook| hook.weights == Weights::Average;
        if let Some(index) = config.hooks.iter().position(is_average) {
            let key = format!("hooks.{index}.weights");
            return Err(Violation::new(key, Rule::NoAverage).against("average.kind"));
        }
    }
    fits(config, config.data.train)
}

/// Whether a name is that of one plain folder.
pub(super) fn is_folder_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.chars().all(is_plain) && name != "." && name != ".."
}

/// Refuses a schedule that falls, at its first fall, to a learning rate that is 0 in the run's
/// precision. Factors themselves are held in f64.
fn keeps_a_learning_rate(config: &Config) -> Result<(), Violation> {
    let (key, found) = match config.schedule.shape {
        Shape::Constant => return Ok(()),
        Shape::Step(Step { factor, .. }) => ("schedule.factor", factor),
        Shape::Exponential(Exponential { decay, .. }) => ("schedule.decay", decay),
        Shape::Cosine(Cosine { final_fraction }) => ("schedule.final_fraction", final_fraction),
    };
    let rate = config.optimizer.learning_rate * found;
    // To end at 0 is what the user wants then.
    let is_meant = found == 0.0 && config.schedule.shape.kind() == ScheduleKind::Cosine;
    if is_meant || config.precision == Precision::F64 || Range::AboveZero.contains(in_f32(rate)) {
        return Ok(());
    }
    Err(Violation::new(key, Rule::RateNotHeld { found, rate }))
}

/// Refuses what a text cannot be learnt by.
fn can_learn_its_data(config: &Config) -> Result<(), Violation> {
    if config.data.text.is_none() {
        return Ok(());
    }
    let refused = |key, rule| Err(Violation::new(key, rule).against("data.dataset"));
    let (kind, loss) = (config.model.kind(), config.train.loss);
    if kind != ModelKind::Transformer {
        let found = kind.as_str();
        return refused("model.kind", Rule::TextNeedsTransformer { found });
    }
    if loss != Loss::CrossEntropy {
        let found = loss.as_str();
        return refused("train.loss", Rule::TextNeedsCrossEntropy { found });
    }
    Ok(())
}

/// The rules about sizes, as far as the number of training samples is known.
fn fits(config: &Config, train_len: Option<usize>) -> Result<(), Violation> {
    if let Some(limit) = train_len {
        fits_samples(config, limit)?;
    }
    let (total, length_key) = match config.train.length() {
        Length::Steps(steps) => (Some(steps), "train.steps"),
        Length::Epochs(_) => (train_len.map(|len| config.total_steps(len)), "train.epochs"),
    };
    let Some(total) = total.map(|total| total as u64) else {
        return Ok(());
    };
    let found = config.schedule.warmup;
    if found > 0 && found >= total {
        let rule = Rule::WarmupTooLong { found, total };
        return Err(Violation::new("schedule.warmup", rule).against(length_key));
    }
    match config.average {
        Average::Ema(average) if average.start > 0 && average.start >= total => {
            let found = average.start;
            let rule = Rule::AverageTooLate { found, total };
            Err(Violation::new("average.start", rule).against(length_key))
        }
        _ => Ok(()),
    }
}

/// Refuses more samples of a batch, a hook or a limit than there are.
fn fits_samples(config: &Config, limit: usize) -> Result<(), Violation> {
    let growing = match config.train.batch_schedule {
        BatchSchedule::Step(growth) => growth.largest_batch,
        BatchSchedule::Constant => None,
    };
    let batches = [
        ("train.batch_size", config.train.batch_size),
        ("train.largest_batch", growing),
    ];
    for (key, size) in batches {
        if let Some(found) = size.filter(|&size| size > limit) {
            let rule = Rule::BatchTooLarge { found, limit };
            return Err(Violation::new(key, rule).against("data.train"));
        }
    }
    let of_limit = match config.schedule.limit {
        Limit::Sharpness(limit) => limit.limit_samples,
        Limit::None => None,
    };
    let hooks = config.hooks.iter().enumerate();
    let hooks = hooks.map(|(index, hook)| (format!("hooks.{index}.samples"), hook.samples));
    for (key, samples) in hooks.chain([("schedule.limit_samples".to_owned(), of_limit)]) {
        if let Some(found) = samples.filter(|&samples| samples > limit) {
            let rule = Rule::SamplesTooMany { found, limit };
            return Err(Violation::new(key, rule).against("data.train"));
        }
    }
    Ok(())
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
            key: Place {
                path: violation.key,
                line: None,
            },
            rule: violation.rule,
        })
    }

    /// The number of updates in the whole run, for a training part of `train_len` samples; the
    /// last batch of an epoch may be smaller than the others.
    pub fn total_steps(&self, train_len: usize) -> usize {
        match self.train.length() {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => {
                let steps = self.epochs(train_len).steps(epochs as u64);
                usize::try_from(steps).unwrap_or(usize::MAX)
            }
        }
    }

    /// The epochs over a training part of `train_len` samples.
    pub fn epochs(&self, train_len: usize) -> Epochs {
        match self.train.batch_size {
            Some(size) => Epochs::scheduled(train_len, size, &self.train.batch_schedule),
            None => Epochs::new(train_len, train_len),
        }
    }

    /// The config as TOML with every default written out. Reading it gives an equal config; every
    /// floating-point number is written with as many digits as that takes.
    pub fn to_toml(&self) -> String {
        toml::to_string(&self.table()).expect("a config is tables, numbers and strings")
    }

    /// Every key that applies, with its value: the resolved config as one table.
    pub fn table(&self) -> toml::Table {
        let mut whole = toml::Table::new();
        self.write(&mut whole);
        let origin = Origin::Flag("the resolved config".into());
        let document = Node::from_toml(&toml::Value::Table(whole.clone()), &origin);
        let applies = |place: &str| applicable(&document, place).is_ok();
        for (table, value) in &mut whole {
            if let toml::Value::Table(entries) = value {
                entries.retain(|name, _| applies(&format!("{table}.{name}")));
            }
        }
        whole
    }

    /// The SHA-256 of the config as TOML, in hexadecimal: equal for equal configs only.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.to_toml().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Every key a config can have. A config need not have a value for each: `optimizer.momentum`
    /// is a key, and [`Config::value`] is `None` for it where the optimizer is Adam.
    pub fn keys() -> &'static [&'static str] {
        &PATHS
    }

    /// The resolved value of a key such as `train.batch_size`, defaults included; also of a whole
    /// table (`optimizer`) and of one item (`hooks.0.every`, `model.hidden.1`). `None` where the
    /// key does not apply to this config or does not exist.
    pub fn value(&self, key: &str) -> Option<toml::Value> {
        key.split('.').try_fold(
            toml::Value::Table(self.table()),
            |value, part| match value {
                toml::Value::Table(mut entries) => entries.remove(part),
                toml::Value::Array(items) => items.into_iter().nth(part.parse().ok()?),
                _ => None,
            },
        )
    }

    /// The first key in which two configs differ.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let differs = |key: &&&str| self.value(key) != other.value(key);
        Self::keys().iter().find(differs).copied()
    }

    /// Checks that `key` is one of [`Config::keys`].
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownKey`], with the nearest key.
    pub fn check_key(key: &str) -> Result<(), ConfigError> {
        if Self::keys().contains(&key) {
            return Ok(());
        }
        Err(ConfigError::UnknownKey {
            key: Place {
                path: key.to_owned(),
                line: None,
            },
            nearest: nearest(key, Self::keys()).map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::parse;
    use crate::config::samples::{KNOWN, PLAIN, any_config, message, plain};

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

    #[test]
    fn what_grows_and_what_is_measured_fits_the_training_samples() {
        let grows = "[train]\nbatch_schedule = \"step\"\nbatch_every = 1\nlargest_batch = 51";
        assert_eq!(
            message(&format!(
                "data.train = 50\n{}",
                PLAIN.replace("[train]", grows)
            )),
            "x.toml: `train.largest_batch` (line 7) must be at most the 50 training samples, found 51"
        );
        let limit = "schedule.limit = \"sharpness\"\nschedule.limit_samples = 51";
        assert_eq!(
            message(&format!("data.train = 50\n{limit}\n{PLAIN}")),
            "x.toml: `schedule.limit_samples` (line 3) must be at most the 50 training samples, found 51"
        );
    }

    #[test]
    fn an_average_is_measured_where_there_is_one() {
        let hook = "[[hooks]]\npreset = \"light\"\nweights = \"average\"";
        assert_eq!(
            message(&format!("{PLAIN}\n{hook}")),
            "x.toml: `hooks.0.weights` (line 7) = \"average\" needs average.kind = \"ema\": this config keeps no average of the weights"
        );
        let text = format!("average.kind = \"ema\"\n{PLAIN}\n{hook}");
        assert!(parse(&text, "x.toml", &[], "x", KNOWN).is_ok());
        assert_eq!(
            message(
                "average = {kind = \"ema\", start = 5}\noptimizer.learning_rate = 0.1\ntrain.steps = 5"
            ),
            "x.toml: `average.start` (line 1) must be fewer than the run's 5 steps, found 5"
        );
    }

    #[test]
    fn epochs_of_growing_batches_take_fewer_steps() {
        let keys = "[train]\nbatch_schedule = \"step\"\nbatch_every = 1\nbatch_factor = 2";
        let config = parse(&PLAIN.replace("[train]", keys), "x.toml", &[], "x", KNOWN).unwrap();
        // Batches of 32, 64 and 100 of 100.
        assert_eq!(config.total_steps(100), 4 + 2 + 1);
    }

    #[test]
    fn values_are_found_by_key_with_their_defaults() {
        let config = plain();
        assert_eq!(
            config.value("train.batch_size"),
            Some(toml::Value::Integer(32))
        );
        assert_eq!(
            config.value("optimizer.learning_rate"),
            Some(toml::Value::Float(0.1))
        );
        assert_eq!(
            config.value("model.hidden.0"),
            Some(toml::Value::Integer(128))
        );
        assert_eq!(config.value("optimizer.beta1"), None);
        assert_eq!(config.value("optimizer.lr"), None);
        assert_eq!(config.table().get("model"), config.value("model").as_ref());
    }

    #[test]
    fn two_configs_differ_in_the_first_key_with_another_value() {
        let config = plain();
        assert_eq!(config.difference(&config), None);
        let mut other = config.clone();
        other.train.batch_size = Some(64);
        other.optimizer.learning_rate = 0.2;
        assert_eq!(config.difference(&other), Some("optimizer.learning_rate"));
        assert_eq!(other.difference(&config), Some("optimizer.learning_rate"));
        other.optimizer.learning_rate = 0.1;
        assert_eq!(config.difference(&other), Some("train.batch_size"));
    }

    #[test]
    fn an_unknown_key_suggests_the_nearest() {
        assert!(Config::check_key("train.batch_size").is_ok());
        let text = |key| Config::check_key(key).unwrap_err().to_string();
        let known = Config::keys().join(", ");
        assert_eq!(
            text("train.bach_size"),
            format!(
                "unknown config key `train.bach_size`; did you mean `train.batch_size`? Known keys: {known}"
            )
        );
        assert_eq!(
            text("batch_size"),
            format!(
                "unknown config key `batch_size`; did you mean `train.batch_size`? Known keys: {known}"
            )
        );
        assert_eq!(
            text("zzz"),
            format!("unknown config key `zzz`. Known keys: {known}")
        );
    }

    fn reread(config: &Config) -> Config {
        let text = config.to_toml();
        parse(&text, "config.toml", &[], "other", KNOWN)
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn the_resolved_config_spells_out_every_default() {
        let expected = "\
name = \"x\"
seed = 0
backend = \"cpu\"
precision = \"f32\"

[data]
dataset = \"digits\"
subset = \"first\"
normalize = \"unit\"
label_noise = 0.0
augment = []

[model]
kind = \"mlp\"
hidden = [128]
activation = \"relu\"
bias = true
norm = \"none\"
init = \"he\"
init_scale = 1.0

[optimizer]
kind = \"sgd\"
momentum = 0.0
nesterov = false
learning_rate = 0.1
weight_decay = 0.0
weight_decay_excludes = []

[schedule]
kind = \"constant\"
warmup = 0
limit = \"none\"

[learning_rate_rule]
rule = \"none\"

[train]
loss = \"cross_entropy\"
batch_size = 32
batch_schedule = \"constant\"
full_batch = false
epochs = 3
sampling = \"shuffle\"
checkpoint_every = 1
evaluate_every = 1

[average]
kind = \"none\"

[events]
spike_factor = 10.0
spike_window = 50
";
        assert_eq!(plain().to_toml(), expected);
    }

    #[test]
    fn extreme_numbers_survive_exactly() {
        for rate in [
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
            0.1 + 0.2,
            1.0 / 3.0,
            1e22,
        ] {
            let mut config = plain();
            config.precision = Precision::F64;
            config.optimizer.learning_rate = rate;
            assert_eq!(
                reread(&config).optimizer.learning_rate.to_bits(),
                rate.to_bits()
            );
        }
    }

    proptest! {
        #[test]
        fn every_config_survives_being_written(config in any_config()) {
            prop_assert_eq!(reread(&config), config);
        }
    }
}

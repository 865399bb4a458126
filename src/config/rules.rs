//! The rules that span tables.

use super::average::Average;
use super::error::{ConfigError, Violation};
use super::gradient::{LabelNoise, Scaling, SharpnessAware, Units};
use super::hooks::{Hook, Trigger, can_fire};
use super::kind::{Range, in_f32};
use super::model::{Model, ModelKind};
use super::optimizer::{Method, Momentum, OptimizerKind};
use super::schedule::{Cosine, Exponential, Limit, ScheduleKind, Shape, Step};
use super::train::{BatchSchedule, Length, says_full_batch};
use super::whole::Config;
use crate::backend::BackendKind;
use crate::data::{Sampling, Task};
use crate::linear::Precision;
use crate::measure::Weights;
use crate::model::Normalisation;
use crate::objective::Loss;

/// Refuses tables that do not go together.
pub(super) fn check(config: &Config) -> Result<(), Violation> {
    if !is_folder_name(&config.name) {
        let rule = format!(
            "must be made of letters, digits, '.', '_' and '-', and not be \".\" or \"..\", found {:?}",
            config.name
        );
        return Err(Violation::new("name", rule));
    }
    if config.precision == Precision::F64 && config.backend == BackendKind::Wgpu {
        let rule = "= \"f64\" needs backend \"cpu\" or \"ndarray\", this config has \"wgpu\" (\"cpu\" is the reference)";
        return Err(Violation::new("precision", rule).against("backend"));
    }
    keeps_a_learning_rate(config)?;
    can_learn_its_data(config)?;
    can_fire(&config.hooks, &config.schedule)?;
    composes(config)?;
    if config.train.full_batch && !config.data.augment.is_empty() {
        let (key, why) = full_batch(config);
        let rule = format!("must be empty for {why}, whose steps all use the same images");
        return Err(Violation::new("data.augment", rule).against(key));
    }
    let is_average = |hook: &Hook| hook.weights == Weights::Average;
    let of_average = config.hooks.iter().position(is_average);
    if let (Some(index), Average::None) = (of_average, config.average) {
        let rule = "= \"average\" needs average.kind = \"ema\": this config keeps no average of the weights";
        let key = format!("hooks.{index}.weights");
        return Err(Violation::new(key, rule).against("average.kind"));
    }
    fits(config, config.data.train)
}

/// Whether a name is that of one plain folder.
pub fn is_folder_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.chars().all(is_plain) && name != "." && name != ".."
}

/// What says that every step uses all samples.
fn full_batch(config: &Config) -> (&'static str, &'static str) {
    says_full_batch(config.optimizer.method.kind() == OptimizerKind::Gd)
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
    let rule = format!(
        "= {found:?} makes a learning rate of {rate:e}, which f32 cannot hold: give a larger number, or set precision = \"f64\""
    );
    Err(Violation::new(key, rule))
}

/// Refuses what a text cannot be learnt by.
fn can_learn_its_data(config: &Config) -> Result<(), Violation> {
    let (kind, loss) = (config.model.kind(), config.train.loss);
    if config.data.task() == Task::Regression {
        return learns_numbers(config);
    }
    let (key, rule) = if config.data.text.is_none() {
        return Ok(());
    } else if kind != ModelKind::Transformer {
        (
            "model.kind",
            format!(
                "must be \"transformer\", the only kind that reads a sequence, for data.dataset = \"text\"; this config has \"{kind}\""
            ),
        )
    } else if loss != Loss::CrossEntropy {
        (
            "train.loss",
            format!(
                "must be \"cross_entropy\" for data.dataset = \"text\", whose outputs are distributions over characters; this config has \"{loss}\""
            ),
        )
    } else {
        return Ok(());
    };
    Err(Violation::new(key, rule).against("data.dataset"))
}

/// Refuses what needs classes of a config whose targets are numbers.
fn learns_numbers(config: &Config) -> Result<(), Violation> {
    let of = "data.task = \"regression\"";
    let (key, rule) = if config.train.loss != Loss::Square {
        let found = config.train.loss;
        let rule = format!(
            "must be \"square\" for {of}, whose targets are numbers; this config has \"{found}\""
        );
        ("train.loss".to_owned(), rule)
    } else if let Some(LabelNoise::Redraw(_)) = config.label_noise {
        let rule = format!("must be \"gaussian\" for {of}: there are no classes to redraw from");
        ("label_noise.kind".to_owned(), rule)
    } else if let Some(index) = config
        .hooks
        .iter()
        .position(|hook| hook.on.contains(&Trigger::Interpolation))
    {
        let rule = format!(
            "must not name \"interpolation\", a training accuracy of 1, for {of}: there are no classes"
        );
        (format!("hooks.{index}.on"), rule)
    } else {
        return Ok(());
    };
    Err(Violation::new(key, rule).against("data.task"))
}

/// Refuses what changes a gradient in ways that do not go together.
fn composes(config: &Config) -> Result<(), Violation> {
    if let Some(sharpness_aware) = &config.sharpness_aware {
        sharpness_aware_fits(config, sharpness_aware)?;
    }
    if config.noise.is_some() {
        noise_fits(config)?;
    }
    if config.train.svag.is_some() {
        svag_fits(config)?;
    }
    if config.train.frozen.is_some() {
        frozen_fits(config)?;
    }
    needs(
        config.train.loss == Loss::Square
            || !matches!(config.label_noise, Some(LabelNoise::Gaussian(_))),
        "label_noise.kind",
        "train.loss = \"square\"",
        "no other loss takes targets between classes",
    )
}

/// Refuses a key beside something that does not go with it, which is named by its table in brackets, or in words
/// that begin with its key.
fn excludes(is_there: bool, key: &str, other: &str, reason: &str) -> Result<(), Violation> {
    if !is_there {
        return Ok(());
    }
    let rule = format!("cannot be combined with {other}: {reason}");
    Err(Violation::new(key, rule).against(key_of(other)))
}

/// Refuses a key without something that it has a meaning only beside, in words that begin with the key of that.
fn needs(is_met: bool, key: &str, what: &str, reason: &str) -> Result<(), Violation> {
    if is_met {
        return Ok(());
    }
    let rule = format!("needs {what}: {reason}");
    Err(Violation::new(key, rule).against(key_of(what)))
}

/// The key that words begin with.
fn key_of(words: &str) -> &str {
    let first = words.split(' ').next().unwrap_or_default();
    first.trim_matches(['[', ']'])
}

fn sharpness_aware_fits(
    config: &Config,
    sharpness_aware: &SharpnessAware,
) -> Result<(), Violation> {
    excludes(
        config.gradient_penalty.is_some(),
        "gradient_penalty",
        "[sharpness_aware]",
        "the penalty is what the move of SAM adds, to first order",
    )?;
    let is_by_filter = matches!(sharpness_aware.units, Units::Sizes(sizes) if sizes.scaling == Scaling::Filterwise);
    needs(
        !is_by_filter || config.model.kind() == ModelKind::ResNet,
        "sharpness_aware.scaling",
        "model.kind = \"resnet\"",
        "only convolutions have filters, and without them it is \"elementwise\"",
    )
}

fn noise_fits(config: &Config) -> Result<(), Violation> {
    let key = "noise";
    let reason = "a gradient of batches has noise of its own";
    needs(
        config.train.full_batch,
        key,
        "train.full_batch = true",
        reason,
    )?;
    let plain = "the strength and shape of the noise are those of the plain gradient";
    excludes(
        config.sharpness_aware.is_some(),
        key,
        "[sharpness_aware]",
        plain,
    )?;
    excludes(
        config.gradient_penalty.is_some(),
        key,
        "[gradient_penalty]",
        plain,
    )?;
    excludes(config.label_noise.is_some(), key, "[label_noise]", plain)?;
    let (norm, dropout) = match &config.model {
        Model::Mlp(mlp) => (mlp.norm, 0.0),
        Model::ResNet(resnet) => (resnet.norm, 0.0),
        Model::Transformer(transformer) => (Normalisation::None, transformer.dropout),
    };
    excludes(
        norm == Normalisation::Batch,
        key,
        "model.norm = \"batch\"",
        "a sample has no gradient of its own where its batch is normalised by its own statistics",
    )?;
    let reason = "masks are noise of their own";
    excludes(dropout > 0.0, key, "model.dropout above 0", reason)
}

/// What is drawn for all parameters is of another strength where some of them stay.
fn frozen_fits(config: &Config) -> Result<(), Violation> {
    let key = "train.frozen";
    let reason = "its strength is that of noise in all parameters";
    excludes(config.noise.is_some(), key, "[noise]", reason)?;
    let jumps = matches!(config.optimizer.method, Method::PerturbedGd(_));
    excludes(jumps, key, "optimizer.kind = \"perturbed_gd\"", reason)
}

/// SVAG is derived for steps of plain SGD with independent batches (Li, Malladi & Arora 2021, sec. 5).
fn svag_fits(config: &Config) -> Result<(), Violation> {
    let key = "train.svag";
    excludes(
        config.train.full_batch,
        key,
        full_batch(config).1,
        "it enlarges the noise of batches, of which there is none",
    )?;
    needs(
        config.train.sampling == Sampling::Replacement,
        key,
        "train.sampling = \"replacement\"",
        "the two batches of a step are independent",
    )?;
    let plain = Method::Sgd(Momentum {
        coefficient: 0.0,
        nesterov: false,
    });
    needs(
        config.optimizer.method == plain,
        key,
        "optimizer.kind = \"sgd\" without momentum",
        "its steps approximate the same differential equation as plain SGD's only",
    )?;
    let fixed = "a step is a fixed combination of the gradients of two batches of train.batch_size";
    let (train, penalty) = (&config.train, &config.gradient_penalty);
    excludes(train.accumulate.is_some(), key, "train.accumulate", fixed)?;
    excludes(
        config.sharpness_aware.is_some(),
        key,
        "[sharpness_aware]",
        fixed,
    )?;
    excludes(penalty.is_some(), key, "[gradient_penalty]", fixed)?;
    let bound = match train.clip.norm {
        Some(_) => "train.clip_norm",
        None => "train.clip_value",
    };
    excludes(config.train.clip.is_some(), key, bound, fixed)
}

/// The rules about sizes, as far as the number of training samples is known.
fn fits(config: &Config, train_len: Option<usize>) -> Result<(), Violation> {
    if let Some(samples) = train_len {
        fits_samples(config, samples)?;
        gradient_fits(config, samples)?;
    }
    let (total, length_key) = match config.train.length() {
        Length::Steps(steps) => (Some(steps), "train.steps"),
        Length::Epochs(_) => (train_len.map(|len| config.total_steps(len)), "train.epochs"),
    };
    let Some(total) = total.map(|total| total as u64) else {
        return Ok(());
    };
    let start = match config.average {
        Average::Ema(average) => average.start,
        Average::None => 0,
    };
    let beginnings = [
        ("schedule.warmup", config.schedule.warmup),
        ("average.start", start),
    ];
    for (key, found) in beginnings {
        if found > 0 && found >= total {
            let rule = format!("must be fewer than the run's {total} steps, found {found}");
            return Err(Violation::new(key, rule).against(length_key));
        }
    }
    Ok(())
}

/// Refuses more of something than there is.
fn at_most(
    key: &str,
    found: Option<usize>,
    (limit, of): (usize, &str),
    other: &str,
) -> Result<(), Violation> {
    let Some(found) = found.filter(|&found| found > limit) else {
        return Ok(());
    };
    let rule = format!("must be at most the {limit} {of}, found {found}");
    Err(Violation::new(key, rule).against(other))
}

/// Refuses more samples of a batch, a hook or a limit than there are.
fn fits_samples(config: &Config, samples: usize) -> Result<(), Violation> {
    let largest = match config.train.batch_schedule {
        BatchSchedule::Step(growth) => growth.largest_batch,
        BatchSchedule::Constant => None,
    };
    let of_limit = match config.schedule.limit {
        Limit::Sharpness(limit) => limit.limit_samples,
        Limit::None => None,
    };
    let hooks = config.hooks.iter().enumerate();
    let hooks = hooks.map(|(index, hook)| (format!("hooks.{index}.samples"), hook.samples));
    let others = [
        ("train.batch_size", config.train.batch_size),
        ("train.largest_batch", largest),
        ("schedule.limit_samples", of_limit),
    ];
    let others = others.map(|(key, found)| (key.to_owned(), found));
    let mut all = others.into_iter().chain(hooks);
    all.try_for_each(|(key, found)| {
        at_most(&key, found, (samples, "training samples"), "data.train")
    })
}

/// The sizes of what changes a gradient, for so many training samples.
fn gradient_fits(config: &Config, samples: usize) -> Result<(), Violation> {
    let train = &config.train;
    if let (Some(size), Sampling::Shuffle) = (train.batch_size, train.sampling) {
        let batches = (samples.div_ceil(size.max(1)), "batches of an epoch");
        at_most(
            "train.accumulate",
            train.accumulate,
            batches,
            "train.batch_size",
        )?;
    }
    let of_step = config.epochs(samples).batch_size(0) as usize;
    let moved = config.sharpness_aware.as_ref().and_then(|keys| keys.batch);
    let of_step = (of_step, "samples of a step");
    at_most("sharpness_aware.batch", moved, of_step, "train.batch_size")?;
    match config.noise.map(|noise| noise.batch_size) {
        Some(found) if found >= samples => {
            let rule = format!(
                "must be fewer than the {samples} training samples, found {found}: all of them together have no noise"
            );
            Err(Violation::new("noise.batch_size", rule).against("data.train"))
        }
        _ => Ok(()),
    }
}

impl Config {
    /// Checks what only the data can tell: that batches, hook samples and the warm-up fit a
    /// training part of `train_len` samples. To be called once the data is loaded.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Rule`] with the key that does not fit, and where it was written.
    pub fn check_against_data(&self, train_len: usize) -> Result<(), ConfigError> {
        fits(self, Some(train_len)).map_err(|violation| self.provenance.blame(violation))
    }
}

//! What changes the gradient that a step follows: `[sam]`, `[gradient_penalty]`, `[gradient_noise]`,
//! `[label_noise]` and `[clip]`; and what of it goes together.

use super::choice::{
    Ball, LabelNoiseKind, ModelKind, NoiseShape, OptimizerKind, RadiusKind, Sampling, Scaling,
};
use super::model::Model;
use super::rule::{FullBatch, Rule, Violation};
use super::section::Reader;
use super::whole::Config;
use crate::model::Normalisation;
use crate::objective::Loss;

/// The words of the scalings of ASAM.
const SCALED: &[&str] = &[Scaling::Elementwise.as_str(), Scaling::Filterwise.as_str()];

section! {
    /// `[sam]`: sharpness-aware steps, along the gradient at the end of a move up the loss.
    pub struct Sam {
        /// How far the move up the loss goes that SAM's gradient is taken after; 0.05 is usual, with a scaling 0.5.
        radius: f64 = required("a number above 0; 0.05 is usual, with a scaling 0.5") in (computed AboveZero);
        /// How the radius moves.
        path: RadiusPath = part();
        /// The norm in which the move has its radius.
        ball: Ball = default(Ball::L2);
        /// What the move is measured in units of: "none" is SAM, the others are the two scalings of ASAM.
        scaling: Scaling = default(Scaling::None);
        /// Added to every scale.
        eta: f64 = default(0.01) in (computed AtLeastZero) when "sam.scaling" is SCALED;
        /// Samples that are moved together (m-SAM), at most those of a step.
        micro_batch: Option<usize> = optional("those of a step");
    }
}

kinds! {
    /// How the radius of SAM moves over the run.
    #[derive(Copy)]
    pub enum RadiusPath: RadiusKind in "schedule", "How the radius moves." {
        /// `schedule = "constant"`
        Constant,
        /// `schedule = "linear"`
        Linear(FinalRadius),
        /// `schedule = "cosine"`
        Cosine(FinalRadius),
    }
}

section! {
    /// Where the radius of SAM ends.
    #[derive(Copy)]
    pub struct FinalRadius {
        /// The radius of the last step.
        value("final_radius"): f64 = required("the radius of the last step") in AtLeastZero;
    }
}

section! {
    /// `[gradient_penalty]`: descent on the loss and half a multiple of its squared gradient.
    #[derive(Copy)]
    pub struct GradientPenalty {
        /// The factor `μ` of `L + ½μ‖∇L‖²`.
        strength: f64 = required("a number above 0") in (computed AboveZero);
    }
}

section! {
    /// `[gradient_noise]`: noise added to the gradient over all samples, as strong as that of batches.
    #[derive(Copy)]
    pub struct GradientNoise {
        /// The covariance of the noise, up to a factor.
        shape: NoiseShape = required("\"isotropic\", \"gauss_newton\" or \"minibatch\"");
        /// Samples of the batch whose gradient has as large a variance at every step; fewer than the training samples.
        batch_size: usize = required("a number of samples, fewer than there are for training");
    }
}

kinds! {
    /// `[label_noise]`: what happens to the labels of each step, anew in each.
    #[derive(Copy)]
    pub enum LabelNoise: LabelNoiseKind in "kind", "What happens to the labels of a step, anew in each." {
        /// `kind = "redraw"`
        Redraw(Redraw),
        /// `kind = "gaussian"`
        Gaussian(Gaussian),
    }
}

section! {
    /// Labels drawn anew.
    #[derive(Copy)]
    pub struct Redraw {
        /// The fraction of labels that is drawn anew from all classes.
        fraction: f64 = required("a fraction in (0, 1]") in Factor;
    }
}

section! {
    /// Targets that are moved.
    #[derive(Copy)]
    pub struct Gaussian {
        /// The standard deviation of what is added to every target; only for train.loss = "square".
        deviation: f64 = required("a number above 0") in (computed AboveZero);
    }
}

section! {
    /// `[clip]`: a bound on the gradient; exactly one of `norm` and `value`.
    #[derive(Copy)]
    checked by clips_one_thing;
    pub struct Clip {
        /// The largest norm of a gradient; a longer one is shortened.
        norm: Option<f64> = optional("`value` instead") in (computed AboveZero);
        /// The largest size of an entry of a gradient.
        value: Option<f64> = optional("`norm` instead") in (computed AboveZero);
    }
}

fn clips_one_thing(clip: &mut Clip, _: &Reader<'_>) -> Result<(), Violation> {
    match (clip.norm, clip.value) {
        (Some(_), Some(_)) => {
            Err(Violation::new("clip.norm", Rule::ClipsTwice).against("clip.value"))
        }
        (None, None) => Err(Violation::new("clip", Rule::ClipsNothing)),
        _ => Ok(()),
    }
}

/// Refuses what does not go together.
pub(super) fn composes(config: &Config) -> Result<(), Violation> {
    if let Some(sam) = &config.sam {
        sam_fits(config, sam)?;
    }
    if config.gradient_noise.is_some() {
        noise_fits(config)?;
    }
    if matches!(config.label_noise, Some(LabelNoise::Gaussian(_)))
        && config.train.loss != Loss::Square
    {
        let reason = "no other loss takes targets between classes";
        let violation = needs("label_noise.kind", "train.loss = \"square\"", reason);
        return Err(violation.against("train.loss"));
    }
    if config.train.accumulate.is_some() && config.train.full_batch {
        let why = FullBatch::of(config.optimizer.method.kind() == OptimizerKind::Gd);
        let violation = Violation::new("train.accumulate", Rule::BatchSizeOfAll { why });
        return Err(violation.against(why.key()));
    }
    match config.train.svag {
        Some(_) => svag_fits(config),
        None => Ok(()),
    }
}

fn excludes(key: &str, other: &str, said: &'static str, reason: &'static str) -> Violation {
    let rule = Rule::Excludes {
        other: said,
        reason,
    };
    Violation::new(key, rule).against(other)
}

fn needs(key: &str, what: &'static str, reason: &'static str) -> Violation {
    Violation::new(key, Rule::Needs { what, reason })
}

fn sam_fits(config: &Config, sam: &Sam) -> Result<(), Violation> {
    if config.gradient_penalty.is_some() {
        let reason = "the penalty is what the move of SAM adds, to first order";
        return Err(excludes("gradient_penalty", "sam", "[sam]", reason));
    }
    if sam.scaling == Scaling::Filterwise && config.model.kind() != ModelKind::ResNet {
        let reason = "only convolutions have filters, and without them it is \"elementwise\"";
        let violation = needs("sam.scaling", "model.kind = \"resnet\"", reason);
        return Err(violation.against("model.kind"));
    }
    Ok(())
}

fn noise_fits(config: &Config) -> Result<(), Violation> {
    let key = "gradient_noise";
    if !config.train.full_batch {
        let reason = "a gradient of batches has noise of its own";
        let violation = needs(key, "train.full_batch = true", reason);
        return Err(violation.against("train.full_batch"));
    }
    let plain = "the strength and shape of the noise are those of the plain gradient";
    let others = [
        (config.sam.is_some(), "sam", "[sam]"),
        (
            config.gradient_penalty.is_some(),
            "gradient_penalty",
            "[gradient_penalty]",
        ),
        (config.label_noise.is_some(), "label_noise", "[label_noise]"),
    ];
    if let Some((_, other, said)) = others.into_iter().find(|(is_there, ..)| *is_there) {
        return Err(excludes(key, other, said, plain));
    }
    let (norm, dropout) = match &config.model {
        Model::Mlp(mlp) => (mlp.norm, 0.0),
        Model::ResNet(resnet) => (resnet.norm, 0.0),
        Model::Transformer(transformer) => (Normalisation::None, transformer.dropout),
    };
    if norm == Normalisation::Batch {
        let reason = "a sample has no gradient of its own where its batch is normalised by its own statistics";
        return Err(excludes(
            key,
            "model.norm",
            "model.norm = \"batch\"",
            reason,
        ));
    }
    if dropout > 0.0 {
        let reason = "masks are noise of their own";
        return Err(excludes(
            key,
            "model.dropout",
            "model.dropout above 0",
            reason,
        ));
    }
    Ok(())
}

/// SVAG is derived for steps of plain SGD with independent batches (Li, Malladi & Arora 2021, sec. 5).
fn svag_fits(config: &Config) -> Result<(), Violation> {
    let key = "train.svag";
    if config.train.full_batch {
        let reason = "it enlarges the noise of batches, of which there is none";
        let other = FullBatch::of(config.optimizer.method.kind() == OptimizerKind::Gd).key();
        return Err(excludes(key, other, "steps over all samples", reason));
    }
    if config.train.sampling != Sampling::Replacement {
        let reason = "the two batches of a step are independent";
        let violation = needs(key, "train.sampling = \"replacement\"", reason);
        return Err(violation.against("train.sampling"));
    }
    let is_plain = config.optimizer.method.kind() == OptimizerKind::Sgd
        && config
            .optimizer
            .method
            .momentum()
            .is_some_and(|momentum| momentum.coefficient == 0.0);
    if !is_plain {
        let reason = "its steps approximate the same differential equation as plain SGD's only";
        let violation = needs(key, "optimizer.kind = \"sgd\" without momentum", reason);
        return Err(violation.against("optimizer.kind"));
    }
    let others = [
        (
            config.train.accumulate.is_some(),
            "train.accumulate",
            "train.accumulate",
        ),
        (config.sam.is_some(), "sam", "[sam]"),
        (
            config.gradient_penalty.is_some(),
            "gradient_penalty",
            "[gradient_penalty]",
        ),
        (config.clip.is_some(), "clip", "[clip]"),
    ];
    let reason =
        "a step is a fixed combination of the gradients of two batches of train.batch_size";
    match others.into_iter().find(|(is_there, ..)| *is_there) {
        Some((_, other, said)) => Err(excludes(key, other, said, reason)),
        None => Ok(()),
    }
}

/// The rules about sizes, for so many training samples.
pub(super) fn fits(config: &Config, samples: usize) -> Result<(), Violation> {
    let train = &config.train;
    if let (Some(found), Some(size)) = (train.accumulate, train.batch_size) {
        let limit = samples.div_ceil(size.max(1));
        if train.sampling == Sampling::Shuffle && found > limit {
            let rule = Rule::AccumulatesTooMany { found, limit };
            return Err(Violation::new("train.accumulate", rule).against("train.batch_size"));
        }
    }
    let of_step = config.samples_per_step(samples);
    if let Some(found) = config.sam.as_ref().and_then(|sam| sam.micro_batch)
        && found > of_step
    {
        let rule = Rule::MicroBatchTooLarge {
            found,
            limit: of_step,
        };
        return Err(Violation::new("sam.micro_batch", rule).against("train.batch_size"));
    }
    match config.gradient_noise.map(|noise| noise.batch_size) {
        Some(found) if found >= samples => {
            let rule = Rule::NoiseOfAll { found, samples };
            Err(Violation::new("gradient_noise.batch_size", rule).against("data.train"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse;
    use crate::config::samples::{KNOWN, message, plain};

    const RATE: &str = "optimizer.learning_rate = 0.1\ntrain.epochs = 3\n";

    fn refused(keys: &str) -> String {
        message(&format!("{RATE}{keys}"))
    }

    #[test]
    fn a_table_that_is_not_there_needs_nothing_and_is_not_resolved() {
        let text = plain().to_toml();
        for table in [
            "sam",
            "gradient_penalty",
            "gradient_noise",
            "label_noise",
            "clip",
        ] {
            assert!(!text.contains(&format!("[{table}]")), "{text}");
        }
        let config = parse(
            &format!("{RATE}sam.radius = 0.1"),
            "x.toml",
            &[],
            "x",
            KNOWN,
        )
        .unwrap();
        let again = parse(&config.to_toml(), "x.toml", &[], "x", KNOWN).unwrap();
        assert_eq!(again, config);
        assert!(config.to_toml().contains(
            "[sam]\nradius = 0.1\nschedule = \"constant\"\nball = \"l2\"\nscaling = \"none\"\n"
        ));
    }

    #[test]
    fn a_table_that_is_there_needs_its_keys() {
        insta::assert_snapshot!(refused("sam.ball = \"linf\""), @"x.toml: `sam.radius` is required: a number above 0; 0.05 is usual, with a scaling 0.5");
        insta::assert_snapshot!(refused("sam = { radius = 0.1, schedule = \"linear\" }"), @"x.toml: `sam.final_radius` is required: the radius of the last step");
        insta::assert_snapshot!(refused("sam = { radius = 0.1, eta = 0.1 }"), @r#"x.toml: `sam.eta` (line 3) only applies to sam.scaling = "elementwise" or "filterwise"; this config has "none""#);
        insta::assert_snapshot!(refused("[clip]"), @"x.toml: `clip` (line 3) needs a bound: exactly one of `norm` and `value`");
        insta::assert_snapshot!(refused("clip = { norm = 1, value = 1 }"), @"x.toml: `clip.norm` (line 3) and `clip.value` cannot both be set: which comes first would matter");
        insta::assert_snapshot!(refused("label_noise.kind = \"redraw\""), @"x.toml: `label_noise.fraction` is required: a fraction in (0, 1]");
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_the_reason() {
        insta::assert_snapshot!(refused("sam.radius = 0.1\ngradient_penalty.strength = 1"), @"x.toml: `gradient_penalty` (line 4) cannot be combined with [sam]: the penalty is what the move of SAM adds, to first order");
        insta::assert_snapshot!(refused("sam = { radius = 0.1, scaling = \"filterwise\" }"), @r#"x.toml: `sam.scaling` (line 3) needs model.kind = "resnet": only convolutions have filters, and without them it is "elementwise""#);
        insta::assert_snapshot!(refused("label_noise = { kind = \"gaussian\", deviation = 0.1 }"), @r#"x.toml: `label_noise.kind` (line 3) needs train.loss = "square": no other loss takes targets between classes"#);
        insta::assert_snapshot!(refused("train.full_batch = true\ntrain.accumulate = 2"), @"x.toml: `train.accumulate` (line 4) must be absent for train.full_batch = true, which uses all training samples in every step");
    }

    #[test]
    fn injected_noise_is_for_steps_over_all_samples_that_have_gradients_of_their_own() {
        let noise = "gradient_noise = { shape = \"isotropic\", batch_size = 8 }";
        let full = format!("{noise}\ntrain.full_batch = true");
        insta::assert_snapshot!(refused(noise), @"x.toml: `gradient_noise` (line 3) needs train.full_batch = true: a gradient of batches has noise of its own");
        insta::assert_snapshot!(refused(&format!("{full}\nsam.radius = 0.1")), @"x.toml: `gradient_noise` (line 3) cannot be combined with [sam]: the strength and shape of the noise are those of the plain gradient");
        insta::assert_snapshot!(refused(&format!("{full}\nmodel.kind = \"resnet\"")), @r#"x.toml: `gradient_noise` (line 3) cannot be combined with model.norm = "batch": a sample has no gradient of its own where its batch is normalised by its own statistics"#);
        insta::assert_snapshot!(refused(&format!("{full}\nmodel = {{ kind = \"transformer\", dropout = 0.1 }}")), @"x.toml: `gradient_noise` (line 3) cannot be combined with model.dropout above 0: masks are noise of their own");
        insta::assert_snapshot!(refused(&format!("{full}\ndata.train = 8")), @"x.toml: `gradient_noise.batch_size` (line 3) must be fewer than the 8 training samples, found 8: all of them together have no noise");
    }

    #[test]
    fn svag_is_for_plain_sgd_with_independent_batches() {
        insta::assert_snapshot!(refused("train.svag = 2"), @r#"x.toml: `train.svag` (line 3) needs train.sampling = "replacement": the two batches of a step are independent"#);
        let svag = "train.svag = 2\ntrain.sampling = \"replacement\"\n";
        insta::assert_snapshot!(refused(&format!("{svag}optimizer.momentum = 0.9")), @r#"x.toml: `train.svag` (line 3) needs optimizer.kind = "sgd" without momentum: its steps approximate the same differential equation as plain SGD's only"#);
        insta::assert_snapshot!(refused(&format!("{svag}clip.norm = 1")), @"x.toml: `train.svag` (line 3) cannot be combined with [clip]: a step is a fixed combination of the gradients of two batches of train.batch_size");
        insta::assert_snapshot!(refused("train.svag = 2\ntrain.full_batch = true"), @"x.toml: `train.svag` (line 3) cannot be combined with steps over all samples: it enlarges the noise of batches, of which there is none");
    }

    #[test]
    fn sizes_fit_the_step_and_the_data() {
        insta::assert_snapshot!(refused("sam = { radius = 0.1, micro_batch = 33 }\ndata.train = 100"), @"x.toml: `sam.micro_batch` (line 3) must be at most the 32 samples of a step, found 33");
        insta::assert_snapshot!(refused("train.accumulate = 5\ndata.train = 100"), @"x.toml: `train.accumulate` (line 3) must be at most the 4 batches of an epoch, found 5");
        let config = parse(
            &format!("{RATE}train.accumulate = 3"),
            "x.toml",
            &[],
            "x",
            KNOWN,
        )
        .unwrap();
        assert_eq!(
            (config.steps_per_epoch(100), config.samples_per_step(100)),
            (2, 96)
        );
        let svag = "train.svag = 3\ntrain.sampling = \"replacement\"";
        let config = parse(&format!("{RATE}{svag}"), "x.toml", &[], "x", KNOWN).unwrap();
        assert_eq!(
            (config.steps_per_epoch(100), config.samples_per_step(100)),
            (12, 32)
        );
    }
}

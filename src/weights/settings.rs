//! The config of weights without one: what their shapes tell of the model, and what the command line adds.
//!
//! A config describes a whole run, and weights say nothing of how they were trained. The keys of training are therefore
//! filled with what measuring never reads: whoever measures such weights leaves learning rate, update rule and batches
//! out of the subject ([`crate::measure::Subject`]), so that measures that need them are rows with that reason.

use super::ForeignError;
use crate::config::{self, Config, ConfigError, Override};
use crate::counted::counted;
use crate::data::Split;
use lab_formats::weights::architecture::{
    Architecture, Embedding, Norm, Perceptron, Residual, Transformer,
};
use std::path::Path;
use toml::Value as Toml;

/// The keys that weights without a config can be given.
const KEYS: &[&str] = &["seed", "backend", "precision", "train.loss"];

/// The tables whose keys they can be given.
const TABLES: &[&str] = &["data.", "model."];

/// The config of weights whose architecture is known, with what the command line says, and lines about what shapes leave
/// open.
///
/// # Errors
///
/// [`ForeignError::Open`] where the command line has to say more, and where it says what weights alone have none of;
/// the outer error is of the config.
pub fn config(
    architecture: &Architecture,
    path: &Path,
    given: &[Override],
    measures: &[&str],
) -> Result<(Config, Vec<String>), ConfigOrForeign> {
    let open = |what: String| ForeignError::Open {
        path: path.to_owned(),
        what,
    };
    let of_training = given.iter().find(|it| {
        let key = it.key();
        !KEYS.contains(&key) && !TABLES.iter().any(|table| key.starts_with(table))
    });
    if let Some(other) = of_training {
        return Err(open(format!(
            "--set {}: weights alone can be given data.*, model.*, {}; what else there is to set is about training, which a \
             config describes: --model FILE --config FILE",
            other.key(),
            KEYS.join(", ")
        ))
        .into());
    }
    let is_given = |key: &str| given.iter().any(|it| it.key() == key);
    let Settings { mut keys, notes } = settings(architecture, &is_given).map_err(open)?;
    // What no measure of such weights reads: one step of plain descent.
    keys.extend([
        ("optimizer.kind", "gd".into()),
        ("optimizer.learning_rate", 1.0.into()),
        ("train.steps", 1.into()),
    ]);
    let flag = path.display().to_string();
    let keys = keys
        .iter()
        .map(|(key, value)| Override::from_flag(&flag, key, value));
    let overrides: Vec<Override> = keys.chain(given.iter().cloned()).collect();
    let config = config::parse("", &flag, &overrides, &name(path), measures)?;
    Ok((config, notes))
}

/// Why there is no config: what the weights leave open, or what a key does not allow.
#[derive(Debug, thiserror::Error)]
pub enum ConfigOrForeign {
    /// A key is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights leave something open.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
}

/// The name of a run of such weights: the file's stem, of letters that a name may have.
fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = stem.chars().map(plain).collect();
    match name.trim_matches('.') {
        "" => "weights".to_owned(),
        _ => name,
    }
}

/// Keys with their values.
type Keys = Vec<(&'static str, Toml)>;

/// Keys with their values, and what they leave open.
struct Settings {
    keys: Keys,
    notes: Vec<String>,
}

fn whole(number: usize) -> Toml {
    Toml::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn list(numbers: &[usize]) -> Toml {
    Toml::Array(numbers.iter().map(|&number| whole(number)).collect())
}

/// What an architecture says of the keys of `[model]`.
fn settings(
    architecture: &Architecture,
    is_given: &dyn Fn(&str) -> bool,
) -> Result<Settings, String> {
    let mut open = Open {
        is_given,
        notes: Vec::new(),
    };
    let keys = match architecture {
        Architecture::Perceptron(found) => perceptron(found, &mut open),
        Architecture::Residual(found) => residual(found, &mut open)?,
        Architecture::Transformer(found) => transformer(found, &mut open)?,
    };
    Ok(Settings {
        keys,
        notes: open.notes,
    })
}

/// What shapes leave open, and what is assumed of it.
struct Open<'a> {
    is_given: &'a dyn Fn(&str) -> bool,
    notes: Vec<String>,
}

impl Open<'_> {
    fn is_given(&self, key: &str) -> bool {
        (self.is_given)(key)
    }

    /// Says what is assumed where the command line does not say it.
    fn assume(&mut self, key: &str, text: &str) {
        if !self.is_given(key) {
            self.notes.push(text.to_owned());
        }
    }
}

fn word_of(norm: Norm) -> &'static str {
    match norm {
        Norm::None => "none",
        Norm::Batch => "batch",
        Norm::Sample => "layer",
    }
}

fn perceptron(found: &Perceptron, open: &mut Open<'_>) -> Keys {
    if !found.hidden.is_empty() {
        open.assume(
            "model.activation",
            "assumed: relu between layers, which shapes do not tell; another by --set model.activation=tanh",
        );
    }
    vec![
        ("model.kind", "mlp".into()),
        ("model.hidden", list(&found.hidden)),
        ("model.bias", found.has_bias.into()),
        ("model.norm", word_of(found.norm).into()),
    ]
}

fn residual(found: &Residual, open: &mut Open<'_>) -> Result<Keys, String> {
    if found.norm == Norm::Sample && !open.is_given("model.norm") {
        return Err(
            "its normalisations have no running statistics, and shapes do not tell whether they are by layer or by \
             group: give --set model.norm=layer, or model.norm=group with model.groups=N"
                .to_owned(),
        );
    }
    open.assume(
        "model.activation",
        "assumed: relu, which shapes do not tell; another by --set model.activation=…",
    );
    let stem = if found.stem == 7 { "imagenet" } else { "cifar" };
    let shortcut = match found.has_projections || found.blocks.len() == 1 {
        true => "projection",
        false => "padding",
    };
    Ok(vec![
        ("model.kind", "resnet".into()),
        ("model.width", whole(found.width)),
        ("model.blocks", list(&found.blocks)),
        ("model.stem", stem.into()),
        ("model.shortcut", shortcut.into()),
        ("model.norm", word_of(found.norm).into()),
    ])
}

fn transformer(found: &Transformer, open: &mut Open<'_>) -> Result<Keys, String> {
    if !open.is_given("model.heads") {
        return Err(format!(
            "shapes do not tell the heads of attention: give --set model.heads=N, a divisor of the width, {}",
            found.width
        ));
    }
    open.assume(
        "model.activation",
        "assumed: gelu in the MLPs, which shapes do not tell; nn.TransformerEncoderLayer's own default is \
         --set model.activation=relu",
    );
    open.notes.push(
        "assumed: normalisation before each part (norm_first=True), the only order there is here; shapes do not tell it, and \
         of a network with norm_first=False, which is PyTorch's default, every number below is wrong"
            .to_owned(),
    );
    let mut keys = vec![
        ("model.kind", "transformer".into()),
        ("model.width", whole(found.width)),
        ("model.depth", whole(found.depth)),
        ("model.mlp_width", whole(found.mlp_width)),
    ];
    keys.extend(embedding(found));
    let is_mean = !found.has_class_token && !matches!(found.embedding, Embedding::Table(_));
    if is_mean && found.norms_tokens {
        keys.push(("model.last_norm", "tokens".into()));
    } else if is_mean {
        open.assume(
            "model.last_norm",
            "assumed: the last norm after the mean over tokens; for one of every token before it: --set \
             model.last_norm=tokens",
        );
    }
    if is_mean {
        open.notes
            .push("there is no class token: the outputs are of the mean over tokens".to_owned());
    }
    Ok(keys)
}

/// What the way of making tokens says.
fn embedding(found: &Transformer) -> Keys {
    let mut keys = Keys::new();
    match found.embedding {
        Embedding::Table(_) => {
            keys.push(("data.sequence", whole(found.positions)));
        }
        Embedding::Convolution { side, .. } => keys.push(("model.patch", whole(side))),
        Embedding::Linear(inputs) => {
            keys.extend(side_of(inputs).map(|side| ("model.patch", whole(side))))
        }
    }
    if !matches!(found.embedding, Embedding::Table(_)) {
        let pool = if found.has_class_token {
            "class"
        } else {
            "mean"
        };
        keys.push(("model.pool", pool.into()));
    }
    keys
}

/// The side of a patch of one channel, or of three, of so many numbers: at most one of the two is a square.
fn side_of(inputs: usize) -> Option<usize> {
    [1, 3].into_iter().find_map(|channels| {
        let side = (inputs / channels).isqrt();
        (side * side * channels == inputs).then_some(side)
    })
}

/// An architecture in a line.
pub fn said(architecture: &Architecture) -> String {
    match architecture {
        Architecture::Perceptron(found) => {
            let widths = [&[found.inputs], &found.hidden[..], &[found.outputs]].concat();
            let widths: Vec<String> = widths.iter().map(usize::to_string).collect();
            let norm = match found.norm {
                Norm::None => "",
                Norm::Batch => ", batch normalisation",
                Norm::Sample => ", layer normalisation",
            };
            let bias = if found.has_bias { "" } else { ", no biases" };
            format!("an MLP {}{norm}{bias}", widths.join("-"))
        }
        Architecture::Residual(found) => {
            let blocks: Vec<String> = found.blocks.iter().map(usize::to_string).collect();
            let past = match (found.has_projections, found.blocks.len()) {
                (_, 1) => "",
                (true, _) => ", shortcuts by projection (option B)",
                (false, _) => ", shortcuts by padding (option A)",
            };
            format!(
                "a ResNet of {} blocks from {} channels, a stem of {stem} x {stem}{past}",
                blocks.join("-"),
                found.width,
                stem = found.stem,
            )
        }
        Architecture::Transformer(found) => format!(
            "a transformer of {} blocks, {} wide with MLPs of {}",
            found.depth, found.width, found.mlp_width
        ),
    }
}

/// Refuses data that the model cannot take.
///
/// # Errors
///
/// [`ForeignError::Data`].
pub fn check_data(
    architecture: &Architecture,
    path: &Path,
    config: &Config,
    data: &Split,
) -> Result<(), ForeignError> {
    let refused = |what: String| {
        Err(ForeignError::Data {
            path: path.to_owned(),
            what: format!("{what}; choose other data (--data), or see --set data.classes"),
        })
    };
    let [channels, height, width] = data.train.shape();
    let dataset = config.data.dataset;
    let (inputs, outputs) = match architecture {
        Architecture::Perceptron(found) => (Some(found.inputs), found.outputs),
        Architecture::Residual(found) => {
            if found.channels != channels {
                return refused(format!(
                    "takes images of {}, and {dataset} has {channels}",
                    counted(found.channels, "channel")
                ));
            }
            (None, found.outputs)
        }
        Architecture::Transformer(found) => (None, found.outputs),
    };
    if let Some(inputs) = inputs.filter(|&inputs| inputs != data.train.features()) {
        return refused(format!(
            "takes {} of each sample, and {dataset} has {} ({channels} x {height} x {width})",
            counted(inputs, "number"),
            data.train.features()
        ));
    }
    let of_classes = || config.train.loss.outputs(data.train.classes());
    let wanted = data.train.outputs().unwrap_or_else(of_classes);
    if outputs != wanted {
        return refused(format!(
            "has {}, and {dataset} needs {wanted}",
            counted(outputs, "output")
        ));
    }
    Ok(())
}

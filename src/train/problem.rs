//! Config and data made into something that can be trained and measured.

use super::hooks::{blocks, measures};
use crate::backend::{BackendError, Compute};
use crate::config::{Config, ConfigError, Epochs, Model, ModelKind};
use crate::data::{self, DataError, Sampling, Source, Split};
use crate::measure::about;
use crate::model::{
    Dropout, Initialisation, Mlp, MlpShape, Network, ResNet, ResNetShape, Tokens, Transformer,
    TransformerShape,
};
use crate::model::{DropoutMode, NormMode, Normalisation, Stem};
use crate::nearest::nearest;
use crate::objective::{Chunks, Objective};
use crate::optim::{self, Reach, Schedule, UpdateRule, is_part_of};
use crate::params::{Layout, Parameters};
use crate::random::Streams;
use crate::reparam::MapKind;
use crate::reparam::applicable;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// The largest model: its vectors in f64 take 4 GB each.
const MOST_PARAMETERS: f64 = 5e8;

/// Why a problem cannot be set up. All of it is for the user to mend.
#[derive(Debug, Error)]
pub enum ProblemError {
    /// The config does not fit the data.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model is larger than this program can hold.
    #[error(
        "[model]: this {kind} has {parameters:.1e} parameters; the most this program takes is \
         {MOST_PARAMETERS:e}. Make it narrower or less deep"
    )]
    TooLarge {
        /// The architecture.
        kind: ModelKind,
        /// The number of parameters.
        parameters: f64,
    },
    /// The patches do not cover the image.
    #[error(
        "`model.patch` = {patch} must divide the height and width of the images, {height} x {width}"
    )]
    Patch {
        /// The side of a patch.
        patch: usize,
        /// The image's height.
        height: usize,
        /// The image's width.
        width: usize,
    },
    /// The stages halve the image away.
    #[error(
        "`model.blocks` has {stages} stages, each of which halves the image: the {height} x {width} \
         images here allow at most {allowed}"
    )]
    TooManyStages {
        /// The stages asked for.
        stages: usize,
        /// The most the image allows.
        allowed: u32,
        /// The image's height.
        height: usize,
        /// The image's width.
        width: usize,
    },
    /// A mean and a variance of one number.
    #[error(
        "`model.norm` = \"batch\" normalises each channel by the mean and variance of a batch, and \
         of the {samples} training samples in batches of {batch} the smallest has one value per \
         channel: choose another `train.batch_size` or `model.norm`"
    )]
    LonelyValue {
        /// The training samples.
        samples: usize,
        /// The batch size.
        batch: usize,
    },
    /// A hook measures under a map that the network has none of.
    #[error(
        "`hooks.{hook}.maps`: no {map} map leaves the function of this {kind} alone. Those that do: \
         {allowed}"
    )]
    Map {
        /// The place of the hook.
        hook: usize,
        /// The map.
        map: MapKind,
        /// The architecture.
        kind: ModelKind,
        /// The maps that it has.
        allowed: String,
    },
    /// A hook measures a block that the network does not have.
    #[error(
        "`hooks.{hook}.blocks`: this {kind} has no layer or parameter {found:?}{}; \"layers\" takes each \
         layer in turn: {}",
        suggestion(found, parameters),
        layers.join(", ")
    )]
    Block {
        /// The place of the hook.
        hook: usize,
        /// The block.
        found: String,
        /// The architecture.
        kind: ModelKind,
        /// The network's parameters.
        parameters: Vec<String>,
        /// Its layers.
        layers: Vec<String>,
    },
    /// The config freezes what the network does not have, or all of it.
    #[error(
        "`train.frozen.{place}`: {}; its layers are {}",
        match is_all {
            true => format!("with {found:?} no parameter is left to train"),
            false => format!("this network has no layer or parameter {found:?}{}", suggestion(found, parameters)),
        },
        layers.join(", ")
    )]
    Frozen {
        /// The place in the list.
        place: usize,
        /// What stands there.
        found: String,
        /// Whether it leaves nothing to train.
        is_all: bool,
        /// The network's parameters.
        parameters: Vec<String>,
        /// Its layers.
        layers: Vec<String>,
    },
    /// A hook has blocks and nothing to measure of them.
    #[error(
        "`hooks.{hook}.blocks`: nothing that this hook measures is about a block of the parameters ({measures}); \
         leave `blocks` out, or add a measure that is, such as \"hessian.lambda_max\" or \"hessian.trace\""
    )]
    NothingOfBlocks {
        /// The place of the hook.
        hook: usize,
        /// What it measures.
        measures: String,
    },
    /// The backend does not answer.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// The nearest name, if any is near.
fn suggestion(found: &str, known: &[String]) -> String {
    nearest(found, known).map_or_else(String::new, |nearest| {
        format!("; did you mean {nearest:?}?")
    })
}

/// A config with its data loaded, its network built and its backend opened.
pub struct Problem {
    /// The config.
    pub config: Config,
    /// Training and test data.
    pub data: Split,
    /// The network with its loss.
    pub objective: Objective,
    /// Which parameters steps reach.
    pub reach: Reach,
    /// The run's random streams.
    pub streams: Streams,
}

impl Problem {
    /// Opens the backend and loads the data of a config.
    ///
    /// # Errors
    ///
    /// [`ProblemError`]; nothing has been written.
    pub fn open(config: Config, data_dir: &Path) -> Result<Self, ProblemError> {
        let data = data::load(&config.data, data_dir, &Streams::new(config.seed))?;
        Self::with_data(config, data)
    }

    /// Opens the backend for a config and data that are loaded.
    ///
    /// # Errors
    ///
    /// [`ProblemError`]; nothing has been written.
    pub fn with_data(config: Config, data: Split) -> Result<Self, ProblemError> {
        config.check_against_data(data.train.len())?;
        if config.data.text.is_none() {
            check_image(&config.model, data.train.shape())?;
        }
        check_size(&config, &data)?;
        check_batches(&config, &data)?;
        let compute = Compute::open(config.backend, config.precision)?;
        let network = network(&config, &data);
        check_maps(&config, network.as_ref())?;
        check_blocks(&config, network.layout())?;
        check_frozen(&config, network.layout())?;
        Ok(Self {
            reach: Reach::of(&config, network.layout()),
            objective: Objective::new(network, config.train.loss, compute),
            streams: Streams::new(config.seed),
            config,
            data,
        })
    }

    /// The backend.
    pub fn compute(&self) -> &Compute {
        self.objective.compute()
    }

    /// The starting point of the run's seed.
    pub fn initial_values(&self) -> Vec<f64> {
        let mut rng = self.streams.stream("init", 0);
        let blueprint = self.objective.network().blueprint();
        let values = blueprint.initial_parameters(&mut rng);
        // Rounded once to the run's precision, so that the distance from it is 0 at the start.
        let parameters = self.parameters(&values);
        parameters.to_host().unwrap_or(values)
    }

    /// A parameter vector on the device.
    pub fn parameters(&self, values: &[f64]) -> Parameters {
        Parameters::from_host(self.objective.network().layout(), values, self.compute())
    }

    /// Running statistics on the device.
    pub fn statistics(&self, values: &[f64]) -> Parameters {
        let blueprint = self.objective.network().blueprint();
        Parameters::from_host(blueprint.statistics(), values, self.compute())
    }

    /// What dropout does in a mode of measuring.
    pub fn dropout(&self, mode: DropoutMode) -> Dropout {
        match mode {
            DropoutMode::Off => Dropout::Off,
            DropoutMode::Fixed => Dropout::Fixed(self.streams),
        }
    }

    /// A fresh optimizer.
    pub fn optimizer(&self) -> Box<dyn UpdateRule> {
        let layout = self.objective.network().layout();
        let config = &self.config.optimizer;
        let rule = optim::init(config, layout, self.streams, self.compute());
        self.reach.confined(rule)
    }

    /// The learning rate as a function of the step.
    pub fn schedule(&self) -> Schedule {
        Schedule::of(&self.config, self.data.train.len())
    }

    /// The passes over the training data.
    pub fn epochs(&self) -> Epochs {
        self.config.epochs(self.data.train.len())
    }

    /// The learning rate before any schedule, at the batch size that the run begins with.
    pub fn base_rate(&self) -> f64 {
        let first = self.epochs().batch_size(0);
        self.config.optimizer.learning_rate * self.config.learning_rate_rule.factor(first)
    }

    /// Optimizer steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        self.config.total_steps(self.data.train.len()) as u64
    }

    /// The first `samples` training samples (all for `None`) on the device.
    pub fn train_chunks(&self, samples: Option<usize>, norm_mode: NormMode) -> Chunks {
        let count = samples.unwrap_or(self.data.train.len());
        self.chunks(&self.data.train, count, norm_mode)
    }

    /// All training samples on the device, so many in a batch.
    pub fn all_in_chunks_of(&self, size: usize) -> Chunks {
        let train = &self.data.train;
        let indices: Vec<u32> = (0..train.len() as u32).collect();
        Chunks::gather(train, &indices, size, self.objective.loss(), self.compute())
    }

    /// All test samples on the device.
    pub fn test_chunks(&self, norm_mode: NormMode) -> Chunks {
        self.chunks(&self.data.test, self.data.test.len(), norm_mode)
    }

    fn chunks(&self, dataset: &data::Dataset, count: usize, norm_mode: NormMode) -> Chunks {
        let indices: Vec<u32> = (0..count as u32).collect();
        let network = self.objective.network();
        // A batch normalised by its own statistics must be a batch of training.
        let chunk = match norm_mode {
            NormMode::Batch if network.has_statistics() => {
                self.config.train.batch_size.unwrap_or(count)
            }
            _ => network.samples_per_chunk(),
        };
        Chunks::gather(
            dataset,
            &indices,
            chunk,
            self.objective.loss(),
            self.compute(),
        )
    }

    /// The files the data came from.
    pub fn sources(&self) -> &[Source] {
        &self.data.sources
    }

    /// Whether every step uses the whole training data.
    pub fn is_full_batch(&self) -> bool {
        self.config.train.full_batch
    }
}

/// Refuses hooks whose maps the network has no symmetry for.
fn check_maps(config: &Config, network: &dyn Network) -> Result<(), ProblemError> {
    let allowed = applicable(network);
    for (hook, maps) in config.hooks.iter().map(|hook| &hook.maps).enumerate() {
        if let Some(&map) = maps.iter().find(|map| !allowed.contains(map)) {
            let allowed: Vec<&str> = allowed.iter().map(|map| map.as_str()).collect();
            return Err(ProblemError::Map {
                hook,
                map,
                kind: config.model.kind(),
                allowed: allowed.join(", "),
            });
        }
    }
    Ok(())
}

/// Refuses hooks about blocks that the network does not have, or that measure nothing of blocks.
fn check_blocks(config: &Config, layout: &Layout) -> Result<(), ProblemError> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    for (place, hook) in config.hooks.iter().enumerate() {
        let named = blocks(hook, layout);
        if let Some(&found) = named.iter().find(|name| layout.range(name).is_none()) {
            let names = layout.blocks().iter().map(|block| block.name.as_str());
            return Err(ProblemError::Block {
                hook: place,
                found: found.to_owned(),
                kind: config.model.kind(),
                parameters: owned(names.collect()),
                layers: owned(layout.layers()),
            });
        }
        let measured = measures(hook, config.data.task());
        let is_of_block = |name: &String| about(name).is_some_and(|measure| measure.is_of_block);
        if !named.is_empty() && !measured.iter().any(is_of_block) {
            return Err(ProblemError::NothingOfBlocks {
                hook: place,
                measures: measured.join(", "),
            });
        }
    }
    Ok(())
}

/// Refuses to freeze what the network does not have, or all of it.
fn check_frozen(config: &Config, layout: &Layout) -> Result<(), ProblemError> {
    let names = || config.train.frozen.iter().flatten();
    let Some(last) = names().count().checked_sub(1) else {
        return Ok(());
    };
    let unknown = names().position(|name| layout.range(name).is_none());
    let is_moved = |name: &str| !names().any(|frozen| is_part_of(name, frozen));
    let is_all = !layout.blocks().iter().any(|block| is_moved(&block.name));
    if unknown.is_none() && !is_all {
        return Ok(());
    }
    let place = unknown.unwrap_or(last);
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Err(ProblemError::Frozen {
        place,
        found: names().nth(place).cloned().unwrap_or_default(),
        is_all: unknown.is_none(),
        parameters: owned(
            layout
                .blocks()
                .iter()
                .map(|block| block.name.as_str())
                .collect(),
        ),
        layers: owned(layout.layers()),
    })
}

/// Refuses a model that does not fit the images.
fn check_image(model: &Model, [_, height, width]: [usize; 3]) -> Result<(), ProblemError> {
    match model {
        Model::Transformer(shape)
            if !height.is_multiple_of(shape.patch) || !width.is_multiple_of(shape.patch) =>
        {
            Err(ProblemError::Patch {
                patch: shape.patch,
                height,
                width,
            })
        }
        Model::ResNet(shape) if shape.blocks.len() > 1 + height.min(width).ilog2() as usize => {
            Err(ProblemError::TooManyStages {
                stages: shape.blocks.len(),
                allowed: 1 + height.min(width).ilog2(),
                height,
                width,
            })
        }
        _ => Ok(()),
    }
}

/// Refuses batch normalisation of a single value, which is its bias whatever the value.
fn check_batches(config: &Config, data: &Split) -> Result<(), ProblemError> {
    let [_, height, width] = data.train.shape();
    let (norm, positions) = match &config.model {
        Model::Mlp(mlp) => (mlp.norm, 1),
        Model::ResNet(resnet) => {
            let halvings = resnet.blocks.len() - 1 + 2 * usize::from(resnet.stem == Stem::ImageNet);
            let halved = |side: usize| side.div_ceil(1 << halvings);
            (resnet.norm, halved(height) * halved(width))
        }
        Model::Transformer(_) => return Ok(()),
    };
    let samples = data.train.len();
    let smallest = |batch: usize| match (config.train.sampling, samples % batch) {
        (Sampling::Replacement, _) | (_, 0) => batch,
        (Sampling::Shuffle, rest) => rest,
    };
    let steps = config.total_steps(samples) as u64;
    let epochs = config.epochs(samples);
    // What is normalised together: of pieces, none has less than two samples but where all have one.
    let micro_batch = config.sharpness_aware.as_ref().and_then(|keys| keys.batch);
    let sizes = |step| {
        let batch = epochs.accumulated_batch_size(step) as usize;
        let piece = micro_batch.unwrap_or(batch).max(1);
        (epochs.batch_size(step) as usize, piece)
    };
    let is_lonely =
        |&(of_step, piece): &(usize, usize)| smallest(of_step).min(piece) * positions == 1;
    match epochs.starts(steps).map(sizes).find(is_lonely) {
        Some((of_step, piece)) if norm == Normalisation::Batch => Err(ProblemError::LonelyValue {
            samples,
            batch: of_step.min(piece),
        }),
        _ => Ok(()),
    }
}

/// Refuses a model whose parameters could not be held, before anything is allocated.
fn check_size(config: &Config, data: &Split) -> Result<(), ProblemError> {
    let outputs = config.train.loss.outputs_for(&data.train);
    let parameters = match &config.model {
        Model::Mlp(mlp) => {
            let mut widths = vec![data.train.features()];
            widths.extend(&mlp.hidden);
            widths.push(outputs);
            widths
                .windows(2)
                .map(|pair| (pair[0] as f64 + 1.0) * pair[1] as f64)
                .sum()
        }
        Model::ResNet(resnet) => {
            let width = |stage: usize| resnet.width as f64 * 2f64.powi(stage as i32);
            let stages = resnet.blocks.iter().enumerate();
            stages
                .map(|(stage, &blocks)| 18.0 * width(stage).powi(2) * blocks as f64)
                .sum()
        }
        Model::Transformer(shape) => {
            let width = shape.width as f64;
            let tables = match &config.data.text {
                Some(text) => outputs as f64 + text.sequence as f64,
                None => 0.0,
            };
            let blocks = shape.depth as f64 * (4.0 * width + 2.0 * shape.mlp_width as f64);
            width * (tables + blocks)
        }
    };
    if parameters > MOST_PARAMETERS {
        return Err(ProblemError::TooLarge {
            kind: config.model.kind(),
            parameters,
        });
    }
    Ok(())
}

fn network(config: &Config, data: &Split) -> Arc<dyn Network> {
    let outputs = config.train.loss.outputs_for(&data.train);
    let image = data.train.shape();
    match &config.model {
        Model::Mlp(mlp) => Arc::new(Mlp::new(MlpShape {
            inputs: data.train.features(),
            hidden: mlp.hidden.clone(),
            outputs,
            activation: mlp.activation,
            bias: mlp.bias,
            normalisation: mlp.norm,
            initialisation: Initialisation {
                kind: mlp.init,
                scale: mlp.init_scale,
            },
        })),
        Model::ResNet(resnet) => Arc::new(ResNet::new(&ResNetShape {
            image,
            width: resnet.width,
            blocks: resnet.blocks.clone(),
            stem: resnet.stem,
            shortcut: resnet.shortcut,
            outputs,
            activation: resnet.activation,
            normalisation: resnet.norm,
            groups: resnet.groups.unwrap_or(1),
            initialisation: Initialisation {
                kind: resnet.init,
                scale: resnet.init_scale,
            },
        })),
        Model::Transformer(transformer) => Arc::new(Transformer::new(TransformerShape {
            tokens: match &config.data.text {
                Some(text) => Tokens::Characters {
                    vocabulary: outputs,
                    sequence: text.sequence,
                },
                None => Tokens::Patches {
                    image,
                    patch: transformer.patch,
                    pool: transformer.pool,
                },
            },
            width: transformer.width,
            depth: transformer.depth,
            heads: transformer.heads,
            mlp_width: transformer.mlp_width,
            outputs,
            dropout: transformer.dropout,
            activation: transformer.activation,
            initialisation: Initialisation {
                kind: transformer.init,
                scale: transformer.init_scale,
            },
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::read;
    use crate::config::parse;
    use crate::data::{Dataset, Images, PixelNormalisation};
    use crate::linear::Precision;
    use crate::objective::Batch;

    fn config(model: &str) -> Config {
        let text = format!("{model}\noptimizer.learning_rate = 0.1\ntrain.epochs = 1");
        parse(&text, "x.toml", &[], "x", &[]).unwrap()
    }

    fn data(shape: [usize; 3], samples: usize) -> Split {
        let count = samples * shape.iter().product::<usize>();
        let images = Images {
            shape,
            maximum: 255,
            pixels: (0..count).map(|i| (i * i % 251) as u8).collect(),
            labels: (0..samples).map(|i| (i % 10) as u8).collect(),
            classes: 10,
        };
        let part = Dataset::from_images(images, PixelNormalisation::Unit);
        Split {
            train: part.clone(),
            test: part,
            sources: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// The counts are those of the same networks in PyTorch. He et al. 2016 (table 6) give the
    /// ResNet of 20 layers 0.27 million.
    #[test]
    fn presets_have_the_sizes_they_are_named_for_on_every_image() {
        let expected = [
            ([3, 32, 32], [78_042, 272_474, 21_162, 208_074, 1_876_010]),
            ([1, 28, 28], [77_754, 272_186, 19_658, 205_066, 1_868_490]),
            ([1, 8, 8], [77_754, 272_186, 18_218, 202_186, 1_861_290]),
        ];
        let presets = [
            "resnet\"\nmodel.preset = \"resnet8",
            "resnet\"\nmodel.preset = \"resnet20",
            "transformer\"\nmodel.preset = \"tiny",
            "transformer\"\nmodel.preset = \"small",
            "transformer\"\nmodel.preset = \"large",
        ];
        for (shape, counts) in expected {
            for (preset, count) in presets.into_iter().zip(counts) {
                let config = config(&format!("model.kind = \"{preset}\""));
                check_image(&config.model, shape).unwrap();
                let network = network(&config, &data(shape, 10));
                assert_eq!(network.layout().len(), count, "{preset} on {shape:?}");
            }
        }
    }

    #[test]
    fn images_of_every_size_and_odd_ones_have_ten_finite_outputs() {
        for (kind, patch, shapes) in [
            (
                "resnet",
                1,
                [[1, 8, 8], [1, 28, 28], [3, 32, 32], [2, 7, 5]],
            ),
            (
                "transformer",
                4,
                [[1, 8, 8], [1, 28, 28], [3, 32, 32], [2, 4, 12]],
            ),
        ] {
            for shape in shapes {
                let mut text = format!("model.kind = \"{kind}\"\nmodel.width = 4");
                if kind == "transformer" {
                    text += &format!("\nmodel.patch = {patch}");
                }
                let config = config(&text);
                let data = data(shape, 10);
                let compute = Compute::cpu(Precision::F32);
                let network = network(&config, &data);
                let mut rng = Streams::new(0).stream("init", 0);
                let values = network.blueprint().initial_parameters(&mut rng);
                let parameters = Parameters::from_host(network.layout(), &values, &compute);
                let objective = Objective::new(network, config.train.loss, compute.clone());
                let batch = Batch::gather(&data.train, &[0, 1], config.train.loss, &compute);
                let outputs = objective.evaluate(&parameters, &batch).outputs;
                assert_eq!(outputs.dims(), [2, 10], "{kind} on {shape:?}");
                let outputs = read(&outputs).unwrap();
                assert!(
                    outputs.iter().all(|output| output.is_finite()),
                    "{kind} on {shape:?}"
                );
            }
        }
    }

    #[test]
    fn a_batch_of_one_value_per_channel_is_refused() {
        let refused = |model: &str, shape, samples| {
            check_batches(&config(model), &data(shape, samples)).is_err()
        };
        let mlp = "model.norm = \"batch\"";
        assert!(refused(mlp, [1, 2, 2], 33));
        assert!(!refused(mlp, [1, 2, 2], 34));
        assert!(!refused("model.norm = \"layer\"", [1, 2, 2], 33));
        assert!(!refused("model.kind = \"resnet\"", [1, 8, 8], 33));
        assert!(refused("model.kind = \"resnet\"", [1, 4, 4], 33));
        let replacement = format!("{mlp}\ntrain.sampling = \"replacement\"");
        assert!(!refused(&replacement, [1, 2, 2], 33));
    }
}

//! Whether a config, its data and its network go together.

use super::error::{MOST_PARAMETERS, ProblemError};
use crate::config::{Config, Model};
use crate::data::{Sampling, Split};
use crate::measure::about;
use crate::model::{Network, Normalisation, Stem};
use crate::optim::is_part_of;
use crate::params::Layout;
use crate::reparam::applicable;
use crate::train::hooks::{blocks, measures};

/// Refuses hooks whose maps the network has no symmetry for.
pub(super) fn check_maps(config: &Config, network: &dyn Network) -> Result<(), ProblemError> {
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
pub(super) fn check_blocks(config: &Config, layout: &Layout) -> Result<(), ProblemError> {
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
pub(super) fn check_frozen(config: &Config, layout: &Layout) -> Result<(), ProblemError> {
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
pub(super) fn check_image(
    model: &Model,
    [_, height, width]: [usize; 3],
) -> Result<(), ProblemError> {
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
pub(super) fn check_batches(config: &Config, data: &Split) -> Result<(), ProblemError> {
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
pub(super) fn check_size(config: &Config, data: &Split) -> Result<(), ProblemError> {
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

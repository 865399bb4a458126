//! Residual networks of basic blocks, with the names of torchvision (`layer1.0.conv1`, `downsample`, `fc`) or of the
//! usual ones for CIFAR (`shortcut`, `linear`).

use super::super::listing::Listing;
use super::super::matching::Module;
use super::{
    Architecture, ArchitectureError, Inferred, Norm, Residual, modules_of, other, with_names,
};

/// What is said of a convolution that is somewhere else.
const KNOWN: &str = "of convolutional networks, residual ones of basic blocks are read, with the names conv1, bn1, \
                     layer1.0.conv1, layer1.0.bn1, …, fc (ResNet-18 and -34 of torchvision, and those for CIFAR)";

pub(super) fn inferred(listing: &Listing) -> Result<Inferred, ArchitectureError> {
    let usual = |name: &str| {
        let name = name.replace(".shortcut.", ".downsample.");
        match name.strip_prefix("linear.") {
            Some(part) => format!("fc.{part}"),
            None => name,
        }
    };
    let (listing, renamed) = with_names(listing, |entry| usual(entry.name()));
    let modules = modules_of(&listing);
    let architecture = Architecture::Residual(network(&modules)?);
    Ok(Inferred {
        architecture,
        levels: vec![listing],
        renamed,
    })
}

/// A module's place in the network: stage and block from 0, and what it is there.
fn place(name: &str) -> Option<(usize, usize, &str)> {
    let (stage, rest) = name.strip_prefix("layer")?.split_once('.')?;
    let (block, part) = rest.split_once('.')?;
    let stage = stage.parse::<usize>().ok()?.checked_sub(1)?;
    Some((stage, block.parse().ok()?, part))
}

fn network(modules: &[Module]) -> Result<Residual, ArchitectureError> {
    let of = |name: &str| modules.iter().find(|it| it.name == name);
    let (Some(stem), Some(head)) = (of("conv1"), of("fc")) else {
        let strange = modules
            .iter()
            .find(|it| place(&it.name).is_none() && it.name != "bn1");
        return match strange.or(modules.first()) {
            Some(module) => Err(module.unknown(KNOWN)),
            None => other(KNOWN),
        };
    };
    let (Some(&[width, channels, stem_side, other_side]), Some(&[outputs, _])) =
        (stem.shape("weight"), head.shape("weight"))
    else {
        return Err(stem.unknown(KNOWN));
    };
    if stem_side != other_side || ![3, 7].contains(&stem_side) {
        return other(format!(
            "its first convolution has kernels of {stem_side} x {other_side}; read are those of 3 x 3 (the stem for CIFAR) and 7 \
             x 7 (that for ImageNet)"
        ));
    }
    let blocks = blocks(modules)?;
    let is_projection = |name: &str| name.ends_with(".downsample.0");
    let projections = modules.iter().filter(|it| is_projection(&it.name)).count();
    if projections != 0 && projections != blocks.len() - 1 {
        return other(format!(
            "it has {projections} shortcuts with parameters in {} stages; read are one at the beginning of each stage but the \
             first (option B of He et al. 2016), or none (option A)",
            blocks.len()
        ));
    }
    Ok(Residual {
        channels,
        stem: stem_side,
        width,
        blocks,
        outputs,
        has_projections: projections > 0,
        norm: of("bn1")
            .and_then(Module::norm)
            .map_or(Norm::None, |it| it.0),
    })
}

/// The number of blocks of each stage, all of which must be there.
fn blocks(modules: &[Module]) -> Result<Vec<usize>, ArchitectureError> {
    let mut blocks: Vec<usize> = Vec::new();
    for module in modules {
        if module.shape("weight").is_some_and(|shape| shape.len() == 4)
            && module.parts.contains_key("bias")
        {
            return other(format!(
                "its convolution `{}` has a bias, which residual networks here have none of",
                module.name
            ));
        }
        let Some((stage, block, part)) = place(&module.name) else {
            if ["conv1", "bn1", "fc"].contains(&module.name.as_str()) {
                continue;
            }
            return Err(module.unknown(KNOWN));
        };
        if part == "conv3" {
            return other(
                "its blocks have three convolutions (the bottlenecks of ResNet-50 and deeper); those of two are read: ResNet-18 \
                 and -34, and those for CIFAR",
            );
        }
        if stage > 15 || block > 999 {
            return Err(module.unknown(KNOWN));
        }
        blocks.resize(blocks.len().max(stage + 1), 0);
        blocks[stage] = blocks[stage].max(block + 1);
    }
    match blocks.is_empty() || blocks.contains(&0) {
        true => other(KNOWN),
        false => Ok(blocks),
    }
}

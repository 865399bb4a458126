//! Transformers of `nn.TransformerEncoderLayer`s, with an embedding before and a head behind them under whatever names.

use super::super::listing::{Entry, Listing};
use super::{
    Architecture, ArchitectureError, Embedding, Inferred, Transformer, modules_of, other,
    with_names,
};

/// What ends the name of the first block's attention.
const FIRST: &str = "layers.0.self_attn.in_proj_weight";

/// What is said of a tensor that has no place.
const KNOWN: &str = "beside nn.TransformerEncoderLayer a transformer has patch_embed (or token_embed), position, \
                     perhaps class_token, a last norm and a head; give others a name by --rename, or drop what is not \
                     used by --rename 'NAME='";

pub(super) fn inferred(listing: &Listing) -> Result<Inferred, ArchitectureError> {
    let first = listing.entries.iter().find(|it| it.name().ends_with(FIRST));
    let Some((prefix, &[_, width])) = first
        .and_then(|it| Some((it.name().strip_suffix(FIRST)?, it.shape.as_slice())))
        .and_then(|(prefix, shape)| Some((prefix, <&[usize; 2]>::try_from(shape).ok()?)))
    else {
        return other("its first block has no `self_attn.in_proj_weight` of two axes");
    };
    let blocks = format!("{prefix}layers.");
    // nn.TransformerEncoder has its norm beside its layers, and takes it of every token.
    let own_norm = format!("{prefix}norm.weight");
    let norms_tokens = !prefix.is_empty() && listing.entries.iter().any(|it| it.name() == own_norm);
    let usual = |entry: &Entry| match entry.name().strip_prefix(&blocks) {
        Some(rest) => format!("encoder.layers.{rest}"),
        None => role(entry, listing, width).unwrap_or_else(|| entry.name().to_owned()),
    };
    let (mut listing, renamed) = with_names(listing, usual);
    let architecture = Transformer {
        norms_tokens,
        ..network(&listing, width)?
    };
    // A convolution that does not overlap is a linear map of its patches, in the same order of numbers.
    for entry in &mut listing.entries {
        if let ("patch_embed.weight", [outputs, rest @ ..]) = (entry.name(), &entry.shape[..]) {
            entry.shape = vec![*outputs, rest.iter().product()];
        }
    }
    Ok(Inferred {
        architecture: Architecture::Transformer(architecture),
        levels: vec![listing],
        renamed,
    })
}

/// The usual name of a tensor beside the blocks, by its shape, and by its name where shapes do not tell.
fn role(entry: &Entry, listing: &Listing, width: usize) -> Option<String> {
    let (module, part) = entry.name().rsplit_once('.').unwrap_or(("", entry.name()));
    let word = entry.name().to_lowercase();
    let sibling = |part: &str| {
        let name = format!("{module}.{part}");
        listing
            .entries
            .iter()
            .find(|it| it.name() == name)
            .map(|it| it.shape.as_slice())
    };
    let weight = if part == "bias" {
        sibling("weight")
    } else {
        None
    };
    match (part, weight.unwrap_or(&entry.shape)) {
        ("weight" | "bias", [_]) if sibling("weight").is_some_and(|it| it == [width]) => {
            Some(format!("norm.{part}"))
        }
        ("weight" | "bias", [outputs, _, _, _]) if *outputs == width => {
            Some(format!("patch_embed.{part}"))
        }
        ("weight", [_, columns]) if *columns == width && word.contains("pos") => {
            Some("position".to_owned())
        }
        ("weight", [_, columns]) if *columns == width && sibling("bias").is_none() => {
            Some("token_embed.weight".to_owned())
        }
        ("weight" | "bias", [_, columns]) if *columns == width => Some(format!("head.{part}")),
        ("weight" | "bias", [rows, _]) if *rows == width => Some(format!("patch_embed.{part}")),
        (_, [1, 1, columns]) if *columns == width => Some("class_token".to_owned()),
        (_, [1, _, columns] | [_, columns]) if *columns == width => Some("position".to_owned()),
        _ => None,
    }
}

fn network(listing: &Listing, width: usize) -> Result<Transformer, ArchitectureError> {
    let shape = |name: &str| {
        let entry = listing.entries.iter().find(|it| it.name() == name);
        entry.map(|it| it.shape.as_slice())
    };
    let strange = modules_of(listing).into_iter().find(|module| {
        let usual = ["", "patch_embed", "token_embed", "norm", "head"];
        !module.name.starts_with("encoder.layers.") && !usual.contains(&module.name.as_str())
    });
    if let Some(module) = strange {
        return Err(module.unknown(KNOWN));
    }
    let embedding = match (shape("patch_embed.weight"), shape("token_embed.weight")) {
        (Some(&[_, channels, side, other]), None) if side == other => {
            Embedding::Convolution { channels, side }
        }
        (Some(&[_, inputs]), None) => Embedding::Linear(inputs),
        (None, Some(&[kinds, _])) => Embedding::Table(kinds),
        _ => {
            return other(format!(
                "it has no embedding of patches or of tokens: {KNOWN}"
            ));
        }
    };
    let (Some(&[.., positions, _]), Some(&[outputs, _])) =
        (shape("position"), shape("head.weight"))
    else {
        return other(format!("it has no positions, or no head: {KNOWN}"));
    };
    let depth = (0..)
        .take_while(|it| shape(&format!("encoder.layers.{it}.linear1.weight")).is_some())
        .count();
    let Some(&[mlp_width, _]) = shape("encoder.layers.0.linear1.weight") else {
        return other("its first block has no `linear1.weight` of two axes");
    };
    Ok(Transformer {
        embedding,
        positions,
        width,
        depth,
        mlp_width,
        outputs,
        has_class_token: shape("class_token").is_some(),
        norms_tokens: false,
    })
}

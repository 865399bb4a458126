//! Linear layers in a row.

use super::super::listing::Listing;
use super::super::matching::{Module, numbers};
use super::{ArchitectureError, Norm, Perceptron, modules_of, other};

/// The most layers whose order is searched for.
const LONGEST: usize = 12;

/// A layer: outputs and inputs.
type Shape = (usize, usize);

pub(super) fn inferred(listing: &Listing) -> Result<Perceptron, ArchitectureError> {
    let modules = modules_of(listing);
    let mut layers: Vec<(&Module, Shape)> = Vec::new();
    let mut norms = Vec::new();
    for module in &modules {
        if let Some(&[outputs, inputs]) = module.shape("weight")
            && (module.has_only(&["weight"]) || module.has_only(&["weight", "bias"]))
        {
            layers.push((module, (outputs, inputs)));
        } else if let Some(norm) = module.norm() {
            norms.push(norm);
        } else {
            return Err(module.unknown(
                "linear layers, normalisations with a weight and a bias, convolutions of a residual network, and \
                 nn.TransformerEncoderLayer",
            ));
        }
    }
    let is_in_order = listing.is_ordered || by_numbers(&mut layers);
    let shapes: Vec<Shape> = layers.iter().map(|layer| layer.1).collect();
    let row = row(&shapes, is_in_order).map_err(|is_several| {
        let said = layers
            .iter()
            .map(|(it, (outputs, inputs))| format!("`{}` {inputs} to {outputs}", it.name));
        let layers = said.collect::<Vec<_>>().join(", ");
        match is_several {
            true => ArchitectureError::SeveralChains { layers },
            false => ArchitectureError::NoChain { layers },
        }
    })?;
    let hidden: Vec<usize> = row[..row.len() - 1].iter().map(|it| it.0).collect();
    let biased = layers
        .iter()
        .filter(|(it, _)| it.parts.contains_key("bias"))
        .count();
    if biased != 0 && biased != layers.len() {
        return other(format!(
            "{biased} of its {} linear layers have a bias: all or none can be read",
            layers.len()
        ));
    }
    Ok(Perceptron {
        inputs: row[0].1,
        outputs: row[row.len() - 1].0,
        has_bias: biased > 0,
        norm: norm(&norms, &hidden)?,
        hidden,
    })
}

/// Sorts layers by the numbers in their names, where they differ in nothing else; whether they do.
fn by_numbers(layers: &mut [(&Module, Shape)]) -> bool {
    let templates: Vec<String> = layers.iter().map(|it| numbers(&it.0.name).0).collect();
    let is_numbered = templates.windows(2).all(|pair| pair[0] == pair[1]);
    if is_numbered {
        layers.sort_by_key(|it| numbers(&it.0.name).1);
    }
    is_numbered
}

/// The layers in a row: as they are, where that is an order, or else in the only one in which each takes what the one
/// before makes. The error says whether there are several.
fn row(layers: &[Shape], is_in_order: bool) -> Result<Vec<Shape>, bool> {
    let follows = |pair: &[Shape]| pair[0].0 == pair[1].1;
    if is_in_order && !layers.is_empty() && layers.windows(2).all(follows) {
        return Ok(layers.to_vec());
    }
    if layers.is_empty() || layers.len() > LONGEST {
        return Err(false);
    }
    let mut rows = Vec::new();
    extend(&mut Vec::new(), layers.to_vec(), &mut rows);
    match rows.len() {
        1 => rows.pop().ok_or(false),
        several => Err(several > 1),
    }
}

/// All rows that begin like this, each sequence of shapes once; two are enough.
fn extend(row: &mut Vec<Shape>, left: Vec<Shape>, rows: &mut Vec<Vec<Shape>>) {
    if left.is_empty() && !rows.contains(row) {
        rows.push(row.clone());
    }
    for (place, &next) in left.iter().enumerate() {
        let is_first = left.iter().position(|it| *it == next) == Some(place);
        if rows.len() > 1 || !is_first || row.last().is_some_and(|last| last.0 != next.1) {
            continue;
        }
        let mut left = left.clone();
        left.remove(place);
        row.push(next);
        extend(row, left, rows);
        row.pop();
    }
}

/// What normalises the hidden units of these widths.
fn norm(norms: &[(Norm, usize)], hidden: &[usize]) -> Result<Norm, ArchitectureError> {
    let Some(&(kind, _)) = norms.first() else {
        return Ok(Norm::None);
    };
    let sorted = |mut widths: Vec<usize>| {
        widths.sort_unstable();
        widths
    };
    let widths = norms.iter().map(|it| it.1).collect();
    if sorted(widths) != sorted(hidden.to_vec()) || norms.iter().any(|it| it.0 != kind) {
        return other(
            "its normalisations are not one of one kind behind each hidden layer, as model.norm makes them",
        );
    }
    Ok(kind)
}

//! Parameters in `.safetensors` files, with PyTorch's names and layouts.

use super::{Block, Layout};
use crate::linear::Precision;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a weights file cannot be used.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file cannot be opened.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not in the safetensors format.
    #[error("{}: not a safetensors file: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A tensor of the model is not in the file.
    #[error("{}: has no tensor `{name}`; it has {found}. The model in the config needs {needed}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor looked for.
        name: String,
        /// The names in the file.
        found: String,
        /// The names of the model.
        needed: String,
    },
    /// The file holds a tensor the model does not have.
    #[error("{}: tensor `{name}` belongs to no parameter of the model in the config, which has {needed}", path.display())]
    Surplus {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The names of the model.
        needed: String,
    },
    /// A tensor has another shape than the model's parameter.
    #[error("{}: tensor `{name}` has shape {found:?}, the model in the config has {expected:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The model's.
        expected: Vec<usize>,
    },
    /// A tensor is made of numbers that are not read.
    #[error("{}: tensor `{name}` has type {found}, allowed are {}", path.display(), list_plain(allowed))]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        found: Dtype,
        /// The types a tensor of this name may have.
        allowed: &'static [Dtype],
    },
    /// A counter of batches does not hold a count.
    #[error("{}: tensor `{name}` holds {found}, which is no count: allowed are whole numbers of at least 0", path.display())]
    Count {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What it holds.
        found: f64,
    },
    /// A running variance is below 0.
    #[error("{}: tensor `{name}` holds a variance below 0, at element {element}", path.display())]
    NegativeVariance {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Where, counting from 0.
        element: usize,
    },
    /// A tensor holds NaN or infinity.
    #[error("{}: tensor `{name}` holds a number that is not finite, at element {element}", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Where, counting row-major from 0.
        element: usize,
    },
}

/// A named array to be written: name, shape, values.
pub type NamedArray<'a> = (String, Vec<usize>, &'a [f64]);

/// The blocks of a parameter vector as named arrays.
pub fn named_blocks<'a>(layout: &Layout, values: &'a [f64]) -> Vec<NamedArray<'a>> {
    layout
        .blocks()
        .iter()
        .map(|block| {
            (
                block.name.clone(),
                block.shape.clone(),
                &values[block.range()],
            )
        })
        .collect()
}

/// Encodes arrays as safetensors, in the given precision, with one entry of metadata.
///
/// # Errors
///
/// What the encoder says; it refuses only names that occur twice.
pub fn encode(
    arrays: &[NamedArray<'_>],
    precision: Precision,
    metadata: (&str, String),
) -> Result<Vec<u8>, String> {
    let floats = match precision {
        Precision::F32 => Dtype::F32,
        Precision::F64 => Dtype::F64,
    };
    let bytes: Vec<(Dtype, Vec<u8>)> = arrays
        .iter()
        .map(|(name, _, values)| match is_counter(name) {
            true => (
                Dtype::I64,
                values
                    .iter()
                    .flat_map(|&value| (value as i64).to_le_bytes())
                    .collect(),
            ),
            false => (floats, to_bytes(values, precision)),
        })
        .collect();
    let views = arrays
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), (dtype, bytes))| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.clone(), view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let metadata = HashMap::from([(metadata.0.to_owned(), metadata.1)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
}

fn to_bytes(values: &[f64], precision: Precision) -> Vec<u8> {
    match precision {
        Precision::F32 => values
            .iter()
            .flat_map(|&value| (value as f32).to_le_bytes())
            .collect(),
        Precision::F64 => values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    }
}

/// The types of parameters and running statistics.
pub const FLOATS: &[Dtype] = &[Dtype::F32, Dtype::F64];

/// The types of a counter: that of PyTorch first, and what converters make of it.
const COUNTERS: &[Dtype] = &[
    Dtype::I64,
    Dtype::I32,
    Dtype::I16,
    Dtype::I8,
    Dtype::U64,
    Dtype::U32,
    Dtype::U16,
    Dtype::U8,
    Dtype::F32,
    Dtype::F64,
];

/// The numbers of a tensor, or `None` where its type is not among those `allowed`.
pub fn numbers(view: &TensorView<'_>, allowed: &[Dtype]) -> Option<Vec<f64>> {
    let dtype = view.dtype();
    if !allowed.contains(&dtype) {
        return None;
    }
    let bytes = view.data();
    match dtype {
        Dtype::F32 => Some(read(bytes, |bytes| f64::from(f32::from_le_bytes(bytes)))),
        Dtype::F64 => Some(read(bytes, f64::from_le_bytes)),
        Dtype::I64 => Some(read(bytes, |bytes| i64::from_le_bytes(bytes) as f64)),
        Dtype::U64 => Some(read(bytes, |bytes| u64::from_le_bytes(bytes) as f64)),
        Dtype::I32 => Some(read(bytes, |bytes| f64::from(i32::from_le_bytes(bytes)))),
        Dtype::U32 => Some(read(bytes, |bytes| f64::from(u32::from_le_bytes(bytes)))),
        Dtype::I16 => Some(read(bytes, |bytes| f64::from(i16::from_le_bytes(bytes)))),
        Dtype::U16 => Some(read(bytes, |bytes| f64::from(u16::from_le_bytes(bytes)))),
        Dtype::I8 => Some(read(bytes, |bytes| f64::from(i8::from_le_bytes(bytes)))),
        Dtype::U8 => Some(read(bytes, |bytes| f64::from(u8::from_le_bytes(bytes)))),
        _ => None,
    }
}

fn read<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let chunks = bytes.as_chunks::<N>().0.iter();
    chunks.map(|chunk| convert(*chunk)).collect()
}

/// Reads the weights of a model from a file, whoever wrote it, as one vector per layout (its
/// parameters, its running statistics), each in its layout's order.
///
/// # Errors
///
/// [`WeightsError`] where the file is not what the model needs: every tensor, no other, the same
/// shapes, finite numbers. Only a counter of batches may be missing; it is then 0.
pub fn read_weights<const N: usize>(
    path: &Path,
    layouts: [&Layout; N],
) -> Result<[Vec<f64>; N], WeightsError> {
    let bytes = std::fs::read(path).map_err(|source| WeightsError::Read {
        path: path.to_owned(),
        source,
    })?;
    decode(&bytes, path, layouts)
}

/// [`read_weights`] of the content of the file at `path`.
pub(super) fn decode<const N: usize>(
    bytes: &[u8],
    path: &Path,
    layouts: [&Layout; N],
) -> Result<[Vec<f64>; N], WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Format {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let blocks = || layouts.iter().flat_map(|layout| layout.blocks());
    let needed = || list(blocks().map(|block| block.name.as_str()));
    for name in file.names() {
        if layouts.iter().all(|layout| layout.position(name).is_none()) {
            return Err(WeightsError::Surplus {
                path: path.to_owned(),
                name: name.to_owned(),
                needed: needed(),
            });
        }
    }
    let mut vectors = layouts.map(|layout| vec![0.0; layout.len()]);
    for (layout, values) in layouts.iter().zip(&mut vectors) {
        for block in layout.blocks() {
            match file.tensor(&block.name) {
                Ok(view) => values[block.range()].copy_from_slice(&read_block(path, block, &view)?),
                Err(_) if is_counter(&block.name) => {}
                Err(_) => {
                    return Err(WeightsError::Missing {
                        path: path.to_owned(),
                        name: block.name.clone(),
                        found: list(file.names().into_iter()),
                        needed: needed(),
                    });
                }
            }
        }
    }
    Ok(vectors)
}

/// The numbers of one block, checked.
fn read_block(path: &Path, block: &Block, view: &TensorView<'_>) -> Result<Vec<f64>, WeightsError> {
    let (path, name) = (path.to_owned(), block.name.clone());
    // A counter is one number, whether a converter gave it an axis or not.
    let is_counter = is_counter(&name);
    let fits = match is_counter {
        true => view.shape().iter().all(|&length| length == 1),
        false => view.shape() == block.shape,
    };
    if !fits {
        return Err(WeightsError::Shape {
            path,
            name,
            found: view.shape().to_vec(),
            expected: block.shape.clone(),
        });
    }
    let allowed = if is_counter { COUNTERS } else { FLOATS };
    let Some(numbers) = numbers(view, allowed) else {
        return Err(WeightsError::Type {
            path,
            name,
            found: view.dtype(),
            allowed,
        });
    };
    check_numbers(&path, &name, &numbers, &name)?;
    Ok(numbers)
}

/// Refuses numbers of a tensor that its block cannot have: those that are not finite, counts that are none and variances
/// below 0.
///
/// # Errors
///
/// [`WeightsError`], which calls the tensor `name`.
pub(crate) fn check_numbers(
    path: &Path,
    name: &str,
    numbers: &[f64],
    block: &str,
) -> Result<(), WeightsError> {
    let (path, name) = (path.to_owned(), name.to_owned());
    if let Some(element) = numbers.iter().position(|number| !number.is_finite()) {
        return Err(WeightsError::NotFinite {
            path,
            name,
            element,
        });
    }
    let is_count = |number: f64| number >= 0.0 && number.fract() == 0.0;
    if is_counter(block) {
        return match numbers.iter().find(|&&number| !is_count(number)) {
            Some(&found) => Err(WeightsError::Count { path, name, found }),
            None => Ok(()),
        };
    }
    let is_variance = block.ends_with("running_var");
    match numbers
        .iter()
        .position(|&number| is_variance && number < 0.0)
    {
        Some(element) => Err(WeightsError::NegativeVariance {
            path,
            name,
            element,
        }),
        None => Ok(()),
    }
}

/// Whether a block is PyTorch's counter of batches, its only tensor of integers here.
pub(crate) fn is_counter(name: &str) -> bool {
    name.ends_with("num_batches_tracked")
}

/// Types as words.
fn list_plain(types: &[Dtype]) -> String {
    let words: Vec<_> = types.iter().map(|dtype| format!("{dtype:?}")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => "none".to_owned(),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    names.sort();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout::new([
            ("layers.0.weight".to_owned(), vec![2, 3]),
            ("layers.0.bias".to_owned(), vec![2]),
        ])
    }

    fn write(arrays: &[NamedArray<'_>], precision: Precision) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes = encode(arrays, precision, ("format", "pt".to_owned())).unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn message(arrays: &[NamedArray<'_>]) -> String {
        let file = write(arrays, Precision::F64);
        let error = read_weights(file.path(), [&layout()]).unwrap_err();
        error
            .to_string()
            .replace(&file.path().display().to_string(), "w.safetensors")
    }

    #[test]
    fn weights_survive_a_round_trip_in_either_precision() {
        let values: Vec<f64> = (0..8).map(|i| f64::from(i) / 3.0).collect();
        let file = write(&named_blocks(&layout(), &values), Precision::F64);
        let [read] = read_weights(file.path(), [&layout()]).unwrap();
        assert_eq!(read, values);
        let file = write(&named_blocks(&layout(), &values), Precision::F32);
        let rounded: Vec<f64> = values.iter().map(|&x| f64::from(x as f32)).collect();
        assert_eq!(read_weights(file.path(), [&layout()]).unwrap(), [rounded]);
    }

    #[test]
    fn the_same_weights_give_the_same_bytes() {
        let values = vec![1.0; 8];
        let bytes = || {
            let blocks = named_blocks(&layout(), &values).to_vec();
            encode(&blocks, Precision::F32, ("format", "pt".to_owned())).unwrap()
        };
        assert_eq!(bytes(), bytes());
    }

    #[test]
    fn each_fault_is_named() {
        let (weight, bias) = ([0.0; 6], [0.0, f64::NAN]);
        let weights = ("layers.0.weight".to_owned(), vec![2, 3], &weight[..]);
        insta::assert_snapshot!(message(std::slice::from_ref(&weights)), @"w.safetensors: has no tensor `layers.0.bias`; it has `layers.0.weight`. The model in the config needs `layers.0.bias`, `layers.0.weight`");
        let wrong = ("layers.0.weight".to_owned(), vec![3, 2], &weight[..]);
        insta::assert_snapshot!(message(&[wrong]), @"w.safetensors: tensor `layers.0.weight` has shape [3, 2], the model in the config has [2, 3]");
        let biases = ("layers.0.bias".to_owned(), vec![2], &bias[..]);
        insta::assert_snapshot!(message(&[weights.clone(), biases]), @"w.safetensors: tensor `layers.0.bias` holds a number that is not finite, at element 1");
        let biases = ("layers.0.bias".to_owned(), vec![2], &weight[..2]);
        let other = ("head.weight".to_owned(), vec![1], &weight[..1]);
        insta::assert_snapshot!(message(&[weights, biases, other]), @"w.safetensors: tensor `head.weight` belongs to no parameter of the model in the config, which has `layers.0.bias`, `layers.0.weight`");
    }

    #[test]
    fn running_statistics_are_read_beside_weights_and_checked() {
        let weights = Layout::new([("bn1.weight".to_owned(), vec![2])]);
        let statistics = Layout::new([
            ("bn1.running_mean".to_owned(), vec![2]),
            ("bn1.running_var".to_owned(), vec![2]),
            ("bn1.num_batches_tracked".to_owned(), vec![]),
        ]);
        let read = |mean: [f64; 2], variance: [f64; 2]| {
            let mut arrays = named_blocks(&weights, &[0.5, -0.5]);
            let values = [mean[0], mean[1], variance[0], variance[1], 7.0];
            arrays.extend(named_blocks(&statistics, &values));
            let file = write(&arrays, Precision::F64);
            let read = read_weights(file.path(), [&weights, &statistics]);
            read.map_err(|error| {
                let path = file.path().display().to_string();
                error.to_string().replace(&path, "w.safetensors")
            })
        };
        let [weights, statistics] = read([0.1, 0.2], [1.0, 2.0]).unwrap();
        assert_eq!(weights, [0.5, -0.5]);
        assert_eq!(statistics, [0.1, 0.2, 1.0, 2.0, 7.0]);
        insta::assert_snapshot!(read([0.1, f64::NAN], [1.0, 2.0]).unwrap_err(), @"w.safetensors: tensor `bn1.running_mean` holds a number that is not finite, at element 1");
        insta::assert_snapshot!(read([0.1, 0.2], [1.0, -2.0]).unwrap_err(), @"w.safetensors: tensor `bn1.running_var` holds a variance below 0, at element 1");
    }

    /// What is read of a counter with this type, shape and content, or the message.
    fn counter(dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Result<f64, String> {
        let name = "bn1.num_batches_tracked";
        let layout = Layout::new([(name.to_owned(), vec![])]);
        let view = TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
        let bytes = safetensors::serialize([(name, view)], None).unwrap();
        let read = decode(&bytes, Path::new("w.safetensors"), [&layout]);
        read.map(|[values]| values[0])
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_counter_of_batches_is_read_whatever_numbers_a_converter_made_of_it() {
        let seven: [(Dtype, &[u8]); 10] = [
            (Dtype::I64, &7_i64.to_le_bytes()),
            (Dtype::U64, &7_u64.to_le_bytes()),
            (Dtype::I32, &7_i32.to_le_bytes()),
            (Dtype::U32, &7_u32.to_le_bytes()),
            (Dtype::I16, &7_i16.to_le_bytes()),
            (Dtype::U16, &7_u16.to_le_bytes()),
            (Dtype::I8, &[7]),
            (Dtype::U8, &[7]),
            (Dtype::F32, &7_f32.to_le_bytes()),
            (Dtype::F64, &7_f64.to_le_bytes()),
        ];
        assert_eq!(seven.len(), COUNTERS.len());
        for (dtype, bytes) in seven {
            assert_eq!(counter(dtype, &[], bytes), Ok(7.0), "{dtype:?}");
            assert_eq!(counter(dtype, &[1], bytes), Ok(7.0), "{dtype:?}");
        }
    }

    #[test]
    fn a_counter_that_cannot_be_read_says_what_is_allowed() {
        insta::assert_snapshot!(counter(Dtype::BF16, &[], &[0, 0]).unwrap_err(), @"w.safetensors: tensor `bn1.num_batches_tracked` has type BF16, allowed are I64, I32, I16, I8, U64, U32, U16, U8, F32 and F64");
        insta::assert_snapshot!(counter(Dtype::F32, &[], &0.5_f32.to_le_bytes()).unwrap_err(), @"w.safetensors: tensor `bn1.num_batches_tracked` holds 0.5, which is no count: allowed are whole numbers of at least 0");
        insta::assert_snapshot!(counter(Dtype::I64, &[], &(-3_i64).to_le_bytes()).unwrap_err(), @"w.safetensors: tensor `bn1.num_batches_tracked` holds -3, which is no count: allowed are whole numbers of at least 0");
        insta::assert_snapshot!(counter(Dtype::F64, &[], &f64::NAN.to_le_bytes()).unwrap_err(), @"w.safetensors: tensor `bn1.num_batches_tracked` holds a number that is not finite, at element 0");
        insta::assert_snapshot!(counter(Dtype::U8, &[2], &[1, 2]).unwrap_err(), @"w.safetensors: tensor `bn1.num_batches_tracked` has shape [2], the model in the config has []");
    }

    #[test]
    fn weights_of_another_type_say_what_is_allowed() {
        let layout = Layout::new([("fc.bias".to_owned(), vec![1])]);
        let view = TensorView::new(Dtype::F16, vec![1], &[0, 0]).unwrap();
        let bytes = safetensors::serialize([("fc.bias", view)], None).unwrap();
        let error = decode(&bytes, Path::new("w.safetensors"), [&layout]).unwrap_err();
        insta::assert_snapshot!(error, @"w.safetensors: tensor `fc.bias` has type F16, allowed are F32 and F64");
    }

    #[test]
    fn a_file_of_another_format_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"not tensors").unwrap();
        let error = read_weights(file.path(), [&layout()]).unwrap_err();
        assert!(matches!(error, WeightsError::Format { .. }));
    }
}

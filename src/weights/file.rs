//! A file of weights: its tensors, and their numbers as vectors of a network's layouts.

use super::ForeignError;
use crate::params::store::{WeightsError, check_numbers, is_counter};
use crate::params::{Block, Layout};
use lab_formats::tensor::{Dtype, Tensor};
use lab_formats::torch;
use lab_formats::weights::architecture::{Inferred, inferred};
use lab_formats::weights::listing::Listing;
use lab_formats::weights::matching::{Matching, matched};
use lab_formats::weights::rename::Rename;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use std::path::{Path, PathBuf};

/// The most lines that say which module is which.
const MOST_LINES: usize = 24;

/// The tensors of a file in memory.
#[derive(Debug)]
pub struct WeightsFile<'a> {
    path: PathBuf,
    tensors: Vec<Tensor<'a>>,
    /// Whether they stand in the order in which the model defines them.
    is_ordered: bool,
}

/// The numbers of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled<const N: usize> {
    /// One vector for each layout.
    pub vectors: [Vec<f64>; N],
    /// What the user should know of how they were found, in lines.
    pub notes: Vec<String>,
}

impl<'a> WeightsFile<'a> {
    /// The tensors of the content of the file at `path`: of safetensors, or of `torch.save`.
    ///
    /// # Errors
    ///
    /// [`ForeignError`] where it is neither, damaged, or more than data.
    pub fn read(path: &Path, bytes: &'a [u8]) -> Result<Self, ForeignError> {
        if !is_safetensors(bytes) && torch::is_torch(bytes) {
            let contents = torch::read(bytes).map_err(|error| ForeignError::Torch {
                path: path.to_owned(),
                error: Box::new(error),
            })?;
            return Ok(Self {
                path: path.to_owned(),
                tensors: contents.tensors,
                is_ordered: true,
            });
        }
        let tensors = safetensors(bytes).map_err(|reason| ForeignError::Format {
            path: path.to_owned(),
            reason,
        })?;
        Ok(Self {
            path: path.to_owned(),
            tensors,
            is_ordered: false,
        })
    }

    /// The model's tensors by their names, step by step without what is around them.
    fn levels(&self, renames: &[Rename]) -> Result<Vec<Listing>, ForeignError> {
        let tensors = self.tensors.iter();
        let tensors = tensors.map(|it| (it.path.as_slice(), it.shape.as_slice()));
        let listing = Listing::new(tensors, self.is_ordered);
        let levels = listing.renamed(renames).and_then(Listing::unwrapped);
        levels.map_err(|error| ForeignError::Listing {
            path: self.path.clone(),
            error: Box::new(error),
        })
    }

    /// What model the tensors are of.
    ///
    /// # Errors
    ///
    /// [`ForeignError`] where shapes and names do not tell.
    pub fn inferred(&self, renames: &[Rename]) -> Result<Inferred, ForeignError> {
        let levels = self.levels(renames)?;
        inferred(levels).map_err(|error| ForeignError::Architecture {
            path: self.path.clone(),
            error: Box::new(error),
        })
    }

    /// The numbers of a model that is known, under whatever names.
    ///
    /// # Errors
    ///
    /// [`ForeignError`] where the tensors are not the model's.
    pub fn fill<const N: usize>(
        &self,
        renames: &[Rename],
        layouts: [&Layout; N],
    ) -> Result<Filled<N>, ForeignError> {
        let levels = self.levels(renames)?;
        match self.matched(&levels, &layouts) {
            Ok(matching) => self.filled(&levels, &matching, &[], layouts),
            // Under the usual names of its architecture they may fit.
            Err(error) => match inferred(levels) {
                Ok(inferred) => self.fill_inferred(&inferred, layouts).map_err(|_| error),
                Err(_) => Err(error),
            },
        }
    }

    /// The numbers of a model that was inferred from the tensors.
    ///
    /// # Errors
    ///
    /// [`ForeignError`] where the tensors are not the model's.
    pub fn fill_inferred<const N: usize>(
        &self,
        inferred: &Inferred,
        layouts: [&Layout; N],
    ) -> Result<Filled<N>, ForeignError> {
        let matching = self.matched(&inferred.levels, &layouts)?;
        self.filled(&inferred.levels, &matching, &inferred.renamed, layouts)
    }

    fn matched(&self, levels: &[Listing], layouts: &[&Layout]) -> Result<Matching, ForeignError> {
        let blocks = || layouts.iter().flat_map(|layout| layout.blocks());
        let named: Vec<_> = blocks()
            .map(|it| (it.name.as_str(), it.shape.as_slice()))
            .collect();
        matched(levels, &named).map_err(|error| ForeignError::Match {
            path: self.path.clone(),
            error: Box::new(error),
            needed: {
                let blocks = blocks().map(|block| format!("`{}` {:?}", block.name, block.shape));
                blocks.collect::<Vec<_>>().join(", ")
            },
        })
    }

    fn filled<const N: usize>(
        &self,
        levels: &[Listing],
        matching: &Matching,
        aliases: &[(String, String)],
        layouts: [&Layout; N],
    ) -> Result<Filled<N>, ForeignError> {
        let mut places = matching.places.iter();
        let mut vectors = layouts.map(|layout| vec![0.0; layout.len()]);
        let mut narrow: Option<Dtype> = None;
        for (layout, values) in layouts.iter().zip(&mut vectors) {
            for (block, place) in layout.blocks().iter().zip(places.by_ref()) {
                let Some(tensor) = place.and_then(|place| self.tensors.get(place)) else {
                    continue;
                };
                values[block.range()].copy_from_slice(&self.numbers(block, tensor)?);
                if matches!(tensor.dtype, Dtype::F16 | Dtype::BF16) {
                    narrow = Some(tensor.dtype);
                }
            }
        }
        let mut notes = lines(&[aliases, &matching.renamed].concat());
        notes
            .extend(narrow.map(|dtype| format!("its {dtype} numbers are widened, which is exact")));
        let left_out = levels.last().map(|level| level.left_out.as_slice());
        for (key, count) in left_out.unwrap_or_default() {
            notes.push(format!("left out: {count} tensors ({key})"));
        }
        Ok(Filled { vectors, notes })
    }

    /// The numbers of one block, checked.
    fn numbers(&self, block: &Block, tensor: &Tensor<'_>) -> Result<Vec<f64>, ForeignError> {
        let (path, name) = (self.path.clone(), tensor.name());
        if !is_counter(&block.name) && !tensor.dtype.is_float() {
            return Err(ForeignError::Type {
                path,
                name,
                found: tensor.dtype,
            });
        }
        let shape = || WeightsError::Shape {
            path: path.clone(),
            name: name.clone(),
            found: tensor.shape.clone(),
            expected: block.shape.clone(),
        };
        if tensor.len() != block.len() {
            return Err(shape().into());
        }
        let numbers = tensor.values();
        check_numbers(&self.path, &name, &numbers, &block.name)?;
        Ok(numbers)
    }
}

/// Which module is which, in lines.
fn lines(renamed: &[(String, String)]) -> Vec<String> {
    let named = |name: &str| match name {
        "" => "(the tensors without a module)".to_owned(),
        name => name.to_owned(),
    };
    let line = |(theirs, ours): &(String, String)| format!("{} -> {}", named(theirs), named(ours));
    let mut lines: Vec<String> = renamed.iter().take(MOST_LINES).map(line).collect();
    if renamed.len() > MOST_LINES {
        lines.push(format!("and {} more", renamed.len() - MOST_LINES));
    }
    lines
}

/// Whether bytes begin as a safetensors file does: the length of a header within the file, and the header. Two bytes
/// of that length may be those that a pickle begins with.
fn is_safetensors(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk::<8>().map(|it| u64::from_le_bytes(*it));
    length.is_some_and(|length| length <= bytes.len() as u64) && bytes.get(8) == Some(&b'{')
}

/// The tensors of a safetensors file, ordered by name.
fn safetensors(bytes: &[u8]) -> Result<Vec<Tensor<'_>>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut views = file.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    views
        .into_iter()
        .map(|(name, view)| tensor(&name, &view))
        .collect()
}

/// A tensor of a safetensors file.
fn tensor<'a>(name: &str, view: &TensorView<'a>) -> Result<Tensor<'a>, String> {
    let unread = || {
        format!(
            "tensor `{name}` has type {:?}, which is not read",
            view.dtype()
        )
    };
    let dtype = dtype(view.dtype()).ok_or_else(unread)?;
    let tensor = Tensor::contiguous(vec![name.into()], dtype, view.shape().to_vec(), view.data());
    tensor.map_err(|reason| format!("tensor `{name}` {reason}"))
}

/// A type of safetensors, where it is one that is read.
fn dtype(dtype: safetensors::Dtype) -> Option<Dtype> {
    use safetensors::Dtype as Theirs;
    Some(match dtype {
        Theirs::F16 => Dtype::F16,
        Theirs::BF16 => Dtype::BF16,
        Theirs::F32 => Dtype::F32,
        Theirs::F64 => Dtype::F64,
        Theirs::I8 => Dtype::I8,
        Theirs::I16 => Dtype::I16,
        Theirs::I32 => Dtype::I32,
        Theirs::I64 => Dtype::I64,
        Theirs::U8 => Dtype::U8,
        Theirs::U16 => Dtype::U16,
        Theirs::U32 => Dtype::U32,
        Theirs::U64 => Dtype::U64,
        Theirs::BOOL => Dtype::Bool,
        _ => return None,
    })
}

//! A file of weights: its tensors, and their numbers as vectors of a network's layouts.

use super::{ForeignError, names, safe};
use crate::counted::counted;
use crate::params::store::{WeightsError, check_numbers, is_counter};
use crate::params::{Block, Layout};
use lab_formats::tensor::{Dtype, Tensor};
use lab_formats::torch;
use lab_formats::weights::architecture::{Inferred, inferred};
use lab_formats::weights::listing::Listing;
use lab_formats::weights::matching::{Matching, matched};
use lab_formats::weights::rename::Rename;
use std::path::{Path, PathBuf};

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
        if !safe::is_safetensors(bytes) && torch::is_torch(bytes) {
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
        let tensors = safe::tensors(bytes).map_err(|reason| {
            let is_named_so = path.extension().is_some_and(|it| it == "safetensors");
            let path = path.to_owned();
            match safe::missing(bytes, is_named_so) {
                Some(what) => ForeignError::Cut { path, what },
                None => ForeignError::Format { path, reason },
            }
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
            Ok(matching) => self.filled(renames, &levels, &matching, layouts),
            // Under the usual names of its architecture they may fit.
            Err(error) => match inferred(levels) {
                Ok(inferred) => {
                    let filled = self.fill_inferred(renames, &inferred, layouts);
                    filled.map_err(|_| error)
                }
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
        renames: &[Rename],
        inferred: &Inferred,
        layouts: [&Layout; N],
    ) -> Result<Filled<N>, ForeignError> {
        let matching = self.matched(&inferred.levels, &layouts)?;
        self.filled(renames, &inferred.levels, &matching, layouts)
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
        renames: &[Rename],
        levels: &[Listing],
        matching: &Matching,
        layouts: [&Layout; N],
    ) -> Result<Filled<N>, ForeignError> {
        let mut places = matching.places.iter();
        let mut vectors = layouts.map(|layout| vec![0.0; layout.len()]);
        let mut narrow: Option<Dtype> = None;
        let mut pairs = Vec::new();
        for (layout, values) in layouts.iter().zip(&mut vectors) {
            for (block, place) in layout.blocks().iter().zip(places.by_ref()) {
                let Some(tensor) = place.and_then(|place| self.tensors.get(place)) else {
                    continue;
                };
                values[block.range()].copy_from_slice(&self.numbers(block, tensor)?);
                let theirs = names::shown(&tensor.path, !renames.is_empty());
                pairs.push((theirs, block.name.clone()));
                if matches!(tensor.dtype, Dtype::F16 | Dtype::BF16) {
                    narrow = Some(tensor.dtype);
                }
            }
        }
        let mut notes = names::lines(&names::modules(pairs.into_iter()));
        notes
            .extend(narrow.map(|dtype| format!("its {dtype} numbers are widened, which is exact")));
        let left_out = levels.last().map(|level| level.left_out.as_slice());
        for (key, count) in left_out.unwrap_or_default() {
            notes.push(format!("left out: {} ({key})", counted(*count, "tensor")));
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

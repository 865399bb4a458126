//! Files of `torch.save`: tensors and plain values, from the zip archives that PyTorch writes since version 1.6 and
//! from the pickles in a row that it wrote before ("legacy").
//!
//! Nothing is run: the pickle in the file may name what makes a tensor of a storage, and anything else it names is an
//! error ([`crate::pickle`]). A file made by `torch.save(model)` rather than of `model.state_dict()` names the model's
//! classes, so it cannot be read; the error says what can.

mod legacy;
mod names;
#[cfg(test)]
mod tests;
mod zip;

use crate::archive::{Archive, ArchiveError};
use crate::pickle::{Node, Pickle, PickleError, Reference};
use crate::tensor::{Dtype, Tensor};
use crate::text::shown;
use names::{ALLOWED, Meaning};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use thiserror::Error;

/// The most containers within each other.
const DEEPEST: usize = 32;

/// What a file holds, in the order in which it was filled.
#[derive(Debug, Default)]
pub struct Contents<'a> {
    /// The arrays.
    pub tensors: Vec<Tensor<'a>>,
    /// The other values, each with the keys that lead to it.
    pub values: Vec<(Vec<Rc<str>>, Plain)>,
}

/// A value that is no array, such as the number of an epoch.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    /// A truth value.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(Rc<str>),
}

/// Why a file cannot be used. Each message follows the file's name.
#[derive(Debug, Error)]
pub enum TorchError {
    /// The pickle names what is not allowed.
    #[error(
        "runs code: `{module}.{name}`; only tensors are read. In Python: torch.save(model.state_dict(), FILE)"
    )]
    Code {
        /// The module.
        module: String,
        /// The name.
        name: String,
    },
    /// Numbers of a kind that parameters are not made of.
    #[error("holds numbers of a kind that is not read: `{0}`")]
    Numbers(String),
    /// The pickle cannot be read.
    #[error("not a file of torch.save: {0}")]
    Pickle(PickleError),
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An archive of something else.
    #[error("a zip archive that is no file of torch.save: {0}")]
    Other(&'static str),
    /// Numbers in the other order of bytes.
    #[error(
        "holds numbers in big-endian order, which is not read; on the machine that wrote it, in Python: \
         torch.serialization.set_default_load_endianness, or save it on another machine"
    )]
    BigEndian,
    /// The pickle is whole, but what it describes is not what PyTorch writes.
    #[error("not a file of torch.save: {0}")]
    Form(&'static str),
    /// A storage is not what the pickle says of it.
    #[error("the storage `{key}` should have {expected} bytes and has {found}")]
    Storage {
        /// Its key.
        key: String,
        /// The bytes the pickle says.
        expected: usize,
        /// The bytes there are.
        found: usize,
    },
    /// A tensor is not within its storage.
    #[error("the tensor `{name}` {reason}")]
    Tensor {
        /// The keys that lead to it.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl From<PickleError> for TorchError {
    fn from(error: PickleError) -> Self {
        match error {
            PickleError::Global { module, name }
                if module == "torch" && name.ends_with("Storage") =>
            {
                Self::Numbers(format!("{module}.{name}"))
            }
            PickleError::Global { module, name } => Self::Code { module, name },
            other => Self::Pickle(other),
        }
    }
}

/// Whether bytes may be a file of `torch.save`: they begin as a zip archive or a pickle does.
pub fn is_torch(bytes: &[u8]) -> bool {
    Archive::is_archive(bytes) || matches!(bytes, [0x80, 0..=5, ..])
}

/// Reads what a file of `torch.save` holds.
///
/// # Errors
///
/// [`TorchError`] where it names anything but tensors and plain data, and where it is damaged.
pub fn read(bytes: &[u8]) -> Result<Contents<'_>, TorchError> {
    match Archive::is_archive(bytes) {
        true => zip::read(bytes),
        false => legacy::read(bytes),
    }
}

/// A storage that the pickle mentions.
struct Mentioned {
    dtype: Option<Dtype>,
    key: Rc<str>,
    /// Bytes.
    length: usize,
}

/// Where the bytes of storages are.
trait Storages<'a> {
    /// The bytes of the storage of a key.
    fn bytes(&mut self, key: &str) -> Result<Rc<Cow<'a, [u8]>>, TorchError>;
}

/// Goes through the data of a pickle.
struct Walk<'p, 'a, S> {
    pickle: &'p Pickle,
    storages: S,
    seen: HashSet<Reference>,
    contents: Contents<'a>,
}

/// Collects tensors and plain values of a pickle.
fn collect<'a>(pickle: &Pickle, storages: impl Storages<'a>) -> Result<Contents<'a>, TorchError> {
    let mut walk = Walk {
        pickle,
        storages,
        seen: HashSet::new(),
        contents: Contents::default(),
    };
    walk.visit(pickle.root, &[])?;
    Ok(walk.contents)
}

impl<'a, S: Storages<'a>> Walk<'_, 'a, S> {
    /// A value under its keys. A container that stands in several places counts in the first one only.
    fn visit(&mut self, reference: Reference, path: &[Rc<str>]) -> Result<(), TorchError> {
        let pickle = self.pickle;
        let node = pickle.node(reference);
        let is_container = matches!(node, Node::Dictionary(_) | Node::List(_) | Node::Tuple(_));
        if is_container && !self.seen.insert(reference) {
            return Ok(());
        }
        if path.len() > DEEPEST {
            return Err(TorchError::Form(
                "containers lie too deep within each other",
            ));
        }
        let plain = match node {
            Node::Dictionary(entries) => {
                return entries.iter().try_for_each(|&(key, value)| {
                    let key = key_of(pickle.node(key));
                    self.visit(value, &[path, &[key]].concat())
                });
            }
            Node::List(items) | Node::Tuple(items) => {
                return items.iter().enumerate().try_for_each(|(index, &item)| {
                    let key: Rc<str> = index.to_string().into();
                    self.visit(item, &[path, &[key]].concat())
                });
            }
            Node::Call(place, arguments) => {
                let arguments = pickle.tuple(*arguments);
                return match ALLOWED[*place].1 {
                    Meaning::Parameter => match arguments.first() {
                        Some(&tensor) => self.visit(tensor, path),
                        None => Err(TorchError::Form("a parameter of no tensor")),
                    },
                    Meaning::Tensor | Meaning::TensorOfType => self.tensor(arguments, path),
                    // Devices and shapes beside the tensors.
                    _ => Ok(()),
                };
            }
            Node::Boolean(value) => Plain::Boolean(*value),
            Node::Integer(value) => Plain::Integer(*value),
            Node::Real(value) => Plain::Real(*value),
            Node::Text(text) => Plain::Text(text.clone()),
            Node::None
            | Node::LongInteger(_)
            | Node::Bytes(_)
            | Node::Global(_)
            | Node::Persistent(_) => return Ok(()),
        };
        self.contents.values.push((path.to_vec(), plain));
        Ok(())
    }

    /// A tensor: `(storage, offset, shape, strides, …)`, and in the third version its type behind them.
    fn tensor(&mut self, arguments: &[Reference], path: &[Rc<str>]) -> Result<(), TorchError> {
        let form = TorchError::Form;
        let [storage, offset, shape, strides, rest @ ..] = arguments else {
            return Err(form("a tensor of too few parts"));
        };
        let offset = self.length(*offset)?;
        let (shape, strides) = (self.lengths(*shape)?, self.lengths(*strides)?);
        let storage = self.mentioned(*storage)?;
        // (…, requires_grad, backward_hooks, dtype, metadata)
        let typed = rest.get(2).map(|&dtype| self.pickle.node(dtype));
        let dtype = match (storage.dtype, typed) {
            (_, Some(&Node::Global(place))) => match ALLOWED[place].1 {
                Meaning::Type(dtype) => dtype,
                _ => return Err(form("a tensor whose type is none")),
            },
            (Some(dtype), _) => dtype,
            (None, _) => return Err(form("a tensor without a type")),
        };
        let bytes = self.storages.bytes(&storage.key)?;
        if bytes.len() != storage.length {
            return Err(TorchError::Storage {
                key: shown(&storage.key),
                expected: storage.length,
                found: bytes.len(),
            });
        }
        let tensor = Tensor::new(path.to_vec(), dtype, (shape, strides, offset), bytes);
        let tensor = tensor.map_err(|reason| TorchError::Tensor {
            name: shown(&path.join(".")),
            reason,
        })?;
        self.contents.tensors.push(tensor);
        Ok(())
    }

    /// `("storage", type, key, location, number of elements, …)`.
    fn mentioned(&self, reference: Reference) -> Result<Mentioned, TorchError> {
        mentioned(self.pickle, reference).ok_or(TorchError::Form("a tensor without a storage"))
    }

    fn length(&self, reference: Reference) -> Result<usize, TorchError> {
        match self.pickle.node(reference) {
            Node::Integer(number) => usize::try_from(*number).ok(),
            _ => None,
        }
        .ok_or(TorchError::Form("a length that is none"))
    }

    /// The numbers of a tuple, or of a shape (`torch.Size`) made of one.
    fn lengths(&self, reference: Reference) -> Result<Vec<usize>, TorchError> {
        let reference = match self.pickle.node(reference) {
            Node::Call(_, arguments) => self.pickle.tuple(*arguments).first().copied(),
            _ => Some(reference),
        };
        match reference.map(|reference| self.pickle.node(reference)) {
            Some(Node::Tuple(items) | Node::List(items)) if items.len() <= DEEPEST => {
                items.iter().map(|&item| self.length(item)).collect()
            }
            _ => Err(TorchError::Form("a shape that is none")),
        }
    }
}

/// The storage that an identifier is of.
fn mentioned(pickle: &Pickle, reference: Reference) -> Option<Mentioned> {
    let Node::Persistent(identifier) = pickle.node(reference) else {
        return None;
    };
    let [word, kind, key, _, count, ..] = pickle.tuple(*identifier) else {
        return None;
    };
    let (Node::Text(word), Node::Global(kind)) = (pickle.node(*word), pickle.node(*kind)) else {
        return None;
    };
    let (Node::Text(key), Node::Integer(count)) = (pickle.node(*key), pickle.node(*count)) else {
        return None;
    };
    let dtype = match ALLOWED[*kind].1 {
        Meaning::Storage(dtype) => Some(dtype),
        Meaning::Bytes => None,
        _ => return None,
    };
    let size = dtype.map_or(1, Dtype::size);
    let length = usize::try_from(*count).ok()?.checked_mul(size)?;
    let key = key.clone();
    (&**word == "storage").then_some(Mentioned { dtype, key, length })
}

/// A key of a dictionary as a word.
fn key_of(node: &Node) -> Rc<str> {
    match node {
        Node::Text(text) => text.clone(),
        Node::Integer(number) => number.to_string().into(),
        Node::Boolean(value) => value.to_string().into(),
        _ => "?".into(),
    }
}

/// Bytes of storages that are kept once read.
#[derive(Default)]
struct Kept<'a>(HashMap<String, Rc<Cow<'a, [u8]>>>);

impl<'a> Kept<'a> {
    fn or_read(
        &mut self,
        key: &str,
        read: impl FnOnce() -> Result<Cow<'a, [u8]>, TorchError>,
    ) -> Result<Rc<Cow<'a, [u8]>>, TorchError> {
        if let Some(kept) = self.0.get(key) {
            return Ok(kept.clone());
        }
        let bytes = Rc::new(read()?);
        self.0.insert(key.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

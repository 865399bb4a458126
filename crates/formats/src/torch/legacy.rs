//! What PyTorch wrote before version 1.6, and still does where it is told to: five pickles in a row (a magic number, a
//! version, what the machine was like, the object, the keys of its storages) and the storages behind them, each with
//! its number of elements before it.

use super::names::allowed;
use super::{Contents, Kept, Storages, TorchError, collect, mentioned};
use crate::pickle::{self, Node, Pickle};
use crate::text::shown;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// The magic number, 0x1950a86a20f9469cfc6c, with its lowest byte first.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// The version of the format, the only one there has been.
const VERSION: i64 = 1001;

/// Reads what pickles in a row hold.
pub(super) fn read(bytes: &[u8]) -> Result<Contents<'_>, TorchError> {
    let allowed = allowed();
    let mut at = 0;
    let mut next = || -> Result<Pickle, TorchError> {
        let pickle = pickle::read(&bytes[at..], &allowed)?;
        at += pickle.length;
        Ok(pickle)
    };
    let magic = next()?;
    if *magic.node(magic.root) != Node::LongInteger(MAGIC.to_vec()) {
        let reason = "a pickle of something else; of PyTorch's files, those of torch.save are read";
        return Err(TorchError::Form(reason));
    }
    let version = next()?;
    if *version.node(version.root) != Node::Integer(VERSION) {
        return Err(TorchError::Form("its version is not 1001"));
    }
    let machine = next()?;
    if is_big_endian(&machine) {
        return Err(TorchError::BigEndian);
    }
    let (object, keys) = (next()?, next()?);
    let places = places(bytes, at, &object, &keys)?;
    let kept = Kept::default();
    collect(
        &object,
        Row {
            bytes,
            places,
            kept,
        },
    )
}

/// Whether the machine that wrote the file says so.
fn is_big_endian(machine: &Pickle) -> bool {
    let Node::Dictionary(entries) = machine.node(machine.root) else {
        return false;
    };
    entries.iter().any(|&(key, value)| {
        *machine.node(key) == Node::Text("little_endian".into())
            && *machine.node(value) == Node::Boolean(false)
    })
}

/// Where the storages are, from `start` on: in the order of their keys.
fn places(
    bytes: &[u8],
    start: usize,
    object: &Pickle,
    keys: &Pickle,
) -> Result<HashMap<Rc<str>, Range<usize>>, TorchError> {
    let sizes: HashMap<Rc<str>, usize> = (0..object.nodes.len())
        .filter_map(|place| mentioned(object, place))
        .map(|storage| {
            let size = storage.dtype.map_or(1, |dtype| dtype.size());
            (storage.key, size)
        })
        .collect();
    let (Node::List(list) | Node::Tuple(list)) = keys.node(keys.root) else {
        return Err(TorchError::Form("it has no list of storages"));
    };
    let mut places = HashMap::new();
    let mut at = start;
    for &key in list {
        let Node::Text(key) = keys.node(key) else {
            return Err(TorchError::Form("the key of a storage is no text"));
        };
        let size = sizes.get(key).copied();
        let size = size.ok_or(TorchError::Form("it has a storage that no tensor is of"))?;
        let truncated = || TorchError::Storage {
            key: shown(key),
            expected: size,
            found: bytes.len().saturating_sub(at),
        };
        let count = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let count = i64::from_le_bytes(*count.ok_or_else(truncated)?);
        let begin = at + 8;
        let end = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(size)?.checked_add(begin))
            .filter(|&end| end <= bytes.len());
        let end = end.ok_or_else(truncated)?;
        places.insert(key.clone(), begin..end);
        at = end;
    }
    Ok(places)
}

/// Storages in a row.
struct Row<'a> {
    bytes: &'a [u8],
    places: HashMap<Rc<str>, Range<usize>>,
    kept: Kept<'a>,
}

impl<'a> Storages<'a> for Row<'a> {
    fn bytes(&mut self, key: &str) -> Result<Rc<Cow<'a, [u8]>>, TorchError> {
        let Some(place) = self.places.get(key) else {
            return Err(TorchError::Form(
                "a tensor is of a storage that is not there",
            ));
        };
        let bytes = self.bytes;
        self.kept
            .or_read(key, || Ok(Cow::Borrowed(&bytes[place.clone()])))
    }
}

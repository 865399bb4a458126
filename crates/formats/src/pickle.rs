//! Python's pickles, read by a machine that calls nothing.
//!
//! A pickle is a program for a stack machine, and Python's own machine calls any function that a pickle names. This one
//! knows data (numbers, text, lists, tuples, dictionaries) and a list of names that its caller allows; what is done with
//! an allowed name becomes a node of the result, and any other name is an error that says it. The opcodes are those of
//! protocols 0 to 5 (`pickletools` of Python's library documents them).
//!
//! Every node, and every place on the stack, costs at least a byte of input, so memory is bounded by the input's length;
//! nodes refer to each other by number, so that shared parts are held once and cycles do no harm.

mod bytes;
mod machine;

pub use machine::read;

use std::rc::Rc;
use thiserror::Error;

/// The number of a node.
pub type Reference = usize;

/// A name that a pickle may mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The module it is of.
    pub module: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What a pickle may do with it.
    pub role: Role,
}

/// What a pickle may do with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing but mention it.
    Word,
    /// Make a dictionary of it.
    Dictionary,
    /// Call it, which makes a [`Node::Call`] and runs nothing.
    Call,
}

/// A piece of data.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `None`.
    None,
    /// A truth value.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// An integer beyond 64 bits, by its bytes in two's complement, the lowest first.
    LongInteger(Vec<u8>),
    /// A number.
    Real(f64),
    /// Text.
    Text(Rc<str>),
    /// Bytes, of which nothing but the number is of use here.
    Bytes(usize),
    /// A tuple.
    Tuple(Vec<Reference>),
    /// A list or a set.
    List(Vec<Reference>),
    /// A dictionary, in the order in which it was filled.
    Dictionary(Vec<(Reference, Reference)>),
    /// An allowed name, by its place in the list.
    Global(usize),
    /// An allowed name that was called, with its arguments, a tuple.
    Call(usize, Reference),
    /// What is kept outside the pickle, by its identifier.
    Persistent(Reference),
}

/// The data of a pickle.
#[derive(Clone, Debug, PartialEq)]
pub struct Pickle {
    /// All pieces.
    pub nodes: Vec<Node>,
    /// The piece that the pickle is of.
    pub root: Reference,
    /// Bytes of the input that the pickle took.
    pub length: usize,
}

impl Pickle {
    /// The piece of a number.
    pub fn node(&self, reference: Reference) -> &Node {
        self.nodes.get(reference).unwrap_or(&Node::None)
    }

    /// The pieces of a tuple, none of anything else.
    pub fn tuple(&self, reference: Reference) -> &[Reference] {
        match self.node(reference) {
            Node::Tuple(items) => items,
            _ => &[],
        }
    }
}

/// Why a pickle cannot be read. Each message follows the file's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PickleError {
    /// It names what is not allowed, to be called or made.
    #[error("runs code: `{module}.{name}`")]
    Global {
        /// The module, shortened.
        module: String,
        /// The name, shortened.
        name: String,
    },
    /// It ends in the middle.
    #[error("the pickle ends after {0} bytes, in the middle")]
    Truncated(usize),
    /// It uses an instruction that no file of tensors does.
    #[error("the pickle has instruction 0x{code:02x} at byte {at}, which no file of tensors needs")]
    Opcode {
        /// The instruction.
        code: u8,
        /// Where.
        at: usize,
    },
    /// It is damaged, or made to confuse.
    #[error("the pickle is damaged at byte {at}: {reason}")]
    Damaged {
        /// Where.
        at: usize,
        /// How that shows.
        reason: &'static str,
    },
}

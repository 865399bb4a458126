//! The names that a file of tensors may mention, and what they mean.

use crate::pickle::{Allowed, Role};
use crate::tensor::Dtype;

/// What an allowed name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A dictionary, a shape, a device: nothing that a tensor needs.
    Data,
    /// A tensor of a typed storage.
    Tensor,
    /// A tensor of a storage of bytes, with its type.
    TensorOfType,
    /// A tensor that has a gradient.
    Parameter,
    /// A storage of such numbers.
    Storage(Dtype),
    /// A storage of bytes.
    Bytes,
    /// The type of a tensor.
    Type(Dtype),
}

const fn name(
    module: &'static str,
    name: &'static str,
    role: Role,
    meaning: Meaning,
) -> (Allowed, Meaning) {
    (Allowed { module, name, role }, meaning)
}

const fn storage(of: &'static str, dtype: Dtype) -> (Allowed, Meaning) {
    name("torch", of, Role::Word, Meaning::Storage(dtype))
}

const fn dtype(of: &'static str, dtype: Dtype) -> (Allowed, Meaning) {
    name("torch", of, Role::Word, Meaning::Type(dtype))
}

/// All of them. None of what is allowed to be called is called: its arguments say what it would make.
pub(super) const ALLOWED: &[(Allowed, Meaning)] = &[
    name(
        "collections",
        "OrderedDict",
        Role::Dictionary,
        Meaning::Data,
    ),
    name(
        "torch._utils",
        "_rebuild_tensor",
        Role::Call,
        Meaning::Tensor,
    ),
    name(
        "torch._utils",
        "_rebuild_tensor_v2",
        Role::Call,
        Meaning::Tensor,
    ),
    name(
        "torch._utils",
        "_rebuild_tensor_v3",
        Role::Call,
        Meaning::TensorOfType,
    ),
    name(
        "torch._utils",
        "_rebuild_parameter",
        Role::Call,
        Meaning::Parameter,
    ),
    name(
        "torch._utils",
        "_rebuild_parameter_with_state",
        Role::Call,
        Meaning::Parameter,
    ),
    name("torch", "Size", Role::Call, Meaning::Data),
    name("torch", "device", Role::Call, Meaning::Data),
    // Bytes, as protocol 2 writes them.
    name("_codecs", "encode", Role::Call, Meaning::Data),
    storage("FloatStorage", Dtype::F32),
    storage("DoubleStorage", Dtype::F64),
    storage("HalfStorage", Dtype::F16),
    storage("BFloat16Storage", Dtype::BF16),
    storage("LongStorage", Dtype::I64),
    storage("IntStorage", Dtype::I32),
    storage("ShortStorage", Dtype::I16),
    storage("CharStorage", Dtype::I8),
    storage("ByteStorage", Dtype::U8),
    storage("BoolStorage", Dtype::Bool),
    name("torch", "UntypedStorage", Role::Word, Meaning::Bytes),
    name(
        "torch.storage",
        "UntypedStorage",
        Role::Word,
        Meaning::Bytes,
    ),
    dtype("float32", Dtype::F32),
    dtype("float64", Dtype::F64),
    dtype("float16", Dtype::F16),
    dtype("bfloat16", Dtype::BF16),
    dtype("int64", Dtype::I64),
    dtype("int32", Dtype::I32),
    dtype("int16", Dtype::I16),
    dtype("int8", Dtype::I8),
    dtype("uint8", Dtype::U8),
    dtype("uint16", Dtype::U16),
    dtype("uint32", Dtype::U32),
    dtype("uint64", Dtype::U64),
    dtype("bool", Dtype::Bool),
];

/// The names alone, for the machine.
pub(super) fn allowed() -> Vec<Allowed> {
    ALLOWED.iter().map(|(allowed, _)| *allowed).collect()
}

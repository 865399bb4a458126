//! Tensors of a safetensors file: eight bytes that tell the length of a header, the header, which is JSON, and the numbers.

use lab_formats::tensor::{Dtype, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::Value;

/// The bytes before the header, which tell its length.
const LENGTH: usize = 8;

/// Whether bytes begin as a safetensors file does: the length of a header within the file, and the header. Two bytes
/// of that length may be those that a pickle begins with.
pub(super) fn is_safetensors(bytes: &[u8]) -> bool {
    header_length(bytes).is_some_and(|length| length <= bytes.len() as u64)
        && bytes.get(LENGTH) == Some(&b'{')
}

/// How many bytes there are and how many the file has told of, where it is a safetensors file that ends too early.
pub(super) fn missing(bytes: &[u8], is_named_so: bool) -> Option<String> {
    let found = bytes.len() as u64;
    let Some(length) = header_length(bytes) else {
        return is_named_so.then(|| {
            format!("it has {found} bytes, and a safetensors file begins with {LENGTH} that tell its length")
        });
    };
    let begin = length.saturating_add(LENGTH as u64);
    if begin > found {
        let begins_so = bytes.get(LENGTH).is_none_or(|&byte| byte == b'{');
        return (is_named_so && begins_so).then(|| {
            format!(
                "it has {found} bytes, and its first {LENGTH} tell of {begin} before the numbers begin"
            )
        });
    }
    let header: Value = serde_json::from_slice(bytes.get(LENGTH..begin as usize)?).ok()?;
    let ends = header.as_object()?.values();
    let ends = ends.filter_map(|tensor| tensor.get("data_offsets")?.get(1)?.as_u64());
    let told = begin.saturating_add(ends.max()?);
    (told > found).then(|| format!("it has {found} bytes, and its header tells of {told}"))
}

/// The tensors, ordered by name.
pub(super) fn tensors(bytes: &[u8]) -> Result<Vec<Tensor<'_>>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut views = file.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    views
        .into_iter()
        .map(|(name, view)| tensor(&name, &view))
        .collect()
}

/// The length of the header; none where not even that is there.
fn header_length(bytes: &[u8]) -> Option<u64> {
    bytes
        .first_chunk::<LENGTH>()
        .map(|it| u64::from_le_bytes(*it))
}

/// A tensor of the file.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_ends_too_early_is_told_from_one_that_is_something_else() {
        let numbers = [0; 40];
        let view = TensorView::new(safetensors::Dtype::F32, vec![10], &numbers).unwrap();
        let whole = safetensors::serialize([("w", view)], None).unwrap();
        assert_eq!(missing(&whole, true), None);
        let cut = |length: usize| missing(&whole[..length], true);
        let length = whole.len();
        assert_eq!(
            cut(length - 1),
            Some(format!(
                "it has {} bytes, and its header tells of {length}",
                length - 1
            ))
        );
        let header = length - numbers.len();
        assert_eq!(
            cut(20),
            Some(format!(
                "it has 20 bytes, and its first 8 tell of {header} before the numbers begin"
            ))
        );
        assert_eq!(
            cut(5),
            Some(
                "it has 5 bytes, and a safetensors file begins with 8 that tell its length"
                    .to_owned()
            )
        );
        // Other bytes may be anything, whatever their file is called.
        assert_eq!(missing(b"nothing of the kind", true), None);
        assert_eq!(missing(&whole[..20], false), None);
    }
}

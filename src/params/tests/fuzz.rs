//! Damaged weights files.

use super::super::Layout;
use super::super::store::{decode, encode, named_blocks};
use crate::linear::Precision;
use crate::random::StreamRng;
use crate::testing::fuzz::{Target, run};
use rand::RngExt;
use std::path::Path;

/// The words of the format.
pub(crate) const WORDS: &[&[u8]] = &[
    b"\"dtype\":",
    b"\"F32\"",
    b"\"F64\"",
    b"\"I64\"",
    b"\"U8\"",
    b"\"BF16\"",
    b"\"F4\"",
    b"\"shape\":[",
    b"\"shape\":[0]",
    b"\"shape\":[4294967296,4294967296]",
    b"\"data_offsets\":[0,8]",
    b"\"__metadata__\":{",
    b"\"",
    b"\\\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\x00\x00\x00\x00\x00\x00\xf8\x7f",
    b"\x00\x00\x00\x00\x00\x00\xf0\xff",
];

/// Puts the length of the header of a safetensors file right, and often that of its data too.
pub(crate) fn with_lengths(input: &mut Vec<u8>, rng: &mut StreamRng) {
    let Some(text) = input.get(8..) else { return };
    let mut header = serde_json::Deserializer::from_slice(text).into_iter::<serde_json::Value>();
    let read = header.next().and_then(Result::ok);
    let length = match &read {
        Some(_) => header.byte_offset(),
        None => text
            .iter()
            .rposition(|&byte| byte == b'}')
            .map_or(0, |at| at + 1),
    };
    input[..8].copy_from_slice(&(length as u64).to_le_bytes());
    if rng.random_bool(0.25) {
        return;
    }
    let ends = read
        .as_ref()
        .and_then(serde_json::Value::as_object)
        .into_iter()
        .flatten();
    let ends = ends.filter_map(|(_, tensor)| tensor.get("data_offsets")?.get(1)?.as_u64());
    let data = ends.max().unwrap_or(0).min(1 << 12) as usize;
    input.resize(8 + length + data, 0);
}

#[test]
fn weights() {
    let parameters = Layout::new([
        ("fc.weight".to_owned(), vec![2, 3]),
        ("fc.bias".to_owned(), vec![2]),
        ("bn.weight".to_owned(), vec![2]),
    ]);
    let statistics = Layout::new([
        ("bn.running_mean".to_owned(), vec![2]),
        ("bn.running_var".to_owned(), vec![2]),
        ("bn.num_batches_tracked".to_owned(), vec![]),
    ]);
    let file = |precision, with_statistics: bool| {
        let values = [0.5; 10];
        let mut arrays = named_blocks(&parameters, &values);
        if with_statistics {
            arrays.extend(named_blocks(&statistics, &[0.1, 0.2, 1.0, 2.0, 7.0]));
        }
        encode(&arrays, precision, ("format", "pt".to_owned())).unwrap()
    };
    run(&Target {
        name: "weights",
        corpus: vec![
            file(Precision::F32, true),
            file(Precision::F64, true),
            file(Precision::F64, false),
        ],
        words: &[
            WORDS,
            &[
                b"fc.weight",
                b"fc.bias",
                b"bn.running_var",
                b"bn.num_batches_tracked",
            ],
        ]
        .concat(),
        repair: with_lengths,
        read: &|bytes| match decode(bytes, Path::new("w"), [&parameters, &statistics]) {
            Ok([weights, moments]) => {
                assert_eq!(
                    (weights.len(), moments.len()),
                    (parameters.len(), statistics.len())
                );
                assert!(
                    weights
                        .iter()
                        .chain(&moments)
                        .all(|number| number.is_finite())
                );
                assert!(moments[2] >= 0.0 && moments[3] >= 0.0 && moments[4] >= 0.0);
                "weights".to_owned()
            }
            Err(error) => error.to_string(),
        },
    });
}

//! Files with tensors under other names, orders and types.

mod fuzz;

use super::WeightsFile;
use super::file::Filled;
use crate::linear::Precision;
use crate::params::Layout;
use crate::params::store::encode;
use lab_formats::weights::rename::Rename;
use safetensors::tensor::TensorView;
use std::path::Path;

fn layout() -> Layout {
    Layout::new([
        ("layers.0.weight".to_owned(), vec![3, 2]),
        ("layers.0.bias".to_owned(), vec![3]),
        ("layers.1.weight".to_owned(), vec![1, 3]),
        ("layers.1.bias".to_owned(), vec![1]),
    ])
}

static VALUES: [f64; 13] = [
    1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5, -0.5, 0.25, 7.0, 8.0, 9.0, -1.0,
];

/// A safetensors file of the layout's numbers under other names.
fn file(names: [&str; 4]) -> Vec<u8> {
    let layout = layout();
    let blocks = layout.blocks().iter().zip(names);
    let arrays: Vec<_> = blocks
        .map(|(block, name)| (name.to_owned(), block.shape.clone(), &VALUES[block.range()]))
        .collect();
    encode(&arrays, Precision::F64, ("format", "pt".to_owned())).unwrap()
}

fn filled(bytes: &[u8], renames: &[&str]) -> Result<Filled<1>, String> {
    let renames: Vec<_> = renames
        .iter()
        .map(|it| Rename::parse(it).unwrap())
        .collect();
    let file = WeightsFile::read(Path::new("w.safetensors"), bytes);
    let filled = file.and_then(|file| file.fill(&renames, [&layout()]));
    filled.map_err(|error| error.to_string())
}

#[test]
fn other_names_are_matched_by_shape_and_told() {
    let own = file([
        "layers.0.weight",
        "layers.0.bias",
        "layers.1.weight",
        "layers.1.bias",
    ]);
    let found = filled(&own, &[]).unwrap();
    assert_eq!((found.vectors, found.notes), ([VALUES.to_vec()], vec![]));
    let other = file([
        "module.fc1.weight",
        "module.fc1.bias",
        "module.out.weight",
        "module.out.bias",
    ]);
    let found = filled(&other, &[]).unwrap();
    assert_eq!(found.vectors, [VALUES.to_vec()]);
    let told = "renamed, from the name in the file to the name here:";
    assert_eq!(found.notes, [told, "fc1 -> layers.0", "out -> layers.1"]);
    // Whoever renames sees what has become of the file's own names, whatever they were called on the way.
    let found = filled(&other, &[r"module\.(fc|out)1?=x.$1"]).unwrap();
    assert_eq!(found.vectors, [VALUES.to_vec()]);
    let own = ["module.fc1 -> layers.0", "module.out -> layers.1"];
    assert_eq!(found.notes, [&[told][..], &own].concat());
}

/// 1 and −2 are 0x3c00 and 0xc000 as binary16, 0x3f80 and 0xc000 as bfloat16.
#[test]
fn halves_are_widened_and_counters_may_have_any_type() {
    let layout = Layout::new([
        ("bn.weight".to_owned(), vec![2]),
        ("bn.num_batches_tracked".to_owned(), vec![]),
    ]);
    for (dtype, one) in [
        (safetensors::Dtype::F16, 0x3c00_u16),
        (safetensors::Dtype::BF16, 0x3f80),
    ] {
        let bytes = [one.to_le_bytes(), 0xc000_u16.to_le_bytes()].concat();
        let weight = TensorView::new(dtype, vec![2], &bytes).unwrap();
        let count = 7_f32.to_le_bytes();
        let count = TensorView::new(safetensors::Dtype::F32, vec![1], &count).unwrap();
        let tensors = [("bn.weight", weight), ("bn.num_batches_tracked", count)];
        for kept in [1, 2] {
            let bytes = safetensors::serialize(tensors[..kept].iter().cloned(), None).unwrap();
            let file = WeightsFile::read(Path::new("w"), &bytes).unwrap();
            let found = file.fill(&[], [&layout]).unwrap();
            let counter = if kept == 2 { 7.0 } else { 0.0 };
            assert_eq!(found.vectors, [vec![1.0, -2.0, counter]]);
            assert!(found.notes[0].contains("are widened"), "{:?}", found.notes);
        }
    }
}

#[test]
fn each_fault_names_the_file_and_the_tensor() {
    let message = |bytes: &[u8]| filled(bytes, &[]).unwrap_err();
    let text = message(&file(["a.weight", "a.bias", "a.scale", "b.bias"]));
    assert!(text.starts_with("w.safetensors: "), "{text}");
    assert!(message(b"nothing of the kind").contains("neither a safetensors file"));
    let whole = file(["a.weight", "a.bias", "b.weight", "b.bias"]);
    let length = whole.len();
    assert_eq!(
        message(&whole[..length - 8]),
        format!(
            "w.safetensors: this safetensors file ends too early: it has {} bytes, and its header tells of {length}. Copy or \
             download it again, or save it anew",
            length - 8
        )
    );
    assert!(message(b"\x80\x02cposix\nsystem\n.").contains("runs code: `posix.system`"));
    let bytes = 1_i64.to_le_bytes();
    let view = TensorView::new(safetensors::Dtype::I64, vec![1], &bytes).unwrap();
    let bytes = safetensors::serialize([("x", view)], None).unwrap();
    let file = WeightsFile::read(Path::new("w"), &bytes).unwrap();
    let layout = Layout::new([("x".to_owned(), vec![1])]);
    let text = file.fill(&[], [&layout]).unwrap_err().to_string();
    assert_eq!(
        text,
        "w: tensor `x` has type I64; parameters are F16, BF16, F32 or F64"
    );
    let nan = f32::NAN.to_le_bytes();
    let view = TensorView::new(safetensors::Dtype::F32, vec![1], &nan).unwrap();
    let bytes = safetensors::serialize([("x", view)], None).unwrap();
    let file = WeightsFile::read(Path::new("w"), &bytes).unwrap();
    let text = file.fill(&[], [&layout]).unwrap_err().to_string();
    assert!(
        text.contains("tensor `x` holds a number that is not finite"),
        "{text}"
    );
}

/// Two bytes of the length of a header may be those that a pickle begins with.
#[test]
fn a_header_of_640_bytes_is_no_pickle() {
    let names = ["a.weight", "a.bias", "b.weight", "b.bias"];
    let layout = layout();
    let blocks = layout.blocks().iter().zip(names);
    let arrays: Vec<_> = blocks
        .map(|(block, name)| (name.to_owned(), block.shape.clone(), &VALUES[block.range()]))
        .collect();
    let header = |length: usize| {
        let padding = "x".repeat(length);
        encode(&arrays, Precision::F64, ("padding", padding)).unwrap()
    };
    let bytes = (0..700)
        .map(header)
        .find(|bytes| bytes[..2] == [0x80, 0x02]);
    let found = filled(&bytes.expect("a header of 640 bytes"), &[]).unwrap();
    assert_eq!(found.vectors, [VALUES.to_vec()]);
}

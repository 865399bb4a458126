//! Damaged and hostile files of weights.

use super::super::WeightsFile;
use crate::params::Layout;
use crate::random::StreamRng;
use crate::testing::fuzz::{Target, as_it_is, run};
use lab_formats::archive::Archive;
use lab_formats::weights::rename::Rename;
use rand::RngExt;
use std::path::Path;

/// Words of pickles: instructions, names, and what PyTorch's begin with.
const WORDS: &[&[u8]] = &[
    b"\x80\x02",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch\nHalfStorage\n",
    b"ccollections\nOrderedDict\n",
    b"cposix\nsystem\n",
    b"cbuiltins\neval\n",
    b"X\x07\x00\x00\x00storage",
    b"X\xff\xff\xff\xff",
    b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"h\x00",
    b"q\x00",
    b"K\x02",
    b"(",
    b")",
    b"]",
    b"}",
    b"t",
    b"Q",
    b"R",
    b"b",
    b"s",
    b"u",
    b"2",
    b".",
];

/// The file of `{"epoch": 3, "model": {"fc.weight": [[1, 2], [3, 4]] transposed, "fc.bias": [0.5, -2]}}` as
/// `torch.save` of PyTorch 2.15 writes it without its new container.
const LEGACY: &[u8] = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00(X\x10\x00\x00\x00protocol_versionq\x01M\xe9\x03X\r\x00\x00\x00little_endianq\x02\x88X\n\x00\x00\x00type_sizesq\x03}q\x04(X\x05\x00\x00\x00shortq\x05K\x02X\x03\x00\x00\x00intq\x06K\x04X\x04\x00\x00\x00longq\x07K\x04uu.\x80\x02}q\x00(X\x05\x00\x00\x00epochq\x01K\x03X\x05\x00\x00\x00modelq\x02ccollections\nOrderedDict\nq\x03)Rq\x04(X\x09\x00\x00\x00fc.weightq\x05ctorch._utils\n_rebuild_tensor_v2\nq\x06((X\x07\x00\x00\x00storageq\x07ctorch\nFloatStorage\nq\x08X\x0e\x00\x00\x0094804482962784q\x09X\x03\x00\x00\x00cpuq\nK\x04Ntq\x0bQK\x00K\x02K\x02\x86q\x0cK\x01K\x02\x86q\r\x89h\x03)Rq\x0etq\x0fRq\x10X\x07\x00\x00\x00fc.biasq\x11h\x06((h\x07h\x08X\x0e\x00\x00\x0094804482905664q\x12h\nK\x02Ntq\x13QK\x00K\x02\x85q\x14K\x01\x85q\x15\x89h\x03)Rq\x16tq\x17Rq\x18uu.\x80\x02]q\x00(X\x0e\x00\x00\x0094804482905664q\x01X\x0e\x00\x00\x0094804482962784q\x02e.\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00?\x00\x00\x00\xc0\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@";

/// The same in a zip archive: its pickle is damaged by changes of bytes, its directory too.
const ZIP: &[u8] = b"PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00!\x00\xd0\xd3\n\x0c\x10\x01\x00\x00\x10\x01\x00\x00\n\x00\x00\x00w/data.pkl\x80\x02}q\x00(X\x05\x00\x00\x00epochq\x01K\x03X\x05\x00\x00\x00modelq\x02ccollections\nOrderedDict\nq\x03)Rq\x04(X\x09\x00\x00\x00fc.weightq\x05ctorch._utils\n_rebuild_tensor_v2\nq\x06((X\x07\x00\x00\x00storageq\x07ctorch\nFloatStorage\nq\x08X\x01\x00\x00\x000q\x09X\x03\x00\x00\x00cpuq\nK\x04tq\x0bQK\x00K\x02K\x02\x86q\x0cK\x01K\x02\x86q\r\x89h\x03)Rq\x0etq\x0fRq\x10X\x07\x00\x00\x00fc.biasq\x11h\x06((h\x07h\x08X\x01\x00\x00\x001q\x12h\nK\x02tq\x13QK\x00K\x02\x85q\x14K\x01\x85q\x15\x89h\x03)Rq\x16tq\x17Rq\x18uu.PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00!\x00\x85=\xe3\x19\x06\x00\x00\x00\x06\x00\x00\x00\x0b\x00\x00\x00w/byteorderlittlePK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00!\x00T\x14\xa7\x8b\x10\x00\x00\x00\x10\x00\x00\x00\x08\x00\x00\x00w/data/0\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00!\x00\x8e27\xdd\x08\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00w/data/1\x00\x00\x00?\x00\x00\x00\xc0PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00\x00\x00!\x00\xd0\xd3\n\x0c\x10\x01\x00\x00\x10\x01\x00\x00\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00\x00w/data.pklPK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00\x00\x00!\x00\x85=\xe3\x19\x06\x00\x00\x00\x06\x00\x00\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x018\x01\x00\x00w/byteorderPK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00\x00\x00!\x00T\x14\xa7\x8b\x10\x00\x00\x00\x10\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01g\x01\x00\x00w/data/0PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00\x00\x00!\x00\x8e27\xdd\x08\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01\x9d\x01\x00\x00w/data/1PK\x05\x06\x00\x00\x00\x00\x04\x00\x04\x00\xdd\x00\x00\x00\xcb\x01\x00\x00\x00\x00";

fn layout() -> Layout {
    Layout::new([
        ("fc.weight".to_owned(), vec![2, 2]),
        ("fc.bias".to_owned(), vec![2]),
    ])
}

/// Reads, infers and fills; whatever comes of it is an outcome.
fn read(bytes: &[u8]) -> String {
    let path = Path::new("w");
    let file = match WeightsFile::read(path, bytes) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    let renames = [Rename::parse("^ema\\.=").expect("a pattern")];
    let inferred = match file.inferred(&renames) {
        Ok(inferred) => super::super::said(&inferred.architecture),
        Err(error) => error.to_string(),
    };
    match file.fill(&renames, [&layout()]) {
        Ok(filled) => {
            let [values] = filled.vectors;
            assert_eq!(values.len(), 6);
            assert!(values.iter().all(|number| number.is_finite()));
            format!("weights {inferred}")
        }
        Err(error) => format!("{error} {inferred}"),
    }
}

/// Puts the check sum of a stored entry right, as whoever makes a hostile archive would.
fn with_sums(input: &mut Vec<u8>, rng: &mut StreamRng) {
    let entries: Vec<usize> = places(input, b"PK\x01\x02");
    for at in entries {
        let field = |from: usize| -> Option<u32> {
            Some(u32::from_le_bytes(
                *input.get(at + from..)?.first_chunk::<4>()?,
            ))
        };
        let (Some(size), Some(header)) = (field(20), field(42)) else {
            continue;
        };
        let header = header as usize;
        let short = |from: usize| -> Option<usize> {
            let two = input.get(header.checked_add(from)?..)?.first_chunk::<2>()?;
            Some(usize::from(u16::from_le_bytes(*two)))
        };
        let (Some(name), Some(extra)) = (short(26), short(28)) else {
            continue;
        };
        let start = header + 30 + name + extra;
        let Some(data) = input.get(start..start.saturating_add(size as usize)) else {
            continue;
        };
        let mut sum = flate2::Crc::new();
        sum.update(data);
        let sum = sum.sum().to_le_bytes();
        if let Some(place) = input.get_mut(at + 16..at + 20) {
            place.copy_from_slice(&sum);
        }
    }
    if rng.random_bool(0.1) {
        input.truncate(input.len().saturating_sub(1));
    }
}

fn places(input: &[u8], word: &[u8; 4]) -> Vec<usize> {
    let windows = input.windows(4).enumerate();
    windows
        .filter(|(_, it)| it == word)
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn pickles() {
    assert!(read(LEGACY).starts_with("weights"), "{}", read(LEGACY));
    run(&Target {
        name: "pickles",
        corpus: vec![LEGACY.to_vec()],
        words: WORDS,
        repair: as_it_is,
        read: &read,
    });
}

#[test]
fn archives() {
    assert!(read(ZIP).starts_with("weights"), "{}", read(ZIP));
    run(&Target {
        name: "archives",
        corpus: vec![ZIP.to_vec()],
        words: &[
            WORDS,
            &[
                b"PK\x01\x02",
                b"PK\x03\x04",
                b"PK\x05\x06",
                b"../",
                b"w/data.pkl",
                b"w/data/0",
            ],
        ]
        .concat(),
        repair: with_sums,
        read: &|bytes| {
            if let Ok(archive) = Archive::open(bytes) {
                for name in archive.names() {
                    assert!(!name.split('/').any(|part| part == ".."), "{name}");
                    let _ = archive.read(name);
                }
            }
            read(bytes)
        },
    });
}

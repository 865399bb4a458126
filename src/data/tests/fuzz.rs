//! Damaged data files.

use super::super::cifar::Records;
use super::super::file::unpack;
use super::super::gzip::{Members, tests::gzip};
use super::super::{cifar, idx, tar, text};
use crate::random::StreamRng;
use crate::testing::fuzz::{Target, as_it_is, run};
use rand::RngExt;
use std::io::{self, Read};

const RECORD: usize = Records::CIFAR10.length();

/// The bytes as a file that may be packed: in one member, in two, or not at all.
fn packed(input: &mut Vec<u8>, rng: &mut StreamRng) {
    match rng.random_range(0..4_u32) {
        0 => *input = gzip(input),
        1 => {
            let (first, second) = input.split_at(rng.random_range(0..=input.len()));
            *input = [gzip(first), gzip(second)].concat();
        }
        _ => {}
    }
}

fn result<T, E: ToString>(read: Result<T, E>, good: impl Fn(T) -> String) -> String {
    read.map_or_else(|error| error.to_string(), good)
}

#[test]
fn idx_files() {
    let images = idx::tests::write_images(2, [28, 28], &[9; 2 * 784]);
    let labels = idx::tests::write_labels(&[1, 2, 3]);
    run(&Target {
        name: "idx",
        corpus: vec![
            idx::tests::write_images(0, [28, 28], &[]),
            labels.clone(),
            idx::tests::write_labels(&[]),
            gzip(&labels),
            gzip(&images),
            images,
        ],
        words: &[
            b"\x00\x00\x08\x01",
            b"\x00\x00\x08\x03",
            b"\x00\x00\x00\x1c",
            b"\x1f\x8b\x08\x00",
        ],
        repair: packed,
        read: &|bytes| {
            let unpacked = unpack(bytes.to_vec(), bytes.len() % 2 == 0);
            result(unpacked, |unpacked| {
                let images = idx::images(&unpacked, [28, 28]);
                let labels = idx::labels(&unpacked, super::super::format::LabelRange::of(0, 10));
                let announced = idx::announced(&unpacked);
                if let Ok(images) = &images {
                    assert_eq!(announced, Some(images.count));
                    assert_eq!(images.pixels.len(), images.count * 784);
                }
                if let Ok(labels) = &labels {
                    assert_eq!(announced, Some(labels.len()));
                    assert!(labels.iter().all(|&label| label < 10));
                }
                let images = result(images, |_| "images".to_owned());
                format!("{images} {}", result(labels, |_| "labels".to_owned()))
            })
        },
    });
}

#[test]
fn cifar_files() {
    let good = cifar::tests::write(&[3, 9]);
    run(&Target {
        name: "cifar",
        corpus: vec![cifar::tests::write(&[0]), gzip(&good), good, Vec::new()],
        words: &[b"\x09", b"\x0a", b"\x1f\x8b\x08\x00"],
        repair: |input, rng| {
            // To a whole number of records, with labels that are some.
            let records = input.len().div_ceil(RECORD).clamp(1, 4);
            input.resize(records * RECORD, 1);
            for label in input.iter_mut().step_by(RECORD) {
                *label %= 11;
            }
            packed(input, rng);
        },
        read: &|bytes| {
            let unpacked = unpack(bytes.to_vec(), false);
            result(unpacked, |unpacked| {
                let (mut pixels, mut labels) = (vec![1], vec![5]);
                let read = Records::CIFAR10.append(&unpacked, &mut pixels, &mut labels);
                let count = read.clone().unwrap_or(0);
                assert_eq!((pixels.len(), labels.len()), (1 + count * 3072, 1 + count));
                assert!(labels.iter().all(|&label| label < 10));
                result(read, |_| "records".to_owned())
            })
        },
    });
}

/// Puts the right checksums into the headers of an archive, as far as there are any.
fn with_checksums(archive: &mut [u8]) {
    for block in archive.as_chunks_mut::<512>().0 {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
            block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
    }
}

#[test]
fn archives() {
    let good = tar::tests::write(&[
        ("d/", b""),
        ("d/a", b"hello"),
        ("d/b", &[5; 700]),
        ("c", b""),
    ]);
    run(&Target {
        name: "tar",
        corpus: vec![
            good.clone(),
            gzip(&good),
            vec![0; 1024],
            tar::tests::write(&[("a", b"1")]),
        ],
        words: &[
            b"ustar\0",
            b"00000000000",
            b"77777777777",
            b"00000001000",
            b"d/",
            b"5",
            b"\0",
            b"\x1f\x8b\x08\x00",
        ],
        repair: |input, rng| {
            with_checksums(input);
            packed(input, rng);
        },
        read: &|bytes| {
            let archive: Box<dyn Read> = match bytes.starts_with(&[0x1f, 0x8b]) {
                true => Box::new(Members::new(bytes)),
                false => Box::new(bytes),
            };
            let mut files = 0;
            let read = tar::for_each_file(archive, |path, content| {
                files += 1;
                assert!(path.len() < 1000, "{path}");
                match files % 3 {
                    0 => Ok(0),
                    _ => io::copy(content, &mut io::sink()),
                }
                .map(|_| ())
            });
            match read {
                Ok(()) => format!("{} files", ["no", "one", "more"][files.min(2)]),
                Err(tar::Stop::Damaged(problem)) => problem.to_string(),
                Err(tar::Stop::Visitor(error)) => format!("visitor: {error}"),
            }
        },
    });
}

#[test]
fn texts() {
    run(&Target {
        name: "text",
        corpus: vec![b"hello world, ".repeat(9), vec![b'a'; 99], Vec::new()],
        words: &[b"\xff", b"\0"],
        repair: as_it_is,
        read: &|bytes| {
            // The first byte chooses the length of a window.
            let sequence = match bytes.first() {
                Some(255) => usize::MAX,
                first => 1 + usize::from(first.copied().unwrap_or(0)) % 16,
            };
            result(text::parts(bytes, sequence), |parts| {
                for part in &parts {
                    assert!(!part.is_empty());
                    assert_eq!(part.pixels.len(), part.len() * (sequence + 1));
                    assert!(
                        part.pixels
                            .iter()
                            .all(|&token| usize::from(token) < part.classes)
                    );
                }
                "windows".to_owned()
            })
        },
    });
}

//! Damaged files of one's own.

use super::super::arrays::{of_archive, samples};
use super::super::labels;
use super::{arrays, npy, npz, picture, plan};
use crate::data::{Answers, DatasetName, Inputs, Samples, Task};
use crate::testing::fuzz::{Target, as_it_is, run};
use lab_formats::csv::Table;
use lab_formats::picture as pictures;

/// Whether samples are what a network can be given.
fn check(samples: &Samples) {
    assert!(!samples.is_empty());
    let count = samples.len() * samples.features();
    match &samples.inputs {
        Inputs::Bytes { values, .. } => assert_eq!(values.len(), count),
        Inputs::Numbers(values) => {
            assert_eq!(values.len(), count);
            assert!(values.iter().all(|value| value.is_finite()));
        }
    }
    match &samples.answers {
        Answers::Classes { labels, classes } => {
            assert!(labels.iter().all(|&label| usize::from(label) < *classes));
        }
        Answers::Numbers { values, .. } => {
            assert!(values.iter().all(|value| value.is_finite()));
        }
    }
}

#[test]
fn archives_of_arrays() {
    let x = npy("<f4", "(2, 2)", &[0; 16]);
    let images = npy("|u1", "(2, 2, 2, 1)", &[7; 8]);
    let y = npy("<i8", "(2,)", &[[0; 8], [1, 0, 0, 0, 0, 0, 0, 0]].concat());
    let y = || y.clone();
    run(&Target {
        name: "npz",
        corpus: vec![
            npz(&[("x", x.clone()), ("y", y())]),
            npz(&[
                ("x_train", x.clone()),
                ("y_train", y()),
                ("x_test", x),
                ("y_test", y()),
            ]),
            npz(&[("x", images), ("y", y())]),
            y(),
        ],
        words: &[
            b"PK\x01\x02",
            b"PK\x03\x04",
            b"PK\x05\x06",
            b"'descr'",
            b"<f8",
            b"|O",
            b"True",
            b"(9,",
            b"y.npy",
        ],
        repair: as_it_is,
        read: &|bytes| {
            let mut data = plan(DatasetName::Arrays);
            // The last byte chooses what is to be predicted.
            if bytes.last().is_some_and(|byte| byte % 2 == 1) {
                data.predicted.as_mut().unwrap().task = Task::Regression;
            }
            let arrays = arrays(None);
            let parts = of_archive(&arrays, bytes);
            match parts.and_then(|parts| samples(parts, &arrays, &data)) {
                Ok((train, test)) => {
                    check(&train);
                    test.iter().for_each(check);
                    "samples".to_owned()
                }
                Err(reason) => reason,
            }
        },
    });
}

#[test]
fn files_of_arrays() {
    run(&Target {
        name: "npy",
        corpus: vec![
            npy("<f2", "(2, 3)", &[0; 12]),
            npy(">i4", "(2,)", &[0; 8]),
            npy("|b1", "(1, 2, 2)", &[1; 4]),
        ],
        words: &[
            b"'shape'",
            b"'fortran_order': True",
            b"<f8",
            b"|O",
            b"99999999999",
            b"()",
            b"L,",
        ],
        repair: |input, _| {
            // The length of the header, as far as there is one.
            let end = input.iter().position(|&byte| byte == b'\n');
            if let (Some(end), true) = (end, input.len() > 10) {
                let length = (end as u16).wrapping_sub(9);
                input[8..10].copy_from_slice(&length.to_le_bytes());
            }
        },
        read: &|bytes| match lab_formats::npy::read(bytes) {
            Ok(array) => {
                assert_eq!(array.len(), array.shape.iter().product::<usize>());
                format!("{} axes", array.shape.len().min(3))
            }
            Err(error) => error.to_string(),
        },
    });
}

#[test]
fn tables() {
    run(&Target {
        name: "csv",
        corpus: vec![
            b"a,b,kind\n1,2,x\n3,4,y\n".to_vec(),
            b"1;2\n3;4e9\n".to_vec(),
            b"\"a\nb\"\t1\n".to_vec(),
            Vec::new(),
        ],
        words: &[
            b"\"",
            b"\n",
            b",",
            b";",
            b"nan",
            b"1e999",
            b"\xef\xbb\xbf",
            b"\xff",
        ],
        repair: as_it_is,
        read: &|bytes| {
            let header = [None, Some(true), Some(false)][bytes.len() % 3];
            let table = match Table::open(bytes, header) {
                Ok(table) => table,
                Err(error) => return error.to_string(),
            };
            let columns: Vec<usize> = (0..table.names().len()).collect();
            let numbers = table.numbers(&columns);
            if let Ok(numbers) = &numbers {
                assert_eq!(numbers.len() % columns.len(), 0);
                assert!(numbers.iter().all(|number| number.is_finite()));
            }
            let texts = table.texts(0).map(labels::Found::Texts);
            let classes = texts.map(|texts| labels::classes(&[texts], Default::default()).is_ok());
            format!(
                "{} {classes:?}",
                numbers.map_or_else(|error| error.to_string(), |_| "numbers".to_owned())
            )
        },
    });
}

#[test]
fn files_of_pictures() {
    // A grey JPEG of one block, without its picture: enough for a header to be damaged.
    let jpeg = b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00\xff\xd9";
    run(&Target {
        name: "pictures",
        corpus: vec![picture([1, 2]), jpeg.to_vec(), Vec::new()],
        words: &[
            b"IHDR",
            b"IDAT",
            b"IEND",
            b"PLTE",
            b"tRNS",
            b"\xff\xda",
            b"\xff\xc4",
            b"\xff\xdb",
            b"\xff\xc2",
        ],
        repair: |input, _| repair_chunks(input),
        read: &|bytes| match pictures::read(bytes) {
            Ok(found) => {
                assert_eq!(
                    found.values.len(),
                    found.channels * found.height * found.width
                );
                format!("{} channels", found.channels)
            }
            Err(error) => error.to_string(),
        },
    });
}

/// Puts the right check sums behind the chunks of a PNG file, as far as there are any.
fn repair_chunks(file: &mut [u8]) {
    let mut start = 8;
    while let Some(length) = file.get(start..start + 4) {
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let Some(end) = start
            .checked_add(8 + length)
            .filter(|end| end + 4 <= file.len())
        else {
            return;
        };
        let mut crc = flate2::Crc::new();
        crc.update(&file[start + 4..end]);
        file[end..end + 4].copy_from_slice(&crc.sum().to_be_bytes());
        start = end + 4;
    }
}

//! Text as a dataset: windows of characters, each to be predicted from those before it.
//!
//! A character is a byte of the file, so the vocabulary has at most 256 entries whatever the
//! encoding; tokens number the distinct bytes in ascending order.

use std::fs;
use std::path::Path;

use super::file::{Source, sha256_hex};
use super::{DataError, Images, Raw};
use crate::config::Text;

/// One byte of this many belongs to the test part.
const TEST_SHARE: usize = 10;

/// Reads the text of `plan`, below the data folder `dir` if its path is relative; the last tenth
/// is the test part.
///
/// A sample is a window of `sequence` tokens and the token after them, kept as an image of one row
/// of `sequence + 1` pixels whose label is the last one. Windows follow one another, each beginning
/// with the token that the one before ends with, so every token but the first of a part is
/// predicted once; what does not fill a window is left out.
///
/// # Errors
/// The file cannot be read, has one distinct byte only, or is too short for a window in either
/// part.
pub(super) fn read(plan: &Text, dir: &Path) -> Result<Raw, DataError> {
    let path = dir.join(&plan.file);
    let wrong = |reason: String| DataError::Text {
        path: path.clone(),
        reason,
    };
    let bytes = fs::read(&path).map_err(|reason| wrong(reason.to_string()))?;
    let [train, test] = parts(&bytes, plan.sequence).map_err(wrong)?;
    let relative = path.strip_prefix(dir).unwrap_or(&path);
    Ok(Raw {
        train,
        test,
        sources: vec![Source {
            name: relative.to_string_lossy().replace('\\', "/"),
            sha256: sha256_hex(&bytes),
        }],
    })
}

/// The windows of the training and the test part of a text, or why there are none.
pub(super) fn parts(bytes: &[u8], sequence: usize) -> Result<[Images; 2], String> {
    let needed = sequence.saturating_add(1).saturating_mul(TEST_SHARE);
    if bytes.len() < needed {
        return Err(format!(
            "it has {} bytes, and `data.sequence` = {sequence} needs at least {needed}, for a window \
             in the last tenth",
            bytes.len(),
        ));
    }
    let (tokens, classes) = tokens(bytes);
    if classes < 2 {
        return Err("all its bytes are the same".to_owned());
    }
    let (train, test) = tokens.split_at(tokens.len() - tokens.len() / TEST_SHARE);
    Ok([train, test].map(|part| windows(part, sequence, classes)))
}

/// The rank of every byte among the distinct ones, and how many those are.
fn tokens(bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut occurs = [false; 256];
    for &byte in bytes {
        occurs[usize::from(byte)] = true;
    }
    let mut rank_of = [0_u8; 256];
    let distinct = occurs.iter().enumerate().filter(|(_, occurs)| **occurs);
    for (rank, (byte, _)) in (0..=u8::MAX).zip(distinct.clone()) {
        rank_of[byte] = rank;
    }
    let ranks = bytes.iter().map(|&byte| rank_of[usize::from(byte)]);
    (ranks.collect(), distinct.count())
}

fn windows(tokens: &[u8], sequence: usize, classes: usize) -> Images {
    let windows = tokens.windows(sequence + 1).step_by(sequence);
    Images {
        shape: [1, 1, sequence + 1],
        maximum: u8::MAX,
        labels: windows.clone().map(|window| window[sequence]).collect(),
        pixels: windows.flatten().copied().collect(),
        classes,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dataset, load};
    use super::*;
    use crate::config::Data;
    use crate::data::{DatasetName as Name, Subset};
    use crate::random::Streams;

    fn plan(sequence: usize) -> Data {
        Data {
            text: Some(Text {
                file: "a.txt".to_owned(),
                sequence,
            }),
            ..Data::new(Name::Text)
        }
    }

    fn folder(text: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.txt"), text).unwrap();
        folder
    }

    fn inputs(dataset: &Dataset, sample: u32) -> Vec<f64> {
        let mut inputs = Vec::new();
        dataset.fill(&[sample], &mut inputs);
        inputs
    }

    #[test]
    fn windows_follow_one_another_with_targets_one_later() {
        // 20 bytes for training, 3 for the test; "é" is two of them.
        let text = "hello world, caf\u{e9} xyz+-".as_bytes();
        assert_eq!(text.len(), 24);
        let folder = folder(&[text, b"hel old"].concat());
        let split = load(&plan(2), folder.path(), &Streams::new(0)).unwrap();
        let vocabulary: std::collections::BTreeSet<u8> = text.iter().copied().collect();
        let vocabulary: Vec<u8> = vocabulary.into_iter().collect();
        let token = |byte: u8| vocabulary.binary_search(&byte).unwrap() as u8;
        let train = &split.train;
        // 31 bytes, of which 3 for the test; (28 - 1) / 2 windows and (3 - 1) / 2.
        assert_eq!((train.len(), split.test.len()), (13, 1));
        assert_eq!((train.classes(), train.features()), (vocabulary.len(), 2));
        assert_eq!(train.shape(), [1, 1, 2]);
        assert_eq!(inputs(train, 1), [b'l', b'l'].map(|b| f64::from(token(b))));
        assert_eq!(train.targets(1), [b'l', b'o'].map(token));
        assert_eq!(
            inputs(&split.test, 0),
            [b'o', b'l'].map(|b| f64::from(token(b)))
        );
        assert_eq!(split.test.targets(0), [b'l', b'd'].map(token));
        assert_eq!(split.sources[0].name, "a.txt");
    }

    #[test]
    fn every_byte_can_be_a_character() {
        let text: Vec<u8> = (0..=u8::MAX).cycle().take(1000).collect();
        let split = load(&plan(9), folder(&text).path(), &Streams::new(0)).unwrap();
        assert_eq!(split.train.classes(), 256);
        assert_eq!(
            split.train.targets(28),
            (253..=255).chain(0..6).collect::<Vec<u8>>()
        );
    }

    #[test]
    fn subsets_are_counted_in_windows() {
        let folder = folder(&b"abcdefghij".repeat(30));
        let wanted = Data {
            train: Some(5),
            test: Some(2),
            subset: Subset::Random,
            ..plan(4)
        };
        let split = load(&wanted, folder.path(), &Streams::new(1)).unwrap();
        assert_eq!((split.train.len(), split.test.len()), (5, 2));
        let too_many = Data {
            train: Some(68),
            ..plan(4)
        };
        let error = load(&too_many, folder.path(), &Streams::new(1)).unwrap_err();
        assert!(error.to_string().contains("has 67 samples"), "{error}");
    }

    #[test]
    fn unusable_files_are_named_with_the_reason() {
        let message = |text: &[u8]| {
            let error = load(&plan(64), folder(text).path(), &Streams::new(0)).unwrap_err();
            assert!(error.is_input());
            error.to_string()
        };
        let short = message(&b"ab".repeat(324));
        assert!(short.contains("a.txt: it has 648 bytes"), "{short}");
        assert!(short.contains("at least 650"), "{short}");
        assert!(message(&[b'a'; 650]).contains("all its bytes are the same"));
        let absent = load(&plan(64), Path::new("nowhere"), &Streams::new(0)).unwrap_err();
        assert!(absent.to_string().contains("nowhere/a.txt"), "{absent}");
    }
}

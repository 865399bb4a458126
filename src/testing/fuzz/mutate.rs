//! Changes of an input: of single bytes, of pieces, of words and of numbers.

use crate::random::StreamRng;
use rand::RngExt;

/// Numbers at the borders of types, as text.
const NUMBERS: [&str; 22] = [
    "0",
    "-1",
    "1",
    "2",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "1e-46",
    "1e39",
    "1e308",
    "1e999",
    "-0.0",
    "0.9999999999",
];

/// The same as words of four or eight bytes.
const WORDS: [u64; 12] = [
    0,
    1,
    0x7f,
    0xff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

/// Makes one to six changes; `other` lends pieces.
pub(super) fn mutate(input: &mut Vec<u8>, other: &[u8], words: &[&[u8]], rng: &mut StreamRng) {
    let changes = 1 + rng.random_range(0..3_u32) * rng.random_range(0..3_u32);
    for _ in 0..changes {
        change(input, other, words, rng);
    }
}

fn change(input: &mut Vec<u8>, other: &[u8], words: &[&[u8]], rng: &mut StreamRng) {
    match rng.random_range(0..12_u32) {
        0 => {
            if let Some(byte) = pick(input, rng) {
                *byte ^= 1 << rng.random_range(0..8_u32);
            }
        }
        1 => {
            if let Some(byte) = pick(input, rng) {
                *byte = rng.random();
            }
        }
        2 => {
            let piece = piece(input, rng);
            input.drain(piece);
        }
        3 => {
            let from = piece(input, rng);
            let copy = input[from].to_vec();
            insert(input, &copy, rng);
        }
        4 => {
            let from = piece(other, rng);
            insert(input, &other[from], rng);
        }
        5 => {
            let from = piece(other, rng);
            overwrite(input, &other[from], rng);
        }
        6 | 7 if !words.is_empty() => {
            let word = words[rng.random_range(0..words.len())];
            insert(input, word, rng);
        }
        8 if !words.is_empty() => {
            let word = words[rng.random_range(0..words.len())];
            overwrite(input, word, rng);
        }
        9 => number_in_text(input, rng),
        10 => {
            let word = WORDS[rng.random_range(0..WORDS.len())];
            let length = [1, 2, 4, 8][rng.random_range(0..4_usize)];
            let (big, little) = (word.to_be_bytes(), word.to_le_bytes());
            match rng.random_bool(0.5) {
                true => overwrite(input, &big[8 - length..], rng),
                false => overwrite(input, &little[..length], rng),
            }
        }
        _ => match rng.random_range(0..10_u32) {
            // Something deep, or long.
            0 => {
                let from = piece(input, rng);
                let copy = input[from].to_vec();
                let copy = copy.repeat(rng.random_range(2..300));
                insert(input, &copy[..copy.len().min(4096)], rng);
            }
            1 => {
                let byte = *b"[{(.\"=\x00\xff \n"
                    .get(rng.random_range(0..10))
                    .unwrap_or(&0);
                insert(input, &vec![byte; rng.random_range(1..2000)], rng);
            }
            2 | 3 => {
                let length = rng.random_range(0..=input.len());
                input.truncate(length);
            }
            _ => {
                let bytes: [u8; 4] = rng.random();
                insert(input, &bytes[..rng.random_range(1..=4)], rng);
            }
        },
    }
}

fn pick<'a>(input: &'a mut [u8], rng: &mut StreamRng) -> Option<&'a mut u8> {
    let length = input.len();
    (length > 0).then(|| &mut input[rng.random_range(0..length)])
}

/// A piece, more often a short one.
fn piece(input: &[u8], rng: &mut StreamRng) -> std::ops::Range<usize> {
    let start = rng.random_range(0..=input.len());
    let most = match rng.random_bool(0.75) {
        true => 16.min(input.len() - start),
        false => input.len() - start,
    };
    start..start + rng.random_range(0..=most)
}

fn insert(input: &mut Vec<u8>, bytes: &[u8], rng: &mut StreamRng) {
    let at = rng.random_range(0..=input.len());
    input.splice(at..at, bytes.iter().copied());
}

fn overwrite(input: &mut Vec<u8>, bytes: &[u8], rng: &mut StreamRng) {
    let at = rng.random_range(0..=input.len());
    let end = (at + bytes.len()).min(input.len());
    input.splice(at..end, bytes.iter().copied());
}

/// Puts another number in the place of one that is written in digits.
fn number_in_text(input: &mut Vec<u8>, rng: &mut StreamRng) {
    let start = rng.random_range(0..=input.len());
    let Some(first) = input[start..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let first = start + first;
    let digits = input[first..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let end = first + digits.count();
    let number = NUMBERS[rng.random_range(0..NUMBERS.len())];
    input.splice(first..end, number.bytes());
}

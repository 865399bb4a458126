//! Columns as a Parquet file (<https://github.com/apache/parquet-format>): plain values, one page for each column of a row
//! group, packed with gzip. What readers need and nothing else: no dictionary, no statistics.

use super::compact::{Fields, Value, varint};
use super::{Columns, Values};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use std::ops::Range;

const MAGIC: &[u8] = b"PAR1";

/// Rows of a row group, at most.
const GROUP: usize = 200_000;

// Of the enumerations of `parquet.thrift`.
const BOOLEAN: i32 = 0;
const INT64: i32 = 2;
const DOUBLE: i32 = 5;
const BYTE_ARRAY: i32 = 6;
const OPTIONAL: i32 = 1;
const UTF8: i32 = 0;
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const GZIP: i32 = 2;
const DATA_PAGE: i32 = 0;

pub(super) fn file(columns: &Columns) -> io::Result<Vec<u8>> {
    let mut bytes = MAGIC.to_vec();
    let mut groups = Vec::new();
    let rows = columns.rows();
    for first in (0..rows).step_by(GROUP) {
        let range = first..(first + GROUP).min(rows);
        groups.push(write_group(columns, range, &mut bytes)?);
    }
    let metadata = Fields::default()
        .with(1, Value::Int(1))
        .with(2, Value::Structs(schema(columns)))
        .with(3, Value::Long(rows as i64))
        .with(4, Value::Structs(groups))
        .with(6, Value::Text("lab".to_owned()))
        .bytes();
    bytes.extend(&metadata);
    bytes.extend((metadata.len() as u32).to_le_bytes());
    bytes.extend(MAGIC);
    Ok(bytes)
}

/// `SchemaElement`s: the root, then each column.
fn schema(columns: &Columns) -> Vec<Fields> {
    let root = Fields::default()
        .with(4, Value::Text("rows".to_owned()))
        .with(5, Value::Int(columns.columns.len() as i32));
    let leaves = columns.columns.iter().map(|(name, values)| {
        let leaf = Fields::default()
            .with(1, Value::Int(kind(values)))
            .with(3, Value::Int(OPTIONAL))
            .with(4, Value::Text(name.clone()));
        match values {
            // The older name of the type, and the newer: a union whose first member says text.
            Values::Text(_) => leaf.with(6, Value::Int(UTF8)).with(
                10,
                Value::Struct(Fields::default().with(1, Value::Struct(Fields::default()))),
            ),
            _ => leaf,
        }
    });
    std::iter::once(root).chain(leaves).collect()
}

fn kind(values: &Values) -> i32 {
    match values {
        Values::Text(_) => BYTE_ARRAY,
        Values::Number(_) => DOUBLE,
        Values::Count(_) => INT64,
        Values::Truth(_) => BOOLEAN,
    }
}

/// Writes the pages of some rows; their `RowGroup`.
fn write_group(columns: &Columns, rows: Range<usize>, bytes: &mut Vec<u8>) -> io::Result<Fields> {
    let begin = bytes.len();
    let mut chunks = Vec::new();
    for (name, values) in &columns.columns {
        let page = page(values, rows.clone());
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(&page)?;
        let packed = packer.finish()?;
        let header = header(rows.len(), page.len(), packed.len())?;
        let offset = bytes.len() as i64;
        bytes.extend(&header);
        bytes.extend(&packed);
        let metadata = Fields::default()
            .with(1, Value::Int(kind(values)))
            .with(2, Value::Ints(vec![PLAIN, RLE]))
            .with(3, Value::Texts(vec![name.clone()]))
            .with(4, Value::Int(GZIP))
            .with(5, Value::Long(rows.len() as i64))
            .with(6, Value::Long((header.len() + page.len()) as i64))
            .with(7, Value::Long((header.len() + packed.len()) as i64))
            .with(9, Value::Long(offset));
        chunks.push(
            Fields::default()
                .with(2, Value::Long(offset))
                .with(3, Value::Struct(metadata)),
        );
    }
    Ok(Fields::default()
        .with(1, Value::Structs(chunks))
        .with(2, Value::Long((bytes.len() - begin) as i64))
        .with(3, Value::Long(rows.len() as i64)))
}

/// The `PageHeader` of a data page.
fn header(rows: usize, length: usize, packed: usize) -> io::Result<Vec<u8>> {
    let fits = |length: usize| {
        i32::try_from(length).map_err(|_| {
            io::Error::other("a column has more text in a row group than a page of Parquet holds")
        })
    };
    let data = Fields::default()
        .with(1, Value::Int(fits(rows)?))
        .with(2, Value::Int(PLAIN))
        .with(3, Value::Int(RLE))
        .with(4, Value::Int(RLE));
    Ok(Fields::default()
        .with(1, Value::Int(DATA_PAGE))
        .with(2, Value::Int(fits(length)?))
        .with(3, Value::Int(fits(packed)?))
        .with(5, Value::Struct(data))
        .bytes())
}

/// Which values there are, and those in plain encoding.
fn page(values: &Values, rows: Range<usize>) -> Vec<u8> {
    match values {
        Values::Text(values) => page_of(&values[rows], |text, bytes| {
            bytes.extend((text.len() as u32).to_le_bytes());
            bytes.extend(text.as_bytes());
        }),
        Values::Number(values) => page_of(&values[rows], |number, bytes| {
            bytes.extend(number.to_le_bytes())
        }),
        Values::Count(values) => page_of(&values[rows], |count, bytes| {
            bytes.extend(count.to_le_bytes())
        }),
        Values::Truth(values) => {
            let values = &values[rows];
            let mut bytes = levels(values);
            let known: Vec<bool> = values.iter().flatten().copied().collect();
            let bits = known.chunks(8).map(|eight| {
                (0..)
                    .zip(eight)
                    .fold(0, |byte, (bit, value)| byte | (u8::from(*value) << bit))
            });
            bytes.extend(bits);
            bytes
        }
    }
}

fn page_of<T>(values: &[Option<T>], write: impl Fn(&T, &mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = levels(values);
    for value in values.iter().flatten() {
        write(value, &mut bytes);
    }
    bytes
}

/// The definition levels, 1 where there is a value, as runs of equal ones behind their length in bytes.
fn levels<T>(values: &[Option<T>]) -> Vec<u8> {
    let mut runs = Vec::new();
    for run in values.chunk_by(|a, b| a.is_some() == b.is_some()) {
        varint((run.len() as u64) << 1, &mut runs);
        runs.push(u8::from(run[0].is_some()));
    }
    let mut bytes = (runs.len() as u32).to_le_bytes().to_vec();
    bytes.extend(runs);
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::tests::all;
    use super::*;

    #[test]
    fn a_file_has_its_magic_at_both_ends_and_the_length_of_its_metadata() {
        let bytes = all().parquet().unwrap();
        assert!(bytes.starts_with(MAGIC) && bytes.ends_with(MAGIC));
        let end = bytes.len() - 8;
        let length = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize;
        // Metadata begins with field 1, of type i32: version 1, which is 2 in zigzag.
        assert_eq!(bytes[end - length..end - length + 2], [0x15, 2]);
        assert_eq!(bytes, all().parquet().unwrap());
    }

    #[test]
    fn pages_have_runs_of_gaps_and_plain_values() {
        let counts = Values::Count(vec![Some(1), Some(2), None, Some(3)]);
        let mut expected = vec![6, 0, 0, 0, 4, 1, 2, 0, 2, 1];
        for count in 1..=3i64 {
            expected.extend(count.to_le_bytes());
        }
        assert_eq!(page(&counts, 0..4), expected);
        let truths = Values::Truth(vec![Some(true), None, Some(false), Some(true)]);
        assert_eq!(page(&truths, 0..4), [6, 0, 0, 0, 2, 1, 2, 0, 4, 1, 0b101]);
        assert_eq!(page(&truths, 1..2), [2, 0, 0, 0, 2, 0]);
    }
}

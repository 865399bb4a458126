//! Thrift's compact protocol, as far as Parquet's metadata needs it
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>).

/// A field's value.
pub(super) enum Value {
    /// A whole number of 32 bits, or a choice.
    Int(i32),
    /// A whole number of 64 bits.
    Long(i64),
    /// Text.
    Text(String),
    /// Fields of their own.
    Struct(Fields),
    /// Choices.
    Ints(Vec<i32>),
    /// Texts.
    Texts(Vec<String>),
    /// Structs.
    Structs(Vec<Fields>),
}

/// Fields by their numbers, ascending.
#[derive(Default)]
pub(super) struct Fields(Vec<(i16, Value)>);

const INT: u8 = 5;
const LONG: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

impl Fields {
    /// The same with a field more.
    pub fn with(mut self, number: i16, value: Value) -> Self {
        self.0.push((number, value));
        self
    }

    /// The bytes of the struct.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let mut last = 0;
        for (number, value) in &self.0 {
            // Numbers here ascend by less than 16.
            bytes.push((((number - last) as u8) << 4) | value.kind());
            last = *number;
            value.write(bytes);
        }
        bytes.push(0);
    }
}

impl Value {
    fn kind(&self) -> u8 {
        match self {
            Self::Int(_) => INT,
            Self::Long(_) => LONG,
            Self::Text(_) => BINARY,
            Self::Struct(_) => STRUCT,
            Self::Ints(_) | Self::Texts(_) | Self::Structs(_) => LIST,
        }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Int(value) => varint(zigzag(i64::from(*value)), bytes),
            Self::Long(value) => varint(zigzag(*value), bytes),
            Self::Text(text) => write_text(text, bytes),
            Self::Struct(fields) => fields.write(bytes),
            Self::Ints(values) => {
                write_length(values.len(), INT, bytes);
                values
                    .iter()
                    .for_each(|value| varint(zigzag(i64::from(*value)), bytes));
            }
            Self::Texts(texts) => {
                write_length(texts.len(), BINARY, bytes);
                texts.iter().for_each(|text| write_text(text, bytes));
            }
            Self::Structs(structs) => {
                write_length(structs.len(), STRUCT, bytes);
                structs.iter().for_each(|fields| fields.write(bytes));
            }
        }
    }
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    varint(text.len() as u64, bytes);
    bytes.extend(text.as_bytes());
}

fn write_length(length: usize, kind: u8, bytes: &mut Vec<u8>) {
    if length < 15 {
        bytes.push(((length as u8) << 4) | kind);
    } else {
        bytes.push(0xf0 | kind);
        varint(length as u64, bytes);
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// A number in groups of seven bits, the lowest first.
pub(super) fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push((value as u8) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_as_the_specification_writes_them() {
        let fields = Fields::default()
            .with(1, Value::Int(-1))
            .with(3, Value::Text("ab".to_owned()))
            .with(4, Value::Ints(vec![0, 3]))
            .with(9, Value::Long(300));
        // Deltas 1, 2, 1, 5 with types 5, 8, 9, 6; 300 is 600 in zigzag, 0xd8 0x04 in groups of seven bits.
        let expected = [
            0x15, 1, 0x28, 2, b'a', b'b', 0x19, 0x25, 0, 6, 0x56, 0xd8, 0x04, 0,
        ];
        assert_eq!(fields.bytes(), expected);
    }
}

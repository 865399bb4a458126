//! Event files as TensorBoard reads them: records with check sums, each an `Event` of protocol buffers
//! (`tensorboard/compat/proto/event.proto` and `summary.proto`, `plugins/hparams/plugin_data.proto`).

use crate::figure::Histogram;

/// What a hyperparameter is.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A number.
    Number(f64),
    /// Words.
    Text(String),
    /// Yes or no.
    Truth(bool),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Well.
    Success = 1,
    /// In failure.
    Failure = 2,
    /// Not yet.
    Running = 3,
}

/// An event file in the making. Times are seconds since 1970.
#[derive(Clone, Debug)]
pub struct EventFile {
    bytes: Vec<u8>,
}

impl EventFile {
    /// A file that begins at a time.
    pub fn new(time: f64) -> Self {
        let mut file = Self { bytes: Vec::new() };
        file.push(event(time, 0).text(3, "brain.Event:2"));
        file
    }

    /// A number at a step. The format holds it in 32 bits.
    pub fn scalar(&mut self, tag: &str, time: f64, step: u64, value: f64) {
        let value = Message::default().text(1, tag).float(2, value as f32);
        self.summarise(time, step, value);
    }

    /// The distribution of some numbers at a step; nothing of no numbers or where one is not finite.
    pub fn histogram(&mut self, tag: &str, time: f64, step: u64, values: &[f64]) {
        let is_finite = values.iter().all(|value| value.is_finite());
        let Some(histogram) = Histogram::of("", values)
            .ok()
            .filter(|_| is_finite && !values.is_empty())
        else {
            return;
        };
        let of =
            |choose: fn(f64, f64) -> f64| values.iter().copied().reduce(choose).unwrap_or_default();
        let body = Message::default()
            .double(1, of(f64::min))
            .double(2, of(f64::max))
            .double(3, values.len() as f64)
            .double(4, values.iter().sum())
            .double(5, values.iter().map(|value| value * value).sum())
            .doubles(6, &histogram.edges[1..])
            .doubles(7, &histogram.counts);
        self.summarise(
            time,
            step,
            Message::default().text(1, tag).message(5, &body),
        );
    }

    /// The settings of the run, for the table of hyperparameters.
    pub fn settings(&mut self, time: f64, group: &str, settings: &[(String, Setting)]) {
        let mut session = Message::default();
        for (name, setting) in settings {
            // `google.protobuf.Value`
            let value = match setting {
                Setting::Number(number) => Message::default().double(2, *number),
                Setting::Text(text) => Message::default().text(3, text),
                Setting::Truth(truth) => Message::default().varint(4, u64::from(*truth)),
            };
            let entry = Message::default().text(1, name).message(2, &value);
            session = session.message(1, &entry);
        }
        let session = session.text(4, group).double(5, time);
        self.hyperparameters("_hparams_/session_start_info", time, 3, &session);
    }

    /// How the run ended.
    pub fn ended(&mut self, time: f64, ending: Ending) {
        let session = Message::default().varint(1, ending as u64).double(2, time);
        self.hyperparameters("_hparams_/session_end_info", time, 4, &session);
    }

    /// The bytes of the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn hyperparameters(&mut self, tag: &str, time: f64, field: u32, session: &Message) {
        // Of version 0, which is not written out.
        let content = Message::default().message(field, session);
        let plugin = Message::default().text(1, "hparams").bytes(2, &content.0);
        let metadata = Message::default().message(1, &plugin);
        // A tensor of 32-bit numbers with one axis of length 0, as TensorBoard's own writer has it.
        let shape = Message::default().message(2, &Message::default());
        let nothing = Message::default().varint(1, 1).message(2, &shape);
        let value = Message::default()
            .text(1, tag)
            .message(8, &nothing)
            .message(9, &metadata);
        self.summarise(time, 0, value);
    }

    fn summarise(&mut self, time: f64, step: u64, value: Message) {
        let summary = Message::default().message(1, &value);
        self.push(event(time, step).message(5, &summary));
    }

    /// A record: its length, a check sum of that, its bytes, a check sum of those.
    fn push(&mut self, event: Message) {
        let length = (event.0.len() as u64).to_le_bytes();
        self.bytes.extend(length);
        self.bytes.extend(masked_crc(&length).to_le_bytes());
        self.bytes.extend(&event.0);
        self.bytes.extend(masked_crc(&event.0).to_le_bytes());
    }
}

fn event(time: f64, step: u64) -> Message {
    let event = Message::default().double(1, time);
    // A step of 0 is what a missing one is.
    if step == 0 {
        event
    } else {
        event.varint(2, step)
    }
}

/// A message of protocol buffers under way: fields by their numbers.
#[derive(Clone, Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(&mut self, field: u32, wire: u32) {
        self.number(u64::from(field << 3 | wire));
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint(mut self, field: u32, value: u64) -> Self {
        self.key(field, 0);
        self.number(value);
        self
    }

    fn double(mut self, field: u32, value: f64) -> Self {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn float(mut self, field: u32, value: f32) -> Self {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.key(field, 2);
        self.number(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u32, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    fn doubles(self, field: u32, values: &[f64]) -> Self {
        let packed: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.bytes(field, &packed)
    }
}

/// The CRC of Castagnoli of each byte.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0x82f6_3b78
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8)
    })
}

/// Rotated and shifted, as in records, so that the check sum of what holds check sums is another.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_sums_are_those_of_the_standard() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&ascending), 0x46dd_794e);
    }

    #[test]
    fn the_first_record_is_that_of_other_writers() {
        // From `tensorboard.summary.writer.record_writer.RecordWriter` with `Event(wall_time=1.5, file_version="brain.Event:2")`.
        let bytes = EventFile::new(1.5).into_bytes();
        let expected = FIRST_RECORD.as_chunks::<2>().0.iter();
        let expected: Vec<u8> = expected
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        assert_eq!(bytes, expected);
    }

    const FIRST_RECORD: &[u8] =
        b"1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c";

    #[test]
    fn numbers_that_are_not_finite_have_no_histogram() {
        let mut file = EventFile::new(0.0);
        let before = file.clone().into_bytes();
        file.histogram("a", 0.0, 1, &[]);
        file.histogram("a", 0.0, 1, &[1.0, f64::NAN]);
        file.histogram("a", 0.0, 1, &[1.0, f64::INFINITY]);
        assert_eq!(file.clone().into_bytes(), before);
        file.histogram("a", 0.0, 1, &[1.0, 2.0]);
        assert!(file.into_bytes().len() > before.len());
    }
}

//! Tables of numbers in text: CSV, of which a column or several are what is to be predicted.

use ::csv::{ByteRecord, ErrorKind, ReaderBuilder, Trim};

/// A table whose first row has been looked at. Its fields are read when they are asked for.
#[derive(Debug)]
pub struct Table<'a> {
    text: &'a [u8],
    delimiter: u8,
    has_header: bool,
    /// The names of the columns: those of the header, or their numbers from 1.
    names: Vec<String>,
}

/// Why a table is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// There is no row.
    #[error("it has no row of fields{}", if *.has_header { " after its header" } else { "" })]
    Empty {
        /// Whether there is a header.
        has_header: bool,
    },
    /// Rows have different lengths.
    #[error("line {line} has {found} fields and the first row has {expected}")]
    Ragged {
        /// The line, from 1.
        line: u64,
        /// Its fields.
        found: u64,
        /// Those of the first row.
        expected: u64,
    },
    /// A field is no number.
    #[error("line {line}, column {column}: {}", problem(field))]
    Number {
        /// The line, from 1.
        line: u64,
        /// The column, as messages name it.
        column: String,
        /// The field, shortened.
        field: String,
    },
    /// A field is no text.
    #[error("line {line} is not UTF-8 text")]
    Text {
        /// The line, from 1.
        line: u64,
    },
    /// There is no column of this name.
    #[error("there is no column {name:?}; there are {}", listed(known))]
    Column {
        /// What was asked for.
        name: String,
        /// The columns.
        known: Vec<String>,
    },
    /// Two columns have the name.
    #[error("two columns are named {name:?}")]
    Twice {
        /// The name.
        name: String,
    },
    /// The reader failed.
    #[error("{0}")]
    Other(String),
}

fn problem(field: &str) -> String {
    match (field, field.parse::<f64>()) {
        ("", _) => "the field is empty".to_owned(),
        (_, Ok(_)) => format!("{field:?} is not finite"),
        (_, Err(_)) => format!("{field:?} is no number"),
    }
}

/// The first few names of a list.
fn listed(names: &[String]) -> String {
    const MOST: usize = 12;
    let mut shown: Vec<String> = names
        .iter()
        .take(MOST)
        .map(|name| format!("{name:?}"))
        .collect();
    if names.len() > MOST {
        shown.push(format!("and {} more", names.len() - MOST));
    }
    shown.join(", ")
}

/// What fields may stand between, the first where none occurs.
const DELIMITERS: [u8; 3] = *b",;\t";

impl<'a> Table<'a> {
    /// Looks at the first row. It is a header where the caller says so, or by itself where none of its fields is a
    /// number. Fields stand between what the first line has most of: commas, semicolons or tabs.
    ///
    /// # Errors
    ///
    /// There is no row, or it is no text.
    pub fn open(text: &'a [u8], header: Option<bool>) -> Result<Self, CsvError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let first = text
            .split(|&byte| byte == b'\n')
            .find(|line| !line.trim_ascii().is_empty());
        let count = |delimiter: u8| {
            let line = first.unwrap_or_default().iter();
            line.filter(|&&byte| byte == delimiter).count()
        };
        // Of equals the first.
        let delimiter = DELIMITERS
            .into_iter()
            .rev()
            .max_by_key(|&delimiter| count(delimiter));
        let mut table = Self {
            text,
            delimiter: delimiter.unwrap_or(b','),
            has_header: false,
            names: Vec::new(),
        };
        let mut first = Vec::new();
        table.each_row(|_, row| {
            if first.is_empty() {
                first = row.iter().map(|field| (*field).to_owned()).collect();
            }
            Ok(first.is_empty())
        })?;
        if first.is_empty() {
            return Err(CsvError::Empty { has_header: false });
        }
        let has_number = first.iter().any(|field| field.parse::<f64>().is_ok());
        table.has_header = header.unwrap_or(!has_number);
        table.names = match table.has_header {
            true => first,
            false => (1..=first.len()).map(|number| number.to_string()).collect(),
        };
        Ok(table)
    }

    /// The names of the columns: those of the header, or their numbers from 1.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the first row holds names.
    pub fn has_header(&self) -> bool {
        self.has_header
    }

    /// The place of a column of this name.
    ///
    /// # Errors
    ///
    /// There is none, or there are two.
    pub fn column(&self, name: &str) -> Result<usize, CsvError> {
        let mut places = (0..self.names.len()).filter(|&place| self.names[place] == name);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(CsvError::Twice {
                name: name.to_owned(),
            }),
            (None, _) => Err(CsvError::Column {
                name: name.to_owned(),
                known: self.names.clone(),
            }),
        }
    }

    /// The numbers in some columns, row after row.
    ///
    /// # Errors
    ///
    /// A field is empty, no number or not finite, with its line and column; or there is no row.
    pub fn numbers(&self, columns: &[usize]) -> Result<Vec<f64>, CsvError> {
        let mut numbers = Vec::new();
        let rows = self.each_sample(|start, row| {
            for &column in columns {
                let field = row[column];
                let number = field
                    .parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite());
                numbers.push(number.ok_or_else(|| CsvError::Number {
                    line: self.line_at(start),
                    column: self.title(column),
                    field: field.chars().take(40).collect(),
                })?);
            }
            Ok(())
        })?;
        match rows {
            0 => Err(CsvError::Empty {
                has_header: self.has_header,
            }),
            _ => Ok(numbers),
        }
    }

    /// The texts in a column, without white space around them.
    ///
    /// # Errors
    ///
    /// A row has another length than the first, or is no text; or there is no row.
    pub fn texts(&self, column: usize) -> Result<Vec<String>, CsvError> {
        let mut texts = Vec::new();
        self.each_sample(|_, row| {
            texts.push(row[column].to_owned());
            Ok(())
        })?;
        match texts.is_empty() {
            true => Err(CsvError::Empty {
                has_header: self.has_header,
            }),
            false => Ok(texts),
        }
    }

    /// A column as messages name it.
    pub fn title(&self, column: usize) -> String {
        match self.has_header {
            true => format!("{} ({:?})", column + 1, self.names[column]),
            false => (column + 1).to_string(),
        }
    }

    /// Calls `take` with the start and fields of each row but the header; the answer is how many there are.
    fn each_sample(
        &self,
        mut take: impl FnMut(u64, &[&str]) -> Result<(), CsvError>,
    ) -> Result<usize, CsvError> {
        let mut rows = 0;
        self.each_row(|start, row| {
            if rows > 0 || !self.has_header {
                take(start, row)?;
            }
            rows += 1;
            Ok(true)
        })?;
        Ok(rows - usize::from(self.has_header && rows > 0))
    }

    /// Calls `take` with the start and fields of each row, as long as it wants to go on.
    fn each_row(
        &self,
        mut take: impl FnMut(u64, &[&str]) -> Result<bool, CsvError>,
    ) -> Result<(), CsvError> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .delimiter(self.delimiter)
            .trim(Trim::All)
            .from_reader(self.text);
        let mut record = ByteRecord::new();
        while reader
            .read_byte_record(&mut record)
            .map_err(|error| self.told(&error))?
        {
            let start = record.position().map_or(0, ::csv::Position::byte);
            let fields: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
            let fields = fields.map_err(|_| CsvError::Text {
                line: self.line_at(start),
            })?;
            if !take(start, &fields)? {
                break;
            }
        }
        Ok(())
    }

    /// The line, from 1, of the row that begins at a byte. The reader's own count is of ends of lines that it has passed,
    /// which leaves out the second byte of `\r\n` and the empty lines before a row.
    fn line_at(&self, start: u64) -> u64 {
        let start = self.text.len().min(start as usize);
        let ends = self.text[start..].iter();
        let skipped = ends
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let before = self.text[..start + skipped].iter();
        1 + before.filter(|&&byte| byte == b'\n').count() as u64
    }

    fn told(&self, error: &::csv::Error) -> CsvError {
        match error.kind() {
            ErrorKind::UnequalLengths {
                pos,
                expected_len,
                len,
            } => CsvError::Ragged {
                line: self.line_at(pos.as_ref().map_or(0, ::csv::Position::byte)),
                found: *len,
                expected: *expected_len,
            },
            _ => CsvError::Other(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open(text: &str) -> Table<'_> {
        Table::open(text.as_bytes(), None).unwrap()
    }

    #[test]
    fn a_header_is_a_first_row_without_a_number() {
        let table = open("\u{feff}a, b,species\n1,2,x\n3,4.5,y\n");
        assert_eq!(table.names(), ["a", "b", "species"]);
        assert_eq!(table.numbers(&[1, 0]), Ok(vec![2.0, 1.0, 4.5, 3.0]));
        assert_eq!(table.texts(2).unwrap(), ["x", "y"]);
        assert_eq!(table.column("b"), Ok(1));
        let table = open("5.1,3.5,Iris-setosa\n4.9,3,Iris-setosa");
        assert!(!table.has_header());
        assert_eq!(table.names(), ["1", "2", "3"]);
        assert_eq!(table.numbers(&[0]), Ok(vec![5.1, 4.9]));
    }

    #[test]
    fn the_caller_may_know_better_than_the_first_row() {
        let table = Table::open(b"0,1\n2,3", Some(true)).unwrap();
        assert_eq!(table.names(), ["0", "1"]);
        assert_eq!(table.numbers(&[0, 1]), Ok(vec![2.0, 3.0]));
        let table = Table::open(b"x,y\nz,w", Some(false)).unwrap();
        assert_eq!(table.texts(1).unwrap(), ["y", "w"]);
    }

    #[test]
    fn quotes_semicolons_tabs_and_both_line_ends_are_read() {
        let table = open("a;\"b;c\"\r\n1;2\r\n");
        assert_eq!(table.names(), ["a", "b;c"]);
        assert_eq!(table.numbers(&[0, 1]), Ok(vec![1.0, 2.0]));
        assert_eq!(open("a\tb\n1\t2e3\n").numbers(&[1]), Ok(vec![2000.0]));
    }

    #[test]
    fn fields_that_are_no_numbers_are_named_with_line_and_column() {
        let message = |text: &str| {
            let table = open(text);
            table.numbers(&[0, 1]).unwrap_err().to_string()
        };
        let told = message("a,b\n1,2\n3,four\n");
        assert_eq!(told, "line 3, column 2 (\"b\"): \"four\" is no number");
        assert_eq!(message("1,2\n3,\n"), "line 2, column 2: the field is empty");
        for (text, line) in [
            ("1,2\r\n3,\r\n", 2),
            ("1,2\r\n\r\n3,x\r\n", 3),
            ("\n1,\n", 2),
            ("a,b\r\n1,x\r\n", 2),
        ] {
            let told = message(text);
            assert!(
                told.starts_with(&format!("line {line}, column 2")),
                "{text:?}: {told}"
            );
        }
        assert!(message("1,2\r\n3,4\r\n5\r\n").starts_with("line 3 has 1 fields"));
        assert_eq!(
            message("1,2\n3,nan\n"),
            "line 2, column 2: \"nan\" is not finite"
        );
        assert_eq!(
            message("1,2\n3\n"),
            "line 2 has 1 fields and the first row has 2"
        );
        // A field with a line end in it makes lines of the file more than rows.
        assert!(message("\"a\nx\",b\n1,2\n3,x\n").starts_with("line 4, column 2"));
        assert_eq!(message("a,b\n"), "it has no row of fields after its header");
        let error = Table::open(b"\n", None).unwrap_err();
        assert_eq!(error.to_string(), "it has no row of fields");
        let error = Table::open(b"a,\xff\n", None).unwrap_err();
        assert_eq!(error.to_string(), "line 1 is not UTF-8 text");
    }

    #[test]
    fn columns_that_are_not_there_or_twice_are_named() {
        let table = open("a,b,b\n1,2,3");
        let message = table.column("c").unwrap_err().to_string();
        assert_eq!(
            message,
            "there is no column \"c\"; there are \"a\", \"b\", \"b\""
        );
        let message = table.column("b").unwrap_err().to_string();
        assert_eq!(message, "two columns are named \"b\"");
    }

    proptest! {
        #[test]
        fn numbers_read_back_as_written(
            rows in proptest::collection::vec(proptest::array::uniform3(-1e9_f64..1e9), 1..20),
        ) {
            let lines: Vec<String> = rows.iter().map(|[a, b, c]| format!("{a},{b},{c}")).collect();
            let text = lines.join("\n");
            prop_assert_eq!(open(&text).numbers(&[0, 1, 2]).unwrap(), rows.concat());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(table) = Table::open(&bytes, None) {
                let columns: Vec<usize> = (0..table.names().len()).collect();
                let _ = table.numbers(&columns);
                let _ = table.texts(0);
            }
        }
    }
}

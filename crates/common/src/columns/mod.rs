//! Tables by columns, each of one type, for other programs: as CSV and as Parquet.

mod compact;
mod csv;
mod parquet;

/// The values of a column; none where there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Words.
    Text(Vec<Option<String>>),
    /// Numbers.
    Number(Vec<Option<f64>>),
    /// Whole numbers.
    Count(Vec<Option<i64>>),
    /// Yes or no.
    Truth(Vec<Option<bool>>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Number(values) => values.len(),
            Self::Count(values) => values.len(),
            Self::Truth(values) => values.len(),
        }
    }
}

/// Columns of one length, each with a name of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    columns: Vec<(String, Values)>,
}

impl Columns {
    /// The same with a column more.
    ///
    /// # Panics
    ///
    /// Where it has another length than the others.
    pub fn with(mut self, name: impl Into<String>, values: Values) -> Self {
        assert!(
            self.columns.is_empty() || self.rows() == values.len(),
            "columns are of one length"
        );
        self.columns.push((name.into(), values));
        self
    }

    /// How long the columns are.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, values)| values.len())
    }

    /// The names, in order.
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// As CSV (RFC 4180, lines end in a line feed): all digits, nothing where there is no value.
    pub fn csv(&self) -> String {
        csv::text(self)
    }

    /// As a Parquet file: one type for each column, every column may have gaps, pages packed with gzip.
    ///
    /// # Errors
    ///
    /// Where a column of a row group does not fit the four gigabytes that the format allows.
    pub fn parquet(&self) -> std::io::Result<Vec<u8>> {
        parquet::file(self)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A column of each type, with gaps, quotes and letters of several bytes.
    pub(super) fn all() -> Columns {
        let text = ["a,b", "say \"x\"", "two\nlines", "λ", ""].map(|text| Some(text.to_owned()));
        let numbers = [
            Some(0.1),
            None,
            Some(-1e300),
            Some(f64::INFINITY),
            Some(5e-324),
        ];
        let counts = [Some(i64::MIN), Some(0), None, Some(i64::MAX), Some(-1)];
        let truths = [Some(true), Some(false), None, Some(true), None];
        Columns::default()
            .with("text", Values::Text([&text[..4], &[None]].concat()))
            .with("number, a", Values::Number(numbers.to_vec()))
            .with("count", Values::Count(counts.to_vec()))
            .with("truth", Values::Truth(truths.to_vec()))
    }

    #[test]
    fn csv_is_quoted_where_it_must_be_and_has_all_digits() {
        let expected = "text,\"number, a\",count,truth\n\
            \"a,b\",0.1,-9223372036854775808,true\n\
            \"say \"\"x\"\"\",,0,false\n\
            \"two\nlines\",-1e300,,\n\
            λ,inf,9223372036854775807,true\n\
            ,5e-324,-1,\n";
        assert_eq!(all().csv(), expected);
    }
}

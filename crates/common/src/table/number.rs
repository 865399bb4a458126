//! Numbers as text.

/// Significant digits of a value.
const VALUE: usize = 4;

/// Significant digits of an error: more would be about the error of the error.
const ERROR: usize = 2;

/// How many digits of a number are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Four significant ones.
    Four,
    /// Two significant ones.
    Two,
    /// As many behind the point.
    Decimals(usize),
}

/// A number, with its standard error where it has one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// The number.
    pub value: f64,
    /// Its standard error.
    pub error: Option<f64>,
    /// How much of it is read; machines get all digits.
    pub digits: Digits,
}

impl Number {
    /// A number without an error, four digits of which are read.
    pub fn new(value: f64) -> Self {
        Self {
            value,
            error: None,
            digits: Digits::Four,
        }
    }

    /// With a standard error, where that is known.
    pub fn with_error(self, error: Option<f64>) -> Self {
        Self { error, ..self }
    }

    /// Read to so many digits.
    pub fn to(self, digits: Digits) -> Self {
        Self { digits, ..self }
    }

    /// The value in the digits that are read.
    pub(super) fn figure(&self) -> String {
        match self.digits {
            Digits::Four => significant(self.value),
            Digits::Two => two_digits(self.value),
            Digits::Decimals(decimals) => format!("{:.decimals$}", self.value),
        }
    }

    /// The number with its error, as it stands in running text.
    pub(super) fn plain(&self) -> String {
        match self.error {
            Some(error) => format!("{} ± {}", self.figure(), two_digits(error)),
            None => self.figure(),
        }
    }
}

/// A number with four significant digits, in plain notation where that is short.
pub fn significant(value: f64) -> String {
    with_digits(value, VALUE)
}

/// The end of an interval with three significant digits.
pub fn three_digits(value: f64) -> String {
    with_digits(value, 3)
}

/// An error with two significant digits.
pub fn two_digits(value: f64) -> String {
    with_digits(value, ERROR)
}

fn with_digits(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    // The exponent after rounding: 9.9996 is 10.00, not 10.000.
    let scientific = format!("{value:.*e}", digits - 1);
    let exponent: i32 = scientific
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        scientific
    }
}

/// Whether a change of this size moves a number as it is printed, by half of its last digit or more.
pub fn shows(change: f64, value: f64) -> bool {
    let value = value.abs();
    if value == 0.0 {
        return change > 0.0;
    }
    let last_digit = 10f64.powi(value.log10().floor() as i32 + 1 - VALUE as i32);
    change >= 0.5 * last_digit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_significant_digits() {
        let cases = [
            (0.0, "0"),
            (1.0, "1.000"),
            (9.99996, "10.00"),
            (-0.012346, "-0.01235"),
            (123456.7, "123457"),
            (1234567.0, "1.235e6"),
            (0.00001234, "1.234e-5"),
        ];
        for (value, text) in cases {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn an_error_stands_beside_its_number() {
        let number = Number::new(0.123456);
        assert_eq!(number.plain(), "0.1235");
        assert_eq!(number.with_error(Some(0.00417)).plain(), "0.1235 ± 0.0042");
        assert_eq!(number.to(Digits::Two).plain(), "0.12");
        assert_eq!(number.to(Digits::Decimals(2)).plain(), "0.12");
        assert_eq!(Number::new(f64::NAN).plain(), "NaN");
    }
}

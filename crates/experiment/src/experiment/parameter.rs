//! What a user may change about an experiment: typed parameters with a value for a full and for a quick run.

use std::fmt;

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// How many.
    Count(usize),
    /// A number.
    Number(f64),
    /// Some numbers.
    Numbers(Vec<f64>),
}

impl Value {
    /// The value for a file.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Count(count) => (*count).into(),
            Self::Number(number) => (*number).into(),
            Self::Numbers(numbers) => numbers.clone().into(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(number) => f.write_str(&written(*number)),
            Self::Numbers(numbers) => {
                let numbers: Vec<String> = numbers.iter().copied().map(written).collect();
                write!(f, "[{}]", numbers.join(", "))
            }
        }
    }
}

/// A number as a user writes it, whole ones without a point.
fn written(number: f64) -> String {
    if number != 0.0 && !(1e-4..1e15).contains(&number.abs()) {
        format!("{number:e}")
    } else {
        format!("{number}")
    }
}

/// A parameter as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its key for `--set`.
    pub name: &'static str,
    /// What it is, with its unit where it has one.
    pub meaning: &'static str,
    /// Its value in a full run.
    pub full: Value,
    /// Its value in a quick run.
    pub quick: Value,
    /// The least and the greatest value that make sense, of each number.
    pub allowed: [f64; 2],
}

/// A handle on a parameter: declares it, and names it where its value is read.
pub trait Handle {
    /// What its value is read as.
    type Read;

    /// What the user sees of it.
    fn parameter(&self) -> Parameter;

    /// The value, where it is of this kind.
    fn read(value: &Value) -> Option<Self::Read>;
}

macro_rules! handle {
    ($(#[$words:meta])* $name:ident, $stored:ty, $read:ty, $variant:ident, $convert:expr, $least:expr) => {
        $(#[$words])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            name: &'static str,
            meaning: &'static str,
            full: $stored,
            quick: $stored,
            allowed: [f64; 2],
        }

        impl $name {
            /// A parameter with one value for full and for quick runs.
            pub const fn new(name: &'static str, meaning: &'static str, value: $stored) -> Self {
                Self { name, meaning, full: value, quick: value, allowed: [$least, f64::MAX] }
            }

            /// With another value in quick runs.
            pub const fn quick(self, quick: $stored) -> Self {
                Self { quick, ..self }
            }

            /// With the least and the greatest value that make sense.
            pub const fn allowed(self, least: f64, greatest: f64) -> Self {
                Self { allowed: [least, greatest], ..self }
            }
        }

        impl Handle for $name {
            type Read = $read;

            fn parameter(&self) -> Parameter {
                let value = |stored: $stored| Value::$variant($convert(stored));
                Parameter {
                    name: self.name,
                    meaning: self.meaning,
                    full: value(self.full),
                    quick: value(self.quick),
                    allowed: self.allowed,
                }
            }

            fn read(value: &Value) -> Option<$read> {
                match value {
                    Value::$variant(value) => Some(value.clone()),
                    _ => None,
                }
            }
        }
    };
}

handle!(
    /// A whole number, at least 1 unless it says otherwise.
    Count, usize, usize, Count, |count: usize| count, 1.0
);
handle!(
    /// A number.
    Number, f64, f64, Number, |number: f64| number, -f64::MAX
);
handle!(
    /// A list of numbers.
    Numbers, &'static [f64], Vec<f64>, Numbers, |numbers: &[f64]| numbers.to_vec(), -f64::MAX
);

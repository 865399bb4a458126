//! Axes: what is along them, in which unit, and how far.

use super::FigureError;

/// How numbers are laid along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// By their logarithms where all are positive and the largest is fifty times the smallest or more; else evenly.
    #[default]
    Fitting,
    /// Evenly.
    Linear,
    /// By their logarithms.
    Log,
}

/// The ratio from which a logarithmic axis shows more.
const WIDE: f64 = 50.0;

/// The share of an axis that is left free at each end.
const MARGIN: f64 = 0.04;

/// What is along an axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// The quantity.
    pub name: String,
    /// Its unit; none where the name says what is counted.
    pub unit: Option<String>,
    /// How numbers are laid along it.
    pub scale: Scale,
    /// From where to where; none for what the data take.
    pub range: Option<[f64; 2]>,
    /// Numbers that must be on it.
    pub includes: Vec<f64>,
    /// The names of places 0, 1, ... on an axis that has no numbers.
    pub categories: Option<Vec<String>>,
}

impl Axis {
    /// An axis of a quantity in a unit ("1" is none: say of what it is a ratio or a share).
    pub fn new(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: Some(unit.into()),
            ..Self::default()
        }
    }

    /// An axis whose name is what it counts, such as epochs.
    pub fn counting(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// An axis of things with names.
    pub fn of_categories<S: Into<String>>(
        name: impl Into<String>,
        categories: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            categories: Some(categories.into_iter().map(Into::into).collect()),
            ..Self::counting(name)
        }
    }

    /// The same by logarithms.
    pub fn log(self) -> Self {
        Self {
            scale: Scale::Log,
            ..self
        }
    }

    /// The same evenly.
    pub fn linear(self) -> Self {
        Self {
            scale: Scale::Linear,
            ..self
        }
    }

    /// The same over a range; what lies outside is cut off.
    pub fn over(self, range: [f64; 2]) -> Self {
        Self {
            range: Some(range),
            ..self
        }
    }

    /// The same with a number that must be on it.
    pub fn including(mut self, value: f64) -> Self {
        self.includes.push(value);
        self
    }

    /// Name and unit as they stand beside the axis, with the power of ten that its labels leave out.
    pub(super) fn title(&self, exponent: i32) -> String {
        let power = (exponent != 0).then(|| super::text::power(exponent));
        match (&self.unit, power) {
            (Some(unit), Some(power)) if unit == "1" => format!("{} ({power})", self.name),
            (Some(unit), Some(power)) => format!("{} ({power} {unit})", self.name),
            (Some(unit), None) => format!("{} ({unit})", self.name),
            (None, Some(power)) => format!("{} ({power})", self.name),
            (None, None) => self.name.clone(),
        }
    }

    pub(super) fn check(&self) -> Result<(), FigureError> {
        if self.name.trim().is_empty() {
            return Err(FigureError::Unnamed("the name of an axis"));
        }
        if self
            .unit
            .as_ref()
            .is_some_and(|unit| unit.trim().is_empty())
        {
            return Err(FigureError::Unnamed("the unit of an axis"));
        }
        let Some([low, high]) = self.range else {
            return Ok(());
        };
        let is_sound = low.is_finite() && high.is_finite() && low < high;
        if !is_sound || (self.scale == Scale::Log && low <= 0.0) {
            let axis = self.name.clone();
            return Err(FigureError::Range { axis, low, high });
        }
        Ok(())
    }

    /// Whether numbers are laid by their logarithms, given those that must have a place.
    pub(super) fn is_log(&self, values: &[f64]) -> bool {
        match self.scale {
            Scale::Linear => false,
            Scale::Log => true,
            Scale::Fitting => {
                let all = || {
                    let ends = self.range.iter().flatten();
                    values.iter().chain(&self.includes).chain(ends).copied()
                };
                let (low, high) = extremes(all());
                low > 0.0 && high / low >= WIDE
            }
        }
    }

    /// From where to where it goes, given the numbers that must have a place; none where there are none.
    ///
    /// # Errors
    ///
    /// [`FigureError::Range`] where the numbers are so large that their distance is infinite.
    pub(super) fn span(&self, values: &[f64], is_log: bool) -> Result<Option<Span>, FigureError> {
        if let Some(names) = &self.categories {
            let high = names.len() as f64 - 0.5;
            let span = Span {
                low: -0.5,
                high,
                is_log: false,
            };
            return Ok((!names.is_empty()).then_some(span));
        }
        if let Some([low, high]) = self.range {
            return Ok(Some(Span { low, high, is_log }));
        }
        if values.is_empty() {
            return Ok(None);
        }
        let fits = |value: &f64| !is_log || *value > 0.0;
        let (low, high) = extremes(values.iter().chain(&self.includes).copied().filter(fits));
        let span = Span { low, high, is_log };
        let span = span.widened(&self.includes);
        if span.is_sound() {
            return Ok(Some(span));
        }
        let axis = self.name.clone();
        Err(FigureError::Range { axis, low, high })
    }
}

/// The smallest and the largest; of none infinite, the wrong way round.
fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// From where to where an axis goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its beginning.
    pub low: f64,
    /// Its end.
    pub high: f64,
    /// Whether numbers are laid by their logarithms.
    pub is_log: bool,
}

impl Span {
    /// How far along the axis a number is, from 0 to 1; beyond where it is off the axis, and NaN where it
    /// has no place.
    pub fn place(self, value: f64) -> f64 {
        let [low, high, value] = [self.low, self.high, value].map(|value| self.measure(value));
        if value == f64::NEG_INFINITY {
            return value;
        }
        (value - low) / (high - low)
    }

    /// Whether a number is on the axis.
    pub fn contains(self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    /// The number or its logarithm.
    pub fn measure(self, value: f64) -> f64 {
        match self.is_log {
            true if value <= 0.0 => f64::NEG_INFINITY,
            true => value.log10(),
            false => value,
        }
    }

    fn is_sound(self) -> bool {
        let [low, high] = [self.low, self.high].map(|value| self.measure(value));
        low.is_finite() && high.is_finite() && low < high && (high - low).is_finite()
    }

    /// With some room at both ends, but not beyond a zero that was asked for.
    fn widened(self, includes: &[f64]) -> Self {
        if self.is_log {
            let decades = (self.high / self.low).log10();
            // A single number stands in the middle of a decade.
            let room = 10f64.powf(if decades > 1e-9 {
                MARGIN * decades
            } else {
                0.5
            });
            return Self {
                low: self.low / room,
                high: self.high * room,
                ..self
            };
        }
        let (size, length) = (self.low.abs().max(self.high.abs()), self.high - self.low);
        let room = match length > 1e-9 * size {
            true => MARGIN * length,
            false if size > 0.0 => 0.5 * size,
            false => 1.0,
        };
        let is_floor = |end: f64| end == 0.0 && includes.contains(&0.0);
        Self {
            low: if is_floor(self.low) {
                0.0
            } else {
                self.low - room
            },
            high: if is_floor(self.high) && self.low < 0.0 {
                0.0
            } else {
                self.high + room
            },
            ..self
        }
    }
}

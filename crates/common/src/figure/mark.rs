//! What is drawn in a panel: lines, points, rules, bars, histograms, and fields of values.

use super::{Axis, FigureError};

/// The colour and the dashes of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Which of the colours, counted round; none for what is no data but a reference for them.
    pub colour: Option<usize>,
    /// Which pattern of dashes, counted round; 0 is a solid line.
    pub dash: usize,
}

impl Style {
    /// Of a line to compare data with: a threshold, say.
    pub const REFERENCE: Self = Self {
        colour: None,
        dash: 2,
    };

    /// The dashes of data: that of references is left to them, since a dark colour is not told from theirs.
    const DASHES: [usize; 3] = [0, 1, 3];

    /// Of the data of a place, counted from 0: colours change first, and dashes with them, for those who print in grey.
    pub fn of_place(place: usize) -> Self {
        Self {
            colour: Some(place),
            dash: Self::DASHES[(place % 6 + place / 6) % Self::DASHES.len()],
        }
    }
}

/// How far numbers may be off, and what that says.
#[derive(Clone, Debug, PartialEq)]
pub struct Errors {
    /// For each number how far below it may be; NaN where nothing is known.
    pub down: Vec<f64>,
    /// The same above it.
    pub up: Vec<f64>,
    /// In words, such as "one standard error".
    pub meaning: String,
}

impl Errors {
    /// As far below as above.
    fn even(sizes: Vec<f64>, meaning: impl Into<String>) -> Self {
        Self {
            down: sizes.clone(),
            up: sizes,
            meaning: meaning.into(),
        }
    }
}

/// A range around a line, and what that says.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// The lower ends; NaN where there is none.
    pub low: Vec<f64>,
    /// The upper ends.
    pub high: Vec<f64>,
    /// In words, such as "smallest to largest of 10 seeds".
    pub meaning: String,
}

/// Points joined by a line, which breaks where one is missing (NaN).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What the legend says; marks of one label share one style in all panels. Not in the legend if empty.
    pub label: String,
    /// Where along the horizontal axis.
    pub x: Vec<f64>,
    /// Where along the vertical axis.
    pub y: Vec<f64>,
    /// A range around it.
    pub band: Option<Band>,
    /// Error bars.
    pub errors: Option<Errors>,
    /// Its style; none for one of its own.
    pub style: Option<Style>,
    /// Whether every point is marked; those that stand alone are in any case.
    pub has_markers: bool,
    /// Whether it is thin and pale: one of many.
    pub is_faint: bool,
}

impl Line {
    /// A line through points.
    pub fn new(label: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self {
            label: label.into(),
            x,
            y,
            ..Self::default()
        }
    }

    /// The same with a range around it.
    pub fn with_band(self, low: Vec<f64>, high: Vec<f64>, meaning: impl Into<String>) -> Self {
        let meaning = meaning.into();
        Self {
            band: Some(Band { low, high, meaning }),
            ..self
        }
    }

    /// The same with error bars.
    pub fn with_errors(self, sizes: Vec<f64>, meaning: impl Into<String>) -> Self {
        Self {
            errors: Some(Errors::even(sizes, meaning)),
            ..self
        }
    }

    /// The same with all points marked.
    pub fn with_markers(self) -> Self {
        Self {
            has_markers: true,
            ..self
        }
    }

    /// The same, thin and pale.
    pub fn faint(self) -> Self {
        Self {
            is_faint: true,
            ..self
        }
    }

    /// The same in a style.
    pub fn styled(self, style: Style) -> Self {
        Self {
            style: Some(style),
            ..self
        }
    }
}

/// Points that nothing joins, with a straight line through them where that is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// What the legend says.
    pub label: String,
    /// Where along the horizontal axis.
    pub x: Vec<f64>,
    /// Where along the vertical axis.
    pub y: Vec<f64>,
    /// Error bars.
    pub errors: Option<Errors>,
    /// Whether the line of least squares goes through them: on logarithmic axes, through the logarithms. The
    /// legend says its slope.
    pub has_fit: bool,
    /// Their style; none for one of their own.
    pub style: Option<Style>,
}

impl Points {
    /// Points.
    pub fn new(label: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self {
            label: label.into(),
            x,
            y,
            ..Self::default()
        }
    }

    /// The same with error bars.
    pub fn with_errors(self, sizes: Vec<f64>, meaning: impl Into<String>) -> Self {
        Self {
            errors: Some(Errors::even(sizes, meaning)),
            ..self
        }
    }

    /// The same with the line of least squares.
    pub fn with_fit(self) -> Self {
        Self {
            has_fit: true,
            ..self
        }
    }
}

/// A straight line across the panel at a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What the legend says.
    pub label: String,
    /// Where.
    pub value: f64,
    /// Whether it is at a place of the horizontal axis, and so stands upright.
    pub is_upright: bool,
}

impl Rule {
    /// At a number of the vertical axis.
    pub fn level(label: impl Into<String>, value: f64) -> Self {
        Self {
            label: label.into(),
            value,
            is_upright: false,
        }
    }

    /// At a number of the horizontal axis.
    pub fn upright(label: impl Into<String>, value: f64) -> Self {
        Self {
            is_upright: true,
            ..Self::level(label, value)
        }
    }
}

/// A bar for each category, from zero or another number. The panel's horizontal axis has the categories; where their names have
/// no room side by side, the panel is turned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bars {
    /// What the legend says.
    pub label: String,
    /// One number for each category; NaN where there is none, which is said in its place.
    pub values: Vec<f64>,
    /// Error bars.
    pub errors: Option<Errors>,
    /// What stands at the end of each bar; nothing where there are none.
    pub texts: Vec<String>,
    /// Where they begin: at zero, unless they are ratios, which a logarithmic axis holds.
    pub base: f64,
}

impl Bars {
    /// Bars.
    pub fn new(label: impl Into<String>, values: Vec<f64>) -> Self {
        Self {
            label: label.into(),
            values,
            errors: None,
            texts: Vec::new(),
            base: 0.0,
        }
    }

    /// The same from another number than zero: ratios begin at one.
    pub fn from(self, base: f64) -> Self {
        Self { base, ..self }
    }

    /// The same with error bars.
    pub fn with_errors(self, sizes: Vec<f64>, meaning: impl Into<String>) -> Self {
        Self {
            errors: Some(Errors::even(sizes, meaning)),
            ..self
        }
    }

    /// The same with words at the end of each bar.
    pub fn with_texts(self, texts: Vec<String>) -> Self {
        Self { texts, ..self }
    }

    /// The same with an interval for each bar; NaN where there is none.
    pub fn with_intervals(self, intervals: &[[f64; 2]], meaning: impl Into<String>) -> Self {
        let pairs = || self.values.iter().zip(intervals);
        let errors = Errors {
            down: pairs().map(|(value, [low, _])| value - low).collect(),
            up: pairs().map(|(value, [_, high])| high - value).collect(),
            meaning: meaning.into(),
        };
        Self {
            errors: Some(errors),
            ..self
        }
    }
}

/// How many numbers lie between edges.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// What the legend says.
    pub label: String,
    /// The edges of the bins, ascending; one more than there are counts.
    pub edges: Vec<f64>,
    /// How many, or which share, in each bin.
    pub counts: Vec<f64>,
}

impl Histogram {
    /// A histogram.
    pub fn new(label: impl Into<String>, edges: Vec<f64>, counts: Vec<f64>) -> Self {
        Self {
            label: label.into(),
            edges,
            counts,
        }
    }

    /// Counts numbers in bins of equal width, which cover all of them; what is missing (NaN) is not counted.
    /// The width is that of Freedman & Diaconis 1981, twice the interquartile range over the cube root of the
    /// count, within 1 to 60 bins.
    ///
    /// # Errors
    ///
    /// [`FigureError::Infinite`].
    pub fn of(label: impl Into<String>, values: &[f64]) -> Result<Self, FigureError> {
        let label = label.into();
        finite(&label, "value", values)?;
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
            return Ok(Self::new(label, Vec::new(), Vec::new()));
        };
        let quartile = |part: usize| sorted[part * (sorted.len() - 1) / 4];
        let bin = 2.0 * (quartile(3) - quartile(1)) / (sorted.len() as f64).cbrt();
        let bins = match (high - low) / bin {
            bins if bins.is_finite() => (bins.ceil() as usize).clamp(1, 60),
            _ => 1,
        };
        let (start, length) = match high > low {
            true => (low, high - low),
            false => (low - 0.5 * low.abs().max(1.0), low.abs().max(1.0)),
        };
        let edge = |index: usize| start + length * index as f64 / bins as f64;
        let mut counts = vec![0.0; bins];
        for value in sorted {
            let bin = ((value - start) / length * bins as f64) as usize;
            counts[bin.min(bins - 1)] += 1.0;
        }
        Ok(Self::new(label, (0..=bins).map(edge).collect(), counts))
    }
}

/// Which colours stand for numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// From dark to light, the larger the lighter.
    #[default]
    Sequential,
    /// Two colours that meet at zero, which is white; evenly to both sides.
    Diverging,
}

/// A number for each cell or node of a rectangular grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Along the horizontal axis, ascending: for a heat map the edges of the cells, one more than cells; for
    /// contours the nodes.
    pub x: Vec<f64>,
    /// The same along the vertical axis.
    pub y: Vec<f64>,
    /// The numbers, a row for each place on the vertical axis; NaN where there is none.
    pub values: Vec<Vec<f64>>,
    /// What the numbers are.
    pub colour: Axis,
    /// How they are coloured.
    pub colours: Colours,
}

/// Something drawn in a panel.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// Points joined by a line.
    Line(Line),
    /// Points.
    Points(Points),
    /// A straight line across the panel.
    Rule(Rule),
    /// A bar for each category.
    Bars(Bars),
    /// Counts between edges.
    Histogram(Histogram),
    /// Cells coloured by a number.
    Heat(Field),
    /// Lines of equal numbers; at round ones.
    Contour(Field),
}

macro_rules! into_mark {
    ($($name:ident),+) => {
        $(impl From<$name> for Mark {
            fn from(mark: $name) -> Self {
                Self::$name(mark)
            }
        })+
    };
}

into_mark!(Line, Points, Rule, Bars, Histogram);

impl Mark {
    /// What the legend says; empty where it says nothing.
    pub fn label(&self) -> &str {
        match self {
            Self::Line(Line { label, .. })
            | Self::Points(Points { label, .. })
            | Self::Rule(Rule { label, .. })
            | Self::Bars(Bars { label, .. })
            | Self::Histogram(Histogram { label, .. }) => label,
            Self::Heat(_) | Self::Contour(_) => "",
        }
    }
}

pub(super) fn finite(of: &str, what: &'static str, values: &[f64]) -> Result<(), FigureError> {
    match values.iter().position(|value| value.is_infinite()) {
        None => Ok(()),
        Some(index) => Err(FigureError::Infinite {
            of: of.to_owned(),
            what,
            index,
            value: values[index],
        }),
    }
}

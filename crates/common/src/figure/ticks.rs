//! Which numbers are written along an axis.

use super::axis::Span;
use super::text::width;

/// The most labels on an axis: more are read no better.
const MOST: usize = 7;

/// A mark along an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where.
    pub value: f64,
    /// What is written there; nothing at a mark between those that have a label.
    pub label: Option<String>,
}

/// The marks along an axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ticks {
    /// The marks.
    pub ticks: Vec<Tick>,
    /// The power of ten that the labels leave out and that stands with the axis's unit.
    pub exponent: i32,
}

/// The room that labels have along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Room {
    /// Labels stand side by side, centred at their ticks.
    Beside {
        /// The axis's length.
        length: f64,
        /// The size of the font.
        size: f64,
    },
    /// Labels stand above each other.
    Above {
        /// The axis's length.
        length: f64,
        /// The size of the font.
        size: f64,
    },
}

impl Room {
    /// Whether labels at these places, in ascending order, neither touch nor crowd.
    pub fn holds(self, span: Span, ticks: &[Tick]) -> bool {
        let labelled = || {
            let labels = ticks.iter();
            labels.filter_map(|tick| Some((span.place(tick.value), tick.label.as_deref()?)))
        };
        labelled().zip(labelled().skip(1)).all(|(one, next)| {
            let distance = (next.0 - one.0) * self.length();
            match self {
                Self::Beside { size, .. } => {
                    distance >= 0.5 * (width(one.1, size) + width(next.1, size)) + 0.8 * size
                }
                Self::Above { size, .. } => distance >= 1.6 * size,
            }
        })
    }

    fn length(self) -> f64 {
        match self {
            Self::Beside { length, .. } | Self::Above { length, .. } => length,
        }
    }
}

/// The marks of an axis: round numbers within its range, as many as have room.
pub fn ticks(span: Span, room: Room) -> Ticks {
    if span.is_log {
        log_ticks(span, room)
    } else {
        linear_ticks(span, room)
    }
}

/// The steps 1, 2 and 5 times a power of ten, from the smallest that may have room.
fn linear_ticks(span: Span, room: Room) -> Ticks {
    let least = (span.high - span.low) / MOST as f64;
    let first = least.log10().floor() as i32;
    let steps = (first..first + 4).flat_map(|power| [1, 2, 5].map(|digit| (digit, power)));
    let all: Vec<Ticks> = steps
        .filter_map(|(digit, power)| multiples(span, digit, power))
        .filter(|ticks| !ticks.ticks.is_empty())
        .collect();
    let has_room = |ticks: &&Ticks| ticks.ticks.len() >= 2 && room.holds(span, &ticks.ticks);
    if let Some(best) = all.iter().find(has_room) {
        return best.clone();
    }
    // Two labels tell the scale, if not all of a step have room its outermost; where not even they have, one tells
    // the place.
    let mut outermost = all.iter().rev().filter_map(|ticks| {
        let [first, .., last] = &ticks.ticks[..] else {
            return None;
        };
        let ends = vec![first.clone(), last.clone()];
        room.holds(span, &ends).then_some(Ticks {
            ticks: ends,
            exponent: ticks.exponent,
        })
    });
    if let Some(two) = outermost.next() {
        return two;
    }
    let mut alone = all.into_iter().next_back().unwrap_or_default();
    let middle = alone.ticks.len() / 2;
    alone.ticks = alone.ticks.into_iter().skip(middle).take(1).collect();
    alone
}

/// The multiples of a step within a range; none where they are too many.
fn multiples(span: Span, digit: i32, power: i32) -> Option<Ticks> {
    let step = f64::from(digit) * 10f64.powi(power);
    // What is next to an end counts as at it: ranges end at round numbers that rounding has moved.
    let slack = 1e-9;
    let first = (span.low / step - slack).ceil();
    let last = (span.high / step + slack).floor();
    let count = (last - first + 1.0).max(0.0);
    if count > MOST as f64 {
        return None;
    }
    let numbers: Vec<f64> = (0..count as usize)
        .map(|index| first + index as f64)
        .collect();
    let exponent = exponent_of(numbers.iter().map(|number| (number * step).abs()));
    let decimals = usize::try_from(exponent - power).unwrap_or(0);
    let ticks = numbers.into_iter().map(|number| {
        let value = number * step;
        let shown = number * f64::from(digit) * 10f64.powi(power - exponent);
        Tick {
            value: value.clamp(span.low, span.high),
            label: Some(signed(&format!("{shown:.decimals$}"))),
        }
    });
    Some(Ticks {
        ticks: ticks.collect(),
        exponent,
    })
}

/// The power of ten that labels leave out: none where they are short without.
fn exponent_of(sizes: impl Iterator<Item = f64>) -> i32 {
    let largest = sizes.fold(0.0, f64::max);
    match largest.log10().floor() {
        power if largest > 0.0 && !(-3.0..5.0).contains(&power) => power as i32,
        _ => 0,
    }
}

/// Digits, in tenths, that times powers of ten have labels on a logarithmic axis where it is short; those come first
/// that are read best.
const TENTHS: [&[i32]; 5] = [
    &[10, 20, 30, 40, 50, 60, 70, 80, 90],
    &[10, 20, 50],
    &[10, 12, 15, 20, 25, 30, 40, 50, 60, 80],
    &[10, 15, 20, 30, 50, 70],
    &[10, 30],
];

/// The largest share of a logarithmic axis that has no label while there are labels that would leave less.
const GAP: f64 = 0.45;

/// The ratio of its ends up to which a logarithmic axis is read as well with evenly spaced numbers.
const NARROW: f64 = 10.0;

/// Whether labels are nowhere so far from each other and from the ends of an axis that a part of it cannot be read.
fn leave_no_gap(ticks: &[Tick], span: Span) -> bool {
    let places = ticks.iter().map(|tick| span.place(tick.value));
    let places: Vec<f64> = std::iter::once(0.0).chain(places).chain([1.0]).collect();
    places.windows(2).all(|pair| pair[1] - pair[0] <= GAP)
}

/// Powers of ten; between them such times 2 and 5, or more digits where the range is short; evenly spaced numbers where
/// a range has none of them.
fn log_ticks(span: Span, room: Room) -> Ticks {
    let slack = 1e-9;
    let [low, high] = [span.low, span.high].map(f64::log10);
    let powers: Vec<i32> = ((low - slack).floor() as i32..=(high + slack).ceil() as i32).collect();
    let within = |value: &f64| {
        value.log10() >= low - slack && value.log10() <= high + slack && value.is_normal()
    };
    let of_tenths = |tenths: &[i32]| -> Vec<f64> {
        let values = powers.iter().flat_map(|power| {
            let ten = 10f64.powi(*power);
            tenths
                .iter()
                .map(move |tenths| f64::from(*tenths) / 10.0 * ten)
        });
        values.filter(within).collect()
    };
    let minor = || of_tenths(&[20, 30, 40, 50, 60, 70, 80, 90]);
    let candidates = TENTHS
        .iter()
        .map(|tenths| labelled(&of_tenths(tenths), span));
    let candidates: Vec<Vec<Tick>> = candidates
        .filter(|ticks| (2..=MOST).contains(&ticks.len()) && room.holds(span, ticks))
        .collect();
    if let Some(ticks) = candidates.iter().find(|ticks| leave_no_gap(ticks, span)) {
        return with_minor(ticks.clone(), minor(), span);
    }
    if span.high / span.low <= NARROW {
        let evenly = linear_ticks(span, room);
        if leave_no_gap(&evenly.ticks, span) {
            return evenly;
        }
    }
    if let Some(ticks) = candidates.into_iter().next() {
        return with_minor(ticks, minor(), span);
    }
    let tens = of_tenths(&[10]);
    for stride in [1, 2, 3, 4, 5, 6, 10, 20, 30, 50, 100, 200] {
        let is_kept = |value: &f64| value.log10().round() as i32 % stride == 0;
        let values: Vec<f64> = tens.iter().copied().filter(is_kept).collect();
        let ticks = labelled(&values, span);
        if (2..=MOST).contains(&ticks.len()) && room.holds(span, &ticks) {
            let minor = match stride {
                1 => minor(),
                _ => tens,
            };
            return with_minor(ticks, minor, span);
        }
    }
    // Where round exponents have no room: the outermost powers, or one of them.
    let outermost = [tens.first(), tens.last()];
    let ends: Vec<f64> = outermost.into_iter().flatten().copied().collect();
    for values in [&ends[..], &ends[..ends.len().min(1)]] {
        let ticks = labelled(values, span);
        if tens.len() > 2 && room.holds(span, &ticks) {
            return with_minor(ticks, tens, span);
        }
    }
    linear_ticks(span, room)
}

/// Marks with labels: all as decimals where those are short, else all as powers.
fn labelled(values: &[f64], span: Span) -> Vec<Tick> {
    let is_short = values.iter().all(|value| (9e-4..=2e4).contains(value));
    let label = |value: f64| {
        // A power of ten times a digit, or tenths of it: both are found again by rounding.
        let power = (value.log10() + 1e-9).floor() as i32;
        let tenths = (10.0 * value / 10f64.powi(power)).round() as i64;
        let decimals = i32::from(tenths % 10 != 0);
        match (is_short, tenths) {
            (true, _) => format!("{value:.*}", usize::try_from(decimals - power).unwrap_or(0)),
            (false, 10) => super::text::power(power),
            (false, tenths) => {
                let digit = signed(&format!("{:.*}", decimals as usize, tenths as f64 / 10.0));
                format!("{digit}×{}", super::text::power(power))
            }
        }
    };
    let ticks = values.iter().map(|&value| Tick {
        value: value.clamp(span.low, span.high),
        label: Some(label(value)),
    });
    ticks.collect()
}

/// With marks between them that have no label, unless these would make a grey bar of the axis.
fn with_minor(mut ticks: Vec<Tick>, minor: Vec<f64>, span: Span) -> Ticks {
    const MOST_MINOR: usize = 50;
    if minor.len() <= MOST_MINOR {
        let is_new = |value: &f64| {
            let mut places = ticks.iter().map(|tick| span.place(tick.value));
            let place = span.place(*value);
            places.all(|other| (other - place).abs() > 1e-6)
        };
        let minor: Vec<f64> = minor.into_iter().filter(is_new).collect();
        ticks.extend(minor.into_iter().map(|value| Tick {
            value: value.clamp(span.low, span.high),
            label: None,
        }));
    }
    Ticks { ticks, exponent: 0 }
}

/// A number as text, with a minus sign instead of a hyphen, and no sign at zero.
pub fn signed(number: &str) -> String {
    match number.strip_prefix('-') {
        Some(rest) if rest.chars().all(|digit| digit == '0' || digit == '.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: f64 = 9.0;

    fn beside(length: f64) -> Room {
        Room::Beside { length, size: SIZE }
    }

    fn labels(low: f64, high: f64, is_log: bool, length: f64) -> (Vec<String>, i32) {
        let span = Span { low, high, is_log };
        let Ticks { ticks, exponent } = ticks(span, beside(length));
        let labels = ticks.into_iter().filter_map(|tick| tick.label);
        (labels.collect(), exponent)
    }

    #[test]
    fn linear_ticks_are_round() {
        let of = |low, high| labels(low, high, false, 250.0);
        assert_eq!(of(0.0, 1.0).0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(of(-3.2, 17.0).0, ["0", "5", "10", "15"]);
        assert_eq!(of(-1.0, 1.0).0, ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(
            of(0.0, 4e9),
            (["0", "1", "2", "3", "4"].map(String::from).to_vec(), 9)
        );
        assert_eq!(of(-2e-7, 2e-7).1, -7);
        assert_eq!(of(1e6, 1e6 + 2.0).0[1], "1.0000005");
    }

    #[test]
    fn logarithmic_ticks_are_powers_and_what_lies_between() {
        let of = |low, high| labels(low, high, true, 250.0).0;
        assert_eq!(
            of(1e-12, 1e9),
            ["10⁻¹²", "10⁻⁸", "10⁻⁴", "10⁰", "10⁴", "10⁸"]
        );
        assert_eq!(of(0.01, 100.0), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(of(0.9, 11.0), ["1", "2", "5", "10"]);
        assert_eq!(of(2e-7, 9e-7).first().unwrap(), "2×10⁻⁷");
        assert_eq!(of(1.01, 1.09), ["1.02", "1.04", "1.06", "1.08"]);
        // Less than a decade: labels to both sides of one, in steps that are read.
        assert_eq!(of(0.6, 1.7), ["0.6", "0.8", "1", "1.2", "1.5"]);
        assert_eq!(of(0.93, 1.12), ["0.95", "1.00", "1.05", "1.10"]);
        assert_eq!(of(0.4, 2.6), ["0.5", "1", "2"]);
        assert_eq!(of(0.7, 30.0), ["1", "2", "5", "10", "20"]);
        assert_eq!(of(1e-300, 1e300).len(), 7);
    }

    #[test]
    fn a_power_is_raised() {
        assert_eq!(super::super::text::power(-120), "10⁻¹²⁰");
        assert_eq!(super::super::text::power(4), "10⁴");
        assert_eq!(signed("-0.00"), "0.00");
    }

    fn check(span: Span, room: Room) -> Result<(), TestCaseError> {
        let Ticks { ticks, exponent } = ticks(span, room);
        let labelled: Vec<&Tick> = ticks.iter().filter(|tick| tick.label.is_some()).collect();
        prop_assert!(labelled.len() <= MOST);
        prop_assert!(
            ticks.iter().all(|tick| span.contains(tick.value)),
            "{ticks:?}"
        );
        prop_assert!(room.holds(span, &ticks), "{ticks:?}");
        prop_assert!(
            labelled
                .windows(2)
                .all(|pair| pair[0].value < pair[1].value)
        );
        for tick in labelled {
            let label = tick.label.as_ref().unwrap();
            let said = read(label) * 10f64.powi(exponent);
            let distance = (span.place(said) - span.place(tick.value)).abs();
            prop_assert!(distance < 1e-6, "{label} at {}", tick.value);
        }
        Ok(())
    }

    /// The number that a label says.
    fn read(label: &str) -> f64 {
        let plain: String = label
            .chars()
            .map(|character| match character {
                '−' | '⁻' => '-',
                '⁰' => '0',
                '¹' => '1',
                '²' => '2',
                '³' => '3',
                '⁴'..='⁹' => char::from_digit(u32::from(character) - 0x2070, 10).unwrap(),
                other => other,
            })
            .collect();
        let is_power = label.contains(|character: char| "⁰¹²³⁴⁵⁶⁷⁸⁹".contains(character));
        match (is_power, plain.split_once('×')) {
            (false, _) => plain.parse().unwrap(),
            (true, None) => 10f64.powi(plain[2..].parse().unwrap()),
            (true, Some((digit, power))) => {
                digit.parse::<f64>().unwrap() * 10f64.powi(power[2..].parse().unwrap())
            }
        }
    }

    #[test]
    fn of_three_labels_that_crowd_the_outer_two_are_left() {
        let span = Span {
            low: -99_956.0,
            high: -64_257.0,
            is_log: false,
        };
        let labels = |room: f64| -> Vec<String> {
            let ticks = ticks(span, beside(room)).ticks;
            ticks.into_iter().filter_map(|tick| tick.label).collect()
        };
        assert_eq!(labels(154.47), ["−90000", "−70000"]);
        assert_eq!(labels(300.0), ["−90000", "−80000", "−70000"]);
    }

    proptest! {
        #[test]
        fn linear_ticks_are_within_and_apart_and_say_where_they_are(
            low in -1.0..1.0_f64, length in 1e-3..1.0_f64, power in -20..20_i32, room in 60.0..400.0_f64,
        ) {
            let ten = 10f64.powi(power);
            let span = Span { low: low * ten, high: (low + length) * ten, is_log: false };
            check(span, beside(room))?;
            check(span, Room::Above { length: room, size: SIZE })?;
            let count = ticks(span, beside(room)).ticks.len();
            prop_assert!(count >= 1);
            prop_assert!(room < 150.0 || count >= 2);
        }

        #[test]
        fn logarithmic_ticks_are_within_and_apart_and_say_where_they_are(
            low in -200.0..200.0_f64, length in 1e-3..2.0_f64, room in 60.0..400.0_f64,
        ) {
            let high = (low + 10f64.powf(length) - 1.0).min(300.0);
            let span = Span { low: 10f64.powf(low), high: 10f64.powf(high), is_log: true };
            check(span, beside(room))?;
            check(span, Room::Above { length: room, size: SIZE })?;
            prop_assert!(!ticks(span, beside(room)).ticks.is_empty());
        }
    }
}

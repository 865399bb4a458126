//! What experiments read off results over seeds, and the lines and styles that they draw of it.

use super::Value;
use crate::figure::{Figure, Line, Style, Width};
use crate::statistics::estimate::median;

/// One number of each result.
pub fn each<T>(results: &[T], of: impl Fn(&T) -> f64) -> Vec<f64> {
    results.iter().map(of).collect()
}

/// The numbers of one place, of rows that have a number for each place.
pub fn at<R: AsRef<[f64]>>(rows: &[R], place: usize) -> Vec<f64> {
    rows.iter().map(|row| row.as_ref()[place]).collect()
}

/// The numbers for which something is said, in words: all of a few, or how many there are between which ends.
pub fn tested(numbers: &[f64]) -> String {
    const FEW: usize = 7;
    let written = |number: f64| Value::Number(number).to_string();
    match numbers {
        [] => "none".to_owned(),
        [one] => format!("{} alone", written(*one)),
        _ if numbers.len() <= FEW => {
            let all: Vec<String> = numbers.iter().copied().map(written).collect();
            let (last, others) = all.split_last().expect("there are two or more");
            format!("{} and {last}", others.join(", "))
        }
        [first, .., last] => format!(
            "{} numbers from {} to {}",
            numbers.len(),
            written(*first),
            written(*last)
        ),
    }
}

/// A colour and one of the three patterns of dashes that references leave to data, counted round.
pub const fn style(colour: usize, dash: usize) -> Style {
    Style {
        colour: Some(colour),
        dash: [0, 1, 3][dash % 3],
    }
}

/// The same figure with two panels side by side on the width of a page.
pub fn beside(figure: Figure) -> Figure {
    Figure {
        columns: 2,
        width: Width::Page,
        ..figure
    }
}

/// The medians of curves over draws at the same places, with the range of the middle half of them. What is missing
/// (NaN) in one draw is missing.
pub fn curve(label: impl Into<String>, x: &[f64], draws: &[Vec<f64>]) -> Line {
    let of = |statistic: &dyn Fn(Vec<f64>) -> f64| -> Vec<f64> {
        (0..x.len())
            .map(|place| statistic(at(draws, place)))
            .collect()
    };
    let meaning = format!("the middle half of {} draws", draws.len());
    let quarter = |share: f64| of(&move |numbers| quantile(numbers, share));
    Line::new(label, x.to_vec(), of(&|numbers| median(&numbers))).with_band(
        quarter(0.25),
        quarter(0.75),
        meaning,
    )
}

/// The medians of curves over seeds at the same places, in a band from the smallest to the largest.
pub fn banded<R: AsRef<[f64]>>(label: impl Into<String>, x: &[f64], rows: &[R]) -> Line {
    let of = |statistic: &dyn Fn(Vec<f64>) -> f64| -> Vec<f64> {
        (0..x.len())
            .map(|place| statistic(at(rows, place)))
            .collect()
    };
    let ends = |fold: fn(f64, f64) -> f64| {
        of(&move |numbers| numbers.into_iter().reduce(fold).unwrap_or(f64::NAN))
    };
    let meaning = format!("smallest to largest of {} seeds", rows.len());
    Line::new(label, x.to_vec(), of(&|numbers| median(&numbers))).with_band(
        ends(f64::min),
        ends(f64::max),
        meaning,
    )
}

/// The number below which a share of some numbers lies: one of them, the nearest by rank.
fn quantile(mut numbers: Vec<f64>, share: f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1) as f64;
    let place = (share * last).round() as usize;
    numbers.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tested_is_listed_where_it_is_few() {
        assert_eq!(tested(&[1.0]), "1 alone");
        assert_eq!(tested(&[1.0, 0.5, 1e-6]), "1, 0.5 and 1e-6");
        let many: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(tested(&many), "9 numbers from 1 to 9");
    }
}

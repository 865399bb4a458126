//! From rows of several runs to a line.

use super::{Along, PlottedRun, Span};
use crate::figure::{Line, Mark, Style};
use crate::measure::Circumstances;
use crate::run::Row;
use crate::statistics::{mean, variance};
use std::collections::BTreeMap;

/// A number that runs have measured: a measure, and what it was taken under.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    pub measure: &'static str,
    pub circumstances: Circumstances,
    /// In what it differs from others of the measure, in words.
    pub apart: String,
}

impl Number {
    /// All numbers of a measure that runs have a value of, in the order in which they are met.
    pub fn all(measure: &'static str, runs: &[&PlottedRun]) -> Vec<Self> {
        Self::of_rows(measure, runs.iter().flat_map(|run| &run.rows))
    }

    /// The same of rows.
    pub fn of_rows<'a>(
        measure: &'static str,
        rows: impl IntoIterator<Item = &'a Row>,
    ) -> Vec<Self> {
        let mut found: Vec<&Circumstances> = Vec::new();
        let rows = rows.into_iter();
        for row in rows.filter(|row| row.measurement.name == measure) {
            let circumstances = &row.measurement.circumstances;
            if row.measurement.value.is_some() && !found.contains(&circumstances) {
                found.push(circumstances);
            }
        }
        let parts: Vec<_> = found.iter().map(|of| of.parts()).collect();
        let apart = |own: &[(&str, String)]| -> String {
            let differs = |place: usize| parts.iter().any(|other| other[place] != own[place]);
            let apart = own.iter().enumerate().filter(|(place, _)| differs(*place));
            let apart: Vec<String> = apart
                .map(|(_, (name, value))| format!("{name} {value}"))
                .collect();
            apart.join(", ")
        };
        let named = found.iter().zip(&parts);
        named
            .map(|(circumstances, parts)| Self {
                measure,
                circumstances: (*circumstances).clone(),
                apart: apart(parts),
            })
            .collect()
    }
}

/// A value at a moment of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// The moment, in what training is counted in.
    pub at: f64,
    /// NaN where it could not be measured.
    pub value: f64,
    /// Its standard error; NaN where there is none.
    pub stderr: f64,
}

/// The values of a number in a run, by step.
pub(super) type Track = BTreeMap<u64, Point>;

/// What the rows of a run say of a number.
pub(super) fn track(rows: &[Row], number: &Number, along: Along) -> Track {
    let is_it = |row: &&Row| {
        row.measurement.name == number.measure
            && row.measurement.circumstances == number.circumstances
    };
    let points = rows.iter().filter(is_it).filter_map(|row| {
        let step = row.step?;
        let at = match along {
            Along::Steps => step as f64,
            Along::Epochs => row.epoch?,
        };
        let value = row.measurement.value.unwrap_or(f64::NAN);
        let stderr = row.measurement.stderr().unwrap_or(f64::NAN);
        Some((step, Point { at, value, stderr }))
    });
    points.collect()
}

/// The lines of one number of runs that are samples of one thing: their mean at the steps at which all of them have
/// measured it, with a band; and each run alone, thin, where others have stopped.
pub(super) fn lines(tracks: &[Track], label: &str, style: Style, span: Span) -> Vec<Mark> {
    let tracks: Vec<&Track> = tracks.iter().filter(|track| !track.is_empty()).collect();
    if let [track] = tracks[..] {
        return vec![single(track, label).styled(style).into()];
    }
    let Some(first) = tracks.first() else {
        return Vec::new();
    };
    let is_common = |step: &&u64| tracks.iter().all(|track| track.contains_key(step));
    let common: Vec<u64> = first.keys().filter(is_common).copied().collect();
    let mut marks = Vec::new();
    for track in &tracks {
        let last = common.last().copied().unwrap_or(0);
        let is_beyond = |step: u64| step >= last;
        let tail: Track = track
            .iter()
            .filter(|(step, _)| is_beyond(**step))
            .map(|(step, point)| (*step, *point))
            .collect();
        // From the last common step on; what ends there has no tail.
        if tail.len() > usize::from(!common.is_empty()) {
            // Where there is no mean, the thin lines carry the label.
            let label = if common.is_empty() { label } else { "" };
            marks.push(plain(&tail, label).faint().styled(style).into());
        }
    }
    if !common.is_empty() {
        marks.push(averaged(&tracks, &common, label, span).styled(style).into());
    }
    marks
}

/// Whether a mark is a run alone among several.
pub(super) fn is_tail(mark: &Mark) -> bool {
    matches!(mark, Mark::Line(line) if line.is_faint)
}

fn plain(track: &Track, label: &str) -> Line {
    let x = track.values().map(|point| point.at).collect();
    Line::new(label, x, track.values().map(|point| point.value).collect())
}

/// A run alone, with the errors of its rows.
fn single(track: &Track, label: &str) -> Line {
    let errors: Vec<f64> = track.values().map(|point| point.stderr).collect();
    let line = plain(track, label);
    if errors.iter().all(|error| error.is_nan()) {
        return line;
    }
    line.with_errors(errors, "one standard error of the measurement")
}

fn averaged(tracks: &[&Track], steps: &[u64], label: &str, span: Span) -> Line {
    let points: Vec<Vec<Point>> = steps
        .iter()
        .map(|step| {
            tracks
                .iter()
                .filter_map(|track| track.get(step))
                .copied()
                .collect()
        })
        .collect();
    let x = points.iter().map(|points| points[0].at).collect();
    let summaries: Vec<[f64; 3]> = points
        .iter()
        .map(|points| {
            summary(
                &points.iter().map(|point| point.value).collect::<Vec<_>>(),
                span,
            )
        })
        .collect();
    let of = |index: usize| summaries.iter().map(|summary| summary[index]).collect();
    Line::new(label, x, of(0)).with_band(of(1), of(2), meaning(span, tracks.len()))
}

/// What a band over so many seeds is.
pub(super) fn meaning(span: Span, seeds: usize) -> String {
    match span {
        Span::Range => format!("smallest to largest of {seeds} seeds"),
        Span::Deviation => format!("mean ± one standard deviation over {seeds} seeds"),
    }
}

/// The mean, and the ends of the band; NaN where one value is missing: a mean over the others would be of other runs
/// than the one beside it.
pub(super) fn summary(values: &[f64], span: Span) -> [f64; 3] {
    if values.is_empty() || values.iter().any(|value| value.is_nan()) {
        return [f64::NAN; 3];
    }
    let mean = mean(values);
    match span {
        Span::Range => {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            [
                mean,
                low,
                values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ]
        }
        Span::Deviation => {
            let deviation = variance(values).sqrt();
            [mean, mean - deviation, mean + deviation]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style {
        colour: Some(0),
        dash: 0,
    };

    fn track(values: &[(u64, f64)]) -> Track {
        let points = values.iter().map(|&(step, value)| {
            let point = Point {
                at: step as f64,
                value,
                stderr: f64::NAN,
            };
            (step, point)
        });
        points.collect()
    }

    fn drawn(tracks: &[Track], span: Span) -> Vec<Line> {
        let marks = lines(tracks, "a", STYLE, span).into_iter();
        let drawn = marks.map(|mark| match mark {
            Mark::Line(line) => line,
            other => panic!("{other:?}"),
        });
        drawn.collect()
    }

    #[test]
    fn a_mean_is_over_all_runs_or_there_is_none() {
        let tracks = [
            track(&[(0, 1.0), (1, 2.0), (2, 4.0), (5, 9.0)]),
            track(&[(0, 3.0), (1, f64::NAN), (2, 6.0), (3, 8.0)]),
        ];
        let lines = drawn(&tracks, Span::Range);
        let mean = lines.last().unwrap();
        assert_eq!(mean.x, [0.0, 1.0, 2.0]);
        assert_eq!((mean.y[0], mean.y[2]), (2.0, 5.0));
        assert!(mean.y[1].is_nan());
        let band = mean.band.as_ref().unwrap();
        assert_eq!((band.low[0], band.high[0]), (1.0, 3.0));
        assert_eq!(band.meaning, "smallest to largest of 2 seeds");
        // Beyond the last common step each run stands for itself.
        assert_eq!(
            (&lines[0].x[..], &lines[1].x[..]),
            (&[2.0, 5.0][..], &[2.0, 3.0][..])
        );
        assert!(
            lines[..2]
                .iter()
                .all(|line| line.is_faint && line.label.is_empty())
        );
    }

    #[test]
    fn a_standard_deviation_is_that_of_the_sample() {
        let tracks = [track(&[(0, 1.0)]), track(&[(0, 3.0)])];
        let lines = drawn(&tracks, Span::Deviation);
        let band = lines[0].band.as_ref().unwrap();
        assert!((band.high[0] - 2.0 - 2f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_run_alone_has_the_errors_of_its_rows() {
        let mut alone = track(&[(0, 1.0), (1, 2.0)]);
        assert_eq!(drawn(&[alone.clone()], Span::Range)[0].errors, None);
        alone.get_mut(&1).unwrap().stderr = 0.5;
        let lines = drawn(&[alone, Track::new()], Span::Range);
        assert_eq!(lines[0].errors.as_ref().unwrap().up[1], 0.5);
    }

    #[test]
    fn runs_without_a_common_step_are_drawn_alone_and_named() {
        let lines = drawn(&[track(&[(1, 1.0)]), track(&[(2, 1.0)])], Span::Range);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.is_faint && line.label == "a"));
    }
}

//! Panels of quantities while runs trained.

use super::group::Group;
use super::quantity::{Line as Reference, Quantity};
use super::series::{Number, Track, lines, summary, track};
use super::threshold::threshold;
use super::{Along, Request, Span, What};
use crate::figure::{Axis, Bars, Line, Mark, Panel, Rule, Style};

/// The panels of quantities that runs have rows of. With several groups each measure has a panel of its own, in which
/// colours are groups.
pub(super) fn panels(
    groups: &[Group<'_>],
    quantities: &[Quantity<'_>],
    request: Request,
) -> Vec<Panel> {
    let mut panels = Vec::new();
    for quantity in quantities {
        let all: Vec<_> = groups
            .iter()
            .flat_map(|group| group.runs.iter().copied())
            .collect();
        let measures = quantity.measures.iter();
        let numbers: Vec<(Number, &str)> = measures
            .flat_map(|(measure, word)| {
                let numbers = Number::all(measure, &all).into_iter();
                numbers.map(move |number| (number, *word))
            })
            .collect();
        match groups.len() {
            _ if numbers.is_empty() => {}
            1 => panels.push(panel(groups, quantity, &numbers, request)),
            _ => panels.extend(
                numbers
                    .chunks(1)
                    .map(|number| panel(groups, quantity, number, request)),
            ),
        }
    }
    if request.what == What::Margins {
        panels.extend(classes(groups));
    }
    panels
}

fn panel(
    groups: &[Group<'_>],
    quantity: &Quantity<'_>,
    numbers: &[(Number, &str)],
    request: Request,
) -> Panel {
    let config = &groups[0].runs[0].run.config;
    let mut name = quantity.name.to_owned();
    if let ([(_, word)], true) = (numbers, quantity.measures.len() > 1) {
        name = format!("{name}, {word}");
    }
    let mut y = quantity.unit.axis(name, config);
    // The line of stability is often many times the curvature.
    let is_positive = |(number, _): &(Number, &str)| {
        let runs = groups.iter().flat_map(|group| &group.runs);
        let mut tracks = runs.map(|run| track(&run.rows, number, request.along));
        tracks.all(|track| track.values().all(|point| point.value > 0.0))
    };
    if quantity.line == Reference::OfHessian && numbers.iter().all(is_positive) {
        y = y.log();
    }
    let mut panel = Panel::new(Axis::counting(request.along.as_str()), y);
    if let [(number, _)] = numbers
        && !number.apart.is_empty()
    {
        panel.title = number.apart.clone();
    }
    for (place, group) in groups.iter().enumerate() {
        for (index, (number, word)) in numbers.iter().enumerate() {
            let tracks: Vec<Track> = group
                .runs
                .iter()
                .map(|run| track(&run.rows, number, request.along))
                .collect();
            let (label, colour) = match (groups.len(), numbers.len()) {
                (1, 1) => (String::new(), 0),
                (1, _) => (told(word, &number.apart), index),
                _ => (group.label.clone(), place),
            };
            let style = Style::of_place(colour);
            panel
                .marks
                .extend(lines(&tracks, &label, style, request.span));
        }
    }
    references(&mut panel, groups, quantity, numbers, request.along);
    panel
}

fn told(word: &str, apart: &str) -> String {
    match apart {
        "" => word.to_owned(),
        apart => format!("{word} ({apart})"),
    }
}

/// Adds what the quantity is to be compared with.
fn references(
    panel: &mut Panel,
    groups: &[Group<'_>],
    quantity: &Quantity<'_>,
    numbers: &[(Number, &str)],
    along: Along,
) {
    let is_of_largest = numbers
        .iter()
        .any(|(number, _)| number.measure == "hessian.lambda_max");
    match quantity.line {
        Reference::One => panel
            .marks
            .push(Rule::level("edge of stability", 1.0).into()),
        Reference::OfHessian if is_of_largest => panel.marks.extend(edges(groups, along)),
        Reference::OfHessian | Reference::None => {}
    }
}

/// The lines up to which steps are stable: one where all runs have the same.
fn edges(groups: &[Group<'_>], along: Along) -> Vec<Mark> {
    let mut found: Vec<(String, Track)> = Vec::new();
    for group in groups {
        // Runs of one group have one learning rate and so one line: that of the longest tells it all.
        let tracks = group
            .runs
            .iter()
            .map(|run| threshold(&run.run.config, &run.rows, along));
        let longest = tracks
            .max_by_key(Track::len)
            .filter(|track| !track.is_empty());
        found.extend(longest.map(|track| (group.label.clone(), track)));
    }
    let value = |track: &Track| track.values().next().map_or(f64::NAN, |point| point.value);
    let is_constant = |track: &Track| {
        let first = value(track);
        track
            .values()
            .all(|point| (point.value / first - 1.0).abs() < 1e-6)
    };
    let Some(first) = found.first().map(|(_, track)| value(track)) else {
        return Vec::new();
    };
    let is_one = found
        .iter()
        .all(|(_, track)| is_constant(track) && (value(track) / first - 1.0).abs() < 1e-6);
    if is_one {
        return vec![Rule::level("edge of stability", first).into()];
    }
    let lines = found
        .into_iter()
        .enumerate()
        .map(|(place, (label, track))| {
            let style = Style {
                dash: 1 + place % 3,
                ..Style::REFERENCE
            };
            let label = match groups.len() {
                1 => "edge of stability".to_owned(),
                _ => format!("edge of stability, {label}"),
            };
            let x = track.values().map(|point| point.at).collect();
            let y = track.values().map(|point| point.value).collect();
            Line::new(label, x, y).styled(style).into()
        });
    lines.collect()
}

/// The margins of the classes at the end, as bars.
fn classes(groups: &[Group<'_>]) -> Option<Panel> {
    let all: Vec<_> = groups
        .iter()
        .flat_map(|group| group.runs.iter().copied())
        .collect();
    let numbers: Vec<(Number, String)> = (0..10)
        .zip(CLASSES)
        .filter_map(|(class, measure)| {
            Some((
                Number::all(measure, &all).into_iter().next()?,
                class.to_string(),
            ))
        })
        .collect();
    if numbers.is_empty() {
        return None;
    }
    let names = numbers.iter().map(|(_, class)| class.as_str());
    let y = Axis::new("10th percentile of margins at the end", "logits");
    let mut panel = Panel::new(Axis::of_categories("class", names), y);
    for group in groups {
        let values: Vec<[f64; 2]> = numbers
            .iter()
            .map(|(number, _)| {
                let last = group.runs.iter().filter_map(|run| {
                    let track = track(&run.rows, number, Along::Steps);
                    track.values().last().copied()
                });
                let last: Vec<_> = last.collect();
                let values: Vec<f64> = last.iter().map(|point| point.value).collect();
                let [mean, _, high] = summary(&values, Span::Deviation);
                match last[..] {
                    [alone] => [mean, alone.stderr],
                    _ => [mean, high - mean],
                }
            })
            .collect();
        let sizes: Vec<f64> = values.iter().map(|[_, size]| *size).collect();
        let label = if groups.len() == 1 {
            "by class"
        } else {
            &group.label
        };
        let bars = Bars::new(label, values.iter().map(|[mean, _]| *mean).collect());
        let seeds = group.runs.len();
        panel.marks.push(match seeds {
            _ if sizes.iter().all(|size| size.is_nan()) => bars.into(),
            1 => bars
                .with_errors(sizes, "one standard error of the measurement")
                .into(),
            _ => bars
                .with_errors(sizes, format!("one standard deviation over {seeds} seeds"))
                .into(),
        });
    }
    Some(panel)
}

const CLASSES: [&str; 10] = [
    "margin.class.0",
    "margin.class.1",
    "margin.class.2",
    "margin.class.3",
    "margin.class.4",
    "margin.class.5",
    "margin.class.6",
    "margin.class.7",
    "margin.class.8",
    "margin.class.9",
];

//! What maps of the parameters made of measures, as a figure.

use super::PlotError;
use crate::figure::{Axis, Bars, Figure, Panel, Rule};
use crate::measure::invariance::MapReport;
use crate::table::two_digits;

/// How many measures have room.
pub const MOST: usize = 16;

/// The largest factor that an axis has room for.
const LARGEST: f64 = 1e250;

/// A bar for each measure and map: by how much the map multiplied the measure, from one on a logarithmic axis.
///
/// Measures that have no ratio under a map (they were not measured, or were 0) have no bar there.
///
/// # Errors
///
/// [`PlotError::Empty`] where nothing has a ratio; [`PlotError::Crowded`] where there are more than [`MOST`] measures.
pub fn invariance(reports: &[MapReport]) -> Result<Figure, PlotError> {
    let mut measures: Vec<&str> = Vec::new();
    for line in reports.iter().flat_map(|report| &report.lines) {
        if line.ratio.is_some() && !measures.contains(&line.measure) {
            measures.push(line.measure);
        }
    }
    match measures.len() {
        0 => return Err(PlotError::Empty),
        1..=MOST => (),
        found => return Err(PlotError::Crowded { found, most: MOST }),
    }
    let largest = reports.iter().flat_map(|report| &report.lines);
    let largest = largest.filter_map(|line| line.ratio.filter(|ratio| ratio.is_finite()));
    let largest = largest.fold(1.0, f64::max);
    // Room for what stands at the end of the longest bar.
    let axis = Axis::counting("factor")
        .log()
        .including(largest.powf(1.15).min(LARGEST));
    let mut panel = Panel::new(
        Axis::of_categories("measure", measures.iter().copied()),
        axis,
    );
    for report in reports {
        let ratio = |measure: &&str| {
            let line = report.lines.iter().find(|line| line.measure == *measure);
            let ratio = line.and_then(|line| line.ratio);
            ratio
                .filter(|ratio| *ratio > 0.0 && *ratio <= LARGEST)
                .unwrap_or(f64::NAN)
        };
        let ratios: Vec<f64> = measures.iter().map(ratio).collect();
        let told = |ratio: &f64| format!("×{}", two_digits(*ratio));
        let texts = ratios.iter().map(told).collect();
        let bars = Bars::new(report.map.to_string(), ratios).from(1.0);
        panel = panel.with(bars.with_texts(texts));
    }
    let panel = panel.with(Rule::level("not moved", 1.0));
    let figure = Figure::new("What maps that leave the function alone make of measures");
    Ok(figure.with(panel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Measurement;
    use crate::measure::invariance::{Line, Verdict};
    use crate::reparam::MapKind;

    fn report(measures: &[(&'static str, f64)]) -> MapReport {
        let line = |&(measure, ratio): &(&'static str, f64)| Line {
            map: MapKind::LayerRescaling,
            measure,
            before: Measurement::new(measure, 1.0),
            after: Measurement::new(measure, ratio),
            ratio: Some(ratio),
            allowed: None,
            claimed: false,
            verdict: Verdict::Moved,
        };
        MapReport {
            map: MapKind::LayerRescaling,
            description: String::new(),
            function: None,
            reason: None,
            lines: measures.iter().map(line).collect(),
            seconds: 0.0,
        }
    }

    #[test]
    fn a_bar_is_the_ratio_and_begins_at_one() {
        let reports = [report(&[
            ("hessian.lambda_max", 100.0),
            ("sharpness.asam", 1.0),
        ])];
        let figure = invariance(&reports).unwrap();
        let Some(crate::figure::Mark::Bars(bars)) = figure.panels[0].marks.first() else {
            panic!("no bars");
        };
        assert_eq!(
            (bars.label.as_str(), &bars.values),
            ("layer-rescaling", &vec![100.0, 1.0])
        );
        assert_eq!(bars.base, 1.0);
        figure.svg("figure").unwrap();
    }

    #[test]
    fn too_many_measures_and_none_are_refused() {
        assert!(matches!(invariance(&[]), Err(PlotError::Empty)));
        let many: Vec<(&'static str, f64)> = crate::measure::names()
            .into_iter()
            .take(MOST + 1)
            .map(|name| (name, 1.0))
            .collect();
        let refused = invariance(&[report(&many)]).unwrap_err().to_string();
        insta::assert_snapshot!(refused, @"17 measures, and a figure has room for 16: choose some with --measures");
    }
}

//! The spectral density of a Hessian.

use super::quantity::Unit;
use crate::config::Config;
use crate::figure::{Axis, Figure, Line, Panel};
use crate::linear::Density;

/// Places along the horizontal axis.
const PLACES: usize = 600;

/// The width of the normal curve that each point is drawn as, as a share of the spectrum's extent (Ghorbani, Krishnan & Xiao 2019,
/// sec. 2, who take `σ² = 1e-5` of an extent of 1).
const WIDTH: f64 = 3e-3;

/// Densities below this share of the largest are not drawn.
const FLOOR: f64 = 1e-6;

/// Draws the spectral density of the Hessian of a run, with its error over probes.
pub fn density_figure(density: &Density, config: &Config) -> Figure {
    let points = density.points();
    let ends = points.first().zip(points.last());
    let (low, high) = ends.map_or((0.0, 0.0), |(first, last)| (first.0, last.0));
    let extent = match high - low {
        extent if extent > 0.0 => extent,
        // All eigenvalues are one.
        _ => high.abs().max(1e-12),
    };
    let width = WIDTH * extent;
    let margin = 8.0 * width;
    let step = (extent + 2.0 * margin) / (PLACES - 1) as f64;
    let grid: Vec<f64> = (0..PLACES)
        .map(|place| low - margin + step * place as f64)
        .collect();
    let curve = density.smooth(&grid, width);
    let top = curve.iter().map(|point| point.1).fold(0.0, f64::max);
    let floor = FLOOR * top;
    let shown = |value: f64| if value > floor { value } else { f64::NAN };
    let values = curve.iter().map(|point| shown(point.1)).collect();
    let mut line = Line::new("", grid, values);
    if curve.iter().all(|point| point.2.is_finite()) {
        let side = |sign: f64| {
            let of = |point: &(f64, f64, f64)| {
                let end = (point.1 + sign * point.2).max(floor);
                if point.1 > floor { end } else { f64::NAN }
            };
            curve.iter().map(of).collect()
        };
        let meaning = format!("one standard error over {} probes", density.probes.len());
        line = line.with_band(side(-1.0), side(1.0), meaning);
    }
    let x = Unit::Loss.axis("eigenvalue of the Hessian".to_owned(), config);
    let y = Axis::counting("density").log();
    let mut figure = Figure::new(format!("Spectral density of the Hessian, {}", config.name))
        .with(Panel::new(x.linear(), y).with(line));
    figure.description = format!("{}, seed {}.", config.name, config.seed);
    figure.notes = vec![format!(
        "Each point of the quadrature is drawn as a normal curve of standard deviation {width:.2e}."
    )];
    figure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Mark;

    fn drawn(density: &Density) -> (Line, String) {
        let text = "optimizer.learning_rate = 0.1\ntrain.epochs = 1\n";
        let config = crate::config::parse(text, "x.toml", &[], "x", &[]).unwrap();
        let figure = density_figure(density, &config);
        let Mark::Line(line) = figure.panels[0].marks[0].clone() else {
            panic!("{:?}", figure.panels[0].marks)
        };
        (line, figure.svg("density").unwrap())
    }

    fn density(probes: &[&[(f64, f64)]]) -> Density {
        Density {
            probes: probes.iter().map(|points| points.to_vec()).collect(),
            matvecs: 3,
            converged: true,
        }
    }

    #[test]
    fn a_density_has_its_mass_where_the_eigenvalues_are() {
        let (line, svg) = drawn(&density(&[
            &[(0.0, 0.75), (2.0, 0.25)],
            &[(0.0, 0.65), (2.0, 0.35)],
        ]));
        let step = line.x[1] - line.x[0];
        let mass = |from: f64, to: f64| -> f64 {
            let points = line.x.iter().zip(&line.y);
            let inside = points.filter(|(x, y)| **x > from && **x < to && !y.is_nan());
            inside.map(|(_, y)| y * step).sum()
        };
        assert!((mass(-1.0, 1.0) - 0.7).abs() < 1e-3, "{}", mass(-1.0, 1.0));
        assert!((mass(1.0, 3.0) - 0.3).abs() < 1e-3, "{}", mass(1.0, 3.0));
        // Between them there is nothing to draw.
        let middle = line.x.iter().position(|x| *x > 1.0).unwrap();
        assert!(line.y[middle].is_nan());
        assert!(line.band.is_some());
        assert!(svg.contains("one standard error over 2 probes"), "{svg}");
    }

    #[test]
    fn a_single_probe_has_no_error_and_a_single_eigenvalue_no_extent() {
        let (line, _) = drawn(&density(&[&[(1.5, 1.0)]]));
        assert!(line.band.is_none());
        assert!(line.y.iter().any(|y| *y > 0.0));
        drawn(&density(&[&[(0.0, 1.0)], &[(0.0, 1.0)]]));
    }
}

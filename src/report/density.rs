//! Spectral densities.

use crate::linear::Density;
use crate::table::{Cell, Column, Table};

/// A spectral density: one row per quadrature point, its weight over all probes.
pub fn density_table(density: &Density) -> Table {
    let count = density.probes.len() as f64;
    let points = density.probes.iter().enumerate();
    let rows = points.flat_map(|(probe, points)| {
        points.iter().map(move |&(value, weight)| {
            vec![
                probe.into(),
                Cell::number(value),
                Cell::number(weight / count),
            ]
        })
    });
    Table::new(["probe", "eigenvalue", "weight"].map(Column::number)).with_rows(rows)
}

//! The catalogue of measures.

use super::Report;
use crate::curvature::Matrix;
use crate::measure::{Measure, Preset};
use crate::reparam::MapKind;
use crate::table::{Cell, Column, Page, Table};

/// Which measures there are, and what each claims.
impl Report for [&'static Measure] {
    fn page(&self) -> Page {
        self.records().into()
    }

    fn records(&self) -> Table {
        let columns = [
            Column::text("measure"),
            Column::text("what it is").keyed("meaning"),
            Column::text("survives"),
            Column::text("takes"),
            Column::text("preset"),
            Column::text("of a block").keyed("block"),
            Column::text("source"),
        ];
        Table::new(columns).with_rows(self.iter().map(|measure| row(measure)))
    }
}

fn row(measure: &Measure) -> Vec<Cell> {
    let preset = measure.preset.map_or("", Preset::as_str);
    vec![
        Cell::Code(measure.name.to_owned()),
        measure.description.into(),
        survives(measure).into(),
        takes(measure).into(),
        preset.into(),
        if measure.is_of_block { "yes" } else { "" }.into(),
        measure.source.into(),
    ]
}

/// The maps of the parameters that it claims not to move under.
fn survives(measure: &Measure) -> String {
    if measure.is_check {
        return "reports on a map".to_owned();
    }
    if measure.is_given {
        return "is set, not measured".to_owned();
    }
    let all = MapKind::ALL;
    if all.iter().all(|map| measure.survives(*map)) {
        return "all maps".to_owned();
    }
    let survived = all.iter().filter(|map| measure.survives(**map));
    let survived: Vec<&str> = survived.map(|map| map.short()).collect();
    match survived.as_slice() {
        [] => "no map".to_owned(),
        maps => maps.join(", "),
    }
}

/// What it costs: passes over the samples, or products with which matrices.
fn takes(measure: &Measure) -> String {
    let matrices: Vec<&str> = measure.matrices.iter().copied().map(name).collect();
    match (measure.needs_products(), matrices.as_slice()) {
        (false, _) => "passes".to_owned(),
        (true, []) => "many passes".to_owned(),
        (true, matrices) => format!("products with {}", matrices.join(", ")),
    }
}

fn name(matrix: Matrix) -> &'static str {
    match matrix {
        Matrix::Hessian => "the Hessian",
        Matrix::GaussNewton => "the Gauss-Newton matrix",
        Matrix::Residual => "Hessian minus Gauss-Newton",
        Matrix::SecondMoment => "the second moment of gradients",
        Matrix::NoiseCovariance => "the covariance of gradients",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::find;

    #[test]
    fn a_measure_says_what_it_survives_and_takes() {
        let of = |name: &str| find(name).unwrap();
        assert_eq!(survives(of("accuracy.test")), "all maps");
        assert_eq!(
            survives(of("hessian.lambda_max")),
            "permutation, orthogonal"
        );
        assert_eq!(
            survives(of("reparam.rescale.lambda_max")),
            "reports on a map"
        );
        assert_eq!(takes(of("accuracy.test")), "passes");
        assert_eq!(takes(of("hessian.lambda_max")), "products with the Hessian");
    }
}

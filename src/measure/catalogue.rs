//! All measures, put together from the families.

use super::declaration::{Family, Measure, Preset};
use super::{
    balance, calibration, curvature, evaluation, kernel, learning_coefficient, margin, noise, norm,
    reparam, representation, run, sharpness, stability, step,
};
use crate::curvature::Matrix;
use crate::data::Task;

/// Every family, in the order of tables.
const FAMILIES: &[Family] = &[
    evaluation::FAMILY,
    calibration::FAMILY,
    margin::FAMILY,
    norm::FAMILY,
    representation::FAMILY,
    kernel::FAMILY,
    balance::FAMILY,
    curvature::FAMILY,
    stability::FAMILY,
    step::FAMILY,
    noise::FAMILY,
    sharpness::keskar::FAMILY,
    sharpness::worst_case::FAMILY,
    sharpness::average::FAMILY,
    sharpness::quadratic::FAMILY,
    sharpness::directional::FAMILY,
    sharpness::relative_flatness::FAMILY,
    sharpness::critical::FAMILY,
    sharpness::noise_threshold::FAMILY,
    sharpness::pac_bayes::FAMILY,
    learning_coefficient::FAMILY,
    reparam::FAMILY,
    run::FAMILY,
];

/// Every measure, in the order of tables.
pub fn catalogue() -> impl Iterator<Item = &'static Measure> {
    FAMILIES.iter().copied().flatten()
}

/// The measure of a name.
pub fn find(name: &str) -> Option<&'static Measure> {
    catalogue().find(|measure| measure.name == name)
}

/// All names, for checks and suggestions.
pub fn names() -> Vec<&'static str> {
    catalogue().map(|measure| measure.name).collect()
}

impl Preset {
    /// The measures of the preset that mean something where this is to be predicted.
    pub fn measures(self, task: Task) -> Vec<&'static str> {
        let belongs = |measure: &&Measure| match self {
            Preset::Off => false,
            Preset::Light => measure.preset == Some(Preset::Light) && measure.applies_to(task),
            Preset::Full => measure.preset.is_some() && measure.applies_to(task),
        };
        let measures = catalogue().filter(belongs);
        measures.map(|measure| measure.name).collect()
    }
}

/// The matrices that some measures multiply by, each once.
pub fn matrices<'a>(measures: impl IntoIterator<Item = &'a Measure>) -> Vec<Matrix> {
    let mut matrices = Vec::new();
    for &matrix in measures.into_iter().flat_map(|measure| measure.matrices) {
        if !matrices.contains(&matrix) {
            matrices.push(matrix);
        }
    }
    matrices
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: Task = Task::Classification;

    #[test]
    fn presets_hold_what_the_task_has() {
        let of = |task| Preset::Full.measures(task);
        let (classes, numbers) = (of(Task::Classification), of(Task::Regression));
        assert!(classes.contains(&"accuracy.test") && !classes.contains(&"r2.test"));
        assert!(numbers.contains(&"r2.test") && !numbers.contains(&"accuracy.test"));
        assert!(
            !numbers.iter().any(|name| name.starts_with("margin")),
            "{numbers:?}"
        );
        assert!(numbers.contains(&"hessian.lambda_max"));
    }

    #[test]
    fn names_are_unique_and_found() {
        for name in names() {
            assert_eq!(names().iter().filter(|other| **other == name).count(), 1);
            assert_eq!(find(name).unwrap().name, name);
        }
    }

    #[test]
    fn presets_are_nested() {
        let (light, full) = (Preset::Light.measures(TASK), Preset::Full.measures(TASK));
        assert!(Preset::Off.measures(TASK).is_empty());
        assert!(light.iter().all(|name| full.contains(name)));
        assert!(full.contains(&"hessian.lambda_max") && !light.contains(&"hessian.lambda_max"));
    }

    #[test]
    fn a_light_measure_needs_no_products() {
        for name in Preset::Light.measures(TASK) {
            assert!(!find(name).unwrap().needs_products(), "{name}");
        }
    }

    #[test]
    fn what_multiplies_by_a_matrix_says_by_which() {
        let matrices_of = |name: &str| matrices([find(name).unwrap()]);
        assert_eq!(matrices_of("moment.trace"), [Matrix::SecondMoment]);
        assert_eq!(matrices_of("norm.l2"), []);
        let all = matrices(catalogue());
        assert_eq!(all.len(), 5, "{all:?}");
    }
}

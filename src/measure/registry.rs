//! The catalogue of measures.

pub use crate::config::Preset;

/// What a measure claims under a rescaling of layers that leaves the function alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescaling {
    /// It depends on the function only, so it cannot move.
    Invariant,
    /// It depends on the parameters and moves.
    Moves,
    /// It is itself a check of such a map.
    Check,
}

/// An entry of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The name in rows, tables and configs.
    pub name: &'static str,
    /// One line on what it is, with its unit where it has one.
    pub description: &'static str,
    /// What it claims under layer rescaling.
    pub rescaling: Rescaling,
}

const fn entry(name: &'static str, rescaling: Rescaling, description: &'static str) -> Measure {
    Measure {
        name,
        description,
        rescaling,
    }
}

/// Every measure, in the order of tables.
pub const MEASURES: &[Measure] = &[
    entry(
        "loss.train",
        Rescaling::Invariant,
        "mean loss over training samples (cross-entropy in nats)",
    ),
    entry(
        "loss.test",
        Rescaling::Invariant,
        "mean loss over test samples (cross-entropy in nats)",
    ),
    entry("gap.loss", Rescaling::Invariant, "loss.test - loss.train"),
    entry(
        "accuracy.train",
        Rescaling::Invariant,
        "share of training samples classified right",
    ),
    entry(
        "accuracy.test",
        Rescaling::Invariant,
        "share of test samples classified right",
    ),
    entry(
        "margin.min",
        Rescaling::Invariant,
        "smallest output margin, z_y - max_{k!=y} z_k, over training samples",
    ),
    entry(
        "margin.p10",
        Rescaling::Invariant,
        "10th percentile of the output margins",
    ),
    entry(
        "margin.median",
        Rescaling::Invariant,
        "median of the output margins",
    ),
    entry(
        "gradient.norm",
        Rescaling::Moves,
        "Euclidean norm of the gradient of the training loss",
    ),
    entry(
        "norm.l2",
        Rescaling::Moves,
        "Euclidean norm of the parameters",
    ),
    entry(
        "distance.init",
        Rescaling::Moves,
        "Euclidean distance of the parameters from their starting point",
    ),
    entry(
        "hessian.lambda_max",
        Rescaling::Moves,
        "largest eigenvalue of the Hessian of the training loss, by Lanczos",
    ),
    entry(
        "hessian.lambda_min",
        Rescaling::Moves,
        "smallest (most negative) eigenvalue of the Hessian, by Lanczos",
    ),
    entry(
        "hessian.trace",
        Rescaling::Moves,
        "trace of the Hessian, by Hutchinson's estimator",
    ),
    entry(
        "reparam.rescale.outputs",
        Rescaling::Check,
        "largest change of an output, relative to the largest output, under first layer x10, second /10",
    ),
    entry(
        "reparam.rescale.lambda_max",
        Rescaling::Check,
        "hessian.lambda_max after that map, as a multiple of its value before",
    ),
];

/// The catalogue's entry of a name.
pub fn find(name: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.name == name)
}

/// All names, for checks and suggestions.
pub fn names() -> Vec<&'static str> {
    MEASURES.iter().map(|measure| measure.name).collect()
}

impl Preset {
    /// The measures of the preset.
    pub fn measures(self) -> Vec<&'static str> {
        let is_light = |name: &str| !name.starts_with("hessian.") && !name.starts_with("reparam.");
        match self {
            Preset::Off => Vec::new(),
            Preset::Light => names().into_iter().filter(|name| is_light(name)).collect(),
            Preset::Full => names()
                .into_iter()
                .filter(|&name| name != "hessian.lambda_min")
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for name in names() {
            assert_eq!(names().iter().filter(|other| **other == name).count(), 1);
            assert_eq!(find(name).unwrap().name, name);
        }
    }

    #[test]
    fn presets_are_nested() {
        let (light, full) = (Preset::Light.measures(), Preset::Full.measures());
        assert!(Preset::Off.measures().is_empty());
        assert!(light.iter().all(|name| full.contains(name)));
        assert!(full.contains(&"hessian.lambda_max") && !light.contains(&"hessian.lambda_max"));
    }
}

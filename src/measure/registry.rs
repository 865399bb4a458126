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
        "hessian.lambda_2",
        Rescaling::Moves,
        "second largest eigenvalue of the Hessian",
    ),
    entry(
        "hessian.lambda_3",
        Rescaling::Moves,
        "third largest eigenvalue of the Hessian",
    ),
    entry(
        "hessian.lambda_4",
        Rescaling::Moves,
        "fourth largest eigenvalue of the Hessian",
    ),
    entry(
        "hessian.lambda_5",
        Rescaling::Moves,
        "fifth largest eigenvalue of the Hessian",
    ),
    entry(
        "hessian.lambda_max.adaptive",
        Rescaling::Invariant,
        "largest eigenvalue of D H D, D = diag|parameters|: curvature per relative change",
    ),
    entry(
        "hessian.trace",
        Rescaling::Moves,
        "trace of the Hessian, by Hutchinson's estimator",
    ),
    entry(
        "hessian.frobenius",
        Rescaling::Moves,
        "Frobenius norm of the Hessian, from random products",
    ),
    entry(
        "hessian.stable_rank",
        Rescaling::Moves,
        "squared Frobenius over squared spectral norm of the Hessian",
    ),
    entry(
        "ggn.lambda_max",
        Rescaling::Moves,
        "largest eigenvalue of the generalised Gauss-Newton matrix",
    ),
    entry(
        "ggn.trace",
        Rescaling::Moves,
        "trace of the Gauss-Newton matrix",
    ),
    entry(
        "ggn.frobenius",
        Rescaling::Moves,
        "Frobenius norm of the Gauss-Newton matrix",
    ),
    entry(
        "ggn.effective_rank",
        Rescaling::Moves,
        "trace over largest eigenvalue of the Gauss-Newton matrix",
    ),
    entry(
        "residual.frobenius",
        Rescaling::Moves,
        "Frobenius norm of Hessian minus Gauss-Newton",
    ),
    entry(
        "stability.gd",
        Rescaling::Moves,
        "learning rate times hessian.lambda_max / 2: gradient descent is stable below 1",
    ),
    entry(
        "stability.tracked",
        Rescaling::Moves,
        "number of Hessian eigenvalues above 1.5 / learning rate",
    ),
    entry(
        "noise.trace",
        Rescaling::Moves,
        "trace of the covariance of one sample's gradient",
    ),
    entry(
        "noise.lambda_max",
        Rescaling::Moves,
        "largest eigenvalue of that covariance",
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
    entry(
        "reparam.rescale.adaptive",
        Rescaling::Check,
        "hessian.lambda_max.adaptive after that map, as a multiple of its value before: 1",
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

/// The families that cost no matrix-vector product.
const LIGHT: [&str; 7] = [
    "loss", "accuracy", "gap", "margin", "gradient", "norm", "distance",
];

/// Whether a measure needs products with a curvature matrix.
pub fn needs_products(name: &str) -> bool {
    !LIGHT.contains(&name.split('.').next().unwrap_or_default())
}

impl Preset {
    /// The measures of the preset.
    pub fn measures(self) -> Vec<&'static str> {
        let curvature = [
            "hessian.lambda_max",
            "hessian.lambda_max.adaptive",
            "hessian.trace",
            "stability.gd",
        ];
        names()
            .into_iter()
            .filter(|name| {
                let family = name.split('.').next().unwrap_or_default();
                let is_light = !needs_products(name);
                match self {
                    Preset::Off => false,
                    Preset::Light => is_light,
                    Preset::Full => is_light || family == "reparam" || curvature.contains(name),
                }
            })
            .collect()
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

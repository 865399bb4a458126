//! The catalogue of measures, put together from the families.

use super::session::{Failure, Session};
use super::{
    Measurement, curvature, evaluation, margin, noise, norm, reparam, run, sharpness, stability,
};
use crate::reparam::MapKind;

/// What a measure takes, in passes over its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// At most a few evaluations or one gradient.
    Passes,
    /// Products with a curvature matrix, or an iteration of gradients.
    Products,
}

/// An entry of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The name in rows, tables and configs.
    pub name: &'static str,
    /// One line on what it is, with its unit where it has one.
    pub description: &'static str,
    /// The paper and place its definition is taken from; empty where it needs none.
    pub source: &'static str,
    /// What it takes.
    pub cost: Cost,
    /// The function-preserving maps it claims not to move under.
    pub invariant_under: &'static [MapKind],
    /// Whether it reports on a map, and so is neither invariant nor moved.
    pub is_check: bool,
    /// Whether the user has set it, so that no run says anything about it.
    pub is_given: bool,
    /// The smallest preset it belongs to; none where it is measured by name only.
    pub preset: Option<Preset>,
}

impl Measure {
    /// A measure that depends on the parameters in a way no map but an isometry leaves alone,
    /// needs products, and is taken by name only.
    pub(super) const fn new(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            source: "",
            cost: Cost::Products,
            invariant_under: MapKind::ISOMETRIES,
            is_check: false,
            is_given: false,
            preset: None,
        }
    }

    /// Where the definition stands.
    pub(super) const fn from(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// Costs no more than a few passes; part of every preset.
    pub(super) const fn light(self) -> Self {
        Self {
            cost: Cost::Passes,
            preset: Some(Preset::Light),
            ..self
        }
    }

    /// Costs no more than a few passes.
    pub(super) const fn passes(self) -> Self {
        Self {
            cost: Cost::Passes,
            ..self
        }
    }

    /// Part of the full preset.
    pub(super) const fn full(self) -> Self {
        Self {
            preset: Some(Preset::Full),
            ..self
        }
    }

    /// What it claims to survive.
    pub(super) const fn invariant(self, invariant_under: &'static [MapKind]) -> Self {
        Self {
            invariant_under,
            ..self
        }
    }

    /// A report on a map.
    pub(super) const fn check(self) -> Self {
        Self {
            is_check: true,
            ..self
        }
    }

    /// Set by the user, not found by a run.
    pub(super) const fn given(self) -> Self {
        Self {
            is_given: true,
            ..self
        }
    }

    /// Whether it claims not to move under a map.
    pub fn survives(&self, map: MapKind) -> bool {
        self.invariant_under.contains(&map)
    }
}

/// Measures of one idea, and what computes them.
pub(super) struct Family {
    pub measures: &'static [Measure],
    pub measure: fn(&mut Session<'_>, &str) -> Result<Measurement, Failure>,
}

/// Every family, in the order of tables.
const FAMILIES: &[&Family] = &[
    &evaluation::FAMILY,
    &margin::FAMILY,
    &norm::FAMILY,
    &curvature::FAMILY,
    &stability::FAMILY,
    &noise::FAMILY,
    &sharpness::keskar::FAMILY,
    &sharpness::worst_case::FAMILY,
    &sharpness::average::FAMILY,
    &sharpness::quadratic::FAMILY,
    &sharpness::relative_flatness::FAMILY,
    &sharpness::critical::FAMILY,
    &sharpness::noise_threshold::FAMILY,
    &sharpness::pac_bayes::FAMILY,
    &reparam::FAMILY,
    &run::FAMILY,
];

/// Every measure, in the order of tables.
pub fn catalogue() -> impl Iterator<Item = &'static Measure> {
    FAMILIES.iter().flat_map(|family| family.measures)
}

/// The catalogue's entry of a name.
pub fn find(name: &str) -> Option<&'static Measure> {
    catalogue().find(|measure| measure.name == name)
}

/// The family of a name.
pub(super) fn family(name: &str) -> Option<&'static Family> {
    let belongs = |family: &Family| family.measures.iter().any(|measure| measure.name == name);
    FAMILIES.iter().copied().find(|family| belongs(family))
}

/// All names, for checks and suggestions.
pub fn names() -> Vec<&'static str> {
    catalogue().map(|measure| measure.name).collect()
}

/// Whether a measure needs products with a curvature matrix.
pub fn needs_products(name: &str) -> bool {
    find(name).is_none_or(|measure| measure.cost == Cost::Products)
}

words! {
    /// A ready-made set of measures (`hooks.preset`).
    Preset {
        /// No measures.
        #[default]
        Off = "off",
        /// What costs little.
        Light = "light",
        /// Everything.
        Full = "full",
    }
}

impl Preset {
    /// The measures of the preset.
    pub fn measures(self) -> Vec<&'static str> {
        let belongs = |measure: &&Measure| match self {
            Preset::Off => false,
            Preset::Light => measure.preset == Some(Preset::Light),
            Preset::Full => measure.preset.is_some(),
        };
        catalogue()
            .filter(belongs)
            .map(|measure| measure.name)
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

    #[test]
    fn a_light_measure_needs_no_products() {
        for name in Preset::Light.measures() {
            assert!(!needs_products(name), "{name}");
        }
    }
}

//! What is known of the training before, at the image of a point.

use crate::linear::{LinearError, WarmStart};
use crate::measure::failure::Failure;
use crate::measure::step_rule::StepRule;
use crate::measure::subject::{LastStep, Subject, WarmStarts};
use crate::params::Parameters;
use crate::reparam::{MapKind, ParameterMap};

/// The image of the last step, as far as a map of the parameters has one: its starting point always; gradients and
/// eigenvectors where the map is an isometry, because only then do they move like parameters; Adam's diagonal where
/// it is an exchange of places.
pub(super) struct History {
    before: Option<Parameters>,
    gradient: Option<Parameters>,
    eigenvectors: Option<WarmStarts>,
    preconditioner: Option<Vec<f64>>,
}

impl History {
    /// The image of what a subject knows.
    pub fn under(map: &ParameterMap, subject: &Subject<'_>) -> Result<Self, Failure> {
        let is_isometry = MapKind::ISOMETRIES.contains(&map.kind());
        let image = |vector: &Parameters| {
            let values = map.apply(&vector.to_host().map_err(Failure::device)?);
            let (layout, compute) = (vector.layout(), subject.objective.compute());
            Ok::<_, Failure>(Parameters::from_host(layout, &values, compute))
        };
        let last = subject.last_step;
        let gradient = last.and_then(|step| step.gradient);
        // Eigenvectors of a block are no vectors of the parameters.
        let past = subject.past.filter(|_| subject.block.is_none());
        let preconditioner = match subject.step_rule {
            Some(StepRule::Adaptive { preconditioner, .. }) => preconditioner,
            _ => None,
        };
        Ok(Self {
            before: last.map(|step| image(step.before)).transpose()?,
            gradient: gradient.filter(|_| is_isometry).map(image).transpose()?,
            eigenvectors: past
                .filter(|_| is_isometry)
                .map(|past| images(map, past, subject))
                .transpose()?,
            preconditioner: preconditioner
                .filter(|_| map.kind() == MapKind::Permutation)
                .map(|diagonal| map.apply(diagonal)),
        })
    }

    /// A subject that knows this.
    pub fn of<'a>(&'a self, subject: Subject<'a>) -> Subject<'a> {
        let step_rule = subject.step_rule.map(|rule| match rule {
            StepRule::Adaptive {
                momentum,
                penalty,
                decay,
                ..
            } => StepRule::Adaptive {
                momentum,
                penalty,
                decay,
                preconditioner: self.preconditioner.as_deref(),
            },
            rule @ (StepRule::Descent { .. } | StepRule::Other { .. }) => rule,
        });
        Subject {
            step_rule,
            past: self.eigenvectors.as_ref(),
            last_step: self.before.as_ref().map(|before| LastStep {
                before,
                gradient: self.gradient.as_ref(),
            }),
            ..subject
        }
    }
}

/// The images of eigenvectors.
fn images(
    map: &ParameterMap,
    past: &WarmStarts,
    subject: &Subject<'_>,
) -> Result<WarmStarts, LinearError> {
    let precision = subject.objective.compute().precision;
    let image = |(name, found): (&String, &WarmStart)| {
        let pairs = found.values().iter().enumerate();
        let pairs = pairs.map(|(place, &value)| (value, map.apply(&found.vector(place))));
        let pairs: Vec<_> = pairs.collect();
        Ok((name.clone(), WarmStart::new(&pairs, precision)?))
    };
    past.iter().map(image).collect()
}

//! What the parts of training keep from step to step, as plain numbers for a checkpoint.

use super::{Layout, Parameters};
use crate::backend::Compute;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The states of all parts of training, by the name of the part.
pub type Parts = BTreeMap<String, SavedState>;

/// The counter and the vectors that a part of training keeps from step to step: the moments of an
/// update rule, say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedState {
    /// Steps made.
    pub steps: u64,
    /// Vectors by name: of the layout of the parameters, or a few numbers.
    pub vectors: Vec<(String, Vec<f64>)>,
}

impl SavedState {
    /// A state of vectors that exist once a step has been made.
    ///
    /// # Errors
    ///
    /// The device's message where a vector cannot be read.
    pub fn of(steps: u64, vectors: &[(&str, Option<&Parameters>)]) -> Result<Self, String> {
        let read = |(name, vector): &(&str, Option<&Parameters>)| {
            let vector = vector.as_ref()?;
            Some(vector.to_host().map(|values| ((*name).to_owned(), values)))
        };
        let vectors = vectors.iter().filter_map(read);
        Ok(Self {
            steps,
            vectors: vectors.collect::<Result<_, String>>()?,
        })
    }

    /// Takes a vector out, on its device; none before the first step.
    ///
    /// # Errors
    ///
    /// A sentence on the vector that is missing or of another length.
    pub fn take(
        &mut self,
        name: &str,
        layout: &Arc<Layout>,
        compute: &Compute,
    ) -> Result<Option<Parameters>, String> {
        let Some(values) = self.take_all(name)? else {
            return Ok(None);
        };
        match (values.len(), layout.len()) {
            (found, needed) if found == needed => {
                Ok(Some(Parameters::from_host(layout, &values, compute)))
            }
            (found, needed) => Err(format!(
                "its `{name}` has {found} numbers, the model has {needed} parameters"
            )),
        }
    }

    /// Takes any number of numbers out; none before the first step.
    ///
    /// # Errors
    ///
    /// A sentence where they are missing.
    pub fn take_all(&mut self, name: &str) -> Result<Option<Vec<f64>>, String> {
        match self.vectors.iter().position(|(other, _)| other == name) {
            Some(place) => Ok(Some(self.vectors.swap_remove(place).1)),
            None => match self.steps {
                0 => Ok(None),
                steps => Err(format!("it has no `{name}` after {steps} steps")),
            },
        }
    }

    /// Takes so many numbers out; none before the first step.
    ///
    /// # Errors
    ///
    /// A sentence on the numbers that are missing, or of which there are others.
    pub fn take_numbers(&mut self, name: &str, count: usize) -> Result<Option<Vec<f64>>, String> {
        let Some(values) = self.take_all(name)? else {
            return Ok(None);
        };
        match values.len() {
            found if found == count => Ok(Some(values)),
            found => Err(format!(
                "its `{name}` has {found} numbers, expected {count}"
            )),
        }
    }

    /// The steps made, once everything has been taken out.
    ///
    /// # Errors
    ///
    /// A sentence on what nobody has taken out.
    pub fn finish(self) -> Result<u64, String> {
        match self.vectors.first() {
            Some((name, _)) => Err(format!("it has `{name}`, which this run does not keep")),
            None => Ok(self.steps),
        }
    }
}

//! With what an experiment runs: its parameters and seeds, and whether it should stop.

use super::ExperimentError;
use super::parameter::{Handle, Value};
use crate::random::Streams;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// With what an experiment runs.
#[derive(Debug)]
pub struct Setup<'a> {
    values: BTreeMap<&'static str, Value>,
    seeds: Vec<u64>,
    is_quick: bool,
    interrupted: &'a AtomicBool,
}

impl<'a> Setup<'a> {
    /// With these values, those of parameters that are not among them being their defaults.
    pub fn new(
        values: BTreeMap<&'static str, Value>,
        seeds: Vec<u64>,
        is_quick: bool,
        interrupted: &'a AtomicBool,
    ) -> Self {
        Self {
            values,
            seeds,
            is_quick,
            interrupted,
        }
    }

    /// The value of a parameter.
    pub fn get<H: Handle>(&self, handle: H) -> H::Read {
        let parameter = handle.parameter();
        let default = if self.is_quick {
            &parameter.quick
        } else {
            &parameter.full
        };
        let value = self.values.get(parameter.name).unwrap_or(default);
        // A value of another kind is refused before there is a set-up, and the default is of this one.
        H::read(value)
            .or_else(|| H::read(default))
            .expect("a default is of the kind of its parameter")
    }

    /// The seeds, in the order in which results come.
    pub fn seeds(&self) -> &[u64] {
        &self.seeds
    }

    /// What `work` gives for every seed, in their order, whatever the number of threads.
    ///
    /// # Errors
    ///
    /// The first error of `work`, or [`ExperimentError::Interrupted`].
    pub fn over_seeds<T: Send>(
        &self,
        work: impl Fn(Streams) -> Result<T, ExperimentError> + Sync,
    ) -> Result<Vec<T>, ExperimentError> {
        self.over(&self.seeds, |seed| work(Streams::new(*seed)))
    }

    /// What `work` gives for every one of some things, in their order, whatever the number of threads.
    ///
    /// # Errors
    ///
    /// The first error of `work`, or [`ExperimentError::Interrupted`].
    pub fn over<A: Sync, T: Send>(
        &self,
        things: &[A],
        work: impl Fn(&A) -> Result<T, ExperimentError> + Sync,
    ) -> Result<Vec<T>, ExperimentError> {
        let each = things.par_iter().map(|thing| {
            self.go_on()?;
            work(thing)
        });
        // All of them before the first error is looked for, so that it is the same one each time.
        let all: Vec<Result<T, ExperimentError>> = each.collect();
        all.into_iter().collect()
    }

    /// To be asked from time to time in long loops.
    ///
    /// # Errors
    ///
    /// [`ExperimentError::Interrupted`] where the user wants the experiment to stop.
    pub fn go_on(&self) -> Result<(), ExperimentError> {
        if self.interrupted.load(Ordering::Relaxed) {
            Err(ExperimentError::Interrupted)
        } else {
            Ok(())
        }
    }
}

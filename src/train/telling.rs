//! The rows of a run, and among them what has happened.

use super::TrainError;
use super::engine::Engine;
use super::events::{Happening, divergence};
use super::losses::Read;
use crate::config::Trigger;
use crate::measure::Measurement;
use crate::run::{Divergence, Row, now};

impl Engine<'_> {
    /// Notices what has happened in losses, and refuses to go on from one that is not finite.
    pub(super) fn notice(&mut self, read: Read) -> Result<(), TrainError> {
        let mut spikes = Vec::new();
        for (step, loss) in read.finite {
            spikes.extend(self.spikes.note(&mut self.memory.events, step, loss));
        }
        self.tell(&spikes)?;
        self.go_on_unless(read.overflown)
    }

    /// What has happened since the last round of measurements, for hooks that wait for it.
    pub(super) fn pending(&self) -> &'static [Trigger] {
        match self.memory.events.has_spiked {
            true => &[Trigger::LossSpike],
            false => &[],
        }
    }

    /// Writes rows about this step, or an earlier one.
    pub(super) fn append(&mut self, step: u64, rows: &[Row]) -> Result<(), TrainError> {
        self.memory.metrics_length = self.directory.append_rows(rows)?;
        if let Some(trail) = &mut self.trail {
            trail.written.push((step, self.memory.clone()));
        }
        Ok(())
    }

    /// Writes the rows of what has happened.
    pub(super) fn tell(&mut self, happened: &[Happening]) -> Result<(), TrainError> {
        for happening in happened {
            let row = self.row_of(happening);
            self.append(happening.step, &[row])?;
        }
        Ok(())
    }

    pub(super) fn row_of(&self, happening: &Happening) -> Row {
        Row {
            since: happening.since,
            ..self.row(happening.step, happening.row.clone())
        }
    }

    pub(super) fn row(&self, step: u64, measurement: Measurement) -> Row {
        let config = &self.problem.config;
        Row {
            run: config.name.clone(),
            seed: Some(config.seed),
            step: Some(step),
            epoch: Some(self.epoch(step)),
            since: None,
            measurement,
            dtype: config.precision,
            wall_time: Some(now()),
            version: None,
        }
    }

    /// Writes the last row of a run that cannot go on.
    pub(super) fn tell_divergence(&mut self, diverged: &Divergence) {
        let happening = divergence(&mut self.memory.events, diverged);
        // Where it cannot be written, the record says it all the same, and that it cannot.
        let _ = self.tell(&[happening]);
    }
}

//! What a run does next, as data: no file, tensor or clock is needed to tell.

use crate::config::Epochs;

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps were made.
    Length,
    /// `train.stop_at_train_loss` was reached, and cut the run short.
    TrainLoss,
    /// The user interrupted; a checkpoint is saved.
    Interrupted,
}

/// How long a run is, and at which steps it stops to save and to look at its training loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Course {
    /// Steps of the whole run.
    pub total: u64,
    /// The run's epochs.
    pub epochs: Epochs,
    /// Epochs between two checkpoints.
    pub save_every: u64,
    /// Epochs at which a checkpoint is made besides.
    pub save_at: Vec<u64>,
    /// For a run that is to end at a training loss.
    pub looks: Option<Looks>,
}

/// When a run looks at its training loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Looks {
    /// Steps between two looks, besides whole epochs and the end.
    pub every: Option<u64>,
}

/// What is known between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Steps made.
    pub step: u64,
    /// Where this process began: what a checkpoint was made of is not saved again.
    began_at: u64,
    /// What the last look found.
    look: Look,
    /// The step of the last look that found a loss above the target.
    above_at: Option<u64>,
    is_saved: bool,
    is_measured: bool,
}

/// What a look at the training loss has found since the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// There was none.
    None,
    /// The loss is above the target.
    Above,
    /// It has reached the target, perhaps some steps ago.
    Reached,
    /// It reaches the target in the last step, of which only a part may have been made.
    Crossed { is_part: bool },
}

/// What a run does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Save the state before the measurements here (or that of the last look) and leave: the user says so.
    Leave,
    /// Look at the loss over all training samples.
    Look,
    /// Go back to the look at step `from` and find where, up to step `to`, the loss crosses the target.
    Cross {
        /// The step of the last look above the target.
        from: u64,
        /// A step at which the loss has reached it.
        to: u64,
    },
    /// Save a checkpoint.
    Save,
    /// Measure what is due.
    Measure,
    /// Measure everything once more, because the run ends here.
    MeasureAll,
    /// Make a step.
    Step,
    /// The run has come to its end.
    End(Ending),
}

impl Course {
    /// What follows from a moment. A checkpoint is the state before measuring, so that a run that goes on
    /// from it measures again; an end is decided upon before the measurements there, so that they are all
    /// of one round.
    pub fn next(&self, moment: &Moment, is_interrupted: bool) -> Decision {
        let end = self.end(moment);
        match (end, moment.look) {
            (Some(end), _) if moment.is_measured => Decision::End(end),
            _ if is_interrupted => Decision::Leave,
            (_, Look::None) if self.looks_at(moment.step) => Decision::Look,
            (_, Look::Reached) => match moment.above_at {
                Some(from) => Decision::Cross {
                    from,
                    to: moment.step,
                },
                None => Decision::MeasureAll,
            },
            (Some(_), Look::Crossed { .. }) => Decision::MeasureAll,
            _ if !moment.is_saved && self.saves_at(moment) => Decision::Save,
            (Some(_), _) => Decision::MeasureAll,
            (None, _) if !moment.is_measured => Decision::Measure,
            (None, _) => Decision::Step,
        }
    }

    /// How the run ends, if it ends at this moment.
    fn end(&self, moment: &Moment) -> Option<Ending> {
        let is_short = moment.step < self.total;
        match moment.look {
            Look::Reached | Look::Crossed { is_part: false } if is_short => Some(Ending::TrainLoss),
            Look::Crossed { is_part: true } => Some(Ending::TrainLoss),
            _ if !is_short => Some(Ending::Length),
            _ => None,
        }
    }

    /// Whether the run looks at the training loss before this step. Whole epochs are among these
    /// steps whatever else is, because checkpoints are made there, and a run that goes on from one
    /// must look as it would have.
    fn looks_at(&self, step: u64) -> bool {
        self.looks.is_some_and(|looks| {
            looks.every.is_some_and(|every| step.is_multiple_of(every))
                || self.epochs.beginning_at(step).is_some()
                || step == self.total
        })
    }

    fn saves_at(&self, moment: &Moment) -> bool {
        let is_due = self.epochs.is_due(moment.step, self.save_every);
        moment.step > moment.began_at && (is_due || self.is_chosen(moment.step))
    }

    /// Whether the checkpoint at a step is one that is made in any case.
    pub fn is_chosen(&self, step: u64) -> bool {
        let epoch = self.epochs.beginning_at(step);
        epoch.is_some_and(|epoch| self.save_at.contains(&epoch))
    }
}

impl Moment {
    /// Where a process begins, at the start of a run or at a checkpoint.
    pub fn beginning(step: u64) -> Self {
        Self {
            step,
            began_at: step,
            look: Look::None,
            above_at: None,
            is_saved: false,
            is_measured: false,
        }
    }

    /// After a step.
    pub fn stepped(&mut self) {
        *self = Self {
            step: self.step + 1,
            look: Look::None,
            is_saved: false,
            is_measured: false,
            ..*self
        };
    }

    /// After a look.
    pub fn looked(&mut self, has_reached: bool) {
        if has_reached {
            self.look = Look::Reached;
        } else {
            self.look = Look::Above;
            self.above_at = Some(self.step);
        }
    }

    /// After having gone back to the step, or the part of a step, that crosses the target.
    pub fn crossed(&mut self, step: u64, is_part: bool) {
        self.step = step;
        self.look = Look::Crossed { is_part };
    }

    /// After a checkpoint.
    pub fn saved(&mut self) {
        self.is_saved = true;
    }

    /// After a round of measurements.
    pub fn measured(&mut self) {
        self.is_measured = true;
    }
}

#[cfg(test)]
mod tests;

//! The line from one solution to another.

use super::{Taking, counted};
use crate::cli::CommandError;
use crate::cli::solution::Second;
use crate::model::NormMode;
use crate::slice::{
    Axis, Direction, Kind, Series, Slice, Statistics, Surface, barrier, grid, match_weights,
};

/// An end of the line: parameters and running statistics.
struct End {
    label: &'static str,
    values: Vec<f64>,
    statistics: Vec<f64>,
}

impl Taking<'_> {
    /// The slice from the solution to another.
    pub(super) fn interpolation(&mut self, second: &Second) -> Result<Slice, CommandError> {
        let ranges = self.ranges(&[])?;
        let running = self
            .solution
            .running_statistics()
            .map_err(CommandError::Other)?;
        let (mut series, mut axes) = (Vec::new(), Vec::new());
        for end in self.ends(second) {
            let vector: Vec<f64> = end
                .values
                .iter()
                .zip(&self.centre)
                .map(|(b, a)| b - a)
                .collect();
            let directions = [Direction::new(Kind::Interpolation, 1, vector)];
            axes = self.axes(&directions, &ranges)?;
            series.push(self.line(&end, &directions[0], &axes, &running)?);
        }
        self.notes.push(
            "A barrier is how far the loss between the solutions rises above the straight line between their losses, at its \
             highest; its error is over samples."
                .to_owned(),
        );
        self.note_gaps(&series);
        let normalisation = self.normalisation().map(|told| {
            match (self.args.re_estimate, told.starts_with("running")) {
                (false, true) => "running statistics interpolated as the parameters are".to_owned(),
                _ => told,
            }
        });
        Ok(Slice {
            taken: self.taken(Some(second.name.clone()), normalisation),
            axes,
            cosine: None,
            quadratic: None,
            way: Vec::new(),
            notes: Vec::new(),
            series,
        })
    }

    /// The other solution as it is, and with its units in the order of this one's where they can be put into another.
    fn ends(&mut self, second: &Second) -> Vec<End> {
        self.finding.begins("matching units");
        let network = self.solution.objective.network();
        let mut rng = self.streams.stream("slice.matching", 0);
        let matching = match_weights(network, &self.centre, &second.values, &mut rng);
        let mut ends = vec![End {
            label: "as they are",
            values: second.values.clone(),
            statistics: second.statistics.clone(),
        }];
        match &matching {
            Some(found) => {
                ends.push(End {
                    label: "after matching",
                    values: found.map.apply(&second.values),
                    statistics: found.map.apply_to_statistics(&second.statistics),
                });
                self.notes.push(format!(
                    "Weight matching has moved {} in {}, in {}{}.",
                    counted(found.moved, "unit"),
                    counted(found.rows, "row"),
                    counted(found.rounds, "round"),
                    if found.converged {
                        ""
                    } else {
                        ", and was not at its end"
                    }
                ));
            }
            None => self.notes.push(
                "No unit of this network can change places, so nothing is matched.".to_owned(),
            ),
        }
        ends
    }

    /// The loss along the line to one end.
    fn line(
        &mut self,
        end: &End,
        direction: &Direction,
        axes: &[Axis],
        running: &[f64],
    ) -> Result<Series, CommandError> {
        let vectors = [direction.vector.as_slice()];
        let mixed =
            self.batches.is_none() && self.solution.objective.norm_mode() == Some(NormMode::Eval);
        let surface = Surface {
            statistics: if mixed {
                Statistics::Mixed([running, &end.statistics])
            } else {
                self.statistics()
            },
            ..self.surface(&vectors)
        };
        let found = self.values(&surface, &grid(axes))?;
        let barrier = barrier(&surface, &axes[0].places);
        if let Err(failure) = &barrier {
            self.notes.push(format!(
                "There is no barrier to state {}: {}.",
                end.label, failure.reason
            ));
        }
        Ok(Series {
            label: end.label.to_owned(),
            values: found,
            barrier: barrier.ok(),
        })
    }
}

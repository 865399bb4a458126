//! The line from one solution to another.

use super::{Taking, counted};
use crate::cli::CommandError;
use crate::cli::solution::Second;
use crate::model::NormMode;
use crate::slice::{
    Direction, Kind, Series, Slice, Statistics, Surface, barrier, grid, match_weights,
};

impl Taking<'_> {
    /// The slice from the solution to another.
    pub(super) fn interpolation(&mut self, second: &Second) -> Result<Slice, CommandError> {
        let ranges = self.ranges(&[])?;
        let network = self.solution.objective.network();
        let running = self
            .solution
            .running_statistics()
            .map_err(CommandError::Other)?;
        self.finding.begins("matching units");
        let mut rng = self.streams.stream("slice.matching", 0);
        let matching = match_weights(network, &self.centre, &second.values, &mut rng);
        let mut ends = vec![(
            "as they are",
            second.values.clone(),
            second.statistics.clone(),
        )];
        match &matching {
            Some(found) => {
                let image = found.map.apply(&second.values);
                ends.push((
                    "after matching",
                    image,
                    found.map.apply_to_statistics(&second.statistics),
                ));
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
        let (mut series, mut axes) = (Vec::new(), Vec::new());
        for (label, values, statistics) in &ends {
            let vector: Vec<f64> = values
                .iter()
                .zip(&self.centre)
                .map(|(b, a)| b - a)
                .collect();
            let directions = [Direction::new(Kind::Interpolation, 1, vector)];
            axes = self.axes(&directions, &ranges)?;
            let vectors = [directions[0].vector.as_slice()];
            let mixed = self.batches.is_none()
                && self.solution.objective.norm_mode() == Some(NormMode::Eval);
            let surface = Surface {
                statistics: if mixed {
                    Statistics::Mixed([&running, statistics])
                } else {
                    self.statistics()
                },
                ..self.surface(&vectors)
            };
            let found = self.values(&surface, &grid(&axes))?;
            let barrier = barrier(&surface, &axes[0].places);
            if let Err(failure) = &barrier {
                self.notes.push(format!(
                    "There is no barrier to state {label}: {}.",
                    failure.reason
                ));
            }
            series.push(Series {
                label: (*label).to_owned(),
                values: found,
                barrier: barrier.ok(),
            });
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
}

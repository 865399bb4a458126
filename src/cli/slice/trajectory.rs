//! The way of training: what checkpoints keep of it, and its principal directions.

use super::Taking;
use crate::cli::CommandError;
use crate::report::counted;
use crate::run::RunDirectory;
use crate::slice::{Direction, Stop, Way};

/// What is known of the way of a run: steps, parameters and running statistics.
pub(super) struct Passed {
    stops: Vec<(u64, Vec<f64>, Vec<f64>)>,
}

impl Taking<'_> {
    pub(super) fn trajectory(
        &mut self,
        count: usize,
    ) -> Result<(Vec<Direction>, Passed), CommandError> {
        let passed = self.passed()?;
        let points: Vec<Vec<f64>> = passed.stops.iter().map(|stop| stop.1.clone()).collect();
        let way = Way::new(&points, &self.centre);
        let directions = way.principal(count);
        if directions.len() < count {
            return Err(CommandError::Input(format!(
                "--directions trajectory: the run has kept {} of its way before the end, the start among them, which \
                 span {}, and {count} {} needed; train it with `train.keep_checkpoints` = \"all\" to keep more",
                counted(points.len(), "point"),
                counted(directions.len(), "direction"),
                if count == 1 { "is" } else { "are" }
            )));
        }
        let share: f64 = directions
            .iter()
            .filter_map(|direction| direction.share)
            .sum();
        self.notes.push(format!(
            "The directions are those of the start and {} as seen from the end; {:.1} % of their variation (sum \
             of squared distances from the end) lies along {}",
            counted(points.len() - 1, "checkpoint"),
            100.0 * share,
            if count == 1 { "the line." } else { "the plane." }
        ));
        Ok((directions, passed))
    }

    /// The points of training that are known, the start first.
    fn passed(&self) -> Result<Passed, CommandError> {
        let (Some(initial), Some(run)) =
            (self.solution.subject().initial, self.args.solution.run())
        else {
            return Err(CommandError::Input(
                "--directions trajectory: weights that are of no run have no way behind them"
                    .to_owned(),
            ));
        };
        let directory = RunDirectory::open(run)?;
        let problem = &self.solution.problem;
        let blueprint = self.solution.objective.network().blueprint();
        // The run's own config: that of the problem may compute elsewhere.
        let fingerprint = directory.finished()?.config.fingerprint();
        let newest = directory.all_checkpoints(&fingerprint, blueprint, problem.config.precision);
        for skipped in &newest.1 {
            self.finding.warn(&skipped.to_string());
        }
        let mut stops = vec![(0, initial.to_vec(), blueprint.initial_statistics().to_vec())];
        stops.extend(
            newest
                .0
                .into_iter()
                .map(|point| (point.step, point.parameters, point.statistics)),
        );
        // The last checkpoint may be the end itself.
        stops.retain(|stop| stop.1 != self.centre);
        Ok(Passed { stops })
    }

    /// The points of the way, along the directions, with their own losses.
    pub(super) fn stops(
        &self,
        passed: &Passed,
        directions: &[Direction],
    ) -> Result<Vec<Stop>, CommandError> {
        let points: Vec<Vec<f64>> = passed.stops.iter().map(|stop| stop.1.clone()).collect();
        let places = Way::new(&points, &self.centre).places(directions);
        let problem = &self.solution.problem;
        let stops = passed.stops.iter().zip(places).map(
            |((step, values, statistics), (coordinates, outside))| {
                let mut conditions = self.solution.objective.conditions().clone();
                conditions.statistics = problem.statistics(statistics);
                let objective = self.solution.objective.under(conditions);
                let parameters = problem.parameters(values);
                let found = crate::measure::Evaluated::run(&objective, &parameters, self.data());
                Stop {
                    step: *step,
                    coordinates,
                    outside,
                    loss: found.ok().map(|found| found.mean_loss()),
                }
            },
        );
        Ok(stops.collect())
    }
}

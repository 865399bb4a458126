//! Measuring one run: at its end or at its checkpoints, as a whole or layer by layer.

use super::MeasureArgs;
use super::asked::Asked;
use super::book::Shared;
use super::density::{DensityFile, Estimated};
use crate::cli::solution::Solution;
use crate::cli::{CommandError, device, lists};
use crate::measure::{Event, Measurement, Session, Subject, find};
use crate::nearest::{hint, nearest};
use crate::params::Layout;
use crate::report::{Finding, Part, error_of, significant};
use crate::run::{Addendum, Checkpoint, RunDirectory};
use crate::train::{Problem, Recall, Scope};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What is under way before the first measure.
const READING: &str = "reading data and weights";

/// The rounds of measurements of a command.
pub(super) struct Round<'a> {
    pub args: &'a MeasureArgs,
    pub asked: &'a Asked<'a>,
    pub finding: &'a Finding,
    pub book: &'a Shared,
}

/// Where a run is measured.
enum Stop {
    /// At its end.
    End,
    /// At the checkpoint in this file.
    Checkpoint(PathBuf),
}

impl Round<'_> {
    /// Measures a run, or weights made elsewhere. Whatever was added to a run is added whole.
    pub fn run(
        &self,
        place: Option<&Path>,
        density: Option<&DensityFile<'_>>,
    ) -> Result<Option<Estimated>, CommandError> {
        let result = self.measure(place, density);
        let mut book = self.book.lock();
        let closed = book.close();
        book.told().iter().for_each(|line| self.finding.say(line));
        let found = result?;
        closed?;
        Ok(found)
    }

    fn measure(
        &self,
        place: Option<&Path>,
        density: Option<&DensityFile<'_>>,
    ) -> Result<Option<Estimated>, CommandError> {
        let (args, finding) = (self.args, self.finding);
        finding.begins_run(place.map(|place| place.display().to_string()));
        finding.begins(READING);
        let solution = match place {
            Some(run) => args.solution.of_run(run).open(finding),
            None => args.solution.open(finding),
        };
        let mut solution = solution?;
        let device = device::announcement_of_first_use(solution.problem.compute());
        device.iter().for_each(|device| finding.say(device));
        let blocks = self.blocks(solution.parameters.layout())?;
        let addendum = match place {
            Some(place) if args.append => Some(addendum(place, &solution)?),
            _ => None,
        };
        self.tell_costs(place, addendum.as_ref());
        let names = self.names(&solution);
        solution.check_deterministic(&names)?;
        let stops = self.stops(place, &solution)?;
        let of_stop = blocks.iter().flat_map(|_| names.iter().copied());
        let items: Vec<&str> = stops.iter().flat_map(|_| of_stop.clone()).collect();
        finding.expect_items(READING, &items);
        self.book.lock().begin_run(items.len(), addendum);
        let problem = solution.problem.clone();
        let recall = args.checkpoints.then(|| Recall::new(&problem));
        for stop in &stops {
            if let (Stop::Checkpoint(file), Some(recall), Some(place)) = (stop, &recall, place) {
                let Some(checkpoint) = self.checkpoint(place, file, &problem) else {
                    finding.passes(&of_stop.clone().collect::<Vec<_>>());
                    continue;
                };
                let recalled = recall.at(checkpoint).map_err(|reason| {
                    CommandError::Input(format!("{}: {reason}", file.display()))
                })?;
                solution.visit(recalled);
            }
            self.begin_part(place, &solution);
            for (index, block) in blocks.iter().enumerate() {
                self.take(&solution, block.as_deref(), index)?;
            }
        }
        let budget = self.asked.budget();
        density
            .map(|file| file.estimate(&solution, budget, finding))
            .transpose()
    }

    /// The measures that mean something for what the network predicts, and those named one by one.
    fn names(&self, solution: &Solution) -> Vec<&'static str> {
        let task = solution.problem.config.data.task();
        lists::applying(&self.args.measures, &self.asked.names, task)
    }

    /// The blocks that are measured: none for the whole network.
    fn blocks(&self, layout: &Layout) -> Result<Vec<Option<String>>, CommandError> {
        if self.args.per_layer {
            let layers = layout.layers().into_iter();
            return Ok(layers.map(|layer| Some(layer.to_owned())).collect());
        }
        check_block(self.args.block.as_deref(), layout)?;
        Ok(vec![self.args.block.clone()])
    }

    /// Every checkpoint that was kept, oldest first, and the end where none is of the last step.
    fn stops(&self, place: Option<&Path>, solution: &Solution) -> Result<Vec<Stop>, CommandError> {
        let (Some(place), true) = (place, self.args.checkpoints) else {
            return Ok(vec![Stop::End]);
        };
        let mut files = RunDirectory::open(place)?.checkpoint_files();
        files.reverse();
        let is_of_end = |file: &PathBuf| Checkpoint::step_of(file) == solution.step;
        let has_end = files.last().is_some_and(is_of_end);
        // The end is measured first: from a checkpoint there is no way back to it.
        let end = (!has_end).then_some(Stop::End).into_iter();
        Ok(end.chain(files.into_iter().map(Stop::Checkpoint)).collect())
    }

    /// What is in the file of a checkpoint; none, and told, where it cannot be used.
    fn checkpoint(&self, place: &Path, file: &Path, problem: &Rc<Problem>) -> Option<Checkpoint> {
        let directory = RunDirectory::open(place).ok()?;
        // The run's own config: that of the problem may compute elsewhere.
        let fingerprint = directory.finished().ok()?.config.fingerprint();
        let blueprint = problem.objective.network().blueprint();
        let precision = problem.config.precision;
        let found = directory.checkpoint(file, &fingerprint, blueprint, precision);
        found
            .inspect_err(|skipped| self.finding.warn(&skipped.to_string()))
            .ok()
    }

    /// What measures have cost in training, as a first guess at what they will.
    fn tell_costs(&self, place: Option<&Path>, addendum: Option<&Addendum>) {
        let read = || {
            let directory = place.and_then(|place| RunDirectory::open(place).ok())?;
            Some(directory.rows().ok()?.rows)
        };
        let rows = match addendum {
            Some(addendum) => addendum.rows().to_vec(),
            None => read().unwrap_or_default(),
        };
        for row in rows.iter().rev() {
            let Measurement { name, seconds, .. } = &row.measurement;
            self.finding.has_cost(name, *seconds);
        }
    }

    fn begin_part(&self, place: Option<&Path>, solution: &Solution) {
        let part = Part {
            place: place.map(|place| place.display().to_string()),
            step: solution.step,
            epoch: solution.epoch(),
            rows: Vec::new(),
        };
        let moment = part.moment().filter(|_| self.args.checkpoints);
        self.finding.begins_part(moment.as_deref());
        self.book.lock().begin_part(part);
    }

    /// Takes all measures of a block, or of the whole network.
    fn take(
        &self,
        solution: &Solution,
        block: Option<&str>,
        index: usize,
    ) -> Result<(), CommandError> {
        let Self { args, asked, .. } = self;
        let scope = Scope {
            block: block.map(str::to_owned),
            budget: asked.budget(),
            chains: asked.chains,
            ..args.solution.scope()
        };
        let subject = Subject {
            block,
            budget: asked.budget(),
            chains: asked.chains,
            past: solution.past(&scope),
            ..solution.subject()
        };
        let mut session = Session::new(subject);
        let names = self.names(solution);
        for (number, name) in names.iter().copied().enumerate() {
            let order = index * names.len() + number;
            let measure = find(name);
            let there = measure.and_then(|measure| self.book.lock().there(measure, &subject));
            if let Some(row) = there {
                self.finding.passes(&[name]);
                self.book.lock().keep(order, row);
                continue;
            }
            let mut failed = None;
            let mut watch = |event: Event<'_>| match event {
                Event::Begins(name) => self.finding.begins(name),
                Event::Ended(found) => failed = self.found(solution, order, found).err(),
            };
            session
                .measure_watched(&[name], &mut watch)
                .map_err(|error| CommandError::Other(error.to_string()))?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    fn found(
        &self,
        solution: &Solution,
        order: usize,
        found: &Measurement,
    ) -> Result<(), CommandError> {
        let whole = named_by_block(found.clone());
        self.finding.found(line(&whole));
        // A table of layers has the layer beside the name, not in it.
        let printed = match self.args.per_layer {
            true => found.name.clone(),
            false => whole.name,
        };
        let row = solution.row(found.clone());
        Ok(self.book.lock().note(order, row, printed)?)
    }
}

/// The run in a place, for rows to be added to it that are computed where it was.
fn addendum(place: &Path, solution: &Solution) -> Result<Addendum, CommandError> {
    let addendum = Addendum::open(place)?;
    let (own, asked) = (addendum.config().backend, solution.problem.config.backend);
    if own == asked {
        return Ok(addendum);
    }
    Err(CommandError::Input(format!(
        "--append --backend {asked}: {} was computed on {own}, and its rows are taken to be as well. Without --backend it is \
         measured there; without --append the rows are printed and not added",
        place.display()
    )))
}

/// A row in a line of its own.
fn line(row: &Measurement) -> String {
    let value = row.value.map_or_else(|| "-".to_owned(), significant);
    let (name, error, seconds) = (&row.name, error_of(row), row.seconds);
    format!("{name} {value} {error} ({seconds:.2} s)")
}

fn check_block(block: Option<&str>, layout: &Layout) -> Result<(), CommandError> {
    let Some(block) = block.filter(|block| layout.range(block).is_none()) else {
        return Ok(());
    };
    let names: Vec<&str> = layout
        .blocks()
        .iter()
        .map(|block| block.name.as_str())
        .collect();
    Err(CommandError::Input(format!(
        "--block: the model has no block `{block}`{} It has: {}",
        hint(nearest(block, &names)),
        names.join(", ")
    )))
}

/// A number about a block carries the block's name.
fn named_by_block(mut row: Measurement) -> Measurement {
    if let Some(block) = &row.circumstances.block {
        row.name = format!("{}.{block}", row.name);
    }
    row
}

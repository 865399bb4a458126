//! What has been found so far, for whoever prints it: the command, or an interrupt.

use crate::measure::{FailureKind, Measure, Subject};
use crate::report::{Arrangement, Measured, Part, counted};
use crate::run::{Addendum, DirectoryError, Row};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The book of a command, which an interrupt prints from another thread.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Book>>);

impl Shared {
    pub fn new(book: Book) -> Self {
        Self(Arc::new(Mutex::new(book)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was found, part by part, and where it is added to.
pub(super) struct Book {
    measured: Measured,
    /// Of the part under way, the place of each row in the order that was asked for.
    order: Vec<usize>,
    /// Where rows are added to.
    addendum: Option<Addendum>,
    /// Rows that were there already, and those that are not added for the reason that they have no value.
    tally: Tally,
    told: Vec<String>,
    runs: usize,
    /// What is wanted of a run.
    of_run: usize,
}

#[derive(Default)]
struct Tally {
    there: Vec<String>,
    unknown: Vec<String>,
}

impl Book {
    /// Before anything is found, of so many runs, of each of which at least so much is wanted.
    pub fn new(arrangement: Arrangement, runs: usize, of_run: usize) -> Self {
        Self {
            measured: Measured {
                parts: Vec::new(),
                arrangement,
            },
            order: Vec::new(),
            addendum: None,
            tally: Tally::default(),
            told: Vec::new(),
            runs,
            of_run,
        }
    }

    /// So much is wanted of the run that is begun, as of any other, and it is added to a run.
    pub fn begin_run(&mut self, wanted: usize, addendum: Option<Addendum>) {
        self.of_run = wanted;
        self.addendum = addendum;
        self.tally = Tally::default();
    }

    /// What follows is of another run or checkpoint.
    pub fn begin_part(&mut self, part: Part) {
        self.measured.parts.push(part);
        self.order.clear();
    }

    /// The row of a measure that the run has already.
    pub fn there(&self, measure: &Measure, subject: &Subject<'_>) -> Option<Row> {
        let circumstances = subject.circumstances(measure);
        let row = self
            .addendum
            .as_ref()?
            .row(measure, subject.step, &circumstances);
        row.cloned()
    }

    /// Takes in a row that is there already.
    pub fn keep(&mut self, place: usize, row: Row) {
        let name = &row.measurement.name;
        if !self.tally.there.contains(name) {
            self.tally.there.push(name.clone());
        }
        self.take_in(place, row);
    }

    /// Takes in a row that was found, under the name that it is printed by, and adds it to the run.
    ///
    /// # Errors
    ///
    /// Where it cannot be added.
    pub fn note(&mut self, place: usize, row: Row, printed: String) -> Result<(), DirectoryError> {
        let failure = row.measurement.failure.as_ref();
        // What is not known afterwards says nothing about the run: a hook may have known it.
        let is_unknown = failure.is_some_and(|failure| failure.kind == FailureKind::NotKnown);
        if let Some(addendum) = &mut self.addendum {
            if is_unknown {
                let name = row.measurement.name.clone();
                self.tally.unknown.push(name);
            } else {
                addendum.add(row.clone())?;
            }
        }
        let mut row = row;
        row.measurement.name = printed;
        self.take_in(place, row);
        Ok(())
    }

    fn take_in(&mut self, place: usize, row: Row) {
        let Some(part) = self.measured.parts.last_mut() else {
            return;
        };
        let at = self.order.partition_point(|&other| other < place);
        self.order.insert(at, place);
        part.rows.insert(at, row);
    }

    /// Closes the run that rows were added to, and says what was added.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn close(&mut self) -> Result<(), DirectoryError> {
        let Some(mut addendum) = self.addendum.take() else {
            return Ok(());
        };
        let added = addendum.added();
        addendum.close()?;
        let Tally { there, unknown } = std::mem::take(&mut self.tally);
        let mut line = format!(
            "{}: {} added",
            addendum.place().display(),
            counted(added, "row")
        );
        if !there.is_empty() {
            line += &format!(
                "; there already and not measured again: {}",
                there.join(", ")
            );
        }
        if !unknown.is_empty() {
            line += &format!(
                "; not added, because it is not known after training: {}",
                unknown.join(", ")
            );
        }
        self.told.push(line);
        Ok(())
    }

    /// What is to be said of runs that rows were added to, and has not been.
    pub fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// How many rows there are.
    pub fn found(&self) -> usize {
        self.measured.parts.iter().map(|part| part.rows.len()).sum()
    }

    /// How many there are to be.
    pub fn wanted(&self) -> usize {
        self.runs * self.of_run
    }

    /// What there is, to be printed.
    pub fn report(&self) -> &Measured {
        &self.measured
    }
}

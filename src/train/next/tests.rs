//! A run of numbers only, driven by decisions, and what may happen to it.

use super::*;
use proptest::prelude::*;

/// A run whose training loss is a list, whose checkpoints are steps with a number of rows, and whose rows
/// are steps with `true` for everything.
struct World {
    course: Course,
    /// The loss before each step, and after the last.
    losses: Vec<f64>,
    target: f64,
    measure_every: u64,
    rows: Vec<(u64, bool)>,
    checkpoints: Vec<(u64, usize)>,
    /// Decisions in the order in which they were carried out.
    did: Vec<Decision>,
}

impl World {
    /// Goes on from the newest checkpoint until the end, or an interruption after so many decisions.
    fn run(&mut self, patience: usize) -> Option<(Ending, u64)> {
        let (step, length) = self.checkpoints.last().copied().unwrap_or_default();
        self.rows.truncate(length);
        let mut moment = Moment::beginning(step);
        // The rows that there were when a step was reached; and when the last look was.
        let mut before = vec![(step, self.rows.len())];
        let mut at_look = None;
        for decisions in 0.. {
            let decision = self.course.next(&moment, decisions >= patience);
            self.did.push(decision);
            let here = (moment.step, self.rows.len());
            match decision {
                Decision::Leave => {
                    let arrived = *before.last().unwrap();
                    self.checkpoints.push(at_look.unwrap_or(arrived));
                    return None;
                }
                Decision::Look => {
                    let has_reached = self.losses[moment.step as usize] <= self.target;
                    if !has_reached {
                        at_look = Some(here);
                    }
                    moment.looked(has_reached);
                }
                Decision::Cross { from, to } => {
                    assert_eq!(at_look.map(|(step, _)| step), Some(from));
                    let (step, is_part) = self.crossing(from, to);
                    before.retain(|(earlier, _)| *earlier <= step);
                    self.rows.retain(|(earlier, _)| *earlier < step);
                    *before.last_mut().unwrap() = (step, self.rows.len());
                    moment.crossed(step, is_part);
                }
                Decision::Save => {
                    self.checkpoints.push(here);
                    moment.saved();
                }
                Decision::Measure => {
                    if moment.step.is_multiple_of(self.measure_every) {
                        self.rows.push((moment.step, false));
                    }
                    moment.measured();
                }
                Decision::MeasureAll => {
                    self.rows.push((moment.step, true));
                    moment.measured();
                }
                Decision::Step => {
                    moment.stepped();
                    before.push((moment.step, self.rows.len()));
                }
                Decision::End(ending) => return Some((ending, moment.step)),
            }
            assert!(moment.step <= self.course.total);
        }
        None
    }

    /// A crossing by halving, as of any loss that goes up and down; a part of a step where it is odd.
    fn crossing(&self, mut above: u64, mut below: u64) -> (u64, bool) {
        while below - above > 1 {
            let middle = above + (below - above) / 2;
            if self.losses[middle as usize] <= self.target {
                below = middle;
            } else {
                above = middle;
            }
        }
        (below, below % 2 == 1)
    }
}

fn course(total: u64, looks: Option<Looks>) -> Course {
    Course {
        total,
        epochs: Epochs::of_steps(4),
        save_every: 1,
        save_at: Vec::new(),
        looks,
    }
}

fn world(course: Course, losses: Vec<f64>) -> World {
    World {
        course,
        losses,
        target: 0.5,
        measure_every: 3,
        rows: Vec::new(),
        checkpoints: Vec::new(),
        did: Vec::new(),
    }
}

type Event = fn(&mut Moment);

const ALWAYS: Option<Looks> = Some(Looks { every: Some(1) });
const ABOVE: Event = |moment| moment.looked(false);
const REACHED: Event = |moment| moment.looked(true);
const PART: Event = |moment| moment.crossed(7, true);
const WHOLE: Event = |moment| moment.crossed(10, false);

/// The moment after a step at which some things have happened.
fn after(step: u64, happened: &[Event]) -> Moment {
    let mut moment = Moment::beginning(step - 1);
    moment.stepped();
    happened.iter().for_each(|happen| happen(&mut moment));
    moment
}

/// What is known, whether the user wants to leave, and what is to be done.
type Case = (&'static str, Option<Looks>, Moment, bool, Decision);

fn decide(cases: impl IntoIterator<Item = Case>) {
    for (what, looks, moment, is_interrupted, expected) in cases {
        let found = course(10, looks).next(&moment, is_interrupted);
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn looks_come_before_checkpoints_and_these_before_measuring() {
    use Decision::*;
    decide([
        (
            "measure first of all",
            None,
            Moment::beginning(0),
            false,
            Measure,
        ),
        (
            "then step",
            None,
            after(3, &[Moment::measured]),
            false,
            Step,
        ),
        (
            "a look comes first",
            ALWAYS,
            Moment::beginning(0),
            false,
            Look,
        ),
        (
            "none between epochs",
            Some(Looks { every: None }),
            after(3, &[]),
            false,
            Measure,
        ),
        (
            "one after an epoch",
            Some(Looks { every: None }),
            after(4, &[]),
            false,
            Look,
        ),
        (
            "one at the end",
            Some(Looks { every: None }),
            after(10, &[]),
            false,
            Look,
        ),
        (
            "a checkpoint before measuring",
            None,
            after(4, &[]),
            false,
            Save,
        ),
        ("once", None, after(4, &[Moment::saved]), false, Measure),
        (
            "not where it began",
            None,
            Moment::beginning(4),
            false,
            Measure,
        ),
        ("after the look", ALWAYS, after(4, &[ABOVE]), false, Save),
    ]);
}

#[test]
fn the_end_measures_everything_first() {
    use Decision::*;
    decide([
        (
            "the end measures everything",
            None,
            after(10, &[]),
            false,
            MeasureAll,
        ),
        (
            "and ends",
            None,
            after(10, &[Moment::measured]),
            false,
            End(Ending::Length),
        ),
    ]);
}

#[test]
fn a_target_ends_the_run_where_the_loss_crosses_it() {
    use Decision::*;
    decide([
        (
            "the target at once",
            ALWAYS,
            after(3, &[REACHED]),
            false,
            MeasureAll,
        ),
        (
            "ends it",
            ALWAYS,
            after(3, &[REACHED, Moment::measured]),
            false,
            End(Ending::TrainLoss),
        ),
        (
            "a part of a step",
            ALWAYS,
            after(9, &[PART]),
            false,
            MeasureAll,
        ),
        ("is not saved", ALWAYS, after(8, &[PART]), false, MeasureAll),
        (
            "and ends",
            ALWAYS,
            after(9, &[PART, Moment::measured]),
            false,
            End(Ending::TrainLoss),
        ),
        (
            "all steps",
            ALWAYS,
            after(10, &[WHOLE, Moment::measured]),
            false,
            End(Ending::Length),
        ),
    ]);
    let mut moment = after(3, &[ABOVE, Moment::measured]);
    moment.stepped();
    moment.looked(true);
    let cross = Cross { from: 3, to: 4 };
    assert_eq!(course(10, ALWAYS).next(&moment, false), cross);
}

#[test]
fn a_user_leaves_at_once_but_not_at_the_end() {
    use Decision::*;
    decide([
        (
            "the user leaves",
            None,
            after(3, &[Moment::measured]),
            true,
            Leave,
        ),
        ("before a look", ALWAYS, after(3, &[]), true, Leave),
        (
            "but not at the end",
            None,
            after(10, &[Moment::measured]),
            true,
            End(Ending::Length),
        ),
    ]);
}

#[test]
fn no_number_of_epochs_overflows() {
    let forever = Course {
        total: u64::MAX,
        epochs: Epochs::of_steps(10),
        save_every: u64::MAX,
        save_at: Vec::new(),
        looks: None,
    };
    let moment = Moment::beginning(u64::MAX - 1);
    assert_eq!(forever.next(&moment, false), Decision::Measure);
}

proptest! {
    /// However often and wherever a run is interrupted, it ends as one that was left alone.
    #[test]
    fn an_interrupted_run_ends_with_the_same_rows(
        losses in proptest::collection::vec(0.45..2.0_f64, 30),
        total in 1..30_u64,
        every in proptest::option::of(1..6_u64),
        has_target in any::<bool>(),
        patience in proptest::collection::vec(0..40_usize, 0..6),
    ) {
        let course = course(total, has_target.then_some(Looks { every }));
        let mut alone = world(course.clone(), losses.clone());
        let expected = alone.run(usize::MAX);
        prop_assert!(expected.is_some());
        let mut disturbed = world(course, losses);
        let mut end = None;
        for patience in patience.into_iter().chain([usize::MAX]) {
            if end.is_none() {
                end = disturbed.run(patience);
            }
        }
        prop_assert_eq!(end, expected);
        prop_assert_eq!(&disturbed.rows, &alone.rows);
        let last = alone.rows.last();
        prop_assert_eq!(last, Some(&(expected.unwrap().1, true)));
    }
}

//! What a run costs, found by a few steps and rounds of measurements that nothing is kept of.

use super::average::Average;
use super::measuring::{Measuring, StepAsMeasured};
use super::prepare::prepare;
use super::state::Memory;
use super::step::Stepper;
use super::{Ahead, HookPlan, Observer, Position, Problem, TrainError, gradient, persistence};
use crate::linear::Interrupt;
use crate::optim::step_rule;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Steps that are timed, after one that touches memory for the first time, and rounds of measurements at most.
const TIMED: usize = 3;

/// A round of measurements that takes longer is not repeated: what is done for the first time is little of it.
const LONG: Duration = Duration::from_millis(500);

/// What a run is going to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Seconds of a step: the shortest of a few, since what else a machine does only adds.
    pub step: f64,
    /// Seconds of all measurements, as far as it is known beforehand when they are taken.
    pub measuring: f64,
    /// Whether measurements may take longer: one of them was not timed to its end, or is also taken when something happens.
    pub is_open: bool,
}

/// The cost of a run, by some steps from the starting point and by everything that its hooks measure, again where that is soon
/// done, as far as it is measured within `patience`.
///
/// # Errors
///
/// The device's, or that of a rate that is bounded by what cannot be measured.
pub fn cost(problem: &Problem, patience: Duration) -> Result<Cost, TrainError> {
    let layout = problem.objective.network().layout();
    let plan = HookPlan::new(&problem.config, layout, problem.epochs());
    let is_over = Arc::new(AtomicBool::new(false));
    let measuring = Measuring::new(problem, &plan, Interrupt::on(&is_over));
    let oracle = gradient::oracle(problem, measuring.samples_of_steps());
    let average = Average::new(problem);
    let mut stepper = Stepper::new(oracle, problem.optimizer(), measuring.rate(), average)
        .keeping_last_step(plan.asks_for_last_step());
    let mut position = persistence::first(problem, measuring.initial()).position;
    let mut costs = Costs::default();
    // Compiling is no part of what is timed.
    let never = Interrupt::never();
    prepare(
        problem,
        &plan,
        &measuring,
        &mut stepper,
        &position,
        never,
        &mut costs,
    )?;
    let mut shortest = f64::INFINITY;
    for step in 0..=TIMED {
        let start = Instant::now();
        let gradient = stepper.gradient(&position);
        stepper.follow(&mut position, gradient)?;
        problem.compute().synchronize();
        if step > 0 {
            shortest = shortest.min(start.elapsed().as_secs_f64());
        }
    }
    let timer = Timer::start(patience, &is_over);
    for _ in 0..TIMED {
        let begin = Instant::now();
        round(problem, &plan, &measuring, &stepper, &position, &mut costs)?;
        costs.end_round();
        if begin.elapsed() > LONG {
            break;
        }
    }
    drop(timer);
    let (seconds, is_open) = costs.of_run(&plan, problem.total_steps());
    Ok(Cost {
        step: shortest,
        measuring: seconds,
        is_open,
    })
}

/// Measures everything that is ever measured, until it is interrupted.
fn round(
    problem: &Problem,
    plan: &HookPlan,
    measuring: &Measuring<'_>,
    stepper: &Stepper<'_>,
    position: &Position,
    costs: &mut Costs,
) -> Result<(), TrainError> {
    let preconditioner = stepper.preconditioner().map_err(TrainError::Device)?;
    let average = stepper.average_at(position);
    let step = StepAsMeasured {
        learning_rate: stepper.rate_of_last(position.step),
        batch_size: problem.epochs().batch_size(position.step.saturating_sub(1)),
        average: average.as_ref(),
        rule: step_rule(&problem.config, preconditioner.as_deref()),
        made: stepper.last_step(),
    };
    measuring.round(position, &step, &Memory::default(), plan.all(), costs);
    Ok(())
}

/// Raises a flag after a while, unless it is dropped before.
struct Timer {
    _stop: mpsc::Sender<()>,
}

impl Timer {
    fn start(patience: Duration, flag: &Arc<AtomicBool>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let flag = flag.clone();
        thread::spawn(move || {
            if stopped.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                flag.store(true, Ordering::Relaxed);
            }
        });
        Self { _stop: stop }
    }
}

/// The seconds of each measure, by its name.
#[derive(Default)]
struct Costs {
    /// The shortest of all rounds, in the mean where a round takes it under several conditions.
    known: BTreeMap<String, f64>,
    /// All that this round has taken so far.
    this_round: BTreeMap<String, Vec<f64>>,
    /// What is being measured, since when.
    under_way: Option<(String, Instant)>,
}

impl Observer for Costs {
    fn taking(&mut self, name: &str, _: usize) {
        self.under_way = Some((name.to_owned(), Instant::now()));
    }

    fn taken(&mut self, _: &str) {
        if let Some((name, since)) = self.under_way.take() {
            let seconds = since.elapsed().as_secs_f64();
            self.this_round.entry(name).or_default().push(seconds);
        }
    }
}

impl Costs {
    /// Counts what a round has taken.
    fn end_round(&mut self) {
        for (name, all) in std::mem::take(&mut self.this_round) {
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let shortest = self.known.entry(name).or_insert(mean);
            *shortest = shortest.min(mean);
        }
    }

    /// The seconds of all rounds of a run of so many steps, and whether they may be more.
    fn of_run(&self, plan: &HookPlan, steps: u64) -> (f64, bool) {
        let first = plan.due(0, &[]).into_iter().map(|(_, names)| Ahead {
            times: 1,
            names,
            is_open: false,
        });
        let rounds: Vec<Ahead> = first.chain(plan.ahead(0, steps)).collect();
        let seconds = rounds.iter().map(|round| {
            let names = round.names.iter().map(|name| self.least(name));
            round.times as f64 * names.sum::<f64>()
        });
        let is_open = |round: &Ahead| {
            let mut names = round.names.iter();
            round.is_open || (round.times > 0 && names.any(|name| !self.known.contains_key(name)))
        };
        // What was broken off may have been measured before under conditions that take less.
        let is_open = self.under_way.is_some() || rounds.iter().any(is_open);
        (seconds.sum(), is_open)
    }

    /// At least so many seconds.
    fn least(&self, name: &str) -> f64 {
        let broken_off = self.under_way.as_ref().filter(|(other, _)| other == name);
        let so_far = broken_off.map(|(_, since)| since.elapsed().as_secs_f64());
        let known = self.known.get(name).copied();
        known.or(so_far).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::testing;

    /// 30 steps of three an epoch, whose gradient's norm is measured every ten steps.
    const KEYS: &str = "train.batch_size = 2\n\
                        hooks = [{ measures = [\"gradient.norm\"], every = 10, unit = \"steps\" }]";

    fn costs(known: &[(&str, f64)]) -> Costs {
        let known = known
            .iter()
            .map(|(name, seconds)| ((*name).to_owned(), *seconds));
        Costs {
            known: known.collect(),
            ..Costs::default()
        }
    }

    #[test]
    fn rounds_of_a_run_cost_what_one_of_each_did() {
        let problem = testing::problem(KEYS);
        let layout = problem.objective.network().layout();
        let plan = HookPlan::new(&problem.config, layout, problem.epochs());
        let evaluation = [
            ("loss.train", 1.0),
            ("loss.test", 1.0),
            ("gap.loss", 1.0),
            ("accuracy.train", 1.0),
            ("accuracy.test", 1.0),
        ];
        let all = [&evaluation[..], &[("gradient.norm", 100.0)]].concat();
        // Evaluated before the first step and after each of ten epochs; the norm at steps 0, 10, 20, and 30, which is the last.
        assert_eq!(costs(&all).of_run(&plan, 30), (11.0 * 5.0 + 400.0, false));
        // What was not timed takes at least nothing.
        assert_eq!(costs(&evaluation).of_run(&plan, 30), (55.0, true));
    }

    #[test]
    fn a_measure_costs_its_mean_in_the_shortest_of_all_rounds() {
        let mut costs = Costs::default();
        for (first, second) in [(9.0, 1.0), (3.0, 1.0), (8.0, 2.0)] {
            costs
                .this_round
                .insert("norm.l2".to_owned(), vec![first, second]);
            costs.end_round();
        }
        assert_eq!(costs.known["norm.l2"], 2.0);
    }

    #[test]
    fn what_takes_longer_than_anyone_waits_for_is_open() {
        let problem = testing::problem(KEYS);
        let found = cost(&problem, Duration::from_secs(60)).unwrap();
        assert!(found.step > 0.0 && found.measuring > 0.0 && !found.is_open);
        assert!(cost(&problem, Duration::ZERO).is_ok());
        let mut cut = costs(&[]);
        cut.taking("gradient.norm", 1);
        assert!(cut.least("gradient.norm") >= 0.0 && cut.least("norm.l2") == 0.0);
        let layout = problem.objective.network().layout();
        let plan = HookPlan::new(&problem.config, layout, problem.epochs());
        assert!(cut.of_run(&plan, 30).1);
    }
}

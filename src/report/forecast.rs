//! How long a run still takes.

use crate::train::{Ahead, HookPlan};
use std::collections::{BTreeMap, VecDeque};

/// Estimates the time left from the recent time per step, and from what the measurements that lie
/// ahead have cost before. A run measures everything before its first step, so all costs are known
/// early; a rate over steps and measurements together would first be wrong a thousandfold.
///
/// Times are seconds since some moment.
#[derive(Clone, Debug)]
pub struct Forecast {
    plan: HookPlan,
    total: u64,
    step: u64,
    started_at: Option<u64>,
    /// Seconds in measurements so far.
    measured: f64,
    /// Seconds in steps, and the steps made by then, some time ago and since.
    marks: VecDeque<(f64, u64)>,
    /// The seconds each measure took last.
    costs: BTreeMap<String, f64>,
    /// The seconds that measurements after the last round will take.
    ahead: f64,
    /// Whether they may take more.
    is_open: bool,
    round: Option<Round>,
}

/// A round of measurements under way.
#[derive(Clone, Copy, Debug)]
struct Round {
    began: f64,
    expected: f64,
    taking_since: f64,
}

/// Seconds in steps over which their rate is taken, at least.
const RECENT: f64 = 5.0;

/// Seconds in steps before a rate is believed.
const ENOUGH: f64 = 0.2;

impl Forecast {
    /// Before a run of so many steps.
    pub fn new(plan: HookPlan, total: u64) -> Self {
        Self {
            plan,
            total,
            step: 0,
            started_at: None,
            measured: 0.0,
            marks: VecDeque::new(),
            costs: BTreeMap::new(),
            ahead: 0.0,
            is_open: false,
            round: None,
        }
    }

    /// So many steps have been made; the first call is for where the run starts.
    pub fn stepped(&mut self, step: u64, now: f64) {
        self.step = step;
        match self.started_at {
            None => self.started_at = Some(step),
            // The first step is not like the others: memory is touched for the first time.
            Some(start) if step > start => self.mark(now - self.measured),
            Some(_) => {}
        }
    }

    fn mark(&mut self, training: f64) {
        let is_recent = |&(then, _): &(f64, u64)| training - then < RECENT;
        if self.marks.back().is_none_or(|mark| !is_recent(mark)) {
            self.marks.push_back((training, self.step));
        }
        // The oldest mark goes once the one after it is long enough ago.
        while self.marks.get(1).is_some_and(|mark| !is_recent(mark)) {
            self.marks.pop_front();
        }
    }

    /// A round of measurements begins.
    pub fn measuring(&mut self, now: f64) {
        let due = self.plan.due(self.step, &[]);
        let names = due.iter().flat_map(|(_, names)| names);
        self.round = Some(Round {
            began: now,
            expected: names.map(|name| self.cost(name)).sum(),
            taking_since: now,
        });
    }

    /// A measure of the round has been taken.
    pub fn taken(&mut self, name: &str, now: f64) {
        if let Some(round) = &mut self.round {
            self.costs.insert(name.to_owned(), now - round.taking_since);
            round.taking_since = now;
        }
    }

    /// The round is over.
    pub fn measured(&mut self, now: f64) {
        if let Some(round) = self.round.take() {
            self.measured += now - round.began;
        }
        let ahead = self.plan.ahead(self.step, self.total);
        let costs = ahead.iter().map(|Ahead { times, names, .. }| {
            let round: f64 = names.iter().map(|name| self.cost(name)).sum();
            *times as f64 * round
        });
        self.ahead = costs.sum();
        let is_open = |ahead: &Ahead| {
            let mut names = ahead.names.iter();
            ahead.is_open || (ahead.times > 0 && names.any(|name| !self.costs.contains_key(name)))
        };
        self.is_open = ahead.iter().any(is_open);
    }

    /// Whether it may take longer than is said: a hook waits for something that may happen any number of times, or
    /// measures at a moment to come what has not been measured yet.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    fn cost(&self, name: &str) -> f64 {
        self.costs.get(name).copied().unwrap_or_default()
    }

    /// The seconds left; none before there have been enough steps to tell.
    pub fn seconds_left(&self, now: f64) -> Option<f64> {
        let under_way = self.round.map_or(0.0, |round| now - round.began);
        let &(then, at) = self.marks.front()?;
        let training = now - self.measured - under_way - then;
        if training < ENOUGH || self.step == at {
            return None;
        }
        let rate = training / (self.step - at) as f64;
        let round = self.round.map_or(0.0, |round| round.expected - under_way);
        let steps = self.total.saturating_sub(self.step);
        Some(steps as f64 * rate + round.max(0.0) + self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Epochs};
    use crate::params::Layout;

    /// A run of 10 steps an epoch, measured before every second epoch.
    fn forecast(epochs: u64) -> Forecast {
        let text = "data.dataset = \"digits\"\ndata.train = 320\n\
                    model.kind = \"mlp\"\noptimizer.learning_rate = 0.1\ntrain.epochs = 5\n\
                    [[hooks]]\nmeasures = [\"norm.l2\", \"gradient.norm\"]\nevery = 2\n";
        let known = ["norm.l2", "gradient.norm"];
        let config = config::parse(text, "x.toml", &[], "x", &known).unwrap();
        let plan = HookPlan::new(&config, &Layout::new([]), Epochs::of_steps(10));
        Forecast::new(plan, 10 * epochs)
    }

    /// Follows a run with these seconds per step, per hook and per evaluation, and gives each
    /// forecast beside the truth.
    fn follow(epochs: u64, costs: [f64; 3]) -> Vec<(Option<f64>, f64)> {
        let [step_cost, hook_cost, evaluation_cost] = costs;
        let mut forecast = forecast(epochs);
        let (mut now, mut seen) = (0.0, Vec::new());
        forecast.stepped(0, now);
        for step in 0..=10 * epochs {
            let is_last = step == 10 * epochs;
            let (evaluates, hooks) = (step % 10 == 0, step % 20 == 0 || is_last);
            if evaluates {
                forecast.measuring(now);
                now += evaluation_cost;
                forecast.taken("loss.train", now);
                if hooks {
                    now += hook_cost;
                    forecast.taken("norm.l2", now);
                }
                forecast.measured(now);
            }
            seen.push((forecast.seconds_left(now), now));
            if !is_last {
                now += step_cost;
                forecast.stepped(step + 1, now);
            }
        }
        seen.into_iter()
            .map(|(left, at)| (left, now - at))
            .collect()
    }

    #[test]
    fn nothing_is_said_before_steps_have_been_made() {
        let seen = follow(40, [0.05, 30.0, 1.0]);
        assert!(seen[..4].iter().all(|(left, _)| left.is_none()));
        assert!(seen[10..].iter().all(|(left, _)| left.is_some()));
    }

    #[test]
    fn the_schedule_of_measurements_is_part_of_it_from_the_first() {
        for costs in [[0.05, 30.0, 1.0], [0.5, 0.01, 0.0], [0.03, 0.0, 2.0]] {
            for (left, truth) in follow(40, costs) {
                let Some(left) = left else { continue };
                assert!(
                    (left - truth).abs() <= 1e-6 * truth + 0.6,
                    "{costs:?}: {left}, {truth}"
                );
            }
        }
    }

    #[test]
    fn what_waits_for_an_event_or_has_no_cost_yet_may_take_longer_than_is_said() {
        let open = |hook: &str| {
            let text = format!(
                "optimizer.learning_rate = 0.1\ntrain.epochs = 5\nschedule.warmup = 25\n\
                 [[hooks]]\nmeasures = [\"norm.l2\"]\n{hook}\n"
            );
            let config = config::parse(&text, "x.toml", &[], "x", &["norm.l2"]).unwrap();
            let plan = HookPlan::new(&config, &Layout::new([]), Epochs::of_steps(10));
            let mut forecast = Forecast::new(plan, 50);
            // Evaluations, and the hook once it is known what it costs.
            [
                &[
                    "loss.train",
                    "loss.test",
                    "gap.loss",
                    "accuracy.train",
                    "accuracy.test",
                ][..],
                &["norm.l2"],
            ]
            .map(|names| {
                forecast.measuring(0.0);
                names.iter().for_each(|name| forecast.taken(name, 0.1));
                forecast.measured(0.2);
                forecast.is_open()
            })
        };
        assert_eq!(open("on = [\"interpolation\"]"), [true, true]);
        assert_eq!(open("on = [\"warmup-end\"]"), [true, false]);
        assert_eq!(open(""), [true, false]);
    }

    #[test]
    fn a_run_that_slows_down_is_noticed() {
        let mut forecast = forecast(100);
        forecast.stepped(0, 0.0);
        let mut now = 0.0;
        for step in 1..=900 {
            now += if step <= 500 { 0.01 } else { 0.1 };
            forecast.stepped(step, now);
        }
        let left = forecast.seconds_left(now).unwrap();
        assert!((left - 10.0).abs() < 0.5, "{left}");
    }

    #[test]
    fn the_round_under_way_counts_down() {
        let mut forecast = forecast(100);
        forecast.stepped(0, 0.0);
        forecast.measuring(0.0);
        forecast.taken("loss.train", 1.0);
        forecast.taken("norm.l2", 11.0);
        forecast.measured(11.0);
        for step in 1..=20 {
            forecast.stepped(step, 11.0 + 0.1 * step as f64);
        }
        let before = forecast.seconds_left(13.0).unwrap();
        forecast.measuring(13.0);
        let begun = forecast.seconds_left(13.0).unwrap();
        let later = forecast.seconds_left(17.0).unwrap();
        assert!(
            (begun - later - 4.0).abs() < 1e-9 && begun >= before,
            "{before} {begun} {later}"
        );
    }
}

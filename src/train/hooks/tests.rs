//! When hooks fire, and what is then measured in which scope.

use super::*;
use crate::config::{self, LearningRateRule};
use crate::optim::Schedule;

/// Two layers.
fn layout() -> Layout {
    let names = ["layers.0.weight", "layers.0.bias", "layers.1.weight"];
    Layout::new(names.map(|name| (name.to_owned(), vec![2])))
}

fn config(lines: &str) -> Config {
    let text = format!("optimizer.learning_rate = 0.1\ntrain.epochs = 10\n{lines}");
    config::parse(&text, "x.toml", &[], "x", &measure::names()).unwrap()
}

/// The plan of hooks in a run of ten steps an epoch.
fn plan(lines: &str) -> HookPlan {
    HookPlan::new(&config(lines), &layout(), Epochs::of_steps(10))
}

/// A hook that measures a norm.
fn hook(keys: &str) -> String {
    format!("[[hooks]]\nmeasures = [\"norm.l2\"]\n{keys}\n")
}

fn fires(plan: &HookPlan, step: u64) -> bool {
    let due = plan.due(step, &[]);
    let mut names = due.iter().flat_map(|(_, names)| names);
    names.any(|name| name == "norm.l2")
}

fn fired(keys: &str, steps: u64) -> Vec<u64> {
    let plan = plan(&hook(keys));
    (0..=steps).filter(|&step| fires(&plan, step)).collect()
}

#[test]
fn linear_schedules_fire_at_multiples() {
    assert_eq!(fired("every = 15\nunit = \"steps\"", 50), [0, 15, 30, 45]);
    assert_eq!(fired("every = 2", 50), [0, 20, 40]);
}

#[test]
fn logarithmic_schedules_fire_at_rounded_powers() {
    let logarithmic = "unit = \"steps\"\nschedule = \"logarithmic\"";
    let every_three = fired(&format!("every = 3\n{logarithmic}"), 50);
    assert_eq!(every_three, [0, 3, 6, 12, 24, 48]);
    let fine = fired(&format!("every = 1\nratio = 1.5\n{logarithmic}"), 12);
    assert_eq!(fine, [0, 1, 2, 3, 5, 8, 11]);
}

const FALLING: &str = "schedule = { kind = \"step\", every = 2, warmup = 15 }\n";

#[test]
fn turns_of_the_learning_rate_are_moments() {
    let fired = |on: &str| -> Vec<u64> {
        let plan = plan(&format!("{FALLING}{}", hook(&format!("on = [{on}]"))));
        (0..=100).filter(|&step| fires(&plan, step)).collect()
    };
    assert_eq!(fired("\"warmup-end\""), [15]);
    assert_eq!(fired("\"decay\""), [20, 40, 60, 80, 100]);
    assert_eq!(
        fired("\"decay\", \"warmup-end\""),
        [15, 20, 40, 60, 80, 100]
    );
    assert_eq!(fired("\"loss-spike\""), [] as [u64; 0]);
}

#[test]
fn a_decay_is_where_the_schedule_falls() {
    for shape in [
        "kind = \"step\", every = 2, warmup = 15",
        "kind = \"step\", every = 1, factor = 1.0, warmup = 3",
        "kind = \"exponential\", decay = 0.9",
        "kind = \"exponential\", decay = 0.5, warmup = 20",
    ] {
        let lines = format!("schedule = {{ {shape} }}\n{}", hook("on = [\"decay\"]"));
        let config = config(&lines);
        let schedule = Schedule {
            base: 0.1,
            warmup: config.schedule.warmup,
            shape: config.schedule.shape,
            rule: LearningRateRule::None,
            epochs: Epochs::of_steps(10),
            total_steps: 100,
        };
        let plan = HookPlan::new(&config, &layout(), Epochs::of_steps(10));
        let rate = |step| schedule.learning_rate(step);
        for step in 1..100 {
            // At the end of a warm-up the whole factor so far comes at once.
            let falls = rate(step) < rate(step - 1) && (step != schedule.warmup || step % 10 == 0);
            assert_eq!(fires(&plan, step), falls, "{shape}: {step}");
        }
    }
}

#[test]
fn what_has_happened_fires_the_hooks_that_wait_for_it() {
    let spike = "on = [\"loss-spike\"]\nsamples = 5";
    let crossing = "on = [\"stability-crossing\", \"loss-spike\"]\nevery = 3";
    let text = format!(
        "[[hooks]]\nmeasures = [\"hessian.trace\"]\n{spike}\n\
         [[hooks]]\nmeasures = [\"hessian.lambda_max\"]\n{crossing}"
    );
    let plan = plan(&text);
    let due = |step, triggers: &[Trigger]| -> Vec<String> {
        let due = plan.due(step, triggers).into_iter();
        let names = due.flat_map(|(_, names)| names);
        names.filter(|name| name.starts_with("hessian")).collect()
    };
    assert_eq!(due(7, &[]), [] as [&str; 0]);
    assert_eq!(due(30, &[]), ["hessian.lambda_max"]);
    assert_eq!(
        due(7, &[Trigger::StabilityCrossing]),
        ["hessian.lambda_max"]
    );
    assert_eq!(
        due(7, &[Trigger::LossSpike]),
        ["hessian.trace", "hessian.lambda_max"]
    );
    assert!(plan.waits_for(Trigger::LossSpike) && !plan.waits_for(Trigger::Interpolation));
    // What the round has taken already is not taken again.
    let taken = plan.due(30, &[]);
    let rest = without(plan.on(&[Trigger::LossSpike]), &taken);
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].1, ["hessian.trace"]);
}

#[test]
fn what_lies_ahead_is_what_will_fire() {
    let on = |keys: &str| format!("on = [\"decay\", \"warmup-end\"]\n{keys}");
    let logarithmic = "unit = \"steps\"\nschedule = \"logarithmic\"";
    let schedules = [
        "every = 15\nunit = \"steps\"".to_owned(),
        "every = 2".to_owned(),
        format!("every = 3\nratio = 1.2\n{logarithmic}"),
        "every = 1\nschedule = \"logarithmic\"".to_owned(),
    ];
    let mut all: Vec<String> = schedules.iter().map(|keys| hook(keys)).collect();
    all.extend(schedules.iter().map(|keys| hook(&on(keys))));
    all.push(hook(&on("")));
    all.push(hook("on = [\"warmup-end\"]"));
    for turns in [
        FALLING,
        "schedule = { kind = \"step\", every = 1, warmup = 20 }\n",
        "schedule = { kind = \"exponential\", decay = 0.9, warmup = 1 }\n",
    ] {
        for hook in &all {
            let plan = plan(&format!("{turns}{hook}"));
            let fires = |step| fires(&plan, step);
            let evaluates = |step| plan.evaluates(step);
            for last in [1, 45, 60, 97] {
                for step in 0..=last {
                    let left = |fires: &dyn Fn(u64) -> bool| {
                        let is_extra = step < last && !fires(last);
                        (step + 1..=last).filter(|&step| fires(step)).count() as u64
                            + u64::from(is_extra)
                    };
                    let ahead = plan.ahead(step, last);
                    let times: Vec<u64> = ahead.iter().map(|ahead| ahead.times).collect();
                    let expected = [left(&evaluates), left(&fires)];
                    assert_eq!(times, expected, "{step} of {last}: {turns}{hook}");
                }
            }
        }
    }
}

#[test]
fn only_events_leave_open_how_often_a_hook_fires() {
    let is_open = |on: &str| plan(&format!("{FALLING}{}", hook(on))).ahead(0, 90)[1].is_open;
    assert!(!is_open("on = [\"decay\", \"warmup-end\"]\nevery = 2"));
    assert!(is_open("on = [\"decay\", \"interpolation\"]"));
}

#[test]
fn a_hook_with_maps_measures_again_after_each() {
    let text = "[[hooks]]\nmeasures = [\"norm.l2\", \"reparam.rescale.outputs\"]\n\
                maps = [\"permutation\", \"unit-rescaling\"]";
    let config = config(text);
    assert_eq!(
        measures(&config.hooks[0], Task::Classification),
        [
            "norm.l2",
            "reparam.rescale.outputs",
            "reparam.permutation.norm.l2",
            "reparam.unit-rescaling.norm.l2",
        ]
    );
}

fn due_of_hooks(plan: &HookPlan, step: u64) -> Due {
    let mut due = plan.due(step, &[]);
    due.iter_mut().for_each(|(_, names)| {
        names.retain(|name| !evaluation(Task::Classification).contains(&name.as_str()))
    });
    due.retain(|(_, names)| !names.is_empty());
    due
}

#[test]
fn a_search_starts_as_its_own_hook_says() {
    let named = |keys: &str| {
        format!(
            "[[hooks]]\nmeasures = [\"hessian.lambda_max\", \"norm.l2\"]\nunit = \"steps\"\n{keys}\n"
        )
    };
    let plan = plan(&format!(
        "{}{}",
        named("every = 1"),
        named("every = 2\nwarm_start = true")
    ));
    let due = |step| -> Vec<(bool, Vec<String>)> {
        let due = due_of_hooks(&plan, step).into_iter();
        due.map(|(scope, names)| (scope.warm_start, names))
            .collect()
    };
    let both = vec!["hessian.lambda_max".to_owned(), "norm.l2".to_owned()];
    // What knows no search is the same number in both, and is measured once.
    assert_eq!(due(2), [(false, both.clone()), (true, both[..1].to_vec())]);
    assert_eq!(due(1), [(false, both)]);
}

#[test]
fn what_is_of_a_block_is_taken_for_each_and_all_else_once() {
    let named = |blocks: &str| {
        let measures = "measures = [\"hessian.trace\", \"norm.l2\", \"loss.train\", \"norm.path\"]";
        let plan = plan(&format!("[[hooks]]\n{measures}\nblocks = \"{blocks}\""));
        let due = due_of_hooks(&plan, 10).into_iter();
        due.map(|(scope, names)| (scope.block, names.join(" ")))
            .collect::<Vec<_>>()
    };
    let of = |block: &str| (Some(block.to_owned()), "hessian.trace norm.l2".to_owned());
    // Among the evaluations, which are under the same circumstances.
    let whole = (None, "norm.path".to_owned());
    assert_eq!(
        named("layers"),
        [whole.clone(), of("layers.0"), of("layers.1")]
    );
    assert_eq!(named("layers.0.bias"), [whole.clone(), of("layers.0.bias")]);
    assert_eq!(
        named("layers.1, layers.0.bias"),
        [whole, of("layers.1"), of("layers.0.bias")]
    );
}

#[test]
fn an_evaluation_in_the_far_future_is_never_due() {
    let plan = plan(&format!("train.evaluate_every = {}", i64::MAX));
    assert!((1..1000).all(|step| !plan.evaluates(step)));
}

#[test]
fn names_that_several_hooks_share_are_measured_once() {
    let light = |keys: &str| format!("[[hooks]]\npreset = \"light\"\n{keys}\n");
    let plan = plan(&format!(
        "{}{}{}",
        light(""),
        light(""),
        light("samples = 5")
    ));
    let due = plan.due(10, &[]);
    let samples: Vec<_> = due.iter().map(|(scope, _)| scope.samples).collect();
    assert_eq!(samples, [None, Some(5)]);
    let mut names = due[0].1.clone();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), due[0].1.len());
    // What does not depend on the training samples is the same number over five of them.
    for name in ["norm.l2", "loss.test"] {
        let has = |place: usize| due[place].1.iter().any(|other| other == name);
        assert!(has(0) && !has(1), "{name}");
    }
    assert!(plan.due(5, &[]).is_empty());
}

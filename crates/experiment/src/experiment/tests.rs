//! Every experiment runs, says what it must, and gives the same bytes each time.

use super::outcome::{NamedBytes, Outcome, files};
use super::{Experiment, Findings, Setup, Standing, Subject, Value, catalogue, ledger};
use crate::statistics::Verdict;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// The places in the catalogue of sources whose claims belong to a subject; each must be one or more rows.
fn places(subject: Subject) -> Vec<String> {
    let list = match subject {
        Subject::LeastSquares => {
            "theory: 3-1 3-2 3-3 3-4 8-1 flat-vs-sharp: T1.1 T1.7 C.1 C.2 E1 E2 E3 A.1 B.1 B.12 B.16 \
             structure: Ex.1 Ex.2 B.1 B.3 inductive-bias: N10"
        }
        Subject::DoubleDescent => {
            "flat-vs-sharp: C.5 T1.6 T1.8 A.3 A.7 structure: Ex.5 A.13 inductive-bias: N5 N9"
        }
        Subject::Margins => {
            "theory: 8-4 8-5 8-6 8-11 8-12 8-13 flat-vs-sharp: C.3 A.6 structure: Ex.4 C.2 E5 \
             inductive-bias: N2 N3 N4 N11"
        }
        Subject::MirrorDescent => {
            "theory: 8-3 8-7 8-8 8-9 8-10 flat-vs-sharp: C.15 A.12 inductive-bias: N12"
        }
        Subject::Factorisations => {
            "inductive-bias: N1 N6 theory: 11-1 11-2 11-3 11-4 11-5 11-6 11-7 11-8 11-9"
        }
        Subject::Kernels => {
            "theory: 9-1 9-2 9-3 9-4 9-5 9-6 9-7 9-8 9-9 flat-vs-sharp: C.20 A.11 B.4 \
             structure: A.5 A.19 Ex.3 inductive-bias: N7"
        }
        Subject::Optimisation => {
            "theory: 2-1 2-2 2-3 2-4 2-5 2-6 2-7 2-8 2-9 2-10 2-11 2-12 2-13 2-14 2-17 12-3 12-5 12-6 12-7 12-8 \
             flat-vs-sharp: C.6 structure: B.9 B.15 E10 Ex.10"
        }
        Subject::Landscapes => {
            "theory: 6-1 6-2 6-3 6-4 6-5 6-6 6-7 6-8 7-1 7-2 7-3 7-4 7-5 7-6 13-1 13-7 13-8 \
             flat-vs-sharp: T1.2 T1.3 T1.5 two-basin"
        }
        Subject::Capacity => {
            "theory: 5-2 5-3 5-4 5-5 5-6 5-7 5-8 5-10 10-1 10-2 10-3 10-4 flat-vs-sharp: C.14 C.16 B.5 B.10 \
             structure: B.2 B.4 B.7 B.8 Ex.9"
        }
        Subject::Scaling => "structure: C.1 C.6 C.10 Ex.6 E7 E13 A.4 A.6 A.17 theory: 15-law",
    };
    let mut source = "";
    let mut places = Vec::new();
    for word in list.split_whitespace() {
        match word.strip_suffix(':') {
            Some(name) => source = name,
            None => places.push(format!("{source} {word}")),
        }
    }
    places
}

fn quickly(experiment: &dyn Experiment) -> Findings {
    let about = experiment.about();
    let stop = AtomicBool::new(false);
    let seeds = (0..about.seeds.quick).collect();
    let findings = experiment.run(&Setup::new(BTreeMap::new(), seeds, true, &stop));
    findings.unwrap_or_else(|error| panic!("{}: {error}", about.name))
}

fn written(experiment: &dyn Experiment, findings: &Findings) -> Vec<NamedBytes> {
    let about = experiment.about();
    let outcome = Outcome::of(&about, findings);
    files(&about, findings, &outcome).unwrap_or_else(|error| panic!("{}: {error}", about.name))
}

/// Runs all of a subject and checks what they leave.
fn check(subject: Subject) {
    let mut open: BTreeSet<String> = places(subject).into_iter().collect();
    let mut taken = 0.0;
    for &experiment in catalogue::of(subject) {
        let about = experiment.about();
        let name = about.name;
        assert_eq!(about.subject, subject, "{name}");
        let start = Instant::now();
        let findings = quickly(experiment);
        let seconds = start.elapsed().as_secs_f64();
        // Of what it says of itself, on a busy machine with other tests beside it.
        assert!(
            cfg!(debug_assertions) || seconds <= 15.0 + 20.0 * about.seconds.quick,
            "{name}: a quick run took {seconds:.1} s, and should take {} s",
            about.seconds.quick
        );
        taken += seconds;
        assert!(
            !findings.claims.is_empty() && !findings.figures.is_empty(),
            "{name}"
        );
        for claim in &findings.claims {
            let measured = claim.estimate.value;
            assert!(
                measured.is_finite(),
                "{name}: \"{}\" has no number: {measured}",
                claim.text
            );
            if let Standing::Control(must) = claim.standing {
                assert!(
                    [must, Verdict::NotDecided].contains(&claim.verdict()),
                    "{name}: \"{}\" {}: {:?}",
                    claim.text,
                    claim.verdict(),
                    claim.estimate
                );
            }
            assert!(
                claim.standing != Standing::Corrected || claim.verdict() != Verdict::Fails,
                "{name}: \"{}\" is corrected and fails: {:?}",
                claim.text,
                claim.estimate
            );
            open.remove(claim.id);
            assert!(is_place(claim.id), "{name}: {}", claim.id);
        }
        let files = written(experiment, &findings);
        let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), files.len(), "{name}: two files of one name");
        if about.seconds.quick <= 0.5 {
            let alone = rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .build()
                .unwrap();
            let again = alone.install(|| written(experiment, &quickly(experiment)));
            for ((file, bytes), (_, others)) in files.iter().zip(&again) {
                assert!(
                    bytes == others,
                    "{name}: {file} is not the same with one thread"
                );
            }
        }
    }
    assert!(open.is_empty(), "no claim of {open:?}");
    let mut all = TAKEN.lock().unwrap();
    all.push(taken);
    // Whichever test is the last of them.
    let sum: f64 = all.iter().sum();
    assert!(
        cfg!(debug_assertions) || all.len() < Subject::ALL.len() || sum <= 240.0,
        "all quick runs took {sum:.0} s"
    );
}

/// The seconds that the quick runs of each subject took.
static TAKEN: Mutex<Vec<f64>> = Mutex::new(Vec::new());

/// Whether any subject has this place.
fn is_place(id: &str) -> bool {
    Subject::ALL
        .into_iter()
        .flat_map(places)
        .any(|place| place == id)
}

macro_rules! every_experiment_of {
    ($($name:ident: $subject:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            check(Subject::$subject);
        })+
    };
}

every_experiment_of! {
    least_squares_run: LeastSquares,
    double_descent_runs: DoubleDescent,
    margins_run: Margins,
    mirror_descent_runs: MirrorDescent,
    factorisations_run: Factorisations,
    kernels_run: Kernels,
    optimisation_runs: Optimisation,
    landscapes_run: Landscapes,
    capacity_runs: Capacity,
    scaling_runs: Scaling,
}

#[test]
fn names_are_unique_words_with_hyphens_and_texts_are_sentences() {
    let mut names = BTreeSet::new();
    for experiment in catalogue::all() {
        let about = experiment.about();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(about.name.chars().all(is_plain), "{}", about.name);
        assert!(names.insert(about.name), "two are called {}", about.name);
        for text in [about.claim, about.mathematics, about.refuted_by] {
            assert!(text.ends_with('.'), "{}: {text}", about.name);
        }
        assert!(about.seeds.quick <= about.seeds.full, "{}", about.name);
        assert_eq!(
            about.seeds.quick == 0,
            about.seeds.full == 0,
            "{}",
            about.name
        );
        let mut keys = BTreeSet::new();
        for parameter in experiment.parameters() {
            let name = parameter.name;
            assert!(keys.insert(name), "{}: two parameters {name}", about.name);
            for value in [&parameter.full, &parameter.quick] {
                let settings = [format!("{name}={value}")];
                let read = catalogue::settings(&[experiment], &settings).unwrap();
                assert_eq!(&read[0][name], value, "{}: {name}", about.name);
            }
        }
    }
}

#[test]
fn all_quick_runs_say_that_they_fit_into_four_minutes() {
    let seconds: f64 = catalogue::all()
        .iter()
        .map(|each| each.about().seconds.quick)
        .sum();
    assert!(seconds <= 240.0, "{seconds}");
}

#[test]
fn settings_are_refused_with_what_is_allowed() {
    let experiment = *catalogue::all().first().unwrap();
    let parameter = experiment.parameters().into_iter().next().unwrap();
    let refused = |setting: String| {
        catalogue::settings(&[experiment], &[setting])
            .unwrap_err()
            .to_string()
    };
    assert!(refused("samples".to_owned()).contains("key=value"));
    let unknown = refused(format!("{}x=1", parameter.name));
    assert!(
        unknown.contains(&format!("did you mean `{}`?", parameter.name)),
        "{unknown}"
    );
    for text in ["none", "\"5\"", "nan", "[1, \"x\"]", "1\nother = 2"] {
        let message = refused(format!("{}={text}", parameter.name));
        assert!(message.contains(parameter.meaning), "{message}");
    }
    assert!(
        matches!(parameter.full, Value::Count(_)),
        "the first parameter is a count"
    );
    assert!(refused(format!("{}=-3", parameter.name)).contains("whole number"));
    let message = catalogue::find("minimal-norm").map(|found| found.about().name);
    assert!(
        message
            .unwrap_err()
            .to_string()
            .contains("lab experiment list")
    );
}

fn outcome() -> Outcome {
    let experiment = *catalogue::all().first().unwrap();
    Outcome::of(&experiment.about(), &quickly(experiment))
}

#[test]
fn the_ledger_is_sorted_by_verdict_and_says_what_is_right_instead() {
    let mut outcome = outcome();
    let row = outcome.verdicts[0].clone();
    let of = |standing: Standing, claim: &str, verdict: Verdict| super::outcome::VerdictRow {
        claim: claim.to_owned(),
        standing: standing.word().to_owned(),
        must: match standing {
            Standing::Control(must) => Some(must),
            _ => None,
        },
        as_printed: standing == Standing::Printed,
        id: "theory 3-1".to_owned(),
        verdict,
        ..row.clone()
    };
    outcome.verdicts = vec![
        of(Standing::Corrected, "It is <right>.", Verdict::Holds),
        of(
            Standing::Control(Verdict::Fails),
            "It is a control.",
            Verdict::NotDecided,
        ),
        of(
            Standing::Control(Verdict::Fails),
            "It is as it must.",
            Verdict::Fails,
        ),
        of(Standing::Printed, "It is wrong.", Verdict::Fails),
    ];
    let outcomes = [outcome];
    let ledger = ledger::Ledger::of(&outcomes, "experiments/");
    let markdown = ledger.markdown();
    let line = |text: &str| {
        markdown
            .lines()
            .position(|line| line.starts_with(&format!("| {text}")))
            .unwrap()
    };
    assert!(line("It is wrong.") < line("It is a control."));
    assert!(line("It is a control.") < line("It is <right>."));
    assert!(line("It is <right>.") < line("It is as it must."));
    assert!(
        markdown.contains("controls, 1 come out as they must, 0 do not, 1 are not decided."),
        "{markdown}"
    );
    let wrong = markdown.lines().nth(line("It is wrong.")).unwrap();
    assert!(
        wrong.contains("| fails") && wrong.contains("It is <right>."),
        "{wrong}"
    );
    let report = format!("(experiments/{}/report.md)", outcomes[0].name);
    assert!(markdown.contains(&report), "{markdown}");
    let html = ledger.html();
    assert!(html.contains("It is &lt;right&gt;.") && !html.contains("<right>"));
    assert!(html.contains("<tr class=\"not-decided\">"));
    assert!(html.contains(&format!(
        "<a href=\"experiments/{}/report.md\">",
        outcomes[0].name
    )));
}

#[test]
fn a_result_survives_being_written() {
    let outcome = outcome();
    let text = serde_json::to_string(&outcome).unwrap();
    assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
}

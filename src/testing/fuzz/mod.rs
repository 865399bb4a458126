//! Readers under fire: everything that reads what the program did not write itself is given many
//! damaged inputs, none of which may make it panic, hang, or take much memory.
//!
//! The inputs are those of the tests, mutated: [`mutate`] by bytes, words and numbers, and each
//! target by a repair of its own (a length, a checksum) that lets half of the inputs past the first
//! check. An input whose outcome has not been seen before joins the corpus, so that outcomes that
//! need several changes are found one after another. The sequence of inputs is a function of the
//! target's name; how far it is followed is a matter of time: a second each by default, and
//! `LAB_FUZZ_SECONDS` for more:
//!
//! ```sh
//! LAB_FUZZ_SECONDS=60 cargo test --release --lib fuzz -- --show-output
//! ```

mod memory;
mod mutate;

use crate::random::{StreamRng, Streams};
use rand::RngExt;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Seconds for each target where the environment does not say.
const SECONDS: f64 = 1.0;
/// The most bytes an input may make a reader hold at a time.
const MEMORY: usize = 256 << 20;
/// The longest an input may take; what takes longer than the second one is taken for a hang.
const SLOWEST: Duration = Duration::from_secs(2);
const HANG: Duration = Duration::from_secs(60);
/// Inputs are not grown beyond this.
const LONGEST: usize = 1 << 15;
/// Inputs with outcomes of their own that are kept to go on from.
const KEPT: usize = 500;

/// A reader and what to feed it.
pub(crate) struct Target<'a> {
    /// The name, from which the inputs follow.
    pub name: &'static str,
    /// Inputs to begin with, most of them good.
    pub corpus: Vec<Vec<u8>>,
    /// Words the format is made of.
    pub words: &'a [&'a [u8]],
    /// Makes a mutated input pass the format's first checks; applied to half of them.
    pub repair: fn(&mut Vec<u8>, &mut StreamRng),
    /// Reads an input and says what came of it; a message, say. It panics where a promise is broken.
    pub read: &'a dyn Fn(&[u8]) -> String,
}

/// What a target survived.
#[derive(Debug)]
pub(crate) struct Survived {
    inputs: u64,
    outcomes: usize,
    slowest: Duration,
    memory: usize,
}

/// Feeds a target for as long as the environment says, and prints what it survived.
#[track_caller]
pub(crate) fn run(target: &Target<'_>) {
    let seconds = std::env::var("LAB_FUZZ_SECONDS").ok();
    let seconds = seconds.filter(|text| !text.is_empty());
    let seconds = seconds.map_or(SECONDS, |text| text.parse().expect("LAB_FUZZ_SECONDS"));
    let time = Duration::from_secs_f64(seconds);
    match feed(target, time) {
        Ok(survived) => println!(
            "fuzz {}: {} inputs in {seconds} s, {} kinds of outcome, at most {:.1} MiB and {:.0} ms each",
            target.name,
            survived.inputs,
            survived.outcomes,
            survived.memory as f64 / f64::from(1 << 20),
            survived.slowest.as_secs_f64() * 1e3,
        ),
        Err((input, why)) => panic!(
            "fuzz {}: {why} on {} bytes: b\"{}\"",
            target.name,
            input.len(),
            input.escape_ascii()
        ),
    }
}

/// Feeds a target for some time; the smallest failing input found and what happened where one does.
fn feed(target: &Target<'_>, time: Duration) -> Result<Survived, (Vec<u8>, String)> {
    let mut rng = Streams::new(0).stream(&format!("fuzz.{}", target.name), 0);
    let watch = Watch::start(target.name);
    let mut corpus = target.corpus.clone();
    let mut seen = HashSet::new();
    let mut survived = Survived {
        inputs: 0,
        outcomes: 0,
        slowest: Duration::ZERO,
        memory: 0,
    };
    let start = Instant::now();
    for number in 0.. {
        let first = target.corpus.get(number);
        if first.is_none() && start.elapsed() >= time {
            break;
        }
        let input = match first {
            Some(input) => input.clone(),
            None => changed(target, &corpus, &mut rng),
        };
        watch.set(Some(&input));
        let tried = try_input(target, &input);
        watch.set(None);
        let (outcome, took, memory) = tried.map_err(|_| shrink(target, input.clone()))?;
        survived.inputs += 1;
        survived.slowest = survived.slowest.max(took);
        survived.memory = survived.memory.max(memory);
        if seen.insert(kind(&outcome)) && seen.len() <= KEPT {
            corpus.push(input);
        }
    }
    survived.outcomes = seen.len();
    Ok(survived)
}

/// An input of the corpus, changed.
fn changed(target: &Target<'_>, corpus: &[Vec<u8>], rng: &mut StreamRng) -> Vec<u8> {
    let mut input = corpus[rng.random_range(0..corpus.len())].clone();
    let other = &corpus[rng.random_range(0..corpus.len())];
    mutate::mutate(&mut input, other, target.words, rng);
    input.truncate(LONGEST);
    if rng.random_bool(0.5) {
        (target.repair)(&mut input, rng);
    }
    input
}

/// The outcome of an input, its time and its memory; what happened where it broke a promise.
fn try_input(target: &Target<'_>, input: &[u8]) -> Result<(String, Duration, usize), String> {
    let start = Instant::now();
    let (outcome, memory) = memory::peak(input, || {
        catch_unwind(AssertUnwindSafe(|| (target.read)(input)))
    });
    let took = start.elapsed();
    let outcome = outcome.map_err(|payload| crate::cli::panic_message(payload.as_ref()))?;
    if memory > MEMORY {
        return Err(format!("held {memory} bytes"));
    }
    if took > SLOWEST {
        return Err(format!("took {} s", took.as_secs_f64()));
    }
    Ok((outcome, took, memory))
}

/// The smallest input that removing pieces of a failing one leads to, and what happens on it.
fn shrink(target: &Target<'_>, mut input: Vec<u8>) -> (Vec<u8>, String) {
    let start = Instant::now();
    let mut piece = input.len() / 2;
    while piece > 0 && start.elapsed() < 10 * SLOWEST {
        let mut at = 0;
        while at < input.len() {
            let end = (at + piece).min(input.len());
            let smaller = [&input[..at], &input[end..]].concat();
            match try_input(target, &smaller) {
                Err(_) => input = smaller,
                Ok(_) => at += piece,
            }
        }
        piece /= 2;
    }
    let why = try_input(target, &input).err();
    (input, why.unwrap_or_else(|| "not every time".to_owned()))
}

/// The kind of an outcome: its first words, without what it quotes.
fn kind(outcome: &str) -> String {
    let mut is_quoted = false;
    let plain: String = outcome
        .chars()
        .filter(|c| {
            let is_quote = matches!(c, '`' | '"');
            is_quoted ^= is_quote;
            !is_quote && !is_quoted
        })
        .collect();
    let words = plain
        .split_whitespace()
        .map(|word| word.trim_matches([',', ';', ':', '.']));
    let words = words.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
    words.take(4).collect::<Vec<_>>().join(" ")
}

/// Ends the process, with the input on standard error, when one takes for ever.
struct Watch(Arc<Current>);

/// The input that is being read, and since when.
type Current = Mutex<Option<(Instant, Vec<u8>)>>;

impl Watch {
    fn start(name: &'static str) -> Self {
        let current: Arc<Current> = Arc::default();
        let watched = Arc::downgrade(&current);
        std::thread::spawn(move || {
            while let Some(current) = watched.upgrade() {
                if let Ok(current) = current.lock()
                    && let Some((since, input)) = &*current
                    && since.elapsed() > HANG
                {
                    eprintln!("fuzz {name}: hangs on b\"{}\"", input.escape_ascii());
                    std::process::abort();
                }
                drop(current);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Self(current)
    }

    fn set(&self, input: Option<&[u8]>) {
        if let Ok(mut current) = self.0.lock() {
            *current = input.map(|input| (Instant::now(), input.to_vec()));
        }
    }
}

/// No format's first checks need help.
pub(crate) fn as_it_is(_: &mut Vec<u8>, _: &mut StreamRng) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(read: &dyn Fn(&[u8]) -> String) -> (Vec<u8>, String) {
        let target = Target {
            name: "itself",
            corpus: vec![b"begin 12 end".to_vec()],
            words: &[b"magic"],
            repair: as_it_is,
            read,
        };
        feed(&target, Duration::from_secs(20)).expect_err("nothing found")
    }

    #[test]
    fn a_panic_is_found_step_by_step_and_cut_to_what_it_needs() {
        let (input, why) = failure(&|bytes| {
            let text = String::from_utf8_lossy(bytes);
            // Two things that no single change brings about, with an outcome of its own for the first.
            match (text.contains("magic"), text.contains("-1")) {
                // A panic that the hook does not print.
                (true, true) => std::panic::resume_unwind(Box::new("both")),
                (true, false) => "magic".to_owned(),
                _ => "nothing".to_owned(),
            }
        });
        let text = String::from_utf8(input).unwrap();
        assert!(text == "magic-1" || text == "-1magic", "{text}");
        assert_eq!(why, "a library stopped unexpectedly: both");
    }

    #[test]
    fn memory_that_is_held_at_a_time_is_counted() {
        let (_, why) = failure(&|bytes| {
            let length = if bytes.len() > 20 { MEMORY + 1 } else { 10 };
            // Freed at once, so that only what is held together counts.
            (0..3).map(|_| vec![0_u8; length].len()).max();
            String::new()
        });
        let held: usize = why
            .strip_prefix("held ")
            .and_then(|text| text.strip_suffix(" bytes"))
            .and_then(|text| text.parse().ok())
            .unwrap();
        assert!((MEMORY + 1..2 * MEMORY).contains(&held), "{why}");
    }

    #[test]
    fn slowness_is_found() {
        let (_, why) = failure(&|bytes| {
            if bytes.is_empty() {
                std::thread::sleep(SLOWEST + Duration::from_millis(100));
            }
            String::new()
        });
        assert!(why.starts_with("took 2."), "{why}");
    }

    #[test]
    fn the_kind_of_an_outcome_is_without_its_numbers_and_quotations() {
        let outcome = "x.toml: `a b` (line 3) must, found \"c\" and 4 more things";
        assert_eq!(kind(outcome), "must found and more");
    }
}

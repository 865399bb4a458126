//! What flags ask for: directions, ranges, and where the files go.

use super::SliceArgs;
use crate::cli::CommandError;
use crate::nearest::{hint, nearest};
use crate::slice::Kind;
use crate::words::Word;
use std::path::PathBuf;

/// The kinds of the directions, one or two.
pub(super) fn kinds(args: &SliceArgs) -> Result<Vec<Kind>, CommandError> {
    let refused = |reason: String| Err(CommandError::Input(reason));
    let list = match (&args.directions, &args.second) {
        (Some(list), None) => list.as_str(),
        (None, None) => "random",
        (None, Some(_)) => "interpolation",
        (Some(list), Some(_)) if list == "interpolation" => list,
        (Some(list), Some(_)) => {
            return refused(format!(
                "--directions {list}: from one run to another there is one direction, the line between them; \
                 leave --directions out, or give one run"
            ));
        }
    };
    let mut kinds = words(list)?;
    if kinds.contains(&Kind::Interpolation) && args.second.is_none() {
        return refused(
            "--directions interpolation: needs a second run to go to: lab slice RUN RUN2"
                .to_owned(),
        );
    }
    match (kinds.as_slice(), args.dimensions) {
        ([Kind::Interpolation], Some(2))
        | ([Kind::Interpolation, _] | [_, Kind::Interpolation], _) => {
            return refused(
                "--dimensions 2: from one run to another there is a line only".to_owned(),
            );
        }
        ([Kind::Gradient], Some(2)) | ([Kind::Gradient, Kind::Gradient], _) => {
            return refused(
                "--directions gradient: there is one gradient; name another direction for a plane, such as \
                 gradient,eigenvector"
                    .to_owned(),
            );
        }
        ([_, _], Some(1)) => {
            return refused(format!("--dimensions 1: --directions {list} names two"));
        }
        ([kind], Some(2)) => kinds.push(*kind),
        _ => {}
    }
    Ok(kinds)
}

/// The directions that a list names.
fn words(list: &str) -> Result<Vec<Kind>, CommandError> {
    let allowed = format!(
        "one or two of {}, separated by a comma",
        Kind::WORDS.join(", ")
    );
    let words: Vec<&str> = list.split(',').map(str::trim).collect();
    let refused = |reason: String| Err(CommandError::Input(reason));
    if let Some(word) = words.iter().find(|word| Kind::of_word(word).is_none()) {
        return refused(format!(
            "--directions {list}: there is no direction `{word}`{} Allowed: {allowed}",
            hint(nearest(word, Kind::WORDS))
        ));
    }
    if words.len() > 2 {
        return refused(format!(
            "--directions {list}: these are {}, and a slice is a line or a plane. Allowed: {allowed}",
            words.len()
        ));
    }
    Ok(words.into_iter().filter_map(Kind::of_word).collect())
}

/// The files without their endings.
pub(super) fn place(args: &SliceArgs, kinds: &[Kind]) -> Result<PathBuf, CommandError> {
    if let Some(out) = &args.out {
        return Ok(out.clone());
    }
    let Some(run) = args.solution.run() else {
        return Err(CommandError::Input(
            "--out: weights that are of no run have no folder for slices; name a place with --out PLACE".to_owned(),
        ));
    };
    let name = args.name.clone().unwrap_or_else(|| name(args, kinds));
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
        return Err(CommandError::Input(format!(
            "--name {name:?}: is the name of files in the run's folder `slices`; --out takes a place elsewhere"
        )));
    }
    Ok(run.join("slices").join(name))
}

/// A name that tells slices of one run apart by what their flags say.
pub(super) fn name(args: &SliceArgs, kinds: &[Kind]) -> String {
    let mut parts: Vec<String> = match kinds {
        [first, second] if first == second => vec![format!("{first}-plane")],
        kinds => vec![
            kinds
                .iter()
                .map(|kind| kind.as_str())
                .collect::<Vec<_>>()
                .join("-"),
        ],
    };
    if let Some(second) = &args.second {
        let last: Vec<_> = second.components().rev().take(2).collect();
        let names = last
            .iter()
            .rev()
            .map(|part| part.as_os_str().to_string_lossy().into_owned());
        parts.push(format!(
            "to-{}",
            names.collect::<Vec<_>>().join("-").replace(['.', '/'], "")
        ));
    }
    if let Some(seed) = args.seed {
        parts.push(format!("seed-{seed}"));
    }
    if args.on == "test" {
        parts.push("test".to_owned());
    }
    if args.re_estimate {
        parts.push("re-estimated".to_owned());
    }
    parts.join("-")
}

/// The ranges in a text, one for each axis.
pub(super) fn ranges(text: &str, count: usize) -> Result<Vec<[f64; 2]>, CommandError> {
    let numbers: Option<Vec<f64>> = text
        .split(',')
        .map(|number| number.trim().parse().ok())
        .collect();
    let numbers = numbers.unwrap_or_default();
    let ranges: Vec<[f64; 2]> = numbers.as_chunks().0.to_vec();
    let is_sound =
        |range: &[f64; 2]| range[0] < range[1] && range.iter().all(|end| end.is_finite());
    let fits = numbers.len() == 2 || numbers.len() == 2 * count;
    if !fits || !ranges.iter().all(is_sound) {
        return Err(CommandError::Input(format!(
            "--range {text}: must be a smaller and a larger number, as in -1,1{}",
            if count == 2 {
                ", or a pair for each direction, as in -1,1,-2,2"
            } else {
                ""
            }
        )));
    }
    Ok((0..count)
        .map(|index| ranges[index.min(ranges.len() - 1)])
        .collect())
}

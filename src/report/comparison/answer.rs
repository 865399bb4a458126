//! The answer of a comparison in sentences.

use super::lines::{HEADLINES, ordered};
use super::listed;
use crate::compare::{Caution, Comparison, Finding, Findings, Group, Matching, Standing, Withheld};
use crate::measure::find;
use crate::report::{significant, two_digits};

/// How many measures a clause names, of those that no map moves and of those that one does.
const NAMED: usize = 6;
const NAMED_MOVED: usize = 4;

/// What was compared at what training losses, what the measures say that no map moves, what rests on
/// the parameterisation, what is not decided, and what could mislead.
pub(super) fn sentences(comparison: &Comparison) -> Vec<String> {
    let mut sentences = Vec::new();
    let standing = comparison.answer.standing;
    if standing == Standing::UnlikeRuns {
        // Why there are no verdicts comes before everything else.
        sentences.extend(comparison.warnings.first().cloned());
    }
    sentences.push(compared(comparison));
    match standing {
        Standing::UnlikeRuns => {}
        Standing::OneGroup => {
            sentences.push("There is one group only, so nothing is compared.".to_owned());
        }
        Standing::TooFewSeeds => sentences.push(
            "Nothing is decided: a verdict needs at least three seeds in each group (train with \
             --seeds 0..3)."
                .to_owned(),
        ),
        Standing::Untested => sentences.push(
            "Nothing is tested: every line is set, equal, or has no verdict for the reason in its \
             place."
                .to_owned(),
        ),
        Standing::UnequalLosses => {
            sentences.push(without_flatness(comparison));
            sentences.extend(test_data(comparison));
            sentences.extend(others(comparison));
            sentences.extend(parameterised(comparison));
            sentences.extend(undecided(comparison));
        }
        Standing::EqualLosses => {
            sentences.push(flatness(comparison));
            sentences.extend(test_data(comparison));
            sentences.extend(others(comparison));
            sentences.extend(parameterised(comparison));
            sentences.extend(undecided(comparison));
        }
    }
    sentences.extend(cautions(&comparison.answer.cautions));
    sentences
}

/// Which groups are compared, and at what training losses.
fn compared(comparison: &Comparison) -> String {
    let groups: Vec<String> = comparison.groups.iter().map(counted).collect();
    let groups = match &groups[..] {
        [first, second] => format!("{first} against {second}"),
        groups => listed(groups),
    };
    let losses: Vec<String> = comparison.groups.iter().map(reached).collect();
    let losses = match &losses[..] {
        [loss] => format!("a training loss of {loss}"),
        losses => format!("training losses of {}", listed(losses)),
    };
    let standing = match (comparison.is_tested, comparison.losses) {
        (false, _) => "",
        (_, Matching::Equal) => ", equal within 2 %",
        (_, Matching::WithinErrors) => ", different by no more than their errors",
        (_, Matching::Unequal) => ", NOT equal",
        (_, Matching::Unknown) => ", not all known",
    };
    format!(
        "By {}: {groups}, at {losses}{standing}.",
        comparison.key.replace(',', " and "),
    )
}

fn counted(group: &Group) -> String {
    match group.runs {
        1 => format!("{} (1 seed)", group.label),
        runs => format!("{} ({runs} seeds)", group.label),
    }
}

/// The training loss that a group's runs ended at, and the range where they lie apart.
fn reached(group: &Group) -> String {
    let Some(loss) = group.training_loss else {
        return "unknown size".to_owned();
    };
    let error = loss
        .deviation
        .map(|error| format!(" ± {}", two_digits(error)));
    let range = loss.are_scattered().then(|| {
        let [min, max] = [loss.min, loss.max].map(significant);
        format!(" ({min} to {max})")
    });
    significant(loss.mean) + &error.unwrap_or_default() + &range.unwrap_or_default()
}

/// Why nothing is said of flatness, and what would mend that.
fn without_flatness(comparison: &Comparison) -> String {
    let cause = match comparison.losses {
        Matching::Unknown => "training losses that are not known",
        _ => "training losses that differ beyond their errors",
    };
    let remedy = match comparison.matching_commands.is_empty() {
        true => "",
        false => ": these commands train the runs again to one loss",
    };
    format!(
        "No conclusion about flatness is drawn between groups at {cause}, because curvature falls with the \
         loss{remedy}."
    )
}

/// What is said of the function's flatness.
pub(super) fn flatness(comparison: &Comparison) -> String {
    let findings = &comparison.answer.flatness;
    let measures = if comparison.maps.is_empty() {
        "of flatness (no map leaves the function of these networks alone)"
    } else {
        "of flatness that no function-preserving map moves"
    };
    let clauses = clauses(findings, &comparison.groups, &with_ratio(comparison), NAMED);
    if findings.is_empty() {
        format!("None of the measures taken is one {measures}.")
    } else if findings.decided.is_empty() {
        format!("No measure {measures} is decided: {clauses}.")
    } else {
        format!("Of the measures {measures}, {clauses}.")
    }
}

fn test_data(comparison: &Comparison) -> Option<String> {
    let findings = &comparison.answer.test_data;
    if findings.is_empty() {
        return None;
    }
    let nothing = if findings.decided.is_empty() {
        " nothing is decided:"
    } else {
        ""
    };
    let clauses = clauses(findings, &comparison.groups, &with_ratio(comparison), NAMED);
    Some(format!("On test data{nothing} {clauses}."))
}

/// What other measures say that no map moves: margins, path norms.
fn others(comparison: &Comparison) -> Option<String> {
    let decided = decided_only(&comparison.answer.others);
    if decided.is_empty() {
        return None;
    }
    let clauses = clauses(&decided, &comparison.groups, &with_ratio(comparison), NAMED);
    Some(format!(
        "Of the other measures that no map moves, {clauses}."
    ))
}

/// What is decided and says nothing of the function by itself.
fn parameterised(comparison: &Comparison) -> Option<String> {
    let decided = decided_only(&comparison.answer.parameterised);
    let clauses = clauses(&decided, &comparison.groups, &with_movement, NAMED_MOVED);
    let lines = match decided.decided.len() {
        0 => return None,
        1 => "1 decided line rests".to_owned(),
        lines => format!("{lines} decided lines rest"),
    };
    Some(format!(
        "{lines} on the parameterisation, because a map moves the measure and leaves the function \
         alone: {clauses}."
    ))
}

fn decided_only(findings: &Findings) -> Findings {
    Findings {
        decided: findings.decided.clone(),
        ..Findings::default()
    }
}

/// A measure's name with how much larger the larger of two groups is.
fn with_ratio(comparison: &Comparison) -> impl Fn(&Finding) -> String {
    let are_two = comparison.groups.len() == 2;
    move |finding| {
        let name = &finding.name;
        let ratio = finding.ratio.filter(|_| are_two);
        let larger = ratio.map(|ratio| ratio.max(1.0 / ratio));
        let larger = larger.map(|ratio| match ratio < 1.1 {
            true => format!("by {} %", two_digits(100.0 * (ratio - 1.0))),
            false => format!("{} times", two_digits(ratio)),
        });
        let is_flatter = find(name).is_some_and(|measure| measure.is_flatter_larger);
        let said = larger
            .into_iter()
            .chain(is_flatter.then(|| "larger is flatter".to_owned()));
        let said: Vec<String> = said.collect();
        match said.as_slice() {
            [] => name.clone(),
            said => format!("{name} ({})", said.join("; ")),
        }
    }
}

/// A measure's name with how far maps moved it, where that was measured.
fn with_movement(finding: &Finding) -> String {
    let factors: Vec<String> = finding
        .moved_by
        .iter()
        .filter_map(|movement| {
            let factor = two_digits(movement.ratio?);
            Some(format!("×{factor} by {}", movement.map))
        })
        .collect();
    if factors.is_empty() {
        return finding.name.clone();
    }
    format!("{} ({})", finding.name, listed(&factors))
}

/// How many of the lines that were not named are undecided.
fn undecided(comparison: &Comparison) -> Option<String> {
    let answer = &comparison.answer;
    let named = answer.flatness.undecided.len() + answer.test_data.undecided.len();
    match answer.undecided().count() - named {
        0 => None,
        1 => Some("1 more line is undecided.".to_owned()),
        lines => Some(format!("{lines} more lines are undecided.")),
    }
}

/// Everything that is known of lines of one kind: `a and b are larger at 512; c is undecided`. A
/// clause names the first few.
fn clauses(
    findings: &Findings,
    groups: &[Group],
    name: &dyn Fn(&Finding) -> String,
    named: usize,
) -> String {
    let mut directions: Vec<(String, Vec<String>)> = Vec::new();
    for finding in headlines_first(&findings.decided, |finding| &finding.name) {
        let order = ordered(&finding.larger, Vec::new(), groups);
        let direction = match groups.len() {
            2 => format!("larger at {order}"),
            _ => format!("ordered ({order})"),
        };
        match directions.iter_mut().find(|(other, _)| *other == direction) {
            Some((_, names)) => names.push(name(finding)),
            None => directions.push((direction, vec![name(finding)])),
        }
    }
    let mut clauses: Vec<String> = directions
        .iter()
        .map(|(direction, names)| clause(names, ["is", "are"], direction, named))
        .collect();
    let undecided = headlines_first(&findings.undecided, |name| name).cloned();
    let undecided: Vec<String> = undecided.collect();
    clauses.push(clause(&undecided, ["is", "are"], "undecided", named));
    clauses.push(clause(
        &findings.equal,
        ["is", "are"],
        "equal within the margin",
        named,
    ));
    clauses.push(clause(
        &findings.identical,
        ["is", "are"],
        "identical",
        named,
    ));
    clauses.push(withheld(&findings.withheld, named));
    clauses.retain(|clause| !clause.is_empty());
    clauses.join("; ")
}

fn withheld(lines: &[Withheld], named: usize) -> String {
    let names = headlines_first(lines, |line| &line.name).map(|line| line.name.clone());
    let names: Vec<String> = names.collect();
    let mut reasons: Vec<&str> = lines.iter().map(|line| line.reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let verdict = format!("no verdict ({})", reasons.join("; "));
    clause(&names, ["has", "have"], &verdict, named)
}

/// A sentence's part about some measures, of which the first are named; empty without any.
fn clause(names: &[String], [one, several]: [&str; 2], predicate: &str, named: usize) -> String {
    if names.is_empty() {
        return String::new();
    }
    let (named, rest) = names.split_at(names.len().min(named));
    let verb = if names.len() == 1 { one } else { several };
    let mut subjects = named.to_vec();
    if !rest.is_empty() {
        subjects.push(format!("{} more", rest.len()));
    }
    format!("{} {verb} {predicate}", listed(&subjects))
}

/// Lines with those first by which comparisons are known.
fn headlines_first<T>(lines: &[T], name: impl Fn(&T) -> &str) -> impl Iterator<Item = &T> {
    let (first, rest): (Vec<&T>, Vec<&T>) = lines
        .iter()
        .partition(|line| HEADLINES.contains(&name(line)));
    first.into_iter().chain(rest)
}

fn cautions(cautions: &[Caution]) -> Option<String> {
    let runs = |count: usize, what: &str| match count {
        1 => format!("1 run {what}"),
        count => format!("{count} runs {what}"),
    };
    let words: Vec<String> = cautions
        .iter()
        .map(|caution| match caution {
            Caution::UnequalLosses { apart } => {
                format!("training losses {:.0} % apart", 100.0 * apart)
            }
            Caution::UnknownLosses => "training losses that are not known".to_owned(),
            Caution::Confounds { keys } => format!("groups that differ in {} too", listed(keys)),
            Caution::Degenerate { runs: count } => {
                runs(*count, "whose network has learned nothing")
            }
            Caution::LeftOut { runs: count } => runs(*count, "left out"),
            Caution::NotConverged { lines } => {
                format!("{} not converged in some runs", listed(lines))
            }
        })
        .collect();
    (!words.is_empty()).then(|| format!("What could mislead: {}.", words.join("; ")))
}

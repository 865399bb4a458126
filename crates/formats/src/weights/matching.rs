//! Which tensor is which parameter.
//!
//! Tensors are compared module by module (`fc1` with its `weight` and `bias`). Modules of one signature (the same parts
//! of the same shapes) are told apart by their names where the model's own names are all there, else by their order: that
//! of the file where it is the order of definition, else that of the numbers in their names. Where neither decides, it is
//! an error: nothing is guessed.

use super::listing::Listing;
use std::collections::BTreeMap;
use thiserror::Error;

/// PyTorch's counter of batches, which may be missing or a number with a fraction.
pub const COUNTER: &str = "num_batches_tracked";

/// A parameter or running statistic of the model: its name and shape.
pub type Block<'a> = (&'a str, &'a [usize]);

/// Which tensor is which block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// For each block the place of its tensor in the file; none for counters that it does not have.
    pub places: Vec<Option<usize>>,
    /// The modules that have another name in the file: that one, and the model's.
    pub renamed: Vec<(String, String)>,
}

/// Why tensors cannot be matched with the model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MatchError {
    /// No module of the file is like one of the model.
    #[error("has no tensors for `{module}` ({parts}); it has {found}")]
    Missing {
        /// The model's module.
        module: String,
        /// Its parts with their shapes.
        parts: String,
        /// What the file has that is left over.
        found: String,
    },
    /// A part of a module that is there is not.
    #[error("has no tensor `{name}`")]
    MissingPart {
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape than the model's.
    #[error("tensor `{name}` has shape {found:?}, the model has {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The model's.
        expected: Vec<usize>,
    },
    /// The file has what belongs to no part of the model.
    #[error("tensor `{name}` belongs to no parameter of the model")]
    Surplus {
        /// The tensor.
        name: String,
    },
    /// Several modules are alike, and nothing tells which is which.
    #[error(
        "{} have the same shapes, and neither names nor order tell which of them is {}; say it by --rename 'PATTERN=NAME'",
        list(found),
        list(wanted)
    )]
    Ambiguous {
        /// The file's modules.
        found: Vec<String>,
        /// The model's.
        wanted: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// A module: its name and its parts, each with its shape and place.
pub(super) struct Module {
    pub name: String,
    pub parts: BTreeMap<String, (Vec<usize>, usize)>,
    counter: Option<usize>,
}

/// The parts of a module by name and core of the shape.
type Signature = Vec<(String, Vec<usize>)>;

impl Module {
    fn signature(&self) -> Signature {
        let parts = self.parts.iter();
        parts
            .map(|(part, (shape, _))| (part.clone(), core_of(part, shape)))
            .collect()
    }

    pub fn said(&self) -> String {
        let parts = self.parts.iter();
        let parts: Vec<_> = parts
            .map(|(part, (shape, _))| format!("{part} {shape:?}"))
            .collect();
        parts.join(", ")
    }
}

/// A shape without what two layouts of the same numbers may differ in: of all but weights, whose first axis counts
/// outputs, axes of length 1 at the front.
fn core_of(part: &str, shape: &[usize]) -> Vec<usize> {
    let front = match part {
        "weight" => 0,
        _ => shape.iter().take_while(|&&length| length == 1).count(),
    };
    shape[front.min(shape.len().saturating_sub(1))..].to_vec()
}

/// Tensors by module, in the order of their first ones.
pub(super) fn modules<'a>(
    tensors: impl Iterator<Item = (&'a str, &'a [usize], usize)>,
) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for (name, shape, place) in tensors {
        let (module, part) = name.rsplit_once('.').unwrap_or(("", name));
        let known = modules.iter().position(|it| it.name == module);
        let known = known.unwrap_or_else(|| {
            modules.push(Module {
                name: module.to_owned(),
                parts: BTreeMap::new(),
                counter: None,
            });
            modules.len() - 1
        });
        match part {
            COUNTER => modules[known].counter = Some(place),
            part => {
                let part = part.to_owned();
                modules[known].parts.insert(part, (shape.to_vec(), place));
            }
        }
    }
    modules.retain(|module| !module.parts.is_empty());
    modules
}

/// Matches the first of several listings whose names are all the model's, else the last by shapes.
///
/// # Errors
///
/// [`MatchError`] of the last listing.
pub fn matched(levels: &[Listing], blocks: &[Block<'_>]) -> Result<Matching, MatchError> {
    let of_names = |level: &&Listing| {
        blocks.iter().all(|(name, _)| {
            name.ends_with(COUNTER) || level.entries.iter().any(|entry| entry.name() == *name)
        })
    };
    let level = levels.iter().find(of_names).or(levels.last());
    let none = Listing::default();
    of_one(level.unwrap_or(&none), blocks)
}

/// Matches one listing.
fn of_one(listing: &Listing, blocks: &[Block<'_>]) -> Result<Matching, MatchError> {
    let entries = listing.entries.iter();
    let found = modules(entries.map(|it| (it.name(), it.shape.as_slice(), it.place)));
    let numbered = blocks.iter().enumerate();
    let wanted = modules(numbered.map(|(place, &(name, shape))| (name, shape, place)));
    let mut classes: BTreeMap<Signature, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (place, module) in found.iter().enumerate() {
        classes.entry(module.signature()).or_default().0.push(place);
    }
    for (place, module) in wanted.iter().enumerate() {
        classes.entry(module.signature()).or_default().1.push(place);
    }
    let mut pairs = Vec::new();
    for (theirs, ours) in classes.values() {
        if theirs.len() != ours.len() {
            return Err(mismatch(&found, &wanted, &classes));
        }
        let [theirs, ours] = [(theirs, &found), (ours, &wanted)]
            .map(|(places, modules)| places.iter().map(|&place| &modules[place]).collect());
        pairs.extend(told_apart(theirs, ours, listing.is_ordered)?);
    }
    let mut places = vec![None; blocks.len()];
    let mut renamed = Vec::new();
    for (theirs, ours) in pairs {
        for (part, (_, block)) in &ours.parts {
            places[*block] = theirs.parts.get(part).map(|(_, place)| *place);
        }
        if let Some(block) = ours.counter {
            places[block] = theirs.counter;
        }
        if theirs.name != ours.name {
            let first = ours.parts.values().map(|(_, block)| *block).min();
            renamed.push((first, theirs.name.clone(), ours.name.clone()));
        }
    }
    renamed.sort();
    let renamed = renamed.into_iter().map(|(_, theirs, ours)| (theirs, ours));
    Ok(Matching {
        places,
        renamed: renamed.collect(),
    })
}

/// Pairs of modules of one signature, as many as there are.
fn told_apart<'m>(
    mut theirs: Vec<&'m Module>,
    ours: Vec<&'m Module>,
    is_ordered: bool,
) -> Result<Vec<(&'m Module, &'m Module)>, MatchError> {
    let namesake = |of: &&'m Module| theirs.iter().find(|it| it.name == of.name).copied();
    let by_name: Option<Vec<_>> = ours
        .iter()
        .map(|our| Some((namesake(our)?, *our)))
        .collect();
    if let Some(pairs) = by_name {
        return Ok(pairs);
    }
    if theirs.len() > 1 && !is_ordered {
        let template = |module: &&Module| numbers(&module.name).0;
        let first = theirs.first().map(template);
        if theirs.iter().any(|module| Some(template(module)) != first) {
            let names = |of: &[&Module]| of.iter().map(|it| it.name.clone()).collect();
            return Err(MatchError::Ambiguous {
                found: names(&theirs),
                wanted: names(&ours),
            });
        }
        theirs.sort_by_key(|module| numbers(&module.name).1);
    }
    Ok(theirs.into_iter().zip(ours).collect())
}

/// A name with its numbers taken out, and these.
pub(super) fn numbers(name: &str) -> (String, Vec<u64>) {
    let (mut template, mut numbers) = (String::new(), Vec::new());
    let mut digits = String::new();
    for c in name.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            numbers.push(digits.parse().unwrap_or(u64::MAX));
            digits.clear();
            template.push('#');
        }
        template.push(c);
    }
    (template, numbers)
}

/// What to say of modules that do not go together: of a name that both have first.
fn mismatch(
    found: &[Module],
    wanted: &[Module],
    classes: &BTreeMap<Signature, (Vec<usize>, Vec<usize>)>,
) -> MatchError {
    let full = |module: &Module, part: &str| match module.name.as_str() {
        "" => part.to_owned(),
        module => format!("{module}.{part}"),
    };
    for ours in wanted {
        let Some(theirs) = found.iter().find(|it| it.name == ours.name) else {
            continue;
        };
        for (part, (expected, _)) in &ours.parts {
            let name = full(ours, part);
            match theirs.parts.get(part) {
                Some((shape, _)) if core_of(part, shape) != core_of(part, expected) => {
                    return MatchError::Shape {
                        name,
                        found: shape.clone(),
                        expected: expected.clone(),
                    };
                }
                Some(_) => {}
                None => return MatchError::MissingPart { name },
            }
        }
        if let Some(part) = theirs
            .parts
            .keys()
            .find(|part| !ours.parts.contains_key(*part))
        {
            let name = full(theirs, part);
            return MatchError::Surplus { name };
        }
    }
    let excess = |of: &[usize], other: &[usize]| of.len() > other.len();
    let left_over: Vec<String> = classes
        .values()
        .filter(|(theirs, ours)| excess(theirs, ours))
        .flat_map(|(theirs, _)| theirs)
        .map(|&place| format!("`{}` ({})", found[place].name, found[place].said()))
        .collect();
    let missing = classes
        .values()
        .filter(|(theirs, ours)| excess(ours, theirs));
    let missing = missing.flat_map(|(_, ours)| ours).min();
    match missing {
        Some(&place) => MatchError::Missing {
            module: wanted[place].name.clone(),
            parts: wanted[place].said(),
            found: match left_over.is_empty() {
                true => "nothing that is left over".to_owned(),
                false => left_over.join(", "),
            },
        },
        None => {
            let surplus = classes
                .values()
                .filter(|(theirs, ours)| excess(theirs, ours));
            let ours: Vec<&str> = wanted.iter().map(|it| it.name.as_str()).collect();
            let surplus = surplus
                .flat_map(|(theirs, _)| theirs)
                .map(|&place| &found[place]);
            let surplus = surplus.max_by_key(|it| !ours.contains(&it.name.as_str()));
            let part = surplus.and_then(|it| Some(full(it, it.parts.keys().next()?)));
            let name = part.unwrap_or_default();
            MatchError::Surplus { name }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::listing::tests::listing;
    use super::*;

    const MLP: &[Block<'static>] = &[
        ("layers.0.weight", &[5, 4]),
        ("layers.0.bias", &[5]),
        ("layers.1.weight", &[5, 5]),
        ("layers.1.bias", &[5]),
        ("layers.2.weight", &[5, 5]),
        ("layers.2.bias", &[5]),
        ("layers.3.weight", &[3, 5]),
        ("layers.3.bias", &[3]),
    ];

    /// The tensors of a multilayer perceptron whose layers have these names.
    fn named(layers: [&str; 4], is_ordered: bool) -> Vec<Listing> {
        let shapes: [(&[usize], &[usize]); 4] = [
            (&[5, 4], &[5]),
            (&[5, 5], &[5]),
            (&[5, 5], &[5]),
            (&[3, 5], &[3]),
        ];
        let names: Vec<String> = layers
            .iter()
            .flat_map(|it| [format!("{it}.weight"), format!("{it}.bias")])
            .collect();
        let shapes = shapes.iter().flat_map(|(weight, bias)| [*weight, *bias]);
        let tensors: Vec<_> = names.iter().map(String::as_str).zip(shapes).collect();
        listing(&tensors, is_ordered).unwrapped().unwrap()
    }

    fn places(matching: &Matching) -> Vec<usize> {
        matching.places.iter().map(|it| it.unwrap()).collect()
    }

    #[test]
    fn names_that_fit_are_taken_whatever_their_order() {
        let fitting = named(["layers.0", "layers.2", "layers.1", "layers.3"], true);
        let matching = matched(&fitting, MLP).unwrap();
        assert_eq!(places(&matching), [0, 1, 4, 5, 2, 3, 6, 7]);
        assert_eq!(matching.renamed, []);
    }

    /// `nn.Sequential` numbers its activations too, so that `layers.2` is the second layer, not the third.
    #[test]
    fn names_that_fit_by_chance_are_not_taken() {
        for is_ordered in [true, false] {
            let sequential = named(["layers.0", "layers.2", "layers.4", "layers.6"], is_ordered);
            let matching = matched(&sequential, MLP).unwrap();
            assert_eq!(places(&matching), [0, 1, 2, 3, 4, 5, 6, 7]);
            let renamed = matching.renamed.iter();
            let renamed: Vec<_> = renamed.map(|(a, b)| format!("{a} {b}")).collect();
            assert_eq!(
                renamed,
                ["0 layers.0", "2 layers.1", "4 layers.2", "6 layers.3"]
            );
        }
    }

    #[test]
    fn numbers_in_names_are_an_order_and_words_are_none() {
        let tenth = named(["in", "fc10", "fc9", "out"], false);
        assert_eq!(
            places(&matched(&tenth, MLP).unwrap()),
            [0, 1, 4, 5, 2, 3, 6, 7]
        );
        let words = named(["in", "mid", "second", "out"], false);
        assert_eq!(
            matched(&words, MLP).unwrap_err().to_string(),
            "`mid`, `second` have the same shapes, and neither names nor order tell which of them is `layers.1`, `layers.2`; say it by --rename 'PATTERN=NAME'"
        );
        // In the order of definition they are.
        let words = named(["in", "mid", "second", "out"], true);
        assert_eq!(
            places(&matched(&words, MLP).unwrap()),
            [0, 1, 2, 3, 4, 5, 6, 7]
        );
    }

    #[test]
    fn counters_may_be_missing_and_other_things_may_not() {
        let blocks: &[Block<'_>] = &[
            ("norm.weight", &[2]),
            ("norm.running_mean", &[2]),
            ("norm.num_batches_tracked", &[]),
        ];
        let of = |tensors: &[(&str, &[usize])]| {
            let levels = listing(tensors, true).unwrapped().unwrap();
            matched(&levels, blocks)
        };
        let whole: &[(&str, &[usize])] = &[("bn.weight", &[2]), ("bn.running_mean", &[2])];
        assert_eq!(of(whole).unwrap().places, [Some(0), Some(1), None]);
        let error = |tensors: &[(&str, &[usize])]| of(tensors).unwrap_err().to_string();
        assert_eq!(
            error(&[("norm.weight", &[2])]),
            "has no tensor `norm.running_mean`"
        );
        assert_eq!(
            error(&[("norm.weight", &[3]), ("norm.running_mean", &[2])]),
            "tensor `norm.weight` has shape [3], the model has [2]"
        );
        assert_eq!(
            error(&[
                ("a.weight", &[2]),
                ("a.running_mean", &[2]),
                ("b.weight", &[2, 2])
            ]),
            "tensor `b.weight` belongs to no parameter of the model"
        );
        assert_eq!(
            error(&[("a.weight", &[7])]),
            "has no tensors for `norm` (running_mean [2], weight [2]); it has `a` (weight [7])"
        );
    }
}

//! Which of a file's tensors are the model: checkpoints hold other things beside it (`{"model": …, "optimizer": …}`),
//! and wrappers put their word before every name (`module.` of `DataParallel`, `_orig_mod.` of `torch.compile`,
//! `model.` of Lightning).

use super::rename::Rename;
use std::rc::Rc;
use thiserror::Error;

/// The keys under which training scripts keep the model, the likelier ones first.
const MODEL_KEYS: &[&str] = &[
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
];

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place among the file's tensors.
    pub place: usize,
    /// The keys of the containers it is in, and its name in the innermost one.
    pub path: Vec<Rc<str>>,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl Entry {
    /// Its name in the innermost container.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", |name| name)
    }
}

/// Tensors with names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The tensors.
    pub entries: Vec<Entry>,
    /// Whether they stand in the order in which the model defines them, as `state_dict()` has it and a sorted file has
    /// not.
    pub is_ordered: bool,
    /// What the file has beside them: the key, and how many tensors are under it.
    pub left_out: Vec<(String, usize)>,
}

/// Why it cannot be told which tensors are the model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListingError {
    /// There are no tensors.
    #[error("it holds no tensors")]
    Empty,
    /// Several containers could be the model.
    #[error("it holds tensors under {}, and which of them is the model is not said; take one by --rename '^{}\\.='", keys.join(", "), keys.first().map_or("", |key| key.as_str()))]
    Several {
        /// Their keys.
        keys: Vec<String>,
    },
    /// Two tensors have one name after renaming.
    #[error("--rename gives two tensors the name `{0}`")]
    Twice(String),
}

impl Listing {
    /// The tensors of a file, given by their keys and shapes in the file's order.
    pub fn new<'a>(
        tensors: impl IntoIterator<Item = (&'a [Rc<str>], &'a [usize])>,
        is_ordered: bool,
    ) -> Self {
        let entry = |(place, (path, shape)): (usize, (&[Rc<str>], &[usize]))| Entry {
            place,
            path: path.to_vec(),
            shape: shape.to_vec(),
        };
        Self {
            entries: tensors.into_iter().enumerate().map(entry).collect(),
            is_ordered,
            left_out: Vec::new(),
        }
    }

    /// With other names: patterns see the keys with dots between them, and what they change has no containers any
    /// more; what is left without a name is left out.
    ///
    /// # Errors
    ///
    /// [`ListingError::Twice`].
    pub fn renamed(mut self, renames: &[Rename]) -> Result<Self, ListingError> {
        for entry in &mut self.entries {
            let old = entry.path.join(".");
            let new = renames.iter().fold(old.clone(), |name, it| it.apply(&name));
            if new != old {
                entry.path = vec![new.into()];
            }
        }
        let before = self.entries.len();
        self.entries
            .retain(|entry| !entry.path.join(".").is_empty());
        let dropped = before - self.entries.len();
        if dropped > 0 {
            self.left_out
                .push(("--rename to nothing".to_owned(), dropped));
        }
        let mut names: Vec<String> = self.entries.iter().map(|it| it.path.join(".")).collect();
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(ListingError::Twice(pair[0].clone())),
            None => Ok(self),
        }
    }

    /// The model's tensors, step by step without the containers and words around them: the last one has the shortest
    /// names.
    ///
    /// # Errors
    ///
    /// [`ListingError`] where there are none, or several containers could be the model.
    pub fn unwrapped(mut self) -> Result<Vec<Self>, ListingError> {
        while self.entries.iter().any(|entry| entry.path.len() > 1) {
            self = self.of_container()?;
        }
        if self.entries.is_empty() {
            return Err(ListingError::Empty);
        }
        let mut levels = vec![self];
        while let Some(shorter) = levels.last().and_then(Self::without_word) {
            levels.push(shorter);
        }
        Ok(levels)
    }

    /// One container deeper.
    fn of_container(mut self) -> Result<Self, ListingError> {
        let mut groups: Vec<(Option<Rc<str>>, usize)> = Vec::new();
        let key = |entry: &Entry| (entry.path.len() > 1).then(|| entry.path[0].clone());
        for entry in &self.entries {
            let key = key(entry);
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, count)) => *count += 1,
                None => groups.push((key, 1)),
            }
        }
        let has = |word: Option<&str>| groups.iter().any(|(key, _)| key.as_deref() == word);
        let known = MODEL_KEYS.iter().find(|&&word| has(Some(word)));
        let chosen: Option<Rc<str>> = match (known, &groups[..]) {
            (Some(&word), _) => Some(word.into()),
            // Tensors beside the containers are the model, and what is in those is not.
            (None, _) if has(None) => None,
            (None, [(only, _)]) => only.clone(),
            (None, _) => {
                let keys = groups.iter().filter_map(|(key, _)| key.as_deref());
                let keys = keys.map(str::to_owned).collect();
                return Err(ListingError::Several { keys });
            }
        };
        for (other, count) in groups.iter().filter(|(key, _)| *key != chosen) {
            let name = other.as_deref().unwrap_or("tensors beside it");
            self.left_out.push((name.to_owned(), *count));
        }
        self.entries.retain(|entry| key(entry) == chosen);
        if chosen.is_some() {
            for entry in &mut self.entries {
                entry.path.remove(0);
            }
        }
        Ok(self)
    }

    /// Without the word before the first dot, where all names have the same and have two more behind it.
    fn without_word(&self) -> Option<Self> {
        let (word, _) = self.entries.first()?.name().split_once('.')?;
        let shorter = |entry: &Entry| {
            let rest = entry.name().strip_prefix(word)?.strip_prefix('.')?;
            rest.contains('.').then(|| Entry {
                path: vec![rest.into()],
                ..entry.clone()
            })
        };
        let entries: Option<Vec<Entry>> = self.entries.iter().map(shorter).collect();
        Some(Self {
            entries: entries?,
            is_ordered: self.is_ordered,
            left_out: self.left_out.clone(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A listing of names, in which `/` divides the keys of containers, with shapes.
    pub(crate) fn listing(tensors: &[(&str, &[usize])], is_ordered: bool) -> Listing {
        let paths: Vec<Vec<Rc<str>>> = tensors
            .iter()
            .map(|(name, _)| name.split('/').map(Rc::from).collect())
            .collect();
        let shapes = tensors.iter().map(|(_, shape)| *shape);
        Listing::new(paths.iter().map(Vec::as_slice).zip(shapes), is_ordered)
    }

    fn names(of: &[&str]) -> Listing {
        let tensors: Vec<(&str, &[usize])> =
            of.iter().map(|&name| (name, &[1_usize][..])).collect();
        listing(&tensors, true)
    }

    fn shortest(of: &[&str]) -> Vec<String> {
        let levels = names(of).unwrapped().unwrap();
        let last = levels.last().unwrap();
        last.entries.iter().map(|it| it.name().to_owned()).collect()
    }

    #[test]
    fn containers_and_words_around_the_model_are_taken_off() {
        for wrapped in [
            &["fc.weight", "out.weight"][..],
            &[
                "state_dict/module.fc.weight",
                "state_dict/module.out.weight",
                "optimizer/state/0/exp_avg",
            ],
            &["model/_orig_mod.fc.weight", "model/_orig_mod.out.weight"],
            &["anything/at/all/fc.weight", "anything/at/all/out.weight"],
            &["fc.weight", "out.weight", "optimizer/0"],
            &["model.fc.weight", "model.out.weight"],
        ] {
            assert_eq!(
                shortest(wrapped),
                ["fc.weight", "out.weight"],
                "{wrapped:?}"
            );
        }
        // Each level is kept: names that fit in full need not be shortened.
        assert_eq!(
            names(&["layers.0.weight", "layers.1.weight"])
                .unwrapped()
                .unwrap()
                .len(),
            2
        );
        // A module of its own keeps its name, and what only some names have is no wrapper.
        assert_eq!(
            shortest(&["fc.weight", "fc.bias"]),
            ["fc.weight", "fc.bias"]
        );
        assert_eq!(
            shortest(&["model.0.weight", "head.weight"]),
            ["model.0.weight", "head.weight"]
        );
    }

    #[test]
    fn what_is_left_out_is_known() {
        let file = names(&[
            "model/a.weight",
            "optimizer/state/0/x",
            "optimizer/state/1/x",
        ]);
        let levels = file.unwrapped().unwrap();
        assert_eq!(levels[0].left_out, [("optimizer".to_owned(), 2)]);
    }

    #[test]
    fn several_models_must_be_chosen_from() {
        let file = names(&["ema/a.weight", "raw/a.weight"]);
        let error = file.clone().unwrapped().unwrap_err().to_string();
        assert_eq!(
            error,
            "it holds tensors under ema, raw, and which of them is the model is not said; take one by --rename '^ema\\.='"
        );
        let rename = Rename::parse("^ema\\.=").unwrap();
        let chosen = file.renamed(&[rename]).unwrap().unwrapped().unwrap();
        assert_eq!(chosen[0].entries[0].name(), "a.weight");
        assert_eq!(chosen[0].left_out, [("raw".to_owned(), 1)]);
    }

    #[test]
    fn a_tensor_renamed_to_nothing_is_left_out_and_no_name_may_occur_twice() {
        let rename = |text: &str| [Rename::parse(text).unwrap()];
        let file = names(&["a.weight", "mask"]);
        let kept = file.clone().renamed(&rename("^mask$=")).unwrap();
        assert_eq!(kept.entries.len(), 1);
        let twice = file.renamed(&rename(".+=x")).unwrap_err();
        assert_eq!(twice, ListingError::Twice("x".to_owned()));
        assert_eq!(names(&[]).unwrapped().unwrap_err(), ListingError::Empty);
    }
}

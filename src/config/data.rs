//! `[data]`: what to learn from.

use super::choice::{Augment, Dataset, PixelNormalisation, Subset};
use super::rule::{Rule, Violation};
use super::section::Reader;

/// The word of the only data set without images.
const TEXT: &[&str] = &[Dataset::Text.as_str()];

section! {
    /// `[data]`: what to learn from.
    checked by keeps_classes;
    pub struct Data {
        /// What to learn from.
        dataset: Dataset = default(Dataset::Digits);
        /// What only text has; none for images.
        text: Option<Text> = part_for("data.dataset", TEXT);
        /// How many training samples to use.
        train: Option<usize> = optional("all");
        /// How many test samples to use.
        test: Option<usize> = optional("all");
        /// Which samples to keep when not all.
        subset: Subset = default(Subset::First);
        /// How pixels become numbers.
        normalize: PixelNormalisation = default(PixelNormalisation::Unit) when "data.dataset" is Dataset::IMAGE_WORDS;
        /// The fraction of training labels replaced.
        label_noise: f64 = default(0.0) in Fraction when "data.dataset" is Dataset::IMAGE_WORDS;
        /// The classes to keep, at least two.
        classes: Option<Vec<u8>> = optional("all") when "data.dataset" is Dataset::IMAGE_WORDS;
        /// Random changes of the training images of each batch, only where they keep the class.
        augment: Vec<Augment> = default(Vec::new()) when "data.dataset" is Dataset::IMAGE_WORDS;
    }
}

section! {
    /// What only `dataset = "text"` has.
    #[derive(Eq)]
    pub struct Text {
        /// The file, below the data folder if its path is relative.
        file: String = required("the path of the text, below the data folder if it is relative");
        /// Characters (bytes of the file) in a sample.
        sequence: usize = default(64);
    }
}

impl Data {
    /// The whole of `dataset`, everything else at its default.
    pub fn new(dataset: Dataset) -> Self {
        Self {
            dataset,
            text: None,
            train: None,
            test: None,
            subset: Subset::default(),
            normalize: PixelNormalisation::default(),
            label_noise: 0.0,
            classes: None,
            augment: Vec::new(),
        }
    }
}

fn keeps_classes(data: &mut Data, _: &Reader<'_>) -> Result<(), Violation> {
    if data.text.is_some() && data.subset == Subset::Stratified {
        return Err(Violation::new("data.subset", Rule::StratifiedText).against("data.dataset"));
    }
    if let Some(classes) = &data.classes {
        distinct(classes)?;
    }
    for (index, &kind) in data.augment.iter().enumerate() {
        let at = |rule| Violation::new(format!("data.augment.{index}"), rule);
        if data.augment[..index].contains(&kind) {
            return Err(at(Rule::AugmentRepeated { found: kind }));
        }
        let reason = match (kind, data.dataset) {
            (Augment::Flip, Dataset::Digits | Dataset::Mnist) => "a mirrored digit is another sign",
            (Augment::Crop, Dataset::Digits) => "4 pixels are half of an image",
            _ => continue,
        };
        let rule = Rule::AugmentLosesClass {
            found: kind,
            dataset: data.dataset,
            reason,
        };
        return Err(at(rule).against("data.dataset"));
    }
    Ok(())
}

fn distinct(classes: &[u8]) -> Result<(), Violation> {
    for (index, &class) in classes.iter().enumerate() {
        if classes[..index].contains(&class) {
            let found = class.into();
            let key = format!("data.classes.{index}");
            return Err(Violation::new(key, Rule::ClassRepeated { found }));
        }
    }
    match classes.len() {
        0 | 1 => {
            let found = classes.len();
            Err(Violation::new(
                "data.classes",
                Rule::TooFewClasses { found },
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse;
    use crate::config::samples::{PLAIN, message};

    const TEXT: &str = "data.dataset = \"text\"\nmodel.kind = \"transformer\"";

    fn classes(list: &str) -> String {
        message(&format!("data.classes = {list}\n{PLAIN}"))
    }

    #[test]
    fn classes_are_from_0_to_9() {
        assert_eq!(
            classes("[0, 10]"),
            "x.toml: `data.classes.1` (line 1) must be a class from 0 to 9, found 10"
        );
    }

    #[test]
    fn classes_are_distinct() {
        assert_eq!(
            classes("[3, 5, 3]"),
            "x.toml: `data.classes.2` (line 1) must name each class once, found 3 again"
        );
    }

    #[test]
    fn a_text_needs_a_file_and_is_resolved_without_the_keys_of_images() {
        assert_eq!(
            message(&format!("{TEXT}\n{PLAIN}")),
            "x.toml: `data.file` is required: the path of the text, below the data folder if it is relative"
        );
        let read = |text: &str| parse(text, "x.toml", &[], "x", &[]).unwrap();
        let config = read(&format!("{TEXT}\ndata.file = \"a.txt\"\n{PLAIN}"));
        assert_eq!(
            config.data.text.as_ref().map(|text| text.sequence),
            Some(64)
        );
        assert_eq!(read(&config.to_toml()), config);
    }

    #[test]
    fn augmentation_keeps_the_class() {
        let augment = |dataset: &str, list: &str| {
            message(&format!(
                "data.dataset = \"{dataset}\"\ndata.augment = {list}\n{PLAIN}"
            ))
        };
        insta::assert_snapshot!(augment("mnist", "[\"crop\", \"flip\"]"), @r#"x.toml: `data.augment.1` (line 2) = "flip" does not keep the class of data.dataset = "mnist": a mirrored digit is another sign"#);
        insta::assert_snapshot!(augment("digits", "[\"crop\"]"), @r#"x.toml: `data.augment.0` (line 2) = "crop" does not keep the class of data.dataset = "digits": 4 pixels are half of an image"#);
        insta::assert_snapshot!(augment("cifar10", "[\"flip\", \"flip\"]"), @r#"x.toml: `data.augment.1` (line 2) must name each change once, found "flip" again"#);
        insta::assert_snapshot!(augment("cifar10", "[\"rotate\"]"), @r#"x.toml: `data.augment.0` (line 2) must be one of "flip", "crop", found "rotate""#);
    }

    #[test]
    fn classes_are_at_least_two() {
        assert_eq!(
            classes("[3]"),
            "x.toml: `data.classes` (line 1) must name 2 to 10 classes, found 1"
        );
    }
}

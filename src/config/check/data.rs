//! Checks `[data]`.

use super::{other_kind, range};
use crate::config::choice::{Augment, Dataset, Subset};
use crate::config::number::{Count, Whole};
use crate::config::raw::RawData;
use crate::config::rule::{Rule, Violation};
use crate::config::valid::{Data, Text};

pub(super) const KIND: &str = "data.dataset";
const TEXT: &str = Dataset::Text.as_str();

/// The words of the data sets of images.
pub(super) const IMAGES: [&str; Dataset::IMAGES.len()] = {
    let mut words = [""; Dataset::IMAGES.len()];
    let mut index = 0;
    while index < words.len() {
        words[index] = Dataset::IMAGES[index].as_str();
        index += 1;
    }
    words
};

pub(super) fn check(raw: &RawData) -> Result<Data, Violation> {
    let dataset = raw.dataset.unwrap_or_default();
    refuse_foreign(raw, dataset)?;
    Ok(Data {
        dataset,
        text: text(raw, dataset)?,
        train: raw.train.map(|count| count.0),
        test: raw.test.map(|count| count.0),
        subset: raw.subset.unwrap_or_default(),
        normalize: raw.normalize.unwrap_or_default(),
        label_noise: range::fraction("data.label_noise", raw.label_noise, 0.0)?,
        classes: raw.classes.as_deref().map(classes).transpose()?,
        augment: augment(raw.augment.as_deref().unwrap_or_default(), dataset)?,
    })
}

/// Refuses the first key that is present and belongs to other data sets only.
fn refuse_foreign(raw: &RawData, dataset: Dataset) -> Result<(), Violation> {
    let keys: [(&str, bool, &[&'static str]); 6] = [
        ("data.file", raw.file.is_some(), &[TEXT]),
        ("data.sequence", raw.sequence.is_some(), &[TEXT]),
        ("data.normalize", raw.normalize.is_some(), &IMAGES),
        ("data.label_noise", raw.label_noise.is_some(), &IMAGES),
        ("data.classes", raw.classes.is_some(), &IMAGES),
        ("data.augment", raw.augment.is_some(), &IMAGES),
    ];
    let found = dataset.as_str();
    let foreign =
        |(_, is_present, kinds): &&(&str, bool, &[&str])| *is_present && !kinds.contains(&found);
    match keys.iter().find(foreign) {
        None => Ok(()),
        Some(&(key, _, kinds)) => Err(other_kind(key, KIND, kinds, found)),
    }
}

/// The keys of a text; none for images.
fn text(raw: &RawData, dataset: Dataset) -> Result<Option<Text>, Violation> {
    if dataset != Dataset::Text {
        return Ok(None);
    }
    if raw.subset == Some(Subset::Stratified) {
        return Err(Violation::new("data.subset", Rule::StratifiedText).against(KIND));
    }
    let Some(file) = raw.file.clone() else {
        let what = "the path of the text, below the data folder if it is relative";
        return Err(Violation::new("data.file", Rule::Missing { what }));
    };
    Ok(Some(Text {
        file,
        sequence: raw.sequence.map_or(64, |Count(length)| length),
    }))
}

fn augment(kinds: &[Augment], dataset: Dataset) -> Result<Vec<Augment>, Violation> {
    for (index, &kind) in kinds.iter().enumerate() {
        let at = |rule| Violation::new(format!("data.augment.{index}"), rule);
        if kinds[..index].contains(&kind) {
            return Err(at(Rule::AugmentRepeated { found: kind }));
        }
        let reason = match (kind, dataset) {
            (Augment::Flip, Dataset::Digits | Dataset::Mnist) => "a mirrored digit is another sign",
            (Augment::Crop, Dataset::Digits) => "4 pixels are half of an image",
            _ => continue,
        };
        let rule = Rule::AugmentLosesClass {
            found: kind,
            dataset,
            reason,
        };
        return Err(at(rule).against("data.dataset"));
    }
    Ok(kinds.to_vec())
}

fn classes(raw: &[Whole]) -> Result<Vec<u8>, Violation> {
    let mut classes = Vec::with_capacity(raw.len());
    for (index, &Whole(found)) in raw.iter().enumerate() {
        let at = |rule| Violation::new(format!("data.classes.{index}"), rule);
        let Ok(class @ 0..=9) = u8::try_from(found) else {
            return Err(at(Rule::ClassOutOfRange { found }));
        };
        if classes.contains(&class) {
            return Err(at(Rule::ClassRepeated { found }));
        }
        classes.push(class);
    }
    if classes.len() < 2 {
        return Err(Violation::new(
            "data.classes",
            Rule::TooFewClasses {
                found: classes.len(),
            },
        ));
    }
    Ok(classes)
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

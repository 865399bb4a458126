//! The names of the datasets.

use std::str::FromStr;

use super::{DataError, DatasetName};

impl DatasetName {
    /// The name as configs and commands write it.
    pub fn key(self) -> &'static str {
        self.as_str()
    }

    /// The name as prose writes it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Digits => "Digits",
            Self::Mnist => "MNIST",
            Self::FashionMnist => "Fashion-MNIST",
            Self::Kmnist => "KMNIST",
            Self::EmnistBalanced => "EMNIST Balanced",
            Self::EmnistByClass => "EMNIST ByClass",
            Self::EmnistByMerge => "EMNIST ByMerge",
            Self::EmnistLetters => "EMNIST Letters",
            Self::EmnistDigits => "EMNIST Digits",
            Self::EmnistMnist => "EMNIST MNIST",
            Self::Cifar10 => "CIFAR-10",
            Self::Cifar100 | Self::Cifar100Coarse => "CIFAR-100",
            Self::Text => "Text",
            Self::Arrays => "Arrays",
            Self::Folder => "Pictures",
            Self::Csv => "Table",
        }
    }
}

impl FromStr for DatasetName {
    type Err = DataError;

    /// Reads the key of a dataset that has files of its own. The error suggests the nearest one.
    fn from_str(text: &str) -> Result<Self, DataError> {
        Self::CATALOGUE
            .iter()
            .copied()
            .find(|name| name.key() == text)
            .ok_or_else(|| DataError::UnknownDataset {
                name: text.to_owned(),
                nearest: nearest(text),
            })
    }
}

/// The dataset whose key resembles `text` most, when any does.
fn nearest(text: &str) -> Option<DatasetName> {
    let text = text.to_lowercase();
    DatasetName::CATALOGUE
        .iter()
        .copied()
        .map(|name| {
            (
                strsim::normalized_damerau_levenshtein(&text, name.key()),
                name,
            )
        })
        .filter(|(similarity, _)| *similarity >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StrDeserializer};

    #[test]
    fn every_name_reads_back_as_text_and_from_a_config() {
        for &name in DatasetName::CATALOGUE {
            assert_eq!(name.to_string().parse::<DatasetName>().unwrap(), name);
            let text: StrDeserializer<'_, Error> = name.key().into_deserializer();
            assert_eq!(DatasetName::deserialize(text).unwrap(), name);
        }
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest() {
        let message = |text: &str| text.parse::<DatasetName>().unwrap_err().to_string();
        assert_eq!(
            message("fashion_mnist"),
            "unknown dataset `fashion_mnist`: did you mean `fashion-mnist`? \
             Known datasets: digits, mnist, fashion-mnist, kmnist, emnist-balanced, emnist-byclass, \
             emnist-bymerge, emnist-letters, emnist-digits, emnist-mnist, cifar10, cifar100, cifar100-coarse."
        );
        assert!(message("MNIST").contains("did you mean `mnist`?"));
        assert!(message("cifar-10").contains("did you mean `cifar10`?"));
        assert_eq!(
            message("imagenet21k"),
            "unknown dataset `imagenet21k`. Known datasets: digits, mnist, fashion-mnist, kmnist, emnist-balanced, emnist-byclass, \
             emnist-bymerge, emnist-letters, emnist-digits, emnist-mnist, cifar10, cifar100, cifar100-coarse."
        );
    }
}

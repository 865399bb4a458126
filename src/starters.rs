//! The configs and sweeps that come with the program, and the small data sets of some, so that it is of use where there is
//! nothing else.

use std::path::{Component, Path};

/// A file of `configs/` as it was when the program was built.
#[derive(Clone, Copy, Debug)]
pub struct Starter {
    /// Its place below `configs/`, with `/` between folders.
    pub path: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

impl Starter {
    /// It as text; nothing of one that is none, such as the pictures of a data set.
    pub fn text(&self) -> &'static str {
        std::str::from_utf8(self.bytes).unwrap_or_default()
    }
}

macro_rules! starters {
    ($($path:literal),* $(,)?) => {
        &[$(Starter {
            path: $path,
            bytes: include_bytes!(concat!("../configs/", $path)),
        }),*]
    };
}

/// All of them, in the order of their paths.
pub const STARTERS: &[Starter] = starters![
    "cifar10/edge_adam.toml",
    "cifar10/edge_cross_entropy.toml",
    "cifar10/edge_gd.toml",
    "cifar10/edge_momentum.toml",
    "cifar10/edge_sgd_b8.toml",
    "cifar10/resnet.toml",
    "cifar10/sgd_b32.toml",
    "cifar10/sgd_b512.toml",
    "digits/edge_of_stability.toml",
    "digits/growing_rate.toml",
    "digits/noise.toml",
    "digits/noise_sgd.toml",
    "digits/resnet_b32.toml",
    "digits/resnet_b512.toml",
    "digits/sam.toml",
    "digits/transformer_b32.toml",
    "digits/transformer_b512.toml",
    "digits/weight_decay.toml",
    "lab.schema.json",
    "mnist/mlp_10k.toml",
    "mnist/resnet_10k.toml",
    "mnist/sgd_b32.toml",
    "mnist/sgd_b512.toml",
    "mnist/transformer_10k.toml",
    "own/bars.npz",
    "own/bars/test/column/01.png",
    "own/bars/test/column/03.png",
    "own/bars/test/column/06.png",
    "own/bars/test/row/00.png",
    "own/bars/test/row/02.png",
    "own/bars/test/row/04.png",
    "own/bars/test/row/05.png",
    "own/bars/test/row/07.png",
    "own/bars/train/column/00.png",
    "own/bars/train/column/01.png",
    "own/bars/train/column/03.png",
    "own/bars/train/column/04.png",
    "own/bars/train/column/08.png",
    "own/bars/train/column/10.png",
    "own/bars/train/column/11.png",
    "own/bars/train/column/14.png",
    "own/bars/train/row/02.png",
    "own/bars/train/row/05.png",
    "own/bars/train/row/06.png",
    "own/bars/train/row/07.png",
    "own/bars/train/row/09.png",
    "own/bars/train/row/12.png",
    "own/bars/train/row/13.png",
    "own/bars/train/row/15.png",
    "own/csv.toml",
    "own/folder.toml",
    "own/friedman.csv",
    "own/make.py",
    "own/moons.csv",
    "own/npz.toml",
    "own/regression.toml",
    "sgd_b32.toml",
    "sgd_b512.toml",
    "sweeps/cifar10_epochs.toml",
    "sweeps/cifar10_steps.toml",
    "sweeps/cifar10_train_loss.toml",
    "sweeps/demo_batch_size.toml",
    "sweeps/demo_random_labels.toml",
    "sweeps/demo_sam.toml",
    "sweeps/digits_batch.toml",
    "sweeps/digits_epochs.toml",
    "sweeps/digits_rules.toml",
    "sweeps/digits_steps.toml",
    "sweeps/digits_train_loss.toml",
    "sweeps/mnist_epochs.toml",
    "sweeps/mnist_steps.toml",
    "sweeps/mnist_train_loss.toml",
];

/// The file at a path below `configs/`, which may lead through folders and back (`sweeps/../sgd_b32.toml`).
pub fn starter(path: &Path) -> Option<&'static Starter> {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::CurDir => (),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    let path = parts.join("/");
    STARTERS.iter().find(|starter| starter.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn files(folder: &Path, within: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{within}{}", entry.file_name().to_str().unwrap());
            match entry.path().is_dir() {
                true => files(&entry.path(), &format!("{name}/"), found),
                false => {
                    found.insert(name);
                }
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_within_the_program() {
        let mut there = BTreeSet::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        files(&folder, "", &mut there);
        let within: Vec<String> = STARTERS.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(there.into_iter().collect::<Vec<_>>(), within);
    }

    #[test]
    fn a_starter_is_found_along_any_path_that_stays_below_the_folder() {
        let found = |path: &str| starter(Path::new(path)).map(|starter| starter.path);
        assert_eq!(found("sgd_b32.toml"), Some("sgd_b32.toml"));
        assert_eq!(found("./sweeps/../sgd_b32.toml"), Some("sgd_b32.toml"));
        for path in ["../sgd_b32.toml", "/sgd_b32.toml", "sgd_b32", ""] {
            assert_eq!(found(path), None, "{path}");
        }
    }
}

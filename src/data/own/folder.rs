//! Pictures in folders, one for each class.

use super::{Found, MOST_CLASSES, last, missing, unusable};
use crate::config::Folder;
use crate::data::samples::{Answers, Inputs, Samples};
use crate::data::{DataError, Source, sha256_hex};
use crate::workers;
use lab_formats::picture::{self, Picture};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

const KEY: &str = "folder";

/// What names of pictures end in.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// A picture's file with its class.
struct Labelled {
    path: PathBuf,
    label: u8,
}

/// Reads the pictures below the folder that `plan` names, class by class and within each by name. Classes are
/// numbered by their names.
///
/// # Errors
/// A folder or picture cannot be read, a picture is of another size or other channels than the first, or a class of
/// one part has no folder in the other.
pub(super) fn read(plan: &Folder) -> Result<Found, DataError> {
    let root = Path::new(&plan.folder);
    let top = entries(root)?.folders;
    let is_there = |name: &str| top.iter().any(|path| last(path) == name);
    let tests: Vec<&str> = ["test", "val"]
        .into_iter()
        .filter(|name| is_there(name))
        .collect();
    let parts = match (is_there("train"), &tests[..]) {
        // A folder of classes may be called train; not both.
        (true, [test]) => vec![root.join("train"), root.join(test)],
        (true, [_, _]) => {
            let reason = "it has both test and val beside train: name the one that is judged on test, and move the other away.";
            return Err(unusable(KEY, root, reason.to_owned()));
        }
        (true, _) if top.len() == 1 => vec![root.join("train")],
        _ => vec![root.to_owned()],
    };
    let classes = class_names(&parts)?;
    let mut samples = Vec::new();
    let (mut digest, mut count) = (Sha256::new(), 0);
    let mut first = None;
    for part in &parts {
        let files = labelled(part, &classes)?;
        count += files.len();
        let pictures = pictures(&files, root, &mut digest)?;
        samples.push(stacked(&files, pictures, classes.len(), &mut first)?);
    }
    let mut samples = samples.into_iter();
    let sha256 = digest.finalize();
    Ok(Found {
        train: samples.next().ok_or(DataError::NothingToTest)?,
        test: samples.next(),
        sources: vec![Source {
            name: format!("{}/ ({count} pictures)", last(root)),
            sha256: sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        }],
    })
}

/// What a folder holds, by name; what begins with a dot is no part of it.
#[derive(Default)]
struct Entries {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

fn entries(folder: &Path) -> Result<Entries, DataError> {
    let failed = |reason: std::io::Error| {
        let reason = missing(folder, &reason.to_string());
        unusable(KEY, folder, reason)
    };
    let mut found = Entries::default();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        match (last(&path).starts_with('.'), path.is_dir()) {
            (true, _) => {}
            (false, true) => found.folders.push(path),
            (false, false) => found.files.push(path),
        }
    }
    found.folders.sort();
    found.files.sort();
    Ok(found)
}

/// The names of the classes, which all parts have.
fn class_names(parts: &[PathBuf]) -> Result<Vec<String>, DataError> {
    let mut known: Option<(&PathBuf, Vec<String>)> = None;
    for part in parts {
        let found = entries(part)?;
        let is_picture = |path: &&PathBuf| has_ending(path);
        if let Some(path) = found.files.iter().find(is_picture) {
            let reason = format!(
                "{} is in no folder of a class: each class has a folder of its name.",
                path.display()
            );
            return Err(unusable(KEY, part, reason));
        }
        let names: Vec<String> = found.folders.iter().map(|path| last(path)).collect();
        match &known {
            None => known = Some((part, names)),
            Some((first, others)) => {
                let differs = |own: &[String], other: &[String]| {
                    own.iter().find(|name| !other.contains(name)).cloned()
                };
                let lacks = |class: String, where_: &Path| {
                    let reason =
                        format!("{} has no folder of the class {class:?}.", where_.display());
                    Err(unusable(KEY, part, reason))
                };
                if let Some(class) = differs(others, &names) {
                    return lacks(class, part);
                }
                if let Some(class) = differs(&names, others) {
                    return lacks(class, first);
                }
            }
        }
    }
    let (part, names) = known.ok_or(DataError::NothingToTest)?;
    match names.len() {
        2..=MOST_CLASSES => Ok(names),
        count => {
            let reason =
                format!("it has {count} folders of classes; 2 to {MOST_CLASSES} are trained on.");
            Err(unusable(KEY, part, reason))
        }
    }
}

fn has_ending(path: &Path) -> bool {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The pictures of a part with their classes.
fn labelled(part: &Path, classes: &[String]) -> Result<Vec<Labelled>, DataError> {
    let mut files = Vec::new();
    for (label, class) in (0..=u8::MAX).zip(classes) {
        let folder = part.join(class);
        let found = entries(&folder)?;
        if let Some(deeper) = found.folders.first() {
            let reason = format!("{} is a folder within a class.", deeper.display());
            return Err(unusable(KEY, &folder, reason));
        }
        if let Some(other) = found.files.iter().find(|path| !has_ending(path)) {
            let reason = format!(
                "{} is no picture: names end in {}.",
                other.display(),
                ENDINGS.map(|ending| format!(".{ending}")).join(", ")
            );
            return Err(unusable(KEY, &folder, reason));
        }
        if found.files.is_empty() {
            return Err(unusable(KEY, &folder, "it has no picture.".to_owned()));
        }
        files.extend(found.files.into_iter().map(|path| Labelled { path, label }));
    }
    Ok(files)
}

/// The pictures of some files, read on all cores; the digest is of their names and bytes, in order.
fn pictures(
    files: &[Labelled],
    root: &Path,
    digest: &mut Sha256,
) -> Result<Vec<Picture>, DataError> {
    let read = |index: usize| -> Result<(String, Picture), DataError> {
        let path = &files[index].path;
        let bytes = std::fs::read(path)
            .map_err(|reason| unusable(KEY, path, missing(path, &reason.to_string())))?;
        let picture = picture::read(&bytes);
        let picture = picture.map_err(|error| unusable(KEY, path, format!("{error}.")))?;
        Ok((sha256_hex(&bytes), picture))
    };
    let mut pictures = Vec::with_capacity(files.len());
    for (file, found) in files.iter().zip(workers::map(files.len(), read)) {
        let (sha256, picture) = found?;
        let name = file.path.strip_prefix(root).unwrap_or(&file.path);
        let name = name.to_string_lossy().replace('\\', "/");
        digest.update(format!("{sha256}  {name}\n"));
        pictures.push(picture);
    }
    Ok(pictures)
}

/// The pictures of a part as samples, all as the first of all parts is.
fn stacked(
    files: &[Labelled],
    pictures: Vec<Picture>,
    classes: usize,
    first: &mut Option<(PathBuf, [usize; 3])>,
) -> Result<Samples, DataError> {
    let mut values = Vec::new();
    for (file, picture) in files.iter().zip(&pictures) {
        let shape = [picture.channels, picture.height, picture.width];
        let (of, expected) = first.get_or_insert_with(|| (file.path.clone(), shape));
        if shape != *expected {
            let reason = format!(
                "it is {}, and {} is {}: all pictures must be alike, and none is resized or recoloured here.",
                words(shape),
                of.display(),
                words(*expected)
            );
            return Err(unusable(KEY, &file.path, reason));
        }
        values.extend(picture.planes());
    }
    let shape = first.as_ref().map_or([0; 3], |(_, shape)| *shape);
    Ok(Samples {
        shape,
        inputs: Inputs::Bytes {
            maximum: u8::MAX,
            values,
        },
        answers: Answers::Classes {
            labels: files.iter().map(|file| file.label).collect(),
            classes,
        },
    })
}

fn words([channels, height, width]: [usize; 3]) -> String {
    let colour = if channels == 1 { "grey" } else { "in colour" };
    format!("{colour}, {width}×{height} pixels")
}

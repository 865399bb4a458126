//! Data of one's own, from files to both parts.

mod fuzz;

use super::super::samples::{Answers, Inputs};
use super::super::words::{Labels, Subset, Task};
use super::super::{DataError, DatasetName, PixelNormalisation, Split, load};
use crate::config::{Arrays, Csv, Data, Folder, Names, Own, Predicted};
use crate::random::Streams;
use flate2::Crc;
use std::fs;
use std::path::{Path, PathBuf};

const OWN: Own = Own {
    test_share: 0.25,
    split_seed: 0,
};

pub(super) fn plan(dataset: DatasetName) -> Data {
    Data {
        own: Some(OWN),
        predicted: Some(Predicted::default()),
        ..Data::new(dataset)
    }
}

fn load_plan(plan: &Data) -> Result<Split, DataError> {
    load(plan, Path::new("nowhere"), &Streams::new(0))
}

fn message(plan: &Data) -> String {
    let error = load_plan(plan).unwrap_err();
    assert!(error.is_input());
    error.to_string()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn inputs(set: &super::super::Dataset, sample: u32) -> Vec<f64> {
    let mut out = Vec::new();
    set.fill(&[sample], &mut out);
    out
}

/// A file of NumPy.
pub(super) fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [&b"\x93NUMPY\x01\x00"[..], &length, header.as_bytes(), body].concat()
}

/// Arrays in an archive, as `numpy.savez` writes them.
pub(super) fn npz(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let names = entries.iter().map(|(name, _)| format!("{name}.npy"));
    let names: Vec<String> = names.collect();
    let entries = names.iter().zip(entries);
    let entries: Vec<_> = entries
        .map(|(name, (_, bytes))| (name.as_str(), bytes.clone()))
        .collect();
    zip(&entries)
}

/// A zip archive of stored entries.
pub(in crate::data) fn zip(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut contents) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let mut crc = Crc::new();
        crc.update(bytes);
        let offset = file.len() as u32;
        let mut fields = Vec::new();
        for short in [20_u16, 0, 0, 0, 0x21] {
            fields.extend(short.to_le_bytes());
        }
        for long in [crc.sum(), bytes.len() as u32, bytes.len() as u32] {
            fields.extend(long.to_le_bytes());
        }
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend(0_u16.to_le_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&fields);
        file.extend(name.as_bytes());
        file.extend(bytes);
        contents.extend(b"PK\x01\x02\x14\x00");
        contents.extend(&fields);
        contents.extend([0; 10]);
        contents.extend(offset.to_le_bytes());
        contents.extend(name.as_bytes());
    }
    let (start, length) = (file.len() as u32, contents.len() as u32);
    file.extend(contents);
    file.extend(b"PK\x05\x06\0\0\0\0");
    let count = (entries.len() as u16).to_le_bytes();
    file.extend([count, count].concat());
    file.extend(length.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}

fn f4(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// The plan of an archive with these arrays.
fn archive(folder: &Path, entries: &[(&str, Vec<u8>)]) -> Data {
    let path = folder.join("a.npz");
    fs::write(&path, npz(entries)).unwrap();
    let file = Some(text(&path));
    Data {
        arrays: Some(arrays(file)),
        ..plan(DatasetName::Arrays)
    }
}

pub(super) fn arrays(file: Option<String>) -> Arrays {
    Arrays {
        file,
        inputs: None,
        targets: None,
        test_inputs: None,
        test_targets: None,
        channels: None,
    }
}

fn with_arrays(plan: &Data, change: impl FnOnce(&mut Arrays)) -> Data {
    let mut plan = plan.clone();
    plan.arrays.as_mut().map(change).unwrap();
    plan
}

#[test]
fn the_file_of_keras_is_read_like_mnist() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..24).collect();
    let plan = archive(
        folder.path(),
        &[
            ("x_test", npy("|u1", "(2, 2, 3)", &pixels[..12])),
            ("x_train", npy("|u1", "(4, 2, 3)", &pixels)),
            ("y_train", npy("|u1", "(4,)", &[1, 0, 1, 0])),
            ("y_test", npy("|u1", "(2,)", &[0, 1])),
        ],
    );
    let split = load_plan(&plan).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (4, 2));
    assert_eq!((split.train.shape(), split.train.classes()), ([1, 2, 3], 2));
    assert_eq!(split.train.labels(), [1, 0, 1, 0]);
    assert_eq!(inputs(&split.train, 1)[0], 6.0 / 255.0);
    assert_eq!(split.sources[0].name, "a.npz");
    assert!(split.remarks.is_empty());
}

#[test]
fn channels_are_where_the_shape_or_the_config_says() {
    let folder = tempfile::tempdir().unwrap();
    // One image of 5 × 1 pixels and three channels, last: channel 1 holds 1, 4, 7, …
    let values: Vec<f32> = (0..15).map(|value| value as f32).collect();
    let arrays = |shape: &str| {
        let both = [&values[..], &values[..]].concat();
        archive(
            folder.path(),
            &[
                ("x", npy("<f4", shape, &f4(&both))),
                (
                    "y",
                    npy(
                        "<i8",
                        "(2,)",
                        &[[0_u8; 8], [1, 0, 0, 0, 0, 0, 0, 0]].concat(),
                    ),
                ),
            ],
        )
    };
    let last = load_plan(&arrays("(2, 5, 1, 3)")).unwrap();
    assert_eq!(last.train.shape(), [3, 5, 1]);
    assert_eq!(inputs(&last.train, 0)[5..10], [1.0, 4.0, 7.0, 10.0, 13.0]);
    let first = load_plan(&arrays("(2, 3, 1, 5)")).unwrap();
    assert_eq!(first.train.shape(), [3, 1, 5]);
    assert_eq!(inputs(&first.train, 0)[5], 5.0);
    let ambiguous = arrays("(2, 1, 5, 3)");
    let text = message(&ambiguous);
    assert!(
        text.contains("a.npz: x has the shape [2, 1, 5, 3], of which either axis"),
        "{text}"
    );
    assert!(
        text.contains("data.channels = \"first\" or \"last\""),
        "{text}"
    );
    let told = with_arrays(&ambiguous, |arrays| {
        arrays.channels = Some(crate::data::Channels::First);
    });
    assert_eq!(load_plan(&told).unwrap().train.shape(), [1, 5, 3]);
}

#[test]
fn arrays_that_do_not_fit_are_told_of_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let of = |x: Vec<u8>, y: Vec<u8>| archive(folder.path(), &[("x", x), ("y", y)]);
    let x = || npy("<f4", "(2, 2)", &f4(&[0.0, 1.0, 2.0, 3.0]));
    let y = || npy("|u1", "(2,)", &[0, 1]);
    let nan = npy("<f4", "(2, 2)", &f4(&[0.0, 1.0, f32::NAN, 3.0]));
    let told = message(&of(nan, y()));
    assert!(
        told.ends_with("a.npz: x[1, 0] is NaN; every number must be finite."),
        "{told}"
    );
    let told = message(&of(x(), npy("|u1", "(3,)", &[0, 1, 2])));
    assert!(told.ends_with("x holds 2 samples and y holds 3."), "{told}");
    let told = message(&of(x(), npy("|u1", "(2, 2)", &[0, 1, 1, 0])));
    assert!(told.contains("y.argmax(axis=1)"), "{told}");
    let told = message(&of(x(), npy("|O", "(2,)", &[0, 1])));
    assert!(
        told.contains("array y: an array of Python objects"),
        "{told}"
    );
    let told = message(&of(x(), npy("|u1", "(2,)", &[3, 7])));
    assert!(
        told.contains("y: its 2 distinct labels are not 0 to 1"),
        "{told}"
    );
    assert!(
        told.contains("data.labels = \"sorted\" numbers them in ascending order: 3 → 0, 7 → 1."),
        "{told}"
    );
    let mut sorted = of(x(), npy("|u1", "(2,)", &[7, 3]));
    sorted.predicted = Some(Predicted {
        task: Task::Classification,
        labels: Labels::Sorted,
    });
    assert_eq!(load_plan(&sorted).unwrap().train.classes(), 2);
    let other = archive(folder.path(), &[("a", x()), ("b", y())]);
    let told = message(&other);
    assert!(
        told.contains(
            "none of the usual pairs of arrays, such as x_train and y_train; it has a, b."
        ),
        "{told}"
    );
    let named = with_arrays(&other, |arrays| {
        (arrays.inputs, arrays.targets) = (Some("a".into()), Some("b".into()));
    });
    assert_eq!(load_plan(&named).unwrap().train.features(), 2);
    let wrong = with_arrays(&named, |arrays| arrays.targets = Some("c".into()));
    assert!(message(&wrong).contains("it has no array \"c\" (data.targets); it has a, b."));
    let parts = archive(
        folder.path(),
        &[
            ("x_train", x()),
            ("y_train", y()),
            ("x_test", npy("|u1", "(2, 2)", &[0; 4])),
            ("y_test", y()),
        ],
    );
    assert!(message(&parts).contains("x_train holds numbers of another type"));
    let empty = of(npy("<f4", "(2, 0)", &[]), y());
    assert!(message(&empty).contains("x holds no number: its shape is [2, 0]"));
}

#[test]
fn a_pair_of_files_is_read_and_a_missing_one_says_where_paths_begin() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    fs::write(&paths[0], npy("<f4", "(4,)", &f4(&[0.0, 1.0, 2.0, 3.0]))).unwrap();
    fs::write(&paths[1], npy("<f4", "(4, 2)", &f4(&[0.5; 8]))).unwrap();
    let mut plan = Data {
        arrays: Some(Arrays {
            inputs: Some(text(&paths[0])),
            targets: Some(text(&paths[1])),
            ..arrays(None)
        }),
        ..plan(DatasetName::Arrays)
    };
    plan.predicted = Some(Predicted {
        task: Task::Regression,
        ..Predicted::default()
    });
    let split = load_plan(&plan).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (3, 1));
    assert_eq!(
        (split.train.outputs(), split.train.features()),
        (Some(2), 1)
    );
    let names: Vec<_> = split
        .sources
        .iter()
        .map(|source| source.name.as_str())
        .collect();
    assert_eq!(names, ["x.npy", "y.npy"]);
    fs::remove_file(&paths[1]).unwrap();
    let told = message(&plan);
    assert!(
        told.starts_with(&format!(
            "cannot use `data.targets` = {}: ",
            text(&paths[1])
        )),
        "{told}"
    );
    assert!(told.ends_with("A relative path begins at the folder of the config, one of --set at the working folder."), "{told}");
}

fn csv(folder: &Path, table: &str) -> Data {
    let path = folder.join("a.csv");
    fs::write(&path, table).unwrap();
    Data {
        csv: Some(Csv {
            file: text(&path),
            test_file: None,
            target: Names::default(),
            header: None,
        }),
        ..plan(DatasetName::Csv)
    }
}

#[test]
fn a_table_has_features_and_the_last_column_or_those_named_as_targets() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = csv(folder.path(), "a,b,kind\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n");
    let split = load_plan(&plan).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (3, 1));
    assert_eq!((split.train.shape(), split.train.classes()), ([2, 1, 1], 2));
    assert_eq!(
        split.remarks,
        [
            "no test part is given: 1 of the 4 samples, drawn by data.split_seed = 0, are it (data.test_share = 0.25)"
        ]
    );
    plan.csv.as_mut().unwrap().target = Names(vec!["a".into(), "b".into()]);
    let told = message(&plan);
    assert!(
        told.contains("data.target names 2 columns, and a class is one"),
        "{told}"
    );
    plan.predicted = Some(Predicted {
        task: Task::Regression,
        ..Predicted::default()
    });
    let told = message(&plan);
    assert!(
        told.contains("a.csv: line 2, column 3 (\"kind\"): \"x\" is no number; every field"),
        "{told}"
    );
    let mut plan = Data {
        predicted: plan.predicted,
        ..csv(folder.path(), "1,2,0.5\n3,4,0.25\n")
    };
    let split = load_plan(&plan).unwrap();
    assert_eq!(split.train.outputs(), Some(1));
    plan.csv.as_mut().unwrap().target = Names(vec!["2".into(), "3".into()]);
    assert_eq!(load_plan(&plan).unwrap().train.outputs(), Some(2));
    let missing = csv(folder.path(), "a,kind\n1,0\n2,\n3,1\n");
    let told = message(&missing);
    assert!(
        told.ends_with("line 3, column 2 (\"kind\"): the field is empty."),
        "{told}"
    );
    fs::write(folder.path().join("a.csv"), "1,2,0.5\n3,4,0.25\n").unwrap();
    plan.csv.as_mut().unwrap().target = Names(vec!["4".into()]);
    let told = message(&plan);
    assert!(
        told.ends_with("there is no column \"4\"; there are \"1\", \"2\", \"3\"."),
        "{told}"
    );
}

#[test]
fn a_table_of_test_samples_must_have_the_columns_of_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = csv(folder.path(), "a,b,kind\n1,2,0\n3,4,1\n");
    let path = folder.path().join("t.csv");
    plan.csv.as_mut().unwrap().test_file = Some(text(&path));
    fs::write(&path, "a,b,kind\n5,6,1\n").unwrap();
    let split = load_plan(&plan).unwrap();
    assert_eq!((split.train.len(), split.test.labels()), (2, &[1][..]));
    fs::write(&path, "b,a,kind\n5,6,1\n").unwrap();
    assert!(message(&plan).contains("its column 1 is \"b\", and that of data.file is \"a\""));
    fs::write(&path, "a,kind\n5,1\n").unwrap();
    assert!(message(&plan).contains("its column 2 is \"kind\""));
}

#[test]
fn standard_inputs_are_those_of_each_feature_of_the_training_part() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = csv(folder.path(), "1,100,0\n3,100,1\n");
    let path = folder.path().join("t.csv");
    fs::write(&path, "5,101,1\n").unwrap();
    plan.csv.as_mut().unwrap().test_file = Some(text(&path));
    plan.normalize = PixelNormalisation::Standard;
    let split = load_plan(&plan).unwrap();
    assert_eq!(inputs(&split.train, 0), [-1.0, 0.0]);
    assert_eq!(inputs(&split.test, 0), [3.0, 1.0]);
}

#[test]
fn the_drawn_test_part_follows_its_own_seed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..40).map(|row| format!("{row},{}", row % 2)).collect();
    let plan = csv(folder.path(), &rows.join("\n"));
    let test = |plan: &Data, seed| {
        let split = load(plan, Path::new("nowhere"), &Streams::new(seed)).unwrap();
        assert_eq!((split.train.len(), split.test.len()), (30, 10));
        let mut all: Vec<f64> = (0..30).map(|row| inputs(&split.train, row)[0]).collect();
        let test: Vec<f64> = (0..10).map(|row| inputs(&split.test, row)[0]).collect();
        all.extend(&test);
        all.sort_by(f64::total_cmp);
        assert_eq!(all, (0..40).map(f64::from).collect::<Vec<_>>());
        test
    };
    assert_eq!(test(&plan, 0), test(&plan, 7));
    let mut other = plan.clone();
    other.own = Some(Own {
        split_seed: 1,
        ..OWN
    });
    assert_ne!(test(&plan, 0), test(&other, 0));
}

#[test]
fn what_needs_classes_is_refused_of_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = csv(folder.path(), "1,0.5\n2,0.25\n3,0.75\n");
    plan.predicted = Some(Predicted {
        task: Task::Regression,
        ..Predicted::default()
    });
    plan.label_noise = 0.5;
    assert!(message(&plan).starts_with("`data.label_noise` needs classes"));
    plan.label_noise = 0.0;
    plan.subset = Subset::Random;
    plan.train = Some(1);
    let split = load_plan(&plan).unwrap();
    assert_eq!(split.train.len(), 1);
    let samples = split.train.samples();
    assert!(matches!(
        samples.answers,
        Answers::Numbers { outputs: 1, .. }
    ));
    assert!(matches!(samples.inputs, Inputs::Numbers(_)));
    plan.classes = Some(vec![0, 1]);
    assert!(message(&plan).starts_with("`data.classes` needs classes"));
}

/// A PNG file of 2 × 1 grey pixels.
pub(super) fn picture(values: [u8; 2]) -> Vec<u8> {
    encoded([2, 1], 0, &values)
}

/// A PNG file of a colour type, whose rows are stored without compression.
fn encoded([width, height]: [u32; 2], colour: u8, values: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let row = values.len() / height as usize;
    let rows: Vec<u8> = values
        .chunks(row)
        .flat_map(|row| [&[0], row].concat())
        .collect();
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&rows).unwrap();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8], data: &[u8]| {
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(data);
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(name);
        file.extend(data);
        file.extend(crc.sum().to_be_bytes());
    };
    let header = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[8, colour, 0, 0, 0],
    ]
    .concat();
    chunk(b"IHDR", &header);
    chunk(b"IDAT", &packed.finish().unwrap());
    chunk(b"IEND", b"");
    file
}

fn write(path: PathBuf, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn folder_plan(root: &Path) -> Data {
    Data {
        folder: Some(Folder { folder: text(root) }),
        predicted: None,
        ..plan(DatasetName::Folder)
    }
}

#[test]
fn pictures_are_ordered_by_class_and_name_and_a_hidden_file_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root.join("dog/b.png"), &picture([1, 2]));
    write(root.join("cat/z.PNG"), &picture([3, 4]));
    write(root.join("cat/a.png"), &picture([5, 6]));
    write(root.join("dog/a.png"), &picture([7, 255]));
    write(root.join("dog/.DS_Store"), b"x");
    let mut plan = folder_plan(root);
    let split = load_plan(&plan).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (3, 1));
    plan.own = Some(OWN);
    assert_eq!(split.train.shape(), [1, 1, 2]);
    let name = format!(
        "{}/ (4 pictures)",
        root.file_name().unwrap().to_string_lossy()
    );
    assert_eq!(split.sources[0].name, name);
    let digest = |plan: &Data| load_plan(plan).unwrap().sources[0].sha256.clone();
    let before = digest(&plan);
    fs::rename(root.join("dog/a.png"), root.join("dog/c.png")).unwrap();
    assert_ne!(digest(&plan), before, "a name is part of the data");
    // With a part of each name there is nothing to draw.
    for part in ["train", "val"] {
        for class in ["cat", "dog"] {
            let value = u8::from(class == "dog") + 10 * u8::from(part == "val");
            write(
                root.join(format!("p/{part}/{class}/0.png")),
                &picture([value, 0]),
            );
        }
    }
    let split = load_plan(&folder_plan(&root.join("p"))).unwrap();
    assert_eq!(
        (split.train.labels(), split.test.labels()),
        (&[0, 1][..], &[0, 1][..])
    );
    assert_eq!(inputs(&split.test, 1), [11.0 / 255.0, 0.0]);
    assert!(split.remarks.is_empty());
}

#[test]
fn pictures_that_are_not_alike_are_told_of_with_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root.join("cat/a.png"), &picture([1, 2]));
    write(root.join("dog/a.png"), &encoded([1, 2], 0, &[1, 2]));
    let told = message(&folder_plan(root));
    let place = text(&root.join("dog/a.png"));
    assert!(
        told.starts_with(&format!(
            "cannot use `data.folder` = {place}: it is grey, 1×2 pixels, and "
        )),
        "{told}"
    );
    assert!(told.ends_with("cat/a.png is grey, 2×1 pixels: all pictures must be alike, and none is resized or recoloured here."), "{told}");
    write(
        root.join("dog/a.png"),
        &encoded([2, 1], 2, &[1, 2, 3, 4, 5, 6]),
    );
    assert!(message(&folder_plan(root)).contains("it is in colour, 2×1 pixels, and "));
    write(root.join("dog/a.png"), &picture([1, 2])[..40]);
    assert!(message(&folder_plan(root)).contains("the PNG picture is damaged"));
    write(root.join("dog/a.png"), &picture([1, 2]));
    write(root.join("dog/a.txt"), b"x");
    assert!(
        message(&folder_plan(root))
            .contains("a.txt is no picture: names end in .png, .jpg, .jpeg.")
    );
    fs::remove_file(root.join("dog/a.txt")).unwrap();
    write(root.join("dog/old/a.png"), b"x");
    assert!(message(&folder_plan(root)).contains("old is a folder within a class."));
    fs::remove_dir_all(root.join("dog")).unwrap();
    assert!(message(&folder_plan(root)).contains("it has 1 folders of classes; 2 to 256"));
    write(root.join("b.png"), b"x");
    assert!(message(&folder_plan(root)).contains("b.png is in no folder of a class"));
    let told = message(&folder_plan(&root.join("absent")));
    assert!(
        told.contains("A relative path begins at the folder of the config"),
        "{told}"
    );
}

#[test]
fn parts_must_have_the_same_classes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for path in ["train/cat/a.png", "train/dog/a.png", "test/cat/a.png"] {
        write(root.join(path), &picture([1, 2]));
    }
    assert!(message(&folder_plan(root)).contains("test has no folder of the class \"dog\"."));
    write(root.join("test/dog/a.png"), &picture([1, 2]));
    write(root.join("test/fox/a.png"), &picture([1, 2]));
    assert!(message(&folder_plan(root)).contains("train has no folder of the class \"fox\"."));
    fs::create_dir(root.join("val")).unwrap();
    assert!(message(&folder_plan(root)).contains("it has both test and val beside train"));
}

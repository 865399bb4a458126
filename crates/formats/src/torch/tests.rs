//! Files as PyTorch 2.15 wrote them, and files made to do harm.

use super::*;
use crate::archive::tests::archive;
use rawzip::CompressionMethod;

/// The pickle of this object, and the file of it in the format before version 1.6:
///
/// ```python
/// model = collections.OrderedDict()
/// rows = torch.arange(6, dtype=torch.float32).reshape(2, 3)
/// model["fc.weight"] = rows.t()
/// model["fc.bias"] = torch.tensor([0.5, -2], dtype=torch.float16)
/// torch.save({"epoch": 7, "model": model, "tied": rows[1], "lr": 0.1, "best": None, "name": "a",
///             "p": torch.nn.Parameter(torch.tensor([1.5], dtype=torch.bfloat16)), "n": torch.tensor(3),
///             "u": torch.tensor([1, 2], dtype=torch.uint16)}, FILE, _use_new_zipfile_serialization=False)
/// ```
const PICKLE: &[u8] = b"\x80\x02}q\x00(X\x05\x00\x00\x00epochq\x01K\x07X\x05\x00\x00\x00modelq\x02ccollections\nOrderedDict\nq\x03)Rq\x04(X\x09\x00\x00\x00fc.weightq\x05ctorch._utils\n_rebuild_tensor_v2\nq\x06((X\x07\x00\x00\x00storageq\x07ctorch\nFloatStorage\nq\x08X\x01\x00\x00\x000q\x09X\x03\x00\x00\x00cpuq\nK\x06tq\x0bQK\x00K\x03K\x02\x86q\x0cK\x01K\x03\x86q\r\x89h\x03)Rq\x0etq\x0fRq\x10X\x07\x00\x00\x00fc.biasq\x11h\x06((h\x07ctorch\nHalfStorage\nq\x12X\x01\x00\x00\x001q\x13h\nK\x02tq\x14QK\x00K\x02\x85q\x15K\x01\x85q\x16\x89h\x03)Rq\x17tq\x18Rq\x19uX\x04\x00\x00\x00tiedq\x1ah\x06((h\x07h\x08h\x09h\nK\x06tq\x1bQK\x03K\x03\x85q\x1cK\x01\x85q\x1d\x89h\x03)Rq\x1etq\x1fRq X\x02\x00\x00\x00lrq!G?\xb9\x99\x99\x99\x99\x99\x9aX\x04\x00\x00\x00bestq\"NX\x04\x00\x00\x00nameq#X\x01\x00\x00\x00aq$X\x01\x00\x00\x00pq%ctorch._utils\n_rebuild_parameter\nq&h\x06((h\x07ctorch\nBFloat16Storage\nq'X\x01\x00\x00\x002q(h\nK\x01tq)QK\x00K\x01\x85q*K\x01\x85q+\x89h\x03)Rq,tq-Rq.\x88h\x03)Rq/\x87q0Rq1X\x01\x00\x00\x00nq2h\x06((h\x07ctorch\nLongStorage\nq3X\x01\x00\x00\x003q4h\nK\x01tq5QK\x00))\x89h\x03)Rq6tq7Rq8X\x01\x00\x00\x00uq9ctorch._utils\n_rebuild_tensor_v3\nq:((h\x07ctorch.storage\nUntypedStorage\nq;X\x01\x00\x00\x004q<h\nK\x04tq=QK\x00K\x02\x85q>K\x01\x85q?\x89h\x03)Rq@ctorch\nuint16\nqAtqBRqCu.";
const LEGACY: &[u8] = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00(X\x10\x00\x00\x00protocol_versionq\x01M\xe9\x03X\r\x00\x00\x00little_endianq\x02\x88X\n\x00\x00\x00type_sizesq\x03}q\x04(X\x05\x00\x00\x00shortq\x05K\x02X\x03\x00\x00\x00intq\x06K\x04X\x04\x00\x00\x00longq\x07K\x04uu.\x80\x02}q\x00(X\x05\x00\x00\x00epochq\x01K\x07X\x05\x00\x00\x00modelq\x02ccollections\nOrderedDict\nq\x03)Rq\x04(X\x09\x00\x00\x00fc.weightq\x05ctorch._utils\n_rebuild_tensor_v2\nq\x06((X\x07\x00\x00\x00storageq\x07ctorch\nFloatStorage\nq\x08X\x0e\x00\x00\x0094232895739904q\x09X\x03\x00\x00\x00cpuq\nK\x06Ntq\x0bQK\x00K\x03K\x02\x86q\x0cK\x01K\x03\x86q\r\x89h\x03)Rq\x0etq\x0fRq\x10X\x07\x00\x00\x00fc.biasq\x11h\x06((h\x07ctorch\nHalfStorage\nq\x12X\x0e\x00\x00\x0094232895739024q\x13h\nK\x02Ntq\x14QK\x00K\x02\x85q\x15K\x01\x85q\x16\x89h\x03)Rq\x17tq\x18Rq\x19uX\x04\x00\x00\x00tiedq\x1ah\x06((h\x07h\x08X\x0e\x00\x00\x0094232895739904q\x1bh\nK\x06Ntq\x1cQK\x03K\x03\x85q\x1dK\x01\x85q\x1e\x89h\x03)Rq\x1ftq Rq!X\x02\x00\x00\x00lrq\"G?\xb9\x99\x99\x99\x99\x99\x9aX\x04\x00\x00\x00bestq#NX\x04\x00\x00\x00nameq$X\x01\x00\x00\x00aq%X\x01\x00\x00\x00pq&ctorch._utils\n_rebuild_parameter\nq'h\x06((h\x07ctorch\nBFloat16Storage\nq(X\x0e\x00\x00\x0094232895738592q)h\nK\x01Ntq*QK\x00K\x01\x85q+K\x01\x85q,\x89h\x03)Rq-tq.Rq/\x88h\x03)Rq0\x87q1Rq2X\x01\x00\x00\x00nq3h\x06((h\x07ctorch\nLongStorage\nq4X\x0e\x00\x00\x0094232779181664q5h\nK\x01Ntq6QK\x00))\x89h\x03)Rq7tq8Rq9X\x01\x00\x00\x00uq:ctorch._utils\n_rebuild_tensor_v3\nq;((h\x07ctorch.storage\nUntypedStorage\nq<X\x0e\x00\x00\x0094232779181920q=h\nK\x04Ntq>QK\x00K\x02\x85q?K\x01\x85q@\x89h\x03)RqActorch\nuint16\nqBtqCRqDu.\x80\x02]q\x00(X\x0e\x00\x00\x0094232779181664q\x01X\x0e\x00\x00\x0094232779181920q\x02X\x0e\x00\x00\x0094232895738592q\x03X\x0e\x00\x00\x0094232895739024q\x04X\x0e\x00\x00\x0094232895739904q\x05e.\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x00\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\xc0?\x02\x00\x00\x00\x00\x00\x00\x00\x008\x00\xc0\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@\x00\x00\xa0@";

/// The storages of the pickle, by key.
const STORAGES: [(&str, &[u8]); 5] = [
    ("0", b"\0\0\0\0\0\0\x80?\0\0\0@\0\0@@\0\0\x80@\0\0\xa0@"),
    ("1", b"\08\0\xc0"),
    ("2", b"\xc0?"),
    ("3", b"\x03\0\0\0\0\0\0\0"),
    ("4", b"\x01\0\x02\0"),
];

/// The archive that `torch.save` makes of a pickle and its storages.
fn saved(pickle: &[u8], storages: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let names: Vec<String> = storages
        .iter()
        .map(|(key, _)| format!("w/data/{key}"))
        .collect();
    let mut entries = vec![("w/data.pkl", pickle), ("w/byteorder", &b"little"[..])];
    entries.extend(
        names
            .iter()
            .map(String::as_str)
            .zip(storages.iter().map(|it| it.1)),
    );
    archive(&entries, method)
}

fn message(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn tensors_of_both_formats_are_read_with_their_keys_types_and_strides() {
    let stored = saved(PICKLE, &STORAGES, CompressionMethod::STORE);
    let deflated = saved(PICKLE, &STORAGES, CompressionMethod::DEFLATE);
    for bytes in [LEGACY, &stored, &deflated] {
        assert!(is_torch(bytes));
        let contents = read(bytes).unwrap();
        let tensors: Vec<_> = contents
            .tensors
            .iter()
            .map(|it| (it.name(), it.dtype, it.shape.clone(), it.values()))
            .collect();
        let transposed = vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0];
        assert_eq!(
            tensors,
            [
                (
                    "model.fc.weight".to_owned(),
                    Dtype::F32,
                    vec![3, 2],
                    transposed
                ),
                (
                    "model.fc.bias".to_owned(),
                    Dtype::F16,
                    vec![2],
                    vec![0.5, -2.0]
                ),
                ("tied".to_owned(), Dtype::F32, vec![3], vec![3.0, 4.0, 5.0]),
                ("p".to_owned(), Dtype::BF16, vec![1], vec![1.5]),
                ("n".to_owned(), Dtype::I64, vec![], vec![3.0]),
                ("u".to_owned(), Dtype::U16, vec![2], vec![1.0, 2.0]),
            ]
        );
        let values: Vec<_> = contents
            .values
            .iter()
            .map(|(path, value)| (path.join("."), value.clone()))
            .collect();
        assert_eq!(
            values,
            [
                ("epoch".to_owned(), Plain::Integer(7)),
                ("lr".to_owned(), Plain::Real(0.1)),
                ("name".to_owned(), Plain::Text("a".into())),
            ]
        );
    }
}

/// `torch.save(torch.nn.Linear(1, 1), FILE)` begins so: it names the class that would be called.
#[test]
fn a_whole_model_is_refused_with_what_can_be_read() {
    let pickle = b"\x80\x02ctorch.nn.modules.linear\nLinear\nq\x00)\x81q\x01.";
    assert_eq!(
        message(&saved(pickle, &[], CompressionMethod::STORE)),
        "runs code: `torch.nn.modules.linear.Linear`; only tensors are read. In Python: torch.save(model.state_dict(), FILE)"
    );
    let bomb = b"cposix\nsystem\nq\x00X\x04\x00\x00\x00true\x85R.";
    let text = message(&saved(bomb, &[], CompressionMethod::STORE));
    assert!(text.starts_with("runs code: `posix.system`;"), "{text}");
    let complex = b"\x80\x02ctorch\nComplexFloatStorage\n.";
    assert_eq!(
        message(&saved(complex, &[], CompressionMethod::STORE)),
        "holds numbers of a kind that is not read: `torch.ComplexFloatStorage`"
    );
}

#[test]
fn other_archives_and_other_pickles_are_refused_by_what_they_are() {
    let program = archive(
        &[("w/data.pkl", b"N."), ("w/constants.pkl", b"")],
        CompressionMethod::STORE,
    );
    assert!(message(&program).contains("a TorchScript program"));
    let big = archive(
        &[("w/data.pkl", b"N."), ("w/byteorder", b"big")],
        CompressionMethod::STORE,
    );
    assert!(message(&big).contains("big-endian"));
    let arrays = archive(&[("x.npy", b"")], CompressionMethod::STORE);
    assert!(message(&arrays).contains("it has no data.pkl"));
    assert!(message(b"\x80\x04K\x01.").contains("a pickle of something else"));
}

#[test]
fn a_file_that_was_cut_says_so() {
    for end in [5, 200, 600, LEGACY.len() - 3] {
        let text = message(&LEGACY[..end]);
        assert!(
            text.contains("ends after") || text.contains("the storage"),
            "{end}: {text}"
        );
    }
    let mut storages = STORAGES;
    storages[0].1 = &STORAGES[0].1[..20];
    assert_eq!(
        message(&saved(PICKLE, &storages, CompressionMethod::STORE)),
        "the storage `0` should have 24 bytes and has 20"
    );
    let missing = saved(PICKLE, &STORAGES[..3], CompressionMethod::STORE);
    assert_eq!(message(&missing), "the zip archive has no entry `w/data/3`");
}

#[test]
fn a_tensor_beyond_its_storage_is_refused_by_name() {
    // The shape of `fc.weight`, (3, 2), made (3, 200).
    let mut pickle = PICKLE.to_vec();
    let at = pickle
        .windows(5)
        .position(|it| it == b"K\x03K\x02\x86")
        .unwrap();
    pickle[at + 3] = 200;
    let text = message(&saved(&pickle, &STORAGES, CompressionMethod::STORE));
    assert!(
        text.starts_with("the tensor `model.fc.weight` has more elements"),
        "{text}"
    );
}

/// Lists that each hold the one before twice: as many paths as 2 to the power of their number.
#[test]
fn a_pickle_that_multiplies_by_reference_stays_small() {
    let mut pickle = b"]q\x00".to_vec();
    for place in 1..200_u8 {
        pickle.extend([
            b']',
            b'q',
            place,
            b'(',
            b'h',
            place - 1,
            b'h',
            place - 1,
            b'e',
        ]);
    }
    pickle.push(b'.');
    let text = message(&saved(&pickle, &[], CompressionMethod::STORE));
    assert!(text.contains("too deep"), "{text}");
}

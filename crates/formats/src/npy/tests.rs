//! Arrays of every type, and headers that are not what they should be.

use super::*;
use proptest::prelude::*;

/// A file of version 1 with this header and body.
fn file(header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes()].concat();
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    bytes
}

fn array(descr: &str, shape: &str, body: &[u8]) -> Result<Array, NpyError> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}   \n");
    read(&file(&header, body))
}

fn values(descr: &str, body: &[u8], count: usize) -> Values {
    array(descr, &format!("({count},)"), body).unwrap().values
}

/// The bytes are those of `numpy.save` (2.1) for
/// `np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3))`.
#[test]
fn a_file_of_numpy_in_fortran_order_and_big_endian_is_read() {
    let header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }";
    let header = format!("{header:117}\n");
    assert_eq!(header.len(), 118);
    let body = [0, 0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 5];
    let found = read(&file(&header, &body)).unwrap();
    assert_eq!(found.shape, [2, 3]);
    assert_eq!(found.values, Values::Integers(vec![0, 1, 2, 3, 4, 5]));
}

#[test]
fn every_type_of_numbers_is_read_in_both_orders_of_bytes() {
    let integers = |descr, body: &[u8]| match values(descr, body, 1) {
        Values::Integers(values) => values[0],
        other => panic!("{other:?}"),
    };
    assert_eq!(integers("|b1", &[1]), 1);
    assert_eq!(integers("|i1", &[0xfe]), -2);
    assert_eq!(integers("<i2", &[0xfe, 0xff]), -2);
    assert_eq!(integers(">i4", &[0xff, 0xff, 0xff, 0xfd]), -3);
    assert_eq!(integers("<i8", &(-7_i64).to_le_bytes()), -7);
    assert_eq!(integers("<u2", &[1, 2]), 513);
    assert_eq!(integers(">u4", &[255, 0, 0, 1]), 0xff00_0001);
    assert_eq!(integers("<u8", &9_u64.to_le_bytes()), 9);
    assert_eq!(values("|u1", &[7, 255], 2), Values::Bytes(vec![7, 255]));
    let reals = |descr, body: &[u8]| match values(descr, body, 1) {
        Values::Reals(values) => values[0],
        other => panic!("{other:?}"),
    };
    assert_eq!(reals("<f8", &0.1_f64.to_le_bytes()), 0.1);
    assert_eq!(reals(">f4", &0.1_f32.to_be_bytes()), f64::from(0.1_f32));
    // numpy.float16: 0.1, the smallest subnormal, −2, ∞.
    assert_eq!(reals("<f2", &[0x66, 0x2e]), 0.0999755859375);
    assert_eq!(reals("<f2", &[1, 0]), 2f64.powi(-24));
    assert_eq!(reals("<f2", &[0, 0xc0]), -2.0);
    assert_eq!(reals(">f2", &[0x7c, 0]), f64::INFINITY);
    assert!(reals("<f2", &[1, 0x7c]).is_nan());
}

#[test]
fn the_later_versions_have_longer_headers() {
    let header = "{\"descr\": \"|u1\", 'fortran_order': False, 'shape': ()}";
    for version in [2, 3] {
        let length = (header.len() as u32).to_le_bytes();
        let bytes = [MAGIC, &[version, 0], &length, header.as_bytes(), &[5]].concat();
        let found = read(&bytes).unwrap();
        assert_eq!((found.shape.len(), found.len()), (0, 1));
    }
    let later = [MAGIC, &[4, 0, 0, 0]].concat();
    assert_eq!(read(&later), Err(NpyError::Version(4)));
}

#[test]
fn what_is_no_array_of_numbers_is_refused_by_name() {
    let message = |descr| array(descr, "(1,)", &[0; 8]).unwrap_err().to_string();
    insta::assert_snapshot!(message("|O"), @r#"an array of Python objects (descr "|O") is not read: reading it would run what is pickled in it; save it as numbers: array.astype("float32")"#);
    assert!(message("<U5").starts_with("an array of texts (descr \"<U5\")"));
    assert!(message("<c16").starts_with("an array of complex numbers"));
    assert!(message("<f16").contains("64 bits"));
    assert!(message("<M8[ns]").starts_with("an array of times"));
    let fields = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}";
    let message = read(&file(fields, &[])).unwrap_err().to_string();
    assert!(message.starts_with("a structured array"), "{message}");
}

#[test]
fn lengths_that_are_not_what_the_header_says_are_told_and_never_allocated() {
    let error = array("<f8", "(2, 3)", &[0; 47]);
    let expected = NpyError::Length {
        found: 47,
        expected: 48,
    };
    assert_eq!(error, Err(expected));
    let huge = usize::MAX / 3;
    for shape in [format!("({huge}, 4)"), format!("({huge}, 2)")] {
        let error = array("<f8", &shape, &[]);
        assert!(matches!(error, Err(NpyError::Overflow(_))), "{error:?}");
    }
    let error = array("|u1", &format!("({huge},)"), &[]);
    assert!(matches!(error, Err(NpyError::Length { .. })), "{error:?}");
    let empty = array("<f8", &format!("({huge}, {huge}, 0)"), &[]).unwrap();
    assert!(empty.is_empty());
    let error = array("<u8", "(1,)", &u64::MAX.to_le_bytes());
    let (index, value) = (0, u64::MAX);
    assert_eq!(error, Err(NpyError::Large { index, value }));
}

#[test]
fn damaged_headers_say_what_is_wrong() {
    let message = |header: &str| read(&file(header, &[])).unwrap_err().to_string();
    assert_eq!(read(b"PK\x03\x04"), Err(NpyError::Magic));
    assert!(message("").contains("where '{' should be"));
    assert!(message("{'descr': '<f8'}").contains("has no \"fortran_order\""));
    assert!(message("{'descr': '<f8").contains("a string without an end"));
    assert!(message("{'shape': (-1,)}").contains("which is no length"));
    assert!(message("{'shape': (99999999999999999999,)}").contains("no length"));
    assert!(message("{'fortran_order': 1}").contains("where True or False"));
    assert!(message("{'x': 1}").contains("unknown key \"x\""));
    assert!(message("{'shape': (), 'shape': ()}").contains("twice"));
    let whole = "{'descr': '|u1', 'fortran_order': False, 'shape': (0,)}";
    assert!(message(&format!("{whole} x")).contains("goes on with \"x\""));
    let axes = format!("{{'shape': ({})}}", "1,".repeat(65));
    assert!(message(&axes).contains("more than 64 axes"));
    let bomb = [MAGIC, &[2, 0], &u32::MAX.to_le_bytes()].concat();
    assert_eq!(read(&bomb), Err(NpyError::LongHeader(u32::MAX as usize)));
    let cut = &file(whole, &[])[..20];
    assert!(read(cut).unwrap_err().to_string().contains("cut short"));
}

proptest! {
    #[test]
    fn fortran_order_is_the_transpose_of_c_order(
        shape in proptest::collection::vec(1_usize..5, 1..5),
    ) {
        let count = shape.iter().product::<usize>();
        let strides: Vec<usize> = (0..shape.len())
            .map(|axis| shape[..axis].iter().product())
            .collect();
        let values: Vec<usize> = (0..count).collect();
        let found = in_c_order(&values, &shape);
        for (place, &source) in found.iter().enumerate() {
            let (mut rest, mut expected) = (place, 0);
            for axis in (0..shape.len()).rev() {
                expected += strides[axis] * (rest % shape[axis]);
                rest /= shape[axis];
            }
            prop_assert_eq!(source, expected);
        }
    }

    #[test]
    fn arbitrary_headers_and_bytes_never_panic(
        header in "[{}()',:a-z0-9<>| ]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let _ = read(&file(&header, &body));
        let _ = read(&body);
    }
}

//! The text form of values, which the agent's tests hold against what GLib prints.

use ostree_objects::limits::MAX_VARIANT_DEPTH;
use ostree_objects::{Error, ErrorKind, VariantRef};

#[test]
fn numbers_are_of_either_order_and_say_of_which_type() {
    let value = VariantRef::new("(uay)", &[1, 0, 0, 0, 5, 0]).unwrap();
    assert_eq!(value.text().to_string(), "(uint32 1, b'\\005')");
    assert_eq!(value.text().big_endian().to_string(), "(uint32 16777216, b'\\005')");
    assert_eq!(value.text().plain().to_string(), "(1, b'\\005')");
    // Inside of a variant types are always told.
    let value = VariantRef::new("v", &[7, 0, 0, 0, 0, b'u']).unwrap();
    assert_eq!(value.text().plain().to_string(), "<uint32 7>");
    let value = VariantRef::new("ay", &[]).unwrap();
    assert_eq!((value.text().to_string(), value.text().plain().to_string()), ("@ay []".into(), "[]".into()));
}

#[test]
fn the_deepest_value_that_is_read_is_printed() {
    let of_depth = |depth: usize| format!("{}y{}", "(".repeat(depth), ")".repeat(depth));
    let kind = of_depth(MAX_VARIANT_DEPTH);
    let text = VariantRef::new(&kind, &[1]).unwrap().text().to_string();
    assert_eq!(text, format!("{}byte 0x01{}", "(".repeat(MAX_VARIANT_DEPTH), ",)".repeat(MAX_VARIANT_DEPTH)));
    let deeper = VariantRef::new(&of_depth(MAX_VARIANT_DEPTH + 1), &[1]).unwrap_err();
    assert_eq!(deeper, Error { kind: ErrorKind::TypeString, offset: 0 });
    // A variant in each of as many tuples, and an array in the last.
    let (mut bytes, mut kind) = (vec![9, 9], "ay");
    for _ in 0..MAX_VARIANT_DEPTH {
        bytes.push(0);
        bytes.extend_from_slice(kind.as_bytes());
        kind = "(v)";
    }
    let text = VariantRef::new(kind, &bytes).unwrap().text().to_string();
    assert_eq!(text.matches('<').count(), MAX_VARIANT_DEPTH);
    assert!(text.contains("<[byte 0x09, 0x09]>"), "{text}");
    bytes.extend_from_slice(b"\0(v)");
    let deeper = VariantRef::new(kind, &bytes).unwrap_err();
    assert!(matches!(deeper.kind, ErrorKind::Nesting { limit: MAX_VARIANT_DEPTH }), "{deeper:?}");
    // Variants alone nest as deep as they are long.
    let mut bytes = vec![5, 0, b'y'];
    for _ in 0..100_000 {
        bytes.extend_from_slice(b"\0v");
    }
    let text = VariantRef::new("v", &bytes).unwrap().text().to_string();
    assert!(text.starts_with("<<<") && text.contains("<byte 0x05>>") && text.len() == 2 * 100_001 + 9);
}

#[test]
fn what_is_no_value_of_a_type_is_refused() {
    let refused = |kind: &str, bytes: &[u8]| VariantRef::new(kind, bytes).unwrap_err().kind;
    assert_eq!(refused("yy", &[1, 2]), ErrorKind::TypeString);
    assert_eq!(refused("z", &[1]), ErrorKind::TypeString);
    assert_eq!(refused("u", &[1, 2]), ErrorKind::FixedSize { unit: 4, actual: 2 });
    assert_eq!(refused("b", &[2]), ErrorKind::Boolean { value: 2 });
}

//! Trees: positions, aliases, merge keys and bounds.

use container_spec::compose::tree::{Node, Value};
use container_spec::compose::{ErrorKind, Position, limits, parse_yaml};

fn error(text: &str) -> (u32, u32, ErrorKind) {
    let error = parse_yaml(text, 0).unwrap_err();
    (error.at.line, error.at.column, error.kind)
}

/// The tree on one line.
fn show(node: &Node<'_>) -> String {
    match &node.value {
        Value::Scalar(text, _) => text.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Value::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}:{}", show(key), show(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
        }
    }
}

fn shown(text: &str) -> String {
    show(&parse_yaml(text, 0).unwrap())
}

#[test]
fn keeps_line_and_column_of_every_value() {
    let root = parse_yaml("a:\n  b: [x,\n   ü, z]\n", 4).unwrap();
    let list = root.get("a").unwrap().get("b").unwrap();
    let Value::List(items) = &list.value else { panic!() };
    let at = |line, column| Position { file: 4, line, column };
    assert_eq!([items[0].at, items[1].at, items[2].at], [at(2, 7), at(3, 4), at(3, 7)]);
    assert_eq!(root.entries()[0].0.at, at(1, 1));
}

#[test]
fn aliases_become_copies() {
    assert_eq!(
        shown("a: &x {b: &y [1, 2]}\nc: *x\nd: [*y, *y]\n"),
        "{a:{b:[1 2]} c:{b:[1 2]} d:[[1 2] [1 2]]}"
    );
    assert_eq!(shown("- &a x\n- {*a : 1}\n- *a\n"), "[x {x:1} x]");
    assert_eq!(shown("&k key: v\nz: *k\n"), "{key:v z:key}");
    // A name may be given again: the last one before the alias counts.
    assert_eq!(shown("[&a 1, *a, &a 2, *a]"), "[1 1 2 2]");
}

#[test]
fn merge_keys_give_way_to_own_keys_and_to_earlier_mappings() {
    assert_eq!(shown("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3, c: 4}\n"), "{x:{a:1 b:2} y:{a:1 b:3 c:4}}");
    assert_eq!(
        shown("- &x {a: 1}\n- &y {a: 2, b: 2}\n- {<<: [*x, *y], c: 3}\n"),
        "[{a:1} {a:2 b:2} {a:1 b:2 c:3}]"
    );
    // What was anchored inside is found again although its mapping was rebuilt.
    assert_eq!(
        shown("a: &a {k: 1}\nb: {c: &c [7], <<: *a, d: &d 8}\ne: [*c, *d]\n"),
        "{a:{k:1} b:{k:1 c:[7] d:8} e:[[7] 8]}"
    );
    assert_eq!(shown("{'<<': {a: 1}}"), "{<<:{a:1}}");
    assert_eq!(error("a: {<<: x}"), (1, 9, ErrorKind::BadMerge));
    assert_eq!(error("a: {<<: [{}, x]}"), (1, 14, ErrorKind::BadMerge));
}

#[test]
fn refuses_keys_that_appear_twice_or_are_no_scalars() {
    assert_eq!(error("a: 1\nb: 2\na: 3\n"), (3, 1, ErrorKind::DuplicateKey));
    let many: String = (0..20).map(|n| format!("k{n}: 1\n")).collect();
    assert_eq!(error(&format!("{many}k7: 2\nk3: 2\n")), (21, 1, ErrorKind::DuplicateKey));
    assert_eq!(error("{[a]: b}"), (1, 2, ErrorKind::BadKey));
    assert_eq!(error("? {a: b}\n: c\n"), (1, 3, ErrorKind::BadKey));
}

#[test]
fn refuses_what_is_no_single_document() {
    assert_eq!(error("a: 1\n---\nb: 2\n"), (2, 1, ErrorKind::SecondDocument));
    assert_eq!(error("a: [1\n").2, ErrorKind::Yaml);
    assert_eq!(error("a: *b\n").2, ErrorKind::Yaml);
    assert_eq!(error("a: &a [*a]\n"), (1, 8, ErrorKind::RecursiveAlias));
    assert_eq!(error("a: &a {b: {c: *a}}\n"), (1, 15, ErrorKind::RecursiveAlias));
    assert_eq!(error("a: !secret x\n").2, ErrorKind::UnknownTag);
    assert!(parse_yaml("# nothing\n", 0).unwrap().is_null());
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(shown(&nested(limits::MAX_DEPTH)), nested(limits::MAX_DEPTH));
    assert_eq!(error(&nested(limits::MAX_DEPTH + 1)), (1, 65, ErrorKind::TooDeep));
    // The parser has a bound of its own, which is reached first.
    let error_of_parser = parse_yaml(&"[".repeat(100_000), 0).unwrap_err();
    assert_eq!(
        (error_of_parser.kind, error_of_parser.subject.as_str()),
        (ErrorKind::Yaml, "recursion limit exceeded")
    );
    let by_alias =
        |depth: usize| format!("- &a {}\n- {}*a{}\n", nested(32), "[".repeat(depth), "]".repeat(depth));
    assert!(shown(&by_alias(31)).ends_with("]]"));
    assert_eq!(error(&by_alias(32)).2, ErrorKind::TooDeep);
}

#[test]
fn aliases_expand_to_a_bounded_size() {
    // Every alias counts the text and 8 bytes.
    let text = |len: usize| format!("- &a {}\n- *a\n", "x".repeat(len));
    assert!(shown(&text(limits::MAX_ALIAS_BYTES - 8)).len() > limits::MAX_ALIAS_BYTES);
    assert_eq!(error(&text(limits::MAX_ALIAS_BYTES - 7)), (2, 3, ErrorKind::AliasesTooLarge));
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..20 {
        let before = n - 1;
        bomb += &format!("a{n}: &a{n} [{}*a{before}]\n", format!("*a{before}, ").repeat(8));
    }
    assert_eq!(error(&bomb).2, ErrorKind::AliasesTooLarge);
}

#[test]
fn the_file_is_bounded() {
    let text = |len: usize| format!("#{}", "x".repeat(len - 1));
    assert!(parse_yaml(&text(limits::MAX_DOCUMENT_BYTES), 0).unwrap().is_null());
    let bytes = limits::MAX_DOCUMENT_BYTES + 1;
    assert_eq!(error(&text(bytes)), (1, 1, ErrorKind::TooLarge { bytes }));
}

#[test]
fn the_number_of_values_is_bounded() {
    let list = |values: usize| format!("[{}]", "1,".repeat(values - 1));
    assert_eq!(
        show(&parse_yaml(&list(limits::MAX_NODES), 0).unwrap()).len(),
        2 * (limits::MAX_NODES - 1) + 1
    );
    assert_eq!(error(&list(limits::MAX_NODES + 1)).2, ErrorKind::TooManyNodes);
}

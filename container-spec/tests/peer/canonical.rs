//! The canonical form against PyYAML: `safe_dump(safe_load(text))`, byte by byte.

use std::io::Write as _;
use std::process::Stdio;

use container_spec::compose::{ErrorKind, canonical};
use testkit::tools;

/// Reads JSON strings, one a line, and answers each with a JSON string, or null if PyYAML refuses it.
const SCRIPT: &str = "
import json, sys, yaml
for line in sys.stdin:
    try:
        print(json.dumps(yaml.safe_dump(yaml.safe_load(json.loads(line)))))
    except Exception as error:
        print('null')
";

/// What PyYAML makes of the texts.
fn pyyaml(texts: &[String]) -> Vec<Option<String>> {
    let mut python = tools::tool("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let lines: String = texts.iter().map(|text| serde_json::to_string(text).unwrap() + "\n").collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "python3 with PyYAML is needed: apt-get install python3-yaml");
    let answers: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), texts.len());
    answers
}

/// Returns how many texts both accept, and those that only we do.
fn compare(texts: &[String]) -> (usize, Vec<String>) {
    let mut accepted = 0;
    let mut only_ours = Vec::new();
    for (text, theirs) in texts.iter().zip(pyyaml(texts)) {
        match (canonical(text), theirs) {
            (Ok(ours), Some(theirs)) => {
                assert_eq!(ours, theirs, "of\n{text}");
                // What is canonical stays as it is.
                assert_eq!(canonical(&ours).unwrap(), ours, "again of\n{text}");
                accepted += 1;
            }
            (Err(_), None) => {}
            (Ok(_), None) => only_ours.push(text.clone()),
            (ours, theirs) => panic!("PyYAML: {theirs:?}\nours: {ours:?}\nof\n{text}"),
        }
    }
    (accepted, only_ours)
}

#[test]
fn every_feature_of_the_writer_equals_pyyaml() {
    let long = "word ".repeat(40);
    let quoted = format!("'{}'", "it''s ".repeat(40).trim());
    let double = format!("\"{}\"", "tab\\t wörd ".repeat(20));
    let texts: Vec<String> = [
        "a: 1\n", "a:\n- b\n- c: d\n  e: f\n", "[[1, [2, []]], {}, {a: {}}]", "a: [[x, y], {b: [c]}]",
        "b: 1\na: 2\nB: 3\n'10': x\n", "1: a\n2: b\n10: c\n", "1: a\nx: b\n0: c\n", "true: a\nfalse: b\n", "~: a\n",
        "1.5: a\n1: b\n", "'': a", "? 'a\n\n  b'\n: c", "yes", "x", "'yes'", "[]", "{}", "", "~", "12", "a: yes\nb: 'yes'\nc: on\nd: \"off\"",
        "a: 22:22\nb: 0777\nc: 0x1F\nd: 1_000\ne: 1e5\nf: 1.5e+10\ng: .inf\nh: .nan\ni: -0.0\nj: 1e+400\nk: 0o7\nl: 1.0e+16\nm: 123456789012345678901234567890",
        "a: 2001-12-14\nb: 2001-12-14t21:59:43.10-05:00\nc: '2001-12-14'\nd: 2001-12-15 2:59:43\n",
        "a: ''\nb: ' '\nc: 'x '\nd: \" x\"\ne: '#x'\nf: 'a #b'\ng: 'a: b'\nh: 'a:b'\ni: '- x'\nj: '-x'\nk: '? x'\nl: '?x'\nm: '!x'\nn: '&x'\no: '*x'\np: '%x'\nq: '@x'\nr: '`x'\ns: '[x'\nt: 'x]'\nu: '{x'\nv: ',x'\nw: '|'\nx: '>'\ny: '\"x'\nz: \"it's\"",
        "a: 'x'\nb: \"a\\nb\"\nc: \"a\\n\"\nd: \"\\na\"\ne: \"a\\n\\nb\"\nf: \"a \\nb\"\ng: \"a\\n b\"\nh: \"\\t\"\ni: \"a\\tb\"\nj: \"\\0\\x07\\e\\x85\\xa0\\u2028\\u2029\\ufeff\\U0001f600é\\x7f\"\nk: \"'\\n'\"\nl: \"\\r\\n\"",
        "a: |\n  line 1\n  line 2\nb: >\n  folded\n  text\n\n  more\nc: |-\n  stripped\nd: |+\n  kept\n\ne: end",
        "a: '='\nb: '<<'\nc: 'null'\nd: '~'\ne: '1'\nf: '1.5'\ng: '---'\nh: '--- x'\ni: '...'\nj: '....'\nk: '0x'\nl: '08'\nm: '1:60'\nn: '.'\no: '-'\np: '+'\nq: '-.inf'",
        "a: ! 12\nb: !!str 12\nc: !!int '12'\nd: !!float 1.5\ne: !!null ''\nf: !!bool 'yes'\ng: ! '12'\nh: !!str yes",
        "a: &x [1, 2]\nb: *x\nc: [*x, *x]\nd: &y {k: v}\ne: *y\nf: &z 1\ng: *z\n",
        "z: &a {k: &b [1]}\ny: *b\nx: *a\n", "a: &x 2001-12-14\nb: *x\n", "a: &x []\nb: *x\n", "- &a {x: 1}\n- *a\n- - &b [c]\n  - *b\n",
        "base: &base {image: x, env: &e [A]}\na: {<<: *base, image: y}\nb:\n  <<: [*base, {image: z, more: 1}]\n  own: 2\n",
        "a: {<<: {z: 1, y: 2}, x: 3}\n", "a: {'<<': 1}\n",
        "key with spaces: 1\n'key: colon': 2\n'#hash': 3\n\"multi\\nline\": 4\nüber: 5\n",
        "a: {b: {c: {d: {e: [f, {g: h}]}}}}", "- - - a\n    - b\n  - c\n- d\n", "- a: b\n  c:\n  - d\n  - e: f\n", "a:\nb:\n- \n- c\n",
        "version: \"2.4\"\nservices:\n  web:\n    image: \"x@sha256:00\"\n    command: [\"a\", 'b']\n    ports: [\"80:80\", 8080:80]\n    environment: {A: '1', B: 1, C: , D: true}\n",
        "a: 1\na: 2\n", "a: [\n", "a: *b\n", "!x a\n", "a: !reset b\n", "a: !!binary aGk=\n", "a: 2001-99-99\n", "{? [a] : b}\n", "a: b: c\n", "\ta: b\n", "%YAML 1.1\n---\na: b\n", "--- a\n--- b\n",
    ]
    .into_iter()
    .map(String::from)
    .chain([
        format!("a: {long}x\nb: {quoted}\nc: {double}\nd: [{long}x]\n'{long}': e\n"),
        format!("a: {}\n", "x".repeat(200)),
        format!("a: \"{}\"\n", "é".repeat(100)),
        format!("a: \"{}\"\n", "é ".repeat(60)),
        format!("a: '{}'\n", "x  y ".repeat(30).trim()),
        format!("a: \"{}\"\n", "line one is rather long, longer than a line may be, and folded\\n\\n".repeat(3)),
        format!("{}: a\n{}: b\n", "k".repeat(122), "l".repeat(123)),
        format!("{}: a\n", "9".repeat(122)),
        format!("a:\n  b:\n    c:\n    - {long}x\n    - d: {long}y\n"),
    ])
    // Divergences, all refusals: a key twice, binary values.
    .filter(|text| !["a: 1\na: 2\n", "a: !!binary aGk=\n"].contains(&text.as_str()))
    .collect();
    let (accepted, only_ours) = compare(&texts);
    assert!(accepted > 45);
    // A tab before a key is white space in YAML 1.2.
    assert_eq!(only_ours, ["\ta: b\n"]);
    assert_eq!(canonical("a: 1\na: 2\n").unwrap_err().kind, ErrorKind::DuplicateKey);
    assert_eq!(canonical("a: !!binary aGk=\n").unwrap_err().kind, ErrorKind::UnknownTag);
}

#[test]
fn refuses_the_characters_that_pyyaml_refuses() {
    let characters = ('\0'..='\u{3ff}').chain('\u{2000}'..='\u{20ff}').chain('\u{d700}'..='\u{1001f}');
    let texts: Vec<String> = characters.map(|c| format!("- \"a{c}b\"\n")).collect();
    let mut only_theirs = Vec::new();
    for (text, theirs) in texts.iter().zip(pyyaml(&texts)) {
        match (canonical(text), theirs) {
            (Ok(ours), Some(theirs)) => assert_eq!(ours, theirs, "of {text:?}"),
            (Err(_), None) => {}
            (Err(_), Some(_)) => only_theirs.extend(text.chars().nth(4)),
            (Ok(ours), None) => panic!("only ours: {ours:?} of {text:?}"),
        }
    }
    // Line breaks of YAML 1.1, which YAML 1.2 does not have.
    assert_eq!(only_theirs, ['\u{85}', '\u{2028}', '\u{2029}']);
}

/// A small generator, so that a failure can be repeated.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(super) fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const WORDS: &[&str] = &[
    "a",
    "image",
    "0",
    "12",
    "1.5",
    "yes",
    "no",
    "null",
    "~",
    "x:y",
    "- x",
    "it's",
    "\"q\"",
    "#",
    "a #b",
    "é",
    "😀",
    " lead",
    "trail ",
    "tab\t",
    "line\nbreak",
    "\n",
    "\nx",
    "x\n",
    "a\n\nb",
    "a \n b",
    "22:22",
    "0x1f",
    "017",
    "1e3",
    "2001-01-01",
    "",
    "[x",
    "{",
    "*a",
    "&a",
    "!t",
    "%",
    "@",
    "`",
    "|",
    ">",
    "?",
    ":",
    "-",
    "=",
    "<<",
    "...",
    "---",
    "$VAR",
    "${A:-b}",
    "torizon/weston:3",
    "c 226:* rmw",
    "/dev:/dev:ro",
    "sh -c 'exec \"$0\"'",
    "a rather long sentence that does not fit into eighty columns once it is repeated or nested",
    "without_any_space_but_longer_than_eighty_columns_which_cannot_be_folded_at_all_xxxxxxxxxxxxxxxxxxxx",
    "\u{a0}",
    "\\",
    "\u{7f}",
];

/// JSON, which is YAML, with the keys of a mapping all different.
fn generate(random: &mut Random, depth: usize) -> serde_json::Value {
    match random.below(if depth == 0 { 5 } else { 9 }) {
        0 => serde_json::Value::Null,
        1 => (random.below(2) == 0).into(),
        2 => (random.below(100_000)).into(),
        3 | 4 => text(random).into(),
        5 | 6 => (0..random.below(5)).map(|_| generate(random, depth - 1)).collect(),
        _ => {
            let entries = (0..random.below(6)).map(|_| (text(random), generate(random, depth - 1)));
            entries.collect::<serde_json::Map<_, _>>().into()
        }
    }
}

fn text(random: &mut Random) -> String {
    (0..=random.below(4))
        .map(|_| random.pick(WORDS))
        .collect::<Vec<_>>()
        .join(random.pick(&["", " ", " ", "-"]))
}

#[test]
fn what_is_in_brackets_left_of_their_key_is_refused_with_help_where_pyyaml_takes_it() {
    // YAML 1.2.2, section 7.4: flow content is indented further than the block it is in (case 9C9N of the test suite).
    // The parser lets a closing bracket stand below its key, as everybody writes it.
    let word = container_spec::compose::Word::new;
    let refused = [
        ("a: [\n]\n", 2, 1, "]"),
        ("a: [\n1,\n2\n]\n", 2, 1, "1,"),
        ("a:\n  b: [\n    1\n ]\n  c: 1\n", 4, 2, "]"),
        ("a:\n  b: {\n    x: 1\n} # end\n", 4, 1, "}"),
        ("a:\n  b: [\n  1,\n  2]\n", 3, 3, "1,"),
        ("a:\n  - b: [\n      1\n   ]\n", 4, 4, "]"),
        ("- ä: [\n  ]\n", 2, 3, "]"),
    ];
    let texts: Vec<String> = refused.iter().map(|(text, ..)| (*text).to_owned()).collect();
    assert!(pyyaml(&texts).iter().all(Option::is_some));
    for (text, line, column, subject) in refused {
        let error = canonical(text).unwrap_err();
        let found = (error.at.line, error.at.column, error.kind, error.subject);
        assert_eq!(found, (line, column, ErrorKind::FlowIndentation, word(subject)), "{text}");
        assert!(
            error
                .to_string()
                .ends_with("must be indented further than the key before them, the closing one as well")
        );
    }
    let taken = ["a: [\n  1\n]\n", "a:\n  b: [\n    1,\n  ]\n  c: {\n    d: 1\n  }\n", "- [\n  1\n]\n"]
        .map(str::to_owned);
    assert_eq!(compare(&taken), (taken.len(), vec![]));
}

#[test]
fn generated_documents_equal_pyyaml() {
    let mut random = Random(0x5eed);
    // JSON may have DEL as it is, YAML only escaped: see `refuses_the_characters_that_pyyaml_refuses`.
    let yaml = |value: serde_json::Value| value.to_string().replace('\u{7f}', "\\u007f");
    let texts: Vec<String> = (0..1500).map(|_| yaml(generate(&mut random, 5))).collect();
    assert!(texts.iter().any(|text| text.contains("\\u007f")));
    assert_eq!(compare(&texts), (texts.len(), vec![]));
}

#[test]
fn numbers_of_all_kinds_are_sorted_and_told_apart_as_keys_like_in_python() {
    let mut random = Random(0xf10a7);
    let parts = [
        "0",
        "1",
        "-1",
        "2.5",
        "-2.5",
        "1.0",
        "-0.0",
        "true",
        "false",
        "4294967296",
        "4294967296.5",
        "9007199254740993",
        "9007199254740992.0",
        "-9007199254740993",
        "1.0e+300",
        "-1.0e+300",
        "5.0e-324",
        "1.0e+20",
        "100000000000000000000",
        "100000000000000000001",
        ".inf",
        "-.inf",
        "170141183460469231731687303715884105727",
        "1.7014118346046923e+38",
        "0.5",
        "3000000000",
        "3000000000.25",
        "-3000000000",
    ];
    let mut mixed = 0;
    let texts: Vec<String> = (0..1500)
        .map(|_| {
            let keys: std::collections::BTreeSet<&str> =
                (0..=random.below(12)).map(|_| random.pick(&parts)).collect();
            let mut keys: Vec<&str> = keys.into_iter().collect();
            for index in (1..keys.len()).rev() {
                keys.swap(index, random.below(index + 1));
            }
            keys.iter().map(|key| format!("{key}: x\n")).collect()
        })
        .collect();
    for (text, theirs) in texts.iter().zip(pyyaml(&texts)) {
        let theirs = theirs.unwrap();
        match canonical(text) {
            Ok(ours) => {
                assert_eq!(ours, theirs, "of\n{text}");
                mixed += 1;
            }
            // One of them is lost in Python's dictionary.
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::DuplicateKey, "{text}");
                assert!(theirs.lines().count() < text.lines().count(), "{text}");
            }
        }
    }
    assert!(mixed > 500, "{mixed}");
    for text in
        ["{null: a, ~: b}", "{1: a, 2: b, 1.0: c}", "{2001-01-01 00:00:00: a, x: b, 2001-01-01T00:00:00: c}"]
    {
        assert_eq!(canonical(text).map_err(|error| error.kind), Err(ErrorKind::DuplicateKey), "{text}");
    }
}

#[test]
fn generated_plain_scalars_equal_pyyaml() {
    // Numbers, dates, truth values and what only looks like them.
    let mut random = Random(0xda7e);
    let parts = [
        "0",
        "1",
        "7",
        "9",
        "12",
        "59",
        "60",
        "_",
        ".",
        ":",
        "-",
        "+",
        "e",
        "e+",
        "E-",
        "x",
        "0x",
        "0b",
        "0o",
        "f",
        "t",
        " ",
        "T",
        "Z",
        "inf",
        "2001",
        "2024-02-29",
        ":30",
        ".inf",
        "yes",
        "On",
        "null",
    ];
    let texts: Vec<String> = (0..4000)
        .map(|_| (0..=random.below(6)).map(|_| random.pick(&parts)).collect::<String>())
        .map(|scalar| format!("- {}\n- end\n", scalar.trim()))
        .collect();
    let (accepted, only_ours) = compare(&texts);
    assert!(accepted > 3500, "{accepted}");
    // An entry without key and value is a mapping in YAML 1.2.
    assert_eq!(only_ours, ["- :\n- end\n"].repeat(24));
}

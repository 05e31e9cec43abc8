//! Random JSON documents, the same ones in each run: members out of order, escapes and white space as they fall.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// A character and whether it is written as an escape although it need not be.
type Character = (char, bool);

#[derive(Clone, Debug)]
enum Json {
    Word(&'static str),
    Integer(String),
    Text(Vec<Character>),
    List(Vec<Json>),
    Object(Vec<(Vec<Character>, Json)>),
}

/// `count` documents of one line each, none with a repeated key.
pub(crate) fn random(count: usize) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let strategy = document();
    (0..count)
        .map(|_| {
            let mut text = String::new();
            strategy.new_tree(&mut runner).unwrap().current().write(&mut text);
            text
        })
        .collect()
}

fn document() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(Json::Word),
        any::<i64>().prop_map(|number| Json::Integer(number.to_string())),
        any::<u64>().prop_map(|number| Json::Integer(number.to_string())),
        Just(Json::Integer("-0".to_owned())),
        text().prop_map(Json::Text),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::List),
            prop::collection::vec((text(), inner), 0..8).prop_map(|mut members| {
                let mut seen = std::collections::BTreeSet::new();
                members.retain(|(key, _)| seen.insert(plain(key)));
                Json::Object(members)
            }),
        ]
    })
}

fn text() -> impl Strategy<Value = Vec<Character>> {
    let character = prop_oneof![
        4 => prop::char::range('a', 'e'),
        2 => prop::char::range(' ', '~'),
        1 => prop::char::range('\u{0}', '\u{1f}'),
        1 => prop::sample::select(vec!['"', '\\', '/', '\u{7f}', '\u{80}', 'é', '日', '\u{ffff}', '😀']),
    ];
    prop::collection::vec((character, prop::bool::weighted(0.2)), 0..6)
}

fn plain(text: &[Character]) -> String {
    text.iter().map(|(character, _)| character).collect()
}

impl Json {
    fn write(&self, out: &mut String) {
        match self {
            Self::Word(word) => out.push_str(word),
            Self::Integer(digits) => out.push_str(digits),
            Self::Text(text) => write_text(text, out),
            Self::List(elements) => {
                out.push_str("[ ");
                for (place, element) in elements.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { " ,\t" });
                    element.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (place, (key, value)) in members.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { ", " });
                    write_text(key, out);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push_str(" }");
            }
        }
    }
}

fn write_text(text: &[Character], out: &mut String) {
    out.push('"');
    for &(character, escaped) in text {
        if escaped || character < ' ' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04X}"));
            }
        } else if character == '"' || character == '\\' {
            out.push('\\');
            out.push(character);
        } else {
            out.push(character);
        }
    }
    out.push('"');
}

//! Canonical JSON, the form over which signatures and hashes are made.
//!
//! Two incompatible forms are in use. OLPC canonical JSON (TUF 1.0 clause 4.2, securesystemslib) escapes only
//! `"` and `\` and leaves every other character as it is, line feeds included. The "JSON subset" of aktualizr and
//! ota-tuf is ordinary compact JSON with sorted keys, so the line feeds of a PEM key stay `\n`. A document
//! without control characters has the same bytes in both.
//!
//! The writer never recurses and copies nothing: objects whose members are in order are written as they stand,
//! others through an index of their members that the caller owns ([`MemberIndex`]).

mod index;
mod sink;

pub use index::{MemberIndex, Slot};
pub use sink::{Length, Sink};

use crate::json::{JsonError, JsonErrorKind, JsonStr, Kind, MAX_DEPTH, Value};

/// A canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// OLPC canonical JSON.
    Olpc,
    /// The JSON subset, characters beyond ASCII as they are (ota-tuf).
    JsonSubset,
    /// The JSON subset, characters beyond ASCII as `\uxxxx` (aktualizr, through jsoncpp).
    JsonSubsetAscii,
}

/// Writes the canonical form of `value` into `sink`.
///
/// # Errors
/// A repeated key anywhere, or more members out of order than `index` holds.
pub fn write<I: MemberIndex, S: Sink>(
    value: Value<'_>,
    form: Form,
    index: &mut I,
    sink: &mut S,
) -> Result<(), JsonError> {
    // Without optimisation a call of `new` would put a second copy on the small stack of an ECU, and one function
    // for both steps what both of them move about.
    let mut stack = const { Stack::new() };
    let mut current = Some(value);
    loop {
        if let Some(value) = current.take() {
            open(value, form, &mut stack, index, sink)?;
        }
        if stack.is_empty() {
            return Ok(());
        }
        current = go_on(value, form, &mut stack, index, sink);
    }
}

type Stack = heapless::Vec<Frame, MAX_DEPTH>;

/// Writes a value, or the beginning of one that has others inside.
fn open<I: MemberIndex, S: Sink>(
    value: Value<'_>,
    form: Form,
    stack: &mut Stack,
    index: &mut I,
    sink: &mut S,
) -> Result<(), JsonError> {
    match value.kind() {
        Kind::Object | Kind::Array if value.is_plain() => sink.write(value.raw()),
        Kind::Object | Kind::Array => {
            let frame = Frame::open(value, index)?;
            sink.write(frame.brackets().0);
            // The scanner refused what nests deeper than the stack.
            stack.push(frame).map_err(|_| value.error(JsonErrorKind::TooDeep))?;
        }
        Kind::String => write_string(value.string()?, form, sink),
        Kind::Integer if value.raw() == b"-0" => sink.write(b"0"),
        Kind::Integer | Kind::Bool | Kind::Null => sink.write(value.raw()),
    }
    Ok(())
}

/// Writes what stands before the next value inside the innermost object or array, or its end if there is none.
fn go_on<'a, I: MemberIndex, S: Sink>(
    document: Value<'a>,
    form: Form,
    stack: &mut Stack,
    index: &mut I,
    sink: &mut S,
) -> Option<Value<'a>> {
    let frame = stack.last_mut()?;
    if let Some((key, element)) = frame.next(document, index) {
        if !core::mem::replace(&mut frame.first, false) {
            sink.write(b",");
        }
        if let Some(key) = key {
            write_string(key, form, sink);
            sink.write(b":");
        }
        return Some(element);
    }
    sink.write(frame.brackets().1);
    frame.close(index);
    stack.pop();
    None
}

/// An open object or array, by offsets alone: there are [`MAX_DEPTH`] of them on the stack.
struct Frame {
    start: usize,
    end: usize,
    first: bool,
    rest: Rest,
}

enum Rest {
    /// Elements from this offset on.
    Elements { at: usize },
    /// Members from this offset on.
    InOrder { at: usize },
    /// Members `next..end` of the index; those before `begin` belong to outer objects.
    Indexed { begin: usize, next: usize, end: usize },
}

impl Frame {
    fn open<I: MemberIndex>(value: Value<'_>, index: &mut I) -> Result<Self, JsonError> {
        let (start, end, inside) = (value.offset(), value.end(), value.offset() + 1);
        let rest = if value.kind() == Kind::Array {
            Rest::Elements { at: inside }
        } else if in_order(value)? {
            Rest::InOrder { at: inside }
        } else {
            index::fill(value, index)?
        };
        Ok(Self { start, end, first: true, rest })
    }

    fn next<'a, I: MemberIndex>(
        &mut self,
        document: Value<'a>,
        index: &I,
    ) -> Option<(Option<JsonStr<'a>>, Value<'a>)> {
        let value = document.at(self.start, self.end);
        match &mut self.rest {
            Rest::Elements { at } => {
                let element = value.element_from(*at)?;
                *at = element.end();
                Some((None, element))
            }
            Rest::InOrder { at } => {
                let key = value.element_from(*at)?;
                let member = value.element_from(key.end())?;
                *at = member.end();
                Some((Some(key.string().ok()?), member))
            }
            Rest::Indexed { next, end, .. } => {
                let slot = (*next < *end).then(|| index.slots().get(*next)).flatten()?;
                *next += 1;
                let (key, value) = slot.member(value)?;
                Some((Some(key), value))
            }
        }
    }

    fn close<I: MemberIndex>(&self, index: &mut I) {
        if let Rest::Indexed { begin, .. } = self.rest {
            index.truncate(begin);
        }
    }

    fn brackets(&self) -> (&'static [u8], &'static [u8]) {
        match self.rest {
            Rest::Elements { .. } => (b"[", b"]"),
            _ => (b"{", b"}"),
        }
    }
}

/// Whether the members come in strictly increasing order; a repeated neighbour is refused at once.
fn in_order(value: Value<'_>) -> Result<bool, JsonError> {
    let mut last: Option<JsonStr<'_>> = None;
    for (key, member) in value.members()? {
        match last.map(|last| last.order(key)) {
            Some(core::cmp::Ordering::Greater) => return Ok(false),
            Some(core::cmp::Ordering::Equal) => return Err(member.error(JsonErrorKind::DuplicateKey)),
            _ => last = Some(key),
        }
    }
    Ok(true)
}

fn write_string<S: Sink>(text: JsonStr<'_>, form: Form, sink: &mut S) {
    sink.write(b"\"");
    match text.plain() {
        Some(plain) if form != Form::JsonSubsetAscii || plain.is_ascii() => sink.write(plain.as_bytes()),
        _ => text.chars().for_each(|character| write_char(character, form, sink)),
    }
    sink.write(b"\"");
}

fn write_char<S: Sink>(character: char, form: Form, sink: &mut S) {
    match character {
        '"' => sink.write(b"\\\""),
        '\\' => sink.write(b"\\\\"),
        _ if form == Form::Olpc => write_utf8(character, sink),
        '\u{8}' => sink.write(b"\\b"),
        '\u{c}' => sink.write(b"\\f"),
        '\n' => sink.write(b"\\n"),
        '\r' => sink.write(b"\\r"),
        '\t' => sink.write(b"\\t"),
        control if control < ' ' => write_units(control, sink),
        other if !other.is_ascii() && form == Form::JsonSubsetAscii => write_units(other, sink),
        other => write_utf8(other, sink),
    }
}

fn write_utf8<S: Sink>(character: char, sink: &mut S) {
    sink.write(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn write_units<S: Sink>(character: char, sink: &mut S) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        let mut escape = *b"\\u0000";
        let [high, low] = unit.to_be_bytes();
        let digits = [high >> 4, high & 15, low >> 4, low & 15];
        for (place, digit) in escape.iter_mut().skip(2).zip(digits) {
            *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        }
        sink.write(&escape);
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use alloc::{string::String, vec::Vec};

    fn canonical(text: &str, form: Form) -> String {
        let mut out = Vec::new();
        write(json::parse(text.as_bytes()).unwrap(), form, &mut Vec::new(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    const INPUT: &str = r#" {"b":"nl\nq\"s\\\/ \u0001\u007f é 日 😀 <&>", "a":2 ,"h":18446744073709551615,"i":-0,
        "A":true,"l":[3,{"z":1,"y":null}],"_type":null}"#;

    /// Recorded from jsoncpp 1.9.5, `StreamWriterBuilder` with `indentation` empty, as aktualizr sets it.
    #[test]
    fn the_ascii_subset_is_what_jsoncpp_writes() {
        assert_eq!(
            canonical(INPUT, Form::JsonSubsetAscii),
            "{\"A\":true,\"_type\":null,\"a\":2,\"b\":\"nl\\nq\\\"s\\\\/ \\u0001\u{7f} \\u00e9 \\u65e5 \\ud83d\\ude00 <&>\",\
             \"h\":18446744073709551615,\"i\":0,\"l\":[3,{\"y\":null,\"z\":1}]}"
        );
    }

    #[test]
    fn olpc_leaves_control_characters_as_they_are() {
        assert_eq!(canonical(r#"["a\n\t\"\\é"]"#, Form::Olpc), "[\"a\n\t\\\"\\\\é\"]");
        assert_eq!(canonical(r#"["a\n\t\"\\é"]"#, Form::JsonSubset), "[\"a\\n\\t\\\"\\\\é\"]");
    }

    #[test]
    fn members_are_sorted_by_code_point_at_every_depth() {
        let text = r#"{"é":1,"z":{"b":1,"a":{"d":1,"c":2}},"\u0061":3,"Z":4}"#;
        assert_eq!(canonical(text, Form::JsonSubset), r#"{"Z":4,"a":3,"z":{"a":{"c":2,"d":1},"b":1},"é":1}"#);
    }

    #[test]
    fn canonical_input_comes_out_as_it_went_in() {
        let text = r#"{"a":[1,2,{}],"b":{"c":"d"}}"#;
        assert_eq!(canonical(text, Form::Olpc), text);
        assert_eq!(canonical(text, Form::JsonSubset), text);
    }

    #[test]
    fn a_repeated_key_is_refused_wherever_it_stands() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":1,"b":2,"a":3}"#, r#"[{"b":1,"a":{"x":1,"\u0078":1}}]"#] {
            let error =
                write(json::parse(text.as_bytes()).unwrap(), Form::Olpc, &mut Vec::new(), &mut Vec::new());
            assert_eq!(error.unwrap_err().kind, JsonErrorKind::DuplicateKey, "{text}");
        }
    }

    #[test]
    fn a_bounded_index_holds_its_number_of_members_and_no_more() {
        let value = json::parse(br#"{"c":1,"b":2,"a":3}"#).unwrap();
        let mut length = Length::default();
        write(value, Form::Olpc, &mut heapless::Vec::<Slot, 3>::new(), &mut length).unwrap();
        assert_eq!(length.bytes(), 19);
        let error = write(value, Form::Olpc, &mut heapless::Vec::<Slot, 2>::new(), &mut length).unwrap_err();
        assert_eq!(error.kind, JsonErrorKind::IndexFull(2));
    }
}

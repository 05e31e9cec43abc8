//! Patterns of names: TUF's `PATHPATTERN` (clause 4.5: "shell-style wildcards … the Unix filename pattern matching
//! convention"), as python-tuf reads it, and what aktualizr hands to fnmatch(3).

use crate::json::{Chars, JsonStr};

/// Most characters between the brackets of a set: with more, the bracket stands for itself. Looking for the end of a
/// set costs as much again for each `[`.
pub const MAX_SET_CHARS: usize = 255;

/// Whether `target` fits `pattern`, in which `*` stands for any characters, `?` for one, and `[…]` for one of a set:
/// of characters and ranges, without them after `!`. A bracket that is not closed stands for itself.
///
/// In TUF none of them stands for `/`. If they do (`crosses`), it is as fnmatch(3) without flags, which aktualizr
/// calls: `\` takes the meaning from the character behind it, and `^` begins a set as `!` does. Named classes such as
/// `[:alpha:]` are not known.
pub(crate) fn path_matches(pattern: JsonStr<'_>, target: &str, crosses: bool) -> bool {
    let mut pattern = Pieces { rest: pattern.chars(), crosses };
    let mut target = target.chars();
    // Where to go on if what follows the last star does not fit. A star that does not cross `/` is settled by
    // the next `/`, and one that does is settled by the next star: one such place is enough, and no recursion.
    let mut star: Option<(Pieces<'_>, core::str::Chars<'_>)> = None;
    loop {
        let before = target.clone();
        match (pattern.next(), target.next()) {
            (None, None) => return true,
            (Some(Piece::Star), _) => {
                target = before.clone();
                star = Some((pattern.clone(), before));
                continue;
            }
            (Some(piece), Some(other)) if piece.fits(other, crosses) => continue,
            _ => {}
        }
        let Some((after, mut from)) = star else { return false };
        match from.next() {
            Some(skipped) if crosses || skipped != '/' => {
                (pattern, target) = (after.clone(), from.clone());
                star = Some((after, from));
            }
            _ => return false,
        }
    }
}

enum Piece<'a> {
    Star,
    Any,
    Set(Set<'a>),
    One(char),
    /// A `\` at the end, which fnmatch(3) lets fit nothing.
    Nothing,
}

impl Piece<'_> {
    fn fits(&self, other: char, crosses: bool) -> bool {
        match self {
            Self::Star | Self::Nothing => false,
            Self::Any => crosses || other != '/',
            Self::Set(set) => (crosses || other != '/') && set.has(other),
            Self::One(same) => *same == other,
        }
    }
}

/// A pattern, or what is left of it.
#[derive(Clone)]
struct Pieces<'a> {
    rest: Chars<'a>,
    crosses: bool,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        Some(match self.rest.next()? {
            '*' => Piece::Star,
            '?' => Piece::Any,
            '\\' if self.crosses => self.rest.next().map_or(Piece::Nothing, Piece::One),
            '[' => match Set::parse(self) {
                Some(set) => Piece::Set(set),
                None => Piece::One('['),
            },
            other => Piece::One(other),
        })
    }
}

/// The set behind a `[`.
struct Set<'a> {
    negated: bool,
    members: Members<'a>,
}

impl<'a> Set<'a> {
    /// Moves `pieces` behind the set; `None`, and does not, if the set has no end.
    fn parse(pieces: &mut Pieces<'a>) -> Option<Self> {
        let crosses = pieces.crosses;
        let mut inner = pieces.rest.clone();
        let negated = inner.clone().next().is_some_and(|first| first == '!' || crosses && first == '^');
        if negated {
            inner.next();
        }
        let members = Members { rest: inner, crosses, first: true };
        let mut until = members.clone();
        let mut closed = false;
        for _ in 0..=MAX_SET_CHARS {
            match until.character()? {
                Character::End => {
                    closed = true;
                    break;
                }
                // The parts of a path are matched one by one: no set goes on in the next.
                Character::Plain('/') if !crosses => return None,
                Character::Plain(_) => {}
            }
        }
        if !closed {
            return None;
        }
        pieces.rest = until.rest;
        Some(Self { negated, members })
    }

    fn has(&self, other: char) -> bool {
        let mut members = self.members.clone();
        let mut found = false;
        while let Some(Character::Plain(from)) = members.character() {
            found |= match members.range_end() {
                Some(to) => (from..=to).contains(&other),
                None => from == other,
            };
        }
        found != self.negated
    }
}

enum Character {
    Plain(char),
    /// The `]` that closes the set.
    End,
}

/// The characters of a set, up to its end.
#[derive(Clone)]
struct Members<'a> {
    rest: Chars<'a>,
    crosses: bool,
    /// A `]` in the first place is a member.
    first: bool,
}

impl Members<'_> {
    fn character(&mut self) -> Option<Character> {
        let first = core::mem::replace(&mut self.first, false);
        Some(match self.rest.next()? {
            ']' if !first => Character::End,
            '\\' if self.crosses => Character::Plain(self.rest.next()?),
            other => Character::Plain(other),
        })
    }

    /// The end of the range that the last character begins, if a `-` and another character follow.
    fn range_end(&mut self) -> Option<char> {
        let mut ahead = self.clone();
        ahead.rest.next().filter(|&dash| dash == '-')?;
        let Some(Character::Plain(to)) = ahead.character() else { return None };
        *self = ahead;
        Some(to)
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use crate::json::parse;
    use alloc::format;

    fn fits(pattern: &str, target: &str) -> [bool; 2] {
        let text = format!("\"{}\"", pattern.replace('\\', "\\\\"));
        let pattern = parse(text.as_bytes()).unwrap().string().unwrap();
        [false, true].map(|crosses| path_matches(pattern, target, crosses))
    }

    #[test]
    fn star_and_question_mark_cross_a_slash_for_aktualizr_only() {
        for (pattern, target, expected) in [
            ("file.txt", "file.txt", [true, true]),
            ("file.txt", "file.txt2", [false, false]),
            ("*", "file.txt", [true, true]),
            ("*", "", [true, true]),
            ("*", "a/b", [false, true]),
            ("*/*", "a/b", [true, true]),
            ("*/*", "a/b/c", [false, true]),
            ("a?b", "a/b", [false, true]),
            ("a?b", "axb", [true, true]),
            ("a?", "a", [false, false]),
            ("?", "é", [true, true]),
            ("releases/*/*.zip", "releases/x/a.zip.zip", [true, true]),
            ("releases/*/*.zip", "releases/x/y/a.zip", [false, true]),
            ("*a*b/c*", "xaxab/cd", [true, true]),
            ("*a/*b", "xa/ya/zb", [false, true]),
            ("**", "ab", [true, true]),
            ("a*", "b", [false, false]),
        ] {
            assert_eq!(fits(pattern, target), expected, "{pattern} {target}");
        }
    }

    /// What Python's `fnmatch.fnmatchcase` says of each part of the path, and glibc's `fnmatch` of the whole.
    #[test]
    fn sets_of_characters_are_those_of_python_and_of_glibc() {
        for (pattern, target, expected) in SETS {
            assert_eq!(fits(pattern, target), expected, "{pattern} {target}");
        }
    }

    const SETS: [(&str, &str, [bool; 2]); 45] = [
        ("[ab]", "a", [true, true]),
        ("[ab]", "c", [false, false]),
        ("[ab]", "[ab]", [false, false]),
        ("[!ab]", "c", [true, true]),
        ("[!ab]", "a", [false, false]),
        ("[^ab]", "c", [false, true]),
        ("[^ab]", "^", [true, true]),
        ("[a-c]x", "bx", [true, true]),
        ("[a-c]x", "dx", [false, false]),
        ("[c-a]", "b", [false, false]),
        ("[c-a]", "c", [false, false]),
        ("[a-]", "-", [true, true]),
        ("[-a]", "-", [true, true]),
        ("[a-c-e]", "-", [true, true]),
        ("[a-c-e]", "d", [false, false]),
        ("[a-c-e]", "e", [true, true]),
        ("[--/]", ".", [false, true]),
        ("[]a]", "]", [true, true]),
        ("[]a]", "a", [true, true]),
        ("[!]a]", "b", [true, true]),
        ("[!]a]", "]", [false, false]),
        ("[]", "[]", [true, true]),
        ("[!]", "[!]", [true, true]),
        ("[", "[", [true, true]),
        ("a[b", "a[b", [true, true]),
        ("[a/b]", "a", [false, true]),
        ("[a/b]", "[a/b]", [true, false]),
        ("[a/b]", "/", [false, true]),
        ("a[!x]b", "a/b", [false, true]),
        ("a[.-0]b", "a/b", [false, true]),
        ("[[]", "[", [true, true]),
        ("[[]x]", "[x]", [true, true]),
        ("*[0-9].bin", "v1.2.bin", [true, true]),
        ("*[0-9].bin", "v1.x.bin", [false, false]),
        ("[a-c]*/[!d]?", "bob/ee", [true, true]),
        ("\\*", "*", [false, true]),
        ("\\*", "\\x", [true, false]),
        ("[\\]]", "]", [false, true]),
        ("[\\]]", "\\]", [true, false]),
        ("a\\", "a", [false, false]),
        ("a\\", "a\\", [true, false]),
        ("[é-ü]", "ö", [true, true]),
        ("[!é]", "x", [true, true]),
        ("[a\\-c]", "b", [true, false]),
        ("[a\\-c]", "-", [false, true]),
    ];

    #[test]
    fn a_set_of_more_characters_than_the_limit_is_none() {
        for (count, found) in [(MAX_SET_CHARS, true), (MAX_SET_CHARS + 1, false)] {
            let pattern = format!("[{}]", "a".repeat(count));
            assert_eq!(fits(&pattern, "a"), [found; 2], "{count}");
            assert_eq!(fits(&pattern, &pattern), [!found; 2], "{count}");
        }
    }

    #[test]
    fn stars_without_end_take_no_exponential_time() {
        for (piece, last) in [("*a", "b"), ("*[a-c]", "d")] {
            let (pattern, target) = (piece.repeat(500), "a".repeat(499) + last);
            assert_eq!(fits(&pattern, &target), [false, false]);
        }
    }
}
